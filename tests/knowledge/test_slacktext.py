import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.slacktext import plain_text, reaction_name

USERS = {"U1": "Bob Miller"}
CHANNELS = {"C1": "general"}


@pytest.mark.parametrize(
    ("marked_up", "read"),
    [
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("type &amp;lt; for a &lt;", "type &lt; for a <"),
        ("<@U1> can you look?", "@Bob Miller can you look?"),
        ("<@U1|bobby> hi", "@Bob Miller hi"),
        ("<@U2|ann> hi", "@ann hi"),
        ("<@U9> hi", "@U9 hi"),
        ("see <#C1|old-name>", "see #old-name"),
        ("see <#C1>", "see #general"),
        ("see <#C1|>", "see #general"),
        ("see <#C9>", "see #C9"),
        ("<!here> down", "@here down"),
        ("<!channel> <!everyone>", "@channel @everyone"),
        ("<!subteam^S1|@oncall> help", "@oncall help"),
        ("<!subteam^S1> help", "@S1 help"),
        ("at <!date^1392734382^{date}|Feb 18, 2014>", "at Feb 18, 2014"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("<https://a.example/x?a=1&amp;b=2|the runbook>", "the runbook (https://a.example/x?a=1&b=2)"),
        ("<https://a.example/|a.example>", "https://a.example/"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("`curl <http://host.example|host.example>/x`", "`curl host.example/x`"),
        ("```\ncurl <http://host.example>\n```", "```\ncurl http://host.example\n```"),
        ("&gt; quoted\nand *bold*", "> quoted\nand *bold*"),
        ("<|odd> <@> <#> <!>", "<|odd> @ # @"),
        ("", ""),
    ],
)
def test_slack_markup_reads_as_people_see_it(marked_up: str, read: str) -> None:
    assert plain_text(marked_up, USERS, CHANNELS) == read


@given(st.text())
def test_whatever_a_person_types_comes_back_as_typed(typed: str) -> None:
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    assert plain_text(escaped, USERS, CHANNELS) == typed


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("+1::skin-tone-3", "+1"),
        ("thumbsup", "+1"),
        (":thumbsdown:", "-1"),
        ("👍", "+1"),
        ("✅", "white_check_mark"),
        ("white_check_mark", "white_check_mark"),
        ("party_parrot", "party_parrot"),
    ],
)
def test_a_reaction_has_one_name(name: str, plain: str) -> None:
    assert reaction_name(name) == plain

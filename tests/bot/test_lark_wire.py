"""Lark's payloads as events, and answers as cards: pure, so a table of cases each."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import lark_cards as cards
from bot.adapters import lark_wire as wire
from bot.adapters.acts import Buttons, Draft, Edit, Post, Question, Say, Show, Whisper
from bot.adapters.events import (
    Channel,
    ChannelKind,
    Commanded,
    Deleted,
    Heard,
    Ignored,
    Judged,
    Pressed,
    Reacted,
    Voted,
)
from bot.adapters.lark_markup import lark_safe
from bot.answerer import Citation, Line, Suggestion
from bot.card import Button, Card, Group, Piece, Row, Verb, row
from knowledge.entry import EntryKind
from knowledge.thread import Role
from tests.local_lark.cards import problems, text_of, walk

ME = wire.Me(app="cli_1", open_id="ou_bot", name="Earshot", applinks="https://applink.feishu.cn")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MENTIONS = [
    {"key": "@_user_1", "id": {"open_id": "ou_bot"}, "name": "Earshot Support"},
    {"key": "@_user_2", "id": {"open_id": "ou_ann"}, "name": "Ann Ash"},
]


def event(kind: str = wire.RECEIVED, **inner: Any) -> dict[str, Any]:
    header = {
        "event_id": "ev1",
        "event_type": kind,
        "app_id": "cli_1",
        "tenant_key": "t1",
        "create_time": "1772366400000",
        "token": "secret",
    }
    return {"schema": "2.0", "header": header, "event": inner}


def said(content: object, kind: str = "text", **more: Any) -> dict[str, Any]:
    message = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "chat_type": "group",
        "message_type": kind,
        "content": json.dumps(content),
        "create_time": "1772366400123",
        **more,
    }
    sender = {"sender_id": {"open_id": "ou_carl"}, "sender_type": "user", "tenant_key": "t1"}
    return event(sender=sender, message=message)


def heard(body: dict[str, Any]) -> Heard:
    found = wire.parse(body, ME)
    assert isinstance(found, Heard)
    return found


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text", {"text": "@_user_1 the gate stops"}, "@earshot the gate stops"),
        ("text", {"text": "ask @_user_2, or @_all"}, "ask @Ann Ash, or @all"),
        ("text", {"text": "@_user_12 is not @_user_1"}, "@someone is not @earshot"),
        (
            "post",
            {
                "title": "Gate",
                "content": [
                    [
                        {"tag": "text", "text": "see "},
                        {"tag": "a", "text": "the log", "href": "https://x.io/1"},
                    ],
                    [
                        {"tag": "at", "user_id": "@_user_1", "user_name": "Earshot Support"},
                        {"tag": "text", "text": " help"},
                    ],
                    [{"tag": "img", "image_key": "img_1"}],
                    [{"tag": "code_block", "language": "SQL", "text": "select 1\n"}],
                ],
            },
            "Gate\nsee the log (https://x.io/1)\n@earshot help\n[image]\n```\nselect 1\n```",
        ),
        ("post", {"zh_cn": {"title": "", "content": [[{"tag": "text", "text": "网关停了"}]]}}, "网关停了"),
        (
            "post",
            {"content": [[{"tag": "a", "text": "https://x.io", "href": "https://x.io"}]]},
            "https://x.io",
        ),
        ("image", {"image_key": "img_1"}, "[image]"),
        ("file", {"file_key": "f", "file_name": "gate.log"}, "[file: gate.log]"),
        (
            "interactive",
            {"title": "Alert", "elements": [[{"tag": "text", "text": "gate is down"}]]},
            "Alert\ngate is down",
        ),
        ("sticker", {"file_key": "f"}, "[sticker]"),
    ],
)
def test_what_is_said_reads_as_people_read_it(kind: str, content: object, text: str) -> None:
    assert heard(said(content, kind, mentions=MENTIONS)).message.text == text


def test_a_merged_forward_is_read_with_who_said_what() -> None:
    body = said({}, "merge_forward")
    child = {
        "msg_type": "text",
        "body": {"content": json.dumps({"text": "@_user_1 it stops"})},
        "sender": {"id": "ou_ann"},
        "mentions": [{"key": "@_user_1", "id": "ou_bob", "name": "Bob"}],
    }
    assert heard({**body, wire.CHILDREN: [child]}).message.text == "[forwarded]\n@ou_ann: @Bob it stops"
    assert heard(body).message.text == "[forwarded]"


def test_a_message_is_qualified_by_app_and_chat() -> None:
    message = heard(said({"text": "hi"})).message
    assert (message.id, message.channel, message.user) == (
        "lark:cli_1/oc_1/om_1",
        "lark:cli_1/oc_1",
        "lark:cli_1/ou_carl",
    )
    assert message.at == datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert message.link == "https://applink.feishu.cn/client/chat/open?openChatId=oc_1"


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ({}, ""),
        ({"root_id": "om_0", "parent_id": "om_0", "thread_id": "omt_1"}, "lark:cli_1/oc_1/om_0"),
        ({"root_id": "om_0", "parent_id": "om_9"}, "lark:cli_1/oc_1/om_0"),  # quoted, not in a topic
        ({"thread_id": "omt_1"}, "lark:cli_1/oc_1/om_1"),  # it opens a topic in a group of topics
    ],
)
def test_where_a_message_belongs(fields: dict[str, str], thread: str) -> None:
    assert heard(said({"text": "hi"}, **fields)).message.thread == thread


@pytest.mark.parametrize(
    ("fields", "about"),
    [
        ({}, None),
        # In a topic everything names its first message; only another one was chosen.
        ({"root_id": "om_0", "parent_id": "om_0", "thread_id": "omt_1"}, None),
        ({"root_id": "om_0", "parent_id": "om_9", "thread_id": "omt_1"}, "lark:cli_1/oc_1/om_9"),
        ({"root_id": "om_0", "parent_id": "om_0"}, "lark:cli_1/oc_1/om_0"),
    ],
)
def test_which_message_is_replied_to(fields: dict[str, str], about: str | None) -> None:
    assert heard(said({"text": "why"}, **fields)).about == about


@pytest.mark.parametrize("key", wire.MENU_KEYS)
def test_an_item_of_the_menu_is_the_command_in_direct_messages(key: str) -> None:
    chosen = event(wire.MENU, operator={"operator_id": {"open_id": "ou_ann"}}, event_key=key)
    ann = "lark:cli_1/ou_ann"
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert wire.parse(chosen, ME) == Commanded(words=key, channel=ann, user=ann, at=at)
    arrival = wire.arrival_of(chosen)
    assert arrival is not None and arrival.conversation == f"{ann}/menu"


def test_what_the_menu_holds_of_others_is_no_command() -> None:
    for unknown in (
        event(wire.MENU, operator={"operator_id": {"open_id": "ou_ann"}}, event_key="mute channel"),
        event(wire.MENU, operator={}, event_key="help"),
    ):
        assert isinstance(wire.parse(unknown, ME), Ignored)


@pytest.mark.parametrize(("chat_type", "kind"), [("p2p", ChannelKind.DIRECT), ("group", ChannelKind.PRIVATE)])
def test_a_group_is_private_until_lark_says_otherwise(chat_type: str, kind: ChannelKind) -> None:
    channel = heard(said({"text": "hi"}, chat_type=chat_type)).channel
    assert channel.kind is kind
    public = wire.described(channel, {"chat_mode": "group", "chat_type": "public", "name": "help"})
    assert (public.kind, public.name) == (ChannelKind.PUBLIC, "help")


def test_somebody_of_another_company_makes_the_group_external() -> None:
    body = said({"text": "hi"})
    body["event"]["sender"]["tenant_key"] = "t2"
    assert heard(body).channel.external
    assert wire.described(Channel(id="lark:cli_1/oc_1"), {"chat_type": "private", "external": True}).external


def test_other_bots_are_bots_and_we_are_nobody() -> None:
    body = said({"text": "hi"})
    body["event"]["sender"]["sender_type"] = "app"
    assert heard(body).message.role is Role.BOT
    body["event"]["sender"]["sender_id"] = {"open_id": "ou_bot"}
    assert isinstance(wire.parse(body, ME), Ignored)


def test_a_recall_erases_and_a_reaction_is_found_by_the_message_alone() -> None:
    recalled = event(wire.RECALLED, message_id="om_1", chat_id="oc_1", recall_time="1772366401000")
    assert wire.parse(recalled, ME) == Deleted(
        message_id="lark:cli_1/oc_1/om_1", at=datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)
    )
    thumb = {
        "message_id": "om_1",
        "operator_type": "user",
        "user_id": {"open_id": "ou_ann"},
        "reaction_type": {"emoji_type": "ThumbsDown"},
        "action_time": "1772366402000",
    }
    at = datetime(2026, 3, 1, 12, 0, 2, tzinfo=UTC)
    expected = Reacted(message_id="lark:cli_1//om_1", user="lark:cli_1/ou_ann", name="-1", added=True, at=at)
    assert wire.parse(event(wire.REACTED, **thumb), ME) == expected
    assert wire.parse(event(wire.UNREACTED, **thumb), ME) == replace(expected, added=False)
    assert isinstance(wire.parse(event(wire.REACTED, **{**thumb, "operator_type": "app"}), ME), Ignored)


@pytest.mark.parametrize("kind", [*wire.EVENTS[4:], "contact.user.created_v3"])
def test_everything_else_is_acknowledged_and_needs_no_handling(kind: str) -> None:
    body = event(kind, chat_id="oc_1")
    arrival = wire.arrival_of(body)
    assert arrival is not None and arrival.key == "lark:cli_1/ev1"
    assert isinstance(wire.parse(body, ME), Ignored)


def test_the_same_message_under_another_event_id_is_the_same() -> None:
    first, second = said({"text": "hi"}), said({"text": "hi"})
    second["header"]["event_id"] = "ev2"
    one, other = wire.arrival_of(first), wire.arrival_of(second)
    assert one is not None and other is not None
    assert one.key != other.key and one.content_key == other.content_key
    assert "token" not in one.payload["header"]


def test_threads_are_queues_of_their_own() -> None:
    flat, threaded = (
        wire.arrival_of(said({"text": "a"})),
        wire.arrival_of(said({"text": "b"}, root_id="om_0")),
    )
    assert flat is not None and threaded is not None
    assert (flat.conversation, threaded.conversation) == ("lark:cli_1/oc_1", "lark:cli_1/oc_1/om_0")


@pytest.mark.parametrize(
    "body", [{}, {"header": {}}, {"header": {"event_id": "e"}}, {"event": {}}, {"type": "x"}]
)
def test_what_is_no_event_is_passed_over(body: dict[str, Any]) -> None:
    assert wire.arrival_of(body) is None


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("oc_1", "lark:cli_1/oc_1"),
        ("ou_ann", "lark:cli_1/ou_ann"),
        ("lark:cli_2/oc_9", "lark:cli_2/oc_9"),
        ("#Help", "#help"),
        ("研发/客服", "#研发/客服"),
    ],
)
def test_places_go_by_id_or_name(given: str, place: str) -> None:
    assert wire.place_of(given, "cli_1") == place


@pytest.mark.parametrize(
    ("link", "topic"),
    [
        ("https://applink.feishu.cn/client/thread/open?open_thread_id=omt_1&open_chat_id=oc_1", "omt_1"),
        ("https://applink.larksuite.com/client/thread/open?openchatid=oc_1&openthreadid=omt_1", "omt_1"),
        ("https://applink.larksuite.com/client/chat/open?openChatId=oc_1", None),
        ("https://example.com/client/thread/open?x=oc_1", None),
        ("lark:cli_1/oc_1/om_1", None),
        ("om_1", None),
    ],
)
def test_a_link_to_a_topic_is_known(link: str, topic: str | None) -> None:
    assert wire.topic_in(link) == topic


def test_a_message_that_is_read_back_has_the_link_that_lark_tells() -> None:
    channel = Channel(id="lark:cli_1/oc_1")
    item = {
        "message_id": "om_1",
        "chat_id": "oc_1",
        "msg_type": "text",
        "body": {"content": '{"text": "hi"}'},
    }
    for told, link in (
        ("https://applink.feishu.cn/client/chat/open?openChatId=oc_1&position=7",) * 2,
        ("javascript:alert(1)", "https://applink.feishu.cn/client/chat/open?openChatId=oc_1"),
        (None, "https://applink.feishu.cn/client/chat/open?openChatId=oc_1"),
    ):
        assert wire.heard({**item, "message_app_link": told}, ME, channel).message.link == link


# ---- clicks


def click(value: object, **action: Any) -> dict[str, Any]:
    body = event(
        wire.CLICKED,
        operator={"open_id": "ou_ann"},
        action={"tag": "button", "value": value, **action},
        context={"open_message_id": "om_5", "open_chat_id": "oc_1"},
    )
    body["header"]["create_time"] = "1772366400000001"  # microseconds
    return body


AT = datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC)


def test_what_a_click_means() -> None:
    assert cards.parse(click({"earshot": "up", "id": "s1"}), ME) == Voted(
        suggestion_id="s1", user="lark:cli_1/ou_ann", helpful=True, at=AT
    )
    share = cards.parse(click({"earshot": "share", "id": "s1", "seen": "ephemeral"}), ME)
    assert isinstance(share, Judged) and share.share and share.private
    assert share.respond_to == "ephemeral/om_5"
    night = {"earshot": "card", "verb": "APPROVE", "night": "2026-03-01", "subjects": ["e1", "e2"]}
    pressed = cards.parse(click(night), ME)
    assert isinstance(pressed, Pressed)
    assert (pressed.verb, pressed.subjects, pressed.message_id) == (
        Verb.APPROVE,
        ("e1", "e2"),
        "lark:cli_1/oc_1/om_5",
    )


@pytest.mark.parametrize(
    "value", [None, "text", {}, {"other": "bot"}, {"earshot": "dance"}, {"earshot": "card"}]
)
def test_a_click_on_something_else_is_ignored(value: object) -> None:
    assert isinstance(cards.parse(click(value), ME), Ignored)


# ---- cards


def cited(text: str = "Run `millrace spill clean`.", **more: Any) -> Suggestion:
    one = Citation(
        number=1,
        entry="e1",
        source="lark:cli_1/oc_1/om_1",
        title="Gate *stops* <at id=all></at>",
        quote=text,
        kind=EntryKind.THREAD,
        role=Role.ANALYST,
        at=NOW - timedelta(days=92),
        link="https://x.io/a(b)[c]",
        confirmed=True,
    )
    return Suggestion(lines=(Line(text=text, citations=(1,)),), citations=(replace(one, **more),))


def post(text: str) -> Post:
    return Post(
        id="s1", channel="lark:cli_1/oc_1", reply_to="lark:cli_1/oc_1/om_1", suggestion=cited(text), now=NOW
    )


def test_an_answer_is_a_card_with_numbered_sources_and_buttons() -> None:
    card = cards.render(post("Run this:\n```sh\nmillrace <at> *x*\n```\nthen wait."), {})
    assert problems(card) == []
    assert text_of(card).split("\n") == [
        "**A similar question was answered before:**",
        "Run this:",
        "```sh",
        "millrace <at> *x*",
        "```",
        "then wait. [1]",
        "&#91;1&#93; [Gate &#42;stops&#42; &#60;at id=all&#62;&#60;/at&#62;](https://x.io/a%28b%29%5Bc%5D)"
        " · analyst, 3 months ago, confirmed",
        "Helpful",
        "Not helpful",
    ]


@given(st.text(min_size=1, max_size=400).filter(str.strip))
def test_what_people_wrote_never_becomes_markup(text: str) -> None:
    card = cards.render(post(text), {})
    assert problems(card) == []
    prose = [one["content"] for one in walk(card) if one["tag"] == "markdown" and "```" not in one["content"]]
    assert len(prose) == 2  # the heading and the source: nothing that was quoted
    safe = lark_safe(text)
    assert not set("<>*_~`[]()") & set(safe)


@pytest.mark.parametrize("text", ["word " * 20_000, "字" * 40_000, '"\\' * 20_000, "line\n" * 20_000])
def test_a_long_answer_is_cut_within_larks_limits_and_says_so(text: str) -> None:
    card = cards.render(post(text), {})
    assert problems(card) == []
    request = json.dumps({"content": cards.content(card)}, ensure_ascii=False)
    assert len(request.encode()) < 30 * 1024
    assert "the rest is in the source" in text_of(card)
    assert [one for one in walk(card) if one["tag"] == "button"]
    assert len(cards.plain(cited(text), {}, NOW)) < cards.MAX_TEXT + 100


@pytest.mark.parametrize(
    ("title", "link", "shown"),
    [
        ("Gate stops", "https://x.io/1", "[Gate stops](https://x.io/1)"),
        ("see x.io", "https://x.io/1", "[see x.io](https://x.io/1)"),
        ("bank.example.com", "https://evil.io/1", "bank.example.com ([source](https://evil.io/1))"),
        ("Gate", "javascript:alert(1)", "Gate ·"),
        ("Gate", "https://[", "Gate ·"),
        (
            "Gate",
            "https://x.io/a) [b](https://evil.io",
            "[Gate](https://x.io/a%29%20%5Bb%5D%28https://evil.io)",
        ),
    ],
)
def test_a_label_leads_where_it_says(title: str, link: str, shown: str) -> None:
    said = Post(id="s", channel="c", reply_to="m", suggestion=cited(title=title, link=link), now=NOW)
    assert f"{lark_safe('[1]')} {shown}" in text_of(cards.render(said, {}))


def test_people_are_named_and_not_pinged() -> None:
    card = cards.render(post("ask @ou_ann or lark:cli_1/ou_bob"), {"ou_ann": "Ann <at id=all>"})
    assert "ask @Ann at id=all or @someone [1]" in text_of(card)
    assert all(one["tag"] != "at" for one in walk(card))


def test_only_who_is_called_by_the_settings_is_pinged() -> None:
    people = (Piece(person="lark:cli_1/ou_owner"), Piece(text=" "), Piece(person="lark:cli_1/U0BOB"))
    card = Card(title="", groups=(Group(heading="", rows=(row("Please look: ", *people, " @ou_ann"),)),))
    say = Say(id="a1", channel="lark:cli_1/oc_1", reply_to="lark:cli_1/oc_1/om_1", card=card, now=NOW)
    shown = cards.render_card(say, {"ou_owner": "Olga", "ou_ann": "Ann"})
    assert problems(shown) == []
    assert (
        text_of(shown) == "Please look: <at id=ou_owner></at> @someone @Ann"
    )  # a Slack id means nobody here
    assert cards.told(card, {"ou_owner": "Olga"}) == "Please look: @Olga @someone @someone"
    assert cards.mark_of("a1") in cards.content(shown) and cards.mark_of("a2") not in cards.content(shown)


def test_what_is_told_in_other_words_is_not_shown_as_said_so() -> None:
    said = replace(cited("Empty it."), verbatim=False, note="I cannot see the screenshot.")
    again = (*said.lines, Line(text="Then wait.", citations=(1,), gap=" "))
    asked = replace(post("x"), suggestion=replace(said, lines=again), lead="This comes late.")
    lines = text_of(cards.render(asked, {})).split("\n")
    assert lines[:3] == [
        "This comes late.",
        "**From what was answered before:**",
        "Empty it. [1] Then wait. [1]",
    ]
    assert lines[3] == "*I cannot see the screenshot.*"
    plain = cards.plain(asked.suggestion, {}, NOW, asked.lead).split("\n")
    assert plain[:3] == ["This comes late.", "Empty it. [1] Then wait. [1]", "I cannot see the screenshot."]


def test_a_text_message_mentions_nobody() -> None:
    content = json.loads(cards.plain_text_content('hi <at user_id="all">all</at> [x](https://evil.example)'))
    assert "](" not in content["text"]
    assert "<at" not in content["text"] and "</at" not in content["text"]


DRAFT = Draft(
    id="d1",
    channel="lark:cli_1/oc_9",
    question=Question(channel="lark:cli_1/oc_1", user="@ou_ann", text="Why *so*?", link="https://x.io/1"),
    suggestion=cited(),
    opened_at=NOW,
    now=NOW,
)
WHISPER = Whisper(
    id="w1",
    channel="lark:cli_1/oc_1",
    reply_to=None,
    user="lark:cli_1/ou_ann",
    text="Why?",
    now=NOW,
    subject="s1",
)
CARD = Card(
    title="Night of 2026-03-01",
    groups=(
        Group(
            heading="Learnt",
            rows=(
                row(
                    Piece(text="Gate *stops*", link="https://x.io/1", bold=True),
                    " in ",
                    Piece(channel="lark:cli_1/oc_1"),
                ),
                Row(
                    columns=((Piece(text="old"),), (Piece(text="new"),)),
                    buttons=(Button(verb=Verb.KEEP_FIRST, label="Keep", night="n", subjects=("e1",)),),
                ),
            ),
            hidden=3,
            where="earshot entries",
        ),
    ),
    buttons=(Button(verb=Verb.REVERT, label="Revert", night="n", confirm="All of it?"),),
)


@pytest.mark.parametrize(
    "card",
    [
        cards.render_draft(DRAFT, {"ou_ann": "Ann", "oc_1": "help"}),
        cards.render_edit(
            Edit(channel="c", message_id="m", text="Draft shared by @ou_ann", link="https://x.io"), {}
        ),
        *(cards.render_whisper(replace(WHISPER, buttons=buttons), {}, "ephemeral") for buttons in Buttons),
        cards.render_whisper(replace(WHISPER, suggestion=cited(), buttons=Buttons.JUDGE), {}, "direct"),
        cards.render_card(Show(id="n1", channel="c", card=CARD, opened_at=NOW), {"oc_1": "help"}),
    ],
)
def test_every_card_is_one_that_lark_takes(card: dict[str, Any]) -> None:
    assert problems(card) == []


def test_a_report_names_its_channels_and_can_be_found_again() -> None:
    card = cards.render_card(Show(id="n1", channel="c", card=CARD, opened_at=NOW), {"oc_1": "help"})
    assert "**[Gate &#42;stops&#42;](https://x.io/1)** in help" in text_of(card)
    assert "and 3 more: earshot entries" in text_of(card)
    assert '"id":"n1"' in cards.content(card)


def test_a_report_that_is_too_long_gives_up_rows_and_keeps_its_buttons() -> None:
    rows = tuple(row(f"entry {number} " + "x" * 300) for number in range(120))
    card = replace(CARD, groups=(Group(heading="Learnt", rows=rows),))
    shown = cards.render_card(Show(id="n1", channel="c", card=card, opened_at=NOW), {})
    assert problems(shown) == []
    assert "more" in text_of(shown) and "Revert" in text_of(shown)

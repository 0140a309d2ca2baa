"""Slack's payloads in, blocks out: the pure half of the adapter."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.acts import Post
from bot.adapters.events import ChannelKind, Deleted, Edited, Heard, Ignored, Reacted, Voted
from bot.adapters.slack_markup import escape
from bot.adapters.slack_wire import (
    MAX_SECTION,
    Me,
    arrival_of,
    parse,
    permalink,
    provenance,
    render,
    show_names,
    split,
    when,
)
from bot.answerer import Citation, Line, Suggestion
from knowledge.entry import EntryKind
from knowledge.thread import Role

ME = Me(team="T1", user="UBOT", bot="BBOT", url="https://example.slack.com/")
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def event(**fields: Any) -> dict[str, Any]:
    inner = {
        "type": "message",
        "channel": "C1",
        "channel_type": "channel",
        "ts": "1700000000.000100",
        **fields,
    }
    inner.setdefault("event_ts", inner["ts"])
    return {
        "type": "event_callback",
        "team_id": "T1",
        "event_id": "Ev1",
        "event_time": 1700000000,
        "event": inner,
    }


def test_a_message_is_heard_with_its_place_time_and_link() -> None:
    said = parse(event(user="U1", text="is &lt;b&gt; down? <https://example.com|here>"), ME)
    assert isinstance(said, Heard)
    assert said.message.id == "slack:T1/C1/1700000000.000100"
    assert said.message.user == "slack:T1/U1"
    assert said.message.thread == ""
    assert said.message.at == datetime(2023, 11, 14, 22, 13, 20, 100, tzinfo=UTC)
    assert said.message.text == "is <b> down? here (https://example.com)"
    assert said.message.link == "https://example.slack.com/archives/C1/p1700000000000100"
    assert said.channel.kind is ChannelKind.PUBLIC


def test_a_reply_knows_its_thread_and_a_root_with_replies_is_no_reply() -> None:
    reply = parse(event(user="U1", text="hi", thread_ts="1600000000.000001"), ME)
    root = parse(event(user="U1", text="hi", thread_ts="1700000000.000100"), ME)
    assert isinstance(reply, Heard) and reply.message.thread == "slack:T1/C1/1600000000.000001"
    assert isinstance(root, Heard) and root.message.thread == ""


@pytest.mark.parametrize(
    ("channel_type", "kind"),
    [
        ("channel", ChannelKind.PUBLIC),
        ("group", ChannelKind.PRIVATE),
        ("im", ChannelKind.DIRECT),
        ("mpim", ChannelKind.GROUP),
        (None, ChannelKind.PRIVATE),  # not told: kept at home
    ],
)
def test_what_is_not_known_to_be_public_is_private(channel_type: str | None, kind: ChannelKind) -> None:
    said = parse(event(user="U1", text="hi", channel_type=channel_type), ME)
    assert isinstance(said, Heard) and said.channel.kind is kind


def test_a_shared_channel_is_external() -> None:
    said = parse({**event(user="U1", text="hi"), "is_ext_shared_channel": True}, ME)
    assert isinstance(said, Heard) and said.channel.external


def test_other_bots_are_heard_as_bots_and_we_do_not_hear_ourselves() -> None:
    other = parse(event(subtype="bot_message", bot_id="B2", text="alert"), ME)
    assert isinstance(other, Heard) and other.message.role is Role.BOT
    assert isinstance(parse(event(user="UBOT", bot_id="BBOT", text="answer"), ME), Ignored)
    assert isinstance(parse(event(subtype="bot_message", bot_id="BBOT", text="answer"), ME), Ignored)


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "message_replied", "channel_archive"])
def test_what_nobody_said_is_ignored(subtype: str) -> None:
    assert isinstance(parse(event(user="U1", subtype=subtype, text="…"), ME), Ignored)


def test_edits_deletions_and_tombstones() -> None:
    changed = event(
        subtype="message_changed", message={"user": "U1", "ts": "1.000001", "text": "new &amp; true"}
    )
    assert parse(changed, ME) == Edited(
        message_id="slack:T1/C1/1.000001", text="new & true", at=when("1700000000.000100")
    )
    deleted = event(subtype="message_deleted", deleted_ts="1.000001", previous_message={"user": "U1"})
    gone = Deleted(message_id="slack:T1/C1/1.000001", at=when("1700000000.000100"))
    assert parse(deleted, ME) == gone
    tombstone = {
        "user": "USLACKBOT",
        "subtype": "tombstone",
        "ts": "1.000001",
        "text": "This message was deleted.",
    }
    assert parse(event(subtype="message_changed", message=tombstone), ME) == gone


def test_somebody_deleting_our_answer_is_noticed_though_our_own_edits_are_not() -> None:
    ours = {"user": "UBOT", "bot_id": "BBOT", "ts": "1.000001"}
    assert isinstance(
        parse(event(subtype="message_deleted", deleted_ts="1.000001", previous_message=ours), ME), Deleted
    )
    assert isinstance(parse(event(subtype="message_changed", message={**ours, "text": "x"}), ME), Ignored)


def reaction(**fields: Any) -> dict[str, Any]:
    item = {"type": "message", "channel": "C1", "ts": "1.000001"}
    body = event(type="reaction_added", user="U1", item=item, reaction="thumbsup::skin-tone-4", **fields)
    del body["event"]["channel"], body["event"]["ts"]
    return body


def test_reactions_have_one_name_and_our_own_are_ignored() -> None:
    put_on = parse(reaction(), ME)
    assert isinstance(put_on, Reacted) and (put_on.name, put_on.added) == ("+1", True)
    body = reaction()
    body["event"]["type"] = "reaction_removed"
    taken_off = parse(body, ME)
    assert isinstance(taken_off, Reacted) and not taken_off.added
    body["event"]["user"] = "UBOT"
    assert isinstance(parse(body, ME), Ignored)


def click(action_id: str = "earshot_feedback", value: str = "down:s1") -> dict[str, Any]:
    action = {"type": "feedback_buttons", "action_id": action_id, "value": value, "action_ts": "1700000000.5"}
    return {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.000001", "channel_id": "C1"},
        "actions": [action],
    }


def test_feedback_buttons_vote_and_foreign_buttons_do_not() -> None:
    assert parse(click(), ME) == Voted(
        suggestion_id="s1", user="slack:T1/U1", helpful=False, at=when("1700000000.5")
    )
    assert isinstance(parse(click(action_id="other"), ME), Ignored)
    assert isinstance(parse(click(value="sideways:s1"), ME), Ignored)


def test_the_same_content_has_the_same_key_under_another_event_id() -> None:
    first, again = (
        arrival_of(event(user="U1", text="hi")),
        arrival_of({**event(user="U1", text="hi"), "event_id": "Ev2"}),
    )
    assert first is not None and again is not None
    assert first.key != again.key and first.content_key == again.content_key


def test_an_edit_a_deletion_and_two_peoples_reactions_are_different_content() -> None:
    bodies = [
        event(user="U1", text="hi"),
        event(
            subtype="message_changed",
            message={"ts": "1700000000.000100", "text": "x"},
            event_ts="1700000001.0",
        ),
        event(subtype="message_deleted", deleted_ts="1700000000.000100", event_ts="1700000002.0"),
        reaction(),
        {**reaction(), "event": {**reaction()["event"], "user": "U2"}},
    ]
    keys = {arrival.content_key for body in bodies if (arrival := arrival_of(body)) is not None}
    assert len(keys) == len(bodies)


def test_top_level_messages_of_a_channel_are_one_queue_and_a_thread_another() -> None:
    top, reply = arrival_of(event(user="U1")), arrival_of(event(user="U1", thread_ts="1.000001"))
    assert top is not None and top.conversation == "slack:T1/C1"
    assert reply is not None and reply.conversation == "slack:T1/C1/1.000001"


def test_commands_and_views_are_not_for_the_inbox() -> None:
    assert arrival_of({"command": "/earshot", "text": "help"}) is None


# ---- out -----------------------------------------------------


def citation(**fields: Any) -> Citation:
    given: dict[str, Any] = {
        "number": 1,
        "entry": "e1",
        "source": "slack:T1/C1/1.000001",
        "title": "Workers stop",
        "quote": "Restart it.",
        "kind": EntryKind.THREAD,
        "role": Role.ANALYST,
        "at": NOW - timedelta(days=92),
        "link": "https://example.slack.com/archives/C1/p1",
        "confirmed": True,
    }
    return Citation(**{**given, **fields})


def post(text: str = "Restart it.", *citations: Citation) -> Post:
    cited = citations or (citation(),)
    lines = (Line(text=text, citations=tuple(c.number for c in cited)),)
    suggestion = Suggestion(lines=lines, citations=cited)
    return Post(id="s1", channel="slack:T1/C1", reply_to="slack:T1/C1/2.0", suggestion=suggestion, now=NOW)


def shown(rendered: dict[str, Any]) -> str:
    return json.dumps(rendered["blocks"], ensure_ascii=False)


def test_a_reply_quotes_cites_says_who_and_when_and_can_be_voted_on() -> None:
    rendered = render(post(), {})
    blocks = rendered["blocks"]
    assert [block["type"] for block in blocks] == ["section", "section", "context", "context_actions"]
    assert blocks[1]["text"]["text"] == ">Restart it. [1]"
    source = blocks[2]["elements"][0]["text"]
    assert source == (
        "[1] <https://example.slack.com/archives/C1/p1|Workers stop> · analyst, 3 months ago, confirmed"
    )
    assert blocks[3]["elements"][0]["positive_button"]["value"] == "up:s1"
    assert rendered["metadata"] == {"event_type": "earshot_reply", "event_payload": {"id": "s1"}}
    assert rendered["unfurl_links"] is False and rendered["unfurl_media"] is False
    assert rendered["text"] == "Restart it. [1]"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "analyst, 3 months ago, confirmed"),
        ({"confirmed": False}, "analyst, 3 months ago, not confirmed"),
        ({"old": True}, "analyst, 3 months ago, confirmed, may be out of date"),
        ({"role": Role.UNKNOWN}, "participant, 3 months ago, confirmed"),
        ({"kind": EntryKind.DOCUMENT, "at": None}, "document"),
    ],
)
def test_provenance_says_how_far_to_believe_it(fields: dict[str, Any], said: str) -> None:
    assert provenance(citation(**fields), NOW) == said


def test_a_document_without_a_web_address_is_named_not_linked() -> None:
    rendered = render(post("Run it.", citation(kind=EntryKind.DOCUMENT, link=None, source="docs/run.md")), {})
    assert "Workers stop (docs/run.md)" in shown(rendered)
    assert "documentation" in rendered["blocks"][0]["text"]["text"]


def test_only_web_addresses_become_links() -> None:
    assert "javascript" not in shown(render(post("x", citation(link="javascript:alert(1)")), {}))


def test_code_stands_as_code_without_its_language() -> None:
    text = render(post("First:\n```toml\nworkers = 2\n```\nthen restart."), {})["blocks"][1]["text"]["text"]
    assert text == ">First:\n```workers = 2\n```\n>then restart. [1]"


@pytest.mark.parametrize(
    "attack", ["<!channel>", "<!here|here>", "<@U0VICTIM1>", "<https://evil.example|docs>"]
)
def test_markup_in_a_quote_does_not_come_alive(attack: str) -> None:
    rendered = render(post(f"say {attack} now", citation(title=attack)), {})
    body = shown(rendered) + rendered["text"]
    assert attack not in body


def test_people_are_named_not_pinged() -> None:
    assert show_names("ask <@U012345> or @U999999", {"U012345": "Ann"}) == "ask @Ann or @someone"


@given(st.text())
def test_escaped_text_has_no_markup_left(text: str) -> None:
    safe = escape(text)
    assert "<" not in safe and ">" not in safe
    assert not any(f"@{word}" in safe.lower() for word in ("channel ", "here ", "everyone "))


@given(st.lists(st.text(min_size=1, max_size=4_000), min_size=1, max_size=12))
def test_whatever_is_quoted_stays_inside_slacks_limits(texts: list[str]) -> None:
    cited = tuple(citation(number=n, title=text) for n, text in enumerate(texts, start=1))
    lines = tuple(Line(text=text, citations=(n,)) for n, text in enumerate(texts, start=1))
    rendered = render(
        Post(
            id="s1",
            channel="slack:T1/C1",
            reply_to="slack:T1/C1/2.0",
            suggestion=Suggestion(lines=lines, citations=cited),
            now=NOW,
        ),
        {},
    )
    blocks = rendered["blocks"]
    assert len(blocks) <= 50
    assert len(json.dumps(blocks, ensure_ascii=False)) <= 13_000
    assert all(len(b["text"]["text"]) <= 3_000 for b in blocks if b["type"] == "section")
    assert all(len(b["elements"]) <= 10 for b in blocks if b["type"] == "context")
    assert blocks[-1]["type"] == "context_actions"
    assert len(rendered["text"]) <= 4_000


@given(st.text(max_size=300), st.integers(min_value=1, max_value=50))
def test_split_loses_nothing_but_line_ends(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(len(piece) <= limit for piece in pieces)
    assert "".join(pieces).replace("\n", "") == text.replace("\n", "")


def test_a_permalink_into_a_thread_names_the_thread() -> None:
    link = permalink(ME, "slack:T1/C1", "2.000001", "1.000001")
    assert link == "https://example.slack.com/archives/C1/p2000001?thread_ts=1.000001&cid=C1"
    assert MAX_SECTION < 3_000

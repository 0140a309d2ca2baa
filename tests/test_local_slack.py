"""The local Slack, seen through the real clients: it must be as strict, and as faulty, as Slack."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.client import RemoteDisconnected
from itertools import pairwise
from typing import Any
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import aiohttp
import pytest
from aiohttp import web as http
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.blocks import (
    ActionsBlock,
    ButtonElement,
    ContextActionsBlock,
    ContextBlock,
    FeedbackButtonsElement,
    HeaderBlock,
    MarkdownTextObject,
    SectionBlock,
)
from slack_sdk.web import WebClient
from slack_sdk.web.async_client import AsyncWebClient

from tests.local_slack import (
    DEFAULT_SCOPES,
    SLACKS_SCHEDULE,
    DropAfterEffect,
    DropBefore,
    Http429,
    Http500,
    Kind,
    LocalSlack,
    Pass,
    RetrySchedule,
    Said,
    SlackError,
    Slow,
    SlowAfterEffect,
    escape,
)
from tests.local_slack.arguments import Refused
from tests.local_slack.blocks import check_view

Json = dict[str, Any]

ROOM = "C0SUPPORT1"
ANA = "U0ANA00001"
NEVER = "1500000000.000100"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    """A workspace in which the bot may post as fast as it likes; the test ends without violations."""
    with LocalSlack(post_interval=0) as server:
        furnish(server)
        yield server
        assert server.violations == []


@pytest.fixture
def web(slack: LocalSlack) -> WebClient:
    return client(slack)


def furnish(server: LocalSlack) -> None:
    server.add_user(ANA, "ana", real_name="Ana Lima")
    server.add_channel(ROOM, "support", members=[ANA])


def client(server: LocalSlack, token: str | None = None) -> WebClient:
    return WebClient(token or server.bot_token, base_url=server.base_url, timeout=5, retry_handlers=[])


def error_of(answer: pytest.ExceptionInfo[SlackApiError]) -> str:
    return str(answer.value.response["error"])


# Strictness


def section(text: str = "Hello", **more: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def buttons(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def button(**more: Any) -> Json:
    return {"type": "button", "text": {"type": "plain_text", "text": "OK"}, "action_id": "ok", **more}


def feedback(**more: Any) -> Json:
    up = {"text": {"type": "plain_text", "text": "Good"}, "value": "up"}
    down = {"text": {"type": "plain_text", "text": "Bad"}, "value": "down"}
    thumbs = {
        "type": "feedback_buttons",
        "action_id": "thumb",
        "positive_button": up,
        "negative_button": down,
    }
    return {"type": "context_actions", "elements": [thumbs | more]}


MANY_BUTTONS = [button(action_id=f"a{number}") for number in range(26)]
MRKDWN = {"type": "mrkdwn", "text": "small"}
REFUSED_POSTS: list[tuple[Json, str]] = [
    ({"text": "x" * 40_001}, "msg_too_long"),
    ({"text": " "}, "no_text"),
    ({"text": "x", "colour": "red"}, "invalid_arguments"),
    ({"text": "x", "unfurl_links": "no"}, "invalid_arguments"),
    ({"text": 7}, "invalid_arguments"),
    ({"text": "x", "markdown_text": "x"}, "markdown_text_conflict"),
    ({"text": "x", "channel": "support"}, "invalid_arguments"),
    ({"text": "x", "thread_ts": NEVER}, "cannot_reply_to_message"),
    ({"text": "x", "thread_ts": 1500000000.0001}, "invalid_arguments"),
    ({"text": "x", "reply_broadcast": True}, "invalid_arguments"),
    ({"text": "x", "as_user": True}, "as_user_not_supported"),
    ({"text": "x", "username": "Somebody"}, "missing_scope"),
    ({"text": "x", "blocks": "section"}, "invalid_blocks_format"),
    ({"text": "x", "blocks": [section()] * 51}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
    ({"text": "x", "blocks": [section(colour="red")]}, "invalid_blocks"),
    ({"text": "x", "blocks": [section(block_id="a"), section(block_id="a")]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "marquee"}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "context", "elements": [MRKDWN] * 11}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "header", "text": MRKDWN}]}, "invalid_blocks"),
    ({"text": "x", "blocks": [buttons(*MANY_BUTTONS)]}, "invalid_blocks"),
    ({"text": "x", "blocks": [buttons(button(), button())]}, "invalid_blocks"),
    ({"text": "x", "blocks": [buttons(button(value="v" * 2001))]}, "invalid_blocks"),
    ({"text": "x", "blocks": [buttons(button(action_id="a" * 256))]}, "invalid_blocks"),
    ({"text": "x", "blocks": [buttons(button(text=MRKDWN))]}, "invalid_blocks"),
    ({"text": "x", "blocks": [feedback(negative_button=None)]}, "invalid_blocks"),
    ({"text": "x", "blocks": [feedback(positive_button={"text": "Good", "value": "up"})]}, "invalid_blocks"),
    ({"text": "x", "blocks": [{"type": "context_actions", "elements": [button()]}]}, "invalid_blocks"),
    ({"text": "x", "metadata": {"event_type": "answer"}}, "invalid_metadata_format"),
    ({"text": "x", "metadata": {"event_type": "a", "event_payload": "b"}}, "invalid_metadata_format"),
    (
        {"text": "x", "metadata": {"event_type": "a", "event_payload": {"b": "x" * 16_000}}},
        "metadata_too_large",
    ),
]


def name_case(value: Any) -> str | None:
    return value if isinstance(value, str) else "-".join(value) if isinstance(value, dict) else None


@pytest.mark.parametrize(("args", "error"), REFUSED_POSTS, ids=name_case)
def test_a_post_that_slack_would_refuse_is_refused_and_recorded(
    slack: LocalSlack, web: WebClient, args: Json, error: str
) -> None:
    with pytest.raises(SlackApiError) as answer:
        web.api_call("chat.postMessage", json={"channel": ROOM, **args})
    assert error_of(answer) == error
    assert slack.posts() == []
    assert len(slack.forgive(f"chat.postMessage: {error}")) == 1


REFUSED_CALLS: list[tuple[str, Json, str]] = [
    ("chat.postMassage", {}, "unknown_method"),
    ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
    ("conversations.history", {"channel": ROOM, "limit": 1001}, "invalid_limit"),
    ("conversations.history", {"channel": ROOM, "limit": "many"}, "invalid_arguments"),
    ("conversations.history", {"channel": ROOM, "cursor": "bm9uc2Vuc2U="}, "invalid_cursor"),
    ("conversations.list", {"types": "public"}, "invalid_types"),
    ("reactions.add", {"channel": ROOM, "timestamp": NEVER, "name": ":eyes:"}, "invalid_name"),
    ("views.open", {"trigger_id": "1.2.3", "view": "{}"}, "invalid_arguments"),
    ("users.info", {"user": "ana"}, "invalid_arguments"),
    ("usergroups.list", {}, "missing_scope"),
    ("usergroups.users.list", {"usergroup": "S0SUPPORT1"}, "missing_scope"),
    ("usergroups.users.list", {"usergroup": "@support"}, "invalid_arguments"),
]


@pytest.mark.parametrize(("method", "args", "error"), REFUSED_CALLS, ids=name_case)
def test_a_call_that_slack_would_refuse_is_refused_and_recorded(
    slack: LocalSlack, web: WebClient, method: str, args: Json, error: str
) -> None:
    with pytest.raises(SlackApiError) as answer:
        web.api_call(method, params=args)
    assert error_of(answer) == error
    assert len(slack.forgive(f"{method}: {error}")) == 1


def test_reading_methods_take_no_json(slack: LocalSlack, web: WebClient) -> None:
    with pytest.raises(SlackApiError) as answer:
        web.api_call("conversations.history", json={"channel": ROOM})
    assert error_of(answer) == "invalid_arguments"
    assert slack.forgive("JSON body")


def test_what_happens_to_a_well_behaved_bot_is_no_violation(slack: LocalSlack, web: WebClient) -> None:
    slack.add_channel("C0ELSE0001", "else", with_bot=False)
    slack.add_channel("G0SECRET01", "secret", kind=Kind.PRIVATE, with_bot=False)
    slack.add_channel("C0OLD00001", "old", archived=True)
    for channel, error in [
        ("C0ELSE0001", "not_in_channel"),
        ("G0SECRET01", "channel_not_found"),
        ("C0OLD00001", "is_archived"),
        ("C0NOWHERE1", "channel_not_found"),
    ]:
        with pytest.raises(SlackApiError) as answer:
            web.chat_postMessage(channel=channel, text="Hello")
        assert error_of(answer) == error


def test_blocks_of_the_sdk_are_accepted_as_json_and_as_a_form(slack: LocalSlack, web: WebClient) -> None:
    blocks = [
        HeaderBlock(text="Answer"),
        SectionBlock(text=MarkdownTextObject(text="Restart it.")),
        ContextBlock(elements=[MarkdownTextObject(text="said by an analyst")]),
        ActionsBlock(elements=[ButtonElement(text="Wrong", action_id="wrong", value="7", style="danger")]),
        ContextActionsBlock(
            elements=[
                FeedbackButtonsElement(
                    action_id="thumb",
                    positive_button={"text": {"type": "plain_text", "text": "Good"}, "value": "up"},
                    negative_button={"text": {"type": "plain_text", "text": "Bad"}, "value": "down"},
                )
            ]
        ),
    ]
    metadata = {"event_type": "answer", "event_payload": {"id": "7"}}
    web.chat_postMessage(channel=ROOM, text="A", blocks=blocks, metadata=metadata, unfurl_links=False)
    form = {"blocks": json.dumps([block.to_dict() for block in blocks]), "metadata": json.dumps(metadata)}
    web.api_call("chat.postMessage", params={"channel": ROOM, "text": "A", "unfurl_links": False, **form})
    first, second = slack.posts(ROOM)
    assert first.metadata == second.metadata == metadata
    assert [block["type"] for block in first.blocks] == [block["type"] for block in second.blocks]
    assert all(block["block_id"] for block in first.blocks)


@pytest.mark.parametrize(
    ("token", "error"),
    [("xoxb-stolen", "invalid_auth"), ("xapp-local-app", "not_allowed_token_type"), ("", "not_authed")],
)
def test_a_wrong_token_is_refused(slack: LocalSlack, token: str, error: str) -> None:
    with pytest.raises(SlackApiError) as answer:
        WebClient(token, base_url=slack.base_url, retry_handlers=[]).auth_test()
    assert error_of(answer) == error
    assert slack.forgive(error)


def test_scopes_are_told_and_demanded(slack: LocalSlack, web: WebClient) -> None:
    assert web.auth_test().headers["x-oauth-scopes"] == ",".join(DEFAULT_SCOPES)
    slack.scopes = ["chat:write"]
    with pytest.raises(SlackApiError) as answer:
        web.conversations_history(channel=ROOM)
    assert answer.value.response["needed"] == "channels:history"
    assert answer.value.response["provided"] == "chat:write"
    assert slack.forgive("missing_scope")


def test_a_direct_message_needs_the_scope_of_direct_messages(slack: LocalSlack, web: WebClient) -> None:
    direct = slack.dm(ANA)
    with pytest.raises(SlackApiError) as answer:
        web.conversations_info(channel=direct)
    assert answer.value.response["needed"] == "im:read"
    assert slack.forgive("missing_scope")


# Rate limits


def test_a_second_post_within_a_second_is_refused_in_this_channel_only() -> None:
    with LocalSlack(post_interval=0.4) as slack:
        furnish(slack)
        slack.add_channel("C0OTHER001", "other")
        web = client(slack)
        web.chat_postMessage(channel=ROOM, text="one")
        web.chat_postMessage(channel="C0OTHER001", text="elsewhere")
        with pytest.raises(SlackApiError) as answer:
            web.chat_postMessage(channel=ROOM, text="two")
        assert (answer.value.response.status_code, answer.value.response.headers["Retry-After"]) == (429, "1")
        time.sleep(0.4)
        web.chat_postMessage(channel=ROOM, text="three")
        assert [message.text for message in slack.posts(ROOM)] == ["one", "three"]
        assert len(slack.forgive("more than one post")) == 1
        assert slack.violations == []


def test_calling_again_before_retry_after_is_recorded(slack: LocalSlack, web: WebClient) -> None:
    slack.faults["chat.postMessage"].append(Http429(1))
    for _ in range(2):
        with pytest.raises(SlackApiError) as answer:
            web.chat_postMessage(channel=ROOM, text="now")
        assert answer.value.response.status_code == 429
    assert len(slack.forgive("Retry-After")) == 1
    time.sleep(1)
    web.chat_postMessage(channel=ROOM, text="now")


# Threads and histories


def test_a_reply_makes_its_parent_a_thread(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "Is the server down?")
    answer = web.chat_postMessage(channel=ROOM, text="No.", thread_ts=question)["ts"]
    parent, reply = web.conversations_replies(channel=ROOM, ts=question)["messages"]
    assert (parent["reply_count"], parent["latest_reply"], parent["thread_ts"]) == (1, answer, question)
    assert (reply["ts"], reply["thread_ts"], reply["parent_user_id"]) == (answer, question, ANA)
    assert [message.text for message in slack.bot_replies(question)] == ["No."]
    assert [message["ts"] for message in web.conversations_history(channel=ROOM)["messages"]] == [question]


def test_a_reply_to_a_reply_is_refused(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "Is the server down?")
    reply = slack.post(ROOM, ANA, "It is.", thread_ts=question)
    with pytest.raises(SlackApiError) as answer:
        web.chat_postMessage(channel=ROOM, text="No.", thread_ts=reply)
    assert error_of(answer) == "cannot_reply_to_message"
    assert slack.forgive(f"give {question}")


def test_an_answer_to_a_deleted_question_lands_in_the_channel(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "Is the server down?")
    slack.delete(ROOM, question)
    answer = web.chat_postMessage(channel=ROOM, text="No.", thread_ts=question)
    assert "thread_ts" not in answer["message"]


def test_a_deleted_parent_leaves_a_tombstone_until_its_last_reply_goes(
    slack: LocalSlack, web: WebClient
) -> None:
    question = slack.post(ROOM, ANA, "Is the server down?")
    answer = web.chat_postMessage(channel=ROOM, text="No.", thread_ts=question)["ts"]
    slack.delete(ROOM, question)
    parent, _ = web.conversations_replies(channel=ROOM, ts=question)["messages"]
    assert (parent["subtype"], parent["user"]) == ("tombstone", "USLACKBOT")
    web.chat_delete(channel=ROOM, ts=answer)
    assert web.conversations_history(channel=ROOM)["messages"] == []
    assert slack.bot_replies(question) == []
    assert [event["event"].get("subtype") for event in slack.events[-3:]] == [
        "message_changed",
        "message_deleted",
        "message_deleted",
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_hold_every_message_once(slack: LocalSlack, web: WebClient, limit: int) -> None:
    question = slack.post(ROOM, ANA, "0")
    replies = slack.post_many(
        Said(channel=ROOM, user=ANA, text=str(n), thread_ts=question) for n in range(1, 7)
    )
    pages = [page["messages"] for page in web.conversations_replies(channel=ROOM, ts=question, limit=limit)]
    assert [message["ts"] for page in pages for message in page] == [question, *replies]
    assert {len(page) for page in pages[:-1]} <= {limit}


def test_newcomers_do_not_shift_the_pages_of_a_history(slack: LocalSlack, web: WebClient) -> None:
    old = slack.post_many(Said(channel=ROOM, user=ANA, text=str(number)) for number in range(4))
    first = web.conversations_history(channel=ROOM, limit=2)
    slack.post(ROOM, ANA, "new")
    second = web.conversations_history(
        channel=ROOM, limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    seen = [message["ts"] for page in (first, second) for message in page["messages"]]
    assert seen == old[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)


def test_histories_can_be_bounded(slack: LocalSlack, web: WebClient) -> None:
    stamps = [f"170000000{number}.000100" for number in range(5)]
    slack.post_many(Said(channel=ROOM, user=ANA, text="x", ts=stamp) for stamp in stamps)
    between: Json = {"channel": ROOM, "oldest": "1700000001.0001", "latest": stamps[3]}
    assert [message["ts"] for message in web.conversations_history(**between)["messages"]] == [stamps[2]]
    inclusive = web.conversations_history(**between, inclusive=True)["messages"]
    assert [message["ts"] for message in inclusive] == stamps[3:0:-1]


def test_a_thread_is_always_led_by_its_parent(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "0")
    replies = [slack.post(ROOM, ANA, str(number), thread_ts=question) for number in range(3)]
    shown = web.conversations_replies(channel=ROOM, ts=question, oldest=replies[1])["messages"]
    assert [message["ts"] for message in shown] == [question, replies[2]]


def test_metadata_is_shown_only_on_request(web: WebClient) -> None:
    metadata = {"event_type": "answer", "event_payload": {"id": "7"}}
    ts = web.chat_postMessage(channel=ROOM, text="A", metadata=metadata)["ts"]
    assert "metadata" not in web.conversations_history(channel=ROOM)["messages"][0]
    history = web.conversations_history(channel=ROOM, include_all_metadata=True)
    thread = web.conversations_replies(channel=ROOM, ts=ts, include_all_metadata=True)
    assert [answer["messages"][0]["metadata"] for answer in (history, thread)] == [metadata, metadata]


def test_a_text_without_blocks_takes_the_blocks_away(slack: LocalSlack, web: WebClient) -> None:
    ts = web.chat_postMessage(channel=ROOM, text="A", blocks=[section()])["ts"]
    web.chat_update(channel=ROOM, ts=ts, text="B", blocks=[section("B")])
    assert slack.message(ROOM, ts).edited is None
    web.chat_update(channel=ROOM, ts=ts, text="C")
    message = slack.message(ROOM, ts)
    assert (message.text, message.blocks) == ("C", [])
    assert message.edited is not None


def test_only_its_own_messages_can_the_bot_change(slack: LocalSlack, web: WebClient) -> None:
    ts = slack.post(ROOM, ANA, "mine")
    with pytest.raises(SlackApiError, match="cant_update_message"):
        web.chat_update(channel=ROOM, ts=ts, text="yours")
    with pytest.raises(SlackApiError, match="cant_delete_message"):
        web.chat_delete(channel=ROOM, ts=ts)
    assert len(slack.forgive("not the bot's own")) == 2


def test_permalinks_point_into_threads(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "Q", ts="1700000000.000100")
    reply = slack.post(ROOM, ANA, "A", thread_ts=question, ts="1700000001.000200")
    link = "https://example.slack.com/archives/C0SUPPORT1/p1700000000000100"
    assert web.chat_getPermalink(channel=ROOM, message_ts=question)["permalink"] == link
    assert web.chat_getPermalink(channel=ROOM, message_ts=reply)["permalink"] == (
        "https://example.slack.com/archives/C0SUPPORT1/p1700000001000200?thread_ts=1700000000.000100&cid=C0SUPPORT1"
    )


def test_reactions_are_kept_by_name(slack: LocalSlack, web: WebClient) -> None:
    ts = slack.post(ROOM, ANA, "Thanks")
    slack.react(ROOM, ts, ANA, "+1::skin-tone-3")
    web.reactions_add(channel=ROOM, timestamp=ts, name="eyes")
    with pytest.raises(SlackApiError, match="already_reacted"):
        web.reactions_add(channel=ROOM, timestamp=ts, name="eyes")
    shown = web.reactions_get(channel=ROOM, timestamp=ts)["message"]["reactions"]
    assert [(one["name"], one["users"]) for one in shown] == [
        ("+1::skin-tone-3", [ANA]),
        ("eyes", [slack.identity.bot_user]),
    ]
    web.reactions_remove(channel=ROOM, timestamp=ts, name="eyes")
    slack.unreact(ROOM, ts, ANA, "+1::skin-tone-3")
    assert "reactions" not in web.reactions_get(channel=ROOM, timestamp=ts)["message"]


def test_the_bot_sees_the_channels_it_may_see(slack: LocalSlack, web: WebClient) -> None:
    slack.add_channel("C0OPEN0001", "open", with_bot=False)
    slack.add_channel("G0MINE0001", "mine", kind=Kind.PRIVATE)
    slack.add_channel("G0SECRET01", "secret", kind=Kind.PRIVATE, with_bot=False)
    slack.add_channel("C0PARTNER1", "partner", external=True)
    pages = web.conversations_list(types="public_channel,private_channel", limit=2)
    seen = {channel["id"]: channel for page in pages for channel in page["channels"]}
    assert set(seen) == {ROOM, "C0OPEN0001", "G0MINE0001", "C0PARTNER1"}
    assert [id for id, channel in seen.items() if channel["is_ext_shared"]] == ["C0PARTNER1"]
    assert not web.conversations_info(channel="C0OPEN0001")["channel"]["is_member"]
    assert web.conversations_join(channel="C0OPEN0001")["channel"]["is_member"]
    assert web.conversations_members(channel=ROOM)["members"] == [ANA, slack.identity.bot_user]


def test_people_and_the_workspace_can_be_asked_for(slack: LocalSlack, web: WebClient) -> None:
    slack.add_user("U0PARTNER1", "pat", team="T0PARTNER1")
    assert web.users_info(user=ANA)["user"]["profile"]["real_name"] == "Ana Lima"
    assert web.users_info(user="U0PARTNER1")["user"]["is_stranger"]
    everybody = [user["id"] for page in web.users_list(limit=1) for user in page["members"]]
    assert everybody == [slack.identity.bot_user, ANA, "U0PARTNER1"]
    assert web.team_info()["team"]["id"] == slack.identity.team
    assert web.bots_info(bot=slack.identity.bot)["bot"]["user_id"] == slack.identity.bot_user


def test_user_groups_and_addresses_are_for_who_has_the_scope(slack: LocalSlack, web: WebClient) -> None:
    slack.add_user("U0BEA00001", "bea", email="bea@example.com")
    slack.put_group("S0SUPPORT1", "support-team", ["U0BEA00001"])
    slack.put_group("S0GONE0001", "gone", [], enabled=False)
    assert "email" not in web.users_info(user="U0BEA00001")["user"]["profile"]
    slack.scopes = [*DEFAULT_SCOPES, "usergroups:read", "users:read.email"]
    assert web.users_info(user="U0BEA00001")["user"]["profile"]["email"] == "bea@example.com"
    (group,) = web.usergroups_list(include_users=True)["usergroups"]
    assert (group["id"], group["handle"], group["users"]) == ("S0SUPPORT1", "support-team", ["U0BEA00001"])
    assert "users" not in web.usergroups_list()["usergroups"][0]
    assert web.usergroups_users_list(usergroup="S0SUPPORT1")["users"] == ["U0BEA00001"]
    with pytest.raises(SlackApiError, match="no_such_subteam"):
        web.usergroups_users_list(usergroup="S0NOBODY01")


def test_ephemeral_messages_and_statuses_are_recorded(slack: LocalSlack, web: WebClient) -> None:
    question = slack.post(ROOM, ANA, "Q")
    web.assistant_threads_setStatus(channel_id=ROOM, thread_ts=question, status="is thinking…")
    web.chat_postEphemeral(channel=ROOM, user=ANA, text="Only you see this.")
    assert [(one.user, one.text) for one in slack.ephemerals] == [(ANA, "Only you see this.")]
    assert [status["status"] for status in slack.statuses] == ["is thinking…"]
    assert slack.posts() == []


# Faults


def test_an_answer_may_be_an_error_a_limit_or_no_json_at_all(slack: LocalSlack, web: WebClient) -> None:
    slack.faults["users.info"] += [SlackError("fatal_error"), Pass(), Http429(3), Http500()]
    with pytest.raises(SlackApiError, match="fatal_error"):
        web.users_info(user=ANA)
    assert web.users_info(user=ANA)["user"]["id"] == ANA
    with pytest.raises(SlackApiError) as limited:
        web.users_info(user=ANA)
    assert limited.value.response.headers["Retry-After"] == "3"
    with pytest.raises(SlackApiError) as broken:
        web.users_info(user=ANA)
    assert broken.value.response.status_code == 500


def test_a_dropped_call_may_or_may_not_have_happened(slack: LocalSlack, web: WebClient) -> None:
    slack.faults["chat.postMessage"] += [DropBefore(), DropAfterEffect()]
    for text in ("lost", "posted"):
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            web.chat_postMessage(channel=ROOM, text=text)
    assert [message.text for message in slack.posts()] == ["posted"]
    assert [request.answer for request in slack.calls("chat.postMessage")] == [None, None]


def test_a_slow_call_takes_effect_before_or_after_the_wait(slack: LocalSlack) -> None:
    impatient = WebClient(slack.bot_token, base_url=slack.base_url, timeout=1, retry_handlers=[])
    slack.faults["chat.postMessage"] += [Slow(1.3), SlowAfterEffect(1.3)]
    with pytest.raises(TimeoutError):
        impatient.chat_postMessage(channel=ROOM, text="slow")
    assert slack.posts() == []
    slack.wait_for(lambda: len(slack.posts()) == 1)
    with pytest.raises(TimeoutError):
        impatient.chat_postMessage(channel=ROOM, text="late")
    assert [message.text for message in slack.posts()] == ["slow", "late"]


# What people type


def test_plain_text_is_escaped_and_marked_up_as_slack_does(slack: LocalSlack) -> None:
    typed = (
        'if a < b && c > "d" ask @ana or @nobody in #support, see https://x.example/?a=1&b=2. Mail a@x.org'
    )
    ts = slack.post(ROOM, ANA, typed)
    assert slack.message(ROOM, ts).text == (
        'if a &lt; b &amp;&amp; c &gt; "d" ask <@U0ANA00001> or @nobody in <#C0SUPPORT1|support>, '
        "see <https://x.example/?a=1&amp;b=2>. Mail <mailto:a@x.org|a@x.org>"
    )
    assert escape("<&>") == "&lt;&amp;&gt;"
    raw = slack.post(ROOM, ANA, "<!here> *bold*", raw=True)
    assert slack.message(ROOM, raw).text == "<!here> *bold*"


# Socket Mode


@dataclass
class Bot:
    """A bolt app that notes what reaches it. ``fail`` is how many of the next events it cannot store."""

    app: AsyncApp
    bodies: list[Json] = field(default_factory=list)
    retries: list[str | None] = field(default_factory=list)
    types: list[str | None] = field(default_factory=list)
    fail: int = 0

    def of(self, kind: str) -> list[Json]:
        return [body["event"] for body in self.bodies if body["event"]["type"] == kind]

    @property
    def texts(self) -> list[str]:
        return [event["text"] for event in self.of("message") if "text" in event]

    async def note(self, request: AsyncBoltRequest) -> None:
        self.types.append(request.body.get("type"))
        if request.body.get("type") != "event_callback":
            return
        if self.fail > 0:
            self.fail -= 1
            raise RuntimeError("cannot store the event")
        self.bodies.append(request.body)
        self.retries.append(request.headers.get("x-slack-retry-num", [None])[0])


@asynccontextmanager
async def bolt(slack: LocalSlack, *, listens: bool = True) -> AsyncIterator[Bot]:
    web = AsyncWebClient(slack.bot_token, base_url=slack.base_url)
    bots: list[Bot] = []

    async def before(payload: Json, body: Json, request: AsyncBoltRequest, next: Any) -> None:  # noqa: ARG001
        await bots[0].note(request)
        await next()

    app = AsyncApp(client=web, before_authorize=before, ignoring_self_events_enabled=False)
    app.logger.setLevel("CRITICAL")
    bots.append(Bot(app))
    if listens:
        app.event(re.compile(".*"))(_nothing)
    handler = AsyncSocketModeHandler(app, slack.app_token, ping_interval=0.2)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        yield bots[0]
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def _nothing(ack: AsyncAck) -> None:
    await ack()


async def test_a_message_reaches_the_bot_in_slacks_shape(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        ts = slack.post(ROOM, ANA, "Is it <down>?")
        await slack.until(lambda: slack.all_acked() and bool(bot.bodies))
        [body] = bot.bodies
        event = body["event"]
        assert (body["team_id"], body["api_app_id"]) == (slack.identity.team, slack.identity.app)
        assert body["event_id"] == slack.event_ids(ROOM, ts)[0]
        assert body["event_time"] == int(float(ts))
        assert body["authorizations"][0]["user_id"] == slack.identity.bot_user
        assert (event["text"], event["user"], event["ts"]) == ("Is it &lt;down&gt;?", ANA, ts)
        assert (event["channel"], event["channel_type"], event["event_ts"]) == (ROOM, "channel", ts)
        assert event["blocks"][0]["elements"][0]["elements"] == [{"type": "text", "text": "Is it <down>?"}]
        assert [ack.event for ack in slack.acks] == [body["event_id"]]


async def test_a_mention_comes_in_addition_to_the_message(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        ts = slack.post(ROOM, ANA, "@earshot help")
        await slack.until(lambda: len(bot.bodies) == 2)
        assert [event["ts"] for event in bot.of("message") + bot.of("app_mention")] == [ts, ts]
        assert bot.of("app_mention")[0]["text"] == f"<@{slack.identity.bot_user}> help"
        slack.post(slack.dm(ANA), ANA, "@earshot help")
        await slack.until(lambda: len(bot.bodies) == 3)
        assert bot.bodies[-1]["event"]["channel_type"] == "im"


async def test_changes_deletions_and_reactions_reach_the_bot(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        ts = slack.post(ROOM, ANA, "one", ts="1700000000.000100")
        slack.edit(ROOM, ts, "two")
        slack.unfurl(ROOM, ts, {"title": "A page"})
        slack.react(ROOM, ts, ANA, "+1", at="1700000009.000100")
        slack.unreact(ROOM, ts, ANA, "+1")
        slack.delete(ROOM, ts)
        await slack.until(lambda: len(bot.bodies) == 6)
        changed, unfurled, deleted = [event for event in bot.of("message") if "subtype" in event]
        assert (changed["previous_message"]["text"], changed["message"]["text"]) == ("one", "two")
        assert changed["message"]["edited"]["user"] == ANA
        assert unfurled["message"]["attachments"] and unfurled["message"]["text"] == "two"
        assert (deleted["deleted_ts"], deleted["previous_message"]["text"]) == (ts, "two")
        [added] = bot.of("reaction_added")
        assert added["item"] == {"type": "message", "channel": ROOM, "ts": ts}
        assert (added["user"], added["item_user"], added["event_ts"]) == (ANA, ANA, "1700000009.000100")
        assert len(bot.of("reaction_removed")) == 1


async def test_what_the_bot_does_comes_back_to_it(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        ts = (await bot.app.client.chat_postMessage(channel=ROOM, text="Hello"))["ts"]
        await bot.app.client.reactions_add(channel=ROOM, timestamp=ts, name="eyes")
        await slack.until(lambda: len(bot.bodies) == 2)
        [message], [reaction] = bot.of("message"), bot.of("reaction_added")
        assert (message["bot_id"], message["user"]) == (slack.identity.bot, slack.identity.bot_user)
        assert reaction["user"] == slack.identity.bot_user


async def test_only_what_the_app_may_hear_is_sent(slack: LocalSlack) -> None:
    slack.add_channel("C0ELSE0001", "else", with_bot=False)
    slack.add_channel("C0PARTNER1", "partner", external=True)
    slack.scopes = [scope for scope in DEFAULT_SCOPES if scope != "reactions:read"]
    async with bolt(slack) as bot:
        slack.post("C0ELSE0001", ANA, "unheard")
        ts = slack.post(ROOM, ANA, "heard")
        slack.react(ROOM, ts, ANA, "+1")
        slack.join("C0ELSE0001", slack.identity.bot_user, inviter=ANA)
        slack.post("C0ELSE0001", ANA, "now heard")
        slack.post("C0PARTNER1", ANA, "by partners")
        await slack.until(lambda: len(bot.bodies) == 4)
        assert bot.texts == ["heard", "now heard", "by partners"]
        assert bot.of("member_joined_channel")[0]["inviter"] == ANA
        assert [body["is_ext_shared_channel"] for body in bot.bodies] == [False, False, False, True]


async def test_other_bots_files_and_broadcasts_are_told_apart(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        slack.post(ROOM, None, "build failed", bot_id="B0JENKINS1")
        question = slack.post(ROOM, ANA, "see", files=[{"id": "F1", "name": "log.txt"}])
        slack.post(ROOM, ANA, "for all", thread_ts=question, broadcast=True)
        await slack.until(lambda: len(bot.bodies) == 3)
        alert, shared, broadcast = bot.of("message")
        assert (alert["subtype"], alert["bot_id"], "user" in alert) == ("bot_message", "B0JENKINS1", False)
        assert (shared["subtype"], shared["files"][0]["name"]) == ("file_share", "log.txt")
        assert (broadcast["subtype"], broadcast["root"]["ts"]) == ("thread_broadcast", question)


async def test_an_event_that_was_not_acknowledged_comes_again() -> None:
    with LocalSlack(schedule=RetrySchedule(within=0.1, pauses=(0.0, 0.2, 5.0))) as slack:
        furnish(slack)
        async with bolt(slack) as bot:
            bot.fail = 2
            slack.post(ROOM, ANA, "once")
            await slack.until(lambda: slack.all_acked() and bool(bot.bodies))
            [delivery] = slack.deliveries
            assert (len(set(delivery.envelopes)), bot.retries) == (3, ["2"])
            assert [body["event_id"] for body in bot.bodies] == [delivery.event]
            assert slack.violations == []


async def test_an_event_that_is_never_acknowledged_is_lost() -> None:
    schedule = RetrySchedule(within=0.1, pauses=(0.0, 0.1, 0.2))
    with LocalSlack(schedule=schedule) as slack:
        furnish(slack)
        async with bolt(slack, listens=False) as bot:
            started = time.monotonic()
            ts = slack.post(ROOM, ANA, "nobody listens")
            await slack.until(lambda: bool(slack.violations))
            assert time.monotonic() - started >= 0.7
            assert bot.retries == ["0", "1", "2", "3"]
            assert slack.forgive(f"event lost, never acknowledged: {slack.event_ids(ROOM, ts)[0]}")
            assert slack.violations == []


async def test_the_same_may_arrive_twice(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        ts = slack.post_twice(ROOM, ANA, "twice")
        await slack.until(lambda: len(bot.bodies) == 2)
        ids = slack.event_ids(ROOM, ts)
        assert len(set(ids)) == 2
        slack.redeliver(ids[0])
        await slack.until(lambda: len(bot.bodies) == 3 and slack.all_acked())
        assert [body["event_id"] for body in bot.bodies] == [*ids, ids[0]]
        assert [body["event"]["ts"] for body in bot.bodies] == [ts, ts, ts]
        assert bot.retries == ["0", "0", "1"]


async def test_the_notice_of_withheld_events_needs_no_acknowledgement(slack: LocalSlack) -> None:
    async with bolt(slack, listens=False) as bot:
        slack.rate_limit_events()
        await slack.until(lambda: bot.types == ["app_rate_limited"])
        assert slack.all_acked()


async def test_nothing_is_lost_over_a_refresh_in_the_middle_of_a_burst(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        before = slack.post_many(Said(channel=ROOM, user=ANA, text=str(number)) for number in range(100))
        slack.refresh()
        after = slack.post_many(Said(channel=ROOM, user=ANA, text=str(number)) for number in range(100))
        await slack.until(lambda: slack.all_acked() and slack.sockets_opened == 2, timeout=15)
        assert {event["ts"] for event in bot.of("message")} == {*before, *after}


async def test_the_client_comes_back_after_a_cut_and_a_refusal(slack: LocalSlack) -> None:
    async with bolt(slack) as bot:
        slack.cut()
        slack.post(ROOM, ANA, "while away")
        await slack.until(lambda: slack.sockets_opened == 2)
        slack.refuse(0.5)
        slack.post(ROOM, ANA, "while refused")
        await slack.until(lambda: len(set(bot.texts)) == 2 and slack.all_acked(), timeout=20)
        assert slack.sockets_opened == 3


async def test_events_may_be_held_until_a_socket_opens() -> None:
    with LocalSlack(hold=True, schedule=RetrySchedule(within=0.3, pauses=())) as slack:
        furnish(slack)
        slack.post_many(Said(channel=ROOM, user=ANA, text=str(number)) for number in range(3))
        await asyncio.sleep(0.5)
        async with bolt(slack) as bot:
            await slack.until(lambda: slack.all_acked() and len(bot.bodies) == 3)
            assert bot.texts == ["0", "1", "2"]
        assert slack.violations == []


async def test_a_ticket_opens_one_socket(slack: LocalSlack) -> None:
    app = AsyncWebClient(slack.app_token, base_url=slack.base_url)
    url = (await app.apps_connections_open(app_token=slack.app_token))["url"]
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["type"] == "hello"
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)


async def test_a_frame_that_acknowledges_nothing_is_recorded(slack: LocalSlack) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(await socket_url(slack)) as socket:
        await socket.send_str("pardon?")
        await socket.send_json({"envelope_id": "made-up"})
        await slack.until(lambda: len(slack.violations) == 2)
        assert slack.forgive("no acknowledgement") and slack.forgive("never sent")


async def socket_url(slack: LocalSlack) -> str:
    web = AsyncWebClient(base_url=slack.base_url)
    return str((await web.apps_connections_open(app_token=slack.app_token))["url"])


# What people press


async def test_thumbs_and_buttons_are_pressed_as_they_were_posted(slack: LocalSlack) -> None:
    pressed: list[Json] = []

    async def on_action(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
        await ack()
        pressed.append(body)
        await respond(text="Thank you", replace_original=False)

    async with bolt(slack) as bot:
        bot.app.action(re.compile(".*"))(on_action)
        blocks = [feedback(), buttons(button(value="v1"), button(action_id="no", value="v2"))]
        ts = (await bot.app.client.chat_postMessage(channel=ROOM, text="A", blocks=blocks))["ts"]
        slack.click(ROOM, ts, ANA, "thumb", "down")
        slack.click(ROOM, ts, ANA, "no")
        await slack.until(lambda: len(slack.ephemerals) == 2 and slack.all_acked())
        thumb, no = [body["actions"][0] for body in pressed]
        assert (thumb["type"], thumb["action_id"], thumb["value"]) == ("feedback_buttons", "thumb", "down")
        assert (no["type"], no["action_id"], no["value"]) == ("button", "no", "v2")
        assert thumb["block_id"] == slack.message(ROOM, ts).blocks[0]["block_id"]
        assert pressed[0]["container"]["message_ts"] == pressed[0]["message"]["ts"] == ts
        assert pressed[0]["user"]["id"] == ANA
        with pytest.raises(LookupError, match="offered: 'up', 'down'"):
            slack.click(ROOM, ts, ANA, "thumb", "sideways")


async def test_a_form_is_opened_by_a_shortcut_and_sent(slack: LocalSlack) -> None:
    forms: list[Json] = []
    view = {
        "type": "modal",
        "callback_id": "why",
        "title": {"type": "plain_text", "text": "Why?"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {
                "type": "input",
                "label": {"type": "plain_text", "text": "The right answer"},
                "element": {"type": "plain_text_input", "action_id": "answer", "multiline": True},
            }
        ],
    }

    async def on_shortcut(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=view)
        with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
            await client.views_open(trigger_id=body["trigger_id"], view=view)

    async def on_view(ack: AsyncAck, body: Json) -> None:
        await ack(response_action="clear")
        forms.append(body)

    async with bolt(slack) as bot:
        bot.app.shortcut("correct")(on_shortcut)
        bot.app.view("why")(on_view)
        ts = slack.post(ROOM, ANA, "That was wrong")
        slack.message_shortcut("correct", ROOM, ts, ANA)
        await slack.until(lambda: bool(slack.forgive("exchanged_trigger_id")))
        delivery = slack.submit(slack.views[0]["id"], {"answer": "Restart it"})
        await slack.until(lambda: delivery.ack is not None)
        assert delivery.ack is not None and delivery.ack.payload == {"response_action": "clear"}
        [block] = forms[0]["view"]["state"]["values"].values()
        assert block["answer"] == {"type": "plain_text_input", "value": "Restart it"}


HOME: Json = {"type": "home", "blocks": [buttons(button(action_id="mute", value="C1"))]}
FIELD = {
    "type": "input",
    "label": {"type": "plain_text", "text": "Name"},
    "element": {"type": "plain_text_input", "action_id": "name"},
}


async def test_a_home_tab_is_one_persons_and_is_pressed_without_a_channel(slack: LocalSlack) -> None:
    pressed: list[Json] = []
    opened: list[Json] = []

    async def on_open(event: Json, client: AsyncWebClient) -> None:
        opened.append(event)
        await client.views_publish(user_id=event["user"], view=HOME)

    async def on_press(ack: AsyncAck, body: Json) -> None:
        await ack()
        pressed.append(body)

    async with bolt(slack, listens=False) as bot:
        bot.app.event("app_home_opened")(on_open)
        bot.app.action("mute")(on_press)
        for count in (1, 2):
            slack.open_home(ANA)
            await slack.until(lambda: len(slack.homes(ANA)) == count)
        slack.click_at_home(ANA, "mute")
        await slack.until(lambda: bool(pressed))
    assert "view" not in opened[0] and opened[1]["view"]["type"] == "home"
    assert opened[0]["tab"] == "home" and opened[0]["channel"] == slack.dm(ANA)
    assert pressed[0]["container"]["type"] == "view" and pressed[0]["actions"][0]["value"] == "C1"
    assert "channel" not in pressed[0] and "response_url" not in pressed[0]
    with pytest.raises(LookupError):
        slack.home("U0NOBODY01")


@pytest.mark.parametrize(
    ("blocks", "more", "taken"),
    [
        ([section()] * 100, {}, True),
        ([section()] * 101, {}, False),
        ([FIELD], {}, True),
        ([{"type": "markdown", "text": "x"}], {}, False),
        ([section()], {"title": {"type": "plain_text", "text": "Home"}}, False),
    ],
    ids=["100", "101", "a field", "markdown", "a title"],
)
def test_a_home_tab_has_at_most_100_blocks_and_no_title(blocks: list[Json], more: Json, taken: bool) -> None:
    view = {"type": "home", "blocks": blocks, **more}
    if taken:
        check_view(view)
        return
    with pytest.raises(Refused):
        check_view(view)


async def test_a_command_is_answered_in_its_acknowledgement(slack: LocalSlack) -> None:
    async def on_command(ack: AsyncAck, body: Json) -> None:
        await ack(f"{body['command']} {body['text']} in {body['channel_name']}")

    async with bolt(slack) as bot:
        bot.app.command("/earshot")(on_command)
        delivery = slack.command("/earshot", "why", ROOM, ANA)
        await slack.until(slack.all_acked)
        assert delivery.ack is not None and delivery.ack.payload == {"text": "/earshot why in support"}


async def test_a_click_that_is_not_acknowledged_is_not_repeated() -> None:
    with LocalSlack(answer_within=0.2, schedule=RetrySchedule(within=0.1, pauses=(0.1,))) as slack:
        furnish(slack)
        async with bolt(slack) as bot:
            blocks = [buttons(button(value="v1"))]
            ts = (await bot.app.client.chat_postMessage(channel=ROOM, text="A", blocks=blocks))["ts"]
            delivery = slack.click(ROOM, ts, ANA, "ok")
            await slack.until(lambda: delivery.lost)
            await asyncio.sleep(0.3)
            assert len(delivery.envelopes) == 1
            assert slack.forgive("interactive not answered within 0.2 s")
            assert slack.violations == []


def test_a_response_url_is_used_up(slack: LocalSlack) -> None:
    slack.command("/earshot", "", ROOM, ANA)
    url = slack.deliveries[-1].payload["response_url"]
    for _ in range(5):
        assert respond(url, text="again", response_type="in_channel") == 200
    assert [message.text for message in slack.posts()] == ["again"] * 5
    with pytest.raises(OSError, match="404"):
        respond(url, text="once more")
    assert slack.forgive("used_url")


def respond(url: str, **body: str) -> int:
    request = HttpRequest(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=5) as answer:
        return int(answer.status)


# The server itself


async def test_thousands_of_envelopes_a_second_are_sent_and_acknowledged() -> None:
    count = 3000
    with LocalSlack(schedule=SLACKS_SCHEDULE) as slack:
        furnish(slack)
        async with aiohttp.ClientSession() as session, session.ws_connect(await socket_url(slack)) as socket:
            await socket.receive_json()
            started = time.monotonic()
            sent = slack.post_many(Said(channel=ROOM, user=ANA, text=str(number)) for number in range(count))
            received = []
            for _ in range(count):
                envelope = await socket.receive_json()
                received.append(envelope["payload"]["event"]["ts"])
                await socket.send_json({"envelope_id": envelope["envelope_id"]})
            await slack.until(slack.all_acked)
            elapsed = time.monotonic() - started
        assert received == sent
        assert count / elapsed > 1000
        assert slack.violations == []


async def test_waiting_in_an_event_loop_is_refused_and_a_failed_wait_says_why(slack: LocalSlack) -> None:
    with pytest.raises(RuntimeError, match="until"):
        slack.wait_connected()
    slack.post(ROOM, ANA, "unheard")
    with pytest.raises(AssertionError, match="unacknowledged: 1"):
        await slack.until(slack.all_acked, timeout=0.05)


def test_stamps_never_repeat_and_always_grow(slack: LocalSlack) -> None:
    stamps = slack.post_many(Said(channel=ROOM, user=ANA, text="x") for _ in range(500))
    assert all(earlier < later for earlier, later in pairwise(stamps))
    with pytest.raises(ValueError, match="taken"):
        slack.post(ROOM, ANA, "x", ts=stamps[0])


# ---- over HTTP, and installing


@asynccontextmanager
async def address(answers: list[int]) -> AsyncIterator[tuple[str, list[Json]]]:
    """An app that answers with these in turn (0: too late), then 200; and what it was sent."""
    sent: list[Json] = []

    async def take(request: http.Request) -> http.Response:
        body = await request.json()
        if body["type"] == "url_verification":
            return http.json_response({"challenge": body["challenge"]})
        named = {name: request.headers.get(f"X-Slack-Retry-{name}") for name in ("Num", "Reason")}
        sent.append({"event": body["event_id"], **named})
        status = answers.pop(0) if answers else 200
        if status == 0:
            await asyncio.sleep(10)
        return http.Response(status=status or 200)

    app = http.Application()
    app.router.add_post("/", take)
    runner = http.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await http.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", sent
    await runner.cleanup()


async def test_over_http_only_200_in_time_is_an_acknowledgement_and_the_rest_comes_again() -> None:
    with LocalSlack(schedule=RetrySchedule(within=1.0, pauses=(0.0, 0.05, 0.1))) as slack:
        furnish(slack)
        async with address([500, 0, 302]) as (url, sent):
            slack.post_events_to(url, "a secret")
            slack.post(ROOM, ANA, "hello")
            await slack.until(slack.all_acked)
        (event,) = {one["event"] for one in sent}
        assert [(one["Num"], one["Reason"]) for one in sent] == [
            (None, None),
            ("1", "http_error"),
            ("2", "http_timeout"),
            ("3", "http_error"),
        ]
        assert [status for of, status in slack.http_answers if of == event] == [500, 0, 302, 200]
        assert slack.violations == []
        async with address([500] * 4) as (url, _):
            slack.post_events_to(url, "a secret")
            slack.post(ROOM, ANA, "hello again")
            await slack.until(lambda: bool(slack.violations))
        assert slack.forgive("event lost") and slack.violations == []


async def test_codes_and_refresh_tokens_are_good_once_and_only_with_the_apps_secret() -> None:
    with LocalSlack() as slack:
        slack.oauth.redirect_urls, slack.oauth.expires_in = ["https://x/back"], 43_200
        asked = (
            f"https://slack.com/oauth/v2/authorize?client_id={slack.oauth.client_id}&scope=chat:write&state=s"
        )
        back = slack.agree(asked)
        code = back.partition("code=")[2].partition("&")[0]

        async def access(secret: str, **more: str) -> Json:
            given = {"client_id": slack.oauth.client_id, "client_secret": secret, **more}
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"{slack.base_url}oauth.v2.access", data=given) as answer,
            ):
                told: Json = await answer.json()
                return told

        right = slack.oauth.client_secret
        assert (await access("wrong", code=code))["error"] == "bad_client_secret"
        first = await access(right, code=code)
        assert (await access(right, code=code))["error"] == "invalid_code"
        again = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        second = await access(right, **again)
        assert second["access_token"] != first["access_token"] and second["expires_in"] == 43_200
        assert (await access(right, **again))["error"] == "invalid_refresh_token"
        client = AsyncWebClient(second["access_token"], base_url=slack.base_url)
        assert (await client.auth_test())["team_id"] == slack.identity.team
        slack.oauth.void(second["access_token"], "token_expired")
        with pytest.raises(SlackApiError, match="token_expired"):
            await client.auth_test()
        assert slack.violations == []

"""Slack over HTTP: the real client behind an address that the local Slack posts to, signing by its own code."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import func, select

from bot import tables
from bot.adapters.adapter import Arrival
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import PATH, SlackHook, is_signed
from bot.adapters.slack_wire import FEEDBACK_ACTION
from bot.config import Secrets
from bot.config_file import problems_to_run
from bot.web import Web
from tests.bot.running import ANN, CHANNEL, QUESTION, Running, config, entry, running, workspace
from tests.local_slack import LocalSlack
from tests.local_slack.http_events import signed

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []
        assert local.sockets_opened == 0


async def in_inbox(run: Running) -> int:
    counted = select(func.count()).select_from(tables.inbox)
    return int(await run.database.run(lambda connection: connection.execute(counted).scalar_one()))


async def test_a_question_over_http_is_answered_once_and_a_click_and_the_command_count(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], signing_secret=SECRET) as run:
        asked = slack.post_twice(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(asked)) == 1)
        slack.redeliver(slack.event_ids(CHANNEL, asked)[0])
        (reply,) = slack.bot_replies(asked)
        votes = select(func.count()).select_from(tables.votes)
        click = slack.click(CHANNEL, reply.ts, ANN, FEEDBACK_ACTION)
        await slack.until(lambda: click.ack is not None)
        command = slack.command("/earshot", "status", CHANNEL, ANN)
        await slack.until(lambda: len(slack.ephemerals) >= 1)
        assert command.ack is not None
        await slack.until(slack.all_acked)
        await run.app.drain()
        assert await run.database.run(lambda connection: connection.execute(votes).scalar_one()) == 1
    assert len(slack.posts()) == 1
    assert {status for _, status in slack.http_answers} == {200}


def event_body(event_id: str = "Ev0STRANGER") -> dict[str, Any]:
    event = {"type": "message", "channel": CHANNEL, "user": ANN, "text": QUESTION, "ts": "1700000000.000100"}
    event |= {"event_ts": event["ts"], "channel_type": "channel"}
    return {
        "type": "event_callback",
        "team_id": "T0LOCAL001",
        "event_id": event_id,
        "event_time": 1700000000,
        "event": event,
    }


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_what_slack_did_not_sign_now_is_refused_and_not_kept(slack: LocalSlack, tmp_path: Path) -> None:
    raw = json.dumps(event_body()).encode()
    checked = json.dumps({**event_body(), "ssl_check": "1"}).encode()  # bolt checks no signature of these
    form = urlencode({"ssl_check": "1", "payload": raw.decode()}).encode()
    command = urlencode({"command": "/earshot", "team_id": "T0LOCAL001", "text": "mute"}).encode()
    good, now = signed(raw, SECRET), time.time()
    refused: list[tuple[bytes, dict[str, str]]] = [
        (raw, {}),
        (raw, signed(raw, "another secret")),
        (raw, signed(raw + b" ", SECRET)),
        (raw, signed(raw, SECRET, at=now - 310)),
        (raw, signed(raw, SECRET, at=now + 310)),
        (raw, good | {"X-Slack-Request-Timestamp": "soon"}),
        (raw, good | {"X-Slack-Signature": "v0=\u00e9"}),
        (raw, good | {"X-Slack-Signature": good["X-Slack-Signature"].removeprefix("v0=")}),
        (checked, {}),
        (form, FORM),
        (command, FORM),
        (b'["a list"]', {}),
        (b"\xff\xfe", signed(b"\xff\xfe", SECRET)),
        (b"{", {}),
    ]
    async with running(slack, tmp_path, signing_secret=SECRET) as run, aiohttp.ClientSession() as session:
        assert run.web is not None
        for body, headers in refused:
            async with session.post(run.web.url + PATH, data=body, headers=JSON | headers) as answer:
                assert answer.status == 401, (body, headers)
        assert await in_inbox(run) == 0
        async with session.post(run.web.url + PATH, data=raw, headers=JSON | good) as answer:
            assert answer.status == 200
        assert await in_inbox(run) == 1


async def test_the_challenge_is_given_back(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, signing_secret=SECRET) as run:
        assert run.web is not None
        asked = slack.post_events_to(run.web.url + PATH, SECRET)
        await slack.until(lambda: asked.ack is not None)
        assert asked.ack is not None and asked.ack.payload == {"challenge": asked.payload["challenge"]}


async def test_an_event_that_cannot_be_kept_is_not_acknowledged_and_comes_again(slack: LocalSlack) -> None:
    failing, kept = [True], list[Arrival]()

    async def take_in(arrival: Arrival) -> None:
        if failing and failing.pop():
            raise OSError("the disk is full")
        kept.append(arrival)

    web = Web("127.0.0.1", 0)
    adapter = SlackAdapter(slack.bot_token, "", slack.base_url, SlackHook(SECRET, web))
    await adapter.listen(take_in)
    await web.start()
    slack.post_events_to(web.url + PATH, SECRET)
    said = slack.post(CHANNEL, ANN, "keep this")
    await slack.until(slack.all_acked)
    await web.stop()
    await adapter.close()
    (event_id,) = slack.event_ids(CHANNEL, said)
    assert [status for event, status in slack.http_answers if event == event_id] == [500, 200]
    assert [arrival.key for arrival in kept] == [f"slack:{event_id}"]


def test_the_local_slack_signs_as_slacks_own_sdk_checks() -> None:
    headers = signed(b"body", SECRET)
    assert SignatureVerifier(SECRET).is_valid_request(b"body", headers)
    assert is_signed(b"body", headers, SignatureVerifier(SECRET))


def test_over_http_no_app_token_is_needed_but_a_signing_secret() -> None:
    settings = config(slack={"mode": "http"})
    assert problems_to_run(settings, Secrets(slack_bot_token="xoxb-1", slack_signing_secret="s")) == ()
    (problem,) = problems_to_run(settings, Secrets(slack_bot_token="xoxb-1", slack_app_token="xapp-1"))
    assert problem.key == "SLACK_SIGNING_SECRET" and "Basic Information" in problem.remedy
    with pytest.raises(ValueError, match="anybody could speak for Slack"):
        SlackHook("", Web("127.0.0.1", 0))

"""Claude as the writer, as people in Slack meet it: the real Slack client and the real Claude client, both local."""

import asyncio
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import ledger
from bot.config import Config, Secrets
from bot.spending import Amount, spent_on
from knowledge.images import UNSEEN
from tests.bot.running import (
    ANN,
    BOB,
    CHANNEL,
    QUESTION,
    SOLUTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.knowledge.answering import Calls
from tests.local_anthropic import Cites, Finds, Http, LocalAnthropic, Piece, Place, Says, Stops
from tests.local_slack import LocalSlack

FULL, CLEAN = (f"{sentence}." for sentence in SOLUTION.removesuffix(".").split(". "))
QUIET = 0.4  # seconds in which nothing more must happen
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


@pytest.fixture
def api() -> Iterator[LocalAnthropic]:
    with LocalAnthropic() as local:
        local.otherwise = Finds(FULL, " ", CLEAN)
        yield local
        assert local.violations == []


def settings(**claude: object) -> Config:
    return config(writer="claude", claude=claude)


def secrets(api: LocalAnthropic) -> Secrets:
    return Secrets(anthropic_api_key=api.key, anthropic_base_url=api.base_url)


async def answered(run: Running, ts: str) -> str:
    """The text of the one reply to a message."""
    await run.slack.until(lambda: bool(run.slack.bot_replies(ts)))
    await asyncio.sleep(QUIET)
    [reply] = run.slack.bot_replies(ts)
    return reply.text


async def silent(run: Running, ts: str) -> tuple[str, str]:
    """Why nothing was said to a message: the reason's name and text."""
    message_id = f"slack:{run.slack.identity.team}/{CHANNEL}/{ts}"
    for _ in range(1_000):
        row = await run.database.run(lambda connection: ledger.last_decision(connection, message_id))
        if row is not None and row.action != "WAIT":
            assert run.slack.posts() == []
            return ledger.first_reason(row)
        await asyncio.sleep(0.01)
    raise AssertionError("it was not decided")


async def test_a_question_gets_one_reply_whose_sentences_are_cited(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    calls = Calls()
    async with running(
        slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api), calls=calls
    ) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        assert await answered(run, ts) == f"{FULL} [1] {CLEAN} [1]"
        day = await run.database.run(
            lambda c: spent_on(c, str(c.exec_driver_sql("select day from spending").scalar()))
        )
    [reply] = slack.posts()
    sections = [block["text"]["text"] for block in reply.blocks if block["type"] == "section"]
    assert sections[1] == f">{FULL} [1] {CLEAN} [1]"  # one paragraph
    [call] = calls.told
    assert (call.purpose, call.outcome, len(api.requests)) == ("answer", "answered", 1)
    assert call.channel == f"slack:{slack.identity.team}/{CHANNEL}"
    used = call.input_tokens + call.output_tokens + call.cache_write_tokens
    assert day == Amount(tokens=used, usd_micro=round(call.usd * 1_000_000))


async def test_what_is_not_asked_never_reaches_claude(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api)) as run:
        await silent(run, slack.post(CHANNEL, ANN, "good morning everybody"))
    assert api.requests == []


async def test_with_the_budget_spent_the_answer_is_quoted(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    poor = settings(daily_usd="0.001")
    async with running(slack, tmp_path, [entry()], settings=poor, secrets=secrets(api)) as run:
        assert await answered(run, slack.post(CHANNEL, ANN, QUESTION)) == f"{SOLUTION} [1]"
    assert api.requests == []


@pytest.mark.parametrize("status", [401, 400])
async def test_where_claude_fails_the_answer_is_quoted_and_posted_once(
    status: int, slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    api.faults["messages.create"].append(Http(status))
    async with running(slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api)) as run:
        assert await answered(run, slack.post(CHANNEL, ANN, QUESTION)) == f"{SOLUTION} [1]"
    assert len(slack.posts()) == 1


@pytest.mark.parametrize(
    ("reply", "why", "text"),
    [
        (Stops("refusal"), "no grounded answer", "Claude refused"),
        (Says("NO_ANSWER"), "no grounded answer", "the sources do not answer the question"),
        (Says("PERSON destructive"), "a person should", "it could destroy data"),
    ],
)
async def test_what_claude_declines_is_met_with_silence_and_its_reason_is_kept(
    reply: Stops | Says, why: str, text: str, slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    api.otherwise = reply
    async with running(slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api)) as run:
        assert await silent(run, slack.post(CHANNEL, ANN, QUESTION)) == (why, text)
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    "pieces",
    [
        (Piece(FULL),),
        (Piece("The disk is broken, buy a new one.", (Place(0, 0, 1, "The disk is broken."),)),),
        (Piece(FULL, (Place(0, 0, 1),)), Piece(" Then run `rm -rf /var`.")),
    ],
)
async def test_what_no_source_says_is_not_posted(
    pieces: tuple[Piece, ...], slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    api.otherwise = Cites(pieces)
    async with running(slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api)) as run:
        assert await silent(run, slack.post(CHANNEL, ANN, QUESTION)) == (
            "no grounded answer",
            "no source says what could be said",
        )


async def test_a_name_that_slack_knows_does_not_go_out(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    slack.add_user("U0ZELDA001", "zelda")
    async with running(slack, tmp_path, [entry()], settings=settings(), secrets=secrets(api)) as run:
        await answered(run, slack.post(CHANNEL, "U0ZELDA001", f"{QUESTION} Regards, Zelda"))
    assert "zelda" not in json.dumps(api.requests[0].body["messages"]).casefold()


# ---- screenshots


async def test_a_screenshot_is_fetched_and_sent_where_that_is_allowed(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    shot = slack.add_file("gate.png", PNG)
    async with running(
        slack, tmp_path, [entry()], settings=settings(images="true"), secrets=secrets(api)
    ) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION, files=[shot])
        assert UNSEEN not in str(await answered(run, ts))
    kinds = [block["type"] for block in api.requests[0].body["messages"][0]["content"]]
    assert kinds == ["search_result", "image", "text"]
    assert UNSEEN not in json.dumps(slack.posts()[0].blocks)


@pytest.mark.parametrize(
    ("allowed", "scoped", "fetched"),
    [("false", True, 0), ("true", False, 1)],
    ids=["not allowed", "no scope"],
)
async def test_a_screenshot_that_was_not_seen_is_spoken_of(
    allowed: str, scoped: bool, fetched: int, slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    slack.scopes = tuple(scope for scope in slack.scopes if scoped or scope != "files:read")
    shot = slack.add_file("gate.png", PNG)
    async with running(
        slack, tmp_path, [entry()], settings=settings(images=allowed), secrets=secrets(api)
    ) as run:
        await answered(run, slack.post(CHANNEL, ANN, QUESTION, files=[shot]))
    assert f"_{UNSEEN}_" in [
        block.get("text", {}).get("text") for block in slack.posts()[0].blocks if "text" in block
    ]
    assert len(slack.files_asked) == fetched


async def test_the_token_is_not_sent_to_where_a_file_says_it_is(
    slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    shot = slack.add_file("gate.png", PNG) | {"url_private": "http://127.0.0.2:9/gate.png"}
    async with running(
        slack, tmp_path, [entry()], settings=settings(images="true"), secrets=secrets(api)
    ) as run:
        await answered(run, slack.post(CHANNEL, ANN, QUESTION, files=[shot]))
    assert slack.files_asked == []
    assert UNSEEN in json.dumps(slack.posts()[0].blocks)


# ---- a vague follow-up


@pytest.mark.parametrize("rewrite", ["on", "off"])
async def test_a_vague_follow_up_is_made_whole_where_config_asks_for_it(
    rewrite: str, slack: LocalSlack, api: LocalAnthropic, tmp_path: Path
) -> None:
    api.script("Anybody who knows how?", Says("How do I start a gate again that stops with MLR-4090?"))
    calls = Calls()
    patient = config(wait=0.0, writer="claude", claude={"rewrite": rewrite})
    async with running(
        slack, tmp_path, [entry()], settings=patient, secrets=secrets(api), calls=calls, settle=timedelta()
    ) as run:
        first = slack.post(CHANNEL, ANN, "Good morning, it stopped again here.")
        await silent(run, first)
        later = slack.post(CHANNEL, ANN, "Anybody who knows how?", thread_ts=first)
        await asyncio.sleep(QUIET)
        await silent(run, later)
    assert [call.purpose for call in calls.told].count("rewrite") == (1 if rewrite == "on" else 0)
    assert BOB not in json.dumps([request.body for request in api.requests])

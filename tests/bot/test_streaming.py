"""An answer that somebody asked for is said paragraph by paragraph, once, whatever happens on the way."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Connection, select

from bot import intents, ledger
from bot.adapters import slack_stream
from bot.adapters.acts import Post
from bot.answerer import Citation, Line, Suggestion
from bot.tables import suggestions
from knowledge.entry import EntryKind
from tests.bot.running import (
    ANN,
    CHANNEL,
    PRIVATE,
    QUESTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.bot.test_markup import TEXT
from tests.local_slack import (
    DropAfterEffect,
    DropBefore,
    Http429,
    LocalSlack,
    Pass,
    SlackError,
    SlowAfterEffect,
)

LIVE = config(slack={"stream": True})
START, APPEND, STOP = "chat.startStream", "chat.appendStream", "chat.stopStream"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(post_interval=0.0) as local:
        workspace(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def live(slack: LocalSlack, folder: Path, **more: Any) -> AsyncIterator[Running]:
    async with running(slack, folder, [entry()], settings=more.pop("settings", LIVE), **more) as run:
        run.bot.adapter_of(f"slack:{slack.identity.team}/{CHANNEL}").post_interval = 0.0
        yield run


async def asked(slack: LocalSlack) -> str:
    return slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")


async def finished(slack: LocalSlack, ts: str) -> Any:
    """The one answer, once it has its buttons."""
    await slack.until(lambda: any("context_actions" in str(one.blocks) for one in slack.bot_replies(ts)))
    (reply,) = slack.bot_replies(ts)
    assert not reply.streaming and "earshot_reply" in str(reply.metadata)
    assert "spill clean" in reply.text + str(reply.blocks) and "analyst" in str(reply.blocks)
    return reply


def calls(slack: LocalSlack, method: str) -> int:
    return len(slack.calls(method))


async def test_an_answer_that_was_asked_for_appears_paragraph_by_paragraph(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path) as run:
        reply = await finished(slack, await asked(slack))
        assert "**A similar question was answered before:**" in reply.text
        assert "> MLR-4090 means that the spill folder is full" in reply.text
        assert (calls(slack, START), calls(slack, APPEND), calls(slack, STOP)) == (1, 2, 1)
        assert calls(slack, "chat.postMessage") == 0
        posted = f"slack:{slack.identity.team}/{CHANNEL}/{reply.ts}"
        await _until(run, lambda c: ledger.is_own(c, posted))  # thumbs and corrections find it


async def _until(run: Running, holds: Callable[[Connection], bool]) -> None:
    for _ in range(2_000):
        if await run.database.run(holds):
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came to hold")


async def test_what_nobody_asked_for_is_posted_as_a_whole(slack: LocalSlack, tmp_path: Path) -> None:
    async with live(slack, tmp_path):
        await finished(slack, slack.post(CHANNEL, ANN, QUESTION))
    assert calls(slack, START) == 0


async def test_it_is_off_unless_config_says_so(slack: LocalSlack, tmp_path: Path) -> None:
    async with live(slack, tmp_path, settings=config()):
        await finished(slack, await asked(slack))
    assert calls(slack, START) == 0


@pytest.mark.parametrize("error", ["unknown_method", "channel_type_not_supported"])
async def test_where_slack_refuses_it_the_answer_is_posted_and_it_is_not_tried_again(
    slack: LocalSlack, tmp_path: Path, error: str
) -> None:
    slack.faults[START].append(SlackError(error))
    async with live(slack, tmp_path):
        await finished(slack, await asked(slack))
        await finished(slack, slack.post(PRIVATE, ANN, f"@earshot {QUESTION}"))
    assert calls(slack, START) == 1


@pytest.mark.parametrize(
    ("method", "faults"),
    [
        (START, [DropAfterEffect()]),
        (START, [DropBefore()]),
        (START, [Http429(1)]),
        (APPEND, [DropAfterEffect()]),
        (APPEND, [Pass(), Http429(1)]),
        (APPEND, [Pass(), SlackError("stopped_by_user")]),
        (STOP, [DropAfterEffect()]),
        (STOP, [DropBefore()]),
        (STOP, [SlackError("message_not_in_streaming_state")]),
    ],
)
async def test_whatever_goes_wrong_on_the_way_it_stands_there_once_and_whole(
    slack: LocalSlack, tmp_path: Path, method: str, faults: list[Any]
) -> None:
    slack.faults[method] += faults
    async with live(slack, tmp_path):
        reply = await finished(slack, await asked(slack))
    said = reply.text + str(reply.blocks)
    assert len([one for one in slack.posts() if not one.deleted]) == 1
    assert len(re.findall("spill clean", reply.text)) == 1 and "MLR-4090" in said


async def test_what_was_cut_off_on_the_way_is_finished_after_the_start(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults[APPEND] += [Pass(), SlowAfterEffect(4.0)]
    async with live(slack, tmp_path):
        ts = await asked(slack)
        await slack.until(lambda: any("spill clean" in one.text for one in slack.bot_replies(ts)))
    (reply,) = slack.bot_replies(ts)
    assert reply.streaming  # it stopped in the middle
    async with live(slack, tmp_path):
        assert len(re.findall("spill clean", (await finished(slack, ts)).text)) == 1
    assert len(slack.posts()) == 1


async def test_what_is_not_wanted_any_more_is_taken_back_from_where_it_was_begun(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults[APPEND] += [DropBefore()]
    async with live(slack, tmp_path) as run:
        ts = await asked(slack)
        await slack.until(lambda: calls(slack, APPEND) == 1)

        def forget(connection: Connection) -> None:
            row = connection.execute(select(suggestions)).one()
            ledger.empty_suggestion(connection, row.id)
            intents.take_back(connection, row, run.bot.clock.now())

        await run.database.run(forget)
        await slack.until(lambda: slack.bot_replies(ts) == [])


# ---- what is streamed


def post(text: str, *, verbatim: bool = True, source: str = "d.md") -> Post:
    cited = Citation(number=1, entry="e", source=source, title="t", quote=text, kind=EntryKind.DOCUMENT)
    said = Suggestion(lines=(Line(text=text, citations=(1,)),), citations=(cited,), verbatim=verbatim)
    now = datetime(2026, 3, 2, tzinfo=UTC)
    return Post(id="s1", channel="slack:T1/C1", reply_to="slack:T1/C1/1.0", suggestion=said, now=now)


@given(TEXT)
def test_nothing_that_is_streamed_comes_alive(text: str) -> None:
    for source in ("d.md", "d.txt"):
        told = slack_stream.paragraphs(post(text, source=source), {})
        for paragraph in told or ():
            assert "<" not in paragraph and not re.search(
                r"(?i)@(?:channel|here|everyone)(?![a-z0-9])", paragraph
            )
            assert "![" not in paragraph.replace("\\!", "").replace("\\[", "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- a **b**\n  - `c d`", "> - a **b**\n>     - `c d` \\[1\\]"),
        ("a < b & c", "> a &lt; b &amp; c \\[1\\]"),
        ("see https://a.example/x_y.", "> see https://a.example/x_y. \\[1\\]"),
        ("[x](https://a.example)", "> [x](https://a.example) \\[1\\]"),
    ],
)
def test_markdown_as_it_is_streamed(text: str, shown: str) -> None:
    told = slack_stream.paragraphs(post(text), {})
    assert told is not None and told[1].rstrip("\n") == shown


@pytest.mark.parametrize("text", ["`a <b>`", "```\na && b\n```", "word " * 3_000])
def test_what_could_be_read_in_two_ways_is_posted_as_a_whole(text: str) -> None:
    assert slack_stream.paragraphs(post(text), {}) is None

"""What was said while nobody listened is found, heard, and answered once if it is not too late."""

import asyncio
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import ledger, readings
from bot.adapters.slack_history import Regime
from bot.scorer import Action
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    PRIVATE,
    QUESTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.local_slack import Http429, LocalSlack, Pass, SlackError

QUIET = 0.5  # seconds in which nothing more must happen
SLOW = Regime(burst=1000, interval=0.0, limit=2, most=1)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


def whole(slack: LocalSlack, ts: str, channel: str = CHANNEL) -> str:
    return f"slack:{slack.identity.team}/{channel}/{ts}"


async def decided(run: Running, ts: str) -> tuple[Action, str]:
    """What was decided about a message in the end, and why."""
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, whole(run.slack, ts)))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action), ledger.first_reason(row)[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"{ts} was not decided; {run.slack.report()}")


async def read_to_the_end(run: Running) -> None:
    for _ in range(1_000):
        if await run.database.run(readings.to_read) == []:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not read to the end; {run.slack.report()}")


async def text_of(run: Running, ts: str) -> str | None:
    row = await run.database.run(lambda c: ledger.message_row(c, whole(run.slack, ts)))
    return None if row is None else str(row.text)


async def heard_before(slack: LocalSlack, folder: Path, *texts: str) -> list[str]:
    """An Earshot that was there, heard this, and is stopped."""
    async with running(slack, folder, [entry()]) as run:
        said = [slack.post(CHANNEL, ANN, text) for text in ("good morning everybody", *texts)]
        for ts in said:
            await decided(run, ts)
    return said[1:]


async def test_what_was_lost_while_it_was_down_is_found_and_answered_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    await heard_before(slack, tmp_path)
    slack.lossy = True
    ts = slack.post(CHANNEL, ANN, QUESTION)
    slack.lossy = False
    async with running(slack, tmp_path) as run:
        assert (await decided(run, ts))[0] is Action.REPLY
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        told = {"type": "message", "user": ANN, "ts": ts, "channel": CHANNEL, "channel_type": "channel"}
        slack.event({**told, "text": QUESTION, "event_ts": ts})  # after all, and twice
        slack.event({**told, "text": QUESTION, "event_ts": ts})
        await asyncio.sleep(QUIET)
    assert len(slack.posts()) == 1


async def test_what_is_too_old_is_heard_and_answered_only_to_who_asks(
    slack: LocalSlack, tmp_path: Path
) -> None:
    await heard_before(slack, tmp_path)
    slack.lossy = True
    old = slack.post(CHANNEL, ANN, QUESTION)
    asked = slack.post(PRIVATE, ANN, "good morning")  # never heard in: it is not read
    to_us = slack.post(CHANNEL, CARL, f"<@{slack.identity.bot_user}> {OTHERS_QUESTION}", raw=True)
    slack.lossy = False
    await asyncio.sleep(1.2)
    settings = config().model_copy(update={"stale_after": timedelta(seconds=1)})
    async with running(slack, tmp_path, settings=settings) as run:
        assert await decided(run, old) == (Action.SILENT, "stale")
        assert await decided(run, to_us) == (Action.REPLY, "addressed")
        await slack.until(lambda: len(slack.bot_replies(to_us)) == 1)
        await read_to_the_end(run)
        assert await text_of(run, asked) is None
    assert len(slack.posts()) == 1
    assert {call.args["channel"] for call in slack.calls("conversations.history")} == {CHANNEL}


async def test_in_threads_answers_edits_and_deletions_are_found(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        root = slack.post(CHANNEL, ANN, "the pelican exporter stops on weekends")
        kept, edited, deleted = (
            slack.post(CHANNEL, BOB, text, thread_ts=root)
            for text in ("which version is it?", "set stork to four", "my password is hunter2")
        )
        alone = slack.post(CHANNEL, CARL, "the canteen is closed today")
        for ts in (root, kept, edited, deleted, alone):
            await decided(run, ts)
        # As if it had been a while ago: what is younger than a minute may not be in Slack's history yet.
        await run.database.run(lambda c: c.exec_driver_sql("update messages set at = at - 120") and None)
    slack.lossy = True
    slack.edit(CHANNEL, edited, "set stork to five")
    slack.delete(CHANNEL, deleted)
    slack.delete(CHANNEL, alone)
    more = slack.post(CHANNEL, ANN, "five it is, thanks!", thread_ts=root)
    slack.lossy = False
    async with running(slack, tmp_path) as run:
        assert (await decided(run, more))[0] is Action.SILENT
        await read_to_the_end(run)
        await slack.until(lambda: _backlog(run) == 0)
        assert await text_of(run, more) == "five it is, thanks!"
        assert await text_of(run, kept) == "which version is it?"
        assert await text_of(run, edited) == "set stork to five"
        assert await text_of(run, deleted) is None and await text_of(run, alone) is None


def _backlog(run: Running) -> int:
    rows = "select count(*) from inbox where state in ('pending', 'running')"
    return int(run.database.run_blocking(lambda c: c.exec_driver_sql(rows).scalar_one()))


async def test_a_connection_that_was_replaced_is_made_up_for(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        await decided(run, slack.post(CHANNEL, ANN, "good morning everybody"))
        slack.lossy = True
        ts = slack.post(CHANNEL, ANN, QUESTION)
        slack.refresh()
        slack.lossy = False
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1, timeout=40)
        (link,) = run.bot.adapters["slack"].links
        assert link.connected and link.tries == 0


async def test_reading_that_was_cut_off_goes_on_where_it_was(slack: LocalSlack, tmp_path: Path) -> None:
    def post(hours: float, text: str) -> str:
        return slack.post(CHANNEL, ANN, text, ts=f"{time.time() - hours * 3600:.0f}.000000")

    async with running(slack, tmp_path) as run:
        await decided(run, post(40, "good morning everybody"))
    slack.lossy = True
    said = [post(36 - 4 * number, f"line {number} of what happened here") for number in range(9)]
    slack.lossy = False
    slack.faults["conversations.history"] += [*[Pass()] * 8, SlackError("internal_error")]
    async with running(slack, tmp_path, history=SLOW) as run:
        await slack.until(lambda: slack.faults["conversations.history"] == [])
        await asyncio.sleep(QUIET)
        (left,) = await run.database.run(readings.to_read)
        assert left.cursor is not None
        assert await text_of(run, said[0]) is not None and await text_of(run, said[-1]) is None
    before = len(slack.calls("conversations.history"))
    async with running(slack, tmp_path, history=SLOW) as run:
        await decided(run, said[-1])
        await read_to_the_end(run)
        texts = [await text_of(run, ts) for ts in said]
        assert texts == [f"line {number} of what happened here" for number in range(9)]
    asked = [float(call.args["oldest"]) for call in slack.calls("conversations.history")[before:]]
    assert min(asked) == float(left.cursor)


async def test_a_limit_is_waited_for(slack: LocalSlack, tmp_path: Path) -> None:
    await heard_before(slack, tmp_path)
    slack.lossy = True
    ts = slack.post(CHANNEL, ANN, QUESTION)
    slack.lossy = False
    slack.faults["conversations.history"].append(Http429(1))
    async with running(slack, tmp_path) as run:
        live = slack.post(PRIVATE, CARL, OTHERS_QUESTION)
        await slack.until(lambda: len(slack.bot_replies(live)) == 1)  # nothing else waits for it
        assert (await decided(run, ts))[0] is Action.REPLY


async def test_what_was_handled_is_known_even_if_its_delivery_is_forgotten(
    slack: LocalSlack, tmp_path: Path
) -> None:
    (ts,) = await heard_before(slack, tmp_path, QUESTION)
    async with running(slack, tmp_path) as run:
        await read_to_the_end(run)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await run.database.run(lambda c: c.exec_driver_sql("delete from inbox") and None)
    async with running(slack, tmp_path) as run:
        await read_to_the_end(run)
        await asyncio.sleep(QUIET)
        left = await run.database.run(lambda c: c.exec_driver_sql("select count(*) from inbox").scalar_one())
        assert left == 0  # it was read, and known
    assert len(slack.calls("conversations.history")) >= 2 and len(slack.posts()) == 1


async def test_who_was_put_out_of_a_channel_reads_it_no_more(slack: LocalSlack, tmp_path: Path) -> None:
    await heard_before(slack, tmp_path)
    slack.lossy = True
    slack.leave(CHANNEL, slack.identity.bot_user)
    slack.lossy = False
    async with running(slack, tmp_path) as run:
        await read_to_the_end(run)
    assert len(slack.calls("conversations.history")) == 1

"""What was said in Lark while nobody listened is found, heard, and answered once if it is not too late."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import ledger, readings
from bot.scorer import Action
from tests.bot.running import QUESTION, entry
from tests.bot.running_lark import ANN, BOB, CARL, CHAT, Running, running, tenant
from tests.local_lark import ApiError, Limited, LocalLark

QUIET = 0.3  # seconds in which nothing more must happen


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


async def decided(run: Running, message: str) -> Action:
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, run.whole(message)))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message} was not decided; {run.lark.report()}")


async def read_to_the_end(run: Running) -> None:
    for _ in range(1_000):
        rows = "select count(*) from inbox where state in ('pending', 'running')"
        left = await run.database.run(
            lambda c: len(readings.to_read(c)) + int(c.exec_driver_sql(rows).scalar_one())
        )
        if left == 0:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not read to the end; {run.lark.report()}")


async def is_kept(run: Running, message: str) -> bool:
    return await run.database.run(lambda c: ledger.message_row(c, run.whole(message))) is not None


async def heard_before(lark: LocalLark, folder: Path, *texts: str) -> list[str]:
    """An Earshot that was there, heard this, and is stopped."""
    async with running(lark, folder, [entry()]) as run:
        said = [lark.say(CHAT, ANN, text) for text in ("good morning everybody", *texts)]
        for message in said:
            await decided(run, message)
    return said[1:]


async def test_what_was_lost_while_it_was_down_is_found_and_answered_once(
    lark: LocalLark, tmp_path: Path
) -> None:
    await heard_before(lark, tmp_path)
    lark.lossy = True
    asked = lark.say(CHAT, ANN, QUESTION)
    lark.lossy = False
    async with running(lark, tmp_path) as run:
        assert await decided(run, asked) is Action.REPLY
        await lark.until(lambda: len(lark.replies(asked)) == 1)
        await read_to_the_end(run)
        await asyncio.sleep(QUIET)
    assert len(lark.sent()) == 1


async def test_answers_in_topics_and_recalls_are_found(lark: LocalLark, tmp_path: Path) -> None:
    (root, secret) = await heard_before(
        lark, tmp_path, "the pelican exporter stops on weekends", "my password is hunter2"
    )
    lark.lossy = True
    answer = lark.say(CHAT, BOB, "set stork to five", root=root)
    lark.message_is_gone(secret)
    lark.lossy = False
    async with running(lark, tmp_path) as run:
        assert await decided(run, answer) is Action.SILENT
        await read_to_the_end(run)
        assert await is_kept(run, answer) and await is_kept(run, root)
        assert not await is_kept(run, secret)


async def test_a_connection_that_was_gone_is_made_up_for(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        await decided(run, lark.say(CHAT, ANN, "good morning everybody"))
        lark.lossy = True
        asked = lark.say(CHAT, CARL, QUESTION)
        lark.lossy = False
        lark.cut()
        await lark.until(lambda: len(lark.replies(asked)) == 1, timeout=40)


async def test_a_group_that_it_may_not_read_is_left_alone(lark: LocalLark, tmp_path: Path) -> None:
    await heard_before(lark, tmp_path)
    lark.faults["message.list"] += [
        Limited(0.2),
        ApiError(230002, "The bot can not be outside the group."),
    ]
    async with running(lark, tmp_path) as run:
        await read_to_the_end(run)
    assert len(lark.calls("message.list")) == 2

"""Batches in the store: what is under way survives a restart, and forgotten threads leave no trace in it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot.app import open_database
from bot.batches import SqlBatchLog, forget_threads, open_batches
from bot.clock import RecordedClock
from bot.config import Config, Secrets
from bot.distilling import distiller_for
from bot.tables import distil_batches
from knowledge.database import Database
from knowledge.distiller import Distilled, OpenBatch
from knowledge.distiller_claude import ClaudeDistiller, Limits
from tests.knowledge.distilling import answer, requests
from tests.local_anthropic import LocalAnthropic, Says

T0 = datetime(2026, 11, 20, 4, 30, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> RecordedClock:
    return RecordedClock(T0)


@pytest.fixture
def log(database: Database, clock: RecordedClock) -> SqlBatchLog:
    return SqlBatchLog(database, clock)


def rows(connection: Connection) -> list[tuple[object, ...]]:
    columns = distil_batches.c.batch_id, distil_batches.c.threads, distil_batches.c.state
    return [tuple(row) for row in connection.execute(select(*columns).order_by(distil_batches.c.at))]


async def test_a_batch_is_noted_before_it_has_an_id_and_open_until_it_is_closed(
    database: Database, log: SqlBatchLog
) -> None:
    noted = await log.intend("2026-11-20", ["t1", "t2"])
    assert noted == OpenBatch(key=noted.key, batch_id=None, night="2026-11-20", threads=("t1", "t2"), at=T0)
    assert await log.open() == [noted]
    await log.save(noted.key, "msgbatch_1")
    again = SqlBatchLog(database, RecordedClock(T0))  # as after a restart
    assert [batch.batch_id for batch in await again.open()] == ["msgbatch_1"]
    await again.close(noted.key, "done")
    assert await log.open() == []
    assert await database.run(rows) == [("msgbatch_1", '["t1", "t2"]', "done")]


async def test_open_batches_come_oldest_first(log: SqlBatchLog, clock: RecordedClock) -> None:
    first = await log.intend("2026-11-20", ["t1"])
    clock.move_to(T0 + timedelta(days=1))
    second = await log.intend("2026-11-21", ["t2"])
    assert [batch.key for batch in await log.open()] == [first.key, second.key]


async def test_forgotten_threads_leave_every_row_and_empty_batches_are_to_be_cancelled(
    database: Database, log: SqlBatchLog, clock: RecordedClock
) -> None:
    for number, threads in enumerate((["gone"], ["gone", "stays"], ["gone"], ["gone"])):
        clock.move_to(T0 + timedelta(hours=number))
        noted = await log.intend("2026-11-20", threads)
        if number < 3:
            await log.save(noted.key, f"b{number}")
        if number == 2:
            await log.close(noted.key, "done")
    assert await database.run(lambda connection: forget_threads(connection, ["gone"])) == ["b0"]
    # The first waits to be cancelled by its id; the closed one, and the one that was never made, are of no use.
    assert await database.run(rows) == [("b0", "[]", "open"), ("b1", '["stays"]', "open")]
    assert [batch.threads for batch in await database.run(open_batches)] == [(), ("stays",)]


async def test_claude_keeps_its_batches_in_the_store(database: Database, log: SqlBatchLog) -> None:
    with LocalAnthropic() as api:
        api.otherwise = Says(answer())
        limits = Limits(batch_above=1, poll=0.01)
        async with ClaudeDistiller(
            api.key, "claude-haiku-5-5", log, base_url=api.base_url, limits=limits
        ) as writer:
            result = await writer.distil(requests(2), night="2026-11-20", tokens=100_000)
            [(batch_id, _, state)] = await database.run(rows)
            assert (batch_id, state) == (next(iter(api.batches)), "open")
            await writer.settle(result)
        assert [row[2] for row in await database.run(rows)] == ["done"]
        assert api.violations == []


# ---- the writer that config.yaml names

CLAUDE = Config.model_validate(
    {"night": {"writer": "claude", "batch_above": 2, "model": "claude-sonnet-5-5"}}
)


async def test_the_night_is_distilled_offline_unless_config_says_otherwise(
    database: Database, clock: RecordedClock
) -> None:
    secrets = Secrets(anthropic_api_key="sk-ant-x")
    async with distiller_for(Config(), secrets, database, clock) as writer:
        assert writer.name == "extractive"


async def test_claude_is_asked_as_config_says(database: Database, clock: RecordedClock) -> None:
    with LocalAnthropic() as api:
        api.otherwise = Says(answer())
        secrets = Secrets(anthropic_api_key=api.key, anthropic_base_url=api.base_url)
        async with distiller_for(CLAUDE, secrets, database, clock) as writer:
            result = await writer.distil(requests(2), night="2026-11-20", tokens=CLAUDE.night.tokens)
        assert [type(one) for one in result.outcomes.values()] == [Distilled, Distilled]
        assert [call.body["model"] for call in api.calls("messages.create")] == ["claude-sonnet-5-5"] * 2
        assert api.violations == []


async def test_without_a_key_the_night_is_offline_and_the_log_says_so(
    database: Database, clock: RecordedClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with distiller_for(CLAUDE, Secrets(), database, clock) as writer:
        assert writer.name == "extractive"
    assert "ANTHROPIC_API_KEY is not set" in caplog.text

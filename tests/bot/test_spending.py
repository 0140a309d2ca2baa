"""The day's budget for Claude: it holds for several calls at once, over a crash, and by channel."""

import asyncio
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import ledger
from bot.adapters.events import Channel
from bot.app import open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.doctor import examine_claude
from bot.spending import Amount, Spending, day_of, spent_on
from knowledge.budget import Spent
from knowledge.database import Database

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HELP, OTHER = "slack:T1/C0HELP001", "slack:T1/C0OTHER01"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    opened.close()


def config(**more: object) -> Config:
    return Config.model_validate(
        {"timezone": "Asia/Tokyo", "claude": {"daily_tokens": "1000", "daily_usd": "0.5"}, **more}
    )


def spending(database: Database, settings: Config, at: datetime = NOON) -> Spending:
    return Spending(database, RecordedClock(at), lambda: settings)


async def spent(database: Database, day: str = "2026-03-02", channel: str | None = None) -> Amount:
    return await database.run(lambda connection: spent_on(connection, day, channel))


async def test_a_call_is_counted_at_its_most_until_it_is_known(database: Database) -> None:
    purse = spending(database, config())
    reserved = await purse.reserve(HELP, 600, 0.03)
    assert await spent(database) == Amount(tokens=600, usd_micro=30_000)
    await purse.settle(reserved, 200, 0.01)
    assert await spent(database) == Amount(tokens=200, usd_micro=10_000)


@pytest.mark.parametrize(("tokens", "usd"), [(401, 0.0), (1, 0.46)])
async def test_what_does_not_fit_is_refused_and_costs_nothing(
    tokens: int, usd: float, database: Database
) -> None:
    purse = spending(database, config())
    await purse.reserve(HELP, 600, 0.05)
    with pytest.raises(
        Spent, match=r"day's budget for Claude is spent \(600 tokens, \$0.05 of 1000 tokens and"
    ):
        await purse.reserve(OTHER, tokens, usd)
    assert (await spent(database)).tokens == 600


async def test_calls_at_the_same_time_cannot_spend_the_same_rest(database: Database) -> None:
    purse = spending(database, config())
    tries = await asyncio.gather(*(purse.reserve(HELP, 300, 0.0) for _ in range(20)), return_exceptions=True)
    assert sum(not isinstance(one, Spent) for one in tries) == 3
    assert (await spent(database)).tokens == 900


async def test_a_call_that_was_cut_off_by_a_crash_stays_counted(database: Database) -> None:
    await spending(database, config()).reserve(HELP, 900, 0.0)
    with pytest.raises(Spent):
        await spending(database, config()).reserve(HELP, 200, 0.0)


async def test_the_day_begins_at_midnight_where_config_says(database: Database) -> None:
    before, after = (datetime(2026, 3, 2, 14, 59, tzinfo=UTC), datetime(2026, 3, 2, 15, 1, tzinfo=UTC))
    assert [day_of(at, config()) for at in (before, after)] == ["2026-03-02", "2026-03-03"]
    late = await spending(database, config(), before).reserve(HELP, 900, 0.0)
    await spending(database, config(), after).reserve(HELP, 900, 0.0)
    await spending(database, config(), after).settle(late, 100, 0.0)  # of the day on which it began
    assert [(await spent(database, day)).tokens for day in ("2026-03-02", "2026-03-03")] == [100, 900]


async def test_a_channel_has_its_part_and_leaves_the_rest_to_others(database: Database) -> None:
    await database.run(lambda connection: ledger.put_channel(connection, Channel(id=HELP, name="help")))
    purse = spending(database, config(channels={"#help": {"daily_tokens": "500"}}))
    await purse.reserve(HELP, 400, 0.0)
    with pytest.raises(
        Spent, match=r"channel's budget for Claude is spent today \(400 tokens, \$0.00 of 500 tok"
    ):
        await purse.reserve(HELP, 200, 0.0)
    await purse.reserve(OTHER, 600, 0.0)


async def test_doctor_says_where_it_is_spent(database: Database) -> None:
    settings = config(writer="claude", claude={"daily_usd": "5"}, channels={HELP: {"daily_tokens": "6000"}})
    assert [one.text for one in examine_claude(database, settings, NOON)] == [
        "0 tokens, $0.00 of 1000000 tokens and $5.00 today"
    ]
    await spending(database, settings).reserve(HELP, 5_000, 0.02)
    await spending(database, settings).reserve(OTHER, 90_000, 0.2)
    assert [one.text for one in examine_claude(database, settings, NOON)] == [
        "95000 tokens, $0.22 of 1000000 tokens and $5.00 today",
        f"spent for today in {HELP}; answers there are quoted",
    ]
    assert examine_claude(database, Config(), NOON) == []


async def test_a_raised_budget_counts_at_once(database: Database) -> None:
    current = config()
    purse = Spending(database, RecordedClock(NOON), lambda: current)
    await purse.reserve(None, 1000, 0.0)
    current = config(claude={"daily_tokens": "2000"})
    await purse.reserve(None, 1000, 0.0)
    assert (await spent(database, channel="")).tokens == 2000


async def test_that_it_is_spent_is_logged_once_a_day(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    clock = RecordedClock(NOON)
    purse = Spending(database, clock, config)
    with caplog.at_level(logging.WARNING, logger="earshot"):
        for at in (NOON, NOON, NOON.replace(day=3)):
            clock.move_to(at)
            with pytest.raises(Spent):
                await purse.reserve(HELP, 5_000, 0.0)
    assert [record.getMessage().count("quoted") for record in caplog.records] == [1, 1]

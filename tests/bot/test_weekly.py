"""The weekly line: what it says, when, where, and that it is said once."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert, select

from bot import cards, intents, ledger, mutes, weeklies
from bot.adapters.events import Channel, ChannelKind
from bot.app import open_database
from bot.cards import CardKind
from bot.config import Config
from bot.scorer import Action, Decision, Reason
from bot.tables import outbox, suggestions
from bot.weekly import (
    Week,
    WeekCounts,
    is_worth_a_line,
    week_before,
    week_called,
    week_to_tell,
    weekly_card,
    weekly_line,
)
from knowledge.database import Database
from knowledge.thread import Message, Role
from tests.bot.running import CHANNEL, WEIGHTS, config, running, workspace
from tests.local_slack import DropAfterEffect, LocalSlack

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=BERLIN)
PLACE = f"slack:T0LOCAL001/{CHANNEL}"


def settings(**speaking: str) -> Config:
    given = {"timezone": "Europe/Berlin", "defaults": speaking, "weights": str(WEIGHTS)}
    return Config.model_validate(given)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    opened.close()


def spoken(
    connection: Connection,
    channel: str = PLACE,
    *,
    kind: ChannelKind = ChannelKind.PUBLIC,
    external: bool = False,
) -> None:
    """A week in a channel: five messages, of which one was answered, one is chat and three found silence."""
    ledger.put_channel(connection, Channel(id=channel, kind=kind, name="help", external=external))
    reasons = ("can help", "nothing asked", "nothing known", "nothing known", "person helps")
    for number, reason in enumerate(reasons):
        at = MONDAY - timedelta(days=5, minutes=-number)
        link = f"https://example.slack.com/archives/C0HELP001/p{number}"
        said = Message(
            id=f"{channel}/{number}",
            channel=channel,
            thread=f"{channel}/{number}",
            user="slack:T0LOCAL001/U0ANN00001",
            at=at,
            text="Why?",
            role=Role.UNKNOWN,
            link=link,
        )
        ledger.put_message(connection, said, said.thread, said.id)
        action = Action.REPLY if reason == "can help" else Action.SILENT
        decided = Decision(
            action=action, score=0.5, threshold=0.5, reasons=(Reason(name=reason, text=reason),)
        )
        ledger.put_decision(connection, said.id, decided, (), at)
    row = {
        "id": f"s/{channel}",
        "message_id": f"{channel}/0",
        "channel": channel,
        "conversation": f"{channel}/0",
        "at": (MONDAY - timedelta(days=5)).timestamp(),
        "content": json.dumps({"lines": [], "citations": []}),
        "posted_id": f"{channel}/post",
        "posted_at": (MONDAY - timedelta(days=5)).timestamp(),
        "removed": False,
    }
    connection.execute(insert(suggestions).values(**row))


def queued(database: Database) -> list[str]:
    return database.run_blocking(
        lambda c: list(c.execute(select(outbox.c.channel).where(outbox.c.kind == "card")).scalars())
    )


# ---- what it says ------------------------------------------------------------------------------


def test_the_line_names_the_two_commonest_reasons_and_no_chatter() -> None:
    silent = {"nothing known": 4, "person helps": 9, "quiet hours": 1, "nothing asked": 80}
    line = weekly_line(WeekCounts(heard=120, helped=5, silent=silent))
    assert line == (
        "Last week I heard 120 messages here and helped with 5 questions. I stayed silent 9 times because "
        "people were helping, 4 times because nothing that I know fits."
    )


def test_the_line_of_a_small_week_reads_well() -> None:
    line = weekly_line(WeekCounts(heard=1, helped=1, silent={"solved": 1}))
    assert line == (
        "Last week I heard 1 message here and helped with 1 question. I stayed silent once because it was solved."
    )


def test_at_most_three_links_lead_to_what_it_could_not_answer() -> None:
    links = tuple(f"https://example.com/{number}" for number in range(5))
    (group,) = weekly_card(WeekCounts(silent={"nothing known": 5}, unanswered=links)).groups
    assert [piece.link for piece in group.rows[0].columns[0] if piece.link] == list(links[:3])


def test_a_channel_in_which_it_had_nothing_to_do_gets_no_line() -> None:
    assert not is_worth_a_line(WeekCounts(heard=300, silent={"nothing asked": 300}))
    assert is_worth_a_line(WeekCounts(heard=300, silent={"nothing known": 1}))
    assert is_worth_a_line(WeekCounts(heard=300, helped=1))


# ---- when ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "name"),
    [
        (datetime(2026, 11, 23, 8, 59), None),
        (datetime(2026, 11, 23, 9, 0), "2026-W47"),
        (datetime(2026, 11, 23, 17, 59), "2026-W47"),
        (datetime(2026, 11, 23, 18, 0), None),
        (datetime(2026, 11, 24, 10, 0), None),
        (datetime(2027, 1, 4, 10, 0), "2026-W53"),
    ],
)
def test_a_week_is_told_on_monday_in_working_hours(local: datetime, name: str | None) -> None:
    week = week_to_tell(local.replace(tzinfo=BERLIN).astimezone(UTC), BERLIN)
    assert (None if week is None else week.name) == name


def test_a_week_runs_from_monday_to_monday_also_over_a_clock_change() -> None:
    week = week_before(datetime(2026, 10, 26).date(), BERLIN)
    assert week.begins == datetime(2026, 10, 19, tzinfo=BERLIN)
    assert week.ends - week.begins.astimezone(UTC) == timedelta(days=7, hours=1)
    assert week_called(week.name, BERLIN) == week


# ---- where, and once ------------------------------------------------------------------------------


def test_what_is_counted_is_that_channels_last_week(database: Database) -> None:
    week = week_before(MONDAY.date(), BERLIN)
    database.run_blocking(spoken)
    database.run_blocking(lambda c: spoken(c, "slack:T0LOCAL001/C0ELSE0001"))
    counts = database.run_blocking(lambda c: weeklies.counts_of(c, PLACE, week))
    links = [f"https://example.slack.com/archives/C0HELP001/p{number}" for number in (3, 2)]
    assert (counts.heard, counts.helped, list(counts.unanswered)) == (5, 1, links)
    assert dict(counts.silent) == {"nothing asked": 1, "nothing known": 2, "person helps": 1}
    before = Week(name="x", begins=week.begins - timedelta(days=7), ends=week.begins)
    assert database.run_blocking(lambda c: weeklies.counts_of(c, PLACE, before)) == WeekCounts()


def test_a_week_is_queued_once(database: Database) -> None:
    database.run_blocking(spoken)
    for minutes in (-60, 0, 1, 300, 24 * 60):
        at = MONDAY + timedelta(minutes=minutes)
        database.run_blocking(lambda c: weeklies.put_weekly(c, settings(), at))
    assert queued(database) == [PLACE]


@pytest.mark.parametrize("speaking", [{"weekly": "off"}, {"mode": "shadow"}, {"mode": "off"}])
def test_a_channel_in_which_it_is_not_to_speak_gets_no_line(
    database: Database, speaking: dict[str, str]
) -> None:
    database.run_blocking(spoken)
    database.run_blocking(lambda c: weeklies.put_weekly(c, settings(**speaking), MONDAY))
    assert queued(database) == []


def test_a_muted_channel_a_shared_one_and_direct_messages_get_no_line(database: Database) -> None:
    def talk(connection: Connection) -> None:
        spoken(connection)
        spoken(connection, "slack:T0LOCAL001/C0PARTNER1", external=True)
        spoken(connection, "slack:T0LOCAL001/D0ANN", kind=ChannelKind.DIRECT)
        mutes.mute(connection, PLACE, "slack:T0LOCAL001/U0ANN00001", MONDAY - timedelta(days=1))
        weeklies.put_weekly(connection, settings(), MONDAY)

    database.run_blocking(talk)
    assert queued(database) == []


def test_quiet_hours_put_the_line_off_until_they_end(database: Database) -> None:
    quiet = settings(quiet_hours="'19:00-10:00'".strip("'"))
    database.run_blocking(spoken)
    database.run_blocking(lambda c: weeklies.put_weekly(c, quiet, MONDAY))
    assert queued(database) == []
    database.run_blocking(lambda c: weeklies.put_weekly(c, quiet, MONDAY + timedelta(hours=1)))
    assert queued(database) == [PLACE]


async def test_the_line_stands_in_its_channel_once_even_if_the_connection_breaks(tmp_path: Path) -> None:
    now = datetime.now(BERLIN)
    monday = now.date() - timedelta(days=now.weekday())
    week = week_before(monday, BERLIN)
    shift = (datetime.combine(monday, MONDAY.time(), BERLIN) - MONDAY).total_seconds()
    with LocalSlack() as slack:
        workspace(slack)
        slack.faults["chat.postMessage"].append(DropAfterEffect())
        async with running(slack, tmp_path, settings=config(timezone="Europe/Berlin")) as run:

            def put(connection: Connection) -> None:
                spoken(connection)
                connection.exec_driver_sql(f"update messages set at = at + {shift}")
                connection.exec_driver_sql(f"update suggestions set posted_at = posted_at + {shift}")
                for _ in range(2):
                    cards.put_card(connection, CardKind.WEEKLY, week.name, PLACE, now)

            await run.database.run(put)
            await slack.until(lambda: bool(slack.calls("conversations.history")))
            await asyncio.sleep(1.5)
        (line,) = slack.posts(CHANNEL)
        assert slack.violations == []
    assert "I heard 5 messages here and helped with 1 question." in str(line.blocks)
    assert "<https://example.slack.com/archives/C0HELP001/p3|1>" in str(line.blocks)


async def test_a_line_that_comes_too_late_stays_unsaid(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with LocalSlack() as slack:
        workspace(slack)
        async with running(slack, tmp_path, settings=config()) as run:

            def put(connection: Connection) -> None:
                spoken(connection)
                cards.put_card(connection, CardKind.WEEKLY, "2026-W47", PLACE, now - timedelta(days=2))

            await run.database.run(put)
            for _ in range(200):
                if await run.database.run(intents.dropped):
                    break
                await asyncio.sleep(0.02)
            dropped = await run.database.run(intents.dropped)
        assert slack.posts(CHANNEL) == [] and "not wanted any more" in dropped[0]

"""I/O: how far the history of each channel was read, so that reading goes on after a crash.

Runs in a transaction of its caller.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.tables import messages, moment, readings, seconds


class Purpose(StrEnum):
    GAP = "gap"  # what was said while nobody listened
    BACKFILL = "backfill"  # what was said before we came


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """The history of ``channel`` after ``since`` is (to be) read, up to ``cursor`` it was; ``done_at`` None: not yet to
    its end. ``threads``: the roots whose threads are to be read after it; None: which ones is not known yet.
    ``thorough``: threads without news are looked at, too. ``begun_at``: when it was last asked for."""

    channel: str
    purpose: Purpose
    since: datetime
    begun_at: datetime
    cursor: str | None = None
    threads: tuple[str, ...] | None = None
    thorough: bool = False
    done_at: datetime | None = None


def open_gaps(
    connection: Connection, platform: str, before: datetime, now: datetime, *, thorough: bool
) -> int:
    """Have every channel that something was heard in read from the last message ``before``, or else from the first.

    How many.
    """
    earlier = case((messages.c.at <= seconds(before), messages.c.at))
    last = func.coalesce(func.max(earlier), func.min(messages.c.at)).label("last")
    of_platform = messages.c.channel.startswith(f"{platform}:", autoescape=True)
    heard = select(messages.c.channel, last).where(of_platform).group_by(messages.c.channel)
    marks = connection.execute(heard).all()
    for mark in marks:
        since = _not_of_backfill(connection, mark.channel, moment(mark.last))
        _open_gap(connection, mark.channel, since, now, thorough=thorough)
    return len(marks)


def _not_of_backfill(connection: Connection, channel: str, last: datetime) -> datetime:
    """While a backfill has not come to its end, what it heard last is old: nothing of that time is to be answered."""
    backfill = reading(connection, channel, Purpose.BACKFILL)
    unfinished = backfill is not None and backfill.done_at is None
    return max(last, backfill.begun_at) if backfill is not None and unfinished else last


def _open_gap(connection: Connection, channel: str, last: datetime, now: datetime, *, thorough: bool) -> None:
    """A gap that is still being read goes on where it was; in the threads that were read there may be news again."""
    wanted = Reading(channel=channel, purpose=Purpose.GAP, since=last, begun_at=now, thorough=thorough)
    open_ = reading(connection, channel, Purpose.GAP)
    if open_ is not None and open_.done_at is None:
        wanted = replace(wanted, since=min(last, open_.since), cursor=open_.cursor, thorough=True)
    put(connection, wanted)


def put(connection: Connection, wanted: Reading) -> None:
    """Keep a reading in place of the one of this purpose that there was."""
    values = {
        "since": seconds(wanted.since),
        "cursor": wanted.cursor,
        "threads": None if wanted.threads is None else json.dumps(wanted.threads),
        "thorough": wanted.thorough,
        "begun_at": seconds(wanted.begun_at),
        "done_at": None if wanted.done_at is None else seconds(wanted.done_at),
    }
    key = {"channel": wanted.channel, "purpose": wanted.purpose}
    row = insert(readings).values(**key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["channel", "purpose"], set_=values))


def reading(connection: Connection, channel: str, purpose: Purpose) -> Reading | None:
    named = and_(readings.c.channel == channel, readings.c.purpose == purpose)
    row = connection.execute(select(readings).where(named)).first()
    return None if row is None else _reading(row)


def to_read(connection: Connection) -> list[Reading]:
    """The gaps that are not read to their end, the one that was asked for first first."""
    open_ = and_(readings.c.purpose == Purpose.GAP, readings.c.done_at.is_(None))
    rows = connection.execute(select(readings).where(open_).order_by(readings.c.begun_at, readings.c.channel))
    return [_reading(row) for row in rows]


def count_to_read(connection: Connection) -> int:
    """How many channels have a gap that is not read to its end."""
    open_ = and_(readings.c.purpose == Purpose.GAP, readings.c.done_at.is_(None))
    return connection.execute(select(func.count()).select_from(readings).where(open_)).scalar_one()


def reached(connection: Connection, of: Reading, cursor: str | None) -> None:
    """It was read up to there; nothing if it was asked for anew meanwhile."""
    connection.execute(update(readings).where(_same(of)).values(cursor=cursor))


def left(connection: Connection, of: Reading, threads: Sequence[str]) -> None:
    """These threads are still to be read."""
    connection.execute(update(readings).where(_same(of)).values(threads=json.dumps(threads)))


def done(connection: Connection, of: Reading, now: datetime) -> bool:
    """It was read to its end; False if it was asked for anew meanwhile."""
    values: Mapping[str, Any] = {"done_at": seconds(now), "threads": None}
    return connection.execute(update(readings).where(_same(of)).values(**values)).rowcount == 1


def _same(of: Reading) -> ColumnElement[bool]:
    return and_(
        readings.c.channel == of.channel,
        readings.c.purpose == of.purpose,
        readings.c.begun_at == seconds(of.begun_at),
    )


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        channel=row.channel,
        purpose=Purpose(row.purpose),
        since=moment(row.since),
        begun_at=moment(row.begun_at),
        cursor=row.cursor,
        threads=None if row.threads is None else tuple(json.loads(row.threads)),
        thorough=row.thorough,
        done_at=None if row.done_at is None else moment(row.done_at),
    )

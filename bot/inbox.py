"""I/O: what arrived and is to be handled: durable, once, in order. Runs in a transaction of its caller."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from bot import audit
from bot.adapters.adapter import Arrival
from bot.audit import BY_COMMAND, Kind
from bot.tables import InboxState, Sent, inbox, messages, moment, outbox, seconds

MAX_TRIES = 5  # after that an event is set aside: it is ours to mend, not the conversation's to wait for
BACKOFF = (1.0, 4.0, 16.0, 60.0)  # seconds before the next try
INBOX_KEPT = timedelta(days=2)  # Slack redelivers within 5 minutes, Lark within 7.1 hours


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """An inbox row that was claimed. ``message_id`` is set when it waited: its event was handled once already."""

    id: int
    adapter: str
    conversation: str
    at: datetime
    received_at: datetime
    due_at: datetime
    tries: int
    payload: Mapping[str, Any] | None
    message_id: str | None


def accept(connection: Connection, arrivals: Iterable[Arrival], now: datetime, settle: timedelta) -> int:
    """Keep what arrived; what is known already (by event or by content) is passed over. How many were new."""
    rows = [
        {
            "adapter": arrival.adapter,
            "key": arrival.key,
            "content_key": arrival.content_key,
            "conversation": arrival.conversation,
            "at": seconds(arrival.at),
            "received_at": seconds(now),
            "due_at": seconds(now + settle),
            "state": InboxState.PENDING,
            "tries": 0,
            "payload": json.dumps(arrival.payload, ensure_ascii=False),
        }
        for arrival in arrivals
    ]
    return connection.execute(_ACCEPT, rows).rowcount if rows else 0


# The statements of the hot path are built once: building one costs more than running it.
_ACCEPT = insert(inbox).on_conflict_do_nothing()


def _claimable() -> Select[Any]:
    """Due rows that nothing of their conversation holds up."""
    other = inbox.alias("other")
    same = other.c.conversation == inbox.c.conversation
    earlier = tuple_(other.c.at, other.c.id) < tuple_(inbox.c.at, inbox.c.id)
    running = exists().where(same, other.c.state == InboxState.RUNNING)
    ahead = exists().where(same, other.c.state == InboxState.PENDING, earlier)
    free = or_(inbox.c.state == InboxState.WAITING, and_(inbox.c.state == InboxState.PENDING, ~ahead))
    open_ = inbox.c.state.in_([InboxState.PENDING, InboxState.WAITING])
    due = select(inbox).where(open_, inbox.c.due_at <= bindparam("now"), ~running, free)
    return due.order_by(inbox.c.at, inbox.c.id).limit(bindparam("most"))


_CLAIMABLE = _claimable()


def claim(connection: Connection, now: datetime, limit: int) -> list[Work]:
    """Take due rows, at most one of a conversation, each the first of its conversation in platform order."""
    due = connection.execute(_CLAIMABLE, {"now": seconds(now), "most": limit}).all()
    rows = _first_of_each_conversation(due)
    ids = [row.id for row in rows]
    if ids:
        connection.execute(update(inbox).where(inbox.c.id.in_(ids)).values(state=InboxState.RUNNING))
    return [_work(row) for row in rows]


def _first_of_each_conversation(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    first: dict[str, Row[Any]] = {}
    for row in rows:
        first.setdefault(row.conversation, row)
    return list(first.values())


def _work(row: Row[Any]) -> Work:
    return Work(
        id=row.id,
        adapter=row.adapter,
        conversation=row.conversation,
        at=moment(row.at),
        received_at=moment(row.received_at),
        due_at=moment(row.due_at),
        tries=row.tries,
        payload=json.loads(row.payload) if row.payload is not None else None,
        message_id=row.message_id,
    )


def finish(connection: Connection, work_id: int) -> None:
    """Handled: the row stays for deduplication, its text goes."""
    connection.execute(
        update(inbox).where(inbox.c.id == work_id).values(state=InboxState.DONE, payload=None, error=None)
    )


def wait(connection: Connection, work_id: int, message_id: str, until: datetime) -> None:
    """Look again at ``until``. The row no longer holds its conversation, and its tries start afresh."""
    values = {
        "state": InboxState.WAITING,
        "due_at": seconds(until),
        "message_id": message_id,
        "payload": None,
        "tries": 0,
    }
    connection.execute(update(inbox).where(inbox.c.id == work_id).values(**values))


def hasten(connection: Connection, channel: str, now: datetime) -> None:
    """The messages of a channel that wait for their second look are to be looked at now."""
    there = select(messages.c.id).where(messages.c.channel == channel)
    waiting = and_(inbox.c.state == InboxState.WAITING, inbox.c.message_id.in_(there))
    connection.execute(update(inbox).where(waiting).values(due_at=seconds(now)))


def postpone(connection: Connection, work: Work, now: datetime, error: str) -> bool:
    """Try again later, with back-off; after MAX_TRIES the row is set aside. Whether it was set aside."""
    tries = work.tries + 1
    poison = tries >= MAX_TRIES
    resting = InboxState.WAITING if work.message_id is not None else InboxState.PENDING
    values = {
        "state": InboxState.POISON if poison else resting,
        "tries": tries,
        "due_at": seconds(now) + BACKOFF[min(tries - 1, len(BACKOFF) - 1)],
        "error": error,
    }
    connection.execute(update(inbox).where(inbox.c.id == work.id).values(**values))
    return poison


def recover(connection: Connection, now: datetime, grace: timedelta) -> int:
    """After a crash: what was being handled is pending again. Only for the one process that owns the store.

    A post that was cut off may still be taking effect: it is read back after ``grace``.
    """
    cut_off = outbox.c.state == Sent.SENDING
    connection.execute(update(outbox).where(cut_off).values(due_at=seconds(now + grace)))
    again = and_(inbox.c.state == InboxState.RUNNING, inbox.c.message_id.is_(None))
    first = connection.execute(update(inbox).where(again).values(state=InboxState.PENDING)).rowcount
    second = update(inbox).where(inbox.c.state == InboxState.RUNNING).values(state=InboxState.WAITING)
    return first + connection.execute(second).rowcount


def retry_poison(connection: Connection, now: datetime) -> int:
    """Give the set-aside rows another chance (`earshot doctor --retry`)."""
    values = {"state": InboxState.PENDING, "tries": 0, "due_at": seconds(now)}
    fresh = and_(inbox.c.state == InboxState.POISON, inbox.c.message_id.is_(None))
    looked = and_(inbox.c.state == InboxState.POISON, inbox.c.message_id.is_not(None))
    first = connection.execute(update(inbox).where(fresh).values(**values)).rowcount
    waiting = update(inbox).where(looked).values(**{**values, "state": InboxState.WAITING})
    again = first + connection.execute(waiting).rowcount
    audit.put(connection, Kind.RETRIED, now, actor=BY_COMMAND, events=again)
    return again


def poison(connection: Connection) -> list[Row[Any]]:
    """The rows set aside: id, conversation, at, tries, error."""
    columns = (inbox.c.id, inbox.c.adapter, inbox.c.conversation, inbox.c.at, inbox.c.tries, inbox.c.error)
    set_aside = select(*columns).where(inbox.c.state == InboxState.POISON).order_by(inbox.c.id)
    return list(connection.execute(set_aside))


_NEXT_DUE = select(func.min(inbox.c.due_at)).where(
    inbox.c.state.in_([InboxState.PENDING, InboxState.WAITING])
)


def next_due(connection: Connection) -> datetime | None:
    """When the next inbox row is due."""
    due = connection.execute(_NEXT_DUE).scalar()
    return None if due is None else moment(due)


def inbox_counts(connection: Connection) -> dict[str, int]:
    """Rows by state."""
    counted = select(inbox.c.state, func.count()).group_by(inbox.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}


def backlog(connection: Connection, now: datetime) -> int:
    """How many events are to be handled now."""
    open_ = inbox.c.state.in_([InboxState.PENDING, InboxState.RUNNING])
    due = and_(open_, inbox.c.due_at <= seconds(now))
    return connection.execute(select(func.count()).select_from(inbox).where(due)).scalar_one()


def prune_inbox(connection: Connection, now: datetime) -> int:
    """Forget handled rows that no platform can deliver again."""
    old = and_(inbox.c.state == InboxState.DONE, inbox.c.received_at < seconds(now - INBOX_KEPT))
    return connection.execute(delete(inbox).where(old)).rowcount


def is_waiting(connection: Connection, message_id: str) -> bool:
    """Whether a second look at the message is due later."""
    waiting = and_(inbox.c.message_id == message_id, inbox.c.state == InboxState.WAITING)
    return connection.execute(select(inbox.c.id).where(waiting).limit(1)).first() is not None

"""I/O: what is to be done on the platform, written down before it is done. Runs in a transaction of its caller."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import audit
from bot.audit import Kind
from bot.audit_chain import Fact
from bot.tables import Sent, further_parts, moment, outbox, seconds, streams, suggestions

OUT_OF_REACH = "out of reach: "  # begins why it was dropped


def intend(connection: Connection, suggestion_id: str, kind: str, channel: str, now: datetime) -> None:
    """Write down what is about to be done, once."""
    row = insert(outbox).values(
        suggestion_id=suggestion_id,
        kind=kind,
        channel=channel,
        state=Sent.INTENT,
        tries=0,
        due_at=seconds(now),
    )
    connection.execute(row.on_conflict_do_nothing())


def take_back(connection: Connection, suggestion: Row[Any], now: datetime) -> None:
    """What was posted is to be deleted; what was not posted yet is never posted."""
    if suggestion.posted_id is not None:
        intend(connection, suggestion.id, "delete", suggestion.channel, now)
        _take_back_parts(connection, suggestion, now)
    elif (begun := _streamed(connection, suggestion.id)) is not None:  # some of it stands there
        values = {"posted_id": begun}
        connection.execute(update(suggestions).where(suggestions.c.id == suggestion.id).values(**values))
        intend(connection, suggestion.id, "delete", suggestion.channel, now)
        _drop_unsent_post(connection, suggestion.id)
    else:
        unsent = and_(outbox.c.suggestion_id == suggestion.id, outbox.c.state == Sent.INTENT)
        dropped_now = update(outbox).where(unsent).values(state=Sent.DROPPED, error="its source was deleted")
        if connection.execute(dropped_now).rowcount:
            audit.put_on_answer(connection, Kind.DROPPED, suggestion.id, now, what="source deleted")


def _streamed(connection: Connection, suggestion_id: str) -> str | None:
    query = select(streams.c.message_id).where(streams.c.suggestion_id == suggestion_id)
    return connection.execute(query).scalar()


def _drop_unsent_post(connection: Connection, suggestion_id: str) -> None:
    unsent = and_(
        outbox.c.suggestion_id == suggestion_id, outbox.c.kind == "post", outbox.c.state == Sent.INTENT
    )
    connection.execute(update(outbox).where(unsent).values(state=Sent.DROPPED, error="it was taken back"))


def _take_back_parts(connection: Connection, suggestion: Row[Any], now: datetime) -> None:
    """Of an answer in several messages those that stand there are to be deleted, the others are never posted."""
    numbers = select(further_parts.c.number).where(further_parts.c.suggestion_id == suggestion.id)
    for number in connection.execute(numbers).scalars().all():
        intend(connection, suggestion.id, f"delete {number}", suggestion.channel, now)
    waiting = and_(
        outbox.c.suggestion_id == suggestion.id,
        outbox.c.kind.startswith("post "),
        outbox.c.state == Sent.INTENT,
    )
    connection.execute(update(outbox).where(waiting).values(state=Sent.DROPPED, error="it was taken back"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """Something to be done on the platform. ``uncertain``: it was begun once, so it may have taken effect."""

    id: int
    suggestion_id: str
    kind: str
    channel: str
    uncertain: bool
    tries: int


_DUE_INTENTS = (
    select(outbox)
    .where(outbox.c.state.in_([Sent.INTENT, Sent.SENDING]), outbox.c.due_at <= bindparam("now"))
    .where(outbox.c.channel.not_in(bindparam("busy", expanding=True)))
    .order_by(outbox.c.id)
)


def take_intents(connection: Connection, now: datetime, busy: Iterable[str], limit: int = 16) -> list[Intent]:
    """Due intents, oldest first, one of a channel, none of a ``busy`` channel."""
    due = connection.execute(_DUE_INTENTS, {"now": seconds(now), "busy": list(busy)}).all()
    first: dict[str, Row[Any]] = {}
    for row in due:
        first.setdefault(row.channel, row)
    return [_intent(row) for row in list(first.values())[:limit]]


def _intent(row: Row[Any]) -> Intent:
    return Intent(
        id=row.id,
        suggestion_id=row.suggestion_id,
        kind=row.kind,
        channel=row.channel,
        uncertain=row.state == Sent.SENDING,
        tries=row.tries,
    )


def mark_sending(connection: Connection, intent_id: int) -> None:
    """Before the request leaves: from here on a crash means reading back first."""
    change = (
        update(outbox).where(outbox.c.id == intent_id).values(state=Sent.SENDING, tries=outbox.c.tries + 1)
    )
    connection.execute(change)


def put_off(connection: Connection, intent: Intent, until: datetime, error: str, *, uncertain: bool) -> None:
    """Try again at ``until``; ``uncertain`` if the request may have taken effect."""
    state = Sent.SENDING if uncertain else Sent.INTENT
    values = {"state": state, "due_at": seconds(until), "error": error}
    connection.execute(update(outbox).where(outbox.c.id == intent.id).values(**values))


def hold_channel(connection: Connection, channel: str, until: datetime) -> None:
    """A rate limit holds every intent of its channel, and of no other."""
    waiting = and_(
        outbox.c.channel == channel, outbox.c.state == Sent.INTENT, outbox.c.due_at < seconds(until)
    )
    connection.execute(update(outbox).where(waiting).values(due_at=seconds(until)))


def drop_intent(connection: Connection, intent: Intent, why: str, now: datetime) -> None:
    connection.execute(update(outbox).where(outbox.c.id == intent.id).values(state=Sent.DROPPED, error=why))
    _audit(connection, Kind.DROPPED, intent, now)


def drop_in(connection: Connection, workspace: str, why: str, now: datetime) -> int:
    """Drop what is still to be done in the channels of a workspace (``slack:T1``). How many that were."""
    theirs = outbox.c.channel.startswith(f"{workspace}/", autoescape=True)
    rows = connection.execute(
        select(outbox).where(theirs, outbox.c.state.in_([Sent.INTENT, Sent.SENDING]))
    ).all()
    for row in rows:
        drop_intent(connection, _intent(row), why, now)
    return len(rows)


def try_again(
    connection: Connection, channel: str, kind: str, now: datetime, *, only: str | None = None
) -> None:
    """What was dropped because its channel was out of reach is to be done after all, also of the further messages of an
    answer (``delete 2``). ``only``: of this subject."""
    kinds = or_(outbox.c.kind == kind, outbox.c.kind.startswith(f"{kind} "))
    same = and_(outbox.c.channel == channel, kinds)
    if only is not None:
        same = and_(same, outbox.c.suggestion_id == only)
    dropped_so = and_(outbox.c.state == Sent.DROPPED, outbox.c.error.startswith(OUT_OF_REACH))
    values = {"state": Sent.INTENT, "due_at": seconds(now), "error": None}
    connection.execute(update(outbox).where(same, dropped_so).values(**values))


def mark_done(
    connection: Connection, intent: Intent, posted_id: str | None, now: datetime, **facts: Fact
) -> None:
    connection.execute(update(outbox).where(outbox.c.id == intent.id).values(state=Sent.DONE, error=None))
    if posted_id is not None:
        values = {"posted_id": posted_id, "posted_at": seconds(now)}
        connection.execute(
            update(suggestions).where(suggestions.c.id == intent.suggestion_id).values(**values)
        )
    _audit(connection, _DONE.get(_what(intent), Kind.SHOWN), intent, now, **facts)


_DONE = {"post": Kind.POSTED, "delete": Kind.WITHDRAWN, "revise": Kind.UPDATED}
_OF_ANSWERS = (
    "post",
    "delete",
    "draft",
    "edit",
    "clip",
    "revise",
)  # others are called after whom they are for


def _what(intent: Intent) -> str:
    """Its kind, without the number or time that some have behind it."""
    return intent.kind.split(" ")[0]


def _audit(connection: Connection, kind: Kind, intent: Intent, now: datetime, **facts: Fact) -> None:
    what = _what(intent)
    if what in _OF_ANSWERS:
        told: dict[str, Fact] = {"what": what, "tries": intent.tries, **facts}
        audit.put_on_answer(connection, kind, intent.suggestion_id, now, actor=None, **told)
    else:
        audit.put(connection, kind, now, channel=intent.channel, what=what, tries=intent.tries)


def is_done(connection: Connection, suggestion_id: str, kind: str) -> bool:
    """Whether it was carried out."""
    same = and_(outbox.c.suggestion_id == suggestion_id, outbox.c.kind == kind)
    done = select(outbox.c.id).where(same, outbox.c.state == Sent.DONE)
    return connection.execute(done).first() is not None


_NEXT_INTENT = select(func.min(outbox.c.due_at)).where(outbox.c.state.in_([Sent.INTENT, Sent.SENDING]))


def next_intent(connection: Connection) -> datetime | None:
    due = connection.execute(_NEXT_INTENT).scalar()
    return None if due is None else moment(due)


def outbox_counts(connection: Connection) -> dict[str, int]:
    counted = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}


def dropped(connection: Connection, limit: int = 5) -> list[str]:
    """Why the latest dropped intents were not carried out."""
    # A whisper to somebody who is not in the channel, or that came too late, is nobody's concern; nor is an answer that
    # cannot be changed any more.
    meant = and_(
        outbox.c.state == Sent.DROPPED, outbox.c.kind != "whisper", outbox.c.kind.not_like("revise %")
    )
    query = select(outbox).where(meant).order_by(outbox.c.id.desc()).limit(limit)
    return [f"{row.channel}: {row.error}" for row in connection.execute(query).all()]

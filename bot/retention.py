"""I/O: messages that are older than ``retention.days`` go; what was learnt from them stays.

A conversation goes as a whole, `days` after its last message, once it is closed and a night has learnt from it. What
was decided about its messages stays in numbers and reasons' names; see `held.AGED`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, or_, select, update

from bot import audit, ledger, revisions
from bot.adapters.events import Heard
from bot.audit import Kind
from bot.clock import Clock
from bot.config import Config
from bot.forget import BATCH, Account, empty_deliveries
from bot.held import AGED, HELD, Aged
from bot.intents import OUT_OF_REACH
from bot.scorer import silent
from bot.situation import conversation_for
from bot.tables import (
    InboxState,
    Sent,
    answers,
    corrections,
    decisions,
    inbox,
    messages,
    outbox,
    seconds,
    suggestions,
    tickets,
    whispers,
)
from bot.tables import audit as log
from bot.tickets import TicketState
from knowledge.database import Database

Progress = Callable[[int, int, str], None]


def cutoff(config: Config, now: datetime) -> datetime | None:
    """What was last said before this is not kept; None if everything is."""
    days = config.retention.days
    return None if days is None else now - timedelta(days=days)


async def enforce(
    database: Database,
    config: Callable[[], Config],
    clock: Clock,
    night: str,
    progress: Progress,
    batch: int = BATCH,
) -> int:
    """Let go of what is too old, a batch of messages in each transaction; how many messages this night let go.

    Stopped anywhere and begun again, the end and the number are the same.
    """
    before = cutoff(config(), clock.now())
    if before is None:
        return 0
    found = await database.run(partial(_conversations, before=before))
    done = 0
    for some in _batches(found, batch):
        now, names = clock.now(), [row.conversation for row in some]
        await database.run(partial(_expire, conversations=names, before=before, night=night, now=now))
        done += len(some)
        progress(done, len(found), "conversations past retention")
    await database.run(partial(_expire_rest, before=before))
    return await database.run(partial(expired_in, night=night))


def expired_in(connection: Connection, night: str) -> int:
    """How many messages a night let go, by the audit log."""
    counted = func.sum(func.json_extract(log.c.detail, "$.messages"))
    here = func.json_extract(log.c.detail, "$.night") == night
    return connection.execute(select(counted).where(log.c.kind == Kind.EXPIRED.value, here)).scalar() or 0


def too_late(connection: Connection, config: Config, heard: Heard, now: datetime) -> bool:
    """Whether a message comes (late, or read back with its thread) that is too old to be kept; then only its id is."""
    before, message = cutoff(config, now), heard.message
    if before is None or message.at >= before or ledger.was_erased(connection, message.id):
        return False
    if ledger.message_row(connection, message.id) is not None:
        return False
    decided = silent("retention", f"it is older than the {config.retention.days} days that messages are kept")
    ledger.put_decision(connection, message.id, decided, (), now, channel=message.channel)
    ledger.pass_over(connection, message.id, conversation_for(connection, message), aged=True)
    return True


# ---- conversations -----------------------------------------------------


_OPEN = exists().where(
    tickets.c.conversation == messages.c.conversation,
    or_(tickets.c.state != TicketState.CLOSED.value, tickets.c.learnt.is_(False)),
)


def _conversations(
    connection: Connection, before: datetime, among: Sequence[str] | None = None
) -> list[Row[Any]]:
    """(conversation, messages) of which nothing was said since ``before``, that are closed and learnt from."""
    query = select(messages.c.conversation, func.count().label("size")).where(~_OPEN)
    if among is not None:
        query = query.where(messages.c.conversation.in_(among))
    old = query.group_by(messages.c.conversation).having(func.max(messages.c.at) < seconds(before))
    return list(connection.execute(old.order_by(func.max(messages.c.at))).all())


def _batches(found: Iterable[Row[Any]], batch: int) -> Iterator[list[Row[Any]]]:
    """Whole conversations, together at least ``batch`` messages, for one transaction each."""
    some: list[Row[Any]] = []
    for row in found:
        some.append(row)
        if sum(one.size for one in some) >= batch:
            yield some
            some = []
    if some:
        yield some


def _expire(
    connection: Connection, conversations: Sequence[str], before: datetime, night: str, now: datetime
) -> None:
    """Erase the conversations that still are too old: somebody may have spoken meanwhile."""
    old = [row.conversation for row in _conversations(connection, before, conversations)]
    said = connection.execute(
        select(messages.c.id, messages.c.conversation).where(messages.c.conversation.in_(old))
    ).all()
    for row in said:
        ledger.pass_over(connection, row.id, row.conversation, aged=True)
    for start in range(0, len(said), BATCH):
        ids = [row.id for row in said[start : start + BATCH]]
        _leave_names(connection, ids)
        _delete_with(connection, ids)
    if said:
        size, days = len(said), before.date().isoformat()
        audit.put(
            connection, Kind.EXPIRED, now, messages=size, conversations=len(old), night=night, before=days
        )


def _leave_names(connection: Connection, ids: Sequence[str]) -> None:
    """Of the reasons of decisions, names and weights; their texts may repeat what was said."""
    here = select(decisions.c.id, decisions.c.reasons).where(decisions.c.message_id.in_(ids))
    for row in connection.execute(here).all():
        left = json.dumps([{**reason, "text": ""} for reason in json.loads(row.reasons)], ensure_ascii=False)
        connection.execute(update(decisions).where(decisions.c.id == row.id).values(reasons=left))


_GOING = [
    name
    for name in HELD
    if name == "reactions" or Aged.GOES in AGED.get(name, {}).values()  # a reaction says something, too
]


def _delete_with(connection: Connection, ids: Sequence[str]) -> None:
    for name in _GOING:
        table = messages.metadata.tables[name]
        wanted = [table.c[column].in_(ids) for column in HELD[name].of_message]
        connection.execute(delete(table).where(or_(*wanted)))


# ---- what else holds words -----------------------------------------------------


def _expire_rest(connection: Connection, before: datetime) -> None:
    """What is as old and does not hang on a message that is kept."""
    at = seconds(before)
    gone = ~exists().where(messages.c.id == suggestions.c.message_id)
    _empty(connection, suggestions.c.content, and_(suggestions.c.at < at, gone), None)
    _empty(connection, corrections.c.text, corrections.c.at < at, "")
    _empty(connection, answers.c.content, answers.c.at < at, None)
    revisions.expire(connection, at)
    untold = and_(corrections.c.at < at, corrections.c.state == "candidate")
    connection.execute(update(corrections).where(untold).values(state="expired"))
    old = whispers.c.at < at
    unshown = select(whispers.c.id).where(old)
    never = and_(outbox.c.kind == "whisper", outbox.c.suggestion_id.in_(unshown), _UNSENT)
    connection.execute(update(outbox).where(never).values(state=Sent.DROPPED.value))
    _empty(connection, whispers.c.text, old, None)
    _empty(connection, whispers.c.respond_to, old, None)
    ours = outbox.c.error.startswith(
        OUT_OF_REACH
    )  # our own words, by which it is done when the channel is back
    _empty(connection, outbox.c.error, and_(outbox.c.due_at < at, ~_UNSENT, ~ours), None)
    aside = and_(inbox.c.state == InboxState.POISON.value, inbox.c.at < at, inbox.c.received_at < at)
    empty_deliveries(connection, Account(), list(connection.scalars(select(inbox.c.id).where(aside))))


_UNSENT = outbox.c.state.in_([Sent.INTENT.value, Sent.SENDING.value])


def _empty(connection: Connection, column: Any, where: ColumnElement[bool], left: str | None) -> None:
    there = column.is_not(None) if left is None else column != left
    connection.execute(update(column.table).where(where, there).values({column.name: left}))

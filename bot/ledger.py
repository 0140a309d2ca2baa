"""I/O: what happened and what was done about it. Inbox, messages, tickets, decisions, suggestions, outbox, votes.

Every function takes a Connection inside a transaction of `Database.run`; times are UTC and kept as seconds since 1970.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
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

from bot.adapters.adapter import Arrival, Channel, ChannelKind
from bot.answerer import Citation, Line, Suggestion
from bot.feedback import Vote
from bot.scorer import Decision, Reason
from bot.tickets import Step, Ticket, TicketState, advance
from knowledge.database import Migration
from knowledge.entry import EntryKind
from knowledge.thread import Message, Reaction, Role, Thread

MAX_TRIES = 5  # after that an event is set aside: it is ours to mend, not the conversation's to wait for
BACKOFF = (1.0, 4.0, 16.0, 60.0)  # seconds before the next try
INBOX_KEPT = timedelta(days=2)  # Slack redelivers within 5 minutes, Lark within 7.1 hours

_metadata = MetaData()


class InboxState(StrEnum):
    """States of an inbox row. `waiting` rows do not hold their conversation; `poison` rows wait for a person."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    POISON = "poison"


class Sent(StrEnum):
    """States of an outbox row. `sending` after a crash means: it may have taken effect, read back first."""

    INTENT = "intent"
    SENDING = "sending"
    DONE = "done"
    DROPPED = "dropped"


inbox = Table(
    "inbox",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("adapter", String, nullable=False),
    Column("key", String, nullable=False, unique=True),
    Column("content_key", String, unique=True),
    Column("conversation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("payload", Text),
    Column("message_id", String),
    Column("error", Text),
    Index("inbox_due", "state", "due_at"),
    Index("inbox_order", "conversation", "state", "at", "id"),
)
channels = Table(
    "channels",
    _metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("kind", String, nullable=False),
    Column("external", Boolean, nullable=False),
)
people = Table(
    "people",
    _metadata,
    Column("id", String, primary_key=True),
    Column("name", String),
    Column("asked", Integer, nullable=False, default=0),
    Column("answered", Integer, nullable=False, default=0),
)
messages = Table(
    "messages",
    _metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("root", String, nullable=False),
    Column("user", String, nullable=False),
    Column("role", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("text", Text, nullable=False),
    Column("link", String),
    Index("messages_conversation", "conversation", "at"),
    Index("messages_channel", "channel", "at"),
)
reactions = Table(
    "reactions",
    _metadata,
    Column("message_id", String, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("user", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("at", Float),
)
tickets = Table(
    "tickets",
    _metadata,
    Column("conversation", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("asker", String, nullable=False),
    Column("state", String, nullable=False),
    Column("opened_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("learnt", Boolean, nullable=False, default=False),
    Index("tickets_quiet", "state", "last_at"),
    Index("tickets_learnt", "learnt", "state"),
)
decisions = Table(
    "decisions",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("message_id", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("action", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("weights", String, nullable=False),
    Column("considered", Text, nullable=False),
    Index("decisions_message", "message_id", "id"),
)
suggestions = Table(
    "suggestions",
    _metadata,
    Column("id", String, primary_key=True),
    Column("message_id", String, nullable=False, unique=True),
    Column("channel", String, nullable=False),
    Column("conversation", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("content", Text),
    Column("posted_id", String, unique=True),
    Column("posted_at", Float),
    Column("removed", Boolean, nullable=False, default=False),
    Index("suggestions_channel", "channel", "at"),
    Index("suggestions_conversation", "conversation"),
)
quoted = Table(
    "quoted",
    _metadata,
    Column("suggestion_id", String, ForeignKey("suggestions.id", ondelete="CASCADE"), primary_key=True),
    Column("entry_id", String, primary_key=True),
    Column("source", String, primary_key=True),
    Index("quoted_entry", "entry_id"),
    Index("quoted_source", "source"),
)
outbox = Table(
    "outbox",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suggestion_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("state", String, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Column("error", Text),
    Index("outbox_once", "suggestion_id", "kind", unique=True),
    Index("outbox_due", "state", "due_at"),
)
votes = Table(
    "votes",
    _metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("user", String, primary_key=True),
    Column("helpful", Boolean, nullable=False),
    Column("source", String, nullable=False),
    Column("at", Float, nullable=False),
)


erased = Table("erased", _metadata, Column("message_id", String, primary_key=True))


MIGRATIONS = [Migration("2026-11-ledger", lambda connection: _metadata.create_all(connection))]


def seconds(at: datetime) -> float:
    return at.timestamp()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def clear(connection: Connection) -> None:
    """Forget everything that happened (for a scratch copy)."""
    for table in reversed(_metadata.sorted_tables):
        connection.execute(delete(table))


# ---- inbox -----------------------------------------------------


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
    return sum(
        connection.execute(insert(inbox).values(**row).on_conflict_do_nothing()).rowcount for row in rows
    )


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


_CLAIMABLE = (
    _claimable()
)  # the statements of the hot path are built once: building one costs more than running it


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
    return (
        first
        + connection.execute(
            update(inbox).where(looked).values(**{**values, "state": InboxState.WAITING})
        ).rowcount
    )


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


def prune_inbox(connection: Connection, now: datetime) -> int:
    """Forget handled rows that no platform can deliver again."""
    old = and_(inbox.c.state == InboxState.DONE, inbox.c.received_at < seconds(now - INBOX_KEPT))
    return connection.execute(delete(inbox).where(old)).rowcount


# ---- messages, channels, people -----------------------------------------------------


_CHANNEL = select(channels).where(channels.c.id == bindparam("id"))


def put_channel(connection: Connection, channel: Channel) -> None:
    """Remember a channel. A name that is not known this time does not erase what was known."""
    row = connection.execute(_CHANNEL, {"id": channel.id}).first()
    name = channel.name or (row.name if row is not None else None)
    values = {"kind": channel.kind, "external": channel.external, "name": name}
    if row is not None and (row.kind, row.external, row.name) == (channel.kind, channel.external, name):
        return
    new = insert(channels).values(id=channel.id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=values))


def channel_of(connection: Connection, channel_id: str) -> Channel:
    """A channel that nobody told us about is taken as private: that keeps its knowledge at home."""
    row = connection.execute(_CHANNEL, {"id": channel_id}).first()
    if row is None:
        return Channel(id=channel_id, kind=ChannelKind.PRIVATE)
    return Channel(id=row.id, kind=ChannelKind(row.kind), name=row.name, external=row.external)


_PUT_MESSAGE = insert(messages).on_conflict_do_nothing()


def put_message(connection: Connection, message: Message, conversation: str, root: str) -> bool:
    """Keep a message; False if it was known. ``root`` is the message in whose thread the platform shows it."""
    row = {
        "id": message.id,
        "channel": message.channel,
        "conversation": conversation,
        "root": root,
        "user": message.user,
        "role": message.role,
        "at": seconds(message.at),
        "text": message.text,
        "link": message.link,
    }
    return connection.execute(_PUT_MESSAGE, row).rowcount == 1


_MESSAGE = select(messages).where(messages.c.id == bindparam("id"))


def message_row(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(_MESSAGE, {"id": message_id}).first()


_ROOT = select(messages.c.root).where(messages.c.id == bindparam("id"))


def root_of(connection: Connection, message_id: str) -> str | None:
    """The message in whose thread an answer to ``message_id`` belongs; None if it is gone."""
    return connection.execute(_ROOT, {"id": message_id}).scalar()


_CONVERSATION = select(messages.c.conversation).where(messages.c.id == bindparam("id"))


def conversation_of(connection: Connection, message_id: str) -> str | None:
    return connection.execute(_CONVERSATION, {"id": message_id}).scalar()


_SAID = (
    select(messages)
    .where(messages.c.conversation == bindparam("conversation"))
    .order_by(messages.c.at, messages.c.id)
)
_PUT_ON = select(reactions).where(reactions.c.message_id.in_(bindparam("ids", expanding=True)))


def thread(connection: Connection, conversation: str) -> Thread | None:
    """The conversation as it is now, with its reactions."""
    rows = connection.execute(_SAID, {"conversation": conversation}).all()
    if not rows:
        return None
    put_on = _reactions(connection, [row.id for row in rows])
    said = tuple(_message(row, put_on.get(row.id, ())) for row in rows)
    return Thread(id=conversation, channel=said[0].channel, messages=said)


def _reactions(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Reaction, ...]]:
    found = connection.execute(_PUT_ON, {"ids": list(ids)}).all()
    grouped: dict[str, tuple[Reaction, ...]] = {}
    for row in found:
        reaction = Reaction(name=row.name, user=row.user, at=None if row.at is None else moment(row.at))
        grouped[row.message_id] = (*grouped.get(row.message_id, ()), reaction)
    return grouped


def _message(row: Row[Any], put_on: tuple[Reaction, ...] = ()) -> Message:
    return Message(
        id=row.id,
        channel=row.channel,
        thread=row.conversation,
        user=row.user,
        at=moment(row.at),
        text=row.text,
        role=Role(row.role),
        reactions=put_on,
        link=row.link,
    )


def find_messages(connection: Connection, given: str) -> list[str]:
    """Ids of the messages that ``given`` may mean: a whole id, a permalink, or the last part of an id."""
    exact = select(messages.c.id).where(or_(messages.c.id == given, messages.c.link == given))
    ids = list(connection.execute(exact).scalars())
    if ids or "/" in given:
        return ids
    ending = (
        select(messages.c.id)
        .where(messages.c.id.endswith(f"/{given}", autoescape=True))
        .order_by(messages.c.id)
    )
    return list(connection.execute(ending.limit(10)).scalars())


_TOP_LEVEL = (
    select(messages)
    .where(messages.c.channel == bindparam("channel"), messages.c.root == messages.c.id)
    .where(messages.c.at >= bindparam("since"), messages.c.at <= bindparam("before"))
    .order_by(messages.c.at.desc(), messages.c.id.desc())
    .limit(30)
)


def recent_top_level(
    connection: Connection, channel: str, before: datetime, window: timedelta
) -> list[Message]:
    """Top-level messages of a channel in the ``window`` before ``before``, oldest first; ``thread`` = conversation."""
    span = {"channel": channel, "since": seconds(before - window), "before": seconds(before)}
    return [_message(row) for row in reversed(connection.execute(_TOP_LEVEL, span).all())]


def edit_message(connection: Connection, message_id: str, text: str) -> None:
    connection.execute(update(messages).where(messages.c.id == message_id).values(text=text))


def erase_message(connection: Connection, message_id: str) -> None:
    """Erase a message and what the inbox and the decisions still say of it; it is not taken in again."""
    connection.execute(insert(erased).values(message_id=message_id).on_conflict_do_nothing())
    connection.execute(delete(reactions).where(reactions.c.message_id == message_id))
    connection.execute(delete(messages).where(messages.c.id == message_id))
    connection.execute(update(inbox).where(inbox.c.message_id == message_id).values(payload=None))
    connection.execute(delete(decisions).where(decisions.c.message_id == message_id))


_ERASED = select(erased).where(erased.c.message_id == bindparam("id"))


def was_erased(connection: Connection, message_id: str) -> bool:
    return connection.execute(_ERASED, {"id": message_id}).first() is not None


def is_own(connection: Connection, message_id: str) -> bool:
    """Whether it is a post of ours."""
    return suggestion_by_post(connection, message_id) is not None


def is_waiting(connection: Connection, message_id: str) -> bool:
    """Whether a second look at the message is due later."""
    waiting = and_(inbox.c.message_id == message_id, inbox.c.state == InboxState.WAITING)
    return connection.execute(select(inbox.c.id).where(waiting).limit(1)).first() is not None


def react(connection: Connection, message_id: str, reaction: Reaction, *, added: bool) -> None:
    key = {"message_id": message_id, "user": reaction.user, "name": reaction.name}
    if added:
        at = None if reaction.at is None else seconds(reaction.at)
        connection.execute(insert(reactions).values(**key, at=at).on_conflict_do_nothing())
    else:
        same = [reactions.c[name] == value for name, value in key.items()]
        connection.execute(delete(reactions).where(*same))


def count_part(connection: Connection, user: str, *, asked: bool) -> None:
    """Count that ``user`` opened a conversation (``asked``) or joined somebody else's for the first time."""
    first = insert(people).values(id=user, asked=int(asked), answered=int(not asked))
    column = people.c.asked if asked else people.c.answered
    change = {column.name: column + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["id"], set_=change))


def spoke_before(connection: Connection, user: str, conversation: str) -> bool:
    query = (
        select(messages.c.id).where(messages.c.conversation == conversation, messages.c.user == user).limit(1)
    )
    return connection.execute(query).first() is not None


_PARTS = select(people).where(people.c.id.in_(bindparam("ids", expanding=True)))


def parts(connection: Connection, users: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each user: conversations opened, and conversations of others joined."""
    rows = connection.execute(_PARTS, {"ids": list(users)}).all()
    return {row.id: (row.asked, row.answered) for row in rows}


_NAMES = select(people.c.id, people.c.name).where(people.c.id.in_(bindparam("ids", expanding=True)))


def names(connection: Connection, users: Sequence[str]) -> dict[str, str]:
    """The display names that are known."""
    rows = connection.execute(_NAMES, {"ids": list(users)}).all()
    return {row.id: row.name for row in rows if row.name}


def put_names(connection: Connection, known: Mapping[str, str]) -> None:
    for user, name in known.items():
        row = insert(people).values(id=user, name=name, asked=0, answered=0)
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"name": name}))


# ---- tickets -----------------------------------------------------


_TICKET = select(tickets).where(tickets.c.conversation == bindparam("id"))


def ticket(connection: Connection, conversation: str) -> Ticket | None:
    row = connection.execute(_TICKET, {"id": conversation}).first()
    return None if row is None else _ticket(row)


def _ticket(row: Row[Any]) -> Ticket:
    return Ticket(
        conversation=row.conversation,
        channel=row.channel,
        asker=row.asker,
        state=TicketState(row.state),
        opened_at=moment(row.opened_at),
        last_at=moment(row.last_at),
    )


def put_ticket(connection: Connection, changed: Ticket) -> None:
    """Keep a ticket. One that moved or spoke again is to be learnt from anew once it is closed."""
    row = insert(tickets).values(
        conversation=changed.conversation,
        channel=changed.channel,
        asker=changed.asker,
        state=changed.state,
        opened_at=seconds(changed.opened_at),
        last_at=seconds(changed.last_at),
        learnt=False,
    )
    change = {"state": changed.state, "last_at": seconds(changed.last_at), "learnt": False}
    connection.execute(row.on_conflict_do_update(index_elements=["conversation"], set_=change))


_QUIET = select(tickets).where(
    tickets.c.state.in_([state for state in TicketState if state is not TicketState.CLOSED]),
    tickets.c.last_at <= bindparam("before"),
)


def close_quiet(connection: Connection, now: datetime, close_after: timedelta) -> int:
    """Close the tickets in which nothing happened for ``close_after``. How many."""
    before = seconds(now - close_after)
    rows = connection.execute(_QUIET, {"before": before}).all()
    for row in rows:
        quiet = _ticket(row)
        put_ticket(connection, replace(advance(quiet, Step.QUIET, quiet.last_at), last_at=quiet.last_at))
    return len(rows)


_OPEN_STATES = [state for state in TicketState if state is not TicketState.CLOSED]
_LAST_OF_OPEN = select(func.min(tickets.c.last_at)).where(tickets.c.state.in_(_OPEN_STATES))


def next_quiet(connection: Connection, close_after: timedelta) -> datetime | None:
    """When the next ticket closes by itself."""
    last = connection.execute(_LAST_OF_OPEN).scalar()
    return None if last is None else moment(last) + close_after


def closed_unlearnt(connection: Connection, limit: int) -> list[Ticket]:
    rows = connection.execute(
        select(tickets)
        .where(tickets.c.learnt.is_(False), tickets.c.state == TicketState.CLOSED)
        .order_by(tickets.c.last_at, tickets.c.conversation)
        .limit(limit)
    ).all()
    return [_ticket(row) for row in rows]


def mark_learnt(connection: Connection, conversation: str) -> None:
    connection.execute(update(tickets).where(tickets.c.conversation == conversation).values(learnt=True))


def ticket_counts(connection: Connection) -> dict[str, int]:
    counted = select(tickets.c.state, func.count()).group_by(tickets.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}


# ---- decisions and suggestions -----------------------------------------------------


def put_decision(
    connection: Connection, message_id: str, decision: Decision, considered: Sequence[str], at: datetime
) -> None:
    """Keep a decision, silence too, with its reasons and the entries that were looked at."""
    reasons = [asdict(reason) for reason in decision.reasons]
    connection.execute(
        insert(decisions).values(
            message_id=message_id,
            at=seconds(at),
            action=decision.action,
            score=decision.score,
            threshold=decision.threshold,
            reasons=json.dumps(reasons, ensure_ascii=False),
            weights=decision.weights,
            considered=json.dumps(list(considered)),
        )
    )


def last_decision(connection: Connection, message_id: str) -> Row[Any] | None:
    query = (
        select(decisions).where(decisions.c.message_id == message_id).order_by(decisions.c.id.desc()).limit(1)
    )
    return connection.execute(query).first()


def decisions_after(connection: Connection, last_id: int) -> list[Row[Any]]:
    """The decisions made since, oldest first."""
    return list(
        connection.execute(select(decisions).where(decisions.c.id > last_id).order_by(decisions.c.id)).all()
    )


def first_reason(row: Row[Any]) -> tuple[str, str]:
    """Name and text of the reason that decided."""
    reason = json.loads(row.reasons)[0]
    return reason["name"], reason["text"]


def reason_lines(row: Row[Any]) -> list[str]:
    """The reasons of a decision, for people."""
    return [str(Reason(**reason)) for reason in json.loads(row.reasons)]


def put_suggestion(
    connection: Connection,
    suggestion_id: str,
    message: Message,
    suggestion: Suggestion,
    now: datetime,
    *,
    send: bool,
) -> bool:
    """Keep a suggestion and, if it is to be sent, the intent. False if this message has one already."""
    row = insert(suggestions).values(
        id=suggestion_id,
        message_id=message.id,
        channel=message.channel,
        conversation=message.thread,
        at=seconds(now),
        content=suggestion_json(suggestion),
        removed=False,
    )
    if connection.execute(row.on_conflict_do_nothing()).rowcount == 0:
        return False
    for citation in suggestion.citations:
        key = {"suggestion_id": suggestion_id, "entry_id": citation.entry, "source": citation.source}
        connection.execute(insert(quoted).values(**key).on_conflict_do_nothing())
    if send:
        intend(connection, suggestion_id, "post", message.channel, now)
    return True


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


def suggestion_row(connection: Connection, suggestion_id: str) -> Row[Any] | None:
    return connection.execute(select(suggestions).where(suggestions.c.id == suggestion_id)).first()


def suggestion_by_post(connection: Connection, posted_id: str) -> Row[Any] | None:
    return connection.execute(select(suggestions).where(suggestions.c.posted_id == posted_id)).first()


def suggestion_for(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(select(suggestions).where(suggestions.c.message_id == message_id)).first()


_SENT = exists().where(
    outbox.c.suggestion_id == suggestions.c.id, outbox.c.kind == "post", outbox.c.state != Sent.DROPPED
)
_GIVEN = select(suggestions).where(suggestions.c.conversation == bindparam("conversation"), _SENT)


def in_conversation(connection: Connection, conversation: str) -> list[Row[Any]]:
    """The suggestions of a conversation that were or will be sent."""
    return list(connection.execute(_GIVEN, {"conversation": conversation}).all())


_SPOKEN_SINCE = (
    select(func.count())
    .select_from(suggestions)
    .where(suggestions.c.channel == bindparam("channel"), suggestions.c.at > bindparam("since"), _SENT)
)


def spoken_since(connection: Connection, channel: str, since: datetime) -> int:
    """How many suggestions of a channel were or will be sent that are younger than ``since``."""
    return connection.execute(_SPOKEN_SINCE, {"channel": channel, "since": seconds(since)}).scalar_one()


def quoted_in(connection: Connection, suggestion_ids: Sequence[str]) -> set[str]:
    """The entries that these suggestions quote."""
    query = select(quoted.c.entry_id).where(quoted.c.suggestion_id.in_(suggestion_ids))
    return set(connection.execute(query).scalars())


def quoting(connection: Connection, source: str) -> list[Row[Any]]:
    """The suggestions that quote a message or document."""
    query = select(suggestions).where(
        suggestions.c.id.in_(select(quoted.c.suggestion_id).where(quoted.c.source == source))
    )
    return list(connection.execute(query).all())


def empty_suggestion(connection: Connection, suggestion_id: str) -> None:
    """Erase what a suggestion said; that there was one stays known."""
    connection.execute(
        update(suggestions).where(suggestions.c.id == suggestion_id).values(content=None, removed=True)
    )


def take_back(connection: Connection, suggestion: Row[Any], now: datetime) -> None:
    """What was posted is to be deleted; what was not posted yet is never posted."""
    if suggestion.posted_id is not None:
        intend(connection, suggestion.id, "delete", suggestion.channel, now)
    else:
        unsent = and_(outbox.c.suggestion_id == suggestion.id, outbox.c.state == Sent.INTENT)
        connection.execute(
            update(outbox).where(unsent).values(state=Sent.DROPPED, error="its source was deleted")
        )


def mark_removed(connection: Connection, suggestion_id: str) -> None:
    connection.execute(update(suggestions).where(suggestions.c.id == suggestion_id).values(removed=True))


def suggestion_json(suggestion: Suggestion) -> str:
    content = asdict(suggestion)
    for citation in content["citations"]:
        citation["at"] = None if citation["at"] is None else citation["at"].isoformat()
    return json.dumps(content, ensure_ascii=False)


def suggestion_from(content: str) -> Suggestion:
    data = json.loads(content)
    lines = tuple(Line(text=line["text"], citations=tuple(line["citations"])) for line in data["lines"])
    return Suggestion(lines=lines, citations=tuple(_citation(citation) for citation in data["citations"]))


def _citation(data: Mapping[str, Any]) -> Citation:
    at = None if data["at"] is None else datetime.fromisoformat(data["at"])
    return Citation(**{**data, "kind": EntryKind(data["kind"]), "role": Role(data["role"]), "at": at})


# ---- outbox -----------------------------------------------------


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


def drop_intent(connection: Connection, intent_id: int, why: str) -> None:
    connection.execute(update(outbox).where(outbox.c.id == intent_id).values(state=Sent.DROPPED, error=why))


def mark_done(connection: Connection, intent: Intent, posted_id: str | None, now: datetime) -> None:
    connection.execute(update(outbox).where(outbox.c.id == intent.id).values(state=Sent.DONE, error=None))
    if posted_id is not None:
        values = {"posted_id": posted_id, "posted_at": seconds(now)}
        connection.execute(
            update(suggestions).where(suggestions.c.id == intent.suggestion_id).values(**values)
        )


_NEXT_INTENT = select(func.min(outbox.c.due_at)).where(outbox.c.state.in_([Sent.INTENT, Sent.SENDING]))


def next_intent(connection: Connection) -> datetime | None:
    due = connection.execute(_NEXT_INTENT).scalar()
    return None if due is None else moment(due)


def outbox_counts(connection: Connection) -> dict[str, int]:
    counted = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}


def dropped(connection: Connection, limit: int = 5) -> list[str]:
    """Why the latest dropped intents were not carried out."""
    query = select(outbox).where(outbox.c.state == Sent.DROPPED).order_by(outbox.c.id.desc()).limit(limit)
    return [f"{row.channel}: {row.error}" for row in connection.execute(query).all()]


# ---- votes -----------------------------------------------------


def put_vote(connection: Connection, vote: Vote, source: str, at: datetime) -> None:
    """A person's live vote on a suggestion; a later one replaces it. ``source``: reaction or button."""
    values = {"helpful": vote.helpful, "source": source, "at": seconds(at)}
    row = insert(votes).values(suggestion_id=vote.suggestion_id, user=vote.user, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["suggestion_id", "user"], set_=values))


def withdraw_vote(connection: Connection, suggestion_id: str, user: str, *, helpful: bool) -> None:
    """Take a reaction's vote back. One that a button or another thumb has replaced since stays."""
    mine = and_(votes.c.suggestion_id == suggestion_id, votes.c.user == user)
    same = and_(votes.c.source == "reaction", votes.c.helpful.is_(helpful))
    connection.execute(delete(votes).where(mine, same))


def votes_on_entry(connection: Connection, entry_id: str) -> list[tuple[str, str, bool]]:
    """(suggestion, user, helpful) of the live votes on suggestions that quote an entry."""
    ids = select(quoted.c.suggestion_id).where(quoted.c.entry_id == entry_id)
    query = select(votes).where(votes.c.suggestion_id.in_(ids)).order_by(votes.c.suggestion_id, votes.c.user)
    return [(row.suggestion_id, row.user, row.helpful) for row in connection.execute(query).all()]


def votes_on(connection: Connection, suggestion_id: str) -> dict[str, bool]:
    rows = connection.execute(select(votes).where(votes.c.suggestion_id == suggestion_id)).all()
    return {row.user: row.helpful for row in rows}


def entries_quoted(connection: Connection, suggestion_id: str) -> list[str]:
    query = select(quoted.c.entry_id).distinct().where(quoted.c.suggestion_id == suggestion_id)
    return sorted(connection.execute(query).scalars())


def was_rejected(connection: Connection, conversation: str) -> bool:
    """Whether an answer of this conversation was voted down or removed by somebody."""
    here = select(suggestions.c.id).where(suggestions.c.conversation == conversation)
    down = select(votes.c.user).where(votes.c.suggestion_id.in_(here), votes.c.helpful.is_(False)).limit(1)
    gone = select(suggestions.c.id).where(suggestions.c.id.in_(here), suggestions.c.removed).limit(1)
    return connection.execute(down).first() is not None or connection.execute(gone).first() is not None

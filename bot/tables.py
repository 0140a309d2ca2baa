"""The tables of the ledger, and how times are kept in them: UTC, as seconds since 1970."""

from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    inspect,
)

from knowledge.database import Migration

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
    Column("reason", String),
)
drafts = Table(
    "drafts",
    _metadata,
    Column("suggestion_id", String, primary_key=True),
    Column("conversation", String, nullable=False),
    Column("channel", String),
    Column("message_id", String, unique=True),
    Column("state", String, nullable=False),
    Column("status", Text),
    Column("opened_at", Float, nullable=False),
    Column("settled_at", Float),
    Index("drafts_conversation", "conversation", "state"),
    Index("drafts_state", "state"),
)
whispers = Table(
    "whispers",
    _metadata,
    Column("id", String, primary_key=True),
    Column("channel", String, nullable=False),
    Column("reply_to", String),
    Column("user", String, nullable=False),
    Column("about", String, nullable=False),
    Column("suggestion_id", String),
    Column("text", Text),
    Column("respond_to", Text),
    Column("replace", Boolean, nullable=False),
    Column("at", Float, nullable=False),
)
corrections = Table(
    "corrections",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("suggestion_id", String, nullable=False),
    Column("message_id", String, nullable=False),
    Column("user", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("state", String, nullable=False),
    Index("corrections_state", "state"),
)


erased = Table("erased", _metadata, Column("message_id", String, primary_key=True))


def _add_interaction(connection: Connection) -> None:
    """Drafts, whispers and corrections, and the reason of a 👎; a fresh store has them from its first step."""
    for table in (drafts, whispers, corrections):
        table.create(connection, checkfirst=True)
    if "reason" not in {column["name"] for column in inspect(connection).get_columns("votes")}:
        connection.exec_driver_sql("ALTER TABLE votes ADD COLUMN reason VARCHAR")


MIGRATIONS = [
    Migration("2026-11-ledger", lambda connection: _metadata.create_all(connection)),
    Migration("2026-11-interaction", _add_interaction),
]


def seconds(at: datetime) -> float:
    return at.timestamp()


def moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def clear(connection: Connection) -> None:
    """Forget everything that happened (for a scratch copy)."""
    for table in reversed(_metadata.sorted_tables):
        connection.execute(delete(table))

"""I/O: who told Earshot to be quiet where, and who asked it back. Runs in a transaction of its caller."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from bot import audit
from bot.audit import Kind
from bot.manners import Mute, muted
from bot.tables import moment, mutes, seconds

WORD = "word"
_MENTION = "mention"

_STANDING = select(mutes).where(mutes.c.target.in_([bindparam("conversation"), bindparam("channel")]))


def muted_here(
    connection: Connection, conversation: str, channel: str, *, before: datetime | None = None
) -> str | None:
    """Why nothing may be said in a conversation; None if it is not muted. ``before``: by what was said until then."""
    rows = connection.execute(_STANDING, {"conversation": conversation, "channel": channel}).all()
    known = (row for row in rows if before is None or row.at <= seconds(before))
    standing = (Mute(target=row.target, by=row.by, at=moment(row.at), mutes=row.mutes) for row in known)
    return muted(standing, conversation, channel)


def mute(connection: Connection, target: str, by: str, at: datetime, *, source: str = WORD) -> None:
    """Mute a conversation or a channel. ``source`` tells apart mutes that are taken off one by one."""
    _put(connection, target, source, by, at, mutes_it=True)
    audit.put(connection, Kind.MUTED, at, subject=target, actor=by)


def unmute(connection: Connection, target: str) -> None:
    """Take every mute off a conversation or a channel."""
    connection.execute(delete(mutes).where(mutes.c.target == target))


def lift(connection: Connection, conversation: str, by: str, at: datetime) -> None:
    """A mention asks for us in this conversation: its mutes go, and the channel's does not hold here."""
    unmute(connection, conversation)
    _put(connection, conversation, _MENTION, by, at, mutes_it=False)
    audit.put(connection, Kind.UNMUTED, at, subject=conversation, actor=by)


def take_off(connection: Connection, conversation: str, source: str) -> None:
    """Take off the one mute that ``source`` put there."""
    connection.execute(delete(mutes).where(mutes.c.target == conversation, mutes.c.source == source))


def muted_by_word(connection: Connection, target: str) -> str | None:
    """Who muted the target by a word, if it still is."""
    query = select(mutes.c.by).where(mutes.c.target == target, mutes.c.source == WORD, mutes.c.mutes)
    return connection.execute(query).scalar()


def reaction_source(message_id: str, user: str) -> str:
    """The source of one person's 🔇 on one message."""
    return f"reaction {message_id} {user}"


def _put(connection: Connection, target: str, source: str, by: str, at: datetime, *, mutes_it: bool) -> None:
    values = {"by": by, "at": seconds(at), "mutes": mutes_it}
    row = insert(mutes).values(target=target, source=source, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["target", "source"], set_=values))

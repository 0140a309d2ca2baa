"""I/O: other ids and former names of channels. Runs in a transaction of its caller.

A channel is kept under the id under which it was first heard of (``bot/adapters/aliased.py``).
"""

import re
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert

from bot.adapters.aliased import Aliases, with_id
from bot.tables import channel_aliases as table
from bot.tables import channels, seconds

_OF = select(table.c.alias).where(table.c.channel == bindparam("channel")).order_by(table.c.at, table.c.alias)


def put_id(connection: Connection, channel: str, alias: str, at: datetime) -> None:
    """From ``at`` on the channel goes by this whole id (its own: again). What comes late changes nothing."""
    row = insert(table).values(alias=alias, channel=channel, at=seconds(at))
    later = {"at": row.excluded.at}
    connection.execute(row.on_conflict_do_update(index_elements=["alias", "channel"], set_=later))


def put_name(connection: Connection, channel: str, former: str, name: str) -> None:
    """A channel that was called ``former`` (without #) is called ``name`` now."""
    connection.execute(delete(table).where(table.c.channel == channel, table.c.alias == f"#{name}"))
    row = insert(table).values(alias=f"#{former}", channel=channel, at=None)
    connection.execute(row.on_conflict_do_nothing())


def known(connection: Connection) -> Aliases:
    """All of them, as adapters need them."""
    rows = connection.execute(select(table).order_by(table.c.at, table.c.alias)).all()
    ids = [row for row in rows if row.at is not None]
    called: dict[str, list[str]] = {}
    for row in rows:
        called.setdefault(row.alias.casefold(), []).append(row.channel)
    for channel in {row.channel for row in ids}:
        called.setdefault(_bare(channel).casefold(), []).append(channel)
    kept = {row.alias: row.channel for row in ids if row.alias != row.channel}
    current = {row.channel: row.alias for row in ids}  # the latest is the last
    now = {channel: alias for channel, alias in current.items() if channel != alias}
    return Aliases(kept=kept, current=now, called=called)


def others_of(connection: Connection, channel: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The other whole ids of a channel; and what it was called (with #), as far as no other is called so now."""
    named = list(connection.execute(_OF, {"channel": channel}).scalars())
    ids = tuple(alias for alias in named if not alias.startswith("#") and alias != channel)
    names = [alias for alias in named if alias.startswith("#")]
    if not names:
        return ids, ()
    taken = select(channels.c.name).where(channels.c.name.in_([name[1:] for name in names]))
    in_use = set(connection.execute(taken).scalars())
    return ids, tuple(name for name in names if name[1:] not in in_use)


def with_id_of(connection: Connection, given: str) -> list[str]:
    """The channels that went or go by this id, whole or bare, beside the one that they are kept under."""
    ending = table.c.alias.endswith(f"/{given}", autoescape=True)
    return _channels(connection, table.c.at.is_not(None) & ((table.c.alias == given) | ending))


def once_called(connection: Connection, given: str) -> list[str]:
    """The channels that went by a name, with or without #."""
    return _channels(connection, table.c.alias == f"#{given.removeprefix('#')}")


def _channels(connection: Connection, where: ColumnElement[bool]) -> list[str]:
    found = select(table.c.channel).where(where).distinct().order_by(table.c.channel)
    return list(connection.execute(found).scalars())


_PART = re.compile(r"[^/\s]+")


def as_kept(connection: Connection, given: str) -> str:
    """The id of a message, or a link to it, as it is kept: with the id under which its channel is."""
    kept = known(connection).kept
    if not kept:
        return given
    bare = {_bare(alias): _bare(channel) for alias, channel in kept.items()}
    if "://" in given:
        return _PART.sub(lambda part: bare.get(part[0], part[0]), given)
    return with_id(given, kept)


def _bare(channel: str) -> str:
    return channel.rsplit("/", 1)[-1]

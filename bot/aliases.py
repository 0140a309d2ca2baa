"""I/O: other ids and former names of channels. Runs in a transaction of its caller.

A channel is kept under the id under which it was first heard of (``bot/adapters/aliased.py``).
"""

import re
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, delete, or_, select
from sqlalchemy.dialects.sqlite import insert

from bot.adapters.aliased import Aliases, with_id
from bot.tables import channel_ids, channel_names, channels, seconds

_IDS = (
    select(channel_ids.c.alias).where(channel_ids.c.channel == bindparam("channel")).order_by("at", "alias")
)
_NAMES = select(channel_names.c.name).where(channel_names.c.channel == bindparam("channel")).order_by("name")


def put_id(connection: Connection, channel: str, alias: str, at: datetime) -> None:
    """From ``at`` on the channel goes by this whole id (its own: again)."""
    row = insert(channel_ids).values(alias=alias, channel=channel, at=seconds(at))
    again = row.on_conflict_do_update(index_elements=["alias", "channel"], set_={"at": row.excluded.at})
    connection.execute(again)


def put_name(connection: Connection, channel: str, former: str, name: str) -> None:
    """A channel that was called ``former`` is called ``name`` now, both without #."""
    same = and_(channel_names.c.channel == channel, channel_names.c.name == name)
    connection.execute(delete(channel_names).where(same))
    connection.execute(insert(channel_names).values(name=former, channel=channel).on_conflict_do_nothing())


def known(connection: Connection) -> Aliases:
    """All of them, as adapters need them."""
    ids = connection.execute(select(channel_ids).order_by(channel_ids.c.at, channel_ids.c.alias)).all()
    current = {row.channel: row.alias for row in ids}  # the latest is the last
    called: dict[str, list[str]] = {}
    for row in connection.execute(select(channel_names)).all():
        called.setdefault(f"#{row.name}".casefold(), []).append(row.channel)
    for channel in current:
        called.setdefault(_bare(channel).casefold(), []).append(channel)
    return Aliases(
        kept={row.alias: row.channel for row in ids if row.alias != row.channel},
        current={channel: alias for channel, alias in current.items() if channel != alias},
        called=called,
    )


def other_ids(connection: Connection, channel: str) -> tuple[str, ...]:
    """The other whole ids that a channel went or goes by."""
    named = connection.execute(_IDS, {"channel": channel}).scalars()
    return tuple(alias for alias in named if alias != channel)


def former_names(connection: Connection, channel: str) -> tuple[str, ...]:
    """What a channel was called, with #, as far as no other is called so now."""
    names = list(connection.execute(_NAMES, {"channel": channel}).scalars())
    if not names:
        return ()
    taken = connection.execute(select(channels.c.name).where(channels.c.name.in_(names)))
    in_use = set(taken.scalars())
    return tuple(f"#{name}" for name in names if name not in in_use)


def with_id_of(connection: Connection, given: str) -> list[str]:
    """The channels that went or go by this id, whole or bare, beside the one that they are kept under."""
    ending = channel_ids.c.alias.endswith(f"/{given}", autoescape=True)
    found = select(channel_ids.c.channel).where(or_(channel_ids.c.alias == given, ending)).distinct()
    return sorted(connection.execute(found).scalars())


def once_called(connection: Connection, given: str) -> list[str]:
    """The channels that went by a name, with or without #."""
    found = select(channel_names.c.channel).where(channel_names.c.name == given.removeprefix("#"))
    return sorted(connection.execute(found).scalars())


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

"""I/O: whether channels are within our reach, as it was told. Runs in a transaction of its caller."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from bot import intents
from bot.adapters.events import Joined, Left, Reopened
from bot.presence import Presence, Standing, after, heard_in, out_of_reach
from bot.tables import moment, presences, seconds

_KNOWN = select(presences).where(presences.c.channel == bindparam("channel"))


def presence_in(connection: Connection, channel: str) -> Presence | None:
    """None where nothing was ever told."""
    row = connection.execute(_KNOWN, {"channel": channel}).first()
    if row is None:
        return None
    return Presence(
        inside=row.inside,
        member_at=None if row.member_at is None else moment(row.member_at),
        standing=Standing(row.standing),
        standing_at=None if row.standing_at is None else moment(row.standing_at),
    )


def closed(connection: Connection, channel: str) -> str | None:
    """Why nothing can be said in a channel; None if it can, as far as we know."""
    presence = presence_in(connection, channel)
    return None if presence is None else out_of_reach(presence)


def take(connection: Connection, channel: str, event: Joined | Left | Reopened) -> str | None:
    """Keep what an event tells. Why nothing can be said in the channel now; None if it can."""
    return _keep(connection, channel, partial(after, event=event), event.at)


def heard(connection: Connection, channel: str, at: datetime) -> None:
    """Something was said there: should an event have been missed that told of our return, this tells it."""
    if closed(connection, channel) is not None:
        _keep(connection, channel, partial(heard_in, at=at), at)


def _keep(
    connection: Connection, channel: str, change: Callable[[Presence], Presence], now: datetime
) -> str | None:
    new = change(presence_in(connection, channel) or Presence())
    values = {
        "inside": new.inside,
        "member_at": None if new.member_at is None else seconds(new.member_at),
        "standing": new.standing,
        "standing_at": None if new.standing_at is None else seconds(new.standing_at),
    }
    row = insert(presences).values(channel=channel, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["channel"], set_=values))
    why = out_of_reach(new)
    if why is None:  # what was to be taken back there meanwhile is taken back now
        intents.try_again(connection, channel, "delete", now)
        intents.try_again(connection, channel, "revise", now)  # of these the newest counts
    return why

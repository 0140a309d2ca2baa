"""I/O: who does not want to be learnt from. Runs in a transaction of its caller.

What they say is heard, so that others are understood and answered; none of it becomes knowledge.
"""

from datetime import datetime

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from bot.tables import optouts, seconds


def put(connection: Connection, user: str, at: datetime) -> bool:
    """From now on nothing is learnt from ``user`` (a whole id); False if that was so before."""
    row = insert(optouts).values(user=user, at=seconds(at))
    return connection.execute(row.on_conflict_do_nothing()).rowcount == 1


def withdraw(connection: Connection, user: str) -> bool:
    """From now on ``user`` may be learnt from again; False if that was so before."""
    return connection.execute(delete(optouts).where(optouts.c.user == user)).rowcount == 1


def opted_out(connection: Connection) -> frozenset[str]:
    """Everybody who opted out, by whole id."""
    return frozenset(connection.execute(select(optouts.c.user)).scalars())

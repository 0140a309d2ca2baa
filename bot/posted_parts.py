"""I/O: the messages of an answer after its first one: posted one after the other, taken back together.

Each is intended only when the one before it stands there, so that a crash between two loses none and doubles none.
Runs in a transaction of its caller.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select
from sqlalchemy.dialects.sqlite import insert

from bot import intents
from bot.adapters.acts import Post
from bot.intents import Intent
from bot.tables import further_parts, outbox

POST, DELETE = "post ", "delete "  # and the number: kinds of intents


def number_of(kind: str) -> int:
    """Which part of an answer an intent is about: 1 for ``post`` and ``delete``, 2 for ``post 2``."""
    number = kind.rpartition(" ")[2]
    return int(number) if number.isdigit() else 1


def is_further(kind: str) -> bool:
    """Whether an intent posts a part after the first."""
    return kind.startswith(POST)


def go_on(connection: Connection, intent: Intent, act: Post, now: datetime) -> None:
    """Intend the part after the one that now stands there."""
    if act.part < act.of:
        intents.intend(connection, intent.suggestion_id, f"{POST}{act.part + 1}", intent.channel, now)


def stands(connection: Connection, intent: Intent, message_id: str) -> None:
    """Keep where a part was posted."""
    row = insert(further_parts).values(
        suggestion_id=intent.suggestion_id, number=number_of(intent.kind), posted_id=message_id
    )
    connection.execute(row.on_conflict_do_nothing())


def take_back_rest(connection: Connection, suggestion: Row[Any], now: datetime) -> None:
    """One of several messages was deleted by a person: half an answer is none."""
    if are_several(connection, suggestion.id):
        intents.take_back(connection, suggestion, now)


def are_several(connection: Connection, suggestion_id: str) -> bool:
    """Whether an answer is said in more than one message."""
    same = outbox.c.suggestion_id == suggestion_id
    further = select(outbox.c.id).where(same, outbox.c.kind.startswith(POST)).limit(1)
    return connection.execute(further).first() is not None


def posted_id(connection: Connection, suggestion_id: str, kind: str) -> str | None:
    """Where the part stands that an intent is about, if it is one after the first."""
    query = select(further_parts.c.posted_id).where(
        further_parts.c.suggestion_id == suggestion_id, further_parts.c.number == number_of(kind)
    )
    return connection.execute(query).scalar()

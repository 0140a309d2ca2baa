"""I/O: the cards that are shown in a place of their own, and what people decided on them.

Runs in a transaction of its caller. A card's id says what it is and where, so that it is kept once.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.card import Verb
from bot.intents import intend
from bot.tables import cards, outbox, presses, seconds

SHOW = "card"  # the kind of its intent
AGAIN = "card again "  # and when: to be put in place of what stands there


class CardKind(StrEnum):
    DIGEST = "digest"
    WEEKLY = "weekly"
    INTRODUCTION = "introduction"


def put_card(
    connection: Connection,
    kind: CardKind,
    subject: str,
    place: str,
    now: datetime,
    content: str | None = None,
    *,
    show: bool = True,
) -> bool:
    """Keep a card and the intent to show it in ``place`` (as config.yaml names it); False if it was kept before.

    Without ``show`` it is only noted that its turn has come.
    """
    card_id = id_of(kind, subject, place)
    row = insert(cards).values(
        id=card_id, kind=kind, subject=subject, place=place, content=content, at=seconds(now)
    )
    if connection.execute(row.on_conflict_do_nothing()).rowcount == 0:
        return False
    if show:
        intend(connection, card_id, SHOW, place, now)
    return True


def id_of(kind: CardKind, subject: str, place: str) -> str:
    """Opaque: everybody in a workspace can read the metadata of a message."""
    return hashlib.sha256(f"{kind}\0{subject}\0{place}".encode()).hexdigest()[:32]


def card_row(connection: Connection, card_id: str) -> Row[Any] | None:
    return connection.execute(select(cards).where(cards.c.id == card_id)).first()


def by_message(connection: Connection, kind: CardKind, message_id: str) -> Row[Any] | None:
    """The card of a kind that stands in a message."""
    same = and_(cards.c.kind == kind, cards.c.message_id == message_id)
    return connection.execute(select(cards).where(same)).first()


def was_put(connection: Connection, kind: CardKind, subject: str, place: str) -> bool:
    return card_row(connection, id_of(kind, subject, place)) is not None


def drop_before(connection: Connection, kind: CardKind, at: datetime) -> None:
    """Forget the cards of a kind that are older than ``at``."""
    connection.execute(delete(cards).where(cards.c.kind == kind, cards.c.at < seconds(at)))


def settle_place(connection: Connection, card_id: str, channel: str) -> bool:
    """Note the whole id of where the card goes; False if the same card goes there already under another name."""
    row = card_row(connection, card_id)
    if row is None:
        return False
    same = and_(cards.c.kind == row.kind, cards.c.subject == row.subject, cards.c.channel == channel)
    if connection.execute(select(cards.c.id).where(same, cards.c.id != card_id)).first() is not None:
        return False
    connection.execute(update(cards).where(cards.c.id == card_id).values(channel=channel))
    # Its intent goes on under the channel's own name, so that it is paced with what else is said there.
    intent = and_(outbox.c.suggestion_id == card_id, outbox.c.kind == SHOW)
    connection.execute(update(outbox).where(intent).values(channel=channel))
    return True


def shown(connection: Connection, card_id: str, message_id: str, now: datetime) -> None:
    """The card stands on the platform. What was decided on the way there, it is to say."""
    connection.execute(update(cards).where(cards.c.id == card_id).values(message_id=message_id))
    row = card_row(connection, card_id)
    if row is not None and presses_on(connection, row.subject):
        show_one_again(connection, row, now)


def found(connection: Connection, night: str, user: str, channel: str, message_id: str) -> None:
    """A card that was clicked on stands where nobody told us: a direct message whose receipt was lost."""
    lost = and_(cards.c.subject == night, cards.c.message_id.is_(None), cards.c.channel.in_([user, channel]))
    connection.execute(update(cards).where(lost).values(message_id=message_id))


def show_again(connection: Connection, kind: CardKind, subject: str, now: datetime) -> None:
    """Every card about ``subject`` is to say how things stand now."""
    there = and_(cards.c.kind == kind, cards.c.subject == subject, cards.c.message_id.is_not(None))
    for row in connection.execute(select(cards).where(there)).all():
        show_one_again(connection, row, now)


def show_one_again(connection: Connection, row: Row[Any], now: datetime) -> None:
    """A card that stands somewhere is to say how things stand now."""
    intend(connection, row.id, _again(now), row.channel, now)


def standing(connection: Connection, kind: CardKind, since: datetime) -> list[Row[Any]]:
    """The cards of a kind that stand somewhere, queued since ``since``."""
    there = and_(cards.c.kind == kind, cards.c.message_id.is_not(None), cards.c.at >= seconds(since))
    return list(connection.execute(select(cards).where(there)).all())


def _again(now: datetime) -> str:
    return f"{AGAIN}{now.isoformat()}"


# ---- what people decided ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """What somebody decided about a night. ``done``: it has taken effect."""

    about: str
    verb: Verb
    subjects: tuple[str, ...]
    by: str
    done: bool


def press(connection: Connection, night: str, pressed: Press, at: datetime) -> Press:
    """Note what is being decided, unless that was decided before; the decision that counts."""
    values = {
        "verb": pressed.verb,
        "subjects": json.dumps(pressed.subjects),
        "by": pressed.by,
        "at": seconds(at),
        "done": False,
    }
    row = insert(presses).values(night=night, about=pressed.about, **values)
    # One that was begun and not done may be of a process that died: the next takes it over.
    take_over = row.on_conflict_do_update(
        index_elements=["night", "about"], set_=values, where=presses.c.done.is_(False)
    )
    connection.execute(take_over)
    same = and_(presses.c.night == night, presses.c.about == pressed.about)
    return _press(connection.execute(select(presses).where(same)).one())


def press_done(connection: Connection, night: str, about: str) -> None:
    same = and_(presses.c.night == night, presses.c.about == about)
    connection.execute(update(presses).where(same).values(done=True))


def presses_on(connection: Connection, night: str) -> list[Press]:
    """What was decided about a night and took effect, in order."""
    done = select(presses).where(presses.c.night == night, presses.c.done.is_(True))
    return [_press(row) for row in connection.execute(done.order_by(presses.c.at, presses.c.about)).all()]


def _press(row: Row[Any]) -> Press:
    subjects = tuple(json.loads(row.subjects))
    return Press(about=row.about, verb=Verb(row.verb), subjects=subjects, by=row.by, done=row.done)

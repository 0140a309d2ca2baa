"""I/O: what people who spoke to us are answered: kept once for each message, with what it rests on.

Runs in a transaction of its caller. A cited answer in a thread is said as a suggestion of the same id: thumbs count.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import addressed, ledger
from bot.adapters.acts import Say
from bot.answerer import Suggestion
from bot.card import Card, Piece, row
from bot.intents import take_back as never_sent
from bot.tables import answer_sources, answers, moment, seconds

SAY = "say"  # the kind of intent of what is said in words of our own


class Kind(StrEnum):
    """What an answer is."""

    CITED = "cited"
    CLOSEST = "closest"  # "I don't know", with what is near
    PERSON = "person"  # left to a person
    GRANTED = "granted"  # a summary, the status, help and so on
    NOT_HERE = "not here"
    ENOUGH = "enough"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is said to ``user``, ``alone`` or in the thread of ``reply_to``.

    ``message_id``: what is answered (None: a command). ``card`` in words of our own, ``suggestion`` the cited part.
    ``sources``: ids of the messages that are quoted and of the entries that are named.
    """

    id: str
    message_id: str | None
    user: str
    channel: str
    conversation: str | None
    reply_to: str | None
    kind: Kind
    alone: bool
    asked_at: datetime
    card: Card | None = None
    suggestion: Suggestion | None = None
    sources: Collection[str] = ()


def put(connection: Connection, answer: Answer, now: datetime) -> bool:
    """Keep an answer; False if the message has one."""
    new = insert(answers).values(
        id=answer.id,
        message_id=answer.message_id,
        user=answer.user,
        channel=answer.channel,
        conversation=answer.conversation,
        reply_to=answer.reply_to,
        kind=answer.kind,
        alone=answer.alone,
        content=_json(answer),
        asked_at=seconds(answer.asked_at),
        at=seconds(now),
    )
    if connection.execute(new.on_conflict_do_nothing()).rowcount == 0:
        return False
    rests_on = [{"answer_id": answer.id, "source": source} for source in sorted(set(answer.sources))]
    if rests_on:
        connection.execute(insert(answer_sources), rests_on)
    return True


def _json(answer: Answer) -> str | None:
    if answer.card is None and answer.suggestion is None:
        return None
    said = None if answer.suggestion is None else json.loads(ledger.suggestion_json(answer.suggestion))
    rows = (
        [] if answer.card is None else [one.columns[0] for group in answer.card.groups for one in group.rows]
    )
    told = [[asdict(piece) for piece in pieces] for pieces in rows]
    return json.dumps({"rows": told, "suggestion": said}, ensure_ascii=False)


def content_of(answer: Row[Any]) -> tuple[Card, Suggestion | None] | None:
    """What an answer says; None once it is forgotten."""
    if answer.content is None:
        return None
    data = json.loads(answer.content)
    rows = (row(*(Piece(**piece) for piece in pieces)) for pieces in data["rows"])
    said = data["suggestion"]
    return addressed.answer_card(*rows), None if said is None else ledger.suggestion_from(json.dumps(said))


def by_id(connection: Connection, answer_id: str) -> Row[Any] | None:
    return connection.execute(select(answers).where(answers.c.id == answer_id)).first()


def by_post(connection: Connection, posted_id: str) -> Row[Any] | None:
    return connection.execute(select(answers).where(answers.c.posted_id == posted_id)).first()


def to_message(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(select(answers).where(answers.c.message_id == message_id)).first()


def to_person(connection: Connection, user: str, since: datetime) -> list[Row[Any]]:
    """The answers that somebody was given, oldest first."""
    lately = select(answers).where(answers.c.user == user, answers.c.at > seconds(since))
    return list(connection.execute(lately.order_by(answers.c.at)).all())


def last_in(connection: Connection, conversation: str) -> Row[Any] | None:
    """The last answer to a question in a conversation."""
    asked = select(answers).where(
        answers.c.conversation == conversation, answers.c.kind.in_([Kind.CITED, Kind.CLOSEST])
    )
    return connection.execute(asked.order_by(answers.c.at.desc()).limit(1)).first()


def say_of(connection: Connection, answer_id: str, now: datetime, stale_after: timedelta) -> Say | None:
    """What to say in a thread; None if it is not wanted any more."""
    answer = by_id(connection, answer_id)
    said = None if answer is None else content_of(answer)
    if answer is None or said is None or _deleted(connection, answer):
        return None
    card = with_lateness(said[0], answer, now, stale_after)
    return Say(id=answer.id, channel=answer.channel, reply_to=answer.reply_to, card=card, now=now)


def _deleted(connection: Connection, answer: Row[Any]) -> bool:
    """Whether the question, or the message that its thread hangs on, was deleted. Requests are not kept as messages."""
    asked, root = answer.message_id, answer.reply_to
    kept = answer.kind in (Kind.CITED, Kind.CLOSEST, Kind.PERSON)
    if kept and asked is not None and ledger.message_row(connection, asked) is None:
        return True
    return root != asked and root is not None and ledger.was_erased(connection, root)


def lead_of(answer: Row[Any] | None, now: datetime, stale_after: timedelta) -> str:
    """What is said before an answer that comes late; empty if it does not."""
    if answer is None or not addressed.is_late(moment(answer.asked_at), now, stale_after):
        return ""
    return addressed.late_line(moment(answer.asked_at), now)


def with_lateness(card: Card, answer: Row[Any], now: datetime, stale_after: timedelta) -> Card:
    lead = lead_of(answer, now, stale_after)
    return addressed.under(lead, card) if lead else card


def posted(connection: Connection, answer_id: str, message_id: str) -> None:
    connection.execute(update(answers).where(answers.c.id == answer_id).values(posted_id=message_id))


def forget(connection: Connection, answer_id: str) -> None:
    """It was shown to one person, or was taken back: that there was one stays known, what it said goes."""
    connection.execute(update(answers).where(answers.c.id == answer_id).values(content=None))


def resting_on(connection: Connection, sources: Sequence[str]) -> list[Row[Any]]:
    """The answers that quote one of these messages or name one of these entries."""
    rests = select(answer_sources.c.answer_id).where(answer_sources.c.source.in_(sources))
    said = select(answers).where(answers.c.id.in_(rests), answers.c.content.is_not(None))
    return list(connection.execute(said).all())


def take_back(connection: Connection, answer: Row[Any], now: datetime) -> None:
    """What was said goes from its thread; what was not said yet is never said."""
    forget(connection, answer.id)
    never_sent(connection, answer, now)

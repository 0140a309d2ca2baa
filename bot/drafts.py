"""I/O: suggestions that an analyst decides about. A draft is settled once: shared, dismissed or expired.

Runs in a transaction of its caller.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import audit, ledger
from bot.adapters.acts import Draft, Edit, Question
from bot.answerer import Suggestion
from bot.audit import Kind
from bot.intents import intend
from bot.tables import drafts, moment, seconds, suggestions, tickets
from bot.tickets import ENDED

# An analyst may look only in the morning; a day later the question has found another way.
OPEN_FOR = timedelta(days=1)


SHARED_BY = "shared by {}"
EDITED_BY = "edited and shared by {}"
DISMISSED_BY = "dismissed by {}"


class DraftState(StrEnum):
    OPEN = "open"
    SHARED = "shared"
    DISMISSED = "dismissed"
    EXPIRED = "expired"


def put_draft(
    connection: Connection, suggestion_id: str, conversation: str, place: str | None, now: datetime
) -> None:
    """Keep a draft and, if it has a ``place`` of its own (a channel or person), the intent to put it there."""
    row = insert(drafts).values(
        suggestion_id=suggestion_id,
        conversation=conversation,
        channel=place,
        state=DraftState.OPEN,
        opened_at=seconds(now),
    )
    connection.execute(row.on_conflict_do_nothing())
    audit.put_on_answer(connection, Kind.DRAFTED, suggestion_id, now)
    if place is not None:
        intend(connection, suggestion_id, "draft", place, now)


def draft_row(connection: Connection, suggestion_id: str) -> Row[Any] | None:
    return connection.execute(select(drafts).where(drafts.c.suggestion_id == suggestion_id)).first()


def is_draft_message(connection: Connection, message_id: str) -> bool:
    """Whether it is our message with a draft."""
    found = select(drafts.c.suggestion_id).where(drafts.c.message_id == message_id)
    return connection.execute(found).first() is not None


def is_open(connection: Connection, suggestion_id: str) -> bool:
    row = draft_row(connection, suggestion_id)
    return row is not None and row.state == DraftState.OPEN


def shared_at(connection: Connection, suggestion_id: str) -> datetime | None:
    """When an analyst shared it, if one did."""
    row = draft_row(connection, suggestion_id)
    return None if row is None or row.state != DraftState.SHARED else moment(row.settled_at)


def posted(connection: Connection, suggestion_id: str, message_id: str, now: datetime) -> None:
    """The draft stands on the platform. If it was settled on the way there, it is to say so."""
    change = update(drafts).where(drafts.c.suggestion_id == suggestion_id).values(message_id=message_id)
    connection.execute(change)
    row = draft_row(connection, suggestion_id)
    if row is not None and row.state in (DraftState.DISMISSED, DraftState.EXPIRED):
        _say_so(connection, suggestion_id, now)


def share(
    connection: Connection, suggestion_id: str, user: str, now: datetime, *, edited: bool = False
) -> bool:
    """An analyst wants it said; False if it is not open any more. It says so once the answer stands in its thread.

    ``edited``: in words of his own.
    """
    status = (EDITED_BY if edited else SHARED_BY).format(called(user))
    done = _settle(connection, suggestion_id, DraftState.SHARED, status, now, DraftState.OPEN)
    if done:
        more = {"edited": True} if edited else {}
        audit.put_on_answer(connection, Kind.SHARED, suggestion_id, now, actor=user, **more)
    return done


def dismiss(connection: Connection, suggestion_id: str, user: str, now: datetime) -> bool:
    """An analyst does not want it said; False if it is not open any more."""
    status = DISMISSED_BY.format(called(user))
    done = _settle(connection, suggestion_id, DraftState.DISMISSED, status, now, DraftState.OPEN)
    if done:
        audit.put_on_answer(connection, Kind.DISMISSED, suggestion_id, now, actor=user)
        _say_so(connection, suggestion_id, now)
    return done


def expire(connection: Connection, suggestion_id: str, why: str, now: datetime) -> None:
    """It is too late for an open draft, or for a shared one whose answer was not posted."""
    row = draft_row(connection, suggestion_id)
    suggestion = ledger.suggestion_row(connection, suggestion_id)
    said = suggestion is not None and suggestion.posted_id is not None
    if row is None or said or row.state not in (DraftState.OPEN, DraftState.SHARED):
        return
    _settle(connection, suggestion_id, DraftState.EXPIRED, f"expired: {why}", now, row.state)
    audit.put_on_answer(connection, Kind.DRAFT_EXPIRED, suggestion_id, now)
    _say_so(connection, suggestion_id, now)


_OPEN = select(drafts.c.suggestion_id).where(drafts.c.state == DraftState.OPEN)
_OPEN_HERE = _OPEN.where(drafts.c.conversation == bindparam("conversation"))
_OPEN_ABOUT = _OPEN.join(suggestions, suggestions.c.id == drafts.c.suggestion_id).where(
    suggestions.c.channel == bindparam("channel")
)
_OPEN_LONG = _OPEN.where(drafts.c.opened_at <= bindparam("before"))
_SOLVED = _OPEN.join(tickets, tickets.c.conversation == drafts.c.conversation).where(
    tickets.c.state.in_(list(ENDED))
)


def expire_in(connection: Connection, conversation: str, why: str, now: datetime) -> None:
    """The open drafts of a conversation are too late."""
    for suggestion_id in list(connection.execute(_OPEN_HERE, {"conversation": conversation}).scalars()):
        expire(connection, suggestion_id, why, now)


def expire_about(connection: Connection, channel: str, why: str, now: datetime) -> None:
    """So are those about a channel that is out of reach."""
    for suggestion_id in list(connection.execute(_OPEN_ABOUT, {"channel": channel}).scalars()):
        expire(connection, suggestion_id, why, now)


def expire_old(connection: Connection, now: datetime) -> None:
    """So are those that nobody decided about, and those whose question was solved."""
    for suggestion_id in list(connection.execute(_SOLVED).scalars()):
        expire(connection, suggestion_id, "the question was solved", now)
    for suggestion_id in list(connection.execute(_OPEN_LONG, {"before": seconds(now - OPEN_FOR)}).scalars()):
        expire(connection, suggestion_id, "nobody decided within a day", now)


def said(connection: Connection, suggestion_id: str, now: datetime) -> None:
    """The shared answer stands in its thread."""
    row = draft_row(connection, suggestion_id)
    if row is not None and row.state == DraftState.SHARED:
        _say_so(connection, suggestion_id, now)


def _settle(
    connection: Connection, suggestion_id: str, state: DraftState, status: str, now: datetime, before: str
) -> bool:
    values = {"state": state, "status": status, "settled_at": seconds(now)}
    same = and_(drafts.c.suggestion_id == suggestion_id, drafts.c.state == before)
    return connection.execute(update(drafts).where(same).values(**values)).rowcount == 1


def _say_so(connection: Connection, suggestion_id: str, now: datetime) -> None:
    """The draft's message is to say what became of it, if there is one that can be edited."""
    row = draft_row(connection, suggestion_id)
    if row is not None and row.message_id is not None:
        intend(connection, suggestion_id, "edit", row.channel, now)


# ---- what that means on the platform -----------------------------------------------------


def called(user: str) -> str:
    """How a text names a person: the adapter shows the name."""
    return "@" + user.rsplit("/", 1)[-1]


def draft_of(connection: Connection, suggestion_id: str, now: datetime) -> Draft | None:
    """The draft to put before the analysts, or to look for if it may stand there: empty where its content is gone."""
    row, suggestion = draft_row(connection, suggestion_id), ledger.suggestion_row(connection, suggestion_id)
    if row is None or row.channel is None or suggestion is None:
        return None
    content = suggestion.content
    return Draft(
        id=suggestion_id,
        channel=row.channel,
        question=_question(connection, suggestion),
        suggestion=_NOTHING if content is None else ledger.suggestion_from(content),
        opened_at=moment(row.opened_at),
        now=now,
    )


_NOTHING = Suggestion(lines=(), citations=())


def _question(connection: Connection, suggestion: Row[Any]) -> Question:
    asked = ledger.message_row(connection, suggestion.message_id)
    if asked is None:  # deleted
        return Question(channel=suggestion.channel, user="", text="")
    return Question(channel=asked.channel, user=called(asked.user), text=asked.text, link=asked.link)


def edit_of(connection: Connection, suggestion_id: str) -> Edit | None:
    """What the message with the draft says in the end: one line, without what was asked and answered."""
    row, suggestion = draft_row(connection, suggestion_id), ledger.suggestion_row(connection, suggestion_id)
    if row is None or row.message_id is None or suggestion is None:
        return None
    asked = ledger.message_row(connection, suggestion.message_id)
    link = None if asked is None else asked.link
    return Edit(channel=row.channel, message_id=row.message_id, text=f"Draft {row.status}", link=link)

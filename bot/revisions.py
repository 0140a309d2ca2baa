"""I/O: changes of our answers where they stand: written down first, one on its way for each answer, the newest wins.

Runs in a transaction of its caller. An answer reads as its revision says only once the platform took it: until then,
and where it is refused, votes are on what stood there before.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import ledger, posted_parts, votes
from bot.adapters.acts import Revise
from bot.answerer import CORRECTION, Suggestion
from bot.intents import intend, take_back
from bot.revising import MOST_REVISIONS, STRUCK, Why, no_longer_says
from bot.tables import Sent, doubted, outbox, quoted, revisions, seconds, suggestions
from knowledge import store

REVISE = "revise "  # the kind of its intents, and its number


class State(StrEnum):
    INTENDED = "intended"
    SHOWN = "shown"
    DROPPED = "dropped"  # what it was to cite is gone: it is looked at again
    REFUSED = "refused"  # the platform does not let it be changed (any more): it is not tried again


def put_revision(
    connection: Connection,
    row: Row[Any],
    why: Why,
    note: str,
    suggestion: Suggestion | None,
    now: datetime,
) -> bool:
    """Keep what an answer (``row`` of suggestions) is to say, and the intent; False where it may not change any more.

    ``suggestion`` None: what it says stays, or goes if ``why`` strikes it. An answer in several messages cannot change
    in its place: what does not hold any more goes as a whole.
    """
    if posted_parts.are_several(connection, row.id):
        return _take_back_several(connection, row, why, now)
    last = last_of(connection, row.id)
    number = max(row.version, 0 if last is None else last.number) + 1
    spent = number > MOST_REVISIONS and why not in STRUCK
    if spent or (last is not None and last.state == State.REFUSED):
        return False
    values = {
        "number": number,
        "why": why,
        "state": State.INTENDED,
        "note": note,
        "content": None if suggestion is None else ledger.suggestion_json(suggestion),
        "at": seconds(now),
    }
    new = insert(revisions).values(suggestion_id=row.id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["suggestion_id"], set_=values))
    drop_pending(connection, row.id, "something newer is to be said")
    intend(connection, row.id, f"{REVISE}{number}", row.channel, now)
    return True


def _take_back_several(connection: Connection, row: Row[Any], why: Why, now: datetime) -> bool:
    if why in (Why.CORRECTED, Why.SOURCED):
        return False
    ledger.withdraw(connection, row.id)
    take_back(connection, row, now)
    return True


def drop_pending(connection: Connection, suggestion_id: str, why: str) -> None:
    """What was to be said in place of an answer and was not begun yet, is not said."""
    mine = and_(outbox.c.suggestion_id == suggestion_id, outbox.c.kind.startswith(REVISE))
    unsent = update(outbox).where(mine, outbox.c.state == Sent.INTENT)
    connection.execute(unsent.values(state=Sent.DROPPED, error=why))


def last_of(connection: Connection, suggestion_id: str) -> Row[Any] | None:
    """The last change of an answer, on its way or done."""
    return connection.execute(select(revisions).where(revisions.c.suggestion_id == suggestion_id)).first()


def is_on_its_way(connection: Connection, suggestion_id: str) -> bool:
    last = last_of(connection, suggestion_id)
    if last is None or last.state != State.INTENDED:
        return False
    mine = and_(outbox.c.suggestion_id == suggestion_id, outbox.c.kind == f"{REVISE}{last.number}")
    open_ = select(outbox.c.id).where(mine, outbox.c.state.in_([Sent.INTENT, Sent.SENDING]))
    return connection.execute(open_).first() is not None


def is_struck(connection: Connection, suggestion_id: str) -> bool:
    """Whether one line stands in place of the answer, or is about to."""
    last = last_of(connection, suggestion_id)
    return last is not None and last.why in STRUCK and last.state != State.REFUSED


def _number(kind: str) -> int:
    return int(kind.removeprefix(REVISE))


def _meant(connection: Connection, suggestion_id: str, kind: str) -> Row[Any] | None:
    """The change that an intent is about; None if it gave way to a newer one, or was forgotten."""
    last = last_of(connection, suggestion_id)
    current = last is not None and last.number == _number(kind) and last.state == State.INTENDED
    return last if current else None


def act_of(connection: Connection, suggestion_id: str, kind: str, now: datetime) -> Revise | None:
    """What is to be done on the platform; None where that is not wanted any more."""
    row, meant = ledger.suggestion_row(connection, suggestion_id), _meant(connection, suggestion_id, kind)
    if row is None or meant is None or row.posted_id is None or row.content is None:
        return None  # taken back meanwhile
    said = None if meant.why in STRUCK else ledger.suggestion_from(meant.content or row.content)
    if said is not None and not _is_known(connection, said):
        return None  # what it cites was deleted meanwhile
    return Revise(
        id=row.id,
        channel=row.channel,
        message_id=row.posted_id,
        suggestion=said,
        note=meant.note,
        now=now,
        corrected=meant.why == Why.CORRECTED,
    )


def _is_known(connection: Connection, said: Suggestion) -> bool:
    cited = {one.entry for one in said.citations if not one.entry.startswith(CORRECTION)}
    erased = any(ledger.was_erased(connection, one.source) for one in said.citations)
    return not erased and len(store.stored_by_id(connection, cited)) == len(cited)


def shown(connection: Connection, suggestion_id: str, kind: str, now: datetime) -> str | None:
    """It stands there: from now on the answer is what was put in its place. Why it changed, if this was the last."""
    row, meant = ledger.suggestion_row(connection, suggestion_id), _meant(connection, suggestion_id, kind)
    if row is None or meant is None:
        return None
    if meant.content is not None:
        votes.keep_cited(connection, row)
        _put_content(connection, row.id, ledger.suggestion_from(meant.content), version=meant.number)
    done = {"state": State.SHOWN, "content": None, "at": seconds(now)}
    connection.execute(update(revisions).where(revisions.c.suggestion_id == row.id).values(**done))
    return str(meant.why)


def adopt(connection: Connection, row: Row[Any], suggestion: Suggestion) -> None:
    """The same words from another source: nothing changes on the platform, and votes are on what is cited now."""
    _put_content(connection, row.id, suggestion, version=row.version)


def _put_content(connection: Connection, suggestion_id: str, said: Suggestion, *, version: int) -> None:
    values = {"content": ledger.suggestion_json(said), "version": version, "removed": False}
    connection.execute(update(suggestions).where(suggestions.c.id == suggestion_id).values(**values))
    for table in (quoted, doubted):
        connection.execute(delete(table).where(table.c.suggestion_id == suggestion_id))
    for one in said.citations:
        key = {"suggestion_id": suggestion_id, "entry_id": one.entry, "source": one.source}
        connection.execute(insert(quoted).values(**key).on_conflict_do_nothing())


def refused(connection: Connection, suggestion_id: str, kind: str) -> None:
    """The platform does not take it: what stands there stays, and no more is tried; unless it was only that what it
    cites is gone."""
    meant = _meant(connection, suggestion_id, kind)
    if meant is None:
        return
    said = None if meant.content is None else ledger.suggestion_from(meant.content)
    known = said is None or _is_known(connection, said)
    _end(connection, suggestion_id, State.REFUSED if known else State.DROPPED)


def _end(connection: Connection, suggestion_id: str, state: State) -> None:
    here = revisions.c.suggestion_id == suggestion_id
    connection.execute(update(revisions).where(here).values(state=state, content=None, note=""))


def postpone_look(connection: Connection, suggestion_id: str, now: datetime) -> None:
    """Nothing better is known yet than what stands there."""
    here = and_(revisions.c.suggestion_id == suggestion_id, revisions.c.state == State.SHOWN)
    connection.execute(update(revisions).where(here).values(at=seconds(now)))


# ---- sources that were edited -----------------------------------------------------


def doubt_quotes(connection: Connection, message_id: str, before: str, after: str) -> None:
    """A message was edited: note the answers whose quotes from it do not stand in it any more."""
    query = (
        select(suggestions.c.id, suggestions.c.content)
        .join(quoted, quoted.c.suggestion_id == suggestions.c.id)
        .where(quoted.c.source == message_id, suggestions.c.content.is_not(None))
        .distinct()
    )
    for row in connection.execute(query).all():
        cited = ledger.suggestion_from(row.content).citations
        if any(one.source == message_id and no_longer_says(one.quote, before, after) for one in cited):
            key = {"suggestion_id": row.id, "source": message_id}
            connection.execute(insert(doubted).values(**key).on_conflict_do_nothing())


def doubted_sources(connection: Connection, suggestion_id: str) -> frozenset[str]:
    query = select(doubted.c.source).where(doubted.c.suggestion_id == suggestion_id)
    return frozenset(connection.execute(query).scalars())


# ---- forgetting -----------------------------------------------------


def forget(connection: Connection, suggestion_id: str) -> None:
    """What was to be said in place of an answer that is taken back."""
    drop_pending(connection, suggestion_id, "the answer was taken back")
    for table in (revisions, doubted):
        connection.execute(delete(table).where(table.c.suggestion_id == suggestion_id))


def forget_citing(connection: Connection, sources: Collection[str]) -> None:
    """What is on its way and cites any of ``sources`` (messages, or entries) is not said."""
    waiting = connection.execute(select(revisions).where(revisions.c.content.is_not(None))).all()
    for row in waiting:
        cited = ledger.suggestion_from(row.content).citations
        if any(one.source in sources or one.entry in sources for one in cited):
            drop_pending(connection, row.suggestion_id, "what it cites was deleted")
            _end(connection, row.suggestion_id, State.DROPPED)


def learnt_as(connection: Connection, correction: int, entry_id: str) -> None:
    """A correction that stands in place of an answer is an entry now: votes on it are about that."""
    named = f"{CORRECTION}{correction}"
    here = and_(quoted.c.source == named, quoted.c.entry_id == named)
    connection.execute(update(quoted).where(here).values(entry_id=entry_id))


def expire(connection: Connection, before: float) -> None:
    """What is as old as messages that are not kept loses its words."""
    words = or_(revisions.c.content.is_not(None), revisions.c.note != "")
    old = update(revisions).where(revisions.c.at < before, words)
    connection.execute(old.values(content=None, note=""))

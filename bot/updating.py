"""I/O: our answers follow what is known: a correction, a newer source, a source that was withdrawn or edited.

Nothing is remembered about what is to be looked at: answers are compared with the store, so that it does not matter
who changed it, by night or by hand, or whether that was while nobody listened.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, and_, exists, or_, select

from bot import ledger, rejections, revisions
from bot.adapters.events import Corrected
from bot.answerer import CORRECTION, Suggestion, conversation, ground, query_of
from bot.config import Config
from bot.handlers import Bot
from bot.revising import (
    GONE,
    LOOKED_AT_AGAIN,
    LOOKED_AT_FOR,
    MOST_REVISIONS,
    Why,
    as_asked,
    corrected_by,
    heirs,
    is_gone,
    note_of,
    says_the_same,
)
from bot.revisions import State
from bot.scorer import Policy, Situation, decide, newest_first, novel
from bot.situation import policy_of, recall
from bot.tables import doubted, quoted, seconds, suggestions, tickets
from bot.tables import revisions as revision_rows
from bot.tickets import TicketState
from knowledge import store
from knowledge.audience import audiences_for
from knowledge.entry import Hit, Stored
from knowledge.writer import Asked, Declined, WriterFailed

log = logging.getLogger("earshot")

MOST_AT_ONCE = 20  # answers that are looked at in one go
K = 10  # entries that are looked at for one answer


# ---- corrections -----------------------------------------------------


def correct(
    connection: Connection, config: Config, row: Row[Any], corrected: Corrected, number: int, now: datetime
) -> bool:
    """The right answer of somebody in charge takes the place of ours (``row`` of suggestions); False where it may not.

    ``number``: of the correction.
    """
    if not rejections.in_charge(connection, config, corrected.user) or not _stands(connection, row):
        return False
    if not _may_speak(_policy(connection, config, row, now)) or not _is_open(connection, row):
        return False
    name = ledger.names(connection, [corrected.user]).get(corrected.user)
    hidden = config.redact.patterns
    said = corrected_by(corrected.text.strip(), number=number, at=corrected.at, name=name, hidden=hidden)
    note = note_of(Why.CORRECTED, now, config.tz, name)
    if not revisions.put_revision(connection, row, Why.CORRECTED, note, said, now):
        return False
    rejections.overtaken(connection, row.id)
    return True


def _stands(connection: Connection, row: Row[Any]) -> bool:
    """Whether a message of ours stands there: an answer, or the line that was left of one."""
    there = row.posted_id is not None and row.content is not None
    return there and (not row.removed or revisions.is_struck(connection, row.id))


def _is_open(connection: Connection, row: Row[Any]) -> bool:
    ticket = ledger.ticket(connection, row.conversation)
    return ticket is not None and ticket.state is not TicketState.CLOSED


def _policy(connection: Connection, config: Config, row: Row[Any], now: datetime) -> Policy:
    return policy_of(config, ledger.channel_of(connection, row.channel), now)


def _may_speak(policy: Policy) -> bool:
    return policy.mode in ("reply", "draft") and not policy.external_blocked


# ---- sources that do not hold any more -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubtful:
    """An answer (``row`` of suggestions) that may not hold. ``gone``: the entries that it may not be cited from any
    more; ``edited``: whether a source says something else now; ``heirs``: what stands in place of the gone. ``worded``:
    its words are a person's, which are noted upon but never changed.
    ``asked``: the question as it would be answered today. ``noted``: it says already that its source was withdrawn.
    """

    row: Row[Any]
    gone: frozenset[str]
    edited: bool
    heirs: frozenset[str]
    asked: Situation
    noted: bool
    worded: bool


async def look_again(bot: Bot) -> int:
    """Compare the answers of the last days in open threads with what is known today. How many were looked at."""
    doubtful = await bot.database.run(partial(_doubtful, config=bot.config(), now=bot.clock.now()))
    for one in doubtful:
        await _update(bot, one)
    return len(doubtful)


_GONE_CITED = exists().where(
    quoted.c.suggestion_id == suggestions.c.id,
    quoted.c.entry_id.not_like(f"{CORRECTION}%"),
    ~store.stands(quoted.c.entry_id, GONE),
)
_EDITED = exists().where(doubted.c.suggestion_id == suggestions.c.id)


def _candidates(now: datetime) -> Any:
    """Answers whose source went, changed, or came back, and that may still be changed."""
    mine = revision_rows.c.suggestion_id == suggestions.c.id
    closed = or_(
        revision_rows.c.state.in_([State.INTENDED.value, State.REFUSED.value]),
        revision_rows.c.number >= MOST_REVISIONS,
    )
    unsourced = and_(mine, revision_rows.c.why == Why.UNSOURCED.value)
    lately = exists().where(unsourced, revision_rows.c.at > seconds(now - LOOKED_AT_AGAIN))
    to_look_at = or_(
        and_(_GONE_CITED, ~lately),
        _EDITED,
        and_(~_GONE_CITED, exists().where(unsourced)),
    )
    return (
        select(suggestions)
        .join(tickets, tickets.c.conversation == suggestions.c.conversation)
        .where(suggestions.c.posted_at > seconds(now - LOOKED_AT_FOR))
        .where(suggestions.c.content.is_not(None), suggestions.c.removed.is_(False))
        .where(tickets.c.state != TicketState.CLOSED.value, ~exists().where(mine, closed), to_look_at)
        .order_by(suggestions.c.posted_at.desc())
    )


def _doubtful(connection: Connection, config: Config, now: datetime) -> list[Doubtful]:
    rows = connection.execute(_candidates(now)).all()
    found = (_doubt(connection, config, row, now) for row in rows)
    return list(islice((one for one in found if one is not None), MOST_AT_ONCE))


def _doubt(connection: Connection, config: Config, row: Row[Any], now: datetime) -> Doubtful | None:
    """None where nothing is to be said now."""
    asked = _as_asked(connection, config, row, now)
    if asked is None:
        return None
    said = ledger.suggestion_from(row.content)
    cited = {one.entry: one for one in said.citations}
    own = ledger.quoted_now(connection, [row.id])
    known = _with_successors(connection, own)
    edited = revisions.doubted_sources(connection, row.id)
    gone = {key for key in own if not key.startswith(CORRECTION) and is_gone(known.get(key))}
    gone |= {key for key, one in cited.items() if one.source in edited}
    last = revisions.last_of(connection, row.id)
    return Doubtful(
        row=row,
        gone=frozenset(gone),
        edited=bool(edited),
        heirs=heirs(gone, known) - gone,
        asked=asked,
        noted=last is not None and last.why == Why.UNSOURCED,
        worded=bool(said.worded_by),
    )


def _with_successors(connection: Connection, ids: Iterable[str]) -> dict[str, Stored]:
    """The entries by id, with those that stand in their place, and in the place of those."""
    known: dict[str, Stored] = {}
    left = set(ids)
    while left:
        found = store.stored_by_id(connection, left)
        known |= found
        left = {one.successor for one in found.values() if one.successor} - known.keys()
    return known


def _as_asked(connection: Connection, config: Config, row: Row[Any], now: datetime) -> Situation | None:
    situation = recall(connection, config, row.message_id, now)
    if situation is None or not _may_speak(situation.policy):
        return None
    others = [
        given.id for given in ledger.in_conversation(connection, row.conversation) if given.id != row.id
    ]
    return as_asked(situation, ledger.quoted_in(connection, others) if others else ())


async def _update(bot: Bot, doubtful: Doubtful) -> None:
    better = await _better(bot, doubtful)
    await bot.database.run(partial(_conclude, bot=bot, doubtful=doubtful, better=better))


async def _better(bot: Bot, doubtful: Doubtful) -> Suggestion | None:
    """What would be said today in its place; None where nothing is known, or where an analyst would have to see it."""
    asked = doubtful.asked
    if not doubtful.gone or doubtful.worded:
        return None
    if asked.policy.mode != "reply" or asked.policy.drifted is not None:
        return None
    found = await bot.knowledge.search(
        query_of(asked.thread, asked.message),
        audiences=audiences_for(asked.place),
        k=K,
        exclude_origins=frozenset({asked.thread.id}),
        before=asked.now,
    )
    known = [hit for hit in found if hit.entry.id not in doubtful.gone]
    hits = newest_first(novel(known, asked), asked.message.text)
    # What stands in its place answers what it answered; anything else must be as welcome as if it was asked today.
    near = [hit for hit in hits if hit.entry.id in doubtful.heirs]
    return await _written(bot, asked, near or (hits if _welcome(asked, hits) else ()))


def _welcome(asked: Situation, hits: Sequence[Hit]) -> bool:
    return bool(hits) and decide(asked, hits).score >= asked.policy.threshold


async def _written(bot: Bot, asked: Situation, hits: Sequence[Hit]) -> Suggestion | None:
    if not hits:
        return None
    given = Asked(question=query_of(asked.thread, asked.message), thread=asked.thread, hits=hits)
    try:
        draft = await bot.writer.answer(given)
    except WriterFailed as error:
        log.warning("%s: the %s writer failed: %s", asked.message.id, bot.writer.name, error)
        return None
    return None if isinstance(draft, Declined) else ground(draft, hits, asked.now, conversation(given))


def _conclude(connection: Connection, bot: Bot, doubtful: Doubtful, better: Suggestion | None) -> None:
    """Write down what is to stand there, if it is still the answer that was looked at."""
    config, now = bot.config(), bot.clock.now()
    row = ledger.suggestion_row(connection, doubtful.row.id)
    if row is None or row.content != doubtful.row.content or row.removed:
        return
    if revisions.is_on_its_way(connection, row.id):
        return
    if better is not None and says_the_same(better, ledger.suggestion_from(row.content)):
        return _adopt(connection, config, doubtful, row, better, now)
    why = _why(doubtful, better)
    if why is None:
        return revisions.postpone_look(connection, row.id, now)
    if why is Why.CHANGED:
        ledger.withdraw(connection, row.id)
    revisions.put_revision(connection, row, why, note_of(why, now, config.tz), better, now)


def _adopt(
    connection: Connection,
    config: Config,
    doubtful: Doubtful,
    row: Row[Any],
    better: Suggestion,
    now: datetime,
) -> None:
    """It reads as before, from a source that counts; only what said otherwise above it gives way."""
    revisions.adopt(connection, row, better)
    if doubtful.noted:
        note = note_of(Why.SOURCED, now, config.tz)
        revisions.put_revision(connection, row, Why.SOURCED, note, None, now)


def _why(doubtful: Doubtful, better: Suggestion | None) -> Why | None:
    if not doubtful.gone:
        return Why.SOURCED if doubtful.noted else None
    if better is not None:
        return Why.NEWER
    if doubtful.edited and not doubtful.worded:
        return Why.CHANGED
    return None if doubtful.noted else Why.UNSOURCED

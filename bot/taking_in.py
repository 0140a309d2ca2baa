"""I/O: what closed threads teach is stored and recorded, if nothing changed since they were studied."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot import ledger, nights, optouts
from bot.handlers import Bot
from bot.studying import Studied, rejected
from bot.surroundings import keep_solution, keep_surroundings
from bot.verdicts import keep_outcomes
from knowledge import store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.entry import EntryState, KnowledgeEntry, PassageKind
from knowledge.search import Prepared

TAKEN_OUT = "a person took the same answer out before"  # doubt about what a thread teaches again


def keep(
    connection: Connection, bot: Bot, night: str, studied: Sequence[Studied], put: Prepared
) -> list[Studied]:
    """Store what threads teach; those that changed since they were studied are left out, to be studied again."""
    now, review = bot.clock.now(), bot.config().night.approve == "review"
    nights.beat(connection, night, now)
    unwilling = optouts.opted_out(connection)
    kept = [one for one in studied if _is_unchanged(connection, one) and not _names_any(one, unwilling)]
    for one in kept:
        thread = ledger.thread(connection, one.ticket.conversation)
        earlier = nights.outcomes_in(connection, one.ticket.conversation)
        for message_id in keep_outcomes(connection, thread, now) if thread is not None else ():
            nights.record_outcome(connection, night, message_id, now, earlier.get(message_id))
        _take_in(connection, night, one, put, now, waits=review or bool(one.doubts))
        ledger.mark_learnt(connection, one.ticket.conversation)
    return kept


def _is_unchanged(connection: Connection, studied: Studied) -> bool:
    thread = ledger.thread(connection, studied.ticket.conversation)
    said = () if thread is None else tuple((message.id, message.text) for message in thread.messages)
    same = ledger.ticket(connection, studied.ticket.conversation) == studied.ticket
    return same and said == studied.said and nights.is_unlearnt(connection, studied.ticket.conversation)


def _names_any(studied: Studied, people: Collection[str]) -> bool:
    """Whether one of ``people``, who opted out meanwhile, says something in the thread, or put something on it."""
    messages = () if studied.thread is None else studied.thread.messages
    return any(
        user in people
        for message in messages
        for user in (message.user, *(reaction.user for reaction in message.reactions))
    )


def _take_in(
    connection: Connection, night: str, studied: Studied, put: Prepared, now: datetime, *, waits: bool
) -> None:
    """What a thread teaches, in place of what it taught before it went on."""
    entry = studied.mined.entry
    if entry is not None and studied.thread is not None:
        if _was_rejected(connection, entry):
            return
        remember = keep_solution if studied.doubts else keep_surroundings
        remember(connection, studied.thread, entry)
        doubts = (*studied.doubts, *_taken_out(connection, entry))
        add(connection, night, entry, studied.mined.why, doubts, put, now, waits)
        nights.bring_back(connection, night, entry.id, now)
    if not ledger.has_aged(
        connection, studied.ticket.conversation
    ):  # else what taught it cannot be read again
        nights.replace_older(connection, night, studied.ticket.conversation, entry, now)


def _taken_out(connection: Connection, entry: KnowledgeEntry) -> tuple[str, ...]:
    """The doubt about a solution that people took out before, by itself or with its whole night."""
    before = (
        stored.entry
        for stored in store.stored_from(connection, entry.origin)
        if stored.state is EntryState.RETIRED and stored.entry.id != entry.id
    )
    same = (one.id for one in before if one.of(PassageKind.SOLUTION) == entry.of(PassageKind.SOLUTION))
    return () if all(nights.was_retired(connection, key) for key in same) else (TAKEN_OUT,)


def _was_rejected(connection: Connection, entry: KnowledgeEntry) -> bool:
    """Whether a person said no to this very solution of the thread, or to one that says this and more; what else was
    said since changes nothing."""
    solution = entry.of(PassageKind.SOLUTION)
    return any(
        all(passage.text in texts.get(passage.source, "") for passage in solution)
        for texts in rejected(connection, entry)
    )


def add(
    connection: Connection,
    night: str,
    entry: KnowledgeEntry,
    why: str,
    doubts: tuple[str, ...],
    put: Prepared,
    now: datetime,
    review: bool,
) -> None:
    """Store a new entry and record it; what is doubted, or under review, waits."""
    waits = review or bool(doubts)
    if put(connection, [entry], EntryState.PENDING if waits else EntryState.ACTIVE):
        change = Change(
            kind=ChangeKind.ADDED,
            entry=entry.id,
            before=None,
            after=EntryState.ACTIVE,
            why=why,
            doubts=doubts,
        )
        nights.record(connection, night, change, now, ChangeState.PROPOSED if waits else ChangeState.APPLIED)

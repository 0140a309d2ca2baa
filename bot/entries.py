"""I/O: what is known, one entry at a time: found by a piece of its id, told with its provenance, moved and reworded by
hand. As in `bot.ledger` every function takes a Connection inside a transaction of `Database.run`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select, update

from bot import audit, nights
from bot.audit import BY_COMMAND, Kind
from bot.tables import moment, night_changes, quoted, suggestions
from bot.votes import cast_on_entry
from knowledge import relations, store
from knowledge.changes import ChangeKind, ChangeState
from knowledge.entry import EntryState, KnowledgeEntry
from knowledge.store import Stored

MOST_CANDIDATES = 10


class EntryError(Exception):
    """An entry that cannot be found, or a step that it cannot take; the text says what to do."""


class Step(StrEnum):
    """What a person may do with an entry."""

    RETIRE = "retire"
    RESTORE = "restore"
    APPROVE = "approve"
    REJECT = "reject"


# From which states a step leads, and where.
STEPS: Mapping[Step, tuple[frozenset[EntryState], EntryState]] = {
    Step.RETIRE: (
        frozenset({EntryState.ACTIVE, EntryState.PENDING, EntryState.DISPUTED}),
        EntryState.RETIRED,
    ),
    Step.RESTORE: (
        frozenset(
            {
                EntryState.RETIRED,
                EntryState.REJECTED,
                EntryState.MERGED,
                EntryState.SUPERSEDED,
                EntryState.DISPUTED,
            }
        ),
        EntryState.ACTIVE,
    ),
    Step.APPROVE: (frozenset({EntryState.PENDING}), EntryState.ACTIVE),
    Step.REJECT: (frozenset({EntryState.PENDING}), EntryState.REJECTED),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Quotation:
    """An answer that quotes an entry. ``posted``: it stands, or stood, on the platform."""

    suggestion: str
    message: str
    channel: str
    at: datetime
    posted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class NightStep:
    """What a night did, or proposed to do, to an entry."""

    night: str
    kind: str
    state: str
    why: str
    other: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Provenance:
    """An entry with all that is known about it. ``stands_for``: the entries whose successor it is."""

    stored: Stored
    successor: Stored | None
    stands_for: tuple[Stored, ...]
    up: int
    down: int
    quotations: tuple[Quotation, ...]
    nights: tuple[NightStep, ...]


def found(connection: Connection, given: str) -> Stored:
    """The entry whose id is ``given`` or the only one that begins so. Raises EntryError."""
    ids = store.find_ids(connection, given, MOST_CANDIDATES + 1) if given else []
    exact = [one for one in ids if one == given] or ids
    if len(exact) == 1:
        return store.stored_by_id(connection, exact)[exact[0]]
    if not exact:
        raise EntryError(f"{given}: no entry is called so; `earshot entries` lists them")
    known = store.stored_by_id(connection, exact[:MOST_CANDIDATES]).values()
    listed = "\n".join(f"  {one.entry.id}  {one.state}  {one.entry.title}" for one in known)
    more = "\n  …" if len(exact) > MOST_CANDIDATES else ""
    raise EntryError(f"{given} may be any of these; give more of the id:\n{listed}{more}")


def provenance(connection: Connection, stored: Stored) -> Provenance:
    """Where an entry comes from, what became of it, and what people made of it."""
    successor = stored.successor
    known = store.stored_by_id(connection, [successor]) if successor else {}
    up, down = _votes(connection, stored.entry.id)
    return Provenance(
        stored=stored,
        successor=known.get(successor or ""),
        stands_for=tuple(store.stored_under(connection, stored.entry.id)),
        up=up,
        down=down,
        quotations=tuple(_quotations(connection, stored.entry.id)),
        nights=tuple(_nights(connection, stored.entry.id)),
    )


def _votes(connection: Connection, entry_id: str) -> tuple[int, int]:
    """The live votes on answers that quote an entry: 👍 and 👎."""
    on_it = cast_on_entry(entry_id)
    counted = select(on_it.c.helpful, func.count()).group_by(on_it.c.helpful)
    cast = {bool(row[0]): int(row[1]) for row in connection.execute(counted)}
    return cast.get(True, 0), cast.get(False, 0)


def _quotations(connection: Connection, entry_id: str) -> list[Quotation]:
    ids = select(quoted.c.suggestion_id).where(quoted.c.entry_id == entry_id)
    query = select(suggestions).where(suggestions.c.id.in_(ids))
    rows = connection.execute(query.order_by(suggestions.c.at.desc(), suggestions.c.id)).all()
    return [
        Quotation(
            suggestion=row.id,
            message=row.message_id,
            channel=row.channel,
            at=moment(row.at),
            posted=row.posted_id is not None,
        )
        for row in rows
    ]


def _nights(connection: Connection, entry_id: str) -> list[NightStep]:
    query = select(night_changes).where(night_changes.c.subject == entry_id).order_by(night_changes.c.id)
    return [
        NightStep(night=row.night, kind=row.kind, state=row.state, why=row.why, other=row.other)
        for row in connection.execute(query)
    ]


def take(connection: Connection, entry_id: str, step: Step, now: datetime) -> EntryState:
    """Let an entry take a step that a person wants; where it stands now. Raises EntryError if it cannot.

    Who restores or approves an entry says that it holds, so it counts as proven at ``now``. What a night proposed
    about it is settled by that, too. What an approved entry replaces gives way; what one that
    is retired contradicted or replaced is seen to.
    """
    before = store.state_of(connection, entry_id)
    allowed, after = STEPS[step]
    if before is None:
        raise EntryError(f"{entry_id}: no entry is called so any more; it was forgotten")
    if before not in allowed:
        raise EntryError(f"{entry_id} is {before}; {_remedy(before, step)}")
    store.move(connection, entry_id, after)
    audit.put(connection, Kind.ENTRY_MOVED, now, subject=entry_id, actor=BY_COMMAND, step=step, before=before)
    if after is EntryState.ACTIVE:
        store.prove(connection, entry_id, now)
    if before is EntryState.PENDING:
        _settle_proposals(connection, entry_id, approved=after is EntryState.ACTIVE)
    if step is Step.APPROVE:
        entry = store.entries_by_id(connection, [entry_id])[entry_id]
        nights.replace_older(connection, nights.BY_HAND, entry.origin, entry, now)
    if step is Step.RETIRE:
        for freed in relations.restored(store.stored_under(connection, entry_id), EntryState.RETIRED):
            nights.apply(connection, nights.BY_HAND, freed, now)
    return after


def _remedy(before: EntryState, step: Step) -> str:
    if STEPS[step][1] is before:
        return "there is nothing to do"
    possible = [other for other, (allowed, _) in STEPS.items() if before in allowed]
    return f"what is {before} can be {' or '.join(PAST[other] for other in possible)}, not {PAST[step]}"


PAST: Mapping[Step, str] = {
    Step.RETIRE: "retired",
    Step.RESTORE: "restored",
    Step.APPROVE: "approved",
    Step.REJECT: "rejected",
}


def _settle_proposals(connection: Connection, entry_id: str, *, approved: bool) -> None:
    mine = (
        night_changes.c.subject == entry_id,
        night_changes.c.kind == ChangeKind.ADDED.value,
        night_changes.c.state == ChangeState.PROPOSED.value,
    )
    settled = ChangeState.APPLIED if approved else ChangeState.REJECTED
    connection.execute(update(night_changes).where(*mine).values(state=settled.value))


def replace_by_hand(connection: Connection, before: Stored, entry: KnowledgeEntry, now: datetime) -> Stored:
    """Let ``entry``, a new wording of ``before``, take its place: with its trust, and proven by who worded it.

    What ``before`` stood for, ``entry`` stands for from now on. Raises EntryError if ``before`` is not active or
    pending, because then something else stands in its place already.
    """
    if before.state not in (EntryState.ACTIVE, EntryState.PENDING):
        raise EntryError(
            f"{before.entry.id} is {before.state}, so nobody is shown it; edit an active one, or restore it first"
        )
    for other in store.stored_under(connection, before.entry.id):
        store.move(connection, other.entry.id, other.state, entry.id)
    if before.state is EntryState.PENDING:
        _propose_instead(connection, before.entry.id, entry.id)
    store.put_entries(connection, [entry], before.state)
    store.give_trust(connection, entry.id, before.trust)
    store.prove(connection, entry.id, now)
    store.move(
        connection, entry.id, before.state
    )  # a wording that stood before, and was replaced, stands again
    store.move(connection, before.entry.id, EntryState.SUPERSEDED, entry.id)
    named = {"subject": entry.id, "actor": BY_COMMAND}
    audit.put(connection, Kind.ENTRY_EDITED, now, **named, replaces=before.entry.id)
    return store.stored_by_id(connection, [entry.id])[entry.id]


def _propose_instead(connection: Connection, before: str, entry_id: str) -> None:
    """What a night proposed about the entry, it proposes about the new wording."""
    mine = (night_changes.c.subject == before, night_changes.c.state == ChangeState.PROPOSED.value)
    connection.execute(update(night_changes).where(*mine).values(subject=entry_id))


def listed(connection: Connection, choice: store.Choice) -> list[Stored]:
    """The entries that ``choice`` describes, newest first."""
    ids = store.chosen_ids(connection, choice)
    known = store.stored_by_id(connection, ids)
    return [known[one] for one in ids]


def of_ids(connection: Connection, ids: Sequence[str]) -> list[Stored]:
    """The entries of ``ids`` that still exist, in their order."""
    known = store.stored_by_id(connection, ids)
    return [known[one] for one in ids if one in known]

"""I/O: entries, their passages, cached vectors and the log of changes, in SQL.

Every function works inside the caller's transaction (``Database.run``). Times are stored as seconds since
1970 (UTC). Apart from ``_insert_new`` nothing here is special to SQLite.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    case,
    delete,
    exists,
    func,
    inspect,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite

from knowledge.database import Migration
from knowledge.entry import EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.entry import Stored as Stored  # what this module gives; pure, so that deciders can take it
from knowledge.thread import Role
from knowledge.trust import CONFIRMED, at_first, beside_confirmation

T = TypeVar("T")

LISTED = ("number", "id", "origin", "audience", "known_from", "up", "down")
BATCH = 500  # values in one IN (…): far below every database's limit of parameters

_metadata = MetaData()

# `number` names an entry inside indexes. It is never given twice, so an index that missed a removal can only
# hold too much, never something else under the same number.
_entries = Table(
    "entries",
    _metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("kind", String, nullable=False),
    Column("title", Text, nullable=False),
    Column("origin", String, nullable=False, index=True),
    Column("audience", String, nullable=False),
    Column("known_from", Float),
    Column("confirmed", Boolean, nullable=False, default=False),
    Column("up", Float, nullable=False, default=0.0),
    Column("down", Float, nullable=False, default=0.0),
    # Of `up` and `down`: what it came with, not voted here.
    Column("given_up", Float, nullable=False, server_default="0"),
    Column("given_down", Float, nullable=False, server_default="0"),
    Column("state", String, nullable=False, server_default="active"),
    Column("successor", String, index=True),  # the entry that stands for this one, or that contradicts it
    Column("proven_at", Float),  # when somebody last said, or showed, that it still holds
    Column("asked_at", Float),  # when people were asked whether it still holds, without an answer yet
    Index("entries_state", "state", "known_from"),
    sqlite_autoincrement=True,
)
_passages = Table(
    "passages",
    _metadata,
    Column("entry_id", String, ForeignKey("entries.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("kind", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("source", String, nullable=False, index=True),
    Column("author", String),
    Column("role", String, nullable=False),
    Column("at", Float),
    Column("link", String),
)
# Which texts of an entry are embedded (scheme: the model and the way texts are made). `id` names the vector.
_views = Table(
    "views",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("number", ForeignKey("entries.number", ondelete="CASCADE"), nullable=False),
    Column("scheme", String, nullable=False),
    Column("n", Integer, nullable=False),
    Column("text_hash", String, nullable=False, index=True),
    UniqueConstraint("number", "scheme", "n"),
    sqlite_autoincrement=True,
)
_vectors = Table(
    "vectors",
    _metadata,
    Column("fingerprint", String, primary_key=True),
    Column("text_hash", String, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
# The newest change of each entry: how another process learns what was put, altered or removed.
_changes = Table(
    "changes",
    _metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("entry_id", String, nullable=False),
    Column("number", Integer, nullable=False, unique=True),
    sqlite_autoincrement=True,
)


def _add_states(connection: Connection) -> None:
    """States of entries; a fresh store has them from its first step."""
    known = {column["name"] for column in inspect(connection).get_columns("entries")}
    added = {
        "state": "VARCHAR NOT NULL DEFAULT 'active'",
        "successor": "VARCHAR",
        "proven_at": "FLOAT",
        "asked_at": "FLOAT",
    }
    for name, kind in added.items():
        if name not in known:
            connection.exec_driver_sql(f"ALTER TABLE entries ADD COLUMN {name} {kind}")
    for index in _entries.indexes:
        index.create(connection, checkfirst=True)


def _count_confirmations(connection: Connection) -> None:
    """A confirmation counts like a thumb, also of what was stored before it did."""
    confirmed = _entries.c.confirmed.is_(True)
    connection.execute(update(_entries).where(confirmed).values(up=_entries.c.up + CONFIRMED))


def _add_given_trust(connection: Connection) -> None:
    """The trust that an entry came with; a fresh store has the columns from its first step."""
    known = {column["name"] for column in inspect(connection).get_columns("entries")}
    for name in ("given_up", "given_down"):
        if name not in known:
            connection.exec_driver_sql(f"ALTER TABLE entries ADD COLUMN {name} FLOAT NOT NULL DEFAULT '0'")


def _index_successors(connection: Connection) -> None:
    """What stands behind an entry is asked for each one that a night merges or counts anew."""
    for index in _entries.indexes:
        index.create(connection, checkfirst=True)


MIGRATIONS = [
    Migration(name="knowledge-1", apply=_metadata.create_all),
    Migration(name="knowledge-2-states", apply=_add_states),
    Migration(name="knowledge-3-confirmations", apply=_count_confirmations),
    Migration(name="knowledge-3-given-trust", apply=_add_given_trust),
    Migration(name="knowledge-4-successors", apply=_index_successors),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnReport:
    """Ids of entries that are new, no longer there, and already known."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """What ranking needs of every entry, without its text (one row of the catalogue)."""

    number: int
    id: str
    origin: str
    audience: str
    known_from: float | None
    trust: Trust


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """One embedded text of an entry: ``id`` names the vector, ``number`` the entry."""

    id: int
    number: int
    text_hash: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """Which entries are meant: those that fit all that is given. ``origin``: how it begins; ``words``: each stands in
    the title or in a passage; ``private``: also what belongs to one channel."""

    state: EntryState | None = None
    origin: str | None = None
    audience: str | None = None
    words: tuple[str, ...] = ()
    private: bool = True
    limit: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many entries (by kind), passages and cached vectors the store holds."""

    entries: int
    by_kind: Mapping[str, int]
    passages: int
    vectors: int


# Writing entries

Put = Callable[[Connection, Sequence[KnowledgeEntry]], list[str]]


def put_entries(
    connection: Connection, entries: Sequence[KnowledgeEntry], state: EntryState = EntryState.ACTIVE
) -> list[str]:
    """Store ``entries``; the ids of those that were not known, in order. These begin in ``state``.

    A known entry keeps its state, its trust and its confirmation; ``known_from`` and the passages' authors, roles,
    times and links follow the new one.
    """
    given = {entry.id: entry for entry in entries}
    known = _known_ids(connection, given)
    new = {key: entry for key, entry in given.items() if key not in known}
    for key in known:
        _refresh(connection, key, given[key])
    rows = [{**_entry_row(key, entry), "state": state.value} for key, entry in new.items()]
    _insert_new(connection, _entries, rows)
    _insert_new(
        connection, _passages, [row for key, entry in new.items() for row in _passage_rows(key, entry)]
    )
    _record_changes(connection, list(given))
    return list(new)


def drop_entries(connection: Connection, ids: Iterable[str]) -> list[str]:
    """Remove entries, their passages and the vectors that only they used; the ids that were there."""
    wanted = list(dict.fromkeys(ids))
    known = _known_ids(connection, wanted)
    gone = [key for key in wanted if key in known]
    _record_changes(connection, gone)
    for some in _batches(gone):
        numbers = select(_entries.c.number).where(_entries.c.id.in_(some))
        used = select(_views.c.text_hash).where(_views.c.number.in_(numbers))
        hashes = list(connection.scalars(used))
        connection.execute(delete(_entries).where(_entries.c.id.in_(some)))
        _drop_orphans(connection, hashes)
    return gone


def replace_origin(
    connection: Connection, origin: str, entries: Sequence[KnowledgeEntry], put: Put = put_entries
) -> LearnReport:
    """Make ``entries`` all that is known from ``origin``: what it no longer contains is removed.

    ``put`` stores entries; one that stores their views too keeps the vectors that old and new entries share.
    Raises ValueError if an entry names another origin.
    """
    for entry in entries:
        if entry.origin != origin:
            raise ValueError(f"entry {entry.id} is from {entry.origin!r}; give only entries from {origin!r}")
    kept = {entry.id for entry in entries}
    before = connection.scalars(select(_entries.c.id).where(_entries.c.origin == origin)).all()
    added = put(connection, entries)
    removed = drop_entries(connection, [key for key in before if key not in kept])
    unchanged = tuple(key for key in before if key in kept)
    return LearnReport(added=tuple(added), removed=tuple(removed), unchanged=unchanged)


def set_trust(connection: Connection, entry_id: str, trust: Trust) -> bool:
    """Set an entry's votes, which count on top of what it came with; False if there is no such entry (it may have
    been forgotten since)."""
    up, down = _entries.c.given_up + trust.up, _entries.c.given_down + trust.down
    return _alter(connection, entry_id, up=up, down=down)


def give_trust(connection: Connection, entry_id: str, trust: Trust) -> bool:
    """Say what trust an entry comes with, from another store or from the entry that it replaces: counting the votes
    anew does not take it away. Its own confirmation is counted anew, too, so that part of it is not kept twice. False
    if there is no such entry."""
    confirmed = connection.scalar(select(_entries.c.confirmed).where(_entries.c.id == entry_id))
    trust = beside_confirmation(trust, bool(confirmed))
    up = _entries.c.up - _entries.c.given_up + trust.up
    down = _entries.c.down - _entries.c.given_down + trust.down
    return _alter(connection, entry_id, up=up, down=down, given_up=trust.up, given_down=trust.down)


def confirm(connection: Connection, entry_id: str, confirmed: bool = True) -> bool:
    """Note that a person said the entry holds (or took that back); False if there is no such entry."""
    return _alter(connection, entry_id, confirmed=confirmed, up=_up_if(confirmed))


def move(
    connection: Connection, entry_id: str, state: EntryState, successor: str | None = None
) -> EntryState | None:
    """Put an entry into ``state``; the state it was in, or None if there is no such entry."""
    before = state_of(connection, entry_id)
    if before is not None:
        _alter(connection, entry_id, state=state.value, successor=successor)
    return before


def prove(connection: Connection, entry_id: str, at: datetime | None) -> bool:
    """Note when somebody last said that the entry holds; what was asked about it is answered."""
    return _alter(connection, entry_id, proven_at=_seconds(at), asked_at=None)


def ask_about(connection: Connection, entry_id: str, at: datetime | None) -> bool:
    """Note when people were asked whether the entry still holds (None: they were not)."""
    return _alter(connection, entry_id, asked_at=_seconds(at))


def _up_if(confirmed: bool) -> ColumnElement[float]:
    """The count for an entry, with what its confirmation adds, or without it."""
    was, gain = _entries.c.confirmed, CONFIRMED if confirmed else -CONFIRMED
    return case((was.is_(confirmed), _entries.c.up), else_=_entries.c.up + gain)


def rewrite(connection: Connection, old: Stored, entry: KnowledgeEntry) -> str:
    """Put ``entry`` in the place of ``old``, with its state, its trust and what stands behind it; the new id.

    It has no views yet: whoever follows the store embeds it.
    """
    put_entries(connection, [entry], old.state)
    columns = select(_entries.c.given_up, _entries.c.given_down)
    given = connection.execute(columns.where(_entries.c.id == old.entry.id)).one()
    _alter(
        connection,
        entry.id,
        successor=old.successor,
        up=old.trust.up,
        down=old.trust.down,
        given_up=given.given_up,
        given_down=given.given_down,
        confirmed=entry.confirmed,
        proven_at=_seconds(old.proven_at),
        asked_at=_seconds(old.asked_at),
    )
    for behind in stored_under(connection, old.entry.id):
        move(connection, behind.entry.id, behind.state, entry.id)
    drop_entries(connection, [old.entry.id])
    return entry.id


def _alter(connection: Connection, entry_id: str, **values: object) -> bool:
    found = (
        connection.execute(update(_entries).where(_entries.c.id == entry_id).values(**values)).rowcount > 0
    )
    _record_changes(connection, [entry_id] if found else [])
    return found


def _refresh(connection: Connection, key: str, entry: KnowledgeEntry) -> None:
    values: dict[str, object] = {"known_from": _seconds(entry.known_from)}
    if entry.confirmed:
        values |= {"confirmed": True, "up": _up_if(True)}
    connection.execute(update(_entries).where(_entries.c.id == key).values(values))
    connection.execute(delete(_passages).where(_passages.c.entry_id == key))
    _insert_new(connection, _passages, _passage_rows(key, entry))


def _record_changes(connection: Connection, ids: Sequence[str]) -> None:
    for some in _batches(ids):
        columns = select(_entries.c.id, _entries.c.number).where(_entries.c.id.in_(some))
        rows = connection.execute(columns.order_by(_entries.c.number)).all()
        connection.execute(delete(_changes).where(_changes.c.number.in_([row.number for row in rows])))
        _insert_new(connection, _changes, [{"entry_id": row.id, "number": row.number} for row in rows])


# Reading entries


def entries_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, KnowledgeEntry]:
    """The entries of ``ids`` that exist, by id."""
    return {stored.entry.id: stored.entry for stored in _load(connection, _entries.c.id, ids)}


def channels_with_own(connection: Connection) -> list[str]:
    """The channels that have active knowledge of their own, which only their readers see."""
    own = _entries.c.audience.startswith("channel:", autoescape=True)
    active = _entries.c.state == EntryState.ACTIVE
    found = connection.scalars(select(_entries.c.audience).where(own, active).distinct())
    return sorted(audience.removeprefix("channel:") for audience in found)


def entries_by_source(connection: Connection, source: str) -> list[KnowledgeEntry]:
    """The entries that quote ``source`` (a message id or a document's path), oldest first."""
    ids = select(_passages.c.entry_id).where(_passages.c.source == source).distinct()
    return [stored.entry for stored in _load(connection, _entries.c.id, connection.scalars(ids))]


def stored_by_number(connection: Connection, numbers: Iterable[int]) -> dict[int, Stored]:
    """The entries of ``numbers`` that exist, with their trust, by number."""
    return {stored.number: stored for stored in _load(connection, _entries.c.number, numbers)}


def stands(entry_id: ColumnElement[str], gone: Collection[EntryState]) -> ColumnElement[bool]:
    """For a query of another table: whether an entry called so is there, and in none of the states ``gone``."""
    states = [state.value for state in gone]
    return exists().where(_entries.c.id == entry_id, _entries.c.state.not_in(states))


def state_of(connection: Connection, entry_id: str) -> EntryState | None:
    """Where an entry stands; None if there is no such entry."""
    value = connection.scalar(select(_entries.c.state).where(_entries.c.id == entry_id))
    return None if value is None else EntryState(value)


def stored_by_id(connection: Connection, ids: Iterable[str]) -> dict[str, Stored]:
    """The entries of ``ids`` that exist, with where they stand, by id."""
    return {stored.entry.id: stored for stored in _load(connection, _entries.c.id, ids)}


def stored_from(connection: Connection, origin: str) -> list[Stored]:
    """What is known from one thread or document, whatever its state, oldest first."""
    return _load(connection, _entries.c.origin, [origin])


def stored_under(connection: Connection, successor: str) -> list[Stored]:
    """The entries that an entry stands for, replaced or contradicts, oldest first."""
    return _load(connection, _entries.c.successor, [successor])


def stored_quoting(connection: Connection, sources: Iterable[str]) -> list[Stored]:
    """The entries that quote any of ``sources``, whatever their state, oldest first."""
    return _with_passages(connection, _passages.c.source, sources)


def stored_by_authors(connection: Connection, authors: Iterable[str]) -> list[Stored]:
    """The entries with a passage by any of ``authors``, whatever their state, oldest first."""
    return _with_passages(connection, _passages.c.author, authors)


def stored_below(connection: Connection, place: str) -> list[Stored]:
    """The entries that quote something whose id begins with ``place/``, such as a channel's messages."""
    there = _passages.c.source.startswith(f"{place}/", autoescape=True)
    ids = select(_passages.c.entry_id).where(there).distinct()
    return _load(connection, _entries.c.id, connection.scalars(ids).all())


def stored_saying(connection: Connection, parts: Iterable[str]) -> list[Stored]:
    """The entries in whose title or passages one of ``parts`` stands, in any case, whatever their state."""
    found: set[str] = set()
    for part in parts:
        said = _passages.c.text.icontains(part, autoescape=True)
        found.update(connection.scalars(select(_passages.c.entry_id).where(said)))
        titled = _entries.c.title.icontains(part, autoescape=True)
        found.update(connection.scalars(select(_entries.c.id).where(titled)))
    return _load(connection, _entries.c.id, found)


def authors(connection: Connection) -> set[str]:
    """Everybody by whom there is a passage."""
    found = select(_passages.c.author).where(_passages.c.author.is_not(None)).distinct()
    return set(connection.scalars(found))


def sources_called(connection: Connection, given: str) -> list[str]:
    """The sources that ``given`` may mean: a whole id, or a link."""
    named = (_passages.c.source == given) | (_passages.c.link == given)
    return list(
        connection.scalars(select(_passages.c.source).where(named).distinct().order_by(_passages.c.source))
    )


def texts_of_documents(connection: Connection) -> list[str]:
    """What documents say, passage by passage."""
    kept = select(_entries.c.id).where(_entries.c.kind != EntryKind.THREAD.value)
    return list(connection.scalars(select(_passages.c.text).where(_passages.c.entry_id.in_(kept))))


def _with_passages(connection: Connection, column: Column[Any], values: Iterable[str]) -> list[Stored]:
    found: set[str] = set()
    for some in _batches(list(dict.fromkeys(values))):
        found.update(connection.scalars(select(_passages.c.entry_id).where(column.in_(some))))
    return _load(connection, _entries.c.id, found)


def find_ids(connection: Connection, beginning: str, limit: int) -> list[str]:
    """The ids that begin so, oldest entry first."""
    begin = _entries.c.id.startswith(beginning, autoescape=True)
    return list(
        connection.scalars(select(_entries.c.id).where(begin).order_by(_entries.c.number).limit(limit))
    )


def chosen_ids(connection: Connection, choice: Choice) -> list[str]:
    """The ids of the entries that ``choice`` describes, newest first."""
    query = select(_entries.c.id).order_by(_entries.c.number.desc()).limit(choice.limit)
    if choice.state is not None:
        query = query.where(_entries.c.state == choice.state.value)
    if choice.audience is not None:
        query = query.where(_entries.c.audience == choice.audience)
    elif not choice.private:
        query = query.where(~_entries.c.audience.startswith("channel:"))
    if choice.origin is not None:
        query = query.where(_entries.c.origin.startswith(choice.origin, autoescape=True))
    for word in choice.words:
        said = exists().where(
            _passages.c.entry_id == _entries.c.id, _passages.c.text.icontains(word, autoescape=True)
        )
        query = query.where(or_(_entries.c.title.icontains(word, autoescape=True), said))
    return list(connection.scalars(query))


def count_chosen(connection: Connection, choice: Choice) -> int:
    """How many entries ``choice`` describes, whatever its limit."""
    return len(chosen_ids(connection, replace(choice, limit=None)))


def in_state(connection: Connection, state: EntryState, limit: int | None = None) -> list[Stored]:
    """The entries in a state, oldest first."""
    ids = select(_entries.c.id).where(_entries.c.state == state.value).order_by(_entries.c.number)
    return _load(connection, _entries.c.id, connection.scalars(ids.limit(limit)).all())


def ids_in(connection: Connection, state: EntryState) -> frozenset[str]:
    """The ids of the entries in a state."""
    return frozenset(
        connection.execute(select(_entries.c.id).where(_entries.c.state == state.value)).scalars()
    )


def unproven(connection: Connection, before: datetime, kind: EntryKind, limit: int) -> list[Stored]:
    """Active entries of a kind that nobody confirmed since ``before``, those longest unconfirmed first.

    What people were asked about already is left out, and what has no date at all. So is what belongs to one channel:
    its readers are not those who are asked.
    """
    last = func.max(func.coalesce(_entries.c.proven_at, 0.0), func.coalesce(_entries.c.known_from, 0.0))
    ids = (
        select(_entries.c.id)
        .where(_entries.c.state == EntryState.ACTIVE.value, _entries.c.kind == kind.value)
        .where(_entries.c.asked_at.is_(None), last < before.timestamp(), last > 0)
        .where(~_entries.c.audience.startswith("channel:"))
        .order_by(last, _entries.c.number)
    )
    return _load(connection, _entries.c.id, connection.scalars(ids.limit(limit)).all())


def unanswered(connection: Connection, before: datetime, limit: int) -> list[Stored]:
    """Active entries that people were asked about before ``before`` without an answer; none that belongs to one
    channel."""
    ids = (
        select(_entries.c.id)
        .where(_entries.c.state == EntryState.ACTIVE.value, _entries.c.asked_at < before.timestamp())
        .where(~_entries.c.audience.startswith("channel:"))
        .order_by(_entries.c.asked_at, _entries.c.number)
    )
    return _load(connection, _entries.c.id, connection.scalars(ids.limit(limit)).all())


def trust_of(connection: Connection, entry_id: str) -> Trust | None:
    """An entry's votes; None if there is no such entry."""
    row = connection.execute(select(_entries.c.up, _entries.c.down).where(_entries.c.id == entry_id)).first()
    return None if row is None else Trust(up=row.up, down=row.down)


def all_ids(connection: Connection) -> Iterator[str]:
    """The id of every entry, oldest first."""
    return iter(connection.scalars(select(_entries.c.id).order_by(_entries.c.number)).all())


def listings(connection: Connection, numbers: Sequence[int] | None = None) -> list[Listing]:
    """What ranking needs of the active entries of ``numbers`` (of all, if None), by number."""
    columns = select(*(_entries.c[name] for name in LISTED)).order_by(_entries.c.number)
    columns = columns.where(_entries.c.state == EntryState.ACTIVE.value)
    return [_listing(row) for row in _some_or_all(connection, columns, _entries.c.number, numbers)]


def counts(connection: Connection) -> Counts:
    by_kind = connection.execute(select(_entries.c.kind, func.count()).group_by(_entries.c.kind))
    kinds = {row[0]: row[1] for row in by_kind}
    passages = connection.scalar(select(func.count()).select_from(_passages)) or 0
    vectors = connection.scalar(select(func.count()).select_from(_vectors)) or 0
    return Counts(entries=sum(kinds.values()), by_kind=kinds, passages=passages, vectors=vectors)


def counts_for(connection: Connection, audiences: Iterable[str]) -> dict[str, int]:
    """How many active entries of each kind these audiences may see."""
    seen = and_(_entries.c.audience.in_(sorted(audiences)), _entries.c.state == EntryState.ACTIVE.value)
    counted = select(_entries.c.kind, func.count()).where(seen).group_by(_entries.c.kind)
    return {row[0]: row[1] for row in connection.execute(counted)}


def last_change(connection: Connection) -> int:
    """The number of the newest change; 0 if nothing was ever stored."""
    return connection.scalar(select(func.max(_changes.c.seq))) or 0


def changed_since(connection: Connection, seq: int) -> tuple[int, list[int]]:
    """The newest change, and the numbers of the entries put, altered or removed after change ``seq``."""
    columns = select(_changes.c.seq, _changes.c.number).where(_changes.c.seq > seq)
    rows = connection.execute(columns.order_by(_changes.c.seq)).all()
    return max((row.seq for row in rows), default=seq), [row.number for row in rows]


# Vectors


def put_vectors(connection: Connection, fingerprint: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Remember vectors float32 [d] under the model and the hash of the text they stand for."""
    rows = [
        {"fingerprint": fingerprint, "text_hash": text_hash, "vector": vector.astype("<f4").tobytes()}
        for text_hash, vector in vectors.items()
    ]
    _insert_new(connection, _vectors, rows)


def vectors_by_hash(
    connection: Connection, fingerprint: str, hashes: Iterable[str]
) -> dict[str, NDArray[np.float32]]:
    """The remembered vectors float32 [d] of a model, by text hash; unknown hashes are left out."""
    columns = select(_vectors.c.text_hash, _vectors.c.vector).where(_vectors.c.fingerprint == fingerprint)
    found: dict[str, NDArray[np.float32]] = {}
    for some in _batches(list(dict.fromkeys(hashes))):
        for row in connection.execute(columns.where(_vectors.c.text_hash.in_(some))):
            found[row.text_hash] = np.frombuffer(row.vector, dtype="<f4")
    return found


def known_hashes(connection: Connection, fingerprint: str, hashes: Iterable[str]) -> set[str]:
    """Those of ``hashes`` whose vectors are remembered for a model."""
    column = _vectors.c.text_hash
    found: set[str] = set()
    for some in _batches(list(hashes)):
        where = (_vectors.c.fingerprint == fingerprint, column.in_(some))
        found.update(connection.scalars(select(column).where(*where)))
    return found


def put_views(
    connection: Connection, scheme: str, fingerprint: str, hashes_by_entry: Mapping[str, Sequence[str]]
) -> None:
    """Say which texts (by hash, in order) stand for each entry (by id) under an embedding scheme.

    An entry that lacks a vector, because it was forgotten meanwhile, is left out: it is to be embedded anew.
    """
    known = known_hashes(connection, fingerprint, {one for some in hashes_by_entry.values() for one in some})
    numbers = _numbers(connection, hashes_by_entry)
    rows = [
        {"number": numbers[key], "scheme": scheme, "n": n, "text_hash": text_hash}
        for key, hashes in hashes_by_entry.items()
        if key in numbers and known.issuperset(hashes)
        for n, text_hash in enumerate(hashes)
    ]
    _insert_new(connection, _views, rows)


def views(
    connection: Connection, scheme: str, numbers: Sequence[int] | None = None, *, active: bool = True
) -> list[View]:
    """The embedded texts of the entries of ``numbers`` (of all, if None) under a scheme; of the active ones only,
    unless ``active`` is False."""
    columns = select(_views.c.id, _views.c.number, _views.c.text_hash).where(_views.c.scheme == scheme)
    if active:
        columns = columns.join(_entries, _entries.c.number == _views.c.number)
        columns = columns.where(_entries.c.state == EntryState.ACTIVE.value)
    return [
        _view(row)
        for row in _some_or_all(connection, columns.order_by(_views.c.id), _views.c.number, numbers)
    ]


def without_views(connection: Connection, scheme: str, limit: int) -> list[KnowledgeEntry]:
    """Up to ``limit`` entries that are not embedded under a scheme yet."""
    embedded = exists().where(_views.c.number == _entries.c.number, _views.c.scheme == scheme)
    missing = select(_entries.c.id).where(~embedded).order_by(_entries.c.number).limit(limit)
    return [stored.entry for stored in _load(connection, _entries.c.id, connection.scalars(missing).all())]


def count_without_views(connection: Connection, scheme: str) -> int:
    embedded = exists().where(_views.c.number == _entries.c.number, _views.c.scheme == scheme)
    return connection.scalar(select(func.count()).select_from(_entries).where(~embedded)) or 0


def drop_unused_vectors(connection: Connection) -> int:
    """Forget every cached vector that no entry uses; how many there were."""
    used = exists().where(_views.c.text_hash == _vectors.c.text_hash)
    return connection.execute(delete(_vectors).where(~used)).rowcount


def _drop_orphans(connection: Connection, hashes: Sequence[str]) -> None:
    used = exists().where(_views.c.text_hash == _vectors.c.text_hash)
    for some in _batches(hashes):
        connection.execute(delete(_vectors).where(_vectors.c.text_hash.in_(some), ~used))


# Rows


def _load(connection: Connection, column: Column[Any], values: Iterable[object]) -> list[Stored]:
    found: list[Stored] = []
    for some in _batches(list(dict.fromkeys(values))):
        rows = connection.execute(select(_entries).where(column.in_(some))).mappings().all()
        passages = _passages_of(connection, [row["id"] for row in rows])
        found += [_stored(row, passages[row["id"]]) for row in rows]
    return sorted(found, key=lambda stored: stored.number)


def _passages_of(connection: Connection, ids: Sequence[str]) -> defaultdict[str, list[Passage]]:
    found: defaultdict[str, list[Passage]] = defaultdict(list)
    if not ids:
        return found
    rows = (
        select(_passages).where(_passages.c.entry_id.in_(ids)).order_by(_passages.c.entry_id, _passages.c.n)
    )
    for row in connection.execute(rows).mappings():
        found[row["entry_id"]].append(_passage(row))
    return found


def _some_or_all(
    connection: Connection, columns: Select[*tuple[Any, ...]], key: Column[Any], values: Sequence[int] | None
) -> Iterator[RowMapping]:
    if values is None:
        yield from connection.execute(columns).mappings()
        return
    for some in _batches(values):
        yield from connection.execute(columns.where(key.in_(some))).mappings()


def _stored(row: RowMapping, passages: Sequence[Passage]) -> Stored:
    entry = KnowledgeEntry(
        kind=EntryKind(row["kind"]),
        title=row["title"],
        origin=row["origin"],
        audience=row["audience"],
        passages=tuple(passages),
        known_from=_moment(row["known_from"]),
        confirmed=row["confirmed"],
    )
    return Stored(
        number=row["number"],
        entry=entry,
        trust=Trust(up=row["up"], down=row["down"]),
        state=EntryState(row["state"]),
        successor=row["successor"],
        proven_at=_moment(row["proven_at"]),
        asked_at=_moment(row["asked_at"]),
    )


def _passage(row: RowMapping) -> Passage:
    return Passage(
        kind=PassageKind(row["kind"]),
        text=row["text"],
        source=row["source"],
        author=row["author"],
        role=Role(row["role"]),
        at=_moment(row["at"]),
        link=row["link"],
    )


def _listing(row: RowMapping) -> Listing:
    return Listing(
        number=row["number"],
        id=row["id"],
        origin=row["origin"],
        audience=row["audience"],
        known_from=row["known_from"],
        trust=Trust(up=row["up"], down=row["down"]),
    )


def _view(row: RowMapping) -> View:
    return View(id=row["id"], number=row["number"], text_hash=row["text_hash"])


def _entry_row(key: str, entry: KnowledgeEntry) -> dict[str, object]:
    return {
        "id": key,
        "kind": entry.kind.value,
        "title": entry.title,
        "origin": entry.origin,
        "audience": entry.audience,
        "known_from": _seconds(entry.known_from),
        "confirmed": entry.confirmed,
        "up": at_first(entry.confirmed).up,
    }


def _passage_rows(key: str, entry: KnowledgeEntry) -> list[dict[str, object]]:
    return [
        {
            "entry_id": key,
            "n": n,
            "kind": passage.kind.value,
            "text": passage.text,
            "source": passage.source,
            "author": passage.author,
            "role": passage.role.value,
            "at": _seconds(passage.at),
            "link": passage.link,
        }
        for n, passage in enumerate(entry.passages)
    ]


def _insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:  # executing an insert without rows would insert one of defaults
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(), rows)


def _known_ids(connection: Connection, ids: Iterable[str]) -> set[str]:
    return set(_numbers(connection, ids))


def _numbers(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    columns = select(_entries.c.id, _entries.c.number)
    found = (connection.execute(columns.where(_entries.c.id.in_(some))) for some in _batches(list(ids)))
    return {row.id: row.number for rows in found for row in rows}


def _batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)

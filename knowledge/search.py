"""Knowledge: learn, find, forget. The store is the truth; the indexes in memory follow it."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from knowledge import store
from knowledge.catalogue import Scope
from knowledge.database import Database
from knowledge.embed import BATCH as EMBED_BATCH
from knowledge.embed import Embedder
from knowledge.entry import Alike as Alike  # what `alike` gives
from knowledge.entry import EntryState, Hit, KnowledgeEntry, Trust
from knowledge.exchange import Exported
from knowledge.finder import Finder, Found
from knowledge.ranking import Weights, above_floor, shipped
from knowledge.store import LearnReport, Listing, Stored, View
from knowledge.views import VERSION as VIEWS_VERSION
from knowledge.views import embedded_texts, indexed_texts

P = ParamSpec("P")
T = TypeVar("T")
Progress = Callable[[int, int, str], None]  # done, of how many, what

LEARN_BATCH = 32  # entries embedded and stored together: a stop loses no more
TAKE_BATCH = 200  # changed entries taken over together: another search waits for one such batch
LOAD_BATCH = 2000  # rows read together while starting


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchTiming:
    """Seconds of one search: in the model, in the indexes, and altogether with waiting and reading."""

    embed: float = 0.0
    find: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Embedded:
    """The text hashes that stand for each entry (by id), and the vectors of those not stored yet."""

    hashes: Mapping[str, Sequence[str]]
    vectors: Mapping[str, NDArray[np.float32]]

    def of(self, entries: Sequence[KnowledgeEntry]) -> "_Embedded":
        """What concerns these entries only."""
        hashes = {entry.id: self.hashes[entry.id] for entry in entries}
        used = {text_hash for some in hashes.values() for text_hash in some}
        return _Embedded(
            hashes=hashes, vectors={key: row for key, row in self.vectors.items() if key in used}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Rows:
    """What the store says of some entries; ``vectors`` (by vector id) and ``stored`` of the new ones only."""

    listings: Sequence[Listing]
    views: Sequence[View]
    vectors: Mapping[int, NDArray[np.float32]]
    stored: Mapping[int, Stored]


# Stores some of the entries that were embedded, new ones in the given state; the ids of the new ones.
Prepared = Callable[[Connection, Sequence[KnowledgeEntry], EntryState], list[str]]


class Knowledge:
    """What is known, by audience. ``folder`` keeps index files for a quick start; without it nothing is kept.
    ``ranking`` says how entries are ordered; without it as shipped.

    The embedding model and the indexes belong to one thread of their own, work on the database to the
    database's: the event loop only waits. Learning goes to that thread in small batches, so that a search
    never waits long.
    """

    def __init__(
        self,
        database: Database,
        embedder: Embedder,
        folder: Path | None,
        ranking: Weights | None = None,
    ) -> None:
        self.timing = SearchTiming()  # of the last search that ended
        self.is_open = False  # whether it can be searched
        self._database = database
        self._embedder = embedder
        self._folder = folder
        self._ranking = ranking or shipped()
        self._scheme = f"{embedder.fingerprint} views {VIEWS_VERSION}"
        self._finder = self._empty()
        self._seq = 0  # the newest change that the indexes have seen
        self._saved = -1  # the newest change that the index files have seen
        self._following = asyncio.Lock()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="earshot-knowledge")

    async def open(self, progress: Progress | None = None) -> None:
        """Make the store's tables if needed, embed what this model has not yet, load or derive the indexes.

        Embedding is resumable: what is done stays done if the process is stopped.
        """
        report = progress or _silent
        await asyncio.to_thread(self._database.migrate, store.MIGRATIONS)
        async with self._following:
            await self._embed_missing(report)
            await self._derive(self._folder, report)
        self.is_open = True

    async def close(self) -> None:
        """Save the indexes and end the thread. The database stays open: it is its owner's."""
        await self.save()
        self.is_open = False
        self._thread.shutdown(wait=True)

    async def search(
        self,
        question: str,
        *,
        audiences: frozenset[str],
        k: int = 10,
        exclude_origins: frozenset[str] = frozenset(),
        before: datetime | None = None,
    ) -> list[Hit]:
        """The ``k`` best entries for ``question``, best first, among those that may be seen.

        These are the entries of ``audiences`` that do not come from ``exclude_origins`` and were known at
        ``before``, which is also what their age is counted to; without it age does not count. What other
        processes put or removed counts at once.
        """
        started = perf_counter()
        await self._follow()
        scope = Scope(audiences=audiences, exclude_origins=exclude_origins, before=before)
        found, timing = await self._on_thread(self._find, question, scope, k)
        numbers = [one.number for one in found]
        stored = await self._database.run(lambda connection: store.stored_by_number(connection, numbers))
        self.timing = SearchTiming(embed=timing.embed, find=timing.find, total=perf_counter() - started)
        # An entry that was removed in between is left out.
        return [
            _hit(one, stored[one.number])
            for one in found
            if one.number in stored and stored[one.number].state is EntryState.ACTIVE
        ]

    async def alike(self, entry_id: str, k: int) -> list[Alike]:
        """The ``k`` active entries of the same audience whose problems are nearest to this one's, nearest first.

        ``entry_id`` may be in any state and is not among them; empty if there is no such entry.
        """
        await self._follow()
        mine = await self._database.run(partial(self._own_vectors, entry_id=entry_id))
        if mine is None:
            return []
        own, vectors = mine
        scope = Scope(audiences=frozenset({own.entry.audience}))
        numbers = await self._on_thread(self._finder.nearest, vectors[:1], scope, k + 1)
        others = [number for number in numbers if number != own.number]
        return await self._database.run(partial(self._compared, vectors=vectors, numbers=others[:k]))

    async def prepare(self, entries: Sequence[KnowledgeEntry]) -> Prepared:
        """Embed ``entries``; what is given back stores those that are chosen inside a caller's transaction.

        After that transaction is committed call ``follow``.
        """
        embedded = await self._embed_new(entries)

        def put(connection: Connection, chosen: Sequence[KnowledgeEntry], state: EntryState) -> list[str]:
            return self._put(connection, chosen, embedded.of(chosen), state)

        return put

    async def follow(self) -> None:
        """Bring the indexes up to what transactions of others committed to the store."""
        await self._follow()

    async def learn(self, entries: Sequence[KnowledgeEntry], progress: Progress | None = None) -> LearnReport:
        """Add ``entries``; those known already stay. Stopped half-way, what was reported as done is kept."""
        report = progress or _silent
        given = list({entry.id: entry for entry in entries}.values())
        added: list[str] = []
        for done, some in _batches(given, LEARN_BATCH):
            embedded = await self._embed_new(some)
            added += await self._database.run(partial(self._put, entries=some, embedded=embedded))
            report(done, len(given), "learning")
        await self._follow()
        new = set(added)
        unchanged = tuple(entry.id for entry in given if entry.id not in new)
        return LearnReport(added=tuple(added), unchanged=unchanged)

    async def take_over(self, found: Sequence[Exported], progress: Progress | None = None) -> LearnReport:
        """Add what another store, or this one, exported, with its trust and where it stands. What is known stays as it
        is. Stopped half-way, what was reported as done is kept."""
        report = progress or _silent
        added: list[str] = []
        for done, some in _batches(found, LEARN_BATCH):
            embedded = await self._embed_new([one.entry for one in some])
            named = {one.entry.id for one in found}
            added += await self._database.run(
                partial(self._put_exported, found=some, embedded=embedded, named=named)
            )
            report(done, len(found), "taking over")
        await self._follow()
        new = set(added)
        unchanged = tuple(one.entry.id for one in found if one.entry.id not in new)
        return LearnReport(added=tuple(added), unchanged=unchanged)

    async def learn_origin(
        self, origin: str, entries: Sequence[KnowledgeEntry], state: EntryState = EntryState.ACTIVE
    ) -> LearnReport:
        """Make ``entries`` all that is known from ``origin``: what it no longer contains is forgotten.

        New ones begin in ``state``. Raises ValueError if an entry names another origin.
        """
        embedded = await self._embed_new(entries)

        put = partial(self._put, embedded=embedded, state=state)
        report = await self._database.run(
            lambda connection: store.replace_origin(connection, origin, entries, put)
        )
        await self._follow()
        return report

    async def retire(self, ids: Sequence[str]) -> list[str]:
        """Forget entries, their vectors and words; the ids that were there."""
        gone = await self._database.run(lambda connection: store.drop_entries(connection, ids))
        await self._follow()
        return gone

    async def set_trust(self, entry_id: str, trust: Trust) -> bool:
        """Set an entry's votes; False if there is no such entry."""
        found = await self._database.run(lambda connection: store.set_trust(connection, entry_id, trust))
        await self._follow()
        return found

    async def trust_in(self, entry_id: str) -> Trust | None:
        """An entry's votes; None if there is no such entry."""
        return await self._database.run(lambda connection: store.trust_of(connection, entry_id))

    async def confirm(self, entry_id: str, confirmed: bool = True) -> bool:
        """Note that a person said the entry holds, or took that back; False if there is no such entry."""
        return await self._database.run(lambda connection: store.confirm(connection, entry_id, confirmed))

    async def entries_from(self, source: str) -> list[KnowledgeEntry]:
        """The entries that quote ``source``, a message id or a document's path."""
        return await self._database.run(lambda connection: store.entries_by_source(connection, source))

    def state(self) -> str:
        """A digest of what the indexes hold: equal if and only if the same texts stand for the same entries."""
        return self._finder.catalogue.state()

    async def count(self) -> int:
        """How many entries are known."""
        counts = await self._database.run(store.counts)
        return counts.entries

    async def rebuild(self, progress: Progress | None = None) -> None:
        """Derive the indexes from the store anew and forget unused vectors. Nothing is embedded again."""
        report = progress or _silent
        async with self._following:
            await self._embed_missing(report)
            await self._database.run(store.drop_unused_vectors)
            await self._derive(None, report)
            self._saved = -1
        await self.save()

    async def save(self) -> None:
        """Write the index files, if there is a folder for them and something changed.

        What another process removed from the store meanwhile is not written: it may have been forgotten.
        """
        await self._follow()
        async with self._following:
            if self._folder is not None and self._saved != self._seq:
                await self._on_thread(self._finder.save, self._folder)
                self._saved = self._seq

    # ---- finding ------------------------------------------------------------------------------------------

    def _find(self, question: str, scope: Scope, k: int) -> tuple[list[Found], SearchTiming]:
        started = perf_counter()
        vector = self._embedder.embed([question], "query")
        embedded = perf_counter()
        found = self._finder.find(question, vector, scope, k)
        return found, SearchTiming(embed=embedded - started, find=perf_counter() - embedded)

    # ---- embedding ----------------------------------------------------------------------------------------

    async def _embed_new(self, entries: Sequence[KnowledgeEntry]) -> _Embedded:
        """The vectors of ``entries`` that the store lacks, made in batches between which others get on."""
        texts = await self._on_thread(self._texts, entries)
        by_hash = {_hash(text): text for some in texts.values() for text in some}
        known = await self._database.run(
            lambda connection: store.known_hashes(connection, self._embedder.fingerprint, by_hash)
        )
        missing = [item for item in by_hash.items() if item[0] not in known]
        missing.sort(
            key=lambda item: len(item[1])
        )  # texts of like length fill a batch with the least padding
        vectors: dict[str, NDArray[np.float32]] = {}
        for _, batch in _batches(missing, EMBED_BATCH):
            rows = await self._on_thread(self._embedder.embed, [text for _, text in batch], "passage")
            vectors |= {text_hash: row for (text_hash, _), row in zip(batch, rows, strict=True)}
        hashes = {entry_id: [_hash(text) for text in some] for entry_id, some in texts.items()}
        return _Embedded(hashes=hashes, vectors=vectors)

    def _texts(self, entries: Sequence[KnowledgeEntry]) -> dict[str, list[str]]:
        return {entry.id: embedded_texts(entry, self._embedder.split) for entry in entries}

    def _put(
        self,
        connection: Connection,
        entries: Sequence[KnowledgeEntry],
        embedded: _Embedded,
        state: EntryState = EntryState.ACTIVE,
    ) -> list[str]:
        new = store.put_entries(connection, entries, state)
        self._put_embedded(connection, embedded)
        return new

    def _put_exported(
        self, connection: Connection, found: Sequence[Exported], embedded: _Embedded, named: set[str]
    ) -> list[str]:
        known = store.stored_by_id(connection, [one.entry.id for one in found])
        new = [one for one in found if one.entry.id not in known]
        there = store.stored_by_id(connection, [one.successor for one in new if one.successor])
        for one in new:
            name, successor = one.entry.id, one.successor
            store.put_entries(connection, [one.entry])
            store.give_trust(connection, name, one.trust)
            store.prove(connection, name, one.proven_at)
            store.move(
                connection, name, one.state, successor if successor in named or successor in there else None
            )
        self._put_embedded(connection, embedded)
        return [one.entry.id for one in new]

    def _put_embedded(self, connection: Connection, embedded: _Embedded) -> None:
        store.put_vectors(connection, self._embedder.fingerprint, embedded.vectors)
        store.put_views(connection, self._scheme, self._embedder.fingerprint, embedded.hashes)

    async def _embed_missing(self, report: Progress) -> None:
        total = await self._database.run(partial(store.count_without_views, scheme=self._scheme))
        lacking = partial(store.without_views, scheme=self._scheme, limit=LEARN_BATCH)
        done = 0
        while some := await self._database.run(lacking):
            embedded = await self._embed_new(some)
            await self._database.run(partial(self._put_embedded, embedded=embedded))
            done += len(some)
            report(done, max(total, done), "embedding")

    # ---- following the store ------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Bring the indexes up to the store's newest change, whoever made it."""
        if await self._database.run(store.last_change) == self._seq:
            return
        async with self._following:
            seq, changed = await self._database.run(partial(store.changed_since, seq=self._seq))
            for _, numbers in _batches(changed, TAKE_BATCH):
                await self._take(numbers)
            self._seq = seq

    async def _take(self, numbers: Sequence[int]) -> None:
        """Take entries as they now stand in the store: new, altered or gone."""
        if await self._database.run(partial(self._lack_views, numbers=numbers)):
            await self._embed_missing(_silent)  # put by a process that uses another model
        new = {number for number in numbers if number not in self._finder.catalogue}
        rows = await self._database.run(partial(self._rows, numbers=numbers, new=new))
        await self._on_thread(self._apply, numbers, rows)

    def _lack_views(self, connection: Connection, numbers: Sequence[int]) -> bool:
        listed = {listing.number for listing in store.listings(connection, numbers)}
        return bool(listed - {view.number for view in store.views(connection, self._scheme, numbers)})

    def _rows(self, connection: Connection, numbers: Sequence[int], new: set[int]) -> _Rows:
        listings = store.listings(connection, numbers)
        views = store.views(connection, self._scheme, numbers)
        return _Rows(
            listings=listings,
            views=views,
            vectors=self._vectors(connection, [view for view in views if view.number in new]),
            stored=store.stored_by_number(connection, new & {listing.number for listing in listings}),
        )

    def _vectors(self, connection: Connection, views: Sequence[View]) -> dict[int, NDArray[np.float32]]:
        """The vectors of ``views`` by vector id."""
        hashes = (view.text_hash for view in views)
        found = store.vectors_by_hash(connection, self._embedder.fingerprint, hashes)
        return {view.id: found[view.text_hash] for view in views if view.text_hash in found}

    def _own_vectors(
        self, connection: Connection, entry_id: str
    ) -> tuple[Stored, NDArray[np.float32]] | None:
        stored = store.stored_by_id(connection, [entry_id]).get(entry_id)
        vectors = {} if stored is None else self._vectors_of(connection, [stored.number])
        if stored is None or stored.number not in vectors:
            return None
        return stored, vectors[stored.number]

    def _vectors_of(self, connection: Connection, numbers: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors [views, d] of entries in any state by number, the problem's first."""
        views = store.views(connection, self._scheme, numbers, active=False)
        vectors = self._vectors(connection, views)
        grouped: dict[int, list[NDArray[np.float32]]] = {}
        for view in views:
            if view.id in vectors:
                grouped.setdefault(view.number, []).append(vectors[view.id])
        return {number: np.stack(rows) for number, rows in grouped.items()}

    def _compared(
        self, connection: Connection, vectors: NDArray[np.float32], numbers: Sequence[int]
    ) -> list[Alike]:
        stored = store.stored_by_number(connection, numbers)
        theirs = self._vectors_of(connection, numbers)
        found = [
            Alike(
                stored=stored[number],
                problem=self._above_floor(vectors[:1] @ theirs[number][:1].T),
                solution=self._above_floor(vectors[-1:] @ theirs[number][-1:].T)
                if min(len(vectors), len(theirs[number])) == 1
                else self._above_floor(vectors[1:] @ theirs[number][1:].T),
            )
            for number in numbers
            if number in stored and number in theirs
        ]
        return sorted(found, key=lambda one: -one.problem)

    def _above_floor(self, cosines: NDArray[np.float32]) -> float:
        return float(above_floor(cosines.max(keepdims=True).reshape(1), self._embedder.floor)[0])

    def _apply(self, numbers: Sequence[int], rows: _Rows) -> None:
        there = {listing.number for listing in rows.listings}
        self._finder.drop([number for number in numbers if number not in there])
        self._finder.put_listings(rows.listings, rows.views)
        self._finder.put_vectors(rows.vectors)
        self._finder.put_words({number: indexed_texts(one.entry) for number, one in rows.stored.items()})

    async def _derive(self, folder: Path | None, report: Progress) -> None:
        """Make the indexes from the store, and from the files in ``folder`` as far as they fit it."""

        def read(connection: Connection) -> tuple[int, list[Listing], list[View]]:
            views = store.views(connection, self._scheme)
            return store.last_change(connection), store.listings(connection), views

        seq, listings, views = await self._database.run(read)
        finder = self._empty()
        await self._on_thread(finder.put_listings, listings, views)
        if folder is None or not await self._on_thread(finder.load_vectors, folder):
            await self._load_vectors(finder, views, report)
        if folder is not None:
            await self._on_thread(finder.load_words, folder)
        await self._load_words(finder, report)
        self._finder, self._seq = finder, seq

    async def _load_vectors(self, finder: Finder, views: Sequence[View], report: Progress) -> None:
        for done, some in _batches(views, LOAD_BATCH):
            vectors = await self._database.run(partial(self._vectors, views=some))
            await self._on_thread(finder.put_vectors, vectors)
            report(done, len(views), "loading vectors")

    async def _load_words(self, finder: Finder, report: Progress) -> None:
        missing = finder.without_words()
        for done, some in _batches(missing, LOAD_BATCH):
            stored = await self._database.run(partial(store.stored_by_number, numbers=some))
            documents = {number: indexed_texts(one.entry) for number, one in stored.items()}
            await self._on_thread(finder.put_words, documents)
            report(done, len(missing), "indexing words")

    def _empty(self) -> Finder:
        embedder = self._embedder
        return Finder(
            dimensions=embedder.dimensions,
            scheme=self._scheme,
            floor=embedder.floor,
            weights=self._ranking,
        )

    async def _on_thread(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, partial(work, *args, **named))


def _hit(found: Found, stored: Stored) -> Hit:
    return Hit(
        entry=stored.entry,
        score=found.score,
        dense=found.dense,
        lexical=found.lexical,
        coverage=found.coverage,
        trust=stored.trust,
        problem=found.problem,
        agreement=found.agreement,
        words=found.words,
        headline=found.headline,
        age=found.age,
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _batches(items: Sequence[T], size: int) -> Iterator[tuple[int, Sequence[T]]]:
    """``items`` in pieces of ``size``, each with how many are done after it."""
    return (
        (min(start + size, len(items)), items[start : start + size]) for start in range(0, len(items), size)
    )


def _silent(_done: int, _total: int, _what: str) -> None: ...

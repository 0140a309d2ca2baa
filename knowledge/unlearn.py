"""I/O: what is known, without what somebody said: entries rewritten or dropped, and what stood behind them restored.

Works inside the caller's transaction, without the embedding model: whoever follows the store embeds what was rewritten.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from knowledge import store
from knowledge.entry import EntryState, KnowledgeEntry, PassageKind
from knowledge.notes import EDIT
from knowledge.store import Stored

Mask = Callable[[str], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Unlearnt:
    """Entries by id: dropped, rewritten (old id -> new id), and active or standing for others again.

    ``untitled`` are those whose title goes with what was said, ``titles`` what they were called; ``texts`` and
    ``sources`` are of the passages that were removed. ``counted`` stand for what is gone, or rewritten, or take its
    place: their trust is to be counted anew.
    """

    dropped: tuple[str, ...] = ()
    rewritten: Mapping[str, str] = field(default_factory=dict)
    restored: tuple[str, ...] = ()
    untitled: tuple[str, ...] = ()
    titles: frozenset[str] = frozenset()
    texts: tuple[str, ...] = ()
    sources: frozenset[str] = frozenset()
    counted: frozenset[str] = frozenset()


def unlearn(
    connection: Connection,
    found: Iterable[Stored],
    *,
    sources: Collection[str] = (),
    authors: Collection[str] = (),
    mask: Mask = str,
) -> Unlearnt:
    """``found`` without the passages from ``sources`` and by ``authors``, the texts of the others masked.

    An entry that has no problem or no solution left is dropped, and so is one that a person worded anew: its words come
    from what is gone, too. What was merged into it takes its place; what it
    replaced or contradicted is active again.
    """
    given = list({stored.entry.id: stored.entry for stored in found}.values())
    left = {entry.id: without(entry, sources, authors, mask) for entry in given}
    reworded = _reworded(connection, [entry for entry in given if _loses(entry, sources, authors)])
    given += [entry for entry in reworded if entry.id not in left]
    left |= {entry.id: None for entry in reworded}
    stood = [one.successor for one in store.stored_by_id(connection, left).values()]
    dropped = [entry.id for entry in given if left[entry.id] is None]
    restored = [
        key for gone in _inmost_first(connection, dropped) for key in _drop(connection, gone, dropped)
    ]
    rewritten = {
        key: _rewrite(connection, key, entry)
        for key, entry in left.items()
        if entry is not None and entry.id != key
    }
    removed = [p for entry in given for p in entry.passages if p.source in sources or p.author in authors]
    untitled = [entry for entry in given if _title(left[entry.id]) != mask(entry.title)]
    return Unlearnt(
        dropped=tuple(dropped),
        rewritten=rewritten,
        restored=tuple(key for key in dict.fromkeys(restored) if key not in dropped),
        untitled=tuple(entry.id for entry in untitled),
        titles=frozenset(entry.title for entry in untitled),
        texts=tuple(passage.text for passage in removed),
        sources=frozenset(passage.source for passage in removed),
        counted=frozenset(rewritten.get(key, key) for key in (*stood, *restored) if key is not None),
    )


def _loses(entry: KnowledgeEntry, sources: Collection[str], authors: Collection[str]) -> bool:
    return any(passage.source in sources or passage.author in authors for passage in entry.passages)


def _reworded(connection: Connection, entries: Sequence[KnowledgeEntry]) -> list[KnowledgeEntry]:
    """The entries that are these worded anew, and those that are these worded anew again."""
    found: list[KnowledgeEntry] = []
    asked = list(entries)
    while asked:
        edits = [one.entry for entry in asked for one in store.stored_from(connection, f"{EDIT}{entry.id}")]
        asked = [entry for entry in edits if entry not in found]
        found += asked
    return found


def without(
    entry: KnowledgeEntry, sources: Collection[str], authors: Collection[str] = (), mask: Mask = str
) -> KnowledgeEntry | None:
    """The entry without some passages, the others masked; None if it has no problem or no solution left."""
    kept = tuple(p for p in entry.passages if p.source not in sources and p.author not in authors)
    left = replace(entry, passages=tuple(replace(p, text=mask(p.text)) for p in kept))
    problem = left.of(PassageKind.PROBLEM)
    if not problem or not left.of(PassageKind.SOLUTION):
        return None
    stands = len(kept) == len(entry.passages) or any(entry.title in passage.text for passage in kept)
    # A title that does not stand in what is left was told by what is gone.
    return replace(left, title=mask(entry.title) if stands else problem[0].text.split("\n")[0][:120])


def _title(entry: KnowledgeEntry | None) -> str | None:
    return None if entry is None else entry.title


def _rewrite(connection: Connection, key: str, entry: KnowledgeEntry) -> str:
    return store.rewrite(connection, store.stored_by_id(connection, [key])[key], entry)


def _drop(connection: Connection, key: str, leaving: Collection[str]) -> list[str]:
    """Drop an entry; the ids of those that stand again because of it."""
    gone = store.stored_by_id(connection, [key])[key]
    behind = [one for one in store.stored_under(connection, key) if one.entry.id not in leaving]
    restored = _succeed(connection, gone, behind)
    store.drop_entries(connection, [key])
    return restored


def _succeed(connection: Connection, gone: Stored, behind: Sequence[Stored]) -> list[str]:
    heir = next((one for one in behind if one.state is EntryState.MERGED), None)
    if heir is not None:  # it says the same: it takes the place of what is gone, towards the others too
        store.move(connection, heir.entry.id, gone.state, gone.successor)
        _put_behind(connection, [one for one in behind if one is not heir], heir.entry.id)
        return [heir.entry.id]
    if gone.state in (EntryState.MERGED, EntryState.SUPERSEDED):  # what stands for it stands for these, too
        _put_behind(connection, behind, gone.successor)
        return []
    if gone.state not in (EntryState.ACTIVE, EntryState.DISPUTED):
        return []
    for one in behind:
        store.move(connection, one.entry.id, EntryState.ACTIVE)
    return [one.entry.id for one in behind]


def _put_behind(connection: Connection, entries: Sequence[Stored], successor: str | None) -> None:
    for one in entries:
        store.move(connection, one.entry.id, one.state, successor)


def _inmost_first(connection: Connection, ids: Sequence[str]) -> list[str]:
    """Those behind others before these, so that what stood behind both finds who is left."""
    known = store.stored_by_id(connection, ids)

    def depth(key: str) -> int:
        seen: set[str] = set()
        at: str | None = key
        while at in known and at not in seen:
            seen.add(at)
            at = known[at].successor
        return len(seen)

    return sorted(ids, key=depth, reverse=True)

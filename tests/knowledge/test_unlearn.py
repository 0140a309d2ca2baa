"""Entries without what somebody said, and what becomes of those that stood behind them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge import store
from knowledge.database import Database
from knowledge.entry import EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.unlearn import Unlearnt, unlearn, without

PROBLEM, SOLUTION, DISCUSSION = PassageKind.PROBLEM, PassageKind.SOLUTION, PassageKind.DISCUSSION
ACTIVE, MERGED, SUPERSEDED = EntryState.ACTIVE, EntryState.MERGED, EntryState.SUPERSEDED
DISPUTED, REJECTED = EntryState.DISPUTED, EntryState.REJECTED


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate(store.MIGRATIONS)
    yield database
    database.close()


def entry(name: str, *passages: tuple[PassageKind, str, str], title: str | None = None) -> KnowledgeEntry:
    """An entry of (kind, source, text); by default a problem and a solution called after it."""
    given = passages or ((PROBLEM, f"{name}-q", f"{name} fails"), (SOLUTION, f"{name}-a", f"mend {name}"))
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title or given[0][2],
        origin=name,
        audience="workspace",
        passages=tuple(
            Passage(kind=kind, source=source, text=text, author=f"{source}'s author")
            for kind, source, text in given
        ),
    )


def forget(database: Database, *sources: str) -> Unlearnt:
    return database.run_blocking(
        lambda c: unlearn(c, store.stored_quoting(c, sources), sources=frozenset(sources))
    )


def stands(database: Database, *entries: KnowledgeEntry) -> dict[str, tuple[EntryState, str | None]]:
    """State and successor by the entries' names."""
    named = {one.id: one.origin for one in entries}
    found = database.run_blocking(lambda c: store.stored_by_id(c, named))
    return {named[key]: (one.state, named.get(one.successor or "")) for key, one in found.items()}


TWO = ((PROBLEM, "q", "It fails"), (SOLUTION, "a", "mend it"), (SOLUTION, "b", "or leave it"))


@pytest.mark.parametrize(
    ("gone", "title", "left", "called"),
    [
        ({"b"}, "It fails", ["It fails", "mend it"], "It fails"),
        ({"b"}, "What a model called it", ["It fails", "mend it"], "It fails"),  # it may have told of b
        ({"a", "b"}, "It fails", None, None),
        ({"q"}, "It fails", None, None),
        ({"x"}, "What a model called it", ["It fails", "mend it", "or leave it"], "What a model called it"),
    ],
)
def test_an_entry_without_some_of_its_sources(
    gone: set[str], title: str, left: list[str] | None, called: str | None
) -> None:
    changed = without(entry("e", *TWO, title=title), gone)
    assert (None if changed is None else [p.text for p in changed.passages]) == left
    assert (None if changed is None else changed.title) == called


def test_what_is_left_keeps_its_state_its_trust_and_what_stands_behind_it(database: Database) -> None:
    first, behind = entry("first", *TWO), entry("behind")
    database.run_blocking(lambda c: store.put_entries(c, [first, behind]))
    database.run_blocking(lambda c: store.set_trust(c, first.id, Trust(up=2, down=1)))
    database.run_blocking(lambda c: store.move(c, first.id, DISPUTED))
    database.run_blocking(lambda c: store.move(c, behind.id, MERGED, first.id))
    gone = forget(database, "b")
    new = database.run_blocking(lambda c: store.stored_by_id(c, [gone.rewritten[first.id]]))[
        gone.rewritten[first.id]
    ]
    assert (new.state, new.trust) == (DISPUTED, Trust(up=2, down=1))
    assert database.run_blocking(lambda c: store.stored_under(c, new.entry.id))[0].entry == behind
    assert database.run_blocking(lambda c: store.state_of(c, first.id)) is None
    assert gone.texts == ("or leave it",) and gone.sources == {"b"} and gone.dropped == ()


@pytest.mark.parametrize(
    ("states", "after"),
    [
        # what was merged into it takes its place, towards the others too
        ({"twin": (MERGED, "gone")}, {"twin": (ACTIVE, None)}),
        (
            {"twin": (MERGED, "gone"), "third": (MERGED, "gone")},
            {"twin": (ACTIVE, None), "third": (MERGED, "twin")},
        ),
        (
            {"twin": (MERGED, "gone"), "third": (SUPERSEDED, "gone")},
            {"twin": (ACTIVE, None), "third": (SUPERSEDED, "twin")},
        ),
        ({"gone": (REJECTED, None), "twin": (MERGED, "gone")}, {"twin": (REJECTED, None)}),
        (
            {"gone": (MERGED, "third"), "twin": (MERGED, "gone")},
            {"twin": (MERGED, "third"), "third": (ACTIVE, None)},
        ),
        # what it replaced or contradicted is active again
        ({"third": (SUPERSEDED, "gone")}, {"third": (ACTIVE, None)}),
        ({"gone": (DISPUTED, "third"), "third": (DISPUTED, "gone")}, {"third": (ACTIVE, None)}),
        (
            {"gone": (DISPUTED, "third"), "third": (DISPUTED, "gone"), "twin": (MERGED, "gone")},
            {"third": (DISPUTED, "twin"), "twin": (DISPUTED, "third")},
        ),
        (
            {"gone": (SUPERSEDED, "third"), "twin": (SUPERSEDED, "gone")},
            {"twin": (SUPERSEDED, "third"), "third": (ACTIVE, None)},
        ),
    ],
)
def test_what_becomes_of_those_behind_a_forgotten_entry(
    database: Database,
    states: dict[str, tuple[EntryState, str | None]],
    after: dict[str, tuple[EntryState, str | None]],
) -> None:
    entries = {name: entry(name) for name in ("gone", "twin", "third")}
    database.run_blocking(lambda c: store.put_entries(c, list(entries.values())))
    for name, (state, successor) in states.items():
        key = None if successor is None else entries[successor].id
        database.run_blocking(lambda c: store.move(c, entries[name].id, state, key))
    forget(database, "gone-q")
    assert {
        name: told for name, told in stands(database, *entries.values()).items() if name in after
    } == after


def test_a_whole_chain_may_go_at_once(database: Database) -> None:
    """Who stood behind all of them finds the last one that is left."""
    chain = [entry(name) for name in ("d", "c", "b", "a")]
    database.run_blocking(lambda c: store.put_entries(c, chain))
    for one, successor in zip(chain[1:], chain, strict=False):
        database.run_blocking(lambda c: store.move(c, one.id, MERGED, successor.id))
    forget(database, "b-q", "c-a")
    assert stands(database, *chain) == {"d": (ACTIVE, None), "a": (MERGED, "d")}
    forget(database, "d-q")
    assert stands(database, *chain) == {"a": (ACTIVE, None)}

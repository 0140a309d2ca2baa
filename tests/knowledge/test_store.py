"""The store: what is put comes back whole, importing again changes nothing, what is removed is gone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Connection, create_engine

from knowledge import store
from knowledge.database import Database
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.thread import Role
from knowledge.trust import CONFIRMED
from tests.knowledge.making import entry

MONDAY = datetime(2024, 3, 4, 9, 30, 15, 123456, tzinfo=UTC)
MODEL = "model-1"
SCHEME = "model-1 views 1"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    database.migrate(store.MIGRATIONS)
    database.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.begin() as opened:
        opened.exec_driver_sql("PRAGMA foreign_keys=ON")
        yield opened
    engine.dispose()


def put_embedded(connection: Connection, given: KnowledgeEntry, *hashes: str) -> None:
    store.put_entries(connection, [given])
    store.put_vectors(connection, MODEL, {one: np.ones(2, np.float32) for one in hashes})
    store.put_views(connection, SCHEME, MODEL, {given.id: hashes})


def test_an_entry_comes_back_as_it_was_put(connection: Connection) -> None:
    given = KnowledgeEntry(
        kind=EntryKind.FAQ,
        title="连接失败 Connection refused",
        origin="docs/faq.md",
        audience="channel:slack:T/C",
        passages=(
            Passage(kind=PassageKind.PROBLEM, text="It says\n`ECONNREFUSED`", source="m1", at=MONDAY),
            Passage(
                kind=PassageKind.SOLUTION,
                text="Restart it",
                source="m2",
                author="U1",
                role=Role.ANALYST,
                link="https://example.com/p2",
            ),
        ),
        known_from=MONDAY,
        confirmed=True,
    )
    assert store.put_entries(connection, [given]) == [given.id]
    assert store.entries_by_id(connection, [given.id, "e-unknown"]) == {given.id: given}


def test_the_same_entry_again_is_not_new(connection: Connection) -> None:
    first, second = entry("Redis is down", "Restart it"), entry("Disk is full", "Clean it")
    store.put_entries(connection, [first])
    assert store.put_entries(connection, [first, second, second]) == [second.id]
    assert store.counts(connection).entries == 2


def test_importing_again_follows_what_the_id_does_not_cover_but_keeps_votes(connection: Connection) -> None:
    first = entry("Redis is down", "Restart it", known_from=MONDAY)
    store.put_entries(connection, [first])
    store.set_trust(connection, first.id, Trust(up=2, down=1))
    store.confirm(connection, first.id)
    told = replace(first.passages[1], author="U7", role=Role.ANALYST)
    again = replace(first, known_from=None, passages=(first.passages[0], told))
    store.put_entries(connection, [again])
    assert store.entries_by_id(connection, [first.id])[first.id] == replace(again, confirmed=True)
    assert store.trust_of(connection, first.id) == Trust(up=2 + CONFIRMED, down=1)


def test_an_origin_holds_exactly_what_was_imported_last(connection: Connection) -> None:
    kept, gone, new = (entry(title, "text", origin="docs/a.md") for title in ("kept", "gone", "new"))
    elsewhere = entry("gone", "text", origin="docs/b.md")
    store.put_entries(connection, [kept, gone, elsewhere])
    report = store.replace_origin(connection, "docs/a.md", [kept, new])
    assert report == store.LearnReport(added=(new.id,), removed=(gone.id,), unchanged=(kept.id,))
    assert set(store.all_ids(connection)) == {kept.id, new.id, elsewhere.id}
    again = store.replace_origin(connection, "docs/a.md", [kept, new])
    assert again == store.LearnReport(unchanged=(kept.id, new.id))


def test_an_origin_refuses_entries_of_another(connection: Connection) -> None:
    with pytest.raises(ValueError, match=r"docs/b\.md.*docs/a\.md"):
        store.replace_origin(connection, "docs/a.md", [entry("x", "y", origin="docs/b.md")])


def test_entries_are_found_by_a_message_they_quote(connection: Connection) -> None:
    redis, disk = entry("Redis", "Restart it", origin="t1"), entry("Disk", "Clean it", origin="t2")
    store.put_entries(connection, [redis, disk])
    assert store.entries_by_source(connection, "t1/solution") == [redis]
    assert store.entries_by_source(connection, "t3/solution") == []


def test_removing_an_entry_removes_its_texts_and_the_vectors_only_it_used(connection: Connection) -> None:
    put_embedded(connection, entry("Redis", "Restart it"), "shared", "own")
    put_embedded(connection, entry("Disk", "Clean it"), "shared")
    redis = entry("Redis", "Restart it").id
    assert store.drop_entries(connection, [redis, "e-unknown"]) == [redis]
    assert store.counts(connection) == store.Counts(entries=1, by_kind={"thread": 1}, passages=2, vectors=1)
    assert set(store.vectors_by_hash(connection, MODEL, ["shared", "own"])) == {"shared"}


def test_vectors_come_back_for_their_model_only(connection: Connection) -> None:
    vector = np.array([0.6, -0.8], dtype=np.float32)
    store.put_vectors(connection, MODEL, {"h": vector})
    np.testing.assert_array_equal(store.vectors_by_hash(connection, MODEL, ["h", "other"])["h"], vector)
    assert store.vectors_by_hash(connection, "model-2", ["h"]) == {}
    assert store.known_hashes(connection, MODEL, ["h", "other"]) == {"h"}


def test_vectors_that_no_entry_uses_can_be_dropped(connection: Connection) -> None:
    put_embedded(connection, entry("Redis", "Restart it"), "used")
    store.put_vectors(connection, "old-model", {"stale": np.ones(2, np.float32)})
    assert store.drop_unused_vectors(connection) == 1
    assert store.known_hashes(connection, MODEL, ["used"]) == {"used"}


def test_an_entry_whose_vector_was_forgotten_meanwhile_counts_as_not_embedded(connection: Connection) -> None:
    given = entry("Redis", "Restart it")
    store.put_entries(connection, [given])
    store.put_views(connection, SCHEME, MODEL, {given.id: ["never-stored"]})
    assert store.without_views(connection, SCHEME, 10) == [given]
    assert store.count_without_views(connection, SCHEME) == 1


def test_another_reader_sees_puts_votes_and_removals_as_changes(connection: Connection) -> None:
    assert store.last_change(connection) == 0
    redis, disk = entry("Redis", "Restart it"), entry("Disk", "Clean it")
    store.put_entries(connection, [redis, disk])
    numbers = [listing.number for listing in store.listings(connection)]
    seq, changed = store.changed_since(connection, 0)
    assert changed == numbers
    store.set_trust(connection, redis.id, Trust(up=1))
    seq, changed = store.changed_since(connection, seq)
    assert changed == numbers[:1]
    store.drop_entries(connection, [disk.id])
    assert store.changed_since(connection, seq) == (store.last_change(connection), numbers[1:])
    assert store.listings(connection, numbers[1:]) == []


def test_a_number_is_never_given_twice(connection: Connection) -> None:
    store.put_entries(connection, [entry("Redis", "Restart it")])
    (before,) = store.listings(connection)
    store.drop_entries(connection, [before.id])
    store.put_entries(connection, [entry("Disk", "Clean it")])
    (after,) = store.listings(connection)
    assert after.number > before.number


def test_votes_on_a_forgotten_entry_are_refused_quietly(connection: Connection) -> None:
    assert not store.set_trust(connection, "e-unknown", Trust(up=1))
    assert not store.confirm(connection, "e-unknown")
    assert store.trust_of(connection, "e-unknown") is None
    assert store.last_change(connection) == 0


def test_thousands_at_once_are_no_different(connection: Connection) -> None:
    many = [entry(f"Title {number}", "text") for number in range(2 * store.BATCH + 1)]
    assert store.put_entries(connection, many) == [one.id for one in many]
    assert list(store.all_ids(connection)) == [one.id for one in many]
    assert len(store.drop_entries(connection, [one.id for one in many])) == len(many)
    assert store.counts(connection).passages == 0


def test_a_confirmation_counts_once_and_is_taken_back_exactly(connection: Connection) -> None:
    plain, born = entry("plain", "do it"), entry("born confirmed", "do it", confirmed=True)
    store.put_entries(connection, [plain, born])
    assert store.trust_of(connection, plain.id) == Trust()
    assert store.trust_of(connection, born.id) == Trust(up=CONFIRMED)
    for _ in range(2):
        store.confirm(connection, plain.id)
        store.put_entries(connection, [born])
    assert store.trust_of(connection, plain.id) == store.trust_of(connection, born.id) == Trust(up=CONFIRMED)
    store.confirm(connection, plain.id, False)
    assert store.trust_of(connection, plain.id) == Trust()


def test_what_stands_behind_an_entry_is_looked_up_not_searched_for(connection: Connection) -> None:
    connection.exec_driver_sql("DROP INDEX ix_entries_successor")  # a store of before
    store.MIGRATIONS[-1].apply(connection)
    plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN SELECT * FROM entries WHERE successor IN ('e1')")
    assert "ix_entries_successor" in repr(plan.all())


def test_an_entry_that_is_rewritten_keeps_the_trust_that_it_came_with(connection: Connection) -> None:
    before = entry("a")
    store.put_entries(connection, [before])
    store.give_trust(connection, before.id, Trust(up=3, down=1))
    stored = store.stored_by_id(connection, [before.id])[before.id]
    after = store.rewrite(connection, stored, replace(before, title="said otherwise"))
    store.set_trust(connection, after, Trust(up=1))  # counted anew
    assert store.trust_of(connection, after) == Trust(up=4, down=1)

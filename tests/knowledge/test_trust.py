"""Trust is counted from what holds now: every piece by its weight, and nobody confirms himself."""

from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import WORKSPACE, KnowledgeEntry, Stored, Trust
from knowledge.search import Knowledge
from knowledge.trust import MOST_REPEATED, REPEATED, TrustEvidence, at_first, repeated_by, trust_of
from tests.knowledge.making import entry

THUMBS = Trust(up=2, down=1)


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (TrustEvidence(), Trust()),
        (TrustEvidence(thumbs=THUMBS), THUMBS),
        (TrustEvidence(confirmed=True), Trust(up=1)),
        (TrustEvidence(reused=3), Trust(up=1.5)),
        (TrustEvidence(refused=2), Trust(down=1)),
        (TrustEvidence(corrected=1), Trust(down=1)),
        (TrustEvidence(repeated=9), Trust(up=REPEATED * MOST_REPEATED)),
        (TrustEvidence(thumbs=THUMBS, confirmed=True, corrected=2), Trust(up=3, down=3)),
    ],
)
def test_each_piece_of_evidence_counts_by_its_weight(evidence: TrustEvidence, expected: Trust) -> None:
    assert trust_of(evidence) == expected


def said_by(author: str | None, number: int = 0) -> Stored:
    made = entry("Disk is full", "Clear the spool folder.", origin=f"t{number}")
    passages = tuple(replace(passage, author=author) for passage in made.passages)
    return Stored(number=number, entry=replace(made, passages=passages), trust=Trust())


def test_only_others_confirm_by_saying_the_same() -> None:
    own = said_by("ann")
    assert repeated_by(own, [said_by("ann", 1)]) == 0
    assert repeated_by(own, [said_by("bob", 1), said_by("bob", 2)]) == 1
    assert repeated_by(own, [said_by("bob", 1), said_by("cid", 2)]) == 2
    assert repeated_by(own, [said_by(None, 1)]) == 0


# Equal but for their origin: only trust can tell them apart.
ONE, TWO = (entry("Redis refuses connections", "Restart redis.", origin=origin) for origin in "ab")


async def order(
    folder: Path, first: KnowledgeEntry, second: KnowledgeEntry, trust: Trust | None
) -> list[str]:
    database = Database(f"sqlite:///{folder / 'k.db'}", durable=False)
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn([first, second])
    if trust is not None:
        await knowledge.set_trust(first.id, trust)
    hits = await knowledge.search("redis refuses connections", audiences=frozenset({WORKSPACE}))
    await knowledge.close()
    database.close()
    return [hit.entry.origin for hit in hits]


async def test_a_confirmed_entry_goes_before_its_equal(tmp_path: Path) -> None:
    assert await order(tmp_path, ONE, replace(TWO, confirmed=True), None) == ["b", "a"]


async def test_an_entry_that_was_voted_down_falls_behind_its_equal(tmp_path: Path) -> None:
    assert await order(tmp_path, ONE, TWO, trust_of(TrustEvidence(thumbs=Trust(down=1)))) == ["b", "a"]


async def test_without_votes_the_first_of_equals_stays_first(tmp_path: Path) -> None:
    assert await order(tmp_path, ONE, TWO, at_first(False)) == ["a", "b"]

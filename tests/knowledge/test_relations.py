"""Two answers to one problem: the same twice, one newer than the other, in contradiction; and mostly nothing."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.changes import Change, ChangeKind
from knowledge.claims import Claim, Sort, claims_in, normal_value
from knowledge.entry import Alike, EntryKind, EntryState, Passage, PassageKind, Stored, Trust
from knowledge.relations import Kind, Verdict, changes_for, relation, restored, settle
from tests.knowledge.making import entry

UNVOTED = Trust()
MAY = datetime(2026, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)
ACTIVE, DISPUTED, MERGED = EntryState.ACTIVE, EntryState.DISPUTED, EntryState.MERGED
SUPERSEDED, RETIRED, REJECTED = EntryState.SUPERSEDED, EntryState.RETIRED, EntryState.REJECTED

QUESTION = "Reports are slow when many people open them"
ENABLE = "Enable the result cache in the workspace settings."
DISABLE = "Disable the result cache in the workspace settings."


def stored(
    answer: str,
    number: int = 1,
    *,
    title: str = QUESTION,
    at: datetime | None = MAY,
    kind: EntryKind = EntryKind.THREAD,
    state: EntryState = ACTIVE,
    trust: Trust = UNVOTED,
    confirmed: bool = False,
    audience: str = "workspace",
) -> Stored:
    made = entry(title, answer, origin=f"t{number}", known_from=at, confirmed=confirmed, audience=audience)
    return Stored(number=number, entry=replace(made, kind=kind), trust=trust, state=state)


def near(other: Stored, problem: float = 0.97, solution: float = 0.95) -> Alike:
    return Alike(stored=other, problem=problem, solution=solution)


# ---- the table of pairs -----------------------------------------------------

TABLE = json.loads((Path(__file__).parent / "relations.json").read_text(encoding="utf-8"))
# "We had to lower the timeout" is told as what happened, not as advice, and so it claims nothing.
MISSED = frozenset({"We had to lower the session timeout in the admin page."})


def of_row(row: dict[str, Any]) -> str:
    """What the two entries of a row are to each other; the second one is two weeks younger."""
    (first, second), (old, new) = row["problems"], row["answers"]
    older = stored(old, 1, title=first)
    newer = stored(new, 2, title=second, at=MAY + 2 * WEEK)
    return relation(newer, near(older, *row["cosines"])).kind


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row['expected']}: {row['answers'][1][:50]}")
def test_every_pair_of_the_table_is_what_people_say(row: dict[str, Any]) -> None:
    missed = MISSED & set(row["answers"])
    assert of_row(row) == ("none" if missed else row["expected"])


def test_the_table_is_large_enough_and_has_both_languages() -> None:
    for language in ("en", "zh"):
        rows = [row["expected"] for row in TABLE if row["language"] == language]
        assert {"contradicts", "none", "duplicate", "supersedes"} <= set(rows)
    contradicting = [row for row in TABLE if row["expected"] == "contradicts"]
    assert len(contradicting) >= 30
    assert len(TABLE) - len(contradicting) >= 30


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["answers"][1][:50])
def test_nothing_happens_between_answers_to_different_problems(row: dict[str, Any]) -> None:
    assert of_row({**row, "cosines": [0.5, row["cosines"][1]]}) == "none"


# ---- which of two stands -----------------------------------------------------

SHORT, LONG = (
    "Rebuild the search index from the admin page.",
    "Rebuild the search index from the admin page now.",
)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (stored(SHORT, 1, kind=EntryKind.DOCUMENT), stored(SHORT, 2, confirmed=True)),
        (stored(SHORT, 1, confirmed=True), stored(SHORT, 2, trust=Trust(up=5), at=MAY + WEEK)),
        (stored(SHORT, 1, trust=Trust(up=1)), stored(SHORT, 2, at=MAY + WEEK)),
        (stored(SHORT, 1, at=MAY + WEEK), stored(SHORT, 2)),
        (stored(LONG, 1), stored(SHORT, 2)),
        (stored(SHORT, 1), stored(SHORT, 2)),
    ],
    ids=["a document", "confirmed", "more trusted", "newer", "longer", "there first"],
)
def test_of_two_that_say_the_same_the_better_one_stands(better: Stored, worse: Stored) -> None:
    for new, other in ((better, worse), (worse, better)):
        found = relation(new, near(other))
        assert (found.kind, found.first, found.second) == (Kind.DUPLICATE, better, worse)


def test_a_repetition_that_knows_more_is_not_merged_away() -> None:
    better = stored("Rebuild the search index.", 1, confirmed=True)
    worse = stored(
        "Rebuild the search index with `reindex_all --shards`, then warm the cache of each node.", 2
    )
    assert relation(worse, near(better)).kind is Kind.NONE


def test_only_active_entries_of_one_audience_and_different_origins_are_compared() -> None:
    assert relation(stored(DISABLE, 2), near(stored(ENABLE))).kind is Kind.CONTRADICTS
    for other in (
        stored(ENABLE, 1, audience="channel:private"),
        stored(ENABLE, 1, state=EntryState.PENDING),
        stored(ENABLE, 2),  # from the same thread
    ):
        assert relation(stored(DISABLE, 2), near(other)).kind is Kind.NONE


# ---- newer -----------------------------------------------------


def test_a_later_confirmed_answer_replaces_an_unconfirmed_one_that_it_contradicts() -> None:
    old = stored(ENABLE)
    new = stored(DISABLE, 2, at=MAY + timedelta(days=31), confirmed=True)
    found = relation(new, near(old))
    assert (found.kind, found.first, found.second) == (Kind.SUPERSEDES, new, old)
    assert (
        relation(replace(new, entry=replace(new.entry, confirmed=False)), near(old)).kind is Kind.CONTRADICTS
    )
    soon = replace(new, entry=replace(new.entry, known_from=MAY + WEEK))
    assert relation(soon, near(old)).kind is Kind.CONTRADICTS


def test_what_was_learnt_late_but_is_older_is_the_one_that_gives_way() -> None:
    known = stored(
        "Since v9 the result cache is no longer in the workspace settings, it is automatic.", 1, at=MAY
    )
    late = stored(ENABLE, 2, at=MAY - 9 * WEEK)
    found = relation(late, near(known))
    assert (found.kind, found.first, found.second) == (Kind.SUPERSEDES, known, late)


def test_nobody_s_word_does_not_replace_what_a_person_confirmed() -> None:
    confirmed = stored("SAML is supported on the starter plan.", 1, confirmed=True)
    claim = stored("SAML is no longer supported on the starter plan.", 2, at=MAY + 9 * WEEK)
    assert relation(claim, near(confirmed)).kind is Kind.CONTRADICTS


def test_without_dates_nothing_is_newer() -> None:
    old, new = stored(ENABLE, 1, at=None), stored("Since v9 the result cache is no longer used.", 2, at=None)
    assert relation(new, near(old)).kind is not Kind.SUPERSEDES


# ---- documents -----------------------------------------------------


def test_two_documents_are_never_related() -> None:
    one, other = (stored(text, n, kind=EntryKind.DOCUMENT) for n, text in enumerate((ENABLE, DISABLE)))
    assert relation(one, near(other)).kind is Kind.NONE


def test_a_thread_that_contradicts_a_document_waits_and_the_document_stays() -> None:
    document = stored(ENABLE, 1, kind=EntryKind.DOCUMENT, at=None)
    thread = stored(DISABLE, 2, confirmed=True)
    (change,) = changes_for(thread, [near(document)])
    assert (change.kind, change.entry, change.other) == (
        ChangeKind.DISPUTED,
        thread.entry.id,
        document.entry.id,
    )


# ---- changes -----------------------------------------------------


def only(changes: Sequence[Change]) -> Change:
    (change,) = changes
    return change


def test_a_duplicate_is_merged_under_what_stands_for_both() -> None:
    old, new = stored(SHORT, 1, confirmed=True), stored(SHORT, 2)
    merged = only(changes_for(new, [near(old)]))
    assert (merged.kind, merged.entry, merged.other) == (ChangeKind.MERGED, new.entry.id, old.entry.id)
    assert (merged.before, merged.after) == (ACTIVE, MERGED)


def test_both_sides_of_a_contradiction_are_disputed() -> None:
    old, new = stored(ENABLE), stored(DISABLE, 2)
    sides = changes_for(new, [near(old)])
    assert [(one.kind, one.entry, one.other, one.after) for one in sides] == [
        (ChangeKind.DISPUTED, new.entry.id, old.entry.id, DISPUTED),
        (ChangeKind.DISPUTED, old.entry.id, new.entry.id, DISPUTED),
    ]


def test_of_several_relations_the_strongest_counts_then_the_nearest() -> None:
    new = stored(ENABLE, 9)
    same, against, further = stored(ENABLE, 1), stored(DISABLE, 2), stored(DISABLE, 3)
    changes = changes_for(new, [near(same, 0.99), near(further, 0.9), near(against, 0.95)])
    assert {change.entry for change in changes} == {new.entry.id, against.entry.id}


def test_unrelated_entries_change_nothing() -> None:
    assert changes_for(stored(ENABLE, 2), []) == ()
    assert changes_for(stored(ENABLE, 2), [near(stored(DISABLE), problem=0.6)]) == ()
    assert changes_for(stored(ENABLE, 2, state=EntryState.PENDING), [near(stored(DISABLE))]) == ()


def test_a_reason_names_the_evidence_and_quotes_nobody() -> None:
    pairs = ((row["problems"], row["answers"]) for row in TABLE)
    for (first, second), (old, new) in pairs:
        found = relation(stored(new, 2, title=second, at=MAY + WEEK), near(stored(old, title=first)))
        said = {word for text in (first, second, old, new) for word in text.split() if len(word) > 9}
        assert not said & set(found.why.split())
        assert bool(found.why) == (found.kind is not Kind.NONE)


# ---- the end of a dispute -----------------------------------------------------


def disputed(answer: str, number: int) -> Stored:
    return stored(answer, number, state=DISPUTED)


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Verdict.KEEP_FIRST, {1: (ACTIVE, None), 2: (SUPERSEDED, 1)}),
        (Verdict.KEEP_SECOND, {1: (SUPERSEDED, 2), 2: (ACTIVE, None)}),
        (Verdict.BOTH_HOLD, {1: (ACTIVE, None), 2: (ACTIVE, None)}),
    ],
)
def test_a_person_ends_a_dispute(
    verdict: Verdict, expected: dict[int, tuple[EntryState, int | None]]
) -> None:
    sides = {1: disputed(ENABLE, 1), 2: disputed(DISABLE, 2)}
    ids = {number: side.entry.id for number, side in sides.items()}
    changes = settle(sides[1], sides[2], verdict)
    assert {change.entry: (change.after, change.other) for change in changes} == {
        ids[number]: (after, None if other is None else ids[other])
        for number, (after, other) in expected.items()
    }


def test_what_was_taken_out_meanwhile_stays_out() -> None:
    changes = settle(stored(ENABLE, 1, state=RETIRED), disputed(DISABLE, 2), Verdict.KEEP_FIRST)
    assert [change.after for change in changes] == [SUPERSEDED]


@pytest.mark.parametrize(
    ("state", "successor", "after"),
    [
        (MERGED, None, ACTIVE),
        (MERGED, REJECTED, ACTIVE),
        (MERGED, RETIRED, None),  # it says what was taken out
        (DISPUTED, None, ACTIVE),
        (DISPUTED, RETIRED, ACTIVE),
        (SUPERSEDED, REJECTED, ACTIVE),
        (SUPERSEDED, None, EntryState.PENDING),
        (SUPERSEDED, RETIRED, EntryState.PENDING),
        (RETIRED, None, None),
        (ACTIVE, None, None),
    ],
)
def test_what_comes_back_when_its_successor_is_gone(
    state: EntryState, successor: EntryState | None, after: EntryState | None
) -> None:
    changes = restored([stored(ENABLE, 1, state=state)], successor)
    assert [(change.kind, change.before, change.after) for change in changes] == (
        [] if after is None else [(ChangeKind.RESTORED, state, after)]
    )
    assert all(bool(change.doubts) == (after is EntryState.PENDING) for change in changes)


# ---- what an answer claims -----------------------------------------------------


def claimed(text: str) -> set[tuple[str, str, str]]:
    return {(claim.about, " ".join(sorted(claim.of)), claim.says) for claim in claims_in((text,))}


@pytest.mark.parametrize(
    ("text", "about", "of", "says"),
    [
        ("Turn the cache off.", "switch", "cach", "-"),
        ("Don't forget to restart the worker.", "do restart", "worker", "+"),
        ("There is no need to restart the worker.", "do restart", "worker", "-"),
        ("You might want to disable caching.", "switch", "cach", "-"),
        ("SAML is not supported.", "supported", "saml", "-"),
        ("The importer does not support streams.", "supported", "import stream", "-"),
        ("It has no documented support for streams.", "supported", "stream", "-"),
        ("不要重启服务。", "做 重启", "服务", "-"),
        ("无需重启服务。", "needed", "启服 服务 重启", "-"),
    ],
)
def test_what_is_told_is_read(text: str, about: str, of: str, says: str) -> None:
    assert (about, of, says) in claimed(text)


@pytest.mark.parametrize(
    "text",
    [
        "Did you restart the worker?",
        "If it hangs, restart the worker.",
        "I tried restarting the worker.",
        "Maybe restart the worker.",
        "It broke after I restarted the worker.",
        "Remove the filter and add it again.",
        "Ask the support.",
        "We cannot enable it.",
        "也许需要重启服务。",
        "> Disable the cache",
    ],
)
def test_what_is_asked_guessed_or_told_of_others_claims_nothing(text: str) -> None:
    assert claimed(text) == set()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("30 s", "30 seconds", True),
        ("2 min", "120s", True),
        ("1,000", "1000", True),
        ("true", "On", True),
        ("50 MB", "50 s", False),
        ("true", "false", False),
    ],
)
def test_values_are_compared_by_what_they_mean(one: str, other: str, same: bool) -> None:
    assert (normal_value(one) == normal_value(other)) == same


def test_hosts_names_and_secrets_are_everybody_s_own() -> None:
    for text in ("DB_HOST=alpha", "API_TOKEN=abcdef", "set the username to bob", "IMAGE_TAG=12"):
        assert [claim for claim in claims_in((text,)) if claim.sort is Sort.VALUE] == []
    assert claims_in(("WORKERS_COUNT=4",)) == (
        Claim(sort=Sort.VALUE, about="", of=frozenset({"workers_count", "worker", "count"}), says="4 "),
    )


@given(st.lists(st.text(max_size=200), max_size=3))
def test_an_answer_never_contradicts_itself(texts: list[str]) -> None:
    one = stored("\n".join(texts), 1)
    assert relation(replace(one, number=2, entry=replace(one.entry, origin="other")), near(one)).kind in (
        Kind.NONE,
        Kind.DUPLICATE,
    )


def test_long_passages_take_no_long_time() -> None:
    for piece in (
        "no " * 5000,
        "set the " * 3000,
        "A=" * 5000,
        "不" * 5000,
        "is not " * 3000,
        "a-" * 5000,
        "\n" * 9000,
    ):
        begun = time.perf_counter()
        claims_in((piece,))
        assert time.perf_counter() - begun < 2.0


def test_a_stranger_is_turned_away_before_its_answers_are_read() -> None:
    other = stored("Enable the cache. " * 2000, 1)
    begun = time.perf_counter()
    for _ in range(1000):
        relation(stored(DISABLE, 2), near(other, problem=0.4))
    assert time.perf_counter() - begun < 0.5


def test_passages_other_than_solutions_do_not_contradict() -> None:
    new = stored(DISABLE, 2)
    discussed = Passage(kind=PassageKind.DISCUSSION, text=ENABLE, source="t1/d")
    silent = stored("Ask an admin for the larger plan.", 1)
    other = replace(silent, entry=replace(silent.entry, passages=(*silent.entry.passages, discussed)))
    assert relation(new, near(other)).kind is Kind.NONE

"""What nobody confirms is asked about, and what nobody answers for retires; never behind everybody's back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from knowledge.ageing import ANSWER_WITHIN, stale, stale_changes
from knowledge.changes import ChangeKind
from knowledge.entry import HALF_LIFE, EntryKind, EntryState, Stored, Trust
from tests.knowledge.making import entry

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def known(number: int = 1, at: datetime | None = NOW - HALF_LIFE - DAY) -> Stored:
    return Stored(number=number, entry=entry(f"problem {number}", "do it", known_from=at), trust=Trust())


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (known(), True),
        (known(at=NOW - HALF_LIFE + DAY), False),
        (known(at=None), False),
        (replace(known(), proven_at=NOW - DAY), False),
        (replace(known(), proven_at=NOW - HALF_LIFE - DAY), True),
        (replace(known(), state=EntryState.MERGED), False),
        (replace(known(), entry=replace(known().entry, kind=EntryKind.DOCUMENT)), False),
    ],
)
def test_only_threads_go_stale_and_only_unconfirmed_ones(stored: Stored, expected: bool) -> None:
    assert stale(stored, NOW) is expected


def test_old_ones_are_asked_about_a_few_at_a_time() -> None:
    changes = stale_changes([known(n) for n in range(5)], [], NOW, askable=True, most=2)
    assert [(change.kind, change.before, change.after) for change in changes] == [
        (ChangeKind.ASKED, EntryState.ACTIVE, EntryState.ACTIVE)
    ] * 2
    assert [change.entry for change in changes] == [known(0).entry.id, known(1).entry.id]


def test_what_nobody_answers_for_retires() -> None:
    asked = replace(known(), asked_at=NOW - ANSWER_WITHIN)
    (change,) = stale_changes([], [asked], NOW, askable=True, most=0)
    assert (change.kind, change.entry, change.after) == (
        ChangeKind.RETIRED,
        asked.entry.id,
        EntryState.RETIRED,
    )


def test_there_is_time_to_answer_and_nobody_is_asked_twice() -> None:
    asked = replace(known(), asked_at=NOW - ANSWER_WITHIN + DAY)
    assert stale_changes([asked], [asked], NOW, askable=True, most=9) == ()


def test_where_nobody_can_be_asked_nothing_retires() -> None:
    asked = replace(known(), asked_at=NOW - 9 * ANSWER_WITHIN)
    assert stale_changes([known(2)], [asked], NOW, askable=False, most=9) == ()

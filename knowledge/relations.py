"""How a new entry stands to those that resemble it. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from knowledge.changes import Change, ChangeKind
from knowledge.entry import EntryState
from knowledge.search import Alike
from knowledge.store import Stored


def changes_for(new: Stored, alike: Sequence[Alike]) -> tuple[Change, ...]:
    return tuple(
        Change(
            kind=ChangeKind.MERGED,
            entry=new.entry.id,
            before=EntryState.ACTIVE,
            after=EntryState.MERGED,
            other=one.stored.entry.id,
            why="same",
        )
        for one in alike[:1]
        if one.problem > 0.97 and one.solution > 0.97
    )


class Verdict(StrEnum):
    FIRST = "first"
    SECOND = "second"
    BOTH = "both"


def settle(first: Stored, second: Stored, verdict: Verdict) -> tuple[Change, ...]:
    return ()


def restored(orphans: Sequence[Stored]) -> tuple[Change, ...]:
    return ()

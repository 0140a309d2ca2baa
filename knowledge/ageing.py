"""Entries that nobody confirmed for their half-life are asked about, and retire where nobody answers. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from knowledge.changes import Change, ChangeKind
from knowledge.entry import HALF_LIFE, EntryKind, EntryState, Stored

ANSWER_WITHIN = timedelta(days=30)


def stale(stored: Stored, now: datetime, half_life: timedelta = HALF_LIFE) -> bool:
    """Whether nobody has said for ``half_life`` that an entry holds. Only what was learnt from threads ages; of an
    entry without any date nothing can be said."""
    known = [at for at in (stored.proven_at, stored.entry.known_from) if at is not None]
    ages = stored.entry.kind is EntryKind.THREAD and stored.state is EntryState.ACTIVE
    return ages and bool(known) and now - max(known) > half_life


def stale_changes(
    unproven: Sequence[Stored],
    unanswered: Sequence[Stored],
    now: datetime,
    *,
    askable: bool,
    most: int,
    half_life: timedelta = HALF_LIFE,
) -> tuple[Change, ...]:
    """At most ``most`` of the ``unproven`` are asked about, the first ones first; what was asked about 30 days ago
    without an answer retires. Where nobody can be asked (``askable``) nothing is asked and nothing retires."""
    if not askable:
        return ()
    due = [one for one in unproven if stale(one, now, half_life) and one.asked_at is None][: max(most, 0)]
    over = [one for one in unanswered if _is_overdue(one, now)]
    return (*(_asked(one, half_life) for one in due), *map(_retired, over))


def _is_overdue(stored: Stored, now: datetime) -> bool:
    asked = stored.asked_at
    return stored.state is EntryState.ACTIVE and asked is not None and now - asked >= ANSWER_WITHIN


def _asked(stored: Stored, half_life: timedelta) -> Change:
    why = f"nobody has said for {half_life.days} days that it still holds"
    active = EntryState.ACTIVE
    return Change(kind=ChangeKind.ASKED, entry=stored.entry.id, before=active, after=active, why=why)


def _retired(stored: Stored) -> Change:
    return Change(
        kind=ChangeKind.RETIRED,
        entry=stored.entry.id,
        before=stored.state,
        after=EntryState.RETIRED,
        why=f"people were asked whether it still holds, and nobody answered for {ANSWER_WITHIN.days} days",
    )

"""What people decide about a night's changes: approve, reject, take back, confirm, settle.

Each returns a line for them.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from bot import audit, digests, nights
from bot.audit import Kind
from bot.handlers import Bot
from bot.night import recount
from bot.nights import BY_HAND, OUTCOME, NightState, Recorded
from bot.relating import relate
from bot.verdicts import recalibrate
from knowledge import relations, store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.entry import EntryState

log = logging.getLogger("earshot")

_BEHIND = (EntryState.MERGED, EntryState.SUPERSEDED)
_POINTS = (EntryState.MERGED, EntryState.SUPERSEDED, EntryState.DISPUTED)  # states that name another entry
_VERDICTS = {
    "first": relations.Verdict.KEEP_FIRST,
    "second": relations.Verdict.KEEP_SECOND,
    "both": relations.Verdict.BOTH_HOLD,
}


async def approve(bot: Bot, subject: str, by: str) -> str:
    """Let what waits take effect: all of a night (its date), or what waits about one entry (its id)."""
    now = bot.clock.now()

    def take(connection: Connection) -> list[Recorded]:
        waiting = _waiting(connection, subject, now)
        done = [change for change in waiting if _approved(connection, change, now)]
        _audit(connection, Kind.APPROVED, subject, by, now, done)
        for night in {change.night for change in waiting}:
            digests.refresh(connection, night, now)
        return done

    done = await bot.database.run(take)
    await bot.knowledge.follow()
    for change in done:
        if change.kind == ChangeKind.ADDED:
            await relate(bot, change.night, change.subject)
    log.info("%s approved %s: %d changes", by, subject, len(done))
    return f"{_counted(done)} approved." if done else f"Nothing of {subject} waits for approval."


def _approved(connection: Connection, change: Recorded, now: datetime) -> bool:
    """Do what was proposed; False, and it is dropped, if things changed since."""
    state = store.state_of(connection, change.subject)
    fits = state is EntryState.PENDING if change.kind == ChangeKind.ADDED else state is change.before
    nights.settle(connection, change, ChangeState.APPLIED if fits else ChangeState.REJECTED)
    if fits:
        nights.take_effect(connection, _change(change), now)
        if change.kind == ChangeKind.ADDED:
            entry = store.entries_by_id(connection, [change.subject])[change.subject]
            nights.replace_older(connection, change.night, entry.origin, entry, now)
    return fits


async def reject(bot: Bot, subject: str, by: str) -> str:
    """Say no to what waits: all of a night, or about one entry. The same content is not proposed again."""
    now = bot.clock.now()

    def take(connection: Connection) -> list[Recorded]:
        waiting = _waiting(connection, subject, now)
        for change in waiting:
            nights.settle(connection, change, ChangeState.REJECTED)
            if change.kind == ChangeKind.RETIRED:
                store.prove(connection, change.subject, now)  # who wants it kept says that it holds
            if store.state_of(connection, change.subject) is EntryState.PENDING:
                store.move(connection, change.subject, EntryState.REJECTED)
        _audit(connection, Kind.REJECTED, subject, by, now, waiting)
        for night in {change.night for change in waiting}:
            digests.refresh(connection, night, now)
        return waiting

    done = await bot.database.run(take)
    log.info("%s rejected %s: %d changes", by, subject, len(done))
    return f"{_counted(done)} rejected." if done else f"Nothing of {subject} waits for approval."


async def revert_night(bot: Bot, night: str, by: str) -> str:
    """Take a night back: its entries go, what it moved stands where it stood, the scales are counted anew.

    What was forgotten meanwhile stays forgotten. What was changed again since stays as it is now.
    """
    config, now = bot.config(), bot.clock.now()

    def take(connection: Connection) -> list[Recorded] | None:
        row = nights.night_row(connection, night)
        if row is None or row.state != NightState.DONE:
            return None
        changes = nights.changes_of(connection, night)
        stood = _standing_for(connection, changes)
        channels = [_undo(connection, change, now) for change in reversed(changes)]
        nights.mark_reverted(connection, night)
        for channel in {channel for channel in channels if channel is not None}:
            recalibrate(connection, config, channel, now)
        recount(connection, config, changes, stood)
        digests.refresh(connection, night, now)
        undone = [change for change in changes if change.state is ChangeState.APPLIED]
        audit.put(connection, Kind.REVERTED, now, subject=night, actor=by, changes=len(undone))
        return undone

    done = await bot.database.run(take)
    await bot.knowledge.follow()
    if done is None:
        return f"There is no night of {night} to take back; `earshot night --list` shows those there are."
    log.info("%s took the night of %s back: %d changes", by, night, len(done))
    return f"The night of {night} is taken back: {_counted(done)} undone."


def _standing_for(connection: Connection, changes: Sequence[Recorded]) -> set[str]:
    """The entries that stand for what the night added, because a later one merged it into them."""
    added = [change.subject for change in changes if change.kind == ChangeKind.ADDED]
    found = store.stored_by_id(connection, added).values()
    return {one.successor for one in found if one.state is EntryState.MERGED and one.successor}


def _undo(connection: Connection, change: Recorded, now: datetime) -> str | None:
    """Undo one change; the channel whose scale must be counted anew, if any."""
    channel = None
    state = None if change.kind == OUTCOME else store.state_of(connection, change.subject)
    dropped = change.state is ChangeState.REJECTED and state is not EntryState.PENDING
    if change.state is ChangeState.REVERTED or dropped:
        return None  # an admin said no already
    if change.kind == OUTCOME:
        channel = nights.take_back_outcome(connection, change)
    elif change.kind == ChangeKind.ADDED:
        _take_out(connection, change, state, now)
    elif change.state is ChangeState.APPLIED and change.kind == ChangeKind.ASKED:
        store.ask_about(connection, change.subject, None)
    elif change.state is ChangeState.APPLIED and state is change.after and change.before is not None:
        _put_back(connection, change, change.before)
        if change.kind == ChangeKind.RETIRED:
            store.ask_about(connection, change.subject, None)  # else the next night takes it out again
    nights.settle(connection, change, ChangeState.REVERTED)
    return channel


def _put_back(connection: Connection, change: Recorded, before: EntryState) -> None:
    """An entry stands where it stood, unless what it gave way to has given way itself to something that stays."""
    gave_way = change.kind in (ChangeKind.MERGED, ChangeKind.SUPERSEDED) and change.other is not None
    given = store.stored_by_id(connection, [change.other or ""]).get(change.other or "")
    if gave_way and change.after is not None and given is not None and given.state in _BEHIND:
        store.move(connection, change.subject, _behind(change.after, given.state), given.successor)
    elif before is EntryState.DISPUTED and change.kind != ChangeKind.RESTORED:
        store.move(connection, change.subject, before, _other_side(connection, change.subject))
    else:
        store.move(connection, change.subject, before, change.other if before in _POINTS else None)


def _other_side(connection: Connection, entry_id: str) -> str | None:
    """What a disputed entry contradicts: it points to it, or a night said so of a document, which does not."""
    sides = store.stored_under(connection, entry_id)
    found = [one.entry.id for one in sides if one.state is EntryState.DISPUTED]
    said = nights.changes_on(connection, entry_id)
    found += [one.other for one in said if one.kind == ChangeKind.DISPUTED and one.other is not None]
    return next(iter(found), None)


def _behind(state: EntryState, beyond: EntryState) -> EntryState:
    """What an entry is to that which stands for what stands for it."""
    return EntryState.MERGED if state is beyond is EntryState.MERGED else EntryState.SUPERSEDED


def _take_out(connection: Connection, change: Recorded, state: EntryState | None, now: datetime) -> None:
    """An entry that the night added goes; what later nights put under it stands for itself again, or behind what this
    one gave way to."""
    if state in (None, EntryState.REJECTED, EntryState.RETIRED):
        return
    gone = store.stored_by_id(connection, [change.subject])[change.subject]
    store.move(connection, change.subject, EntryState.RETIRED)
    under = store.stored_under(connection, change.subject)
    if state in _BEHIND and gone.successor is not None:
        for one in under:
            if one.state in _BEHIND:
                store.move(connection, one.entry.id, _behind(one.state, state), gone.successor)
        under = [one for one in under if one.state not in _BEHIND]
    for restored in relations.restored(under, EntryState.REJECTED):
        nights.apply(connection, BY_HAND, restored, now)


async def still_true(bot: Bot, entry_id: str, holds: bool, by: str) -> str:
    """The answer to whether an entry still holds: it counts as proven now, or is taken out."""
    now = bot.clock.now()

    def take(connection: Connection) -> bool:
        if store.state_of(connection, entry_id) is not EntryState.ACTIVE:
            return False
        said = Kind.CONFIRMED if holds else Kind.RETIRED
        audit.put(connection, said, now, subject=entry_id, actor=by)
        if holds:
            return store.prove(connection, entry_id, now)
        retired = Change(
            kind=ChangeKind.RETIRED,
            entry=entry_id,
            before=EntryState.ACTIVE,
            after=EntryState.RETIRED,
            why="a person said that it no longer holds",
        )
        under = relations.restored(store.stored_under(connection, entry_id), EntryState.RETIRED)
        return all(nights.apply(connection, BY_HAND, change, now) for change in (retired, *under))

    done = await bot.database.run(take)
    await bot.knowledge.follow()
    log.info("%s said of %s: %s", by, entry_id, "it holds" if holds else "it no longer holds")
    if not done:
        return f"{entry_id} is not in use any more; nothing was changed."
    return "Noted: it still holds." if holds else "It is retired and will not be cited again."


async def settle_dispute(bot: Bot, first: str, second: str, keep: str, by: str) -> str:
    """Decide between two entries that contradict each other: ``keep`` is first, second or both."""
    now = bot.clock.now()

    def take(connection: Connection) -> int:
        found = store.stored_by_id(connection, [first, second])
        if len(found) < 2:
            return 0
        changes = relations.settle(found[first], found[second], _VERDICTS[keep])
        audit.put(connection, Kind.SETTLED, now, subject=first, actor=by, other=second, keep=keep)
        return sum(nights.apply(connection, BY_HAND, change, now) for change in changes)

    done = await bot.database.run(take)
    await bot.knowledge.follow()
    log.info("%s decided between %s and %s: %s", by, first, second, keep)
    return "Decided." if done else "That was decided already, or one of them is gone; nothing was changed."


def _audit(
    connection: Connection, kind: Kind, subject: str, by: str, now: datetime, changes: Sequence[Recorded]
) -> None:
    """Note what somebody decided, by the numbers of the changes, if there was anything to decide."""
    if changes:
        numbers = [str(change.id) for change in changes]
        audit.put(connection, kind, now, subject=subject, actor=by, changes=numbers)


def _waiting(connection: Connection, subject: str, now: datetime) -> list[Recorded]:
    """What is proposed of a night, or about an entry. Also an entry waits that no night proposed: it was kept by hand,
    read from a recording, or what stood for it is gone."""
    of_night = nights.changes_of(connection, subject, ChangeState.PROPOSED)
    about = [change for change in nights.changes_on(connection, subject) if _waits(change)]
    if of_night or about or store.state_of(connection, subject) is not EntryState.PENDING:
        return of_night or about
    given = Change(kind=ChangeKind.ADDED, entry=subject, before=None, after=EntryState.ACTIVE)
    nights.propose(connection, BY_HAND, given, now)
    return [change for change in nights.changes_on(connection, subject) if _waits(change)]


def _waits(change: Recorded) -> bool:
    return change.state is ChangeState.PROPOSED


def _change(change: Recorded) -> Change:
    assert change.after is not None
    return Change(
        kind=ChangeKind(change.kind),
        entry=change.subject,
        before=change.before,
        after=change.after,
        other=change.other,
        why=change.why,
    )


def _counted(changes: Sequence[Recorded]) -> str:
    entries = sum(change.kind != OUTCOME for change in changes)
    return f"{entries} change{'' if entries == 1 else 's'}"

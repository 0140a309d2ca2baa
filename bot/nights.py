"""I/O: nights and what they changed. A night is claimed by its date, so that each happens once, whoever runs it.

As in `bot.ledger` every function takes a Connection inside a transaction of `Database.run`.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import audit
from bot.audit import Kind
from bot.report import NightReport, report_from
from bot.tables import (
    first_answers,
    messages,
    moment,
    night_changes,
    nights,
    outcomes,
    seconds,
    suggestions,
    tickets,
)
from bot.tickets import TicketState
from knowledge import relations, store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.cues import asks_for_help
from knowledge.entry import EntryState, KnowledgeEntry
from knowledge.store import Stored

# A night whose process gave no sign for so long was cut off: another may go on with it.
LEASE = timedelta(minutes=10)

WORTH = "worth keeping"
BY_HAND = "by hand"  # the "night" of what people decide about single entries
OUTCOME = "outcome"  # kind of a change whose subject is a message: what its thread showed of an answer


class NightState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REVERTED = "reverted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """A change as a night recorded it; ``id`` gives their order."""

    id: int
    night: str
    kind: str
    subject: str
    other: str | None
    before: EntryState | None
    after: EntryState | None
    why: str
    doubts: tuple[str, ...]
    state: ChangeState


# ---- when -----------------------------------------------------


def last_due(now: datetime, at: time, zone: tzinfo) -> date:
    """The date of the night that began last. A time that a clock change leaves out or repeats still begins one night:
    the zone gives each local time of a date exactly one instant."""
    today = now.astimezone(zone).date()
    return today if begins(today, at, zone) <= now else today - timedelta(days=1)


def begins(night: date, at: time, zone: tzinfo) -> datetime:
    """The instant at which a night begins."""
    return datetime.combine(night, at, tzinfo=zone).astimezone(_UTC)


def next_night(connection: Connection, now: datetime, at: time, zone: tzinfo) -> datetime | None:
    """When the next night begins that has something to learn from; None if nothing is closed."""
    if not count_closed(connection):
        return None
    due = last_due(now, at, zone)
    if is_due(connection, due.isoformat(), now):
        return now
    return begins(due + timedelta(days=1), at, zone)


_UTC = moment(0).tzinfo


# ---- which -----------------------------------------------------


def claim(connection: Connection, night: str, owner: str, now: datetime, *, again: bool = False) -> bool:
    """Take a night on; False if it is done, reverted, or another process is at it. ``again`` takes on a done one."""
    row = night_row(connection, night)
    values = {"owner": owner, "beat_at": seconds(now), "state": NightState.RUNNING.value}
    if row is None:
        connection.execute(
            insert(nights).values(date=night, related=0, tokens=0, begun_at=seconds(now), **values)
        )
        return True
    if row.state == NightState.RUNNING:
        free = row.owner == owner or moment(row.beat_at) <= now - LEASE
    else:
        free = again and row.state == NightState.DONE
    if free:
        connection.execute(update(nights).where(nights.c.date == night).values(**values))
    return free


def is_due(connection: Connection, night: str, now: datetime) -> bool:
    """Whether the night of this date is to be begun, or was cut off and is to be ended."""
    row = night_row(connection, night)
    if row is not None:
        return row.state == NightState.RUNNING and moment(row.beat_at) <= now - LEASE
    later = select(nights.c.date).where(nights.c.date > night).limit(1)
    return connection.execute(later).first() is None


def night_row(connection: Connection, night: str) -> Row[Any] | None:
    return connection.execute(select(nights).where(nights.c.date == night)).first()


def last_nights(connection: Connection, most: int) -> list[Row[Any]]:
    """The latest nights, newest first."""
    return list(connection.execute(select(nights).order_by(nights.c.date.desc()).limit(most)).all())


def beat(connection: Connection, night: str, now: datetime) -> None:
    """Say that somebody is still at it."""
    connection.execute(update(nights).where(nights.c.date == night).values(beat_at=seconds(now)))


def mark_related(connection: Connection, night: str, last: int, now: datetime) -> None:
    """Note up to which of its changes a night compared what it added."""
    values = {"related": last, "beat_at": seconds(now)}
    connection.execute(update(nights).where(nights.c.date == night).values(**values))


def put_before(connection: Connection, night: str, answers: str) -> None:
    """Keep what past questions were answered with before the night: message ids and entry ids, as JSON."""
    connection.execute(update(nights).where(nights.c.date == night).values(before=answers))


def finish(connection: Connection, report: NightReport, now: datetime) -> None:
    done = {"state": NightState.DONE.value, "before": None, "ended_at": seconds(now), "report": report.json()}
    connection.execute(update(nights).where(nights.c.date == report.date).values(**done))
    counts = {name: getattr(report, name) for name in ("threads", "added", "pending", "retired", "expired")}
    audit.put(connection, Kind.NIGHT, now, subject=report.date, **counts)


def mark_reverted(connection: Connection, night: str) -> None:
    connection.execute(update(nights).where(nights.c.date == night).values(state=NightState.REVERTED.value))


def is_reverted(connection: Connection, night: str) -> bool:
    """Whether a night was taken back."""
    row = night_row(connection, night)
    return row is not None and row.state == NightState.REVERTED


def report_of(connection: Connection, night: str) -> NightReport | None:
    """What a night came to; None if it is not done."""
    row = night_row(connection, night)
    return None if row is None or row.report is None else report_from(row.report)


def spend(connection: Connection, night: str, tokens: int, now: datetime) -> None:
    """Count the tokens that a night took."""
    spent = {"tokens": nights.c.tokens + tokens, "beat_at": seconds(now)}
    connection.execute(update(nights).where(nights.c.date == night).values(**spent))


# ---- changes -----------------------------------------------------


def apply(connection: Connection, night: str, change: Change, now: datetime) -> bool:
    """Do a change and record it; False (and nothing done) if the entry is not in the state it begins from."""
    if store.state_of(connection, change.entry) is not change.before:
        return False
    take_effect(connection, change, now)
    record(connection, night, change, now, ChangeState.APPLIED)
    return True


def take_effect(connection: Connection, change: Change, now: datetime) -> None:
    """Do a change without recording it."""
    if change.kind is ChangeKind.ASKED:
        store.ask_about(connection, change.entry, now)
    else:
        # What is back stands for itself; its change names what it stood behind only so that it can be undone.
        other = None if change.kind is ChangeKind.RESTORED else change.other
        store.move(connection, change.entry, change.after, other)


def propose(connection: Connection, night: str, change: Change, now: datetime) -> None:
    """Put a change before the admins, unless it waits already."""
    if not any(one.state is ChangeState.PROPOSED for one in changes_on(connection, change.entry)):
        record(connection, night, change, now, ChangeState.PROPOSED)


def record(connection: Connection, night: str, change: Change, now: datetime, state: ChangeState) -> None:
    """Keep what is proposed, or was done."""
    kept = connection.execute(
        insert(night_changes).values(
            night=night,
            kind=change.kind.value,
            subject=change.entry,
            other=change.other,
            before=None if change.before is None else change.before.value,
            after=change.after.value,
            why=change.why,
            doubts=json.dumps(list(change.doubts), ensure_ascii=False),
            state=state.value,
            at=seconds(now),
        )
    )
    kind = Kind.PROPOSED if state is ChangeState.PROPOSED else Kind.LEARNT
    _audit(connection, kind, change.entry, now, night, change.kind.value, kept.inserted_primary_key)


def _audit(
    connection: Connection, kind: Kind, subject: str, now: datetime, night: str, change: str, key: Any
) -> None:
    """Note a change by its number in `night_changes`, which says more."""
    audit.put(connection, kind, now, subject=subject, night=night, change=change, number=key[0])


def outcomes_in(connection: Connection, conversation: str) -> dict[str, str]:
    """What was read off a thread so far: (outcome, shadow, at) as JSON, by message."""
    query = (
        select(outcomes)
        .join(messages, messages.c.id == outcomes.c.message_id)
        .where(messages.c.conversation == conversation)
    )
    rows = connection.execute(query).all()
    return {row.message_id: json.dumps([row.outcome, bool(row.shadow), row.at]) for row in rows}


def record_outcome(
    connection: Connection, night: str, message_id: str, now: datetime, earlier: str | None
) -> None:
    """Keep that a night read off a thread what became of an answer, and what was read ``earlier`` (as `outcomes_in`
    gives it), so that it can be taken back."""
    values = {"kind": OUTCOME, "subject": message_id, "other": earlier, "why": "", "doubts": "[]"}
    values |= {"night": night, "state": ChangeState.APPLIED.value}
    kept = connection.execute(insert(night_changes).values(**values, at=seconds(now)))
    _audit(connection, Kind.LEARNT, message_id, now, night, OUTCOME, kept.inserted_primary_key)


def changes_of(connection: Connection, night: str, state: ChangeState | None = None) -> list[Recorded]:
    """What a night changed or proposes, in order."""
    query = select(night_changes).where(night_changes.c.night == night).order_by(night_changes.c.id)
    rows = connection.execute(query if state is None else query.where(night_changes.c.state == state.value))
    return [_recorded(row) for row in rows]


def changes_on(connection: Connection, subject: str) -> list[Recorded]:
    """Everything that nights did or propose about one entry, in order."""
    query = select(night_changes).where(night_changes.c.subject == subject).order_by(night_changes.c.id)
    return [_recorded(row) for row in connection.execute(query)]


def proposed(connection: Connection) -> list[Recorded]:
    """Everything that waits for an admin, oldest first."""
    query = select(night_changes).where(night_changes.c.state == ChangeState.PROPOSED.value)
    return [_recorded(row) for row in connection.execute(query.order_by(night_changes.c.id))]


def settle(connection: Connection, change: Recorded, state: ChangeState) -> None:
    """Say what became of a change."""
    connection.execute(update(night_changes).where(night_changes.c.id == change.id).values(state=state.value))


def added_after(connection: Connection, night: str, last: int, most: int) -> list[tuple[int, str]]:
    """The entries that a night added after its change number ``last`` and that count already: (change, entry)."""
    query = (
        select(night_changes.c.id, night_changes.c.subject)
        .where(night_changes.c.night == night, night_changes.c.id > last)
        .where(night_changes.c.kind == ChangeKind.ADDED.value)
        .where(night_changes.c.state == ChangeState.APPLIED.value)
        .order_by(night_changes.c.id)
        .limit(most)
    )
    return [(row.id, row.subject) for row in connection.execute(query)]


_WENT_ON = "its thread went on"
_TEACHES_NO_MORE = "its thread went on and teaches it no more"


def replace_older(
    connection: Connection, night: str, origin: str, entry: KnowledgeEntry | None, now: datetime
) -> None:
    """What a thread taught before it went on gives way to what it teaches now, if to anything: what is known once that
    is known itself, what waits at once."""
    state = None if entry is None else store.state_of(connection, entry.id)
    if state not in (None, EntryState.ACTIVE, EntryState.PENDING):
        return  # people took it out, or something else stands for it
    for stored in store.stored_from(connection, origin):
        waits = stored.state is EntryState.PENDING
        counts = stored.state in (EntryState.ACTIVE, EntryState.DISPUTED)
        other = entry is None or stored.entry.id != entry.id
        if other and (waits or (counts and state is not EntryState.PENDING)):
            apply(connection, night, _outdated(stored, entry), now)
        if other and waits:
            drop_proposals(connection, stored.entry.id)
        if other and stored.state is EntryState.DISPUTED and state is not EntryState.PENDING:
            _free(connection, night, stored.entry.id, now)


def _free(connection: Connection, night: str, entry_id: str, now: datetime) -> None:
    """What an entry contradicted, and only that, is known again: it is compared anew with what stands there now."""
    under = store.stored_under(connection, entry_id)
    for change in relations.restored([one for one in under if one.state is EntryState.DISPUTED]):
        apply(connection, night, replace(change, other=entry_id), now)


def _outdated(stored: Stored, entry: KnowledgeEntry | None) -> Change:
    return Change(
        kind=ChangeKind.RETIRED if entry is None else ChangeKind.SUPERSEDED,
        entry=stored.entry.id,
        before=stored.state,
        after=EntryState.RETIRED if entry is None else EntryState.SUPERSEDED,
        other=None if entry is None else entry.id,
        why=_TEACHES_NO_MORE if entry is None else _WENT_ON,
    )


def bring_back(connection: Connection, night: str, entry_id: str, now: datetime) -> None:
    """An entry that gave way because its thread went on stands as before, where the thread teaches it once more."""
    done = [one for one in changes_on(connection, entry_id) if one.state is ChangeState.APPLIED]
    last = done[-1] if done else None
    if last is None or last.why not in (_WENT_ON, _TEACHES_NO_MORE) or last.before is None:
        return
    change = Change(
        kind=ChangeKind.RESTORED,
        entry=entry_id,
        before=last.after,
        after=last.before,
        other=last.other,
        why="its thread teaches it again",
    )
    apply(connection, night, change, now)


def was_retired(connection: Connection, entry_id: str) -> bool:
    """Whether it was a night that took an entry out, no person."""
    done = [one for one in changes_on(connection, entry_id) if one.state is ChangeState.APPLIED]
    return bool(done) and done[-1].kind == ChangeKind.RETIRED and done[-1].night != BY_HAND


def drop_proposals(connection: Connection, entry_id: str) -> None:
    """Nobody is to decide any more about what waits of an entry."""
    for change in changes_on(connection, entry_id):
        if change.state is ChangeState.PROPOSED:
            settle(connection, change, ChangeState.REJECTED)


def take_back_outcome(connection: Connection, change: Recorded) -> str | None:
    """Let what a night read off a thread be what it was before; the channel it was in, or None if nothing changes:
    it was forgotten, or a later night has read it anew."""
    here = outcomes.c.message_id == change.subject
    channel: str | None = connection.scalar(select(outcomes.c.channel).where(here))
    later = [one for one in changes_on(connection, change.subject) if one.id > change.id]
    read = next((one for one in later if one.kind == OUTCOME and one.state is ChangeState.APPLIED), None)
    if read is not None:  # taken back itself, it is to leave what was before this one
        same = night_changes.c.id == read.id
        connection.execute(update(night_changes).where(same).values(other=change.other))
        return None
    if channel is None or change.other is None:
        connection.execute(delete(outcomes).where(here))
        return channel
    outcome, shadow, at = json.loads(change.other)
    connection.execute(update(outcomes).where(here).values(outcome=outcome, shadow=shadow, at=at))
    return channel


def count_closed(connection: Connection) -> int:
    """How many closed threads wait to be learnt from."""
    waiting = (tickets.c.learnt.is_(False), tickets.c.state == TicketState.CLOSED.value)
    return connection.scalar(select(func.count()).select_from(tickets).where(*waiting)) or 0


def unlearnt(connection: Connection, conversations: Collection[str]) -> frozenset[str]:
    """Those of the conversations that are closed and still to be learnt from."""
    waiting = (tickets.c.learnt.is_(False), tickets.c.state == TicketState.CLOSED.value)
    named = tickets.c.conversation.in_(bindparam("ids", expanding=True))
    query = select(tickets.c.conversation).where(named, *waiting)
    some, found = list(conversations), set[str]()
    for start in range(0, len(some), store.BATCH):
        found.update(connection.scalars(query, {"ids": some[start : start + store.BATCH]}))
    return frozenset(found)


def is_unlearnt(connection: Connection, conversation: str) -> bool:
    """Whether a conversation is closed and still to be learnt from."""
    return bool(unlearnt(connection, [conversation]))


def open_questions(connection: Connection, since: datetime, most: int) -> list[str]:
    """Questions in conversations closed since then that neither another person nor we answered, newest first."""
    answered = exists().where(first_answers.c.conversation == tickets.c.conversation)
    ours = exists().where(
        suggestions.c.conversation == tickets.c.conversation,
        suggestions.c.posted_id.is_not(None),
        suggestions.c.removed.is_(False),
    )
    closed = (tickets.c.state == TicketState.CLOSED.value, tickets.c.closed_at >= seconds(since))
    query = (
        select(messages.c.id, messages.c.text)
        .join(tickets, tickets.c.conversation == messages.c.id)
        .where(*closed, ~answered, ~ours)
        .order_by(tickets.c.closed_at.desc(), messages.c.id)
    )
    asked = (row.id for row in connection.execute(query) if asks_for_help(row.text))
    return list(islice(asked, most))


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        id=row.id,
        night=row.night,
        kind=row.kind,
        subject=row.subject,
        other=row.other,
        before=None if row.before is None else EntryState(row.before),
        after=None if row.after is None else EntryState(row.after),
        why=row.why,
        doubts=tuple(json.loads(row.doubts)),
        state=ChangeState(row.state),
    )


def totals(changes: Sequence[Recorded]) -> dict[str, int]:
    """How many changes of each kind a night made, and how many wait."""
    counted: dict[str, int] = {}
    for change in changes:
        kind = "pending" if change.state is ChangeState.PROPOSED else change.kind
        counted[kind] = counted.get(kind, 0) + 1
    return counted

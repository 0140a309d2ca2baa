"""I/O: the report of a night for the admins: queued once, and put into words when it is shown.

Runs in a transaction of its caller. Nothing of what somebody said is kept for it: what is forgotten is not told.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from bot import cards, drafts, ledger, nights
from bot.card import Card
from bot.cards import CardKind, Press
from bot.config import Config
from bot.digest import (
    Asked,
    Decision,
    DigestTexts,
    Named,
    Pair,
    Waiting,
    digest_card,
    is_worth_telling,
)
from bot.places import place_of
from bot.report import NightReport, report_from
from bot.tables import night_changes, saved
from knowledge import store
from knowledge.audience import audience_of, audiences_for
from knowledge.changes import ChangeKind, ChangeState
from knowledge.entry import EntryKind, EntryState, PassageKind
from knowledge.store import Stored

log = logging.getLogger("earshot")

RETOLD = timedelta(days=90)  # nobody looks at a report that is older

_KINDS = frozenset(ChangeKind)  # other rows of a night are about messages and channels


def put_digest(connection: Connection, config: Config, report: NightReport, now: datetime) -> None:
    """Queue the report for every place that gets it, once for each night and place. An empty night is not told."""
    waiting = len(_proposed(connection, report.date)) + len(store.in_state(connection, EntryState.PENDING, 1))
    if not is_worth_telling(report, waiting):
        return
    places = config.night.digest_to or tuple(sorted(config.admins))
    if not places:
        log.warning("the night of %s: nobody gets its digest; set admins or night.digest_to", report.date)
    for place in places:
        cards.put_card(connection, CardKind.DIGEST, report.date, place, now, report.json())


def refresh(connection: Connection, night: str, now: datetime) -> None:
    """The reports of a night that stand somewhere are to say how things are now."""
    cards.show_again(connection, CardKind.DIGEST, night, now)


def retell(connection: Connection, gone: set[str], now: datetime) -> None:
    """The reports that stand somewhere and name any of these messages or entries are not to name them any more."""
    named_by = select(night_changes.c.night).where(
        or_(night_changes.c.subject.in_(gone), night_changes.c.other.in_(gone))
    )
    nights = set(connection.execute(named_by).scalars())
    for row in cards.standing(connection, CardKind.DIGEST, now - RETOLD):
        report = report_from(row.content)
        if row.subject in nights or gone & {*report.open_questions, *report.best}:
            cards.show_one_again(connection, row, now)


def card_of(connection: Connection, config: Config, row: Row[Any]) -> Card:
    """The report as the readers of its channel may see it now."""
    report = report_from(row.content)
    return digest_card(report, texts_of(connection, config, report, row.channel))


# ---- words for ids ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """The entries that a report names, and the audiences (``allowed``) that the readers of ``channel`` may see."""

    channel: str
    allowed: frozenset[str]
    stored: Mapping[str, Stored]
    savers: Mapping[str, str] = field(default_factory=dict)
    private: Counter[str] = field(default_factory=Counter)

    def may_see(self, entry_id: str) -> bool:
        return self.stored[entry_id].entry.audience in self.allowed

    def seen(self, what: str, ids: Iterable[str]) -> Iterator[str]:
        """Those of ``ids`` that exist and may be told; the others are counted as ``what``."""
        for entry_id in ids:
            if entry_id in self.stored and self.may_see(entry_id):
                yield entry_id
            elif entry_id in self.stored:
                self.private[what] += 1

    def named(self, entry_id: str) -> Named:
        return named(self.stored[entry_id])


def texts_of(connection: Connection, config: Config, report: NightReport, channel: str) -> DigestTexts:
    """What ``report`` names, for the readers of ``channel``."""
    night = _night(connection, report.date)
    reader = _Reader(
        channel=channel,
        allowed=audiences_for(place_of(connection, config, ledger.channel_of(connection, channel))),
        stored=store.stored_by_id(connection, _ids(report, night)),
        savers=_savers(connection, night.waiting),
    )
    return DigestTexts(
        best=tuple(map(reader.named, reader.seen("entry", _standing(report, reader)))),
        waiting=tuple(
            _told(reader, night.waiting[one], one) for one in reader.seen("waiting", night.waiting)
        ),
        pairs=tuple(_undecided(night, reader)),
        unproven=tuple(map(reader.named, reader.seen("asked", _unanswered(night, reader)))),
        questions=tuple(_questions(connection, config, report, reader)),
        decisions=tuple(_decision(press, reader) for press in night.decided),
        reverted=nights.is_reverted(connection, report.date),
        own_waiting=sum(row is not None for one, row in night.waiting.items() if one in reader.stored),
        private=reader.private,
    )


def named(stored: Stored) -> Named:
    """An entry in the words that a report has for it."""
    entry = stored.entry
    solutions = entry.of(PassageKind.SOLUTION) or entry.passages
    dates = [passage.at for passage in entry.passages if passage.at is not None]
    return Named(
        id=entry.id,
        title=entry.title,
        link=next((passage.link for passage in solutions if passage.link), None),
        at=max(dates, default=entry.known_from),
        says=solutions[0].text if solutions else "",
    )


def _ids(report: NightReport, night: "_Night") -> set[str]:
    others = {row.other for row in night.waiting.values() if row is not None and row.other is not None}
    paired = {one for pair in night.pairs for one in pair}
    pressed = {one for press in night.decided for one in press.subjects}
    return {*report.best, *night.waiting, *others, *paired, *night.asked, *pressed}


def _is(reader: _Reader, entry_id: str, state: EntryState) -> bool:
    return entry_id in reader.stored and reader.stored[entry_id].state is state


def _standing(report: NightReport, reader: _Reader) -> list[str]:
    """The best new entries that nobody took out since."""
    gone = (EntryState.REJECTED, EntryState.RETIRED)
    return [one for one in report.best if one in reader.stored and reader.stored[one].state not in gone]


def _undecided(night: "_Night", reader: _Reader) -> Iterator[Pair]:
    """The contradictions about which nobody has decided."""
    for first, second in night.pairs:
        if not (_is(reader, first, EntryState.DISPUTED) and _stands_against(reader, second)):
            continue
        if reader.may_see(first) and reader.may_see(second):
            yield Pair(first=reader.named(first), second=reader.named(second))
        else:
            reader.private["pair"] += 1


def _stands_against(reader: _Reader, entry_id: str) -> bool:
    """Whether an entry is the other side of a dispute; a document goes on to be quoted meanwhile."""
    if _is(reader, entry_id, EntryState.ACTIVE):
        return reader.stored[entry_id].entry.kind is not EntryKind.THREAD
    return _is(reader, entry_id, EntryState.DISPUTED)


def _unanswered(night: "_Night", reader: _Reader) -> list[str]:
    """The entries of which nobody has said since whether they still hold."""
    open_ = (one for one in night.asked if _is(reader, one, EntryState.ACTIVE))
    return [one for one in open_ if reader.stored[one].asked_at is not None]


# ---- what a night did ------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Night:
    """What a night did to entries, and what people decided about it, by ids.

    ``waiting``: what waits for approval, with the change of this night that it is part of, if it is.
    """

    changes: Sequence[Row[Any]]
    decided: Sequence[Press]
    waiting: Mapping[str, Row[Any] | None]
    pairs: Sequence[tuple[str, str]]
    asked: Sequence[str]


def _night(connection: Connection, date: str) -> _Night:
    changes, decided = _changes(connection, date), cards.presses_on(connection, date)
    settled = {one for press in decided if press.about.startswith("approval ") for one in press.subjects}
    return _Night(
        changes=changes,
        decided=decided,
        waiting=_waiting(connection, changes, settled),
        pairs=_pairs(changes),
        asked=[row.subject for row in changes if _applied(row, ChangeKind.ASKED)],
    )


def _changes(connection: Connection, night: str) -> list[Row[Any]]:
    of_night = select(night_changes).where(night_changes.c.night == night).order_by(night_changes.c.id)
    return [row for row in connection.execute(of_night).all() if row.kind in _KINDS]


def _proposed(connection: Connection, night: str) -> list[Row[Any]]:
    return [row for row in _changes(connection, night) if row.state == ChangeState.PROPOSED]


def _applied(row: Row[Any], kind: ChangeKind) -> bool:
    return bool(row.kind == kind and row.state == ChangeState.APPLIED)


def _waiting(
    connection: Connection, changes: Iterable[Row[Any]], settled: set[str]
) -> dict[str, Row[Any] | None]:
    found: dict[str, Row[Any] | None] = {
        row.subject: row for row in changes if row.state == ChangeState.PROPOSED
    }
    for stored in store.in_state(connection, EntryState.PENDING):
        found.setdefault(stored.entry.id, None)
    return {one: row for one, row in found.items() if one not in settled}


def _savers(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Who kept which of these entries by hand."""
    by_hand = select(saved.c.entry_id, saved.c.by).where(saved.c.entry_id.in_(list(ids)))
    return {row.entry_id: row.by for row in connection.execute(by_hand)}


def _told(reader: _Reader, row: Row[Any] | None, entry_id: str) -> Waiting:
    if row is None:
        by = reader.savers.get(entry_id)
        why = "waits since another night" if by is None else f"saved by {drafts.called(by)}"
        return Waiting(kind=ChangeKind.ADDED, entry=reader.named(entry_id), doubts=(why,))
    other = row.other if row.other in reader.stored and reader.may_see(row.other) else None
    return Waiting(
        kind=ChangeKind(row.kind),
        entry=reader.named(entry_id),
        other=None if other is None else reader.named(other),
        doubts=tuple(json.loads(row.doubts)) or ((row.why,) if row.why else ()),
    )


def _pairs(changes: Iterable[Row[Any]]) -> list[tuple[str, str]]:
    """The contradictions that a night found, each once."""
    found: dict[frozenset[str], tuple[str, str]] = {}
    for row in changes:
        if _applied(row, ChangeKind.DISPUTED) and row.other is not None:
            found.setdefault(frozenset((row.subject, row.other)), (row.subject, row.other))
    return list(found.values())


def _questions(
    connection: Connection, config: Config, report: NightReport, reader: _Reader
) -> Iterator[Asked]:
    for message_id in report.open_questions:
        row = ledger.message_row(connection, message_id)
        if row is None:
            continue  # deleted since
        asked_in = place_of(connection, config, ledger.channel_of(connection, row.channel))
        if audience_of(asked_in) in reader.allowed or row.channel == reader.channel:
            yield Asked(text=row.text, link=row.link or "")
        else:
            reader.private["question"] += 1


def _decision(press: Press, reader: _Reader) -> Decision:
    seen = (one for one in press.subjects if one in reader.stored and reader.may_see(one))
    return Decision(
        verb=press.verb, by=drafts.called(press.by), entries=tuple(reader.named(one) for one in seen)
    )

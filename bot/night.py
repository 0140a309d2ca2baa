"""The night: what closed threads teach, as one change set that can be taken back.

claim > what would be answered now > closed threads: worth it? > entries, active or waiting > how each stands to what is
known > what nobody confirmed for long > scales > what would be answered then > report. Each step is one or more small
transactions and safe to repeat: a night that was cut off is gone on with where it stopped.
"""

import json
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row

from bot import digests, drifts, ledger, nights, optouts, votes
from bot.config import Config
from bot.digest import MOST_ASKED
from bot.effect import answers_to, gained_and_lost, past_questions
from bot.forget import compact_due
from bot.handlers import Bot
from bot.nights import Recorded
from bot.report import NightReport, together
from bot.situation import policy_of, role_in, scale_of
from bot.surroundings import keep_solution, keep_surroundings, surroundings_of
from bot.tables import moment
from bot.tickets import Ticket
from bot.trusting import trust_counted
from bot.verdicts import keep_outcomes, recalibrate
from bot.weighing import SHIPPED, read_weights
from knowledge import ageing, relations, store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.distilled import entry_from
from knowledge.distiller import (
    Distilled,
    Distiller,
    DistilReport,
    DistilRequest,
    DistilResult,
    ExtractiveDistiller,
    NotWorth,
    request_of,
)
from knowledge.doubts import doubts_about
from knowledge.entry import HALF_LIFE, EntryKind, EntryState, KnowledgeEntry, PassageKind, audience_of
from knowledge.mine import Mined, corrected_entry, mine
from knowledge.search import Prepared
from knowledge.store import Stored
from knowledge.thread import Role, Thread, without_people

log = logging.getLogger("earshot")

Progress = Callable[[int, int, str], None]  # done, of how many, of what

BATCH = 20  # closed threads studied in one go, so that live messages get their turn
NEAREST = 5  # entries that a new one is compared with
OWNER = uuid.uuid4().hex  # this process, as it claims nights
ASKED = MOST_ASKED  # entries that people are asked about in one night: what the digest does not show retires unseen
BEST = 3  # new entries that the report names
OPEN = 5  # questions that nobody could answer that it names
OPEN_WITHIN = timedelta(days=7)
LEAST_TOKENS = 500  # that a model needs for one thread
UNCONFIRMED = "a single person says so, and nobody in charge"  # doubt about a correction
REJECTED_BEFORE = "a person rejected an answer from the same message"
TAKEN_OUT = "a person took the same answer out before"  # doubt about what a thread teaches again
MOVED = 0.01  # of the mean chance: less is not worth telling
RECENT = 100  # weighed messages that a channel's mean chance is taken over


@dataclass(frozen=True, kw_only=True, slots=True)
class Studied:
    """A closed thread as it was when it was studied (``said``: ids and texts), and what it teaches.

    ``thread`` is without those who opted out; None where nothing may be learnt from it. ``selected``: by a model.
    """

    ticket: Ticket
    said: tuple[tuple[str, str], ...]
    mined: Mined
    thread: Thread | None = None
    doubts: tuple[str, ...] = ()
    selected: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a model selected of the closed threads, and what it was asked about each."""

    asked: Mapping[str, DistilRequest] = field(default_factory=dict)
    result: DistilResult = field(default_factory=lambda: DistilResult(outcomes={}))


async def on_night(bot: Bot, *, thorough: bool = True) -> None:
    """Run the night that began last, unless it was run; one that was missed or cut off is caught up."""
    config, now = bot.config(), bot.clock.now()
    night = nights.last_due(now, config.night.at, config.tz)
    if await bot.database.run(lambda connection: nights.is_due(connection, night.isoformat(), now)):
        await run_night(bot, night, thorough=thorough)


async def run_night(
    bot: Bot, night: date, *, progress: Progress | None = None, again: bool = False, thorough: bool = True
) -> NightReport | None:
    """Learn from what is closed, under the date ``night``; None if that night is done or somebody else is at it.

    ``again`` goes on with a night that is done. Without ``thorough`` (replays) past questions are not asked again,
    nobody is told, and the store is not compacted.
    """
    name, now = night.isoformat(), bot.clock.now()
    if not await bot.database.run(lambda connection: nights.claim(connection, name, OWNER, now, again=again)):
        return None
    report = progress or _silent
    before = await _answers_before(bot, name, report) if thorough else {}
    threads, distilled = await _learn_closed(bot, name, report)
    await _learn_corrections(bot, name)
    await relate_added(bot, name, report)
    after_all = await bot.database.run(partial(_follow_up, bot=bot, night=name, now=now))
    await bot.knowledge.follow()
    after = await _answers(bot, list(before), report)
    told = replace(
        after_all,
        threads=threads.total(),
        not_worth={why: count for why, count in threads.most_common() if why != nights.WORTH},
        tried=len(after),
        distilled=distilled,
    )
    gained, lost = gained_and_lost(before, after)
    ended = await bot.database.run(
        partial(_conclude, bot=bot, report=replace(told, gained=gained, lost=lost), thorough=thorough)
    )
    if thorough:
        await compact_due(bot.database)
    return ended


def _conclude(connection: Connection, bot: Bot, report: NightReport, *, thorough: bool) -> NightReport:
    """End the night and have it told."""
    earlier = nights.report_of(connection, report.date)  # where it goes on with a night that was done
    report = report if earlier is None else together(earlier, report)
    nights.finish(connection, report, bot.clock.now())
    if thorough:
        digests.put_digest(connection, bot.config(), report, bot.clock.now())
    return report


# ---- closed threads -----------------------------------------------------


async def _learn_closed(bot: Bot, night: str, progress: Progress) -> tuple[Counter[str], Mapping[str, int]]:
    """Turn closed threads into entries, in small batches: how many came to what, and what selecting cost."""
    found: Counter[str] = Counter()
    total, done, offline = await bot.database.run(nights.count_closed), 0, 0
    async with bot.distilling() as distiller:
        chosen = await _select(bot, night, distiller)
        while studied := await bot.database.run(partial(_study, bot=bot, chosen=chosen, most=BATCH)):
            entries = [one.mined.entry for one in studied if one.mined.entry is not None]
            prepared = await bot.knowledge.prepare(entries)
            kept = await bot.database.run(partial(_keep, bot=bot, night=night, studied=studied, put=prepared))
            await bot.knowledge.follow()
            found.update(nights.WORTH if one.mined.entry is not None else one.mined.why for one in kept)
            offline += sum(one.mined.entry is not None and not one.selected for one in kept)
            done += len(kept)
            progress(done, max(total, done), "closed threads")
        await distiller.settle(chosen.result)
        asked = distiller.name != ExtractiveDistiller.name
    return found, cost_of(chosen.result.report, fell_back=offline if asked else 0)


async def _select(bot: Bot, night: str, distiller: Distiller) -> Selection:
    """Ask a model about the threads of the night, as far as its tokens go; offline nobody is asked.

    Also where nothing is left to ask about or to pay with: it fetches what was paid for, and lets go of batches.
    """
    if distiller.name == ExtractiveDistiller.name:
        return Selection()
    row = await bot.database.run(lambda connection: nights.night_row(connection, night))
    budget = bot.config().night.tokens
    asked = await _requests(bot, most=budget // LEAST_TOKENS + 1)
    result = await distiller.distil(
        list(asked.values()),
        night=night,
        tokens=budget - (0 if row is None else row.tokens),
        wanted=lambda threads: bot.database.run(partial(_wanted, bot=bot, night=night, threads=threads)),
    )
    spent = result.report.input_tokens + result.report.output_tokens
    await bot.database.run(lambda connection: nights.spend(connection, night, spent, bot.clock.now()))
    return Selection(asked=asked, result=result)


async def _requests(bot: Bot, most: int) -> dict[str, DistilRequest]:
    """What a model is to be asked, by thread, of the first closed threads."""
    closed = await bot.database.run(lambda connection: ledger.closed_unlearnt(connection, most))
    asked: dict[str, DistilRequest] = {}
    for start in range(0, len(closed), BATCH):
        some = closed[start : start + BATCH]
        for one in await bot.database.run(partial(_studied_all, bot=bot, closed=some)):
            if one.mined.entry is not None:
                asked[one.ticket.conversation] = request_of(one.mined.entry)
    return asked


def _wanted(connection: Connection, bot: Bot, night: str, threads: Collection[str]) -> frozenset[str]:
    nights.beat(
        connection, night, bot.clock.now()
    )  # a batch may take longer than a night without signs of life has
    return nights.unlearnt(connection, threads)


def cost_of(report: DistilReport, *, fell_back: int) -> dict[str, int]:
    """What a model was asked and took, for the night's report; nothing if none was to be asked."""
    if not report.calls and not fell_back:
        return {}
    counts = {name: getattr(report, name) for name in ("calls", "batched", "input_tokens", "output_tokens")}
    return {**counts, "fell_back": fell_back}


def _study(connection: Connection, bot: Bot, chosen: Selection, most: int) -> list[Studied]:
    closed = ledger.closed_unlearnt(connection, most)
    studied = _studied_all(connection, bot, closed)
    return [_doubted(connection, bot.config(), _selected(one, chosen)) for one in studied]


def _studied_all(connection: Connection, bot: Bot, closed: Sequence[Ticket]) -> list[Studied]:
    config, now = bot.config(), bot.clock.now()
    people = ledger.everybody(connection) if closed else {}
    unwilling = optouts.opted_out(connection)
    return [_studied(connection, config, ticket, people, unwilling, now) for ticket in closed]


def _studied(
    connection: Connection,
    config: Config,
    ticket: Ticket,
    people: Mapping[str, str],
    unwilling: frozenset[str],
    now: datetime,
) -> Studied:
    thread = ledger.thread(connection, ticket.conversation)
    said = () if thread is None else tuple((message.id, message.text) for message in thread.messages)
    channel = ledger.channel_of(connection, ticket.channel)
    policy = policy_of(config, channel, now)
    willing = None
    if thread is None or thread.asker != ticket.asker:  # the next to speak did not ask it
        mined = Mined(entry=None, why="its question was deleted")
    elif policy.mode == "off" or policy.external_blocked:
        mined = Mined(entry=None, why="its channel is off")  # where it is not to help it does not learn
    elif (willing := without_people(thread, unwilling)) is None:
        mined = Mined(entry=None, why="its asker opted out")
    else:
        mined = mine(
            willing,
            audience=audience_of(channel.id, private=channel.private, external=channel.external),
            closed_at=ledger.closed_at(connection, thread.id) or now,
            people=people,
            patterns=config.redact.patterns,
        )
    return Studied(ticket=ticket, said=said, mined=mined, thread=willing)


def _selected(studied: Studied, chosen: Selection) -> Studied:
    """The thread with what a model selected of it, if it is still what the model was asked about."""
    entry, thread = studied.mined.entry, studied.ticket.conversation
    if entry is None or thread not in chosen.asked or request_of(entry) != chosen.asked[thread]:
        return studied
    match chosen.result.outcomes.get(thread):
        case Distilled() as distilled:
            mined = replace(studied.mined, entry=entry_from(entry, distilled))
            return replace(studied, mined=mined, doubts=distilled.doubts, selected=True)
        case NotWorth(why=why):
            return replace(studied, mined=replace(studied.mined, entry=None, why=why))
        case _:
            return studied


def _doubted(connection: Connection, config: Config, studied: Studied) -> Studied:
    """The thread with what speaks against believing it unseen."""
    entry, thread = studied.mined.entry, studied.thread
    if entry is None or thread is None:
        return studied
    around = surroundings_of(connection, thread, entry, staffed=bool(config.analysts))
    doubts = doubts_about(thread, entry, around)
    own = (REJECTED_BEFORE,) if _was_partly_rejected(connection, entry) else ()
    return replace(studied, doubts=(*studied.doubts, *own, *(doubt.value for doubt in doubts)))


def _keep(
    connection: Connection, bot: Bot, night: str, studied: Sequence[Studied], put: Prepared
) -> list[Studied]:
    """Store what threads teach; those that changed since they were studied are left out, to be studied again."""
    now, review = bot.clock.now(), bot.config().night.approve == "review"
    nights.beat(connection, night, now)
    unwilling = optouts.opted_out(connection)
    kept = [one for one in studied if _is_unchanged(connection, one) and not _names_any(one, unwilling)]
    for one in kept:
        thread = ledger.thread(connection, one.ticket.conversation)
        earlier = nights.outcomes_in(connection, one.ticket.conversation)
        for message_id in keep_outcomes(connection, thread, now) if thread is not None else ():
            nights.record_outcome(connection, night, message_id, now, earlier.get(message_id))
        _take_in(connection, night, one, put, now, waits=review or bool(one.doubts))
        ledger.mark_learnt(connection, one.ticket.conversation)
    return kept


def _is_unchanged(connection: Connection, studied: Studied) -> bool:
    thread = ledger.thread(connection, studied.ticket.conversation)
    said = () if thread is None else tuple((message.id, message.text) for message in thread.messages)
    same = ledger.ticket(connection, studied.ticket.conversation) == studied.ticket
    return same and said == studied.said and nights.is_unlearnt(connection, studied.ticket.conversation)


def _names_any(studied: Studied, people: Collection[str]) -> bool:
    """Whether one of ``people``, who opted out meanwhile, says something in the thread, or put something on it."""
    messages = () if studied.thread is None else studied.thread.messages
    return any(
        user in people
        for message in messages
        for user in (message.user, *(reaction.user for reaction in message.reactions))
    )


def _take_in(
    connection: Connection, night: str, studied: Studied, put: Prepared, now: datetime, *, waits: bool
) -> None:
    """What a thread teaches, in place of what it taught before it went on."""
    entry = studied.mined.entry
    if entry is not None and _was_rejected(connection, entry):
        return
    if entry is not None and studied.thread is not None:
        remember = keep_solution if studied.doubts else keep_surroundings
        remember(connection, studied.thread, entry)
    if entry is not None:
        doubts = (*studied.doubts, *_taken_out(connection, entry))
        _add(connection, night, entry, studied.mined.why, doubts, put, now, waits)
        nights.bring_back(connection, night, entry.id, now)
    nights.replace_older(connection, night, studied.ticket.conversation, entry, now)


def _taken_out(connection: Connection, entry: KnowledgeEntry) -> tuple[str, ...]:
    """The doubt about a solution that people took out before, by itself or with its whole night."""
    before = (
        stored.entry
        for stored in store.stored_from(connection, entry.origin)
        if stored.state is EntryState.RETIRED and stored.entry.id != entry.id
    )
    same = (one.id for one in before if one.of(PassageKind.SOLUTION) == entry.of(PassageKind.SOLUTION))
    return () if all(nights.was_retired(connection, key) for key in same) else (TAKEN_OUT,)


def _was_rejected(connection: Connection, entry: KnowledgeEntry) -> bool:
    """Whether a person said no to this very solution of the thread, or to one that says this and more; what else was
    said since changes nothing."""
    solution = entry.of(PassageKind.SOLUTION)
    return any(
        all(passage.text in texts.get(passage.source, "") for passage in solution)
        for texts in _rejected(connection, entry)
    )


def _was_partly_rejected(connection: Connection, entry: KnowledgeEntry) -> bool:
    """Whether a person said no to a solution from one of the same messages: a model may pick other sentences of it."""
    sources = {passage.source for passage in entry.of(PassageKind.SOLUTION)}
    return any(sources & texts.keys() for texts in _rejected(connection, entry))


def _rejected(connection: Connection, entry: KnowledgeEntry) -> list[dict[str, str]]:
    """The solutions of the same thread that were rejected: what each took from which message."""
    return [
        {passage.source: passage.text for passage in stored.entry.of(PassageKind.SOLUTION)}
        for stored in store.stored_from(connection, entry.origin)
        if stored.state is EntryState.REJECTED
    ]


# ---- how new entries stand to what is known -----------------------------------------------------


async def relate_added(bot: Bot, night: str, progress: Progress) -> None:
    """Merge, supersede or dispute what a night added, one entry after the other, from where it stopped."""
    row = await bot.database.run(lambda connection: nights.night_row(connection, night))
    last, done = 0 if row is None else row.related, 0
    while added := await bot.database.run(partial(nights.added_after, night=night, last=last, most=BATCH)):
        for _, entry_id in added:
            await relate(bot, night, entry_id)
        last, done = added[-1][0], done + len(added)
        now = bot.clock.now()
        await bot.database.run(partial(nights.mark_related, night=night, last=last, now=now))
        progress(done, done, "new entries compared")


async def relate(bot: Bot, night: str, entry_id: str) -> None:
    """Do to an entry what follows from those that resemble it."""
    stored = await bot.database.run(
        lambda connection: store.stored_by_id(connection, [entry_id]).get(entry_id)
    )
    if stored is None or stored.state is not EntryState.ACTIVE:
        return  # forgotten, or merged already
    changes = relations.changes_for(stored, await bot.knowledge.alike(entry_id, NEAREST))
    if changes:
        now = bot.clock.now()
        config = bot.config()
        await bot.database.run(lambda connection: _apply_all(connection, config, night, changes, now))
        await bot.knowledge.follow()


def _apply_all(
    connection: Connection, config: Config, night: str, changes: Sequence[Change], now: datetime
) -> None:
    """All or nothing: of two sides of a dispute one alone would be wrong."""
    states = {change.entry: store.state_of(connection, change.entry) for change in changes}
    if all(states[change.entry] is change.before for change in changes):
        for change in changes:
            nights.apply(connection, night, change, now)
            if change.kind is ChangeKind.MERGED and change.other is not None:
                store.set_trust(connection, change.other, trust_counted(connection, config, change.other))


def _ask_about_stale(connection: Connection, config: Config, night: str, now: datetime) -> None:
    """Ask about entries that nobody confirmed for their half-life; those that nobody answered for go."""
    if not (config.night.digest_to or config.admins):
        return
    before = nights.changes_of(connection, night)  # where a night is gone on with
    changes = ageing.stale_changes(
        _unproven(connection, now),
        _unanswered(connection, now),
        now,
        askable=True,
        most=ASKED - sum(change.kind == ChangeKind.ASKED for change in before),
    )
    for change in changes:
        if change.kind is ChangeKind.RETIRED and config.night.approve == "review":
            nights.propose(connection, night, change, now)
        else:
            nights.apply(connection, night, change, now)


def _unproven(connection: Connection, now: datetime) -> list[Stored]:
    """The entries to ask about first. Those that people showed to hold meanwhile count as proven."""
    since = now - HALF_LIFE
    while found := store.unproven(connection, since, EntryKind.THREAD, ASKED):
        upheld = votes.last_upheld(connection, [one.entry.id for one in found])
        proven = {key: at for key, at in upheld.items() if at >= since}
        for key, at in proven.items():
            store.prove(connection, key, at)
        if not proven:
            break
    return found


def _unanswered(connection: Connection, now: datetime) -> list[Stored]:
    """The entries that people were asked about and nobody answered for, not even by a 👍."""
    found = store.unanswered(connection, now, ASKED)
    upheld = votes.last_upheld(connection, [one.entry.id for one in found])
    shown = {
        one.entry.id: upheld[one.entry.id]
        for one in found
        if one.entry.id in upheld and one.asked_at is not None and upheld[one.entry.id] >= one.asked_at
    }
    for key, at in shown.items():
        store.prove(connection, key, at)
    return [one for one in found if one.entry.id not in shown]


# ---- corrections -----------------------------------------------------


async def _learn_corrections(bot: Bot, night: str) -> None:
    """What people wrote as the right answer in place of ours becomes an entry; a customer's waits for approval."""
    found = await bot.database.run(partial(_corrected, bot=bot))
    prepared = await bot.knowledge.prepare([entry for _, entry, _ in found if entry is not None])

    def keep(connection: Connection) -> None:
        now, review = bot.clock.now(), bot.config().night.approve == "review"
        unwilling = optouts.opted_out(connection)
        for correction, entry, doubts in found:
            passages = () if entry is None else entry.passages
            if any(passage.author in unwilling for passage in passages):
                continue  # opted out meanwhile
            if any(ledger.was_erased(connection, passage.source) for passage in passages):
                continue  # deleted meanwhile
            if not votes.settle_correction(connection, correction, "learnt" if entry else "unusable"):
                continue  # forgotten meanwhile
            if entry is not None:
                _add(connection, night, entry, "a person corrected our answer", doubts, prepared, now, review)

    await bot.database.run(keep)
    await bot.knowledge.follow()


def _corrected(connection: Connection, bot: Bot) -> list[tuple[int, KnowledgeEntry | None, tuple[str, ...]]]:
    config, now = bot.config(), bot.clock.now()
    unwilling = optouts.opted_out(connection)
    rows = [row for row in votes.corrections_in(connection) if row.user not in unwilling]
    people = ledger.everybody(connection) if rows else {}
    return [(row.id, *_correction(connection, config, row, people, unwilling, now)) for row in rows]


def _correction(
    connection: Connection,
    config: Config,
    row: Row[Any],
    people: Mapping[str, str],
    unwilling: frozenset[str],
    now: datetime,
) -> tuple[KnowledgeEntry | None, tuple[str, ...]]:
    conversation = ledger.conversation_of(connection, row.message_id)
    thread = None if conversation is None else ledger.thread(connection, conversation)
    question = next((one for one in thread.messages if one.id == row.message_id), None) if thread else None
    if question is None or thread is None or question.user in unwilling:
        return None, ()
    channel = ledger.channel_of(connection, thread.channel)
    entry = corrected_entry(
        question,
        row.text,
        source=f"correction:{row.id}",
        author=row.user,
        at=moment(row.at),
        audience=audience_of(channel.id, private=channel.private, external=channel.external),
        closed_at=now,
        people=people,
        patterns=config.redact.patterns,
    )
    if entry is None:
        return None, ()
    own = () if role_in(connection, config, row.user) is Role.ANALYST else (UNCONFIRMED,)
    told = replace(question, id=f"correction:{row.id}", user=row.user, text=row.text)
    doubts = doubts_about(replace(thread, messages=(question, told)), entry)
    return entry, (*own, *(doubt.value for doubt in doubts))


def _add(
    connection: Connection,
    night: str,
    entry: KnowledgeEntry,
    why: str,
    doubts: tuple[str, ...],
    put: Prepared,
    now: datetime,
    review: bool,
) -> None:
    """Store a new entry and record it; what is doubted, or under review, waits."""
    waits = review or bool(doubts)
    if put(connection, [entry], EntryState.PENDING if waits else EntryState.ACTIVE):
        change = Change(
            kind=ChangeKind.ADDED,
            entry=entry.id,
            before=None,
            after=EntryState.ACTIVE,
            why=why,
            doubts=doubts,
        )
        nights.record(connection, night, change, now, ChangeState.PROPOSED if waits else ChangeState.APPLIED)


# ---- scales, effect, report -----------------------------------------------------


def _recalibrate(connection: Connection, config: Config, now: datetime) -> dict[str, tuple[float, float]]:
    """Count the scales anew that closed threads say something new about; the channels whose chances moved."""
    moved: dict[str, tuple[float, float]] = {}
    for channel in votes.uncalibrated(connection, read_weights(config.weights or SHIPPED).version, now):
        before = _mean_chance(connection, config, channel)
        recalibrate(connection, config, channel, now)
        after = _mean_chance(connection, config, channel)
        if abs(after - before) >= MOVED:
            moved[channel] = (round(before, 3), round(after, 3))
    return moved


def _mean_chance(connection: Connection, config: Config, channel: str) -> float:
    """What the channel's scale gives its latest weighed messages on average."""
    scale = scale_of(connection, config, channel)
    scores = [scale.score(features) for features in votes.latest_features(connection, channel, RECENT)]
    return sum(scores) / len(scores) if scores else 0.0


async def _answers_before(bot: Bot, night: str, progress: Progress) -> dict[str, str]:
    """What past questions are answered with before the night changes anything; kept, should it be cut off."""
    row = await bot.database.run(lambda connection: nights.night_row(connection, night))
    if row is not None and row.before is not None:
        return dict(json.loads(row.before))
    now = bot.clock.now()
    questions = await bot.database.run(lambda connection: past_questions(connection, now))
    answers = await _answers(bot, questions, progress)
    await bot.database.run(lambda connection: nights.put_before(connection, night, json.dumps(answers)))
    return answers


async def _answers(bot: Bot, questions: Sequence[str], progress: Progress) -> dict[str, str]:
    now = bot.clock.now()
    return await answers_to(bot.database, bot.knowledge, bot.config(), questions, now, progress)


def _follow_up(connection: Connection, bot: Bot, night: str, now: datetime) -> NightReport:
    """What follows once everything is learnt: trust, what grew old, scales, drift; the night in numbers so far."""
    config = bot.config()
    _ask_about_stale(connection, config, night, now)
    changes = nights.changes_of(connection, night)
    recount(connection, config, changes)
    moved = _recalibrate(connection, config, now)
    counted = nights.totals(changes)
    added = [
        change.subject
        for change in changes
        if change.kind == ChangeKind.ADDED and change.state is ChangeState.APPLIED
    ]
    return NightReport(
        date=night,
        added=len(added),
        pending=counted.get("pending", 0),
        merged=counted.get(ChangeKind.MERGED, 0),
        superseded=counted.get(ChangeKind.SUPERSEDED, 0),
        disputed=counted.get(ChangeKind.DISPUTED, 0),
        asked=counted.get(ChangeKind.ASKED, 0),
        retired=counted.get(ChangeKind.RETIRED, 0),
        best=_best(connection, added),
        open_questions=tuple(nights.open_questions(connection, now - OPEN_WITHIN, OPEN)),
        thresholds=moved,
        drift=drifts.check(connection, config, now),
    )


def recount(
    connection: Connection, config: Config, changes: Sequence[Recorded], others: Collection[str] = ()
) -> None:
    """Count anew the trust in what a night's changes speak about: entries quoted in threads that closed, and those
    that now stand for others; and in ``others``."""
    read = [change.subject for change in changes if change.kind == nights.OUTCOME]
    stands = {change.other for change in changes if change.kind == ChangeKind.MERGED and change.other}
    for entry_id in sorted({*others} | stands | votes.quoted_for(connection, read)):
        store.set_trust(connection, entry_id, trust_counted(connection, config, entry_id))


def _best(connection: Connection, added: Sequence[str]) -> tuple[str, ...]:
    """The new entries that say most: confirmed ones first, then those with the fuller solutions."""
    found = store.stored_by_id(connection, added).values()
    there = [stored.entry for stored in found if stored.state is EntryState.ACTIVE]
    return tuple(entry.id for entry in sorted(there, key=_fullness, reverse=True)[:BEST])


def _fullness(entry: KnowledgeEntry) -> tuple[bool, int]:
    return entry.confirmed, sum(len(passage.text) for passage in entry.of(PassageKind.SOLUTION))


def _silent(_done: int, _total: int, _what: str) -> None: ...

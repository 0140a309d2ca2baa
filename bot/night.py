"""The night: what closed threads teach, as one change set that can be taken back.

claim > what would be answered now > closed threads: worth it? > entries, active or waiting > how each stands to what is
known > what nobody confirmed for long > scales > what would be answered then > report. Each step is one or more small
transactions and safe to repeat: a night that was cut off is gone on with where it stopped.
"""

import json
import logging
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot import ledger, nights, optouts, votes
from bot.config import Config
from bot.effect import answers_to, gained_and_lost, past_questions
from bot.handlers import Bot
from bot.report import NightReport
from bot.situation import policy_of, scale_of
from bot.tickets import Ticket
from bot.verdicts import keep_outcomes, recalibrate
from bot.weighing import SHIPPED, read_weights
from knowledge import ageing, relations, store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.entry import HALF_LIFE, EntryKind, EntryState, KnowledgeEntry, PassageKind, audience_of
from knowledge.mine import Mined, mine
from knowledge.search import Prepared
from knowledge.store import Stored
from knowledge.thread import without_people

log = logging.getLogger("earshot")

Progress = Callable[[int, int, str], None]  # done, of how many, of what

BATCH = 20  # closed threads studied in one go, so that live messages get their turn
NEAREST = 5  # entries that a new one is compared with
OWNER = uuid.uuid4().hex  # this process, as it claims nights
ASKED = 10  # entries that people are asked about in one night: more is not read
BEST = 3  # new entries that the report names
OPEN = 5  # questions that nobody could answer that it names
OPEN_WITHIN = timedelta(days=7)
MOVED = 0.01  # of the mean chance: less is not worth telling
RECENT = 100  # weighed messages that a channel's mean chance is taken over


@dataclass(frozen=True, kw_only=True, slots=True)
class Studied:
    """A closed thread as it was when it was studied (``said``: ids and texts), and what it teaches."""

    ticket: Ticket
    said: tuple[tuple[str, str], ...]
    mined: Mined
    doubts: tuple[str, ...] = ()


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

    ``again`` goes on with a night that is done. Without ``thorough`` (replays) past questions are not asked again.
    """
    name, now = night.isoformat(), bot.clock.now()
    if not await bot.database.run(lambda connection: nights.claim(connection, name, OWNER, now, again=again)):
        return None
    report = progress or _silent
    before = await _answers_before(bot, name, report) if thorough else {}
    not_worth = await _learn_closed(bot, name, report)
    await relate_added(bot, name, report)
    await bot.database.run(lambda connection: _ask_about_stale(connection, bot.config(), name, now))
    await bot.knowledge.follow()
    moved = await bot.database.run(lambda connection: _recalibrate(connection, bot.config(), now))
    after = await _answers(bot, list(before), report)
    effect = gained_and_lost(before, after)

    def conclude(connection: Connection) -> NightReport:
        seen = not_worth + nights.threads_seen(
            connection, name
        )  # where it goes on with a night that was done
        told = _report(connection, name, seen, moved, len(after), effect, bot.clock.now())
        nights.finish(connection, told, bot.clock.now())
        return told

    return await bot.database.run(conclude)


# ---- closed threads -----------------------------------------------------


async def _learn_closed(bot: Bot, night: str, progress: Progress) -> Counter[str]:
    """Turn closed threads into entries, in small batches; how many threads came to what."""
    found: Counter[str] = Counter()
    total, done = await bot.database.run(nights.count_closed), 0
    while studied := await bot.database.run(lambda connection: _study(connection, bot)):
        entries = [one.mined.entry for one in studied if one.mined.entry is not None]
        prepared = await bot.knowledge.prepare(entries)
        kept = await bot.database.run(partial(_keep, bot=bot, night=night, studied=studied, put=prepared))
        await bot.knowledge.follow()
        found.update(nights.WORTH if one.mined.entry is not None else one.mined.why for one in kept)
        done += len(kept)
        progress(done, max(total, done), "closed threads")
    return found


def _study(connection: Connection, bot: Bot) -> list[Studied]:
    config, now = bot.config(), bot.clock.now()
    closed = ledger.closed_unlearnt(connection, BATCH)
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
    return Studied(ticket=ticket, said=said, mined=mined)


def _keep(
    connection: Connection, bot: Bot, night: str, studied: Sequence[Studied], put: Prepared
) -> list[Studied]:
    """Store what threads teach; those that changed since they were studied are left out, to be studied again."""
    now, review = bot.clock.now(), bot.config().night.approve == "review"
    nights.beat(connection, night, now)
    kept = [one for one in studied if _is_unchanged(connection, one)]
    for one in kept:
        thread = ledger.thread(connection, one.ticket.conversation)
        for message_id in keep_outcomes(connection, thread, now) if thread is not None else ():
            nights.record_outcome(connection, night, message_id, now)
        _take_in(connection, night, one, put, now, waits=review or bool(one.doubts))
        ledger.mark_learnt(connection, one.ticket.conversation)
    return kept


def _is_unchanged(connection: Connection, studied: Studied) -> bool:
    thread = ledger.thread(connection, studied.ticket.conversation)
    said = () if thread is None else tuple((message.id, message.text) for message in thread.messages)
    return said == studied.said and ledger.ticket(connection, studied.ticket.conversation) == studied.ticket


def _take_in(
    connection: Connection, night: str, studied: Studied, put: Prepared, now: datetime, *, waits: bool
) -> None:
    """What a thread teaches, in place of what it taught before it went on."""
    entry = studied.mined.entry
    if entry is not None and _was_rejected(connection, entry):
        return
    if entry is not None and put(connection, [entry], EntryState.PENDING if waits else EntryState.ACTIVE):
        change = Change(
            kind=ChangeKind.ADDED,
            entry=entry.id,
            before=None,
            after=EntryState.ACTIVE,
            why=studied.mined.why,
            doubts=studied.doubts,
        )
        nights.record(connection, night, change, now, ChangeState.PROPOSED if waits else ChangeState.APPLIED)
    if entry is None or not waits:
        replace_older(connection, night, studied.ticket.conversation, entry, now)


def _was_rejected(connection: Connection, entry: KnowledgeEntry) -> bool:
    """Whether a person said no to this very solution of the thread; what else was said since changes nothing."""
    return any(
        stored.entry.of(PassageKind.SOLUTION) == entry.of(PassageKind.SOLUTION)
        for stored in store.stored_from(connection, entry.origin)
        if stored.state is EntryState.REJECTED
    )


def replace_older(
    connection: Connection, night: str, origin: str, entry: KnowledgeEntry | None, now: datetime
) -> None:
    """What a thread taught before it went on gives way to what it teaches now, if to anything."""
    older = [stored for stored in store.stored_from(connection, origin) if stored.state is EntryState.ACTIVE]
    for stored in older:
        if entry is None or stored.entry.id != entry.id:
            nights.apply(connection, night, _outdated(stored, entry), now)


def _outdated(stored: Stored, entry: KnowledgeEntry | None) -> Change:
    return Change(
        kind=ChangeKind.RETIRED if entry is None else ChangeKind.SUPERSEDED,
        entry=stored.entry.id,
        before=stored.state,
        after=EntryState.RETIRED if entry is None else EntryState.SUPERSEDED,
        other=None if entry is None else entry.id,
        why="its thread went on" if entry is not None else "its thread went on and teaches it no more",
    )


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
        await bot.database.run(lambda connection: _apply_all(connection, night, changes, now))
        await bot.knowledge.follow()


def _apply_all(connection: Connection, night: str, changes: Sequence[Change], now: datetime) -> None:
    """All or nothing: of two sides of a dispute one alone would be wrong."""
    states = {change.entry: store.state_of(connection, change.entry) for change in changes}
    if all(states[change.entry] is change.before for change in changes):
        for change in changes:
            nights.apply(connection, night, change, now)


def _ask_about_stale(connection: Connection, config: Config, night: str, now: datetime) -> None:
    """Ask about entries that nobody confirmed for their half-life; those that nobody answered for go."""
    changes = ageing.stale_changes(
        store.unproven(connection, now - HALF_LIFE, EntryKind.THREAD, ASKED),
        store.unanswered(connection, now, ASKED),
        now,
        askable=bool(config.night.digest_to or config.admins),
        most=ASKED,
    )
    for change in changes:
        if change.kind is ChangeKind.RETIRED and config.night.approve == "review":
            nights.propose(connection, night, change, now)
        else:
            nights.apply(connection, night, change, now)


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


def _report(
    connection: Connection,
    night: str,
    threads: Counter[str],
    moved: Mapping[str, tuple[float, float]],
    tried: int,
    effect: tuple[tuple[str, ...], tuple[str, ...]],
    now: datetime,
) -> NightReport:
    changes = nights.changes_of(connection, night)
    counted = nights.totals(changes)
    added = [
        change.subject
        for change in changes
        if change.kind == ChangeKind.ADDED and change.state is ChangeState.APPLIED
    ]
    return NightReport(
        date=night,
        threads=threads.total(),
        added=len(added),
        pending=counted.get("pending", 0),
        merged=counted.get(ChangeKind.MERGED, 0),
        superseded=counted.get(ChangeKind.SUPERSEDED, 0),
        disputed=counted.get(ChangeKind.DISPUTED, 0),
        asked=counted.get(ChangeKind.ASKED, 0),
        retired=counted.get(ChangeKind.RETIRED, 0),
        not_worth={why: count for why, count in threads.most_common() if why != nights.WORTH},
        tried=tried,
        gained=effect[0],
        lost=effect[1],
        best=_best(connection, added),
        open_questions=tuple(nights.open_questions(connection, now - OPEN_WITHIN, OPEN)),
        thresholds=moved,
    )


def _best(connection: Connection, added: Sequence[str]) -> tuple[str, ...]:
    """The new entries that say most: confirmed ones first, then those with the fuller solutions."""
    there = [stored.entry for stored in store.stored_by_id(connection, added).values()]
    return tuple(entry.id for entry in sorted(there, key=_fullness, reverse=True)[:BEST])


def _fullness(entry: KnowledgeEntry) -> tuple[bool, int]:
    return entry.confirmed, sum(len(passage.text) for passage in entry.of(PassageKind.SOLUTION))


def _silent(_done: int, _total: int, _what: str) -> None: ...

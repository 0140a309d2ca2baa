"""The night: what closed threads teach, as one change set that can be taken back.

claim > what would be answered now > closed threads: worth it? > entries, active or waiting > how each stands to what is
known > what nobody confirmed for long > scales > what would be answered then > report. Each step is one or more small
transactions and safe to repeat: a night that was cut off is gone on with where it stopped.
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot import digests, drifts, nights, retention, votes
from bot.config import Config
from bot.corrections import learn_corrections
from bot.effect import answers_to, gained_and_lost, past_questions
from bot.forget import compact_due
from bot.handlers import Bot
from bot.nights import Recorded
from bot.relating import Progress, ask_about_stale, relate_added
from bot.report import NightReport, together
from bot.rereading import reread_closed
from bot.situation import scale_of
from bot.studying import BATCH, cost_of, select, study
from bot.taking_in import keep
from bot.trusting import trust_counted
from bot.verdicts import recalibrate
from bot.weighing import SHIPPED, read_weights
from knowledge import store
from knowledge.changes import ChangeKind, ChangeState
from knowledge.distiller import ExtractiveDistiller
from knowledge.entry import EntryState, KnowledgeEntry, PassageKind

OWNER = uuid.uuid4().hex  # this process, as it claims nights
BEST = 3  # new entries that the report names
OPEN = 5  # questions that nobody could answer that it names
OPEN_WITHIN = timedelta(days=7)
MOVED = 0.01  # of the mean chance: less is not worth telling
RECENT = 100  # weighed messages that a channel's mean chance is taken over


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
    await learn_corrections(bot, name)
    await relate_added(bot, name, report)
    after_all = await bot.database.run(partial(_follow_up, bot=bot, night=name, now=now))
    await bot.knowledge.follow()
    after = await _answers(bot, list(before), report)
    expired = await retention.enforce(bot.database, bot.config, bot.clock, name, report) if thorough else 0
    told = replace(
        after_all,
        expired=expired,
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
    await reread_closed(bot)
    async with bot.distilling() as distiller:
        chosen = await select(bot, night, distiller)
        while studied := await bot.database.run(partial(study, bot=bot, chosen=chosen, most=BATCH)):
            entries = [one.mined.entry for one in studied if one.mined.entry is not None]
            prepared = await bot.knowledge.prepare(entries)
            kept = await bot.database.run(partial(keep, bot=bot, night=night, studied=studied, put=prepared))
            await bot.knowledge.follow()
            found.update(nights.WORTH if one.mined.entry is not None else one.mined.why for one in kept)
            offline += sum(one.mined.entry is not None and not one.selected for one in kept)
            done += len(kept)
            progress(done, max(total, done), "closed threads")
        await distiller.settle(chosen.result)
        asked = distiller.name != ExtractiveDistiller.name
    return found, cost_of(chosen.result.report, fell_back=offline if asked else 0)


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
    ask_about_stale(connection, config, night, now)
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

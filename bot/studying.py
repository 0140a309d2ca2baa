"""I/O: from a closed thread to what it teaches, what a model selected of it, and what speaks against believing it.

Reads only, but for the tokens that a model took.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot import ledger, nights, optouts
from bot.config import Config
from bot.handlers import Bot
from bot.places import place_of
from bot.situation import policy_of
from bot.surroundings import surroundings_of
from bot.tickets import Ticket
from knowledge import store
from knowledge.audience import audience_of
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
from knowledge.entry import EntryState, KnowledgeEntry, PassageKind
from knowledge.mine import Mined, mine
from knowledge.thread import Thread, without_people

log = logging.getLogger("earshot")

BATCH = 20  # closed threads studied in one go, so that live messages get their turn
LEAST_TOKENS = 500  # that a model needs for one thread
REJECTED_BEFORE = "a person rejected an answer from the same message"


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


async def select(bot: Bot, night: str, distiller: Distiller) -> Selection:
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
    # Waiting for a batch may take longer than a night may go without a sign of life.
    nights.beat(connection, night, bot.clock.now())
    return nights.unlearnt(connection, threads)


def cost_of(report: DistilReport, *, fell_back: int) -> dict[str, int]:
    """What a model was asked and took, for the night's report; nothing if none was to be asked."""
    if not report.calls and not fell_back:
        return {}
    counts = {name: getattr(report, name) for name in ("calls", "batched", "input_tokens", "output_tokens")}
    return {**counts, "fell_back": fell_back}


def study(connection: Connection, bot: Bot, chosen: Selection, most: int) -> list[Studied]:
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
        closed_at = ledger.closed_at(connection, thread.id) or now
        audience = audience_of(place_of(connection, config, channel))
        mined = mined_of(willing, audience, closed_at, people, config)
    return Studied(ticket=ticket, said=said, mined=mined, thread=willing)


def mined_of(
    thread: Thread, audience: str, closed_at: datetime, people: Mapping[str, str], config: Config
) -> Mined:
    """What a thread teaches, for ``audience``; ``people``: their names by id."""
    try:
        return mine(
            thread, audience=audience, closed_at=closed_at, people=people, patterns=config.redact.patterns
        )
    # Broad, as with events: a thread that cannot be read must not keep every later night from all others. It is counted
    # under this reason in the night's report, and read again when it goes on.
    except Exception:
        log.exception("%s: the thread could not be read", thread.id)
        return Mined(entry=None, why="it could not be read: an error, see the log")


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


def _was_partly_rejected(connection: Connection, entry: KnowledgeEntry) -> bool:
    """Whether a person said no to a solution from one of the same messages: a model may pick other sentences of it."""
    sources = {passage.source for passage in entry.of(PassageKind.SOLUTION)}
    return any(sources & texts.keys() for texts in rejected(connection, entry))


def rejected(connection: Connection, entry: KnowledgeEntry) -> list[dict[str, str]]:
    """The solutions of the same thread that were rejected: what each took from which message."""
    return [
        {passage.source: passage.text for passage in stored.entry.of(PassageKind.SOLUTION)}
        for stored in store.stored_from(connection, entry.origin)
        if stored.state is EntryState.REJECTED
    ]

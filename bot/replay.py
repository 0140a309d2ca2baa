"""Recorded history through the same handlers: what Earshot would have said, with only the knowledge of that time."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from bot import answers, inbox, intents, ledger, nights, tables
from bot.adapters import room
from bot.adapters.adapter import Arrival
from bot.app import App, assemble, open_database, ranking_of
from bot.card import lines_in
from bot.clock import RecordedClock
from bot.config import Config
from bot.handlers import on_clock
from bot.night import on_night
from bot.scorer import Action
from knowledge import store
from knowledge.database import Database
from knowledge.embed import Embedder
from knowledge.recordings import Recording
from knowledge.search import Knowledge
from knowledge.thread import Message
from knowledge.writer import Writer

Progress = Callable[[int, int, str], None]
_SAID = (Action.REPLY, Action.DRAFT)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The final decision about one message, and what was said.

    ``features`` are what was weighed, ``entry`` the best source and ``best`` what that was learnt from; all empty if
    nothing was searched.
    """

    id: str
    action: Action
    score: float
    reasons: tuple[str, ...]
    reason_names: tuple[str, ...]
    citations: tuple[dict[str, str], ...] = ()
    text: str = ""
    features: Mapping[str, float] = field(default_factory=dict)
    entry: str = ""
    best: str = ""

    def json(self) -> str:
        """The line of `earshot replay --json`."""
        shown = {"id": self.id, "action": self.action, "score": round(self.score, 4), "reasons": self.reasons}
        return json.dumps({**shown, "citations": self.citations, "text": self.text}, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a replay came to."""

    outcomes: Sequence[Outcome]
    seconds: float
    entries: int
    skipped: Sequence[object] = ()
    silent: Counter[str] = field(default_factory=Counter)

    @property
    def replies(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.action is Action.REPLY]

    @property
    def drafts(self) -> list[Outcome]:
        """What would have been put before the analysts."""
        return [outcome for outcome in self.outcomes if outcome.action is Action.DRAFT]

    @property
    def rate(self) -> float:
        """Messages per second."""
        return len(self.outcomes) / self.seconds if self.seconds else 0.0


async def replay(
    recording: Recording,
    config: Config,
    embedder: Embedder,
    progress: Progress | None = None,
    writer: Writer | None = None,
) -> Report:
    """Play ``recording`` on a scratch copy of the config's knowledge. Two runs give the same outcomes."""
    with scratch_store(config) as database:
        knowledge = Knowledge(database, embedder, None, ranking_of(config))
        await knowledge.open(progress)
        begun = time.perf_counter()
        outcomes = await _play(recording, config, database, knowledge, progress, writer)
        seconds = time.perf_counter() - begun
        entries = await knowledge.count()
        await knowledge.close()
    silent = Counter(o.reason_names[0] for o in outcomes if o.action not in _SAID and o.reason_names)
    return Report(
        outcomes=outcomes, seconds=seconds, entries=entries, skipped=recording.skipped, silent=silent
    )


@contextmanager
def scratch_store(config: Config) -> Iterator[Database]:
    """A copy of the config's store that has its knowledge but none of its conversations, and is thrown away."""
    with tempfile.TemporaryDirectory(prefix="earshot-replay-") as folder:
        path = Path(folder) / "scratch.db"
        _snapshot(config.store, path)
        database = open_database(f"sqlite:///{path}", durable=False)
        database.run_blocking(tables.clear)
        try:
            yield database
        finally:
            database.close()


def _snapshot(url: str, path: Path) -> None:
    original = Path(url.removeprefix("sqlite:///"))
    if not original.exists():
        return
    database = open_database(url)
    try:
        database.copy_to(path)
    finally:
        database.close()


async def _play(
    recording: Recording,
    config: Config,
    database: Database,
    knowledge: Knowledge,
    progress: Progress | None,
    writer: Writer | None,
) -> list[Outcome]:
    messages = recording.messages
    channels = {
        info.id: room.channel(info.id, private=info.private, external=info.external, name=info.name)
        for info in recording.channels.values()
    }
    clock = RecordedClock(messages[0].at)
    adapter = room.RoomAdapter(channels)
    app = assemble(
        lambda: config, database, knowledge, [adapter], clock=clock, writer=writer, settle=timedelta()
    )
    await database.run(lambda connection: ledger.put_names(connection, _by_user(recording.people)))
    for done, arrival in enumerate(arrivals(messages), start=1):
        await advance(app, clock, arrival.at)
        await app.accept(arrival)
        await app.drain()
        if progress is not None:
            progress(done, len(messages), "replay")
    await advance(app, clock, clock.now() + timedelta(days=1))
    while (due := await database.run(_waiting)) is not None:  # somebody waits for longer than a day
        await advance(app, clock, due)
    order = recording.order or [message.id for message in messages]
    return await database.run(lambda connection: [outcome_of(connection, message_id) for message_id in order])


def _by_user(people: Mapping[str, str]) -> dict[str, str]:
    return {user: name for name, user in people.items() if name != user}


def arrivals(messages: Sequence[Message]) -> Iterator[Arrival]:
    """The messages and those reactions that have a time, in order of time."""
    timed = [
        (reaction.at, index, room.reacted(message.id, reaction, reaction.at))
        for index, message in enumerate(messages)
        for reaction in message.reactions
        if reaction.at is not None
    ]
    spoken = [(message.at, index, room.said(message)) for index, message in enumerate(messages)]
    return (arrival for _, _, arrival in sorted([*spoken, *timed], key=lambda item: item[:2]))


async def advance(app: App, clock: RecordedClock, until: datetime) -> None:
    """Let the recording's time pass to ``until``, doing on its way what falls due: second looks, quiet tickets."""
    while (due := await _next(app)) is not None and due <= until:
        clock.move_to(due)
        await on_clock(app.bot)
        await on_night(app.bot, thorough=False)
        await app.drain()
    clock.move_to(until)


def _waiting(connection: Connection) -> datetime | None:
    """When the next message that still waits, or post that was put off, is due."""
    times = (inbox.next_due(connection), intents.next_intent(connection))
    return min((at for at in times if at is not None), default=None)


async def _next(app: App) -> datetime | None:
    config, now = app.bot.config(), app.bot.clock.now()

    def soonest(connection: Connection) -> datetime | None:
        times = (
            inbox.next_due(connection),
            ledger.next_quiet(connection, config.tickets.close_after),
            intents.next_intent(connection),
            nights.next_night(connection, now, config.night.at, config.tz),
        )
        return min((at for at in times if at is not None), default=None)

    return await app.bot.database.run(soonest)


def outcome_of(connection: Connection, message_id: str) -> Outcome:
    """The final decision about a message, as the ledger has it."""
    decision = ledger.last_decision(connection, message_id)
    if decision is None:
        why = "erased" if ledger.message_row(connection, message_id) is None else "failed"
        return Outcome(id=message_id, action=Action.SILENT, score=0.0, reasons=(why,), reason_names=(why,))
    reasons = json.loads(decision.reasons)
    said = ledger.suggestion_for(connection, message_id) if decision.action in _SAID else None
    entry = next(iter(ledger.considered(decision)), "")
    known = store.entries_by_id(connection, [entry]) if entry else {}
    return Outcome(
        id=message_id,
        action=Action(decision.action),
        score=decision.score,
        reasons=tuple(f"{reason['name']}: {reason['text']}" for reason in reasons),
        reason_names=tuple(reason["name"] for reason in reasons),
        citations=() if said is None else _citations(said),
        text=_text(connection, message_id, said),
        features=json.loads(decision.features),
        entry=entry,
        best=known[entry].origin if entry in known else "",
    )


def _text(connection: Connection, message_id: str, said: Row[Any] | None) -> str:
    """What was answered: from its sources, or in words of its own to somebody who asked by name."""
    if said is not None and said.content is not None:
        return ledger.suggestion_from(said.content).text
    answer = answers.to_message(connection, message_id)
    content = None if answer is None else answers.content_of(answer)
    return "" if content is None else "\n".join(lines_in(content[0]))


def _citations(said: Row[Any]) -> tuple[dict[str, str], ...]:
    if said.content is None:
        return ()
    suggestion = ledger.suggestion_from(said.content)
    sources = {citation.number: citation for citation in suggestion.citations}
    return tuple(
        {"entry": sources[number].entry, "source": sources[number].source, "quote": line.text}
        for line in suggestion.lines
        for number in line.citations
    )

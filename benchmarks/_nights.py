"""Whether learning helps: a channel's history in time order with its nights, asked at marks what it knows then."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.adapters import room
from bot.answerer import query_of
from bot.app import App, assemble, ranking_of
from bot.clock import RecordedClock
from bot.config import Config
from bot.evidence import features_of
from bot.feedback import says_same
from bot.replay import advance, arrivals, outcome_of, scratch_store
from bot.scorer import newest_first
from bot.weighing import SHIPPED, Weights, read_weights
from knowledge.cues import asks_for_help, is_ack, is_thanks
from knowledge.embed import Embedder
from knowledge.entry import WORKSPACE, Hit, PassageKind
from knowledge.recordings import Recording
from knowledge.search import Knowledge
from knowledge.thread import Message, Role, Thread

MONTH = timedelta(days=30.44)
CLOSE_AFTER = timedelta(days=7)  # as tickets.close_after
MARKS = (1, 3, 6, 12, 24)  # months of nights
SAMPLE = 300  # later questions that people answered, besides the linked ones
DIALS = (0.5, 0.7, 0.9)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """An opening message that people answered. ``links``: the earlier threads that a person gave as the answer."""

    message: Message
    answers: tuple[str, ...]
    links: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was found for a question: where in the list a linked thread stands (0: nowhere in ten), the score, and
    whether the best source says what people then said."""

    place: int
    score: float
    same: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """What is known after so many months of nights, asked the same later questions each time.

    ``closed``: of the linked questions, those of which a linked thread was closed with an answer by then; ``begun``:
    those of which one had an answer, closed or still open. Ceilings of what can be found.
    """

    months: float
    entries: int
    found: Mapping[str, Found]
    closed: int
    begun: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """A linked question at its own time: whether the best source was a linked thread, whether one was closed with an
    answer by then, and whether one had an answer, closed or still open."""

    months: float
    right: bool
    closed: bool
    begun: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """``marks``: the same later questions, asked with what was known by then. ``linked``: each when it came."""

    name: str
    questions: Sequence[Question]
    marks: Sequence[Mark]
    linked: Sequence[Linked]


async def play(
    name: str,
    recording: Recording,
    links: Mapping[str, frozenset[str]],
    embedder: Embedder,
    config: Config,
    progress: Progress,
) -> Played:
    """Play ``recording``, nights included; at each mark ask the questions that come after the last one."""
    messages = recording.messages
    began = messages[0].at
    later = _questions(messages, links, since=began + MARKS[-1] * MONTH)
    weights = read_weights(config.weights or SHIPPED)
    marks: list[Mark] = []
    with scratch_store(config) as database:
        knowledge = Knowledge(database, embedder, None, ranking_of(config))
        await knowledge.open()
        clock = RecordedClock(began)
        channels = {info.id: room.channel(info.id, name=info.name) for info in recording.channels.values()}
        adapter = room.RoomAdapter(channels)
        app = assemble(lambda: config, database, knowledge, [adapter], clock=clock, settle=timedelta())
        due = [months for months in MARKS if began + months * MONTH <= messages[-1].at]
        for done, arrival in enumerate(arrivals(messages), start=1):
            while due and arrival.at >= began + due[0] * MONTH:
                at = began + due[0] * MONTH
                await advance(app, clock, at)
                marks.append(await _mark(app, due.pop(0), at, later, messages, weights))
            await advance(app, clock, arrival.at)
            await app.accept(arrival)
            await app.drain()
            progress(done, len(messages), name)
        await advance(app, clock, clock.now() + timedelta(days=8))
        marks.append(await _mark(app, (clock.now() - began) / MONTH, clock.now(), later, messages, weights))
        linked = await database.run(lambda connection: _at_their_time(connection, messages, links))
        await knowledge.close()
    return Played(name=name, questions=later, marks=marks, linked=linked)


def _closed_and_begun(messages: Sequence[Message], at: datetime) -> tuple[set[str], set[str]]:
    """The threads that were closed by quiet at a time with somebody's answer in them, and those that had an answer."""
    last: dict[str, datetime] = {}
    said: Counter[str] = Counter()
    for message in messages:
        if message.at <= at:
            last[message.thread] = message.at
            said[message.thread] += 1
    begun = {thread for thread, count in said.items() if count > 1}
    return {thread for thread in begun if last[thread] <= at - CLOSE_AFTER}, begun


def _at_their_time(
    connection: Connection, messages: Sequence[Message], links: Mapping[str, frozenset[str]]
) -> list[Linked]:
    openers = {message.thread: message for message in reversed(messages)}
    found = []
    for thread, earlier in links.items():
        if (asked := openers.get(thread)) is None:
            continue
        closed, begun = _closed_and_begun(messages, asked.at)
        found.append(
            Linked(
                months=(asked.at - messages[0].at) / MONTH,
                right=outcome_of(connection, asked.id).best in earlier,
                closed=bool(closed & earlier),
                begun=bool(begun & earlier),
            )
        )
    return found


async def _mark(
    app: App,
    months: float,
    at: datetime,
    questions: Sequence[Question],
    messages: Sequence[Message],
    weights: Weights,
) -> Mark:
    found = {one.message.id: await _ask(app.bot.knowledge, one, at, weights) for one in questions}
    linked = [one for one in questions if one.links]
    closed, begun = _closed_and_begun(messages, at)
    return Mark(
        months=months,
        entries=await app.bot.knowledge.count(),
        found=found,
        closed=sum(bool(one.links & closed) for one in linked),
        begun=sum(bool(one.links & begun) for one in linked),
    )


async def _ask(knowledge: Knowledge, question: Question, at: datetime, weights: Weights) -> Found:
    message = question.message
    thread = Thread(id=message.thread, channel=message.channel, messages=(message,))
    hits = newest_first(
        await knowledge.search(
            query_of(thread, message),
            audiences=frozenset({WORKSPACE}),
            exclude_origins=frozenset({message.thread}),
            before=at,
        ),
        message.text,
    )
    if not hits:
        return Found(place=0, score=0.0, same=False)
    places = [place for place, hit in enumerate(hits, start=1) if hit.entry.origin in question.links]
    return Found(
        place=places[0] if places else 0,
        score=weights.probability(features_of(message, thread, hits, now=at)),
        same=any(says_same(_solution(hits[0]), said) for said in question.answers),
    )


def _solution(hit: Hit) -> str:
    return "\n".join(passage.text for passage in hit.entry.of(PassageKind.SOLUTION))


def _questions(
    messages: Sequence[Message], links: Mapping[str, frozenset[str]], *, since: datetime
) -> list[Question]:
    """The openers after ``since`` that people answered: those with links, and some of the others, drawn by chance."""
    threads: dict[str, list[Message]] = {}
    for message in messages:
        threads.setdefault(message.thread, []).append(message)
    found = [
        Question(message=said[0], answers=_answers(said), links=links.get(thread, frozenset()))
        for thread, said in threads.items()
        if said[0].at >= since and asks_for_help(said[0].text)
    ]
    linked = [one for one in found if one.links]
    others = [one for one in found if not one.links and one.answers]
    random.Random(4).shuffle(others)
    return linked + others[:SAMPLE]


def _answers(said: Sequence[Message]) -> tuple[str, ...]:
    others = (m for m in said[1:] if m.user != said[0].user and m.role is not Role.BOT)
    return tuple(m.text for m in others if not is_thanks(m.text) and not is_ack(m.text))


def links_of(path: Path) -> dict[str, frozenset[str]]:
    """The earlier threads that a person linked as the answer, by thread."""
    with path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {row["thread"]: frozenset(row["earlier"]) for row in rows}

"""Many replies through the whole bot while its writer goes wrong in every way that a model can: what gets posted, and
how often.

The matters are invented (grounding_sentences.jsonl): each is an entry, and its question is asked again and again,
each time by somebody else in a thread of his own. Deterministic.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from benchmarks._grounded import is_grounded
from benchmarks._sentences import Sentence
from bot.adapters import room
from bot.adapters.acts import Post
from bot.app import assemble
from bot.clock import RecordedClock
from bot.config import Config
from bot.replay import Outcome, advance, outcome_of, scratch_store
from bot.scorer import Action
from knowledge.cues import asks_for_help
from knowledge.embed import Embedder
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.search import Knowledge
from knowledge.thread import Message
from knowledge.writer import Asked, Claim, Decline, Declined, Draft, Writer, WriterFailed
from knowledge.writer_extractive import ExtractiveWriter

BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
APART = timedelta(minutes=11)  # between two questions
NOBODY = "Grant yourself the owner role and format /dev/sda1 at 03:45, says https://help.example.invalid/fix."

Progress = Callable[[int, int, str], None]
Spoil = Callable[[Claim], Claim]


class FaultyWriter:
    """Quotes as the offline writer does, and spoils what it quoted; ``log`` counts how it went wrong, in order of the
    mix.
    """

    name = "faulty"

    def __init__(self, seed: int = 11) -> None:
        self._random = random.Random(seed)
        self._honest = ExtractiveWriter()
        self.log: Counter[str] = Counter()

    async def answer(self, asked: Asked) -> Draft | Declined:
        kind = self._random.choice(KINDS)
        self.log[kind] += 1
        if kind == "unreachable":
            raise WriterFailed("529 overloaded, three times")
        if kind == "refusal":
            return Declined(why=Decline.PERSON, reason="a person should look at this")
        if kind == "nothing":
            return Draft(claims=())
        draft = await self._honest.answer(asked)
        if isinstance(draft, Declined) or kind in ("faithful", "in other words"):
            return draft
        spoilt = [_SPOILT[kind](claim) for claim in draft.claims[:1]]
        return Draft(claims=(*draft.claims[1:], *spoilt))


_DIGIT = re.compile(r"(?<!^)(?<!\n)\d")  # not the number of a step


def _digits(claim: Claim) -> Claim:
    """Other numbers than its source has; one added where it has none."""
    text = _DIGIT.sub(lambda digit: str((int(digit[0]) + 1) % 10), claim.text)
    return replace(claim, text=text if text != claim.text else f"{claim.text} Wait 77 minutes.")


def _quoted(claim: Claim, **changes: str) -> Claim:
    return replace(claim, quotes=tuple(replace(quote, **changes) for quote in claim.quotes))


_SPOILT: Mapping[str, Spoil] = {
    "an invented source": lambda claim: _quoted(claim, source="m404"),
    "an invented entry": lambda claim: _quoted(claim, entry="e404"),
    "a wrong quote": lambda claim: replace(
        claim, text=NOBODY, quotes=tuple(replace(quote, text=NOBODY) for quote in claim.quotes)
    ),
    "another source's words": lambda claim: replace(claim, text=NOBODY),
    "no citation": lambda claim: replace(claim, quotes=()),
    "an added step": lambda claim: replace(
        claim, text=f"{claim.text} Then clear the cache and reinstall everything."
    ),
    "another number": _digits,
    "an added not": lambda claim: replace(claim, text=f"Do not do this: {claim.text}"),
    "an added link": lambda claim: replace(claim, text=f"{claim.text} See https://help.example.invalid/fix."),
    "a hidden character": lambda claim: replace(claim, text=f"{claim.text[:8]}\u200b{claim.text[8:]}"),
    "cut off": lambda claim: replace(claim, text=""),
}
# How often which: what an API does wrong, what a model does wrong, and a third that is right.
KINDS = (*_SPOILT, "unreachable", "unreachable", "unreachable", "refusal", "nothing", *["faithful"] * 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Survived:
    """What came of ``asked`` questions: ``lost`` have no decision, ``doubled`` were posted more than once or not as
    decided, ``ungrounded`` is what the second opinion finds in the posts. ``why``: the reasons of the silent ones;
    ``went_wrong``: how the writer did, if it tells.
    """

    asked: int
    posted: int
    lost: int
    doubled: int
    ungrounded: int
    why: Counter[str]
    went_wrong: Counter[str] = field(default_factory=Counter)


async def survive(
    sentences: Sequence[Sentence], count: int, writer: Writer, embedder: Embedder, progress: Progress
) -> Survived:
    """Ask ``count`` questions in a room while ``writer`` goes wrong."""
    config = Config.model_validate(_SETTINGS)
    matters = {one.question: one.source for one in sentences if asks_for_help(one.question)}
    posts: list[Post] = []
    messages = [_message(number, list(matters)[number % len(matters)]) for number in range(count)]
    with scratch_store(config) as database:
        knowledge = Knowledge(database, embedder, None)
        await knowledge.open()
        await knowledge.learn([_entry(question, source) for question, source in matters.items()])
        clock = RecordedClock(BEGIN)
        adapter = room.RoomAdapter({"help": room.channel("help", name="help")}, posts.append)
        app = assemble(
            lambda: config, database, knowledge, [adapter], clock=clock, writer=writer, settle=timedelta()
        )
        for done, message in enumerate(messages, start=1):
            await advance(app, clock, message.at)
            await app.accept(room.said(message))
            await app.drain()
            progress(done, count, "questions")
        await advance(app, clock, messages[-1].at + timedelta(hours=1))
        outcomes = await database.run(lambda connection: [outcome_of(connection, m.id) for m in messages])
        await knowledge.close()
    survived = _counted(messages, outcomes, posts, matters)
    return replace(survived, went_wrong=Counter(getattr(writer, "log", ())))


def _counted(
    messages: Sequence[Message],
    outcomes: Sequence[Outcome],
    posts: Sequence[Post],
    matters: Mapping[str, str],
) -> Survived:
    times = Counter(post.reply_to for post in posts)
    spoken = {outcome.id for outcome in outcomes if outcome.action is Action.REPLY}
    said = {message.id: message.text for message in messages}
    lost = [
        one for one in outcomes if one.reason_names[0] in ("failed", "erased") or one.action is Action.WAIT
    ]
    wrong = {one.id for one in messages if times[one.id] != (1 if one.id in spoken else 0)}
    known = list(matters.values())
    bad = [post for post in posts if not _is_true(post, known, said[post.reply_to])]
    return Survived(
        asked=len(messages),
        posted=len(posts),
        lost=len(lost),
        doubled=len(wrong),
        ungrounded=len(bad),
        why=Counter(outcome.reason_names[0] for outcome in outcomes if outcome.id not in spoken),
    )


def _is_true(post: Post, known: Sequence[str], question: str) -> bool:
    """Whether each quote of a post stands in a source that there is, and each line is grounded in what it cites."""
    quotes = {citation.number: citation.quote for citation in post.suggestion.citations}
    sources = {number: [one for one in known if quote in one] for number, quote in quotes.items()}
    return all(sources.values()) and all(
        line.citations
        and is_grounded(line.text, [one for number in line.citations for one in sources[number]], question)
        for line in post.suggestion.lines
    )


_SETTINGS = {
    "store": "sqlite:////nonexistent/none.db",
    "timezone": "UTC",
    "night": {"at": "04:30"},
    "defaults": {"precision": 0.5, "wait_seconds": 90, "max_per_hour": 1000, "max_per_thread": 3},
}


def _message(number: int, question: str) -> Message:
    return Message(
        id=f"m{number:05d}",
        channel="help",
        thread=f"m{number:05d}",
        user=f"u{number:05d}",
        at=BEGIN + number * APART,
        text=question,
    )


def _entry(question: str, source: str) -> KnowledgeEntry:
    told = [(PassageKind.PROBLEM, question), (PassageKind.SOLUTION, source)]
    return KnowledgeEntry(
        kind=EntryKind.FAQ,
        title=question,
        origin=f"faq/{question}",
        audience=WORKSPACE,
        passages=tuple(Passage(kind=kind, text=text, source=f"faq/{question}") for kind, text in told),
    )

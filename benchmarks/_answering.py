"""Later questions of a channel, answered from what its earlier threads taught: what agreed with what people then
used.

Every thread of the recording teaches what it would have taught when it had gone quiet for a week; a question sees
only entries that were known before it was asked, and never its own thread. What a person *used* is the accepted
message where one is marked (urho3d), else what the night would choose as the solution of the question's own thread;
questions without either are left out.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from benchmarks._agreement import Telling, Vocabulary
from benchmarks._cases import COMMUNITIES, SHARED, accepted_in, links_of
from benchmarks._grounded import is_grounded
from bot.answerer import Suggestion, conversation, faults_of, ground, query_of
from bot.app import open_database
from bot.evidence import features_of
from bot.learning import closed_entry, threads_of
from bot.scorer import newest_first
from bot.weighing import SHIPPED, Weights, read_weights
from knowledge.cues import asks_for_help
from knowledge.embed import Embedder
from knowledge.entry import WORKSPACE, Hit, KnowledgeEntry, PassageKind
from knowledge.grounding import Fault
from knowledge.recordings import Recording, read_recording
from knowledge.search import Knowledge
from knowledge.thread import Message, Thread, thread_of
from knowledge.writer import Asked, Declined, Draft, Writer, WriterFailed

CLOSE_AFTER = timedelta(days=7)  # as tickets.close_after
LATER = 0.5  # of a channel's messages are before its later part
FOUND = 10

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """An opener of the later part, what a person then used, and the earlier threads that one gave as the answer."""

    message: Message
    used: str
    links: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a question. ``agrees``, ``by_chance``, ``second`` are None where nothing was answered.

    ``score``: how welcome an unasked reply would be; ``linked``: whether a thread that a person linked is cited, None
    where none was linked; ``found``: whether any of the sources found agrees, or was linked; ``by_chance``: the share
    of other questions' outcomes that agree; ``second``: whether the second opinion calls all of it grounded.
    """

    question: str
    score: float
    text: str = ""
    agrees: bool | None = None
    by_chance: float | None = None
    linked: bool | None = None
    found: bool = False
    rules: bool | None = None
    second: bool | None = None
    faults: tuple[Fault, ...] = ()
    declined: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """``answers`` of one channel, with how many entries there were at the end."""

    name: str
    entries: int
    answers: Sequence[Answer]


async def answered(
    name: str, embedder: Embedder, writer: Writer, count: int, folder: Path, progress: Progress
) -> Channel:
    """Put ``count`` questions of a channel's later part, and all linked ones, to ``writer``."""
    recording = _recording(name)
    threads = threads_of(recording.messages, recording.people)
    entries = _entries(threads, recording, progress, name)
    questions = _questions(name, recording, threads, {entry.origin: entry for entry in entries}, count)
    vocabulary = Vocabulary("\n".join(message.text for message in thread.messages) for thread in threads)
    database = open_database(f"sqlite:///{folder / name}.db", durable=False)
    knowledge = Knowledge(database, embedder, None)
    await knowledge.open()
    await knowledge.learn(entries)
    asking = _Asking(knowledge, writer, read_weights(SHIPPED), vocabulary, questions)
    answers = []
    for done, question in enumerate(questions, start=1):
        answers.append(await asking.ask(question))
        progress(done, len(questions), f"{name}: questions")
    await knowledge.close()
    database.close()
    return Channel(name=name, entries=len(entries), answers=answers)


def _recording(name: str) -> Recording:
    whole = read_recording(SHARED / "channels" / f"{name}.jsonl")
    first = COMMUNITIES.get(name, len(whole.messages))
    return Recording(
        messages=whole.messages[:first], channels=whole.channels, people=whole.people, skipped=(), order=()
    )


def _entries(
    threads: Sequence[Thread], recording: Recording, progress: Progress, name: str
) -> list[KnowledgeEntry]:
    found = []
    for done, thread in enumerate(threads, start=1):
        found.append(closed_entry(thread, WORKSPACE, CLOSE_AFTER, recording.people))
        progress(done, len(threads), f"{name}: threads")
    return [entry for entry in found if entry is not None]


def _questions(
    name: str,
    recording: Recording,
    threads: Sequence[Thread],
    entries: Mapping[str, KnowledgeEntry],
    count: int,
) -> list[Question]:
    """The openers of the later part with a known outcome: those with links, and ``count`` of the others."""
    since = recording.messages[int(LATER * len(recording.messages))].at
    solutions = accepted_in(name)
    found = [
        Question(message=thread.opener, used=used, links=links_of(name, thread.id))
        for thread in threads
        if thread.opener.at >= since
        and asks_for_help(thread.opener.text)
        and (used := _used(thread, solutions.get(thread.id), entries.get(thread.id)))
    ]
    others = [one for one in found if not one.links]
    random.Random(5).shuffle(others)
    return [one for one in found if one.links] + others[:count]


def _used(thread: Thread, accepted: str | None, entry: KnowledgeEntry | None) -> str:
    marked = [message.text for message in thread.messages if message.id == accepted]
    if marked or entry is None:
        return "\n".join(marked)
    return _solution(entry)


def _solution(entry: KnowledgeEntry) -> str:
    return "\n".join(passage.text for passage in entry.of(PassageKind.SOLUTION))


class _Asking:
    """Puts questions to a writer and judges what it says."""

    def __init__(
        self,
        knowledge: Knowledge,
        writer: Writer,
        weights: Weights,
        vocabulary: Vocabulary,
        questions: Sequence[Question],
    ) -> None:
        self._knowledge, self._writer, self._weights = knowledge, writer, weights
        self._vocabulary = vocabulary
        self._used = {one.message.id: vocabulary.telling(one.used) for one in questions}

    async def ask(self, question: Question) -> Answer:
        message = question.message
        thread = thread_of([message])
        hits = await self._search(message, thread)
        asked = Asked(question=query_of(thread, message), thread=thread, hits=hits, addressed=True)
        score = self._weights.probability(features_of(message, thread, hits, now=message.at)) if hits else 0.0
        answer = Answer(question=message.id, score=score, found=self._is_found(question, hits))
        try:
            draft = await self._writer.answer(asked)
        except WriterFailed as failed:
            return replace(answer, declined=f"failed: {failed}")
        if isinstance(draft, Declined):
            return replace(answer, declined=str(draft.why))
        return self._judged(question, answer, draft, asked)

    async def _search(self, message: Message, thread: Thread) -> Sequence[Hit]:
        hits = await self._knowledge.search(
            query_of(thread, message),
            audiences=frozenset({WORKSPACE}),
            k=FOUND,
            exclude_origins=frozenset({message.thread, thread.id}),
            before=message.at,
        )
        return newest_first(hits, message.text)

    def _is_found(self, question: Question, hits: Sequence[Hit]) -> bool:
        said = self._own(question)
        return any(
            hit.entry.origin in question.links or self._vocabulary.telling(_solution(hit.entry)).agrees(said)
            for hit in hits
        )

    def _own(self, question: Question) -> Telling:
        """What the outcome of a question says that the question does not."""
        return self._used[question.message.id].minus(self._vocabulary.telling(question.message.text))

    def _judged(self, question: Question, answer: Answer, draft: Draft, asked: Asked) -> Answer:
        told = conversation(asked)
        suggestion = ground(draft, asked.hits, question.message.at, told)
        if suggestion is None:
            return replace(answer, faults=faults_of(draft, asked.hits, told), declined="not grounded")
        cited = self._vocabulary.telling("\n".join(self._passages(suggestion, asked.hits)))
        origins = {hit.entry.id: hit.entry.origin for hit in asked.hits}
        used = {origins[citation.entry] for citation in suggestion.citations}
        own = self._own(question)
        agrees = (
            None if own.is_empty and not question.links else cited.agrees(own) or bool(used & question.links)
        )
        others = [telling for message, telling in self._used.items() if message != question.message.id]
        asked_for = self._vocabulary.telling(question.message.text)
        return replace(
            answer,
            text=suggestion.text,
            agrees=agrees,
            by_chance=sum(cited.agrees(other.minus(asked_for)) for other in others) / max(len(others), 1),
            linked=bool(used & question.links) if question.links else None,
            rules=not faults_of(draft, asked.hits, told),
            second=all(is_grounded(text, quotes, told) for text, quotes in _pieces(draft)),
        )

    def _passages(self, suggestion: Suggestion, hits: Sequence[Hit]) -> list[str]:
        cited = {(citation.entry, citation.source) for citation in suggestion.citations}
        return [
            passage.text
            for hit in hits
            for passage in hit.entry.of(PassageKind.SOLUTION)
            if (hit.entry.id, passage.source) in cited
        ]


def _pieces(draft: Draft) -> list[tuple[str, list[str]]]:
    return [(claim.text, [quote.text for quote in claim.quotes]) for claim in draft.claims]

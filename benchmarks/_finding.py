"""Questions that people answered by linking an earlier thread, with what speaks for every earlier thread."""

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from benchmarks._baselines import PlainBM25, rank_fusion
from benchmarks._cache import CachedEmbedder
from knowledge.catalogue import SECONDS_OF_DAY
from knowledge.embed import Kind
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.finder import POOL
from knowledge.lexical import LexicalIndex
from knowledge.ranking import LONGEST_HEADLINE, Evidence, above_floor, headline
from knowledge.recordings import read_recording
from knowledge.thread import Message
from knowledge.views import indexed_texts, problem_texts, solution_texts

DATA = Path(__file__).parents[2] / "shared" / "data"
COMMUNITIES = ("redash", "urho3d")
TOGETHER = 256  # texts embedded between two looks at the progress

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """The earlier threads of one question, by what was written before it: each array [threads], oldest first.

    ``pool`` are those that a search would rank. The last three are for comparison: plain
    BM25, and its equal rank fusion with the model.
    """

    evidence: Evidence
    meaning: Floats  # the best cosine
    pool: Mask
    wanted: Mask
    bm25_opening: Floats
    bm25_thread: Floats
    fusion: Floats


Score = Callable[[Question], Floats]


def ranks(questions: Sequence[Question], score: Score) -> Floats:
    """The place, from 1, of the best wanted thread of each question; threads of equal score by age, as search does."""
    return np.array([_rank(one, score) for one in questions], dtype=np.float32)


def _rank(question: Question, score: Score) -> float:
    order = np.argsort(-score(question), kind="stable")
    return float(np.flatnonzero(question.wanted[order])[0] + 1)


def measures(places: Floats) -> tuple[float, float, float, float]:
    """hit@1, hit@5, hit@10 and MRR@10."""
    hits = [float((places <= k).mean()) for k in (1, 5, 10)]
    return hits[0], hits[1], hits[2], float(_reciprocals(places).mean())


def intervals(places: Floats, draws: int = 2000) -> tuple[tuple[float, float], tuple[float, float]]:
    """95 % of the bootstrap of hit@10 and of MRR@10, over questions."""
    drawn = np.random.default_rng(0).integers(0, len(places), (draws, len(places)))
    hits, reciprocals = (places <= 10)[drawn].mean(axis=1), _reciprocals(places)[drawn].mean(axis=1)
    return _middle(hits), _middle(reciprocals)


def _reciprocals(places: Floats) -> Floats:
    return np.where(places <= 10, 1 / places, 0).astype(np.float32)


def _middle(values: NDArray[np.floating]) -> tuple[float, float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


# ---- the data -----------------------------------------------------------------------------------------------


class Community:
    """Messages oldest first, their threads by number in the order of their first message, and the questions."""

    def __init__(self, data: Path, name: str) -> None:
        self.name = name
        self.messages = read_recording(data / "channels" / f"{name}.jsonl").messages
        number: dict[str, int] = {}
        self.thread = np.array([number.setdefault(message.thread, len(number)) for message in self.messages])
        self.opener: dict[int, Message] = {}
        for thread, message in zip(self.thread, self.messages, strict=True):
            self.opener.setdefault(int(thread), message)
        lines = (data / "labels" / f"{name}.links.jsonl").read_text().splitlines()
        found = (
            (number[label["thread"]], [number[one] for one in label["earlier"] if one in number])
            for label in map(json.loads, lines)
        )
        self.questions = sorted(
            (asked, earlier) for asked, earlier in found if any(one < asked for one in earlier)
        )

    def title(self, thread: int) -> str:
        return self.opener[thread].text.split("\n")[0][:LONGEST_HEADLINE]

    def is_opener(self, place: int) -> bool:
        return self.messages[place] is self.opener[int(self.thread[place])]

    def entry(self, thread: int, messages: Sequence[Message]) -> KnowledgeEntry:
        first = self.opener[thread]
        passages = (
            Passage(
                kind=PassageKind.PROBLEM if message is first else PassageKind.SOLUTION,
                text=message.text,
                source=message.id,
            )
            for message in messages
        )
        return KnowledgeEntry(
            kind=EntryKind.THREAD,
            title=self.title(thread),
            origin=first.thread,
            audience=WORKSPACE,
            passages=tuple(passages),
        )


def read_questions(community: Community, embedder: CachedEmbedder, *, replies: bool) -> list[Question]:
    """Every question with its candidates. Without ``replies`` only opening posts are embedded (words see all)."""
    views = _views(community, embedder, replies=replies)
    vectors = _embedded([text for _, text in views], "passage", embedder, community.name)
    openers = [community.opener[asked].text for asked, _ in community.questions]
    asked_for = _embedded(openers, "query", embedder, community.name)
    owners = np.array([place for place, _ in views])
    starts = np.append(True, owners[1:] != owners[:-1])  # the first view of each message
    first = starts & np.array([community.is_opener(place) for place in owners])
    said = _Said(community)
    texts = [message.text for message in community.messages]
    opening = [text if community.is_opener(place) else "" for place, text in enumerate(texts)]
    plain = PlainBM25(opening, community.thread), PlainBM25(texts, community.thread)
    judged = []
    for (asked, earlier), vector in zip(community.questions, asked_for, strict=True):
        question = community.opener[asked]
        until = said.until(question)
        seen = owners < until
        threads, cosines = community.thread[owners[seen]], vectors[seen] @ vector
        problem = _best(threads[first[seen]], cosines[first[seen]], asked, 1)
        meaning = above_floor(_best(threads, cosines, asked, 1), embedder.floor)
        words = said.words.match(question.text).shares()[:asked]
        bm25_opening, bm25_thread = (one.score(question.text, until, asked) for one in plain)
        judged.append(
            Question(
                evidence=Evidence(
                    problem=above_floor(problem, embedder.floor),
                    agreement=above_floor(_best(threads, cosines, asked, 2), embedder.floor),
                    words=words,
                    headline=said.words.match(headline(question.text)).shares()[:asked],
                    age=said.ages(question, asked),
                    trust=np.full(asked, Trust().mean, dtype=np.float32),
                ),
                meaning=meaning,
                pool=_top(words) | _top(meaning),
                wanted=np.isin(np.arange(asked), earlier),
                bm25_opening=bm25_opening,
                bm25_thread=bm25_thread,
                fusion=rank_fusion(bm25_thread, problem),
            )
        )
    return judged


class _Said:
    """Lets time pass: every thread's entry as it stood when a question was asked."""

    def __init__(self, community: Community) -> None:
        self.words = LexicalIndex()
        self._community = community
        self._until = 0
        self._threads: defaultdict[int, list[Message]] = defaultdict(list)

    def until(self, question: Message) -> int:
        """Take into ``words`` what was said before ``question``; how many messages that is."""
        changed = set()
        while self._community.messages[self._until].id != question.id:
            thread = int(self._community.thread[self._until])
            self._threads[thread].append(self._community.messages[self._until])
            changed.add(thread)
            self._until += 1
        documents = [
            indexed_texts(self._community.entry(thread, self._threads[thread])) for thread in changed
        ]
        self.words.put(list(changed), documents)
        return self._until

    def ages(self, question: Message, threads: int) -> Floats:
        """Days since the last message of each thread."""
        last = np.array([self._threads[thread][-1].at.timestamp() for thread in range(threads)])
        return ((question.at.timestamp() - last) / SECONDS_OF_DAY).astype(np.float32)


def _best(threads: NDArray[np.int64], cosines: Floats, size: int, count: int) -> Floats:
    """The mean of the ``count`` best cosines of each thread, -1 where it has none."""
    order = np.lexsort((-cosines, threads))
    ordered = threads[order]
    starts = np.searchsorted(ordered, np.arange(size))
    taken = np.minimum(np.searchsorted(ordered, np.arange(size), side="right") - starts, count)
    sums = np.concatenate([[0.0], np.cumsum(cosines[order], dtype=np.float64)])
    means = (sums[starts + taken] - sums[starts]) / np.maximum(taken, 1)
    return np.where(taken > 0, means, -1).astype(np.float32)


def _top(scores: Floats) -> Mask:
    mask = np.zeros(len(scores), dtype=bool)
    mask[np.argsort(-scores, kind="stable")[:POOL]] = True
    return mask


# ---- embeddings ---------------------------------------------------------------------------------------------


def _views(community: Community, embedder: CachedEmbedder, *, replies: bool) -> list[tuple[int, str]]:
    """The texts to embed, each with the place of its message."""
    found: list[tuple[int, str]] = []
    for place, (thread, message) in enumerate(zip(community.thread, community.messages, strict=True)):
        title = community.title(int(thread))
        if community.is_opener(place):
            found += [(place, text) for text in problem_texts(title, [message.text], embedder.split)]
        elif replies:
            found += [(place, text) for text in solution_texts(title, message.text, embedder.split)]
    return found


def _embedded(texts: Sequence[str], kind: Kind, embedder: CachedEmbedder, name: str) -> Floats:
    """The vectors of ``texts``, float32 [n, d]. Stopped half-way, what is embedded stays in the cache."""
    missing = sorted(embedder.missing(texts, kind), key=len)
    starts = range(0, len(missing), TOGETHER)
    for start in track(starts, f"{name}: embedding", console=Console(stderr=True), disable=not missing):
        embedder.embed(missing[start : start + TOGETHER], kind)
    return embedder.embed(texts, kind)

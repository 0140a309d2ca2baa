"""Sentences labelled by hand: what a model might write from a source, faithful or spoilt in a way that has a name.

Sources, questions and sentences are invented. Half of them the rules were made on (``dev``), the other half was
written when the rules stood (``held``); benchmarks/grounding_sentences.jsonl holds both.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks._grounded import is_grounded
from knowledge.grounding import Fault, faults_in

SENTENCES = Path(__file__).parent / "grounding_sentences.jsonl"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sentence:
    """``label`` is "grounded" or "not", ``kind`` says how it was spoilt, ``split`` is "dev" or "held"."""

    id: str
    split: str
    language: str
    label: str
    kind: str
    source: str
    question: str
    sentence: str

    @property
    def is_spoilt(self) -> bool:
        return self.label == "not"

    def faults(self) -> tuple[Fault, ...]:
        return faults_in(self.sentence, [self.source], self.question)

    def is_suspected(self) -> bool:
        """By the second opinion."""
        return not is_grounded(self.sentence, [self.source], self.question)


def read_sentences(path: Path = SENTENCES) -> list[Sentence]:
    with path.open(encoding="utf-8") as lines:
        return [Sentence(**json.loads(line)) for line in lines]


@dataclass(frozen=True, kw_only=True, slots=True)
class Caught:
    """How many spoilt sentences were caught (``hits`` of ``spoilt``), and how many faithful ones with them."""

    hits: int
    spoilt: int
    false: int
    faithful: int

    @property
    def precision(self) -> float:
        return self.hits / max(self.hits + self.false, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.spoilt, 1)


def caught(sentences: Sequence[Sentence], is_bad: Callable[[Sentence], bool]) -> Caught:
    bad = [(one.is_spoilt, is_bad(one)) for one in sentences]
    return Caught(
        hits=sum(spoilt and found for spoilt, found in bad),
        spoilt=sum(spoilt for spoilt, _ in bad),
        false=sum(found and not spoilt for spoilt, found in bad),
        faithful=sum(not spoilt for spoilt, _ in bad),
    )


def by_kind(
    sentences: Sequence[Sentence], is_bad: Callable[[Sentence], bool]
) -> Iterator[tuple[str, int, int]]:
    """(kind, caught, all) of the spoilt sentences, the most frequent kind first."""
    spoilt = [one for one in sentences if one.is_spoilt]
    for kind, count in Counter(one.kind for one in spoilt).most_common():
        yield kind, sum(is_bad(one) for one in spoilt if one.kind == kind), count

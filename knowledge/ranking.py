"""How meaning, words, age and trust become one score. Pure but for reading its weights from the package.

The weights are fitted by ``python -m benchmarks train_ranking`` and measured by ``python -m benchmarks retrieval``.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.entry import Trust
from knowledge.lexical import words

Floats = NDArray[np.float32]

TRUST_SHARE = 0.1  # a vote moves an entry past its near equals, not past better answers
OLDEST = 3650.0  # days: beyond ten years age makes no more difference
SETTLED = 30.0  # days: within the first month age hardly counts, later each doubling counts the same

LONGEST_HEADLINE = 200  # characters
LEAST_HEADLINE = 2  # informative words; "Hi all," says nothing, and then the whole question is the headline


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """What each part of the evidence counts; the first four add up to 1, so that the score stays in [0, 1].

    ``age`` is what an entry loses at most for being old.
    """

    problem: float
    agreement: float
    words: float
    headline: float
    age: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What speaks for each entry, every array float32 [entries] on a scale that no other entry changes.

    ``problem`` is the cosine of its first vector, which is of the problem, and ``agreement`` the mean of its two
    best cosines, both above the floor. ``words`` is the BM25 of the question as a share of its ideal,
    ``headline`` the same for the question's headline alone. ``age`` is in days, 0 for what does not age;
    ``trust`` the expected share of people helped.
    """

    problem: Floats
    agreement: Floats
    words: Floats
    headline: Floats
    age: Floats
    trust: Floats


def above_floor(cosines: Floats, floor: float) -> Floats:
    """Cosines so stretched that unrelated texts are at 0 and equal ones at 1, whatever the model's habit."""
    stretched: Floats = np.clip((cosines - floor) / (1 - floor), -1, 1).astype(np.float32)
    return stretched


def oldness(days: Floats) -> Floats:
    """Age in [0, 1], on a scale where each doubling counts the same: old knowledge fades, it does not expire."""
    old: Floats = np.log1p(np.clip(days, 0, OLDEST) / SETTLED) / np.float32(np.log1p(OLDEST / SETTLED))
    return old.astype(np.float32)


def parts(evidence: Evidence) -> Floats:
    """The evidence float32 [entries, 5] in the order of Weights; each in [0, 1], age as a loss."""
    gains = (evidence.problem, evidence.agreement, evidence.words, evidence.headline)
    columns = [*(np.clip(gain, 0, 1) for gain in gains), -oldness(evidence.age)]
    return np.stack(columns, axis=1).astype(np.float32)


def worth(evidence: Evidence, weights: Weights) -> Floats:
    """What entries are ordered by; below 0 where age takes more than there is."""
    weighing = np.array(
        [weights.problem, weights.agreement, weights.words, weights.headline, weights.age], dtype=np.float32
    )
    voted = TRUST_SHARE * (evidence.trust - Trust().mean)
    ordered: Floats = (parts(evidence) @ weighing + voted).astype(np.float32)
    return ordered


def combine(evidence: Evidence, weights: Weights) -> Floats:
    """The score in [0, 1] of each entry.

    It does not depend on the other entries: a question that nothing answers scores low, which ranks by place
    or by the best entry's score would hide.
    """
    scores: Floats = np.clip(worth(evidence, weights), 0, 1)
    return scores


def headline(question: str) -> str:
    """The first line that says something, where people name their problem; else the whole question."""
    for line in question.splitlines():
        if len(words(line)) >= LEAST_HEADLINE:
            return line.strip()[:LONGEST_HEADLINE]
    return question


def read_weights(file: Path | Traversable) -> Weights:
    """The weights of a file that train_ranking wrote. Raises ValueError for one that does not hold them."""
    try:
        return Weights(**json.loads(file.read_text(encoding="utf-8"))["weights"])
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{file} holds no ranking weights ({error}); make it with `python -m benchmarks train_ranking`"
        ) from error


@cache
def shipped() -> Weights:
    """The weights in the package."""
    return read_weights(files("knowledge") / "weights" / "ranking.json")

"""Measures of a score against the truth, with intervals. Pure."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

Floats = NDArray[np.float64]
BINS = 10
DRAWS = 300


def auc(scores: Sequence[float], truth: Sequence[bool], counts: Sequence[float] | None = None) -> float:
    """The chance that a true case scores above a false one; nan if there are only such."""
    if len(set(truth)) < 2:
        return float("nan")
    return float(roc_auc_score(truth, scores, sample_weight=counts))


def at_threshold(scores: Floats, truth: NDArray[np.bool_], threshold: float) -> tuple[float, float, float]:
    """Precision, recall and F1 of speaking at or above ``threshold``; precision 1 where it never speaks."""
    spoken = scores >= threshold
    right = float((spoken & truth).sum())
    precision = right / spoken.sum() if spoken.any() else 1.0
    recall = right / max(truth.sum(), 1)
    return float(precision), float(recall), float(2 * right / max(spoken.sum() + truth.sum(), 1))


def best_f1(scores: Floats, truth: NDArray[np.bool_]) -> tuple[float, float]:
    """The threshold with the best F1, and that F1."""
    tried = np.unique(scores)
    found = [at_threshold(scores, truth, at)[2] for at in tried]
    return float(tried[int(np.argmax(found))]), float(max(found))


def recall_at(scores: Floats, truth: NDArray[np.bool_], precision: float) -> float:
    """The largest recall of any threshold whose precision is at least ``precision``; 0 if there is none."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order])
    said = np.arange(1, len(order) + 1)
    last = np.append(scores[order][1:] != scores[order][:-1], True)  # only between unequal scores can one cut
    good = last & (right / said >= precision)
    return float(right[good].max() / max(truth.sum(), 1)) if good.any() else 0.0


def calibration_error(
    scores: Sequence[float], truth: Sequence[bool], counts: Sequence[float] | None = None
) -> float:
    """Expected calibration error over ten equal bins: how far, on average, a score is from what came of it."""
    table = _binned(scores, truth, counts)
    total = sum(count for count, _, _ in table)
    return sum(count * abs(score - share) for count, score, share in table) / total


def reliability(
    scores: Sequence[float], truth: Sequence[bool], counts: Sequence[float] | None = None
) -> list[list[float]]:
    """For each bin that is not empty: mean score, share that was true, how many cases."""
    return [
        [round(score, 3), round(share, 3), round(count, 1)]
        for count, score, share in _binned(scores, truth, counts)
    ]


def _binned(
    scores: Sequence[float], truth: Sequence[bool], counts: Sequence[float] | None
) -> list[tuple[float, float, float]]:
    score, true = np.asarray(scores, dtype=float), np.asarray(truth, dtype=float)
    count = np.ones(len(score)) if counts is None else np.asarray(counts, dtype=float)
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    inside = [np.flatnonzero(place == at) for at in range(BINS)]
    return [_mean_of(score[here], true[here], count[here]) for here in inside if len(here)]


def _mean_of(score: Floats, true: Floats, count: Floats) -> tuple[float, float, float]:
    """How many, their mean score, and the share that was true."""
    return (
        float(count.sum()),
        float(np.average(score, weights=count)),
        float(np.average(true, weights=count)),
    )


def interval(
    measure: Callable[[NDArray[np.int64]], float], groups: Sequence[str], seed: int = 1
) -> tuple[float, float]:
    """The 95 % bootstrap interval of ``measure`` (of row numbers), drawing whole ``groups`` (threads) anew."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    rows = [np.flatnonzero(member == at) for at in range(len(names))]
    random = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS):
        drawn = np.concatenate([rows[at] for at in random.integers(len(rows), size=len(rows))])
        found.append(measure(drawn))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return float(low), float(high)

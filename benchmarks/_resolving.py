"""How what tells whether a thread was resolved is fitted. Deterministic; used by train_solution and solution.

The label is that the asker accepted a message. It is positive-unlabelled: askers who got what they wanted and marked
nothing count as unresolved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks._measure import auc, best_f1
from benchmarks._solving import FOLDS, Case, Trained, learn_lexicon
from knowledge.cues import asks_for_help
from knowledge.resolution import BIAS, Model, features_of
from knowledge.signs import Lexicon
from knowledge.solution import Model as SolutionModel
from knowledge.solution import find_solution

FROM = "2017"  # the forum had no marks before
PENALTY = 100.0  # of the squared weights, features scaled to deviation 1, against one thread's likelihood

Floats = NDArray[np.float64]

# More of these must never lower the chance (1), or never raise it (-1), whatever a small sample says.
SIGNS: Mapping[str, int] = {
    "confirmed": 1,
    "says thanks": 1,
    "says it works": 1,
    "content": 1,
    "the last word is content": 1,
    "the last word is thanks": 1,
    "the last word is that it works": 1,
    "most content": 1,
    "content at the end": 1,
    "the asker tells": 1,
    "broken at the end": -1,
    "asks at the end": -1,
    "problem at the end": -1,
    "questions back": -1,
}


def is_counted(case: Case) -> bool:
    """Whether it is a support thread as far as its words tell: its opening asks for help."""
    return case.thread.opener.at.isoformat() >= FROM and asks_for_help(case.thread.opener.text)


def train(cases: Sequence[Case], trained: Trained) -> Model:
    """The model learnt from ``cases``; the metrics are those of folds that took no part."""
    counted = [case for case in cases if is_counted(case)]
    texts, truth = (
        [case.thread.opener.text for case in counted],
        [case.accepted is not None for case in counted],
    )
    whole, apart = learn_lexicon(texts, np.array(truth, dtype=float), [case.fold for case in counted])
    by = [replace(trained.model, lexicons=lexicons) for lexicons in trained.folds]
    rows = [rows_of(case, apart[case.fold], by[case.fold]) for case in counted]
    features, right = np.array([list(row.values()) for row in rows]), np.array(truth)
    names, folds = list(rows[0]), np.array([case.fold for case in counted])
    held_out = np.zeros(len(counted))
    for fold in range(FOLDS):
        learnt = _fit(names, features[folds != fold], right[folds != fold], whole)
        held_out[folds == fold] = [
            learnt.probability(row) for row, of in zip(rows, folds, strict=True) if of == fold
        ]
    threshold, f1 = best_f1(held_out, right)
    even, even_f1 = _best_even(held_out, right)
    return replace(
        _fit(names, features, right, whole),
        data=f"urho3d {FROM} to 2019-07: {len(counted)} threads that ask for help, {sum(truth)} accepted",
        metrics={
            f"AUC, {FOLDS} folds": round(auc(held_out.tolist(), right.tolist()), 3),
            f"best F1, {FOLDS} folds": round(f1, 3),
            "threshold of it": round(threshold, 3),
            f"best F1 if half were accepted, {FOLDS} folds": round(even_f1, 3),
            "threshold of that": round(even, 3),
        },
    )


def even_f1(scores: Floats, truth: NDArray[np.bool_], threshold: float) -> float:
    """F1 as it would be if as many threads were accepted as not: the others are weighed down."""
    spoken = scores >= threshold
    recall = float((spoken & truth).sum() / truth.sum())
    alarms = float((spoken & ~truth).sum() / (~truth).sum())
    return 2 * recall / (recall + alarms + 1)


def _best_even(scores: Floats, truth: NDArray[np.bool_]) -> tuple[float, float]:
    found = [(even_f1(scores, truth, float(at)), float(at)) for at in np.unique(scores)]
    best, at = max(found)
    return at, best


def rows_of(case: Case, openings: Lexicon, by: SolutionModel) -> Mapping[str, float]:
    return features_of(case.thread, find_solution(case.thread, by=by), openings, by)


def _fit(names: Sequence[str], features: Floats, right: NDArray[np.bool_], openings: Lexicon) -> Model:
    means, scale = features.mean(0), features.std(0)
    scale[scale < 1e-3] = np.inf
    scaled, signs = (features - means) / scale, np.where(right, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        margins = signs * (scaled @ weights[:-1] + weights[-1])
        pull = -signs / (1 + np.exp(margins))
        likely = float(np.logaddexp(0, -margins).sum() + PENALTY / 2 * weights[:-1] @ weights[:-1])
        return likely, np.append(scaled.T @ pull + PENALTY * weights[:-1], pull.sum())

    bounds = [(0.0 if SIGNS.get(n, 0) > 0 else None, 0.0 if SIGNS.get(n, 0) < 0 else None) for n in names]
    found = minimize(
        loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]
    )
    values = dict(zip(names, (found.x[:-1] / scale).tolist(), strict=True))
    return Model(
        name="resolution",
        version=1,
        data="",
        metrics={},
        weights={BIAS: round(float(found.x[-1]), 4), **{n: round(v, 4) for n, v in values.items()}},
        means={n: round(float(v), 4) for n, v in zip(names, means, strict=True)},
        openings=openings,
    )

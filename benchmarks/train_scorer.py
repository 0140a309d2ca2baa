"""Trains the scorer: fits its weights to the development communities and writes them as one readable file.

Data: ../shared/data (channels, labels), benchmarks/judgements.jsonl (what Earshot would have said, judged one
by one) and the invented practice day. `benchmarks/_cases.py` says what each class of examples is a proxy for, `_fit.py`
how they are fitted. `--without NAME` leaves a community out, for figures of that community: `earshot replay` takes such
a file as `weights:`, the other benchmarks as --weights.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks._cache import CachedEmbedder, add_arguments
from benchmarks._cases import COMMUNITIES, SHARED, Case, cases_of, practice_cases
from benchmarks._fit import PRACTICE, Example, examples_of, fit, held_out_scores
from benchmarks._measure import auc, calibration_error, reliability
from bot.weighing import BIAS, SHIPPED, Weights
from knowledge.embed import load_embedder

VERSION = "2026-11-1"
err = Console(stderr=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_scorer", description=__doc__)
    parser.add_argument(
        "--without", action="append", default=[], metavar="NAME", help="leave a community out"
    )
    parser.add_argument("--out", type=Path, default=SHIPPED, help="default: the weights in the package")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.without) - {*COMMUNITIES, PRACTICE}:
        parser.error(
            f"--without {', '.join(sorted(unknown))}: choose from {', '.join([*COMMUNITIES, PRACTICE])}"
        )
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    cases = all_cases(arguments, arguments.without)
    weights, about = trained(cases, arguments.without)
    arguments.out.write_text(as_json(weights, about), encoding="utf-8")
    err.print(f"wrote {arguments.out}: {len(weights.weights)} weights")
    print(json.dumps(about, indent=1))
    return 0


def all_cases(arguments: argparse.Namespace, without: Sequence[str] = ()) -> list[Case]:
    """The cases of every community that is not left out, and of the practice day."""
    embedder = CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)
    names = [name for name in COMMUNITIES if name not in without]
    found = [case for name in names for case in cases_of(name, embedder, arguments.cases)]
    return found if PRACTICE in without else [*found, *practice_cases(embedder)]


def trained(cases: Sequence[Case], without: Sequence[str]) -> tuple[Weights, dict[str, Any]]:
    """The weights and what is to be known about them."""
    examples = examples_of(cases)
    left_out = f"-without-{'-'.join(sorted(without))}" if without else ""
    weights = fit(examples, VERSION + left_out)
    return weights, {"trained on": _counts(examples), "held out": _held_out(examples)}


def _counts(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    total = Counter(one.community for one in examples)
    welcome = Counter(one.community for one in examples if one.welcome)
    return {name: {"examples": total[name], "welcome": welcome[name]} for name in sorted(total)}


def _held_out(examples: Sequence[Example]) -> dict[str, Any]:
    """How the score does on the judged messages of communities that the weights were fitted without."""
    scored = [(score, one) for score, one in held_out_scores(examples) if one.stands_for]
    scores, welcome = [score for score, _ in scored], [one.welcome for _, one in scored]
    counts = [one.stands_for for _, one in scored]
    return {
        "judged messages": len(scored),
        "welcome": sum(welcome),
        "AUC": round(auc(scores, welcome), 3),
        "calibration error": round(calibration_error(scores, welcome, counts), 3),
        "reliability": reliability(scores, welcome, counts),
    }


def as_json(weights: Weights, about: dict[str, Any]) -> str:
    """The file: a line a feature, so that a change can be read."""
    features = {
        name: {"weight": round(value, 3), "spread": round(weights.spread[name], 3)}
        for name, value in weights.weights.items()
    }
    bias = features.pop(BIAS)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(given)}" for name, given in features.items())
    dial = ",\n".join(
        f"  {json.dumps({'precision': p.precision, 'threshold': p.threshold, 'replies': p.replies})}"
        for p in weights.dial
    )
    rest = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in about.items())
    return (
        f'{{\n "version": {json.dumps(weights.version)},\n "bias": {json.dumps(bias)},\n'
        f' "features": {{\n{lines}\n }},\n "dial": [\n{dial}\n ],\n{rest}\n}}\n'
    )

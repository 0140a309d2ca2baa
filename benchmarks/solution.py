"""Which message holds the solution, and whether the thread was resolved: ``knowledge`` against what people marked.

Data: ``channels/{urho3d,redash,ncar}.jsonl``, ``labels/urho3d.accepted.jsonl``, ``labels/ncar.resolved.jsonl``.

Solution: urho3d threads begun from 2019-07 on in which the asker accepted a message and somebody besides him spoke.
"In time": the shipped weights, fitted on threads before. "Transfer": weights that saw nothing of urho3d but the part on
thanks, set by hand; fitted to a proxy: in redash and ncar threads with one clear thanks, the answer just before it.

Resolved: urho3d threads from 2019-07 on that ask for help, resolved if a message was accepted; ncar, if people marked
them ✔. Both are positive-unlabelled: many askers mark nothing. In brackets 95 % of the bootstrap over threads.
"""

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._measure import auc, interval
from benchmarks._resolving import even_f1, is_counted
from benchmarks._solving import (
    DATA,
    EMPTY,
    SPLIT,
    Case,
    choices,
    feature_names,
    fit,
    is_usable,
    learn_words,
    read_cases,
    resolved_marks,
)
from knowledge import resolution
from knowledge.resolution import resolution_of
from knowledge.signs import Scene, is_content
from knowledge.solution import Model, find_solution, is_human, model
from knowledge.thread import Message, Thread

_THANKS = re.compile(r"\b(?:thanks?|thank you|thx|ty|cheers)\b", re.IGNORECASE)

Floats = NDArray[np.float64]
Ranking = Callable[[Thread], Sequence[Message]]  # the messages after the opening one, the best first

# What the proxy cannot teach, since it is made of it: the features that see thanks or where the asker speaks.
ABOUT_THANKS = re.compile(
    r"^(?:then|at once|just before|after the last|thanks follow|nobody is thanked|is thanked|is told|most content"
    r"|the thanks|told between|before the asker|the asker never|answers before the asker|last answer"
    r"|broken later|the asker|own|last word)"
)
BY_HAND = {
    "just before the last thanks": 1.0,
    "at once content": 0.5,
    "after the last thanks": -1.0,
    "then it is still broken": -0.5,
    "own": -1.0,
    "own, tells how it was solved": 1.5,
}


def main(argv: Sequence[str]) -> int:
    """Print both tables. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks solution", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    data: Path = parser.parse_args(argv).data
    if not (data / "labels" / "urho3d.accepted.jsonl").is_file():
        print(f"skipped: {data} has no labels/urho3d.accepted.jsonl; give the folder with --data")
        return 0
    late = [case for case in read_cases(data, "urho3d") if not case.before]
    elsewhere = {name: read_cases(data, name) for name in ("redash", "ncar")}
    _print_solutions([case for case in late if case.accepted is not None], elsewhere)
    _print_resolved(late, elsewhere["ncar"], resolved_marks(data))
    return 0


# ---- the solution -----------------------------------------------------------------------------------------


def _print_solutions(marked: Sequence[Case], elsewhere: Mapping[str, Sequence[Case]]) -> None:
    transfer = learn_elsewhere([case for cases in elsewhere.values() for case in cases])
    rankings: Mapping[str, Ranking] = {
        "longest answer": _longest,
        "just before the thanks, else the last answer": _before_thanks,
        "Earshot, in time": _by(model()),
        "Earshot, transfer": _by(transfer),
    }
    print(
        f"The accepted message, urho3d from {SPLIT} on, {len(marked)} threads\n\n| by | P@1 | MRR |\n|---|---|---|"
    )
    sizes = np.array([len(case.thread.messages) - 1 for case in marked])
    harmonic = np.array([(1 / np.arange(1, size + 1)).mean() for size in sizes])
    print(f"| random, expected | {(1 / sizes).mean():.3f} | {harmonic.mean():.3f} |")
    for name, ranking in rankings.items():
        places = np.array([_place(ranking(case.thread), case) for case in marked], dtype=float)
        print(f"| {name} | {_mean(places == 1)} | {_mean(1 / places)} |", flush=True)
    _print_confirmed(marked)


def _print_confirmed(marked: Sequence[Case]) -> None:
    chosen = [(find_solution(case.thread), case.accepted) for case in marked]
    for confirmed, name in ((True, "confirmed"), (False, "not confirmed")):
        right = [one.message.id == wanted for one, wanted in chosen if one and one.confirmed is confirmed]
        print(f"{name}: {sum(right)} of {len(right)} right")


def _place(ranked: Sequence[Message], case: Case) -> int:
    return 1 + next(place for place, message in enumerate(ranked) if message.id == case.accepted)


def _mean(values: NDArray[np.generic]) -> str:
    found = values.astype(float)
    low, high = interval(lambda rows: float(found[rows].mean()), [str(row) for row in range(len(found))])
    return f"{found.mean():.3f} ({low:.2f}–{high:.2f})"


def _ranked(thread: Thread, first: Message | None, worth: Callable[[Message], float]) -> list[Message]:
    return sorted(thread.messages[1:], key=lambda message: (message is not first, -worth(message)))


def _is_answer(thread: Thread, message: Message) -> bool:
    return message.user != thread.asker


def _longest(thread: Thread) -> Sequence[Message]:
    return _ranked(thread, None, lambda message: len(message.text) * _is_answer(thread, message))


def _before_thanks(thread: Thread) -> Sequence[Message]:
    """The answer just before the asker's first thanks, else the last answer; then the later ones first."""
    places = {message.id: place for place, message in enumerate(thread.messages)}
    thanks = next((place for place, message in enumerate(thread.messages) if _thanks(thread, message)), 0)
    before = [message for message in thread.messages[1:thanks] if _is_answer(thread, message)]
    return _ranked(
        thread,
        before[-1] if before else None,
        lambda message: places[message.id] + len(places) * _is_answer(thread, message),
    )


def _thanks(thread: Thread, message: Message) -> bool:
    """The rule that others published for this data: a word of thanks, by the asker, after the opening."""
    return (
        message.user == thread.asker
        and message is not thread.opener
        and _THANKS.search(message.text) is not None
    )


def _by(weights: Model) -> Ranking:
    def ranking(thread: Thread) -> Sequence[Message]:
        chosen = find_solution(thread, by=weights)
        seen = {message.id: weights.score(row) for message, row in Scene(thread, weights.lexicons).features()}
        first = chosen.message if chosen else None
        return _ranked(thread, first, lambda message: seen.get(message.id, -np.inf))

    return ranking


def learn_elsewhere(cases: Sequence[Case]) -> Model:
    """Weights fitted to the proxy on ``cases``, with what is about thanks set by hand."""
    proxies = [replace(case, accepted=_proxy(case.thread)) for case in cases if is_usable(case)]
    known = [case for case in proxies if case.accepted is not None]
    names = feature_names(known[0])
    bare = choices(known, lambda _: EMPTY)
    whole, folds = learn_words(bare, np.zeros(len(names)))
    seen = np.array([ABOUT_THANKS.match(name) is None for name in names], dtype=float)
    rows = [replace(one, rows=one.rows * seen) for one in choices(known, lambda case: folds[case.fold])]
    values = dict(zip(names, fit(rows, names).tolist(), strict=True))
    return Model(
        name="transfer",
        version=1,
        data=f"{len(known)} threads with one clear thanks",
        metrics={},
        weights={**values, **BY_HAND},
        lexicons=whole,
    )


def _proxy(thread: Thread) -> str | None:
    """The answer just before the asker's only thanks."""
    content = [
        place
        for place, message in enumerate(thread.messages)
        if place and message.user == thread.asker and is_content(message.text)
    ]
    if len(content) != 1:
        return None
    before = [message for message in thread.messages[1 : content[0]] if _is_answer(thread, message)]
    return before[-1].id if before and is_human(before[-1]) else None


# ---- resolved ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """Scores and thresholds of one way to tell, on the same threads."""

    name: str
    scores: Floats
    threshold: float
    even: float


def _print_resolved(late: Sequence[Case], ncar: Sequence[Case], marks: Mapping[str, bool]) -> None:
    asked = [case for case in late if is_counted(case)]
    marked = [case for case in ncar if case.thread.id in marks]
    print(
        "\n| resolved | threads (marked) | by | AUC | F1 | F1, were half marked |\n|---|---|---|---|---|---|"
    )
    _print_outcomes(f"urho3d from {SPLIT} on", asked, [case.accepted is not None for case in asked])
    _print_outcomes("ncar", marked, [marks[case.thread.id] for case in marked])


def _print_outcomes(where: str, cases: Sequence[Case], resolved: Sequence[bool]) -> None:
    truth = np.array(resolved)
    figures = {name: value for name, value in resolution.model().metrics.items() if isinstance(value, float)}
    thanked = [any(_thanks(case.thread, message) for message in case.thread.messages) for case in cases]
    ours = [resolution_of(case.thread).probability for case in cases]
    for outcome in (
        _Outcome(name="thanks by the asker", scores=np.array(thanked, dtype=float), threshold=0.5, even=0.5),
        _Outcome(
            name="Earshot",
            scores=np.array(ours),
            threshold=figures["threshold of it"],
            even=figures["threshold of that"],
        ),
    ):
        row = " | ".join(_measured(outcome, truth))
        print(f"| {where} | {len(cases)} ({truth.sum()}) | {outcome.name} | {row} |", flush=True)


def _measured(outcome: _Outcome, truth: NDArray[np.bool_]) -> list[str]:
    measures: Sequence[Callable[[Floats, NDArray[np.bool_]], float]] = (
        lambda scores, true: auc(scores.tolist(), true.tolist()),
        lambda scores, true: _f1(scores >= outcome.threshold, true),
        lambda scores, true: even_f1(scores, true, outcome.even),
    )
    return [_with_interval(measure, outcome.scores, truth) for measure in measures]


def _f1(spoken: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (spoken & truth).sum() / max(spoken.sum() + truth.sum(), 1))


def _with_interval(
    measure: Callable[[Floats, NDArray[np.bool_]], float], scores: Floats, truth: NDArray[np.bool_]
) -> str:
    low, high = interval(
        lambda rows: measure(scores[rows], truth[rows]), [str(row) for row in range(len(truth))]
    )
    return f"{measure(scores, truth):.3f} ({low:.2f}–{high:.2f})"

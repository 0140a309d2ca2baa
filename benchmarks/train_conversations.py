"""Train the weights of ``bot/linking.py`` and write ``bot/weights/conversations.json``. Deterministic.

Everything but time is learnt on ``other/irc-train.jsonl`` (human reply-to links, no times): softmax over the earlier
messages and "none", with the summed share of the linked ones as the likelihood. A first round sees the true
conversations, the next ones those that the last round's weights infer, as it is in use. What time tells is then learnt
on two channels of ``channels/gitter-dev.jsonl`` (conversations by hand, with times), all other weights held fast.
Every sixth log of irc-train is kept out to choose by; its scores are printed. Then all of them are trained on.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks._irc import SHARED, Log, conversations_of, read_channels, read_logs
from benchmarks.conversations import measure_links
from bot.conversations import WINDOW
from bot.linking import MOST, NONE, PAIR, Model, features, link, model
from knowledge.thread import Message

TARGET = Path(__file__).parents[1] / "bot" / "weights" / "conversations.json"
VERSION = 1
ROUNDS = 1  # after the first one
PENALTY = 3e-5  # of the squared weights, features scaled to deviation 1
TIME = (
    "last, pace",
    "distance, pace",
    "none: minutes, asks nothing",
    "none: pace, asks nothing",
)
TIME_PENALTY = 1e-4
TIMED = ("nodejs", "angular")  # channels of gitter-dev; the other two are kept for measuring
KEPT_OUT = 6
ALL = (*PAIR, *NONE)

Floats = NDArray[np.float64]
# The conversation that a message is put into for what follows.
Home = Callable[[Message, Sequence[Message]], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """Messages one after the other: for each its earlier messages, oldest first, then "none".

    ``pairs`` float32 [earlier messages, PAIR], ``nones`` float32 [messages, NONE], ``right`` bool [both],
    ``sizes`` int [messages]: earlier messages + 1.
    """

    pairs: NDArray[np.float32]
    nones: NDArray[np.float32]
    right: NDArray[np.bool_]
    sizes: NDArray[np.int64]


def main(argv: Sequence[str]) -> int:
    """Print the scores of the kept-out logs and write the weights file. 0 also where the data is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train_conversations", description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder with other/ and channels/")
    parser.add_argument("--out", type=Path, default=TARGET)
    parser.add_argument("--time", action="store_true", help="learn only what time tells anew")
    arguments = parser.parse_args(argv)
    if not (arguments.data / "other" / "irc-train.jsonl").is_file():
        print(f"skipped: {arguments.data} has no other/irc-train.jsonl; give the folder with --data")
        return 0
    logs = read_logs(arguments.data / "other" / "irc-train.jsonl")
    timed = [
        log for log in read_channels(arguments.data / "channels" / "gitter-dev.jsonl") if log.name in TIMED
    ]
    if arguments.time:
        _write(arguments.out, _timed(model(), timed))
        return 0
    kept, rest = logs[::KEPT_OUT], [log for place, log in enumerate(logs) if place % KEPT_OUT]
    print(f"choosing: {len(rest)} logs of irc-train, {len(kept)} kept out", flush=True)
    chosen = train(rest, timed)
    metrics = {f"kept-out {name}": value for name, value in measure_links(kept, chosen).items()}
    print(metrics, flush=True)
    final = replace(train(logs, timed), metrics=metrics)
    _write(arguments.out, final)
    return 0


def _write(path: Path, learnt: Model) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(learnt), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"written: {path}")


def train(logs: Sequence[Log], timed: Sequence[Log]) -> Model:
    """The weights learnt from ``logs``; of time from ``timed``."""
    learnt = _model(np.zeros(len(ALL)))
    for number in range(1 + ROUNDS):
        inferred = None if number == 0 else learnt
        learnt = _model(fit(examples(logs, inferred), _values(learnt), _free(but=TIME), PENALTY))
        print(f"  round {number} done", flush=True)
    return _timed(learnt, timed)


def _timed(known: Model, timed: Sequence[Log]) -> Model:
    """``known`` with what time tells learnt from ``timed``."""
    learnt = fit(examples(timed, known), _values(known), _free(only=TIME), TIME_PENALTY)
    return replace(_model(learnt), metrics=known.metrics)


def _model(values: Floats) -> Model:
    return Model(
        name="conversations",
        version=VERSION,
        data="irc-train (Kummerfeld et al. 2019, CC BY 4.0); time: gitter-dev nodejs and angular (MIT)",
        metrics={},
        weights={name: round(float(value), 4) for name, value in zip(ALL, values, strict=True)},
    )


def _values(learnt: Model) -> Floats:
    return np.array([learnt.weights[name] for name in ALL])


def _free(*, but: Sequence[str] = (), only: Sequence[str] = ALL) -> NDArray[np.bool_]:
    return np.array([name in only and name not in but for name in ALL])


# ---- examples -----------------------------------------------------


def examples(logs: Sequence[Log], inferred: Model | None) -> Examples:
    """What ``logs`` teach, the earlier messages in their true conversations or in those that a model infers."""
    rows = [row for log in logs for row in _of_log(log, inferred)]
    pairs, nones, right = zip(*rows, strict=True)
    return Examples(
        pairs=np.concatenate(pairs),
        nones=np.stack(nones),
        right=np.concatenate(right),
        sizes=np.array([len(row) for row in right]),
    )


Row = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]


def _of_log(log: Log, inferred: Model | None) -> Iterator[Row]:
    home = _true_home(log) if inferred is None else _inferred_home(inferred)
    before: list[Message] = []
    for message in log.messages:
        recent = [earlier for earlier in before[-MOST:] if message.at - earlier.at <= WINDOW]
        right = [earlier.id in log.links[message.id] for earlier in recent]
        starts = message.id in log.links[message.id]
        if recent and (starts or any(right)):
            pairs, none = features(message, recent, {})
            yield np.array(pairs, np.float32), np.array(none, np.float32), np.array([*right, starts])
        before.append(replace(message, thread=home(message, recent)))


def _true_home(log: Log) -> Home:
    conversations = conversations_of(log.messages, log.links)
    return lambda message, _recent: conversations[message.id]


def _inferred_home(weights: Model) -> Home:
    def home(message: Message, recent: Sequence[Message]) -> str:
        found = link(message, recent, {}, weights)
        return message.id if found.parent is None else found.parent.thread

    return home


# ---- the fit -----------------------------------------------------


def fit(given: Examples, start: Floats, free: NDArray[np.bool_], penalty: float) -> Floats:
    """The weights that make the right ones most likely; only those that are ``free`` move from ``start``."""
    wide = given.pairs.shape[1]
    scale = np.concatenate([_deviation(given.pairs), _deviation(given.nones)])
    pairs, nones = given.pairs / scale[:wide].astype(np.float32), given.nones / scale[wide:]
    ends = np.cumsum(given.sizes)
    begins, group = ends - given.sizes, np.repeat(np.arange(len(given.sizes)), given.sizes)
    is_none = np.zeros(len(given.right), bool)
    is_none[ends - 1] = True

    def shares(sums: Floats) -> tuple[Floats, Floats]:
        top = np.maximum.reduceat(sums, begins)
        grown = np.exp(sums - top[group])
        whole = np.add.reduceat(grown, begins)
        return top + np.log(whole), grown / whole[group]

    def loss(weights: Floats) -> tuple[float, Floats]:
        sums = np.empty(len(given.right))
        sums[~is_none] = pairs @ weights[:wide].astype(np.float32)
        sums[is_none] = nones @ weights[wide:]
        every, share = shares(sums)
        right, right_share = shares(np.where(given.right, sums, -1e30))
        slope = (share - right_share) / len(given.sizes)
        by_pairs = pairs.T @ slope[~is_none].astype(np.float32)
        gradient = np.concatenate([by_pairs, nones.T @ slope[is_none]]) + 2 * penalty * weights
        return float(np.mean(every - right)) + penalty * float(weights @ weights), gradient * free

    found = minimize(loss, start * scale, jac=True, method="L-BFGS-B", options={"maxiter": 300})
    learnt: Floats = found.x / scale
    return learnt


def _deviation(values: NDArray[np.float32]) -> Floats:
    deviation: Floats = values.std(0).astype(np.float64)
    deviation[deviation < 1e-3] = 1.0  # constant
    return deviation

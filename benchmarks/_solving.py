"""Threads with a known outcome, and how what tells their solution and resolution is fitted to them. Deterministic."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix, diags, vstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from knowledge.cues import asks_for_help
from knowledge.recordings import read_recording
from knowledge.signs import ANSWER, CONTENT, LEXICONS, MOST, TELLING, Lexicon, Scene, terms
from knowledge.solution import Model
from knowledge.thread import Thread, thread_of

DATA = Path(__file__).parents[2] / "shared" / "data"
SPLIT = "2019-07"
COMMUNITIES = ("urho3d", "redash", "ncar")
FOLDS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A thread and the id of the message that its asker accepted; ``accepted`` is None where nobody marked any."""

    community: str
    thread: Thread
    accepted: str | None

    @property
    def before(self) -> bool:
        return self.thread.opener.at.isoformat() < SPLIT

    @property
    def fold(self) -> int:
        return int(md5(self.thread.id.encode(), usedforsecurity=False).hexdigest(), 16) % FOLDS


def read_threads(data: Path, community: str) -> list[Thread]:
    """The threads of a community in which somebody besides the asker spoke, oldest first."""
    said = defaultdict(list)
    for message in read_recording(data / "channels" / f"{community}.jsonl").messages:
        said[message.thread].append(message)
    threads = [thread_of(messages) for messages in said.values()]
    answered = [one for one in threads if any(each.user != one.asker for each in one.messages)]
    return sorted(answered, key=lambda thread: (thread.opener.at, thread.id))


def read_cases(data: Path, community: str) -> list[Case]:
    """Every answered thread, with what was accepted in it."""
    accepted = _labels(data, "urho3d.accepted", "solution") if community == "urho3d" else {}
    return [
        Case(community=community, thread=thread, accepted=_present(thread, accepted.get(thread.id)))
        for thread in read_threads(data, community)
    ]


def _present(thread: Thread, accepted: object) -> str | None:
    return next((message.id for message in thread.messages if message.id == accepted), None)


def _labels(data: Path, name: str, key: str) -> dict[str, object]:
    lines = (data / "labels" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return {label["thread"]: label[key] for label in map(json.loads, lines)}


def resolved_marks(data: Path) -> dict[str, bool]:
    """ncar: whether people marked the thread ✔."""
    return {thread: bool(mark) for thread, mark in _labels(data, "ncar.resolved", "resolved").items()}


# ---- the choice within a thread ---------------------------------------------------------------------------

PENALTY = 200.0  # of the squared weights, features scaled to deviation 1, against one thread's likelihood
VOCABULARY = 500  # terms of a lexicon
LEAST_SEEN = 12  # messages with a term
MARKED_COUNTS = 3.0  # a thread with a mark, in the lexicons, against one whose solution is only guessed
ROUNDS = 2  # of guessing the solutions of unmarked threads and learning words from them
LONGEST = 25  # messages of an unmarked thread that words are learnt from
MEAN = 1e-3  # deviation below which a feature is constant

# More of these must never lower a message's score (1), or never raise it (-1), whatever a small sample says.
SIGNS: Mapping[str, int] = {
    "by an analyst": 1,
    "holds code": 1,
    "advises": 1,
    "has substance": 1,
    "just before the first thanks": 1,
    "just before the last thanks": 1,
    "at once content": 1,
    "then it works": 1,
    "then the asker thanks": 1,
    "own, tells how it was solved": 1,
    "reads like an answer": 1,
    "reads like telling": 1,
    "then content": 1,
    "asks": -1,
    "ends with a question": -1,
    "puts off": -1,
    "still broken": -1,
    "has the same trouble": -1,
    "asks for himself": -1,
    "asks on": -1,
    "says nothing": -1,
    "then it is still broken": -1,
    "is told that it is broken": -1,
    "after the last thanks": -1,
}


# Set by hand: where names are replaced, as in the marked threads, nobody is seen to be named. The last two
# are rare, and about what the folds learn for them.
GIVEN: Mapping[str, float] = {
    "the thanks name its author": 0.8,
    "the thanks name another": -0.8,
    "opens to another": -0.4,
    "told between it and the thanks": -0.1,
    "own, told between answer and thanks": 0.1,
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The messages of one case with their features, float64 [messages, names], and which was accepted."""

    case: Case
    ids: Sequence[str]
    rows: Floats
    right: int | None


def choices(cases: Iterable[Case], lexicons: Callable[[Case], Mapping[str, Lexicon]]) -> list[Choice]:
    return [_choice(case, lexicons(case)) for case in cases]


def _choice(case: Case, lexicons: Mapping[str, Lexicon]) -> Choice:
    seen = Scene(case.thread, lexicons).features()
    ids = [message.id for message, _ in seen]
    return Choice(
        case=case,
        ids=ids,
        rows=np.array([list(features.values()) for _, features in seen], dtype=np.float64),
        right=ids.index(case.accepted) if case.accepted in ids else None,
    )


def feature_names(case: Case) -> list[str]:
    return list(Scene(case.thread, {name: {} for name in LEXICONS}).features()[0][1])


def fit(given: Sequence[Choice], names: Sequence[str], penalty: float = PENALTY) -> Floats:
    """Weights float64 [names]: the accepted messages the likeliest of their threads, signs as in SIGNS."""
    known = [(one.rows, one.right) for one in given if one.right is not None]
    rows = np.vstack([found for found, _ in known])
    starts = np.concatenate([[0], np.cumsum([len(found) for found, _ in known])[:-1]])
    right = starts + np.array([place for _, place in known])
    scale = rows.std(0)
    scale[scale < MEAN] = np.inf
    scaled = (rows - rows.mean(0)) / scale
    member = np.repeat(np.arange(len(known)), [len(found) for found, _ in known])

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = scaled @ weights
        top = np.maximum.reduceat(scores, starts)
        raised = np.exp(scores - top[member])
        total = np.add.reduceat(raised, starts)
        likely = float((top + np.log(total)).sum() - scores[right].sum())
        slope = scaled.T @ (raised / total[member]) - scaled[right].sum(0)
        return likely + penalty / 2 * float(weights @ weights), slope + penalty * weights

    bounds = [(0.0, 0.0) if name in GIVEN else _bounds(SIGNS.get(name, 0)) for name in names]
    found = minimize(loss, np.zeros(len(names)), jac=True, method="L-BFGS-B", bounds=bounds)
    learnt: Floats = found.x / scale
    return learnt


def _bounds(sign: int) -> tuple[float | None, float | None]:
    return (0.0 if sign > 0 else None, 0.0 if sign < 0 else None)


def shares(scores: Floats) -> Floats:
    """Softmax."""
    raised: Floats = np.exp(scores - scores.max())
    total: Floats = raised / raised.sum()
    return total


# ---- words ------------------------------------------------------------------------------------------------


@dataclass
class _Texts:
    """Messages of one lexicon: how likely each is an example, how much it counts, its fold."""

    texts: list[str]
    likely: list[float]
    counts: list[float]
    folds: list[int]

    def add(self, text: str, likely: float, counts: float, fold: int) -> None:
        self.texts.append(text)
        self.likely.append(min(likely, 1.0))
        self.counts.append(counts)
        self.folds.append(fold)


Lexicons = Mapping[str, Lexicon]


def learn_words(given: Sequence[Choice], weights: Floats) -> tuple[Lexicons, list[Lexicons]]:
    """The lexicons, and those that each fold's threads took no part in.

    An unmarked thread teaches by how likely each of its messages is the solution under ``weights``.
    """
    collected = {name: _Texts([], [], [], []) for name in LEXICONS}
    for one in given:
        _collect(one, weights, collected)
    made = {name: _lexicon(texts) for name, texts in collected.items()}
    whole = {name: found for name, (found, _) in made.items()}
    return whole, [{name: parts[fold] for name, (_, parts) in made.items()} for fold in range(FOLDS)]


def _collect(one: Choice, weights: Floats, into: Mapping[str, _Texts]) -> None:
    marked = one.right is not None
    likely = np.eye(len(one.ids))[one.right] if marked else shares(one.rows @ weights)
    chance = dict(zip(one.ids, likely.tolist(), strict=True))
    counts, fold, asker = MARKED_COUNTS if marked else 1.0, one.case.fold, one.case.thread.asker
    waiting, answered = 0.0, False
    for message in one.case.thread.messages[1:MOST]:
        if message.id not in chance:
            continue
        if message.user != asker:
            waiting, answered = waiting + chance[message.id], True
            into[ANSWER].add(message.text, chance[message.id], counts, fold)
            continue
        into[TELLING].add(message.text, chance[message.id], counts, fold)
        if answered:
            into[CONTENT].add(message.text, waiting, counts, fold)
        waiting, answered = 0.0, False


def _lexicon(of: _Texts) -> tuple[Lexicon, list[Lexicon]]:
    if not any(of.likely):  # as of the asker's own tellings, where only answers are examples
        return {}, [{}] * FOLDS
    vectors = CountVectorizer(analyzer=_sorted_terms, binary=True, min_df=LEAST_SEEN)
    found = vectors.fit_transform(of.texts)
    sizes = np.array([max(len(terms(text)), 1) for text in of.texts])
    scaled = csr_matrix(diags(1 / np.sqrt(sizes)) @ found)
    likely, counts, folds = np.array(of.likely), np.array(of.counts), np.array(of.folds)
    every = np.ones(len(likely), dtype=bool)
    first = _logistic(scaled, likely, counts, every)
    usual = np.sqrt(np.asarray(scaled.multiply(scaled).mean(0)).ravel())
    kept = np.sort(np.argsort(-np.abs(first) * usual, kind="stable")[:VOCABULARY])
    names, scaled = vectors.get_feature_names_out()[kept], scaled[:, kept]

    def learnt(rows: NDArray[np.bool_]) -> Lexicon:
        values = _logistic(scaled, likely, counts, rows)
        return {str(name): round(float(value), 3) for name, value in zip(names, values, strict=True)}

    return learnt(every), [learnt(folds != fold) for fold in range(FOLDS)]


def learn_lexicon(texts: Sequence[str], truth: Floats, folds: Sequence[int]) -> tuple[Lexicon, list[Lexicon]]:
    """The words that tell true texts from others, and those that each fold's texts took no part in."""
    return _lexicon(_Texts(list(texts), truth.tolist(), [1.0] * len(texts), list(folds)))


def _sorted_terms(text: str) -> list[str]:
    return sorted(terms(text))


def _logistic(scaled: csr_matrix, likely: Floats, counts: Floats, rows: NDArray[np.bool_]) -> Floats:
    """Coefficients of a logistic regression on examples that are true only with some chance."""
    some, twice = scaled[rows], int(rows.sum())
    counted = np.concatenate([likely[rows] * counts[rows], (1 - likely[rows]) * counts[rows]])
    truth = np.repeat([True, False], twice)
    used = counted > 1e-6
    fitted = LogisticRegression(C=0.5, max_iter=400).fit(
        vstack([some, some]).tocsr()[used], truth[used], sample_weight=counted[used]
    )
    coefficients: Floats = fitted.coef_[0]
    return coefficients


# ---- all of it --------------------------------------------------------------------------------------------

EMPTY: Lexicons = {name: {} for name in LEXICONS}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The model, and for each fold of threads the lexicons that it took no part in."""

    model: Model
    folds: Sequence[Lexicons]
    names: Sequence[str]


def train(marked: Sequence[Case], unmarked: Sequence[Case], tell: Callable[[str], None]) -> Trained:
    """The weights and lexicons learnt from ``marked`` threads, the words from ``unmarked`` ones, too."""
    names = feature_names(marked[0])
    usable = [case for case in unmarked if is_usable(case)]
    whole, folds = EMPTY, [EMPTY] * FOLDS
    known, unknown = choices(marked, lambda _: EMPTY), choices(usable, lambda _: EMPTY)
    weights = fit(known, names)
    for number in range(ROUNDS):
        whole, folds = learn_words([*known, *unknown], weights)
        apart = folds
        known = choices(marked, lambda case, apart=apart: apart[case.fold])  # type: ignore[misc]
        weights = fit(known, names)
        if number + 1 < ROUNDS:
            unknown = choices(usable, lambda case, apart=apart: apart[case.fold])  # type: ignore[misc]
        tell(f"round {number + 1} of {ROUNDS}: {len(known)} marked threads, {len(unknown)} unmarked")
    return Trained(model=_model(names, weights, whole), folds=folds, names=names)


def is_usable(case: Case) -> bool:
    """Whether words are learnt from a thread without a mark."""
    return len(case.thread.messages) <= LONGEST and asks_for_help(case.thread.opener.text)


def _model(names: Sequence[str], weights: Floats, lexicons: Lexicons) -> Model:
    return Model(
        name="solution",
        version=1,
        data="",
        metrics={},
        weights={
            name: GIVEN.get(name, round(float(value), 4)) for name, value in zip(names, weights, strict=True)
        },
        lexicons=lexicons,
    )

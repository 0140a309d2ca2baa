"""How the scorer's weights are fitted and calibrated. Pure; used by train_scorer and gate.

1. Ranking. The mode of a Bayesian logistic regression whose prior is what we believed before any data (PRIOR), by the
   same code as a channel's thumbs. Examples: what was judged one by one; openers whose linked thread is the best source
   (welcome: a person gave that very thread as the answer); questions put to another community's knowledge (unwelcome).
2. Calibration. Each community is scored by weights fitted without it; slope and level of the logit are then fitted to
   the judged messages, each counting as many times as it stands for messages that were not drawn. The community's other
   messages take no part, so the score is a chance on the natural mixture, not on the labelled one.
3. The dial. The least score above which that share of the judged replies of held-out communities was welcome, shrunk to
   what the calibrated scores say where few were judged.
4. The spread of each weight is how far communities' own fits differ from the common one, shrunk; thumbs move a channel
   within it.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks._cases import Case, Judgement, intended, judgements, links_of
from bot.feedback import Judged, moves_from
from bot.weighing import BIAS, DialPoint, Weights, logistic

Floats = NDArray[np.float64]

# What each feature adds to the logit at 1, and how sure we were of it (a standard deviation), before any data.
PRIOR: Mapping[str, tuple[float, float]] = {
    BIAS: (-9.0, 3.0),
    "question": (0.5, 0.4),
    "problem": (0.5, 0.4),
    "opener": (0.5, 0.5),
    "helper": (-0.5, 1.0),
    "open": (0.3, 0.3),
    "again": (-0.3, 0.5),
    "score": (5.0, 2.5),
    "dense": (2.0, 2.0),
    "coverage": (2.0, 1.5),
    "margin": (3.0, 2.0),
    "consensus": (1.0, 1.5),
    "same problem": (1.0, 1.5),
    "twice": (1.0, 1.5),
    "words": (1.0, 1.5),
    "headline": (1.0, 1.5),
    "title": (2.0, 1.5),
    "code": (4.0, 0.6),
    "identifiers": (1.0, 0.8),
    "substance": (1.0, 0.8),
    "asks back": (-1.5, 0.7),
    "settled": (1.2, 0.3),
    "document": (2.5, 0.5),
    "analyst": (0.3, 0.4),
    "trust": (4.0, 1.0),
    "age": (-0.5, 0.7),
    "said": (-1.5, 1.5),
    "follow-up": (0.0, 0.5),
}
# More of these must never lower the score (1), or never raise it (-1), whatever a small sample says: people would not
# understand it, and a channel's thumbs build on it.
SIGNS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "score",
            "dense",
            "coverage",
            "margin",
            "title",
            "code",
            "identifiers",
            "same problem",
            "twice",
            "words",
        ),
        1,
    ),
    **dict.fromkeys(
        ("headline", "substance", "settled", "document", "trust", "question", "problem", "open"), 1
    ),
    **dict.fromkeys(("asks back", "helper", "again", "age", "said"), -1),
}
PRACTICE = "practice"  # the invented channel: it shows documents and error codes, which no real file here has
LINKED_COUNTS = 1.0  # of a judged example
FOREIGN_COUNT = 150.0  # all foreign questions of a community together: nothing is more certain
DIAL = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
STEPS = 400  # thresholds tried
FEW = 5  # held-out replies that show nothing yet
DOUBT = 10.0  # held-out replies that the score's own word is worth against what was judged
CAUTION = 0.25  # communities' own fits differ mostly by chance; with this, ten thumbs alike move 0.97 to 0.93


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A candidate whose truth is known. ``stands_for``: how many natural candidates it represents; 0: none."""

    community: str
    id: str
    features: Mapping[str, float]
    welcome: bool
    weight: float
    stands_for: float = 0.0


def examples_of(cases: Iterable[Case]) -> list[Example]:
    """Everything that is known of the candidates among ``cases``."""
    cases = [case for case in cases if case.features]
    verdicts = judgements()
    foreign = {
        name: sum(c.label == "foreign" for c in cases if c.community == name) for name in _names(cases)
    }
    found = (_example(case, verdicts.get((case.community, case.id)), foreign) for case in cases)
    return [example for example in found if example is not None]


def _names(cases: Sequence[Case]) -> list[str]:
    return sorted({case.community for case in cases})


def _example(case: Case, verdict: Judgement | None, foreign: Mapping[str, int]) -> Example | None:
    linked = case.label == "linked" and case.best in links_of(case.community, case.thread)
    judged = verdict is not None and (verdict.entry == case.entry or verdict.source == case.best)
    if case.community == PRACTICE and case.id not in intended():
        return None
    if case.community == PRACTICE:
        source = intended().get(case.id, "")
        welcome, weight = bool(source) and case.best.endswith(source), 1.0
    elif verdict is not None and judged:
        welcome, weight = verdict.welcome or linked, 1.0
    elif case.label == "foreign":
        welcome, weight = False, FOREIGN_COUNT / foreign[case.community]
    elif linked:
        welcome, weight = True, LINKED_COUNTS
    else:
        return None
    drawn = verdict.drawn if verdict is not None and judged else 0.0
    return Example(
        community=case.community,
        id=case.id,
        features=case.features,
        welcome=welcome,
        weight=weight,
        stands_for=1 / drawn if drawn else 0.0,
    )


def fit(examples: Sequence[Example], version: str) -> Weights:
    """Weights fitted to ``examples``, calibrated and with their dial."""
    raw = _rank(examples, version)
    held_out = _held_out(examples)
    slope, level = _calibrate(held_out)
    weights = {name: slope * value for name, value in raw.weights.items()}
    weights[BIAS] += level
    natural = [
        (logistic(slope * logit + level), example) for logit, example in held_out if example.stands_for
    ]
    return replace(raw, weights=weights, spread=_spread(examples, raw, slope), dial=_dial(natural))


def held_out_scores(examples: Sequence[Example]) -> list[tuple[float, Example]]:
    """Every real community's examples, scored by weights fitted and calibrated without it."""
    found: list[tuple[float, Example]] = []
    for name in sorted({one.community for one in examples} - {PRACTICE}):
        weights = fit([one for one in examples if one.community != name], "held out")
        found += [(weights.probability(one.features), one) for one in examples if one.community == name]
    return found


def _rank(examples: Sequence[Example], version: str) -> Weights:
    """The mode of the posterior whose weights have the signs that they must have: what has another is left out."""
    left_out: set[str] = set()
    judged = [Judged(features=one.features, welcome=one.welcome, weight=one.weight) for one in examples]
    while True:
        prior = _prior(version, left_out)
        found = prior.moved(moves_from(prior, judged), version)
        wrong = {name for name, sign in SIGNS.items() if found.weights[name] * sign < 0}
        if not wrong:
            return found
        left_out |= wrong


def _prior(version: str, left_out: Collection[str]) -> Weights:
    kept = {name: (0.0, 0.0) if name in left_out else given for name, given in PRIOR.items()}
    return Weights(
        version=version,
        weights={name: mean for name, (mean, _) in kept.items()},
        spread={name: sd for name, (_, sd) in kept.items()},
        dial=(DialPoint(precision=0.5, threshold=0.5, replies=0.0),),
    )


def _held_out(examples: Sequence[Example]) -> list[tuple[float, Example]]:
    """Every real community's examples with their logit by weights fitted without it."""
    found: list[tuple[float, Example]] = []
    for name in sorted({one.community for one in examples} - {PRACTICE}):
        weights = _rank([one for one in examples if one.community != name], "held out")
        found += [(weights.logit(one.features), one) for one in examples if one.community == name]
    return found


def _calibrate(held_out: Sequence[tuple[float, Example]]) -> tuple[float, float]:
    """Slope and level that make the logit a chance on the natural mixture; near 1 and 0 where little is known."""
    natural = [(logit, one) for logit, one in held_out if one.stands_for]
    if not natural:
        return 1.0, 0.0
    total = sum(one.stands_for for _, one in natural)
    share = (
        len(natural) / total
    )  # each community's sample keeps its size, so that the prior counts for something
    start = Weights(
        version="calibration", weights={BIAS: 0.0, "logit": 1.0}, spread={BIAS: 2.0, "logit": 0.3}, dial=()
    )
    judged = [
        Judged(features={"logit": logit}, welcome=one.welcome, weight=one.stands_for * share)
        for logit, one in natural
    ]
    moves = moves_from(start, judged)
    return max(1.0 + moves["logit"], 0.1), moves[BIAS]


def _dial(natural: Sequence[tuple[float, Example]]) -> tuple[DialPoint, ...]:
    """For each precision the least score from which on held-out replies were welcome that often."""
    scores = np.array([score for score, _ in natural])
    welcome = np.array([one.welcome for _, one in natural], dtype=float)
    counts = np.array([one.stands_for for _, one in natural])
    points, last = [], 0.0
    for precision in DIAL:
        threshold = max(_threshold(scores, welcome, counts, precision), last)
        replies = float((scores >= threshold).sum())
        points.append(DialPoint(precision=precision, threshold=round(threshold, 4), replies=replies))
        last = threshold
    return tuple(points)


def _threshold(scores: Floats, welcome: Floats, counts: Floats, precision: float) -> float:
    """The least score above which the share of welcome replies, with DOUBT more at what their scores say, is as high.

    Each judged reply counts as often as it stands for others; what that leaves of their number is Kish's effective
    size. Where FEW held-out replies or less show it, the bare precision: then every reply has to be that sure by
    itself.
    """
    for step in range(STEPS):
        at = step / STEPS
        above = scores >= at
        if above.sum() < FEW:
            break
        size = counts[above].sum() ** 2 / (counts[above] ** 2).sum()
        share = np.average(welcome[above], weights=counts[above])
        expected = np.average(scores[above], weights=counts[above])
        if (size * share + DOUBT * expected) / (size + DOUBT) >= precision:
            return at
    return precision


def _spread(examples: Sequence[Example], common: Weights, slope: float) -> dict[str, float]:
    """How far each weight differs between communities: the standard deviation of their own fits from the common one.

    With as few examples as there are the fits differ mostly by chance, so only a part of it (CAUTION) counts.
    """
    squares: dict[str, list[float]] = {name: [] for name in PRIOR}
    for name in sorted({one.community for one in examples} - {PRACTICE}):
        own = [one for one in examples if one.community == name]
        start = replace(common, spread={key: sd for key, (_, sd) in PRIOR.items()})
        judged = [Judged(features=one.features, welcome=one.welcome, weight=one.weight) for one in own]
        moves = moves_from(start, judged)
        for key in PRIOR:
            squares[key].append(moves[key] ** 2)
    return {key: CAUTION * slope * _within(found, PRIOR[key][1]) for key, found in squares.items()}


def _within(squares: Sequence[float], prior: float) -> float:
    """The root of the mean of ``squares``, but at least a tenth and at most half of the prior's deviation."""
    return float(np.clip(math.sqrt(np.mean(squares or [0.0])), 0.1 * prior, 0.5 * prior))

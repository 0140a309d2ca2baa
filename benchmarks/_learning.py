"""What thumbs do for a channel: a new community starts with weights fitted without it, and votes come in.

A thumb exists only for a draft that the dial let through at that moment, and only some people vote: those who found it
welcome in UP_RATE of the cases, those who did not in DOWN_RATE. Half of the community's known messages (by thread) are
shown, with replacement, the other half measures. Pure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks._fit import PRACTICE, Example, fit
from benchmarks._measure import auc
from bot.feedback import Calibration, Judged, moves_from
from bot.scorer import Scale
from bot.weighing import Weights

STEPS = (0, 25, 50, 100, 200)
UP_RATE, DOWN_RATE = 0.5, 0.35  # 👍 comes from the polite
DIAL = 0.5  # of the drafts: what is shown to analysts first is what it is unsure of
LEAST = 60  # known messages below which a community is left out
LEAST_WELCOME = 8
PATIENCE = 4_000  # messages shown without reaching the next step: then the dial lets too little through


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """Means over draws; ``gain`` is what the log loss fell since the start of the same draw, with its 95 % interval."""

    thumbs: int
    loss: float
    gain: float
    gain_low: float
    gain_high: float
    auc: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """``reached``: of all draws, the share in which so many thumbs came together, by step."""

    title: str
    points: tuple[Point, ...]
    reached: tuple[float, ...]


def learning_curve(examples: Sequence[Example], *, draws: int, seed: int = 3) -> Curve:
    """Mean log loss and AUC on a community's other half after so many thumbs."""
    names = [
        name for name in sorted({one.community for one in examples} - {PRACTICE}) if _enough(examples, name)
    ]
    random = np.random.default_rng(seed)
    losses: list[list[float]] = [[] for _ in STEPS]
    areas: list[list[float]] = [[] for _ in STEPS]
    reached: list[list[bool]] = [[] for _ in STEPS]
    for name in names:
        prior = fit([one for one in examples if one.community != name], f"without {name}")
        own = [one for one in examples if one.community == name and not one.id.startswith("foreign/")]
        for _ in range(draws):
            for step, (loss, area, came) in enumerate(_draw(own, prior, random)):
                losses[step].append(loss)
                areas[step].append(area)
                reached[step].append(came)
    points = tuple(
        _point(thumbs, losses[0], loss, area) for thumbs, loss, area in zip(STEPS, losses, areas, strict=True)
    )
    title = (
        f"Thumbs in a new community: {', '.join(names)}; {draws} draws each; drafts at dial {DIAL}; "
        f"votes on {UP_RATE:.0%} of welcome and {DOWN_RATE:.0%} of unwelcome ones"
    )
    return Curve(title=title, points=points, reached=tuple(float(np.mean(came)) for came in reached))


def _enough(examples: Sequence[Example], name: str) -> bool:
    own = [one for one in examples if one.community == name and not one.id.startswith("foreign/")]
    return len(own) >= LEAST and sum(one.welcome for one in own) >= LEAST_WELCOME


def _draw(
    own: Sequence[Example], prior: Weights, random: np.random.Generator
) -> Iterator[tuple[float, float, bool]]:
    """Log loss and AUC on the half that is not shown, after each step, and whether so many thumbs came."""
    order = random.permutation(len(own))
    shown = [own[place] for place in order[: len(own) // 2]]
    other = [own[place] for place in order[len(own) // 2 :]]
    votes: list[Judged] = []
    for thumbs in STEPS:
        scale = _scale(prior, votes)
        came = _collect(votes, thumbs, shown, prior, scale, random)
        scale = _scale(prior, votes)
        yield (*_measured(other, scale), came)


def _scale(prior: Weights, votes: Sequence[Judged]) -> Scale:
    moves = moves_from(prior, votes)
    count = float(len(votes))
    return Calibration(version=prior.version, moves=moves, verdicts=count).scale(prior)


def _collect(
    votes: list[Judged],
    wanted: int,
    shown: Sequence[Example],
    prior: Weights,
    scale: Scale,
    random: np.random.Generator,
) -> bool:
    """Add votes on what the dial lets through until there are ``wanted``; False if it lets too little through."""
    threshold = prior.threshold(DIAL)
    for _ in range(PATIENCE):
        if len(votes) >= wanted:
            return True
        one = shown[int(random.integers(len(shown)))]
        rate = UP_RATE if one.welcome else DOWN_RATE
        if scale.score(one.features) >= threshold and random.random() < rate:
            votes.append(Judged(features=one.features, welcome=one.welcome))
    return len(votes) >= wanted


def _measured(other: Sequence[Example], scale: Scale) -> tuple[float, float]:
    scores = np.clip([scale.score(one.features) for one in other], 1e-6, 1 - 1e-6)
    welcome = np.array([one.welcome for one in other])
    loss = -np.where(welcome, np.log(scores), np.log(1 - scores)).mean()
    return float(loss), auc(list(scores), list(welcome))


def _point(thumbs: int, start: Sequence[float], losses: Sequence[float], areas: Sequence[float]) -> Point:
    gain, half = _mean([before - after for before, after in zip(start, losses, strict=True)])
    return Point(
        thumbs=thumbs,
        loss=_mean(losses)[0],
        gain=gain,
        gain_low=gain - half,
        gain_high=gain + half,
        auc=_mean(areas)[0],
    )


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean and half of its 95 % interval."""
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return float("nan"), float("nan")
    return float(known.mean()), float(1.96 * known.std(ddof=1) / np.sqrt(len(known)))

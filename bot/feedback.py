"""What people's verdicts mean: one live vote per person and answer, the trust that follows, and a channel's own scale.

Pure. Nothing is accumulated: trust and scale are counted anew from the live verdicts, so that taking one back undoes
it exactly.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from bot.scorer import Scale
from bot.weighing import BIAS, Weights
from knowledge.cues import is_ack, is_still_broken, is_thanks
from knowledge.entry import Trust
from knowledge.lexical import identifiers, words
from knowledge.thread import Message, Role, Thread

UP = frozenset({"+1", "thumbsup"})
DOWN = frozenset({"-1", "thumbsdown"})
CHECK = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})

# An analyst knows the product; a customer knows only whether it helped him.
WEIGHTS: Mapping[Role, float] = {Role.ANALYST: 2.0, Role.CUSTOMER: 1.0, Role.UNKNOWN: 1.0, Role.BOT: 0.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """A person's live vote on one suggestion."""

    suggestion_id: str
    user: str
    helpful: bool
    role: Role = Role.UNKNOWN


def normal_name(reaction: str) -> str:
    """``+1::skin-tone-3`` and ``thumbsup`` are ``+1``; ``thumbsdown`` is ``-1``; ticks are ``white_check_mark``."""
    name = reaction.strip(":").split("::", 1)[0].lower()
    if name in UP:
        return "+1"
    if name in DOWN:
        return "-1"
    return "white_check_mark" if name in CHECK else name


def verdict(reaction: str) -> bool | None:
    """True for 👍, False for 👎, None for any other reaction."""
    return {"+1": True, "-1": False}.get(normal_name(reaction))


def trust_from(votes: Iterable[Vote]) -> Trust:
    """The trust that live votes add up to: withdrawing one undoes it exactly, because nothing is accumulated."""
    up = down = 0.0
    for vote in votes:
        weight = WEIGHTS[vote.role]
        up, down = (up + weight, down) if vote.helpful else (up, down + weight)
    return Trust(up=up, down=down)


# ---- a channel's own scale


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A decision that people judged: its features, whether the answer was welcome, and how much the verdict counts."""

    features: Mapping[str, float]
    welcome: bool
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Calibration:
    """What a channel's verdicts make of the weights called ``version``: how far each moves.

    ``thumbs`` and ``verdicts`` are the counts it rests on: votes on what was said; and drafts, shadow answers and
    silences, which are judged whether or not somebody likes to click.
    """

    version: str
    moves: Mapping[str, float]
    thumbs: float = 0.0
    verdicts: float = 0.0

    def scale(self, prior: Weights) -> Scale:
        name = f"{prior.version}+{self.thumbs + self.verdicts:g}"
        return Scale(
            prior=prior,
            channel=prior.moved(self.moves, name),
            thumbs=self.thumbs,
            verdicts=self.verdicts,
        )


ENOUGH = 1e-6  # Newton's steps end when no weight moves by more
MOST_STEPS = 50


def moves_from(prior: Weights, judged: Sequence[Judged]) -> dict[str, float]:
    """How far each weight moves from the prior's: the mode of the posterior of a Bayesian logistic regression.

    The prior of each weight is a normal with its ``spread`` between communities, so that ten thumbs move a channel
    little and two hundred move it as far as communities differ.
    """
    names = [name for name, spread in prior.spread.items() if spread > 0]
    if not judged or not names:
        return {}
    rows = np.array([[_value(one.features, name) for name in names] for one in judged])
    welcome = np.array([one.welcome for one in judged], dtype=float)
    counts = np.array([one.weight for one in judged])
    offset = np.array([prior.logit(one.features) for one in judged])
    precision = np.diag([prior.spread[name] ** -2.0 for name in names])
    moves = _mode(rows, welcome, counts, offset, precision)
    return {name: float(move) for name, move in zip(names, moves, strict=True)}


def _value(features: Mapping[str, float], name: str) -> float:
    return 1.0 if name == BIAS else features.get(name, 0.0)


Floats = NDArray[np.float64]


def _mode(rows: Floats, welcome: Floats, counts: Floats, offset: Floats, precision: Floats) -> Floats:
    """The mode of the posterior by Newton's method; the log posterior is concave, so there is one.

    ``rows`` [judged, weights], ``welcome``, ``counts`` and ``offset`` [judged], ``precision`` [weights, weights].
    A step that would overshoot is halved until it gains.
    """

    def posterior(moves: Floats) -> float:
        logit = offset + rows @ moves
        likelihood = counts @ (welcome * logit - np.logaddexp(0, logit))
        return float(likelihood - moves @ precision @ moves / 2)

    moves = np.zeros(rows.shape[1])
    for _ in range(MOST_STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(offset + rows @ moves, -500, 500)))
        slope = rows.T @ (counts * (welcome - chance)) - precision @ moves
        bend = (rows.T * (counts * chance * (1 - chance))) @ rows + precision
        step = np.linalg.solve(bend, slope)
        here = posterior(moves)
        while posterior(moves + step) < here and np.abs(step).max() >= ENOUGH:
            step = step / 2
        moves = moves + step
        if np.abs(step).max() < ENOUGH:
            break
    return moves


# ---- what people's own answers say of ours


class Outcome(StrEnum):
    """What a thread shows of an answer once people have spoken: nobody clicked, and yet it can be told."""

    SAME = "same"  # a person said the same afterwards
    CONTRADICTED = "contradicted"  # a person said no to it, or the asker that it did not help
    DIFFERENT = "different"  # a person helped with something else
    UNKNOWN = "unknown"


SAME_SHARE = 0.5  # of the informative words of the shorter text
LEAST_WORDS = 5  # shorter answers share words by chance
OUTCOME_WEIGHT = 0.5  # of a thumb: it is read off, not given
# How much likelier a thread shows this of a welcome answer than of an unwelcome one. Of 271 judged one by one, people
# said the same after 5 of 18 welcome ones and 9 of 253 others, something else after 8 and 172. The last is an
# estimate: nothing judged had been shown.
LIKELIER: Mapping[Outcome, float] = {
    Outcome.SAME: 7.8,
    Outcome.DIFFERENT: 0.65,
    Outcome.CONTRADICTED: 0.1,
}

_NO = re.compile(
    r"^\W*(?:no\b(?! (?:problem|worries))|nope|that(?:'s| is) (?:not|wrong|outdated|incorrect)"
    r"|this is (?:not|wrong|outdated)|not (?:correct|true|right|quite)|wrong|don't do that"
    r"|不对|不是|错了|别这样|已经过时)",
    re.IGNORECASE,
)


def outcome_of(thread: Thread, answer: str, after: Message, *, shown: bool) -> Outcome:
    """What was said after the question ``after`` shows of ``answer``; only an answer that was ``shown`` there can be
    contradicted."""
    later = [m for m in thread.messages if (m.at, m.id) > (after.at, after.id) and m.role is not Role.BOT]
    others = [m for m in later if m.user != after.user and not is_thanks(m.text) and not is_ack(m.text)]
    if shown and later and _refuses(later[0], after.user):
        return Outcome.CONTRADICTED
    if any(says_same(answer, said.text) for said in others):
        return Outcome.SAME
    return Outcome.DIFFERENT if others else Outcome.UNKNOWN


def judged_by(outcome: Outcome, features: Mapping[str, float], prior: Weights) -> list[Judged]:
    """What an outcome says of an answer: a verdict each way, weighed by Bayes' rule; nothing if it is unknown."""
    ratio = LIKELIER.get(outcome)
    if ratio is None:
        return []
    before = prior.probability(features)
    welcome = before * ratio / (before * ratio + 1 - before)
    return [
        Judged(features=features, welcome=True, weight=OUTCOME_WEIGHT * welcome),
        Judged(features=features, welcome=False, weight=OUTCOME_WEIGHT * (1 - welcome)),
    ]


def _refuses(said: Message, asker: str) -> bool:
    return is_still_broken(said.text) if said.user == asker else _NO.search(said.text) is not None


_LINK = re.compile(r"https?://[^\s>)|]+")


def says_same(ours: str, theirs: str) -> bool:
    """Whether two answers say the same: a link or an exact name in common, and words; or most of the words."""
    mine, other = (set(words(_LINK.sub(" ", text))) for text in (ours, theirs))
    shared = len(mine & other) / max(min(len(mine), len(other)), 1)
    exact = bool(_links(ours) & _links(theirs) or identifiers(ours) & identifiers(theirs))
    if min(len(mine), len(other)) < LEAST_WORDS:
        return exact and shared >= SAME_SHARE
    return shared >= SAME_SHARE or (exact and shared >= SAME_SHARE / 2)


def _links(text: str) -> set[str]:
    return {link.rstrip("/.,") for link in _LINK.findall(text)}

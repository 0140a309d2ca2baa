"""Whether a channel behaves as it used to: scores, speaking and verdicts of two weeks against those before. Pure.

Three questions are asked each night, and each answer is a sentence for people or nothing. The limits are chosen so
that a channel in which nothing changes raises less than one false alarm in two years (`python -m benchmarks drift`).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

RECENT = timedelta(days=14)
REFERENCE = timedelta(weeks=8)  # before the recent ones

BINS = 10  # of the scores, from 0 to 1
LEAST_RECENT = 30  # scored messages, below which nothing is said of scores and speaking
LEAST_REFERENCE = 100

# How rare a count must be in a channel that did not change. Sliding windows are looked at every night, and nearly the
# same one again the night after, so that this is far from one false alarm in so many nights.
RARE = 0.003
RARE_SPEAKING = 0.0002
MORE = 2.0  # times as much speaking as before; less than that is no other behaviour, however sure
SHIFT = 0.25  # population stability index: from here on it is called a major shift
CHI_SQUARE = 33.7  # of BINS - 1 degrees of freedom: exceeded by chance once in 10,000
CLUSTERED = 2  # messages come in conversations and in weeks of one matter: so many say as much as one alone

PROMISE = 20.0  # verdicts in advance that the dial's promise counts as, beside those of the reference
BORNE_OUT = 10  # recent verdicts that can bear out that more speaking, or other scores, are right
SLACK = 0.05  # below the promise that verdicts may fall and still bear it out


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What a channel did in a span of time. ``scores``: scored messages by BINS equal bins of their scores;
    ``reached``: how many of them reached today's threshold; ``welcome`` and ``unwelcome``: answers and drafts that
    people judged."""

    scores: tuple[int, ...] = (0,) * BINS
    reached: int = 0
    welcome: int = 0
    unwelcome: int = 0

    @property
    def scored(self) -> int:
        return sum(self.scores)

    @property
    def judged(self) -> int:
        return self.welcome + self.unwelcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """A channel left the interval of its reference: why, in sentences for people, most serious first."""

    why: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(self.why)


def drift(recent: Window, reference: Window, promised: float) -> Drift | None:
    """What is no longer as it was; None if nothing is. ``promised``: the channel's precision, in (0, 1)."""
    why = [_verdicts(recent, reference, promised)]
    if not _borne_out(recent, promised):
        why += [_speaking(recent, reference), _scores(recent, reference)]
    found = tuple(text for text in why if text is not None)
    return Drift(why=found) if found else None


def bins(scores: Iterable[float]) -> tuple[int, ...]:
    """How many of ``scores``, each in [0, 1], lie in each of BINS equal bins."""
    counts = [0] * BINS
    for score in scores:
        counts[min(int(score * BINS), BINS - 1)] += 1
    return tuple(counts)


def _borne_out(recent: Window, promised: float) -> bool:
    """Whether people's verdicts say that what it does now is right, so that doing it more often is no fault.

    Knowledge grows: who learnt a handbook yesterday speaks more today.
    """
    return recent.judged >= BORNE_OUT and recent.welcome >= (promised - SLACK) * recent.judged


def _verdicts(recent: Window, reference: Window, promised: float) -> str | None:
    """Fewer welcome answers than the promise and the weeks before let expect."""
    up, down = PROMISE * promised + reference.welcome, PROMISE * (1 - promised) + reference.unwelcome
    if recent.judged == 0 or at_least(recent.unwelcome, recent.judged, down, up) >= RARE:
        return None
    return (
        f"{recent.unwelcome} of {recent.judged} judged answers were unwelcome in the last {RECENT.days} days; "
        f"{down / (up + down):.0%} were to be expected"
    )


def _speaking(recent: Window, reference: Window) -> str | None:
    """More messages reach the threshold than did before. Speaking less bothers nobody."""
    if recent.scored < LEAST_RECENT or reference.scored < LEAST_REFERENCE:
        return None
    yes, no = reference.reached + 0.5, reference.scored - reference.reached + 0.5
    before, now = yes / (yes + no), recent.reached / recent.scored
    apart = (recent.reached // CLUSTERED, recent.scored // CLUSTERED, yes / CLUSTERED, no / CLUSTERED)
    if now < MORE * before or at_least(*apart) >= RARE_SPEAKING:
        return None
    return (
        f"it would answer {now:.0%} of the questions ({recent.reached} of {recent.scored}); in the weeks before it "
        f"was {before:.0%}"
    )


def _scores(recent: Window, reference: Window) -> str | None:
    """The scores lie elsewhere than before: what the threshold means was found out on others."""
    if recent.scored < LEAST_RECENT or reference.scored < LEAST_REFERENCE:
        return None
    shift = stability_index(recent.scores, reference.scores)
    usual = max(SHIFT, CHI_SQUARE * CLUSTERED * (1 / recent.scored + 1 / reference.scored))
    if shift < usual:
        return None
    return (
        f"the scores are not distributed as in the weeks before (stability index {shift:.2f}, at most {usual:.2f} "
        "is usual)"
    )


def stability_index(recent: Sequence[int], reference: Sequence[int]) -> float:
    """The population stability index of two histograms: 0 for the same shares, from 0.25 on a major shift.

    Half a count is added to each bin, so that an empty one does not make it infinite.
    """
    n, m = sum(recent) + len(recent) / 2, sum(reference) + len(reference) / 2
    shares = [((one + 0.5) / n, (other + 0.5) / m) for one, other in zip(recent, reference, strict=True)]
    return sum((now - before) * math.log(now / before) for now, before in shares)


def at_least(count: int, of: int, yes: float, no: float) -> float:
    """The chance of ``count`` or more among ``of``, if ``yes`` and ``no`` were seen before: the tail of the
    beta-binomial, which knows how little few observations say."""
    logs = [_log_chance(k, of, yes, no) for k in range(count, of + 1)]
    return min(math.fsum(math.exp(log) for log in logs), 1.0)


def _log_chance(k: int, n: int, yes: float, no: float) -> float:
    choose = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return choose + _log_beta(k + yes, n - k + no) - _log_beta(yes, no)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

"""How often drift is cried without reason, and how long a real one takes to be noticed: simulated channels.

No data: channels are drawn at random. Working days are busier than weekends, each week has its own mood (its scores
lie higher or lower), and messages come more unevenly than chance alone would have them. Nothing changes in the first
part of a channel's life; then its precision falls from 0.9 to 0.6, or three times as many messages reach the threshold.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from bot.drift import BINS, RECENT, REFERENCE, Window, drift

PROMISED = 0.9
THRESHOLD = 0.9
SPREAD = 1.5  # of the scores' logits within a week
MOOD = 0.3  # of the weeks' means
UNEVEN = 4.0  # shape of the gamma that the daily rates are drawn from; less is more uneven
BUSY = (1.3, 1.3, 1.3, 1.3, 1.2, 0.3, 0.3)  # Monday to Sunday
# What changes: the precision, and how many times as much is said. Three times as much with 0.63 is: what comes on top
# is welcome every other time.
CHANGES = (
    ("precision 0.9 -> 0.6", 0.6, 1.0),
    ("speaking x3, 0.63 welcome", 0.63, 3.0),
    ("speaking x3", 0.9, 3.0),
)
CHANGED = 200  # days of a channel that are watched after a change


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """A kind of channel: scored messages a day, the share that reaches the threshold, the share of those judged."""

    name: str
    messages: float
    reached: float
    judged: float


PROFILES = (
    Profile(name="quiet", messages=2, reached=0.1, judged=0.3),
    Profile(name="usual", messages=20, reached=0.1, judged=0.3),
    Profile(name="busy", messages=100, reached=0.1, judged=0.3),
    Profile(name="nobody judges", messages=20, reached=0.1, judged=0.0),
    Profile(name="eager judges", messages=20, reached=0.2, judged=0.8),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Days:
    """What happened on each day: ``scores`` [days, BINS], the others [days]."""

    scores: NDArray[np.int64]
    reached: NDArray[np.int64]
    welcome: NDArray[np.int64]
    unwelcome: NDArray[np.int64]

    def window(self, first: int, end: int) -> Window:
        return Window(
            scores=tuple(int(count) for count in self.scores[first:end].sum(axis=0)),
            reached=int(self.reached[first:end].sum()),
            welcome=int(self.welcome[first:end].sum()),
            unwelcome=int(self.unwelcome[first:end].sum()),
        )


def drawn(
    profile: Profile,
    days: int,
    chance: np.random.Generator,
    precision: Sequence[float],
    more: Sequence[float],
) -> Days:
    """A channel's life. ``precision`` and ``more`` (times as much speaking) are given for each day."""
    weeks = chance.normal(0.0, MOOD, days // 7 + 1)
    scores, reached, welcome, unwelcome = [], [], [], []
    edge = np.log(THRESHOLD / (1 - THRESHOLD))
    for day in range(days):
        rate = profile.messages * BUSY[day % 7] * chance.gamma(UNEVEN, 1 / UNEVEN)
        said = int(chance.poisson(rate))
        share = min(profile.reached * more[day], 0.9)
        middle = edge - SPREAD * NormalDist().inv_cdf(1 - share) + weeks[day // 7]
        logits = chance.normal(middle, SPREAD, said)
        over = int((logits >= edge).sum())
        judged = int(chance.binomial(over, profile.judged))
        good = int(chance.binomial(judged, precision[day]))
        counts, _ = np.histogram(1 / (1 + np.exp(-logits)), bins=BINS, range=(0, 1))
        scores.append(counts)
        reached.append(over)
        welcome.append(good)
        unwelcome.append(judged - good)
    return Days(
        scores=np.array(scores),
        reached=np.array(reached),
        welcome=np.array(welcome),
        unwelcome=np.array(unwelcome),
    )


def alarms(life: Days, first: int) -> list[tuple[int, str]]:
    """The nights, from ``first`` on, in which something is cried that was not the night before, and what first."""
    recent, reference = RECENT.days, REFERENCE.days
    found: list[tuple[int, str]] = []
    last = -2
    for night in range(first, len(life.reached) + 1):
        cried = drift(
            life.window(night - recent, night),
            life.window(max(night - recent - reference, 0), night - recent),
            PROMISED,
        )
        if cried is not None:
            if last != night - 1:
                found.append((night, cried.why[0]))
            last = night
    return found


def stationary(profile: Profile, years: int, chance: np.random.Generator) -> list[str]:
    """The false alarms in one channel in which nothing changes."""
    days = 365 * years
    return [why for _, why in alarms(drawn(profile, days, chance, [0.9] * days, [1.0] * days), RECENT.days)]


def delay(profile: Profile, chance: np.random.Generator, *, precision: float, more: float) -> int | None:
    """Nights from a change to the first alarm; None if there is none within CHANGED."""
    before = (RECENT + REFERENCE).days
    life = drawn(
        profile,
        before + CHANGED,
        chance,
        [0.9] * before + [precision] * CHANGED,
        [1.0] * before + [more] * CHANGED,
    )
    found = alarms(life, before + 1)
    return found[0][0] - before if found else None


def _kind(why: str) -> str:
    return "verdicts" if "judged" in why else "scores" if "scores" in why else "speaking"


def told(delays: Sequence[int | None]) -> str:
    noticed = sorted(one for one in delays if one is not None)
    share = len(noticed) / len(delays)
    if not noticed:
        return "never noticed"
    middle, late = noticed[len(noticed) // 2], noticed[int(len(noticed) * 0.9)]
    return f"{share:4.0%} noticed, half of those within {middle} nights, nine in ten within {late}"


def main(argv: Sequence[str]) -> int:
    asked = argparse.ArgumentParser(prog="python -m benchmarks drift", description=__doc__)
    asked.add_argument("--channels", type=int, default=50, help="of each kind")
    asked.add_argument("--years", type=int, default=4, help="that each unchanged channel is watched")
    arguments = asked.parse_args(argv)
    for profile in PROFILES:
        chance = np.random.default_rng(2026)
        cried = [
            why for _ in range(arguments.channels) for why in stationary(profile, arguments.years, chance)
        ]
        years = arguments.channels * arguments.years
        rate = f"one in {years / len(cried):.0f} years" if cried else f"none in {years} years"
        counted = Counter(_kind(why) for why in cried)
        kinds = "".join(f"; {kind} {count}" for kind, count in counted.most_common())
        print(f"{profile.name}: {profile.messages:g} messages a day, {profile.reached:.0%} reach the threshold, "
              f"{profile.judged:.0%} of these are judged")  # fmt: skip
        print(f"  nothing changes: {len(cried)} false alarms in {years} channel-years, {rate}{kinds}")
        for name, precision, more in CHANGES:
            delays = [
                delay(profile, chance, precision=precision, more=more) for _ in range(arguments.channels)
            ]
            print(f"  {name}: {told(delays)}")
    return 0

"""How long to wait for people: what a channel teaches, and what it cannot."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tempo import KNOWN, LEAST, wait_for

CONFIGURED, LONGEST = timedelta(seconds=90), timedelta(minutes=5)


def wait(*seconds: float, configured: timedelta = CONFIGURED, longest: timedelta = LONGEST) -> float:
    return wait_for([timedelta(seconds=s) for s in seconds], configured, longest).total_seconds()


@pytest.mark.parametrize(
    ("delays", "expected"),
    [
        ([], 90),  # nothing is known
        ([240, 240, 240], 90),  # three answers are no habit
        ([5, 5, 5], 90),
        ([240] * 5, 240),  # five are
        ([30] * KNOWN, 30),
        ([3] * KNOWN, 20),  # never less than it takes to read and type
        ([30] * 25 + [60] * 25, 60),
        ([200.4] * KNOWN, 201),  # whole seconds, so that nobody is overtaken by a fraction
        ([3600] * KNOWN, 90),  # who answers after an hour is not waited for
        ([3600] * 40 + [240] * 10, 240),  # those who answer at all while one could wait count
    ],
)
def test_the_wait_follows_quick_answers(delays: Sequence[float], expected: float) -> None:
    assert wait(*delays) == expected


def test_zero_means_never_to_wait_whatever_people_do() -> None:
    assert wait(*[60] * KNOWN, configured=timedelta()) == 0


def test_a_short_wait_that_is_configured_is_not_raised_to_the_least() -> None:
    assert wait(*[1] * KNOWN, configured=timedelta(seconds=5)) == 5


def test_a_configured_wait_beyond_the_bound_counts() -> None:
    assert wait(*[400] * KNOWN, configured=timedelta(minutes=10)) == 400
    assert wait(configured=timedelta(minutes=10)) == 600


spans = st.timedeltas(timedelta(), timedelta(hours=3))


@given(st.lists(spans, max_size=KNOWN), st.timedeltas(timedelta(seconds=1), timedelta(hours=1)), spans)
def test_the_wait_stays_within_its_bounds(
    delays: list[timedelta], configured: timedelta, longest: timedelta
) -> None:
    found = wait_for(delays, configured, longest)
    assert min(LEAST, configured) <= found <= max(longest, configured) + timedelta(seconds=1)
    assert found == wait_for(delays[::-1], configured, longest)  # the order does not matter

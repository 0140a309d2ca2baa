"""How long to leave a question to people, learnt from how fast they answer in the channel. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

KNOWN = 50  # a channel's latest first answers; older ones tell of other people
PRIOR = 10  # the configured wait counts like so many answers, so that the first few move nothing
# Three of four quick answers have come by then. Waiting for all would keep the asker waiting for the slowest; at the
# median every other answer of a person would find ours already there.
SHARE = 0.75
LEAST = timedelta(seconds=20)  # nobody reads and types faster than that for long


def wait_for(delays: Sequence[timedelta], configured: timedelta, longest: timedelta) -> timedelta:
    """How long to wait before an unasked reply, in whole seconds.

    ``delays``: from a question to the first word of another person. ``configured``: the wait while nothing is
    known; zero: never wait. What took longer than ``longest`` (or the configured wait, if that is longer) says
    nothing about it: those people are not waited for.
    """
    if configured <= timedelta():
        return timedelta()
    quick = [delay for delay in delays if timedelta() <= delay <= max(longest, configured)]
    if not quick:
        return configured
    ordered = sorted([*quick, *[configured] * PRIOR])
    usual = ordered[ceil(SHARE * len(ordered)) - 1]
    return max(timedelta(seconds=ceil(usual.total_seconds())), min(LEAST, configured))

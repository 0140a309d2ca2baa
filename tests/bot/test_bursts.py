"""A small piece of `python -m benchmarks bursts`: over each transport everything is handled once and in order."""

import gc
from dataclasses import replace

import pytest

from benchmarks._bursts_plan import Burst, Trouble, planned
from benchmarks.bursts import TRANSPORTS, Manner, measured, sound
from bot.app import keep_for_good

SMALL = Manner(every=0.3, thread=True, entries=10, quick=True)


def small() -> list[Burst]:
    """Six bursts; the connection is exchanged in the second and cut in the fourth."""
    troubles = {1: Trouble.REFRESH, 3: Trouble.CUT}
    bursts = planned(120, 20, seed=4)
    return [replace(burst, trouble=troubles.get(place)) for place, burst in enumerate(bursts)]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_bursts_are_handled_once_and_in_order(transport: str) -> None:
    result = await measured(transport, small(), SMALL)
    assert sound(result), result
    assert result.handled.replies
    assert len(result.sent.posts) == len(result.handled.replies)


def test_the_collector_passes_over_what_was_loaded() -> None:
    looked_at = len(gc.get_objects())
    keep_for_good()
    try:
        assert gc.get_freeze_count() > looked_at / 2
        assert len(gc.get_objects()) < looked_at / 2
    finally:
        gc.unfreeze()

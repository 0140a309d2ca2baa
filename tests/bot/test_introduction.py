"""What is said once in a channel that we come into."""

import pytest

from bot.adapters.events import Channel, ChannelKind
from bot.card import lines_in
from bot.introduction import Manner, introduces, introduction

REPLY = Manner(mode="reply", stays=False)


@pytest.mark.parametrize("mode", ["reply", "draft", "shadow"])
def test_it_is_at_most_four_short_lines_that_promise_only_what_the_mode_does(mode: str) -> None:
    lines = lines_in(introduction(Manner(mode=mode, stays=True), ["@U1", "@U2", "@U3"], "@U9"))
    assert len(lines) == 4 and all(len(line) <= 150 for line in lines)
    said = " ".join(lines)
    assert ("I say so in its thread" in said) is (mode == "reply")
    assert ("analysts" in said) is (mode == "draft")
    assert ("I only listen" in said) is (mode == "shadow")
    assert ("Too much?" in said) is (mode != "shadow")
    assert "optout" in said and "threads that are closed" in said


def test_whom_to_ask() -> None:
    assert lines_in(introduction(REPLY, ["@U1", "@U2", "@U3"], "@U9"))[-1].endswith("Ask @U1 or @U2.")
    assert lines_in(introduction(REPLY, [], "@U9"))[-1].endswith("Ask @U9, who invited me.")
    assert len(lines_in(introduction(REPLY, [], None))) == 3


def test_what_is_learnt_in_a_private_channel_is_said_to_stay_there() -> None:
    assert "stays in this channel" in lines_in(introduction(Manner(mode="reply", stays=True), [], None))[1]
    assert "may help in other channels" in lines_in(introduction(REPLY, [], None))[1]


OPEN, SHARED = Channel(id="slack:T1/C1"), Channel(id="slack:T1/C1", external=True)
TALK = Channel(id="slack:T1/D1", kind=ChannelKind.DIRECT)


@pytest.mark.parametrize(
    ("channel", "mode", "wanted", "external", "muted", "said"),
    [
        (OPEN, "reply", True, "off", False, True),
        (OPEN, "shadow", True, "off", False, True),
        (OPEN, "off", True, "off", False, False),
        (OPEN, "reply", False, "off", False, False),
        (OPEN, "reply", True, "off", True, False),
        (SHARED, "reply", True, "off", False, False),
        (SHARED, "reply", True, "on", False, True),
        (TALK, "reply", True, "off", False, False),
    ],
)
def test_whether_it_is_said(
    channel: Channel, mode: str, wanted: bool, external: str, muted: bool, said: bool
) -> None:
    assert introduces(channel, mode=mode, wanted=wanted, external=external, muted=muted) is said

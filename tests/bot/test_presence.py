"""Whether a channel is within reach: the later word counts, in whatever order it is heard."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import presences
from bot.adapters.events import Channel, Departure, Joined, Left, Reopened
from bot.app import open_database
from bot.presence import Presence, after, heard_in, out_of_reach

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ROOM = "slack:T1/C1"

Event = Joined | Left | Reopened


def events(*kinds: str) -> list[Event]:
    """Events a minute apart."""
    made: list[Event] = []
    for minute, kind in enumerate(kinds):
        at = NOON + timedelta(minutes=minute)
        if kind == "joined":
            made.append(Joined(channel=Channel(id=ROOM), at=at))
        elif kind == "reopened":
            made.append(Reopened(channel=ROOM, at=at))
        else:
            made.append(Left(channel=ROOM, how=Departure(kind), at=at))
    return made


def after_all(heard: Sequence[Event]) -> Presence:
    return reduce(after, heard, Presence())


LEFT, ARCHIVED, DELETED = (
    "I am not in the channel any more",
    "the channel is archived",
    "the channel was deleted",
)


@pytest.mark.parametrize(
    ("kinds", "why"),
    [
        ([], None),
        (["joined"], None),
        (["joined", "left"], LEFT),
        (["left", "joined"], None),
        (["archived"], ARCHIVED),
        (["archived", "reopened"], None),
        (["archived", "left", "reopened"], LEFT),
        (["left", "archived"], ARCHIVED),
        (["archived", "joined"], None),  # nobody comes into an archived channel
        (["deleted"], DELETED),
    ],
)
def test_why_nothing_can_be_said(kinds: list[str], why: str | None) -> None:
    assert out_of_reach(after_all(events(*kinds))) == why


KINDS = st.lists(st.sampled_from(["joined", "reopened", *Departure]), max_size=6)


@given(st.data(), KINDS)
@settings(max_examples=150, deadline=None)
def test_all_orders_come_to_the_same(data: st.DataObject, kinds: list[str]) -> None:
    told = events(*kinds)
    shuffled = data.draw(st.permutations(told))
    assert after_all(shuffled) == after_all(told)


def test_word_from_the_channel_proves_that_we_are_there_but_not_old_word() -> None:
    gone = after_all(events("joined", "left"))
    assert out_of_reach(heard_in(gone, NOON + timedelta(minutes=5))) is None
    assert out_of_reach(heard_in(gone, NOON)) == LEFT


def test_it_is_kept_and_a_channel_of_which_nothing_was_told_is_within_reach(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    for told in events("joined", "archived"):
        database.run_blocking(lambda c: presences.take(c, ROOM, told))
    assert database.run_blocking(lambda c: presences.closed(c, ROOM)) == ARCHIVED
    assert database.run_blocking(lambda c: presences.presence_in(c, ROOM)) == after_all(
        events("joined", "archived")
    )
    database.run_blocking(lambda c: presences.heard(c, ROOM, NOON + timedelta(hours=1)))
    assert database.run_blocking(lambda c: presences.closed(c, ROOM)) is None
    assert database.run_blocking(lambda c: presences.closed(c, "slack:T1/C2")) is None
    database.close()

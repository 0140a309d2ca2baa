"""Slack's events about channels in, ours out: the pure half."""

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.events import (
    Changed,
    Channel,
    ChannelKind,
    Departure,
    Event,
    Ignored,
    Joined,
    Left,
    Moved,
    PeopleLeft,
    Reopened,
)
from bot.adapters.slack_channels import parse, touched
from bot.adapters.slack_wire import Me, arrival_of

ME = Me(team="T1", user="UBOT", bot="BBOT", url="https://example.slack.com/")
AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
PLACE = "slack:T1/C1"


def body(kind: str, event_id: str = "Ev1", **fields: Any) -> dict[str, Any]:
    inner = {"type": kind, "channel": "C1", "event_ts": "1700000000.000000", **fields}
    return {"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": inner}


ABOUT = {"id": "C1", "name": "helpdesk", "created": 1}
CASES: list[tuple[dict[str, Any], Event]] = [
    (
        body("member_joined_channel", user="UBOT", inviter="U1"),
        Joined(channel=Channel(id=PLACE, kind=ChannelKind.PRIVATE), at=AT, by="slack:T1/U1"),
    ),
    (
        body("member_joined_channel", user="UBOT"),
        Joined(channel=Channel(id=PLACE, kind=ChannelKind.PRIVATE), at=AT),
    ),
    (body("member_joined_channel", user="U2"), Ignored(why="U2 came into C1")),
    (body("member_left_channel", user="U2"), PeopleLeft(channel=PLACE, users=("slack:T1/U2",), at=AT)),
    (body("member_left_channel", user="UBOT"), Left(channel=PLACE, how=Departure.LEFT, at=AT)),
    (body("channel_left"), Left(channel=PLACE, how=Departure.LEFT, at=AT)),
    (body("group_left"), Left(channel=PLACE, how=Departure.LEFT, at=AT)),
    (body("channel_archive", user="U1"), Left(channel=PLACE, how=Departure.ARCHIVED, at=AT)),
    (body("group_archive", user="U1"), Left(channel=PLACE, how=Departure.ARCHIVED, at=AT)),
    (body("channel_deleted"), Left(channel=PLACE, how=Departure.DELETED, at=AT)),
    (body("group_deleted"), Left(channel=PLACE, how=Departure.DELETED, at=AT)),
    (body("channel_unarchive", user="U1"), Reopened(channel=PLACE, at=AT)),
    (body("group_unarchive", user="U1"), Reopened(channel=PLACE, at=AT)),
    (body("channel_rename", channel=ABOUT), Changed(channel=PLACE, at=AT, name="helpdesk")),
    (body("group_rename", channel=ABOUT), Changed(channel=PLACE, at=AT, name="helpdesk")),
    (body("channel_shared", connected_team_id="T2"), Changed(channel=PLACE, at=AT)),
    (body("channel_unshared", previously_connected_team_id="T2"), Changed(channel=PLACE, at=AT)),
    (
        body("channel_id_changed", channel=None, old_channel_id="C1", new_channel_id="C2"),
        Moved(channel=PLACE, to="slack:T1/C2", at=AT),
    ),
]


@pytest.mark.parametrize(("sent", "told"), CASES, ids=[sent["event"]["type"] for sent, _ in CASES])
def test_what_an_event_tells(sent: dict[str, Any], told: Event) -> None:
    assert parse(sent, ME) == told
    assert PLACE in touched(sent)


@pytest.mark.parametrize("sent", [body("message"), body("reaction_added"), {"type": "block_actions"}])
def test_other_deliveries_are_not_about_a_channels_life(sent: dict[str, Any]) -> None:
    assert parse(sent, ME) is None and touched(sent) == []


def test_they_stand_in_the_queue_of_their_channel_and_another_id_in_that_of_the_new_one() -> None:
    renamed = arrival_of(body("channel_rename", channel=ABOUT))
    moved = arrival_of(body("channel_id_changed", channel=None, old_channel_id="C1", new_channel_id="C2"))
    assert renamed is not None and moved is not None
    assert (renamed.conversation, moved.conversation) == (PLACE, "slack:T1/C2")
    assert renamed.at == moved.at == AT


def test_the_same_twice_is_the_same_and_another_is_another() -> None:
    sent = [body("channel_rename", "Ev1", channel=ABOUT), body("channel_rename", "Ev2", channel=ABOUT)]
    other = body("channel_rename", "Ev3", channel={**ABOUT, "id": "C9"})
    keys = [arrival.content_key for one in (*sent, other) if (arrival := arrival_of(one)) is not None]
    assert keys[0] == keys[1] != keys[2]

"""How Slack tells that a channel, or who is in it, changed. Pure: nothing here talks to Slack."""

from collections.abc import Mapping
from datetime import datetime

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
    Payload,
    PeopleLeft,
    Reopened,
)
from bot.adapters.slack_wire import CHANNEL_EVENTS, NAME, Me, when


def touched(body: Payload) -> list[str]:
    """The whole ids of the channels of which something is not as it was; none for any other delivery."""
    event = body.get("event")
    if not isinstance(event, Mapping) or event.get("type") not in CHANNEL_EVENTS:
        return []
    named = (_channel(event), event.get("old_channel_id"), event.get("new_channel_id"))
    return [f"{NAME}:{body.get('team_id')}/{channel}" for channel in named if channel]


def parse(body: Payload, me: Me) -> Event | None:
    """The event in a delivery; None if it is not about the life of a channel."""
    event = body.get("event")
    if not isinstance(event, Mapping) or event.get("type") not in CHANNEL_EVENTS:
        return None
    home, at = f"{NAME}:{body.get('team_id') or me.team}", _at(body, event)
    place = f"{home}/{_channel(event)}"
    match event["type"]:
        case "member_joined_channel":
            return _came(body, me, place, at)
        case "member_left_channel":
            if event.get("user") == me.user:
                return Left(channel=place, how=Departure.LEFT, at=at)
            return PeopleLeft(channel=place, users=(f"{home}/{event.get('user')}",), at=at)
        case "channel_left" | "group_left":
            return Left(channel=place, how=Departure.LEFT, at=at)
        case "channel_archive" | "group_archive":
            return Left(channel=place, how=Departure.ARCHIVED, at=at)
        case "channel_deleted" | "group_deleted":
            return Left(channel=place, how=Departure.DELETED, at=at)
        case "channel_unarchive" | "group_unarchive":
            return Reopened(channel=place, at=at)
        case "channel_rename" | "group_rename":
            return Changed(channel=place, at=at, name=event["channel"].get("name"))
        case "channel_shared" | "channel_unshared":
            return Changed(channel=place, at=at)
        case "channel_id_changed":
            to = f"{home}/{event['new_channel_id']}"
            return Moved(channel=f"{home}/{event['old_channel_id']}", to=to, at=at)
    return None


def _came(body: Payload, me: Me, place: str, at: datetime) -> Event:
    """It comes for everybody who joins; only our own coming matters."""
    event = body["event"]
    if event.get("user") != me.user:
        return Ignored(why=f"{event.get('user')} came into {event.get('channel')}")
    inviter = event.get("inviter")
    return Joined(
        # Until Slack is asked it counts as private, which keeps what is said there at home.
        channel=Channel(id=place, kind=ChannelKind.PRIVATE, external=bool(body.get("is_ext_shared_channel"))),
        at=at,
        by=f"{place.rpartition('/')[0]}/{inviter}" if inviter else None,
    )


def _channel(event: Payload) -> str | None:
    channel = event.get("channel")
    return channel.get("id") if isinstance(channel, Mapping) else channel


def _at(body: Payload, event: Payload) -> datetime:
    return when(str(event.get("event_ts") or body.get("event_time") or 0))

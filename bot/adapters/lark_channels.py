"""How Lark tells that a group, or who is in it, changed. Pure: nothing here talks to Lark."""

from collections.abc import Mapping

from bot.adapters.events import (
    Changed,
    Channel,
    ChannelKind,
    Departure,
    Event,
    Joined,
    Left,
    Payload,
    PeopleLeft,
)
from bot.adapters.lark_wire import (
    ADDED,
    CHAT_EVENTS,
    DISBANDED,
    NAME,
    PERSON_REMOVED,
    PERSON_WITHDRAWN,
    REMOVED,
    UPDATED,
    Me,
    when,
)


def touched(body: Payload) -> str | None:
    """The bare id of the group of which something is not as it was; None for any other delivery."""
    header, event = body.get("header") or {}, body.get("event") or {}
    chat = event.get("chat_id") if header.get("event_type") in CHAT_EVENTS else None
    return None if chat is None else str(chat)


def gone_from(body: Payload) -> tuple[str, ...]:
    """The bare ids of the people who left, by themselves or not."""
    if (body.get("header") or {}).get("event_type") not in (PERSON_REMOVED, PERSON_WITHDRAWN):
        return ()
    users = (one.get("user_id") or {} for one in (body.get("event") or {}).get("users") or ())
    return tuple(str(user["open_id"]) for user in users if user.get("open_id"))


def parse(body: Payload, me: Me) -> Event | None:
    """The event in a delivery; None if it is not about the life of a group."""
    header, event = body["header"], body["event"]
    if touched(body) is None:
        return None
    home, at = f"{NAME}:{me.app}", when(header.get("create_time"))
    place = f"{home}/{event['chat_id']}"
    kind = header["event_type"]
    if kind == ADDED:
        channel = Channel(id=place, kind=ChannelKind.PRIVATE, external=bool(event.get("external")))
        return Joined(channel=channel, at=at, by=_operator(home, event))
    if kind == UPDATED:
        return Changed(channel=place, at=at, name=(event.get("after_change") or {}).get("name") or None)
    if kind in (REMOVED, DISBANDED):
        how = Departure.LEFT if kind == REMOVED else Departure.DELETED
        return Left(channel=place, how=how, at=at)
    return PeopleLeft(channel=place, users=tuple(f"{home}/{user}" for user in gone_from(body)), at=at)


def _operator(home: str, event: Payload) -> str | None:
    ids = event.get("operator_id")
    named = ids.get("open_id") if isinstance(ids, Mapping) else None
    return f"{home}/{named}" if named else None

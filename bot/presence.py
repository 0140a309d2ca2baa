"""Whether a channel is within our reach, from what the platform told. Pure.

Two things are told apart, each with its time: whether we are in the channel, and whether it is open. The later word
counts, in whatever order they are heard: all orders of the same events come to the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from bot.adapters.events import Departure, Joined, Left, Reopened


class Standing(StrEnum):
    OPEN = "open"
    ARCHIVED = "archived"
    DELETED = "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """``inside``: as far as we know; ``member_at`` and ``standing_at``: when that began, None if it was never told."""

    inside: bool = True
    member_at: datetime | None = None
    standing: Standing = Standing.OPEN
    standing_at: datetime | None = None


_STANDING: Mapping[Departure, Standing] = {
    Departure.ARCHIVED: Standing.ARCHIVED,
    Departure.DELETED: Standing.DELETED,
}
_WHY: Mapping[Standing, str] = {
    Standing.ARCHIVED: "the channel is archived",
    Standing.DELETED: "the channel was deleted",
}


def after(presence: Presence, event: Joined | Left | Reopened) -> Presence:
    """How things stand with what an event tells."""
    match event:
        case Joined(at=at):
            return _open(_member(presence, at, inside=True), at)
        case Left(how=Departure.LEFT, at=at):
            return _member(presence, at, inside=False)
        case Left(how=how, at=at):
            return _open(presence, at, _STANDING[how])
        case Reopened(at=at):
            return _open(presence, at)


def heard_in(presence: Presence, at: datetime) -> Presence:
    """How things stand when something was said there at a time: who hears it is inside, and it is open."""
    return _open(_member(presence, at, inside=True), at)


def out_of_reach(presence: Presence) -> str | None:
    """Why nothing can be said in the channel; None if it can."""
    if presence.standing is not Standing.OPEN:
        return _WHY[presence.standing]
    return None if presence.inside else "I am not in the channel any more"


def _member(presence: Presence, at: datetime, *, inside: bool) -> Presence:
    if presence.member_at is not None and at < presence.member_at:
        return presence
    return replace(presence, inside=inside, member_at=at)


def _open(presence: Presence, at: datetime, standing: Standing = Standing.OPEN) -> Presence:
    if presence.standing_at is not None and at < presence.standing_at:
        return presence
    return replace(presence, standing=standing, standing_at=at)

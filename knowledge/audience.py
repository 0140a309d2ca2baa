"""Who sees which knowledge: one table of places, and what each gives and may be shown. Pure.

An entry has one audience, which knowledge/entry.py lists.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from knowledge.entry import PUBLIC, WORKSPACE


class Setting(StrEnum):
    """The kinds of place that differ in who reads there."""

    OPEN = "public channel"
    CLOSED = "private channel"
    DIRECT = "direct message"
    GROUP = "group direct message"
    SHARED = "shared with another company, allowed"
    BARRED = "shared with another company, not allowed"


class Reach(StrEnum):
    """The kinds of knowledge, as a reader in a place sees them."""

    PUBLIC = "public"
    WORKSPACE = "workspace"  # of the place, never of another one
    OWN = "own"  # of the very channel
    JOINED = "joined"  # of the private channels that the asker is in


class Standing(StrEnum):
    """Who somebody is in the workspace of the place. Whoever is not known to be a member is no member."""

    MEMBER = "member"
    GUEST = "guest"  # single-channel or multi-channel guest
    STRANGER = "stranger"  # of another company


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What holds in a setting: what is learnt there is for ``gives``; what everybody there reads may be made of
    ``posted``, what is shown to one asker alone of ``alone``."""

    gives: Reach
    posted: frozenset[Reach]
    alone: frozenset[Reach]


_ANYBODYS = frozenset({Reach.PUBLIC, Reach.OWN})
_READERS = _ANYBODYS | {Reach.WORKSPACE}
_ASKERS = _READERS | {Reach.JOINED}
_NOTHING: frozenset[Reach] = frozenset()

TABLE: Mapping[Setting, Rule] = {
    Setting.OPEN: Rule(gives=Reach.WORKSPACE, posted=_READERS, alone=_ASKERS),
    Setting.CLOSED: Rule(gives=Reach.OWN, posted=_READERS, alone=_ASKERS),
    Setting.DIRECT: Rule(gives=Reach.OWN, posted=_READERS, alone=_ASKERS),
    Setting.GROUP: Rule(gives=Reach.OWN, posted=_READERS, alone=_ASKERS),
    # Who is one of us cannot be told for certain there, so nobody is shown more than everybody is.
    Setting.SHARED: Rule(gives=Reach.OWN, posted=_ANYBODYS, alone=_ANYBODYS),
    Setting.BARRED: Rule(gives=Reach.OWN, posted=_NOTHING, alone=_NOTHING),
}

# The most that somebody is shown when he asks, wherever it is. A guest reads what is posted in his channels, but cannot
# ask for what the rest of the workspace knows.
MOST: Mapping[Standing, frozenset[Reach]] = {
    Standing.MEMBER: _ASKERS,
    Standing.GUEST: _ANYBODYS | {Reach.JOINED},
    Standing.STRANGER: _ANYBODYS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where something is said. ``channel``: its whole id. ``workspace``: whose it is; None for the home workspace."""

    channel: str
    setting: Setting
    workspace: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Asker:
    """Who asks. ``channels``: the whole ids of the channels that he is in now, as far as the platform tells."""

    user: str
    standing: Standing
    channels: frozenset[str] = frozenset()


NOWHERE = Place(channel="", setting=Setting.BARRED)  # where nothing is told


def audience_of(place: Place) -> str:
    """The audience of what is learnt in a place."""
    return _named(TABLE[place.setting].gives, place)


def audiences_for(place: Place, asker: Asker | None = None, *, alone: bool = False) -> frozenset[str]:
    """The audiences whose knowledge may be used in an answer in ``place``; empty where nothing may be told.

    ``asker``: who asked for it; without one it is said unasked. ``alone``: it is shown to him and nobody else, as a
    direct message is in any case. What is posted is narrowed to what its asker may be shown, never widened.
    """
    rule = TABLE[place.setting]
    if asker is None:
        reaches = rule.posted
    else:
        shown = rule.alone if alone or place.setting is Setting.DIRECT else rule.posted
        reaches = shown & MOST[asker.standing]
    joined = _joined(place, asker) if Reach.JOINED in reaches else frozenset()
    return joined | {_named(reach, place) for reach in reaches if reach is not Reach.JOINED}


def may_take(place: Place, drafted: Place) -> bool:
    """Whether an answer that was made for ``drafted`` may be shown in ``place`` to be judged, if an admin says so.

    Only in its own channel, or in one of the same workspace that nobody else is in.
    """
    shared = place.setting in (Setting.SHARED, Setting.BARRED)
    return place.channel == drafted.channel or (not shared and place.workspace == drafted.workspace)


def workspace_in(qualified: str) -> str | None:
    """``slack:T1`` of ``slack:T1/C1``; None of an id that names no workspace, as recordings have them."""
    platform, colon, rest = qualified.partition(":")
    named, slash, _ = rest.partition("/")
    return f"{platform}:{named}" if colon and slash and platform and named else None


def is_audience(text: str) -> bool:
    """Whether ``text`` is an audience that an entry can have."""
    kind, colon, name = text.partition(":")
    return text in (PUBLIC, WORKSPACE) or (kind in ("workspace", "channel") and bool(colon and name))


def _joined(place: Place, asker: Asker | None) -> frozenset[str]:
    """The audiences of the asker's channels in the same workspace as the place."""
    home = workspace_in(place.channel)
    channels = frozenset() if asker is None else asker.channels
    return frozenset(f"channel:{channel}" for channel in channels if workspace_in(channel) == home)


def _named(reach: Reach, place: Place) -> str:
    match reach:
        case Reach.PUBLIC:
            return PUBLIC
        case Reach.WORKSPACE:
            return WORKSPACE if place.workspace is None else f"{WORKSPACE}:{place.workspace}"
        case _:
            return f"channel:{place.channel}"

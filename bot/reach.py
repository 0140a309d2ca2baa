"""I/O: what somebody who asks may be shown: who he is and in which private channels, as the platform tells now."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from sqlalchemy import Connection

from bot import ledger
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.events import Channel, ChannelKind, Person
from bot.config import Config
from bot.places import asker_of, place_of
from knowledge import store
from knowledge.audience import MOST, TABLE, Asker, Place, Reach, Setting, Standing, audiences_for
from knowledge.database import Database

log = logging.getLogger("earshot")


class Looks(Protocol):
    """What it takes to find that out."""

    @property
    def database(self) -> Database: ...
    @property
    def config(self) -> Callable[[], Config]: ...
    def adapter_of(self, channel: str) -> Adapter: ...


async def readable(looks: Looks, user: str, channel: Channel, *, alone: bool) -> frozenset[str]:
    """The audiences whose knowledge may be used to answer ``user`` in ``channel``; ``alone``: he alone sees it."""
    config = looks.config()
    place = await looks.database.run(lambda connection: place_of(connection, config, channel))
    asker = asker_of(user, await person_of(looks, user, channel.id))
    if _sees_joined(place, asker, alone=alone):
        asker = replace(asker, channels=await _channels_of(looks, user, but=channel.id))
    return audiences_for(place, asker, alone=alone)


def _sees_joined(place: Place, asker: Asker, *, alone: bool) -> bool:
    """Whether it matters which private channels the asker is in: only then the platform is asked."""
    by_himself = alone or place.setting is Setting.DIRECT
    return by_himself and Reach.JOINED in TABLE[place.setting].alone & MOST[asker.standing]


async def person_of(looks: Looks, user: str, channel: str) -> Person | None:
    """What the platform tells of somebody; None if it cannot be asked, or tells nothing."""
    try:
        return next(iter(await looks.adapter_of(channel).people(user)), None)
    except LookupFailed as error:
        log.info("%s: whether he is a member is not known: %s", user, error)
        return None


async def _channels_of(looks: Looks, user: str, *, but: str) -> frozenset[str]:
    """The channels with knowledge of their own, another one than ``but``, that somebody is in."""
    known = await looks.database.run(_with_own_knowledge)
    return frozenset([each for each in known if each != but and await is_member(looks, user, each)])


def _with_own_knowledge(connection: Connection) -> list[str]:
    """Direct messages aside: what was learnt in them is seen by nobody but those who write there."""
    return [
        channel
        for channel in store.channels_with_own(connection)
        if ledger.channel_of(connection, channel).kind not in (ChannelKind.DIRECT, ChannelKind.GROUP)
    ]


async def is_member(looks: Looks, user: str, channel: str) -> bool:
    """Whether somebody is in a channel; where that cannot be told, he is not."""
    try:
        return user in await looks.adapter_of(channel).members(channel)
    except LookupFailed as error:
        log.info("%s: who is in it is not known: %s", channel, error)
        return False


async def may_read(looks: Looks, user: str, channel: str, asked_in: str) -> bool:
    """Whether somebody who asks in ``asked_in`` may be shown what was said in ``channel``."""
    if channel == asked_in:
        return True
    place = await looks.database.run(lambda connection: ledger.channel_of(connection, channel))
    if place.kind in (ChannelKind.DIRECT, ChannelKind.GROUP):
        return False
    if place.kind is ChannelKind.PUBLIC and not place.external:
        person = await person_of(looks, user, channel)
        if asker_of(user, person).standing is Standing.MEMBER:
            return True
    return await is_member(looks, user, channel)

"""I/O: what one person sees on Earshot's own page, gathered at the moment when he opens it or presses a button there.

Nobody sees more than he could find out by asking: channels that he is in now, knowledge that he may be shown, his own
questions, and the settings of channels that he may read.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, func, select

from bot import drafts, drifts, inbox, ledger, mutes, nights, opencases, optouts, orders, presences
from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain, Home
from bot.adapters.adapter import LinkState, LookupFailed
from bot.adapters.events import Channel, ChannelKind, Heard, OpenedHome, OrderedAtHome, Person
from bot.addressed import link_of
from bot.config import Config
from bot.handlers import Bot
from bot.home import (
    MOST_DRAFTS,
    MOST_PLACES,
    MOST_TICKETS,
    Common,
    Desk,
    OpenDraft,
    Running,
    Seen,
    Settings,
    Used,
    home_card,
)
from bot.inbox import Work
from bot.manners import Order
from bot.presses import is_admin
from bot.reach import is_member, may_read, person_of, readable
from bot.situation import names_of, policy_of, role_in
from bot.tables import channels, messages, moment, quoted, seconds, suggestions
from bot.tables import drafts as drafts_table
from knowledge import store
from knowledge.audience import workspace_in
from knowledge.changes import ChangeKind, ChangeState
from knowledge.entry import EntryState
from knowledge.thread import Message, Role

T = TypeVar("T")

log = logging.getLogger("earshot")

LOOKED_AT = 50  # channels, those where somebody spoke last: the platform is asked who is in each
AT_ONCE = 8  # such questions
WEEK = timedelta(days=7)
MOST_USED, AMONG = 5, 200  # entries that are named, of the most quoted


async def on_opened_home(bot: Bot, work: Work, opened: OpenedHome) -> None:
    """Show the page as it is now to who opened it."""
    await _show(bot, opened.user)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


async def on_ordered_at_home(bot: Bot, work: Work, ordered: OrderedAtHome) -> None:
    """Carry out what a button of the page stands for, as the command does it; then the page shows what came of it."""
    if await _may_order(bot, ordered):
        await bot.database.run(lambda connection: _obey(connection, bot.config(), ordered))
        await bot.knowledge.follow()
    await _show(bot, ordered.user)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


async def _may_order(bot: Bot, ordered: OrderedAtHome) -> bool:
    """For himself everybody; for a channel an admin, of those that are shown to him."""
    if ordered.subject is None:
        return ordered.order in (Order.OPT_OUT, Order.OPT_IN)
    of_channel = ordered.order in (Order.MUTE_CHANNEL, Order.UNMUTE_CHANNEL)
    admin = is_admin(bot.config(), ordered.user)
    return of_channel and admin and await may_read(bot, ordered.user, ordered.subject, "")


def _obey(connection: Connection, config: Config, ordered: OrderedAtHome) -> None:
    if ordered.subject is None:
        orders.opt(connection, ordered.user, ordered.order, ordered.at)
        return
    channel = ledger.channel_of(connection, ordered.subject)
    said = Message(id="", channel=channel.id, thread="", user=ordered.user, at=ordered.at, text="")
    came = orders.obey(connection, config, Heard(message=said, channel=channel), ordered.order)
    log.info("%s: on the page of %s: %s", channel.id, ordered.user, came.what)


async def _show(bot: Bot, user: str) -> None:
    """Nothing of it is lost if it fails: the page is made anew when it is opened again."""
    adapter = bot.adapter_of(user)
    if Home not in adapter.performs:
        return
    card = home_card(await seen_by(bot, user), bot.clock.now(), bot.config().tz)
    try:
        await adapter.perform(Home(user=user, card=card))
    except (ActRefused, ActPostponed, ActUncertain) as error:
        log.warning("the page of %s could not be shown: %s", user, error)


# ---- what he may see -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Reader:
    """Who looks. ``known``: what the platform tells of him. ``joined``: the channels that both are in, first where
    somebody spoke last. ``reads``: those of which he may be told. ``drafts``: the places of drafts that he sees.
    ``audiences``: those whose knowledge he may be shown.
    """

    user: str
    known: Sequence[Person]
    joined: Sequence[Channel]
    reads: frozenset[str]
    drafts: frozenset[str]
    audiences: frozenset[str]


async def seen_by(bot: Bot, user: str) -> Seen:
    """What ``user`` sees on the page now."""
    reader = await _reader(bot, user)
    config, now = bot.config(), bot.clock.now()
    links = [link for adapter in bot.adapters.values() for link in adapter.links]

    def gather(connection: Connection) -> Seen:
        ledger.put_people(connection, reader.known)
        analyst = role_in(connection, config, user) is Role.ANALYST
        admin = is_admin(config, user)
        asked = _asked(connection, reader)
        places = [_common(connection, config, channel, now) for channel in reader.joined[:MOST_PLACES]]
        return Seen(
            opted_out=user in optouts.opted_out(connection),
            places=places,
            place_count=len(reader.joined),
            asked=[one for each in asked[:MOST_TICKETS] if (one := opencases.open_one(connection, each))],
            asked_count=len(asked),
            desk=_desk(connection, reader, now) if analyst else None,
            running=_running(connection, config, reader, now, links) if admin else None,
        )

    return await bot.database.run(gather)


async def _reader(bot: Bot, user: str) -> _Reader:
    config = bot.config()
    known = await person_of(bot, user, user)
    heard_of = await bot.database.run(lambda connection: _channels(connection, user))
    places = await bot.database.run(lambda connection: _draft_places(connection, user))
    told_of = [channel for channel in heard_of if not _is_barred(config, channel)]
    joined = await _those(heard_of, lambda channel: is_member(bot, user, channel.id))
    reads = await _those(told_of, lambda channel: may_read(bot, user, channel.id, ""))
    shown = await _those(places, lambda place: _sees_drafts_in(bot, user, place))
    direct = Channel(id=user, kind=ChannelKind.DIRECT)
    return _Reader(
        user=user,
        known=() if known is None else (known,),
        joined=joined,
        reads=frozenset(channel.id for channel in reads),
        drafts=frozenset(shown),
        audiences=await readable(bot, user, direct, alone=True),
    )


async def _sees_drafts_in(bot: Bot, user: str, place: str) -> bool:
    """Whether drafts that are shown in ``place`` are shown to him: it may be a person, whose direct messages he has
    only if he is that one."""
    if place == user:
        return True
    try:
        known = await bot.adapter_of(place).place(place)
    except LookupFailed as error:
        log.info("%s: what it is is not known: %s", place, error)
        return False
    return known is not None and known.kind is not ChannelKind.DIRECT and await is_member(bot, user, place)


async def _those(given: Iterable[T], holds: Callable[[T], Awaitable[bool]]) -> list[T]:
    """Those of ``given`` of which it holds, asked about some at once."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(each: T) -> bool:
        async with turn:
            return await holds(each)

    everything = list(given)
    held = await asyncio.gather(*(one(each) for each in everything))
    return [each for each, yes in zip(everything, held, strict=True) if yes]


def _is_barred(config: Config, channel: Channel) -> bool:
    return channel.external and config.external == "off"


def _channels(connection: Connection, user: str) -> list[Channel]:
    """The channels of the user's workspace within reach, where somebody spoke last coming first."""
    spoken = select(func.max(messages.c.at)).where(messages.c.channel == channels.c.id).scalar_subquery()
    alone = channels.c.kind.in_([ChannelKind.DIRECT, ChannelKind.GROUP])
    latest = select(channels.c.id).where(~alone).order_by(spoken.desc(), channels.c.id)
    home = workspace_in(user)
    ours = (each for each in connection.execute(latest).scalars().all() if workspace_in(each) == home)
    within_reach = (each for each in ours if presences.closed(connection, each) is None)
    return [ledger.channel_of(connection, each) for each in islice(within_reach, LOOKED_AT)]


# ---- for everybody ---------------------------------------------------------------------------------------------


def _common(connection: Connection, config: Config, channel: Channel, now: datetime) -> Common:
    policy = policy_of(config, channel, now)
    silent = None
    if policy.external_blocked:
        silent = "I listen and say nothing: it is shared with another company"
    elif mutes.muted_here(connection, "", channel.id) is not None:
        silent = "I am muted"
    return Common(channel=channel.id, mode=policy.mode, silent=silent)


def _asked(connection: Connection, reader: _Reader) -> list[str]:
    """The open conversations that he began, where he still may read: what others said there since is told of, too."""
    own = (
        (each, ledger.channel_of(connection, each[0])) for each in opencases.asked_by(connection, reader.user)
    )
    return [
        conversation
        for (channel, conversation), place in own
        if channel in reader.reads or place.kind is ChannelKind.DIRECT
    ]


# ---- for analysts ----------------------------------------------------------------------------------------------


def _desk(connection: Connection, reader: _Reader, now: datetime) -> Desk:
    here = [channel.id for channel in reader.joined if channel.id in reader.reads]
    oldest = opencases.oldest_in(connection, here, MOST_TICKETS)
    found = ((channel, opencases.open_one(connection, each)) for channel, each in oldest)
    waiting = [row for row in _open_drafts(connection) if _draft_place(row) in reader.drafts]
    return Desk(
        open_ones=[(channel, one) for channel, one in found if one is not None],
        open_count=opencases.count_in(connection, here),
        drafts=[_open_draft(connection, row) for row in waiting[:MOST_DRAFTS]],
        draft_count=len(waiting),
        known=store.counts_for(connection, reader.audiences),
        learnt=_learnt(connection, reader.audiences),
        used=_most_used(connection, reader.audiences, now),
    )


def _open_drafts(connection: Connection) -> list[Row[Any]]:
    """Drafts that nobody decided about, with the questions' channels, oldest first."""
    query = (
        select(drafts_table, suggestions.c.message_id.label("asked"), suggestions.c.channel.label("home"))
        .join(suggestions, suggestions.c.id == drafts_table.c.suggestion_id)
        .where(drafts_table.c.state == drafts.DraftState.OPEN)
        .order_by(drafts_table.c.opened_at)
    )
    return list(connection.execute(query).all())


def _draft_place(row: Row[Any]) -> str:
    """Where a draft is shown: a channel, a person, or to analysts in the question's own channel."""
    return str(row.channel or row.home)


def _draft_places(connection: Connection, user: str) -> list[str]:
    """Those in the user's workspace."""
    found = {_draft_place(row) for row in _open_drafts(connection)}
    return sorted(place for place in found if workspace_in(place) == workspace_in(user))


def _open_draft(connection: Connection, row: Row[Any]) -> OpenDraft:
    asked = ledger.message_row(connection, row.asked)
    return OpenDraft(
        question="" if asked is None else asked.text,
        link=None if asked is None else asked.link,
        channel=row.home,
        since=moment(row.opened_at),
    )


def _learnt(connection: Connection, audiences: Collection[str]) -> int:
    """The entries that the last night added, as far as they may be told of and are still in use."""
    last = next(iter(nights.last_nights(connection, 1)), None)
    changes = [] if last is None else nights.changes_of(connection, last.date, ChangeState.APPLIED)
    added = {change.subject for change in changes if change.kind == ChangeKind.ADDED}
    stored = store.stored_by_id(connection, added).values()
    return sum(one.entry.audience in audiences and one.state is EntryState.ACTIVE for one in stored)


def _most_used(connection: Connection, audiences: Collection[str], now: datetime) -> list[Used]:
    """The entries that the answers of the last week quote most, as far as they may be told of."""
    times = func.count(quoted.c.suggestion_id.distinct())
    query = (
        select(quoted.c.entry_id, times.label("times"))
        .join(suggestions, suggestions.c.id == quoted.c.suggestion_id)
        .where(suggestions.c.posted_at > seconds(now - WEEK))
        .group_by(quoted.c.entry_id)
        .order_by(times.desc(), quoted.c.entry_id)
    )
    counted = {row.entry_id: row.times for row in connection.execute(query.limit(AMONG)).all()}
    known = store.entries_by_id(connection, counted)
    seen = [each for each in counted if each in known and known[each].audience in audiences]
    return [
        Used(title=known[each].title, link=link_of(known[each]), times=counted[each])
        for each in seen[:MOST_USED]
    ]


# ---- for admins ------------------------------------------------------------------------------------------------


def _running(
    connection: Connection, config: Config, reader: _Reader, now: datetime, links: Sequence[LinkState]
) -> Running:
    heard_of = _channels(connection, reader.user)
    readable_ones = [channel for channel in heard_of if channel.id in reader.reads]
    last = next(iter(nights.last_nights(connection, 1)), None)
    return Running(
        settings=[_settings(connection, config, channel, now) for channel in readable_ones],
        unseen=len(heard_of) - len(readable_ones),
        links=links,
        night=None if last is None else nights.report_of(connection, last.date),
        reverted=last is not None and nights.is_reverted(connection, last.date),
        set_aside=len(inbox.poison(connection)),
        waiting=_waiting(connection),
        reports=config.night.digest_to or [drafts.called(each) for each in sorted(config.admins)],
    )


def _settings(connection: Connection, config: Config, channel: Channel, now: datetime) -> Settings:
    chosen = config.channel(names_of(channel))
    policy = drifts.held_back(connection, config, channel, policy_of(config, channel, now))
    hours = chosen.quiet_hours
    return Settings(
        channel=channel.id,
        mode=chosen.mode,
        precision=chosen.precision,
        max_per_thread=chosen.max_per_thread,
        max_per_hour=chosen.max_per_hour,
        quiet_hours=None if hours is None else f"{hours.start:%H:%M}-{hours.end:%H:%M}",
        own=chosen != config.channel(()),
        muted=mutes.muted_here(connection, "", channel.id) is not None,
        drifted=bool(policy.drifted),
    )


def _waiting(connection: Connection) -> int:
    """Entries about which an admin is to decide."""
    proposed = {change.subject for change in nights.proposed(connection)}
    return len(proposed | store.ids_in(connection, EntryState.PENDING))

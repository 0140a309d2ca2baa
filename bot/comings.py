"""What happens when a channel comes within reach, changes, or goes out of it: gather, decide, act, as in handlers."""

import logging
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from bot import aliases, audit, drafts, inbox, introductions, ledger, presences
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.events import Changed, Channel, Departure, Joined, Left, Moved, PeopleLeft, Reopened
from bot.audit import Kind
from bot.config import Config
from bot.handlers import Bot, read_aliases
from bot.inbox import Work
from bot.situation import chosen_for

log = logging.getLogger("earshot")

ASKED_AGAIN = 2  # tries, with back-off, to learn what a channel is called before it is taken as it is


async def on_joined(bot: Bot, work: Work, joined: Joined) -> None:
    """We are in a channel: remember it, and say once what we do there."""
    now, config = bot.clock.now(), bot.config()
    told = await _told_of(bot.adapter_of(joined.channel.id), joined.channel)
    if told is None and work.tries < ASKED_AGAIN:
        raise LookupFailed(f"{joined.channel.id}: whether it is to be quiet there may hang on its name")

    def come(connection: Connection) -> None:
        if told is not None or not ledger.is_known(connection, joined.channel.id):
            ledger.put_channel(connection, told or joined.channel)
        why = presences.take(connection, joined.channel.id, joined)
        audit.put(
            connection, Kind.CHANNEL, joined.at, channel=joined.channel.id, actor=joined.by, what="joined"
        )
        if why is None and told is not None:
            channel = ledger.channel_of(connection, joined.channel.id)
            introductions.put_introduction(connection, config, channel, joined.by, now)

    await _concluded(bot, work, come)


async def on_left(bot: Bot, work: Work, left: Left) -> None:
    """A channel is out of reach: nothing waits there any more. What was learnt there stays."""
    now = bot.clock.now()

    def leave(connection: Connection) -> None:
        # Slack tells of every public channel; those that we were never in are not our business.
        if left.how is not Departure.LEFT and not ledger.is_known(connection, left.channel):
            return
        why = presences.take(connection, left.channel, left)
        audit.put(connection, Kind.CHANNEL, left.at, channel=left.channel, what=left.how)
        if why is None:
            return  # told late: we are there again
        log.info("%s: %s", left.channel, why)
        inbox.hasten(connection, left.channel, now)
        drafts.expire_about(connection, left.channel, why, now)
        for conversation in ledger.close_in(connection, left.channel, left.at):
            named = {"subject": conversation, "channel": left.channel}
            audit.put(connection, Kind.CLOSED, left.at, **named, what=left.how)

    await _concluded(bot, work, leave)


async def on_reopened(bot: Bot, work: Work, reopened: Reopened) -> None:
    """An archived channel is open again."""

    def reopen(connection: Connection) -> None:
        if ledger.is_known(connection, reopened.channel):
            presences.take(connection, reopened.channel, reopened)
            audit.put(connection, Kind.CHANNEL, reopened.at, channel=reopened.channel, what="reopened")

    await _concluded(bot, work, reopen)


async def on_people_left(bot: Bot, work: Work, gone: PeopleLeft) -> None:
    """What adapters kept of who is in the channel is dropped already; nobody else keeps it."""
    log.debug("%s: %d people left", gone.channel, len(gone.users))
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


async def on_changed(bot: Bot, work: Work, changed: Changed) -> None:
    """Name, kind and who shares a channel are read anew. A former name stays as an alias."""
    if not await bot.database.run(lambda connection: ledger.is_known(connection, changed.channel)):
        # Slack tells of every public channel; those that we were never in are not our business.
        return await bot.database.run(lambda connection: inbox.finish(connection, work.id))
    before = await bot.database.run(lambda connection: ledger.channel_of(connection, changed.channel))
    told = await _told_of(bot.adapter_of(changed.channel), Channel(id=changed.channel, kind=before.kind))

    def change(connection: Connection) -> None:
        now = told or Channel(
            id=before.id, kind=before.kind, name=changed.name or before.name, external=before.external
        )
        if (now.kind, now.name, now.external) != (before.kind, before.name, before.external):
            ledger.put_channel(connection, now)
            audit.put(connection, Kind.CHANNEL, changed.at, channel=changed.channel, what="changed")
            _remind(bot.config(), ledger.channel_of(connection, changed.channel))

    await _concluded(bot, work, change)
    await read_aliases(bot)


def _remind(config: Config, channel: Channel) -> None:
    """Say so where only a former name in config.yaml means the channel."""
    if chosen_for(config, channel) != chosen_for(config, replace(channel, former=())):
        former = ", ".join(channel.former)
        log.warning(
            "config.yaml means %s by a name that it had (%s); write '#%s'", channel.id, former, channel.name
        )


async def on_moved(bot: Bot, work: Work, moved: Moved) -> None:
    """A channel goes by another id; it is kept under the one that it always had."""

    def move(connection: Connection) -> None:
        if ledger.is_known(connection, moved.channel):
            aliases.put_id(connection, moved.channel, moved.to, moved.at)
            audit.put(connection, Kind.CHANNEL, moved.at, channel=moved.channel, what="moved")

    await _concluded(bot, work, move)
    await read_aliases(bot)


async def _told_of(adapter: Adapter, channel: Channel) -> Channel | None:
    try:
        return await adapter.describe(channel)
    except LookupFailed as error:
        log.info("%s: name and kind are not known: %s", channel.id, error)
        return None


async def _concluded(bot: Bot, work: Work, change: Callable[[Connection], None]) -> None:
    def conclude(connection: Connection) -> None:
        change(connection)
        inbox.finish(connection, work.id)

    await bot.database.run(conclude)

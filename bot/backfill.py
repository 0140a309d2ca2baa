"""What was said before we came is heard, oldest first: kept, told apart into conversations, never answered.

Where reading stopped is in the store after every page and every thread.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot import asking, ledger, readings, retention
from bot.adapters.adapter import Adapter, LookupFailed, Page
from bot.adapters.events import Channel, Heard, Person
from bot.clock import Clock
from bot.comparing import heard_in
from bot.config import Config
from bot.handlers import told_of
from bot.readings import Purpose, Reading
from bot.situation import hear
from knowledge.database import Database
from knowledge.thread import Role

log = logging.getLogger("earshot")

BATCH = 25  # messages in a transaction: a running Earshot writes between two of them

Progress = Callable[[int, int, str], None]  # days done, of how many, of what


@dataclass(kw_only=True, slots=True)
class Backfilled:
    """What came of a channel. ``messages``: those that were new; ``threads``: those that were read."""

    channel: Channel
    since: datetime
    messages: int = 0
    threads: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfill:
    """Reads channels of one platform."""

    database: Database
    config: Config
    adapter: Adapter
    clock: Clock
    progress: Progress
    people: dict[str, Sequence[Person]] = field(default_factory=dict)

    async def read(self, channel: Channel, since: datetime) -> Backfilled:
        """Hear a channel from ``since`` on, or from where it was left. Raises LookupFailed and ActRefused."""
        channel = await self._described(channel)
        wanted, came = await self._begun(channel, since), Backfilled(channel=channel, since=since)
        self._tell(channel, since, since)
        await self._threads(wanted, channel, came)
        async for page in self.adapter.history(channel, wanted.since, cursor=wanted.cursor):
            said = _said(page, self.adapter)
            came.messages += await self._hear(channel, said)
            wanted = replace(wanted, cursor=page.cursor, threads=tuple(page.threads))
            await self.database.run(partial(readings.put, wanted=wanted))
            await self._threads(wanted, channel, came)
            self._tell(channel, since, max((one.message.at for one in said), default=None))
        done = replace(wanted, threads=(), done_at=self.clock.now())
        await self.database.run(partial(readings.put, wanted=done))
        self._tell(channel, since, self.clock.now())
        return came

    async def _begun(self, channel: Channel, since: datetime) -> Reading:
        """Where to go on; from the beginning if more is wanted than was read before."""
        known = await self.database.run(
            lambda connection: readings.reading(connection, channel.id, Purpose.BACKFILL)
        )
        if known is not None and known.since <= since:
            return replace(known, done_at=None)
        return Reading(
            channel=channel.id, purpose=Purpose.BACKFILL, since=since, begun_at=self.clock.now(), threads=()
        )

    async def _threads(self, wanted: Reading, channel: Channel, came: Backfilled) -> None:
        """The threads of the page that was read last."""
        left = wanted.threads or ()
        for number, root in enumerate(left):
            async for page in self.adapter.history(channel, wanted.since, thread=root):
                came.messages += await self._hear(channel, _said(page, self.adapter))
            came.threads += 1
            rest = replace(wanted, threads=left[number + 1 :])
            await self.database.run(partial(readings.put, wanted=rest))

    async def _hear(self, channel: Channel, said: Sequence[Heard]) -> int:
        """Keep what was said, as when it is heard live; how many messages were new."""
        new = 0
        told = [replace(one, channel=channel) for one in sorted(said, key=lambda one: one.message.at)]
        for start in range(0, len(told), BATCH):
            some = told[start : start + BATCH]
            known = await self._people(some)
            put = partial(_keep, config=self.config, some=some, people=known, now=self.clock.now())
            new += await self.database.run(put)
        return new

    async def _people(self, some: Sequence[Heard]) -> Sequence[Person]:
        users = {one.message.user for one in some if one.message.role is not Role.BOT}
        for user in sorted(users - self.people.keys()):
            self.people[user] = await told_of(self.adapter, user)
        return [person for user in sorted(users) for person in self.people[user]]

    async def _described(self, channel: Channel) -> Channel:
        try:
            return await self.adapter.describe(channel)
        except LookupFailed as error:
            log.warning("%s: name and kind are not known: %s", channel.id, error)
            return channel

    def _tell(self, channel: Channel, since: datetime, reached: datetime | None) -> None:
        if reached is not None:
            days = max((self.clock.now() - since).days, 1)
            self.progress(min((reached - since).days, days), days, f"days of {called(channel)}")


def called(channel: Channel) -> str:
    """A channel for people: ``#help``, or its id."""
    return f"#{channel.name}" if channel.name else channel.id


def _said(page: Page, adapter: Adapter) -> list[Heard]:
    return [heard for _, heard in heard_in(page, adapter.parse).values()]


def _keep(
    connection: Connection, config: Config, some: Sequence[Heard], people: Sequence[Person], now: datetime
) -> int:
    ledger.put_people(connection, people)
    return sum(_kept(connection, config, one, now) for one in some)


def _kept(connection: Connection, config: Config, heard: Heard, now: datetime) -> bool:
    """Whether a message was new. Orders and requests of that time are not obeyed any more, and not kept."""
    message = heard.message
    if ledger.message_row(connection, message.id) is not None or ledger.was_erased(connection, message.id):
        return False
    if asking.request_in(heard) is not None or retention.too_late(connection, config, heard, now):
        return False
    hear(connection, config, heard, now)
    return True


def wanted_of(channels: Sequence[Channel], given: Sequence[str]) -> Mapping[str, Sequence[Channel]]:
    """The channels that each name may mean: by ``#name``, id or whole id."""
    return {
        name: [
            one
            for one in channels
            if name in (one.id, one.id.rsplit("/", 1)[-1]) or name.removeprefix("#") == one.name
        ]
        for name in given
    }

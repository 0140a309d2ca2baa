"""After downtime, or when a connection was gone, every channel is read from the last message that was heard there.

What is found comes into the inbox as if it had been delivered, a little at a time, so that what is said now does not
wait for it. Where reading stopped is in the store.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, and_, select
from sqlalchemy.exc import DatabaseError

from bot import found, inbox, ledger, readings
from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain
from bot.adapters.adapter import Adapter, Arrival, LinkState, LookupFailed, Page
from bot.adapters.events import Channel
from bot.comparing import Known, News, heard_in, news_of
from bot.handlers import Bot
from bot.readings import Reading
from bot.tables import erased, messages, seconds

log = logging.getLogger("earshot")

RECENT = timedelta(days=3)  # threads in which somebody spoke since then are looked at again
MARGIN = timedelta(minutes=2)  # a connection is dead for up to half of it before that is noticed
LONG = timedelta(minutes=5)  # after so long a silence edits and deletions are looked for, too
SETTLED = timedelta(minutes=1)  # what is younger may not be in a history yet
BACKLOG = 20  # events to be handled, above which what was found waits
LOOK = 0.5  # seconds between two looks at the connections
AGAIN = timedelta(minutes=1)  # before a channel that could not be read is tried again


@dataclass(kw_only=True, slots=True)
class Seen:
    """What the top level of a channel ``listed``, and the roots whose threads were ``read`` meanwhile."""

    listed: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)


class GapReader:
    """Notices gaps and reads them. ``wake`` is called when something was found."""

    def __init__(self, bot: Bot, settle: timedelta, wake: Callable[[], None]) -> None:
        self._bot, self._settle, self._wake = bot, settle, wake
        self._seen: dict[str, LinkState] = {}
        self._lost: dict[str, datetime] = {}
        self._not_before: dict[str, datetime] = {}
        self._opened = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # ---- noticing

    async def begin(self) -> None:
        """Before the first connection: what was said while the process was down is to be read."""
        for adapter in self._bot.adapters.values():
            await self._open(adapter.name, self._bot.clock.now(), thorough=True)

    def start(self) -> None:
        steps = (self._look, self._read_open)
        self._tasks = [asyncio.create_task(_again_and_again(step)) for step in steps]

    def check(self) -> None:
        """Raise what ended the reading, which ends only when it is stopped."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _look(self) -> None:
        for adapter in self._bot.adapters.values():
            for link in adapter.links:
                await self._look_at(adapter, link)

    async def _look_at(self, adapter: Adapter, link: LinkState) -> None:
        """Open a gap where a connection is another one than at the last look."""
        name = f"{adapter.name}/{link.name}"
        before, now = self._seen.get(name), self._bot.clock.now()
        if before is not None and not link.connected:
            self._lost.setdefault(name, now)
        elif before is not None and (not before.connected or link.since != before.since):
            lost = self._lost.get(name, now)
            await self._open(adapter.name, lost - MARGIN, thorough=now - lost > LONG)
            self._lost.pop(name, None)
        self._seen[name] = link  # only now: a gap that could not be written down is seen again

    async def _open(self, platform: str, before: datetime, *, thorough: bool) -> None:
        now = self._bot.clock.now()
        wanted = partial(readings.open_gaps, platform=platform, before=before, now=now, thorough=thorough)
        channels = await self._bot.database.run(wanted)
        if channels:
            log.info("%s: %d channels are read from what was heard there last", platform, channels)
            self._opened.set()

    # ---- reading

    async def _read_open(self) -> None:
        """Read what is to be read; then wait for more, or for the time to try again what failed."""
        self._opened.clear()
        for wanted in await self._bot.database.run(readings.to_read):
            if self._is_due(wanted.channel):
                await self._try_to_read(wanted)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._opened.wait(), AGAIN.total_seconds())

    def _is_due(self, channel: str) -> bool:
        platform = channel.split(":", 1)[0]
        since = self._not_before.get(channel)
        return platform in self._bot.adapters and (since is None or since <= self._bot.clock.now())

    async def _try_to_read(self, wanted: Reading) -> None:
        """Read one channel; whatever goes wrong there, the others are read."""
        task = asyncio.create_task(self.read(wanted))
        try:
            await asyncio.wait({task})
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._not_before[wanted.channel] = self._bot.clock.now() + AGAIN
            known = isinstance(error, LookupFailed | ActPostponed | ActUncertain)
            text = "%s: not read to its end, tried again later: %s: %s"
            log.warning(text, wanted.channel, type(error).__name__, error, exc_info=None if known else error)

    async def read(self, wanted: Reading) -> None:
        """Read one channel from where it was left. Raises LookupFailed."""
        database, clock = self._bot.database, self._bot.clock
        channel = await database.run(lambda connection: ledger.channel_of(connection, wanted.channel))
        try:
            seen = await self._read_top_level(channel, wanted)
            await self._read_threads(channel, wanted, seen)
        except ActRefused as error:  # we are not in it any more, or it is gone
            log.info("%s: it cannot be read: %s", wanted.channel, error)
        await database.run(lambda connection: readings.done(connection, wanted, clock.now()))

    async def _read_top_level(self, channel: Channel, wanted: Reading) -> Seen:
        """Threads with news are read on the way: a question is heard together with its answers."""
        adapter, seen = self._bot.adapter_of(channel.id), Seen()
        async for page in adapter.history(channel, wanted.since - RECENT, cursor=wanted.cursor):
            arrivals, said = await self._news(adapter, wanted, page), heard_in(page, adapter.parse)
            seen.listed.update((*said, *page.gone))
            for root, last in page.threads.items():
                if last is None or last > wanted.since:
                    seen.read.add(root)
                    answers = await self._thread(adapter, channel, wanted, root)
                    until = said[root][0].at if root in said else wanted.since
                    await self._take_in(wanted, [*(one for one in arrivals if one.at <= until), *answers])
                    arrivals = [one for one in arrivals if one.at > until]
            await self._take_in(wanted, arrivals, page.cursor)
        return seen

    async def _read_threads(self, channel: Channel, wanted: Reading, seen: Seen) -> None:
        """The threads in which somebody spoke lately; which are left is kept after each."""
        adapter, left = self._bot.adapter_of(channel.id), wanted.threads
        if left is None:
            left = await self._bot.database.run(partial(_threads_left, wanted=wanted, seen=seen))
        for number, root in enumerate(left):
            arrivals = await self._thread(adapter, channel, wanted, root)
            await self._take_in(wanted, arrivals, threads=left[number + 1 :])

    async def _thread(self, adapter: Adapter, channel: Channel, wanted: Reading, root: str) -> list[Arrival]:
        # First what is kept, then what is there: what is said in between is not missed for deleted.
        settled = self._bot.clock.now() - SETTLED
        expected = await self._bot.database.run(partial(_kept_in, root=root, before=settled))
        there: list[Arrival] = []
        try:
            async for page in adapter.history(channel, wanted.since, thread=root):
                there += await self._news(adapter, wanted, page, expected)
        except ActRefused as error:
            log.info("%s: it cannot be read: %s", root, error)
        return there

    async def _news(
        self, adapter: Adapter, wanted: Reading, page: Page, expected: Sequence[str] = ()
    ) -> list[Arrival]:
        said = heard_in(page, adapter.parse)
        names = [*said, *page.gone, *expected]
        known = await self._bot.database.run(partial(_known, names=names))
        now = self._bot.clock.now()
        news = news_of(page, said, known, since=wanted.since, expected=expected, now=now)
        return _arrivals(news, adapter.name)

    async def _take_in(
        self,
        wanted: Reading,
        arrivals: Sequence[Arrival],
        cursor: str | None = None,
        *,
        threads: Sequence[str] | None = None,
    ) -> None:
        """Keep what was found, oldest first and a little at a time, and then how far reading came."""
        some = sorted(arrivals, key=lambda arrival: arrival.at)
        for start in range(0, len(some), BACKLOG):
            await self._until_handled()
            now = self._bot.clock.now()
            batch = some[start : start + BACKLOG]
            await self._bot.database.run(partial(inbox.accept, arrivals=batch, now=now, settle=self._settle))
            self._wake()

        def reached(connection: Connection) -> None:
            if cursor is not None:
                readings.reached(connection, wanted, cursor)
            if threads is not None:
                readings.left(connection, wanted, threads)

        await self._bot.database.run(reached)

    async def _until_handled(self) -> None:
        """What is said now comes first: what was found waits until little is left to be handled."""
        while True:
            now = self._bot.clock.now()
            if await self._bot.database.run(partial(inbox.backlog, now=now)) < BACKLOG:
                return
            await asyncio.sleep(LOOK / 10)


async def _again_and_again(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await step()
        except DatabaseError as error:  # another process kept it busy for too long
            log.warning("the store could not be used: %s", type(error).__name__)
        await asyncio.sleep(LOOK)


def _arrivals(news: News, adapter: str) -> list[Arrival]:
    return [*news.unheard, *(found.arrival_of(change, adapter) for change in news.changes)]


def _known(connection: Connection, names: Sequence[str]) -> Known:
    texts: dict[str, str] = {}
    gone: set[str] = set()
    for start in range(0, len(names), 500):
        some = names[start : start + 500]
        kept = select(messages.c.id, messages.c.text).where(messages.c.id.in_(some))
        texts |= {row.id: row.text for row in connection.execute(kept)}
        gone |= set(connection.scalars(select(erased.c.message_id).where(erased.c.message_id.in_(some))))
    return Known(texts=texts, erased=frozenset(gone))


def _kept_in(connection: Connection, root: str, before: datetime) -> list[str]:
    """The messages of a thread that are kept and were said before."""
    here = and_(messages.c.root == root, messages.c.at <= seconds(before))
    return list(connection.scalars(select(messages.c.id).where(here)))


def _threads_left(connection: Connection, wanted: Reading, seen: Seen) -> tuple[str, ...]:
    """The threads in which somebody spoke lately and that were not read, the last one first.

    Unless reading is thorough only those that the top level did not list: it told of the others that nothing is new.
    """
    begins, ends = seconds(wanted.since - RECENT), seconds(wanted.begun_at - SETTLED)
    recent = and_(messages.c.channel == wanted.channel, messages.c.at > begins, messages.c.at <= ends)
    said = select(messages.c.id, messages.c.root).where(recent).order_by(messages.c.at.desc())
    rows = connection.execute(said).all()
    threads = dict.fromkeys(row.root for row in rows if row.root != row.id)
    wanting = [root for root in threads if wanted.thorough or root not in seen.listed]
    # What was at the top level and is not there any more; known only if all of it was listed now.
    whole = wanted.cursor is None
    lost = [row.id for row in rows if whole and row.root == row.id and row.id not in seen.listed]
    return tuple(root for root in dict.fromkeys([*wanting, *lost]) if root not in seen.read)

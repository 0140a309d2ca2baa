"""The whole, put together: the only module that names concrete classes, and the worker loop."""

import asyncio
import gc
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection

from bot import (
    asking,
    audit,
    clicks,
    comings,
    found,
    handlers,
    homes,
    inbox,
    intents,
    migrations,
    presses,
    requests,
    saving,
)
from bot.adapters.adapter import Adapter, Arrival, FillsForms
from bot.adapters.aliased import Aliases, aliased
from bot.adapters.events import (
    AskedForSummary,
    AskedToReword,
    AskedToSave,
    AskedWhy,
    Changed,
    Commanded,
    Corrected,
    Correcting,
    Deleted,
    Edited,
    Event,
    Heard,
    Ignored,
    Joined,
    Judged,
    Left,
    Moved,
    Objected,
    OpenedHome,
    OrderedAtHome,
    PeopleLeft,
    Pressed,
    Reacted,
    Reopened,
    Reworded,
    Saved,
    Uninstalled,
    Voted,
)
from bot.clock import Clock, SystemClock
from bot.config import Config
from bot.gaps import GapReader
from bot.handlers import Bot, Overtaken
from bot.health import Health
from bot.inbox import Work
from bot.outbox import GRACE, Outbox
from bot.presses import NightActions
from bot.schedule import Schedule
from bot.uninstalling import on_uninstalled
from bot.web import Web, WebFailed
from bot.weighing import read_weights
from bot.wishes import Verb
from knowledge import ranking, store
from knowledge.database import Database
from knowledge.distiller import Distiller, offline
from knowledge.embed import Embedder, load_embedder
from knowledge.search import Knowledge
from knowledge.writer import Rewriter, Writer
from knowledge.writer_extractive import ExtractiveWriter

log = logging.getLogger("earshot")

Progress = Callable[[int, int, str], None]

# Events of one conversation can overtake each other by some milliseconds on their way here.
SETTLE = timedelta(milliseconds=100)
AT_ONCE = 8  # conversations handled side by side
YIELDS = 1.0  # seconds for which handling lets arrivals go first, however many come
IDLE = 1.0  # seconds between looks at the clock when nothing arrives
OVERTAKEN_TRIES = 3  # an event about a message that never comes is passed over after that


class NotStored(Exception):
    """An arrival could not be made durable; the platform will deliver it again."""


class StoreInUse(Exception):
    """Another process runs on this store."""


@dataclass
class Batch:
    """Arrivals that one commit makes durable."""

    arrivals: list[Arrival] = field(default_factory=list)
    done: bool = False
    durable: bool = False


class App:
    """One running Earshot: takes arrivals in, works them off, sends what was decided."""

    def __init__(
        self,
        bot: Bot,
        *,
        settle: timedelta = SETTLE,
        night: NightActions | None = None,
        web: Web | None = None,
    ) -> None:
        self.bot = bot
        self._web = web
        self.health = Health(bot)
        self._night = night
        self.outbox = Outbox(bot)
        self._settle = settle
        self._wake = asyncio.Event()
        self._batch = Batch()
        self._commit = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self._arriving = 0
        self._arriving_since = 0.0  # in the loop's seconds

    # ---- taking in

    async def accept(self, arrival: Arrival) -> None:
        """Return when the arrival is durable; raise if it is not, so that it is not acknowledged.

        Arrivals that come during a commit share the next one: a burst costs few waits for the disk.
        """
        if self._arriving == 0:
            self._arriving_since = asyncio.get_running_loop().time()
        self._arriving += 1
        try:
            batch = await self._stored(arrival)
        finally:
            self._arriving -= 1
        if not batch.durable:
            raise NotStored(f"{arrival.key} could not be stored, so it is not acknowledged")
        self._wake.set()

    async def _stored(self, arrival: Arrival) -> Batch:
        """The batch that the arrival was in, after its commit."""
        batch = self._batch
        batch.arrivals.append(arrival)
        async with self._commit:
            if not batch.done:
                self._batch = Batch()
                await self._make_durable(batch)
        return batch

    async def _make_durable(self, batch: Batch) -> None:
        now, settle = self.bot.clock.now(), self._settle
        try:
            await self.bot.database.run_first(
                lambda connection: inbox.accept(connection, batch.arrivals, now, settle)
            )
            batch.durable = True
        finally:
            batch.done = True

    # ---- working off

    async def work(self, at_once: int = AT_ONCE) -> int:
        """Begin to handle what is due, at most ``at_once`` conversations side by side. How many were begun."""
        room = at_once - len(self._running)
        if room <= 0:
            return 0
        now = self.bot.clock.now()
        claimed = await self.bot.database.run(lambda connection: inbox.claim(connection, now, room))
        for work in claimed:
            task = asyncio.create_task(self._handle(work))
            self._running.add(task)
            task.add_done_callback(self._over)
        return len(claimed)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    async def _handle(self, work: Work) -> None:
        event: Event | None = None
        try:
            if work.payload is not None and work.message_id is None:
                adapter = self.bot.adapters[work.adapter]
                event = found.event_in(work.payload) or adapter.parse(work.payload)
                await self._on(event, work)
            else:
                await handlers.on_due(self.bot, work)
        except Overtaken as early:
            await self._wait_for_message(work, early)
        # Broad: whatever goes wrong with one event must not stop the others. It is tried
        # again with back-off, then set aside for `earshot doctor`; it is never dropped.
        except Exception as error:  # noqa: BLE001
            await self._try_again(work, error, event)

    async def _on(self, event: Event, work: Work) -> None:
        match event:
            case Heard():
                self.health.heard += 1
                wish = asking.request_in(event)
                if wish is None:
                    return await handlers.on_message(self.bot, work, event)
                if wish.verb is Verb.SAVE and not self.bot.adapter_of(event.channel.id).has_command:
                    return await saving.on_wish_to_save(self.bot, work, event, wish)
                await requests.on_request(self.bot, work, event, wish)
            case Edited():
                await handlers.on_edit(self.bot, work, event)
            case Deleted():
                await handlers.on_delete(self.bot, work, event)
            case Reacted():
                await handlers.on_reaction(self.bot, work, event)
            case Voted():
                await handlers.on_vote(self.bot, work, event)
            case Judged():
                await clicks.on_judged(self.bot, work, event)
            case AskedToReword():
                await clicks.on_asked_to_reword(self.bot, work, event)
            case Reworded():
                await clicks.on_reworded(self.bot, work, event)
            case Objected():
                await clicks.on_objected(self.bot, work, event)
            case Correcting():
                await clicks.on_correcting(self.bot, work, event)
            case Corrected():
                await clicks.on_corrected(self.bot, work, event)
            case AskedWhy():
                await clicks.on_asked_why(self.bot, work, event)
            case Commanded():
                await requests.on_commanded(self.bot, work, event)
            case AskedForSummary():
                await requests.on_asked_for_summary(self.bot, work, event)
            case Pressed():
                await presses.on_pressed(self.bot, self._night, work, event)
            case AskedToSave():
                await saving.on_asked_to_save(self.bot, work, event)
            case Saved():
                await saving.on_saved(self.bot, work, event)
            case OpenedHome():
                await homes.on_opened_home(self.bot, work, event)
            case OrderedAtHome():
                await homes.on_ordered_at_home(self.bot, work, event)
            case Joined():
                await comings.on_joined(self.bot, work, event)
            case Left():
                await comings.on_left(self.bot, work, event)
            case Reopened():
                await comings.on_reopened(self.bot, work, event)
            case PeopleLeft():
                await comings.on_people_left(self.bot, work, event)
            case Changed():
                await comings.on_changed(self.bot, work, event)
            case Moved():
                await comings.on_moved(self.bot, work, event)
            case Uninstalled():
                await on_uninstalled(self.bot, work, event)
            case Ignored(why=why):
                log.debug("%s: ignored: %s", work.conversation, why)
                await self.bot.database.run(lambda connection: inbox.finish(connection, work.id))

    async def _wait_for_message(self, work: Work, early: Overtaken) -> None:
        if work.tries + 1 >= OVERTAKEN_TRIES:
            log.info("passed over: %s", early)
            await self.bot.database.run(lambda connection: inbox.finish(connection, work.id))
            return
        now, reason = self.bot.clock.now(), str(early)
        await self.bot.database.run(lambda connection: inbox.postpone(connection, work, now, reason))

    async def _try_again(self, work: Work, error: Exception, event: Event | None) -> None:
        now, reason = self.bot.clock.now(), f"{type(error).__name__}: {error}"
        poison = await self.bot.database.run(lambda connection: inbox.postpone(connection, work, now, reason))
        remedy = "set aside; see `earshot doctor`" if poison else "will be tried again"
        log.error("event %s of %s: %s; %s", work.id, work.conversation, reason, remedy, exc_info=error)
        if poison and event is not None:
            await requests.apologise(self.bot, event)  # who asked is not left without a word

    # ---- running

    async def run(self, stop: asyncio.Event) -> None:
        """Listen, work and post until ``stop``."""
        now = self.bot.clock.now()
        again = await self.bot.database.run(lambda connection: _begun(connection, now))
        if again:
            log.info("%d events were cut off by the last stop; they are handled now", again)
        await handlers.read_aliases(self.bot)
        schedule, gaps = Schedule(self.bot), GapReader(self.bot, self._settle, self._wake.set)
        await gaps.begin()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._record_stop)
            stack.push_async_callback(self.close)  # also of what listens already when something else cannot
            for adapter in self.bot.adapters.values():
                await adapter.listen(self.accept)
            if self._web is not None:
                await self._open_web(self._web)
            await schedule.groups.refresh()  # before the first message is looked at: who speaks decides
            gaps.start()
            stack.push_async_callback(gaps.stop)
            schedule.start()
            stack.callback(schedule.close)
            while not stop.is_set():
                gaps.check()
                await self._turn(stop)

    async def _record_stop(self) -> None:
        await self.bot.database.run(
            lambda connection: audit.put(connection, audit.Kind.STOPPED, self.bot.clock.now())
        )

    async def _open_web(self, web: Web) -> None:
        self.health.add_to(web)
        try:
            await web.start()
        except WebFailed as error:
            # Whoever is heard without it is not left deaf for a page.
            if not all(adapter.links for adapter in self.bot.adapters.values()):
                raise
            log.warning("%s; going on without /healthz, /readyz and /metrics", error)

    async def _turn(self, stop: asyncio.Event) -> None:
        self._wake.clear()
        work = 0 if self._comes_later() else await self.work()
        begun = work + await self.outbox.send_due(self._wake.set)
        if begun == 0:
            await wait_any(self._wake, stop, at_most=await self._until_due())

    def _comes_later(self) -> bool:
        """Whether nothing is begun for now because arrivals wait for their commit: their senders wait, too."""
        now = asyncio.get_running_loop().time()
        return self._arriving > 0 and now < self._arriving_since + YIELDS

    async def _until_due(self) -> float:
        """Seconds until something falls due, at most IDLE."""

        def soonest(connection: Connection) -> list[datetime]:
            return [
                at for at in (inbox.next_due(connection), intents.next_intent(connection)) if at is not None
            ]

        now = self.bot.clock.now()
        due = [(at - now).total_seconds() for at in await self.bot.database.run(soonest)]
        return min([IDLE, *(max(seconds, 0.01) for seconds in due)])

    async def drain(self) -> None:
        """Work off everything that is due at the clock's time, posts included (replays, the practice room)."""
        while await self.work(at_once=1) or self._running or await self.outbox.send_due():
            if self._running:
                await asyncio.wait(self._running)
            await self.outbox.settle()

    async def close(self) -> None:
        """Stop listening; what is being handled is finished, what is being posted is cut off and read back later."""
        if self._web is not None:
            await self._web.stop()
        for adapter in self.bot.adapters.values():
            await adapter.close()
        if self._running:
            await asyncio.wait(self._running, timeout=10)
        await self.outbox.close()


def _begun(connection: Connection, now: datetime) -> int:
    again = inbox.recover(connection, now, GRACE)
    audit.put(connection, audit.Kind.STARTED, now, again=again)
    return again


async def wait_any(*events: asyncio.Event, at_most: float) -> None:
    """Return when one of the events is set, or after ``at_most`` seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=at_most, return_when=asyncio.FIRST_COMPLETED)
    for task in waits:
        task.cancel()
    await asyncio.gather(*waits, return_exceptions=True)


# ---- assembling -----------------------------------------------------

MIGRATIONS = [*store.MIGRATIONS, *migrations.MIGRATIONS]


def open_database(url: str, *, durable: bool = True) -> Database:
    """The store at ``url``, with its schema brought up to date."""
    database = Database(url, durable=durable)
    database.migrate(MIGRATIONS)
    return database


def lock_store(database: Database) -> FileLock:
    """The right to run on this store: SQLite serves one running process. Raises StoreInUse."""
    lock = FileLock(f"{database.path}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreInUse(f"{database.url} is in use by another `earshot run`; stop that one first") from error
    return lock


def index_folder(database: Database) -> Path | None:
    """Where the index files of a store live: beside it."""
    return None if database.path is None else database.path.with_suffix(".index")


def keep_for_good() -> None:
    """Have the garbage collector pass over what stands in memory now: libraries, the model, the index.

    Looking through all of it takes some tenths of a second, in which nothing is acknowledged.
    """
    gc.collect()
    gc.freeze()


def embedder_of(config: Config) -> Embedder:
    """Load the embedding model: the one slow step of a start."""
    return load_embedder(config.embedder.model, threads=os.cpu_count() or 1)


def ranking_of(config: Config) -> ranking.Weights:
    """How sources are ordered: as the file of ``weights`` says, else as shipped."""
    given = read_weights(config.weights).ranking if config.weights else None
    return ranking.Weights(**given) if given else ranking.shipped()


async def open_knowledge(
    config: Config, database: Database, *, embedder: Embedder | None = None, progress: Progress | None = None
) -> Knowledge:
    """The knowledge in a store, ready to be searched."""
    loaded = embedder if embedder is not None else await asyncio.to_thread(embedder_of, config)
    knowledge = Knowledge(database, loaded, index_folder(database), ranking_of(config))
    await knowledge.open(progress)
    return knowledge


def assemble(
    config: Callable[[], Config],
    database: Database,
    knowledge: Knowledge,
    adapters: Sequence[Adapter],
    *,
    clock: Clock | None = None,
    writer: Writer | None = None,
    settle: timedelta = SETTLE,
    night: NightActions | None = None,
    distilling: Callable[[], AbstractAsyncContextManager[Distiller]] = offline,
    rewriter: Rewriter | None = None,
    web: Web | None = None,
) -> App:
    """Put an Earshot together. ``config`` is asked anew for every event, so that edits count at once."""
    aliases = Aliases()
    bot = Bot(
        database=database,
        knowledge=knowledge,
        writer=writer or ExtractiveWriter(),
        clock=clock or SystemClock(),
        config=config,
        adapters={adapter.name: aliased(adapter, aliases) for adapter in adapters},
        distilling=distilling,
        rewriter=rewriter,
        aliases=aliases,
    )
    for adapter in adapters:
        if isinstance(adapter, FillsForms):
            adapter.fill = partial(clicks.draft_for, bot)
    return App(bot, settle=settle, night=night, web=web)

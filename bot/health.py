"""How a running Earshot is, over HTTP: whether it lives, whether it is ready, and its figures for Prometheus.

Nothing here says what anybody said, or who.
"""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DatabaseError

from bot import inbox, intents, readings
from bot.adapters.adapter import Adapter, LinkState
from bot.audit import Kind
from bot.handlers import Bot
from bot.links import Told, told_of_link
from bot.scorer import Action
from bot.tables import InboxState, Sent, audit
from bot.web import Web
from knowledge.database import Database

log = logging.getLogger("earshot")

STORE_WITHIN = 5.0  # seconds in which the store has to let somebody write


def store_mark(database: Database) -> str:
    """By which `earshot doctor` knows that an answer is about its own store: no path is told."""
    where = database.url if database.path is None else str(database.path.resolve())
    return hashlib.sha256(where.encode()).hexdigest()[:16]


class Health:
    """Answers /healthz, /readyz and /metrics. ``heard``: messages that were handled since the start."""

    def __init__(self, bot: Bot, *, store_within: float = STORE_WITHIN) -> None:
        self._bot, self._store_within = bot, store_within
        self.heard = 0
        self.figures = Figures()

    def add_to(self, web: Web) -> None:
        web.add("GET", "/healthz", self._healthz)
        web.add("GET", "/readyz", self._readyz)
        web.add("GET", "/metrics", self._metrics)

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        state = await self.state()
        return web.json_response(state, status=200 if state["ready"] else 503)

    async def state(self) -> dict[str, Any]:
        """Whether all that answers need is there, and how each connection stands."""
        told = [told_of_link(adapter, link, self._bot.clock.now()) for adapter, link in self._links()]
        store, knowledge = await self._has_store(), self._bot.knowledge.is_open
        return {
            "ready": store and knowledge and all(one.connected for one in told),
            "store": store,
            "knowledge": knowledge,
            "connections": [one.json() for one in told],
            "mark": store_mark(self._bot.database),
        }

    def _links(self) -> list[tuple[Adapter, LinkState]]:
        return [(adapter, link) for adapter in self._bot.adapters.values() for link in adapter.links]

    async def _has_store(self) -> bool:
        """Whether somebody may write within the time: every transaction begins as one that writes."""
        try:
            async with asyncio.timeout(self._store_within):
                await self._bot.database.run(inbox.next_due)
        except (TimeoutError, DatabaseError) as error:
            log.warning("the store cannot be used: %s", type(error).__name__)
            return False
        return True

    async def _metrics(self, _: web.Request) -> web.Response:
        told = [told_of_link(adapter, link, self._bot.clock.now()) for adapter, link in self._links()]
        counted = await self._bot.database.run(partial(_counted, after=self.figures.counted_to))
        self.figures.take(told, counted, self.heard)
        return web.Response(
            body=generate_latest(self.figures.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    """What the store counts; ``decisions`` by action and ``posts`` since the last time, ``up_to`` a row of the audit
    log."""

    inbox: Mapping[str, int]
    outbox: int
    to_read: int
    decisions: Mapping[str, int]
    posts: int
    up_to: int


def _counted(connection: Connection, after: int | None) -> Counted:
    first = _started(connection) if after is None else after
    kinds = [Kind.DECIDED.value, Kind.POSTED.value]
    action = func.json_extract(audit.c.detail, "$.action")
    rows = connection.execute(
        select(audit.c.kind, action, func.count())
        .where(audit.c.id > first, audit.c.kind.in_(kinds))
        .group_by(audit.c.kind, action)
    ).all()
    sent = intents.outbox_counts(connection)
    return Counted(
        inbox=inbox.inbox_counts(connection),
        outbox=sent.get(Sent.INTENT.value, 0) + sent.get(Sent.SENDING.value, 0),
        to_read=readings.count_to_read(connection),
        decisions={str(row[1]): row[2] for row in rows if row[0] == Kind.DECIDED.value},
        posts=sum(row[2] for row in rows if row[0] == Kind.POSTED.value),
        up_to=connection.execute(select(func.max(audit.c.id))).scalar() or first,
    )


def _started(connection: Connection) -> int:
    """The row that says that this process began."""
    begun = select(func.max(audit.c.id)).where(audit.c.kind == Kind.STARTED.value)
    return connection.execute(begun).scalar() or 0


class Figures:
    """The metrics. Those that only grow begin at the start of the process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, of which nobody has use
        self.registry = CollectorRegistry()
        self.counted_to: int | None = None  # the row of the audit log up to which was counted
        of: Any = {"registry": self.registry}
        named = ("connection",)
        self._up = Gauge("earshot_connection_up", "1 if it is connected.", named, **of)
        silent = "Seconds since something was last heard over it."
        self._silent = Gauge("earshot_connection_silent_seconds", silent, named, **of)
        tries = "Tries to connect in vain since it was last connected."
        self._tries = Gauge("earshot_connection_tries", tries, named, **of)
        self._inbox = Gauge("earshot_inbox_events", "Events by state.", ("state",), **of)
        self._outbox = Gauge("earshot_outbox_pending", "Posts and the like that are yet to be done.", **of)
        to_read = "Channels whose history is yet to be read after a gap."
        self._to_read = Gauge("earshot_channels_to_read", to_read, **of)
        self._heard = Counter("earshot_messages_heard", "Messages that were handled.", **of)
        self._decisions = Counter("earshot_decisions", "Decisions by action.", ("action",), **of)
        self._posts = Counter("earshot_posts", "Answers that were posted.", **of)
        self._heard_before = 0
        for action in Action:
            self._decisions.labels(action.value)

    def take(self, told: list[Told], counted: Counted, heard: int) -> None:
        """Bring everything up to date."""
        for gauge in (self._up, self._silent, self._tries):
            gauge.clear()
        for link in told:
            self._up.labels(link.name).set(link.connected)
            self._silent.labels(link.name).set(link.silent)
            self._tries.labels(link.name).set(link.tries)
        for state in InboxState:
            self._inbox.labels(state.value).set(counted.inbox.get(state.value, 0))
        self._outbox.set(counted.outbox)
        self._to_read.set(counted.to_read)
        self._heard.inc(heard - self._heard_before)
        self._heard_before = heard
        for action, count in counted.decisions.items():
            self._decisions.labels(action).inc(count)
        self._posts.inc(counted.posts)
        self.counted_to = counted.up_to

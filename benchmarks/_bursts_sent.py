"""The platform's side of a burst: it says the lines, breaks connections, and counts what comes back and when.

It lives in a process of its own, or in a thread of the bot's (to see what that alone costs).
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection as Pipe
from random import Random
from typing import Any, Protocol, TypeVar

import aiohttp

from benchmarks._bursts_plan import ANALYSTS, APART, CHANNELS, CUSTOMERS, Burst, Line, Trouble
from tests.local_lark import LocalLark
from tests.local_lark.long_connection import Delivery as LarkDelivery
from tests.local_lark.long_connection import LongConnection
from tests.local_lark.long_connection import RetrySchedule as LarkSchedule
from tests.local_lark.server import QUICK_SCHEDULE as LARK_QUICK
from tests.local_lark.webhook import sealed, signed
from tests.local_slack import LocalSlack
from tests.local_slack.http_events import HttpEvents
from tests.local_slack.server import QUICK_SCHEDULE as SLACK_QUICK
from tests.local_slack.socket_mode import Delivery as SlackDelivery
from tests.local_slack.socket_mode import RetrySchedule as SlackSchedule

Json = dict[str, Any]
T = TypeVar("T")

SLACK, LARK = "slack", "lark"
TOKEN, KEY, SECRET = "a verification token", "an encrypt key", "a signing secret"
# Sooner than theirs after the first three seconds, so that a run need not wait for an hour.
SLACKS = SlackSchedule(within=3.0, pauses=(0.0, 20.0, 60.0))
LARKS = LarkSchedule(within=3.0, pauses=(5.0, 15.0, 60.0))
SENT_WITHIN = 240.0  # seconds after the last burst in which everything must be acknowledged


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """What the platform saw. ``acks``: seconds from sending to acknowledgement; ``when``: each was sent, in seconds of
    ``time.monotonic``. ``unanswered``: attempts that got none.

    ``ids``: whole message ids by line. ``posts``: of each answer, what it answers. ``seconds``: of its processor.
    """

    acks: tuple[float, ...]
    when: tuple[float, ...]
    attempts: int
    deliveries: int
    unanswered: int
    lost: int
    ids: tuple[str, ...]
    posts: tuple[str, ...]
    connections: int
    violations: tuple[str, ...]
    seconds: float


class Side(Protocol):
    """A platform in which bursts are said."""

    @property
    def address(self) -> Json:
        """What an adapter needs to reach it."""
        ...

    def post_to(self, url: str) -> None:
        """Events are posted there from now on."""
        ...

    def connected(self) -> bool: ...

    def say(self, burst: Burst, chance: Random) -> None: ...

    def all_acked(self) -> bool: ...

    def told(self) -> Sent: ...


def shuffled(things: Sequence[T], chance: Random) -> list[T]:
    """In another order; nothing is overtaken by what comes more than APART places later."""
    keys = [place + chance.uniform(0, APART) for place in range(len(things))]
    return [things[place] for place in sorted(range(len(things)), key=keys.__getitem__)]


# ---- Slack


class _HeldSlack(LocalSlack):
    """Events can be kept back for a moment, to be sent in another order."""

    held: list[tuple[Json, bool]] | None = None

    def _send(self, inner: Json, external: bool, outer: Json | None = None) -> str:
        if self.held is None:
            return super()._send(inner, external, outer)
        self.held.append((inner, external))
        return ""

    def release(self, chance: Random) -> None:
        held, self.held = self.held or [], None
        for inner, external in shuffled(held, chance):
            self._send(inner, external)


class SlackSide:
    """A workspace whose events go over Socket Mode."""

    def __init__(self, slack: _HeldSlack) -> None:
        self._slack = slack
        self._lines: list[Line] = []
        self._ts: list[str] = []
        self._announced: dict[str, SlackDelivery] = {}  # by ts
        self._looked = 0
        self._begun = time.process_time()
        for number in range(CUSTOMERS + ANALYSTS):
            slack.add_user(user_id(SLACK, number), f"user{number}")
        for number in range(CHANNELS):
            slack.add_channel(_channel(number), f"help-{number}")

    @property
    def address(self) -> Json:
        slack = self._slack
        return {"bot_token": slack.bot_token, "app_token": slack.app_token, "base_url": slack.base_url}

    def post_to(self, url: str) -> None:
        raise NotImplementedError(url)

    def connected(self) -> bool:
        return self._slack.connected()

    def say(self, burst: Burst, chance: Random) -> None:
        slack, half = self._slack, len(burst.lines) // 2
        slack._call(lambda: self._say(burst.lines[:half], chance))
        if burst.trouble is not None:
            self._befall(burst.trouble)
        slack._call(lambda: self._say(burst.lines[half:], chance))
        slack._call(lambda: self._more(burst))

    def _befall(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.REFRESH:
                self._slack.refresh()
            case Trouble.CUT:
                self._slack.cut()
            case Trouble.HALF_OPEN:
                self._slack.go_deaf()

    def _say(self, lines: Sequence[Line], chance: Random) -> None:
        slack = self._slack
        slack.held = []
        for line in lines:
            root = None if line.root is None else self._ts[line.root]
            user = user_id(SLACK, line.user)
            self._ts.append(slack.post(_channel(line.channel), user, line.text, thread_ts=root, raw=True))
        self._lines += lines
        slack.release(chance)
        self._look()

    def _look(self) -> None:
        """Remember what announced which message."""
        everything = self._slack._courier.deliveries
        for delivery in everything[self._looked :]:
            event = delivery.payload.get("event") or {}
            if event.get("type") == "message" and "subtype" not in event:
                self._announced.setdefault(event["ts"], delivery)
        self._looked = len(everything)

    def _more(self, burst: Burst) -> None:
        slack = self._slack
        for number in burst.again:
            slack._courier.resend(self._announced[self._ts[number]], reason="timeout")
        for number in burst.anew:
            slack._send(self._announced[self._ts[number]].payload["event"], False)
        for number in burst.edits:
            edited = self._lines[number].edited
            slack.edit(_channel(self._lines[number].channel), self._ts[number], str(edited), raw=True)
        for number, user in burst.reactions:
            channel = _channel(self._lines[number].channel)
            with contextlib.suppress(ValueError):  # who reacted already
                slack.react(channel, self._ts[number], user_id(SLACK, user), "eyes")

    def all_acked(self) -> bool:
        return self._slack.all_acked()

    def told(self) -> Sent:
        slack = self._slack
        deliveries, acks = slack.deliveries, slack.acks
        team = slack.identity.team
        attempts = sum(len(each.sent) for each in deliveries)
        return Sent(
            acks=tuple(ack.took for ack in acks if ack.took is not None),
            when=tuple(ack.at - ack.took for ack in acks if ack.took is not None),
            attempts=attempts,
            deliveries=len(deliveries),
            unanswered=attempts - len(acks),
            lost=sum(each.lost for each in deliveries),
            ids=tuple(
                f"slack:{team}/{_channel(line.channel)}/{ts}"
                for line, ts in zip(self._lines, self._ts, strict=True)
            ),
            posts=tuple(f"slack:{team}/{post.channel}/{post.thread_ts}" for post in slack.posts()),
            connections=slack.sockets_opened,
            violations=tuple(slack.violations),
            seconds=time.process_time() - self._begun,
        )


class SlackHttpSide(SlackSide):
    """A workspace whose events are posted. What breaks the connections leaves requests without an answer."""

    def __init__(self, slack: _HeldSlack) -> None:
        super().__init__(slack)
        self._opened = 0

    def post_to(self, url: str) -> None:
        self._slack.post_events_to(url, SECRET)

    def connected(self) -> bool:
        return self._slack.all_acked()  # the challenge

    def _befall(self, trouble: Trouble) -> None:
        """New connections; the old ones are closed at once, or when their requests were answered."""
        closing = asyncio.run_coroutine_threadsafe(self._renew(trouble), self._slack._thread._loop)
        if trouble is not Trouble.REFRESH:
            closing.result()

    async def _renew(self, trouble: Trouble) -> None:
        http = self._slack._courier
        assert isinstance(http, HttpEvents) and http._session is not None
        old, http._session = http._session, None
        self._opened += 1
        await _close(old, after=1.0 if trouble is Trouble.REFRESH else 0.0)

    def told(self) -> Sent:
        return replace(super().told(), connections=1 + self._opened)


# ---- Lark


class _HeldConnection(LongConnection):
    """As ``_HeldSlack``."""

    held: list[Json] | None = None

    def publish(self, payload: Json) -> LarkDelivery:
        if self.held is None:
            return super().publish(payload)
        self.held.append(payload)
        return LarkDelivery(event_id="", payload=payload)

    def release(self, chance: Random) -> list[LarkDelivery]:
        held, self.held = self.held or [], None
        return [self.publish(payload) for payload in shuffled(held, chance)]


class _HeldLark(LocalLark):
    link: _HeldConnection

    def __init__(self, schedule: LarkSchedule) -> None:
        super().__init__(schedule=schedule)
        self.link = _HeldConnection(schedule, 120, self.violations.append)


class LarkSide:
    """A tenant whose events go over the long connection."""

    def __init__(self, lark: _HeldLark) -> None:
        self._lark = lark
        self._lines: list[Line] = []
        self._ids: list[str] = []
        self._announced: dict[str, LarkDelivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun = time.process_time()
        for number in range(CUSTOMERS + ANALYSTS):
            lark.add_user(user_id(LARK, number), f"User {number}")
        for number in range(CHANNELS):
            lark.add_chat(_chat(number), f"help {number}", kind="public")

    @property
    def address(self) -> Json:
        return {"id": self._lark.app_id, "secret": self._lark.app_secret, "domain": self._lark.url}

    def post_to(self, url: str) -> None:
        raise NotImplementedError(url)

    def connected(self) -> bool:
        return self._lark.connected()

    def say(self, burst: Burst, chance: Random) -> None:
        call, half = self._lark._call, len(burst.lines) // 2
        call(lambda: self._say(burst.lines[:half], chance))
        if burst.trouble is not None:
            trouble = burst.trouble
            call(lambda: self._befall(trouble))
        call(lambda: self._say(burst.lines[half:], chance))
        call(lambda: self._more(burst))

    def _befall(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.REFRESH:
                for socket in list(self._lark.link.connections):
                    self._go_on(socket.close())
            case Trouble.CUT:
                self._lark.link.cut()
            case Trouble.HALF_OPEN:
                self._lark.go_deaf()

    def _go_on(self, work: Coroutine[Any, Any, object]) -> None:
        async def run() -> None:
            await work

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, lines: Sequence[Line], chance: Random) -> None:
        lark = self._lark
        lark.link.held = []
        for line in lines:
            root = None if line.root is None else self._ids[line.root]
            self._ids.append(lark.say(_chat(line.channel), user_id(LARK, line.user), line.text, root=root))
        self._lines += lines
        for delivery in lark.link.release(chance):
            self._announced[delivery.payload["event"]["message"]["message_id"]] = delivery

    def _more(self, burst: Burst) -> None:
        lark = self._lark
        for number in burst.again:
            self._go_on(lark.link.send(self._announced[self._ids[number]]))
        for number in burst.anew:
            event = self._announced[self._ids[number]].payload["event"]
            lark.link.publish(lark._wrap("im.message.receive_v1", event))
        for number in burst.edits:
            lark.edit(self._ids[number], str(self._lines[number].edited))
        for number, user in burst.reactions:
            lark.react(self._ids[number], user_id(LARK, user), "THUMBSUP")

    def all_acked(self) -> bool:
        return self._lark.all_acked()

    def told(self) -> Sent:
        lark = self._lark
        deliveries = lark.deliveries
        attempts = sum(each.sent for each in deliveries)
        place = f"lark:{lark.app_id}"
        return Sent(
            acks=tuple(delay for each in deliveries for delay in each.delays),
            when=tuple(each.sent_at for each in deliveries for _ in each.delays),
            attempts=attempts,
            deliveries=len(deliveries),
            unanswered=attempts - sum(len(each.answers) for each in deliveries),
            lost=sum(each.given_up for each in deliveries),
            ids=tuple(
                f"{place}/{_chat(line.channel)}/{id}" for line, id in zip(self._lines, self._ids, strict=True)
            ),
            posts=tuple(f"{place}/{message.chat}/{message.root}" for message in lark.sent()),
            connections=lark.link.opened,
            violations=tuple(lark.violations),
            seconds=time.process_time() - self._begun,
        )


class LarkHttpSide(LarkSide):
    """A tenant whose events are posted. What breaks the connections leaves requests without an answer."""

    def __init__(self, lark: _HeldLark) -> None:
        super().__init__(lark)
        self._url = ""
        self._session: aiohttp.ClientSession | None = None
        self._opened = 0
        lark.link.send = self._post  # type: ignore[method-assign]

    def post_to(self, url: str) -> None:
        self._url = url
        self._lark._call(self._open)

    def _open(self) -> None:
        self._opened += 1
        limits = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=LARKS.within)
        self._session = aiohttp.ClientSession(connector=limits[0], timeout=limits[1])

    def connected(self) -> bool:
        return self._session is not None

    def _befall(self, trouble: Trouble) -> None:
        """New connections; the old ones are closed at once, or when their requests were answered."""
        old = self._session
        assert old is not None
        self._open()
        self._go_on(_close(old, after=1.0 if trouble is Trouble.REFRESH else 0.0))

    async def _post(self, delivery: LarkDelivery) -> None:
        assert self._session is not None
        delivery.sent += 1
        body = json.loads(json.dumps(delivery.payload))
        body["header"]["token"] = TOKEN
        raw = sealed(body, KEY)
        begun = delivery.sent_at = time.monotonic()
        try:
            async with self._session.post(self._url, data=raw, headers=signed(raw, KEY)) as answer:
                delivery.answers.append((answer.status, await answer.json()))
        except (aiohttp.ClientError, TimeoutError, RuntimeError):
            return  # the session was closed: it comes again
        delivery.delays.append(time.monotonic() - begun)
        delivery.acked = delivery.acked or answer.status == 200
        if delivery.acked:
            delivery.settled.set()

    def told(self) -> Sent:
        session = self._session
        if session is not None:
            self._lark._call(lambda: self._go_on(session.close()))
        return replace(super().told(), connections=self._opened)


async def _close(session: aiohttp.ClientSession, after: float) -> None:
    await asyncio.sleep(after)
    await session.close()


# ---- the process


def _slack(quick: bool) -> _HeldSlack:
    """With ``quick`` events come again soon, and wait while no socket is open."""
    return _HeldSlack(schedule=SLACK_QUICK, hold=True) if quick else _HeldSlack(schedule=SLACKS)


@contextmanager
def slack_side(quick: bool) -> Iterator[Side]:
    with _slack(quick) as slack:
        yield SlackSide(slack)


@contextmanager
def slack_http_side(quick: bool) -> Iterator[Side]:
    with _slack(quick) as slack:
        yield SlackHttpSide(slack)


@contextmanager
def lark_side(quick: bool) -> Iterator[Side]:
    with _HeldLark(LARK_QUICK if quick else LARKS) as lark:
        yield LarkSide(lark)


@contextmanager
def lark_http_side(quick: bool) -> Iterator[Side]:
    with _HeldLark(LARK_QUICK if quick else LARKS) as lark:
        yield LarkHttpSide(lark)


def user_id(platform: str, number: int) -> str:
    return f"U{number:08d}" if platform == SLACK else f"ou_{number:08d}"


def _channel(number: int) -> str:
    return f"C{number:08d}"


def _chat(number: int) -> str:
    return f"oc_{number:08d}"


def play(
    pipe: Pipe, make: Callable[[], AbstractContextManager[Side]], bursts: Sequence[Burst], every: float
) -> None:
    """Say the bursts, one ``every`` so many seconds. Over the pipe: the address, then (given where to post events to,
    or None) that everything is acknowledged, then (asked for it) what was seen."""
    chance = Random(3)
    with pipe, make() as side:
        pipe.send(side.address)
        url = pipe.recv()
        if url is not None:
            side.post_to(url)
        _until(side.connected, 60.0)
        begun = time.monotonic()
        for place, burst in enumerate(bursts):
            time.sleep(max(begun + place * every - time.monotonic(), 0.0))
            side.say(burst, chance)
        _until(side.all_acked, SENT_WITHIN)
        pipe.send(time.monotonic() - begun)
        pipe.recv()
        pipe.send(side.told())


def _until(true: Callable[[], bool], within: float) -> None:
    """Wait; what does not come true in time shows in what is told."""
    deadline = time.monotonic() + within
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)

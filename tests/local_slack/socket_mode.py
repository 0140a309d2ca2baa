"""Socket Mode: connections, envelopes, acknowledgements, redelivery."""

import asyncio
import contextlib
import json
import socket
import struct
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]

GRACE = 0.5  # seconds for which a connection that was told to refresh still works


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrySchedule:
    """Seconds. What is not acknowledged ``within`` is sent again after each of ``pauses``, then is lost."""

    within: float
    pauses: tuple[float, ...]

    def scaled(self, factor: float) -> "RetrySchedule":
        return RetrySchedule(
            within=self.within * factor, pauses=tuple(pause * factor for pause in self.pauses)
        )


SLACKS_SCHEDULE = RetrySchedule(within=3.0, pauses=(0.0, 60.0, 300.0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """``at`` in seconds of ``time.monotonic``; ``late``: it came after the time for that attempt was over.

    ``took``: seconds since that attempt was given to the network.
    """

    at: float
    envelope: str
    event: str | None
    payload: Json | None
    late: bool
    took: float | None = None


@dataclass(kw_only=True, eq=False, slots=True)
class Delivery:
    """One payload on its way. ``event`` is its event_id; only events are redelivered. ``sent``: when, by envelope."""

    kind: str
    payload: Json
    event: str | None
    expects_ack: bool = True
    frame: str = ""
    envelopes: list[str] = field(default_factory=list)
    sent: dict[str, float] = field(default_factory=dict)
    ack: Ack | None = None
    lost: bool = False
    timer: asyncio.TimerHandle | None = None


@dataclass(kw_only=True, eq=False, slots=True)
class Connection:
    link: web.WebSocketResponse
    transport: asyncio.Transport
    frames: "asyncio.Queue[str | tuple[str, Delivery] | None]" = field(default_factory=asyncio.Queue)
    retiring: bool = False
    deaf: bool = False


class SocketMode:
    """Belongs to the server's event loop. ``violate`` is told what a well-behaved client would not have done.

    ``answer_within``: seconds in which buttons, commands and views must be acknowledged (Slack never
    redelivers them). ``hold``: while no socket is open, keep everything instead of letting the schedule run.
    """

    def __init__(
        self, app: str, schedule: RetrySchedule, answer_within: float, violate: Callable[[str], None]
    ) -> None:
        self.schedule = schedule
        self.answer_within = answer_within
        self.hold = False
        self.refuse_until = 0.0
        self.deliveries: list[Delivery] = []
        self.acks: list[Ack] = []
        self.connections: list[Connection] = []
        self.opened = 0
        self._app = app
        self._violate = violate
        self._open: dict[str, Delivery] = {}
        self._waiting: list[Delivery] = []
        self._pending: dict[Delivery, None] = {}  # a set that keeps its order
        self._tickets: set[str] = set()
        self._turn = 0

    # Sending

    def deliver(self, kind: str, payload: Json, *, event: str | None, expects_ack: bool = True) -> Delivery:
        """Send a payload and see to it that it is acknowledged."""
        delivery = Delivery(kind=kind, payload=payload, event=event, expects_ack=expects_ack)
        # The payload is the bulk of the frame: it is written once, for all attempts.
        delivery.frame = json.dumps(payload)
        self._begin(delivery)
        return delivery

    def resend(self, delivery: Delivery, *, reason: str) -> None:
        """The same event once more in a new envelope, whether or not it was acknowledged."""
        again = Delivery(
            kind=delivery.kind, payload=delivery.payload, event=delivery.event, frame=delivery.frame
        )
        self._begin(again, retry=1, reason=reason)

    def unanswered(self) -> list[Delivery]:
        """What is neither acknowledged nor given up, oldest first."""
        return list(self._pending)

    def _begin(self, delivery: Delivery, *, retry: int | None = None, reason: str = "") -> None:
        self.deliveries.append(delivery)
        if delivery.expects_ack:
            self._pending[delivery] = None
        self._attempt(delivery, retry=retry, reason=reason)

    def _give_up(self, delivery: Delivery) -> None:
        delivery.lost = True
        self._pending.pop(delivery, None)

    def _attempt(self, delivery: Delivery, *, retry: int | None = None, reason: str = "") -> None:
        if delivery.ack is not None:
            return
        connection = self._choose()
        if connection is None and self.hold:
            self._waiting.append(delivery)
            return
        if connection is None and delivery.event is None:
            self._give_up(delivery)  # the person sees a warning sign; nobody tries again
            return
        envelope = str(uuid.uuid4())
        number = len(delivery.envelopes) if retry is None else retry
        delivery.envelopes.append(envelope)
        self._open[envelope] = delivery
        if connection is not None:
            frame = _frame(delivery, envelope, number, reason or ("timeout" if number else ""))
            connection.frames.put_nowait((frame, delivery))
        if delivery.expects_ack:
            self._arm(delivery)

    def _arm(self, delivery: Delivery) -> None:
        within = self.schedule.within if delivery.event else self.answer_within
        delivery.timer = asyncio.get_running_loop().call_later(within, self._expire, delivery)

    def _expire(self, delivery: Delivery) -> None:
        done = len(delivery.envelopes) - 1
        if delivery.event is None:
            self._give_up(delivery)
            self._violate(
                f"{delivery.kind} not answered within {self.answer_within} s: {_describe(delivery)}"
            )
        elif done >= len(self.schedule.pauses):
            self._give_up(delivery)
            self._violate(f"event lost, never acknowledged: {_describe(delivery)}")
        else:
            loop = asyncio.get_running_loop()
            delivery.timer = loop.call_later(self.schedule.pauses[done], self._attempt, delivery)

    def _choose(self) -> Connection | None:
        """Slack sends to any of the open connections; here they take turns, the retiring ones last."""
        fresh = [connection for connection in self.connections if not connection.retiring] or self.connections
        if not fresh:
            return None
        self._turn += 1
        return fresh[self._turn % len(fresh)]

    # Connections

    def ticket(self) -> str:
        ticket = str(uuid.uuid4())
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The life of one connection."""
        if time.monotonic() < self.refuse_until:
            return web.Response(status=503, text="socket mode is unavailable")
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text=f"ticket {ticket!r} was used or never given")
        self._tickets.remove(ticket)
        link = web.WebSocketResponse(compress=False, timeout=GRACE)
        await link.prepare(request)
        assert isinstance(request.transport, asyncio.Transport)
        await self._run(Connection(link=link, transport=request.transport))
        return link

    async def _run(self, connection: Connection) -> None:
        connection.frames.put_nowait(_hello(self._app, len(self.connections) + 1))
        for dead in [each for each in self.connections if each.deaf]:
            self._forget(dead)
            dead.transport.abort()
        self.connections.append(connection)
        self.opened += 1
        waiting, self._waiting = self._waiting, []
        for delivery in waiting:
            self._attempt(delivery)
        writer = asyncio.create_task(_write(connection))
        try:
            async for frame in connection.link:
                if frame.type is WSMsgType.TEXT:
                    self._take(frame.data)
        finally:
            self._forget(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)

    def _take(self, text: str) -> None:
        """An acknowledgement, which may come over any connection."""
        try:
            envelope = json.loads(text)["envelope_id"]
        except (ValueError, KeyError, TypeError):
            self._violate(f"frame is no acknowledgement: {text[:200]!r}")
            return
        delivery = self._open.get(envelope)
        if delivery is None:
            self._violate(f"acknowledged an envelope that was never sent: {envelope!r}")
            return
        late = delivery.lost or envelope != delivery.envelopes[-1]
        ack = Ack(
            at=time.monotonic(),
            envelope=envelope,
            event=delivery.event,
            payload=json.loads(text).get("payload"),
            late=late,
            took=time.monotonic() - delivery.sent[envelope] if envelope in delivery.sent else None,
        )
        self.acks.append(ack)
        delivery.ack = delivery.ack or ack
        self._pending.pop(delivery, None)
        if delivery.timer is not None:
            delivery.timer.cancel()

    # Faults

    def refresh(self, reason: str) -> None:
        """Ask the clients to reconnect, after what is queued already; the old sockets work a little on."""
        for connection in list(self.connections):
            connection.retiring = True
            connection.frames.put_nowait(json.dumps({"type": "disconnect", "reason": reason}))
            asyncio.get_running_loop().call_later(GRACE, connection.frames.put_nowait, None)

    def cut(self) -> None:
        """Reset every connection (TCP RST), as a dying NAT does."""
        for connection in list(self.connections):
            self._forget(connection)
            plug = connection.transport.get_extra_info("socket")
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.transport.abort()

    def go_deaf(self) -> None:
        """The open connections stay, and nothing comes or goes on them, pongs included, until another is opened."""
        for connection in self.connections:
            connection.deaf = True
            connection.transport.pause_reading()

    def stop(self) -> None:
        for delivery in self.deliveries:
            if delivery.timer is not None:
                delivery.timer.cancel()
        self.cut()


async def _write(connection: Connection) -> None:
    while (frame := await connection.frames.get()) is not None:
        if connection.deaf:
            continue
        text, delivery = frame if isinstance(frame, tuple) else (frame, None)
        if delivery is not None:
            delivery.sent[delivery.envelopes[-1]] = time.monotonic()
        try:
            await connection.link.send_str(text)
        except ConnectionResetError:
            return  # the client is gone; what it did not acknowledge is sent again
    await connection.link.close()


def _hello(app: str, connections: int) -> str:
    debug = {"host": "local", "build_number": 1, "approximate_connection_time": 18060}
    hello = {"type": "hello", "num_connections": connections, "connection_info": {"app_id": app}}
    return json.dumps(hello | {"debug_info": debug})


def _frame(delivery: Delivery, envelope: str, retry: int, reason: str) -> str:
    accepts = "true" if delivery.kind != "events_api" else "false"
    head = f'{{"envelope_id":"{envelope}","type":"{delivery.kind}","accepts_response_payload":{accepts}'
    retries = f',"retry_attempt":{retry},"retry_reason":"{reason}"' if delivery.kind == "events_api" else ""
    return f'{head}{retries},"payload":{delivery.frame}}}'


def _describe(delivery: Delivery) -> str:
    return f"{delivery.event or delivery.kind} {delivery.frame[:300]}"

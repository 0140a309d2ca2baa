"""The long connection: its endpoint, its frames, acknowledgements and redelivery."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import WSMsgType, web

from .frames import CONTROL, DATA, BadFrame, Frame, decode, encode

Json = dict[str, Any]

SERVICE = 33554678
PART = 4_000  # bytes of a payload that go into one frame


@dataclass(frozen=True, kw_only=True, slots=True)
class RetrySchedule:
    """``within``: seconds until an event that is not acknowledged counts as lost; ``pauses`` before it comes again."""

    within: float
    pauses: tuple[float, ...]


LARKS_SCHEDULE = RetrySchedule(within=3.0, pauses=(15.0, 300.0, 3600.0, 21600.0))


@dataclass(kw_only=True, slots=True)
class Delivery:
    """One event, however often it was sent. ``answers``: (code, data) of every acknowledgement."""

    event_id: str
    payload: Json
    sent: int = 0
    acked: bool = False
    given_up: bool = False
    answers: list[tuple[int, Json]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    sent_at: float = 0.0
    settled: asyncio.Event = field(default_factory=asyncio.Event)


class LongConnection:
    """Belongs to the server's event loop. ``deaf``: connections that are open, over which nothing comes or goes."""

    def __init__(self, schedule: RetrySchedule, ping_interval: int, violate: Callable[[str], None]) -> None:
        self._schedule, self._ping_interval, self._violate = schedule, ping_interval, violate
        self.connections: list[web.WebSocketResponse] = []
        self.deliveries: dict[str, Delivery] = {}
        self.opened = self.pings = 0
        self.deaf: list[web.WebSocketResponse] = []
        self._tickets: set[str] = set()
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()

    def endpoint(self, port: int) -> Json:
        """The answer of the endpoint exchange."""
        device = f"device-{next(self._numbers)}"
        self._tickets.add(device)
        settings = {"ReconnectCount": -1, "ReconnectInterval": 1, "ReconnectNonce": 0}
        url = f"ws://127.0.0.1:{port}/ws?device_id={device}&service_id={SERVICE}"
        return {"URL": url, "ClientConfig": {**settings, "PingInterval": self._ping_interval}}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        device = request.query.get("device_id", "")
        if device not in self._tickets or request.query.get("service_id") != str(SERVICE):
            self._violate(f"a connection to {request.path_qs}, which was not given")
            raise web.HTTPForbidden(headers={"handshake-status": "403", "handshake-msg": "bad ticket"})
        self._tickets.remove(device)
        # A half-open connection answers nothing, protocol pings included.
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        self.opened += 1
        self.connections.append(socket)
        try:
            await self._read(socket)
        finally:
            if socket in self.connections:
                self.connections.remove(socket)
        return socket

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if socket in self.deaf:
                continue
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.BINARY:
                await self._take(socket, message.data)
            elif message.type is not WSMsgType.PONG:
                self._violate(f"a {message.type.name} message on the long connection")

    async def _take(self, socket: web.WebSocketResponse, data: bytes) -> None:
        try:
            frame = decode(data)
        except BadFrame as error:
            self._violate(f"bad frame: {error}")
            return
        if frame.service != SERVICE:
            self._violate(f"service {frame.service}, not {SERVICE}")
        if frame.method == CONTROL and frame.type == "ping":
            self.pings += 1
            await socket.send_bytes(encode(Frame(service=SERVICE, method=CONTROL, headers={"type": "pong"})))
        elif frame.method == DATA:
            self._acknowledged(frame)
        else:
            self._violate(f"a frame of method {frame.method} and type {frame.type!r}")

    def _acknowledged(self, frame: Frame) -> None:
        delivery = self.deliveries.get(frame.headers.get("message_id", ""))
        if delivery is None or "biz_rt" not in frame.headers:
            self._violate(f"an acknowledgement with the headers {frame.headers}")
            return
        answer = json.loads(frame.payload)
        data = json.loads(base64.b64decode(answer["data"])) if answer.get("data") else {}
        delivery.answers.append((answer["code"], data))
        delivery.delays.append(time.monotonic() - delivery.sent_at)
        if answer["code"] == 200:
            delivery.acked = True
            delivery.settled.set()

    # ---- delivering

    def publish(self, payload: Json) -> Delivery:
        event_id = payload["header"]["event_id"]
        delivery = self.deliveries[event_id] = Delivery(event_id=event_id, payload=payload)
        task = asyncio.get_running_loop().create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def _deliver(self, delivery: Delivery) -> None:
        for pause in (0.0, *self._schedule.pauses):
            await asyncio.sleep(pause)
            if delivery.acked:
                return
            await self.send(delivery)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.within):
                    await delivery.settled.wait()
            if delivery.acked:
                return
        delivery.given_up = True
        self._violate(f"{delivery.payload['header']['event_type']} was never acknowledged")

    async def send(self, delivery: Delivery) -> None:
        """Over one connection, in parts if it is long. To nobody if none is open."""
        delivery.sent += 1
        delivery.sent_at = time.monotonic()
        socket = self.connections[-1] if self.connections else None
        if socket is None or socket in self.deaf:
            return
        whole = json.dumps(delivery.payload, ensure_ascii=False).encode()
        parts = [whole[start : start + PART] for start in range(0, len(whole), PART)]
        for index, part in enumerate(parts):
            headers = {
                "type": "event",
                "message_id": delivery.event_id,
                "sum": str(len(parts)),
                "seq": str(index),
                "trace_id": f"trace-{delivery.event_id}",
            }
            frame = Frame(service=SERVICE, method=DATA, headers=headers, payload=part, log=index + 1)
            try:
                await socket.send_bytes(encode(frame))
            except ConnectionError:
                return

    def unanswered(self) -> list[Delivery]:
        return [one for one in self.deliveries.values() if not one.acked and not one.given_up]

    def cut(self) -> None:
        """Every connection is gone, without a good-bye."""
        for socket in list(self.connections):
            self.connections.remove(socket)
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    def stop(self) -> None:
        self.cut()
        for task in self._tasks:
            task.cancel()

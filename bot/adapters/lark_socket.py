"""Lark's long connection: the only module that imports Lark's SDK, whose client speaks the frames.

The client is used for one connection at a time and never left to reconnect: its own reconnecting ends for good at the
first refusal while its thread goes on, asks for a new address without a time limit, and cannot be stopped
(lark-oapi 1.7.5; oapi-sdk-python #96, #119, #133, #169). When a connection is over, `lark_link` opens the next.
"""

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from lark_oapi.core.enum import LogLevel
from lark_oapi.core.log import logger as sdk_logger
from lark_oapi.ws import client as sdk
from lark_oapi.ws.model import ClientConfig
from lark_oapi.ws.pb.pbbp2_pb2 import Frame
from websockets.exceptions import ConnectionClosed, WebSocketException

Json = dict[str, Any]
TakeIn = Callable[[Json], Awaitable[Json]]

log = logging.getLogger("earshot.lark")

_SETTINGS = ("ReconnectCount", "ReconnectInterval", "ReconnectNonce", "PingInterval")
CONNECT_WITHIN = 15.0  # seconds


class _LoopOfTheThread:
    """What the client takes for its loop. It keeps one for the whole process; here each connection has its own."""

    @staticmethod
    def create_task(coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(coroutine)


def _take_over() -> None:
    """Put our loop in the place of the one that the SDK makes when it is imported, and its log where ours goes."""
    made = sdk.loop
    sdk.loop = _LoopOfTheThread()
    if not made.is_running():
        made.close()
        asyncio.set_event_loop(None)
    sdk_logger.handlers.clear()
    # That a connection is over is no error of its own; the supervisor says so, and why.
    sdk_logger.addFilter(lambda record: "receive message loop exit" not in record.getMessage())


_take_over()


class ConnectFailed(Exception):
    """The connection could not be opened."""


class _Client(sdk.Client):  # type: ignore[misc]  # the SDK has no annotations
    """The SDK's client over a connection whose address is known. An event is acknowledged when it is taken in."""

    def __init__(self, app_id: str, url: str, take_in: TakeIn) -> None:
        super().__init__(app_id, "", log_level=LogLevel.WARNING, auto_reconnect=False)
        self._url, self._take_in = url, take_in
        self.over = asyncio.Event()
        self.heard_at = time.monotonic()

    def _get_conn_url(self) -> str:
        return self._url

    def configure(self, settings: Json | None) -> None:
        """What the endpoint said, if it said all of it: a part of it would end the client's tasks."""
        given = settings or {}
        if all(isinstance(given.get(name), int) for name in _SETTINGS):
            self._configure(ClientConfig({name: given[name] for name in _SETTINGS}))

    async def _receive_message_loop(self) -> None:
        try:
            await super()._receive_message_loop()
        finally:
            self.over.set()

    async def _handle_control_frame(self, frame: Frame) -> None:
        self.heard_at = time.monotonic()
        if frame.payload:
            self.configure(_object(frame.payload))

    async def _handle_data_frame(self, frame: Frame) -> None:
        """As the SDK's own, but it waits for the commit without holding up everything else, and answers cards."""
        self.heard_at = begun = time.monotonic()
        headers = {header.key: header.value for header in frame.headers}
        payload: bytes | None = frame.payload
        if int(headers["sum"]) > 1:
            payload = self._combine(headers["message_id"], int(headers["sum"]), int(headers["seq"]), payload)
        if payload is None:
            return  # more parts are to come
        code, answer = await self._answer(payload)
        took = frame.headers.add()
        took.key, took.value = "biz_rt", str(int((time.monotonic() - begun) * 1000))
        data = base64.b64encode(json.dumps(answer, ensure_ascii=False).encode()).decode() if answer else ""
        frame.payload = json.dumps({"code": code, "headers": None, "data": data}).encode()
        await self._write_message(frame.SerializeToString())

    async def _answer(self, payload: bytes) -> tuple[int, Json]:
        """The code of the acknowledgement: with 500 Lark delivers it again."""
        try:
            return 200, await self._take_in(_object(payload))
        # Whatever keeps it from being stored, it must not be acknowledged; the cause is logged where it happened.
        except Exception as error:  # noqa: BLE001
            log.error("an event is not acknowledged, so it comes again: %s: %s", type(error).__name__, error)
            return 500, {}


def _object(payload: bytes) -> Json:
    held = json.loads(payload)
    if not isinstance(held, dict):
        raise ValueError(f"{payload[:80]!r} is no JSON object")
    return held


class LarkSocket:
    """A thread with a loop of its own, in which one connection at a time lives.

    ``take_in`` runs on the loop that ``start`` was called in, and is given the JSON of each event.
    """

    def __init__(self, app_id: str, take_in: TakeIn) -> None:
        self._app_id, self._take_in = app_id, take_in
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"lark-{app_id}", daemon=True)
        self._home: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._home = asyncio.get_running_loop()
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # The receiving task of a connection that is over ends with an error that nobody waits for.
        self._loop.set_exception_handler(lambda _, context: log.debug("%s", context.get("message")))
        self._loop.run_forever()
        self._loop.close()

    async def stop(self) -> None:
        """Everything that still runs in the thread ends, and the thread."""
        if not self._thread.is_alive():
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop))
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, 5.0)

    async def live(self, endpoint: Json, patience: float, on_open: Callable[[], None]) -> str:
        """Open the connection that the endpoint exchange named, and return why it ended. Raises ConnectFailed.

        ``patience``: seconds between two looks whether the other end is still there, and for it to answer.
        """
        life = self._live(endpoint, patience, on_open)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(life, self._loop))

    async def _live(self, endpoint: Json, patience: float, on_open: Callable[[], None]) -> str:
        client = _Client(self._app_id, str(endpoint["URL"]), self._at_home)
        client.configure(endpoint.get("ClientConfig"))
        try:
            async with asyncio.timeout(CONNECT_WITHIN):
                await client._connect()
        except (OSError, WebSocketException, sdk.ClientException, sdk.ServerException) as error:
            raise ConnectFailed(f"{type(error).__name__}: {error}") from error
        on_open()
        pings = asyncio.create_task(client._ping_loop())
        connection = client._conn
        try:
            return await _watch(client, connection, patience)
        finally:
            pings.cancel()
            # Not closed politely: the other end of a half-open connection would be waited for.
            connection.transport.abort()
            await client.over.wait()

    async def _at_home(self, body: Json) -> Json:
        """Take the event in on the program's own loop."""
        assert self._home is not None
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(_run(self._take_in, body), self._home)
        )


async def _run(take_in: TakeIn, body: Json) -> Json:
    return await take_in(body)


async def _watch(client: _Client, connection: Any, patience: float) -> str:
    """Why the connection is over. A connection that is cut ends by itself; a half-open one answers no ping."""
    while True:
        try:
            async with asyncio.timeout(patience):
                await client.over.wait()
                return "the connection was closed"
        except TimeoutError:
            pass
        try:
            async with asyncio.timeout(patience):
                await (await connection.ping())
        except TimeoutError:
            return f"no answer to a ping within {patience:g} s"
        except ConnectionClosed:
            return "the connection was closed"


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)

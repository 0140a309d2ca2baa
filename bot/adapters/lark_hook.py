"""Lark's events over HTTP: the address that Lark posts to."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.adapters.lark_signing import VERIFICATION, Keys, Unwelcome, opened

log = logging.getLogger("earshot.lark")

Json = dict[str, Any]
TakeIn = Callable[[Mapping[str, Any]], Awaitable[Json]]

PATH = "/lark/events"
MAX_BODY = 1024**2  # bytes


class HookFailed(Exception):
    """The address cannot be opened; the message says why and what to do."""


class LarkHook:
    """Listens on ``host`` and ``port`` (0: any free one) from ``start`` on."""

    def __init__(self, keys: Keys, host: str, port: int) -> None:
        self._keys, self._host, self._port = keys, host, port
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self, take_in: TakeIn) -> None:
        """Raises HookFailed."""

        async def take(request: web.Request) -> web.Response:
            return await self._take(request, take_in)

        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_post(PATH, take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise HookFailed(
                f"console.host {self._host} and console.port {self._port}: {error.strerror}; name others"
            ) from error
        self.url = f"http://{self._host}:{self._runner.addresses[0][1]}{PATH}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request, take_in: TakeIn) -> web.Response:
        try:
            body = opened(await request.read(), request.headers, self._keys, datetime.now(UTC))
            if body.get("type") == VERIFICATION:
                return web.json_response({"challenge": body.get("challenge")})
            return web.json_response(await take_in(body))
        except Unwelcome as error:
            log.warning("a request of %s is refused: %s", request.remote, error)
            return web.json_response({"code": error.status}, status=error.status)
        except web.HTTPException:
            raise  # too long: aiohttp's own answer
        # Whatever keeps it from being stored, it must not be acknowledged: Lark delivers it again.
        except Exception as error:  # noqa: BLE001
            log.error("an event is not acknowledged, so it comes again: %s: %s", type(error).__name__, error)
            return web.json_response({"code": 500}, status=500)

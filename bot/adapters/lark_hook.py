"""Lark's events over HTTP: the address that Lark posts to."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.adapters.lark_signing import VERIFICATION, Keys, Unwelcome, opened_by
from bot.web import Web

log = logging.getLogger("earshot.lark")

Json = dict[str, Any]
TakeIn = Callable[[Mapping[str, Any]], Awaitable[Json]]

PATH = "/lark/events"


class LarkHook:
    """Takes events at PATH of ``web`` from ``start`` on. ``keys`` by app id."""

    def __init__(self, keys: Mapping[str, Keys], web: Web) -> None:
        self._keys, self._web = keys, web

    def start(self, take_in: TakeIn) -> None:
        async def take(request: web.Request) -> web.Response:
            return await self._take(request, take_in)

        self._web.add("POST", PATH, take)

    async def _take(self, request: web.Request, take_in: TakeIn) -> web.Response:
        try:
            body = opened_by(await request.read(), request.headers, self._keys, datetime.now(UTC))
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

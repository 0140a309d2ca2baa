"""The supervisor of a long connection: it opens the next when one is over, and says how things stand."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import aiohttp

from bot.adapters.acts import ActPostponed, ActUncertain
from bot.adapters.adapter import LinkState
from bot.adapters.lark_api import ApiRefused, LarkApi

log = logging.getLogger("earshot.lark")

Json = dict[str, Any]
TakeIn = Callable[[Json], Awaitable[Json]]

# A dead connection is noticed within two of these, and the next is asked for at once: together under a minute.
PATIENCE = 10.0  # seconds
ENDPOINT_WITHIN = 10.0  # seconds
PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before the next try; the last one again and again


class Socket(Protocol):
    """What a connection lives in: `LarkSocket`, which brings the SDK with it."""

    def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def live(self, endpoint: Json, patience: float, on_open: Callable[[], None]) -> str:
        """Open a connection and return why it ended. Raises one of ``failures``."""
        ...


class LarkLink:
    """Keeps one app connected. ``patience`` and ``pauses`` in seconds."""

    def __init__(
        self,
        api: LarkApi,
        make_socket: Callable[[str, TakeIn], Socket],
        failures: tuple[type[Exception], ...],
        *,
        patience: float = PATIENCE,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._api, self._make_socket, self._failures = api, make_socket, failures
        self._patience, self._pauses = patience, pauses
        self._task: asyncio.Task[None] | None = None
        self._socket: Socket | None = None
        self.state = LinkState(name=api.app_id, connected=False, since=datetime.now(UTC))

    def start(self, take_in: TakeIn) -> None:
        async def heard(body: Json) -> Json:
            self.state = replace(self.state, heard_at=datetime.now(UTC))
            return await take_in(body)

        self._socket = self._make_socket(self._api.app_id, heard)
        self._socket.start()
        self._task = asyncio.create_task(self._keep(self._socket))

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        if self._socket is not None:
            await self._socket.stop()
            self._socket = None

    async def _keep(self, socket: Socket) -> None:
        """Open, wait until it is over, open the next. Whatever fails, the next try follows."""
        loop = asyncio.get_running_loop()

        def on_open() -> None:  # called in the connection's thread
            loop.call_soon_threadsafe(self._opened)

        while True:
            try:
                endpoint = await self._api.endpoint(ENDPOINT_WITHIN)
                why = await socket.live(endpoint, self._patience, on_open)
            except (ApiRefused, ActPostponed, ActUncertain, aiohttp.ClientError, TimeoutError) as error:
                why = f"the endpoint exchange failed: {type(error).__name__}: {error}"
            except self._failures as error:
                why = f"the connection could not be opened: {error}"
            await asyncio.sleep(self._lost(why))

    def _opened(self) -> None:
        log.info("%s: connected", self.state.name)
        self.state = replace(self.state, connected=True, since=datetime.now(UTC), tries=0, why=None)

    def _lost(self, why: str) -> float:
        """Seconds until the next try. After a connection that stood for a while, it follows at once."""
        state, now = self.state, datetime.now(UTC)
        log.warning("%s: %s; connecting again", state.name, why)
        stood = state.connected and now - state.since > timedelta(seconds=self._patience)
        since = now if state.connected else state.since
        self.state = replace(state, connected=False, since=since, tries=state.tries + 1, why=why)
        return 0.0 if stood else self._pauses[min(state.tries, len(self._pauses) - 1)]

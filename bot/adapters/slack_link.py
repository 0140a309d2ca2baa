"""How the Socket Mode connection stands. Its client mends it by itself and tells nobody but its log."""

import asyncio
import contextlib
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

from bot.adapters.adapter import LinkState

LOOK = 0.5  # seconds between two looks; a connection that was replaced in between has another name
_SECRETS = re.compile(r"\?[^\s'\"]+")  # of an address: it holds the ticket


class Socket(Protocol):
    """What is asked of Bolt's client."""

    async def is_connected(self) -> bool: ...

    async def session_id(self) -> str: ...


class SlackLink:
    """Follows one client. What the client complains about to ``logger`` counts as a try in vain."""

    def __init__(self, name: str, look: float = LOOK) -> None:
        self.state = LinkState(name=name, connected=False, since=datetime.now(UTC))
        self.logger = logging.getLogger(f"earshot.slack.link.{name}")
        self._look, self._session = look, ""
        self._task: asyncio.Task[None] | None = None

    def heard(self) -> None:
        """Something came over it."""
        self.state = replace(self.state, heard_at=datetime.now(UTC))

    def follow(self, socket: Socket) -> None:
        """Begin to look at a client that is connected."""
        self.logger.addFilter(self._overhear)
        self._task = asyncio.create_task(self._keep_looking(socket))

    async def stop(self) -> None:
        self.logger.removeFilter(self._overhear)
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self.state = replace(self.state, connected=False, since=datetime.now(UTC))

    async def _keep_looking(self, socket: Socket) -> None:
        while True:
            await self.look(socket)
            await asyncio.sleep(self._look)

    async def look(self, socket: Socket) -> None:
        """Note what became of the connection since the last look."""
        connected, session, now = await socket.is_connected(), await socket.session_id(), datetime.now(UTC)
        if connected and (session != self._session or not self.state.connected):
            self._session = session
            self.state = replace(self.state, connected=True, since=now, tries=0, why=None)
        elif not connected and self.state.connected:
            why = self.state.why or "the connection is gone"
            self.state = replace(self.state, connected=False, since=now, why=why)

    def _overhear(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            why = _SECRETS.sub("?…", record.getMessage())
            self.state = replace(self.state, tries=self.state.tries + 1, why=why)
        return True

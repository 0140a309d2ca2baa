"""Slack's events over Socket Mode: Earshot connects, so that no address has to be reachable."""

from dataclasses import replace
from datetime import UTC, datetime

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp

from bot.adapters.adapter import LinkState
from bot.adapters.slack_calls import asked, client_of

PING_INTERVAL = 5  # seconds; a cut connection is noticed after one, a half-open one after four
_REMEDIES = {"missing_scope": "the app-level token needs the scope connections:write"}
_REMEDY = "copy the token that starts with xapp- from the app's page into SLACK_APP_TOKEN"


class SlackSocket:
    """The connection that ``app_token`` opens: one for all workspaces in which the app is installed."""

    signing_secret = ""  # who may connect needs to sign nothing

    def __init__(self, app_token: str, base_url: str) -> None:
        self._app_token, self._base_url = app_token, base_url
        self._handler: AsyncSocketModeHandler | None = None
        self._link = LinkState(name="slack", connected=False, since=datetime.now(UTC))

    @property
    def links(self) -> tuple[LinkState, ...]:
        return (self._link,)

    def heard(self) -> None:
        """Something came through it."""
        self._link = replace(self._link, heard_at=datetime.now(UTC))

    async def check(self) -> None:
        """Fail fast on a bad token: the client would try for ever. Raises StartFailed."""
        client = client_of(None, self._base_url)
        call = client.apps_connections_open(app_token=self._app_token)
        await asked("SLACK_APP_TOKEN", call, self._base_url, lambda error: _REMEDIES.get(error, _REMEDY))

    async def open(self, app: AsyncApp) -> None:
        """Connect, and have ``app`` answer what comes."""
        self._handler = AsyncSocketModeHandler(
            app, self._app_token, web_client=app.client, ping_interval=PING_INTERVAL
        )
        await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
            self._handler = None

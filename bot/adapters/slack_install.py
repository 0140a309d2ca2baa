"""Installing the app in workspaces by OAuth, and renewing their tokens before they run out."""

import asyncio
import base64
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.models import Bot, Installation
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.adapters import slack_wire as wire
from bot.adapters.adapter import LookupFailed
from bot.adapters.slack_calls import NETWORK, TIMEOUT, error_of, read, scopes_of
from bot.adapters.slack_installed import Installations, Installed, NotKept, is_due
from bot.web import Web

log = logging.getLogger("earshot.slack")
# At DEBUG the SDK logs what it sends and is answered, and here these are tokens.
silent_log = logging.getLogger("earshot.slack.oauth")
silent_log.setLevel(logging.WARNING)

INSTALL, REDIRECT = "/slack/install", "/slack/oauth_redirect"
STATE_LIFE = timedelta(minutes=10)
LOOK = 60.0  # seconds between two looks for tokens that run out
_WHENEVER = 60 * 24 * 365 * 100  # minutes: the rotator is asked only when it is time

Arrived = Callable[[Installed], Awaitable[None]]


class NoBotToken(Exception):
    """Slack gave a token, but not one of a bot."""


class SlackInstalling:
    """Serves INSTALL and REDIRECT of ``web`` from ``open`` on, and renews tokens until ``close``.

    ``scopes``: what workspaces are asked for; ``look``: seconds between two looks for tokens that run out.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        base_url: str,
        store: Installations,
        web: Web,
        *,
        scopes: frozenset[str] = wire.SCOPES,
        look: float = LOOK,
    ) -> None:
        self.store = store
        self._id, self._secret, self._base_url = client_id, client_secret, base_url
        self._web, self._scopes, self._look = web, scopes, look
        self._unkept: dict[str, tuple[Installed, Installed]] = {}  # by id: renewed, and not kept yet
        self._renewing: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def open(self, arrived: Arrived) -> None:
        """``arrived`` is told of every installation and of every token that was renewed, once they are kept."""
        flow = self._flow(arrived)
        self._web.add("GET", INSTALL, _answering(flow.handle_installation))
        self._web.add("GET", REDIRECT, _answering(flow.handle_callback))
        await self.renew_due(arrived)
        self._stop.clear()
        self._renewing = asyncio.create_task(self._keep_renewing(arrived))

    async def close(self) -> None:
        """A renewal that has begun is finished: its refresh token is spent, so the new token must be kept."""
        if self._renewing is not None:
            self._stop.set()
            await self._renewing
            self._renewing = None

    # ---- installing

    def _flow(self, arrived: Arrived) -> AsyncOAuthFlow:
        settings = AsyncOAuthSettings(
            client_id=self._id,
            client_secret=self._secret,
            scopes=sorted(self._scopes),
            user_scopes=[],
            install_path=INSTALL,
            redirect_uri_path=REDIRECT,
            install_page_rendering_enabled=False,
            authorization_url=urljoin(self._base_url, "/oauth/v2/authorize"),
            installation_store=_Store(self.store, self._client(), arrived),
            state_store=_States(self.store),
            state_expiration_seconds=int(STATE_LIFE.total_seconds()),
            logger=silent_log,
        )
        return AsyncOAuthFlow(client=self._client(), logger=silent_log, settings=settings)

    def _client(self) -> AsyncWebClient:
        return _OAuthClient(base_url=self._base_url, timeout=TIMEOUT, logger=silent_log, retry_handlers=[])

    # ---- renewing

    async def _keep_renewing(self, arrived: Arrived) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look):
                    await self._stop.wait()
            if not self._stop.is_set():
                await self.renew_due(arrived)

    async def renew_due(self, arrived: Arrived) -> None:
        """Renew what runs out soon, one after another: a refresh token is good once."""
        try:
            for before, after in list(self._unkept.values()):
                await self._keep(before, after, arrived)
            for installed in await self.store.all():
                if is_due(installed, datetime.now(UTC)):
                    await self._renew(installed, arrived)
        except NotKept as error:
            log.error("Slack's tokens are not looked after: %s; tried again in %g s", error, self._look)

    async def _renew(self, installed: Installed, arrived: Arrived) -> None:
        try:
            after = await self._renewed(installed)
        except SlackTokenRotationError as error:
            await self._not_renewed(installed, error_of(error.api_error))
        except (*NETWORK, NoBotToken) as error:
            await self._not_renewed(installed, f"{type(error).__name__} {error}".strip())
        else:
            # From here on the old refresh token is spent: what is not kept now must be kept later.
            self._unkept[installed.id] = (installed, after)
            await self._keep(installed, after, arrived)

    async def _renewed(self, installed: Installed) -> Installed:
        rotator = AsyncTokenRotator(client_id=self._id, client_secret=self._secret, client=self._client())
        try:
            bot = await rotator.perform_bot_token_rotation(
                bot=_bot_of(installed), minutes_before_expiration=_WHENEVER
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NoBotToken("in an answer that has not all fields") from error
        if bot is None:
            raise NoBotToken("but one of another kind")
        expires = None if bot.bot_token_expires_at is None else _moment(bot.bot_token_expires_at)
        return replace(
            installed,
            token=bot.bot_token,
            refresh_token=bot.bot_refresh_token,
            expires_at=expires,
            trouble=None,
            tried_at=None,
        )

    async def _keep(self, before: Installed, after: Installed, arrived: Arrived) -> None:
        """A new token is kept before it is used."""
        current = await self.store.renewed(before, after)
        del self._unkept[before.id]
        if current:
            log.info("%s: the token was renewed", after.id)
            await arrived(after)

    async def _not_renewed(self, installed: Installed, why: str) -> None:
        log.warning("%s: the token could not be renewed: %s; tried again later", installed.id, why)
        await self.store.not_renewed(installed, why, datetime.now(UTC))


def _answering(
    handle: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await to_aiohttp_response(await handle(await to_bolt_request(request)))
        except (*NETWORK, NotKept) as error:
            log.error("installing failed: %s: %s", type(error).__name__, error)
            return web.Response(text="Something failed here. Please begin again.", status=503)

    return answer


class _OAuthClient(AsyncWebClient):
    """The SDK's own call gives the secret to aiohttp in a way that is deprecated there."""

    async def oauth_v2_access(
        self, *, client_id: str, client_secret: str, **given: Any
    ) -> AsyncSlackResponse:
        secret = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        data = {name: value for name, value in given.items() if value is not None}
        return await self.api_call("oauth.v2.access", data=data, headers={"Authorization": f"Basic {secret}"})


class _States(AsyncOAuthStateStore):
    """What a browser was sent to Slack with comes back once, within STATE_LIFE."""

    def __init__(self, store: Installations) -> None:
        self._store = store

    async def async_issue(self, *args: object, **kwargs: object) -> str:
        del args, kwargs
        state = secrets.token_urlsafe(32)
        await self._store.issue(state, datetime.now(UTC))
        return state

    async def async_consume(self, state: str) -> bool:
        return await self._store.consume(state, datetime.now(UTC) - STATE_LIFE)


class _Store(AsyncInstallationStore):
    """Where bolt puts an installation; it asks for none, as our workspaces know their tokens."""

    def __init__(self, store: Installations, client: AsyncWebClient, arrived: Arrived) -> None:
        self._store, self._client, self._arrived = store, client, arrived

    async def async_save(self, installation: Installation) -> None:
        try:
            answer = await read(self._client.auth_test(token=str(installation.bot_token)))
        except LookupFailed as error:
            raise BoltError(str(error)) from error  # bolt tells who installs
        installed = installed_of(installation, str(answer["url"]), scopes_of(answer))
        try:
            await self._store.save(installed)
        except NotKept as error:
            raise BoltError(str(error)) from error
        log.info("installed in %s (%s)", installed.name, installed.id)
        await self._arrived(installed)


def installed_of(installation: Installation, url: str, scopes: frozenset[str]) -> Installed:
    """What we keep of it; nothing of the person who installed it."""
    org = installation.is_enterprise_install
    home = installation.enterprise_id if org else installation.team_id
    name = installation.enterprise_name if org else installation.team_name
    expires = installation.bot_token_expires_at
    return Installed(
        id=f"{wire.NAME}:{home}",
        name=name or str(home),
        user=str(installation.bot_user_id),
        bot=installation.bot_id,
        url=url,
        scopes=scopes or frozenset(installation.bot_scopes or ()),
        installed_at=_moment(installation.installed_at),
        token=str(installation.bot_token),
        refresh_token=installation.bot_refresh_token,
        expires_at=None if expires is None else _moment(expires),
    )


def _bot_of(installed: Installed) -> Bot:
    expires = installed.expires_at
    return Bot(
        bot_token=installed.token,
        bot_id=installed.bot or "",
        bot_user_id=installed.user,
        bot_refresh_token=installed.refresh_token,
        bot_token_expires_at=None if expires is None else int(expires.timestamp()),
        installed_at=installed.installed_at.timestamp(),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

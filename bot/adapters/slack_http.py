"""Slack's events over HTTP: the address that Slack posts to."""

import logging
import re
from collections.abc import Mapping

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier

from bot.adapters.adapter import LinkState
from bot.web import Web

log = logging.getLogger("earshot.slack")

PATH = "/slack/events"  # of events, of what people press and send, and of the command
_SECONDS = re.compile(r"\d{1,12}", re.ASCII)


class SlackHook:
    """Takes at PATH of ``web`` what Slack signed with ``signing_secret``, from ``open`` on."""

    def __init__(self, signing_secret: str, web: Web) -> None:
        if not signing_secret:
            raise ValueError("without a signing secret anybody could speak for Slack")
        self.signing_secret = signing_secret
        self._verifier = SignatureVerifier(signing_secret)
        self._web = web

    @property
    def links(self) -> tuple[LinkState, ...]:
        return ()  # Slack connects

    def heard(self) -> None:
        """Something came through it."""

    async def check(self) -> None:
        """Nothing that can be asked from here."""

    async def open(self, app: AsyncApp) -> None:
        async def take(request: web.Request) -> web.StreamResponse:
            return await self._take(request, app)

        self._web.add("POST", PATH, take)

    async def close(self) -> None:
        """The server is the Web's to stop."""

    async def _take(self, request: web.Request, app: AsyncApp) -> web.StreamResponse:
        # Bolt checks it once more; but it reads the body before, and what a stranger sent is not to be read at all.
        if not is_signed(await request.read(), request.headers, self._verifier):
            log.warning(
                "a request of %s is refused: not signed by Slack in the last 5 minutes", request.remote
            )
            return web.json_response({"error": "invalid request"}, status=401)
        return await to_aiohttp_response(await app.async_dispatch(await to_bolt_request(request)))


def is_signed(raw: bytes, headers: Mapping[str, str], verifier: SignatureVerifier) -> bool:
    """Whether Slack signed this body, at most five minutes ago."""
    timestamp = headers.get("X-Slack-Request-Timestamp", "")
    signature = headers.get("X-Slack-Signature", "")
    if not (_SECONDS.fullmatch(timestamp) and signature.isascii()):
        return False
    try:
        return verifier.is_valid(raw, timestamp, signature)
    except UnicodeDecodeError:
        return False  # Slack sends UTF-8

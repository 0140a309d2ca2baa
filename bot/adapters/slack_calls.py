"""Calls to Slack, and what their failures mean."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Payload

TIMEOUT = 20  # seconds for one request
RENEWAL = 60.0  # seconds in which a token that ran out may be renewed
# After these nobody can say whether it took effect.
_DOUBTFUL = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
# Of us, not of the channel: once that is mended, what was not read can be read.
_MENDABLE = frozenset({"invalid_auth", "account_inactive", "token_revoked", "not_authed", "missing_scope"})
NETWORK = (aiohttp.ClientError, TimeoutError, SlackClientError)


class StartFailed(Exception):
    """Slack cannot be used as configured; the message says why and what to do."""


def client_of(token: str | None, base_url: str) -> AsyncWebClient:
    """A client without the SDK's own retries: they post again when the connection drops after a post took effect."""
    return AsyncWebClient(token=token, base_url=base_url, timeout=TIMEOUT, retry_handlers=[])


async def asked(
    name: str, call: Awaitable[AsyncSlackResponse], base_url: str, remedy: Callable[[str], str]
) -> AsyncSlackResponse:
    """The answer of a call that shows whether the secret ``name`` is good. Raises StartFailed, with the remedy."""
    try:
        return await call
    except SlackApiError as error:
        told = error_of(error)
        raise StartFailed(f"Slack refused {name}: {told}; {remedy(told)}") from error
    except NETWORK as error:
        raise StartFailed(f"Slack at {base_url} cannot be reached: {error}") from error


async def once(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer of a call that changes something. Raises ActPostponed, ActRefused or ActUncertain."""
    try:
        return await call
    except aiohttp.ClientConnectorError as error:
        raise ActPostponed(1.0) from error  # nothing left this machine
    except SlackApiError as error:
        raise _act_error(error) from error
    except NETWORK as error:
        raise ActUncertain(f"{type(error).__name__}: {error}") from error


async def once_or(call: Awaitable[AsyncSlackResponse], done: str) -> None:
    """As ``once``, for what is done already when Slack refuses it with ``done``."""
    try:
        await once(call)
    except ActRefused as error:
        if str(error) != done:
            raise


async def respond(url: str, content: Payload) -> None:
    """Answer a click at the address it came with. Raises ActPostponed, ActUncertain or ActRefused."""
    hook = AsyncWebhookClient(url, timeout=TIMEOUT, retry_handlers=[])
    try:
        shown = {"response_type": "ephemeral", "unfurl_links": False, "unfurl_media": False, **content}
        answer = await hook.send_dict(shown)
    except NETWORK as error:
        raise ActUncertain(f"{type(error).__name__}: {error}") from error
    if answer.status_code == 429:
        raise ActPostponed(float(answer.headers.get("Retry-After", 1)))
    if answer.status_code != 200:
        raise ActRefused(f"the click cannot be answered any more: {answer.status_code} {answer.body}")


async def pages(call: Callable[[str | None], Awaitable[AsyncSlackResponse]], name: str) -> AsyncIterator[Any]:
    """The items called ``name`` of every page. Raises LookupFailed."""
    cursor: str | None = None
    while True:
        page = await read(call(cursor))
        for item in page[name]:
            yield item
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _act_error(error: SlackApiError) -> Exception:
    status, said = error.response.status_code, error_of(error)
    if said == "token_expired":
        return ActPostponed(RENEWAL)
    if status == 429 or said in ("ratelimited", "rate_limited"):
        return ActPostponed(float(error.response.headers.get("Retry-After", 1)))
    return ActUncertain(f"{status} {said}") if status >= 500 or said in _DOUBTFUL else ActRefused(said)


async def read(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer of a call that only reads. Raises LookupFailed."""
    try:
        return await call
    except SlackApiError as error:
        raise LookupFailed(f"Slack: {error_of(error)}") from error
    except NETWORK as error:
        raise LookupFailed(f"Slack: {type(error).__name__}: {error}") from error


async def read_at_leisure(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """As ``read``, for who can wait: raises ActPostponed for a limit, and ActRefused for what Slack denies."""
    try:
        return await call
    except SlackApiError as error:
        told = _act_error(error)
        if isinstance(told, ActUncertain) or error_of(error) in _MENDABLE:
            raise LookupFailed(f"Slack: {told}") from error
        raise told from error
    except NETWORK as error:
        raise LookupFailed(f"Slack: {type(error).__name__}: {error}") from error


def error_of(error: SlackApiError) -> str:
    data = error.response.data
    return (
        str(data.get("error", "unknown")) if isinstance(data, dict) else f"HTTP {error.response.status_code}"
    )


def scopes_of(answer: AsyncSlackResponse) -> frozenset[str]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return frozenset(scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip())

"""Lark's HTTP API for one app: a token that is fetched once for all, limits and doubts told apart.

The SDK's own HTTP client is not used: it fetches a token per call side by side, never again after it was revoked, and
opens a client with all certificates for every request, which holds up the event loop for some fifty milliseconds.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain
from bot.adapters.adapter import LookupFailed

Json = dict[str, Any]

DOMAINS = {"feishu": "https://open.feishu.cn", "lark": "https://open.larksuite.com"}
APPLINKS = {"feishu": "https://applink.feishu.cn", "lark": "https://applink.larksuite.com"}
TIMEOUT = 20.0  # seconds for one request
PAGE = 50
MAX_PAUSE = 5.0  # seconds that a read waits for a limit to be over
LEAD = 300.0  # seconds before its end at which a token is not used any more

_CHUNK = 64 * 1024
_TOKEN_PATH = "/open-apis/auth/v3/tenant_access_token/internal"
# Invalid, expired or missing: https://open.feishu.cn/document/ukTMukTMukTM/ugjM14COyUjL4ITN
_BAD_TOKEN = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991677})
_LIMITED = frozenset({99991400, 230020, 11232, 11233})
_DOUBTFUL = frozenset({230049, 99991001, 1500, 2200})  # "is being sent", internal errors


class ApiRefused(Exception):
    """Lark answered ``code``; nothing took effect."""

    def __init__(self, code: int, msg: str) -> None:
        super().__init__(f"{code} {msg}")
        self.code, self.msg = code, msg


class LarkApi:
    """Calls of one app. ``timeout``: seconds for one request."""

    def __init__(self, app_id: str, app_secret: str, domain: str, *, timeout: float = TIMEOUT) -> None:
        self.app_id, self._secret, self.url = app_id, app_secret, DOMAINS.get(domain, domain.rstrip("/"))
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._token, self._token_until = "", 0.0
        self._fetching = asyncio.Lock()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def do(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Json:
        """The answer of a call that changes something. Raises ActPostponed, ActUncertain or ApiRefused."""
        try:
            return await self._with_token(method, path, query, body)
        except aiohttp.ClientConnectorError as error:
            raise ActPostponed(1.0) from error  # nothing left this machine
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ActUncertain(f"{type(error).__name__}: {error}") from error

    async def read(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """The answer of a call that only reads; a limit is waited for, once. Raises LookupFailed."""
        try:
            try:
                return await self._with_token("GET", path, query, None)
            except ActPostponed as limit:
                await asyncio.sleep(min(limit.seconds, MAX_PAUSE))
                return await self._with_token("GET", path, query, None)
        except ApiRefused as error:
            raise LookupFailed(f"Lark: {error}") from error
        except (ActPostponed, ActUncertain, aiohttp.ClientError, TimeoutError) as error:
            raise LookupFailed(f"Lark: {type(error).__name__}: {error}") from error

    async def pages(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Json]:
        """The items of every page. Raises LookupFailed."""
        asked = {**query, "page_size": str(PAGE)}
        while True:
            data = (await self.read(path, asked))["data"]
            for item in data.get("items") or ():
                yield item
            if not data.get("has_more") or not data.get("page_token"):
                return
            asked["page_token"] = data["page_token"]

    async def fetch(self, path: str, query: Mapping[str, str], most: int) -> bytes:
        """A file, of which at most a little more than ``most`` bytes are read. Raises LookupFailed."""
        try:
            token = await self._valid_token()
            try:
                return await self._fetch(path, query, most, token)
            except ApiRefused as error:
                if error.code not in _BAD_TOKEN:
                    raise
            return await self._fetch(path, query, most, await self._valid_token(bad=token))
        except (ApiRefused, ActPostponed, ActUncertain, aiohttp.ClientError, TimeoutError) as error:
            raise LookupFailed(f"Lark: {type(error).__name__}: {error}") from error

    async def endpoint(self, seconds: float) -> Json:
        """``data`` of the endpoint exchange, which says where the long connection is opened.

        Raises ApiRefused, ActPostponed, ActUncertain, aiohttp.ClientError or TimeoutError.
        """
        body = {"AppID": self.app_id, "AppSecret": self._secret}
        async with asyncio.timeout(seconds):
            answer = await self._send("POST", "/callback/ws/endpoint", None, body, None)
        found = answer.get("data")
        if not isinstance(found, dict) or not found.get("URL"):
            raise ActUncertain(f"the endpoint exchange answered without a URL: {str(answer)[:200]}")
        return found

    async def check(self) -> Json:
        """Who we are, as bot/v3/info says. Raises ApiRefused, ActPostponed, ActUncertain or what aiohttp raises."""
        return await self._with_token("GET", "/open-apis/bot/v3/info", None, None)

    # ---- the token

    async def _with_token(self, method: str, path: str, query: Mapping[str, str] | None, body: Any) -> Json:
        token = await self._valid_token()
        try:
            return await self._send(method, path, query, body, token)
        except ApiRefused as error:
            if error.code not in _BAD_TOKEN:
                raise
        # Revoked before its time. The call had no effect, so it is made once more with a new one.
        return await self._send(method, path, query, body, await self._valid_token(bad=token))

    async def _valid_token(self, bad: str = "") -> str:
        """The one token that all calls share: while one of them fetches it, the others wait for that."""
        async with self._fetching:
            if self._token and self._token != bad and time.monotonic() < self._token_until:
                return self._token
            body = {"app_id": self.app_id, "app_secret": self._secret}
            answer = await self._send("POST", _TOKEN_PATH, None, body, None)
            life = float(answer["expire"])
            self._token, self._token_until = (
                str(answer["tenant_access_token"]),
                time.monotonic() + max(life - LEAD, life / 2),
            )
            return self._token

    # ---- one request

    async def _send(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, token: str | None
    ) -> Json:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
            data = json.dumps(body, ensure_ascii=False).encode()
        # On a kept connection that is gone aiohttp repeats GET, PUT and DELETE, which changes nothing; POST never.
        request = self._open().request(method, self.url + path, params=query, data=data, headers=headers)
        async with request as answer:
            text = await answer.text()
            return _judged(answer.status, answer.headers, text)

    async def _fetch(self, path: str, query: Mapping[str, str], most: int, token: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}"}
        async with self._open().get(self.url + path, params=query, headers=headers) as answer:
            if answer.status != 200 or answer.content_type == "application/json":
                _judged(answer.status, answer.headers, await answer.text())
                return b""
            content = b""
            while len(content) <= most and (chunk := await answer.content.read(_CHUNK)):
                content += chunk
            return content

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout)
        return self._session


def _judged(status: int, headers: Mapping[str, str], text: str) -> Json:
    """The answer's JSON. Raises ActPostponed, ActUncertain or ApiRefused."""
    try:
        answer = json.loads(text)
        code = int(answer.get("code", -1))
    except (ValueError, AttributeError, TypeError):
        answer, code = {}, -1
    if code == 0:
        return dict(answer)
    if status == 429 or code in _LIMITED:
        raise ActPostponed(_pause(headers))
    if status >= 500 or code == -1 or code in _DOUBTFUL:
        raise ActUncertain(f"HTTP {status}: {text[:200]}")
    raise ApiRefused(code, str(answer.get("msg") or ""))


def _pause(headers: Mapping[str, str]) -> float:
    """Seconds to wait, as the header of the limit says; one where it says nothing. A little is added: who waits counts
    from when he asked, Lark from when it answered."""
    given = headers.get("x-ogw-ratelimit-reset", "")
    return (float(given) if given.replace(".", "", 1).isdigit() else 1.0) + 0.2


def refused(error: ApiRefused) -> ActRefused:
    return ActRefused(str(error))

"""HTTP in front of the methods: tokens, scopes, strictness, rate limits, faults."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from . import faults
from .arguments import METHODS, Refused, needed, read
from .faults import Fault
from .methods import Methods
from .oauth import Grant, OAuth

Json = dict[str, Any]

TRUSTED = "xoxb-from-the-server-that-asks"
TOLERANCE = 0.05  # seconds by which two requests may come closer than they were sent


@dataclass(kw_only=True, slots=True)
class Request:
    """A call as it came. ``at`` in seconds of ``time.monotonic``; ``answer`` None: none yet, or none sent."""

    at: float
    method: str
    verb: str
    args: Json
    headers: Mapping[str, str]
    answer: Json | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    content: Json | str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class PostLimit:
    """At most one post in ``interval`` seconds to a channel; 0 lifts the limit."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._last: dict[str, float] = {}

    def take(self, channel: str, now: float) -> bool:
        """Whether a post to ``channel`` may happen now; if so, it counts."""
        if now - self._last.get(channel, float("-inf")) < self.interval - TOLERANCE:
            return False
        self._last[channel] = now
        return True


class WebApi:
    """Belongs to the server's event loop. ``faults``: what is done to a method's next calls."""

    def __init__(self, methods: Methods, limit: PostLimit, violate: Callable[[str], None]) -> None:
        self.methods = methods
        self.bot_token = "xoxb-local-bot"
        self.app_token = "xapp-local-app"
        self.scopes: tuple[str, ...] = ()
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.requests: list[Request] = []
        self.open_socket: Callable[[], str] = str
        self.oauth = OAuth()
        self.elsewhere: dict[str, str] = {}  # team -> address of the server that plays it
        self._limit = limit
        self._violate = violate
        self._not_before: dict[tuple[str, str], float] = {}

    def lift_post_limit(self) -> None:
        self._limit.interval = 0.0

    async def handle(self, http: web.Request) -> web.StreamResponse:
        method = http.match_info["method"]
        # The sync client calls every request JSON, also those without a body.
        is_json = http.content_type == "application/json" and http.can_read_body
        given = await _arguments(http, is_json=is_json)
        token = _token(http, given)
        if (grant := _whose(self.oauth, token)) is not None and grant.identity.team in self.elsewhere:
            return await _forward(http, f"{self.elsewhere[grant.identity.team]}/api/{method}")
        request = Request(
            at=time.monotonic(), method=method, verb=http.method, args=given, headers=dict(http.headers)
        )
        self.requests.append(request)
        queue = self.faults[method]
        fault = queue.pop(0) if queue else faults.Pass()
        if isinstance(fault, faults.DropBefore):
            return _drop(http)
        if isinstance(fault, faults.Slow):
            await asyncio.sleep(fault.seconds)
        answer = self._injected(request, fault) or self._answer(request, token, is_json=is_json)
        if isinstance(fault, faults.DropAfterEffect):
            return _drop(http)
        if isinstance(fault, faults.SlowAfterEffect):
            await asyncio.sleep(fault.seconds)
        return self._response(request, answer)

    def _injected(self, request: Request, fault: Fault) -> Answer | None:
        """The answer that a fault gives in place of the method's."""
        match fault:
            case faults.Http500(html, status):
                return Answer(html, status)
            case faults.SlackError(error, more):
                return Answer({"ok": False, "error": error, **more})
            case faults.Http429(None):
                return _rate_limited(None)
            case faults.Http429(int(seconds)):
                self._not_before[request.method, request.args.get("channel", "")] = request.at + seconds
                return _rate_limited(seconds)
            case _:
                return None

    def _answer(self, request: Request, token: str, *, is_json: bool) -> Answer:
        try:
            self._authenticate(request.method, token)
            self._wait_for_retry_after(request)
            args = read(request.method, request.args, is_json=is_json)
            if request.method == "oauth.v2.access":
                return Answer(self.oauth.access(args, request.headers.get("Authorization", "")))
            self._ask_for_team(request)
            self._authorize(request.method, args)
            return Answer(self._perform(request.method, args))
        except Refused as refused:
            if refused.why is not None:
                self._violate(f"{request.method}: {refused.error}: {refused.why}")
            if refused.error == "ratelimited":
                return _rate_limited(refused.more["seconds"])
            return Answer(refused.answer())

    def _perform(self, method: str, args: Json) -> Json:
        if method == "apps.connections.open":
            return {"ok": True, "url": self.open_socket()}
        if method == "chat.postMessage" and not self._limit.take(args["channel"], time.monotonic()):
            why = f"more than one post in {self._limit.interval} s to {args['channel']}"
            raise Refused("ratelimited", why, seconds=1)
        return self.methods.call(method, args)

    def _authenticate(self, method: str, token: str) -> None:
        if method not in METHODS:
            raise Refused("unknown_method", "no such method here", req_method=method)
        if method == "oauth.v2.access":
            return
        if not token:
            raise Refused("not_authed", "no token")
        if self.oauth.check(token) is not None and not METHODS[method].app_token:
            return
        if token == TRUSTED:
            return
        right, other = self.bot_token, self.app_token
        if METHODS[method].app_token:
            right, other = other, right
        if token == other:
            raise Refused("not_allowed_token_type", f"token {token[:8]}… is of the wrong type")
        if token != right:
            raise Refused("invalid_auth", f"token {token[:8]}… is unknown")

    def _authorize(self, method: str, args: Json) -> None:
        for scopes in needed(method, self.methods.kinds(method, args), args):
            if not set(scopes) & set(self.scopes):
                provided = ",".join(self.scopes)
                raise Refused(
                    "missing_scope", f"needs {' or '.join(scopes)}", needed=scopes[0], provided=provided
                )

    def _ask_for_team(self, request: Request) -> None:
        """An organisation's token does not say which of its workspaces is meant."""
        of_a_team = request.method in ("conversations.list", "usergroups.list", "usergroups.users.list")
        if self.methods.org_wide and of_a_team and "team_id" not in request.args:
            raise Refused("missing_argument", "team_id is needed with an organisation's token")

    def _wait_for_retry_after(self, request: Request) -> None:
        left = self._not_before.get((request.method, request.args.get("channel", "")), 0.0) - request.at
        if left > TOLERANCE:
            why = f"called again {left:.2f} s before the end of Retry-After"
            raise Refused("ratelimited", why, seconds=int(left) + 1)

    def _response(self, request: Request, answer: Answer) -> web.Response:
        request.status = answer.status
        if isinstance(answer.content, str):
            return web.Response(text=answer.content, status=answer.status, content_type="text/html")
        request.answer = answer.content
        headers = answer.headers | {"x-oauth-scopes": ",".join(self.scopes), "x-slack-req-id": "local"}
        return web.json_response(answer.content, status=answer.status, headers=headers)


def _whose(oauth: OAuth, token: str) -> Grant | None:
    try:
        return oauth.check(token)
    except Refused:
        return None


async def _forward(http: web.Request, address: str) -> web.Response:
    """Have another server answer, which trusts this one."""
    headers = {name: value for name, value in http.headers.items() if name.lower() in _PASSED}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            http.method,
            address,
            params=http.query,
            data=await http.read(),
            headers={**headers, "Authorization": f"Bearer {TRUSTED}"},
        ) as answer,
    ):
        told = {name: value for name, value in answer.headers.items() if name.lower() in _PASSED}
        return web.Response(body=await answer.read(), status=answer.status, headers=told)


_PASSED = frozenset({"content-type", "retry-after", "x-oauth-scopes"})


def _rate_limited(seconds: int | None) -> Answer:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Answer({"ok": False, "error": "ratelimited"}, 429, headers)


def _drop(http: web.Request) -> web.Response:
    """Cut the connection; what is returned reaches nobody."""
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


async def _arguments(http: web.Request, *, is_json: bool) -> Json:
    """What was given in the query and the body: strings from a form, JSON values from JSON."""
    given: Json = dict(http.query)
    if is_json:
        body = json.loads(await http.text() or "{}")
        return given | (body if isinstance(body, dict) else {"body": body})
    if http.method == "POST":
        given |= {name: value for name, value in (await http.post()).items() if isinstance(value, str)}
    return given


def _token(http: web.Request, given: Json) -> str:
    kind, _, token = http.headers.get("Authorization", "").partition(" ")
    return token if kind == "Bearer" else str(given.get("token", ""))

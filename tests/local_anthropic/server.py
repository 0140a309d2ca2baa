"""A strict Claude API on loopback, in a thread: messages, their tokens counted, and Message Batches."""

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from aiohttp import web

from tests.local_slack.thread import LoopThread

from . import replies
from .caching import PromptCache
from .checks import problems_of_batch, problems_of_headers, problems_of_message
from .faults import Body, Cut, CutAfterEffect, CutInside, Fault, Http, Pass, Stall
from .replies import Reply, Says, error

Json = dict[str, Any]
KEY = "sk-ant-local"

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
}
_KINDS |= {429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came: ``method`` such as ``messages.create``, the address of a batch in ``batch``."""

    method: str
    headers: Mapping[str, str]
    body: Any
    batch: str = ""


@dataclass(slots=True)
class Batch:
    """A batch: its requests and replies, and how far it is."""

    id: str
    requests: list[Json]
    made: datetime
    looks: int = 0
    status: str = "in_progress"
    canceled: bool = False
    done: int = 0  # so many were done when it was cancelled
    lines: list[str] = field(default_factory=list)


class LocalAnthropic:
    """The API on 127.0.0.1, for as long as the ``with`` block lasts.

    ``script(needle, reply)`` says what the model answers where ``needle`` stands in what it is asked; ``otherwise``
    what it answers else. ``faults["messages.create"].append(Http(429, 1))`` makes the next call fail; the methods are
    ``messages.create``, ``messages.count_tokens`` and ``batches.`` with ``create``, ``retrieve``, ``results``,
    ``list``, ``cancel``, ``delete``. What a client sends that the API refuses is refused, and listed in ``violations``.

    A batch ends at its look number ``looks`` (0: never, unless it is cancelled; then ``done`` of it are done).
    """

    def __init__(self) -> None:
        self.key = KEY
        self.violations: list[str] = []
        self.requests: list[Request] = []
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.batches: dict[str, Batch] = {}
        self.otherwise: Reply | Callable[[Json], Reply] = Says("I have nothing to say.")
        self.cache = PromptCache()
        self.looks = 1
        self.done = 0
        self.port = 0
        self._scripted: list[tuple[str, Reply]] = []
        self._numbers = iter(range(1, 1_000_000))
        self._thread = LoopThread(self._serve, "local-anthropic")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop()

    async def _serve(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        app = web.Application(client_max_size=256 * 1024**2)
        routes: list[tuple[str, str, str, Callable[[Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", "/v1/messages", "messages.create", self._create),
            ("POST", "/v1/messages/count_tokens", "messages.count_tokens", self._count),
            ("POST", "/v1/messages/batches", "batches.create", self._create_batch),
            ("GET", "/v1/messages/batches", "batches.list", self._list),
            ("GET", "/v1/messages/batches/{id}", "batches.retrieve", self._retrieve),
            ("GET", "/v1/messages/batches/{id}/results", "batches.results", self._results),
            ("POST", "/v1/messages/batches/{id}/cancel", "batches.cancel", self._cancel),
            ("DELETE", "/v1/messages/batches/{id}", "batches.delete", self._delete),
        ]
        for verb, path, method, handler in routes:
            app.router.add_route(verb, path, self._handler(method, handler))
        app.router.add_route("*", "/{rest:.*}", self._unknown)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        ready()
        await stopping.wait()
        await runner.cleanup()

    # What tests say and see

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def script(self, needle: str, reply: Reply) -> None:
        self._scripted.append((needle, reply))

    def calls(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    async def until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        deadline = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"not within {timeout} s; calls: {[one.method for one in self.requests]}"
                )
            await asyncio.sleep(0.002)

    def add_batch(self, custom_ids: list[str], *, age: timedelta = timedelta(0)) -> str:
        """A batch that somebody else made."""
        wished = [
            {"custom_id": one, "params": {"model": "claude-haiku-5-5", "messages": []}} for one in custom_ids
        ]
        return self._new_batch(wished, datetime.now(UTC) - age).id

    # One call

    def _handler(
        self, method: str, answer: Callable[[Request], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(http: web.Request) -> web.StreamResponse:
            text = await http.text()
            headers = {name.lower(): value for name, value in http.headers.items()}
            body = json.loads(text) if text else dict(http.query)
            request = Request(method, headers, body, http.match_info.get("id", ""))
            self.requests.append(request)
            fault = self.faults[method].pop(0) if self.faults[method] else Pass()
            return await self._faulty(http, fault, lambda: self._checked(request, answer))

        return handle

    async def _faulty(
        self, http: web.Request, fault: Fault, answer: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        match fault:
            case Http(status=status, retry_after=after):
                return refusal(status, "as the test wishes", after)
            case Body(text=text, content_type=content_type):
                return web.Response(text=text, content_type=content_type)
            case Cut():
                return self._cut(http)
            case CutAfterEffect():
                await answer()
                return self._cut(http)
            case CutInside():
                return await self._cut_inside(http, await answer())
            case Stall(seconds=seconds):
                await asyncio.sleep(seconds)
        return await answer()

    def _cut(self, http: web.Request) -> web.Response:
        if http.transport is not None:
            http.transport.abort()
        return web.Response()

    async def _cut_inside(self, http: web.Request, whole: web.StreamResponse) -> web.StreamResponse:
        body = whole.body if isinstance(whole, web.Response) and isinstance(whole.body, bytes) else b""
        part = web.StreamResponse(
            headers={"content-type": whole.content_type, "content-length": str(len(body))}
        )
        await part.prepare(http)
        await part.write(body[: len(body) // 2])
        self._cut(http)
        return part

    async def _checked(
        self, request: Request, answer: Callable[[Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        wrong = list(self._problems(request))
        if not wrong:
            return await answer(request)
        self.violations += [f"{request.method}: {problem}" for problem in wrong]
        return refusal(401 if "authorization" in wrong[0] else 400, wrong[0])

    def _problems(self, request: Request) -> Iterator[str]:
        yield from problems_of_headers(request.headers, self.key)
        if request.method == "messages.create":
            yield from problems_of_message(request.body)
        if request.method == "messages.count_tokens":
            yield from problems_of_message(request.body, counting=True)
        if request.method == "batches.create":
            yield from problems_of_batch(request.body)

    async def _unknown(self, http: web.Request) -> web.StreamResponse:
        self.violations.append(f"{http.method} {http.path}: there is no such address")
        return refusal(404, "not found")

    def _reply(self, params: Json) -> Reply:
        asked = json.dumps(params.get("messages", []), ensure_ascii=False)
        for needle, reply in self._scripted:
            if json.dumps(needle, ensure_ascii=False)[1:-1] in asked:
                return reply
        return self.otherwise(params) if callable(self.otherwise) else self.otherwise

    # Messages

    async def _create(self, request: Request) -> web.StreamResponse:
        reply = self._reply(request.body)
        if isinstance(reply, replies.Errs):
            return refusal(400, "it went wrong")
        if isinstance(reply, Says):
            await asyncio.sleep(reply.delay)
        cached = self.cache.usage(request.body)
        return web.json_response(replies.message(reply, request.body, next(self._numbers), cached))

    async def _count(self, request: Request) -> web.StreamResponse:
        characters = len(json.dumps(request.body, ensure_ascii=False))
        return web.json_response({"input_tokens": math.ceil(characters / 4)})

    # Batches

    def _new_batch(self, wished: list[Json], made: datetime) -> Batch:
        batch = Batch(id=f"msgbatch_{next(self._numbers):05d}", requests=wished, made=made)
        self.batches[batch.id] = batch
        return batch

    async def _create_batch(self, request: Request) -> web.StreamResponse:
        return web.json_response(self._shown(self._new_batch(request.body["requests"], datetime.now(UTC))))

    async def _retrieve(self, request: Request) -> web.StreamResponse:
        batch = self.batches.get(request.batch)
        if batch is None:
            return refusal(404, f"no batch {request.batch}")
        batch.looks += 1
        if batch.status != "ended" and (batch.canceled or (self.looks and batch.looks >= self.looks)):
            self._end(batch)
        return web.json_response(self._shown(batch))

    async def _results(self, request: Request) -> web.StreamResponse:
        batch = self.batches.get(request.batch)
        if batch is None or batch.status != "ended":
            return refusal(404, "no results")
        return web.Response(
            text="".join(f"{line}\n" for line in batch.lines), content_type="application/x-jsonl"
        )

    async def _list(self, request: Request) -> web.StreamResponse:
        newest = sorted(self.batches.values(), key=lambda batch: batch.made, reverse=True)
        shown = [self._shown(batch) for batch in newest[: int(request.body.get("limit", 20))]]
        ids = [one["id"] for one in shown]
        ends = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None}
        return web.json_response({"data": shown, "has_more": len(newest) > len(shown), **ends})

    async def _cancel(self, request: Request) -> web.StreamResponse:
        batch = self.batches.get(request.batch)
        if batch is None:
            return refusal(404, f"no batch {request.batch}")
        if batch.status != "ended":
            batch.status, batch.canceled, batch.done = "canceling", True, self.done
        return web.json_response(self._shown(batch))

    async def _delete(self, request: Request) -> web.StreamResponse:
        batch = self.batches.get(request.batch)
        if batch is None or batch.status != "ended":
            return refusal(400, "only a batch that has ended can be deleted")
        del self.batches[batch.id]
        return web.json_response({"id": batch.id, "type": "message_batch_deleted"})

    def _end(self, batch: Batch) -> None:
        batch.status = "ended"
        done = len(batch.requests) if not batch.canceled else batch.done
        for number, request in enumerate(batch.requests):
            line: str | None = json.dumps({"custom_id": request["custom_id"], "result": {"type": "canceled"}})
            if number < done:
                params = request["params"]
                reply = self._reply(params)
                line = replies.line(reply, request["custom_id"], params, next(self._numbers))
            if line is not None:
                batch.lines.insert(0, line)  # not in the order of the requests

    def _shown(self, batch: Batch) -> Json:
        ended = batch.status == "ended"
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        counts["succeeded" if ended else "processing"] = len(batch.requests)
        address = f"{self.base_url}/v1/messages/batches/{batch.id}/results"
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": batch.status,
            "request_counts": counts,
            "created_at": batch.made.isoformat(),
            "expires_at": (batch.made + timedelta(days=1)).isoformat(),
            "ended_at": datetime.now(UTC).isoformat() if ended else None,
            "archived_at": None,
            "cancel_initiated_at": datetime.now(UTC).isoformat() if batch.canceled else None,
            "results_url": address if ended else None,
        }


def refusal(status: int, text: str, retry_after: float | None = None) -> web.Response:
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    kind = _KINDS.get(status, "invalid_request_error")
    return web.json_response(error(kind, text), status=status, headers=headers)

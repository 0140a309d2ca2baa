"""I/O: Claude's API through its SDK. In time, tried again, within a budget, and every call told.

The only module that imports the SDK: what others see are the records below.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Self, TypeVar

import httpx2
from anthropic import (
    AnthropicError,
    APIResponseValidationError,
    APIStatusError,
    AsyncAnthropic,
    NotFoundError,
    transform_schema,
)
from anthropic.pagination import AsyncPage
from anthropic.types import CitationsSearchResultLocation, Message, TextBlock, Usage
from anthropic.types.messages import (
    DeletedMessageBatch,
    MessageBatch,
    MessageBatchIndividualResponse,
    MessageBatchSucceededResult,
)
from pydantic import BaseModel

from knowledge.budget import Budget, Reserved, Unlimited
from knowledge.claude_prices import Prices, Tokens, at_most
from knowledge.model_calls import CallLog, ModelCall, Purpose

log = logging.getLogger(__name__)

API = "https://api.anthropic.com"
Body = Mapping[str, Any]  # of one request, as the API takes it

ANSWERED = "answered"
# Why there is no answer. Fixed phrases: they are counted, and told to people.
NO_ANSWER = "Claude could not be reached"
LATE = "Claude did not answer in time"
REFUSED = "Claude refused"
CUT_OFF = "the answer was cut off"
TOO_LONG = "the thread is too long to send"
MALFORMED = "the answer does not fit the form"
GONE = "the batch is gone"
UNREADABLE = "the results of the batch could not be read"

ENDED = "end_turn"
_STOPPED = {"refusal": REFUSED, "max_tokens": CUT_OFF, "model_context_window_exceeded": TOO_LONG}
_BUSY = frozenset({408, 409, 429})
# The last two come unwrapped: when a body breaks off, and when it says that it is JSON and is not.
_TRANSPORT = (AnthropicError, httpx2.HTTPError, json.JSONDecodeError)
_LONGEST_PAUSE = 8.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long a request may take (seconds): ``call`` with all its tries, ``attempt`` one of them.

    Between two tries are ``pause`` seconds, then twice as many, or as many as the service asks for.
    """

    call: float = 120.0
    attempt: float = 120.0
    tries: int = 3
    pause: float = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Cited:
    """A citation as the model gives it: blocks ``start`` to ``end`` of a search result, all counted from 0."""

    search_result: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A piece of an answer, and what it cites; a piece need not be a sentence."""

    text: str
    cited: tuple[Cited, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What the model said. ``stop`` None: it was cut off on its way. ``used`` None: the service did not count."""

    said: tuple[Said, ...]
    stop: str | None
    used: Tokens | None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.said)

    @property
    def problem(self) -> str | None:
        """Why this is no complete answer; None if it is one."""
        if self.stop == ENDED and self.text.strip():
            return None
        return _STOPPED.get(self.stop or "", MALFORMED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """A Message Batch at the service. ``size``: its requests."""

    id: str
    ended: bool
    made_at: datetime
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchResult:
    """What became of one request of a batch: ``succeeded`` with its answer, ``errored``, ``expired``, ``canceled``."""

    kind: str
    answered: Answered | None = None


class Unanswered(Exception):
    """A request came to nothing. ``final``: it always would. ``own``: another one may not. ``certain``: no effect.

    ``again``: it may be tried again, after ``pause`` seconds if the service says so.
    """

    def __init__(
        self,
        why: str,
        *,
        final: bool = False,
        own: bool = False,
        certain: bool = False,
        again: bool = False,
        pause: float | None = None,
    ) -> None:
        super().__init__(why)
        self.why = why
        self.final = final
        self.own = own
        self.certain = certain
        self.again = again
        self.pause = pause


class Untold:
    """A call log that keeps nothing."""

    async def called(self, call: ModelCall) -> None:
        del call


@dataclass(frozen=True, slots=True)
class _Call:
    """What is known of a call before its answer."""

    purpose: Purpose
    channel: str | None
    body: Body
    begun: float = field(default_factory=monotonic)


class Claude:
    """A connection to the API. Errors are ``Unanswered`` with a fixed reason, or ``Spent``."""

    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        patience: Patience | None = None,
        calls: CallLog | None = None,
        budget: Budget | None = None,
        prices: Callable[[], Prices] = Prices,
    ) -> None:
        # base_url is always given, so that no variable of the environment leads elsewhere unnoticed. The client's own
        # retries are off: they obey any Retry-After, however long, and what they cost is not seen.
        self._client = AsyncAnthropic(api_key=api_key, base_url=base_url or API, max_retries=0)
        self._patience = patience or Patience()
        self._calls: CallLog = calls or Untold()
        self._budget: Budget = budget or Unlimited()
        self._prices = prices

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    # ---- messages

    async def answer(self, body: Body, purpose: Purpose, channel: str | None = None) -> Answered:
        """The model's answer to one request, complete or not. Raises Unanswered, or Spent."""

        async def attempt(seconds: float) -> Answered:
            call = _Call(purpose, channel, body)
            most = at_most(body)
            reserved = await self._budget.reserve(channel, most.total, self._usd(body, most))
            try:
                message = await self._in_time(Message, lambda: self._client.messages.create(**body), seconds)
            except Unanswered as failed:
                await self._came_to_nothing(call, reserved, failed)
                raise
            answered = _answered(message)
            used = answered.used or most
            await self._budget.settle(reserved, used.total, self._usd(body, used))
            await self._tell(call, answered)
            return answered

        return await self._persistently(attempt)

    async def _came_to_nothing(self, call: _Call, reserved: Reserved, failed: Unanswered) -> None:
        """What surely had no effect costs nothing; what may have had one stays reserved."""
        if failed.certain:
            await self._budget.settle(reserved, 0, 0.0)
        await self._calls.called(_told(call, failed.why))

    async def _tell(self, call: _Call, answered: Answered, *, batch: bool = False) -> None:
        used = answered.used or Tokens()
        usd = self._prices().usd(str(call.body["model"]), used, batch=batch)
        await self._calls.called(_told(call, answered.problem or ANSWERED, answered, used, usd))

    async def tell_batched(self, body: Body, purpose: Purpose, answered: Answered) -> None:
        """A result of a batch was read: it is told as a call at half the price."""
        await self._tell(_Call(purpose, None, body), answered, batch=True)

    def _usd(self, body: Body, tokens: Tokens) -> float:
        return self._prices().usd(str(body["model"]), tokens)

    # ---- batches

    async def create_batch(self, bodies: Mapping[str, Body]) -> str:
        """The id of a new batch of requests by custom id. Not tried again: a failed try may have made one."""
        requests: Any = [{"custom_id": name, "params": body} for name, body in bodies.items()]
        create = self._client.messages.batches.create
        made = await self._in_time(MessageBatch, lambda: create(requests=requests), self._patience.call)
        return made.id

    async def newest_batches(self, limit: int) -> list[Batch]:
        listing = self._client.messages.batches.list
        page: AsyncPage[MessageBatch] = await self.asked(AsyncPage, lambda: listing(limit=limit))
        return [_batch(each) for each in page.data]

    async def batch(self, batch_id: str) -> Batch:
        retrieve = self._client.messages.batches.retrieve
        return _batch(await self.asked(MessageBatch, lambda: retrieve(batch_id)))

    async def cancel_batch(self, batch_id: str) -> None:
        await self.asked(MessageBatch, lambda: self._client.messages.batches.cancel(batch_id))

    async def delete_batch(self, batch_id: str) -> None:
        await self.asked(DeletedMessageBatch, lambda: self._client.messages.batches.delete(batch_id))

    async def batch_results(self, batch_id: str) -> Mapping[str, BatchResult]:
        """The results by custom id; what of them cannot be read is left out. Not tried again here."""
        return await self._in_time(dict, lambda: self._lines(batch_id), self._patience.call)

    async def _lines(self, batch_id: str) -> dict[str, BatchResult]:
        found: dict[str, BatchResult] = {}
        # Line by line, because the client's own decoder gives up the rest at the first bad line.
        async with self._client.messages.batches.with_streaming_response.results(batch_id) as response:
            async for line in response.iter_lines():
                with contextlib.suppress(json.JSONDecodeError, TypeError, AttributeError):
                    one = MessageBatchIndividualResponse.construct(**json.loads(line))
                    found[one.custom_id] = _result(one)
        if not found:
            raise Unanswered(UNREADABLE)
        return found

    # ---- one request

    async def asked(self, kind: type[T], call: Callable[[], Awaitable[object]]) -> T:
        """The answer of ``call``, of its ``kind``, tried again where that may help. Raises Unanswered."""
        return await self._persistently(lambda seconds: self._in_time(kind, call, seconds))

    async def _persistently(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        """The result of the first attempt that has one. An attempt is told how many seconds it has."""
        patience = self._patience
        deadline = monotonic() + patience.call
        for number in range(patience.tries):
            try:
                return await attempt(min(patience.attempt, deadline - monotonic()))
            except Unanswered as failed:
                own = min(patience.pause * 2**number, _LONGEST_PAUSE)
                pause = own if failed.pause is None else failed.pause
                if not failed.again or number + 1 == patience.tries or monotonic() + pause >= deadline:
                    raise
            await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _in_time(self, kind: type[T], call: Callable[[], Awaitable[object]], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                answer = await call()
        except TimeoutError:
            raise Unanswered(LATE, again=True) from None
        except _TRANSPORT as error:
            raise _unanswered(error) from error
        if not isinstance(answer, kind):  # a proxy's page, or no JSON: the client hands it on as text
            raise Unanswered(MALFORMED)
        return answer


def schema_of(form: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of ``form`` as structured outputs understand it."""
    return transform_schema(form)


# ---- from the SDK's records


def _answered(message: Message) -> Answered:
    # A body that is JSON but no message comes as a message without anything in it.
    blocks = [block for block in message.content or () if isinstance(block, TextBlock)]
    said = tuple(Said(text=block.text, cited=_cited(block)) for block in blocks)
    return Answered(said=said, stop=message.stop_reason, used=_used(message.usage))


def _cited(block: TextBlock) -> tuple[Cited, ...]:
    return tuple(
        Cited(
            search_result=each.search_result_index,
            start=each.start_block_index,
            end=each.end_block_index,
            text=each.cited_text,
        )
        for each in block.citations or ()
        if isinstance(each, CitationsSearchResultLocation)
    )


def _used(usage: Usage | None) -> Tokens | None:
    if usage is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return Tokens(
        input=usage.input_tokens,
        output=usage.output_tokens,
        cache_read=usage.cache_read_input_tokens or 0,
        cache_write=usage.cache_creation_input_tokens or 0,
    )


def _batch(batch: MessageBatch) -> Batch:
    size = sum(batch.request_counts.model_dump().values())
    return Batch(id=batch.id, ended=batch.processing_status == "ended", made_at=batch.created_at, size=size)


def _result(one: MessageBatchIndividualResponse) -> BatchResult:
    if isinstance(one.result, MessageBatchSucceededResult):
        return BatchResult(kind=one.result.type, answered=_answered(one.result.message))
    return BatchResult(kind=one.result.type)


def _told(
    call: _Call,
    outcome: str,
    answered: Answered | None = None,
    used: Tokens | None = None,
    usd: float = 0.0,
) -> ModelCall:
    used = used or Tokens()
    return ModelCall(
        purpose=call.purpose,
        model=str(call.body["model"]),
        channel=call.channel,
        request_sha256=_sha256(call.body),
        response_sha256=None if answered is None else _sha256(asdict(answered)),
        input_tokens=used.input,
        output_tokens=used.output,
        cache_read_tokens=used.cache_read,
        cache_write_tokens=used.cache_write,
        usd=usd,
        seconds=monotonic() - call.begun,
        outcome=outcome,
    )


def _sha256(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _unanswered(error: Exception) -> Unanswered:
    if isinstance(error, NotFoundError) and "batch" in str(error.request.url.path):
        return Unanswered(GONE, final=True, certain=True)
    if isinstance(error, APIStatusError) and error.status_code >= 400:
        return _by_status(error)
    if isinstance(error, APIResponseValidationError | json.JSONDecodeError):
        return Unanswered(MALFORMED)
    return Unanswered(NO_ANSWER, again=True)


def _by_status(error: APIStatusError) -> Unanswered:
    status, headers = error.status_code, error.response.headers
    busy = status in _BUSY or status >= 500
    # What is wrong with the account or the model helps; what is wrong with a request could quote it.
    said = error.message if status in (401, 402, 403, 404) else f"request {error.request_id}"
    log.warning("Claude answered %d: %s", status, said)
    return Unanswered(
        f"Claude answered {status}",
        final=not busy,
        own=status in (400, 413, 422),  # 400 is also what a filter of contents answers
        certain=not busy or status in (429, 529),
        again=busy and headers.get("x-should-retry") != "false",
        pause=_asked_pause(headers),
    )


def _asked_pause(headers: Mapping[str, str]) -> float | None:
    """Seconds that the service asks to wait; None if it says nothing that can be read."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with contextlib.suppress(ValueError):
            if name in headers:
                return max(0.0, float(headers[name]) * unit)
    return None

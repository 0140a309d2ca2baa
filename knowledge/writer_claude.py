"""I/O: closed threads distilled by Claude, one by one or, many at a time, as a Message Batch at half the price."""

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self, TypeVar

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
from anthropic.types import Message, TextBlock, Usage
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from anthropic.types.messages import (
    DeletedMessageBatch,
    MessageBatch,
    MessageBatchIndividualResponse,
    MessageBatchSucceededResult,
)
from anthropic.types.messages.batch_create_params import Request as BatchRequest
from pydantic import ValidationError

from knowledge.distil_prompt import (
    ANSWER_TOKENS,
    MAX_CHARACTERS,
    SYSTEM,
    custom_id,
    estimated_tokens,
    prompt_of,
)
from knowledge.distilled import Answer, checked
from knowledge.distiller import (
    BatchLog,
    DistilReport,
    DistilRequest,
    DistilResult,
    Kept,
    OpenBatch,
    Outcome,
    StillWanted,
    all_wanted,
)

log = logging.getLogger(__name__)

API = "https://api.anthropic.com"
SCHEMA = transform_schema(Answer)
OVERHEAD = estimated_tokens(SYSTEM) + estimated_tokens(str(SCHEMA))
SKEW = timedelta(minutes=2)  # between this machine's clock and the service's
MOST_AT_ONCE = 5_000  # requests in one batch; the service takes 100 000, or 256 MB
LISTED = 100  # of the newest batches, when one is looked for whose id was not stored

# Why the offline choice stands. Fixed phrases: they are counted, and told to the admins.
SPENT = "the tokens of the night are spent"
TOO_LONG = "the thread is too long to send"
NO_ANSWER = "Claude could not be reached"
LATE = "Claude did not answer in time"
REFUSED = "Claude refused"
CUT_OFF = "the answer was cut off"
MALFORMED = "the answer does not fit the form"
NO_RESULT = "the batch has no result for it as it reads now"
EXPIRED = "the batch expired"
CANCELED = "the batch was cancelled"
ERRORED = "the request failed in the batch"
GONE = "the batch is gone"
UNREADABLE = "the results of the batch could not be read"

_STOPPED = {"refusal": REFUSED, "max_tokens": CUT_OFF, "model_context_window_exceeded": TOO_LONG}
_ENDS = {"errored": ERRORED, "expired": EXPIRED, "canceled": CANCELED}
# The last two come unwrapped: when a body breaks off, and when it says that it is JSON and is not.
_TRANSPORT = (AnthropicError, httpx2.HTTPError, json.JSONDecodeError)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """When a night becomes a batch, and how long anything may take (seconds).

    ``call``: one request with its retries. ``patience``: a batch; after it the batch is cancelled, and ``goodbye``
    is what that may take. ``poll`` to ``slowest_poll``: between two looks. ``failures``: so many requests in a row that
    are not answered end the calls of the night.
    """

    batch_above: int = 20
    call: float = 120.0
    patience: float = 3 * 3600.0
    goodbye: float = 300.0
    poll: float = 15.0
    slowest_poll: float = 300.0
    tries: int = 3
    failures: int = 3


@dataclass(slots=True)
class _Night:
    """What one call of ``distil`` came to so far."""

    name: str
    tokens: int
    wanted: StillWanted
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwanted: set[str] = field(default_factory=set)
    batches: list[str] = field(default_factory=list)
    calls: int = 0
    batched: int = 0
    read: int = 0
    written: int = 0
    failures: int = 0
    stopped: str = ""

    @property
    def left(self) -> int:
        return self.tokens - self.read - self.written

    def rest(self, requests: Sequence[DistilRequest]) -> list[DistilRequest]:
        return [each for each in requests if each.thread not in self.outcomes.keys() | self.unwanted]

    def charge(self, request: DistilRequest, usage: Usage | None) -> None:
        """Usage as counted by the service; where it is missing, as estimated."""
        self.calls += 1
        if usage is None or usage.input_tokens is None or usage.output_tokens is None:
            self.read += cost_of(request) - ANSWER_TOKENS
            self.written += ANSWER_TOKENS
            return
        cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
        self.read += usage.input_tokens + cached
        self.written += usage.output_tokens

    def take(self, request: DistilRequest, message: Message) -> None:
        """An answer: what it cost and says."""
        self.charge(request, message.usage)
        self.outcomes[request.thread] = outcome_of(request, message)

    def take_result(self, request: DistilRequest, response: MessageBatchIndividualResponse | None) -> None:
        if response is None:
            self.keep([request], NO_RESULT)  # the id names every word: with one gone it finds nothing
        elif isinstance(response.result, MessageBatchSucceededResult):
            self.batched += 1
            self.take(request, response.result.message)
        else:
            self.keep([request], _ENDS.get(response.result.type, NO_RESULT))

    def drop(self, threads: Set[str]) -> None:
        """These are wanted no more: whatever was said about them is dropped."""
        self.unwanted |= threads
        self.outcomes = {thread: one for thread, one in self.outcomes.items() if thread not in threads}

    def keep(self, requests: Sequence[DistilRequest], why: str) -> None:
        self.outcomes |= {request.thread: Kept(why=why) for request in requests}

    def fail(self, request: DistilRequest, why: str, *, final: bool, most: int) -> None:
        self.keep([request], why)
        self.failures += 1
        if final or self.failures >= most:
            self.stopped = why

    def result(self) -> DistilResult:
        fell_back = Counter(each.why for each in self.outcomes.values() if isinstance(each, Kept))
        report = DistilReport(
            calls=self.calls,
            input_tokens=self.read,
            output_tokens=self.written,
            batched=self.batched,
            fell_back=dict(fell_back),
        )
        return DistilResult(outcomes=dict(self.outcomes), report=report, batches=tuple(self.batches))


class _Unanswered(Exception):
    """A request came to nothing. ``final``: it always would. ``own``: another one may not. ``certain``: no effect."""

    def __init__(self, why: str, *, final: bool = False, own: bool = False, certain: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.final = final
        self.own = own
        self.certain = certain


class ClaudeDistiller:
    """Asks Claude within the night's tokens; whatever fails leaves the offline choice.

    A batch is noted in ``batches`` before it is created and under its id before it is waited for, so that after a
    crash its results are fetched, not paid for again. Only if the process dies between the service's making a batch
    and our storing its id, and no single batch listed there fits, that one batch is paid for in vain.
    """

    name = "claude"

    def __init__(
        self,
        api_key: str,
        model: str,
        batches: BatchLog,
        *,
        base_url: str | None = None,
        limits: Limits | None = None,
    ) -> None:
        # base_url is always given, so that no variable of the environment leads elsewhere unnoticed.
        self._client = AsyncAnthropic(api_key=api_key, base_url=base_url or API, max_retries=2)
        self._model = model
        self._log = batches
        self._limits = limits or Limits()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def distil(
        self,
        requests: Sequence[DistilRequest],
        *,
        night: str,
        tokens: int,
        wanted: StillWanted = all_wanted,
    ) -> DistilResult:
        """The outcomes of ``requests`` for at most about ``tokens`` tokens. Threads no longer wanted are left out."""
        run = _Night(name=night, tokens=tokens, wanted=wanted)
        requests = list({request.thread: request for request in requests}.values())
        run.keep([each for each in requests if _length(each) > MAX_CHARACTERS], TOO_LONG)
        for batch in await self._log.open():
            await wanted([])  # so that the caller sees that we are still at it
            await self._resume(run, batch, requests)
        while (rest := run.rest(requests)) and not run.stopped:
            affordable = _affordable(rest, run.left)
            if not affordable:
                run.stopped = SPENT
            elif len(affordable) > self._limits.batch_above:
                await self._in_batch(run, affordable)
            else:
                await self._directly(run, affordable)
        run.keep(run.rest(requests), run.stopped)
        return run.result()

    async def settle(self, result: DistilResult) -> None:
        """The results are stored: their batches are closed, and deleted at the service."""
        ids = {batch.key: batch.batch_id for batch in await self._log.open()}
        for key in result.batches:
            await self._log.close(key, "done")
            if batch_id := ids.get(key):
                await self._delete(batch_id)

    async def cancel(self, batch_id: str) -> None:
        """Stop a batch whose threads are forgotten; what is done of it already is not looked at.

        A batch that has ended is deleted at the service and closed. One that has not is cancelled, and stays open
        until a later call, or a later night, finds it ended.
        """
        for batch in await self._log.open():
            if batch.batch_id == batch_id:
                await self._give_up(batch.key, batch_id)

    async def _give_up(self, key: str, batch_id: str) -> None:
        try:
            if not await self._has_ended(batch_id):
                await self._asked(MessageBatch, lambda: self._client.messages.batches.cancel(batch_id))
                return
        except _Unanswered as failed:
            if failed.why == GONE:
                await self._log.close(key, "gone")
            return
        await self._delete(batch_id)
        await self._log.close(key, "canceled")

    # ---- one by one

    async def _directly(self, run: _Night, requests: Sequence[DistilRequest]) -> None:
        """Ask about each, as long as each fits into what the ones before left."""
        for request in requests:
            if run.stopped or cost_of(request) > run.left:
                return
            await self._about_one(run, request)

    async def _about_one(self, run: _Night, request: DistilRequest) -> None:
        try:
            message = await self._asked(
                Message, lambda: self._client.messages.create(**self._params(request))
            )
        except _Unanswered as failed:
            final = failed.final and not failed.own
            run.fail(request, failed.why, final=final, most=self._limits.failures)
            return
        run.failures = 0
        run.take(request, message)
        run.drop({request.thread} - await run.wanted([request.thread]))

    # ---- in a batch

    async def _in_batch(self, run: _Night, requests: Sequence[DistilRequest]) -> None:
        noted = await self._log.intend(run.name, [request.thread for request in requests])
        try:
            batch_id, found = await self._created(noted, requests)
        except _Unanswered as failed:
            if failed.certain:  # else it stays open: a later night looks for it
                await self._log.close(noted.key, "not created")
            run.keep(requests, failed.why)
            run.stopped = failed.why
            return
        if not found:
            await self._log.save(noted.key, batch_id)
        await self._collect(run, noted.key, batch_id, requests, found=found)

    async def _created(self, noted: OpenBatch, requests: Sequence[DistilRequest]) -> tuple[str, bool]:
        """The id of the new batch, and whether it was only found: a request that failed may have made a batch."""
        wished = [BatchRequest(custom_id=custom_id(each), params=self._params(each)) for each in requests]
        once = self._client.with_options(max_retries=0)
        for left in reversed(range(self._limits.tries)):
            try:
                made = await self._asked(MessageBatch, lambda: once.messages.batches.create(requests=wished))
                return made.id, False
            except _Unanswered as failed:
                found = None if failed.certain else await self._found(noted)
                if found is not None:
                    return found, True
                if failed.final or not left:
                    raise
            await asyncio.sleep(self._limits.poll)
        raise AssertionError("the last try returns or raises")

    async def _found(self, noted: OpenBatch) -> str | None:
        """The batch that was made for ``noted`` without our learning its id, if exactly one looks like it.

        Raises _Unanswered, final and never certain, while the service cannot be asked.
        """
        known = {batch.batch_id for batch in await self._log.open()}
        try:
            page = await self._asked(AsyncPage, lambda: self._client.messages.batches.list(limit=LISTED))
        except _Unanswered as failed:
            raise _Unanswered(failed.why, final=True) from failed
        fitting = [batch.id for batch in page.data if batch.id not in known and _fits(batch, noted)]
        return fitting[0] if len(fitting) == 1 else None

    async def _resume(self, run: _Night, batch: OpenBatch, requests: Sequence[DistilRequest]) -> None:
        """Fetch what a process before this one paid for."""
        concerned = [each for each in run.rest(requests) if each.thread in batch.threads]
        if batch.batch_id is None:
            await self._recover(run, batch, concerned)
        elif concerned:
            await self._collect(run, batch.key, batch.batch_id, concerned)
        else:
            await self._give_up(batch.key, batch.batch_id)

    async def _recover(self, run: _Night, noted: OpenBatch, requests: Sequence[DistilRequest]) -> None:
        """Look for a batch that may have been made before a crash; without use for it, it is let go."""
        try:
            batch_id = await self._found(noted) if requests else None
        except _Unanswered as failed:
            run.keep(requests, failed.why)  # asking anew could mean to pay twice
            return
        if batch_id is None:
            await self._log.close(noted.key, "lost")
        else:
            await self._collect(run, noted.key, batch_id, requests, found=True)

    async def _collect(
        self, run: _Night, key: str, batch_id: str, requests: Sequence[DistilRequest], *, found: bool = False
    ) -> None:
        """Wait for a batch and take its results. Its key is given to the caller, who settles it.

        One that was only ``found`` may be somebody else's, who shares our account: it is neither stored, cancelled nor
        deleted before a result of ours was seen in it.
        """
        try:
            await self._wait(run, batch_id, cancel=not found)
            results = await self._results(batch_id)
        except _Unanswered as failed:
            run.keep(requests, failed.why)
            run.batches += [] if found else [key]
            return
        if found and not any(custom_id(request) in results for request in requests):
            await self._log.close(key, "lost")
            return
        await self._log.save(key, batch_id)
        run.batches.append(key)
        for request in requests:
            run.take_result(request, results.get(custom_id(request)))
        threads = {request.thread for request in requests}
        run.drop(threads - await run.wanted(threads))

    async def _wait(self, run: _Night, batch_id: str, *, cancel: bool) -> None:
        """Until the batch has ended; if it takes too long it is cancelled, and what is done of it is still taken."""
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._ended(run, batch_id)
            return
        except TimeoutError:
            log.warning("batch %s took longer than %.0f s", batch_id, self._limits.patience)
        if not cancel:
            raise _Unanswered(LATE)
        await self._asked(MessageBatch, lambda: self._client.messages.batches.cancel(batch_id))
        try:
            async with asyncio.timeout(self._limits.goodbye):
                await self._ended(run, batch_id)
        except TimeoutError:
            raise _Unanswered(LATE) from None

    async def _ended(self, run: _Night, batch_id: str) -> None:
        pause = self._limits.poll
        while not await self._has_ended(batch_id):
            await asyncio.sleep(pause)
            await run.wanted([])  # as above
            pause = min(pause * 1.5, self._limits.slowest_poll)

    async def _has_ended(self, batch_id: str) -> bool:
        """Whether it has; not being told for a while is no reason to give up what is paid for."""
        try:
            batch = await self._asked(MessageBatch, lambda: self._client.messages.batches.retrieve(batch_id))
        except _Unanswered as failed:
            if failed.final:
                raise
            return False
        return batch.processing_status == "ended"

    async def _results(self, batch_id: str) -> Mapping[str, MessageBatchIndividualResponse]:
        """The results by custom id; what of them cannot be read is left out."""
        for left in reversed(range(self._limits.tries)):
            try:
                return await self._asked(dict, lambda: self._lines(batch_id))
            except _Unanswered as failed:
                if failed.final or not left:
                    raise _Unanswered(failed.why if failed.final else UNREADABLE) from failed
            await asyncio.sleep(self._limits.poll)
        raise AssertionError("the last try returns or raises")

    async def _lines(self, batch_id: str) -> dict[str, MessageBatchIndividualResponse]:
        found: dict[str, MessageBatchIndividualResponse] = {}
        # Line by line, because the client's own decoder gives up the rest at the first bad line.
        async with self._client.messages.batches.with_streaming_response.results(batch_id) as response:
            async for line in response.iter_lines():
                with contextlib.suppress(json.JSONDecodeError, TypeError):
                    one = MessageBatchIndividualResponse.construct(**json.loads(line))
                    found[one.custom_id] = one
        if not found:
            raise _Unanswered(UNREADABLE)
        return found

    async def _delete(self, batch_id: str) -> None:
        """The service would keep requests and answers for 29 days more."""
        try:
            await self._asked(DeletedMessageBatch, lambda: self._client.messages.batches.delete(batch_id))
        except _Unanswered as failed:
            log.warning("batch %s could not be deleted at the service (%s)", batch_id, failed.why)

    # ---- requests

    def _params(self, request: DistilRequest) -> MessageCreateParamsNonStreaming:
        return MessageCreateParamsNonStreaming(
            model=self._model,
            max_tokens=ANSWER_TOKENS,
            system=SYSTEM,
            messages=[{"role": "user", "content": prompt_of(request)}],
            output_config={"format": {"type": "json_schema", "schema": SCHEMA}},
        )

    async def _asked(self, kind: type[T], call: Callable[[], Awaitable[T]]) -> T:
        """The answer of ``call``, in time and of its ``kind``. Raises _Unanswered.

        The client obeys any Retry-After, however long and whatever its own timeout is; hence the outer one.
        """
        try:
            async with asyncio.timeout(self._limits.call):
                answer = await call()
        except TimeoutError:
            raise _Unanswered(LATE) from None
        except _TRANSPORT as error:
            raise _unanswered(error) from error
        if not isinstance(answer, kind):  # a proxy's page, or no JSON: the client hands it on as text
            raise _Unanswered(MALFORMED)
        return answer


def _unanswered(error: Exception) -> _Unanswered:
    if isinstance(error, NotFoundError) and "batch" in str(error.request.url.path):
        return _Unanswered(GONE, final=True, certain=True)
    if isinstance(error, APIStatusError) and error.status_code >= 400:
        status = error.status_code
        busy = status in (408, 409, 429) or status >= 500
        # What is wrong with the account or the model helps; what is wrong with a request could quote it.
        said = error.message if status in (401, 402, 403, 404) else f"request {error.request_id}"
        log.warning("Claude answered %d: %s", status, said)
        return _Unanswered(
            f"Claude answered {status}",
            final=not busy,
            own=status in (400, 413, 422),  # 400 is also what a filter of contents answers
            certain=not busy or status in (429, 529),
        )
    if isinstance(error, APIResponseValidationError | json.JSONDecodeError):
        return _Unanswered(MALFORMED)
    return _Unanswered(NO_ANSWER)


def outcome_of(request: DistilRequest, message: Message) -> Outcome:
    """What a complete answer says, checked; ``Kept`` if it is none or does not hold."""
    if not message.content:
        return Kept(why=_STOPPED.get(message.stop_reason or "", MALFORMED))
    if message.stop_reason != "end_turn":
        return Kept(why=_STOPPED.get(message.stop_reason or "", MALFORMED))
    text = "".join(block.text for block in message.content if isinstance(block, TextBlock))
    try:
        answer = Answer.model_validate_json(text)
    except ValidationError:
        return Kept(why=MALFORMED)
    return checked(request, answer)


def cost_of(request: DistilRequest) -> int:
    """Tokens that one request may take at most, as estimated, its answer included."""
    return OVERHEAD + estimated_tokens(prompt_of(request)) + ANSWER_TOKENS


def _affordable(requests: Sequence[DistilRequest], tokens: int) -> list[DistilRequest]:
    """As many of ``requests``, from the first on, as surely fit into ``tokens``."""
    fitting: list[DistilRequest] = []
    for request in requests[:MOST_AT_ONCE]:
        tokens -= cost_of(request)
        if tokens < 0:
            break
        fitting.append(request)
    return fitting


def _length(request: DistilRequest) -> int:
    return sum(len(told.text) for told in request.messages)


def _fits(batch: MessageBatch, noted: OpenBatch) -> bool:
    """Whether ``batch`` could be the one that was about to be made: not older, and of as many requests."""
    requests = sum(batch.request_counts.model_dump().values())
    return batch.created_at >= noted.at - SKEW and requests == len(noted.threads)

"""I/O: closed threads distilled by Claude, one by one or, many at a time, as a Message Batch at half the price."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from pydantic import ValidationError

from knowledge.claude import (
    GONE,
    LATE,
    MALFORMED,
    TOO_LONG,
    UNREADABLE,
    Answered,
    Batch,
    BatchResult,
    Body,
    Claude,
    Patience,
    Unanswered,
    schema_of,
)
from knowledge.claude_prices import Prices, Tokens, estimated_tokens
from knowledge.distil_prompt import ANSWER_TOKENS, MAX_CHARACTERS, SYSTEM, custom_id, prompt_of
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
from knowledge.model_calls import CallLog

log = logging.getLogger(__name__)

SCHEMA = schema_of(Answer)
OVERHEAD = estimated_tokens(SYSTEM) + estimated_tokens(str(SCHEMA))
SKEW = timedelta(minutes=2)  # between this machine's clock and the service's
MOST_AT_ONCE = 5_000  # requests in one batch; the service takes 100 000, or 256 MB
LISTED = 100  # of the newest batches, when one is looked for whose id was not stored

# Why the offline choice stands, beside what ``knowledge.claude`` says. Fixed phrases: they are counted, and told.
SPENT = "the tokens of the night are spent"
NO_RESULT = "the batch has no result for it as it reads now"
EXPIRED = "the batch expired"
CANCELED = "the batch was cancelled"
ERRORED = "the request failed in the batch"

_ENDS = {"errored": ERRORED, "expired": EXPIRED, "canceled": CANCELED}


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

    def charge(self, request: DistilRequest, used: Tokens | None) -> None:
        """Tokens as counted by the service; where it did not say, as estimated."""
        self.calls += 1
        if used is None:
            self.read += cost_of(request) - ANSWER_TOKENS
            self.written += ANSWER_TOKENS
            return
        self.read += used.total - used.output
        self.written += used.output

    def take(self, request: DistilRequest, answered: Answered) -> None:
        """An answer: what it cost and says."""
        self.charge(request, answered.used)
        self.outcomes[request.thread] = outcome_of(request, answered)

    def take_result(self, request: DistilRequest, result: BatchResult | None) -> None:
        if result is None:
            self.keep([request], NO_RESULT)  # the id names every word: with one gone it finds nothing
        elif result.answered is not None:
            self.batched += 1
            self.take(request, result.answered)
        else:
            self.keep([request], _ENDS.get(result.kind, NO_RESULT))

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
        calls: CallLog | None = None,
        prices: Callable[[], Prices] = Prices,
    ) -> None:
        self._limits = limits or Limits()
        patience = Patience(call=self._limits.call, attempt=self._limits.call, tries=self._limits.tries)
        self._claude = Claude(api_key, base_url=base_url, patience=patience, calls=calls, prices=prices)
        self._model = model
        self._log = batches

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._claude.__aexit__()

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
                await self._claude.cancel_batch(batch_id)
                return
        except Unanswered as failed:
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
            answered = await self._claude.answer(self._body(request), "distil")
        except Unanswered as failed:
            final = failed.final and not failed.own
            run.fail(request, failed.why, final=final, most=self._limits.failures)
            return
        run.failures = 0
        run.take(request, answered)
        run.drop({request.thread} - await run.wanted([request.thread]))

    # ---- in a batch

    async def _in_batch(self, run: _Night, requests: Sequence[DistilRequest]) -> None:
        noted = await self._log.intend(run.name, [request.thread for request in requests])
        try:
            batch_id, found = await self._created(noted, requests)
        except Unanswered as failed:
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
        wished = {custom_id(each): self._body(each) for each in requests}
        for left in reversed(range(self._limits.tries)):
            try:
                return await self._claude.create_batch(wished), False
            except Unanswered as failed:
                found = None if failed.certain else await self._found(noted)
                if found is not None:
                    return found, True
                if failed.final or not left:
                    raise
            await asyncio.sleep(self._limits.poll)
        raise AssertionError("the last try returns or raises")

    async def _found(self, noted: OpenBatch) -> str | None:
        """The batch that was made for ``noted`` without our learning its id, if exactly one looks like it.

        Raises Unanswered, final and never certain, while the service cannot be asked.
        """
        known = {batch.batch_id for batch in await self._log.open()}
        try:
            newest = await self._claude.newest_batches(LISTED)
        except Unanswered as failed:
            raise Unanswered(failed.why, final=True) from failed
        fitting = [batch.id for batch in newest if batch.id not in known and _fits(batch, noted)]
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
        except Unanswered as failed:
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
        except Unanswered as failed:
            run.keep(requests, failed.why)
            run.batches += [] if found else [key]
            return
        if found and not any(custom_id(request) in results for request in requests):
            await self._log.close(key, "lost")
            return
        await self._log.save(key, batch_id)
        run.batches.append(key)
        for request in requests:
            result = results.get(custom_id(request))
            run.take_result(request, result)
            if result is not None and result.answered is not None:
                await self._claude.tell_batched(self._body(request), "distil", result.answered)
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
            raise Unanswered(LATE)
        await self._claude.cancel_batch(batch_id)
        try:
            async with asyncio.timeout(self._limits.goodbye):
                await self._ended(run, batch_id)
        except TimeoutError:
            raise Unanswered(LATE) from None

    async def _ended(self, run: _Night, batch_id: str) -> None:
        pause = self._limits.poll
        while not await self._has_ended(batch_id):
            await asyncio.sleep(pause)
            await run.wanted([])  # as above
            pause = min(pause * 1.5, self._limits.slowest_poll)

    async def _has_ended(self, batch_id: str) -> bool:
        """Whether it has; not being told for a while is no reason to give up what is paid for."""
        try:
            return (await self._claude.batch(batch_id)).ended
        except Unanswered as failed:
            if failed.final:
                raise
            return False

    async def _results(self, batch_id: str) -> Mapping[str, BatchResult]:
        """The results by custom id; what of them cannot be read is left out."""
        for left in reversed(range(self._limits.tries)):
            try:
                return await self._claude.batch_results(batch_id)
            except Unanswered as failed:
                if failed.final or not left:
                    raise Unanswered(failed.why if failed.final else UNREADABLE) from failed
            await asyncio.sleep(self._limits.poll)
        raise AssertionError("the last try returns or raises")

    async def _delete(self, batch_id: str) -> None:
        """The service would keep requests and answers for 29 days more."""
        try:
            await self._claude.delete_batch(batch_id)
        except Unanswered as failed:
            log.warning("batch %s could not be deleted at the service (%s)", batch_id, failed.why)

    # ---- requests

    def _body(self, request: DistilRequest) -> Body:
        return {
            "model": self._model,
            "max_tokens": ANSWER_TOKENS,
            "system": SYSTEM,
            "messages": [{"role": "user", "content": prompt_of(request)}],
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
        }


def outcome_of(request: DistilRequest, answered: Answered) -> Outcome:
    """What a complete answer says, checked; ``Kept`` if it is none or does not hold."""
    if answered.problem is not None:
        return Kept(why=answered.problem)
    try:
        answer = Answer.model_validate_json(answered.text)
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


def _fits(batch: Batch, noted: OpenBatch) -> bool:
    """Whether ``batch`` could be the one that was about to be made: not older, and of as many requests."""
    return batch.made_at >= noted.at - SKEW and batch.size == len(noted.threads)

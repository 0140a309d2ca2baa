"""What a night with Claude costs a thread: the real client sends real threads to a Claude API on this machine.

Data: the first threads of ``channels/redash.jsonl`` that are worth mining. Characters are counted as sent. Tokens are
estimates: ``budget`` is the one against which `night.tokens` is held (a third of a token a character and 1.5 a
character beyond ASCII, with room for the longest answer), ``likely`` takes four characters for a token. What is
answered is the offline judge's choice in the form that Claude is asked for. A batch sends the same tokens at half the
price.
"""

import argparse
import asyncio
import json
import math
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from knowledge.distil_prompt import ANSWER_TOKENS, prompt_of
from knowledge.distiller import Distilled, DistilRequest, DistilResult, OpenBatch, request_of
from knowledge.distiller_claude import ClaudeDistiller, Limits, cost_of
from knowledge.entry import WORKSPACE
from knowledge.mine import mine
from knowledge.recordings import read_recording
from knowledge.thread import Message, thread_of
from tests.local_anthropic import LocalAnthropic, Says

DATA = Path(__file__).parents[2] / "shared" / "data"
CLOSED_AFTER = timedelta(days=7)
LIKELY = 4  # characters a token
PLENTY = 10**9  # tokens
BUDGET = 200_000  # `night.tokens` by default


@dataclass(slots=True)
class _Log:
    """Batches in memory."""

    rows: dict[str, OpenBatch] = field(default_factory=dict)

    async def intend(self, night: str, threads: Sequence[str]) -> OpenBatch:
        at = datetime.now(UTC)
        self.rows["k"] = OpenBatch(key="k", batch_id=None, night=night, threads=tuple(threads), at=at)
        return self.rows["k"]

    async def save(self, key: str, batch_id: str) -> None:
        self.rows[key] = replace(self.rows[key], batch_id=batch_id)

    async def open(self) -> Sequence[OpenBatch]:
        return list(self.rows.values())

    async def close(self, key: str, state: str) -> None:
        del self.rows[key], state


def main(argv: Sequence[str]) -> int:
    """Print characters and tokens a thread, one by one and in a batch. 0 also where the data is missing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks night_tokens", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/")
    parser.add_argument("--threads", type=int, default=200, help="how many (default 200)")
    arguments = parser.parse_args(argv)
    path = arguments.data / "channels" / "redash.jsonl"
    if not path.is_file():
        print(f"skipped: {path} is missing; give the folder with --data")
        return 0
    requests = list(islice(_requests(path), arguments.threads))
    print(f"{len(requests)} threads of {path.name}{'':<30}  median      p90      sum")
    asyncio.run(_measure(requests))
    return 0


def _requests(path: Path) -> Iterator[DistilRequest]:
    """The threads that are worth mining, oldest first."""
    said: dict[str, list[Message]] = defaultdict(list)
    for message in read_recording(path).messages:
        said[message.thread].append(message)
    for messages in said.values():
        thread = thread_of(messages)
        closed_at = thread.messages[-1].at + CLOSED_AFTER
        if entry := mine(thread, audience=WORKSPACE, closed_at=closed_at).entry:
            yield request_of(entry)


async def _measure(requests: Sequence[DistilRequest]) -> None:
    answers = {prompt_of(request): _answer(request) for request in requests}
    with LocalAnthropic() as api:
        api.otherwise = lambda params: Says(answers[params["messages"][0]["content"]])
        direct = await _night(api, requests, batch_above=len(requests))
        batched = await _night(api, requests, batch_above=0)
        sent = [_size(call.body) for call in api.calls("messages.create")]
        [batch] = api.calls("batches.create")
        if api.violations:
            raise AssertionError(f"the local API refused: {api.violations[0]}")
    in_batch = [_size(one) for one in batch.body["requests"]]
    said = [_size(answers[prompt_of(request)]) for request in requests]
    budgeted = [cost_of(request) for request in requests]
    _row("characters of a thread as it is told", [len(prompt_of(request)) for request in requests])
    _row("characters sent, one by one", sent)
    _row("characters sent, in a batch", in_batch)
    _row("tokens in, likely", [math.ceil(size / LIKELY) for size in sent])
    _row("tokens out, likely", [math.ceil(size / LIKELY) for size in said])
    _row("tokens in, budget", [cost - ANSWER_TOKENS for cost in budgeted])
    _row("tokens reserved, budget", budgeted)
    likely = statistics.mean((a + b) / LIKELY for a, b in zip(sent, said, strict=True))
    print(f"night.tokens {BUDGET} are likely enough for {BUDGET / likely:.0f} threads")
    _outcomes("one by one", direct)
    _outcomes("in a batch", batched)


async def _night(api: LocalAnthropic, requests: Sequence[DistilRequest], *, batch_above: int) -> DistilResult:
    limits = Limits(batch_above=batch_above, poll=0.05)
    log, model = _Log(), "claude-haiku-5-5"
    async with ClaudeDistiller(api.key, model, log, base_url=api.base_url, limits=limits) as writer:
        return await writer.distil(requests, night="2026-01-01", tokens=PLENTY)


def _answer(request: DistilRequest) -> dict[str, Any]:
    """The offline choice as Claude would say it."""
    texts = {told.key: told.text for told in request.messages}
    return {
        "worth": True,
        "why_not": "worth it",
        "title": " ".join(texts[request.problem[0]].split())[:80],
        "problem": [{"source": key, "quote": texts[key]} for key in request.problem],
        "solution": [{"source": key, "quote": texts[key]} for key in request.solution],
        "products": [],
        "temporary": False,
        "needs_review": False,
        "review_reason": "no doubt",
    }


def _size(body: object) -> int:
    return len(json.dumps(body, ensure_ascii=False))


def _row(name: str, values: Sequence[int]) -> None:
    p90 = statistics.quantiles(values, n=10)[-1] if len(values) > 1 else values[0]
    print(f"  {name:<40} {statistics.median(values):>12.0f} {p90:>8.0f} {sum(values):>8}")


def _outcomes(name: str, result: DistilResult) -> None:
    held = sum(isinstance(one, Distilled) for one in result.outcomes.values())
    print(
        f"{name}: {held} of {len(result.outcomes)} held against their thread; {dict(result.report.fell_back)}"
    )

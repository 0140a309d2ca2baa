"""Closed threads to distil for tests, answers about them, and a log of batches in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.distiller import DistilRequest, OpenBatch, request_of
from knowledge.entry import WORKSPACE, KnowledgeEntry
from knowledge.mine import mine
from knowledge.thread import Message, thread_of

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
ASKED = "Since the upgrade to 3.2 the worker stops with QRY-1042.\nHow can I make it start again?"
CHATTER = "Never had that one."
SOLVED = "Do not delete /var/spool/queue.\nRun `app spool clean --older 7d` and restart the worker."
THANKS = "That was it, it works now, thanks!"
LINES = (("ann", ASKED), ("bob", CHATTER), ("cat", SOLVED), ("ann", THANKS))


def mined(number: int = 1, lines: Sequence[tuple[str, str]] = LINES) -> KnowledgeEntry:
    """What the offline judge makes of a thread of ``lines`` (who, what), ten minutes apart."""
    messages = [
        Message(
            id=f"slack:T1/C1/{number}.{place}",
            channel="slack:T1/C1",
            thread=f"slack:T1/C1/{number}.0",
            user=f"slack:T1/{user}",
            at=START + timedelta(minutes=10 * place),
            text=text,
        )
        for place, (user, text) in enumerate(lines)
    ]
    result = mine(thread_of(messages), audience=WORKSPACE, closed_at=START + timedelta(days=1))
    assert result.entry is not None, result.why
    return result.entry


def request(number: int = 1) -> DistilRequest:
    return request_of(mined(number))


def requests(count: int) -> list[DistilRequest]:
    """As many threads, each with words of its own: ``worker number 7``."""
    return [
        request_of(mined(n, [("ann", f"{ASKED} It is worker number {n}."), *LINES[1:]])) for n in range(count)
    ]


def answer(**changes: Any) -> dict[str, Any]:
    """A good answer about ``LINES``, as JSON."""
    good = {
        "worth": True,
        "why_not": "worth it",
        "title": "Worker stops with QRY-1042 after an upgrade",
        "problem": [{"source": "m1", "quote": "Since the upgrade to 3.2 the worker stops with QRY-1042."}],
        "solution": [{"source": "m3", "quote": "Run `app spool clean --older 7d` and restart the worker."}],
        "products": [],
        "temporary": False,
        "needs_review": False,
        "review_reason": "no doubt",
    }
    return good | changes


class MemoryBatchLog:
    """Keeps batches in memory. ``states`` is how each ended."""

    def __init__(self) -> None:
        self.rows: dict[str, OpenBatch] = {}
        self.states: dict[str, str] = {}

    async def intend(self, night: str, threads: Sequence[str]) -> OpenBatch:
        key = f"k{len(self.rows)}"
        at = datetime.now(UTC)
        self.rows[key] = OpenBatch(key=key, batch_id=None, night=night, threads=tuple(threads), at=at)
        return self.rows[key]

    async def save(self, key: str, batch_id: str) -> None:
        self.rows[key] = replace(self.rows[key], batch_id=batch_id)

    async def open(self) -> Sequence[OpenBatch]:
        return [row for key, row in self.rows.items() if key not in self.states]

    async def close(self, key: str, state: str) -> None:
        self.states[key] = state

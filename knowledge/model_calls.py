"""What one call of a model took, as it is kept: hashes, tokens and a price, never a text. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Purpose = Literal["answer", "distil", "rewrite", "summarise"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCall:
    """One request to a model and what came of it.

    ``request_sha256`` and ``response_sha256`` are hex digests of the bodies as sent and received; the latter is None
    where nothing was received. Tokens are counts as the service gave them, ``usd`` US dollars, ``seconds`` how long it
    took, retries included. ``channel``: for which channel, by whole id; None for none. ``outcome`` is one word or
    two of ours, such as "answered" or "rate limited", never what the service wrote.
    """

    at: datetime
    purpose: Purpose
    model: str
    channel: str | None
    request_sha256: str
    response_sha256: str | None
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    usd: float
    seconds: float
    outcome: str


class CallLog(Protocol):
    """Where model calls are kept."""

    async def called(self, call: ModelCall) -> None:
        """Keep a call; it is durable when this returns."""
        ...

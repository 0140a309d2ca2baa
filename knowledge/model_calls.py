"""What one call of a language model was: hashes, tokens, price. Pure."""

from dataclasses import dataclass
from typing import Literal, Protocol

Purpose = Literal["answer", "distil", "rewrite", "summarise"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCall:
    """One request to a model, without a word of what was said.

    ``channel`` is None where the call is about no one channel. The hashes are SHA-256 in hexadecimal digits;
    ``response_sha256`` is None where no answer came. ``input_tokens`` are those neither read from nor written to the
    cache. Tokens and ``usd`` are as the service counted them; 0 where it did not say. ``seconds`` is how long it took.
    ``outcome`` is a fixed short phrase: ``answered``, or why it came to nothing.
    """

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
    """Remembers model calls."""

    async def called(self, call: ModelCall) -> None:
        """A call ended. Durable when this returns."""
        ...

"""What tokens of Claude cost, and about how many tokens a request is. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

MILLION = 1_000_000
BATCH = 0.5  # of the price, in a Message Batch
CACHE_READ = 0.1  # of the price of input; a little more than some models take
CACHE_WRITE = 1.25  # of the price of input, for five minutes
IMAGE_TOKENS = 5_000  # of one image at most, rather too many: models with high resolution take up to 4 784


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float


# List prices of the model pages at https://platform.claude.com/docs/en/about-claude/models, read in November 2026.
# Requests here stay below 100 000 tokens, from where on some models cost more.
PRICES: Mapping[str, Price] = MappingProxyType(
    {
        "claude-fable-5-1": Price(input=10, output=50),
        "claude-fable-5": Price(input=10, output=50),
        "claude-opus-5-5": Price(input=4, output=20),
        "claude-opus-5": Price(input=5, output=25),
        "claude-opus-4-6": Price(input=5, output=25),
        "claude-opus-4-5": Price(input=5, output=25),
        "claude-sonnet-5-5": Price(input=2, output=10),
        "claude-sonnet-5": Price(input=2, output=10),
        "claude-sonnet-4-6": Price(input=3, output=15),
        "claude-sonnet-4-5": Price(input=3, output=15),
        "claude-haiku-5-5": Price(input=0.1, output=0.5),
        "claude-haiku-4-5": Price(input=1, output=5),
    }
)
# What an unknown model is taken to cost, so that a budget holds rather too early than too late.
DEAREST = Price(input=10, output=50)

_AROUND = re.compile(r"^.*/|[@-]20\d{6}$")  # a gateway's prefix, the date of a snapshot


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """What a call used; ``input`` without what was read from or written to the cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        return self.input + self.output + self.cache_read + self.cache_write


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """Prices by model: the workspace's ``own`` before the list's."""

    own: Mapping[str, Price] = field(default_factory=dict)

    def of(self, model: str) -> Price | None:
        """None if the model is not known."""
        name = _AROUND.sub("", model)
        return self.own.get(model) or self.own.get(name) or PRICES.get(name)

    def usd(self, model: str, tokens: Tokens, *, batch: bool = False) -> float:
        """US dollars; of an unknown model rather too many."""
        price = self.of(model) or DEAREST
        read = tokens.input + CACHE_READ * tokens.cache_read + CACHE_WRITE * tokens.cache_write
        whole = (read * price.input + tokens.output * price.output) / MILLION
        return whole * BATCH if batch else whole


def estimated_tokens(text: str) -> int:
    """About how many tokens ``text`` is, rather too many: a third of a token a character, 1.5 beyond ASCII."""
    ascii_count = sum(character.isascii() for character in text)
    return math.ceil(ascii_count / 3 + 1.5 * (len(text) - ascii_count))


def at_most(body: Mapping[str, Any]) -> Tokens:
    """What a request may use at most, about: all it says (written to the cache, which is dearest) and a full answer."""
    said = {name: body[name] for name in ("system", "messages", "output_config", "tools") if name in body}
    return Tokens(cache_write=_tokens_in(said), output=int(body["max_tokens"]))


def _tokens_in(value: Any) -> int:
    if isinstance(value, str):
        return estimated_tokens(value) + 4
    if isinstance(value, Mapping):
        if value.get("type") == "image":
            return IMAGE_TOKENS
        return sum(_tokens_in(key) + _tokens_in(inner) for key, inner in value.items())
    return sum(map(_tokens_in, value)) if isinstance(value, list | tuple) else 4

"""The prompt cache: what a request marks is written once and read for five minutes, if it is long enough."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KEPT = 300.0  # seconds after the last use
# Tokens that a marked prefix needs at least; below it nothing is kept, and nobody says so.
_FLOORS = {"claude-haiku-4-5": 4_096, "claude-opus-5": 512, "claude-opus-5-5": 512, "claude-fable-5-1": 512}
FLOOR = 1_024


def tokens(value: Any) -> int:
    """As a fair counter counts: a token for four characters; a picture by its size would be more."""
    if isinstance(value, Mapping) and value.get("type") == "image":
        return 1_500
    if isinstance(value, Mapping):
        return sum(tokens(inner) for inner in value.values())
    if isinstance(value, list):
        return sum(tokens(inner) for inner in value)
    return math.ceil(len(str(value)) / 4)


@dataclass(slots=True)
class PromptCache:
    """By model and marked prefix, when it was last used."""

    used: dict[str, float] = field(default_factory=dict)

    def usage(self, params: Mapping[str, Any]) -> dict[str, int] | None:
        """The tokens of a request; None if it marks nothing."""
        prefix = _marked(params)
        if prefix is None:
            return None
        long, whole = tokens(prefix), tokens(prefix) + tokens(_rest(params, prefix))
        if long < _FLOORS.get(params["model"], FLOOR):
            return _usage(whole, 0, 0)
        key = json.dumps([params["model"], prefix], sort_keys=True)
        known = time.monotonic() - self.used.get(key, -KEPT) < KEPT
        self.used[key] = time.monotonic()
        return _usage(whole - long, 0, long) if known else _usage(whole - long, long, 0)


def _usage(rest: int, written: int, read: int) -> dict[str, int]:
    return {"input_tokens": rest, "cache_creation_input_tokens": written, "cache_read_input_tokens": read}


def _marked(params: Mapping[str, Any]) -> list[Any] | None:
    """The blocks of the system prompt up to the last that is marked; other places are not used here."""
    system = params.get("system")
    if not isinstance(system, list):
        return None
    marks = [place for place, block in enumerate(system) if block.get("cache_control")]
    return system[: marks[-1] + 1] if marks else None


def _rest(params: Mapping[str, Any], prefix: list[Any]) -> list[Any]:
    return [*params["system"][len(prefix) :], *params["messages"]]

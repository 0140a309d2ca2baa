"""What the model says to one request, and how that looks as a message or as a line of a batch's results."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .citing import Cites, Finds, content, found

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Says:
    """The answer, complete. A dict is said as JSON."""

    what: str | Json
    input_tokens: int = 1_000
    output_tokens: int = 200
    delay: float = 0.0

    @property
    def text(self) -> str:
        return self.what if isinstance(self.what, str) else json.dumps(self.what, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Stops:
    """The answer ends for another reason: ``refusal``, ``max_tokens`` (in the middle of ``text``), … None: for none,
    as when it is cut off on its way."""

    reason: str | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SaysNothing:
    """A message without content, stop reason and usage. In a batch: no line at all."""


@dataclass(frozen=True, slots=True)
class Errs:
    """The request fails on its own: status 400, or ``errored`` in a batch."""


@dataclass(frozen=True, slots=True)
class Expires:
    """In a batch: the day was over before it was its turn."""


@dataclass(frozen=True, slots=True)
class Garbles:
    """In a batch: its line is no JSON."""


Reply = Says | Stops | SaysNothing | Errs | Expires | Garbles | Cites | Finds


def message(
    reply: Reply, params: Mapping[str, Any], number: int, cached: Mapping[str, int] | None = None
) -> Json:
    """The message that ``reply`` to ``params`` is, as the API returns it. ``cached``: what it reads and writes."""
    model = params["model"]
    if isinstance(reply, SaysNothing):
        return {"id": f"msg_{number:05d}", "type": "message", "role": "assistant", "model": model}
    if isinstance(reply, Finds):
        reply = found(reply, params)
    text = reply.text if isinstance(reply, Says | Stops) else ""
    cited = content(reply, params) if isinstance(reply, Cites) else []
    written = math.ceil(sum(len(block["text"]) for block in cited) / 4)
    said = reply if isinstance(reply, Says) else Says("", output_tokens=written or 2_000)
    return {
        "id": f"msg_{number:05d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text, "citations": None}] if text else cited,
        "stop_reason": reply.reason if isinstance(reply, Stops) else "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": said.input_tokens,
            "output_tokens": said.output_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "service_tier": "standard",
            **(cached or {}),
        },
    }


def line(reply: Reply, custom_id: str, params: Mapping[str, Any], number: int) -> str | None:
    """The line of a batch's results; None where there is none."""
    if isinstance(reply, SaysNothing):
        return None
    if isinstance(reply, Garbles):
        return f'{{"custom_id": "{custom_id}", "result": {{"type": "succee'
    result: Json = {"type": "succeeded", "message": message(reply, params, number)}
    if isinstance(reply, Errs):
        result = {"type": "errored", "error": error("invalid_request_error", "it went wrong")}
    if isinstance(reply, Expires):
        result = {"type": "expired"}
    return json.dumps({"custom_id": custom_id, "result": result}, ensure_ascii=False)


def error(kind: str, text: str) -> Json:
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_local"}

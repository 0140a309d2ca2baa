"""What the Claude API refuses, as far as the published reference and the client's types tell. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .content_checks import problems_of_content

VERSION = "2026-10-21"
MODELS = frozenset(
    {
        "claude-fable-5-2",
        "claude-mythos-5-2",
        "claude-haiku-5-5",
        "claude-sonnet-5-5",
        "claude-opus-5-5",
        "claude-sonnet-5",
        "claude-opus-5",
        "claude-sonnet-4-6",
        "claude-haiku-4-5",
    }
)
_REQUIRED: dict[str, type] = {"model": str, "max_tokens": int, "messages": list}
_OPTIONAL: dict[str, type | tuple[type, ...]] = {
    "system": (str, list),
    "output_config": dict,
    "metadata": dict,
    "service_tier": str,
    "stop_sequences": list,
    "thinking": dict,
    "tools": list,
    "tool_choice": dict,
    "cache_control": dict,
    "stream": bool,
}
_CUSTOM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Of JSON schema, what structured outputs understand.
_OF_SCHEMA = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title",
    "anyOf", "$ref", "$defs", "format",
}  # fmt: skip


def problems_of_headers(headers: Mapping[str, str], key: str) -> Iterator[str]:
    if headers.get("authorization") != f"Bearer {key}":
        yield "authorization: is not the key"
    if headers.get("anthropic-version") != VERSION:
        yield f"anthropic-version: is {headers.get('anthropic-version')!r}, not {VERSION}"


def problems_of_message(body: Any, *, counting: bool = False) -> Iterator[str]:
    """What is wrong with the body of /v1/messages, of counting its tokens, or of one request of a batch."""
    if not isinstance(body, dict):
        yield "body: is no object"
        return
    required = {name: kind for name, kind in _REQUIRED.items() if not (counting and name == "max_tokens")}
    for name in body.keys() - required.keys() - _OPTIONAL.keys():
        yield f"{name}: Extra inputs are not permitted"
    for name, kind in required.items():
        if not isinstance(body.get(name), kind):
            yield f"{name}: Field required"
    for name in body.keys() & _OPTIONAL.keys():
        if not isinstance(body[name], _OPTIONAL[name]):
            yield f"{name}: has the wrong type"
    if body.get("model") not in MODELS:
        yield f"model: {body.get('model')!r} does not exist"
    if not counting and not 1 <= (body.get("max_tokens") or 0) <= 64_000:
        yield "max_tokens: must be between 1 and 64000"
    yield from _problems_of_turns(body.get("messages") or [])
    yield from _problems_of_output(body.get("output_config") or {})
    yield from problems_of_content(body)


def _problems_of_turns(turns: Sequence[Any]) -> Iterator[str]:
    if not turns or turns[0].get("role") != "user":
        yield "messages: the first must be the user's"
    for turn in turns:
        if turn.keys() != {"role", "content"} or turn["role"] not in ("user", "assistant"):
            yield f"messages: {sorted(turn)} is no turn"
        elif not turn["content"]:
            yield "messages: text content must be non-empty"


def _problems_of_output(config: Mapping[str, Any]) -> Iterator[str]:
    for name in config.keys() - {"effort", "format"}:
        yield f"output_config.{name}: Extra inputs are not permitted"
    if config.get("effort") not in (None, "low", "medium", "high", "max"):
        yield f"output_config.effort: {config['effort']!r} is no effort"
    wished = config.get("format")
    if wished is None:
        return
    if wished.keys() != {"type", "schema"} or wished["type"] != "json_schema":
        yield "output_config.format: must be a json_schema"
        return
    yield from _problems_of_schema(wished["schema"], "output_config.format.schema")


def _problems_of_schema(schema: Mapping[str, Any], where: str) -> Iterator[str]:
    for name in schema.keys() - _OF_SCHEMA:
        yield f"{where}: {name} is not supported"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{where}: additionalProperties must be false"
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            yield f"{where}: all properties must be required"
    for name, inner in {**schema.get("properties", {}), **schema.get("$defs", {})}.items():
        yield from _problems_of_schema(inner, f"{where}.{name}")
    if "items" in schema:
        yield from _problems_of_schema(schema["items"], f"{where}[]")


def problems_of_batch(body: Any) -> Iterator[str]:
    """What is wrong with the body of /v1/messages/batches."""
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not 1 <= len(requests) <= 100_000 or set(body) != {"requests"}:
        yield "requests: must be 1 to 100000, and nothing beside them"
        return
    ids = [request.get("custom_id") for request in requests]
    if len(set(ids)) != len(ids):
        yield "requests: custom_id must be unique"
    for number, request in enumerate(requests):
        if set(request) != {"custom_id", "params"} or not _CUSTOM_ID.fullmatch(str(request.get("custom_id"))):
            yield f"requests.{number}: needs custom_id (1 to 64 letters, digits, _ and -) and params"
        yield from problems_of_message(request.get("params"))
        if (request.get("params") or {}).get("stream"):
            yield f"requests.{number}: streaming is not supported in batches"

"""One record of recorded history: its fields, checked, and the channel it was said in. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knowledge.slacktext import reaction_name
from knowledge.thread import Message, Reaction, Role

Record = Mapping[str, Any]

_SHOWN = 60  # characters of an offending value that are quoted


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelInfo:
    """A channel of a recording. ``private``: direct messages too; ``external``: shared with a company."""

    id: str
    name: str
    private: bool = False
    external: bool = False


class Unusable(ValueError):
    """A record cannot be used; the text quotes the value and says why."""


def message_of(record: object) -> Message:
    """The message of one line of a replay file, ids as given (no thread: ``""``), or raises Unusable."""
    fields = as_record(record)
    return Message(
        id=required(fields, "id"),
        channel=required(fields, "channel"),
        thread=optional(fields, "thread"),
        user=required(fields, "user"),
        at=instant(required(fields, "at")),
        text=string(fields, "text"),
        role=_role(fields.get("role")),
        reactions=tuple(_reaction(item) for item in as_list(fields, "reactions")),
    )


def parse_json(text: bytes | str) -> object:
    """The JSON value in ``text``, or raises Unusable."""
    try:
        value: object = json.loads(text)
    except UnicodeDecodeError as error:
        raise Unusable(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise Unusable(f"{shown(error.doc)} is not JSON: {error.msg} at character {error.pos + 1}") from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits; brackets 10,000 deep
        raise Unusable(f"{shown(text)} is not JSON that can be read: {error}") from error
    return value


def as_record(value: object) -> Record:
    if not isinstance(value, dict):
        raise Unusable(f"{shown(value)} is not an object; give {{…}} with its fields")
    return value


def as_items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Unusable(f"{shown(value)} is not a list; give […]")
    return value


def as_list(record: Record, key: str) -> list[object]:
    """The list at ``key``; a missing one or null is empty."""
    value = record.get(key)
    try:
        return [] if value is None else as_items(value)
    except Unusable as error:
        raise Unusable(f"{key}: {error}") from error


def string(record: Record, key: str) -> str:
    """The text at ``key``, which must be there and may be empty."""
    if key not in record:
        raise Unusable(f"{key} is missing; give a text")
    if not isinstance(value := record[key], str):
        raise Unusable(f"{key} is {shown(value)}; give a text")
    # Half of a surrogate pair (a cut-off emoji) is legal in JSON but cannot be stored or hashed.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def required(record: Record, key: str) -> str:
    """The text at ``key``, which must not be empty."""
    if not (value := string(record, key)).strip():
        raise Unusable(f"{key} is {shown(value)}; it must not be empty")
    return value


def optional(record: Record, key: str) -> str:
    """The text at ``key``; ``""`` where it is missing or null."""
    return "" if record.get(key) is None else string(record, key)


def instant(value: str) -> datetime:
    """The moment that an ISO 8601 text names, in UTC; without an offset it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unusable(f"at is {shown(value)}; give ISO 8601, such as 2026-01-31T09:30:00Z") from error


def shown(value: object) -> str:
    """``value`` as an error quotes it: on one line, not too long."""
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _role(value: Any) -> Role:
    if value is None:
        return Role.UNKNOWN
    try:
        return Role(value)
    except ValueError as error:
        raise Unusable(f"role is {shown(value)}; give customer, analyst or bot, or leave it out") from error


def _reaction(item: object) -> Reaction:
    fields = as_record(item)
    at = optional(fields, "at")
    return Reaction(
        name=reaction_name(required(fields, "name")),
        user=required(fields, "user"),
        at=instant(at) if at else None,
    )

"""Entries as JSON lines: what `earshot export` writes and `earshot learn` reads again. Pure, but for `is_export`.

One entry a line, described in docs/commands.md. The id is for reading only: it follows from the content, so a line
that was changed by hand is another entry.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from knowledge.audience import is_audience
from knowledge.entry import EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.records import (
    Record,
    Unusable,
    as_list,
    as_record,
    instant,
    optional,
    parse_json,
    required,
    shown,
    string,
)
from knowledge.redact import SECRETS, redact
from knowledge.store import Stored
from knowledge.thread import Role

VERSION = 1  # of the lines, under the key "earshot"; raised when they say something else
LOOKED_AT = 20  # lines that tell whether a file is an export, should the first ones be broken

Named = TypeVar("Named", bound=StrEnum)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """An entry as a line tells it. ``id`` and ``successor`` are as the file calls them."""

    id: str
    entry: KnowledgeEntry
    trust: Trust
    state: EntryState
    successor: str | None = None
    proven_at: datetime | None = None


def line_of(stored: Stored, *, people: bool) -> str:
    """An entry as one line of JSON. Without ``people`` its authors are known by their roles only."""
    return json.dumps(record_of(stored, people=people), ensure_ascii=False)


def record_of(stored: Stored, *, people: bool) -> dict[str, Any]:
    """As ``line_of``, before it is made a text."""
    entry = stored.entry
    return {
        "earshot": VERSION,
        "id": entry.id,
        "kind": entry.kind.value,
        "title": entry.title,
        "origin": entry.origin,
        "audience": entry.audience,
        "known_from": _told(entry.known_from),
        "confirmed": entry.confirmed,
        "state": stored.state.value,
        "successor": stored.successor,
        "proven_at": _told(stored.proven_at),
        "trust": {"up": stored.trust.up, "down": stored.trust.down},
        "passages": [_passage_record(passage, people=people) for passage in entry.passages],
    }


def _passage_record(passage: Passage, *, people: bool) -> dict[str, Any]:
    return {
        "kind": passage.kind.value,
        "text": passage.text,
        "source": passage.source,
        **({"author": passage.author} if people and passage.author else {}),
        "role": passage.role.value,
        "at": _told(passage.at),
        "link": passage.link,
    }


def is_export(path: Path) -> bool:
    """Whether a file of JSON lines holds exported entries, not messages."""
    if path.suffix.lower() not in (".jsonl", ".ndjson") or not path.is_file():
        return False
    with path.open("rb") as file:
        return any(_is_entry(line) for line in islice((line for line in file if line.strip()), LOOKED_AT))


def _is_entry(line: bytes) -> bool:
    try:
        record = parse_json(line.removeprefix(b"\xef\xbb\xbf"))
    except Unusable:
        return False
    return isinstance(record, dict) and "earshot" in record and "passages" in record


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Exported | Unusable]]:
    """Each line that is not empty, by its number from 1: the entry it tells, or why it cannot be used."""
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            yield number, _read(text)


def _read(line: bytes) -> Exported | Unusable:
    try:
        return exported_from(parse_json(line))
    except Unusable as error:
        return error


def exported_from(value: object) -> Exported:
    """The entry of one record, or raises Unusable."""
    record = as_record(value)
    if record.get("earshot") != VERSION:
        raise Unusable(f"earshot is {shown(record.get('earshot'))}; this version reads lines of {VERSION}")
    entry = KnowledgeEntry(
        kind=_named(record, "kind", EntryKind),
        title=required(record, "title"),
        origin=required(record, "origin"),
        audience=_audience(record),
        passages=tuple(_passage(item) for item in as_list(record, "passages")),
        known_from=_moment(record, "known_from"),
        confirmed=record.get("confirmed") is True,
    )
    if not entry.of(PassageKind.SOLUTION):
        raise Unusable("passages has none of kind solution, so there is nothing to quote; give one")
    return Exported(
        id=optional(record, "id") or entry.id,
        entry=entry,
        trust=_trust(record),
        state=_named(record, "state", EntryState) if record.get("state") is not None else EntryState.ACTIVE,
        successor=optional(record, "successor") or None,
        proven_at=_moment(record, "proven_at"),
    )


def cleaned(one: Exported, patterns: Sequence[re.Pattern[str]]) -> Exported:
    """The same without secrets and what ``patterns`` describe: a file may have been written by hand."""
    entry = one.entry
    texts = [entry.title, *(passage.text for passage in entry.passages)]
    title, *told = redact(texts, patterns=patterns, kinds=SECRETS)
    passages = tuple(replace(passage, text=text) for passage, text in zip(entry.passages, told, strict=True))
    return replace(one, entry=replace(entry, title=title, passages=passages))


def renamed(found: Sequence[Exported]) -> list[Exported]:
    """The same entries, once each, with successors called by the ids that follow from their contents."""
    names = {one.id: one.entry.id for one in found}
    once = {one.entry.id: one for one in found}
    return [
        replace(
            one, id=name, successor=None if one.successor is None else names.get(one.successor, one.successor)
        )
        for name, one in once.items()
    ]


def _passage(item: object) -> Passage:
    record = as_record(item)
    return Passage(
        kind=_named(record, "kind", PassageKind),
        text=required(record, "text"),
        source=required(record, "source"),
        author=optional(record, "author") or None,
        role=_named(record, "role", Role) if record.get("role") is not None else Role.UNKNOWN,
        at=_moment(record, "at"),
        link=optional(record, "link") or None,
    )


def _named(record: Record, key: str, names: type[Named]) -> Named:
    value = string(record, key)
    try:
        return names(value)
    except ValueError as error:
        raise Unusable(f"{key} is {shown(value)}; give one of {', '.join(names)}") from error


def _audience(record: Record) -> str:
    value = required(record, "audience")
    if is_audience(value):
        return value
    raise Unusable(f"audience is {shown(value)}; give public, workspace, workspace:ID or channel:ID")


def _moment(record: Record, key: str) -> datetime | None:
    value = optional(record, key)
    if not value:
        return None
    try:
        return instant(value)
    except Unusable as error:
        raise Unusable(str(error).replace("at is", f"{key} is", 1)) from error


def _trust(record: Record) -> Trust:
    given = as_record(record.get("trust") or {})
    return Trust(up=_count(given, "up"), down=_count(given, "down"))


def _count(record: Record, key: str) -> float:
    value = record.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value < 0:
        raise Unusable(f"trust.{key} is {shown(value)}; give a count of 0 or more")
    return float(value)


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

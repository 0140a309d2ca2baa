"""Flat channels with known conversations: the Ubuntu IRC logs (Kummerfeld et al. 2019), disentangled chats."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.linking import MOST
from knowledge.recordings import read_recording
from knowledge.thread import Message

SHARED = Path(__file__).parents[2] / "shared" / "data"
# The logs have no times. Lines lie a millisecond apart, so that time tells nothing and cuts nothing off.
LINE = timedelta(milliseconds=1)
BEGIN = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True, slots=True)
class Log:
    """One file: its messages, and for each the ids that people linked it to (itself, where it begins something).

    A link may lead to a line before the annotated part; such a line is not among the messages.
    """

    name: str
    messages: Sequence[Message]
    links: Mapping[str, frozenset[str]]


def read_logs(path: Path) -> list[Log]:
    rows = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows[row["file"]].append(row)
    return [_log(name, said) for name, said in rows.items()]


def _log(name: str, rows: Sequence[Mapping[str, Any]]) -> Log:
    messages = [
        Message(
            id=str(row["i"]),
            channel=name,
            thread="",
            user=row["user"],
            at=BEGIN + row["i"] * LINE,
            text=row["text"],
        )
        for row in rows
    ]
    links = {str(row["i"]): frozenset(map(str, row["parents"] or [row["i"]])) for row in rows}
    return Log(name=name, messages=messages, links=links)


def read_channels(path: Path) -> list[Log]:
    """The channels of a recording without their threads; a message is linked to every earlier one of its thread."""
    said = defaultdict(list)
    for message in read_recording(path).messages:
        said[message.channel].append(message)
    return [_channel(name, messages) for name, messages in said.items()]


def _channel(name: str, messages: Sequence[Message]) -> Log:
    before: dict[str, list[str]] = defaultdict(list)
    links = {}
    for message in messages:
        links[message.id] = frozenset(before[message.thread][-MOST:] or [message.id])
        before[message.thread].append(message.id)
    return Log(name=name, messages=[replace(message, thread="") for message in messages], links=links)


def conversations_of(messages: Sequence[Message], links: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """The conversation of each message, called by its first one: what hangs together by links."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for message in messages:
        for parent in sorted(links[message.id]):
            root[find(message.id)] = find(parent)
    first: dict[str, str] = {}
    return {message.id: first.setdefault(find(message.id), message.id) for message in messages}

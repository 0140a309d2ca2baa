"""The chain that makes changes of the audit log visible, and what may be written in it. Pure.

What is fixed of a row (time, kind, detail) is hashed together with the row before it. The names in it (whom and what
it is about) are hashed apart, with a random nonce: when somebody is forgotten, names and nonce go, and what is left of
them in the chain can be guessed by nobody.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Fact = str | int | float | bool | None | Sequence[str]

BEGINNING = b""  # what stands before the first row
FORGOTTEN = "forgotten:"
LONGEST = 120  # characters of a fact: a reason's name, a hash, an id; nothing that somebody said
_ALIAS = re.compile(r"forgotten:[0-9a-f-]{36}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A row of the log, as the chain sees it. ``nonce`` None: its names were unlinked."""

    id: int
    at: float
    kind: str
    detail: str
    subject: str | None
    actor: str | None
    channel: str | None
    nonce: bytes | None
    seal: bytes
    chain: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """What looking through the log came to. ``head``: the last row and its hash, to be noted elsewhere; None: empty."""

    rows: int
    unlinked: int
    problems: tuple[str, ...]
    head: str | None


def detail_of(facts: Mapping[str, Fact]) -> str:
    """The facts of a row as JSON. Raises ValueError for a text that is too long to be a name, an id or a hash."""
    for name, value in facts.items():
        texts = (value,) if isinstance(value, str) else value if isinstance(value, list | tuple) else ()
        if any(len(text) > LONGEST for text in texts):
            raise ValueError(
                f"{name}: the audit log takes names, ids and hashes of up to {LONGEST} characters"
            )
    return json.dumps(facts, ensure_ascii=False)


def seal_of(nonce: bytes, subject: str | None, actor: str | None, channel: str | None) -> bytes:
    """SHA-256 that stands for the names of a row."""
    return hashlib.sha256(nonce + json.dumps([subject, actor, channel]).encode()).digest()


def chained(before: bytes, at: float, kind: str, detail: str, seal: bytes) -> bytes:
    """SHA-256 of a row and of all rows before it."""
    return hashlib.sha256(before + seal + json.dumps([at, kind, detail]).encode()).digest()


def head_of(row: Link) -> str:
    """How the log's state after a row is noted: ``ID:HASH``."""
    return f"{row.id}:{row.chain.hex()}"


def check(rows: Iterable[Link], noted: str | None = None) -> Checked:
    """Look through all rows, in order. ``noted``: a head that was noted earlier and must still be in the chain."""
    before, number, count = BEGINNING, 0, 0
    problems: list[str] = []
    taken: dict[str, int] = {}  # alias -> the first row that has it
    told: dict[str, int] = {}  # alias -> the row that says that somebody was forgotten
    last: Link | None = None
    unlinked, found = 0, noted is None
    for row in rows:
        count += 1
        if row.id != number + 1:
            problems.append(
                f"row {number + 1} is missing" if row.id == number + 2 else _missing(number, row.id)
            )
        if row.chain != chained(before, row.at, row.kind, row.detail, row.seal):
            problems.append(f"row {row.id} was changed, or does not follow from the row before it")
        if row.nonce is None:
            unlinked += 1
            aliases = _ALIAS.findall(" ".join(filter(None, (row.subject, row.actor, row.channel))))
            if not aliases:
                problems.append(f"row {row.id}: its names were taken off, and nobody was forgotten")
            for alias in aliases:
                taken.setdefault(alias, row.id)
        elif row.seal != seal_of(row.nonce, row.subject, row.actor, row.channel):
            problems.append(f"row {row.id}: its names were changed")
        if FORGOTTEN in row.detail:
            told.update((alias, row.id) for alias in _ALIAS.findall(row.detail))
        found = found or noted == head_of(row)
        before, number, last = row.chain, row.id, row
    for alias, first in taken.items():
        if told.get(alias, 0) <= first:
            problems.append(
                f"row {first}: its names were taken off, and no later row says who asked for that"
            )
    if not found:
        problems.append(f"the row that was noted as {noted} is gone or changed")
    return Checked(
        rows=count, unlinked=unlinked, problems=tuple(problems), head=None if last is None else head_of(last)
    )


def _missing(number: int, found: int) -> str:
    return f"rows {number + 1} to {found - 1} are missing"

"""Knowledge by hand: notes that somebody writes, and entries that somebody corrects. Pure."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.redact import SECRETS, redact
from knowledge.thread import Role

# Origins and sources of what no message or document says: a note is its own source, and what a person worded anew is
# called after the entry that it was.
NOTE = "note:"
EDIT = "edit:"
MAX_TITLE = 120  # characters, where a title is taken from a longer text

Patterns = Sequence[re.Pattern[str]]


class NoteError(ValueError):
    """What was written cannot be an entry; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """What a person may word anew in an entry."""

    title: str
    problem: str
    solution: str


def note(
    text: str,
    *,
    audience: str,
    at: datetime,
    title: str = "",
    problem: str = "",
    patterns: Patterns = (),
) -> KnowledgeEntry:
    """The entry of a text that somebody writes at ``at``: ``text`` is what may be quoted, ``problem`` what it solves.

    Without a problem or a title the one stands for the other, and the text's first line for both. Secrets, and what
    ``patterns`` describe, are redacted. The same again is the same entry. Raises NoteError if there is no text.
    """
    if not text.strip():
        raise NoteError("the text is empty; give what is to be answered")
    told = _redacted(_filled(text, title, problem), patterns)
    digest = hashlib.sha256("\0".join((told.title, told.problem, told.solution, audience)).encode())
    origin = f"{NOTE}{digest.hexdigest()[:20]}"
    return KnowledgeEntry(
        kind=EntryKind.NOTE,
        title=told.title,
        origin=origin,
        audience=audience,
        passages=(
            _by_hand(PassageKind.PROBLEM, told.problem, origin, at),
            _by_hand(PassageKind.SOLUTION, told.solution, origin, at),
        ),
        known_from=at,
    )


def _filled(text: str, title: str, problem: str) -> Wording:
    first = (problem.strip() or text.strip()).splitlines()[0].lstrip("#").strip()
    heading = title.strip() or first[:MAX_TITLE]
    return Wording(title=heading, problem=problem.strip() or heading, solution=text.strip())


def wording_of(entry: KnowledgeEntry) -> Wording:
    """An entry's words as a person edits them: passages of one kind are paragraphs."""
    return Wording(
        title=entry.title,
        problem=_joined(entry.of(PassageKind.PROBLEM)),
        solution=_joined(entry.of(PassageKind.SOLUTION)),
    )


def edited(
    entry: KnowledgeEntry, wording: Wording, at: datetime, patterns: Patterns = ()
) -> KnowledgeEntry | None:
    """The entry that takes the place of ``entry`` when a person words it anew; None if nothing changed.

    What was left as it is keeps its sources. What was changed is no longer anybody's words: its source is the edit.
    So is the origin, so that learning the thread or document again does not undo it. Raises NoteError if the title or
    the solution is empty.
    """
    before, after = wording_of(entry), _redacted(_stripped(wording), patterns)
    if not after.title or not after.solution:
        lacking = "the solution" if after.title else "the title"
        raise NoteError(
            f"{lacking} of {entry.id} would be empty; to take it out: earshot entries retire {entry.id}"
        )
    if after == _stripped(before):
        return None
    origin = f"{EDIT}{entry.id}"

    def passages(kind: PassageKind, was: str, now: str) -> tuple[Passage, ...]:
        same = now == was.strip()
        return entry.of(kind) if same or not now else (_by_hand(kind, now, origin, at),)

    rest = tuple(p for p in entry.passages if p.kind not in (PassageKind.PROBLEM, PassageKind.SOLUTION))
    return replace(
        entry,
        title=after.title,
        origin=origin,
        passages=(
            *passages(PassageKind.PROBLEM, before.problem, after.problem),
            *passages(PassageKind.SOLUTION, before.solution, after.solution),
            *rest,
        ),
        known_from=at,
    )


def _by_hand(kind: PassageKind, text: str, source: str, at: datetime) -> Passage:
    return Passage(kind=kind, text=text, source=source, role=Role.ANALYST, at=at)


def _joined(passages: Sequence[Passage]) -> str:
    return "\n\n".join(passage.text for passage in passages)


def _stripped(wording: Wording) -> Wording:
    return Wording(
        title=" ".join(wording.title.split()),
        problem=wording.problem.strip(),
        solution=wording.solution.strip(),
    )


def _redacted(wording: Wording, patterns: Patterns) -> Wording:
    texts = [wording.title, wording.problem, wording.solution]
    title, problem, solution = redact(texts, patterns=patterns, kinds=SECRETS)
    return Wording(title=title, problem=problem, solution=solution)

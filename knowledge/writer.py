"""The seam to whoever writes an answer from the hits: offline quoting, or a language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from knowledge.entry import Hit
from knowledge.thread import Thread


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What a passage says: ``entry`` and ``source`` name it, ``text`` stands in it word for word."""

    entry: str
    source: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One piece of an answer (a sentence, a step, a block of code), and the quotes that say so.

    Without a quote nothing says so. ``gap``: what stands between the piece before and this one; a blank where both are
    of one paragraph.
    """

    text: str
    quotes: tuple[Quote, ...]
    gap: str = "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An answer before anybody checked it. ``note``: a fixed line about the answer, of no source and no model."""

    claims: tuple[Claim, ...]
    note: str = ""


class Decline(StrEnum):
    """Why a writer that could write does not."""

    NO_ANSWER = "no answer"  # the hits do not answer the question
    PERSON = "a person should"  # what would help is risky, destructive, or about billing, law or security


@dataclass(frozen=True, kw_only=True, slots=True)
class Declined:
    """No draft, and why; ``reason`` is for people."""

    why: Decline
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a writer may use. ``question`` stands alone; ``addressed``: somebody asked us, and waits for an answer.

    ``names``: what the people in it are called, to be taken out before a text goes to a model.
    ``sure``: the hits are good enough to be quoted unread; else only who can tell whether they answer may write.
    """

    question: str
    thread: Thread
    hits: Sequence[Hit]
    addressed: bool = False
    names: frozenset[str] = frozenset()
    sure: bool = True


class Writer(Protocol):
    """Writes from what it is given and nothing else."""

    name: str

    async def answer(self, asked: Asked) -> Draft | Declined:
        """A draft, or why there is none. Raises WriterFailed when it could not try."""
        ...


class Rewriter(Protocol):
    """Makes a question that needs its thread one that stands alone, to be searched for."""

    async def rewrite(self, asked: Asked) -> str:
        """The question on one line. Raises WriterFailed when it could not try."""
        ...


class WriterFailed(Exception):
    """The writer could not do its work now (no connection, no budget)."""

"""The seam to whoever writes an answer from the hits: offline quoting, or a language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from knowledge.entry import Hit
from knowledge.thread import Thread


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """One piece of an answer and the passage that says so: ``entry`` and ``source`` name it, ``quote`` is verbatim."""

    text: str
    entry: str
    source: str
    quote: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """An answer before anybody checked it."""

    claims: tuple[Claim, ...]


class Writer(Protocol):
    """Writes from what it is given and nothing else."""

    name: str

    async def answer(self, question: str, thread: Thread, hits: Sequence[Hit]) -> Draft | None:
        """A draft, or None where the hits do not answer. Raises WriterFailed when it could not try."""
        ...


class WriterFailed(Exception):
    """The writer could not do its work now (no connection, no budget)."""

"""The seam to whoever distils closed threads: the offline judge's choice as it is, or a language model's. Pure."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from knowledge.entry import KnowledgeEntry, Passage, PassageKind
from knowledge.thread import Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One message as a distiller sees it, redacted. ``key`` (``m1``) names it within its thread.

    ``who`` says who speaks without a name; ``source`` is the message's real id: it never leaves the machine.
    """

    key: str
    source: str
    who: str
    minutes: int
    text: str
    human: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilRequest:
    """A closed thread to distil, oldest message first, and the keys of what the offline judge would choose."""

    thread: str
    messages: tuple[Told, ...]
    problem: tuple[str, ...]
    solution: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Selected:
    """``text`` stands exactly so in the message ``source``."""

    source: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Distilled:
    """What was selected of a thread, checked against it. ``title`` None: the offline title is to be used.

    ``products`` stand in what was selected. ``doubts`` are fixed phrases, never text of the thread: with any of them
    the entry should wait for approval.
    """

    problem: tuple[Selected, ...]
    solution: tuple[Selected, ...]
    title: str | None = None
    products: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class NotWorth:
    """The thread teaches nothing that can be used again; ``why`` is a fixed phrase."""

    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """The offline judge's choice stands; ``why`` is a fixed phrase, empty if nobody else was asked."""

    why: str = ""


Outcome = Distilled | NotWorth | Kept


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilReport:
    """What distilling cost. ``calls`` counts requests that were answered, ``batched`` those of them in batches.

    Tokens are as the service counted them; where it did not say, as they were estimated. ``fell_back`` counts the
    threads for which the offline choice stands, by reason.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    batched: int = 0
    fell_back: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class DistilResult:
    """The outcome of every thread that is still wanted, by its id.

    ``batches`` are the keys of the batches it came from: give the result to ``settle`` once it is stored.
    """

    outcomes: Mapping[str, Outcome]
    report: DistilReport = field(default_factory=DistilReport)
    batches: tuple[str, ...] = ()


StillWanted = Callable[[Collection[str]], Awaitable[Set[str]]]
"""Which of these threads may still be learnt from; asked again whenever an answer took its time.

While a batch is waited for it is asked about no thread now and then, as a sign of life.
"""


async def all_wanted(threads: Collection[str]) -> Set[str]:
    return frozenset(threads)


class Distiller(Protocol):
    """Selects what of closed threads is worth keeping. Never fails: what it cannot do is ``Kept`` with the reason."""

    name: str

    async def distil(
        self,
        requests: Sequence[DistilRequest],
        *,
        night: str,
        tokens: int,
        wanted: StillWanted = all_wanted,
    ) -> DistilResult:
        """The outcomes of a night's threads, for at most about ``tokens`` tokens of a paid service.

        A thread counts once. Settle a result before the next call: batches that nobody asks about are given up.
        """
        ...

    async def settle(self, result: DistilResult) -> None:
        """The result is stored: what would be needed to fetch it again is given up."""
        ...


class ExtractiveDistiller:
    """Offline: what the rules of ``knowledge.mine`` chose stands."""

    name = "extractive"

    async def distil(
        self,
        requests: Sequence[DistilRequest],
        *,
        night: str,
        tokens: int,
        wanted: StillWanted = all_wanted,
    ) -> DistilResult:
        del night, tokens, wanted  # it takes no time and costs nothing
        return DistilResult(outcomes={request.thread: Kept() for request in requests})

    async def settle(self, result: DistilResult) -> None:
        del result


@asynccontextmanager
async def offline() -> AsyncIterator[Distiller]:
    """The offline distiller, opened as others are."""
    yield ExtractiveDistiller()


# ---- batches ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenBatch:
    """A batch whose results are not stored yet. ``batch_id`` None: it was about to be created at ``at`` (aware)."""

    key: str
    batch_id: str | None
    night: str
    threads: tuple[str, ...]
    at: datetime


class BatchLog(Protocol):
    """Remembers batches, so that a restart resumes them instead of paying again. Each call is durable at its end."""

    async def intend(self, night: str, threads: Sequence[str]) -> OpenBatch:
        """A batch of these threads is about to be created."""
        ...

    async def save(self, key: str, batch_id: str) -> None:
        """It was created and is called ``batch_id``."""
        ...

    async def open(self) -> Sequence[OpenBatch]:
        """The batches that are not closed, oldest first."""
        ...

    async def close(self, key: str, state: str) -> None:
        """Nothing more is expected of it; ``state`` says how it ended."""
        ...


# ---- the request ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Cast:
    """Who is who in one thread."""

    asker: str | None
    helpers: dict[str | None, str] = field(default_factory=dict)

    def name(self, author: str | None, role: Role) -> str:
        if role is Role.BOT:
            return "program"
        if author == self.asker:
            return "asker"
        return self.helpers.setdefault(author, f"helper {len(self.helpers) + 1}")


def request_of(offline: KnowledgeEntry) -> DistilRequest:
    """The request for the thread from which ``knowledge.mine`` made ``offline``, of its passages, which are redacted.

    Raises ValueError for an entry without a problem or of passages without times: no thread made it.
    """
    if not offline.of(PassageKind.PROBLEM) or any(passage.at is None for passage in offline.passages):
        raise ValueError(
            f"entry {offline.id} of {offline.origin!r} was not mined from a thread; distil only such"
        )
    passages = sorted(offline.passages, key=lambda passage: passage.at.timestamp() if passage.at else 0.0)
    cast = _Cast(asker=offline.of(PassageKind.PROBLEM)[0].author)
    begun = passages[0].at
    told = (
        Told(
            key=f"m{number}",
            source=passage.source,
            who=cast.name(passage.author, passage.role),
            minutes=_minutes(begun, passage.at),
            text=passage.text,
            human=passage.role is not Role.BOT,
        )
        for number, passage in enumerate(passages, 1)
    )
    return DistilRequest(
        thread=offline.origin,
        messages=tuple(told),
        problem=_keys(passages, PassageKind.PROBLEM),
        solution=_keys(passages, PassageKind.SOLUTION),
    )


def _keys(passages: Sequence[Passage], kind: PassageKind) -> tuple[str, ...]:
    return tuple(f"m{number}" for number, passage in enumerate(passages, 1) if passage.kind is kind)


def _minutes(begun: datetime | None, at: datetime | None) -> int:
    return int((at - begun).total_seconds() // 60) if begun and at else 0

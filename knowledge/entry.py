"""What is known: entries, their passages, who may read them, and how far they are trusted. Pure."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from knowledge.thread import Role

# Audiences. `public`: anybody, customers of other companies included. `workspace`: every member of the workspace that
# the store is at home in, which is the first that it heard of; `workspace:ID`: of another one, `workspace:slack:T2`.
# `channel:ID`: only readers of that channel, which is where private channels' knowledge stays.
PUBLIC = "public"
WORKSPACE = "workspace"

HALF_LIFE = timedelta(days=365)  # after this long without confirmation an entry is marked as old


class EntryKind(StrEnum):
    DOCUMENT = "document"
    FAQ = "faq"
    THREAD = "thread"
    NOTE = "note"  # written by hand for Earshot itself


class EntryState(StrEnum):
    """Where an entry stands. Only active ones are found and quoted; nothing but forgetting removes the others."""

    ACTIVE = "active"
    PENDING = "pending"  # waits for a person's approval
    REJECTED = "rejected"  # a person said no: it is not proposed again
    MERGED = "merged"  # says the same as its successor, which stands for both
    SUPERSEDED = "superseded"  # its successor is newer and says otherwise
    DISPUTED = "disputed"  # contradicts its successor; neither is quoted until somebody decides
    RETIRED = "retired"  # taken out by a person, or because nobody said that it still holds


class PassageKind(StrEnum):
    """Which part of an entry a passage is. Only solutions are quoted; discussion is only searched by words.

    A confirmation is what somebody said when it worked: shown as evidence, neither searched nor quoted.
    """

    PROBLEM = "problem"
    SOLUTION = "solution"
    DISCUSSION = "discussion"
    CONFIRMATION = "confirmation"


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A piece of an entry, verbatim from ``source`` (a message id, or a document's path).

    Of a message: selected spans of it, in order, as they stand or each on a line of its own, with placeholders for what
    was taken out.
    """

    kind: PassageKind
    text: str
    source: str
    author: str | None = None
    role: Role = Role.UNKNOWN
    at: datetime | None = None
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KnowledgeEntry:
    """A problem and its solution, with the evidence. ``id`` follows from the content: the same again is the same.

    ``origin`` is what the entry was learnt from as a whole: a thread id or a document's path. ``known_from`` is
    when it could first be known: for a thread the moment it was closed, for a document always (None).
    ``confirmed`` says whether a person (the asker, a ✅, a 👍) said that it holds.
    """

    kind: EntryKind
    title: str
    origin: str
    audience: str
    passages: tuple[Passage, ...]
    known_from: datetime | None = None
    confirmed: bool = False

    @property
    def id(self) -> str:
        digest = hashlib.sha256()
        for part in (self.kind, self.title, self.origin, self.audience):
            digest.update(part.encode() + b"\0")
        for passage in self.passages:
            digest.update(f"{passage.kind}\0{passage.source}\0{passage.text}\0".encode())
        return "e" + digest.hexdigest()[:20]

    def of(self, kind: PassageKind) -> tuple[Passage, ...]:
        """The passages of one kind, in order."""
        return tuple(passage for passage in self.passages if passage.kind is kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Trust:
    """A Beta posterior over "this entry helps": the prior plus one count for each live vote."""

    up: float = 0.0
    down: float = 0.0

    # Two thumbs up and one down in advance: an unproved entry is more likely right than wrong, and one 👎 is
    # not yet a verdict.
    PRIOR_UP = 2.0
    PRIOR_DOWN = 1.0

    @property
    def mean(self) -> float:
        """Expected share of people whom the entry helps, in (0, 1)."""
        up, down = self.up + self.PRIOR_UP, self.down + self.PRIOR_DOWN
        return up / (up + down)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """An entry found for a question. ``score`` in [0, 1] ranks; the parts say why.

    ``dense`` in [-1, 1] is the best cosine over the entry's vectors, counted from the model's floor: 0 is what
    unrelated texts have, 1 is the same text. ``lexical`` is the BM25 score (0 or more, no upper bound),
    ``coverage`` the share in [0, 1] of the question's informative words (weighted by their rarity) that the
    entry contains.

    What ``score`` is made of: ``problem``, the cosine of the problem, and ``agreement``, the mean of the two best
    cosines, both counted like ``dense``; ``words`` and ``headline``, the BM25 of the question and of its headline
    as shares of their ideals; ``age`` in days (0 for what does not age); ``trust``.
    """

    entry: KnowledgeEntry
    score: float
    dense: float
    lexical: float
    coverage: float
    trust: Trust = Trust()
    problem: float = 0.0
    agreement: float = 0.0
    words: float = 0.0
    headline: float = 0.0
    age: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """An entry as it stands in the store: ``number`` is its name inside indexes."""

    number: int
    entry: KnowledgeEntry
    trust: Trust
    state: EntryState = EntryState.ACTIVE
    successor: str | None = None
    proven_at: datetime | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Alike:
    """An entry that resembles another: the cosines in [-1, 1] of their problems and of their nearest solutions,
    both counted from the model's floor."""

    stored: Stored
    problem: float
    solution: float


def is_old(dates: Iterable[datetime | None], now: datetime) -> bool:
    """Whether the newest of ``dates`` is more than a half-life ago. Without any date nothing can be said: False."""
    known = [date for date in dates if date is not None]
    return bool(known) and now - max(known) > HALF_LIFE

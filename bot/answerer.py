"""What goes to the writer, and what may leave it: ``ground`` lets a draft pass only if its sources say it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.entry import EntryKind, Hit, KnowledgeEntry, Passage, PassageKind, is_old
from knowledge.thread import Message, Role, Thread
from knowledge.writer import Claim, Draft

MAX_QUERY = 4_000  # characters; beyond that it is a pasted log, and its beginning says what it is about


@dataclass(frozen=True, kw_only=True, slots=True)
class Citation:
    """A numbered source: which entry, which message or document, and how far to believe it.

    ``confirmed``: a person said that it holds. ``old``: nobody confirmed it for a half-life.
    """

    number: int
    entry: str
    source: str
    title: str
    quote: str
    kind: EntryKind
    role: Role = Role.UNKNOWN
    at: datetime | None = None
    link: str | None = None
    confirmed: bool = False
    old: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A piece of an answer with the numbers of the citations that say so; never without one."""

    text: str
    citations: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A grounded answer: what to say, and who said it."""

    lines: tuple[Line, ...]
    citations: tuple[Citation, ...]

    @property
    def text(self) -> str:
        """Plain text: the lines with their citation numbers."""
        return "\n".join(f"{line.text} {''.join(f'[{n}]' for n in line.citations)}" for line in self.lines)


def query_of(thread: Thread, message: Message) -> str:
    """The question as it stands alone: the message, and for a follow-up what the asker said before it.

    At most MAX_QUERY characters; a long log before the message does not push it out.
    """
    said = [m.text for m in thread.before(message.id) if m.user == message.user]
    text = message.text[:MAX_QUERY]
    before = "\n".join([*said[:1], *said[1:][-2:]])[: max(MAX_QUERY - len(text) - 1, 0)]
    return f"{before}\n{text}" if before else text


def ground(draft: Draft, hits: Sequence[Hit], now: datetime) -> Suggestion | None:
    """The suggestion, or None if any claim cites what the writer was not given or says what its source does not.

    A draft is dropped whole: an answer with its doubtful half cut out may say the opposite.
    """
    entries = {hit.entry.id: hit.entry for hit in hits}
    evidence = [_evidence(claim, entries) for claim in draft.claims]
    if not evidence or any(passage is None for passage in evidence):
        return None
    numbers: dict[tuple[str, str], int] = {}
    lines, citations = [], []
    for claim, passage in zip(draft.claims, evidence, strict=True):
        assert passage is not None
        source = (claim.entry, claim.source)
        if source not in numbers:
            numbers[source] = len(numbers) + 1
            citations.append(_citation(numbers[source], entries[claim.entry], passage, claim, now))
        lines.append(Line(text=claim.text, citations=(numbers[source],)))
    return Suggestion(lines=tuple(lines), citations=tuple(citations))


def _evidence(claim: Claim, entries: Mapping[str, KnowledgeEntry]) -> Passage | None:
    """The passage that says the claim word for word, if it was given."""
    entry = entries.get(claim.entry)
    if entry is None or not claim.text.strip() or claim.text not in claim.quote:
        return None
    for passage in entry.of(PassageKind.SOLUTION):
        if passage.source == claim.source and claim.quote in passage.text:
            return passage
    return None


def _citation(number: int, entry: KnowledgeEntry, passage: Passage, claim: Claim, now: datetime) -> Citation:
    return Citation(
        number=number,
        entry=entry.id,
        source=claim.source,
        title=entry.title,
        quote=claim.quote,
        kind=entry.kind,
        role=passage.role,
        at=passage.at,
        link=passage.link,
        confirmed=entry.confirmed,
        old=is_old([passage.at, entry.known_from], now),
    )

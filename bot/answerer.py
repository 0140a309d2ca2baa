"""What goes to the writer, and what may leave it: ``ground`` lets a draft pass only if its sources say it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from knowledge.cues import is_ack
from knowledge.entry import EntryKind, Hit, KnowledgeEntry, Passage, PassageKind, is_old
from knowledge.grounding import Fault, faults_in
from knowledge.thread import Message, Role, Thread
from knowledge.writer import Asked, Claim, Draft, Quote

BURST = timedelta(minutes=3)  # between two lines of one person that make one question
MAX_QUERY = 4_000  # characters; beyond that it is a pasted log, and its beginning says what it is about

CORRECTION = (
    "correction:"  # how the source is called that is the right answer of a person, and then its number
)
MAX_BEFORE = 600  # characters of an earlier line


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
    """A piece of an answer with the numbers of the citations that say so; without one only where a person worded it.

    ``gap``: what stands between the line before and this one.
    """

    text: str
    citations: tuple[int, ...]
    gap: str = "\n"

    @property
    def marked(self) -> str:
        """The text with the numbers: ``Restart it. [1][2]``."""
        return f"{self.text} {''.join(f'[{number}]' for number in self.citations)}".rstrip()


@dataclass(frozen=True, kw_only=True, slots=True)
class Suggestion:
    """A grounded answer: what to say, and who said it. ``note``: a fixed line about it that needs no source.

    ``verbatim``: every line stands word for word in its source, rather than being told in other words. ``worded_by``:
    the whole id of the person who changed its words, which are his claim then.
    """

    lines: tuple[Line, ...]
    citations: tuple[Citation, ...]
    note: str = ""
    verbatim: bool = True
    worded_by: str = ""

    @property
    def text(self) -> str:
        """Plain text: the lines with their citation numbers, and the note."""
        said = joined(self.lines)
        return f"{said}\n{self.note}" if self.note else said


def joined(lines: Sequence[Line]) -> str:
    """The lines as plain text with their numbers, as they stand together."""
    return "".join(((line.gap or " ") if place else "") + line.marked for place, line in enumerate(lines))


def query_of(thread: Thread, message: Message) -> str:
    """The question as it stands alone: the message, the lines its asker added at once, and what he said before.

    What is asked now must not drown in what was asked at the beginning: it comes first, and of what he said before
    count the opening and the last two lines, MAX_BEFORE characters of each. At most MAX_QUERY characters.
    """
    before = [m.text for m in thread.before(message.id) if m.user == message.user]
    kept = [text[:MAX_BEFORE] for text in [*before[:1], *before[1:][-2:]]]
    return "\n".join([message.text, *burst_after(thread, message), *kept])[:MAX_QUERY]


def burst_after(thread: Thread, message: Message) -> list[str]:
    """What the same person added to ``message`` before anybody else spoke, each line soon after the last."""
    lines, last = [], message
    for later in thread.messages[len(thread.before(message.id)) + 1 :]:
        if later.user != message.user or later.at - last.at > BURST:
            break
        lines.append(later.text)
        last = later
    return [text for text in lines if not is_ack(text)]


def conversation(asked: Asked) -> str:
    """What the conversation says, the question first: numbers and names of an answer may come from it."""
    return "\n".join(dict.fromkeys([asked.question, *(message.text for message in asked.thread.messages)]))


def ground(draft: Draft, hits: Sequence[Hit], now: datetime, told: str = "") -> Suggestion | None:
    """The suggestion, or None if anything speaks against a claim (``faults_of``); ``told`` is the conversation.

    A draft is dropped whole: an answer with its doubtful half cut out may say the opposite.
    """
    if faults_of(draft, hits, told):
        return None
    entries = {hit.entry.id: hit.entry for hit in hits}
    quoted: dict[tuple[str, str], list[Quote]] = {}  # by source, in order of its first use
    for quote in (quote for claim in draft.claims for quote in claim.quotes):
        quoted.setdefault((quote.entry, quote.source), []).append(quote)
    numbers = {source: number for number, source in enumerate(quoted, start=1)}
    lines = [_line(claim, numbers) for claim in draft.claims]
    citations = [_citation(numbers[source], entries, quotes, now) for source, quotes in quoted.items()]
    verbatim = all(any(claim.text in quote.text for quote in claim.quotes) for claim in draft.claims)
    return Suggestion(lines=tuple(lines), citations=tuple(citations), note=draft.note, verbatim=verbatim)


def _line(claim: Claim, numbers: Mapping[tuple[str, str], int]) -> Line:
    cited = dict.fromkeys(numbers[quote.entry, quote.source] for quote in claim.quotes)
    return Line(text=claim.text, citations=tuple(cited), gap=claim.gap)


def faults_of(draft: Draft, hits: Sequence[Hit], told: str = "") -> tuple[Fault, ...]:
    """What speaks against a draft, each fault once: its claims cite what was given, and say no more than that."""
    entries = {hit.entry.id: hit.entry for hit in hits}
    found = [fault for claim in draft.claims for fault in _faults(claim, entries, told)]
    return tuple(dict.fromkeys(found)) if draft.claims else (Fault.EMPTY,)


def _faults(claim: Claim, entries: Mapping[str, KnowledgeEntry], told: str) -> Sequence[Fault]:
    for quote in claim.quotes:
        if not _is_given(quote, entries):
            return (Fault.UNKNOWN_SOURCE,)
        if _passage(quote, entries) is None:
            return (Fault.MISQUOTED,)
    return faults_in(claim.text, [quote.text for quote in claim.quotes], told)


def _is_given(quote: Quote, entries: Mapping[str, KnowledgeEntry]) -> bool:
    entry = entries.get(quote.entry)
    return entry is not None and any(p.source == quote.source for p in entry.of(PassageKind.SOLUTION))


def _passage(quote: Quote, entries: Mapping[str, KnowledgeEntry]) -> Passage | None:
    """The passage that says the quote word for word, if it was given."""
    entry = entries.get(quote.entry)
    for passage in entry.of(PassageKind.SOLUTION) if entry is not None else ():
        if passage.source == quote.source and quote.text.strip() and quote.text in passage.text:
            return passage
    return None


def _citation(
    number: int, entries: Mapping[str, KnowledgeEntry], quotes: Sequence[Quote], now: datetime
) -> Citation:
    """The source of ``quotes``, quoted from the first of them to the last, as it stands there."""
    entry, passage = entries[quotes[0].entry], _passage(quotes[0], entries)
    assert passage is not None
    within = [quote.text for quote in quotes if quote.text in passage.text]
    start = min(passage.text.index(text) for text in within)
    end = max(passage.text.index(text) + len(text) for text in within)
    return Citation(
        number=number,
        entry=entry.id,
        source=quotes[0].source,
        title=entry.title,
        quote=passage.text[start:end],
        kind=entry.kind,
        role=passage.role,
        at=passage.at,
        link=passage.link,
        confirmed=entry.confirmed,
        old=is_old([passage.at, entry.known_from], now),
    )

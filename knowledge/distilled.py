"""What a model made of a thread: its form, whether it holds against the thread, the entry it makes. Pure.

A model selects and never writes: a quote that does not stand in the message it names makes the whole answer unusable.
Only the title is in its own words, and it may bring in nothing that the quoted messages do not say.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from knowledge.cues import is_solved, is_still_broken, says_thanks
from knowledge.distil import TITLE_LENGTH
from knowledge.distiller import Distilled, DistilRequest, Kept, NotWorth, Outcome, Selected, Told
from knowledge.entry import KnowledgeEntry, Passage, PassageKind
from knowledge.exact import stands
from knowledge.sentences import sentences
from knowledge.thread import Role

MAX_QUOTES = 12  # more than that is the thread again, not what solves it

# ---- the form ---------------------------------------------------------------------------------------------

# Reasons are picked from a list, so that reports and change sets can name them: free text could quote the thread.
WhyNot = Literal["worth it", "no problem", "no solution", "needs lost context", "private", "chatter"]
WhyReview = Literal["no doubt", "contradicted", "risky", "instructs", "private", "unsure"]

WHY_NOT: dict[WhyNot, str] = {
    "worth it": "not worth keeping",
    "no problem": "no problem is told",
    "no solution": "no solution is told",
    "needs lost context": "it cannot be understood without what is not in it",
    "private": "it concerns one person or customer only",
    "chatter": "it is not about a problem",
}
WHY_REVIEW: dict[WhyReview, str] = {
    "no doubt": "the writer is unsure",
    "contradicted": "somebody in the thread says otherwise",
    "risky": "following it could do damage",
    "instructs": "it reads like an instruction to the reader or to Earshot, not like help",
    "private": "something private may be left in it",
    "unsure": "the writer is unsure",
}
TEMPORARY = "it may hold only for a while"

Words = Annotated[str, StringConstraints(strip_whitespace=True)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Quote(_Form):
    """Words of one message, exactly as they stand there."""

    source: Words = Field(description="The id of the message, such as m2")
    quote: str = Field(description="Copied from that message character by character")


class Answer(_Form):
    """What a model says of one thread. Every field is required, as structured outputs want it."""

    worth: bool = Field(description="Whether somebody else with the same problem could use it")
    why_not: WhyNot
    title: str = Field(description="The problem in general words, one line of at most 120 characters")
    problem: list[Quote] = Field(description="What tells the problem, with exact error texts")
    solution: list[Quote] = Field(description="What solves it, in order, with exact commands")
    products: list[Words] = Field(description="Products and versions, as the thread writes them")
    temporary: bool = Field(description="Whether it held only for a while, such as an outage")
    needs_review: bool = Field(description="Whether a person should look before it is used")
    review_reason: WhyReview


# ---- whether it holds -------------------------------------------------------------------------------------


class _Invented(Exception):
    """A quote that does not hold; the text is a fixed phrase."""


def checked(request: DistilRequest, answer: Answer) -> Outcome:
    """What ``answer`` is worth: ``Kept`` with the reason if it does not hold against the thread."""
    if not answer.worth:
        return NotWorth(why=WHY_NOT[answer.why_not])
    try:
        problem = _selection(request, answer.problem, "problem")
        solution = _selection(request, answer.solution, "solution")
    except _Invented as invented:
        return Kept(why=str(invented))
    if any(asked.overlaps(solved) for asked in problem for solved in solution):
        return Kept(why="the same words are problem and solution")
    quoted = [found.told.text for found in problem + solution]
    selected = [found.selected.text for found in problem + solution]
    return Distilled(
        problem=tuple(found.selected for found in problem),
        solution=tuple(found.selected for found in solution),
        title=_title(answer.title, quoted),
        products=tuple(dict.fromkeys(name for name in answer.products if stands(name, selected))),
        doubts=tuple(_doubts(answer)),
    )


def _doubts(answer: Answer) -> Iterator[str]:
    if answer.temporary:
        yield TEMPORARY
    if answer.needs_review:
        yield WHY_REVIEW[answer.review_reason]


@dataclass(frozen=True, slots=True)
class _Found:
    """Where something quoted stands."""

    told: Told
    start: int
    end: int

    @property
    def selected(self) -> Selected:
        return Selected(source=self.told.source, text=self.told.text[self.start : self.end])

    def overlaps(self, other: "_Found") -> bool:
        return self.told.key == other.told.key and self.start < other.end and other.start < self.end


def _selection(request: DistilRequest, quotes: Sequence[Quote], what: str) -> list[_Found]:
    """The quotes as spans of their messages, in the thread's order; what touches in one message is one span."""
    if not quotes:
        raise _Invented(f"no {what} is quoted")
    if len(quotes) > MAX_QUOTES:
        raise _Invented("it quotes too much")
    known = {told.key: (place, told) for place, told in enumerate(request.messages)}
    spans = sorted((known[quote.source][0], *_span(known, quote)) for quote in _named(known, quotes))
    return [_Found(request.messages[place], start, end) for place, start, end in _joined(spans)]


def _named(known: dict[str, tuple[int, Told]], quotes: Sequence[Quote]) -> Sequence[Quote]:
    for quote in quotes:
        if quote.source not in known:
            raise _Invented("it quotes a message that is not there")
        if not known[quote.source][1].human:
            raise _Invented("it quotes a program")
    return quotes


def _span(known: dict[str, tuple[int, Told]], quote: Quote) -> tuple[int, int]:
    """Where the quote stands, made longer to whole sentences, steps and code: half a sentence can say the opposite."""
    text = known[quote.source][1].text
    words = quote.quote.split()
    found = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
    if found is None:
        raise _Invented("a quote does not stand in its message")
    touched = [span for span in sentences(text) if span.start < found.end() and found.start() < span.end]
    return (
        min([found.start(), *(span.start for span in touched)]),
        max([found.end(), *(span.end for span in touched)]),
    )


def _joined(spans: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, int, int]]:
    """``spans`` (message, start, end), in order, with those that overlap made one."""
    current: tuple[int, int, int] | None = None
    for place, start, end in spans:
        if current is not None and current[0] == place and start < current[2]:
            current = (place, current[1], max(end, current[2]))
            continue
        if current is not None:
            yield current
        current = (place, start, end)
    if current is not None:
        yield current


# ---- the title --------------------------------------------------------------------------------------------

# A run of letters, digits and what commands, paths and versions are made of; Chinese around it is not part of it.
_TOKEN = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\u3000-\u303f\uff00-\uffef,;!?()\[\]\"'“”‘’«»`…–—]+")
_CODE = re.compile(r"`([^`]+)`")
_PLAIN = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")  # letters, perhaps hyphenated
_OPENERS = re.compile(
    r"a|after|an|are|before|can|cannot|connecting|connection|could|data|do|does|error|errors|"
    r"failed|failing|fails|failure|getting|how|in|is|issue|missing|no|not|on|problem|problems|slow|"
    r"some|the|there|timeout|trouble|unable|unexpected|upgrade|upgrading|using|what|when|where|"
    r"which|why|with|wrong",
    re.IGNORECASE,
)
_COMMANDS = re.compile(
    r"apt|bash|brew|chmod|chown|conda|cp|curl|docker|eval|git|helm|kubectl|make|mv|npm|npx|pip|"
    r"powershell|psql|rm|scp|sh|ssh|su|sudo|systemctl|tar|wget|yarn|yum",
    re.IGNORECASE,
)


def _title(title: str, texts: Sequence[str]) -> str | None:
    line = " ".join(title.split()).rstrip(".")
    return line if 0 < len(line) <= TITLE_LENGTH and title_holds(line, texts) else None


def title_holds(title: str, texts: Sequence[str]) -> bool:
    """Whether ``title`` brings in nothing that ``texts`` do not say.

    That is: every number, version, path, command, option, address, code and proper noun of it stands in one of them.
    A proper noun is a word with a capital letter that is not an ordinary way to begin.
    Characters that nobody sees are something brought in, too.
    """
    if any(unicodedata.category(character).startswith("C") for character in title):
        return False
    title, *texts = (unicodedata.normalize("NFKC", text) for text in (title, *texts))
    if any(not stands(code, texts) for code in _CODE.findall(title)):
        return False
    tokens = [token.rstrip(".:") for token in _TOKEN.findall(title)]
    return all(
        stands(token, texts)
        for place, token in enumerate(tokens)
        if token and _is_telling(token, first=place == 0)
    )


def _is_telling(token: str, *, first: bool) -> bool:
    if not _PLAIN.fullmatch(token) or _COMMANDS.fullmatch(token):
        return True
    if first and _OPENERS.fullmatch(token):
        return False
    return token != token.casefold()


# ---- the entry --------------------------------------------------------------------------------------------


def entry_from(offline: KnowledgeEntry, distilled: Distilled) -> KnowledgeEntry:
    """The entry that ``distilled`` makes of the thread of ``offline``, whose passages and title it falls back on.

    What was not selected stays as discussion; what the asker said when it worked is a confirmation. It counts as
    confirmed if it was and either the same message solves it still, or the asker says afterwards that it works.
    """
    by_source = {passage.source: passage for passage in offline.passages}
    problem = [_cut(by_source, each, PassageKind.PROBLEM) for each in distilled.problem]
    solution = [_cut(by_source, each, PassageKind.SOLUTION) for each in distilled.solution]
    rest = _rest(offline, problem + solution)
    held = any(passage.kind is PassageKind.CONFIRMATION for passage in rest)
    same = {p.source for p in solution} & {p.source for p in offline.of(PassageKind.SOLUTION)}
    return replace(
        offline,
        title=distilled.title or offline.title,
        passages=(*problem, *solution, *rest),
        confirmed=offline.confirmed and bool(held or same),
    )


def _cut(by_source: dict[str, Passage], selected: Selected, kind: PassageKind) -> Passage:
    return replace(by_source[selected.source], kind=kind, text=selected.text)


def _rest(offline: KnowledgeEntry, selected: Sequence[Passage]) -> list[Passage]:
    """The messages of which nothing was selected, in order of time."""
    taken = {passage.source for passage in selected}
    asker = offline.of(PassageKind.PROBLEM)[0].author
    solved = max((p.at for p in selected if p.kind is PassageKind.SOLUTION and p.at), default=None)
    rest = [passage for passage in offline.passages if passage.source not in taken]
    rest.sort(key=lambda passage: passage.at.timestamp() if passage.at else 0.0)
    return [
        replace(passage, kind=PassageKind.CONFIRMATION)
        if passage.kind is PassageKind.CONFIRMATION
        or (
            passage.author == asker and solved and passage.at and passage.at > solved and _is_content(passage)
        )
        else replace(passage, kind=PassageKind.DISCUSSION)
        for passage in rest
    ]


def _is_content(passage: Passage) -> bool:
    says = says_thanks(passage.text) or is_solved(passage.text)
    return passage.role is not Role.BOT and says and not is_still_broken(passage.text)

"""The offline writer: quotes the best supported sentences or steps of the best hits, and invents nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.entry import Hit, Passage, PassageKind
from knowledge.lexical import words
from knowledge.sentences import Span, sentences
from knowledge.writer import Asked, Claim, Decline, Declined, Draft, Quote

MAX_CHARACTERS = 700  # an answer longer than a screen is not read
MAX_CODE = 1_500  # a command or a snippet is quoted whole or not at all


@dataclass(frozen=True, slots=True)
class _Piece:
    passage: Passage
    span: Span
    order: int
    score: float

    @property
    def text(self) -> str:
        return self.passage.text[self.span.start : self.span.end]

    @property
    def cost(self) -> int:
        """Characters it takes of the reader's patience; code is skimmed, so it counts half."""
        return len(self.text) // 2 if self.span.kind == "code" else len(self.text)


class ExtractiveWriter:
    """Each claim is a verbatim span of a solution passage, so that nothing can be said that nobody said."""

    name = "extractive"

    async def answer(self, asked: Asked) -> Draft | Declined:
        # The question already carries what matters of the thread; one good source reads better than three mixed ones.
        claims = quote(asked.question, asked.hits[0]) if asked.hits and asked.sure else []
        nothing = Declined(why=Decline.NO_ANSWER, reason="no source says what to do")
        return Draft(claims=tuple(claims)) if claims else nothing


def quote(question: str, hit: Hit, limit: int = MAX_CHARACTERS) -> list[Claim]:
    """The claims that answer ``question`` best out of one hit, as they were said, about ``limit`` characters."""
    pieces = list(_pieces(question, hit))
    if sum(piece.cost for piece in pieces) > limit:
        pieces = _best(pieces, limit)
    return [_claim(hit, run) for run in _runs(pieces)]


def _runs(pieces: Sequence[_Piece]) -> list[list[_Piece]]:
    """Neighbouring pieces of one passage together: they are quoted as they stand, with what is between them."""
    runs: list[list[_Piece]] = []
    for piece in pieces:
        last = runs[-1][-1] if runs else None
        if last is not None and last.passage is piece.passage and last.order + 1 == piece.order:
            runs[-1].append(piece)
        else:
            runs.append([piece])
    return runs


def _claim(hit: Hit, run: Sequence[_Piece]) -> Claim:
    passage = run[0].passage
    text = passage.text[run[0].span.start : run[-1].span.end]
    return Claim(text=text, quotes=(Quote(entry=hit.entry.id, source=passage.source, text=text),))


def _pieces(question: str, hit: Hit) -> Iterator[_Piece]:
    asked = set(words(question))
    order = 0
    for passage in hit.entry.of(PassageKind.SOLUTION):
        for span in sentences(passage.text):
            text = passage.text[span.start : span.end]
            if len(text) <= MAX_CODE:
                yield _Piece(passage, span, order, _worth(text, span, asked, order))
            order += 1


def _worth(text: str, span: Span, asked: set[str], order: int) -> float:
    """Overlap with the question, a little for steps and code (they are what helps), a little for coming early."""
    said = set(words(text))
    overlap = len(said & asked) / (math.sqrt(len(said)) + 1.0)
    return overlap + (0.6 if span.kind != "prose" else 0.0) + 0.4 / (1 + order)


def _best(pieces: Sequence[_Piece], limit: int) -> list[_Piece]:
    """The best run of neighbours: starts at the best piece and grows to the better side until it is full."""
    if not pieces:
        return []
    best = max(range(len(pieces)), key=lambda index: (pieces[index].score, -index))
    low, high, used = best, best + 1, pieces[best].cost
    while low > 0 or high < len(pieces):
        before = pieces[low - 1] if low > 0 else None
        after = pieces[high] if high < len(pieces) else None
        grow_down = after is None or (before is not None and before.score > after.score)
        chosen = before if grow_down else after
        if chosen is None or used + chosen.cost > limit:
            break
        used += chosen.cost
        low, high = (low - 1, high) if grow_down else (low, high + 1)
    return list(pieces[low:high])

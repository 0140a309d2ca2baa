"""A draft in the words of an analyst: what is made of the text that he sent. Pure."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from bot.answerer import Line, Suggestion

# A mark stands alone, as in "Restart it. [1]": `spill[1]`, and all that is code, is what it is. What ends a sentence
# behind a mark belongs to the words before it.
_TOKEN = re.compile(
    r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)"
    r"|(?<!\w)(?P<marks>\[\d{1,2}\](?:\s*\[\d{1,2}\])*)(?!\()(?P<end>[.,;:!?)]*)",
    re.DOTALL,
)
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    """Words, with the white space before them, and the numbers behind them."""

    text: str
    numbers: tuple[int, ...] = ()


def reworded(suggestion: Suggestion, text: str, by: str) -> Suggestion:
    """``suggestion`` as ``by`` (a whole id) says it: with the sources whose marks he kept, numbered anew, no others.

    What he wrote beside them is his own claim, so it need not stand in any source.
    """
    known = {citation.number: citation for citation in suggestion.citations}
    pieces = list(_pieces(text.replace("\r\n", "\n").strip(), known))
    used = dict.fromkeys(number for piece in pieces for number in piece.numbers)
    anew = {old: new for new, old in enumerate(used, start=1)}
    return Suggestion(
        lines=tuple(_line(piece, anew) for piece in pieces),
        citations=tuple(replace(known[old], number=new) for old, new in anew.items()),
        verbatim=False,
        worded_by=by,
    )


def without_marks(suggestion: Suggestion) -> str:
    """What it says, without the numbers of its sources."""
    said = [((line.gap or " ") if place else "") + line.text for place, line in enumerate(suggestion.lines)]
    return "".join(said).strip()


def _line(piece: _Piece, anew: dict[int, int]) -> Line:
    words = piece.text.lstrip()
    gap = piece.text[: len(piece.text) - len(words)]
    return Line(
        text=words.rstrip(), citations=tuple(anew[n] for n in dict.fromkeys(piece.numbers)), gap=gap or " "
    )


def _pieces(text: str, known: Collection[int]) -> Iterator[_Piece]:
    """The text cut behind its marks; marks before the first word go with it."""
    start, waiting = 0, ()  # type: int, tuple[int, ...]
    for found in _TOKEN.finditer(text):
        numbers = tuple(
            number for each in _NUMBER.findall(found["marks"] or "") if (number := int(each)) in known
        )
        if not numbers:
            continue
        words = text[start : found.start()]
        words = words.rstrip() + found["end"] if found["end"] else words
        start, waiting = found.end(), (*waiting, *numbers)
        if words.strip():
            yield _Piece(text=words, numbers=waiting)
            waiting = ()
    if text[start:].strip():
        yield _Piece(text=text[start:], numbers=waiting)

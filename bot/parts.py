"""An answer that is too long for one message, in several. Pure, and the same whenever it is asked: which parts are
posted already is known by their numbers only.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.adapters.acts import Post
from bot.adapters.markdown import paragraphs
from bot.answerer import Line, Suggestion

MAX_PARTS = 3  # what is longer still is left to the source
MAX_CHUNK = 1_500  # characters of a line that is cut

Cost = Callable[[Suggestion], float]

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})([\w+-]*)[ \t]*$")


def parts_of(post: Post, cost: Cost) -> tuple[Post, ...]:
    """``post`` as the messages in which it is said. ``cost``: the share of one message that an answer's lines take.

    All sources stand under the last one, with the buttons; what goes on before the first stands there alone.
    """
    said = post.suggestion
    if cost(said) <= 1.0:
        return (post,)
    packed = _packed(said, cost)
    of = len(packed)
    return tuple(
        replace(
            post,
            suggestion=replace(said, lines=tuple(lines)),
            lead=post.lead if part == 1 else "",
            part=part,
            of=of,
        )
        for part, lines in enumerate(packed, start=1)
    )


def _packed(said: Suggestion, cost: Cost) -> list[list[Line]]:
    """The lines of each message: as many paragraphs as go into it, the last with all that is left."""
    packed: list[list[Line]] = [[]]
    used = 0.0
    for lines in _pieces(said, cost):
        takes = cost(replace(said, lines=tuple(lines)))
        if packed[-1] and used + takes > 1.0 and len(packed) < MAX_PARTS:
            packed.append([])
            used = 0.0
        packed[-1] += lines
        used += takes
    return packed


def _pieces(said: Suggestion, cost: Cost) -> list[list[Line]]:
    """Paragraphs; of one that is too long for a message its lines, and of a line that is, pieces of it."""
    pieces: list[list[Line]] = []
    for lines in paragraphs(said.lines):
        if cost(replace(said, lines=tuple(lines))) <= 1.0:
            pieces.append(lines)
        else:
            pieces += [[piece] for line in lines for piece in cut(line)]
    return pieces


def cut(line: Line, most: int = MAX_CHUNK) -> list[Line]:
    """``line`` in pieces of about ``most`` characters, each with its citations. A fence that is cut is closed and
    opened again."""
    chunks = _chunks(line.text, most)
    gaps = [line.gap, *["\n\n"] * (len(chunks) - 1)]
    return [replace(line, text=text, gap=gap) for text, gap in zip(chunks, gaps, strict=True)]


_Open = tuple[str, str]  # the line that opens a fence, and what closes it


def _chunks(text: str, most: int) -> list[str]:
    chunks: list[str] = []
    taken: list[str] = []
    fence: _Open | None = None
    rows = [piece for row in text.split("\n") for piece in _short(row, most)]
    for row in rows:
        if taken and sum(map(len, taken)) + len(taken) + len(row) > most:
            chunks.append("\n".join([*taken, fence[1]] if fence else taken))
            taken = [fence[0]] if fence else []
        taken.append(row)
        fence = _fence_after(row, fence)
    return [*chunks, "\n".join(taken)]


def _fence_after(row: str, fence: _Open | None) -> _Open | None:
    """The fence that is open after ``row``. In a chat one may begin and end within a line."""
    found = _FENCE.match(row)
    if found is None and row.count("```") % 2 and (fence is None or fence[1] == "```"):
        return ("```", "```") if fence is None else None
    if found is None:
        return fence
    if fence is None:
        return found[0], found[1]
    closes = not found[2] and found[1].startswith(fence[1])
    return None if closes else fence


def _short(row: str, most: int) -> Sequence[str]:
    """A row as it is, or cut at blanks where it is longer than a whole piece."""
    pieces = []
    while len(row) > most:
        at = row.rfind(" ", 1, most) + 1 or most
        pieces.append(row[:at].rstrip(" ") if at < len(row) else row[:at])
        row = row[at:]
    return [*pieces, row]

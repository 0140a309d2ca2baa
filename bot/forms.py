"""The text in which a person edits an entry: what the editor is given, and what comes back. Pure."""

import re

from knowledge.notes import NoteError, Wording

HINT = """\
Edit the title, the problem and the solution of {id}; keep the lines between them. Save and close.
What changes becomes a new entry that stands in this one's place. Without a change nothing happens."""
PARTS = ("title", "problem", "solution")
_LINE = "--- {} ---"


def form(entry_id: str, wording: Wording) -> str:
    """The wording of an entry as a text with three parts."""
    texts = (wording.title, wording.problem, wording.solution)
    parts = (f"{_LINE.format(name)}\n{text}\n" for name, text in zip(PARTS, texts, strict=True))
    return "\n".join((HINT.format(id=entry_id) + "\n", *parts))


def wording_from(text: str) -> Wording:
    """The wording in a text that ``form`` made and a person edited. Raises NoteError if a part's line is gone."""
    starts, at = [], 0
    for name in PARTS:  # in this order, so that a solution may contain what looks like a part
        found = re.compile(rf"^{re.escape(_LINE.format(name))}[ \t]*\r?$\n?", re.MULTILINE).search(text, at)
        if found is None:
            raise NoteError(f"the line {_LINE.format(name)!r} is gone; nothing was changed, edit it again")
        starts.append(found)
        at = found.end()
    title, problem, solution = (
        text[start.end() : end].strip()
        for start, end in zip(starts, (starts[1].start(), starts[2].start(), len(text)), strict=True)
    )
    return Wording(title=title, problem=problem, solution=solution)

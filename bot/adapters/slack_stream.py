"""An answer as Slack's Markdown, for being said paragraph by paragraph before the eyes of who asked. Pure.

Slack tells nowhere how it reads a ``<`` or an ``&`` within code of its Markdown: an answer with such code, or with what
else could be read in two ways, is posted as a whole instead.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.adapters.acts import Post
from bot.adapters.harmless import hides_host, plainly
from bot.adapters.markdown import Code, Piece, Run, Text, answer_pieces
from bot.adapters.slack_markup import BROADCAST
from bot.adapters.slack_wire import METADATA_TYPE, feedback, intro, noted, show_names, sources

MAX_STREAMED = 10_000  # characters; Slack takes 12,000

_LOUD = re.compile(BROADCAST, re.IGNORECASE)
_MARK = re.compile(r"[\\`*_~\[\]()#!|{}]|(?m:^\s*(?:[-+]|\d+\.))")
_ADDRESS = re.compile(r"(https?://[\w./~%?=&+-]*[\w/])", re.ASCII)
_TWOFOLD = re.compile(r"[<>&@]|```")


def paragraphs(post: Post, names: Mapping[str, str]) -> list[str] | None:
    """What is said one after the other, without the sources; None if it is better posted as a whole."""
    said = post.suggestion
    bar = "> " if said.verbatim else ""
    lead = [_words(post.lead)] if post.lead else []
    told = [_paragraph(pieces, bar) for pieces in answer_pieces(said, lambda text: show_names(text, names))]
    shown = [each for each in told if each is not None]
    whole = [f"{each}\n\n" for each in (*lead, f"**{intro(said).strip('*')}**", *shown)]
    return None if len(shown) < len(told) or sum(map(len, whole)) > MAX_STREAMED else whole


def ending(post: Post) -> dict[str, Any]:
    """Arguments of chat.stopStream besides channel and ts: sources, buttons, and what it is found by."""
    said = post.suggestion
    return {
        "blocks": [*noted(said), *sources(said.citations, post.now), feedback(post.id)],
        "metadata": {"event_type": METADATA_TYPE, "event_payload": {"id": post.mark}},
    }


def _paragraph(pieces: list[Piece], bar: str) -> str | None:
    lines: list[str] = []
    for piece in pieces:
        match piece:
            case Code() if _TWOFOLD.search(piece.text):
                return None
            case Code():
                lines.append(f"```{piece.language}\n{plainly(piece.text).rstrip()}\n```")
            case Text() if any(run.code and _TWOFOLD.search(run.text) for run in piece.runs):
                return None
            case Text():
                lines += _lines(piece, bar)
    return "\n".join(lines)


def _lines(text: Text, bar: str) -> Iterator[str]:
    before = "    " * max(text.depth - 1, 0) + {"": "", "•": "- "}.get(text.marker, f"{text.marker} ")
    bar = "> " if text.quote else bar
    # A backslash ends a line that goes on, as two blanks do.
    for number, line in enumerate("".join(map(_run, text.runs)).split("\n")):
        yield f"{bar}{before if number == 0 else ''}{line}"


def _run(run: Run) -> str:
    inner = plainly(run.text).strip()
    if not inner or run.code:
        return f"`{run.text}`" if inner and "`" not in run.text else _words(run.text)
    told = _words(inner)
    if run.link is not None:
        hidden = hides_host(run.link, inner)
        told = (
            f"{told} ({run.link})"
            if hidden
            else f"[{told}]({run.link.replace('(', '%28').replace(')', '%29')})"
        )
    plain = inner[0].isalnum() and inner[-1].isalnum() and "\n" not in inner
    for mark, is_on in (("~~", run.strike), ("*", run.italic), ("**", run.bold)):
        told = f"{mark}{told}{mark}" if is_on and plain else told
    start = len(run.text) - len(run.text.lstrip())
    return run.text[:start] + told + run.text[start + len(run.text.strip()) :]


def _words(text: str) -> str:
    """Words of which nothing is markup; web addresses as they are."""
    pieces = _ADDRESS.split(plainly(text))
    return "".join(piece if place % 2 else _safe(piece) for place, piece in enumerate(pieces))


def _safe(text: str) -> str:
    marked = _MARK.sub(lambda found: re.sub(r"([^\w\s])", r"\\\1", found[0]), text)
    safe = marked.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LOUD.sub("@\u2060", safe)

"""Pieces of an answer as elements of Lark's cards: as their Markdown, and as plain text where nothing is markup. Pure.

Every character that could be markup is written as an entity; only what marks a style, a link, a list or code is ours.

https://open.feishu.cn/document/feishu-cards/card-json-v2-components/content-components/rich-text
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from bot.adapters.harmless import hides_host, plainly
from bot.adapters.lark_markup import lark_safe
from bot.adapters.markdown import Code, Piece, Rule, Run, Text, cut_code, halves

Element = dict[str, Any]

MAX_PIECE = 2_000  # characters of one element, so that a long text can be cut where the card is full
MAX_CODE = 6_000

# Whether entities and tags are read within a line of code is told nowhere: what could be one is shown as text.
_HARMLESS_CODE = re.compile(r"(?:[^<>`\n&]|&(?![#\w]))+")
_FENCE = re.compile(r"(?m)^[ \t]*```")


def elements(pieces: Sequence[Piece]) -> list[Element]:
    made: list[Element] = []
    for piece in pieces:
        for part in _parts(piece):
            if made and isinstance(piece, Text) and _go_together(made[-1], part):
                made[-1] = markdown(made[-1]["content"] + piece.gap.replace(" ", "\n") + part["content"])
            else:
                made.append(part)
    return made


def _go_together(last: Element, part: Element) -> bool:
    said = [last.get("content", ""), part.get("content", "")]
    return (
        last["tag"] == part["tag"] == "markdown"
        and not said[0].endswith("```")
        and len(said[0]) + len(said[1]) < MAX_PIECE
    )


def markdown(text: str) -> Element:
    return {"tag": "markdown", "content": text}


def div(text: str) -> Element:
    return {"tag": "div", "text": {"tag": "plain_text", "content": text}}


def _parts(piece: Piece) -> Iterator[Element]:
    match piece:
        case Rule():
            yield {"tag": "hr"}
        case Code():
            yield from (_coded(code) for code in cut_code(piece, MAX_CODE) if code.text.strip())
        case Text() if piece.raw or _is_plain(piece):
            yield from _as_it_stands(piece)
        case Text():
            yield from _told(piece)


def _coded(code: Code) -> Element:
    """On lines of its own; as plain text where what is in it would end it."""
    text = plainly(code.text)
    return div(text) if _FENCE.search(text) else markdown(f"```{code.language}\n{text.rstrip()}\n```")


def _is_plain(text: Text) -> bool:
    styled = any(run.bold or run.italic or run.strike or run.code or run.link for run in text.runs)
    return not (styled or text.quote or text.depth)


def _as_it_stands(text: Text) -> Iterator[Element]:
    shown = plainly(text.said).strip("\n")
    if len(shown) <= MAX_PIECE:
        yield from [div(shown)] if shown.strip() else []
    else:
        for half in halves(text):
            yield from _as_it_stands(half)


def _told(text: Text) -> Iterator[Element]:
    if len(text.said) > MAX_PIECE:
        for half in halves(text):
            yield from _told(half)
        return
    said = "".join(_run(run) for run in _trimmed(text.runs)).replace("\n", "\n" + _indent(text, goes_on=True))
    if said.strip() or text.marker:
        yield markdown(_indent(text) + said)


def _trimmed(runs: Sequence[Run]) -> list[Run]:
    """Within a line or an entry of a list no blank line, which would end it."""
    return [_like(run, re.sub(r"\n\s*", "\n", plainly(run.text))) for run in runs]


def _like(run: Run, text: str) -> Run:
    return Run(text=text, bold=run.bold, italic=run.italic, strike=run.strike, code=run.code, link=run.link)


def _indent(text: Text, *, goes_on: bool = False) -> str:
    """What stands before a line: of a quotation, of a list."""
    quote_mark = "> " if text.quote else ""
    if text.marker and not goes_on:
        mark = "-" if text.marker == "•" else text.marker.replace(")", ".")
        return f"{quote_mark}{'    ' * (text.depth - 1)}{mark} "
    return quote_mark + "    " * text.depth


def _run(run: Run) -> str:
    if run.code:
        return f"`{run.text}`" if _HARMLESS_CODE.fullmatch(run.text) else lark_safe(f"`{run.text}`")
    inner = run.text.strip()
    if not inner:
        return run.text
    told = _linked(inner, run.link)
    # A mark beside a character that is no letter is taken for one, or is not, by rules that differ.
    styled = inner[0].isalnum() and inner[-1].isalnum() and "\n" not in inner
    for mark, is_on in (("~~", run.strike), ("*", run.italic), ("**", run.bold)):
        told = f"{mark}{told}{mark}" if is_on and styled else told
    start = len(run.text) - len(run.text.lstrip())
    return run.text[:start] + told + run.text[start + len(inner) :]


def _linked(text: str, link: str | None) -> str:
    if link is None:
        return lark_safe(text)
    if hides_host(link, text):
        return f"{lark_safe(text)} ([source]({address(link)}))"
    return f"[{lark_safe(text)}]({address(link)})"


def address(link: str | None) -> str:
    """A URL that can stand behind a label: no character in it ends the link."""
    return quote(link or "", safe=":/?#@!$&'+,;=%~-._")

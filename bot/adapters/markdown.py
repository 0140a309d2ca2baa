"""An answer as pieces that any platform can show: text with its styles, code, rules. Pure.

Only what came out of Markdown is read as Markdown. A chat message that happens to hold an asterisk, or that begins with
a dash or a number, is no Markdown: nothing in it but fences of code is taken for markup.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from bot.adapters.harmless import plainly
from bot.answerer import Line, Suggestion
from knowledge.entry import EntryKind
from knowledge.sources import HTML, MARKDOWN

MAX_NESTING = 60  # the parser leaves out what stands deeper


class Dialect(StrEnum):
    """What is markup in a text."""

    PLAIN = "plain"  # what people wrote in a chat, and plain text: fences of code only
    MARKDOWN = "markdown"  # a Markdown document
    TOLD = "told"  # what a model wrote: code, lists, tables, bold; a backslash in a path is a backslash
    PAGE = "page"  # a web page as it was taken in: code, lists, tables


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Characters of one style, as they are read. ``link``: where they lead, a web address."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """A paragraph, a heading, or an entry of a list (``depth`` from 1, ``marker`` "•" or "3.").

    ``gap``: what stands before it. ``raw``: what people wrote in a chat, which is shown as it stands.
    """

    runs: tuple[Run, ...]
    gap: str = "\n"
    quote: bool = False
    depth: int = 0
    marker: str = ""
    raw: bool = False

    @property
    def said(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """Code, a log or a table, character by character."""

    text: str
    language: str = ""
    gap: str = "\n"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    gap: str = "\n"


Piece = Text | Code | Rule


# ---- an answer


def answer_pieces(said: Suggestion, shown: Callable[[str], str]) -> list[list[Piece]]:
    """The pieces of each paragraph of an answer, with the numbers of its sources. ``shown`` names people in a text."""
    return [_together(lines, _least(lines, said), shown) for lines in paragraphs(said.lines)]


def paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that stand in one paragraph together; their gaps say so."""
    paragraphs: list[list[Line]] = []
    for line in lines:
        if paragraphs and "\n" not in line.gap:
            paragraphs[-1].append(line)
        else:
            paragraphs.append([line])
    return paragraphs


def dialect_of(line: Line, said: Suggestion) -> Dialect:
    """How a line of an answer is to be read, by where its words come from."""
    cited = [citation for citation in said.citations if citation.number in line.citations]
    if not said.verbatim:
        # Asterisks that stand in a source are characters: a pattern of files, not something in bold.
        return Dialect.PAGE if any("**" in citation.quote for citation in cited) else Dialect.TOLD
    if not cited or any(citation.kind is not EntryKind.DOCUMENT for citation in cited):
        return Dialect.PLAIN
    endings = {PurePosixPath(citation.source).suffix.lower() for citation in cited}
    if endings <= MARKDOWN:
        return Dialect.MARKDOWN
    return Dialect.PAGE if endings <= HTML else Dialect.PLAIN


def _least(lines: Sequence[Line], said: Suggestion) -> Dialect:
    """The dialect of a paragraph: where its lines differ, the one in which less is markup."""
    found = {dialect_of(line, said) for line in lines}
    return next(
        each for each in (Dialect.PLAIN, Dialect.PAGE, Dialect.TOLD, Dialect.MARKDOWN) if each in found
    )


def _together(lines: Sequence[Line], dialect: Dialect, shown: Callable[[str], str]) -> list[Piece]:
    pieces: list[Piece] = []
    for line in lines:
        found = pieces_of(shown(line.text), dialect, inside=bool(pieces))
        pieces = _with(_with(pieces, found), _marks(line, dialect))
    return pieces


def _marks(line: Line, dialect: Dialect) -> list[Piece]:
    marks = " ".join(f"[{number}]" for number in line.citations)
    return [Text(runs=(Run(text=marks),), raw=dialect is Dialect.PLAIN)] if marks else []


def _with(before: list[Piece], after: list[Piece]) -> list[Piece]:
    """Both behind each other in one paragraph: text goes on in its line, whatever stands behind code follows it."""
    if not before or not after:
        return [*before, *after]
    last, first = before[-1], after[0]
    if not isinstance(first, Text) or first.marker:
        return [*before, *after]
    if not isinstance(last, Text) or last.raw != first.raw:
        return [*before, replace(first, gap=" "), *after[1:]]
    return [*before[:-1], replace(last, runs=(*last.runs, Run(text=" "), *first.runs)), *after[1:]]


# ---- what a text is made of


def pieces_of(text: str, dialect: Dialect, *, inside: bool = False) -> list[Piece]:
    """The pieces of ``text``. ``inside``: it goes on within a paragraph, so that no list begins there."""
    text = plainly(text)
    if dialect is Dialect.MARKDOWN:
        return _read(text, dialect, inside=inside and not text.startswith(("```", "~~~")))
    pieces: list[Piece] = []
    for part in _FENCE.split(text):
        if part.startswith("```"):
            pieces.append(_fenced(part))
        elif part.strip():
            gap = "\n" if "\n" in part[: len(part) - len(part.lstrip())] or not pieces else " "
            found = (
                _plainly(part)
                if dialect is Dialect.PLAIN
                else _read(part.strip("\n"), dialect, inside=inside)
            )
            pieces += [
                replace(piece, gap=gap if place == 0 else piece.gap) for place, piece in enumerate(found)
            ]
    return pieces


_FENCE = re.compile(r"(```.*?(?:```|\Z))", re.DOTALL)
_LANGUAGE = re.compile(r"[\w+-]*", re.ASCII)


def _fenced(fence: str) -> Code:
    """Code between fences. In a chat what stands behind the first is code, too, unless it stands alone there and the
    last fence stands alone: then it names the language."""
    inner = fence.removeprefix("```").removesuffix("```")
    first, newline, rest = inner.partition("\n")
    names = bool(newline) and _LANGUAGE.fullmatch(first.strip()) is not None
    if names and (not first.strip() or not rest.strip() or rest.endswith("\n")):
        return Code(text=rest, language=first.strip())
    return Code(text=inner)


def _plainly(text: str) -> list[Piece]:
    return [Text(runs=(Run(text=text.strip("\n")),), raw=True)]


def _read(text: str, dialect: Dialect, *, inside: bool) -> list[Piece]:
    parser = _PARSERS[dialect]
    tokens = parser.parseInline(text) if inside else parser.parse(text)
    if any(token.level >= MAX_NESTING - 1 for token in tokens):
        return _plainly(text)
    return list(_Reader(dialect, text).read(tokens)) or _plainly(text)


# ---- the parsers


def _address(state: StateInline, silent: bool) -> bool:
    """A web address in a text is no markup from its beginning to its end: it holds underscores and asterisks."""
    if not state.pending.endswith(("http", "https")):
        return False
    found = _ADDRESS.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    end = found.end() - len(_AFTER_ADDRESS.search(found[0])[0])  # type: ignore[index]  # it matches nothing, too
    if not silent:
        state.pending += state.src[state.pos : end]
    state.pos = end
    return True


_ADDRESS = re.compile(r"://[^\s<>`\[\]\"]+")
_AFTER_ADDRESS = re.compile(r"[.,;:!?)'*_~\\]*\Z")


def is_web(link: str) -> bool:
    """Whether it can stand as a link just as it is written, and leads to the host that is read first in it."""
    try:
        parts = urlsplit(link)
    except ValueError:  # "https://[" has no host that could be read
        return False
    plain = _PLAIN_ADDRESS.fullmatch(link) is not None and "@" not in parts.netloc
    return plain and parts.scheme in ("http", "https") and bool(parts.netloc)


_PLAIN_ADDRESS = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]+")


def _parser(dialect: Dialect, *off: str) -> MarkdownIt:
    # `reference` would swallow a line of the text, and HTML is shown as it is written.
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    parser.enable(["table", "strikethrough"]).disable(["reference", *off])
    parser.inline.ruler.before("escape", "address", _address)
    setattr(parser, "normalizeLink", lambda link: link)  # noqa: B010  # an address stays as it is written
    setattr(parser, "validateLink", is_web if dialect is Dialect.TOLD else bool)  # noqa: B010
    return parser


_NO_MARKUP = ("escape", "entity", "autolink", "blockquote", "lheading", "strikethrough")
_PARSERS = {
    Dialect.MARKDOWN: _parser(Dialect.MARKDOWN),
    Dialect.TOLD: _parser(Dialect.TOLD, *_NO_MARKUP),
    Dialect.PAGE: _parser(Dialect.PAGE, *_NO_MARKUP, "emphasis", "link", "image", "heading"),
}


# ---- from tokens to pieces


class _Reader:
    """Goes through the tokens of one text. It keeps where it is: in which lists, in a quotation, in a heading."""

    def __init__(self, dialect: Dialect, text: str) -> None:
        self._dialect = dialect
        self._lines = text.split("\n")
        self._lists: list[int | None] = []  # the next number of each list that is open; None for bullets
        self._marker = ""
        self._quotes = 0
        self._bold = False
        self._mark = ""  # of a heading that a model wrote
        self._gap = ""

    def read(self, tokens: Sequence[Token]) -> Iterator[Piece]:
        table: list[list[str]] | None = None
        for token in tokens:
            self._note_gap(token)
            if table is not None and token.type != "table_close":
                _into(table, token, self._runs)
            elif token.type == "table_open":
                table = []
            elif token.type == "table_close":
                yield from self._coded(Code(text=aligned(table or []), gap=self._taken_gap()))
                table = None
            else:
                yield from self._piece(token)

    def _piece(self, token: Token) -> Iterator[Piece]:
        match token.type:
            case "bullet_list_open":
                self._lists.append(None)
            case "ordered_list_open":
                self._lists.append(int(token.attrGet("start") or 1) if token.attrGet("start") != 0 else 0)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                self._marker = self._next_marker(token.markup)
            case "list_item_close" if self._marker:
                yield self._text(())
            case "blockquote_open":
                self._quotes += 1
            case "blockquote_close":
                self._quotes -= 1
            case "heading_open":
                # One number sign begins a comment as well: in what a model wrote it stays.
                told = self._dialect is Dialect.TOLD and token.markup == "#"
                self._bold, self._mark = not told, "# " if told else ""
            case "heading_close":
                self._bold = False
            case "inline":
                yield self._text(tuple(self._runs(token)))
            case "fence" | "code_block":
                language = token.info.strip().split(" ")[0] if token.info else ""
                language = language if _LANGUAGE.fullmatch(language) else ""
                yield from self._coded(Code(text=token.content, language=language, gap=self._taken_gap()))
            case "hr":
                yield Rule(gap=self._taken_gap())

    def _coded(self, code: Code) -> Iterator[Piece]:
        if self._marker:
            yield self._text(())
        yield code

    def _next_marker(self, markup: str) -> str:
        number = self._lists[-1]
        if number is None:
            return "•"
        self._lists[-1] = number + 1
        return f"{number}{markup}"

    def _text(self, runs: tuple[Run, ...]) -> Text:
        marker, self._marker = self._marker, ""
        mark, self._mark = self._mark, ""
        return Text(
            runs=(Run(text=mark), *runs) if mark else runs,
            gap=self._taken_gap(),
            quote=self._quotes > 0,
            depth=len(self._lists),
            marker=marker,
        )

    def _note_gap(self, token: Token) -> None:
        """A blank line before a block is kept."""
        if token.map and token.nesting >= 0 and token.type != "inline":
            above = self._lines[token.map[0] - 1] if token.map[0] else "-"
            self._gap = "\n\n" if not above.strip("> \t") or self._gap == "\n\n" else "\n"

    def _taken_gap(self) -> str:
        gap, self._gap = self._gap or "\n", ""
        return gap

    def _runs(self, token: Token) -> Iterator[Run]:
        """The runs of an inline token, those of one style as one."""
        for style, run in groupby(self._styled(token.children or []), lambda each: replace(each, text="")):
            if text := "".join(each.text for each in run):
                yield replace(style, text=text)

    def _styled(self, tokens: Sequence[Token]) -> Iterator[Run]:
        style, links = Run(text="", bold=self._bold), list[str]()
        for token in tokens:
            match token.type:
                case "em_open" | "em_close" | "strong_open" | "strong_close" if self._is_literal(token):
                    yield replace(style, text=token.markup)
                case "strong_open" | "strong_close":
                    style = replace(style, bold=token.nesting > 0 or self._bold)
                case "em_open" | "em_close":
                    style = replace(style, italic=token.nesting > 0)
                case "s_open" | "s_close":
                    style = replace(style, strike=token.nesting > 0)
                case "link_open" | "link_close" if token.markup == "autolink":
                    pass  # it is an address like any other in a text
                case "link_open":
                    links.append(str(token.attrGet("href") or ""))
                    style = replace(style, link=links[-1] if self._may_hide(links[-1]) else None)
                case "link_close":
                    yield from _elsewhere(style, links.pop())
                    style = replace(style, link=None)
                case "code_inline":
                    yield replace(style, text=token.content, code=True)
                case "image":
                    yield from self._image(style, token)
                case "softbreak" | "hardbreak":
                    yield replace(style, text="\n")
                case _:
                    yield replace(style, text=token.content)

    def _may_hide(self, link: str) -> bool:
        """Whether an address may stand behind words. What a model copied may come from anybody: it is shown."""
        return self._dialect is Dialect.MARKDOWN and is_web(link)

    def _image(self, style: Run, token: Token) -> Iterator[Run]:
        source = str(token.attrGet("src") or "")
        shown = replace(style, text=token.content or "image")
        if style.link is None and self._may_hide(source):
            yield replace(shown, link=source)
        else:
            yield shown
            yield from _elsewhere(style, source)

    def _is_literal(self, token: Token) -> bool:
        """A model uses two asterisks for bold; one, and underscores, are parts of names and patterns."""
        return self._dialect is Dialect.TOLD and token.markup != "**"


def _elsewhere(style: Run, link: str) -> Iterator[Run]:
    """Where a link leads, beside its words where it does not stand behind them."""
    if style.link is None and link and not link.startswith("#"):
        yield replace(style, text=f" ({link})")


def _into(table: list[list[str]], token: Token, runs: Callable[[Token], Iterator[Run]]) -> None:
    if token.type == "tr_open":
        table.append([])
    elif token.type == "inline":
        table[-1].append("".join(map(_in_cell, runs(token))))


def _in_cell(run: Run) -> str:
    return run.text if run.link is None or run.link == run.text else f"{run.text} ({run.link})"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """A table in letters of one width, its first row underlined."""
    most = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = [_row(row, most) for row in rows]
    return "\n".join([*lines[:1], "  ".join("-" * max(each, 1) for each in most), *lines[1:]]) + "\n"


def _row(cells: Sequence[str], most: Sequence[int]) -> str:
    padded = (cell + " " * (room - width(cell)) for cell, room in zip(cells, most, strict=True))
    return "  ".join(padded).rstrip()


def width(text: str) -> int:
    """Columns on a screen: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


# ---- cutting


def halves(text: Text) -> tuple[Text, Text]:
    """``text`` cut near its middle, at the end of a line or else at a blank, where there is one."""
    whole = text.said
    middle = len(whole) // 2
    cut = next((at for mark in ("\n", " ") if (at := whole.rfind(mark, 1, middle + 1)) > middle // 2), middle)
    before, after, at = [], [], 0
    for run in text.runs:
        here = min(max(cut - at, 0), len(run.text))
        before += [replace(run, text=run.text[:here])] if here else []
        after += [replace(run, text=run.text[here:])] if run.text[here:] else []
        at += len(run.text)
    after[0] = replace(after[0], text=after[0].text.removeprefix("\n")) if after else Run(text="")
    return replace(text, runs=tuple(before)), replace(text, runs=tuple(after), gap="\n", marker="")


def cut_code(code: Code, most: int) -> list[Code]:
    """``code`` in blocks of at most ``most`` characters, cut at the ends of lines where there are any."""
    blocks, rest = [], code.text
    while len(rest) > most:
        cut = rest.rfind("\n", 1, most) + 1 or most
        blocks.append(rest[:cut])
        rest = rest[cut:]
    gaps = [code.gap, *["\n"] * len(blocks)]
    return [replace(code, text=each, gap=gap) for each, gap in zip([*blocks, rest], gaps, strict=True)]

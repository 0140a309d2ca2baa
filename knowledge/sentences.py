"""Where sentences, steps and code begin and end in what people wrote, to be quoted verbatim. Pure."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sentencex import get_sentence_boundaries  # type: ignore[import-untyped]


class SpanKind(StrEnum):
    """``prose``: one sentence. ``item``: one entry of a list, or one step. ``code``: code, a log, a table."""

    PROSE = "prose"
    ITEM = "item"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` is a sentence, an item or a block of code, without blanks around it."""

    start: int
    end: int
    kind: SpanKind


def sentences(text: str) -> list[Span]:
    """The spans of ``text``: in order, not overlapping, and together all of it but blanks.

    A fenced or indented block, a run of log lines, a table and an item of a list are one span each; within
    prose a URL, a path, a version or inline code is never cut.
    """
    spans: list[Span] = []
    position = 0
    for fence in _FENCE.finditer(text):
        spans.extend(_spans_of_lines(text, position, fence.start()))
        spans.append(Span(fence.start(), fence.end(), SpanKind.CODE))
        position = fence.end()
    spans.extend(_spans_of_lines(text, position, len(text)))
    return [stripped for span in spans if (stripped := _stripped(text, span)).start < stripped.end]


# ---- lines -----------------------------------------------------------------------------------------------

# Slack's ``` may open and close within a line; one that stays open counts only at the start of a line.
_FENCE = re.compile(
    r"""
      (?P<ticks>`{3,}) .*? (?P=ticks) `*
    | ^[ \t]* (?P<tildes>~{3,}) [^\n]*\n .*? ^[ \t]* (?P=tildes) ~* [ \t\r]*$
    | ^[ \t]* (?: `{3,} | ~{3,} ) .*
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_ITEM = re.compile(
    r"""
    \s* (?:
        [-*+•◦▪‣–] \s+                          # - item
      | \(? \d{1,2} (?: [.)] \s+ | [、）] \s* )   # 1. item   1) item   (1) item   1、item
      | （ \d{1,2} ） \s*                       # （1）item
      | [①-⑳] \s*
      | step \s+ \d{1,2} \s* [:.)] \s*
      | 第[一二三四五六七八九十\d]{1,3}步 \s* [:：,，、.] \s*
    ) \S
    """,
    re.VERBOSE | re.IGNORECASE,
)
_INDENTED = re.compile(r"(?:\t| {4})\s*\S")
_CONTINUED = re.compile(r"(?:\t| {2})\s*\S")
_TABLE = re.compile(r"\s*\|.*\|\s*$")
_HEADING = re.compile(r" {0,3}#{1,6}\s")
_QUOTED = re.compile(r"\s{0,3}>")
_LOG = re.compile(
    r"""
      \s* \[? \d{4}-\d\d-\d\d [T\s] \d\d:\d\d                                   # 2026-01-31 09:30
    | \s* \[? \d\d:\d\d:\d\d \b
    | \s* \[? (?: ERROR | WARN | WARNING | INFO | DEBUG | FATAL | CRITICAL | TRACE ) \b [\]:\s]
    | \s* (?: Traceback\ \(most\ recent | Caused\ by: | Exception\ in\ thread )
    | \s* File\ ".*",\ line\ \d+
    | \s+ at\ [\w.$<>/]+ \(
    | \s* (?: [A-Za-z_]\w* \. )* [A-Za-z_]\w* (?: Error | Exception ) : \s
    | \s* [\w./\\-]+ \.\w{1,4} : \d+ (?: :\d+ )? :                            # main.cpp:12:3:
    | \s* (?: npm\ ERR! | make(?:\[\d+\])?: | fatal: | bash: | sh: )
    | \s* (?: \$ | >>> | PS> | C:\\.*> ) \s* \S                                # a shell's prompt
    """,
    re.VERBOSE,
)
# People paste code without a fence, too. What could be prose as well is left to be prose.
_PASTED = re.compile(
    r"""
      \s* [\[\](){}<>,;:"“”'*/\s]* [\[\](){}<>] [\[\](){}<>,;:"“”'*/\s]* $        # brackets alone
    | .* [(){}=<>] .* ; \s* $
    | .* \{ \s* $
    | \s* \} .* $
    | \s* < [/!?]? [A-Za-z] .* > \s* $                                           # <tag a="b">
    | \s* ["“] [\w.$-]+ ["”] \s* :                                              # "key": value
    | [\w.-]+ \s* = \s* \S+ \s* $                                                # key = value
    | (?: SELECT | FROM | WHERE | AND | (?: GROUP | ORDER )\ BY | (?: \w+\ )? JOIN | LIMIT | UPDATE
        | INSERT\ INTO | DELETE\ FROM | (?: CREATE | ALTER | DROP )\ TABLE ) \s
    """,
    re.VERBOSE,
)
_ENDED = tuple(".!?:;…。！？：；")
_WRAP_WIDTH = 50  # columns; a line this long without an end goes on in the next, as in wrapped documents


def _spans_of_lines(text: str, start: int, end: int) -> Iterator[Span]:
    """The spans of a part of ``text`` without fences: lines gathered to blocks, prose cut to sentences."""
    for block in _blocks(text, start, end):
        if block.kind is SpanKind.PROSE:
            yield from _prose(text, block)
        else:
            yield block


def _blocks(text: str, start: int, end: int) -> Iterator[Span]:
    """The lines of a part of ``text``, those that belong together joined."""
    open_block: Span | None = None
    for line in re.finditer(r"[^\n]+", text[start:end]):
        here = Span(start + line.start(), start + line.end(), _kind(line[0]))
        if not line[0].strip():
            continue
        if open_block is not None and (kind := _joined(text, open_block, here)) is not None:
            open_block = Span(open_block.start, here.end, kind)
            continue
        if open_block is not None:
            yield open_block
        open_block = here
    if open_block is not None:
        yield open_block


def _kind(line: str) -> SpanKind:
    if _ITEM.match(line):
        return SpanKind.ITEM
    is_code = any(pattern.match(line) for pattern in (_INDENTED, _TABLE, _LOG, _PASTED))
    return SpanKind.CODE if is_code else SpanKind.PROSE


def _joined(text: str, block: Span, line: Span) -> SpanKind | None:
    """The kind that ``block`` has with ``line`` added; None where ``line`` begins a block of its own."""
    gap = text.count("\n", block.end, line.start)
    content = text[line.start : line.end]
    match block.kind, line.kind:
        case SpanKind.ITEM, SpanKind.PROSE | SpanKind.CODE if gap == 1 and _CONTINUED.match(content):
            return SpanKind.ITEM
        case SpanKind.CODE, SpanKind.CODE if gap == 1 or _INDENTED.match(content):
            return SpanKind.CODE
        case SpanKind.CODE, SpanKind.PROSE | SpanKind.ITEM if gap == 1 and _CONTINUED.match(content):
            return SpanKind.CODE
        case SpanKind.PROSE | SpanKind.ITEM, SpanKind.PROSE if gap == 1 and _goes_on(text, block, content):
            return block.kind
        case _:
            return None


def _goes_on(text: str, block: Span, line: str) -> bool:
    """Whether a sentence goes on over the line break, as in wrapped text; in chat a line ends a thought."""
    if _HEADING.match(text, block.start) or _HEADING.match(line):
        return False
    if bool(_QUOTED.match(text, block.start)) != bool(_QUOTED.match(line)):
        return False
    last = text[max(block.start, text.rfind("\n", block.start, block.end)) : block.end].strip()
    return not last.endswith(_ENDED) and _width(last) >= _WRAP_WIDTH


def _width(line: str) -> int:
    """Columns on a screen: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


# ---- prose -----------------------------------------------------------------------------------------------

_UNCUT = re.compile(r"`[^`\n]+`|(?:https?|ftp|file)://[!-~]+")
_FULL_STOPS = frozenset("。！？!?…；")
_CLOSERS = frozenset("”’」』）)]\"'】》")


def _prose(text: str, block: Span) -> Iterator[Span]:
    """The sentences of a block of prose."""
    content = text[block.start : block.end]
    uncut = {place for found in _UNCUT.finditer(content) for place in range(found.start() + 1, found.end())}
    start = 0
    for boundary in get_sentence_boundaries("en", content):
        end = boundary["end_index"]
        if end == len(content) or _is_cut(content, start, end, uncut):
            yield Span(block.start + start, block.start + end, SpanKind.PROSE)
            start = end
    yield Span(block.start + start, block.end, SpanKind.PROSE)


def _is_cut(content: str, start: int, end: int, uncut: set[int]) -> bool:
    """Whether a sentence may end at ``end``: not within a word, an address, a version, inline code."""
    if end in uncut:
        return False
    before, after = content[end - 1], content[end]
    if after in _CLOSERS and not before.isspace():
        return False
    if not before.isspace() and not after.isspace() and before not in _FULL_STOPS | _CLOSERS:
        return False
    return any(character.isalpha() for character in content[start:end])


def _stripped(text: str, span: Span) -> Span:
    content = text[span.start : span.end]
    start = span.start + len(content) - len(content.lstrip())
    return Span(start, start + len(content.strip()), span.kind)

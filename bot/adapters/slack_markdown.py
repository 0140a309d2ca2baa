"""Pieces of an answer as blocks of Slack: as mrkdwn, and as rich text where mrkdwn cannot say them. Pure.

mrkdwn has no escape for its marks, and takes them only beside blanks and punctuation: what would be read otherwise than
it is meant, such as a literal ``*args*`` or code beside a Chinese character, stands in rich text, which has no marks.

https://docs.slack.dev/messaging/formatting-message-text
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from bot.adapters.harmless import hides_host, plainly
from bot.adapters.markdown import Code, Piece, Rule, Run, Text, cut_code, halves
from bot.adapters.slack_markup import BROADCAST, escape, labelled, mrkdwn, url, with_links

MAX_SECTION = 2_900

Block = dict[str, Any]

_BEFORE = re.compile(r"[\s(\[{\"'“‘/:,;—–-]\Z|\A\Z")
_AFTER = re.compile(r"\A[\s)\]}\"'”’/.,;:!?…—–-]|\A\Z")
_ADDRESS = re.compile(r"https?://\S+")
_TOKEN_OR_LOUD = re.compile(rf"<[^<>]*>|{BROADCAST}", re.IGNORECASE)


def blocks(pieces: Sequence[Piece], bar: str) -> list[Block]:
    """``bar``: ">" where what is said was said so, word for word."""
    made: list[Block] = []
    said = ""
    for piece in pieces:
        for part, gap in _parts(piece, bar):
            if isinstance(part, str) and said and len(said) + len(gap) + len(part) <= MAX_SECTION:
                said += gap + part
                continue
            made += [section(said)] if said else []
            said = part if isinstance(part, str) else ""
            made += [] if isinstance(part, str) else [part]
    return [*made, section(said)] if said else made


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text), "expand": True}


def _parts(piece: Piece, bar: str) -> Iterator[tuple[str | Block, str]]:
    """A piece as mrkdwn, or as a block of its own, in parts that fit a section; and what stands before each."""
    match piece:
        case Rule():
            yield {"type": "divider"}, piece.gap
        case Code():
            for code in cut_code(piece, MAX_SECTION // 2):
                yield from _fitting_code(code)
        case Text():
            yield from _fitting(piece, bar)


def _fitting_code(code: Code) -> Iterator[tuple[str | Block, str]]:
    if not code.text.strip():
        return
    if "```" in code.text or code.text.endswith("`") or code.text.startswith("`"):
        element = {"type": "rich_text_preformatted", "elements": [_letters(plainly(code.text).rstrip("\n"))]}
        yield {"type": "rich_text", "elements": [element]}, code.gap
        return
    shown = f"```{escape(code.text)}```"
    if len(shown) <= MAX_SECTION:
        yield shown, code.gap
        return
    for part in cut_code(code, len(code.text) // 2):
        yield from _fitting_code(part)


def _fitting(text: Text, bar: str) -> Iterator[tuple[str | Block, str]]:
    said = _behind_bar(text, bar)
    if said is None:
        yield _rich(text, bar), text.gap
    elif len(said) <= MAX_SECTION:
        yield said, text.gap
    else:
        for half in halves(text):
            yield from _fitting(half, bar)


def _behind_bar(text: Text, bar: str) -> str | None:
    """Each line behind ``bar``, or behind one of its own if it is a quotation; None if mrkdwn cannot say it."""
    bar = ">" if text.quote else bar
    if text.raw:
        return _behind(with_links(escape(text.said)).split("\n"), bar)
    lines = [_line(runs) for runs in _lines(text.runs)]
    told = [line for line in lines if line is not None]
    if len(told) < len(lines):
        return None
    return _behind([*(f"{_indent(text)}{line}" for line in told[:1]), *told[1:]], bar)


def _behind(lines: Sequence[str], bar: str) -> str:
    return "\n".join(f"{bar}{line}" for line in lines)


def _indent(text: Text) -> str:
    space = "    " * (text.depth - 1)
    return f"{space}{text.marker} " if text.marker else "    " * text.depth


def _lines(runs: Sequence[Run]) -> list[list[Run]]:
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = plainly(run.text).split("\n")
        lines[-1] += [_like(run, first)] if first else []
        lines += [[_like(run, other)] if other else [] for other in others]
    return lines


def _like(run: Run, text: str) -> Run:
    return Run(text=text, bold=run.bold, italic=run.italic, strike=run.strike, code=run.code, link=run.link)


# ---- as mrkdwn


def _line(runs: Sequence[Run]) -> str | None:
    """One line as mrkdwn; None if that would show other characters, or other styles, than these."""
    whole = "".join(run.text for run in runs)
    if whole.lstrip().startswith(">") or _would_be_marks(runs):
        return None
    told, at = "", 0
    for run in runs:
        ends = at + len(run.text)
        if _is_styled(run) and not _stands_apart(whole, at, ends):
            return None
        told += _told(run)
        at = ends
    return _TOKEN_OR_LOUD.sub(
        lambda found: found[0].replace("@", "@\u2060") if found[0][0] == "@" else found[0], told
    )


def _is_styled(run: Run) -> bool:
    return run.bold or run.italic or run.strike or run.code


def _stands_apart(whole: str, start: int, end: int) -> bool:
    """Whether marks around ``whole[start:end]`` are taken for marks."""
    inner = whole[start:end]
    if not inner.strip():
        return False
    start, end = start + len(inner) - len(inner.lstrip()), end - len(inner) + len(inner.rstrip())
    return bool(_BEFORE.search(whole[:start]) and _AFTER.search(whole[end:]))


def _would_be_marks(runs: Sequence[Run]) -> bool:
    """Whether characters of the text would be taken for marks, or cannot stand where they do."""
    if any("`" in run.text or (run.code and run.text != run.text.strip()) for run in runs):
        return True
    if any(run.link and "|" in run.text for run in runs) or any(_holds_its_mark(run) for run in runs):
        return True
    prose = "".join("x" if run.code else _ADDRESS.sub("x", run.text) for run in runs)
    styled = {"*": any(run.bold for run in runs), "_": any(run.italic for run in runs)}
    styled["~"] = any(run.strike for run in runs)
    return any(_loose(prose, mark) > (0 if is_used else 1) for mark, is_used in styled.items())


def _holds_its_mark(run: Run) -> bool:
    marks = (("*", run.bold), ("_", run.italic), ("~", run.strike))
    return not run.code and any(is_on and mark in run.text for mark, is_on in marks)


def _loose(prose: str, mark: str) -> int:
    """How often ``mark`` stands where it may begin or end a style: not within a word, not between blanks."""
    places = (at for at, character in enumerate(prose) if character == mark)
    around = ((prose[at - 1 : at] or " ", prose[at + 1 : at + 2] or " ") for at in places)
    return sum(
        not (_in_word(before) and _in_word(after)) and not (before.isspace() and after.isspace())
        for before, after in around
    )


def _in_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _told(run: Run) -> str:
    inner = run.text.strip()
    if not inner:
        return run.text
    if run.code:
        told = f"`{escape(inner)}`"
    elif run.link is not None:
        told = labelled(run.link, escape(inner))
    else:
        told = with_links(escape(inner))
    for mark, is_on in (("~", run.strike), ("_", run.italic), ("*", run.bold)):
        told = f"{mark}{told}{mark}" if is_on else told
    start = len(run.text) - len(run.text.lstrip())
    return run.text[:start] + told + run.text[start + len(inner) :]


# ---- as rich text


def _rich(text: Text, bar: str) -> Block:
    kind = "rich_text_quote" if bar or text.quote else "rich_text_section"
    indent = [_letters(_indent(text))] if _indent(text) else []
    elements = [element for run in text.runs for element in _elements(run)]
    return {"type": "rich_text", "elements": [{"type": kind, "elements": [*indent, *elements]}]}


def _elements(run: Run) -> Iterator[Block]:
    shown = plainly(run.text)
    styles = {"bold": run.bold, "italic": run.italic, "strike": run.strike, "code": run.code}
    style = {name: True for name, is_on in styles.items() if is_on}
    more = {"style": style} if style else {}
    if run.link is None or not shown.strip():
        yield from ([{**_letters(shown), **more}] if shown else [])
    elif hides_host(run.link, shown):
        yield from ({**_letters(f"{shown} ("), **more}, {"type": "link", "url": url(run.link)}, _letters(")"))
    else:
        yield {"type": "link", "url": url(run.link), "text": shown, **more}


def _letters(text: str) -> Block:
    return {"type": "text", "text": text}

"""Pure: what Slack makes of what a person types."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

_SPECIAL = re.compile(
    r"""(?P<url>https?://[^\s<>|]*[^\s<>|.,;:!?)"'\]])"""
    r"|(?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|@(?P<user>\w+(?:[.-]\w+)*)"
    r"|\#(?P<channel>\w[\w-]*)"
)
_GROUPS = frozenset({"here", "channel", "everyone"})


def escape(text: str) -> str:
    """``text`` with the three characters replaced that mean something in Slack's markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def typed(text: str, *, users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    """The text of the event after a person typed ``text``: links, ``@name`` and ``#name`` become ``<…>``.

    ``users`` and ``channels`` map names to ids. Unknown names stay words.
    """
    pieces: list[str] = []
    done = 0
    for match in _SPECIAL.finditer(text):
        pieces += [escape(text[done : match.start()]), _markup(match, users, channels)]
        done = match.end()
    return "".join([*pieces, escape(text[done:])])


def _markup(match: re.Match[str], users: Mapping[str, str], channels: Mapping[str, str]) -> str:
    kind, word = str(match.lastgroup), str(match[str(match.lastgroup)])
    makers: dict[str, Callable[[], str]] = {
        "url": lambda: f"<{escape(word)}>",
        "email": lambda: f"<mailto:{word}|{word}>",
        "user": lambda: (
            f"<!{word}>" if word in _GROUPS else f"<@{users[word]}>" if word in users else match[0]
        ),
        "channel": lambda: f"<#{channels[word]}|{word}>" if word in channels else match[0],
    }
    return makers[kind]()


_TOKEN = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")


def rich_elements(text: str) -> list[dict[str, Any]]:
    """``text`` (markup) as the elements of a ``rich_text_section``, as Slack's composer sends it."""
    elements: list[dict[str, Any]] = []
    done = 0
    for match in _TOKEN.finditer(text):
        elements += [_plain(text[done : match.start()]), _element(match[1], match[2])]
        done = match.end()
    return [element for element in [*elements, _plain(text[done:])] if element.get("text") != ""]


def _plain(text: str) -> dict[str, Any]:
    return {"type": "text", "text": _unescape(text)}


def _element(target: str, label: str | None) -> dict[str, Any]:
    kinds = {"@": ("user", "user_id"), "#": ("channel", "channel_id"), "!": ("broadcast", "range")}
    if target[:1] in kinds:
        kind, name = kinds[target[:1]]
        return {"type": kind, name: target[1:]}
    link = {"type": "link", "url": _unescape(target)}
    return link | ({"text": _unescape(label)} if label else {})


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# ---- what people read


@dataclass(kw_only=True)
class Read:
    """What people see of blocks: all characters in order, the addresses that can be clicked on, what is shown as code,
    and what calls or names somebody."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    code: list[str] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)


def read(blocks: Iterable[Mapping[str, Any]]) -> Read:
    """Blocks as Slack shows them, a line each."""
    seen = Read()
    for block in blocks:
        _see(block, seen)
    return seen


def _see(block: Mapping[str, Any], seen: Read) -> None:
    match block["type"]:
        case "section" if block["text"]["type"] == "mrkdwn":
            _see_mrkdwn(block["text"]["text"], seen)
            seen.text += "\n"
        case "section" | "plain_text":
            seen.text += str(block.get("text", {}).get("text")) + "\n"
        case "rich_text":
            for part in block["elements"]:
                for element in part["elements"]:
                    _see_rich(element, seen, preformatted=part["type"] == "rich_text_preformatted")
                seen.text += "\n"


def _see_rich(element: Mapping[str, Any], seen: Read, *, preformatted: bool) -> None:
    match element["type"]:
        case "text":
            seen.text += element["text"]
            if preformatted or element.get("style", {}).get("code"):
                seen.code.append(element["text"])
        case "link":
            seen.text += element.get("text", element["url"])
            seen.links.append(element["url"])
        case kind:
            seen.mentions.append(kind)


_BLOCK_OF_CODE = re.compile(r"```(.+?)```", re.DOTALL)


def _see_mrkdwn(text: str, seen: Read) -> None:
    for index, piece in enumerate(_BLOCK_OF_CODE.split(text)):
        if index % 2:
            seen.code.append(_unescape(piece))
            seen.text += _unescape(piece)
        else:
            lines = [_see_line(line, seen) for line in piece.split("\n")]
            seen.text += "\n".join(lines)


def _see_line(line: str, seen: Read) -> str:
    """A line without its marks; a bar at its beginning is a quotation, also where it was escaped."""
    bare = re.sub(r"\A\s*(?:>|&gt;)+", "", line)
    pieces = re.split(r"(?<![^\W_])`([^`]+)`(?![^\W_])", bare)
    told = ""
    for index, piece in enumerate(pieces):
        if index % 2:
            seen.code.append(_unescape(piece))
            told += _PUT_BY.format(len(seen.code) - 1)
        else:
            told += piece
    told = _TOKEN.sub(lambda found: _see_token(found[1], found[2], seen), told)
    for mark in "*_~":
        told = _styled(mark).sub(r"\1", told)
    told = re.sub("\ue000(\\d+)\ue001", lambda found: seen.code[int(found[1])], _unescape(told))
    return re.sub("\ue002(\\d+)\ue003", lambda found: seen.links[int(found[1])], told)


_PUT_BY = "\ue000{}\ue001"  # what no mark within is read in


def _styled(mark: str) -> re.Pattern[str]:
    sign = re.escape(mark)
    return re.compile(rf"(?<![^\W_]){sign}(?=\S)((?:(?!{sign}).)+?)(?<=\S){sign}(?![^\W_])")


def _see_token(target: str, label: str | None, seen: Read) -> str:
    if target[:1] in ("@", "#", "!"):
        seen.mentions.append(target)
        return target
    seen.links.append(_unescape(target))
    return f"\ue002{len(seen.links) - 1}\ue003" if label is None else label

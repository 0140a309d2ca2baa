"""Pure: what Slack makes of what a person types."""

import re
from collections.abc import Callable, Mapping
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

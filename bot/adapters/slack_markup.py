"""What others wrote, in Slack's markup: it is shown as it was written, and nothing in it comes alive. Pure.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from knowledge.visible import on_one_line, visible

_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone)(?![a-z0-9]))", re.IGNORECASE)
_INLINE_CODE = re.compile(r"(`[^`\n]*`)")
# ASCII only: a letter of another script right behind would be cut off, and the address lead elsewhere.
_ADDRESS = re.compile(r"""https?://[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]++(?![^\W\d_])""")
_AFTER_ADDRESS = re.compile(r"(?:[.,;:!?)'*_~]|&[gl]t;)+\Z")
_NO_NAME = re.compile(r"[<>|`*_~\[\](){}]")
MAX_NAME = 80  # characters, as in Slack
_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}", re.IGNORECASE)


def plainly(text: str) -> str:
    """``text`` with what is seen of it, and one kind of line end."""
    return visible(_LINE_ENDS.sub("\n", text))


def escape(text: str) -> str:
    """Text that Slack shows as it is: no markup, no mention of a channel or person in it comes alive."""
    safe = plainly(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BROADCAST.sub("@\u2060", safe)


def name_in(name: str) -> str:
    """A person's name as a word in a text: people choose their names, and may choose markup or an address."""
    return _NO_NAME.sub("", on_one_line(name)).replace("://", ":")[:MAX_NAME].strip() or "someone"


def mrkdwn(text: str) -> dict[str, Any]:
    """A text object in which only what we mark up ourselves comes alive: Slack looks for no names of channels and
    people in it, and for no addresses."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def with_links(escaped: str) -> str:
    """Escaped prose in which each web address outside code is a link to just what is read."""
    pieces = _INLINE_CODE.split(escaped)
    return "".join(
        piece if index % 2 else _ADDRESS.sub(lambda found: _link(found[0]), piece)
        for index, piece in enumerate(pieces)
    )


def _link(found: str) -> str:
    ending = _AFTER_ADDRESS.search(found)
    address = found[: ending.start()] if ending is not None else found
    plain = (
        "@" in urlsplit(address).netloc or not urlsplit(address).netloc
    )  # who reads it takes the name for the host
    return found if plain else f"<{address}>{found[len(address) :]}"


def is_web(link: str | None) -> bool:
    return link is not None and _parts(link) in ("http", "https")


def _parts(link: str) -> str:
    try:
        return urlsplit(link).scheme
    except ValueError:  # "https://[" has no host that could be read
        return ""


def url(link: str | None) -> str:
    return quote(link or "", safe=":/?#[]@!$&'()*+,;=%~-._")


def labelled(link: str, label: str) -> str:
    """``link`` behind an escaped label; beside it where the label names a host, which need not be where it leads."""
    shown = label.replace("|", "¦").replace("\n", " ").strip()
    host = (urlsplit(link).hostname or "").casefold()
    if not shown:
        return f"<{url(link)}>"
    if all(_same(named, host) for named in _HOST.findall(shown)):
        return f"<{url(link)}|{shown}>"
    return f"{shown} (<{url(link)}>)"


def _same(named: str, host: str) -> bool:
    return host == named.casefold() or host == f"www.{named.casefold()}"

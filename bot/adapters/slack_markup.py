"""What others wrote, in Slack's markup: it is shown as it was written, and nothing in it comes alive. Pure.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from typing import Any
from urllib.parse import quote, urlsplit

from bot.adapters.harmless import hides_host, plainly

BROADCAST = r"@(?=(?:channel|here|everyone)(?![a-z0-9]))"
_BROADCAST = re.compile(BROADCAST, re.IGNORECASE)
_INLINE_CODE = re.compile(r"(`[^`\n]*`)")
# ASCII only: a letter of another script right behind would be cut off, and the address lead elsewhere.
_ADDRESS = re.compile(r"""https?://[!#$%&'()*+,\-./0-9:;=?@A-Z_a-z~]++(?![^\W\d_])""")
_AFTER_ADDRESS = re.compile(r"(?:[.,;:!?)'*_~]|&[gl]t;)+\Z")


def escape(text: str) -> str:
    """Text that Slack shows as it is: no markup, no mention of a channel or person in it comes alive."""
    safe = plainly(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BROADCAST.sub("@\u2060", safe)


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
    if not shown:
        return f"<{url(link)}>"
    return f"{shown} (<{url(link)}>)" if hides_host(link, shown) else f"<{url(link)}|{shown}>"

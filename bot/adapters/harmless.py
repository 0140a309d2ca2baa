"""What others wrote, made harmless before any platform's markup: what is seen of it, names, hosts in words. Pure."""

import re
from urllib.parse import urlsplit

from knowledge.visible import on_one_line, visible

MAX_NAME = 80  # characters, as in Slack
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
_NO_NAME = re.compile(r"[<>|`*_~\[\](){}]")
_HOST = re.compile(r"(?:[\w-]+\.)+[^\W\d_]{2,}", re.IGNORECASE)


def plainly(text: str) -> str:
    """``text`` with what is seen of it, and one kind of line end."""
    return visible(_LINE_ENDS.sub("\n", text))


def name_in(name: str) -> str:
    """A person's name as a word in a text: people choose their names, and may choose markup or an address."""
    return _NO_NAME.sub("", on_one_line(name)).replace("://", ":")[:MAX_NAME].strip() or "someone"


def hides_host(link: str, label: str) -> bool:
    """Whether the words of a link name a host that it does not lead to."""
    host = (urlsplit(link).hostname or "").casefold()
    return not all(_same(named, host) for named in _HOST.findall(label))


def _same(named: str, host: str) -> bool:
    return host == named.casefold() or host == f"www.{named.casefold()}"

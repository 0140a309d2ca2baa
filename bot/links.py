"""How connections stand, in figures and in words. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from humanize import naturaldelta

from bot.adapters.adapter import LinkState

_QUERY = re.compile(r"\?[^\s'\"]+")  # of an address: it may hold a ticket


class Named(Protocol):
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A connection. ``silent``: seconds since something came over it; ``for_seconds``: since it is (not) connected."""

    name: str
    connected: bool
    silent: float
    for_seconds: float
    tries: int
    why: str | None

    def json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "connected": self.connected,
            "silent_seconds": round(self.silent, 1),
            "for_seconds": round(self.for_seconds, 1),
            "tries": self.tries,
            "why": self.why,
        }


def told_of_link(adapter: Named, link: LinkState, now: datetime) -> Told:
    """``link`` of an adapter as it is told; before anything was heard, silence began when it was connected."""
    heard = link.heard_at or link.since
    why = None if link.why is None else _QUERY.sub("?…", link.why)
    return Told(
        name=link.name if link.name.startswith(adapter.name) else f"{adapter.name} {link.name}",
        connected=link.connected,
        silent=max((now - heard).total_seconds(), 0.0),
        for_seconds=max((now - link.since).total_seconds(), 0.0),
        tries=link.tries,
        why=why,
    )


def in_words(told: Mapping[str, Any]) -> str:
    """A connection as /readyz tells of it, in words."""
    silent = f"nothing was heard for {_span(float(told['silent_seconds']))}"
    if told["connected"]:
        return f"{told['name']} is connected for {_span(float(told['for_seconds']))}; {silent}"
    why = f": {told['why']}" if told["why"] else ""
    return (
        f"{told['name']} is not connected for {_span(float(told['for_seconds']))}, "
        f"{told['tries']} tries in vain{why}; {silent}; it goes on trying, look at the network and at the app's page"
    )


def silence_in_words(platform: str, last: datetime | None, now: datetime) -> str:
    """How long a platform was silent, by what the store has of it."""
    if last is None:
        return f"nothing was heard from {platform} yet"
    return f"nothing was heard from {platform} for {_span((now - last).total_seconds())}"


def _span(seconds: float) -> str:
    return naturaldelta(timedelta(seconds=max(seconds, 0.0)))

"""What can be made to go wrong with one call of the Web API."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Pass:
    """No fault: holds a place in the list so that a later call is the one that fails."""


@dataclass(frozen=True, slots=True)
class Http429:
    """Rate limited. Calling again before ``retry_after`` seconds (None: no header) is a violation."""

    retry_after: int | None = 1


@dataclass(frozen=True, slots=True)
class Http500:
    """An error page of a proxy in front of Slack, which is not JSON."""

    html: str = "<html><body><h1>Something went wrong</h1></body></html>"
    status: int = 500


@dataclass(frozen=True, slots=True)
class SlackError:
    """``{"ok": false, "error": …}``; ``more`` is added to the answer."""

    error: str
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DropBefore:
    """The connection is cut and nothing happens."""


@dataclass(frozen=True, slots=True)
class DropAfterEffect:
    """The call takes effect (the message is posted), then the connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class Slow:
    """Nothing happens for ``seconds``, then the call takes effect and is answered."""

    seconds: float


@dataclass(frozen=True, slots=True)
class SlowAfterEffect:
    """The call takes effect at once and is answered after ``seconds``."""

    seconds: float


Fault = Pass | Http429 | Http500 | SlackError | DropBefore | DropAfterEffect | Slow | SlowAfterEffect

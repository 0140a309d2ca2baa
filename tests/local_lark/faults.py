"""What can be made to go wrong with one call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pass:
    """No fault: holds a place in the list so that a later call is the one that fails."""


@dataclass(frozen=True, slots=True)
class Limited:
    """The frequency limit: nothing took effect. Calling again before ``reset`` seconds is a violation."""

    reset: float = 0.3
    code: int = 99991400
    status: int = 429


@dataclass(frozen=True, slots=True)
class ApiError:
    """``{"code": …, "msg": …}``; nothing took effect."""

    code: int
    msg: str = "it is made to fail"
    status: int = 400


@dataclass(frozen=True, slots=True)
class Http500:
    """An error page of a proxy, which is not JSON."""

    html: str = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    status: int = 502


@dataclass(frozen=True, slots=True)
class DropBefore:
    """The connection is cut and nothing happens."""


@dataclass(frozen=True, slots=True)
class DropAfterEffect:
    """The call takes effect (the message is sent), then the connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing happens and nothing is answered for ``seconds``; then the connection is cut."""

    seconds: float = 60.0


Fault = Pass | Limited | ApiError | Http500 | DropBefore | DropAfterEffect | Hang

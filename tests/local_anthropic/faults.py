"""What can be made to go wrong with one call."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pass:
    """No fault: holds a place in the list so that a later call is the one that fails."""


@dataclass(frozen=True, slots=True)
class Http:
    """An error of the API: 429, 500, 529 and so on, with ``retry-after`` in seconds if given."""

    status: int
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """Status 200 with this body: a proxy's page, or JSON that is none."""

    text: str = "<html><body>Sign in to the network</body></html>"
    content_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing comes for ``seconds``; then the call takes effect and is answered."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut and nothing happens."""


@dataclass(frozen=True, slots=True)
class CutAfterEffect:
    """The call takes effect (the batch is made), then the connection is cut without an answer."""


@dataclass(frozen=True, slots=True)
class CutInside:
    """The first half of the answer comes, then the connection is cut."""


Fault = Pass | Http | Body | Stall | Cut | CutAfterEffect | CutInside

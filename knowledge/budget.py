"""The seam to what may be spent on a language model: reserved before a call, settled after it. Pure."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Reserved:
    """What a call may cost at most, taken out of the budget of ``channel`` on ``day`` before it begins."""

    day: str
    channel: str
    tokens: int
    usd: float


class Spent(Exception):
    """The budget does not allow the call; the message says which budget, and what is left of it."""


class Budget(Protocol):
    """Counts tokens and US dollars. Several calls at once cannot spend the same rest."""

    async def reserve(self, channel: str | None, tokens: int, usd: float) -> Reserved:
        """Take so much out of the budget. Raises Spent if there is not so much left."""
        ...

    async def settle(self, reserved: Reserved, tokens: int, usd: float) -> None:
        """The call cost this and no more. Without it the whole of what was reserved stays spent."""
        ...


class Unlimited:
    """No budget: for what is bounded elsewhere."""

    async def reserve(self, channel: str | None, tokens: int, usd: float) -> Reserved:
        return Reserved(day="", channel=channel or "", tokens=tokens, usd=usd)

    async def settle(self, reserved: Reserved, tokens: int, usd: float) -> None:
        del reserved, tokens, usd

"""What a thumb means: reaction names, one live vote per person and answer, and the trust that follows. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from knowledge.entry import Trust
from knowledge.thread import Role

UP = frozenset({"+1", "thumbsup"})
DOWN = frozenset({"-1", "thumbsdown"})
CHECK = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})

# An analyst knows the product; a customer knows only whether it helped him.
WEIGHTS: Mapping[Role, float] = {Role.ANALYST: 2.0, Role.CUSTOMER: 1.0, Role.UNKNOWN: 1.0, Role.BOT: 0.0}


@dataclass(frozen=True, kw_only=True, slots=True)
class Vote:
    """A person's live vote on one suggestion."""

    suggestion_id: str
    user: str
    helpful: bool
    role: Role = Role.UNKNOWN


def normal_name(reaction: str) -> str:
    """``+1::skin-tone-3`` and ``thumbsup`` are ``+1``; ``thumbsdown`` is ``-1``; ticks are ``white_check_mark``."""
    name = reaction.strip(":").split("::", 1)[0].lower()
    if name in UP:
        return "+1"
    if name in DOWN:
        return "-1"
    return "white_check_mark" if name in CHECK else name


def verdict(reaction: str) -> bool | None:
    """True for 👍, False for 👎, None for any other reaction."""
    return {"+1": True, "-1": False}.get(normal_name(reaction))


def trust_from(votes: Iterable[Vote]) -> Trust:
    """The trust that live votes add up to: withdrawing one undoes it exactly, because nothing is accumulated."""
    up = down = 0.0
    for vote in votes:
        weight = WEIGHTS[vote.role]
        up, down = (up + weight, down) if vote.helpful else (up, down + weight)
    return Trust(up=up, down=down)

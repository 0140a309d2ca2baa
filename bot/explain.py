"""A decision in words: the same for `earshot why` and for whoever asks in the channel. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

UNHEARD = (
    "I did not hear this message. I hear only the channels that I was invited to, from then on, and what is "
    "deleted I forget."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """A decision as it is kept. ``reasons`` the one that decided first; ``sources``: titles of what was looked at."""

    action: str
    score: float
    threshold: float
    reasons: Sequence[str]
    sources: Sequence[str] = ()


def told(explanation: Explanation) -> list[str]:
    """The lines for people."""
    looked_at = ["  looked at:", *(f"    {title}" for title in explanation.sources)]
    return [
        f"{explanation.action}: score {explanation.score:.2f}, threshold {explanation.threshold:.2f}",
        *(f"  {reason}" for reason in explanation.reasons),
        *(looked_at if explanation.sources else []),
    ]

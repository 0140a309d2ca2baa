"""What speaks for and against an entry, and the trust that it adds up to. Pure.

Nothing is accumulated: trust is counted anew from what holds now, so that taking anything back undoes it exactly.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.entry import PassageKind, Stored, Trust

UNVOTED = Trust()

CONFIRMED = 1.0  # the asker, a ✅ or a 👍 in its own thread said that it holds
REUSED = 0.5  # it was quoted in another thread, and people there said the same; read off, not given
REFUSED = 0.5  # it was quoted in another thread, and somebody said no to it; read off, too
REPEATED = 0.5  # somebody else gave the same answer elsewhere
MOST_REPEATED = 2  # more of the same says little more
CORRECTED = 1.0  # whoever voted it down also wrote what is right


@dataclass(frozen=True, kw_only=True, slots=True)
class TrustEvidence:
    """``thumbs``: the live votes, weighed by role; an analyst's Share and Dismiss of a draft are among them.

    The others are counts: threads in which it was ``reused`` or ``refused``, people who ``corrected`` it with a live
    👎, and other people whose merged entries say the same (``repeated``).
    """

    thumbs: Trust = UNVOTED
    confirmed: bool = False
    reused: int = 0
    refused: int = 0
    repeated: int = 0
    corrected: int = 0


def trust_of(evidence: TrustEvidence) -> Trust:
    """The Beta posterior: one count for each piece of evidence, by its weight."""
    up = CONFIRMED * evidence.confirmed + REUSED * evidence.reused
    up += REPEATED * min(evidence.repeated, MOST_REPEATED)
    down = REFUSED * evidence.refused + CORRECTED * evidence.corrected
    return Trust(up=evidence.thumbs.up + up, down=evidence.thumbs.down + down)


def at_first(confirmed: bool) -> Trust:
    """The trust in an entry that was never quoted."""
    return trust_of(TrustEvidence(confirmed=confirmed))


def beside_confirmation(trust: Trust, confirmed: bool) -> Trust:
    """What is left of an entry's trust without the count for its own confirmation."""
    return Trust(up=max(trust.up - at_first(confirmed).up, 0.0), down=trust.down)


def repeated_by(stored: Stored, merged: Iterable[Stored]) -> int:
    """How many others gave the answer of ``stored`` in the entries ``merged`` under it.

    One who repeats himself does not confirm himself; of whom nobody knows who he is cannot count as another.
    """
    seen = _authors(stored)
    count = 0
    for authors in map(_authors, merged):
        if authors and not authors & seen:
            count += 1
            seen |= authors
    return count


def _authors(stored: Stored) -> frozenset[str]:
    solving = stored.entry.of(PassageKind.SOLUTION)
    return frozenset(passage.author for passage in solving if passage.author is not None)

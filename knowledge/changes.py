"""One step of learning, as it is proposed, applied and taken back: references and states, never texts. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from knowledge.entry import EntryState


class ChangeKind(StrEnum):
    ADDED = "added"  # a new entry; one that is not sure enough waits for approval
    MERGED = "merged"  # a near-duplicate; `other` stands for both
    SUPERSEDED = "superseded"  # `other` is newer and says otherwise
    DISPUTED = "disputed"  # contradicts `other`; neither is quoted until somebody decides
    ASKED = "asked"  # nobody confirmed it for its half-life: people are asked
    RETIRED = "retired"  # taken out
    RESTORED = "restored"  # taken in again: what stood for it, or against it, is gone


class ChangeState(StrEnum):
    PROPOSED = "proposed"  # waits for an admin
    APPLIED = "applied"
    REJECTED = "rejected"  # an admin said no
    REVERTED = "reverted"  # it was applied and taken back


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What happens to one entry. ``before`` is None for a new one.

    ``why`` is for people; it names reasons and numbers, never what somebody said. ``doubts`` make a change wait for
    approval even where changes are applied by themselves.
    """

    kind: ChangeKind
    entry: str
    before: EntryState | None
    after: EntryState
    other: str | None = None
    why: str = ""
    doubts: tuple[str, ...] = ()

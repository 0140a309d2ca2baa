"""What people may say about a 👎, and what it says about the source. Pure."""

from enum import StrEnum


class Objection(StrEnum):
    """Why an answer did not help."""

    WRONG = "wrong"
    OUTDATED = "outdated"
    NOT_NEEDED = "not needed"
    TOO_LATE = "too late"


# The moment was wrong, not the source: they say how readily to speak in the channel, not whom to believe.
ABOUT_THE_MOMENT = frozenset({Objection.NOT_NEEDED, Objection.TOO_LATE})

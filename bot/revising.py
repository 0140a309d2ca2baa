"""What becomes of our own answers afterwards: taken back, struck, rewritten, or left as they are. Pure."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from bot.answerer import BURST, CORRECTION, Citation, Line, Suggestion
from bot.objections import ABOUT_THE_MOMENT, Objection
from bot.scorer import Situation
from bot.tickets import opened
from knowledge.entry import EntryKind, EntryState, Stored
from knowledge.redact import SECRETS, redact
from knowledge.thread import Message, Role, Thread

DECIDED_AFTER = timedelta(minutes=2)  # a 👎 may be a slip, and its reason comes a moment later
WHILE_WRITING = timedelta(minutes=15)  # the same person writes the right answer just now
LOOKED_AT_FOR = timedelta(
    days=7
)  # after it was posted; who reads an older answer finds the thread long settled
MOST_REVISIONS = 5  # of one answer: what changes more often than that nobody can rely on
LOOKED_AT_AGAIN = timedelta(days=1)  # where nothing better was known in place of a source that was withdrawn


class Why(StrEnum):
    """Why an answer reads otherwise than it did."""

    REJECTED = "rejected"  # an analyst did: one line is left of it
    CORRECTED = "corrected"  # a person in charge gave the right answer
    NEWER = "newer"  # its source gave way to a newer one
    UNSOURCED = "unsourced"  # its source was withdrawn, and nothing better is known
    SOURCED = "sourced"  # its source was withdrawn, and counts again
    CHANGED = "changed"  # its source says something else, and nothing better is known: one line is left of it


# Of these only the note is left.
STRUCK = frozenset({Why.REJECTED, Why.CHANGED})


# ---- a 👎 of somebody in charge


class Fate(StrEnum):
    """What becomes of an answer that was rejected, as config.yaml calls it."""

    KEEP = "keep"
    STRIKE = "strike"
    DELETE = "delete"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cast:
    """A live vote on what stands there. ``in_charge``: of an analyst, an admin or an owner."""

    helpful: bool
    in_charge: bool
    reason: Objection | None = None


def fate_of(wanted: Fate, cast: Iterable[Cast], *, answered: bool) -> Fate:
    """What becomes of an answer, from the votes on it. ``answered``: a person wrote below it.

    Who is in charge rejects it by a 👎 about what it says; that it was not needed, or came too late, says nothing
    against it. Where two of them disagree it stays. What somebody wrote below would hang in the air without it, and
    who was helped by it may look for it: then one line stays.
    """
    votes = list(cast)
    in_charge = [vote for vote in votes if vote.in_charge]
    if not any(map(rejects, in_charge)) or any(vote.helpful for vote in in_charge):
        return Fate.KEEP
    relied_on = answered or any(vote.helpful for vote in votes)
    return Fate.STRIKE if wanted is Fate.DELETE and relied_on else wanted


def rejects(vote: Cast) -> bool:
    """Whether a vote is about what the answer says."""
    return not vote.helpful and vote.reason not in ABOUT_THE_MOMENT


# ---- the words above it


def note_of(why: Why, at: datetime, zone: tzinfo, name: str | None = None) -> str:
    """The line that says what became of it. ``name``: of the person who corrected it."""
    when = f"{at.astimezone(zone):%d %b %H:%M %Z}"
    match why:
        case Why.REJECTED:
            return "Withdrawn: an analyst marked this as not helpful."
        case Why.CHANGED:
            return "Withdrawn: the message that this was taken from was changed."
        case Why.CORRECTED:
            return f"Updated {when}: {name or 'an analyst'} corrected this:"
        case Why.NEWER:
            return f"Updated {when}: newer information."
        case Why.UNSOURCED:
            return f"Updated {when}: the source of this was withdrawn. Check it before you rely on it."
        case Why.SOURCED:
            return f"Updated {when}: the source of this counts again."


def corrected_by(
    text: str, *, number: int, at: datetime, name: str | None, hidden: Sequence[re.Pattern[str]]
) -> Suggestion:
    """What a person in charge wrote in place of ours, cited to him. ``number``: of the correction; ``hidden``: the
    workspace's own patterns of what is blacked out. Secrets are, too."""
    (shown,) = redact([text], patterns=hidden, kinds=SECRETS)
    source = Citation(
        number=1,
        entry=f"{CORRECTION}{number}",
        source=f"{CORRECTION}{number}",
        title=f"Correction by {name or 'an analyst'}",
        quote=shown,
        kind=EntryKind.THREAD,
        role=Role.ANALYST,
        at=at,
        confirmed=True,
    )
    return Suggestion(lines=(Line(text=shown, citations=(1,)),), citations=(source,))


# ---- what may not hold any more

# A merged one is told by its successor, and a pending one may come.
GONE = frozenset({EntryState.RETIRED, EntryState.REJECTED, EntryState.SUPERSEDED, EntryState.DISPUTED})


def is_gone(entry: Stored | None) -> bool:
    """Whether an answer may not be cited from it any more; None: it is not there at all."""
    return entry is None or entry.state in GONE


def no_longer_says(quote: str, before: str, after: str) -> bool:
    """Whether a line of ``quote`` stood in a message ``before`` it was edited, and does not ``after``.

    A line that never stood there so was redacted, or put together: the next night reads it again.
    """
    was, now = _flat(before), _flat(after)
    lines = [flat for line in quote.splitlines() if (flat := _flat(line))]
    return any(line in was and line not in now for line in lines)


def _flat(text: str) -> str:
    return " ".join(text.split())


def heirs(gone: Iterable[str], known: Mapping[str, Stored]) -> frozenset[str]:
    """The active entries that stand in place of ``gone``, by however many steps. ``known``: by id, successors too."""
    found, seen, left = set[str](), set[str](), list(gone)
    while left:
        entry = known.get(left.pop())
        if entry is None or entry.entry.id in seen:
            continue
        seen.add(entry.entry.id)
        if entry.state is EntryState.ACTIVE:
            found.add(entry.entry.id)
        elif entry.state in (EntryState.SUPERSEDED, EntryState.MERGED) and entry.successor is not None:
            left.append(entry.successor)
    return frozenset(found)


# ---- what would be said today


def as_asked(situation: Situation, others: Collection[str]) -> Situation:
    """The question as it stood before anybody answered, with today's knowledge. ``others``: the entries that our other
    answers there quote; they are not said twice."""
    message = situation.message
    said = _until(situation.thread, message)
    policy = replace(situation.policy, quiet_now=False, clip=False, max_per_thread=1, max_per_hour=1)
    return replace(
        situation,
        thread=replace(situation.thread, messages=said),
        ticket=opened(said[0]),
        policy=policy,
        waited=True,
        helped=0,
        quoted=frozenset(others),
        spoken_last_hour=0,
        rejected=False,
        rejected_at=None,
        muted=None,
    )


def _until(thread: Thread, message: Message) -> tuple[Message, ...]:
    """The thread up to the question, and what its asker added to it at once."""
    before, kept = thread.before(message.id), [message]
    for later in thread.messages[len(before) + 1 :]:
        if later.user != message.user or later.at - kept[-1].at > BURST:
            break
        kept.append(later)
    return (*before, *kept)


def says_the_same(one: Suggestion, other: Suggestion) -> bool:
    """Whether two answers read the same, wherever it comes from: then nobody needs to be told."""
    return [_flat(line.text) for line in one.lines] == [_flat(line.text) for line in other.lines]

"""Pure: who says what in which burst, and what goes wrong on its way. The same for every transport."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random

from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.thread import Role

CHANNELS = 24
ASKING = 4  # of the channels: there only questions are asked that an entry answers
CUSTOMERS, ANALYSTS = 40, 8
KNOWN = 0.02  # of the lines are such questions
IN_THREADS = 0.5  # of the others
AGAIN, ANEW, EDITED, REACTED = 0.04, 0.02, 0.03, 0.06  # of the lines
APART = 8  # neighbours that may overtake each other, all of them within the settle time

_PARTS = ("gate", "flow", "work", "spill", "cursor", "run", "sched", "conn", "sink", "merge", "lock", "queue")


class Trouble(StrEnum):
    """What befalls the connection in the middle of a burst."""

    REFRESH = "refresh"  # it is to be exchanged for another
    CUT = "cut"  # it is reset
    HALF_OPEN = "half-open"  # it stands, and nothing goes through it


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Something that is said. ``root``: the number of the line whose thread it is in. ``edited``: what becomes of it.

    ``known``: it asks what an entry answers.
    """

    number: int
    channel: int
    user: int
    text: str
    root: int | None = None
    edited: str | None = None
    known: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Burst:
    """``again``: numbers of earlier lines that are delivered once more, ``anew``: as another event. ``reactions``: on
    which line, by whom. ``edits``: of earlier lines. ``trouble`` comes after half of the lines."""

    lines: tuple[Line, ...]
    again: tuple[int, ...] = ()
    anew: tuple[int, ...] = ()
    edits: tuple[int, ...] = ()
    reactions: tuple[tuple[int, int], ...] = ()
    trouble: Trouble | None = None


def planned(messages: int, size: int, seed: int = 1) -> list[Burst]:
    """``messages`` lines in bursts of ``size``."""
    chance = Random(seed)
    lines: list[Line] = []
    bursts = []
    for start in range(0, messages, size):
        earlier = lines[-2 * size :]
        new: list[Line] = []
        for number in range(start, min(start + size, messages)):
            new.append(_line(number, [*earlier, *new], chance))
        bursts.append(_burst(tuple(new), earlier, chance))
        lines += new
    return [_troubled(burst, place, len(bursts)) for place, burst in enumerate(bursts)]


def _troubled(burst: Burst, place: int, bursts: int) -> Burst:
    """A refresh or a cut in every fifth burst by turns; half-open once, in the middle."""
    trouble = {2: Trouble.REFRESH, 7: Trouble.CUT}.get(place % 10)
    if place == bursts // 2:
        trouble = Trouble.HALF_OPEN
    return Burst(
        lines=burst.lines,
        again=burst.again,
        anew=burst.anew,
        edits=burst.edits,
        reactions=burst.reactions,
        trouble=trouble,
    )


def _burst(lines: tuple[Line, ...], earlier: Sequence[Line], chance: Random) -> Burst:
    def some(share: float, of: Sequence[Line]) -> tuple[int, ...]:
        return tuple(line.number for line in of if chance.random() < share)

    last = earlier[-len(lines) :]
    reacted = some(REACTED, [*last, *lines])
    return Burst(
        lines=lines,
        again=some(AGAIN, last),
        anew=some(ANEW, last),
        edits=tuple(line.number for line in last if line.edited is not None),
        reactions=tuple((number, chance.randrange(CUSTOMERS)) for number in reacted),
    )


def _line(number: int, before: Sequence[Line], chance: Random) -> Line:
    if chance.random() < KNOWN:
        text = f"The gate stops with {code(number)} since this morning, how do I make it start again?"
        channel, user = chance.randrange(ASKING), chance.randrange(CUSTOMERS)
        return Line(number=number, channel=channel, user=user, text=text, known=True)
    root = _root(before, chance) if chance.random() < IN_THREADS else None
    analyst = chance.random() < (0.6 if root else 0.2)
    user = CUSTOMERS + chance.randrange(ANALYSTS) if analyst else chance.randrange(CUSTOMERS)
    text = f"{number}: {_said(analyst, chance)}"
    return Line(
        number=number,
        channel=root.channel if root else ASKING + chance.randrange(CHANNELS - ASKING),
        user=user,
        text=text,
        root=None if root is None else root.number,
        edited=f"{text} (corrected)" if chance.random() < EDITED else None,
    )


def _root(before: Sequence[Line], chance: Random) -> Line | None:
    roots = [line for line in before if line.root is None and not line.known][-60:]
    return chance.choice(roots) if roots else None


def _said(analyst: bool, chance: Random) -> str:
    words = " ".join(_word(chance) for _ in range(chance.randrange(6, 30)))
    if analyst:
        return f"Have a look at {words}; that settles it here."
    kind = chance.random()
    if kind < 0.5:
        return f"Does anybody know why {words} fails with ERR-{chance.randrange(9000)}?"
    return f"I have {words} on my list for today."


def _word(chance: Random) -> str:
    return f"{chance.choice(_PARTS)}{chance.choice(_PARTS)}{chance.randrange(97)}"


# ---- what is known


def code(number: int) -> str:
    """The error that the known question of a line is about."""
    return f"MLR-{40_000 + number}"


def answers(bursts: Sequence[Burst]) -> list[KnowledgeEntry]:
    """What answers the known questions, one entry each."""
    return [_answer(line.number) for burst in bursts for line in burst.lines if line.known]


def _answer(number: int) -> KnowledgeEntry:
    at = datetime.now(UTC) - timedelta(days=92)
    error = code(number)
    asked = f"Gate does not start: {error}\nSince last night the gate stops with {error}, how can I start it?"
    solved = (
        f"{error} means that the spill folder {number} is full. Run `spill clean {number}` and restart it."
    )
    problem = Passage(kind=PassageKind.PROBLEM, text=asked, source=f"known/q{number}", at=at)
    solution = Passage(
        kind=PassageKind.SOLUTION, text=solved, source=f"known/a{number}", role=Role.ANALYST, at=at
    )
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=asked.split("\n")[0],
        origin=f"known/t{number}",
        audience=WORKSPACE,
        passages=(problem, solution),
        known_from=at,
        confirmed=True,
    )

"""What a closed thread teaches: where its solution stands, and the entry made of it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from knowledge import distil
from knowledge.confirmation import confirming
from knowledge.cues import (
    is_ack,
    is_question,
    is_substantive,
)
from knowledge.distil import Part
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.private import generalised
from knowledge.redact import redact
from knowledge.solution import Solution, find_solution, is_human
from knowledge.thread import Message, Role, Thread
from knowledge.worth import Confirmation, How, Why, corrected, not_understood, teaches_nothing, worth

# Who writes again so soon, with nobody in between, is still saying the same thing.
BURST = timedelta(minutes=3)
MOST_ADDED = 3  # later messages of the asker that belong to the problem

NOBODY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mined:
    """What mining a thread came to. ``why`` says where the solution was seen, or why there is no entry.

    ``confirmed_by`` is the evidence that the solution holds: the people are told by their ids, here alone.
    """

    entry: KnowledgeEntry | None
    why: str
    confirmed_by: tuple[Confirmation, ...] = ()


def mine(
    thread: Thread,
    *,
    audience: str,
    closed_at: datetime,
    link: str | None = None,
    people: Mapping[str, str] = NOBODY,
    patterns: Sequence[re.Pattern[str]] = (),
) -> Mined:
    """The entry that a thread closed at ``closed_at`` is worth, or None with the reason.

    ``link`` leads to the thread and is given to passages whose message has no link of its own. The entry is without
    personal data and secrets (`knowledge.redact`): ``people`` maps what people are called to their ids, of whom those
    who speak or are mentioned are looked for; ``patterns`` are the workspace's own. Hosts, ticket numbers and customers
    go, too (`knowledge.private`), and of the messages only what a later reader needs is kept (`knowledge.distil`).
    Where the solution stands is judged by what was really said.
    """
    solution = _telling_solution(thread, closed_at)
    problem = _burst(thread.messages, 0, forward_only=True)
    if solution is None:
        return Mined(entry=None, why=str(worth(thread, problem, None).why))
    told = _redacted(thread, people, patterns)
    problem, solved = told.messages[: len(problem)], told.messages[thread.messages.index(solution.message)]
    solved = corrected(told, solved)
    solving = _solving(told, solved, problem)
    heard = confirming(thread, thread.messages[told.messages.index(solved)])
    judged = worth(told, problem, solved, closed_at=closed_at, solving=solving, heard=heard)
    if judged.why is not None:
        return Mined(entry=None, why=str(judged.why), confirmed_by=judged.confirmed_by)
    passages = _passages(told, problem, solving, judged.confirmed_by, link)
    entry = KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title_of(problem),
        origin=thread.id,
        audience=audience,
        passages=tuple(passages),
        known_from=closed_at,
        confirmed=bool(judged.confirmed_by),
    )
    return Mined(entry=entry, why=solution.why, confirmed_by=judged.confirmed_by)


def _telling_solution(thread: Thread, closed_at: datetime) -> Solution | None:
    """The solution; where it turns out to be a remark ("he is right, ignore mine"), the next best."""
    solution = find_solution(thread, closed_at=closed_at)
    if solution is None or teaches_nothing([solution.message]) is not Why.NO_SUBSTANCE:
        return solution
    others = tuple(message for message in thread.messages if message is not solution.message)
    return find_solution(replace(thread, messages=others), closed_at=closed_at) or solution


def corrected_entry(
    question: Message,
    correction: str,
    *,
    source: str,
    author: str,
    at: datetime,
    audience: str,
    closed_at: datetime,
    people: Mapping[str, str] = NOBODY,
    patterns: Sequence[re.Pattern[str]] = (),
) -> KnowledgeEntry | None:
    """What somebody wrote as the right answer to ``question``, in place of ours; None if nothing is left of either.

    ``source`` is the correction's own id (``correction:ID``): the entry is learnt from it, and goes with it.
    """
    right = replace(
        question, id=source, user=author, at=at, text=correction, role=Role.UNKNOWN, reactions=(), link=None
    )
    told = _redacted(
        Thread(id=source, channel=question.channel, messages=(question, right)), people, patterns
    )
    asked, solved = told.messages
    if not_understood([asked]) or teaches_nothing([solved]):
        return None
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title_of([asked]),
        origin=source,
        audience=audience,
        passages=(
            _passage(PassageKind.PROBLEM, asked, distil.distil(asked.text, Part.PROBLEM), None),
            _passage(PassageKind.SOLUTION, solved, distil.distil(solved.text, Part.SOLUTION), None),
        ),
        known_from=closed_at,
    )


def _redacted(thread: Thread, people: Mapping[str, str], patterns: Sequence[re.Pattern[str]]) -> Thread:
    said = [message.text for message in thread.messages]
    texts = generalised(redact(said, _names(thread, people), patterns))
    told = (replace(message, text=text) for message, text in zip(thread.messages, texts, strict=True))
    return replace(thread, messages=tuple(told))


def _names(thread: Thread, people: Mapping[str, str]) -> frozenset[str]:
    """What the people in ``thread`` are called, and who is mentioned in it; programs have no names to hide."""
    users = {message.user for message in thread.messages if is_human(message)}
    said = "\n".join(message.text for message in thread.messages).casefold()
    mentions = "@" in said
    known = {
        name for name, user in people.items() if user in users or (mentions and f"@{name.casefold()}" in said)
    }
    return frozenset(known | {user.rsplit("/", 1)[-1] for user in users})


def title_of(problem: Sequence[Message]) -> str:
    """What the messages that ask are about, on one line of at most 120 characters."""
    return distil.title_of([message.text for message in problem])


# ---- passages ---------------------------------------------------------------------------------------------


def _passages(
    thread: Thread,
    problem: Sequence[Message],
    solving: Sequence[Message],
    confirmed_by: Sequence[Confirmation],
    link: str | None,
) -> Iterator[Passage]:
    """The thread's passages: what is asked, what solves it, who says that it does, then the rest, each in order."""
    kept = [
        *_told(PassageKind.PROBLEM, problem, Part.PROBLEM),
        *_added(thread, problem, solving),
        *_told(PassageKind.SOLUTION, solving, Part.SOLUTION),
    ]
    used = {message.id for _, message, _ in kept}
    kept += _confirming(thread, confirmed_by, used)
    used |= {message.id for _, message, _ in kept}
    for message in thread.messages:
        if message.id not in used and is_human(message) and message.text.strip():
            kept.append((PassageKind.DISCUSSION, message, message.text))
    yield from (_passage(kind, message, text, link) for kind, message, text in kept)


def _told(
    kind: PassageKind, messages: Sequence[Message], part: Part
) -> Iterator[tuple[PassageKind, Message, str]]:
    for message in messages:
        if text := distil.distil(message.text, part):
            yield kind, message, text


def _added(
    thread: Thread, problem: Sequence[Message], solving: Sequence[Message]
) -> list[tuple[PassageKind, Message, str]]:
    """The error, the log or the version that the asker gave later, before it was solved."""
    first = min(thread.messages.index(message) for message in solving)
    between = [each for each in thread.messages[len(problem) : first] if each.user == thread.asker]
    found: list[tuple[PassageKind, Message, str]] = []
    room = distil.MOST_ADDED
    for message in between:
        asked = is_question(thread.messages[thread.messages.index(message) - 1].text)
        if (text := distil.essentials(message.text, room, asked=asked)) and len(found) < MOST_ADDED:
            found.append((PassageKind.PROBLEM, message, text))
            room -= len(text)
    return found


def _confirming(
    thread: Thread, confirmed_by: Sequence[Confirmation], used: Set[str]
) -> Iterator[tuple[PassageKind, Message, str]]:
    """What people said when it worked; reactions are no words."""
    said = {each.message for each in confirmed_by if each.how in (How.SAID, How.ALSO)}
    for message in thread.messages:
        if message.id in said and message.id not in used and (text := distil.words_of_success(message.text)):
            yield PassageKind.CONFIRMATION, message, text


def _passage(kind: PassageKind, message: Message, text: str, link: str | None) -> Passage:
    return Passage(
        kind=kind,
        text=text,
        source=message.id,
        author=message.user,
        role=message.role,
        at=message.at,
        link=message.link or link,
    )


# ---- what belongs together --------------------------------------------------------------------------------

_GOES_ON = re.compile(
    r"\W*(?:(?:and |ok(?:ay)?,? |so )?(?:then|next|after that|afterwards|finally|lastly|second(?:ly)?|third(?:ly)?"
    r"|once (?:that|this|it)|when that)\b"
    r"|step [2-9]\b|[2-9][.)] |然后|接着|接下来|最后|之后|第[二三四五六]步|[2-9]、)",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"\W*(?:first(?:ly)?\b|step 1\b|1[.)] |首先|先|第一步|1、)|[\s\S]*[:：]\s*$", re.IGNORECASE
)


def _solving(thread: Thread, solution: Message, problem: Sequence[Message]) -> list[Message]:
    """The messages that tell the solution together: written in one go, and the steps before and after it."""
    asked = {message.id for message in problem}
    place = thread.messages.index(solution)
    burst = [message for message in _burst(thread.messages, place) if message.id not in asked]
    solving = [message for message in burst if message is solution or is_substantive(message.text)]
    earlier = [message for message in reversed(thread.messages[:place]) if message not in burst]
    later = [message for message in thread.messages[place:] if message not in burst]
    for message in _steps(earlier, solving[0]):
        solving.insert(0, message)
    return [*solving, *_steps(later, solving[-1])]


def _steps(messages: Sequence[Message], step: Message) -> Iterator[Message]:
    """The steps that go on from ``step``, one at a time, as long as nobody says more than "done" in between."""
    for message in messages:
        if message.user == step.user and _is_next_step(message, step):
            step = message
            yield step
        elif message.user == step.user or not is_ack(message.text):
            return


def _is_next_step(one: Message, other: Message) -> bool:
    first, second = (one, other) if one.at <= other.at else (other, one)
    together = _GOES_ON.match(second.text) is not None or _BEGINS.match(first.text) is not None
    return together and is_substantive(one.text)


def _burst(messages: Sequence[Message], place: int, *, forward_only: bool = False) -> Sequence[Message]:
    """The messages around ``place`` that their author wrote in one go: nobody in between, at most 3 minutes apart."""
    first = last = place
    while last + 1 < len(messages) and _is_one_go(messages[last], messages[last + 1]):
        last += 1
    while not forward_only and first > 0 and _is_one_go(messages[first - 1], messages[first]):
        first -= 1
    return messages[first : last + 1]


def _is_one_go(before: Message, after: Message) -> bool:
    return before.user == after.user and after.at - before.at <= BURST

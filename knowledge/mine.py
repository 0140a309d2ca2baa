"""What a closed thread teaches: where its solution stands, and the entry made of it. Pure."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from knowledge import distil
from knowledge.cues import (
    is_ack,
    is_deferral,
    is_me_too,
    is_problem_report,
    is_question,
    is_solved,
    is_solved_by_asker,
    is_still_broken,
    is_substantive,
    said,
    says_thanks,
)
from knowledge.distil import Part
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.private import generalised
from knowledge.redact import redact
from knowledge.sentences import sentences
from knowledge.thread import Message, Role, Thread
from knowledge.worth import Confirmation, How, Why, corrected, not_understood, teaches_nothing, worth

BURST = timedelta(
    minutes=3
)  # who writes again so soon, with nobody in between, is still saying the same thing
MOST_ADDED = 3  # later messages of the asker that belong to the problem
LONG = 120  # characters; an asker who writes more after it is solved usually tells how

TICKS = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})
LIKES = TICKS | {"+1", "pray", "raised_hands", "tada", "heart", "100", "ok_hand", "clap"}
NOBODY: Mapping[str, str] = MappingProxyType({})
DISLIKES = frozenset({"-1", "x", "no_entry", "no_entry_sign"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mined:
    """What mining a thread came to. ``why`` says where the solution was seen, or why there is no entry.

    ``confirmed_by`` is the evidence that the solution holds: the people are told by their ids, here alone.
    """

    entry: KnowledgeEntry | None
    why: str
    confirmed_by: tuple[Confirmation, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Solution:
    """The message that solves a thread's problem, why it was chosen and whether a person confirmed it."""

    message: Message
    why: str
    confirmed: bool


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
    judged = worth(told, problem, solved, closed_at=closed_at, solving=solving)
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
    users = {message.user for message in thread.messages if _is_human(message)}
    said = "\n".join(message.text for message in thread.messages).casefold()
    known = {name for name, user in people.items() if user in users or f"@{name.casefold()}" in said}
    return frozenset(known | {user.rsplit("/", 1)[-1] for user in users})


def find_solution(thread: Thread, *, closed_at: datetime | None = None) -> Solution | None:
    """The message of ``thread`` that most likely holds the solution; None if none has any substance.

    Reactions put later than ``closed_at`` do not count.
    """
    candidates = _candidates(thread)
    if not candidates:
        return None
    conversation = _Conversation(thread, closed_at)
    seen = {message.id: frozenset(conversation.seen(message)) for message in candidates}
    best = max(
        candidates, key=lambda message: conversation.score(message, seen[message.id])
    )  # the first of equals
    why = next((reason for reason in _REASONS if reason in seen[best.id]), "the best of the answers")
    return Solution(message=best, why=why, confirmed=conversation.is_confirmed(best, seen[best.id]))


def title_of(problem: Sequence[Message]) -> str:
    """What the messages that ask are about, on one line of at most 120 characters."""
    return distil.title_of([message.text for message in problem])


# ---- what was said after it -------------------------------------------------------------------------------


def _words_after(thread: Thread, solution: Message) -> Sequence[Message]:
    """What the asker says after the solution."""
    return [message for message in _after(thread, solution) if message.user == thread.asker]


def _is_content(message: Message) -> bool:
    """Whether it thanks or says that it works."""
    return (says_thanks(message.text) or is_solved(message.text)) and not is_still_broken(message.text)


def _after(thread: Thread, message: Message) -> Sequence[Message]:
    return thread.messages[thread.messages.index(message) + 1 :]


def _is_human(message: Message) -> bool:
    return message.role is not Role.BOT


# ---- the solution -----------------------------------------------------------------------------------------

# Points for what is seen about a message, set on threads of a support forum in which the asker marked the
# solution (python -m benchmarks solution). Ties go to the earlier message.
POINTS: Mapping[str, float] = {
    "ticked": 6.0,  # somebody else put a ✅ on it
    "liked by the asker": 2.0,
    "disliked by the asker": -3.0,
    # an answer by somebody else
    "first answer": 0.5,
    "longest answer": 0.5,
    "holds code": 0.5,
    "advises": 0.5,
    "by an analyst": 0.25,
    "just before the asker's thanks": 1.25,
    "after the asker's last thanks": -1.0,
    "the asker answers that it is still broken": -0.5,
    "has the same trouble": -1.5,
    "asks for himself": -1.0,
    "thanks somebody": -0.5,
    # something the asker says himself
    "by the asker": -0.5,
    "the asker tells how it was solved": 1.5,
    "the asker says that it works": 0.25,
    "the asker asks on": -0.75,
    "the asker tells at length": 0.75,
    "the last word": 0.75,
}
LATER = -0.4  # points per natural logarithm of the messages that follow: what solves it comes late
_ADVISES = re.compile(
    r"\b(?:try|use|set|just|instead|because|should|you(?:'ll)? (?:can|need|have to|could|must))\b"
    r"|试试|试一下|可以(?:用|改|把)|需要|应该|把|因为|建议",
    re.IGNORECASE,
)
_HOW = re.compile(
    r"\b(?:by|after|because|with|using|when|was|were|had to|needed|instead|missing)\b"
    r"|[:：]|\w，|通过|因为|改|用|重启|后",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|we|my|our)\b|我", re.IGNORECASE)
_REASONS = (  # what is told of a choice, the strongest first
    "ticked",
    "just before the asker's thanks",
    "the asker tells how it was solved",
    "liked by the asker",
    "longest answer",
    "first answer",
)


def _candidates(thread: Thread) -> list[Message]:
    """The messages after the opening burst that may be the solution: of substance, and of the asker only a telling."""
    opening = _burst(thread.messages, 0, forward_only=True)
    later = [message for message in thread.messages[len(opening) :] if _is_human(message)]
    return [message for message in later if _may_solve(message, thread.asker)]


def _may_solve(message: Message, asker: str) -> bool:
    if not is_substantive(message.text) or (is_deferral(message.text) and len(message.text) < LONG):
        return False  # "I'll ask around" closes nothing
    return message.user != asker or (is_solved_by_asker(message.text) and _tells(message.text))


def _tells(text: str) -> bool:
    """Whether there is more in it than that it works now, thanks to somebody."""
    if "```" in text or len(said(text)) > LONG:
        return True
    return any(_tells_how(text[span.start : span.end]) for span in sentences(text))


def _tells_how(sentence: str) -> bool:
    content = says_thanks(sentence) or is_solved(sentence)
    return is_substantive(sentence) and (not content or _HOW.search(sentence) is not None)


def _asks_for_himself(text: str) -> bool:
    """Whether somebody who is not the asker brings trouble of his own."""
    troubled = is_question(text) and is_problem_report(text) and _FIRST_PERSON.search(said(text)) is not None
    return troubled or is_still_broken(text)


class _Conversation:
    """A thread as the choice of its solution sees it; what concerns the whole thread is worked out once."""

    def __init__(self, thread: Thread, closed_at: datetime | None) -> None:
        self._thread = thread
        self._closed_at = closed_at
        self._place = {message.id: place for place, message in enumerate(thread.messages)}

    @cached_property
    def _answers(self) -> tuple[Message, ...]:
        later = self._thread.messages[1:]
        return tuple(
            message for message in later if message.user != self._thread.asker and _is_human(message)
        )

    @cached_property
    def _longest(self) -> int:
        return max(len(answer.text) for answer in self._answers)

    @cached_property
    def _thanks(self) -> tuple[int, ...]:
        """The places of the asker's messages that thank or say that it works."""
        own = (message for message in self._thread.messages[1:] if message.user == self._thread.asker)
        return tuple(self._place[message.id] for message in own if _is_content(message))

    def score(self, message: Message, seen: Set[str]) -> float:
        """Points for being the solution; only their order in one thread means anything."""
        following = len(self._thread.messages) - 1 - self._place[message.id]
        return sum(POINTS[name] for name in seen) + LATER * math.log1p(following)

    def is_confirmed(self, message: Message, seen: Set[str]) -> bool:
        """Whether a person said that it holds: a ✅, the asker's reaction or thanks, or that it works."""
        if seen & {"ticked", "liked by the asker"}:
            return True
        words = _words_after(self._thread, message)
        if words and is_still_broken(words[-1].text):
            return False
        return "the asker says that it works" in seen or any(map(_is_content, words))

    def seen(self, message: Message) -> Iterator[str]:
        """The names of POINTS that hold for ``message``."""
        yield from self._reactions(message)
        if message.user == self._thread.asker:
            yield from self._own(message)
        else:
            yield from self._answer(message)

    def _reactions(self, message: Message) -> Iterator[str]:
        known = [each for each in message.reactions if self._is_known(each.at) and each.user != message.user]
        if any(each.name in TICKS for each in known):
            yield "ticked"
        asker = {each.name for each in known if each.user == self._thread.asker}
        if asker & LIKES:
            yield "liked by the asker"
        if asker & DISLIKES:
            yield "disliked by the asker"

    def _is_known(self, at: datetime | None) -> bool:
        return at is None or self._closed_at is None or at <= self._closed_at

    def _answer(self, message: Message) -> Iterator[str]:
        place, text = self._place[message.id], message.text
        if is_me_too(text):
            yield "has the same trouble"
        if _asks_for_himself(text):
            yield "asks for himself"
        if says_thanks(text):
            yield "thanks somebody"
        if message is self._answers[0]:
            yield "first answer"
        if len(text) == self._longest:
            yield "longest answer"
        if "```" in text:
            yield "holds code"
        if _ADVISES.search(said(text)):
            yield "advises"
        if message.role is Role.ANALYST:
            yield "by an analyst"
        if place + 1 in self._thanks:
            yield "just before the asker's thanks"
        if self._thanks and place > self._thanks[-1]:
            yield "after the asker's last thanks"
        answer = next(
            (each for each in _after(self._thread, message) if each.user == self._thread.asker), None
        )
        if answer is not None and is_still_broken(answer.text):
            yield "the asker answers that it is still broken"

    def _own(self, message: Message) -> Iterator[str]:
        yield "by the asker"
        if is_solved_by_asker(message.text):
            yield "the asker tells how it was solved"
        if is_solved(message.text):
            yield "the asker says that it works"
        if is_question(message.text):
            yield "the asker asks on"
        if len(said(message.text)) > LONG:
            yield "the asker tells at length"
        if message is self._thread.messages[-1]:
            yield "the last word"


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
        if message.id not in used and _is_human(message) and message.text.strip():
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
        if message.id in said and message.id not in used:
            yield PassageKind.CONFIRMATION, message, distil.words_of_success(message.text)


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

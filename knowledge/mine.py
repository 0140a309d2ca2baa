"""What a closed thread teaches: whether it is worth keeping, where its solution stands, the entry. Pure."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from knowledge.cues import (
    asks_for_help,
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
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.redact import redact
from knowledge.sentences import sentences
from knowledge.thread import Message, Role, Thread

BURST = timedelta(
    minutes=3
)  # who writes again so soon, with nobody in between, is still saying the same thing
LEAST_TITLE = 6  # characters; "uhh" names nothing
TITLE_LENGTH = 120  # characters
LONG = 120  # characters; an asker who writes more after it is solved usually tells how

TICKS = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})
LIKES = TICKS | {"+1", "pray", "raised_hands", "tada", "heart", "100", "ok_hand", "clap"}
NOBODY: Mapping[str, str] = MappingProxyType({})
DISLIKES = frozenset({"-1", "x", "no_entry", "no_entry_sign"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mined:
    """What mining a thread came to. ``why`` says where the solution was seen, or why there is no entry."""

    entry: KnowledgeEntry | None
    why: str


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
    who speak or are mentioned are looked for; ``patterns`` are the workspace's own. What is worth keeping, and where
    the solution stands, is judged by what was really said.
    """
    problem = _burst(thread.messages, 0, forward_only=True)
    solution = find_solution(thread, closed_at=closed_at)
    confirmed = solution is not None and solution.confirmed
    if why_not := _not_worth_asking(problem, confirmed=confirmed):
        return Mined(entry=None, why=why_not)
    if solution is None:
        return Mined(entry=None, why=_why_unanswered(thread))
    if _is_contradicted(thread, solution.message):
        return Mined(entry=None, why="the asker's last word is that it is still broken")
    told = _redacted(thread, people, patterns)
    problem, solved = told.messages[: len(problem)], told.messages[thread.messages.index(solution.message)]
    entry = KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=title_of(problem),
        origin=thread.id,
        audience=audience,
        passages=tuple(_passages(told, problem, solved, link)),
        known_from=closed_at,
        confirmed=solution.confirmed,
    )
    return Mined(entry=entry, why=solution.why)


def _redacted(thread: Thread, people: Mapping[str, str], patterns: Sequence[re.Pattern[str]]) -> Thread:
    texts = redact([message.text for message in thread.messages], _names(thread, people), patterns)
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
    """The first thing the asker says that is more than a greeting, on one line of at most 120 characters."""
    spans = [message.text[span.start : span.end] for message in problem for span in sentences(message.text)]
    told = next(
        (span for span in spans if len(span) >= LEAST_TITLE and not is_ack(span)), spans[0] if spans else ""
    )
    line = next((line for line in told.splitlines() if re.search(r"\w", line)), told)
    return _shortened(re.sub(r"\s+", " ", line.lstrip("#>*-` ")).strip())


def _shortened(text: str) -> str:
    if len(text) <= TITLE_LENGTH:
        return text
    kept = text[: TITLE_LENGTH - 1]
    return (kept[: kept.rfind(" ")] if " " in kept[TITLE_LENGTH // 2 :] else kept).rstrip() + "…"


# ---- worth ------------------------------------------------------------------------------------------------


def _not_worth_asking(problem: Sequence[Message], *, confirmed: bool) -> str:
    """Why what opens the thread is no problem to keep; empty if it is one, or if somebody says that it was solved."""
    if problem[0].role is Role.BOT:
        return "a bot opened it"
    if not confirmed and not any(asks_for_help(message.text) for message in problem):
        return "what opens it asks nothing and reports no problem"
    return ""


def _why_unanswered(thread: Thread) -> str:
    others = [message for message in thread.messages if message.user != thread.asker and _is_human(message)]
    return "no answer in it has any substance" if others else "nobody answered"


def _is_contradicted(thread: Thread, solution: Message) -> bool:
    """Whether the asker ends with that it still does not work, and never said that it did."""
    words = _words_after(thread, solution)
    return bool(words) and is_still_broken(words[-1].text) and not any(map(_is_content, words))


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
    thread: Thread, problem: Sequence[Message], solution: Message, link: str | None
) -> Iterator[Passage]:
    """The thread's passages: what opens it, what solves it, then the rest of what people said, each in order."""
    asked = {message.id for message in problem}
    place = thread.messages.index(solution)
    burst = [message for message in _burst(thread.messages, place) if message.id not in asked]
    solving = {message.id for message in burst if message is solution or is_substantive(message.text)}
    for message in problem:
        yield _passage(PassageKind.PROBLEM, message, link)
    for message in burst:
        if message.id in solving:
            yield _passage(PassageKind.SOLUTION, message, link)
    for message in thread.messages:
        if message.id not in asked | solving and _is_human(message) and message.text.strip():
            yield _passage(PassageKind.DISCUSSION, message, link)


def _passage(kind: PassageKind, message: Message, link: str | None) -> Passage:
    return Passage(
        kind=kind,
        text=message.text,
        source=message.id,
        author=message.user,
        role=message.role,
        at=message.at,
        link=message.link or link,
    )


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

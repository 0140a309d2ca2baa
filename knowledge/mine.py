"""What a closed thread teaches: whether it is worth keeping, where its solution stands, the entry. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from knowledge.cues import (
    asks_for_help,
    is_ack,
    is_still_broken,
    is_substantive,
)
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.redact import redact
from knowledge.sentences import sentences
from knowledge.signs import is_content
from knowledge.solution import find_solution, words_after
from knowledge.thread import Message, Role, Thread

BURST = timedelta(
    minutes=3
)  # who writes again so soon, with nobody in between, is still saying the same thing
LEAST_TITLE = 6  # characters; "uhh" names nothing
TITLE_LENGTH = 120  # characters

NOBODY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Mined:
    """What mining a thread came to. ``why`` says where the solution was seen, or why there is no entry."""

    entry: KnowledgeEntry | None
    why: str


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
    words = words_after(thread, solution)
    return (
        bool(words) and is_still_broken(words[-1].text) and not any(is_content(word.text) for word in words)
    )


def _is_human(message: Message) -> bool:
    return message.role is not Role.BOT


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

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
    is_problem_report,
    is_question,
    is_still_broken,
    is_substantive,
)
from knowledge.distil import Part
from knowledge.entry import EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.lexical import words
from knowledge.private import generalised
from knowledge.redact import redact
from knowledge.solution import Solution, find_solution, is_human
from knowledge.thread import Message, Role, Thread
from knowledge.worth import Confirmation, How, Why, after, corrected, not_understood, teaches_nothing, worth

# Who writes again so soon, with nobody in between, is still saying the same thing.
BURST = timedelta(minutes=3)
LEAST_TITLE = 3  # words that say something, in a title that is not of the opening
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
        title=_title(told, problem, solving),
        origin=thread.id,
        audience=audience,
        passages=tuple(passages),
        known_from=closed_at,
        confirmed=bool(judged.confirmed_by),
    )
    return Mined(entry=entry, why=solution.why, confirmed_by=judged.confirmed_by)


MOST_REMARKS = 3  # that are passed over in search of the answer
# Where one of these is all that a message says, another may hold the answer.
_NO_ANSWERS = (Why.NO_SUBSTANCE, Why.POLICY, Why.ASKS_BACK, Why.ELSEWHERE)


def _telling_solution(thread: Thread, closed_at: datetime) -> Solution | None:
    """The solution; where it turns out to be a remark ("he is right, ignore mine"), the next best."""
    first = solution = find_solution(thread, closed_at=closed_at)
    rest = thread
    for _ in range(MOST_REMARKS):
        if solution is None or not _says_no_answer(solution):
            return solution or first
        others = tuple(message for message in rest.messages if message is not solution.message)
        rest = replace(rest, messages=others)
        solution = find_solution(rest, closed_at=closed_at)
    return first


def _says_no_answer(solution: Solution) -> bool:
    return teaches_nothing([solution.message], confirmed=solution.confirmed) in _NO_ANSWERS


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


def _title(thread: Thread, problem: Sequence[Message], solving: Sequence[Message]) -> str:
    """The title; where what opens the thread asks nothing, of what its asker asked later."""
    if not any(is_question(each.text) or is_problem_report(each.text) for each in problem):
        asked = _asked_last(_between(thread, problem, solving), thread, solving)
        title = distil.title_of([distil.essentials(asked.text, questions=True)]) if asked else ""
        return title if len(set(words(title))) >= LEAST_TITLE else title_of(problem)
    return title_of(problem)


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
        *_told(PassageKind.PROBLEM, problem, Part.PROBLEM, thread),
        *_added(thread, problem, solving),
        *_told(PassageKind.SOLUTION, solving, Part.SOLUTION, thread),
    ]
    used = {message.id for _, message, _ in kept}
    kept += _confirming(thread, confirmed_by, used)
    used |= {message.id for _, message, _ in kept}
    for message in thread.messages:
        if message.id not in used and is_human(message) and message.text.strip():
            kept.append((PassageKind.DISCUSSION, message, message.text))
    yield from (_passage(kind, message, text, link) for kind, message, text in kept)


def _told(
    kind: PassageKind, messages: Sequence[Message], part: Part, thread: Thread
) -> Iterator[tuple[PassageKind, Message, str]]:
    for message in messages:
        before = thread.messages[: thread.messages.index(message)]
        others = tuple(each.text for each in before if each.user != message.user)
        if text := distil.distil(message.text, part, others):
            yield kind, message, text


def _added(
    thread: Thread, problem: Sequence[Message], solving: Sequence[Message]
) -> list[tuple[PassageKind, Message, str]]:
    """The error, the log or the version that the asker gave later, before it was solved, and what he asked last."""
    between = _between(thread, problem, solving)
    last = _asked_last(between, thread, solving)
    found: list[tuple[PassageKind, Message, str]] = []
    room = distil.MOST_ADDED
    for message in between:
        before = thread.messages[thread.messages.index(message) - 1]
        asked = before.user != message.user and is_question(before.text)
        text = distil.essentials(message.text, room, asked=asked, questions=message is last)
        if text and (len(found) < MOST_ADDED or message is last):
            found.append((PassageKind.PROBLEM, message, text))
            room -= 0 if message is last else len(text)
    return found


def _between(thread: Thread, problem: Sequence[Message], solving: Sequence[Message]) -> list[Message]:
    """What the asker says after he opened the thread and before the solution begins."""
    first = min(thread.messages.index(message) for message in solving)
    return [each for each in thread.messages[len(problem) : first] if each.user == thread.asker]


def _asked_last(between: Sequence[Message], thread: Thread, solving: Sequence[Message]) -> Message | None:
    """In which message the asker asked what the solution answers: right before it, or in its words."""
    last = next((each for each in reversed(between) if distil.questions(each.text)), None)
    if last is None:
        return None
    told = {word for message in solving for word in words(distil.distil(message.text, Part.SOLUTION))}
    following = after(thread, last)
    at_once = following[0] in solving if following else False
    return last if at_once or told & set(words(distil.essentials(last.text, questions=True))) else None


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
    r"|(?:i (?:think|guess|believe) )?(?:it|that|this)(?:'s| is| was) because\b"
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
    solving += _steps(later, solving[-1])
    parts = {message.id: message for message in _other_parts(thread, solving) if message.id not in asked}
    return [message for message in thread.messages if message.id in parts or message in solving]


MOST_PARTS = 3  # answers that are told with the one that was chosen
_THANKS_ALL = re.compile(
    r"\bthanks?(?: you)?(?: so much| very much| a lot| to)?,? (?:you )?(?:both|all|everyone|everybody|guys)\b"
    r"|\bboth (?:of (?:these|those|them|your)|ways|suggestions|solutions|answers|approaches|options|work)"
    r"|谢谢(?:两|各)位|感谢(?:两|各)位|都(?:可以|有用)",
    re.IGNORECASE,
)
_OR = re.compile(r"\W*(?:or,|or (?:you|use|try|just|simply)\b|alternatively\b|或者)", re.IGNORECASE)
_ARCHIVED = re.compile(r"/archives/\w+/p(\d{16})(?!\d)")


def _other_parts(thread: Thread, solving: Sequence[Message]) -> Iterator[Message]:
    """The other answers that belong to the solution: thanked for with it, taken up by its "or", or linked to by it."""
    first, last = (thread.messages.index(each) for each in (solving[0], solving[-1]))
    before = [
        each for each in thread.messages[:first] if each.user != thread.asker and _answers(thread, each)
    ]
    thanks = next((each for each in thread.messages[last + 1 :] if each.user == thread.asker), None)
    if thanks is not None and solving[0].user != thread.asker and _THANKS_ALL.search(thanks.text):
        yield from before[-MOST_PARTS:]
    elif _OR.match(solving[0].text):
        yield from before[-1:]
    linked = {digits for message in solving for digits in _ARCHIVED.findall(message.text)}
    yield from (each for each in thread.messages if linked and _digits(each) in linked)


def _answers(thread: Thread, message: Message) -> bool:
    """Whether it may be a part of the solution: it tells something, asks nothing and was not found to fail."""
    reply = next((each for each in after(thread, message) if each.user == thread.asker), None)
    failed = reply is not None and is_still_broken(reply.text)
    return (
        is_human(message)
        and not failed
        and not is_question(message.text)
        and not teaches_nothing([message], confirmed=False)
    )


def _digits(message: Message) -> str:
    """The moment of a message as its permanent link says it."""
    return f"{message.at.timestamp():.6f}".replace(".", "")


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

"""Which message of a closed thread holds the solution, and whether a person confirmed it. Pure but for its weights.

What people marked decides: a ✅ by somebody else, then the asker's own reaction. Where nobody marked anything, the
messages are weighed against each other: named features (`knowledge/signs.py`) times the weights in
``knowledge/weights/solution.json``, fitted by ``python -m benchmarks train_solution`` so that the messages that askers
accepted are the likeliest of their threads, and measured by ``python -m benchmarks solution``.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from knowledge.confirmation import confirming, own_words_after
from knowledge.cues import (
    is_deferral,
    is_question,
    is_solved,
    is_solved_by_asker,
    is_still_broken,
    opens_to,
    said,
)
from knowledge.cues import is_substantive as has_substance
from knowledge.lexical import words
from knowledge.sentences import sentences
from knowledge.signs import LEXICONS, Features, Lexicon, Scene, asks_for_himself, tells_how
from knowledge.thread import Message, Role, Thread

ONE_GO = timedelta(minutes=3)  # who writes again so soon, with nobody in between, is still asking
LONG = 120  # characters; an asker who writes more after it is solved usually tells how
STILL = timedelta(days=30)  # after such a pause a newcomer seldom answers what was asked
FAR = 10  # messages after the opening
NEAR = 4  # messages after the opening: a short answer may share no word with it
LEAST_LATE = 2  # words that the first answer shares with a question that nobody had answered for long
LEAST_SHARED = 4  # words that an answer far from the question shares with it

TICKS = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})
LIKES = TICKS | {"+1", "pray", "raised_hands", "tada", "heart", "100", "ok_hand", "clap"}
DISLIKES = frozenset({"-1", "x", "no_entry", "no_entry_sign"})

_NO_WORDS = re.compile(r"\w+://\S+|<?@[\w.-]+>?")
_HOW_DID_YOU = re.compile(r"\bhow (?:did|have) you\b|怎么解决的", re.IGNORECASE)
_DID = re.compile(
    r"\b(?:i|we)(?:'ve| have)? (?:\w+ )?(?:fixed|solved|resolved|figured|managed|changed|added|removed"
    r"|replaced|used|installed"
    r"|upgraded|downgraded|set|rewrote|switched|ended up|made|did|wrote|found|forgot|had to|was able|got)\b"
    r"|我(?:把|用|改|加|换)",
    re.IGNORECASE,
)
_BRINGS = re.compile(r"\b(?:i am|i'm|i have|i've|i'd|i get|i tried|i need|i want|my|me)\b|我", re.IGNORECASE)

TICKED = "ticked"
LIKED = "liked by the asker"
DISLIKED = "disliked by the asker"
_MARKS = {TICKED: 2, LIKED: 1, DISLIKED: -1}  # what a mark is worth, above all weighing

_REASONS: Mapping[str, str] = {  # feature -> what is told of a choice, the strongest first
    "just before the last thanks": "just before the asker's thanks",
    "just before the first thanks": "just before the asker's thanks",
    "at once content": "just before the asker's thanks",
    "own, tells how it was solved": "the asker tells how it was solved",
    "own": "the asker tells more after it was answered",
    "last answer before the asker's last word": "the last answer before the asker's last word",
    "longest answer": "longest answer",
    "first answer": "first answer",
}
_BEST = "the best of the answers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Solution:
    """The message that solves a thread's problem, why it was chosen and whether a person confirmed it."""

    message: Message
    why: str
    confirmed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """Weights by feature and the lexicons, and how they came about."""

    name: str
    version: int
    data: str
    metrics: Mapping[str, object]
    weights: Mapping[str, float]
    lexicons: Mapping[str, Lexicon]

    def __post_init__(self) -> None:
        if set(self.lexicons) != set(LEXICONS):
            raise ValueError(f"lexicons are {sorted(self.lexicons)}; give {sorted(LEXICONS)}: train again")

    def score(self, features: Features) -> float:
        """The weighed sum; only differences within one thread mean anything."""
        return math.fsum(weight * features[name] for name, weight in self.weights.items())


@lru_cache(maxsize=1)
def model() -> Model:
    """The weights of this version."""
    text = files("knowledge").joinpath("weights", "solution.json").read_text(encoding="utf-8")
    return Model(**json.loads(text))


def find_solution(
    thread: Thread, *, closed_at: datetime | None = None, by: Model | None = None
) -> Solution | None:
    """The message of ``thread`` that most likely holds the solution; None if none has any substance.

    Reactions put later than ``closed_at`` do not count. ``by``: other weights than those of this version.
    """
    chosen = candidates(thread)
    if not chosen:
        return None
    weights = by or model()
    seen = {message.id: features for message, features in Scene(thread, weights.lexicons).features()}
    marks = {message.id: frozenset(marks_of(thread, message, closed_at)) for message in chosen}

    def worth(message: Message) -> tuple[int, bool, float]:
        features = seen.get(message.id)
        scored = -math.inf if features is None else weights.score(features)
        return sum(_MARKS[mark] for mark in marks[message.id]), not _is_refuted(thread, message), scored

    best = max(chosen, key=worth)  # the first of equals
    return Solution(
        message=best,
        why=_why(marks[best.id], seen.get(best.id, {})),
        confirmed=_is_confirmed(thread, best, marks[best.id]),
    )


def _why(marks: frozenset[str], features: Features) -> str:
    told = next((mark for mark in (TICKED, LIKED) if mark in marks), None)
    return told or next((why for name, why in _REASONS.items() if features.get(name)), _BEST)


def marks_of(thread: Thread, message: Message, closed_at: datetime | None) -> Iterator[str]:
    """What people other than its author marked ``message`` with until the thread was closed."""
    known = [
        each
        for each in message.reactions
        if each.user != message.user and (each.at is None or closed_at is None or each.at <= closed_at)
    ]
    if any(each.name in TICKS for each in known):
        yield TICKED
    asker = {each.name for each in known if each.user == thread.asker}
    if asker & LIKES:
        yield LIKED
    if asker & DISLIKES:
        yield DISLIKED


def _is_refuted(thread: Thread, message: Message) -> bool:
    """Whether the asker answers at once that it is still broken."""
    following = _after(thread, message)[:1]
    return any(word.user == thread.asker != message.user and is_still_broken(word.text) for word in following)


# ---- what may be it ---------------------------------------------------------------------------------------


def candidates(thread: Thread) -> list[Message]:
    """The messages after the opening that may be the solution: of substance, and of the asker only a telling."""
    later = [message for message in thread.messages[_opening(thread) :] if is_human(message)]
    return [message for message in later if _is_candidate(thread, message)]


def _is_candidate(thread: Thread, message: Message) -> bool:
    if message.user == thread.asker:
        return _may_tell(thread, message)
    if not (_may_answer(message.text) or _hit_it(thread, message)):
        return False
    return not (_comes_late(thread, message) or _asks_for_himself(thread, message))


def _comes_late(thread: Thread, message: Message) -> bool:
    """Whether a newcomer takes up a thread that had long been still, and does not speak of what it was about."""
    place = thread.messages.index(message)
    if message.at - thread.messages[place - 1].at < STILL or _is_marked(message) or is_solved(message.text):
        return False
    if is_solved_by_asker(message.text):  # who had the same trouble and tells how he got rid of it
        return False
    known = any(each.user == message.user for each in thread.messages[:place])
    answered = any(each.user != thread.asker for each in thread.messages[:place])
    return not known and _shared([thread.opener], message) < (LEAST_SHARED if answered else LEAST_LATE)


def _asks_for_himself(thread: Thread, message: Message) -> bool:
    """Whether a newcomer brings trouble of his own, which others then answer."""
    place = thread.messages.index(message)
    newcomer = all(each.user != message.user for each in thread.messages[:place])
    if not newcomer or not _BRINGS.search(said(message.text)) or _hit_it(thread, message):
        return False
    return asks_for_himself(message.text) or _mostly_asks(message.text)


def _mostly_asks(text: str) -> bool:
    told = [text[span.start : span.end] for span in sentences(text)]
    return 2 * sum(is_question(each) for each in told) >= len(told)


def _is_marked(message: Message) -> bool:
    return any(each.name in TICKS and each.user != message.user for each in message.reactions)


# ---- of another talk --------------------------------------------------------------------------------------


def other_talk(problem: Sequence[Message], solution: Message, distance: int) -> bool:
    """Whether an answer that nobody confirmed seems to be about something else than the ``problem``.

    ``distance`` is how many messages after the opening it stands; far from it, more words must be shared. An answer of
    few words, soon after the question, needs none.
    """
    shared = _shared(problem, solution)
    return shared < LEAST_SHARED if distance >= FAR else shared == 0 and distance > NEAR


def _shared(problem: Sequence[Message], message: Message) -> int:
    """How many words a message has of those that ask, but for addresses and mentions."""
    asked = {word for each in problem for word in words(_bare(each.text))}
    return len(asked & set(words(_bare(message.text))))


def _bare(text: str) -> str:
    return _NO_WORDS.sub(" ", text)


def _opening(thread: Thread) -> int:
    """How many messages the asker opens the thread with, in one go."""
    count = 1
    for before, after in pairwise(thread.messages):
        if before.user != after.user or after.at - before.at > ONE_GO:
            break
        count += 1
    return count


def _may_answer(text: str) -> bool:
    # "I'll ask around" closes nothing
    return has_substance(text) and not (is_deferral(text) and len(text) < LONG)


def _hit_it(thread: Thread, message: Message) -> bool:
    """Whether it only asks ("did you clean the build?") and the asker at once says that it works now."""
    own = words_after(thread, message)
    return (
        is_question(message.text)
        and bool(own)
        and is_solved(own[0].text)
        and not is_solved_by_asker(own[0].text)
    )


def _may_tell(thread: Thread, message: Message) -> bool:
    """Whether the asker may be telling the solution: how he solved it, or how he did it when he shows the code."""
    text, before = message.text, thread.messages[thread.messages.index(message) - 1]
    if not _may_answer(text) or not _tells(text):
        return False
    if is_solved(text) or _HOW_DID_YOU.search(said(before.text)):
        return True
    if is_solved_by_asker(text):
        return not _replies(thread, message)
    asked = before.user != thread.asker and is_question(before.text)
    return "```" in text and _DID.search(said(text)) is not None and not (asked or is_question(text))


def _replies(thread: Thread, message: Message) -> bool:
    """Whether the asker goes on talking with somebody: he opens with a name and does not say that he did it."""
    people = {each.user for each in thread.messages} - {thread.asker}
    return opens_to(message.text, people) is not None and not _DID.search(said(message.text))


def _tells(text: str) -> bool:
    """Whether there is more in it than that it works now, thanks to somebody."""
    if "```" in text or len(said(text)) > LONG:
        return True
    return any(tells_how(text[span.start : span.end]) for span in sentences(text))


def is_human(message: Message) -> bool:
    return message.role is not Role.BOT


# ---- confirmed --------------------------------------------------------------------------------------------


def words_after(thread: Thread, solution: Message) -> Sequence[Message]:
    """What the asker says after ``solution``."""
    return own_words_after(thread, solution)


def _after(thread: Thread, message: Message) -> Sequence[Message]:
    return thread.messages[thread.messages.index(message) + 1 :]


def _is_confirmed(thread: Thread, solution: Message, marks: frozenset[str]) -> bool:
    """Whether a person said that it holds: a ✅, the asker's reaction, or words of his that are about it."""
    if marks & {TICKED, LIKED}:
        return True
    return bool(confirming(thread, solution))

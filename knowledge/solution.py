"""Which message of a closed thread holds the solution, and whether a person confirmed it. Pure but for its weights.

What people marked decides: a ✅ by somebody else, then the asker's own reaction. Where nobody marked anything, the
messages are weighed against each other: named features (`knowledge/signs.py`) times the weights in
``knowledge/weights/solution.json``, fitted by ``python -m benchmarks train_solution`` so that the messages that askers
accepted are the likeliest of their threads, and measured by ``python -m benchmarks solution``.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from knowledge.cues import is_deferral, is_question, is_solved, is_solved_by_asker, is_still_broken, said
from knowledge.cues import is_substantive as has_substance
from knowledge.sentences import sentences
from knowledge.signs import LEXICONS, Features, Lexicon, Scene, is_content, tells_how
from knowledge.thread import Message, Role, Thread

ONE_GO = timedelta(minutes=3)  # who writes again so soon, with nobody in between, is still asking
LONG = 120  # characters; an asker who writes more after it is solved usually tells how
LENGTHY = 400  # characters; so much tells more than that it is still broken, or what else is asked

TICKS = frozenset({"white_check_mark", "heavy_check_mark", "ballot_box_with_check", "done"})
LIKES = TICKS | {"+1", "pray", "raised_hands", "tada", "heart", "100", "ok_hand", "clap"}
DISLIKES = frozenset({"-1", "x", "no_entry", "no_entry_sign"})

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
    answers = [
        message
        for message in later
        if message.user != thread.asker and (_may_answer(message.text) or _hit_it(thread, message))
    ]
    answered_at = thread.messages.index(answers[0]) if answers else len(thread.messages)
    chosen = {message.id for message in answers}
    for message in later:
        answered = thread.messages.index(message) > answered_at
        if message.user == thread.asker and _may_tell(message.text, answered=answered):
            chosen.add(message.id)
    return [message for message in later if message.id in chosen]


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
    words = words_after(thread, message)
    return (
        is_question(message.text)
        and bool(words)
        and is_solved(words[0].text)
        and not is_solved_by_asker(words[0].text)
    )


def _may_tell(text: str, *, answered: bool) -> bool:
    """Whether the asker may be telling the solution: how he solved it, or, once answered, what came of it."""
    if not _may_answer(text) or not _tells(text):
        return False
    if is_solved_by_asker(text) or is_solved(text):
        return True
    return answered and (len(said(text)) > LENGTHY or not (is_question(text) or is_still_broken(text)))


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
    return [message for message in _after(thread, solution) if message.user == thread.asker]


def _after(thread: Thread, message: Message) -> Sequence[Message]:
    return thread.messages[thread.messages.index(message) + 1 :]


def _is_confirmed(thread: Thread, solution: Message, marks: frozenset[str]) -> bool:
    """Whether a person said that it holds: a ✅, the asker's reaction, or words of his that are about it."""
    if marks & {TICKED, LIKED}:
        return True
    words = words_after(thread, solution)
    if words and is_still_broken(words[-1].text):
        return False
    if solution.user == thread.asker:
        return is_solved(solution.text) or any(is_solved(word.text) for word in words)
    return any(_confirms(word.text) and _is_about(thread, solution, word, words) for word in words)


def _confirms(text: str) -> bool:
    """Whether it says that it works, or thanks and neither asks on nor only means to try."""
    return is_content(text) and (is_solved(text) or not (is_question(text) or _will_try(text)))


def _will_try(text: str) -> bool:
    return any(cue in said(text).lower() for cue in _WILL_TRY)


_WILL_TRY = (
    *("i'll try", "i will try", "let me try", "i'll give", "will give it", "i'll test", "i will test"),
    *("i'll check", "i will check", "i'll have a look", "i will have a look", "试试", "试一下", "看一下"),
)


def _is_about(thread: Thread, solution: Message, word: Message, words: Sequence[Message]) -> bool:
    """Whether the asker's ``word`` plausibly means ``solution``: the next he says, or his last with no other's answer
    since."""
    if word is words[0]:
        return True
    since = _after(thread, solution)[: _after(thread, solution).index(word)]
    others = (each for each in since if each.user not in (thread.asker, solution.user) and is_human(each))
    return word is words[-1] and not any(_may_answer(each.text) for each in others)

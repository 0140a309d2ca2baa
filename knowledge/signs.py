"""What speaks for and against each message of a thread being its solution: readable features, and words. Pure.

The features are weighed in ``knowledge/solution.py``. No embedding: who speaks when, how long and of what, the words a
message shares with others, and what the asker says next. Three small lexicons (``Lexicon``) say how much single words
and pairs of words read like an answer, like an asker content with what he was told, and like an asker telling how he
solved it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise

from knowledge.cues import (
    is_ack,
    is_chaser,
    is_deferral,
    is_me_too,
    is_problem_report,
    is_question,
    is_solved,
    is_solved_by_asker,
    is_still_broken,
    is_substantive,
    mentioned,
    opens_to,
    said,
    says_thanks,
)
from knowledge.lexical import words
from knowledge.thread import Message, Role, Thread

ANSWER, CONTENT, TELLING = "answer", "content", "telling"  # the lexicons
LEXICONS = (ANSWER, CONTENT, TELLING)
MOST = 150  # messages of a thread that are looked at: the first ones
READ = 1500  # characters of a message that the lexicons read; what follows is a log or a digression
COMPARED = 3000  # characters of a message that are compared with others
NEVER = 1.2  # in place of a pause, where nothing followed: as long as some four months

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
_SECOND_PERSON = re.compile(r"\byou(?:r|'ll|'re)?\b|你|您", re.IGNORECASE)
_HEDGES = re.compile(
    r"\b(?:maybe|perhaps|probably|i think|i guess|not sure|might|could be|seems?|afaik|iirc)\b|可能|也许|大概",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"^\W*(?:(?:yes|yep|yeah|right|exactly|indeed|correct|no|nope)\b|是的|对|没错)", re.IGNORECASE
)
_SEES = re.compile(
    r"\b(?:i see|makes sense|i understand|got it|a+h+|o+h+|didn'?t know|good idea|great|perfect|awesome|nice|cool)\b"
    r"|明白|原来|懂了",
    re.IGNORECASE,
)
_QUOTE = re.compile(r"^\s*>", re.MULTILINE)
_TOKEN = re.compile(r"[a-z_']+|[?!]|```|:\)|\n\n|[\u3400-\u9fff]{1,2}")

Features = Mapping[str, float]
Lexicon = Mapping[str, float]  # word or pair of words -> weight


# ---- words ------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def terms(text: str) -> frozenset[str]:
    """The words, signs and pairs of neighbours in ``text`` that the lexicons know of."""
    found = _TOKEN.findall(text[:READ].lower().replace("’", "'"))
    return frozenset(found) | {f"{one} {other}" for one, other in pairwise(found)}


def reads_like(text: str, lexicon: Lexicon) -> float:
    """How much the words of ``text`` are those of ``lexicon``; long texts do not count more than short ones."""
    found = terms(text)
    return math.fsum(lexicon.get(term, 0.0) for term in found) / math.sqrt(max(len(found), 1))


@lru_cache(maxsize=4096)
def _words(text: str) -> frozenset[str]:
    return frozenset(words(text[:COMPARED]))


def _rarity(word: str) -> float:
    """How telling a word is, without a corpus: long ones, numbers and identifiers are rarer."""
    if word[0] > "\u2e80":  # Chinese: a pair of characters
        return 0.7
    odd = any(not sign.isalpha() for sign in word)
    return min(len(word), 10) / 10 + (0.5 if odd and len(word) > 2 else 0.0)


def _weight(found: Iterable[str]) -> float:
    return math.fsum(_rarity(word) for word in found)


def _share(some: frozenset[str], other: frozenset[str]) -> float:
    """The share of ``some`` that stands in ``other``, too; a little less where there is little of it."""
    return _weight(some & other) / (_weight(some) + 1) if some else 0.0


# ---- one message ------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    """What one text shows by itself."""

    asks: bool
    thanks: bool
    solved: bool
    broken: bool
    content: bool
    told: bool
    problem: bool
    said: str
    words: frozenset[str]
    code: bool


@lru_cache(maxsize=4096)
def _line(text: str) -> _Line:
    thanks, solved, broken = says_thanks(text), is_solved(text), is_still_broken(text)
    return _Line(
        asks=is_question(text),
        thanks=thanks,
        solved=solved,
        broken=broken,
        content=is_content(text),
        told=is_solved_by_asker(text),
        problem=is_problem_report(text),
        said=said(text),
        words=_words(text),
        code="```" in text,
    )


@lru_cache(maxsize=4096)
def _of_text(text: str) -> Features:
    line = _line(text)
    return {
        "length": math.log1p(len(text)),
        "share in own words": len(line.said.strip()) / max(len(text), 1),
        "holds code": line.code,
        "holds inline code": "`" in text and not line.code,
        "holds a link": "://" in text,
        "quotes": _QUOTE.search(text) is not None,
        "asks": line.asks,
        "ends with a question": text.rstrip()[-1:] in ("?", "？"),
        "reports a problem": line.problem,
        "has substance": is_substantive(text),
        "puts off": is_deferral(text),
        "thanks": line.thanks,
        "says it works": line.solved,
        "still broken": line.broken,
        "tells how": _HOW.search(line.said) is not None,
        "advises": _ADVISES.search(line.said) is not None,
        "hedges": _HEDGES.search(line.said) is not None,
        "yes or no": _YES_OR_NO.search(line.said) is not None,
        "of himself": _FIRST_PERSON.search(line.said) is not None,
        "of the other": _SECOND_PERSON.search(line.said) is not None,
        "asks on": is_chaser(text),
        "says nothing": is_ack(text),
    }


def is_content(text: str) -> bool:
    """Whether its author thanks or says that it works."""
    return (says_thanks(text) or is_solved(text)) and not is_still_broken(text)


def tells_how(sentence: str) -> bool:
    """Whether a sentence by the asker says more than that it works now, thanks to somebody."""
    content = says_thanks(sentence) or is_solved(sentence)
    return is_substantive(sentence) and (not content or _HOW.search(sentence) is not None)


def asks_for_himself(text: str) -> bool:
    """Whether somebody who is not the asker brings trouble of his own."""
    troubled = is_question(text) and is_problem_report(text) and _FIRST_PERSON.search(said(text)) is not None
    return troubled or is_still_broken(text)


# ---- a message in its thread ------------------------------------------------------------------------------


class Scene:
    """The people's messages of a thread, as the choice of its solution sees them."""

    def __init__(self, thread: Thread, lexicons: Mapping[str, Lexicon]) -> None:
        people = [message for message in thread.messages if message.role is not Role.BOT]
        self.messages: Sequence[Message] = people[:MOST]
        self.lines = [_line(message.text) for message in self.messages]
        self.own = [message.user == thread.asker for message in self.messages]
        self._lexicons = lexicons

    def features(self) -> list[tuple[Message, Features]]:
        """Each message after the first with its features, in order; all about 0 to 3."""
        return [(self.messages[place], self._features(place)) for place in range(1, len(self.messages))]

    def _features(self, place: int) -> Features:
        found = {
            **self._place(place),
            **self._words_of(place),
            **self._author(place),
            **self._likeness(place),
            **self._thanks_around(place),
            **self._next_word(place),
            **self._lexical(place),
        }
        return {name: float(value) for name, value in found.items()}

    # -- what concerns the whole thread

    @cached_property
    def answers(self) -> list[int]:
        return [place for place, own in enumerate(self.own) if not own]

    @cached_property
    def own_words(self) -> list[int]:
        """The places of what the asker says after the opening message."""
        return [place for place, own in enumerate(self.own) if own and place]

    @cached_property
    def content_at(self) -> list[int]:
        """Where the asker thanks or says that it works."""
        return [place for place in self.own_words if self.lines[place].content]

    @cached_property
    def _told_at(self) -> list[int]:
        return [place for place in self.own_words if self.lines[place].told]

    @cached_property
    def _lengths(self) -> list[int]:
        return [len(message.text) for message in self.messages]

    @cached_property
    def _said_by(self) -> Mapping[str, list[int]]:
        by: dict[str, list[int]] = {}
        for place, message in enumerate(self.messages):
            by.setdefault(message.user, []).append(place)
        return by

    @cached_property
    def _scores(self) -> Mapping[str, list[float]]:
        """For each lexicon how each message reads."""
        return {
            name: [reads_like(message.text, lexicon) for message in self.messages]
            for name, lexicon in self._lexicons.items()
        }

    def score(self, lexicon: str, place: int) -> float:
        return self._scores[lexicon][place] if lexicon in self._scores else 0.0

    def next_own(self, place: int) -> int | None:
        """Where the asker speaks next."""
        return next((later for later in self.own_words if later > place), None)

    def last_answer_before(self, place: int) -> int | None:
        return next((answer for answer in reversed(self.answers) if answer < place), None)

    @cached_property
    def _others(self) -> frozenset[str]:
        """Who speaks besides the asker."""
        return frozenset(
            message.user for message, own in zip(self.messages, self.own, strict=True) if not own
        )

    @cached_property
    def _named(self) -> Mapping[int, frozenset[str]]:
        """Whom the asker names where he is content."""
        return {place: mentioned(self.messages[place].text, self._others) for place in self.content_at}

    # -- the features

    def _place(self, place: int) -> dict[str, float]:
        after = len(self.messages) - 1 - place
        own, follows = self.own[place], after > 0
        message, before = self.messages[place], self.messages[place - 1]
        since = self.messages[0].at
        return {
            "own": own,
            "place": math.log1p(place),
            "messages after": math.log1p(after),
            "own, messages after": own * math.log1p(after),
            "answers before": math.log1p(sum(answer < place for answer in self.answers)),
            "answers after": math.log1p(sum(answer > place for answer in self.answers)),
            "asker's words after": math.log1p(sum(later > place for later in self.own_words)),
            "last message": not follows,
            "after the asker": self.own[place - 1],
            "own, after own": own and self.own[place - 1],
            "before the asker": follows and self.own[place + 1],
            "goes on": before.user == message.user,
            "is gone on with": follows and self.messages[place + 1].user == message.user,
            "pause before": _pause(before.at, message.at),
            "pause after": _pause(message.at, self.messages[place + 1].at) if follows else NEVER,
            "since the opening": _pause(since, message.at),
            "first answer": bool(self.answers) and place == self.answers[0],
            "last answer": bool(self.answers) and place == self.answers[-1],
            "last word of the asker": own and place == self.own_words[-1],
            "last answer before the asker's last word": bool(self.own_words)
            and place == self.last_answer_before(self.own_words[-1]),
        }

    def _words_of(self, place: int) -> dict[str, float]:
        text, line, own = self.messages[place].text, self.lines[place], self.own[place]
        length, of_answers = self._lengths[place], [self._lengths[answer] for answer in self.answers]
        return {
            **_of_text(text),
            "length of the longest": length / max(*self._lengths[1:], 1),
            "longest answer": not own and length == max(of_answers),
            "has the same trouble": not own and is_me_too(text),
            "asks for himself": not own and asks_for_himself(text),
            "own, tells how it was solved": own and line.told,
            "own, first to tell": own and line.told and place == self._told_at[0],
            "own, last to tell": own and line.told and place == self._told_at[-1],
            "own, asks": own and line.asks,
            "own, says it works": own and line.solved,
            "own, holds code": own and line.code,
            "the asker tells later": any(told > place for told in self._told_at),
        }

    def _author(self, place: int) -> dict[str, float]:
        message = self.messages[place]
        by = self._said_by[message.user]
        return {
            "by an analyst": message.role is Role.ANALYST,
            "author's share": len(by) / len(self.messages),
            "author's only message": len(by) == 1,
            "author's first message": by[0] == place,
            "author's last message": by[-1] == place,
        }

    def _likeness(self, place: int) -> dict[str, float]:
        mine, opening = self.lines[place].words, self.lines[0].words
        before = frozenset[str]().union(*(line.words for line in self.lines[:place]))
        after = frozenset[str]().union(*(line.words for line in self.lines[place + 1 :]))
        said_next = self.next_own(place)
        new = mine - before
        return {
            "like the opening": _share(mine, opening),
            "covers the opening": _share(opening, mine),
            "like the message before": _share(mine, self.lines[place - 1].words),
            "new words": math.log1p(_weight(new)),
            "taken up later": math.log1p(_weight(new & after)),
            "taken up by the asker": 0.0
            if self.own[place] or said_next is None
            else math.log1p(_weight(new & self.lines[said_next].words)),
        }

    def _thanks_around(self, place: int) -> dict[str, float]:
        content = self.content_at
        return {
            "nobody is thanked": not content,
            "thanks follow": any(later > place for later in content),
            "after the last thanks": bool(content) and place > content[-1],
            "just before the first thanks": bool(content) and place == self.last_answer_before(content[0]),
            "just before the last thanks": bool(content) and place == self.last_answer_before(content[-1]),
            **self._whom_thanks_mean(place),
        }

    def _whom_thanks_mean(self, place: int) -> dict[str, float]:
        """Whom the asker names where he is content, and whether he then tells how he solved it himself."""
        author, own, content = self.messages[place].user, self.own[place], self.content_at
        later = [at for at in content if at > place]
        named = frozenset[str]().union(*(self._named[at] for at in later))
        last = self.last_answer_before(content[-1]) if content else None
        told = [] if last is None else [at for at in self._told_at if last < at <= content[-1]]
        return {
            "the thanks name its author": author in named,
            "the thanks name another": not own and bool(named) and author not in named,
            "opens to another": not own
            and opens_to(self.messages[place].text, self._others - {author}) is not None,
            "told between it and the thanks": place == last and bool(told),
            "own, told between answer and thanks": place in told,
        }

    def _next_word(self, place: int) -> dict[str, float]:
        """What the asker says next, and what the next one to speak says."""
        at = self.next_own(place)
        answer = None if at is None else self.lines[at]
        reply = next(
            (
                line
                for line, message in zip(self.lines[place + 1 :], self.messages[place + 1 :], strict=True)
                if message.user != self.messages[place].user
            ),
            None,
        )
        own = self.own[place]
        between = 0 if at is None else sum(place < answer < at for answer in self.answers)
        return {
            "the asker never answers": answer is None,
            "answers before the asker's next": math.log1p(between),
            "then the asker thanks": answer is not None and answer.thanks,
            "then it works": answer is not None and answer.solved,
            "own, then it works": own and answer is not None and answer.solved,
            "then it is still broken": answer is not None and answer.broken,
            "then the asker asks": answer is not None and answer.asks,
            "then the asker reports a problem": answer is not None and answer.problem,
            "then the asker tells how": answer is not None and answer.told,
            "then the asker sees": answer is not None and _SEES.search(answer.said) is not None,
            "then the asker is done": at is not None and at == self.own_words[-1],
            "then code": answer is not None and answer.code,
            "then, length": 0.0 if at is None else math.log1p(self._lengths[at]),
            "at once content": answer is not None and answer.content and between == 0,
            "is thanked at once": reply is not None and reply.thanks,
            "is told that it is broken": reply is not None and reply.broken,
            "is told yes or no": reply is not None and _YES_OR_NO.search(reply.said) is not None,
            "the asker asks later": any(self.lines[later].asks for later in self.own_words if later > place),
            "broken later": any(self.lines[later].broken for later in self.own_words if later > place),
        }

    def _lexical(self, place: int) -> dict[str, float]:
        """How it, and what the asker says next, read; 0 where it does not apply."""
        own, at = self.own[place], self.next_own(place)
        following = [self.score(CONTENT, later) for later in self.own_words if later > place]
        next_content = 0.0 if own or at is None else self.score(CONTENT, at)
        return {
            "reads like an answer": 0.0 if own else self.score(ANSWER, place),
            "reads most like an answer": not own and self._is_most(ANSWER, place, self.answers),
            "reads like telling": self.score(TELLING, place) if own else 0.0,
            "reads most like telling": own and self._is_most(TELLING, place, self.own_words),
            "then content": next_content,
            "at once, content": next_content if at == place + 1 else 0.0,
            "then most content": not own and at is not None and self._is_most(CONTENT, at, self.own_words),
            "most content later": -2.0 if not following else 0.0 if own else max(following),
        }

    def _is_most(self, lexicon: str, place: int, among: Sequence[int]) -> bool:
        return self.score(lexicon, place) == max(self.score(lexicon, each) for each in among)


def _pause(earlier: datetime, later: datetime) -> float:
    """The logarithm of the minutes in between, a tenth of it."""
    return math.log1p(max((later - earlier) / timedelta(minutes=1), 0.0)) / 10

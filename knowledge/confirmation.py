"""Which words of the asker confirm a solution: one judgement, for its choice and for its entry. Pure.

A confirmation is believed later, so it is rather missed than invented: thanks with a "but", by somebody who only means
to try, for having asked, or to somebody else confirm nothing.
"""

import re
from collections.abc import Sequence

from knowledge.cues import (
    has_caveat,
    is_not_quite,
    is_problem_report,
    is_question,
    is_solved,
    is_solved_by_asker,
    is_still_broken,
    is_substantive,
    mentioned,
    said,
    says_thanks,
    thanks_for_asking,
    will_try,
)
from knowledge.lexical import words
from knowledge.thread import Message, Role, Thread

_ALL = re.compile(r"\b(?:both|all|everyone|everybody|guys|folks)\b|大家|各位", re.IGNORECASE)
_NAMED = re.compile(r"(?<!\w)@\w|<@")
LEAST_ALIKE = 2  # words that a telling shares with the answer it follows
_CHANGED = re.compile(
    r"(?:n't| not) work\b[^!?\n]{0,120}?\b(?:so|therefore|instead)\b[^.!?\n]{0,40}?\b(?:i|we)\b",
    re.IGNORECASE,
)


def confirming(thread: Thread, solution: Message) -> tuple[Message, ...]:
    """The messages in which the asker says that ``solution`` holds, in order; his own telling may say so itself."""
    own = solution.user == thread.asker
    said_later = own_words_after(thread, solution)
    if ends_broken(said_later):
        return ()
    found = [solution] if own and _works(solution.text) else []
    for place, word in enumerate(said_later):
        rest = said_later[place + 1 :]
        confirms = _works(word.text) or (not own and _thanks(word.text))
        if _tells_another_way(solution, word):
            break
        if confirms and _is_about(thread, solution, word):
            found.append(word)
        elif is_question(word.text) and rest:  # who helped on is thanked at the end
            last = rest[-1]
            helped = not own and (_thanks(last.text) or _works(last.text))
            return (*found, last) if helped and _is_about(thread, solution, last) else tuple(found)
        elif is_problem_report(word.text) or is_still_broken(word.text):
            break
    return tuple(found)


def own_words_after(thread: Thread, message: Message) -> Sequence[Message]:
    """What the asker says after ``message``."""
    return [each for each in _after(thread, message) if each.user == thread.asker]


def ends_broken(words: Sequence[Message]) -> bool:
    """Whether the last of the asker's ``words`` is that it is still broken, and not what he did about it."""
    return bool(words) and is_still_broken(words[-1].text) and not _CHANGED.search(said(words[-1].text))


def _after(thread: Thread, message: Message) -> Sequence[Message]:
    return thread.messages[thread.messages.index(message) + 1 :]


def _works(text: str) -> bool:
    return is_solved(text) and not is_not_quite(text)


def _thanks(text: str) -> bool:
    """Whether to thank is all that it does; who means to try may say later that it works."""
    if not says_thanks(text) or is_question(text) or has_caveat(text):
        return False
    return not thanks_for_asking(text) and not will_try(text)


def _tells_another_way(solution: Message, word: Message) -> bool:
    """Whether the asker tells how he solved it himself, in words that ``solution`` does not have, and thanks nobody."""
    if solution.user == word.user or says_thanks(word.text) or not is_solved_by_asker(word.text):
        return False
    return len(set(words(word.text)) & set(words(solution.text))) < LEAST_ALIKE


def _is_about(thread: Thread, solution: Message, word: Message) -> bool:
    """Whether the asker's ``word`` plausibly means ``solution``: it names its author, or nobody else answered since."""
    people = {message.user for message in thread.messages} - {thread.asker}
    if named := mentioned(word.text, people):
        return solution.user in named
    names = len(_NAMED.findall(said(word.text)))  # somebody, who cannot be told; of several, it may be all
    if len(people) > 1 and (names == 1 or (names and not _works(word.text))):
        return False
    since = _after(thread, solution)[: _after(thread, solution).index(word)]
    others = [each for each in since if each.user not in (thread.asker, solution.user)]
    answered = any(each.role is not Role.BOT and is_substantive(each.text) for each in others)
    return not answered or _ALL.search(said(word.text)) is not None

"""Which conversation a top-level message belongs to, for channels that do not use threads. Pure.

A first version with few rules: lines of one person in a burst are one question, an answer a few messages below is
still the answer. Anything doubtful opens a conversation of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from knowledge.cues import addressed_to, is_problem_report, is_question
from knowledge.thread import Message

WINDOW = timedelta(minutes=30)  # an older conversation is not continued without a thread
BURST = timedelta(minutes=3)
ANSWER = timedelta(minutes=10)


def joins(message: Message, recent: Sequence[Message], names: Mapping[str, str]) -> str | None:
    """The conversation that ``message`` continues, or None: it opens one.

    ``recent``: top-level messages of the channel before it, oldest first, ``thread`` being their conversation;
    ``names``: what the people around are called -> who they are.
    """
    recent = [earlier for earlier in recent if message.at - earlier.at <= WINDOW]
    if not recent:
        return None
    return _burst(message, recent) or _addressed(message, recent, names) or _answer(message, recent)


def _burst(message: Message, recent: Sequence[Message]) -> str | None:
    own = next((earlier for earlier in reversed(recent) if earlier.user == message.user), None)
    return own.thread if own is not None and message.at - own.at <= BURST else None


def _addressed(message: Message, recent: Sequence[Message], names: Mapping[str, str]) -> str | None:
    others = {name: user for name, user in names.items() if user != message.user}
    addressee = addressed_to(message.text, others)
    return next((earlier.thread for earlier in reversed(recent) if earlier.user == addressee), None)


def _answer(message: Message, recent: Sequence[Message]) -> str | None:
    """What asks nothing and follows soon belongs to what was just talked about."""
    last = recent[-1]
    asks = is_question(message.text) or is_problem_report(message.text)
    if message.at - last.at > ANSWER:
        return None
    takes_part = any(earlier.user == message.user and earlier.thread == last.thread for earlier in recent)
    return last.thread if takes_part or not asks else None

"""Which conversation a top-level message belongs to, for channels that do not use threads. Pure.

Lines of one person in a burst are one question, an answer a few messages below is still the answer. What the
message most likely continues comes from the linear model of ``bot/linking.py``. Here stands how sure that must be.

The trade-off: a question glued to somebody else's conversation is lost, since there another person is the asker and
the bot keeps out of it. So what asks the room, from somebody who does not take part yet, must go on from one message,
for SURE, while the talk is WARM. An answer that is split off leaves the question open, and the bot speaks over a
person; so what asks nothing joins where it only MAYBE belongs. For the rest the likelier side wins.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.linking import MOST, Link, Model, link, model
from knowledge.cues import asks_for_help
from knowledge.thread import Message

WINDOW = timedelta(hours=2)  # an older conversation is not continued without a thread
WARM = timedelta(
    minutes=30
)  # after which silence a question of somebody new opens a conversation in any case
LOOK_BACK = MOST  # top-level messages looked at, whatever their age
SURE = 0.8  # probability, against opening, from which on a question of somebody new goes on from one message
LIKELY = 0.5  # a question of who takes part
MAYBE = 0.4  # what asks nothing
NAMED = 0.3  # what is said by name to somebody who spoke before


def joins(message: Message, recent: Sequence[Message], names: Mapping[str, str]) -> str | None:
    """The conversation that ``message`` continues, or None: it opens one.

    ``recent``: top-level messages of the channel before it, oldest first, ``thread`` being their conversation;
    ``names``: what the people around are called -> who they are. Who spoke is known by his bare id, too.
    """
    parent = continued(message, recent, names, model())
    return None if parent is None else parent.thread


def continued(
    message: Message, recent: Sequence[Message], names: Mapping[str, str], weights: Model
) -> Message | None:
    """The earlier message that ``message`` most probably goes on from, in the conversation it continues."""
    recent = [earlier for earlier in recent if message.at - earlier.at <= WINDOW][-LOOK_BACK:]
    if not recent:
        return None
    found = link(message, recent, names, weights)
    home, share = _likeliest(found, recent)
    inside = [place for place, earlier in enumerate(recent) if earlier.thread == home]
    best = max(inside, key=lambda place: (found.shares[place], place))
    if _asks_the_room(message, found.to, [recent[place] for place in inside]):
        warm = message.at - recent[inside[-1]].at <= WARM
        joined = warm and _outweighs(found.shares[best], found.none, SURE)
    else:
        needed = NAMED if found.to else LIKELY if asks_for_help(message.text) else MAYBE
        joined = _outweighs(share, found.none, needed)
    return recent[best] if joined else None


def _outweighs(share: float, none: float, needed: float) -> bool:
    return share >= needed * (share + none)


def _asks_the_room(message: Message, to: str | None, home: Sequence[Message]) -> bool:
    """Whether it asks, nobody by name, and its author does not take part in the conversation yet."""
    takes_part = any(earlier.user == message.user for earlier in home)
    return to is None and not takes_part and asks_for_help(message.text)


def _likeliest(found: Link, recent: Sequence[Message]) -> tuple[str, float]:
    """The conversation that most probably is continued, and its probability: the sum over its messages."""
    sums: dict[str, float] = {}
    for share, earlier in zip(found.shares, recent, strict=True):
        sums[earlier.thread] = sums.get(earlier.thread, 0.0) + share
    return max(sums.items(), key=lambda item: item[1])

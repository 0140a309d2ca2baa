"""What people said: messages and the threads they form. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """Who speaks, as far as it is known."""

    CUSTOMER = "customer"
    ANALYST = "analyst"
    BOT = "bot"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reaction:
    """An emoji that somebody put on a message. ``at`` is None where the platform does not say when."""

    name: str
    user: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message, in plain text (platform markup already undone by the adapter).

    ``id``, ``channel``, ``thread`` and ``user`` are qualified (``slack:TEAM/CHANNEL/TS``); a replay's are
    taken as given. ``at`` is aware (UTC).
    """

    id: str
    channel: str
    thread: str
    user: str
    at: datetime
    text: str
    role: Role = Role.UNKNOWN
    reactions: tuple[Reaction, ...] = ()
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """Messages of one conversation, oldest first; never empty."""

    id: str
    channel: str
    messages: tuple[Message, ...]

    @property
    def opener(self) -> Message:
        return self.messages[0]

    @property
    def asker(self) -> str:
        return self.messages[0].user

    def before(self, message_id: str) -> tuple[Message, ...]:
        """The messages said earlier than ``message_id`` (all, if it is not in the thread)."""
        for index, message in enumerate(self.messages):
            if message.id == message_id:
                return self.messages[:index]
        return self.messages


def without_people(thread: Thread, people: Collection[str]) -> Thread | None:
    """The thread without what ``people`` said and put on it, to be learnt from; None if one of them asked."""
    if thread.asker in people:
        return None
    said = (message for message in thread.messages if message.user not in people)
    return replace(thread, messages=tuple(_without_reactions(message, people) for message in said))


def _without_reactions(message: Message, people: Collection[str]) -> Message:
    left = tuple(reaction for reaction in message.reactions if reaction.user not in people)
    return message if len(left) == len(message.reactions) else replace(message, reactions=left)


def thread_of(messages: Sequence[Message]) -> Thread:
    """The thread that ``messages`` form, put in order of time (then id, so that equal times stay stable)."""
    if not messages:
        raise ValueError("a thread needs at least one message; none was given")
    ordered = tuple(sorted(messages, key=lambda message: message.at))
    return Thread(id=ordered[0].thread, channel=ordered[0].channel, messages=ordered)

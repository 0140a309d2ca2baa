"""The seam to a chat platform: what can happen (events), what can be done (acts), and the adapter between."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from bot.answerer import Suggestion
from knowledge.thread import Message

Payload = Mapping[str, Any]


class ChannelKind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """Where something was said. ``external``: shared with another company (Slack Connect)."""

    id: str
    kind: ChannelKind = ChannelKind.PUBLIC
    name: str | None = None
    external: bool = False

    @property
    def private(self) -> bool:
        return self.kind is not ChannelKind.PUBLIC


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody, as far as the platform tells. ``id`` is qualified; ``mail_domain`` as ``example.com``."""

    id: str
    name: str | None = None
    mail_domain: str | None = None


# ---- what can happen -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A message. ``message.thread`` is the platform's thread root, or "" at the top level of a channel."""

    message: Message
    channel: Channel


@dataclass(frozen=True, kw_only=True, slots=True)
class Edited:
    message_id: str
    text: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted:
    message_id: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reacted:
    """A reaction was put on (``added``) or taken off. ``name`` without skin tone, aliases made one."""

    message_id: str
    user: str
    name: str
    added: bool
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Voted:
    """A click on 👍 (``helpful``) or 👎 under a suggestion."""

    suggestion_id: str
    user: str
    helpful: bool
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """Something that needs no handling; ``why`` is for the log."""

    why: str


Event = Heard | Edited | Deleted | Reacted | Voted | Ignored


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """What the inbox keeps of a delivery.

    ``key`` and ``content_key`` are unique: a platform may deliver the same event again, and the same content
    under another event id. ``conversation`` names what must be handled in order; ``at`` is the platform's time.
    """

    adapter: str
    key: str
    content_key: str | None
    conversation: str
    at: datetime
    payload: Payload


# ---- what can be done -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Say ``suggestion`` in the thread of ``reply_to`` (a message id). ``id`` is opaque and makes it findable."""

    id: str
    channel: str
    reply_to: str
    suggestion: Suggestion
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Take back our own message."""

    channel: str
    message_id: str


Act = Post | Delete


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The platform's id of what was posted (qualified)."""

    message_id: str


class ActRefused(Exception):
    """The platform said no, and asking again would not help (not in the channel, archived, no permission)."""


class ActPostponed(Exception):
    """The platform asks to wait ``seconds`` (rate limit). Nothing took effect."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:g} s")
        self.seconds = seconds


class ActUncertain(Exception):
    """The connection broke, or the platform failed: it may or may not have taken effect. Read back first."""


class LookupFailed(Exception):
    """A read from the platform failed for now; it may be tried again."""


Emit = Callable[[Arrival], Awaitable[None]]


class Adapter(Protocol):
    """A platform. ``parse`` is pure; the rest touches the network.

    ``post_interval``: least seconds between two posts in one channel.
    """

    name: str
    post_interval: float

    def parse(self, payload: Payload) -> Event:
        """The event in a payload that ``listen`` emitted."""
        ...

    async def listen(self, emit: Emit) -> None:
        """Connect and return; from then on every delivery is emitted, and acknowledged only when emit returned."""
        ...

    async def perform(self, act: Act) -> Receipt:
        """Do it once. Raises ActRefused, ActPostponed or ActUncertain."""
        ...

    async def find_post(self, act: Post) -> Receipt | None:
        """The receipt of ``act`` if the platform has it already (read back after a crash). Raises LookupFailed."""
        ...

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        """The messages of a thread so far, oldest first; () where the platform keeps none. Raises LookupFailed."""
        ...

    async def describe(self, channel: Channel) -> Channel:
        """The channel with its name and kind, where the platform tells. Raises LookupFailed."""
        ...

    async def people(self, ref: str) -> Sequence[Person]:
        """The members of a user group (``@handle`` or its id), or the one person of a qualified id.

        () for a person of whom the platform tells nothing. Raises LookupFailed, also for a group nobody knows.
        """
        ...

    async def close(self) -> None: ...

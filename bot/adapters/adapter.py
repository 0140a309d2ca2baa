"""The seam to a chat platform: what arrives (events), what is done (acts), and the adapter between."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from bot.adapters.acts import Act, Draft, Post, Receipt, Say, Show
from bot.adapters.events import Channel, Event, Heard, Payload, Person
from bot.answerer import Suggestion


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A part of what was said in a channel or in a thread, oldest first, without what we said.

    ``found``: as ``parse`` understands it, with the content key under which it arrives live. ``edited``: when which of
    these was edited. ``gone``: messages that were taken back. ``threads``: the roots here that have replies, and when
    the last of these was said (None: not told). ``cursor``: reading goes on after it. ``whole``: this is all of a
    thread, so what is not in it is not there any more.
    """

    found: Sequence[Arrival] = ()
    edited: Mapping[str, datetime] = field(default_factory=dict)
    gone: Sequence[str] = ()
    threads: Mapping[str, datetime | None] = field(default_factory=dict)
    cursor: str | None = None
    whole: bool = False


# The draft that a person may put in other words, by its id and his; None if he may not, or if it is too late. A form
# must be opened within seconds of a click, so whoever opens it asks at once instead of waiting for the inbox.
Fill = Callable[[str, str], Awaitable[Suggestion | None]]


@runtime_checkable
class FillsForms(Protocol):
    """An adapter with a form in which a draft is put in other words."""

    fill: Fill


class LookupFailed(Exception):
    """A read from the platform failed for now; it may be tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkState:
    """How a connection stands. ``name``: ``slack``, or which app. ``since``: when that began. ``tries``: in vain, since
    it was connected. ``why``: the last thing that went wrong. ``heard_at``: when the last event came."""

    name: str
    connected: bool
    since: datetime
    tries: int = 0
    why: str | None = None
    heard_at: datetime | None = None


Emit = Callable[[Arrival], Awaitable[None]]


class Adapter(Protocol):
    """A platform. ``parse`` is pure; the rest touches the network.

    ``post_interval``: least seconds between two posts in one channel. ``performs``: the acts that it can do.
    ``tells_edits``: edits arrive as events; else ``reread`` finds them. ``has_command``: people can use our command,
    and our shortcuts in the menu of a message; else messages do what they do.
    """

    name: str
    post_interval: float
    tells_edits: bool
    has_command: bool
    performs: frozenset[type[Act]]

    @property
    def links(self) -> Sequence[LinkState]:
        """How its connections stand; none where it has none."""
        ...

    def parse(self, payload: Payload) -> Event:
        """The event in a payload that ``listen`` emitted."""
        ...

    async def listen(self, emit: Emit) -> None:
        """Connect and return; from then on every delivery is emitted, and acknowledged only when emit returned."""
        ...

    async def perform(self, act: Act) -> Receipt:
        """Do it once. Raises ActRefused, ActPostponed or ActUncertain."""
        ...

    def parts(self, post: Post) -> Sequence[Post]:
        """The messages in which it is said, in order: more than one where it is too long for one. Pure, and the same
        at any time."""
        ...

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        """The receipt of ``act`` if the platform has it already (read back after a crash). Raises LookupFailed.

        Raises ActRefused where it cannot be read back: then it must not be tried again.
        """
        ...

    async def place(self, given: str) -> Channel | None:
        """The channel, or the direct messages with a person, that config.yaml names; None if there is none.

        Raises LookupFailed.
        """
        ...

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        """The messages of a thread so far, oldest first; () where the platform keeps none. Raises LookupFailed."""
        ...

    async def channels(self) -> Sequence[Channel]:
        """The channels that we are in, direct messages left out; () where nobody can be asked. Raises LookupFailed."""
        ...

    def history(
        self, channel: Channel, since: datetime, *, thread: str | None = None, cursor: str | None = None
    ) -> AsyncIterator[Page]:
        """What was said in a channel after ``since``, or all of the ``thread`` of a root: pages, oldest first.

        The top level of a channel says which threads there are; their replies are read one thread at a time.
        ``cursor``: of the last page that was read. As slow as the platform asks for. Raises LookupFailed, and
        ActRefused where we may not read (any more). No pages where the platform keeps nothing.
        """
        ...

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        """Texts as they are now of those messages that were edited since (None: gone). Raises LookupFailed.

        Empty where ``tells_edits``.
        """
        ...

    async def describe(self, channel: Channel) -> Channel:
        """The channel with its name and kind, where the platform tells. Raises LookupFailed."""
        ...

    async def message_of(self, link: str, asked_in: str) -> str:
        """The whole id of the message that a link leads to, where only the platform can tell; else ``link`` itself.

        ``asked_in``: the channel in which somebody gave it. Raises LookupFailed.
        """
        ...

    async def people(self, ref: str) -> Sequence[Person]:
        """The members of a user group (``@handle`` or its id), or the one person of a qualified id.

        () for a person of whom the platform tells nothing. Raises LookupFailed, also for a group nobody knows.
        """
        ...

    async def members(self, channel: str) -> frozenset[str]:
        """Who is in a channel now, by whole id; what is told may be some minutes old. Raises LookupFailed."""
        ...

    def leave(self, installation: str) -> None:
        """Do nothing more where we were taken out of: from now on acts there are refused."""
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Streams(Protocol):
    """An adapter that can say an answer paragraph by paragraph. Each raises as ``Adapter.perform`` does."""

    async def begin_stream(self, post: Post, user: str) -> Receipt:
        """Begin it for who asked, without a word of it. ActRefused: nothing is shown, and it is to be posted."""
        ...

    async def find_streams(self, post: Post, since: datetime) -> Sequence[Receipt]:
        """What was begun in its thread since and never finished, oldest first. Raises LookupFailed."""
        ...

    async def finish_stream(self, post: Post, message_id: str, *, again: bool) -> Receipt:
        """Say all of it. ``again``: some of it may stand there already."""
        ...

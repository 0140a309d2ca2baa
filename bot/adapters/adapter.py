"""The seam to a chat platform: what can happen (events), what can be done (acts), and the adapter between."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from bot.answerer import Suggestion
from bot.card import Card, Verb
from bot.manners import Order
from bot.objections import Objection
from knowledge.audience import Standing
from knowledge.thread import Message

Payload = Mapping[str, Any]


class ChannelKind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    DIRECT = "direct"
    GROUP = "group"  # a direct message among several


@dataclass(frozen=True, kw_only=True, slots=True)
class Channel:
    """Where something was said. ``external``: shared with another company (Slack Connect).

    ``aka``: other ids that it goes by, whole; ``former``: what it was called before, as far as nothing else is.
    """

    id: str
    kind: ChannelKind = ChannelKind.PUBLIC
    name: str | None = None
    external: bool = False
    aka: tuple[str, ...] = ()
    former: tuple[str, ...] = ()

    @property
    def private(self) -> bool:
        return self.kind is not ChannelKind.PUBLIC


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody, as far as the platform tells. ``id`` is qualified; ``mail_domain`` as ``example.com``.

    ``standing``: member, guest or of another company; None where the platform was not asked or does not tell.
    """

    id: str
    name: str | None = None
    mail_domain: str | None = None
    standing: Standing | None = None


# ---- what can happen -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """A message. ``message.thread`` is the platform's thread root, or "" at the top level of a channel.

    ``about``: the one message that it replies to, where the platform tells.
    """

    message: Message
    channel: Channel
    about: str | None = None


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
class Judged:
    """A click on Share (``share``) or Dismiss under a draft.

    ``channel`` is where the draft was clicked. ``respond_to``: an address of the platform's where the person can
    be answered privately for a while. ``private``: only this person saw the draft.
    """

    suggestion_id: str
    user: str
    share: bool
    at: datetime
    channel: str
    respond_to: str | None = None
    private: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedToReword:
    """A click on Edit under a draft. Fields as in ``Judged``."""

    suggestion_id: str
    user: str
    at: datetime
    channel: str
    respond_to: str | None = None
    private: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Reworded:
    """An analyst wants a draft said in his words, ``text``; as it stood if he ``changed`` nothing.

    The other fields are as in ``Judged``.
    """

    suggestion_id: str
    user: str
    text: str
    changed: bool
    at: datetime
    channel: str
    respond_to: str | None = None
    private: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Objected:
    """A person said why an answer did not help."""

    suggestion_id: str
    user: str
    objection: Objection
    at: datetime
    channel: str
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Correcting:
    """A person opened the form for the right answer."""

    suggestion_id: str
    user: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """A person gave the right answer in place of ours."""

    suggestion_id: str
    user: str
    text: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedWhy:
    """A person wants to know why we spoke, or did not. ``reply_to``: the thread of the message, if it is in one."""

    message_id: str
    channel: str
    user: str
    at: datetime
    reply_to: str | None = None
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedForSummary:
    """A person wants the hand-over of the conversation that a message is in. Fields as in ``AskedWhy``."""

    message_id: str
    channel: str
    user: str
    at: datetime
    reply_to: str | None = None
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Commanded:
    """A person used our command, with these words after it; links to messages in them are whole ids."""

    words: str
    channel: str
    user: str
    at: datetime
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """A click on a button of the report of ``night``. ``subjects``: the ids that the button was about.

    ``message_id``: the report that was clicked on.
    """

    verb: Verb
    night: str
    subjects: tuple[str, ...]
    user: str
    at: datetime
    channel: str
    message_id: str
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedToSave:
    """A person wants a message kept as knowledge. ``text``: of the message, as the platform gave it.

    ``trigger``: what a form can be opened with, for some seconds; where none is needed, the id of what asked for it.
    """

    message_id: str
    channel: str
    user: str
    text: str
    at: datetime
    trigger: str
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """A person sent the form of what is to be kept. ``everywhere``: for the whole workspace, not this channel only.

    The sources are the messages that the parts were filled in from.
    """

    message_id: str
    channel: str
    user: str
    title: str
    problem: str
    solution: str
    everywhere: bool
    at: datetime
    problem_sources: tuple[str, ...] = ()
    solution_sources: tuple[str, ...] = ()
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedHome:
    """A person opened our own page."""

    user: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Joined:
    """We came into a channel. ``by``: who asked us in, where the platform tells."""

    channel: Channel
    at: datetime
    by: str | None = None


class Departure(StrEnum):
    """Why a channel is out of reach."""

    LEFT = "left"  # we were taken out of it
    ARCHIVED = "archived"
    DELETED = "deleted"  # in Lark: disbanded


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """A channel is out of our reach from now on."""

    channel: str
    how: Departure
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderedAtHome:
    """A click on a button of our own page. ``subject``: the channel that the order is about, if it is about one."""

    order: Order
    subject: str | None
    user: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Reopened:
    """An archived channel is open again. Whether we are in it is told by ``Joined``."""

    channel: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PeopleLeft:
    """People are in a channel no more, by whole id. Who is in it is read anew from then on."""

    channel: str
    users: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Changed:
    """What a channel is called, who may find it or who shares it is not what it was. ``name``: where it was told."""

    channel: str
    at: datetime
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """A channel goes by another id from now on: ``to``."""

    channel: str
    to: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Uninstalled:
    """We were taken out of a workspace, or our keys to it are void. ``installation``: ``slack:T1``, or ``slack:E1`` for
    all workspaces of an organisation."""

    installation: str
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignored:
    """Something that needs no handling; ``why`` is for the log."""

    why: str


Event = (
    Heard
    | Edited
    | Deleted
    | Reacted
    | Voted
    | Judged
    | AskedToReword
    | Reworded
    | Objected
    | Correcting
    | Corrected
    | AskedWhy
    | AskedForSummary
    | Commanded
    | Pressed
    | AskedToSave
    | Saved
    | OpenedHome
    | OrderedAtHome
    | Joined
    | Left
    | Reopened
    | PeopleLeft
    | Changed
    | Moved
    | Uninstalled
    | Ignored
)


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


# ---- what can be done -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Say ``suggestion`` in the thread of ``reply_to`` (a message id). ``id`` is opaque and makes it findable.

    ``lead``: what is said before it, in words of our own. ``part`` ``of``: it is one of several messages that say the
    same answer; the last has the sources and the buttons.
    """

    id: str
    channel: str
    reply_to: str
    suggestion: Suggestion
    now: datetime
    lead: str = ""
    part: int = 1
    of: int = 1

    @property
    def mark(self) -> str:
        """What this message is found by."""
        return self.id if self.part == 1 else f"{self.id}/{self.part}"

    @property
    def is_last(self) -> bool:
        return self.part == self.of


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """Say ``card``, in words of our own, in the thread of ``reply_to``, as a Post is said."""

    id: str
    channel: str
    reply_to: str
    card: Card
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Think:
    """Show at a message (in the thread of ``reply_to``) that we are working on an answer, or no longer (``on`` False).

    Repeating it changes nothing; where the platform cannot, nothing is shown.
    """

    channel: str
    message_id: str
    reply_to: str
    on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Take back our own message."""

    channel: str
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a draft is about. ``user``: as texts name people, ``@U0123ABCD``."""

    channel: str
    user: str
    text: str
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """Put ``suggestion`` before the analysts in ``channel`` (or before one person), to share or to dismiss.

    ``id`` makes it findable, as that of a Post, among what was said there since ``opened_at``.
    """

    id: str
    channel: str
    question: Question
    suggestion: Suggestion
    opened_at: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Put one line, with a link to the question, in place of our own message. Repeating it changes nothing."""

    channel: str
    message_id: str
    text: str
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Revise:
    """Put what we say now in place of our own answer (the Post called ``id``), where it stands, below ``note``.

    Its buttons stay. None as ``suggestion``: only the note is left. ``corrected``: it is what a person wrote in place
    of ours, which the note says. Repeating it changes nothing; ActRefused where it is gone, or cannot be changed.
    """

    id: str
    channel: str
    message_id: str
    suggestion: Suggestion | None
    note: str
    now: datetime
    corrected: bool = False


CLIP = "paperclip"  # the reaction that offers what is not sure enough to be said


@dataclass(frozen=True, kw_only=True, slots=True)
class React:
    """Put a reaction on somebody's message. Repeating it changes nothing."""

    channel: str
    message_id: str
    name: str


class Buttons(StrEnum):
    """What can be pressed under a whisper."""

    NONE = "none"
    FEEDBACK = "feedback"  # 👍 and 👎
    JUDGE = "judge"  # Share, Edit (where the platform has forms for it) and Dismiss
    REASONS = "reasons"  # each Objection, and the right answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Whisper:
    """Show something to ``user`` alone, in the thread of ``reply_to`` (None: in the channel); never repeated.

    ``subject``: the suggestion that the buttons are about. ``respond_to``: an address that a click of this person
    came with; with ``replace`` the clicked message, shown to him alone, gives way to this one. ``card``: said before
    the suggestion, in place of ``text``.
    """

    id: str
    channel: str
    reply_to: str | None
    user: str
    text: str
    now: datetime
    suggestion: Suggestion | None = None
    subject: str = ""
    buttons: Buttons = Buttons.NONE
    respond_to: str | None = None
    replace: bool = False
    card: Card | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """Put ``card`` into ``channel`` (or before one person), or in the place of our own ``message_id``.

    ``id`` makes it findable, as that of a Draft.
    """

    id: str
    channel: str
    card: Card
    opened_at: datetime
    message_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SaveForm:
    """The form in which something is kept as knowledge, as it is filled in before a person changes it.

    ``may_be_everywhere``: it may be for the whole workspace; else it stays in its channel. The sources are the
    messages that the parts were filled in from.
    """

    message_id: str
    channel: str
    title: str
    problem: str
    solution: str
    may_be_everywhere: bool
    problem_sources: tuple[str, ...] = ()
    solution_sources: tuple[str, ...] = ()
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Open a form for ``user``, who asked for it, with the ``trigger`` that came with it. It is not repeated.

    He alone sees it; whether he may read what it holds was looked at before.
    """

    channel: str
    user: str
    form: SaveForm
    trigger: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """Put ``card`` on our own page, as ``user`` sees it. Repeating it changes nothing."""

    user: str
    card: Card

    @property
    def channel(self) -> str:
        """Where it is: with him."""
        return self.user


# The draft that a person may put in other words, by its id and his; None if he may not, or if it is too late. A form
# must be opened within seconds of a click, so whoever opens it asks at once instead of waiting for the inbox.
Fill = Callable[[str, str], Awaitable[Suggestion | None]]


@runtime_checkable
class FillsForms(Protocol):
    """An adapter with a form in which a draft is put in other words."""

    fill: Fill


Act = Post | Say | Think | Delete | Draft | Edit | Revise | React | Whisper | Show | Ask | Home


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

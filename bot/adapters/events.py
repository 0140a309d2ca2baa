"""What can happen on a chat platform, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.card import Verb
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

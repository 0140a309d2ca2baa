"""The workspace: people, channels, messages, threads, reactions. Every change is told to ``publish``."""

import re
from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from . import shapes
from .markup import typed

Json = dict[str, Any]

TS = re.compile(r"\d{10}\.\d{6}")


class Kind(StrEnum):
    PUBLIC = "public"
    PRIVATE = "private"
    IM = "im"
    MPIM = "mpim"

    @property
    def channel_type(self) -> str:
        """Its name in events, where it comes from older kinds of channels."""
        return {"public": "channel", "private": "group"}.get(self.value, self.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The workspace and the one app installed in it."""

    team: str = "T0LOCAL001"
    team_name: str = "Example"
    domain: str = "example"
    app: str = "A0EARSHOT1"
    bot: str = "B0EARSHOT1"
    bot_user: str = "U0EARSHOT1"
    bot_name: str = "earshot"
    enterprise: str | None = None  # the organisation (Enterprise Grid) that the workspace belongs to
    org_wide: bool = False  # installed in the whole organisation


@dataclass(kw_only=True, slots=True)
class User:
    id: str
    name: str
    real_name: str
    team: str
    tz: str = "Europe/Berlin"
    title: str = ""
    email: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    deleted: bool = False


@dataclass(kw_only=True, slots=True)
class Group:
    """A user group, such as @support-team."""

    id: str
    handle: str
    users: list[str]
    enabled: bool = True


@dataclass(kw_only=True, slots=True)
class Message:
    """A message as it stands now. ``replies`` are the ts of the replies, oldest first (parents only)."""

    channel: str
    ts: str
    text: str
    user: str | None
    thread_ts: str | None = None
    parent_user: str | None = None
    subtype: str | None = None
    bot: str | None = None
    client_msg_id: str | None = None
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    metadata: Json | None = None
    edited: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    replies: list[str] = field(default_factory=list)
    repliers: list[str] = field(default_factory=list)
    deleted: bool = False
    streaming: bool = False

    @property
    def is_reply(self) -> bool:
        return self.thread_ts is not None and self.thread_ts != self.ts


@dataclass(kw_only=True, slots=True)
class Ephemeral:
    channel: str
    user: str
    ts: str
    text: str
    thread_ts: str | None
    blocks: list[Json]


@dataclass(kw_only=True, slots=True)
class Channel:
    id: str
    name: str
    kind: Kind
    members: list[str]
    external: bool = False
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)


Publish = Callable[[Json, Channel], None]


class Workspace:
    """Holds the state. People and the bot change it by the same methods; ``publish`` hears the inner events.

    Not thread-safe: it belongs to the server's event loop. ``clock`` gives seconds since 1970. Unknown ids
    raise ``KeyError``, impossible requests ``ValueError``.
    """

    def __init__(self, identity: Identity, clock: Callable[[], float], publish: Publish) -> None:
        self.identity = identity
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Group] = {}
        self.ephemerals: list[Ephemeral] = []
        self.statuses: list[Json] = []
        self.bot_posts: list[Message] = []
        self._clock = clock
        self._publish = publish
        self._micros = 0
        self._serial = 0
        bot = User(
            id=identity.bot_user, name=identity.bot_name, real_name=identity.bot_name, team=identity.team
        )
        bot.is_bot = True
        self.users[bot.id] = bot

    # Names and times

    def stamp(self) -> str:
        """A new ts, later than all given before."""
        self._micros = max(round(self._clock() * 1_000_000), self._micros + 1)
        return f"{self._micros // 1_000_000:010d}.{self._micros % 1_000_000:06d}"

    def serial(self, prefix: str) -> str:
        """A new id such as ``Ev0000000007``."""
        self._serial += 1
        return f"{prefix}{self._serial:010d}"

    def count_from(self, number: int) -> None:
        """Give ids from ``number`` on, as no two of Slack's are the same."""
        self._serial = number

    def typed(self, text: str) -> str:
        """The markup of what a person typed, mentions by the names of this workspace."""
        users = {user.name: user.id for user in self.users.values()} | {user: user for user in self.users}
        channels = {channel.name: channel.id for channel in self.channels.values() if channel.name}
        return typed(text, users=users, channels=channels)

    def permalink(self, channel: str, ts: str) -> str:
        message = self.channels[channel].messages[ts]
        link = f"https://{self.identity.domain}.slack.com/archives/{channel}/p{ts.replace('.', '')}"
        return f"{link}?thread_ts={message.thread_ts}&cid={channel}" if message.is_reply else link

    # Channels and people

    def add_user(self, user: User) -> None:
        if user.id in self.users:
            raise ValueError(f"user {user.id} is there already")
        self.users[user.id] = user

    def add_channel(self, channel: Channel) -> None:
        if channel.id in self.channels:
            raise ValueError(f"channel {channel.id} is there already")
        self.channels[channel.id] = channel

    def put_group(self, group: Group) -> None:
        if unknown := [user for user in group.users if user not in self.users]:
            raise KeyError(f"no user {', '.join(unknown)}; add_user makes one")
        self.groups[group.id] = group

    def channel(self, id: str) -> Channel:
        if id not in self.channels:
            raise KeyError(
                f"no channel {id!r}; known: {', '.join(self.channels) or 'none'} (add_channel makes one)"
            )
        return self.channels[id]

    def dm(self, users: Iterable[str]) -> Channel:
        """The direct conversation of the bot with ``users``, made if need be."""
        members = sorted({*users, self.identity.bot_user})
        kind = Kind.IM if len(members) == 2 else Kind.MPIM
        for channel in self.channels.values():
            if channel.kind is kind and sorted(channel.members) == members:
                return channel
        made = Channel(id=self.serial("D" if kind is Kind.IM else "G"), name="", kind=kind, members=members)
        self.channels[made.id] = made
        return made

    def join(self, channel: Channel, user: str, inviter: str | None = None) -> None:
        if user in channel.members:
            raise ValueError(f"{user} is already in {channel.id}")
        channel.members.append(user)
        self._publish(shapes.member_event(self, "member_joined_channel", channel, user, inviter), channel)

    def leave(self, channel: Channel, user: str) -> None:
        if user == self.identity.bot_user:  # it is told of its own leaving by another event
            self._publish(shapes.channel_event(self, "left", channel, actor_id="USLACKBOT"), channel)
        else:
            self._publish(shapes.member_event(self, "member_left_channel", channel, user, None), channel)
        channel.members.remove(user)

    def archive(self, channel: Channel, by: str) -> None:
        channel.archived = True
        self._publish(shapes.channel_event(self, "archive", channel, user=by, is_moved=0), channel)

    def unarchive(self, channel: Channel, by: str) -> None:
        channel.archived = False
        self._publish(shapes.channel_event(self, "unarchive", channel, user=by), channel)

    def remove(self, channel: Channel) -> None:
        """Delete a channel with all that is in it."""
        self._publish(shapes.channel_event(self, "deleted", channel), channel)
        del self.channels[channel.id]

    def rename(self, channel: Channel, name: str) -> None:
        channel.name = name
        self._publish(shapes.channel_event(self, "rename", channel), channel)

    def renumber(self, channel: Channel, new: str) -> None:
        """Give a channel another id, under which its messages go on; the old one is unknown from then on."""
        old = channel.id
        del self.channels[old]
        channel.id, self.channels[new] = new, channel
        for message in channel.messages.values():
            message.channel = new
        event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": new}
        self._publish(event | {"event_ts": self.stamp()}, channel)

    def share(self, channel: Channel, team: str, *, shared: bool) -> None:
        """Share a channel with another company, or no longer."""
        channel.external = shared
        named = {"connected_team_id": team} if shared else {"previously_connected_team_id": team}
        kind = "channel_shared" if shared else "channel_unshared"
        more = {} if shared else {"is_ext_shared": False}
        event = {"type": kind, "channel": channel.id, "event_ts": self.stamp(), **named, **more}
        self._publish(event, channel)

    # Messages

    def message(self, channel: str, ts: str) -> Message:
        found = self.channel(channel).messages.get(ts)
        if found is None:
            raise KeyError(f"no message {ts!r} in {channel}")
        return found

    def say(self, message: Message, *, root: bool = False) -> Message:
        """Add a message and publish it. ``root``: show the parent in the event (a broadcast reply)."""
        channel = self.channel(message.channel)
        if not TS.fullmatch(message.ts) or message.ts in channel.messages:
            raise ValueError(
                f"ts {message.ts!r} is malformed or taken in {channel.id}; it looks like 1700000000.000100"
            )
        if message.is_reply:
            self._attach(message)
        for block in message.blocks:
            block.setdefault("block_id", self.serial("b"))
        channel.messages[message.ts] = message
        insort(channel.order, message.ts)
        if message.bot == self.identity.bot:
            self.bot_posts.append(message)
        self._announce(message, channel, root=root)
        return message

    def edit(self, message: Message, *, by: str | None, changes: Json) -> None:
        """Set attributes of a message and publish that. ``by`` None: nobody did it (a link unfurls)."""
        before = shapes.body(self, message)
        for name, value in changes.items():
            setattr(message, name, value)
        stamp = self.stamp()
        if by is not None:
            message.edited = {"user": by, "ts": stamp}
        self._publish(shapes.changed_event(self, message, before, stamp), self.channels[message.channel])

    def delete(self, message: Message) -> None:
        """Take a message away. A parent with replies leaves a tombstone, which Slack reports as a change."""
        channel = self.channels[message.channel]
        before = shapes.body(self, message)
        if message.replies and message.subtype != "tombstone":
            self._bury(message)
            self._publish(shapes.changed_event(self, message, before, self.stamp()), channel)
            return
        message.deleted = True
        del channel.messages[message.ts]
        channel.order.remove(message.ts)
        channel.gone.add(message.ts)
        self._publish(shapes.deleted_event(self, message, before), channel)
        if message.is_reply:
            self._detach(channel.messages[str(message.thread_ts)], message)

    def react(self, message: Message, user: str, name: str, at: str | None) -> None:
        users = message.reactions.setdefault(name, [])
        if user in users:
            raise ValueError(f"{user} has already put :{name}: on {message.ts}")
        users.append(user)
        event = shapes.reaction_event(self, "reaction_added", message, user, name, at or self.stamp())
        self._publish(event, self.channels[message.channel])

    def unreact(self, message: Message, user: str, name: str, at: str | None) -> None:
        users = message.reactions.get(name, [])
        if user not in users:
            raise ValueError(f"{user} has not put :{name}: on {message.ts}")
        users.remove(user)
        if not users:
            del message.reactions[name]
        event = shapes.reaction_event(self, "reaction_removed", message, user, name, at or self.stamp())
        self._publish(event, self.channels[message.channel])

    def _announce(self, message: Message, channel: Channel, *, root: bool) -> None:
        event = shapes.message_event(self, message, root=root)
        self._publish(event, channel)
        direct = channel.kind in (Kind.IM, Kind.MPIM)
        if f"<@{self.identity.bot_user}" in message.text and message.bot != self.identity.bot and not direct:
            self._publish(shapes.mention_event(event), channel)

    def _attach(self, reply: Message) -> None:
        parent = self.channel(reply.channel).messages.get(str(reply.thread_ts))
        if parent is None or parent.is_reply:
            raise ValueError(f"thread_ts {reply.thread_ts!r} is no top message of {reply.channel}")
        reply.parent_user = parent.user
        parent.thread_ts = parent.ts
        insort(parent.replies, reply.ts)
        author = reply.user or reply.bot
        if author and author not in parent.repliers:
            parent.repliers.append(author)

    def _detach(self, parent: Message, reply: Message) -> None:
        parent.replies.remove(reply.ts)
        rest = [self.channels[parent.channel].messages[ts] for ts in parent.replies]
        parent.repliers = list(dict.fromkeys(author for one in rest if (author := one.user or one.bot)))
        if not parent.replies and parent.subtype == "tombstone":
            self.delete(parent)
        elif not parent.replies:
            parent.thread_ts = None

    def _bury(self, message: Message) -> None:
        message.subtype, message.text = "tombstone", "This message was deleted."
        message.user = message.parent_user = "USLACKBOT"
        message.blocks, message.attachments, message.files = [], [], []
        message.metadata, message.bot, message.client_msg_id, message.edited = None, None, None, None
        message.reactions = {}
        message.deleted = True


def comparable(moment: str) -> str:
    """``oldest``/``latest`` in any precision, padded so that it compares with a ts as a string."""
    return f"{Decimal(moment):017.6f}"

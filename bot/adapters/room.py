"""The practice room: a chat platform in memory. It needs no account; replays and the demo run in it."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from bot.adapters.acts import (
    Act,
    ActRefused,
    Ask,
    Delete,
    Draft,
    Edit,
    Home,
    Post,
    React,
    Receipt,
    Revise,
    Say,
    Show,
    Think,
    Whisper,
)
from bot.adapters.adapter import Arrival, Emit, LinkState, LookupFailed, Page
from bot.adapters.events import Channel, ChannelKind, Event, Heard, Payload, Person, Reacted
from bot.answerer import Suggestion
from bot.config import is_group
from knowledge.audience import Standing
from knowledge.thread import Message, Reaction, Role

NAME = "room"


class RoomAdapter:
    """Takes messages as they come and keeps what is said in answer. Ids are taken as given."""

    name = NAME
    post_interval = 0.0
    tells_edits = True
    has_command = True
    performs: frozenset[type[Act]] = frozenset(
        {Post, Say, Think, Delete, Draft, Edit, React, Whisper, Show, Ask, Home, Revise}
    )

    def __init__(
        self,
        channels: Mapping[str, Channel],
        on_post: Callable[[Post], None] | None = None,
        people: Mapping[str, Sequence[Person]] | None = None,
        members: Mapping[str, Collection[str]] | None = None,
        on_say: Callable[[Say | Whisper], None] | None = None,
    ) -> None:
        self._channels = channels
        self._people = people or {}
        self._members = members or {}
        self._on_post = on_post
        self._on_say = on_say
        self.posts: dict[str, Post] = {}
        self.said: dict[str, Say] = {}
        self.thoughts: list[Think] = []
        self.drafts: dict[str, Draft] = {}
        self.edits: dict[str, Edit] = {}
        self.reactions: list[React] = []
        self.whispers: list[Whisper] = []
        self.cards: dict[str, Show] = {}
        self.forms: list[Ask] = []
        self.homes: dict[str, Home] = {}

    @property
    def links(self) -> tuple[LinkState, ...]:
        return ()

    def parse(self, payload: Payload) -> Event:
        if "reaction" in payload:
            return _reacted(payload["reaction"])
        message = _message(payload["message"])
        return Heard(
            message=message, channel=self._channels.get(message.channel, Channel(id=message.channel))
        )

    async def listen(self, emit: Emit) -> None:
        """Nothing to connect to: whoever plays in the room hands over the arrivals."""

    async def perform(self, act: Act) -> Receipt:
        match act:
            case Post():
                self.posts[act.id] = act
                if self._on_post is not None:
                    self._on_post(act)
                return Receipt(message_id=post_id(act.id))
            case Say():
                self.said[act.id] = act
                if self._on_say is not None:
                    self._on_say(act)
                return Receipt(message_id=post_id(act.id))
            case Think():
                self.thoughts.append(act)
                return Receipt(message_id=act.message_id)
            case Delete():
                self.said = {key: said for key, said in self.said.items() if post_id(key) != act.message_id}
                self.posts = {key: post for key, post in self.posts.items() if post_id(key) != act.message_id}
                return Receipt(message_id=act.message_id)
            case Draft():
                self.drafts[act.id] = act
                return Receipt(message_id=draft_id(act.id))
            case Edit():
                self.edits[act.message_id] = act
                return Receipt(message_id=act.message_id)
            case Revise():
                self._revise(act)
                return Receipt(message_id=act.message_id)
            case React():
                self.reactions.append(act)
                return Receipt(message_id=act.message_id)
            case Whisper():
                self.whispers.append(act)
                if self._on_say is not None:
                    self._on_say(act)
                return Receipt(message_id=act.id)
            case Show():
                self.cards[act.id] = act
                return Receipt(message_id=card_id(act.id))
            case Ask():
                self.forms.append(act)
                return Receipt(message_id=act.trigger)
            case Home():
                self.homes[act.user] = act
                return Receipt(message_id=act.user)

    def _revise(self, act: Revise) -> None:
        """What is said now stands in the place of the answer."""
        post = self.posts.get(act.id)
        if post is None or post_id(act.id) != act.message_id:
            raise ActRefused(f"{act.message_id} is no answer that stands in the room")
        said = act.suggestion or Suggestion(lines=(), citations=())
        self.posts[act.id] = replace(post, suggestion=said, lead=act.note, now=act.now)

    def parts(self, post: Post) -> Sequence[Post]:
        return (post,)  # a room has no limits

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        if isinstance(act, Show):
            return Receipt(message_id=card_id(act.id)) if act.id in self.cards else None
        if isinstance(act, Draft):
            return Receipt(message_id=draft_id(act.id)) if act.id in self.drafts else None
        return Receipt(message_id=post_id(act.id)) if act.id in {**self.posts, **self.said} else None

    async def place(self, given: str) -> Channel | None:
        """A channel by its id or name; what the room does not know is taken as given."""
        named = (known for known in self._channels.values() if given in (known.id, f"#{known.name}"))
        return next(named, Channel(id=given))

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        del channel, thread
        return ()  # a room has no past but what was heard

    async def channels(self) -> Sequence[Channel]:
        return ()

    async def history(
        self, channel: Channel, since: datetime, *, thread: str | None = None, cursor: str | None = None
    ) -> AsyncIterator[Page]:
        del channel, since, thread, cursor
        pages: tuple[Page, ...] = ()  # as ``fetch``
        for page in pages:
            yield page

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        del message_ids
        return {}  # nobody edits in a room

    async def describe(self, channel: Channel) -> Channel:
        return channel

    async def message_of(self, link: str, asked_in: str) -> str:
        del asked_in
        return link

    async def people(self, ref: str) -> Sequence[Person]:
        if is_group(ref) and ref not in self._people:
            raise LookupFailed(f"nobody told the room who is in {ref}")
        everybody_belongs = (Person(id=ref, standing=Standing.MEMBER),)
        return self._people.get(ref, everybody_belongs)

    async def members(self, channel: str) -> frozenset[str]:
        if channel not in self._members:
            raise LookupFailed(f"nobody told the room who is in {channel}")
        return frozenset(self._members[channel])

    def leave(self, installation: str) -> None:
        del installation  # nobody tells us here

    async def close(self) -> None:
        """Nothing to close."""


def post_id(suggestion_id: str) -> str:
    """The id in the room of what was posted."""
    return f"room:{suggestion_id}"


def draft_id(suggestion_id: str) -> str:
    """The id in the room of a draft."""
    return f"room:draft/{suggestion_id}"


def card_id(shown: str) -> str:
    """The id in the room of a card."""
    return f"room:card/{shown}"


def said(message: Message) -> Arrival:
    """The arrival of a message. Reactions without a time come with it, and count only when it is learnt from."""
    payload = asdict(message)
    payload["at"] = message.at.isoformat()
    payload["reactions"] = [asdict(reaction) for reaction in message.reactions if reaction.at is None]
    top_level = not message.thread or message.thread == message.id
    return Arrival(
        adapter=NAME,
        key=f"room:{message.id}",
        content_key=None,
        conversation=message.channel if top_level else f"{message.channel}/{message.thread}",
        at=message.at,
        payload={"message": payload},
    )


def reacted(message_id: str, reaction: Reaction, at: datetime, *, added: bool = True) -> Arrival:
    """The arrival of a reaction that somebody put on (or took off) at a known time."""
    payload = {"message_id": message_id, "user": reaction.user, "name": reaction.name, "added": added}
    key = f"room:{message_id}/{reaction.user}/{reaction.name}/{added}/{at.isoformat()}"
    return Arrival(
        adapter=NAME,
        key=key,
        content_key=None,
        conversation=message_id,
        at=at,
        payload={"reaction": {**payload, "at": at.isoformat()}},
    )


def _message(data: Mapping[str, Any]) -> Message:
    reactions = tuple(Reaction(name=r["name"], user=r["user"]) for r in data["reactions"])
    at, role = datetime.fromisoformat(data["at"]), Role(data["role"])
    return Message(**{**data, "at": at, "role": role, "reactions": reactions})


def _reacted(data: Mapping[str, Any]) -> Reacted:
    return Reacted(**{**data, "at": datetime.fromisoformat(data["at"])})


def channel(
    channel_id: str, *, private: bool = False, external: bool = False, name: str | None = None
) -> Channel:
    """A channel of a room."""
    kind = ChannelKind.PRIVATE if private else ChannelKind.PUBLIC
    return Channel(id=channel_id, kind=kind, name=name, external=external)

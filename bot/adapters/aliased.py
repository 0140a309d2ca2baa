"""Channels whose id changed, kept under the one id under which they were first heard of.

What comes from the platform is read under that id, what is done there goes to the id of now. So nothing that is stored
has to be rewritten, and what was said before and after is one history.
"""

import dataclasses
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar, cast

from bot.adapters.acts import Act, Draft, Post, Receipt, Say, Show
from bot.adapters.adapter import Adapter, Emit, LinkState, Page, Streams
from bot.adapters.events import Channel, Commanded, Event, Heard, Moved, Payload, Person

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class Aliases:
    """``kept``: the platform's id -> the id it is kept under; ``current``: the other way round, the id of now.

    ``called``: what channels were called before (``#name``, an id whole or bare) -> the ids they are kept under.
    """

    kept: Mapping[str, str] = field(default_factory=dict)
    current: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def take(self, other: "Aliases") -> None:
        """Be as ``other`` from now on."""
        self.kept, self.current, self.called = other.kept, other.current, other.called


def with_ids(value: T, ids: Mapping[str, str]) -> T:
    """``value`` with the ids of channels, alone or as the beginning of a message's, exchanged as ``ids`` says."""
    return cast(T, _exchanged(value, ids)) if ids else value


def _exchanged(value: object, ids: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return with_id(value, ids)
    if isinstance(value, tuple):
        return tuple(_exchanged(each, ids) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
        changed = {name: new for name, old in fields.items() if (new := _exchanged(old, ids)) != old}
        return replace(value, **changed) if changed else value
    return value


def with_id(given: str, ids: Mapping[str, str]) -> str:
    """One id, of a channel or of a message in it, exchanged; any other text as it is."""
    home, _, rest = given.partition("/")
    channel, slash, message = rest.partition("/")
    known = ids.get(f"{home}/{channel}")
    return given if known is None else f"{known}{slash}{message}"


class AliasedAdapter:
    """An adapter whose channels may have other ids than those that they are kept under."""

    def __init__(self, adapter: Adapter, aliases: Aliases) -> None:
        self._adapter, self._aliases = adapter, aliases
        self.name, self.post_interval = adapter.name, adapter.post_interval
        self.tells_edits, self.has_command = adapter.tells_edits, adapter.has_command
        self.performs = adapter.performs

    @property
    def links(self) -> Sequence[LinkState]:
        return self._adapter.links

    def parse(self, payload: Payload) -> Event:
        event, kept = self._adapter.parse(payload), self._aliases.kept
        if isinstance(event, Moved):
            return replace(event, channel=with_id(event.channel, kept))  # where to is the platform's id
        if isinstance(event, Commanded) and kept:
            words = re.sub(r"\S+", lambda word: with_id(word[0], kept), event.words)
            event = replace(event, words=words)
        return with_ids(event, kept)

    async def listen(self, emit: Emit) -> None:
        await self._adapter.listen(emit)

    async def perform(self, act: Act) -> Receipt:
        return self._in(await self._adapter.perform(self._out(act)))

    def parts(self, post: Post) -> Sequence[Post]:
        return self._adapter.parts(post)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        return self._in(await self._adapter.find_post(self._out(act)))

    async def place(self, given: str) -> Channel | None:
        found = await self._adapter.place(self._out(given))
        if found is None:
            before = self._aliases.called.get(given.casefold(), ())
            found = await self._adapter.place(self._out(before[0])) if len(before) == 1 else None
        return self._in(found)

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        said = await self._adapter.fetch(self._out(channel), self._out(thread))
        return [self._in(heard) for heard in said]

    async def channels(self) -> Sequence[Channel]:
        return [self._in(channel) for channel in await self._adapter.channels()]

    async def history(
        self, channel: Channel, since: datetime, *, thread: str | None = None, cursor: str | None = None
    ) -> AsyncIterator[Page]:
        inner = None if thread is None else self._out(thread)
        async for page in self._adapter.history(self._out(channel), since, thread=inner, cursor=cursor):
            yield self._kept(page)

    def _kept(self, page: Page) -> Page:
        """With the messages as they are kept; what was found is parsed like what comes live."""
        return replace(
            page,
            edited={self._in(message): at for message, at in page.edited.items()},
            gone=[self._in(message) for message in page.gone],
            threads={self._in(root): at for root, at in page.threads.items()},
        )

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        read = await self._adapter.reread([self._out(message_id) for message_id in message_ids])
        return {self._in(message_id): text for message_id, text in read.items()}

    async def describe(self, channel: Channel) -> Channel:
        return self._in(await self._adapter.describe(self._out(channel)))

    async def people(self, ref: str) -> Sequence[Person]:
        return await self._adapter.people(ref)

    async def message_of(self, link: str, asked_in: str) -> str:
        return self._in(await self._adapter.message_of(link, self._out(asked_in)))

    async def members(self, channel: str) -> frozenset[str]:
        return await self._adapter.members(self._out(channel))

    def leave(self, installation: str) -> None:
        self._adapter.leave(installation)

    async def close(self) -> None:
        await self._adapter.close()

    def _in(self, value: T) -> T:
        return with_ids(value, self._aliases.kept)

    def _out(self, value: T) -> T:
        return with_ids(value, self._aliases.current)


class AliasedStreams(AliasedAdapter):
    """The same of an adapter that can say an answer paragraph by paragraph."""

    def __init__(self, adapter: Adapter, streams: Streams, aliases: Aliases) -> None:
        super().__init__(adapter, aliases)
        self._streams = streams

    async def begin_stream(self, post: Post, user: str) -> Receipt:
        return self._in(await self._streams.begin_stream(self._out(post), user))

    async def find_streams(self, post: Post, since: datetime) -> Sequence[Receipt]:
        return [self._in(begun) for begun in await self._streams.find_streams(self._out(post), since)]

    async def finish_stream(self, post: Post, message_id: str, *, again: bool) -> Receipt:
        out, where = self._out(post), self._out(message_id)
        return self._in(await self._streams.finish_stream(out, where, again=again))


def aliased(adapter: Adapter, aliases: Aliases) -> AliasedAdapter:
    """``adapter`` behind ``aliases``, able to do what it can."""
    if isinstance(adapter, Streams):
        return AliasedStreams(adapter, adapter, aliases)
    return AliasedAdapter(adapter, aliases)

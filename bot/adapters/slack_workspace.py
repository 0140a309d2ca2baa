"""One workspace through one bot token: what is done there and looked up there."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.adapters import slack_cards as cards
from bot.adapters import slack_stream
from bot.adapters import slack_wire as wire
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
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Channel, ChannelKind, Heard, Payload, Person
from bot.adapters.kept import Kept
from bot.adapters.slack_calls import client_of, once, once_or, pages, read, respond
from bot.adapters.slack_pictures import SlackPictures
from bot.answerer import Suggestion
from bot.card import texts_in

log = logging.getLogger("earshot.slack")

PAGE = 200
PEOPLE_KEPT = 600.0  # seconds; who is made a guest sees less from then on
MEMBERS_KEPT = 120.0  # seconds; if no event says so, who left a private channel may be told of it for as long
CHANNELS_KEPT = 3600.0  # seconds; the same for names and for who shares a channel
EYES = "eyes"
CLOCKS_APART = 60  # seconds by which Slack's clock may be behind ours
# Slack is to look for no names and addresses in texts: for chat.update it would by default.
AS_WRITTEN: Mapping[str, Any] = {"parse": "none", "link_names": False}


class UnknownGroup(LookupFailed):
    """There is no such user group in the workspace."""


class SlackWorkspace:
    """``me``: who the bot is there; ``granted``: the scopes of its token, which may be one of an organisation."""

    def __init__(
        self, token: str, base_url: str, me: wire.Me, granted: frozenset[str], *, of_org: bool = False
    ) -> None:
        self.me = me
        # The token of a whole organisation does not say which workspace is meant.
        self.team: Mapping[str, Any] = {"team_id": me.team} if of_org else {}
        self.granted = granted
        self.client = client_of(token, base_url)
        self._channels: Kept[str, Channel] = Kept(CHANNELS_KEPT)
        self._names: dict[str, str] = {}
        self._people: Kept[str, Person] = Kept(PEOPLE_KEPT)
        self._members: Kept[str, frozenset[str]] = Kept(MEMBERS_KEPT)
        self._eyed: set[str] = set()  # messages with our 👀
        self._named: dict[str, Channel] = {}
        self._streams = True  # until Slack refuses it
        self.pictures = SlackPictures(self._replies, token, base_url)

    def renew(self, token: str) -> None:
        """Use this token from now on."""
        self.client.token = token
        self.pictures.renew(token)

    # ---- acting

    async def perform(self, act: Act) -> Receipt:
        match act:
            case Post():
                names = await self._names_in(*cards.said_by(act.suggestion))
                answer = await once(
                    self.client.chat_postMessage(
                        channel=wire.bare(act.channel),
                        thread_ts=wire.bare(act.reply_to),
                        **wire.render(act, names),
                        **AS_WRITTEN,
                    )
                )
                return Receipt(message_id=f"{act.channel}/{answer['ts']}")
            case Say():
                return await self._say(act)
            case Think():
                return await self._think(act)
            case Delete():
                return await self._delete(act)
            case Draft():
                return await self._draft(act)
            case Edit():
                return await self._edit(act)
            case Revise():
                return await self._revise(act)
            case React():
                return await self._react(act)
            case Whisper():
                return await self._whisper(act)
            case Show():
                return await self._show(act)
            case Ask():
                return await self._ask_with_form(act)
            case Home():
                return await self._publish(act)

    async def _say(self, act: Say) -> Receipt:
        content = cards.render_say(act, await self._names_in(*texts_in(act.card)))
        thread = wire.bare(act.reply_to)
        answer = await once(
            self.client.chat_postMessage(channel=wire.bare(act.channel), thread_ts=thread, **content)
        )
        return Receipt(message_id=f"{act.channel}/{answer['ts']}")

    async def _think(self, act: Think) -> Receipt:
        """As the status of the thread; where Slack refuses that, as 👀 if we may react."""
        status = "is looking for an answer…" if act.on else ""
        call = self.client.assistant_threads_setStatus(
            channel_id=wire.bare(act.channel), thread_ts=wire.bare(act.reply_to), status=status
        )
        try:
            await once(call)
        except ActRefused:
            await self._eye(act)
        return Receipt(message_id=act.message_id)

    async def _eye(self, act: Think) -> None:
        where = {"channel": wire.bare(act.channel), "timestamp": wire.bare(act.message_id), "name": EYES}
        if act.on and wire.CLIP_SCOPE in self.granted:
            self._eyed.add(act.message_id)
            await once_or(self.client.reactions_add(**where), "already_reacted")
        elif not act.on and act.message_id in self._eyed:
            self._eyed.discard(act.message_id)
            await once_or(self.client.reactions_remove(**where), "no_reaction")

    async def _draft(self, act: Draft) -> Receipt:
        names = await self._names_in(act.question.user, act.question.text, *cards.said_by(act.suggestion))
        call = self.client.chat_postMessage(
            channel=wire.bare(act.channel), **cards.render_draft(act, names), **AS_WRITTEN
        )
        answer = await once(call)
        # To a person it goes as a direct message, whose channel only the answer names.
        return Receipt(message_id=f"{_workspace(act.channel)}/{answer['channel']}/{answer['ts']}")

    async def _edit(self, act: Edit) -> Receipt:
        names = await self._names_in(act.text)
        channel, ts = act.message_id.split("/")[-2:]
        call = self.client.chat_update(channel=channel, ts=ts, **cards.render_edit(act, names), **AS_WRITTEN)
        await once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def _revise(self, act: Revise) -> Receipt:
        names = await self._names_in(act.note, *cards.said_by(act.suggestion))
        channel, ts = act.message_id.split("/")[-2:]
        content = cards.render_revise(act, names)
        await once(self.client.chat_update(channel=channel, ts=ts, **content, **AS_WRITTEN))
        return Receipt(message_id=act.message_id)

    async def _show(self, act: Show) -> Receipt:
        content = cards.render_card(act, await self._names_in(*texts_in(act.card)))
        if act.message_id is None:
            answer = await once(
                self.client.chat_postMessage(channel=wire.bare(act.channel), **content, **AS_WRITTEN)
            )
            return Receipt(message_id=f"{_workspace(act.channel)}/{answer['channel']}/{answer['ts']}")
        channel, ts = act.message_id.split("/")[-2:]
        call = self.client.chat_update(
            channel=channel, ts=ts, text=content["text"], blocks=content["blocks"], **AS_WRITTEN
        )
        await once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def _ask_with_form(self, act: Ask) -> Receipt:
        view = cards.save_form(act.form)
        answer = await once(self.client.views_open(trigger_id=act.trigger, view=view))
        return Receipt(message_id=answer["view"]["id"])

    async def _publish(self, act: Home) -> Receipt:
        view = cards.home_view(act, await self._names_in(*texts_in(act.card)))
        await once(self.client.views_publish(user_id=wire.bare(act.user), view=view))
        return Receipt(message_id=act.user)

    async def open_rewording(self, clicked: Payload, draft: Suggestion) -> None:
        """Open the form in which a draft is put in other words, for who clicked on Edit. Raises what the SDK does."""
        view = cards.reword_form(clicked, draft, await self._names_in(*cards.said_by(draft)))
        await self.client.views_open(trigger_id=clicked["trigger_id"], view=view)

    async def _react(self, act: React) -> Receipt:
        call = self.client.reactions_add(
            channel=wire.bare(act.channel), timestamp=wire.bare(act.message_id), name=act.name
        )
        await once_or(call, "already_reacted")
        return Receipt(message_id=act.message_id)

    async def _whisper(self, act: Whisper) -> Receipt:
        told = () if act.card is None else texts_in(act.card)
        names = await self._names_in(act.text, *told, *cards.said_by(act.suggestion))
        content = cards.render_whisper(act, names)
        thread = None if act.reply_to is None else wire.bare(act.reply_to)
        if act.respond_to is not None:
            placed = {} if thread is None else {"thread_ts": thread}
            await respond(act.respond_to, {**content, **placed, "replace_original": act.replace})
        else:
            channel, user = wire.bare(act.channel), wire.bare(act.user)
            await once(
                self.client.chat_postEphemeral(
                    channel=channel, user=user, thread_ts=thread, **content, **AS_WRITTEN
                )
            )
        return Receipt(message_id=act.id)

    async def _delete(self, act: Delete) -> Receipt:
        call = self.client.chat_delete(channel=wire.bare(act.channel), ts=wire.bare(act.message_id))
        await once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        found_by = act.mark if isinstance(act, Post) else act.id
        if isinstance(act, Post | Say):
            kind = wire.METADATA_TYPE if isinstance(act, Post) else wire.ANSWER_METADATA
            said = self._replies(act.channel, wire.bare(act.reply_to))
        elif wire.bare(act.channel)[0] in "UW":
            raise ActRefused(
                "what may have reached a direct message cannot be read back, so it is not repeated"
            )
        else:
            kind = cards.DRAFT_METADATA if isinstance(act, Draft) else cards.CARD_METADATA
            said = self._since(act.channel, act.opened_at)
        async for message in said:
            metadata = message.get("metadata") or {}
            if metadata.get("event_type") == kind and metadata["event_payload"].get("id") == found_by:
                return Receipt(message_id=f"{act.channel}/{message['ts']}")
        return None

    # ---- paragraph by paragraph

    async def begin_stream(self, post: Post, user: str) -> Receipt:
        """For whoever asked. Once Slack refused it, it is not tried again here until the next start."""
        if not self._streams or await self._paragraphs(post) is None:
            raise ActRefused("it cannot be said paragraph by paragraph here")
        call = self.client.chat_startStream(
            channel=wire.bare(post.channel),
            thread_ts=wire.bare(post.reply_to),
            recipient_user_id=wire.bare(user),
            recipient_team_id=_workspace(user).removeprefix(f"{wire.NAME}:"),
        )
        try:
            answer = await once(call)
        except ActRefused:
            self._streams = False
            raise
        return Receipt(message_id=f"{post.channel}/{answer['ts']}")

    async def _paragraphs(self, post: Post) -> list[str] | None:
        return slack_stream.paragraphs(post, await self._names_in(*cards.said_by(post.suggestion)))

    async def find_streams(self, post: Post, since: datetime) -> Sequence[Receipt]:
        """Of all that we say in threads only what was begun so and not finished carries no metadata."""
        oldest = since.timestamp() - CLOCKS_APART
        return [
            Receipt(message_id=f"{post.channel}/{message['ts']}")
            async for message in self._replies(post.channel, wire.bare(post.reply_to))
            if wire.is_mine(message, self.me)
            and not message.get("metadata")
            and wire.when(message["ts"]).timestamp() > oldest
        ]

    async def finish_stream(self, post: Post, message_id: str, *, again: bool) -> Receipt:
        where: dict[str, Any] = {"channel": wire.bare(post.channel), "ts": wire.bare(message_id)}
        if not again:
            try:
                for text in await self._paragraphs(post) or ():
                    await once(self.client.chat_appendStream(**where, markdown_text=text))
                await once(self.client.chat_stopStream(**where, **slack_stream.ending(post)))
            except ActRefused as error:
                log.info("%s: what was begun is put there as a whole: %s", post.id, error)
            else:
                return Receipt(message_id=message_id)
        await self._put_whole(post, where)
        return Receipt(message_id=message_id)

    async def _put_whole(self, post: Post, where: Mapping[str, Any]) -> None:
        """In the place of what was begun, as it would have been posted."""
        try:
            await once(self.client.chat_stopStream(**where))
        except ActRefused as error:
            log.debug("%s: stopped already: %s", post.id, error)
        content = wire.render(post, await self._names_in(*cards.said_by(post.suggestion)))
        told = {name: content[name] for name in ("text", "blocks", "metadata")}
        await once(self.client.chat_update(**where, **told, **AS_WRITTEN))

    # ---- looking up

    def drop_kept(self, channel: str) -> None:
        """A channel, or who is in it, is not as it was: what was told of it is asked for anew."""
        now = asyncio.get_running_loop().time()
        self._channels.drop(channel, now)
        self._members.drop(channel, now)
        self._named = {name: known for name, known in self._named.items() if known.id != channel}

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        found = [message async for message in self._replies(channel.id, wire.bare(thread))]
        return [
            wire.heard(message, self.me, channel) for message in found if not wire.is_mine(message, self.me)
        ]

    def _replies(self, channel: str, ts: str) -> AsyncIterator[Payload]:
        return pages(
            lambda cursor: self.client.conversations_replies(
                channel=wire.bare(channel), ts=ts, limit=PAGE, cursor=cursor, include_all_metadata=True
            ),
            "messages",
        )

    def _since(self, channel: str, since: datetime) -> AsyncIterator[Payload]:
        oldest = f"{since.timestamp() - CLOCKS_APART:.6f}"
        return pages(
            lambda cursor: self.client.conversations_history(
                channel=wire.bare(channel),
                oldest=oldest,
                limit=PAGE,
                cursor=cursor,
                include_all_metadata=True,
            ),
            "messages",
        )

    async def place(self, given: str) -> Channel | None:
        target = wire.place_of(given, self.me.team)
        if target.startswith("#"):
            return self._named.get(target) or (await self._look_for_names()).get(target)
        if wire.bare(target)[0] in "UW":
            return Channel(id=target, kind=ChannelKind.DIRECT)
        try:
            return await self.describe(Channel(id=target, kind=ChannelKind.PRIVATE))
        except LookupFailed as error:
            if "channel_not_found" in str(error):
                return None
            raise

    async def _look_for_names(self) -> dict[str, Channel]:
        """Every channel that we see, by ``#name``. Kept, because a workspace may have very many."""
        channels = pages(
            lambda cursor: self.client.conversations_list(
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=PAGE,
                cursor=cursor,
                **self.team,
            ),
            "channels",
        )
        async for info in channels:
            channel = Channel(id=f"{wire.NAME}:{self.me.team}/{info['id']}")
            self._named[f"#{info['name']}"] = _described(channel, info)
        return self._named

    async def describe(self, channel: Channel) -> Channel:
        if wire.bare(channel.id).startswith("D"):
            return replace(channel, kind=ChannelKind.DIRECT)  # it has no name, and nobody else is in it
        now = asyncio.get_running_loop().time()
        known = self._channels.get(channel.id, now)
        if known is None:
            answer = await read(self.client.conversations_info(channel=wire.bare(channel.id)))
            known = _described(channel, answer["channel"])
            self._channels.put(channel.id, known, now)
        return replace(known, external=known.external or channel.external)

    async def people(self, ref: str) -> Sequence[Person]:
        if ref.startswith("@") or wire.GROUP.fullmatch(wire.bare(ref)):
            return [Person(id=f"slack:{self.me.team}/{user}") for user in await self._group(ref)]
        now = asyncio.get_running_loop().time()
        known = self._people.get(ref, now)
        if known is None:
            answer = await read(self.client.users_info(user=wire.bare(ref)))
            known = wire.person(answer["user"], ref)
            self._people.put(ref, known, now)
        return [known]

    async def members(self, channel: str) -> frozenset[str]:
        now = asyncio.get_running_loop().time()
        known = self._members.get(channel, now)
        if known is None:
            inside = pages(
                lambda cursor: self.client.conversations_members(
                    channel=wire.bare(channel), limit=PAGE, cursor=cursor
                ),
                "members",
            )
            known = frozenset([f"{_workspace(channel)}/{user}" async for user in inside])
            self._members.put(channel, known, now)
        return known

    async def _group(self, ref: str) -> Sequence[str]:
        if not ref.startswith("@"):
            call = self.client.usergroups_users_list(usergroup=wire.bare(ref), **self.team)
            return list((await read(call))["users"])
        answer = await read(self.client.usergroups_list(include_users=True, **self.team))
        group = wire.group_called(answer["usergroups"], ref)
        if group is None:
            raise UnknownGroup(f"Slack has no user group {ref}; take it out of analysts, or mend its handle")
        return list(group.get("users", ()))

    async def _names_in(self, *texts: str) -> dict[str, str]:
        """Names of the people named in what is said; who cannot be found stays `someone`."""
        for user in cards.people_in(*texts) - self._names.keys():
            try:
                answer = await read(self.client.users_info(user=user))
            except LookupFailed as error:
                log.info("no name for %s: %s", user, error)
            else:
                profile = answer["user"].get("profile") or {}
                self._names[user] = (
                    profile.get("display_name") or answer["user"].get("real_name") or "someone"
                )
        return self._names


def _workspace(place: str) -> str:
    """``slack:T1`` of ``slack:T1/C1``."""
    return place.rpartition("/")[0]


def _described(channel: Channel, info: Payload) -> Channel:
    kind = channel.kind
    if info.get("is_im"):
        kind = ChannelKind.DIRECT
    elif info.get("is_mpim"):
        kind = ChannelKind.GROUP
    elif "is_private" in info:
        kind = ChannelKind.PRIVATE if info["is_private"] else ChannelKind.PUBLIC
    external = bool(info.get("is_ext_shared") or info.get("is_pending_ext_shared")) or channel.external
    return replace(channel, kind=kind, name=info.get("name"), external=external)

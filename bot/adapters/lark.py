"""Lark and Feishu over the long connection: events in, cards out, for one app or several."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from bot.adapters import lark_cards as cards
from bot.adapters import lark_channels as groups
from bot.adapters import lark_forms as forms
from bot.adapters import lark_wire as wire
from bot.adapters.acts import (
    Act,
    ActPostponed,
    ActRefused,
    ActUncertain,
    Ask,
    Delete,
    Draft,
    Edit,
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
from bot.adapters.events import Channel, ChannelKind, Event, Heard, Payload, Person
from bot.adapters.kept import Kept
from bot.adapters.lark_api import APPLINKS, ApiRefused, LarkApi
from bot.adapters.lark_history import LarkHistory
from bot.adapters.lark_hook import LarkHook
from bot.adapters.lark_link import LarkLink
from bot.adapters.lark_pictures import LarkPictures
from bot.adapters.lark_signing import Unwelcome
from bot.answerer import Suggestion
from bot.card import Card, texts_in
from knowledge.audience import Standing
from knowledge.images import MAX_BYTES, Pictures
from knowledge.thread import Thread

log = logging.getLogger("earshot.lark")

POST_INTERVAL = 0.25  # seconds; Lark allows five messages a second to a group, from all bots in it together
CHILDREN_WITHIN = 1.5  # seconds to ask what was forwarded; the acknowledgement is due after three
PEOPLE_KEPT = 600.0  # seconds; who leaves the company sees less from then on
MEMBERS_KEPT = 120.0  # seconds; if no event says so, who left a group may be told of it for as long
CHATS_KEPT = 3600.0  # seconds; the same for names, and for who may find a group
UUID_HOLDS = timedelta(minutes=55)  # for an hour Lark sends what has the same uuid only once
CLOCKS_APART = 60  # seconds by which Lark's clock may be behind ours
_MESSAGES = "/open-apis/im/v1/messages"

_WITHDRAWN = 230011
_INVALID, _WRONG_KIND = 230001, 230054
_NO_TOPICS = frozenset({230071, 230072})  # there are no topics here: the answer stands beside the question
# The card is refused, or too long by Lark's count: what it says can still be said as a text.
_NO_CARD = frozenset({230099, 230025, 230054, 230110})
_UNKNOWN_CHAT = frozenset({232006, 232011, 230001, 232025})


class LarkStartFailed(Exception):
    """Lark cannot be used as configured; the message says why and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LarkApp:
    """One app. ``domain``: feishu, lark, or a URL."""

    id: str
    secret: str
    domain: str


@dataclass(kw_only=True, slots=True)
class _Joined:
    """An app that we speak through. ``scopes``: granted permissions, known after check()."""

    api: LarkApi
    link: LarkLink | None
    me: wire.Me
    scopes: frozenset[str] = frozenset()
    channels: Kept[str, Channel] = field(default_factory=lambda: Kept(CHATS_KEPT))
    modes: dict[str, str] = field(default_factory=dict)  # chat_mode by chat
    people: Kept[str, Person] = field(default_factory=lambda: Kept(PEOPLE_KEPT))
    members: Kept[str, frozenset[str]] = field(default_factory=lambda: Kept(MEMBERS_KEPT))
    standings: dict[str, Standing] = field(default_factory=dict)  # by person, as events tell since the start
    inside: dict[str, set[str]] = field(default_factory=dict)  # who spoke or clicked where, since the start
    thinking: dict[str, str | None] = field(default_factory=dict)  # by message, the id of our sign if known


MakeLink = Callable[[LarkApi], LarkLink]
TakeIn = Callable[[Payload], Awaitable[dict[str, Any]]]


class LarkAdapter:
    """All apps of config.yaml. ``make_link`` makes what keeps an app connected; ``hook`` is posted to instead. Without
    either nothing can be heard."""

    name = wire.NAME
    post_interval = POST_INTERVAL
    tells_edits = False
    has_command = False
    performs: frozenset[type[Act]] = frozenset(
        {Post, Say, Think, Delete, Draft, Edit, Revise, React, Whisper, Show, Ask}
    )

    def __init__(
        self, apps: Sequence[LarkApp], make_link: MakeLink | None = None, hook: LarkHook | None = None
    ) -> None:
        self._hook = hook
        self._pictures = LarkPictures(self._as_it_is_now, self._picture)
        self._apps: dict[str, _Joined] = {}
        for app in apps:
            api = LarkApi(app.id, app.secret, app.domain)
            applinks = APPLINKS.get(app.domain, app.domain.rstrip("/"))
            self._apps[app.id] = _Joined(
                api=api,
                link=None if make_link is None else make_link(api),
                me=wire.Me(app=app.id, open_id="", name="", applinks=applinks),
            )

    @property
    def links(self) -> tuple[LinkState, ...]:
        """How the connections stand."""
        return tuple(joined.link.state for joined in self._apps.values() if joined.link is not None)

    def granted(self, app: str) -> frozenset[str]:
        """The permissions of an app, after check()."""
        return self._apps[app].scopes

    def parse(self, payload: Payload) -> Event:
        me = self._joined(str(payload["header"]["app_id"])).me
        clicked = payload["header"].get("event_type") == wire.CLICKED
        if clicked:
            return forms.parse(payload, me) or cards.parse(payload, me)
        return groups.parse(payload, me) or wire.parse(payload, me)

    def _joined(self, app: str) -> _Joined:
        joined = self._apps.get(app)
        if joined is None:
            raise ActRefused(f"the Lark app {app} is not in config.yaml; known: {', '.join(self._apps)}")
        return joined

    # ---- start and stop

    async def check(self) -> Sequence[wire.Me]:
        """Fail fast on wrong ids, secrets and domains: a connection would be tried for ever. Raises LarkStartFailed."""
        return [await self._check(joined) for joined in self._apps.values()]

    async def _check(self, joined: _Joined) -> wire.Me:
        api = joined.api
        try:
            bot = (await api.check())["bot"]
        except ApiRefused as error:
            raise LarkStartFailed(
                f"Lark refused the app {api.app_id} at {api.url}: {error}; {_remedy(error.code)}"
            ) from error
        except (ActPostponed, ActUncertain, aiohttp.ClientError, TimeoutError) as error:
            raise LarkStartFailed(f"Lark at {api.url} cannot be reached: {error}") from error
        joined.me = replace(joined.me, open_id=bot["open_id"], name=str(bot.get("app_name") or ""))
        joined.scopes = await _granted(api)
        return joined.me

    async def subscribed(self, app: str) -> tuple[frozenset[str], frozenset[str]] | None:
        """The events and callbacks that the app is subscribed to; None where it may not ask. Raises LookupFailed."""
        api = self._joined(app).api
        try:
            answer = await api.read(f"/open-apis/application/v6/applications/{app}", {"lang": "en_us"})
        except LookupFailed as error:
            if "99991672" in str(error):
                return None
            raise
        told = answer["data"]["app"]
        events = (told.get("event") or {}).get("subscribed_events")
        callbacks = (told.get("callback") or {}).get("subscribed_callbacks")
        return None if events is None else (frozenset(events), frozenset(callbacks or ()))

    async def listen(self, emit: Emit) -> None:
        await self.check()
        if self._hook is not None:
            taking = {app: self._taking_in(joined, emit) for app, joined in self._apps.items()}
            self._open(self._hook, taking)
            return
        for joined in self._apps.values():
            if joined.link is None:
                raise LarkStartFailed(f"the Lark app {joined.api.app_id} has no connection to listen on")
            joined.link.start(self._taking_in(joined, emit))

    def _open(self, hook: LarkHook, taking: Mapping[str, TakeIn]) -> None:
        async def take_in(body: Payload) -> dict[str, Any]:
            app = str((body.get("header") or {}).get("app_id"))
            if app not in taking:
                raise Unwelcome(404, f"an event of the app {app}, which is not in config.yaml")
            return await taking[app](body)

        hook.start(take_in)

    def _taking_in(self, joined: _Joined, emit: Emit) -> TakeIn:
        async def take_in(body: Payload) -> dict[str, Any]:
            """The inbox insert. If it raises, nothing is acknowledged, and Lark delivers again."""
            if (present := wire.present_in(body)) is not None:
                joined.inside.setdefault(present[0], set()).add(present[1])
                if (standing := wire.standing_in(body)) is not None:
                    joined.standings[present[1]] = standing
            _drop_kept(joined, body)
            whole = await self._with_children(joined, body) if wire.is_forward(body) else body
            arrival = _queued(wire.arrival_of(whole), whole)
            if arrival is not None:
                await emit(arrival)
            return cards.toast(body)

        return take_in

    async def _with_children(self, joined: _Joined, body: Payload) -> Payload:
        """What a merged forward holds stands in no event; where Lark is slow, it is heard without."""
        message_id = body["event"]["message"]["message_id"]
        try:
            async with asyncio.timeout(CHILDREN_WITHIN):
                answer = await joined.api.read(f"{_MESSAGES}/{message_id}")
        except (LookupFailed, TimeoutError) as error:
            log.warning("%s: what was forwarded could not be read: %s", message_id, error)
            return body
        items = answer["data"].get("items") or ()
        return {**body, wire.CHILDREN: [item for item in items if item.get("upper_message_id")]}

    def leave(self, installation: str) -> None:
        del installation  # nobody tells us here

    async def close(self) -> None:
        for joined in self._apps.values():
            if joined.link is not None:
                await joined.link.stop()
            await joined.api.close()

    # ---- acting

    async def perform(self, act: Act) -> Receipt:
        try:
            return await self._perform(act)
        except ApiRefused as error:
            raise ActRefused(str(error)) from error

    async def _perform(self, act: Act) -> Receipt:
        match act:
            case Post():
                return await self._post(act)
            case Say():
                return await self._say(act)
            case Think():
                return await self._think(act)
            case Draft():
                names = await self._names(
                    act.channel,
                    act.question.user,
                    act.question.text,
                    act.question.channel,
                    *_said(act.suggestion),
                )
                card = cards.render_draft(act, names)
                return await self._send(act.channel, _uuid("draft", act.id), card, self._text(act, names))
            case Show():
                return await self._show(act)
            case Edit():
                names = await self._names(act.channel, act.text)
                await self._patch(act.message_id, cards.render_edit(act, names))
                return Receipt(message_id=act.message_id)
            case Revise():
                return await self._revise(act)
            case Delete():
                await self._gone_or_not(self._api(act.channel).do("DELETE", _path(act.message_id)))
                return Receipt(message_id=act.message_id)
            case React():
                return await self._react(act)
            case Whisper():
                return await self._whisper(act)
            case Ask():
                return await self._ask(act)
        raise ActRefused(f"Lark has no such thing as {type(act).__name__}")

    async def _post(self, act: Post) -> Receipt:
        names = await self._names(act.channel, *_said(act.suggestion))
        uuid, card = _uuid("post", act.mark), cards.render(act, names)
        try:
            return await self._reply(act, "interactive", cards.content(card), uuid)
        except ApiRefused as error:
            if error.code not in _NO_CARD:
                raise
            log.warning("%s: no card can be shown (%s), so it is said as a text", act.id, error)
        text = cards.plain_part(act, names)
        return await self._reply(act, "text", cards.plain_text_content(text), uuid)

    async def _say(self, act: Say) -> Receipt:
        names = await self._names(act.channel, *_named_in(act.card))
        uuid, card = _uuid("say", act.id), cards.render_card(act, names)
        try:
            return await self._reply(act, "interactive", cards.content(card), uuid)
        except ApiRefused as error:
            if error.code not in _NO_CARD:
                raise
            log.warning("%s: no card can be shown (%s), so it is said as a text", act.id, error)
        return await self._reply(act, "text", cards.plain_text_content(cards.told(act.card, names)), uuid)

    async def _think(self, act: Think) -> Receipt:
        """As a reaction, where we may react."""
        joined, path = self._joined(wire.app_of(act.channel)), f"{_path(act.message_id)}/reactions"
        if act.on and act.message_id not in joined.thinking and joined.scopes & wire.REACTING:
            joined.thinking[act.message_id] = None
            body = {"reaction_type": {"emoji_type": wire.THINKING}}
            answer = await joined.api.do("POST", path, body=body)
            joined.thinking[act.message_id] = answer["data"]["reaction_id"]
        elif not act.on and act.message_id in joined.thinking:
            known = joined.thinking.pop(act.message_id)
            for sign in [known] if known else await self._signs(joined.api, path):
                await joined.api.do("DELETE", f"{path}/{sign}")
        return Receipt(message_id=act.message_id)

    async def _signs(self, api: LarkApi, path: str) -> list[str]:
        """The ids of our own signs at a message, where putting one on was cut off."""
        try:
            held = [one async for one in api.pages(path, {"reaction_type": wire.THINKING})]
        except LookupFailed as error:
            raise ActUncertain(str(error)) from error
        ours = (one for one in held if (one.get("operator") or {}).get("operator_id") == api.app_id)
        return [str(one["reaction_id"]) for one in ours]

    async def _reply(self, act: Post | Say, kind: str, content: str, uuid: str) -> Receipt:
        """In the topic of the question, or beside it where a chat has no topics."""
        path = f"{_path(act.reply_to)}/reply"
        body = {"msg_type": kind, "content": content, "reply_in_thread": True, "uuid": uuid}
        api = self._api(act.channel)
        try:
            answer = await api.do("POST", path, body=body)
        except ApiRefused as error:
            if error.code not in _NO_TOPICS:
                raise
            answer = await api.do("POST", path, body={**body, "reply_in_thread": False})
        return Receipt(message_id=f"{act.channel}/{answer['data']['message_id']}")

    async def _show(self, act: Show) -> Receipt:
        names = await self._names(act.channel, *_named_in(act.card))
        card = cards.render_card(act, names)
        if act.message_id is None:
            return await self._send(act.channel, _uuid("show", act.id), card, cards.told(act.card, names))
        await self._patch(act.message_id, card)
        return Receipt(message_id=act.message_id)

    def _text(self, act: Draft, names: dict[str, str]) -> str:
        asked = cards.show_names(act.question.text, names)[: cards.QUOTED]
        return f"Draft for: {asked}\n{cards.plain(act.suggestion, names, act.now)}"

    async def _send(self, channel: str, uuid: str, card: cards.Element, text: str) -> Receipt:
        """To a chat, or to a person, whose chat only the answer names."""
        target = wire.bare(channel)
        query = {"receive_id_type": "open_id" if wire.is_person(channel) else "chat_id"}
        body = {"receive_id": target, "msg_type": "interactive", "content": cards.content(card), "uuid": uuid}
        api = self._api(channel)
        try:
            answer = await api.do("POST", _MESSAGES, query=query, body=body)
        except ApiRefused as error:
            if error.code not in _NO_CARD:
                raise
            log.warning("%s: no card can be shown (%s), so it is said as a text", uuid, error)
            plain = {**body, "msg_type": "text", "content": cards.plain_text_content(text)}
            answer = await api.do("POST", _MESSAGES, query=query, body=plain)
        data = answer["data"]
        return Receipt(
            message_id=f"{wire.NAME}:{wire.app_of(channel)}/{data['chat_id']}/{data['message_id']}"
        )

    async def _patch(self, message_id: str, card: cards.Element) -> None:
        call = self._api(message_id).do("PATCH", _path(message_id), body={"content": cards.content(card)})
        await self._gone_or_not(call)

    async def _revise(self, act: Revise) -> Receipt:
        """The card is put in place of the card; an answer that was said as a text stays a text."""
        names = await self._names(act.channel, act.note, *_said(act.suggestion))
        api, path = self._api(act.message_id), _path(act.message_id)
        try:
            await api.do("PATCH", path, body={"content": cards.content(cards.render_revise(act, names))})
        except ApiRefused as error:
            if not _is_no_card(error):
                raise
            text = cards.plain_text_content(cards.plain_revised(act, names))
            await api.do("PUT", path, body={"msg_type": "text", "content": text})
        return Receipt(message_id=act.message_id)

    async def _gone_or_not(self, call: Awaitable[Any]) -> None:
        """A message that was withdrawn needs neither a change nor to be deleted."""
        try:
            await call
        except ApiRefused as error:
            if error.code != _WITHDRAWN:
                raise

    async def _react(self, act: React) -> Receipt:
        emoji = wire.EMOJI_OF.get(act.name)
        if emoji is None:
            raise ActRefused(f"Lark has no reaction for {act.name!r}; known: {', '.join(wire.EMOJI_OF)}")
        api, path = self._api(act.channel), f"{_path(act.message_id)}/reactions"
        async for held in api.pages(path, {"reaction_type": emoji}):
            if (held.get("operator") or {}).get("operator_id") == api.app_id:
                return Receipt(message_id=act.message_id)
        await api.do("POST", path, body={"reaction_type": {"emoji_type": emoji}})
        return Receipt(message_id=act.message_id)

    async def _ask(self, act: Ask) -> Receipt:
        """As a card in the direct messages with who asked, which are open to nobody else: groups have no such thing."""
        body = {
            "receive_id": wire.bare(act.user),
            "msg_type": "interactive",
            "content": forms.content(forms.render_form(act.form)),
            "uuid": _uuid("ask", act.trigger),
        }
        query = {"receive_id_type": "open_id"}
        data = (await self._api(act.user).do("POST", _MESSAGES, query=query, body=body))["data"]
        home = f"{wire.NAME}:{wire.app_of(act.user)}"
        return Receipt(message_id=f"{home}/{data['chat_id']}/{data['message_id']}")

    async def _whisper(self, act: Whisper) -> Receipt:
        """As a card that only this person sees; where a chat has none, as a direct message."""
        shown = () if act.card is None else _named_in(act.card)
        names = await self._names(act.channel, act.text, *shown, *_said(act.suggestion))
        api = self._api(act.channel)
        seen, _, clicked = (act.respond_to or "").partition("/")
        if seen == cards.FORM:
            card = cards.render_whisper(act, names, cards.DIRECT)
            await self._patch(f"{wire.NAME}:{api.app_id}/{clicked}", card)
            return Receipt(message_id=act.id)
        if not (await self._mode(act.channel) == "group" and await self._shown_there(act, names)):
            await self._shown_directly(act, names)
        if act.replace and act.respond_to is not None:
            await self._take_away(api, act.respond_to)
        return Receipt(message_id=act.id)

    async def _shown_there(self, act: Whisper, names: Mapping[str, str]) -> bool:
        """Whether the chat took it as a card for one person."""
        card = cards.render_whisper(act, names, cards.EPHEMERAL)
        chat, user = wire.bare(act.channel), wire.bare(act.user)
        body = {"chat_id": chat, "open_id": user, "msg_type": "interactive", "card": card}
        try:
            await self._api(act.channel).do("POST", "/open-apis/ephemeral/v1/send", body=body)
        except ApiRefused as error:
            log.info("%s: it has no cards for one person alone: %s", act.channel, error)
            return False
        return True

    async def _shown_directly(self, act: Whisper, names: Mapping[str, str]) -> None:
        """Only to who is in the chat: what stands in it is nobody else's business. Raises ActRefused."""
        if not await self._is_inside(act.channel, act.user):
            raise ActRefused(f"{act.user} is not known to be in {act.channel}")
        card = cards.render_whisper(act, names, cards.DIRECT)
        await self._send(act.user, _uuid("whisper", act.id), card, cards.told_alone(act, names))

    async def _is_inside(self, channel: str, user: str) -> bool:
        """Whether somebody spoke or clicked in a chat since the start, or is among its members."""
        joined = self._joined(wire.app_of(channel))
        if channel == user:  # a person stands for the direct messages with him
            return True
        if wire.bare(user) in joined.inside.get(wire.bare(channel), ()):
            return True
        try:
            return user in await self.members(channel)
        except LookupFailed as error:
            log.info("%s: its members are not known: %s", channel, error)
            return False

    async def members(self, channel: str) -> frozenset[str]:
        joined, now = self._joined(wire.app_of(channel)), asyncio.get_running_loop().time()
        known = joined.members.get(channel, now)
        if known is None:
            path = f"/open-apis/im/v1/chats/{wire.bare(channel)}/members"
            listed = joined.api.pages(path, {"member_id_type": "open_id"})
            known = frozenset([f"{wire.NAME}:{joined.me.app}/{one['member_id']}" async for one in listed])
            joined.members.put(channel, known, now)
        return known

    async def _take_away(self, api: LarkApi, respond_to: str) -> None:
        """What was clicked gives way to the answer. If that fails, both stand there, which harms nobody."""
        seen, _, message_id = respond_to.partition("/")
        try:
            if seen == cards.EPHEMERAL:
                await api.do("POST", "/open-apis/ephemeral/v1/delete", body={"message_id": message_id})
            else:
                await api.do("DELETE", f"{_MESSAGES}/{message_id}")
        except (ApiRefused, ActPostponed, ActUncertain) as error:
            log.info("%s: could not be taken away: %s", message_id, error)

    def parts(self, post: Post) -> Sequence[Post]:
        return cards.parts(post)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        """Looks at what stands there. What is not found is sent again with the same uuid, which Lark takes once."""
        if isinstance(act, Post | Say):
            said = await self._topic(act.channel, wire.bare(act.reply_to))
        elif wire.is_person(act.channel):
            if datetime.now(UTC) - act.opened_at < UUID_HOLDS:
                return None
            raise ActRefused(
                "what may have reached a direct message cannot be read back, so it is not repeated"
            )
        else:
            said = await self._since(act.channel, act.opened_at)
        for item in said:
            mine = wire.is_own(item, self._joined(wire.app_of(act.channel)).me)
            if mine and (_is_part(item, act) if isinstance(act, Post) else _names_id(item, act.id)):
                return Receipt(message_id=f"{act.channel}/{item['message_id']}")
        return None

    # ---- looking up

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        me = self._joined(wire.app_of(channel.id)).me
        items = await self._topic(channel.id, wire.bare(thread))
        said = [wire.heard(item, me, channel) for item in items if not wire.is_own(item, me)]
        return sorted((one for one in said if one.message.text), key=lambda one: one.message.at)

    async def channels(self) -> Sequence[Channel]:
        joined = self._apps.values()
        return [channel for one in joined for channel in await self._history(one).channels(one.me)]

    async def history(
        self, channel: Channel, since: datetime, *, thread: str | None = None, cursor: str | None = None
    ) -> AsyncIterator[Page]:
        joined = self._joined(wire.app_of(channel.id))
        if thread is not None:
            yield await self._history(joined).thread(joined.me, channel, thread)
            return
        async for page in self._history(joined).top_level(joined.me, channel, since, cursor):
            yield page

    def _history(self, joined: _Joined) -> LarkHistory:
        async def whole(body: Payload) -> Payload:
            return await self._with_children(joined, body) if wire.is_forward(body) else body

        return LarkHistory(joined.api, whole)

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        changed: dict[str, str | None] = {}
        for message_id in message_ids:
            me = self._joined(wire.app_of(message_id)).me
            for item in (await self._as_it_is_now(message_id))[:1]:
                if item.get("deleted"):
                    changed[message_id] = None
                elif item.get("updated") and item.get("msg_type") != wire.FORWARDED:
                    channel = Channel(id=message_id.rpartition("/")[0])
                    changed[message_id] = wire.heard(item, me, channel).message.text
        return changed

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """The pictures of a thread, as ``knowledge.images.Images`` says."""
        return await self._pictures.load(thread, read=read)

    async def _as_it_is_now(self, message_id: str) -> Sequence[Payload]:
        items = (await self._api(message_id).read(_path(message_id)))["data"].get("items")
        return items or ()

    async def _picture(self, message_id: str, key: str) -> bytes:
        path = f"{_path(message_id)}/resources/{key}"
        return await self._api(message_id).fetch(path, {"type": "image"}, MAX_BYTES)

    async def _topic(self, channel: str, root: str) -> list[Payload]:
        """The messages of a thread: of the topic, if there is one, else the one that it begins with."""
        api, raw = self._api(channel), {"card_msg_content_type": "raw_card_content"}
        items = (await api.read(f"{_MESSAGES}/{root}", raw))["data"].get("items") or []
        topic = items[0].get("thread_id") if items else None
        if topic is None:
            return [item for item in items if not item.get("upper_message_id")]
        query = {"container_id_type": "thread", "container_id": topic, "sort_type": "ByCreateTimeAsc", **raw}
        return [item async for item in api.pages(_MESSAGES, query)]

    async def _since(self, channel: str, since: datetime) -> list[Payload]:
        query = {
            "container_id_type": "chat",
            "container_id": wire.bare(channel),
            "start_time": str(int(since.timestamp()) - CLOCKS_APART),
            "sort_type": "ByCreateTimeAsc",
            "card_msg_content_type": "raw_card_content",
        }
        return [item async for item in self._api(channel).pages(_MESSAGES, query)]

    async def place(self, given: str) -> Channel | None:
        for app, joined in self._apps.items():
            target = wire.place_of(given, app)
            if target.startswith(f"{wire.NAME}:{app}/") and wire.is_person(target):
                return Channel(id=target, kind=ChannelKind.DIRECT)
            named = await self._called(joined, target)
            if named is not None:
                return named
        return None

    async def _called(self, joined: _Joined, target: str) -> Channel | None:
        """The chat of an app that goes by a whole id, or by ``#name``."""
        app = joined.me.app
        if target.startswith("#"):
            async for chat in joined.api.pages("/open-apis/im/v1/chats", {}):
                if str(chat.get("name") or "").casefold() == target.removeprefix("#"):
                    return await self.describe(Channel(id=f"{wire.NAME}:{app}/{chat['chat_id']}"))
            return None
        if wire.app_of(target) != app:
            return None
        try:
            return await self.describe(Channel(id=target, kind=ChannelKind.PRIVATE))
        except LookupFailed as error:
            if any(f" {code} " in str(error) for code in _UNKNOWN_CHAT):
                return None
            raise

    async def describe(self, channel: Channel) -> Channel:
        if wire.is_person(channel.id):
            return replace(channel, kind=ChannelKind.DIRECT)
        joined, now = self._joined(wire.app_of(channel.id)), asyncio.get_running_loop().time()
        known = joined.channels.get(channel.id, now)
        if known is None:
            chat = (await joined.api.read(f"/open-apis/im/v1/chats/{wire.bare(channel.id)}"))["data"]
            known = wire.described(channel, chat)
            joined.channels.put(channel.id, known, now)
            joined.modes[channel.id] = str(chat.get("chat_mode") or "group")
        return replace(known, external=known.external or channel.external)

    async def _mode(self, channel: str) -> str:
        joined = self._joined(wire.app_of(channel))
        if wire.is_person(channel):
            return "p2p"
        try:
            await self.describe(Channel(id=channel, kind=ChannelKind.PRIVATE))
        except LookupFailed as error:
            log.info("%s: its mode is not known: %s", channel, error)
        return joined.modes.get(channel, "p2p")

    async def message_of(self, link: str, asked_in: str) -> str:
        topic = wire.topic_in(link)
        if topic is None:
            return link
        query = {"container_id_type": "thread", "container_id": topic, "sort_type": "ByCreateTimeAsc"}
        items = (await self._api(asked_in).read(_MESSAGES, {**query, "page_size": "1"}))["data"].get("items")
        if not items:
            raise LookupFailed(f"Lark: there is nothing in the topic {topic}")
        return f"{wire.NAME}:{wire.app_of(asked_in)}/{items[0]['chat_id']}/{wire.first_of(items[0])}"

    async def people(self, ref: str) -> Sequence[Person]:
        if not ref.startswith(f"{wire.NAME}:"):
            raise LookupFailed(f"Lark knows no group {ref}; list the people's ids (ou_…) under analysts")
        joined = self._joined(wire.app_of(ref))
        if not wire.is_person(ref):
            return ()
        seen, now = joined.standings.get(wire.bare(ref)), asyncio.get_running_loop().time()
        if seen is Standing.STRANGER:
            return [Person(id=ref, standing=seen)]  # the contacts know none of another company
        known = joined.people.get(ref, now)
        if known is None:
            known = await self._person(joined, ref, seen)
            joined.people.put(ref, known, now)
        return [known]

    async def _person(self, joined: _Joined, ref: str, seen: Standing | None) -> Person:
        """As the contacts tell; where they are hidden from us, as far as events did. Raises LookupFailed."""
        path = f"/open-apis/contact/v3/users/{wire.bare(ref)}"
        try:
            answer = await joined.api.read(path, {"user_id_type": "open_id"})
        except LookupFailed as error:
            if seen is None:
                raise
            log.info("%s: the contacts tell nothing: %s", ref, error)
            return Person(id=ref, standing=seen)
        return wire.person(answer["data"]["user"], ref)

    def _api(self, qualified: str) -> LarkApi:
        return self._joined(wire.app_of(qualified)).api

    async def _names(self, channel: str, *texts: str) -> dict[str, str]:
        """Names of the people and chats that are named in what is said; who cannot be found stays `someone`."""
        app, names = wire.app_of(channel), {}
        for named in cards.people_in(*texts):
            whole = f"{wire.NAME}:{app}/{named}"
            try:
                if wire.is_person(whole):
                    names[named] = next((p.name for p in await self.people(whole) if p.name), "someone")
                else:
                    names[named] = (await self.describe(Channel(id=whole))).name or "a group"
            except LookupFailed as error:
                log.info("no name for %s: %s", whole, error)
        return names


def _drop_kept(joined: _Joined, body: Payload) -> None:
    """A group, or who is in it, is not as it was: what was told of it is asked for anew."""
    chat = groups.touched(body)
    if chat is None:
        return
    now, channel = asyncio.get_running_loop().time(), f"{wire.NAME}:{joined.me.app}/{chat}"
    joined.channels.drop(channel, now)
    joined.members.drop(channel, now)
    joined.inside.get(chat, set()).difference_update(groups.gone_from(body))


async def _granted(api: LarkApi) -> frozenset[str]:
    """The permissions that were granted; none where they cannot be asked for."""
    try:
        answer = await api.read("/open-apis/application/v6/scopes")
    except LookupFailed as error:
        log.info("%s: its permissions are not known: %s", api.app_id, error)
        return frozenset()
    given = answer["data"].get("scopes") or ()
    return frozenset(str(scope["scope_name"]) for scope in given if scope.get("grant_status") == 1)


def _queued(arrival: Arrival | None, body: Payload) -> Arrival | None:
    """All that is decided about a night stands in one queue, on whichever report it is pressed."""
    night = cards.night_of(body)
    if arrival is None or night is None:
        return arrival
    return replace(arrival, conversation=f"{wire.NAME}:night/{night}")


def _said(suggestion: Suggestion | None) -> list[str]:
    return [] if suggestion is None else [line.text for line in suggestion.lines]


def _named_in(card: Card) -> Iterable[str]:
    """The words of a card, and the chats and people that it names."""
    yield from texts_in(card)
    for row in (row for group in card.groups for row in group.rows):
        for piece in (piece for column in row.columns for piece in column):
            yield from (each for each in (piece.channel, piece.person) if each)


def _path(message_id: str) -> str:
    return f"{_MESSAGES}/{wire.bare(message_id)}"


def _uuid(kind: str, act_id: str) -> str:
    """What Lark knows a repeated send by: at most 50 characters, the same for the same act."""
    return hashlib.blake2b(f"{kind}/{act_id}".encode(), digest_size=20).hexdigest()


def _is_no_card(error: ApiRefused) -> bool:
    """Whether a message could not be changed as a card because it is a text: 230001 is any wrong parameter, of which
    the message says "This message is NOT a card."."""
    return error.code == _WRONG_KIND or (error.code == _INVALID and "not a card" in error.msg.casefold())


def _is_part(item: Payload, post: Post) -> bool:
    """Of several messages only the last has buttons that name the answer: each is known by its own mark."""
    if post.of == 1:
        return _names_id(item, post.id)
    return f'"{cards.mark_of(post.mark)}"' in str((item.get("body") or {}).get("content") or "")


def _names_id(item: Payload, act_id: str) -> bool:
    """Whether a card of ours holds the id of an act: in the value of one of its buttons, or as its mark."""
    content = str((item.get("body") or {}).get("content") or "")
    return f'"{act_id}"' in content or f'"{cards.mark_of(act_id)}"' in content


def _remedy(code: int) -> str:
    if code in (10003, 10014, 1000040346):
        return "copy App ID and App Secret from Credentials & Basic Info of the app in the developer console"
    if code == 1000040351:
        return "set lark.domain to feishu for open.feishu.cn, to lark for open.larksuite.com"
    return "see that the app has a bot and that its version is released"

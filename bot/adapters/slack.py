"""Slack over Socket Mode: the only module that imports Slack's SDK."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.adapters import slack_cards as cards
from bot.adapters import slack_wire as wire
from bot.adapters.adapter import (
    Act,
    ActPostponed,
    ActRefused,
    ActUncertain,
    Ask,
    Channel,
    ChannelKind,
    Delete,
    Draft,
    Edit,
    Emit,
    Event,
    Heard,
    LookupFailed,
    Payload,
    Person,
    Post,
    React,
    Receipt,
    Say,
    Show,
    Think,
    Whisper,
)
from bot.adapters.kept import Kept
from bot.adapters.slack_pictures import SlackPictures
from bot.card import texts_in

log = logging.getLogger("earshot.slack")
# Bolt warns that the token is ignored beside `authorize`; it is the same token.
log.addFilter(lambda record: "will be ignored" not in record.getMessage())

POST_INTERVAL = 1.05  # seconds; Slack allows about one post per second and channel
TIMEOUT = 20  # seconds for one request
PAGE = 200
PEOPLE_KEPT = 600.0  # seconds; who is made a guest sees less from then on
MEMBERS_KEPT = 120.0  # seconds; who left a private channel may be told of it for as long
EYES = "eyes"
CLOCKS_APART = 60  # seconds by which Slack's clock may be behind ours
PING_INTERVAL = 5  # seconds; a cut connection is noticed after one, a half-open one after four
# Slack is to look for no names and addresses in texts: for chat.update it would by default.
AS_WRITTEN: Mapping[str, Any] = {"parse": "none", "link_names": False}
# After these nobody can say whether it took effect.
_DOUBTFUL = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
_NETWORK = (aiohttp.ClientError, TimeoutError, SlackClientError)


class StartFailed(Exception):
    """Slack cannot be used as configured; the message says why and what to do."""


class SlackAdapter:
    """One workspace through one bot token."""

    name = wire.NAME
    post_interval = POST_INTERVAL
    tells_edits = True
    has_command = True
    performs: frozenset[type[Act]] = frozenset(
        {Post, Say, Think, Delete, Draft, Edit, React, Whisper, Show, Ask}
    )

    def __init__(self, bot_token: str, app_token: str, base_url: str) -> None:
        self._app_token = app_token
        # Without the SDK's own retries: they post a message again when the connection drops after it took effect.
        self._client = AsyncWebClient(token=bot_token, base_url=base_url, timeout=TIMEOUT, retry_handlers=[])
        self._handler: AsyncSocketModeHandler | None = None
        self._me: wire.Me | None = None
        self._channels: dict[str, Channel] = {}
        self._names: dict[str, str] = {}
        self._people: Kept[str, Person] = Kept(PEOPLE_KEPT)
        self._members: Kept[str, frozenset[str]] = Kept(MEMBERS_KEPT)
        self._eyed: set[str] = set()  # messages with our 👀
        self._named: dict[str, Channel] = {}
        self.pictures = SlackPictures(self._replies, bot_token, base_url)
        self.granted: frozenset[str] = frozenset()  # scopes of the bot token; known after check()

    @property
    def me(self) -> wire.Me:
        if self._me is None:
            raise RuntimeError("SlackAdapter.check() or listen() must come first")
        return self._me

    def parse(self, payload: Payload) -> Event:
        return cards.parse(payload) or wire.parse(payload, self.me)

    # ---- start and stop

    async def check(self) -> wire.Me:
        """Fail fast on bad tokens and missing scopes: the clients would retry for ever. Raises StartFailed."""
        answer = await self._ask("SLACK_BOT_TOKEN", self._client.auth_test())
        self.granted = _scopes(answer)
        missing = sorted(wire.SCOPES - self.granted)
        if missing:
            raise StartFailed(
                f"Slack: the bot token lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                "add them under OAuth & Permissions (or paste manifest.json again) and reinstall the app"
            )
        await self._ask("SLACK_APP_TOKEN", self._client.apps_connections_open(app_token=self._app_token))
        self._me = wire.Me(
            team=answer["team_id"], user=answer["user_id"], bot=answer.get("bot_id"), url=answer["url"]
        )
        return self._me

    async def _ask(self, name: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
        try:
            return await call
        except SlackApiError as error:
            raise StartFailed(
                f"Slack refused {name}: {_error(error)}; {_remedy(name, _error(error))}"
            ) from error
        except _NETWORK as error:
            raise StartFailed(f"Slack at {self._client.base_url} cannot be reached: {error}") from error

    async def listen(self, emit: Emit) -> None:
        me = await self.check()

        # Bolt would ask auth.test again for every event that waits when the first one arrives.
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=self._client.token,
                bot_id=me.bot,
                bot_user_id=me.user,
            )

        app = AsyncApp(
            client=self._client,
            authorize=authorize,
            before_authorize=_take_in(emit),
            # An own filter stands in parse: bolt's would also hide that somebody deleted our answer.
            ignoring_self_events_enabled=False,
            logger=log,
        )
        # Without a listener an event is never acknowledged and comes again; all work is in the inbox already.
        app.event(re.compile(".*"))(_nothing)
        # A form must be opened within three seconds of the click: the inbox would be too late.
        app.action(cards.CORRECT_ACTION)(self._open_correction)
        for kind in (app.action, app.shortcut, app.view, app.options, app.command):
            kind(re.compile(".*"))(_acknowledge)
        self._handler = AsyncSocketModeHandler(
            app, self._app_token, web_client=self._client, ping_interval=PING_INTERVAL
        )
        await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def _open_correction(self, ack: Callable[[], Awaitable[None]], body: Payload) -> None:
        await ack()
        form = cards.correction_form(str(body["actions"][0]["value"]))
        try:
            await self._client.views_open(trigger_id=body["trigger_id"], view=form)
        except _NETWORK as error:
            log.warning("the form for the right answer could not be opened: %s", error)

    async def close(self) -> None:
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
            self._handler = None

    # ---- acting

    async def perform(self, act: Act) -> Receipt:
        match act:
            case Post():
                names = await self._names_in(*cards.said_by(act.suggestion))
                answer = await _once(
                    self._client.chat_postMessage(
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
            case React():
                return await self._react(act)
            case Whisper():
                return await self._whisper(act)
            case Show():
                return await self._show(act)
            case Ask():
                return await self._ask_with_form(act)

    async def _say(self, act: Say) -> Receipt:
        content = cards.render_say(act, await self._names_in(*texts_in(act.card)))
        thread = wire.bare(act.reply_to)
        answer = await _once(
            self._client.chat_postMessage(channel=wire.bare(act.channel), thread_ts=thread, **content)
        )
        return Receipt(message_id=f"{act.channel}/{answer['ts']}")

    async def _think(self, act: Think) -> Receipt:
        """As the status of the thread; where Slack refuses that, as 👀 if we may react."""
        status = "is looking for an answer…" if act.on else ""
        call = self._client.assistant_threads_setStatus(
            channel_id=wire.bare(act.channel), thread_ts=wire.bare(act.reply_to), status=status
        )
        try:
            await _once(call)
        except ActRefused:
            await self._eye(act)
        return Receipt(message_id=act.message_id)

    async def _eye(self, act: Think) -> None:
        where = {"channel": wire.bare(act.channel), "timestamp": wire.bare(act.message_id), "name": EYES}
        if act.on and wire.CLIP_SCOPE in self.granted:
            self._eyed.add(act.message_id)
            await _once_or(self._client.reactions_add(**where), "already_reacted")
        elif not act.on and act.message_id in self._eyed:
            self._eyed.discard(act.message_id)
            await _once_or(self._client.reactions_remove(**where), "no_reaction")

    async def _draft(self, act: Draft) -> Receipt:
        names = await self._names_in(act.question.user, act.question.text, *cards.said_by(act.suggestion))
        call = self._client.chat_postMessage(
            channel=wire.bare(act.channel), **cards.render_draft(act, names), **AS_WRITTEN
        )
        answer = await _once(call)
        # To a person it goes as a direct message, whose channel only the answer names.
        return Receipt(message_id=f"{_workspace(act.channel)}/{answer['channel']}/{answer['ts']}")

    async def _edit(self, act: Edit) -> Receipt:
        names = await self._names_in(act.text)
        channel, ts = act.message_id.split("/")[-2:]
        call = self._client.chat_update(channel=channel, ts=ts, **cards.render_edit(act, names), **AS_WRITTEN)
        await _once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def _show(self, act: Show) -> Receipt:
        content = cards.render_card(act, await self._names_in(*texts_in(act.card)))
        if act.message_id is None:
            answer = await _once(
                self._client.chat_postMessage(channel=wire.bare(act.channel), **content, **AS_WRITTEN)
            )
            return Receipt(message_id=f"{_workspace(act.channel)}/{answer['channel']}/{answer['ts']}")
        channel, ts = act.message_id.split("/")[-2:]
        call = self._client.chat_update(
            channel=channel, ts=ts, text=content["text"], blocks=content["blocks"], **AS_WRITTEN
        )
        await _once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def _ask_with_form(self, act: Ask) -> Receipt:
        view = cards.save_form(act.form)
        answer = await _once(self._client.views_open(trigger_id=act.trigger, view=view))
        return Receipt(message_id=answer["view"]["id"])

    async def _react(self, act: React) -> Receipt:
        call = self._client.reactions_add(
            channel=wire.bare(act.channel), timestamp=wire.bare(act.message_id), name=act.name
        )
        await _once_or(call, "already_reacted")
        return Receipt(message_id=act.message_id)

    async def _whisper(self, act: Whisper) -> Receipt:
        told = () if act.card is None else texts_in(act.card)
        names = await self._names_in(act.text, *told, *cards.said_by(act.suggestion))
        content = cards.render_whisper(act, names)
        thread = None if act.reply_to is None else wire.bare(act.reply_to)
        if act.respond_to is not None:
            placed = {} if thread is None else {"thread_ts": thread}
            await _respond(act.respond_to, {**content, **placed, "replace_original": act.replace})
        else:
            channel, user = wire.bare(act.channel), wire.bare(act.user)
            await _once(
                self._client.chat_postEphemeral(
                    channel=channel, user=user, thread_ts=thread, **content, **AS_WRITTEN
                )
            )
        return Receipt(message_id=act.id)

    async def _delete(self, act: Delete) -> Receipt:
        call = self._client.chat_delete(channel=wire.bare(act.channel), ts=wire.bare(act.message_id))
        await _once_or(call, "message_not_found")
        return Receipt(message_id=act.message_id)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
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
            if metadata.get("event_type") == kind and metadata["event_payload"].get("id") == act.id:
                return Receipt(message_id=f"{act.channel}/{message['ts']}")
        return None

    # ---- looking up

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        found = [message async for message in self._replies(channel.id, wire.bare(thread))]
        return [
            wire.heard(message, self.me, channel) for message in found if not wire.is_mine(message, self.me)
        ]

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        del message_ids
        return {}  # Slack tells of every edit

    def _replies(self, channel: str, ts: str) -> AsyncIterator[Payload]:
        return _pages(
            lambda cursor: self._client.conversations_replies(
                channel=wire.bare(channel), ts=ts, limit=PAGE, cursor=cursor, include_all_metadata=True
            ),
            "messages",
        )

    def _since(self, channel: str, since: datetime) -> AsyncIterator[Payload]:
        oldest = f"{since.timestamp() - CLOCKS_APART:.6f}"
        return _pages(
            lambda cursor: self._client.conversations_history(
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
        channels = _pages(
            lambda cursor: self._client.conversations_list(
                types="public_channel,private_channel", exclude_archived=True, limit=PAGE, cursor=cursor
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
        known = self._channels.get(channel.id)
        if known is None:
            answer = await _read(self._client.conversations_info(channel=wire.bare(channel.id)))
            known = _described(channel, answer["channel"])
            self._channels[channel.id] = known
        return replace(known, external=known.external or channel.external)

    async def people(self, ref: str) -> Sequence[Person]:
        if ref.startswith("@") or wire.GROUP.fullmatch(wire.bare(ref)):
            return [Person(id=f"slack:{self.me.team}/{user}") for user in await self._group(ref)]
        now = asyncio.get_running_loop().time()
        known = self._people.get(ref, now)
        if known is None:
            answer = await _read(self._client.users_info(user=wire.bare(ref)))
            known = wire.person(answer["user"], ref)
            self._people.put(ref, known, now)
        return [known]

    async def members(self, channel: str) -> frozenset[str]:
        now = asyncio.get_running_loop().time()
        known = self._members.get(channel, now)
        if known is None:
            pages = _pages(
                lambda cursor: self._client.conversations_members(
                    channel=wire.bare(channel), limit=PAGE, cursor=cursor
                ),
                "members",
            )
            known = frozenset([f"{_workspace(channel)}/{user}" async for user in pages])
            self._members.put(channel, known, now)
        return known

    async def _group(self, ref: str) -> Sequence[str]:
        if not ref.startswith("@"):
            return list((await _read(self._client.usergroups_users_list(usergroup=wire.bare(ref))))["users"])
        answer = await _read(self._client.usergroups_list(include_users=True))
        group = wire.group_called(answer["usergroups"], ref)
        if group is None:
            raise LookupFailed(f"Slack has no user group {ref}; take it out of analysts, or mend its handle")
        return list(group.get("users", ()))

    async def _names_in(self, *texts: str) -> dict[str, str]:
        """Names of the people named in what is said; who cannot be found stays `someone`."""
        for user in cards.people_in(*texts) - self._names.keys():
            try:
                answer = await _read(self._client.users_info(user=user))
            except LookupFailed as error:
                log.info("no name for %s: %s", user, error)
            else:
                profile = answer["user"].get("profile") or {}
                self._names[user] = (
                    profile.get("display_name") or answer["user"].get("real_name") or "someone"
                )
        return self._names


def _take_in(emit: Emit) -> Callable[..., Awaitable[BoltResponse]]:
    """The inbox insert, before bolt's own authorisation: that one acknowledges events it then drops."""

    async def take_in(req: AsyncBoltRequest, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
        arrival = cards.arrival_of(req.body, datetime.now(UTC)) or wire.arrival_of(req.body)
        if arrival is not None:
            await emit(
                arrival
            )  # if it raises, bolt answers 500, nothing is acknowledged, and Slack delivers again
        return await next()

    return take_in


async def _nothing() -> None:
    """Everything was done when the event was taken in."""


async def _acknowledge(ack: Callable[[], Awaitable[None]]) -> None:
    await ack()


async def _once(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer of a call that changes something. Raises ActPostponed, ActRefused or ActUncertain."""
    try:
        return await call
    except aiohttp.ClientConnectorError as error:
        raise ActPostponed(1.0) from error  # nothing left this machine
    except SlackApiError as error:
        raise _act_error(error) from error
    except _NETWORK as error:
        raise ActUncertain(f"{type(error).__name__}: {error}") from error


async def _once_or(call: Awaitable[AsyncSlackResponse], done: str) -> None:
    """As ``_once``, for what is done already when Slack refuses it with ``done``."""
    try:
        await _once(call)
    except ActRefused as error:
        if str(error) != done:
            raise


async def _respond(url: str, content: Payload) -> None:
    """Answer a click at the address it came with. Raises ActPostponed, ActUncertain or ActRefused."""
    client = AsyncWebhookClient(url, timeout=TIMEOUT, retry_handlers=[])
    try:
        shown = {"response_type": "ephemeral", "unfurl_links": False, "unfurl_media": False, **content}
        answer = await client.send_dict(shown)
    except _NETWORK as error:
        raise ActUncertain(f"{type(error).__name__}: {error}") from error
    if answer.status_code == 429:
        raise ActPostponed(float(answer.headers.get("Retry-After", 1)))
    if answer.status_code != 200:
        raise ActRefused(f"the click cannot be answered any more: {answer.status_code} {answer.body}")


async def _pages(
    call: Callable[[str | None], Awaitable[AsyncSlackResponse]], name: str
) -> AsyncIterator[Any]:
    """The items called ``name`` of every page. Raises LookupFailed."""
    cursor: str | None = None
    while True:
        page = await _read(call(cursor))
        for item in page[name]:
            yield item
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _workspace(place: str) -> str:
    """``slack:T1`` of ``slack:T1/C1``."""
    return place.rpartition("/")[0]


def _act_error(error: SlackApiError) -> Exception:
    status, said = error.response.status_code, _error(error)
    if status == 429 or said in ("ratelimited", "rate_limited"):
        return ActPostponed(float(error.response.headers.get("Retry-After", 1)))
    return ActUncertain(f"{status} {said}") if status >= 500 or said in _DOUBTFUL else ActRefused(said)


async def _read(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The answer of a call that only reads. Raises LookupFailed."""
    try:
        return await call
    except SlackApiError as error:
        raise LookupFailed(f"Slack: {_error(error)}") from error
    except _NETWORK as error:
        raise LookupFailed(f"Slack: {type(error).__name__}: {error}") from error


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


def _error(error: SlackApiError) -> str:
    data = error.response.data
    return (
        str(data.get("error", "unknown")) if isinstance(data, dict) else f"HTTP {error.response.status_code}"
    )


def _scopes(answer: AsyncSlackResponse) -> frozenset[str]:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return frozenset(scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip())


def _remedy(name: str, error: str) -> str:
    start = {"SLACK_BOT_TOKEN": "xoxb-", "SLACK_APP_TOKEN": "xapp-"}[name]
    if error == "missing_scope":
        return "the app-level token needs the scope connections:write"
    return f"copy the token that starts with {start} from the app's page into {name}"

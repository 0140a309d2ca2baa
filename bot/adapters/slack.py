"""Slack: the workspaces that Earshot is in, and how their events come here."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.adapters import slack_cards as cards
from bot.adapters import slack_wire as wire
from bot.adapters.adapter import (
    Act,
    Arrival,
    Ask,
    Channel,
    Delete,
    Draft,
    Edit,
    Emit,
    Event,
    Heard,
    LinkState,
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
from bot.adapters.slack_calls import NETWORK, asked, client_of, scopes_of
from bot.adapters.slack_calls import StartFailed as StartFailed
from bot.adapters.slack_http import SlackHook
from bot.adapters.slack_socket import SlackSocket
from bot.adapters.slack_workspace import SlackWorkspace
from knowledge.images import Pictures
from knowledge.thread import Thread

log = logging.getLogger("earshot.slack")
# At DEBUG bolt logs the whole of a request whose signature is wrong.
bolt_log = logging.getLogger("earshot.slack.bolt")
bolt_log.setLevel(logging.INFO)
# Bolt warns that the token is ignored beside `authorize`; it is the same token.
bolt_log.addFilter(lambda record: "will be ignored" not in record.getMessage())

POST_INTERVAL = 1.05  # seconds; Slack allows about one post per second and channel
_BOT_TOKEN_REMEDY = "copy the token that starts with xoxb- from the app's page into SLACK_BOT_TOKEN"


class SlackAdapter:
    """One workspace through one bot token.

    Events come over Socket Mode, which ``app_token`` opens, or, with a ``hook``, over HTTP.
    """

    name = wire.NAME
    post_interval = POST_INTERVAL
    tells_edits = True
    has_command = True
    performs: frozenset[type[Act]] = frozenset(
        {Post, Say, Think, Delete, Draft, Edit, React, Whisper, Show, Ask}
    )

    def __init__(self, bot_token: str, app_token: str, base_url: str, hook: SlackHook | None = None) -> None:
        self._bot_token, self._base_url = bot_token, base_url
        self._door = hook or SlackSocket(app_token, base_url)
        self._workspaces: dict[str, SlackWorkspace] = {}  # by team

    @property
    def links(self) -> tuple[LinkState, ...]:
        return self._door.links

    @property
    def granted(self) -> frozenset[str]:
        """Scopes of the bot token; known after check()."""
        return next((workspace.granted for workspace in self._workspaces.values()), frozenset())

    def _in(self, place: str) -> SlackWorkspace:
        """The workspace of a qualified id."""
        if not self._workspaces:
            raise RuntimeError("SlackAdapter.check() or listen() must come first")
        team = place.removeprefix(f"{wire.NAME}:").split("/", 1)[0]
        return self._workspaces.get(team) or next(iter(self._workspaces.values()))

    def parse(self, payload: Payload) -> Event:
        return cards.parse(payload) or wire.parse(payload, self._in(str(payload.get("team_id"))).me)

    # ---- start and stop

    async def check(self) -> wire.Me:
        """Fail fast on bad tokens and missing scopes: the clients would retry for ever. Raises StartFailed."""
        client = client_of(self._bot_token, self._base_url)
        answer = await asked(
            "SLACK_BOT_TOKEN", client.auth_test(), self._base_url, lambda _: _BOT_TOKEN_REMEDY
        )
        granted = scopes_of(answer)
        missing = sorted(wire.SCOPES - granted)
        if missing:
            raise StartFailed(
                f"Slack: the bot token lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                "add them under OAuth & Permissions (or paste manifest.json again) and reinstall the app"
            )
        await self._door.check()
        me = wire.Me(
            team=answer["team_id"], user=answer["user_id"], bot=answer.get("bot_id"), url=answer["url"]
        )
        self._workspaces = {me.team: SlackWorkspace(self._bot_token, self._base_url, me, granted)}
        return me

    async def listen(self, emit: Emit) -> None:
        me = await self.check()
        client = self._in(me.team).client

        # Bolt would ask auth.test again for every event that waits when the first one arrives.
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=team_id,
                bot_token=client.token,
                bot_id=me.bot,
                bot_user_id=me.user,
            )

        app = AsyncApp(
            client=client,
            signing_secret=self._door.signing_secret,
            authorize=authorize,
            before_authorize=_take_in(self._hearing(emit)),
            # An own filter stands in parse: bolt's would also hide that somebody deleted our answer.
            ignoring_self_events_enabled=False,
            logger=bolt_log,
        )
        # Without a listener an event is never acknowledged and comes again; all work is in the inbox already.
        app.event(re.compile(".*"))(_nothing)
        # A form must be opened within three seconds of the click: the inbox would be too late.
        app.action(cards.CORRECT_ACTION)(self._open_correction)
        for kind in (app.action, app.shortcut, app.view, app.options, app.command):
            kind(re.compile(".*"))(_acknowledge)
        await self._door.open(app)

    async def _open_correction(self, ack: Callable[[], Awaitable[None]], body: Payload) -> None:
        await ack()
        form = cards.correction_form(str(body["actions"][0]["value"]))
        try:
            await self._in(str((body.get("team") or {}).get("id"))).client.views_open(
                trigger_id=body["trigger_id"], view=form
            )
        except NETWORK as error:
            log.warning("the form for the right answer could not be opened: %s", error)

    async def close(self) -> None:
        await self._door.close()

    # ---- acting
    def _hearing(self, emit: Emit) -> Emit:
        async def hear(arrival: Arrival) -> None:
            self._door.heard()
            await emit(arrival)

        return hear

    # ---- in the workspace that it is about

    async def perform(self, act: Act) -> Receipt:
        return await self._in(act.channel).perform(act)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        return await self._in(act.channel).find_post(act)

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        return await self._in(channel.id).fetch(channel, thread)

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        del message_ids
        return {}  # Slack tells of every edit

    async def place(self, given: str) -> Channel | None:
        return await self._in(given).place(given)

    async def describe(self, channel: Channel) -> Channel:
        return await self._in(channel.id).describe(channel)

    async def people(self, ref: str) -> Sequence[Person]:
        return await self._in(ref).people(ref)

    async def members(self, channel: str) -> frozenset[str]:
        return await self._in(channel).members(channel)

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """The pictures of a thread, as ``knowledge.images.Images`` says."""
        return await self._in(thread.channel).pictures.load(thread, read=read)


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

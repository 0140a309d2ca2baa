"""Slack: the workspaces that Earshot is in, and how their events come here."""

import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.adapters import slack_cards as cards
from bot.adapters import slack_channels as channels
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
from bot.adapters.adapter import Emit, Fill, LinkState, LookupFailed, Page
from bot.adapters.events import Channel, Event, Heard, Ignored, Payload, Person
from bot.adapters.slack_calls import NETWORK, asked, client_of, read, scopes_of
from bot.adapters.slack_calls import StartFailed as StartFailed
from bot.adapters.slack_history import REGIMES, Regime, SlackHistory
from bot.adapters.slack_http import SlackHook
from bot.adapters.slack_install import SlackInstalling
from bot.adapters.slack_installed import Installed, NotKept
from bot.adapters.slack_socket import SlackSocket
from bot.adapters.slack_workspace import SlackWorkspace
from bot.adapters.slack_workspaces import SlackWorkspaces
from bot.answerer import Suggestion
from knowledge.images import Pictures
from knowledge.thread import Thread

log = logging.getLogger("earshot.slack")
# At DEBUG bolt logs the whole of a request whose signature is wrong.
bolt_log = logging.getLogger("earshot.slack.bolt")
bolt_log.setLevel(logging.WARNING)
# Bolt warns that the token is ignored beside `authorize`; it is the same token.
bolt_log.addFilter(lambda record: "will be ignored" not in record.getMessage())

POST_INTERVAL = 1.05  # seconds; Slack allows about one post per second and channel
_WORKSPACE = "earshot_workspace"  # of a request, in its context
_BOT_TOKEN_REMEDY = "copy the token that starts with xoxb- from the app's page into SLACK_BOT_TOKEN"


class SlackAdapter:
    """The workspaces in which the app is installed: the one of ``bot_token`` ("": none), and those of ``installing``.

    Events come over Socket Mode, which ``app_token`` opens, or, with a ``hook``, over HTTP.
    """

    name = wire.NAME
    post_interval = POST_INTERVAL
    tells_edits = True
    has_command = True
    performs: frozenset[type[Act]] = frozenset(
        {Post, Say, Think, Delete, Draft, Edit, React, Whisper, Show, Ask, Home, Revise}
    )

    def __init__(
        self,
        bot_token: str,
        app_token: str,
        base_url: str,
        hook: SlackHook | None = None,
        installing: SlackInstalling | None = None,
        *,
        history: Regime = REGIMES["internal"],
    ) -> None:
        self._bot_token, self._base_url = bot_token, base_url
        self._door = hook or SlackSocket(app_token, base_url)
        self._installing = installing
        self._workspaces = SlackWorkspaces(base_url)
        self._regime = history
        self._histories: dict[str, SlackHistory] = {}  # by team
        self.fill: Fill = _no_draft

    @property
    def links(self) -> tuple[LinkState, ...]:
        return self._door.links

    @property
    def installed(self) -> Sequence[Installed]:
        """Where it is installed; known after check()."""
        return self._workspaces.installed

    @property
    def granted(self) -> frozenset[str]:
        """Scopes that every workspace grants; known after check()."""
        scopes = [one.scopes for one in self.installed]
        return frozenset.intersection(*scopes) if scopes else wire.SCOPES | wire.OPTIONAL_SCOPES

    def parse(self, payload: Payload) -> Event:
        if (gone := wire.uninstalled(payload)) is not None:
            return gone
        known = cards.parse(payload)
        if known is not None:
            return known
        team = str(payload.get("team_id") or (payload.get("team") or {}).get("id"))
        workspace = self._workspaces.at(team)
        if workspace is None:
            return Ignored(why=f"Earshot is not installed in {team} any more")
        return channels.parse(payload, workspace.me) or wire.parse(payload, workspace.me)

    # ---- start and stop

    async def check(self) -> None:
        """Fail fast on bad tokens and missing scopes: the clients would retry for ever. Raises StartFailed.

        What was installed by OAuth is not asked about: one bad workspace must not keep the others waiting.
        """
        if self._bot_token:
            self._workspaces.join(await self._own())
        if self._installing is not None:
            try:
                kept = await self._installing.store.all()
            except NotKept as error:
                raise StartFailed(f"where Slack's app is installed is not known: {error}") from error
            for installed in kept:
                self._workspaces.join(installed)
        await self._door.check()

    async def _own(self) -> Installed:
        """The installation whose token the environment gives. Raises StartFailed."""
        client = client_of(self._bot_token, self._base_url)
        answer = await asked(
            "SLACK_BOT_TOKEN", client.auth_test(), self._base_url, lambda _: _BOT_TOKEN_REMEDY
        )
        granted = scopes_of(answer)
        if missing := sorted(wire.SCOPES - granted):
            raise StartFailed(
                f"Slack: the bot token lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
                "add them under OAuth & Permissions (or paste manifest.json again) and reinstall the app"
            )
        if answer.get(
            "is_enterprise_install"
        ):  # which of its workspaces are served would be forgotten by a restart
            raise StartFailed(
                "Slack: SLACK_BOT_TOKEN is of a whole organisation; install it by OAuth instead (docs/slack.md)"
            )
        return Installed(
            id=f"{wire.NAME}:{answer['team_id']}",
            name=str(answer.get("team") or answer["team_id"]),
            user=answer["user_id"],
            bot=answer.get("bot_id"),
            url=answer["url"],
            scopes=granted,
            installed_at=datetime.now(UTC),
            token=self._bot_token,
        )

    async def examine(self) -> Mapping[str, frozenset[str] | str]:
        """What Slack says now of each installation, by id: the scopes that it granted, or why it refuses the token."""
        found: dict[str, frozenset[str] | str] = {}
        for one in self.installed:
            try:
                found[one.id] = scopes_of(await read(client_of(one.token, self._base_url).auth_test()))
            except LookupFailed as error:
                found[one.id] = str(error)
        return found

    async def listen(self, emit: Emit) -> None:
        await self.check()
        if self._installing is not None:
            await self._installing.open(self._arrived)
        if not self.installed:
            log.warning("Earshot is installed in no Slack workspace yet; open /slack/install")
        await self._door.open(self._dispatcher(emit))

    async def _arrived(self, installed: Installed) -> None:
        self._workspaces.join(installed)

    def _dispatcher(self, emit: Emit) -> AsyncApp:
        # Bolt would ask auth.test again for every event that waits when the first one arrives.
        async def authorize(context: AsyncBoltContext, enterprise_id: str | None) -> AuthorizeResult:
            workspace: SlackWorkspace = context[_WORKSPACE]
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=workspace.me.team,
                bot_token=workspace.client.token,
                bot_id=workspace.me.bot,
                bot_user_id=workspace.me.user,
            )

        app = AsyncApp(
            client=client_of(None, self._base_url),
            signing_secret=self._door.signing_secret,
            authorize=authorize,
            before_authorize=self._take_in(emit),
            # An own filter stands in parse: bolt's would also hide that somebody deleted our answer.
            ignoring_self_events_enabled=False,
            logger=bolt_log,
        )
        # Without a listener an event is never acknowledged and comes again; all work is in the inbox already.
        app.event(re.compile(".*"))(_nothing)
        # A form must be opened within three seconds of the click: the inbox would be too late.
        app.action(cards.CORRECT_ACTION)(self._open_correction)
        app.action(cards.REWORD_ACTION)(self._open_rewording)
        for kind in (app.action, app.shortcut, app.view, app.view_closed, app.options, app.command):
            kind(re.compile(".*"))(_acknowledge)
        return app

    def _take_in(self, emit: Emit) -> Callable[..., Awaitable[BoltResponse]]:
        """The inbox insert, before bolt's own authorisation: that one acknowledges events it then drops."""

        async def take_in(req: AsyncBoltRequest, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
            if not wire.homes(req.body):
                return await next()  # of no workspace: Slack asks for the challenge
            if req.body.get("type") == "app_rate_limited":
                log.warning(
                    "Slack withholds events of %s: there are more than 30 000 an hour", req.body["team_id"]
                )
                return BoltResponse(status=200, body="")
            home = await self._home_of(req.body)
            if home is None:
                log.info("ignored, as Earshot is not installed in %s", " or ".join(wire.homes(req.body)))
                return BoltResponse(status=200, body="")
            req.body = wire.homed(req.body, home.me.team)
            req.context[_WORKSPACE] = home
            arrival = cards.arrival_of(req.body, datetime.now(UTC)) or wire.arrival_of(req.body)
            if arrival is not None:
                self._door.heard()
                for channel in channels.touched(arrival.payload):
                    home.drop_kept(channel)
                # If it raises, bolt answers 500, nothing is acknowledged, and Slack delivers again.
                await emit(arrival)
            return await next()

        return take_in

    async def _home_of(self, body: Payload) -> SlackWorkspace | None:
        """Where a delivery belongs, perhaps in a new team of an organisation; None if we are not installed there."""
        new = self._workspaces.new_team(body)
        if new is not None:
            installed, team = new
            if self._installing is not None:
                await self._installing.store.heard_of(installed, team)
            self._workspaces.join_team(installed, team)
        return self._workspaces.home_of(body)

    async def _open_correction(self, ack: Callable[[], Awaitable[None]], body: Payload) -> None:
        await ack()
        workspace = self._workspaces.at(str(body["team"]["id"]))
        form = cards.correction_form(str(body["actions"][0]["value"]))
        if workspace is None:
            return
        try:
            await workspace.client.views_open(trigger_id=body["trigger_id"], view=form)
        except NETWORK as error:
            log.warning("the form for the right answer could not be opened: %s", error)

    async def _open_rewording(self, ack: Callable[[], Awaitable[None]], body: Payload) -> None:
        """Who may not, or comes too late, is told so by whoever handles the click; to him nothing opens."""
        await ack()
        workspace = self._workspaces.at(str(body["team"]["id"]))
        try:
            draft = await self.fill(*cards.clicked_on(body))
            if draft is not None and workspace is not None:
                await workspace.open_rewording(body, draft)
        except NETWORK as error:
            log.warning("the form to edit a draft could not be opened: %s", error)

    def leave(self, installation: str) -> None:
        self._workspaces.leave(installation.removeprefix(f"{wire.NAME}:"))

    async def close(self) -> None:
        if self._installing is not None:
            await self._installing.close()
        await self._door.close()

    # ---- in the workspace that it is about

    async def perform(self, act: Act) -> Receipt:
        return await self._for_acts(act.channel).perform(act)

    async def begin_stream(self, post: Post, user: str) -> Receipt:
        return await self._for_acts(post.channel).begin_stream(post, user)

    async def find_streams(self, post: Post, since: datetime) -> Sequence[Receipt]:
        return await self._workspaces.named(post.channel).find_streams(post, since)

    async def finish_stream(self, post: Post, message_id: str, *, again: bool) -> Receipt:
        return await self._for_acts(post.channel).finish_stream(post, message_id, again=again)

    def parts(self, post: Post) -> Sequence[Post]:
        return wire.parts(post)

    async def find_post(self, act: Post | Say | Draft | Show) -> Receipt | None:
        return await self._for_acts(act.channel).find_post(act)

    def _for_acts(self, place: str) -> SlackWorkspace:
        try:
            return self._workspaces.named(place)
        except LookupFailed as error:
            raise ActRefused(str(error)) from error

    async def fetch(self, channel: Channel, thread: str) -> Sequence[Heard]:
        return await self._workspaces.named(channel.id).fetch(channel, thread)

    def _history(self, place: str) -> SlackHistory:
        workspace = self._workspaces.named(place)
        known = self._histories.get(workspace.me.team)
        if known is None or known.workspace is not workspace:
            known = self._histories[workspace.me.team] = SlackHistory(workspace, self._regime)
        return known

    async def channels(self) -> Sequence[Channel]:
        teams = [f"{wire.NAME}:{team}/" for team in self._workspaces.teams]
        return [channel for team in teams for channel in await self._history(team).channels()]

    async def history(
        self, channel: Channel, since: datetime, *, thread: str | None = None, cursor: str | None = None
    ) -> AsyncIterator[Page]:
        read = self._history(channel.id)
        if thread is not None:
            yield await read.thread(channel, thread)
            return
        async for page in read.top_level(channel, since, cursor):
            yield page

    async def reread(self, message_ids: Sequence[str]) -> Mapping[str, str | None]:
        del message_ids
        return {}  # Slack tells of every edit

    async def place(self, given: str) -> Channel | None:
        return await self._workspaces.place(given)

    async def describe(self, channel: Channel) -> Channel:
        return await self._workspaces.named(channel.id).describe(channel)

    async def message_of(self, link: str, asked_in: str) -> str:
        del asked_in
        return link  # what was heard is known by its link

    async def people(self, ref: str) -> Sequence[Person]:
        return await self._workspaces.people(ref)

    async def members(self, channel: str) -> frozenset[str]:
        return await self._workspaces.named(channel).members(channel)

    async def load(self, thread: Thread, *, read: bool) -> Pictures:
        """The pictures of a thread, as ``knowledge.images.Images`` says."""
        workspace = self._workspaces.at(thread.channel)
        return Pictures() if workspace is None else await workspace.pictures.load(thread, read=read)


async def _no_draft(suggestion_id: str, user: str) -> Suggestion | None:
    """As long as nobody says what the drafts are."""
    del suggestion_id, user
    return None


async def _nothing() -> None:
    """Everything was done when the event was taken in."""


async def _acknowledge(ack: Callable[[], Awaitable[None]]) -> None:
    await ack()

"""A strict Slack on loopback: the Web API and Socket Mode in a thread, and the people who use it."""

import asyncio
import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from aiohttp import web

from . import people, shapes
from .arguments import DEFAULT_SCOPES, event_scopes
from .faults import Fault
from .http_events import HttpEvents
from .interactive import Interactions
from .methods import Methods
from .oauth import OAuth
from .people import Said
from .responses import ResponseUrls
from .socket_mode import Ack, Delivery, RetrySchedule, SocketMode
from .state import Channel, Ephemeral, Group, Identity, Kind, Message, User, Workspace
from .thread import LoopThread
from .web_api import PostLimit, Request, WebApi

Json = dict[str, Any]

# Like Slack's, but a test can wait for it; the last retry still finds a process that had to restart.
QUICK_SCHEDULE = RetrySchedule(within=0.3, pauses=(0.0, 2.0, 20.0))
# As long as Slack's, for tests in which nothing is to come twice however slow the machine is.
PATIENT_SCHEDULE = RetrySchedule(within=3.0, pauses=(0.0, 2.0, 20.0))
POLL = 0.002  # seconds between two looks of a wait


class LocalSlack:
    """A workspace with one installed app, on 127.0.0.1, for as long as the ``with`` block lasts.

    The methods act as people do and may be called from any thread or task; they return when the change is
    made and its event is on its way. ``violations`` lists what the bot did that Slack forbids or that loses
    data: a test ends with ``assert slack.violations == []``.
    ``faults["chat.postMessage"].append(Http429(2))`` makes the next call fail.

    ``schedule``: how long an event waits for its acknowledgement, and when it comes again. ``hold``: while no
    socket is open, events wait for one instead. ``post_interval``: seconds between two posts to a channel.
    ``clock``: seconds since 1970, for the ts of messages.
    """

    def __init__(
        self,
        *,
        scopes: Iterable[str] = DEFAULT_SCOPES,
        schedule: RetrySchedule = QUICK_SCHEDULE,
        answer_within: float = 3.0,
        post_interval: float = 1.0,
        hold: bool = False,
        clock: Callable[[], float] = time.time,
        identity: Identity | None = None,
    ) -> None:
        self.identity = identity or Identity()
        self.violations: list[str] = []
        self.events: list[Json] = []
        self.files: dict[str, bytes] = {}
        self.files_asked: list[str] = []
        self.lossy = False  # while set, events are lost: nobody is told of what happens
        self.port = 0
        self.workspace = Workspace(self.identity, clock, self._publish)
        self._socket_mode = SocketMode(self.identity.app, schedule, answer_within, self.violations.append)
        self._socket_mode.hold = hold
        self._http: HttpEvents | None = None
        self._methods = Methods(self.workspace, lambda: self._web_api.scopes, time.monotonic)
        self._web_api = WebApi(self._methods, PostLimit(post_interval), self.violations.append)
        self._web_api.scopes = tuple(scopes)
        self._web_api.open_socket = self._socket_url
        self._responses = ResponseUrls(self.workspace, self._methods, self.violations.append)
        self._interactions = Interactions(self.workspace, self._methods, self._responses, lambda: self.url)
        self._thread = LoopThread(self._serve, "local-slack")
        self._call = self._thread.call

    # Life

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop()

    async def _serve(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        app = web.Application(client_max_size=8 * 1024**2)
        app.router.add_route("*", "/api/{method}", self._web_api.handle)
        app.router.add_post("/response/{id}", self._responses.handle)
        app.router.add_get("/link/", self._socket_mode.serve)
        app.router.add_get("/files/{name}", self._file)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        ready()
        await stopping.wait()
        self._socket_mode.stop()
        if self._http is not None:
            await self._http.stop()
        await runner.cleanup()

    async def _file(self, http: web.Request) -> web.Response:
        """A file, to who may read files; else the page to sign in at, as Slack does it."""
        name = http.match_info["name"]
        allowed = (
            http.headers.get("authorization") == f"Bearer {self.bot_token}" and "files:read" in self.scopes
        )
        self.files_asked.append(name)
        if not allowed or name not in self.files:
            return web.Response(text="<html>Sign in</html>", content_type="text/html")
        return web.Response(body=self.files[name], content_type="application/octet-stream")

    def add_file(self, name: str, content: bytes, mimetype: str = "image/png") -> Json:
        """A file that was uploaded, for ``files`` of a message."""
        self.files[name] = content
        about = {"id": f"F{len(self.files):08d}", "name": name, "mimetype": mimetype, "size": len(content)}
        return {**about, "url_private": f"{self.url}/files/{name}"}

    # Addresses and keys

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """For ``WebClient(base_url=…)`` and ``slack.base_url`` in config.yaml."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        return self._web_api.bot_token

    @bot_token.setter
    def bot_token(self, token: str) -> None:
        self._web_api.bot_token = token

    @property
    def app_token(self) -> str:
        return self._web_api.app_token

    @app_token.setter
    def app_token(self, token: str) -> None:
        self._web_api.app_token = token

    @property
    def scopes(self) -> tuple[str, ...]:
        return self._web_api.scopes

    @scopes.setter
    def scopes(self, scopes: Iterable[str]) -> None:
        self._web_api.scopes = tuple(scopes)

    # Over HTTP

    def post_events_to(self, url: str, secret: str) -> Delivery:
        """Post everything to ``url`` from now on, signed, in place of Socket Mode. Returns the question for the
        challenge with which Slack begins."""
        return self._call(lambda: self._turn_to_http(url, secret).ask_for_challenge())

    def _turn_to_http(self, url: str, secret: str) -> HttpEvents:
        socket = self._socket_mode
        if self._http is None:
            self._http = HttpEvents(socket.schedule, socket.answer_within, self.violations.append)
        self._http.url, self._http.secret = url, secret
        return self._http

    @property
    def http_answers(self) -> list[tuple[str | None, int]]:
        """The status of every answer over HTTP, with its event_id; 0 where none came in time."""
        http = self._http
        return [] if http is None else self._call(lambda: list(http.answers))

    @property
    def _courier(self) -> SocketMode | HttpEvents:
        return self._http or self._socket_mode

    # Installing

    @property
    def oauth(self) -> OAuth:
        """The app's credentials, redirect URLs and grants."""
        return self._web_api.oauth

    def play(self, other: "LocalSlack") -> None:
        """Answer calls for ``other``'s workspace as it does: one Slack with one app in two workspaces."""
        self._call(lambda: self._web_api.elsewhere.update({other.identity.team: other.url}))
        other._call(lambda: other.workspace.count_from(len(self._web_api.elsewhere) * 1_000_000))

    def relay(self, payload: Json) -> None:
        """Send an event of a workspace that this server plays, over the one connection of the app."""
        self._call(lambda: self._courier.deliver("events_api", payload, event=payload["event_id"]))

    def agree(self, asked: str, identity: Identity | None = None) -> str:
        """Somebody allows what the address ``asked`` for, in this workspace or another. Where the browser goes then."""
        return self._call(lambda: self.oauth.agree(asked, identity or self.identity))

    # The place

    def add_user(
        self,
        id: str,
        name: str,
        *,
        real_name: str = "",
        team: str | None = None,
        tz: str = "Europe/Berlin",
        title: str = "",
        email: str = "",
        is_bot: bool = False,
        is_admin: bool = False,
        guest: bool = False,
        one_channel: bool = False,
    ) -> str:
        """A person (``is_bot``: another app's user). ``team``: if it is another company's (Slack Connect).

        ``guest`` of several channels, or of ``one_channel``.
        """
        user = User(
            id=id,
            name=name,
            real_name=real_name or name.title(),
            team=team or self.identity.team,
            tz=tz,
            title=title,
            email=email,
            is_bot=is_bot,
            is_admin=is_admin,
            is_restricted=guest,
            is_ultra_restricted=one_channel,
        )
        self._call(lambda: self.workspace.add_user(user))
        return id

    def put_group(self, id: str, handle: str, users: Iterable[str], *, enabled: bool = True) -> str:
        """A user group, new or with other members than before."""
        group = Group(id=id, handle=handle, users=list(users), enabled=enabled)
        self._call(lambda: self.workspace.put_group(group))
        return id

    def add_channel(
        self,
        id: str,
        name: str,
        *,
        kind: Kind | str = Kind.PUBLIC,
        members: Iterable[str] = (),
        with_bot: bool = True,
        external: bool = False,
        archived: bool = False,
    ) -> str:
        """A channel: public, private, im or mpim. The bot hears it only ``with_bot`` (or once it joins)."""
        present = [*members, *([self.identity.bot_user] if with_bot else [])]
        channel = Channel(id=id, name=name, kind=Kind(kind), members=present)
        channel.external, channel.archived = external, archived
        self._call(lambda: self.workspace.add_channel(channel))
        return id

    def dm(self, user: str) -> str:
        """The id of the direct messages between ``user`` and the bot."""
        return self._call(lambda: self.workspace.dm([user]).id)

    # What people say

    def post(self, channel: str, user: str | None, text: str, **more: Any) -> str:
        """Say something; ``more`` as in ``Said``. Returns the ts."""
        return self.post_many([Said(channel=channel, user=user, text=text, **more)])[0]

    def post_many(self, said: Iterable[Said]) -> list[str]:
        """Say many things at once. Returns their ts, in order."""
        everything = list(said)
        return self._call(lambda: [people.say(self.workspace, one).ts for one in everything])

    def post_twice(self, channel: str, user: str, text: str, **more: Any) -> str:
        """Say something once, and have Slack send it as two events with different ids."""
        return self._call(lambda: self._say_twice(Said(channel=channel, user=user, text=text, **more)))

    def edit(self, channel: str, ts: str, text: str, *, raw: bool = False) -> None:
        """The author changes the text."""
        self._call(lambda: people.edit(self.workspace, self.workspace.message(channel, ts), text, raw=raw))

    def unfurl(self, channel: str, ts: str, *attachments: Json) -> None:
        """Slack adds link previews: a change without a change of the text."""
        changes = {"attachments": list(attachments)}
        self._call(lambda: self.workspace.edit(self.workspace.message(channel, ts), by=None, changes=changes))

    def delete(self, channel: str, ts: str) -> None:
        """Somebody deletes a message (an admin may delete the bot's)."""
        self._call(lambda: self.workspace.delete(self.workspace.message(channel, ts)))

    def react(self, channel: str, ts: str, user: str, name: str, *, at: str | None = None) -> None:
        self._call(lambda: self.workspace.react(self.workspace.message(channel, ts), user, name, at))

    def unreact(self, channel: str, ts: str, user: str, name: str, *, at: str | None = None) -> None:
        self._call(lambda: self.workspace.unreact(self.workspace.message(channel, ts), user, name, at))

    def join(self, channel: str, user: str, *, inviter: str | None = None) -> None:
        """Somebody joins, or invites the bot."""
        self._call(lambda: self.workspace.join(self.workspace.channel(channel), user, inviter))

    def leave(self, channel: str, user: str) -> None:
        """Somebody leaves, or is taken out; the bot, too."""
        self._call(lambda: self.workspace.leave(self.workspace.channel(channel), user))

    def open_home(self, user: str, *, tab: str = "home") -> str:
        """Somebody opens the app: its home tab, or the ``messages`` with it. Returns the event_id."""
        inner = {"type": "app_home_opened", "user": user, "channel": self.dm(user), "tab": tab}
        shown = self.homes(user) if tab == "home" else []
        return self.event(inner | ({"view": shown[-1]} if shown else {}))

    def archive(self, channel: str, *, by: str = "U0ADMIN001") -> None:
        self._call(lambda: self.workspace.archive(self.workspace.channel(channel), by))

    def unarchive(self, channel: str, *, by: str = "U0ADMIN001") -> None:
        self._call(lambda: self.workspace.unarchive(self.workspace.channel(channel), by))

    def remove(self, channel: str) -> None:
        """Delete a channel."""
        self._call(lambda: self.workspace.remove(self.workspace.channel(channel)))

    def rename(self, channel: str, name: str) -> None:
        self._call(lambda: self.workspace.rename(self.workspace.channel(channel), name))

    def renumber(self, channel: str, new: str) -> None:
        """Give a channel another id."""
        self._call(lambda: self.workspace.renumber(self.workspace.channel(channel), new))

    def share(self, channel: str, *, team: str = "T0OTHER001", shared: bool = True) -> None:
        """Share a channel with another company, or no longer."""
        self._call(lambda: self.workspace.share(self.workspace.channel(channel), team, shared=shared))

    def event(self, inner: Json, *, external: bool = False, outer: Json | None = None) -> str:
        """Send any inner event, whatever the scopes; ``outer``: fields around it, in place of its own. Returns the
        event_id."""
        return self._call(
            lambda: self._send({"event_ts": self.workspace.stamp()} | inner, external, outer or {})
        )

    def _say_twice(self, said: Said) -> str:
        first = len(self.events)
        message = people.say(self.workspace, said)
        for payload in self.events[first:]:
            self._send(payload["event"], payload["is_ext_shared_channel"])
        return message.ts

    def rate_limit_events(self) -> None:
        """Tell the app that events were withheld. No acknowledgement is expected."""
        self._call(self._send_rate_limited)

    def lift_post_limit(self) -> None:
        """From now on posts may follow each other at once: for tests of something else than the pace."""
        self._call(self._web_api.lift_post_limit)

    # What people press

    def click(self, channel: str, ts: str, user: str, action_id: str, value: str | None = None) -> Delivery:
        """Press a button (or a thumb of feedback buttons, by its ``value``), on an ephemeral message too."""
        return self._call(
            lambda: self._interact(self._interactions.click(channel, ts, user, action_id, value))
        )

    def click_at_home(self, user: str, action_id: str, value: str | None = None) -> Delivery:
        """Press a button on the app's home tab, as ``user`` sees it now."""
        view = self.home(user)
        return self._call(
            lambda: self._interact(self._interactions.click_in_view(view["id"], user, action_id, value))
        )

    def close_view(self, view_id: str) -> Delivery:
        """Close a form that asked to be told (``notify_on_close``)."""
        return self._call(lambda: self._interact(self._interactions.close(view_id)))

    def submit(self, view_id: str, values: Mapping[str, str]) -> Delivery:
        """Send a form, with what was filled in by action_id."""
        return self._call(lambda: self._interact(self._interactions.submit(view_id, values)))

    def shortcut(self, callback_id: str, user: str) -> Delivery:
        """Use a global shortcut."""
        return self._call(lambda: self._interact(self._interactions.shortcut(callback_id, user)))

    def message_shortcut(self, callback_id: str, channel: str, ts: str, user: str) -> Delivery:
        """Use a shortcut on a message."""
        made = self._interactions.message_shortcut
        return self._call(lambda: self._interact(made(callback_id, channel, ts, user)))

    def command(self, name: str, text: str, channel: str, user: str) -> Delivery:
        """Use a slash command, such as ``/earshot``."""
        made = self._interactions.command
        return self._call(lambda: self._interact(made(name, text, channel, user), "slash_commands"))

    def _interact(self, payload: Json, kind: str = "interactive") -> Delivery:
        return self._courier.deliver(kind, payload, event=None)

    # Events

    def _publish(self, inner: Json, channel: Channel) -> None:
        """Send the event if the app may have it: it is in the channel and has the scope."""
        scopes = event_scopes(inner["type"], channel.kind.channel_type)
        if self.lossy:
            return
        if self.identity.bot_user in channel.members and (not scopes or set(scopes) & set(self.scopes)):
            self._send(inner, channel.external)

    def _send(self, inner: Json, external: bool, outer: Json | None = None) -> str:
        event_id = self.workspace.serial("Ev")
        payload = shapes.callback(self.workspace, inner, event_id=event_id, external=external) | (outer or {})
        self.events.append(payload)
        self._courier.deliver("events_api", payload, event=event_id)
        return event_id

    def _send_rate_limited(self) -> None:
        payload = shapes.app_rate_limited(self.workspace)
        self._courier.deliver("events_api", payload, event=None, expects_ack=False)

    def _socket_url(self) -> str:
        ticket = self._socket_mode.ticket()
        return f"ws://127.0.0.1:{self.port}/link/?ticket={ticket}&app_id={self.identity.app}"

    def event_ids(self, channel: str, ts: str) -> list[str]:
        """The ids of the ``message`` events that announced a message."""
        found = [payload for payload in list(self.events) if payload["event"].get("ts") == ts]
        found = [payload for payload in found if payload["event"].get("channel") == channel]
        return [payload["event_id"] for payload in found if payload["event"]["type"] == "message"]

    # Faults

    @property
    def faults(self) -> defaultdict[str, list[Fault]]:
        """By method, what is done to its next calls, first come first; ``Pass()`` leaves one alone."""
        return self._web_api.faults

    @property
    def hold(self) -> bool:
        return self._socket_mode.hold

    @hold.setter
    def hold(self, hold: bool) -> None:
        self._socket_mode.hold = hold

    def redeliver(self, event_id: str, *, reason: str = "timeout") -> None:
        """Send an event again under the same event_id, although it may be acknowledged."""
        self._call(lambda: self._courier.resend(self._delivery(event_id), reason=reason))

    def refresh(self, reason: str = "refresh_requested") -> None:
        """Ask the clients to reconnect, after what is queued already; the old sockets work a little on."""
        self._call(lambda: self._socket_mode.refresh(reason))

    def cut(self) -> None:
        """Reset all sockets without a word."""
        self._call(self._socket_mode.cut)

    def go_deaf(self) -> None:
        """Half-open: the sockets stay, and nothing comes or goes on them any more."""
        self._call(self._socket_mode.go_deaf)

    def refuse(self, seconds: float) -> None:
        """Cut all sockets and let none in for ``seconds``."""
        self._socket_mode.refuse_until = time.monotonic() + seconds
        self.cut()

    def forgive(self, word: str) -> list[str]:
        """Take out of the list the violations that contain ``word``: those a test provokes on purpose."""
        forgiven = [violation for violation in self.violations if word in violation]
        for violation in forgiven:
            self.violations.remove(violation)
        return forgiven

    def _delivery(self, event_id: str) -> Delivery:
        for delivery in self._courier.deliveries:
            if delivery.event == event_id:
                return delivery
        raise KeyError(f"no event {event_id!r} was sent")

    # Records

    @property
    def requests(self) -> list[Request]:
        """All calls, in order of arrival."""
        return self._call(lambda: list(self._web_api.requests))

    def calls(self, method: str) -> list[Request]:
        return [request for request in self.requests if request.method == method]

    @property
    def acks(self) -> list[Ack]:
        return self._call(lambda: list(self._courier.acks))

    @property
    def deliveries(self) -> list[Delivery]:
        return self._call(lambda: list(self._courier.deliveries))

    @property
    def ephemerals(self) -> list[Ephemeral]:
        return self._call(lambda: [dataclasses.replace(one) for one in self.workspace.ephemerals])

    @property
    def statuses(self) -> list[Json]:
        """The calls of assistant.threads.setStatus."""
        return self._call(lambda: list(self.workspace.statuses))

    @property
    def views(self) -> list[Json]:
        """The opened and published views, oldest first."""
        return self._call(lambda: [view.content for view in self._methods.views.values()])

    def homes(self, user: str) -> list[Json]:
        """What was published on the home tab of ``user``, oldest first."""
        views = self._call(lambda: [view for view in self._methods.views.values() if view.user == user])
        return [view.content for view in views if view.content["type"] == "home"]

    def home(self, user: str) -> Json:
        """The home tab as ``user`` sees it. Raises ``LookupError`` if nothing was published there."""
        return self.homes(user)[-1]

    def posts(self, channel: str | None = None) -> list[Message]:
        """Everything the bot posted, in order, as it stands now (``deleted`` if it is gone)."""
        posted = self._call(lambda: [dataclasses.replace(one) for one in self.workspace.bot_posts])
        return [message for message in posted if channel in (None, message.channel)]

    def bot_replies(self, thread_ts: str) -> list[Message]:
        """The bot's posts in a thread that are still there."""
        return [message for message in self.posts() if message.thread_ts == thread_ts and not message.deleted]

    def message(self, channel: str, ts: str) -> Message:
        return self._call(lambda: dataclasses.replace(self.workspace.message(channel, ts)))

    def permalink(self, channel: str, ts: str) -> str:
        return self._call(lambda: self.workspace.permalink(channel, ts))

    @property
    def sockets_opened(self) -> int:
        """How many connections there were so far."""
        return self._socket_mode.opened

    # Waiting

    def connected(self) -> bool:
        return self._http is not None or bool(self._socket_mode.connections)

    def all_acked(self) -> bool:
        """Whether every payload so far is acknowledged (or given up)."""
        return not self._call(self._courier.unanswered)

    def wait_for(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:
        """Block until ``predicate()``. In an async test the bot needs the loop: ``await until(…)`` there."""
        if _in_event_loop():
            raise RuntimeError("wait_for would block the event loop; use `await slack.until(...)`")
        deadline = time.monotonic() + timeout
        while not predicate():
            self._check(deadline, timeout)
            time.sleep(POLL)

    async def until(self, predicate: Callable[[], bool], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """As ``wait_for``, for async tests."""
        deadline = time.monotonic() + timeout
        while not predicate():
            self._check(deadline, timeout)
            await asyncio.sleep(POLL)

    def wait_connected(self, timeout: float = 10.0) -> None:
        self.wait_for(self.connected, timeout)

    def wait_all_acked(self, timeout: float = 10.0) -> None:
        self.wait_for(self.all_acked, timeout)

    def _check(self, deadline: float, timeout: float) -> None:
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s; {self.report()}")

    def report(self) -> str:
        """What is going on, for the message of a failed wait."""
        unanswered = self._call(self._courier.unanswered)
        calls = [f"{request.method} -> {request.answer}"[:200] for request in self.requests[-8:]]
        lines = [
            f"sockets: {len(self._socket_mode.connections)} open, {self.sockets_opened} ever",
            f"unacknowledged: {len(unanswered)} {[one.event or one.kind for one in unanswered[:8]]}",
            f"violations: {self.violations}",
            "last calls: " + "\n    ".join(calls or ["none"]),
        ]
        return "\n  ".join(lines)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True

"""A strict Lark on loopback: the HTTP API and the long connection in a thread, and the people who use it."""

import asyncio
import copy
import dataclasses
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web

from tests.local_slack.thread import LoopThread

from . import cards
from .api import Api
from .faults import Fault
from .long_connection import Delivery, LongConnection, RetrySchedule
from .state import Chat, Message, Request, Said, User, World
from .webhook import sealed, signed

Json = dict[str, Any]
T = TypeVar("T")

# Like Lark's, but a test can wait for it; the last retry still finds a process that had to restart.
QUICK_SCHEDULE = RetrySchedule(within=0.5, pauses=(0.3, 1.0, 3.0, 20.0))
POLL = 0.002


class LocalLark:
    """A tenant with one app, on 127.0.0.1, for as long as the ``with`` block lasts.

    The methods act as people do and may be called from any thread or task; they return when the change is made
    and its event is on its way. ``violations`` lists what the bot did that Lark forbids or that loses data: a
    test ends with ``assert lark.violations == []``. ``faults["message.reply"].append(Limited(2))`` makes the next
    call fail. ``ping_interval``: seconds, as the endpoint tells the client.
    """

    def __init__(
        self,
        *,
        app_id: str = "cli_a1b2c3d4",
        app_secret: str = "a secret",
        schedule: RetrySchedule = QUICK_SCHEDULE,
        ping_interval: int = 120,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app_id, self.app_secret = app_id, app_secret
        self.bot = f"ou_bot{app_id[-4:]}"
        self.violations: list[str] = []
        self.port = 0
        self.world = World(app_id, self.bot, clock)
        self.api = Api(self.world, app_secret, self.violations.append)
        self.link = LongConnection(schedule, ping_interval, self.violations.append)
        self.api.open_endpoint = lambda: self.link.endpoint(self.port)
        self.lossy = False  # while set, events are lost: nobody is told of what is said
        self._thread = LoopThread(self._serve, "local-lark")
        self._call = self._thread.call

    # Life

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.stop()

    async def _serve(self, ready: Callable[[], None], stopping: asyncio.Event) -> None:
        app = web.Application(client_max_size=8 * 1024**2)
        app.router.add_get("/ws", self.link.serve)
        app.router.add_route("*", "/{path:.*}", self.api.handle)
        # A handler that hangs on purpose must not hold up the end of a test.
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        ready()
        await stopping.wait()
        self.link.stop()
        await runner.cleanup()

    @property
    def url(self) -> str:
        """For ``lark.domain``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def faults(self) -> dict[str, list[Fault]]:
        return self.api.faults

    # The place

    def add_user(self, id: str, name: str, *, email: str | None = None, tenant: str = "tenant-1") -> str:
        user = User(id=id, name=name, email=email, tenant=tenant)
        self._call(lambda: self.world.users.update({id: user}))
        return id

    def add_chat(
        self,
        id: str,
        name: str,
        *,
        mode: str = "group",
        kind: str = "private",
        members: Iterable[str] = (),
        external: bool = False,
    ) -> str:
        chat = Chat(id=id, name=name, mode=mode, kind=kind, members=list(members), external=external)
        self._call(lambda: self.world.chats.update({id: chat}))
        return id

    def dm(self, user: str) -> str:
        """The id of the direct messages between a person and the bot."""
        return self._call(lambda: self.api.direct(user).id)

    def keep(self, key: str, content: bytes) -> str:
        """A picture that messages can hold under ``key``."""
        self._call(lambda: self.world.files.update({key: content}))
        return key

    def link_to_topic(self, message_id: str) -> str:
        """As the client gives it for the topic that a message is in."""
        message = self._call(lambda: self.world.messages[message_id])
        return self.world.link(message)

    # What people do

    def say(self, chat: str, user: str, text: str = "", **more: Any) -> str:
        """The message's id; ``more`` as in ``Said``."""
        return self._call(lambda: self._say(Said(chat=chat, user=user, text=text, **more)))

    def _say(self, said: Said) -> str:
        message = self.world.put(said)
        mine = said.user == self.world.app
        if not mine and not self.lossy:  # a bot's own messages are not pushed to it
            self.link.publish(self._wrap("im.message.receive_v1", self.world.event(message)))
        return message.id

    def said_before(self, chat: str, user: str, text: str, **more: Any) -> str:
        """As ``say``, while the bot was not there yet: no event tells of it."""
        return self._call(lambda: self.world.put(Said(chat=chat, user=user, text=text, **more)).id)

    def say_twice(self, chat: str, user: str, text: str) -> str:
        """One message under two event ids."""

        def say() -> str:
            message = self.world.put(Said(chat=chat, user=user, text=text))
            for _ in range(2):
                self.link.publish(self._wrap("im.message.receive_v1", self.world.event(message)))
            return message.id

        return self._call(say)

    def edit(self, message_id: str, text: str) -> None:
        """The author changes a text. Lark tells nobody."""

        def change() -> None:
            message = self.world.messages[message_id]
            message.content = self.world._content(Said(chat=message.chat, user=message.sender, text=text))
            message.edited, message.updated = True, self.world.now()

        self._call(change)

    def message_is_gone(self, message_id: str) -> None:
        """Recalled without an event, as while nobody listened."""
        self._call(lambda: setattr(self.world.messages[message_id], "deleted", True))

    def recall(self, message_id: str) -> None:
        def recall() -> None:
            message = self.world.messages[message_id]
            message.deleted = True
            event = {
                "message_id": message.id,
                "chat_id": message.chat,
                "recall_time": str(self.world.now()),
                "recall_type": "message_owner",
            }
            self.link.publish(self._wrap("im.message.recalled_v1", event))

        self._call(recall)

    def react(self, message_id: str, user: str, emoji: str) -> None:
        self._call(lambda: self._react(message_id, user, emoji, added=True))

    def unreact(self, message_id: str, user: str, emoji: str) -> None:
        self._call(lambda: self._react(message_id, user, emoji, added=False))

    def _react(self, message_id: str, user: str, emoji: str, *, added: bool) -> None:
        message = self.world.messages[message_id]
        held = [one for one in message.reactions if one[1:] == (user, emoji)]
        if added:
            message.reactions.append((self.world.serial("re_"), user, emoji))
        elif held:
            message.reactions.remove(held[0])
        # No chat_id: that is how Lark sends it.
        event = {
            "message_id": message.id,
            "reaction_type": {"emoji_type": emoji},
            "operator_type": "app" if user == self.world.app else "user",
            "user_id": {"open_id": user, "union_id": f"on_{user}", "user_id": ""},
            "action_time": str(self.world.now()),
        }
        kind = "created" if added else "deleted"
        self.link.publish(self._wrap(f"im.message.reaction.{kind}_v1", event))

    def click(
        self, message_id: str, user: str, label: str, form: Mapping[str, str | bool] | None = None
    ) -> Delivery:
        """Somebody presses the button that says ``label``; ``form``: what was written in the fields."""
        return self._call(lambda: self._click(message_id, user, label, form))

    def _click(
        self, message_id: str, user: str, label: str, form: Mapping[str, str | bool] | None
    ) -> Delivery:
        message = self.world.messages[message_id]
        [button] = [
            one
            for one in cards.walk(message.card)
            if one["tag"] == "button" and one["text"]["content"] == label
        ]
        [value] = [each["value"] for each in button["behaviors"] if each["type"] == "callback"]
        action: Json = {"tag": "button", "value": value, "timezone": "Europe/Berlin"}
        if "form_action_type" in button:
            [whole] = [
                one
                for one in cards.walk(message.card)
                if one["tag"] == "form" and button in cards.walk({"body": one})
            ]
            action |= {"name": button["name"], "form_value": cards.filled_in(whole, form or {})}
        event = {
            "operator": {
                "tenant_key": self.world.users[user].tenant,
                "open_id": user,
                "union_id": f"on_{user}",
            },
            "token": self.world.serial("c-"),
            "action": action,
            "host": "im_message",
            "context": {"open_message_id": message.id, "open_chat_id": message.chat},
        }
        return self.link.publish(self._wrap("card.action.trigger", event, micro=True))

    def choose(self, user: str, key: str) -> Delivery:
        """Somebody chooses an item of the bot's menu. No chat: that is how Lark sends it."""
        operator = {"operator_id": {"open_id": user, "union_id": f"on_{user}", "user_id": ""}}
        event = {"operator": operator, "event_key": key, "timestamp": int(time.time())}
        return self.event("application.bot.menu_v6", event)

    def disband(self, chat: str) -> None:
        def disband() -> None:
            self.world.chats[chat].disbanded = True
            self.link.publish(self._wrap("im.chat.disbanded_v1", self._about(chat)))

        self._call(disband)

    def add_bot(self, chat: str, by: str) -> None:
        """Somebody adds the bot to a group."""

        def add() -> None:
            self.world.chats[chat].with_bot = True
            self.link.publish(self._wrap("im.chat.member.bot.added_v1", self._about(chat, by)))

        self._call(add)

    def remove_bot(self, chat: str, by: str) -> None:
        def remove() -> None:
            self.world.chats[chat].with_bot = False
            self.link.publish(self._wrap("im.chat.member.bot.deleted_v1", self._about(chat, by)))

        self._call(remove)

    def leave(self, chat: str, user: str) -> None:
        """Somebody leaves a group."""

        def leave() -> None:
            self.world.chats[chat].members.remove(user)
            ids = {"open_id": user, "union_id": f"on_{user}", "user_id": ""}
            users = [{"name": self.world.users[user].name, "tenant_key": "tenant-1", "user_id": ids}]
            event = {**self._about(chat, user), "users": users}
            self.link.publish(self._wrap("im.chat.member.user.deleted_v1", event))

        self._call(leave)

    def rename(self, chat: str, name: str, by: str) -> None:
        def rename() -> None:
            about = self._about(chat, by)
            before, self.world.chats[chat].name = self.world.chats[chat].name, name
            change = {"before_change": {"name": before}, "after_change": {"name": name}}
            self.link.publish(self._wrap("im.chat.updated_v1", {**about, **change}))

        self._call(rename)

    def _about(self, chat: str, by: str | None = None) -> Json:
        """What all events about a group say."""
        known = self.world.chats[chat]
        operator = {} if by is None else {"open_id": by, "union_id": f"on_{by}", "user_id": ""}
        about = {"chat_id": chat, "operator_id": operator, "operator_tenant_key": "tenant-1"}
        return {**about, "external": known.external, "name": known.name, "i18n_names": {"en_us": known.name}}

    def event(self, event_type: str, event: Json) -> Delivery:
        """Any other event."""
        return self._call(lambda: self.link.publish(self._wrap(event_type, event)))

    def _wrap(self, event_type: str, event: Json, *, micro: bool = False) -> Json:
        """The envelope. A card's time is in microseconds, an event's in milliseconds."""
        header = {
            "event_id": self.world.serial("ev_"),
            "token": "a verification token",
            "create_time": str(self.world.now()) + ("000" if micro else ""),
            "event_type": event_type,
            "tenant_key": "tenant-1",
            "app_id": self.world.app,
        }
        return copy.deepcopy({"schema": "2.0", "header": header, "event": event})

    # Over HTTP

    def post_events_to(self, url: str, token: str, encrypt_key: str | None = None) -> None:
        """From now on events are posted there instead."""

        async def post(delivery: Delivery) -> None:
            body = copy.deepcopy(delivery.payload)
            body["header"]["token"] = token
            raw = json.dumps(body).encode() if encrypt_key is None else sealed(body, encrypt_key)
            headers = signed(raw, encrypt_key or "")
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(url, data=raw, headers=headers) as answer,
                ):
                    delivery.answers.append((answer.status, await answer.json()))
                    delivery.acked = delivery.acked or answer.status == 200
            except aiohttp.ClientError:
                return
            if delivery.acked:
                delivery.settled.set()

        self._call(lambda: setattr(self.link, "send", post))

    # The connection

    def redeliver(self, message_id: str) -> None:
        """Every event about a message comes once more."""

        def again() -> None:
            for delivery in self.link.deliveries.values():
                event = delivery.payload["event"]
                if message_id in (event.get("message_id"), event.get("message", {}).get("message_id")):
                    task = asyncio.get_running_loop().create_task(self.link.send(delivery))
                    self.link._tasks.add(task)
                    task.add_done_callback(self.link._tasks.discard)

        self._call(again)

    def cut(self) -> None:
        """The connection is gone, without a good-bye."""
        self._call(self.link.cut)

    def go_deaf(self) -> None:
        """The connections that are open stay, and nothing is answered on them any more: half-open."""
        self._call(lambda: self.link.deaf.extend(self.link.connections))

    def revoke_tokens(self) -> None:
        """All tokens given so far are invalid from now on."""
        self._call(self.api.valid.clear)

    def connected(self) -> bool:
        return bool(self.link.connections)

    def all_acked(self) -> bool:
        return not self._call(self.link.unanswered)

    # What the bot did

    @property
    def requests(self) -> list[Request]:
        return self._call(lambda: list(self.api.requests))

    def calls(self, name: str) -> list[Request]:
        return [request for request in self.requests if request.method == name]

    @property
    def deliveries(self) -> list[Delivery]:
        return self._call(lambda: list(self.link.deliveries.values()))

    def sent(self, chat: str | None = None) -> list[Message]:
        """All that the bot sent, in order, as it stands now (``deleted`` if it is gone)."""
        sent = self._call(lambda: [dataclasses.replace(one) for one in self.world.sent])
        return [message for message in sent if chat in (None, message.chat)]

    def replies(self, root: str) -> list[Message]:
        """The bot's answers to a message that are still there."""
        return [one for one in self.sent() if one.root == root and not one.deleted]

    def message(self, message_id: str) -> Message:
        return self._call(lambda: dataclasses.replace(self.world.messages[message_id]))

    # Waiting

    async def until(self, predicate: Callable[[], bool], timeout: float = 15.0) -> None:  # noqa: ASYNC109
        deadline = time.monotonic() + timeout
        while not predicate():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s; {self.report()}")
            await asyncio.sleep(POLL)

    def report(self) -> str:
        """What is going on, for the message of a failed wait."""
        waiting = self._call(self.link.unanswered)
        calls = [f"{request.method} {request.path}" for request in self.requests[-8:]]
        lines = [
            f"connections: {len(self.link.connections)} open, {self.link.opened} ever",
            f"unacknowledged: {[one.payload['header']['event_type'] for one in waiting]}",
            f"violations: {self.violations}",
            f"last calls: {calls}",
        ]
        return "\n  ".join(lines)

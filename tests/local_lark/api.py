"""The HTTP API: which calls there are, what they take and need, and what they do to the world."""

import asyncio
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from . import cards
from .faults import ApiError, DropAfterEffect, DropBefore, Fault, Hang, Http500, Limited, Pass
from .state import Chat, Message, Request, Said, World

Json = dict[str, Any]

PER_SECOND = 5  # messages to one group, by all bots in it together


class Refused(Exception):
    """The call is answered with ``code``. With ``violation`` it is the bot's mistake as well."""

    def __init__(self, code: int, msg: str, *, status: int = 400, violation: bool = False) -> None:
        super().__init__(msg)
        self.code, self.msg, self.status, self.violation = code, msg, status, violation


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One kind of call. ``scopes``: any one of them is enough. In ``query`` and ``body`` ``!`` marks the required."""

    name: str
    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: frozenset[str]
    scopes: tuple[str, ...]
    token: bool = True

    @property
    def required(self) -> set[str]:
        return {name[:-1] for name in self.query | self.body if name.endswith("!")}


# name, verb, path, query, body, scopes. From the pages of the API reference.
_TABLE = """
token            POST   /open-apis/auth/v3/tenant_access_token/internal - app_id!,app_secret! none
endpoint         POST   /callback/ws/endpoint - AppID!,AppSecret! none
bot.info         GET    /open-apis/bot/v3/info - - -
scopes           GET    /open-apis/application/v6/scopes - - -
application      GET    /open-apis/application/v6/applications/{app} lang!,user_id_type - application:application:self_manage|admin:app.info:readonly
message.create   POST   /open-apis/im/v1/messages receive_id_type! receive_id!,msg_type!,content!,uuid im:message|im:message:send_as_bot
message.reply    POST   /open-apis/im/v1/messages/{message}/reply - content!,msg_type!,reply_in_thread,uuid im:message|im:message:send_as_bot
message.patch    PATCH  /open-apis/im/v1/messages/{message} - content! im:message|im:message:send_as_bot|im:message:update
message.update   PUT    /open-apis/im/v1/messages/{message} - msg_type!,content! im:message|im:message:send_as_bot|im:message:update
message.delete   DELETE /open-apis/im/v1/messages/{message} - - im:message|im:message:send_as_bot|im:message:recall
message.get      GET    /open-apis/im/v1/messages/{message} user_id_type,card_msg_content_type - im:message|im:message:readonly
message.list     GET    /open-apis/im/v1/messages container_id_type!,container_id!,start_time,end_time,sort_type,page_size,page_token,card_msg_content_type - im:message|im:message:readonly
reaction.create  POST   /open-apis/im/v1/messages/{message}/reactions - reaction_type! im:message|im:message.reactions:write_only
reaction.delete  DELETE /open-apis/im/v1/messages/{message}/reactions/{reaction} - - im:message|im:message.reactions:write_only
reaction.list    GET    /open-apis/im/v1/messages/{message}/reactions reaction_type,page_size,page_token,user_id_type - im:message|im:message:readonly|im:message.reactions:read
resource.get     GET    /open-apis/im/v1/messages/{message}/resources/{file} type! - im:message|im:message:readonly|im:message.history:readonly
chat.get         GET    /open-apis/im/v1/chats/{chat} user_id_type - im:chat|im:chat:readonly|im:chat:read
chat.members     GET    /open-apis/im/v1/chats/{chat}/members member_id_type,page_size,page_token - im:chat|im:chat:readonly|im:chat.members:read
chat.list        GET    /open-apis/im/v1/chats user_id_type,sort_type,page_size,page_token - im:chat|im:chat:readonly|im:chat:read
ephemeral.send   POST   /open-apis/ephemeral/v1/send - chat_id!,open_id!,msg_type!,card! im:message|im:message:send_as_bot
ephemeral.delete POST   /open-apis/ephemeral/v1/delete - message_id! im:message|im:message:send_as_bot
user.get         GET    /open-apis/contact/v3/users/{user} user_id_type,department_id_type - contact:user.base:readonly|contact:contact:readonly_as_app
"""  # noqa: E501 -- a table is read across


def _call(line: str) -> Call:
    name, method, path, query, body, scopes = line.split()
    return Call(
        name=name,
        method=method,
        path=re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)),
        query=frozenset() if query == "-" else frozenset(query.split(",")),
        body=frozenset() if body == "-" else frozenset(body.split(",")),
        scopes=() if scopes in ("-", "none") else tuple(scopes.split("|")),
        token=scopes != "none",
    )


CALLS = [_call(line) for line in _TABLE.strip().splitlines()]

DEFAULT_SCOPES = (
    "contact:user.base:readonly",
    "im:chat:readonly",
    "im:message",
    "im:message.group_msg",
    "im:message.p2p_msg:readonly",
    "im:message.reactions:read",
)
EVENTS = (
    "application.bot.menu_v6",
    "im.chat.disbanded_v1",
    "im.chat.member.bot.added_v1",
    "im.chat.member.bot.deleted_v1",
    "im.chat.member.user.deleted_v1",
    "im.chat.member.user.withdrawn_v1",
    "im.chat.updated_v1",
    "im.message.reaction.created_v1",
    "im.message.reaction.deleted_v1",
    "im.message.recalled_v1",
    "im.message.receive_v1",
)


class Api:
    """Belongs to the server's event loop."""

    def __init__(self, world: World, secret: str, violate: Callable[[str], None]) -> None:
        self.world, self.secret, self._violate = world, secret, violate
        self.scopes: tuple[str, ...] = DEFAULT_SCOPES
        self.events: tuple[str, ...] = EVENTS
        self.callbacks: tuple[str, ...] = ("card.action.trigger",)
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.requests: list[Request] = []
        self.valid: set[str] = set()
        self.open_endpoint: Callable[[], Json] = dict
        self._paced: dict[str, deque[float]] = defaultdict(deque)
        self._not_before: dict[str, float] = {}

    # ---- a request

    async def handle(self, http: web.Request) -> web.StreamResponse:
        raw = await http.text()
        body = json.loads(raw) if raw else {}
        call, named = self._find(http)
        query = dict(http.query)
        request = Request(
            method=call.name if call else "?", path=http.path, query=query, body=body, at=time.monotonic()
        )
        self.requests.append(request)
        if call is None:
            self._violate(f"no such call: {http.method} {http.path}")
            return _answer(404, "no such call", status=404)
        waiting = self.faults[call.name]
        fault = waiting.pop(0) if waiting else Pass()
        early = await self._before(fault, http, call)
        if early is not None:
            return early
        try:
            self._check(call, http, query, body)
            result = getattr(self, "_" + call.name.replace(".", "_"))(named | query | body)
        except Refused as refused:
            if refused.violation:
                self._violate(f"{call.name}: {refused.code} {refused.msg}: {raw[:200]}")
            return _answer(refused.code, refused.msg, status=refused.status)
        if isinstance(fault, DropAfterEffect):
            return _cut(http)
        if isinstance(result, bytes):
            return web.Response(body=result, content_type="image/png")
        return web.json_response({"code": 0, "msg": "success", **result})

    def _find(self, http: web.Request) -> tuple[Call | None, Json]:
        for call in CALLS:
            found = call.path.fullmatch(http.path)
            if found is not None and call.method == http.method:
                return call, found.groupdict()
        return None, {}

    async def _before(self, fault: Fault, http: web.Request, call: Call) -> web.StreamResponse | None:
        if time.monotonic() < self._not_before.get(call.name, 0.0):
            self._violate(f"{call.name} was called again before the limit was over")
        match fault:
            case Limited(reset=reset, code=code, status=status):
                self._not_before[call.name] = time.monotonic() + reset
                limit = {"x-ogw-ratelimit-reset": f"{reset:g}", "x-ogw-ratelimit-limit": "50"}
                return _answer(code, "frequency limit", status=status, headers=limit)
            case ApiError(code=code, msg=msg, status=status):
                return _answer(code, msg, status=status)
            case Http500(html=html, status=status):
                return web.Response(text=html, status=status, content_type="text/html")
            case DropBefore():
                return _cut(http)
            case Hang(seconds=seconds):
                await asyncio.sleep(seconds)
                return _cut(http)
        return None

    def _check(self, call: Call, http: web.Request, query: Json, body: Json) -> None:
        if call.token:
            token = http.headers.get("Authorization", "").removeprefix("Bearer ")
            if token not in self.valid:
                raise Refused(99991663, f"Invalid access token for authorization: {token!r}")
        for given, known, what in ((query, call.query, "query"), (body, call.body, "field")):
            if unknown := set(given) - {name.removesuffix("!") for name in known}:
                raise Refused(99992402, f"unknown {what} {', '.join(sorted(unknown))}", violation=True)
        if missing := {name for name in call.required if (query | body).get(name) in (None, "")}:
            raise Refused(99992402, f"missing {', '.join(sorted(missing))}", violation=True)
        if call.scopes and not set(call.scopes) & set(self.scopes):
            needed = ", ".join(call.scopes)
            raise Refused(99991672, f"Access denied. One of the following scopes is required: [{needed}]")

    # ---- who asks

    def _token(self, given: Json) -> Json:
        if given["app_id"] != self.world.app:
            raise Refused(10003, "invalid param: app_id", status=200)
        if given["app_secret"] != self.secret:
            raise Refused(10014, "app secret invalid", status=200)
        token = self.world.serial("t-")
        self.valid.add(token)
        return {"tenant_access_token": token, "expire": 7200}

    def _endpoint(self, given: Json) -> Json:
        if given["AppID"] != self.world.app or given["AppSecret"] != self.secret:
            raise Refused(1000040346, "app_id or app_secret is wrong", status=200)
        return {"data": self.open_endpoint()}

    def _bot_info(self, _: Json) -> Json:
        return {"bot": {"activate_status": 2, "app_name": "Earshot", "open_id": self.world.bot}}

    def _scopes(self, _: Json) -> Json:
        granted = [{"scope_name": name, "grant_status": 1, "scope_type": "tenant"} for name in self.scopes]
        return {"data": {"scopes": granted}}

    def _application(self, _: Json) -> Json:
        event = {"subscription_type": "websocket", "subscribed_events": list(self.events)}
        callback = {"callback_type": "websocket", "subscribed_callbacks": list(self.callbacks)}
        return {"data": {"app": {"app_id": self.world.app, "event": event, "callback": callback}}}

    # ---- messages

    def _message_create(self, given: Json) -> Json:
        kind, target = given["receive_id_type"], given["receive_id"]
        if kind == "open_id" and target in self.world.users:
            chat = self.direct(target)
        elif kind == "chat_id" and target in self.world.chats:
            chat = self._open_chat(target)
        else:
            raise Refused(230001, f"invalid receive_id {target!r} of type {kind!r}", violation=True)
        return {"data": self._send(given, chat, root=None)}

    def _message_reply(self, given: Json) -> Json:
        root = self._message(given["message"])
        if root.deleted:
            raise Refused(230011, "The message was withdrawn.")
        chat = self._open_chat(root.chat)
        return {"data": self._send(given, chat, root=root)}

    def _send(self, given: Json, chat: Chat, root: Message | None) -> Json:
        uuid = given.get("uuid")
        if uuid is None or len(uuid) > 50:
            raise Refused(99992402, f"uuid {uuid!r}: every send carries one of at most 50", violation=True)
        if uuid in self.world.by_uuid:
            return self._item(self.world.messages[self.world.by_uuid[uuid]])
        self._check_content(given["msg_type"], given["content"])
        self._pace(chat)
        content = json.loads(given["content"])
        message = self.world.put(
            Said(
                chat=chat.id,
                user=self.world.app,
                type=given["msg_type"],
                content=content,
                root=None if root is None else root.id,
                topic=bool(given.get("reply_in_thread")) or (root is not None and root.topic is not None),
                by_bot=True,
            )
        )
        self.world.by_uuid[uuid] = message.id
        self.world.sent.append(message)
        return self._item(message)

    def _check_content(self, kind: str, content: Any) -> None:
        if not isinstance(content, str):
            raise Refused(
                99992402, f"content is {type(content).__name__}, not JSON in a string", violation=True
            )
        size, loaded = len(content.encode()), json.loads(content)
        if kind == "text":
            if size > cards.MAX_TEXT:
                raise Refused(230025, f"a text of {size} bytes", violation=True)
            if set(loaded) != {"text"} or not loaded["text"]:
                raise Refused(230001, f"content of a text is {loaded!r}", violation=True)
            if "<at " in loaded["text"]:
                raise Refused(230001, "a text that mentions somebody", violation=True)
        elif kind == "interactive":
            if size > cards.MAX_CARD:
                raise Refused(230025, f"a card of {size} bytes", violation=True)
            if wrong := cards.problems(loaded):
                raise Refused(230099, f"Failed to create card content: {'; '.join(wrong)}", violation=True)
        else:
            raise Refused(230001, f"msg_type {kind!r}", violation=True)

    def _pace(self, chat: Chat) -> None:
        times, now = self._paced[chat.id], time.monotonic()
        while times and now - times[0] > 1.0:
            times.popleft()
        times.append(now)
        if len(times) > PER_SECOND:
            self._violate(f"{len(times)} messages in a second to {chat.id}")
            raise Refused(230020, "This operation triggers the frequency limit.")

    def _message_patch(self, given: Json) -> Json:
        message = self._own(given["message"])
        if message.type != "interactive":
            raise Refused(230001, "This message is NOT a card.")
        self._check_content("interactive", given["content"])
        self._change(message, given["content"])
        return {"data": {}}

    def _message_update(self, given: Json) -> Json:
        message = self._own(given["message"])
        if given["msg_type"] not in ("text", "post") or message.type == "interactive":
            raise Refused(230001, "only texts and posts are edited so", violation=True)
        self._check_content(given["msg_type"], given["content"])
        self._change(message, given["content"])
        return {"data": self._item(message)}

    def _change(self, message: Message, content: str) -> None:
        message.content, message.edited, message.updated = content, True, self.world.now()

    def _message_delete(self, given: Json) -> Json:
        message = self._own(given["message"])
        message.deleted = True
        return {"data": {}}

    def _message_get(self, given: Json) -> Json:
        message = self._message(given["message"])
        raw = given.get("card_msg_content_type") == "raw_card_content"
        shown = [message, *self.world.children(message.id)]
        return {"data": {"items": [self._item(one, raw=raw) for one in shown]}}

    def _message_list(self, given: Json) -> Json:
        if "im:message.group_msg" not in self.scopes:
            raise Refused(230027, "Lack of necessary permissions, ext=need scope: im:message.group_msg")
        kind, container = given["container_id_type"], given["container_id"]
        if kind not in ("chat", "thread") or not container.startswith(
            {"chat": "oc_", "thread": "omt_"}[kind]
        ):
            raise Refused(230001, f"container {kind} {container}", violation=True)
        held = [one for one in self.world.messages.values() if one.upper is None and not one.ephemeral_to]
        inside = [one for one in held if (one.topic if kind == "thread" else one.chat) == container]
        if kind == "chat":
            inside = [one for one in inside if one.root is None or one.topic is None]
        since = int(given.get("start_time", 0)) * 1000
        inside = [one for one in inside if one.created >= since]
        if given.get("sort_type", "ByCreateTimeAsc") == "ByCreateTimeDesc":
            inside.reverse()
        raw = given.get("card_msg_content_type") == "raw_card_content"
        page, more = _page([self._item(one, raw=raw) for one in inside], given, most=50)
        return {"data": {"items": page, **more}}

    # ---- reactions, resources

    def _reaction_create(self, given: Json) -> Json:
        kind = given["reaction_type"].get("emoji_type") if isinstance(given["reaction_type"], dict) else None
        if kind not in {"Pin", "OK", "DONE", "THUMBSUP", "ThumbsDown", "OnIt", "Typing", "CheckMark"}:
            raise Refused(231001, f"reaction type {kind!r} is invalid", violation=True)
        message = self._message(given["message"])
        made = (self.world.serial("re_"), self.world.app, str(kind))
        message.reactions.append(made)
        return {"data": self._reaction(made)}

    def _reaction_delete(self, given: Json) -> Json:
        message = self._message(given["message"])
        mine = [one for one in message.reactions if one[0] == given["reaction"] and one[1] == self.world.app]
        if not mine:
            raise Refused(231008, "no such reaction of the app", violation=True)
        message.reactions.remove(mine[0])
        return {"data": self._reaction(mine[0])}

    def _reaction_list(self, given: Json) -> Json:
        wanted = given.get("reaction_type")
        held = [one for one in self._message(given["message"]).reactions if wanted in (None, one[2])]
        page, more = _page([self._reaction(one) for one in held], given, most=50)
        return {"data": {"items": page, **more}}

    def _reaction(self, held: tuple[str, str, str]) -> Json:
        kind = "app" if held[1] == self.world.app else "user"
        operator = {"operator_id": held[1], "operator_type": kind}
        return {"reaction_id": held[0], "operator": operator, "reaction_type": {"emoji_type": held[2]}}

    def _resource_get(self, given: Json) -> bytes:
        message = self._message(given["message"])
        if given["type"] not in ("image", "file"):
            raise Refused(234001, f"type {given['type']!r}", violation=True)
        if message.upper is not None or message.type == "merge_forward":
            raise Refused(234043, "Unsupported message type.", violation=True)
        if message.deleted or f'"{given["file"]}"' not in message.content:
            raise Refused(234003, "File not in msg.")
        return self.world.files[given["file"]]

    # ---- chats and people

    def _chat_get(self, given: Json) -> Json:
        return {"data": _chat(self._open_chat(given["chat"]), own=False)}

    def _chat_list(self, given: Json) -> Json:
        chats = [chat for chat in self.world.chats.values() if chat.mode != "p2p" and not chat.disbanded]
        chats = [chat for chat in chats if chat.with_bot]
        page, more = _page([_chat(chat, own=True) for chat in chats], given, most=100)
        return {"data": {"items": page, **more}}

    def _chat_members(self, given: Json) -> Json:
        members = [
            {"member_id": user, "member_id_type": "open_id", "name": self.world.users[user].name}
            for user in self._open_chat(given["chat"]).members
        ]
        page, more = _page(members, given, most=100)
        return {"data": {"items": page, **more, "member_total": len(members)}}

    def _user_get(self, given: Json) -> Json:
        user = self.world.users.get(given["user"])
        if user is None or user.tenant != "tenant-1":
            raise Refused(41050, "no user authority error")
        shown: Json = {"open_id": user.id, "union_id": f"on_{user.id}", "name": user.name}
        if "contact:user.email:readonly" in self.scopes:
            shown["email"] = user.email or ""
        return {"data": {"user": shown}}

    def _ephemeral_send(self, given: Json) -> Json:
        chat = self._open_chat(given["chat_id"])
        if chat.mode != "group":
            raise Refused(18053, "only groups of the mode chat have ephemeral cards")
        if given["open_id"] not in chat.members:
            raise Refused(18054, "the user is not in the chat")
        if given["msg_type"] != "interactive" or (wrong := cards.problems(given["card"])):
            raise Refused(230099, f"Failed to create card content: {wrong}", violation=True)
        message = self.world.put(
            Said(chat=chat.id, user=self.world.app, type="interactive", content=given["card"], by_bot=True)
        )
        message.ephemeral_to = given["open_id"]
        self.world.sent.append(message)
        return {"data": {"message_id": message.id}}

    def _ephemeral_delete(self, given: Json) -> Json:
        message = self._message(given["message_id"])
        if message.ephemeral_to is None:
            raise Refused(18055, "no ephemeral card", violation=True)
        message.deleted = True
        return {"data": {}}

    # ---- what is there

    def direct(self, user: str) -> Chat:
        """The direct messages between a person and the bot."""
        for chat in self.world.chats.values():
            if chat.mode == "p2p" and chat.members == [user]:
                return chat
        chat = Chat(id=self.world.serial("oc_p2p"), mode="p2p", members=[user])
        self.world.chats[chat.id] = chat
        return chat

    def _open_chat(self, chat_id: str) -> Chat:
        chat = self.world.chats.get(chat_id)
        if chat is None:
            raise Refused(232006, f"Your request specifies a chat_id which is invalid: {chat_id}")
        if chat.disbanded:
            raise Refused(232009, "Your request specifies a chat which has already been dissolved.")
        if not chat.with_bot:
            raise Refused(232011, "Operator can NOT be out of the chat.")
        return chat

    def _message(self, message_id: str) -> Message:
        message = self.world.messages.get(message_id)
        if message is None:
            raise Refused(230110, f"no message {message_id}", violation=True)
        return message

    def _own(self, message_id: str) -> Message:
        message = self._message(message_id)
        if message.sender != self.world.app:
            raise Refused(230017, "Bot is NOT the owner of the resource.", violation=True)
        if message.deleted:
            raise Refused(230011, "The message was withdrawn.")
        return message

    def _item(self, message: Message, *, raw: bool = False) -> Json:
        return self.world.item(message, raw_card=raw, simplify=cards.simplified)


def _chat(chat: Chat, *, own: bool) -> Json:
    shown: Json = {"name": chat.name, "external": chat.external, "tenant_key": "tenant-1"}
    if own:
        return {"chat_id": chat.id, **shown}
    return {**shown, "chat_mode": chat.mode, "chat_type": chat.kind, "chat_status": "normal"}


def _page(items: list[Json], given: Json, *, most: int) -> tuple[list[Json], Json]:
    size = int(given.get("page_size", 20))
    if not 1 <= size <= most:
        raise Refused(99992402, f"page_size {size}, from 1 to {most}", violation=True)
    start = int(given.get("page_token") or 0)
    end = start + size
    more = end < len(items)
    return items[start:end], {"has_more": more, **({"page_token": str(end)} if more else {})}


def _answer(code: int, msg: str, *, status: int, headers: dict[str, str] | None = None) -> web.StreamResponse:
    return web.json_response({"code": code, "msg": msg}, status=status, headers=headers)


def _cut(http: web.Request) -> web.StreamResponse:
    if http.transport is not None:
        http.transport.abort()
    return web.Response()

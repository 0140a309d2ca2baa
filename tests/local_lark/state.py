"""What the local Lark knows: chats, people, messages; and what was asked of it."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Chat:
    """``mode``: group (a chat), topic (every message a topic) or p2p. ``kind``: private or public."""

    id: str
    name: str = ""
    mode: str = "group"
    kind: str = "private"
    members: list[str] = field(default_factory=list)
    external: bool = False
    disbanded: bool = False
    with_bot: bool = True


@dataclass(kw_only=True, slots=True)
class User:
    id: str
    name: str
    email: str | None = None
    tenant: str = "tenant-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What somebody says. ``content``: the JSON of its type; a text may be given as ``text`` with ``{ou_…}`` for
    mentions. ``root``: the message that it answers; with ``topic`` in its topic, else as a quotation."""

    chat: str
    user: str
    text: str = ""
    type: str = "text"
    content: Json | None = None
    root: str | None = None
    topic: bool = True
    mentions: tuple[str, ...] = ()
    by_bot: bool = False
    children: tuple["Said", ...] = ()


@dataclass(kw_only=True, slots=True)
class Message:
    """``card``: of an interactive message. ``ephemeral_to``: who alone sees it."""

    id: str
    chat: str
    sender: str
    type: str
    content: str
    created: int
    updated: int
    root: str | None = None
    parent: str | None = None
    topic: str | None = None
    by_bot: bool = False
    deleted: bool = False
    edited: bool = False
    mentions: list[Json] = field(default_factory=list)
    reactions: list[tuple[str, str, str]] = field(default_factory=list)  # id, who, emoji_type
    upper: str | None = None
    ephemeral_to: str | None = None

    @property
    def card(self) -> Json:
        loaded: Json = json.loads(self.content)
        return loaded


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A call that was made. ``at``: monotonic seconds."""

    method: str
    path: str
    query: Json
    body: Json
    at: float
    code: int | None = None


class World:
    """Belongs to the server's event loop."""

    def __init__(self, app: str, bot: str, clock: Callable[[], float] = time.time) -> None:
        self.app, self.bot, self._clock = app, bot, clock
        self.chats: dict[str, Chat] = {}
        self.users: dict[str, User] = {}
        self.messages: dict[str, Message] = {}
        self.sent: list[Message] = []  # by the bot, in order
        self.files: dict[str, bytes] = {}  # by key
        self.by_uuid: dict[str, str] = {}
        self._numbers = count(1)
        self._last = 0

    def serial(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):08x}"

    def now(self) -> int:
        """Milliseconds since 1970, never twice the same."""
        self._last = max(self._last + 1, int(self._clock() * 1000))
        return self._last

    def put(self, said: Said, upper: str | None = None) -> Message:
        now = self.now()
        root = self.messages[said.root] if said.root else None
        chat = self.chats[said.chat]
        message = Message(
            id=self.serial("om_"),
            chat=said.chat,
            sender=said.user,
            type=said.type,
            content=self._content(said),
            created=now,
            updated=now,
            root=None if root is None else (root.root or root.id),
            parent=said.root,
            topic=self._topic(chat, root, wanted=said.topic),
            by_bot=said.by_bot,
            mentions=[self._mention(index, user) for index, user in enumerate(said.mentions, 1)],
            upper=upper,
        )
        self.messages[message.id] = message
        for child in said.children:
            self.put(child, upper=message.id)
        return message

    def _topic(self, chat: Chat, root: Message | None, *, wanted: bool) -> str | None:
        if root is None:
            return self.serial("omt_") if chat.mode == "topic" else None
        if root.topic is None and wanted:
            root.topic = self.serial("omt_")
        return root.topic

    def _content(self, said: Said) -> str:
        content = said.content
        if content is None:
            text = said.text
            for index, user in enumerate(said.mentions, 1):
                text = text.replace(f"{{{user}}}", f"@_user_{index}")
            content = {"text": text}
        return json.dumps(content, ensure_ascii=False)

    def _mention(self, index: int, user: str) -> Json:
        name = "Earshot" if user == self.bot else self.users[user].name
        ids = {"open_id": user, "union_id": f"on_{user}", "user_id": ""}
        return {"key": f"@_user_{index}", "id": ids, "name": name, "tenant_key": "tenant-1"}

    def link(self, message: Message) -> str:
        """What opens a message in the client: its topic, or its place in the chat."""
        base = "https://applink.feishu.cn/client"
        if message.topic is None:
            return f"{base}/chat/open?openChatId={message.chat}&position={int(message.id[3:], 16)}"
        ids = {"chat": message.chat, "thread": message.topic}
        named = [f"open_{name}_id={value}&open{name}id={value}" for name, value in ids.items()]
        return f"{base}/thread/open?{'&'.join(named)}&thread_position=-1"

    def children(self, upper: str) -> Iterator[Message]:
        return (message for message in self.messages.values() if message.upper == upper)

    def item(self, message: Message, *, raw_card: bool = False, simplify: Callable[[Json], str]) -> Json:
        """A message as GET answers it."""
        content = message.content
        if message.type == "interactive" and not raw_card:
            content = simplify(message.card)
        if message.deleted:
            content = "This message was recalled"
        kind = "app" if message.by_bot else "user"
        optional = {
            "root_id": message.root,
            "parent_id": message.parent,
            "thread_id": message.topic,
            "upper_message_id": message.upper,
        }
        mentions = [
            {**{k: v for k, v in one.items() if k != "id"}, "id": one["id"]["open_id"], "id_type": "open_id"}
            for one in message.mentions
        ]
        return {
            "message_id": message.id,
            "msg_type": message.type,
            "create_time": str(message.created),
            "update_time": str(message.updated),
            "deleted": message.deleted,
            "updated": message.edited,
            "chat_id": message.chat,
            "sender": {
                "id": message.sender,
                "id_type": "app_id" if message.by_bot else "open_id",
                "sender_type": kind,
                "tenant_key": "tenant-1",
            },
            "body": {"content": content},
            "message_app_link": self.link(message),
            **({"mentions": mentions} if mentions else {}),
            **{name: value for name, value in optional.items() if value is not None},
        }

    def event(self, message: Message) -> Json:
        """``event`` of im.message.receive_v1."""
        sender = self.users.get(message.sender)
        body = {
            "message_id": message.id,
            "create_time": str(message.created),
            "update_time": str(message.updated),
            "chat_id": message.chat,
            "chat_type": "p2p" if self.chats[message.chat].mode == "p2p" else "group",
            "message_type": message.type,
            "content": message.content,
            "user_agent": "Mozilla/5.0 Lark/7.50",
        }
        optional = {
            "root_id": message.root,
            "parent_id": message.parent,
            "thread_id": message.topic,
            "mentions": message.mentions or None,
        }
        return {
            "sender": {
                "sender_id": {
                    "open_id": message.sender,
                    "union_id": f"on_{message.sender}",
                    "user_id": "",
                },
                "sender_type": "app" if message.by_bot else "user",
                "tenant_key": sender.tenant if sender else "tenant-1",
            },
            "message": body | {name: value for name, value in optional.items() if value is not None},
        }

"""Lark's payloads to events. Pure: nothing here talks to Lark."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot import manners
from bot.adapters.adapter import Arrival
from bot.adapters.events import (
    Channel,
    ChannelKind,
    Commanded,
    Deleted,
    Event,
    Heard,
    Ignored,
    Payload,
    Person,
    Reacted,
)
from knowledge.audience import Standing
from knowledge.thread import Message, Role

NAME = "lark"

RECEIVED = "im.message.receive_v1"
RECALLED = "im.message.recalled_v1"
REACTED, UNREACTED = "im.message.reaction.created_v1", "im.message.reaction.deleted_v1"
CLICKED = "card.action.trigger"
ADDED, REMOVED = "im.chat.member.bot.added_v1", "im.chat.member.bot.deleted_v1"
DISBANDED, UPDATED = "im.chat.disbanded_v1", "im.chat.updated_v1"
MENU = "application.bot.menu_v6"
PERSON_REMOVED, PERSON_WITHDRAWN = "im.chat.member.user.deleted_v1", "im.chat.member.user.withdrawn_v1"

# What has to be subscribed to under "Events & Callbacks" of the app.
CHAT_EVENTS = (ADDED, REMOVED, DISBANDED, UPDATED, PERSON_REMOVED, PERSON_WITHDRAWN)  # see lark_channels
EVENTS = (RECEIVED, RECALLED, REACTED, UNREACTED, *CHAT_EVENTS, MENU)
CALLBACKS = (CLICKED,)

FORWARDED = "merge_forward"
IMAGE = "[image]"  # what stands for a picture in the text of a message
CHILDREN = "earshot_children"  # beside the event: what a merged forward holds, which the event does not say


@dataclass(frozen=True, kw_only=True, slots=True)
class Me:
    """Who we are in one app. ``applinks``: the address of links into the client, without a slash at the end."""

    app: str
    open_id: str
    name: str
    applinks: str


# ---- what arrives


def arrival_of(body: Payload) -> Arrival | None:
    """What the inbox keeps of an event or a click; None for what is neither."""
    header, event = body.get("header"), body.get("event")
    if not isinstance(header, Mapping) or not isinstance(event, Mapping) or not header.get("event_id"):
        return None
    app, kind = str(header.get("app_id")), str(header.get("event_type"))
    return Arrival(
        adapter=NAME,
        key=f"{NAME}:{app}/{header['event_id']}",
        content_key=_content_key(app, kind, event),
        conversation=_order_key(app, kind, event),
        at=_time_of(kind, header, event),
        # The verification token says nothing that is to be kept.
        payload={**body, "header": {name: value for name, value in header.items() if name != "token"}},
    )


def _content_key(app: str, kind: str, event: Payload) -> str | None:
    """A message is one message, under whatever event ids it comes."""
    if kind == RECEIVED:
        return f"{NAME}:{app}/{kind}/{event['message']['message_id']}"
    if kind == RECALLED:
        return f"{NAME}:{app}/{kind}/{event['message_id']}"
    return None


def _order_key(app: str, kind: str, event: Payload) -> str:
    """Top-level messages of a chat are one queue (they may continue each other), each thread is another."""
    if kind == RECEIVED:
        message = event["message"]
        place, root = f"{NAME}:{app}/{message['chat_id']}", _root(message)
        return f"{place}/{root}" if root else place
    if kind == CLICKED:
        return f"{NAME}:{app}/{(event.get('context') or {}).get('open_message_id')}"
    if kind == MENU:
        return f"{NAME}:{app}/{_operator(event)}/menu"
    return f"{NAME}:{app}/{event.get('message_id') or event.get('chat_id')}"


def _time_of(kind: str, header: Payload, event: Payload) -> datetime:
    own = event.get("message", {}).get("create_time") if kind == RECEIVED else None
    return when(own or event.get("action_time") or event.get("recall_time") or header.get("create_time"))


def when(stamp: object) -> datetime:
    """The time of Lark's stamps, which are strings of milliseconds, or of microseconds with a card's click."""
    digits = str(stamp or 0)
    micro = int(digits) if len(digits) > 13 else int(digits) * 1000
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micro)


# ---- events


def parse(body: Payload, me: Me) -> Event:
    """The event in a delivery; clicks are of lark_cards."""
    header, event = body["header"], body["event"]
    match header.get("event_type"):
        case "im.message.receive_v1":
            return _received(body, me)
        case "im.message.recalled_v1":
            message_id = f"{NAME}:{me.app}/{event['chat_id']}/{event['message_id']}"
            return Deleted(message_id=message_id, at=when(event.get("recall_time")))
        case "im.message.reaction.created_v1" | "im.message.reaction.deleted_v1":
            return _reaction(event, me, added=header["event_type"] == REACTED)
        case "application.bot.menu_v6":
            return _chosen(event, me, when(header.get("create_time")))
    return Ignored(why=f"{header.get('event_type')} needs no handling")


# What the items of the bot's menu may be called: what the command does without more words.
MENU_KEYS = ("help", "status", "optout", "optin")


def _chosen(event: Payload, me: Me, at: datetime) -> Event:
    """An item of the bot's menu. Lark says who chose it, not where: the menu stands only in direct messages."""
    key, user = str(event.get("event_key")), _operator(event)
    if key not in MENU_KEYS or user is None:
        return Ignored(why=f"the menu's item {key!r}; known: {', '.join(MENU_KEYS)}")
    person = f"{NAME}:{me.app}/{user}"
    return Commanded(words=key, channel=person, user=person, at=at)


def _operator(event: Payload) -> str | None:
    return _open_id((event.get("operator") or {}).get("operator_id"))


def _received(body: Payload, me: Me) -> Event:
    event = body["event"]
    message, sender = event["message"], event.get("sender") or {}
    if message.get("message_type") == "system":
        return Ignored(why="a message of the platform's own")
    if _is_mine(sender, me):
        return Ignored(why="our own message")
    external = bool(sender.get("tenant_key")) and sender["tenant_key"] != body["header"].get("tenant_key")
    kind = ChannelKind.DIRECT if message.get("chat_type") == "p2p" else ChannelKind.PRIVATE
    channel = Channel(id=f"{NAME}:{me.app}/{message['chat_id']}", kind=kind, external=external)
    return Heard(
        message=Message(
            id=f"{channel.id}/{message['message_id']}",
            channel=channel.id,
            thread=_thread(channel.id, message),
            user=f"{NAME}:{me.app}/{_open_id(sender.get('sender_id')) or 'unknown'}",
            at=when(message.get("create_time")),
            text=text_of(
                str(message.get("message_type")),
                message.get("content"),
                _mentions(message.get("mentions") or (), me),
                body.get(CHILDREN) or (),
            ),
            role=Role.BOT if sender.get("sender_type") == "app" else Role.UNKNOWN,
            link=chat_link(me, message["chat_id"]),
        ),
        channel=channel,
        about=_replied_to(channel.id, message),
    )


def heard(item: Payload, me: Me, channel: Channel) -> Heard:
    """A message as reading it back gives it. A recalled one has no text."""
    sender = item.get("sender") or {}
    mentions = _mentions(item.get("mentions") or (), me)
    text = text_of(str(item.get("msg_type")), (item.get("body") or {}).get("content"), mentions)
    return Heard(
        message=Message(
            id=f"{channel.id}/{item['message_id']}",
            channel=channel.id,
            thread=_thread(channel.id, item),
            user=f"{NAME}:{me.app}/{sender.get('id') or 'unknown'}",
            at=when(item.get("create_time")),
            text="" if item.get("deleted") else text,
            role=Role.BOT if sender.get("sender_type") == "app" else Role.UNKNOWN,
            link=_told_link(item) or chat_link(me, str(item.get("chat_id"))),
        ),
        channel=channel,
    )


def is_own(item: Payload, me: Me) -> bool:
    """Whether a message that was read back is ours."""
    return (item.get("sender") or {}).get("id") in (me.app, me.open_id)


def _is_mine(sender: Payload, me: Me) -> bool:
    ids = sender.get("sender_id") or {}
    return me.open_id == ids.get("open_id") or me.app in (ids.get("open_id"), ids.get("app_id"))


def _open_id(ids: object) -> str | None:
    """Ids stand alone where a message is read back, and beside others in an event."""
    if isinstance(ids, Mapping):
        return ids.get("open_id") or ids.get("union_id") or ids.get("user_id")
    return str(ids) if ids else None


def _root(message: Payload) -> str | None:
    """The message that begins the thread. In a group of topics every message without one begins its own."""
    root = message.get("root_id") or None
    if root is None and message.get("thread_id"):
        return str(message["message_id"])
    return root


def _thread(channel: str, message: Payload) -> str:
    root = _root(message)
    return f"{channel}/{root}" if root else ""


def _replied_to(channel: str, message: Payload) -> str | None:
    """The message that somebody chose to answer. In a topic all that is said names the first, which tells nothing."""
    parent = message.get("parent_id")
    chosen = parent and not (message.get("thread_id") and parent == message.get("root_id"))
    return f"{channel}/{parent}" if chosen else None


def _reaction(event: Payload, me: Me, *, added: bool) -> Event:
    """Lark does not say in which chat: the message is found by its own id, which no other has."""
    if event.get("operator_type") == "app":
        return Ignored(why="a reaction of a bot")
    return Reacted(
        message_id=f"{NAME}:{me.app}//{event['message_id']}",
        user=f"{NAME}:{me.app}/{_open_id(event.get('user_id'))}",
        name=reaction_name(str((event.get("reaction_type") or {}).get("emoji_type"))),
        added=added,
        at=when(event.get("action_time")),
    )


# As people mean them, in the names that the rest of the program knows.
_REACTIONS = {
    "thumbsup": "+1",
    "jiayi": "+1",
    "thumbsdown": "-1",
    "minusone": "-1",
    "done": "white_check_mark",
    "checkmark": "white_check_mark",
    "pin": "paperclip",
    "shhh": "mute",
    "generaldonotdisturb": "mute",
}
THINKING = "Typing"  # the reaction that we work on an answer
REACTING = frozenset({"im:message", "im:message.reactions:write_only"})  # either lets us react
EMOJI_OF = {"paperclip": "Pin", "white_check_mark": "DONE", "+1": "THUMBSUP", "-1": "ThumbsDown"}


def reaction_name(emoji_type: str) -> str:
    """``THUMBSUP`` is ``+1``; what has no meaning here keeps its name, in lower case."""
    name = emoji_type.casefold()
    return _REACTIONS.get(name, name)


def _told_link(item: Payload) -> str | None:
    """The link to the message itself, which Lark tells only where a message is read back."""
    link = str(item.get("message_app_link") or "")
    return link if link.startswith("https://") else None


_TOPIC_LINK = re.compile(r"https://[^/]+/client/thread/open\?(?:\S*&)?open_?thread_?id=(omt_\w+)", re.ASCII)


def topic_in(link: str) -> str | None:
    """The topic that a link of the client's opens; None if it opens none."""
    found = _TOPIC_LINK.match(link)
    return None if found is None else found[1]


def first_of(item: Payload) -> str:
    """The message that began the topic of a message that was read back."""
    return _root(item) or str(item["message_id"])


def chat_link(me: Me, chat: str) -> str:
    """Opens the chat in the client; an event tells no link to its message."""
    return f"{me.applinks}/client/chat/open?openChatId={chat}"


# ---- what was said


def text_of(
    kind: str, content: object, mentions: Mapping[str, str] | None = None, children: Sequence[Payload] = ()
) -> str:
    """The plain text of a message: ``content`` is its JSON, ``mentions`` maps keys and ids to names."""
    named = mentions or {}
    if kind == FORWARDED:
        return _forwarded(children)
    held = _loaded(content)
    match kind:
        case "text":
            return _with_names(str(held.get("text") or ""), named)
        case "post":
            return _post(held, named)
        case "interactive":
            return _post({**held, "content": held.get("elements") or ()}, named)
        case "file" | "folder":
            return f"[file: {held.get('file_name') or 'without a name'}]"
        case "media":
            return f"[video: {held.get('file_name') or 'without a name'}]"
    return f"[{kind}]"


def _loaded(content: object) -> Payload:
    try:
        held = json.loads(str(content or "{}"))
    except json.JSONDecodeError:  # a recalled message, a placeholder: no JSON, and nothing that was said
        return {}
    return held if isinstance(held, Mapping) else {}


_MENTION_KEY = re.compile(r"@_(?:user_\d+|all)")


def _with_names(text: str, named: Mapping[str, str]) -> str:
    return _MENTION_KEY.sub(lambda found: _called(found[0], named), text)


def _called(key: str, named: Mapping[str, str]) -> str:
    return "@all" if key in ("@_all", "all") else "@" + named.get(key, "someone")


def _mentions(given: Iterable[Payload], me: Me) -> dict[str, str]:
    """Names by key (``@_user_1``) and by id; we go by the one name that the program knows us by."""
    named: dict[str, str] = {}
    for mention in given:
        user = _open_id(mention.get("id"))
        name = manners.NAME if user == me.open_id else str(mention.get("name") or "someone")
        named[str(mention.get("key"))] = name
        if user is not None:
            named[user] = name
    return named


def _post(post: Payload, named: Mapping[str, str]) -> str:
    """A rich post: its title, then its paragraphs in their order. What is sent has a level of languages above."""
    title = str(_inner(post).get("title") or "")
    paragraphs = ["".join(_piece(piece, named) for piece in _pieces(one)) for one in _paragraphs(post)]
    return "\n".join([*([title] if title else []), *paragraphs]).strip()


def _inner(post: Payload) -> Payload:
    return post if "content" in post else next((v for v in post.values() if isinstance(v, Mapping)), {})


def _paragraphs(post: Payload) -> Sequence[object]:
    return _inner(post).get("content") or ()


def _pieces(paragraph: object) -> Iterator[Payload]:
    items = paragraph if isinstance(paragraph, list) else [paragraph]
    return (item for item in items if isinstance(item, Mapping))


def _piece(piece: Payload, named: Mapping[str, str]) -> str:
    match piece.get("tag"):
        case "text" | "md" | "markdown" | "plain_text":
            return _with_names(str(piece.get("text") or piece.get("content") or ""), named)
        case "a":
            return _link(str(piece.get("text") or ""), str(piece.get("href") or ""))
        case "at":
            key = str(piece.get("user_id") or "")
            return _called(key, {key: str(piece.get("user_name") or "someone"), **named})
        case "code_block":
            return f"```\n{str(piece.get('text') or '').rstrip()}\n```"
        case "img":
            return IMAGE
        case "media":
            return "[video]"
        case "emotion":
            return f":{piece.get('emoji_type')}:"
    return ""


_KEY = re.compile(r"[\w-]+", re.ASCII)


def image_keys(item: Payload) -> list[str]:
    """The keys of the pictures of a message as reading it back gives it; none of a recalled one."""
    if item.get("deleted"):
        return []
    held = _loaded((item.get("body") or {}).get("content"))
    holders: list[Payload] = []
    if item.get("msg_type") == "image":
        holders = [held]
    elif item.get("msg_type") == "post":
        pieces = (piece for paragraph in _paragraphs(held) for piece in _pieces(paragraph))
        holders = [piece for piece in pieces if piece.get("tag") == "img"]
    keys = (str(each.get("image_key") or "") for each in holders)
    return [key for key in keys if _KEY.fullmatch(key)]


def images_forwarded(items: Sequence[Payload]) -> int:
    """How many pictures stand in messages that were forwarded together: Lark gives them to nobody."""
    return sum(len(image_keys(item)) for item in items if item.get("upper_message_id"))


def _link(text: str, href: str) -> str:
    """``label (url)``, or the address alone where the label says nothing more."""
    return href if text.strip() in ("", href) else f"{text} ({href})"


def _forwarded(children: Sequence[Payload]) -> str:
    """What was forwarded together, each message behind its author, who is named by id."""
    lines = [
        f"@{(item.get('sender') or {}).get('id')}: "
        + text_of(
            str(item.get("msg_type")),
            (item.get("body") or {}).get("content"),
            {str(one.get("key")): str(one.get("name")) for one in item.get("mentions") or ()},
        )
        for item in children
    ]
    return "\n".join(["[forwarded]", *lines])


def present_in(body: Payload) -> tuple[str, str] | None:
    """The chat of a message or a click, and who was there to say or click it."""
    event = body.get("event") or {}
    message, context = event.get("message") or {}, event.get("context") or {}
    chat = message.get("chat_id") or context.get("open_chat_id")
    user = _open_id((event.get("sender") or {}).get("sender_id")) or _open_id(event.get("operator"))
    return None if not chat or user is None else (str(chat), user)


def standing_in(body: Payload) -> Standing | None:
    """Whether who said or clicked something is of our company; None where the event does not tell."""
    event, home = body.get("event") or {}, (body.get("header") or {}).get("tenant_key")
    theirs = ((event.get("sender") or {}) or (event.get("operator") or {})).get("tenant_key")
    if not home or not theirs:
        return None
    return Standing.MEMBER if theirs == home else Standing.STRANGER


def is_forward(body: Payload) -> bool:
    """Whether the event is a merged forward, whose messages have to be asked for."""
    message = (body.get("event") or {}).get("message") or {}
    return message.get("message_type") == FORWARDED


# ---- places and people


_BARE = re.compile(r"o[cu]_\w+")


def bare(qualified: str) -> str:
    """``oc_1`` of ``lark:cli_1/oc_1``, the message of a message id."""
    return qualified.rsplit("/", 1)[-1]


def app_of(qualified: str) -> str:
    """``cli_1`` of ``lark:cli_1/oc_1``."""
    return qualified.removeprefix(f"{NAME}:").split("/", 1)[0]


def is_person(qualified: str) -> bool:
    return bare(qualified).startswith("ou_")


def place_of(given: str, app: str) -> str:
    """The whole id of the chat or person that somebody names by id; ``#name`` where it is a name."""
    if given.startswith(f"{NAME}:"):
        return given
    return f"{NAME}:{app}/{given}" if _BARE.fullmatch(given) else f"#{given.removeprefix('#').casefold()}"


def described(channel: Channel, chat: Payload) -> Channel:
    """The channel as GET /chats/:id tells. A group that everybody in the company may find is public."""
    kind = channel.kind
    if chat.get("chat_mode") == "p2p":
        kind = ChannelKind.DIRECT
    elif "chat_type" in chat:
        kind = ChannelKind.PUBLIC if chat["chat_type"] == "public" else ChannelKind.PRIVATE
    return Channel(
        id=channel.id,
        kind=kind,
        name=chat.get("name") or None,
        external=bool(chat.get("external")) or channel.external,
    )


def person(user: Payload, qualified: str) -> Person:
    """A person as the contacts tell. Without the permission for e-mail addresses the domain is not known."""
    address = str(user.get("enterprise_email") or user.get("email") or "")
    _, _, domain = address.rpartition("@")
    name, standing = user.get("name") or None, Standing.MEMBER  # the contacts are of our company alone
    return Person(id=qualified, name=name, mail_domain=domain.casefold() or None, standing=standing)

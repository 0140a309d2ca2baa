"""The Web API methods: read the arguments, change or read the workspace, answer as Slack does."""

import base64
import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from . import shapes
from .arguments import Refused
from .blocks import MAX_MARKDOWN, check_message, check_view
from .state import Channel, Ephemeral, Kind, Message, User, Workspace, comparable

Json = dict[str, Any]

MAX_PAGE = 1000
LAST = "9999999999.999999"


@dataclass(kw_only=True, slots=True)
class Trigger:
    """A trigger_id: good for one view, for three seconds."""

    user: str
    expires: float
    used: bool = False


@dataclass(kw_only=True, slots=True)
class View:
    id: str
    user: str
    content: Json
    response_urls: list[Json] = field(default_factory=list)


class Methods:
    """Answers calls whose token and arguments are already checked. ``now``: a monotonic clock, in seconds."""

    def __init__(
        self, workspace: Workspace, scopes: Callable[[], tuple[str, ...]], now: Callable[[], float]
    ) -> None:
        self._workspace = workspace
        self._identity = workspace.identity
        self._scopes = scopes
        self._now = now
        self.triggers: dict[str, Trigger] = {}
        self.views: dict[str, View] = {}
        self.org_wide = workspace.identity.org_wide
        self._calls: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "bots.info": self._bots_info,
            "chat.appendStream": self._append_stream,
            "chat.delete": self._chat_delete,
            "chat.startStream": self._start_stream,
            "chat.stopStream": self._stop_stream,
            "chat.getPermalink": self._permalink,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.postMessage": self._post_message,
            "chat.update": self._chat_update,
            "conversations.history": self._history,
            "conversations.info": self._conversations_info,
            "conversations.join": self._join,
            "conversations.list": self._conversations_list,
            "conversations.members": self._members,
            "conversations.open": self._open,
            "conversations.replies": self._replies,
            "reactions.add": self._react,
            "reactions.get": self._reactions,
            "reactions.remove": self._unreact,
            "team.info": self._team_info,
            "usergroups.list": self._usergroups,
            "usergroups.users.list": self._usergroup_members,
            "users.info": self._users_info,
            "users.list": self._users_list,
            "views.open": self._views_open,
            "views.publish": self._views_publish,
            "assistant.threads.setStatus": self._set_status,
        }

    def call(self, method: str, args: Json) -> Json:
        """The answer, ``ok`` included. Raises ``Refused``."""
        return {"ok": True, **self._calls[method](args)}

    def kinds(self, method: str, args: Json) -> tuple[str, ...]:
        """The kinds of channels that a call is about, for its scopes."""
        if method == "conversations.list":
            return tuple(kind.channel_type for kind in _kinds(args))
        channel = self._workspace.channels.get(args.get("channel", ""))
        return (channel.kind.channel_type if channel else Kind.PUBLIC.channel_type,)

    # Finding things

    def _channel(self, id: str) -> Channel:
        """A channel that the bot can see: public, or one of its own."""
        channel = self._workspace.channels.get(id)
        if channel is None or (channel.kind is not Kind.PUBLIC and not self._is_in(channel)):
            raise Refused("channel_not_found")
        return channel

    def _own_channel(self, id: str) -> Channel:
        channel = self._channel(id)
        if not self._is_in(channel):
            raise Refused("not_in_channel")
        return channel

    def _is_in(self, channel: Channel) -> bool:
        return self._identity.bot_user in channel.members

    def _message(self, channel: Channel, ts: str) -> Message:
        message = channel.messages.get(ts)
        if message is None or message.subtype == "tombstone":
            raise Refused("message_not_found")
        return message

    def _own_message(self, args: Json, error: str) -> Message:
        message = self._message(self._channel(args["channel"]), args["ts"])
        if message.bot != self._identity.bot:
            raise Refused(error, f"message {message.ts} is not the bot's own")
        return message

    def _room(self, id: str) -> Channel:
        """Where a message goes: a channel, or the direct messages with a user."""
        if id[0] in "UW":
            if id not in self._workspace.users:
                raise Refused("channel_not_found")
            return self._workspace.dm([id])
        channel = self._channel(id)
        if channel.archived:
            raise Refused("is_archived")
        if not self._is_in(channel) and "chat:write.public" not in self._scopes():
            raise Refused("not_in_channel")
        return channel

    def _thread(self, channel: Channel, thread_ts: str | None) -> str | None:
        """The thread to post to. If its parent was deleted, Slack posts to the channel instead."""
        if thread_ts is None or thread_ts in channel.gone:
            # https://github.com/slackapi/python-slack-events-api/issues/87
            return None
        parent = channel.messages.get(thread_ts)
        if parent is None:
            raise Refused("cannot_reply_to_message", f"thread_ts {thread_ts} is no message of {channel.id}")
        if parent.is_reply:
            raise Refused(
                "cannot_reply_to_message", f"thread_ts {thread_ts} is a reply; give {parent.thread_ts}"
            )
        return thread_ts

    # Writing

    def _post_message(self, args: Json) -> Json:
        check_message(args)
        channel = self._room(args["channel"])
        thread_ts = self._thread(channel, args.get("thread_ts"))
        broadcast = args.get("reply_broadcast", False)
        if broadcast and "thread_ts" not in args:
            raise Refused("invalid_arguments", "reply_broadcast without thread_ts")
        message = self._workspace.say(
            Message(
                channel=channel.id,
                ts=self._workspace.stamp(),
                text=_text(args),
                user=self._identity.bot_user,
                bot=self._identity.bot,
                thread_ts=thread_ts,
                subtype="thread_broadcast" if broadcast else None,
                blocks=copy.deepcopy(args.get("blocks", [])),
                attachments=args.get("attachments", []),
                metadata=args.get("metadata") or None,
            ),
            root=broadcast,
        )
        shown = shapes.body(self._workspace, message, metadata=True)
        return {"channel": channel.id, "ts": message.ts, "message": shown}

    def _post_ephemeral(self, args: Json) -> Json:
        check_message(args)
        channel = self._own_channel(args["channel"])
        if args["user"] not in channel.members:
            raise Refused("user_not_in_channel")
        ephemeral = Ephemeral(
            channel=channel.id,
            user=args["user"],
            ts=self._workspace.stamp(),
            text=_text(args),
            thread_ts=self._thread(channel, args.get("thread_ts")),
            blocks=copy.deepcopy(args.get("blocks", [])),
        )
        for block in ephemeral.blocks:
            block.setdefault("block_id", self._workspace.serial("b"))
        self._workspace.ephemerals.append(ephemeral)
        return {"message_ts": ephemeral.ts}

    # https://docs.slack.dev/reference/methods/chat.startStream

    def _start_stream(self, args: Json) -> Json:
        channel = self._room(args["channel"])
        if not args.get("thread_ts"):
            raise Refused("invalid_arguments", "chat.startStream without thread_ts")
        for needed in ("recipient_user_id", "recipient_team_id"):
            if channel.kind is not Kind.IM and not args.get(needed):
                raise Refused(f"missing_{needed}", f"streaming to a channel needs {needed}")
        if args.get("recipient_user_id", self._identity.bot_user) not in self._workspace.users:
            raise Refused("user_not_found")
        message = self._workspace.say(
            Message(
                channel=channel.id,
                ts=self._workspace.stamp(),
                text=args.get("markdown_text", ""),
                user=self._identity.bot_user,
                bot=self._identity.bot,
                thread_ts=self._thread(channel, args["thread_ts"]),
                streaming=True,
            )
        )
        return {"channel": channel.id, "ts": message.ts}

    def _append_stream(self, args: Json) -> Json:
        message = self._streaming(args)
        if not args.get("markdown_text"):
            raise Refused("no_text", "chat.appendStream without markdown_text")
        self._lengthen(message, args["markdown_text"])
        return {"channel": message.channel, "ts": message.ts}

    def _stop_stream(self, args: Json) -> Json:
        message = self._streaming(args)
        check_message(
            {"text": "streamed", **{name: args[name] for name in ("blocks", "metadata") if name in args}}
        )
        self._lengthen(message, args.get("markdown_text", ""))
        changes: Json = {"streaming": False, "blocks": copy.deepcopy(args.get("blocks", []))}
        changes |= {"metadata": args["metadata"]} if args.get("metadata") else {}
        self._workspace.edit(message, by=None, changes=changes)
        shown = shapes.body(self._workspace, message, metadata=True)
        return {"channel": message.channel, "ts": message.ts, "message": shown}

    def _streaming(self, args: Json) -> Message:
        message = self._own_message(args, "message_not_owned_by_app")
        if not message.streaming:
            raise Refused("message_not_in_streaming_state")
        return message

    def _lengthen(self, message: Message, text: str) -> None:
        if len(message.text) + len(text) > MAX_MARKDOWN:
            raise Refused("msg_too_long", f"streamed text is over {MAX_MARKDOWN} characters")
        message.text += text

    def _chat_update(self, args: Json) -> Json:
        check_message(args)
        message = self._own_message(args, "cant_update_message")
        if message.streaming:
            raise Refused(
                "streaming_state_conflict", f"message {message.ts} is being streamed; stop it first"
            )
        self.update(message, args)
        return {
            "channel": message.channel,
            "ts": message.ts,
            "text": message.text,
            "message": shapes.body(self._workspace, message, metadata=True),
        }

    def update(self, message: Message, args: Json) -> None:
        """Blocks that are not given again go if a text is given; what else is not given stays."""
        with_text = "text" in args or "markdown_text" in args
        changes: Json = {"text": _text(args), "blocks": []} if with_text else {}
        changes |= {name: copy.deepcopy(args[name]) for name in ("blocks", "attachments") if name in args}
        for block in changes.get("blocks", []):
            block.setdefault("block_id", self._workspace.serial("b"))
        if "metadata" in args:
            changes["metadata"] = args["metadata"] or None
        # With blocks Slack does not mark the message as edited.
        self._workspace.edit(message, by=None if "blocks" in args else message.user, changes=changes)

    def _chat_delete(self, args: Json) -> Json:
        self._workspace.delete(self._own_message(args, "cant_delete_message"))
        return {"channel": args["channel"], "ts": args["ts"]}

    def _react(self, args: Json) -> Json:
        message = self._message(self._own_channel(args["channel"]), args["timestamp"])
        if self._identity.bot_user in message.reactions.get(args["name"], []):
            raise Refused("already_reacted")
        self._workspace.react(message, self._identity.bot_user, args["name"], None)
        return {}

    def _unreact(self, args: Json) -> Json:
        message = self._item(args)
        if self._identity.bot_user not in message.reactions.get(args["name"], []):
            raise Refused("no_reaction")
        self._workspace.unreact(message, self._identity.bot_user, args["name"], None)
        return {}

    def _join(self, args: Json) -> Json:
        channel = self._channel(args["channel"])
        if channel.kind is not Kind.PUBLIC:
            raise Refused(
                "method_not_supported_for_channel_type", f"{channel.id} is not public: a person has to invite"
            )
        if channel.archived:
            raise Refused("is_archived")
        if not self._is_in(channel):
            self._workspace.join(channel, self._identity.bot_user)
        return {"channel": shapes.channel_object(self._workspace, channel)}

    def _open(self, args: Json) -> Json:
        if "channel" in args:
            return {"channel": {"id": self._channel(args["channel"]).id}}
        if "users" not in args:
            raise Refused("users_list_not_supplied", "neither channel nor users")
        users = args["users"].split(",")
        if any(user not in self._workspace.users for user in users):
            raise Refused("user_not_found")
        channel = self._workspace.dm(users)
        full = (
            shapes.channel_object(self._workspace, channel) if args.get("return_im") else {"id": channel.id}
        )
        return {"channel": full}

    def _set_status(self, args: Json) -> Json:
        channel = self._own_channel(args["channel_id"])
        if args["thread_ts"] not in channel.messages:
            raise Refused("invalid_thread_ts", f"thread_ts {args['thread_ts']} is no message of {channel.id}")
        self._workspace.statuses.append(args)
        return {}

    # Reading

    def _auth_test(self, _args: Json) -> Json:
        identity = self._identity
        return {
            "url": f"https://{identity.domain}.slack.com/",
            "team": identity.team_name,
            "user": identity.bot_name,
            "team_id": identity.team,
            "user_id": identity.bot_user,
            "bot_id": identity.bot,
            "is_enterprise_install": identity.org_wide,
            **({} if identity.enterprise is None else {"enterprise_id": identity.enterprise}),
        }

    def _team_info(self, args: Json) -> Json:
        identity = self._identity
        if args.get("team", identity.team) != identity.team:
            raise Refused("team_not_found")
        return {
            "team": {"id": identity.team, "name": identity.team_name, "domain": identity.domain, "icon": {}}
        }

    def _bots_info(self, args: Json) -> Json:
        identity = self._identity
        if args.get("bot", identity.bot) != identity.bot:
            raise Refused("bot_not_found")
        bot = {
            "id": identity.bot,
            "app_id": identity.app,
            "user_id": identity.bot_user,
            "name": identity.bot_name,
        }
        return {"bot": bot | {"deleted": False, "updated": 1700000000, "icons": {}}}

    def _users_info(self, args: Json) -> Json:
        user = self._workspace.users.get(args["user"])
        if user is None:
            raise Refused("user_not_found")
        return {"user": self._user_object(user)}

    def _user_object(self, user: User) -> Json:
        """The address only for who may see it: without the scope the field is not there."""
        made = shapes.user_object(self._workspace, user)
        if user.email and "users:read.email" in self._scopes():
            made["profile"]["email"] = user.email
        return made

    def _usergroups(self, args: Json) -> Json:
        groups = [
            group
            for group in self._workspace.groups.values()
            if group.enabled or args.get("include_disabled")
        ]
        users = args.get("include_users", False)
        return {"usergroups": [shapes.group_object(self._workspace, group, users=users) for group in groups]}

    def _usergroup_members(self, args: Json) -> Json:
        group = self._workspace.groups.get(args["usergroup"])
        if group is None:
            raise Refused("no_such_subteam")
        return {"users": list(group.users)}

    def _users_list(self, args: Json) -> Json:
        users = self._workspace.users
        page, meta = _page(list(users), args, default=MAX_PAGE)
        return {"members": [self._user_object(users[id]) for id in page], **meta}

    def _conversations_info(self, args: Json) -> Json:
        channel = self._channel(args["channel"])
        made = shapes.channel_object(self._workspace, channel)
        return {
            "channel": made
            | ({"num_members": len(channel.members)} if args.get("include_num_members") else {})
        }

    def _conversations_list(self, args: Json) -> Json:
        kinds, skip_archived = _kinds(args), args.get("exclude_archived", False)
        channels = self._workspace.channels
        seen = [
            channel.id
            for channel in channels.values()
            if channel.kind in kinds
            and not (skip_archived and channel.archived)
            and (channel.kind is Kind.PUBLIC or self._is_in(channel))
        ]
        page, meta = _page(seen, args, default=100)
        return {"channels": [shapes.channel_object(self._workspace, channels[id]) for id in page], **meta}

    def _members(self, args: Json) -> Json:
        page, meta = _page(self._channel(args["channel"]).members, args, default=100)
        return {"members": page, **meta}

    def _permalink(self, args: Json) -> Json:
        channel = self._channel(args["channel"])
        message = self._message(channel, args["message_ts"])
        return {"channel": channel.id, "permalink": self._workspace.permalink(channel.id, message.ts)}

    def _history(self, args: Json) -> Json:
        channel = self._own_channel(args["channel"])
        tops = [ts for ts in reversed(channel.order) if _is_top(channel.messages[ts])]
        page, meta = _page([ts for ts in tops if _within(ts, args)], args, default=100)
        shown = self._shown(channel, page, args)
        return {"messages": shown, "has_more": bool(meta), "pin_count": 0, **meta}

    def _replies(self, args: Json) -> Json:
        channel = self._own_channel(args["channel"])
        first = channel.messages.get(args["ts"])
        if first is None:
            raise Refused("thread_not_found")
        # The parent leads the first page whatever `oldest` says; later pages do not repeat it.
        page, meta = _page(
            [first.ts, *(ts for ts in first.replies if _within(ts, args))], args, default=MAX_PAGE
        )
        return {"messages": self._shown(channel, page, args), "has_more": bool(meta), **meta}

    def _shown(self, channel: Channel, stamps: Iterable[str], args: Json) -> list[Json]:
        metadata = args.get("include_all_metadata", False)
        return [shapes.body(self._workspace, channel.messages[ts], metadata=metadata) for ts in stamps]

    def _reactions(self, args: Json) -> Json:
        message = self._item(args)
        made = shapes.body(self._workspace, message)
        made["permalink"] = self._workspace.permalink(message.channel, message.ts)
        return {"type": "message", "channel": message.channel, "message": made}

    def _item(self, args: Json) -> Message:
        if "channel" not in args or "timestamp" not in args:
            raise Refused("no_item_specified", "channel and timestamp are needed")
        return self._message(self._own_channel(args["channel"]), args["timestamp"])

    # Views

    def trigger(self, user: str) -> str:
        """A new trigger_id for what ``user`` has just done."""
        id = f"{self._workspace.serial('')}.{self._identity.team}.trigger"
        self.triggers[id] = Trigger(user=user, expires=self._now() + 3)
        return id

    def _views_open(self, args: Json) -> Json:
        check_view(args["view"])
        if args["view"]["type"] != "modal":
            raise Refused("invalid_arguments", "views.open opens modals only")
        trigger = self.triggers.get(str(args.get("trigger_id", args.get("interactivity_pointer"))))
        if trigger is None:
            raise Refused("invalid_trigger_id", "trigger_id was never given")
        if trigger.used:
            raise Refused("exchanged_trigger_id", "trigger_id was already used")
        if trigger.expires < self._now():
            raise Refused("expired_trigger_id")
        trigger.used = True
        return {"view": self._keep(trigger.user, args["view"])}

    def _views_publish(self, args: Json) -> Json:
        check_view(args["view"])
        if args["view"]["type"] != "home":
            raise Refused("invalid_arguments", "views.publish publishes home tabs only")
        return {"view": self._keep(args["user_id"], args["view"])}

    def _keep(self, user: str, view: Json) -> Json:
        made = copy.deepcopy(view) | {"id": self._workspace.serial("V"), "team_id": self._identity.team}
        made |= {"app_id": self._identity.app, "bot_id": self._identity.bot, "previous_view_id": None}
        made |= {"state": {"values": {}}, "hash": self._workspace.serial("hash"), "root_view_id": made["id"]}
        for block in made["blocks"]:
            block.setdefault("block_id", self._workspace.serial("b"))
        self.views[made["id"]] = View(id=made["id"], user=user, content=made)
        return made


def _text(args: Json) -> str:
    return str(args.get("text", args.get("markdown_text", "")))


_TYPES = {
    "public_channel": Kind.PUBLIC,
    "private_channel": Kind.PRIVATE,
    "im": Kind.IM,
    "mpim": Kind.MPIM,
}


def _kinds(args: Json) -> list[Kind]:
    names = [name.strip() for name in args.get("types", "public_channel").split(",")]
    if unknown := set(names) - set(_TYPES):
        raise Refused("invalid_types", f"types {', '.join(sorted(unknown))}")
    return [_TYPES[name] for name in names]


def _is_top(message: Message) -> bool:
    return not message.is_reply or message.subtype == "thread_broadcast"


def _within(ts: str, args: Json) -> bool:
    oldest, latest = comparable(args.get("oldest", "0")), comparable(args.get("latest", LAST))
    return oldest <= ts <= latest if args.get("inclusive", False) else oldest < ts < latest


def _page(keys: list[str], args: Json, *, default: int) -> tuple[list[str], Json]:
    """One page of ``keys`` and, if more follow, the ``response_metadata`` with the cursor."""
    limit = args.get("limit", default)
    if not 1 <= limit <= MAX_PAGE:
        raise Refused("invalid_limit", f"limit is {limit}; give 1 to {MAX_PAGE}")
    start = _start(keys, args.get("cursor", ""))
    end = start + limit
    if end >= len(keys):
        return keys[start:], {}
    cursor = base64.b64encode(f"next:{keys[end]}:{end}".encode()).decode()
    return keys[start:end], {"response_metadata": {"next_cursor": cursor}}


def _start(keys: list[str], cursor: str) -> int:
    """Where the page begins: at the key in the cursor, so that newcomers shift nothing, else at its place."""
    if cursor == "":
        return 0
    try:
        word, key, place = base64.b64decode(cursor, validate=True).decode().split(":")
    except ValueError as error:
        raise Refused("invalid_cursor", f"cursor {cursor!r} was never given") from error
    if word != "next" or not place.isdecimal():
        raise Refused("invalid_cursor", f"cursor {cursor!r} was never given")
    return keys.index(key) if key in keys else int(place)

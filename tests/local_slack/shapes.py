"""Pure: the JSON of messages and events, as Slack sends it."""

import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .markup import rich_elements

if TYPE_CHECKING:
    from .state import Channel, Group, Message, User, Workspace

Json = dict[str, Any]


def body(workspace: "Workspace", message: "Message", *, metadata: bool = False) -> Json:
    """A message as it stands inside events, histories and interactive payloads."""
    team = workspace.identity.team
    made: Json = {"type": "message", "text": message.text, "ts": message.ts}
    optional = {
        "subtype": message.subtype,
        "user": message.user,
        "client_msg_id": message.client_msg_id,
        "team": None if message.subtype == "tombstone" else team,
        "blocks": copy.deepcopy(message.blocks) or _rich_text(message),
        "attachments": copy.deepcopy(message.attachments),
        "files": copy.deepcopy(message.files),
        "edited": message.edited,
        "thread_ts": message.thread_ts,
        "parent_user_id": message.parent_user,
        "hidden": message.subtype == "tombstone",
        "metadata": copy.deepcopy(message.metadata) if metadata else None,
        "reactions": [_reaction(name, users) for name, users in message.reactions.items()],
    }
    made |= {name: value for name, value in optional.items() if value}
    if message.files:
        made |= {"upload": False, "display_as_bot": False}
    return made | _bot(workspace, message) | _thread(message)


def message_event(workspace: "Workspace", message: "Message", *, root: bool) -> Json:
    channel = workspace.channels[message.channel]
    made = body(workspace, message) | _place(channel, message.ts)
    if root:
        made["root"] = body(workspace, channel.messages[str(message.thread_ts)])
    return made | _foreign(workspace, message, channel)


def mention_event(message: Json) -> Json:
    """``app_mention``, which arrives in addition to the message and has no channel_type."""
    return {name: value for name, value in message.items() if name != "channel_type"} | {
        "type": "app_mention"
    }


def changed_event(workspace: "Workspace", message: "Message", before: Json, stamp: str) -> Json:
    changed: Json = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": stamp}
    changed |= {"message": body(workspace, message), "previous_message": before}
    return changed | _place(workspace.channels[message.channel], stamp)


def deleted_event(workspace: "Workspace", message: "Message", before: Json) -> Json:
    stamp = workspace.stamp()
    deleted: Json = {"type": "message", "subtype": "message_deleted", "hidden": True, "ts": stamp}
    deleted |= {"deleted_ts": message.ts, "previous_message": before}
    return deleted | _place(workspace.channels[message.channel], stamp)


def reaction_event(
    workspace: "Workspace", kind: str, message: "Message", user: str, name: str, at: str
) -> Json:
    item = {"type": "message", "channel": message.channel, "ts": message.ts}
    event: Json = {"type": kind, "user": user, "reaction": name, "item": item, "event_ts": at}
    # A classic bot_message has no author that is a user; Slack then leaves item_user out.
    return event | ({"item_user": message.user} if message.user in workspace.users else {})


def member_event(
    workspace: "Workspace", kind: str, channel: "Channel", user: str, inviter: str | None
) -> Json:
    event: Json = {"type": kind, "user": user, "channel": channel.id, "team": workspace.users[user].team}
    event |= {
        "channel_type": "C" if channel.kind.channel_type == "channel" else "G",
        "event_ts": workspace.stamp(),
    }
    return event | ({"inviter": inviter} if inviter else {})


def channel_event(workspace: "Workspace", change: str, channel: "Channel", **more: object) -> Json:
    """``channel_archive``, or ``group_archive`` of a private one. A rename holds the channel itself."""
    kind = "channel" if channel.kind.channel_type == "channel" else "group"
    event: Json = {"type": f"{kind}_{change}", "channel": channel.id, "event_ts": workspace.stamp()}
    if change == "rename":
        event["channel"] = {"id": channel.id, "name": channel.name, "created": 1_700_000_000}
    return event | more


def callback(workspace: "Workspace", event: Json, *, event_id: str, external: bool) -> Json:
    """The outer event of an ``events_api`` envelope."""
    identity = workspace.identity
    authorization = {
        "enterprise_id": identity.enterprise,
        "team_id": None if identity.org_wide else identity.team,
        "user_id": identity.bot_user,
        "is_bot": True,
        "is_enterprise_install": identity.org_wide,
    }
    grid = {} if identity.enterprise is None else {"enterprise_id": identity.enterprise}
    return grid | {
        "token": "verification-token",
        "team_id": identity.team,
        "context_team_id": identity.team,
        "context_enterprise_id": identity.enterprise,
        "api_app_id": identity.app,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(event.get("event_ts", "0").partition(".")[0]),
        "authorizations": [authorization],
        "is_ext_shared_channel": external,
        "event_context": f"4-{event_id}",
    }


def app_rate_limited(workspace: "Workspace") -> Json:
    """What Slack sends in place of the events over its hourly limit: an outer event without an inner one."""
    identity = workspace.identity
    minute = int(workspace.stamp().partition(".")[0]) // 60 * 60
    made = {"token": "verification-token", "type": "app_rate_limited", "team_id": identity.team}
    return made | {"minute_rate_limited": minute, "api_app_id": identity.app}


def user_object(workspace: "Workspace", user: "User") -> Json:
    profile = {
        "real_name": user.real_name,
        "display_name": user.name,
        "title": user.title,
        "team": user.team,
        "image_72": f"https://avatars.example/{user.id}_72.png",
    }
    offset = datetime.now(ZoneInfo(user.tz)).utcoffset()
    made: Json = {
        "id": user.id,
        "team_id": user.team,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_admin": user.is_admin,
        "is_owner": False,
        "is_restricted": user.is_restricted or user.is_ultra_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "tz": user.tz,
        "tz_label": user.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": profile,
        "updated": 1700000000,
    }
    if user.team != workspace.identity.team:
        made["is_stranger"] = True
    return made


def group_object(workspace: "Workspace", group: "Group", *, users: bool) -> Json:
    made: Json = {
        "id": group.id,
        "team_id": workspace.identity.team,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.handle.replace("-", " ").title(),
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": 1700000000,
        "date_delete": 0 if group.enabled else 1700000001,
        "user_count": len(group.users),
        "prefs": {"channels": [], "groups": []},
    }
    return made | ({"users": list(group.users)} if users else {})


def channel_object(workspace: "Workspace", channel: "Channel") -> Json:
    kind, bot = channel.kind.channel_type, workspace.identity.bot_user
    made: Json = {
        "id": channel.id,
        "created": 1700000000,
        "is_im": kind == "im",
        "is_org_shared": False,
        "is_archived": channel.archived,
        "context_team_id": workspace.identity.team,
        "updated": 1700000000000,
    }
    if kind == "im":
        return made | {
            "user": next(user for user in channel.members if user != bot),
            "is_user_deleted": False,
        }
    topic = {"value": "", "creator": "", "last_set": 0}
    return made | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": kind == "channel",
        "is_group": kind == "group",
        "is_mpim": kind == "mpim",
        "is_private": kind != "channel",
        "is_general": False,
        "is_shared": channel.external,
        "is_ext_shared": channel.external,
        "is_pending_ext_shared": False,
        "is_member": bot in channel.members,
        "creator": "U0CREATOR1",
        "topic": topic,
        "purpose": topic,
    }


def _place(channel: "Channel", stamp: str) -> Json:
    return {"channel": channel.id, "event_ts": stamp, "channel_type": channel.kind.channel_type}


def _foreign(workspace: "Workspace", message: "Message", channel: "Channel") -> Json:
    """Slack Connect marks who belongs to which company."""
    author = workspace.users.get(message.user or "")
    if not channel.external or author is None:
        return {}
    return {"user_team": author.team, "source_team": author.team}


def _bot(workspace: "Workspace", message: "Message") -> Json:
    if message.bot is None:
        return {}
    identity = workspace.identity
    if message.bot != identity.bot:
        return {"bot_id": message.bot}
    profile = {"id": identity.bot, "deleted": False, "name": identity.bot_name, "updated": 1700000000}
    profile |= {"app_id": identity.app, "team_id": identity.team}
    return {"bot_id": identity.bot, "app_id": identity.app, "bot_profile": profile}


def _thread(message: "Message") -> Json:
    if not message.replies and message.subtype != "tombstone":
        return {}
    return {
        "reply_count": len(message.replies),
        "reply_users_count": len(message.repliers),
        "latest_reply": message.replies[-1] if message.replies else "0000000000.000000",
        "reply_users": message.repliers[:5],
        "is_locked": False,
        "subscribed": False,
    }


def _reaction(name: str, users: list[str]) -> Json:
    return {"name": name, "users": list(users), "count": len(users)}


def _rich_text(message: "Message") -> list[Json]:
    """What Slack's composer adds to a person's message."""
    if message.client_msg_id is None:
        return []
    section = {"type": "rich_text_section", "elements": rich_elements(message.text)}
    return [{"type": "rich_text", "block_id": f"rt{message.ts[-6:]}", "elements": [section]}]

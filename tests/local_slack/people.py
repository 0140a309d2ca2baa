"""What people say, as the workspace takes it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .state import Message, Workspace

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What somebody says. ``user`` None with ``bot_id``: a classic bot. ``raw``: ``text`` is markup already.

    ``ts``: the time of the recording, such as ``1700000000.000100``; None: now.
    """

    channel: str
    user: str | None
    text: str
    thread_ts: str | None = None
    ts: str | None = None
    subtype: str | None = None
    files: Sequence[Json] = ()
    attachments: Sequence[Json] = ()
    bot_id: str | None = None
    raw: bool = False
    broadcast: bool = False


def say(workspace: Workspace, said: Said) -> Message:
    """Add the message. Who is not yet in the channel is put there silently."""
    _enter(workspace, said)
    person = said.user is not None and said.bot_id is None and said.subtype is None
    return workspace.say(
        Message(
            channel=said.channel,
            ts=said.ts or workspace.stamp(),
            text=said.text if said.raw else workspace.typed(said.text),
            user=said.user,
            thread_ts=said.thread_ts,
            subtype=said.subtype or _implied(said),
            bot=said.bot_id,
            client_msg_id=str(uuid.uuid4()) if person else None,
            attachments=list(said.attachments),
            files=list(said.files),
        ),
        root=said.broadcast,
    )


def edit(workspace: Workspace, message: Message, text: str, *, raw: bool) -> None:
    """The author changes the text."""
    workspace.edit(message, by=message.user, changes={"text": text if raw else workspace.typed(text)})


def _enter(workspace: Workspace, said: Said) -> None:
    channel = workspace.channel(said.channel)
    if said.user is not None and said.user not in workspace.users:
        raise KeyError(f"no user {said.user!r}; add_user makes one")
    if said.user is not None and said.user not in channel.members:
        channel.members.append(said.user)


def _implied(said: Said) -> str | None:
    """The subtype that follows from what is said."""
    if said.broadcast:
        return "thread_broadcast"
    if said.files:
        return "file_share"
    return "bot_message" if said.user is None else None

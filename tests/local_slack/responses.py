"""The ``response_url`` of a click or a command: five answers without a token."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .arguments import Refused
from .blocks import check_message
from .methods import Methods
from .state import Ephemeral, Message, Workspace

Json = dict[str, Any]

USES = 5
_KNOWN = frozenset(
    {"text", "blocks", "attachments", "metadata", "response_type", "replace_original", "delete_original"}
    | {"thread_ts", "unfurl_links", "unfurl_media"}
)


@dataclass(kw_only=True, slots=True)
class ResponseUrl:
    """Where an answer goes: in place of ``shown``, or to ``user`` or everybody in ``channel``."""

    channel: str
    user: str
    shown: Message | Ephemeral | None
    used: int = 0


class ResponseUrls:
    """Belongs to the server's event loop."""

    def __init__(self, workspace: Workspace, methods: Methods, violate: Callable[[str], None]) -> None:
        self._workspace = workspace
        self._methods = methods
        self._violate = violate
        self._known: dict[str, ResponseUrl] = {}

    def make(self, channel: str, user: str, shown: Message | Ephemeral | None) -> str:
        """The path of a new response URL."""
        id = self._workspace.serial("R")
        self._known[id] = ResponseUrl(channel=channel, user=user, shown=shown)
        return f"/response/{id}"

    async def handle(self, http: web.Request) -> web.Response:
        target = self._known.get(http.match_info["id"])
        try:
            if target is None or target.used >= USES:
                raise Refused("used_url", f"response_url {http.path} is unknown or used {USES} times")
            target.used += 1
            self._respond(target, json.loads(await http.text()))
        except Refused as refused:
            self._violate(f"response_url: {refused.error}: {refused.why}")
            return web.json_response(refused.answer(), status=404 if refused.error == "used_url" else 400)
        return web.Response(text="ok")

    def _respond(self, target: ResponseUrl, args: Json) -> None:
        if unknown := set(args) - _KNOWN:
            raise Refused("invalid_arguments", f"unknown argument {', '.join(sorted(unknown))}")
        if args.get("delete_original"):
            self._delete(target.shown)
            return
        check_message(args)
        if args.get("replace_original") and target.shown is not None:
            self._replace(target.shown, args)
        else:
            self._say(target, args)

    def _delete(self, shown: Message | Ephemeral | None) -> None:
        if isinstance(shown, Message):
            self._workspace.delete(shown)
        elif shown is not None:
            self._workspace.ephemerals.remove(shown)

    def _replace(self, shown: Message | Ephemeral, args: Json) -> None:
        if isinstance(shown, Message):
            self._methods.update(shown, args)
        else:
            shown.text, shown.blocks = args.get("text", ""), copy.deepcopy(args.get("blocks", []))

    def _say(self, target: ResponseUrl, args: Json) -> None:
        stamp, text, blocks = (
            self._workspace.stamp(),
            args.get("text", ""),
            copy.deepcopy(args.get("blocks", [])),
        )
        thread = args.get("thread_ts")
        if args.get("response_type") == "in_channel":
            bot = self._workspace.identity.bot
            message = Message(
                channel=target.channel, ts=stamp, text=text, user=None, bot=bot, thread_ts=thread
            )
            message.subtype, message.blocks = "bot_message", blocks
            self._workspace.say(message)
            return
        self._workspace.ephemerals.append(
            Ephemeral(
                channel=target.channel, user=target.user, ts=stamp, text=text, thread_ts=thread, blocks=blocks
            )
        )

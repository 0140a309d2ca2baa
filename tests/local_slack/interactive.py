"""What people do besides talking: press buttons, send forms, use shortcuts and commands. Payloads only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import shapes
from .methods import Methods, View
from .responses import ResponseUrls
from .state import Ephemeral, Message, Workspace

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressed:
    """An interactive element and what was chosen in it."""

    block: str
    element: Json
    value: str


class Interactions:
    """Makes the payloads of what people do, with their trigger_id and response_url. ``url``: the server's."""

    def __init__(
        self, workspace: Workspace, methods: Methods, responses: ResponseUrls, url: Callable[[], str]
    ) -> None:
        self._workspace = workspace
        self._methods = methods
        self._responses = responses
        self._url = url

    def click(self, channel: str, ts: str, user: str, action: str, value: str | None) -> Json:
        shown = self._shown(channel, ts)
        pressed = find(shown.blocks, action, value)
        return block_actions(self._workspace, shown, user, pressed) | self._handles(user, channel, shown)

    def click_in_view(self, view_id: str, user: str, action: str, value: str | None) -> Json:
        view = self._methods.views[view_id]
        pressed = find(view.content["blocks"], action, value)
        payload = view_actions(self._workspace, view, user, pressed)
        return payload | {"trigger_id": self._methods.trigger(user)}

    def close(self, view_id: str) -> Json:
        view = self._methods.views[view_id]
        return _common(self._workspace, "view_closed", view.user) | {
            "view": view.content,
            "is_cleared": False,
        }

    def submit(self, view_id: str, values: Mapping[str, str]) -> Json:
        view = self._methods.views[view_id]
        payload = view_submission(self._workspace, view, values)
        return payload | {"trigger_id": self._methods.trigger(view.user)}

    def shortcut(self, callback: str, user: str) -> Json:
        payload = _common(self._workspace, "shortcut", user) | {"callback_id": callback}
        return payload | {"action_ts": self._workspace.stamp(), "trigger_id": self._methods.trigger(user)}

    def message_shortcut(self, callback: str, channel: str, ts: str, user: str) -> Json:
        message = self._workspace.message(channel, ts)
        return message_action(self._workspace, callback, message, user) | self._handles(user, channel, None)

    def command(self, name: str, text: str, channel: str, user: str) -> Json:
        return command(self._workspace, name, text, channel, user) | self._handles(user, channel, None)

    def _shown(self, channel: str, ts: str) -> Message | Ephemeral:
        for ephemeral in self._workspace.ephemerals:
            if (ephemeral.channel, ephemeral.ts) == (channel, ts):
                return ephemeral
        return self._workspace.message(channel, ts)

    def _handles(self, user: str, channel: str, shown: Message | Ephemeral | None) -> Json:
        url = self._url() + self._responses.make(channel, user, shown)
        return {"trigger_id": self._methods.trigger(user), "response_url": url}


def find(blocks: list[Json], action: str, value: str | None) -> Pressed:
    """The element ``action`` that offers ``value`` (None: the first it offers). Raises ``LookupError``."""
    offers = [
        pressed
        for block in blocks
        for pressed in _offers(block)
        if pressed.element.get("action_id") == action
    ]
    for pressed in offers:
        if value in (None, pressed.value):
            return pressed
    values = ", ".join(repr(pressed.value) for pressed in offers)
    raise LookupError(f"no element {action!r} that offers {value!r}; offered: {values or 'nothing'}")


def block_actions(
    workspace: Workspace,
    shown: Message | Ephemeral,
    user: str,
    pressed: Pressed,
) -> Json:
    """The payload of a click on ``shown``."""
    ephemeral = isinstance(shown, Ephemeral)
    container = {
        "type": "message",
        "message_ts": shown.ts,
        "channel_id": shown.channel,
        "is_ephemeral": ephemeral,
    }
    container |= {"thread_ts": shown.thread_ts} if shown.thread_ts else {}
    payload = _common(workspace, "block_actions", user) | {
        "container": container,
        "channel": _channel(workspace, shown.channel),
        "state": {"values": {}},
        "actions": [_action(pressed, workspace.stamp())],
    }
    return payload if isinstance(shown, Ephemeral) else payload | {"message": shapes.body(workspace, shown)}


def view_actions(workspace: Workspace, view: View, user: str, pressed: Pressed) -> Json:
    """The payload of a click in a view: it is in no channel, and nothing can be answered to it."""
    return _common(workspace, "block_actions", user) | {
        "container": {"type": "view", "view_id": view.id},
        "view": view.content,
        "actions": [_action(pressed, workspace.stamp())],
    }


def view_submission(workspace: Workspace, view: View, values: Mapping[str, str]) -> Json:
    """The payload of sending a form. ``values``: what was filled in, by action_id."""
    state: dict[str, Json] = {}
    for block in view.content["blocks"]:
        element = block.get("element", {})
        if block["type"] == "input":
            state[block["block_id"]] = {
                element["action_id"]: _filled(element, values.get(element["action_id"]))
            }
    content = view.content | {"state": {"values": state}}
    payload = _common(workspace, "view_submission", view.user)
    return payload | {"view": content, "response_urls": []}


def message_action(workspace: Workspace, callback: str, message: Message, user: str) -> Json:
    return _common(workspace, "message_action", user) | {
        "callback_id": callback,
        "action_ts": workspace.stamp(),
        "message_ts": message.ts,
        "channel": _channel(workspace, message.channel),
        "message": shapes.body(workspace, message),
    }


def command(workspace: Workspace, name: str, text: str, channel: str, user: str) -> Json:
    return {
        "token": "verification-token",
        "team_id": workspace.identity.team,
        "team_domain": workspace.identity.domain,
        "channel_id": channel,
        "channel_name": _channel(workspace, channel)["name"],
        "user_id": user,
        "user_name": workspace.users[user].name,
        "command": name,
        "text": text,
        "api_app_id": workspace.identity.app,
        "is_enterprise_install": "true" if workspace.identity.org_wide else "false",
    } | ({} if workspace.identity.enterprise is None else {"enterprise_id": workspace.identity.enterprise})


def _common(workspace: Workspace, kind: str, user: str) -> Json:
    identity, name = workspace.identity, workspace.users[user].name
    return {
        "type": kind,
        "token": "verification-token",
        "api_app_id": identity.app,
        "team": {"id": identity.team, "domain": identity.domain},
        "enterprise": None if identity.enterprise is None else {"id": identity.enterprise, "name": "Example"},
        "is_enterprise_install": identity.org_wide,
        "user": {"id": user, "username": name, "name": name, "team_id": workspace.users[user].team},
    }


def _channel(workspace: Workspace, id: str) -> Json:
    channel = workspace.channel(id)
    names = {"im": "directmessage", "group": "privategroup"}
    return {"id": id, "name": names.get(channel.kind.channel_type, channel.name)}


def _offers(block: Json) -> list[Pressed]:
    elements = [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]
    return [
        Pressed(block=block["block_id"], element=element, value=value)
        for element in elements
        for value in _values(element)
    ]


def _values(element: Json) -> list[str]:
    if element["type"] == "feedback_buttons":
        return [element["positive_button"]["value"], element["negative_button"]["value"]]
    if "options" in element:
        return [option["value"] for option in element["options"]]
    return [element.get("value", "")]


def _action(pressed: Pressed, stamp: str) -> Json:
    element = pressed.element
    action: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": pressed.block}
    action["action_ts"] = stamp
    if "options" in element:
        chosen = next(option for option in element["options"] if option["value"] == pressed.value)
        return action | {"selected_option": chosen}
    text = {"text": element["text"]} if "text" in element else {}
    return action | text | ({"value": pressed.value} if pressed.value else {})


def _filled(element: Json, value: str | None) -> Json:
    if "options" not in element:
        return {"type": element["type"], "value": value}
    chosen = next((option for option in element["options"] if option["value"] == value), None)
    return {"type": element["type"], "selected_option": chosen}

"""Pure: which arguments and scopes each Web API method takes, and the strict reading of a request."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """The call is answered with Slack's ``error``. With ``why`` it is also the bot's mistake: a violation."""

    def __init__(self, error: str, why: str | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error, self.why, self.more = error, why, more

    def answer(self) -> Json:
        messages = {"response_metadata": {"messages": [f"[ERROR] {self.why}"]}} if self.why else {}
        return {"ok": False, "error": self.error, **messages, **self.more}


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """``scopes``: any one of them is enough; ``{kind}`` stands for the kind of channel the call is about."""

    required: frozenset[str]
    optional: frozenset[str]
    scopes: tuple[str, ...] = ()
    reads_json: bool = False
    app_token: bool = False


# Method, scopes (`-` for none, `|` between alternatives), `json` if a JSON body is understood, arguments
# (`!`: required). From the method pages of the API reference.
_TABLE = """
auth.test                   -                               json
apps.connections.open       -                               json
bots.info                   users:read                      form  bot
chat.appendStream           chat:write                      json  channel! ts! markdown_text chunks
chat.startStream            chat:write                      json  channel! thread_ts markdown_text chunks recipient_user_id recipient_team_id task_display_mode icon_emoji icon_url username
chat.stopStream             chat:write                      json  channel! ts! markdown_text chunks blocks metadata session_status
chat.delete                 chat:write                      json  channel! ts! as_user
chat.getPermalink           -                               form  channel! message_ts!
chat.postEphemeral          chat:write                      json  channel! user! text blocks attachments thread_ts markdown_text metadata as_user icon_emoji icon_url username link_names parse
chat.postMessage            chat:write                      json  channel! text blocks attachments thread_ts markdown_text metadata reply_broadcast unfurl_links unfurl_media mrkdwn as_user icon_emoji icon_url username link_names parse current_draft_last_updated_ts
chat.update                 chat:write                      json  channel! ts! text blocks attachments markdown_text metadata reply_broadcast unfurled_attachments as_user link_names parse file_ids
conversations.history       {kind}:history                  form  channel! cursor limit oldest latest inclusive include_all_metadata
conversations.info          {kind}:read                     form  channel! include_locale include_num_members
conversations.join          channels:join                   json  channel!
conversations.list          {kind}:read                     form  cursor limit types exclude_archived
conversations.members       {kind}:read                     form  channel! cursor limit
conversations.open          im:write|mpim:write             json  channel users return_im prevent_creation
conversations.replies       {kind}:history                  form  channel! ts! cursor limit oldest latest inclusive include_all_metadata
oauth.v2.access             -                               form  code redirect_uri client_id client_secret grant_type refresh_token
reactions.add               reactions:write                 json  channel! name! timestamp!
reactions.get               reactions:read                  form  channel timestamp file file_comment full
reactions.remove            reactions:write                 json  name! channel timestamp file file_comment
team.info                   team:read                       form  team domain
usergroups.list             usergroups:read                 form  include_count include_disabled include_users
usergroups.users.list       usergroups:read                 form  usergroup! include_disabled
users.info                  users:read                      form  user! include_locale
users.list                  users:read                      form  cursor limit include_locale
views.open                  -                               json  view! trigger_id interactivity_pointer
views.publish               -                               json  user_id! view! hash interactivity_pointer
assistant.threads.setStatus assistant:write|chat:write      json  channel_id! thread_ts! status! loading_messages icon_emoji icon_url username
"""  # noqa: E501 -- a table is read across

_EVERYWHERE = frozenset({"team_id", "token"})

# What a support bot's app asks for, optional scopes included. Tests of a manifest pass the manifest's own.
DEFAULT_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "groups:history",
    "groups:read",
    "im:history",
    "mpim:history",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
)

_KINDS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


def _parse(line: str) -> tuple[str, Method]:
    name, scopes, encoding, *arguments = line.split()
    return name, Method(
        required=frozenset(argument[:-1] for argument in arguments if argument.endswith("!")),
        optional=frozenset(argument for argument in arguments if not argument.endswith("!")) | _EVERYWHERE,
        scopes=() if scopes == "-" else tuple(scopes.split("|")),
        reads_json=encoding == "json",
        app_token=name == "apps.connections.open",
    )


METHODS = dict(_parse(line) for line in _TABLE.strip().splitlines())


def needed(method: str, kinds: tuple[str, ...], args: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The scopes that a call needs: of each tuple one. ``kinds``: the kinds of channels that it reads."""
    scopes = METHODS[method].scopes
    if any("{kind}" in scope for scope in scopes):
        wanted = [tuple(scope.format(kind=_KINDS[kind]) for scope in scopes) for kind in kinds]
    else:
        wanted = [scopes] if scopes else []
    if {"username", "icon_emoji", "icon_url"} & set(args):
        wanted.append(("chat:write.customize",))
    return wanted


_CHANGES = ("archive", "unarchive", "deleted", "rename", "left")


def event_scopes(event_type: str, kind: str | None) -> tuple[str, ...]:
    """The scopes of which one is needed to be sent an event; empty if none is."""
    if event_type == "message" and kind is not None:
        return (f"{_KINDS[kind]}:history",)
    return {
        "app_mention": ("app_mentions:read",),
        "reaction_added": ("reactions:read",),
        "reaction_removed": ("reactions:read",),
        "member_joined_channel": ("channels:read", "groups:read"),
        "member_left_channel": ("channels:read", "groups:read"),
        "channel_shared": ("channels:read", "groups:read"),
        "channel_unshared": ("channels:read", "groups:read"),
        **{f"channel_{change}": ("channels:read",) for change in _CHANGES},
        **{f"group_{change}": ("groups:read",) for change in _CHANGES},
    }.get(event_type, ())


def read(method: str, given: Mapping[str, Any], *, is_json: bool) -> Json:
    """The arguments with their types. Raises ``Refused`` for what Slack does not know or cannot read."""
    spec = METHODS[method]
    if is_json and not spec.reads_json:
        raise Refused("invalid_arguments", f"{method} does not read a JSON body")
    unknown = set(given) - spec.required - spec.optional
    if unknown:
        raise Refused("invalid_arguments", f"unknown argument {', '.join(sorted(unknown))}")
    missing = {name for name in spec.required if given.get(name) in (None, "")} - {"status"}
    if missing:
        raise Refused("invalid_arguments", f"missing required field: {', '.join(sorted(missing))}")
    convert = _from_json if is_json else _from_form
    return {name: convert(name, value) for name, value in given.items() if name not in _EVERYWHERE}


def _pattern(expression: str) -> Callable[[Any], bool]:
    compiled = re.compile(expression)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _words(*lines: str) -> frozenset[str]:
    return frozenset(word for line in lines for word in line.split())


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


_IS_TS = _pattern(r"\d{10}\.\d{6}")
_IS_MOMENT = _pattern(r"\d{1,10}(\.\d{1,6})?")
_IS_USER = _pattern(r"[UW][A-Z0-9]+")
_IS_CHANNEL = _pattern(r"[CDGUW][A-Z0-9]+")
_BOOLEANS = _words(
    "as_user exclude_archived full include_all_metadata include_count include_disabled include_locale",
    "include_num_members include_users inclusive",
    "link_names mrkdwn prevent_creation reply_broadcast return_im unfurl_links unfurl_media",
)
_STRUCTURES = {
    "blocks": _is_list,
    "attachments": _is_list,
    "unfurled_attachments": _is_list,
    "metadata": _is_object,
    "view": _is_object,
    "loading_messages": _is_list,
}
_STRINGS: dict[str, Callable[[Any], bool]] = {
    "channel": _IS_CHANNEL,
    "channel_id": _IS_CHANNEL,
    "user": _IS_USER,
    "user_id": _IS_USER,
    "users": _pattern(r"[UW][A-Z0-9]+(,[UW][A-Z0-9]+)*"),
    "usergroup": _pattern(r"S[A-Z0-9]+"),
    "bot": _pattern(r"B[A-Z0-9]+"),
    "ts": _IS_TS,
    "thread_ts": _IS_TS,
    "message_ts": _IS_TS,
    "timestamp": _IS_TS,
    "oldest": _IS_MOMENT,
    "latest": _IS_MOMENT,
    "parse": _pattern(r"none|full"),
    "name": _pattern(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?"),
}


def _from_json(name: str, value: Any) -> Any:
    if name in _BOOLEANS:
        good = isinstance(value, bool)
    elif name == "limit":
        good = isinstance(value, int) and not isinstance(value, bool)
    elif name in _STRUCTURES:
        good = _STRUCTURES[name](value)
    else:
        good = isinstance(value, str) and _STRINGS.get(name, _any_string)(value)
    if not good:
        raise Refused(_wrong_type(name), f"{name} is {value!r}, which is not of its type")
    return value


def _any_string(value: Any) -> bool:
    """Any string will do."""
    return isinstance(value, str)


def _from_form(name: str, value: str) -> Any:
    if name in _BOOLEANS and value in ("0", "1", "true", "false"):
        return value in ("1", "true")
    if name == "limit" and value.isdecimal():
        return int(value)
    if name in _STRUCTURES:
        return _from_json(name, _loads(name, value))
    return _from_json(name, value)


def _loads(name: str, value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise Refused(_wrong_type(name), f"{name} is no JSON: {value[:80]!r}") from error


def _wrong_type(name: str) -> str:
    errors = {
        "blocks": "invalid_blocks_format",
        "metadata": "invalid_metadata_format",
        "name": "invalid_name",
    }
    return errors.get(name, "invalid_arguments")

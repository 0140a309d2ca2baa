"""`earshot doctor` on Lark: what would leave it deaf or dumb there without an error, in the console's words. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bot.adapters import lark_wire as wire
from bot.config import Config, mail_domains_in
from bot.doctor import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Permission:
    """``title``: as Permissions & Scopes of the developer console calls it. ``without``: what happens if it is missing.
    ``covered_by``: permissions that give as much."""

    title: str
    without: str
    covered_by: frozenset[str] = frozenset()


_ALL = frozenset({"im:message"})
PERMISSIONS: Mapping[str, Permission] = MappingProxyType(
    {
        "im:message.group_msg": Permission(
            title="Read all messages in associated group chat",
            without="it hears only what mentions it, and cannot read topics back",
        ),
        "im:message.p2p_msg:readonly": Permission(
            title="Read private messages sent to the bot",
            without="it hears no direct messages",
            covered_by=frozenset({"im:message.p2p_msg"}),
        ),
        "im:message:send_as_bot": Permission(
            title="Send messages as an app", without="it cannot answer", covered_by=_ALL
        ),
        "im:message:readonly": Permission(
            title="Read direct messages and group chat messages",
            without="it cannot read what was said before it came, look whether an answer was posted, or fetch pictures",
            covered_by=_ALL,
        ),
        "im:message.reactions:read": Permission(
            title="View message reactions",
            without="thumbs that are put on as reactions do not reach it",
            covered_by=frozenset({"im:message:readonly"}),
        ),
        "im:chat:readonly": Permission(
            title="Obtain group information",
            without="it takes every group for private and knows none by name",
            covered_by=frozenset({"im:chat", "im:chat:read"}),
        ),
        "contact:user.base:readonly": Permission(
            title="Obtain user's basic information",
            without="it knows nobody's name",
            covered_by=frozenset({"contact:contact:readonly_as_app"}),
        ),
    }
)
# What some settings ask for besides, and what the doctor itself would like.
READ_PERMISSION = "im:message:readonly"
_READING = frozenset(
    {READ_PERMISSION, "im:message", "im:message.history:readonly"}
)  # any gives pictures, too
CLIP_PERMISSION = "im:message.reactions:write_only"
MAIL_PERMISSION = "contact:user.email:readonly"
SELF_PERMISSION = "application:application:self_manage"
OPTIONAL = MappingProxyType(
    {
        CLIP_PERMISSION: "Send and delete message reactions",
        MAIL_PERMISSION: "Obtain user's email information",
        SELF_PERMISSION: "Manage app's own information",
    }
)

_ADD = "add it under Permissions & Scopes, then create a version of the app and have it approved"
_DEAF: Mapping[str, str] = MappingProxyType(
    {
        wire.RECEIVED: "it hears nothing at all",
        wire.RECALLED: "what people recall is kept",
        wire.REACTED: "thumbs that are put on as reactions do not reach it",
        wire.UNREACTED: "thumbs that are taken back still count",
        wire.CLICKED: "a click on a button shows an error, and nothing comes of it",
    }
)

_LESS: Mapping[str, str] = MappingProxyType(
    {wire.MENU: "items of the bot's menu that push an event do nothing; without a menu nothing is missed"}
)

Subscribed = tuple[frozenset[str], frozenset[str]]


def lacking(granted: frozenset[str]) -> list[str]:
    """The permissions that it needs and that nothing granted covers."""
    return [key for key, held in PERMISSIONS.items() if key not in granted and not held.covered_by & granted]


def examine_lark(app: str, granted: frozenset[str], subscribed: Subscribed | None) -> list[Finding]:
    """What is missing, one finding each. ``granted`` empty: it could not be asked; ``subscribed`` None: nor that."""
    if not granted:
        text = f"{app}: which permissions were granted is not told; compare Permissions & Scopes with docs/lark.md"
        return [Finding(name="lark permission", ok=False, text=text)]
    missing = [_missing(app, key, PERMISSIONS[key]) for key in lacking(granted)]
    return [*missing, *(_unsubscribed(app, subscribed) if subscribed is not None else [])]


def _missing(app: str, key: str, permission: Permission) -> Finding:
    text = f"{app} lacks {key} ({permission.title}), so {permission.without}; {_ADD}"
    return Finding(name="lark permission", ok=False, text=text)


def _unsubscribed(app: str, subscribed: Subscribed) -> list[Finding]:
    """Events and callbacks that do not come. Most that are missing harm little; of these it says so."""
    found = []
    for wanted, given, where in (
        (wire.EVENTS, subscribed[0], "Event Configuration"),
        (wire.CALLBACKS, subscribed[1], "Callback Configuration"),
    ):
        for name in (name for name in wanted if name not in given):
            what = _DEAF.get(name) or _LESS.get(name, "it learns late that a group changed")
            text = f"{app} is not subscribed to {name}, so {what}; add it under Events & Callbacks, {where}"
            found.append(Finding(name="lark event", ok=name not in _DEAF, text=text))
    return found


def examine_lark_settings(config: Config, app: str, granted: frozenset[str]) -> list[Finding]:
    """What the settings ask for and the permissions do not give."""
    found = []
    clip = config.defaults.clip or any(channel.clip for channel in config.channels.values())
    if clip and not {CLIP_PERMISSION, "im:message"} & granted:
        found.append((CLIP_PERMISSION, "clip is on, but no reaction can be put on"))
    if mail_domains_in(config.analysts) and MAIL_PERMISSION not in granted:
        found.append((MAIL_PERMISSION, "analysts names a mail domain, but nobody is known to belong to it"))
    if config.writer == "claude" and config.claude.images and not _READING & granted:
        found.append((READ_PERMISSION, "claude.images is on, but no picture can be fetched"))
    titles = {**OPTIONAL, READ_PERMISSION: PERMISSIONS[READ_PERMISSION].title}
    return [
        Finding(name="lark permission", ok=False, text=f"{app} lacks {key} ({titles[key]}): {why}; {_ADD}")
        for key, why in found
    ]

"""Slack's payloads to events, suggestions to blocks. Pure: nothing here talks to Slack."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from humanize import naturaldelta

from bot import manners
from bot.adapters import slack_markdown
from bot.adapters.acts import Post
from bot.adapters.adapter import Arrival
from bot.adapters.events import (
    Channel,
    ChannelKind,
    Deleted,
    Edited,
    Event,
    Heard,
    Ignored,
    OpenedHome,
    Payload,
    Person,
    Reacted,
    Uninstalled,
    Voted,
)
from bot.adapters.harmless import MAX_NAME, name_in, plainly
from bot.adapters.markdown import answer_pieces
from bot.adapters.slack_markup import escape, is_web, labelled, mrkdwn
from bot.answerer import CORRECTION, Citation, Line, Suggestion, joined
from bot.parts import parts_of
from knowledge.audience import Standing
from knowledge.entry import EntryKind
from knowledge.slacktext import plain_text, reaction_name
from knowledge.thread import Message, Role
from knowledge.visible import on_one_line

NAME = "slack"
METADATA_TYPE = "earshot_reply"
ANSWER_METADATA = "earshot_answer"  # what is said in words of our own
FEEDBACK_ACTION = "earshot_feedback"

# Limits of Block Kit: https://docs.slack.dev/reference/block-kit/blocks (the total is undocumented: bolt-js#2509)
MAX_SECTION = slack_markdown.MAX_SECTION
MAX_TOTAL = 11_000
MAX_BLOCKS = 50
MAX_CONTEXT_ELEMENTS = 10
MAX_TEXT = 3_900
MAX_TITLE = 150

# What the code below asks of Slack; manifest.json lists the same, and a test holds them together.
SCOPES = frozenset(
    {
        "channels:history",
        "channels:read",
        "chat:write",
        "commands",
        "groups:history",
        "groups:read",
        "im:history",
        "reactions:read",
        "users:read",
    }
)
# What some settings ask of Slack besides; off in manifest.json, as most need neither.
GROUPS_SCOPE = "usergroups:read"
MAIL_SCOPE = "users:read.email"
CLIP_SCOPE = "reactions:write"  # for `clip: on`, and for 👀 where Slack shows no status
FILES_SCOPE = "files:read"  # for `claude.images: true`
OPTIONAL_SCOPES = frozenset({GROUPS_SCOPE, MAIL_SCOPE, CLIP_SCOPE, FILES_SCOPE})
# How channels and who is in them change; see slack_channels.
CHANNEL_EVENTS = frozenset(
    {
        "channel_archive",
        "channel_deleted",
        "channel_id_changed",
        "channel_left",
        "channel_rename",
        "channel_shared",
        "channel_unarchive",
        "channel_unshared",
        "group_archive",
        "group_deleted",
        "group_left",
        "group_rename",
        "group_unarchive",
        "member_joined_channel",
        "member_left_channel",
    }
)
EVENTS = CHANNEL_EVENTS | frozenset(
    {
        "app_uninstalled",
        "message.channels",
        "message.groups",
        "message.im",
        "reaction_added",
        "reaction_removed",
        "app_home_opened",
        "tokens_revoked",
    }
)

_SPOKEN = frozenset({None, "file_share", "thread_broadcast", "me_message", "bot_message"})
_KINDS = {
    "channel": ChannelKind.PUBLIC,
    "group": ChannelKind.PRIVATE,
    "im": ChannelKind.DIRECT,
    "mpim": ChannelKind.GROUP,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Me:
    """Who we are in a workspace, as auth.test says. ``url`` ends with a slash."""

    team: str
    user: str
    bot: str | None
    url: str


# ---- from Slack -----------------------------------------------------


def homes(body: Payload) -> list[str]:
    """The workspaces in which we may be meant, the likeliest first.

    A delivery names several: in a channel shared with another company also that one's, where we are not installed.
    """
    first = _authorization(body)
    ours_only = body.get("type") == "block_actions"  # nobody else's message has our buttons
    message = (body.get("message") or {}) if ours_only else {}
    view, org = body.get("view") or {}, org_of(body)
    ours = org is None or org == body.get("enterprise_id")
    named = [
        None if org else first.get("team_id"),
        view.get("app_installed_team_id"),
        (message.get("bot_profile") or {}).get("team_id"),
        body.get("team_id") if ours else None,
        body.get("context_team_id"),
        (body.get("team") or {}).get("id"),
        (body.get("user") or {}).get("team_id") if isinstance(body.get("user"), Mapping) else None,
        org,
    ]
    return list(dict.fromkeys(str(one) for one in named if one))


def org_of(body: Payload) -> str | None:
    """The organisation (Enterprise Grid) through whose installation a delivery came; None if it is a workspace's."""
    first = _authorization(body)
    if first:
        return first.get("enterprise_id") if first.get("is_enterprise_install") else None
    if str(body.get("is_enterprise_install")).casefold() != "true":
        return None
    return (body.get("enterprise") or {}).get("id") or body.get("enterprise_id")


def _authorization(body: Payload) -> Payload:
    return next(iter(body.get("authorizations") or ()), {})


def homed(body: Payload, team: str) -> dict[str, Any]:
    """The delivery with ``team`` wherever a workspace is named that ids are made of."""
    if "team" in body or body.get("type") not in (None, "event_callback"):
        return {**body, "team": {**(body.get("team") or {}), "id": team}}
    return {**body, "team_id": team}


def arrival_of(body: Payload) -> Arrival | None:
    """What the inbox keeps of a delivery; None for what is neither an event nor a click."""
    if body.get("type") == "event_callback":
        return _event_arrival(body)
    if body.get("type") == "block_actions":
        return _click_arrival(body)
    return None


def _event_arrival(body: Payload) -> Arrival:
    event = body["event"]
    if event.get("type") == "app_home_opened":
        event = _bare_opening(event)
        body = {**body, "event": event}
    channel, subject = _place(event)
    at = event.get("event_ts") or event.get("ts") or str(body.get("event_time", 0))
    names = (
        event.get("type"),
        channel,
        subject,
        event.get("subtype"),
        event.get("user"),
        event.get("reaction"),
        at,
    )
    return Arrival(
        adapter=NAME,
        key=f"slack:{body['event_id']}",
        # The same content has been seen under different event ids: node-slack-sdk#2141.
        content_key="slack:" + "/".join(str(name) for name in (body.get("team_id"), *names)),
        conversation=_order_key(str(body.get("team_id")), event, channel, subject),
        at=when(event.get("ts") or at) if event.get("type") == "message" else when(at),
        payload=body,
    )


def _bare_opening(event: Payload) -> Payload:
    """That somebody opened our page, without what stands on it: that is not kept.

    Slack's own example gives its time without the dot: https://docs.slack.dev/reference/events/app_home_opened
    """
    at = str(event["event_ts"])
    dotted = at if "." in at else f"{at[:10]}.{at[10:]}"
    return {**{name: value for name, value in event.items() if name != "view"}, "event_ts": dotted}


def _place(event: Payload) -> tuple[str | None, str | None]:
    """Channel and timestamp of the message that an event is about."""
    item = event.get("item")
    if isinstance(item, Mapping):
        return item.get("channel"), item.get("ts")
    inner = event.get("message")
    changed = inner.get("ts") if isinstance(inner, Mapping) else None
    channel = event.get("channel") or event.get("new_channel_id")
    name = channel.get("id") if isinstance(channel, Mapping) else channel  # a rename holds the channel itself
    return name, event.get("deleted_ts") or changed or event.get("ts")


def _order_key(team: str, event: Payload, channel: str | None, subject: str | None) -> str:
    """Top-level messages of a channel are one queue (they may continue each other), each thread is another.

    What somebody does on our own page waits for no message.
    """
    if event.get("type") == "app_home_opened":
        return home_of(team, str(event.get("user")))
    spoken = event.get("type") == "message" and event.get("subtype") in _SPOKEN
    root = event.get("thread_ts") if spoken else subject
    return f"slack:{team}/{channel}" + (f"/{root}" if root else "")


def home_of(team: str, user: str) -> str:
    """The queue of what somebody does on our own page."""
    return f"slack:{team}/home/{user}"


def _click_arrival(body: Payload) -> Arrival | None:
    actions = body.get("actions") or []
    channel = (body.get("channel") or {}).get("id") or (body.get("container") or {}).get("channel_id")
    if not actions:
        return None
    action = actions[0]
    key = f"slack:click/{body['user']['id']}/{action.get('action_id')}/{action.get('action_ts')}"
    team = (body.get("team") or {}).get("id")
    container = body.get("container") or {}
    # A click in a form or on our page is in no channel.
    place = f"{channel}/{container.get('message_ts')}" if channel else f"view/{container.get('view_id')}"
    return Arrival(
        adapter=NAME,
        key=key,
        content_key=None,
        conversation=f"slack:{team}/{place}",
        at=when(str(action.get("action_ts") or 0)),
        payload=body,
    )


def parse(body: Payload, me: Me) -> Event:
    """The event in a delivery."""
    if body.get("type") == "block_actions":
        return _click(body)
    event = body["event"]
    team = str(body.get("team_id") or me.team)
    match event.get("type"):
        case "message":
            return _message(event, team, me, external=bool(body.get("is_ext_shared_channel")))
        case "reaction_added" | "reaction_removed":
            return _reaction(event, team, me)
        case "app_home_opened":
            return _opened(event, team)
        case "app_uninstalled" | "tokens_revoked":
            return uninstalled(body) or Ignored(why="no token of ours was revoked")
    return Ignored(why=f"{event.get('type')} needs no handling")


def _opened(event: Payload, team: str) -> Event:
    if event.get("tab") != "home":
        return Ignored(why="somebody looks at his direct messages to us")
    return OpenedHome(user=f"slack:{team}/{event['user']}", at=when(event["event_ts"]))


def uninstalled(body: Payload) -> Uninstalled | None:
    """Whether a delivery says that we were taken out of a workspace, or of a whole organisation."""
    event = body.get("event") or {}
    revoked = event.get("type") == "tokens_revoked" and (event.get("tokens") or {}).get("bot")
    if event.get("type") != "app_uninstalled" and not revoked:
        return None
    at = when(str(event.get("event_ts") or body.get("event_time", 0)))
    return Uninstalled(installation=f"{NAME}:{org_of(body) or body['team_id']}", at=at)


def _click(body: Payload) -> Event:
    action = body["actions"][0]
    if action.get("action_id") != FEEDBACK_ACTION:
        return Ignored(why=f"an action of somebody else: {action.get('action_id')}")
    verdict, _, suggestion_id = str(action.get("value", "")).partition(":")
    if verdict not in ("up", "down") or not suggestion_id:
        return Ignored(why=f"a feedback value that is not ours: {action.get('value')!r}")
    team = str((body.get("team") or {}).get("id"))
    user = f"slack:{team}/{body['user']['id']}"
    at = when(str(action.get("action_ts") or 0))
    return Voted(suggestion_id=suggestion_id, user=user, helpful=verdict == "up", at=at)


def _message(event: Payload, team: str, me: Me, *, external: bool) -> Event:
    subtype = event.get("subtype")
    place = f"slack:{team}/{event.get('channel')}"
    if subtype == "message_changed":
        return _changed(event, place, me)
    if subtype == "message_deleted":
        return Deleted(message_id=f"{place}/{event['deleted_ts']}", at=when(event["event_ts"]))
    if subtype not in _SPOKEN:
        return Ignored(why=f"message subtype {subtype}")
    if is_mine(event, me):
        return Ignored(why="our own message")
    kind = _KINDS.get(str(event.get("channel_type")), ChannelKind.PRIVATE)
    return heard(event, me, Channel(id=place, kind=kind, external=external))


def heard(event: Payload, me: Me, channel: Channel) -> Heard:
    """A message of an event, or of conversations.replies."""
    team = channel.id.removeprefix("slack:").split("/", 1)[0]
    ts, root = str(event["ts"]), event.get("thread_ts")
    by_bot = bool(event.get("bot_id")) or event.get("subtype") == "bot_message"
    author = event.get("user") or event.get("bot_id") or "unknown"
    text = str(event.get("text") or "")
    return Heard(
        message=Message(
            id=f"{channel.id}/{ts}",
            channel=channel.id,
            thread=f"{channel.id}/{root}" if root and root != ts else "",
            user=f"slack:{team}/{author}",
            at=when(ts),
            text=plain_text(text, {me.user: manners.NAME}, {}),
            role=Role.BOT if by_bot else Role.UNKNOWN,
            link=permalink(me, channel.id, ts, root),
        ),
        channel=channel,
    )


GROUP = re.compile(r"S[A-Z0-9]{6,}")


def person(user: Payload, qualified: str) -> Person:
    """A person of users.info. Without the scope for e-mail addresses the domain is not known."""
    profile = user.get("profile") or {}
    _, _, domain = str(profile.get("email") or "").rpartition("@")
    name = profile.get("display_name") or user.get("real_name") or None
    return Person(
        id=qualified, name=name, mail_domain=domain.casefold() or None, standing=_standing(user, qualified)
    )


def _standing(user: Payload, qualified: str) -> Standing:
    """Whether somebody belongs to the workspace of his qualified id. On Enterprise Grid one may belong to several."""
    teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
    known = teams - {None}
    if user.get("is_stranger") or (known and qualified.removeprefix("slack:").split("/")[0] not in known):
        return Standing.STRANGER
    return Standing.GUEST if user.get("is_restricted") or user.get("is_ultra_restricted") else Standing.MEMBER


def group_called(groups: Sequence[Payload], handle: str) -> Payload | None:
    """The user group (of usergroups.list) whose handle it is, with or without @, in any case."""
    wanted = handle.removeprefix("@").casefold()
    return next((group for group in groups if str(group.get("handle", "")).casefold() == wanted), None)


def _changed(event: Payload, place: str, me: Me) -> Event:
    message = event["message"]
    if is_mine(message, me):
        return Ignored(why="our own message was edited")
    ts = message.get("ts") or event.get("previous_message", {}).get("ts")
    at = when(event["event_ts"])
    if message.get("subtype") == "tombstone":  # how Slack deletes a message that has replies
        return Deleted(message_id=f"{place}/{ts}", at=at)
    text = plain_text(str(message.get("text") or ""), {me.user: manners.NAME}, {})
    return Edited(message_id=f"{place}/{ts}", text=text, at=at)


def _reaction(event: Payload, team: str, me: Me) -> Event:
    item = event.get("item") or {}
    if item.get("type") != "message":
        return Ignored(why=f"a reaction to a {item.get('type')}")
    if event.get("user") == me.user:
        return Ignored(why="our own reaction")
    return Reacted(
        message_id=f"slack:{team}/{item['channel']}/{item['ts']}",
        user=f"slack:{team}/{event['user']}",
        name=reaction_name(str(event["reaction"])),
        added=event["type"] == "reaction_added",
        at=when(event["event_ts"]),
    )


def is_spoken(message: Payload) -> bool:
    """Whether somebody said it; else it tells that somebody came, or that the topic is another."""
    return message.get("type") == "message" and message.get("subtype") in _SPOKEN


def is_mine(message: Payload, me: Me) -> bool:
    return message.get("user") == me.user or (me.bot is not None and message.get("bot_id") == me.bot)


def when(ts: str) -> datetime:
    """The time of a Slack timestamp, ``"1606810819.000800"``, exact to the microsecond."""
    whole, _, part = str(ts).partition(".")
    return datetime.fromtimestamp(int(whole), UTC).replace(microsecond=int(part.ljust(6, "0")[:6] or 0))


def permalink(me: Me, channel: str, ts: str, root: str | None) -> str:
    """The link that Slack's "Copy link" gives."""
    bare = channel.rsplit("/", 1)[-1]
    link = f"{me.url}archives/{bare}/p{ts.replace('.', '')}"
    return f"{link}?thread_ts={root}&cid={bare}" if root and root != ts else link


def bare(qualified: str) -> str:
    """``C1`` of ``slack:T1/C1``, the timestamp of a message id."""
    return qualified.rsplit("/", 1)[-1]


_MESSAGE_LINK = re.compile(r"<?https?://[^/\s]+/archives/(\w+)/p(\d{10})(\d{6})[^\s>]*>?")


def with_ids(words: str, team: str) -> str:
    """``words`` with the whole ids of messages in place of links to them."""
    return _MESSAGE_LINK.sub(lambda found: f"{NAME}:{team}/{found[1]}/{found[2]}.{found[3]}", words)


_BARE = re.compile(r"[CDGUW][A-Z0-9]{7,}")
_LINK = re.compile(r"https?://[^/]+/(?:archives|client/\w+)/(\w+)")


def place_of(given: str, team: str) -> str:
    """The whole id of the channel or person that somebody names by id or link; ``#name`` where it is a name."""
    link = _LINK.match(given)
    named = link[1] if link is not None else given
    if named.startswith(f"{NAME}:"):
        return named
    return f"{NAME}:{team}/{named}" if _BARE.fullmatch(named) else f"#{named.removeprefix('#').casefold()}"


# ---- to Slack -----------------------------------------------------


def render(post: Post, names: Mapping[str, str]) -> dict[str, Any]:
    """Arguments of chat.postMessage besides channel and thread: blocks, plain text, metadata, no unfurling.

    ``names`` maps Slack user ids to names, for people who are named in what is quoted: they are shown, not pinged.
    """
    suggestion = post.suggestion
    lead = [_section(escape(post.lead))] if post.lead else []
    said_by = escape(worded(suggestion, names)) or intro(suggestion)
    head = _section(said_by if post.part == 1 else counted(post))
    tail = [*noted(suggestion), *sources(suggestion.citations, post.now), feedback(post.id)]
    return {
        "text": _fallback(suggestion.lines, names),
        "blocks": between([*lead, head], suggestion, tail if post.is_last else [], names),
        "metadata": {"event_type": METADATA_TYPE, "event_payload": {"id": post.mark}},
        "unfurl_links": False,
        "unfurl_media": False,
    }


def counted(post: Post) -> str:
    """What stands above a message that goes on where the one before it ended."""
    return f"_({post.part}/{post.of})_"


# Names of people, how long ago something was said, and that it comes late, are not the same at any time.
_MORE_FOR_A_NAME, _MORE_FOR_A_SOURCE, _MORE = MAX_NAME, 40, 600
_LEAST_ROOM = 2_000


def parts(post: Post) -> Sequence[Post]:
    """The messages in which an answer is said."""
    said = post.suggestion
    tail = [*noted(said), *sources(said.citations, _ANY_TIME), feedback(post.id)]
    room = MAX_TOTAL - _MORE - _MORE_FOR_A_SOURCE * len(said.citations) - sum(map(_size, tail))
    most = MAX_BLOCKS - 5 - len(tail)
    return parts_of(post, lambda some: _share(some, max(room, _LEAST_ROOM), most))


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def _share(said: Suggestion, room: int, most: int) -> float:
    """The share of one message that the lines of an answer take, whatever people are called."""
    blocks = _body(said, {})
    people = sum(len(_ADDRESS_OR_MENTION.findall(line.text)) for line in said.lines)
    return max((sum(map(_size, blocks)) + people * _MORE_FOR_A_NAME) / room, len(blocks) / most)


def _size(block: dict[str, Any]) -> int:
    return len(str(block))


def between(
    head: Sequence[dict[str, Any]],
    suggestion: Suggestion,
    tail: Sequence[dict[str, Any]],
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The blocks of an answer between what stands before and after it, within Slack's limit for all together."""
    room = MAX_TOTAL - sum(len(str(block)) for block in (*head, *tail))
    return [*head, *_fit(_body(suggestion, names), room), *tail]


def intro(suggestion: Suggestion) -> str:
    """What stands above an answer."""
    documents = all(citation.kind is not EntryKind.THREAD for citation in suggestion.citations)
    if suggestion.verbatim:
        return "*The documentation says:*" if documents else "*A similar question was answered before:*"
    return "*From the documentation:*" if documents else "*From what was answered before:*"


def worded(suggestion: Suggestion, names: Mapping[str, str]) -> str:
    """What stands above an answer in the words of a person, by his name; empty above any other."""
    if not suggestion.worded_by:
        return ""
    name = name_in(names.get(bare(suggestion.worded_by), ""))
    return f"*Edited by {name}:*" if suggestion.citations else f"*{name} says:*"


def _body(suggestion: Suggestion, names: Mapping[str, str]) -> list[dict[str, Any]]:
    bar = ">" if suggestion.verbatim else ""  # what stands behind a bar was said so
    told = answer_pieces(suggestion, lambda text: show_names(text, names))
    return [block for pieces in told for block in slack_markdown.blocks(pieces, bar)]


def noted(suggestion: Suggestion) -> list[dict[str, Any]]:
    """The note about an answer, if it has one."""
    return [_section(f"_{escape(suggestion.note)}_")] if suggestion.note else []


def _fit(blocks: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    """The blocks that fit; what does not is left to the source's link, and said so."""
    kept: list[dict[str, Any]] = []
    used = 0
    for block in blocks:
        used += len(str(block))
        if used > room:
            return [*kept, _section("_… the rest is in the source._")]
        kept.append(block)
    return kept


def sources(citations: Sequence[Citation], now: datetime) -> list[dict[str, Any]]:
    shown = [mrkdwn(_source(citation, now)) for citation in citations]
    runs = [
        shown[start : start + MAX_CONTEXT_ELEMENTS] for start in range(0, len(shown), MAX_CONTEXT_ELEMENTS)
    ]
    return [{"type": "context", "elements": run} for run in runs]


def _source(citation: Citation, now: datetime) -> str:
    title, link = escape(on_one_line(citation.title)[:MAX_TITLE]), citation.link
    if link is not None and is_web(link):
        shown = labelled(link, title)
    elif citation.source.startswith(CORRECTION):
        shown = title  # what a person wrote into a form stands nowhere else
    else:
        shown = f"{title} ({escape(on_one_line(citation.source)[:MAX_TITLE])})"
    return f"[{citation.number}] {shown} · {provenance(citation, now)}"


def provenance(citation: Citation, now: datetime) -> str:
    """Who said it, when, and how far to believe it: ``analyst, 3 months ago, confirmed``."""
    if citation.kind is EntryKind.NOTE:
        who = "saved by hand"
    else:
        who = "document" if citation.kind is not EntryKind.THREAD else _role(citation.role)
    age = [] if citation.at is None else [f"{naturaldelta(now - citation.at)} ago"]
    threaded = citation.kind is EntryKind.THREAD
    held = [("confirmed" if citation.confirmed else "not confirmed")] if threaded else []
    return ", ".join([who, *age, *held, *(["may be out of date"] if citation.old else [])])


def _role(role: Role) -> str:
    return "analyst" if role is Role.ANALYST else "participant"


def feedback(suggestion_id: str) -> dict[str, Any]:
    def button(value: str, text: str) -> dict[str, Any]:
        return {"text": {"type": "plain_text", "text": text}, "value": f"{value}:{suggestion_id}"}

    element = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK_ACTION,
        "positive_button": button("up", "Helpful"),
        "negative_button": button("down", "Not helpful"),
    }
    return {"type": "context_actions", "elements": [element]}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text), "expand": True}


def _fallback(lines: Sequence[Line], names: Mapping[str, str]) -> str:
    return escape(show_names(joined(lines), names))[:MAX_TEXT]


# What looks like a mention within an address is part of it: with a name there the link would lead elsewhere.
_ADDRESS_OR_MENTION = re.compile(r"https?://\S+|<?@([UW][A-Z0-9]{5,})\b>?")


def mentioned_in(text: str) -> set[str]:
    """The ids of the people whom a text mentions."""
    return {user for user in _ADDRESS_OR_MENTION.findall(text) if user}


def show_names(text: str, names: Mapping[str, str]) -> str:
    """``@U0123ABCD`` as ``@Name``, or ``@someone`` where the name is not known."""
    return _ADDRESS_OR_MENTION.sub(
        lambda found: "@" + name_in(names.get(found[1], "")) if found[1] else found[0], plainly(text)
    )


def split(text: str, limit: int) -> list[str]:
    """Pieces of at most ``limit`` characters, cut at line ends or else at spaces, where there are any."""
    pieces = []
    while len(text) > limit:
        cut = text.rfind("\n", 1, limit)
        cut = cut if cut > 0 else text.rfind(" ", 1, limit) + 1 or limit
        pieces.append(text[:cut])
        text = text[cut:].removeprefix("\n")
    return [*pieces, text]

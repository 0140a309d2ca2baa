"""A Slack export understood: who and where from its listings, messages from its day files. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from knowledge.records import (
    ChannelInfo,
    Record,
    Unusable,
    as_items,
    as_list,
    as_record,
    optional,
    required,
    shown,
)
from knowledge.slacktext import plain_text, reaction_name
from knowledge.thread import Message, Reaction, Role

# https://slack.com/help/articles/220556107: which listing tells of which kind of conversation.
LISTINGS: Mapping[str, bool] = {  # name -> private
    "channels.json": False,
    "groups.json": True,
    "mpims.json": True,
    "dms.json": True,
}
USERS = "users.json"
UNKNOWN_TEAM = "export"

# What a person or a bot said. Every other subtype (channel_join, channel_topic, tombstone …) is an event.
_SAID = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
_TS = re.compile(r"(\d{1,11})\.(\d{1,6})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Workspace:
    """What the listings say.

    ``users`` and ``channel_names`` map Slack's ids to names, ``folders`` a folder of the export to its
    channel. ``bots`` are users that are programs, ``outsiders`` (qualified ids) people of other companies.
    """

    team: str = UNKNOWN_TEAM
    users: Mapping[str, str] = field(default_factory=dict)
    bots: frozenset[str] = frozenset()
    outsiders: frozenset[str] = frozenset()
    folders: Mapping[str, ChannelInfo] = field(default_factory=dict)
    channel_names: Mapping[str, str] = field(default_factory=dict)

    def qualified(self, *parts: str) -> str:
        return "/".join((f"slack:{self.team}", *parts))

    def channel(self, folder: str) -> ChannelInfo:
        """The channel of a folder of the export."""
        return self.folders.get(folder) or self.unlisted(self.qualified(folder))

    def unlisted(self, channel_id: str) -> ChannelInfo:
        """A channel that no listing names: taken as private, so that nothing of it leaks."""
        return ChannelInfo(id=channel_id, name=_bare(channel_id), private=True)


def workspace_of(listings: Mapping[str, object]) -> Workspace:
    """The workspace that the listings and ``users.json`` tell of (by file name, parsed). Raises Unusable."""
    people = [as_record(person) for person in _items(listings, USERS)]
    team = _team(people)
    workspace = Workspace(team=team)
    channels = [_channel(item, private, workspace) for item, private in _channels(listings)]
    return Workspace(
        team=team,
        users={required(person, "id"): _name(person) for person in people},
        bots=frozenset(required(person, "id") for person in people if person.get("is_bot") is True),
        outsiders=frozenset(
            workspace.qualified(required(person, "id"))
            for person in people
            if person.get("is_stranger") is True
        ),
        folders={folder: channel for channel in channels for folder in (channel.name, _bare(channel.id))},
        channel_names={_bare(channel.id): channel.name for channel in channels},
    )


def message_of(item: object, channel: ChannelInfo, workspace: Workspace) -> Message | None:
    """The message that an item of a day file tells; None for an event (somebody joined). Raises Unusable."""
    record = as_record(item)
    if optional(record, "type") not in ("", "message") or optional(record, "subtype") not in _SAID:
        return None
    if record.get("hidden") is True:
        return None
    ts = required(record, "ts")
    thread = optional(record, "thread_ts") or (ts if record.get("reply_count") else "")
    user = _user(record)
    return Message(
        id=f"{channel.id}/{ts}",
        channel=channel.id,
        thread=f"{channel.id}/{thread}" if thread else "",
        user=workspace.qualified(user),
        at=_moment(ts),
        text=plain_text(_text(record), workspace.users, workspace.channel_names),
        role=Role.BOT if _is_bot(record, user, workspace) else Role.UNKNOWN,
        reactions=tuple(_reactions(record, workspace)),
    )


def _items(listings: Mapping[str, object], name: str) -> list[object]:
    try:
        return as_items(listings.get(name, []))
    except Unusable as error:
        raise Unusable(f"{name}: {error}") from error


def _channels(listings: Mapping[str, object]) -> Iterator[tuple[object, bool]]:
    """The channels of all listings and whether they are private; private ones last, so that they win."""
    for name, private in LISTINGS.items():
        for item in _items(listings, name):
            yield item, private


def _channel(item: object, private: bool, workspace: Workspace) -> ChannelInfo:
    record = as_record(item)
    bare_id = required(record, "id")
    return ChannelInfo(
        id=workspace.qualified(bare_id),
        name=optional(record, "name") or bare_id,
        private=private or record.get("is_private") is True,
        external=record.get("is_ext_shared") is True,
    )


def _bare(channel_id: str) -> str:
    return channel_id.rpartition("/")[2]


def _team(people: Iterable[Record]) -> str:
    """The id of the workspace: that of most of its people (guests from other workspaces bring their own)."""
    teams = Counter(team for person in people if (team := optional(person, "team_id")))
    return teams.most_common(1)[0][0] if teams else UNKNOWN_TEAM


def _name(person: Record) -> str:
    """What people are called in Slack: display name, else real name, else user name, else the id."""
    profile = as_record(person.get("profile") or {})
    names = (optional(profile, "display_name"), optional(profile, "real_name"), optional(person, "name"))
    return next((name for name in names if name), required(person, "id"))


def _user(record: Record) -> str:
    for key in ("user", "bot_id", "username"):
        if name := optional(record, key):
            return name
    raise Unusable(f"the message at {shown(record.get('ts'))} has neither user nor bot_id; nobody said it")


def _is_bot(record: Record, user: str, workspace: Workspace) -> bool:
    return (
        record.get("subtype") == "bot_message"
        or bool(record.get("bot_id"))
        or user == "USLACKBOT"
        or user in workspace.bots
    )


def _text(record: Record) -> str:
    """Its text; a bot's often stands in attachments only, a shared file's only in its title."""
    if text := optional(record, "text"):
        return text
    attached = map(as_record, as_list(record, "attachments"))
    files = map(as_record, as_list(record, "files"))
    said = [optional(item, "text") or optional(item, "fallback") for item in attached]
    return "\n".join(filter(None, [*said, *(optional(file, "title") for file in files)]))


def _moment(ts: str) -> datetime:
    if not (found := _TS.fullmatch(ts)):
        raise Unusable(f"ts is {shown(ts)}; Slack writes seconds such as 1700000000.000100")
    fraction = timedelta(microseconds=int(found[2].ljust(6, "0")))
    return datetime.fromtimestamp(int(found[1]), UTC) + fraction


def _reactions(record: Record, workspace: Workspace) -> Iterable[Reaction]:
    for reaction in map(as_record, as_list(record, "reactions")):
        name = reaction_name(required(reaction, "name"))
        for user in as_list(reaction, "users"):
            yield Reaction(name=name, user=workspace.qualified(str(user)))

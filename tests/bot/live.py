"""A recording played through the local Slack and the real client into a running Earshot, on the recording's time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.adapters.slack import SlackAdapter
from bot.app import assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.replay import Outcome, advance, outcome_of
from knowledge.embed import Embedder
from knowledge.entry import KnowledgeEntry
from knowledge.recordings import Recording
from knowledge.search import Knowledge
from knowledge.thread import Message
from tests.local_slack import LocalSlack, escape


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What came of it. ``recording``: the same messages with the ids and times that Slack gave them."""

    recording: Recording
    outcomes: Sequence[Outcome]
    unacknowledged: int
    posts: int


async def play_live(
    slack: LocalSlack,
    recording: Recording,
    settings: Config,
    embedder: Embedder,
    folder: Path,
    entries: Sequence[KnowledgeEntry] = (),
) -> Live:
    """Post every message as its author would, wait for its acknowledgement, let the recording's time pass."""
    cast = Cast(slack, recording)
    database = open_database(f"sqlite:///{folder / 'live.db'}", durable=False)
    knowledge = Knowledge(database, embedder, None)
    await knowledge.open()
    await knowledge.learn(entries)
    clock = RecordedClock(recording.messages[0].at)
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
    adapter.post_interval = 0.0  # the recording's time passes faster than Slack's pace
    app = assemble(lambda: settings, database, knowledge, [adapter], clock=clock, settle=timedelta())
    await adapter.listen(app.accept)
    said = [cast.placed(index, message) for index, message in enumerate(recording.messages)]
    for message in said:
        await advance(app, clock, message.at)
        cast.post(message)
        await slack.until(slack.all_acked)
        await app.drain()
    await advance(app, clock, clock.now() + timedelta(days=1))
    unacknowledged = 0 if slack.all_acked() else len(slack.deliveries) - len(slack.acks)
    await app.close()
    outcomes = await database.run(lambda connection: _outcomes(connection, said))
    await knowledge.close()
    database.close()
    placed = replace(
        recording, messages=tuple(said), order=tuple(message.id for message in said), people=cast.people()
    )
    channels = {
        cast.channel(name): replace(info, id=cast.channel(name)) for name, info in recording.channels.items()
    }
    return Live(
        recording=replace(placed, channels=channels),
        outcomes=outcomes,
        unacknowledged=unacknowledged,
        posts=len(slack.posts()),
    )


def _outcomes(connection: Connection, said: Sequence[Message]) -> list[Outcome]:
    return [outcome_of(connection, message.id) for message in said]


class Cast:
    """Who and where, in Slack's ids, which are made of the recording's names."""

    def __init__(self, slack: LocalSlack, recording: Recording) -> None:
        self._slack = slack
        self._users = {
            name: f"U{number:08d}" for number, name in enumerate(sorted({m.user for m in recording.messages}))
        }
        self._channels = {name: f"C{number:08d}" for number, name in enumerate(sorted(recording.channels))}
        self._messages: dict[str, str] = {}
        self._roots: dict[str, str] = {}
        for name, user in self._users.items():
            slack.add_user(user, name)
        for name, channel in self._channels.items():
            slack.add_channel(channel, name.removeprefix("#"))

    def people(self) -> dict[str, str]:
        """What Slack calls them -> who they are, as it tells who asks."""
        return {name: f"slack:{self._slack.identity.team}/{user}" for name, user in self._users.items()}

    def channel(self, name: str) -> str:
        return f"slack:{self._slack.identity.team}/{self._channels[name]}"

    def placed(self, index: int, message: Message) -> Message:
        """The message as Slack knows it: ids of its own, distinct times, no role, a thread named by its first."""
        at = message.at + timedelta(microseconds=index % 1_000_000)
        channel = self.channel(message.channel)
        message_id = f"{channel}/{_ts(at)}"
        root = ""
        if message.thread:
            root = self._roots.setdefault(message.thread, message_id)
        return Message(
            id=message_id,
            channel=channel,
            thread="" if root == message_id else root,
            user=f"slack:{self._slack.identity.team}/{self._users[message.user]}",
            at=at,
            text=message.text,
        )

    def post(self, message: Message) -> None:
        bare = [
            part.rsplit("/", 1)[-1] for part in (message.channel, message.user, message.id, message.thread)
        ]
        self._slack.post(
            bare[0], bare[1], escape(message.text), ts=bare[2], thread_ts=bare[3] or None, raw=True
        )


def _ts(at: datetime) -> str:
    return f"{int(at.timestamp())}.{at.microsecond:06d}"

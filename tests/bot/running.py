"""A running Earshot for tests: the real Slack client against the local Slack, the real handlers, a hashing embedder."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import PATH, SlackHook
from bot.app import App, assemble, open_database
from bot.clock import Clock, SystemClock
from bot.config import Config, Secrets
from bot.forget import Account, erase
from bot.handlers import Bot
from bot.presses import NightActions
from bot.web import Web
from bot.writing import writers_for
from knowledge.database import Database
from knowledge.embed import Embedder, HashEmbedder
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.model_calls import CallLog
from knowledge.search import Knowledge
from knowledge.thread import Role
from knowledge.writer import Writer
from tests.local_slack import LocalSlack

WEIGHTS = Path(__file__).parent / "weights.json"  # so that training again does not decide about tests

QUESTION = "The gate stops with MLR-4090 since this morning, how do I make it start again?"
SOLUTION = "MLR-4090 means that the spill folder is full. Run `millrace spill clean --older 7d` and restart the gate."

# Other people's questions about the same, in words that open a conversation of their own in a flat channel.
OTHERS_QUESTION = "Since last night our gate stops, how can we start it?"
THIRD_QUESTION = "Our gate stops every night, what could we do about that?"

CHANNEL, PRIVATE = "C0HELP001", "C0PRIV001"
ANN, BOB, CARL = "U0ANN00001", "U0BOB00001", "U0CARL0001"


def erase_message(connection: Connection, message_id: str) -> None:
    """As when the platform says that a message was deleted."""
    erase(connection, Account(), config=Config(), ids=[message_id], now=datetime(2026, 1, 5, 12, tzinfo=UTC))


def entry(
    problem: str = "Gate does not start: MLR-4090\nSince last night the gate stops with MLR-4090, how can I start it?",
    solution: str = SOLUTION,
    *,
    origin: str = "slack:T0/C0OLD/1600000000.000001",
    audience: str = WORKSPACE,
    source: str = "slack:T0/C0OLD/1600000001.000001",
    link: str | None = "https://example.slack.com/archives/C0OLD/p1600000001000001",
) -> KnowledgeEntry:
    """A closed thread as knowledge."""
    at = datetime.now(UTC) - timedelta(days=92)
    asked = Passage(kind=PassageKind.PROBLEM, text=problem, source=origin, at=at)
    solved = Passage(
        kind=PassageKind.SOLUTION, text=solution, source=source, role=Role.ANALYST, at=at, link=link
    )
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=problem.split("\n")[0],
        origin=origin,
        audience=audience,
        passages=(asked, solved),
        known_from=at,
        confirmed=True,
    )


def config(*, wait: float = 0.0, precision: float = 0.5, **more: object) -> Config:
    speaking = {"wait_seconds": f"{wait:g}", "precision": f"{precision}", "max_per_hour": "100"}
    given = {"defaults": speaking, "analysts": [BOB], "weights": str(WEIGHTS), **more}
    return Config.model_validate(given)


def workspace(slack: LocalSlack) -> None:
    """A help channel and a private one, two customers and an analyst; the bot is in both channels."""
    for user, name in ((ANN, "ann"), (BOB, "bob"), (CARL, "carl")):
        slack.add_user(user, name)
    slack.add_channel(CHANNEL, "help", members=[ANN, BOB, CARL])
    slack.add_channel(PRIVATE, "help-private", kind="private", members=[ANN, BOB])


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    app: App
    slack: LocalSlack
    database: Database
    knowledge: Knowledge
    web: Web | None = None

    @property
    def bot(self) -> Bot:
        return self.app.bot


@asynccontextmanager
async def running(
    slack: LocalSlack,
    folder: Path,
    entries: Sequence[KnowledgeEntry] = (),
    *,
    settings: Config | Callable[[], Config] | None = None,
    clock: Clock | None = None,
    embedder: Embedder | None = None,
    settle: timedelta = timedelta(milliseconds=20),
    night: NightActions | None = None,
    secrets: Secrets | None = None,
    calls: CallLog | None = None,
    writer: Writer | None = None,
    signing_secret: str | None = None,
) -> AsyncIterator[Running]:
    """An Earshot that is connected when the block begins and stopped when it ends.

    With a ``signing_secret`` over HTTP.
    """
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    knowledge = Knowledge(database, embedder or HashEmbedder(), folder / "index")
    await knowledge.open()
    await knowledge.learn(entries)
    web = Web("127.0.0.1", 0) if signing_secret else None
    hook = SlackHook(signing_secret, web) if signing_secret and web else None
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url, hook)
    chosen = settings or config()
    current = chosen if callable(chosen) else lambda: chosen
    async with writers_for(
        current,
        secrets or Secrets(),
        database,
        clock or SystemClock(),
        calls=calls,
        images=adapter,
    ) as writers:
        app = assemble(
            current,
            database,
            knowledge,
            [adapter],
            clock=clock,
            writer=writer or writers.writer,
            settle=settle,
            night=night,
            rewriter=writers.rewriter,
            web=web,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(app.run(stop))
        try:
            await slack.until(lambda: bool(web.url if web else slack.connected()) or task.done())
            if task.done():
                task.result()
            if web is not None and signing_secret is not None:
                slack.post_events_to(web.url + PATH, signing_secret)
            yield Running(app=app, slack=slack, database=database, knowledge=knowledge, web=web)
        finally:
            stop.set()
            await task
            await knowledge.close()
            database.close()


logging.getLogger("earshot").setLevel(logging.DEBUG)

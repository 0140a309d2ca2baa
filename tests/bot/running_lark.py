"""A running Earshot on Lark for tests: the real long-connection client against the local Lark, the real handlers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from bot.adapters.lark import LarkAdapter, LarkApp
from bot.adapters.lark_api import LarkApi
from bot.adapters.lark_link import LarkLink
from bot.adapters.lark_socket import ConnectFailed, LarkSocket
from bot.app import App, assemble, open_database
from bot.clock import Clock
from bot.config import Config
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import KnowledgeEntry
from knowledge.search import Knowledge
from tests.bot.running import config as slack_config
from tests.local_lark import LocalLark

CHAT, TOPICS = "oc_help", "oc_topics"
ANN, BOB, CARL = "ou_ann", "ou_bob", "ou_carl"


def config(**more: object) -> Config:
    return slack_config(**{"analysts": [BOB], **more})  # type: ignore[arg-type]


def tenant(lark: LocalLark) -> None:
    """A group that all may find, a group of topics, two customers and an analyst."""
    for user, name in ((ANN, "Ann Ash"), (BOB, "Bob"), (CARL, "Carl")):
        lark.add_user(user, name)
    lark.add_chat(CHAT, "help", kind="public", members=[ANN, BOB, CARL])
    lark.add_chat(TOPICS, "topics", mode="topic", members=[ANN, BOB])


def app_of(lark: LocalLark) -> LarkApp:
    return LarkApp(id=lark.app_id, secret=lark.app_secret, domain=lark.url)


def link(api: LarkApi, *, patience: float = 2.0) -> LarkLink:
    return LarkLink(api, LarkSocket, (ConnectFailed,), patience=patience, pauses=(0.1, 0.2))


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    app: App
    lark: LocalLark
    adapter: LarkAdapter
    database: Database

    def whole(self, message: str, chat: str = CHAT) -> str:
        return f"lark:{self.lark.app_id}/{chat}/{message}"


@asynccontextmanager
async def running(
    lark: LocalLark,
    folder: Path,
    entries: Sequence[KnowledgeEntry] = (),
    *,
    settings: Config | None = None,
    clock: Clock | None = None,
    patience: float = 2.0,
    more: Sequence[LocalLark] = (),
) -> AsyncIterator[Running]:
    """An Earshot that is connected when the block begins and stopped when it ends. ``more``: apps besides."""
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    knowledge = Knowledge(database, HashEmbedder(), folder / "index")
    await knowledge.open()
    await knowledge.learn(entries)
    apps = [app_of(one) for one in (lark, *more)]
    adapter = LarkAdapter(apps, lambda api: link(api, patience=patience))
    chosen = settings or config()
    settle = timedelta(milliseconds=20)
    app = assemble(lambda: chosen, database, knowledge, [adapter], clock=clock, settle=settle)
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        await lark.until(lambda: all(one.connected() for one in (lark, *more)) or task.done())
        if task.done():
            task.result()
        yield Running(app=app, lark=lark, adapter=adapter, database=database)
    finally:
        stop.set()
        await task
        await knowledge.close()
        database.close()

"""Bursts of messages over each transport, while connections are exchanged, cut and go deaf, events come again and
overtake each other: is everything handled once and in order, and how soon is it acknowledged?

No data: invented lines, of which one in fifty asks what an entry answers, among some thousand invented entries. The
bot is a whole one in this process (real clients, real handlers, SQLite with synchronous=FULL, a hashing embedder
unless --model names another); the platform lives in a process of its own.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection

from benchmarks._bursts_plan import ANALYSTS, CHANNELS, CUSTOMERS, Burst, answers, planned
from benchmarks._bursts_sent import (
    KEY,
    SECRET,
    SLACK,
    TOKEN,
    Sent,
    Side,
    lark_http_side,
    lark_side,
    play,
    shuffled,
    slack_http_side,
    slack_side,
    user_id,
)
from benchmarks.live import invented
from bot.adapters.adapter import Adapter
from bot.adapters.lark import LarkAdapter, LarkApp
from bot.adapters.lark_api import LarkApi
from bot.adapters.lark_hook import PATH as LARK_PATH
from bot.adapters.lark_hook import LarkHook
from bot.adapters.lark_link import LarkLink
from bot.adapters.lark_signing import Keys
from bot.adapters.lark_socket import ConnectFailed, LarkSocket
from bot.adapters.room import RoomAdapter, channel, said
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import PATH as SLACK_PATH
from bot.adapters.slack_http import SlackHook
from bot.app import App, assemble, keep_for_good, open_database, open_knowledge
from bot.config import Config
from bot.web import Web
from knowledge.database import Database
from knowledge.embed import HASH, HashEmbedder, load_embedder
from knowledge.thread import Message

Json = dict[str, Any]

ROOM = "room"
TRANSPORTS = ("slack-socket", "slack-http", "lark-ws", "lark-http", ROOM)
ENTRIES = 3_000
WEIGHTS = Path(__file__).parent.parent / "tests" / "bot" / "weights.json"
IDLE_WITHIN = 600.0  # seconds after the last acknowledgement in which everything must be handled
SETTLE = timedelta(milliseconds=100)


@dataclass(frozen=True, kw_only=True, slots=True)
class Handled:
    """What the store says. ``lost``: lines without a decision; ``twice``: lines not edited with several.

    ``misread``: lines kept with another text. ``disordered``: of neighbours in a thread, decided the wrong way round,
    although both were there in time; ``late``: because one came after the other was due. ``replies``: decided upon.
    """

    lost: int
    twice: int
    misread: int
    disordered: int
    late: int
    replies: tuple[str, ...]
    known: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Of one transport. ``seconds``: from the first line to the last decision; ``processor``: ours in them."""

    transport: str
    lines: int
    sent: Sent
    handled: Handled
    seconds: float
    processor: float
    megabytes: float
    load: float


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks bursts", description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--burst", type=int, default=100, help="messages at once")
    parser.add_argument("--every", type=float, default=2.5, help="seconds from one burst to the next")
    parser.add_argument("--transport", choices=[*TRANSPORTS, "all"], default="all")
    parser.add_argument(
        "--server", choices=["process", "thread"], default="process", help="where the platform lives"
    )
    parser.add_argument("--model", default=HASH, help="the embedding model")
    parser.add_argument("--entries", type=int, default=ENTRIES)
    parser.add_argument("--picture", type=Path, help="where to draw how long the acknowledgements took")
    arguments = parser.parse_args(argv)
    bursts = planned(arguments.messages, arguments.burst)
    chosen = TRANSPORTS if arguments.transport == "all" else (arguments.transport,)
    print(HEAD)
    results = []
    for transport in chosen:
        result = asyncio.run(
            measured(
                transport,
                bursts,
                Manner(
                    every=arguments.every,
                    thread=arguments.server == "thread",
                    model=arguments.model,
                    entries=arguments.entries,
                ),
            )
        )
        print(row(result), flush=True)
        results.append(result)
    return max(int(not sound(result)) for result in results)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """``every``: seconds between two bursts. ``thread``: the platform lives in a thread of this process."""

    every: float = 2.5
    thread: bool = False
    model: str = HASH
    entries: int = ENTRIES


# ---- one transport


async def measured(transport: str, bursts: Sequence[Burst], manner: Manner) -> Result:
    """Play the bursts over the transport into a new Earshot, until everything is handled."""
    with tempfile.TemporaryDirectory(prefix="earshot-bursts-") as folder:
        if transport == ROOM:
            return await _in_room(bursts, manner, Path(folder))
        with _side(MAKE[transport], bursts, manner) as pipe:
            return await _over(transport, pipe, bursts, manner, Path(folder))


class _side(AbstractContextManager[Pipe]):
    """The platform, in its process or thread; what is spoken with it."""

    def __init__(
        self, make: Callable[[], AbstractContextManager[Side]], bursts: Sequence[Burst], manner: Manner
    ) -> None:
        ours, theirs = multiprocessing.Pipe()
        self._ours = ours
        given = (theirs, make, bursts, manner.every)
        self._life: threading.Thread | multiprocessing.context.SpawnProcess
        if manner.thread:
            self._life = threading.Thread(target=play, args=given, daemon=True)
        else:
            self._life = multiprocessing.get_context("spawn").Process(target=play, args=given, daemon=True)

    def __enter__(self) -> Pipe:
        self._life.start()
        return self._ours

    def __exit__(self, *_: object) -> None:
        self._life.join(timeout=20)
        self._ours.close()


async def _over(transport: str, pipe: Pipe, bursts: Sequence[Burst], manner: Manner, folder: Path) -> Result:
    address = await asyncio.to_thread(pipe.recv)
    web = Web("127.0.0.1", 0)
    adapter, path = _adapter(transport, address, web)
    async with _running(folder, bursts, manner, adapter, web) as (app, database):
        begun, used = time.monotonic(), time.process_time()
        pipe.send(f"{web.url}{path}" if path else None)
        await asyncio.to_thread(pipe.recv)
        await _idle(app, database)
        seconds, processor = time.monotonic() - begun, time.process_time() - used
        pipe.send("told")
        sent: Sent = await asyncio.to_thread(pipe.recv)
        lines = [line for burst in bursts for line in burst.lines]
        texts = {id: _text(line.text, line.edited) for id, line in zip(sent.ids, lines, strict=True)}
        known = [id for id, line in zip(sent.ids, lines, strict=True) if line.known]
        edited = {id for id, line in zip(sent.ids, lines, strict=True) if line.edited is not None}
        handled = await database.run(lambda connection: _handled(connection, texts, edited, known))
    return Result(
        transport=transport,
        lines=len(texts),
        sent=sent,
        handled=handled,
        seconds=seconds,
        processor=processor,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        load=os.getloadavg()[0],
    )


def _text(text: str, edited: str | None) -> tuple[str, ...]:
    """What may stand in the store: Lark tells nobody of an edit, and the last burst's lines were not edited yet."""
    return (text,) if edited is None else (text, edited)


MAKE: Mapping[str, Callable[[], AbstractContextManager[Side]]] = {
    "slack-socket": slack_side,
    "slack-http": slack_http_side,
    "lark-ws": lark_side,
    "lark-http": lark_http_side,
}


def _adapter(transport: str, address: Json, web: Web) -> tuple[Adapter, str]:
    """The adapter, and the path under which it is posted to, if it is."""
    if transport == "slack-socket":
        return SlackAdapter(address["bot_token"], address["app_token"], address["base_url"]), ""
    if transport == "slack-http":
        hook = SlackHook(SECRET, web)
        return SlackAdapter(address["bot_token"], "", address["base_url"], hook), SLACK_PATH
    if transport == "lark-ws":
        return LarkAdapter([LarkApp(**address)], _link), ""
    return LarkAdapter([LarkApp(**address)], hook=LarkHook(Keys(token=TOKEN, encrypt=KEY), web)), LARK_PATH


def _link(api: LarkApi) -> LarkLink:
    return LarkLink(api, LarkSocket, (ConnectFailed,))


@asynccontextmanager
async def _running(
    folder: Path, bursts: Sequence[Burst], manner: Manner, adapter: Adapter, web: Web
) -> AsyncIterator[tuple[App, Database]]:
    analysts = [user_id(adapter.name, CUSTOMERS + number) for number in range(ANALYSTS)]
    speaking = {"wait_seconds": "0", "precision": "0.5", "max_per_hour": "10000", "cool_down": "1s"}
    config = Config.model_validate(
        {
            "store": f"sqlite:///{folder}/earshot.db",
            "defaults": speaking,
            "analysts": analysts,
            "weights": str(WEIGHTS),
        }
    )
    database = open_database(config.store)
    embedder = HashEmbedder() if manner.model == HASH else load_embedder(manner.model, 2)
    knowledge = await open_knowledge(config, database, embedder=embedder)
    await knowledge.learn([*invented(manner.entries), *answers(bursts)])
    app = assemble(lambda: config, database, knowledge, [adapter], settle=SETTLE, web=web)
    keep_for_good()  # as `earshot run`
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        while not web.url and not task.done():
            await asyncio.sleep(0.01)
        yield app, database
    finally:
        stop.set()
        await task
        await knowledge.close()
        database.close()


async def _idle(app: App, database: Database) -> None:
    """Wait until nothing is to be handled and nothing to be posted."""
    deadline = time.monotonic() + IDLE_WITHIN
    while await database.run(_open) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)


def _open(connection: Connection) -> int:
    inbox = "select count(*) from inbox where state in ('pending', 'running', 'waiting')"
    outbox = "select count(*) from outbox where state in ('intent', 'sending')"
    return sum(int(connection.exec_driver_sql(count).scalar_one()) for count in (inbox, outbox))


# ---- what came of it

_DECIDED = """
select m.id, m.text, count(d.id) as times from messages m
left join decisions d on d.message_id = m.id group by m.id
"""
# Decisions are numbered in the order in which the handlers concluded. A delivery is found again by the platform's
# time of its message and the queue that it was in: its channel's, or its thread's.
_IN_ORDER = """
select i.conversation as queue, m.at as at, min(d.id) as place, min(i.received_at) as came from messages m
join decisions d on d.message_id = m.id
join inbox i on i.at = m.at and substr(i.conversation, 1, length(m.channel)) = m.channel
group by m.id order by queue, m.at
"""


def _handled(
    connection: Connection, texts: Mapping[str, Sequence[str]], edited: set[str], known: Sequence[str]
) -> Handled:
    rows = {row.id: row for row in connection.exec_driver_sql(_DECIDED)}
    replies = "select distinct message_id from decisions where action = 'REPLY'"
    decided = tuple(str(row[0]) for row in connection.exec_driver_sql(replies))
    disordered, late = _order(connection)
    return Handled(
        lost=sum(id not in rows or not rows[id].times for id in texts),
        twice=sum(rows[id].times > 1 for id in texts if id in rows and id not in edited),
        misread=sum(rows[id].text not in allowed for id, allowed in texts.items() if id in rows),
        disordered=disordered,
        late=late,
        replies=decided,
        known=len(known),
    )


def _order(connection: Connection) -> tuple[int, int]:
    """How many messages of a queue were decided after a later one: though they were there in time, or came too late."""
    queues: dict[str, list[Any]] = {}
    for row in connection.exec_driver_sql(_IN_ORDER):
        queues.setdefault(row.queue, []).append(row)
    disordered = late = 0
    for rows in queues.values():
        for place, row in enumerate(rows):
            before = [after for after in rows[place + 1 :] if after.place < row.place]
            # It was there before the later one was due, so it had to be taken first.
            if any(row.came <= after.came + SETTLE.total_seconds() for after in before):
                disordered += 1
            elif before:
                late += 1
    return disordered, late


async def _in_room(bursts: Sequence[Burst], manner: Manner, folder: Path) -> Result:
    """The room hands over what it has; how long that takes stands for the acknowledgement."""
    room = RoomAdapter({f"room/{number}": channel(f"room/{number}") for number in range(CHANNELS)})
    web, chance, took = Web("127.0.0.1", 0), Random(3), list[float]()
    async with _running(folder, bursts, manner, room, web) as (app, database):
        begun, used = time.monotonic(), time.process_time()
        start, ids, count = datetime.now(UTC), list[str](), 0

        async def hand_over(message: Message) -> None:
            at = time.monotonic()
            await app.accept(said(message))
            took.append(time.monotonic() - at)

        for place, burst in enumerate(bursts):
            await asyncio.sleep(max(begun + place * manner.every - time.monotonic(), 0.0))
            messages = []
            for line in burst.lines:
                ids.append(f"room/m{line.number}")
                messages.append(
                    Message(
                        id=ids[-1],
                        channel=f"room/{line.channel}",
                        user=user_id(ROOM, line.user),
                        text=line.text,
                        thread="" if line.root is None else ids[line.root],
                        at=start + timedelta(milliseconds=line.number),
                    )
                )
            await asyncio.gather(*(hand_over(message) for message in shuffled(messages, chance)))
            count += len(messages)
        await _idle(app, database)
        seconds, processor = time.monotonic() - begun, time.process_time() - used
        lines = [line for burst in bursts for line in burst.lines]
        texts = {id: (line.text,) for id, line in zip(ids, lines, strict=True)}
        known = [id for id, line in zip(ids, lines, strict=True) if line.known]
        handled = await database.run(lambda connection: _handled(connection, texts, set(), known))
    sent = Sent(
        acks=tuple(took),
        attempts=count,
        deliveries=count,
        unanswered=0,
        lost=0,
        ids=tuple(ids),
        posts=tuple(post.reply_to for post in room.posts.values()),
        connections=0,
        violations=(),
        seconds=0.0,
    )
    return Result(
        transport=ROOM,
        lines=len(texts),
        sent=sent,
        handled=handled,
        seconds=seconds,
        processor=processor,
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        load=os.getloadavg()[0],
    )


# ---- what is shown

HEAD = (
    "| transport | lines | deliveries, attempts | connections | lost | twice | disordered (late) | misread "
    "| replies decided, posted, doubled | ack ms p50 | p95 | p99 | max | unanswered | lines/s | processor s: ours, theirs | MB | load | violations |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def row(result: Result) -> str:
    sent, handled = result.sent, result.handled
    marks = [f"{1000 * share(sent.acks, each):.0f}" for each in (0.5, 0.95, 0.99, 1.0)]
    cells = [
        result.transport,
        result.lines,
        f"{sent.deliveries}, {sent.attempts}",
        sent.connections,
        handled.lost,
        handled.twice,
        f"{handled.disordered} ({handled.late})",
        handled.misread,
        f"{len(handled.replies)}, {len(sent.posts)}, {doubled(sent)}",
        *marks,
        sent.unanswered,
        f"{result.lines / result.seconds:.0f}",
        f"{result.processor:.0f}, {sent.seconds:.0f}",
        f"{result.megabytes:.0f}",
        f"{result.load:.1f}",
        len(sent.violations),
    ]
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def share(values: Sequence[float], part: float) -> float:
    """The value that ``part`` of them do not exceed."""
    return sorted(values)[int(part * (len(values) - 1))] if values else 0.0


def doubled(sent: Sent) -> int:
    """Answers beyond the first to one message."""
    return len(sent.posts) - len(set(sent.posts))


def sound(result: Result) -> bool:
    """Whether everything was handled once and in order."""
    sent, handled = result.sent, result.handled
    faults = (handled.lost, handled.twice, handled.disordered, handled.misread, doubled(sent), sent.lost)
    return not any(faults) and not sent.violations

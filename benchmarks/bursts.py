"""Bursts of messages over each transport, while connections are exchanged, cut and go deaf, events come again and
overtake each other: is everything handled once and in order, and how soon is it acknowledged?

No data: invented lines, of which one in fifty asks what an entry answers, among some thousand invented entries. The
bot is a whole one in this process (real clients, real handlers, SQLite with synchronous=FULL, a hashing embedder
unless --model names another); the platform lives in a process of its own.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import Connection

from benchmarks._bursts_plan import ANALYSTS, CHANNELS, CUSTOMERS, Burst, Line, answers, planned
from benchmarks._bursts_sent import (
    KEY,
    SECRET,
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
from benchmarks._pictures import acknowledgements
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
from bot.night import run_night
from bot.nights import last_due
from bot.web import Web
from knowledge.database import Database
from knowledge.embed import HASH, HashEmbedder, load_embedder
from knowledge.thread import Message

Json = dict[str, Any]

ROOM = "room"
TRANSPORTS = ("slack-socket", "slack-http", "lark-ws", "lark-http", ROOM)
ENTRIES = 3_000
WEIGHTS = Path(__file__).parent.parent / "tests" / "bot" / "weights.json"
IDLE_WITHIN = 3600.0  # seconds after the last acknowledgement in which everything must be handled
TARGET = 0.1  # seconds in which 99 of 100 deliveries are to be acknowledged
SETTLE = timedelta(milliseconds=100)
NOW = datetime.now(UTC)


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
class Spent:
    """``seconds`` of a clock, ``processor`` seconds of ours in them, and those that our threads ``waited`` for one that
    others had. ``load``: of the machine at the end."""

    seconds: float
    processor: float
    waited: float
    megabytes: float
    load: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Of one transport."""

    transport: str
    lines: int
    sent: Sent
    handled: Handled
    spent: Spent


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
    if arguments.picture is not None:
        acknowledgements(
            arguments.picture, {result.transport: result.sent.acks for result in results}, TARGET
        )
    return max(int(not sound(result)) for result in results)


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """``every``: seconds between two bursts. ``thread``: the platform lives in a thread of this process.

    ``quick``: what is not acknowledged comes again within a second.
    """

    every: float = 2.5
    thread: bool = False
    model: str = HASH
    entries: int = ENTRIES
    quick: bool = False


# ---- one transport


async def measured(transport: str, bursts: Sequence[Burst], manner: Manner) -> Result:
    """Play the bursts over the transport into a new Earshot, until everything is handled."""
    with tempfile.TemporaryDirectory(prefix="earshot-bursts-") as folder:
        if transport == ROOM:
            return await _in_room(bursts, manner, Path(folder))
        with _side(partial(MAKE[transport], manner.quick), bursts, manner) as pipe:
            return await _over(transport, pipe, bursts, manner, Path(folder))


@contextmanager
def _side(
    make: Callable[[], AbstractContextManager[Side]], bursts: Sequence[Burst], manner: Manner
) -> Iterator[Pipe]:
    """The platform, in its process or thread; what is spoken with it."""
    ours, theirs = multiprocessing.Pipe()
    given = (theirs, make, bursts, manner.every)
    life: threading.Thread | multiprocessing.context.SpawnProcess
    if manner.thread:
        life = threading.Thread(target=play, args=given, daemon=True)
        life.start()
    else:
        life = multiprocessing.get_context("spawn").Process(target=play, args=given, daemon=True)
        life.start()
        theirs.close()  # so that its end is noticed here
    try:
        yield ours
    finally:
        ours.close()
        life.join(timeout=20)


async def _over(transport: str, pipe: Pipe, bursts: Sequence[Burst], manner: Manner, folder: Path) -> Result:
    address = await asyncio.to_thread(pipe.recv)
    web = Web("127.0.0.1", 0)
    adapter, path = _adapter(transport, address, web)
    lines = [line for burst in bursts for line in burst.lines]
    async with _running(folder, bursts, manner, adapter, web) as (_, database):
        use = Use()
        pipe.send(f"{web.url}{path}" if path else None)
        await asyncio.to_thread(pipe.recv)  # all is acknowledged
        await _idle(database)
        spent = use.until_now()
        pipe.send("tell")
        sent: Sent = await asyncio.to_thread(pipe.recv)
        handled = await _handled_of(database, sent.ids, lines)
    return Result(transport=transport, lines=len(lines), sent=sent, handled=handled, spent=spent)


class Use:
    """What is used from now on."""

    def __init__(self) -> None:
        self.begun, self._used, self._waited = time.monotonic(), time.process_time(), _waited()

    def until_now(self) -> Spent:
        return Spent(
            seconds=time.monotonic() - self.begun,
            processor=time.process_time() - self._used,
            waited=_waited() - self._waited,
            megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            load=os.getloadavg()[0],
        )


def _waited() -> float:
    """Seconds that our living threads were ready and not run; 0 where the system does not tell."""
    tasks = Path("/proc/self/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[1]) for task in tasks) / 1e9


async def _handled_of(database: Database, ids: Sequence[str], lines: Sequence[Line]) -> Handled:
    texts = {id: _text(line.text, line.edited) for id, line in zip(ids, lines, strict=True)}
    edited = {id for id, line in zip(ids, lines, strict=True) if line.edited is not None}
    known = sum(line.known for line in lines)
    return await database.run(lambda connection: _handled(connection, texts, edited, known))


def _text(text: str, edited: str | None) -> tuple[str, ...]:
    """What may stand in the store: Lark tells nobody of an edit, and the last burst's lines were not edited yet."""
    return (text,) if edited is None else (text, edited)


MAKE: Mapping[str, Callable[[bool], AbstractContextManager[Side]]] = {
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
    hook_of_lark = LarkHook({address["id"]: Keys(token=TOKEN, encrypt=KEY)}, web)
    return LarkAdapter([LarkApp(**address)], hook=hook_of_lark), LARK_PATH


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
    # Nothing is known yet to learn from: the night is over before the first message.
    await run_night(app.bot, last_due(datetime.now(UTC), config.night.at, config.tz))
    keep_for_good()  # as `earshot run`
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        while not web.url and not task.done():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        if task.done():
            task.result()
        yield app, database
    finally:
        stop.set()
        await task
        await knowledge.close()
        database.close()
        gc.unfreeze()


async def _idle(database: Database) -> None:
    """Wait until nothing is to be handled and nothing to be posted."""
    deadline = time.monotonic() + IDLE_WITHIN
    while await database.run(_open) and time.monotonic() < deadline:  # noqa: ASYNC110  # the store tells nobody
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
    connection: Connection, texts: Mapping[str, Sequence[str]], edited: set[str], known: int
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
        known=known,
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


# ---- the room


async def _in_room(bursts: Sequence[Burst], manner: Manner, folder: Path) -> Result:
    """The room hands over what it has; how long that takes stands for the acknowledgement."""
    room = RoomAdapter({f"room/{number}": channel(f"room/{number}") for number in range(CHANNELS)})
    web, chance = Web("127.0.0.1", 0), Random(3)
    lines = [line for burst in bursts for line in burst.lines]
    async with _running(folder, bursts, manner, room, web) as (app, database):
        use, took = Use(), list[float]()
        for place, burst in enumerate(bursts):
            await asyncio.sleep(max(use.begun + place * manner.every - time.monotonic(), 0.0))
            messages = shuffled([_in_a_room(line) for line in burst.lines], chance)
            took += await asyncio.gather(*(_hand_over(app, message) for message in messages))
        await _idle(database)
        spent = use.until_now()
        handled = await _handled_of(database, [f"room/m{line.number}" for line in lines], lines)
    sent = Sent(
        acks=tuple(took),
        when=(),
        attempts=len(took),
        deliveries=len(took),
        unanswered=0,
        lost=0,
        ids=tuple(f"room/m{line.number}" for line in lines),
        posts=tuple(post.reply_to for post in room.posts.values()),
        connections=0,
        violations=(),
        seconds=0.0,
    )
    return Result(transport=ROOM, lines=len(lines), sent=sent, handled=handled, spent=spent)


def _in_a_room(line: Line) -> Message:
    return Message(
        id=f"room/m{line.number}",
        channel=f"room/{line.channel}",
        user=user_id(ROOM, line.user),
        text=line.text,
        thread="" if line.root is None else f"room/m{line.root}",
        at=NOW + timedelta(milliseconds=line.number),
    )


async def _hand_over(app: App, message: Message) -> float:
    """Seconds until it was taken in."""
    begun = time.monotonic()
    await app.accept(said(message))
    return time.monotonic() - begun


# ---- what is shown

COLUMNS = (
    "transport",
    "lines",
    "deliveries, attempts",
    "connections",
    "lost",
    "twice",
    "disordered (late)",
    "misread",
    "replies decided, posted, doubled",
    "ack ms p50",
    "p95",
    "p99",
    "max",
    "unanswered",
    "lines/s",
    "processor s: ours, theirs",
    "waited s",
    "MB",
    "load",
    "violations",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


def row(result: Result) -> str:
    sent, handled, spent = result.sent, result.handled, result.spent
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
        f"{result.lines / spent.seconds:.0f}",
        f"{spent.processor:.0f}, {sent.seconds:.0f}",
        f"{spent.waited:.0f}",
        f"{spent.megabytes:.0f}",
        f"{spent.load:.1f}",
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

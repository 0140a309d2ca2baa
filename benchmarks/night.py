"""What nights teach: the same later questions after 1, 3, 6, 12 and 24 months of nights, and each at its own time.

Questions are opening messages that people answered. For those that a person answered by linking an earlier thread
(*.links.jsonl) it is known what should have been cited; for the others, whether the best source says what people then
said (`bot.feedback.says_same`: a link or an exact name and words in common, or most of the words). Ceilings: of the
linked questions, those of which a linked thread was closed and answered by then, and those of which one had an answer.

Ranking is fitted without the channel. Data: ../shared/data/channels and labels (redash, urho3d; see DATA.md there).
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import _pictures
from benchmarks._cache import CachedEmbedder, add_arguments
from benchmarks._cases import ranked_without
from benchmarks._nights import DIALS, Mark, Played, Question, links_of, play
from bot.config import Config
from bot.weighing import read_weights
from knowledge.embed import load_embedder
from knowledge.recordings import read_recording

SHARED = Path(__file__).parents[2] / "shared" / "data"
CHANNELS = ("redash", "urho3d")
PERIODS = (0, 1, 3, 6, 12, 24, 10_000)  # months since the first message

out = Console(width=140)
err = Console(stderr=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks night", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"channels (default: {' '.join(CHANNELS)})")
    parser.add_argument("--first", type=int, help="only so many messages of each")
    parser.add_argument("--pictures", type=Path, help="draw the curve into this folder")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    embedder = CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)
    played = [_play(name, arguments.first, embedder) for name in arguments.names or CHANNELS]
    for one in played:
        _show_marks(one)
        _show_periods(one)
    if arguments.pictures is not None:
        curves = {one.name: [(mark.months, *_of_linked(one, mark)) for mark in one.marks] for one in played}
        _pictures.nights(arguments.pictures / "nights.png", curves)
    return 0


def _play(name: str, first: int | None, embedder: CachedEmbedder) -> Played:
    recording = read_recording(SHARED / "channels" / f"{name}.jsonl")
    if first is not None:
        recording = replace(recording, messages=recording.messages[:first], order=recording.order[:first])
    links = links_of(SHARED / "labels" / f"{name}.links.jsonl")
    shadow = {"store": "sqlite:////nonexistent/none.db", "defaults": {"mode": "shadow"}, "timezone": "UTC"}
    settings = {**shadow, **ranked_without(name)}
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(name)
        return asyncio.run(
            play(
                name,
                recording,
                links,
                embedder,
                Config.model_validate(settings),
                lambda done, total, _what: bar.update(task, completed=done, total=total),
            )
        )


def _show_marks(played: Played) -> None:
    linked = [one for one in played.questions if one.links]
    others = [one for one in played.questions if one.answers]
    title = (
        f"{played.name}: {len(linked)} linked and {len(others)} answered questions, all asked after 24 months"
    )
    table = Table(title=title)
    for column in (
        "after months",
        "entries",
        "linked @1",
        "@5",
        "ceiling closed",
        "answered",
        "says the same",
    ):
        table.add_column(column)
    for dial in DIALS:
        table.add_column(f"speaks at {dial:g} (same)")
    weights = read_weights()
    for mark in played.marks:
        first, five, closed, begun = _of_linked(played, mark)
        same = np.mean([mark.found[one.message.id].same for one in others] or [False])
        spoken = (_spoken(mark, others, weights.threshold(dial)) for dial in DIALS)
        cells = (f"{mark.months:.0f}", str(mark.entries), f"{first:.3f}", f"{five:.3f}", f"{closed:.3f}")
        table.add_row(*cells, f"{begun:.3f}", f"{same:.3f}", *spoken)
    out.print(table)


def _of_linked(played: Played, mark: Mark) -> tuple[float, float, float, float]:
    """Of the linked questions: found first, found among five; and the ceilings."""
    linked = [one for one in played.questions if one.links]
    places = [mark.found[one.message.id].place for one in linked]
    count = max(len(linked), 1)
    first, five = (sum(0 < place <= k for place in places) / count for k in (1, 5))
    return first, five, mark.closed / count, mark.begun / count


def _spoken(mark: Mark, questions: Sequence[Question], threshold: float) -> str:
    spoken = [found for one in questions if (found := mark.found[one.message.id]).score >= threshold]
    same = sum(found.same for found in spoken)
    return f"{len(spoken) / max(len(questions), 1):.3f} ({same} of {len(spoken)})"


def _show_periods(played: Played) -> None:
    table = Table(title=f"{played.name}: each linked question at its own time")
    for column in ("months since the start", "linked", "best source is linked", "ceiling closed", "answered"):
        table.add_column(column)
    for low, high in pairwise(PERIODS):
        some = [one for one in played.linked if low <= one.months < high]
        if some:
            counts = (sum(getattr(one, name) for one in some) for name in ("right", "closed", "begun"))
            right, closed, begun = (f"{count / len(some):.3f}" for count in counts)
            span = f"{low} to {high}" if high < PERIODS[-1] else f"from {low}"
            table.add_row(span, str(len(some)), right, closed, begun)
    out.print(table)

"""Mined entries that were read one by one: what was made of real channels' threads, by channel and by round.

Each entry was read beside its thread by a language model with a written rule, not by people. Round 1 was read before
the faults that it showed were put right, round 2 afterwards, on threads drawn anew. Verdicts by thread:
``benchmarks/entries_read.jsonl`` (no text of the threads; the notes are the reader's words). ``--draw`` writes a sample
to read: entries and threads, for your eyes only.

self_contained, correct: 2 yes, 1 partly, 0 no. worth: whether it should have been kept. cites: whether every passage
stands in the message that it names. private: pieces of personal data or secrets left.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.learning import threads_of
from knowledge.entry import WORKSPACE, KnowledgeEntry, PassageKind
from knowledge.mine import mine
from knowledge.recordings import read_recording
from knowledge.thread import Thread

READ = Path(__file__).parent / "entries_read.jsonl"
SHARED = Path(__file__).parents[2] / "shared" / "data"
CHANNELS = ("redash", "ncar", "racket-2018")
CLOSE_AFTER = timedelta(days=7)
EACH = 50
LONGEST, MOST = 1_500, 25  # characters of a message and messages of a thread that are shown

out = Console(width=140)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks entries", description=__doc__)
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="write a sample to read into this folder")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--ids", action="store_true", help="print every verdict")
    arguments = parser.parse_args(argv)
    if arguments.draw is not None:
        return _draw(arguments.draw, arguments.seed)
    rows = [json.loads(line) for line in READ.read_text(encoding="utf-8").splitlines()]
    out.print(_table(rows))
    if arguments.ids:
        for row in rows:
            marks = " ".join(
                f"{name} {row[name]}" for name in ("self_contained", "correct", "worth", "private")
            )
            out.print(
                f"{row['round']} {row['thread']}: {marks}; {row['note']}", highlight=False, markup=False
            )
    return 0


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Mined entries, read one by one")
    columns = ("round", "channel", "read", "worth keeping", "self-contained yes / partly / no")
    for column in (*columns, "correct yes / partly / no", "cites its evidence", "with private pieces"):
        table.add_column(column)
    for number in sorted({row["round"] for row in rows}):
        for channel in (*CHANNELS, "all"):
            some = [row for row in rows if row["round"] == number and channel in (row["channel"], "all")]
            table.add_row(str(number), channel, *_counts(some), end_section=channel == "all")
    return table


def _counts(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield str(len(rows))
    yield str(sum(row["worth"] for row in rows))
    for name in ("self_contained", "correct"):
        yield " / ".join(str(sum(row[name] == mark for row in rows)) for mark in (2, 1, 0))
    yield str(sum(row["cites"] for row in rows))
    yield str(sum(row["private"] > 0 for row in rows))


def _draw(folder: Path, seed: int) -> int:
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in CHANNELS:
        recording = read_recording(SHARED / "channels" / f"{name}.jsonl")
        threads = threads_of(recording.messages, recording.people)
        random.Random(seed).shuffle(threads)
        found = (_mined(thread, dict(recording.people)) for thread in threads)
        drawn = islice((shown for shown in found if shown), EACH)
        (folder / f"{name}.txt").write_text("\n\n".join(drawn), encoding="utf-8")
    return 0


def _mined(thread: Thread, people: dict[str, str]) -> str:
    """An entry and its thread, as they are read; empty where nothing is mined."""
    closed_at = thread.messages[-1].at + CLOSE_AFTER
    mined = mine(thread, audience=WORKSPACE, closed_at=closed_at, people=people)
    return "" if mined.entry is None else "\n".join(_lines(thread, mined.entry, mined.why))


def _lines(thread: Thread, entry: KnowledgeEntry, why: str) -> Iterator[str]:
    yield f"===== thread {thread.id}; chosen: {why}; confirmed: {entry.confirmed}"
    yield f"TITLE: {entry.title}"
    for passage in entry.passages:
        if passage.kind is not PassageKind.DISCUSSION:
            yield f"[{passage.kind}] (source {passage.source} by {passage.author}) {passage.text}"
    yield "--- the thread as it was:"
    for message in thread.messages[:MOST]:
        yield f"  {message.user} {message.at:%Y-%m-%d %H:%M} ({message.id}): {message.text[:LONGEST]}"

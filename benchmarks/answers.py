"""Answers: how many cite what a person then used, how many are grounded, whether silence was right, and what faults
do.

Data: ../shared/data and the invented sentences of benchmarks/grounding_sentences.jsonl. Without an option all of it
but the faults is measured. `--writer claude` puts the same questions to Claude, which costs money and needs
ANTHROPIC_API_KEY.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks._answering import Answer, Channel, answered
from benchmarks._cache import CachedEmbedder, add_arguments
from benchmarks._cases import COMMUNITIES, SHARED
from benchmarks._claude import claude, faulty_claude
from benchmarks._faulty import FaultyWriter, Survived, survive
from benchmarks._sentences import Sentence, by_kind, caught, read_sentences
from benchmarks._usage import Usage
from bot.weighing import SHIPPED, read_weights
from knowledge.embed import Embedder, load_embedder
from knowledge.writer import Writer
from knowledge.writer_extractive import ExtractiveWriter

DIALS = (0.5, 0.7, 0.9)
# Opens a writer, closed with its connection; it is told where its calls are counted.
Opens = Callable[[Usage], AbstractAsyncContextManager[Writer]]
# Who can write, by the name in config.yaml, and who goes wrong under --faults.
WRITERS: Mapping[str, Opens] = {"extractive": lambda _: nullcontext(ExtractiveWriter()), "claude": claude}
FAULTY: Mapping[str, Opens] = {"scripted": lambda _: nullcontext(FaultyWriter()), "claude": faulty_claude}

err = Console(stderr=True)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks answers", description=__doc__)
    parser.add_argument("names", nargs="*", help="channel files without .jsonl")
    parser.add_argument("--questions", type=int, default=150, help="of each channel, besides the linked ones")
    parser.add_argument("--writer", choices=sorted(WRITERS), default="extractive")
    parser.add_argument("--faults", type=int, metavar="N", help="only: N replies while the writer goes wrong")
    parser.add_argument("--faulty", choices=sorted(FAULTY), default="scripted", help="who goes wrong")
    parser.add_argument("--sentences", action="store_true", help="only: the sentences labelled by hand")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    if arguments.faults is not None:
        return _faults(arguments)
    _show_sentences(read_sentences())
    if arguments.sentences:
        return 0
    if not SHARED.exists():
        print(f"skipped: {SHARED} is not there", file=sys.stderr)
        return 0
    print(f"writer: {arguments.writer}")
    usage = Usage()
    _show_channels(arguments, _embedder(arguments), usage)
    print(usage.table())
    return 0


def _embedder(arguments: argparse.Namespace) -> Embedder:
    return CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)


# ---- the sentences ----------------------------------------------------------------------------------------

_OPINIONS: Mapping[str, Callable[[Sentence], bool]] = {
    "rules": lambda one: bool(one.faults()),
    "second opinion": Sentence.is_suspected,
    "either": lambda one: bool(one.faults()) or one.is_suspected(),
}


def _show_sentences(sentences: Sequence[Sentence]) -> None:
    print(
        "| sentences | by | caught of spoilt | flagged of faithful | precision | recall |\n|---|---|---"
        "|---|---|---|"
    )
    for split in ("dev", "held"):
        for language in ("en", "zh"):
            chosen = [one for one in sentences if (one.split, one.language) == (split, language)]
            for name, is_bad in _OPINIONS.items():
                found = caught(chosen, is_bad)
                print(
                    f"| {split}, {language} | {name} | {found.hits} of {found.spoilt} | {found.false} of"
                    f" {found.faithful} "
                    f"| {found.precision:.3f} | {found.recall:.3f} |"
                )
    print("\n| spoilt how | dev | held |\n|---|---|---|")
    rows = {split: dict(_kinds(sentences, split)) for split in ("dev", "held")}
    for kind in dict.fromkeys([*rows["dev"], *rows["held"]]):
        print(f"| {kind} | {rows['dev'].get(kind, '–')} | {rows['held'].get(kind, '–')} |")
    print()


def _kinds(sentences: Sequence[Sentence], split: str) -> list[tuple[str, str]]:
    chosen = [one for one in sentences if one.split == split]
    return [(kind, f"{hits} of {count}") for kind, hits, count in by_kind(chosen, _OPINIONS["rules"])]


# ---- the channels -----------------------------------------------------------------------------------------


def _show_channels(arguments: argparse.Namespace, embedder: Embedder, usage: Usage) -> None:
    names = arguments.names or list(COMMUNITIES)
    print(
        "| channel (entries) | asked | questions | answered | agrees (by chance) | cites the linked thread "
        "| grounded: rules, second | refused | rightly |\n|---|---|---|---|---|---|---|---|---|"
    )
    everything: list[Answer] = []
    for name in names:
        channel = _answered(name, embedder, WRITERS[arguments.writer](usage), arguments.questions)
        everything += channel.answers
        _show(f"{name} ({channel.entries})", channel.answers)
    if len(names) > 1:
        _show("all", everything)
    faults = Counter(fault.name for answer in everything for fault in answer.faults)
    declined = Counter(answer.declined for answer in everything if answer.declined)
    print(f"\ndeclined: {dict(declined)}; faults of dropped drafts: {dict(faults)}")


def _answered(
    name: str, embedder: Embedder, opened: AbstractAsyncContextManager[Writer], count: int
) -> Channel:
    with tempfile.TemporaryDirectory() as folder, Progress(console=err, transient=True) as bar:
        task = bar.add_task(name)

        def progress(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        async def answer() -> Channel:
            async with opened as writer:
                return await answered(name, embedder, writer, count, Path(folder), progress)

        return asyncio.run(answer())


def _show(title: str, answers: Sequence[Answer]) -> None:
    weights = read_weights(SHIPPED)
    _row(title, "addressed", answers, 0.0)
    for dial in DIALS:
        _row(title, f"unasked, {dial}", answers, weights.threshold(dial))


def _row(title: str, how: str, answers: Sequence[Answer], least: float) -> None:
    """What was said where the score is at least ``least``, and what was not."""
    said = [one for one in answers if one.text and one.score >= least]
    silent = [one for one in answers if not one.text or one.score < least]
    judged = [one for one in said if one.agrees is not None]
    linked = [one for one in said if one.linked is not None]
    chance = sum(one.by_chance or 0.0 for one in judged) / max(len(judged), 1)
    print(
        f"| {title} | {how} | {len(answers)} | {len(said)} | {_share([one.agrees for one in judged])}"
        f" ({chance:.3f}) "
        f"| {_share([one.linked for one in linked])} | {_share([one.rules for one in said])}, "
        f"{_share([one.second for one in said])} | {len(silent)} | {_share([not one.found for one in silent])} |",
        flush=True,
    )


def _share(held: Sequence[bool | None]) -> str:
    return f"{sum(map(bool, held)) / len(held):.3f} of {len(held)}" if held else "–"


# ---- faults -----------------------------------------------------------------------------------------------


def _faults(arguments: argparse.Namespace) -> int:
    usage = Usage()
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("faults")

        def progress(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        async def go_wrong() -> Survived:
            async with FAULTY[arguments.faulty](usage) as writer:
                return await survive(
                    read_sentences(), arguments.faults, writer, _embedder(arguments), progress
                )

        survived = asyncio.run(go_wrong())
    _show_survived(survived)
    print(usage.table())
    return 0 if (survived.lost, survived.doubled, survived.ungrounded) == (0, 0, 0) else 1


def _show_survived(survived: Survived) -> None:
    print("| asked | posted | lost | doubled | ungrounded |\n|---|---|---|---|---|")
    print(
        f"| {survived.asked} | {survived.posted} | {survived.lost} | {survived.doubled} | {survived.ungrounded} |"
    )
    print(f"\nsilent: {dict(survived.why)}")
    if survived.went_wrong:
        print(f"the writer: {dict(survived.went_wrong)}")

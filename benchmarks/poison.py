"""How many honest threads would wait for an admin: doubts about what real channels teach, read in order of time.

Data: ``channels/NAME.jsonl``. The threads of a channel are mined as they close; what the doubts know of their
surroundings (domains, newcomers, repeats) grows with them. Counted are the last threads of each channel, so that it
is not the first day. Real threads are taken as honest; nobody looked at each.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.learning import threads_of
from bot.surroundings import SETTLED
from knowledge.doubts import Doubt, Surroundings, doubts_about
from knowledge.entry import WORKSPACE, KnowledgeEntry, PassageKind
from knowledge.links import domains_in
from knowledge.mine import mine
from knowledge.recordings import read_recording
from knowledge.sketch import is_same, sketch
from knowledge.thread import Thread

DATA = Path(__file__).parents[2] / "shared" / "data"
CHANNELS = ("redash", "ncar", "racket-2018", "gitter-dev")
CLOSE_AFTER = timedelta(days=7)
RECENT = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What a workplace knows so far; the same rules as in ``bot.surroundings``, in memory."""

    staffed: bool = False
    first: dict[str, tuple[str, str]] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    threads_of: Counter[str] = field(default_factory=Counter)
    solutions: dict[str, list[tuple[float, tuple[int, ...]]]] = field(default_factory=dict)

    def around(self, thread: Thread, entry: KnowledgeEntry) -> Surroundings:
        users = {message.user for message in thread.messages}
        return Surroundings(
            domains=frozenset(self.domains),
            same_author_repeats=self._repeats(entry),
            newcomers=frozenset(user for user in users if self.threads_of[user] <= 1),
            settled=self.staffed and len(self.threads_of) >= SETTLED,
        )

    def _repeats(self, entry: KnowledgeEntry) -> int:
        author, at, told = solution_of(entry)
        return sum(
            is_same(told, other)
            for when, other in self.solutions.get(author, [])
            if at - when < RECENT.total_seconds()
        )

    def meet(self, thread: Thread) -> None:
        self.threads_of.update({message.user for message in thread.messages})

    def learn(self, thread: Thread, entry: KnowledgeEntry) -> None:
        author, at, told = solution_of(entry)
        self.solutions.setdefault(author, []).append((at, told))
        for message in thread.messages:
            for domain in domains_in(message.text):
                before = self.first.setdefault(domain, (thread.id, message.user))
                if before[0] != thread.id and before[1] != message.user:
                    self.domains.add(domain)


def solution_of(entry: KnowledgeEntry) -> tuple[str, float, tuple[int, ...]]:
    solving = entry.of(PassageKind.SOLUTION)
    at = entry.known_from.timestamp() if entry.known_from else 0.0
    return solving[0].author or "", at, sketch("\n".join(passage.text for passage in solving))


def main(argv: Sequence[str]) -> int:
    """Print the share doubted, by doubt. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks poison", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/")
    parser.add_argument("--threads", type=int, default=400, help="how many of each channel are counted")
    parser.add_argument("--staffed", action="store_true", help="as if config.yaml said who answers there")
    parser.add_argument("--ids", action="store_true", help="print the ids of the threads that are doubted")
    options = parser.parse_args(argv)
    for name in CHANNELS:
        path: Path = options.data / "channels" / f"{name}.jsonl"
        if not path.is_file():
            print(f"skipped: {path} is missing; give the folder with --data")
            continue
        found = _doubted(path, options.threads, staffed=options.staffed)
        _report(name, list(found), show=options.ids)
    return 0


def _doubted(path: Path, counted: int, *, staffed: bool) -> Iterator[tuple[str, tuple[Doubt, ...]]]:
    """The id and the doubts of each of the last ``counted`` threads that teach something."""
    place = Place(staffed=staffed)
    threads = threads_of(read_recording(path).messages, {})
    last = len(threads) - 2 * counted
    for number, thread in enumerate(sorted(threads, key=lambda thread: thread.messages[-1].at)):
        place.meet(thread)
        if number < last - 4 * counted:
            continue
        mined = mine(thread, audience=WORKSPACE, closed_at=thread.messages[-1].at + CLOSE_AFTER)
        if mined.entry is None:
            continue
        if number >= last:
            yield thread.id, doubts_about(thread, mined.entry, place.around(thread, mined.entry))
        place.learn(thread, mined.entry)


def _report(name: str, found: Sequence[tuple[str, tuple[Doubt, ...]]], *, show: bool) -> None:
    doubted = [(thread, doubts) for thread, doubts in found if doubts]
    print(f"{name}: {len(doubted)} of {len(found)} entries wait ({len(doubted) / max(1, len(found)):.1%})")
    for doubt, count in Counter(doubt for _, doubts in doubted for doubt in doubts).most_common():
        print(f"  {count:4} {doubt.name.lower():12} {doubt}")
    if show:
        print(
            *(f"  {thread} {' '.join(doubt.name for doubt in doubts)}" for thread, doubts in doubted),
            sep="\n",
        )

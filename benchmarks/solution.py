"""Which message holds the solution: the choice of ``knowledge.mine`` against what the asker marked as accepted.

Data: ``channels/urho3d.jsonl`` and ``labels/urho3d.accepted.jsonl``. Counted are threads in which the accepted
message is there and somebody besides the asker spoke. The points were set on the threads before the split; only
the threads from the split on tell how good the choice is.
"""

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.mine import find_solution
from knowledge.recordings import read_recording
from knowledge.thread import Message, Thread, thread_of

DATA = Path(__file__).parents[2] / "shared" / "data"
SPLIT = "2019-07"
_THANKS = re.compile(r"\b(?:thanks?|thank you|thx|ty|cheers)\b", re.IGNORECASE)

Choice = Callable[[Thread], Message]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    thread: Thread
    accepted: str


def main(argv: Sequence[str]) -> int:
    """Print P@1 of the choice and of the simple rules. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks solution", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/ and labels/")
    data: Path = parser.parse_args(argv).data
    if not (data / "labels" / "urho3d.accepted.jsonl").is_file():
        print(f"skipped: {data} has no labels/urho3d.accepted.jsonl; give the folder with --data")
        return 0
    cases = sorted(_cases(data), key=lambda case: case.thread.opener.at)
    before = [case for case in cases if case.thread.opener.at.isoformat() < SPLIT]
    _report(f"before {SPLIT} (points were set on these)", before)
    _report(f"from {SPLIT} on", cases[len(before) :])
    return 0


def _cases(data: Path) -> list[Case]:
    lines = (data / "labels" / "urho3d.accepted.jsonl").read_text().splitlines()
    accepted: Mapping[str, str] = {label["thread"]: label["solution"] for label in map(json.loads, lines)}
    said: dict[str, list[Message]] = defaultdict(list)
    for message in read_recording(data / "channels" / "urho3d.jsonl").messages:
        if message.thread in accepted:
            said[message.thread].append(message)
    cases = [Case(thread=thread_of(messages), accepted=accepted[thread]) for thread, messages in said.items()]
    return [case for case in cases if _is_counted(case)]


def _is_counted(case: Case) -> bool:
    return any(message.id == case.accepted for message in case.thread.messages) and bool(
        _answers(case.thread)
    )


def _answers(thread: Thread) -> list[Message]:
    return [message for message in thread.messages[1:] if message.user != thread.asker]


def _report(name: str, cases: Sequence[Case]) -> None:
    print(f"{name}: {len(cases)} threads")
    choices: Mapping[str, Choice] = {
        "longest answer": _longest,
        "just before the thanks, else the last": _before_thanks,
        "knowledge.mine": _mined,
    }
    for rule, choice in choices.items():
        right = sum(choice(case.thread).id == case.accepted for case in cases)
        print(f"  {rule:<40} P@1 {right / max(1, len(cases)):.3f}")


def _longest(thread: Thread) -> Message:
    return max(_answers(thread), key=lambda message: len(message.text))


def _before_thanks(thread: Thread) -> Message:
    """The rule to beat: the answer just before the asker's first thanks, else the last answer."""
    for place, message in enumerate(thread.messages):
        if place and message.user == thread.asker and _THANKS.search(message.text):
            earlier = [answer for answer in _answers(thread) if answer in thread.messages[:place]]
            if earlier:
                return earlier[-1]
    return _answers(thread)[-1]


def _mined(thread: Thread) -> Message:
    solution = find_solution(thread)
    return solution.message if solution else _answers(thread)[-1]

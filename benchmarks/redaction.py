"""What redaction finds and what it destroys: on the table under test, and on messages that people wrote.

Data: ``tests/knowledge/redactions.json`` (invented), ``channels/NAME.jsonl``: 2 000 messages, the same for the same
seed, equally many of each channel, redacted as mining would: one thread at a time, with its people's names. What was
redacted there, and a sample of what was not, was read and judged; ``redaction_verdicts.jsonl`` holds the verdicts by
message and kind, without a word of the messages. ``verdict``: ``right``, ``wrong`` (it should have stayed) or
``missed`` (it should have gone).
"""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.learning import threads_of
from knowledge.recordings import read_recording
from knowledge.redact import Kind, redact
from knowledge.thread import Message, Thread

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
TABLE = ROOT / "tests" / "knowledge" / "redactions.json"
VERDICTS = Path(__file__).parent / "redaction_verdicts.jsonl"
CHANNELS = ("redash", "urho3d", "ncar", "racket-2018", "gitter-dev")
SIZE = 2000
UNTOUCHED = 200  # messages without a redaction that were read for what is missed
SEED = 4
PEOPLE = ("ruth", "Will", "Mark Stone", "王伟", "diego", "max", "Adaeze Obi")  # as in the test of the table
_MARK = re.compile(r"<(name|email|phone|ip|card|iban|id|secret|redacted) \d{1,6}>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Redacted:
    """A message of the sample, before and after."""

    message: Message
    text: str

    @property
    def kinds(self) -> Counter[str]:
        """How often each kind of placeholder came in."""
        return Counter(_MARK.findall(self.text)) - Counter(_MARK.findall(self.message.text))


def main(argv: Sequence[str]) -> int:
    """Print recall, false positives, counts and verdicts. 0 also where the data is missing, which it says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks redaction", description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with channels/")
    parser.add_argument("--show", action="store_true", help="print each redaction with what stands around it")
    parser.add_argument("--untouched", action="store_true", help="print the sample without a redaction")
    options = parser.parse_args(argv)
    _report_table()
    if missing := [name for name in CHANNELS if not _path(options.data, name).is_file()]:
        print(f"skipped: {options.data} has no channels {', '.join(missing)}; give the folder with --data")
        return 0
    sample = list(_sample(options.data))
    _report_sample(sample)
    _report_verdicts(sample)
    if options.show:
        print(*(line for each in sample for line in _shown(each)), sep="\n")
    if options.untouched:
        print(*(f"{each.message.id}\t{each.text!r}" for each in untouched(sample)), sep="\n")
    return 0


def _path(data: Path, name: str) -> Path:
    return data / "channels" / f"{name}.jsonl"


def _report_table() -> None:
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    asked = Counter(case["kind"] for case in table["bad"])
    found = Counter(case["kind"] for case in table["bad"] if _is_found(case["kind"], case["value"], case))
    for kind in Kind:
        if asked[kind]:
            print(f"{kind}: {found[kind]} of {asked[kind]} found")
    stay = sum(redact([text], PEOPLE) == [text] for text in table["survive"])
    print(f"technical lines that stay: {stay} of {len(table['survive'])}")


def _is_found(kind: str, value: str, case: dict[str, str]) -> bool:
    [told] = redact([case["text"]], case.get("names", ()))
    return value not in told and kind in _MARK.findall(told)


def _sample(data: Path) -> Iterator[Redacted]:
    chance = random.Random(SEED)
    for name in CHANNELS:
        recording = read_recording(_path(data, name))
        threads = threads_of(recording.messages, {})
        said = [(thread, message) for thread in threads for message in thread.messages]
        for thread, message in chance.sample(said, SIZE // len(CHANNELS)):
            yield Redacted(
                message=message, text=_redacted(thread, recording.people)[thread.messages.index(message)]
            )


def _redacted(thread: Thread, people: Mapping[str, str]) -> list[str]:
    """The thread's messages as mining redacts them: with the names of who speaks in it or is mentioned."""
    users = {message.user for message in thread.messages}
    said = "\n".join(message.text for message in thread.messages).casefold()
    names = {name for name, user in people.items() if user in users or f"@{name.casefold()}" in said}
    return redact([message.text for message in thread.messages], names)


def untouched(sample: Sequence[Redacted]) -> list[Redacted]:
    """Messages in which nothing was redacted, the same for the same seed."""
    return random.Random(SEED).sample([each for each in sample if not each.kinds], UNTOUCHED)


def _report_sample(sample: Sequence[Redacted]) -> None:
    kinds = sum((each.kinds for each in sample), Counter[str]())
    touched = sum(bool(each.kinds) for each in sample)
    print(f"{len(sample)} real messages, {touched} with a redaction: {sum(kinds.values())} placeholders")
    for kind, count in kinds.most_common():
        print(f"  {kind}: {count}")


def _report_verdicts(sample: Sequence[Redacted]) -> None:
    """Precision of what was judged, and whether the verdicts are still of this sample."""
    lines = VERDICTS.read_text(encoding="utf-8").splitlines()
    verdicts = [json.loads(line) for line in lines]
    now = {(each.message.id, kind) for each in sample for kind in each.kinds}
    judged = [
        each for each in verdicts if (each["message"], each["kind"]) in now or each["verdict"] == "missed"
    ]
    for kind in Kind:
        counted = Counter(each["verdict"] for each in judged if each["kind"] == kind)
        if counted:
            told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items()))
            print(f"  judged {kind}: {told}")
    print(f"  not judged: {len(now - {(each['message'], each['kind']) for each in verdicts})} of {len(now)}")


def _shown(each: Redacted) -> Iterator[str]:
    for mark in _MARK.finditer(each.text):
        around = each.text[max(0, mark.start() - 60) : mark.end() + 50]
        yield f"{each.message.id}\t{mark[1]}\t{around!r}"

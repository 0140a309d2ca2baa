"""`earshot learn`: documents and closed threads into the knowledge."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot import conversations
from knowledge.audience import Place, Setting, audience_of
from knowledge.doubts import doubts_about
from knowledge.entry import EntryState, KnowledgeEntry
from knowledge.exchange import Exported, cleaned, is_export, read_lines, renamed
from knowledge.links import domains_in
from knowledge.mine import mine
from knowledge.recordings import Recording, RecordingError, is_recording, read_recording
from knowledge.records import Unusable
from knowledge.search import Knowledge
from knowledge.sources import SourceError, entries_from, origin_of, walk
from knowledge.store import LearnReport
from knowledge.thread import Message, Thread, thread_of, without_people

Progress = Callable[[int, int, str], None]
Patterns = Sequence[re.Pattern[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Learnt:
    """What came of it. ``unusable``: files and lines that could not be read, with the reason.

    ``pending``: of the added, those that wait for approval because something speaks against believing them unseen.
    ``domains``: what documents link to.
    """

    added: int = 0
    removed: int = 0
    unchanged: int = 0
    files: int = 0
    threads: int = 0
    not_worth: int = 0
    unusable: tuple[str, ...] = ()
    pending: int = 0
    domains: frozenset[str] = frozenset()

    def __add__(self, other: "Learnt") -> "Learnt":
        return Learnt(
            added=self.added + other.added,
            removed=self.removed + other.removed,
            unchanged=self.unchanged + other.unchanged,
            files=self.files + other.files,
            threads=self.threads + other.threads,
            not_worth=self.not_worth + other.not_worth,
            unusable=self.unusable + other.unusable,
            pending=self.pending + other.pending,
            domains=self.domains | other.domains,
        )


async def learn_path(
    knowledge: Knowledge,
    path: Path,
    audience: str,
    close_after: timedelta,
    progress: Progress,
    root: Path | None = None,
    patterns: Patterns = (),
    opted_out: Collection[str] = frozenset(),
) -> Learnt:
    """Add what is in ``path``: a document, a folder of them, or recorded threads.

    Documents are called by their path below ``root`` (default: as seen from the current folder). ``patterns`` are the
    workspace's own of what to redact. Of threads nothing is learnt from those who ``opted_out``.
    workspace's own of what to redact. A file that `earshot export` wrote is taken over as it says, for the readers
    that it says.

    Within a folder, what cannot be read is reported and passed over. Raises RecordingError or SourceError if
    ``path`` itself cannot be read.
    """
    if is_export(path):
        return await _take_over(knowledge, path, progress, patterns)
    if is_recording(path):
        return await _learn_recording(
            knowledge, read_recording(path), audience, close_after, progress, patterns, opted_out
        )
    found = walk(path)
    root = root or _root_of(path)
    learnt = Learnt(
        unusable=tuple(f"{count} files passed over: {what}" for what, count in found.skipped.items())
    )
    for done, file in enumerate(found.documents, start=1):
        progress(done, len(found.documents), f"documents of {path.name}")
        learnt += await _learn_document(knowledge, file, audience, root, patterns)
    for file in found.recordings:
        if is_export(file):
            learnt += await _take_over(knowledge, file, progress, patterns)
            continue
        learnt += await _learn_recorded(knowledge, file, audience, close_after, progress, patterns, opted_out)
    return learnt


async def _take_over(knowledge: Knowledge, file: Path, progress: Progress, patterns: Patterns) -> Learnt:
    """Entries that were exported. A line that cannot be used is named; the others are taken all the same."""
    with file.open("rb") as lines:
        read = list(read_lines(lines))
    broken = tuple(f"{file}:{number}: {one}" for number, one in read if isinstance(one, Unusable))
    usable = [cleaned(one, patterns) for _, one in read if isinstance(one, Exported)]
    report = await knowledge.take_over(renamed(usable), progress)
    return replace(_counted(report), files=1 if usable else 0, unusable=broken)


def _root_of(path: Path) -> Path:
    """Where the origins of the documents at ``path`` begin: as seen from here, so that two folders' READMEs differ."""
    here = Path.cwd()
    return here if path.absolute().is_relative_to(here) else path.absolute().parent


async def _learn_document(
    knowledge: Knowledge, file: Path, audience: str, root: Path, patterns: Patterns
) -> Learnt:
    try:
        entries = entries_from(file, audience, root, patterns)
    except SourceError as error:
        return Learnt(unusable=(str(error),))
    report = await knowledge.learn_origin(origin_of(file, root), entries)
    texts = (passage.text for entry in entries for passage in entry.passages)
    domains = frozenset(domain for text in texts for domain in domains_in(text))
    return replace(_counted(report), files=1, domains=domains)


def _counted(report: LearnReport) -> Learnt:
    return Learnt(added=len(report.added), removed=len(report.removed), unchanged=len(report.unchanged))


async def _learn_recorded(
    knowledge: Knowledge,
    file: Path,
    audience: str,
    close_after: timedelta,
    progress: Progress,
    patterns: Patterns,
    opted_out: Collection[str],
) -> Learnt:
    try:
        recording = read_recording(file)
    except RecordingError as error:
        return Learnt(unusable=(str(error),))
    return await _learn_recording(knowledge, recording, audience, close_after, progress, patterns, opted_out)


async def _learn_recording(
    knowledge: Knowledge,
    recording: Recording,
    audience: str,
    close_after: timedelta,
    progress: Progress,
    patterns: Patterns,
    opted_out: Collection[str],
) -> Learnt:
    threads = threads_of(recording.messages, recording.people)
    learnt = Learnt(threads=len(threads), unusable=tuple(str(skipped) for skipped in recording.skipped))
    for done, thread in enumerate(threads, start=1):
        progress(done, len(threads), "threads")
        info = recording.channels.get(thread.channel)
        at_home = info is not None and (info.private or info.external)
        own = audience_of(Place(channel=thread.channel, setting=Setting.CLOSED))
        readers = own if at_home else audience
        told = without_people(thread, opted_out)
        entry = None if told is None else closed_entry(told, readers, close_after, recording.people, patterns)
        if told is None or entry is None:
            report = await knowledge.learn_origin(thread.id, [])
            learnt += replace(_counted(report), not_worth=1)
            continue
        doubted = bool(doubts_about(told, entry))
        state = EntryState.PENDING if doubted else EntryState.ACTIVE
        report = await knowledge.learn_origin(thread.id, [entry], state)
        learnt += replace(_counted(report), pending=len(report.added) if doubted else 0)
    return learnt


def closed_entry(
    thread: Thread,
    audience: str,
    close_after: timedelta,
    people: Mapping[str, str],
    patterns: Patterns = (),
) -> KnowledgeEntry | None:
    """What a recorded thread teaches, known from when it would have been closed by going quiet."""
    closed_at: datetime = thread.messages[-1].at + close_after
    return mine(thread, audience=audience, closed_at=closed_at, people=people, patterns=patterns).entry


def threads_of(messages: Sequence[Message], people: Mapping[str, str]) -> list[Thread]:
    """The conversations in a recording; top-level messages without a thread are joined as they would be live."""
    placed: dict[str, list[Message]] = {}
    conversation: dict[str, str] = {}
    recent: dict[str, list[Message]] = {}
    for message in messages:
        around = recent.setdefault(message.channel, [])
        home = _home(message, around, people, conversation)
        if message.thread in ("", message.id):  # only a top-level message can be the root of a thread
            conversation[message.id] = home
        told = replace(message, thread=home)
        placed.setdefault(home, []).append(told)
        if not message.thread or message.thread == message.id:
            around[:] = [*around[1 - conversations.LOOK_BACK :], told]
    return [thread_of(said) for said in placed.values()]


def _home(
    message: Message, around: Sequence[Message], people: Mapping[str, str], conversation: Mapping[str, str]
) -> str:
    if message.thread:
        return conversation.get(message.thread, message.thread)
    return conversations.joins(message, around, people) or message.id

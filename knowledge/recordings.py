"""I/O: recorded history read: JSON lines, or a Slack export as a folder or a zip."""

import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from knowledge import records, slackexport
from knowledge.records import ChannelInfo, Unusable, parse_json
from knowledge.slackexport import Workspace
from knowledge.thread import Message

__all__ = [
    "ChannelInfo",
    "Limits",
    "Recording",
    "RecordingError",
    "Skipped",
    "is_recording",
    "read_recording",
]

REMEDY = (
    'give JSON lines such as {"channel": "help", "id": "m1", "user": "ann", "at": "2026-01-31T09:30:00Z", '
    '"text": "…"}, or a Slack export (the folder or the .zip)'
)


class RecordingError(Exception):
    """Nothing can be read from a path; the text names it and says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a zip may unpack to, in bytes, so that a small file cannot fill the memory."""

    file: int = 64 * 2**20
    total: int = 8 * 2**30


@dataclass(frozen=True, kw_only=True, slots=True)
class Skipped:
    """What could not be used: ``where`` is ``FILE:LINE`` (``FILE:item N`` in a Slack export, from 1)."""

    where: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.why}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Recording:
    """Messages oldest first (equal times as in the file) and where they were said.

    ``channels`` is by channel id, ``people`` maps what people are called to their user ids, ``order`` lists
    the message ids in the order of the input.
    """

    messages: tuple[Message, ...]
    channels: Mapping[str, ChannelInfo]
    people: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def is_recording(path: Path) -> bool:
    """Whether ``path`` is history to read (JSON lines, a zip, an unpacked Slack export), not a document."""
    if path.is_dir():
        return any((path / listing).is_file() for listing in slackexport.LISTINGS)
    return path.suffix.lower() in {".jsonl", ".ndjson", ".zip"}


def read_recording(path: Path, *, limits: Limits | None = None) -> Recording:
    """The history in ``path``. Raises RecordingError if there is not one good message in it."""
    try:
        recording = _read(path, limits or Limits())
    except (OSError, zipfile.BadZipFile, Unusable) as error:
        raise RecordingError(f"{path}: {error}; {REMEDY}") from error
    if not recording.messages:
        first = f" (first: {recording.skipped[0]})" if recording.skipped else ""
        raise RecordingError(f"{path}: no message in it, {len(recording.skipped)} unusable{first}; {REMEDY}")
    return recording


def _read(path: Path, limits: Limits) -> Recording:
    if path.is_dir():
        return _slack_export(_Folder(path, limits))
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _slack_export(_Zip(archive, path, limits))
    return _json_lines(path)


def _recording(
    found: Iterable[Message | Skipped], channels: Mapping[str, ChannelInfo], people: Mapping[str, str]
) -> Recording:
    messages: dict[str, Message] = {}
    skipped: list[Skipped] = []
    for item in found:
        if isinstance(item, Skipped):
            skipped.append(item)
        else:
            messages[item.id] = item
    return Recording(
        messages=tuple(sorted(messages.values(), key=lambda message: message.at)),
        channels=channels,
        people=people,
        order=tuple(messages),
        skipped=tuple(skipped),
    )


# ---- JSON lines -------------------------------------------------------------------------------------------


def _json_lines(path: Path) -> Recording:
    found = list(_once(_lines(path)))
    said = [item for item in found if isinstance(item, Message)]
    channels = {message.channel: ChannelInfo(id=message.channel, name=message.channel) for message in said}
    return _recording(found, channels, {message.user: message.user for message in said})


def _lines(path: Path) -> Iterator[tuple[str, Message | Skipped]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                yield _line(text, f"{path}:{number}")


def _line(text: bytes, where: str) -> tuple[str, Message | Skipped]:
    try:
        return where, records.message_of(parse_json(text))
    except Unusable as error:
        return where, Skipped(where=where, why=str(error))


def _once(found: Iterable[tuple[str, Message | Skipped]]) -> Iterator[Message | Skipped]:
    """The same, with a message whose id came before skipped, as a platform's redelivery would be."""
    seen: dict[str, str] = {}
    for where, item in found:
        if isinstance(item, Skipped):
            yield item
        elif item.id in seen:
            yield Skipped(
                where=where, why=f"id {records.shown(item.id)} was given before, at {seen[item.id]}"
            )
        else:
            seen[item.id] = where
            yield item


# ---- a Slack export --------------------------------------------------------------------------------------


class _Files(Protocol):
    """The files of an export, by their names below its root."""

    def names(self) -> Sequence[str]: ...

    def read(self, name: str) -> bytes:
        """The bytes of a file; raises Unusable."""
        ...


class _Folder:
    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._limits = limits

    def names(self) -> Sequence[str]:
        found = [*self._root.glob("*.json"), *self._root.glob("*/*.json")]
        return sorted(path.relative_to(self._root).as_posix() for path in found)

    def read(self, name: str) -> bytes:
        path = self._root / name
        _bounded(path.stat().st_size, self._limits.file)
        return path.read_bytes()


class _Zip:
    """Reads members one at a time and writes none to disk, so that a member's name can lead nowhere."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, limits: Limits) -> None:
        self._archive = archive
        self._limits = limits
        members = [info for info in archive.infolist() if not info.is_dir() and _is_plain(info.filename)]
        total = sum(info.file_size for info in members)
        if total > limits.total:
            raise RecordingError(
                f"{path}: it unpacks to {total:,} bytes, over {limits.total:,}; unpack it and give the folder"
            )
        prefix = _root_of([info.filename for info in members])
        inside = [info for info in members if info.filename.startswith(prefix)]
        self._members = {info.filename.removeprefix(prefix): info for info in inside}

    def names(self) -> Sequence[str]:
        return sorted(self._members)

    def read(self, name: str) -> bytes:
        info = self._members[name]
        _bounded(info.file_size, self._limits.file)
        if info.flag_bits & 1:
            raise Unusable("it is encrypted; unpack the zip and give the folder")
        try:
            with self._archive.open(info) as member:
                return member.read(self._limits.file)  # the size in the header may be a lie
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise Unusable(f"it cannot be unpacked: {error}") from error


def _bounded(size: int, limit: int) -> None:
    if size > limit:
        raise Unusable(f"it has {size:,} bytes, more than {limit:,}; split it")


def _is_plain(name: str) -> bool:
    return not name.startswith("/") and ".." not in PurePosixPath(name).parts and "\\" not in name


def _root_of(names: Iterable[str]) -> str:
    """The folder inside a zip that holds the listings (a re-packed export lies in a folder of its own)."""
    roots = [name.removesuffix(PurePosixPath(name).name) for name in names if _is_listing(name)]
    return min(roots, key=lambda root: (root.count("/"), root), default="")


def _is_listing(name: str) -> bool:
    return PurePosixPath(name).name in slackexport.LISTINGS


def _slack_export(files: _Files) -> Recording:
    names = files.names()
    if not any(name in slackexport.LISTINGS for name in names):
        raise Unusable(f"none of {', '.join(slackexport.LISTINGS)} is in it, so it is no Slack export")
    listings = (*slackexport.LISTINGS, slackexport.USERS)
    workspace = slackexport.workspace_of({name: _listing(files, name) for name in listings if name in names})
    days = (item for name in names if _is_day(name) for item in _day(files, name, workspace))
    people = {name: workspace.qualified(user) for user, name in workspace.users.items()}
    recording = _recording(_once(days), {}, people)
    return replace(recording, channels=_channels(recording.messages, workspace))


def _listing(files: _Files, name: str) -> object:
    """A listing's content. Without it, who may read what is unknown, so that it must be readable."""
    try:
        return parse_json(files.read(name))
    except Unusable as error:
        raise Unusable(f"{name}: {error}") from error


def _day(files: _Files, name: str, workspace: Workspace) -> Iterator[tuple[str, Message | Skipped]]:
    channel = workspace.channel(PurePosixPath(name).parts[0])
    try:
        items = records.as_items(parse_json(files.read(name)))
    except Unusable as error:
        yield name, Skipped(where=name, why=str(error))
        return
    for number, item in enumerate(items, start=1):
        if (found := _item(item, channel, workspace, f"{name}:item {number}")) is not None:
            yield f"{name}:item {number}", found


def _item(item: object, channel: ChannelInfo, workspace: Workspace, where: str) -> Message | Skipped | None:
    try:
        return slackexport.message_of(item, channel, workspace)
    except Unusable as error:
        return Skipped(where=where, why=str(error))


def _is_day(name: str) -> bool:
    """Whether it is ``CHANNEL/YYYY-MM-DD.json``."""
    path = PurePosixPath(name)
    return len(path.parts) == 2 and path.suffix == ".json" and path.stem.replace("-", "").isdigit()


def _channels(messages: Iterable[Message], workspace: Workspace) -> dict[str, ChannelInfo]:
    """The listed channels and those found; one that an outsider wrote in is shared with another company."""
    said = list(messages)
    external = {message.channel for message in said if message.user in workspace.outsiders}
    unlisted = {message.channel for message in said} - {channel.id for channel in workspace.folders.values()}
    known = [*workspace.folders.values(), *map(workspace.unlisted, sorted(unlisted))]
    return {
        channel.id: replace(channel, external=channel.external or channel.id in external) for channel in known
    }

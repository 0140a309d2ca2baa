"""`earshot entries` and `earshot export`: look through what is known, change it by hand, take it elsewhere."""

import argparse
import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from sqlalchemy import Connection

from bot import audit, entries
from bot.audit import BY_COMMAND, Kind
from bot.clock import SystemClock
from bot.config import Config
from bot.entries import Provenance, Step
from bot.forms import PARTS, form, wording_from
from bot.opening import audience_named, config_of, store_of
from bot.shown import entry_json, list_json, show_entry, show_list
from bot.terminal import Failed, ShowProgress, err, out, say, shown_progress
from knowledge import store
from knowledge.database import Database
from knowledge.entry import EntryState, KnowledgeEntry
from knowledge.exchange import line_of
from knowledge.notes import Wording, edited, wording_of
from knowledge.store import Stored

LISTED = 20  # entries, if no limit is given
EXPORT_BATCH = 200  # entries read together


async def show_or_change(arguments: argparse.Namespace) -> int:
    """Its exit code. Raises EntryError, NoteError or Failed; then nothing was changed."""
    config = config_of(arguments)
    with store_of(config) as database:
        match arguments.action:
            case "list":
                await _list_entries(arguments, database)
            case "show":
                await _show_entries(arguments, database)
            case "edit":
                await _edit_entry(arguments, config, database)
            case step:
                await _take_step(arguments, database, Step(step))
    return 0


async def _list_entries(arguments: argparse.Namespace, database: Database) -> None:
    audience = None if arguments.audience is None else await audience_named(database, arguments.audience)
    choice = store.Choice(
        state=_state(arguments.state or EntryState.ACTIVE),
        origin=arguments.origin,
        audience=audience,
        words=tuple((arguments.match or "").split()),
        limit=arguments.limit or LISTED,
    )
    found = await database.run(lambda connection: entries.listed(connection, choice))
    if arguments.json:
        print(json.dumps(list_json(found), ensure_ascii=False))
    else:
        show_list(out, found, await database.run(lambda connection: store.count_chosen(connection, choice)))


async def _show_entries(arguments: argparse.Namespace, database: Database) -> None:
    def look(connection: Connection) -> list[Provenance]:
        found = [entries.found(connection, given) for given in arguments.ids]
        return [entries.provenance(connection, one) for one in found]

    told = await database.run(look)
    if arguments.json:
        print(json.dumps([entry_json(one) for one in told], ensure_ascii=False))
        return
    for n, one in enumerate(told):
        if n:
            out.rule(style="dim")
        show_entry(out, one, SystemClock().now())


async def _take_step(arguments: argparse.Namespace, database: Database, step: Step) -> None:
    now = SystemClock().now()

    def take(connection: Connection) -> list[tuple[Stored, EntryState]]:
        found = [entries.found(connection, given) for given in arguments.ids]
        return [(one, entries.take(connection, one.entry.id, step, now)) for one in found]

    taken = await database.run(take)
    if arguments.json:
        moved = [{"id": one.entry.id, "before": one.state, "after": after} for one, after in taken]
        print(json.dumps(moved, ensure_ascii=False))
        return
    for one, after in taken:
        say(f"{one.entry.id} was {one.state}, is {after}: {one.entry.title}")


async def _edit_entry(arguments: argparse.Namespace, config: Config, database: Database) -> None:
    before = await database.run(lambda connection: entries.found(connection, arguments.ids[0]))
    wording = _set(arguments, wording_of(before.entry)) or await _edited_in_editor(before.entry)
    now = SystemClock().now()
    entry = edited(before.entry, wording, now, config.redact.patterns)
    after = before
    if entry is not None:
        after = await database.run(lambda connection: entries.replace_by_hand(connection, before, entry, now))
    if arguments.json:
        moved = {"id": after.entry.id, "replaces": before.entry.id if entry is not None else None}
        print(json.dumps(moved, ensure_ascii=False))
    elif entry is None:
        say(f"{before.entry.id} stays as it was: nothing was changed")
    else:
        say(f"{after.entry.id} stands in the place of {before.entry.id}: {after.entry.title}")


def _set(arguments: argparse.Namespace, wording: Wording) -> Wording | None:
    """The wording that the options give; None if they give none."""
    given = {name: getattr(arguments, f"set_{name}") for name in PARTS}
    set_ = {name: text for name, text in given.items() if text is not None}
    if set_.get("solution") == "-":
        set_["solution"] = sys.stdin.read()
    return replace(wording, **set_) if set_ else None


async def _edited_in_editor(entry: KnowledgeEntry) -> Wording:
    """What a person makes of an entry's words in the editor. Raises Failed if that cannot be run."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory(prefix="earshot-") as folder:
        file = Path(folder) / f"{entry.id}.md"
        file.write_text(form(entry.id, wording_of(entry)), encoding="utf-8")
        try:
            running = await asyncio.create_subprocess_exec(*shlex.split(editor), str(file))
        except (OSError, ValueError) as error:
            remedy = "set EDITOR, or use --set-solution"
            raise Failed(f"the editor {editor!r} cannot be run: {error}; {remedy}") from error
        if code := await running.wait():
            raise Failed(f"the editor {editor!r} ended with {code}; nothing was changed")
        return wording_from(file.read_text(encoding="utf-8"))


async def export(arguments: argparse.Namespace) -> int:
    """Its exit code. Raises Failed for what may not leave its channel, or a file that cannot be written."""
    config = config_of(arguments)
    with store_of(config) as database:
        audience = None if arguments.audience is None else await audience_named(database, arguments.audience)
        if audience is not None and audience.startswith("channel:") and not arguments.private:
            remedy = "if it may leave that channel, add --private"
            raise Failed(f"{audience} is one channel's own knowledge; {remedy}")
        choice = store.Choice(state=_state(arguments.state), audience=audience, private=arguments.private)
        with shown_progress() as progress, _written(arguments.file) as lines:
            count = await _write_entries(database, choice, lines, progress, people=arguments.people)
            await database.run(lambda connection: _audit_export(connection, arguments, count))
    err.print(f"{count} entries written", highlight=False)
    return 0


def _audit_export(connection: Connection, arguments: argparse.Namespace, count: int) -> None:
    given = {"state": arguments.state, "private": arguments.private, "people": arguments.people}
    audit.put(connection, Kind.EXPORTED, SystemClock().now(), actor=BY_COMMAND, entries=count, **given)


async def _write_entries(
    database: Database, choice: store.Choice, lines: TextIO, progress: ShowProgress, *, people: bool
) -> int:
    """Write the entries oldest first, a few at a time; how many."""
    ids = (await database.run(lambda connection: store.chosen_ids(connection, choice)))[::-1]
    count = 0
    for start in range(0, len(ids), EXPORT_BATCH):
        some = ids[start : start + EXPORT_BATCH]
        stored = await database.run(partial(entries.of_ids, ids=some))
        lines.writelines(f"{line_of(one, people=people)}\n" for one in stored)
        count += len(stored)
        progress(start + len(some), len(ids), "exporting")
    return count


@contextmanager
def _written(file: Path) -> Iterator[TextIO]:
    """Where to write; a file is there whole or, if something goes wrong, as it was. Raises Failed."""
    if file == Path("-"):
        yield sys.stdout
        return
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as lines:
            yield lines
            lines.flush()
            os.fsync(lines.fileno())
        part.replace(file)
    except OSError as error:
        raise Failed(f"{file} cannot be written: {error.strerror}; name another, or - for stdout") from error
    finally:
        part.unlink(missing_ok=True)


def _state(given: str) -> EntryState | None:
    """The state that is named; None for all of them."""
    return None if given == "all" else EntryState(given)

"""`earshot learn`: documents, recordings, and notes by hand."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Connection

from bot import audit, optouts
from bot.audit import BY_COMMAND, Kind
from bot.clock import SystemClock
from bot.config import Config
from bot.learning import Learnt, learn_path
from bot.opening import audience_named, config_of, knowledge_of, store_of
from bot.surroundings import know_domains
from bot.terminal import Failed, ShowProgress, say, shown_progress, warn
from knowledge import store
from knowledge.database import Database
from knowledge.entry import EntryState
from knowledge.notes import note
from knowledge.recordings import RecordingError
from knowledge.search import Knowledge
from knowledge.sources import SourceError


async def learn(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if nothing could be read. Raises Failed before anything is learnt if a path is not there."""
    config = config_of(arguments)
    if arguments.text is not None:
        return await _learn_note(arguments, config)
    for path in arguments.paths:
        if not path.exists():
            raise Failed(f"{path}: there is no such file or folder")
    learnt = Learnt()
    with store_of(config) as database:
        audience = await audience_named(database, arguments.audience)
        opted_out = await database.run(optouts.opted_out)
        async with knowledge_of(config, database) as knowledge:
            with shown_progress() as progress:
                for path in arguments.paths:
                    learnt += await _learn_path(knowledge, path, audience, config, progress, opted_out)
        await database.run(lambda connection: know_domains(connection, learnt.domains))
        await _audit_import(database, added=learnt.added, removed=learnt.removed, pending=learnt.pending)
    return _report_learnt(learnt, as_json=arguments.json)


async def _audit_import(database: Database, *, added: int, removed: int = 0, pending: int = 0) -> None:
    def keep(connection: Connection) -> None:
        at, by = SystemClock().now(), BY_COMMAND
        audit.put(connection, Kind.IMPORTED, at, actor=by, added=added, removed=removed, pending=pending)

    await database.run(keep)


async def _learn_path(
    knowledge: Knowledge,
    path: Path,
    audience: str,
    config: Config,
    progress: ShowProgress,
    opted_out: frozenset[str],
) -> Learnt:
    """What is in one path; one that cannot be read is reported, and the others go on."""
    close_after, patterns = config.tickets.close_after, config.redact.patterns
    try:
        return await learn_path(
            knowledge, path, audience, close_after, progress, patterns=patterns, opted_out=opted_out
        )
    except (RecordingError, SourceError) as error:
        return Learnt(unusable=(str(error),))


async def _learn_note(arguments: argparse.Namespace, config: Config) -> int:
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    with store_of(config) as database:
        audience = await audience_named(database, arguments.audience)
        entry = note(
            text,
            title=arguments.title,
            problem=arguments.problem,
            audience=audience,
            at=SystemClock().now(),
            patterns=config.redact.patterns,
        )
        before = await database.run(lambda connection: store.state_of(connection, entry.id))
        if before is None:
            async with knowledge_of(config, database) as knowledge:
                await knowledge.learn([entry])
            await _audit_import(database, added=1)
    if arguments.json:
        shown = {"id": entry.id, "added": before is None, "state": before or EntryState.ACTIVE}
        print(json.dumps(shown, ensure_ascii=False))
    elif before is None:
        say(f"{entry.id} added: {entry.title}")
    else:
        restore = f"; `earshot entries restore {entry.id}` takes it in again"
        say(f"{entry.id} is known and {before}{'' if before is EntryState.ACTIVE else restore}")
    return 0


def _report_learnt(learnt: Learnt, *, as_json: bool) -> int:
    for unusable in learnt.unusable:
        warn(unusable)
    if as_json:
        shown = {name: value for name, value in asdict(learnt).items() if name != "domains"}
        print(json.dumps({**shown, "unusable": list(learnt.unusable)}, ensure_ascii=False))
    else:
        waiting = f" {learnt.pending} wait for approval: earshot entries --state pending"
        say(
            f"{learnt.files} documents and {learnt.threads} threads read: {learnt.added} entries added, "
            f"{learnt.removed} removed, {learnt.unchanged} unchanged; {learnt.not_worth} threads taught nothing."
            f"{waiting if learnt.pending else ''}"
        )
    return 0 if learnt.files or learnt.threads else 1

"""What the commands do: read the settings, do it, say what came of it. Exit 0 ok, 1 a problem, 2 wrong usage."""

import argparse
import asyncio
import json
import logging
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from sqlalchemy import Connection, Row
from sqlalchemy.exc import DatabaseError

from bot import approval, entries, forget, inbox, ledger, nights, optouts
from bot.adapters.adapter import LookupFailed
from bot.adapters.slack import SlackAdapter, StartFailed
from bot.answerer import ground
from bot.app import StoreInUse, assemble, embedder_of, index_folder, lock_store, open_database, open_knowledge
from bot.approval import approve, reject, revert_night
from bot.cli import DEFAULT_CONFIG
from bot.clicks import explained
from bot.clock import SystemClock
from bot.config import EPHEMERAL, Config, Secrets, secrets_from
from bot.config_file import ConfigError, ConfigFile, load, problems_to_run
from bot.demo import Demo
from bot.distilling import distiller_for
from bot.doctor import Finding, examine_clip, examine_config, examine_scopes, examine_store
from bot.entries import EntryError, Provenance, Step
from bot.explain import told
from bot.forget import What
from bot.forms import PARTS, form, wording_from
from bot.handlers import Bot
from bot.learning import Learnt, learn_path
from bot.night import run_night
from bot.nights import Recorded
from bot.receipts import Receipt, receipt_from
from bot.replay import Report, replay
from bot.report import NightReport, report_from
from bot.shown import entry_json, list_json, show_entry, show_list
from bot.surroundings import know_domains
from bot.verify import verify
from knowledge import store
from knowledge.database import Database
from knowledge.distiller import offline
from knowledge.embed import UnknownModel
from knowledge.entry import PUBLIC, WORKSPACE, EntryState, Hit, KnowledgeEntry
from knowledge.exchange import line_of
from knowledge.notes import NoteError, Wording, edited, note, wording_of
from knowledge.recordings import RecordingError, read_recording
from knowledge.search import Knowledge
from knowledge.sources import SourceError
from knowledge.store import Stored
from knowledge.thread import Message, Thread
from knowledge.writer_extractive import ExtractiveWriter

ShowProgress = Callable[[int, int, str], None]  # done, of how many, of what

LISTED = 20  # entries, if no limit is given
EXPORT_BATCH = 200  # entries read together

log = logging.getLogger("earshot")
out = Console()
err = Console(stderr=True)


class Failed(Exception):
    """A problem that was found; the message says what and the remedy. Exit code 1."""


PROBLEMS = (
    Failed,
    ConfigError,
    StartFailed,
    StoreInUse,
    RecordingError,
    SourceError,
    UnknownModel,
    EntryError,
    NoteError,
)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed; its exit code."""
    _log_to_stderr(verbose=arguments.verbose)
    try:
        code: int = asyncio.run(COMMANDS[arguments.command](arguments))
        sys.stdout.flush()
    except (
        Failed,
        ConfigError,
        StartFailed,
        StoreInUse,
        RecordingError,
        SourceError,
        UnknownModel,
        EntryError,
        NoteError,
    ) as error:
        _complain(str(error))
        return 1
    except DatabaseError as error:
        log.debug("the store failed", exc_info=error)
        _complain(f"the store cannot be used: {error.orig}; look at `store` in {arguments.config}")
        return 1
    except (
        BrokenPipeError
    ):  # `earshot replay … | head`: who read it has enough; nothing is left to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


# ---- run -----------------------------------------------------


async def _run(arguments: argparse.Namespace) -> int:
    settings = ConfigFile(arguments.config, os.environ, required=arguments.config != DEFAULT_CONFIG)
    config, secrets = settings.current, secrets_from(os.environ)
    problems = problems_to_run(config, secrets)
    if problems:
        raise Failed("\n".join(str(problem) for problem in problems))
    if not config.slack.enabled:
        raise Failed(f"{arguments.config}: no platform is enabled; set slack.enabled: true")
    slack = _slack(config, secrets)
    await slack.check()  # before the slow part: a bad token should fail within a second
    for lacking in (*examine_scopes(config, slack.granted), *examine_clip(config, slack.granted)):
        log.warning("%s", lacking.text)
    with _store(config) as database, lock_store(database):
        async with _knowledge(config, database) as knowledge:
            app = assemble(
                lambda: settings.current,
                database,
                knowledge,
                [slack],
                night=approval,
                distilling=lambda: distiller_for(settings.current, secrets, database, SystemClock()),
            )
            await _until_stopped(app.run, settings)
    return 0


async def _until_stopped(run: Callable[[asyncio.Event], Awaitable[None]], settings: ConfigFile) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    following = asyncio.create_task(settings.follow(lambda _: None, stop))
    log.info("listening")
    try:
        await run(stop)
    finally:
        stop.set()
        await following


def _slack(config: Config, secrets: Secrets) -> SlackAdapter:
    return SlackAdapter(
        secrets.slack_bot_token or "", secrets.slack_app_token or "", str(config.slack.base_url)
    )


# ---- demo, learn, replay -----------------------------------------------------


async def _demo(arguments: argparse.Namespace) -> int:
    # The demo is to look the same wherever it is tried, so only settings that are named count.
    config = _config(arguments) if arguments.config != DEFAULT_CONFIG else Config()
    with err.status("loading the embedding model"):
        embedder = await asyncio.to_thread(embedder_of, config)
    await Demo(config, embedder, out).play(once=arguments.once)
    return 0


async def _learn(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    if arguments.text is not None:
        return await _learn_note(arguments, config)
    for path in arguments.paths:
        if not path.exists():
            raise Failed(f"{path}: there is no such file or folder")
    learnt = Learnt()
    with _store(config) as database:
        audience = await _audience_in(database, arguments.audience)
        opted_out = await database.run(optouts.opted_out)
        async with _knowledge(config, database) as knowledge:
            with _progress() as progress:
                for path in arguments.paths:
                    learnt += await _learn_path(knowledge, path, audience, config, progress, opted_out)
        await database.run(lambda connection: know_domains(connection, learnt.domains))
    return _report_learnt(learnt, as_json=arguments.json)


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
    with _store(config) as database:
        audience = await _audience_in(database, arguments.audience)
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
            async with _knowledge(config, database) as knowledge:
                await knowledge.learn([entry])
    if arguments.json:
        shown = {"id": entry.id, "added": before is None, "state": before or EntryState.ACTIVE}
        print(json.dumps(shown, ensure_ascii=False))
    elif before is None:
        _say(f"{entry.id} added: {entry.title}")
    else:
        again = (
            "" if before is EntryState.ACTIVE else f"; `earshot entries restore {entry.id}` takes it in again"
        )
        _say(f"{entry.id} is known and {before}{again}")
    return 0


def _report_learnt(learnt: Learnt, *, as_json: bool) -> int:
    for unusable in learnt.unusable:
        err.print(unusable, style="yellow", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        shown = {name: value for name, value in asdict(learnt).items() if name != "domains"}
        print(json.dumps({**shown, "unusable": list(learnt.unusable)}, ensure_ascii=False))
    else:
        out.print(
            f"{learnt.files} documents and {learnt.threads} threads read: {learnt.added} entries added, "
            f"{learnt.removed} removed, {learnt.unchanged} unchanged; {learnt.not_worth} threads taught nothing."
            + (
                f" {learnt.pending} wait for approval: earshot entries --state pending"
                if learnt.pending
                else ""
            ),
            highlight=False,
            soft_wrap=True,
        )
    return 0 if learnt.files or learnt.threads else 1


async def _replay(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    recording = read_recording(arguments.file)
    for skipped in recording.skipped[:20]:
        err.print(f"skipped {skipped}", style="yellow", highlight=False, markup=False, soft_wrap=True)
    with err.status("loading the embedding model"):
        embedder = await asyncio.to_thread(embedder_of, config)
    with _progress() as progress:
        report = await replay(recording, config, embedder, progress)
    if arguments.json:
        for outcome in report.outcomes:
            print(outcome.json())
    else:
        _show_report(report)
    return 0


def _show_report(report: Report) -> None:
    for outcome in (said for said in report.outcomes if said.text):
        head = f"\n[bold green]{outcome.action}[/] to {escape(outcome.id)} (score {outcome.score:.2f})"
        out.print(head, highlight=False, soft_wrap=True)
        out.print(outcome.text, highlight=False, markup=False, soft_wrap=True)
        for citation in outcome.citations:
            source = f"  source: {citation['source']}"
            out.print(source, style="dim", highlight=False, markup=False, soft_wrap=True)
    total, spoken = len(report.outcomes), len(report.replies)
    out.print(
        f"\n{total} messages, {spoken} replies ({100 * spoken / total:.1f} per 100 messages)."
        + (f" {len(report.drafts)} drafts." if report.drafts else ""),
        highlight=False,
    )
    for name, count in report.silent.most_common():
        out.print(f"  silent, {name}: {count}", highlight=False)
    out.print(
        f"{report.entries} entries known at the end. {report.seconds:.1f} s, {report.rate:.0f} messages/s.",
        highlight=False,
    )


# ---- night -----------------------------------------------------


async def _night(arguments: argparse.Namespace) -> int:
    config, clock = _config(arguments), SystemClock()
    if arguments.date is not None and arguments.date > clock.now().astimezone(config.tz).date():
        raise Failed(f"--date is {arguments.date}, which has not come yet; give today's or an earlier one")
    with _store(config) as database:
        if arguments.list:
            return await _list_nights(database, as_json=arguments.json)
        if arguments.dry_run:
            with _copy(database) as copy:
                return await _run_night(arguments, config, copy)
        return await _run_night(arguments, config, database)


async def _run_night(arguments: argparse.Namespace, config: Config, database: Database) -> int:
    clock = SystemClock()
    async with _knowledge(config, database) as knowledge:
        secrets = secrets_from(os.environ)
        bot = assemble(
            lambda: config,
            database,
            knowledge,
            [],
            clock=clock,
            # A copy that is thrown away would lose what is paid for, and let go of the store's own batches.
            distilling=offline
            if arguments.dry_run
            else lambda: distiller_for(config, secrets, database, clock),
        ).bot
        if arguments.revert or arguments.approve or arguments.reject:
            return await _decide(bot, arguments)
        now = clock.now()
        close_after = config.tickets.close_after
        await database.run(lambda connection: ledger.close_quiet(connection, now, close_after))
        night = arguments.date or nights.last_due(now, config.night.at, config.tz)
        with _progress() as progress:
            report = await run_night(bot, night, progress=progress, again=True)
        if report is None:
            raise Failed(f"the night of {night} was taken back, or another process is at it; look at --list")
        titles = await database.run(lambda connection: _titles(connection, report.best))
    if arguments.json:
        print(report.json())
    else:
        _show_night(report, titles, dry=arguments.dry_run)
    return 0


async def _decide(bot: Bot, arguments: argparse.Namespace) -> int:
    by = "the command line"
    if arguments.revert:
        told = await revert_night(bot, arguments.revert.isoformat(), by)
    elif arguments.approve:
        told = await approve(bot, arguments.approve, by)
    else:
        told = await reject(bot, arguments.reject, by)
    if arguments.json:
        print(json.dumps({"result": told}, ensure_ascii=False))
    else:
        out.print(told, highlight=False, markup=False, soft_wrap=True)
    return 1 if told.startswith(("Nothing", "There is no night")) else 0


def _titles(connection: Connection, ids: Sequence[str]) -> list[str]:
    known = store.entries_by_id(connection, ids)
    return [known[key].title for key in ids if key in known]


def _show_night(report: NightReport, titles: Sequence[str], *, dry: bool) -> None:
    head = f"Night of {report.date}" + (" (nothing was changed)" if dry else "")
    table = Table(title=head, show_header=False, title_justify="left")
    for name, value in (
        ("closed threads", report.threads),
        ("new entries", report.added),
        ("wait for approval", report.pending),
        ("merged", report.merged),
        ("superseded", report.superseded),
        ("in dispute", report.disputed),
        ("asked about", report.asked),
        ("retired", report.retired),
        ("past questions now answered", f"{len(report.gained)} of {report.tried}"),
        ("past questions no longer answered", f"{len(report.lost)} of {report.tried}"),
    ):
        table.add_row(name, str(value))
    out.print(table)
    if dry:
        out.print("  a dry run is distilled offline, whatever night.writer says", highlight=False)
    for why, count in report.not_worth.items():
        out.print(f"  taught nothing, {why}: {count}", highlight=False, markup=False)
    for title in titles:
        out.print(f"  new: {title}", highlight=False, markup=False, soft_wrap=True)
    for channel, (before, after) in report.thresholds.items():
        out.print(f"  {channel}: mean chance {before:.2f} -> {after:.2f}", highlight=False, markup=False)


async def _list_nights(database: Database, *, as_json: bool) -> int:
    def read(connection: Connection) -> tuple[list[Row[Any]], list[Recorded]]:
        return nights.last_nights(connection, 30), nights.proposed(connection)

    rows, waiting = await database.run(read)
    if as_json:
        listed = [
            {"date": row.date, "state": row.state, "report": json.loads(row.report or "null")} for row in rows
        ]
        queued = [{"entry": one.subject, "night": one.night, "doubts": one.doubts} for one in waiting]
        print(json.dumps({"nights": listed, "waiting": queued}, ensure_ascii=False))
        return 0
    columns = ("state", "threads", "new", "wait", "merged", "replaced", "disputed", "retired")
    table = Table(Column("night", no_wrap=True), *columns)
    for row in rows:
        report = report_from(row.report) if row.report else NightReport(date=row.date)
        counted = (report.threads, report.added, report.pending, report.merged, report.superseded)
        table.add_row(row.date, row.state, *map(str, (*counted, report.disputed, report.retired)))
    out.print(table)
    for change in waiting:
        doubts = f" because of: {'; '.join(change.doubts)}" if change.doubts else ""
        line = f"waits since {change.night}: {change.kind} {change.subject}{doubts}"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


@contextmanager
def _copy(database: Database) -> Iterator[Database]:
    """A copy of the store that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="earshot-night-") as folder:
        path = Path(folder) / "copy.db"
        database.copy_to(path)
        copy = open_database(f"sqlite:///{path}", durable=False)
        try:
            yield copy
        finally:
            copy.close()


# ---- entries, export -----------------------------------------------------


async def _entries(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    with _store(config) as database:
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
    audience = None if arguments.audience is None else await _audience_in(database, arguments.audience)
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
        _say(f"{one.entry.id} was {one.state}, is {after}: {one.entry.title}")


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
        _say(f"{before.entry.id} stays as it was: nothing was changed")
    else:
        _say(f"{after.entry.id} stands in the place of {before.entry.id}: {after.entry.title}")


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
            raise Failed(
                f"the editor {editor!r} cannot be run: {error}; set EDITOR, or use --set-solution"
            ) from error
        if code := await running.wait():
            raise Failed(f"the editor {editor!r} ended with {code}; nothing was changed")
        return wording_from(file.read_text(encoding="utf-8"))


def _state(given: str) -> EntryState | None:
    """The state that is named; None for all of them."""
    return None if given == "all" else EntryState(given)


async def _export(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    with _store(config) as database:
        audience = None if arguments.audience is None else await _audience_in(database, arguments.audience)
        if audience is not None and audience.startswith("channel:") and not arguments.private:
            raise Failed(
                f"{audience} is one channel's own knowledge; if it may leave that channel, add --private"
            )
        choice = store.Choice(state=_state(arguments.state), audience=audience, private=arguments.private)
        with _progress() as progress, _written(arguments.file) as lines:
            count = await _write_entries(database, choice, lines, progress, people=arguments.people)
    err.print(f"{count} entries written", highlight=False)
    return 0


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


# ---- ask, why, doctor -----------------------------------------------------


async def _ask(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    with _store(config) as database:
        own = {f"channel:{await _channel(database, arguments.channel)}"} if arguments.channel else set()
        audiences = frozenset({PUBLIC, WORKSPACE, *own})
        async with _knowledge(config, database) as knowledge:
            hits = await knowledge.search(arguments.question, audiences=audiences, k=5)
    now = SystemClock().now()
    message = Message(id="ask", channel="", thread="ask", user="you", at=now, text=arguments.question)
    thread = Thread(id="ask", channel="", messages=(message,))
    draft = await ExtractiveWriter().answer(arguments.question, thread, hits)
    suggestion = None if draft is None else ground(draft, hits, now)
    if arguments.json:
        answer = None if suggestion is None else suggestion.text
        print(json.dumps({"hits": [_hit(hit) for hit in hits], "answer": answer}, ensure_ascii=False))
        return 0
    for hit in hits:
        line = f"{hit.score:.2f}  {hit.entry.title}  [{hit.entry.origin}]"
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    answer = suggestion.text if suggestion else "Nothing that is known answers this."
    out.print(f"\n{answer}", highlight=False, markup=False, soft_wrap=True)
    return 0


async def _channel(database: Database, given: str) -> str:
    """The whole id of the channel that somebody names. One that was never heard of is taken as given."""
    found = await database.run(lambda connection: ledger.find_channels(connection, given))
    if len(found) > 1:
        raise Failed(f"{given} may be any of: {', '.join(found)}; give one of these")
    if not found:
        err.print(f"no channel {given} was heard of yet; taken as a whole id", style="yellow", markup=False)
    return found[0] if found else given


async def _audience_in(database: Database, audience: str) -> str:
    kind, _, given = audience.partition(":")
    return f"channel:{await _channel(database, given)}" if kind == "channel" else audience


def _hit(hit: Hit) -> dict[str, object]:
    numbers = {"score": hit.score, "dense": hit.dense, "lexical": hit.lexical, "coverage": hit.coverage}
    rounded = {name: round(float(value), 4) for name, value in numbers.items()}
    return {"entry": hit.entry.id, "title": hit.entry.title, "origin": hit.entry.origin, **rounded}


async def _why(arguments: argparse.Namespace) -> int:
    with _store(_config(arguments)) as database:
        found = await database.run(lambda connection: ledger.find_messages(connection, arguments.message))
        if len(found) > 1:
            raise Failed(f"{arguments.message} may be any of: {', '.join(found)}; give one of these")
        last = found[0] if found else ""
        row = await database.run(lambda connection: ledger.last_decision(connection, last))
        explanation = await database.run(lambda connection: explained(connection, last))
    if row is None or explanation is None:
        raise Failed(f"{arguments.message}: no decision about such a message; give a message's link or id")
    if arguments.json:
        shown = {"id": row.message_id, "action": row.action, "score": row.score, "threshold": row.threshold}
        considered = ledger.considered(row)
        print(
            json.dumps(
                {**shown, "reasons": ledger.reason_lines(row), "considered": considered}, ensure_ascii=False
            )
        )
        return 0
    for line in told(explanation):
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


# ---- forget -----------------------------------------------------


async def _forget(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    with _store(config) as database:
        folder = index_folder(database)
        if arguments.verify is not None:
            return _verify(database, arguments.verify, folder, as_json=arguments.json)
        what, subject = await _wanted(database, arguments)
        doing = partial(
            FORGETTING[what], database, subject, config=config, now=SystemClock().now(), folder=folder
        )
        if not arguments.yes and not arguments.dry_run:
            _confirm(what, subject, await doing(dry_run=True))
        receipt = await doing(dry_run=arguments.dry_run)
    _show_receipt(receipt, what, subject, as_json=arguments.json)
    return 0 if receipt.compacted else 1


FORGETTING: Mapping[What, Callable[..., Coroutine[None, None, Receipt]]] = {
    What.USER: forget.forget_user,
    What.MESSAGE: forget.forget_message,
    What.CHANNEL: forget.forget_channel,
}


async def _wanted(database: Database, arguments: argparse.Namespace) -> tuple[What, str]:
    """What is to be forgotten, by whole id. What was never heard of is taken as given: it may have been half gone."""
    finders = {
        What.USER: (arguments.user, forget.find_people),
        What.MESSAGE: (arguments.message, forget.find_messages),
        What.CHANNEL: (arguments.channel, ledger.find_channels),
    }
    what, (given, find) = next((each, asked) for each, asked in finders.items() if asked[0] is not None)
    found = await database.run(lambda connection: find(connection, given))
    if len(found) > 1:
        raise Failed(f"{given} may be any of: {', '.join(found)}; give one of these")
    if not found:
        err.print(f"no {what} {given} is known; taken as a whole id", style="yellow", markup=False)
    return what, found[0] if found else given


def _confirm(what: What, subject: str, told: Receipt) -> None:
    """Ask whoever sits at the terminal. Raises Failed without a yes."""
    err.print(f"Forget the {what} {subject}? {_counted(told)}", highlight=False, markup=False, soft_wrap=True)
    if not sys.stdin.isatty():
        raise Failed("nobody is there to be asked; add --yes to forget it, or --dry-run to see what would go")
    if err.input("This cannot be undone. Type yes to go on: ").strip().casefold() != "yes":
        raise Failed("nothing was forgotten")


def _counted(receipt: Receipt) -> str:
    rows = ", ".join(f"{count} {table}" for table, count in receipt.counts.items()) or "nothing"
    answers = f"; {receipt.answers} posted answers are to be taken back" if receipt.answers else ""
    return f"Rows deleted or changed: {rows}{answers}."


def _show_receipt(receipt: Receipt, what: What, subject: str, *, as_json: bool) -> None:
    if as_json:
        print(receipt.json())
    else:
        done = "Would forget" if receipt.dry_run else "Forgot"
        out.print(
            f"{done} the {what} {subject}. {_counted(receipt)}", highlight=False, markup=False, soft_wrap=True
        )
        entries = f"{len(receipt.removed) - len(receipt.rewritten)} entries removed, {len(receipt.rewritten)} rewritten"
        out.print(f"{entries}, {len(receipt.restored)} in force again.", highlight=False)
        out.print(f"digest {receipt.digest}", highlight=False)
    if not receipt.compacted:
        _complain(receipt.remedy)


def _verify(database: Database, path: Path, folder: Path | None, *, as_json: bool) -> int:
    try:
        receipt = receipt_from(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"{path}: {error}; give the file in which `earshot forget --json` was kept") from error
    if receipt.dry_run:
        raise Failed(f"{path}: nothing was forgotten then, it was a dry run")
    places = verify(database, receipt, folder)
    if as_json:
        print(json.dumps({"found": places, "digest": receipt.digest}, ensure_ascii=False))
    else:
        for place in places:
            out.print(f"found in {place}", highlight=False, markup=False, soft_wrap=True)
        if not places:
            out.print(f"Nothing of it is in the store or its files. digest {receipt.digest}", highlight=False)
    return 1 if places else 0


# ---- doctor -----------------------------------------------------


async def _doctor(arguments: argparse.Namespace) -> int:
    config, secrets = _config(arguments), secrets_from(os.environ)
    with _store(config) as database:
        if arguments.retry:
            now = SystemClock().now()
            again = await database.run(lambda connection: inbox.retry_poison(connection, now))
            err.print(f"{again} events will be tried again")
        findings = [*examine_config(config, secrets), *examine_store(database)]
    if config.slack.enabled and not problems_to_run(config, secrets) and not arguments.offline:
        findings += await _examine_slack(_slack(config, secrets), config)
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            mark = "[green]ok[/]" if finding.ok else "[red]problem[/]"
            out.print(f"{mark}  {finding.name}: ", end="", highlight=False)
            out.print(finding.text, highlight=False, markup=False, soft_wrap=True)
    return 0 if all(finding.ok for finding in findings) else 1


async def _examine_slack(slack: SlackAdapter, config: Config) -> list[Finding]:
    try:
        me = await slack.check()
    except StartFailed as error:
        return [Finding(name="slack", ok=False, text=str(error))]
    good = f"tokens and scopes are good; the bot is {me.user} in {me.team}"
    return [
        Finding(name="slack", ok=True, text=good),
        *examine_scopes(config, slack.granted),
        *examine_clip(config, slack.granted),
        *await _examine_drafts(slack, config),
    ]


async def _examine_drafts(slack: SlackAdapter, config: Config) -> list[Finding]:
    """Whether every place for drafts that config.yaml names exists."""
    given = {config.drafts_to, *(channel.drafts_to for channel in config.channels.values())} - {
        None,
        EPHEMERAL,
    }
    findings = []
    for name in sorted(str(place) for place in given):
        try:
            place = await slack.place(name)
        except LookupFailed as error:
            findings.append(
                Finding(name="drafts_to", ok=False, text=f"{name} could not be looked up: {error}")
            )
            continue
        if place is None:
            text = f"{name} is no channel that I see; create it, or invite me to it"
        else:
            text = f"{name} is {'shared with another company; name another' if place.external else 'there'}"
        good = place is not None and not place.external
        findings.append(Finding(name="drafts_to", ok=good, text=text))
    return findings


# ---- shared -----------------------------------------------------


def _config(arguments: argparse.Namespace) -> Config:
    return load(arguments.config, os.environ, required=arguments.config != DEFAULT_CONFIG)


@contextmanager
def _store(config: Config) -> Iterator[Database]:
    """The config's store, closed in any case. Raises Failed where no file can be made."""
    try:
        database = open_database(config.store)
    except OSError as error:
        raise Failed(f"store is {config.store!r}, which cannot be made: {error}; name another") from error
    try:
        yield database
    finally:
        database.close()


@asynccontextmanager
async def _knowledge(config: Config, database: Database) -> AsyncIterator[Knowledge]:
    """The knowledge in the store, closed in any case."""
    with _progress() as progress:
        knowledge = await open_knowledge(config, database, progress=progress)
    try:
        yield knowledge
    finally:
        await knowledge.close()


def _say(text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _complain(text: str) -> None:
    err.print(text, style="red", highlight=False, markup=False, soft_wrap=True)


def _log_to_stderr(*, verbose: bool) -> None:
    handler = RichHandler(console=err, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", handlers=[handler], force=True)
    logging.getLogger("earshot").setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def _progress() -> Iterator[ShowProgress]:
    """A progress bar on stderr, one line for each kind of work; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, int] = {}

        def report(done: int, total: int, name: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]

        yield report


COMMANDS: Mapping[str, Callable[[argparse.Namespace], Coroutine[None, None, int]]] = {
    "run": _run,
    "demo": _demo,
    "learn": _learn,
    "entries": _entries,
    "export": _export,
    "replay": _replay,
    "night": _night,
    "ask": _ask,
    "why": _why,
    "forget": _forget,
    "doctor": _doctor,
}

"""`earshot night`: learn from closed threads now or on a copy, list nights, decide about what they changed."""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.table import Column, Table
from sqlalchemy import Connection, Row

from bot import ledger, nights
from bot.app import assemble, open_database
from bot.approval import approve, reject, revert_night
from bot.clock import SystemClock
from bot.config import Config, secrets_from
from bot.distilling import distiller_for
from bot.handlers import Bot
from bot.night import run_night
from bot.nights import Recorded
from bot.opening import config_of, knowledge_of, store_of
from bot.report import NightReport, report_from
from bot.terminal import Failed, out, say, shown_progress
from knowledge import store
from knowledge.database import Database


async def night(arguments: argparse.Namespace) -> int:
    config, clock = config_of(arguments), SystemClock()
    if arguments.date is not None and arguments.date > clock.now().astimezone(config.tz).date():
        raise Failed(f"--date is {arguments.date}, which has not come yet; give today's or an earlier one")
    with store_of(config) as database:
        if arguments.list:
            return await _list_nights(database, as_json=arguments.json)
        if arguments.dry_run:
            with _copy(database) as copy:
                return await _run_night(arguments, config, copy)
        return await _run_night(arguments, config, database)


async def _run_night(arguments: argparse.Namespace, config: Config, database: Database) -> int:
    clock = SystemClock()
    async with knowledge_of(config, database) as knowledge:
        secrets = secrets_from(os.environ)
        bot = assemble(
            lambda: config,
            database,
            knowledge,
            [],
            clock=clock,
            distilling=lambda: distiller_for(config, secrets, database, clock),
        ).bot
        if arguments.revert or arguments.approve or arguments.reject:
            return await _decide(bot, arguments)
        now = clock.now()
        close_after = config.tickets.close_after
        await database.run(lambda connection: ledger.close_quiet(connection, now, close_after))
        night = arguments.date or nights.last_due(now, config.night.at, config.tz)
        with shown_progress() as progress:
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
        say(told)
    return 1 if told.startswith(("Nothing", "There is no night")) else 0


def _titles(connection: Connection, ids: Sequence[str]) -> list[str]:
    known = store.entries_by_id(connection, ids)
    return [known[key].title for key in ids if key in known]


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
        say(line)
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
    for why, count in report.not_worth.items():
        out.print(f"  taught nothing, {why}: {count}", highlight=False, markup=False)
    for title in titles:
        say(f"  new: {title}")
    for channel, (before, after) in report.thresholds.items():
        out.print(f"  {channel}: mean chance {before:.2f} -> {after:.2f}", highlight=False, markup=False)

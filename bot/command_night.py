"""`earshot night`: learn from closed threads now or on a copy, list nights, decide about what they changed."""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from bot import ledger, nights
from bot.app import assemble, open_database
from bot.approval import approve, reject, revert_night
from bot.audit import AuditedCalls
from bot.clock import Clock, SystemClock
from bot.config import Config, secrets_from
from bot.distilling import distiller_for
from bot.handlers import Bot
from bot.night import OPEN, run_night
from bot.nights import Recorded
from bot.opening import config_of, knowledge_of, store_of
from bot.report import NightReport, report_from
from bot.shown_nights import COPY, show_night, show_nights
from bot.terminal import Failed, out, say, shown_progress, warn
from knowledge import store
from knowledge.database import Database
from knowledge.distiller import Distiller, ExtractiveDistiller, offline


async def night(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if there was nothing to decide. Raises Failed if the night cannot be run."""
    config = config_of(arguments)
    last = nights.last_due(SystemClock().now(), config.night.at, config.tz)
    if arguments.date is not None and arguments.date > last:
        raise Failed(f"--date is {arguments.date}, which has not come yet; the last night began on {last}")
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
        distilling = offline if arguments.dry_run else _distilling(config, database, clock)
        bot = assemble(lambda: config, database, knowledge, [], clock=clock, distilling=distilling).bot
        if arguments.revert or arguments.approve or arguments.reject:
            return await _decide(bot, arguments)
        if arguments.dry_run and config.night.writer != ExtractiveDistiller.name:
            warn(
                f"night.writer is {config.night.writer}, which costs: on a copy threads are distilled offline"
            )
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
        show_night(out, report, titles, most_open=OPEN, dry=arguments.dry_run)
    return 0


def _distilling(
    config: Config, database: Database, clock: Clock
) -> Callable[[], AbstractAsyncContextManager[Distiller]]:
    secrets = secrets_from(os.environ)
    return lambda: distiller_for(config, secrets, database, clock, calls=AuditedCalls(database, clock))


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
        say(f"{told} {COPY}" if arguments.dry_run else told)
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
    show_nights(out, [(row.state, _report(row)) for row in rows])
    for change in waiting:
        doubts = f" because of: {'; '.join(change.doubts)}" if change.doubts else ""
        say(f"waits since {change.night}: {change.kind} {change.subject}{doubts}")
    return 0


def _report(row: Row[Any]) -> NightReport:
    """What a night came to so far."""
    return report_from(row.report) if row.report else NightReport(date=row.date)


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

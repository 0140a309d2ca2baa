"""`earshot audit`: show what was recorded, and check that the record is whole."""

import argparse
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from rich.markup import escape
from rich.table import Column, Table
from sqlalchemy import Connection, Row

from bot import audit, forget
from bot.audit import Kind, Wanted
from bot.clock import SystemClock
from bot.config import Config
from bot.opening import channel_named, config_of, one_of, store_of
from bot.tables import moment
from bot.terminal import complain, err, out, say
from knowledge.database import Database

SHOWN = 50  # rows, if no limit is given
TEXT = 80  # characters of a message


async def show_audit(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if the record was tampered with. Raises Failed for what is not known."""
    config = config_of(arguments)
    with store_of(config) as database:
        if arguments.verify is not None:
            return await _verify(database, arguments.verify or None, as_json=arguments.json)
        wanted = await _wanted(database, config, arguments)
        rows = await database.run(lambda connection: audit.rows(connection, wanted))
        texts = await _texts(database, rows) if arguments.text else {}
        if arguments.json:
            for row in rows:
                print(_json(row, texts, with_text=arguments.text))
            return 0
        total = await database.run(lambda connection: audit.count(connection, wanted))
    _show(rows, texts, config)
    if total > len(rows):
        err.print(f"the newest {len(rows)} of {total} rows; --limit shows more", style="dim")
    return 0


async def _wanted(database: Database, config: Config, arguments: argparse.Namespace) -> Wanted:
    given = arguments
    channel = None if given.channel is None else await channel_named(database, given.channel)
    user = None if given.user is None else await one_of(database, forget.find_people, given.user, "person")
    message = None if given.message is None else await one_of(database, _messages, given.message, "message")
    return Wanted(
        since=_since(config, given.since),
        until=None if given.until is None else _midnight(config, given.until + timedelta(days=1)),
        kinds=frozenset(_kind(given, name) for name in given.kind or ()),
        channel=channel,
        user=user,
        message=message,
        limit=given.limit or (None if given.json else SHOWN),
    )


def _messages(connection: Connection, given: str) -> list[str]:
    """Messages that are kept, and those that are not kept any more but were written about."""
    return forget.find_messages(connection, given) or audit.subjects(connection, given)


def _since(config: Config, given: date | timedelta | None) -> datetime | None:
    if given is None:
        return None
    return SystemClock().now() - given if isinstance(given, timedelta) else _midnight(config, given)


def _midnight(config: Config, day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=config.tz)


def _kind(given: argparse.Namespace, name: str) -> Kind:
    known = {kind.replace(" ", "-"): kind for kind in Kind}
    if (kind := known.get(name.replace(" ", "-"))) is None:
        given.complain(f"argument --kind: {name!r} is none; give one of: {', '.join(known)}")  # wrong usage
    assert kind is not None
    return kind


async def _texts(database: Database, rows: Sequence[Row[Any]]) -> dict[str, str]:
    ids = sorted({row.subject for row in rows if row.subject is not None})
    return await database.run(lambda connection: audit.texts(connection, ids))


def _json(row: Row[Any], texts: Mapping[str, str], *, with_text: bool) -> str:
    shown = audit.json_of(row, json.loads(row.detail))
    if with_text:
        shown["text"] = texts.get(row.subject)
    return json.dumps(shown, ensure_ascii=False)


def _show(rows: Sequence[Row[Any]], texts: Mapping[str, str], config: Config) -> None:
    if not rows:
        say("Nothing of that kind was recorded.")
        return
    fold = partial(Column, overflow="fold")  # ids are there to be copied
    columns = Column("when", no_wrap=True), Column("what", no_wrap=True), fold("about"), fold("who"), "more"
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for row in rows:
        when = moment(row.at).astimezone(config.tz).strftime("%Y-%m-%d %H:%M:%S")
        more = _told(json.loads(row.detail), texts.get(row.subject))
        cells = (when, row.kind, row.subject or row.channel or "", row.actor or "Earshot", more)
        table.add_row(*(escape(cell) for cell in cells))
    out.print(table, highlight=False)


def _told(detail: Mapping[str, Any], text: str | None) -> str:
    facts = [f"{name} {_fact(value)}" for name, value in detail.items() if value not in (None, [], "")]
    said = [] if text is None else [f"“{' '.join(text.split())[:TEXT]}”"]
    return ", ".join((*facts, *said))


def _fact(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


async def _verify(database: Database, noted: str | None, *, as_json: bool) -> int:
    checked = await database.run(lambda connection: audit.verify(connection, noted))
    if as_json:
        shown = {"rows": checked.rows, "unlinked": checked.unlinked, "head": checked.head}
        print(json.dumps({**shown, "problems": list(checked.problems)}, ensure_ascii=False))
        return 1 if checked.problems else 0
    for problem in checked.problems:
        complain(problem)
    if not checked.problems:
        say(
            f"{checked.rows} {'row' if checked.rows == 1 else 'rows'}, none changed or taken out; "
            f"{checked.unlinked} with names that were forgotten."
        )
        say(f"head {checked.head or 'none'}: note it elsewhere, and give it to --verify next time")
    return 1 if checked.problems else 0

"""I/O: looks in a store, and in its files, for what a receipt says was forgotten."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from bot import receipts
from bot.held import HELD, Held
from bot.receipts import Receipt
from knowledge.database import Database

BLOCK, OVERLAP = 1 << 23, 1 << 12  # bytes of a file looked at together, and again with the next


def verify(database: Database, receipt: Receipt, folder: Path | None = None) -> list[str]:
    """Where something stands that a receipt says was forgotten: columns and files; [] is as it should be.

    Looks at every cell of every table and at the bytes of the store's files, free pages and log included.
    """
    found = database.run_blocking(lambda connection: _standing_in_tables(connection, receipt))
    return [*found, *(str(path) for path in _files(database, folder) if _stands_in_file(path, receipt))]


def _standing_in_tables(connection: Connection, receipt: Receipt) -> list[str]:
    found: Counter[str] = Counter()
    for table in inspect(connection).get_table_names():
        rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
        names_ = list(rows.keys())
        for row in rows:
            for name, value in zip(names_, row, strict=True):
                found[f"{table}.{name}"] += _stands(table, name, value, receipt)
    return [f"{place} ({count})" for place, count in sorted(found.items()) if count]


def _stands(table: str, column: str, value: object, receipt: Receipt) -> bool:
    if not isinstance(value, str) or not value:
        return False
    held = HELD.get(table, Held())
    of_message = column in held.of_message or (table, column) == ("passages", "source")
    seal = receipts.sealed(receipt.salt, value)
    if (of_message and seal in receipt.messages) or (column in held.persons and seal == receipt.subject):
        return True
    return any(_stands_in(text, receipt) for text in _strings(value))


def _stands_in(text: str, receipt: Receipt) -> bool:
    return next(receipts.standing(text, receipt.runs, receipt.salt), None) is not None


def _strings(value: str) -> Iterator[str]:
    """A cell, and the strings in it if it is JSON: there an escaped line end would hide where a word begins."""
    yield value
    if value[:1] in ("{", "["):
        try:
            yield from _texts_in(json.loads(value))
        except ValueError:
            return


def _texts_in(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, list | dict):
        for each in data.values() if isinstance(data, dict) else data:
            yield from _texts_in(each)


def _files(database: Database, folder: Path | None) -> list[Path]:
    """The store's file, its log and what stands beside it, and the index files."""
    beside = [] if database.path is None else sorted(database.path.parent.glob(f"{database.path.name}*"))
    index = sorted(folder.glob("*")) if folder is not None and folder.is_dir() else []
    return [path for path in (*beside, *index) if path.is_file()]


def _stands_in_file(path: Path, receipt: Receipt) -> bool:
    tail = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if _stands_in((tail + block).decode("utf-8", errors="replace"), receipt):
                return True
            tail = block[-OVERLAP:]
    return False

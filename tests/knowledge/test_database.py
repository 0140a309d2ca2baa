"""The thread that owns the store: who comes first, and errors, which are logged and hold nothing that was said."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from knowledge.database import Database


def test_an_error_names_the_statement_and_not_its_values(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    said = {"said": "the password is walnut"}
    with pytest.raises(DBAPIError, match="INSERT INTO nowhere") as failed:
        database.run_blocking(lambda c: c.execute(text("INSERT INTO nowhere VALUES (:said)"), said))
    database.close()
    assert "walnut" not in str(failed.value)


async def test_what_is_run_first_overtakes_what_queues(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    begun, going_on, ran = threading.Event(), threading.Event(), list[str]()

    def slow(_: Connection) -> None:
        begun.set()
        ran.append(f"slow {going_on.wait(60)}")

    def saying(name: str) -> Callable[[Connection], None]:
        return lambda _: ran.append(name)

    running = asyncio.create_task(database.run(slow))
    assert await asyncio.to_thread(begun.wait, 60)
    queued = [asyncio.create_task(database.run(saying(f"queued {n}"))) for n in (1, 2)]
    await asyncio.sleep(0)  # both are handed over
    first = asyncio.create_task(database.run_first(saying("first")))
    await asyncio.sleep(0)
    going_on.set()
    await asyncio.gather(running, first, *queued)
    database.close()
    assert ran == ["slow True", "first", "queued 1", "queued 2"]


async def test_what_is_run_first_is_committed_or_its_error_raised(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    await database.run_first(lambda c: c.execute(text("CREATE TABLE kept (said TEXT)")))
    await database.run_first(lambda c: c.execute(text("INSERT INTO kept VALUES ('here')")))
    with pytest.raises(DBAPIError, match="no such table"):
        await database.run_first(lambda c: c.execute(text("INSERT INTO nowhere VALUES (1)")))
    kept = await database.run(lambda c: c.execute(text("SELECT said FROM kept")).scalar_one())
    database.close()
    assert kept == "here"

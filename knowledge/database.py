"""I/O: one database, one thread that owns it, named migrations. SQLite here; any SQLAlchemy URL by design."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED, OperationalError
from time import monotonic, sleep
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, MetaData, String, Table, create_engine, event, insert, select
from sqlalchemy.engine import make_url

T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
PAUSE = 0.2  # seconds between two tries to compact

_metadata = MetaData()
_migrations = Table(
    "migrations",
    _metadata,
    Column("name", String, primary_key=True),
    Column("applied_at", String, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Migration:
    """A named step of the schema. Names are never changed or reused; steps run once, in order."""

    name: str
    apply: Callable[[Connection], None]


class Database:
    """A database and the one thread that talks to it, so that writes queue instead of colliding.

    ``run(work)`` gives ``work`` a connection inside one transaction that is committed before ``run`` returns
    and rolled back if ``work`` raises. With ``durable=False`` (scratch copies) the disk is not waited for.
    What is ``run_first`` waits for the transaction that is going on, and for nothing that queues.
    """

    def __init__(self, url: str, *, durable: bool = True) -> None:
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise ValueError(
                f"store is {url!r}; this version supports sqlite:///PATH, such as sqlite:///data/earshot.db"
            )
        self.url = url
        self.path = Path(parsed.database) if parsed.database and parsed.database != ":memory:" else None
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        # An error names the statement and never its values: they are what people said, and errors are logged.
        self._engine = create_engine(parsed, connect_args={"check_same_thread": False}, hide_parameters=True)
        event.listen(self._engine, "connect", _pragmas(durable))
        event.listen(self._engine, "begin", _begin_immediate)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="earshot-database")
        self._first: deque[Callable[[], None]] = deque()

    async def run(self, work: Callable[[Connection], T]) -> T:
        """``work``'s result, after its transaction is committed."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_turn, work)

    async def run_first(self, work: Callable[[Connection], T]) -> T:
        """As ``run``, before everything that waits for its turn: for what somebody else is waiting for."""
        done: Future[T] = Future()
        self._first.append(lambda: _settle(done, lambda: self._transact(work)))
        self._thread.submit(self._run_first)
        return await asyncio.wrap_future(done)

    def run_blocking(self, work: Callable[[Connection], T]) -> T:
        """As ``run``, for callers without an event loop."""
        return self._thread.submit(self._in_turn, work).result()

    def migrate(self, migrations: Sequence[Migration]) -> None:
        """Apply the migrations that this database has not seen, in order, each in its own transaction."""
        self.run_blocking(lambda connection: _metadata.create_all(connection))
        for migration in migrations:
            self.run_blocking(lambda connection, step=migration: _apply(connection, step))  # type: ignore[misc]

    def copy_to(self, path: Path) -> None:
        """Write a consistent copy of a SQLite database to ``path`` while it is in use (for replays)."""

        def copy(connection: Connection) -> None:
            connection.exec_driver_sql("COMMIT")  # VACUUM INTO must stand outside a transaction
            connection.exec_driver_sql("VACUUM INTO ?", (str(path),))
            connection.exec_driver_sql("BEGIN")

        self.run_blocking(copy)

    async def compact(self, *, rebuild: bool = True, patience: float = 30.0) -> bool:
        """Leave nothing of what was deleted in the file or beside it: build it anew and empty its log.

        Without ``rebuild`` only the log is emptied. False if another process kept the file busy for ``patience``
        seconds; then it is to be tried again. Other processes may go on working all the while.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._compact, rebuild, patience
        )

    def close(self) -> None:
        self._thread.shutdown(wait=True)
        self._engine.dispose()

    def _compact(self, rebuild: bool, patience: float) -> bool:
        deadline = monotonic() + patience
        while not self._try_to_compact(rebuild):
            if monotonic() >= deadline:
                return False
            sleep(PAUSE)
        return True

    def _try_to_compact(self, rebuild: bool) -> bool:
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            if rebuild:
                cursor.execute("VACUUM")  # goes to the log; the checkpoint brings it into the file
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (SQLITE_BUSY, SQLITE_LOCKED):
                raise
            return False
        finally:
            raw.close()
        return not busy

    def _in_turn(self, work: Callable[[Connection], T]) -> T:
        self._run_first()
        return self._transact(work)

    def _run_first(self) -> None:
        while self._first:
            self._first.popleft()()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        with self._engine.begin() as connection:
            return work(connection)


def _settle(done: Future[T], work: Callable[[], T]) -> None:
    """Do the work and give what comes of it to who waits."""
    if not done.set_running_or_notify_cancel():
        return
    try:
        done.set_result(work())
    # Broad: whatever it is, it is raised where it is waited for, as an executor does it.
    except BaseException as error:  # noqa: BLE001
        done.set_exception(error)


def _apply(connection: Connection, migration: Migration) -> None:
    known = connection.execute(select(_migrations.c.name).where(_migrations.c.name == migration.name)).first()
    if known is None:
        migration.apply(connection)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        connection.execute(insert(_migrations).values(name=migration.name, applied_at=now))


def _pragmas(durable: bool) -> Callable[[Any, Any], None]:
    def on_connect(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # SQLAlchemy's recipe: the driver must not begin transactions by itself
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # what is deleted must not stay readable in free pages
        cursor.close()

    return on_connect


def _begin_immediate(connection: Connection) -> None:
    # A deferred transaction that turns into a write fails at once when another process writes; this one queues.
    connection.exec_driver_sql("BEGIN IMMEDIATE")

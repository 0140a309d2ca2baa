"""I/O: the Message Batches that were created and whose results are not stored yet (SQL)."""

import json
import uuid
from collections.abc import Sequence

from sqlalchemy import Connection, Row, delete, insert, select, update

from bot.clock import Clock
from bot.tables import distil_batches, moment, seconds
from knowledge.database import Database
from knowledge.distiller import OpenBatch

OPEN = "open"

_OPEN = (
    select(distil_batches)
    .where(distil_batches.c.state == OPEN)
    .order_by(distil_batches.c.at, distil_batches.c.key)
)


class SqlBatchLog:
    """The `BatchLog` of a store. Each call is committed before it returns."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def intend(self, night: str, threads: Sequence[str]) -> OpenBatch:
        batch = OpenBatch(
            key=uuid.uuid4().hex, batch_id=None, night=night, threads=tuple(threads), at=self._clock.now()
        )
        await self._database.run(lambda connection: _insert(connection, batch))
        return batch

    async def save(self, key: str, batch_id: str) -> None:
        statement = update(distil_batches).where(distil_batches.c.key == key).values(batch_id=batch_id)
        await self._database.run(lambda connection: connection.execute(statement))

    async def open(self) -> Sequence[OpenBatch]:
        return await self._database.run(open_batches)

    async def close(self, key: str, state: str) -> None:
        statement = update(distil_batches).where(distil_batches.c.key == key).values(state=state)
        await self._database.run(lambda connection: connection.execute(statement))


def open_batches(connection: Connection) -> list[OpenBatch]:
    """The batches whose results are not stored yet, oldest first."""
    return [_batch(row) for row in connection.execute(_OPEN)]


def forget_threads(connection: Connection, threads: Sequence[str]) -> list[str]:
    """Take forgotten threads out of every row; the ids of the open batches in which none is left, to be cancelled.

    A batch that still holds others goes on: their results are taken, those of forgotten threads are dropped.
    """
    gone, emptied = frozenset(threads), []
    for row in connection.execute(select(distil_batches)).all():
        left = [thread for thread in json.loads(row.threads) if thread not in gone]
        here = distil_batches.c.key == row.key
        connection.execute(update(distil_batches).where(here).values(threads=json.dumps(left)))
        if not left and row.state == OPEN and row.batch_id is not None:
            emptied.append(row.batch_id)
        elif not left:
            connection.execute(delete(distil_batches).where(here))
    return emptied


def _insert(connection: Connection, batch: OpenBatch) -> None:
    row = {"key": batch.key, "night": batch.night, "threads": json.dumps(batch.threads)}
    connection.execute(insert(distil_batches).values(**row, state=OPEN, at=seconds(batch.at)))


def _batch(row: Row[tuple[object, ...]]) -> OpenBatch:
    return OpenBatch(
        key=row.key,
        batch_id=row.batch_id,
        night=row.night,
        threads=tuple(json.loads(row.threads)),
        at=moment(row.at),
    )

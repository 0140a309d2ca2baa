"""I/O: an answer that somebody asked for is said paragraph by paragraph, where the platform can.

All of it was written and checked before its first word is shown, and it is said once: that it is begun is written
down before it is, and where it stands as soon as that is known. What was cut off is put in its place as a whole; where
nobody knows whether it was begun, it is looked for. Whatever the platform refuses is posted as any other answer.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import answers, intents, ledger
from bot.adapters.acts import Act, ActPostponed, ActRefused, Post, Receipt
from bot.adapters.adapter import Adapter, Streams
from bot.config import Config
from bot.handlers import Bot
from bot.intents import Intent
from bot.tables import moment, seconds, streams, suggestions

log = logging.getLogger("earshot")


async def said_live(bot: Bot, adapter: Adapter, intent: Intent, act: Act) -> Receipt | None:
    """Where the answer stands that was said so; None if it is to be posted as any other."""
    if not isinstance(adapter, Streams) or not isinstance(act, Post) or intent.kind != "post":
        return None
    row = await bot.database.run(lambda connection: _row(connection, act.id))
    if row is not None:
        return await _went_on(bot, adapter, act, row)
    user = await bot.database.run(lambda connection: _wanted_by(connection, bot.config(), act))
    if user is None:
        return None
    now = bot.clock.now()
    await bot.database.run(lambda connection: _begin(connection, act.id, now))
    try:
        begun = await adapter.begin_stream(act, user)
    except (ActRefused, ActPostponed) as error:
        await bot.database.run(lambda connection: _forget(connection, act.id))
        if isinstance(error, ActPostponed):
            raise
        log.info("%s: posted as a whole: %s", act.id, error)
        return None
    await bot.database.run(lambda connection: _stands(connection, act.id, begun.message_id))
    return await adapter.finish_stream(act, begun.message_id, again=False)


async def _went_on(bot: Bot, adapter: Streams, act: Post, row: Row[Any]) -> Receipt | None:
    """What an earlier try began is finished; if it began nothing, it is to be posted."""
    found = row.message_id
    if found is None:
        begun = [each.message_id for each in await adapter.find_streams(act, moment(row.begun_at))]
        others = await bot.database.run(lambda connection: _known(connection, begun))
        found = next((each for each in begun if each not in others), None)
        if found is None:
            await bot.database.run(lambda connection: _forget(connection, act.id))
            return None
        await bot.database.run(lambda connection: _stands(connection, act.id, found))
    return await adapter.finish_stream(act, found, again=True)


def abandon(connection: Connection, suggestion_id: str, now: datetime) -> None:
    """It is not wanted any more: what of it stands there is to be deleted."""
    row, said = _row(connection, suggestion_id), ledger.suggestion_row(connection, suggestion_id)
    if row is None or row.message_id is None or said is None or said.posted_id is not None:
        return
    where = suggestions.c.id == suggestion_id
    connection.execute(update(suggestions).where(where).values(posted_id=row.message_id))
    intents.intend(connection, suggestion_id, "delete", said.channel, now)


def _wanted_by(connection: Connection, config: Config, act: Post) -> str | None:
    """Who asked for the answer, if it is one that is to be said so."""
    answer = answers.by_id(connection, act.id)
    return None if answer is None or not config.slack.stream or act.of > 1 else str(answer.user)


def _row(connection: Connection, suggestion_id: str) -> Row[Any] | None:
    return connection.execute(select(streams).where(streams.c.suggestion_id == suggestion_id)).first()


def _known(connection: Connection, message_ids: Sequence[str]) -> set[str]:
    """Which of them are known to be of one answer or another."""
    query = select(streams.c.message_id).where(streams.c.message_id.in_(message_ids))
    return set(connection.execute(query).scalars())


def _begin(connection: Connection, suggestion_id: str, now: datetime) -> None:
    row = insert(streams).values(suggestion_id=suggestion_id, begun_at=seconds(now))
    connection.execute(row.on_conflict_do_nothing())


def _stands(connection: Connection, suggestion_id: str, message_id: str) -> None:
    where = streams.c.suggestion_id == suggestion_id
    connection.execute(update(streams).where(where).values(message_id=message_id))


def _forget(connection: Connection, suggestion_id: str) -> None:
    connection.execute(delete(streams).where(streams.c.suggestion_id == suggestion_id))

"""I/O: closed threads read once more before they are learnt from, where a platform tells of no edits."""

import logging
from collections.abc import Mapping
from functools import partial

from sqlalchemy import Connection

from bot import ledger, nights
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.events import Deleted, Edited
from bot.forget import Account, erase
from bot.handlers import Bot, audit_deletion, take_up_edit
from knowledge.thread import Role

log = logging.getLogger("earshot")


async def reread_closed(bot: Bot) -> int:
    """Take up the edits of all closed threads that are yet to be learnt from. How many messages had changed.

    What the platform does not give now is learnt as it was heard.
    """
    changed = 0
    for adapter in (one for one in bot.adapters.values() if not one.tells_edits):
        threads = await bot.database.run(partial(_said_in_closed, platform=adapter.name))
        for conversation, said in threads.items():
            changed += await _reread(bot, adapter, conversation, said)
    return changed


async def _reread(bot: Bot, adapter: Adapter, conversation: str, said: Mapping[str, str]) -> int:
    try:
        now = await adapter.reread(list(said))
    except LookupFailed as error:
        log.warning("%s: could not be read again, so edits of it are not known: %s", conversation, error)
        return 0
    different = {message: text for message, text in now.items() if text != said[message]}
    if different:
        await _take_up(bot, different)
    return len(different)


def _said_in_closed(connection: Connection, platform: str) -> dict[str, dict[str, str]]:
    """Ids and texts of what people said, by closed conversation."""
    closed = ledger.closed_unlearnt(connection, nights.count_closed(connection))
    there = (ticket.conversation for ticket in closed if ticket.conversation.startswith(f"{platform}:"))
    threads = (ledger.thread(connection, conversation) for conversation in there)
    return {
        thread.id: {message.id: message.text for message in thread.messages if message.role is not Role.BOT}
        for thread in threads
        if thread is not None
    }


async def _take_up(bot: Bot, different: Mapping[str, str | None]) -> None:
    gone, now = [message for message, text in different.items() if text is None], bot.clock.now()

    def take(connection: Connection) -> None:
        for message, text in different.items():
            row = ledger.message_row(connection, message)
            if text is None:
                audit_deletion(connection, Deleted(message_id=message, at=now))
            elif row is not None:
                take_up_edit(connection, row, Edited(message_id=message, text=text, at=now))
        if gone:
            erase(connection, Account(), config=bot.config(), ids=gone, now=now)

    await bot.database.run(take)
    await bot.knowledge.follow()

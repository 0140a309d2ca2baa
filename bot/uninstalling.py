"""A workspace takes Earshot out, or voids its keys: the keys are deleted, and nothing more is done there."""

import logging
from datetime import datetime

from sqlalchemy import Connection

from bot import audit, inbox, installations, intents
from bot.adapters.events import Uninstalled
from bot.handlers import Bot
from bot.inbox import Work

log = logging.getLogger("earshot")

WHY = "Earshot was taken out of the workspace"


async def on_uninstalled(bot: Bot, work: Work, event: Uninstalled) -> None:
    """What was heard there stays: it goes by `earshot forget`, or as ``retention.days`` says."""
    now = bot.clock.now()
    gone = await bot.database.run(lambda connection: _taken_out(connection, work, event, now))
    if gone:
        bot.adapters[work.adapter].leave(event.installation)
        log.warning("%s: uninstalled; its tokens are deleted, what was heard there stays", event.installation)


def _taken_out(connection: Connection, work: Work, event: Uninstalled, now: datetime) -> bool:
    """Whether it is so; it may have been installed again since."""
    inbox.finish(connection, work.id)
    teams = installations.remove(connection, event.installation, event.at)
    if teams is None:
        return False
    adapter = event.installation.partition(":")[0]
    dropped = sum(intents.drop_in(connection, f"{adapter}:{team}", WHY, now) for team in sorted(teams))
    audit.put(connection, audit.Kind.UNINSTALLED, now, subject=event.installation, dropped=dropped)
    return True

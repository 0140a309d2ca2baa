"""Who is in the user groups that config.yaml names: asked of the platforms now and then, kept in the store."""

import logging
from datetime import datetime, timedelta

from bot import ledger
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.events import Person
from bot.config import groups_in
from bot.handlers import Bot

log = logging.getLogger("earshot")

FRESH = timedelta(minutes=10)  # who joins or leaves a group counts so much later


class Groups:
    """Keeps the members up to date. Decisions read the store alone, so that they stay the same in a replay."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._asked: dict[str, datetime] = {}

    async def refresh(self) -> None:
        """Ask for the groups that were never asked for, or not for FRESH. A failure leaves the last known members."""
        now = self._bot.clock.now()
        for group in sorted(groups_in(self._bot.config().analysts)):
            if group not in self._asked or now - self._asked[group] >= FRESH:
                self._asked[group] = now
                await self._ask(group)

    async def _ask(self, group: str) -> None:
        found = [await _members(adapter, group) for adapter in self._bot.adapters.values()]
        known = [person.id for members in found if members is not None for person in members]
        if any(members is not None for members in found):
            await self._bot.database.run(lambda connection: ledger.put_group(connection, group, known))


async def _members(adapter: Adapter, group: str) -> tuple[Person, ...] | None:
    try:
        return tuple(await adapter.people(group))
    except LookupFailed as error:
        log.warning("%s: members are not known, the last known stay: %s", group, error)
        return None

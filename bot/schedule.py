"""APScheduler says when; the ledger makes sure that it happens once (each step is safe to repeat)."""

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot import inbox, weeklies
from bot.groups import Groups
from bot.handlers import Bot, on_clock
from bot.night import on_night
from bot.updating import look_again

TICK_SECONDS = 30
PRUNE_HOURS = 1
WEEKLY_MINUTES = 5


class Schedule:
    """The recurring work of a running bot. Runs that were missed are made up by the next one."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.groups = Groups(bot)
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )

    def start(self) -> None:
        self._scheduler.add_job(on_clock, "interval", args=[self._bot], seconds=TICK_SECONDS, id="tickets")
        # Asked often rather than triggered at the hour: so a night that a restart, a sleeping laptop, an edit of
        # config.yaml or a clock change would miss or double is found due, once, by its date in the ledger.
        self._scheduler.add_job(on_night, "interval", args=[self._bot], seconds=TICK_SECONDS, id="night")
        self._scheduler.add_job(look_again, "interval", args=[self._bot], seconds=TICK_SECONDS, id="updates")
        self._scheduler.add_job(self.groups.refresh, "interval", seconds=TICK_SECONDS, id="groups")
        self._scheduler.add_job(self._weekly, "interval", minutes=WEEKLY_MINUTES, id="weekly")
        self._scheduler.add_job(self._prune, "interval", hours=PRUNE_HOURS, id="prune")
        self._scheduler.start()

    def close(self) -> None:
        self._scheduler.shutdown(wait=False)

    async def _weekly(self) -> None:
        config, now = self._bot.config(), self._bot.clock.now()
        await self._bot.database.run(lambda connection: weeklies.put_weekly(connection, config, now))

    async def _prune(self) -> None:
        now = self._bot.clock.now()
        await self._bot.database.run(lambda connection: inbox.prune_inbox(connection, now))

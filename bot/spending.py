"""I/O: what was spent on Claude by day and channel (SQL), held within what config.yaml allows."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from bot import ledger
from bot.clock import Clock
from bot.config import Config
from bot.situation import chosen_for
from bot.tables import spending
from knowledge.budget import Reserved, Spent
from knowledge.database import Database

log = logging.getLogger("earshot")

_MICRO = 1_000_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Amount:
    """Tokens, and millionths of a US dollar."""

    tokens: int = 0
    usd_micro: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(tokens=self.tokens + other.tokens, usd_micro=self.usd_micro + other.usd_micro)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(tokens=self.tokens - other.tokens, usd_micro=self.usd_micro - other.usd_micro)

    def __str__(self) -> str:
        return f"{self.tokens} tokens, ${self.usd_micro / _MICRO:.2f}"


LITTLE = Amount(
    tokens=5_000, usd_micro=10_000
)  # less than any answer is reserved; with less left nothing is asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """What a day may cost at most; None: anything."""

    tokens: int | None
    usd_micro: int | None

    def allows(self, amount: Amount) -> bool:
        fits = self.tokens is None or amount.tokens <= self.tokens
        return fits and (self.usd_micro is None or amount.usd_micro <= self.usd_micro)

    def __str__(self) -> str:
        tokens = [] if self.tokens is None else [f"{self.tokens} tokens"]
        dollars = [] if self.usd_micro is None else [f"${self.usd_micro / _MICRO:.2f}"]
        return " and ".join([*tokens, *dollars])


class Spending:
    """The `Budget` of config.yaml. A day begins at midnight in its time zone."""

    def __init__(self, database: Database, clock: Clock, config: Callable[[], Config]) -> None:
        self._database = database
        self._clock = clock
        self._config = config
        self._told: set[tuple[str, str]] = set()

    async def reserve(self, channel: str | None, tokens: int, usd: float) -> Reserved:
        config, place = self._config(), channel or ""
        day = day_of(self._clock.now(), config)
        wanted = _amount(tokens, usd)

        def take(connection: Connection) -> str | None:
            refused = _refused(connection, config, day, place, wanted)
            if refused is None:
                _add(connection, day, place, wanted)
            return refused

        # One thread writes to the store, so nobody looks between the look and the entry.
        refused = await self._database.run(take)
        if refused is not None:
            self._tell(day, place, refused)
            raise Spent(refused)
        return Reserved(day=day, channel=place, tokens=tokens, usd=usd)

    async def settle(self, reserved: Reserved, tokens: int, usd: float) -> None:
        difference = _amount(tokens, usd) - _amount(reserved.tokens, reserved.usd)
        await self._database.run(
            lambda connection: _add(connection, reserved.day, reserved.channel, difference)
        )

    def _tell(self, day: str, place: str, refused: str) -> None:
        """Once a day and channel: a busy channel would fill the log."""
        if (day, place) not in self._told:
            self._told = {told for told in self._told if told[0] == day} | {(day, place)}
            log.warning("%s: %s; until tomorrow answers are quoted, not written", place or "Claude", refused)


def day_of(now: datetime, config: Config) -> str:
    """The date in the time zone of config.yaml, such as ``2026-11-21``."""
    return now.astimezone(config.tz).date().isoformat()


def limit_of(config: Config) -> Limit:
    """What all channels together may cost a day."""
    return _limit(config.claude.daily_tokens, config.claude.daily_usd)


def spent_on(connection: Connection, day: str, channel: str | None = None) -> Amount:
    """What was spent on a day, reserved amounts included: in all channels, or in one."""
    here = spending.c.day == day
    chosen = here if channel is None else here & (spending.c.channel == channel)
    row = connection.execute(
        select(func.sum(spending.c.tokens), func.sum(spending.c.usd_micro)).where(chosen)
    ).one()
    return Amount(tokens=row[0] or 0, usd_micro=row[1] or 0)


def spent_out(connection: Connection, config: Config, day: str) -> list[str]:
    """The channels whose own part of the budget is spent on that day."""
    channels = select(spending.c.channel).where((spending.c.day == day) & (spending.c.channel != ""))
    return [
        channel
        for (channel,) in connection.execute(channels.order_by(spending.c.channel))
        if not _own(connection, config, channel).allows(spent_on(connection, day, channel) + LITTLE)
    ]


def _refused(connection: Connection, config: Config, day: str, channel: str, wanted: Amount) -> str | None:
    """Which budget does not allow ``wanted``, and what is spent of it; None if all do."""
    spent, whole = spent_on(connection, day), limit_of(config)
    if not whole.allows(spent + wanted):
        return f"the day's budget for Claude is spent ({spent} of {whole})"
    own = _own(connection, config, channel)
    here = spent_on(connection, day, channel)
    if channel and not own.allows(here + wanted):
        return f"the channel's budget for Claude is spent today ({here} of {own})"
    return None


def _own(connection: Connection, config: Config, channel: str) -> Limit:
    """What a channel alone may cost a day."""
    policy = chosen_for(config, ledger.channel_of(connection, channel))
    return _limit(policy.daily_tokens, policy.daily_usd)


def _limit(tokens: int | None, usd: float | None) -> Limit:
    return Limit(tokens=tokens, usd_micro=None if usd is None else round(usd * _MICRO))


def _amount(tokens: int, usd: float) -> Amount:
    return Amount(tokens=tokens, usd_micro=round(usd * _MICRO))


def _add(connection: Connection, day: str, channel: str, amount: Amount) -> None:
    row = insert(spending).values(day=day, channel=channel, tokens=amount.tokens, usd_micro=amount.usd_micro)
    added = {
        "tokens": spending.c.tokens + amount.tokens,
        "usd_micro": spending.c.usd_micro + amount.usd_micro,
    }
    connection.execute(row.on_conflict_do_update(index_elements=["day", "channel"], set_=added))

"""I/O: how new entries stand to what is known, and what nobody confirmed for long."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot import nights, votes
from bot.config import Config
from bot.digest import MOST_ASKED
from bot.handlers import Bot
from bot.studying import BATCH
from bot.trusting import trust_counted
from knowledge import ageing, relations, store
from knowledge.changes import Change, ChangeKind
from knowledge.entry import HALF_LIFE, EntryKind, EntryState
from knowledge.store import Stored

NEAREST = 5  # entries that a new one is compared with
ASKED = MOST_ASKED  # entries that people are asked about in one night: what the digest does not show retires unseen
Progress = Callable[[int, int, str], None]  # done, of how many, of what


async def relate_added(bot: Bot, night: str, progress: Progress) -> None:
    """Merge, supersede or dispute what a night added, one entry after the other, from where it stopped."""
    row = await bot.database.run(lambda connection: nights.night_row(connection, night))
    last, done = 0 if row is None else row.related, 0
    while added := await bot.database.run(partial(nights.added_after, night=night, last=last, most=BATCH)):
        for _, entry_id in added:
            await relate(bot, night, entry_id)
        last, done = added[-1][0], done + len(added)
        now = bot.clock.now()
        await bot.database.run(partial(nights.mark_related, night=night, last=last, now=now))
        progress(done, done, "new entries compared")


async def relate(bot: Bot, night: str, entry_id: str) -> None:
    """Do to an entry what follows from those that resemble it."""
    stored = await bot.database.run(
        lambda connection: store.stored_by_id(connection, [entry_id]).get(entry_id)
    )
    if stored is None or stored.state is not EntryState.ACTIVE:
        return  # forgotten, or merged already
    changes = relations.changes_for(stored, await bot.knowledge.alike(entry_id, NEAREST))
    if changes:
        now = bot.clock.now()
        config = bot.config()
        await bot.database.run(lambda connection: _apply_all(connection, config, night, changes, now))
        await bot.knowledge.follow()


def _apply_all(
    connection: Connection, config: Config, night: str, changes: Sequence[Change], now: datetime
) -> None:
    """All or nothing: of two sides of a dispute one alone would be wrong."""
    states = {change.entry: store.state_of(connection, change.entry) for change in changes}
    if all(states[change.entry] is change.before for change in changes):
        for change in changes:
            nights.apply(connection, night, change, now)
            if change.kind is ChangeKind.MERGED and change.other is not None:
                store.set_trust(connection, change.other, trust_counted(connection, config, change.other))


def ask_about_stale(connection: Connection, config: Config, night: str, now: datetime) -> None:
    """Ask about entries that nobody confirmed for their half-life; those that nobody answered for go."""
    if not (config.night.digest_to or config.admins):
        return
    before = nights.changes_of(connection, night)  # where a night is gone on with
    changes = ageing.stale_changes(
        _unproven(connection, now),
        _unanswered(connection, now),
        now,
        askable=True,
        most=ASKED - sum(change.kind == ChangeKind.ASKED for change in before),
    )
    for change in changes:
        if change.kind is ChangeKind.RETIRED and config.night.approve == "review":
            nights.propose(connection, night, change, now)
        else:
            nights.apply(connection, night, change, now)


def _unproven(connection: Connection, now: datetime) -> list[Stored]:
    """The entries to ask about first. Those that people showed to hold meanwhile count as proven."""
    since = now - HALF_LIFE
    while found := store.unproven(connection, since, EntryKind.THREAD, ASKED):
        upheld = votes.last_upheld(connection, [one.entry.id for one in found])
        proven = {key: at for key, at in upheld.items() if at >= since}
        for key, at in proven.items():
            store.prove(connection, key, at)
        if not proven:
            break
    return found


def _unanswered(connection: Connection, now: datetime) -> list[Stored]:
    """The entries that people were asked about and nobody answered for, not even by a 👍."""
    found = store.unanswered(connection, now, ASKED)
    upheld = votes.last_upheld(connection, [one.entry.id for one in found])
    shown = {
        one.entry.id: upheld[one.entry.id]
        for one in found
        if one.entry.id in upheld and one.asked_at is not None and upheld[one.entry.id] >= one.asked_at
    }
    for key, at in shown.items():
        store.prove(connection, key, at)
    return [one for one in found if one.entry.id not in shown]

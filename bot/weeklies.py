"""I/O: the weekly line of each channel: queued once a week, counted when it is said.

Runs in a transaction of its caller.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, select

from bot import cards, ledger, mutes, presences
from bot.adapters.events import Channel, ChannelKind
from bot.card import Card
from bot.cards import CardKind
from bot.config import Config, in_quiet_hours
from bot.scorer import Action
from bot.situation import chosen_for
from bot.tables import channels, decisions, messages, moment, seconds, suggestions
from bot.weekly import (
    MOST_LINKS,
    UNABLE,
    Week,
    WeekCounts,
    is_worth_a_line,
    week_called,
    week_to_tell,
    weekly_card,
)
from knowledge.thread import Role

LATE = timedelta(hours=9)  # a line that could not be said on its Monday stays unsaid
KEPT = timedelta(days=30)  # that a week was told is of no use for longer


def put_weekly(connection: Connection, config: Config, now: datetime) -> None:
    """Queue last week's line for every channel that is to get one, once; does nothing but on Monday mornings."""
    week = week_to_tell(now, config.tz)
    if week is None:
        return
    cards.drop_before(connection, CardKind.WEEKLY, now - KEPT)
    for channel in _open_channels(connection, week):
        if _may_be_told(connection, config, channel, now):
            worth = is_worth_a_line(counts_of(connection, channel.id, week))
            cards.put_card(connection, CardKind.WEEKLY, week.name, channel.id, now, show=worth)


def card_of(connection: Connection, config: Config, row: Row[Any], now: datetime) -> Card | None:
    """The line as it is to be said now; None if it is too late for it, or not wanted any more."""
    channel = ledger.channel_of(connection, row.channel)
    if now - moment(row.at) > LATE or not _may_be_told(connection, config, channel, now):
        return None
    counts = counts_of(connection, row.channel, week_called(row.subject, config.tz))
    return weekly_card(counts) if is_worth_a_line(counts) else None


def _open_channels(connection: Connection, week: Week) -> Iterator[Channel]:
    """The channels whose turn has not come yet."""
    known = connection.execute(select(channels.c.id).order_by(channels.c.id)).scalars().all()
    for channel_id in known:
        if not cards.was_put(connection, CardKind.WEEKLY, week.name, channel_id):
            yield ledger.channel_of(connection, channel_id)


def _may_be_told(connection: Connection, config: Config, channel: Channel, now: datetime) -> bool:
    """Whether it speaks there at all: what it says of itself is not for customers of another company."""
    policy = chosen_for(config, channel)
    if not policy.weekly or policy.mode != "reply" or channel.external:
        return False
    if channel.kind in (ChannelKind.DIRECT, ChannelKind.GROUP):
        return False
    if in_quiet_hours(policy.quiet_hours, now.astimezone(config.tz).time()):
        return False
    if presences.closed(connection, channel.id) is not None:
        return False
    return mutes.muted_here(connection, "", channel.id) is None


def counts_of(connection: Connection, channel: str, week: Week) -> WeekCounts:
    """What a week in a channel came to."""
    silent = list(_silent(connection, channel, week))
    unable = [link for name, link in silent if name in UNABLE and link]
    return WeekCounts(
        heard=_heard(connection, channel, week),
        helped=_helped(connection, channel, week),
        silent=Counter(name for name, _ in silent),
        unanswered=tuple(unable[:MOST_LINKS]),
    )


def _heard(connection: Connection, channel: str, week: Week) -> int:
    said = select(func.count()).select_from(messages).where(*_within(channel, week))
    return connection.execute(said.where(messages.c.role != Role.BOT)).scalar_one()


def _helped(connection: Connection, channel: str, week: Week) -> int:
    posted = and_(
        suggestions.c.channel == channel,
        suggestions.c.posted_at >= seconds(week.begins),
        suggestions.c.posted_at < seconds(week.ends),
        suggestions.c.removed.is_(False),
    )
    return connection.execute(select(func.count()).select_from(suggestions).where(posted)).scalar_one()


def _silent(connection: Connection, channel: str, week: Week) -> Iterator[tuple[str, str | None]]:
    """The reason of each final silence and the message's link, newest first."""
    last = (
        select(func.max(decisions.c.id))
        .join(messages, messages.c.id == decisions.c.message_id)
        .where(*_within(channel, week))
        .group_by(decisions.c.message_id)
    )
    final = (
        select(decisions.c.reasons, messages.c.link)
        .join(messages, messages.c.id == decisions.c.message_id)
        .where(decisions.c.id.in_(last), decisions.c.action == Action.SILENT)
        .order_by(messages.c.at.desc(), messages.c.id.desc())
    )
    for row in connection.execute(final):
        yield json.loads(row.reasons)[0]["name"], row.link


def _within(channel: str, week: Week) -> tuple[Any, ...]:
    begins, ends = seconds(week.begins), seconds(week.ends)
    return messages.c.channel == channel, messages.c.at >= begins, messages.c.at < ends

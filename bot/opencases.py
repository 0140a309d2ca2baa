"""I/O: the open conversations of a channel or a person, gathered for who asks how things stand."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, select

from bot import drifts, ledger, mutes
from bot.adapters.events import Channel
from bot.config import Config
from bot.situation import policy_of
from bot.status import MOST, OpenOne, Standing
from bot.summary import problem_of, waiting
from bot.tables import tickets
from bot.tickets import ENDED, Ticket, TicketState

_OPEN = [state for state in TicketState if state not in ENDED]


def standing_in(connection: Connection, config: Config, channel: Channel, now: datetime) -> Standing:
    """How things stand in a channel."""
    here = tickets.c.channel == channel.id
    return Standing(
        policy=drifts.held_back(connection, config, channel, policy_of(config, channel, now)),
        open_ones=_latest(connection, here),
        open_count=_count(connection, here),
        muted=mutes.muted_here(connection, "", channel.id),
        spoken=ledger.spoken_since(connection, channel.id, now - timedelta(hours=1)),
    )


def standing_of(
    connection: Connection, config: Config, channel: Channel, user: str, now: datetime
) -> Standing:
    """How things stand with what ``user`` asked, wherever that was; ``channel``: where he wants to know."""
    his = tickets.c.asker == user
    return Standing(
        policy=policy_of(config, channel, now),
        open_ones=_latest(connection, his),
        open_count=_count(connection, his),
        own=True,
    )


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    open_ = select(func.count()).select_from(tickets).where(which, tickets.c.state.in_(_OPEN))
    return connection.execute(open_).scalar_one()


def _latest(connection: Connection, which: ColumnElement[bool]) -> list[OpenOne]:
    open_ = select(tickets.c.conversation).where(which, tickets.c.state.in_(_OPEN))
    latest = open_.order_by(tickets.c.last_at.desc(), tickets.c.conversation).limit(MOST)
    found = (open_one(connection, each) for each in connection.execute(latest).scalars().all())
    return [one for one in found if one is not None]


def oldest_in(connection: Connection, channels: Collection[str], most: int) -> list[tuple[str, str]]:
    """(channel, conversation) of what is open in these channels: where nobody has spoken for longest comes first."""
    here = and_(tickets.c.channel.in_(channels), tickets.c.state.in_(_OPEN))
    oldest = select(tickets.c.channel, tickets.c.conversation).where(here)
    oldest = oldest.order_by(tickets.c.last_at, tickets.c.conversation).limit(most)
    return [(row.channel, row.conversation) for row in connection.execute(oldest).all()]


def count_in(connection: Connection, channels: Collection[str]) -> int:
    """How many conversations are open in these channels."""
    return _count(connection, tickets.c.channel.in_(channels))


def asked_by(connection: Connection, user: str) -> list[tuple[str, str]]:
    """(channel, conversation) of what ``user`` asked and is open, the latest first."""
    his = and_(tickets.c.asker == user, tickets.c.state.in_(_OPEN))
    latest = select(tickets.c.channel, tickets.c.conversation).where(his)
    latest = latest.order_by(tickets.c.last_at.desc(), tickets.c.conversation)
    return [(row.channel, row.conversation) for row in connection.execute(latest).all()]


def open_one(connection: Connection, conversation: str) -> OpenOne | None:
    """An open conversation as it is told; None if nothing of it is known any more."""
    ticket: Ticket | None = ledger.ticket(connection, conversation)
    thread = ledger.thread(connection, conversation)
    if ticket is None or thread is None:
        return None
    return OpenOne(
        problem=problem_of(thread),
        link=thread.opener.link,
        state=ticket.state,
        waiting=waiting(thread, ticket),
    )

"""I/O: the open conversations of a channel or a person, gathered for who asks how things stand."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, select

from bot import drifts, ledger, mutes
from bot.adapters.adapter import Channel
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
    found = (_open_one(connection, each) for each in connection.execute(latest).scalars().all())
    return [one for one in found if one is not None]


def _open_one(connection: Connection, conversation: str) -> OpenOne | None:
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

"""The life of a ticket, as one table of transitions. Everything that affects a ticket's state is in this file. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from knowledge.thread import Message


class TicketState(StrEnum):
    OPENED = "opened"  # somebody asked
    ENGAGED = "engaged"  # another person answered
    RESOLVED = "resolved"  # ✅ or thanks by the asker
    CLOSED = "closed"  # ✅ by a person in charge, or quiet for long
    REOPENED = "reopened"  # the asker is back after the end


class Step(StrEnum):
    ASKER_SPOKE = "asker spoke"
    OTHER_SPOKE = "another person spoke"
    THANKED = "asker said thanks"
    CHECKED = "✅"
    CHECKED_IN_CHARGE = "✅ by a person in charge"
    UNCHECKED = "✅ taken off"
    QUIET = "quiet for long"
    OUT_OF_REACH = "its channel is out of reach"


_S = TicketState
TRANSITIONS: dict[tuple[TicketState, Step], TicketState] = {
    (_S.OPENED, Step.ASKER_SPOKE): _S.OPENED,
    (_S.OPENED, Step.OTHER_SPOKE): _S.ENGAGED,
    (_S.OPENED, Step.THANKED): _S.RESOLVED,
    (_S.OPENED, Step.CHECKED): _S.RESOLVED,
    (_S.OPENED, Step.CHECKED_IN_CHARGE): _S.CLOSED,
    (_S.OPENED, Step.QUIET): _S.CLOSED,
    (_S.OPENED, Step.OUT_OF_REACH): _S.CLOSED,
    (_S.ENGAGED, Step.ASKER_SPOKE): _S.ENGAGED,
    (_S.ENGAGED, Step.OTHER_SPOKE): _S.ENGAGED,
    (_S.ENGAGED, Step.THANKED): _S.RESOLVED,
    (_S.ENGAGED, Step.CHECKED): _S.RESOLVED,
    (_S.ENGAGED, Step.CHECKED_IN_CHARGE): _S.CLOSED,
    (_S.ENGAGED, Step.QUIET): _S.CLOSED,
    (_S.ENGAGED, Step.OUT_OF_REACH): _S.CLOSED,
    (_S.RESOLVED, Step.ASKER_SPOKE): _S.REOPENED,
    (_S.RESOLVED, Step.OTHER_SPOKE): _S.RESOLVED,  # "you're welcome"
    (_S.RESOLVED, Step.THANKED): _S.RESOLVED,
    (_S.RESOLVED, Step.CHECKED): _S.RESOLVED,
    (_S.RESOLVED, Step.CHECKED_IN_CHARGE): _S.CLOSED,
    (_S.RESOLVED, Step.UNCHECKED): _S.REOPENED,
    (_S.RESOLVED, Step.QUIET): _S.CLOSED,
    (_S.RESOLVED, Step.OUT_OF_REACH): _S.CLOSED,
    (_S.CLOSED, Step.ASKER_SPOKE): _S.REOPENED,
    (_S.CLOSED, Step.OTHER_SPOKE): _S.CLOSED,
    (_S.CLOSED, Step.THANKED): _S.CLOSED,
    (_S.CLOSED, Step.CHECKED): _S.CLOSED,
    (_S.CLOSED, Step.CHECKED_IN_CHARGE): _S.CLOSED,
    (_S.CLOSED, Step.UNCHECKED): _S.REOPENED,
    (_S.REOPENED, Step.ASKER_SPOKE): _S.REOPENED,
    (_S.REOPENED, Step.OTHER_SPOKE): _S.ENGAGED,
    (_S.REOPENED, Step.THANKED): _S.RESOLVED,
    (_S.REOPENED, Step.CHECKED): _S.RESOLVED,
    (_S.REOPENED, Step.CHECKED_IN_CHARGE): _S.CLOSED,
    (_S.REOPENED, Step.QUIET): _S.CLOSED,
    (_S.REOPENED, Step.OUT_OF_REACH): _S.CLOSED,
}

ENDED = frozenset({TicketState.RESOLVED, TicketState.CLOSED})
SETTLED = timedelta(days=1)  # whoever said thanks and finds that it does not hold says so by then


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """A conversation seen as work: who asks, how far it is, when something last happened."""

    conversation: str
    channel: str
    asker: str
    state: TicketState
    opened_at: datetime
    last_at: datetime

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def opened(message: Message) -> Ticket:
    """The ticket that a conversation's first message opens."""
    return Ticket(
        conversation=message.thread,
        channel=message.channel,
        asker=message.user,
        state=TicketState.OPENED,
        opened_at=message.at,
        last_at=message.at,
    )


def quiet_for(state: TicketState, close_after: timedelta) -> timedelta:
    """How long nothing is said in a ticket before it closes: not so long where it was noticed to be resolved."""
    return min(close_after, SETTLED) if state is TicketState.RESOLVED else close_after


class IllegalStep(ValueError):
    """A step that the table does not know for this state: an error of ours, or an odd click of somebody's."""


def allowed(ticket: Ticket, step: Step) -> bool:
    """Whether the table knows the step. People's clicks are asked about first; our own steps are not."""
    return (ticket.state, step) in TRANSITIONS


def advance(ticket: Ticket, step: Step, at: datetime) -> Ticket:
    """The ticket after the step. Raises IllegalStep where the table has no such transition."""
    if not allowed(ticket, step):
        raise IllegalStep(
            f"{ticket.conversation}: a ticket that is {ticket.state} cannot take the step '{step}'"
        )
    state = TRANSITIONS[ticket.state, step]
    return replace(ticket, state=state, last_at=max(at, ticket.last_at))

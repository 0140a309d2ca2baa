"""The life of a ticket: every transition of the table, and what the table refuses."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.tickets import (
    ENDED,
    TRANSITIONS,
    IllegalStep,
    Step,
    Ticket,
    TicketState,
    advance,
    allowed,
)

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def ticket(state: TicketState = TicketState.OPENED) -> Ticket:
    return Ticket(conversation="c", channel="ch", asker="ann", state=state, opened_at=T0, last_at=T0)


@pytest.mark.parametrize(
    ("story", "end"),
    [
        ([Step.OTHER_SPOKE], TicketState.ENGAGED),
        ([Step.OTHER_SPOKE, Step.THANKED], TicketState.RESOLVED),
        ([Step.OTHER_SPOKE, Step.THANKED, Step.OTHER_SPOKE], TicketState.RESOLVED),
        ([Step.OTHER_SPOKE, Step.THANKED, Step.ASKER_SPOKE], TicketState.REOPENED),
        ([Step.CHECKED], TicketState.RESOLVED),
        ([Step.CHECKED, Step.UNCHECKED], TicketState.REOPENED),
        ([Step.CHECKED_IN_CHARGE], TicketState.CLOSED),
        ([Step.CHECKED_IN_CHARGE, Step.ASKER_SPOKE], TicketState.REOPENED),
        ([Step.QUIET], TicketState.CLOSED),
        ([Step.QUIET, Step.ASKER_SPOKE, Step.OTHER_SPOKE, Step.QUIET], TicketState.CLOSED),
    ],
)
def test_a_ticket_goes_the_way_of_its_conversation(story: list[Step], end: TicketState) -> None:
    moving = ticket()
    for minutes, step in enumerate(story, start=1):
        moving = advance(moving, step, T0 + timedelta(minutes=minutes))
    assert moving.state is end
    assert moving.ended is (end in ENDED)
    assert moving.last_at == T0 + timedelta(minutes=len(story))


def test_our_own_illegal_step_raises_and_names_both_sides() -> None:
    with pytest.raises(IllegalStep, match="a ticket that is closed cannot take the step 'quiet for long'"):
        advance(ticket(TicketState.CLOSED), Step.QUIET, T0)


def test_a_persons_odd_click_can_be_asked_about_first() -> None:
    assert not allowed(ticket(TicketState.OPENED), Step.UNCHECKED)
    assert allowed(ticket(TicketState.RESOLVED), Step.UNCHECKED)


def test_people_can_always_speak_thank_and_check() -> None:
    for state in TicketState:
        for step in (Step.ASKER_SPOKE, Step.OTHER_SPOKE, Step.THANKED, Step.CHECKED, Step.CHECKED_IN_CHARGE):
            assert (state, step) in TRANSITIONS


def test_every_state_but_closed_closes_when_it_is_quiet() -> None:
    assert {state for state in TicketState if (state, Step.QUIET) not in TRANSITIONS} == {TicketState.CLOSED}


def test_a_late_event_does_not_turn_the_time_back() -> None:
    assert advance(ticket(), Step.OTHER_SPOKE, T0 - timedelta(hours=1)).last_at == T0

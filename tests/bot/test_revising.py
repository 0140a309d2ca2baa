"""The rules of what becomes of our own answers: no clock, no store, no platform."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.objections import Objection
from bot.revising import (
    Cast,
    Fate,
    Why,
    as_asked,
    corrected_by,
    fate_of,
    heirs,
    is_gone,
    no_longer_says,
    note_of,
)
from bot.scorer import Policy, Situation
from bot.tickets import Ticket, TicketState
from knowledge.entry import WORKSPACE, EntryKind, EntryState, KnowledgeEntry, Stored, Trust
from knowledge.thread import Message, Role, Thread

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

DOWN = Cast(helpful=False, in_charge=True)
WRONG = Cast(helpful=False, in_charge=True, reason=Objection.WRONG)
LATE = Cast(helpful=False, in_charge=True, reason=Objection.TOO_LATE)
UP = Cast(helpful=True, in_charge=True)
CUSTOMER_UP = Cast(helpful=True, in_charge=False)
CUSTOMER_DOWN = Cast(helpful=False, in_charge=False, reason=Objection.WRONG)


@pytest.mark.parametrize(
    ("wanted", "cast", "answered", "fate"),
    [
        (Fate.DELETE, [DOWN], False, Fate.DELETE),
        (Fate.DELETE, [WRONG], False, Fate.DELETE),
        (Fate.DELETE, [WRONG], True, Fate.STRIKE),  # what was written below it would hang in the air
        (Fate.DELETE, [WRONG, CUSTOMER_UP], False, Fate.STRIKE),  # somebody was helped, and may look for it
        (Fate.DELETE, [LATE], False, Fate.KEEP),  # it was too late, not wrong
        (Fate.DELETE, [LATE, WRONG], False, Fate.DELETE),
        (Fate.DELETE, [WRONG, UP], False, Fate.KEEP),  # two in charge disagree
        (Fate.DELETE, [CUSTOMER_DOWN], False, Fate.KEEP),
        (Fate.DELETE, [], False, Fate.KEEP),  # taken back
        (Fate.STRIKE, [DOWN], False, Fate.STRIKE),
        (Fate.KEEP, [WRONG], False, Fate.KEEP),
    ],
)
def test_what_becomes_of_an_answer_that_was_voted_down(
    wanted: Fate, cast: list[Cast], answered: bool, fate: Fate
) -> None:
    assert fate_of(wanted, cast, answered=answered) is fate


BEFORE = "Run `millrace spill clean`.\nThen restart the gate."


@pytest.mark.parametrize(
    ("quote", "after", "gone"),
    [
        ("Then restart the gate.", "Run `millrace spill clean`.\nThen  restart\nthe gate. Good luck!", False),
        ("Then restart the gate.", "Run `millrace spill clean`.\nThen reboot.", True),
        ("Run `millrace spill clean`.\nThen restart the gate.", "Run it.\nThen restart the gate.", True),
        ("Write to <email 1>.", "Something else.", False),  # it never stood there so: it was redacted
        ("", "", False),
    ],
)
def test_whether_a_quote_still_stands_in_its_message(quote: str, after: str, gone: bool) -> None:
    assert no_longer_says(quote, BEFORE, after) is gone


@pytest.mark.parametrize("state", list(EntryState))
def test_from_which_entries_an_answer_may_still_be_cited(state: EntryState) -> None:
    gone = (EntryState.RETIRED, EntryState.REJECTED, EntryState.SUPERSEDED, EntryState.DISPUTED)
    assert is_gone(stored("a", state)) is (state in gone)
    assert is_gone(None)


def stored(title: str, state: EntryState, successor: Stored | None = None) -> Stored:
    entry = KnowledgeEntry(kind=EntryKind.THREAD, title=title, origin=title, audience=WORKSPACE, passages=())
    after = None if successor is None else successor.entry.id
    return Stored(number=1, entry=entry, trust=Trust(), state=state, successor=after)


def test_what_stands_in_place_of_an_entry_is_found_over_several_steps() -> None:
    last = stored("last", EntryState.ACTIVE)
    middle = stored("middle", EntryState.MERGED, last)
    first = stored("first", EntryState.SUPERSEDED, middle)
    against = stored("against", EntryState.DISPUTED, last)  # contradicts it; nobody has decided
    known = {one.entry.id: one for one in (first, middle, last, against)}
    assert heirs([first.entry.id], known) == {last.entry.id}
    assert heirs([against.entry.id, "forgotten"], known) == frozenset()


def test_the_note_says_when_and_who_in_the_zone_of_the_settings() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert note_of(Why.CORRECTED, NOON, berlin, "Bob") == "Updated 02 Mar 13:00 CET: Bob corrected this:"
    assert note_of(Why.CORRECTED, NOON, berlin) == "Updated 02 Mar 13:00 CET: an analyst corrected this:"
    assert note_of(Why.REJECTED, NOON, berlin) == "Withdrawn: an analyst marked this as not helpful."


def test_a_correction_is_cited_to_its_author_and_shows_no_secret() -> None:
    text = "Set the token to xoxb-123456789012-abcdefghijklmnop, then ask help@example.com."
    said = corrected_by(text, number=7, at=NOON, name="Bob", hidden=())
    (source,) = said.citations
    assert (source.source, source.title, source.role) == ("correction:7", "Correction by Bob", Role.ANALYST)
    assert "xoxb-" not in said.text and "help@example.com" in said.text


def message(number: int, user: str, minutes: float, text: str = "The gate stops, what now?") -> Message:
    at = NOON + timedelta(minutes=minutes)
    return Message(id=f"m{number}", channel="help", thread="m1", user=user, at=at, text=text)


def test_a_question_is_asked_again_as_if_nobody_had_answered() -> None:
    said = (
        message(1, "ann", 0),
        message(2, "ann", 1, "It says MLR-4090."),
        message(3, "bob", 5, "I look into it."),
        message(4, "ann", 6, "Thanks!"),
    )
    thread = Thread(id="m1", channel="help", messages=said)
    ticket = Ticket(
        conversation="m1",
        channel="help",
        asker="ann",
        state=TicketState.RESOLVED,
        opened_at=NOON,
        last_at=NOON,
    )
    quiet = Policy(
        mode="reply",
        threshold=0.5,
        wait=timedelta(),
        max_per_thread=0,
        max_per_hour=0,
        quiet_now=True,
    )
    now = Situation(
        message=said[0],
        thread=thread,
        ticket=ticket,
        policy=quiet,
        now=NOON + timedelta(hours=1),
        people={},
        helped=1,
        quoted=frozenset({"old", "other"}),
        rejected=True,
    )
    then = as_asked(now, {"other"})
    assert [one.id for one in then.thread.messages] == ["m1", "m2"]
    assert (then.helped, then.rejected, then.ticket.ended, then.policy.quiet_now) == (0, False, False, False)
    assert then.quoted == {"other"} and then.now == now.now

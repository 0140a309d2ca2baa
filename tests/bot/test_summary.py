"""The hand-over of a conversation: short, in the words of those who were there, each line with its message."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.addressed import answer_card
from bot.card import lines_in
from bot.summary import MAX_LINES, hand_over, problem_of, waiting
from bot.tickets import Step, TicketState, advance, opened
from knowledge.thread import Message, Role, Thread

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=5)
PROBLEM = ("ann", "Hi all! The gate stops with MLR-4090 since this morning.")


def thread(*said: tuple[str, str]) -> Thread:
    messages = tuple(
        Message(
            id=f"m{place}",
            channel="c",
            thread="m0",
            user=user,
            at=NOON + timedelta(minutes=10 * place),
            text=text,
            role=Role.BOT if user == "bot" else Role.UNKNOWN,
            link=f"https://chat.example/m{place}",
        )
        for place, (user, text) in enumerate(said)
    )
    return Thread(id="m0", channel="c", messages=messages)


def told(*said: tuple[str, str], steps: tuple[Step, ...] = ()) -> list[str]:
    conversation = thread(*said)
    ticket = opened(conversation.opener)
    for step in steps:
        ticket = advance(ticket, step, conversation.messages[-1].at)
    return lines_in(answer_card(*hand_over(conversation, ticket, LATER, UTC).rows))


def test_a_whole_hand_over() -> None:
    lines = told(
        PROBLEM,
        ("bob", "Please restart the gate by hand. The manual is at https://wiki.example.com/gate."),
        ("ann", "I tried that already, it did not help, it still stops:\n```\nERROR KST-7001 no space\n```"),
        ("bob", "Then run `millrace spill clean` on the host."),
        steps=(Step.OTHER_SPOKE,),
    )
    assert lines == [
        "Problem: The gate stops with MLR-4090 since this morning. (link <https://chat.example/m0>)",
        "Error: ERROR KST-7001 no space (link <https://chat.example/m2>)",
        "Tried: I tried that already, it did not help, it still stops: (link <https://chat.example/m2>)",
        "Did not help: Please restart the gate by hand. The manual is at https://wiki.example.com/gate."
        " (link <https://chat.example/m1>)",
        "Suggested last: Then run `millrace spill clean` on the host. (link <https://chat.example/m3>)",
        "State: somebody is helping; asked by ann 2026-03-02 12:00 (5 hours ago),"
        " last word 2026-03-02 12:30 (4 hours ago)",
        "Waiting on: ann, since 2026-03-02 12:30 (4 hours ago) <https://chat.example/m3>",
        "Linked: https://wiki.example.com/gate (link <https://chat.example/m1>)",
    ]


@pytest.mark.parametrize(
    ("said", "steps", "on", "since"),
    [
        ([PROBLEM], (), None, "m0"),
        ([PROBLEM, ("ann", "Nobody here?")], (), None, "m0"),
        ([PROBLEM, ("bob", "Which version is it?")], (Step.OTHER_SPOKE,), "ann", "m1"),
        ([PROBLEM, ("bob", "I'll look into it.")], (Step.OTHER_SPOKE,), "bob", "m1"),
        ([PROBLEM, ("bob", "Restart it."), ("ann", "It still stops.")], (Step.OTHER_SPOKE,), "bob", "m2"),
        ([PROBLEM, ("bob", "Which version is it?"), ("ann", "ok")], (Step.OTHER_SPOKE,), "ann", "m1"),
    ],
)
def test_whom_it_waits_for(
    said: list[tuple[str, str]], steps: tuple[Step, ...], on: str | None, since: str
) -> None:
    conversation = thread(*said)
    ticket = opened(conversation.opener)
    for step in steps:
        ticket = advance(ticket, step, NOON)
    open_ = waiting(conversation, ticket)
    assert open_ is not None and (open_.on, open_.since.id) == (on, since)


def test_what_is_over_waits_for_nobody() -> None:
    ticket = advance(opened(thread(PROBLEM).opener), Step.CHECKED_IN_CHARGE, NOON)
    assert ticket.state is TicketState.CLOSED and waiting(thread(PROBLEM), ticket) is None
    assert not any(line.startswith("Waiting") for line in told(PROBLEM, steps=(Step.CHECKED_IN_CHARGE,)))


def test_bots_and_what_is_said_to_us_are_no_part_of_it() -> None:
    lines = told(PROBLEM, ("bot", "Ticket 7 was made."), ("carl", "@earshot is there a manual?"))
    assert not any("Ticket 7" in line or "manual" in line for line in lines)


def test_who_opened_it_by_asking_us_is_quoted_without_the_mention() -> None:
    assert problem_of(thread(("ann", "@earshot the gate stops since noon."))) == "the gate stops since noon."


def test_it_is_short_however_long_the_thread_is() -> None:
    said = [PROBLEM]
    for number in range(40):
        said.append(
            ("bob", f"Try step {number} of https://wiki.example.com/{number} on the host. " + "x " * 400)
        )
        said.append(("ann", f"It still stops: ERROR KST-{1000 + number} no space in the folder"))
    lines = told(*said, steps=(Step.OTHER_SPOKE,))
    assert len(lines) <= MAX_LINES and all(len(line) < 300 for line in lines)


def test_its_sources_are_the_messages_that_it_quotes() -> None:
    conversation = thread(PROBLEM, ("bob", "Restart the gate by hand."), ("carl", "me too"))
    quoted = hand_over(conversation, opened(conversation.opener), LATER, UTC).sources
    assert quoted == ("m0", "m1")

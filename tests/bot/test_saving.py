"""What a thread offers to be kept by hand, and whose words the kept parts are."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.adapters.events import Saved
from bot.saving import Prefilled, cleaned, entry_from, prefilled
from knowledge.entry import WORKSPACE, PassageKind
from knowledge.thread import Message, Role, Thread

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
QUESTION = "The gate stops with MLR-7001, how can I start it again?"
FIRST = "Check the log of the gate first, it usually says what is missing."
ANSWER = "The licence ran out. Run `millrace licence renew` and restart the gate."
THANKS = "Thanks a lot, that worked!"


def thread(*said: tuple[str, str]) -> Thread:
    """Messages as (user, text), ten minutes apart, called m0, m1, …"""
    messages = tuple(
        Message(
            id=f"m{number}",
            channel="c",
            thread="m0",
            user=user,
            at=NOW + timedelta(minutes=10 * number),
            text=text,
        )
        for number, (user, text) in enumerate(said)
    )
    return Thread(id="m0", channel="c", messages=messages)


SOLVED = thread(("ann", QUESTION), ("carl", FIRST), ("bob", ANSWER), ("ann", THANKS))


def offer(given: Thread, message_id: str) -> Prefilled:
    return prefilled(given, message_id, audience=WORKSPACE, now=NOW, people={})


@pytest.mark.parametrize(
    ("chosen", "solution", "source"),
    [
        ("m0", ANSWER, "m2"),  # the question: what mining finds
        ("m1", FIRST, "m1"),  # another answer: that one
        ("m2", ANSWER, "m2"),
        ("m3", ANSWER, "m2"),  # thanks are no solution
        ("elsewhere", ANSWER, "m2"),
    ],
)
def test_the_solution_is_the_chosen_answer_or_the_one_that_mining_finds(
    chosen: str, solution: str, source: str
) -> None:
    offered = offer(SOLVED, chosen)
    assert (offered.title, offered.problem, offered.problem_sources) == (QUESTION, QUESTION, ("m0",))
    assert (offered.solution, offered.solution_sources) == (solution, (source,))


def test_a_thread_that_teaches_nothing_still_offers_what_was_said() -> None:
    offered = offer(thread(("ann", QUESTION)), "m0")
    assert (offered.problem, offered.solution, offered.solution_sources) == (QUESTION, "", ())


def saved(offered: Prefilled, solution: str | None = None) -> Saved:
    return Saved(
        message_id="m2",
        channel="c",
        user="dora",
        title=offered.title,
        problem=offered.problem,
        solution=offered.solution if solution is None else solution,
        everywhere=True,
        at=NOW,
        problem_sources=offered.problem_sources,
        solution_sources=offered.solution_sources,
    )


@pytest.mark.parametrize(
    ("written", "author"), [(ANSWER, "bob"), (ANSWER + " Then tell the desk.", "dora"), ("Renew it.", "dora")]
)
def test_a_part_left_as_it_was_stays_his_who_said_it(written: str, author: str) -> None:
    sent = saved(offer(SOLVED, "m2"), solution=written)
    entry = entry_from(sent, SOLVED, audience=WORKSPACE, role=Role.ANALYST, confirmed=True)
    (solution,) = entry.of(PassageKind.SOLUTION)
    (problem,) = entry.of(PassageKind.PROBLEM)
    assert (solution.text, solution.author, solution.source) == (written, author, "m2")
    assert (problem.author, problem.source) == ("ann", "m0")


def test_several_messages_that_make_one_part_stay_apart() -> None:
    burst = thread(("ann", QUESTION), ("bob", ANSWER), ("ann", THANKS))
    more = replace(burst.messages[1], id="m1b", text="The desk has the key.", at=NOW + timedelta(minutes=11))
    spoken = replace(burst, messages=(*burst.messages[:2], more, burst.messages[2]))
    offered = offer(spoken, "m0")
    assert offered.solution == f"{ANSWER}\nThe desk has the key."
    entry = entry_from(saved(offered), spoken, audience=WORKSPACE, role=Role.UNKNOWN, confirmed=False)
    assert [one.source for one in entry.of(PassageKind.SOLUTION)] == ["m1", "m1b"]


def test_what_cannot_be_traced_any_more_is_the_words_of_who_sent_it() -> None:
    sent = saved(offer(SOLVED, "m2"))
    entry = entry_from(sent, None, audience=WORKSPACE, role=Role.UNKNOWN, confirmed=False)
    assert {one.author for one in entry.passages} == {"dora"}


def test_names_of_the_thread_and_secrets_are_taken_out_of_what_is_written() -> None:
    sent = saved(offer(SOLVED, "m2"), solution="  Ask Ruth Okafor, password=hunter2secret99  ")
    clean = cleaned(sent, SOLVED, {"Ruth Okafor": "bob"}, ())
    assert "Ruth" not in clean.solution and "hunter2" not in clean.solution
    assert clean.solution.startswith("Ask <name 1>, password=<secret 1>")

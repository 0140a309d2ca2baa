"""What is asked for the writer, and that nothing leaves it which its sources do not say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answerer import (
    BURST,
    MAX_BEFORE,
    MAX_QUERY,
    Citation,
    Line,
    conversation,
    faults_of,
    ground,
    query_of,
)
from knowledge.entry import HALF_LIFE, EntryKind, Hit, KnowledgeEntry, Passage, PassageKind
from knowledge.grounding import Fault
from knowledge.thread import Message, Role, Thread, thread_of
from knowledge.writer import Asked, Claim, Draft, Quote
from tests.knowledge.making import entry

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CLEAN = "Run `millrace spill clean --older 7d` and restart the gate."
TELLS = f"MLR-4090 means that the spill folder is full. {CLEAN} Never delete the folder itself."
SPILL = entry(
    "Gate stops with MLR-4090",
    TELLS,
    origin="past",
    problem="The gate stops with MLR-4090, what now?",
    discussion="I think it was the network.",
)
SLOTS = entry("Slots", "Set `worker.slots` to the number of cores.", origin="docs")


def hit(known: KnowledgeEntry) -> Hit:
    return Hit(entry=known, score=0.8, dense=0.8, lexical=9.0, coverage=0.6)


GIVEN = (hit(SPILL), hit(SLOTS))


def claim(
    text: str = CLEAN,
    *,
    known: KnowledgeEntry = SPILL,
    source: str = "past/solution",
    quote: str | None = None,
) -> Claim:
    said = Quote(entry=known.id, source=source, text=text if quote is None else quote)
    return Claim(text=text, quotes=(said,))


# ---- the question -----------------------------------------------------------------------------------------


def thread(*said: tuple[str, str]) -> Thread:
    return thread_of(
        [
            Message(
                id=f"m{number}",
                channel="help",
                thread="m0",
                user=user,
                at=NOW + timedelta(minutes=number),
                text=text,
            )
            for number, (user, text) in enumerate(said)
        ]
    )


def asked(*said: tuple[str, str], about: int = -1) -> str:
    whole = thread(*said)
    return query_of(whole, whole.messages[about])


def test_a_first_message_is_the_question() -> None:
    assert asked(("ann", "Why?")) == "Why?"


def test_a_follow_up_comes_first_then_what_its_asker_asked_before_and_nobody_else() -> None:
    assert (
        asked(("ann", "Gate stops"), ("bob", "Which one?"), ("ann", "The second")) == "The second\nGate stops"
    )


def test_of_a_long_talk_the_opening_and_the_last_words_count() -> None:
    said = [("ann", str(number)) for number in range(6)]
    assert asked(*said) == "5\n0\n3\n4"


def test_what_is_added_at_once_belongs_to_the_question() -> None:
    said = [
        ("ann", "Why does the gate stop?"),
        ("ann", "It says MLR-4090."),
        ("ann", "ok"),
        ("ann", "On prod."),
    ]
    assert asked(*said, about=0) == "Why does the gate stop?\nIt says MLR-4090.\nOn prod."


def test_what_was_said_on_the_way_to_the_question_belongs_to_it() -> None:
    assert (
        asked(("ann", "Gate stops"), ("ann", "MLR-4090"), ("ann", "Why?"), about=2)
        == "Why?\nGate stops\nMLR-4090"
    )


def test_what_is_said_after_somebody_spoke_is_not_added() -> None:
    assert asked(("ann", "first"), ("bob", "What?"), ("ann", "second"), about=0) == "first"


@pytest.mark.parametrize(("pause", "added"), [(BURST, True), (BURST + timedelta(seconds=1), False)])
def test_what_is_said_later_is_not_added(pause: timedelta, added: bool) -> None:
    one, two = thread(("ann", "first"), ("ann", "second")).messages
    whole = thread_of([one, replace(two, at=one.at + pause)])
    assert query_of(whole, one) == ("first\nsecond" if added else "first")


@given(st.integers(0, 2 * MAX_QUERY), st.integers(0, MAX_QUERY - 1))
def test_a_pasted_log_before_it_does_not_push_the_question_out(log: int, question: int) -> None:
    text = "?" * question
    query = asked(("ann", "x" * log), ("ann", text))
    assert query.startswith(text)
    assert len(query) <= MAX_QUERY


def test_of_a_long_message_before_it_the_beginning_counts() -> None:
    assert (
        asked(("ann", "x" * MAX_BEFORE + "y"), ("bob", "hm"), ("ann", "Why?")) == "Why?\n" + "x" * MAX_BEFORE
    )


def test_of_a_pasted_log_the_beginning_counts() -> None:
    assert asked(("ann", "a" * MAX_QUERY + "b")) == "a" * MAX_QUERY


# ---- what may be said -------------------------------------------------------------------------------------

UNGROUNDED = {
    "an entry it was not given": claim(known=replace(SPILL, title="another")),
    "a source the entry does not have": claim(source="past/elsewhere"),
    "the source of another entry": claim(source="docs/solution"),
    "a quote that is not verbatim": claim(CLEAN.replace("7d", "1d")),
    "a quote in other capitals": claim(CLEAN.upper()),
    "a quote put together from two places": claim("MLR-4090 means that Never delete the folder itself."),
    "a text that its quote does not say": claim("Delete the folder.", quote=CLEAN),
    "a text around its quote": claim(f"{CLEAN} Good luck!", quote=CLEAN),
    "an empty text": claim("", quote=CLEAN),
    "a blank text": claim(" ", quote=CLEAN),
    "what was asked": claim("The gate stops with MLR-4090, what now?", source="past/problem"),
    "what was talked": claim("I think it was the network.", source="past/discussion"),
}


@pytest.mark.parametrize("bad", UNGROUNDED.values(), ids=UNGROUNDED.keys())
def test_a_draft_with_a_claim_that_its_source_does_not_say_is_dropped_whole(bad: Claim) -> None:
    for claims in ((bad,), (claim(), bad), (bad, claim())):
        assert ground(Draft(claims=claims), GIVEN, NOW) is None


def test_a_draft_without_claims_is_no_answer() -> None:
    assert ground(Draft(claims=()), GIVEN, NOW) is None


def test_without_hits_nothing_can_be_said() -> None:
    assert ground(Draft(claims=(claim(),)), (), NOW) is None


@given(st.integers(0, len(TELLS)), st.integers(0, len(TELLS)))
def test_any_words_of_a_solution_may_be_said_as_they_stand(start: int, end: int) -> None:
    text = TELLS[min(start, end) : max(start, end)]
    suggestion = ground(Draft(claims=(claim(text),)), GIVEN, NOW)
    assert (suggestion is not None) is bool(text.strip())
    assert suggestion is None or suggestion.lines == (Line(text=text, citations=(1,)),)


def test_a_part_of_the_quote_may_be_said() -> None:
    suggestion = ground(Draft(claims=(claim("restart the gate", quote=CLEAN),)), GIVEN, NOW)
    assert suggestion is not None
    assert (suggestion.lines[0].text, suggestion.citations[0].quote) == ("restart the gate", CLEAN)


REWORDED = "The spill folder is full: run `millrace spill clean --older 7d`, then restart the gate."


def test_a_claim_may_be_in_other_words_than_its_quote() -> None:
    suggestion = ground(Draft(claims=(claim(REWORDED, quote=TELLS),)), GIVEN, NOW)
    assert suggestion is not None
    assert suggestion.lines == (Line(text=REWORDED, citations=(1,)),)
    assert suggestion.citations[0].quote == TELLS


def test_what_the_conversation_names_may_be_named() -> None:
    draft = Draft(claims=(claim("Restart the gate on node-7.", quote=CLEAN),))
    assert ground(draft, GIVEN, NOW) is None
    assert ground(draft, GIVEN, NOW, "The gate on node-7 stops") is not None


def test_the_conversation_is_the_question_and_what_was_said() -> None:
    said = thread(("ann", "Gate stops"), ("bob", "On node-7?"))
    asked = Asked(question="Gate stops", thread=said, hits=())
    assert conversation(asked) == "Gate stops\nOn node-7?"


FAULTY = {
    Fault.EMPTY: claim(" ", quote=CLEAN),
    Fault.UNCITED: Claim(text=CLEAN, quotes=()),
    Fault.UNKNOWN_SOURCE: claim(source="past/elsewhere"),
    Fault.MISQUOTED: claim(CLEAN.replace("7d", "1d")),
    Fault.NUMBER: claim("Wait 5 minutes and restart the gate.", quote=CLEAN),
    Fault.NEGATION: claim("Delete the folder itself.", quote=TELLS),
}


@pytest.mark.parametrize(("fault", "bad"), FAULTY.items(), ids=FAULTY.keys())
def test_what_speaks_against_a_draft_has_a_name(fault: Fault, bad: Claim) -> None:
    for claims in ((bad,), (claim(), bad), (bad, claim(REWORDED, quote=TELLS))):
        assert fault in faults_of(Draft(claims=claims), GIVEN)
        assert ground(Draft(claims=claims), GIVEN, NOW) is None


def test_nothing_speaks_against_a_draft_that_holds() -> None:
    assert faults_of(Draft(claims=(claim(), claim(REWORDED, quote=TELLS))), GIVEN) == ()


# ---- citations --------------------------------------------------------------------------------------------


def citations(claims: Sequence[Claim], hits: Sequence[Hit] = GIVEN) -> tuple[Citation, ...]:
    suggestion = ground(Draft(claims=tuple(claims)), hits, NOW)
    assert suggestion is not None
    return suggestion.citations


def test_a_line_that_two_sources_say_has_the_numbers_of_both() -> None:
    both = (*claim(CLEAN).quotes, Quote(entry=SLOTS.id, source="docs/solution", text="number of cores"))
    suggestion = ground(Draft(claims=(Claim(text=CLEAN, quotes=both),)), GIVEN, NOW)
    assert suggestion is not None
    assert (suggestion.lines[0].citations, suggestion.text) == ((1, 2), f"{CLEAN} [1][2]")


def test_a_line_falls_with_any_of_its_quotes_and_without_one() -> None:
    invented = Quote(entry=SLOTS.id, source="docs/solution", text="number of cats")
    for quotes in ((*claim(CLEAN).quotes, invented), ()):
        assert ground(Draft(claims=(Claim(text=CLEAN, quotes=quotes),)), GIVEN, NOW) is None


def test_every_source_has_one_number_in_order_of_its_first_use() -> None:
    slots = claim("Set `worker.slots` to the number of cores.", known=SLOTS, source="docs/solution")
    suggestion = ground(Draft(claims=(slots, claim(), slots, claim("restart the gate"))), GIVEN, NOW)
    assert suggestion is not None
    assert [line.citations for line in suggestion.lines] == [(1,), (2,), (1,), (2,)]
    assert [(c.number, c.entry, c.source) for c in suggestion.citations] == [
        (1, SLOTS.id, "docs/solution"),
        (2, SPILL.id, "past/solution"),
    ]
    assert suggestion.text.splitlines()[1] == f"{CLEAN} [2]"


def solved(
    known_from: datetime | None,
    at: datetime | None,
    *,
    confirmed: bool = False,
    kind: EntryKind = EntryKind.THREAD,
) -> Hit:
    solution = Passage(
        kind=PassageKind.SOLUTION,
        text=TELLS,
        source="past/solution",
        role=Role.ANALYST,
        at=at,
        link="https://x/1",
    )
    known = replace(SPILL, kind=kind, passages=(solution,), known_from=known_from, confirmed=confirmed)
    return hit(known)


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_citation_says_who_said_it_when_and_whether_it_held(confirmed: bool) -> None:
    at = NOW - timedelta(days=90)
    found = solved(at + timedelta(days=7), at, confirmed=confirmed)
    (citation,) = citations([claim(known=found.entry)], [found])
    assert citation == Citation(
        number=1,
        entry=found.entry.id,
        source="past/solution",
        title="Gate stops with MLR-4090",
        quote=CLEAN,
        kind=EntryKind.THREAD,
        role=Role.ANALYST,
        at=at,
        link="https://x/1",
        confirmed=confirmed,
        old=False,
    )


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("said", "known", "old"),
    [
        (HALF_LIFE - DAY, None, False),
        (HALF_LIFE, None, False),
        (HALF_LIFE + DAY, None, True),
        (HALF_LIFE + DAY, HALF_LIFE + DAY, True),
        (HALF_LIFE + DAY, HALF_LIFE - DAY, False),  # what was closed since was still true then
        (None, None, False),
    ],
)
def test_what_nobody_said_for_a_half_life_is_old(
    said: timedelta | None, known: timedelta | None, old: bool
) -> None:
    found = solved(None if known is None else NOW - known, None if said is None else NOW - said)
    (citation,) = citations([claim(known=found.entry)], [found])
    assert citation.old is old

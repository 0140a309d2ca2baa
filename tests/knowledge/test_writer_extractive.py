"""The offline writer quotes: whatever it says stands word for word in a solution, and the ground accepts it."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answerer import ground
from knowledge.entry import WORKSPACE, EntryKind, Hit, KnowledgeEntry, Passage, PassageKind
from knowledge.sentences import sentences
from knowledge.thread import Message, Thread, thread_of
from knowledge.writer import Asked, Claim, Decline, Declined, Draft
from knowledge.writer_extractive import MAX_CHARACTERS, MAX_CODE, ExtractiveWriter, quote

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUESTION = "How do I restart the gate after MLR-4090?"


def hit(*solutions: str, kind: EntryKind = EntryKind.THREAD) -> Hit:
    problem = Passage(kind=PassageKind.PROBLEM, text=QUESTION, source="m0")
    told = (
        Passage(kind=PassageKind.SOLUTION, text=text, source=f"m{number}")
        for number, text in enumerate(solutions, start=1)
    )
    talk = Passage(kind=PassageKind.DISCUSSION, text="Restart the gate after MLR-4090? Me too.", source="m9")
    known = KnowledgeEntry(
        kind=kind, title=QUESTION, origin="m0", audience=WORKSPACE, passages=(problem, *told, talk)
    )
    return Hit(entry=known, score=0.8, dense=0.8, lexical=9.0, coverage=0.6)


def texts(claims: Sequence[Claim]) -> list[str]:
    return [claim.text for claim in claims]


def conversation() -> Thread:
    return thread_of([Message(id="q", channel="help", thread="q", user="ann", at=NOW, text=QUESTION)])


# ---- what always holds ------------------------------------------------------------------------------------

marks = st.integers(10_000, 99_999).map(lambda number: f"word{number}")
WORDS = st.lists(
    st.sampled_from(["restart", "the gate", "spill folder", "MLR-4090", "see", "3.2.1", "e.g.", "it"]) | marks
)
prose = st.tuples(WORDS, st.sampled_from([". ", "! ", ".\n", "\n\n", "。", "；"])).map(
    lambda made: " ".join(made[0]) + made[1]
)
items = st.lists(marks, min_size=1, max_size=4).map(
    lambda made: (
        "\n" + "\n".join(f"{number}. restart {mark}" for number, mark in enumerate(made, start=1)) + "\n"
    )
)
code = st.tuples(marks, st.integers(0, 250)).map(
    lambda made: f"\n```\nbegin {made[0]}\n" + "run it\n" * made[1] + "```\n"
)
chinese = marks.map(lambda mark: f"请先清理 {mark} 目录，再重启网关。")
solutions = st.lists(st.one_of(prose, items, code, chinese), max_size=12).map("".join)
messy = st.text(st.sampled_from("ab .!?\n`-1)。，网>|$~"), max_size=200)
passages = st.lists(solutions | messy, min_size=1, max_size=3)


def passage_of(found: Hit, claim: Claim) -> Passage:
    return next(p for p in found.entry.of(PassageKind.SOLUTION) if p.source == claim.quotes[0].source)


@given(passages)
def test_every_claim_stands_word_for_word_in_its_solution_and_is_accepted(given_passages: list[str]) -> None:
    found = hit(*given_passages)
    claims = quote(QUESTION, found)
    for claim in claims:
        assert [claim.text] == [said.text for said in claim.quotes]
        assert claim.text in passage_of(found, claim).text
        assert claim.text == claim.text.strip() != ""
    suggestion = ground(Draft(claims=tuple(claims)), [found], NOW)
    assert [line.text for line in suggestion.lines] == texts(claims) if suggestion else claims == []


@given(passages)
def test_something_is_said_wherever_something_of_bearable_length_is_written(
    given_passages: list[str],
) -> None:
    written = [
        span for text in given_passages for span in sentences(text) if span.end - span.start <= MAX_CODE
    ]
    assert bool(quote(QUESTION, hit(*given_passages))) is bool(written)


@given(passages)
def test_code_is_quoted_whole_or_not_at_all(given_passages: list[str]) -> None:
    found = hit(*given_passages)
    for claim in quote(QUESTION, found):
        text = passage_of(found, claim).text
        at = text.find(claim.text)
        if text.count(claim.text) != 1:
            continue  # it cannot be told which of them was meant
        for block in (span for span in sentences(text) if span.kind == "code"):
            outside = block.end <= at or at + len(claim.text) <= block.start
            assert outside or (at <= block.start and block.end <= at + len(claim.text))


@given(st.lists(prose | chinese, max_size=40).map("".join), st.integers(20, 300))
def test_prose_keeps_the_limit_but_for_a_single_longer_sentence(text: str, limit: int) -> None:
    claims = quote(QUESTION, hit(text), limit)
    quoted = sum(len("".join(claim.text.split())) for claim in claims)
    single = len(claims) == 1 and claims[0].text in {text[span.start : span.end] for span in sentences(text)}
    assert quoted <= limit or single


@given(passages, st.integers(1, 400))
def test_claims_keep_the_order_in_which_they_were_said(given_passages: list[str], limit: int) -> None:
    sources = [claim.quotes[0].source for claim in quote(QUESTION, hit(*given_passages), limit)]
    assert sources == sorted(sources)


@given(passages)
def test_the_same_question_gets_the_same_quotes(given_passages: list[str]) -> None:
    assert quote(QUESTION, hit(*given_passages)) == quote(QUESTION, hit(*given_passages))


# ---- examples ---------------------------------------------------------------------------------------------

SHORT = (
    "The spill folder is full. Clean it:\n```\nmillrace spill clean --older 7d\n```\nThen restart the gate."
)


def test_a_short_solution_is_quoted_as_it_stands_in_one_piece() -> None:
    assert texts(quote(QUESTION, hit(SHORT))) == [SHORT]


def test_each_message_of_a_solution_is_a_claim_of_its_own() -> None:
    claims = quote(QUESTION, hit("Clean the spill folder.", "Then restart the gate."))
    assert [(claim.text, claim.quotes[0].source) for claim in claims] == [
        ("Clean the spill folder.", "m1"),
        ("Then restart the gate.", "m2"),
    ]


def test_of_a_long_solution_the_part_about_the_question_is_quoted() -> None:
    about = "After MLR-4090 restart the gate with `millrace gate restart`."
    other = "The weather station reports its values to another place every quarter of an hour. " * 8
    (claim,) = quote(QUESTION, hit(other + about + " " + other), limit=200)
    assert about in claim.text
    assert len(claim.text) <= 200


def test_code_that_is_too_long_to_be_read_is_left_out_and_what_is_around_it_is_not_glued() -> None:
    block = "```\n" + "millrace status\n" * (MAX_CODE // 16 + 1) + "```"
    claims = quote(QUESTION, hit(f"Look at this.\n{block}\nThen restart the gate."))
    assert texts(claims) == ["Look at this.", "Then restart the gate."]


@pytest.mark.parametrize(("lines", "all_of_it"), [(60, True), (125, False)])
def test_code_takes_half_of_the_patience_that_prose_takes(lines: int, all_of_it: bool) -> None:
    block = "```\n" + "run it now\n" * lines + "```"
    text = f"Restart the gate after MLR-4090.\n{block}"
    assert len(text) <= MAX_CODE
    assert (texts(quote(QUESTION, hit(text))) == [text]) is all_of_it
    assert (len(text) - len(block) + len(block) // 2 <= MAX_CHARACTERS) is all_of_it


async def written(hits: Sequence[Hit]) -> Draft | Declined:
    return await ExtractiveWriter().answer(Asked(question=QUESTION, thread=conversation(), hits=hits))


async def test_only_the_best_hit_is_quoted() -> None:
    best, second = hit(SHORT), hit("Something else.")
    draft = await written([best, second])
    assert isinstance(draft, Draft)
    assert {said.entry for claim in draft.claims for said in claim.quotes} == {best.entry.id}


@pytest.mark.parametrize("hits", [[], [hit()], [hit(" \n ")]])
async def test_where_nothing_can_be_quoted_nothing_is_written(hits: list[Hit]) -> None:
    declined = await written(hits)
    assert isinstance(declined, Declined)
    assert declined.why is Decline.NO_ANSWER

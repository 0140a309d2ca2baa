"""What a model selects is held against the thread: quotes stand word for word, titles bring in nothing."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from knowledge.distilled import Answer, checked, entry_from, title_holds
from knowledge.distiller import (
    Distilled,
    DistilRequest,
    ExtractiveDistiller,
    Kept,
    NotWorth,
    Outcome,
    request_of,
)
from knowledge.entry import PassageKind
from tests.knowledge.distilling import ASKED, CHATTER, SOLVED, THANKS, answer, mined, request
from tests.knowledge.making import entry


def outcome(given_request: DistilRequest | None = None, **changes: Any) -> Outcome:
    return checked(given_request or request(), Answer.model_validate(answer(**changes)))


def distilled(**changes: Any) -> Distilled:
    result = outcome(**changes)
    assert isinstance(result, Distilled), result
    return result


def quote(source: str, text: str) -> list[dict[str, str]]:
    return [{"source": source, "quote": text}]


# ---- the request


def test_a_request_says_who_speaks_without_any_name_or_id() -> None:
    told = request().messages
    assert [(one.key, one.who, one.minutes) for one in told] == [
        ("m1", "asker", 0),
        ("m2", "helper 1", 10),
        ("m3", "helper 2", 20),
        ("m4", "asker", 30),
    ]
    assert [one.text for one in told] == [ASKED, CHATTER, SOLVED, THANKS]


def test_a_request_says_what_the_offline_judge_would_choose() -> None:
    assert (request().problem, request().solution) == (("m1",), ("m3",))


def test_what_was_redacted_for_the_entry_is_redacted_in_the_request() -> None:
    lines = [("ann", f"{ASKED} Write to ann@example.org"), ("cat", SOLVED), ("ann", THANKS)]
    text = request_of(mined(1, lines)).messages[0].text
    assert "<email 1>" in text and "example.org" not in text


def test_pieces_of_one_message_are_told_one_by_one_and_make_one_entry() -> None:
    whole = mined()
    cut = [
        replace(passage, text=line)
        for passage in whole.passages
        for line in (passage.text.splitlines() if passage.text == SOLVED else [passage.text])
    ]
    pieces = replace(whole, passages=tuple(cut))
    asked = request_of(pieces)
    assert [one.key for one in asked.messages] == ["m1", "m2", "m3", "m4", "m5"]
    assert asked.solution == ("m3", "m4")
    result = outcome(asked, solution=quote("m4", "restart the worker") + quote("m3", "Do not delete"))
    assert isinstance(result, Distilled)
    assert [one.text for one in entry_from(pieces, result).of(PassageKind.SOLUTION)] == [
        "Do not delete /var/spool/queue.",
        "Run `app spool clean --older 7d` and restart the worker.",
    ]


def test_only_what_was_mined_from_a_thread_can_be_distilled() -> None:
    with pytest.raises(ValueError, match="was not mined from a thread"):
        request_of(entry("a document", "its text"))


# ---- quotes


def test_a_selection_is_what_stands_there_with_its_source() -> None:
    result = distilled()
    assert [one.text for one in result.problem] == [
        "Since the upgrade to 3.2 the worker stops with QRY-1042."
    ]
    assert [one.source for one in result.solution] == ["slack:T1/C1/1.2"]


def test_other_white_space_in_a_quote_does_not_matter() -> None:
    result = distilled(problem=quote("m1", "QRY-1042.  How can\n\nI make it start again?"))
    assert [one.text for one in result.problem] == [ASKED]


def test_half_a_sentence_is_quoted_whole_because_it_can_say_the_opposite() -> None:
    assert distilled(solution=quote("m3", "delete /var/spool/queue.")).solution[0].text == (
        "Do not delete /var/spool/queue."
    )


def test_quotes_come_in_the_order_of_the_thread_and_overlapping_ones_are_one() -> None:
    twice = quote("m3", "restart the worker") + quote("m3", "Run `app spool") + quote("m2", CHATTER)
    assert [one.text for one in distilled(solution=twice).solution] == [
        CHATTER,
        "Run `app spool clean --older 7d` and restart the worker.",
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"solution": quote("m3", "Run `app spool clean --older 8d`")},
            "a quote does not stand in its message",
        ),
        ({"solution": quote("m2", SOLVED)}, "a quote does not stand in its message"),
        ({"solution": quote("m3", "run `APP spool clean")}, "a quote does not stand in its message"),
        ({"solution": quote("m3", " ")}, "a quote does not stand in its message"),
        ({"solution": quote("m9", SOLVED)}, "it quotes a message that is not there"),
        ({"solution": quote("slack:T1/C1/1.2", SOLVED)}, "it quotes a message that is not there"),
        ({"solution": []}, "no solution is quoted"),
        ({"problem": []}, "no problem is quoted"),
        ({"solution": quote("m3", "Good luck!") * 13}, "it quotes too much"),
        ({"solution": quote("m1", "How can I make it")}, ""),
        ({"solution": quote("m1", "the upgrade")}, "the same words are problem and solution"),
    ],
)
def test_one_quote_that_does_not_hold_leaves_the_offline_choice(changes: dict[str, Any], why: str) -> None:
    result = outcome(**changes)
    assert isinstance(result, Kept if why else Distilled)
    assert getattr(result, "why", "") == why


def test_what_a_program_says_is_not_quoted() -> None:
    by_program = request()
    told = tuple(replace(one, human=one.key != "m3") for one in by_program.messages)
    assert outcome(replace(by_program, messages=told)) == Kept(why="it quotes a program")


PARTS = st.tuples(st.integers(0, len(SOLVED)), st.integers(1, 40)).map(lambda at: SOLVED[at[0] : sum(at)])


@given(PARTS | st.text(max_size=60))
def test_every_selected_text_stands_in_its_message(text: str) -> None:
    result = outcome(solution=quote("m3", text))
    if isinstance(result, Distilled):
        assert all(one.text in SOLVED for one in result.solution)
        assert " ".join(text.split()) in " ".join(" ".join(one.text.split()) for one in result.solution)
    else:
        assert " ".join(text.split()) not in " ".join(SOLVED.split()) or not text.split()


# ---- worth and doubts


def test_what_is_not_worth_keeping_says_why_in_words_of_ours() -> None:
    assert outcome(worth=False, why_not="needs lost context", problem=[], solution=[]) == NotWorth(
        why="it cannot be understood without what is not in it"
    )


@pytest.mark.parametrize(
    ("changes", "doubts"),
    [
        ({}, ()),
        ({"temporary": True}, ("it may hold only for a while",)),
        ({"needs_review": True, "review_reason": "risky"}, ("following it could do damage",)),
        ({"needs_review": True}, ("the writer is unsure",)),
        ({"review_reason": "risky"}, ()),
    ],
)
def test_doubts_are_phrases_of_ours(changes: dict[str, Any], doubts: tuple[str, ...]) -> None:
    assert distilled(**changes).doubts == doubts


@pytest.mark.parametrize(
    "changes",
    [
        {"why_not": "ann said no"},
        {"review_reason": "see #4711"},
        {"extra": 1},
        {"problem": "m1"},
        {"worth": None},
    ],
)
def test_an_answer_of_another_form_is_none(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate(answer(**changes))


def test_products_that_nobody_named_are_left_out() -> None:
    assert distilled(products=["3.2", "Kubernetes", "worker", "3.2"]).products == ("3.2", "worker")


# ---- the title

TEXTS = [
    "Since the upgrade to 3.2.1 Redash stops with QRY-1042 at /opt/redash/run.sh, see https://example.org/faq",
    "Try `docker compose up -d` with --force on PostgreSQL; MySQL's own is fine. 重启 Nginx 服务",
]


@pytest.mark.parametrize(
    "title",
    [
        "Redash stops with QRY-1042 after an upgrade",
        "How to start it again after the upgrade to 3.2.1?",
        "Cannot start PostgreSQL with `docker compose up -d`",
        "MySQL does not come up",
        "Upgrade breaks start-up",
        "Error when running /opt/redash/run.sh --force",
        "nginx 服务无法启动",
        "qry-1042 on start",
        "",
    ],
)
def test_a_title_may_say_what_was_said_in_other_words(title: str) -> None:
    assert title_holds(title, TEXTS)


@pytest.mark.parametrize(
    "title",
    [
        "Redash stops with QRY-1043",
        "Redash 3.2 stops",  # not the version that was named
        "Redash 2.1 stops",
        "Redash stops 5 times a day",
        "Error when running /opt/redash",  # not the path that was named
        "Error at run.sh.old",
        "See https://example.org/faq/more",
        "See example.com for help",
        "Kubernetes does not start",
        "It stops on Windows",
        "It stops as Bob said",
        "Start it with `docker compose down`",
        "Start it with --reset",
        "Start it with curl",
        "Start it with sudo docker",
        "What ops@example.org says",
        "The API stops",
        "升级到 4.0 后无法启动",
        "无法连接Kafka服务",
        "It stops on ｋａｆｋａ．ｅｘａｍｐｌｅ",
        "It stops\u200b",
    ],
)
def test_a_title_that_brings_something_in_does_not_hold(title: str) -> None:
    assert not title_holds(title, TEXTS)


@pytest.mark.parametrize("title", ["", "x" * 121, "Worker stops since 4.0", "Worker stops as Zoe said"])
def test_a_title_that_does_not_hold_leaves_the_offline_title(title: str) -> None:
    result = distilled(title=title)
    assert result.title is None
    assert entry_from(mined(), result).title == mined().title


def test_a_title_may_use_only_what_was_quoted() -> None:
    assert distilled(title="Worker stops after Never").title is None  # said by helper 1, who is not quoted
    assert distilled(title="Worker  stops\nafter an upgrade.").title == "Worker stops after an upgrade"


# ---- the entry


def test_the_entry_holds_what_was_selected_and_where_it_stands() -> None:
    made = entry_from(mined(), distilled())
    assert made.title == "Worker stops with QRY-1042 after an upgrade"
    assert [(one.kind, one.text) for one in made.passages] == [
        (PassageKind.PROBLEM, "Since the upgrade to 3.2 the worker stops with QRY-1042."),
        (PassageKind.SOLUTION, "Run `app spool clean --older 7d` and restart the worker."),
        (PassageKind.DISCUSSION, CHATTER),
        (PassageKind.CONFIRMATION, THANKS),
    ]
    [solution] = made.of(PassageKind.SOLUTION)
    [offline] = mined().of(PassageKind.SOLUTION)
    assert (solution.source, solution.author, solution.at) == (offline.source, offline.author, offline.at)
    assert (made.origin, made.audience, made.known_from, made.confirmed) == (
        mined().origin,
        mined().audience,
        mined().known_from,
        True,
    )


def test_another_solution_that_nobody_confirmed_is_not_confirmed() -> None:
    ticked = replace(mined(), passages=tuple(p for p in mined().passages if p.text != THANKS))
    other = checked(request_of(ticked), Answer.model_validate(answer(solution=quote("m2", CHATTER))))
    same = checked(request_of(ticked), Answer.model_validate(answer()))
    assert isinstance(other, Distilled) and isinstance(same, Distilled)
    assert not entry_from(ticked, other).confirmed
    assert entry_from(ticked, same).confirmed


def test_nothing_becomes_confirmed_by_being_selected() -> None:
    assert not entry_from(replace(mined(), confirmed=False), distilled()).confirmed


async def test_offline_the_rules_choice_stands_and_costs_nothing() -> None:
    writer = ExtractiveDistiller()
    result = await writer.distil([request(1), request(2)], night="2026-01-06", tokens=0)
    assert result.outcomes == {"slack:T1/C1/1.0": Kept(), "slack:T1/C1/2.0": Kept()}
    assert (result.report.calls, result.report.fell_back) == (0, {})
    await writer.settle(result)

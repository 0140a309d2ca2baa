"""The report of a night as a card: what it tells, what it keeps to itself, and that it fits wherever it is shown."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.adapters.acts import SaveForm, Show
from bot.adapters.events import Pressed
from bot.adapters.slack_cards import CARD_ACTION, MAX_BLOCKS, parse, render_card, save_form
from bot.card import Button, Card, Group, Verb, fitted, row, shortened
from bot.digest import (
    MOST_WAITING,
    Asked,
    Decision,
    DigestTexts,
    Named,
    Pair,
    Waiting,
    digest_card,
    is_worth_telling,
)
from bot.manners import Order
from bot.report import NightReport
from knowledge.changes import ChangeKind
from tests.local_slack.blocks import check_message, check_view

NOW = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
DATE = "2026-11-20"
REPORT = NightReport(date=DATE, threads=1, added=1)


def named(number: int = 1, title: str = "The gate stops", says: str = "Restart it.") -> Named:
    return Named(id=f"e{number:020d}", title=title, link="https://example.com/1", at=NOW, says=says)


def waiting(number: int) -> Waiting:
    return Waiting(kind=ChangeKind.ADDED, entry=named(number), doubts=("one author",))


def text_of(card: Card) -> str:
    """Every word of a card, a row a line."""
    rows = [
        "".join(piece.text for column in one.columns for piece in column)
        for group in card.groups
        for one in group.rows
    ]
    rests = [group.rest for group in card.groups]
    return "\n".join([card.title, *(group.heading for group in card.groups), *rows, *rests])


def verbs(card: Card) -> list[Verb | Order]:
    rows = [one for group in card.groups for one in group.rows]
    return [button.verb for one in rows for button in one.buttons] + [b.verb for b in card.buttons]


def show(card: Card) -> Show:
    return Show(id="c1", channel="slack:T1/C1", card=card, opened_at=NOW)


# ---- whether and what ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("report", "others", "told"),
    [
        (NightReport(date=DATE, threads=50, not_worth={"nobody answered": 50}), 0, False),
        (NightReport(date=DATE, open_questions=("m1",)), 0, False),
        (NightReport(date=DATE, thresholds={"c": (0.5, 0.501)}), 0, False),
        (NightReport(date=DATE, thresholds={"c": (0.5, 0.55)}), 0, True),
        (NightReport(date=DATE, drift={"c": "fewer thumbs"}), 0, True),
        (NightReport(date=DATE), 1, True),
        (NightReport(date=DATE, merged=1), 0, True),
        (NightReport(date=DATE, retired=1), 0, True),
    ],
)
def test_a_night_is_told_if_it_did_something_or_something_waits_or_drifts(
    report: NightReport, others: int, told: bool
) -> None:
    assert is_worth_telling(report, others) is told


def test_the_numbers_are_named_in_good_english() -> None:
    one = NightReport(date=DATE, threads=1, added=1, pending=1, tried=1, gained=("m",))
    many = NightReport(date=DATE, threads=2, added=2, pending=2, tried=2, lost=("m",))
    assert "1 closed thread read: 1 new entry, 1 waits for approval." in text_of(
        digest_card(one, DigestTexts())
    )
    assert "Of 1 past question 1 more would be answered, 0 no longer." in text_of(
        digest_card(one, DigestTexts())
    )
    assert "2 closed threads read: 2 new entries, 2 wait for approval." in text_of(
        digest_card(many, DigestTexts())
    )
    assert "Of 2 past questions 0 more would be answered, 1 no longer." in text_of(
        digest_card(many, DigestTexts())
    )


def test_at_most_ten_wait_in_sight_and_the_rest_is_counted() -> None:
    texts = DigestTexts(waiting=tuple(waiting(number) for number in range(60)), own_waiting=60)
    card = digest_card(REPORT, texts)
    assert verbs(card).count(Verb.APPROVE) == MOST_WAITING
    assert "and 50 more: earshot entries --state pending" in text_of(card)


def test_what_waits_since_other_nights_is_not_approved_with_this_one() -> None:
    texts = DigestTexts(waiting=(waiting(1), waiting(2)), own_waiting=1)
    labels = [button.label for button in digest_card(REPORT, texts).buttons]
    assert labels == ["Approve all of this night", "Reject all of this night", "Revert night"]
    only_older = digest_card(REPORT, DigestTexts(waiting=(waiting(1),)))
    assert [button.label for button in only_older.buttons] == ["Revert night"]


def test_a_proposal_to_merge_names_both_and_why() -> None:
    proposed = Waiting(
        kind=ChangeKind.MERGED, entry=named(1, "New"), other=named(2, "Old"), doubts=("0.97 alike",)
    )
    assert "New (2026-11-21)\nSays the same as: Old\nWhy it waits: 0.97 alike" in text_of(
        digest_card(REPORT, DigestTexts(waiting=(proposed,)))
    )


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("entry", "2 entries from a private channel"),
        ("waiting", "2 entries from a private channel"),
        ("pair", "2 contradictions from a private channel"),
        ("asked", "2 entries from a private channel"),
        ("question", "2 questions from a private channel"),
    ],
)
def test_private_things_are_counted(what: str, line: str) -> None:
    assert line in text_of(digest_card(REPORT, DigestTexts(private={what: 2})))


def test_both_sides_of_a_contradiction_stand_beside_each_other_with_their_dates() -> None:
    pair = Pair(first=named(1, "A", "Do this."), second=named(2, "B", "Do that."))
    card = digest_card(REPORT, DigestTexts(pairs=(pair,)))
    (one,) = (one for group in card.groups for one in group.rows if len(one.columns) == 2)
    sides = ["".join(piece.text for piece in column) for column in one.columns]
    assert sides == ["A (2026-11-21)\nDo this.", "B (2026-11-21)\nDo that."]
    assert [button.verb for button in one.buttons] == [Verb.KEEP_FIRST, Verb.KEEP_SECOND, Verb.KEEP_BOTH]


def test_a_night_that_was_taken_back_says_so_and_cannot_be_again() -> None:
    texts = DigestTexts(reverted=True, decisions=(Decision(verb=Verb.REVERT, by="@U1"),))
    card = digest_card(REPORT, texts)
    assert verbs(card) == [] and "the night was taken back by @U1" in text_of(card)


# ---- that it fits ------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    title=st.text(max_size=300),
    says=st.text(max_size=3_000),
    many=st.integers(0, 12),
    why=st.text(max_size=400),
)
def test_whatever_was_said_the_card_is_one_that_slack_takes(
    title: str, says: str, many: int, why: str
) -> None:
    entries = tuple(named(number, title, says) for number in range(many))
    texts = DigestTexts(
        best=entries[:3],
        waiting=tuple(Waiting(kind=ChangeKind.ADDED, entry=entry, doubts=(why,)) for entry in entries),
        own_waiting=many,
        pairs=tuple(Pair(first=entry, second=entry) for entry in entries),
        unproven=entries,
        questions=tuple(Asked(text=title, link="https://example.com/2") for _ in entries),
        decisions=tuple(Decision(verb=Verb.APPROVE, by="@U0ANN00001", entries=(entry,)) for entry in entries),
    )
    report = NightReport(
        date=DATE,
        added=1,
        drift={f"slack:T1/C{n}": why for n in range(many)},
        thresholds={f"slack:T1/C{n}": (0.5, 0.7) for n in range(many)},
    )
    rendered = render_card(show(digest_card(report, texts)), {"U0ANN00001": "ann"})
    check_message(rendered)  # raises what Slack would answer
    assert len(rendered["blocks"]) <= MAX_BLOCKS
    assert "Revert night" in str(rendered["blocks"])


def test_what_does_not_fit_is_counted_in_the_longest_group() -> None:
    card = Card(
        title="t",
        groups=(
            Group(heading="a", rows=(row("1"),)),
            Group(heading="b", rows=tuple(row(str(n)) for n in range(5)), hidden=2, where="see there"),
        ),
    )
    shorter = fitted(card, lambda one: sum(len(group.rows) for group in one.groups) <= 3)
    assert [len(group.rows) for group in shorter.groups] == [1, 2]
    assert shorter.groups[1].rest == "and 5 more: see there"


@pytest.mark.parametrize(
    ("text", "short"), [("a\n b", "a b"), ("abcdefgh", "abcdefgh"), ("abcdefghij", "abcdefg…"), ("", "")]
)
def test_a_shortened_text_is_one_line(text: str, short: str) -> None:
    assert shortened(text, 8) == short


# ---- what a press means ------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", list(Verb))
def test_a_press_says_what_its_button_was_about(verb: Verb) -> None:
    button = Button(verb=verb, label="x", night=DATE, subjects=("e1", "e2"))
    rendered = render_card(show(Card(title="t", buttons=(button,))), {})
    (element,) = rendered["blocks"][-1]["elements"]
    body = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.000001", "is_ephemeral": False},
        "actions": [{**element, "action_ts": "1700000000.000100"}],
        "response_url": "https://example.com/answer",
    }
    pressed = parse(body)
    assert isinstance(pressed, Pressed)
    assert (pressed.verb, pressed.night, pressed.subjects) == (verb, DATE, ("e1", "e2"))
    assert (pressed.user, pressed.message_id) == ("slack:T1/U1", "slack:T1/C1/1.000001")


def test_an_unknown_button_of_a_card_means_nothing() -> None:
    body = {"type": "block_actions", "actions": [{"action_id": CARD_ACTION + "EXPLODE", "value": "x"}]}
    assert parse(body) is None


@settings(deadline=None)
@given(text=st.text(max_size=4_000), sources=st.integers(0, 100), everywhere=st.booleans())
def test_whatever_a_thread_says_the_form_is_one_that_slack_takes(
    text: str, sources: int, everywhere: bool
) -> None:
    form = SaveForm(
        message_id="slack:T1/C1/1.000001",
        channel="slack:T1/C1",
        title=text,
        problem=text,
        solution=text,
        may_be_everywhere=everywhere,
        problem_sources=("slack:T0123ABCD/C0123ABCD/1700000000.000100",) * sources,
        respond_to="https://hooks.slack.com/" + "x" * 100,
    )
    view = save_form(form)
    check_view(view)  # raises what Slack would answer
    assert json.loads(view["private_metadata"])["message"] == form.message_id

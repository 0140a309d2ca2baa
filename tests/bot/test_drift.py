"""Drift: chance raises nothing, another behaviour is told in words, and replies are drafts until it ends."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert

from bot import drifts, ledger, votes
from bot.adapters.events import Channel, ChannelKind
from bot.answerer import Line, Suggestion
from bot.app import open_database
from bot.config import Config
from bot.doctor import examine_store
from bot.drift import BINS, RECENT, REFERENCE, Window, at_least, bins, drift, stability_index
from bot.feedback import Outcome, Vote
from bot.scorer import Action, Decision, Reason
from bot.situation import policy_of, recall
from bot.tables import drifts as table
from bot.tickets import opened
from bot.weighing import read_weights
from knowledge.database import Database
from knowledge.thread import Message, Role
from tests.bot.test_drafts import practice, settings

T = TypeVar("T")
NOON = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
HELP = Channel(id="slack:T1/C1", kind=ChannelKind.PUBLIC, name="help")
LOW = (60, 30, 20, 10, 5, 5, 4, 3, 2, 1)
HIGH = LOW[::-1]
VERSION = read_weights().version

# ---- what is drift


def window(
    scores: tuple[int, ...] = LOW, *, reached: int = 10, welcome: int = 0, unwelcome: int = 0
) -> Window:
    return Window(scores=scores, reached=reached, welcome=welcome, unwelcome=unwelcome)


BEFORE = window(tuple(4 * count for count in LOW), reached=40, welcome=36, unwelcome=4)


@pytest.mark.parametrize(
    ("recent", "reference", "said"),
    [
        (window(welcome=9, unwelcome=1), BEFORE, None),
        (window(), BEFORE, None),
        (Window(), BEFORE, None),  # a holiday is no drift
        (window(), Window(), None),  # nor is a beginning
        (window(welcome=6, unwelcome=4), BEFORE, None),  # may well be chance
        (window(welcome=10, unwelcome=10), BEFORE, "10 of 20 judged answers were unwelcome in the last 14 days; 10%"),
        (window(welcome=3, unwelcome=6), Window(), "6 of 9 judged answers"),  # against the dial's promise
        (window(welcome=12, unwelcome=8), window(welcome=60, unwelcome=40), None),  # it never was any better
        (window(reached=40), BEFORE, "it would answer 29% of the questions (40 of 140); in the weeks before it was 7%"),
        (window(reached=15), BEFORE, None),  # more, but not another behaviour
        (window(reached=0), BEFORE, None),  # silence bothers nobody
        (window(reached=40, welcome=19, unwelcome=1), BEFORE, None),  # it learnt something, and people like it
        (window(HIGH), BEFORE, "the scores are not distributed as in the weeks before"),
        (window((20, 5, 0, 0, 0, 0, 0, 0, 0, 4), reached=4), BEFORE, None),  # too few to tell
        (window(HIGH), window(reached=3, scores=(9,) * BINS), None),
    ],
)  # fmt: skip
def test_what_is_drift(recent: Window, reference: Window, said: str | None) -> None:
    found = drift(recent, reference, 0.9)
    assert (found is None) == (said is None), found
    assert said is None or said in str(found)


def test_all_that_changed_is_told_the_verdicts_first() -> None:
    found = drift(window(HIGH, reached=90, welcome=2, unwelcome=9), BEFORE, 0.9)
    assert found is not None and len(found.why) == 3
    assert [("judged" in why, "answer" in why) for why in found.why] == [
        (True, True),
        (False, True),
        (False, False),
    ]


def test_the_tail_of_the_beta_binomial_is_exact() -> None:
    assert at_least(0, 10, 3, 4) == pytest.approx(1.0)
    assert at_least(1, 1, 3, 1) == pytest.approx(0.75)
    assert at_least(2, 2, 1, 1) == pytest.approx(1 / 3)  # a uniform prior: every count is as likely
    assert at_least(30, 200, 5e8, 5e9) == pytest.approx(
        0.0037, abs=0.003
    )  # as the binomial where all is known


HISTOGRAM = st.lists(st.integers(0, 500), min_size=BINS, max_size=BINS)


@given(HISTOGRAM, HISTOGRAM)
def test_the_stability_index_is_zero_for_the_same_and_never_below(one: list[int], other: list[int]) -> None:
    assert stability_index(one, one) == 0.0
    assert stability_index(one, other) >= 0.0


def test_every_score_has_its_bin() -> None:
    assert bins([0.0, 0.05, 0.1, 0.95, 1.0]) == (2, 1, 0, 0, 0, 0, 0, 0, 0, 2)


# ---- what a channel did


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened_database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    yield opened_database
    opened_database.close()


def config(**given: Any) -> Config:
    return Config.model_validate({"timezone": "UTC", **given})


def said(
    connection: Connection,
    name: str,
    at: datetime,
    score: float,
    *,
    helpful: tuple[bool, ...] | None = None,
    weights: str = VERSION,
) -> str:
    """A message that was scored; if ``helpful`` is given it was answered, and these are the votes."""
    message_id = f"{HELP.id}/{name}"
    message = Message(
        id=message_id, channel=HELP.id, thread=message_id, user="ann", at=at, text="Why does it stop?"
    )
    ledger.put_channel(connection, HELP)
    ledger.put_message(connection, message, message_id, message_id)
    ledger.put_ticket(connection, opened(message))
    decision = Decision(
        action=Action.REPLY,
        score=score,
        threshold=0.9,
        reasons=(Reason(name="can help", text="it can"),),
        weights=weights,
        features={"dense": score},
    )
    ledger.put_decision(connection, message_id, decision, (), at)
    if helpful is not None:
        answer = Suggestion(lines=(Line(text="So.", citations=()),), citations=())
        ledger.put_suggestion(connection, name, message, answer, at, send=True)
        for n, vote in enumerate(helpful):
            votes.put_vote(connection, Vote(suggestion_id=name, user=f"u{n}", helpful=vote), "button", at)
    return message_id


def run(database: Database, work: Callable[[Connection], T]) -> T:
    return database.run_blocking(work)


def test_the_windows_hold_what_was_said_judged_and_scored_in_them(database: Database) -> None:
    day = timedelta(days=1)

    def fill(connection: Connection) -> tuple[Window, Window]:
        said(connection, "now", NOON, 0.99)  # not yet over
        said(connection, "good", NOON - day, 0.95, helpful=(True, True, False))
        said(connection, "bad", NOON - 2 * day, 0.91, helpful=(False,))
        said(connection, "torn", NOON - 2 * day, 0.91, helpful=(True, False))
        said(connection, "unjudged", NOON - RECENT, 0.2, helpful=())
        removed = said(connection, "removed", NOON - 3 * day, 0.97, helpful=(True,), weights=f"{VERSION}+7")
        ledger.mark_removed(connection, "removed", NOON)
        assert removed
        refuted = said(connection, "refuted", NOON - RECENT - day, 0.93, helpful=())
        message = Message(id=refuted, channel=HELP.id, thread=refuted, user="a", at=NOON, text="")
        votes.put_outcome(connection, message, Outcome.CONTRADICTED, NOON, shadow=False)
        said(connection, "others", NOON - RECENT - REFERENCE, 0.5, weights="of other weights")
        said(connection, "old", NOON - RECENT - REFERENCE - day, 0.5)
        gone = said(connection, "edited", NOON - day, 0.1)
        ledger.put_decision(connection, gone, replace(_decision(0.45)), (), NOON)  # the last one counts
        return drifts.windows(connection, config(), HELP, NOON)

    recent, reference = run(database, fill)
    assert recent.scores == bins([0.95, 0.91, 0.91, 0.2, 0.97, 0.45])
    assert (recent.reached, recent.welcome, recent.unwelcome) == (4, 1, 2)
    assert reference == Window(scores=bins([0.93]), reached=1, unwelcome=1)
    lower = run(database, lambda c: drifts.windows(c, config(defaults={"precision": 0.5}), HELP, NOON))
    assert lower[0].reached == 4  # held against the threshold of now, which lies between


def _decision(score: float) -> Decision:
    return Decision(
        action=Action.SILENT,
        score=score,
        threshold=0.9,
        reasons=(Reason(name="not sure enough", text="it is not"),),
        weights=VERSION,
        features={"dense": score},
    )


# ---- once a night


def disappointed(connection: Connection, until: datetime = NOON) -> None:
    for n in range(12):
        at = until - timedelta(days=1, minutes=n)
        said(connection, f"{until:%d}-{n}", at, 0.95, helpful=(False,))


def night(database: Database, n: int, settings: Config | None = None) -> dict[str, str]:
    now = NOON + timedelta(days=n)
    return dict(run(database, lambda connection: drifts.check(connection, settings or config(), now)))


def mode(database: Database, settings: Config | None = None) -> str:
    chosen = settings or config()

    def look(connection: Connection) -> str:
        return drifts.held_back(connection, chosen, HELP, policy_of(chosen, HELP, NOON)).mode

    return run(database, look)


def test_a_channel_that_drifted_gets_drafts_until_three_nights_are_as_before(database: Database) -> None:
    run(database, disappointed)
    why = night(database, 0)
    assert why == {
        HELP.id: "12 of 12 judged answers were unwelcome in the last 14 days; 10% were to be expected"
    }
    assert night(database, 0) == why  # the same night again
    assert mode(database) == "draft"
    assert night(database, 1) == {}  # told once
    for n in (14, 14, 14, 15):  # the bad answers are out of sight; the same night counts once
        night(database, n)
        assert mode(database) == "draft"
    night(database, 16)
    assert mode(database) == "reply"
    assert run(database, drifts.all_fallen) == []


def test_a_bad_night_in_between_starts_the_count_anew(database: Database) -> None:
    run(database, disappointed)
    for n in (0, 14, 15):
        night(database, n)
    run(
        database,
        lambda c: [
            said(c, f"t{n}", NOON + timedelta(days=15, minutes=n), 0.95, helpful=(False,)) for n in range(12)
        ],
    )
    night(database, 16)
    night(database, 30)
    assert mode(database) == "draft"


@pytest.mark.parametrize(
    "settings", [{"channels": {"#help": {"precision": 0.95}}}, {"defaults": {"mode": "shadow"}}]
)
def test_who_sets_the_mode_or_the_dial_anew_has_decided(database: Database, settings: dict[str, Any]) -> None:
    run(database, disappointed)
    night(database, 0)
    decided = config(**settings)
    assert mode(database, decided) == decided.channel(["#help"]).mode
    assert night(database, 1, decided) == {}
    assert run(database, drifts.all_fallen) == []
    assert (
        night(database, 2, decided) == {} and mode(database, decided) != "draft"
    )  # though the same thumbs count


@pytest.mark.parametrize("chosen", ["off", "shadow", "draft"])
def test_where_nothing_is_replied_nothing_can_fall(database: Database, chosen: str) -> None:
    run(database, disappointed)
    assert night(database, 0, config(defaults={"mode": chosen}, drafts_to="#drafts")) == {}


def test_a_channel_as_ever_replies(database: Database) -> None:
    run(
        database,
        lambda c: [
            said(c, f"s{n}", NOON - timedelta(hours=n), 0.95, helpful=(n % 10 > 0,)) for n in range(1, 60)
        ],
    )
    assert night(database, 0) == {}
    assert mode(database) == "reply"


def test_a_decision_in_such_a_channel_and_the_doctor_say_why(database: Database) -> None:
    run(database, disappointed)
    night(database, 0)
    message_id = f"{HELP.id}/01-1"
    situation = run(database, lambda c: recall(c, config(drafts_to="#drafts"), message_id, NOON))
    assert situation is not None and situation.message.role is Role.UNKNOWN
    assert situation.policy.mode == "draft" and "12 of 12 judged" in (situation.policy.drifted or "")
    [finding] = [finding for finding in examine_store(database) if finding.name == "drift"]
    assert not finding.ok
    assert f"{HELP.id} gets drafts instead of replies since 2026-09-01: 12 of 12 judged" in finding.text


# ---- in a running channel


@pytest.mark.parametrize(("place", "action"), [("#drafts", "DRAFT"), (None, "SILENT")])
async def test_what_would_have_been_a_reply_is_a_draft_or_kept(
    tmp_path: Path, place: str | None, action: str
) -> None:
    replying = settings(drafts_to=place, defaults={"wait_seconds": "0", "precision": "0.5"}, timezone="UTC")
    async with practice(tmp_path, replying) as played:
        fall = {"channel": "help", "since": 1.0, "night": "2026-03-01", "why": "it went wrong", "calm": 0}
        row = insert(table).values(**fall, settings="reply 0.5", checked="2026-03-01")
        await played.database.run(lambda connection: connection.execute(row) and None)
        await played.ask()  # the suggestion is kept in either case
        decided = await played.database.run(lambda connection: ledger.last_decision(connection, "q1"))
        assert decided is not None and decided.action == action
        assert ledger.reason_lines(decided)[0] == "drift: replies are drafts for now: it went wrong"
        assert played.adapter.posts == {} and len(played.adapter.drafts) == (action == "DRAFT")

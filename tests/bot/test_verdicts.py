"""A channel's own scale in the store: votes, drafts and closed threads count, and what is taken back is gone."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot import ledger, votes
from bot.adapters.events import Channel, Heard
from bot.answerer import Citation, Line, Suggestion
from bot.app import open_database
from bot.config import Config
from bot.feedback import Calibration, Outcome, Vote
from bot.scorer import Action, Decision, Reason, Scale
from bot.situation import hear, scale_of
from bot.verdicts import keep_outcomes, recalibrate
from bot.weighing import read_weights
from knowledge.database import Database
from knowledge.entry import EntryKind
from knowledge.thread import Message, Role
from tests.bot.running import WEIGHTS, erase_message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = Config.model_validate({"analysts": ["bob"], "weights": str(WEIGHTS)})
PRIOR = read_weights(WEIGHTS)
CASE = {"question": 1.0, "opener": 1.0, "dense": 0.75, "coverage": 0.6, "substance": 0.7}
OTHERS = [CASE, {}, {"dense": 1.0, "coverage": 1.0, "code": 1.0}, {**CASE, "trust": -0.4}, {"dense": 0.2}]
ANSWER = "The spill folder is full: run `millrace spill clean --older 7d`, then restart the gate."


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    yield opened
    opened.close()


def say(
    connection: Connection,
    message_id: str,
    text: str,
    user: str,
    minute: int,
    thread: str = "",
    channel: str = "help",
) -> Message:
    at = NOON + timedelta(minutes=minute)
    message = Message(
        id=message_id, channel=channel, thread=thread, user=user, at=at, text=text, role=Role.UNKNOWN
    )
    return hear(connection, CONFIG, Heard(message=message, channel=Channel(id=channel)), at).message


def decide(connection: Connection, message: Message, action: Action = Action.REPLY) -> None:
    decision = Decision(
        action=action,
        score=0.9,
        threshold=0.5,
        reasons=(Reason(name="can help", text="it can"),),
        weights=PRIOR.version,
        features=CASE,
    )
    ledger.put_decision(connection, message.id, decision, (), message.at)


def suggest(connection: Connection, message: Message, *, posted: bool = True) -> str:
    """A suggestion for the message; its id."""
    source = Citation(
        number=1,
        entry="e1",
        source="s1",
        kind=EntryKind.THREAD,
        title="Gate",
        role=Role.ANALYST,
        at=NOON,
        link=None,
        quote=ANSWER,
    )
    suggestion = Suggestion(lines=(Line(text=ANSWER, citations=(1,)),), citations=(source,))
    key = f"suggestion of {message.id}"
    assert ledger.put_suggestion(connection, key, message, suggestion, message.at, send=posted)
    if posted:
        connection.exec_driver_sql("UPDATE suggestions SET posted_id = id || '/post' WHERE id = ?", (key,))
    return key


def answered(database: Database, number: int = 1, channel: str = "help") -> str:
    """A question that was answered; the suggestion's id."""

    def make(connection: Connection) -> str:
        question = say(
            connection,
            f"{channel}/q{number}",
            f"How does gate {number} start?",
            "ann",
            200 * number,
            channel=channel,
        )
        decide(connection, question)
        return suggest(connection, question)

    return database.run_blocking(make)


def vote(
    database: Database, suggestion: str, user: str, source: str = "reaction", *, helpful: bool = False
) -> None:
    given = Vote(suggestion_id=suggestion, user=user, helpful=helpful)
    database.run_blocking(lambda c: votes.put_vote(c, given, source, NOON))


def counted(database: Database, channel: str = "help") -> Calibration:
    """The channel's scale, counted anew, as the store gives it back."""
    made = database.run_blocking(lambda c: recalibrate(c, CONFIG, channel, NOON))
    kept = database.run_blocking(lambda c: votes.calibration(c, channel, PRIOR.version))
    assert kept == made
    return made


def scale(database: Database, channel: str = "help") -> Scale:
    return database.run_blocking(lambda c: scale_of(c, CONFIG, channel))


# ---- votes -----------------------------------------------------


def test_votes_make_a_channels_scale_and_no_other_channels(database: Database) -> None:
    vote(database, answered(database), "carl")
    vote(database, answered(database, 2), "bob")  # an analyst
    here = counted(database)
    assert (here.version, here.thumbs, here.verdicts) == ("test", 3.0, 0.0)
    assert here.moves["dense"] < 0 and here.moves["bias"] < 0
    assert scale(database).score(CASE) < PRIOR.probability(CASE)
    answered(database, 1, "other")
    assert not any(counted(database, "other").moves.values())
    assert scale(database, "other").score(CASE) == pytest.approx(PRIOR.probability(CASE))


def test_without_any_verdict_the_prior_counts(database: Database) -> None:
    assert scale(database) == Scale(prior=PRIOR)
    assert (counted(database).moves, counted(database).thumbs) == ({}, 0.0)


def test_a_thumb_that_is_taken_back_leaves_no_trace(database: Database) -> None:
    vote(database, answered(database), "carl")
    before, second = counted(database), answered(database, 2)
    vote(database, second, "dan")
    assert counted(database) != before
    database.run_blocking(lambda c: votes.withdraw_vote(c, second, "dan", NOON, helpful=False))
    assert counted(database) == before


def test_what_was_weighed_of_an_erased_message_does_not_count(database: Database) -> None:
    vote(database, answered(database), "carl")
    database.run_blocking(lambda c: erase_message(c, "help/q1"))
    assert (counted(database).moves, counted(database).thumbs) == ({}, 0.0)


def test_an_analyst_on_a_draft_judges_what_nobody_would_have_clicked_on(database: Database) -> None:
    vote(database, answered(database), "bob", "draft", helpful=True)
    assert (counted(database).thumbs, counted(database).verdicts) == (0.0, 2.0)


def test_thumbs_alone_never_make_it_bolder_than_the_prior_and_drafts_may(database: Database) -> None:
    keys = [answered(database, number) for number in range(1, 9)]
    for number, key in enumerate(keys):
        vote(database, key, "carl", helpful=number > 1)
    counted(database)
    thumbs = scale(database)
    assert thumbs.weights.probability(CASE) > PRIOR.probability(CASE)
    assert all(thumbs.score(case) <= PRIOR.probability(case) for case in OTHERS)
    vote(database, keys[7], "bob", "draft", helpful=True)
    counted(database)
    assert scale(database).score(CASE) > PRIOR.probability(CASE)


def test_a_scale_counted_for_other_weights_is_not_used(database: Database, tmp_path: Path) -> None:
    vote(database, answered(database), "carl")
    counted(database)
    newer = tmp_path / "newer.json"
    newer.write_text(
        WEIGHTS.read_text(encoding="utf-8").replace('"version": "test"', '"version": "newer"'),
        encoding="utf-8",
    )
    config = Config.model_validate({"weights": str(newer)})
    found = database.run_blocking(lambda c: scale_of(c, config, "help"))
    assert (found.channel, found.version) == (None, "newer")
    assert database.run_blocking(lambda c: votes.uncalibrated(c, "newer", NOON)) == ["help"]


def test_a_draft_that_was_dismissed_rejects_nothing_in_the_channel(database: Database) -> None:
    key = answered(database)
    vote(database, key, "bob", "draft")
    look = partial(votes.rejected_in_channel, channel="help", since=NOON - timedelta(hours=1))
    assert database.run_blocking(look) is None
    vote(database, key, "carl")
    assert database.run_blocking(look) == NOON


# ---- closed threads -----------------------------------------------------


def closed(
    database: Database, *said: tuple[str, str], action: Action = Action.REPLY, posted: bool | None = True
) -> list[Any]:
    """What is read off a thread: a question, our suggestion (None: none), and what was ``said`` (user, text) after."""

    def play(connection: Connection) -> list[Any]:
        question = say(connection, "q1", "The gate stops with MLR-4090, what can I do?", "ann", 0)
        decide(connection, question, action)
        if posted is not None:
            suggest(connection, question, posted=posted)
        for minute, (user, text) in enumerate(said, start=1):
            say(connection, f"m{minute}", text, user, minute, thread="q1")
        thread = ledger.thread(connection, "q1")
        assert thread is not None
        kept = keep_outcomes(connection, thread, NOON)
        rows = [row.outcome for row in votes.outcomes_in(connection, "help", 10)]
        assert len(kept) == len(rows)
        return rows

    return database.run_blocking(play)


NO = ("carl", "No, that was the old version.")
SAME = ("bob", "Clean the spill folder and restart the gate.")
ELSE = ("bob", "Ask the network team to open the port for you, please.")


@pytest.mark.parametrize(
    ("said", "action", "posted", "outcome"),
    [
        ((SAME,), Action.REPLY, True, Outcome.SAME),
        ((NO,), Action.REPLY, True, Outcome.CONTRADICTED),
        ((NO,), Action.DRAFT, True, Outcome.CONTRADICTED),  # an analyst shared it
        ((NO,), Action.DRAFT, False, Outcome.DIFFERENT),  # nobody saw it
        ((NO,), Action.REPLY, False, Outcome.DIFFERENT),  # a person was faster than the post
        ((SAME,), Action.SILENT, False, Outcome.SAME),
        ((ELSE,), Action.SILENT, False, Outcome.DIFFERENT),
    ],
)
def test_a_closed_thread_tells_what_became_of_an_answer(
    database: Database, said: Any, action: Action, posted: bool, outcome: Outcome
) -> None:
    assert closed(database, *said, action=action, posted=posted) == [outcome]
    kept = counted(database)
    assert kept.thumbs == pytest.approx(0.5) and kept.verdicts == 0.0
    assert (kept.moves["dense"] > 0) is (outcome is Outcome.SAME)


def test_scales_follow_closed_threads_once_a_day_and_new_weights_at_once(database: Database) -> None:
    def due(days: float, version: str = PRIOR.version) -> list[str]:
        before = NOON + timedelta(days=days - 1)
        return database.run_blocking(lambda c: votes.uncalibrated(c, version, before))

    closed(database, SAME)
    assert due(0) == ["help"]  # never counted yet
    database.run_blocking(lambda c: recalibrate(c, CONFIG, "help", NOON - timedelta(hours=1)))
    assert due(0.5) == []
    assert due(1) == ["help"]
    assert due(0.5, "newer") == ["help"]
    database.run_blocking(lambda c: recalibrate(c, CONFIG, "help", NOON))
    assert due(30) == []  # nothing new was seen since


def test_a_thread_without_another_persons_answer_tells_nothing(database: Database) -> None:
    assert closed(database, ("ann", "Thanks a lot!")) == []
    assert database.run_blocking(lambda c: votes.calibration(c, "help", PRIOR.version)) is None


def test_a_silence_without_a_source_tells_nothing(database: Database) -> None:
    assert closed(database, SAME, action=Action.SILENT, posted=None) == []


def test_where_somebody_voted_the_thread_is_not_read_too(database: Database) -> None:
    closed(database, SAME)
    vote(database, "suggestion of q1", "carl", helpful=True)
    both = counted(database)
    assert (both.thumbs, both.verdicts) == (1.0, 0.0)
    database.run_blocking(lambda c: votes.withdraw_vote(c, "suggestion of q1", "carl", NOON, helpful=True))
    assert counted(database).thumbs == pytest.approx(0.5)


def test_features_are_those_of_the_latest_decision(database: Database) -> None:
    key = answered(database)
    vote(database, key, "carl")
    before = counted(database)

    def again(connection: Connection) -> None:
        weighed = replace(
            Decision(action=Action.SILENT, score=0.1, threshold=0.5, reasons=(Reason(name="x", text="x"),)),
            features={"problem": 1.0},
        )
        ledger.put_decision(connection, "help/q1", weighed, (), NOON)

    database.run_blocking(again)
    after = counted(database)
    assert before.moves["dense"] < 0 and after.moves["dense"] == 0.0 and after.moves["problem"] < 0

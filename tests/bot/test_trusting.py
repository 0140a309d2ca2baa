"""What speaks for and against an entry in the store; what is taken back leaves no trace."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, update

from bot import ledger, votes
from bot.adapters.events import Channel, Heard
from bot.answerer import Citation, Line, Suggestion
from bot.app import open_database
from bot.config import Config
from bot.feedback import Outcome, Vote
from bot.situation import hear
from bot.tables import suggestions
from bot.trusting import evidence_for
from knowledge import store
from knowledge.entry import EntryKind, EntryState, KnowledgeEntry, Trust
from knowledge.thread import Message, Role
from knowledge.trust import TrustEvidence
from tests.knowledge.making import entry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
CONFIG = Config.model_validate({"analysts": ["bob"]})


def by(author: str, origin: str, *, confirmed: bool = False) -> KnowledgeEntry:
    made = entry("Disk is full", "Clear the spool folder.", origin=origin, confirmed=confirmed)
    return replace(made, passages=tuple(replace(passage, author=author) for passage in made.passages))


ENTRY = by("ann", "t0")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    open_database(url, durable=False).close()  # makes the tables
    engine = create_engine(url)
    with engine.begin() as opened:
        store.put_entries(opened, [ENTRY])
        yield opened
    engine.dispose()


def quoting(connection: Connection, number: int, *, posted: bool = True) -> tuple[str, Message]:
    """An answer that quotes the entry in a thread of its own: its id, and the question."""
    at = NOON + timedelta(days=number)  # far apart: each is a conversation of its own
    asked = Message(id=f"q{number}", channel="help", thread="", user="eve", at=at, text="Disk full?")
    message = hear(connection, CONFIG, Heard(message=asked, channel=Channel(id="help")), at).message
    source = Citation(
        number=1,
        entry=ENTRY.id,
        source="s1",
        kind=EntryKind.THREAD,
        title="Disk",
        role=Role.ANALYST,
        at=NOON,
        link=None,
        quote="Clear",
    )
    suggestion = Suggestion(lines=(Line(text="Clear", citations=(1,)),), citations=(source,))
    key = f"suggestion {number}"
    ledger.put_suggestion(connection, key, message, suggestion, NOON, send=posted)
    if posted:
        row = update(suggestions).where(suggestions.c.id == key)
        connection.execute(row.values(posted_id=f"{key}/post"))
    return key, message


def evidence(connection: Connection) -> TrustEvidence:
    return evidence_for(connection, CONFIG, ENTRY.id)


def test_an_entry_that_was_never_quoted_has_nothing_for_or_against_it(connection: Connection) -> None:
    assert evidence(connection) == evidence_for(connection, CONFIG, "e-unknown") == TrustEvidence()


def test_thumbs_count_by_role_and_one_taken_back_leaves_no_trace(connection: Connection) -> None:
    key, _ = quoting(connection, 1)
    votes.put_vote(connection, Vote(suggestion_id=key, user="bob", helpful=True), "draft", NOON)
    before = evidence(connection)
    assert before.thumbs == Trust(up=2)
    votes.put_vote(connection, Vote(suggestion_id=key, user="eve", helpful=False), "reaction", NOON)
    votes.put_correction(connection, key, "q1", "eve", "Buy a larger disk.", NOON)
    now = evidence(connection)
    assert (now.thumbs, now.corrected) == (Trust(up=2, down=1), 1)
    votes.withdraw_vote(connection, key, "eve", NOON, helpful=False)
    assert evidence(connection) == before


def test_what_became_of_posted_answers_counts_and_of_unposted_ones_does_not(connection: Connection) -> None:
    outcomes = (Outcome.SAME, Outcome.SAME, Outcome.CONTRADICTED, Outcome.DIFFERENT)
    for number, outcome in enumerate(outcomes):
        _, asked = quoting(connection, number)
        votes.put_outcome(connection, asked, outcome, NOON, shadow=False)
    _, asked = quoting(connection, 9, posted=False)
    votes.put_outcome(connection, asked, Outcome.SAME, NOON, shadow=True)
    assert (evidence(connection).reused, evidence(connection).refused) == (2, 1)


def test_merged_repetitions_by_others_confirm_while_they_are_merged(connection: Connection) -> None:
    other, own = by("bob", "t1"), by("ann", "t2")
    store.put_entries(connection, [other, own])
    for one in (other, own):
        store.move(connection, one.id, EntryState.MERGED, ENTRY.id)
    assert evidence(connection).repeated == 1
    store.move(connection, other.id, EntryState.ACTIVE)
    assert evidence(connection).repeated == 0


def test_a_person_s_confirmation_is_known(connection: Connection) -> None:
    store.confirm(connection, ENTRY.id)
    assert evidence(connection).confirmed

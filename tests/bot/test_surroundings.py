"""What the store knows around a closed thread, and what it forgets."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from bot import ledger
from bot.app import open_database
from bot.surroundings import (
    keep_surroundings,
    know_domains,
    known_domains,
    surroundings_of,
)
from bot.tables import link_domains
from knowledge.database import Database
from knowledge.doubts import Doubt, doubts_about
from knowledge.entry import WORKSPACE, KnowledgeEntry
from knowledge.mine import mine
from knowledge.thread import Message, Thread, thread_of

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
LONG = "Stop the agent, delete the lock file in your home, then start it again and log in from the menu."


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.close()


def closed(name: str, asker: str, helper: str, answer: str, *, day: int = 0) -> tuple[Thread, KnowledgeEntry]:
    said = [(asker, "The agent won't start, any ideas?"), (helper, answer), (asker, "Thanks, that worked!")]
    thread = thread_of(
        [
            Message(
                id=f"{name}/{place}",
                channel="help",
                thread=name,
                user=user,
                at=START + timedelta(days=day, minutes=5 * place),
                text=text,
            )
            for place, (user, text) in enumerate(said)
        ]
    )
    entry = mine(thread, audience=WORKSPACE, closed_at=START + timedelta(days=day + 7)).entry
    assert entry is not None
    return thread, entry


def test_a_domain_is_known_once_two_people_gave_it_in_two_threads(database: Database) -> None:
    def told(connection: Connection) -> list[frozenset[str]]:
        steps = []
        for name, helper in (("t1", "bob"), ("t1", "bob"), ("t2", "bob"), ("t3", "carl")):
            keep_surroundings(
                connection, *closed(name, "ann", helper, "See https://kst.example.org/a, step 3.")
            )
            steps.append(known_domains(connection))
        return steps

    nothing: frozenset[str] = frozenset()
    assert database.run_blocking(told) == [nothing, nothing, nothing, frozenset({"example.org"})]


def test_a_known_domain_names_nobody(database: Database) -> None:
    def kept(connection: Connection) -> list[tuple[str, str | None, str | None]]:
        for name, helper in (("t1", "bob"), ("t2", "carl")):
            keep_surroundings(
                connection, *closed(name, "ann", helper, "See https://kst.example.org/a, step 3.")
            )
        table = link_domains.c
        rows = connection.execute(select(table.domain, table.user, table.conversation))
        return [(domain, user, conversation) for domain, user, conversation in rows]

    assert database.run_blocking(kept) == [("example.org", None, None)]


def test_an_imitation_of_a_documented_domain_is_doubted(database: Database) -> None:
    def doubts(connection: Connection) -> tuple[Doubt, ...]:
        know_domains(connection, ["kestrel-desk.com"])
        thread, entry = closed("t1", "ann", "bob", "Get it from https://kestre1-desk.com/a and start it.")
        return doubts_about(thread, entry, surroundings_of(connection, thread, entry))

    assert Doubt.IMITATED in database.run_blocking(doubts)


@pytest.mark.parametrize(("author", "day", "repeats"), [("bob", 3, 2), ("carl", 3, 0), ("bob", 90, 0)])
def test_who_repeats_himself_within_a_month_is_seen(
    database: Database, author: str, day: int, repeats: int
) -> None:
    def counted(connection: Connection) -> int:
        for name, asker in (("t1", "ann"), ("t2", "eve")):
            keep_surroundings(connection, *closed(name, asker, "bob", LONG))
        again = closed("t3", "dora", author, LONG + " Good luck!", day=day)
        return surroundings_of(connection, *again).same_author_repeats

    assert database.run_blocking(counted) == repeats


def test_other_advice_by_the_same_person_is_no_repeat(database: Database) -> None:
    def counted(connection: Connection) -> int:
        keep_surroundings(connection, *closed("t1", "ann", "bob", LONG))
        other = closed(
            "t2", "eve", "bob", "Set the port in agent.yaml to 8081, the old one is taken by the gateway."
        )
        return surroundings_of(connection, *other).same_author_repeats

    assert database.run_blocking(counted) == 0


def test_a_newcomer_took_part_in_no_other_conversation(database: Database) -> None:
    def newcomers(connection: Connection) -> frozenset[str]:
        for user in ("ann", "bob", "bob"):
            ledger.count_part(connection, user, asked=user == "ann")
        return surroundings_of(connection, *closed("t1", "ann", "bob", LONG)).newcomers

    assert database.run_blocking(newcomers) == {"ann"}

"""A store of the first version ends with the schema of a fresh one, and keeps what is in it."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect

from bot import ledger, votes
from bot.app import open_database
from bot.feedback import Vote
from bot.migrations import MIGRATIONS
from bot.scorer import silent
from knowledge.database import Database
from tests.bot.test_ledger import T0, suggest

FIRST_VERSION = (Path(__file__).parent / "first_version.sql").read_text(encoding="utf-8")


def make_first_version(url: str) -> Database:
    """A store of the first version, still open."""
    old = Database(url)

    def make(connection: Connection) -> None:
        for statement in FIRST_VERSION.split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)

    old.run_blocking(make)
    return old


def schema(connection: Connection) -> dict[str, Any]:
    """Every table with its columns, keys and indexes; the order of columns does not matter."""
    looked = inspect(connection)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in looked.get_columns(table)
            },
            "key": looked.get_pk_constraint(table)["constrained_columns"],
            "indexes": {
                index["name"]: (tuple(index["column_names"]), bool(index["unique"]))
                for index in looked.get_indexes(table)
            },
            "unique": sorted(tuple(key["column_names"]) for key in looked.get_unique_constraints(table)),
            "foreign": sorted(
                (tuple(key["constrained_columns"]), key["referred_table"])
                for key in looked.get_foreign_keys(table)
            ),
        }
        for table in looked.get_table_names()
        if not table.startswith("sqlite_")
    }


def test_an_old_store_ends_with_the_schema_of_a_fresh_one(tmp_path: Path) -> None:
    old_url = f"sqlite:///{tmp_path / 'old.db'}"
    make_first_version(old_url).close()
    fresh, old = open_database(f"sqlite:///{tmp_path / 'fresh.db'}"), open_database(old_url)
    wanted, got = fresh.run_blocking(schema), old.run_blocking(schema)
    assert got.keys() == wanted.keys()
    for table, made in wanted.items():
        assert got[table] == made, table
    names = old.run_blocking(lambda c: c.exec_driver_sql("SELECT name FROM migrations").scalars().all())
    assert set(names) >= {migration.name for migration in MIGRATIONS}
    fresh.close()
    old.close()


def test_an_old_store_keeps_what_is_in_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = make_first_version(url)
    suggest(old)
    for statement in (
        "INSERT INTO votes VALUES ('s1', 'bob', 0, 'button', 1.0)",
        "INSERT INTO people VALUES ('bob', 'Bob', 1, 2)",
        "INSERT INTO erased VALUES ('m9')",
        "INSERT INTO decisions VALUES (1, 'm1', 1.0, 'SILENT', 0.0, 1.0, '[]', '', '[]')",
    ):
        old.run_blocking(lambda c, sql=statement: c.exec_driver_sql(sql))  # type: ignore[misc]
    old.close()
    new = open_database(url)
    assert new.run_blocking(lambda c: votes.votes_on(c, "s1")) == {"bob": False}
    assert new.run_blocking(lambda c: ledger.names(c, ["bob"])) == {"bob": "Bob"}
    assert new.run_blocking(lambda c: ledger.was_erased(c, "m9"))
    assert (
        new.run_blocking(lambda c: votes.features_for(c, ["m1"])) == {}
    )  # it says nothing of what was weighed
    new.run_blocking(lambda c: ledger.put_decision(c, "m1", silent("off", "the mode is off"), (), T0))
    new.run_blocking(
        lambda c: votes.put_vote(c, Vote(suggestion_id="s1", user="ann", helpful=True), "draft", T0)
    )
    new.close()
    again = open_database(url)  # and nothing is done twice
    assert len(again.run_blocking(lambda c: votes.votes_on(c, "s1"))) == 2
    again.close()

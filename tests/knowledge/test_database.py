"""An error of the store is logged, so it holds nothing that somebody said."""

from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from knowledge.database import Database


def test_an_error_names_the_statement_and_not_its_values(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    said = {"said": "the password is walnut"}
    with pytest.raises(DBAPIError, match="INSERT INTO nowhere") as failed:
        database.run_blocking(lambda c: c.execute(text("INSERT INTO nowhere VALUES (:said)"), said))
    database.close()
    assert "walnut" not in str(failed.value)

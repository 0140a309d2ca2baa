"""A closed thread that cannot be read keeps the night from no other."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import pytest

from bot.config import Config
from bot.studying import mined_of
from knowledge.entry import WORKSPACE
from knowledge.thread import Message, Thread, thread_of

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Unreadable(Mapping[str, str]):
    """Names of people that cannot be looked up."""

    def __getitem__(self, key: str) -> str:
        raise RuntimeError("no names")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("no names")

    def __len__(self) -> int:
        raise RuntimeError("no names")


def thread() -> Thread:
    texts = (
        ("ann", "The gate stops with MLR-4090, how can I start it?"),
        ("bob", "Run `millrace spill clean` and restart it."),
        ("ann", "Thanks, that worked!"),
    )
    return thread_of(
        [
            Message(id=f"m{n}", channel="help", thread="m0", user=user, at=NOON, text=text)
            for n, (user, text) in enumerate(texts)
        ]
    )


def test_a_thread_that_cannot_be_read_teaches_nothing_and_is_told_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert mined_of(thread(), WORKSPACE, NOON, {}, Config()).entry is not None
    with caplog.at_level(logging.ERROR, "earshot"):
        mined = mined_of(thread(), WORKSPACE, NOON, Unreadable(), Config())
    assert (mined.entry, mined.why) == (None, "it could not be read: an error, see the log")
    assert "m0: the thread could not be read" in caplog.text

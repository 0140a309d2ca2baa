"""Which conversation a top-level message belongs to, live and in a recording alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import ledger, tables
from bot.adapters import room
from bot.adapters.adapter import Heard
from bot.app import open_database
from bot.config import Config
from bot.conversations import ANSWER, BURST, WINDOW, joins
from bot.learning import threads_of
from bot.situation import hear
from knowledge.database import Database
from knowledge.thread import Message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = {"Ann Ash": "ann", "Bob Birch": "bob", "carl": "carl"}
Said = tuple[float, str, str]  # minute, who, what


def message(minute: float, user: str, text: str, thread: str = "") -> Message:
    at = NOON + timedelta(minutes=minute)
    return Message(id=f"{minute:g}", channel="help", thread=thread, user=user, at=at, text=text)


# What is said in a flat channel, and for each message the minute at which its conversation began.
Case = tuple[str, Sequence[Said], Sequence[float]]
DOWN, SLOW = "The gate does not start any more.", "Why is the console so slow today?"
TABLE: list[Case] = [
    ("one question is one conversation", [(0, "ann", DOWN)], [0]),
    (
        "lines in a burst are one",
        [(0, "ann", DOWN), (1, "ann", "How can I fix it?"), (3.5, "ann", "?")],
        [0, 0, 0],
    ),
    ("a burst goes on over others", [(0, "ann", DOWN), (1, "bob", SLOW), (2, "ann", "Any idea?")], [0, 1, 0]),
    ("who asked alone and asks again is still in it", [(0, "ann", DOWN), (3.1, "ann", SLOW)], [0, 0]),
    ("two people who ask are two conversations", [(0, "ann", DOWN), (1, "bob", SLOW)], [0, 1]),
    ("an answer joins what was just said", [(0, "ann", DOWN), (9, "bob", "Restart it.")], [0, 0]),
    (
        "an answer to the later of two",
        [(0, "ann", DOWN), (1, "bob", SLOW), (2, "carl", "Restart it.")],
        [0, 1, 1],
    ),
    ("what comes too late opens its own", [(0, "ann", DOWN), (10.1, "bob", "Good evening.")], [0, 10.1]),
    (
        "who takes part may ask back",
        [(0, "ann", DOWN), (2, "bob", "Restart it."), (6, "ann", "How do I do that?")],
        [0, 0, 0],
    ),
    (
        "by name it reaches back",
        [(0, "ann", DOWN), (1, "bob", SLOW), (20, "carl", "@Ann Ash did you restart it?")],
        [0, 1, 0],
    ),
    (
        "by first name",
        [(0, "ann", DOWN), (1, "bob", SLOW), (20, "carl", "Ann, can you restart it?")],
        [0, 1, 0],
    ),
    (
        "a name from before the window",
        [(0, "ann", DOWN), (31, "carl", "@Ann Ash did you restart it?")],
        [0, 31],
    ),
    ("one's own name leads nowhere", [(0, "ann", DOWN), (20, "ann", "Ann, can you hear me?")], [0, 20]),
    (
        "a name nobody around has",
        [(0, "ann", DOWN), (1, "bob", "@carl can you look at the console?")],
        [0, 1],
    ),
    ("问题和回答", [(0, "ann", "网关起不来，怎么办？"), (4, "bob", "先清理溢出目录，再重启网关。")], [0, 0]),
    ("两个问题", [(0, "ann", "网关起不来，怎么办？"), (4, "bob", "请问控制台为什么这么慢？")], [0, 4]),
    (
        "连续几句",
        [(0, "ann", "网关起不来"), (1, "ann", "报错 MLR-4090"), (2, "ann", "请问怎么解决？")],
        [0, 0, 0],
    ),
    (
        "点名",
        [
            (0, "ann", "网关起不来，怎么办？"),
            (1, "bob", "请问控制台为什么这么慢？"),
            (15, "carl", "@Ann Ash 你重启了吗？"),
        ],
        [0, 1, 0],
    ),
    ("太晚", [(0, "ann", "网关起不来，怎么办？"), (11, "bob", "大家晚上好")], [0, 11]),
]
table = pytest.mark.parametrize(
    ("said", "began"), [case[1:] for case in TABLE], ids=[case[0] for case in TABLE]
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path: Path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    opened = open_database(f"sqlite:///{path}", durable=False)
    yield opened
    opened.close()


def live(database: Database, messages: Sequence[Message], people: Mapping[str, str]) -> dict[str, str]:
    """The conversation of each message as the bot keeps it when it hears them one by one."""
    config, channel = Config(), room.channel("help")
    database.run_blocking(tables.clear)
    database.run_blocking(lambda c: ledger.put_names(c, {user: name for name, user in people.items()}))
    for said in messages:
        database.run_blocking(lambda c: hear(c, config, Heard(message=said, channel=channel), said.at))
    kept = ((m.id, database.run_blocking(lambda c: ledger.conversation_of(c, m.id))) for m in messages)
    return {name: conversation for name, conversation in kept if conversation is not None}


def recorded(messages: Sequence[Message], people: Mapping[str, str]) -> dict[str, str]:
    return {said.id: thread.id for thread in threads_of(messages, people) for said in thread.messages}


@table
def test_a_flat_channel_falls_into_conversations(
    database: Database, said: Sequence[Said], began: Sequence[float]
) -> None:
    messages = [message(*each) for each in said]
    expected = {each.id: f"{start:g}" for each, start in zip(messages, began, strict=True)}
    assert recorded(messages, NAMES) == expected
    assert live(database, messages, NAMES) == expected


def test_nothing_before_it_means_a_conversation_of_its_own() -> None:
    assert joins(message(0, "ann", DOWN), [], NAMES) is None


@pytest.mark.parametrize(
    ("minutes", "user", "text", "joined"),
    [
        (ANSWER, "bob", "Restart it.", True),
        (ANSWER + timedelta(seconds=1), "bob", "Restart it.", False),
        (WINDOW, "bob", "Ann, can you restart it?", True),
        (WINDOW + timedelta(seconds=1), "bob", "Ann, can you restart it?", False),
    ],
)
def test_the_limits_of_time(minutes: timedelta, user: str, text: str, joined: bool) -> None:
    before = message(0, "ann", DOWN, thread="home")
    later = replace(message(1, user, text), at=NOON + minutes)
    assert joins(later, [before], NAMES) == ("home" if joined else None)


@pytest.mark.parametrize(("late", "joined"), [(timedelta(), True), (timedelta(seconds=1), False)])
def test_a_burst_ends_once_somebody_else_asks(late: timedelta, joined: bool) -> None:
    before = [message(0, "ann", DOWN, thread="home"), message(1, "bob", SLOW, thread="other")]
    again = replace(message(3, "ann", "How can I fix it?"), at=NOON + BURST + late)
    assert joins(again, before, NAMES) == ("home" if joined else None)


def test_a_reply_in_a_thread_belongs_to_the_conversation_of_its_root(database: Database) -> None:
    messages = [
        message(0, "ann", DOWN),
        message(1, "ann", "It says MLR-4090."),
        message(30, "bob", "Clean the spill folder.", thread="1"),
        message(31, "carl", SLOW),
    ]
    expected = {"0": "0", "1": "0", "30": "0", "31": "31"}
    assert recorded(messages, NAMES) == live(database, messages, NAMES) == expected


def test_the_root_of_a_thread_is_heard_at_the_top_level_too(database: Database) -> None:
    """A Slack export writes the thread on its root, so that the asker's next line finds it."""
    messages = [message(0, "ann", DOWN, thread="0"), message(1, "ann", "It says MLR-4090.")]
    assert recorded(messages, NAMES) == live(database, messages, NAMES) == {"0": "0", "1": "0"}


def test_channels_do_not_mix() -> None:
    there = replace(message(1, "ann", "It says MLR-4090."), channel="other")
    assert recorded([message(0, "ann", DOWN), there], NAMES) == {"0": "0", "1": "1"}


LINES = [
    DOWN,
    SLOW,
    "Restart it.",
    "ok",
    "Ann, can you restart it?",
    "@bob 请看一下",
    "<@carl> any idea?",
    "网关起不来",
]
lines = st.tuples(
    st.sampled_from([0.5, 2, 5, 8, 12, 40]),
    st.sampled_from(["ann", "bob", "carl", "eve"]),
    st.sampled_from(LINES),
)
replied = st.sampled_from(["", "", "", "own", "first", "last"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(lines, replied), max_size=14))
def test_a_recording_falls_into_the_conversations_that_were_heard_live(
    database: Database, said: list[tuple[Said, str]]
) -> None:
    messages: list[Message] = []
    minute = 0.0
    for (pause, user, text), place in said:
        minute += pause
        ids = [each.id for each in messages] or [f"{minute:g}"]
        thread = {"": "", "own": f"{minute:g}", "first": ids[0], "last": ids[-1]}[place]
        messages.append(message(minute, user, text, thread))
    people = {**NAMES, "eve": "eve"}
    assert recorded(messages, people) == live(database, messages, people)

"""Which conversation a top-level message belongs to, live and in a recording alike."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import ledger, tables
from bot.adapters import room
from bot.adapters.events import Heard
from bot.app import open_database
from bot.config import Config
from bot.conversations import LOOK_BACK, WINDOW, joins
from bot.learning import threads_of
from bot.linking import NONE, PAIR, link, model, read_model
from bot.situation import hear
from knowledge.database import Database
from knowledge.thread import Message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = {"Ann Ash": "ann", "Bob Birch": "bob", "carl": "carl", "dora": "dora", "张伟": "zhang"}
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
        [(0, "ann", DOWN), (1, "ann", "How can I fix it?"), (1.5, "ann", "It says MLR-4090.")],
        [0, 0, 0],
    ),
    (
        "a burst goes on over others",
        [(0, "ann", DOWN), (1, "bob", SLOW), (1.5, "ann", "and it says MLR-4090 in the log")],
        [0, 1, 0],
    ),
    ("two people who ask are two conversations", [(0, "ann", DOWN), (1, "bob", SLOW)], [0, 1]),
    ("an answer joins what was just said", [(0, "ann", DOWN), (4, "bob", "Restart it.")], [0, 0]),
    (
        "an answer three messages below is still the answer",
        [
            (0, "ann", DOWN),
            (1, "bob", SLOW),
            (2, "carl", "bob: since the upgrade it is slow for everyone"),
            (3, "bob", "carl: ok, thanks"),
            (4, "dora", "ann: clean the spill folder and restart the gate"),
        ],
        [0, 1, 1, 1, 0],
    ),
    (
        "an answer by its words",
        [
            (0, "ann", "mlr-gate stops with MLR-4090"),
            (1, "bob", SLOW),
            (3, "carl", "MLR-4090 means the disk of mlr-gate is full"),
        ],
        [0, 1, 0],
    ),
    (
        "who takes part may ask back",
        [(0, "ann", DOWN), (2, "bob", "ann: did you restart it?"), (3, "ann", "How do I do that?")],
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
        "by mention",
        [(0, "ann", DOWN), (1, "bob", SLOW), (5, "carl", "<@ann> did you restart it?")],
        [0, 1, 0],
    ),
    (
        "a name from before the window",
        [(0, "ann", DOWN), (121, "carl", "@Ann Ash did you restart it?")],
        [0, 121],
    ),
    (
        "a new question long after is a new conversation",
        [(0, "ann", DOWN), (2, "bob", "Restart it."), (60, "carl", SLOW)],
        [0, 0, 60],
    ),
    (
        "thanks go to who helped",
        [
            (0, "ann", DOWN),
            (2, "bob", "ann: restart it"),
            (3, "carl", SLOW),
            (4, "ann", "bob: thanks, that works"),
        ],
        [0, 0, 3, 0],
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
    (
        "中文名字",
        [
            (0, "zhang", "网关起不来，怎么办？"),
            (1, "bob", "请问控制台为什么这么慢？"),
            (5, "carl", "@张伟你重启网关了吗？"),
        ],
        [0, 1, 0],
    ),
    (
        "同样的词",
        [
            (0, "ann", "网关起不来，溢出目录满了"),
            (1, "bob", "请问控制台为什么这么慢？"),
            (3, "carl", "清理溢出目录就可以了"),
        ],
        [0, 1, 0],
    ),
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


@pytest.mark.parametrize(("late", "joined"), [(timedelta(), True), (timedelta(seconds=1), False)])
def test_what_is_older_than_the_window_is_not_continued(late: timedelta, joined: bool) -> None:
    before = message(0, "ann", DOWN, thread="home")
    later = replace(message(1, "bob", "ann: restart it"), at=NOON + WINDOW + late)
    assert joins(later, [before], NAMES) == ("home" if joined else None)


def test_a_question_of_somebody_new_is_joined_only_where_it_surely_belongs() -> None:
    before = [message(0, "ann", DOWN, thread="home"), message(1, "bob", "ann: restart it", thread="home")]
    assert joins(message(2, "carl", SLOW), before, NAMES) is None
    assert joins(message(2, "carl", "bob: does restart help with MLR-4090, too?"), before, NAMES) == "home"


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


odd_text = st.text(max_size=80) | st.sampled_from(
    [*LINES, "", "@", "<@", "：", "a:" * 200, "\x00", "@Ann Ash" * 20]
)
odd_lines = st.tuples(st.floats(0, 30), st.sampled_from(["ann", "bob", "slack:T1/U1", "", "@"]), odd_text)


@settings(max_examples=60, deadline=None)
@given(st.lists(odd_lines, max_size=12), odd_text)
def test_whatever_is_said_it_joins_a_conversation_from_before_or_none(said: list[Said], text: str) -> None:
    before = [
        message(minute, user, line, thread=f"t{place % 4}") for place, (minute, user, line) in enumerate(said)
    ]
    new = message(31, "ann", text)
    found = joins(new, before, NAMES)
    assert found is None or found in {earlier.thread for earlier in before}
    assert joins(new, list(before), dict(reversed(NAMES.items()))) == found


def test_only_the_newest_are_looked_at() -> None:
    """The ledger gives no more of them, so a recording must not look further back either."""
    chat = [message(place / 100, "bob", "ok", thread="chat") for place in range(LOOK_BACK + 5)]
    found = link(message(3, "carl", "@Ann Ash restart it"), chat, NAMES, model())
    assert len(found.shares) == LOOK_BACK
    assert sum(found.shares) + found.none == pytest.approx(1)


def test_every_feature_has_a_weight_and_the_file_says_where_they_come_from() -> None:
    known = model()
    assert known.weights.keys() == {*PAIR, *NONE}
    assert "irc-train" in known.data
    assert known.metrics


def test_weights_that_do_not_fit_the_features_are_refused() -> None:
    weights = {name: 0.0 for name in (*PAIR, *NONE) if name != "distance"}
    data = {"name": "x", "version": 1, "data": "", "metrics": {}, "weights": {**weights, "mood": 1.0}}
    with pytest.raises(ValueError, match=r"'distance', 'mood'.*train them again"):
        read_model(json.dumps(data))

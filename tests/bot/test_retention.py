"""Messages go after `retention.days`, in every table and file; what was learnt from them stays."""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot import audit, handlers, ledger, retention, tables, votes
from bot.adapters import room
from bot.adapters.events import Heard, Reacted
from bot.audit import Kind, Wanted
from bot.clock import RecordedClock
from bot.config import Config, Retention
from bot.feedback import Vote
from bot.held import AGED, HELD, Aged
from bot.nights import report_of
from bot.replay import replay
from bot.tables import InboxState, seconds
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import EntryState
from knowledge.recordings import Recording
from knowledge.records import ChannelInfo
from knowledge.thread import Message
from tests.bot.test_drafts import work
from tests.bot.test_night import ANSWER, MORNING, NIGHT, PROBLEM, THANKS, World, config, make

DAYS = 30
LATER = NIGHT + timedelta(days=DAYS + 1)  # the first night that finds what was said on MORNING too old
WORD = "zebrafish"  # said only in what is to go
CHAT = (("ann", f"Who has seen my {WORD} poster?"), ("carl", f"The {WORD} one hangs in the kitchen."))


def keeping(days: int | None = DAYS) -> Config:
    return config().model_copy(update={"retention": Retention(days=days)})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, keeping()):
        yield made


def run(world: World, does: Any) -> Any:
    return world.database.run_blocking(does)


def said(world: World) -> set[str]:
    return set(run(world, lambda c: c.execute(select(tables.messages.c.id)).scalars().all()))


def in_file(database: Database, word: str) -> bool:
    assert database.path is not None
    files = database.path.parent.glob(f"{database.path.name}*")
    return any(word.encode() in path.read_bytes().lower() for path in files)


def expired(world: World) -> list[dict[str, Any]]:
    wanted = Wanted(kinds=frozenset({Kind.EXPIRED}))
    return [json.loads(row.detail) for row in run(world, lambda c: audit.rows(c, wanted))]


# ---- what goes, and what stays -----------------------------------------------------


def test_every_column_that_holds_words_says_what_becomes_of_them() -> None:
    for table, held in HELD.items():
        words = {*held.told, *held.payload, *held.unlearnt}
        assert set(AGED.get(table, {})) == words, f"{table}: say in AGED in bot/held.py how these age"


def fill(connection: Connection) -> None:
    """The word wherever a table may hold what was said."""
    at = seconds(MORNING)
    told = json.dumps([{"name": "shared words", "text": f"both say “{WORD}”", "weight": 0.5}])
    connection.execute(update(tables.decisions).values(reasons=told, features='{"dense": 0.5}'))
    answer = {"id": "s1", "message_id": "m001", "channel": "help", "conversation": "m001", "at": at}
    connection.execute(insert(tables.suggestions).values(**answer, content=f'"{WORD}"', removed=False))
    asked = {"id": "a1", "user": "ann", "channel": "help", "kind": "closest", "alone": True, "asked_at": at}
    connection.execute(insert(tables.answers).values(**asked, at=at, content=f'"{WORD}"'))
    right = {"suggestion_id": "s1", "message_id": "m001", "user": "carl", "text": WORD, "at": at}
    connection.execute(insert(tables.corrections).values(**right, state="unusable"))
    changed = {"suggestion_id": "s1", "number": 1, "why": "newer", "state": "intended", "at": at}
    connection.execute(insert(tables.revisions).values(**changed, note=WORD, content=f'"{WORD}"'))
    whisper = {"id": "w1", "channel": "help", "user": "ann", "about": "text", "replace": False, "at": at}
    connection.execute(insert(tables.whispers).values(**whisper, text=WORD, respond_to="http://x"))
    sent = {"suggestion_id": "w1", "kind": "post", "channel": "help", "state": "dropped", "tries": 1}
    connection.execute(insert(tables.outbox).values(**sent, due_at=at, error=WORD))
    set_aside = {"adapter": "room", "key": "k", "conversation": "help", "at": at, "received_at": at}
    failed = {**set_aside, "due_at": at, "state": InboxState.POISON, "tries": 5}
    connection.execute(insert(tables.inbox).values(**failed, payload=f'{{"text": "{WORD}"}}', error=WORD))
    vote = Vote(suggestion_id="s1", user="bob", helpful=True)
    votes.put_vote(connection, vote, "button", MORNING)


async def test_what_was_said_goes_from_every_table_and_file(world: World) -> None:
    await world.hear(*CHAT)
    await world.night()
    run(world, fill)
    before = run(world, lambda c: _words(c))
    assert before == {
        (table, column)
        for table, columns in AGED.items()
        for column, aged in columns.items()
        if aged in (Aged.GOES, Aged.EMPTIED, Aged.NAMES_STAY)
    }
    await world.night(LATER - timedelta(days=2))
    assert run(world, lambda c: _words(c)) == before  # not a day too early
    await world.night(LATER)
    assert run(world, lambda c: _words(c)) == set()
    assert not in_file(world.database, WORD) and said(world) == set()
    reasons = run(world, lambda c: c.execute(select(tables.decisions.c.reasons)).scalars().first())
    assert json.loads(reasons) == [{"name": "shared words", "text": "", "weight": 0.5}]
    assert run(world, lambda c: votes.votes_on(c, "s1")) == {"bob": True}
    assert run(world, lambda c: votes.features_for(c, ["m001"])) == {"m001": {"dense": 0.5}}
    assert not run(world, lambda c: ledger.suggestion_row(c, "s1")).removed  # it was no rejection


def _words(connection: Connection) -> set[tuple[str, str]]:
    """Where the word stands."""
    found = set()
    for name, table in tables.messages.metadata.tables.items():
        for row in connection.execute(select(table)).mappings():
            found |= {(name, column) for column, value in row.items() if WORD in str(value)}
    return found


async def test_what_was_learnt_stays(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    [entry] = world.states()
    await world.night(LATER)
    assert said(world) == set() and world.states() == {entry: EntryState.ACTIVE}
    assert await world.found(PROBLEM) == [entry]
    # Months later somebody says a word there: what taught the entry cannot be read again, so it is not judged again.
    await world.hear(("ann", "Well, thanks again."), thread=root)
    await world.night(LATER + timedelta(days=1))
    assert world.states() == {entry: EntryState.ACTIVE}


async def test_the_night_says_how_many_and_the_log_notes_no_word(world: World) -> None:
    await world.hear(*CHAT)
    await world.night()
    await world.night(LATER)
    report = run(world, lambda c: report_of(c, LATER.isoformat()))
    assert report.expired == 2 and run(world, lambda c: report_of(c, NIGHT.isoformat())).expired == 0
    [row] = expired(world)
    assert (row["messages"], row["conversations"], row["night"]) == (2, 1, LATER.isoformat())
    await world.night(LATER, again=True)  # gone on with, it does not count them twice
    assert run(world, lambda c: report_of(c, LATER.isoformat())).expired == 2


# ---- when -----------------------------------------------------


@pytest.mark.parametrize("days", [None, 90])
async def test_nothing_goes_before_its_time(tmp_path: Path, days: int | None) -> None:
    async for world in make(tmp_path, keeping(days)):
        await world.hear(*CHAT)
        await world.night()
        await world.night(LATER)
        assert len(said(world)) == 2 and expired(world) == []


async def test_a_conversation_goes_as_a_whole_by_its_last_word(world: World) -> None:
    root = await world.hear(*CHAT)
    await world.night()
    world.clock.move_to(MORNING + timedelta(days=20))
    await world.hear(("ann", "Found it."), thread=root)
    await world.night(LATER)
    assert len(said(world)) == 3
    await world.night(LATER + timedelta(days=20))
    assert said(world) == set()


async def test_what_is_open_or_was_never_learnt_from_waits(world: World) -> None:
    await world.hear(*CHAT)
    run(world, lambda c: c.execute(update(tables.tickets).values(state="engaged", last_at=2 * 10**9)))
    await world.night(LATER)
    assert len(said(world)) == 2  # open
    run(world, lambda c: c.execute(update(tables.tickets).values(state="closed", learnt=False)))
    now = world.clock.now()
    due = run(world, lambda c: retention._conversations(c, now))
    assert due == []  # closed, and its night is still to come
    await world.night(LATER + timedelta(days=1))
    assert said(world) == set()


async def test_cut_off_and_gone_on_with_the_end_and_the_number_are_the_same(world: World) -> None:
    for _ in range(4):
        world.clock.move_to(world.clock.now() + timedelta(hours=3))
        await world.hear(*CHAT)
    await world.night()
    clock = RecordedClock(MORNING + timedelta(days=DAYS + 2))

    def cut(done: int, total: int, what: str) -> None:
        del total, what
        if done == 2:
            raise KeyboardInterrupt

    given = world.database, lambda: world.settings, clock, "2026-02-06"
    with pytest.raises(KeyboardInterrupt):
        await retention.enforce(*given, cut, batch=2)  # one conversation in each transaction
    assert len(said(world)) == 4
    assert await retention.enforce(*given, lambda *_: None, batch=2) == 8
    assert said(world) == set() and [row["messages"] for row in expired(world)] == [2, 2, 2, 2]


# ---- what comes late -----------------------------------------------------


async def test_what_went_is_not_taken_in_again(world: World) -> None:
    await world.hear(*CHAT)
    await world.night()
    await world.night(LATER)
    again = Message(id="m001", channel="help", thread="", user="ann", at=MORNING, text=CHAT[0][1])
    world.settings = keeping(None)  # also where nothing is to go any more
    await world.take(room.said(again))
    thumb = Reacted(message_id="m001", user="carl", name="eyes", added=True, at=world.clock.now())
    await handlers.on_reaction(world.app.bot, work(world.clock.now()), thumb)
    assert said(world) == set()


async def test_a_message_that_comes_too_late_is_not_kept(world: World) -> None:
    now = MORNING + timedelta(days=DAYS, hours=1)
    world.clock.move_to(now)
    late = Message(id="late", channel="help", thread="", user="ann", at=MORNING, text=f"My {WORD}?")
    young = Message(
        id="young", channel="help", thread="", user="ann", at=now - timedelta(days=1), text="And now?"
    )
    for message in (late, young):
        await world.take(room.said(message))
    assert said(world) == {"young"}
    row = run(world, lambda c: ledger.last_decision(c, "late"))
    assert ledger.first_reason(row) == (
        "retention",
        "it is older than the 30 days that messages are kept",
    )
    reply = Message(id="r1", channel="help", thread="late", user="bob", at=now, text="Still there?")
    await world.take(room.said(reply))
    assert said(world) == {"young", "r1"}
    assert run(world, lambda c: ledger.message_row(c, "r1")).conversation == "late"
    await world.night(now.date() + timedelta(days=1))
    assert not in_file(world.database, WORD)  # nor does its delivery stand in the store's log any more


class Remembering(room.RoomAdapter):
    """A room that knows what was said before anybody listened."""

    past: tuple[Heard, ...] = ()

    async def fetch(self, channel: Any, thread: str) -> tuple[Heard, ...]:
        del channel, thread
        return self.past


async def test_of_an_old_thread_that_goes_on_only_what_is_young_is_read(world: World) -> None:
    adapter = Remembering({"help": room.channel("help", name="help")})
    world.app.bot.adapters["room"] = adapter  # type: ignore[index]
    now = MORNING + timedelta(days=DAYS + 2)

    def at(name: str, when: datetime, text: str) -> Message:
        return Message(id=name, channel="help", thread="old", user="ann", at=when, text=text)

    first, second = at("old", MORNING, f"My {WORD}?"), at("new", now - timedelta(days=1), "Hello?")
    adapter.past = tuple(Heard(message=one, channel=room.channel("help")) for one in (first, second))
    world.clock.move_to(now)
    await world.take(room.said(at("now", now, "Anybody?")))
    assert said(world) == {"new", "now"} and not in_file(world.database, WORD)
    assert {run(world, lambda c, key=key: ledger.conversation_of(c, key)) for key in ("new", "now")} == {
        "old"
    }


async def test_a_replay_says_the_same_whatever_is_kept(tmp_path: Path) -> None:
    store = {"store": f"sqlite:///{tmp_path / 'none.db'}"}
    said = (("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS), ("carl", PROBLEM))
    messages = tuple(
        Message(
            id=f"m{n}", channel="help", thread="", user=user, at=MORNING + timedelta(days=9 * n), text=text
        )
        for n, (user, text) in enumerate(said)
    )
    recording = Recording(messages=messages, channels={"help": ChannelInfo(id="help", name="help")})
    told = [
        [one.json() for one in (await replay(recording, settings, HashEmbedder())).outcomes]
        for settings in (keeping(1).model_copy(update=store), keeping(None).model_copy(update=store))
    ]
    assert told[0] == told[1] and len(told[0]) == 4

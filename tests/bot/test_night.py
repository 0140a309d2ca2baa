"""A night happens once, learns from what is closed, and can be taken back."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import Connection

from bot import ledger, nights, optouts
from bot.adapters import room
from bot.adapters.adapter import Arrival
from bot.adapters.events import Deleted, Edited
from bot.app import App, assemble, open_database
from bot.approval import approve, reject, revert_night, still_true
from bot.clock import RecordedClock
from bot.config import Config
from bot.handlers import on_clock, on_delete, on_edit
from bot.inbox import Work
from bot.night import on_night, run_night
from knowledge import store
from knowledge.changes import ChangeState
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import WORKSPACE, EntryState
from knowledge.search import Knowledge
from knowledge.thread import Message, Reaction

MORNING = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # a Monday
NIGHT = date(2026, 1, 6)
PROBLEM = "Since last night our gate does not start: MLR-4090. What can I do about it?"
ANSWER = "MLR-4090 means that the spill folder is full. Run `millrace spill clean --older 7d` and restart the gate."
LICENCE = "The licence server refuses our workers with LIC-77 after the update, how do we fix that?"
LICENCE_ANSWER = (
    "LIC-77 means that the clock is wrong: set up NTP on the licence server and restart the workers."
)
THANKS = "That fixed it, thanks a lot!"

Said = tuple[str, str]  # who, what


@dataclass
class World:
    app: App
    clock: RecordedClock
    database: Database
    knowledge: Knowledge
    settings: Config
    spoken: int = 0

    async def hear(self, *said: Said, thread: str = "", closed: bool = True) -> str:
        """A conversation in #help, ten minutes between messages; closed by an analyst's ✅. Its id."""
        root = thread
        for user, text in said:
            self.spoken += 1
            self.clock.move_to(self.clock.now() + timedelta(minutes=10))
            name = f"m{self.spoken:03}"
            root = root or name
            message = Message(id=name, channel="help", thread=root, user=user, at=self.clock.now(), text=text)
            await self.take(room.said(message))
        if closed:
            tick = Reaction(name="white_check_mark", user="bob")
            await self.take(room.reacted(root, tick, self.clock.now()))
        return root

    async def take(self, arrival: Arrival) -> None:
        await self.app.accept(arrival)
        await self.app.drain()

    async def delete(self, message_id: str) -> None:
        deleted = Deleted(message_id=message_id, at=self.clock.now())
        await on_delete(self.app.bot, self._work(), deleted)

    async def edit(self, message_id: str, text: str) -> None:
        edited = Edited(message_id=message_id, text=text, at=self.clock.now())
        await on_edit(self.app.bot, self._work(), edited)

    def _work(self) -> Work:
        now = self.clock.now()
        when = {"at": now, "received_at": now, "due_at": now}
        return Work(id=0, adapter="room", conversation="", tries=0, payload=None, message_id=None, **when)

    async def found(self, question: str) -> list[str]:
        hits = await self.knowledge.search(question, audiences=frozenset({WORKSPACE}))
        return [hit.entry.id for hit in hits]

    async def night(self, day: date = NIGHT, **more: bool) -> None:
        self.clock.move_to(datetime.combine(day, time(4, 30), tzinfo=UTC))
        await on_clock(self.app.bot)
        assert await run_night(self.app.bot, day, **more) is not None  # type: ignore[arg-type]

    def states(self) -> dict[str, EntryState]:
        ids = self.database.run_blocking(lambda connection: list(store.all_ids(connection)))
        found = self.database.run_blocking(lambda connection: store.stored_by_id(connection, ids))
        return {key: one.state for key, one in found.items()}


def config(**night: str) -> Config:
    return Config.model_validate(
        {
            "analysts": ["bob"],
            "timezone": "UTC",
            "night": {"at": "04:30", **night},
            "defaults": {"mode": "shadow"},
        }
    )


class Watched(HashEmbedder):
    """Embeds as ever, and lets somebody act meanwhile."""

    meanwhile: Callable[[], None] | None = None

    def embed(self, texts: Sequence[str], kind: str = "passage") -> NDArray[np.float32]:
        if self.meanwhile is not None and kind == "passage":
            act, self.meanwhile = self.meanwhile, None
            act()
        return super().embed(texts, kind)  # type: ignore[arg-type]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, config()):
        yield made


@pytest.fixture
async def reviewed(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, config(approve="review")):
        yield made


async def make(tmp_path: Path, settings: Config) -> AsyncIterator[World]:
    database = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    knowledge = Knowledge(database, Watched(), None)
    await knowledge.open()
    clock = RecordedClock(MORNING)
    adapter = room.RoomAdapter({"help": room.channel("help", name="help")})
    made: list[World] = []  # it reads its settings anew each time, as they may be changed
    app = assemble(lambda: made[0].settings, database, knowledge, [adapter], clock=clock, settle=timedelta())
    made.append(World(app, clock, database, knowledge, settings))
    yield made[0]
    await knowledge.close()
    database.close()


# ---- when -----------------------------------------------------


@pytest.mark.parametrize("at", [time(2, 30), time(4, 30), time(0, 0)])
@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Shanghai", "Australia/Lord_Howe"]
)
def test_each_date_has_one_night_whatever_the_clocks_do(zone: str, at: time) -> None:
    start = datetime(2025, 12, 31, tzinfo=UTC)
    due = [
        nights.last_due(start + timedelta(minutes=15 * n), at, ZoneInfo(zone)) for n in range(4 * 24 * 370)
    ]
    began = [day for before, day in pairwise(due) if day != before]
    assert began == [due[0] + timedelta(days=n) for n in range(1, len(began) + 1)]
    assert len(began) in (369, 370)


def test_a_night_begins_at_its_local_time() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    assert nights.begins(NIGHT, time(4, 30), zone) == datetime(2026, 1, 5, 20, 30, tzinfo=UTC)
    assert nights.last_due(datetime(2026, 1, 5, 20, 29, tzinfo=UTC), time(4, 30), zone) == date(2026, 1, 5)
    assert nights.last_due(datetime(2026, 1, 5, 20, 30, tzinfo=UTC), time(4, 30), zone) == NIGHT


def test_a_night_is_claimed_by_one_process_until_it_gives_no_more_signs(world: World) -> None:
    def claims(connection: object) -> list[bool]:
        def claim(owner: str, minutes: int) -> bool:
            now = MORNING + timedelta(minutes=minutes)
            return nights.claim(connection, "2026-01-06", owner, now)  # type: ignore[arg-type]

        return [
            claim("one", 0),
            claim("two", 0),
            claim("two", 9),
            claim("one", 5),
            claim("two", 14),
            claim("two", 15),
        ]

    assert world.database.run_blocking(claims) == [True, False, False, True, False, True]


async def test_a_missed_night_is_caught_up_once(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    world.clock.move_to(MORNING + timedelta(days=3))  # three nights passed while nobody was there
    await on_night(world.app.bot)
    await on_night(world.app.bot)
    rows = world.database.run_blocking(lambda connection: nights.last_nights(connection, 10))
    assert [(row.date, row.state) for row in rows] == [("2026-01-08", "done")]
    assert len(world.states()) == 1


# ---- learning -----------------------------------------------------


async def test_what_was_closed_is_known_after_the_night_and_not_before(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.hear(("cleo", "Good morning everybody"), ("bob", "Good morning!"))
    await world.hear(("dan", LICENCE), ("bob", LICENCE_ANSWER), closed=False)
    assert await world.found(PROBLEM) == []
    await world.night()
    [known] = await world.found(PROBLEM)
    report = world.database.run_blocking(lambda connection: nights.report_of(connection, NIGHT.isoformat()))
    assert report is not None
    assert (report.threads, report.added, report.best) == (2, 1, (known,))
    assert list(report.not_worth.values()) == [1]


async def test_a_night_that_was_cut_off_is_ended_without_learning_twice(world: World) -> None:
    for n in range(25):  # more than one batch
        await world.hear(("ann", PROBLEM.replace("4090", str(n))), ("bob", ANSWER.replace("4090", str(n))))

    def stop(done: int, _total: int, what: str) -> None:
        if what == "closed threads" and done:
            raise KeyboardInterrupt

    world.clock.move_to(datetime.combine(NIGHT, time(4, 30), tzinfo=UTC))
    with pytest.raises(KeyboardInterrupt):
        await run_night(world.app.bot, NIGHT, progress=stop)
    half = len(world.states())
    await run_night(world.app.bot, NIGHT)
    changes = world.database.run_blocking(lambda connection: nights.changes_of(connection, NIGHT.isoformat()))
    assert 0 < half < 25
    assert len(world.states()) == 25
    added = [change.subject for change in changes if change.kind == "added"]
    assert sorted(added) == sorted(world.states())


async def test_what_changed_while_it_was_studied_is_studied_again(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER + " My secret name is Rumpel."), ("ann", THANKS))
    embedder = world.knowledge._embedder  # the double that this test gave it
    assert isinstance(embedder, Watched)

    def edit() -> None:
        world.database.run_blocking(lambda connection: ledger.edit_message(connection, "m002", ANSWER))

    embedder.meanwhile = edit
    await world.night()
    [entry] = await world.knowledge.entries_from(root)
    assert "Rumpel" not in "".join(passage.text for passage in entry.passages)


async def test_a_thread_that_went_on_teaches_the_newer_answer_only(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER))
    await world.night()
    [first] = world.states()
    newer = (
        "MLR-4090 went away for good here: update to millrace 9.2, which cleans the spill folder by itself."
    )
    await world.hear(
        ("ann", "It is back, the folder fills up every day."), ("bob", newer), ("ann", THANKS), thread=root
    )
    await world.night(NIGHT + timedelta(days=1))
    states = world.states()
    assert states.pop(first) is EntryState.SUPERSEDED
    assert list(states.values()) == [EntryState.ACTIVE]
    await revert_night(world.app.bot, "2026-01-07", "root")
    assert world.states()[first] is EntryState.ACTIVE
    assert await world.found(PROBLEM) == [first]


async def test_who_opted_out_is_heard_and_not_learnt_from(world: World) -> None:
    world.database.run_blocking(lambda connection: optouts.put(connection, "ann", MORNING))
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.hear(("dan", LICENCE), ("ann", LICENCE_ANSWER), ("dan", THANKS))
    await world.night()
    assert world.states() == {}


# ---- approval and undo -----------------------------------------------------


async def test_under_review_nothing_counts_before_somebody_approves(reviewed: World) -> None:
    await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await reviewed.hear(("dan", LICENCE), ("bob", LICENCE_ANSWER), ("dan", THANKS))
    await reviewed.night()
    assert await reviewed.found(PROBLEM) == []
    first, second = reviewed.states()
    assert await approve(reviewed.app.bot, first, "root") == "1 change approved."
    assert await reviewed.found(PROBLEM) == [first]
    assert await reject(reviewed.app.bot, "2026-01-06", "root") == "1 change rejected."
    assert reviewed.states() == {first: EntryState.ACTIVE, second: EntryState.REJECTED}
    assert (await approve(reviewed.app.bot, "2026-01-06", "root")).startswith("Nothing")


async def test_what_was_rejected_is_not_proposed_again(reviewed: World) -> None:
    root = await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER))
    await reviewed.night()
    await reject(reviewed.app.bot, "2026-01-06", "root")
    await reviewed.hear(("ann", "ok"), thread=root)
    await reviewed.night(NIGHT + timedelta(days=1))
    waiting = reviewed.database.run_blocking(nights.proposed)
    assert [change for change in waiting if change.subject in reviewed.states()] == []


async def test_a_night_is_taken_back_exactly(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    before = (await world.found(PROBLEM), await world.found(LICENCE), world.knowledge.state())
    await world.hear(("dan", LICENCE), ("bob", LICENCE_ANSWER), ("dan", THANKS))
    await world.night(NIGHT + timedelta(days=1))
    assert await world.found(LICENCE) != before[1]
    said = await revert_night(world.app.bot, "2026-01-07", "root")
    assert "1 change undone" in said
    assert (await world.found(PROBLEM), await world.found(LICENCE), world.knowledge.state()) == before
    assert "no night" in await revert_night(world.app.bot, "2026-01-07", "root")  # only once
    assert "no night" in await revert_night(world.app.bot, "2025-01-07", "root")


async def test_a_revert_brings_nothing_back_that_was_deleted(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER))
    await world.night()
    newer = (
        "MLR-4090 went away for good here: update to millrace 9.2, which cleans the spill folder by itself."
    )
    await world.hear(("ann", "It is back, what now?"), ("bob", newer), ("ann", THANKS), thread=root)
    await world.night(NIGHT + timedelta(days=1))
    await world.delete("m002")  # the older answer
    await revert_night(world.app.bot, "2026-01-07", "root")
    assert await world.found(PROBLEM) == []
    dump = world.database.run_blocking(everything)
    assert "spill clean" not in dump
    assert "millrace 9.2" in dump


def everything(connection: Connection) -> str:
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    rows = [connection.exec_driver_sql(f'SELECT * FROM "{name}"').all() for name in tables]
    return repr(rows)


async def test_what_no_longer_holds_is_retired_by_one_tap(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    [known] = world.states()
    assert "still holds" in await still_true(world.app.bot, known, True, "root")
    assert world.states()[known] is EntryState.ACTIVE
    assert "retired" in await still_true(world.app.bot, known, False, "root")
    assert await world.found(PROBLEM) == []
    assert "not in use" in await still_true(world.app.bot, known, False, "root")


async def test_reverting_counts_the_scales_anew(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    await world.hear(("cleo", PROBLEM), ("bob", ANSWER), ("cleo", THANKS))
    await world.night(NIGHT + timedelta(days=1))
    changes = world.database.run_blocking(lambda connection: nights.changes_of(connection, "2026-01-07"))
    read = [change.subject for change in changes if change.kind == nights.OUTCOME]
    kept = world.database.run_blocking(
        lambda c: c.exec_driver_sql("SELECT message_id FROM outcomes").scalars().all()
    )
    assert read and sorted(read) == sorted(kept)
    await revert_night(world.app.bot, "2026-01-07", "root")
    assert not world.database.run_blocking(
        lambda c: c.exec_driver_sql("SELECT message_id FROM outcomes").scalars().all()
    )
    states = {
        change.state for change in world.database.run_blocking(lambda c: nights.changes_of(c, "2026-01-07"))
    }
    assert states == {ChangeState.REVERTED}


async def test_what_nobody_answered_is_named_and_what_people_answered_is_not(world: World) -> None:
    alone = await world.hear(("ann", PROBLEM))
    await world.hear(("dan", LICENCE), ("bob", LICENCE_ANSWER))
    await world.hear(("cleo", "Good morning everybody"))
    await world.night()
    report = world.database.run_blocking(lambda connection: nights.report_of(connection, NIGHT.isoformat()))
    assert report is not None
    assert report.open_questions == (alone,)


async def test_a_thread_is_closed_by_a_word_of_who_asked_or_is_in_charge(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("cleo", "@Earshot close"), closed=False)
    assert not world.database.run_blocking(nights.count_closed)  # Cleo neither asked nor is in charge
    await world.hear(("ann", "@Earshot close"), thread=root, closed=False)
    assert world.database.run_blocking(nights.count_closed) == 1
    await world.night()
    assert len(world.states()) == 1

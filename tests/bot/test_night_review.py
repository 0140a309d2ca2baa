"""What a night promises where its parts meet: waiting, taking back, going on, opting out, growing old."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import nights
from bot.approval import approve, reject
from bot.entries import Step, take
from knowledge import store
from knowledge.entry import WORKSPACE, EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind
from tests.bot.test_night import ANSWER, MORNING, NIGHT, PROBLEM, THANKS, World, config, make

NEXT = NIGHT + timedelta(days=1)
NEWER = "MLR-4090 went away for good here: update to millrace 9.2, which cleans the spill folder by itself."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, config()):
        yield made


@pytest.fixture
async def reviewed(tmp_path: Path) -> AsyncIterator[World]:
    async for made in make(tmp_path, config(approve="review")):
        yield made


def entry(origin: str = "saved/m1", **more: object) -> KnowledgeEntry:
    """An entry as people keep it by hand."""
    passages = (
        Passage(kind=PassageKind.PROBLEM, text=PROBLEM, source="m1", author="ann", at=MORNING),
        Passage(kind=PassageKind.SOLUTION, text=ANSWER, source="m2", author="carl", at=MORNING),
    )
    given = {"kind": EntryKind.THREAD, "title": PROBLEM, "audience": WORKSPACE, "known_from": MORNING}
    return KnowledgeEntry(origin=origin, passages=passages, **{**given, **more})  # type: ignore[arg-type]


async def put(world: World, one: KnowledgeEntry, state: EntryState = EntryState.ACTIVE) -> str:
    prepared = await world.knowledge.prepare([one])
    world.database.run_blocking(lambda connection: prepared(connection, [one], state))
    await world.knowledge.follow()
    return one.id


# ---- what waits -----------------------------------------------------


async def test_what_waits_without_a_night_is_approved_and_rejected_too(world: World) -> None:
    kept = await put(world, entry(), EntryState.PENDING)
    unwanted = await put(world, entry("saved/m9"), EntryState.PENDING)
    assert await approve(world.app.bot, kept, "root") == "1 change approved."
    assert await reject(world.app.bot, unwanted, "root") == "1 change rejected."
    assert world.states() == {kept: EntryState.ACTIVE, unwanted: EntryState.REJECTED}
    assert await world.found(PROBLEM) == [kept]
    assert (await approve(world.app.bot, kept, "root")).startswith("Nothing")


async def test_of_a_thread_that_went_on_only_the_newest_answer_waits(reviewed: World) -> None:
    root = await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER))
    await reviewed.night()
    [first] = reviewed.states()
    await reviewed.hear(("ann", "It is back, what now?"), ("bob", NEWER), ("ann", THANKS), thread=root)
    await reviewed.night(NEXT)
    [second] = set(reviewed.states()) - {first}
    assert await approve(reviewed.app.bot, second, "root") == "1 change approved."
    assert (await approve(reviewed.app.bot, first, "root")).startswith("Nothing")
    assert await reviewed.found(PROBLEM) == [second]


async def test_a_thread_that_teaches_nothing_any_more_waits_for_nobody(reviewed: World) -> None:
    root = await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER))
    await reviewed.night()
    [first] = reviewed.states()
    await reviewed.hear(("ann", "No, that did not work at all, it is still broken."), thread=root)
    await reviewed.night(NEXT)
    assert reviewed.states() == {first: EntryState.RETIRED}
    assert reviewed.database.run_blocking(nights.proposed) == []


async def test_what_still_waits_does_not_push_out_what_is_known(reviewed: World) -> None:
    root = await reviewed.hear(("ann", PROBLEM), ("bob", ANSWER))
    await reviewed.night()
    [first] = reviewed.states()
    await approve(reviewed.app.bot, first, "root")
    await reviewed.hear(("ann", "It is back, what now?"), ("bob", NEWER), ("ann", THANKS), thread=root)
    await reviewed.night(NEXT)
    reviewed.settings = config(approve="auto")
    reviewed.database.run_blocking(
        lambda connection: connection.exec_driver_sql(
            "UPDATE tickets SET learnt = 0"
        )  # a click on ✅ does that
    )
    await reviewed.night(NEXT + timedelta(days=1))
    assert await reviewed.found(PROBLEM) == [first]


async def test_an_answer_that_was_reworded_and_put_back_is_known_again(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    [first] = world.states()
    await world.edit("m002", NEWER)
    await world.night(NEXT)
    [second] = await world.found(PROBLEM)
    assert second != first
    await world.edit("m002", ANSWER)
    await world.night(NEXT + timedelta(days=1))
    assert await world.found(PROBLEM) == [first]
    assert world.states()[second] is EntryState.SUPERSEDED


async def test_who_says_no_to_taking_an_entry_out_is_not_asked_again_the_next_night(
    reviewed: World,
) -> None:
    kept = await put(reviewed, entry())
    asked = MORNING + timedelta(days=400)
    reviewed.database.run_blocking(lambda connection: store.ask_about(connection, kept, asked))
    reviewed.settings = config(approve="review", digest_to="#ops")
    late = NIGHT + timedelta(days=440)
    await reviewed.night(late)
    assert await reject(reviewed.app.bot, late.isoformat(), "root") == "1 change rejected."
    await reviewed.night(late + timedelta(days=1))
    assert reviewed.database.run_blocking(nights.proposed) == []
    assert reviewed.states() == {kept: EntryState.ACTIVE}


# ---- by hand -----------------------------------------------------


async def test_the_other_side_of_a_dispute_is_known_again_once_one_is_retired(world: World) -> None:
    one, other = await put(world, entry()), await put(world, entry("saved/m9"))

    def dispute_and_retire(connection: object) -> None:
        store.move(connection, one, EntryState.DISPUTED, other)  # type: ignore[arg-type]
        store.move(connection, other, EntryState.DISPUTED, one)  # type: ignore[arg-type]
        take(connection, one, Step.RETIRE, MORNING)  # type: ignore[arg-type]

    world.database.run_blocking(dispute_and_retire)
    assert world.states() == {one: EntryState.RETIRED, other: EntryState.ACTIVE}

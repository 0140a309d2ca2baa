"""What a night promises where its parts meet: waiting, taking back, going on, opting out, growing old."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from bot import digests, nights, optouts, votes
from bot.adapters.events import Saved
from bot.approval import approve, reject, revert_night, settle_dispute, still_true
from bot.config import Config
from bot.digest import MOST_ASKED, Pair
from bot.entries import Step, take
from bot.feedback import Vote
from bot.forget import Account, erase
from bot.replay import replay
from bot.report import NightReport
from bot.saving import on_saved
from bot.tables import quoted, suggestions
from bot.trusting import trust_counted
from knowledge import store
from knowledge.changes import Change, ChangeKind, ChangeState
from knowledge.distiller import (
    Distiller,
    DistilRequest,
    DistilResult,
    ExtractiveDistiller,
    StillWanted,
    all_wanted,
)
from knowledge.embed import HashEmbedder
from knowledge.entry import WORKSPACE, EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.recordings import ChannelInfo, Recording
from knowledge.thread import Message
from tests.bot.test_night import ANSWER, MORNING, NIGHT, PROBLEM, THANKS, Watched, World, config, make

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

    def dispute_and_retire(connection: Connection) -> None:
        store.move(connection, one, EntryState.DISPUTED, other)
        store.move(connection, other, EntryState.DISPUTED, one)
        take(connection, one, Step.RETIRE, MORNING)

    world.database.run_blocking(dispute_and_retire)
    assert world.states() == {one: EntryState.RETIRED, other: EntryState.ACTIVE}


async def test_what_a_person_retired_comes_back_only_with_approval(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER))
    await world.night()
    [first] = world.states()
    await still_true(world.app.bot, first, False, "root")
    await world.hear(("ann", THANKS), thread=root)
    await world.night(NEXT)
    assert await world.found(PROBLEM) == []
    [waits] = world.database.run_blocking(nights.proposed)
    assert waits.doubts == ("a person took the same answer out before",)


async def test_what_an_approved_entry_of_a_thread_replaces_gives_way_by_hand_too(world: World) -> None:
    older = await put(world, entry("m77"))
    newer = await put(world, entry("m77", title="The gate does not start"), EntryState.PENDING)
    world.database.run_blocking(lambda connection: take(connection, newer, Step.APPROVE, MORNING))
    assert world.states() == {older: EntryState.SUPERSEDED, newer: EntryState.ACTIVE}


# ---- who opted out, what was deleted -----------------------------------------------------


async def test_who_opts_out_while_a_thread_is_studied_is_not_learnt_from(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("carl", ANSWER), ("ann", THANKS))
    meanwhile(world, lambda connection: optouts.put(connection, "carl", MORNING))
    await world.night()
    assert world.states() == {}


@pytest.mark.parametrize("user", ["ann", "bob"])
@pytest.mark.parametrize("late", [False, True])
async def test_who_opted_out_is_not_learnt_from_by_a_correction(world: World, user: str, late: bool) -> None:
    await world.hear(("ann", PROBLEM), closed=False)
    world.database.run_blocking(
        lambda connection: votes.put_correction(connection, "s1", "m001", "bob", ANSWER, MORNING)
    )
    if late:
        meanwhile(world, lambda connection: optouts.put(connection, user, MORNING))
    else:
        world.database.run_blocking(lambda connection: optouts.put(connection, user, MORNING))
    await world.night()
    assert world.states() == {}


def meanwhile(world: World, act: Callable[[Connection], object]) -> None:
    """Let somebody act while the next entry is embedded."""
    embedder = world.knowledge._embedder  # the double that this test gave it
    assert isinstance(embedder, Watched)

    def acted() -> None:
        world.database.run_blocking(act)

    embedder.meanwhile = acted


# ---- taking back -----------------------------------------------------


async def test_what_a_thread_showed_of_an_answer_is_put_back_as_it_was(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    root = await world.hear(("cleo", PROBLEM), ("bob", ANSWER), ("cleo", THANKS))
    await world.night(NEXT)
    before = world.database.run_blocking(outcomes)
    await world.hear(("cleo", "And thanks again, still fine."), thread=root)
    await world.night(NEXT + timedelta(days=1))
    assert before and world.database.run_blocking(outcomes) != before
    await revert_night(world.app.bot, "2026-01-08", "root")
    assert world.database.run_blocking(outcomes) == before


async def test_what_a_later_night_read_off_a_thread_stays(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    root = await world.hear(("cleo", PROBLEM), ("bob", ANSWER), ("cleo", THANKS))
    await world.night(NEXT)
    await world.hear(("cleo", "And thanks again, still fine."), thread=root)
    await world.night(NEXT + timedelta(days=1))
    latest = world.database.run_blocking(outcomes)
    await revert_night(world.app.bot, "2026-01-07", "root")
    assert latest and world.database.run_blocking(outcomes) == latest


async def test_an_outcome_of_a_deleted_message_does_not_come_back(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    await world.night()
    root = await world.hear(("cleo", PROBLEM), ("bob", ANSWER), ("cleo", THANKS))
    await world.night(NEXT)
    await world.hear(("cleo", "And thanks again, still fine."), thread=root)
    await world.night(NEXT + timedelta(days=1))
    await world.delete(root)
    await revert_night(world.app.bot, "2026-01-08", "root")
    assert world.database.run_blocking(outcomes) == []


def outcomes(connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM outcomes ORDER BY message_id")]


async def test_a_night_taken_back_leaves_what_later_nights_replaced_behind_them(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER))
    await world.night()
    [first] = world.states()
    await world.hear(("ann", "It is back, what now?"), ("bob", NEWER), ("ann", THANKS), thread=root)
    await world.night(NEXT)
    [second] = await world.found(PROBLEM)
    newest = (
        "Forget all that about MLR-4090: since millrace 9.3 run `millrace gate repair` and restart the gate."
    )
    await world.hear(("ann", "Broken again?"), ("bob", newest), ("ann", THANKS), thread=root)
    await world.night(NEXT + timedelta(days=1))
    [third] = await world.found(PROBLEM)
    await revert_night(world.app.bot, "2026-01-07", "root")
    assert await world.found(PROBLEM) == [third]
    await revert_night(world.app.bot, "2026-01-08", "root")
    assert world.states()[second] is EntryState.RETIRED
    assert world.states()[third] is EntryState.RETIRED
    assert await world.found(PROBLEM) == [first]


async def test_who_said_the_same_counts_no_more_once_his_night_is_taken_back(world: World) -> None:
    kept = await put(world, entry())
    other = await put(world, entry("m88"))

    def merge(connection: Connection) -> None:
        nights.claim(connection, "2026-01-06", "x", MORNING)
        added = Change(kind=ChangeKind.ADDED, entry=other, before=None, after=EntryState.ACTIVE)
        nights.record(connection, "2026-01-06", added, MORNING, ChangeState.APPLIED)
        nights.finish(connection, NightReport(date="2026-01-06"), MORNING)
        store.move(connection, other, EntryState.MERGED, kept)  # a later night did that
        store.set_trust(connection, kept, Trust(up=0.5))

    world.database.run_blocking(merge)
    await revert_night(world.app.bot, "2026-01-06", "root")
    assert await world.knowledge.trust_in(kept) == Trust()


# ---- what grows old -----------------------------------------------------

LATE = NIGHT + timedelta(days=400)


async def grown_old(world: World, *entries: KnowledgeEntry) -> list[str]:
    """These entries, of which nobody has said anything for longer than their half-life."""
    world.settings = config(digest_to="#ops")
    return [await put(world, one) for one in entries]


def asked(world: World, night: date) -> list[str]:
    changes = world.database.run_blocking(lambda c: nights.changes_of(c, night.isoformat()))
    return [change.subject for change in changes if change.kind == ChangeKind.ASKED]


async def test_the_private_and_the_undated_are_not_asked_about_and_hide_nothing(world: World) -> None:
    dateless = [entry(f"a{n}", known_from=None) for n in range(MOST_ASKED)]
    private = [entry(f"b{n}", audience="channel:secret") for n in range(MOST_ASKED)]
    *_, plain = await grown_old(world, *dateless, *private, entry("c"))
    await world.night(LATE)
    assert asked(world, LATE) == [plain]


async def test_no_more_is_asked_than_the_report_shows_however_often_the_night_runs(world: World) -> None:
    await grown_old(world, *(entry(f"a{n}") for n in range(2 * MOST_ASKED)))
    await world.night(LATE)
    await world.night(LATE, again=True)
    assert len(asked(world, LATE)) == MOST_ASKED


@pytest.mark.parametrize("answered", [False, True])
async def test_a_thumb_says_that_an_entry_still_holds(world: World, answered: bool) -> None:
    [kept] = await grown_old(world, entry())
    at = datetime.combine(LATE, time(5), tzinfo=UTC)
    await world.night(LATE)
    assert asked(world, LATE) == [kept]

    def helped(connection: Connection) -> None:
        answer = {"id": "s1", "message_id": "m1", "channel": "help", "conversation": "m1", "at": 0.0}
        connection.execute(insert(suggestions).values(answer))
        connection.execute(insert(quoted).values(suggestion_id="s1", entry_id=kept, source="m2"))
        votes.put_vote(connection, Vote(suggestion_id="s1", user="dan", helpful=True), "button", at)

    if answered:
        world.database.run_blocking(helped)
    await world.night(LATE + timedelta(days=40))
    assert world.states() == {kept: EntryState.ACTIVE if answered else EntryState.RETIRED}
    await world.night(LATE + timedelta(days=80))
    assert asked(world, LATE + timedelta(days=80)) == []


async def test_a_retirement_that_was_taken_back_is_asked_about_before_it_happens_again(world: World) -> None:
    [kept] = await grown_old(world, entry())
    await world.night(LATE)
    gone, after = LATE + timedelta(days=40), LATE + timedelta(days=41)
    await world.night(gone)
    await revert_night(world.app.bot, gone.isoformat(), "root")
    await world.night(after)
    assert world.states() == {kept: EntryState.ACTIVE}
    assert asked(world, after) == [kept]


async def test_an_entry_merged_away_in_its_own_night_is_not_among_its_best(world: World) -> None:
    for user in ("ann", "cleo"):
        await world.hear((user, PROBLEM), ("bob", ANSWER), (user, THANKS))
    await world.night()
    report = world.database.run_blocking(lambda c: nights.report_of(c, NIGHT.isoformat()))
    assert report is not None and (report.added, report.merged) == (2, 1)
    assert list(report.best) == await world.found(PROBLEM)


# ---- kept by hand -----------------------------------------------------


async def test_what_is_deleted_while_it_is_kept_by_hand_is_not_kept(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("carl", ANSWER), closed=False)
    saved = Saved(
        message_id="m002",
        channel="help",
        user="bob",
        title=PROBLEM,
        problem=PROBLEM,
        solution=ANSWER,
        everywhere=True,
        at=MORNING,
        problem_sources=("m001",),
        solution_sources=("m002",),
    )
    work = world._work()

    def delete(connection: Connection) -> None:
        erase(connection, Account(), config=world.settings, ids=["m002"], now=MORNING)

    meanwhile(world, delete)
    await on_saved(world.app.bot, work, saved)
    assert world.states() == {}


# ---- contradictions -----------------------------------------------------


async def test_a_thread_against_a_document_is_put_before_the_admins(world: World) -> None:
    document = await put(world, entry("docs/gate.md", kind=EntryKind.DOCUMENT))
    thread = await put(world, entry("m9"))

    def dispute(connection: Connection) -> list[Pair]:
        change = Change(
            kind=ChangeKind.DISPUTED,
            entry=thread,
            before=EntryState.ACTIVE,
            after=EntryState.DISPUTED,
            other=document,
        )
        nights.apply(connection, NIGHT.isoformat(), change, MORNING)
        return pairs(connection)

    [pair] = world.database.run_blocking(dispute)
    assert (pair.first.id, pair.second.id) == (thread, document)
    assert await settle_dispute(world.app.bot, thread, document, "second", "root") == "Decided."
    assert world.database.run_blocking(pairs) == []
    assert world.states() == {document: EntryState.ACTIVE, thread: EntryState.SUPERSEDED}


def pairs(connection: Connection) -> list[Pair]:
    return list(digests.texts_of(connection, Config(), NightReport(date=NIGHT.isoformat()), "ops").pairs)


async def test_a_dispute_ends_where_the_thread_of_one_side_says_something_else(world: World) -> None:
    root = await world.hear(("ann", PROBLEM), ("bob", ANSWER))
    await world.night()
    [first] = world.states()
    other = await put(world, entry("m99"))

    def dispute(connection: Connection) -> None:
        store.move(connection, first, EntryState.DISPUTED, other)
        store.move(connection, other, EntryState.DISPUTED, first)

    world.database.run_blocking(dispute)
    await world.hear(("ann", "Back again: what now?"), ("bob", NEWER), ("ann", THANKS), thread=root)
    await world.night(NEXT)
    states = world.states()
    assert (states[first], states[other]) == (EntryState.SUPERSEDED, EntryState.ACTIVE)
    await revert_night(world.app.bot, NEXT.isoformat(), "root")
    found = world.database.run_blocking(lambda c: store.stored_by_id(c, [first, other]))
    assert (found[first].state, found[first].successor) == (EntryState.DISPUTED, other)
    assert (found[other].state, found[other].successor) == (EntryState.DISPUTED, first)


# ---- several processes -----------------------------------------------------


async def test_a_night_that_waits_for_a_model_is_nobody_elses(world: World) -> None:
    await world.hear(("ann", PROBLEM), ("bob", ANSWER), ("ann", THANKS))
    taken: list[bool] = []

    class Slow(ExtractiveDistiller):
        name = "slow"

        async def distil(
            self,
            requests: Sequence[DistilRequest],
            *,
            night: str,
            tokens: int,
            wanted: StillWanted = all_wanted,
        ) -> DistilResult:
            world.clock.move_to(world.clock.now() + nights.LEASE)
            await wanted([])  # as who waits for a batch does at each look
            now = world.clock.now()
            claim = partial(nights.claim, night=night, owner="another", now=now)
            taken.append(await world.database.run(claim))
            return await super().distil(requests, night=night, tokens=tokens, wanted=wanted)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Distiller]:
        yield Slow()

    world.app.bot = replace(world.app.bot, distilling=opened)
    await world.night()
    assert taken == [False]


async def test_a_question_that_is_deleted_meanwhile_is_not_learnt_by_its_correction(world: World) -> None:
    await world.hear(("ann", PROBLEM), closed=False)

    def correct(connection: Connection) -> None:
        votes.put_correction(connection, "s1", "m001", "bob", ANSWER, MORNING)

    world.database.run_blocking(correct)

    def delete(connection: Connection) -> None:
        erase(connection, Account(), config=world.settings, ids=["m001"], now=MORNING)

    meanwhile(world, delete)
    await world.night()
    assert world.states() == {}


# ---- replay -----------------------------------------------------


async def test_two_replays_with_nights_say_and_learn_the_same(tmp_path: Path) -> None:
    told: list[Message] = []
    for n in range(12):
        code, at = n % 3, MORNING + timedelta(days=2 * n)
        spoken = (("ann", PROBLEM, 0), ("bob", f"{ANSWER} It takes {n} minutes.", 10), ("ann", THANKS, 20))
        told += [
            Message(
                id=f"m{n}.{minutes}",
                channel="help",
                thread=f"m{n}.0",
                user=user,
                at=at + timedelta(minutes=minutes),
                text=text.replace("4090", f"409{code}"),
            )
            for user, text, minutes in spoken
        ]
    channels = {"help": ChannelInfo(id="help", name="help")}
    settings = config().model_copy(update={"store": f"sqlite:///{tmp_path / 'none.db'}"})
    recording = Recording(messages=tuple(told), channels=channels, people={})
    one, other = [await replay(recording, settings, HashEmbedder()) for _ in range(2)]
    assert one.entries and any(outcome.entry for outcome in one.outcomes)
    assert (one.outcomes, one.entries) == (other.outcomes, other.entries)


async def test_what_is_forgotten_no_longer_speaks_for_what_it_repeated(world: World) -> None:
    kept, other = await put(world, entry()), await put(world, repeated())

    def merge_and_forget(connection: Connection) -> Trust:
        store.move(connection, other, EntryState.MERGED, kept)
        trust = trust_counted(connection, world.settings, kept)
        store.set_trust(connection, kept, trust)
        erase(connection, Account(), config=world.settings, ids=["m8"], now=MORNING)
        return trust

    assert world.database.run_blocking(merge_and_forget) == Trust(up=0.5)
    assert await world.knowledge.trust_in(kept) == Trust()


def repeated() -> KnowledgeEntry:
    """The same answer, by somebody else in another thread."""
    one = entry("m7")
    told = {PassageKind.PROBLEM: ("m7", "dan"), PassageKind.SOLUTION: ("m8", "eve")}
    passages = (
        replace(passage, source=told[passage.kind][0], author=told[passage.kind][1])
        for passage in one.passages
    )
    return replace(one, passages=tuple(passages))

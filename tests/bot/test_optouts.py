"""Opting out: heard for context, never learnt from. And forgetting while Earshot runs, over the real Slack client."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import forget, ledger, optouts, orders
from bot.adapters.slack_cards import arrival_of, parse
from bot.app import open_database
from bot.manners import Order
from knowledge import store
from knowledge.entry import EntryState, Passage, PassageKind
from knowledge.mine import mine
from knowledge.thread import Message, Reaction, Thread, thread_of, without_people
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    QUESTION,
    SOLUTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.local_slack import LocalSlack

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HELPER = "slack:T0/U0HELPER1"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


def thread(*said: tuple[str, str], liked_by: str = "ann") -> Thread:
    messages = [
        Message(id=f"m{n}", channel="help", thread="m0", user=user, at=NOON + timedelta(minutes=n), text=text)
        for n, (user, text) in enumerate(said)
    ]
    liked = replace(messages[-1], reactions=(Reaction(name="white_check_mark", user=liked_by),))
    return thread_of([*messages[:-1], liked])


# ---- pure -----------------------------------------------------


def test_a_thread_that_somebody_opened_who_opted_out_teaches_nothing() -> None:
    assert without_people(thread(("ann", QUESTION), ("bob", SOLUTION)), {"ann"}) is None


def test_the_words_of_a_helper_who_opted_out_are_no_solution() -> None:
    said = thread(
        ("ann", QUESTION),
        ("carl", "You could try to turn the gate off for a while, then on."),
        ("bob", SOLUTION),
    )
    whole = mine(said, audience="workspace", closed_at=NOON).entry
    left = without_people(said, {"bob"})
    assert whole is not None and left is not None
    assert SOLUTION in [p.text for p in whole.of(PassageKind.SOLUTION)]
    mined = mine(left, audience="workspace", closed_at=NOON).entry
    assert mined is None or SOLUTION not in [p.text for p in mined.passages]


def test_others_are_learnt_from_as_before_and_lose_only_the_reactions_of_who_opted_out() -> None:
    said = thread(("ann", QUESTION), ("bob", SOLUTION), liked_by="carl")
    assert without_people(said, {"dan"}) == said
    left = without_people(said, {"carl"})
    assert left is not None and [m.text for m in left.messages] == [QUESTION, SOLUTION]
    assert left.messages[-1].reactions == ()


# ---- the store -----------------------------------------------------


def test_opting_out_is_kept_until_it_is_taken_back(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    assert database.run_blocking(lambda c: optouts.put(c, "ann", NOON))
    assert not database.run_blocking(lambda c: optouts.put(c, "ann", NOON))
    assert database.run_blocking(optouts.opted_out) == {"ann"}
    assert database.run_blocking(lambda c: optouts.withdraw(c, "ann"))
    assert not database.run_blocking(lambda c: optouts.withdraw(c, "ann"))
    assert database.run_blocking(optouts.opted_out) == frozenset()
    database.close()


def test_what_was_learnt_from_somebody_is_taken_out_when_he_opts_out(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    known = entry()
    problem, solved = known.passages
    by_helper = replace(known, passages=(problem, replace(solved, author=HELPER)))
    both = replace(
        known,
        origin="other",
        passages=(
            problem,
            replace(solved, author=HELPER),
            Passage(kind=PassageKind.SOLUTION, text="Or `millrace gate reset`.", source="m7", author="carl"),
        ),
    )
    database.run_blocking(lambda c: store.put_entries(c, [by_helper, both]))
    told = database.run_blocking(lambda c: orders.opt(c, HELPER, Order.OPT_OUT, NOON))
    left = database.run_blocking(lambda c: store.in_state(c, EntryState.ACTIVE))
    assert [[p.text for p in stored.entry.of(PassageKind.SOLUTION)] for stored in left] == [
        ["Or `millrace gate reset`."]
    ]
    assert "learn nothing" in told and database.run_blocking(optouts.opted_out) == {HELPER}
    database.close()


# ---- Slack -----------------------------------------------------


def command(text: str) -> dict[str, str]:
    given = {"command": "/earshot", "text": text, "team_id": "T1", "channel_id": "C1", "user_id": "U1"}
    return {**given, "trigger_id": "1.2.a", "response_url": "https://hooks.slack.com/x"}


def test_a_command_is_taken_in_once_and_says_who_and_where() -> None:
    arrival = arrival_of(command("optout"), NOON)
    assert arrival is not None and arrival.key == "slack:command/1.2.a"
    commanded = parse(arrival.payload)
    assert (commanded.words, commanded.user, commanded.channel, commanded.at) == (  # type: ignore[union-attr]
        "optout",
        "slack:T1/U1",
        "slack:T1/C1",
        NOON,
    )
    assert arrival_of({**command("x"), "command": "/other"}, NOON) is None


async def opted(run: Running) -> frozenset[str]:
    return await run.database.run(optouts.opted_out)


async def test_who_opts_out_by_the_command_is_told_so_alone(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.command("/earshot", "optout", CHANNEL, ANN)
        await slack.until(lambda: len(slack.ephemerals) == 1)
        assert slack.ephemerals[0].user == ANN and "learn nothing" in slack.ephemerals[0].text
        assert await opted(run) == {f"slack:{slack.identity.team}/{ANN}"}
        slack.command("/earshot", "Opt in", CHANNEL, ANN)
        await slack.until(lambda: len(slack.ephemerals) == 2)
        assert await opted(run) == frozenset()
        slack.command("/earshot", "sing", CHANNEL, ANN)
        await slack.until(lambda: len(slack.ephemerals) == 3)
        assert "/earshot optout" in slack.ephemerals[2].text
    assert slack.all_acked() and slack.posts() == []


async def test_who_opts_out_by_a_message_is_told_so_alone(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(CHANNEL, CARL, f"<@{slack.identity.bot_user}> optout")
        await slack.until(lambda: len(slack.ephemerals) == 1)
        assert slack.ephemerals[0].user == CARL
        assert await opted(run) == {f"slack:{slack.identity.team}/{CARL}"}
    assert slack.posts() == []


async def test_a_person_is_forgotten_while_earshot_runs(slack: LocalSlack, tmp_path: Path) -> None:
    """The answer that quotes him is deleted in Slack; the running process goes on and finds nothing of his."""
    helper = f"slack:{slack.identity.team}/{BOB}"
    known = entry()
    problem, solved = known.passages
    async with running(
        slack, tmp_path, [replace(known, passages=(problem, replace(solved, author=helper)))]
    ) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        slack.post(CHANNEL, BOB, "I wrote that.", thread_ts=ts)
        await slack.until(slack.all_acked)
        other = open_database(run.database.url)  # `earshot forget`, in a process of its own
        receipt = await forget.forget_user(
            other, helper, config=config(), now=datetime.now(UTC), folder=tmp_path / "index"
        )
        other.close()
        assert receipt.answers == 1 and len(receipt.removed) == 1
        await slack.until(lambda: slack.bot_replies(ts) == [])
        again = slack.post(CHANNEL, CARL, QUESTION)
        whole = f"slack:{slack.identity.team}/{CHANNEL}/{again}"
        while await run.database.run(lambda c: ledger.last_decision(c, whole)) is None:
            await slack.until(slack.all_acked)
        assert slack.bot_replies(again) == []


async def test_a_message_deleted_in_slack_puts_what_was_merged_into_its_entry_in_force_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    home = f"slack:{slack.identity.team}/{CHANNEL}"
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "Thank you all, that was it.")
        await slack.until(slack.all_acked)
        gone = entry(origin=f"{home}/{ts}")
        twin = entry("Gate does not start any more, why?", origin="other", source="else")
        await run.knowledge.learn([gone, twin])
        await run.database.run(lambda c: store.move(c, twin.id, EntryState.MERGED, gone.id))
        await run.database.run(lambda c: store.move(c, gone.id, EntryState.RETIRED))
        await run.database.run(lambda c: store.move(c, gone.id, EntryState.ACTIVE))
        slack.delete(CHANNEL, ts)
        while await run.database.run(lambda c: store.state_of(c, gone.id)) is not None:
            await slack.until(slack.all_acked)
        assert await run.database.run(lambda c: store.state_of(c, twin.id)) is EntryState.ACTIVE
        hits = await run.knowledge.search(QUESTION, audiences=frozenset({twin.audience}))
        assert [hit.entry.id for hit in hits] == [twin.id]

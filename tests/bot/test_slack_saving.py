"""Keeping something as knowledge by hand: the shortcut, the form, and what is made of it, over the real client."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot import ledger, optouts, saving
from bot.adapters.slack_cards import (
    AUDIENCE_INPUT,
    EVERYWHERE,
    HERE,
    PROBLEM_INPUT,
    SAVE_SHORTCUT,
    SOLUTION_INPUT,
    TITLE_INPUT,
)
from bot.tables import saved as saved_by_hand
from knowledge import store
from knowledge.audience import Place, Setting, audiences_for
from knowledge.entry import WORKSPACE, EntryState, PassageKind
from knowledge.store import Stored
from knowledge.thread import Role
from tests.bot.running import ANN, BOB, CARL, CHANNEL, PRIVATE, Running, config, entry, running, workspace
from tests.bot.running import QUESTION as KNOWN_QUESTION
from tests.local_slack import LocalSlack, SlackError

QUESTION = "Our gate stops with MLR-7001 since the update, how can we start it again?"
ANSWER = "MLR-7001 means that the licence ran out. Run `millrace licence renew` and restart the gate."
QUIET = 0.4


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


async def solved(run: Running, channel: str = CHANNEL, answer: str = ANSWER) -> tuple[str, str]:
    """A question and its answer; their timestamps, once both were heard."""
    question = run.slack.post(channel, ANN, QUESTION)
    said = run.slack.post(channel, BOB, answer, thread_ts=question)
    team = run.slack.identity.team
    for _ in range(500):
        row = await run.database.run(lambda c: ledger.last_decision(c, f"slack:{team}/{channel}/{said}"))
        if row is not None:
            return question, said
        await asyncio.sleep(0.01)
    raise AssertionError(run.slack.report())


async def form(slack: LocalSlack, channel: str, ts: str, user: str) -> dict[str, Any]:
    before = len(slack.views)
    slack.message_shortcut(SAVE_SHORTCUT, channel, ts, user)
    await slack.until(lambda: len(slack.views) > before)
    return slack.views[-1]


def elements(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["element"]["action_id"]: block["element"] for block in view["blocks"]}


def offered(view: dict[str, Any]) -> dict[str, str]:
    """What sending the form as it was opened sends."""
    found = elements(view)
    texts = {
        name: found[name].get("initial_value", "") for name in (TITLE_INPUT, PROBLEM_INPUT, SOLUTION_INPUT)
    }
    return {**texts, AUDIENCE_INPUT: found[AUDIENCE_INPUT]["initial_option"]["value"]}


async def told(slack: LocalSlack, user: str, words: str) -> None:
    await slack.until(lambda: any(one.user == user and words in one.text for one in slack.ephemerals))


async def kept(run: Running) -> list[Stored]:
    def read(connection: Connection) -> list[Stored]:
        ids = connection.execute(select(saved_by_hand.c.entry_id)).scalars().all()
        return list(store.stored_by_id(connection, ids).values())

    return await run.database.run(read)


async def test_an_analyst_saves_an_answer_and_it_is_found_at_once(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        question, answer = await solved(run)
        view = await form(slack, CHANNEL, answer, BOB)
        values = offered(view)
        assert values == {
            TITLE_INPUT: QUESTION,
            PROBLEM_INPUT: QUESTION,
            SOLUTION_INPUT: ANSWER,
            AUDIENCE_INPUT: EVERYWHERE,
        }
        slack.submit(view["id"], {**values, TITLE_INPUT: "The gate stops with MLR-7001"})
        await told(slack, BOB, "Saved. I use it from now on.")
        await slack.until(slack.all_acked)
        (stored,) = await kept(run)
        team = slack.identity.team
        elsewhere = Place(channel=f"slack:{team}/C0ELSE", setting=Setting.OPEN)
        hits = await run.knowledge.search("MLR-7001", audiences=audiences_for(elsewhere))
    assert stored.state is EntryState.ACTIVE and stored.entry.audience == WORKSPACE
    assert stored.entry.title == "The gate stops with MLR-7001" and stored.entry.confirmed
    assert [hit.entry.id for hit in hits] == [stored.entry.id]
    (said,) = stored.entry.of(PassageKind.SOLUTION)
    assert (said.text, said.source) == (ANSWER, f"slack:{team}/{CHANNEL}/{answer}")
    assert (said.author, said.role) == (f"slack:{team}/{BOB}", Role.ANALYST)
    assert said.link == slack.permalink(CHANNEL, answer)
    (asked,) = stored.entry.of(PassageKind.PROBLEM)
    assert asked.source == f"slack:{team}/{CHANNEL}/{question}" and asked.author == f"slack:{team}/{ANN}"
    assert slack.posts() == []


async def test_what_is_written_anew_is_the_words_of_who_wrote_it_and_goes_with_its_source(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run)
        view = await form(slack, CHANNEL, answer, BOB)
        slack.submit(view["id"], {**offered(view), SOLUTION_INPUT: "Renew the licence, then restart."})
        await told(slack, BOB, "Saved.")
        (stored,) = await kept(run)
        (said,) = stored.entry.of(PassageKind.SOLUTION)
        assert said.text == "Renew the licence, then restart."
        assert said.author is not None and said.author.endswith(BOB) and said.source.endswith(answer)
        slack.delete(CHANNEL, answer)
        for _ in range(300):
            if not await kept(run):
                break
            await asyncio.sleep(0.01)
        assert await kept(run) == []


async def test_what_somebody_else_saves_waits_for_approval(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run)
        view = await form(slack, CHANNEL, answer, CARL)
        slack.submit(view["id"], offered(view))
        await told(slack, CARL, "waits until an admin approves it")
        (stored,) = await kept(run)
        assert stored.state is EntryState.PENDING and not stored.entry.confirmed
        hits = await run.knowledge.search("MLR-7001", audiences=frozenset({WORKSPACE}))
        assert hits == []


async def test_an_admin_who_is_no_analyst_needs_no_approval(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config(admins=[CARL])) as run:
        _, answer = await solved(run)
        view = await form(slack, CHANNEL, answer, CARL)
        slack.submit(view["id"], {**offered(view), AUDIENCE_INPUT: HERE})
        await told(slack, CARL, "I use it from now on")
        (stored,) = await kept(run)
    assert stored.entry.audience == f"channel:slack:{slack.identity.team}/{CHANNEL}"


async def test_what_is_saved_in_a_private_channel_stays_there(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run, PRIVATE)
        view = await form(slack, PRIVATE, answer, BOB)
        options = elements(view)[AUDIENCE_INPUT]["options"]
        assert [option["value"] for option in options] == [HERE]
        slack.submit(view["id"], offered(view))
        await told(slack, BOB, "Saved.")
        (stored,) = await kept(run)
    assert stored.entry.audience == f"channel:slack:{slack.identity.team}/{PRIVATE}"


async def test_personal_data_and_secrets_are_taken_out_of_what_is_offered_and_of_what_is_written(
    slack: LocalSlack, tmp_path: Path
) -> None:
    secret = "Mail ann.smith@example.com, she knows how to renew the licence and restarts the gate."
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run, answer=secret)
        view = await form(slack, CHANNEL, answer, BOB)
        values = offered(view)
        assert "<email 1>" in values[SOLUTION_INPUT] and "ann.smith" not in str(view)
        slack.submit(view["id"], {**values, PROBLEM_INPUT: "Write to carl.jones@example.com about MLR-7001."})
        await told(slack, BOB, "blacked out")
        (stored,) = await kept(run)
    texts = " ".join(passage.text for passage in stored.entry.passages)
    assert "carl.jones" not in texts and "ann.smith" not in texts and "<email" in texts


async def test_a_form_sent_twice_keeps_one_and_one_without_a_solution_none(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run)
        first, second = [await form(slack, CHANNEL, answer, user) for user in (CARL, BOB)]
        slack.submit(first["id"], {**offered(first), SOLUTION_INPUT: "  "})
        await told(slack, CARL, "Nothing was saved")
        assert await kept(run) == []
        third = await form(slack, CHANNEL, answer, CARL)
        slack.submit(third["id"], offered(third))
        await told(slack, CARL, "waits until an admin approves it")
        slack.submit(second["id"], offered(second))
        await told(slack, BOB, "I use it from now on")
        (stored,) = await kept(run)
    assert stored.state is EntryState.ACTIVE


async def test_a_message_that_was_not_heard_offers_its_own_words(slack: LocalSlack, tmp_path: Path) -> None:
    slack.add_channel("C0ELSE0001", "elsewhere", kind="private", members=[BOB], with_bot=False)
    ts = slack.post("C0ELSE0001", BOB, ANSWER)
    async with running(slack, tmp_path, settings=config()) as run:
        view = await form(slack, "C0ELSE0001", ts, BOB)
        values = offered(view)
        assert (values[SOLUTION_INPUT], values[PROBLEM_INPUT]) == (ANSWER, "")
        assert values[AUDIENCE_INPUT] == HERE
        slack.submit(view["id"], {**values, TITLE_INPUT: "MLR-7001", PROBLEM_INPUT: "The gate stops."})
        await told(slack, BOB, "Saved.")
        (stored,) = await kept(run)
    assert stored.entry.audience == f"channel:slack:{slack.identity.team}/C0ELSE0001"


async def test_our_own_answer_offers_the_question_it_was_about(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=config()):
        question = slack.post(CHANNEL, ANN, KNOWN_QUESTION)
        await slack.until(lambda: len(slack.bot_replies(question)) == 1)
        await asyncio.sleep(QUIET)  # its receipt is kept
        values = offered(await form(slack, CHANNEL, slack.bot_replies(question)[0].ts, BOB))
    assert values[PROBLEM_INPUT] == KNOWN_QUESTION and values[SOLUTION_INPUT] == ""


async def test_a_form_that_cannot_be_opened_in_time_says_so(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["views.open"].append(SlackError("expired_trigger_id"))
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run)
        slack.message_shortcut(SAVE_SHORTCUT, CHANNEL, answer, BOB)
        await told(slack, BOB, saving.NOT_IN_TIME)
        await asyncio.sleep(QUIET)
    assert slack.views == []


async def test_what_is_deleted_before_the_form_is_sent_is_not_kept(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        _, answer = await solved(run)
        view = await form(slack, CHANNEL, answer, BOB)
        slack.delete(CHANNEL, answer)
        whole = f"slack:{slack.identity.team}/{CHANNEL}/{answer}"
        for _ in range(300):
            if await run.database.run(lambda c: ledger.was_erased(c, whole)):
                break
            await asyncio.sleep(0.01)
        slack.submit(view["id"], offered(view))
        await told(slack, BOB, "deleted meanwhile")
        assert await kept(run) == []


async def test_the_form_does_not_offer_the_words_of_who_opted_out(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=config()) as run:
        question, answer = await solved(run)
        unwilling = f"slack:{slack.identity.team}/{BOB}"
        await run.database.run(lambda c: optouts.put(c, unwilling, datetime(2026, 11, 21, tzinfo=UTC)))
        chosen = offered(await form(slack, CHANNEL, answer, CARL))
        asked = offered(await form(slack, CHANNEL, question, CARL))
    assert chosen[SOLUTION_INPUT] == asked[SOLUTION_INPUT] == ""
    assert chosen[PROBLEM_INPUT] == asked[PROBLEM_INPUT] == QUESTION

"""What becomes of our own answers afterwards, over the real Slack client against the local Slack."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot import forget, intents, ledger, revisions, tables, votes
from bot.adapters.acts import ActRefused, Revise
from bot.adapters.slack_cards import CORRECT_ACTION, OBJECTION_ACTION
from bot.adapters.slack_wire import FEEDBACK_ACTION, METADATA_TYPE
from bot.objections import Objection
from bot.revising import DECIDED_AFTER, MOST_REVISIONS, WHILE_WRITING, Why
from bot.revisions import State
from bot.updating import look_again
from knowledge import store
from knowledge.entry import EntryState, KnowledgeEntry, Trust
from knowledge.trust import CONFIRMED
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    PRIVATE,
    QUESTION,
    SOLUTION,
    Running,
    config,
    entry,
    erase_message,
    running,
    workspace,
)
from tests.local_slack import (
    DropAfterEffect,
    Ephemeral,
    Http429,
    LocalSlack,
    Message,
    SlackError,
    SlowAfterEffect,
)

QUIET = 0.4  # seconds in which nothing more must happen
NEWER = "MLR-4090: the spill folder is full. Since version 4 `millrace gate heal` empties it and restarts the gate."
RIGHT = "Restart the spill daemon first, then <!channel> the gate."


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


class Ahead:
    """The system's time, moved on by hand."""

    def __init__(self) -> None:
        self.by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@pytest.fixture
def clock() -> Ahead:
    return Ahead()


@asynccontextmanager
async def connected(slack: LocalSlack, folder: Path, *known: Any, **more: Any) -> AsyncIterator[Running]:
    """Running, without the pause that Slack asks for between two posts in a channel: there is one."""
    async with running(slack, folder, *known, **more) as run:
        run.bot.adapters["slack"].post_interval = 0.0
        yield run


def later(slack: LocalSlack, clock: Ahead, by: timedelta) -> None:
    """So much later something is said elsewhere, and what is due is looked at."""
    clock.by += by
    slack.post(PRIVATE, ANN, "Good morning everybody.")


async def replied(slack: LocalSlack, text: str = QUESTION) -> tuple[str, Message]:
    """A question and our answer to it."""
    ts = slack.post(CHANNEL, ANN, text)
    await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
    return ts, slack.bot_replies(ts)[0]


async def until(run: Running, holds: Any) -> None:
    for _ in range(1_000):
        if await run.database.run(holds):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it never held; {run.slack.report()}")


async def voted(run: Running, count: int = 1) -> None:
    await until(run, lambda c: c.exec_driver_sql("select count(*) from votes").scalar() == count)


async def decided(run: Running) -> None:
    """What was to be decided about an answer is."""
    await until(run, lambda c: intents.is_done(c, suggestion(c).id, "reject"))


def suggestion(connection: Connection) -> Any:
    return connection.execute(select(tables.suggestions).order_by(tables.suggestions.c.at)).first()


def click_down(slack: LocalSlack, reply: Message, user: str) -> None:
    buttons = next(b for b in reply.blocks if b["type"] == "context_actions")["elements"][0]
    slack.click(CHANNEL, reply.ts, user, FEEDBACK_ACTION, buttons["negative_button"]["value"])


async def whispered(slack: LocalSlack, user: str, count: int = 1) -> Ephemeral:
    def shown() -> list[Ephemeral]:
        return [one for one in slack.ephemerals if one.user == user]

    await slack.until(lambda: len(shown()) >= count)
    return shown()[-1]


def stands(slack: LocalSlack, reply: Message) -> str:
    """All that is said where our answer stood."""
    message = slack.message(CHANNEL, reply.ts)
    return message.text + str(message.blocks)


def has_buttons(slack: LocalSlack, reply: Message) -> bool:
    return any(block["type"] == "context_actions" for block in slack.message(CHANNEL, reply.ts).blocks)


# ---- rejected by an analyst -----------------------------------------------------


async def test_what_an_analyst_rejects_is_gone_and_is_not_said_there_again(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with running(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        click_down(slack, reply, BOB)
        await voted(run)
        await asyncio.sleep(QUIET)
        assert slack.bot_replies(ts) == [reply]  # it may have been a slip
        later(slack, clock, DECIDED_AFTER)
        await slack.until(lambda: slack.bot_replies(ts) == [])
        slack.post(CHANNEL, ANN, f"<@{slack.identity.bot_user}> {QUESTION}", thread_ts=ts)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        assert "spill clean" not in slack.bot_replies(ts)[0].text
        row = await run.database.run(suggestion)
        trust = await run.knowledge.trust_in(entry().id)
    assert row.content is not None and row.removed and row.removed_at is None  # kept to learn from
    assert trust == Trust(up=CONFIRMED, down=2.0)


async def test_a_rejection_that_is_taken_back_in_time_changes_nothing(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, BOB, "-1")
        await voted(run)
        slack.unreact(CHANNEL, reply.ts, BOB, "-1")
        await voted(run, 0)
        later(slack, clock, DECIDED_AFTER)
        await decided(run)
        await asyncio.sleep(QUIET)
        assert slack.bot_replies(ts) == [reply]
        slack.react(CHANNEL, reply.ts, CARL, "-1")  # a customer's
        await voted(run)
        later(slack, clock, DECIDED_AFTER)
        await asyncio.sleep(QUIET)
    assert slack.bot_replies(ts) == [reply]


@pytest.mark.parametrize("why", [Objection.WRONG, Objection.TOO_LATE])
async def test_the_reason_decides_whether_a_thumb_rejects(
    slack: LocalSlack, tmp_path: Path, clock: Ahead, why: Objection
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, BOB, "thumbsdown")
        asked = await whispered(slack, BOB)
        slack.click(CHANNEL, asked.ts, BOB, OBJECTION_ACTION + why.name)
        if why is Objection.WRONG:
            await slack.until(lambda: slack.bot_replies(ts) == [])  # without waiting any longer
            return
        await slack.until(lambda: "Noted" in slack.ephemerals[-1].text)
        later(slack, clock, DECIDED_AFTER)
        await decided(run)
        await asyncio.sleep(QUIET)
    assert slack.bot_replies(ts) == [reply]


async def test_where_somebody_wrote_below_one_line_is_left(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        said = slack.post(CHANNEL, ANN, "I try that now.", thread_ts=ts)
        heard = f"slack:{slack.identity.team}/{CHANNEL}/{said}"
        await until(run, lambda c: ledger.message_row(c, heard) is not None)
        slack.react(CHANNEL, reply.ts, BOB, "-1")
        await voted(run)
        later(slack, clock, DECIDED_AFTER)
        await slack.until(lambda: "Withdrawn: an analyst" in stands(slack, reply))
        await slack.until(slack.all_acked)
    assert "spill" not in stands(slack, reply) and not has_buttons(slack, reply)
    metadata = slack.message(CHANNEL, reply.ts).metadata
    assert metadata is not None and metadata["event_type"] == METADATA_TYPE  # chat.update leaves it
    assert slack.calls("chat.delete") == []


async def test_a_rejection_survives_a_restart_and_is_carried_out_once(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, BOB, "-1")
        await voted(run)
    clock.by += DECIDED_AFTER
    slack.faults["chat.delete"].append(DropAfterEffect())
    async with connected(slack, tmp_path, clock=clock) as run:
        await slack.until(lambda: slack.bot_replies(ts) == [])
        await until(run, lambda c: intents.is_done(c, suggestion(c).id, "delete"))
        kinds = await run.database.run(lambda c: list(c.exec_driver_sql("select kind from audit").scalars()))
    assert (kinds.count("answer rejected"), kinds.count("withdrawn"), kinds.count("removed")) == (1, 1, 0)


# ---- corrections -----------------------------------------------------


async def correct(slack: LocalSlack, reply: Message, user: str) -> None:
    slack.react(CHANNEL, reply.ts, user, "-1")
    asked = await whispered(slack, user)
    slack.click(CHANNEL, asked.ts, user, CORRECT_ACTION)
    await slack.until(lambda: len(slack.views) == 1)
    slack.submit(slack.views[0]["id"], {"earshot_answer": RIGHT})


async def test_an_analysts_correction_takes_the_place_of_the_answer(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock) as run:
        ts, reply = await replied(slack)
        await correct(slack, reply, BOB)
        await slack.until(lambda: "bob corrected this" in stands(slack, reply))
        shown = slack.message(CHANNEL, reply.ts)
        assert "takes the place of mine" in (await whispered(slack, BOB, 2)).text
        assert "spill daemon" in shown.text and "millrace" not in stands(slack, reply)
        assert "Updated" in shown.blocks[0]["text"]["text"] and has_buttons(slack, reply)
        assert "Correction by bob · analyst" in str(shown.blocks) and "<!channel>" not in stands(slack, reply)
        await until(run, lambda c: suggestion(c).version == 1)
        slack.react(CHANNEL, reply.ts, ANN, "+1")
        await voted(run, 2)
        later(slack, clock, WHILE_WRITING)
        await asyncio.sleep(QUIET)
        assert slack.bot_replies(ts) == [shown]  # what he rejected is not there any more
        trust = await run.knowledge.trust_in(entry().id)
        (kept,) = await run.database.run(votes.corrections_in)
        cast = await run.database.run(partial(votes.votes_on_entry, entry_id=f"correction:{kept.id}"))
    assert trust is not None and trust.up == CONFIRMED and trust.down >= 2.0  # Ann liked the correction
    assert [(user.rpartition("/")[2], helpful) for _, user, helpful in cast] == [(ANN, True)]
    assert len(slack.calls("chat.update")) == 1


async def test_the_form_gives_its_author_time_and_a_struck_answer_can_be_corrected(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    striking = config(channels={"#help": {"rejected": "strike"}})
    async with connected(slack, tmp_path, [entry()], settings=striking, clock=clock) as run:
        _, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, BOB, "-1")
        asked = await whispered(slack, BOB)
        slack.click(CHANNEL, asked.ts, BOB, CORRECT_ACTION)
        await slack.until(slack.all_acked)
        await until(run, lambda c: (intents.next_intent(c) or clock.now()) > clock.now() + DECIDED_AFTER)
        later(slack, clock, DECIDED_AFTER)
        await asyncio.sleep(QUIET)
        assert slack.message(CHANNEL, reply.ts) == reply
        later(slack, clock, WHILE_WRITING)
        await slack.until(lambda: "Withdrawn" in stands(slack, reply))
        slack.submit(slack.views[0]["id"], {"earshot_answer": RIGHT})
        await slack.until(lambda: "bob corrected this" in stands(slack, reply))
        await until(run, lambda c: not suggestion(c).removed)


async def test_a_customers_correction_stays_between_us(
    slack: LocalSlack, tmp_path: Path, clock: Ahead
) -> None:
    async with connected(slack, tmp_path, [entry()], clock=clock):
        _, reply = await replied(slack)
        await correct(slack, reply, CARL)
        assert "I keep your answer" in (await whispered(slack, CARL, 2)).text
        await asyncio.sleep(QUIET)
    assert slack.message(CHANNEL, reply.ts) == reply


# ---- sources that do not hold any more -----------------------------------------------------


def newer() -> KnowledgeEntry:
    origin = "slack:T0/C0OLD/1700000000.000001"
    return entry(solution=NEWER, origin=origin, source="slack:T0/C0OLD/1700000001.000001")


async def give_way(run: Running) -> None:
    """As a night does: the newer entry stands in place of the older one."""
    await run.knowledge.learn([newer()])
    await move(run, EntryState.SUPERSEDED, newer().id)


async def move(run: Running, state: EntryState, successor: str | None = None) -> None:
    await run.database.run(lambda c: store.move(c, entry().id, state, successor))
    await run.knowledge.follow()


async def posted(run: Running) -> None:
    await until(run, lambda c: suggestion(c).posted_id is not None)


async def test_a_newer_source_is_quoted_instead_and_each_vote_counts_for_what_it_was_cast_on(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, CARL, "-1")
        await voted(run)
        assert await look_again(run.bot) == 0
        await give_way(run)
        assert await look_again(run.bot) == 1
        await slack.until(lambda: "newer information" in stands(slack, reply))
        assert "gate heal" in stands(slack, reply) and "--older 7d" not in stands(slack, reply)
        assert slack.message(CHANNEL, reply.ts).text.startswith("Updated") and has_buttons(slack, reply)
        await until(run, lambda c: suggestion(c).version == 1)
        assert await look_again(run.bot) == 0
        click_up = next(b for b in reply.blocks if b["type"] == "context_actions")["elements"][0]
        slack.click(CHANNEL, reply.ts, CARL, FEEDBACK_ACTION, click_up["positive_button"]["value"])
        for key, trust in (
            (newer().id, Trust(up=CONFIRMED + 1)),
            (entry().id, Trust(up=CONFIRMED, down=1.0)),
        ):
            for _ in range(500):
                if await run.knowledge.trust_in(key) == trust:
                    break
                await asyncio.sleep(0.01)
            assert await run.knowledge.trust_in(key) == trust
        slack.unreact(CHANNEL, reply.ts, CARL, "-1")  # which stood there since before
        for _ in range(500):
            if await run.knowledge.trust_in(entry().id) == Trust(up=CONFIRMED):
                break
            await asyncio.sleep(0.01)
        assert await run.knowledge.trust_in(entry().id) == Trust(up=CONFIRMED)
        said = await run.database.run(lambda c: ledger.quoted_in(c, [suggestion(c).id]))
    assert said == {entry().id, newer().id}  # neither is said there again


async def test_the_same_words_from_another_source_change_nothing_for_people(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        slack.react(CHANNEL, reply.ts, ANN, "+1")
        await voted(run)
        moved = entry(origin="slack:T0/C0OLD/1700000000.000001")
        await run.knowledge.learn([moved])
        await run.knowledge.retire([entry().id])  # as when a document is learnt again
        assert await look_again(run.bot) == 1
        assert await run.database.run(lambda c: votes.entries_quoted(c, suggestion(c).id)) == [moved.id]
        cast = await run.database.run(partial(votes.votes_on_entry, entry_id=moved.id))
        assert [helpful for _, _, helpful in cast] == [True]
        assert await look_again(run.bot) == 0
    assert slack.calls("chat.update") == [] and slack.message(CHANNEL, reply.ts).blocks == reply.blocks


async def test_a_source_that_was_withdrawn_is_said_so_until_it_counts_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        await posted(run)
        await move(run, EntryState.RETIRED)
        await look_again(run.bot)
        await slack.until(lambda: "the source of this was withdrawn" in stands(slack, reply))
        assert "spill clean" in stands(slack, reply) and has_buttons(slack, reply)
        await until(run, lambda c: not revisions.is_on_its_way(c, suggestion(c).id))
        assert await look_again(run.bot) == 0  # it is said already
        await move(run, EntryState.ACTIVE)
        await look_again(run.bot)
        await slack.until(lambda: "counts again" in stands(slack, reply))
    assert len(slack.calls("chat.update")) == 2


async def test_what_was_edited_away_is_not_quoted_any_more(slack: LocalSlack, tmp_path: Path) -> None:
    async with connected(slack, tmp_path) as run:
        root = slack.post(CHANNEL, CARL, "How is the report called that lists the late flows?")
        source = slack.post(CHANNEL, BOB, SOLUTION, thread_ts=root)
        team = slack.identity.team
        known = entry(origin=f"slack:{team}/C0OLD/1", source=f"slack:{team}/{CHANNEL}/{source}")
        await run.knowledge.learn([known])
        _, reply = await replied(slack)
        await posted(run)
        slack.edit(CHANNEL, source, f"{SOLUTION} (checked today)")
        slack.edit(CHANNEL, source, "Forget it: never clean that folder by hand.")
        await until(run, lambda c: revisions.doubted_sources(c, suggestion(c).id))
        await look_again(run.bot)
        await slack.until(lambda: "Withdrawn: the message that this was taken from" in stands(slack, reply))
    assert "spill clean" not in stands(slack, reply) and not has_buttons(slack, reply)


async def test_a_closed_thread_is_left_alone(slack: LocalSlack, tmp_path: Path) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        ts, reply = await replied(slack)
        await posted(run)
        slack.react(CHANNEL, ts, BOB, "white_check_mark")
        await until(run, lambda c: ledger.ticket_counts(c) == {"closed": 1})
        await give_way(run)
        assert await look_again(run.bot) == 0
    assert slack.message(CHANNEL, reply.ts) == reply


async def test_where_an_analyst_decides_what_is_said_nothing_new_is(
    slack: LocalSlack, tmp_path: Path
) -> None:
    current = config()
    async with connected(slack, tmp_path, [entry()], settings=lambda: current) as run:
        _, reply = await replied(slack)
        await posted(run)
        current = config(channels={"#help": {"mode": "draft"}}, drafts_to="#help")
        await give_way(run)
        await look_again(run.bot)
        await slack.until(lambda: "the source of this was withdrawn" in stands(slack, reply))
    assert "gate heal" not in stands(slack, reply)


# ---- trouble on the way -----------------------------------------------------


@pytest.mark.parametrize("fault", [DropAfterEffect(), Http429(1)])
async def test_a_change_is_there_in_the_end_whatever_happens_on_the_way(
    slack: LocalSlack, tmp_path: Path, fault: Any
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        await posted(run)
        await give_way(run)
        slack.faults["chat.update"].append(fault)
        await look_again(run.bot)
        await until(run, lambda c: suggestion(c).version == 1)
    assert "gate heal" in stands(slack, reply)


async def test_what_cannot_be_changed_stays_without_a_word_and_is_not_tried_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        ts, reply = await replied(slack)
        await posted(run)
        await give_way(run)
        slack.faults["chat.update"].append(SlackError("edit_window_closed"))
        await look_again(run.bot)
        await until(run, lambda c: _state(c) == State.REFUSED)
        assert await look_again(run.bot) == 0
        row = await run.database.run(suggestion)
        for error in ("message_not_found", "cant_update_message", "is_archived"):
            slack.faults["chat.update"].append(SlackError(error))
            with pytest.raises(ActRefused, match=error):
                await run.bot.adapter_of(row.channel).perform(_revise(row))
    assert slack.bot_replies(ts) == [reply]
    assert row.version == 0 and "spill clean" in row.content  # votes are still on what stands there


def _revise(row: Any) -> Revise:
    now = datetime.now(UTC)
    return Revise(
        id=row.id, channel=row.channel, message_id=row.posted_id, suggestion=None, note="Note.", now=now
    )


def _state(connection: Connection) -> str | None:
    last = revisions.last_of(connection, suggestion(connection).id)
    return None if last is None else str(last.state)


async def test_a_change_that_a_stop_cut_off_is_done_after_it(slack: LocalSlack, tmp_path: Path) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        await posted(run)
        await give_way(run)
        slack.faults["chat.update"].append(SlowAfterEffect(30.0))
        await look_again(run.bot)
        await slack.until(lambda: "gate heal" in stands(slack, reply))
        assert (await run.database.run(suggestion)).version == 0  # nobody knows yet that it stands there
    async with connected(slack, tmp_path) as run:
        await until(run, lambda c: suggestion(c).version == 1)
        assert await run.database.run(lambda c: intents.is_done(c, suggestion(c).id, "revise 1"))
    assert "gate heal" in stands(slack, reply) and len(slack.calls("chat.update")) == 2


async def test_of_two_changes_on_their_way_the_newest_wins(slack: LocalSlack, tmp_path: Path) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        await posted(run)

        def change_twice(connection: Connection) -> None:
            now = datetime.now(UTC)
            for why, note in ((Why.UNSOURCED, "First."), (Why.SOURCED, "Second.")):
                assert revisions.put_revision(connection, suggestion(connection), why, note, None, now)

        await run.database.run(change_twice)
        await slack.until(lambda: "Second." in stands(slack, reply))
        await until(run, lambda c: _state(c) == State.SHOWN)
    assert len(slack.calls("chat.update")) == 1


async def test_an_answer_is_changed_only_so_often_but_can_always_be_struck(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        await replied(slack)
        await posted(run)

        def change_often(connection: Connection) -> list[bool]:
            now, each = datetime.now(UTC), [Why.UNSOURCED] * MOST_REVISIONS
            whys = [*each, Why.SOURCED, Why.REJECTED]
            return [
                revisions.put_revision(connection, suggestion(connection), why, "Note.", None, now)
                for why in whys
            ]

        assert await run.database.run(change_often) == [True] * MOST_REVISIONS + [False, True]


async def test_what_is_on_its_way_is_not_said_once_its_source_is_deleted(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with connected(slack, tmp_path, [entry()]) as run:
        _, reply = await replied(slack)
        await posted(run)
        await give_way(run)
        slack.faults["chat.update"].append(Http429(60))
        await look_again(run.bot)
        await slack.until(lambda: len(slack.calls("chat.update")) == 1)
        await run.database.run(lambda c: erase_message(c, "slack:T0/C0OLD/1700000001.000001"))
        left = await run.database.run(lambda c: revisions.last_of(c, suggestion(c).id))
        await run.knowledge.follow()
        assert left is not None and (left.state, left.content, left.note) == (State.DROPPED, None, "")
        assert await look_again(run.bot) == 0  # what was replaced is in force again
    assert slack.message(CHANNEL, reply.ts) == reply


async def test_who_is_forgotten_takes_the_correction_along(slack: LocalSlack, tmp_path: Path) -> None:

    async with connected(slack, tmp_path, [entry()]) as run:
        ts, reply = await replied(slack)
        await correct(slack, reply, BOB)
        await slack.until(lambda: "bob corrected this" in stands(slack, reply))
        await until(run, lambda c: suggestion(c).version == 1)
        bob = f"slack:{slack.identity.team}/{BOB}"
        await forget.forget_user(run.database, bob, config=config(), now=datetime.now(UTC))
        await slack.until(lambda: slack.bot_replies(ts) == [])
        left = await run.database.run(
            lambda c: c.exec_driver_sql("select count(*) from revisions, corrections").scalar()
        )
    assert left == 0

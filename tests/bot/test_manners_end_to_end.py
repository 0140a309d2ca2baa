"""Manners as people in Slack meet them: told to be quiet, asked back, voted down, and who counts as an analyst."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import ledger
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Person
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_wire import SCOPES
from bot.clock import SystemClock
from bot.doctor import examine_scopes
from bot.groups import FRESH, Groups
from bot.ledger import first_reason
from bot.scorer import Action
from bot.tickets import TicketState
from knowledge.audience import Standing
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    QUESTION,
    SOLUTION,
    THIRD_QUESTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.bot.test_slack_end_to_end import QUIET, answered
from tests.local_slack import DEFAULT_SCOPES, LocalSlack, SlackError

GROUP = "S0SUPPORT1"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


def qualified(run: Running, ts: str) -> str:
    return f"slack:{run.slack.identity.team}/{CHANNEL}/{ts}"


async def decided(run: Running, ts: str) -> tuple[str, str]:
    """Action and reason of the final decision about a message of the help channel."""
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, qualified(run, ts)))
        if row is not None and row.action != Action.WAIT:
            return str(row.action), first_reason(row)[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"{ts} was not decided; {run.slack.report()}")


async def taken_in(run: Running) -> None:
    """Everything that happened so far was handled."""
    await run.slack.until(run.slack.all_acked)
    for _ in range(1_000):
        left = await run.database.run(
            lambda c: c.exec_driver_sql(
                "select count(*) from inbox where state in ('pending', 'running')"
            ).scalar()
        )
        if not left:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(run.slack.report())


SILENT = str(Action.SILENT)
REPLY = str(Action.REPLY)


async def test_a_thread_is_muted_by_a_word_and_asked_back_by_a_mention(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config(wait=1.0)) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        order = slack.post(CHANNEL, CARL, "@earshot be quiet!", thread_ts=ts)
        assert await decided(run, order) == (SILENT, "order")
        assert await decided(run, ts) == (SILENT, "muted")
        again = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}", thread_ts=ts)
        assert await decided(run, again) == (REPLY, "addressed")
        await answered(run, ts)
    assert len(slack.posts()) == 1


async def test_an_order_is_no_question_and_is_kept_by_nobody(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        order = slack.post(CHANNEL, ANN, "<@U0EARSHOT1> 静音频道", raw=True)
        assert await decided(run, order) == (SILENT, "order")
        slack.react(CHANNEL, order, BOB, "+1")
        slack.edit(CHANNEL, order, f"@earshot {QUESTION}")
        await taken_in(run)
        assert await run.database.run(lambda c: ledger.ticket(c, qualified(run, order))) is None
        assert await run.database.run(lambda c: ledger.message_row(c, qualified(run, order))) is None
        kept = await run.database.run(
            lambda c: c.exec_driver_sql("select payload from inbox").scalars().all()
        )
    assert slack.posts() == [] and set(kept) == {None}


async def test_the_mute_sign_on_our_answer_quiets_the_thread_as_long_as_it_stands(
    slack: LocalSlack, tmp_path: Path
) -> None:
    more = entry(
        "The report of late flows is empty",
        "An empty report of late flows means that the clock of the gate is wrong. Set it by `millrace clock sync`.",
        origin="slack:T0/C0OLD/2",
        source="slack:T0/C0OLD/3",
        link=None,
    )
    next_question = "And why is the report of late flows empty, how can I fill it?"
    async with running(slack, tmp_path, [entry(), more]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        reply = slack.bot_replies(ts)[0].ts
        slack.react(CHANNEL, reply, CARL, "mute")
        await taken_in(run)
        muted = slack.post(CHANNEL, ANN, next_question, thread_ts=ts)
        assert await decided(run, muted) == (SILENT, "muted")
        slack.unreact(CHANNEL, reply, CARL, "mute")
        await taken_in(run)
        slack.post(CHANNEL, ANN, next_question, thread_ts=ts)
        await answered(run, ts, count=2)


async def test_the_mute_sign_on_a_question_quiets_it_while_it_waits(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config(wait=2.0)) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await taken_in(run)  # the sign finds the question waiting
        slack.react(CHANNEL, ts, ANN, "mute")
        assert await decided(run, ts) == (SILENT, "muted")
        other = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        await answered(run, other)
    assert slack.bot_replies(ts) == []


async def test_a_channel_is_muted_by_who_is_in_charge_and_asked_back_in_one_thread(
    slack: LocalSlack, tmp_path: Path
) -> None:
    dan = slack.add_user("U0DAN00001", "dan")
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(CHANNEL, ANN, "@earshot mute channel")  # a customer: ignored
        await taken_in(run)
        first = slack.post(CHANNEL, CARL, QUESTION)
        await answered(run, first)
        slack.post(CHANNEL, BOB, "@earshot mute channel")
        await taken_in(run)
        second = slack.post(CHANNEL, ANN, OTHERS_QUESTION)
        assert await decided(run, second) == (SILENT, "muted")
        slack.post(CHANNEL, ANN, f"@earshot {QUESTION}", thread_ts=second)
        await answered(run, second)
        slack.post(CHANNEL, ANN, "@earshot unmute channel", thread_ts=first)  # a customer: ignored
        third = slack.post(CHANNEL, dan, THIRD_QUESTION)
        assert await decided(run, third) == (SILENT, "muted")
        slack.post(CHANNEL, BOB, "@earshot unmute channel")
        await taken_in(run)
        slack.post(CHANNEL, dan, f"Hello? {QUESTION}", thread_ts=third)
        await answered(run, third)


async def test_a_mute_outlives_a_restart(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(CHANNEL, BOB, "@earshot mute channel")
        await taken_in(run)
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        assert await decided(run, ts) == (SILENT, "muted")


async def test_after_a_thumbs_down_the_channel_cools_down_until_it_is_taken_back(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        reply = slack.bot_replies(ts)[0].ts
        slack.react(CHANNEL, reply, CARL, "-1")
        await taken_in(run)
        cooling = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        assert await decided(run, cooling) == (SILENT, "cool-down")
        slack.unreact(CHANNEL, reply, CARL, "-1")
        await taken_in(run)
        slack.post(CHANNEL, CARL, f"Hello? {QUESTION}", thread_ts=cooling)
        await answered(run, cooling)


async def test_somebody_called_by_name_at_the_beginning_is_the_one_who_is_asked(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, CARL, "Good morning everybody in this channel")
        slack.post(CHANNEL, BOB, "Good morning!", thread_ts=ts)
        to_bob = slack.post(CHANNEL, CARL, f"Bob, {QUESTION}", thread_ts=ts)
        assert await decided(run, to_bob) == (SILENT, "addressed")
    assert slack.posts() == []


async def test_what_is_left_of_a_deleted_question_teaches_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "How do I set the slots of the workers?")
        slack.post(CHANNEL, CARL, f"Wait: {QUESTION}", thread_ts=ts)
        solution = slack.post(CHANNEL, BOB, SOLUTION, thread_ts=ts)
        slack.post(CHANNEL, CARL, "That fixed it, thanks a lot!", thread_ts=ts)
        slack.delete(CHANNEL, ts)
        await taken_in(run)
        slack.react(CHANNEL, solution, BOB, "white_check_mark")
        await taken_in(run)
        ticket = await run.database.run(lambda c: ledger.ticket(c, qualified(run, ts)))
        assert ticket is not None and (ticket.asker.endswith(ANN), ticket.state) == (True, TicketState.CLOSED)
        assert await run.knowledge.count() == 0


# ---- who is an analyst ------------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", ["@support-team", GROUP])
async def test_members_of_a_user_group_are_analysts(slack: LocalSlack, tmp_path: Path, ref: str) -> None:
    slack.scopes = [*DEFAULT_SCOPES, "usergroups:read"]
    slack.put_group(GROUP, "support-team", [CARL])
    settings = config(analysts=[ref])
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        by_member = slack.post(CHANNEL, CARL, QUESTION)
        assert await decided(run, by_member) == (SILENT, "analyst")
        by_customer = slack.post(CHANNEL, ANN, OTHERS_QUESTION)
        await answered(run, by_customer)


async def test_groups_are_asked_for_again_and_a_failure_leaves_the_last_known(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.scopes = [*DEFAULT_SCOPES, "usergroups:read"]
    slack.put_group(GROUP, "support-team", [CARL])
    settings = config(analysts=["@support-team"])
    async with running(slack, tmp_path, settings=settings) as run:

        async def known(user: str) -> bool:
            found = await run.database.run(lambda c: ledger.belongings(c, [user]))
            return "@support-team" in found[user]

        groups = Groups(replace(run.bot, clock=Later(timedelta())))
        await groups.refresh()
        assert await known(CARL) and not await known(ANN)
        slack.put_group(GROUP, "support-team", [ANN])
        await groups.refresh()
        assert await known(CARL)  # too soon to ask again
        later = Groups(replace(run.bot, clock=Later(FRESH)))
        slack.faults["usergroups.list"].append(SlackError("fatal_error"))
        await later.refresh()
        assert await known(CARL)
        await Groups(run.bot).refresh()
        assert await known(ANN) and not await known(CARL)


class Later(SystemClock):
    """The machine's clock, ahead by a span."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return super().now() + self._ahead


async def test_who_has_an_address_of_the_domain_is_an_analyst(slack: LocalSlack, tmp_path: Path) -> None:
    slack.scopes = [*DEFAULT_SCOPES, "users:read.email"]
    slack.add_user("U0DAVE0001", "dave", email="Dave@Example.com")
    slack.add_user("U0EVE00001", "eve", email="eve@example.org")
    settings = config(analysts=["*@example.com"])
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        by_dave = slack.post(CHANNEL, "U0DAVE0001", QUESTION)
        assert await decided(run, by_dave) == (SILENT, "analyst")
        by_eve = slack.post(CHANNEL, "U0EVE00001", OTHERS_QUESTION)
        await answered(run, by_eve)
        kept = await run.database.run(lambda c: c.exec_driver_sql("select * from people").all())
    assert "Dave@Example.com".lower() not in str(kept).lower()


async def test_an_unknown_person_is_heard_even_if_slack_cannot_be_asked(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["users.info"].append(SlackError("fatal_error"))
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)


async def test_a_group_that_slack_does_not_know_is_named(slack: LocalSlack) -> None:
    slack.scopes = [*DEFAULT_SCOPES, "usergroups:read"]
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
    await adapter.check()
    with pytest.raises(LookupFailed, match="no user group @nobody"):
        await adapter.people("@nobody")


async def test_people_are_told_of_by_name_and_mail_domain(slack: LocalSlack) -> None:
    slack.add_user("U0DAVE0001", "dave", email="dave@example.com")
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
    await adapter.check()
    dave = f"slack:{slack.identity.team}/U0DAVE0001"
    assert await adapter.people(dave) == [
        Person(id=dave, name="dave", standing=Standing.MEMBER)
    ]  # no address without the scope


async def test_the_doctor_names_the_optional_scopes_that_the_settings_need(slack: LocalSlack) -> None:
    settings = config(analysts=["@support-team", "*@example.com", "U1"])
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
    await adapter.check()
    groups, mail = examine_scopes(settings, adapter.granted)
    assert "@support-team" in groups.text and "lacks the scope usergroups:read" in groups.text
    assert "*@example.com" in mail.text and "lacks the scope users:read.email" in mail.text
    assert not groups.ok and not mail.ok
    assert examine_scopes(settings, SCOPES | {"usergroups:read", "users:read.email"}) == []
    assert examine_scopes(config(), SCOPES) == []


async def test_without_the_scope_it_runs_and_asks_no_more_than_it_may(
    slack: LocalSlack, tmp_path: Path
) -> None:
    settings = config(analysts=["@support-team", BOB])
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        await asyncio.sleep(QUIET)
    assert slack.forgive("missing_scope")

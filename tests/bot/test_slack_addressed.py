"""Speaking to Earshot in Slack: a mention, a direct message, the command and the shortcuts always get an answer."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import ledger
from bot.adapters.acts import Think
from bot.addressed import PER_HOUR
from bot.asking import thinking
from bot.clock import SystemClock
from bot.config import Config
from bot.forget import forget_user
from knowledge.entry import KnowledgeEntry
from knowledge.writer import Asked, Decline, Declined, Draft, WriterFailed
from knowledge.writer_extractive import ExtractiveWriter
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    PRIVATE,
    QUESTION,
    Running,
    config,
    entry,
    workspace,
)
from tests.bot.running import running as run_slowly
from tests.bot.test_manners_end_to_end import decided, taken_in
from tests.local_slack import DropAfterEffect, LocalSlack, SlackError

UNKNOWN = "How can I change the colour of the login page of our intranet?"
SECRET = "The vault of the depot opens with the paper key in drawer nine."
VAULT = "How does one open the vault of the depot?"
QUIET = 0.4


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(post_interval=0.0) as local:
        workspace(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def running(slack: LocalSlack, folder: Path, *given: Any, **more: Any) -> AsyncIterator[Running]:
    """As everywhere, without Slack's pause between two posts: what it is for is tested elsewhere."""
    async with run_slowly(slack, folder, *given, **more) as run:
        run.bot.adapter_of(slack_id(slack, CHANNEL)).post_interval = 0.0
        yield run


def slack_id(slack: LocalSlack, bare: str) -> str:
    return f"slack:{slack.identity.team}/{bare}"


def settings(**speaking: object) -> Config:
    chosen = config()
    return chosen.model_copy(update={"defaults": chosen.defaults.model_copy(update=speaking)})


def secret(slack: LocalSlack) -> KnowledgeEntry:
    """What is known in the private channel only."""
    audience = f"channel:slack:{slack.identity.team}/{PRIVATE}"
    return entry(VAULT, SECRET, origin="slack:T0/C0SECRET/1", source="slack:T0/C0SECRET/2", audience=audience)


async def told(run: Running, count: int = 1) -> str:
    """What was shown to one person alone, the last of so many."""
    await run.slack.until(lambda: len(run.slack.ephemerals) >= count)
    return shown(run.slack.ephemerals[count - 1])


def shown(said: object) -> str:
    """All words of a message, those in its blocks too."""
    return f"{getattr(said, 'text', '')}\n{getattr(said, 'blocks', '')}"


async def said_in(run: Running, ts: str, count: int = 1) -> str:
    await run.slack.until(lambda: len(run.slack.bot_replies(ts)) >= count)
    return shown(run.slack.bot_replies(ts)[count - 1])


# ---- a mention ---------------------------------------------------------------------------------------------


async def test_a_mention_is_answered_in_its_thread_whatever_the_dial_the_wait_and_the_budgets_say(
    slack: LocalSlack, tmp_path: Path
) -> None:
    strict = settings(precision=0.99, wait_seconds=timedelta(minutes=5), max_per_hour=0, max_per_thread=0)
    async with running(slack, tmp_path, [entry()], settings=strict) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        assert "spill clean" in await said_in(run, ts)
        assert await decided(run, ts) == ("REPLY", "addressed")
        await asyncio.sleep(QUIET)
    (reply,) = slack.posts()
    assert any(block["type"] == "context_actions" for block in reply.blocks)  # thumbs count
    assert slack.ephemerals == []


async def test_who_asks_what_nobody_knows_is_told_so_with_what_is_closest(
    slack: LocalSlack, tmp_path: Path
) -> None:
    far = entry("The colour of the login page is odd in the morning", "Ask the designers about it.")
    async with running(slack, tmp_path, [far]) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {UNKNOWN}")
        words = await said_in(run, ts)
        assert "I don't know. The closest I have is:" in words
        assert (
            "<https://example.slack.com/archives/C0OLD/p1600000001000001|The colour of the login page"
            in words
        )
        assert "designers" not in words  # a title and a link, never a claim
        other = slack.post(CHANNEL, CARL, "@earshot who painted the moon above the harbour?")
        assert "I don't know. I have nothing that is close to it." in await said_in(run, other)


@pytest.mark.parametrize("mode", ["off", "shadow", "draft"])
async def test_where_it_may_not_speak_up_a_mention_is_answered_privately(
    slack: LocalSlack, tmp_path: Path, mode: str
) -> None:
    async with running(slack, tmp_path, [entry()], settings=settings(mode=mode)) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        assert "spill clean" in await told(run)
        slack.post(CHANNEL, ANN, f"@earshot {UNKNOWN}")
        assert "I don't know" in await told(run, 2)
    assert [(each.user, each.thread_ts) for each in slack.ephemerals[:1]] == [(ANN, ts)]
    assert slack.posts() == []


async def test_a_mention_in_a_muted_channel_is_answered_and_un_mutes_its_thread_alone(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(CHANNEL, BOB, "@earshot mute channel")
        assert "keep quiet in this channel" in await told(run)
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        assert "spill clean" in await said_in(run, ts)
        slack.post(CHANNEL, CARL, "@earshot unmute channel")
        assert "only analysts and admins" in await told(run, 2)
        other = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        assert await decided(run, other) == ("SILENT", "muted")


async def test_a_bots_mention_gets_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, None, f"@earshot {QUESTION}", bot_id="B0OTHER001")
        assert await decided(run, ts) == ("SILENT", "bot")
        slack.post(CHANNEL, None, "@earshot summary", bot_id="B0OTHER001")
        await taken_in(run)
    assert slack.posts() == [] and slack.ephemerals == []


async def test_where_another_company_listens_there_is_one_fixed_line_without_content(
    slack: LocalSlack, tmp_path: Path
) -> None:
    shared, eve = slack.add_channel("C0SHARED01", "shared", external=True), "U0EVE00001"
    slack.add_user(eve, "eve", team="T0OTHER001")
    async with running(slack, tmp_path, [entry()]) as run:
        slack.post(shared, eve, f"@earshot {QUESTION}")
        words = await told(run)
        assert "I do not answer here" in words and "spill" not in words
        slack.post(shared, eve, "@earshot status")
        assert "I do not answer here" in await told(run, 2)
    assert slack.posts() == []


async def test_an_answer_that_a_stop_cut_off_is_looked_for_and_comes_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"] += [DropAfterEffect()]
    async with running(slack, tmp_path, [entry()]):
        ts = slack.post(CHANNEL, ANN, f"@earshot {UNKNOWN}")
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
    assert slack.calls("conversations.replies") == []  # stopped before it knew
    async with running(slack, tmp_path):
        await slack.until(lambda: len(slack.calls("conversations.replies")) == 1)
        await asyncio.sleep(QUIET)
    assert len(slack.bot_replies(ts)) == 1 and len(slack.calls("chat.postMessage")) == 1


async def test_what_was_asked_while_nobody_listened_is_answered_and_says_that_it_is_late(
    slack: LocalSlack, tmp_path: Path
) -> None:
    late = config().model_copy(update={"stale_after": timedelta(seconds=1)})
    slack.faults["chat.postMessage"].append(SlackError("ratelimited"))

    async with running(slack, tmp_path, [entry()], settings=late) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}", ts=f"{datetime.now().timestamp() - 7200:.6f}")
        words = await said_in(run, ts)
    assert "This comes late: you asked 2 hours ago." in words and "spill clean" in words


async def test_who_asks_again_and_again_is_told_once_that_it_is_enough(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        dm = slack.dm(ANN)
        for _ in range(PER_HOUR):
            slack.command("/earshot", "help", CHANNEL, ANN)
        await told(run, PER_HOUR)
        ts = slack.post(dm, ANN, UNKNOWN)
        assert f"You asked me {PER_HOUR} times within an hour" in await said_in(run, ts)
        slack.post(CHANNEL, ANN, f"@earshot {UNKNOWN}")
        other = slack.post(CHANNEL, CARL, f"@earshot {UNKNOWN}")
        await said_in(run, other)
        await taken_in(run)
    assert len(slack.posts()) == 2  # the line in her messages, and the answer to somebody else


async def test_an_edit_may_bring_the_first_answer_but_never_a_second(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, "where is the key of the depot")
        assert (await decided(run, ts))[0] == "SILENT"
        slack.edit(CHANNEL, ts, "@earshot where is the key of the depot")
        assert "I don't know" in await said_in(run, ts)
        slack.edit(CHANNEL, ts, f"@earshot {QUESTION}")
        await taken_in(run)
        await asyncio.sleep(QUIET)
    assert len(slack.bot_replies(ts)) == 1


# ---- the rest of a conversation ------------------------------------------------------------------------------


async def test_a_follow_up_needs_no_mention_and_is_silent_where_nothing_is_known(
    slack: LocalSlack, tmp_path: Path
) -> None:
    more = entry(
        "The report of late flows is empty",
        "An empty report of late flows means that the clock of the gate is wrong. Set it by `millrace clock sync`.",
        origin="slack:T0/C0OLD/2",
        source="slack:T0/C0OLD/3",
        link=None,
    )
    slow = settings(wait_seconds=timedelta(minutes=5))
    async with running(slack, tmp_path, [entry(), more], settings=slow) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await said_in(run, ts)
        slack.post(
            CHANNEL, ANN, "And why is the report of late flows empty, how can I fill it?", thread_ts=ts
        )
        assert "clock sync" in await said_in(run, ts, 2)
        lost = slack.post(CHANNEL, ANN, UNKNOWN, thread_ts=ts)
        assert await decided(run, lost) == ("SILENT", "follow-up")


async def test_a_bare_mention_gets_the_hand_over_of_its_thread_and_engages_nobody(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "Hello! The gate stops with MLR-4090 since this morning.")
        slack.post(
            CHANNEL, CARL, "Restart the gate by hand, see https://wiki.example.com/gate.", thread_ts=ts
        )
        slack.post(CHANNEL, ANN, "That did not help, it still stops.", thread_ts=ts)
        slack.post(CHANNEL, BOB, "@earshot", thread_ts=ts)
        words = await said_in(run, ts)
        for line in (
            "*Problem: *The gate stops with MLR-4090 since this morning.",
            "*Did not help: *Restart the gate by hand",
            "*State: *somebody is helping; asked by @ann",
            "*Waiting on: *@carl, ",
            "*Linked: *https://wiki.example.com/gate",
        ):
            assert line in words
        assert slack.permalink(CHANNEL, ts) in words
        heard = await run.database.run(
            lambda c: ledger.thread(c, f"slack:{slack.identity.team}/{CHANNEL}/{ts}")
        )
        assert heard is not None and len(heard.messages) == 3  # the request is no part of it


async def test_a_summary_goes_when_a_message_that_it_quotes_is_deleted(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "The gate stops with MLR-4090 since this morning.")
        advice = slack.post(CHANNEL, CARL, "Restart the gate by hand and wait a minute.", thread_ts=ts)
        slack.post(CHANNEL, ANN, "@earshot summary", thread_ts=ts)
        await said_in(run, ts)
        slack.delete(CHANNEL, advice)
        await slack.until(lambda: slack.bot_replies(ts) == [])


# ---- direct messages -----------------------------------------------------------------------------------------


async def test_a_direct_message_is_answered_there_from_what_its_author_may_see(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry(), secret(slack)], settings=settings(mode="off")) as run:
        of_ann, of_carl = slack.dm(ANN), slack.dm(CARL)
        member = slack.post(of_ann, ANN, VAULT)
        assert "drawer nine" in await said_in(run, member)
        stranger = slack.post(of_carl, CARL, VAULT)
        words = await said_in(run, stranger)
        assert "I don't know" in words and "drawer nine" not in words and "vault" not in words
        thanks = slack.post(of_ann, ANN, "thank you!")
        assert "Glad to help" in await said_in(run, thanks)
        status = slack.post(of_ann, ANN, "status")
        assert "of yours" in await said_in(run, status)


async def test_a_guest_sees_only_what_is_of_the_channel_he_asks_in(slack: LocalSlack, tmp_path: Path) -> None:
    gil = slack.add_user("U0GIL00001", "gil", guest=True)
    own = entry(
        "The badge reader of the hall blinks red",
        "Hold the badge for five seconds, the reader of the hall then blinks green.",
        origin="slack:T0/C0OLD/7",
        source="slack:T0/C0OLD/8",
        audience=f"channel:slack:{slack.identity.team}/{CHANNEL}",
    )
    async with running(slack, tmp_path, [entry(), own]) as run:
        slack.command("/earshot", f"ask {QUESTION}", CHANNEL, gil)
        assert "spill" not in await told(run)
        slack.command("/earshot", "ask Why does the badge reader of the hall blink red?", CHANNEL, gil)
        assert "Hold the badge" in await told(run, 2)


async def test_who_is_in_a_private_channel_is_not_known_so_nobody_is(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["conversations.members"] += [SlackError("fatal_error")]
    async with running(slack, tmp_path, [secret(slack)]) as run:
        ts = slack.post(slack.dm(ANN), ANN, VAULT)
        assert "drawer nine" not in await said_in(run, ts)


async def test_an_answer_in_a_channel_uses_what_its_readers_may_see_not_what_the_asker_may(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [secret(slack)]) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {VAULT}")
        assert "drawer nine" not in await said_in(run, ts)
        own = slack.post(PRIVATE, ANN, f"@earshot {VAULT}")
        assert "drawer nine" in await said_in(run, own)


# ---- the command and the shortcuts -----------------------------------------------------------------------------


async def test_every_command_is_answered_to_who_used_it_alone(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, "The gate stops and nobody is here, what is wrong with it today?")
        await decided(run, ts)
        link = slack.permalink(CHANNEL, ts)
        expected = [
            (f"ask {QUESTION}", "spill clean"),
            (f"ask {UNKNOWN}", "I don't know"),
            ("ask", "What do you want to know?"),
            (f"why {link}", "SILENT: score"),
            ("why", "Slack does not say which thread you mean"),
            (f"summary {link}", "*Problem: *"),
            ("summary", "1 open conversation here"),
            ("status", "Unasked replies left within this hour: 100 of 100"),
            ("mute", "only analysts and admins"),
            (f"mute {link}", "I keep quiet in this conversation"),
            (f"unmute {link}", "I may speak in this conversation again"),
            (f"close {link}", "this conversation is over"),
            ("close", "Slack does not say which thread you mean"),
            ("help", "/earshot ask"),
            ("", "/earshot ask"),
            ("statsu", "Did you mean `/earshot status`?"),
            ("how do I start it?", "To ask it: `/earshot ask how do I start it?`"),
            ("状态", "No open conversations here"),
        ]
        for number, (words, answer) in enumerate(expected, start=1):
            slack.command("/earshot", words, CHANNEL, ANN)
            text = await told(run, number)
            assert answer in text, words
    assert {each.user for each in slack.ephemerals} == {ANN} and slack.posts() == []


async def test_nobody_is_told_of_a_thread_that_he_cannot_read(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(PRIVATE, ANN, "The vault of the depot does not open since noon, who can help?")
        await taken_in(run)
        link = slack.permalink(PRIVATE, ts)
        for number, verb in enumerate(("summary", "why", "close"), start=1):
            slack.command("/earshot", f"{verb} {link}", CHANNEL, CARL)
            text = await told(run, number)
            assert "vault" not in text and ("you may read" in text or "did not hear" in text)
        slack.command("/earshot", f"summary {link}", CHANNEL, BOB)
        assert "vault" in await told(run, 4)


async def test_the_channel_is_muted_and_un_muted_by_command_by_who_is_in_charge(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.command("/earshot", "mute", CHANNEL, BOB)
        assert "keep quiet in this channel" in await told(run)
        ts = slack.post(CHANNEL, ANN, QUESTION)
        assert await decided(run, ts) == ("SILENT", "muted")
        slack.command("/earshot", f"ask {QUESTION}", CHANNEL, ANN)  # a command is answered all the same
        assert "spill clean" in await told(run, 2)
        slack.command("/earshot", "unmute", CHANNEL, BOB)
        assert "may speak in this channel again" in await told(run, 3)


async def test_the_shortcut_shows_the_hand_over_to_who_chose_it(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "The gate stops since this morning, how can I start it?")
        await decided(run, ts)
        slack.message_shortcut("summary", CHANNEL, ts, CARL)
        assert "*Problem: *The gate stops since this morning" in await told(run)
    assert slack.ephemerals[0].user == CARL and slack.posts() == []


async def test_the_shortcut_on_what_was_never_heard_says_so(slack: LocalSlack, tmp_path: Path) -> None:
    other = slack.add_channel("C0OTHER001", "other", with_bot=False)
    ts = slack.post(other, ANN, "Nobody invited it here, what now?")
    async with running(slack, tmp_path) as run:
        slack.message_shortcut("summary", other, ts, ANN)
        assert "invited" in await told(run)


async def test_a_summary_says_nothing_of_who_was_forgotten(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "The gate stops with MLR-4090 since this morning.")
        slack.post(CHANNEL, CARL, "Restart the gate by hand and wait a minute.", thread_ts=ts)
        slack.post(CHANNEL, BOB, "@earshot", thread_ts=ts)
        await said_in(run, ts)
        await taken_in(run)
        carl, now = f"slack:{slack.identity.team}/{CARL}", SystemClock().now()
        await forget_user(run.database, carl, config=config(), now=now)
        await slack.until(lambda: slack.bot_replies(ts) == [])
        kept = await run.database.run(
            lambda c: c.exec_driver_sql("select content from answers").scalars().all()
        )
    assert kept == [None]


# ---- long work -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", [False, True])
async def test_long_work_shows_that_it_goes_on_and_that_it_is_over(
    slack: LocalSlack, tmp_path: Path, refused: bool
) -> None:
    if refused:
        slack.faults["assistant.threads.setStatus"] += [SlackError("not_allowed_token_type")] * 2
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, "The gate stops since this morning.")
        place = slack_id(slack, CHANNEL)
        sign = Think(channel=place, message_id=f"{place}/{ts}", reply_to=f"{place}/{ts}", on=True)
        async with thinking(run.bot.adapter_of(place), sign, after=60.0):
            pass  # what is quick shows nothing
        assert slack.calls("assistant.threads.setStatus") == []
        async with thinking(run.bot.adapter_of(place), sign, after=0.0):
            await slack.until(lambda: len(slack.calls("assistant.threads.setStatus")) == 1)
            if refused:
                await slack.until(lambda: slack.message(CHANNEL, ts).reactions != {})
        await taken_in(run)
    statuses = [call.args["status"] for call in slack.calls("assistant.threads.setStatus")]
    assert statuses == ["is looking for an answer…", ""]
    eyes = [call.args["name"] for name in ("reactions.add", "reactions.remove") for call in slack.calls(name)]
    assert eyes == (["eyes", "eyes"] if refused else [])
    assert slack.message(CHANNEL, ts).reactions == {}


class FailingWriter(ExtractiveWriter):
    async def answer(self, asked: Asked) -> Draft | Declined:
        del asked
        raise WriterFailed("the budget of today is spent")


class CarefulWriter(ExtractiveWriter):
    async def answer(self, asked: Asked) -> Draft | Declined:
        del asked
        return Declined(why=Decline.PERSON, reason="it would delete data")


async def test_a_writer_that_fails_is_told_with_its_reason(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], writer=FailingWriter()) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        words = await said_in(run, ts)
    assert "the budget of today is spent" in words and "The closest I have is:" in words


@pytest.mark.parametrize("staff", [{"owners": [BOB]}, {"owners": [CARL], "handoff": [BOB]}])
async def test_what_a_person_should_decide_is_left_to_who_is_on_call_or_owns_it(
    staff: dict[str, Any], slack: LocalSlack, tmp_path: Path
) -> None:
    owned = config(**staff)
    async with running(slack, tmp_path, [entry()], settings=owned, writer=CarefulWriter()) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        words = await said_in(run, ts)
    assert "A person should answer this: it would delete data." in words and f"<@{BOB}>" in words
    assert f"<@{CARL}>" not in words

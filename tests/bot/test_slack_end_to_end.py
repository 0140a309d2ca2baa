"""What people in Slack meet: the real client against the local Slack, from the question to the thumb."""

import asyncio
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from bot import ledger, nights
from bot.adapters.slack import SlackAdapter, StartFailed
from bot.config_file import ConfigFile
from bot.night import run_night
from bot.scorer import Action
from knowledge.entry import Trust
from knowledge.trust import CONFIRMED
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    PRIVATE,
    QUESTION,
    SOLUTION,
    Running,
    config,
    entry,
    running,
    workspace,
)
from tests.local_slack import DropAfterEffect, Http429, Http500, LocalSlack, SlackError

QUIET = 0.4  # seconds in which nothing more must happen


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


async def handled(run: Running, message: str) -> Action:
    """The final decision about a message (its ts in the help channel)."""
    message_id = f"slack:{run.slack.identity.team}/{CHANNEL}/{message}"
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, message_id))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action)
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message_id} was not decided; {run.slack.report()}")


async def answered(run: Running, ts: str, count: int = 1) -> None:
    await run.slack.until(lambda: len(run.slack.bot_replies(ts)) >= count)


async def test_a_question_gets_one_threaded_reply_with_its_source(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        await asyncio.sleep(QUIET)
    (reply,) = slack.posts()
    assert reply.thread_ts == ts
    assert SOLUTION.split(".")[0] in reply.text and "[1]" in reply.text
    (source,) = [b for b in reply.blocks if b["type"] == "context"]
    assert "https://example.slack.com/archives/C0OLD/p1600000001000001" in source["elements"][0]["text"]
    assert "analyst, 3 months ago, confirmed" in source["elements"][0]["text"]
    (call,) = slack.calls("chat.postMessage")
    assert call.args["unfurl_links"] is False
    assert slack.all_acked()


@pytest.mark.parametrize(
    "chatter", ["good morning everybody", "lunch?", "thanks, that fixed it!", "👍", "lol"]
)
async def test_chatter_is_met_with_silence(slack: LocalSlack, tmp_path: Path, chatter: str) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, chatter)
        assert await handled(run, ts) is Action.SILENT
    assert slack.posts() == []


async def test_a_question_nobody_can_answer_is_met_with_silence(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, "How can I change the colour of the login page of our intranet?")
        assert await handled(run, ts) is Action.SILENT
    assert slack.posts() == []


async def test_delivered_twice_answered_once(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post_twice(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        for event_id in slack.event_ids(CHANNEL, ts):
            slack.redeliver(event_id)
        await asyncio.sleep(1.5)
    assert len(slack.posts()) == 1


async def test_a_refresh_in_the_middle_of_a_burst_loses_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        first = [slack.post(CHANNEL, ANN, f"line {number} of what happened here") for number in range(30)]
        slack.refresh()
        second = [slack.post(CHANNEL, ANN, f"line {number} of what happened then") for number in range(30)]
        await slack.until(slack.all_acked)
        for ts in (*first, *second):
            await handled(run, ts)
    assert slack.sockets_opened >= 2


async def test_a_cut_connection_is_opened_again_and_nothing_is_lost(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        slack.hold = True  # Slack comes again for minutes; here the event waits for the next connection
        slack.cut()
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1, timeout=20)
        assert await handled(run, ts) is Action.REPLY


async def test_a_rate_limit_means_later_and_once_and_holds_no_other_channel(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"].append(Http429(2))
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.calls("chat.postMessage")) == 1)
        other = slack.post(PRIVATE, ANN, QUESTION)
        await answered(run, other)
        assert slack.bot_replies(ts) == []
        await answered(run, ts)
        await asyncio.sleep(QUIET)
    assert len(slack.bot_replies(ts)) == 1


@pytest.mark.parametrize("fault", [DropAfterEffect(), Http500(), SlackError("internal_error")])
async def test_a_doubtful_post_is_read_back_and_still_there_once(
    slack: LocalSlack, tmp_path: Path, fault: DropAfterEffect | Http500 | SlackError
) -> None:
    slack.faults["chat.postMessage"].append(fault)
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        await asyncio.sleep(2.5)
    assert len(slack.bot_replies(ts)) == 1
    assert slack.calls("conversations.replies")


async def test_two_answers_in_a_channel_keep_slacks_pace(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        stamps = [slack.post(CHANNEL, ANN, QUESTION), slack.post(CHANNEL, CARL, OTHERS_QUESTION)]
        for ts in stamps:
            await answered(run, ts)
    posted = slack.calls("chat.postMessage")
    assert posted[1].at - posted[0].at >= 1.0


async def test_people_get_time_to_answer_first(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=config(wait=1.0)) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await asyncio.sleep(0.5)
        assert slack.posts() == []
        slack.post(CHANNEL, BOB, "Let me look at it, one moment.", thread_ts=ts)
        assert await handled(run, ts) is Action.SILENT
        other = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        await answered(run, other)
    assert len(slack.posts()) == 1


async def test_a_question_deleted_while_it_waits_is_not_answered(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=config(wait=1.0)):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await asyncio.sleep(0.3)
        slack.delete(CHANNEL, ts)
        await asyncio.sleep(1.5)
    assert slack.posts() == []


async def test_an_edit_reopens_the_decision_but_never_posts_twice(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, "hello there everybody in this channel")
        assert await handled(run, ts) is Action.SILENT
        slack.edit(CHANNEL, ts, QUESTION)
        await answered(run, ts)
        slack.edit(CHANNEL, ts, QUESTION + " Please.")
        slack.unfurl(CHANNEL, ts, {"text": "a page"})
        await asyncio.sleep(1.5)
    assert len(slack.posts()) == 1


async def trust(run: Running) -> Trust | None:
    return await run.knowledge.trust_in(entry_id(run))


def entry_id(run: Running) -> str:
    (cited,) = run.database.run_blocking(
        lambda c: list(c.exec_driver_sql("select entry_id from quoted").scalars())
    )
    return str(cited)


async def becomes(run: Running, up: float, down: float) -> None:
    """Wait until the votes on the entry, which a person confirmed, come to this."""
    for _ in range(500):
        if await trust(run) == Trust(up=up + CONFIRMED, down=down):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"trust is {await trust(run)}, not {up} up and {down} down")


async def test_thumbs_count_once_each_and_can_be_taken_back(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        reply = slack.bot_replies(ts)[0]
        slack.react(CHANNEL, reply.ts, ANN, "+1")
        await becomes(run, 1.0, 0.0)
        slack.react(CHANNEL, reply.ts, BOB, "thumbsdown::skin-tone-3")
        await becomes(run, 1.0, 2.0)  # an analyst counts more
        slack.unreact(CHANNEL, reply.ts, BOB, "thumbsdown::skin-tone-3")
        await becomes(run, 1.0, 0.0)
        buttons = next(b for b in reply.blocks if b["type"] == "context_actions")["elements"][0]
        slack.click(CHANNEL, reply.ts, ANN, "earshot_feedback", buttons["negative_button"]["value"])
        await becomes(run, 0.0, 1.0)  # the same person: the button replaces the reaction
        await slack.until(slack.all_acked)


async def test_somebody_deleting_our_answer_is_noticed_as_a_rejection(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        slack.delete(CHANNEL, slack.bot_replies(ts)[0].ts)
        again = slack.post(CHANNEL, ANN, f"And on the other host too. {QUESTION}", thread_ts=ts)
        assert await handled(run, again) is Action.SILENT
    assert slack.bot_replies(ts) == []


async def test_a_deleted_source_takes_the_answer_and_the_entry_with_it(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run:
        root = slack.post(CHANNEL, CARL, "How is the report called that lists the late flows?")
        source = slack.post(CHANNEL, BOB, SOLUTION, thread_ts=root)
        team = slack.identity.team
        known = entry(origin=f"slack:{team}/C0OLD/1", source=f"slack:{team}/{CHANNEL}/{source}")
        await run.knowledge.learn([known])
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await answered(run, ts)
        slack.delete(CHANNEL, source)
        await slack.until(lambda: slack.bot_replies(ts) == [])
        assert await run.knowledge.count() == 0
        content = await run.database.run(
            lambda c: c.exec_driver_sql("select content from suggestions").scalar()
        )
        assert content is None


async def test_private_knowledge_is_found_only_at_home(slack: LocalSlack, tmp_path: Path) -> None:
    home = f"slack:{slack.identity.team}/{PRIVATE}"
    async with running(slack, tmp_path, [entry(audience=f"channel:{home}")]) as run:
        elsewhere = slack.post(CHANNEL, ANN, QUESTION)
        assert await handled(run, elsewhere) is Action.SILENT
        ts = slack.post(PRIVATE, ANN, QUESTION)
        await answered(run, ts)
    assert [post.channel for post in slack.posts()] == [PRIVATE]


async def test_other_bots_and_analysts_get_no_answer(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run:
        by_bot = slack.post(CHANNEL, None, QUESTION, bot_id="B0OTHER01", subtype="bot_message")
        by_analyst = slack.post(CHANNEL, BOB, QUESTION)
        assert await handled(run, by_bot) is Action.SILENT
        assert await handled(run, by_analyst) is Action.SILENT
    assert slack.posts() == []


async def test_a_thread_that_began_before_us_is_read_first(slack: LocalSlack, tmp_path: Path) -> None:
    root = slack.post(CHANNEL, CARL, "Does anybody know what this is about?")
    async with running(slack, tmp_path, [entry()]) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION, thread_ts=root)
        assert await handled(run, ts) is Action.SILENT  # Carl asks here; Ann is talking about his question
    assert slack.posts() == []


async def test_closed_threads_become_knowledge(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        slack.post(CHANNEL, BOB, SOLUTION, thread_ts=ts)
        done = slack.post(CHANNEL, ANN, "That fixed it, thanks a lot!", thread_ts=ts)
        await handled(run, done)
        slack.react(CHANNEL, ts, BOB, "white_check_mark")
        for _ in range(500):
            if await run.database.run(nights.count_closed):
                break
            await asyncio.sleep(0.01)
        await run_night(run.app.bot, date(2026, 1, 1), again=True)
        again = (
            "Good morning everybody. Does anyone know what MLR-4090 means? The gate stops, how do I start it?"
        )
        other = slack.post(CHANNEL, CARL, again)
        await answered(run, other)
    (reply,) = slack.posts()
    assert "spill folder is full" in reply.text


async def test_a_missing_scope_fails_at_once_and_is_named(slack: LocalSlack) -> None:
    slack.scopes = [scope for scope in slack.scopes if scope != "groups:history"]
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url)
    with pytest.raises(StartFailed, match="lacks the scope groups:history"):
        await adapter.check()


@pytest.mark.parametrize(
    ("bot_token", "app_token", "named"),
    [
        ("xoxb-wrong", None, "SLACK_BOT_TOKEN: invalid_auth"),
        (None, "xapp-wrong", "SLACK_APP_TOKEN: invalid_auth"),
    ],
)
async def test_a_bad_token_fails_at_once_and_is_named(
    slack: LocalSlack, bot_token: str | None, app_token: str | None, named: str
) -> None:
    adapter = SlackAdapter(bot_token or slack.bot_token, app_token or slack.app_token, slack.base_url)
    with pytest.raises(StartFailed, match=named):
        await adapter.check()
    assert slack.forgive("invalid_auth")


async def test_an_address_without_slack_is_said_so() -> None:
    adapter = SlackAdapter("xoxb-1", "xapp-1", "http://127.0.0.1:9/api/")
    with pytest.raises(StartFailed, match="cannot be reached"):
        await adapter.check()


async def test_mode_off_and_shadow_say_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    for number, mode in enumerate(("off", "shadow")):
        settings = config()
        quiet = settings.model_copy(update={"defaults": settings.defaults.model_copy(update={"mode": mode})})
        folder = tmp_path / str(number)
        folder.mkdir()
        async with running(slack, folder, [entry()], settings=quiet) as run:
            ts = slack.post(CHANNEL, ANN, QUESTION)
            assert await handled(run, ts) is Action.SILENT
    assert slack.posts() == []


async def test_stale_questions_are_not_answered_after_downtime(slack: LocalSlack, tmp_path: Path) -> None:
    settings = config(wait=1.0).model_copy(update={"stale_after": timedelta(seconds=1)})
    async with running(slack, tmp_path, [entry()], settings=settings):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await asyncio.sleep(0.5)
    await asyncio.sleep(2.0)
    async with running(slack, tmp_path, settings=settings) as run:
        assert await handled(run, ts) is Action.SILENT
    assert slack.posts() == []


async def test_an_edit_of_config_yaml_counts_while_running(slack: LocalSlack, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("defaults: {wait_seconds: 0, precision: 0.5, mode: 'off'}", encoding="utf-8")
    settings = ConfigFile(path, {})
    stop = asyncio.Event()
    following = asyncio.create_task(settings.follow(lambda _: None, stop))
    async with running(slack, tmp_path, [entry()], settings=lambda: settings.current) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        assert await handled(run, ts) is Action.SILENT
        path.write_text("defaults: {wait_seconds: 0, precision: 0.5}", encoding="utf-8")
        await slack.until(lambda: settings.current.defaults.mode == "reply")
        other = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        await answered(run, other)
        path.write_text("defaults: {precision: 9}", encoding="utf-8")
        await asyncio.sleep(QUIET)
        assert settings.current.defaults.precision == 0.5  # a bad edit is refused
    stop.set()
    await following
    assert len(slack.posts()) == 1

"""Drafts, the reasons of a 👎, 📎 and "why?": what people press in Slack, over the real client."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot import intents, ledger, votes
from bot.adapters.slack_cards import (
    CORRECT_ACTION,
    DISMISS_ACTION,
    DRAFT_METADATA,
    OBJECTION_ACTION,
    SHARE_ACTION,
)
from bot.config import Config
from bot.explain import UNHEARD
from bot.objections import Objection
from bot.outbox import GRACE
from bot.scorer import Action
from knowledge.entry import Trust
from knowledge.trust import CONFIRMED
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    PRIVATE,
    QUESTION,
    SOLUTION,
    WEIGHTS,
    Running,
    config,
    entry,
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

DRAFTS = "C0DRAFT001"
DAN = "U0DAN00001"
QUIET = 0.4  # seconds in which nothing more must happen
ANSWER = SOLUTION.split(".")[0]


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        local.add_user(DAN, "dan")
        local.add_channel(DRAFTS, "drafts", kind="private", members=[BOB, DAN])
        yield local
        assert local.violations == []


def drafting(
    *, drafts_to: str | None = "#drafts", analysts: tuple[str, ...] = (BOB, DAN), **more: Any
) -> Config:
    speaking = {"wait_seconds": "0", "precision": "0.5", "max_per_hour": "100", "mode": "draft"}
    given = {"analysts": list(analysts), "drafts_to": drafts_to, "weights": str(WEIGHTS), **more}
    return Config.model_validate({"defaults": speaking, **given})


NEARLY = "Does the gate stop for others since last night too?"


async def clipping(slack: LocalSlack, folder: Path, *, clip: str = "on") -> Config:
    """The dial just above what the bot thinks of NEARLY."""
    shadow = {"wait_seconds": "0", "precision": "0.5", "mode": "shadow"}
    (folder / "measure").mkdir()
    given = {"analysts": [BOB], "weights": str(WEIGHTS)}
    settings = Config.model_validate({"defaults": shadow, **given})
    async with running(slack, folder / "measure", [entry()], settings=settings) as run:
        ts = slack.post(CHANNEL, ANN, NEARLY)
        await decided(run, ts)
        row = await run.database.run(lambda c: ledger.last_decision(c, whole(slack, ts)))
    assert row is not None and 0.5 < row.score < 0.98
    speaking = {"wait_seconds": "0", "precision": f"{row.score + 0.01:.3f}", "clip": clip}
    return Config.model_validate({"defaults": speaking, **given})


async def drafted(slack: LocalSlack, count: int = 1) -> Message:
    await slack.until(lambda: len(slack.posts(DRAFTS)) >= count)
    return slack.posts(DRAFTS)[-1]


async def whispered(slack: LocalSlack, user: str, count: int = 1) -> Ephemeral:
    """The last thing shown to ``user`` alone, once there are ``count``."""
    await slack.until(lambda: len(whispers(slack, user)) >= count)
    return whispers(slack, user)[-1]


def whispers(slack: LocalSlack, user: str) -> list[Ephemeral]:
    return [one for one in slack.ephemerals if one.user == user]


async def edited(slack: LocalSlack, draft: Message, words: str) -> Message:
    await slack.until(lambda: words in slack.message(draft.channel, draft.ts).text)
    return slack.message(draft.channel, draft.ts)


def all_text(message: Message | Ephemeral) -> str:
    return message.text + str(message.blocks)


def has_buttons(message: Message) -> bool:
    return any(block["type"] == "actions" for block in message.blocks)


def whole(slack: LocalSlack, ts: str, channel: str = CHANNEL) -> str:
    return f"slack:{slack.identity.team}/{channel}/{ts}"


async def decided(run: Running, ts: str, channel: str = CHANNEL) -> tuple[Action, str]:
    """The final action and the name of the reason that decided."""
    message_id = whole(run.slack, ts, channel)
    for _ in range(1_000):
        row = await run.database.run(lambda c: ledger.last_decision(c, message_id))
        if row is not None and row.action != Action.WAIT:
            return Action(row.action), ledger.first_reason(row)[0]
        await asyncio.sleep(0.01)
    raise AssertionError(f"{message_id} was not decided; {run.slack.report()}")


async def votes_live(run: Running, question: str) -> dict[str, bool]:
    def live(connection: Connection) -> dict[str, bool]:
        row = ledger.suggestion_for(connection, whole(run.slack, question))
        assert row is not None
        return {user.rsplit("/")[-1]: up for user, up in votes.votes_on(connection, row.id).items()}

    return await run.database.run(live)


async def until(run: Running, holds: Callable[[Connection], bool]) -> None:
    for _ in range(500):
        if await run.database.run(holds):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(run.slack.report())


async def trusted(run: Running, expected: Trust) -> None:
    """Wait until the votes on the only entry that was quoted, which a person confirmed, come to this."""
    whole = Trust(up=expected.up + CONFIRMED, down=expected.down)
    for _ in range(500):
        ids = await run.database.run(
            lambda c: list(c.exec_driver_sql("select distinct entry_id from quoted").scalars())
        )
        if ids and await run.knowledge.trust_in(ids[0]) == whole:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"trust is not {whole}")


# ---- drafts -----------------------------------------------------


async def test_a_draft_is_shown_shared_and_posted_once(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        assert await decided(run, ts) == (Action.DRAFT, "can help")
        shown = all_text(draft)
        assert "MLR-4090 since this morning" in shown and slack.permalink(CHANNEL, ts) in shown
        assert "@ann" in shown and ANSWER in shown and "[1]" in shown
        assert slack.bot_replies(ts) == []
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        final = await edited(slack, draft, "shared by @bob")
        await asyncio.sleep(QUIET)
        assert await votes_live(run, ts) == {BOB: True}
        await trusted(run, Trust(up=2.0))
    assert not has_buttons(final) and "MLR-4090 since this morning" not in all_text(final)
    assert len(slack.bot_replies(ts)) == 1 and ANSWER in slack.bot_replies(ts)[0].text
    assert slack.all_acked()


async def test_a_dismissed_draft_is_not_posted_and_counts_as_a_thumb_down(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.click(DRAFTS, draft.ts, BOB, DISMISS_ACTION)
        final = await edited(slack, draft, "dismissed by @bob")
        assert await votes_live(run, ts) == {BOB: False}
        await trusted(run, Trust(down=2.0))
    assert not has_buttons(final) and slack.bot_replies(ts) == []


async def test_only_analysts_decide_about_a_draft(slack: LocalSlack, tmp_path: Path) -> None:
    slack.join(DRAFTS, CARL)
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.click(DRAFTS, draft.ts, CARL, SHARE_ACTION)
        assert "Only analysts" in (await whispered(slack, CARL)).text
        await asyncio.sleep(QUIET)
        assert await votes_live(run, ts) == {}
    assert slack.bot_replies(ts) == [] and has_buttons(slack.message(DRAFTS, draft.ts))


async def test_a_draft_expires_when_a_person_answers_and_cannot_be_shared_any_more(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.post(CHANNEL, ANN, "It is still down, by the way.", thread_ts=ts)
        await asyncio.sleep(QUIET)
        assert has_buttons(slack.message(DRAFTS, draft.ts))  # the asker answers nothing
        slack.post(CHANNEL, CARL, "Clean the spill folder, that helped us.", thread_ts=ts)
        final = await edited(slack, draft, "expired: @carl answered")
        assert not has_buttons(final)
    assert slack.bot_replies(ts) == []


async def test_share_and_a_persons_answer_at_once_do_not_both_reach_the_thread(
    slack: LocalSlack, tmp_path: Path
) -> None:
    """The answer is heard while the draft still shows its button: whoever clicks then is told so."""
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.faults["chat.update"].append(Http429(2))  # the button stays for two seconds
        answer = slack.post(CHANNEL, CARL, "Clean the spill folder, that helped us.", thread_ts=ts)
        await decided(run, answer)
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        told = await whispered(slack, BOB)
        assert "expired: @carl answered" in told.text
        await edited(slack, draft, "expired: @carl answered")
        await asyncio.sleep(QUIET)
    assert slack.bot_replies(ts) == []


async def test_an_answer_heard_after_share_and_before_the_post_stops_the_post(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.faults["chat.postMessage"].append(Http429(1))
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.calls("chat.postMessage")) == 2)
        answer = slack.post(CHANNEL, CARL, "Clean the spill folder, that helped us.", thread_ts=ts)
        await decided(run, answer)
        await edited(slack, draft, "expired: a person answered meanwhile")
        await asyncio.sleep(QUIET)
    assert slack.bot_replies(ts) == []


async def test_two_analysts_at_once_share_once(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        slack.click(DRAFTS, draft.ts, DAN, DISMISS_ACTION)
        assert "decided already: shared by @bob" in (await whispered(slack, DAN)).text
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await edited(slack, draft, "shared by @bob")
        assert await votes_live(run, ts) == {BOB: True, DAN: False}
    assert len(slack.bot_replies(ts)) == 1


async def test_one_vote_per_person_over_drafts_reactions_and_buttons(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await trusted(run, Trust(up=2.0))
        slack.react(CHANNEL, slack.bot_replies(ts)[0].ts, BOB, "-1")
        await trusted(run, Trust(down=2.0))
        assert await votes_live(run, ts) == {BOB: False}


async def test_a_deleted_question_takes_its_draft_along(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        slack.delete(CHANNEL, ts)
        final = await edited(slack, draft, "expired: the question was deleted")
    assert "MLR-4090" not in all_text(final) and not has_buttons(final)


@pytest.mark.parametrize("fault", [DropAfterEffect(), SlackError("internal_error")])
async def test_a_doubtful_draft_is_read_back_and_there_once(
    slack: LocalSlack, tmp_path: Path, fault: DropAfterEffect | SlackError
) -> None:
    slack.faults["chat.postMessage"].append(fault)
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        await asyncio.sleep(2.5)
        assert draft.metadata is not None and draft.metadata["event_type"] == DRAFT_METADATA
        assert len(slack.posts(DRAFTS)) == 1
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await edited(slack, draft, "shared by @bob")
    assert slack.calls("conversations.history")


async def test_a_stop_in_the_middle_of_a_draft_leaves_one(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["chat.postMessage"].append(SlowAfterEffect(5.0))
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        slack.post(CHANNEL, ANN, QUESTION)
        await drafted(slack)  # it stands there, but nobody told us
    async with running(slack, tmp_path, settings=drafting()):
        await slack.until(lambda: bool(slack.calls("conversations.history")))
        await asyncio.sleep(GRACE.total_seconds() + 1.0)
    assert len(slack.posts(DRAFTS)) == 1


async def test_a_draft_may_go_to_a_person(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to=BOB)):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.posts()) == 1)
        (draft,) = slack.posts()
        assert draft.channel == slack.dm(BOB)
        slack.click(draft.channel, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await edited(slack, draft, "shared by @bob")


async def test_an_ephemeral_draft_is_shown_to_each_analyst_in_the_thread(
    slack: LocalSlack, tmp_path: Path
) -> None:
    """Dan is an analyst but not in the channel: Slack shows him nothing, and nothing comes of it."""
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to="ephemeral")) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        shown = await whispered(slack, BOB)
        assert (shown.channel, shown.thread_ts) == (CHANNEL, ts) and ANSWER in all_text(shown)
        slack.click(CHANNEL, shown.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await slack.until(lambda: "You shared this" in whispers(slack, BOB)[0].text)
        assert await votes_live(run, ts) == {BOB: True}
    assert [one.user for one in slack.ephemerals] == [BOB]
    assert slack.posts(DRAFTS) == []


async def test_what_was_perhaps_shown_to_one_person_is_not_shown_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postEphemeral"].append(DropAfterEffect())
    settings = drafting(drafts_to="ephemeral", analysts=(BOB,))
    async with running(slack, tmp_path, [entry()], settings=settings):
        slack.post(CHANNEL, ANN, QUESTION)
        await whispered(slack, BOB)
        await asyncio.sleep(GRACE.total_seconds() + QUIET)
    async with running(slack, tmp_path, settings=settings):
        await asyncio.sleep(QUIET)
    assert len(slack.calls("chat.postEphemeral")) == 1


async def test_a_private_channels_draft_stays_at_home_unless_its_settings_say_otherwise(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts = slack.post(PRIVATE, ANN, QUESTION)
        assert await decided(run, ts, PRIVATE) == (Action.SILENT, "private draft")
    assert slack.posts() == []
    chosen = drafting(channels={"#help-private": {"drafts_to": "#drafts"}})
    async with running(slack, tmp_path, settings=chosen) as run:
        other = slack.post(PRIVATE, ANN, QUESTION)
        assert await decided(run, other, PRIVATE) == (Action.DRAFT, "can help")
        await drafted(slack)


async def test_a_place_that_does_not_exist_means_silence_that_says_so(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to="#nowhere")) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        assert await decided(run, ts) == (Action.SILENT, "no place for drafts")
    assert slack.posts() == []


async def test_a_channel_shared_with_another_company_takes_no_drafts_of_others(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_channel("C0PARTNER1", "partner", external=True, members=[BOB])
    for number, place in enumerate(("#partner", "C0PARTNER1")):
        (folder := tmp_path / str(number)).mkdir()
        async with running(slack, folder, [entry()], settings=drafting(drafts_to=place)) as run:
            ts = slack.post(CHANNEL, ANN, QUESTION)
            assert await decided(run, ts) == (Action.SILENT, "no place for drafts")
    assert slack.posts() == []


async def test_a_channel_may_be_given_by_its_id(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to=DRAFTS)):
        slack.post(CHANNEL, ANN, QUESTION)
        await drafted(slack)
    assert slack.calls("conversations.list") == []


async def test_a_doubtful_direct_message_is_not_repeated(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["chat.postMessage"].append(DropAfterEffect())
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to=BOB)) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await until(run, lambda c: any("cannot be read back" in why for why in intents.dropped(c)))
        assert len(slack.calls("chat.postMessage")) == 1
        (draft,) = slack.posts()  # it did arrive, so it can be shared
        slack.click(draft.channel, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)


# ---- why a thumb was down -----------------------------------------------------


async def test_a_thumb_down_is_asked_about_once_and_the_reason_is_kept_with_it(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        reply = slack.bot_replies(ts)[0]
        slack.react(CHANNEL, reply.ts, CARL, "-1")
        asked = await whispered(slack, CARL)
        assert asked.thread_ts == ts and "Why did it not help?" in asked.text
        await trusted(run, Trust(down=1.0))
        slack.click(CHANNEL, asked.ts, CARL, OBJECTION_ACTION + Objection.TOO_LATE.name)
        await trusted(run, Trust())  # the source is as good as before
        await slack.until(lambda: "Noted: too late" in whispers(slack, CARL)[0].text)
        buttons = next(b for b in reply.blocks if b["type"] == "context_actions")["elements"][0]
        slack.click(CHANNEL, reply.ts, CARL, "earshot_feedback", buttons["negative_button"]["value"])
        slack.unreact(CHANNEL, reply.ts, CARL, "-1")
        slack.react(CHANNEL, reply.ts, CARL, "-1")
        await until(
            run,
            lambda c: all(
                row[0] == 0 for row in c.exec_driver_sql("select count(*) from inbox where state != 'done'")
            ),
        )
        assert await reasons(run) == ["too late"]
        await asyncio.sleep(QUIET)
    assert len(whispers(slack, CARL)) == 1  # asked once, and answered in its place


async def reasons(run: Running) -> list[str | None]:
    return await run.database.run(lambda c: list(c.exec_driver_sql("select reason from votes").scalars()))


@pytest.mark.parametrize("objection", list(Objection))
async def test_a_reason_goes_with_the_thumb_that_it_explains(
    slack: LocalSlack, tmp_path: Path, objection: Objection
) -> None:
    lowers = objection in (Objection.WRONG, Objection.OUTDATED)
    async with running(slack, tmp_path, [entry()], settings=config()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        reply = slack.bot_replies(ts)[0]
        slack.react(CHANNEL, reply.ts, CARL, "-1")
        asked = await whispered(slack, CARL)
        slack.click(CHANNEL, asked.ts, CARL, OBJECTION_ACTION + objection.name)
        await slack.until(lambda: f"Noted: {objection}" in whispers(slack, CARL)[0].text)
        await trusted(run, Trust(down=1.0) if lowers else Trust())
        slack.unreact(CHANNEL, reply.ts, CARL, "-1")
        await until(run, lambda c: not list(c.exec_driver_sql("select * from votes")))
        await trusted(run, Trust())


async def test_the_right_answer_is_kept_and_thanked_for_even_if_the_thumb_is_taken_back(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        reply = slack.bot_replies(ts)[0]
        slack.react(CHANNEL, reply.ts, CARL, "-1")
        asked = await whispered(slack, CARL)
        slack.click(CHANNEL, asked.ts, CARL, CORRECT_ACTION)
        await slack.until(lambda: len(slack.views) == 1)
        slack.submit(slack.views[0]["id"], {"earshot_answer": "Restart the spill daemon first."})
        thanks = await whispered(slack, CARL, 2)
        assert "learn from it" in thanks.text and thanks.thread_ts == ts
        slack.unreact(CHANNEL, reply.ts, CARL, "-1")
        await until(run, lambda c: not list(c.exec_driver_sql("select * from votes")))
        (kept,) = await run.database.run(votes.corrections_in)
        await slack.until(slack.all_acked)
    assert (kept.text, kept.message_id) == ("Restart the spill daemon first.", whole(slack, ts))
    assert kept.user.endswith(CARL) and kept.state == "candidate"


async def test_a_form_that_cannot_be_opened_in_time_harms_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["views.open"].append(SlackError("expired_trigger_id"))
    async with running(slack, tmp_path, [entry()], settings=config()):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        slack.react(CHANNEL, slack.bot_replies(ts)[0].ts, CARL, "-1")
        asked = await whispered(slack, CARL)
        slack.click(CHANNEL, asked.ts, CARL, CORRECT_ACTION)
        await slack.until(lambda: len(slack.calls("views.open")) == 1)
        slack.click(CHANNEL, asked.ts, CARL, CORRECT_ACTION)
        await slack.until(lambda: len(slack.views) == 1)


# ---- 📎 -----------------------------------------------------


async def test_what_is_nearly_sure_is_offered_by_a_paperclip(slack: LocalSlack, tmp_path: Path) -> None:
    settings = await clipping(slack, tmp_path)
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        ts = slack.post(CHANNEL, ANN, NEARLY)
        assert await decided(run, ts) == (Action.SILENT, "clip")
        await slack.until(lambda: "paperclip" in slack.message(CHANNEL, ts).reactions)
        await asyncio.sleep(QUIET)
        assert slack.ephemerals == []  # our own reaction brings nothing to anybody
        slack.react(CHANNEL, ts, CARL, "paperclip")
        offered = await whispered(slack, CARL)
        assert offered.thread_ts == ts and ANSWER in all_text(offered) and "[1]" in all_text(offered)
        slack.unreact(CHANNEL, ts, CARL, "paperclip")
        slack.react(CHANNEL, ts, CARL, "paperclip")
        await asyncio.sleep(QUIET)
    assert len(slack.ephemerals) == 1 and slack.posts() == []


async def test_a_paperclip_that_is_not_ours_brings_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    settings = await clipping(slack, tmp_path, clip="off")
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        ts = slack.post(CHANNEL, ANN, NEARLY)
        assert await decided(run, ts) == (Action.SILENT, "not sure enough")
        slack.react(CHANNEL, ts, CARL, "paperclip")
        await asyncio.sleep(QUIET)
    assert slack.ephemerals == [] and slack.calls("reactions.add") == []


async def test_a_paperclip_that_is_there_already_is_no_problem(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["reactions.add"].append(DropAfterEffect())
    settings = await clipping(slack, tmp_path)
    async with running(slack, tmp_path, [entry()], settings=settings):
        ts = slack.post(CHANNEL, ANN, NEARLY)
        await slack.until(lambda: len(slack.calls("reactions.add")) == 2)
        await asyncio.sleep(QUIET)
        slack.react(CHANNEL, ts, CARL, "paperclip")
        await whispered(slack, CARL)
    assert len(slack.calls("reactions.add")) == 2


# ---- why? -----------------------------------------------------


async def test_whoever_asks_why_sees_the_decision_alone(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=config()) as run:
        ts = slack.post(CHANNEL, ANN, QUESTION)
        chat = slack.post(CHANNEL, CARL, "good morning everybody")
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await decided(run, chat)
        slack.message_shortcut("why", CHANNEL, ts, CARL)
        told = await whispered(slack, CARL)
        assert "REPLY: score 1.00" in told.text and "threshold 0.50" in told.text
        assert "Gate does not start: MLR-4090" in told.text
        slack.message_shortcut("why", CHANNEL, slack.bot_replies(ts)[0].ts, ANN)
        about_the_answer = await whispered(slack, ANN)
        assert about_the_answer.text == told.text and about_the_answer.thread_ts == ts
        slack.message_shortcut("why", CHANNEL, chat, CARL)
        assert "SILENT" in (await whispered(slack, CARL, 2)).text
        await slack.until(slack.all_acked)
    assert len(slack.posts()) == 1


async def test_what_was_not_heard_is_said_so_even_where_the_bot_is_not(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_channel("C0ELSE0001", "elsewhere", members=[CARL], with_bot=False)
    ts = slack.post("C0ELSE0001", CARL, QUESTION)
    async with running(slack, tmp_path, [entry()], settings=config()):
        slack.message_shortcut("why", "C0ELSE0001", ts, CARL)
        assert (await whispered(slack, CARL)).text == UNHEARD


async def test_a_shortcut_taken_in_before_a_stop_is_answered_after_it(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=config()) as run:
        ts = slack.post(CHANNEL, ANN, "good morning everybody")
        await decided(run, ts)
        slack.message_shortcut("why", CHANNEL, ts, CARL)
        await slack.until(slack.all_acked)
    async with running(slack, tmp_path, settings=config()):
        assert "SILENT" in (await whispered(slack, CARL)).text
    assert len(slack.ephemerals) == 1

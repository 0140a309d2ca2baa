"""Edit under a draft: an analyst shares it in his own words, over the real client."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from bot import ledger, votes
from bot.adapters.slack_cards import DISMISS_ACTION, REWORD_ACTION, REWORD_INPUT
from bot.forget import forget_user
from bot.outbox import GRACE
from knowledge.entry import Trust
from tests.bot.running import ANN, BOB, CARL, CHANNEL, QUESTION, Running, entry, running, workspace
from tests.bot.test_slack_drafts import (
    ANSWER,
    DAN,
    DRAFTS,
    QUIET,
    all_text,
    decided,
    drafted,
    drafting,
    edited,
    has_buttons,
    trusted,
    votes_live,
    whispered,
    whispers,
    whole,
)
from tests.local_slack import LocalSlack, Message, SlackError, SlowAfterEffect

MINE = "Run `millrace spill clean --older 1d` instead. [1]"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        local.add_user(DAN, "dan")
        local.add_channel(DRAFTS, "drafts", kind="private", members=[BOB, DAN])
        yield local
        assert local.violations == []


async def opened(slack: LocalSlack, channel: str, ts: str, user: str, count: int = 1) -> dict[str, Any]:
    """The form that a click on Edit opens."""
    slack.click(channel, ts, user, REWORD_ACTION)
    await slack.until(lambda: len(slack.views) == count)
    return slack.views[-1]


def offered(form: dict[str, Any]) -> str:
    return str(form["blocks"][0]["element"]["initial_value"])


async def asked(slack: LocalSlack) -> tuple[str, Message]:
    """A question and the draft about it."""
    ts = slack.post(CHANNEL, ANN, QUESTION)
    return ts, await drafted(slack)


async def answered(slack: LocalSlack, ts: str) -> Message:
    await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
    return slack.bot_replies(ts)[0]


async def corrections(run: Running) -> list[str]:
    return [row.text for row in await run.database.run(votes.corrections_in)]


async def test_an_edited_draft_is_posted_once_in_his_words_with_the_sources_he_kept(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        assert ANSWER in offered(form) and "[1]" in offered(form)
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        reply = await answered(slack, ts)
        final = await edited(slack, draft, "edited and shared by @bob")
        assert await votes_live(run, ts) == {BOB: True}
        await trusted(run, Trust(up=2.0))
        assert await corrections(run) == ["Run `millrace spill clean --older 1d` instead."]
        await asyncio.sleep(QUIET)
    shown = all_text(reply)
    assert "Edited by bob" in shown and f"<@{BOB}" not in shown and "--older 1d" in shown
    assert ANSWER not in shown and "[1] <https://example.slack.com/archives/C0OLD" in shown
    assert len(slack.bot_replies(ts)) == 1 and not has_buttons(final) and slack.all_acked()


async def test_without_a_source_it_is_said_in_his_name_and_counts_for_no_entry(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        own = f"Ask @{CARL} or <@{CARL}>, @channel. See https://example.com/spill"
        slack.submit(form["id"], {REWORD_INPUT: own})
        shown = all_text(await answered(slack, ts))
        assert await votes_live(run, ts) == {BOB: True}
        assert await run.database.run(lambda c: votes.entries_quoted(c, suggestion_id(c, slack, ts))) == []
    assert "bob says:" in shown and "[1]" not in shown
    assert "@carl" in shown and f"<@{CARL}>" not in shown and "@channel" not in shown
    assert "<https://example.com/spill>" in shown


def suggestion_id(connection: Connection, slack: LocalSlack, ts: str) -> str:
    row = ledger.suggestion_for(connection, whole(slack, ts))
    assert row is not None
    return str(row.id)


async def test_unchanged_it_is_shared_as_it_was(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        slack.submit(form["id"], {REWORD_INPUT: offered(form)})
        shown = all_text(await answered(slack, ts))
        final = await edited(slack, draft, "shared by @bob")
        assert await corrections(run) == []
    assert ANSWER in shown and "Edited by" not in shown and "edited" not in final.text


async def test_an_ephemeral_draft_can_be_edited_too(slack: LocalSlack, tmp_path: Path) -> None:
    settings = drafting(drafts_to="ephemeral")
    async with running(slack, tmp_path, [entry()], settings=settings):
        ts = slack.post(CHANNEL, ANN, QUESTION)
        seen = await whispered(slack, BOB)
        form = await opened(slack, CHANNEL, seen.ts, BOB)
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        assert "--older 1d" in all_text(await answered(slack, ts))
        await slack.until(lambda: "in your words" in whispers(slack, BOB)[0].text)
    assert len(whispers(slack, BOB)) == 1  # told in the place of the draft


async def test_who_may_not_share_may_not_edit(slack: LocalSlack, tmp_path: Path) -> None:
    slack.join(DRAFTS, CARL)
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        slack.click(DRAFTS, draft.ts, CARL, REWORD_ACTION)
        assert "Only analysts" in (await whispered(slack, CARL)).text
        assert slack.views == []
        await opened(slack, DRAFTS, draft.ts, BOB)
        await asyncio.sleep(QUIET)
        assert await votes_live(run, ts) == {}
    assert slack.bot_replies(ts) == [] and has_buttons(slack.message(DRAFTS, draft.ts))


async def test_of_two_analysts_the_first_is_heard_and_the_second_told_so(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        of_bob = await opened(slack, DRAFTS, draft.ts, BOB)
        of_dan = await opened(slack, DRAFTS, draft.ts, DAN, 2)
        slack.submit(of_bob["id"], {REWORD_INPUT: MINE})
        await answered(slack, ts)
        slack.submit(of_dan["id"], {REWORD_INPUT: "Something else."})
        assert "decided already: edited and shared by @bob" in (await whispered(slack, DAN)).text
        await edited(slack, draft, "edited and shared by @bob")
        assert len(await corrections(run)) == 1
    assert len(slack.bot_replies(ts)) == 1 and "--older 1d" in all_text(slack.bot_replies(ts)[0])


async def test_what_was_settled_while_the_form_was_open_stays_settled(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        slack.click(DRAFTS, draft.ts, BOB, DISMISS_ACTION)
        await edited(slack, draft, "by @bob")
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        assert "decided already" in (await whispered(slack, BOB)).text
    assert slack.bot_replies(ts) == []


async def test_a_persons_answer_closes_the_draft_for_edits_too(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        answer = slack.post(CHANNEL, CARL, "Clean the spill folder, that helped us.", thread_ts=ts)
        await decided(run, answer)
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        assert "expired: @carl answered" in (await whispered(slack, BOB)).text
        await asyncio.sleep(QUIET)
    assert slack.bot_replies(ts) == []


async def test_a_form_that_slack_does_not_open_in_time_harms_nothing(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["views.open"].append(SlackError("expired_trigger_id"))
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        _, draft = await asked(slack)
        slack.click(DRAFTS, draft.ts, BOB, REWORD_ACTION)
        await slack.until(lambda: len(slack.calls("views.open")) == 1)
        await opened(slack, DRAFTS, draft.ts, BOB)
        await slack.until(slack.all_acked)


async def test_a_stop_in_the_middle_leaves_one_post_and_one_correction(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()):
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        slack.faults["chat.postMessage"].append(SlowAfterEffect(5.0))
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        await answered(slack, ts)  # it stands there, but nobody told us
    async with running(slack, tmp_path, settings=drafting()) as run:
        await edited(slack, draft, "edited and shared by @bob")
        await asyncio.sleep(GRACE.total_seconds())
        assert len(await corrections(run)) == 1
    assert len(slack.bot_replies(ts)) == 1 and whispers(slack, BOB) == []


async def test_who_is_forgotten_takes_his_words_along(slack: LocalSlack, tmp_path: Path) -> None:
    settings = drafting()
    async with running(slack, tmp_path, [entry()], settings=settings) as run:
        ts, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        await answered(slack, ts)
        await edited(slack, draft, "edited and shared by @bob")
        who = f"slack:{slack.identity.team}/{BOB}"
        await forget_user(run.database, who, config=settings, now=datetime.now(UTC))
        await slack.until(lambda: slack.bot_replies(ts) == [])
        assert await corrections(run) == []


async def test_whatever_comes_of_a_form_is_acknowledged_and_harms_nothing(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting()) as run:
        _, draft = await asked(slack)
        form = await opened(slack, DRAFTS, draft.ts, BOB)
        slack.close_view(form["id"])
        form["callback_id"] = "of_another_version"
        slack.submit(form["id"], {REWORD_INPUT: MINE})
        slack.shortcut("of_another_version", BOB)
        slack.message_shortcut("of_another_version", DRAFTS, draft.ts, BOB)
        await slack.until(slack.all_acked)
        await asyncio.sleep(QUIET)
        set_aside = "select count(*) from inbox where state != 'done'"
        assert await run.database.run(lambda c: c.exec_driver_sql(set_aside).scalar()) == 0
    assert has_buttons(slack.message(DRAFTS, draft.ts))

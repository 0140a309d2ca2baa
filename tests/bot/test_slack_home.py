"""Earshot's own page in Slack: who sees what there, and what its buttons do. Over the real client."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import mutes, optouts
from bot.adapters.slack_cards import HOME_ACTION, SHARE_ACTION
from bot.config import Config
from bot.forget import forget_user
from bot.manners import Order
from knowledge.entry import PUBLIC
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    PRIVATE,
    QUESTION,
    WEIGHTS,
    Running,
    entry,
    running,
    workspace,
)
from tests.bot.test_slack_drafts import DAN, DRAFTS, QUIET, decided, drafted, drafting
from tests.local_slack import LocalSlack, SlackError

GUEST, STRANGER, ADMIN = "U0GUEST001", "U0STRANGE1", "U0ADMIN001"
PARTNER = "C0PARTNER1"
SECRET = "The vault of the board does not open, how do I open it?"
OPT_OUT, OPT_IN, MUTE, UNMUTE = (
    HOME_ACTION + order.name
    for order in (Order.OPT_OUT, Order.OPT_IN, Order.MUTE_CHANNEL, Order.UNMUTE_CHANNEL)
)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        local.add_user(GUEST, "gus", guest=True)
        local.add_user(STRANGER, "sten", team="T0OTHER001")
        local.add_user(ADMIN, "ada")
        local.add_channel(PARTNER, "partner", external=True, members=[ANN, STRANGER])
        local.add_channel(DRAFTS, "drafts", kind="private", members=[BOB])
        yield local
        assert local.violations == []


def settings(**more: Any) -> Config:
    silent = {"wait_seconds": "0", "precision": "0.5", "mode": "shadow"}
    given = {"analysts": [BOB], "admins": [ADMIN], "weights": str(WEIGHTS)}
    return Config.model_validate({"defaults": silent, **given, **more})


async def opened(slack: LocalSlack, user: str) -> str:
    """What ``user`` reads on the page that he opens."""
    before = len(slack.homes(user))
    slack.open_home(user)
    return await published(slack, user, before + 1)


async def published(slack: LocalSlack, user: str, count: int) -> str:
    await slack.until(lambda: len(slack.homes(user)) >= count)
    return text_of(slack.home(user))


def text_of(view: dict[str, Any]) -> str:
    sections = [block["text"]["text"] for block in view["blocks"] if block["type"] == "section"]
    return "\n".join(sections)


def buttons(slack: LocalSlack, user: str) -> list[str]:
    elements = [one for block in slack.home(user)["blocks"] for one in block.get("elements", ())]
    return [one["action_id"] for one in elements if one["type"] == "button"]


async def heard(run: Running) -> None:
    """Questions in the open channel, the private one and the one shared with another company."""
    slack = run.slack
    for channel, text in (
        (CHANNEL, QUESTION),
        (PRIVATE, SECRET),
        (PARTNER, "Partner: the gate is down, why?"),
    ):
        ts = slack.post(channel, ANN, text)
        await decided(run, ts, channel)


async def test_everybody_reads_of_his_own_channels_and_questions_only(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, settings=settings()) as run:
        await heard(run)
        of_ann = await opened(slack, ANN)
        of_carl = await opened(slack, CARL)
    for shown in (of_ann, of_carl):
        assert "always with my sources" in shown and "What I know" not in shown and "How I run" not in shown
    assert f"<#{CHANNEL}> – I listen and say nothing" in of_ann and f"<#{PRIVATE}>" in of_ann
    assert "shared with another company" in of_ann  # external: off
    assert "MLR-4090" in of_ann and "vault of the board" in of_ann and "nobody has answered yet" in of_ann
    assert "Partner:" not in of_ann  # nothing is told of what was said there
    assert (
        f"<#{CHANNEL}>" in of_carl and f"<#{PRIVATE}>" not in of_carl and "Your open questions" not in of_carl
    )


async def test_who_left_a_private_channel_is_not_told_of_it_any_more(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, settings=settings()) as run:
        await heard(run)
        slack.leave(PRIVATE, ANN)
        shown = await opened(slack, ANN)
    assert "vault of the board" not in shown and f"<#{PRIVATE}>" not in shown and "MLR-4090" in shown


async def test_a_guest_and_a_stranger_see_what_they_are_in(slack: LocalSlack, tmp_path: Path) -> None:
    slack.join(PRIVATE, GUEST)
    everywhere = settings(analysts=[GUEST, STRANGER], external="on")
    private = f"channel:slack:{slack.identity.team}/{PRIVATE}"
    known = [entry(), entry("A", audience=PUBLIC, origin="a"), entry("B", audience=private, origin="b")]
    async with running(slack, tmp_path, known, settings=everywhere) as run:
        await heard(run)
        of_guest = await opened(slack, GUEST)
        of_stranger = await opened(slack, STRANGER)
    assert f"<#{PRIVATE}>" in of_guest and "vault" in of_guest  # he is in it, and an analyst
    assert "MLR-4090" not in of_guest and f"<#{CHANNEL}>" not in of_guest
    assert f"<#{PARTNER}>" in of_stranger and "Partner:" in of_stranger and "vault" not in of_stranger
    # What is public, and of the private channel for who is in it; not what is the workspace's.
    assert "2 closed threads;" in of_guest and "1 closed thread;" in of_stranger


async def test_an_analyst_reads_what_is_open_and_known_where_he_is(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()], settings=drafting(analysts=(BOB, CARL))):
        slack.post(CHANNEL, ANN, QUESTION)
        draft = await drafted(slack)
        of_bob, of_carl = await opened(slack, BOB), await opened(slack, CARL)
        slack.click(DRAFTS, draft.ts, BOB, SHARE_ACTION)
        await slack.until(lambda: len(slack.posts(CHANNEL)) == 1)
        later = await opened(slack, BOB)
        for _ in range(200):  # the receipt of the post is on its way
            if "– 1 time" in later:
                break
            await asyncio.sleep(0.02)
            later = await opened(slack, BOB)
    assert "Open in your channels: 1" in of_bob and "MLR-4090 since this morning" in of_bob
    assert "Drafts that wait for an analyst: 1" in of_bob and "1 closed thread; 0 entries new" in of_bob
    assert (
        "Drafts that wait" not in of_carl and "Open in your channels: 1" in of_carl
    )  # it is shown where he is not
    assert (
        "Drafts that wait" not in later and "Gate does not start: MLR-4090" in later and "– 1 time" in later
    )


async def test_an_admin_reads_of_channels_that_he_may_read_and_mutes_one(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path, settings=settings()) as run:
        await heard(run)
        shown = await opened(slack, ADMIN)
        assert f"<#{CHANNEL}> – mode shadow, precision 0.5" in shown and f"<#{PRIVATE}>" not in shown
        assert "and 2 more: they stand in config.yaml, too" in shown and "slack: " in shown
        assert "No night has ended yet" in shown
        slack.click_at_home(ADMIN, MUTE)
        assert "muted" in await published(slack, ADMIN, 2)
        assert await muted(run)
        slack.click_at_home(ADMIN, UNMUTE)
        assert ", muted" not in await published(slack, ADMIN, 3)
        assert not await muted(run)
        await slack.until(slack.all_acked)


async def muted(run: Running) -> bool:
    channel = f"slack:{run.slack.identity.team}/{CHANNEL}"
    return await run.database.run(lambda c: mutes.muted_here(c, "", channel)) is not None


async def test_who_is_no_admin_any_more_mutes_nothing(slack: LocalSlack, tmp_path: Path) -> None:
    current = [settings()]
    async with running(slack, tmp_path, settings=lambda: current[0]) as run:
        await heard(run)
        await opened(slack, ADMIN)
        current[0] = settings(admins=[])
        slack.click_at_home(ADMIN, MUTE)
        assert "How I run" not in await published(slack, ADMIN, 2)
        assert not await muted(run)


async def test_opting_out_there_is_opting_out(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, settings=settings()) as run:
        assert "I may learn" in await opened(slack, CARL)
        slack.click_at_home(CARL, OPT_OUT)
        assert "I learn nothing from what you say" in await published(slack, CARL, 2)
        who = f"slack:{slack.identity.team}/{CARL}"
        assert await run.database.run(optouts.opted_out) == {who}
        slack.click_at_home(CARL, OPT_IN)
        assert "I may learn" in await published(slack, CARL, 3)
        assert await run.database.run(optouts.opted_out) == frozenset()


async def test_who_is_forgotten_was_never_there(slack: LocalSlack, tmp_path: Path) -> None:
    chosen = settings()
    async with running(slack, tmp_path, settings=chosen) as run:
        await opened(slack, CARL)
        slack.click_at_home(CARL, OPT_OUT)
        await published(slack, CARL, 2)
        await slack.until(slack.all_acked)
        who = f"slack:{slack.identity.team}/{CARL}"
        await forget_user(run.database, who, config=chosen, now=datetime.now(UTC))
        rows = await run.database.run(lambda c: c.exec_driver_sql("select * from inbox").all())
    assert rows and CARL not in str(rows)


@pytest.mark.parametrize("place", ["ephemeral", BOB])
async def test_a_draft_waits_for_analysts_to_whom_it_was_shown(
    slack: LocalSlack, tmp_path: Path, place: str
) -> None:
    slack.add_user(DAN, "dan")
    async with running(slack, tmp_path, [entry()], settings=drafting(drafts_to=place)):
        slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.ephemerals) + len(slack.posts()) == 1)
        of_bob, of_dan = await opened(slack, BOB), await opened(slack, DAN)
    assert "Drafts that wait for an analyst: 1" in of_bob and "Drafts that wait" not in of_dan


async def test_the_messages_with_it_are_no_page_and_a_page_that_fails_is_made_anew(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["views.publish"] += [SlackError("not_enabled"), SlackError("internal_error")]
    async with running(slack, tmp_path, settings=settings()) as run:
        slack.open_home(CARL, tab="messages")
        for count in (1, 2):
            slack.open_home(CARL)
            await slack.until(lambda: len(slack.calls("views.publish")) == count)
        await opened(slack, CARL)
        await asyncio.sleep(QUIET)
        left = await run.database.run(
            lambda c: list(c.exec_driver_sql("select state, payload from inbox where state != 'done'"))
        )
    assert left == [] and len(slack.homes(CARL)) == 1

"""The life of a group in Lark, met by the real long-connection client."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot import ledger, mutes
from bot.scorer import Action
from tests.bot.running import QUESTION, entry
from tests.bot.running_lark import ANN, BOB, CARL, CHAT, Running, config, running, tenant
from tests.local_lark import LocalLark
from tests.local_lark.cards import text_of

GROUP = "oc_machines"
QUIET = 0.3  # seconds in which nothing more must happen


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        local.add_chat(GROUP, "machines", members=[ANN, BOB])
        yield local
        assert local.violations == []


async def becomes(run: Running, holds: Callable[[Connection], bool]) -> None:
    for _ in range(1_000):
        if await run.database.run(holds):
            return
        await asyncio.sleep(0.01)
    raise AssertionError(run.lark.report())


async def test_who_adds_it_meets_one_short_introduction(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, settings=config(admins=[BOB, "U0ADMIN001"])) as run:
        lark.add_bot(GROUP, ANN)
        await lark.until(lambda: bool(lark.sent(GROUP)))
        lark.remove_bot(GROUP, ANN)
        lark.add_bot(GROUP, ANN)
        await lark.until(lark.all_acked)
        await asyncio.sleep(QUIET)
        (post,) = lark.sent(GROUP)
        said = text_of(post.card)
        assert post.root is None and "I'm Earshot" in said and "Ask @Bob." in said
        assert "What I learn stays in this channel" in said and "<at" not in said
        lark.react(post.id, BOB, "GeneralDoNotDisturb")
        await becomes(run, lambda c: mutes.muted_here(c, "", run.whole("", GROUP).rstrip("/")) is not None)


async def test_a_group_that_is_gone_is_written_to_no_more(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()], settings=config(wait=60)) as run:
        asked = lark.say(CHAT, ANN, QUESTION)
        await becomes(run, lambda c: ledger.last_decision(c, run.whole(asked)) is not None)
        lark.disband(CHAT)

        def is_let_go(connection: Connection) -> bool:
            row = ledger.last_decision(connection, run.whole(asked))
            return row is not None and (row.action, ledger.first_reason(row)) == (
                Action.SILENT,
                ("out of reach", "the channel was deleted"),
            )

        await becomes(run, is_let_go)
    assert lark.sent() == [] and lark.calls("message.reply") == []


async def test_settings_follow_a_group_to_its_new_name(lark: LocalLark, tmp_path: Path) -> None:
    settings = config(channels={"#helpdesk": {"mode": "off"}})
    async with running(lark, tmp_path, [entry()], settings=settings) as run:
        lark.say(CHAT, BOB, "good morning everybody")
        await becomes(run, lambda c: ledger.find_channels(c, "#help") != [])
        lark.rename(CHAT, "helpdesk", BOB)
        await becomes(run, lambda c: ledger.channel_of(c, run.whole("").rstrip("/")).name == "helpdesk")
        asked = lark.say(CHAT, CARL, QUESTION)

        def is_off(connection: Connection) -> bool:
            row = ledger.last_decision(connection, run.whole(asked))
            return row is not None and ledger.first_reason(row)[0] == "off"

        await becomes(run, is_off)
        assert await run.database.run(lambda c: ledger.find_channels(c, "#help")) == [
            run.whole("").rstrip("/")
        ]

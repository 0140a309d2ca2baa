"""What becomes of our own answers afterwards, over the real long-connection client against the local Lark."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bot import intents, revisions, tables
from bot.revising import DECIDED_AFTER
from bot.revisions import State
from bot.updating import look_again
from knowledge import store
from knowledge.entry import EntryState
from tests.bot.running import QUESTION, SOLUTION, entry
from tests.bot.running_lark import ANN, BOB, CHAT, Running, running, tenant
from tests.local_lark import ApiError, DropAfterEffect, Limited, LocalLark, Message
from tests.local_lark.cards import text_of, walk

RIGHT = "Restart the spill daemon first, then <at id=all></at> the gate."


@pytest.fixture
def lark() -> Iterator[LocalLark]:
    with LocalLark() as local:
        tenant(local)
        yield local
        assert local.violations == []


class Ahead:
    """The system's time, moved on by hand."""

    by = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


async def replied(run: Running) -> Message:
    """Our answer to a question, once we know that it stands there."""
    asked = run.lark.say(CHAT, ANN, QUESTION)
    await run.lark.until(lambda: len(run.lark.replies(asked)) == 1)
    await until(run, lambda c: suggestion(c).posted_id is not None)
    return run.lark.replies(asked)[0]


def suggestion(connection: Connection) -> Any:
    return connection.execute(select(tables.suggestions)).one()


def state(connection: Connection) -> str | None:
    last = revisions.last_of(connection, suggestion(connection).id)
    return None if last is None else str(last.state)


async def until(run: Running, holds: Any) -> None:
    await run.lark.until(lambda: bool(run.database.run_blocking(holds)))


async def move(run: Running, state: EntryState) -> None:
    await run.database.run(lambda c: store.move(c, entry().id, state))
    await run.app.bot.knowledge.follow()


def alone(lark: LocalLark) -> list[Message]:
    """What is shown to one person."""
    return [one for one in lark.sent() if one.ephemeral_to is not None]


def buttons(card: Any) -> list[str]:
    return [one["text"]["content"] for one in walk(card) if one["tag"] == "button"]


async def test_what_an_analyst_rejects_is_gone(lark: LocalLark, tmp_path: Path) -> None:
    clock = Ahead()
    async with running(lark, tmp_path, [entry()], clock=clock) as run:
        reply = await replied(run)
        lark.faults["message.delete"].append(DropAfterEffect())
        lark.react(reply.id, BOB, "ThumbsDown")
        await until(run, lambda c: c.exec_driver_sql("select count(*) from votes").scalar() == 1)
        assert not lark.message(reply.id).deleted
        clock.by += DECIDED_AFTER
        await lark.until(lambda: lark.message(reply.id).deleted)
        await until(run, lambda c: intents.is_done(c, suggestion(c).id, "delete"))


async def test_an_analysts_correction_takes_the_place_of_the_answer(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        reply = await replied(run)
        lark.faults["message.patch"].append(Limited(1))
        lark.click(reply.id, BOB, "Not helpful")
        await lark.until(lambda: len(alone(lark)) == 1)
        given = {"earshot_answer": RIGHT}
        lark.click(alone(lark)[0].id, BOB, "Give the right answer", given)
        await lark.until(lambda: "Bob corrected this" in text_of(lark.message(reply.id).card))
        card = lark.message(reply.id).card
        await until(run, lambda c: suggestion(c).version == 1)
    assert "spill daemon" in text_of(card) and "millrace" not in text_of(card)
    assert "Correction by Bob" in text_of(card) and buttons(card) == ["Helpful", "Not helpful"]
    assert text_of(card).index("Updated") < text_of(card).index("spill daemon")


async def test_an_answer_that_was_said_as_a_text_is_changed_as_a_text(
    lark: LocalLark, tmp_path: Path
) -> None:
    lark.faults["message.reply"].append(ApiError(230099, "Failed to create card content"))
    async with running(lark, tmp_path, [entry()]) as run:
        reply = await replied(run)
        await move(run, EntryState.RETIRED)
        await look_again(run.app.bot)
        await lark.until(lambda: "was withdrawn" in lark.message(reply.id).card["text"])
        said = lark.message(reply.id).card["text"]
    assert said.startswith("Updated") and SOLUTION.split(".")[0] in said and len(lark.sent()) == 1


async def test_what_was_recalled_by_a_person_is_not_tried_again(lark: LocalLark, tmp_path: Path) -> None:
    async with running(lark, tmp_path, [entry()]) as run:
        reply = await replied(run)
        await move(run, EntryState.RETIRED)
        lark.faults["message.patch"].append(ApiError(230011, "The message was withdrawn."))
        await look_again(run.app.bot)
        await until(run, lambda c: state(c) == State.REFUSED)
        assert await look_again(run.app.bot) == 0
        await asyncio.sleep(0.2)
    assert lark.message(reply.id).card == reply.card and len(lark.calls("message.patch")) == 1

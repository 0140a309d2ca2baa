"""A long answer in several messages: nothing is lost or said twice, whatever happens between two of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from bot import forget, intents, presences, revisions
from bot.adapters import lark_cards, slack_wire
from bot.adapters.acts import Post
from bot.adapters.events import Departure, Left, Reopened
from bot.answerer import Citation, Line, Suggestion
from bot.parts import MAX_PARTS, cut, parts_of
from bot.revising import Why
from bot.tables import Sent, outbox, suggestions
from knowledge.entry import EntryKind, PassageKind
from knowledge.writer import Asked, Claim, Draft, Quote
from tests.bot.running import ANN, BOB, CHANNEL, QUESTION, Running, config, entry, running, workspace
from tests.local_slack import DropAfterEffect, LocalSlack, Pass, SlackError, SlowAfterEffect
from tests.local_slack import blocks as slack_limits

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HERE = "slack:T1/C1"


def answer(*texts: str) -> Post:
    cited = Citation(number=1, entry="e", source="d.md", title="t", quote="x", kind=EntryKind.DOCUMENT)
    lines = tuple(Line(text=text, citations=(1,), gap="\n\n") for text in texts)
    said = Suggestion(lines=lines, citations=(cited,))
    return Post(
        id="s1", channel=HERE, reply_to=f"{HERE}/1.0", suggestion=said, now=NOW, lead="It comes late."
    )


def words(post: Post) -> str:
    return " ".join(line.text for line in post.suggestion.lines)


def by_length(said: Suggestion) -> float:
    return sum(len(line.text) for line in said.lines) / 2_000


# ---- cutting


@given(st.lists(st.text(alphabet="ab \n", min_size=1, max_size=900), min_size=1, max_size=12))
def test_the_parts_say_all_of_it_in_its_order(texts: list[str]) -> None:
    post = answer(*texts)
    parts = parts_of(post, by_length)
    assert re.sub(r"\s", "", "".join(map(words, parts))) == re.sub(r"\s", "", words(post))
    assert [(part.part, part.of) for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    assert len(parts) <= MAX_PARTS and {part.lead for part in parts[1:]} <= {""}


def test_a_message_ends_at_the_end_of_a_paragraph() -> None:
    parts = parts_of(answer(*["word " * 150] * 4), by_length)
    assert [len(part.suggestion.lines) for part in parts] == [2, 2]


@pytest.mark.parametrize("opening", ["```sh", "~~~~", "```first line"])
def test_a_fence_that_is_cut_is_closed_and_opened_again(opening: str) -> None:
    close = opening[:4] if opening.startswith("~") else "```"
    code = "\n".join(f"command --number {number}" for number in range(200))
    chunks = [
        line.text for line in cut(Line(text=f"Run:\n{opening}\n{code}\n{close}\nDone.", citations=(1,)))
    ]
    assert len(chunks) > 1 and all(chunk.count(close) % 2 == 0 for chunk in chunks)
    assert re.findall(r"--number (\d+)", "\n".join(chunks)) == [str(number) for number in range(200)]


LONG = st.lists(
    st.one_of(st.text(max_size=2_000), st.text(alphabet="<&>*_`|- \n请", max_size=2_000)),
    min_size=1,
    max_size=25,
)


@given(texts=LONG, name=st.text(max_size=80))
def test_each_part_stays_inside_what_slack_takes_and_loses_nothing(texts: list[str], name: str) -> None:
    post = answer(*(f"{number}@U0ANN00001: {text}" for number, text in enumerate(texts)))
    for part in (parts := slack_wire.parts(post)):
        rendered = slack_wire.render(part, {"U0ANN00001": name})
        slack_limits.check_message({"text": rendered["text"], "blocks": rendered["blocks"]})
        assert ("the rest is in the source" in str(rendered)) <= (part.of == MAX_PARTS == part.part)
        assert ("context_actions" in str(rendered)) == part.is_last
    assert len(parts) > 1 or "the rest" not in str(slack_wire.render(parts[0], {}))


@given(LONG)
def test_each_part_stays_inside_what_lark_takes(texts: list[str]) -> None:
    post = answer(*texts)
    for part in lark_cards.parts(post):
        card = lark_cards.render(part, {})
        assert lark_cards.fits(card["body"]["elements"])
        assert ("Helpful" in str(card)) == part.is_last


def test_when_and_by_whom_it_is_asked_changes_no_part() -> None:
    post = answer(*["word " * 300] * 12)
    later = replace(post, now=datetime(2031, 1, 1, tzinfo=UTC), lead="")
    for parts in (slack_wire.parts, lark_cards.parts):
        assert [part.suggestion for part in parts(post)] == [part.suggestion for part in parts(later)]


# ---- posting


class Whole:
    """Quotes all of the best source, a paragraph a claim."""

    name = "whole"

    async def answer(self, asked: Asked) -> Draft:
        passage = asked.hits[0].entry.of(PassageKind.SOLUTION)[0]
        quote = [Quote(entry=asked.hits[0].entry.id, source=passage.source, text=text)
                 for text in passage.text.split("\n\n")]  # fmt: skip
        return Draft(claims=tuple(Claim(text=each.text, quotes=(each,), gap="\n\n") for each in quote))


STEPS = 24
SOLUTION = "\n\n".join(
    f"Step {number}: empty the spill folder. " + "Look twice. " * 60 for number in range(STEPS)
)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(post_interval=0.0) as local:
        workspace(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def live(slack: LocalSlack, folder: Path, pause: float = 0.0) -> AsyncIterator[Running]:
    """``pause``: seconds between two posts."""
    known = [entry(solution=SOLUTION)]
    async with running(slack, folder, known, settings=config(), writer=Whole()) as run:
        run.bot.adapter_of(f"slack:{slack.identity.team}/{CHANNEL}").post_interval = pause
        yield run


async def all_said(run: Running, ts: str) -> list[str]:
    await run.slack.until(lambda: "context_actions" in str([one.blocks for one in run.slack.bot_replies(ts)]))
    await run.app.drain()
    return [str(reply.blocks) for reply in run.slack.bot_replies(ts)]


def steps(texts: list[str]) -> list[int]:
    return [int(number) for text in texts for number in dict.fromkeys(re.findall(r"Step (\d+)", text))]


async def test_a_long_answer_is_said_in_a_row_with_sources_and_buttons_under_the_last(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        texts = await all_said(run, ts)
        assert steps(texts) == list(range(STEPS))
        assert ["context_actions" in text for text in texts] == [False] * (len(texts) - 1) + [True]
        assert ["(2/" in text for text in texts][:2] == [False, True]


async def test_a_thumb_on_any_part_is_one_on_the_answer(slack: LocalSlack, tmp_path: Path) -> None:
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await all_said(run, ts)
        first, second = slack.bot_replies(ts)[:2]
        slack.react(CHANNEL, first.ts, ANN, "+1")
        slack.react(CHANNEL, second.ts, BOB, "+1")
        for _ in range(2_000):
            votes = await run.database.run(lambda c: c.exec_driver_sql("SELECT user FROM votes").all())
            if len(votes) == 2:
                return
            await asyncio.sleep(0.005)
        raise AssertionError(f"votes: {votes}")


async def test_a_part_of_which_nobody_knows_whether_it_was_posted_is_posted_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path) as run:
        slack.faults["chat.postMessage"] += [DropAfterEffect(), DropAfterEffect()]
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        assert steps(await all_said(run, ts)) == list(range(STEPS))
    assert len(slack.posts()) == len(slack.bot_replies(ts))


async def test_what_was_cut_off_between_two_parts_goes_on_after_the_start(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path, pause=30.0) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await _until_intended(run, "post 2")
    assert len(slack.bot_replies(ts)) == 1
    async with live(slack, tmp_path) as run:
        assert steps(await all_said(run, ts)) == list(range(STEPS))


async def _until_intended(run: Running, kind: str) -> None:
    for _ in range(2_000):
        rows = await run.database.run(lambda c: c.execute(outbox.select().where(outbox.c.kind == kind)).all())
        if rows:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{kind} was never intended")


async def test_an_answer_without_its_end_is_taken_back(slack: LocalSlack, tmp_path: Path) -> None:
    slack.faults["chat.postMessage"] += [Pass(), SlackError("restricted_action")]
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await slack.until(lambda: len(slack.posts()) == 1)
        await slack.until(lambda: slack.bot_replies(ts) == [])
        assert {"post", "delete"} <= await run.database.run(_kinds)


async def test_taken_back_all_of_its_messages_go(slack: LocalSlack, tmp_path: Path) -> None:
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await all_said(run, ts)
        slack.delete(CHANNEL, slack.bot_replies(ts)[1].ts)  # somebody takes one of them away
        await slack.until(lambda: slack.bot_replies(ts) == [])
        sent = await run.database.run(_kinds)
        assert {"delete", "delete 2"} <= sent


async def test_an_answer_of_several_messages_never_changes_in_part(slack: LocalSlack, tmp_path: Path) -> None:
    def put(why: Why) -> bool:
        def change(connection: Connection) -> bool:
            [row] = connection.execute(suggestions.select()).all()
            return revisions.put_revision(connection, row, why, "a note", None, datetime.now(UTC))

        return run.database.run_blocking(change)

    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        before = await all_said(run, ts)
        assert not put(Why.CORRECTED)
        assert [str(reply.blocks) for reply in slack.bot_replies(ts)] == before
        assert put(Why.CHANGED)  # its source says something else: then all of it goes
        await slack.until(lambda: slack.bot_replies(ts) == [])


async def test_what_could_not_be_taken_back_goes_whole_when_the_channel_is_back(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        said = await all_said(run, ts)
        channel, now = f"slack:{slack.identity.team}/{CHANNEL}", datetime.now(UTC)

        def archived(connection: Connection) -> None:
            gone = Left(channel=channel, how=Departure.ARCHIVED, at=now)
            presences.take(connection, channel, gone)
            [row] = connection.execute(suggestions.select()).all()
            intents.take_back(connection, row, now)

        await run.database.run(archived)
        await run.app.drain()
        assert len(slack.bot_replies(ts)) == len(said)
        back = Reopened(channel=channel, at=now + timedelta(seconds=1))
        await run.database.run(lambda connection: presences.take(connection, channel, back))
        await slack.until(lambda: slack.bot_replies(ts) == [])


async def test_what_is_being_taken_back_goes_whole_though_its_channel_is_forgotten(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await all_said(run, ts)
        channel = f"slack:{slack.identity.team}/{CHANNEL}"

        def take_back(connection: Connection) -> None:
            [row] = connection.execute(suggestions.select()).all()
            intents.take_back(connection, row, datetime.now(UTC))

        await run.database.run(take_back)
        await forget.forget_channel(run.database, channel, config=config(), now=datetime.now(UTC))
        await slack.until(lambda: slack.bot_replies(ts) == [])


def _kinds(connection: Connection) -> set[str]:
    done = outbox.select().where(outbox.c.state.in_([Sent.DONE, Sent.SENDING, Sent.INTENT]))
    return {row.kind for row in connection.execute(done).all()}


async def test_what_is_taken_back_while_a_part_is_on_its_way_is_never_finished(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.faults["chat.postMessage"] += [Pass(), SlowAfterEffect(2.0)]
    async with live(slack, tmp_path) as run:
        ts = slack.post(CHANNEL, ANN, f"@earshot {QUESTION}")
        await slack.until(lambda: len(slack.bot_replies(ts)) == 2)
        slack.delete(CHANNEL, slack.bot_replies(ts)[0].ts)  # somebody takes the first away
        await slack.until(lambda: slack.bot_replies(ts) == [])
        await run.app.drain()
        assert len(slack.posts()) == 2 and "post 3" not in await run.database.run(_kinds)

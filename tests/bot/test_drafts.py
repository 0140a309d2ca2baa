"""Drafts in the practice room: what settles them, on the room's own time, and what a replay shows of them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import clicks, drafts, inbox, intents, ledger, mutes, tickets, votes, whispers
from bot.adapters import room
from bot.adapters.acts import Act, Buttons, Delete, Post
from bot.adapters.events import Deleted, Judged, Person, Reworded
from bot.app import App, assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.feedback import Calibration
from bot.handlers import on_clock, on_delete
from bot.inbox import Work
from bot.replay import replay
from bot.scorer import Action
from bot.whispers import About
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.recordings import read_recording
from knowledge.search import Knowledge
from knowledge.thread import Message
from tests.bot.running import QUESTION, WEIGHTS, entry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def settings(**more: Any) -> Config:
    speaking = {"wait_seconds": "0", "precision": "0.5", "mode": "draft"}
    given = {"analysts": ["bob"], "drafts_to": "#drafts", "weights": str(WEIGHTS), **more}
    return Config.model_validate({"defaults": speaking, **given})


class SimpleRoom(room.RoomAdapter):
    """A platform on which nothing can be shown, only posted."""

    performs: frozenset[type[Act]] = frozenset({Post, Delete})


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    app: App
    adapter: room.RoomAdapter
    clock: RecordedClock
    database: Database

    async def say(self, message_id: str, user: str, text: str, thread: str = "q1") -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=10))
        message = Message(
            id=message_id, channel="help", thread=thread, user=user, at=self.clock.now(), text=text
        )
        await self.app.accept(room.said(message))
        await self.app.drain()

    async def ask(self) -> str:
        """Somebody asks; the id of what is drafted."""
        await self.say("q1", "ann", QUESTION, "")
        row = await self.database.run(lambda c: ledger.suggestion_for(c, "q1"))
        assert row is not None
        return str(row.id)

    async def judge(self, suggestion_id: str, user: str, *, share: bool) -> None:
        judged = Judged(
            suggestion_id=suggestion_id, user=user, share=share, at=self.clock.now(), channel="#drafts"
        )
        await clicks.on_judged(self.app.bot, work(self.clock.now()), judged)
        await self.app.drain()

    async def reword(self, suggestion_id: str, user: str, text: str, at: datetime | None = None) -> None:
        sent = Reworded(
            suggestion_id=suggestion_id,
            user=user,
            text=text,
            changed=True,
            at=at or self.clock.now(),
            channel="#drafts",
        )
        await clicks.on_reworded(self.app.bot, work(self.clock.now()), sent)
        await self.app.drain()

    async def status(self, suggestion_id: str) -> tuple[str, str | None]:
        row = await self.database.run(lambda c: drafts.draft_row(c, suggestion_id))
        assert row is not None
        return row.state, row.status


def work(now: datetime) -> Work:
    return Work(
        id=0,
        adapter="room",
        conversation="c",
        at=now,
        received_at=now,
        due_at=now,
        tries=0,
        payload={},
        message_id=None,
    )


@asynccontextmanager
async def practice(
    folder: Path, config: Config | None = None, adapter: room.RoomAdapter | None = None
) -> AsyncIterator[Room]:
    database = open_database(f"sqlite:///{folder / 'room.db'}", durable=False)
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn([replace(entry(), known_from=None)])
    clock = RecordedClock(NOON)
    played = adapter or room.RoomAdapter({"help": room.channel("help")})
    chosen = config or settings()
    app = assemble(lambda: chosen, database, knowledge, [played], clock=clock, settle=timedelta())
    yield Room(app=app, adapter=played, clock=clock, database=database)
    await app.close()
    await knowledge.close()
    database.close()


async def test_a_draft_is_put_where_it_belongs_and_shared(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        shown = played.adapter.drafts[draft]
        assert (shown.channel, shown.question.text, shown.question.user) == ("#drafts", QUESTION, "@ann")
        await played.judge(draft, "bob", share=True)
        assert await played.status(draft) == ("shared", "shared by @bob")
        assert [post.reply_to for post in played.adapter.posts.values()] == ["q1"]
        assert [edit.text for edit in played.adapter.edits.values()] == ["Draft shared by @bob"]
        await played.judge(draft, "bob", share=True)
        assert len(played.adapter.posts) == 1 and played.adapter.whispers == []


async def test_a_draft_in_other_words_is_posted_learnt_from_and_nothing_twice_after_a_crash(
    tmp_path: Path,
) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        for _ in range(2):  # handled again, because the process died before it was noted as done
            await played.reword(draft, "bob", "Empty the folder of last week. [1]", NOON)
        assert await played.status(draft) == ("shared", "edited and shared by @bob")
        (post,) = played.adapter.posts.values()
        assert post.suggestion.text == "Empty the folder of last week. [1]"
        assert post.suggestion.worded_by == "bob" and len(post.suggestion.citations) == 1
        (kept,) = await played.database.run(votes.corrections_in)
        assert (kept.text, kept.user, kept.message_id) == ("Empty the folder of last week.", "bob", "q1")
        assert await played.database.run(lambda c: votes.votes_on(c, draft)) == {"bob": True}
        assert played.adapter.whispers == []


async def test_a_second_edit_by_the_same_person_is_not_lost_without_a_word(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        await played.reword(draft, "bob", "Empty the folder. [1]", NOON)
        await played.reword(draft, "bob", "No, restart it. [1]", NOON + timedelta(minutes=1))
        assert len(played.adapter.posts) == 1
        (told,) = played.adapter.whispers
        assert told.text == "This draft was decided already: edited and shared by @bob."


@pytest.mark.parametrize(("user", "text"), [("carl", "Empty it. [1]"), ("bob", " [1] ")])
async def test_an_edit_by_others_or_without_words_leaves_the_draft_open(
    tmp_path: Path, user: str, text: str
) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        await played.reword(draft, user, text)
        assert (await played.status(draft))[0] == "open" and played.adapter.posts == {}
        assert await played.database.run(votes.corrections_in) == []
        assert await played.database.run(lambda c: votes.votes_on(c, draft)) == {}


@pytest.mark.parametrize(
    ("user", "text", "expired"),
    [
        ("carl", "Clean the spill folder, that helped us.", True),
        ("bob", "I am looking into it.", True),
        ("ann", "It also says that the folder is full.", False),
    ],
)
async def test_a_draft_expires_when_somebody_else_answers(
    tmp_path: Path, user: str, text: str, expired: bool
) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        await played.say("m2", user, text)
        wanted = ("expired", f"expired: @{user} answered") if expired else ("open", None)
        assert await played.status(draft) == wanted
        await played.judge(draft, "bob", share=True)
        told = [whisper.text for whisper in played.adapter.whispers]
        assert told == ([f"This draft was decided already: expired: @{user} answered."] if expired else [])
        assert len(played.adapter.posts) == (0 if expired else 1)


@pytest.mark.parametrize(("after", "is_open"), [(timedelta(hours=23), True), (timedelta(hours=24), False)])
async def test_a_draft_is_open_for_a_day(tmp_path: Path, after: timedelta, is_open: bool) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        played.clock.move_to(played.clock.now() + after)
        await on_clock(played.app.bot)
        await played.app.drain()
        assert (await played.status(draft))[0] == ("open" if is_open else "expired")
        assert len(played.adapter.edits) == (0 if is_open else 1)


async def test_a_draft_shared_after_hours_is_still_said(tmp_path: Path) -> None:
    """`stale_after` counts from the moment an analyst wanted it."""
    async with practice(tmp_path) as played:
        draft = await played.ask()
        played.clock.move_to(played.clock.now() + timedelta(hours=5))
        await played.judge(draft, "bob", share=True)
        assert len(played.adapter.posts) == 1


async def test_a_solved_question_needs_no_draft(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        await played.say("m2", "ann", "Thanks, it works again!")
        await on_clock(played.app.bot)
        assert await played.status(draft) == ("expired", "expired: the question was solved")


async def test_what_was_drafted_here_is_not_drafted_again(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        await played.ask()
        await played.say("m2", "ann", "Does anybody know how I start the gate again after MLR-4090?")
        row = await played.database.run(lambda c: ledger.last_decision(c, "m2"))
        assert row is not None and row.action == Action.SILENT
        assert len(played.adapter.drafts) == 1


async def test_a_shared_draft_whose_answer_was_stopped_says_so(tmp_path: Path) -> None:
    """A source deleted between Share and the post: the answer is not said, and the draft does not claim it was."""
    async with practice(tmp_path) as played:
        draft = await played.ask()
        now = played.clock.now()

        def share_and_withdraw(connection: Any) -> None:
            drafts.share(connection, draft, "bob", now)
            intents.intend(connection, draft, "post", "help", now)
            ledger.empty_suggestion(connection, draft)

        await played.database.run(share_and_withdraw)
        await played.app.drain()
        assert await played.status(draft) == ("expired", "expired: not wanted any more")
        assert played.adapter.posts == {}
        assert [edit.text for edit in played.adapter.edits.values()] == ["Draft expired: not wanted any more"]


async def test_a_draft_settled_on_its_way_says_so_when_it_arrives(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        now = played.clock.now()

        def arrives_late(connection: Any) -> None:
            connection.exec_driver_sql("update drafts set message_id = null")
            drafts.expire(connection, draft, "the question was deleted", now)
            assert not intents.is_done(connection, draft, "edit")
            drafts.posted(connection, draft, room.draft_id(draft), now)

        await played.database.run(arrives_late)
        await played.app.drain()
        edits = [edit.text for edit in played.adapter.edits.values()]
        assert edits == ["Draft expired: the question was deleted"]


async def test_after_a_crash_a_draft_is_looked_for_and_a_whisper_is_let_be(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()

        def cut_off(connection: Any) -> None:
            whispers.whisper(
                connection, "w1", channel="help", user="ann", about=About.TEXT, text="x", now=NOON
            )
            connection.exec_driver_sql("update outbox set state = 'sending'")
            inbox.recover(connection, NOON, timedelta())

        first = played.adapter.drafts.copy()
        await played.database.run(cut_off)
        await played.app.drain()
        assert played.adapter.drafts == first and played.adapter.whispers == []
        assert await played.database.run(lambda c: intents.is_done(c, draft, "draft"))
        dropped = await played.database.run(
            lambda c: list(c.exec_driver_sql("select error from outbox where state = 'dropped'").scalars())
        )
        assert dropped == ["it was begun once and may have been shown"]


@pytest.mark.parametrize("stands", [True, False])
async def test_a_draft_whose_question_is_deleted_while_it_is_uncertain_keeps_no_quote(
    tmp_path: Path, stands: bool
) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()

        def cut_off(connection: Any) -> None:
            connection.exec_driver_sql("update outbox set state = 'sending' where kind = 'draft'")
            connection.exec_driver_sql("update drafts set message_id = null")
            inbox.recover(connection, NOON, timedelta())

        await played.database.run(cut_off)
        if not stands:
            played.adapter.drafts.clear()
        await on_delete(
            played.app.bot, work(played.clock.now()), Deleted(message_id="q1", at=played.clock.now())
        )
        await played.app.drain()
        edits = [edit.text for edit in played.adapter.edits.values()]
        assert edits == (["Draft expired: the question was deleted"] if stands else [])
        assert list(played.adapter.drafts) == ([draft] if stands else [])


async def test_a_whisper_is_kept_once_and_its_words_only_until_they_are_said(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:

        def tell(connection: Any) -> bool:
            return whispers.whisper(
                connection, "w1", channel="help", user="ann", about=About.TEXT, text="psst", now=NOON
            )

        assert await played.database.run(tell) and not await played.database.run(tell)
        await played.app.drain()
        assert [(one.user, one.text, one.buttons) for one in played.adapter.whispers] == [
            ("ann", "psst", Buttons.NONE)
        ]
        kept = await played.database.run(
            lambda c: list(c.exec_driver_sql("select text from whispers").scalars())
        )
        assert kept == [None]


async def test_a_draft_that_a_person_overtakes_on_its_way_is_not_shown(tmp_path: Path) -> None:
    """The answer is heard while the draft is being written, so that there is no draft yet to expire."""
    async with practice(tmp_path) as played:
        draft = await played.ask()
        later = played.clock.now() + timedelta(seconds=5)
        said = Message(id="m2", channel="help", thread="q1", user="carl", at=later, text="Clean the folder.")

        def heard_before_the_draft(connection: Any) -> None:
            ledger.put_message(connection, said, "q1", "q1")
            connection.exec_driver_sql("update outbox set state = 'intent'")

        played.adapter.drafts.clear()
        await played.database.run(heard_before_the_draft)
        await played.app.drain()
        assert played.adapter.drafts == {}
        assert (await played.status(draft))[0] == "expired"


async def test_nobody_is_asked_why_about_a_thumb_that_is_gone(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()

        def ask(connection: Any) -> None:
            whispers.whisper(
                connection,
                "w1",
                channel="help",
                user="carl",
                about=About.REASON,
                suggestion_id=draft,
                now=NOON,
            )

        await played.database.run(ask)
        await played.app.drain()
        assert played.adapter.whispers == []


async def test_only_sources_that_the_channel_may_see_are_named(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        await played.ask()
        seen = await played.database.run(lambda c: clicks.explained(c, Config(), "q1"))
        assert seen is not None and list(seen.sources) == ["Gate does not start: MLR-4090"]
        await played.database.run(
            lambda c: c.exec_driver_sql("update entries set audience = 'channel:board'").rowcount
        )
        hidden = await played.database.run(lambda c: clicks.explained(c, Config(), "q1"))
        assert hidden is not None and list(hidden.sources) == []


async def test_ephemeral_drafts_go_to_each_analyst_and_not_once_they_are_settled(tmp_path: Path) -> None:
    config = settings(drafts_to="ephemeral", analysts=["bob", "dan"])
    async with practice(tmp_path, config) as played:
        draft = await played.ask()
        assert [(one.user, one.reply_to, one.buttons) for one in played.adapter.whispers] == [
            ("bob", "q1", Buttons.JUDGE),
            ("dan", "q1", Buttons.JUDGE),
        ]
        await played.database.run(lambda c: drafts.expire(c, draft, "ann answered", NOON))
        assert await played.database.run(lambda c: whispers.act_of(c, f"draft/{draft}/bob", NOON)) is None


async def test_analysts_by_group_and_by_mail_domain_are_shown_drafts_and_decide(tmp_path: Path) -> None:
    config = settings(drafts_to="ephemeral", analysts=["bob", "@team", "*@example.com"])
    async with practice(tmp_path, config) as played:

        def known(connection: Any) -> None:
            ledger.put_group(connection, "@team", ["slack:T1/dan", "bob"])
            ledger.put_group(connection, "@others", ["fay"])
            ledger.put_people(connection, [Person(id="eve", mail_domain="example.com"), Person(id="gus")])

        await played.database.run(known)
        draft = await played.ask()
        assert [one.user for one in played.adapter.whispers] == ["bob", "dan", "eve"]
        await played.judge(draft, "fay", share=True)
        assert played.adapter.whispers[-1].text == "Only analysts can share or dismiss a draft."
        await played.judge(draft, "dan", share=True)
        assert await played.status(draft) == ("shared", "shared by @dan")


async def test_what_a_platform_cannot_do_is_dropped_with_the_reason(tmp_path: Path) -> None:
    async with practice(tmp_path, adapter=SimpleRoom({"help": room.channel("help")})) as played:
        await played.ask()
        assert await played.database.run(intents.dropped) == ["#drafts: room has no such thing"]


# ---- what a decision on a draft teaches -----------------------------------------------------


async def calibrated(played: Room) -> Calibration:
    found = await played.database.run(lambda c: votes.calibration(c, "help", "test"))
    assert found is not None
    return found


@pytest.mark.parametrize("share", [True, False])
async def test_a_decision_on_a_draft_moves_the_channels_scale_at_once(tmp_path: Path, share: bool) -> None:
    async with practice(tmp_path) as played:
        await played.judge(await played.ask(), "bob", share=share)
        learnt = await calibrated(played)
        assert (learnt.thumbs, learnt.verdicts) == (0.0, 2.0)
        assert (learnt.moves["dense"] > 0) is share


async def test_a_dismissed_draft_does_not_quiet_the_channel(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        await played.judge(await played.ask(), "bob", share=False)
        await played.say("q2", "carl", QUESTION, "t2")
        assert len(played.adapter.drafts) == 2


async def test_a_deleted_question_is_taken_out_of_the_channels_scale(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        await played.judge(await played.ask(), "bob", share=False)
        assert any((await calibrated(played)).moves.values())
        deleted = Deleted(message_id="q1", at=played.clock.now())
        await on_delete(played.app.bot, work(played.clock.now()), deleted)
        assert not any((await calibrated(played)).moves.values())


# ---- what is sent in the end -----------------------------------------------------


async def reasons_of_dropped(played: Room) -> list[str]:
    query = "select error from outbox where state = 'dropped' and kind = 'post' order by id"
    return await played.database.run(lambda c: list(c.exec_driver_sql(query).scalars()))


async def test_a_mute_stops_what_nobody_asked_for_and_not_what_an_analyst_shared(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        draft = await played.ask()
        await played.database.run(lambda c: mutes.mute(c, "q1", "ann", played.clock.now()))
        await played.judge(draft, "bob", share=True)
        assert len(played.adapter.posts) == 1
        assert await played.database.run(lambda c: mutes.muted_here(c, "q1", "help")) is not None


async def side_by_side(played: Room, count: int, start: int = 0) -> list[str]:
    """Suggestions for ``count`` questions that were decided at one time, all to be posted; their ids."""

    def decide(connection: Any) -> list[str]:
        row = ledger.suggestion_for(connection, "q1")
        assert row is not None and row.content is not None
        given, now = ledger.suggestion_from(row.content), played.clock.now()
        for number in range(start, start + count):
            message = Message(
                id=f"s{number}", channel="help", thread=f"s{number}", user=f"u{number}", at=now, text=QUESTION
            )
            assert ledger.put_message(connection, message, message.id, message.id)
            ledger.put_ticket(connection, tickets.opened(message))
            assert ledger.put_suggestion(connection, f"for {message.id}", message, given, now, send=True)
        return [f"for s{number}" for number in range(start, start + count)]

    return await played.database.run(decide)


async def test_a_mute_that_comes_after_the_decision_stops_the_post(tmp_path: Path) -> None:
    async with practice(tmp_path) as played:
        await played.ask()
        await side_by_side(played, 2)
        await played.database.run(lambda c: mutes.mute(c, "s1", "ann", played.clock.now()))
        await played.app.drain()
        assert list(played.adapter.posts) == ["for s0"]
        assert await reasons_of_dropped(played) == ["ann muted this conversation at 2026-03-02 12:00"]


async def test_decisions_side_by_side_do_not_overrun_the_hour_budget(tmp_path: Path) -> None:
    speaking = {"wait_seconds": "0", "precision": "0.5", "mode": "draft", "max_per_hour": "3"}
    async with practice(tmp_path, settings(defaults=speaking)) as played:
        draft = await played.ask()
        first = await side_by_side(played, 5)
        await played.app.drain()
        assert list(played.adapter.posts) == first[:3]
        assert await reasons_of_dropped(played) == ["hour budget", "hour budget"]
        await played.judge(draft, "bob", share=True)
        assert len(played.adapter.posts) == 4  # what a person shares is no matter of the budget


async def test_after_an_hour_the_budget_is_open_again(tmp_path: Path) -> None:
    speaking = {"wait_seconds": "0", "precision": "0.5", "mode": "draft", "max_per_hour": "1"}
    async with practice(tmp_path, settings(defaults=speaking)) as played:
        await played.ask()
        await side_by_side(played, 1)
        await played.app.drain()
        played.clock.move_to(played.clock.now() + timedelta(hours=1))
        await side_by_side(played, 1, start=1)
        await played.app.drain()
        assert list(played.adapter.posts) == ["for s0", "for s1"]


# ---- replay -----------------------------------------------------


async def test_a_replay_shows_what_would_have_been_drafted(tmp_path: Path) -> None:
    store = tmp_path / "store.db"
    database = open_database(f"sqlite:///{store}")
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn([replace(entry(), known_from=None)])
    await knowledge.close()
    database.close()
    lines = [
        {"channel": "help", "id": "q1", "user": "ann", "at": "2026-03-02T12:00:00Z", "text": QUESTION},
        {"channel": "help", "id": "m2", "user": "carl", "at": "2026-03-02T13:00:00Z", "text": "good morning"},
    ]
    path = tmp_path / "history.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    config = settings(store=f"sqlite:///{store}")
    report = await replay(read_recording(path), config, HashEmbedder())
    drafted = json.loads(report.outcomes[0].json())
    assert (drafted["action"], len(drafted["citations"])) == ("DRAFT", 1)
    assert "spill folder is full" in drafted["text"]
    assert (len(report.drafts), len(report.replies), report.silent["can help"]) == (1, 0, 0)
    again = await replay(read_recording(path), config, HashEmbedder())
    assert [one.json() for one in again.outcomes] == [one.json() for one in report.outcomes]

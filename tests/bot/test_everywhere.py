"""What people meet, wherever they are: the same behaviour over every transport, with the real clients and handlers.

What the adapters promise the handlers stands in `test_adapter_contract`; this is what comes of it for people. Both are
drawn into docs/platforms.md.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

import pytest
from sqlalchemy import Connection, select

from bot import ledger, votes
from bot.adapters import room
from bot.adapters.adapter import Arrival
from bot.app import App, assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.replay import advance
from bot.scorer import Action
from bot.tables import suggestions
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.search import Knowledge
from knowledge.thread import Message, Reaction
from tests.bot import running_lark as lark_cast
from tests.bot.running import ANN, BOB, CARL, CHANNEL, PRIVATE, QUESTION, SOLUTION, config, entry
from tests.bot.test_adapter_contract import STAGES, Heart, LarkStage, RoomStage, SlackStage, Stage
from tests.local_lark.cards import text_of

ANSWER = SOLUTION.split(".")[0]
UNKNOWN = "How can I change the colour of the login page of our intranet?"


class Cast(Protocol):
    """What people do on a platform. Messages go by their whole ids; people and channels by the platform's own."""

    ann: str
    bob: str  # the analyst
    carl: str
    channel: str
    private: str  # only Ann and Bob are in it

    def say(self, user: str, text: str, *, root: str | None = None, channel: str | None = None) -> str: ...

    def mention(self, user: str, text: str, *, root: str | None = None) -> str:
        """Said to the bot in the channel, by name."""
        ...

    def say_twice(self, user: str, text: str) -> str: ...

    def direct(self, user: str, text: str) -> str:
        """Said to the bot alone."""
        ...

    def react(self, message: str, user: str, name: str, *, on: bool = True) -> None:
        """``name`` as Slack calls it."""
        ...

    def press(self, message: str, user: str, label: str) -> None:
        """A button of a message of ours."""
        ...

    def take_back(self, message: str) -> None: ...

    def edit(self, message: str, text: str) -> None: ...

    def said(self) -> list[tuple[str, str, str]]:
        """What the bot said to all in a channel or directly, and still stands: id, whose thread it is in, text."""
        ...

    def whispered(self) -> list[str]:
        """What one person alone was shown."""
        ...

    def idle(self) -> bool:
        """Whether everything that happened was delivered and acknowledged."""
        ...


class SlackCast:
    ann, bob, carl, channel, private = ANN, BOB, CARL, CHANNEL, PRIVATE
    _ACTIONS: ClassVar = {
        "Helpful": "earshot_feedback",
        "Not helpful": "earshot_feedback",
        "Share": "earshot_share",
        "Dismiss": "earshot_dismiss",
    }

    def __init__(self, stage: SlackStage) -> None:
        self._slack, self._home = stage.slack, stage.home
        stage.slack.lift_post_limit()

    def _whole(self, ts: str, channel: str) -> str:
        return f"{self._home}/{channel}/{ts}"

    def say(self, user: str, text: str, *, root: str | None = None, channel: str | None = None) -> str:
        where = channel or (root.split("/")[-2] if root else CHANNEL)
        ts = self._slack.post(where, user, text, thread_ts=root and root.rsplit("/", 1)[-1], raw=True)
        return self._whole(ts, where)

    def mention(self, user: str, text: str, *, root: str | None = None) -> str:
        return self.say(user, f"<@{self._slack.identity.bot_user}> {text}", root=root)

    def say_twice(self, user: str, text: str) -> str:
        return self._whole(self._slack.post_twice(CHANNEL, user, text), CHANNEL)

    def direct(self, user: str, text: str) -> str:
        channel = self._slack.dm(user)
        return self._whole(self._slack.post(channel, user, text), channel)

    def react(self, message: str, user: str, name: str, *, on: bool = True) -> None:
        channel, ts = message.split("/")[-2:]
        (self._slack.react if on else self._slack.unreact)(channel, ts, user, name)

    def press(self, message: str, user: str, label: str) -> None:
        channel, ts = message.split("/")[-2:]
        action, value = self._ACTIONS[label], None
        if action == "earshot_feedback":
            buttons = self._slack.message(channel, ts).blocks[-1]["elements"][0]
            value = buttons["positive_button" if label == "Helpful" else "negative_button"]["value"]
        self._slack.click(channel, ts, user, action, value)

    def take_back(self, message: str) -> None:
        self._slack.delete(*message.split("/")[-2:])

    def edit(self, message: str, text: str) -> None:
        channel, ts = message.split("/")[-2:]
        self._slack.edit(channel, ts, text)

    def said(self) -> list[tuple[str, str, str]]:
        return [
            (
                self._whole(post.ts, post.channel),
                self._whole(post.thread_ts, post.channel) if post.thread_ts else "",
                post.text + str(post.blocks),
            )
            for post in self._slack.posts()
            if not post.deleted
        ]

    def whispered(self) -> list[str]:
        return [shown.text + str(shown.blocks) for shown in self._slack.ephemerals]

    def idle(self) -> bool:
        return self._slack.all_acked()


class LarkCast:
    ann, bob, carl = lark_cast.ANN, lark_cast.BOB, lark_cast.CARL
    channel, private = lark_cast.CHAT, "oc_private"
    _EMOJI: ClassVar = {"+1": "THUMBSUP", "-1": "ThumbsDown"}

    def __init__(self, stage: LarkStage) -> None:
        self._lark, self._home = stage.lark, stage.home
        self._lark.add_chat(self.private, "help-private", kind="private", members=[self.ann, self.bob])

    def _whole(self, message: str) -> str:
        return f"{self._home}/{self._lark.message(message).chat}/{message}"

    def say(self, user: str, text: str, *, root: str | None = None, channel: str | None = None) -> str:
        where = channel or (root.split("/")[-2] if root else self.channel)
        return self._whole(self._lark.say(where, user, text, root=root and root.rsplit("/", 1)[-1]))

    def mention(self, user: str, text: str, *, root: str | None = None) -> str:
        inner, bot = root and root.rsplit("/", 1)[-1], self._lark.bot
        said = self._lark.say(self.channel, user, f"{{{bot}}} {text}", root=inner, mentions=(bot,))
        return self._whole(said)

    def say_twice(self, user: str, text: str) -> str:
        return self._whole(self._lark.say_twice(self.channel, user, text))

    def direct(self, user: str, text: str) -> str:
        return self._whole(self._lark.say(self._lark.dm(user), user, text))

    def react(self, message: str, user: str, name: str, *, on: bool = True) -> None:
        (self._lark.react if on else self._lark.unreact)(message.rsplit("/", 1)[-1], user, self._EMOJI[name])

    def press(self, message: str, user: str, label: str) -> None:
        self._lark.click(message.rsplit("/", 1)[-1], user, label)

    def take_back(self, message: str) -> None:
        self._lark.recall(message.rsplit("/", 1)[-1])

    def edit(self, message: str, text: str) -> None:
        self._lark.edit(message.rsplit("/", 1)[-1], text)

    def said(self) -> list[tuple[str, str, str]]:
        standing = [message for message in self._lark.sent() if not message.deleted]
        return [
            (
                self._whole(message.id),
                self._whole(message.root) if message.root else "",
                text_of(message.card) if message.type == "interactive" else message.content,
            )
            for message in standing
        ]

    def whispered(self) -> list[str]:
        return []

    def idle(self) -> bool:
        return self._lark.all_acked()


class RoomCast:
    ann, bob, carl, channel, private = "ann", "bob", "carl", "help", "private"

    def __init__(self, stage: RoomStage) -> None:
        self._stage, self._room, self._count = stage, stage.room, 0

    def say(self, user: str, text: str, *, root: str | None = None, channel: str | None = None) -> str:
        self._count += 1
        message = Message(
            id=f"m{self._count}",
            channel=channel or self.channel,
            thread=root or "",
            user=user,
            at=datetime.now(UTC),
            text=text,
        )
        self._stage.said[message.id] = message
        self._stage.take(room.said(message))
        return message.id

    def mention(self, user: str, text: str, *, root: str | None = None) -> str:
        return self.say(user, f"@earshot {text}", root=root)

    def say_twice(self, user: str, text: str) -> str:
        said = self.say(user, text)
        self._stage.say_again(said)
        return said

    def direct(self, user: str, text: str) -> str:
        raise NotImplementedError(user, text)

    def react(self, message: str, user: str, name: str, *, on: bool = True) -> None:
        now = datetime.now(UTC)
        self._stage.take(room.reacted(message, Reaction(name=name, user=user, at=now), now, added=on))

    def press(self, message: str, user: str, label: str) -> None:
        raise NotImplementedError(message, user, label)

    def take_back(self, message: str) -> None:
        raise NotImplementedError(message)

    def edit(self, message: str, text: str) -> None:
        raise NotImplementedError(message, text)

    def said(self) -> list[tuple[str, str, str]]:
        posts = [
            (room.post_id(post.id), post.reply_to, post.suggestion.text + str(post.suggestion.citations))
            for post in self._room.posts.values()
        ]
        return posts + [
            (room.post_id(say.id), say.reply_to, str(say.card)) for say in self._room.said.values()
        ]

    def whispered(self) -> list[str]:
        return [whisper.text + str(whisper.card) for whisper in self._room.whispers]

    def idle(self) -> bool:
        return True


def cast_of(stage: Stage) -> Cast:
    match stage:
        case SlackStage():
            return SlackCast(stage)
        case LarkStage():
            return LarkCast(stage)
        case RoomStage():
            return RoomCast(stage)
    raise TypeError(stage)


class Play:
    """A running Earshot on a stage. Time passes only by ``later``."""

    def __init__(self, heart: Heart, database: Database, knowledge: Knowledge) -> None:
        self.cast, self.stage = cast_of(heart.stage), heart.stage
        self.database, self.knowledge = database, knowledge
        heart.adapter.post_interval = 0.0
        self.settings = self.config()
        self._heart, self._taken = heart, 0
        self._clock = RecordedClock(datetime.now(UTC))
        self.app: App = assemble(
            lambda: self.settings,
            database,
            knowledge,
            [heart.adapter],
            clock=self._clock,
            settle=timedelta(),
        )

    def config(self, **more: object) -> Config:
        return config(**{"analysts": [self.cast.bob], **more})  # type: ignore[arg-type]

    def speaking(self, **more: str) -> Config:
        given = {"wait_seconds": "0", "precision": "0.5", "max_per_hour": "100", **more}
        return self.config(
            defaults=given, drafts_to=self.cast.private if more.get("mode") == "draft" else None
        )

    async def settled(self) -> None:
        """All that happened was delivered, handled, and what came of it was said, until nothing more comes."""
        deadline = time.monotonic() + 30
        over = False
        while not over:
            quiet = self.cast.idle()  # asked before: what comes in between is taken in on the next round
            over = not await self._took_in() and quiet
            assert time.monotonic() < deadline, "it goes on and on"
            await asyncio.sleep(0.005)

    async def _took_in(self) -> bool:
        fresh: list[Arrival] = self._heart.arrivals[self._taken :]
        self._taken += len(fresh)
        self._clock.move_to(datetime.now(UTC))
        for arrival in fresh:
            await self.app.accept(arrival)
        await self.app.drain()
        return bool(fresh)

    async def later(self, **passed: float) -> None:
        await self.settled()
        await advance(self.app, self._clock, self._clock.now() + timedelta(**passed))
        await self.settled()

    async def action(self, message: str) -> Action:
        row = await self.database.run(lambda c: ledger.last_decision(c, message))
        assert row is not None, f"{message} was not decided"
        return Action(row.action)

    async def votes(self) -> dict[str, bool]:
        """Who voted how on the one suggestion, by the platform's own ids."""

        def read(connection: Connection) -> dict[str, bool]:
            [suggestion] = connection.execute(select(suggestions.c.id)).scalars()
            return votes.votes_on(connection, suggestion)

        found = await self.database.run(read)
        return {user.rsplit("/", 1)[-1]: helpful for user, helpful in found.items()}

    def answers_to(self, message: str) -> list[str]:
        return [text for _, root, text in self.cast.said() if root == message]


@pytest.fixture(params=STAGES)
async def play(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Play]:
    if (request.param, request.function.__name__) in NOT_THERE:
        pytest.skip("it cannot happen there")
    async with STAGES[request.param]() as heart:
        database = open_database(f"sqlite:///{tmp_path / 'earshot.db'}", durable=False)
        knowledge = Knowledge(database, HashEmbedder(), None)
        await knowledge.open()
        await knowledge.learn([entry()])
        yield Play(heart, database, knowledge)
        await knowledge.close()
        database.close()


# Nobody presses, takes back or changes anything in a room, and nobody speaks to it alone.
NOT_THERE = {
    ("room", name)
    for name in (
        "test_a_button_is_a_vote_and_the_latest_stands",
        "test_what_is_deleted_is_forgotten",
        "test_when_a_source_is_deleted_what_was_said_from_it_goes",
        "test_a_draft_is_put_before_the_analysts_and_said_when_one_shares_it",
        "test_a_dismissed_draft_is_never_said",
        "test_a_direct_message_is_answered_there",
    )
}


async def test_a_question_that_was_answered_before_is_answered_in_its_thread_with_its_source(
    play: Play,
) -> None:
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    [answer] = play.answers_to(asked)
    assert ANSWER in answer and "C0OLD" in answer
    assert len(play.cast.said()) == 1


async def test_chatter_and_what_nobody_knows_meet_silence(play: Play) -> None:
    heard = [play.cast.say(play.cast.ann, text) for text in ("good morning everybody", "lunch?", UNKNOWN)]
    await play.settled()
    assert [await play.action(each) for each in heard] == [Action.SILENT] * 3
    assert play.cast.said() == []


async def test_what_is_delivered_twice_is_answered_once(play: Play) -> None:
    asked = play.cast.say_twice(play.cast.ann, QUESTION)
    await play.settled()
    play.stage.say_again(asked)
    await play.settled()
    assert len(play.cast.said()) == 1


async def test_it_waits_for_people_and_is_silent_when_one_answers(play: Play) -> None:
    play.settings = play.speaking(wait_seconds="90")
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    assert await play.action(asked) is Action.WAIT
    play.cast.say(play.cast.bob, "Run `millrace spill clean` please, the folder is full.", root=asked)
    await play.later(minutes=10)
    assert await play.action(asked) is Action.SILENT
    assert play.cast.said() == []


async def test_when_nobody_answers_it_speaks_after_the_wait(play: Play) -> None:
    play.settings = play.speaking(wait_seconds="90")
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.later(minutes=10)
    assert len(play.answers_to(asked)) == 1


async def test_a_mention_always_gets_an_answer(play: Play) -> None:
    known = play.cast.mention(play.cast.ann, QUESTION)
    unknown = play.cast.mention(play.cast.carl, UNKNOWN)
    await play.settled()
    [answer], [closest] = play.answers_to(known), play.answers_to(unknown)
    assert ANSWER in answer and "I don't know" in closest


async def test_a_reaction_is_a_vote_and_taking_it_off_takes_it_back(play: Play) -> None:
    play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    [(answer, _, _)] = play.cast.said()
    play.cast.react(answer, play.cast.ann, "+1")
    await play.settled()
    assert await play.votes() == {play.cast.ann: True}
    play.cast.react(answer, play.cast.ann, "+1", on=False)
    await play.settled()
    assert await play.votes() == {}


async def test_a_button_is_a_vote_and_the_latest_stands(play: Play) -> None:
    play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    [(answer, _, _)] = play.cast.said()
    for label in ("Not helpful", "Helpful"):
        play.cast.press(answer, play.cast.ann, label)
        await play.settled()
    assert await play.votes() == {play.cast.ann: True}


async def test_what_is_deleted_is_forgotten(play: Play) -> None:
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    play.cast.take_back(asked)
    await play.settled()
    kept = await play.database.run(lambda c: c.exec_driver_sql("select text from messages").scalars().all())
    assert kept == []


async def test_when_a_source_is_deleted_what_was_said_from_it_goes(play: Play) -> None:
    told = "When the spill is full, MLR-7003 stops the sieve. Empty it."
    source = play.cast.say(play.cast.bob, told, channel=play.cast.private)
    await play.settled()
    known = entry(
        "The sieve stops with MLR-7003\nWhat does MLR-7003 mean for the sieve?",
        "MLR-7003 stops the sieve. Empty it.",
        origin=source,
        source=source,
    )
    await play.knowledge.learn([replace(known, known_from=datetime(2026, 1, 1, tzinfo=UTC))])
    asked = play.cast.say(play.cast.carl, "Our sieve stops with MLR-7003, what does it mean?")
    await play.settled()
    assert len(play.answers_to(asked)) == 1
    play.cast.take_back(source)
    await play.settled()
    assert play.cast.said() == []


async def test_a_thread_that_somebody_mutes_stays_quiet(play: Play) -> None:
    asked = play.cast.say(play.cast.ann, "Hello, something is wrong with our gate")
    play.cast.mention(play.cast.ann, "mute", root=asked)
    await play.settled()
    before = len(play.cast.said())
    follow = play.cast.say(play.cast.ann, QUESTION, root=asked)
    await play.settled()
    assert await play.action(follow) is Action.SILENT
    assert len(play.cast.said()) == before


async def test_a_private_channels_knowledge_serves_that_channel_alone(play: Play) -> None:
    home = play.stage.channel.rpartition("/")[0]
    private = f"{home}/{play.cast.private}" if home else play.cast.private
    secret = entry(
        "Mill stops with MLR-5555\nWhat is to be done about MLR-5555?",
        "MLR-5555 needs the red key from the safe.",
        origin="old",
        source="old",
        audience=f"channel:{private}",
    )
    await play.knowledge.learn([secret])
    question = "Our mill stops with MLR-5555, what is to be done?"
    outside = play.cast.say(play.cast.ann, question)
    inside = play.cast.say(play.cast.ann, question, channel=play.cast.private)
    await play.settled()
    assert play.answers_to(outside) == []
    assert len(play.answers_to(inside)) == 1


async def test_in_shadow_it_decides_and_says_nothing(play: Play) -> None:
    play.settings = play.speaking(mode="shadow")
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    assert await play.action(asked) is Action.SILENT
    row = await play.database.run(lambda c: ledger.last_decision(c, asked))
    assert row is not None and "shadow" in str(row.reasons)
    assert play.cast.said() == [] and play.cast.whispered() == []


async def test_a_draft_is_put_before_the_analysts_and_said_when_one_shares_it(play: Play) -> None:
    play.settings = play.speaking(mode="draft")
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    assert play.answers_to(asked) == []
    [(draft, _, text)] = play.cast.said()
    assert play.cast.private in draft and ANSWER in text
    play.cast.press(draft, play.cast.bob, "Share")
    await play.settled()
    assert len(play.answers_to(asked)) == 1


async def test_a_dismissed_draft_is_never_said(play: Play) -> None:
    play.settings = play.speaking(mode="draft")
    asked = play.cast.say(play.cast.ann, QUESTION)
    await play.settled()
    [(draft, _, _)] = play.cast.said()
    play.cast.press(draft, play.cast.bob, "Dismiss")
    await play.later(hours=1)
    assert play.answers_to(asked) == []


async def test_a_direct_message_is_answered_there(play: Play) -> None:
    asked = play.cast.direct(play.cast.ann, QUESTION)
    await play.settled()
    [(answer, _, text)] = play.cast.said()
    assert answer.rpartition("/")[0] == asked.rpartition("/")[0] and ANSWER in text

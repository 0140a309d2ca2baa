"""Being addressed in the practice room: replays, failures, what a direct message teaches, marks on what was said."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import ledger, mutes
from bot.adapters import room
from bot.adapters.events import Channel, ChannelKind, Person
from bot.adapters.kept import Kept
from bot.app import App, assemble, open_database
from bot.card import lines_in
from bot.clock import RecordedClock
from bot.config import Config
from bot.reach import may_read, readable
from bot.replay import advance, replay
from bot.tickets import TicketState
from knowledge.audience import Standing
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import PUBLIC, WORKSPACE, KnowledgeEntry
from knowledge.recordings import read_recording
from knowledge.search import Knowledge
from knowledge.thread import Message, Reaction, Role
from knowledge.writer import Asked, Declined, Draft, Writer
from knowledge.writer_extractive import ExtractiveWriter
from tests.bot.running import QUESTION, config, entry, erase_message

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HELP, SECRET, OF_ANN = "room:help", "room:secret", "room:ann"
CHANNELS = {
    HELP: Channel(id=HELP, name="help"),
    SECRET: Channel(id=SECRET, kind=ChannelKind.PRIVATE),
    OF_ANN: Channel(id=OF_ANN, kind=ChannelKind.DIRECT),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Playing:
    app: App
    clock: RecordedClock
    adapter: room.RoomAdapter
    database: Database

    async def say(
        self, message_id: str, user: str, text: str, *, channel: str = HELP, thread: str = ""
    ) -> None:
        """Somebody says it now, and all that is due is done."""
        message = Message(
            id=message_id, channel=channel, thread=thread, user=user, at=self.clock.now(), text=text
        )
        await self.app.accept(room.said(message))
        await self.app.drain()
        self.clock.move_to(self.clock.now() + timedelta(seconds=10))

    async def put(self, name: str, user: str, message_id: str) -> None:
        at = self.clock.now()
        await self.app.accept(room.reacted(message_id, Reaction(name=name, user=user, at=at), at))
        await self.app.drain()
        self.clock.move_to(at + timedelta(seconds=10))

    @property
    def said(self) -> list[str]:
        """What was said in words of its own, in threads."""
        return ["\n".join(lines_in(one.card)) for one in self.adapter.said.values()]

    @property
    def whispered(self) -> list[str]:
        return ["\n".join(lines_in(one.card)) for one in self.adapter.whispers if one.card is not None]


@asynccontextmanager
async def playing(
    folder: Path,
    entries: Sequence[KnowledgeEntry] = (),
    *,
    settings: Config | None = None,
    writer: Writer | None = None,
    people: dict[str, Sequence[Person]] | None = None,
) -> AsyncIterator[Playing]:
    database = open_database(f"sqlite:///{folder / 'room.db'}", durable=False)
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn(entries)
    clock = RecordedClock(NOON)
    adapter = room.RoomAdapter(CHANNELS, people=people, members={SECRET: ["ann"], HELP: ["ann", "gil"]})
    chosen = settings or config()
    app = assemble(
        lambda: chosen, database, knowledge, [adapter], clock=clock, settle=timedelta(), writer=writer
    )
    yield Playing(app=app, clock=clock, adapter=adapter, database=database)
    await knowledge.close()
    database.close()


def known(**more: str) -> KnowledgeEntry:
    """Knowledge from before the room's noon, whatever today is."""
    made = entry(**more)
    return KnowledgeEntry(
        kind=made.kind,
        title=made.title,
        origin=made.origin,
        audience=made.audience,
        passages=made.passages,
        confirmed=True,
    )


# ---- replays -------------------------------------------------------------------------------------------------


async def test_a_replay_answers_who_speaks_to_it_and_is_the_same_each_time(tmp_path: Path) -> None:
    lines = [
        {
            "channel": "help",
            "id": "1",
            "user": "ann",
            "at": NOON.isoformat(),
            "text": "The gate stops since noon.",
        },
        {
            "channel": "help",
            "thread": "1",
            "id": "2",
            "user": "bob",
            "at": NOON.isoformat(),
            "text": "@earshot",
        },
        {
            "channel": "help",
            "id": "3",
            "user": "eve",
            "at": NOON.isoformat(),
            "text": "@earshot where is the key?",
        },
    ]
    path = tmp_path / "day.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    settings = Config.model_validate({"store": f"sqlite:///{tmp_path / 'nothing.db'}"})
    first = await replay(read_recording(path), settings, HashEmbedder())
    again = await replay(read_recording(path), settings, HashEmbedder())
    assert [outcome.json() for outcome in first.outcomes] == [outcome.json() for outcome in again.outcomes]
    assert [outcome.reason_names[0] for outcome in first.outcomes[1:]] == ["addressed", "addressed"]
    assert first.outcomes[1].text.startswith("Problem: The gate stops since noon.")
    assert first.outcomes[2].text.startswith("I don't know.")


# ---- once, and never nothing ------------------------------------------------------------------------------------


class ReadingWriter(ExtractiveWriter):
    """Can tell whether a source answers, as a model can."""

    async def answer(self, asked: Asked) -> Draft | Declined:
        return await super().answer(replace(asked, sure=True))


async def test_only_who_can_read_answers_from_what_the_score_doubts(tmp_path: Path) -> None:
    problem = "The colour of the login page is odd in the morning"
    far = known(problem=problem, solution="Ask the designers about it.")
    question = "@earshot is the colour of the curtain at the entrance odd?"
    for number, writer in enumerate((ExtractiveWriter(), ReadingWriter())):
        folder = tmp_path / str(number)
        folder.mkdir()
        async with playing(folder, [far], writer=writer) as play:
            await play.say("1", "ann", question)
            assert (len(play.said), len(play.adapter.posts)) == ((1, 0), (0, 1))[number]


class BrokenWriter(ExtractiveWriter):
    async def answer(self, asked: Asked) -> Draft | Declined:
        raise RuntimeError(f"a bug met by {asked.question[:10]}")


async def test_when_nothing_helps_who_asked_is_told_that_there_will_be_no_answer(tmp_path: Path) -> None:
    async with playing(tmp_path, [known()], writer=BrokenWriter()) as play:
        await play.say("1", "ann", f"@earshot {QUESTION}")
        assert play.whispered == []  # it is tried again first
        await advance(play.app, play.clock, NOON + timedelta(minutes=10))
        assert len(play.whispered) == 1 and "Something went wrong on my side" in play.whispered[0]
        await play.say("2", "ann", QUESTION, channel=HELP)  # said to nobody: nothing is told
        await advance(play.app, play.clock, NOON + timedelta(minutes=30))
        assert len(play.whispered) == 1


async def test_what_was_named_goes_with_its_source(tmp_path: Path) -> None:
    problem = "The colour of the login page is odd in the morning"
    near = known(problem=problem, solution="Ask the designers about it.")
    async with playing(tmp_path, [near]) as play:
        await play.say("1", "ann", "@earshot is the colour of the curtain at the entrance odd?")
        (said,) = play.said
        assert "I don't know. The closest I have is:" in said and problem in said
        await play.database.run(lambda c: erase_message(c, near.passages[0].source))
        await play.app.drain()
        assert play.said == []


# ---- direct messages -----------------------------------------------------------------------------------------------


async def test_every_direct_message_is_answered_there_orders_too(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        for number, (text, answer) in enumerate(
            [
                ("where is the key of the depot?", "I don't know."),
                ("thanks!", "Glad to help."),
                ("help", "/earshot ask"),
                ("status", "of yours"),
                ("optout", "I learn nothing from what you say"),
                ("close", "this conversation is over"),
            ]
        ):
            await play.say(str(number), "ann", text, channel=OF_ANN)
            assert answer in play.said[-1], text
        assert play.adapter.whispers == []


async def test_an_order_in_a_direct_message_may_name_what_it_is_about(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await play.say("room:q", "ann", QUESTION)
        await play.say("2", "ann", "mute room:q", channel=OF_ANN)
        assert "keep quiet in this conversation" in play.said[-1]
        muted = await play.database.run(lambda c: mutes.muted_here(c, "room:q", HELP))
        assert muted is not None and muted.startswith("ann muted this conversation")
        await play.say("3", "ann", "close room:nowhere", channel=OF_ANN)
        assert "I know no such conversation" in play.said[-1]
        await play.say("4", "ann", "close room:q", channel=OF_ANN)
        tickets = await play.database.run(lambda c: ledger.ticket_counts(c))
        assert "this conversation is over" in play.said[-1] and tickets == {"closed": 1}


async def test_where_a_menu_saves_messages_who_asks_for_it_is_told_so_alone(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await play.say("1", "ann", "@earshot save")
        assert "Save to knowledge" in play.whispered[-1]
        assert play.said == [] and play.adapter.forms == []


async def test_what_a_direct_message_taught_serves_nobody_else(tmp_path: Path) -> None:
    own = known(audience=f"channel:{OF_ANN}")
    async with playing(tmp_path, [own]) as play:
        await play.say("1", "ann", f"@earshot {QUESTION}")
        await play.say("2", "bob", f"@earshot {QUESTION}")
        assert [said.split(".")[0] for said in play.said] == ["I don't know"] * 2
        await play.say("3", "ann", QUESTION, channel=OF_ANN)
        assert len(play.adapter.posts) == 1


# ---- who sees what ------------------------------------------------------------------------------------------------


async def test_what_somebody_may_be_shown(tmp_path: Path) -> None:
    guest = {"gil": [Person(id="gil", standing=Standing.GUEST)], "tom": [Person(id="tom")]}
    own = known(audience=f"channel:{SECRET}")
    async with playing(tmp_path, [own], people=guest) as play:  # type: ignore[arg-type]
        bot, place = play.app.bot, CHANNELS[HELP]
        here = frozenset({PUBLIC, WORKSPACE, f"channel:{HELP}"})
        assert await readable(bot, "ann", place, alone=False) == here
        assert await readable(bot, "ann", place, alone=True) == here | {f"channel:{SECRET}"}
        assert await readable(bot, "bob", place, alone=True) == here
        for who in ("gil", "tom"):  # of whom nothing is told is shown what a guest is
            assert await readable(bot, who, place, alone=True) == {PUBLIC, f"channel:{HELP}"}


@pytest.mark.parametrize(
    ("user", "channel", "may"),
    [
        ("ann", SECRET, True),
        ("bob", SECRET, False),
        ("bob", HELP, True),  # a public channel, and he belongs to the workspace
        ("gil", HELP, True),  # a guest who is in it
        ("ann", OF_ANN, False),  # asked for from elsewhere
        ("ann", "room:unheard", False),
    ],
)
async def test_whose_threads_somebody_is_told_of(tmp_path: Path, user: str, channel: str, may: bool) -> None:
    guest = {"gil": [Person(id="gil", standing=Standing.GUEST)]}
    async with playing(tmp_path, people=guest) as play:  # type: ignore[arg-type]
        for each in CHANNELS.values():
            await play.database.run(lambda c: ledger.put_channel(c, each))
        assert await may_read(play.app.bot, user, channel, "room:elsewhere") is may


# ---- marks ---------------------------------------------------------------------------------------------------------


async def test_marks_on_what_was_said_count_for_its_conversation(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await play.say("1", "ann", "@earshot where is the key of the depot?")
        (said,) = play.adapter.said
        await play.put("mute", "bob", room.post_id(said))
        assert await play.database.run(lambda c: mutes.muted_here(c, "1", HELP)) is not None
        await play.put("white_check_mark", "bob", room.post_id(said))
        ticket = await play.database.run(lambda c: ledger.ticket(c, "1"))
        assert ticket is not None and ticket.ended


async def test_who_speaks_to_us_helps_nobody(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await play.say("1", "ann", "The gate stops since this morning, what is wrong with it?")
        await play.say("2", "bob", "@earshot is there a manual of the gate?", thread="1")
        ticket = await play.database.run(lambda c: ledger.ticket(c, "1"))
        assert ticket is not None and ticket.state is TicketState.OPENED
        await play.say("3", "bob", "Look at its light, @earshot knows no more.", thread="1")
        ticket = await play.database.run(lambda c: ledger.ticket(c, "1"))
        assert ticket is not None and ticket.state is TicketState.ENGAGED


async def test_thanks_to_us_end_the_conversation_and_get_a_word_back_for_one_alone(tmp_path: Path) -> None:
    async with playing(tmp_path, [known()]) as play:
        await play.say("1", "ann", f"@earshot {QUESTION}")
        await play.say("2", "ann", "@earshot thanks, that fixed it!", thread="1")
        ticket = await play.database.run(lambda c: ledger.ticket(c, "1"))
        assert ticket is not None and ticket.state is TicketState.RESOLVED
        assert "Glad to help" in play.whispered[-1] and play.said == []


async def test_a_request_too_asks_back_in_its_thread(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        await play.say("1", "ann", "The gate stops since this morning, what is wrong with it?")
        await play.say("2", "bob", "@earshot mute", thread="1")
        assert await play.database.run(lambda c: mutes.muted_here(c, "1", HELP)) is not None
        await play.say("3", "ann", "@earshot summary", thread="1")
        assert play.said[-1].startswith("Problem: The gate stops")
        assert await play.database.run(lambda c: mutes.muted_here(c, "1", HELP)) is None


async def test_asking_us_about_a_thread_does_not_end_the_wait_for_an_answer_there(tmp_path: Path) -> None:
    async with playing(tmp_path, [known()], settings=config(wait=90.0)) as play:
        await play.say("1", "ann", QUESTION)
        await play.say("2", "bob", "@earshot where is the key of the depot?", thread="1")
        await advance(play.app, play.clock, NOON + timedelta(minutes=5))
        assert len(play.said) == 1 and len(play.adapter.posts) == 1


async def test_a_bot_is_never_answered(tmp_path: Path) -> None:
    async with playing(tmp_path) as play:
        for number, text in enumerate(("@earshot", "@earshot mute", "@earshot where is the key?")):
            message = Message(
                id=str(number),
                channel=HELP,
                thread="",
                user="b",
                at=play.clock.now(),
                text=text,
                role=Role.BOT,
            )
            await play.app.accept(room.said(message))
            await play.app.drain()
        assert play.said == [] and play.adapter.whispers == []


def test_what_is_kept_is_kept_for_its_life_only() -> None:
    kept: Kept[str, int] = Kept(10.0)
    kept.put("a", 1, now=100.0)
    assert [kept.get("a", now) for now in (100.0, 109.9, 110.0)] == [1, 1, None]
    assert kept.get("b", 100.0) is None

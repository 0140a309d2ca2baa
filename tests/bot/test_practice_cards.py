"""Reports, weekly lines and saving in the practice room: no account, the same handlers."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import digests, weeklies
from bot.adapters import room
from bot.adapters.adapter import Arrival
from bot.adapters.events import AskedToSave, Event, Payload, Pressed, Saved
from bot.app import assemble, open_database
from bot.card import Verb, texts_in
from bot.clock import RecordedClock
from bot.report import NightReport
from knowledge import store
from knowledge.embed import HashEmbedder
from knowledge.entry import EntryState
from knowledge.search import Knowledge
from knowledge.thread import Message
from tests.bot.running import config
from tests.bot.test_slack_digest import Nights
from tests.bot.test_weekly import spoken

MONDAY = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
HELP = "help"


class PracticeRoom(room.RoomAdapter):
    """A room in which people also press and send: an arrival carries the event itself."""

    def __init__(self) -> None:
        super().__init__({HELP: room.channel(HELP, name="help"), "ops": room.channel("ops", name="ops")})
        self.events: dict[str, Event] = {}

    def parse(self, payload: Payload) -> Event:
        return self.events[payload["event"]] if "event" in payload else super().parse(payload)

    def happens(self, event: Event, at: datetime) -> Arrival:
        key = f"event {len(self.events)}"
        self.events[key] = event
        return Arrival(
            adapter=room.NAME,
            key=key,
            content_key=None,
            conversation=key,
            at=at,
            payload={"event": key},
        )


async def test_a_night_and_a_week_are_told_and_decided_in_the_room(tmp_path: Path) -> None:
    settings = config(admins=["boss"], night={"digest_to": ["ops"]}, timezone="UTC")
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}", durable=False)
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    adapter, clock, nights = PracticeRoom(), RecordedClock(MONDAY), Nights()
    app = assemble(
        lambda: settings, database, knowledge, [adapter], clock=clock, settle=timedelta(), night=nights
    )
    report = NightReport(date="2026-11-22", added=1)
    for _ in range(2):
        await database.run(lambda c: digests.put_digest(c, settings, report, clock.now()))
        await app.drain()
    await database.run(lambda c: spoken(c, HELP))
    for _ in range(2):
        await database.run(lambda c: weeklies.put_weekly(c, settings, clock.now()))
        await app.drain()
    assert [shown.channel for shown in adapter.cards.values()] == ["ops", HELP]
    told = [" ".join(texts_in(shown.card)) for shown in adapter.cards.values()]
    assert "The night of 2026-11-22" in told[0] and "helped with 1 question" in told[1]
    card = next(iter(adapter.cards))
    pressed = Pressed(
        verb=Verb.REVERT,
        night="2026-11-22",
        subjects=(),
        user="boss",
        at=clock.now(),
        channel="ops",
        message_id=room.card_id(card),
    )
    for _ in range(2):
        await app.accept(adapter.happens(pressed, clock.now()))
        await app.drain()
    assert nights.asked == [("revert", "2026-11-22", "boss")]
    assert "(taken back)" in adapter.cards[card].card.title and len(adapter.cards) == 2
    await knowledge.close()
    database.close()


async def test_a_message_is_saved_in_the_room(tmp_path: Path) -> None:
    settings = config(analysts=["boss"])
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}", durable=False)
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    adapter, clock = PracticeRoom(), RecordedClock(MONDAY)
    app = assemble(lambda: settings, database, knowledge, [adapter], clock=clock, settle=timedelta())
    question = Message(
        id="m1",
        channel=HELP,
        thread="",
        user="ann",
        at=MONDAY,
        text="How do I renew the licence of the gate?",
    )
    await app.accept(room.said(question))
    await app.drain()
    asked = AskedToSave(message_id="m1", channel=HELP, user="boss", text="", at=clock.now(), trigger="t1")
    await app.accept(adapter.happens(asked, clock.now()))
    await app.drain()
    (opened,) = adapter.forms
    assert opened.form.problem == question.text and opened.form.solution == ""
    saved = Saved(
        message_id="m1",
        channel=HELP,
        user="boss",
        title=opened.form.title,
        problem=opened.form.problem,
        solution="Run `millrace licence renew`.",
        everywhere=True,
        at=clock.now(),
        problem_sources=opened.form.problem_sources,
    )
    await app.accept(adapter.happens(saved, clock.now()))
    await app.drain()
    (stored,) = await database.run(lambda c: store.stored_from(c, "saved/m1"))
    assert stored.state is EntryState.ACTIVE and "Saved" in adapter.whispers[-1].text
    await knowledge.close()
    database.close()

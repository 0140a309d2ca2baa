"""Channels with several ids and names: one history, whatever they are called."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import aliases, ledger
from bot.adapters.acts import Delete
from bot.adapters.aliased import AliasedAdapter, Aliases, with_ids
from bot.adapters.events import Channel, Commanded, Heard, Moved, Payload
from bot.adapters.kept import Kept
from bot.adapters.room import RoomAdapter
from bot.app import open_database
from bot.config import Config
from knowledge.database import Database
from knowledge.thread import Message

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OLD, NEW, NEWER = "slack:T1/GOLD0001", "slack:T1/CNEW0001", "slack:T1/CNEWER01"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    yield opened
    opened.close()


def named(database: Database, channel: str, name: str) -> None:
    database.run_blocking(lambda c: ledger.put_channel(c, Channel(id=channel, name=name)))


def found(database: Database, given: str) -> list[str]:
    return database.run_blocking(lambda c: ledger.find_channels(c, given))


def test_ids_stand_alone_or_begin_the_id_of_a_message_and_texts_stay_as_they_are() -> None:
    message = Message(
        id=f"{NEW}/1.2",
        channel=NEW,
        thread=f"{NEW}/1.1",
        user="slack:T1/U1",
        at=NOON,
        text=f"see {NEW} there",
    )
    heard = with_ids(Heard(message=message, channel=Channel(id=NEW, name="help")), {NEW: OLD})
    assert (heard.message.id, heard.message.channel, heard.message.thread) == (
        f"{OLD}/1.2",
        OLD,
        f"{OLD}/1.1",
    )
    assert (heard.message.text, heard.message.user) == (f"see {NEW} there", "slack:T1/U1")
    assert heard.channel == Channel(id=OLD, name="help")
    assert with_ids(heard, {}) is heard


def test_the_latest_id_is_gone_to_and_all_are_read_as_the_first(database: Database) -> None:
    for minute, to in enumerate([NEW, NEWER]):
        at = NOON + timedelta(minutes=minute)
        database.run_blocking(lambda c: aliases.put_id(c, OLD, to, at))
    known = database.run_blocking(aliases.known)
    assert known.kept == {NEW: OLD, NEWER: OLD} and known.current == {OLD: NEWER}
    database.run_blocking(lambda c: aliases.put_id(c, OLD, OLD, NOON + timedelta(hours=1)))  # and back again
    assert database.run_blocking(aliases.known).current == {}


async def test_an_adapter_is_spoken_to_in_its_own_ids() -> None:
    class Told(RoomAdapter):
        def parse(self, payload: Payload) -> Commanded | Moved:
            if "to" in payload:
                return Moved(channel=payload["channel"], to=payload["to"], at=NOON)
            return Commanded(words=f"why {payload['channel']}/1.1", channel=NEW, user="slack:T1/U1", at=NOON)

    room = Told({NEW: Channel(id=NEW, name="help")}, members={NEW: ["ann"]})
    adapter = AliasedAdapter(
        room, Aliases(kept={NEW: OLD}, current={OLD: NEW}, called={"#support": [OLD], "gold0001": [OLD]})
    )
    assert await adapter.members(OLD) == frozenset({"ann"})
    assert (await adapter.describe(Channel(id=OLD))).id == OLD
    receipt = await adapter.perform(Delete(channel=OLD, message_id=f"{OLD}/1.1"))
    assert receipt.message_id == f"{OLD}/1.1"
    asked = adapter.parse({"channel": NEW})
    assert isinstance(asked, Commanded) and (asked.words, asked.channel) == (f"why {OLD}/1.1", OLD)
    moved = adapter.parse({"channel": NEW, "to": NEWER})
    assert moved == Moved(channel=OLD, to=NEWER, at=NOON)


def test_a_former_name_is_found_until_another_channel_takes_it(database: Database) -> None:
    named(database, OLD, "support")
    named(database, OLD, "helpdesk")
    assert found(database, "#helpdesk") == found(database, "#support") == found(database, "support") == [OLD]
    assert database.run_blocking(lambda c: ledger.channel_of(c, OLD)).former == ("#support",)
    named(database, NEW, "support")
    assert found(database, "#support") == [NEW]
    assert database.run_blocking(lambda c: ledger.channel_of(c, OLD)).former == ()


def test_a_name_that_is_taken_back_is_no_former_one(database: Database) -> None:
    for name in ("support", "helpdesk", "support"):
        named(database, OLD, name)
    assert database.run_blocking(lambda c: ledger.channel_of(c, OLD)).former == ("#helpdesk",)


def test_any_id_finds_the_channel(database: Database) -> None:
    named(database, OLD, "support")
    database.run_blocking(lambda c: aliases.put_id(c, OLD, NEW, NOON))
    assert found(database, NEW) == found(database, "CNEW0001") == found(database, "GOLD0001") == [OLD]
    assert database.run_blocking(lambda c: ledger.channel_of(c, OLD)).aka == (NEW,)
    link = "https://example.slack.com/archives/CNEW0001/p1700000000000100"
    assert database.run_blocking(lambda c: aliases.as_kept(c, link)) == link.replace("CNEW0001", "GOLD0001")


def test_settings_by_a_former_name_hold_only_where_none_of_today_is_written() -> None:
    config = Config.model_validate(
        {"channels": {"#support": {"mode": "off"}, "#helpdesk": {"mode": "draft"}}}
    )
    assert config.channel([OLD, "#machines"], ["#support"]).mode == "off"
    assert config.channel([OLD, "#helpdesk"], ["#support"]).mode == "draft"
    assert config.channel([OLD, "#machines"]).mode == "reply"


def test_what_was_asked_for_before_a_change_is_not_kept_after_it() -> None:
    kept: Kept[str, str] = Kept(100.0)
    kept.put("a", "old", 1.0)
    kept.drop("a", 2.0)
    kept.put("a", "old, asked for before", 1.5)
    assert kept.get("a", 3.0) is None
    kept.put("a", "new", 2.5)
    assert kept.get("a", 3.0) == "new"

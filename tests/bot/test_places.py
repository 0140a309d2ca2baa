"""Which workspace a store is at home in, and how channels and people look to the audience rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from bot import ledger
from bot.adapters import room
from bot.adapters.events import Channel, ChannelKind, Person
from bot.app import assemble, open_database
from bot.clock import RecordedClock
from bot.config import Config
from bot.digest import DigestTexts
from bot.digests import texts_of
from bot.doctor import examine_store
from bot.places import asker_of, home_of, place_of
from bot.report import NightReport
from knowledge.audience import Setting, Standing
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.search import Knowledge
from knowledge.thread import Message
from tests.bot.running import QUESTION, config, entry

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return open_database(f"sqlite:///{tmp_path / 'x.db'}", durable=False)


def test_the_first_workspace_heard_of_is_the_home(database: Database) -> None:
    def hear(connection: Connection) -> None:
        assert home_of(connection) is None
        for channel in ("help", "slack:T1/C1", "lark:app/oc_1", "slack:T1/C2"):
            ledger.put_channel(connection, Channel(id=channel))
        assert home_of(connection) == "slack:T1"
        asked = ("help", "slack:T1/C9", "lark:app/1")
        named = {one: place_of(connection, Config(), Channel(id=one)).workspace for one in asked}
        assert named == {"help": None, "slack:T1/C9": None, "lark:app/1": "lark:app"}

    database.run_blocking(hear)
    database.close()


def test_an_older_store_is_at_home_where_most_of_its_channels_are(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    before = open_database(url)

    def age(connection: Connection) -> None:
        for channel in ("slack:T2/C1", "slack:T1/C1", "slack:T1/C2"):
            ledger.put_channel(connection, Channel(id=channel))
        connection.exec_driver_sql("DROP TABLE workspaces")
        connection.exec_driver_sql("DELETE FROM migrations WHERE name = '2026-11-workspaces'")

    before.run_blocking(age)
    before.close()
    after = open_database(url)
    assert after.run_blocking(home_of) == "slack:T1"
    after.close()


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        (ChannelKind.PUBLIC, Setting.OPEN),
        (ChannelKind.PRIVATE, Setting.CLOSED),
        (ChannelKind.DIRECT, Setting.DIRECT),
        (ChannelKind.GROUP, Setting.GROUP),
    ],
)
def test_a_channel_shared_with_a_company_is_barred_unless_allowed(
    database: Database, kind: ChannelKind, setting: Setting
) -> None:
    def settings(external: bool) -> set[Setting]:
        shown = Channel(id="C1", kind=kind, external=external)
        both = (Config(), Config(external="on"))
        return {database.run_blocking(lambda c: place_of(c, one, shown)).setting for one in both}

    assert settings(False) == {setting}
    assert settings(True) == {Setting.BARRED, Setting.SHARED}
    database.close()


def test_who_is_not_known_is_no_member() -> None:
    told = Person(id="u", standing=Standing.MEMBER)
    assert asker_of("u", told).standing is Standing.MEMBER
    assert asker_of("u", None).standing is asker_of("u", Person(id="u")).standing is Standing.GUEST


async def test_what_one_workspace_knows_is_not_told_in_another(database: Database) -> None:
    knowledge = Knowledge(database, HashEmbedder(), None)
    await knowledge.open()
    await knowledge.learn([replace(entry(), known_from=None)])
    clock, chosen = RecordedClock(NOON), config()
    played = room.RoomAdapter({})
    app = assemble(lambda: chosen, database, knowledge, [played], clock=clock, settle=timedelta())
    for channel in ("slack:T1/C1", "slack:T2/C1", "slack:T1/C2"):
        asked = Message(
            id=f"{channel}/1", channel=channel, thread="", user="u", at=clock.now(), text=QUESTION
        )
        await app.accept(room.said(asked))
        await app.drain()
    await app.close()
    await knowledge.close()
    told = {finding.name: finding.text for finding in examine_store(database)}
    assert told["workspaces"] == "`workspace` is for slack:T1; what is learnt in slack:T2 stays there"
    database.close()
    assert [post.channel for post in played.posts.values()] == ["slack:T1/C1", "slack:T1/C2"]


OPEN, CLOSED, DIRECT = "slack:T1/COPEN", "slack:T1/CPRIV", "slack:T1/DANN"
SHARED, ELSEWHERE = "slack:T1/CSHARED", "slack:T2/COPEN"
PLACES = [
    Channel(id=OPEN),
    Channel(id=CLOSED, kind=ChannelKind.PRIVATE),
    Channel(id=DIRECT, kind=ChannelKind.DIRECT),
    Channel(id=SHARED, external=True),
    Channel(id=ELSEWHERE),
]


@pytest.mark.parametrize(
    ("reader", "told"),
    [
        (OPEN, {OPEN}),
        (CLOSED, {OPEN, CLOSED}),
        (DIRECT, {OPEN, DIRECT}),
        (ELSEWHERE, {ELSEWHERE}),
        ("slack:T1/CNEW", {OPEN}),  # nothing is known of it
    ],
)
def test_a_report_tells_open_questions_where_they_could_be_read(
    database: Database, reader: str, told: set[str]
) -> None:
    def report(connection: Connection) -> DigestTexts:
        for channel in PLACES:
            ledger.put_channel(connection, channel)
            asked = Message(
                id=f"{channel.id}/1", channel=channel.id, thread="", user="u", at=NOON, text=channel.id
            )
            ledger.put_message(connection, asked, asked.id, asked.id)
        open_ = tuple(f"{channel.id}/1" for channel in PLACES)
        return texts_of(connection, Config(), NightReport(date="2026-03-02", open_questions=open_), reader)

    texts = database.run_blocking(report)
    database.close()
    assert {question.text for question in texts.questions} == told
    assert (texts.private or {})["question"] == len(PLACES) - len(told)

"""Being quiet when told to: which words are orders, who may give them, how long they hold."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from bot import ledger, mutes, tables
from bot.adapters import room
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Channel, Heard, Person, Reacted
from bot.app import open_database
from bot.config import Config
from bot.manners import Mute, Order, is_mute, mentions_me, muted, order_in
from bot.orders import hush, obey
from bot.replay import replay
from bot.situation import hear, recall
from knowledge.audience import Standing
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.recordings import read_recording
from knowledge.thread import Message, Role

T = TypeVar("T")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
QUESTION = "The gate stops with MLR-4090 since this morning, how do I make it start again?"
HELP = Channel(id="slack:T1/C1", name="help")
ROOT = "slack:T1/C1/0"
ANN, BOB, ADA = "slack:T1/UANN", "slack:T1/UBOB", "slack:T1/UADA"

# ---- which words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("@earshot mute", Order.MUTE),
        ("<@earshot> mute!", Order.MUTE),
        ("@Earshot, be quiet.", Order.MUTE),
        ("Be  quiet @Earshot", Order.MUTE),
        ("@earshot 安静", Order.MUTE),
        ("@earshot静音。", Order.MUTE),
        ("@earshot mute channel", Order.MUTE_CHANNEL),
        ("@earshot 静音频道", Order.MUTE_CHANNEL),
        ("@earshot unmute channel", Order.UNMUTE_CHANNEL),
        ("@earshot 取消静音", Order.UNMUTE_CHANNEL),
        ("@earshot unmute", Order.UNMUTE),
        ("@earshot optout", Order.OPT_OUT),
        ("@earshot opt-out!", Order.OPT_OUT),
        ("@earshot 退出学习", Order.OPT_OUT),
        ("@earshot opt in", Order.OPT_IN),
        ("@earshot how do I opt out of the beta?", None),
        ("mute", None),  # said to somebody else
        ("@bob mute", None),
        ("@bob @earshot mute", None),
        ("@earshot @earshot mute", None),
        ("@earshot please mute", None),
        ("@earshot how do I mute the alarm?", None),
        ("@earshot mute the channel of the alarms", None),
        ("@earshotter mute", None),
        ("ann@earshot.io mute", None),
        ("@earshot", None),
    ],
)
def test_only_the_exact_words_are_an_order(text: str, order: Order | None) -> None:
    assert order_in(text) is order


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("@earshot how do I start it?", True),
        ("Can <@EARSHOT> help?", True),
        ("请@earshot看一下", True),
        ("ask @earshot.", True),
        ("is earshot there?", False),
        ("write to help@earshot.io", False),
        ("@earshot-test try this", False),
        ("@earshot.io is our domain", False),
    ],
)
def test_what_mentions_us(text: str, mentions: bool) -> None:
    assert mentions_me(text) is mentions


@pytest.mark.parametrize(
    ("name", "mute"), [("mute", True), (":mute:", True), ("🔇", True), ("no_bell", False)]
)
def test_which_reaction_asks_for_silence(name: str, mute: bool) -> None:
    assert is_mute(name) is mute


# ---- how long they hold -----------------------------------------------------------------------------------


def wish(target: str, minute: float, *, mutes_it: bool = True) -> Mute:
    return Mute(target=target, by="ann", at=NOON + timedelta(minutes=minute), mutes=mutes_it)


@pytest.mark.parametrize(
    ("standing", "silent"),
    [
        ([], False),
        ([wish("thread", 0)], True),
        ([wish("channel", 0)], True),
        ([wish("channel", 0), wish("thread", 1, mutes_it=False)], False),  # asked back here
        ([wish("thread", 0, mutes_it=False), wish("channel", 1)], True),  # the channel was muted after that
        ([wish("thread", 0, mutes_it=False)], False),
        ([wish("other", 0)], False),
    ],
)
def test_a_channels_mute_holds_but_where_we_were_asked_back_since(standing: list[Mute], silent: bool) -> None:
    assert (muted(standing, "thread", "channel") is not None) is silent


def test_the_reason_says_who_muted_what_and_when() -> None:
    assert muted([wish("t", 0)], "t", "c") == "ann muted this conversation at 2026-03-02 12:00"
    assert muted([wish("c", 0)], "t", "c") == "ann muted the channel at 2026-03-02 12:00"


# ---- carried out ------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    yield opened
    opened.close()


def read(database: Database, look: Callable[[Connection], T]) -> T:
    return database.run_blocking(look)


def said(text: str, user: str = ANN, minute: float = 0, thread: str = "", role: Role = Role.UNKNOWN) -> Heard:
    at = NOON + timedelta(minutes=minute)
    message = Message(
        id=f"{HELP.id}/{minute:g}", channel=HELP.id, thread=thread, user=user, at=at, text=text, role=role
    )
    return Heard(message=message, channel=HELP)


def hears(database: Database, heard: Heard, settings: Config | None = None) -> str | None:
    """Why the bot is muted after it."""
    config = settings or Config()
    return read(database, lambda c: hear(c, config, heard, heard.message.at)).muted


def ordered(
    database: Database, text: str, user: str, minute: float, thread: str = "", **settings: Any
) -> str:
    config = Config.model_validate(settings)
    order = order_in(text)
    assert order is not None
    return read(database, lambda c: obey(c, config, said(text, user, minute, thread), order).what)


def is_muted(database: Database, conversation: str = ROOT) -> bool:
    return read(database, lambda c: mutes.muted_here(c, conversation, HELP.id)) is not None


STAFFED = {"analysts": ["UBOB"], "admins": ["UADA"]}


def test_a_word_mutes_its_thread_and_any_other_mention_asks_back(database: Database) -> None:
    hears(database, said(QUESTION))
    assert ordered(database, "@earshot mute", ANN, 1, ROOT, **STAFFED) == "it mutes this conversation"
    assert hears(database, said("It runs on the second host.", minute=2, thread=ROOT))
    assert hears(database, said("@earshot is the spill folder full?", minute=3, thread=ROOT)) is None


def test_a_bots_mention_asks_nobody_back(database: Database) -> None:
    hears(database, said(QUESTION))
    ordered(database, "@earshot mute", ANN, 1, ROOT)
    assert hears(database, said("@earshot what now?", BOB, 2, ROOT, role=Role.BOT))


def test_at_the_top_level_it_mutes_the_conversation_that_it_belongs_to(database: Database) -> None:
    hears(database, said(QUESTION))
    ordered(database, "@earshot be quiet", ANN, 1)
    assert is_muted(database)
    assert not is_muted(database, "slack:T1/C1/another")


@pytest.mark.parametrize(
    ("user", "settings", "may"),
    [
        (ANN, {}, True),  # nobody is configured: anyone who speaks there
        (ANN, STAFFED, False),
        (BOB, STAFFED, True),
        (ADA, STAFFED, True),
        (ADA, {"admins": ["UADA"]}, True),
        (ANN, {"admins": ["UADA"]}, False),
    ],
)
def test_who_may_mute_a_channel(database: Database, user: str, settings: dict[str, Any], may: bool) -> None:
    hears(database, said(QUESTION))
    told = ordered(database, "@earshot mute channel", user, 1, **settings)
    assert is_muted(database) is may
    assert ("ignored" in told) is not may


@pytest.mark.parametrize(
    ("user", "settings", "may"),
    [
        (ANN, STAFFED, False),
        (BOB, STAFFED, True),
        (ADA, {"admins": ["UADA"]}, True),
        (ANN, {}, False),
        (ADA, {}, True),  # who muted it, where nobody is configured
    ],
)
def test_who_may_unmute_a_channel(database: Database, user: str, settings: dict[str, Any], may: bool) -> None:
    hears(database, said(QUESTION))
    ordered(database, "@earshot mute channel", ADA, 1)
    ordered(database, "@earshot 取消静音", user, 2, **settings)
    assert is_muted(database) is not may


def test_a_mention_in_a_muted_channel_asks_back_there_alone(database: Database) -> None:
    ordered(database, "@earshot mute channel", ANN, 0)
    assert hears(database, said(QUESTION, BOB, 100))
    assert hears(database, said("@earshot how do I start the gate again?", ANN, 200)) is None
    assert hears(database, said(QUESTION, BOB, 300))


def reacted(user: str, *, added: bool = True, minute: float = 5, name: str = "mute") -> Reacted:
    at = NOON + timedelta(minutes=minute)
    return Reacted(message_id=ROOT, user=user, name=name, added=added, at=at)


def test_a_reaction_mutes_until_it_is_taken_off(database: Database) -> None:
    hears(database, said(QUESTION))
    read(database, lambda c: hush(c, ROOT, reacted(ANN, name="eyes")))
    assert not is_muted(database)
    for user in (ANN, BOB):
        read(database, lambda c: hush(c, ROOT, reacted(user)))
    read(database, lambda c: hush(c, ROOT, reacted(ANN, added=False)))
    assert is_muted(database)  # Bob's still stands
    read(database, lambda c: hush(c, ROOT, reacted(BOB, added=False)))
    assert not is_muted(database)


def test_taking_a_reaction_off_does_not_undo_a_word(database: Database) -> None:
    hears(database, said(QUESTION))
    read(database, lambda c: hush(c, ROOT, reacted(ANN)))
    ordered(database, "@earshot mute", BOB, 6, ROOT)
    read(database, lambda c: hush(c, ROOT, reacted(ANN, added=False)))
    assert is_muted(database)


def test_a_mute_is_seen_by_the_second_look(database: Database) -> None:
    hears(database, said(QUESTION))
    read(database, lambda c: hush(c, ROOT, reacted(ANN)))
    situation = read(database, lambda c: recall(c, Config(), ROOT, NOON))
    assert situation is not None and situation.muted == f"{ANN} muted this conversation at 2026-03-02 12:05"


def test_what_lies_under_an_order_is_a_thread_of_its_own(database: Database) -> None:
    order = said("@earshot mute channel")
    read(database, lambda c: ledger.pass_over(c, order.message.id, ROOT))
    hears(database, order)  # delivered again
    hears(database, said("Why?", BOB, 1, ROOT))
    thread = read(database, lambda c: ledger.thread(c, ROOT))
    assert thread is not None and [message.text for message in thread.messages] == ["Why?"]


# ---- in the practice room ---------------------------------------------------------------------------------


async def test_a_room_tells_of_people_what_it_was_told() -> None:
    team = (Person(id="bob"),)
    adapter = room.RoomAdapter({}, people={"@support-team": team})
    assert await adapter.people("@support-team") == team
    assert await adapter.people("ann") == (Person(id="ann", standing=Standing.MEMBER),)
    with pytest.raises(LookupFailed, match="nobody told the room who is in S0EXPERTS1"):
        await adapter.people("S0EXPERTS1")  # so that the members that the store knows stay


def recorded(text: str, user: str, minute: float, thread: str = "t1") -> dict[str, object]:
    at = (NOON + timedelta(minutes=minute)).isoformat()
    return {"channel": "help", "thread": thread, "id": f"m{minute:g}", "user": user, "at": at, "text": text}


async def test_a_replay_keeps_to_the_same_manners(tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    lines = [
        {
            **recorded(QUESTION, "ann", 0),
            "reactions": [{"name": "mute", "user": "bob", "at": NOON.isoformat()}],
        },
        recorded("And on the second host, how do I start it there?", "ann", 2),
        recorded("@earshot mute channel", "bob", 3, "t2"),
        recorded(f"@earshot {QUESTION}", "ann", 4),
        recorded("Why does the report of yesterday stay empty since the upgrade?", "carl", 50, "t3"),
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    settings = Config.model_validate({"store": f"sqlite:///{tmp_path / 'nothing.db'}", "analysts": "bob"})
    report = await replay(read_recording(path), settings, HashEmbedder())
    assert [outcome.reason_names[0] for outcome in report.outcomes] == [
        "nothing known",  # the sign came after it
        "muted",
        "order",
        "addressed",  # asked back, and told that nothing is known
        "muted",
    ]


def test_a_scratch_copy_still_knows_who_is_in_the_groups(database: Database) -> None:
    read(database, lambda c: ledger.put_group(c, "@support-team", [BOB]))
    hears(database, said(QUESTION))
    read(database, tables.clear)
    assert read(database, lambda c: ledger.belongings(c, [BOB])) == {BOB: frozenset({"@support-team"})}
    assert read(database, lambda c: ledger.thread(c, ROOT)) is None

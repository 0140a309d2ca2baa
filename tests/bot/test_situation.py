"""What a decision may look at: who speaks, what the channel allows, and that each word counts once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from bot import ledger
from bot.adapters.events import Channel, ChannelKind, Heard, Person
from bot.app import open_database
from bot.config import Config
from bot.learning import threads_of
from bot.scorer import Situation, gate
from bot.situation import (
    LEARNT_JOINED,
    hear,
    knows_thread,
    policy_of,
    recall,
    role_in,
    role_of,
    roles_in,
    whole_user,
)
from bot.tickets import TicketState
from bot.weighing import SHIPPED, read_weights
from knowledge.audience import Setting
from knowledge.database import Database
from knowledge.thread import Message, Reaction, Role
from tests.bot.running import WEIGHTS, erase_message

T = TypeVar("T")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # 20:00 in Shanghai, 07:00 in New York
QUESTION = "The gate stops with MLR-4090 since this morning, how do I make it start again?"
HELP = Channel(id="slack:T1/C1", name="help")
ANN, BOB = "slack:T1/UANN", "slack:T1/UBOB"
CONFIG = Config()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    yield opened
    opened.close()


def config(**given: Any) -> Config:
    return Config.model_validate(given)


# ---- who speaks -------------------------------------------------------------------------------------------

STAFF = config(analysts=["UBOB"], admins=["UADA"], owners=["slack:T1/UOLA"])


@pytest.mark.parametrize(
    ("user", "said", "settings", "parts", "role"),
    [
        (BOB, Role.UNKNOWN, STAFF, None, Role.ANALYST),  # configured by the bare id
        ("slack:T1/UOLA", Role.UNKNOWN, STAFF, None, Role.ANALYST),  # owners and admins are staff, too
        ("slack:T1/UADA", Role.UNKNOWN, STAFF, None, Role.ANALYST),
        (ANN, Role.UNKNOWN, STAFF, None, Role.CUSTOMER),
        (ANN, Role.UNKNOWN, STAFF, (0, 100), Role.CUSTOMER),  # where they are configured nothing is learnt
        (BOB, Role.BOT, STAFF, None, Role.BOT),  # what the platform says comes first
        (BOB, Role.CUSTOMER, STAFF, None, Role.CUSTOMER),
        (BOB, Role.UNKNOWN, CONFIG, None, Role.UNKNOWN),
        (BOB, Role.UNKNOWN, CONFIG, (0, 5), Role.ANALYST),
        (BOB, Role.UNKNOWN, CONFIG, (0, 4), Role.UNKNOWN),
        (BOB, Role.UNKNOWN, CONFIG, (2, 6), Role.ANALYST),
        (BOB, Role.UNKNOWN, CONFIG, (2, 5), Role.UNKNOWN),  # asks too often to be the one who helps
        (ANN, Role.UNKNOWN, CONFIG, (9, 0), Role.UNKNOWN),
    ],
)
def test_who_speaks(
    user: str, said: Role, settings: Config, parts: tuple[int, int] | None, role: Role
) -> None:
    assert role_of(user, said, settings, {} if parts is None else {user: parts}) is role


GROUPED = config(analysts=["@support-team", "S0EXPERTS1", "*@example.com"])


@pytest.mark.parametrize(
    ("belongs", "role"),
    [
        ({"@support-team"}, Role.ANALYST),
        ({"S0EXPERTS1"}, Role.ANALYST),
        ({"*@example.com"}, Role.ANALYST),
        ({"*@example.org", "@sales"}, Role.CUSTOMER),
        (set(), Role.CUSTOMER),
    ],
)
def test_who_belongs_to_a_group_or_a_domain_is_an_analyst(belongs: set[str], role: Role) -> None:
    assert role_of(BOB, Role.UNKNOWN, GROUPED, {}, {BOB: frozenset(belongs)}) is role


def test_roles_come_from_the_groups_and_addresses_in_the_store(database: Database) -> None:
    read(database, lambda c: ledger.put_group(c, "@support-team", [BOB]))
    read(database, lambda c: ledger.put_people(c, [Person(id=ANN, mail_domain="example.com")]))
    roles = read(database, lambda c: roles_in(c, GROUPED, [ANN, BOB, "slack:T1/UCARL"], Role.UNKNOWN))
    assert roles == {ANN: Role.ANALYST, BOB: Role.ANALYST, "slack:T1/UCARL": Role.CUSTOMER}
    assert read(database, lambda c: role_in(c, CONFIG, BOB)) is Role.UNKNOWN  # only where it is configured


# ---- what is allowed --------------------------------------------------------------------------------------

BY_ANY_NAME = ["slack:T1/C1", "C1", "#help", "https://acme.slack.com/archives/C1"]


@pytest.mark.parametrize("key", BY_ANY_NAME)
def test_a_channels_own_settings_stand_over_the_defaults(key: str) -> None:
    settings = config(
        defaults={"precision": "0.8", "max_per_hour": "4"},
        channels={key: {"mode": "shadow", "wait_seconds": "30", "max_per_hour": "1"}},
    )
    threshold = read_weights(settings.weights or SHIPPED).threshold(0.8)
    own, other = (
        policy_of(settings, channel, NOON) for channel in (HELP, Channel(id="slack:T1/C2", name="x"))
    )
    assert (own.mode, own.wait, own.max_per_hour, own.threshold) == (
        "shadow",
        timedelta(seconds=30),
        1,
        threshold,
    )
    assert (other.mode, other.wait, other.max_per_hour, other.threshold) == (
        "reply",
        timedelta(seconds=90),
        4,
        threshold,
    )


@pytest.mark.parametrize(
    ("channel", "own", "everywhere", "goes_to"),
    [
        (Channel(id="slack:T1/C1"), None, "#drafts", "#drafts"),
        (Channel(id="slack:T1/C1"), "#own", "#drafts", "#own"),
        (Channel(id="slack:T1/C1", kind=ChannelKind.PRIVATE), None, "#drafts", None),
        (Channel(id="slack:T1/C1", kind=ChannelKind.DIRECT), None, "#drafts", None),
        (Channel(id="slack:T1/C1", external=True), None, "#drafts", None),
        (Channel(id="slack:T1/C1", kind=ChannelKind.PRIVATE), "#own", "#drafts", "#own"),
        (Channel(id="slack:T1/C1", kind=ChannelKind.PRIVATE), "#drafts", "#drafts", "#drafts"),
        (Channel(id="slack:T1/C1", kind=ChannelKind.PRIVATE), None, "ephemeral", "ephemeral"),
    ],
)
def test_what_is_private_is_drafted_elsewhere_only_by_its_own_settings(
    channel: Channel, own: str | None, everywhere: str, goes_to: str | None
) -> None:
    channels = {"C1": {"mode": "draft", **({"drafts_to": own} if own else {})}}
    settings = config(drafts_to=everywhere, channels=channels, external="on")
    assert policy_of(settings, channel, NOON).drafts_to == goes_to


@pytest.mark.parametrize("precision", [0.5, 0.7, 0.9, 0.99])
def test_a_paperclip_is_for_what_would_be_welcome_every_other_time(precision: float) -> None:
    settings = config(defaults={"precision": str(precision), "clip": "on"}, weights=str(WEIGHTS))
    policy = policy_of(settings, HELP, NOON)
    weights = read_weights(WEIGHTS)
    assert policy.clip and policy.threshold == weights.threshold(precision)
    assert policy.clip_threshold == min(weights.threshold(0.5), policy.threshold)


@pytest.mark.parametrize(
    ("given", "channel", "whole"),
    [
        ("U1", "slack:T1/C1", "slack:T1/U1"),
        ("slack:T2/U1", "slack:T1/C1", "slack:T2/U1"),
        ("bob", "help", "bob"),
    ],
)
def test_a_listed_person_has_a_whole_id_in_each_workspace(given: str, channel: str, whole: str) -> None:
    assert whole_user(given, channel) == whole


def test_of_two_settings_the_more_exact_counts() -> None:
    settings = config(channels={"#help": {"mode": "off", "precision": "0.7"}, "C1": {"mode": "shadow"}})
    policy = policy_of(settings, HELP, NOON)
    assert (policy.mode, policy.threshold) == ("shadow", read_weights().threshold(0.7))


def test_a_channel_without_a_name_has_no_settings_by_name() -> None:
    settings = config(channels={"#help": {"mode": "off"}})
    assert policy_of(settings, replace(HELP, name=None), NOON).mode == "reply"


def test_a_rooms_channel_that_is_called_with_its_sign_is_found() -> None:
    settings = config(channels={"#help": {"mode": "off"}})
    assert policy_of(settings, Channel(id="#help", name="#help"), NOON).mode == "off"


@pytest.mark.parametrize(
    ("zone", "hours", "quiet"),
    [
        ("UTC", "19:00-08:00", False),
        ("Asia/Shanghai", "19:00-08:00", True),
        ("America/New_York", "19:00-08:00", True),
        ("America/New_York", "19:00-07:00", False),  # the end is the first minute that is not quiet
        ("UTC", "12:00-12:01", True),
        ("UTC", "off", False),
    ],
)
def test_quiet_hours_are_those_of_the_configured_zone(zone: str, hours: str, quiet: bool) -> None:
    settings = config(timezone=zone, defaults={"quiet_hours": hours})
    assert policy_of(settings, HELP, NOON).quiet_now is quiet


@pytest.mark.parametrize(
    ("utc", "hours", "quiet"),
    [
        ("2026-03-29 00:59", "02:00-03:00", False),  # 01:59; the next minute is 03:00
        ("2026-03-29 01:00", "02:00-03:00", False),  # that hour is left out
        ("2026-03-29 00:59", "22:00-02:30", True),
        ("2026-03-29 01:00", "22:00-02:30", False),  # 03:00 is past 02:30
        ("2026-10-25 00:30", "02:00-03:00", True),  # 02:30, still summer time
        ("2026-10-25 01:30", "02:00-03:00", True),  # 02:30 again
        ("2026-10-25 02:00", "02:00-03:00", False),
        ("2026-10-25 06:59", "19:00-08:00", True),  # 07:59 in winter; in summer it was 08:59
        ("2026-10-24 06:59", "19:00-08:00", False),
    ],
)
def test_quiet_hours_go_by_the_clock_on_the_wall_when_summer_time_changes(
    utc: str, hours: str, quiet: bool
) -> None:
    settings = config(timezone="Europe/Berlin", defaults={"quiet_hours": hours})
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert policy_of(settings, HELP, now).quiet_now is quiet


def test_a_channels_own_cool_down_and_bound_of_waiting_count() -> None:
    settings = config(
        defaults={"cool_down": "1h"}, channels={"#help": {"cool_down": "off", "wait_at_most": "2m"}}
    )
    own, other = (policy_of(settings, channel, NOON) for channel in (HELP, replace(HELP, id="C2", name="x")))
    assert (own.cool_down, own.wait_at_most) == (timedelta(), timedelta(minutes=2))
    assert (other.cool_down, other.wait_at_most) == (timedelta(hours=1), timedelta(minutes=5))


@pytest.mark.parametrize(
    ("external", "setting", "blocked"),
    [(True, "off", True), (True, "on", False), (False, "off", False), (False, "on", False)],
)
def test_a_channel_shared_with_another_company_is_blocked_unless_allowed(
    external: bool, setting: str, blocked: bool
) -> None:
    settings = config(external=setting)
    assert policy_of(settings, replace(HELP, external=external), NOON).external_blocked is blocked


# ---- hearing ----------------------------------------------------------------------------------------------


def said(
    text: str = QUESTION,
    user: str = ANN,
    minute: float = 0,
    thread: str = "",
    *,
    channel: Channel = HELP,
    **more: Any,
) -> Heard:
    at = NOON + timedelta(minutes=minute)
    message = Message(
        id=f"{channel.id}/{minute:g}", channel=channel.id, thread=thread, user=user, at=at, text=text, **more
    )
    return Heard(message=message, channel=channel)


def heard(database: Database, *all_said: Heard, settings: Config = CONFIG) -> Situation:
    """The situation after the last of them."""
    situations = [
        database.run_blocking(lambda c: hear(c, settings, each, each.message.at)) for each in all_said
    ]
    return situations[-1]


def read(database: Database, look: Callable[[Connection], T]) -> T:
    return database.run_blocking(look)


ROOT = "slack:T1/C1/0"
TALK = (said(), said("Clean the spill folder.", BOB, 1, ROOT), said("Which one?", ANN, 2, ROOT))


def test_a_conversation_is_gathered_with_its_ticket(database: Database) -> None:
    situation = heard(database, *TALK)
    assert [message.text for message in situation.thread.messages] == [
        QUESTION,
        "Clean the spill folder.",
        "Which one?",
    ]
    assert (situation.message.text, situation.thread.id) == ("Which one?", ROOT)
    assert (situation.ticket.asker, situation.ticket.state) == (ANN, TicketState.ENGAGED)
    assert read(database, lambda c: knows_thread(c, TALK[1].message))
    assert not read(database, lambda c: knows_thread(c, said(thread="slack:T1/C1/9").message))


def test_a_redelivery_counts_once(database: Database) -> None:
    reaction = Reaction(name="+1", user=BOB)
    talk = (said(reactions=(reaction,)), *TALK[1:], said("Thanks, that fixed it!", ANN, 3, ROOT))
    heard(database, *talk)
    before = read(database, everything)
    heard(database, *talk, *talk)
    assert read(database, everything) == before
    assert read(database, lambda c: ledger.parts(c, [ANN, BOB])) == {ANN: (1, 0), BOB: (0, 1)}


def everything(connection: Connection) -> tuple[object, ...]:
    return (
        ledger.thread(connection, ROOT),
        ledger.ticket(connection, ROOT),
        ledger.parts(connection, [ANN, BOB]),
    )


def test_a_late_redelivery_does_not_reopen_what_is_solved(database: Database) -> None:
    heard(database, *TALK, said("Thanks, that fixed it!", ANN, 3, ROOT), TALK[0], TALK[2])
    ticket = read(database, lambda c: ledger.ticket(c, ROOT))
    assert ticket is not None and ticket.state is TicketState.RESOLVED


def test_joining_a_conversation_counts_once_however_much_is_said(database: Database) -> None:
    heard(database, *TALK, said("The one on the gate's host.", BOB, 3, ROOT), said("And now?", BOB, 4, ROOT))
    assert read(database, lambda c: ledger.parts(c, [ANN, BOB])) == {ANN: (1, 0), BOB: (0, 1)}


def test_who_often_answers_others_is_learnt_to_be_an_analyst(database: Database) -> None:
    roles = []
    for number in range(LEARNT_JOINED + 1):
        root = said(user=f"slack:T1/U{number}", minute=100 * number)
        answer = said("Clean the spill folder.", BOB, 100 * number + 1, root.message.id)
        roles.append(heard(database, root, answer).message.role)
    assert roles == [Role.UNKNOWN] * LEARNT_JOINED + [Role.ANALYST]


def test_a_bot_is_never_learnt_to_be_an_analyst(database: Database) -> None:
    for number in range(LEARNT_JOINED + 1):
        root = said(user=f"slack:T1/U{number}", minute=100 * number)
        heard(database, root, said("Noted.", BOB, 100 * number + 1, root.message.id, role=Role.BOT))
    assert read(database, lambda c: ledger.parts(c, [BOB])) == {}


def test_people_are_known_by_name_by_id_and_by_being_mentioned(database: Database) -> None:
    read(database, lambda c: ledger.put_names(c, {BOB: "Bob Birch"}))
    situation = heard(database, said(), said("See @UEVE00001, and <@UCARL>.", BOB, 1, ROOT))
    assert situation.people == {
        "Bob Birch": BOB,
        "UANN": ANN,
        "UBOB": BOB,
        "UEVE00001": "UEVE00001",
        "UCARL": "UCARL",
    }


# ---- deletions --------------------------------------------------------------------------------------------


def test_a_message_whose_deletion_came_first_leaves_nothing(database: Database) -> None:
    read(database, lambda c: erase_message(c, ROOT))
    situation = heard(database, said(reactions=(Reaction(name="+1", user=BOB),)))
    assert (situation.message.text, situation.thread.messages[0].text) == ("", "")
    silenced = gate(situation)
    assert silenced is not None and silenced.reasons[0].name == "nothing asked"
    assert read(database, everything) == (None, None, {})
    assert read(database, lambda c: ledger.message_row(c, ROOT)) is None
    assert read(database, lambda c: recall(c, CONFIG, ROOT, NOON)) is None


def test_what_follows_a_deleted_message_is_a_conversation_as_before(database: Database) -> None:
    read(database, lambda c: erase_message(c, ROOT))
    situation = heard(database, *TALK)
    assert [message.text for message in situation.thread.messages] == [
        "Clean the spill folder.",
        "Which one?",
    ]
    assert situation.ticket.asker == BOB


def test_a_deleted_message_is_gone_from_the_conversation(database: Database) -> None:
    heard(database, *TALK)
    read(database, lambda c: erase_message(c, TALK[1].message.id))
    situation = read(database, lambda c: recall(c, CONFIG, TALK[2].message.id, NOON))
    assert situation is not None
    assert [message.user for message in situation.thread.messages] == [ANN, ANN]


def test_a_deleted_question_still_has_its_asker(database: Database) -> None:
    """Also where the thread hangs on a message that itself continued a conversation of the channel."""
    first, second = said(), said("It stopped again just now, what can I do?", ANN, 1)
    heard(database, first, second)
    read(database, lambda c: erase_message(c, second.message.id))
    assert read(database, lambda c: knows_thread(c, said(thread=second.message.id).message))
    answer = heard(database, said("Clean the spill folder.", BOB, 2, second.message.id))
    assert (answer.ticket.asker, answer.thread.id) == (ANN, ROOT)
    read(database, lambda c: erase_message(c, ROOT))
    more = heard(database, said("And restart the gate.", BOB, 3, ROOT))
    assert (more.ticket.asker, more.thread.id) == (ANN, ROOT)


# ---- how fast people are ----------------------------------------------------------------------------------


def delays(database: Database, channel: Channel = HELP, minute: float = 1000) -> list[float]:
    at = NOON + timedelta(minutes=minute)
    found = read(database, lambda c: ledger.first_answer_delays(c, channel.id, at, 50))
    return [delay.total_seconds() for delay in found]


def test_the_first_word_of_another_person_tells_how_fast_people_answer(database: Database) -> None:
    heard(database, *TALK, said("Any of them.", BOB, 3, ROOT))
    assert delays(database) == [60.0]
    assert delays(database, minute=0.5) == []  # nobody knew it then
    assert delays(database, replace(HELP, id="slack:T1/C2")) == []


@pytest.mark.parametrize(
    "talk",
    [
        (said(), said("It is the second host.", ANN, 1, ROOT)),  # nobody else spoke
        (said(), said("Noted.", BOB, 1, ROOT, role=Role.BOT)),
        (said("Good morning everybody, I wish you a sunny week."), said("To you, too!", BOB, 1, ROOT)),
    ],
)
def test_what_is_no_answer_to_a_question_tells_nothing(database: Database, talk: tuple[Heard, ...]) -> None:
    heard(database, *talk)
    assert delays(database) == []


def test_the_newest_answers_are_in_the_situation(database: Database) -> None:
    for number in range(60):
        root = said(minute=100 * number, user=f"slack:T1/U{number}")
        heard(database, root, said("Clean it.", BOB, 100 * number + 1 + number / 60, root.message.id))
    known = heard(database, said(minute=7000)).delays
    assert [delay.total_seconds() for delay in known] == [60.0 + number for number in range(59, 9, -1)]


# ---- what is recalled -------------------------------------------------------------------------------------


def test_a_channel_nobody_told_about_is_taken_as_private(database: Database) -> None:
    assert read(database, lambda c: ledger.channel_of(c, "slack:T1/C9")).kind is ChannelKind.PRIVATE


def test_an_external_channel_is_told_as_such(database: Database) -> None:
    situation = heard(database, said(channel=replace(HELP, external=True)))
    assert situation.place.setting is Setting.BARRED and situation.policy.external_blocked


def test_settings_are_those_of_the_second_look(database: Database) -> None:
    heard(database, said())
    off = config(channels={"#help": {"mode": "off"}})
    situation = read(database, lambda c: recall(c, off, ROOT, NOON + timedelta(seconds=90)))
    assert situation is not None
    assert (situation.policy.mode, situation.now) == ("off", NOON + timedelta(seconds=90))


def test_a_thread_called_like_a_message_of_another_thread_is_not_that_messages_thread(
    database: Database,
) -> None:
    """As in recordings whose threads and messages are both numbered."""
    rows = [("m0", "t1"), ("t1", "t2"), ("m2", "t1"), ("t2", "t3"), ("m4", "t2"), ("m5", "t3")]
    messages = [
        Message(
            id=message_id, channel="c", thread=thread, user="ann", at=NOON + timedelta(hours=n), text="why?"
        )
        for n, (message_id, thread) in enumerate(rows)
    ]
    placed = {said.id: thread.id for thread in threads_of(messages, {}) for said in thread.messages}
    assert placed == dict(rows)
    for message in messages:
        heard = Heard(message=message, channel=Channel(id="c"))
        situation = database.run_blocking(partial(hear, config=CONFIG, heard=heard, now=NOON))
        assert situation.thread.id == placed[message.id]

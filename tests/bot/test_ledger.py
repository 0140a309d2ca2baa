"""The inbox and the outbox: nothing lost, nothing twice, order kept, nobody held up for ever."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from bot import inbox, intents, ledger, votes
from bot.adapters.adapter import Arrival
from bot.adapters.events import Channel, ChannelKind, Person
from bot.answerer import Citation, Line, Suggestion
from bot.app import open_database
from bot.feedback import Vote
from bot.inbox import Work
from bot.objections import Objection
from bot.scorer import silent
from bot.tickets import Step, TicketState, advance, opened
from knowledge.database import Database
from knowledge.entry import EntryKind
from knowledge.thread import Message, Reaction, Role
from tests.bot.running import erase_message

T = TypeVar("T")
T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
Run = Callable[[Callable[[Connection], T]], T]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened_database = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", durable=False)
    yield opened_database
    opened_database.close()


def arrival(number: int, conversation: str = "c", at: float = 0.0, content: str | None = None) -> Arrival:
    return Arrival(
        adapter="room",
        key=f"k{number}",
        content_key=content,
        conversation=conversation,
        at=T0 + timedelta(seconds=at),
        payload={"number": number},
    )


def accept(database: Database, *arrivals: Arrival, now: datetime = T0) -> int:
    return database.run_blocking(lambda c: inbox.accept(c, arrivals, now, timedelta()))


def claim(database: Database, now: datetime = T0, limit: int = 10) -> list[Work]:
    return database.run_blocking(lambda c: inbox.claim(c, now, limit))


def finish(database: Database, work: Work) -> None:
    database.run_blocking(lambda c: inbox.finish(c, work.id))


def numbers(works: list[Work]) -> list[int]:
    return [work.payload["number"] for work in works if work.payload is not None]


def test_a_second_delivery_is_passed_over_by_event_and_by_content(database: Database) -> None:
    assert accept(database, arrival(1, content="same")) == 1
    assert accept(database, arrival(1, content="same"), arrival(2, content="same"), arrival(3)) == 1
    assert numbers(claim(database)) == [1]


def test_an_event_stays_known_after_it_was_handled_but_its_text_goes(database: Database) -> None:
    accept(database, arrival(1))
    finish(database, claim(database)[0])
    assert accept(database, arrival(1)) == 0
    kept = database.run_blocking(lambda c: c.exec_driver_sql("select payload from inbox").scalar())
    assert kept is None


def test_a_conversation_is_handled_one_event_at_a_time_in_platform_order(database: Database) -> None:
    accept(database, arrival(2, at=2.0), arrival(1, at=1.0), arrival(9, "other", at=5.0))
    first = claim(database)
    assert numbers(first) == [1, 9]
    assert claim(database) == []
    finish(database, first[0])
    assert numbers(claim(database)) == [2]


def test_equal_times_keep_the_order_of_arrival(database: Database) -> None:
    accept(database, arrival(5, at=1.0), arrival(3, at=1.0))
    assert numbers(claim(database)) == [5]


def test_nothing_is_handled_before_it_is_due(database: Database) -> None:
    database.run_blocking(lambda c: inbox.accept(c, [arrival(1)], T0, timedelta(milliseconds=100)))
    assert claim(database, T0) == []
    assert database.run_blocking(inbox.next_due) == T0 + timedelta(milliseconds=100)
    assert numbers(claim(database, T0 + timedelta(milliseconds=100))) == [1]


def test_a_waiting_row_does_not_hold_its_conversation(database: Database) -> None:
    accept(database, arrival(1, at=1.0), arrival(2, at=2.0))
    first = claim(database)[0]
    database.run_blocking(lambda c: inbox.wait(c, first.id, "m1", T0 + timedelta(seconds=90)))
    assert numbers(claim(database)) == [2]
    assert claim(database, T0 + timedelta(seconds=90)) == []  # one at a time: 2 is still being handled
    database.run_blocking(lambda c: c.exec_driver_sql("update inbox set state = 'done' where key = 'k2'"))
    again = claim(database, T0 + timedelta(seconds=90))
    assert [work.message_id for work in again] == ["m1"]


def test_a_failing_event_holds_its_conversation_while_it_is_tried_again_and_then_is_set_aside(
    database: Database,
) -> None:
    accept(database, arrival(1, at=1.0), arrival(2, at=2.0))
    now, tries = T0, 0
    while works := claim(database, now):
        if numbers(works) == [2]:
            break
        tries += 1
        assert numbers(works) == [1]
        database.run_blocking(lambda c, w=works[0], n=now: inbox.postpone(c, w, n, "boom"))  # type: ignore[misc]
        now += timedelta(minutes=2)
    assert tries == inbox.MAX_TRIES
    set_aside = database.run_blocking(inbox.poison)
    assert [(row.conversation, row.tries, row.error) for row in set_aside] == [("c", inbox.MAX_TRIES, "boom")]


def test_what_was_set_aside_can_be_tried_again(database: Database) -> None:
    accept(database, arrival(1))
    database.run_blocking(lambda c: c.exec_driver_sql("update inbox set state = 'poison', tries = 5"))
    assert claim(database) == []
    assert database.run_blocking(lambda c: inbox.retry_poison(c, T0)) == 1
    assert numbers(claim(database)) == [1]


def test_after_a_crash_what_was_being_handled_is_handled_again(database: Database) -> None:
    accept(database, arrival(1), arrival(2, "other"))
    waiting = next(work for work in claim(database) if work.conversation == "other")
    database.run_blocking(lambda c: inbox.wait(c, waiting.id, "m2", T0))
    claim(database)
    assert claim(database) == []
    assert database.run_blocking(lambda c: inbox.recover(c, T0, timedelta())) == 2
    works = claim(database)
    assert numbers(works) == [1] and [w.message_id for w in works] == [None, "m2"]


def test_handled_rows_are_forgotten_when_nobody_can_deliver_them_again(database: Database) -> None:
    accept(database, arrival(1), arrival(2, "other"))
    finish(database, claim(database)[0])
    assert database.run_blocking(lambda c: inbox.prune_inbox(c, T0 + timedelta(hours=8))) == 0
    assert database.run_blocking(lambda c: inbox.prune_inbox(c, T0 + timedelta(days=3))) == 1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.integers(0, 5), st.sampled_from(["finish", "wait", "fail", "crash"])
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_event_is_finished_once_whatever_goes_wrong(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[str, int, str]]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "inbox.db"
    database = open_database(f"sqlite:///{path}", durable=False)
    accept(database, *[arrival(n, conversation, at) for n, (conversation, at, _) in enumerate(plan)])
    fates = {n: fate for n, (_, _, fate) in enumerate(plan)}
    finished: list[int] = []
    now = T0 + timedelta(seconds=10)
    for _ in range(200):
        for work in claim(database, now):
            number = work.payload["number"] if work.payload is not None else int(work.message_id or "-1")
            fate = fates.pop(number, "finish")
            if fate == "wait":
                database.run_blocking(lambda c, w=work, m=number: inbox.wait(c, w.id, str(m), now))  # type: ignore[misc]
            elif fate == "fail":
                database.run_blocking(lambda c, w=work: inbox.postpone(c, w, now, "boom"))  # type: ignore[misc]
            elif fate == "crash":
                database.run_blocking(lambda c: inbox.recover(c, now, timedelta()))
            else:
                finish(database, work)
                finished.append(number)
        now += timedelta(seconds=5)
        if not fates and len(set(finished)) == len(plan):
            break
    database.close()
    assert set(finished) == set(range(len(plan)))


# ---- messages -----------------------------------------------------


def message(message_id: str = "m1", user: str = "ann", at: float = 0.0, text: str = "why?") -> Message:
    return Message(
        id=message_id,
        channel="ch",
        thread="m1",
        user=user,
        at=T0 + timedelta(seconds=at),
        text=text,
        role=Role.UNKNOWN,
    )


def test_a_thread_comes_back_in_order_with_its_reactions(database: Database) -> None:
    def fill(c: Connection) -> None:
        for said in (message("m2", "bob", 5.0), message("m1"), message("m3", "ann", 9.0)):
            assert ledger.put_message(c, said, "m1", "m1")
        assert not ledger.put_message(c, message("m1"), "m1", "m1")
        ledger.react(c, "m2", Reaction(name="+1", user="ann"), added=True)
        ledger.react(c, "m2", Reaction(name="+1", user="ann"), added=True)
        ledger.react(c, "m3", Reaction(name="eyes", user="bob"), added=True)
        ledger.react(c, "m3", Reaction(name="eyes", user="bob"), added=False)

    database.run_blocking(fill)
    thread = database.run_blocking(lambda c: ledger.thread(c, "m1"))
    assert thread is not None
    assert [(m.id, [r.name for r in m.reactions]) for m in thread.messages] == [
        ("m1", []),
        ("m2", ["+1"]),
        ("m3", []),
    ]


def test_an_erased_message_leaves_no_text_and_is_not_taken_in_again(database: Database) -> None:
    def fill(c: Connection) -> None:
        ledger.put_message(c, message(text="a secret"), "m1", "m1")
        ledger.put_decision(c, "m1", silent("nothing asked", "a secret was told"), [], T0)
        erase_message(c, "m1")

    database.run_blocking(fill)
    assert database.run_blocking(lambda c: ledger.thread(c, "m1")) is None
    assert database.run_blocking(lambda c: ledger.last_decision(c, "m1")) is None
    assert database.run_blocking(lambda c: ledger.was_erased(c, "m1"))


def test_an_unknown_channel_is_private_and_a_name_is_not_forgotten(database: Database) -> None:
    assert database.run_blocking(lambda c: ledger.channel_of(c, "ch")).private
    for known in (Channel(id="ch", name="help"), Channel(id="ch", kind=ChannelKind.PUBLIC)):
        database.run_blocking(lambda c, k=known: ledger.put_channel(c, k))  # type: ignore[misc]
    assert database.run_blocking(lambda c: ledger.channel_of(c, "ch")) == Channel(id="ch", name="help")


def test_a_message_is_found_by_id_link_or_the_end_of_its_id(database: Database) -> None:
    linked = Message(
        id="slack:T/C/1.5",
        channel="slack:T/C",
        thread="slack:T/C/1.5",
        user="u",
        at=T0,
        text="x",
        link="https://a/p15",
    )
    database.run_blocking(lambda c: ledger.put_message(c, linked, linked.id, linked.id))
    for given_id in ("slack:T/C/1.5", "https://a/p15", "1.5"):
        assert database.run_blocking(lambda c, g=given_id: ledger.find_messages(c, g)) == ["slack:T/C/1.5"]  # type: ignore[misc]
    assert database.run_blocking(lambda c: ledger.find_messages(c, "%")) == []


def test_quiet_tickets_close_and_are_learnt_from_once(database: Database) -> None:
    week = timedelta(days=7)
    database.run_blocking(lambda c: ledger.put_ticket(c, opened(message())))
    assert database.run_blocking(lambda c: ledger.next_quiet(c, week)) == T0 + week
    assert database.run_blocking(lambda c: ledger.close_quiet(c, T0 + week - timedelta(seconds=1), week)) == 0
    assert database.run_blocking(lambda c: ledger.close_quiet(c, T0 + week, week)) == 1
    closed = database.run_blocking(lambda c: ledger.closed_unlearnt(c, 10))
    assert [(ticket.conversation, ticket.state) for ticket in closed] == [("m1", TicketState.CLOSED)]
    database.run_blocking(lambda c: ledger.mark_learnt(c, "m1"))
    assert database.run_blocking(lambda c: ledger.closed_unlearnt(c, 10)) == []
    assert database.run_blocking(lambda c: ledger.next_quiet(c, week)) is None


def test_a_ticket_that_was_noticed_to_be_resolved_closes_after_a_day(database: Database) -> None:
    week, day = timedelta(days=7), timedelta(days=1)
    thanked = advance(opened(message()), Step.THANKED, T0)
    database.run_blocking(lambda c: ledger.put_ticket(c, opened(replace(message("m0"), thread="m0"))))
    database.run_blocking(lambda c: ledger.put_ticket(c, thanked))
    assert database.run_blocking(lambda c: ledger.next_quiet(c, week)) == T0 + day
    assert database.run_blocking(lambda c: ledger.close_quiet(c, T0 + day, week)) == 1
    assert database.run_blocking(lambda c: ledger.closed_at(c, "m1")) == T0 + day
    assert database.run_blocking(lambda c: ledger.next_quiet(c, week)) == T0 + week
    assert database.run_blocking(lambda c: ledger.close_quiet(c, T0 + day, timedelta(hours=3))) == 1


# ---- suggestions, outbox, votes -----------------------------------------------------


def suggestion(text: str = "Restart it.") -> Suggestion:
    cited = Citation(
        number=1,
        entry="e1",
        source="m0",
        title="t",
        quote=text,
        kind=EntryKind.THREAD,
        role=Role.ANALYST,
        at=T0,
    )
    return Suggestion(lines=(Line(text=text, citations=(1,)),), citations=(cited,))


def suggest(database: Database, key: str = "s1", message_id: str = "m1", channel: str = "ch") -> bool:
    said = Message(id=message_id, channel=channel, thread="m1", user="ann", at=T0, text="why?")
    return database.run_blocking(lambda c: ledger.put_suggestion(c, key, said, suggestion(), T0, send=True))


def test_a_suggestion_comes_back_as_it_was(database: Database) -> None:
    suggest(database)
    row = database.run_blocking(lambda c: ledger.suggestion_row(c, "s1"))
    assert row is not None and ledger.suggestion_from(row.content) == suggestion()


def test_a_message_gets_one_suggestion_however_often_it_is_decided(database: Database) -> None:
    assert suggest(database, "s1")
    assert not suggest(database, "s2")
    due = database.run_blocking(lambda c: intents.take_intents(c, T0, []))
    assert [intent.suggestion_id for intent in due] == ["s1"]


def test_one_intent_of_a_channel_at_a_time_and_a_rate_limit_holds_only_its_channel(
    database: Database,
) -> None:
    for key, message_id, channel in (("s1", "m1", "ch"), ("s2", "m2", "ch"), ("s3", "m3", "other")):
        suggest(database, key, message_id, channel)

    def take(now: datetime, *busy: str) -> list[str]:
        return database.run_blocking(lambda c: [i.suggestion_id for i in intents.take_intents(c, now, busy)])

    assert take(T0) == ["s1", "s3"]
    assert take(T0, "ch") == ["s3"]
    later = T0 + timedelta(seconds=30)
    database.run_blocking(lambda c: intents.hold_channel(c, "ch", later))
    assert take(T0) == ["s3"]
    assert take(later) == ["s1", "s3"]


def test_what_was_being_sent_is_uncertain_after_a_crash(database: Database) -> None:
    suggest(database)
    intent = database.run_blocking(lambda c: intents.take_intents(c, T0, []))[0]
    assert not intent.uncertain
    database.run_blocking(lambda c: intents.mark_sending(c, intent.id))
    grace = timedelta(seconds=1)
    database.run_blocking(lambda c: inbox.recover(c, T0, grace))
    assert database.run_blocking(lambda c: intents.take_intents(c, T0, [])) == []
    again = database.run_blocking(lambda c: intents.take_intents(c, T0 + grace, []))[0]
    assert again.uncertain and again.tries == 1
    database.run_blocking(lambda c: intents.mark_done(c, again, "p1", T0))
    assert database.run_blocking(lambda c: intents.take_intents(c, T0 + grace, [])) == []
    assert database.run_blocking(lambda c: ledger.is_own(c, "p1"))


def test_one_live_vote_per_person_and_a_reaction_taken_off_takes_back_only_itself(database: Database) -> None:
    suggest(database)

    def vote(helpful: bool, source: str) -> None:
        cast = Vote(suggestion_id="s1", user="bob", helpful=helpful)
        database.run_blocking(lambda c: votes.put_vote(c, cast, source, T0))

    def live() -> dict[str, bool]:
        return database.run_blocking(lambda c: votes.votes_on(c, "s1"))

    def withdraw(helpful: bool) -> None:
        database.run_blocking(lambda c: votes.withdraw_vote(c, "s1", "bob", T0, helpful=helpful))

    vote(True, "reaction")
    vote(False, "reaction")
    assert live() == {"bob": False}
    assert database.run_blocking(lambda c: votes.was_rejected(c, "m1"))
    withdraw(True)
    assert live() == {"bob": False}
    withdraw(False)
    assert live() == {} and not database.run_blocking(lambda c: votes.was_rejected(c, "m1"))
    vote(True, "button")
    withdraw(True)
    assert live() == {"bob": True}


def test_a_reason_belongs_to_a_live_thumb_down(database: Database) -> None:
    suggest(database)

    def vote(helpful: bool, source: str = "reaction") -> None:
        cast = Vote(suggestion_id="s1", user="bob", helpful=helpful)
        database.run_blocking(lambda c: votes.put_vote(c, cast, source, T0))

    def object_(reason: Objection) -> bool:
        return database.run_blocking(lambda c: votes.put_objection(c, "s1", "bob", reason, T0))

    def reason() -> object:
        return database.run_blocking(lambda c: c.exec_driver_sql("select reason from votes").scalar())

    def counted() -> int:
        return len(database.run_blocking(lambda c: votes.votes_on_entry(c, "e1")))

    assert not object_(Objection.WRONG)
    vote(False)
    assert object_(Objection.NOT_NEEDED) and counted() == 0
    vote(False, "button")
    assert reason() == "not needed"  # the same thumb by another way
    assert object_(Objection.OUTDATED) and counted() == 1
    vote(True)
    assert reason() is None and counted() == 1 and not object_(Objection.WRONG)


def test_a_store_from_before_reasons_and_drafts_is_brought_up_to_date(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = open_database(url)
    suggest(old)
    old.run_blocking(
        lambda c: votes.put_vote(c, Vote(suggestion_id="s1", user="bob", helpful=False), "button", T0)
    )
    for statement in (
        "alter table votes drop column reason",
        "drop table drafts",
        "drop table whispers",
        "drop table corrections",
        "delete from migrations where name = '2026-11-interaction'",
    ):
        old.run_blocking(lambda c, sql=statement: c.exec_driver_sql(sql))  # type: ignore[misc]
    old.close()
    new = open_database(url)
    assert new.run_blocking(lambda c: votes.put_objection(c, "s1", "bob", Objection.WRONG, T0))
    assert new.run_blocking(votes.corrections_in) == []
    assert new.run_blocking(lambda c: votes.votes_on(c, "s1")) == {"bob": False}
    new.close()


def test_a_channel_is_found_by_id_the_end_of_its_id_or_its_name(database: Database) -> None:
    for channel_id, name in (("slack:T1/C1", "help"), ("slack:T2/C1", "help"), ("slack:T1/C2", "ops")):
        database.run_blocking(partial(ledger.put_channel, channel=Channel(id=channel_id, name=name)))
    for given_name, found in (
        ("slack:T1/C1", ["slack:T1/C1"]),
        ("C1", ["slack:T1/C1", "slack:T2/C1"]),
        ("#ops", ["slack:T1/C2"]),
        ("#none", []),
    ):
        assert database.run_blocking(partial(ledger.find_channels, given=given_name)) == found


# ---- budgets, rejections, people -----------------------------------------------------


def spoken(database: Database, since: datetime, channel: str = "ch") -> int:
    return database.run_blocking(lambda c: ledger.spoken_since(c, channel, since))


def test_only_what_was_or_will_be_sent_counts_for_the_budgets(database: Database) -> None:
    suggest(database, "sent", "m1")
    suggest(database, "dropped", "m2")
    kept = Message(id="m3", channel="ch", thread="m1", user="ann", at=T0, text="why?")
    database.run_blocking(lambda c: ledger.put_suggestion(c, "kept", kept, suggestion(), T0, send=False))
    due = {
        intent.suggestion_id: intent
        for intent in database.run_blocking(lambda c: take_all(c, "sent", "dropped"))
    }
    database.run_blocking(lambda c: intents.drop_intent(c, due["dropped"], "older than stale_after", T0))
    database.run_blocking(lambda c: intents.mark_done(c, due["sent"], "p1", T0))
    assert spoken(database, T0 - timedelta(hours=1)) == 1
    given = database.run_blocking(lambda c: ledger.in_conversation(c, "m1"))
    assert [row.id for row in given] == ["sent"]
    database.run_blocking(lambda c: ledger.mark_removed(c, "sent", T0))
    assert spoken(database, T0 - timedelta(hours=1)) == 1  # what was removed was said all the same


def take_all(connection: Connection, *keys: str) -> list[intents.Intent]:
    """The intents of these suggestions; of one channel only the first is due at a time."""
    taken = []
    for _ in keys:
        (intent,) = intents.take_intents(connection, T0, [])
        taken.append(intent)
        intents.put_off(connection, intent, T0 + timedelta(days=1), "later", uncertain=False)
    return taken


def test_the_hour_of_the_budget_is_open_at_its_beginning_and_each_channels_own(database: Database) -> None:
    suggest(database, "s1", "m1")
    assert spoken(database, T0) == 0  # said exactly an hour ago
    assert spoken(database, T0 - timedelta(seconds=1)) == 1
    assert spoken(database, T0 - timedelta(seconds=1), "other") == 0


def rejected(database: Database, channel: str = "ch", since: datetime = T0) -> datetime | None:
    return database.run_blocking(lambda c: votes.rejected_in_channel(c, channel, since))


def test_a_live_thumbs_down_is_a_rejection_in_its_channel_until_it_is_taken_back(database: Database) -> None:
    suggest(database)
    at = T0 + timedelta(minutes=3)
    down = Vote(suggestion_id="s1", user="bob", helpful=False)
    database.run_blocking(lambda c: votes.put_vote(c, down, "reaction", at))
    assert (rejected(database), rejected(database, "other"), rejected(database, since=at)) == (at, None, None)
    database.run_blocking(lambda c: votes.withdraw_vote(c, "s1", "bob", T0, helpful=False))
    assert rejected(database) is None
    up = Vote(suggestion_id="s1", user="bob", helpful=True)
    database.run_blocking(lambda c: votes.put_vote(c, up, "reaction", at))
    assert rejected(database) is None


def test_an_answer_that_a_person_removed_is_a_rejection_and_one_that_we_took_back_is_not(
    database: Database,
) -> None:
    suggest(database, "s1", "m1")
    suggest(database, "s2", "m2", "other")
    database.run_blocking(lambda c: ledger.empty_suggestion(c, "s2"))  # its source was deleted
    at = T0 + timedelta(minutes=3)
    for key in ("s1", "s2"):
        database.run_blocking(partial(ledger.mark_removed, suggestion_id=key, at=at))
    assert (rejected(database), rejected(database, "other")) == (at, None)


def test_what_a_platform_no_longer_tells_of_a_person_is_not_forgotten(database: Database) -> None:
    ann = Person(id="slack:T1/UANN", name="Ann", mail_domain="example.com")
    for told in (ann, Person(id=ann.id), Person(id=ann.id, name="Ann Ash")):
        database.run_blocking(partial(ledger.put_people, known=[told]))
    assert database.run_blocking(lambda c: ledger.names(c, [ann.id])) == {ann.id: "Ann Ash"}
    belongs = database.run_blocking(lambda c: ledger.belongings(c, [ann.id, "slack:T1/UBOB"]))
    assert belongs == {ann.id: frozenset({"*@example.com"}), "slack:T1/UBOB": frozenset()}


def test_a_groups_members_are_those_of_the_last_time(database: Database) -> None:
    for members in (["slack:T1/UANN", "slack:T1/UBOB"], ["slack:T1/UBOB"]):
        database.run_blocking(partial(ledger.put_group, group="@team", users=members))
    belongs = database.run_blocking(
        lambda c: ledger.belongings(c, ["slack:T1/UANN", "slack:T1/UBOB", "UBOB"])
    )
    team = frozenset({"@team"})  # an export names people without the workspace
    assert belongs == {"slack:T1/UANN": frozenset(), "slack:T1/UBOB": team, "UBOB": team}


def test_a_store_of_the_first_version_gets_what_manners_need(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    first = open_database(url)
    suggest(first)
    first.run_blocking(back_to_the_first_version)
    first.close()
    again = open_database(url)
    again.run_blocking(lambda c: ledger.mark_removed(c, "s1", T0))
    assert rejected(again, since=T0 - timedelta(seconds=1)) == T0
    again.run_blocking(lambda c: ledger.put_people(c, [Person(id="u", mail_domain="example.com")]))
    again.run_blocking(lambda c: ledger.put_group(c, "@team", ["u"]))
    again.run_blocking(lambda c: erase_message(c, "m1"))
    again.close()


def back_to_the_first_version(connection: Connection) -> None:
    for table in ("mutes", "first_answers", "group_members"):
        connection.exec_driver_sql(f"DROP TABLE {table}")
    for index in ("suggestions_removed", "votes_at"):
        connection.exec_driver_sql(f"DROP INDEX {index}")
    for table, column in (
        ("suggestions", "removed_at"),
        ("people", "mail_domain"),
        ("erased", "conversation"),
    ):
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
    connection.exec_driver_sql("DELETE FROM migrations WHERE name = '2026-11-manners'")

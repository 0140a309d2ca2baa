"""Forgetting, for good: afterwards every table and every file of the store is searched for what must not be there."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, LargeBinary, String, inspect

from bot import (
    drafts,
    forget,
    inbox,
    ledger,
    mutes,
    optouts,
    tables,
    votes,
    whispers,
)
from bot.adapters.adapter import Arrival
from bot.adapters.events import Channel, Person
from bot.answerer import Citation, Line, Suggestion
from bot.app import index_folder, open_database
from bot.config import Config
from bot.feedback import Vote
from bot.forget import Account
from bot.held import HELD
from bot.receipts import Receipt, receipt_from
from bot.scorer import silent
from bot.tickets import Ticket, TicketState
from bot.verify import verify
from bot.whispers import About
from knowledge import store
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import WORKSPACE, EntryKind, EntryState, KnowledgeEntry, Passage, PassageKind, Trust
from knowledge.search import Knowledge
from knowledge.thread import Message, Reaction
from tests.bot.running import WEIGHTS

T = TypeVar("T")

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
HOME = "slack:T0/C0HELP001"
ANN, BOB, CARL = "slack:T0/U0ANN00001", "slack:T0/U0BOB00001", "slack:T0/U0CARL0001"
NAME = "Ann Okafor"
ASKED = "Zebrafish importer crashes whenever the quarterly walnut ledger contains a blank marmalade column."
ADVISED = "Purge the obsidian cache with `otter purge --deep` and then restart the flamingo service twice."
WORDS = (
    "zebrafish",
    "walnut",
    "marmalade",
    "obsidian",
    "flamingo",
    "tangerine",
    "U0ANN00001",
    "okafor",
    "ann ",
)
OTHERS = "Set `stork.depth` to 4 in the heron config and reload the daemon, that cured it here for good."


def settings() -> Config:
    return Config.model_validate({"analysts": ["U0BOB00001"], "weights": str(WEIGHTS)})


def at(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def said(number: int, user: str, text: str, thread: int = 0, channel: str = HOME) -> Message:
    root = f"{channel}/{1000 + thread}.000001" if thread else ""
    return Message(
        id=f"{channel}/{1000 + number}.000001",
        channel=channel,
        thread=root,
        user=user,
        at=at(number),
        text=text,
    )


def learnt(problem: Message, solution: Message, *more: Message, link: str | None = None) -> KnowledgeEntry:
    """An entry that says what these messages say."""

    def passage(kind: PassageKind, message: Message) -> Passage:
        return Passage(
            kind=kind, text=message.text, source=message.id, author=message.user, at=message.at, link=link
        )

    rest = (passage(PassageKind.SOLUTION, message) for message in more)
    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=problem.text[:60],
        origin=problem.id,
        audience=WORKSPACE,
        passages=(passage(PassageKind.PROBLEM, problem), passage(PassageKind.SOLUTION, solution), *rest),
        known_from=at(500),
        confirmed=True,
    )


QUESTION = said(1, ANN, ASKED)
REPLY = said(2, BOB, OTHERS, 1)
HERS = said(3, CARL, "How is the pelican exporter told to skip weekends and public holidays in spring?")
ADVICE = said(4, ANN, ADVISED, 3)
SECOND = said(5, BOB, OTHERS, 3)
THANKS = said(
    6, CARL, "Thanks @U0ANN00001, and thanks Ann, Ann Okafor knows it all! Okafor should write it up.", 3
)
TWIN = said(7, CARL, "Our pelican exporter must skip weekends too, how is it told?")
TWIN_REPLY = said(8, BOB, "Set `stork.depth` to 4, as the manual of the heron says on page twelve.", 7)


@dataclass(frozen=True, kw_only=True)
class Made:
    database: Database
    entries: dict[str, str]

    def run(self, work: Callable[[Connection], T]) -> T:
        return self.database.run_blocking(work)


def hear(connection: Connection, *messages: Message) -> None:
    for message in messages:
        ledger.put_message(connection, message, message.thread or message.id, message.thread or message.id)


def cited(entry: KnowledgeEntry, passage: Passage) -> Suggestion:
    citation = Citation(
        number=1,
        entry=entry.id,
        source=passage.source,
        title=entry.title,
        quote=passage.text,
        kind=entry.kind,
        role=passage.role,
        at=passage.at,
        link=None,
        confirmed=True,
        old=False,
    )
    return Suggestion(lines=(Line(text=passage.text, citations=(1,)),), citations=(citation,))


def suggest(
    connection: Connection, name: str, to: Message, entry: KnowledgeEntry, n: int, *, posted: bool = False
) -> None:
    ledger.put_suggestion(connection, name, to, cited(entry, entry.passages[n]), NOW, send=not posted)
    if posted:
        connection.exec_driver_sql(
            "UPDATE suggestions SET posted_id = ? WHERE id = ?", (f"{HOME}/9{name}", name)
        )


def pending(key: str, payload: dict[str, Any]) -> Arrival:
    return Arrival(
        adapter="slack", key=key, content_key=f"{key}/content", conversation=key, at=NOW, payload=payload
    )


def event(user: str, text: str, ts: str, **more: Any) -> dict[str, Any]:
    return {
        "team_id": "T0",
        "event": {"type": "message", "user": user, "text": text, "ts": ts, "channel": "C0HELP001"} | more,
    }


async def make(folder: Path) -> Made:
    """A store with much by Ann and about her, and as much by others."""
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    knowledge = Knowledge(database, HashEmbedder(), index_folder(database))
    await knowledge.open()
    own, mixed = learnt(QUESTION, REPLY), learnt(HERS, SECOND, ADVICE, THANKS)
    states = {
        state: learnt(
            said(100 + n, BOB, f"Puffin number {n} does not start after the update."),
            said(200 + n, ANN, f"{ADVISED} {n}"),
        )
        for n, state in enumerate(EntryState)
    }
    twin = learnt(TWIN, TWIN_REPLY)
    named = learnt(
        said(40, BOB, "The lapwing gate is slow, as Ann Okafor found."),
        said(41, CARL, "Raise `lapwing.heap`."),
    )
    heir = learnt(said(50, BOB, "Puffin zero will not start."), said(51, CARL, "Turn the puffin key twice."))
    await knowledge.learn([own, mixed, twin, named, heir, *states.values()])

    def fill(c: Connection) -> None:
        hear(c, QUESTION, REPLY, HERS, ADVICE, SECOND, THANKS, TWIN, TWIN_REPLY)
        for n, (state, entry) in enumerate(states.items()):
            hear(c, said(100 + n, BOB, "The puffin."), said(200 + n, ANN, f"{ADVISED} {n}", 100 + n))
            if state is not EntryState.ACTIVE:
                store.move(c, entry.id, state)
        store.move(c, heir.id, EntryState.MERGED, states[EntryState.ACTIVE].id)
        store.set_trust(c, mixed.id, Trust(up=3, down=1))
        store.move(c, twin.id, EntryState.MERGED, mixed.id)
        ledger.put_people(
            c, [Person(id=ANN, name=NAME, mail_domain="okafor.example"), Person(id=BOB, name="Bob Li")]
        )
        ledger.put_channel(c, Channel(id=HOME, name="help"))
        ledger.put_group(c, "@staff", [ANN, BOB])
        for asker, root in ((ANN, QUESTION), (CARL, HERS), (CARL, TWIN)):
            closed = Ticket(
                conversation=root.id,
                channel=HOME,
                asker=asker,
                state=TicketState.CLOSED,
                opened_at=NOW,
                last_at=NOW,
            )
            ledger.put_ticket(c, closed)
        ledger.react(c, REPLY.id, Reaction(name="+1", user=ANN), added=True)
        ledger.react(c, REPLY.id, Reaction(name="+1", user=CARL), added=True)
        ledger.react(c, QUESTION.id, Reaction(name="eyes", user=CARL), added=True)
        reason = json.dumps(
            [{"name": "dense", "text": f"meaning close to “{own.title}” (cosine 0.9)", "weight": 1.0}]
        )
        ledger.put_decision(c, TWIN.id, silent("muted", f"{ANN} muted this"), [own.id], NOW)
        ledger.put_decision(c, QUESTION.id, silent("off", "the mode is off"), [], NOW)
        ledger.put_decision(c, HERS.id, silent("off", "the mode is off"), [own.id], NOW)
        c.exec_driver_sql("UPDATE decisions SET reasons = ? WHERE message_id = ?", (reason, HERS.id))
        suggest(c, "to-her", QUESTION, twin, 1)
        drafts.put_draft(c, "to-her", QUESTION.id, "slack:T0/C0DRAFTS1", NOW)
        suggest(c, "posted", HERS, mixed, 2, posted=True)
        suggest(c, "unsent", TWIN, mixed, 2)
        suggest(c, "others", said(60, CARL, "x"), mixed, 1, posted=True)
        suggest(c, "titled", said(61, CARL, "x"), own, 1, posted=True)
        drafts.put_draft(c, "unsent", TWIN.id, ANN, NOW)
        drafts.share(c, "to-her", ANN, NOW)
        votes.put_vote(c, Vote(suggestion_id="others", user=ANN, helpful=True), "button", NOW)
        votes.put_vote(c, Vote(suggestion_id="others", user=CARL, helpful=True), "button", NOW)
        votes.put_correction(c, "others", HERS.id, ANN, "tangerine lids must be shut", NOW)
        votes.put_correction(c, "others", HERS.id, CARL, "Ann Okafor wrote it down", NOW)
        whispers.whisper(
            c, f"reason/others/{ANN}", channel=HOME, user=ANN, about=About.TEXT, text="psst", now=NOW
        )
        whispers.whisper(
            c, "w2", channel=HOME, user=BOB, about=About.TEXT, text=f"it resembles “{own.title}”", now=NOW
        )
        mutes.mute(c, HERS.id, ANN, NOW)
        mutes.mute(c, TWIN.id, ANN, NOW, source=mutes.reaction_source(TWIN.id, ANN))
        ledger.put_first_answer(c, ledger.ticket(c, QUESTION.id) or pytest.fail("no ticket"), at(5))
        optouts.put(c, ANN, NOW)
        hers = {"user": "U0ANN00001", "text": "tangerine", "ts": "1.0"}
        asked = "ask <@U0ANN00001> or\nAnn Okafor"
        arrivals = [
            pending("e1", event("U0ANN00001", "tangerine", "1.1")),
            pending("slack:click/U0ANN00001/x", {"user": {"id": "U0ANN00001"}, "type": "block_actions"}),
            pending("e2", event("U0CARL0001", asked, "1.2", parent_user_id="U0ANN00001")),
            pending("e3", event("U0CARL0001", "", "1.3", subtype="message_deleted", previous_message=hers)),
        ]
        inbox.accept(c, arrivals, NOW, timedelta())
        c.exec_driver_sql(
            "INSERT INTO night_changes (night, kind, subject, why, doubts, state, at) VALUES "
            f"('2026-03-01', 'added', '{own.id}', 'new', '[\"{ANN} repeats himself\"]', 'applied', 0), "
            f"('2026-03-01', 'added', '{mixed.id}', 'new', '[]', 'applied', 0)"
        )

    database.run_blocking(fill)
    await knowledge.save()
    await knowledge.close()
    keys = {"own": own.id, "mixed": mixed.id, "twin": twin.id, "named": named.id, "heir": heir.id}
    return Made(database=database, entries=keys | {state.value: entry.id for state, entry in states.items()})


def cells(connection: Connection) -> Iterator[tuple[str, bytes]]:
    for table in inspect(connection).get_table_names():
        rows = connection.exec_driver_sql(f'SELECT * FROM "{table}"')
        names = list(rows.keys())
        for row in rows:
            for name, value in zip(names, row, strict=True):
                yield f"{table}.{name}", value if isinstance(value, bytes) else str(value).encode()


def traces(database: Database, words: Sequence[str] = WORDS) -> list[str]:
    """Where any of ``words`` stands in the store: in a column, or in the bytes of a file."""
    wanted = [word.encode().lower() for word in words]
    found = [
        f"{place}: {word.decode()}"
        for place, value in database.run_blocking(lambda c: list(cells(c)))
        for word in wanted
        if word in value.lower()
    ]
    assert database.path is not None
    for path in sorted(database.path.parent.rglob("*")):
        if path.is_file():
            content = path.read_bytes().lower()
            found += [f"{path.name}: {word.decode()}" for word in wanted if word in content]
    return found


async def forget_ann(made: Made, **more: Any) -> Receipt:
    return await forget.forget_user(
        made.database, ANN, config=settings(), now=NOW, folder=index_folder(made.database), **more
    )


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but what differs from run to run by design."""
    skipped = {"vectors", "changes", "views", "migrations", "audit"}  # the latter notes each asking, too

    def read(c: Connection) -> dict[str, list[tuple[Any, ...]]]:
        names = [name for name in inspect(c).get_table_names() if name not in skipped]
        return {
            name: sorted(map(_plain, c.exec_driver_sql(f'SELECT * FROM "{name}"')), key=repr)
            for name in names
        }

    return database.run_blocking(read)


def _plain(row: Any) -> tuple[Any, ...]:
    return tuple("forgotten" if "forgotten:" in str(value) else value for value in row)


async def test_nothing_of_a_person_is_left_in_any_table_or_file(tmp_path: Path) -> None:
    made = await make(tmp_path)
    assert {word.strip().lower() for word in WORDS} <= {
        trace.split(": ")[1].strip() for trace in traces(made.database)
    }
    receipt = await forget_ann(made)
    assert traces(made.database) == []
    assert verify(made.database, receipt, index_folder(made.database)) == []
    assert receipt.compacted and receipt.total > 0
    made.database.close()
    assert not (tmp_path / "earshot.db-wal").exists() or (tmp_path / "earshot.db-wal").stat().st_size == 0


async def test_what_others_said_and_confirmed_is_kept(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget_ann(made)
    new = receipt.rewritten[made.entries["mixed"]]
    kept = made.run(lambda c: store.stored_by_id(c, [new, made.entries["twin"]]))
    mixed = kept[new]
    assert mixed.entry.of(PassageKind.SOLUTION)[0].text == OTHERS
    assert "<name 0>" in mixed.entry.passages[-1].text and mixed.state is EntryState.ACTIVE
    assert kept[made.entries["twin"]].successor == new  # still one entry with several sources
    assert (
        mixed.trust.up == 2.0 and mixed.entry.confirmed
    )  # that it is confirmed, and Carl's thumb without Ann's
    assert made.run(lambda c: ledger.message_row(c, REPLY.id)) is not None
    named = made.run(lambda c: store.stored_by_id(c, [receipt.rewritten[made.entries["named"]]]))
    assert [stored.entry.passages[0].text for stored in named.values()] == [
        "The lapwing gate is slow, as <name 0> found."
    ]
    assert made.run(lambda c: votes.votes_on(c, "others")) == {CARL: True}
    made.database.close()


async def test_the_tickets_and_the_mutes_stay_and_lead_to_nobody(tmp_path: Path) -> None:
    made = await make(tmp_path)
    before = made.run(ledger.ticket_counts)
    await forget_ann(made)
    assert made.run(ledger.ticket_counts) == before
    ticket = made.run(lambda c: ledger.ticket(c, QUESTION.id))
    assert ticket is not None and ticket.asker.startswith("forgotten:")
    why = made.run(lambda c: mutes.muted_here(c, HERS.id, HOME))
    assert why is not None and why.startswith(f"{ticket.asker} muted this conversation")
    made.database.close()


async def test_answers_that_quote_what_is_forgotten_are_taken_back(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget_ann(made)
    kept = {row.id: row.content for row in made.run(lambda c: c.execute(tables.suggestions.select()).all())}
    assert kept["posted"] is None and kept["unsent"] is None and kept["titled"] is None
    assert kept["others"] is not None and kept["to-her"] is not None
    deleted = made.run(
        lambda c: set(c.exec_driver_sql("SELECT suggestion_id FROM outbox WHERE kind = 'delete'").scalars())
    )
    assert deleted == {"posted", "titled"} and receipt.answers == 2
    row = made.run(lambda c: drafts.draft_row(c, "to-her"))
    assert row is not None and row.state == "expired"
    post = "SELECT state FROM outbox WHERE suggestion_id = 'unsent' AND kind = 'post'"
    sent = made.run(lambda c: c.exec_driver_sql(post).scalar())
    assert sent == "dropped"
    made.database.close()


async def test_what_was_merged_into_a_forgotten_entry_stands_again(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget_ann(made)
    heir = made.run(lambda c: store.stored_by_id(c, [made.entries["heir"]]))[made.entries["heir"]]
    assert (heir.state, heir.successor) == (EntryState.ACTIVE, None)
    assert receipt.restored == (made.entries["heir"],)
    made.database.close()


async def test_undo_brings_nothing_back(tmp_path: Path) -> None:
    made = await make(tmp_path)
    gone = {made.entries["own"], *(made.entries[state.value] for state in EntryState)}
    receipt = await forget_ann(made)
    assert gone <= set(receipt.removed)
    for key in gone:
        assert made.run(lambda c, key=key: store.move(c, key, EntryState.ACTIVE)) is None  # type: ignore[misc]
    subjects = made.run(lambda c: set(c.exec_driver_sql("SELECT subject FROM night_changes").scalars()))
    assert subjects == {
        made.entries["own"],
        receipt.rewritten[made.entries["mixed"]],
    }  # undo finds what was rewritten
    assert traces(made.database) == []
    made.database.close()


async def test_search_finds_what_was_rewritten_and_not_what_was_forgotten(tmp_path: Path) -> None:
    made = await make(tmp_path)
    running = Knowledge(
        made.database, HashEmbedder(), index_folder(made.database)
    )  # `earshot run`, all the while
    await running.open()
    other = Database(made.database.url)  # `earshot forget` in a process of its own
    receipt = await forget.forget_user(other, ANN, config=settings(), now=NOW, folder=index_folder(other))
    assert receipt.compacted
    hits = await running.search("pelican exporter skip weekends", audiences=frozenset({WORKSPACE}))
    assert receipt.rewritten[made.entries["mixed"]] in {hit.entry.id for hit in hits}
    hits = await running.search(ASKED, audiences=frozenset({WORKSPACE}))
    assert not {hit.entry.id for hit in hits} & set(receipt.removed)
    other.close()
    await running.close()
    await made.database.compact()
    assert traces(made.database) == []
    made.database.close()


async def test_a_running_process_does_not_save_what_another_forgot(tmp_path: Path) -> None:
    made = await make(tmp_path)
    folder = index_folder(made.database)
    assert folder is not None
    running = Knowledge(made.database, HashEmbedder(), folder)
    await running.open()
    await forget_ann(made)
    assert list(folder.glob("*")) == []
    await running.close()  # saves, without having searched in between
    again = Knowledge(made.database, HashEmbedder(), None)
    await again.open()
    assert len(again._finder.vectors) == len(made.run(lambda c: store.views(c, again._scheme)))
    saved = again._empty()
    saved.put_listings(made.run(store.listings), made.run(lambda c: store.views(c, again._scheme)))
    assert saved.load_vectors(folder) and len(saved.vectors) == len(again._finder.vectors)
    await again.close()
    made.database.close()


async def test_a_second_time_there_is_nothing_left_to_forget(tmp_path: Path) -> None:
    made = await make(tmp_path)
    await forget_ann(made)
    before = content(made.database)
    again = await forget_ann(made)
    assert (again.total, again.removed, dict(again.counts)) == (0, (), {})
    assert content(made.database) == before
    made.database.close()


async def test_a_dry_run_counts_the_same_and_changes_nothing(tmp_path: Path) -> None:
    made = await make(tmp_path)
    before = content(made.database)
    told = await forget_ann(made, dry_run=True)
    assert content(made.database) == before and told.dry_run
    assert await forget_ann(made) and told.counts
    made.database.close()


async def test_a_dry_run_promises_what_is_done(tmp_path: Path) -> None:
    made = await make(tmp_path)
    told, done = await forget_ann(made, dry_run=True), await forget_ann(made)
    assert told.counts == done.counts and told.removed == done.removed and told.answers == done.answers
    made.database.close()


class Dying(Database):
    """A database whose process dies after some transactions."""

    left = 1_000_000

    async def run(self, work: Callable[[Connection], T]) -> T:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        return await super().run(work)


async def test_stopped_anywhere_and_begun_again_the_end_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole = await make(tmp_path / "whole")
    await forget_ann(whole)
    wanted = content(whole.database)
    whole.database.close()
    for transactions in range(3, 12):
        folder = tmp_path / str(transactions)
        folder.mkdir()
        made = await make(folder)
        dying = Dying(made.database.url)
        dying.left = transactions
        with suppress(KeyboardInterrupt):
            await forget.forget_user(
                dying, ANN, config=settings(), now=NOW, folder=index_folder(dying), batch=2
            )
        dying.close()
        await forget_ann(made)
        assert traces(made.database) == [], transactions
        assert content(made.database) == wanted, transactions
        made.database.close()


async def test_a_message_goes_with_all_that_was_learnt_only_from_it(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget.forget_message(
        made.database, QUESTION.id, config=settings(), now=NOW, folder=index_folder(made.database)
    )
    assert receipt.removed == (made.entries["own"],) and receipt.asked == "message"
    assert traces(made.database, ("zebrafish", "walnut", "marmalade")) == []
    assert traces(made.database, ("obsidian",))  # what else she said stays
    assert verify(made.database, receipt, index_folder(made.database)) == []
    assert made.run(lambda c: ledger.was_erased(c, QUESTION.id))
    made.database.close()


async def test_a_channel_goes_with_its_tickets_and_its_name(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget.forget_channel(
        made.database, HOME, config=settings(), now=NOW, folder=index_folder(made.database)
    )
    left = content(made.database)
    for table in (
        "messages",
        "reactions",
        "tickets",
        "decisions",
        "channels",
        "first_answers",
        "mutes",
        "votes",
    ):
        assert left[table] == [], table
    assert left["entries"] == [] and left["passages"] == []
    assert traces(made.database, ("zebrafish", "obsidian", "stork", "heron", "pelican", "tangerine")) == []
    assert verify(made.database, receipt, index_folder(made.database)) == []
    assert len(left["people"]) == 2  # the people are no part of the channel
    made.database.close()


# ---- the receipt -----------------------------------------------------


async def test_a_receipt_says_nothing_of_whom_and_what(tmp_path: Path) -> None:
    made = await make(tmp_path)
    text = (await forget_ann(made)).json().casefold()
    assert not [word for word in WORDS if word.strip() in text and word != "ann "]
    assert receipt_from((await forget_ann(made)).json())
    made.database.close()


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("drafts", "status", f"she said: {ADVISED}"),
        ("suggestions", "content", json.dumps({"quote": f"x\n{ADVISED}"})),
        ("mutes", "by", ANN),
        ("nights", "report", json.dumps({"who": "U0ANN00001"})),
        ("corrections", "text", "ask ann okafor"),
    ],
)
async def test_a_receipt_finds_what_is_left(tmp_path: Path, table: str, column: str, value: str) -> None:
    made = await make(tmp_path)
    receipt = receipt_from((await forget_ann(made)).json())
    made.run(
        lambda c: c.exec_driver_sql(
            "INSERT INTO nights (date, state, related, tokens, owner, begun_at, beat_at) "
            "VALUES ('d', 's', 0, 0, 'o', 0, 0)"
        )
    )
    made.run(lambda c: c.exec_driver_sql(f"UPDATE {table} SET {column} = ?", (value,)))
    places = verify(made.database, receipt)
    assert any(place.startswith(f"{table}.{column} ") for place in places)
    made.database.close()


async def test_a_receipt_finds_a_message_that_came_back(tmp_path: Path) -> None:
    made = await make(tmp_path)
    receipt = await forget_ann(made)
    made.run(lambda c: hear(c, said(1, BOB, "words of somebody else")))
    assert verify(made.database, receipt) == ["messages.id (1)"]
    made.database.close()


async def test_words_that_others_said_too_are_no_trace(tmp_path: Path) -> None:
    made = await make(tmp_path)
    made.run(lambda c: hear(c, said(70, CARL, f"As I read somewhere: {ASKED}")))
    receipt = await forget_ann(made)
    assert receipt.shared > 0 and verify(made.database, receipt) == []
    made.database.close()


async def test_a_receipt_that_was_changed_is_refused(tmp_path: Path) -> None:
    made = await make(tmp_path)
    data = json.loads((await forget_ann(made)).json())
    data["messages"] = data["messages"][1:]
    with pytest.raises(ValueError, match="digest does not fit"):
        receipt_from(json.dumps(data))
    with pytest.raises(ValueError, match="no receipt"):
        receipt_from("[]")
    made.database.close()


async def test_a_store_in_use_is_said_to_be_uncompacted(tmp_path: Path) -> None:
    made = await make(tmp_path)
    reader = Database(made.database.url)

    def read(connection: Connection) -> bool:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN")
        connection.exec_driver_sql("SELECT count(*) FROM messages").scalar()  # a snapshot of before
        return made.database._compact(True, 0.0)

    made.run(lambda c: c.exec_driver_sql("PRAGMA busy_timeout=50"))
    assert reader.run_blocking(read) is False
    assert await made.database.compact()
    reader.close()
    made.database.close()


async def test_the_night_takes_deleted_messages_out_of_the_file_and_its_log(tmp_path: Path) -> None:
    made = await make(tmp_path)
    log = tmp_path / "earshot.db-wal"
    made.run(lambda c: forget.erase(c, Account(), config=settings(), ids=[QUESTION.id], now=NOW))
    assert [path for path in traces(made.database, ("zebrafish",)) if path.startswith("earshot.db-wal")]
    assert await forget.compact_due(made.database)
    forget.drop_files(tmp_path / "earshot.index")
    assert traces(made.database, ("zebrafish", "walnut", "marmalade")) == []
    assert made.run(forget._erased_when_rebuilt) == made.run(forget._erased) > 0
    made.run(lambda c: hear(c, said(70, CARL, "more")))
    assert await forget.compact_due(made.database) and log.stat().st_size == 0
    made.database.close()


# ---- what is held -----------------------------------------------------


def test_every_column_that_holds_text_says_how_it_is_forgotten(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")

    def look(connection: Connection) -> dict[str, dict[str, Any]]:
        looked = inspect(connection)
        return {
            table: {column["name"]: column["type"] for column in looked.get_columns(table)}
            for table in looked.get_table_names()
            if not table.startswith("sqlite_")
        }

    there = database.run_blocking(look)
    database.close()
    assert set(HELD) == set(there), (
        "name every table in bot/held.py, and how what it holds of people is forgotten"
    )
    for table, columns in there.items():
        textual = {name for name, kind in columns.items() if isinstance(kind, String | LargeBinary)}
        assert textual <= HELD[table].columns, f"{table}: say in bot/held.py how these are forgotten"
        assert HELD[table].columns <= columns.keys(), f"{table}: bot/held.py names columns that are not there"


# ---- random stores -----------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_was_said_nothing_of_the_person_is_left(tmp_path: Path, seed: int) -> None:
    """Random threads of three people, random merges; afterwards no word that only Ann used stands anywhere."""
    chance = random.Random(seed)
    database = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    knowledge = Knowledge(database, HashEmbedder(), index_folder(database))
    await knowledge.open()
    messages, entries = [], []
    for thread in range(1, 90, 6):
        speakers = [chance.choice([ANN, BOB, CARL]) for _ in range(chance.randint(2, 5))]
        burst = [
            said(thread + n, user, _babble(chance, "quokka" if user == ANN else "weasel"), thread if n else 0)
            for n, user in enumerate(speakers)
        ]
        messages += burst
        entries.append(learnt(burst[0], *burst[1:]))
    await knowledge.learn(entries)

    def fill(c: Connection) -> None:
        hear(c, *messages)
        for entry in entries:
            if chance.random() < 0.5:
                store.move(c, entry.id, chance.choice(list(EntryState)), chance.choice(entries).id)

    database.run_blocking(fill)
    await knowledge.close()
    receipt = await forget.forget_user(
        database, ANN, config=settings(), now=NOW, folder=index_folder(database)
    )
    assert traces(database, ("quokka", "U0ANN00001")) == []
    assert verify(database, receipt, index_folder(database)) == []
    standing = {stored.entry.id: stored for stored in database.run_blocking(_all_stored)}
    known = set(standing)
    assert not [
        one for one in standing.values() if one.state is EntryState.MERGED and one.successor not in known
    ]
    for message in messages:
        if message.user != ANN:
            assert database.run_blocking(lambda c, key=message.id: ledger.message_row(c, key)) is not None  # type: ignore[misc]
    database.close()


def _babble(chance: random.Random, stem: str) -> str:
    return " ".join(f"{stem}{chance.randint(0, 10**6)}" for _ in range(chance.randint(4, 30)))


def _all_stored(connection: Connection) -> list[store.Stored]:
    return [one for state in EntryState for one in store.in_state(connection, state)]

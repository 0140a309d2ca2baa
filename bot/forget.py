"""I/O: forgetting, for good: a message, a person, a channel. Everything that follows from them alone goes with them.

Each step is one transaction, and what a later step needs to know is forgotten last: stopped anywhere and begun again,
the end is the same. Forgetting wins over audit and undo, which hold references only.
"""

import json
import re
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, delete, func, or_, select, update

from bot import (
    aliases,
    answers,
    audit,
    batches,
    digests,
    drafts,
    intents,
    ledger,
    receipts,
    revisions,
    tables,
    votes,
)
from bot.answerer import CORRECTION
from bot.audit import BY_COMMAND, Kind
from bot.audit_chain import FORGOTTEN
from bot.config import Config
from bot.held import HELD, JSON
from bot.receipts import Receipt
from bot.trusting import trust_counted
from bot.unlinking import Person, is_about, is_by, masked, masked_value, names
from bot.verdicts import recalibrate
from knowledge import store
from knowledge.database import Database
from knowledge.unlearn import Unlearnt, unlearn

BATCH = 200  # messages erased in one transaction, so that live messages get their turn
BUSY = (
    "another process kept the store busy, so deleted rows may still stand in its log; stop `earshot run` for a moment "
    "and forget again: it finds nothing more to delete and builds the file anew"
)
UNSOURCED = "a forgotten source"

_TABLES: Mapping[str, Table] = {
    name: table for name, table in tables.inbox.metadata.tables.items() if name in HELD
}
_HELD = [(table, HELD[name]) for name in HELD if (table := _TABLES.get(name)) is not None]


class What(StrEnum):
    USER = "user"
    MESSAGE = "message"
    CHANNEL = "channel"


@dataclass(kw_only=True, slots=True)
class Account:
    """What was forgotten so far: rows by table, ids, and the texts that a receipt is sealed from."""

    counts: Counter[str] = field(default_factory=Counter)
    removed: list[str] = field(default_factory=list)
    rewritten: dict[str, str] = field(default_factory=dict)
    restored: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)  # ids and names of a person
    answers: int = 0

    def note(self, gone: Unlearnt) -> None:
        """What became of entries, by the ids that they had in the beginning: one may be rewritten more than once."""
        first = {new: old for old, new in self.rewritten.items()}
        for key, new in gone.rewritten.items():
            self.rewritten[first.get(key, key)] = new
        for key in gone.dropped:
            self.rewritten.pop(first.get(key, key), None)
            self.removed.append(first.get(key, key))
        self.restored += gone.restored


Step = Callable[[Connection, Account], None]


class _Undone(Exception):
    """A dry run ends here, so that its transaction is rolled back."""


# ---- what is asked for -----------------------------------------------------


def find_people(connection: Connection, given: str) -> list[str]:
    """Ids of the people whom ``given`` may mean: a whole id, the last part of one, or a display name."""
    known: set[str] = set(connection.execute(select(tables.people.c.id)).scalars())
    for table, held in _HELD:
        for name in held.persons:
            known |= set(connection.execute(select(table.c[name]).distinct()).scalars())
    known |= store.authors(connection)
    if given in known and "/" in given:
        return [given]
    ends = {user for user in known if user and "/" in user and user.endswith(f"/{given}")}
    if ends:
        return sorted(ends)
    if given in known:
        return [given]
    called = select(tables.people.c.id).where(tables.people.c.name == given.removeprefix("@"))
    return sorted(connection.execute(called).scalars())


def find_messages(connection: Connection, given: str) -> list[str]:
    """Ids of the messages that ``given`` may mean, as heard or as learnt from a recording."""
    return ledger.find_messages(connection, given) or store.sources_called(connection, given)


# ---- the three ways to forget -----------------------------------------------------


async def forget_user(
    database: Database,
    user: str,
    *,
    config: Config,
    now: datetime,
    folder: Path | None = None,
    dry_run: bool = False,
    batch: int = BATCH,
) -> Receipt:
    """Forget a person, by whole id. ``folder``: where the index files are. ``dry_run`` only counts."""
    person = await database.run(lambda connection: _person(connection, user))
    said = await database.run(partial(_said_by, person=person))
    steps: list[Step] = [
        *_erasing(config, What.USER, said, now, batch),
        partial(_forget_person, config=config, person=person, now=now),
    ]
    return await _forget(database, What.USER, user, steps, now, folder, dry_run=dry_run)


async def forget_message(
    database: Database,
    message_id: str,
    *,
    config: Config,
    now: datetime,
    folder: Path | None = None,
    dry_run: bool = False,
) -> Receipt:
    """Forget a message, by whole id; it need not have been heard: it may have been learnt from a recording."""
    steps = _erasing(config, What.MESSAGE, [message_id], now)
    return await _forget(database, What.MESSAGE, message_id, steps, now, folder, dry_run=dry_run)


async def forget_channel(
    database: Database,
    channel: str,
    *,
    config: Config,
    now: datetime,
    folder: Path | None = None,
    dry_run: bool = False,
) -> Receipt:
    """Forget a channel, by whole id: what was said there, and what is known of the channel itself.

    Its other ids are forgotten along: something may have been heard under one before it was known to be another.
    """
    others = await database.run(lambda connection: aliases.other_ids(connection, channel))
    steps: list[Step] = []
    for each in (*others, channel):
        said = await database.run(partial(_said_in, channel=each))
        steps += _erasing(config, What.CHANNEL, said, now)
        steps.append(partial(_forget_channel, channel=each, now=now))
    return await _forget(database, What.CHANNEL, channel, steps, now, folder, dry_run=dry_run)


def _erasing(config: Config, what: What, ids: Sequence[str], now: datetime, batch: int = BATCH) -> list[Step]:
    some = (ids[start : start + batch] for start in range(0, len(ids), batch))
    return [partial(_erase_some, config=config, what=what, ids=each, now=now) for each in some]


def _erase_some(
    connection: Connection,
    account: Account,
    *,
    config: Config,
    what: What,
    ids: Sequence[str],
    now: datetime,
) -> None:
    erase(connection, account, config=config, ids=ids, now=now)
    _audit(connection, what, now, messages=len(ids))


def _audit(
    connection: Connection, what: What, now: datetime, *, messages: int = 0, alias: str | None = None
) -> None:
    """Note that something was forgotten, and under which id that leads nowhere; not who or what."""
    audit.put(connection, Kind.FORGOT, now, actor=BY_COMMAND, what=what, messages=messages, alias=alias)


async def _forget(
    database: Database,
    what: What,
    subject: str,
    steps: Sequence[Step],
    now: datetime,
    folder: Path | None,
    *,
    dry_run: bool,
) -> Receipt:
    account = Account()
    salt = secrets.token_hex(16)
    if dry_run:
        await _count(database, steps, account)
        return _receipt(what, subject, account, now, salt=salt, dry_run=True)
    for step in steps:
        await database.run(partial(_do, step, account))
    await database.run(lambda connection: store.drop_unused_vectors(connection))
    if folder is not None:
        drop_files(folder)
    shared = await database.run(partial(_shared, texts=account.texts, salt=salt))
    receipt = _receipt(what, subject, account, now, shared, salt=salt)
    compacted = await database.compact()
    return receipt if compacted else replace(receipt, compacted=False, remedy=BUSY)


def _do(step: Step, account: Account, connection: Connection) -> None:
    step(connection, account)


async def _count(database: Database, steps: Sequence[Step], account: Account) -> None:
    def all_at_once(connection: Connection) -> None:
        for step in steps:
            step(connection, account)
        raise _Undone

    try:
        await database.run(all_at_once)
    except _Undone:
        return


# ---- messages -----------------------------------------------------


def erase(
    connection: Connection,
    account: Account,
    *,
    config: Config,
    ids: Sequence[str],
    now: datetime,
    but: int | None = None,
) -> None:
    """Erase messages, what was quoted from them and what was learnt only from them; they are not taken in again.

    ``but``: the inbox row that is being handled, which its handler finishes.
    """
    said = [row for each in ids if (row := ledger.message_row(connection, each)) is not None]
    account.messages += ids
    account.texts += [row.text for row in said]
    for message_id in ids:
        asked = ledger.suggestion_for(connection, message_id)
        if asked is not None:
            drafts.expire(connection, asked.id, "the question was deleted", now)
        ledger.pass_over(connection, message_id, ledger.conversation_of(connection, message_id))
    gone = unlearn(connection, store.stored_quoting(connection, ids), sources=frozenset(ids))
    _follow(connection, account, gone, frozenset(ids), now)
    _count_trust(connection, config, gone.counted)
    conversations = sorted({row.conversation for row in said})
    batches.forget_threads(connection, conversations)
    for table, held in _HELD:
        wanted = [table.c[name].in_(ids) for name in held.of_message]
        wanted += [table.c[name].in_(conversations) for name in held.of_conversation]
        _delete(connection, account, table, wanted)
    _drop_deliveries(connection, account, lambda payload: is_about(payload, frozenset(ids)), but)
    for channel in sorted({row.channel for row in said}):
        if votes.is_calibrated(connection, channel):
            recalibrate(connection, config, channel, now)  # without what was weighed of them


def _follow(
    connection: Connection,
    account: Account,
    gone: Unlearnt,
    sources: Collection[str],
    now: datetime,
    *,
    posted: bool = True,
) -> None:
    """What follows from entries that are gone or rewritten: answers are taken back, references lead to the new.

    Without ``posted`` answers that stand on the platform stay there.
    """
    account.note(gone)
    account.texts += gone.texts
    account.counts["entries"] += len(gone.dropped) + len(gone.rewritten)
    for row in _quoting(connection, {*sources, *gone.sources}, gone.untitled):
        if posted or row.posted_id is None:
            _take_back(connection, account, row, now)
    for answer in _resting_on(connection, {*sources, *gone.sources, *gone.untitled, *gone.dropped}):
        if posted or answer.posted_id is None:
            account.answers += answer.posted_id is not None
            answers.take_back(connection, answer, now)
    revisions.forget_citing(connection, {*sources, *gone.sources, *gone.untitled, *gone.dropped})
    for old, new in gone.rewritten.items():
        _repoint(connection, old, new)
    if gone.titles:
        _untitle(connection, account, gone.titles)
    digests.retell(connection, {*sources, *gone.dropped, *gone.rewritten, *gone.rewritten.values()}, now)


def _quoting(connection: Connection, sources: Collection[str], entries: Collection[str]) -> list[Row[Any]]:
    """The answers that quote any of ``sources``, or name one of ``entries`` by its title."""
    ids: set[str] = set()
    for column, values in ((tables.quoted.c.source, sources), (tables.quoted.c.entry_id, entries)):
        for some in _batches(sorted(values)):
            ids |= set(
                connection.execute(select(tables.quoted.c.suggestion_id).where(column.in_(some))).scalars()
            )
    rows = (ledger.suggestion_row(connection, each) for each in sorted(ids))
    return [row for row in rows if row is not None]


def _resting_on(connection: Connection, sources: Collection[str]) -> list[Row[Any]]:
    """What was said in words of our own and quotes or names one of these."""
    found = (row for some in _batches(sorted(sources)) for row in answers.resting_on(connection, some))
    return list({row.id: row for row in found}.values())


def _take_back(connection: Connection, account: Account, row: Row[Any], now: datetime) -> None:
    account.counts["suggestions"] += row.content is not None
    account.answers += row.content is not None and row.posted_id is not None
    ledger.empty_suggestion(connection, row.id)
    revisions.forget(connection, row.id)
    drafts.expire(connection, row.id, "its source was deleted", now)
    intents.take_back(connection, row, now)


def _repoint(connection: Connection, old: str, new: str) -> None:
    """Undo and votes find an entry that was rewritten."""
    changes, quoted, before = tables.night_changes, tables.quoted, tables.quoted_before
    for column in (changes.c.subject, changes.c.other, quoted.c.entry_id, before.c.entry_id):
        connection.execute(update(column.table).where(column == old).values({column.name: new}))


_QUOTED_TITLE = re.compile("“(.*)”", re.DOTALL)


def _untitle(connection: Connection, account: Account, titles: Collection[str]) -> None:
    """Titles that were told by what is gone, out of the reasons of decisions and of what waits to be shown."""
    shown = {title[:80] for title in titles}
    decisions, whispers = tables.decisions, tables.whispers
    for row in connection.execute(select(decisions.c.id, decisions.c.reasons)).all():
        left = json.dumps(
            [_untitled(reason, shown) for reason in json.loads(row.reasons)], ensure_ascii=False
        )
        if left != row.reasons:
            connection.execute(update(decisions).where(decisions.c.id == row.id).values(reasons=left))
            account.counts["decisions"] += 1
    waiting = connection.execute(select(whispers).where(whispers.c.text.is_not(None))).all()
    told = [row.id for row in waiting if any(title in row.text for title in shown)]
    _delete(connection, account, whispers, [whispers.c.id.in_(told)])


def _untitled(reason: Mapping[str, Any], titles: Collection[str]) -> dict[str, Any]:
    found = _QUOTED_TITLE.search(reason["text"])
    if found is None or found[1] not in titles:
        return dict(reason)
    return {**reason, "text": _QUOTED_TITLE.sub(UNSOURCED, reason["text"])}


def _delete(
    connection: Connection, account: Account, table: Table, wanted: Sequence[ColumnElement[bool]]
) -> None:
    if not wanted:
        return
    if table is tables.inbox:
        found = connection.execute(select(table.c.id).where(or_(*wanted))).scalars().all()
        empty_deliveries(connection, account, found)
    else:
        account.counts[table.name] += connection.execute(delete(table).where(or_(*wanted))).rowcount


def empty_deliveries(connection: Connection, account: Account, ids: Collection[int]) -> None:
    """Leave an empty row, handled: another process may be at it, and a number that is free is given again."""
    inbox = tables.inbox
    for each in ids:
        nothing = {"content_key": None, "payload": None, "message_id": None, "error": None}
        alias = f"forgotten:{uuid.uuid4()}"
        values = {"key": alias, "conversation": alias, "state": tables.InboxState.DONE, **nothing}
        connection.execute(update(inbox).where(inbox.c.id == each).values(**values))
    account.counts[inbox.name] += len(ids)


def _drop_deliveries(
    connection: Connection, account: Account, wanted: Callable[[Any], bool], but: int | None = None
) -> None:
    """What arrived and was not handled yet."""
    inbox = tables.inbox
    rows = connection.execute(select(inbox.c.id, inbox.c.payload).where(inbox.c.payload.is_not(None))).all()
    found = [row.id for row in rows if row.id != but and wanted(json.loads(row.payload))]
    empty_deliveries(connection, account, found)


# ---- a person -----------------------------------------------------


def _person(connection: Connection, user: str) -> Person:
    known = ledger.names(connection, [user]).get(user)
    return Person(id=user, names=frozenset({known} if known else ()))


def _said_by(connection: Connection, person: Person) -> list[str]:
    messages = tables.messages
    query = select(messages.c.id).where(messages.c.user.in_(person.ids)).order_by(messages.c.at)
    return list(connection.execute(query).scalars())


def _forget_person(
    connection: Connection, account: Account, *, config: Config, person: Person, now: datetime
) -> None:
    """Everything else that is his or names him. His names go with this step, so none before it may fail for good."""
    erase(connection, account, config=config, ids=_said_by(connection, person), now=now)
    account.told |= set(person.certain)
    voted = _voted_on(connection, person)
    for row in ledger.worded_by(connection, person.ids):
        _take_back(connection, account, row, now)
    counted = _unlearn_person(connection, account, person, now)
    alias = f"forgotten:{uuid.uuid4()}"
    _drop_deliveries(connection, account, lambda payload: is_by(payload, person))
    for table, held in _HELD:
        named = _naming(connection, table, held.naming, person)
        _delete(connection, account, table, [*named, *(table.c[n].in_(person.ids) for n in held.his)])
        for name in held.unlinked:
            _rewrite(connection, account, table, name, person, partial(_unlinked, person=person, alias=alias))
        for name in (*held.told, *held.payload):
            mask = masked_value if name in JSON else masked
            _rewrite(connection, account, table, name, person, partial(mask, person=person))
    _recount(connection, config, voted, now)
    _count_trust(connection, config, counted)
    _audit(connection, What.USER, now, alias=alias)


def _unlearn_person(
    connection: Connection, account: Account, person: Person, now: datetime
) -> frozenset[str]:
    """Entries without what a person said, and without his ids and names in what others said; those whose trust is to
    be counted anew."""
    found = store.stored_by_authors(connection, person.ids) + store.stored_saying(connection, person.hints)
    gone = unlearn(connection, found, authors=person.ids, mask=partial(masked, person=person))
    _follow(connection, account, gone, _corrections_of(connection, person), now)
    return gone.counted


def _corrections_of(connection: Connection, person: Person) -> list[str]:
    """As answers cite what he wrote in place of ours."""
    mine = select(tables.corrections.c.id).where(tables.corrections.c.user.in_(person.ids))
    return [f"{CORRECTION}{number}" for number in connection.execute(mine).scalars()]


def leave_out(connection: Connection, user: str, now: datetime) -> None:
    """Take what was learnt from somebody out of the entries; what he said, and what was answered with it, stays."""
    found = store.stored_by_authors(connection, [user])
    _follow(connection, Account(), unlearn(connection, found, authors=[user]), (), now, posted=False)


def _naming(
    connection: Connection, table: Table, columns: Iterable[str], person: Person
) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    for name in columns:
        column = table.c[name]
        likely = select(column).where(_hinted(column, person.ids)).distinct()
        found = [value for value in connection.execute(likely).scalars() if names(value, person)]
        wanted += [column.in_(some) for some in _batches(found)]
    return wanted


def _rewrite(
    connection: Connection,
    account: Account,
    table: Table,
    name: str,
    person: Person,
    change: Callable[[str], str],
) -> None:
    """Put what ``change`` makes of a column where he may be named in it."""
    column, key = table.c[name], list(table.primary_key)
    likely = select(*key, column.label("value")).where(_hinted(column, person.hints | person.ids))
    for row in connection.execute(likely).all():
        left = change(row.value)
        if left != row.value:
            same = and_(*(each == row[at] for at, each in enumerate(key)))
            connection.execute(update(table).where(same).values({name: left}))
            account.counts[table.name] += 1


def _hinted(column: ColumnElement[Any], hints: Collection[str]) -> ColumnElement[bool]:
    return or_(*(column.icontains(hint, autoescape=True) for hint in sorted(hints)))


def _unlinked(value: str, person: Person, alias: str) -> str:
    for each in sorted(person.ids, key=len, reverse=True):
        value = re.sub(rf"(?<![^\W_]){re.escape(each)}(?![^\W_])", alias, value)
    return value


def _voted_on(connection: Connection, person: Person) -> list[str]:
    now, before = (
        select(table.c.suggestion_id).where(table.c.user.in_(person.ids))
        for table in (tables.votes, tables.past_votes)
    )
    return sorted(connection.execute(now.union(before)).scalars())


def _recount(connection: Connection, config: Config, suggestions: Collection[str], now: datetime) -> None:
    """Trust and scales without his votes."""
    quoted = {entry for each in suggestions for entry in votes.entries_quoted(connection, each)}
    _count_trust(connection, config, quoted)
    places = {ledger.channel_of_suggestion(connection, each) for each in suggestions} - {None}
    for channel in sorted(str(place) for place in places):
        if votes.is_calibrated(connection, channel):
            recalibrate(connection, config, channel, now)


def _count_trust(connection: Connection, config: Config, entries: Collection[str]) -> None:
    for entry_id in sorted(entries):
        store.set_trust(connection, entry_id, trust_counted(connection, config, entry_id))


# ---- a channel -----------------------------------------------------


def _said_in(connection: Connection, channel: str) -> list[str]:
    messages = tables.messages
    query = select(messages.c.id).where(messages.c.channel == channel).order_by(messages.c.at)
    return list(connection.execute(query).scalars())


def _forget_channel(connection: Connection, account: Account, *, channel: str, now: datetime) -> None:
    """What is left of a channel: what was learnt of it without hearing it, its tickets, scales, answers and name."""
    found = store.stored_below(connection, channel)
    sources = {p.source for one in found for p in one.entry.passages if p.source.startswith(f"{channel}/")}
    _follow(connection, account, unlearn(connection, found, sources=sources), sources, now)
    _drop_deliveries(connection, account, lambda payload: _is_in(payload, channel))
    answers = select(tables.suggestions.c.id).where(tables.suggestions.c.channel == channel)
    going = _going(connection)
    for table, held in _HELD:
        named = (*held.of_channel, *held.of_message, *held.of_conversation)
        wanted = [_below(table.c[name], channel) for name in named]
        wanted += [table.c[name].in_(answers) for name in held.of_suggestion]
        if (key := _KEPT_FOR_TAKING_BACK.get(table.name)) is not None:
            wanted = [and_(or_(*wanted), table.c[key].not_in(going))]
        _delete(connection, account, table, wanted)
    alias = f"{FORGOTTEN}{uuid.uuid4()}"
    account.counts["audit"] += audit.unlink_channel(connection, channel, alias)
    _audit(connection, What.CHANNEL, now, alias=alias)


def _below(column: ColumnElement[Any], channel: str) -> ColumnElement[bool]:
    return or_(column == channel, column.startswith(f"{channel}/", autoescape=True))


_KEPT_FOR_TAKING_BACK = {
    "answers": "id",
    "suggestions": "id",
    "outbox": "suggestion_id",
    "drafts": "suggestion_id",
    "further_parts": "suggestion_id",
    "streams": "suggestion_id",
}


def _going(connection: Connection) -> list[str]:
    """The answers and drafts that are still to be taken back on the platform: empty already, their rows are needed."""
    outbox = tables.outbox
    open_ = outbox.c.state.in_([tables.Sent.INTENT, tables.Sent.SENDING])
    kinds = or_(outbox.c.kind.in_(["delete", "edit"]), outbox.c.kind.startswith("delete "))
    query = select(outbox.c.suggestion_id).where(kinds, open_)
    return list(connection.execute(query).scalars())


def _is_in(payload: Any, channel: str) -> bool:
    if not isinstance(payload, dict):
        return False
    event = payload.get("event") or payload.get("message") or payload
    place = event.get("channel") or (event.get("item") or {}).get("channel") or _chat_in_lark(event)
    name = place.get("id") if isinstance(place, dict) else place
    return isinstance(name, str) and name in (channel, channel.rsplit("/", 1)[-1])


def _chat_in_lark(event: dict[str, Any]) -> Any:
    message, context = event.get("message") or {}, event.get("context") or {}
    return event.get("chat_id") or message.get("chat_id") or context.get("open_chat_id")


# ---- files -----------------------------------------------------


def drop_files(folder: Path) -> None:
    """Remove the index files: they are derived, and the next start makes them again without embedding anything.

    A running process has its own indexes in memory; these follow the store, also before they are written.
    """
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        path.unlink(missing_ok=True)


async def compact_due(database: Database) -> bool:
    """Empty the store's log, and build its file anew if a message was erased since that was last done.

    For each night, because what is deleted on the platform is erased without that. Whether it could be done now.
    """
    erased = await database.run(_erased)
    due = erased != await database.run(_erased_when_rebuilt)
    done = await database.compact(rebuild=due, patience=0.0)
    if done and due:
        await database.run(lambda connection: _note_rebuilt(connection, erased))
    return done


def _erased(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(tables.erased)).scalar_one()


def _erased_when_rebuilt(connection: Connection) -> int:
    """Kept in the head of the file, where SQLite leaves a number to its user."""
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def _note_rebuilt(connection: Connection, erased: int) -> None:
    connection.exec_driver_sql(f"PRAGMA user_version = {erased:d}")


# ---- receipts -----------------------------------------------------


def _receipt(
    what: What,
    subject: str,
    account: Account,
    now: datetime,
    shared: Collection[str] = (),
    *,
    salt: str,
    dry_run: bool = False,
) -> Receipt:
    messages = tuple(sorted({receipts.sealed(salt, each) for each in account.messages}))
    removed = tuple(sorted({*account.removed, *account.rewritten}))
    runs = _runs(account, salt, shared)
    return Receipt(
        asked=what,
        subject=receipts.sealed(salt, subject),
        at=now.isoformat(timespec="seconds"),
        salt=salt,
        counts={table: count for table, count in sorted(account.counts.items()) if count},
        removed=removed,
        rewritten=account.rewritten,
        restored=tuple(sorted({account.rewritten.get(key, key) for key in account.restored} - {*removed})),
        answers=account.answers,
        messages=messages,
        runs=runs,
        shared=len(shared),
        digest=receipts.digest(messages, removed, runs),
        dry_run=dry_run,
    )


def _runs(account: Account, salt: str, shared: Collection[str]) -> dict[int, tuple[str, ...]]:
    runs = {size: some - set(shared) for size, some in receipts.runs_of(account.texts, salt).items()}
    for size, some in receipts.whole_runs(account.told, salt).items():
        runs[size] = runs.get(size, set()) | some
    return {size: tuple(sorted(some)) for size, some in sorted(runs.items()) if some}


def _shared(connection: Connection, texts: Sequence[str], salt: str) -> frozenset[str]:
    """The runs of ``texts`` that others said too, or that a document says."""
    runs = receipts.runs_of(texts, salt)
    if not runs:
        return frozenset()
    others = connection.execute(select(tables.messages.c.text)).scalars()
    everything = (*others, *store.texts_of_documents(connection))
    return frozenset(run for text in everything for run in receipts.standing(text, runs, salt))


def _batches(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[start : start + store.BATCH] for start in range(0, len(values), store.BATCH))

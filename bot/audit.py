"""I/O: the audit log: what Earshot decided, did and learnt, and what people had it do; by ids and numbers.

Each row is written in the transaction of what it records, so that nothing happens without it. What somebody said never
stands in it. The store itself refuses to change or delete a row (see `tables.AUDIT_GUARDS`); who goes round that is
found by the chain (`audit_chain`).
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, or_, select, update

from bot.audit_chain import BEGINNING, LONGEST, Checked, Fact, Link, chained, check, detail_of, seal_of
from bot.clock import Clock
from bot.tables import audit, further_parts, messages, moment, seconds, suggestions
from knowledge.database import Database
from knowledge.model_calls import ModelCall

BY_COMMAND = "the command line"  # who acts where nobody's id is known


class Kind(StrEnum):
    """What is recorded. Each is written by one place, and a test makes each happen."""

    # what Earshot decides and does
    DECIDED = "decided"  # about a message: silent, wait, draft or reply
    MODEL_CALL = "model call"
    DRAFTED = "drafted"  # put before the analysts
    POSTED = "posted"  # an answer stands in its thread
    SHOWN = "shown"  # anything else was done on the platform: a draft, a whisper, a clip, a report, an edit of these
    WITHDRAWN = "withdrawn"  # an answer of ours was deleted by us
    UPDATED = "updated"  # an answer of ours reads otherwise where it stands
    DROPPED = "dropped"  # something was not done on the platform after all
    # what happens to messages
    EDITED = "edited"
    DELETED = "deleted"  # by the platform, and here
    REMOVED = "removed"  # somebody took our answer away
    EXPIRED = "expired"  # messages past retention.days
    # what people say of answers
    SHARED = "shared"
    DISMISSED = "dismissed"
    DRAFT_EXPIRED = "draft expired"
    VOTED = "voted"
    VOTE_WITHDRAWN = "vote withdrawn"
    OBJECTED = "objected"  # the reason of a 👎
    CORRECTED = "corrected"
    ANSWER_REJECTED = "answer rejected"  # by somebody in charge, so that it is struck or deleted
    # what is learnt, and what people decide about it
    LEARNT = "learnt"  # a change of a night, or by hand, took effect
    PROPOSED = "proposed"  # a change waits for a person
    NIGHT = "night"  # a night ended
    APPROVED = "approved"
    REJECTED = "rejected"
    REVERTED = "reverted"
    CONFIRMED = "confirmed"  # an entry still holds, says a person
    RETIRED = "retired"  # or does not
    SETTLED = "settled"  # between two entries that contradict each other
    ENTRY_MOVED = "entry moved"  # retired, restored, approved or rejected by hand
    ENTRY_EDITED = "entry edited"
    SAVED = "saved"
    IMPORTED = "imported"
    EXPORTED = "exported"
    # what people order
    MUTED = "muted"
    UNMUTED = "unmuted"
    OPTED_OUT = "opted out"
    OPTED_IN = "opted in"
    CLOSED = "closed"
    FORGOT = "forgot"
    RETRIED = "retried"  # events that were set aside
    # what becomes of channels
    CHANNEL = (
        "channel"  # joined, left, archived, deleted, reopened, changed (name, kind, sharing), moved (its id)
    )
    # how it runs
    STARTED = "started"
    STOPPED = "stopped"
    INSTALLED = "installed"  # a workspace took Earshot in
    UNINSTALLED = "uninstalled"  # a workspace took Earshot out
    CONFIGURED = "configured"  # an edit of config.yaml was taken up
    CONFIG_REFUSED = "config refused"


# ---- writing -----------------------------------------------------


_LAST = select(audit.c.chain).order_by(audit.c.id.desc()).limit(1)
_PUT = insert(audit)


def put(
    connection: Connection,
    kind: Kind,
    at: datetime,
    *,
    subject: str | None = None,
    actor: str | None = None,
    channel: str | None = None,
    **facts: Fact,
) -> None:
    """Write a row. ``subject``: what it is about (a message, an entry, a night, a channel), ``actor``: the person who
    did it, None for Earshot itself. These can be unlinked later; ``facts`` cannot, so they name nobody.
    """
    before = connection.execute(_LAST).scalar() or BEGINNING
    detail, nonce, when = detail_of(facts), os.urandom(16), seconds(at)
    seal = seal_of(nonce, subject, actor, channel)
    names = {"subject": subject, "actor": actor, "channel": channel}
    fixed = {"at": when, "kind": kind.value, "detail": detail}
    chain = chained(before, when, kind.value, detail, seal)
    connection.execute(_PUT, {**fixed, **names, "nonce": nonce, "seal": seal, "chain": chain})


_ANSWER = select(suggestions.c.message_id, suggestions.c.channel).where(
    suggestions.c.id == bindparam("suggestion")
)


def put_on_answer(
    connection: Connection,
    kind: Kind,
    suggestion_id: str,
    at: datetime,
    *,
    actor: str | None = None,
    **facts: Fact,
) -> None:
    """As ``put``, about an answer of ours: its subject is the message that it answers."""
    row = connection.execute(_ANSWER, {"suggestion": suggestion_id}).first()
    subject, channel = (None, None) if row is None else (row.message_id, row.channel)
    put(
        connection, kind, at, subject=subject, actor=actor, channel=channel, suggestion=suggestion_id, **facts
    )


@dataclass(frozen=True, slots=True)
class AuditedCalls:
    """The `CallLog` of a store."""

    database: Database
    clock: Clock

    async def called(self, call: ModelCall) -> None:
        now = self.clock.now()
        await self.database.run(lambda connection: _put_call(connection, call, now))


def _put_call(connection: Connection, call: ModelCall, at: datetime) -> None:
    put(
        connection,
        Kind.MODEL_CALL,
        at,
        channel=call.channel,
        purpose=call.purpose,
        model=call.model,
        request=call.request_sha256,
        response=call.response_sha256,
        input_tokens=call.input_tokens,
        output_tokens=call.output_tokens,
        cache_read_tokens=call.cache_read_tokens,
        cache_write_tokens=call.cache_write_tokens,
        usd=call.usd,
        seconds=round(call.seconds, 3),
        outcome=call.outcome[:LONGEST],
    )


@dataclass(frozen=True, slots=True)
class AuditedSettings:
    """Told of edits of config.yaml: the names of the keys are kept, not their values, which may be secret."""

    database: Database
    clock: Clock

    async def taken_up(self, keys: Sequence[str], sha256: str) -> None:
        def keep(connection: Connection) -> None:
            put(connection, Kind.CONFIGURED, self.clock.now(), keys=list(keys), sha256=sha256)

        await self.database.run(keep)

    async def refused(self, problems: int, sha256: str) -> None:
        def keep(connection: Connection) -> None:
            put(connection, Kind.CONFIG_REFUSED, self.clock.now(), problems=problems, sha256=sha256)

        await self.database.run(keep)


# ---- forgetting -----------------------------------------------------


def unlink_channel(connection: Connection, channel: str, alias: str) -> int:
    """Put ``alias`` in place of the channel and of everything in it; how many rows named it."""

    def below(column: Any) -> Any:
        return or_(column == channel, column.startswith(f"{channel}/", autoescape=True))

    count = 0
    for column in (audit.c.subject, audit.c.channel):
        count += connection.execute(update(audit).where(below(column)).values({column.name: alias})).rowcount
    return count


# ---- reading -----------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows. Times from ``since`` to before ``until``; ``channel`` and ``user`` by whole id; ``message``: about
    this message or an answer to it; the newest ``limit``."""

    since: datetime | None = None
    until: datetime | None = None
    kinds: frozenset[Kind] = field(default_factory=frozenset)
    channel: str | None = None
    user: str | None = None
    message: str | None = None
    limit: int | None = None
    after: int = 0


def rows(connection: Connection, wanted: Wanted) -> list[Row[Any]]:
    """The rows that are wanted, oldest first."""
    query = select(audit).where(*_conditions(connection, wanted)).order_by(audit.c.id.desc())
    if wanted.limit is not None:
        query = query.limit(wanted.limit)
    return list(connection.execute(query).all())[::-1]


def count(connection: Connection, wanted: Wanted) -> int:
    """How many rows are wanted, the limit aside."""
    query = select(func.count()).select_from(audit).where(*_conditions(connection, wanted))
    return connection.execute(query).scalar_one()


def _conditions(connection: Connection, wanted: Wanted) -> Iterator[Any]:
    yield audit.c.id > wanted.after
    if wanted.since is not None:
        yield audit.c.at >= seconds(wanted.since)
    if wanted.until is not None:
        yield audit.c.at < seconds(wanted.until)
    if wanted.kinds:
        yield audit.c.kind.in_(sorted(wanted.kinds))
    if (channel := wanted.channel) is not None:
        below = audit.c.subject.startswith(f"{channel}/", autoescape=True)
        yield or_(audit.c.channel == channel, audit.c.subject == channel, below)
    if wanted.user is not None:
        yield or_(audit.c.actor == wanted.user, audit.c.subject == wanted.user)
    if wanted.message is not None:
        yield _about(connection, wanted.message)


def _about(connection: Connection, message_id: str) -> Any:
    """About a message, or an answer to it; of our own post: about the answer."""
    further = select(further_parts.c.suggestion_id).where(further_parts.c.posted_id == message_id)
    ours = or_(
        suggestions.c.message_id == message_id,
        suggestions.c.posted_id == message_id,
        suggestions.c.id.in_(further),
    )
    answers = list(connection.execute(select(suggestions.c.id).where(ours)).scalars())
    named = func.json_extract(audit.c.detail, "$.suggestion").in_(answers)
    return or_(audit.c.subject == message_id, named)


def subjects(connection: Connection, given: str) -> list[str]:
    """What rows are about that ``given`` may mean: a whole id, or the last part of one."""
    exact = select(audit.c.subject).distinct().where(audit.c.subject == given)
    if found := list(connection.execute(exact).scalars()):
        return [str(one) for one in found]
    ending = audit.c.subject.endswith(f"/{given}", autoescape=True)
    return sorted(connection.execute(select(audit.c.subject).distinct().where(ending).limit(10)).scalars())


def texts(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """What still stands in the store of these messages: by id, what they say."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _BATCH):
        some = list(ids[start : start + _BATCH])
        query = select(messages.c.id, messages.c.text).where(messages.c.id.in_(some))
        found.update((row.id, row.text) for row in connection.execute(query))
    return found


_BATCH = 500


def json_of(row: Row[Any], detail: Any) -> dict[str, Any]:
    """A row for scripts."""
    at = moment(row.at).isoformat()
    names = {"subject": row.subject, "actor": row.actor, "channel": row.channel}
    return {"id": row.id, "at": at, "kind": row.kind, **names, "detail": detail, "hash": row.chain.hex()}


def verify(connection: Connection, noted: str | None = None) -> Checked:
    """Look through the whole log for what was changed, taken out or put in between. ``noted``: as `check`."""
    query = select(audit).order_by(audit.c.id).execution_options(yield_per=1000)
    found = connection.execute(query)
    return check((Link(**row._mapping) for row in found), noted)

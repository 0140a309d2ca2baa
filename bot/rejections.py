"""I/O: a 👎 of somebody in charge on an answer of ours, and what becomes of the answer, once that is clear.

Runs in a transaction of its caller. What is to be decided waits in the outbox: it survives a restart, and is decided
once, on the votes as they are then.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import audit, intents, ledger, revisions, votes
from bot.audit import Kind
from bot.config import Config, is_listed
from bot.intents import Intent
from bot.objections import ABOUT_THE_MOMENT, Objection
from bot.revising import DECIDED_AFTER, WHILE_WRITING, Cast, Fate, Why, fate_of, note_of, rejects
from bot.situation import names_of, role_in
from bot.tables import Sent, messages, outbox, seconds
from knowledge.thread import Role

ON_ITS_WAY = timedelta(seconds=10)  # between two looks at an answer that is being changed
REJECT = "reject"  # the kind of an intent to decide about an answer


def in_charge(connection: Connection, config: Config, user: str) -> bool:
    """Whether somebody is an analyst, an admin or an owner."""
    staff = is_listed(user, config.admins | config.owners)
    return staff or role_in(connection, config, user) is Role.ANALYST


def voted_down(
    connection: Connection,
    config: Config,
    row: Row[Any],
    user: str,
    now: datetime,
    wait: timedelta = DECIDED_AFTER,
) -> None:
    """Somebody put a 👎 on an answer (``row`` of suggestions): if he may reject it, that is decided after ``wait``."""
    if row.posted_id is None or row.removed or not in_charge(connection, config, user):
        return
    values = {"state": Sent.INTENT, "tries": 0, "due_at": seconds(now + wait), "error": None}
    new = insert(outbox).values(suggestion_id=row.id, kind=REJECT, channel=row.channel, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["suggestion_id", "kind"], set_=values))


def gave_reason(
    connection: Connection, config: Config, suggestion_id: str, user: str, why: Objection, now: datetime
) -> None:
    """Who put a 👎 said why: then nobody needs to wait for it."""
    row = ledger.suggestion_row(connection, suggestion_id)
    if row is not None and why not in ABOUT_THE_MOMENT:
        voted_down(connection, config, row, user, now, timedelta())


def is_writing(connection: Connection, config: Config, suggestion_id: str, user: str, now: datetime) -> None:
    """Somebody in charge opened the form for the right answer: what he writes may take the place of ours."""
    if in_charge(connection, config, user):
        later = update(outbox).where(_open(suggestion_id)).values(due_at=seconds(now + WHILE_WRITING))
        connection.execute(later)


def overtaken(connection: Connection, suggestion_id: str) -> None:
    """The right answer takes the place of ours: nothing is left to decide."""
    done = update(outbox).where(_open(suggestion_id)).values(state=Sent.DONE)
    connection.execute(done)


def _open(suggestion_id: str) -> Any:
    same = and_(outbox.c.suggestion_id == suggestion_id, outbox.c.kind == REJECT)
    return and_(same, outbox.c.state == Sent.INTENT)


def settle(connection: Connection, config: Config, intent: Intent, now: datetime) -> Fate:
    """Decide about an answer, and write down what is to be done about it."""
    if revisions.is_on_its_way(connection, intent.suggestion_id):
        # What was voted down is about to read otherwise, if the platform lets it.
        later = update(outbox).where(_open(intent.suggestion_id))
        connection.execute(later.values(due_at=seconds(now + ON_ITS_WAY)))
        return Fate.KEEP
    overtaken(connection, intent.suggestion_id)
    row = ledger.suggestion_row(connection, intent.suggestion_id)
    if row is None or row.posted_id is None or row.removed or row.content is None:
        return Fate.KEEP
    cast = _cast(connection, config, row)
    policy = config.channel(names_of(ledger.channel_of(connection, row.channel)))
    fate = fate_of(Fate(policy.rejected), [vote for _, vote in cast], answered=_is_answered(connection, row))
    if fate is not Fate.KEEP:
        _carry_out(connection, config, row, fate, now)
        by = next(user for user, vote in cast if vote.in_charge and rejects(vote))
        audit.put_on_answer(connection, Kind.ANSWER_REJECTED, row.id, now, actor=by, what=fate.value)
    return fate


def _carry_out(connection: Connection, config: Config, row: Row[Any], fate: Fate, now: datetime) -> None:
    """The answer does not count as said any more; what it said is kept, to learn from."""
    ledger.withdraw(connection, row.id)
    if fate is Fate.DELETE:
        revisions.forget(connection, row.id)
        intents.take_back(connection, row, now)
    else:
        note = note_of(Why.REJECTED, now, config.tz)
        revisions.put_revision(connection, row, Why.REJECTED, note, None, now)


def _cast(connection: Connection, config: Config, row: Row[Any]) -> list[tuple[str, Cast]]:
    """The live votes on what stands there, with who cast them, the oldest first."""
    return [
        (
            vote.user,
            Cast(
                helpful=vote.helpful,
                in_charge=in_charge(connection, config, vote.user),
                reason=None if vote.reason is None else Objection(vote.reason),
            ),
        )
        for vote in votes.cast_on(connection, row.id, row.version)
    ]


def _is_answered(connection: Connection, row: Row[Any]) -> bool:
    """Whether a person wrote since it was decided on: that stands below it, or nearly so."""
    later = and_(messages.c.conversation == row.conversation, messages.c.at > row.at)
    query = select(messages.c.id).where(later, messages.c.role != Role.BOT.value).limit(1)
    return connection.execute(query).first() is not None

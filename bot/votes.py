"""I/O: votes, what closed threads showed, and the channels' scales that follow from them.

As in `bot.ledger` every function takes a Connection inside a transaction of `Database.run`.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Subquery,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from bot import audit
from bot.audit import Kind
from bot.feedback import Calibration, Outcome, Vote
from bot.objections import ABOUT_THE_MOMENT, Objection
from bot.tables import (
    calibrations,
    corrections,
    decisions,
    messages,
    moment,
    outcomes,
    past_votes,
    quoted,
    quoted_before,
    seconds,
    suggestions,
    votes,
)
from knowledge.store import BATCH
from knowledge.thread import Message

# ---- votes -----------------------------------------------------


def put_vote(connection: Connection, vote: Vote, source: str, at: datetime) -> None:
    """A person's live vote on a suggestion; a later one replaces it. ``source``: reaction, button or draft.

    The reason of a 👎 goes with it: a 👍 in its place has none, the same 👎 by another way keeps it.
    """
    version = _version(connection, vote.suggestion_id)
    _keep_past(connection, vote, version)
    values = {"helpful": vote.helpful, "source": source, "at": seconds(at), "version": version}
    row = insert(votes).values(suggestion_id=vote.suggestion_id, user=vote.user, **values)
    same = and_(votes.c.helpful.is_(vote.helpful), votes.c.version == version)
    changed = {**values, "reason": case((same, votes.c.reason), else_=null())}
    connection.execute(row.on_conflict_do_update(index_elements=["suggestion_id", "user"], set_=changed))
    on, by = vote.suggestion_id, vote.user
    audit.put_on_answer(connection, Kind.VOTED, on, at, actor=by, helpful=vote.helpful, source=source)


def _version(connection: Connection, suggestion_id: str) -> int:
    """Which wording of an answer stands there."""
    return connection.scalar(select(suggestions.c.version).where(suggestions.c.id == suggestion_id)) or 0


def _keep_past(connection: Connection, vote: Vote, version: int) -> None:
    """What the person said of an earlier wording still says something of what that cited."""
    mine = and_(votes.c.suggestion_id == vote.suggestion_id, votes.c.user == vote.user)
    names = [column.name for column in past_votes.columns]
    old = select(*(votes.c[name] for name in names)).where(mine, votes.c.version != version)
    connection.execute(insert(past_votes).from_select(names, old).on_conflict_do_nothing())


def keep_cited(connection: Connection, suggestion: Row[Any]) -> None:
    """Before an answer is changed: which entries the votes on it so far are about."""
    cited = select(quoted.c.suggestion_id, literal(suggestion.version), quoted.c.entry_id)
    mine = cited.where(quoted.c.suggestion_id == suggestion.id).distinct()
    names = ["suggestion_id", "version", "entry_id"]
    connection.execute(insert(quoted_before).from_select(names, mine).on_conflict_do_nothing())


def cast_on(connection: Connection, suggestion_id: str, version: int) -> list[Row[Any]]:
    """The live votes on one wording of an answer, the oldest first."""
    here = and_(votes.c.suggestion_id == suggestion_id, votes.c.version == version)
    return list(connection.execute(select(votes).where(here).order_by(votes.c.at, votes.c.user)).all())


def put_objection(
    connection: Connection, suggestion_id: str, user: str, objection: Objection, at: datetime
) -> bool:
    """The reason of a person's live 👎; False if it was taken back meanwhile."""
    down = and_(votes.c.suggestion_id == suggestion_id, votes.c.user == user, votes.c.helpful.is_(False))
    if connection.execute(update(votes).where(down).values(reason=objection)).rowcount == 0:
        return False
    audit.put_on_answer(connection, Kind.OBJECTED, suggestion_id, at, actor=user, reason=objection)
    return True


def put_correction(
    connection: Connection, suggestion_id: str, message_id: str, user: str, text: str, at: datetime
) -> int:
    """Keep what a person says is right: a candidate, until it is learnt from. Its number."""
    values = {"suggestion_id": suggestion_id, "message_id": message_id, "user": user, "text": text}
    new = insert(corrections).values(**values, at=seconds(at), state="candidate").returning(corrections.c.id)
    number = connection.execute(new).scalar_one()
    audit.put_on_answer(connection, Kind.CORRECTED, suggestion_id, at, actor=user)
    return int(number)


def was_corrected(connection: Connection, suggestion_id: str, user: str, at: datetime) -> bool:
    """Whether the correction that somebody gave at that moment was kept."""
    same = and_(corrections.c.suggestion_id == suggestion_id, corrections.c.user == user)
    found = select(corrections.c.id).where(same, corrections.c.at == seconds(at))
    return connection.execute(found).first() is not None


def corrections_in(connection: Connection, state: str = "candidate") -> list[Row[Any]]:
    """The corrections in a state, oldest first."""
    query = select(corrections).where(corrections.c.state == state).order_by(corrections.c.id)
    return list(connection.execute(query).all())


def settle_correction(connection: Connection, correction: int, state: str) -> bool:
    """Say what became of a correction; False if it is gone."""
    here = update(corrections).where(corrections.c.id == correction)
    return connection.execute(here.values(state=state)).rowcount == 1


def last_upheld(connection: Connection, entry_ids: Sequence[str]) -> dict[str, datetime]:
    """When people last showed that an entry holds: by a 👍, or by saying the same where it had been posted."""
    ids = quoted.c.entry_id.in_(bindparam("ids", expanding=True))
    cast = _cast_on_entries(ids, quoted_before.c.entry_id.in_(bindparam("ids", expanding=True)))
    thumbs = (
        select(cast.c.entry_id, func.max(cast.c.at).label("at"))
        .where(cast.c.helpful.is_(True))
        .group_by(cast.c.entry_id)
    )
    said = (
        select(quoted.c.entry_id, func.max(outcomes.c.at).label("at"))
        .join(suggestions, suggestions.c.id == quoted.c.suggestion_id)
        .join(outcomes, outcomes.c.message_id == suggestions.c.message_id)
        .where(ids, suggestions.c.posted_id.is_not(None), outcomes.c.outcome == Outcome.SAME.value)
        .group_by(quoted.c.entry_id)
    )
    found: dict[str, float] = {}
    for query in (thumbs, said):
        for row in connection.execute(query, {"ids": list(entry_ids)}).all():
            found[row.entry_id] = max(row.at, found.get(row.entry_id, row.at))
    return {entry_id: moment(at) for entry_id, at in found.items()}


def quoted_for(connection: Connection, message_ids: Sequence[str]) -> set[str]:
    """The entries that our answers to these messages quote."""
    query = (
        select(quoted.c.entry_id)
        .join(suggestions, suggestions.c.id == quoted.c.suggestion_id)
        .where(suggestions.c.message_id.in_(bindparam("ids", expanding=True)))
    )
    found: set[str] = set()
    for start in range(0, len(message_ids), BATCH):  # a first night may have read more than a statement takes
        found.update(connection.execute(query, {"ids": list(message_ids[start : start + BATCH])}).scalars())
    return found


def withdraw_vote(
    connection: Connection, suggestion_id: str, user: str, at: datetime, *, helpful: bool
) -> None:
    """Take a reaction's vote back. One that a button or another thumb has replaced since stays."""
    mine = and_(votes.c.suggestion_id == suggestion_id, votes.c.user == user)
    same = and_(votes.c.source == "reaction", votes.c.helpful.is_(helpful))
    past = and_(past_votes.c.suggestion_id == suggestion_id, past_votes.c.user == user)
    put_on = and_(past_votes.c.source == "reaction", past_votes.c.helpful.is_(helpful))
    gone = connection.execute(delete(past_votes).where(past, put_on)).rowcount
    if connection.execute(delete(votes).where(mine, same)).rowcount or gone:
        audit.put_on_answer(connection, Kind.VOTE_WITHDRAWN, suggestion_id, at, actor=user, helpful=helpful)


def votes_on_entry(connection: Connection, entry_id: str) -> list[tuple[str, str, bool]]:
    """(suggestion, user, helpful) of the live votes that say something about an entry.

    They are on suggestions that quoted it when they were cast. A 👎 because the moment was wrong is left out: it does
    not say that the entry is.
    """
    cast = cast_on_entry(entry_id)
    meant = or_(cast.c.reason.is_(None), cast.c.reason.not_in(list(ABOUT_THE_MOMENT)))
    query = select(cast).where(meant).order_by(cast.c.suggestion_id, cast.c.user)
    return [(row.suggestion_id, row.user, bool(row.helpful)) for row in connection.execute(query).all()]


def cast_on_entry(entry_id: str) -> Subquery:
    """The votes on answers that quoted an entry when they were cast.

    Columns: suggestion_id, user, helpful, reason, at, entry_id.
    """
    return _cast_on_entries(quoted.c.entry_id == entry_id, quoted_before.c.entry_id == entry_id)


def _cast_on_entries(ids: ColumnElement[bool], ids_before: ColumnElement[bool]) -> Subquery:
    """``ids`` chooses entries that are quoted now, ``ids_before`` those that were before an answer was changed."""
    pairs = select(quoted.c.suggestion_id, quoted.c.entry_id).where(ids).distinct().subquery()
    now = (
        select(*_of(votes), pairs.c.entry_id)
        .join(pairs, pairs.c.suggestion_id == votes.c.suggestion_id)
        .join(suggestions, suggestions.c.id == votes.c.suggestion_id)
        .where(votes.c.version == suggestions.c.version)
    )
    earlier = [
        select(*_of(table), quoted_before.c.entry_id)
        .join(
            quoted_before,
            and_(
                quoted_before.c.suggestion_id == table.c.suggestion_id,
                quoted_before.c.version == table.c.version,
            ),
        )
        .where(ids_before)
        for table in (votes, past_votes)
    ]
    return union_all(now, *earlier).subquery()


def _of(table: Table) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in ("suggestion_id", "user", "helpful", "reason", "at")]


def votes_on(connection: Connection, suggestion_id: str) -> dict[str, bool]:
    rows = connection.execute(select(votes).where(votes.c.suggestion_id == suggestion_id)).all()
    return {row.user: row.helpful for row in rows}


def entries_quoted(connection: Connection, suggestion_id: str) -> list[str]:
    """The entries that an answer quotes, or quoted before it was changed."""
    now = select(quoted.c.entry_id).where(quoted.c.suggestion_id == suggestion_id)
    before = select(quoted_before.c.entry_id).where(quoted_before.c.suggestion_id == suggestion_id)
    return sorted(set(connection.execute(now.union(before)).scalars()))


def was_rejected(connection: Connection, conversation: str) -> bool:
    """Whether an answer of this conversation was voted down or removed by somebody."""
    here = select(suggestions.c.id).where(suggestions.c.conversation == conversation)
    down = select(votes.c.user).where(votes.c.suggestion_id.in_(here), votes.c.helpful.is_(False)).limit(1)
    gone = select(suggestions.c.id).where(suggestions.c.id.in_(here), suggestions.c.removed).limit(1)
    return connection.execute(down).first() is not None or connection.execute(gone).first() is not None


# ---- channels' own scales -----------------------------------------------------


_WEIGHED = exists().where(decisions.c.message_id == suggestions.c.message_id, decisions.c.features != "{}")


def votes_in(connection: Connection, channel: str, most: int) -> list[Row[Any]]:
    """The latest live votes on a channel's suggestions: suggestion_id, message_id, user, helpful, source."""
    query = (
        select(votes, suggestions.c.message_id)
        .join(suggestions, votes.c.suggestion_id == suggestions.c.id)
        .where(suggestions.c.channel == channel, _WEIGHED)
        .order_by(votes.c.at.desc(), votes.c.suggestion_id, votes.c.user)
        .limit(most)
    )
    return list(connection.execute(query).all())


def features_for(connection: Connection, message_ids: Sequence[str]) -> dict[str, dict[str, float]]:
    """What the latest decision about each message weighed; messages that were never weighed are left out."""
    query = (
        select(decisions.c.message_id, decisions.c.features)
        .where(decisions.c.message_id.in_(bindparam("ids", expanding=True)), decisions.c.features != "{}")
        .order_by(decisions.c.id)
    )
    rows = connection.execute(query, {"ids": list(message_ids)}).all()
    return {row.message_id: json.loads(row.features) for row in rows}


def weighed_since(connection: Connection, since: datetime, most: int) -> list[str]:
    """The messages that something was weighed for since then, newest first."""
    query = (
        select(decisions.c.message_id)
        .join(messages, messages.c.id == decisions.c.message_id)
        .where(decisions.c.at >= seconds(since), decisions.c.features != "{}")
        .group_by(decisions.c.message_id)
        .order_by(func.max(decisions.c.id).desc())
    )
    return list(connection.scalars(query.limit(most)))


def latest_features(connection: Connection, channel: str, most: int) -> list[dict[str, float]]:
    """What the latest weighed decisions in a channel weighed, newest first."""
    query = (
        select(decisions.c.features)
        .join(messages, messages.c.id == decisions.c.message_id)
        .where(messages.c.channel == channel, decisions.c.features != "{}")
        .order_by(decisions.c.id.desc())
    )
    return [json.loads(text) for text in connection.scalars(query.limit(most))]


def weighed_in(connection: Connection, conversation: str) -> list[Row[Any]]:
    """The latest weighed decision about each message of a conversation, oldest first."""
    latest = (
        select(func.max(decisions.c.id))
        .join(messages, messages.c.id == decisions.c.message_id)
        .where(messages.c.conversation == conversation, decisions.c.features != "{}")
        .group_by(decisions.c.message_id)
    )
    query = select(decisions).where(decisions.c.id.in_(latest)).order_by(decisions.c.id)
    return list(connection.execute(query).all())


def put_outcome(
    connection: Connection, message: Message, outcome: Outcome, now: datetime, *, shadow: bool
) -> None:
    values = {"channel": message.channel, "outcome": outcome, "shadow": shadow, "at": seconds(now)}
    row = insert(outcomes).values(message_id=message.id, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["message_id"], set_=values))


def outcomes_in(connection: Connection, channel: str, most: int) -> list[Row[Any]]:
    """What the latest closed threads of a channel showed: message_id, outcome, shadow."""
    query = (
        select(outcomes)
        .where(outcomes.c.channel == channel)
        .order_by(outcomes.c.at.desc(), outcomes.c.message_id)
        .limit(most)
    )
    return list(connection.execute(query).all())


_LAST_OUTCOME = (
    select(outcomes.c.channel, func.max(outcomes.c.at).label("at")).group_by(outcomes.c.channel).subquery()
)
_UNCALIBRATED = (
    select(_LAST_OUTCOME.c.channel)
    .outerjoin(calibrations, calibrations.c.channel == _LAST_OUTCOME.c.channel)
    .where(
        or_(
            calibrations.c.channel.is_(None),
            calibrations.c.weights != bindparam("version"),
            and_(calibrations.c.at <= bindparam("before"), _LAST_OUTCOME.c.at > calibrations.c.at),
        )
    )
    .union(select(calibrations.c.channel).where(calibrations.c.weights != bindparam("version")))
)


def uncalibrated(connection: Connection, version: str, before: datetime) -> list[str]:
    """The channels whose scale is of other weights than those called ``version``, or from ``before`` and older than
    what closed threads have shown since."""
    given = {"version": version, "before": seconds(before)}
    return sorted(connection.execute(_UNCALIBRATED, given).scalars())


_CALIBRATION = select(calibrations).where(calibrations.c.channel == bindparam("channel"))


def calibration(connection: Connection, channel: str, version: str) -> Calibration | None:
    """What a channel's verdicts made of the weights called ``version``; None without any, or for other weights."""
    row = connection.execute(_CALIBRATION, {"channel": channel}).first()
    if row is None or row.weights != version:
        return None
    return Calibration(
        version=row.weights, moves=json.loads(row.moves), thumbs=row.thumbs, verdicts=row.verdicts
    )


def is_calibrated(connection: Connection, channel: str) -> bool:
    """Whether a scale was counted for the channel."""
    return connection.execute(_CALIBRATION, {"channel": channel}).first() is not None


def put_calibration(connection: Connection, channel: str, learnt: Calibration, now: datetime) -> None:
    values = {
        "weights": learnt.version,
        "moves": json.dumps(dict(learnt.moves)),
        "thumbs": learnt.thumbs,
        "verdicts": learnt.verdicts,
        "at": seconds(now),
    }
    row = insert(calibrations).values(channel=channel, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["channel"], set_=values))


# The channel is picked out below: asked for here, SQLite would walk through all of its suggestions instead.
_DOWN_SINCE = (
    select(votes.c.at, suggestions.c.channel)
    .join(suggestions, suggestions.c.id == votes.c.suggestion_id)
    .where(votes.c.at > bindparam("since"), votes.c.helpful.is_(False), votes.c.source != "draft")
)
_GONE_SINCE = select(suggestions.c.removed_at, suggestions.c.channel).where(
    suggestions.c.removed_at > bindparam("since")
)


def rejected_in_channel(connection: Connection, channel: str, since: datetime) -> datetime | None:
    """When a person last voted an answer of the channel down (if the vote stands) or removed one, after ``since``.

    A dismissed draft is no rejection: nobody in the channel was bothered by it.
    """
    given = {"since": seconds(since)}
    found = [row for query in (_DOWN_SINCE, _GONE_SINCE) for row in connection.execute(query, given).all()]
    last = max((at for at, where in found if where == channel), default=None)
    return None if last is None else moment(last)

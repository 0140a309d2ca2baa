"""I/O: what a channel did in the last two weeks and in those before, and the channels whose replies fell to drafts.

As in `bot.ledger` every function takes a Connection inside a transaction of `Database.run`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import ledger
from bot.adapters.events import Channel
from bot.config import ChannelPolicy, Config
from bot.drift import RECENT, REFERENCE, Window, bins, drift
from bot.feedback import Outcome
from bot.scorer import Policy
from bot.tables import decisions, drifts, messages, moment, outcomes, seconds, suggestions, votes
from bot.weighing import SHIPPED, Weights, read_weights

LIFTED_AFTER = 3  # nights in a row in which the channel is as it was before
OURS = "drift"  # the name of the reason


@dataclass(frozen=True, kw_only=True, slots=True)
class Fallen:
    """A channel whose replies are drafts for now: since when, and why."""

    channel: str
    since: datetime
    why: str


# ---- what was done


_WEIGHED = (
    select(func.max(decisions.c.id))
    .join(messages, messages.c.id == decisions.c.message_id)
    .where(messages.c.channel == bindparam("channel"), decisions.c.features != "{}")
    .where(messages.c.at >= bindparam("since"), messages.c.at < bindparam("before"))
    .group_by(decisions.c.message_id)
)
_SCORES = select(decisions.c.score, decisions.c.weights).where(decisions.c.id.in_(_WEIGHED))
_JUDGED = (
    select(suggestions.c.id, suggestions.c.removed_at, votes.c.helpful)
    .outerjoin(votes, votes.c.suggestion_id == suggestions.c.id)
    .where(suggestions.c.channel == bindparam("channel"))
    .where(suggestions.c.at >= bindparam("since"), suggestions.c.at < bindparam("before"))
)
_CONTRADICTED = (
    select(suggestions.c.id)
    .join(outcomes, outcomes.c.message_id == suggestions.c.message_id)
    .where(suggestions.c.channel == bindparam("channel"), outcomes.c.outcome == Outcome.CONTRADICTED.value)
    .where(suggestions.c.at >= bindparam("since"), suggestions.c.at < bindparam("before"))
)


def windows(connection: Connection, config: Config, channel: Channel, now: datetime) -> tuple[Window, Window]:
    """What a channel did in the RECENT span before ``now``, and in the REFERENCE span before that.

    Only scores of the weights that hold now count, and all are held against the threshold of now: moving the dial or
    taking other weights is no drift.
    """
    weights = read_weights(config.weights or SHIPPED)
    threshold = weights.threshold(_chosen(config, channel).precision)
    start = now - RECENT

    def window(since: datetime, before: datetime) -> Window:
        given = {"channel": channel.id, "since": seconds(since), "before": seconds(before)}
        scores = _scores(connection, weights, given)
        welcome, unwelcome = _verdicts(connection, given)
        return Window(
            scores=bins(scores),
            reached=sum(score >= threshold for score in scores),
            welcome=welcome,
            unwelcome=unwelcome,
        )

    return window(start, now), window(start - REFERENCE, start)


def _scores(connection: Connection, weights: Weights, given: Mapping[str, object]) -> list[float]:
    """The last score of each message: a channel's own scale (``VERSION+THUMBS``) is of the same weights."""
    rows = connection.execute(_SCORES, given).all()
    return [row.score for row in rows if row.weights.partition("+")[0] == weights.version]


def _verdicts(connection: Connection, given: Mapping[str, object]) -> tuple[int, int]:
    """How many answers and drafts people found welcome, and how many not. Each counts once, by most of its votes; what
    somebody deleted or contradicted was not."""
    balance: dict[str, int] = {}
    refused = set(connection.execute(_CONTRADICTED, given).scalars())
    for row in connection.execute(_JUDGED, given).all():
        if row.removed_at is not None:
            refused.add(row.id)
        if row.helpful is not None:
            balance[row.id] = balance.get(row.id, 0) + (1 if row.helpful else -1)
    welcome = sum(count > 0 for name, count in balance.items() if name not in refused)
    unwelcome = sum(count < 0 for name, count in balance.items() if name not in refused)
    return welcome, unwelcome + len(refused)


# ---- once a night


def check(connection: Connection, config: Config, now: datetime) -> Mapping[str, str]:
    """Compare every channel that may reply with its reference; why those fell to drafts that did so this night.

    A channel that is as it was before for LIFTED_AFTER nights replies again. Called again in the same night (by the
    date in the configured zone) it changes nothing and says the same.
    """
    night = now.astimezone(config.tz).date().isoformat()
    for name in _channels(connection, now):
        _check(connection, config, ledger.channel_of(connection, name), night, now)
    begun = select(drifts).where(drifts.c.night == night, drifts.c.lifted_at.is_(None))
    return {row.channel: row.why for row in connection.execute(begun.order_by(drifts.c.channel))}


def _channels(connection: Connection, now: datetime) -> list[str]:
    """Where something was said lately, or replies are drafts."""
    since = seconds(now - RECENT)
    said = select(messages.c.channel).where(messages.c.at >= since, messages.c.at < seconds(now))
    held = select(drifts.c.channel).where(drifts.c.lifted_at.is_(None))
    return sorted(connection.execute(said.union(held)).scalars())


def _check(connection: Connection, config: Config, channel: Channel, night: str, now: datetime) -> None:
    row, chosen = _row(connection, channel.id), _chosen(config, channel)
    held = row is not None and row.lifted_at is None
    if row is not None and row.checked == night:
        return
    if row is not None and row.settings != _settings(chosen):
        if held:
            _look_on(connection, channel.id, night, calm=0, lifted_at=seconds(now))
            return
        if seconds(now - RECENT) < row.lifted_at:
            return  # what is to be judged was mostly said before a person decided
    if chosen.mode != "reply":
        return
    found = drift(*windows(connection, config, channel, now), chosen.precision)
    if found is not None and not held:
        _fall(connection, channel.id, str(found), _settings(chosen), night, now)
    elif row is not None and held:
        calm = 0 if found is not None else row.calm + 1
        lifted_at = seconds(now) if calm >= LIFTED_AFTER else None
        _look_on(connection, channel.id, night, calm=calm, lifted_at=lifted_at)


def _look_on(connection: Connection, channel: str, night: str, *, calm: int, lifted_at: float | None) -> None:
    values = {"calm": calm, "checked": night, "lifted_at": lifted_at}
    connection.execute(update(drifts).where(drifts.c.channel == channel).values(**values))


def _fall(connection: Connection, channel: str, why: str, settings: str, night: str, now: datetime) -> None:
    values = {
        "since": seconds(now),
        "night": night,
        "why": why,
        "settings": settings,
        "calm": 0,
        "checked": night,
        "lifted_at": None,
    }
    row = insert(drifts).values(channel=channel, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["channel"], set_=values))


# ---- what follows from it


_ROW = select(drifts).where(drifts.c.channel == bindparam("channel"))


def _row(connection: Connection, channel: str) -> Row[Any] | None:
    return connection.execute(_ROW, {"channel": channel}).first()


def fallen(connection: Connection, config: Config, channel: Channel) -> str | None:
    """Why a channel's replies are drafts for now, if they are. Who sets its mode or precision anew has decided: then
    they are not."""
    row = _row(connection, channel.id)
    if row is None or row.lifted_at is not None or row.settings != _settings(_chosen(config, channel)):
        return None
    return str(row.why)


def all_fallen(connection: Connection) -> Sequence[Fallen]:
    """Every channel whose replies are drafts for now."""
    rows = connection.execute(select(drifts).where(drifts.c.lifted_at.is_(None)).order_by(drifts.c.channel))
    return [Fallen(channel=row.channel, since=moment(row.since), why=row.why) for row in rows]


def held_back(connection: Connection, config: Config, channel: Channel, policy: Policy) -> Policy:
    """What a channel's settings allow, less what its drift forbids: replies become drafts."""
    if policy.mode != "reply":
        return policy
    why = fallen(connection, config, channel)
    return policy if why is None else replace(policy, mode="draft", drifted=why)


def _chosen(config: Config, channel: Channel) -> ChannelPolicy:
    named = [f"#{channel.name}"] if channel.name else []
    return config.channel([channel.id, *channel.aka, *named], channel.former)


def _settings(chosen: ChannelPolicy) -> str:
    """What a person may set anew to say that he has decided."""
    return f"{chosen.mode} {chosen.precision:g}"

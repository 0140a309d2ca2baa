"""I/O: gathers what people made of our answers and silences in a channel, and keeps the scale that follows from it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from bot import ledger, votes
from bot.config import Config
from bot.feedback import (
    WEIGHTS,
    Calibration,
    Judged,
    Outcome,
    judged_by,
    moves_from,
    outcome_of,
)
from bot.situation import roles_in
from bot.weighing import SHIPPED, Weights, read_weights
from knowledge import store
from knowledge.entry import PassageKind
from knowledge.thread import Role, Thread

OUTCOMES_WAIT = timedelta(days=1)
MOST = 300  # latest votes, and latest outcomes, that a channel's scale is counted from
UNGIVEN = "draft"  # source of a vote that every draft gets; others come from those who like to click


def recalibrate(connection: Connection, config: Config, channel: str, now: datetime) -> Calibration:
    """Count a channel's scale anew from its live verdicts."""
    prior = read_weights(config.weights or SHIPPED)
    learnt = _calibration(connection, config, channel, prior)
    votes.put_calibration(connection, channel, learnt, now)
    return learnt


def recalibrate_due(connection: Connection, config: Config, now: datetime) -> None:
    """Count anew the scales that closed threads have new outcomes for, once a day, and those of other weights.

    Thumbs count at once; what is read off threads is many and small, and may wait.
    """
    version = read_weights(config.weights or SHIPPED).version
    for channel in votes.uncalibrated(connection, version, now - OUTCOMES_WAIT):
        recalibrate(connection, config, channel, now)


def _calibration(connection: Connection, config: Config, channel: str, prior: Weights) -> Calibration:
    cast = _votes(connection, config, channel)
    voted = {message for message, _, _, _ in cast}
    outcomes = [row for row in votes.outcomes_in(connection, channel, MOST) if row.message_id not in voted]
    features = votes.features_for(connection, [*voted, *(row.message_id for row in outcomes)])
    given = [
        (Judged(features=features[message], welcome=helpful, weight=weight), draft)
        for message, helpful, weight, draft in cast
        if message in features
    ]
    read = [
        (one, row.shadow)
        for row in outcomes
        if row.message_id in features
        for one in judged_by(Outcome(row.outcome), features[row.message_id], prior)
    ]
    everything = [*given, *read]
    return Calibration(
        version=prior.version,
        moves=moves_from(prior, [one for one, _ in everything]),
        thumbs=sum(one.weight for one, asked_for in everything if not asked_for),
        verdicts=sum(one.weight for one, asked_for in everything if asked_for),
    )


def _votes(connection: Connection, config: Config, channel: str) -> list[tuple[str, bool, float, bool]]:
    """(message, helpful, weight, whether a draft was judged) of the live votes in a channel."""
    live = votes.votes_in(connection, channel, MOST)
    roles = roles_in(connection, config, sorted({row.user for row in live}), Role.UNKNOWN)
    return [(row.message_id, row.helpful, WEIGHTS[roles[row.user]], row.source == UNGIVEN) for row in live]


def keep_outcomes(connection: Connection, thread: Thread, now: datetime) -> list[str]:
    """Read off a closed thread what became of our answers and silences in it; the messages about which it says
    something."""
    found: list[str] = []
    for row in votes.weighed_in(connection, thread.id):
        message = next((said for said in thread.messages if said.id == row.message_id), None)
        suggestion = ledger.suggestion_for(connection, row.message_id)
        answer = _answer(connection, row, suggestion)
        if message is None or not answer:
            continue
        if suggestion is not None and suggestion.version:
            continue  # it read otherwise when people wrote below it
        spoken = suggestion is not None and suggestion.posted_id is not None  # a shared draft, too
        outcome = outcome_of(thread, answer, message, shown=spoken)
        if outcome is not Outcome.UNKNOWN:
            shadow = ledger.first_reason(row)[0] in ("shadow", "drift")
            votes.put_outcome(connection, message, outcome, now, shadow=shadow)
            found.append(message.id)
    return found


def _answer(connection: Connection, decision: Row[Any], suggestion: Row[Any] | None) -> str:
    """What was said or would have been: the suggestion, else the best source's solution."""
    if suggestion is not None:
        content = suggestion.content
        return (
            "" if content is None else "\n".join(line.text for line in ledger.suggestion_from(content).lines)
        )
    best = next(iter(ledger.considered(decision)), None)
    entry = store.entries_by_id(connection, [best]).get(best) if best else None
    return "" if entry is None else "\n".join(p.text for p in entry.of(PassageKind.SOLUTION))

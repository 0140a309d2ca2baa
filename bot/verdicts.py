"""I/O: gathers what people made of our answers and silences in a channel, and keeps the scale that follows from it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from bot import ledger
from bot.config import Config
from bot.feedback import (
    OUTCOME_WEIGHT,
    WEIGHTS,
    Calibration,
    Judged,
    Outcome,
    moves_from,
    outcome_of,
)
from bot.situation import roles_in
from bot.weighing import SHIPPED, Weights, read_weights
from knowledge import store
from knowledge.entry import PassageKind
from knowledge.thread import Role, Thread

UNGIVEN = "draft"  # source of a vote that every draft gets; others come from those who like to click


def recalibrate(connection: Connection, config: Config, channel: str, now: datetime) -> Calibration:
    """Count a channel's scale anew from its live verdicts."""
    prior = read_weights(config.weights or SHIPPED)
    learnt = _calibration(connection, config, channel, prior)
    ledger.put_calibration(connection, channel, learnt, now)
    return learnt


def _calibration(connection: Connection, config: Config, channel: str, prior: Weights) -> Calibration:
    thumbs, drafts = _votes(connection, config, channel)
    voted = {message for message, _ in [*thumbs, *drafts]}
    outcomes = [row for row in ledger.outcomes_in(connection, channel) if row.message_id not in voted]
    shown = [(row.message_id, _read(row.outcome)) for row in outcomes]
    features = ledger.features_for(connection, [*voted, *(message for message, _ in shown)])

    def judged(found: list[tuple[str, tuple[bool, float]]]) -> list[Judged]:
        return [
            Judged(features=features[message], welcome=welcome, weight=weight)
            for message, (welcome, weight) in found
            if message in features
        ]

    given = judged(thumbs)
    unasked = judged([*drafts, *((message, read) for message, read in shown if read is not None)])
    return Calibration(
        version=prior.version,
        moves=moves_from(prior, [*given, *unasked]),
        thumbs=sum(one.weight for one in given),
        verdicts=sum(one.weight for one in unasked),
    )


Verdicts = list[tuple[str, tuple[bool, float]]]


def _votes(connection: Connection, config: Config, channel: str) -> tuple[Verdicts, Verdicts]:
    """(message, (welcome, weight)) of the live votes on what was said, and of those on drafts."""
    live = ledger.votes_in(connection, channel)
    roles = roles_in(connection, config, sorted({row.user for row in live}), Role.UNKNOWN)
    thumbs: Verdicts = []
    drafts: Verdicts = []
    for row in live:
        weight = WEIGHTS[roles[row.user]]
        (drafts if row.source == UNGIVEN else thumbs).append((row.message_id, (row.helpful, weight)))
    return thumbs, drafts


def _read(outcome: str) -> tuple[bool, float] | None:
    """What an outcome says of an answer, and how much; None: nothing."""
    match Outcome(outcome):
        case Outcome.SAME:
            return True, OUTCOME_WEIGHT
        case Outcome.CONTRADICTED:
            return False, OUTCOME_WEIGHT
        case Outcome.DIFFERENT:
            return False, OUTCOME_WEIGHT / 2
        case Outcome.UNKNOWN:
            return None


def keep_outcomes(connection: Connection, config: Config, thread: Thread, now: datetime) -> bool:
    """Read off a closed thread what became of our answers and silences in it. Whether anything was."""
    found = False
    for row in ledger.weighed_in(connection, thread.id):
        message = next((said for said in thread.messages if said.id == row.message_id), None)
        suggestion = ledger.suggestion_for(connection, row.message_id)
        answer = _answer(connection, row, suggestion)
        if message is None or not answer:
            continue
        spoken = suggestion is not None and suggestion.posted_id is not None  # a shared draft, too
        outcome = outcome_of(thread, answer, message, shown=spoken)
        if outcome is not Outcome.UNKNOWN:
            ledger.put_outcome(connection, message, outcome, now, spoken=spoken)
            found = True
    if found:
        recalibrate(connection, config, thread.channel, now)
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

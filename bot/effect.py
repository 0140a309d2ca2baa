"""What a night's change set does to past questions: each is asked again, seeing its conversation as it was then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot import votes
from bot.answerer import query_of
from bot.config import Config
from bot.evidence import features_of
from bot.scorer import Situation, newest_first, novel
from bot.situation import recall
from knowledge.audience import audiences_for
from knowledge.database import Database
from knowledge.search import Knowledge

Answers = Mapping[str, str]  # question's message id -> the entry that would be cited; "" where it is silent

MOST = 200  # past questions
LOOK_BACK = timedelta(days=60)


def past_questions(connection: Connection, now: datetime) -> list[str]:
    """The latest messages that something was weighed for, newest first."""
    return votes.weighed_since(connection, now - LOOK_BACK, MOST)


async def answers_to(
    database: Database,
    knowledge: Knowledge,
    config: Config,
    questions: Sequence[str],
    now: datetime,
    progress: Callable[[int, int, str], None],
) -> dict[str, str]:
    """What would be cited for each question if it were asked now. Questions that were deleted are left out."""
    found: dict[str, str] = {}
    for done, question in enumerate(questions, start=1):
        situation = await database.run(partial(recall, config=config, message_id=question, now=now))
        if situation is not None:
            found[question] = await _answer(knowledge, _as_it_was(situation))
        progress(done, len(questions), "past questions")
    return found


def _as_it_was(situation: Situation) -> Situation:
    """The situation without what was said after the message, ourselves included."""
    said = (*situation.thread.before(situation.message.id), situation.message)
    thread = replace(situation.thread, messages=said)
    return replace(situation, thread=thread, helped=0, quoted=frozenset())


async def _answer(knowledge: Knowledge, situation: Situation) -> str:
    message, thread = situation.message, situation.thread
    found = await knowledge.search(
        query_of(thread, message),
        audiences=audiences_for(situation.place),
        exclude_origins=frozenset({thread.id}),
        before=situation.now,
    )
    hits = newest_first(novel(found, situation), message.text)
    if not hits:
        return ""
    features = features_of(message, thread, hits, now=situation.now, parts=situation.parts)
    speaks = situation.scale.score(features) >= situation.policy.threshold
    return hits[0].entry.id if speaks else ""


def gained_and_lost(before: Answers, after: Answers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The questions that are answered only after, and those that were answered only before."""
    both = [question for question in before if question in after]
    gained = tuple(question for question in both if after[question] and not before[question])
    lost = tuple(question for question in both if before[question] and not after[question])
    return gained, lost

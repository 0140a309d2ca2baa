"""I/O: what people wrote as the right answer in place of ours becomes an entry."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row

from bot import ledger, optouts, revisions, votes
from bot.config import Config
from bot.handlers import Bot
from bot.places import place_of
from bot.situation import policy_of, role_in
from bot.tables import moment
from bot.taking_in import add
from knowledge.audience import audience_of
from knowledge.doubts import doubts_about
from knowledge.entry import KnowledgeEntry
from knowledge.mine import corrected_entry
from knowledge.thread import Role

UNCONFIRMED = "a single person says so, and nobody in charge"  # doubt about a correction


async def learn_corrections(bot: Bot, night: str) -> None:
    """What people wrote as the right answer in place of ours becomes an entry; a customer's waits for approval."""
    found = await bot.database.run(partial(_corrected, bot=bot))
    prepared = await bot.knowledge.prepare([entry for _, entry, _ in found if entry is not None])

    def keep(connection: Connection) -> None:
        now, review = bot.clock.now(), bot.config().night.approve == "review"
        unwilling = optouts.opted_out(connection)
        for correction, entry, doubts in found:
            passages = () if entry is None else entry.passages
            if any(passage.author in unwilling for passage in passages):
                continue  # opted out meanwhile
            if any(ledger.was_erased(connection, passage.source) for passage in passages):
                continue  # deleted meanwhile
            if not votes.settle_correction(connection, correction, "learnt" if entry else "unusable"):
                continue  # forgotten meanwhile
            if entry is not None:
                revisions.learnt_as(connection, correction, entry.id)
                add(connection, night, entry, "a person corrected our answer", doubts, prepared, now, review)

    await bot.database.run(keep)
    await bot.knowledge.follow()


def _corrected(connection: Connection, bot: Bot) -> list[tuple[int, KnowledgeEntry | None, tuple[str, ...]]]:
    config, now = bot.config(), bot.clock.now()
    unwilling = optouts.opted_out(connection)
    rows = [row for row in votes.corrections_in(connection) if row.user not in unwilling]
    people = ledger.everybody(connection) if rows else {}
    return [(row.id, *_correction(connection, config, row, people, unwilling, now)) for row in rows]


def _correction(
    connection: Connection,
    config: Config,
    row: Row[Any],
    people: Mapping[str, str],
    unwilling: frozenset[str],
    now: datetime,
) -> tuple[KnowledgeEntry | None, tuple[str, ...]]:
    conversation = ledger.conversation_of(connection, row.message_id)
    thread = None if conversation is None else ledger.thread(connection, conversation)
    question = next((one for one in thread.messages if one.id == row.message_id), None) if thread else None
    if question is None or thread is None or question.user in unwilling:
        return None, ()
    channel = ledger.channel_of(connection, thread.channel)
    policy = policy_of(config, channel, now)
    if policy.mode == "off" or policy.external_blocked:
        return None, ()  # where it is not to help it does not learn either
    entry = corrected_entry(
        question,
        row.text,
        source=f"correction:{row.id}",
        author=row.user,
        at=moment(row.at),
        audience=audience_of(place_of(connection, config, channel)),
        closed_at=now,
        people=people,
        patterns=config.redact.patterns,
    )
    if entry is None:
        return None, ()
    own = () if role_in(connection, config, row.user) is Role.ANALYST else (UNCONFIRMED,)
    told = replace(question, id=f"correction:{row.id}", user=row.user, text=row.text)
    doubts = doubts_about(replace(thread, messages=(question, told)), entry)
    return entry, (*own, *(doubt.value for doubt in doubts))

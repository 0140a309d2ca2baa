"""What changed in the tables since the first version, as steps that each store takes once. See ``tables``."""

from collections import Counter

from sqlalchemy import Connection, insert, inspect, select

from bot.tables import (
    answer_sources,
    answers,
    audit,
    calibrations,
    cards,
    channel_ids,
    channel_names,
    channels,
    corrections,
    distil_batches,
    doubted,
    drafts,
    drifts,
    erased,
    first_answers,
    further_parts,
    group_members,
    guard_audit,
    link_domains,
    metadata,
    mutes,
    night_changes,
    nights,
    optouts,
    outcomes,
    past_votes,
    people,
    presences,
    presses,
    quoted_before,
    readings,
    revisions,
    saved,
    slack_installations,
    slack_states,
    slack_teams,
    spending,
    streams,
    suggestions,
    tickets,
    told_solutions,
    votes,
    whispers,
    workspaces,
)
from knowledge.audience import workspace_in
from knowledge.database import Migration


def _add_scores(connection: Connection) -> None:
    """What decisions weighed, what threads showed, and the channels' scales."""
    known = {column["name"] for column in inspect(connection).get_columns("decisions")}
    if "features" not in known:
        connection.exec_driver_sql("ALTER TABLE decisions ADD COLUMN features TEXT NOT NULL DEFAULT '{}'")
    metadata.create_all(connection, tables=[outcomes, calibrations])


def _add_manners(connection: Connection) -> None:
    """Mutes, tempo, groups. The first migration makes today's tables, so on a new store all is there already."""
    metadata.create_all(connection, tables=[mutes, first_answers, group_members])
    for column in (people.c.mail_domain, suggestions.c.removed_at, erased.c.conversation):
        known = {about["name"] for about in inspect(connection).get_columns(column.table.name)}
        if column.name not in known:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {kind}")
    for index in (*votes.indexes, *suggestions.indexes):
        index.create(connection, checkfirst=True)


def _add_interaction(connection: Connection) -> None:
    """Drafts, whispers and corrections, and the reason of a 👎; a fresh store has them from its first step."""
    for table in (drafts, whispers, corrections):
        table.create(connection, checkfirst=True)
    if "reason" not in {column["name"] for column in inspect(connection).get_columns("votes")}:
        connection.exec_driver_sql("ALTER TABLE votes ADD COLUMN reason VARCHAR")


def _add_nights(connection: Connection) -> None:
    """Nights and their changes, and when tickets were closed."""
    for table in (nights, night_changes):
        table.create(connection, checkfirst=True)
    if "closed_at" not in {column["name"] for column in inspect(connection).get_columns("tickets")}:
        connection.exec_driver_sql("ALTER TABLE tickets ADD COLUMN closed_at FLOAT")


def _add_optouts(connection: Connection) -> None:
    optouts.create(connection, checkfirst=True)


def _add_drifts(connection: Connection) -> None:
    drifts.create(connection, checkfirst=True)


def _add_surroundings(connection: Connection) -> None:
    for table in (link_domains, told_solutions):
        table.create(connection, checkfirst=True)


def _add_cards(connection: Connection) -> None:
    for table in (cards, presses, saved):
        table.create(connection, checkfirst=True)


def _add_distil_batches(connection: Connection) -> None:
    distil_batches.create(connection, checkfirst=True)


def _add_order_of_learning(connection: Connection) -> None:
    """A night takes closed tickets by age, some at a time; without the order in the index all are sorted each time."""
    connection.exec_driver_sql("DROP INDEX IF EXISTS tickets_learnt")
    for index in tickets.indexes:
        index.create(connection, checkfirst=True)


def _add_audit(connection: Connection) -> None:
    audit.create(connection, checkfirst=True)
    guard_audit(connection)


def _add_retention(connection: Connection) -> None:
    """Which messages went by retention, not by a deletion: what was learnt from them stays."""
    if "aged" not in {column["name"] for column in inspect(connection).get_columns("erased")}:
        connection.exec_driver_sql("ALTER TABLE erased ADD COLUMN aged BOOLEAN")


def _add_spending(connection: Connection) -> None:
    spending.create(connection, checkfirst=True)


def _add_workspaces(connection: Connection) -> None:
    """A store from before has one workspace; should it have heard of several, home is the one with most channels."""
    workspaces.create(connection, checkfirst=True)
    known = connection.execute(select(channels.c.id)).scalars()
    counted = Counter(named for named in map(workspace_in, known) if named is not None)
    for named, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0])):
        connection.execute(insert(workspaces).values(id=named))


def _add_answers(connection: Connection) -> None:
    for table in (answers, answer_sources):
        table.create(connection, checkfirst=True)


def _add_revisions(connection: Connection) -> None:
    for table in (revisions, quoted_before, past_votes, doubted):
        table.create(connection, checkfirst=True)
    for name in ("suggestions", "votes"):
        if "version" not in {column["name"] for column in inspect(connection).get_columns(name)}:
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN version INTEGER NOT NULL DEFAULT '0'")
    for index in suggestions.indexes:
        index.create(connection, checkfirst=True)


def _add_life_of_channels(connection: Connection) -> None:
    for table in (presences, channel_ids, channel_names):
        table.create(connection, checkfirst=True)


def _add_installations(connection: Connection) -> None:
    for table in (slack_installations, slack_teams, slack_states):
        table.create(connection, checkfirst=True)


def _add_readings(connection: Connection) -> None:
    readings.create(connection, checkfirst=True)


def _add_further_parts(connection: Connection) -> None:
    further_parts.create(connection, checkfirst=True)


def _add_streams(connection: Connection) -> None:
    streams.create(connection, checkfirst=True)


MIGRATIONS = [
    Migration("2026-11-ledger", lambda connection: metadata.create_all(connection)),
    Migration("2026-11-scores", _add_scores),
    Migration("2026-11-manners", _add_manners),
    Migration("2026-11-interaction", _add_interaction),
    Migration("2026-11-nights", _add_nights),
    Migration("2026-11-optouts", _add_optouts),
    Migration("2026-11-drifts", _add_drifts),
    Migration("2026-11-surroundings", _add_surroundings),
    Migration("2026-11-cards", _add_cards),
    Migration("2026-11-distil-batches", _add_distil_batches),
    Migration("2026-11-order-of-learning", _add_order_of_learning),
    Migration("2026-11-audit", _add_audit),
    Migration("2026-11-retention", _add_retention),
    Migration("2026-11-spending", _add_spending),
    Migration("2026-11-workspaces", _add_workspaces),
    Migration("2026-11-answers", _add_answers),
    Migration("2026-11-revisions", _add_revisions),
    Migration("2026-11-channels", _add_life_of_channels),
    Migration("2026-11-installations", _add_installations),
    Migration("2026-11-readings", _add_readings),
    Migration("2026-11-further-parts", _add_further_parts),
    Migration("2026-11-streams", _add_streams),
]

"""I/O: gathers what speaks for and against an entry: votes, closed threads, corrections, and who else says the same.

As in `bot.ledger` every function takes a Connection inside a transaction of `Database.run`.
"""

from sqlalchemy import Connection, Select, and_, func, select

from bot import votes
from bot.config import Config
from bot.feedback import Outcome, Vote, trust_from
from bot.situation import roles_in
from bot.tables import corrections, outcomes, quoted, suggestions
from knowledge import store
from knowledge.entry import EntryState, Trust
from knowledge.thread import Role
from knowledge.trust import TrustEvidence, repeated_by, trust_of


def evidence_for(connection: Connection, config: Config, entry_id: str) -> TrustEvidence:
    """What speaks for and against an entry now; nothing for one that is not there."""
    stored = store.stored_by_id(connection, [entry_id]).get(entry_id)
    if stored is None:
        return TrustEvidence()
    under = store.stored_under(connection, entry_id)
    merged = [one for one in under if one.state is EntryState.MERGED]
    return TrustEvidence(
        thumbs=_thumbs(connection, config, entry_id),
        confirmed=stored.entry.confirmed,
        reused=_threads(connection, entry_id, Outcome.SAME),
        refused=_threads(connection, entry_id, Outcome.CONTRADICTED),
        repeated=repeated_by(stored, merged),
        corrected=_corrected(connection, entry_id),
    )


def trust_counted(connection: Connection, config: Config, entry_id: str) -> Trust:
    """The trust in an entry, counted anew: taking a vote back undoes it exactly."""
    return trust_of(evidence_for(connection, config, entry_id))


def _thumbs(connection: Connection, config: Config, entry_id: str) -> Trust:
    live = votes.votes_on_entry(connection, entry_id)
    roles = roles_in(connection, config, [user for _, user, _ in live], Role.UNKNOWN)
    return trust_from(
        Vote(suggestion_id=suggestion, user=user, helpful=helpful, role=roles[user])
        for suggestion, user, helpful in live
    )


def _threads(connection: Connection, entry_id: str, outcome: Outcome) -> int:
    """In how many closed threads a posted answer that quotes the entry came to ``outcome``."""
    posted = and_(suggestions.c.posted_id.is_not(None), outcomes.c.outcome == outcome.value)
    query = (
        select(func.count(suggestions.c.conversation.distinct()))
        .join(outcomes, outcomes.c.message_id == suggestions.c.message_id)
        .where(suggestions.c.id.in_(_quoting(entry_id)), posted)
    )
    return connection.scalar(query) or 0


def _corrected(connection: Connection, entry_id: str) -> int:
    """How many people corrected an answer that quotes the entry, and still vote it down."""
    cast = votes.cast_on_entry(entry_id)
    same = and_(cast.c.suggestion_id == corrections.c.suggestion_id, cast.c.user == corrections.c.user)
    query = (
        select(func.count(corrections.c.user.distinct())).join(cast, same).where(cast.c.helpful.is_(False))
    )
    return connection.scalar(query) or 0


def _quoting(entry_id: str) -> Select[tuple[str]]:
    return select(quoted.c.suggestion_id).where(quoted.c.entry_id == entry_id)

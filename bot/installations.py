"""I/O: in which Slack workspaces the app is installed, with the tokens that Slack gave for them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from bot import audit
from bot.adapters.slack_installed import Installed, NotKept
from bot.tables import moment, seconds, slack_installations, slack_states, slack_teams
from knowledge.database import Database

T = TypeVar("T")

MOST_STATES = 1_000  # at once: anybody may ask for one


class StoredInstallations:
    """``bot.adapters.slack_installed.Installations`` in the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Installed]:
        return await self._run(installations)

    async def save(self, installed: Installed) -> None:
        await self._run(lambda connection: save(connection, installed))

    async def renewed(self, before: Installed, after: Installed) -> bool:
        return await self._run(lambda connection: renew(connection, before, after))

    async def not_renewed(self, installed: Installed, why: str, at: datetime) -> None:
        values = {"trouble": why, "tried_at": seconds(at)}
        change = update(slack_installations).where(slack_installations.c.id == installed.id).values(**values)
        await self._run(lambda connection: connection.execute(change))

    async def heard_of(self, installed: Installed, team: str) -> None:
        row = insert(slack_teams).values(team=team, installation=installed.id)
        kept = row.on_conflict_do_update(index_elements=["team"], set_={"installation": installed.id})
        await self._run(lambda connection: connection.execute(kept))

    async def issue(self, state: str, at: datetime) -> None:
        await self._run(lambda connection: issue(connection, state, at))

    async def consume(self, state: str, since: datetime) -> bool:
        return await self._run(lambda connection: consume(connection, state, since))

    async def _run(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._database.run(work)
        except SQLAlchemyError as error:
            # The error of a statement would quote its values, and these are tokens.
            raise NotKept(f"the store failed: {type(error).__name__}") from None


def installations(connection: Connection) -> list[Installed]:
    """All of them, oldest first."""
    teams = connection.execute(select(slack_teams)).all()
    rows = connection.execute(select(slack_installations).order_by(slack_installations.c.installed_at)).all()
    return [
        _installed(row, frozenset(team.team for team in teams if team.installation == row.id)) for row in rows
    ]


def _installed(row: Row[tuple[object, ...]], teams: frozenset[str]) -> Installed:
    return Installed(
        id=row.id,
        name=row.name,
        user=row.user,
        bot=row.bot,
        url=row.url,
        scopes=frozenset(row.scopes.split()),
        installed_at=moment(row.installed_at),
        token=row.token,
        refresh_token=row.refresh_token,
        expires_at=None if row.expires_at is None else moment(row.expires_at),
        teams=teams,
        trouble=row.trouble,
        tried_at=None if row.tried_at is None else moment(row.tried_at),
    )


def save(connection: Connection, installed: Installed) -> None:
    """Keep it in place of what was kept of the same one."""
    values = {
        "id": installed.id,
        "name": installed.name,
        "user": installed.user,
        "bot": installed.bot,
        "url": installed.url,
        "scopes": " ".join(sorted(installed.scopes)),
        "installed_at": seconds(installed.installed_at),
        "trouble": None,
        "tried_at": None,
        **_token_of(installed),
    }
    row = insert(slack_installations).values(**values)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))
    audit.put(connection, audit.Kind.INSTALLED, installed.installed_at, subject=installed.id)


def renew(connection: Connection, before: Installed, after: Installed) -> bool:
    """Put the new token in the place of the old one, if that still stands there."""
    same = (slack_installations.c.id == before.id) & (slack_installations.c.token == before.token)
    values = {**_token_of(after), "trouble": None, "tried_at": None}
    return connection.execute(update(slack_installations).where(same).values(**values)).rowcount == 1


def _token_of(installed: Installed) -> dict[str, object]:
    expires = None if installed.expires_at is None else seconds(installed.expires_at)
    return {"token": installed.token, "refresh_token": installed.refresh_token, "expires_at": expires}


def remove(connection: Connection, installation: str, at: datetime) -> frozenset[str] | None:
    """Delete an installation, tokens and all, that was taken out at ``at``. The workspaces that it was for.

    None if it was installed anew since: the news is about the one before.
    """
    one = slack_installations.c.id == installation
    installed_at = connection.execute(select(slack_installations.c.installed_at).where(one)).scalar()
    if installed_at is not None and installed_at > seconds(at) + 1:  # Slack tells whole seconds
        return None
    theirs = slack_teams.c.installation == installation
    teams = frozenset(connection.execute(select(slack_teams.c.team).where(theirs)).scalars())
    connection.execute(delete(slack_teams).where(theirs))
    connection.execute(delete(slack_installations).where(one))
    return teams | {installation.partition(":")[2]}


def issue(connection: Connection, state: str, at: datetime) -> None:
    """Remember it; the oldest go where very many are asked for."""
    kept = select(slack_states.c.state).order_by(slack_states.c.issued_at.desc()).limit(MOST_STATES - 1)
    if (connection.execute(select(func.count()).select_from(slack_states)).scalar() or 0) >= MOST_STATES:
        connection.execute(delete(slack_states).where(slack_states.c.state.not_in(kept)))
    connection.execute(insert(slack_states).values(state=state, issued_at=seconds(at)))


def consume(connection: Connection, state: str, since: datetime) -> bool:
    """Whether it was issued after ``since``; it is gone afterwards, and so is all that was issued before."""
    connection.execute(delete(slack_states).where(slack_states.c.issued_at <= seconds(since)))
    return connection.execute(delete(slack_states).where(slack_states.c.state == state)).rowcount == 1

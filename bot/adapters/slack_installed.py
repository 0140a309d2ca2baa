"""What is known of an installation of the app in a workspace or an organisation, and where that is kept. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

EARLY = timedelta(hours=2)  # before a token runs out; tokens that run out are good for twelve hours
AGAIN = timedelta(minutes=5)  # between two tries to renew one


class NotKept(Exception):
    """The store did not take it; it may be tried again."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """An app's installation. ``id``: ``slack:T1``, or ``slack:E1`` of a whole organisation (Enterprise Grid).

    ``url`` as in ``Me``. ``teams``: the workspaces of an organisation that were heard of so far. With
    ``refresh_token`` the token runs out at ``expires_at``. ``trouble``: why it could not be renewed, last tried at
    ``tried_at``.
    """

    id: str
    name: str
    user: str
    bot: str | None
    url: str
    scopes: frozenset[str]
    installed_at: datetime
    token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    teams: frozenset[str] = frozenset()
    trouble: str | None = None
    tried_at: datetime | None = None

    @property
    def home(self) -> str:
        """``T1``, or ``E1`` of a whole organisation."""
        return self.id.partition(":")[2]

    @property
    def is_org(self) -> bool:
        return self.home.startswith("E")


def is_due(installed: Installed, now: datetime) -> bool:
    """Whether its token is to be renewed."""
    if installed.refresh_token is None or installed.expires_at is None:
        return False
    rested = installed.tried_at is None or now - installed.tried_at >= AGAIN
    return rested and installed.expires_at - EARLY <= now


class Installations(Protocol):
    """Where installations are kept. Every method may raise NotKept."""

    async def all(self) -> Sequence[Installed]:
        """Oldest first."""
        ...

    async def save(self, installed: Installed) -> None:
        """In place of what was kept of the same one."""
        ...

    async def renewed(self, before: Installed, after: Installed) -> bool:
        """Keep the new token; False if what is kept is not ``before`` any more: it was installed anew, or taken out."""
        ...

    async def not_renewed(self, installed: Installed, why: str, at: datetime) -> None: ...

    async def heard_of(self, installed: Installed, team: str) -> None:
        """A workspace of an organisation is served."""
        ...

    async def issue(self, state: str, at: datetime) -> None:
        """Remember what a browser was sent to Slack with."""
        ...

    async def consume(self, state: str, since: datetime) -> bool:
        """Whether it was issued after ``since`` and never consumed before."""
        ...

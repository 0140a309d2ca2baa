"""The workspaces in which the app is installed: which of them is meant, and looking something up in all of them."""

import logging
from collections.abc import Sequence

from bot.adapters import slack_wire as wire
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Channel, ChannelKind, Payload, Person
from bot.adapters.slack_installed import Installed
from bot.adapters.slack_workspace import SlackWorkspace, UnknownGroup
from knowledge.audience import Standing

log = logging.getLogger("earshot.slack")

_NOWHERE = "Earshot is installed in no Slack workspace yet; open /slack/install"


class SlackWorkspaces:
    """One ``SlackWorkspace`` for each team. An organisation's token serves every team of it that is heard of."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._installed: dict[str, Installed] = {}  # by home
        self._by_team: dict[str, SlackWorkspace] = {}
        self._whose: dict[str, str] = {}  # team -> home

    @property
    def installed(self) -> Sequence[Installed]:
        return list(self._installed.values())

    @property
    def teams(self) -> Sequence[str]:
        """Those that have channels: an organisation itself has none."""
        return [team for team in self._by_team if not team.startswith("E")]

    def at(self, place: str) -> SlackWorkspace | None:
        """The workspace of a whole id."""
        return self._by_team.get(place.removeprefix(f"{wire.NAME}:").split("/", 1)[0])

    def named(self, place: str) -> SlackWorkspace:
        """As ``at``; who names no workspace means the only one. Raises LookupFailed."""
        whole = place.startswith(f"{wire.NAME}:")
        found = self.at(place) if whole or len(self._by_team) != 1 else next(iter(self._by_team.values()))
        if found is None:
            raise LookupFailed(f"{place}: Earshot is not installed in that Slack workspace")
        return found

    # ---- coming and going

    def join(self, installed: Installed) -> None:
        """Serve it, or go on with its new token."""
        self._installed[installed.home] = installed
        known = {
            team for team, home in self._whose.items() if home == installed.home
        }  # installed anew: new token
        for team in {installed.home, *installed.teams, *known}:
            self._serve(installed, team)

    def join_team(self, installed: Installed, team: str) -> None:
        """Serve one more workspace of an organisation."""
        self._serve(installed, team)
        log.info("%s of %s is served", team, installed.name)

    def _serve(self, installed: Installed, team: str) -> None:
        me = wire.Me(team=team, user=installed.user, bot=installed.bot, url=installed.url)
        known = self._by_team.get(team)
        if known is not None and (known.me, known.granted) == (me, installed.scopes):
            known.renew(installed.token)
            return
        self._whose[team] = installed.home
        self._by_team[team] = SlackWorkspace(
            installed.token, self._base_url, me, installed.scopes, of_org=installed.is_org
        )

    def leave(self, home: str) -> None:
        """Serve it no more, nor any team of it."""
        self._installed.pop(home, None)
        for team in [team for team, whose in self._whose.items() if whose == home]:
            del self._by_team[team], self._whose[team]

    # ---- which one is meant

    def home_of(self, body: Payload) -> SlackWorkspace | None:
        """Where a delivery belongs; None if we are installed in no workspace that it names."""
        return next((self._by_team[team] for team in wire.homes(body) if team in self._by_team), None)

    def new_team(self, body: Payload) -> tuple[Installed, str] | None:
        """A workspace of a known organisation that was not heard of before, and its organisation."""
        installed = self._installed.get(wire.org_of(body) or "")
        team = next(iter(wire.homes(body)), "")
        unheard = installed is not None and team not in self._by_team
        return (installed, team) if installed is not None and unheard and team else None

    # ---- looking up

    def _teams(self) -> list[SlackWorkspace]:
        """Those in which things have names. Raises LookupFailed."""
        found = [self._by_team[team] for team in self.teams]
        if not found:
            raise LookupFailed(_NOWHERE)
        return found

    async def place(self, given: str) -> Channel | None:
        """As ``Adapter.place``: in the workspace that is named, else in every one. Raises LookupFailed."""
        if given.startswith(f"{wire.NAME}:"):
            workspace = self.at(given)
            return None if workspace is None else await workspace.place(given)
        teams = self._teams()
        linked = [workspace for workspace in teams if given.startswith(workspace.me.url)] or teams
        if len(linked) == 1:
            return await linked[0].place(given)
        found = [place for workspace in linked if (place := await _there(workspace, given)) is not None]
        if len(found) > 1:
            listed = ", ".join(place.id for place in found)
            raise LookupFailed(f"{given} may be any of: {listed}; give one of these")
        return found[0] if found else None

    async def people(self, ref: str) -> Sequence[Person]:
        """As ``Adapter.people``: of a group that several workspaces have, the members of all. Raises LookupFailed."""
        if ref.startswith(f"{wire.NAME}:"):
            return await self.named(ref).people(ref)
        found: list[Sequence[Person]] = []
        unknown: LookupFailed | None = None
        for workspace in self._teams():
            try:
                found.append(await workspace.people(ref))
            except LookupFailed as error:
                unknown = _told(error)
        if unknown is not None and not found:
            raise unknown
        return [person for people in found for person in people]


async def _there(workspace: SlackWorkspace, given: str) -> Channel | None:
    """The place, if it is one of this workspace: an id of a person fits every one."""
    try:
        place = await workspace.place(given)
        if place is None or place.kind is not ChannelKind.DIRECT or wire.bare(place.id).startswith("D"):
            return place
        (person,) = await workspace.people(place.id)
    except LookupFailed as error:
        _told(error)
        return None
    return None if person.standing is Standing.STRANGER else place


# What Slack says of something that is not there, and of a workspace that tells us nothing until it is mended. Neither
# must keep what is in the others from being found; `earshot doctor` names it.
_TELLING = (
    "account_inactive",
    "invalid_auth",
    "missing_scope",
    "no_such_subteam",
    "not_authed",
    "team_access_not_granted",
    "token_revoked",
    "user_not_found",
)


def _told(error: LookupFailed) -> LookupFailed:
    """The error, if it is Slack's last word on it; else it is raised: asked again, Slack may know."""
    if isinstance(error, UnknownGroup) or any(said in str(error) for said in _TELLING):
        log.debug("passed over: %s", error)
        return error
    raise error

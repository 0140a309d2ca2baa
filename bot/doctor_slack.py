"""`earshot doctor` on Slack: the addresses to enter there, and what is amiss in each workspace. Pure."""

from collections.abc import Mapping, Sequence

from bot.adapters import slack_wire
from bot.adapters.slack_installed import Installed
from bot.config import Config, groups_in, mail_domains_in
from bot.doctor import Finding


def scopes_for(config: Config) -> frozenset[str]:
    """What a workspace that installs the app is asked for: what is always needed, and what the settings need."""
    clip = config.defaults.clip or any(channel.clip for channel in config.channels.values())
    wanted = {
        slack_wire.GROUPS_SCOPE: bool(groups_in(config.analysts)),
        slack_wire.MAIL_SCOPE: bool(mail_domains_in(config.analysts)),
        slack_wire.CLIP_SCOPE: clip,
        slack_wire.FILES_SCOPE: config.writer == "claude" and config.claude.images,
    }
    return slack_wire.SCOPES | {scope for scope, needed in wanted.items() if needed}


def examine_addresses(config: Config, *, installing: bool) -> list[Finding]:
    """What to enter at Slack. Whether Slack reaches it cannot be seen from here."""
    proxy = f"of your proxy before {config.console.host}:{config.console.port}"
    found = []
    if config.slack.mode == "http":
        text = (
            f"enter https://…/slack/events {proxy} as Request URL under Event Subscriptions, Interactivity & Shortcuts "
            "and the command /earshot, and turn Socket Mode off; whether Slack reaches it is not checked from here"
        )
        found.append(Finding(name="slack address", ok=True, text=text))
    if installing:
        text = (
            f"enter https://…/slack/oauth_redirect {proxy} as Redirect URL under OAuth & Permissions; "
            "workspaces install at https://…/slack/install"
        )
        found.append(Finding(name="slack install", ok=True, text=text))
    return found


def examine_workspaces(
    installed: Sequence[Installed], told: Mapping[str, frozenset[str] | str], *, installing: bool
) -> list[Finding]:
    """Each workspace, with what Slack ``told`` of its token, by id: the scopes, or why it is refused."""
    if not installed and installing:
        text = "installed nowhere yet; open https://…/slack/install"
        return [Finding(name="slack", ok=False, text=text)]
    return [finding for one in installed for finding in _examined(one, told[one.id])]


def _examined(one: Installed, told: frozenset[str] | str) -> list[Finding]:
    found = []
    if one.trouble is not None:
        tried = "" if one.tried_at is None else f" at {one.tried_at:%Y-%m-%d %H:%M} UTC"
        until = (
            "" if one.expires_at is None else f", and the old one is good until {one.expires_at:%H:%M} UTC"
        )
        text = (
            f"{one.name} ({one.id}): its token could not be renewed{tried}: {one.trouble}; it is tried again while "
            f"Earshot runs{until}. If it stays so, install the app there again"
        )
        found.append(Finding(name="slack token", ok=False, text=text))
    if isinstance(told, str):
        text = f"{one.name} ({one.id}): {told}; install the app there again, or let it be uninstalled there"
        return [*found, Finding(name="slack", ok=False, text=text)]
    if missing := sorted(slack_wire.SCOPES - told):
        text = (
            f"{one.name} ({one.id}): the token lacks the scope{'s' if len(missing) > 1 else ''} {', '.join(missing)}; "
            "install the app there again"
        )
        return [*found, Finding(name="slack", ok=False, text=text)]
    good = f"tokens and scopes are good; the bot is {one.user} in {one.home}"
    return [*found, Finding(name="slack", ok=True, text=good)]

"""`earshot doctor`: what is wrong, in words that say what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from bot import drifts, inbox, intents, ledger
from bot.adapters import slack_wire
from bot.config import Config, Secrets, groups_in, mail_domains_in
from bot.config_file import problems_to_run
from bot.places import served
from bot.spending import LITTLE, day_of, limit_of, spent_on, spent_out
from bot.writing import prices_of
from knowledge import store
from knowledge.database import Database


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    text: str


def examine_config(config: Config, secrets: Secrets) -> list[Finding]:
    """Whether the enabled platforms could start."""
    problems = problems_to_run(config, secrets)
    if problems:
        return [Finding(name="tokens", ok=False, text=str(problem)) for problem in problems]
    named = (("Slack", config.slack.enabled), ("Lark", config.lark.enabled))
    enabled = " and ".join(name for name, on in named if on) or "no platform"
    return [Finding(name="tokens", ok=True, text=f"{enabled} enabled, nothing missing in the environment")]


def examine_scopes(config: Config, granted: frozenset[str]) -> list[Finding]:
    """The optional scopes that the settings need and Slack did not grant."""
    wanted = [
        (slack_wire.GROUPS_SCOPE, groups_in(config.analysts), "nobody is known to be in"),
        (slack_wire.MAIL_SCOPE, mail_domains_in(config.analysts), "nobody is known to belong to"),
    ]
    return [
        Finding(
            name="scope",
            ok=False,
            text=f"analysts names {', '.join(sorted(named))}, but the bot token lacks the scope {scope}, so {so} it; "
            f"add {scope} under OAuth & Permissions and reinstall the app, or list the people's ids",
        )
        for scope, named, so in wanted
        if named and scope not in granted
    ]


def examine_clip(config: Config, granted: frozenset[str]) -> list[Finding]:
    """Whether the 📎 that config.yaml asks for can be put on; nothing where it asks for none."""
    wanted = config.defaults.clip or any(channel.clip for channel in config.channels.values())
    if not wanted or slack_wire.CLIP_SCOPE in granted:
        return []
    remedy = "add it under OAuth & Permissions and reinstall the app, or set clip: off"
    text = f"the bot token lacks the scope {slack_wire.CLIP_SCOPE}; {remedy}"
    return [Finding(name="clip", ok=False, text=text)]


def examine_images(config: Config, granted: frozenset[str]) -> list[Finding]:
    """Whether the screenshots that config.yaml wants sent to Claude can be read; nothing where it wants none."""
    if config.writer != "claude" or not config.claude.images or slack_wire.FILES_SCOPE in granted:
        return []
    remedy = "add it under OAuth & Permissions and reinstall the app, or set claude.images: false"
    text = f"the bot token lacks the scope {slack_wire.FILES_SCOPE}; {remedy}"
    return [Finding(name="screenshots", ok=False, text=text)]


def examine_claude(database: Database, config: Config, now: datetime) -> list[Finding]:
    """What Claude cost today, and whether the budget is spent; nothing where it does not write."""
    if config.writer != "claude":
        return []
    day, limit = day_of(now, config), limit_of(config)
    spent = database.run_blocking(lambda connection: spent_on(connection, day))
    left = "" if limit.allows(spent + LITTLE) else "; spent for today, answers are quoted"
    found = [Finding(name="claude", ok=True, text=f"{spent} of {limit} today{left}")]
    poor = database.run_blocking(lambda connection: spent_out(connection, config, day))
    if poor:
        text = f"spent for today in {', '.join(poor)}; answers there are quoted"
        found.append(Finding(name="claude", ok=True, text=text))
    if prices_of(config).of(config.claude.model) is None:
        remedy = "set claude.price_in and claude.price_out"
        text = f"the price of {config.claude.model} is not known, so it is counted as the dearest; {remedy}"
        found.append(Finding(name="claude.model", ok=False, text=text))
    return found


def examine_store(database: Database) -> list[Finding]:
    """What the store tells: events set aside, posts given up, knowledge."""
    return database.run_blocking(_examine)


def _examine(connection: Connection) -> list[Finding]:
    known = store.counts(connection)
    arrived, sent = inbox.inbox_counts(connection), intents.outbox_counts(connection)
    waiting = arrived.get("pending", 0) + arrived.get("running", 0)
    return [
        *_set_aside(inbox.poison(connection)),
        Finding(
            name="inbox",
            ok=True,
            text=f"{waiting} to be handled, {arrived.get('waiting', 0)} waiting for people",
        ),
        Finding(name="outbox", ok=True, text=_counted(sent) or "nothing was posted yet"),
        *[Finding(name="dropped post", ok=True, text=why) for why in intents.dropped(connection)],
        *_drifted(drifts.all_fallen(connection)),
        Finding(name="tickets", ok=True, text=_counted(ledger.ticket_counts(connection)) or "none yet"),
        Finding(name="knowledge", ok=True, text=f"{known.entries} entries"),
        *_at_home(served(connection)),
    ]


def _set_aside(rows: Sequence[Row[Any]]) -> list[Finding]:
    if not rows:
        return [Finding(name="events set aside", ok=True, text="none")]
    remedy = "mend the cause, then `earshot doctor --retry`"
    return [
        Finding(
            name="event set aside",
            ok=False,
            text=f"#{row.id} of {row.conversation} after {row.tries} tries: {row.error}; {remedy}",
        )
        for row in rows
    ]


def _at_home(workspaces: Sequence[str]) -> list[Finding]:
    """Whose knowledge `workspace` is, where more than one is served."""
    if len(workspaces) < 2:
        return []
    home, *others = workspaces
    text = f"`workspace` is for {home}; what is learnt in {', '.join(others)} stays there"
    return [Finding(name="workspaces", ok=True, text=text)]


def _drifted(channels: Sequence[drifts.Fallen]) -> list[Finding]:
    """Channels whose replies are drafts for now. No problem of the machine's, but one that a person should look at."""
    remedy = "it replies again after three nights as before, or once its mode or precision is set anew"
    return [
        Finding(
            name="drift",
            ok=False,
            text=f"{one.channel} gets drafts instead of replies since {one.since:%Y-%m-%d}: {one.why}; {remedy}",
        )
        for one in channels
    ]


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))

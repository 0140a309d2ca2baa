"""`earshot doctor` on Slack: what to enter there, and what is amiss in each workspace."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_install import SlackInstalling
from bot.adapters.slack_wire import SCOPES
from bot.app import open_database
from bot.doctor_slack import examine_addresses, examine_workspaces, scopes_for
from bot.installations import StoredInstallations
from bot.web import Web
from tests.bot.running import config
from tests.bot.test_slack_install import installed
from tests.local_slack import LocalSlack

HERE = datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_over_http_it_says_which_addresses_to_enter_and_that_they_are_not_checked() -> None:
    over_http = config(slack={"mode": "http"}, console={"host": "127.0.0.1", "port": 8080})
    assert examine_addresses(config(), installing=False) == []
    events, install = examine_addresses(over_http, installing=True)
    assert "/slack/events of your proxy before 127.0.0.1:8080 as Request URL" in events.text
    assert "not checked from here" in events.text and "turn Socket Mode off" in events.text
    assert "/slack/oauth_redirect" in install.text and "/slack/install" in install.text
    assert events.ok and install.ok


def test_each_workspace_is_listed_with_what_it_lacks() -> None:
    good, poor = installed("T1"), replace(installed("T2"), name="Poor")
    void, tired = installed("T3"), replace(installed("T4"), refresh_token="xoxe-1")
    tired = replace(
        tired, trouble="invalid_refresh_token", tried_at=HERE, expires_at=HERE + timedelta(hours=1)
    )
    told: dict[str, frozenset[str] | str] = {
        good.id: SCOPES,
        poor.id: SCOPES - {"groups:history", "commands"},
        void.id: "Slack: account_inactive",
        tired.id: SCOPES,
    }
    found = examine_workspaces([good, poor, void, tired], told, installing=True)
    assert [(finding.ok, finding.text) for finding in found] == [
        (True, "tokens and scopes are good; the bot is U1 in T1"),
        (
            False,
            "Poor (slack:T2): the token lacks the scopes commands, groups:history; install the app there again",
        ),
        (
            False,
            "Example (slack:T3): Slack: account_inactive; install the app there again, or let it be uninstalled there",
        ),
        (
            False,
            "Example (slack:T4): its token could not be renewed at 2026-01-05 12:00 UTC: invalid_refresh_token; it is "
            "tried again while Earshot runs, and the old one is good until 13:00 UTC. If it stays so, install the app "
            "there again",
        ),
        (True, "tokens and scopes are good; the bot is U1 in T4"),
    ]
    (nowhere,) = examine_workspaces([], {}, installing=True)
    assert not nowhere.ok and "open https://…/slack/install" in nowhere.text
    assert "xoxe" not in str(found) and "xoxb" not in str(found)


def test_a_workspace_is_asked_for_what_the_settings_need() -> None:
    assert scopes_for(config()) == SCOPES
    more = config(analysts=["@support-team", "*@example.com"], channels={"#help": {"clip": "on"}})
    assert scopes_for(more) - SCOPES == {"usergroups:read", "users:read.email", "reactions:write"}
    shown = config(writer="claude", claude={"images": "true"})
    assert scopes_for(shown) - SCOPES == {"files:read"}


async def test_a_bad_workspace_keeps_no_other_from_being_checked(tmp_path: Path) -> None:
    with LocalSlack(scopes=SCOPES - {"commands"}) as slack:
        database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
        store = StoredInstallations(database)
        await store.save(replace(installed(), token=slack.bot_token))
        await store.save(replace(installed("T0GONE0001"), token="xoxb-void"))
        web = Web("127.0.0.1", 0)
        adapter = SlackAdapter(
            "", slack.app_token, slack.base_url, None, SlackInstalling("1.2", "s", slack.base_url, store, web)
        )
        await adapter.check()
        told = await adapter.examine()
        database.close()
        assert told == {"slack:T0LOCAL001": SCOPES - {"commands"}, "slack:T0GONE0001": "Slack: invalid_auth"}
        assert slack.forgive("invalid_auth") and slack.violations == []

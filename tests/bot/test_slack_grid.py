"""Which workspace a delivery is for: Slack Connect, Enterprise Grid, and apps that a whole organisation installed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Row, select

from bot import tables
from bot.adapters import slack_wire as wire
from bot.adapters.events import Heard, Ignored, Uninstalled
from knowledge.audience import Standing
from tests.bot.running import ANN, CARL, CHANNEL, OTHERS_QUESTION, QUESTION, workspace
from tests.bot.test_slack_install import install, serving
from tests.local_slack import PATIENT_SCHEDULE, Identity, LocalSlack

ORG, TEAM, SECOND, FOREIGN = "E0ORG00001", "T0LOCAL001", "T0SECOND01", "T0FOREIGN1"
WHOLE_ORG = Identity(enterprise=ORG, org_wide=True)


def authorized(team: str | None, org: str | None = None, *, whole: bool = False) -> dict[str, Any]:
    entry = {"enterprise_id": org, "team_id": team, "user_id": "UBOT", "is_bot": True}
    return {"authorizations": [{**entry, "is_enterprise_install": whole}]}


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("a workspace", {"team_id": "T1", **authorized("T1")}, "T1"),
    ("a channel shared with us", {"team_id": "T9", "context_team_id": "T1", **authorized("T1")}, "T1"),
    ("one workspace of a Grid", {"team_id": "T1", "enterprise_id": "E1", **authorized("T1", "E1")}, "T1"),
    (
        "a whole organisation",
        {"team_id": "T1", "enterprise_id": "E1", **authorized(None, "E1", whole=True)},
        "T1",
    ),
    (
        "an organisation in a channel shared with it",
        {"team_id": "T9", "enterprise_id": "E9", **authorized(None, "E1", whole=True)},
        "E1",
    ),
    (
        "the same, where Slack says through which workspace",
        {
            "team_id": "T9",
            "enterprise_id": "E9",
            "context_team_id": "T2",
            **authorized(None, "E1", whole=True),
        },
        "T2",
    ),
    ("a click", {"type": "block_actions", "team": {"id": "T1"}, "user": {"id": "U1", "team_id": "T1"}}, "T1"),
    (
        "a click of somebody from another company",
        {
            "type": "block_actions",
            "team": {"id": "T9"},
            "user": {"id": "U1", "team_id": "T9"},
            "message": {"bot_profile": {"team_id": "T1"}},
        },
        "T1",
    ),
    (
        "a form of somebody from another company",
        {"type": "view_submission", "team": {"id": "T9"}, "view": {"app_installed_team_id": "T1"}},
        "T1",
    ),
    (
        "a click where the organisation installed it",
        {
            "type": "block_actions",
            "team": None,
            "user": {"id": "U1", "team_id": "T2"},
            "enterprise": {"id": "E1"},
            "is_enterprise_install": True,
        },
        "T2",
    ),
    ("a command", {"command": "/earshot", "team_id": "T1", "is_enterprise_install": "false"}, "T1"),
]


@pytest.mark.parametrize(("body", "team"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_workspace_that_is_meant_stands_first(body: dict[str, Any], team: str) -> None:
    assert wire.homes(body)[0] == team
    homed = wire.homed(body, team)
    assert (homed.get("team") or {}).get("id", homed.get("team_id")) == team
    assert {**homed, "team": 0, "team_id": 0} == {
        **body,
        "team": 0,
        "team_id": 0,
    }  # and nothing else is changed


def test_what_names_no_workspace_is_of_none() -> None:
    assert wire.homes({"type": "url_verification", "challenge": "c"}) == []


@pytest.mark.parametrize(
    ("body", "installation"),
    [
        ({"team_id": "T1", "event": {"type": "app_uninstalled"}, **authorized("T1")}, "slack:T1"),
        (
            {"team_id": "T1", "event": {"type": "app_uninstalled"}, **authorized(None, "E1", whole=True)},
            "slack:E1",
        ),
        ({"team_id": "T1", "event": {"type": "tokens_revoked", "tokens": {"bot": ["UBOT"]}}}, "slack:T1"),
    ],
)
def test_who_took_it_out_is_told(body: dict[str, Any], installation: str) -> None:
    gone = wire.uninstalled({**body, "event_time": 1_700_000_000})
    assert gone == Uninstalled(installation=installation, at=wire.when("1700000000"))


def test_revoked_tokens_of_people_are_nothing_to_us() -> None:
    body = {"team_id": "T1", "event": {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}}
    me = wire.Me(team="T1", user="UBOT", bot=None, url="https://example.slack.com/")
    assert isinstance(wire.parse(body, me), Ignored)


# ---- against the local Slack


@pytest.fixture
def grid() -> Iterator[LocalSlack]:
    with LocalSlack(identity=WHOLE_ORG, schedule=PATIENT_SCHEDULE) as local:
        workspace(local)
        local.oauth.redirect_urls = ["https://earshot.example/slack/oauth_redirect"]
        yield local
        assert local.violations == []


async def test_an_organisation_installs_once_and_every_workspace_of_it_is_served_also_after_a_restart(
    grid: LocalSlack, tmp_path: Path
) -> None:
    async with serving(grid, tmp_path) as served:
        await install(grid, served.web)
        asked = grid.post(CHANNEL, ANN, QUESTION)
        await grid.until(lambda: len(grid.bot_replies(asked)) == 1)
        assert (place := await served.adapter.place("#help")) is not None
        assert place.id == f"slack:{TEAM}/{CHANNEL}"  # the token alone does not say in which workspace
        root = grid.message(CHANNEL, asked)
        said = {"type": "message", "channel": CHANNEL, "channel_type": "channel", "user": CARL}
        event = {**said, "text": OTHERS_QUESTION, "ts": root.ts.replace(".", "1.")[1:]}
        grid.event(event, outer={"team_id": SECOND, "context_team_id": SECOND})
        await grid.until(grid.all_acked)
        (one,) = await served.store.all()
        assert (one.id, one.teams) == (f"slack:{ORG}", frozenset({TEAM, SECOND}))
    async with serving(grid, tmp_path) as served:
        await served.adapter.check()
        body = {"type": "event_callback", "team_id": SECOND, "event_id": "Ev1", "event": event}
        heard = served.adapter.parse(body)
        assert isinstance(heard, Heard) and heard.channel.id == f"slack:{SECOND}/{CHANNEL}"
        grid.event({"type": "app_uninstalled"}, outer={"team_id": SECOND})
        await grid.until(lambda: not served.adapter.installed)
        assert isinstance(served.adapter.parse(body), Ignored)
        assert await served.store.all() == []


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(schedule=PATIENT_SCHEDULE) as local:
        workspace(local)
        local.oauth.redirect_urls = ["https://earshot.example/slack/oauth_redirect"]
        yield local
        assert local.violations == []


def _messages(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(tables.messages)).all())


async def test_what_another_company_says_in_a_shared_channel_is_heard_in_our_workspace_and_by_a_stranger(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_channel("C0SHARED01", "shared", external=True, members=[ANN])
    slack.add_user("U0ELSE0001", "else", team=FOREIGN)
    said = {"type": "message", "channel": "C0SHARED01", "channel_type": "channel", "user": "U0ELSE0001"}
    said |= {"text": QUESTION, "user_team": FOREIGN, "source_team": FOREIGN, "team": FOREIGN}
    async with serving(slack, tmp_path) as served:
        await install(slack, served.web)
        slack.event(
            {**said, "ts": "1700000000.000100"},
            external=True,
            outer={"team_id": FOREIGN, "enterprise_id": "E9"},
        )
        deadline = asyncio.get_running_loop().time() + 10
        while not (kept := await served.database.run(_messages)):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert [(row.channel, row.user) for row in kept] == [
            (f"slack:{TEAM}/C0SHARED01", f"slack:{TEAM}/U0ELSE0001")
        ]
        (person,) = await served.adapter.people(f"slack:{TEAM}/U0ELSE0001")
        assert person.standing is Standing.STRANGER
    assert slack.posts() == []  # `external` is off

"""Several workspaces by OAuth: installing, being served, tokens that run out, being taken out again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import select, text

from bot import inbox, tables
from bot.adapters.acts import ActRefused, Post
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Channel
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import PATH, SlackHook
from bot.adapters.slack_install import INSTALL, REDIRECT, SlackInstalling
from bot.adapters.slack_installed import Installed
from bot.adapters.slack_wire import SCOPES
from bot.app import App, assemble, open_database
from bot.config import Secrets
from bot.config_file import problems_to_run
from bot.installations import StoredInstallations, issue, remove, save
from bot.intents import intend
from bot.web import Web
from knowledge.database import Database
from knowledge.embed import HashEmbedder
from knowledge.entry import PUBLIC
from knowledge.search import Knowledge
from tests.bot.running import (
    ANN,
    BOB,
    CARL,
    CHANNEL,
    OTHERS_QUESTION,
    QUESTION,
    config,
    entry,
    workspace,
)
from tests.bot.test_adapter_contract import SUGGESTION
from tests.local_slack import DEFAULT_SCOPES, PATIENT_SCHEDULE, Identity, LocalSlack, Pass, SlackError

SECRET = "a signing secret"
COOKIE = "slack-app-oauth-state"
OTHER = Identity(
    team="T0OTHER001",
    team_name="Other",
    domain="other",
    bot="B0OTHER001",
    bot_user="U0OTHER001",
)
HELP_THERE = "C0HELP002"
NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack(schedule=PATIENT_SCHEDULE) as local:
        workspace(local)
        local.oauth.redirect_urls = ["https://earshot.example/slack/oauth_redirect"]
        yield local
        assert local.violations == []


@pytest.fixture
def other(slack: LocalSlack) -> Iterator[LocalSlack]:
    with LocalSlack(
        identity=OTHER, scopes=[*DEFAULT_SCOPES, "usergroups:read"], schedule=PATIENT_SCHEDULE
    ) as local:
        slack.play(local)
        local.add_user(ANN, "ann")
        local.add_channel(HELP_THERE, "help", members=[ANN])
        yield local
        assert local.violations == []


@dataclass(frozen=True, kw_only=True)
class Served:
    """An Earshot over HTTP in which workspaces install."""

    app: App
    adapter: SlackAdapter
    database: Database
    web: Web
    store: StoredInstallations


@asynccontextmanager
async def serving(
    slack: LocalSlack, folder: Path, *others: LocalSlack, look: float = 60.0, socket: bool = False
) -> AsyncIterator[Served]:
    """Events come over HTTP, or over one ``socket``."""
    database = open_database(f"sqlite:///{folder / 'earshot.db'}")
    knowledge = Knowledge(database, HashEmbedder(), folder / "index")
    await knowledge.open()
    await knowledge.learn([entry(audience=PUBLIC)])
    web, store = Web("127.0.0.1", 0), StoredInstallations(database)
    oauth = slack.oauth
    installing = SlackInstalling(oauth.client_id, oauth.client_secret, slack.base_url, store, web, look=look)
    hook = None if socket else SlackHook(SECRET, web)
    adapter = SlackAdapter("", slack.app_token, slack.base_url, hook, installing)
    settings = config()
    app = assemble(
        lambda: settings, database, knowledge, [adapter], settle=timedelta(milliseconds=20), web=web
    )
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        await slack.until(lambda: bool(web.url) or task.done())
        if task.done():
            task.result()
        for each in () if socket else (slack, *others):
            each.post_events_to(web.url + PATH, SECRET)
        yield Served(app=app, adapter=adapter, database=database, web=web, store=store)
    finally:
        stop.set()
        await task
        await knowledge.close()
        database.close()


async def begun(web: Web) -> tuple[str, str]:
    """The address at Slack that a browser is sent to, and the cookie that it is given."""
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(web.url + INSTALL, allow_redirects=False) as sent,
    ):
        assert sent.status == 302
        assert "Secure" in sent.headers["Set-Cookie"] and "HttpOnly" in sent.headers["Set-Cookie"]
        return sent.headers["Location"], sent.cookies[COOKIE].value


async def came_back(web: Web, back: str, cookie: str) -> tuple[int, str]:
    headers = {"Cookie": f"{COOKIE}={cookie}"} if cookie else {}
    async with aiohttp.ClientSession() as browser:
        address = f"{web.url}{REDIRECT}?{urlsplit(back).query}"
        async with browser.get(address, headers=headers) as done:
            return done.status, await done.text()


async def install(slack: LocalSlack, web: Web, identity: Identity | None = None) -> None:
    address, cookie = await begun(web)
    status, page = await came_back(web, slack.agree(address, identity), cookie)
    assert status == 200, page


# ---- installing


async def test_two_workspaces_install_one_after_another_and_each_is_answered_where_it_asked(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path
) -> None:
    async with serving(slack, tmp_path, other) as served:
        await install(slack, served.web)
        asked = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(asked)) == 1)
        await install(slack, served.web, OTHER)
        there = other.post(HELP_THERE, ANN, QUESTION)
        await slack.until(lambda: len(other.bot_replies(there)) == 1)
        assert [one.id for one in served.adapter.installed] == ["slack:T0LOCAL001", "slack:T0OTHER001"]
    assert (len(slack.posts()), len(other.posts())) == (1, 1)
    await asyncio.sleep(1.0)  # a restart takes longer than here, and Slack's pace counts over it
    async with serving(slack, tmp_path, other):  # as after a restart
        again = slack.post(CHANNEL, CARL, OTHERS_QUESTION)
        await slack.until(lambda: len(slack.bot_replies(again)) == 1)


async def test_one_socket_brings_the_events_of_all_workspaces(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path
) -> None:
    other.hold = True  # it has no connection of its own
    async with serving(slack, tmp_path, socket=True) as served:
        await install(slack, served.web)
        await install(slack, served.web, OTHER)
        asked, there = slack.post(CHANNEL, ANN, QUESTION), other.post(HELP_THERE, ANN, QUESTION)
        slack.relay(other.events[-1])
        await slack.until(lambda: len(slack.bot_replies(asked)) == len(other.bot_replies(there)) == 1)
    assert slack.sockets_opened == 1


async def test_the_address_at_slack_asks_for_the_scopes_of_the_manifest_and_no_rights_of_a_person(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with serving(slack, tmp_path) as served:
        address, cookie = await begun(served.web)
    asked = parse_qs(urlsplit(address).query, keep_blank_values=True)
    assert set(asked["scope"][0].split(",")) == SCOPES and asked["user_scope"] == [""]
    assert asked["state"] == [cookie] and urlsplit(address).path == "/oauth/v2/authorize"


async def test_who_comes_back_must_be_who_was_sent_and_only_once(slack: LocalSlack, tmp_path: Path) -> None:
    async with serving(slack, tmp_path) as served:
        web = served.web
        address, cookie = await begun(web)
        back = slack.agree(address)
        assert (await came_back(web, back, ""))[0] == 400  # another browser: somebody was sent a link
        assert (await came_back(web, back, "made-up"))[0] == 400
        made_up = "https://x/?code=c&state=made-up"
        assert (await came_back(web, made_up, "made-up"))[0] == 401
        assert (await came_back(web, back, cookie))[0] == 200
        assert (await came_back(web, slack.agree(address), cookie))[0] == 401  # the state was used
        late, late_cookie = await begun(web)
        aged = text("UPDATE slack_states SET issued_at = issued_at - 601")
        await served.database.run(lambda connection: connection.execute(aged))
        assert (await came_back(web, slack.agree(late), late_cookie))[0] == 401
        refused, refused_cookie = await begun(web)
        denied = f"https://x/?error=access_denied&state={refused_cookie}"
        assert "access_denied" in (await came_back(web, denied, refused_cookie))[1]
        assert len(await served.store.all()) == 1
        assert refused


async def test_what_slack_refuses_at_the_last_step_installs_nothing(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with serving(slack, tmp_path) as served:
        for method, fault, status in (
            ("oauth.v2.access", SlackError("invalid_code"), 401),
            ("auth.test", SlackError("internal_error"), 401),
        ):
            slack.faults[method].append(fault)
            address, cookie = await begun(served.web)
            assert (await came_back(served.web, slack.agree(address), cookie))[0] == status
        assert await served.store.all() == [] and list(served.adapter.installed) == []


def test_states_are_not_hoarded_whoever_asks_for_them(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")

    def ask(connection: object) -> int:
        for number in range(1_005):
            issue(connection, f"state {number}", NOW + timedelta(seconds=number))  # type: ignore[arg-type]
        return len(connection.execute(select(tables.slack_states)).all())  # type: ignore[attr-defined]

    assert database.run_blocking(ask) == 1_000
    database.close()


# ---- which workspace


async def test_an_event_of_a_workspace_that_did_not_install_is_acknowledged_and_not_kept(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(slack, tmp_path, other) as served:
        await install(slack, served.web)
        other.post(HELP_THERE, ANN, QUESTION)
        await other.until(other.all_acked)
        other.command("/earshot", "status", HELP_THERE, ANN)
        await other.until(other.all_acked)
        kept = await served.database.run(lambda connection: connection.execute(select(tables.inbox)).all())
        assert kept == []
    assert "not installed in T0OTHER001" in caplog.text
    assert {status for _, status in other.http_answers} == {200}


async def test_a_name_that_two_workspaces_know_is_refused_with_what_it_may_be(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path
) -> None:
    other.add_channel("C0ONLY0002", "only-here")
    other.put_group("S0TEAM0002", "support-team", [ANN])
    slack.scopes = [*DEFAULT_SCOPES, "usergroups:read"]
    slack.put_group("S0TEAM0001", "support-team", [BOB])
    async with serving(slack, tmp_path, other) as served:
        with pytest.raises(LookupFailed, match="installed in no Slack workspace yet"):
            await served.adapter.place("#help")
        await install(slack, served.web)
        await install(slack, served.web, OTHER)
        adapter = served.adapter
        with pytest.raises(LookupFailed, match=f"T0LOCAL001/{CHANNEL}, slack:T0OTHER001/{HELP_THERE}"):
            await adapter.place("#help")
        found = [
            await adapter.place(given)
            for given in ("#only-here", HELP_THERE, BOB, f"https://other.slack.com/archives/{HELP_THERE}")
        ]
        assert [place and place.id for place in found] == [
            "slack:T0OTHER001/C0ONLY0002",
            f"slack:T0OTHER001/{HELP_THERE}",
            f"slack:T0LOCAL001/{BOB}",
            f"slack:T0OTHER001/{HELP_THERE}",
        ]
        assert await adapter.place("#nowhere") is None
        with pytest.raises(LookupFailed, match=f"{ANN} may be any of"):
            await adapter.place(ANN)
        team = {person.id for person in await adapter.people("@support-team")}
        assert team == {f"slack:T0LOCAL001/{BOB}", f"slack:T0OTHER001/{ANN}"}
        with pytest.raises(LookupFailed, match="no user group @nobody"):
            await adapter.people("@nobody")
        # One workspace that tells nothing keeps nobody else's names from being found; a failure of the moment does.
        slack.oauth.void(slack.oauth.grants[0].token, "token_revoked")
        assert [person.id for person in await adapter.people("@support-team")] == [f"slack:T0OTHER001/{ANN}"]
        slack.faults["usergroups.list"].append(SlackError("internal_error"))
        with pytest.raises(LookupFailed, match="internal_error"):
            await adapter.people("@support-team")


async def test_names_are_asked_of_the_workspace_that_they_belong_to(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path
) -> None:
    other.workspace.users[ANN].name = "another ann"
    async with serving(slack, tmp_path, other) as served:
        await install(slack, served.web)
        await install(slack, served.web, OTHER)
        names = [
            (await served.adapter.people(f"slack:{team}/{ANN}"))[0].name
            for team in ("T0LOCAL001", OTHER.team)
        ]
        assert names == ["ann", "another ann"]
        described = await served.adapter.describe(Channel(id=f"slack:{OTHER.team}/{HELP_THERE}"))
        assert described.name == "help"


# ---- tokens


async def test_a_token_is_renewed_before_it_runs_out_and_the_new_one_is_used_from_then_on(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.oauth.expires_in = 3_600  # less than two hours: due at once
    async with serving(slack, tmp_path, look=0.05) as served:
        await install(slack, served.web)
        slack.oauth.expires_in = 43_200
        await slack.until(lambda: len(slack.oauth.grants) == 2)
        first, second = slack.oauth.grants
        await slack.until(lambda: served.adapter.installed[0].token == second.token)
        slack.oauth.void(first.token, "token_expired")
        asked = slack.post(CHANNEL, ANN, QUESTION)
        await slack.until(lambda: len(slack.bot_replies(asked)) == 1)
        await asyncio.sleep(0.2)  # some looks later
        assert len(slack.oauth.grants) == 2
        (kept,) = await served.store.all()
        assert (kept.token, kept.refresh_token, kept.trouble) == (second.token, second.refresh, None)


async def test_a_token_that_cannot_be_renewed_is_told_and_tried_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.oauth.expires_in = 3_600
    async with serving(slack, tmp_path, look=0.05) as served:
        slack.faults["oauth.v2.access"] += [Pass(), SlackError("fatal_error")]
        await install(slack, served.web)
        deadline = asyncio.get_running_loop().time() + 10
        while (await served.store.all())[0].trouble is None:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        (kept,) = await served.store.all()
        assert kept.trouble == "fatal_error" and kept.tried_at is not None
        again = text("UPDATE slack_installations SET tried_at = tried_at - 300")
        await served.database.run(lambda connection: connection.execute(again))
        await slack.until(lambda: len(slack.oauth.grants) == 2)


async def test_an_answer_without_a_token_ends_no_renewing(slack: LocalSlack, tmp_path: Path) -> None:
    slack.oauth.expires_in = 3_600
    async with serving(slack, tmp_path) as served:
        await install(slack, served.web)
        slack.oauth.expires_in = None  # as when nobody expects it: no refresh_token, no expires_in
        oauth, web = slack.oauth, Web("127.0.0.1", 0)
        installing = SlackInstalling(oauth.client_id, oauth.client_secret, slack.base_url, served.store, web)
        used: list[Installed] = []

        async def arrived(installed: Installed) -> None:
            used.append(installed)

        await installing.renew_due(arrived)
        assert used == []
        (kept,) = await served.store.all()
        assert kept.trouble is not None and "NoBotToken" in kept.trouble


async def test_a_token_that_was_renewed_and_could_not_be_kept_is_kept_later_and_not_asked_for_again(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.oauth.expires_in = 3_600
    async with serving(slack, tmp_path) as served:
        await install(slack, served.web)
        slack.oauth.expires_in = 43_200
        installing = SlackInstalling(
            slack.oauth.client_id,
            slack.oauth.client_secret,
            slack.base_url,
            served.store,
            Web("127.0.0.1", 0),
        )
        used: list[Installed] = []

        async def arrived(installed: Installed) -> None:
            used.append(installed)

        broken = text(
            "CREATE TRIGGER no BEFORE UPDATE ON slack_installations BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        await served.database.run(lambda connection: connection.execute(broken))
        await installing.renew_due(arrived)
        assert used == [] and len(slack.oauth.grants) == 2  # spent, and not used before it is kept
        await served.database.run(lambda connection: connection.execute(text("DROP TRIGGER no")))
        await installing.renew_due(arrived)
        assert [one.token for one in used] == [slack.oauth.grants[1].token]
        assert (await served.store.all())[0].token == slack.oauth.grants[1].token
        assert len(slack.oauth.grants) == 2


async def test_what_was_installed_anew_meanwhile_is_not_overwritten_by_a_renewal(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    store = StoredInstallations(database)
    old = installed()
    await store.save(old)
    await store.save(replace(old, token="xoxb-anew"))
    assert not await store.renewed(old, replace(old, token="xoxb-renewed"))
    assert [one.token for one in await store.all()] == ["xoxb-anew"]
    database.close()


def installed(home: str = "T0LOCAL001", at: datetime = NOW) -> Installed:
    return Installed(
        id=f"slack:{home}",
        name="Example",
        user="U1",
        bot="B1",
        url="https://example.slack.com/",
        scopes=SCOPES,
        installed_at=at,
        token="xoxb-1",
    )


async def test_no_token_and_no_secret_stands_in_a_log_or_in_the_audit(
    slack: LocalSlack, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("earshot", "slack_sdk", "slack_bolt"):
        caplog.set_level(logging.DEBUG, name)
    slack.oauth.expires_in = 3_600
    async with serving(slack, tmp_path, look=0.05) as served:
        await install(slack, served.web)
        slack.oauth.expires_in = 43_200
        await slack.until(lambda: len(slack.oauth.grants) == 2)
        kept = await served.database.run(lambda connection: connection.execute(select(tables.audit)).all())
        shown = repr(served.adapter.installed)
    assert "xoxe" in slack.oauth.grants[0].token
    for told in (caplog.text, str(kept), shown):
        assert "xoxe" not in told and slack.oauth.client_secret not in told and SECRET not in told
    assert "the token was renewed" in caplog.text


# ---- being taken out


@pytest.mark.parametrize(
    "event",
    [{"type": "app_uninstalled"}, {"type": "tokens_revoked", "tokens": {"bot": ["U0EARSHOT1"]}}],
)
async def test_a_workspace_that_takes_it_out_is_left_alone_and_its_tokens_are_gone(
    slack: LocalSlack, other: LocalSlack, tmp_path: Path, event: dict[str, object]
) -> None:
    async with serving(slack, tmp_path, other) as served:
        await install(slack, served.web)
        await install(slack, served.web, OTHER)
        token = slack.oauth.grants[0].token
        for place in (f"slack:T0LOCAL001/{CHANNEL}", f"slack:{OTHER.team}/{HELP_THERE}"):
            later = datetime.now(UTC) + timedelta(days=1)
            await served.database.run(lambda connection: intend(connection, place, "clip", place, later))
        slack.oauth.void(token, "account_inactive")
        slack.event({**event, "event_ts": f"{datetime.now(UTC).timestamp() + 2:.6f}"})
        await slack.until(lambda: len(served.adapter.installed) == 1)
        assert [one.id for one in await served.store.all()] == [f"slack:{OTHER.team}"]
        outbox = await served.database.run(lambda connection: connection.execute(select(tables.outbox)).all())
        assert [row.state for row in outbox] == ["dropped", "intent"]
        assert "taken out" in outbox[0].error
        root = f"slack:T0LOCAL001/{CHANNEL}/1700000000.000100"
        post = Post(
            id="p", channel=f"slack:T0LOCAL001/{CHANNEL}", reply_to=root, suggestion=SUGGESTION, now=NOW
        )
        with pytest.raises(ActRefused, match="not installed in that Slack workspace"):
            await served.adapter.perform(post)
        audited = await served.database.run(lambda connection: connection.execute(select(tables.audit)).all())
        told = [(row.kind, row.subject) for row in audited if "installed" in row.kind]
        assert told == [
            ("installed", "slack:T0LOCAL001"),
            ("installed", f"slack:{OTHER.team}"),
            ("uninstalled", "slack:T0LOCAL001"),
        ]
        there = other.post(HELP_THERE, ANN, QUESTION)  # the other one goes on
        await slack.until(lambda: len(other.bot_replies(there)) == 1)
    assert token.encode() not in (tmp_path / "earshot.db").read_bytes()
    assert slack.posts() == []


async def test_the_tokens_of_a_person_do_not_matter(slack: LocalSlack, tmp_path: Path) -> None:
    async with serving(slack, tmp_path) as served:
        await install(slack, served.web)
        slack.event({"type": "tokens_revoked", "tokens": {"oauth": [ANN]}})
        deadline = asyncio.get_running_loop().time() + 10
        while await served.database.run(inbox.inbox_counts) != {"done": 1}:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.01)
        assert len(await served.store.all()) == 1


def test_old_news_does_not_take_out_what_was_installed_since(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    database.run_blocking(lambda connection: save(connection, installed(at=NOW)))
    before, after = NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)
    assert database.run_blocking(lambda connection: remove(connection, "slack:T0LOCAL001", before)) is None
    gone = database.run_blocking(lambda connection: remove(connection, "slack:T0LOCAL001", after))
    assert gone == frozenset({"T0LOCAL001"})
    database.close()


# ---- what must be set


def test_with_the_client_id_and_secret_no_bot_token_is_needed_and_one_alone_is_a_mistake() -> None:
    both = Secrets(slack_app_token="xapp-1", slack_client_id="1.2", slack_client_secret="s")
    assert problems_to_run(config(), both) == ()
    half = replace(both, slack_client_secret=None, slack_bot_token="xoxb-1")
    assert [problem.key for problem in problems_to_run(config(), half)] == ["SLACK_CLIENT_SECRET"]
    wrong = replace(both, slack_bot_token="xapp-2")
    assert [problem.key for problem in problems_to_run(config(), wrong)] == ["SLACK_BOT_TOKEN"]

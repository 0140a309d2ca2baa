"""What /healthz, /readyz, /metrics and the doctor tell of a running Earshot."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from bot.adapters.adapter import LinkState
from bot.adapters.slack_calls import client_of
from bot.adapters.slack_link import SlackLink
from bot.config import Config
from bot.doctor_links import examine_links
from bot.health import Health
from bot.links import in_words, silence_in_words, told_of_link
from bot.web import Web
from tests.bot.running import ANN, CHANNEL, QUESTION, Running, config, entry, running, workspace
from tests.local_slack import LocalSlack

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "the pelican exporter stops on weekends"


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


@asynccontextmanager
async def open_web(run: Running, told_by: Health | None = None) -> AsyncIterator[str]:
    """The address under which the running Earshot tells how it is."""
    web = Web("127.0.0.1", 0)
    (told_by or run.app.health).add_to(web)
    await web.start()
    try:
        yield web.url
    finally:
        await web.stop()


async def got(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def not_ready(url: str) -> dict[str, Any]:
    """What /readyz says once it says no."""
    for _ in range(600):
        status, state = await ready(url)
        if status == 503:
            assert state["ready"] is False
            return state
        await asyncio.sleep(0.05)
    raise AssertionError(state)


async def figures_with(url: str, name: tuple[str, str], value: float) -> dict[tuple[str, str], float]:
    """The figures once one of them has come to this."""
    for _ in range(500):
        now = figures((await got(f"{url}/metrics"))[1])
        if now[name] == value:
            return now
        await asyncio.sleep(0.02)
    raise AssertionError(f"{name} is {now[name]}, not {value}")


async def ready(url: str) -> tuple[int, dict[str, Any]]:
    status, text = await got(f"{url}/readyz")
    return status, json.loads(text)


def figures(text: str) -> dict[tuple[str, str], float]:
    """Values by name and the one label."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {(sample.name, "".join(sample.labels.values())): sample.value for sample in samples}


async def test_it_lives_is_ready_and_counts(slack: LocalSlack, tmp_path: Path) -> None:
    async with running(slack, tmp_path, [entry()]) as run, open_web(run) as url:
        assert await got(f"{url}/healthz") == (200, "ok\n")
        before = figures((await got(f"{url}/metrics"))[1])
        assert before["earshot_messages_heard_total", ""] == 0
        assert before["earshot_decisions_total", "REPLY"] == 0
        ts = slack.post(CHANNEL, ANN, QUESTION)
        slack.post(CHANNEL, ANN, SECRET)
        await slack.until(lambda: len(slack.bot_replies(ts)) == 1)
        await figures_with(url, ("earshot_decisions_total", "SILENT"), 1)
        now = await figures_with(url, ("earshot_posts_total", ""), 1)
        assert now["earshot_messages_heard_total", ""] == 2
        assert now["earshot_decisions_total", "REPLY"] == 1
        assert now["earshot_decisions_total", "SILENT"] == 1
        assert now["earshot_outbox_pending", ""] == 0
        assert now["earshot_connection_up", "slack"] == 1
        assert 0 <= now["earshot_connection_silent_seconds", "slack"] < 60
        again = figures((await got(f"{url}/metrics"))[1])  # what was counted is not counted again
        counted = [key for key in now if key[0].endswith("_total")]
        assert [again[key] for key in counted] == [now[key] for key in counted]
        status, state = await ready(url)
        assert status == 200 and state["ready"] and state["store"] and state["knowledge"]
        (link,) = state["connections"]
        assert (link["name"], link["connected"], link["tries"]) == ("slack", True, 0)
        shown = json.dumps(state) + (await got(f"{url}/metrics"))[1]
        assert not any(each in shown for each in (ANN, "pelican", "MLR-4090", CHANNEL))


async def test_without_a_connection_it_is_not_ready_and_the_doctor_says_so(
    slack: LocalSlack, tmp_path: Path
) -> None:
    async with running(slack, tmp_path) as run, open_web(run) as url:
        settings = Config.model_validate({"console": {"port": url.rsplit(":", 1)[1]}})
        (finding,) = await examine_links(settings, run.database, datetime.now(UTC))
        assert finding.ok and finding.text.startswith("slack is connected for")
        slack.refuse(30.0)
        state = await not_ready(url)
        (link,) = state["connections"]
        assert state["store"] and not link["connected"] and link["why"]
        (finding,) = await examine_links(settings, run.database, datetime.now(UTC))
        assert not finding.ok and "slack is not connected for" in finding.text


async def test_what_slacks_client_tries_in_vain_is_counted(slack: LocalSlack) -> None:
    link = SlackLink("slack", look=0.02)
    web_client = client_of(slack.bot_token, slack.base_url)
    client = SocketModeClient(slack.app_token, link.logger, web_client, ping_interval=0.2)
    await client.connect()  # type: ignore[no-untyped-call]
    link.follow(client)
    try:
        await slack.until(lambda: link.state.connected)
        slack.refuse(1.0)
        await slack.until(lambda: not link.state.connected and link.state.tries > 0)
        assert link.state.why is not None and "503" in link.state.why and "ticket=" not in link.state.why
        await slack.until(lambda: link.state.connected)
        mended = link.state
        assert mended.tries == 0 and mended.why is None
    finally:
        await link.stop()
        await client.close()  # type: ignore[no-untyped-call]


async def test_a_store_that_nobody_may_write_is_not_ready(slack: LocalSlack, tmp_path: Path) -> None:
    async with (
        running(slack, tmp_path) as run,
        open_web(run, Health(run.bot, store_within=0.2)) as url,
    ):
        other = sqlite3.connect(tmp_path / "earshot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        status, state = await ready(url)
        other.execute("ROLLBACK")
        other.close()
        assert status == 503 and state["store"] is False


async def test_the_doctor_asks_the_store_where_nobody_runs(slack: LocalSlack, tmp_path: Path) -> None:
    settings = Config.model_validate({"console": {"port": 9}})  # where nobody listens
    async with running(slack, tmp_path) as run:
        (never,) = await examine_links(settings, run.database, datetime.now(UTC))
        assert (never.ok, never.text) == (True, "nothing was heard from slack yet")
        slack.post(CHANNEL, ANN, "good morning everybody")
        await slack.until(slack.all_acked)
        (finding,) = await examine_links(
            settings, run.database, datetime.now(UTC) + timedelta(days=3, hours=1)
        )
        assert finding.text == "nothing was heard from slack for 3 days"


async def test_the_doctor_believes_nobody_who_runs_on_another_store(
    slack: LocalSlack, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    async with running(slack, tmp_path) as run, open_web(run) as url:
        settings = Config.model_validate({"console": {"port": url.rsplit(":", 1)[1]}})
        async with running(slack, tmp_path / "other", settings=config()) as other:
            (finding,) = await examine_links(settings, other.database, datetime.now(UTC))
        assert finding.name == "heard"
        (finding,) = await examine_links(settings, run.database, datetime.now(UTC))
        assert finding.name == "connection"


# ---- in words -----------------------------------------------------


class _Lark:
    name = "lark"


def test_a_connection_is_told_in_words() -> None:
    up = LinkState(
        name="cli_1", connected=True, since=NOW - timedelta(hours=5), heard_at=NOW - timedelta(hours=2)
    )
    told = told_of_link(_Lark(), up, NOW)
    assert (told.name, told.silent, told.for_seconds) == ("lark cli_1", 7200.0, 18000.0)
    assert in_words(told.json()) == "lark cli_1 is connected for 5 hours; nothing was heard for 2 hours"
    why = "403, url='wss://x.slack.com/link/?ticket=abc&app_id=A1'"
    down = LinkState(name="cli_1", connected=False, since=NOW - timedelta(minutes=4), tries=7, why=why)
    words = in_words(told_of_link(_Lark(), down, NOW).json())
    assert "not connected for 4 minutes, 7 tries in vain: 403, url='wss://x.slack.com/link/?…'" in words
    assert "abc" not in words
    assert (
        silence_in_words("slack", NOW - timedelta(days=3), NOW) == "nothing was heard from slack for 3 days"
    )


class _Client:
    def __init__(self) -> None:
        self.connected, self.session = True, "s_1"

    async def is_connected(self) -> bool:
        return self.connected

    async def session_id(self) -> str:
        return self.session


async def test_the_state_of_a_slack_connection_follows_its_client() -> None:
    link, client = SlackLink("slack", look=3600), _Client()
    await link.look(client)
    first = link.state
    assert first.connected and first.heard_at is None
    link.heard()
    await link.look(client)
    assert link.state.since == first.since and link.state.heard_at is not None
    client.session = "s_2"  # it was replaced between two looks
    await link.look(client)
    assert link.state.connected and link.state.since > first.since
    client.connected = False
    await link.look(client)
    lost = link.state
    assert not lost.connected and lost.why == "the connection is gone"
    link.follow(client)
    link.logger.error("Failed to connect (error: 503)")
    link.logger.info("A new session has been established")
    assert (link.state.tries, link.state.why) == (1, "Failed to connect (error: 503)")
    client.connected = True
    await link.look(client)
    assert (link.state.connected, link.state.tries, link.state.why) == (True, 0, None)
    await link.stop()
    link.logger.error("nobody follows it any more")
    assert not link.state.connected and link.state.tries == 0

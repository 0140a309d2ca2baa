"""What was said before Earshot came is heard: in order, once, resumably, and never answered."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from bot import ledger, mutes, readings
from bot.adapters.adapter import LookupFailed
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_history import Regime
from bot.app import open_database
from bot.backfill import Backfill, Backfilled
from bot.cli import main, parser
from bot.clock import SystemClock
from bot.command_backfill import backfill
from bot.readings import Purpose
from bot.tickets import TicketState
from knowledge.database import Database
from tests.bot.running import ANN, BOB, CARL, CHANNEL, PRIVATE, config, workspace
from tests.local_slack import LocalSlack, Pass, SlackError, Slow

DAY = 86_400
SINCE = datetime.now(UTC) - timedelta(days=30)
FAST = Regime(burst=1000, interval=0.0, limit=200)
SLOW = Regime(burst=1000, interval=0.0, limit=2, most=1)


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    with LocalSlack() as local:
        workspace(local)
        yield local
        assert local.violations == []


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    yield opened
    opened.close()


def ago(days: float, number: int = 0) -> str:
    return f"{time.time() - days * DAY:.0f}.{number:06d}"


def closed_thread(slack: LocalSlack, days: float) -> list[str]:
    """A question, answered by an analyst, so many days ago."""
    root = slack.post(CHANNEL, ANN, "the pelican exporter stops on weekends, why?", ts=ago(days))
    answer = slack.post(
        CHANNEL, BOB, "set stork.depth to four in the config", thread_ts=root, ts=ago(days, 1)
    )
    thanks = slack.post(CHANNEL, ANN, "that fixed it, thanks!", thread_ts=root, ts=ago(days, 2))
    return [root, answer, thanks]


async def read(
    slack: LocalSlack, database: Database, regime: Regime = FAST, *, since: datetime = SINCE
) -> Backfilled:
    adapter = SlackAdapter(slack.bot_token, slack.app_token, slack.base_url, history=regime)
    await adapter.check()
    (channel,) = [one for one in await adapter.channels() if one.id.endswith(CHANNEL)]
    told: list[tuple[int, int, str]] = []
    backfill = Backfill(
        database=database,
        config=config(),
        adapter=adapter,
        clock=SystemClock(),
        progress=lambda done, total, what: told.append((done, total, what)),
    )
    came = await backfill.read(channel, since)
    await adapter.close()
    assert told[-1] == (max((datetime.now(UTC) - since).days, 1),) * 2 + ("days of #help",)
    return came


def whole(slack: LocalSlack, ts: str) -> str:
    return f"slack:{slack.identity.team}/{CHANNEL}/{ts}"


def conversation(slack: LocalSlack, database: Database, root: str) -> list[str]:
    thread = database.run_blocking(lambda c: ledger.thread(c, whole(slack, root)))
    return [] if thread is None else [message.id.rsplit("/", 1)[-1] for message in thread.messages]


async def test_a_thread_of_the_past_is_heard_whole_and_closes(slack: LocalSlack, database: Database) -> None:
    said = closed_thread(slack, 20)
    slack.post(CHANNEL, CARL, "too long ago", ts=ago(40))
    came = await read(slack, database)
    assert (came.messages, came.threads) == (3, 1)
    assert conversation(slack, database, said[0]) == said
    database.run_blocking(lambda c: ledger.close_quiet(c, datetime.now(UTC), timedelta(days=7)))
    ticket = database.run_blocking(lambda c: ledger.ticket(c, whole(slack, said[0])))
    assert ticket is not None and ticket.state is TicketState.CLOSED
    assert ticket.asker.endswith(ANN)
    assert database.run_blocking(lambda c: ledger.names(c, [ticket.asker])) == {ticket.asker: "ann"}
    assert slack.posts() == []


async def test_reading_it_again_reads_only_what_is_new(slack: LocalSlack, database: Database) -> None:
    closed_thread(slack, 20)
    await read(slack, database)
    again = await read(slack, database, since=SINCE + timedelta(days=1))
    assert (again.messages, again.threads) == (0, 0)
    slack.post(CHANNEL, CARL, "and the heron?")
    assert (await read(slack, database)).messages == 1
    further = await read(slack, database, since=SINCE - timedelta(days=30))
    assert further.messages == 0 and further.threads == 1


async def test_what_was_cut_off_goes_on_where_it_was(slack: LocalSlack, database: Database) -> None:
    roots = [closed_thread(slack, days)[0] for days in (25, 20, 15, 10)]
    slack.faults["conversations.replies"] += [Pass(), Pass(), SlackError("internal_error")]
    with pytest.raises(LookupFailed):
        await read(slack, database, SLOW)
    begun = len(slack.calls("conversations.replies"))
    came = await read(slack, database, SLOW)
    assert [len(conversation(slack, database, root)) for root in roots] == [3, 3, 3, 3]
    asked = [call.args["ts"] for call in slack.calls("conversations.replies")[begun:]]
    assert roots[0] not in asked and came.threads < 4


async def test_what_people_ordered_then_is_not_obeyed_now(slack: LocalSlack, database: Database) -> None:
    me = f"<@{slack.identity.bot_user}>"
    slack.post(CHANNEL, BOB, f"{me} mute", ts=ago(9), raw=True)
    hushed = f"slack:{slack.identity.team}/{CHANNEL}"
    database.run_blocking(lambda c: mutes.mute(c, hushed, BOB, datetime.now(UTC) - timedelta(days=3)))
    slack.post(CHANNEL, ANN, f"{me} how do I start the gate?", ts=ago(8), raw=True)
    came = await read(slack, database)
    assert came.messages == 1  # the question; the order is no part of a conversation
    assert database.run_blocking(lambda c: mutes.muted_here(c, "", hushed)) is not None
    asked = whole(slack, ago(8))
    assert database.run_blocking(lambda c: mutes.muted_here(c, asked, hushed)) is not None


def settings(slack: LocalSlack, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = folder / "config.yaml"
    store = f"store: sqlite:///{folder / 'cli.db'}"
    path.write_text(f"{store}\nslack: {{base_url: '{slack.base_url}'}}\n", encoding="utf-8")
    monkeypatch.setenv("SLACK_BOT_TOKEN", slack.bot_token)
    monkeypatch.setenv("SLACK_APP_TOKEN", slack.app_token)
    return path


def test_the_command_reads_the_channels_that_are_named(
    slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(slack, tmp_path, monkeypatch)
    closed_thread(slack, 20)
    slack.post(PRIVATE, ANN, "good morning", ts=ago(2))
    assert main(["backfill", "#help", "--since", "30d", "--json", "--config", str(path)]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["name"], told["messages"], told["threads"]) == ("help", 3, 1)
    assert main(["backfill", "--config", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "#help: 3 messages heard" in shown or "#help: 0 messages heard" in shown
    assert "#help-private: 1 messages heard, 0 threads read" in shown


async def test_stopped_by_hand_it_says_so_and_goes_on_there(
    slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(slack, tmp_path, monkeypatch)
    roots = [closed_thread(slack, days)[0] for days in (25, 20, 15)]
    slack.faults["conversations.replies"] += [Pass(), Slow(30)]
    arguments = parser().parse_args(["backfill", "help", "--config", str(path)])
    task = asyncio.create_task(backfill(arguments))
    await slack.until(lambda: len(slack.calls("conversations.replies")) == 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "stopped; the same command goes on where it was" in capsys.readouterr().err
    assert await backfill(arguments) == 0
    asked = [call.args["ts"] for call in slack.calls("conversations.replies")]
    assert asked == [roots[0], roots[1], roots[1], roots[2]]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["backfill", "#nowhere"], "#nowhere is no channel that Earshot is in"),
        (["backfill", "--platform", "lark"], "lark is not enabled"),
    ],
)
def test_what_cannot_be_read_is_said(
    slack: LocalSlack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    path = settings(slack, tmp_path, monkeypatch)
    assert main([*arguments, "--config", str(path)]) == 1
    assert told in capsys.readouterr().err


def test_two_at_once_are_refused(
    slack: LocalSlack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = settings(slack, tmp_path, monkeypatch)
    with FileLock(f"{tmp_path / 'cli.db'}.backfill.lock"):
        assert main(["backfill", "--config", str(path)]) == 1
    assert "another `earshot backfill`" in capsys.readouterr().err


async def test_how_far_it_came_is_kept(slack: LocalSlack, database: Database) -> None:
    closed_thread(slack, 20)
    await read(slack, database)
    channel = f"slack:{slack.identity.team}/{CHANNEL}"
    kept = database.run_blocking(lambda c: readings.reading(c, channel, Purpose.BACKFILL))
    assert kept is not None and kept.done_at is not None and kept.since == SINCE
    assert database.run_blocking(readings.to_read) == []  # a backfill is no gap

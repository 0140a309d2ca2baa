"""SIGKILL at random points, over the real client: no event is lost and nothing is posted twice."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot import votes
from bot.adapters.slack_cards import REWORD_ACTION, REWORD_INPUT
from bot.app import open_database
from knowledge.embed import HashEmbedder
from knowledge.search import Knowledge
from tests.bot.running import QUESTION, entry
from tests.local_slack import SLACKS_SCHEDULE, LocalSlack

ROUNDS = 14
DRAFTING_ROUNDS = 4
DRAFTS = "C0DRAFT001"
ANALYST = "U0NOBODY01"
AT_ONCE = 4  # questions in a round; in the channel of the first of them people get a second to answer
# A channel for each question: the same one asked twice in a channel is one conversation.
CHANNELS = [f"C{number:08d}" for number in range(ROUNDS * AT_ONCE)]
ASKERS = [f"U{number:08d}" for number in range(len(CHANNELS))]
SETTINGS = """
slack: {{base_url: "{base_url}"}}
store: sqlite:///{store}
embedder: {{model: hash}}
analysts: [U0NOBODY01]
stale_after: 1h
defaults: {{wait_seconds: 0, precision: 0.5, max_per_hour: 1000, max_per_thread: 100}}
channels:
{waiting}"""


@pytest.fixture
def slack() -> Iterator[LocalSlack]:
    # Events that nobody acknowledged come again soon, so that a round need not wait a minute.
    with LocalSlack(schedule=SLACKS_SCHEDULE.scaled(0.05), hold=True) as local:
        for user in ASKERS:  # one question each: a second one would replace the first
            local.add_user(user, user.lower())
        for channel in CHANNELS:
            local.add_channel(channel, channel.lower(), members=ASKERS)
        yield local


async def settings(slack: LocalSlack, folder: Path, channels: str) -> Path:
    store = folder / "earshot.db"
    database = open_database(f"sqlite:///{store}")
    knowledge = Knowledge(database, HashEmbedder(), store.with_suffix(".index"))
    await knowledge.open()
    await knowledge.learn([entry()])
    await knowledge.close()
    database.close()
    path = folder / "config.yaml"
    path.write_text(SETTINGS.format(base_url=slack.base_url, store=store, waiting=channels), encoding="utf-8")
    return path


@contextmanager
def earshot(slack: LocalSlack, config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`earshot run` in a process of its own, connected."""
    secrets = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_APP_TOKEN": slack.app_token}
    before = slack.sockets_opened
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "run", "--config", str(config)],
            env={**os.environ, **secrets},
            stdout=output,
            stderr=output,
        )
        try:
            slack.wait_for(lambda: slack.sockets_opened > before or process.poll() is not None, timeout=30)
            assert process.poll() is None, log.read_text(encoding="utf-8")
            yield process
        finally:
            process.kill()
            process.wait()


@pytest.mark.timeout(300)
async def test_killed_again_and_again_it_answers_every_question_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    waiting = "".join(f"  {channel}: {{wait_seconds: 1}}\n" for channel in CHANNELS[::AT_ONCE])
    config, log = await settings(slack, tmp_path, waiting), tmp_path / "log"
    chance = random.Random(20261121)
    asked: list[tuple[str, str]] = []
    await asyncio.to_thread(_rounds, slack, config, log, chance, asked)
    replies = {ts: len(slack.bot_replies(ts)) for _, ts in asked}
    assert set(replies.values()) == {1}, f"{replies}\n{log.read_text(encoding='utf-8')[-4000:]}"
    assert len(slack.posts()) == len(asked)
    assert [v for v in slack.violations if "not acknowledged" not in v] == []


@pytest.mark.timeout(300)
async def test_killed_again_and_again_it_drafts_every_question_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_channel(DRAFTS, "drafts")
    drafting = "".join(f"  {channel}: {{mode: draft}}\n" for channel in CHANNELS)
    config = await settings(slack, tmp_path, f"{drafting}drafts_to: '#drafts'\n")
    log, chance = tmp_path / "log", random.Random(20261122)
    asked: list[tuple[str, str]] = []
    await asyncio.to_thread(_drafting_rounds, slack, config, log, chance, asked)
    links = [
        next(link for link in links_of(slack, asked) if link in str(p.blocks)) for p in slack.posts(DRAFTS)
    ]
    assert sorted(links) == sorted(links_of(slack, asked)), log.read_text(encoding="utf-8")[-4000:]
    assert [v for v in slack.violations if "not acknowledged" not in v] == []


@pytest.mark.timeout(300)
async def test_killed_while_edited_drafts_are_shared_each_is_said_once_and_learnt_once(
    slack: LocalSlack, tmp_path: Path
) -> None:
    slack.add_user(ANALYST, "nora")
    slack.add_channel(DRAFTS, "drafts", members=[ANALYST])
    drafting = "".join(f"  {channel}: {{mode: draft}}\n" for channel in CHANNELS)
    config = await settings(slack, tmp_path, f"{drafting}drafts_to: '#drafts'\n")
    log = tmp_path / "log"
    asked = await asyncio.to_thread(_editing, slack, config, log)
    said = [[reply.text for reply in slack.bot_replies(ts)] for ts in asked]
    assert said == [["Words of 0. [1]"], ["Words of 1. [1]"]], log.read_text(encoding="utf-8")[-4000:]
    database = open_database(f"sqlite:///{tmp_path / 'earshot.db'}")
    kept = await database.run(votes.corrections_in)
    database.close()
    assert sorted(row.text for row in kept) == ["Words of 0.", "Words of 1."]
    assert slack.violations == []


def _editing(slack: LocalSlack, config: Path, log: Path) -> list[str]:
    """Two edits are sent; it is killed as soon as they are acknowledged, and started again."""
    asked: list[str] = []
    with earshot(slack, config, log) as process:
        for number in range(2):
            asked.append(slack.post(CHANNELS[number], ASKERS[number], QUESTION))
            slack.wait_for(lambda: len(slack.posts(DRAFTS)) == len(asked), timeout=30)
            slack.click(DRAFTS, slack.posts(DRAFTS)[-1].ts, ANALYST, REWORD_ACTION)
            slack.wait_for(lambda: len(slack.views) == len(asked), timeout=30)
        for number, view in enumerate(slack.views):
            slack.submit(view["id"], {REWORD_INPUT: f"Words of {number}. [1]"})
        slack.wait_all_acked(30)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with earshot(slack, config, log):
        slack.wait_for(lambda: all(map(slack.bot_replies, asked)), timeout=60)
        time.sleep(1.0)
    return asked


def links_of(slack: LocalSlack, asked: list[tuple[str, str]]) -> list[str]:
    return [slack.permalink(channel, ts) for channel, ts in asked]


def _drafting_rounds(
    slack: LocalSlack, config: Path, log: Path, chance: random.Random, asked: list[tuple[str, str]]
) -> None:
    for _ in range(DRAFTING_ROUNDS):
        with earshot(slack, config, log) as process:
            for channel in CHANNELS[len(asked) : len(asked) + AT_ONCE - 1]:
                asked.append((channel, slack.post(channel, ASKERS[len(asked)], QUESTION)))
            time.sleep(chance.choice([0.05, 0.2, 0.5, 1.2, 1.5]))
            process.send_signal(signal.SIGKILL)
            process.wait()
    with earshot(slack, config, log):
        slack.wait_for(lambda: len(slack.posts(DRAFTS)) >= len(asked), timeout=60)
        time.sleep(2.0)


def _rounds(
    slack: LocalSlack, config: Path, log: Path, chance: random.Random, asked: list[tuple[str, str]]
) -> None:
    for _ in range(ROUNDS):
        with earshot(slack, config, log) as process:
            for channel in CHANNELS[len(asked) : len(asked) + AT_ONCE]:
                asked.append((channel, slack.post(channel, ASKERS[len(asked)], QUESTION)))
                time.sleep(chance.uniform(0.0, 0.1))
            time.sleep(chance.choice([0.0, 0.02, 0.05, 0.1, 0.3, 1.2]))
            process.send_signal(signal.SIGKILL)
            process.wait()
    with earshot(slack, config, log):
        slack.wait_for(lambda: all(slack.bot_replies(ts) for _, ts in asked), timeout=60)
        time.sleep(2.0)

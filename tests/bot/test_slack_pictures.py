"""Which pictures of a conversation in Slack are looked for, and with how many calls."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.adapters.adapter import LookupFailed
from bot.adapters.events import Payload
from bot.adapters.slack_pictures import MOST_LOOKS, SlackPictures, address_of
from knowledge.images import MAX_BYTES, Pictures
from knowledge.thread import Message, Thread

SHOT: dict[str, Any] = {"mimetype": "image/png", "size": 9, "url_private": "https://files.slack.com/a.png"}
LOG: dict[str, Any] = {"mimetype": "text/plain", "size": 9, "url_private": "https://files.slack.com/a.log"}


class Slack:
    """conversations.replies of a channel: threads by the ts of their first message."""

    def __init__(self, threads: Mapping[str, Sequence[Payload]], *, down: bool = False) -> None:
        self._threads = threads
        self._down = down
        self.asked: list[str] = []

    async def replies(self, channel: str, ts: str) -> AsyncIterator[Payload]:
        assert channel == "slack:T1/C1"
        self.asked.append(ts)
        if self._down:
            raise LookupFailed("Slack: ratelimited")
        for message in self._threads.get(ts, []):
            yield message


def conversation(*stamps: str, channel: str = "slack:T1/C1") -> Thread:
    begun = datetime(2026, 1, 5, tzinfo=UTC)
    messages = tuple(
        Message(
            id=f"{channel}/{ts}",
            channel=channel,
            thread=f"{channel}/{stamps[0]}",
            user="u",
            at=begun + timedelta(seconds=place),
            text="x",
        )
        for place, ts in enumerate(stamps)
    )
    return Thread(id=messages[0].id, channel=channel, messages=messages)


def said(ts: str, *files: Payload) -> Payload:
    return {"ts": ts, "files": list(files)}


async def seen(slack: Slack, thread: Thread) -> Pictures:
    return await SlackPictures(slack.replies, "xoxb-1", "https://slack.com/api/").load(thread, read=False)


async def test_one_call_is_enough_for_a_thread_and_other_files_are_no_pictures() -> None:
    slack = Slack({"1.0": [said("1.0", SHOT, LOG), said("2.0", SHOT), said("3.0", SHOT)]})
    assert await seen(slack, conversation("1.0", "2.0")) == Pictures(unseen=2)  # the third was said later
    assert slack.asked == ["1.0"]


async def test_in_a_channel_without_threads_the_newest_messages_are_asked_about() -> None:
    stamps = [f"{number}.0" for number in range(1, 10)]
    slack = Slack({ts: [said(ts, SHOT)] for ts in stamps})
    assert await seen(slack, conversation(*stamps)) == Pictures(unseen=MOST_LOOKS)
    assert slack.asked == ["1.0", "9.0", "8.0", "7.0"]


async def test_where_slack_cannot_be_asked_nothing_is_said_of_pictures() -> None:
    slack = Slack({}, down=True)
    assert await seen(slack, conversation("1.0", "2.0")) == Pictures()
    assert slack.asked == ["1.0"]


async def test_another_platforms_thread_is_none_of_slacks_business() -> None:
    slack = Slack({})
    assert await seen(slack, conversation("1.0", channel="lark:A/C1")) == Pictures()
    assert slack.asked == []


@pytest.mark.parametrize(
    ("file", "address"),
    [
        (SHOT, "https://files.slack.com/a.png"),
        (SHOT | {"size": MAX_BYTES + 1}, None),
        (
            SHOT | {"size": MAX_BYTES + 1, "thumb_1024": "https://files.slack.com/s.png"},
            "https://files.slack.com/s.png",
        ),
        ({"mimetype": "image/png", "file_access": "check_file_info"}, None),
    ],
)
def test_the_smaller_copy_is_taken_where_the_whole_is_too_large(file: Payload, address: str | None) -> None:
    assert address_of(file) == address

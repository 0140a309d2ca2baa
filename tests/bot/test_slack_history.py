"""Reading a Slack channel in windows: all of it, once, oldest first, whatever the limits are."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import slack_wire as wire
from bot.adapters.adapter import Page
from bot.adapters.events import Channel
from bot.adapters.slack_history import Pace, Regime, SlackHistory

START = int(time.time()) - 10 * 86_400
SINCE = datetime.fromtimestamp(START, UTC)
HELP = Channel(id="slack:T1/C0HELP001")
ME = wire.Me(team="T1", user="U0EARSHOT1", bot="B0EARSHOT1", url="https://example.slack.com/")


class Past:
    """A client of a workspace where this was said (seconds after START), as conversations.history answers."""

    def __init__(self, said: Sequence[float]) -> None:
        self.said = sorted({f"{START + after:.6f}" for after in said}, key=float, reverse=True)
        self.calls = 0

    async def conversations_history(
        self, *, channel: str, oldest: str, latest: str, limit: int, cursor: str | None
    ) -> dict[str, Any]:
        self.calls += 1
        assert channel == "C0HELP001"
        within = [ts for ts in self.said if float(oldest) < float(ts) < float(latest)]
        start = int(cursor or 0)
        some = [self._message(ts) for ts in within[start : start + limit]]
        more = str(start + limit) if start + limit < len(within) else ""
        return {"messages": some, "response_metadata": {"next_cursor": more}}

    def _message(self, ts: str) -> dict[str, Any]:
        return {"type": "message", "user": "U0ANN00001", "text": "hello", "ts": ts}


class Workspace:
    def __init__(self, client: Past) -> None:
        self.me = ME
        self.team: Mapping[str, Any] = {}
        self.client = client


async def pages_of(past: Past, regime: Regime, cursor: str | None = None) -> list[Page]:
    read = SlackHistory(Workspace(past), regime)
    return [page async for page in read.top_level(HELP, SINCE, cursor)]


def regime(limit: int, most: int) -> Regime:
    return Regime(burst=10**6, interval=0.0, limit=limit, most=most)


moments = st.one_of(
    st.floats(min_value=1, max_value=9 * 86_400),
    st.floats(min_value=1000, max_value=1001),  # a burst
).map(lambda after: round(after, 6))


@given(
    said=st.lists(moments, max_size=30),
    limit=st.integers(1, 5),
    most=st.integers(1, 3),
    cut=st.integers(0, 8),
)
async def test_everything_is_read_once_and_in_order_also_after_a_cut(
    said: list[float], limit: int, most: int, cut: int
) -> None:
    past = Past(said)
    everything = sorted(past.said, key=float)
    pages = await pages_of(past, regime(limit, most))
    assert [wire.bare(_id(one)) for page in pages for one in page.found] == everything
    assert all(len(page.found) <= limit * most for page in pages)
    kept = pages[:cut]
    rest = await pages_of(past, regime(limit, most), kept[-1].cursor if kept else None)
    assert [wire.bare(_id(one)) for page in (*kept, *rest) for one in page.found] == everything


def _id(arrival: Any) -> str:
    event = wire.parse(arrival.payload, ME)
    return str(event.message.id)  # type: ignore[union-attr]


async def test_a_short_gap_is_one_call_and_a_long_past_not_many_more_than_its_pages() -> None:
    gap = Past([86_400 * 9 + 60 * n for n in range(150)])
    await pages_of(gap, regime(200, 10))
    assert gap.calls == 1
    past = Past([86_400 * 9 * n / 5_000 for n in range(1, 5_000)])
    await pages_of(past, regime(200, 2))
    assert past.calls <= 5_000 / 200 * 2.5


async def test_calls_are_paced_after_a_burst() -> None:
    pace, begun = Pace(3, 0.1), time.monotonic()
    for _ in range(6):
        await pace.turn()
    assert time.monotonic() - begun >= 0.29  # three at once, then one after each tenth of a second


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "tombstone"])
async def test_what_nobody_said_is_not_found(subtype: str) -> None:
    class Told(Past):
        def _message(self, ts: str) -> dict[str, Any]:
            return {**super()._message(ts), "subtype": subtype}

    (page,) = await pages_of(Told([5.0]), regime(200, 10))
    assert page.found == [] and bool(page.gone) is (subtype == "tombstone")


async def test_what_we_said_is_not_found() -> None:
    class Ours(Past):
        def _message(self, ts: str) -> dict[str, Any]:
            return {**super()._message(ts), "user": ME.user}

    (page,) = await pages_of(Ours([5.0]), regime(200, 10))
    assert page.found == []


async def test_threads_and_edits_are_told() -> None:
    answered, changed = START + 100, START + 50

    class Told(Past):
        def _message(self, ts: str) -> dict[str, Any]:
            thread = {"reply_count": 2, "latest_reply": f"{answered}.000000", "thread_ts": ts}
            edited = {"edited": {"user": "U0ANN00001", "ts": f"{changed}.000000"}}
            return {**super()._message(ts), **thread, **edited}

    (page,) = await pages_of(Told([5.0]), regime(200, 10))
    (root,) = page.threads
    assert page.threads[root] == SINCE + timedelta(seconds=100)
    assert page.edited == {root: SINCE + timedelta(seconds=50)}
    assert "thread_ts" not in page.found[0].payload["event"]  # when it was said it had no thread

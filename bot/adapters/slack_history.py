"""What was said in a Slack workspace, read back slowly: in windows of time, oldest first, within Slack's limits.

Slack gives the newest messages of a span first. A span is read to its end and handed over oldest first; one that holds
too much is cut shorter, so that what is in hand stays small and reading goes on where it stopped.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from bot.adapters import slack_wire as wire
from bot.adapters.acts import ActPostponed, ActRefused
from bot.adapters.adapter import Arrival, LookupFailed, Page
from bot.adapters.events import Channel, ChannelKind, Payload
from bot.adapters.slack_calls import pages, read_at_leisure

LISTED = 1_000  # channels that are listed in one call
AHEAD = 60.0  # seconds by which Slack's clock may be ahead of ours
FIT = 0.9  # of what a span held: the next one is to hold a little less
LEAST = 0.000_002  # seconds; two messages of a channel are one microsecond apart at least
MOST_LIMITS = 10  # a call that is limited so often in a row is given up for now

_TYPES = {ChannelKind.DIRECT: "im", ChannelKind.GROUP: "mpim", ChannelKind.PRIVATE: "group"}
_GONE = frozenset({"thread_not_found", "message_not_found"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Regime:
    """How fast history may be read. ``burst``: calls of a method that may come at once, then one in ``interval``
    seconds. ``limit``: messages in one answer. ``most``: answers that are held in hand before a span is cut."""

    burst: int
    interval: float
    limit: int
    most: int = 10


# What a message gathered since it was said; the event had none of it.
_NOT_IN_EVENTS = frozenset({"reactions", "reply_count", "reply_users_count", "reply_users", "latest_reply"})

# https://docs.slack.dev/apis/web-api/rate-limits: Tier 3, some of which is left to those who answer; and what is left
# to apps that are sold outside Slack's marketplace.
REGIMES: Mapping[str, Regime] = {
    "internal": Regime(burst=20, interval=1.5, limit=200),
    "distributed": Regime(burst=1, interval=61.0, limit=15),
}


class Pace:
    """Lets ``burst`` calls through at once, then one in ``interval`` seconds."""

    def __init__(self, burst: int, interval: float) -> None:
        self._burst, self._interval = burst, interval
        self._next = 0.0  # on the monotonic clock: when the next call would come if all came evenly

    async def turn(self) -> None:
        """Wait until it is one's turn."""
        now = time.monotonic()
        earliest = now - (self._burst - 1) * self._interval
        self._next = max(self._next, earliest)
        wait = self._next - now
        self._next += self._interval
        if wait > 0:
            await asyncio.sleep(wait)


class Workspace(Protocol):
    """What is read: a ``SlackWorkspace``."""

    me: wire.Me
    team: Mapping[str, Any]  # which one an organisation's token is to be used for

    @property
    def client(self) -> Any: ...


class SlackHistory:
    """The history of one workspace."""

    def __init__(self, workspace: Workspace, regime: Regime) -> None:
        self.workspace, self._regime = workspace, regime
        self._paces = {
            name: Pace(regime.burst, regime.interval)
            for name in ("conversations.history", "conversations.replies")
        }

    async def channels(self) -> list[Channel]:
        """The channels that the bot is in. Raises LookupFailed."""
        client, team = self.workspace.client, self.workspace.me.team
        listed = pages(
            lambda cursor: client.conversations_list(
                types="public_channel,private_channel",
                exclude_archived=True,
                limit=LISTED,
                cursor=cursor,
                **self.workspace.team,
            ),
            "channels",
        )
        return [
            Channel(
                id=f"{wire.NAME}:{team}/{info['id']}",
                kind=ChannelKind.PRIVATE if info.get("is_private") else ChannelKind.PUBLIC,
                name=info.get("name"),
                external=bool(info.get("is_ext_shared") or info.get("is_pending_ext_shared")),
            )
            async for info in listed
            if info.get("is_member")
        ]

    async def top_level(self, channel: Channel, since: datetime, cursor: str | None) -> AsyncIterator[Page]:
        """What was said at the top level of a channel, oldest first."""
        begin = float(cursor or f"{since.timestamp():.6f}")
        end = time.time() + AHEAD
        span = end - begin
        while begin < end:
            until = min(end, begin + span)
            messages, complete = await self._window(channel, begin, until)
            if not complete:
                span = max(FIT * (until - float(messages[-1]["ts"])), LEAST)
                continue
            if len(messages) < self._capacity / 2:
                span *= 2 if messages else 8
            begin = until if until < end else max([begin, *(float(one["ts"]) for one in messages[:1])])
            yield self._page(channel, messages[::-1], cursor=f"{begin:.6f}")
            if until >= end:
                return

    @property
    def _capacity(self) -> int:
        return self._regime.limit * self._regime.most

    async def _window(self, channel: Channel, begin: float, end: float) -> tuple[list[Payload], bool]:
        """The messages of a span, newest first, and whether these are all."""
        found: list[Payload] = []
        cursor: str | None = None
        for _ in range(self._regime.most):
            call = partial(
                self.workspace.client.conversations_history,
                channel=wire.bare(channel.id),
                oldest=f"{begin:.6f}",
                latest=f"{end:.6f}",
                limit=self._regime.limit,
                cursor=cursor,
            )
            answer = await self._ask("conversations.history", call)
            found += answer["messages"]
            cursor = (answer.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return found, True
        return found, False

    async def thread(self, channel: Channel, root: str) -> Page:
        """All of a thread. One that is not there any more is empty."""
        found: list[Payload] = []
        cursor: str | None = None
        try:
            while True:
                call = partial(
                    self.workspace.client.conversations_replies,
                    channel=wire.bare(channel.id),
                    ts=wire.bare(root),
                    limit=self._regime.limit,
                    cursor=cursor,
                )
                answer = await self._ask("conversations.replies", call)
                found += answer["messages"]
                cursor = (answer.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    return self._page(channel, found, whole=True)
        except ActRefused as error:
            if str(error) not in _GONE:
                raise
            return Page(whole=True)

    async def _ask(self, method: str, call: Callable[[], Awaitable[Any]]) -> Any:
        """The answer, when it is this method's turn; a limit is waited for. Raises LookupFailed and ActRefused."""
        for _ in range(MOST_LIMITS):
            await self._paces[method].turn()
            try:
                answer = await read_at_leisure(call())
            except ActPostponed as limit:
                await asyncio.sleep(limit.seconds)
            else:
                return answer
        raise LookupFailed(f"Slack: {method} was limited {MOST_LIMITS} times in a row")

    def _page(
        self,
        channel: Channel,
        messages: Sequence[Payload],
        *,
        cursor: str | None = None,
        whole: bool = False,
    ) -> Page:
        me = self.workspace.me
        said = [one for one in messages if wire.is_spoken(one) and not wire.is_mine(one, me)]
        return Page(
            found=[found(one, me, channel) for one in said],
            edited={
                f"{channel.id}/{one['ts']}": wire.when(one["edited"]["ts"]) for one in said if "edited" in one
            },
            gone=[f"{channel.id}/{one['ts']}" for one in messages if one.get("subtype") == "tombstone"],
            threads={
                f"{channel.id}/{one['ts']}": wire.when(one["latest_reply"])
                for one in messages
                if one.get("reply_count")
            },
            cursor=cursor,
            whole=whole,
        )


def found(message: Payload, me: wire.Me, channel: Channel) -> Arrival:
    """A message of a history as the event that it was: with the content key of that one."""
    ts = str(message["ts"])
    began = {"thread_ts"} if message.get("thread_ts") == ts else set()
    event = {
        **{name: value for name, value in message.items() if name not in _NOT_IN_EVENTS | began},
        "channel": wire.bare(channel.id),
        "channel_type": _TYPES.get(channel.kind, "channel"),
        "event_ts": ts,
    }
    body = {
        "type": "event_callback",
        "team_id": me.team,
        "event_id": f"read/{wire.bare(channel.id)}/{ts}",
        "event_time": int(wire.when(ts).astimezone(UTC).timestamp()),
        "event": event,
        "is_ext_shared_channel": channel.external,
    }
    arrival = wire.arrival_of(body)
    assert arrival is not None  # it is an event
    return arrival

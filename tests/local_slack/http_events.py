"""Events over HTTP: signed requests to the app's address, and what Slack does when they are not answered well."""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from .socket_mode import Ack, Delivery, Json, RetrySchedule

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


def signed(raw: bytes, secret: str, *, at: float | None = None) -> dict[str, str]:
    """The headers with which Slack says that it sent ``raw``, at ``at`` (seconds since 1970; None: now)."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), b"v0:" + stamp.encode() + b":" + raw, hashlib.sha256)
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": "v0=" + digest.hexdigest()}


def written(kind: str, payload: Json) -> tuple[bytes, str]:
    """A payload as it is posted, and its content type."""
    if kind == "interactive":
        return urlencode({"payload": json.dumps(payload)}).encode(), FORM
    if kind == "slash_commands":
        return urlencode(payload).encode(), FORM
    return json.dumps(payload).encode(), JSON


class HttpEvents:
    """Posts to ``url``, in place of Socket Mode. Belongs to the server's event loop.

    An event that is not answered with 200 within ``schedule.within`` seconds is posted again after each of
    ``schedule.pauses``. What people press and send must be answered within ``answer_within`` and never comes again.
    """

    def __init__(self, schedule: RetrySchedule, answer_within: float, violate: Callable[[str], None]) -> None:
        self.url, self.secret = "", ""
        self.deliveries: list[Delivery] = []
        self.acks: list[Ack] = []
        self.answers: list[tuple[str | None, int]] = []  # event, status (0: none in time)
        self._schedule, self._answer_within, self._violate = schedule, answer_within, violate
        self._pending: dict[Delivery, None] = {}  # a set that keeps its order
        self._posting: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def ask_for_challenge(self) -> Delivery:
        """As when somebody saves the address as Request URL."""
        payload = {"token": "verification-token", "challenge": uuid.uuid4().hex, "type": "url_verification"}
        return self.deliver("url_verification", payload, event=None)

    def deliver(self, kind: str, payload: Json, *, event: str | None, expects_ack: bool = True) -> Delivery:
        delivery = Delivery(kind=kind, payload=payload, event=event, expects_ack=expects_ack)
        self.deliveries.append(delivery)
        if expects_ack:
            self._pending[delivery] = None
        self._begin(self._send(delivery))
        return delivery

    def resend(self, delivery: Delivery, *, reason: str) -> None:
        """The same event once more, whether or not it was acknowledged."""
        again = Delivery(kind=delivery.kind, payload=delivery.payload, event=delivery.event)
        self.deliveries.append(again)
        self._pending[again] = None
        self._begin(self._send(again, number=1, reason=reason))

    def unanswered(self) -> list[Delivery]:
        """What is neither acknowledged nor given up, oldest first."""
        return list(self._pending)

    async def stop(self) -> None:
        for task in self._posting:
            task.cancel()
        await asyncio.gather(*self._posting, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    async def _send(self, delivery: Delivery, number: int = 0, reason: str = "") -> None:
        raw, content_type = written(delivery.kind, delivery.payload)
        pauses = self._schedule.pauses if delivery.event else ()
        for pause in (0.0, *pauses):
            await asyncio.sleep(pause)
            retry = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason} if number else {}
            reason = await self._attempt(delivery, raw, {"Content-Type": content_type, **retry})
            if not reason:
                return
            number += 1
        delivery.lost = True
        self._pending.pop(delivery, None)
        if delivery.expects_ack:
            what = "event lost, never acknowledged" if delivery.event else "not answered well"
            self._violate(f"{what} ({reason}): {delivery.event or delivery.kind}")

    async def _attempt(self, delivery: Delivery, raw: bytes, headers: Mapping[str, str]) -> str:
        """Why Slack would try again; "" where it is content."""
        envelope = str(uuid.uuid4())
        delivery.envelopes.append(envelope)
        within = self._schedule.within if delivery.event else self._answer_within
        try:
            async with asyncio.timeout(within):
                delivery.sent[envelope] = time.monotonic()
                status, body = await self._post(raw, headers)
        except TimeoutError:
            self.answers.append((delivery.event, 0))
            return "http_timeout"
        except aiohttp.ClientError:
            self.answers.append((delivery.event, 0))
            return "connection_failed"
        self.answers.append((delivery.event, status))
        if status != 200:
            return "http_error"
        self._take(delivery, envelope, body)
        return ""

    async def _post(self, raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
        if self._session is None:
            agent = {"User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
            self._session = aiohttp.ClientSession(headers=agent)
        signature = signed(raw, self.secret)
        async with self._session.post(
            self.url, data=raw, headers={**headers, **signature}, allow_redirects=False
        ) as answer:
            return answer.status, await answer.text()

    def _take(self, delivery: Delivery, envelope: str, body: str) -> None:
        payload = _json_of(body)
        if delivery.kind == "url_verification" and (payload or {}).get("challenge") != delivery.payload.get(
            "challenge"
        ):
            self._violate(f"the challenge was not given back: {body[:200]!r}")
        late = envelope != delivery.envelopes[-1]
        now = time.monotonic()
        took = now - delivery.sent[envelope]
        ack = Ack(at=now, envelope=envelope, event=delivery.event, payload=payload, late=late, took=took)
        self.acks.append(ack)
        delivery.ack = delivery.ack or ack
        self._pending.pop(delivery, None)


def _json_of(body: str) -> Json | None:
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None

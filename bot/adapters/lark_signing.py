"""What Lark posts to an address of ours, opened: decrypted, its signature, age and token checked. Pure.

https://open.feishu.cn/document/event-subscription-guide/event-subscriptions/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from Crypto.Cipher import AES
from Crypto.Util.Padding import unpad

Json = dict[str, Any]

FRESH = timedelta(minutes=5)  # a signed request that is older may be one that somebody recorded
VERIFICATION = "url_verification"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Keys:
    """Of Events & Callbacks, Encryption Strategy. ``encrypt`` None: nothing is encrypted, and nothing signed."""

    token: str
    encrypt: str | None = None


class Unwelcome(Exception):
    """A request that is not answered as Lark's; ``status`` is the HTTP status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def opened(raw: bytes, headers: Mapping[str, str], keys: Keys, now: datetime) -> Json:
    """The event in a request, or the question whether the address is ours. Raises Unwelcome.

    The question is not signed; it is believed by its token alone, and answered with what it holds.
    """
    body = _loaded(raw)
    if keys.encrypt is not None:
        body = _decrypted(body, keys.encrypt)
    asked = body.get("type") == VERIFICATION
    if keys.encrypt is not None and not asked:
        _check_signature(raw, headers, keys.encrypt, now)
    given = body.get("token") if asked else (body.get("header") or {}).get("token")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), keys.token.encode()):
        raise Unwelcome(
            401, "the verification token is another; set it as Encryption Strategy in the console shows it"
        )
    return body


def opened_by(raw: bytes, headers: Mapping[str, str], keys: Mapping[str, Keys], now: datetime) -> Json:
    """As ``opened``, of whichever app the request is. ``keys`` by app id: those of one open nothing of another's."""
    refused: list[tuple[int, str]] = []
    for app, held in keys.items():
        try:
            body = opened(raw, headers, held, now)
        except Unwelcome as error:
            refused.append((error.status, f"{app}: {error}"))
            continue
        named = (body.get("header") or {}).get("app_id")
        if body.get("type") == VERIFICATION or named == app:
            return body
        refused.append(
            (404, f"{app}: an event of the app {named}, which is not in config.yaml or has other keys")
        )
    raise Unwelcome(max(status for status, _ in refused), "; ".join(why for _, why in refused))


def _loaded(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise Unwelcome(400, f"{raw[:40]!r} is no JSON") from error
    if not isinstance(body, dict):
        raise Unwelcome(400, f"{raw[:40]!r} is no JSON object")
    return body


def _decrypted(body: Json, key: str) -> Json:
    """AES-256-CBC under the key's hash; the first block is the vector."""
    sealed = body.get("encrypt")
    if not isinstance(sealed, str):
        raise Unwelcome(401, "a plain body, though there is an encrypt key")
    try:
        data = base64.b64decode(sealed, validate=True)
        cipher = AES.new(hashlib.sha256(key.encode()).digest(), AES.MODE_CBC, data[: AES.block_size])
        plain = unpad(cipher.decrypt(data[AES.block_size :]), AES.block_size)
    except ValueError as error:
        raise Unwelcome(401, "the body is encrypted with another key than the app's encrypt key") from error
    return _loaded(plain)


def _check_signature(raw: bytes, headers: Mapping[str, str], key: str, now: datetime) -> None:
    stamp, nonce = headers.get("X-Lark-Request-Timestamp", ""), headers.get("X-Lark-Request-Nonce", "")
    right = hashlib.sha256(f"{stamp}{nonce}{key}".encode() + raw).hexdigest()
    if not hmac.compare_digest(right.encode(), headers.get("X-Lark-Signature", "").encode()):
        raise Unwelcome(401, "the signature is not Lark's")
    if not stamp.isdigit() or abs(datetime.fromtimestamp(int(stamp), UTC) - now) > FRESH:
        raise Unwelcome(
            401, f"signed at {stamp}, which is not within {FRESH} of now; look at the machine's clock"
        )

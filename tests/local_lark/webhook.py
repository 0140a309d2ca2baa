"""Events posted to an address of the bot's, encrypted and signed as Lark does."""

import base64
import hashlib
import json
import os
import time
from typing import Any

from Crypto.Cipher import AES

Json = dict[str, Any]


def sealed(body: Json, key: str) -> bytes:
    """The body as it is posted where encryption is on."""
    plain = json.dumps(body, ensure_ascii=False).encode()
    fill = AES.block_size - len(plain) % AES.block_size
    vector = os.urandom(AES.block_size)
    cipher = AES.new(hashlib.sha256(key.encode()).digest(), AES.MODE_CBC, vector)
    data = vector + cipher.encrypt(plain + bytes([fill]) * fill)
    return json.dumps({"encrypt": base64.b64encode(data).decode()}).encode()


def signed(raw: bytes, key: str, at: float | None = None) -> dict[str, str]:
    """The headers of a request with this body."""
    stamp, nonce = str(int(time.time() if at is None else at)), os.urandom(8).hex()
    signature = hashlib.sha256(f"{stamp}{nonce}{key}".encode() + raw).hexdigest()
    return {
        "X-Lark-Request-Timestamp": stamp,
        "X-Lark-Request-Nonce": nonce,
        "X-Lark-Signature": signature,
        "Content-Type": "application/json; charset=utf-8",
    }

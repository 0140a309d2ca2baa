"""For all tests: nothing leaves this machine, and no key of the person who runs them is used."""

import ipaddress
import os
import sys
from typing import Any

import pytest
from hypothesis import settings

# The client also reads profiles, headers and switches for its own logs from the environment.
_PREFIXES = ("ANTHROPIC_", "CLAUDE_")


def _is_here(host: object) -> bool:
    if not isinstance(host, str) or host in ("", "localhost"):
        return True  # no network address: a socket of the file system, or any local one
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _only_loopback(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse every connection, and every look-up of a name, that leads off this machine."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if not _is_here(host):
        raise RuntimeError(f"a test reached for {host}; tests may only talk to servers on 127.0.0.1")


sys.addaudithook(_only_loopback)

# A machine that is busy makes an example slow, not wrong; the timeout of every test still holds.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure() -> None:
    for name in [name for name in os.environ if name.startswith(_PREFIXES)]:
        del os.environ[name]
    os.environ["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"  # where nobody listens


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)

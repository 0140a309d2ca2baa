"""How long each connection has been silent: by the running Earshot if there is one, else by the store."""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import aiohttp
from sqlalchemy import Connection, func, select

from bot.config import Config
from bot.doctor import Finding
from bot.health import store_mark
from bot.links import in_words, silence_in_words
from bot.tables import inbox, messages, moment
from knowledge.database import Database

log = logging.getLogger("earshot")

WITHIN = 3.0  # seconds for the running process to answer
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}


async def examine_links(config: Config, database: Database, now: datetime) -> list[Finding]:
    """What there is to say of each enabled platform."""
    running = await ask_running(config, store_mark(database))
    told = [] if running is None else running["connections"]
    findings = [Finding(name="connection", ok=one["connected"], text=in_words(one)) for one in told]
    if running is not None and not (running["store"] and running["knowledge"]):
        lacks = "the store" if not running["store"] else "its knowledge"
        text = f"the running Earshot cannot use {lacks}; see its log"
        findings.append(Finding(name="ready", ok=False, text=text))
    enabled = [name for name, on in (("slack", config.slack.enabled), ("lark", config.lark.enabled)) if on]
    for name in enabled:
        if not any(str(one["name"]).startswith(name) for one in told):
            last = await database.run(lambda connection, name=name: last_heard(connection, name))  # type: ignore[misc]
            findings.append(Finding(name="heard", ok=True, text=silence_in_words(name, last, now)))
    return findings


async def ask_running(config: Config, mark: str) -> Mapping[str, Any] | None:
    """What /readyz of the Earshot that runs on our store says; None if there is none."""
    host = _EVERYWHERE.get(config.console.host, config.console.host)
    url = f"http://{f'[{host}]' if ':' in host else host}:{config.console.port}/readyz"
    try:
        async with asyncio.timeout(WITHIN), aiohttp.ClientSession() as session, session.get(url) as answer:
            told = json.loads(await answer.text())
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        log.debug("%s: nobody tells how it is: %s", url, error)
        return None
    return told if isinstance(told, dict) and told.get("mark") == mark else None


def last_heard(connection: Connection, platform: str) -> datetime | None:
    """When something last came from a platform, as far as the store still knows."""
    arrived = select(func.max(inbox.c.received_at)).where(inbox.c.adapter == platform)
    said = select(func.max(messages.c.at)).where(messages.c.id.startswith(f"{platform}:"))
    known = [at for at in (connection.scalar(arrived), connection.scalar(said)) if at is not None]
    return moment(max(known)) if known else None

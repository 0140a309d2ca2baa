"""`earshot backfill`: hear what was said in channels before Earshot came."""

import argparse
import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date, datetime, time

from filelock import FileLock, Timeout

from bot import aliases
from bot.adapters.acts import ActRefused
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.aliased import AliasedAdapter
from bot.adapters.events import Channel
from bot.backfill import Backfill, Backfilled, called, wanted_of
from bot.clock import SystemClock
from bot.config import Config, secrets_from
from bot.config_file import problems_to_run
from bot.opening import config_of, lark_of, slack_of, store_of
from bot.terminal import Failed, say, shown_progress, warn
from bot.web import Web
from knowledge.database import Database


async def backfill(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if a channel could not be read. Raises Failed."""
    config = config_of(arguments)
    since = _since(config, arguments)
    with store_of(config) as database, _alone(database):
        async with _platforms(config, database, arguments.platform) as adapters:
            wanted = await _wanted(adapters, arguments.channels)
            return await _read(config, database, wanted, since, as_json=arguments.json)


def _since(config: Config, arguments: argparse.Namespace) -> datetime:
    now = SystemClock().now()
    if isinstance(arguments.since, date):
        return datetime.combine(arguments.since, time(), tzinfo=config.tz)
    return now - arguments.since  # type: ignore[no-any-return]


@contextmanager
def _alone(database: Database) -> Iterator[None]:
    """One backfill at a time. A running Earshot does not mind: both write a little at a time. Raises Failed."""
    lock = FileLock(f"{database.path}.backfill.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise Failed(
            f"another `earshot backfill` reads into {database.url}; wait for it, or stop it and begin again: "
            "it goes on where it was. (`earshot run` may go on meanwhile.)"
        ) from error
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def _platforms(config: Config, database: Database, only: str | None) -> AsyncIterator[list[Adapter]]:
    """The enabled platforms, asked whether they let us in. Raises Failed and what their checks raise."""
    secrets = secrets_from(os.environ)
    problems = problems_to_run(config, secrets)
    if problems:
        raise Failed("\n".join(str(problem) for problem in problems))
    adapters: list[Adapter] = []
    kept = await database.run(aliases.known)
    try:
        if config.slack.enabled and only in (None, "slack"):
            web = Web(config.console.host, config.console.port)  # never opened: nothing is listened to
            slack = slack_of(config, secrets, web, database)
            adapters.append(AliasedAdapter(slack, kept))
            await slack.check()
        if config.lark.enabled and only in (None, "lark"):
            lark = lark_of(config, secrets)
            adapters.append(AliasedAdapter(lark, kept))
            await lark.check()
        if not adapters:
            raise Failed(f"{only or 'no platform'} is not enabled; set {only or 'slack'}.enabled: true")
        yield adapters
    finally:
        for adapter in adapters:
            await adapter.close()


async def _wanted(adapters: Sequence[Adapter], given: Sequence[str]) -> list[tuple[Adapter, Channel]]:
    """The channels to read. Raises Failed for a name that means none or several."""
    try:
        inside = [(adapter, channel) for adapter in adapters for channel in await adapter.channels()]
    except LookupFailed as error:
        raise Failed(f"the channels could not be listed: {error}; try again") from error
    if not given:
        return inside
    meant = wanted_of([channel for _, channel in inside], given)
    for name, channels in meant.items():
        if not channels:
            raise Failed(f"{name} is no channel that Earshot is in; invite it there first")
        if len(channels) > 1:
            named = ", ".join(channel.id for channel in channels)
            raise Failed(f"{name} may be any of: {named}; give one of these")
    ids = {channel.id for channels in meant.values() for channel in channels}
    return [(adapter, channel) for adapter, channel in inside if channel.id in ids]


async def _read(
    config: Config,
    database: Database,
    wanted: Sequence[tuple[Adapter, Channel]],
    since: datetime,
    *,
    as_json: bool,
) -> int:
    done: list[Backfilled] = []
    failed = 0
    try:
        with shown_progress() as progress:
            clock, people = SystemClock(), {}  # type: ignore[var-annotated]
            for adapter, channel in wanted:
                reader = Backfill(
                    database=database,
                    config=config,
                    adapter=adapter,
                    clock=clock,
                    progress=progress,
                    people=people,
                )
                try:
                    done.append(await reader.read(channel, since))
                except (ActRefused, LookupFailed) as error:
                    failed += 1
                    warn(
                        f"{called(channel)} was not read to its end: {error}; the same command goes on there"
                    )
    except asyncio.CancelledError:
        warn("stopped; the same command goes on where it was")
        raise
    if as_json:
        print(json.dumps([_json(one) for one in done], ensure_ascii=False))
    else:
        _show(done)
    return 1 if failed else 0


def _json(one: Backfilled) -> dict[str, object]:
    numbers = {"messages": one.messages, "threads": one.threads}
    return {
        "channel": one.channel.id,
        "name": one.channel.name,
        "since": one.since.isoformat(timespec="seconds"),
        **numbers,
    }


def _show(done: Sequence[Backfilled]) -> None:
    for one in done:
        say(f"{called(one.channel)}: {one.messages} messages heard, {one.threads} threads read")
    if any(one.messages for one in done):
        say(
            "The next night closes what has been quiet for long and learns from it; `earshot night` does it now."
        )

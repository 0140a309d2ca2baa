"""What the arguments of a command name, opened: settings, store, knowledge, Slack, Lark, a channel."""

import argparse
import importlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from sqlalchemy import Connection

from bot import ledger
from bot.adapters.lark import LarkAdapter, LarkApp
from bot.adapters.lark_api import LarkApi
from bot.adapters.lark_hook import LarkHook
from bot.adapters.lark_link import LarkLink
from bot.adapters.lark_signing import Keys
from bot.adapters.slack import SlackAdapter
from bot.adapters.slack_http import SlackHook
from bot.app import open_database, open_knowledge
from bot.cli import DEFAULT_CONFIG
from bot.config import Config, Secrets
from bot.config_file import load
from bot.terminal import Failed, err, shown_progress
from bot.web import Web
from knowledge.database import Database
from knowledge.search import Knowledge


def config_of(arguments: argparse.Namespace) -> Config:
    """The settings; those of a file that is named must be there. Raises ConfigError."""
    return load(arguments.config, os.environ, required=arguments.config != DEFAULT_CONFIG)


@contextmanager
def store_of(config: Config) -> Iterator[Database]:
    """The config's store, closed in any case. Raises Failed where no file can be made."""
    try:
        database = open_database(config.store)
    except OSError as error:
        raise Failed(f"store is {config.store!r}, which cannot be made: {error}; name another") from error
    try:
        yield database
    finally:
        database.close()


@asynccontextmanager
async def knowledge_of(config: Config, database: Database) -> AsyncIterator[Knowledge]:
    """The knowledge in the store, closed in any case."""
    with shown_progress() as progress:
        knowledge = await open_knowledge(config, database, progress=progress)
    try:
        yield knowledge
    finally:
        await knowledge.close()


def slack_of(config: Config, secrets: Secrets, web: Web) -> SlackAdapter:
    """Slack as it can be asked and posted to, and heard: over HTTP once ``web`` is started."""
    over_http = config.slack.mode == "http"
    hook = SlackHook(secrets.slack_signing_secret or "", web) if over_http else None
    return SlackAdapter(
        secrets.slack_bot_token or "", secrets.slack_app_token or "", str(config.slack.base_url), hook
    )


def lark_of(config: Config, secrets: Secrets) -> LarkAdapter:
    """Lark as it can be asked and posted to; ``listening_lark_of`` can hear as well."""
    return LarkAdapter(lark_apps(config, secrets))


def listening_lark_of(config: Config, secrets: Secrets, web: Web) -> LarkAdapter:
    if config.lark.mode == "http":
        keys = Keys(token=secrets.lark_verification_token or "", encrypt=secrets.lark_encrypt_key)
        return LarkAdapter(lark_apps(config, secrets), hook=LarkHook(keys, web))
    # Only here: the SDK takes three seconds and a hundred megabytes to import, which most who run Earshot need not.
    socket = importlib.import_module("bot.adapters.lark_socket")

    def make_link(api: LarkApi) -> LarkLink:
        return LarkLink(api, socket.LarkSocket, (socket.ConnectFailed,))

    return LarkAdapter(lark_apps(config, secrets), make_link)


def lark_apps(config: Config, secrets: Secrets) -> tuple[LarkApp, ...]:
    """The apps of config.yaml; without any the one of the environment."""
    lark = config.lark
    if not lark.apps:
        own = LarkApp(id=secrets.lark_app_id or "", secret=secrets.lark_app_secret or "", domain=lark.domain)
        return (own,)
    return tuple(
        LarkApp(id=app.id, secret=app.secret.get_secret_value(), domain=app.domain or lark.domain)
        for app in lark.apps
    )


async def channel_named(database: Database, given: str) -> str:
    """The whole id of the channel that somebody names. One that was never heard of is taken as given."""
    found = await database.run(lambda connection: ledger.find_channels(connection, given))
    if len(found) > 1:
        raise Failed(f"{given} may be any of: {', '.join(found)}; give one of these")
    if not found:
        err.print(f"no channel {given} was heard of yet; taken as a whole id", style="yellow", markup=False)
    return found[0] if found else given


async def one_of(
    database: Database, find: Callable[[Connection, str], list[str]], given: str, what: str
) -> str:
    """The whole id that ``find`` knows for what somebody names. Raises Failed for none, and for several."""
    found = await database.run(lambda connection: find(connection, given))
    if len(found) > 1:
        raise Failed(f"{given} may be any of: {', '.join(found)}; give one of these")
    if not found:
        raise Failed(f"{given}: no such {what} is known; give a whole id")
    return found[0]


async def audience_named(database: Database, audience: str) -> str:
    """The audience with the whole id of its channel, if it is one channel's."""
    kind, _, given = audience.partition(":")
    return f"channel:{await channel_named(database, given)}" if kind == "channel" else audience

"""Who writes answers, as config.yaml names it: Claude, and the offline writer wherever Claude does not."""

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from bot import ledger
from bot.clock import Clock
from bot.config import Config, Secrets
from bot.saving import names_in
from bot.spending import Spending
from knowledge.claude_prices import DEAREST, Price, Prices
from knowledge.database import Database
from knowledge.images import Images
from knowledge.model_calls import CallLog
from knowledge.writer import Asked, Declined, Draft, Rewriter, Writer, WriterFailed
from knowledge.writer_extractive import ExtractiveWriter

log = logging.getLogger("earshot")


class FallbackWriter:
    """Claude; where it fails or its budget is spent, the offline writer. What Claude declines stays declined."""

    name = "claude"

    def __init__(self, claude: Writer, offline: Writer, database: Database) -> None:
        self._claude = claude
        self._offline = offline
        self._database = database

    async def answer(self, asked: Asked) -> Draft | Declined:
        try:
            return await self._claude.answer(await named(asked, self._database))
        except WriterFailed as failed:
            log.info("%s: %s; the answer is quoted, not written", asked.thread.id, failed)
            return await self._offline.answer(asked)


class NamedRewriter:
    """Claude's rewriter, told what the people of the thread are called, so that it can be taken out."""

    def __init__(self, claude: Rewriter, database: Database) -> None:
        self._claude = claude
        self._database = database

    async def rewrite(self, asked: Asked) -> str:
        return await self._claude.rewrite(await named(asked, self._database))


async def named(asked: Asked, database: Database) -> Asked:
    """``asked`` with what its people are called."""
    people = await database.run(ledger.everybody)
    return replace(asked, names=asked.names | names_in(asked.thread.messages, people))


@dataclass(frozen=True, kw_only=True, slots=True)
class Writers:
    """Who writes answers, and who makes whole questions of vague ones (None: nobody does)."""

    writer: Writer
    rewriter: Rewriter | None = None


@asynccontextmanager
async def writers_for(
    config: Callable[[], Config],
    secrets: Secrets,
    database: Database,
    clock: Clock,
    *,
    calls: CallLog | None = None,
    images: Images | None = None,
) -> AsyncIterator[Writers]:
    """The writers of config.yaml; their connections are closed with the block. Without a key they are offline.

    ``model``, ``tone``, budgets and the like are asked anew for every answer, so that an edit counts at once.
    """
    if config().writer != "claude" or secrets.anthropic_api_key is None:
        if config().writer == "claude":
            log.warning("writer is claude, but ANTHROPIC_API_KEY is not set: answers are quoted, not written")
        yield Writers(writer=ExtractiveWriter())
        return
    # Only now, and beside the loop: the client takes a second or more to import.
    writing = await asyncio.to_thread(importlib.import_module, "knowledge.writer_claude")
    rewriting = await asyncio.to_thread(importlib.import_module, "knowledge.rewriter_claude")
    settings = partial(_settings, writing, config)
    claude, writer = writing.claude_writer(
        secrets.anthropic_api_key,
        base_url=secrets.anthropic_base_url,
        settings=settings,
        calls=calls,
        budget=Spending(database, clock, config),
        prices=lambda: prices_of(config()),
        images=images,
    )
    async with claude:
        yield Writers(
            writer=FallbackWriter(writer, ExtractiveWriter(), database),
            rewriter=NamedRewriter(rewriting.ClaudeRewriter(claude, settings), database),
        )


def _settings(writing: Any, config: Callable[[], Config]) -> Any:
    """The settings of ``knowledge.writer_claude``, as config.yaml has them now."""
    chosen, patterns = config().claude, config().redact.patterns
    return writing.WriterSettings(
        model=chosen.model,
        tone=chosen.tone,
        effort=None if chosen.effort == "off" else chosen.effort,
        images=chosen.images,
        patterns=patterns,
    )


def prices_of(config: Config) -> Prices:
    """List prices, and what config.yaml says instead of them for its model."""
    chosen = config.claude
    listed = Prices().of(chosen.model) or DEAREST
    given = (chosen.price_in, chosen.price_out)
    if given == (None, None):
        return Prices()
    read = listed.input if chosen.price_in is None else chosen.price_in
    written = listed.output if chosen.price_out is None else chosen.price_out
    return Prices(own={chosen.model: Price(input=read, output=written)})

"""The night's writer, as config.yaml names it."""

import asyncio
import importlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.batches import SqlBatchLog
from bot.clock import Clock
from bot.config import Config, Secrets
from bot.writing import prices_of
from knowledge.database import Database
from knowledge.distiller import Distiller, ExtractiveDistiller
from knowledge.model_calls import CallLog

log = logging.getLogger(__name__)


@asynccontextmanager
async def distiller_for(
    config: Config,
    secrets: Secrets,
    database: Database,
    clock: Clock,
    *,
    calls: CallLog | None = None,
) -> AsyncIterator[Distiller]:
    """The writer for one night; its connections are closed with the block. Without a key it is the offline one."""
    if config.night.writer == "claude" and secrets.anthropic_api_key is not None:
        # Only now, and beside the loop: the client takes a second or more to import.
        module = await asyncio.to_thread(importlib.import_module, "knowledge.distiller_claude")
        async with module.ClaudeDistiller(
            secrets.anthropic_api_key,
            config.night.model,
            SqlBatchLog(database, clock),
            base_url=secrets.anthropic_base_url,
            limits=module.Limits(batch_above=config.night.batch_above),
            calls=calls,
            prices=lambda: prices_of(config),
        ) as claude:
            yield claude
        return
    if config.night.writer == "claude":
        log.warning(
            "night.writer is claude, but ANTHROPIC_API_KEY is not set: the night is distilled offline"
        )
    yield ExtractiveDistiller()

"""What the commands do: read the settings, do it, say what came of it. Exit 0 ok, 1 a problem, 2 wrong usage.

Those that belong together by what they work on have a module of their own, `bot.command_…`.
"""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial

from rich.markup import escape
from sqlalchemy import Connection
from sqlalchemy.exc import DatabaseError

from bot import approval, ledger
from bot.adapters.adapter import Adapter
from bot.adapters.lark import LarkAdapter, LarkStartFailed
from bot.adapters.slack import SlackAdapter, StartFailed
from bot.addressed import PRECISION, score_of
from bot.answerer import conversation, ground
from bot.app import StoreInUse, assemble, embedder_of, keep_for_good, lock_store
from bot.audit import AuditedCalls, AuditedSettings
from bot.cli import DEFAULT_CONFIG
from bot.clicks import explained
from bot.clock import SystemClock
from bot.command_audit import show_audit
from bot.command_backfill import backfill
from bot.command_doctor import examine
from bot.command_entries import export, show_or_change
from bot.command_forget import forget_for_good
from bot.command_learn import learn
from bot.command_night import night
from bot.config import Config, Secrets, secrets_from
from bot.config_file import ConfigError, ConfigFile, Edits, problems_to_run
from bot.demo import Demo
from bot.distilling import distiller_for
from bot.doctor import examine_clip, examine_images, examine_scopes
from bot.doctor_lark import examine_lark
from bot.entries import EntryError
from bot.explain import told
from bot.opening import (
    channel_named,
    config_of,
    knowledge_of,
    listening_lark_of,
    slack_of,
    store_of,
)
from bot.pictures import PicturesOfPlatforms
from bot.places import place_of
from bot.replay import Report, replay
from bot.scorer import Scale
from bot.terminal import Failed, complain, err, log_to_stderr, out, say, shown_progress, warn
from bot.web import Web, WebFailed
from bot.weighing import SHIPPED, read_weights
from bot.writing import writers_for
from knowledge.audience import audiences_for
from knowledge.database import Database
from knowledge.embed import UnknownModel
from knowledge.entry import PUBLIC, WORKSPACE, Hit
from knowledge.images import Images
from knowledge.notes import NoteError
from knowledge.recordings import RecordingError, read_recording
from knowledge.sources import SourceError
from knowledge.thread import Message, Thread
from knowledge.writer import Asked, Decline, Declined, Draft

log = logging.getLogger("earshot")

PROBLEMS = (
    Failed,
    ConfigError,
    StartFailed,
    LarkStartFailed,
    StoreInUse,
    WebFailed,
    RecordingError,
    SourceError,
    UnknownModel,
    EntryError,
    NoteError,
)


def execute(arguments: argparse.Namespace) -> int:
    """Run the command that was parsed; its exit code."""
    log_to_stderr(verbose=arguments.verbose)
    try:
        code: int = asyncio.run(COMMANDS[arguments.command](arguments))
        sys.stdout.flush()
    except PROBLEMS as error:
        complain(str(error))
        return 1
    except DatabaseError as error:
        log.debug("the store failed", exc_info=error)
        complain(f"the store cannot be used: {error.orig}; look at `store` in {arguments.config}")
        return 1
    except BrokenPipeError:
        # `earshot replay … | head`: who read it has enough; nothing is left to flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


# ---- run, demo, replay -----------------------------------------------------


async def _run(arguments: argparse.Namespace) -> int:
    settings = ConfigFile(arguments.config, os.environ, required=arguments.config != DEFAULT_CONFIG)
    config, secrets = settings.current, secrets_from(os.environ)
    problems = problems_to_run(config, secrets)
    if problems:
        raise Failed("\n".join(str(problem) for problem in problems))
    web = Web(config.console.host, config.console.port)
    if not (config.slack.enabled or config.lark.enabled):
        raise Failed(f"{arguments.config}: no platform is enabled; set slack.enabled: true")
    with store_of(config) as database, lock_store(database):
        adapters = await _connectable(config, secrets, web, database)
        async with knowledge_of(config, database) as knowledge:
            clock = SystemClock()
            calls = AuditedCalls(database, clock)
            async with writers_for(
                lambda: settings.current,
                secrets,
                database,
                clock,
                calls=calls,
                images=_pictures(adapters),
            ) as writers:
                app = assemble(
                    lambda: settings.current,
                    database,
                    knowledge,
                    adapters,
                    writer=writers.writer,
                    night=approval,
                    distilling=lambda: distiller_for(settings.current, secrets, database, clock, calls=calls),
                    rewriter=writers.rewriter,
                    web=web,
                )
                keep_for_good()
                await _until_stopped(app.run, settings, AuditedSettings(database, clock))
    return 0


async def _connectable(config: Config, secrets: Secrets, web: Web, database: Database) -> list[Adapter]:
    """The enabled platforms, each asked before the slow part: a bad token should fail within a second."""
    adapters: list[Adapter] = []
    if config.slack.enabled:
        slack = slack_of(config, secrets, web, database)
        await slack.check()
        granted = slack.granted
        for lacking in (
            *examine_scopes(config, granted),
            *examine_clip(config, granted),
            *examine_images(config, granted),
        ):
            log.warning("%s", lacking.text)
        adapters.append(slack)
    if config.lark.enabled:
        lark = listening_lark_of(config, secrets, web)
        for me in await lark.check():
            for lacking in examine_lark(me.app, lark.granted(me.app), None):
                log.warning("%s", lacking.text)
        adapters.append(lark)
    return adapters


def _pictures(adapters: Iterable[Adapter]) -> Images:
    """Where pictures can be looked at."""
    return PicturesOfPlatforms(
        {one.name: one for one in adapters if isinstance(one, SlackAdapter | LarkAdapter)}
    )


async def _until_stopped(
    run: Callable[[asyncio.Event], Awaitable[None]], settings: ConfigFile, edits: Edits
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    following = asyncio.create_task(settings.follow(lambda _: None, stop, edits))
    log.info("listening")
    try:
        await run(stop)
    finally:
        stop.set()
        await following


async def _demo(arguments: argparse.Namespace) -> int:
    # The demo is to look the same wherever it is tried, so only settings that are named count.
    config = config_of(arguments) if arguments.config != DEFAULT_CONFIG else Config()
    with err.status("loading the embedding model"):
        embedder = await asyncio.to_thread(embedder_of, config)
    await Demo(config, embedder, out).play(once=arguments.once)
    return 0


async def _replay(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    recording = read_recording(arguments.file)
    for skipped in recording.skipped[:20]:
        warn(f"skipped {skipped}")
    with err.status("loading the embedding model"):
        embedder = await asyncio.to_thread(embedder_of, config)
    with shown_progress() as progress:
        report = await replay(recording, config, embedder, progress)
    if arguments.json:
        for outcome in report.outcomes:
            print(outcome.json())
    else:
        _show_report(report)
    return 0


def _show_report(report: Report) -> None:
    for outcome in (said for said in report.outcomes if said.text):
        head = f"\n[bold green]{outcome.action}[/] to {escape(outcome.id)} (score {outcome.score:.2f})"
        out.print(head, highlight=False, soft_wrap=True)
        say(outcome.text)
        for citation in outcome.citations:
            say(f"  source: {citation['source']}", "dim")
    total, spoken = len(report.outcomes), len(report.replies)
    out.print(
        f"\n{total} messages, {spoken} replies ({100 * spoken / total:.1f} per 100 messages)."
        + (f" {len(report.drafts)} drafts." if report.drafts else ""),
        highlight=False,
    )
    for name, count in report.silent.most_common():
        out.print(f"  silent, {name}: {count}", highlight=False)
    out.print(
        f"{report.entries} entries known at the end. {report.seconds:.1f} s, {report.rate:.0f} messages/s.",
        highlight=False,
    )


# ---- ask, why -----------------------------------------------------


async def _ask(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    with store_of(config) as database:
        audiences = frozenset({PUBLIC, WORKSPACE})
        if arguments.channel:
            asked_in = await channel_named(database, arguments.channel)
            audiences = await database.run(partial(_seen_in, config=config, channel=asked_in))
        async with knowledge_of(config, database) as knowledge:
            hits = await knowledge.search(arguments.question, audiences=audiences, k=5)
        clock = SystemClock()
        now = clock.now()
        message = Message(id="ask", channel="", thread="ask", user="you", at=now, text=arguments.question)
        thread = Thread(id="ask", channel="", messages=(message,))
        sure = _is_sure(arguments.question, hits, config, now)
        asked = Asked(question=arguments.question, thread=thread, hits=hits, addressed=True, sure=sure)
        async with writers_for(
            lambda: config, secrets_from(os.environ), database, clock, calls=AuditedCalls(database, clock)
        ) as writers:
            draft = await writers.writer.answer(asked)
    suggestion = None if isinstance(draft, Declined) else ground(draft, hits, now, conversation(asked))
    if arguments.json:
        answer = None if suggestion is None else suggestion.text
        print(json.dumps({"hits": [_hit(hit) for hit in hits], "answer": answer}, ensure_ascii=False))
        return 0
    for hit in hits:
        say(f"{hit.score:.2f}  {hit.entry.title}  [{hit.entry.origin}]")
    answer = suggestion.text if suggestion else _no_answer(draft, known=bool(hits))
    say(f"\n{answer}")
    return 0


def _is_sure(question: str, hits: Sequence[Hit], config: Config, now: datetime) -> bool:
    """Whether the hits may be quoted to somebody who asks, as in a channel."""
    scale = Scale(prior=read_weights(config.weights or SHIPPED))
    return score_of(question, hits, scale, now) >= scale.prior.threshold(PRECISION)


def _no_answer(draft: Draft | Declined, *, known: bool) -> str:
    if isinstance(draft, Declined) and draft.why is Decline.PERSON:
        return f"A person should answer this: {draft.reason}."
    return f"Nothing that is known answers this.{' Above is what is closest.' if known else ''}"


def _seen_in(connection: Connection, config: Config, channel: str) -> frozenset[str]:
    return audiences_for(place_of(connection, config, ledger.channel_of(connection, channel)))


def _hit(hit: Hit) -> dict[str, object]:
    numbers = {"score": hit.score, "dense": hit.dense, "lexical": hit.lexical, "coverage": hit.coverage}
    rounded = {name: round(float(value), 4) for name, value in numbers.items()}
    return {"entry": hit.entry.id, "title": hit.entry.title, "origin": hit.entry.origin, **rounded}


async def _why(arguments: argparse.Namespace) -> int:
    config = config_of(arguments)
    with store_of(config) as database:
        found = await database.run(lambda connection: ledger.find_messages(connection, arguments.message))
        if len(found) > 1:
            raise Failed(f"{arguments.message} may be any of: {', '.join(found)}; give one of these")
        last = found[0] if found else ""
        row = await database.run(lambda connection: ledger.last_decision(connection, last))
        explanation = await database.run(lambda connection: explained(connection, config, last))
    if row is None or explanation is None:
        raise Failed(f"{arguments.message}: no decision about such a message; give a message's link or id")
    if arguments.json:
        shown = {"id": row.message_id, "action": row.action, "score": row.score, "threshold": row.threshold}
        why = {"reasons": ledger.reason_lines(row), "considered": ledger.considered(row)}
        print(json.dumps({**shown, **why}, ensure_ascii=False))
        return 0
    for line in told(explanation):
        say(line)
    return 0


COMMANDS: Mapping[str, Callable[[argparse.Namespace], Coroutine[None, None, int]]] = {
    "run": _run,
    "demo": _demo,
    "learn": learn,
    "entries": show_or_change,
    "export": export,
    "replay": _replay,
    "night": night,
    "ask": _ask,
    "why": _why,
    "forget": forget_for_good,
    "audit": show_audit,
    "backfill": backfill,
    "doctor": examine,
}

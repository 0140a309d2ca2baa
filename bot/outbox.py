"""Posting: its own queue, so that a rate limit holds back nothing else. Written down first, read back after a doubt."""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from bot import (
    answers,
    cards,
    drafts,
    intents,
    ledger,
    mutes,
    posted_parts,
    presences,
    rejections,
    revisions,
    showing,
    streaming,
    tables,
    whispers,
)
from bot.adapters.acts import (
    CLIP,
    Act,
    ActPostponed,
    ActRefused,
    ActUncertain,
    Delete,
    Draft,
    Post,
    React,
    Receipt,
    Say,
    Show,
)
from bot.adapters.adapter import Adapter, LookupFailed
from bot.handlers import Bot
from bot.intents import Intent
from bot.manners import speaks_to_me
from bot.situation import policy_of
from knowledge.thread import Role

log = logging.getLogger("earshot")

MAX_TRIES = 12
GRACE = timedelta(
    seconds=1.0
)  # a request that was cut may still take effect for a moment; then it is read back
LOOKUP_PAUSE = timedelta(seconds=3)


class Outbox:
    """Sends what was intended, one at a time in a channel, all channels side by side."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._busy: dict[str, asyncio.Task[None]] = {}

    async def send_due(self, on_free: Callable[[], None] | None = None) -> int:
        """Begin to send what is due in channels that are free. How many were begun."""
        now = self._bot.clock.now()
        busy = list(self._busy)
        due = await self._bot.database.run(lambda connection: intents.take_intents(connection, now, busy))
        for intent in due:
            task = asyncio.create_task(self._send_paced(intent, on_free))
            self._busy[intent.channel] = task
        return len(due)

    async def settle(self) -> None:
        """Wait until everything that was begun is over."""
        while self._busy:
            await asyncio.gather(*self._busy.values())

    async def close(self) -> None:
        """Stop at once: what was cut off is read back at the next start."""
        tasks = list(self._busy.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send_paced(self, intent: Intent, on_free: Callable[[], None] | None) -> None:
        try:
            interval = self._bot.adapter_of(intent.channel).post_interval
            begun = asyncio.get_running_loop().time()
            await send(self._bot, intent)
            # Slack: one post per second and channel; the pause stands after the answer, where the server counts.
            await asyncio.sleep(interval if _can_be_found(intent) else 0.0)
            log.debug("%s: sent in %.3f s", intent.suggestion_id, asyncio.get_running_loop().time() - begun)
        finally:
            self._busy.pop(intent.channel, None)
            if on_free is not None:
                on_free()


async def send(bot: Bot, intent: Intent) -> None:
    """Bring one intent one step further: done, dropped, or put off."""
    adapter, now = bot.adapter_of(intent.channel), bot.clock.now()
    if intent.kind == cards.SHOW and await _placed(bot, adapter, intent):
        return
    if intent.kind == rejections.REJECT:
        await bot.database.run(lambda connection: rejections.settle(connection, bot.config(), intent, now))
        return
    gone = await bot.database.run(lambda connection: presences.closed(connection, intent.channel))
    if gone is not None:
        log.info("%s %s in %s: dropped: %s", intent.kind, intent.suggestion_id, intent.channel, gone)
        return await _drop(bot, intent, intents.OUT_OF_REACH + gone)
    act = await bot.database.run(lambda connection: _act(connection, intent, bot))
    why = "not wanted any more" if act is None else _hopeless(adapter, intent, act)
    if act is None or why is not None:
        log.warning("%s %s: %s", intent.kind, intent.suggestion_id, why)
        return await _drop(bot, intent, str(why))
    try:
        receipt = await _known(adapter, intent, act)
        if receipt is None:
            why_not = await bot.database.run(lambda connection: _begin(connection, bot, intent))
            if why_not is not None:
                log.info("%s: not posted: %s", intent.suggestion_id, why_not)
                return
            receipt = await streaming.said_live(bot, adapter, intent, act) or await adapter.perform(act)
    except LookupFailed as error:
        await _put_off(bot, intent, now + LOOKUP_PAUSE, str(error), uncertain=True)
    except ActPostponed as error:
        until = bot.clock.now() + timedelta(
            seconds=error.seconds
        )  # from the answer on, not from the question
        await _put_off(bot, intent, until, str(error), uncertain=False)
        await bot.database.run(lambda connection: intents.hold_channel(connection, intent.channel, until))
    except ActUncertain as error:
        await _put_off(bot, intent, now + GRACE, str(error), uncertain=True)
    except ActRefused as error:
        # Analysts who are not in a channel are not shown its drafts: that is as it should be.
        # Nor is what cannot be changed any more on the platform: it stays as it stands.
        usual = intent.kind == "whisper" or intent.kind.startswith(revisions.REVISE)
        level = logging.INFO if usual else logging.ERROR
        log.log(level, "%s %s in %s: refused: %s", intent.kind, intent.suggestion_id, intent.channel, error)
        await _drop(bot, intent, str(error))
    else:
        await bot.database.run(lambda connection: _done(connection, bot, intent, act, receipt))


async def _placed(bot: Bot, adapter: Adapter, intent: Intent) -> bool:
    """Find out where a card goes, if that is not known yet; then it is sent from there, in its turn."""
    row = await bot.database.run(lambda connection: cards.card_row(connection, intent.suggestion_id))
    if row is None or row.channel is not None:
        return False
    try:
        place = await adapter.place(row.place)
    except LookupFailed as error:
        await _put_off(bot, intent, bot.clock.now() + LOOKUP_PAUSE, str(error), uncertain=False)
        return True
    if place is None or place.external:
        log.error("%s of %s: %s is no channel of ours, or shared", row.kind, row.subject, row.place)
        await _drop(bot, intent, f"{row.place}: no channel of ours, or shared with a company")
    elif not await bot.database.run(lambda connection: cards.settle_place(connection, row.id, place.id)):
        await _drop(bot, intent, f"{row.place}: gets it already under another name")
    return True


def _hopeless(adapter: Adapter, intent: Intent, act: Act) -> str | None:
    """Why it is not to be tried, or not again."""
    if type(act) not in adapter.performs:
        return f"{adapter.name} has no such thing"
    if intent.kind == "whisper" and intent.uncertain:
        return "it was begun once and may have been shown"  # nobody can read back what only one person sees
    return f"given up after {intent.tries} tries" if intent.tries >= MAX_TRIES else None


async def _drop(bot: Bot, intent: Intent, why: str) -> None:
    await bot.database.run(lambda connection: _dropped(connection, bot, intent, why))


def _dropped(connection: Connection, bot: Bot, intent: Intent, why: str) -> None:
    intents.drop_intent(connection, intent, why, bot.clock.now())
    if intent.kind == "post":
        streaming.abandon(connection, intent.suggestion_id, bot.clock.now())
    if intent.kind == "post" or (intent.kind == "draft" and not intent.uncertain):
        drafts.expire(connection, intent.suggestion_id, why, bot.clock.now())
    elif intent.kind == "whisper":
        whispers.forget(connection, intent.suggestion_id)
    elif intent.kind.startswith(revisions.REVISE) and not why.startswith(intents.OUT_OF_REACH):
        revisions.refused(connection, intent.suggestion_id, intent.kind)
    elif posted_parts.is_further(intent.kind):
        _take_back(connection, intent, bot.clock.now())  # an answer without its end has no sources


def _take_back(connection: Connection, intent: Intent, now: datetime) -> None:
    row = ledger.suggestion_row(connection, intent.suggestion_id)
    if row is not None:
        intents.take_back(connection, row, now)


def _done(connection: Connection, bot: Bot, intent: Intent, act: Act, receipt: Receipt) -> None:
    now = bot.clock.now()
    if intent.kind.startswith(revisions.REVISE):
        why = revisions.shown(connection, intent.suggestion_id, intent.kind, now)
        return intents.mark_done(connection, intent, None, now, why=why)
    intents.mark_done(connection, intent, receipt.message_id if intent.kind == "post" else None, now)
    if isinstance(act, Post):
        _said(connection, intent, act, receipt, now)
    match intent.kind:
        case "post":
            drafts.said(connection, intent.suggestion_id, now)
        case "draft":
            drafts.posted(connection, intent.suggestion_id, receipt.message_id, now)
        case "whisper":
            whispers.forget(connection, intent.suggestion_id)
        case cards.SHOW:
            cards.shown(connection, intent.suggestion_id, receipt.message_id, now)
        case answers.SAY:
            answers.posted(connection, intent.suggestion_id, receipt.message_id)


def _said(connection: Connection, intent: Intent, act: Post, receipt: Receipt, now: datetime) -> None:
    """The next part follows, unless the answer was taken back while this one was on its way."""
    if posted_parts.is_further(intent.kind):
        posted_parts.stands(connection, intent, receipt.message_id)
    row = ledger.suggestion_row(connection, intent.suggestion_id)
    if row is not None and (row.content is None or row.removed):
        intents.take_back(connection, row, now)
    else:
        posted_parts.go_on(connection, intent, act, now)


_FOUND = (
    "post",
    "draft",
    cards.SHOW,
    answers.SAY,
)  # what stands somewhere once it is done, and can be found there


def _can_be_found(intent: Intent) -> bool:
    return intent.kind in _FOUND or posted_parts.is_further(intent.kind)


async def _known(adapter: Adapter, intent: Intent, act: Act) -> Receipt | None:
    """What an earlier, cut-off try has already done."""
    if intent.uncertain and isinstance(act, Post | Say | Draft | Show) and _can_be_found(intent):
        return await adapter.find_post(act)
    return None


async def _put_off(bot: Bot, intent: Intent, until: datetime, error: str, *, uncertain: bool) -> None:
    log.warning("%s %s in %s: put off: %s", intent.kind, intent.suggestion_id, intent.channel, error)
    await bot.database.run(
        lambda connection: intents.put_off(connection, intent, until, error, uncertain=uncertain)
    )


def _act(connection: Connection, intent: Intent, bot: Bot) -> Act | None:
    match intent.kind:
        case "whisper":
            stale_after = bot.config().stale_after
            return whispers.act_of(connection, intent.suggestion_id, bot.clock.now(), stale_after)
        case answers.SAY:
            return answers.say_of(connection, intent.suggestion_id, bot.clock.now(), bot.config().stale_after)
        case "draft":
            return drafts.draft_of(connection, intent.suggestion_id, bot.clock.now())
        case "edit":
            return drafts.edit_of(connection, intent.suggestion_id)
        case kind if kind.startswith(revisions.REVISE):
            return revisions.act_of(connection, intent.suggestion_id, kind, bot.clock.now())
        case kind if kind == cards.SHOW or kind.startswith(cards.AGAIN):
            return showing.show_of(connection, intent, bot.config(), bot.clock.now())
        case _:
            return _act_on_suggestion(connection, intent, bot)


def _act_on_suggestion(connection: Connection, intent: Intent, bot: Bot) -> Act | None:
    row = ledger.suggestion_row(connection, intent.suggestion_id)
    answer = answers.by_id(connection, intent.suggestion_id)
    if row is None and intent.kind == "delete":
        row = answer
    if row is None:
        return None
    if intent.kind == "delete" or intent.kind.startswith(posted_parts.DELETE):
        further = posted_parts.posted_id(connection, row.id, intent.kind)
        stands = row.posted_id if intent.kind == "delete" else further
        return None if stands is None else Delete(channel=row.channel, message_id=stands)
    if row.content is None:
        return None
    root = ledger.root_of(connection, row.message_id)
    if root is None:
        return None  # the question was deleted
    if intent.kind == "clip":
        return React(channel=row.channel, message_id=row.message_id, name=CLIP)
    post = Post(
        id=row.id,
        channel=row.channel,
        reply_to=root,
        suggestion=ledger.suggestion_from(row.content),
        now=bot.clock.now(),
        lead=answers.lead_of(answer, bot.clock.now(), bot.config().stale_after),
    )
    parts, number = bot.adapter_of(row.channel).parts(post), posted_parts.number_of(intent.kind)
    return parts[number - 1] if number <= len(parts) else None


def _begin(connection: Connection, bot: Bot, intent: Intent) -> str | None:
    """Mark the intent as begun, or drop it with the reason why it is not wanted any more."""
    if intent.kind in ("post", "clip", "draft") and (why := _overtaken(connection, bot, intent)) is not None:
        _dropped(connection, bot, intent, why)
        return why
    if intent.kind == "draft" and not drafts.is_open(connection, intent.suggestion_id):
        why = "settled before it was shown"
        intents.drop_intent(connection, intent, why, bot.clock.now())
        return why
    intents.mark_sending(connection, intent.id)
    return None


def _overtaken(connection: Connection, bot: Bot, intent: Intent) -> str | None:
    """Why an answer that had to wait is late: it grew stale, or a person was faster."""
    row = ledger.suggestion_row(connection, intent.suggestion_id)
    if row is None:
        return "its suggestion is gone"
    if answers.by_id(connection, row.id) is not None:
        return None  # somebody asked for it: neither a mute nor the hour, nobody else's answer holds it back
    decided = tables.moment(row.at)
    shared = drafts.shared_at(connection, row.id)
    wanted = shared or decided
    if bot.clock.now() - wanted > bot.config().stale_after:
        return "older than stale_after"
    if shared is None and (why := _unwanted(connection, bot, intent, row)) is not None:
        return why
    thread = ledger.thread(connection, row.conversation)
    ticket = ledger.ticket(connection, row.conversation)
    asker = None if ticket is None else ticket.asker
    spoken = () if thread is None else thread.messages
    faster = (
        said
        for said in spoken
        if said.at > decided
        and said.user != asker
        and said.role is not Role.BOT
        and not speaks_to_me(said.text)
    )
    return None if next(faster, None) is None else "a person answered meanwhile"


def _unwanted(connection: Connection, bot: Bot, intent: Intent, row: Row[Any]) -> str | None:
    """Why nothing that no person asked us to post may be said here any more."""
    if (muted := mutes.muted_here(connection, row.conversation, row.channel)) is not None:
        return muted
    # Questions decided side by side do not see each other's answers in the budget; here they stand in a row.
    hour_before = tables.moment(row.at) - timedelta(hours=1)
    policy = policy_of(bot.config(), ledger.channel_of(connection, row.channel), bot.clock.now())
    spoken = ledger.posted_before(connection, intent.id, row.channel, hour_before)
    return "hour budget" if intent.kind == "post" and spoken >= policy.max_per_hour else None

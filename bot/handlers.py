"""What happens when something happens: gather, decide, act. The only place where decisions meet I/O.

Each handler gathers in one transaction, decides with pure functions, and concludes in one transaction that also
finishes the inbox row: after a crash in between it simply runs again.
"""

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row

from bot import (
    aliases,
    answers,
    asking,
    audit,
    drafts,
    inbox,
    intents,
    introductions,
    ledger,
    orders,
    posted_parts,
    rejections,
    retention,
    revisions,
    tickets,
    votes,
)
from bot.adapters.acts import CLIP
from bot.adapters.adapter import Adapter, LookupFailed
from bot.adapters.aliased import Aliases
from bot.adapters.events import Channel, Deleted, Edited, Heard, Person, Reacted, Voted
from bot.answerer import Suggestion, conversation, faults_of, ground, query_of
from bot.audit import Kind
from bot.clock import Clock
from bot.config import EPHEMERAL, Config
from bot.feedback import Vote, normal_name, verdict
from bot.forget import Account, erase
from bot.inbox import Work
from bot.manners import order_in, speaks_to_me
from bot.places import place_of
from bot.rewriting import is_vague, with_whole
from bot.scorer import Action, Decision, Situation, decide, gate, newest_first, novel, silent
from bot.situation import (
    analysts_in,
    conversation_for,
    hear,
    knows_thread,
    recall,
    role_in,
    whole_user,
)
from bot.tickets import Step
from bot.trusting import trust_counted
from bot.verdicts import recalibrate, recalibrate_due
from bot.whispers import About, whisper
from bot.whole_ids import whole_id
from knowledge.audience import audiences_for, may_take
from knowledge.database import Database
from knowledge.distiller import Distiller, offline
from knowledge.entry import Hit
from knowledge.search import Knowledge
from knowledge.thread import Reaction, Role
from knowledge.writer import Asked, Decline, Declined, Rewriter, Writer, WriterFailed

log = logging.getLogger("earshot")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bot:
    """What the handlers work with. ``config`` is asked each time, because it may change while running.

    ``aliases``: the channels whose id changed, as the adapters go by them.
    ``distilling`` opens who selects, for one night, what of closed threads is worth keeping. ``rewriter`` makes whole
    questions of vague ones, where config.yaml asks for it.
    """

    database: Database
    knowledge: Knowledge
    writer: Writer
    clock: Clock
    config: Callable[[], Config]
    adapters: Mapping[str, Adapter]
    distilling: Callable[[], AbstractAsyncContextManager[Distiller]] = offline
    rewriter: Rewriter | None = None
    aliases: Aliases = field(default_factory=Aliases)

    def adapter_of(self, channel: str) -> Adapter:
        """The adapter of a qualified id; a recording's ids are taken as given, and it has only one adapter."""
        named = self.adapters.get(channel.split(":", 1)[0])
        return named if named is not None else next(iter(self.adapters.values()))


class Overtaken(Exception):
    """An event came before the message it is about; it waits for it, a bounded time."""


# ---- a message -----------------------------------------------------


async def on_message(bot: Bot, work: Work, heard: Heard) -> None:
    """heard > ticket > candidate? > search > decide > [writer > ground > intent] > decided"""
    now, config = bot.clock.now(), bot.config()
    adapter = bot.adapter_of(heard.channel.id)
    heard = await known_place(bot, heard)
    known = await told_of(adapter, heard.message.user) if heard.message.role is not Role.BOT else ()

    def gather(connection: Connection) -> Situation | None:
        ledger.put_people(connection, known)
        if retention.too_late(connection, config, heard, now):
            inbox.finish(connection, work.id)
            return None
        return _hear(connection, config, heard, now)

    situation = await bot.database.run(gather)
    if situation is not None:
        await _look(bot, work, situation, said_at=heard.message.at)


async def known_place(bot: Bot, heard: Heard) -> Heard:
    """``heard`` with what the platform tells of its channel; what was said before in its thread is heard first."""
    adapter = bot.adapter_of(heard.channel.id)
    heard = replace(heard, channel=await _described(adapter, heard.channel))
    in_thread = bool(heard.message.thread)
    if in_thread and not await bot.database.run(lambda connection: knows_thread(connection, heard.message)):
        await _catch_up(bot, adapter, heard)
    return heard


def _obeyed(connection: Connection, config: Config, heard: Heard, now: datetime) -> bool:
    """Whether an earlier message was an order; then that is all it was. Nobody is told so late."""
    message = heard.message
    order = None if message.role is Role.BOT else order_in(message.text)
    if order is None or ledger.was_erased(connection, message.id):
        return False
    what_came = orders.obey(connection, config, heard, order).what
    log.info("%s: %s", message.id, what_came)
    decided = silent("order", what_came)
    ledger.put_decision(connection, message.id, decided, (), now, channel=message.channel)
    ledger.pass_over(connection, message.id, conversation_for(connection, message))
    return True


async def told_of(adapter: Adapter, user: str) -> Sequence[Person]:
    """What the platform tells of somebody; nothing, if it cannot be asked now."""
    try:
        return await adapter.people(user)
    except LookupFailed as error:
        log.info("%s: nothing new is known of the person: %s", user, error)
        return ()


def _hear(connection: Connection, config: Config, heard: Heard, now: datetime) -> Situation:
    """Take the message in; where another person answers, what was drafted comes too late."""
    situation = hear(connection, config, heard, now)
    message = situation.message
    others = message.user != situation.ticket.asker and message.role is not Role.BOT
    if others and message.text.strip() and not speaks_to_me(message.text):
        drafts.expire_in(connection, message.thread, f"{drafts.called(message.user)} answered", now)
    return situation


async def _described(adapter: Adapter, channel: Channel) -> Channel:
    try:
        return await adapter.describe(channel)
    except LookupFailed as error:
        log.warning("%s: name and kind are not known: %s", channel.id, error)
        return channel


async def _catch_up(bot: Bot, adapter: Adapter, heard: Heard) -> None:
    """Hear what was said in a thread before we came; without it nobody knows who asks whom."""
    config, now = bot.config(), bot.clock.now()
    before = [said for said in await adapter.fetch(heard.channel, heard.message.thread) if said != heard]

    def catch_up(connection: Connection) -> None:
        for said in before:
            if said.message.at >= heard.message.at or retention.too_late(connection, config, said, now):
                continue
            if not _obeyed(connection, config, said, now):
                hear(connection, config, said, now)

    await bot.database.run(catch_up)


async def on_due(bot: Bot, work: Work) -> None:
    """The second look at a message that waited, on the conversation as it is now."""
    now, config, message_id = bot.clock.now(), bot.config(), work.message_id
    assert message_id is not None
    situation = await bot.database.run(lambda connection: recall(connection, config, message_id, now))
    if situation is None:  # deleted meanwhile
        await bot.database.run(lambda connection: inbox.finish(connection, work.id))
    elif now - work.due_at > config.stale_after and not situation.addressed:
        late = f"it fell due {_ago(now - work.due_at)} ago while nobody was listening"
        await _conclude(bot, work, situation, silent("stale", late), ())
    else:
        await _look(bot, work, replace(situation, waited=True))


async def _look(bot: Bot, work: Work, situation: Situation, *, said_at: datetime | None = None) -> None:
    """Decide about a message. ``said_at``: when what is new about it was said; None where that was looked at before."""
    if situation.out_of_reach is not None:  # nothing can be said there, to whom ever
        return await _conclude(bot, work, situation, silent("out of reach", situation.out_of_reach), ())
    late = None if said_at is None else _too_late(situation, said_at, bot.config().stale_after)
    if asking.is_asked(situation) and (late is None or situation.addressed):
        return await asking.answer_message(bot, work, situation)
    decision, hits = gate(situation) or late, ()  # type: tuple[Decision | None, Sequence[Hit]]
    if decision is None:
        hits = await _search(bot, situation)
        decision = decide(situation, hits)
    suggestion, place = None, None
    if decision.action in (Action.REPLY, Action.DRAFT) or decision.reasons[0].name in (
        "shadow",
        "clip",
        "drift",
    ):
        written = await _write(bot, situation, hits)
        suggestion = written if isinstance(written, Suggestion) else None
        if not isinstance(written, Suggestion):
            decision = _unsaid(written, decision.score)
        elif decision.action is Action.DRAFT and (place := await _draft_place(bot, situation)) is None:
            text = (
                f"drafts_to names {situation.policy.drafts_to}: no channel of ours, or shared with a company"
            )
            decision, suggestion = silent("no place for drafts", text, score=decision.score), None
    await _conclude(bot, work, situation, decision, hits, suggestion, place)


def _too_late(situation: Situation, said_at: datetime, stale_after: timedelta) -> Decision | None:
    """Why what was said long ago, and is heard only now, stays without an answer; who asks us gets one even so."""
    age = situation.now - said_at
    if age <= stale_after or situation.addressed:
        return None
    return silent("stale", f"it was said {_ago(age)} before it was heard")


async def _draft_place(bot: Bot, situation: Situation) -> str | None:
    """The whole id of where a draft goes, or EPHEMERAL; None if config.yaml names what cannot take it.

    What the workspace knows is not shown to another company, and drafts about other channels are nobody's business
    there either: a shared channel takes only its own.
    """
    given, channel = situation.policy.drafts_to, situation.message.channel
    if given is None or given == EPHEMERAL:
        return given
    place = await bot.adapter_of(channel).place(given)
    if place is None:
        return None
    config = bot.config()
    taker = await bot.database.run(lambda connection: place_of(connection, config, place))
    return place.id if may_take(taker, situation.place) else None


async def _search(bot: Bot, situation: Situation) -> Sequence[Hit]:
    message, thread = situation.message, situation.thread
    hits = await bot.knowledge.search(
        await _query(bot, situation),
        audiences=audiences_for(situation.place),
        k=10,
        exclude_origins=frozenset({thread.id}),
        before=situation.now,
    )
    return newest_first(novel(hits, situation), message.text)


async def _query(bot: Bot, situation: Situation) -> str:
    """What is searched for: the question with its thread, and where config.yaml asks for it, made whole by a model."""
    thread, message = situation.thread, situation.message
    query = query_of(thread, message)
    if bot.rewriter is None or not bot.config().claude.rewrite or not is_vague(thread, message):
        return query
    try:
        whole = await bot.rewriter.rewrite(Asked(question=query, thread=thread, hits=()))
    except WriterFailed as error:
        log.info("%s: searched for as it stands: %s", message.id, error)
        return query
    return with_whole(whole, query)


def _unsaid(declined: Declined | None, score: float) -> Decision:
    """Why nothing is said although it would have been welcome."""
    if declined is None:
        return silent("no grounded answer", "no source says what could be said", score=score)
    name = "a person should" if declined.why is Decline.PERSON else "no grounded answer"
    return silent(name, declined.reason, score=score)


async def _write(bot: Bot, situation: Situation, hits: Sequence[Hit]) -> Suggestion | Declined | None:
    """A grounded answer, or why the writer gives none; None if what it wrote does not hold, or it could not write."""
    thread = situation.thread
    try:
        asked = Asked(question=query_of(thread, situation.message), thread=thread, hits=hits)
        draft = await bot.writer.answer(asked)
    except WriterFailed as error:
        log.warning("%s: the %s writer failed: %s", situation.message.id, bot.writer.name, error)
        return None
    if isinstance(draft, Declined):
        return draft
    told = conversation(asked)
    suggestion = ground(draft, hits, situation.now, told)
    if suggestion is None:
        faults = "; ".join(faults_of(draft, hits, told))
        log.warning(
            "%s: a draft of the %s writer was dropped: %s", situation.message.id, bot.writer.name, faults
        )
    return suggestion


async def _conclude(
    bot: Bot,
    work: Work,
    situation: Situation,
    decision: Decision,
    hits: Sequence[Hit],
    suggestion: Suggestion | None = None,
    place: str | None = None,
) -> None:
    message, config = situation.message, bot.config()
    considered = [hit.entry.id for hit in hits]

    def conclude(connection: Connection) -> None:
        # What was decided upon may have been deleted since: then nothing of it is kept.
        if ledger.message_row(connection, message.id) is None:
            return inbox.finish(connection, work.id)
        ledger.put_decision(
            connection, message.id, decision, considered, situation.now, channel=message.channel
        )
        if suggestion is not None:
            _keep(connection, config, situation, decision, suggestion, place)
        if decision.until is not None:
            return inbox.wait(connection, work.id, message.id, decision.until)
        return inbox.finish(connection, work.id)

    await bot.database.run(conclude)


def _keep(
    connection: Connection,
    config: Config,
    situation: Situation,
    decision: Decision,
    suggestion: Suggestion,
    place: str | None,
) -> None:
    """Keep a suggestion and what is to be done with it: post it, put it before the analysts, offer it, or nothing."""
    message, now, suggestion_id = situation.message, situation.now, uuid.uuid4().hex
    send = decision.action is Action.REPLY
    if not ledger.put_suggestion(connection, suggestion_id, message, suggestion, now, send=send):
        return
    if decision.action is Action.DRAFT:
        own_place = None if place == EPHEMERAL else place
        drafts.put_draft(connection, suggestion_id, message.thread, own_place, now)
        if own_place is None:
            _show_to_analysts(connection, config, situation, suggestion_id)
    elif decision.reasons[0].name == "clip":
        intents.intend(connection, suggestion_id, "clip", message.channel, now)


def _show_to_analysts(
    connection: Connection, config: Config, situation: Situation, suggestion_id: str
) -> None:
    message = situation.message
    analysts = {whole_user(given, message.channel) for given in analysts_in(connection, config)}
    for analyst in sorted(analysts):
        whisper(
            connection,
            f"draft/{suggestion_id}/{analyst}",
            channel=message.channel,
            reply_to=ledger.root_of(connection, message.id),
            user=analyst,
            about=About.DRAFT,
            suggestion_id=suggestion_id,
            now=situation.now,
        )


# ---- edits and deletions -----------------------------------------------------


async def on_edit(bot: Bot, work: Work, edited: Edited) -> None:
    """An edit that changes the text re-opens the decision; it never leads to a second post."""
    now, config = bot.clock.now(), bot.config()

    def edit(connection: Connection) -> Situation | None:
        row = ledger.message_row(connection, edited.message_id)
        if row is None:
            if ledger.was_erased(connection, edited.message_id) or ledger.is_own(
                connection, edited.message_id
            ):
                return None
            raise Overtaken(f"{edited.message_id} was edited before it was heard")
        if row.text == edited.text:
            return None  # a link was unfurled
        take_up_edit(connection, row, edited)
        if ledger.suggestion_for(connection, edited.message_id) is not None:
            return None
        if answers.to_message(connection, edited.message_id) is not None:
            return None
        if inbox.is_waiting(connection, edited.message_id):
            return None  # it will be looked at again anyway
        return recall(connection, config, edited.message_id, now)

    situation = await bot.database.run(edit)
    if situation is None:
        await bot.database.run(lambda connection: inbox.finish(connection, work.id))
    else:
        await _look(bot, work, situation, said_at=edited.at)


def take_up_edit(connection: Connection, row: Row[Any], edited: Edited) -> None:
    """Keep a message as it reads now, and record that it changed. ``row``: of the message."""
    ledger.edit_message(connection, edited.message_id, edited.text)
    revisions.doubt_quotes(connection, row.id, row.text, edited.text)
    named = {"subject": row.id, "actor": row.user, "channel": row.channel}
    audit.put(connection, Kind.EDITED, edited.at, **named)


async def on_delete(bot: Bot, work: Work, deleted: Deleted) -> None:
    """Erase a message, everything quoted from it, and what was learnt only from it."""
    config, now = bot.config(), bot.clock.now()

    def take(connection: Connection) -> None:
        own = ledger.suggestion_by_post(connection, deleted.message_id)
        if own is not None:
            ledger.mark_removed(connection, own.id, deleted.at)  # somebody took our answer away: a rejection
            posted_parts.take_back_rest(connection, own, now)
        audit_deletion(connection, deleted)
        erase(connection, Account(), config=config, ids=[deleted.message_id], now=now, but=work.id)
        inbox.finish(connection, work.id)

    await bot.database.run(take)
    await bot.knowledge.follow()


def audit_deletion(connection: Connection, deleted: Deleted) -> None:
    """Record that a message is gone on the platform."""
    row = ledger.message_row(connection, deleted.message_id)
    channel = None if row is None else row.channel
    audit.put(connection, Kind.DELETED, deleted.at, subject=deleted.message_id, channel=channel)


# ---- reactions and votes -----------------------------------------------------


async def on_reaction(bot: Bot, work: Work, reacted: Reacted) -> None:
    """👍 and 👎 on our answer are votes; ✅ moves the ticket; a click on our 📎 brings the answer; the rest is kept."""
    config, now = bot.config(), bot.clock.now()
    entries: list[str] = []
    channel: str | None = None
    about = await bot.database.run(lambda connection: whole_id(connection, reacted.message_id))
    reacted = replace(reacted, message_id=about)
    known = await told_of(bot.adapter_of(reacted.message_id), reacted.user)

    def take(connection: Connection) -> None:
        nonlocal channel
        ledger.put_people(connection, known)
        own = ledger.suggestion_by_post(connection, reacted.message_id)
        if own is not None:
            _vote_by_reaction(connection, config, own, reacted, now)
            entries.extend(votes.entries_quoted(connection, own.id))
            channel = own.channel
            orders.hush(connection, own.conversation, reacted)
            _check(connection, config, own.conversation, reacted)
        elif (row := ledger.message_row(connection, reacted.message_id)) is not None:
            reaction = Reaction(name=normal_name(reacted.name), user=reacted.user, at=reacted.at)
            ledger.react(connection, row.id, reaction, added=reacted.added)
            orders.hush(connection, row.conversation, reacted)
            _offer(connection, row.id, reacted, now)
            _check(connection, config, row.conversation, reacted)
        elif (answer := answers.by_post(connection, reacted.message_id)) is not None:
            if answer.conversation is not None:
                orders.hush(connection, answer.conversation, reacted)
                _check(connection, config, answer.conversation, reacted)
        elif (introduced := introductions.channel_of_post(connection, reacted.message_id)) is not None:
            orders.hush_channel(connection, config, introduced, reacted)
        elif not (
            ledger.was_erased(connection, reacted.message_id)
            or drafts.is_draft_message(connection, reacted.message_id)
        ):
            raise Overtaken(f"a reaction to {reacted.message_id} came before the message")

    await bot.database.run(take)
    await recount_trust(bot, entries, channel)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


async def on_vote(bot: Bot, work: Work, voted: Voted) -> None:
    """A click on 👍 or 👎 under a suggestion."""
    entries: list[str] = []
    channel: str | None = None
    config, now = bot.config(), bot.clock.now()

    def take(connection: Connection) -> None:
        nonlocal channel
        if (row := ledger.suggestion_row(connection, voted.suggestion_id)) is not None:
            channel = row.channel
            vote = Vote(suggestion_id=voted.suggestion_id, user=voted.user, helpful=voted.helpful)
            votes.put_vote(connection, vote, "button", voted.at)
            if not voted.helpful:
                _ask_for_reason(connection, row, voted.user, now)
                rejections.voted_down(connection, config, row, voted.user, now)
            entries.extend(votes.entries_quoted(connection, voted.suggestion_id))

    await bot.database.run(take)
    await recount_trust(bot, entries, channel)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


def _ask_for_reason(connection: Connection, suggestion: Row[Any], user: str, now: datetime) -> None:
    """Ask a person once, privately, why an answer did not help."""
    root = ledger.root_of(connection, suggestion.message_id)
    if root is None:
        return  # the question was deleted
    whisper(
        connection,
        f"reason/{suggestion.id}/{user}",
        channel=suggestion.channel,
        reply_to=root,
        user=user,
        about=About.REASON,
        suggestion_id=suggestion.id,
        now=now,
    )


def _offer(connection: Connection, message_id: str, reacted: Reacted, now: datetime) -> None:
    """Bring what our 📎 stands for to the person who clicked on it, once."""
    if not reacted.added or normal_name(reacted.name) != CLIP:
        return
    suggestion = ledger.suggestion_for(connection, message_id)
    if suggestion is None or not intents.is_done(connection, suggestion.id, "clip"):
        return
    whisper(
        connection,
        f"clip/{suggestion.id}/{reacted.user}",
        channel=suggestion.channel,
        reply_to=ledger.root_of(connection, message_id),
        user=reacted.user,
        about=About.ANSWER,
        suggestion_id=suggestion.id,
        now=now,
    )


def _vote_by_reaction(
    connection: Connection, config: Config, suggestion: Row[Any], reacted: Reacted, now: datetime
) -> None:
    suggestion_id = suggestion.id
    helpful = verdict(reacted.name)
    if helpful is None:
        return
    if reacted.added:
        vote = Vote(suggestion_id=suggestion_id, user=reacted.user, helpful=helpful)
        votes.put_vote(connection, vote, "reaction", reacted.at)
        if not helpful:
            _ask_for_reason(connection, suggestion, reacted.user, now)
            rejections.voted_down(connection, config, suggestion, reacted.user, now)
    else:
        votes.withdraw_vote(connection, suggestion_id, reacted.user, reacted.at, helpful=helpful)


def _check(connection: Connection, config: Config, conversation: str, reacted: Reacted) -> None:
    """Move the ticket by a ✅."""
    ticket = ledger.ticket(connection, conversation)
    if ticket is None or normal_name(reacted.name) != "white_check_mark":
        return
    step = _check_step(connection, config, reacted)
    if tickets.allowed(ticket, step):  # not a person's odd click, such as taking off a ✅ that did nothing
        ledger.put_ticket(connection, tickets.advance(ticket, step, reacted.at))
        if step is Step.CHECKED_IN_CHARGE:
            named = {"subject": conversation, "actor": reacted.user, "channel": ticket.channel}
            audit.put(connection, Kind.CLOSED, reacted.at, **named)


def _check_step(connection: Connection, config: Config, reacted: Reacted) -> Step:
    if not reacted.added:
        return Step.UNCHECKED
    role = role_in(connection, config, reacted.user)
    return Step.CHECKED_IN_CHARGE if role is Role.ANALYST else Step.CHECKED


async def recount_trust(bot: Bot, entries: Iterable[str], channel: str | None) -> None:
    """The trust of entries and the scale of the channel, counted anew from what holds: taking a vote back undoes it
    exactly."""
    config, now = bot.config(), bot.clock.now()
    if channel is not None:
        await bot.database.run(lambda connection: recalibrate(connection, config, channel, now))
    for entry_id in entries:
        trust = await bot.database.run(partial(trust_counted, config=config, entry_id=entry_id))
        await bot.knowledge.set_trust(entry_id, trust)


# ---- the clock -----------------------------------------------------


async def on_clock(bot: Bot) -> None:
    """Close the tickets that went quiet, and let old drafts expire."""
    now, config = bot.clock.now(), bot.config()
    close_after = config.tickets.close_after
    await bot.database.run(lambda connection: recalibrate_due(connection, config, now))
    await bot.database.run(lambda connection: ledger.close_quiet(connection, now, close_after))
    await bot.database.run(lambda connection: drafts.expire_old(connection, now))
    await read_aliases(
        bot
    )  # a new name may have been noticed on the way, or something been forgotten elsewhere


async def read_aliases(bot: Bot) -> None:
    """Let the adapters know under which ids and names channels went and go, as the store has it now."""
    bot.aliases.take(await bot.database.run(aliases.known))


def _ago(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} min"

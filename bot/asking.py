"""I/O: answers for people who speak to us: what they may be shown is searched, quoted or named, and said once.

Gather, decide, act, as in bot/handlers.py, which hands over what is addressed. The decisions are in bot/addressed.py.
"""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from bot import addressed, answers, inbox, intents, ledger
from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain, Think
from bot.adapters.adapter import Adapter
from bot.adapters.events import Channel, ChannelKind, Heard
from bot.addressed import Address, Rule, Way, What, Where
from bot.answerer import Suggestion, conversation, ground
from bot.answers import Answer, Kind
from bot.card import Card
from bot.clock import Clock
from bot.inbox import Work
from bot.manners import mentions_me, order_in, without_me
from bot.reach import Looks, readable
from bot.scorer import Action, Decision, Reason, Situation, newest_first, silent
from bot.situation import scale_of, whole_user
from bot.tables import moment
from bot.whispers import About, whisper
from bot.wishes import Verb, Wish, is_courtesy, wish_in, wish_of_direct
from knowledge.cues import asks_for_help, is_thanks
from knowledge.entry import Hit
from knowledge.search import Knowledge
from knowledge.thread import Message, Role, Thread
from knowledge.writer import Asked, Decline, Declined, Draft, Writer, WriterFailed

log = logging.getLogger("earshot")

THINKING_AFTER = 1.5  # seconds; what is quicker needs no sign
PATIENCE = 2.0  # seconds that an answer waits for its sign to be shown, so that it can be taken off
HOUR = timedelta(hours=1)


class Means(Looks, Protocol):
    """What an answer is made with."""

    @property
    def knowledge(self) -> Knowledge: ...
    @property
    def writer(self) -> Writer: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A question of somebody: the first of ``texts`` that finds an answer counts. ``alone``: he alone sees it."""

    texts: tuple[str, ...]
    user: str
    channel: Channel
    thread: Thread
    alone: bool
    said: frozenset[str] = frozenset()  # entries that were quoted there already


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What came of a search: a cited answer, or what is near, or why a person should answer or the writer failed."""

    score: float = 0.0
    threshold: float = 1.0
    hits: Sequence[Hit] = ()
    suggestion: Suggestion | None = None
    person: str | None = None
    failed: str | None = None


# ---- an answer to a question -----------------------------------------------------


async def find(means: Means, query: Query) -> Found:
    """Search what the asker may be shown, and quote the best of it if it answers."""
    readers = await readable(means, query.user, query.channel, alone=query.alone)
    found = [await _find(means, query, text, readers) for text in query.texts[:1]]
    for text in query.texts[1:]:
        if not _has_come(found[-1]):
            found.append(await _find(means, query, text, readers))
    return next((one for one in found if _has_come(one)), found[0])


def _has_come(found: Found) -> bool:
    """Whether there is something to say that is not only what is near."""
    return found.suggestion is not None or found.person is not None or found.failed is not None


async def _find(means: Means, query: Query, text: str, readers: frozenset[str]) -> Found:
    if not readers or not text.strip():
        return Found()
    now, config = means.clock.now(), means.config()
    known = await means.knowledge.search(
        text, audiences=readers, k=10, exclude_origins=frozenset({query.thread.id}), before=now
    )
    hits = newest_first([hit for hit in known if hit.entry.id not in query.said], text)
    scale = await means.database.run(lambda connection: scale_of(connection, config, query.channel.id))
    score = addressed.score_of(text, hits, scale, now)
    threshold = scale.prior.threshold(addressed.PRECISION)
    bare = Found(score=score, threshold=threshold, hits=hits)
    sure = score >= threshold
    # A writer that reads may find an answer where the score sees none; far from everything there is none.
    worth = sure or bool(addressed.closest(hits))
    return await _written(means, query, text, bare, now) if worth else bare


async def _written(means: Means, query: Query, text: str, bare: Found, now: datetime) -> Found:
    sure = bare.score >= bare.threshold
    asked = Asked(question=text, thread=query.thread, hits=bare.hits, addressed=True, sure=sure)
    try:
        draft = await means.writer.answer(asked)
    except WriterFailed as error:
        log.warning("the %s writer failed: %s", means.writer.name, error)
        return replace(bare, failed=f"the writer failed ({error})")
    match draft:
        case Declined(why=Decline.PERSON, reason=reason):
            return replace(bare, person=reason)
        case Draft():
            return replace(bare, suggestion=ground(draft, bare.hits, now, conversation(asked)))
        case _:
            return bare


def answer_to(found: Found, query: Query, owners: Sequence[str]) -> tuple[Kind, Card | None, tuple[str, ...]]:
    """What is said in words of our own, and what it names; no card if there is a cited answer."""
    if found.suggestion is not None:
        cited = (part for one in found.suggestion.citations for part in (one.entry, one.source))
        return Kind.CITED, None, tuple(dict.fromkeys(cited))
    if found.person is not None:
        return Kind.PERSON, addressed.person_card(found.person, owners), ()
    near = addressed.closest(found.hits)
    card = addressed.unknown_answer(near, said_before=bool(query.said), failed=found.failed)
    named = (part for hit in near for part in (hit.entry.id, *(p.source for p in hit.entry.passages)))
    return Kind.CLOSEST, card, tuple(dict.fromkeys(named))


# ---- saying it -----------------------------------------------------


def keep(
    connection: Connection,
    answer: Answer,
    now: datetime,
    *,
    message: Message | None = None,
    respond_to: str | None = None,
) -> bool:
    """Keep an answer and the intent to say it; False if the message has one. ``message``: what a cited one is to."""
    posted = None if message is None or answer.alone else answer.suggestion
    if not answers.put(connection, answer if posted is None else replace(answer, suggestion=None), now):
        return False
    if answer.alone:
        whisper(
            connection,
            f"answer/{answer.id}/{answer.user}",
            channel=answer.channel,
            reply_to=answer.reply_to,
            user=answer.user,
            about=About.ADDRESSED,
            suggestion_id=answer.id,
            respond_to=respond_to,
            now=now,
        )
    elif posted is not None and message is not None:
        ledger.put_suggestion(connection, answer.id, message, posted, now, send=True)
    else:
        intents.intend(connection, answer.id, answers.SAY, answer.channel, now)
    return True


@asynccontextmanager
async def thinking(adapter: Adapter, act: Think | None, after: float = THINKING_AFTER) -> AsyncIterator[None]:
    """Show that an answer is being worked on, if that takes longer than ``after`` seconds, and take the sign off."""
    if act is None or Think not in adapter.performs:
        yield
        return
    begun = asyncio.Event()
    showing = asyncio.create_task(_show_later(adapter, act, after, begun))
    try:
        yield
    finally:
        if (
            begun.is_set()
        ):  # a request that is cut off may still take effect, and the sign would stand for ever
            await asyncio.wait({showing}, timeout=PATIENCE)
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        if begun.is_set():
            await _shown(adapter, replace(act, on=False))


async def _show_later(adapter: Adapter, act: Think, after: float, begun: asyncio.Event) -> None:
    await asyncio.sleep(after)
    begun.set()
    await _shown(adapter, act)


async def _shown(adapter: Adapter, act: Think) -> None:
    try:
        await adapter.perform(act)
    except (ActRefused, ActPostponed, ActUncertain) as error:
        log.info("%s: no sign of thinking: %s", act.message_id, error)


# ---- a message that speaks to us -----------------------------------------------------


def way_of(heard: Heard) -> Way | None:
    """How a message speaks to us; None if it does not. Bots never do."""
    if heard.message.role is Role.BOT:
        return None
    if heard.channel.kind is ChannelKind.DIRECT:
        return Way.DIRECT
    return Way.MENTION if mentions_me(heard.message.text) else None


def request_in(heard: Heard) -> Wish | None:
    """The request or order that a message to us is; None if it is a question, or not said to us.

    Thanks are neither: they are part of the conversation, and may end it.
    """
    way = way_of(heard)
    if way is None:
        return None
    wish = (wish_of_direct if way is Way.DIRECT else wish_in)(heard.message.text)
    if wish.verb is Verb.ORDER and way is Way.MENTION and order_in(heard.message.text) is None:
        return None  # who mentions us twice means no order
    return None if wish.verb in (Verb.ASK, Verb.COURTESY) else wish


def rule_for(connection: Connection, way: Way, mode: str, user: str, now: datetime, *, blocked: bool) -> Rule:
    """What somebody is given who speaks to us now. ``blocked``: the channel is shared, which is not allowed."""
    return addressed.treatment(_address(connection, way, mode, user, now, blocked=blocked))


def _address(
    connection: Connection, way: Way, mode: str, user: str, now: datetime, *, blocked: bool
) -> Address:
    given = [row for row in answers.to_person(connection, user, now - HOUR) if row.kind != Kind.ENOUGH]
    return Address(way=way, mode=mode, external_blocked=blocked, asked_before=len(given))


def is_asked(situation: Situation) -> bool:
    """Whether a message is answered here: it is said to us, or goes on with what its author asked us just now."""
    if situation.addressed:
        return True
    if not situation.resumed or situation.muted is not None or situation.rejected:
        return False
    text = situation.message.text
    return asks_for_help(text) and not is_thanks(text)


async def answer_message(means: Means, work: Work, situation: Situation) -> None:
    """Answer a question that is said to us; what is only a follow-up is silent where nothing is known."""
    message = situation.message
    way = Way.DIRECT if situation.direct else Way.MENTION if situation.asked else Way.FOLLOW_UP
    policy, now = situation.policy, situation.now
    blocked = policy.external_blocked
    rule = await means.database.run(
        lambda connection: rule_for(connection, way, policy.mode, message.user, now, blocked=blocked)
    )
    found, kind, card, named = await _answered(means, situation, rule)

    def conclude(connection: Connection) -> None:
        row = ledger.message_row(connection, message.id)
        if row is None or answers.to_message(connection, message.id) is not None:
            return inbox.finish(connection, work.id)
        unasked = way is Way.FOLLOW_UP and kind is not Kind.CITED
        decision = _quiet(found) if unasked else decision_by(rule, way, kind, found)
        ledger.put_decision(connection, message.id, decision, [hit.entry.id for hit in found.hits], now)
        answer = Answer(
            id=uuid.uuid4().hex,
            message_id=message.id,
            user=message.user,
            channel=message.channel,
            conversation=message.thread,
            reply_to=row.root,
            kind=kind,
            alone=False,
            asked_at=message.at,
            card=card,
            suggestion=found.suggestion,
            sources=named,
        )
        # A kind word back is for one person, not for everybody in the thread.
        kind_word = kind is Kind.GRANTED and rule.what is What.ANSWER
        place = replace(rule, where=Where.ALONE) if kind_word else rule
        given = None if unasked else given_by(connection, place, answer, now)
        if given is not None:
            keep(connection, given, now, message=message)
        return inbox.finish(connection, work.id)

    await means.database.run(conclude)


def _quiet(found: Found) -> Decision:
    return silent("follow-up", "nothing known answers it", score=found.score, threshold=found.threshold)


Reply = tuple[Found, Kind, Card | None, tuple[str, ...]]


async def _answered(means: Means, situation: Situation, rule: Rule) -> Reply:
    """What there is to say to a message, if ``rule`` lets it be answered."""
    message = situation.message
    if is_courtesy(without_me(message.text)):
        return Found(), Kind.GRANTED, addressed.plain_card(addressed.COURTESY), ()
    found, query = Found(), await _query(means, situation, alone=rule.where is Where.ALONE)
    if rule.what is What.ANSWER:
        # Where only he sees the answer nobody else sees a sign of it.
        sign = await _sign(means, situation) if rule.where is Where.THREAD else None
        async with thinking(means.adapter_of(message.channel), sign):
            found = await find(means, query)
    owners = [whole_user(given, message.channel) for given in sorted(means.config().takes_over)]
    return found, *answer_to(found, query, owners)


async def _query(means: Means, situation: Situation, *, alone: bool) -> Query:
    message = situation.message
    channel = await means.database.run(lambda connection: ledger.channel_of(connection, message.channel))
    texts = addressed.questions_of(situation.thread, message, without_me(message.text).strip())
    return Query(
        texts=texts,
        user=message.user,
        channel=channel,
        thread=situation.thread,
        alone=alone,
        said=situation.quoted,
    )


async def _sign(means: Means, situation: Situation) -> Think:
    message = situation.message
    root = await means.database.run(lambda connection: ledger.root_of(connection, message.id))
    return Think(channel=message.channel, message_id=message.id, reply_to=root or message.id, on=True)


def decision_by(rule: Rule, way: Way, kind: Kind, found: Found) -> Decision:
    """The decision that is kept of somebody who spoke to us."""
    match rule.what:
        case What.NOT_HERE:
            return silent("external", rule.why)
        case What.ENOUGH:
            return silent("asked too often", rule.why)
        case _:
            text = f"{way}: {rule.why}; {kind}, {rule.where}"
            reason = Reason(name="addressed", text=text)
            return Decision(
                action=Action.REPLY, score=found.score, threshold=found.threshold, reasons=(reason,)
            )


def given_by(connection: Connection, rule: Rule, answer: Answer, now: datetime) -> Answer | None:
    """``answer`` as ``rule`` lets it be given; None if he was told already that it is enough for this hour."""
    direct = ledger.channel_of(connection, answer.channel).kind is ChannelKind.DIRECT
    given = replace(answer, alone=rule.where is Where.ALONE and not direct)
    if rule.what is What.NOT_HERE:
        return _fixed(given, Kind.NOT_HERE, addressed.plain_card(addressed.NOT_HERE))
    if rule.what is What.ENOUGH:
        lately = answers.to_person(connection, answer.user, now - HOUR)
        told = answer.message_id is not None and any(row.kind == Kind.ENOUGH for row in lately)
        until = moment(lately[0].at) + HOUR
        return None if told else _fixed(given, Kind.ENOUGH, addressed.enough_card(until))
    return given


def _fixed(answer: Answer, kind: Kind, card: Card) -> Answer:
    return replace(answer, kind=kind, card=card, suggestion=None, sources=())

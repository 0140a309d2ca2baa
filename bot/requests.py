"""What people request of us besides answers: a hand-over, how things stand, why we spoke, help; and orders.

A message that requests something is no part of its conversation: it is not kept, opens no ticket and teaches nothing.
What the command and the shortcuts ask for is answered to who used them, alone.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from bot import addressed, answers, asking, inbox, ledger, mutes, opencases, orders
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import AskedForSummary, Channel, ChannelKind, Commanded, Event, Heard
from bot.addressed import Rule, Way, What
from bot.answers import Answer, Kind
from bot.asking import Found, Query
from bot.card import Card
from bot.clicks import explained
from bot.config import Config
from bot.explain import UNHEARD, told
from bot.handlers import Bot, known_place, told_of
from bot.inbox import Work
from bot.manners import Order, without_me
from bot.reach import may_read
from bot.scorer import silent
from bot.situation import conversation_for, policy_of, whole_user
from bot.status import status_card
from bot.summary import hand_over
from bot.wishes import Verb, Wish, wish_of_command
from knowledge.thread import Message, Thread

log = logging.getLogger("earshot")

NO_QUESTION = "What do you want to know? For example: `/earshot ask How do I unlock the state?`"
SAVE_BY_MENU = "To keep a message as knowledge choose “Save to knowledge” in its menu (the three dots)."
NO_LINK = (
    "Slack does not say which thread you mean. Say `@Earshot {0}` in the thread, or give the link of a message in it: "
    "`/earshot {0} LINK`."
)
UNHEARD_THREAD = "I know no such conversation that you may read: I hear only channels that I was invited to."


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What somebody wants, where. ``subject``: the message that it is about, if he may read it.

    ``command``: people there can use our command. ``conversation``: the one that it was said in; ``last``: the message
    there that was last decided about.
    """

    wish: Wish
    user: str
    channel: Channel
    at: datetime
    subject: str | None = None
    conversation: str | None = None
    command: bool = True


# ---- a message ---------------------------------------------------------------------------------------------


async def on_request(bot: Bot, work: Work, heard: Heard, wish: Wish) -> None:
    """Grant what a message requests, or say why not; then that is all it was."""
    heard = await known_place(bot, heard)
    message, now, config = heard.message, bot.clock.now(), bot.config()
    adapter = bot.adapter_of(heard.channel.id)
    known = await told_of(adapter, message.user)
    way = _way(heard, wish, command=adapter.has_command)
    wish = _about(heard, wish)
    subject = await subject_of(bot, wish.rest, message.user, heard.channel.id)

    def grant(connection: Connection) -> None:
        if ledger.was_erased(connection, message.id):
            return inbox.finish(connection, work.id)
        ledger.put_people(connection, known)
        ledger.put_channel(connection, heard.channel)
        conversation = conversation_for(connection, message)
        policy = policy_of(config, heard.channel, now)
        blocked = policy.external_blocked and wish.verb is not Verb.ORDER
        rule = asking.rule_for(connection, way, policy.mode, message.user, now, blocked=blocked)
        request = Request(
            wish=wish,
            user=message.user,
            channel=heard.channel,
            at=message.at,
            subject=subject,
            conversation=conversation,
            command=adapter.has_command,
        )
        granted = _obeyed(connection, config, heard, request, now) or _granted(
            connection, config, request, now, rule
        )
        ledger.pass_over(connection, message.id, conversation)
        if wish.order is None and mutes.muted_here(connection, conversation, message.channel) is not None:
            mutes.lift(connection, conversation, message.user, message.at)  # who speaks to us asks us back
        answer = _answer(request, granted, message.id, message.thread or message.id)
        given = asking.given_by(connection, granted.rule or rule, answer, now)
        if given is not None:
            asking.keep(connection, given, now)
        if granted.rule is None:
            decision = asking.decision_by(rule, way, Kind.GRANTED, Found())
            ledger.put_decision(connection, message.id, decision, (), now)
        inbox.finish(connection, work.id)

    await bot.database.run(grant)
    await bot.knowledge.follow()


_OF_ONE_MESSAGE = frozenset({Verb.WHY, Verb.SUMMARY})


def _about(heard: Heard, wish: Wish) -> Wish:
    """``wish`` about the message that its own message replies to, if it names no other."""
    return replace(wish, rest=heard.about or "") if _is_shortcut(heard, wish) else wish


def _is_shortcut(heard: Heard, wish: Wish) -> bool:
    """Whether a reply says of one message what the menu of a message offers elsewhere. A bare mention calls for all."""
    said = bool(without_me(heard.message.text).strip())
    return said and heard.about is not None and not wish.rest and wish.verb in _OF_ONE_MESSAGE


def _way(heard: Heard, wish: Wish, *, command: bool) -> Way:
    """How a message requests something. What the menu offers elsewhere is answered as there: to him alone."""
    offered = _is_shortcut(heard, wish) or wish.verb is Verb.SAVE or (wish.verb is Verb.WHY and not command)
    if offered and heard.channel.kind is not ChannelKind.DIRECT:
        return Way.SHORTCUT
    return asking.way_of(heard) or Way.MENTION


@dataclass(frozen=True, kw_only=True, slots=True)
class Granted:
    """What is said. ``rule``: set for orders, which are obeyed and told about to who gave them, alone."""

    card: Card
    sources: Sequence[str] = ()
    rule: Rule | None = None


_ALONE = addressed.Rule(why="an order", holds=lambda _: True, what=What.ANSWER, where=addressed.Where.ALONE)


def _obeyed(
    connection: Connection, config: Config, heard: Heard, request: Request, now: datetime
) -> Granted | None:
    order = request.wish.order
    if order is None:
        return None
    if request.wish.rest:
        came = _ordered(connection, config, request, order)
    else:
        came = orders.obey(connection, config, heard, order)
    log.info("%s: %s", heard.message.id, came.what)
    ledger.put_decision(connection, heard.message.id, silent("order", came.what), (), now)
    return Granted(card=addressed.plain_card(came.told), rule=_ALONE)


def _answer(request: Request, granted: Granted, message_id: str | None, reply_to: str | None) -> Answer:
    return Answer(
        id=uuid.uuid4().hex,
        message_id=message_id,
        user=request.user,
        channel=request.channel.id,
        conversation=request.conversation,
        reply_to=reply_to,
        kind=Kind.GRANTED,
        alone=True,
        asked_at=request.at,
        card=granted.card,
        sources=tuple(granted.sources),
    )


# ---- what there is to say ------------------------------------------------------------------------------------


def _granted(
    connection: Connection, config: Config, request: Request, now: datetime, rule: Rule | None = None
) -> Granted:
    """What a request comes to; orders are not among them."""
    if rule is not None and rule.what is not What.ANSWER:
        return Granted(
            card=addressed.help_card(command=request.command)
        )  # the rule puts its own line in its place
    match request.wish.verb:
        case Verb.SUMMARY:
            return _summary(connection, config, request, now)
        case Verb.STATUS:
            return Granted(card=_status(connection, config, request, now))
        case Verb.WHY:
            return Granted(card=_why(connection, config, request))
        case Verb.UNKNOWN:
            return Granted(card=addressed.unknown_card(request.wish.rest))
        case Verb.SAVE:
            return Granted(card=addressed.plain_card(SAVE_BY_MENU))
        case _:
            return Granted(card=addressed.help_card(command=request.command))


def _summary(connection: Connection, config: Config, request: Request, now: datetime) -> Granted:
    """The hand-over of the conversation; where there is none, what else there is to say."""
    conversation = request.conversation
    if request.wish.rest:
        found = request.subject and ledger.conversation_of(connection, request.subject)
        if not found:
            return Granted(card=addressed.plain_card(UNHEARD_THREAD))
        conversation = found
    ticket = None if conversation is None else ledger.ticket(connection, conversation)
    thread = None if conversation is None else ledger.thread(connection, conversation)
    if ticket is None or thread is None:
        return Granted(card=addressed.help_card(command=request.command))
    told_over = hand_over(thread, ticket, now, config.tz)
    return Granted(card=addressed.answer_card(*told_over.rows), sources=told_over.sources)


def _status(connection: Connection, config: Config, request: Request, now: datetime) -> Card:
    if request.channel.kind is ChannelKind.DIRECT:
        own = opencases.standing_of(connection, config, request.channel, request.user, now)
        return status_card(own, now, config.tz)
    return status_card(opencases.standing_in(connection, config, request.channel, now), now, config.tz)


def _why(connection: Connection, config: Config, request: Request) -> Card:
    """Why we spoke, or did not, at a message; without one, at the last that was decided about here."""
    about = request.subject if request.wish.rest else _last_decided(connection, request.conversation)
    explanation = None if about is None else explained(connection, config, about)
    return addressed.plain_card(*([UNHEARD] if explanation is None else told(explanation)))


def _last_decided(connection: Connection, conversation: str | None) -> str | None:
    thread = None if conversation is None else ledger.thread(connection, conversation)
    said = () if thread is None else reversed(thread.messages)
    return next((m.id for m in said if ledger.last_decision(connection, m.id) is not None), None)


async def subject_of(bot: Bot, given: str, user: str, asked_in: str) -> str | None:
    """The message that a link or an id means, if there is one that the person may read."""
    if not given:
        return None
    try:
        named = await bot.adapter_of(asked_in).message_of(given, asked_in)
    except LookupFailed as error:
        log.info("%s: what it leads to is not known: %s", given, error)
        return None
    found = await bot.database.run(lambda connection: _found(connection, named))
    if found is None:
        return None
    message_id, channel = found
    return message_id if await may_read(bot, user, channel, asked_in) else None


def _found(connection: Connection, given: str) -> tuple[str, str] | None:
    """Message and channel; of our own post the question that it answers."""
    own = ledger.suggestion_by_post(connection, given) or answers.by_post(connection, given)
    ids = [own.message_id] if own is not None else ledger.find_messages(connection, given)
    row = ledger.message_row(connection, ids[0]) if len(ids) == 1 else None
    return None if row is None else (row.id, row.channel)


# ---- the command and the shortcut -----------------------------------------------------------------------------


async def on_commanded(bot: Bot, work: Work, commanded: Commanded) -> None:
    """Do what somebody wants by the command, and tell him alone what came of it."""
    now, config = bot.clock.now(), bot.config()
    channel = await _channel(bot, commanded.channel)
    wish = wish_of_command(commanded.words)
    known = await told_of(bot.adapter_of(channel.id), commanded.user)
    subject = (
        await subject_of(bot, wish.rest, commanded.user, channel.id) if wish.verb is not Verb.ASK else None
    )
    blocked = policy_of(config, channel, now).external_blocked
    request = Request(
        wish=wish,
        user=commanded.user,
        channel=channel,
        at=commanded.at,
        subject=subject,
        command=bot.adapter_of(channel.id).has_command,
    )
    rule = await bot.database.run(
        lambda connection: asking.rule_for(connection, Way.COMMAND, "", commanded.user, now, blocked=blocked)
    )
    asked = wish.verb is Verb.ASK and rule.what is What.ANSWER
    found, query = await _asked(bot, request) if asked and wish.rest else (None, None)

    def reply(connection: Connection) -> None:
        ledger.put_people(connection, known)
        if found is not None and query is not None:
            owners = [whole_user(given, channel.id) for given in sorted(config.takes_over)]
            kind, card, named = asking.answer_to(found, query, owners)
            bare = _answer(request, Granted(card=addressed.plain_card()), None, None)
            answer = replace(
                bare, kind=kind, card=card or addressed.plain_card(), suggestion=found.suggestion
            )
            answer = replace(answer, sources=named)
        else:
            answer = _answer(request, _commanded(connection, config, request, now), None, None)
        free = wish.verb is Verb.ORDER  # an order is always obeyed, and costs nothing
        given = answer if free else asking.given_by(connection, rule, answer, now)
        if given is not None:
            asking.keep(connection, replace(given, alone=True), now, respond_to=commanded.respond_to)
        inbox.finish(connection, work.id)

    await bot.database.run(reply)
    await bot.knowledge.follow()


async def _channel(bot: Bot, channel_id: str) -> Channel:
    """Where a command was used; what is not known of it is taken as private."""
    known = await bot.database.run(lambda connection: ledger.channel_of(connection, channel_id))
    try:
        return await bot.adapter_of(channel_id).describe(known)
    except LookupFailed as error:
        log.info("%s: nothing more is known of it: %s", channel_id, error)
        return known


async def _asked(bot: Bot, request: Request) -> tuple[Found, Query]:
    asked = Message(
        id=f"asked/{uuid.uuid4().hex}",
        channel=request.channel.id,
        thread="asked",
        user=request.user,
        at=request.at,
        text=request.wish.rest,
    )
    thread = Thread(id="asked", channel=request.channel.id, messages=(asked,))
    query = Query(
        texts=(request.wish.rest,), user=request.user, channel=request.channel, thread=thread, alone=True
    )
    return await asking.find(bot, query), query


def _commanded(connection: Connection, config: Config, request: Request, now: datetime) -> Granted:
    wish = request.wish
    if wish.verb is Verb.ORDER and wish.order is not None:
        came = _ordered(connection, config, request, wish.order)
        log.info("%s: by the command of %s: %s", request.channel.id, request.user, came.what)
        return Granted(card=addressed.plain_card(came.told))
    if wish.verb is Verb.ASK:
        return Granted(card=addressed.plain_card(NO_QUESTION))
    if wish.verb is Verb.WHY and not wish.rest:
        return Granted(card=addressed.plain_card(NO_LINK.format("why")))
    if wish.verb is Verb.SUMMARY and not wish.rest:
        status = _status(connection, config, request, now)
        return Granted(card=addressed.under(NO_LINK.format("summary"), status))
    return _granted(connection, config, request, now)


_OF_CHANNEL = {Order.MUTE: Order.MUTE_CHANNEL, Order.UNMUTE: Order.UNMUTE_CHANNEL}


def _ordered(connection: Connection, config: Config, request: Request, order: Order) -> orders.Obeyed:
    """Obey the command; without a link to a thread it is about the channel."""
    about = ledger.message_row(connection, request.subject) if request.subject is not None else None
    if request.wish.rest and about is None:
        return orders.Obeyed(what="an order about what he may not read", told=UNHEARD_THREAD)
    if about is None and order is Order.CLOSE:
        return orders.Obeyed(what="it would close what it does not name", told=NO_LINK.format("close"))
    order = order if about is not None else _OF_CHANNEL.get(order, order)
    said = Message(
        id="",
        channel=request.channel.id if about is None else about.channel,
        thread="" if about is None else about.root,
        user=request.user,
        at=request.at,
        text="",
    )
    return orders.obey(connection, config, Heard(message=said, channel=request.channel), order)


async def on_asked_for_summary(bot: Bot, work: Work, asked: AskedForSummary) -> None:
    """The hand-over of a conversation for whoever chose it in the menu of one of its messages: he can read it."""
    now, config = bot.clock.now(), bot.config()
    channel = await _channel(bot, asked.channel)
    blocked = policy_of(config, channel, now).external_blocked

    def reply(connection: Connection) -> None:
        rule = asking.rule_for(connection, Way.SHORTCUT, "", asked.user, now, blocked=blocked)
        wish = Wish(verb=Verb.SUMMARY, rest=asked.message_id)
        found = _found(connection, asked.message_id)
        subject = None if found is None else found[0]
        request = Request(wish=wish, user=asked.user, channel=channel, at=asked.at, subject=subject)
        answer = _answer(request, _granted(connection, config, request, now, rule), None, asked.reply_to)
        given = asking.given_by(connection, rule, answer, now)
        if given is not None:
            asking.keep(connection, replace(given, alone=True), now, respond_to=asked.respond_to)
        inbox.finish(connection, work.id)

    await bot.database.run(reply)


# ---- when all fails -------------------------------------------------------------------------------------------


FAILED = (
    "Something went wrong on my side, so I have no answer to this. Whoever runs me sees it in `earshot doctor`. Please "
    "ask again later."
)


async def apologise(bot: Bot, event: Event) -> None:
    """Tell who spoke to us that there will be no answer; of what nobody said to us nothing is told."""
    now = bot.clock.now()
    reply_to: str | None = None
    respond_to: str | None = None
    match event:
        case Heard(message=message, channel=channel) if asking.way_of(event) is not None:
            place, user, at, reply_to = channel.id, message.user, message.at, message.thread or message.id
            alone = channel.kind is not ChannelKind.DIRECT
        case Commanded() | AskedForSummary():
            place, user, at = event.channel, event.user, event.at
            alone, respond_to = True, event.respond_to
        case _:
            return
    answer = Answer(
        id=uuid.uuid4().hex,
        message_id=None,
        user=user,
        channel=place,
        conversation=None,
        reply_to=reply_to,
        kind=Kind.GRANTED,
        alone=alone,
        asked_at=at,
        card=addressed.plain_card(FAILED),
    )
    await bot.database.run(lambda connection: asking.keep(connection, answer, now, respond_to=respond_to))

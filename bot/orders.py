"""I/O: orders to be quiet, to speak again, not to learn from somebody and to close a conversation, carried out in a
transaction of the caller.

The message that gives an order is no part of any conversation: it is not kept, opens no ticket and teaches nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot import audit, ledger, mutes, optouts
from bot.adapters.events import Heard, Reacted
from bot.audit import Kind
from bot.config import Config, is_listed
from bot.forget import leave_out
from bot.manners import Order, is_mute
from bot.situation import conversation_for, role_in
from bot.tickets import Step, advance, allowed
from knowledge.thread import Message, Role


@dataclass(frozen=True, kw_only=True, slots=True)
class Obeyed:
    """What came of an order: ``what`` for the records, ``told`` for who gave it."""

    what: str
    told: str


_MUTED = "I keep quiet in this conversation until somebody mentions me here."
_UNMUTED = "I may speak in this conversation again."
_CHANNEL_MUTED = (
    "I keep quiet in this channel until an analyst or admin says `@Earshot unmute channel`. A mention still gets an "
    "answer, in its thread."
)
_CHANNEL_UNMUTED = "I may speak in this channel again."
_CLOSED = "Noted: this conversation is over."
_ONLY_STAFF = "which only analysts and admins may: ignored"
_REFUSED = (
    "Nothing changed: only analysts and admins may mute or un-mute a channel. `@Earshot mute` in a thread quiets me "
    "there."
)


def obey(connection: Connection, config: Config, heard: Heard, order: Order) -> Obeyed:
    """Carry the order out where its author may give it. What came of it."""
    message = heard.message
    conversation = conversation_for(connection, message)
    match order:
        case Order.MUTE:
            mutes.mute(connection, conversation, message.user, message.at)
            return Obeyed(what="it mutes this conversation", told=_MUTED)
        case Order.UNMUTE:
            mutes.lift(connection, conversation, message.user, message.at)
            return Obeyed(what="it un-mutes this conversation", told=_UNMUTED)
        case Order.MUTE_CHANNEL:
            return _mute_channel(connection, config, message)
        case Order.UNMUTE_CHANNEL:
            return _unmute_channel(connection, config, message, conversation)
        case Order.OPT_OUT | Order.OPT_IN:
            return Obeyed(what=_OPTED[order], told=opt(connection, message.user, order, message.at))
        case Order.CLOSE:
            return _close(connection, config, message, conversation)


def _close(connection: Connection, config: Config, message: Message, conversation: str) -> Obeyed:
    """Who asked, and who is in charge, may say that a conversation is over; the next night learns from it."""
    ticket = ledger.ticket(connection, conversation)
    if ticket is None or not allowed(ticket, Step.CHECKED_IN_CHARGE):
        what = "it would close a conversation, of which there is none here"
        return Obeyed(what=what, told="There is no conversation here that I could close.")
    own = message.user == ticket.asker
    if _is_staffed(config) and not own and not _in_charge(connection, config, message):
        what = "it would close the conversation, which only who asked, analysts and admins may: ignored"
        told = "Nothing changed: only who asked, analysts and admins may close a conversation."
        return Obeyed(what=what, told=told)
    ledger.put_ticket(connection, advance(ticket, Step.CHECKED_IN_CHARGE, message.at))
    named = {"subject": conversation, "actor": message.user, "channel": message.channel}
    audit.put(connection, Kind.CLOSED, message.at, **named)
    return Obeyed(what="it closes the conversation", told=_CLOSED)


OPTED_OUT = (
    "From now on I learn nothing from what you say, and what I had learnt from you is taken out. I still listen, so "
    "that I understand the people you talk with. `optin` takes this back."
)
OPTED_IN = "From now on I may learn again from threads that you take part in. `optout` takes this back."


def opt(connection: Connection, user: str, order: Order, now: datetime) -> str:
    """Learn nothing from ``user`` any more, or again. What to tell him."""
    if order is Order.OPT_IN:
        optouts.withdraw(connection, user)
        audit.put(connection, Kind.OPTED_IN, now, actor=user)
        return OPTED_IN
    optouts.put(connection, user, now)
    audit.put(connection, Kind.OPTED_OUT, now, actor=user)
    leave_out(connection, user, now)
    return OPTED_OUT


_OPTED = {
    Order.OPT_OUT: "it opts its author out of being learnt from",
    Order.OPT_IN: "it opts its author in again",
}


def _mute_channel(connection: Connection, config: Config, message: Message) -> Obeyed:
    if _is_staffed(config) and not _in_charge(connection, config, message):
        return Obeyed(what=f"it would mute the channel, {_ONLY_STAFF}", told=_REFUSED)
    mutes.mute(connection, message.channel, message.user, message.at)
    return Obeyed(what="it mutes the channel", told=_CHANNEL_MUTED)


def _unmute_channel(connection: Connection, config: Config, message: Message, conversation: str) -> Obeyed:
    if message.thread:  # it mentions us, so at least here we are asked for
        mutes.lift(connection, conversation, message.user, message.at)
    # Where nobody is configured, who muted it can take it back; else a slip would last for ever.
    own = not _is_staffed(config) and mutes.muted_by_word(connection, message.channel) == message.user
    if not own and not _in_charge(connection, config, message):
        return Obeyed(what=f"it would un-mute the channel, {_ONLY_STAFF}", told=_REFUSED)
    mutes.unmute(connection, message.channel)
    named = {"subject": message.channel, "actor": message.user, "channel": message.channel}
    audit.put(connection, Kind.UNMUTED, message.at, **named)
    return Obeyed(what="it un-mutes the channel", told=_CHANNEL_UNMUTED)


def _is_staffed(config: Config) -> bool:
    return bool(config.analysts or config.admins or config.owners)


def _in_charge(connection: Connection, config: Config, message: Message) -> bool:
    listed = is_listed(message.user, config.admins | config.owners)
    return listed or role_in(connection, config, message.user, message.role) is Role.ANALYST


def hush_channel(connection: Connection, config: Config, channel: str, reacted: Reacted) -> None:
    """🔇 on our introduction mutes the channel, from who may order that, until it is taken off."""
    listed = is_listed(reacted.user, config.admins | config.owners)
    in_charge = listed or role_in(connection, config, reacted.user) is Role.ANALYST
    if in_charge or not _is_staffed(config):
        hush(connection, channel, reacted)


def hush(connection: Connection, conversation: str, reacted: Reacted) -> None:
    """🔇 on anything in a conversation mutes it as long as it stands, or until the bot is mentioned there."""
    if not is_mute(reacted.name):
        return
    source = mutes.reaction_source(reacted.message_id, reacted.user)
    if reacted.added:
        mutes.mute(connection, conversation, reacted.user, reacted.at, source=source)
    else:
        mutes.take_off(connection, conversation, source)
        audit.put(connection, Kind.UNMUTED, reacted.at, subject=conversation, actor=reacted.user)

"""I/O: gathers what a decision may look at. A message is kept and its ticket moved in the same transaction."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from sqlalchemy import Connection

from bot import answers, conversations, drifts, ledger, mutes, presences, tempo, tickets, votes
from bot.adapters.events import Channel, ChannelKind, Heard
from bot.config import (
    EPHEMERAL,
    ChannelPolicy,
    Config,
    groups_in,
    in_quiet_hours,
    is_listed,
    mail_domains_in,
)
from bot.manners import mentions_me, speaks_to_me
from bot.places import place_of
from bot.scorer import Policy, Scale, Situation
from bot.tables import moment
from bot.tickets import Step, Ticket, TicketState
from bot.weighing import SHIPPED, read_weights
from knowledge.cues import asks_for_help, is_ack, is_thanks
from knowledge.thread import Message, Role, Thread

# Learnt roles, where no analysts are configured: who joined at least this many conversations of others, and
# several times more than he opened, is a helper.
LEARNT_JOINED = 5
LEARNT_RATIO = 3

RESUMED_WITHIN = timedelta(hours=1)  # after our answer a word of who asked us is still said to us

CLIP_PRECISION = 0.5  # a 📎 bothers nobody: it may be wrong every other time


def knows_thread(connection: Connection, message: Message) -> bool:
    """Whether what was said before in the message's thread is known (a top-level message has nothing before it)."""
    return not message.thread or ledger.conversation_of_root(connection, message.thread) is not None


def hear(connection: Connection, config: Config, heard: Heard, now: datetime) -> Situation:
    """Keep the message, move its ticket, and gather what a decision may look at."""
    message = heard.message
    ledger.put_channel(connection, heard.channel)
    presences.heard(connection, heard.channel.id, message.at)
    conversation = conversation_for(connection, message)
    role = role_in(connection, config, message.user, message.role)
    message = replace(message, thread=conversation, role=role)
    if not ledger.was_erased(connection, message.id):
        first = not ledger.spoke_before(connection, message.user, conversation)
        if ledger.put_message(connection, message, conversation, heard.message.thread or message.id):
            _count(connection, message, first)
            _ask_back(connection, message)
            _advance(connection, message)
            for reaction in message.reactions:
                ledger.react(connection, message.id, reaction, added=True)
    situation = recall(connection, config, message.id, now)
    return situation or _erased(message, config, heard.channel, now)


def recall(connection: Connection, config: Config, message_id: str, now: datetime) -> Situation | None:
    """What a decision about a known message may look at; None if it is gone."""
    conversation = ledger.conversation_of(connection, message_id)
    thread = None if conversation is None else ledger.thread(connection, conversation)
    ticket = None if conversation is None else ledger.ticket(connection, conversation)
    if conversation is None or thread is None or ticket is None:
        return None
    message = next(said for said in thread.messages if said.id == message_id)
    channel = ledger.channel_of(connection, message.channel)
    policy = drifts.held_back(connection, config, channel, policy_of(config, channel, now))
    given = ledger.in_conversation(connection, conversation)
    parts = ledger.parts(connection, [message.user])
    return Situation(
        message=message,
        thread=thread,
        ticket=ticket,
        policy=policy,
        now=now,
        place=place_of(connection, config, channel),
        people=_names(connection, thread.messages),
        helped=sum(not row.removed for row in given),
        quoted=frozenset(ledger.quoted_in(connection, [row.id for row in given]) if given else ()),
        spoken_last_hour=ledger.spoken_since(connection, message.channel, now - timedelta(hours=1)),
        rejected=bool(given) and votes.was_rejected(connection, conversation),
        parts=parts.get(message.user, (0, 0)),
        only_learnt=not config.analysts
        and role_of(message.user, Role.UNKNOWN, config, parts) is Role.ANALYST,
        scale=scale_of(connection, config, message.channel),
        rejected_at=votes.rejected_in_channel(connection, message.channel, now - policy.cool_down),
        muted=mutes.muted_here(connection, conversation, message.channel),
        direct=channel.kind is ChannelKind.DIRECT,
        resumed=_resumed(connection, message, thread, now),
        delays=ledger.first_answer_delays(connection, message.channel, now, tempo.KNOWN),
        out_of_reach=presences.closed(connection, message.channel),
    )


def _resumed(connection: Connection, message: Message, thread: Thread, now: datetime) -> bool:
    """Whether the last word in a thread, before its author's, was our answer to what he had asked us."""
    last = answers.last_in(connection, thread.id)
    if last is None or last.user != message.user or now - moment(last.at) > RESUMED_WITHIN:
        return False
    since = (said for said in thread.messages if said.at > moment(last.at) and said.role is not Role.BOT)
    return message.at > moment(last.at) and all(said.user == message.user for said in since)


def scale_of(connection: Connection, config: Config, channel: str) -> Scale:
    """What weighs the evidence in a channel: the weights that hold everywhere, moved by the thumbs of this one."""
    prior = read_weights(config.weights or SHIPPED)
    learnt = votes.calibration(connection, channel, prior.version)
    return Scale(prior=prior) if learnt is None else learnt.scale(prior)


def _erased(message: Message, config: Config, channel: Channel, now: datetime) -> Situation:
    """A message whose deletion came first: it is looked at as said by nobody, and `_conclude` keeps nothing."""
    nothing = replace(message, text="")
    ticket = tickets.opened(message)
    thread = Thread(id=message.thread, channel=message.channel, messages=(nothing,))
    return Situation(
        message=nothing,
        thread=thread,
        ticket=ticket,
        policy=policy_of(config, channel, now),
        now=now,
        people={},
    )


def conversation_for(connection: Connection, message: Message) -> str:
    """The conversation of the thread's root; at the top level the one it continues, or its own."""
    if message.thread and message.thread != message.id:
        return ledger.conversation_of_root(connection, message.thread) or message.thread
    if message.thread:
        return message.id
    window, most = conversations.WINDOW, conversations.LOOK_BACK
    recent = ledger.recent_top_level(connection, message.channel, message.at, window, most)
    recent = [earlier for earlier in recent if earlier.id != message.id]
    return conversations.joins(message, recent, _names(connection, recent)) or message.id


# A person's id in a message: <@U0123ABCD> as typed in a recording, @U0123ABCD once Slack's markup is undone.
_MENTION = re.compile(r"<@([^>|\s]+)>|@([UW][A-Z0-9]{5,})\b")


def _names(connection: Connection, said: Sequence[Message]) -> dict[str, str]:
    """What people may be called -> who they are: display names, bare ids, and whoever is mentioned."""
    users = {message.user for message in said}
    called = {user.rsplit("/", 1)[-1]: user for user in users}
    mentioned = {
        name: name for message in said for found in _MENTION.findall(message.text) for name in found if name
    }
    known = {name: user for user, name in ledger.names(connection, sorted(users)).items()}
    return {**mentioned, **known, **called}


def roles_in(connection: Connection, config: Config, users: Sequence[str], said: Role) -> dict[str, Role]:
    """Who these people are, from the settings and what the store knows of them."""
    parts = ledger.parts(connection, users)
    named = groups_in(config.analysts) | mail_domains_in(config.analysts)
    belongings = ledger.belongings(connection, users) if named else {}
    return {user: role_of(user, said, config, parts, belongings) for user in users}


def role_in(connection: Connection, config: Config, user: str, said: Role = Role.UNKNOWN) -> Role:
    """As ``roles_in``, of one person."""
    return roles_in(connection, config, [user], said)[user]


def role_of(
    user: str,
    said: Role,
    config: Config,
    parts: Mapping[str, tuple[int, int]],
    belongings: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Role:
    """Who speaks: what the platform ``said``, else the configured analysts, else learnt from who answers whom.

    ``belongings``: for each user the groups and mail domains he belongs to, as config.yaml writes them.
    """
    if said is not Role.UNKNOWN:
        return said
    if config.analysts:
        staff = config.analysts | config.admins | config.owners
        belongs = not config.analysts.isdisjoint(belongings.get(user, ()))
        return Role.ANALYST if belongs or is_listed(user, staff) else Role.CUSTOMER
    asked, joined = parts.get(user, (0, 0))
    learnt = joined >= LEARNT_JOINED and joined >= LEARNT_RATIO * asked
    return Role.ANALYST if learnt else Role.UNKNOWN


def analysts_in(connection: Connection, config: Config) -> frozenset[str]:
    """The ids, whole or bare, of the people whom ``analysts`` means: those listed and the known members of its groups
    and mail domains."""
    named = groups_in(config.analysts) | mail_domains_in(config.analysts)
    return (config.analysts - named) | ledger.members(connection, named)


def whole_user(given: str, channel: str) -> str:
    """The whole id of a person whom config.yaml lists, seen from a channel: ``slack:T1/U1`` for ``U1``."""
    home, slash, _ = channel.rpartition("/")
    return given if "/" in given or not slash else f"{home}/{given}"


def names_of(channel: Channel) -> list[str]:
    """What config.yaml may call a channel."""
    named = [f"#{channel.name}"] if channel.name else []
    return [channel.id, channel.id.rsplit("/", 1)[-1], *channel.aka, *named]


def chosen_for(config: Config, channel: Channel) -> ChannelPolicy:
    """What config.yaml chooses for a channel."""
    return config.channel(names_of(channel), channel.former)


def policy_of(config: Config, channel: Channel, now: datetime) -> Policy:
    """What config.yaml allows in a channel at this time."""
    chosen = chosen_for(config, channel)
    local = now.astimezone(config.tz).time()
    weights = read_weights(config.weights or SHIPPED)
    threshold = weights.threshold(chosen.precision)
    replies = weights.replies(chosen.precision)
    return Policy(
        mode=chosen.mode,
        threshold=threshold,
        wait=chosen.wait,
        max_per_thread=chosen.max_per_thread,
        max_per_hour=chosen.max_per_hour,
        wait_at_most=chosen.wait_at_most,
        cool_down=chosen.cool_down,
        quiet_now=in_quiet_hours(chosen.quiet_hours, local),
        external_blocked=channel.external and config.external == "off",
        drafts_to=_drafts_to(chosen, channel),
        clip=chosen.clip,
        clip_threshold=min(weights.threshold(CLIP_PRECISION), threshold),
        dial=f"precision {chosen.precision:g} asks for {threshold:.2f}, on {replies:g} held-out replies",
    )


def _drafts_to(chosen: ChannelPolicy, channel: Channel) -> str | None:
    """Where drafts about a channel go. What is said in a private or shared one leaves it only by its own settings."""
    stays = chosen.drafts_to == EPHEMERAL  # is shown in the channel itself
    if (channel.private or channel.external) and not (stays or chosen.drafts_to_is_own):
        return None
    return chosen.drafts_to


def _ask_back(connection: Connection, message: Message) -> None:
    """Who mentions us in a muted conversation, or in one of a muted channel, wants us to speak there."""
    if message.role is Role.BOT or not mentions_me(message.text):
        return
    # What is heard late does not take off a mute that came after it.
    if mutes.muted_here(connection, message.thread, message.channel, before=message.at) is not None:
        mutes.lift(connection, message.thread, message.user, message.at)


def _count(connection: Connection, message: Message, first: bool) -> None:
    """Learn who helps: joining a conversation of others counts, once each."""
    if message.role is Role.BOT or not first:
        return
    ticket = ledger.ticket(connection, message.thread)
    if ticket is None or ticket.asker != message.user:
        ledger.count_part(connection, message.user, asked=ticket is None)


def _advance(connection: Connection, message: Message) -> None:
    ticket = ledger.ticket(connection, message.thread)
    if ticket is None:
        ledger.put_ticket(connection, tickets.opened(message))
    elif (step := _step(message, ticket)) is not None:
        _learn_tempo(connection, message, ticket, step)
        ledger.put_ticket(connection, tickets.advance(ticket, step, message.at))


def _learn_tempo(connection: Connection, message: Message, ticket: Ticket, step: Step) -> None:
    """The first word of another person on an open question says how fast people are here."""
    if step is not Step.OTHER_SPOKE or ticket.state is not TicketState.OPENED:
        return
    question = ledger.message_row(connection, ticket.conversation)
    if question is not None and asks_for_help(question.text):
        ledger.put_first_answer(connection, ticket, message.at)


def _step(message: Message, ticket: Ticket) -> Step | None:
    if message.role is Role.BOT:
        return None
    if message.user != ticket.asker:
        # What is said to us answers nobody.
        return None if speaks_to_me(message.text) else Step.OTHER_SPOKE
    if is_thanks(message.text):
        return Step.THANKED
    return None if ticket.ended and is_ack(message.text) else Step.ASKER_SPOKE

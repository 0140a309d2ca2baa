"""I/O: what was said and what was decided: messages, people, tickets, decisions, suggestions, votes.

Every function takes a Connection inside a transaction of `Database.run`; times are UTC and kept as seconds since 1970.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from bot import aliases, audit
from bot.adapters.events import Channel, ChannelKind, Person
from bot.answerer import Citation, Line, Suggestion
from bot.audit import Kind
from bot.intents import intend
from bot.places import hear_of
from bot.scorer import Decision, Reason
from bot.tables import (
    Sent,
    channels,
    decisions,
    drafts,
    erased,
    first_answers,
    further_parts,
    group_members,
    messages,
    moment,
    outbox,
    people,
    quoted,
    quoted_before,
    reactions,
    seconds,
    suggestions,
    tickets,
)
from bot.tickets import Step, Ticket, TicketState, advance, quiet_for
from knowledge.entry import EntryKind
from knowledge.thread import Message, Reaction, Role, Thread

# ---- messages, channels, people -----------------------------------------------------


_CHANNEL = select(channels).where(channels.c.id == bindparam("id"))


def put_channel(connection: Connection, channel: Channel) -> None:
    """Remember a channel. A name that is not known this time does not erase what was known."""
    row = connection.execute(_CHANNEL, {"id": channel.id}).first()
    name = channel.name or (row.name if row is not None else None)
    values = {"kind": channel.kind, "external": channel.external, "name": name}
    if row is not None and (row.kind, row.external, row.name) == (channel.kind, channel.external, name):
        return
    if row is None:
        hear_of(connection, channel.id)
    elif row.name and name and row.name != name:
        aliases.put_name(connection, channel.id, row.name, name)
    new = insert(channels).values(id=channel.id, **values)
    connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=values))


def is_known(connection: Connection, channel_id: str) -> bool:
    """Whether a channel was ever heard of."""
    return connection.execute(_CHANNEL, {"id": channel_id}).first() is not None


def find_channels(connection: Connection, given: str) -> list[str]:
    """Ids of the channels that ``given`` may mean: a whole id, the last part of one, or ``#name``.

    What none goes by now may be what one went by before.
    """
    if moved := aliases.with_id_of(connection, given):
        return moved
    exact = list(connection.execute(select(channels.c.id).where(channels.c.id == given)).scalars())
    if exact:
        return exact
    ending = channels.c.id.endswith(f"/{given}", autoescape=True)
    named = channels.c.name == given.removeprefix("#")
    query = select(channels.c.id).where(or_(ending, named)).order_by(channels.c.id)
    return list(connection.execute(query).scalars()) or aliases.once_called(connection, given)


def channel_of(connection: Connection, channel_id: str) -> Channel:
    """A channel that nobody told us about is taken as private: that keeps its knowledge at home."""
    row = connection.execute(_CHANNEL, {"id": channel_id}).first()
    if row is None:
        return Channel(id=channel_id, kind=ChannelKind.PRIVATE)
    return Channel(
        id=row.id,
        kind=ChannelKind(row.kind),
        name=row.name,
        external=row.external,
        aka=aliases.other_ids(connection, channel_id),
        former=aliases.former_names(connection, channel_id),
    )


_PUT_MESSAGE = insert(messages).on_conflict_do_nothing()


def put_message(connection: Connection, message: Message, conversation: str, root: str) -> bool:
    """Keep a message; False if it was known. ``root`` is the message in whose thread the platform shows it."""
    row = {
        "id": message.id,
        "channel": message.channel,
        "conversation": conversation,
        "root": root,
        "user": message.user,
        "role": message.role,
        "at": seconds(message.at),
        "text": message.text,
        "link": message.link,
    }
    return connection.execute(_PUT_MESSAGE, row).rowcount == 1


_MESSAGE = select(messages).where(messages.c.id == bindparam("id"))


def message_row(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(_MESSAGE, {"id": message_id}).first()


_ROOT = select(messages.c.root).where(messages.c.id == bindparam("id"))


def root_of(connection: Connection, message_id: str) -> str | None:
    """The message in whose thread an answer to ``message_id`` belongs; None if it is gone."""
    return connection.execute(_ROOT, {"id": message_id}).scalar()


_CONVERSATION = select(messages.c.conversation).where(messages.c.id == bindparam("id"))


def conversation_of(connection: Connection, message_id: str) -> str | None:
    return connection.execute(_CONVERSATION, {"id": message_id}).scalar()


_OF_ROOT = _CONVERSATION.where(messages.c.root == messages.c.id)


def conversation_of_root(connection: Connection, root: str) -> str | None:
    """The conversation of the thread that hangs on ``root``; None if no top-level message is called so.

    A recording's thread may be called like a message of quite another thread: that one is no root.
    """
    return connection.execute(_OF_ROOT, {"id": root}).scalar() or _conversation_of_erased(connection, root)


_WAS_IN = select(erased.c.conversation).where(erased.c.message_id == bindparam("id"))


def _conversation_of_erased(connection: Connection, root: str) -> str | None:
    """A thread whose root was deleted goes on as the conversation that it was: who asked there still asks."""
    return connection.execute(_WAS_IN, {"id": root}).scalar()


_SAID = (
    select(messages)
    .where(messages.c.conversation == bindparam("conversation"))
    .order_by(messages.c.at, messages.c.id)
)
_PUT_ON = select(reactions).where(reactions.c.message_id.in_(bindparam("ids", expanding=True)))


def thread(connection: Connection, conversation: str) -> Thread | None:
    """The conversation as it is now, with its reactions."""
    rows = connection.execute(_SAID, {"conversation": conversation}).all()
    if not rows:
        return None
    put_on = _reactions(connection, [row.id for row in rows])
    said = tuple(_message(row, put_on.get(row.id, ())) for row in rows)
    return Thread(id=conversation, channel=said[0].channel, messages=said)


def _reactions(connection: Connection, ids: Sequence[str]) -> dict[str, tuple[Reaction, ...]]:
    found = connection.execute(_PUT_ON, {"ids": list(ids)}).all()
    grouped: dict[str, tuple[Reaction, ...]] = {}
    for row in found:
        reaction = Reaction(name=row.name, user=row.user, at=None if row.at is None else moment(row.at))
        grouped[row.message_id] = (*grouped.get(row.message_id, ()), reaction)
    return grouped


def _message(row: Row[Any], put_on: tuple[Reaction, ...] = ()) -> Message:
    return Message(
        id=row.id,
        channel=row.channel,
        thread=row.conversation,
        user=row.user,
        at=moment(row.at),
        text=row.text,
        role=Role(row.role),
        reactions=put_on,
        link=row.link,
    )


def find_messages(connection: Connection, given: str) -> list[str]:
    """Ids of the messages that ``given`` may mean: a whole id, a permalink, or the last part of an id."""
    kept = aliases.as_kept(connection, given)
    return _find_messages(connection, given) or ([] if kept == given else _find_messages(connection, kept))


def _find_messages(connection: Connection, given: str) -> list[str]:
    exact = select(messages.c.id).where(or_(messages.c.id == given, messages.c.link == given))
    ids = list(connection.execute(exact.order_by(messages.c.at.desc()).limit(10)).scalars())
    if ids or "/" in given:
        return ids
    ending = (
        select(messages.c.id)
        .where(messages.c.id.endswith(f"/{given}", autoescape=True))
        .order_by(messages.c.id)
    )
    return list(connection.execute(ending.limit(10)).scalars())


_TOP_LEVEL = (
    select(messages)
    .where(messages.c.channel == bindparam("channel"), messages.c.root == messages.c.id)
    .where(messages.c.at >= bindparam("since"), messages.c.at <= bindparam("before"))
    .order_by(messages.c.at.desc(), messages.c.id.desc())
    .limit(bindparam("most"))
)


def recent_top_level(
    connection: Connection, channel: str, before: datetime, window: timedelta, most: int
) -> list[Message]:
    """The ``most`` newest top-level messages in the ``window`` before, oldest first; ``thread`` = conversation."""
    span = {"channel": channel, "since": seconds(before - window), "before": seconds(before), "most": most}
    return [_message(row) for row in reversed(connection.execute(_TOP_LEVEL, span).all())]


def edit_message(connection: Connection, message_id: str, text: str) -> None:
    """Keep a message's new text. What was learnt of its conversation is to be learnt anew: it quotes word for word."""
    connection.execute(update(messages).where(messages.c.id == message_id).values(text=text))
    here = select(messages.c.conversation).where(messages.c.id == message_id).scalar_subquery()
    connection.execute(update(tickets).where(tickets.c.conversation == here).values(learnt=False))


def pass_over(
    connection: Connection, message_id: str, conversation: str | None, *, aged: bool = False
) -> None:
    """Never take a message in (again). ``conversation``: where its thread goes on, if that is known. ``aged``: because
    it is older than ``retention.days``."""
    row = insert(erased).values(message_id=message_id, conversation=conversation, aged=aged)
    connection.execute(row.on_conflict_do_nothing())


def has_aged(connection: Connection, conversation: str) -> bool:
    """Whether a part of the conversation is gone because of ``retention.days``."""
    query = select(erased.c.message_id).where(erased.c.conversation == conversation, erased.c.aged.is_(True))
    return connection.execute(query.limit(1)).first() is not None


_ERASED = select(erased).where(erased.c.message_id == bindparam("id"))


def was_erased(connection: Connection, message_id: str) -> bool:
    return connection.execute(_ERASED, {"id": message_id}).first() is not None


def is_own(connection: Connection, message_id: str) -> bool:
    """Whether it is a post of ours."""
    return suggestion_by_post(connection, message_id) is not None


def react(connection: Connection, message_id: str, reaction: Reaction, *, added: bool) -> None:
    key = {"message_id": message_id, "user": reaction.user, "name": reaction.name}
    if added:
        at = None if reaction.at is None else seconds(reaction.at)
        connection.execute(insert(reactions).values(**key, at=at).on_conflict_do_nothing())
    else:
        same = [reactions.c[name] == value for name, value in key.items()]
        connection.execute(delete(reactions).where(*same))


def count_part(connection: Connection, user: str, *, asked: bool) -> None:
    """Count that ``user`` opened a conversation (``asked``) or joined somebody else's for the first time."""
    first = insert(people).values(id=user, asked=int(asked), answered=int(not asked))
    column = people.c.asked if asked else people.c.answered
    change = {column.name: column + 1}
    connection.execute(first.on_conflict_do_update(index_elements=["id"], set_=change))


def spoke_before(connection: Connection, user: str, conversation: str) -> bool:
    query = (
        select(messages.c.id).where(messages.c.conversation == conversation, messages.c.user == user).limit(1)
    )
    return connection.execute(query).first() is not None


_PARTS = select(people).where(people.c.id.in_(bindparam("ids", expanding=True)))


def parts(connection: Connection, users: Sequence[str]) -> dict[str, tuple[int, int]]:
    """For each user: conversations opened, and conversations of others joined."""
    rows = connection.execute(_PARTS, {"ids": list(users)}).all()
    return {row.id: (row.asked, row.answered) for row in rows}


_NAMES = select(people.c.id, people.c.name).where(people.c.id.in_(bindparam("ids", expanding=True)))


def names(connection: Connection, users: Sequence[str]) -> dict[str, str]:
    """The display names that are known."""
    rows = connection.execute(_NAMES, {"ids": list(users)}).all()
    return {row.id: row.name for row in rows if row.name}


def everybody(connection: Connection) -> dict[str, str]:
    """What people are called -> who they are, of all whose display name is known."""
    known = connection.execute(select(people.c.name, people.c.id).where(people.c.name.is_not(None)))
    return {name: user for name, user in known if name}


def put_names(connection: Connection, known: Mapping[str, str]) -> None:
    for user, name in known.items():
        row = insert(people).values(id=user, name=name, asked=0, answered=0)
        connection.execute(row.on_conflict_do_update(index_elements=["id"], set_={"name": name}))


_PERSON = select(people.c.name, people.c.mail_domain).where(people.c.id == bindparam("id"))


def put_people(connection: Connection, known: Sequence[Person]) -> None:
    """Remember what the platform tells of people. What it does not tell this time does not erase what was known."""
    for person in known:
        row = connection.execute(_PERSON, {"id": person.id}).first()
        before = (None, None) if row is None else (row.name, row.mail_domain)
        now = (person.name or before[0], person.mail_domain or before[1])
        if now != before:
            values = {"name": now[0], "mail_domain": now[1]}
            new = insert(people).values(id=person.id, asked=0, answered=0, **values)
            connection.execute(new.on_conflict_do_update(index_elements=["id"], set_=values))


def put_group(connection: Connection, group: str, users: Sequence[str]) -> None:
    """Keep who is in a user group, in place of who was."""
    connection.execute(delete(group_members).where(group_members.c.group == group))
    rows = [{"group": group, "user": bare} for bare in sorted({_bare(user) for user in users})]
    if rows:
        connection.execute(insert(group_members).on_conflict_do_nothing(), rows)


_GROUPS = select(group_members).where(group_members.c.user.in_(bindparam("users", expanding=True)))
_DOMAINS = select(people.c.id, people.c.mail_domain).where(
    people.c.id.in_(bindparam("ids", expanding=True)), people.c.mail_domain.is_not(None)
)


def belongings(connection: Connection, users: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each user the groups and the mail domain he belongs to, as config.yaml writes them: ``*@example.com``."""
    groups = connection.execute(_GROUPS, {"users": [_bare(user) for user in users]}).all()
    domains = connection.execute(_DOMAINS, {"ids": list(users)}).all()
    named = [(row.user, row.group) for row in groups]
    mailed = [(row.id, f"*@{row.mail_domain}") for row in domains]
    return {
        user: frozenset(ref for who, ref in (*named, *mailed) if who in (user, _bare(user))) for user in users
    }


def members(connection: Connection, named: frozenset[str]) -> frozenset[str]:
    """Who is known to be in these groups and mail domains: bare ids of groups, whole ones of domains."""
    grouped = select(group_members.c.user).where(group_members.c.group.in_(named))
    mailed = select(people.c.id).where(people.c.mail_domain.in_([ref.removeprefix("*@") for ref in named]))
    return frozenset(connection.execute(grouped).scalars()) | frozenset(connection.execute(mailed).scalars())


def _bare(user: str) -> str:
    """``U1`` of ``slack:T1/U1``: groups name people so, and so do a workspace's exports."""
    return user.rsplit("/", 1)[-1]


# ---- tempo -----------------------------------------------------


def put_first_answer(connection: Connection, conversation: Ticket, at: datetime) -> None:
    """Keep how long a conversation waited for another person's first word."""
    row = insert(first_answers).values(
        conversation=conversation.conversation,
        channel=conversation.channel,
        at=seconds(at),
        delay=seconds(at) - seconds(conversation.opened_at),
    )
    connection.execute(row.on_conflict_do_nothing())


_DELAYS = (
    select(first_answers.c.delay)
    .where(first_answers.c.channel == bindparam("channel"), first_answers.c.at <= bindparam("before"))
    .order_by(first_answers.c.at.desc())
    .limit(bindparam("most"))
)


def first_answer_delays(
    connection: Connection, channel: str, before: datetime, most: int
) -> tuple[timedelta, ...]:
    """How long people took for their first answers in a channel, the latest ``most``, newest first."""
    given = {"channel": channel, "before": seconds(before), "most": most}
    return tuple(timedelta(seconds=delay) for delay in connection.execute(_DELAYS, given).scalars())


# ---- tickets -----------------------------------------------------


_TICKET = select(tickets).where(tickets.c.conversation == bindparam("id"))


def ticket(connection: Connection, conversation: str) -> Ticket | None:
    row = connection.execute(_TICKET, {"id": conversation}).first()
    return None if row is None else _ticket(row)


def _ticket(row: Row[Any]) -> Ticket:
    return Ticket(
        conversation=row.conversation,
        channel=row.channel,
        asker=row.asker,
        state=TicketState(row.state),
        opened_at=moment(row.opened_at),
        last_at=moment(row.last_at),
    )


def put_ticket(connection: Connection, changed: Ticket, closed_at: datetime | None = None) -> None:
    """Keep a ticket. One that moved or spoke again is to be learnt from anew once it is closed.

    ``closed_at``: when a ticket that is closed was; without it when something last happened in it.
    """
    closed = changed.state is TicketState.CLOSED
    ended = seconds(closed_at or changed.last_at) if closed else None
    row = insert(tickets).values(
        conversation=changed.conversation,
        channel=changed.channel,
        asker=changed.asker,
        state=changed.state,
        opened_at=seconds(changed.opened_at),
        last_at=seconds(changed.last_at),
        learnt=False,
        closed_at=ended,
    )
    change = {
        "state": changed.state,
        "last_at": seconds(changed.last_at),
        "learnt": False,
        "closed_at": ended,
    }
    connection.execute(row.on_conflict_do_update(index_elements=["conversation"], set_=change))


_OPEN_STATES = [state for state in TicketState if state is not TicketState.CLOSED]
_QUIET = select(tickets).where(
    tickets.c.state == bindparam("state"), tickets.c.last_at <= bindparam("before")
)


def close_quiet(connection: Connection, now: datetime, close_after: timedelta) -> int:
    """Close the tickets in which nothing happened for long; see ``tickets.quiet_for``. How many."""
    closed = 0
    for state in _OPEN_STATES:
        span = quiet_for(state, close_after)
        for row in connection.execute(_QUIET, {"state": state, "before": seconds(now - span)}).all():
            quiet = _ticket(row)
            ended = replace(advance(quiet, Step.QUIET, quiet.last_at), last_at=quiet.last_at)
            put_ticket(connection, ended, quiet.last_at + span)
            closed += 1
    return closed


def close_in(connection: Connection, channel: str, at: datetime) -> list[str]:
    """Close the tickets of a channel that is out of reach; their conversations. Only what was resolved is learnt from:
    how the others end, nobody hears."""
    there = and_(tickets.c.channel == channel, tickets.c.state.in_(_OPEN_STATES))
    found = [_ticket(row) for row in connection.execute(select(tickets).where(there)).all()]
    for ticket in found:
        ended = replace(advance(ticket, Step.OUT_OF_REACH, ticket.last_at), last_at=ticket.last_at)
        put_ticket(connection, ended, at)
        if not ticket.ended:
            mark_learnt(connection, ticket.conversation)
    return [ticket.conversation for ticket in found]


_LAST_OF_OPEN = (
    select(tickets.c.state, func.min(tickets.c.last_at))
    .where(tickets.c.state.in_(_OPEN_STATES))
    .group_by(tickets.c.state)
)


def next_quiet(connection: Connection, close_after: timedelta) -> datetime | None:
    """When the next ticket closes by itself."""
    first = connection.execute(_LAST_OF_OPEN).all()
    return min((moment(at) + quiet_for(TicketState(state), close_after) for state, at in first), default=None)


def closed_unlearnt(connection: Connection, limit: int) -> list[Ticket]:
    rows = connection.execute(
        select(tickets)
        .where(tickets.c.learnt.is_(False), tickets.c.state == TicketState.CLOSED)
        .order_by(tickets.c.last_at, tickets.c.conversation)
        .limit(limit)
    ).all()
    return [_ticket(row) for row in rows]


def closed_at(connection: Connection, conversation: str) -> datetime | None:
    """When a conversation was closed; None if it is open, or was closed before this was kept."""
    at = connection.scalar(select(tickets.c.closed_at).where(tickets.c.conversation == conversation))
    return None if at is None else moment(at)


def mark_learnt(connection: Connection, conversation: str) -> None:
    connection.execute(update(tickets).where(tickets.c.conversation == conversation).values(learnt=True))


def ticket_counts(connection: Connection) -> dict[str, int]:
    counted = select(tickets.c.state, func.count()).group_by(tickets.c.state)
    return {row[0]: row[1] for row in connection.execute(counted)}


# ---- decisions and suggestions -----------------------------------------------------


def put_decision(
    connection: Connection,
    message_id: str,
    decision: Decision,
    considered: Sequence[str],
    at: datetime,
    *,
    channel: str | None = None,
) -> None:
    """Keep a decision, silence too, with its reasons and the entries that were looked at."""
    reasons = [asdict(reason) for reason in decision.reasons]
    connection.execute(
        insert(decisions).values(
            message_id=message_id,
            at=seconds(at),
            action=decision.action,
            score=decision.score,
            threshold=decision.threshold,
            reasons=json.dumps(reasons, ensure_ascii=False),
            weights=decision.weights,
            considered=json.dumps(list(considered)),
            features=json.dumps({name: round(value, 6) for name, value in decision.features.items()}),
        )
    )
    audit.put(
        connection,
        Kind.DECIDED,
        at,
        subject=message_id,
        channel=channel,
        action=decision.action,
        score=round(decision.score, 6),
        threshold=round(decision.threshold, 6),
        reasons=[reason.name for reason in decision.reasons],
        weights=decision.weights,
        considered=len(considered),
    )


def last_decision(connection: Connection, message_id: str) -> Row[Any] | None:
    query = (
        select(decisions).where(decisions.c.message_id == message_id).order_by(decisions.c.id.desc()).limit(1)
    )
    return connection.execute(query).first()


def decisions_after(connection: Connection, last_id: int) -> list[Row[Any]]:
    """The decisions made since, oldest first."""
    return list(
        connection.execute(select(decisions).where(decisions.c.id > last_id).order_by(decisions.c.id)).all()
    )


def first_reason(row: Row[Any]) -> tuple[str, str]:
    """Name and text of the reason that decided."""
    reason = json.loads(row.reasons)[0]
    return reason["name"], reason["text"]


def reason_lines(row: Row[Any]) -> list[str]:
    """The reasons of a decision, for people."""
    return [str(Reason(**reason)) for reason in json.loads(row.reasons)]


def considered(row: Row[Any]) -> list[str]:
    """The entries that a decision looked at, best first."""
    return list(json.loads(row.considered))


def put_suggestion(
    connection: Connection,
    suggestion_id: str,
    message: Message,
    suggestion: Suggestion,
    now: datetime,
    *,
    send: bool,
) -> bool:
    """Keep a suggestion and, if it is to be sent, the intent. False if this message has one already."""
    row = insert(suggestions).values(
        id=suggestion_id,
        message_id=message.id,
        channel=message.channel,
        conversation=message.thread,
        at=seconds(now),
        content=suggestion_json(suggestion),
        removed=False,
    )
    if connection.execute(row.on_conflict_do_nothing()).rowcount == 0:
        return False
    for citation in suggestion.citations:
        key = {"suggestion_id": suggestion_id, "entry_id": citation.entry, "source": citation.source}
        connection.execute(insert(quoted).values(**key).on_conflict_do_nothing())
    if send:
        intend(connection, suggestion_id, "post", message.channel, now)
    return True


def suggestion_row(connection: Connection, suggestion_id: str) -> Row[Any] | None:
    return connection.execute(select(suggestions).where(suggestions.c.id == suggestion_id)).first()


def channel_of_suggestion(connection: Connection, suggestion_id: str) -> str | None:
    return connection.execute(select(suggestions.c.channel).where(suggestions.c.id == suggestion_id)).scalar()


def suggestion_by_post(connection: Connection, posted_id: str) -> Row[Any] | None:
    """Any of its messages, where it took several."""
    further = select(further_parts.c.suggestion_id).where(further_parts.c.posted_id == posted_id)
    ours = or_(suggestions.c.posted_id == posted_id, suggestions.c.id.in_(further))
    return connection.execute(select(suggestions).where(ours)).first()


def suggestion_for(connection: Connection, message_id: str) -> Row[Any] | None:
    return connection.execute(select(suggestions).where(suggestions.c.message_id == message_id)).first()


_POSTED = exists().where(
    outbox.c.suggestion_id == suggestions.c.id, outbox.c.kind == "post", outbox.c.state != Sent.DROPPED
)
# A draft counts as given: the analysts were asked once, and what they let pass is not put before them again.
_SENT = or_(_POSTED, exists().where(drafts.c.suggestion_id == suggestions.c.id))
_GIVEN = select(suggestions).where(suggestions.c.conversation == bindparam("conversation"), _SENT)


def in_conversation(connection: Connection, conversation: str) -> list[Row[Any]]:
    """The suggestions of a conversation that were or will be sent."""
    return list(connection.execute(_GIVEN, {"conversation": conversation}).all())


_SPOKEN_SINCE = (
    select(func.count())
    .select_from(suggestions)
    .where(suggestions.c.channel == bindparam("channel"), suggestions.c.at > bindparam("since"), _SENT)
)


def spoken_since(connection: Connection, channel: str, since: datetime) -> int:
    """How many suggestions of a channel were or will be sent that are younger than ``since``."""
    return connection.execute(_SPOKEN_SINCE, {"channel": channel, "since": seconds(since)}).scalar_one()


def posted_before(connection: Connection, intent_id: int, channel: str, since: datetime) -> int:
    """How many suggestions of a channel that are younger than ``since`` were posted, or are being posted, by intents
    older than ``intent_id``."""
    begun = and_(
        outbox.c.kind == "post", outbox.c.state.in_([Sent.SENDING, Sent.DONE]), outbox.c.id < intent_id
    )
    younger = and_(suggestions.c.channel == channel, suggestions.c.at > seconds(since))
    query = (
        select(func.count()).select_from(outbox).join(suggestions, suggestions.c.id == outbox.c.suggestion_id)
    )
    return connection.execute(query.where(begun, younger)).scalar_one()


def quoted_now(connection: Connection, suggestion_ids: Sequence[str]) -> set[str]:
    """The entries that these suggestions quote."""
    query = select(quoted.c.entry_id).where(quoted.c.suggestion_id.in_(suggestion_ids))
    return set(connection.execute(query).scalars())


def reword_suggestion(connection: Connection, suggestion_id: str, suggestion: Suggestion) -> None:
    """Put ``suggestion`` in the place of what was suggested; what it does not cite any more it does not rest on."""
    same = suggestions.c.id == suggestion_id
    connection.execute(update(suggestions).where(same).values(content=suggestion_json(suggestion)))
    cited = [(citation.entry, citation.source) for citation in suggestion.citations]
    kept = tuple_(quoted.c.entry_id, quoted.c.source).in_(cited)
    connection.execute(delete(quoted).where(quoted.c.suggestion_id == suggestion_id, ~kept))


def worded_by(connection: Connection, users: Collection[str]) -> list[Row[Any]]:
    """The suggestions whose words are those of one of these people, by whole id."""
    likely = or_(*(suggestions.c.content.contains(user, autoescape=True) for user in sorted(users)))
    rows = connection.execute(select(suggestions).where(likely)).all()
    return [row for row in rows if suggestion_from(row.content).worded_by in users]


def quoted_in(connection: Connection, suggestion_ids: Sequence[str]) -> set[str]:
    """The entries that these suggestions quote, or quoted before they were changed."""
    before = select(quoted_before.c.entry_id).where(quoted_before.c.suggestion_id.in_(suggestion_ids))
    return quoted_now(connection, suggestion_ids) | set(connection.execute(before).scalars())


def empty_suggestion(connection: Connection, suggestion_id: str) -> None:
    """Erase what a suggestion said; that there was one stays known."""
    connection.execute(
        update(suggestions).where(suggestions.c.id == suggestion_id).values(content=None, removed=True)
    )


def withdraw(connection: Connection, suggestion_id: str) -> None:
    """It does not count as said any more. What it said is kept, to learn from."""
    connection.execute(update(suggestions).where(suggestions.c.id == suggestion_id).values(removed=True))


def mark_removed(connection: Connection, suggestion_id: str, at: datetime) -> None:
    """Somebody took our answer away. What we took back ourselves is marked already, and stays no rejection."""
    theirs = and_(suggestions.c.id == suggestion_id, suggestions.c.removed.is_(False))
    change = update(suggestions).where(theirs).values(removed=True, removed_at=seconds(at))
    if connection.execute(change).rowcount:
        audit.put_on_answer(connection, Kind.REMOVED, suggestion_id, at)


def suggestion_json(suggestion: Suggestion) -> str:
    content = asdict(suggestion)
    for citation in content["citations"]:
        citation["at"] = None if citation["at"] is None else citation["at"].isoformat()
    return json.dumps(content, ensure_ascii=False)


def suggestion_from(content: str) -> Suggestion:
    data = json.loads(content)
    lines = tuple(Line(**{**line, "citations": tuple(line["citations"])}) for line in data["lines"])
    citations = tuple(_citation(citation) for citation in data["citations"])
    return Suggestion(
        lines=lines,
        citations=citations,
        note=data.get("note", ""),
        verbatim=data.get("verbatim", True),
        worded_by=data.get("worded_by", ""),
    )


def _citation(data: Mapping[str, Any]) -> Citation:
    at = None if data["at"] is None else datetime.fromisoformat(data["at"])
    return Citation(**{**data, "kind": EntryKind(data["kind"]), "role": Role(data["role"]), "at": at})

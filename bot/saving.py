"""Keeping something as knowledge by hand: the form as it is filled in at first, and what is made of what was sent."""

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert

from bot import answers, audit, inbox, ledger, optouts
from bot.adapters.acts import ActPostponed, ActRefused, ActUncertain, Ask, SaveForm
from bot.adapters.adapter import LookupFailed
from bot.adapters.events import AskedToSave, Channel, Heard, Saved
from bot.addressed import NOT_HERE, plain_card
from bot.answers import Answer
from bot.answers import Kind as AnswerKind
from bot.audit import Kind
from bot.handlers import Bot, known_place, told_of
from bot.inbox import Work
from bot.places import place_of
from bot.presses import is_admin
from bot.requests import subject_of
from bot.scorer import silent
from bot.situation import conversation_for, policy_of, role_in
from bot.tables import saved as saved_by_hand
from bot.tables import seconds
from bot.whispers import About, whisper
from bot.wishes import Wish
from knowledge import store
from knowledge.audience import NOWHERE, Place, audience_of
from knowledge.cues import is_substantive
from knowledge.entry import (
    EntryKind,
    EntryState,
    KnowledgeEntry,
    Passage,
    PassageKind,
)
from knowledge.mine import mine, title_of
from knowledge.redact import redact
from knowledge.search import Prepared
from knowledge.thread import Message, Role, Thread, without_people

log = logging.getLogger("earshot")

FIELD = 3_000  # characters of a field

NOT_OPENED = "The form in which to keep it could not be shown to you. Please ask for it once more."
NO_MESSAGE = (
    "I do not know which message to keep. Say `@Earshot save` in its topic or as a reply to it, or send me directly "
    "`save` and its id (`om_…`)."
)
NOT_IN_TIME = "The form could not be opened in time. Please use the shortcut once more."
INCOMPLETE = "Nothing was saved: it needs a title, a problem and a solution."
LEARNT = "Saved. I use it from now on."
WAITS = "Saved. It waits until an admin approves it."
KNOWN = "This was kept before, in these very words; now it is {}."
DELETED = "The message was deleted meanwhile, so nothing was saved."
TAKEN_OUT = " What looked like personal data or a secret was blacked out."

# ---- the form, as it is filled in at first: pure ------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Prefilled:
    """What a thread offers to be kept. A part's sources are the messages that it was taken from."""

    title: str = ""
    problem: str = ""
    solution: str = ""
    problem_sources: tuple[str, ...] = ()
    solution_sources: tuple[str, ...] = ()


def prefilled(
    thread: Thread,
    message_id: str,
    *,
    audience: str,
    now: datetime,
    people: Mapping[str, str],
    patterns: Sequence[re.Pattern[str]] = (),
) -> Prefilled:
    """What ``thread`` offers: its problem, and as the solution the message that was chosen, if an answer was; else the
    one that mining finds. Without personal data and secrets, as everything that is kept."""
    told = redacted(thread, people, patterns)
    mined = mine(thread, audience=audience, closed_at=now, people=people, patterns=patterns).entry
    passages = () if mined is None else mined.passages
    asked = [one for one in passages if one.kind is PassageKind.PROBLEM] or _opening(told)
    solved = [one for one in passages if one.kind is PassageKind.SOLUTION]
    chosen = next((message for message in told.messages if message.id == message_id), None)
    taken = {one.source for one in (*asked, *solved)}
    if chosen is not None and chosen.id not in taken and (is_substantive(chosen.text) or not solved):
        solved = [_said(PassageKind.SOLUTION, chosen)]
    return Prefilled(
        title=mined.title if mined is not None else title_of(told.messages[:1]),
        problem=_joined(asked),
        solution=_joined(solved),
        problem_sources=tuple(one.source for one in asked),
        solution_sources=tuple(one.source for one in solved),
    )


def redacted(thread: Thread, people: Mapping[str, str], patterns: Sequence[re.Pattern[str]]) -> Thread:
    """``thread`` with placeholders for personal data and secrets."""
    messages = thread.messages
    texts = redact([message.text for message in messages], names_in(messages, people), patterns)
    told = (replace(message, text=text) for message, text in zip(messages, texts, strict=True))
    return replace(thread, messages=tuple(told))


def names_in(messages: Sequence[Message], people: Mapping[str, str]) -> frozenset[str]:
    """What those are called who speak in ``messages`` or are mentioned there."""
    users = {message.user for message in messages if message.role is not Role.BOT}
    said = "\n".join(message.text for message in messages).casefold()
    known = {name for name, user in people.items() if user in users or f"@{name.casefold()}" in said}
    return frozenset(known | {user.rsplit("/", 1)[-1] for user in users})


def _opening(thread: Thread) -> list[Passage]:
    return [_said(PassageKind.PROBLEM, thread.messages[0])]


def _said(kind: PassageKind, message: Message) -> Passage:
    return Passage(
        kind=kind,
        text=message.text,
        source=message.id,
        author=message.user,
        role=message.role,
        at=message.at,
        link=message.link,
    )


def _joined(passages: Sequence[Passage]) -> str:
    return in_field("\n".join(passage.text for passage in passages))


def in_field(text: str) -> str:
    """``text`` as a field of a form takes it, and gives it back."""
    return text[:FIELD].strip()


# ---- what was sent: pure ------------------------------------------------------------------------------------


def entry_from(
    saved: Saved, thread: Thread | None, *, audience: str, role: Role, confirmed: bool
) -> KnowledgeEntry:
    """The entry that a person wants kept, of what is cleaned already. A part that he left as it was stays his who said
    it; what he wrote himself is his own, with the message that it was taken from, or that he chose, as its source."""
    messages = {} if thread is None else {message.id: message for message in thread.messages}

    def part(kind: PassageKind, text: str, sources: Sequence[str]) -> list[Passage]:
        said = [_said(kind, messages[source]) for source in sources if source in messages]
        if said and len(said) == len(sources) and text == _joined(said):
            return said
        source = sources[0] if sources else saved.message_id
        link = messages[source].link if source in messages else None
        return [
            Passage(kind=kind, text=text, source=source, author=saved.user, role=role, at=saved.at, link=link)
        ]

    return KnowledgeEntry(
        kind=EntryKind.THREAD,
        title=saved.title,
        origin=f"saved/{saved.message_id}",  # not the thread's own: what a night learns from it stands beside it
        audience=audience,
        passages=(
            *part(PassageKind.PROBLEM, saved.problem, saved.problem_sources),
            *part(PassageKind.SOLUTION, saved.solution, saved.solution_sources),
        ),
        known_from=saved.at,
        confirmed=confirmed,
    )


def cleaned(
    saved: Saved, thread: Thread | None, people: Mapping[str, str], patterns: Sequence[re.Pattern[str]]
) -> Saved:
    """What was sent, without white space around it, personal data and secrets."""
    messages = () if thread is None else thread.messages
    names = names_in(messages, people) | {saved.user.rsplit("/", 1)[-1]}
    title, problem, solution = redact(
        [saved.title.strip(), saved.problem.strip(), saved.solution.strip()], names, patterns
    )
    return replace(saved, title=" ".join(title.split()), problem=problem, solution=solution)


# ---- gather, decide, act ------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What is known of a message: its thread and its channel, as far as they were heard, and what people are called.

    ``message_id``: the message, or the question if it is our own answer. ``thread`` is without those who opted out;
    ``unwilling``: one of them said the message, or asked.
    """

    message_id: str
    thread: Thread | None
    channel: Channel
    people: Mapping[str, str]
    place: Place = NOWHERE
    unwilling: bool = False

    @property
    def home(self) -> str:
        """The widest audience that something said in the channel may get."""
        return audience_of(self.place)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Opened:
    """What came of opening a form: what the person is ``told`` if it failed, else where it stands, if that is known."""

    form: SaveForm | None = None
    stands_at: str | None = None
    told: str | None = None


async def on_asked_to_save(bot: Bot, work: Work, asked: AskedToSave) -> None:
    """Open the form for whoever asked, filled in with what the thread offers."""
    opened = await _open_form(bot, asked)

    def end(connection: Connection) -> None:
        if opened.told is not None:
            _tell(connection, bot, asked, opened.told)
        inbox.finish(connection, work.id)

    await bot.database.run(end)


async def _open_form(bot: Bot, asked: AskedToSave) -> _Opened:
    known = await _known(bot, asked.message_id, asked.channel)
    adapter = bot.adapter_of(asked.channel)
    form = _form(asked, known, bot.config().redact.patterns)
    act = Ask(channel=asked.channel, user=asked.user, form=form, trigger=asked.trigger)
    try:
        receipt = await adapter.perform(act)
    except (ActRefused, ActPostponed, ActUncertain) as error:
        log.warning("%s: the form to save it could not be opened: %s", asked.message_id, error)
        if isinstance(error, ActUncertain):
            return _Opened()  # it may be open
        return _Opened(told=NOT_IN_TIME if adapter.has_command else NOT_OPENED)
    return _Opened(form=form, stands_at=receipt.message_id)


async def on_wish_to_save(bot: Bot, work: Work, heard: Heard, wish: Wish) -> None:
    """Open the form for who asks for it by a message: about the one that he names or replies to, else the one that
    began the thread. His message is no part of its conversation."""
    heard = await known_place(bot, heard)
    message, now = heard.message, bot.clock.now()
    people = await told_of(bot.adapter_of(heard.channel.id), message.user)
    asked, opened = await _wished(bot, heard, wish)

    def end(connection: Connection) -> None:
        if ledger.was_erased(connection, message.id):
            return inbox.finish(connection, work.id)
        ledger.put_people(connection, people)
        decision = silent("save", "it asks for the form in which a message is kept")
        ledger.put_decision(connection, message.id, decision, (), now)
        ledger.pass_over(connection, message.id, conversation_for(connection, message))
        _remember(connection, message, opened, now)
        if opened.told is not None:  # where he said it: he may not be in the message's own channel
            _tell(connection, bot, replace(asked, channel=heard.channel.id), opened.told)
        return inbox.finish(connection, work.id)

    await bot.database.run(end)


def _remember(connection: Connection, asked_by: Message, opened: _Opened, now: datetime) -> None:
    """A form that stands there until it is sent quotes what it was filled in from, and goes with it."""
    if opened.form is None or opened.stands_at is None:
        return
    form = opened.form
    answer = Answer(
        id=uuid.uuid4().hex,
        message_id=asked_by.id,
        user=asked_by.user,
        channel=opened.stands_at.rpartition("/")[0],
        conversation=None,
        reply_to=None,
        kind=AnswerKind.GRANTED,
        alone=True,
        asked_at=asked_by.at,
        card=plain_card("The form in which a message is saved."),
        sources={form.message_id, *form.problem_sources, *form.solution_sources},
    )
    if answers.put(connection, answer, now):
        answers.posted(connection, answer.id, opened.stands_at)


async def _wished(bot: Bot, heard: Heard, wish: Wish) -> tuple[AskedToSave, _Opened]:
    """What a message asks to keep, and what came of it."""
    message = heard.message
    chosen = await _chosen(bot, heard, wish)
    asked = AskedToSave(
        message_id=chosen or message.id,
        channel=heard.channel.id if chosen is None else chosen.rpartition("/")[0],
        user=message.user,
        text="" if chosen is None else await _unheard(bot, chosen),
        at=message.at,
        trigger=message.id,
    )
    if policy_of(bot.config(), heard.channel, bot.clock.now()).external_blocked:
        return asked, _Opened(told=NOT_HERE)
    if chosen is None:
        return asked, _Opened(told=NO_MESSAGE)
    erased = await bot.database.run(lambda connection: ledger.was_erased(connection, message.id))
    return asked, _Opened() if erased else await _open_form(bot, asked)


async def _chosen(bot: Bot, heard: Heard, wish: Wish) -> str | None:
    """The message that is to be kept, if there is one that he may read."""
    if wish.rest:
        return await subject_of(bot, wish.rest, heard.message.user, heard.channel.id)
    return heard.about or heard.message.thread or None


async def _unheard(bot: Bot, message_id: str) -> str:
    """What a message says that was said before we came, unless its author opted out; "" if we heard it ourselves."""
    channel = Channel(id=message_id.rpartition("/")[0])

    def read(connection: Connection) -> tuple[bool, frozenset[str]]:
        row = ledger.message_row(connection, message_id)
        own = ledger.suggestion_by_post(connection, message_id)
        return row is not None or own is not None, frozenset(optouts.opted_out(connection))

    is_known, opted_out = await bot.database.run(read)
    if is_known:
        return ""
    try:
        said = await bot.adapter_of(channel.id).fetch(channel, message_id)
    except LookupFailed as error:
        log.info("%s: what it says cannot be read now: %s", message_id, error)
        return ""
    texts = (one.message for one in said if one.message.id == message_id)
    return next((one.text for one in texts if one.user not in opted_out), "")


def _form(asked: AskedToSave, known: _Known, patterns: Sequence[re.Pattern[str]]) -> SaveForm:
    text = "" if known.unwilling else asked.text
    offered = Prefilled(solution=in_field(redact([text], (), patterns)[0]))
    if known.thread is not None:
        offered = prefilled(
            known.thread,
            asked.message_id,
            audience=known.home,
            now=asked.at,
            people=known.people,
            patterns=patterns,
        )
    return SaveForm(
        message_id=known.message_id,
        channel=asked.channel,
        title=offered.title,
        problem=offered.problem,
        solution=offered.solution,
        may_be_everywhere=known.home != f"channel:{known.place.channel}",
        problem_sources=offered.problem_sources,
        solution_sources=offered.solution_sources,
        respond_to=asked.respond_to,
    )


async def on_saved(bot: Bot, work: Work, saved: Saved) -> None:
    """Keep what a person sent: at once if an analyst or admin did, else when an admin approves it."""
    config = bot.config()
    people = await told_of(bot.adapter_of(saved.channel), saved.user)
    known = await _known(bot, saved.message_id, saved.channel)

    def gather(connection: Connection) -> tuple[str | None, Role]:
        ledger.put_people(connection, people)
        return _why_not(connection, saved), role_in(connection, config, saved.user)

    why_not, role = await bot.database.run(gather)
    if why_not is not None:
        return await _end(bot, work, saved, why_not)
    trusted = role is Role.ANALYST or is_admin(config, saved.user)
    patterns = config.redact.patterns
    clean = cleaned(saved, known.thread, known.people, patterns)
    entry = entry_from(
        clean,
        None if known.thread is None else redacted(known.thread, known.people, patterns),
        audience=known.home if saved.everywhere else f"channel:{saved.channel}",
        role=role,
        confirmed=trusted,
    )
    put = await bot.knowledge.prepare([entry])

    def keep(connection: Connection) -> None:
        gone = _why_not(connection, saved)  # deleted while it was embedded
        text = gone or _keep(connection, bot, saved, entry, put, trusted=trusted)
        _tell(connection, bot, saved, text + (TAKEN_OUT if _lost_something(saved, clean) else ""))
        inbox.finish(connection, work.id)

    await bot.database.run(keep)
    await bot.knowledge.follow()


def _why_not(connection: Connection, saved: Saved) -> str | None:
    if not all(text.strip() for text in (saved.title, saved.problem, saved.solution)):
        return INCOMPLETE
    sources = (saved.message_id, *saved.problem_sources, *saved.solution_sources)
    return DELETED if any(ledger.was_erased(connection, source) for source in sources) else None


def _lost_something(saved: Saved, clean: Saved) -> bool:
    before = " ".join((saved.title, saved.problem, saved.solution)).split()
    return before != " ".join((clean.title, clean.problem, clean.solution)).split()


def _keep(
    connection: Connection,
    bot: Bot,
    saved: Saved,
    entry: KnowledgeEntry,
    put: Prepared,
    *,
    trusted: bool,
) -> str:
    """Store the entry, and who kept it; what the person is told. Handled again after a crash it says the same."""
    put(connection, [entry], EntryState.ACTIVE if trusted else EntryState.PENDING)
    if trusted and store.state_of(connection, entry.id) is EntryState.PENDING:
        store.move(connection, entry.id, EntryState.ACTIVE)  # somebody else kept the same before
    now = bot.clock.now()
    row = insert(saved_by_hand).values(
        entry_id=entry.id, message_id=saved.message_id, by=saved.user, at=seconds(now)
    )
    connection.execute(row.on_conflict_do_nothing())
    named = {"subject": saved.message_id, "actor": saved.user, "channel": saved.channel}
    audit.put(connection, Kind.SAVED, now, **named, entry=entry.id, waits=not trusted)
    match store.state_of(connection, entry.id):
        case EntryState.ACTIVE:
            return LEARNT
        case EntryState.PENDING:
            return WAITS
        case state:
            return KNOWN.format(state)


async def _known(bot: Bot, message_id: str, channel_id: str) -> _Known:
    """What is known of a message; a channel that the platform does not show us is taken as private."""

    def read(connection: Connection) -> _Known:
        own = ledger.suggestion_by_post(connection, message_id)  # our answer: its thread is what is known
        asked = message_id if own is None else own.message_id
        conversation = ledger.conversation_of(connection, asked)
        thread = None if conversation is None else ledger.thread(connection, conversation)
        row, opted_out = ledger.message_row(connection, asked), optouts.opted_out(connection)
        told = None if thread is None else without_people(thread, opted_out)
        return _Known(
            message_id=asked,
            thread=told,
            unwilling=(row is not None and row.user in opted_out) or (told is None and thread is not None),
            channel=ledger.channel_of(connection, channel_id),
            people=ledger.everybody(connection),
        )

    known = await bot.database.run(read)
    channel, config = known.channel, bot.config()
    try:
        channel = await bot.adapter_of(channel_id).describe(channel)
    except LookupFailed as error:
        log.info("%s: its kind cannot be asked now: %s", channel_id, error)
    place = await bot.database.run(lambda connection: place_of(connection, config, channel))
    return replace(known, channel=channel, place=place)


async def _end(bot: Bot, work: Work, saved: Saved, text: str) -> None:
    def end(connection: Connection) -> None:
        _tell(connection, bot, saved, text)
        inbox.finish(connection, work.id)

    await bot.database.run(end)


def _tell(connection: Connection, bot: Bot, about: AskedToSave | Saved, text: str) -> None:
    """Tell the person alone."""
    whisper(
        connection,
        f"saving/{about.message_id}/{about.user}/{about.at.isoformat()}",
        channel=about.channel,
        user=about.user,
        about=About.TEXT,
        text=text,
        respond_to=about.respond_to,
        now=bot.clock.now(),
    )

"""What happens when somebody presses a button, sends a form or asks why: gather, decide, act, as in handlers."""

from datetime import datetime

from sqlalchemy import Connection, Row

from bot import answers, drafts, inbox, intents, ledger, rejections, updating, votes
from bot.adapters.events import AskedToReword, AskedWhy, Corrected, Correcting, Judged, Objected, Reworded
from bot.answerer import Suggestion
from bot.config import Config
from bot.explain import UNHEARD, Explanation, told
from bot.feedback import Vote
from bot.handlers import Bot, recount_trust, told_of
from bot.inbox import Work
from bot.places import place_of
from bot.rewording import reworded, without_marks
from bot.situation import role_in
from bot.whispers import About, whisper
from knowledge import store
from knowledge.audience import audiences_for
from knowledge.thread import Role

KEPT = "Thank you. I keep your answer and will learn from it."
SHOWN_INSTEAD = "Thank you. Your answer takes the place of mine, with your name, and I will learn from it."
TOO_LATE = f"{KEPT} My own is taken away already, so nobody sees yours in the thread."
MAX_SOURCES = 5  # titles of what was looked at

# ---- drafts -----------------------------------------------------


async def on_judged(bot: Bot, work: Work, judged: Judged) -> None:
    """An analyst shares or dismisses a draft: a label in any case, and the draft's end if nobody was faster."""
    config, now = bot.config(), bot.clock.now()
    entries: list[str] = []
    channel: str | None = None
    known = await told_of(bot.adapter_of(judged.channel), judged.user)

    def judge(connection: Connection) -> None:
        nonlocal channel
        ledger.put_people(connection, known)
        suggestion = ledger.suggestion_row(connection, judged.suggestion_id)
        if suggestion is not None and drafts.draft_row(connection, suggestion.id) is not None:
            channel = suggestion.channel
            answer = _judge(connection, config, judged, suggestion, now)
            _answer(connection, judged, answer, now)
            entries.extend(votes.entries_quoted(connection, suggestion.id))

    await bot.database.run(judge)
    await recount_trust(bot, entries, channel)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


def _judge(
    connection: Connection, config: Config, judged: Judged, suggestion: Row[tuple[object, ...]], now: datetime
) -> str | None:
    """Settle the draft; what the person is to be told, if anything."""
    if role_in(connection, config, judged.user) is not Role.ANALYST:
        return "Only analysts can share or dismiss a draft."
    vote = Vote(suggestion_id=judged.suggestion_id, user=judged.user, helpful=judged.share)
    votes.put_vote(connection, vote, "draft", judged.at)
    if not judged.share and drafts.dismiss(connection, judged.suggestion_id, judged.user, now):
        return "You dismissed this draft." if judged.private else None
    if judged.share and drafts.share(connection, judged.suggestion_id, judged.user, now):
        intents.intend(connection, judged.suggestion_id, "post", suggestion.channel, now)
        return "You shared this; it goes to the thread." if judged.private else None
    return _too_late(connection, judged)


def _too_late(connection: Connection, judged: Judged) -> str | None:
    own = drafts.SHARED_BY if judged.share else drafts.DISMISSED_BY
    return _decided(connection, judged.suggestion_id, judged.user, own)


def _decided(connection: Connection, suggestion_id: str, user: str, own: str) -> str | None:
    """That it was, unless it was by this person in his ``own`` way."""
    row = drafts.draft_row(connection, suggestion_id)
    if row is None or row.status == own.format(drafts.called(user)):
        return None  # a second click, or this one is handled again after a crash
    return f"This draft was decided already: {row.status}."


async def draft_for(bot: Bot, suggestion_id: str, user: str) -> Suggestion | None:
    """The draft that ``user`` may put in words of his own (see ``Fill``)."""
    config = bot.config()
    known = await told_of(bot.adapter_of(user), user)

    def look(connection: Connection) -> Suggestion | None:
        ledger.put_people(connection, known)
        row = ledger.suggestion_row(connection, suggestion_id)
        if row is None or row.content is None or _why_no_edit(connection, config, suggestion_id, user):
            return None
        return ledger.suggestion_from(row.content)

    return await bot.database.run(look)


async def on_asked_to_reword(bot: Bot, work: Work, asked: AskedToReword) -> None:
    """The form was opened at once, if at all: what is left is to tell whoever may not, or comes too late."""
    config, now = bot.config(), bot.clock.now()

    def tell(connection: Connection) -> None:
        why_not = _why_no_edit(connection, config, asked.suggestion_id, asked.user)
        _answer(connection, asked, why_not, now)
        inbox.finish(connection, work.id)

    await bot.database.run(tell)


def _why_no_edit(connection: Connection, config: Config, suggestion_id: str, user: str) -> str | None:
    if role_in(connection, config, user) is not Role.ANALYST:
        return "Only analysts can edit a draft."
    row = drafts.draft_row(connection, suggestion_id)
    if row is None or row.state == drafts.DraftState.OPEN:
        return None
    return f"This draft was decided already: {row.status}."


async def on_reworded(bot: Bot, work: Work, sent: Reworded) -> None:
    """An analyst shares a draft in his own words: what Share is, and a correction to learn from."""
    config, now = bot.config(), bot.clock.now()
    entries: list[str] = []
    channel: str | None = None
    known = await told_of(bot.adapter_of(sent.user), sent.user)

    def settle(connection: Connection) -> None:
        nonlocal channel
        ledger.put_people(connection, known)
        row = ledger.suggestion_row(connection, sent.suggestion_id)
        if row is not None and drafts.draft_row(connection, row.id) is not None:
            channel = row.channel
            entries.extend(votes.entries_quoted(connection, row.id))
            _answer(connection, sent, _reword(connection, config, sent, row, now), now)

    await bot.database.run(settle)
    await recount_trust(bot, entries, channel)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


def _reword(
    connection: Connection, config: Config, sent: Reworded, row: Row[tuple[object, ...]], now: datetime
) -> str | None:
    """Settle the draft in the words that were sent; what the person is to be told, if anything."""
    if role_in(connection, config, sent.user) is not Role.ANALYST:
        return "Only analysts can edit a draft."
    draft = None if row.content is None else ledger.suggestion_from(row.content)
    said = draft if draft is None or not sent.changed else reworded(draft, sent.text, sent.user)
    if said is not None and not said.lines:
        return "There were no words in it, so nothing was said. The draft is still open."
    vote = Vote(suggestion_id=sent.suggestion_id, user=sent.user, helpful=True)
    votes.put_vote(connection, vote, "draft", sent.at)
    if said is None or not drafts.share(connection, row.id, sent.user, now, edited=sent.changed):
        again = votes.was_corrected(connection, row.id, sent.user, sent.at)  # after a crash
        own = drafts.EDITED_BY if again else "" if sent.changed else drafts.SHARED_BY
        return _decided(connection, sent.suggestion_id, sent.user, own)
    if sent.changed:
        ledger.reword_suggestion(connection, row.id, said)
        votes.put_correction(connection, row.id, row.message_id, sent.user, without_marks(said), sent.at)
    intents.intend(connection, row.id, "post", row.channel, now)
    told = "You shared this in your words" if sent.changed else "You shared this"
    return f"{told}; it goes to the thread." if sent.private else None


def _answer(
    connection: Connection, judged: Judged | AskedToReword | Reworded, text: str | None, now: datetime
) -> None:
    if text is None:
        return
    whisper(
        connection,
        f"judged/{judged.suggestion_id}/{judged.user}/{judged.at.isoformat()}",
        channel=judged.channel,
        user=judged.user,
        about=About.TEXT,
        text=text,
        respond_to=judged.respond_to,
        replace=judged.private,
        now=now,
    )


# ---- why an answer did not help -----------------------------------------------------


async def on_objected(bot: Bot, work: Work, objected: Objected) -> None:
    """The reason of a 👎 goes with the vote; where only the moment was wrong, the source's trust comes back."""
    config, now = bot.config(), bot.clock.now()
    entries: list[str] = []
    channel: str | None = None

    def take(connection: Connection) -> None:
        nonlocal channel
        said = objected.suggestion_id, objected.user, objected.objection, objected.at
        if votes.put_objection(connection, *said):
            entries.extend(votes.entries_quoted(connection, objected.suggestion_id))
            channel = ledger.channel_of_suggestion(connection, objected.suggestion_id)
            by = objected.suggestion_id, objected.user
            rejections.gave_reason(connection, config, *by, objected.objection, now)
            text = f"Thank you. Noted: {objected.objection}."
        else:
            text = "Thank you. Your 👎 was taken back meanwhile, so there is nothing to note."
        whisper(
            connection,
            f"noted/{objected.suggestion_id}/{objected.user}/{objected.at.isoformat()}",
            channel=objected.channel,
            user=objected.user,
            about=About.TEXT,
            text=text,
            respond_to=objected.respond_to,
            replace=True,
            now=now,
        )

    await bot.database.run(take)
    await recount_trust(bot, entries, channel)
    await bot.database.run(lambda connection: inbox.finish(connection, work.id))


async def on_corrected(bot: Bot, work: Work, corrected: Corrected) -> None:
    """Keep the right answer that somebody gave, for the night to learn from; of somebody in charge it takes the place
    of ours."""
    config, now = bot.config(), bot.clock.now()
    channel = await bot.database.run(
        lambda connection: ledger.channel_of_suggestion(connection, corrected.suggestion_id)
    )
    known = () if channel is None else await told_of(bot.adapter_of(channel), corrected.user)

    def keep(connection: Connection) -> None:
        ledger.put_people(connection, known)
        row = ledger.suggestion_row(connection, corrected.suggestion_id)
        if row is not None and corrected.text.strip():
            number = votes.put_correction(
                connection, row.id, row.message_id, corrected.user, corrected.text.strip(), corrected.at
            )
            shown = updating.correct(connection, config, row, corrected, number, now)
            whisper(
                connection,
                f"thanks/{row.id}/{corrected.user}/{corrected.at.isoformat()}",
                channel=row.channel,
                reply_to=ledger.root_of(connection, row.message_id),
                user=corrected.user,
                about=About.TEXT,
                text=SHOWN_INSTEAD if shown else TOO_LATE if row.removed else KEPT,
                now=now,
            )
        inbox.finish(connection, work.id)

    await bot.database.run(keep)


async def on_correcting(bot: Bot, work: Work, correcting: Correcting) -> None:
    """Somebody opened the form for the right answer: ours waits for it."""
    config, now = bot.config(), bot.clock.now()

    def wait(connection: Connection) -> None:
        by = correcting.suggestion_id, correcting.user
        rejections.is_writing(connection, config, *by, now)
        inbox.finish(connection, work.id)

    await bot.database.run(wait)


# ---- why it spoke, or did not -----------------------------------------------------


async def on_asked_why(bot: Bot, work: Work, asked: AskedWhy) -> None:
    """Show the decision about a message (or the one behind our answer) to whoever asks."""
    now = bot.clock.now()

    def answer(connection: Connection) -> None:
        own = ledger.suggestion_by_post(connection, asked.message_id)
        own = own or answers.by_post(connection, asked.message_id)
        explanation = explained(
            connection, bot.config(), own.message_id if own is not None else asked.message_id
        )
        whisper(
            connection,
            f"asked/{asked.message_id}/{asked.user}/{asked.at.isoformat()}",
            channel=asked.channel,
            reply_to=asked.reply_to,
            user=asked.user,
            about=About.TEXT,
            text=UNHEARD if explanation is None else "\n".join(told(explanation)),
            respond_to=asked.respond_to,
            now=now,
        )
        inbox.finish(connection, work.id)

    await bot.database.run(answer)


def explained(connection: Connection, config: Config, message_id: str) -> Explanation | None:
    """The last decision about a message, with the sources that its channel may see; None if there is none."""
    row, message = ledger.last_decision(connection, message_id), ledger.message_row(connection, message_id)
    if row is None or message is None:
        return None
    channel = ledger.channel_of(connection, message.channel)
    allowed = audiences_for(place_of(connection, config, channel))
    considered = ledger.considered(row)
    known = store.entries_by_id(connection, considered)
    titles = [known[e].title for e in considered if e in known and known[e].audience in allowed]
    return Explanation(
        action=row.action,
        score=row.score,
        threshold=row.threshold,
        reasons=ledger.reason_lines(row),
        sources=titles[:MAX_SOURCES],
    )

"""I/O: what is shown to one person alone. Written down first and never repeated: at most one attempt each.

Runs in a transaction of its caller. A whisper's id says whom it is for and what about, so that it is kept once.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects.sqlite import insert

from bot import answers, drafts, ledger, votes
from bot.adapters.acts import Buttons, Whisper
from bot.answerer import Suggestion
from bot.intents import intend
from bot.tables import seconds, whispers


class About(StrEnum):
    """What a whisper is about: a text of its own, a suggestion (offered, or as a draft), or the reason of a 👎."""

    TEXT = "text"
    ANSWER = "answer"
    DRAFT = "draft"
    REASON = "reason"
    ADDRESSED = "addressed"  # an answer to somebody who spoke to us; `suggestion_id` is its id


_BUTTONS = {About.ANSWER: Buttons.FEEDBACK, About.DRAFT: Buttons.JUDGE, About.REASON: Buttons.REASONS}
_TEXTS = {
    About.ANSWER: "This may fit; I was not sure enough to say it to everybody.",
    About.DRAFT: "A draft: may I say this here? Only analysts see it.",
    About.REASON: "Thank you for telling. Why did it not help? Only you see this.",
}


def whisper(
    connection: Connection,
    whisper_id: str,
    *,
    channel: str,
    user: str,
    about: About,
    now: datetime,
    reply_to: str | None = None,
    suggestion_id: str | None = None,
    text: str | None = None,
    respond_to: str | None = None,
    replace: bool = False,
) -> bool:
    """Keep what is to be shown to ``user``, once; False if it was kept before. Fields as in ``Whisper``."""
    row = insert(whispers).values(
        id=whisper_id,
        channel=channel,
        reply_to=reply_to,
        user=user,
        about=about,
        suggestion_id=suggestion_id,
        text=text,
        respond_to=respond_to,
        replace=replace,
        at=seconds(now),
    )
    if connection.execute(row.on_conflict_do_nothing()).rowcount == 0:
        return False
    intend(connection, whisper_id, "whisper", channel, now)
    return True


def act_of(
    connection: Connection, whisper_id: str, now: datetime, stale_after: timedelta = timedelta.max
) -> Whisper | None:
    """What to show; None if what it is about is gone. ``stale_after``: from when on an answer says that it is late."""
    row = connection.execute(select(whispers).where(whispers.c.id == whisper_id)).first()
    if row is None:
        return None
    about = About(row.about)
    if about is About.ADDRESSED:
        return _addressed(connection, row, now, stale_after)
    if about is About.DRAFT and not drafts.is_open(connection, row.suggestion_id):
        return None
    if about is About.REASON and votes.votes_on(connection, row.suggestion_id).get(row.user) is not False:
        return None  # taken back before we could ask
    suggestion = _suggestion(connection, row.suggestion_id) if about in (About.ANSWER, About.DRAFT) else None
    if suggestion is None and about in (About.ANSWER, About.DRAFT):
        return None
    return Whisper(
        id=row.id,
        channel=row.channel,
        reply_to=row.reply_to,
        user=row.user,
        text=row.text or _TEXTS.get(about, ""),
        suggestion=suggestion,
        subject=row.suggestion_id or "",
        buttons=_BUTTONS.get(about, Buttons.NONE),
        respond_to=row.respond_to,
        replace=row.replace,
        now=now,
    )


def _addressed(
    connection: Connection, row: Row[Any], now: datetime, stale_after: timedelta
) -> Whisper | None:
    answer = answers.by_id(connection, row.suggestion_id)
    said = None if answer is None else answers.content_of(answer)
    if answer is None or said is None:
        return None
    return Whisper(
        id=row.id,
        channel=row.channel,
        reply_to=row.reply_to,
        user=row.user,
        text="",
        card=answers.with_lateness(said[0], answer, now, stale_after),
        suggestion=said[1],
        respond_to=row.respond_to,
        now=now,
    )


def _suggestion(connection: Connection, suggestion_id: str) -> Suggestion | None:
    row = ledger.suggestion_row(connection, suggestion_id)
    return None if row is None or row.content is None else ledger.suggestion_from(row.content)


def forget(connection: Connection, whisper_id: str) -> None:
    """It was shown, or never will be: that there was one stays known, what it said goes."""
    change = update(whispers).where(whispers.c.id == whisper_id).values(text=None, respond_to=None)
    connection.execute(change)
    about = select(whispers.c.about, whispers.c.suggestion_id).where(whispers.c.id == whisper_id)
    row = connection.execute(about).first()
    if row is not None and row.about == About.ADDRESSED:
        answers.forget(connection, row.suggestion_id)

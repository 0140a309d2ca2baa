"""What happens when somebody decides about a night, on a button of its report: gather, decide, act."""

from typing import Protocol

from sqlalchemy import Connection

from bot import cards, digests, drafts, inbox
from bot.adapters.events import Pressed
from bot.card import Verb
from bot.cards import Press
from bot.config import Config, is_listed
from bot.digest import Decision, told
from bot.handlers import Bot
from bot.inbox import Work
from bot.whispers import About, whisper

ONLY_ADMINS = "Only admins and owners (`admins` and `owners` in config.yaml) can decide about a night."
NO_NIGHT = "This Earshot has no nights to decide about."


class NightActions(Protocol):
    """What can be done about a night. Each returns a line for people, and does nothing when it was done before."""

    async def approve(self, bot: Bot, subject: str, by: str) -> str:
        """Let what waits take effect: all of a night (its date), or of one entry (its id)."""
        ...

    async def reject(self, bot: Bot, subject: str, by: str) -> str: ...

    async def revert_night(self, bot: Bot, date: str, by: str) -> str: ...

    async def still_true(self, bot: Bot, entry_id: str, holds: bool, by: str) -> str: ...

    async def settle_dispute(self, bot: Bot, first: str, second: str, keep: str, by: str) -> str:
        """``keep``: first, second or both."""
        ...


def is_admin(config: Config, user: str) -> bool:
    """Whether the person may decide what is known."""
    return is_listed(user, config.admins | config.owners)


async def on_pressed(bot: Bot, night: NightActions | None, work: Work, pressed: Pressed) -> None:
    """An admin decides, each thing once; every report of the night then says who did what."""

    def begin(connection: Connection) -> Press | None:
        refusal = ONLY_ADMINS if not is_admin(bot.config(), pressed.user) else None
        if night is None or refusal is not None:
            _answer(connection, bot, pressed, refusal or NO_NIGHT)
            inbox.finish(connection, work.id)
            return None
        cards.found(connection, pressed.night, pressed.user, pressed.channel, pressed.message_id)
        press = cards.press(connection, pressed.night, _press(pressed), pressed.at)
        if press.done:
            _answer(connection, bot, pressed, f"This was decided before: {_told(press)}.")
            digests.refresh(connection, pressed.night, bot.clock.now())
            inbox.finish(connection, work.id)
        return None if press.done else press

    press = await bot.database.run(begin)
    if press is None or night is None:
        return
    line = await _carry_out(bot, night, pressed)

    def end(connection: Connection) -> None:
        cards.press_done(connection, pressed.night, press.about)
        digests.refresh(connection, pressed.night, bot.clock.now())
        _answer(connection, bot, pressed, line)
        inbox.finish(connection, work.id)

    await bot.database.run(end)


_ABOUT = {
    Verb.APPROVE: "approval",
    Verb.REJECT: "approval",
    Verb.APPROVE_ALL: "all",
    Verb.REJECT_ALL: "all",
    Verb.REVERT: "revert",
    Verb.HOLDS: "still-true",
    Verb.RETIRE: "still-true",
    Verb.KEEP_FIRST: "dispute",
    Verb.KEEP_SECOND: "dispute",
    Verb.KEEP_BOTH: "dispute",
}


def _press(pressed: Pressed) -> Press:
    """What is decided: each entry, each pair, all that waits of a night, and whether it is taken back, once."""
    about = " ".join((_ABOUT[pressed.verb], *pressed.subjects))
    return Press(about=about, verb=pressed.verb, subjects=pressed.subjects, by=pressed.user, done=False)


def _told(press: Press) -> str:
    return told(Decision(verb=press.verb, by=drafts.called(press.by)))


async def _carry_out(bot: Bot, night: NightActions, pressed: Pressed) -> str:
    by, subjects = pressed.user, pressed.subjects
    match pressed.verb:
        case Verb.APPROVE:
            return await night.approve(bot, subjects[0], by)
        case Verb.REJECT:
            return await night.reject(bot, subjects[0], by)
        case Verb.APPROVE_ALL:
            return await night.approve(bot, pressed.night, by)
        case Verb.REJECT_ALL:
            return await night.reject(bot, pressed.night, by)
        case Verb.REVERT:
            return await night.revert_night(bot, pressed.night, by)
        case Verb.HOLDS | Verb.RETIRE:
            return await night.still_true(bot, subjects[0], pressed.verb is Verb.HOLDS, by)
        case Verb.KEEP_FIRST | Verb.KEEP_SECOND | Verb.KEEP_BOTH:
            keep = pressed.verb.removeprefix("keep ")
            return await night.settle_dispute(bot, subjects[0], subjects[1], keep, by)


def _answer(connection: Connection, bot: Bot, pressed: Pressed, text: str) -> None:
    """Tell the person alone."""
    whisper(
        connection,
        f"pressed/{pressed.night}/{pressed.verb}/{pressed.user}/{pressed.at.isoformat()}",
        channel=pressed.channel,
        user=pressed.user,
        about=About.TEXT,
        text=text,
        respond_to=pressed.respond_to,
        now=bot.clock.now(),
    )

"""What people tell Earshot about its manners: whether it is spoken to, told to be quiet, or asked back. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# Adapters write a mention of the bot as @earshot, whatever its id and name are on the platform.
NAME = "earshot"
_ME = re.compile(
    rf"<@{NAME}(?:\|[^>]*)?>|(?<![A-Za-z0-9_.@-])@{NAME}(?![A-Za-z0-9_-]|\.[A-Za-z0-9])", re.IGNORECASE
)
_NOT_WORDS = re.compile(r"[^\w\s]|_")


class Order(StrEnum):
    """What somebody orders in so many words."""

    MUTE = "mute"
    UNMUTE = "unmute"
    MUTE_CHANNEL = "mute channel"
    UNMUTE_CHANNEL = "unmute channel"
    OPT_OUT = "opt out"
    OPT_IN = "opt in"
    CLOSE = "close"


# Exact words: "@earshot mute the alarm, please" is a request, not an order to be quiet.
_ORDERS = {
    "mute": Order.MUTE,
    "be quiet": Order.MUTE,
    "安静": Order.MUTE,
    "静音": Order.MUTE,
    "unmute": Order.UNMUTE,
    "mute channel": Order.MUTE_CHANNEL,
    "静音频道": Order.MUTE_CHANNEL,
    "unmute channel": Order.UNMUTE_CHANNEL,
    "取消静音": Order.UNMUTE_CHANNEL,
    "optout": Order.OPT_OUT,
    "opt out": Order.OPT_OUT,
    "退出学习": Order.OPT_OUT,
    "optin": Order.OPT_IN,
    "opt in": Order.OPT_IN,
    "恢复学习": Order.OPT_IN,
    "close": Order.CLOSE,
    "关闭": Order.CLOSE,
}


def mentions_me(text: str) -> bool:
    """Whether the bot is mentioned: ``@earshot`` or ``<@earshot>``, in any case."""
    return _ME.search(text) is not None


def speaks_to_me(text: str) -> bool:
    """Whether it begins with the mention: then it is said to the bot, not to the people around."""
    found = _ME.search(text)
    return found is not None and not text[: found.start()].strip()


def without_me(text: str) -> str:
    """``text`` without mentions of the bot."""
    return _ME.sub(" ", text)


def order_in(text: str) -> Order | None:
    """The order that a message consists of, besides one mention of the bot and punctuation; None if it is none."""
    rest, mentions = _ME.subn(" ", text)
    return ordered(rest) if mentions == 1 else None


def ordered(words: str) -> Order | None:
    """The order that these words are, besides punctuation; None if they are none."""
    return _ORDERS.get(" ".join(_NOT_WORDS.sub(" ", words).casefold().split()))


def is_mute(reaction: str) -> bool:
    """Whether a reaction asks for silence: 🔇."""
    return reaction.strip(":").casefold() in ("mute", "🔇")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mute:
    """A standing wish about ``target``, a conversation or a channel.

    ``mutes`` False: a mention, which lifts the channel's mute for this conversation.
    """

    target: str
    by: str
    at: datetime
    mutes: bool = True


def muted(standing: Iterable[Mute], conversation: str, channel: str) -> str | None:
    """Why nothing may be said in the conversation; None if it is not muted.

    A conversation's own mute holds until it is lifted there. A channel's holds for all of its conversations but
    those in which the bot was mentioned since.
    """
    wishes = sorted(standing, key=lambda mute: (mute.at, mute.by))
    own = [mute for mute in wishes if mute.target == conversation]
    for mute in own:
        if mute.mutes:
            return f"{mute.by} muted this conversation at {mute.at:%Y-%m-%d %H:%M}"
    lifted = max((mute.at for mute in own), default=None)
    over_all = [mute for mute in wishes if mute.target == channel and mute.mutes]
    if over_all and (lifted is None or over_all[-1].at >= lifted):
        return f"{over_all[-1].by} muted the channel at {over_all[-1].at:%Y-%m-%d %H:%M}"
    return None

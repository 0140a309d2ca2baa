"""What people want of Earshot when they speak to it, read from their words: the command, a mention, a direct message.
Pure.

An order (bot/manners.py) changes something; the other wishes are only answered.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rapidfuzz import fuzz, process

from bot.manners import Order, ordered, without_me
from knowledge.cues import is_ack, is_chaser, is_question, is_thanks


class Verb(StrEnum):
    """What is wanted. ORDER: what ``Wish.order`` says. UNKNOWN: a command that there is not."""

    ASK = "ask"
    WHY = "why"
    SUMMARY = "summary"
    STATUS = "status"
    HELP = "help"
    SAVE = "save"  # a message as knowledge
    COURTESY = "courtesy"  # thanks, a greeting, an "ok"
    ORDER = "order"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """``rest``: the question, the message (link or id) that it is about, or for UNKNOWN all that was said."""

    verb: Verb
    rest: str = ""
    order: Order | None = None


# Exact words, as orders are: "@earshot status of the gate?" is a question.
_REQUESTS: Mapping[str, Verb] = {
    "help": Verb.HELP,
    "帮助": Verb.HELP,
    "summary": Verb.SUMMARY,
    "summarise": Verb.SUMMARY,
    "summarize": Verb.SUMMARY,
    "hand over": Verb.SUMMARY,
    "handover": Verb.SUMMARY,
    "总结": Verb.SUMMARY,
    "小结": Verb.SUMMARY,
    "status": Verb.STATUS,
    "状态": Verb.STATUS,
    "why": Verb.WHY,
    "为什么": Verb.WHY,
    "save": Verb.SAVE,
    "保存": Verb.SAVE,
}
_ASK = frozenset({"ask", "问", "提问"})
_POLITE = frozenset({"please", "pls", "请"})
_NOT_WORDS = re.compile(r"[^\w\s]|_")
# A link to a message, an adapter's whole id of one, or Lark's own, which people can name where there are no links.
_SUBJECT = re.compile(r"<?(?:https?://\S+?|(?:slack|lark|room):\S+?|om_\w+)>?")
_ABOUT = frozenset({Verb.WHY, Verb.SUMMARY, Verb.SAVE})
_ORDERS_ABOUT = frozenset({Order.MUTE, Order.UNMUTE, Order.CLOSE})
COMMANDS = (
    "ask",
    "why",
    "summary",
    "status",
    "mute",
    "unmute",
    "close",
    "optout",
    "optin",
    "help",
)
_ALIKE = 70  # of 100: below that it is another word, not a slip


def wish_in(said: str) -> Wish:
    """The wish of a mention or a direct message: a few exact words are requests or orders, all else is a question.

    Nothing but the mention asks for a summary: somebody calls Earshot to a thread.
    """
    words = without_me(said).strip()
    if not _plain(words):
        return Wish(verb=Verb.SUMMARY)
    if (order := ordered(words)) is not None:
        return Wish(verb=Verb.ORDER, order=order)
    head, rest = _split(words)
    if (verb := _REQUESTS.get(_plain(words))) is not None:
        return Wish(verb=verb)
    if _REQUESTS.get(_plain(head)) in _ABOUT and _SUBJECT.fullmatch(rest):
        return Wish(verb=_REQUESTS[_plain(head)], rest=rest.strip("<>"))
    if is_courtesy(words):
        return Wish(verb=Verb.COURTESY)
    if _plain(head) in _ASK and rest:
        return Wish(verb=Verb.ASK, rest=rest)
    return Wish(verb=Verb.ASK, rest=words)


def wish_of_direct(said: str) -> Wish:
    """The wish of a direct message: as of a mention, and orders may name the message that they are about."""
    head, rest = _split(without_me(said).strip())
    if (order := ordered(head)) in _ORDERS_ABOUT and _SUBJECT.fullmatch(rest):
        return Wish(verb=Verb.ORDER, order=order, rest=rest.strip("<>"))
    return wish_in(said)


def is_courtesy(words: str) -> bool:
    """Whether nothing is wanted: thanks, a greeting, an "ok". "Any news?" wants something."""
    return is_thanks(words) or (is_ack(words) and not is_chaser(words) and not is_question(words))


def wish_of_command(words: str) -> Wish:
    """The wish of the command's words: the first one says what, in any case."""
    head, rest = _split(words.strip())
    plain = _plain(head)
    if not plain:
        return Wish(verb=Verb.HELP)
    if plain in _ASK:
        return Wish(verb=Verb.ASK, rest=rest)
    if (order := ordered(words)) is not None:
        return Wish(verb=Verb.ORDER, order=order)
    if (order := ordered(head)) in _ORDERS_ABOUT and _SUBJECT.fullmatch(rest):
        return Wish(verb=Verb.ORDER, order=order, rest=rest.strip("<>"))
    if (verb := _REQUESTS.get(plain)) is not None and (not rest or _SUBJECT.fullmatch(rest)):
        return Wish(verb=verb, rest=rest.strip("<>"))
    if (verb := _REQUESTS.get(_plain(words))) is not None:
        return Wish(verb=verb)
    return Wish(verb=Verb.UNKNOWN, rest=words.strip())


def meant(words: str) -> str | None:
    """The command that somebody may have meant by words that are none; None if none is near."""
    head, _ = _split(words)
    found = process.extractOne(_plain(head), COMMANDS, scorer=fuzz.ratio, score_cutoff=_ALIKE)
    return None if found is None else str(found[0])


def _split(words: str) -> tuple[str, str]:
    head, _, rest = words.partition(" ")
    return head, rest.strip()


def _plain(words: str) -> str:
    """Without punctuation, case and "please": how words are compared."""
    said = _NOT_WORDS.sub(" ", words).casefold().split()
    return " ".join(word for word in said if word not in _POLITE)

"""Being addressed: who gets an answer, where it goes, and what is said when there is nothing to quote. Pure.

Who speaks to Earshot (a mention, a direct message, the command, a shortcut) always gets an answer: a cited one,
"I don't know" with the closest that there is, or a reason. PRECEDENCE says what comes before that.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from humanize import naturaldelta

from bot.answerer import MAX_QUERY, burst_after, query_of
from bot.card import Card, Group, Piece, Row, row, shortened
from bot.evidence import features_of
from bot.scorer import Scale
from bot.wishes import meant
from knowledge.entry import Hit, KnowledgeEntry, PassageKind
from knowledge.lexical import words
from knowledge.thread import Message, Thread

PER_HOUR = 20  # answers for one person; more is a loop, or somebody trying out what it gives away
# Who asks takes an answer that is right every other time, and sees its source; unasked that would be noise.
PRECISION = 0.5
CLOSEST = 3  # titles
NEAR_MEANING = 0.25  # least cosine above the model's floor at which a source is worth naming,
NEAR_WORDS = 0.4  # or least share of the question's words in it
VAGUE = 2  # words that mean something; a question of fewer is read together with what its thread is about
MAX_BEFORE = 600  # characters of the thread's opening
MAX_TITLE = 120
_REFERS = re.compile(
    r"\b(?:it|its|that|this|these|those|they|them|there|again|still|also|too|instead|otherwise|else)\b"
    r"|^\W*(?:and|but|so|then)\b|这|那|它|还是|另外",
    re.IGNORECASE,
)


class Way(StrEnum):
    """How somebody speaks to Earshot. FOLLOW_UP: untagged, right after it answered him."""

    MENTION = "mention"
    FOLLOW_UP = "follow-up"
    DIRECT = "direct message"
    COMMAND = "command"
    SHORTCUT = "shortcut"


class What(StrEnum):
    """What somebody who speaks to Earshot is given."""

    NOTHING = "nothing"
    NOT_HERE = "one fixed line"
    ENOUGH = "one line until the hour is over"
    ANSWER = "an answer"


class Where(StrEnum):
    NOWHERE = "nowhere"
    ALONE = "to who asked, alone"
    THREAD = "in the thread"


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Somebody speaks to Earshot. ``mode`` of the channel; ``asked_before``: how often he did within the last hour."""

    way: Way
    mode: str
    by_bot: bool = False
    external_blocked: bool = False
    asked_before: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """``why`` is the reason that is kept."""

    why: str
    holds: Callable[[Address], bool]
    what: What
    where: Where


# The first rule that holds decides. Not here because they do not hold an answer back: the dial, waiting for people,
# the budgets per thread and hour, quiet hours, the cool-down, a mute (a mention lifts it in its thread), stale_after.
PRECEDENCE: tuple[Rule, ...] = (
    Rule(why="a bot wrote it", holds=lambda a: a.by_bot, what=What.NOTHING, where=Where.NOWHERE),
    Rule(
        why="the channel is shared with another company and `external` is off",
        holds=lambda a: a.external_blocked,
        what=What.NOT_HERE,
        where=Where.ALONE,
    ),
    Rule(
        why=f"more than {PER_HOUR} answers within an hour",
        holds=lambda a: a.asked_before >= PER_HOUR,
        what=What.ENOUGH,
        where=Where.ALONE,
    ),
    Rule(
        why="a direct message is private",
        holds=lambda a: a.way is Way.DIRECT,
        what=What.ANSWER,
        where=Where.THREAD,
    ),
    Rule(
        why="the command and the shortcuts answer who used them",
        holds=lambda a: a.way in (Way.COMMAND, Way.SHORTCUT),
        what=What.ANSWER,
        where=Where.ALONE,
    ),
    Rule(
        why="the channel's mode is off", holds=lambda a: a.mode == "off", what=What.ANSWER, where=Where.ALONE
    ),
    Rule(
        why="the channel's mode is shadow",
        holds=lambda a: a.mode == "shadow",
        what=What.ANSWER,
        where=Where.ALONE,
    ),
    Rule(
        why="the channel's mode is draft: nothing is said to everybody that no analyst has seen",
        holds=lambda a: a.mode == "draft",
        what=What.ANSWER,
        where=Where.ALONE,
    ),
    Rule(why="asked by name", holds=lambda _: True, what=What.ANSWER, where=Where.THREAD),
)


def treatment(address: Address) -> Rule:
    """What somebody is given, and where."""
    return next(rule for rule in PRECEDENCE if rule.holds(address))


# ---- what is asked -----------------------------------------------------


def questions_of(thread: Thread, message: Message, asked: str) -> tuple[str, ...]:
    """What to look for, the first that finds an answer counts; ``asked`` is ``message`` without the mention.

    What stands alone is looked for alone: what was asked there before would only draw its own answer again. Who says
    "any idea?", or goes on with "and does it …", means what was said before, whoever opened the thread.
    """
    own = replace(message, text=asked)
    alone = "\n".join([asked, *burst_after(thread, message)])[:MAX_QUERY]
    if len(set(words(asked))) >= VAGUE and not _REFERS.search(asked):
        return (alone,)
    said = tuple(own if each.id == message.id else each for each in thread.messages)
    context = query_of(replace(thread, messages=said), own)
    opener = thread.opener
    if opener.user != message.user:
        context = f"{context}\n{opener.text[:MAX_BEFORE]}".strip()
    return (alone, context)


def score_of(question: str, hits: Sequence[Hit], scale: Scale, now: datetime) -> float:
    """The chance in [0, 1] that the best of ``hits`` answers: what is said unasked is scored by, but that he wants an
    answer is not in question."""
    if not hits:
        return 0.0
    asked = Message(id="asked", channel="", thread="asked", user="", at=now, text=question)
    alone = Thread(id="asked", channel="", messages=(asked,))
    return scale.score({**features_of(asked, alone, hits, now=now), "question": 1.0})


def closest(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are near enough to be named to somebody who got no answer."""
    near = [hit for hit in hits if hit.dense >= NEAR_MEANING or hit.coverage >= NEAR_WORDS]
    return near[:CLOSEST]


# ---- what is said -----------------------------------------------------

NOT_HERE = "I do not answer here: this channel is shared with another company, and I am not allowed to."
COURTESY = "Glad to help. Ask me a question, or say `help`."
HELP = (
    "I listen, and answer with sources when I can. To ask me, mention me in a channel or thread, write to me directly, "
    "or use the command:",
    "`/earshot ask How do I unlock the state?` – an answer for you alone",
    "`/earshot why LINK` – why I spoke, or did not, at that message",
    "`/earshot summary LINK`, or a bare `@Earshot` in a thread – a hand-over: problem, tried, state, waiting on whom",
    "`/earshot status` – open conversations here, and how I am set up",
    "`@Earshot mute` in a thread, `/earshot mute` for the channel (analysts and admins); `unmute` takes it back",
    "`@Earshot close` in a thread, or `/earshot close LINK` – it is over, and I may learn from it",
    "`/earshot optout` – I learn nothing from what you say; `optin` takes it back",
    "`/earshot help` – this",
)
# Where there is no command, messages do what it does.
HELP_BY_MESSAGE = (
    "I listen, and answer with sources when I can. To ask me, mention me in a group or topic, or write to me directly.",
    "`@Earshot summary`, or a bare `@Earshot`, in a topic – a hand-over: problem, tried, state, waiting on whom",
    "`@Earshot why` in a topic, or as a reply to a message – why I spoke, or did not; only you see it",
    "`@Earshot save` in a topic, or as a reply to a message – you get a form in which to keep it as knowledge",
    "`@Earshot status` – open conversations here, and how I am set up",
    "`@Earshot mute` in a topic, `@Earshot mute channel` for the group (analysts and admins); `unmute` takes it back",
    "`@Earshot close` in a topic – it is over, and I may learn from it",
    "`@Earshot optout` – I learn nothing from what you say; `optin` takes it back",
    "`@Earshot help` – this. To me directly say the same without `@Earshot`; behind `why`, `summary`, `save`, `mute`, "
    "`unmute` and `close` you can give the id of a message (`om_…`)",
)


def answer_card(*rows: Row) -> Card:
    return Card(title="", groups=(Group(heading="", rows=rows),))


def plain_card(*lines: str) -> Card:
    return answer_card(*(row(line) for line in lines))


def under(line: str, card: Card) -> Card:
    """``card`` with a line above it."""
    return answer_card(row(line), *(one for group in card.groups for one in group.rows))


def help_card(*, command: bool = True) -> Card:
    return plain_card(*(HELP if command else HELP_BY_MESSAGE))


def unknown_card(said: str) -> Card:
    """What is said to words that are no command: what they may have meant, and what there is."""
    near = meant(said)
    head, _, rest = said.partition(" ")
    guess = (
        f"Did you mean `/earshot {near}{f' {rest}' if rest else ''}`?"
        if near
        else f"To ask it: `/earshot ask {said}`"
    )
    return answer_card(
        row(f"I do not know the command `{shortened(head, 40)}`. {shortened(guess, 300)}"),
        *help_card().groups[0].rows,
    )


def enough_card(until: datetime) -> Card:
    return plain_card(f"You asked me {PER_HOUR} times within an hour. I answer you again from {until:%H:%M}.")


def late_line(asked_at: datetime, now: datetime) -> str:
    return f"This comes late: you asked {naturaldelta(now - asked_at)} ago."


def is_late(asked_at: datetime, now: datetime, stale_after: timedelta) -> bool:
    return now - asked_at > stale_after


def unknown_answer(near: Sequence[Hit], *, said_before: bool, failed: str | None = None) -> Card:
    """ "I don't know", with what is nearest, as titles and links: never as a claim."""
    rest = "nothing more than what I said here" if said_before else "nothing that is close to it"
    head = f"I cannot write an answer now: {failed}." if failed else "I don't know."
    if not near:
        return plain_card(f"{head} I have {rest}." if not failed else head)
    return answer_card(row(f"{head} The closest I have is:"), *(_named(hit.entry) for hit in near))


def _named(entry: KnowledgeEntry) -> Row:
    link = link_of(entry)
    title = Piece(text=shortened(entry.title, MAX_TITLE), link=link)
    return row("• ", title) if link else row("• ", title, f" ({entry.origin})")


def link_of(entry: KnowledgeEntry) -> str | None:
    """Where an entry can be read: its solution, else its problem."""
    parts = (*entry.of(PassageKind.SOLUTION), *entry.of(PassageKind.PROBLEM))
    return next((passage.link for passage in parts if passage.link), None)


def person_card(reason: str, owners: Sequence[str]) -> Card:
    """What is left to a person. ``owners``: whole ids of those whom config.yaml names."""
    head = f"A person should answer this: {reason}."
    if not owners:
        return plain_card(head)
    asked = [piece for owner in owners for piece in (Piece(person=owner), Piece(text=" "))][:-1]
    return answer_card(row(f"{head} Please look at it: ", *asked))

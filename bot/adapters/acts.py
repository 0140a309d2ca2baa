"""What can be done on a chat platform, what comes of it, and how it fails."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.answerer import Suggestion
from bot.card import Card


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """Say ``suggestion`` in the thread of ``reply_to`` (a message id). ``id`` is opaque and makes it findable.

    ``lead``: what is said before it, in words of our own. ``part`` ``of``: it is one of several messages that say the
    same answer; the last has the sources and the buttons.
    """

    id: str
    channel: str
    reply_to: str
    suggestion: Suggestion
    now: datetime
    lead: str = ""
    part: int = 1
    of: int = 1

    @property
    def mark(self) -> str:
        """What this message is found by."""
        return self.id if self.part == 1 else f"{self.id}/{self.part}"

    @property
    def is_last(self) -> bool:
        return self.part == self.of


@dataclass(frozen=True, kw_only=True, slots=True)
class Say:
    """Say ``card``, in words of our own, in the thread of ``reply_to``, as a Post is said."""

    id: str
    channel: str
    reply_to: str
    card: Card
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Think:
    """Show at a message (in the thread of ``reply_to``) that we are working on an answer, or no longer (``on`` False).

    Repeating it changes nothing; where the platform cannot, nothing is shown.
    """

    channel: str
    message_id: str
    reply_to: str
    on: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Delete:
    """Take back our own message."""

    channel: str
    message_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a draft is about. ``user``: as texts name people, ``@U0123ABCD``."""

    channel: str
    user: str
    text: str
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """Put ``suggestion`` before the analysts in ``channel`` (or before one person), to share or to dismiss.

    ``id`` makes it findable, as that of a Post, among what was said there since ``opened_at``.
    """

    id: str
    channel: str
    question: Question
    suggestion: Suggestion
    opened_at: datetime
    now: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """Put one line, with a link to the question, in place of our own message. Repeating it changes nothing."""

    channel: str
    message_id: str
    text: str
    link: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Revise:
    """Put what we say now in place of our own answer (the Post called ``id``), where it stands, below ``note``.

    Its buttons stay. None as ``suggestion``: only the note is left. ``corrected``: it is what a person wrote in place
    of ours, which the note says. Repeating it changes nothing; ActRefused where it is gone, or cannot be changed.
    """

    id: str
    channel: str
    message_id: str
    suggestion: Suggestion | None
    note: str
    now: datetime
    corrected: bool = False


CLIP = "paperclip"  # the reaction that offers what is not sure enough to be said


@dataclass(frozen=True, kw_only=True, slots=True)
class React:
    """Put a reaction on somebody's message. Repeating it changes nothing."""

    channel: str
    message_id: str
    name: str


class Buttons(StrEnum):
    """What can be pressed under a whisper."""

    NONE = "none"
    FEEDBACK = "feedback"  # 👍 and 👎
    JUDGE = "judge"  # Share, Edit (where the platform has forms for it) and Dismiss
    REASONS = "reasons"  # each Objection, and the right answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Whisper:
    """Show something to ``user`` alone, in the thread of ``reply_to`` (None: in the channel); never repeated.

    ``subject``: the suggestion that the buttons are about. ``respond_to``: an address that a click of this person
    came with; with ``replace`` the clicked message, shown to him alone, gives way to this one. ``card``: said before
    the suggestion, in place of ``text``.
    """

    id: str
    channel: str
    reply_to: str | None
    user: str
    text: str
    now: datetime
    suggestion: Suggestion | None = None
    subject: str = ""
    buttons: Buttons = Buttons.NONE
    respond_to: str | None = None
    replace: bool = False
    card: Card | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Show:
    """Put ``card`` into ``channel`` (or before one person), or in the place of our own ``message_id``.

    ``id`` makes it findable, as that of a Draft.
    """

    id: str
    channel: str
    card: Card
    opened_at: datetime
    message_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SaveForm:
    """The form in which something is kept as knowledge, as it is filled in before a person changes it.

    ``may_be_everywhere``: it may be for the whole workspace; else it stays in its channel. The sources are the
    messages that the parts were filled in from.
    """

    message_id: str
    channel: str
    title: str
    problem: str
    solution: str
    may_be_everywhere: bool
    problem_sources: tuple[str, ...] = ()
    solution_sources: tuple[str, ...] = ()
    respond_to: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """Open a form for ``user``, who asked for it, with the ``trigger`` that came with it. It is not repeated.

    He alone sees it; whether he may read what it holds was looked at before.
    """

    channel: str
    user: str
    form: SaveForm
    trigger: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Home:
    """Put ``card`` on our own page, as ``user`` sees it. Repeating it changes nothing."""

    user: str
    card: Card

    @property
    def channel(self) -> str:
        """Where it is: with him."""
        return self.user


Act = Post | Say | Think | Delete | Draft | Edit | Revise | React | Whisper | Show | Ask | Home


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """The platform's id of what was posted (qualified)."""

    message_id: str


class ActRefused(Exception):
    """The platform said no, and asking again would not help (not in the channel, archived, no permission)."""


class ActPostponed(Exception):
    """The platform asks to wait ``seconds`` (rate limit). Nothing took effect."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"asked to wait {seconds:g} s")
        self.seconds = seconds


class ActUncertain(Exception):
    """The connection broke, or the platform failed: it may or may not have taken effect. Read back first."""

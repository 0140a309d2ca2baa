"""What a week in a channel came to, in one line. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.card import Card, Group, Piece, row

BEGINS, ENDS = time(9), time(18)  # of a Monday, local: when people read it
MOST_REASONS = 2
MOST_LINKS = 3

# Why it said nothing to a question, for people. Other reasons are about messages that asked it nothing.
REASONS: Mapping[str, str] = {
    "person helps": "people were helping",
    "solved": "it was solved",
    "nothing known": "nothing that I know fits",
    "not sure enough": "I was not sure enough",
    "no grounded answer": "no source says what could be said",
    "a person should": "a person should answer it",
    "rejected": "an answer had been rejected there",
    "thread budget": "I had said enough there",
    "hour budget": "I had said enough in that hour",
    "cool-down": "an answer had been rejected shortly before",
    "quiet hours": "of quiet hours",
    "muted": "I was muted",
    "stale": "I was not running",
}
UNABLE = frozenset({"nothing known", "not sure enough", "no grounded answer"})


@dataclass(frozen=True, kw_only=True, slots=True)
class WeekCounts:
    """A week in one channel. ``silent``: questions to which nothing was said, by the name of the reason.

    ``unanswered``: links to those that it could not answer, newest first.
    """

    heard: int = 0
    helped: int = 0
    silent: Mapping[str, int] = field(default_factory=dict)
    unanswered: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Week:
    """The seven days before a Monday. ``name`` is that of the ISO week: ``2026-W47``."""

    name: str
    begins: datetime
    ends: datetime


def week_to_tell(now: datetime, zone: ZoneInfo) -> Week | None:
    """The week that ended, while it is to be told: on Monday, in working hours; else None."""
    local = now.astimezone(zone)
    if local.weekday() != 0 or not BEGINS <= local.time() < ENDS:
        return None
    return week_before(local.date(), zone)


def week_before(monday: date, zone: ZoneInfo) -> Week:
    first = monday - timedelta(days=7)
    year, number, _ = first.isocalendar()
    midnight = [datetime.combine(day, time(), zone) for day in (first, monday)]
    return Week(name=f"{year}-W{number:02d}", begins=midnight[0], ends=midnight[1])


def week_called(name: str, zone: ZoneInfo) -> Week:
    """The week of a name that ``week_before`` gave."""
    year, _, number = name.partition("-W")
    return week_before(date.fromisocalendar(int(year), int(number), 1) + timedelta(days=7), zone)


def is_worth_a_line(counts: WeekCounts) -> bool:
    """Whether it replied, or could have."""
    return counts.helped > 0 or any(name in REASONS for name in counts.silent)


def weekly_line(counts: WeekCounts) -> str:
    """``Last week I heard 120 messages here and helped with 5 questions. …``"""
    questions = "question" if counts.helped == 1 else "questions"
    messages = "message" if counts.heard == 1 else "messages"
    said = f"Last week I heard {counts.heard} {messages} here and helped with {counts.helped} {questions}."
    kept = sorted(
        ((number, REASONS[name]) for name, number in counts.silent.items() if name in REASONS),
        key=lambda item: (-item[0], item[1]),
    )
    why = ", ".join(f"{number} times because {reason}" for number, reason in kept[:MOST_REASONS])
    return said + (f" I stayed silent {why}." if why else "").replace(" 1 times", " once")


def weekly_card(counts: WeekCounts) -> Card:
    """The line, with links to what it could not answer."""
    links = [
        Piece(text=str(number), link=link) for number, link in enumerate(counts.unanswered[:MOST_LINKS], 1)
    ]
    pieces: list[Piece | str] = [weekly_line(counts)]
    if links:
        parted = [part for link in links for part in (Piece(text=" "), link)]
        pieces += [" I could not answer:", *parted]
    return Card(title="", groups=(Group(heading="", rows=(row(*pieces),)),))

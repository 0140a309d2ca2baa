"""What somebody reads on Earshot's own page: what it is, where it listens, what waits; more for who is in charge. Pure.

Everything here was found to be for his eyes already (bot/homes.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from humanize import naturaldelta

from bot.adapters.adapter import LinkState
from bot.card import HOME, Button, Card, Group, Piece, Row, row, shortened
from bot.manners import Order
from bot.report import NightReport
from bot.status import OpenOne, open_row
from knowledge.entry import EntryKind

MAX_TEXT = 100  # characters of a question or a title
MOST_PLACES, MOST_TICKETS, MOST_DRAFTS, MOST_SETTINGS = 20, 20, 10, 12  # rows of a kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """A channel that the reader and Earshot are both in. ``silent``: why nothing is said there, whatever its mode."""

    channel: str
    mode: str
    silent: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenDraft:
    """A draft that nobody decided about: the question, its link, the channel that it was asked in, and since when."""

    question: str
    link: str | None
    channel: str
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Used:
    """An entry that answers quoted so often."""

    title: str
    link: str | None
    times: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """What analysts have to do, oldest first, and what is known: entries by kind, those of last night, the most used.

    ``open_ones`` are the first of ``open_count``, each with its channel; ``drafts`` those of ``draft_count``.
    """

    open_ones: Sequence[tuple[str, OpenOne]] = ()
    open_count: int = 0
    drafts: Sequence[OpenDraft] = ()
    draft_count: int = 0
    known: Mapping[str, int] | None = None
    learnt: int = 0
    used: Sequence[Used] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What holds in a channel. ``own``: config.yaml says something for it alone. ``muted``: all of it is.

    ``drifted``: its replies are drafts for now, because it is not as it was.
    """

    channel: str
    mode: str
    precision: float
    max_per_thread: int
    max_per_hour: int
    quiet_hours: str | None
    own: bool
    muted: bool
    drifted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """How it runs, for admins. ``unseen``: channels whose settings are not told here. ``waiting``: entries that wait
    for approval; ``reports``: where the report of a night goes, as config.yaml says it.
    """

    settings: Sequence[Settings] = ()
    unseen: int = 0
    links: Sequence[LinkState] = ()
    night: NightReport | None = None
    reverted: bool = False
    set_aside: int = 0
    waiting: int = 0
    reports: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """All that one reader sees. ``asked``: his open questions, the first of ``asked_count``; so with ``places``."""

    opted_out: bool
    places: Sequence[Common] = ()
    place_count: int = 0
    asked: Sequence[OpenOne] = ()
    asked_count: int = 0
    desk: Desk | None = None
    running: Running | None = None


WHAT_IT_IS = (
    "I listen to the support channels that I was invited to, and answer in the thread when a question was answered "
    "before or stands in your documents, always with my sources.",
    "I stay silent when I have nothing to add, or when a person is helping. Thumbs under my answers teach me.",
)
HOW_TO = (
    "`/earshot ask QUESTION` asks me, `/earshot help` lists the rest. `@Earshot mute` or 🔇 in a thread quiets me "
    "there."
)


def home_card(seen: Seen, now: datetime, zone: tzinfo) -> Card:
    """The page. ``zone``: of the times that it tells."""
    groups = [
        Group(heading="", rows=(*map(row, WHAT_IT_IS), row(HOW_TO))),
        _places(seen),
        _you(seen),
        _asked(seen, now, zone),
        *(_desk(seen.desk, now, zone) if seen.desk is not None else ()),
        *(_running(seen.running, now) if seen.running is not None else ()),
    ]
    return Card(title="Earshot", groups=tuple(group for group in groups if group.rows or group.hidden))


# ---- for everybody ---------------------------------------------------------------------------------------------

_MODES = {
    "off": "I take no part",
    "shadow": "I listen and say nothing",
    "draft": "analysts see first what I would say",
    "reply": "I answer",
}


def _places(seen: Seen) -> Group:
    rows = tuple(row("• ", Piece(channel=place.channel), f" – {_said_of(place)}") for place in seen.places)
    return _group(
        "Where we both are",
        rows or (row("In no channel yet. Invite me with `/invite @Earshot`."),),
        seen.place_count,
    )


def _said_of(place: Common) -> str:
    return place.silent or _MODES[place.mode]


def _you(seen: Seen) -> Group:
    if seen.opted_out:
        told, order, label = "I learn nothing from what you say.", Order.OPT_IN, "Let me learn again"
    else:
        told = "I may learn from threads that you take part in, once they are closed."
        order, label = Order.OPT_OUT, "Learn nothing from me"
    return Group(heading="You", rows=(row(told, buttons=(Button(verb=order, label=label, night=HOME),)),))


def _asked(seen: Seen, now: datetime, zone: tzinfo) -> Group:
    rows = tuple(open_row(one, now, zone) for one in seen.asked)
    return _group("Your open questions", rows, seen.asked_count)


def _group(heading: str, rows: tuple[Row, ...], count: int) -> Group:
    return Group(heading=heading, rows=rows, hidden=max(count - len(rows), 0))


# ---- for analysts ----------------------------------------------------------------------------------------------


def _desk(desk: Desk, now: datetime, zone: tzinfo) -> Iterator[Group]:
    waiting = tuple(_ticket(channel, one, now, zone) for channel, one in desk.open_ones)
    yield _group(f"Open in your channels: {desk.open_count}, the oldest first", waiting, desk.open_count)
    drafts = tuple(_draft(draft, now) for draft in desk.drafts)
    yield _group(f"Drafts that wait for an analyst: {desk.draft_count}", drafts, desk.draft_count)
    yield Group(heading="What I know, as far as you may see it", rows=tuple(_known(desk)))


def _ticket(channel: str, one: OpenOne, now: datetime, zone: tzinfo) -> Row:
    (told,) = open_row(one, now, zone).columns
    return row(*told, " in ", Piece(channel=channel))


def _draft(draft: OpenDraft, now: datetime) -> Row:
    asked = Piece(text=shortened(draft.question, MAX_TEXT) or "a question", link=draft.link)
    return row("• ", asked, f" – {naturaldelta(now - draft.since)} ago in ", Piece(channel=draft.channel))


_KINDS = {
    EntryKind.THREAD: ("closed thread", "closed threads"),
    EntryKind.DOCUMENT: ("piece of a document", "pieces of documents"),
    EntryKind.FAQ: ("listed question", "listed questions"),
    EntryKind.NOTE: ("note", "notes"),
}


def _known(desk: Desk) -> Iterator[Row]:
    counted = desk.known or {}
    kinds = [_count(counted[kind], *names) for kind, names in _KINDS.items() if counted.get(kind)]
    yield row(
        ", ".join(kinds) or "Nothing yet", f"; {_count(desk.learnt, 'entry', 'entries')} new last night"
    )
    if desk.used:
        yield row("Quoted most within the last week:")
    for one in desk.used:
        title = Piece(text=shortened(one.title, MAX_TEXT), link=one.link)
        yield row("• ", title, f" – {_count(one.times, 'time', 'times')}")


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


# ---- for admins ------------------------------------------------------------------------------------------------


def _running(running: Running, now: datetime) -> Iterator[Group]:
    shown = running.settings[:MOST_SETTINGS]
    rows = tuple(_settings(one) for one in shown)
    hidden = len(running.settings) - len(shown) + running.unseen
    where = "they stand in config.yaml, too"
    yield Group(heading="Settings, as config.yaml has them", rows=rows, hidden=hidden, where=where)
    yield Group(heading="How I run", rows=tuple(row(line) for line in _lines(running, now)))


def _settings(one: Settings) -> Row:
    order, label = (Order.UNMUTE_CHANNEL, "Unmute") if one.muted else (Order.MUTE_CHANNEL, "Mute")
    told = [
        f"mode {one.mode}" + (" (drafts for now: it is not as it was)" if one.drifted else ""),
        f"precision {one.precision:g}",
        f"at most {one.max_per_thread} a thread and {one.max_per_hour} an hour",
        f"quiet {one.quiet_hours}" if one.quiet_hours else "no quiet hours",
        *(["its own settings"] if one.own else []),
        *(["muted"] if one.muted else []),
    ]
    button = Button(verb=order, label=label, night=HOME, subjects=(one.channel,))
    return row(Piece(channel=one.channel), f" – {', '.join(told)}", buttons=(button,))


def _lines(running: Running, now: datetime) -> Iterator[str]:
    yield from (_link(link, now) for link in running.links)
    yield _night(running)
    if running.waiting:
        told = _count(running.waiting, "entry waits", "entries wait")
        yield f"{told} for approval, in the report of the night: {_reports(running.reports)}"
    if running.set_aside:
        yield f"{_count(running.set_aside, 'event was', 'events were')} set aside: see `earshot doctor`"
    yield "To change a setting, edit config.yaml: it counts at once, and an edit with a mistake in it is refused"


def _link(link: LinkState, now: datetime) -> str:
    heard = "" if link.heard_at is None else f", last heard {naturaldelta(now - link.heard_at)} ago"
    if link.connected:
        return f"{link.name}: connected{heard}"
    return f"{link.name}: not connected{f' ({link.why})' if link.why else ''}{heard}"


def _night(running: Running) -> str:
    night = running.night
    if night is None:
        return "No night has ended yet"
    changed = f"{night.added} added, {night.merged} merged, {night.retired} retired"
    told = f"Night of {night.date}: {_count(night.threads, 'thread', 'threads')} read, {changed}"
    return f"{told}; it was taken back" if running.reverted else told


def _reports(places: Iterable[str]) -> str:
    return ", ".join(places) or "nobody gets it: name `admins` or `night.digest_to`"

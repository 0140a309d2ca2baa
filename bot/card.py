"""What is shown beside answers: rows of words, links and buttons, for whatever platform. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.manners import Order


class Verb(StrEnum):
    """What a button of a card asks for."""

    APPROVE = "approve"
    REJECT = "reject"
    APPROVE_ALL = "approve all"
    REJECT_ALL = "reject all"
    REVERT = "revert"
    HOLDS = "holds"
    RETIRE = "retire"
    KEEP_FIRST = "keep first"
    KEEP_SECOND = "keep second"
    KEEP_BOTH = "keep both"


HOME = "home"


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Some words: with a link behind them, in bold, or standing for a ``channel``, which the platform names.

    ``person``: the whole id of somebody who is called, so that he notices; only whom config.yaml names may be.
    """

    text: str = ""
    link: str | None = None
    bold: bool = False
    channel: str | None = None
    person: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """``night`` and ``subjects`` (ids) say what a press is about. ``confirm``: what is asked first, if anything.

    An order is about no night: then it is HOME, which is where such buttons stand.
    """

    verb: Verb | Order
    label: str
    night: str
    subjects: tuple[str, ...] = ()
    main: bool = False
    confirm: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One thing, in one column or in two that stand side by side, and what can be done about it."""

    columns: tuple[tuple[Piece, ...], ...]
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Rows of one kind. ``hidden`` more are not shown; ``where`` says how to see them."""

    heading: str
    rows: tuple[Row, ...]
    hidden: int = 0
    where: str = ""

    @property
    def rest(self) -> str:
        """What stands in place of the rows that are not shown; empty if all are."""
        more = f"and {self.hidden} more" if self.rows else f"{self.hidden} not shown here"
        return (f"{more}: {self.where}" if self.where else more) if self.hidden else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    title: str
    groups: tuple[Group, ...] = ()
    buttons: tuple[Button, ...] = ()


def row(*pieces: Piece | str, buttons: tuple[Button, ...] = ()) -> Row:
    """A row of one column."""
    return Row(columns=(words(*pieces),), buttons=buttons)


def words(*pieces: Piece | str) -> tuple[Piece, ...]:
    return tuple(Piece(text=piece) if isinstance(piece, str) else piece for piece in pieces)


def shortened(text: str, most: int) -> str:
    """``text`` on one line of at most ``most`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def fitted(card: Card, fits: Callable[[Card], bool]) -> Card:
    """``card`` as a platform takes it: the longest group gives its last rows up until ``fits`` says that it does."""
    while not fits(card) and any(group.rows for group in card.groups):
        card = _without_a_row(card)
    return card


def _without_a_row(card: Card) -> Card:
    longest = max(range(len(card.groups)), key=lambda place: len(card.groups[place].rows))
    group = card.groups[longest]
    shorter = replace(group, rows=group.rows[:-1], hidden=group.hidden + 1)
    return replace(card, groups=(*card.groups[:longest], shorter, *card.groups[longest + 1 :]))


def lines_in(card: Card) -> list[str]:
    """A card as plain lines, links behind their words (terminals, `earshot replay`)."""
    rows = [one for group in card.groups for one in group.rows]
    return ["".join(_plain(piece) for column in one.columns for piece in column) for one in rows]


def _plain(piece: Piece) -> str:
    said = piece.text or piece.channel or piece.person or ""
    return f"{said} <{piece.link}>" if piece.link and piece.link != said else said


def texts_in(card: Card) -> Iterator[str]:
    """The words of a card, which may name people."""
    yield card.title
    for group in card.groups:
        yield group.heading
        for one in group.rows:
            yield from (piece.text for column in one.columns for piece in column)

"""How things stand in a channel, for who asks: open conversations, and how Earshot is set up there. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from bot.addressed import answer_card
from bot.card import Card, Piece, Row, row, shortened
from bot.scorer import Policy
from bot.summary import Waiting, state_in_words, waiting_pieces
from bot.tickets import TicketState

MOST = 5  # conversations that are named
MAX_PROBLEM = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenOne:
    """An open conversation: what it is about, how far it is, whom it waits for."""

    problem: str
    link: str | None
    state: TicketState
    waiting: Waiting | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """``open_ones``: the latest of ``open_count``. ``muted``: why the channel is. ``spoken``: replies within the hour.

    ``own``: these are the conversations of who asks, wherever they are, not those of a channel.
    """

    policy: Policy
    open_ones: Sequence[OpenOne]
    open_count: int
    muted: str | None = None
    spoken: int = 0
    own: bool = False


def status_card(standing: Standing, now: datetime, zone: tzinfo) -> Card:
    """What is said of it."""
    whose = "of yours" if standing.own else "here"
    head = f"{_count(standing.open_count)} {whose}" + (":" if standing.open_ones else ".")
    rows = [row(Piece(text=head, bold=True)), *(open_row(one, now, zone) for one in standing.open_ones)]
    more = standing.open_count - len(standing.open_ones)
    rows += [row(f"and {more} more")] if more > 0 else []
    return answer_card(*rows, *(() if standing.own else _setup(standing)))


def _count(count: int) -> str:
    return f"{count or 'No'} open conversation{'' if count == 1 else 's'}"


def open_row(one: OpenOne, now: datetime, zone: tzinfo) -> Row:
    """One line about a conversation: its problem, how far it is, whom it waits for since when."""
    problem = Piece(text=shortened(one.problem, MAX_PROBLEM), link=one.link)
    about = [Piece(text="• "), problem, Piece(text=f" – {state_in_words(one.state)}")]
    if one.waiting is not None:
        about += [Piece(text="; waiting on "), *waiting_pieces(one.waiting, now, zone)]
    return row(*about)


def _setup(standing: Standing) -> list[Row]:
    policy = standing.policy
    left = max(policy.max_per_hour - standing.spoken, 0)
    lines = [
        f"Mode {policy.mode}" + (" (replies are drafts for now)" if policy.drifted else ""),
        f"Muted: {standing.muted}" if standing.muted else "Not muted",
        *(["Quiet hours now"] if policy.quiet_now else []),
        *([f"Dial: {policy.dial}"] if policy.dial else []),
        f"Unasked replies left within this hour: {left} of {policy.max_per_hour}",
    ]
    return [row(line) for line in lines]

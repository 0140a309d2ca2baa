"""The hand-over of a conversation, in the words of those who were there. Pure.

Problem, errors, what was tried, state, waiting on whom, links: each line leads to its message.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from humanize import naturaldelta

from bot.card import Piece, Row, row, shortened
from bot.manners import speaks_to_me, without_me
from bot.tickets import Ticket, TicketState
from knowledge.cues import (
    error_codes,
    is_ack,
    is_deferral,
    is_problem_report,
    is_question,
    is_still_broken,
    is_substantive,
)
from knowledge.sentences import sentences
from knowledge.thread import Message, Role, Thread

MAX_LINES = 12
MAX_SENTENCE = 180  # characters
MAX_ERROR = 140
ERRORS, TRIED, LINKS = 2, 3, 2  # lines of each kind
_LINK = re.compile(r"https?://[^\s<>|)\]]+[^\s<>|)\].,;:!?'\"]")
_TRIED = re.compile(
    r"\b(?:i|we)(?:'ve| have)?(?: already| also)* tried\b|\b(?:did(?:n't| not)|does(?:n't| not)) (?:help|work|change)\b"
    r"|试过|没用|不管用",
    re.IGNORECASE,
)
_ERROR_LINE = re.compile(
    r"error|exception|fatal|panic|failed|traceback|\b[A-Z]{2,6}-\d{3,5}\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """``on``: whom everybody waits for (None: anybody who can help), since the message ``since``."""

    on: str | None
    since: Message


@dataclass(frozen=True, kw_only=True, slots=True)
class HandOver:
    """What to say, and the ids of the messages that it quotes."""

    rows: tuple[Row, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Line:
    label: str
    text: str
    message: Message


def hand_over(thread: Thread, ticket: Ticket, now: datetime, zone: tzinfo) -> HandOver:
    """The hand-over of ``thread`` as it is ``now``, at most MAX_LINES; ``zone``: of the times that it tells."""
    said = _told(thread)
    asker = ticket.asker
    lines = [_problem(said[0]), *_errors(said), *_tried(said, asker), *_suggested(said, asker)]
    links = list(_links(said))[:LINKS]
    state = _state(ticket, said, now, zone)
    rows = [*(_row(line) for line in lines), *state, *(_row(line) for line in links)][:MAX_LINES]
    sources = dict.fromkeys(line.message.id for line in (*lines, *links))
    return HandOver(rows=tuple(rows), sources=tuple(sources))


def waiting(thread: Thread, ticket: Ticket) -> Waiting | None:
    """Whom the conversation waits for; None once it is over."""
    if ticket.ended:
        return None
    said = _told(thread)
    words = [m for m in said if not is_ack(m.text)] or [said[0]]
    last = words[-1]
    others = [m.user for m in said if m.user != ticket.asker]
    if last.user == ticket.asker:
        return Waiting(on=others[-1] if others else None, since=_first_of_run(words))
    # "I'll look into it" leaves it with who says so; whatever else he says, the asker's word is next.
    return Waiting(on=last.user if is_deferral(last.text) else ticket.asker, since=last)


def problem_of(thread: Thread) -> str:
    """The sentence that says what a conversation is about."""
    return _problem(_told(thread)[0]).text


def _first_of_run(said: Sequence[Message]) -> Message:
    """The first of the last messages that one person said in a row."""
    run = [said[-1]]
    for message in reversed(said[:-1]):
        if message.user != run[-1].user:
            break
        run.append(message)
    return run[-1]


def _told(thread: Thread) -> list[Message]:
    """What people said to each other: without bots and without what was said to us; never empty."""
    opener = thread.opener
    kept = [m for m in thread.messages if m.role is not Role.BOT and not speaks_to_me(m.text)]
    said = kept if opener in kept else [opener, *kept]
    return [replace(m, text=without_me(m.text).strip()) for m in said]


def _row(line: _Line) -> Row:
    label = Piece(text=f"{line.label}: ", bold=True)
    link = Piece(text="link", link=line.message.link)
    return row(label, line.text, *((" (", link, ")") if line.message.link else ()))


def _problem(opener: Message) -> _Line:
    told = _sentences(opener.text)
    best = next((s for s in told if is_problem_report(s)), None) or next(
        (s for s in told if is_question(s)), None
    )
    text = best or (told[0] if told else opener.text)
    return _Line(label="Problem", text=shortened(text, MAX_SENTENCE), message=opener)


def _errors(said: Sequence[Message]) -> list[_Line]:
    """The lines in which errors are quoted, each code once, the problem's sentence aside."""
    found: list[_Line] = []
    seen: set[str] = set()
    for message in said:
        for line in message.text.splitlines():
            codes = error_codes(line)
            if codes and not codes <= seen and _ERROR_LINE.search(line):
                seen |= codes
                found.append(
                    _Line(label="Error", text=shortened(line.strip("` "), MAX_ERROR), message=message)
                )
    problem = _problem(said[0]).text
    return [line for line in found if line.text not in problem and problem not in line.text][:ERRORS]


def _tried(said: Sequence[Message], asker: str) -> list[_Line]:
    """What did not help: what the asker says that he tried, and what others said before he was still stuck."""
    tried: list[_Line] = []
    for place, message in enumerate(said):
        if message.user != asker:
            continue
        own = next((s for s in _sentences(message.text) if _TRIED.search(s)), None)
        if own is not None:
            tried.append(_Line(label="Tried", text=shortened(own, MAX_SENTENCE), message=message))
        if is_still_broken(message.text) and (advice := _advice(said[:place], asker)) is not None:
            tried.append(_Line(label="Did not help", text=_gist(advice), message=advice))
    return list({line.message.id: line for line in tried}.values())[-TRIED:]


def _suggested(said: Sequence[Message], asker: str) -> list[_Line]:
    """The last suggestion, if the asker has not said that it failed."""
    advice = _advice(said, asker)
    if advice is None:
        return []
    after = said[said.index(advice) + 1 :]
    if any(m.user == asker and is_still_broken(m.text) for m in after):
        return []
    return [_Line(label="Suggested last", text=_gist(advice), message=advice)]


def _advice(said: Sequence[Message], asker: str) -> Message | None:
    """The last message of somebody else that holds something one could do."""
    told = (
        m for m in reversed(said) if m.user != asker and is_substantive(m.text) and not is_deferral(m.text)
    )
    return next(told, None)


def _gist(message: Message) -> str:
    told = [s for s in _sentences(message.text) if is_substantive(s)]
    return shortened(" ".join(told[:2]) or message.text, MAX_SENTENCE)


_STATES = {
    TicketState.OPENED: "nobody has answered yet",
    TicketState.ENGAGED: "somebody is helping",
    TicketState.RESOLVED: "solved",
    TicketState.CLOSED: "closed",
    TicketState.REOPENED: "open again",
}


def state_in_words(state: TicketState) -> str:
    return _STATES[state]


def _state(ticket: Ticket, said: Sequence[Message], now: datetime, zone: tzinfo) -> Iterator[Row]:
    opened = _moment(said[0].at, now, zone)
    yield row(
        Piece(text="State: ", bold=True),
        f"{_STATES[ticket.state]}; asked by {ticket.asker} {opened}, last word {_moment(said[-1].at, now, zone)}",
    )
    thread = Thread(id=ticket.conversation, channel=ticket.channel, messages=tuple(said))
    if (open_ := waiting(thread, ticket)) is not None:
        yield row(Piece(text="Waiting on: ", bold=True), *waiting_pieces(open_, now, zone))


def waiting_pieces(open_: Waiting, now: datetime, zone: tzinfo) -> tuple[Piece, ...]:
    """Whom it waits for and since when, with the message since which it does."""
    on = Piece(text=open_.on or "anybody who can help")
    since = Piece(text=f"since {_moment(open_.since.at, now, zone)}", link=open_.since.link)
    return on, Piece(text=", "), since


def _moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({naturaldelta(now - at)} ago)"


def _links(said: Sequence[Message]) -> Iterator[_Line]:
    """The addresses that people gave, each once."""
    seen: set[str] = set()
    for message in said:
        for url in _LINK.findall(message.text):
            if url not in seen:
                seen.add(url)
                yield _Line(label="Linked", text=shortened(url, MAX_SENTENCE), message=message)


def _sentences(text: str) -> list[str]:
    """The sentences of prose in ``text``."""
    return [text[span.start : span.end].strip() for span in sentences(text) if span.kind == "prose"]

"""Personal data and secrets out of texts, before they are kept as knowledge. Pure."""

import re
from collections.abc import Collection, Iterator, Sequence, Set
from dataclasses import dataclass, field
from enum import StrEnum

from knowledge import personal
from knowledge.credentials import secrets_in

_MARK = re.compile(r"<(name|email|phone|ip|card|iban|id|secret|redacted) (\d{1,6})>")


class Kind(StrEnum):
    """What a placeholder says that it stands for: ``<email 1>``. ``REDACTED`` is of the workspace's own patterns."""

    SECRET = "secret"
    REDACTED = "redacted"
    IBAN = "iban"
    ID = "id"
    CARD = "card"
    EMAIL = "email"
    IP = "ip"
    PHONE = "phone"
    NAME = "name"


SECRETS = frozenset({Kind.SECRET, Kind.REDACTED})
EVERYTHING = frozenset(Kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What is at ``start`` to ``end``; the same ``value`` gets the same placeholder."""

    start: int
    end: int
    kind: Kind
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _Numbers:
    """The placeholders given so far."""

    last: dict[Kind, int] = field(default_factory=dict)
    given: dict[tuple[Kind, str], str] = field(default_factory=dict)

    def mark(self, kind: Kind, value: str) -> str:
        if (kind, value) not in self.given:
            self.last[kind] = self.last.get(kind, 0) + 1
            self.given[kind, value] = f"<{kind} {self.last[kind]}>"
        return self.given[kind, value]


def redact(
    texts: Sequence[str],
    names: Collection[str] = (),
    patterns: Sequence[re.Pattern[str]] = (),
    kinds: Set[Kind] = EVERYTHING,
) -> list[str]:
    """``texts`` of one thread with placeholders for what of ``kinds`` is in them; the same is called the same in all.

    ``names`` are what its people are called; names that its greetings and signatures give are added. ``patterns`` are
    the workspace's own. What is redacted already stays as it is: a second time changes nothing.
    """
    numbers = _Numbers(last=_taken(texts))
    told = list(texts)
    while True:  # what is redacted may show that a word is a name after all; each look takes something away
        known = {*names, *_names_in(told)} if Kind.NAME in kinds else names
        once, told = told, [_redacted(text, known, patterns, kinds, numbers) for text in told]
        if told == once:
            return told


def _names_in(texts: Sequence[str]) -> set[str]:
    given = {name for text in texts for name in personal.names_given(text)}
    return {*given, *personal.names_mentioned(texts)}


def _taken(texts: Sequence[str]) -> dict[Kind, int]:
    """The highest number of each kind that already stands in ``texts``."""
    taken: dict[Kind, int] = {}
    for mark in (mark for text in texts for mark in _MARK.finditer(text)):
        taken[Kind(mark[1])] = max(int(mark[2]), taken.get(Kind(mark[1]), 0))
    return taken


def _redacted(
    text: str,
    names: Collection[str],
    patterns: Sequence[re.Pattern[str]],
    kinds: Set[Kind],
    numbers: _Numbers,
) -> str:
    # Again until nothing is left: what one placeholder uncovers, the next look finds. Each look takes something away.
    while found := _apart(text, [each for each in _found(text, names, patterns) if each.kind in kinds]):
        pieces, at = [], 0
        for each in found:
            pieces += [text[at : each.start], numbers.mark(each.kind, each.value)]
            at = each.end
        text = "".join((*pieces, text[at:]))
    return text


def _apart(text: str, found: Sequence[Found]) -> list[Found]:
    """Those of ``found`` that touch no placeholder and nothing found before them, in order of the text."""
    taken = [mark.span() for mark in _MARK.finditer(text)]
    kept: list[Found] = []
    for each in found:
        if each.start < each.end and all(each.end <= start or end <= each.start for start, end in taken):
            kept.append(each)
            taken.append((each.start, each.end))
    return sorted(kept, key=lambda each: each.start)


def _found(text: str, names: Collection[str], patterns: Sequence[re.Pattern[str]]) -> Iterator[Found]:
    """Everything that is found, what counts more first: a mail address within a connection string is a secret."""
    spans = [
        *((span, Kind.SECRET) for span in sorted(secrets_in(text), key=lambda span: (span[0], -span[1]))),
        *((found.span(), Kind.REDACTED) for pattern in patterns for found in pattern.finditer(text)),
        *((span, Kind.IBAN) for span in personal.ibans_in(text)),
        *((span, Kind.ID) for span in personal.identities_in(text)),
        *((span, Kind.ID) for span in personal.numbers_of_people(text)),
        *((span, Kind.CARD) for span in personal.cards_in(text)),
        *((span, Kind.EMAIL) for span in personal.mails_in(text)),
        *((span, Kind.IP) for span in personal.addresses_in(text)),
        *((span, Kind.PHONE) for span in personal.phones_in(text)),
        *((span, Kind.NAME) for span in personal.accounts_in(text)),
    ]
    for (start, end), kind in spans:
        yield Found(start=start, end=end, kind=kind, value=_same(kind, text[start:end]))
    for start, end, name in personal.names_in(text, names):
        yield Found(start=start, end=end, kind=Kind.NAME, value=name)


def _same(kind: Kind, value: str) -> str:
    """``value`` as it is the same in every way to write it."""
    if kind in (Kind.SECRET, Kind.REDACTED):
        return value
    return (
        re.sub(r"[\s()./-]", "", value.casefold())
        if kind in (Kind.PHONE, Kind.CARD, Kind.IBAN)
        else value.casefold()
    )

"""Whether a paraphrase turns round what comes first, what causes what, or what is said of which. Pure.

English and Chinese. Each reading compares words, so it is precise rather than complete.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from knowledge.wording import CLAUSE_END, NOT, sentences_of, simple, terms_of

# ---- order, and cause -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pair:
    """What comes (or is the cause), and what comes of it, in the words of each."""

    first: frozenset[str]
    second: frozenset[str]


_BETWEEN = {  # "A before B"; True: what stands first comes first
    "order": (
        (re.compile(r"\b(?:before|prior to|followed by|then|after (?:that|this|which))\b"), True),
        (re.compile(r"\bafter\b(?!wards| that| this| which)|\bonce\b"), False),
        (re.compile(r"(?:之?后)[，,]?"), True),
        (re.compile(r"(?:之?前)[，,]?(?:先)?"), False),
    ),
    "cause": (
        (
            re.compile(
                r"\b(?:causes?|caused(?! by)|leads? to|led to|results? in|triggers?|makes?|means that"
                r"|breaks)\b|导致|引起|造成|触发|所以|因此"
            ),
            True,
        ),
        (
            re.compile(
                r"\b(?:because(?: of)?|when|due to|caused by|comes? from|triggered by)\b|由于|因为|是因为"
            ),
            False,
        ),
    ),
}
_LEADING = {  # "After A, B"
    "order": (
        (re.compile(r"^\s*(?:only )?(?:after|once)\b(?P<a>[^,，]+)[,，](?P<b>.+)"), True),
        (re.compile(r"^\s*before\b(?P<a>[^,，]+)[,，](?P<b>.+)"), False),
        (re.compile(r"先(?P<a>[^，,。]+?)[，,]?\s*(?:然后|接着|最后|才能|再(?!次))(?P<b>.+)"), True),
    ),
    "cause": (
        (re.compile(r"^\s*(?:because(?: of)?|since|when|due to)\b(?P<a>[^,，]+)[,，](?P<b>.+)"), True),
        (re.compile(r"因为(?P<a>[^，,。]+)[，,](?P<b>.+)"), True),
    ),
}


def _pairs(line: str, kind: str) -> Iterator[_Pair]:
    for pattern, forward in _LEADING[kind]:
        if found := pattern.search(line):
            yield _pair(found["a"], found["b"], forward)
    for pattern, forward in _BETWEEN[kind]:
        for found in pattern.finditer(line):
            yield _pair(_beside(line[: found.start()], -1), _beside(line[found.end() :], 0), forward)


def _beside(text: str, place: int) -> str:
    """The last (-1) or the first (0) part of a sentence that says something."""
    parts = [part for part in re.split(r",(?!\d)|[;，；]|:(?![\w/])", text) if terms_of(part)]
    return parts[place] if parts else ""


def _pair(a: str, b: str, forward: bool) -> _Pair:
    one, other = terms_of(a), terms_of(b)
    return _Pair(*((one - other, other - one) if forward else (other - one, one - other)))


def _all_pairs(text: str, kind: str) -> list[_Pair]:
    return [pair for line in sentences_of(text) for pair in _pairs(line, kind)]


def reverses(claim: str, source: str, kind: str) -> bool:
    """Whether the claim lets come first (``kind`` "order"), or cause ("cause"), what in its source is second."""
    if kind == "order" and _out_of_step(claim, source):
        return True
    return any(_opposed(one, other) for one in _all_pairs(claim, kind) for other in _all_pairs(source, kind))


_SEQUENCE = re.compile(r"\b(?:first|then|next|finally|afterwards)\b|先|然后|接着|最后|再(?!次)")
CLEARLY = 0.6  # of the words of a step that one part of the source has


def _out_of_step(claim: str, source: str) -> bool:
    """Whether steps that the claim puts one after the other stand in another order in the source."""
    parts = [
        terms
        for line in sentences_of(source)
        for clause in CLAUSE_END.split(line)
        if (terms := terms_of(clause or ""))
    ]
    for line in sentences_of(claim):
        if _SEQUENCE.search(line):
            places = [
                place
                for clause in CLAUSE_END.split(line)
                if (place := _place(clause or "", parts)) is not None
            ]
            if places != sorted(places):
                return True
    return False


def _place(clause: str, parts: Sequence[frozenset[str]]) -> int | None:
    """Which of ``parts`` a step was made from, if one is clearly nearest."""
    terms = terms_of(_SEQUENCE.sub(" ", clause))
    shares = [len(terms & part) for part in parts]
    best = max(shares, default=0)
    if best < 2 or best < CLEARLY * len(terms) or shares.count(best) > 1:
        return None
    return shares.index(best)


def _opposed(mine: _Pair, other: _Pair) -> bool:
    crossed = min(len(mine.first & other.second), len(mine.second & other.first))
    straight = max(len(mine.first & other.first), len(mine.second & other.second))
    return crossed > 0 and crossed > straight


# ---- one thing for another --------------------------------------------------------------------------------


def mixes_up(claim: str, source: str, told: str) -> bool:
    """Whether the claim says of one thing what the source says of another: "web" where it says "mobile"."""
    theirs = [side for line in sentences_of(source) for side in _sides(line)]
    asked = terms_of(simple(told))
    return any(
        _is_mixed(terms_of(side), theirs, asked)
        for line in sentences_of(claim)
        for side in _sides(line)
        if NOT not in side
    )


_SIDES = re.compile(r"[;，；]|,(?!\d)|:(?![\w/])|\b(?:but|while|whereas)\b")
FEW = 2  # words that stand for one thing
NEARLY = 0.6  # of the words of a part of the source that a part of a claim has


def _sides(line: str) -> list[str]:
    """The parts of a sentence that may speak of different things."""
    return [side for side in _SIDES.split(line) if side.strip()]


def _is_mixed(mine: frozenset[str], theirs: Sequence[str], asked: frozenset[str]) -> bool:
    shares = [len(mine & terms_of(side)) for side in theirs]
    if max(shares, default=0) < 2 or shares.count(max(shares)) > 1:
        return False
    nearest_side = theirs[shares.index(max(shares))]
    best = terms_of(nearest_side)
    foreign = mine - best - asked
    if NOT in nearest_side or len(mine & best) < NEARLY * len(best) or not best - mine or len(foreign) > FEW:
        return False
    others = (terms_of(side) for side in theirs if side is not nearest_side)
    return any(foreign & side and best & side for side in others)

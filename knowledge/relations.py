"""What two entries are to each other: the same twice, one newer than the other, in contradiction, or nothing. Pure.

Precision before coverage: a wrong merge hides knowledge and a wrong dispute silences two good entries, so that where
the words leave it open nothing happens. All limits stand in `Limits`; docs/learning.md says how they were measured.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from knowledge.changes import Change, ChangeKind
from knowledge.claims import (
    Sort,
    asks_yes_or_no,
    claims_in,
    contradiction,
    is_negated,
    places,
    versions,
    yes_or_no,
)
from knowledge.entry import Alike, EntryKind, EntryState, KnowledgeEntry, PassageKind, Stored
from knowledge.lexical import identifiers, words

ACTIVE, DISPUTED = EntryState.ACTIVE, EntryState.DISPUTED


class Kind(StrEnum):
    """From weak to strong: of several relations the last here is the one that is acted on."""

    NONE = "none"
    DUPLICATE = "duplicate"  # the same problem, the same answer
    SUPERSEDES = "supersedes"  # the same problem, a newer answer that says otherwise
    CONTRADICTS = "contradicts"  # the same problem, answers that exclude each other


@dataclass(frozen=True, kw_only=True, slots=True)
class Relation:
    """``first`` stands (or, in a contradiction, is the newer side), ``second`` gives way. ``why`` is for people."""

    kind: Kind
    first: Stored
    second: Stored
    why: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """From where on problems and answers are the same. Cosines are counted from the model's floor."""

    problem: float = 0.7  # cosine of the problems
    titles: float = 0.5  # share of the shorter title's informative words that both have
    solution: float = 0.7  # cosine of the answers of a duplicate
    answers: float = 0.7  # share of a duplicate's informative words that must stand in what replaces it
    exact: float = 0.9  # and of its exact names
    later: timedelta = timedelta(days=30)  # a confirmed answer so much later replaces an unconfirmed one


LIMITS = Limits()


def relation(new: Stored, near: Alike, limits: Limits = LIMITS) -> Relation:
    """What ``new`` and the entry ``near`` it are to each other; NONE unless both problems are the same.

    Two documents are never related: those who write them keep them in order. A document stands against a thread: it
    is neither merged away nor replaced by one.
    """
    other = near.stored
    nothing = Relation(kind=Kind.NONE, first=new, second=other)
    if not _comparable(new, other) or not is_same_problem(new.entry, other.entry, near.problem, limits):
        return nothing
    newer, older = (new, other) if _is_newer(new, other) else (other, new)
    reason = contradicts(new.entry, other.entry)
    sign = replaces(newer.entry, older.entry, reason, limits)
    if sign is not None and _may_replace(newer, older):
        return Relation(kind=Kind.SUPERSEDES, first=newer, second=older, why=sign)
    if reason is not None:
        why = f"the same problem, and they disagree on {reason.value}"
        return Relation(kind=Kind.CONTRADICTS, first=newer, second=older, why=why)
    if sign is None and (kept := _kept(new, other, near.solution, limits)) is not None:
        gone = other if kept is new else new
        why = f"the same problem ({near.problem:.2f}) and the same answer ({near.solution:.2f})"
        return Relation(kind=Kind.DUPLICATE, first=kept, second=gone, why=why)
    return nothing


def _comparable(new: Stored, other: Stored) -> bool:
    kinds = {new.entry.kind, other.entry.kind}
    return (
        new.state is other.state is ACTIVE
        and new.entry.audience == other.entry.audience
        and new.entry.origin != other.entry.origin
        and EntryKind.THREAD in kinds
    )


def _is_newer(new: Stored, other: Stored) -> bool:
    """Whether ``new`` was known later; what is new counts as newer where a date is missing or equal."""
    mine, theirs = new.entry.known_from, other.entry.known_from
    return mine is None or theirs is None or mine >= theirs


# ---- the same problem -------------------------------------------------------------------------------------

_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_LINE = 200  # characters of a title that are looked at


def is_same_problem(one: KnowledgeEntry, other: KnowledgeEntry, cosine: float, limits: Limits) -> bool:
    """Whether two entries are about the same: near in meaning, with the same words in their titles, and without
    an exact name, a version, a platform or a negation that only one of them has."""
    if cosine < limits.problem or is_negated(one.title) != is_negated(other.title):
        return False
    mine, theirs = one.title[:_LINE], other.title[:_LINE]
    exact = (identifiers, places, _numbers)
    if any(_apart(names(mine), names(theirs)) for names in exact):
        return False
    return not _opposed(mine, theirs) and _overlap(words(mine), words(theirs)) >= limits.titles


# What turns a problem into another one although all the other words are the same.
_OPPOSITE = [
    (re.compile(one, re.IGNORECASE), re.compile(other, re.IGNORECASE))
    for one, other in (
        (r"\bimport", r"\bexport"),
        (r"\bupload", r"\bdownload"),
        (r"\b(?:enabl|activat|turn(?:ed|ing)? on)", r"\b(?:disabl|deactivat|turn(?:ed|ing)? off)"),
        (r"\b(?:add|creat|insert)", r"\b(?:remov|delet|drop)"),
        (r"\b(?:start|open)", r"\b(?:stop|clos)"),
        (r"\blog(?:ged|ging|s)? ?in\b|\bsign ?in\b", r"\blog(?:ged|ging|s)? ?out\b|\bsign ?out\b"),
        (r"\b(?:read|receiv)", r"\b(?:writ|send)"),
        (r"\binstall", r"\buninstall"),
        (r"\bupgrad", r"\bdowngrad"),
        (r"\b(?:show|display)", r"\bhid(?:e|ing|den)"),
        (r"\badmins?\b", r"\b(?:users?|members?|customers?)\b"),
        (r"导入", r"导出"),
        (r"上传", r"下载"),
        (r"启用|开启|打开", r"禁用|停用|关闭"),
        (r"添加|新增|创建", r"删除|移除"),
        (r"登录|登入", r"登出|退出"),
        (r"(?<!卸)安装", r"卸载"),
        (r"升级", r"降级"),
    )
]


def _opposed(one: str, other: str) -> bool:
    return any(
        (left.search(mine) and right.search(theirs)) and not (right.search(mine) or left.search(theirs))
        for left, right in _OPPOSITE
        for mine, theirs in ((one, other), (other, one))
    )


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(text))


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether each names something and nothing is named by both: another error, another platform."""
    return bool(one and other) and not one & other


def _overlap(one: Iterable[str], other: Iterable[str]) -> float:
    mine, theirs = set(one), set(other)
    fewer = min(len(mine), len(theirs))
    return len(mine & theirs) / fewer if fewer else 0.0


# ---- answers ----------------------------------------------------------------------------------------------


def _solutions(entry: KnowledgeEntry) -> tuple[str, ...]:
    return tuple(passage.text for passage in entry.of(PassageKind.SOLUTION))


def contradicts(one: KnowledgeEntry, other: KnowledgeEntry) -> Sort | None:
    """On what the answers of two entries about the same problem exclude each other."""
    ours, theirs = _solutions(one), _solutions(other)
    if found := contradiction(claims_in(ours), claims_in(theirs)):
        return found
    return Sort.ANSWER if _yes_against_no(one, other) else None


def _yes_against_no(one: KnowledgeEntry, other: KnowledgeEntry) -> bool:
    ours, theirs = ("\n".join(_solutions(entry)) for entry in (one, other))
    said = {yes_or_no(ours), yes_or_no(theirs)}
    asked = asks_yes_or_no(one.title) and asks_yes_or_no(other.title)
    elsewhere = places(ours) ^ places(theirs)
    return said == {"+", "-"} and asked and not elsewhere


# ---- newer ------------------------------------------------------------------------------------------------

_REPLACES = re.compile(
    r"\b(?:since|as of|starting (?:with|from|in)|beginning with) (?:the )?(?:\w+ )?(?:version |release |v)?\d"
    r"|\bfrom (?:version |v)\d[\w.]* on|\b(?:in|with) (?:version |release |v)\d[\w.]*,? (?:you|it|this|the|we|now)\b"
    r"|\bno longer\b|(?:\bnot|n't)\b[^.\n]{0,40}\bany ?more\b|\bdeprecated\b|\bobsolete\b|\boutdated\b"
    r"|\b(?:has|have|was|were|is|been)(?: now| been)? (?:replaced|renamed|superseded|removed|moved)\b"
    r"|\bnow (?:use|uses|requires?|supports?|supported|available|possible|called|lives?|comes?|fixed|works?|set)\b"
    r"|\b(?:is|are) now\b|\bcan\b[^.\n]{0,40}\bnow\b"
    r"|\binstead of the old\b|\bused to\b|\bthis (?:has )?changed\b|\bfixed in (?:version |v)?\d"
    r"|[从自]\s*v?\d[\w.]*\s*(?:版本?)?(?:起|开始|以后|之后)|不再|已经?(?:弃用|废弃|移除|改名|改为|替换|过时|支持)"
    r"|改用|现在(?:要|请|应该?|需要|可以|已经?)?(?:用|使用|改|支持)|取代|新版",
    re.IGNORECASE,
)
_FOR_NOW = re.compile(
    r"\bnot (?:yet|currently)\b|\b(?:currently|at the moment|for now|right now)\b[^.\n]{0,40}(?:\bnot|\bno|n't)\b"
    r"|(?:\bnot|\bno|n't)\b[^.\n]{0,60}\b(?:yet|at the moment|currently|for now|right now)\b"
    r"|目前(?:还)?(?:不|没)|暂时?(?:不|没)|还不(?:支持|能|行)|尚(?:不|未)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[。！？；])|(?<=[.!?;])\s+|\n+")
_LINKED = 0.4  # share of the informative words, of the sentence that replaces or of the older answer, that both have
_LEAST_LINKED = 2


def replaces(
    newer: KnowledgeEntry, older: KnowledgeEntry, reason: Sort | None, limits: Limits = LIMITS
) -> str | None:
    """Why the newer answer replaces the older one, if it does: it says so, speaks of a newer version, or was
    confirmed much later. None without dates."""
    if newer.known_from is None or older.known_from is None or newer.known_from <= older.known_from:
        return None
    if _says_so(newer, older):
        return "the same problem, and the newer answer says that things have changed"
    if reason is not None and _is_newer_version(newer, older):
        return "the same problem, and the newer answer is for a newer version"
    if reason is not None and _was_for_now(older):
        return "the same problem, and the older answer was for the time being"
    much_later = newer.known_from - older.known_from >= limits.later
    if reason is not None and newer.confirmed and not older.confirmed and much_later:
        return "the same problem, and a later answer that a person confirmed disagrees"
    return None


def _says_so(newer: KnowledgeEntry, older: KnowledgeEntry) -> bool:
    """Whether a sentence of the newer answer tells of a change in what the older answer speaks of."""
    was = "\n".join(_solutions(older))
    before, names = set(words(was)), identifiers(was)
    if _REPLACES.search(was):  # which of two changes is the last, the words do not say
        return False
    told = (part for text in _solutions(newer) for part in _SENTENCE.split(text) if "?" not in part)
    return any(
        names & identifiers(part)
        or (_overlap(before, words(part)) >= _LINKED and len(before & set(words(part))) >= _LEAST_LINKED)
        for part in told
        if _REPLACES.search(part)
    )


def _is_newer_version(newer: KnowledgeEntry, older: KnowledgeEntry) -> bool:
    mine, theirs = (versions("\n".join((entry.title, *_solutions(entry)))) for entry in (newer, older))
    return bool(mine and theirs) and max(mine) > max(theirs)


def _was_for_now(older: KnowledgeEntry) -> bool:
    return any(_FOR_NOW.search(text) for text in _solutions(older))


def _may_replace(newer: Stored, older: Stored) -> bool:
    """A thread does not replace a document, nor what nobody confirmed what somebody did: people decide these."""
    settled = newer.entry.confirmed or not older.entry.confirmed
    return older.entry.kind is EntryKind.THREAD and settled


# ---- the same answer --------------------------------------------------------------------------------------


def _kept(new: Stored, other: Stored, cosine: float, limits: Limits) -> Stored | None:
    """Which of two entries with the same answer stands for both; None if they say different things."""
    kept, gone = (new, other) if _rank(new) > _rank(other) else (other, new)
    mine, theirs = ("\n".join(_solutions(one.entry)) for one in (kept, gone))
    same = cosine >= limits.solution and is_negated(mine) == is_negated(theirs)
    if not same or places(mine) != places(theirs) or _may_disagree(kept.entry, gone.entry):
        return None
    if not _numbers(theirs) <= _numbers(mine):
        return None
    holds = _holds(words(mine), words(theirs)) >= limits.answers
    return kept if holds and _holds(identifiers(mine), identifiers(theirs)) >= limits.exact else None


def _may_disagree(one: KnowledgeEntry, other: KnowledgeEntry) -> bool:
    """Whether the answers would contradict each other if guesses and conditions counted, too."""
    ours, theirs = (claims_in(_solutions(entry), guesses=True) for entry in (one, other))
    return contradiction(ours, theirs) is not None


def _holds(whole: Iterable[str], part: Iterable[str]) -> float:
    """The share of ``part`` that is in ``whole``: what would be lost is the rest."""
    wanted = set(part)
    return len(wanted & set(whole)) / len(wanted) if wanted else 1.0


def _rank(stored: Stored) -> tuple[bool, bool, float, float, int, int]:
    """What is better is greater: a document, confirmed, more trusted, newer, longer; the earlier one of equals."""
    entry = stored.entry
    return (
        entry.kind is not EntryKind.THREAD,
        entry.confirmed,
        stored.trust.mean,
        0.0 if entry.known_from is None else entry.known_from.timestamp(),
        sum(map(len, _solutions(entry))),
        -stored.number,
    )


# ---- what follows -----------------------------------------------------------------------------------------

_STRENGTH = {kind: strength for strength, kind in enumerate(Kind)}


def changes_for(new: Stored, alike: Sequence[Alike], limits: Limits = LIMITS) -> tuple[Change, ...]:
    """What becomes of a new active entry and of the one entry that concerns it most: a contradiction before a
    replacement before a repetition, then the nearest. Empty where nothing does, or where ``new`` is not active."""
    found = [(relation(new, near, limits), near.problem) for near in alike]
    best, _ = max(found, key=lambda one: (_STRENGTH[one[0].kind], one[1]), default=(None, 0.0))
    return () if best is None else _changes(best)


def _changes(found: Relation) -> tuple[Change, ...]:
    first, second = found.first, found.second
    match found.kind:
        case Kind.DUPLICATE:
            return (_change(ChangeKind.MERGED, second, EntryState.MERGED, first, found.why),)
        case Kind.SUPERSEDES:
            return (_change(ChangeKind.SUPERSEDED, second, EntryState.SUPERSEDED, first, found.why),)
        case Kind.CONTRADICTS:
            sides = ((first, second), (second, first))
            return tuple(
                _change(ChangeKind.DISPUTED, one, DISPUTED, other, found.why)
                for one, other in sides
                if one.entry.kind is EntryKind.THREAD  # a document goes on to be quoted meanwhile
            )
        case Kind.NONE:
            return ()


def _change(kind: ChangeKind, of: Stored, after: EntryState, other: Stored | None, why: str) -> Change:
    named = None if other is None else other.entry.id
    return Change(kind=kind, entry=of.entry.id, before=of.state, after=after, other=named, why=why)


class Verdict(StrEnum):
    """What a person says of two entries that contradict each other."""

    KEEP_FIRST = "keep first"
    KEEP_SECOND = "keep second"
    BOTH_HOLD = "both hold"


def settle(first: Stored, second: Stored, verdict: Verdict) -> tuple[Change, ...]:
    """End a dispute: what is kept is quoted again, the other one is superseded by it.

    What was retired or rejected meanwhile stays so.
    """
    kept = {Verdict.KEEP_FIRST: [first], Verdict.KEEP_SECOND: [second]}.get(verdict, [first, second])
    gone = [one for one in (first, second) if one not in kept]
    why = f"a person decided: {verdict.value}"
    back = [_change(ChangeKind.RESTORED, one, ACTIVE, None, why) for one in kept if one.state is DISPUTED]
    given_way = [
        _change(ChangeKind.SUPERSEDED, one, EntryState.SUPERSEDED, kept[0], why)
        for one in gone
        if one.state in (ACTIVE, DISPUTED)
    ]
    return (*back, *given_way)


def restored(orphans: Sequence[Stored], successor: EntryState | None = None) -> tuple[Change, ...]:
    """What comes back when the entry that stood for the ``orphans``, or against them, is no longer there.

    ``successor`` is the state it is in now: REJECTED, RETIRED, or None if it was forgotten. A disputed entry has
    nobody to contradict it any more. A merged one holds by itself, except where its successor was retired: it says
    the same, so that is said of it, too. A superseded one is back if what replaced it was rejected; otherwise it may
    well be out of date, and a person is asked first.
    """
    return tuple(change for one in orphans if (change := _restored(one, successor)) is not None)


def _restored(orphan: Stored, successor: EntryState | None) -> Change | None:
    why = "the entry that stood for it or against it is gone"
    match orphan.state:
        case EntryState.MERGED if successor is EntryState.RETIRED:
            return None
        case EntryState.MERGED | EntryState.DISPUTED:
            return _change(ChangeKind.RESTORED, orphan, ACTIVE, None, why)
        case EntryState.SUPERSEDED if successor is EntryState.REJECTED:
            return _change(ChangeKind.RESTORED, orphan, ACTIVE, None, "what replaced it was rejected")
        case EntryState.SUPERSEDED:
            return Change(
                kind=ChangeKind.RESTORED,
                entry=orphan.entry.id,
                before=orphan.state,
                after=EntryState.PENDING,
                why=why,
                doubts=("a newer answer had replaced it; it may be out of date",),
            )
        case _:
            return None

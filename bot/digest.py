"""The report of a night for the admins, as a card: what was learnt, what waits for them, what to watch. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.card import Button, Card, Group, Piece, Row, Verb, row, shortened, words
from bot.report import NightReport
from knowledge.changes import ChangeKind

TITLE = 100  # characters of a title
SAYS = 200  # characters of what an entry says
WHY = 120  # characters of a reason
MOST_WAITING = 10
MOST_PAIRS = 5
MOST_ASKED = 5
MOST_QUESTIONS = 5
MOST_CHANNELS = 8  # whose mean chance moved
VISIBLE = 0.005  # one that moved less looks the same
ALL_PENDING = "earshot entries --state pending"
ALL_DISPUTED = "earshot entries --state disputed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """An entry as people are told of it. ``link`` leads to its source, ``at`` is when it was last said, ``says`` what
    its solution says."""

    id: str
    title: str
    link: str | None = None
    at: datetime | None = None
    says: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """A change that waits for a person. ``other``: the entry that it is about besides; ``doubts``: why it waits."""

    kind: ChangeKind
    entry: Named
    other: Named | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """Two entries that contradict each other."""

    first: Named
    second: Named


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """A question that nobody could answer. ``text`` is how it began."""

    text: str
    link: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What a person decided about the night. ``by`` as texts name people, ``@U0123ABCD``."""

    verb: Verb
    by: str
    entries: tuple[Named, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DigestTexts:
    """What a report names by id, in words that its readers may see, as it stands now.

    ``private`` counts, by what they are (``entry``, ``waiting``, ``pair``, ``asked``, ``question``), what comes from
    private channels and is not told elsewhere. ``own_waiting`` says how many of those that wait, the untold ones
    too, are of this night.
    """

    best: tuple[Named, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    pairs: tuple[Pair, ...] = ()
    unproven: tuple[Named, ...] = ()
    questions: tuple[Asked, ...] = ()
    decisions: tuple[Decision, ...] = ()
    reverted: bool = False
    own_waiting: int = 0
    private: Mapping[str, int] | None = None

    def hidden(self, what: str) -> int:
        return (self.private or {}).get(what, 0)


def is_worth_telling(report: NightReport, waiting: int) -> bool:
    """Whether there is anything to tell: a night that did nothing is not reported, unless something drifts or waits."""
    done = report.added, report.pending, report.merged, report.superseded, report.disputed
    return any((*done, report.asked, report.retired, waiting, report.drift, _moved(report)))


def digest_card(report: NightReport, texts: DigestTexts) -> Card:
    """The report of a night as it stands now: what was decided shows no buttons any more."""
    groups = (
        Group(heading="", rows=tuple(row(line) for line in _numbers(report))),
        _watch(report),
        _waiting(report.date, texts),
        _pairs(report.date, texts),
        _unproven(report.date, texts),
        _best(texts),
        _questions(texts),
        _thresholds(report),
        _decisions(texts.decisions),
    )
    return Card(
        title=_title(report, texts),
        groups=tuple(group for group in groups if group.rows or group.hidden),
        buttons=tuple(_buttons(report.date, texts)),
    )


def _title(report: NightReport, texts: DigestTexts) -> str:
    return f"The night of {report.date}" + (" (taken back)" if texts.reverted else "")


# ---- what happened ------------------------------------------------------------------------------------


def _numbers(report: NightReport) -> Iterator[str]:
    done = [f"{_count(number, name)}" for number, name in _counted(report) if number]
    yield f"{_count(report.threads, 'closed thread')} read: {', '.join(done) or 'nothing new'}."
    if report.not_worth:
        most = sorted(report.not_worth.items(), key=lambda item: (-item[1], item[0]))[:3]
        yield "Not worth keeping: " + ", ".join(f"{number} ({why})" for why, number in most) + "."
    if report.tried:
        effect = f"{len(report.gained)} more would be answered, {len(report.lost)} no longer"
        yield f"Of {_count(report.tried, 'past question')} {effect}."


def _counted(report: NightReport) -> tuple[tuple[int, str], ...]:
    return (
        (report.added, "new entry"),
        (report.pending, "waits for approval"),
        (report.merged, "merged"),
        (report.superseded, "replaced by newer ones"),
        (report.disputed, "in contradiction"),
        (report.asked, "to be asked about"),
        (report.retired, "retired"),
    )


_MANY = {"new entry": "new entries", "waits for approval": "wait for approval"}


def _count(number: int, name: str) -> str:
    """``1 closed thread``, ``2 closed threads``, ``3 merged``."""
    plural = name + "s" if name.endswith(("thread", "question")) else name
    return f"{number} {name if number == 1 else _MANY.get(name, plural)}"


def _watch(report: NightReport) -> Group:
    drifting = (
        row(Piece(channel=channel), f": drafts instead of replies: {shortened(why, SAYS)}")
        for channel, why in report.drift.items()
    )
    return Group(heading="Watch out", rows=tuple(drifting))


def _moved(report: NightReport) -> dict[str, tuple[float, float]]:
    moves = report.thresholds.items()
    return {channel: (before, after) for channel, (before, after) in moves if abs(after - before) >= VISIBLE}


def _thresholds(report: NightReport) -> Group:
    moves = list(_moved(report).items())
    rows = (
        row(Piece(channel=channel), f": mean chance {before:.2f} → {after:.2f}, {_readiness(before, after)}")
        for channel, (before, after) in moves[:MOST_CHANNELS]
    )
    return Group(heading="How readily I speak", rows=tuple(rows), hidden=max(0, len(moves) - MOST_CHANNELS))


def _readiness(before: float, after: float) -> str:
    return "more readily" if after > before else "less readily"


def _best(texts: DigestTexts) -> Group:
    rows = [row("• ", _name(entry)) for entry in texts.best]
    return Group(heading="Best new entries", rows=(*rows, *_private(texts.hidden("entry"), "entry")))


def _questions(texts: DigestTexts) -> Group:
    shown = texts.questions[:MOST_QUESTIONS]
    rows = [
        row("• ", Piece(text=shortened(asked.text, TITLE) or "(no words)", link=asked.link or None))
        for asked in shown
    ]
    return Group(heading="Nobody could answer", rows=(*rows, *_private(texts.hidden("question"), "question")))


def _private(number: int, what: str) -> Iterable[Row]:
    many = {"entry": "entries", "contradiction": "contradictions", "question": "questions"}
    name = what if number == 1 else many[what]
    return (row(f"• {number} {name} from a private channel"),) if number else ()


def _name(entry: Named) -> Piece:
    return Piece(text=shortened(entry.title, TITLE) or "(no title)", link=entry.link, bold=True)


def _day(entry: Named) -> str:
    return "" if entry.at is None else f" ({entry.at:%Y-%m-%d})"


# ---- what waits for a person ------------------------------------------------------------------------------


def _waiting(night: str, texts: DigestTexts) -> Group:
    shown = texts.waiting[:MOST_WAITING]
    rows = [_waiting_row(night, waiting) for waiting in shown]
    return Group(
        heading="Waits for approval",
        rows=(*rows, *_private(texts.hidden("waiting"), "entry")),
        hidden=len(texts.waiting) - len(shown),
        where=ALL_PENDING,
    )


_PROPOSALS = {
    ChangeKind.ADDED: "",
    ChangeKind.MERGED: "Says the same as: ",
    ChangeKind.SUPERSEDED: "A newer answer: ",
    ChangeKind.DISPUTED: "Contradicts: ",
    ChangeKind.ASKED: "Nobody confirmed it for long: ask?",
    ChangeKind.RETIRED: "To be taken out.",
    ChangeKind.RESTORED: "To be taken in again.",
}


def _waiting_row(night: str, waiting: Waiting) -> Row:
    about: list[Piece | str] = [_name(waiting.entry), _day(waiting.entry)]
    proposal = _PROPOSALS[waiting.kind]
    if waiting.kind is ChangeKind.ADDED and waiting.entry.says:
        about += ["\n", shortened(waiting.entry.says, SAYS)]  # nobody should approve what he has not seen
    if proposal:
        about += ["\n", proposal, *([] if waiting.other is None else [_name(waiting.other)])]
    if waiting.doubts:
        about += ["\n", f"Why it waits: {shortened('; '.join(waiting.doubts), WHY)}"]
    ids = (waiting.entry.id,)
    approve = Button(verb=Verb.APPROVE, label="Approve", night=night, subjects=ids, main=True)
    return row(*about, buttons=(approve, Button(verb=Verb.REJECT, label="Reject", night=night, subjects=ids)))


def _pairs(night: str, texts: DigestTexts) -> Group:
    shown = texts.pairs[:MOST_PAIRS]
    rows = [_pair_row(night, pair) for pair in shown]
    return Group(
        heading="Contradict each other: neither is quoted until somebody decides",
        rows=(*rows, *_private(texts.hidden("pair"), "contradiction")),
        hidden=len(texts.pairs) - len(shown),
        where=ALL_DISPUTED,
    )


def _pair_row(night: str, pair: Pair) -> Row:
    ids = (pair.first.id, pair.second.id)
    labels = {
        Verb.KEEP_FIRST: "Keep first",
        Verb.KEEP_SECOND: "Keep second",
        Verb.KEEP_BOTH: "Both hold",
    }
    buttons = (Button(verb=verb, label=label, night=night, subjects=ids) for verb, label in labels.items())
    return Row(columns=(_side(pair.first), _side(pair.second)), buttons=tuple(buttons))


def _side(entry: Named) -> tuple[Piece, ...]:
    return words(_name(entry), _day(entry), "\n", shortened(entry.says, SAYS))


def _unproven(night: str, texts: DigestTexts) -> Group:
    shown = texts.unproven[:MOST_ASKED]
    rows = [_unproven_row(night, entry) for entry in shown]
    return Group(
        heading="Nobody confirmed these for long: do they still hold?",
        rows=(*rows, *_private(texts.hidden("asked"), "entry")),
        hidden=len(texts.unproven) - len(shown),
    )


def _unproven_row(night: str, entry: Named) -> Row:
    ids = (entry.id,)
    buttons = (
        Button(verb=Verb.HOLDS, label="Still true", night=night, subjects=ids, main=True),
        Button(verb=Verb.RETIRE, label="Retire", night=night, subjects=ids),
    )
    return row(_name(entry), _day(entry), "\n", shortened(entry.says, SAYS), buttons=buttons)


def _buttons(night: str, texts: DigestTexts) -> Iterator[Button]:
    if texts.own_waiting:
        waiting = len(texts.waiting) + texts.hidden("waiting")
        whose = " of this night" if texts.own_waiting < waiting else ""
        yield Button(verb=Verb.APPROVE_ALL, label=f"Approve all{whose}", night=night, main=True)
        yield Button(
            verb=Verb.REJECT_ALL,
            label=f"Reject all{whose}",
            night=night,
            confirm="Everything of this night that waits is rejected and not proposed again.",
        )
    if not texts.reverted:
        yield Button(
            verb=Verb.REVERT,
            label="Revert night",
            night=night,
            confirm="Everything that this night learnt, merged and retired is taken back.",
        )


# ---- what was decided ------------------------------------------------------------------------------

_DONE = {
    Verb.APPROVE: "approved by {}",
    Verb.REJECT: "rejected by {}",
    Verb.APPROVE_ALL: "all approved by {}",
    Verb.REJECT_ALL: "all rejected by {}",
    Verb.REVERT: "the night was taken back by {}",
    Verb.HOLDS: "still true, says {}",
    Verb.RETIRE: "retired by {}",
    Verb.KEEP_FIRST: "the first of these was kept by {}",
    Verb.KEEP_SECOND: "the second of these was kept by {}",
    Verb.KEEP_BOTH: "both of these hold, says {}",
}


def told(decision: Decision) -> str:
    """``approved by @U0123ABCD``."""
    return _DONE[decision.verb].format(decision.by)


def _decisions(decisions: Iterable[Decision]) -> Group:
    return Group(heading="Decided", rows=tuple(_decided(decision) for decision in decisions))


def _decided(decision: Decision) -> Row:
    about = [piece for entry in decision.entries for piece in (Piece(text=" · "), _name(entry))]
    return row(f"• {told(decision)}", *about)

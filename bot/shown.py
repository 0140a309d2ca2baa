"""Entries for people in a terminal and for scripts: lists, and one with its provenance. Pure but for the console."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from humanize import naturaldelta
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.entries import NightStep, Provenance, Quotation
from knowledge.entry import EntryState, Passage, PassageKind, Trust
from knowledge.exchange import record_of
from knowledge.products import products_in
from knowledge.store import Stored

MOST_QUOTATIONS = 10
SHORT_ID = 9  # "e" and eight digits: enough to name an entry among thousands
STYLES = {
    EntryState.ACTIVE: "green",
    EntryState.PENDING: "yellow",
    EntryState.DISPUTED: "red",
}
HEADS = {
    PassageKind.PROBLEM: "Problem",
    PassageKind.SOLUTION: "Solution",
    PassageKind.CONFIRMATION: "Confirmed by",
    PassageKind.DISCUSSION: "Also said",
}


def show_list(console: Console, stored: Sequence[Stored], total: int) -> None:
    """Entries one a row, newest first; how many there are besides."""
    if not stored:
        _line(
            console,
            "No entry fits. `earshot learn PATH` adds some; --state all shows those in every state.",
        )
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("ID", no_wrap=True, min_width=SHORT_ID)
    table.add_column("STATE", no_wrap=True, min_width=10)
    table.add_column("TRUST", justify="right", no_wrap=True, min_width=5)
    table.add_column("READERS", no_wrap=True, overflow="ellipsis", min_width=9, max_width=18)
    table.add_column("TITLE", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("FROM", ratio=2, no_wrap=True, overflow="ellipsis")
    for one in stored:
        table.add_row(
            one.entry.id[:SHORT_ID],
            Text(one.state, style=STYLES.get(one.state, "dim")),
            f"{one.trust.mean:.2f}",
            Text(one.entry.audience),
            Text(one.entry.title),
            Text(one.entry.origin, style="dim"),
        )
    console.print(table)
    if total > len(stored):
        _line(console, f"{len(stored)} of {total}; --limit shows more.")


def show_entry(console: Console, told: Provenance, now: datetime) -> None:
    """An entry with where it comes from, what became of it, and what people made of it."""
    stored = told.stored
    entry = stored.entry
    console.print(Text(entry.title, style="bold"), soft_wrap=True)
    _line(console, f"{entry.id}  {stored.state}  {entry.kind}, for {entry.audience}, from {entry.origin}")
    for kind, head in HEADS.items():
        for passage in entry.of(kind):
            console.print(
                Text(f"\n{head}", style="bold"), Text(_said(passage, now), style="dim"), soft_wrap=True
            )
            _line(console, passage.text)
    _line(console, "")
    for name, text in _facts(told, now):
        console.print(Text.assemble((f"{name:<12}", "dim"), text), soft_wrap=True)


def _said(passage: Passage, now: datetime) -> str:
    """Who said it, when, and where."""
    who = [str(passage.role), passage.author or ""]
    age = [] if passage.at is None else [_ago(passage.at, now)]
    return ", ".join(part for part in (*who, *age, passage.source, passage.link or "") if part)


def _facts(told: Provenance, now: datetime) -> list[tuple[str, str]]:
    stored = told.stored
    facts = [
        ("about", ", ".join(products_in(stored.entry))),
        ("trust", trust_in_words(stored.trust)),
        ("votes", f"{told.up} up, {told.down} down on answers that quote it"),
        ("confirmed", "a person said that it holds" if stored.entry.confirmed else "nobody said so"),
        ("known from", _when(stored.entry.known_from, now) or "always: a document"),
        ("proven", _when(stored.proven_at, now) or "not since"),
        ("asked about", _when(stored.asked_at, now)),
        ("successor", "" if told.successor is None else _named(told.successor)),
        *(("stands for", _named(other)) for other in told.stands_for),
        ("quoted", f"in {len(told.quotations)} answers" if told.quotations else "never"),
        *(("", _quotation(one, now)) for one in told.quotations[:MOST_QUOTATIONS]),
        *(("night", _night(step)) for step in told.nights),
    ]
    return [(name, text) for name, text in facts if text]


def trust_in_words(trust: Trust) -> str:
    return f"{trust.mean:.2f} ({trust.up:g} up, {trust.down:g} down)"


def _quotation(one: Quotation, now: datetime) -> str:
    return f"{_ago(one.at, now)} to {one.message}" + ("" if one.posted else ", not posted")


def _night(step: NightStep) -> str:
    other = f" with {step.other}" if step.other else ""
    return f"{step.night} {step.kind}{other}, {step.state}: {step.why}"


def _named(stored: Stored) -> str:
    return f"{stored.entry.id}  {stored.state}  {stored.entry.title}"


def _when(at: datetime | None, now: datetime) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC, {_ago(at, now)}"


def _ago(at: datetime, now: datetime) -> str:
    return f"{naturaldelta(now - at)} ago"


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


# ---- for scripts


def list_json(stored: Sequence[Stored]) -> list[dict[str, Any]]:
    """A list of entries, each as `earshot export` would write it, with authors."""
    return [record_of(one, people=True) for one in stored]


def entry_json(told: Provenance) -> dict[str, Any]:
    """As a list has it, and what became of the entry."""
    return {
        **record_of(told.stored, people=True),
        "about": list(products_in(told.stored.entry)),
        "votes": {"up": told.up, "down": told.down},
        "stands_for": [one.entry.id for one in told.stands_for],
        "quoted": [
            {"message": one.message, "channel": one.channel, "at": one.at.isoformat(), "posted": one.posted}
            for one in told.quotations
        ],
        "nights": [
            {"night": one.night, "kind": one.kind, "state": one.state, "other": one.other, "why": one.why}
            for one in told.nights
        ],
    }

"""Nights for people in a terminal: one in full, and a list. Pure but for the console."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Column, Table

from bot.report import NightReport

COPY = "(tried on a copy; nothing was changed)"


def show_night(
    console: Console, report: NightReport, titles: Sequence[str], *, most_open: int, dry: bool
) -> None:
    """What a night came to. ``titles`` are those of the best new entries; it names ``most_open`` open questions."""
    _line(console, f"Night of {report.date} {COPY if dry else ''}".rstrip())
    table = Table.grid(Column(), Column(justify="right", no_wrap=True), padding=(0, 2))
    for name, value in (*_counted(report), *_asked(report, most_open)):
        table.add_row(name, str(value))
    console.print(table, highlight=False)
    for line in _lines(report, titles):
        _line(console, line)


def show_nights(console: Console, nights: Sequence[tuple[str, NightReport]]) -> None:
    """Nights one a row, as they are given: (state, report). What is zero is left out, so that narrow windows do."""
    if not nights:
        _line(console, "No night was run yet.")
        return
    columns = Column("night", no_wrap=True), Column("state", no_wrap=True), "what came of it"
    table = Table(*columns, box=None, pad_edge=False, header_style="dim")
    for state, report in nights:
        came = ", ".join(f"{name}: {count}" for name, count in _counted(report) if count)
        table.add_row(report.date, state, came or "nothing")
    console.print(table, highlight=False)


def _counted(report: NightReport) -> tuple[tuple[str, int], ...]:
    return (
        ("closed threads", report.threads),
        ("new entries", report.added),
        ("wait for approval", report.pending),
        ("merged", report.merged),
        ("superseded", report.superseded),
        ("in dispute", report.disputed),
        ("asked about", report.asked),
        ("retired", report.retired),
        ("messages past retention", report.expired),
    )


def _asked(report: NightReport, most_open: int) -> tuple[tuple[str, str], ...]:
    questions = len(report.open_questions)
    return (
        ("past questions now answered", f"{len(report.gained)} of {report.tried}"),
        ("past questions no longer answered", f"{len(report.lost)} of {report.tried}"),
        ("questions nobody could answer", f"{questions}{' or more' if questions >= most_open else ''}"),
    )


def _lines(report: NightReport, titles: Sequence[str]) -> Iterator[str]:
    for channel, why in report.drift.items():
        yield f"  watch out, {channel}: drafts instead of replies: {why}"
    for why, count in report.not_worth.items():
        yield f"  taught nothing, {why}: {count}"
    for title in titles:
        yield f"  new: {title}"
    for channel, (before, after) in report.thresholds.items():
        yield f"  {channel}: mean chance {before:.2f} -> {after:.2f}"
    if report.distilled:
        yield f"  {_distilled(report.distilled)}"


def _distilled(cost: Mapping[str, int]) -> str:
    calls, batched, fell_back = (cost.get(name, 0) for name in ("calls", "batched", "fell_back"))
    tokens = f"{cost.get('input_tokens', 0)} tokens sent, {cost.get('output_tokens', 0)} received"
    return f"model: {calls} calls ({batched} of them in batches), {tokens}; {fell_back} threads distilled offline"


def _line(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)

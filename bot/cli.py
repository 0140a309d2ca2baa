"""The command line: what can be asked for. Light, so that --help answers at once; what it does is in `commands`."""

import argparse
import importlib
import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Protocol

from knowledge.audience import is_audience
from knowledge.entry import WORKSPACE

DEFAULT_CONFIG = Path("config.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    if complaint := misused(arguments):
        arguments.complain(complaint)
    # Only now: the commands bring the database, the index and the clients with them, which take a second to import.
    code: int = importlib.import_module("bot.commands").execute(arguments)
    return code


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="earshot",
        description="A colleague within earshot: listens to support channels and speaks up in the thread, "
        "with its sources, only when it can help.",
        epilog="Try it without any account: earshot demo. See what it would have said in your channels: "
        "earshot replay export.zip. Exit codes: 0 ok, 1 a problem was found, 2 wrong usage.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--config",
        type=Path,
        default=DEFAULT_CONFIG,
        metavar="PATH",
        help="settings (default: ./config.yaml; demo reads only a named file)",
    )
    shared.add_argument("-v", "--verbose", action="store_true", help="log more, to stderr")
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument(
        "--json", action="store_true", help="JSON on stdout, for scripts; everything else on stderr"
    )
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, text: str, *, json: bool = False) -> argparse.ArgumentParser:
        parents = [shared, as_json] if json else [shared]
        command = commands.add_parser(name, parents=parents, help=text, description=text)
        command.set_defaults(command=name, complain=command.error)
        return command

    add("run", "Listen to the platforms that config.yaml enables, until stopped.")
    demo = add(
        "demo",
        "Play an invented support channel in the terminal, then let you join in. Needs nothing.",
    )
    demo.add_argument("--once", action="store_true", help="play the day, print a summary, and exit")
    _add_learn(add)
    _add_entries(add)
    _add_export(add)
    _add_questions(add)
    _add_night(add)
    _add_forget(add)
    _add_audit(add)
    _add_backfill(add)
    doctor = add("doctor", "Look for what is wrong and say what to do.", json=True)
    doctor.add_argument("--retry", action="store_true", help="try the events again that were set aside")
    doctor.add_argument("--offline", action="store_true", help="do not ask the platforms")
    return top


_SPAN = re.compile(r"(\d{1,6})([hd])")
_HOURS = {"h": 1, "d": 24}


def _since(text: str) -> date | timedelta:
    if found := _SPAN.fullmatch(text):
        return timedelta(hours=int(found[1]) * _HOURS[found[2]])
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        told = f"{text!r} is no span and no date; give one such as 7d, 12h or 2026-01-31"
        raise argparse.ArgumentTypeError(told) from error


def _rows(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; give one such as 50")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; give one such as 2026-01-31") from error


class Adding(Protocol):
    """How a command is added."""

    def __call__(self, name: str, text: str, *, json: bool = False) -> argparse.ArgumentParser: ...


def _add_learn(add: Adding) -> None:
    learn = add(
        "learn",
        "Add documents (Markdown, text, HTML, CSV with question and answer) and closed threads (a Slack export, "
        "JSON lines) to the knowledge, or what is given by hand with --text. Learning the same again changes nothing.",
        json=True,
    )
    learn.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="a file, or a folder to walk through; a file that `earshot export` wrote is taken over",
    )
    learn.add_argument("--text", metavar="TEXT", help="one entry by hand: what may be quoted; - reads stdin")
    learn.add_argument(
        "--title", default="", metavar="T", help="with --text: its title (default: the first line)"
    )
    learn.add_argument("--problem", default="", metavar="Q", help="with --text: the question that it answers")
    learn.add_argument(
        "--audience",
        type=_audience,
        default=WORKSPACE,
        metavar="WHO",
        help="public | workspace | channel:ID (default: workspace; private channels of an export keep to themselves)",
    )


def _add_export(add: Adding) -> None:
    export = add(
        "export",
        "Write what is known as JSON lines, one entry a line, for `earshot learn` to read elsewhere. What belongs to "
        "one channel is left out, and so is who said what, unless asked for.",
    )
    export.add_argument(
        "file", nargs="?", type=Path, default=Path("-"), metavar="FILE", help="where to (default: -, stdout)"
    )
    export.add_argument("--state", choices=STATES, default="active", metavar="STATE", help=_STATES_HELP)
    export.add_argument("--audience", type=_audience, metavar="WHO", help="only what these may read")
    export.add_argument("--private", action="store_true", help="also what belongs to one channel only")
    export.add_argument(
        "--people", action="store_true", help="also the ids of who said it, not only their roles"
    )


def _add_questions(add: Adding) -> None:
    again = add(
        "replay",
        "Play recorded history (a Slack export as folder or zip, or JSON lines) and report what would have been "
        "said, each message seeing only the knowledge of its time. Changes nothing.",
        json=True,
    )
    again.add_argument("file", type=Path, metavar="FILE")
    ask = add("ask", "Show what is found for a question and the answer that would be given.", json=True)
    ask.add_argument("question")
    ask.add_argument("--channel", metavar="ID", help="as seen from this channel (its own knowledge included)")
    why = add("why", "Say why a message was answered, or was not.", json=True)
    why.add_argument("message", metavar="PERMALINK|ID")


def _add_night(add: Adding) -> None:
    night = add(
        "night",
        "Learn from the threads that people closed, as a running Earshot does once a night, or decide about what "
        "nights changed. Each date is one change set that can be taken back.",
        json=True,
    )
    night.add_argument(
        "--date",
        type=_date,
        metavar="DATE",
        help="the night to run, such as 2026-01-31 (default: the one that began last; one that is done goes on)",
    )
    night.add_argument(
        "--dry-run",
        action="store_true",
        help="on a copy of the store: show what would change, change nothing",
    )
    decided = night.add_mutually_exclusive_group()
    decided.add_argument(
        "--list", action="store_true", help="list the latest nights and what waits for approval"
    )
    decided.add_argument("--revert", type=_date, metavar="DATE", help="take a night back, index included")
    decided.add_argument(
        "--approve", metavar="DATE|ENTRY", help="let what waits of a night, or one entry, count"
    )
    decided.add_argument(
        "--reject", metavar="DATE|ENTRY", help="say no to what waits; it is not proposed again"
    )


def _add_forget(add: Adding) -> None:
    gone = add(
        "forget",
        "Forget a person, a message or a channel for good: what was said, what follows from it alone, and every trace "
        "in the store's files. Prints a receipt. Asks first. Works while Earshot runs.",
        json=True,
    )
    asked = gone.add_mutually_exclusive_group(required=True)
    asked.add_argument("--user", metavar="ID", help="a person: whole id, its last part, or display name")
    asked.add_argument("--message", metavar="LINK", help="a message: its link or id")
    asked.add_argument("--channel", metavar="ID", help="a channel: whole id, its last part, or #name")
    asked.add_argument(
        "--verify", type=Path, metavar="RECEIPT", help="look in the store for what this receipt says is gone"
    )
    gone.add_argument("--dry-run", action="store_true", help="say what would go, and change nothing")
    gone.add_argument("--yes", action="store_true", help="do not ask first")


def _add_audit(add: Adding) -> None:
    audit = add(
        "audit",
        "Show what was decided, done, learnt and ordered, by ids and numbers, and check that nobody changed "
        "the record. Changes nothing.",
        json=True,
    )
    audit.add_argument(
        "--since",
        type=_since,
        metavar="SPAN|DATE",
        help="from then on: 7d, 12h, or a date such as 2026-01-31",
    )
    audit.add_argument("--until", type=_date, metavar="DATE", help="up to the end of this date")
    audit.add_argument(
        "--kind", action="append", metavar="KIND", help="only this kind, such as posted; may be repeated"
    )
    audit.add_argument(
        "--channel", metavar="ID", help="only in this channel: whole id, its last part, or #name"
    )
    audit.add_argument("--user", metavar="ID", help="only what this person did: whole id, last part, or name")
    audit.add_argument("--message", metavar="LINK", help="only about this message, or an answer to it")
    audit.add_argument(
        "--text", action="store_true", help="with what the messages say, if they are still kept"
    )
    audit.add_argument(
        "--limit", type=_rows, metavar="N", help="the newest N (default: 50; with --json: all)"
    )
    audit.add_argument(
        "--verify",
        nargs="?",
        const="",
        metavar="HEAD",
        help="look for rows that were changed or taken out; HEAD, as it printed it before, must still be there",
    )


def _add_backfill(add: Adding) -> None:
    backfill = add(
        "backfill",
        "Hear what was said in channels before Earshot came, as slowly as the platform asks for. Nothing of it is "
        "answered; what is closed is learnt from by the next night. Stopped anywhere, it goes on there.",
        json=True,
    )
    backfill.add_argument(
        "channels",
        nargs="*",
        metavar="CHANNEL",
        help="a channel that Earshot is in: #name, id or whole id (default: all of them)",
    )
    backfill.add_argument(
        "--since",
        type=_since,
        default=timedelta(days=90),
        metavar="SPAN|DATE",
        help="from then on: 90d (the default), 12h, or a date such as 2026-01-31",
    )
    backfill.add_argument("--platform", choices=("slack", "lark"), help="only there (default: all enabled)")


STATES = ("active", "pending", "rejected", "merged", "superseded", "disputed", "retired", "all")
_STATES_HELP = f"{', '.join(STATES[:-1])} or {STATES[-1]}"
ACTIONS = {
    "list": "what is known, newest first (what is done if nothing is said)",
    "show": "one entry: its words, who said them and where, its votes, and what became of it",
    "edit": "word it anew in $EDITOR, or with --set-…; the new wording stands in its place",
    "retire": "take it out: it is not quoted any more, and kept for `restore`",
    "restore": "take it in again, whatever took it out",
    "approve": "let in what a night was not sure of (--state pending lists it)",
    "reject": "do not let it in; it is not proposed again",
}
_ON_LIST = ("state", "origin", "match", "audience", "limit")
_ON_EDIT = ("set_title", "set_problem", "set_solution")


def _add_entries(add: Adding) -> None:
    entries = add("entries", "Look through what is known, and change it by hand.", json=True)
    entries.formatter_class = argparse.RawDescriptionHelpFormatter
    entries.epilog = (
        "actions:\n"
        + "".join(f"  {name:<9}{text}\n" for name, text in ACTIONS.items())
        + "\nAn ID may be cut short as long as only one entry begins so. Nothing is overwritten: what is taken\n"
        "out or worded anew stays, and can be restored.\n\n"
        "examples:\n"
        "  earshot entries --state pending\n"
        "  earshot entries --match 'spill folder' --limit 5\n"
        "  earshot entries show e3f09a1b2\n"
        "  earshot entries edit e3f09a1b2 --set-title 'The gate stops with MLR-4090'\n"
    )
    entries.add_argument(
        "action", nargs="?", choices=list(ACTIONS), default="list", metavar="ACTION", help="see below"
    )
    entries.add_argument(
        "ids", nargs="*", metavar="ID", help="which; list takes none, edit one, others any number"
    )
    entries.add_argument(
        "--state", choices=STATES, metavar="STATE", help=f"list: {_STATES_HELP} (default: active)"
    )
    entries.add_argument("--origin", metavar="X", help="list: what was learnt from this thread or document")
    entries.add_argument("--match", metavar="WORDS", help="list: what contains all of these words")
    entries.add_argument("--audience", type=_audience, metavar="WHO", help="list: what these may read")
    entries.add_argument("--limit", type=_count, metavar="N", help="list: at most this many (default: 20)")
    entries.add_argument("--set-title", metavar="T", help="edit: the new title; no editor is opened")
    entries.add_argument("--set-problem", metavar="Q", help="edit: the new problem")
    entries.add_argument("--set-solution", metavar="TEXT", help="edit: the new solution; - reads stdin")


def misused(arguments: argparse.Namespace) -> str | None:
    """What is wrong with arguments that are each right; None if nothing is."""
    if arguments.command == "learn":
        return _misused_learn(arguments)
    if arguments.command == "entries":
        return _misused_entries(arguments)
    return None


def _misused_learn(arguments: argparse.Namespace) -> str | None:
    if arguments.text is None and (arguments.title or arguments.problem):
        return "--title and --problem describe --text; give that, too"
    if arguments.text is None and not arguments.paths:
        return "nothing to learn; give a PATH, or --text"
    if arguments.text is not None and arguments.paths:
        return "give either --text or PATHs"
    return None


def _misused_entries(arguments: argparse.Namespace) -> str | None:
    action = arguments.action
    if action == "list" and arguments.ids:
        return "list takes no ID; `earshot entries show ID` shows one"
    if action != "list" and not arguments.ids:
        return f"{action} needs an ID; `earshot entries` lists them"
    if action == "edit" and len(arguments.ids) > 1:
        return "edit takes one ID at a time"
    for names, theirs in ((_ON_LIST, "list"), (_ON_EDIT, "edit")):
        given = [name for name in names if getattr(arguments, name) is not None]
        if given and action != theirs:
            return f"--{given[0].replace('_', '-')} belongs to {theirs}, not to {action}"
    return None


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of entries; give one such as 20")


def _audience(text: str) -> str:
    if is_audience(text):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is no audience; give public, workspace, workspace:ID or channel:ID"
    )

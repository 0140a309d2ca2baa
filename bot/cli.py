"""The command line: what can be asked for. Light, so that --help answers at once; what it does is in `commands`."""

import argparse
import importlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from knowledge.entry import PUBLIC, WORKSPACE

DEFAULT_CONFIG = Path("config.yaml")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
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
        help="settings (default: ./config.yaml)",
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
        command.set_defaults(command=name)
        return command

    add("run", "Listen to the platforms that config.yaml enables, until stopped.")
    demo = add(
        "demo",
        "Play an invented support channel in the terminal, then let you join in. Needs nothing.",
    )
    demo.add_argument("--once", action="store_true", help="play the day, print a summary, and exit")
    learn = add(
        "learn",
        "Add documents (Markdown, text, HTML, CSV with question and answer) and closed threads (a Slack export, "
        "JSON lines) to the knowledge. Learning the same again changes nothing.",
        json=True,
    )
    learn.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder to walk through"
    )
    learn.add_argument(
        "--audience",
        type=_audience,
        default=WORKSPACE,
        metavar="WHO",
        help="public | workspace | channel:ID (default: workspace; private channels of an export keep to themselves)",
    )
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
    doctor = add("doctor", "Look for what is wrong and say what to do.", json=True)
    doctor.add_argument("--retry", action="store_true", help="try the events again that were set aside")
    doctor.add_argument("--offline", action="store_true", help="do not ask the platforms")
    return top


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; give one such as 2026-01-31") from error


def _audience(text: str) -> str:
    if text in (PUBLIC, WORKSPACE) or (text.startswith("channel:") and len(text) > len("channel:")):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is no audience; give public, workspace or channel:ID")

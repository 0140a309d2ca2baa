"""`earshot forget`: forget for good, and look for what a receipt says is gone."""

import argparse
import json
import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from pathlib import Path

from bot import forget, ledger
from bot.app import index_folder
from bot.clock import SystemClock
from bot.forget import What
from bot.opening import config_of, store_of
from bot.receipts import Receipt, receipt_from
from bot.terminal import Failed, complain, err, out, say
from bot.verify import verify
from knowledge.database import Database


async def forget_for_good(arguments: argparse.Namespace) -> int:
    """Its exit code: 1 if traces are left in files. Raises Failed unless it is clear what, and that it is wanted."""
    config = config_of(arguments)
    with store_of(config) as database:
        folder = index_folder(database)
        if arguments.verify is not None:
            return _verify(database, arguments.verify, folder, as_json=arguments.json)
        what, subject = await _wanted(database, arguments)
        doing = partial(
            FORGETTING[what], database, subject, config=config, now=SystemClock().now(), folder=folder
        )
        if not arguments.yes and not arguments.dry_run:
            _confirm(what, subject, await doing(dry_run=True))
        receipt = await doing(dry_run=arguments.dry_run)
    _show_receipt(receipt, what, subject, as_json=arguments.json)
    return 0 if receipt.compacted else 1


FORGETTING: Mapping[What, Callable[..., Coroutine[None, None, Receipt]]] = {
    What.USER: forget.forget_user,
    What.MESSAGE: forget.forget_message,
    What.CHANNEL: forget.forget_channel,
}


async def _wanted(database: Database, arguments: argparse.Namespace) -> tuple[What, str]:
    """What is to be forgotten, by whole id. What was never heard of is taken as given: it may have been half gone."""
    finders = {
        What.USER: (arguments.user, forget.find_people),
        What.MESSAGE: (arguments.message, forget.find_messages),
        What.CHANNEL: (arguments.channel, ledger.find_channels),
    }
    what, (given, find) = next((each, asked) for each, asked in finders.items() if asked[0] is not None)
    found = await database.run(lambda connection: find(connection, given))
    if len(found) > 1:
        raise Failed(f"{given} may be any of: {', '.join(found)}; give one of these")
    if not found:
        err.print(f"no {what} {given} is known; taken as a whole id", style="yellow", markup=False)
    return what, found[0] if found else given


def _confirm(what: What, subject: str, told: Receipt) -> None:
    """Ask whoever sits at the terminal. Raises Failed without a yes."""
    err.print(f"Forget the {what} {subject}? {_counted(told)}", highlight=False, markup=False, soft_wrap=True)
    if not sys.stdin.isatty():
        raise Failed("nobody is there to be asked; add --yes to forget it, or --dry-run to see what would go")
    if err.input("This cannot be undone. Type yes to go on: ").strip().casefold() != "yes":
        raise Failed("nothing was forgotten")


def _counted(receipt: Receipt) -> str:
    rows = ", ".join(f"{count} {table}" for table, count in receipt.counts.items()) or "nothing"
    answers = f"; {receipt.answers} posted answers are to be taken back" if receipt.answers else ""
    return f"Rows deleted or changed: {rows}{answers}."


def _show_receipt(receipt: Receipt, what: What, subject: str, *, as_json: bool) -> None:
    if as_json:
        print(receipt.json())
    else:
        done = "Would forget" if receipt.dry_run else "Forgot"
        say(f"{done} the {what} {subject}. {_counted(receipt)}")
        entries = f"{len(receipt.removed) - len(receipt.rewritten)} entries removed, {len(receipt.rewritten)} rewritten"
        out.print(f"{entries}, {len(receipt.restored)} in force again.", highlight=False)
        out.print(f"digest {receipt.digest}", highlight=False)
    if not receipt.compacted:
        complain(receipt.remedy)


def _verify(database: Database, path: Path, folder: Path | None, *, as_json: bool) -> int:
    try:
        receipt = receipt_from(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failed(f"{path}: {error}; give the file in which `earshot forget --json` was kept") from error
    if receipt.dry_run:
        raise Failed(f"{path}: nothing was forgotten then, it was a dry run")
    places = verify(database, receipt, folder)
    if as_json:
        print(json.dumps({"found": places, "digest": receipt.digest}, ensure_ascii=False))
    else:
        for place in places:
            say(f"found in {place}")
        if not places:
            out.print(f"Nothing of it is in the store or its files. digest {receipt.digest}", highlight=False)
    return 1 if places else 0

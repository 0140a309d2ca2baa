"""How commands speak: what was asked for on stdout, everything else on stderr, and a problem that ends them."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

ShowProgress = Callable[[int, int, str], None]  # done, of how many, of what

out = Console()
err = Console(stderr=True)


class Failed(Exception):
    """A problem that was found; the message says what and the remedy. Exit code 1."""


def say(text: str, style: str = "") -> None:
    """A line on stdout as it is: no markup, no colours, not wrapped."""
    out.print(text, style=style, highlight=False, markup=False, soft_wrap=True)


def warn(text: str) -> None:
    """What a person should know, on stderr; it goes on."""
    err.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)


def complain(text: str) -> None:
    """What went wrong, on stderr."""
    err.print(text, style="red", highlight=False, markup=False, soft_wrap=True)


def log_to_stderr(*, verbose: bool) -> None:
    handler = RichHandler(console=err, show_path=False)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s", handlers=[handler], force=True)
    logging.getLogger("earshot").setLevel(logging.DEBUG if verbose else logging.INFO)


@contextmanager
def shown_progress() -> Iterator[ShowProgress]:
    """A progress bar on stderr, one line for each kind of work; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        tasks: dict[str, int] = {}

        def report(done: int, total: int, name: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)  # type: ignore[arg-type]

        yield report

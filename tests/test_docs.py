"""The documentation under test: what it names exists, and what exists is named."""

import argparse
import ast
import json
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from bot.adapters import lark_wire
from bot.adapters.slack_wire import OPTIONAL_SCOPES
from bot.app import open_database
from bot.cli import parser
from bot.doctor_lark import OPTIONAL, PERMISSIONS
from bot.health import Figures
from bot.tickets import TRANSITIONS, TicketState
from tests import platforms

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
MANIFEST: dict[str, Any] = json.loads((ROOT / "manifest.json").read_text(encoding="utf-8"))
SCOPES = set(MANIFEST["oauth_config"]["scopes"]["bot"])
EVENTS = set(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
SHARED = {"--help", "--config", "--verbose"}

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections(page: Path) -> dict[str, str]:
    """The page's parts by heading of the second level."""
    parts = re.split(r"^## (.+)$", text_of(page), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def first_cells(text: str) -> list[str]:
    """What stands in the first column of the tables, in code marks."""
    rows = re.findall(r"^\| (`.+?`(?:, `.+?`)*) \|", text, flags=re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def fenced(text: str) -> list[str]:
    return re.findall(r"^ *```\w*\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))


# ---- commands -----------------------------------------------------


def commands() -> dict[str, argparse.ArgumentParser]:
    [choices] = [action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(choices.choices)


def names_of(command: argparse.ArgumentParser) -> set[str]:
    """Long options, and what its help calls its arguments."""
    options = {name for action in command._actions for name in action.option_strings if name.startswith("--")}
    given = {str(a.metavar or a.dest) for a in command._actions if not a.option_strings}
    return options | given


def test_every_command_has_its_section_in_the_order_of_the_help() -> None:
    documented = [
        head.removeprefix("earshot ") for head in sections(DOCS / "commands.md") if "earshot" in head
    ]
    assert documented == list(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_and_argument_is_explained_and_no_other(name: str) -> None:
    cells = first_cells(sections(DOCS / "commands.md")[f"earshot {name}"])
    explained = {cell.replace("\\|", "|").split(" ")[0] for cell in cells}
    assert explained == names_of(commands()[name]) - SHARED


def test_the_options_of_every_command_are_explained_once() -> None:
    cells = first_cells(sections(DOCS / "commands.md")["Options of every command"])
    assert {cell.split(" ")[0] for cell in cells} == SHARED | {"-h", "-v"}
    assert all(names_of(command) >= SHARED for command in commands().values())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_has_an_example(name: str) -> None:
    examples = [
        line
        for block in fenced(sections(DOCS / "commands.md")[f"earshot {name}"])
        for line in block.splitlines()
    ]
    assert any(line.startswith(f"earshot {name}") for line in examples)


def example_commands(page: Path) -> Iterator[list[str]]:
    """The arguments of each Earshot command in a page's code blocks, without pipes, redirections and comments."""
    for block in fenced(text_of(page)):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"\s*(?:\$ )?(?:\S*/)?(?:earshot|python -m bot) (.*)", line):
                yield shlex.split(re.split(r" [|>#] ?", found[1])[0])


@pages
def test_every_example_is_understood_by_the_parser(page: Path) -> None:
    for arguments in example_commands(page):
        if arguments != ["--help"]:
            parser().parse_args(arguments)  # leaves with code 2 if not


@pages
def test_every_command_that_is_named_exists(page: Path) -> None:
    named = set(re.findall(r"`(?:earshot|python -m bot) ([a-z]+)", text_of(page)))
    assert named <= set(commands())


# ---- Slack -----------------------------------------------------


def test_every_scope_and_event_is_explained_and_no_other() -> None:
    asked = first_cells(sections(DOCS / "slack.md")["What it asks for, and why"])
    assert sorted(asked) == sorted(SCOPES | EVENTS | OPTIONAL_SCOPES)


def test_no_scope_is_named_that_is_not_asked_for() -> None:
    named = set(re.findall(r"`([a-z_.]+:(?:read|write|history|join)[a-z.]*)`", text_of(DOCS / "slack.md")))
    asked = {scope for scope in SCOPES if ":" in scope}
    assert named == asked | OPTIONAL_SCOPES | {"connections:write"}  # the latter is the app-level token's


def test_every_permission_and_event_of_lark_is_explained_and_no_other() -> None:
    asked = first_cells(sections(DOCS / "lark.md")["What it asks for, and why"])
    assert sorted(asked) == sorted([*PERMISSIONS, *OPTIONAL, *lark_wire.EVENTS, *lark_wire.CALLBACKS])


def test_larks_permissions_can_be_imported() -> None:
    told = json.loads(text_of(DOCS / "lark-permissions.json"))
    assert told == {"scopes": {"tenant": sorted(PERMISSIONS), "user": []}}


def test_larks_permissions_go_by_what_the_console_calls_them() -> None:
    page = text_of(DOCS / "lark.md")
    assert all(f"| `{key}` | {held.title} |" in page for key, held in PERMISSIONS.items())


def test_the_tables_of_platforms_are_what_the_tests_draw() -> None:
    page = text_of(platforms.PAGE)
    assert page == platforms.drawn(page), "run `python -m tests.platforms`"
    assert all(table in page for table in platforms.tables())


def test_every_table_of_the_store_is_explained_and_no_other(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    tables = set(database.run_blocking(lambda connection: inspect(connection).get_table_names()))
    database.close()
    kept = {name for name in tables if not name.startswith("sqlite_")}
    assert set(first_cells(sections(DOCS / "architecture.md")["Tables"])) == kept
    told = re.findall(
        r"`(\w+)`", " ".join(re.findall(r"^\|[^|]*\|([^|]*)\|", kept_where(), flags=re.MULTILINE))
    )
    assert set(told) <= kept


def kept_where() -> str:
    return sections(DOCS / "slack.md")["What is kept, and where"]


# ---- metrics -----------------------------------------------------


def test_every_metric_is_explained_and_no_other() -> None:
    families = list(Figures().registry.collect())
    told = {f"{one.name}_total" if one.type == "counter" else one.name for one in families}
    assert set(first_cells(sections(DOCS / "operating.md")["What is measured"])) == told


# ---- tickets -----------------------------------------------------


def ticket_diagram() -> str:
    """The table of transitions as a mermaid state diagram: one arrow for each pair of states."""
    arrows: dict[tuple[TicketState, TicketState], list[str]] = defaultdict(list)
    for (state, step), after in TRANSITIONS.items():
        arrows[state, after].append(step)
    drawn = [f"    {state} --> {after}: {', '.join(steps)}" for (state, after), steps in arrows.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {TicketState.OPENED}", *drawn, ""])


def test_the_ticket_diagram_is_the_one_that_the_table_draws() -> None:
    blocks = re.findall(
        r"^```mermaid\n(.*?)^```", text_of(DOCS / "architecture.md"), re.MULTILINE | re.DOTALL
    )
    assert blocks == [ticket_diagram()]


# ---- benchmarks -----------------------------------------------------


def benchmarks() -> set[str]:
    """The modules of benchmarks/ that can be run by name."""
    modules = {path.stem: ast.parse(text_of(path)) for path in (ROOT / "benchmarks").glob("[a-z]*.py")}
    return {name for name, tree in modules.items() if "main" in functions(tree.body)}


def functions(body: Iterable[ast.stmt]) -> set[str]:
    return {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def benchmarks_named_in(page: Path) -> set[str]:
    return set(re.findall(r"python -m benchmarks ([a-z_]+)", text_of(page)))


@pages
def test_every_benchmark_that_is_named_exists(page: Path) -> None:
    assert benchmarks_named_in(page) <= benchmarks()


def test_every_benchmark_is_documented() -> None:
    assert benchmarks_named_in(DOCS / "benchmarks.md") == benchmarks()


# ---- the code -----------------------------------------------------


def test_every_function_that_the_architecture_names_exists() -> None:
    folders = ("bot", "bot/adapters", "knowledge")
    modules = {path.stem: path for folder in folders for path in ROOT.glob(f"{folder}/*.py")}
    named = re.findall(r"`([a-z_]+)\.([a-z_]+)`", text_of(DOCS / "architecture.md"))
    assert len(named) > 5
    for module, name in named:
        assert name in functions(ast.parse(text_of(modules[module])).body), f"{module}.{name}"


# ---- links and files -----------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The fragments by which GitHub reaches a page's headings."""
    heads = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pages
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(text_of(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        led_to = (page.parent / path).resolve() if path else page
        assert led_to.exists(), f"{page.name}: {target}"
        assert not fragment or fragment in anchors(led_to), f"{page.name}: {target}"


@pages
def test_every_file_of_the_code_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`((?:bot|knowledge|tests|benchmarks|docs)/[\w/*.]+)`", text_of(page)):
        assert list(ROOT.glob(name)), f"{page.name}: {name}"

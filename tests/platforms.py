"""The tables of docs/platforms.md, drawn from the tests; `python -m tests.platforms` puts them into the page."""

import ast
from collections.abc import Collection
from pathlib import Path

from tests.bot import test_adapter_contract, test_everywhere
from tests.bot.test_adapter_contract import STAGES

PAGE = Path(__file__).parent.parent / "docs" / "platforms.md"


def tables() -> tuple[str, str]:
    """What people meet, and what the handlers may rely on: a line for each test, a column for each transport."""
    return (
        _table(Path(test_everywhere.__file__), test_everywhere.NOT_THERE),
        _table(Path(test_adapter_contract.__file__), test_adapter_contract.NOT_THERE),
    )


def _table(file: Path, not_there: Collection[tuple[str, str]]) -> str:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tests = (node.name for node in tree.body if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef))
    lines = [
        f"| {name.removeprefix('test_').replace('_', ' ')} |"
        + "".join(f" {'–' if (stage, name) in not_there else '✓'} |" for stage in STAGES)
        for name in sorted(tests)
        if name.startswith("test_")
    ]
    return "\n".join([f"| | {' | '.join(STAGES)} |", "|---|" + "---|" * len(STAGES), *lines])


def drawn(page: str) -> str:
    """``page`` with the tables as they are now in place of those that stand there."""
    fresh = iter(tables())
    blocks = page.split("\n\n")
    return "\n\n".join(next(fresh) if block.startswith("| |") else block for block in blocks)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

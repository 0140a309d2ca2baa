"""`python -m benchmarks NAME [options]`."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main(argv: list[str]) -> int:
    if not argv or argv[0] not in NAMES:
        print(
            f"usage: python -m benchmarks NAME [options]; NAME is one of: {', '.join(NAMES)}", file=sys.stderr
        )
        return 2
    code: int = importlib.import_module(f"benchmarks.{argv[0]}").main(argv[1:])
    return code


sys.exit(main(sys.argv[1:]))

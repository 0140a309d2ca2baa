"""`python -m bot` and the console script `earshot`."""

import sys

from bot.cli import main

if __name__ == "__main__":
    sys.exit(main())

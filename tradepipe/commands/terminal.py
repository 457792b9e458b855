"""Where commands print."""

import sys

from rich.console import Console

PIPE_WIDTH = 120


def console() -> Console:
    """As wide as the terminal, or wide enough for tables where there is none."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=PIPE_WIDTH)

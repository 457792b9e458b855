"""`tradepipe config show`."""

from rich.console import Console
from rich.table import Table

from tradepipe.settings import load, provenance_rows


class UnknownSettingError(LookupError):
    """No setting begins with what was asked for."""


def show_config(console: Console, prefix: str | None) -> None:
    """Print key path, value and origin of each setting whose key begins with `prefix`."""
    table = Table("key", "value", "from", box=None, pad_edge=False, header_style="bold")
    for key, value, origin in provenance_rows(load()):
        if prefix is None or key.startswith(prefix):
            table.add_row(key, value, origin)
    if table.row_count == 0:
        raise UnknownSettingError(f"No setting begins with {prefix!r}; `tradepipe config show` lists all.")
    console.print(table)

"""`tradepipe sql`: run a file of `dbt_like_sql` over a market's published layers."""

import polars as pl
from rich.console import Console
from rich.table import Table

from tradepipe.commands.project import Project
from tradepipe.markets import Market
from tradepipe.paths import sql_folder
from tradepipe.store import Warehouse

ROWS_SHOWN = 40


class UnknownQueryError(LookupError):
    """There is no such file in dbt_like_sql."""


def show_sql(project: Project, market: Market, console: Console, name: str) -> None:
    """Print the result of `dbt_like_sql/<name>.sql` for `market`.

    Raises:
        UnknownQueryError: there is no such file; the message lists those there are.
    """
    file = sql_folder() / f"{name}.sql"
    if not file.is_file():
        known = ", ".join(sorted(path.stem for path in sql_folder().glob("*.sql")))
        raise UnknownQueryError(f"There is no dbt_like_sql/{name}.sql. There is: {known}.")
    result = Warehouse(project.store).query(file.read_text(), market.name)
    table = Table(*result.columns, title=f"{market.name}: {name}", title_justify="left", box=None, pad_edge=False)
    for row in result.head(ROWS_SHOWN).with_columns(pl.selectors.float().round(6)).rows():
        table.add_row(*("-" if value is None else str(value) for value in row))
    console.print(table)
    if result.height > ROWS_SHOWN:
        console.print(f"… and {result.height - ROWS_SHOWN} more rows")

"""`tradepipe sql`: run a mart, or a SELECT of one's own, over a market's published layers."""

import datetime as dt
from collections.abc import Mapping

import polars as pl
from rich.console import Console
from rich.table import Table

from tradepipe.chain.marts import query
from tradepipe.commands.project import Project
from tradepipe.markets import Market
from tradepipe.paths import sql_folder
from tradepipe.warehouse import Mart, load_marts, open_warehouse

ROWS_SHOWN = 40
WIDEST = 24  # characters; longer values are folded


class UnknownQueryError(LookupError):
    """There is no such mart, or no such time."""


def show_sql(  # noqa: PLR0913 - what, of which market, where to, how
    project: Project, market: Market, console: Console, name: str, *, as_of: str | None = None, csv: bool = False
) -> None:
    """Print what `name`, a mart or a SELECT with `ref()`, gives for `market` now, or as of a time.

    A table shows the first rows; `csv` writes all of them, to be piped elsewhere.

    Raises:
        UnknownQueryError: there is no such mart; the message lists those there are.
    """
    marts = load_marts(sql_folder())
    result = query(
        open_warehouse(project.settings.warehouse),
        project.store,
        market,
        marts,
        _text(name, marts),
        now=dt.datetime.now(dt.UTC),
        as_of=_moment(as_of),
    )
    if name in marts:
        result = result.select(marts[name].contract.column_names).sort(marts[name].header.key)
    if csv:
        console.file.write(result.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.fZ"))
        return
    title = f"{market.name}: {name}" + (f" as of {as_of}" if as_of else "")
    shown = result.head(ROWS_SHOWN).with_columns(
        pl.selectors.float().round(6), pl.selectors.datetime().dt.to_string("%Y-%m-%d %H:%M:%S")
    )
    rows = [["-" if value is None else str(value) for value in row] for row in shown.rows()]
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for place, column in enumerate(result.columns):
        # Long names give way, in lines of their words; values stay whole.
        widest = max(map(len, [*column.split("_"), *(row[place] for row in rows)]))
        table.add_column(column.replace("_", " "), min_width=min(widest, WIDEST), overflow="fold")
    for row in rows:
        table.add_row(*row)
    needed = console.measure(table).minimum
    console.print(
        table, width=max(needed, min(console.width, console.measure(table).maximum)), crop=False, no_wrap=True
    )
    if result.height > ROWS_SHOWN:
        console.print(f"… and {result.height - ROWS_SHOWN} more rows")


def _text(name: str, marts: Mapping[str, Mart]) -> str:
    if name in marts:
        return marts[name].sql
    if name.lower().lstrip().startswith(("select ", "select\n", "with ", "from ")):
        return name
    raise UnknownQueryError(
        f"There is no dbt_like_sql/{name}.sql. There is: {', '.join(sorted(marts))}. "  # noqa: S608 - no query
        "Or write a query: \"SELECT … FROM ref('bars')\"."
    )


def _moment(text: str | None) -> dt.datetime | None:
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UnknownQueryError(
            f"--as-of {text}: expected a time such as 2018-03-01T21:00 (UTC) or 2018-03-01T16:00-05:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)

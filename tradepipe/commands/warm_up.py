"""`tradepipe indicators warmup`: how many bars each indicator needs until the start no longer matters."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradepipe.chain import dataset
from tradepipe.commands.project import Project
from tradepipe.indicators import BoundIndicator, indicators
from tradepipe.indicators.configured import features_of
from tradepipe.indicators.inputs import INPUTS
from tradepipe.indicators.warm_up import Need, needs_of
from tradepipe.reporting.indicator_document import index_bars

SYMBOLS = 5
_SUFFIXES = (".csv", ".feather", ".parquet")


class BarsError(ValueError):
    """There are no bars to measure on, or they are not as they must be."""


def show_warm_up(
    console: Console, market: str | None, file: Path | None, *, tolerance: float, as_json: bool = False
) -> bool:
    """Print what each indicator needs; True if a declared lookback is too small.

    Args:
        console: where to.
        market: measure its configured indicators, on its bars; all indicators with their defaults if none.
        file: measure on these bars instead.
        tolerance: relative difference that no longer matters.
        as_json: print JSON.

    Raises:
        BarsError: there are no bars, or they lack a column or hold what is no number.
    """
    bound, title, bars = list[BoundIndicator](), "S&P 500, daily, 1999 to 2018", None
    if market is None:
        bound = [one.bind() for one in indicators().values()]
    else:
        project = Project.load()
        chosen = project.market(market)
        bound = list(dict.fromkeys(feature.bound for feature in features_of(chosen)))
        if file is None:
            if not project.store.catalogue.current(dataset(market, "bars"), None):
                raise BarsError(f"{market} has no bars yet; run it first, or give --bars FILE")
            bars, title = project.store.read(dataset(market, "bars")), f"{market}, published bars"
    if file is not None:
        bars, title = _of_file(file), str(file)
    needs = needs_of(bound, _series(index_bars() if bars is None else bars), tolerance)
    if as_json:
        console.out(json.dumps([_as_dict(need) for need in needs], indent=1))
    else:
        _print(console, needs, title, tolerance)
    return any(need.too_small for need in needs)


def _print(console: Console, needs: Sequence[Need], title: str, tolerance: float) -> None:
    table = Table("indicator", title=escape(title), title_justify="left", box=None, pad_edge=False)
    table.add_column("needed", justify="right")
    table.add_column("lookback", justify="right")
    table.add_column("")
    for need in needs:
        table.add_row(need.bound.text, _needed(need), f"{need.bound.lookback:,}", _verdict(need))
    console.print(table)
    measured = [need for need in needs if need.needed is not None]
    small = [need.bound.text for need in measured if need.too_small]
    enough = "Every lookback measured is enough." if measured else "Remedy: give --bars with more of them."
    console.print(
        f"{len(measured)} of {len(needs)} measured. needed: bars of history after which the start of the series "
        f"changes no value by more than {tolerance:g} of its size. "
        + (f"[bold]Lookback too small: {', '.join(small)}[/]" if small else enough)
    )


def _needed(need: Need) -> str:
    if need.needed is None:
        return "-"
    return f"{need.needed:,}" if need.settled else f"> {need.watched - 1:,}"


def _verdict(need: Need) -> str:
    if need.needed is None:
        return f"not measured: the bars have no {', '.join(need.lacking)}" if need.lacking else "not measured: too few"
    if need.too_small:
        return f"[bold]too small, by {need.needed - need.bound.lookback:,}[/]"
    return "enough here; depends on its path" if need.bound.indicator.path_dependent else "enough"


def _as_dict(need: Need) -> dict[str, object]:
    return {
        "indicator": need.bound.text,
        "needed": need.needed,
        "lookback": need.bound.lookback,
        "too_small": need.too_small,
        "settled": need.settled,
        "path_dependent": need.bound.indicator.path_dependent,
        "lacking": list(need.lacking),
    }


def _of_file(file: Path) -> pl.DataFrame:
    suffix = file.suffix.lower()
    if suffix not in _SUFFIXES:
        raise BarsError(f"{file}: bars are read from {', '.join(_SUFFIXES)}")
    try:
        if suffix == ".csv":
            return pl.read_csv(file)
        return pl.read_parquet(file) if suffix == ".parquet" else pl.read_ipc(file)
    except FileNotFoundError:
        raise BarsError(f"{file}: there is no such file") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BarsError(f"{file}: {str(error).splitlines()[0]}") from None


def _series(bars: pl.DataFrame) -> list[Mapping[str, NDArray[np.float64]]]:
    """The inputs of the symbols with the most bars, each in time order."""
    there = [name for name in INPUTS if name in bars.columns]
    if not {"open", "high", "low", "close"} <= set(there):
        raise BarsError(f"the bars need the columns open, high, low, close; they have {', '.join(bars.columns)}")
    if bars.is_empty():
        raise BarsError("the bars have no rows")
    if "open_time" in bars.columns:
        bars = bars.sort("open_time")
    parts = bars.partition_by("symbol") if "symbol" in bars.columns else [bars]
    return [_arrays(part, there) for part in sorted(parts, key=lambda part: -part.height)[:SYMBOLS]]


def _arrays(part: pl.DataFrame, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    arrays = {}
    for name in names:
        try:
            column = _days(part.get_column(name)) if name == "session" else part.get_column(name)
            array = column.cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
        except pl.exceptions.PolarsError as error:
            wanted = "dates such as 2018-12-31" if name == "session" else "numbers"
            raise BarsError(f"{name} must hold {wanted}: {str(error).splitlines()[0]}") from None
        if not np.isfinite(array).all():
            row = int(np.argmin(np.isfinite(array)))
            raise BarsError(f"{name} of row {row + 1} is {part.item(row, name)}; indicators need finite numbers")
        array.flags.writeable = False
        arrays[name] = array
    return arrays


def _days(column: pl.Series) -> pl.Series:
    if column.dtype == pl.String:
        return column.str.to_date("%Y-%m-%d").cast(pl.Int32)
    if not column.dtype.is_temporal():  # 20181231 is no day since 1970
        raise pl.exceptions.InvalidOperationError(f"they are {column.dtype}")
    return column.cast(pl.Date).cast(pl.Int32)

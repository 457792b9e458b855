"""docs/indicators.md and its plots: the registry's page, drawn on real prices."""

from pathlib import Path

import numpy as np
import polars as pl

from tradepipe.indicators import Indicator, indicators
from tradepipe.indicators.batch.running import run_kernel
from tradepipe.indicators.document import IMAGES, PAGE, image_of, page
from tradepipe.indicators.inputs import OUTSIDE_INPUTS
from tradepipe.indicators.registry import family_of
from tradepipe.ingest.vendor import shipped
from tradepipe.reporting.drawing import sentence_figure
from tradepipe.reporting.indicator_plots import indicator_figure, pattern_figure
from tradepipe.reporting.rendering import to_small_png

SHOWN = 250
CANDLES = 44
AFTER_PATTERN = 12
RESOLUTION = 80
PRICES = ("open", "high", "low", "close", "volume")
INDEX, PERPETUAL = "index points", "USDT"
_EIGHT_HOURS = "8h"
_FILES = ("1h-futures", "8h-funding_rate", "8h-mark")


def document(folder: Path, *, data: Path | None = None) -> list[Path]:
    """Write the page and its plots into `folder`; the files that changed, sorted.

    Plots of indicators that read funding or mark prices need `data`, a folder that holds the files of Binance
    that `perpetual_bars` names; without it they stay as they are. Plots of indicators that are no more are removed.

    Raises:
        VendorDataError: the package `arch` does not ship the index prices.
    """
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    changed = _replace(folder / PAGE, page().encode())
    index = index_bars()
    perpetual = perpetual_bars(data) if data is not None else None
    for indicator in indicators().values():
        image = draw(indicator, index, perpetual)
        if image is not None:
            changed += _replace(folder / image_of(indicator), image)
    known = {image_of(indicator) for indicator in indicators().values()}
    for path in (folder / IMAGES).glob("*.png"):
        if f"{IMAGES}/{path.name}" not in known:
            path.unlink()
            changed.append(path)
    return sorted(changed)


def draw(indicator: Indicator, index: pl.DataFrame, perpetual: pl.DataFrame | None) -> bytes | None:
    """The plot as PNG; None when it needs bars that are not there."""
    outside = [name for name in indicator.inputs if name in OUTSIDE_INPUTS and name != "benchmark"]
    bars, currency = (perpetual, PERPETUAL) if outside else (index, INDEX)
    if "open_interest" in outside:
        title = f"{indicator.bind().text}: not drawn"
        return to_small_png(sentence_figure(title, "No open interest comes with the project."), resolution=RESOLUTION)
    if bars is None:
        return None
    rows = values_of(indicator, bars)
    bound = indicator.bind()
    if family_of(indicator) == "patterns":
        figure = pattern_figure(bound, _last_found(rows, bound.described[0].name), currency=currency)
    else:
        figure = indicator_figure(bound, rows.tail(SHOWN), currency=currency)
    return to_small_png(figure, resolution=RESOLUTION)


def values_of(indicator: Indicator, bars: pl.DataFrame) -> pl.DataFrame:
    """`bars` of one symbol, with the indicator's outputs at its defaults; null where undefined."""
    bound = indicator.bind()
    arrays = {name: _read_only(bars[name]) for name in bound.inputs}
    outputs = run_kernel(bound, arrays, np.array([0, bars.height], np.int64))
    columns = [
        pl.Series(output.name, values).fill_nan(None) for output, values in zip(bound.described, outputs, strict=True)
    ]
    return bars.with_columns(columns)


def index_bars() -> pl.DataFrame:
    """S&P 500, daily, 1999 to 2018: open_time, session, prices, volume; the NASDAQ Composite's close as `benchmark`."""
    price = [pl.col(name.capitalize()).cast(pl.Float64).alias(name) for name in PRICES]
    session = pl.col("Date").str.to_date()
    own = shipped("SPX", "sp500").select(
        session.cast(pl.Datetime("us", "UTC")).alias("open_time"), session.alias("session"), *price
    )
    other = shipped("IXIC", "nasdaq").select(
        session.alias("session"), pl.col("Close").cast(pl.Float64).alias("benchmark")
    )
    return own.join(other, on="session", how="inner").sort("session")


def perpetual_bars(data: Path) -> pl.DataFrame | None:
    """Bitcoin perpetual in bars of 8 hours, with funding_rate as last paid and mark_price at the close; or None.

    Reads `BTC_USDT_USDT-1h-futures.feather`, `-8h-funding_rate.feather` and `-8h-mark.feather` (columns date, open,
    high, low, close, volume; a rate stands in `open`) somewhere below `data`; of files of one name the largest.
    """
    found = [sorted(data.rglob(f"BTC_USDT_USDT-{name}.feather"), key=_size) for name in _FILES]
    if not all(found):
        return None
    hours, funding, mark = (_of_file(files[-1]) for files in found)
    ends = {"open": pl.first("open"), "high": pl.max("high"), "low": pl.min("low"), "close": pl.last("close")}
    bars = hours.group_by_dynamic("open_time", every=_EIGHT_HOURS).agg(pl.len(), pl.sum("volume"), **ends)
    rates = funding.select("open_time", funding_rate="open")
    return (
        bars.filter(pl.col("len") == 8)
        .join(mark.select("open_time", mark_price="close"), on="open_time", how="inner")
        .sort("open_time")
        .join_asof(rates, on="open_time")
        .with_columns(session=pl.col("open_time").dt.date())
        .drop_nulls()
    )


def _size(path: Path) -> int:
    return path.stat().st_size


def _of_file(path: Path) -> pl.DataFrame:
    frame = pl.read_ipc(path)
    return frame.with_columns(open_time=pl.col("date").cast(pl.Datetime("us", "UTC"))).drop("date").sort("open_time")


def _last_found(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Bars around the last one where `name` is not 0."""
    found = (rows[name].fill_null(0) != 0).arg_true()
    stop = min((found[-1] if len(found) else rows.height) + AFTER_PATTERN, rows.height)
    return rows.slice(max(stop - CANDLES, 0), CANDLES)


def _read_only(column: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = column.cast(pl.Int32).cast(pl.Float64) if column.dtype == pl.Date else column.cast(pl.Float64)
    array = np.ascontiguousarray(values.to_numpy()).view()
    array.flags.writeable = False
    return array


def _replace(path: Path, content: bytes) -> list[Path]:
    if path.is_file() and path.read_bytes() == content:
        return []
    path.write_bytes(content)
    return [path]

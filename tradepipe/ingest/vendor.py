"""The demo's vendor: real index bars that the `arch` package ships, delivered as monthly CSV files."""

import importlib.util
import os
from pathlib import Path

import polars as pl

SYMBOLS = {"IXIC": "nasdaq", "SPX": "sp500"}
FOLDER = "us_indices"

_COLUMNS = ("Symbol", "Date", "Open", "High", "Low", "Close", "Adj Close", "Volume")


class VendorDataError(RuntimeError):
    """The package that ships the demo's data is not as expected."""


def write_demo_files(folder: Path) -> list[Path]:
    """Write the S&P 500 (SPX) and NASDAQ Composite (IXIC) daily bars, 1999-01-04 to 2018-12-31.

    One delivery a month, `<folder>/us_indices/<YYYY-MM>.csv`, with both symbols; 240 files. Numbers
    are the package's own text, so no digit changes; only the date is written as ISO. A file is
    replaced in one step, and left alone when its content is already that.

    Returns:
        All 240 paths, in order.

    Raises:
        VendorDataError: `arch` is not installed or no longer ships the files.
    """
    rows = pl.concat([shipped(symbol, name) for symbol, name in SYMBOLS.items()]).sort("Date", "Symbol")
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    months = rows.with_columns(month=pl.col("Date").str.head(7)).partition_by("month", as_dict=True, include_key=False)
    return [_write(folder / FOLDER / f"{month}.csv", delivery) for (month,), delivery in sorted(months.items())]


def shipped(symbol: str, name: str) -> pl.DataFrame:
    """One index by its name in the package, as the package's own text. Does not import arch, which takes seconds.

    Raises:
        VendorDataError: as `write_demo_files`.
    """
    found = importlib.util.find_spec("arch")
    places = list(found.submodule_search_locations or []) if found else []
    if not places:
        raise VendorDataError("the demo's data comes with the package `arch`, which is not installed")
    path = Path(places[0]) / "data" / name / f"{name}.csv.gz"
    try:
        text = pl.read_csv(path, infer_schema=False)
    except FileNotFoundError:
        raise VendorDataError(f"{path} is not there: this version of `arch` does not ship the demo's data") from None
    date = pl.col("Date").str.to_date("%m/%d/%Y").dt.to_string("%Y-%m-%d")
    return text.with_columns(date, pl.lit(symbol).alias("Symbol")).select(_COLUMNS)


def _write(path: Path, delivery: pl.DataFrame) -> Path:
    content = delivery.write_csv().encode()
    if path.is_file() and path.read_bytes() == content:
        return path
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path

"""A project over the five years of 505 stocks, or over packaged bars where the shared file is absent."""

import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import yaml

from tradepipe.paths import conf_folder, source_checkout

MARKET = "stocks"
_COLUMNS = {name: name for name in ("open", "high", "low", "close", "volume")}


def shared_file() -> Path | None:
    """The 505-stock file of the shared data, if it is beside the checkout."""
    root = source_checkout()
    file = root.parent / "shared/data/equities/sp500_5yr/all_stocks_5yr.csv.gz" if root else None
    return file if file and file.is_file() else None


@dataclass(frozen=True)
class Stocks:
    """A home folder with its configuration: what a process needs to work on it is in `environment`."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "TRADEPIPE_HOME": str(self.home),
            "TRADEPIPE_CONF": str(self.home / "conf"),
            "TRADEPIPE_ENVIRONMENT": "test",
            "DAGSTER_HOME": str(self.home / "dagster"),
        }


def build(home: Path, source: Path, *, years: int, symbols: int | None, partition: str, **market: object) -> Stocks:
    """A home over the newest `years` of `source` (date,open,high,low,close,volume,Name), first `symbols` of it."""
    rows = pl.read_csv(gzip.decompress(source.read_bytes()), infer_schema=False)
    start = f"{2018 - years}-02-08"
    if symbols is not None:
        full = rows.group_by("Name").len().sort(pl.col("len"), "Name", descending=[True, False])["Name"].head(symbols)
        rows = rows.filter(pl.col("Name").is_in(full.implode()))
    rows = rows.filter(pl.col("date") >= start)
    landing = home / "landing" / MARKET
    landing.mkdir(parents=True)
    rows.write_csv(landing / "all.csv")
    names = sorted(set(rows["Name"]))
    shutil.copytree(conf_folder(), home / "conf")
    shutil.rmtree(home / "conf" / "markets")
    universe = home / "stocks.yaml"
    listed = [{"symbol": name, "name": name, "lot": 1, "tick": "0.01"} for name in names]
    universe.write_text(yaml.safe_dump({"name": "stocks", "version": "1.0.0", "instruments": listed}))
    told = {
        "name": MARKET,
        "description": "S&P 500 constituents of February 2018, daily",
        "currency": "USD",
        "calendar": "XNYS",
        "timezone": "America/New_York",
        "interval": "1d",
        "partition": partition,
        "start": start,
        "end": "2018-02-07",
        "universe": str(universe),
        "source": {
            "pattern": f"{MARKET}/*.csv",
            "symbol_column": "Name",
            "time_column": "date",
            "columns": _COLUMNS,
        },
        **market,
    }
    file = home / "conf" / "markets" / f"{MARKET}.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump(told))
    return Stocks(home)

"""Small daily panels of other markets than stocks, from the shared data."""

import datetime as dt
import gzip
import zipfile
from pathlib import Path

import polars as pl

from benchmarks.common.daily_panels import Market, market
from benchmarks.common.stocks import shared_file

CURRENCIES = ("eurusd", "eurgbp", "gbpusd", "nzdusd")
WEEK = 5


def others() -> dict[str, Market | None]:
    """Indices of 1999 to 2018, currencies since 2007, crypto since 2018, oil and VIX since 1986; None where absent."""
    file = shared_file()
    if file is None:
        return dict.fromkeys(("indices", "currencies", "crypto", "oil_vix"))
    folder, us = file.parents[2], "%m/%d/%Y"
    kept, coins = folder / "market", folder / "crypto/binance_1h_long"
    return {
        "indices": _panel(
            SPX=_table(kept / "arch_sp500.csv.gz", "Date", "Adj Close", us),
            IXIC=_table(kept / "arch_nasdaq.csv.gz", "Date", "Adj Close", us),
        ),
        "currencies": _panel(**{name: _pair(kept / f"lean_fx_oanda_{name}.zip") for name in CURRENCIES}),
        "crypto": _panel(**{name: _coin(coins / f"{name}_USDT-1h.feather") for name in ("BTC", "ETH")}),
        "oil_vix": _panel(
            WTI=_table(kept / "arch_wti.csv.gz", "Date", "DCOILWTICO", us),
            VIX=_table(kept / "vix_daily.csv.gz", "DATE", "CLOSE", "%Y-%m-%d"),
        ),
    }


def _panel(**closes: pl.DataFrame) -> Market:
    named = [rows.select(pl.lit(symbol).alias("symbol"), "session", "close") for symbol, rows in closes.items()]
    return market(pl.concat(named))


def _table(path: Path, day: str, close: str, written: str) -> pl.DataFrame:
    rows = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema=False)
    told = rows.select(session=pl.col(day).str.to_date(written), close=pl.col(close).cast(pl.Float64, strict=False))
    return told.drop_nulls()


def _pair(path: Path) -> pl.DataFrame:
    """Between bid and ask at the close of each weekday."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    cells = [line.split(",") for line in lines]
    told = {dt.date.fromisoformat(one[0][:8]): (float(one[4]) + float(one[9])) / 2 for one in cells}
    weekdays = {day: close for day, close in told.items() if day.isoweekday() <= WEEK}
    return pl.DataFrame({"session": list(weekdays), "close": list(weekdays.values())})


def _coin(path: Path) -> pl.DataFrame:
    """The last hour's close of each day."""
    rows = pl.read_ipc(path).group_by(session=pl.col("date").dt.date()).agg(pl.col("close").sort_by("date").last())
    return rows.sort("session")

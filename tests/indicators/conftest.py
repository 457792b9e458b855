"""Real and made bars in the shape of the bars layer, and windows over them."""

import datetime as dt
import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.indicators import made
from tests.indicators.cases import cases
from tests.indicators.made import PRICES, with_outside_inputs
from tradepipe.indicators import indicators

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "crypto"


def _vendor_file(symbol):
    # Found without importing arch, which would take seconds.
    path = Path(find_spec("arch").origin).parent / "data" / symbol / f"{symbol}.csv.gz"
    frame = pl.read_csv(gzip.decompress(path.read_bytes()))
    return frame.select(
        pl.lit(symbol).alias("symbol"),
        pl.col("Date").str.to_date("%m/%d/%Y" if "/" in frame["Date"][0] else "%Y-%m-%d").alias("session"),
        *(pl.col(name.title()).cast(pl.Float64).alias(name) for name in [*PRICES, "volume"]),
    )


def _timed(frame):
    """Add the times of a bar of 14:30 to 21:00 UTC."""
    day = pl.col("session").cast(pl.Datetime("us", "UTC"))
    return frame.with_columns(
        (day + pl.duration(hours=14, minutes=30)).alias("open_time"),
        (day + pl.duration(hours=21)).alias("close_time"),
        (day + pl.duration(hours=21, minutes=30)).alias("known_at"),
    )


@pytest.fixture(scope="session")
def index_bars():
    """S&P 500 and NASDAQ Composite, daily, 1999 to 2018: real bars that ship with `arch`."""
    frame = pl.concat([_vendor_file("sp500"), _vendor_file("nasdaq")])
    return with_outside_inputs(_timed(frame).sort("symbol", "open_time"))


@pytest.fixture(scope="session")
def crypto_bars():
    """Bitcoin perpetual, one minute: real bars with prices near 30,000 and moves of a tick."""
    path = SHARED / "binance_usdm" / "BTC_USDT_USDT-1m-futures.feather"
    if not path.exists():
        pytest.skip("the shared market data is not on this machine")
    frame = pl.read_ipc(path)
    bars = frame.select(
        pl.lit("BTCUSDT").alias("symbol"),
        pl.col("date").dt.date().alias("session"),
        pl.col("date").cast(pl.Datetime("us", "UTC")).alias("open_time"),
        (pl.col("date").cast(pl.Datetime("us", "UTC")) + pl.duration(minutes=1)).alias("close_time"),
        (pl.col("date").cast(pl.Datetime("us", "UTC")) + pl.duration(minutes=1)).alias("known_at"),
        *(pl.col(name).cast(pl.Float64) for name in [*PRICES, "volume"]),
    ).sort("open_time")
    return with_outside_inputs(bars)


@pytest.fixture(scope="session")
def bars_of():
    """Daily bars of a series of closes; highs and lows lie `reach` away from them."""

    def build(close, *, symbol="AAA", reach=0.0, volume=1000.0, start=dt.date(2020, 1, 1)):
        close = np.asarray(close, np.float64)
        return with_outside_inputs(
            _timed(
                pl.DataFrame(
                    {
                        "symbol": pl.Series([symbol] * len(close), dtype=pl.String),
                        "session": pl.Series([start + dt.timedelta(days=i) for i in range(len(close))], dtype=pl.Date),
                        "open": close,
                        "high": close + reach,
                        "low": close - reach,
                        "close": close,
                        "volume": pl.Series([volume] * len(close), dtype=pl.Float64),
                    }
                )
            )
        )

    return build


@pytest.fixture(scope="session")
def one_window():
    """One partition that holds every session."""
    return pl.DataFrame(
        {
            "partition": ["all"],
            "anchor_session": [dt.date(1900, 1, 1)],
            "first_session": [dt.date(1900, 1, 1)],
            "last_session": [dt.date(2999, 12, 31)],
        }
    )


@pytest.fixture(scope="session")
def monthly_windows():
    """One partition a month from `first` to `last` ("2001-01"), each anchored `lookback` sessions before its first."""

    def build(bars, first, last, lookback):
        sessions = (
            bars.select(pl.col("session").unique().sort()).with_row_index("n").with_columns(pl.col("n").cast(int))
        )
        months = (
            sessions.with_columns(pl.col("session").dt.strftime("%Y-%m").alias("partition"))
            .group_by("partition")
            .agg(pl.min("n"), first_session=pl.min("session"), last_session=pl.max("session"))
            .filter(pl.col("partition").is_between(pl.lit(first), pl.lit(last)))
            .sort("partition")
        )
        anchors = sessions["session"].gather((months["n"] - lookback).clip(0))
        return months.with_columns(anchors.alias("anchor_session")).select(
            "partition", "anchor_session", "first_session", "last_session"
        )

    return build


@pytest.fixture(scope="session")
def arrays_of():
    """The inputs of kernels from a frame: read-only float arrays by name."""
    return made.arrays_of


def pytest_generate_tests(metafunc):
    """A test that asks for `bound` runs on every case, so that a new indicator is covered unasked.

    A module with an oracle that knows some indicators only names those in ORACLES.
    """
    if "bound" in metafunc.fixturenames:
        known = getattr(metafunc.module, "ORACLES", indicators())
        metafunc.parametrize("bound", [one for one in cases() if one.values[0].name in known])

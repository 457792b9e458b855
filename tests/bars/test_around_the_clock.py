"""A 24/7 market with 1m bars and a partition a session, from CSV to clean bars, over clock changes."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tests.markets.building import MINUTES, build_market
from tradepipe.bars import anchored, clean_bars
from tradepipe.contracts import BARS, RAW_BARS, validate
from tradepipe.ingest import raw_bars, scan

# The clocks of New York and Berlin change in these weeks; a UTC day has 1,440 minutes all the same.
DAYS = [dt.date(2018, 3, 10), dt.date(2018, 3, 11), dt.date(2018, 3, 25), dt.date(2018, 11, 4)]
SYMBOLS = ["BTCUSDT", "ETHUSDT"]


@pytest.fixture(scope="module")
def market():
    return build_market(symbols=SYMBOLS, publication_delay=dt.timedelta(seconds=2), **MINUTES)


@pytest.fixture(scope="module")
def generated(market):
    """A random walk a symbol, on the calendar's own grid."""
    source = np.random.default_rng(7)
    frames = []
    for symbol in SYMBOLS:
        grid = pl.concat([market.calendar.grid(day, day, "1m") for day in DAYS])
        close = 100 * np.exp(np.cumsum(source.normal(0, 1e-3, grid.height)))
        opened = np.concatenate([[100.0], close[:-1]])
        frames.append(
            grid.with_columns(
                pl.lit(symbol).alias("Symbol"),
                pl.Series("Open", opened),
                pl.Series("High", np.maximum(opened, close) * 1.0005),
                pl.Series("Low", np.minimum(opened, close) * 0.9995),
                pl.Series("Close", close),
                pl.Series("Volume", source.integers(1, 1000, grid.height).astype(float)),
            )
        )
    return pl.concat(frames)


@pytest.fixture(scope="module")
def landing(tmp_path_factory, generated):
    folder = tmp_path_factory.mktemp("minutes")
    texts = generated.with_columns(Date=pl.col("open_time").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    for (day,), rows in texts.partition_by("session", as_dict=True).items():
        rows.select("Symbol", "Date", "Open", "High", "Low", "Close", "Volume").write_csv(folder / f"{day}.csv")
    return folder


def test_every_minute_arrives_in_its_sessions_partition(market, landing, generated):
    raw = raw_bars(scan(landing, "*.csv"), market)
    assert raw.refused.is_empty()
    counts = raw.rows.group_by("partition").len().sort("partition")
    assert counts.rows() == [(day.isoformat(), 1440 * len(SYMBOLS)) for day in DAYS]
    validate(RAW_BARS.arrange(raw.rows), RAW_BARS, market="crypto", layer="raw_bars", partition="-")
    assert [len(raw.landing_files_of(day.isoformat())) for day in DAYS] == [1, 1, 1, 1]

    cleaned = clean_bars(raw.rows, market)
    assert cleaned.refused.is_empty()
    validate(BARS.arrange(cleaned.bars), BARS, market="crypto", layer="bars", partition="-")
    sent = generated.rename({name: name.lower() for name in ("Symbol", "Open", "High", "Low", "Close", "Volume")})
    columns = ["symbol", "session", "open_time", "close_time", "open", "high", "low", "close", "volume"]
    assert cleaned.bars.select(columns).equals(sent.select(columns).sort("session", "symbol", "open_time"))
    assert ((cleaned.bars["known_at"] - cleaned.bars["close_time"]) == dt.timedelta(seconds=2)).all()


def test_a_minute_that_was_not_sent_is_a_gap(market, landing, tmp_path):
    lines = (landing / "2018-03-11.csv").read_text().splitlines()
    assert lines[5].startswith("BTCUSDT,2018-03-11T00:04")
    (tmp_path / "day.csv").write_text("\n".join(lines[:5] + lines[6:]))
    cleaned = clean_bars(raw_bars(scan(tmp_path, "*.csv"), market).rows, market)
    missing = dt.datetime(2018, 3, 11, 0, 4, tzinfo=dt.UTC)
    minute = dt.timedelta(minutes=1)
    assert cleaned.gaps.rows() == [
        ("BTCUSDT", dt.date(2018, 3, 11), missing, missing + minute, 1, "halt", None, "2018-03-11")
    ]


def test_a_session_is_computed_from_the_window_its_lookback_reaches(market, landing):
    bars = clean_bars(raw_bars(scan(landing, "*.csv"), market).rows, market).bars
    sessions = market.lookback_sessions(1441)
    windows = market.partitions.windows(["2018-03-11"], sessions)
    rows = anchored(bars, windows)
    assert sessions == 2
    assert rows["session"].unique().sort().to_list() == DAYS[:2]
    assert rows["partition"].unique().to_list() == ["2018-03-11"]

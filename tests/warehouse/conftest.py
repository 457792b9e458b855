"""A market with holes for marts to find, published through the store, and both engines."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from tests.projects import SMALL, SmallProject
from tradepipe.contracts import BARS, BARS_HISTORY, GAPS, QUARANTINE
from tradepipe.markets import Market, load_markets
from tradepipe.paths import sql_folder
from tradepipe.settings import WarehouseSettings, load_settings
from tradepipe.store import Companion, Input, PartitionStore
from tradepipe.warehouse import load_marts, open_warehouse

FIRST, LAST = "2018-01", "2018-03"
KEYS = ["2018-01", "2018-02", "2018-03"]
HOLES = {("SPX", dt.date(2018, 1, 31)), ("IXIC", dt.date(2018, 2, 1)), ("IXIC", dt.date(2018, 2, 2))}


@pytest.fixture(scope="session")
def engines(tmp_path_factory):
    """DuckDB and the embedded ClickHouse: a process can open one folder of the latter."""
    folder = tmp_path_factory.mktemp("clickhouse")
    told = WarehouseSettings(kind="clickhouse", url=f"chdb://{folder}")
    return {"duckdb": open_warehouse(WarehouseSettings()), "clickhouse": open_warehouse(told)}


@pytest.fixture(params=["duckdb", "clickhouse"])
def engine(request, engines):
    return engines[request.param]


@pytest.fixture(scope="session")
def market() -> Market:
    settings = load_settings(environ={**SMALL, "TRADEPIPE_HOME": "/nonexistent"})
    return load_markets(settings)["us_indices"]


@pytest.fixture(scope="session")
def marts():
    return load_marts(sql_folder())


@pytest.fixture(scope="session")
def bare(tmp_path_factory):
    """A store with nothing in it."""
    folder = tmp_path_factory.mktemp("bare")
    with PartitionStore.open(folder / "store", f"sqlite:///{folder / 'c.sqlite'}", dt.timedelta(hours=1)) as store:
        yield store


@pytest.fixture
def store(tmp_path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as store:
        yield store


@pytest.fixture(scope="session")
def packaged(delivered: Path, market) -> pl.DataFrame:
    """The packaged bars of the first three months, without HOLES, two of them flagged."""
    from tradepipe.contracts import UTC

    files = sorted((delivered / "landing" / "us_indices").glob("2018-0[123].csv"))
    raw = pl.concat([pl.read_csv(file, schema_overrides={"Date": pl.String}) for file in files])
    bounds = market.calendar.bounds(dt.date(2018, 1, 1), dt.date(2018, 3, 31))
    frame = raw.select(
        pl.col("Symbol").alias("symbol"),
        pl.lit("1d").alias("interval"),
        pl.col("Date").str.to_date().alias("session"),
        *[pl.col(name.title()).cast(pl.Float64).alias(name) for name in ("open", "high", "low", "close", "volume")],
    ).join(bounds.select("session", "open_time", "close_time"), on="session")
    flagged = pl.col("session").is_in([dt.date(2018, 2, 5), dt.date(2018, 2, 6)]) & (pl.col("symbol") == "SPX")
    hole = pl.struct("symbol", "session").is_in([{"symbol": symbol, "session": day} for symbol, day in HOLES])
    return BARS.arrange(
        frame.filter(~hole).with_columns(
            quality=pl.when(flagged).then(pl.lit("spike")).otherwise(pl.lit("ok")),
            known_at=(pl.col("close_time") + pl.duration(minutes=30)).cast(UTC),
        )
    )


def by_month(frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    parts = frame.with_columns(partition=pl.col("session").dt.strftime("%Y-%m")).partition_by(
        "partition", as_dict=True, include_key=False
    )
    return {key: part for (key,), part in parts.items()}


def gaps_of(market: Market) -> pl.DataFrame:
    bounds = market.calendar.bounds(dt.date(2018, 1, 1), dt.date(2018, 3, 31))
    rows = [
        ("IXIC", dt.date(2018, 2, 1), dt.date(2018, 2, 2), 2, "unknown"),
        ("SPX", *[dt.date(2018, 1, 31)] * 2, 1, "halt"),
    ]
    frame = pl.DataFrame(rows, schema=["symbol", "session", "last", "bars", "reason"], orient="row")
    frame = frame.join(bounds.select("session", first_open_time="open_time"), on="session").join(
        bounds.select(last="session", last_close_time="close_time"), on="last"
    )
    return GAPS.arrange(frame.with_columns(detail=pl.lit(None, pl.String), bars=pl.col("bars").cast(pl.Int64)))


def refusals() -> pl.DataFrame:
    rows = [
        ("bars", "2018-02", "f.csv", line, "IXIC", reason, None, "{}")
        for line, reason in ((2, "duplicate"), (3, "high_below_low"), (4, "high_below_low"))
    ]
    return QUARANTINE.arrange(pl.DataFrame(rows, schema=QUARANTINE.polars_schema, orient="row"))


def publish(store: PartitionStore, market: Market, bars: pl.DataFrame, history: pl.DataFrame | None = None) -> None:
    """Publish the bars by month, with their gaps, refused rows and history."""
    beside = {"gaps": Companion(GAPS, by_month(gaps_of(market)))}
    if history is not None:
        beside["history"] = Companion(BARS_HISTORY, by_month(history))
    frames = by_month(bars)
    store.publish(
        "us_indices/bars",
        frames,
        BARS,
        code_version="1",
        inputs={key: [Input("us_indices/raw_bars", key, "0" * 64)] for key in frames},
        refused={"2018-02": refusals()},
        beside=beside,
    )


@pytest.fixture
def published(store, market, packaged):
    publish(store, market, packaged)
    return store


@pytest.fixture
def small(fresh) -> SmallProject:
    return fresh

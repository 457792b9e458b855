"""Daily closes in the shape that members and the ensemble read, and the calendar that goes with them."""

import datetime as dt
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.common.bars import walk
from benchmarks.common.stocks import shared_file
from tradepipe.forecasting.ensemble import ensemble
from tradepipe.forecasting.members.run import member_forecasts
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.settings.forecasts import ForecastSettings

LARGE = "yahoo_daily"
"""Eighteen large stocks and funds, 2010 to 2024."""


@dataclass(frozen=True)
class Market:
    """Panel of returns and closes, and its sessions, some of them beyond the last bar."""

    panel: pl.DataFrame
    sessions: tuple[dt.date, ...]

    @property
    def traded(self) -> list[dt.date]:
        """Sessions with a bar."""
        last = self.panel["session"].max()
        return [one for one in self.sessions if one <= last]  # type: ignore[operator]  # both are dates

    @property
    def grid(self) -> pl.DataFrame:
        """The bars that the calendar expects."""
        return pl.DataFrame({"session": self.sessions}).with_columns(_opened().alias("open_time"))

    def windows(self, first: int, last: int, name: str, back: int) -> pl.DataFrame:
        """One partition for each value of strftime `name` among the traded sessions numbered `first` to `last`."""
        told = pl.DataFrame({"session": self.traded}).with_row_index("n").with_columns(pl.col("n").cast(pl.Int64))
        parts = (
            told.slice(first, last - first + 1)
            .group_by(pl.col("session").dt.strftime(name).alias("partition"))
            .agg(pl.min("n"), first_session=pl.min("session"), last_session=pl.max("session"))
            .sort("partition")
        )
        anchors = told["session"].gather((parts["n"] - back).clip(0))
        return parts.with_columns(anchors.alias("anchor_session")).drop("n")

    def members(self, windows: pl.DataFrame, settings: ForecastSettings, threads: int = 1) -> pl.DataFrame:
        """Member forecasts of `windows`."""
        first = windows["first_session"].min()
        grid = self.grid.filter(pl.col("session") >= first)
        schedule = RefitSchedule(settings.refit, self.sessions)
        return member_forecasts(
            self.panel, windows, settings, schedule=schedule, grid=grid, threads=threads, on_progress=_quiet
        ).forecasts

    def forecasts(
        self, members: pl.DataFrame, windows: pl.DataFrame, settings: ForecastSettings, threads: int = 1
    ) -> pl.DataFrame:
        """Forecasts of `windows`."""
        return ensemble(members, self.panel, windows, settings, grid=self.grid, threads=threads)


def all_stocks() -> Market | None:
    """All 505 stocks of the shared file, also those that listed later; None where it is absent."""
    file = shared_file()
    return market(_listed(file)) if file else None


def stocks(symbols: int | None = None) -> Market:
    """Stocks of the S&P 500 with all bars of 2013 to 2018, or as many walks where the shared file is absent."""
    file = shared_file()
    if file is None:
        bars = walk(symbols or 470, 1259)
        closes = bars.arrays["close"].reshape(bars.symbols, -1)
        days = [dt.date(2013, 2, 8) + dt.timedelta(days=day) for day in range(closes.shape[1])]
        frames = [pl.DataFrame({"symbol": f"W{n:03}", "session": days, "close": one}) for n, one in enumerate(closes)]
        return market(pl.concat(frames))
    told = _listed(file)
    whole = told.group_by("symbol").len().filter(pl.col("len") == pl.col("len").max())["symbol"].sort()
    return market(told.filter(pl.col("symbol").is_in(whole.head(symbols or len(whole)).implode())))


def _listed(file: Path) -> pl.DataFrame:
    rows = pl.read_csv(gzip.decompress(file.read_bytes()))
    return rows.select(symbol="Name", session=pl.col("date").str.to_date(), close=pl.col("close").cast(pl.Float64))


def large() -> Market | None:
    """The panel LARGE of the shared data, adjusted closes; None where it is absent."""
    file = shared_file()
    folder = file.parents[1] / LARGE if file else None
    if folder is None or not folder.is_dir():
        return None
    frames = []
    for path in sorted(folder.glob("*.csv.gz")):
        rows = pl.read_csv(gzip.decompress(path.read_bytes()), infer_schema_length=None)
        day, close = pl.col("timestamp").str.slice(0, 10).str.to_date(), pl.col("Adj Close").cast(pl.Float64)
        frames.append(rows.select(pl.lit(path.name.split(".")[0]).alias("symbol"), session=day, close=close))
    return market(pl.concat(frames))


def market(closes: pl.DataFrame) -> Market:
    """From symbol, session and close."""
    told = closes.filter(pl.col("close") > 0).sort("symbol", "session")
    panel = told.with_columns(
        _opened().alias("open_time"),
        (_opened() + pl.duration(hours=7)).alias("known_at"),
        (pl.col("close").log() - pl.col("close").log().shift(1).over("symbol")).alias("log_return"),
    )
    days = panel["session"].unique().sort().to_list()
    ahead = [days[-1] + dt.timedelta(days=day) for day in range(1, 11)]
    return Market(panel, (*days, *ahead))


def judged(forecasts: pl.DataFrame, told: Market) -> pl.DataFrame:
    """Forecasts that met their target, with the `error` of the mean, the `year`, and whether intervals held it."""
    came = told.panel.select("symbol", target_open_time="open_time", came="close")
    return forecasts.join(came, on=["symbol", "target_open_time"]).with_columns(
        ((pl.col("came") / pl.col("origin_price")).log() - pl.col("mean_return")).alias("error"),
        pl.col("session").dt.year().alias("year"),
        *(
            pl.col("came").is_between(f"price_lower_{level}", f"price_upper_{level}").alias(f"inside_{level}")
            for level in (80, 90, 95)
        ),
    )


def returns_of(told: Market, bars: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(symbols, bars) newest returns of the symbols that have so many."""
    parts = told.panel.drop_nulls("log_return").partition_by("symbol", maintain_order=True)
    return np.array([one["log_return"].tail(bars).to_numpy() for one in parts if one.height >= bars])


def _opened() -> pl.Expr:
    return pl.col("session").cast(pl.Datetime("us", "UTC")) + pl.duration(hours=14)


def _quiet(_stage: str, _done: int, _total: int) -> None:
    """No progress while time is taken."""

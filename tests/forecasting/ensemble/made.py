"""A made market: member forecasts, the bars that came, the calendar's grid and monthly windows."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from tradepipe.contracts.forecasts import member_forecasts_contract
from tradepipe.forecasting.ensemble import ensemble, ensemble_lookback
from tradepipe.settings.forecasts import EnsembleSettings, ForecastSettings

MEMBERS = ("random_walk", "drift", "arma_garch")
SETTINGS = ForecastSettings(horizon=3, members=MEMBERS, ensemble=EnsembleSettings(origins=60, min_origins=20))
START = dt.date(2020, 1, 1)
AHEAD = 10


@dataclass(frozen=True)
class World:
    """What `ensemble` is given."""

    members: pl.DataFrame
    bars: pl.DataFrame
    grid: pl.DataFrame
    settings: ForecastSettings = SETTINGS

    @property
    def windows(self) -> pl.DataFrame:
        """One a month of the grid, anchored as far back as the ensemble looks."""
        back = ensemble_lookback(self.settings)
        sessions = self.grid.select(pl.col("session").unique().sort()).head(-AHEAD).with_row_index("n")
        months = (
            sessions.with_columns(pl.col("n").cast(pl.Int64))
            .group_by(pl.col("session").dt.strftime("%Y-%m").alias("partition"))
            .agg(pl.min("n"), first_session=pl.min("session"), last_session=pl.max("session"))
            .sort("partition")
        )
        anchors = sessions["session"].gather((months["n"] - back).clip(0))
        return months.with_columns(anchors.alias("anchor_session")).drop("n")

    def forecasts(self, windows: pl.DataFrame | None = None, threads: int = 1) -> pl.DataFrame:
        """Of all windows, or of some, from what these reach, as a run of the layer hands it in."""
        windows = self.windows if windows is None else windows
        first, last = windows.select(pl.min("anchor_session"), pl.max("last_session")).row(0)
        reached = pl.col("session").is_between(first, last)
        frames = (frame.filter(reached) for frame in (self.members, self.bars))
        return ensemble(*frames, windows, self.settings, grid=self.grid.filter(reached), threads=threads)

    def without(self, rows: pl.Expr) -> "World":
        """The same where neither bars nor forecasts from them are there."""
        return replace(self, members=self.members.filter(~rows), bars=self.bars.filter(~rows))


def world(
    symbols: int = 6, bars: int = 260, *, seed: int = 1, skill: float = 0.0, settings: ForecastSettings = SETTINGS
) -> World:
    """Returns of a Student t law, a random walk without and a drift with a little noise, and one that knows more.

    Args:
        symbols: S00, S01, ...
        bars: sessions with a bar.
        seed: of the generator.
        skill: share of the return to come that arma_garch knows.
        settings: members and horizon.
    """
    generator, horizon = np.random.default_rng(seed), settings.horizon
    spread = 0.01 * np.exp(0.4 * generator.standard_normal(symbols))
    returns = generator.standard_t(4, (bars + horizon, symbols)) * spread / np.sqrt(2)
    level = 50 * np.exp(np.cumsum(returns, axis=0))
    sessions = [START + dt.timedelta(days=day) for day in range(bars + AHEAD)]
    opened = [dt.datetime.combine(session, dt.time(14), dt.UTC) for session in sessions]
    names = [f"S{number:02}" for number in range(symbols)]
    rows = []
    for column, symbol in enumerate(names):
        for place in range(bars):
            for ahead in range(1, horizon + 1):
                came = np.log(level[place + ahead, column] / level[place, column])
                noise = generator.standard_normal(3)
                scale = spread[column] * np.sqrt(ahead)
                means = (0.0, 0.1 * scale * noise[0], skill * came + 0.05 * scale * noise[1])
                told = {
                    "symbol": symbol,
                    "session": sessions[place],
                    "open_time": opened[place],
                    "known_at": opened[place] + dt.timedelta(hours=7),
                    "horizon": ahead,
                    "target_open_time": opened[place + ahead],
                    "target_session": sessions[place + ahead],
                    "origin_price": level[place, column],
                    "fitted_through": sessions[place],
                }
                for name, mean, factor in zip(MEMBERS, means, (1.3, 1.0, 1 + 0.1 * noise[2]), strict=True):
                    told |= {
                        f"mean_{name}": mean,
                        f"volatility_{name}": scale * max(factor, 0.5),
                        f"engine_{name}": "batched" if name == "arma_garch" else "baseline",
                        f"fallback_{name}": None,
                        f"freedom_{name}": 5.0 if name == "arma_garch" else None,
                    }
                rows.append(told)
    made = pl.DataFrame(rows, schema=member_forecasts_contract(MEMBERS).polars_schema)
    frame = made.filter(horizon=1).select(
        "symbol", "session", "open_time", "known_at", pl.col("origin_price").alias("close")
    )
    grid = pl.DataFrame(
        {"session": sessions, "open_time": opened}, schema_overrides={"open_time": pl.Datetime("us", "UTC")}
    )
    return World(made, frame, grid, settings)

"""Markets made by hand: weekday sessions, simulated returns, monthly windows."""

import datetime as dt
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from tradepipe.forecasting.members.run import member_forecasts
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.settings.forecasts import ForecastSettings

START = dt.date(2015, 1, 1)


def simulate(seed, count, phi=0.3, theta=-0.2):
    """ARMA(1,1) log returns with GARCH(1,1) Student t(6) innovations, daily size."""
    generator = np.random.default_rng(seed)
    shocks = generator.standard_t(6, count) * np.sqrt(4 / 6)
    returns = np.zeros(count)
    variance, innovation = 1.0, 0.0
    for t in range(count):
        variance = 0.05 + 0.1 * innovation**2 + 0.85 * variance if t else 1.0
        previous, innovation = innovation, np.sqrt(variance) * shocks[t]
        returns[t] = 0.03 + (phi * returns[t - 1] if t else 0.0) + innovation + theta * previous
    return returns / 100


def sessions_from(start, count):
    days = pl.date_range(start, start + dt.timedelta(days=2 * count), eager=True)
    return days.filter(days.dt.weekday() <= 5).head(count)


def opens_of(sessions):
    return sessions.cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + dt.timedelta(hours=14)


def panel_of(returns: Mapping[str, np.ndarray]):
    """Panel on weekdays from START, known seven hours after the open; a symbol's first row has no return."""
    frames = []
    for symbol, values in returns.items():
        sessions = sessions_from(START, len(values) + 1)
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * len(sessions),
                    "session": sessions,
                    "open_time": opens_of(sessions),
                    "close": 100 * np.exp(np.concatenate([[0.0], np.cumsum(values)])),
                    "log_return": [None, *values.tolist()],
                }
            ).with_columns(known_at=pl.col("open_time") + dt.timedelta(hours=7))
        )
    return pl.concat(frames)


def month_windows(panel, lookback):
    """One window a calendar month of the panel, anchored `lookback` sessions before its first session."""
    sessions = panel["session"].unique().sort()
    months = (
        pl.DataFrame({"session": sessions})
        .with_row_index("place")
        .group_by(pl.col("session").dt.strftime("%Y-%m").alias("partition"), maintain_order=True)
        .agg(
            pl.col("place").min().cast(pl.Int64),
            pl.col("session").min().alias("first_session"),
            pl.col("session").max().alias("last_session"),
        )
    )
    anchors = sessions.gather((months["place"] - lookback).clip(0))
    return months.select("partition", anchors.alias("anchor_session"), "first_session", "last_session")


def members(panel, windows, settings, **more):
    """`member_forecasts` over weekdays, with targets and refits on the sessions that a test can aim at."""
    sessions = sessions_from(START, 2000)
    grid = pl.DataFrame({"session": sessions, "open_time": opens_of(sessions)})
    schedule = RefitSchedule(settings.refit, tuple(sessions.to_list()))
    return member_forecasts(panel, windows, settings, **{"schedule": schedule, "grid": grid, **more})


@pytest.fixture(scope="session")
def settings():
    """Windows just long enough for the kernels."""
    return ForecastSettings(horizon=3, train_bars=260, min_train_bars=255)


@pytest.fixture(scope="session")
def grid():
    """Every session that a test can aim at."""
    sessions = sessions_from(START, 2000)
    return pl.DataFrame({"session": sessions, "open_time": opens_of(sessions)})


@pytest.fixture(scope="session")
def panel():
    """Two symbols, 340 returns each: sixteen months, of which the last ones are long enough for all members."""
    return panel_of({"AAA": simulate(1, 340), "BBB": simulate(2, 340)})


@pytest.fixture(scope="session")
def windows(panel):
    return month_windows(panel, 292)


@pytest.fixture(scope="session")
def make():
    """The builders above, for tests that need markets of their own."""

    class Make:
        simulate = staticmethod(simulate)
        panel = staticmethod(panel_of)
        windows = staticmethod(month_windows)
        sessions = staticmethod(sessions_from)
        members = staticmethod(members)
        start = START

    return Make

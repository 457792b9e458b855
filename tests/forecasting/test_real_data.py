"""The demo's own series: the S&P 500 and the NASDAQ Composite, two years of which the first is 2008."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from arch.data import nasdaq, sp500

from tradepipe.forecasting import accuracy, fit_and_forecast, score_forecasts, verdict
from tradepipe.settings.forecasts import ForecastSettings


@pytest.fixture(scope="module")
def market():
    frames = []
    for symbol, data in (("SPX", sp500.load()), ("IXIC", nasdaq.load())):
        sessions = pl.Series([day.date() for day in data.index])
        times = sessions.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        closes = data["Close"].to_numpy()
        frames.append(
            pl.DataFrame(
                {
                    "symbol": [symbol] * len(sessions),
                    "session": sessions,
                    "open_time": times + dt.timedelta(hours=14),
                    "known_at": times + dt.timedelta(hours=21),
                    "close": closes,
                    "log_return": [None, *np.diff(np.log(closes)).tolist()],
                }
            )
        )
    return pl.concat(frames)


@pytest.mark.slow
def test_every_month_is_fitted_and_the_intervals_hold_what_they_promise(market, make):
    windows = make.windows(market.filter(pl.col("symbol") == "SPX"), 1001)
    crisis = windows.filter(pl.col("partition").is_between(pl.lit("2008-01"), pl.lit("2009-12")))
    grid = market.select("session", "open_time").unique()
    run = fit_and_forecast(market, crisis, ForecastSettings(), grid=grid)
    fits = run.fits.filter(pl.col("model") == "arma_garch")
    assert fits["engine"].to_list() == ["reference"] * 48
    assert (fits["observations"] == 1000).all()
    summary = accuracy(score_forecasts(run.forecasts, market, crisis))
    model = summary.filter(pl.col("model") == "arma_garch")
    assert model["coverage_95"].is_between(0.92, 0.97).all()
    assert model["rmse_ratio"].is_between(0.95, 1.05).all()
    assert set(verdict(summary)) == {"SPX", "IXIC"}

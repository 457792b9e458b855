"""The demo's own series: the S&P 500 and the NASDAQ Composite, two years of which the first is 2008."""

import datetime as dt

import numpy as np
import polars as pl
import pytest
from arch.data import nasdaq, sp500

from tradepipe.contracts import validate
from tradepipe.contracts.forecasts import member_forecasts_contract
from tradepipe.forecasting.refits.schedule import RefitSchedule
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
def test_every_session_of_a_crisis_is_fitted_and_volatility_is_right_on_average(market, make):
    windows = make.windows(market.filter(pl.col("symbol") == "SPX"), 1001)
    crisis = windows.filter(pl.col("partition").is_between(pl.lit("2008-09"), pl.lit("2008-12")))
    sessions = market.filter(symbol="SPX")["session"]
    grid = market.select("session", "open_time").unique()
    told = ForecastSettings()
    run = make.members(market, crisis, told, schedule=RefitSchedule("day", tuple(sessions)), grid=grid)
    wanted = sessions.filter(sessions.is_between(crisis["first_session"][0], crisis["last_session"][-1]))
    assert run.fits.height == 2 * len(wanted) * len(told.members)
    assert (run.fits["observations"] == 1000).all()
    for name, engine in (("arma_garch", "batched"), ("samossa", "samossa")):
        assert set(run.forecasts[f"engine_{name}"]) == {engine}
        assert run.forecasts[f"fallback_{name}"].null_count() == run.forecasts.height
    came = market.with_columns(came=pl.col("log_return").shift(-1).over("symbol")).select("symbol", "session", "came")
    first = run.forecasts.filter(horizon=1).join(came, on=["symbol", "session"])
    for name in told.members:
        squared = (first["came"] - first[f"mean_{name}"]) / first[f"volatility_{name}"]
        assert 0.8 < (squared**2).mean() ** 0.5 < 1.35, name
    frame = run.forecasts.filter(partition="2008-10").drop("partition")
    validate(frame, member_forecasts_contract(told.members), market="us", layer="member_forecasts", partition="2008-10")

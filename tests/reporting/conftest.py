"""One market's frames made by the project's own functions, from the bars that the arch package ships.

The S&P 500 and NASDAQ from 1999 to 2018; forecasts of 2017 and 2018 with monthly refits; the signals of 2018
traded through the gates, a journal and the paper venue.
"""

import dataclasses
import datetime as dt
import gzip
import importlib.resources

import polars as pl
import pytest

from tradepipe import contracts
from tradepipe.contracts import BARS, EVALUATION_LOSSES, QUARANTINE
from tradepipe.execution import Journal, execute
from tradepipe.execution.projections import History, fills_frame, orders_frame, positions_frame
from tradepipe.execution.venues import PaperVenue
from tradepipe.forecasting import accuracy as accuracy_of
from tradepipe.forecasting import score_forecasts
from tradepipe.forecasting.ensemble import ensemble
from tradepipe.forecasting.evaluation import fold, judged, loss_series, statistics
from tradepipe.forecasting.evaluation.views import over_symbols
from tradepipe.forecasting.members.run import member_forecasts
from tradepipe.forecasting.refits.schedule import RefitSchedule
from tradepipe.indicators import compute_indicators, parse_indicators
from tradepipe.markets import load_markets
from tradepipe.reporting.data import DECIDED_ON, GENERATIONS, ReportData
from tradepipe.settings import load_settings
from tradepipe.signals import compute_signals

FIRST, LAST = dt.date(1999, 1, 1), dt.date(2018, 12, 31)
WEIGHED_FROM, FORECAST_FROM, TRADED_FROM = dt.date(2016, 1, 1), dt.date(2017, 1, 1), dt.date(2018, 1, 1)
VENDOR = {"IXIC": "nasdaq", "SPX": "sp500"}


def window(first, last):
    """One partition from `first` to `last` that may look back as far as there is data."""
    return pl.DataFrame(
        {"partition": ["all"], "anchor_session": [FIRST], "first_session": [first], "last_session": [last]}
    )


def vendor_bars(symbol):
    folder = importlib.resources.files(f"arch.data.{VENDOR[symbol]}")
    text = gzip.decompress(folder.joinpath(f"{VENDOR[symbol]}.csv.gz").read_bytes())
    return pl.read_csv(text, schema_overrides={"Date": pl.String}).select(
        pl.col("Date").str.to_date("%m/%d/%Y").alias("session"),
        pl.col("Open", "High", "Low", "Close", "Volume").cast(pl.Float64).name.to_lowercase(),
        symbol=pl.lit(symbol),
    )


@pytest.fixture(scope="session")
def market():
    return load_markets(load_settings(environ={}))["us_indices"]


@pytest.fixture(scope="session")
def bars(market):
    delay = market.settings.publication_delay
    frame = pl.concat(vendor_bars(symbol) for symbol in VENDOR).join(market.calendar.bounds(FIRST, LAST), on="session")
    frame = frame.with_columns(interval=pl.lit("1d"), quality=pl.lit("ok"), known_at=pl.col("close_time") + delay)
    return contracts.validate(BARS.arrange(frame), BARS, market="us_indices", layer="bars", partition="all")


@pytest.fixture(scope="session")
def indicators(market, bars):
    return compute_indicators(bars, window(FIRST, LAST), parse_indicators(market.settings.indicators))


@pytest.fixture(scope="session")
def forecasts(market, bars, indicators):
    panel = indicators.join(bars.select("symbol", "open_time", "close"), on=["symbol", "open_time"])
    told = market.settings.forecasts.model_copy(update={"refit": "month"})
    grid = market.calendar.bounds(WEIGHED_FROM, LAST + dt.timedelta(days=20))
    schedule = RefitSchedule("month", tuple(market.calendar.sessions(FIRST, LAST + dt.timedelta(days=40))))
    members = member_forecasts(panel, window(WEIGHED_FROM, LAST), told, schedule=schedule, grid=grid).forecasts
    return ensemble(members, bars, window(FORECAST_FROM, LAST), told, grid=grid)


@pytest.fixture(scope="session")
def scores(bars, forecasts):
    return score_forecasts(forecasts, bars, window(FORECAST_FROM, LAST), train_bars=1000)


@pytest.fixture(scope="session")
def accuracy(scores):
    return accuracy_of(scores)


@pytest.fixture(scope="session")
def evaluated(scores):
    """Evaluations month by month, folded; by regime; and losses. The regime is made up: up and down weeks."""
    rows = judged(scores).with_columns(
        partition=pl.col("target_session").dt.strftime("%Y-%m"),
        regime=pl.when(pl.col("session").dt.week() % 2 == 0).then(pl.lit("calm up")).otherwise(pl.lit("wild down")),
    )
    sums = statistics(rows).drop("partition")
    return fold(sums), over_symbols(sums), loss_series(rows).select(EVALUATION_LOSSES.column_names)


@pytest.fixture(scope="session")
def signals(market, forecasts):
    return compute_signals(forecasts, market.settings.strategy).filter(pl.col("session") >= TRADED_FROM)


@pytest.fixture(scope="session")
def traded(market, bars, signals, tmp_path_factory):
    """Orders, fills and positions of 2018."""
    folder, told = tmp_path_factory.mktemp("trading"), market.settings.execution
    own = bars.filter(pl.col("session") >= TRADED_FROM)
    journal = Journal.open(f"sqlite:///{folder / 'journal.sqlite'}")
    venue = PaperVenue.open(
        f"sqlite:///{folder / 'venue.sqlite'}", market=market.name, account=told.account, costs=told.costs
    )
    execute(signals, own, market=market.settings, instruments=market.universe.instruments, journal=journal, venue=venue)
    history = History.load(journal, market.name, told.account)
    for book in (journal, venue):
        book.close()
    spans = [(TRADED_FROM, LAST)]
    return orders_frame(history, spans), fills_frame(history, spans), positions_frame(history, spans)


@pytest.fixture(scope="session")
def orders(traded):
    return traded[0]


@pytest.fixture(scope="session")
def fills(traded):
    return traded[1]


@pytest.fixture(scope="session")
def positions(traded):
    return traded[2]


@pytest.fixture(scope="session")
def quarantine():
    reasons = ["high_below_low"] * 3 + ["close_missing"] * 2 + ["not_a_session"]
    return QUARANTINE.arrange(
        pl.DataFrame(
            {
                "layer": ["bars"] * 5 + ["raw_bars"],
                "partition": ["2018-12"] * 5 + [None],
                "file": ["us_indices/SPX.csv"] * 6,
                "line": [7, 8, 9, 7, 12, 40],
                "symbol": ["SPX"] * 6,
                "reason": reasons,
                "detail": ["high 1 < low 2"] * 5 + [None],
                "row": ["{}"] * 6,
            },
            schema=QUARANTINE.polars_schema,
        )
    )


@pytest.fixture(scope="session")
def generations(bars, forecasts, scores, signals, orders, fills, positions):
    frames = {
        "bars": bars,
        "forecasts": forecasts,
        "forecast_scores": scores.rename({"session": "origin", "target_session": "session"}),
        "signals": signals,
        "orders": orders,
        "fills": fills,
        "positions": positions,
    }
    tables = [
        frame.group_by(partition=pl.col("session").dt.strftime("%Y-%m"))
        .agg(rows=pl.len())
        .sort("partition")
        .select(
            layer=pl.lit(layer),
            partition="partition",
            generation=pl.int_range(1, pl.len() + 1),
            rows=pl.col("rows").cast(pl.Int64),
            content=pl.col("partition") + layer,
        )
        for layer, frame in frames.items()
    ]
    raw = tables[0].with_columns(layer=pl.lit("raw_bars"))
    return pl.concat([*tables, raw]).match_to_schema(GENERATIONS)


@pytest.fixture(scope="session")
def data(
    market, generations, bars, forecasts, scores, accuracy, evaluated, signals, orders, fills, positions, quarantine
):
    told = market.settings
    evaluations, by_regime, losses = evaluated
    return ReportData(
        market=told.name,
        description=told.description,
        currency=told.currency,
        model=told.strategy.model,
        horizon=told.strategy.horizon,
        generations=generations,
        bars=bars,
        forecasts=forecasts,
        scores=scores,
        accuracy=accuracy,
        evaluations=evaluations,
        by_regime=by_regime,
        losses=losses,
        decided_on=forecasts.filter(pl.col("horizon") == told.strategy.horizon).select(DECIDED_ON),
        regimes={"IXIC": "wild down", "SPX": "normal flat"},
        signals=signals,
        orders=orders,
        fills=fills,
        positions=positions,
        quarantine=quarantine,
        initial_equity=float(told.execution.initial_cash),
    )


@pytest.fixture(scope="session")
def recent(data):
    """The same from 2018 on, for tests that write many reports."""
    frames = ("bars", "forecasts", "scores", "signals", "orders", "fills", "positions")
    since = pl.col("session") >= dt.date(2018, 1, 1)
    return dataclasses.replace(data, **{name: getattr(data, name).filter(since) for name in frames})


@pytest.fixture
def nothing():
    return ReportData(
        market="new_market", description="Nothing happened yet", currency="EUR", model="arma_garch", horizon=5
    )

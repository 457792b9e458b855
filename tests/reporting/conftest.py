"""One market's frames on real prices: the S&P 500 and NASDAQ bars that the arch package ships.

Bars, moving averages, forecasts, intents and an account are worked out here in plain polars, so that what
the reports show can be checked against something that is not the code under test. Every frame passes
its contract.
"""

import base64
import dataclasses
import datetime as dt
import gzip
import hashlib
import importlib.resources

import polars as pl
import pytest

from tradepipe import contracts
from tradepipe.contracts import BARS, FILLS, FORECAST_SCORES, FORECASTS, MONEY, ORDERS, POSITIONS, QUARANTINE, SIGNALS
from tradepipe.reporting.data import ACCURACY, GENERATIONS, ReportData

DELAY = pl.duration(minutes=30)
INITIAL = 1_000_000.0
CASH = "cash"


def kept(frame, contract):
    return contracts.validate(
        contract.arrange(frame), contract, market="us_indices", layer=contract.name, partition="*"
    )


def at(column, hour):
    return pl.col(column).cast(pl.Datetime("us", "UTC")) + pl.duration(hours=hour)


def vendor_bars(module, symbol):
    text = gzip.decompress(importlib.resources.files(module).joinpath(f"{module.split('.')[-1]}.csv.gz").read_bytes())
    return pl.read_csv(text, schema_overrides={"Date": pl.String}).select(
        symbol=pl.lit(symbol),
        interval=pl.lit("1d"),
        session=pl.col("Date").str.to_date("%m/%d/%Y"),
        open=pl.col("Open").cast(pl.Float64),
        high=pl.col("High").cast(pl.Float64),
        low=pl.col("Low").cast(pl.Float64),
        close=pl.col("Close").cast(pl.Float64),
        volume=pl.col("Volume").cast(pl.Float64),
    )


@pytest.fixture(scope="session")
def bars():
    frame = pl.concat([vendor_bars("arch.data.sp500", "SPX"), vendor_bars("arch.data.nasdaq", "IXIC")])
    return kept(
        frame.with_columns(
            open_time=at("session", 14),
            close_time=at("session", 21),
            known_at=at("session", 21) + DELAY,
            quality=pl.lit("ok"),
        ),
        BARS,
    )


@pytest.fixture(scope="session")
def indicators(bars):
    """A panel with warm-up nulls, named as the indicators layer names its columns."""
    close, change = pl.col("close"), pl.col("close").diff()
    middle, spread = close.rolling_mean(20), 2 * close.rolling_std(20, ddof=0)
    up = change.clip(lower_bound=0).ewm_mean(alpha=1 / 14, adjust=False)
    down = (-change).clip(lower_bound=0).ewm_mean(alpha=1 / 14, adjust=False)
    return bars.select(
        "symbol",
        "session",
        "open_time",
        "close_time",
        "known_at",
        sma_20=middle.over("symbol"),
        sma_50=close.rolling_mean(50).over("symbol"),
        rsi_14=(100 - 100 / (1 + up / down)).over("symbol"),
        bollinger_20_2_lower=(middle - spread).over("symbol"),
        bollinger_20_2_middle=middle.over("symbol"),
        bollinger_20_2_upper=(middle + spread).over("symbol"),
    )


@pytest.fixture(scope="session")
def forecasts(bars):
    """Two models for 1 and 5 bars ahead with an EWMA volatility: no change, and yesterday's mean return."""
    log_return = (pl.col("close").log().diff()).over("symbol")
    panel = bars.with_columns(r=log_return).with_columns(
        variance=(pl.col("r") ** 2).ewm_mean(alpha=0.06, adjust=False).over("symbol"),
        drift=pl.col("r").rolling_mean(250).over("symbol"),
    )
    made = []
    for model, mean in (("random_walk", pl.lit(0.0)), ("arma_garch", pl.col("drift"))):
        for horizon in (1, 5):
            made.append(  # noqa: PERF401 - two loops read better than one comprehension
                panel.drop_nulls("drift").select(
                    "symbol",
                    "session",
                    "open_time",
                    "known_at",
                    model=pl.lit(model),
                    horizon=pl.lit(horizon, pl.Int32),
                    target_session=pl.coalesce(
                        pl.col("session").shift(-horizon).over("symbol"),
                        pl.col("session").dt.add_business_days(horizon + 1),  # a holiday lies between
                    ),
                    origin_price="close",
                    mean_return=mean * horizon,
                    volatility=(pl.col("variance") * horizon).sqrt(),
                    fitted_through="session",
                    engine=pl.lit("reference"),
                    fallback=pl.lit(None, pl.String),
                )
            )
    frame = pl.concat(made)
    return kept(
        frame.with_columns(
            price=pl.col("origin_price") * pl.col("mean_return").exp(),
            price_lower_95=pl.col("origin_price") * (pl.col("mean_return") - 1.96 * pl.col("volatility")).exp(),
            price_upper_95=pl.col("origin_price") * (pl.col("mean_return") + 1.96 * pl.col("volatility")).exp(),
        ),
        FORECASTS,
    )


@pytest.fixture(scope="session")
def scores(bars, forecasts):
    came = bars.select("symbol", target_session="session", came="close")
    met = forecasts.join(came, on=["symbol", "target_session"])
    realised = (pl.col("came") / pl.col("origin_price")).log()
    ratio = (pl.col("realised_return").clip(lower_bound=1e-6) / pl.col("volatility")) ** 2
    frame = met.with_columns(realised_return=realised).with_columns(
        squared_error=(pl.col("realised_return") - pl.col("mean_return")) ** 2,
        qlike=(ratio - ratio.log() - 1.0).clip(lower_bound=0.0),
        direction_hit=pl.when(pl.col("mean_return") != 0).then(
            pl.col("mean_return").sign() == pl.col("realised_return").sign()
        ),
        inside_95=pl.col("came").is_between("price_lower_95", "price_upper_95"),
    )
    return kept(frame, FORECAST_SCORES)


@pytest.fixture(scope="session")
def accuracy(scores):
    key = ["symbol", "horizon", "model"]
    loss = scores.group_by(key).agg(
        n=pl.len(),
        rmse=pl.col("squared_error").mean().sqrt(),
        dm_p_value=pl.lit(0.31),
        hit_rate=pl.col("direction_hit").mean(),
        coverage_95=pl.col("inside_95").mean(),
        qlike=pl.col("qlike").mean(),
    )
    walk = loss.filter(pl.col("model") == "random_walk").select("symbol", "horizon", walk="rmse")
    judged = loss.join(walk, on=["symbol", "horizon"]).with_columns(rmse_ratio=pl.col("rmse") / pl.col("walk"))
    return judged.select(pl.col(name).cast(dtype) for name, dtype in ACCURACY.items()).sort(key)


@pytest.fixture(scope="session")
def signals(forecasts):
    wanted = forecasts.filter(pl.col("model") == "arma_garch", pl.col("horizon") == 5)
    score = pl.col("mean_return") / pl.col("volatility")
    frame = wanted.with_columns(
        decided_at=pl.col("known_at"),
        strategy=pl.lit("forecast_over_volatility"),
        score=score,
        target_weight=(score / 0.25).clip(0.0, 1.0) * 0.5,
        edge_bps=pl.col("mean_return") * 1e4,
        volatility_bps=pl.col("volatility") * 1e4,
        reference_price="origin_price",
        expires_at=pl.col("known_at") + pl.duration(days=5),
    )
    return kept(frame, SIGNALS)


@pytest.fixture(scope="session")
def positions(bars):
    """Half the account's first million in each index, bought in 2005 and held: no trading, one cost-free account."""
    held = bars.filter(pl.col("session") >= dt.date(2005, 1, 3)).sort("symbol", "session")
    quantity = (INITIAL / 4 / pl.col("close").first()).over("symbol").round(2)
    marked = held.with_columns(quantity=quantity, entry=pl.col("close").first().over("symbol"))
    worth = (pl.col("quantity") * pl.col("close")).sum().over("session")
    paid = (pl.col("quantity") * pl.col("entry")).sum().over("session")
    frame = marked.select(
        "symbol",
        "session",
        pl.col("quantity").cast(MONEY),
        mark_price=pl.col("close").cast(MONEY),
        exposure=(pl.col("quantity") * pl.col("close")).cast(MONEY),
        average_price=pl.col("entry").cast(MONEY),
        realised_pnl=pl.lit(0).cast(MONEY),
        unrealised_pnl=(pl.col("quantity") * (pl.col("close") - pl.col("entry"))).cast(MONEY),
        fees=pl.lit(50).cast(MONEY),
        cash=(INITIAL - paid).cast(MONEY),
        equity=(INITIAL - paid + worth).cast(MONEY),
    )
    return kept(frame, POSITIONS)


def order_id(text):
    return "tp" + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:26]


@pytest.fixture(scope="session")
def orders(signals):
    """The last 40 intents: bought, held back by cost, or too small to trade."""
    last = signals.sort("decided_at", "symbol").tail(40)
    kind = pl.int_range(pl.len()) % 4
    frame = last.with_columns(
        client_order_id=pl.Series([order_id(f"{n}") for n in range(last.height)]),
        state=pl.when(kind == 0).then(pl.lit("FILLED")).otherwise(pl.lit("DENIED")),
        reason=pl.when(kind == 1).then(pl.lit("edge_below_cost")).when(kind > 1).then(pl.lit("change_too_small")),
        side=pl.when(kind < 2).then(pl.lit("buy")),
        quantity=pl.when(kind < 2).then(12.5).otherwise(0.0).cast(MONEY),
        reference_price=pl.col("reference_price").cast(MONEY),
        cost_bps=pl.lit(4.0),
        conflict=pl.lit(False),
        signal_sha256=pl.lit("0" * 64),
    )
    return kept(frame, ORDERS)


@pytest.fixture(scope="session")
def fills(orders):
    sent = orders.filter(pl.col("state") == "FILLED")
    money = {"price": pl.col("reference_price"), "fee": pl.lit("1.25"), "slippage": pl.lit("0.75")}
    frame = sent.with_columns(
        filled_at=pl.col("decided_at") + pl.duration(hours=17),
        fill_id=pl.col("client_order_id") + "-1",
        **{name: value.cast(MONEY) for name, value in money.items()},
    )
    return kept(frame, FILLS)


@pytest.fixture(scope="session")
def quarantine():
    reasons = ["high_below_low"] * 3 + ["close_missing"] * 2 + ["not_a_session"]
    return kept(
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
        ),
        QUARANTINE,
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
def data(generations, bars, forecasts, scores, accuracy, signals, orders, fills, positions, quarantine):
    return ReportData(
        market="us_indices",
        description="S&P 500 and NASDAQ Composite, daily",
        currency="USD",
        model="arma_garch",
        horizon=5,
        generations=generations,
        bars=bars,
        forecasts=forecasts,
        scores=scores,
        accuracy=accuracy,
        signals=signals,
        orders=orders,
        fills=fills,
        positions=positions,
        quarantine=quarantine,
        initial_equity=INITIAL,
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

"""A 24/7 market of one-minute bars in session partitions, from CSV through every layer, by Dagster."""

import datetime as dt
import json

import numpy as np
import polars as pl
import pytest

from tests.projects import SmallProject

pytestmark = pytest.mark.slow

NAME = "minutes"
# European clocks changed on the 27th: a UTC day has 1,440 minutes all the same.
SESSIONS = [dt.date(2022, 3, 26), dt.date(2022, 3, 27), dt.date(2022, 3, 28)]
LAYERS = ("raw_bars", "bars", "intervals", "indicators", "forecasts", "forecast_scores", "signals")
MARKET = {
    "name": NAME,
    "description": "generated minute bars, around the clock",
    "currency": "USD",
    "calendar": "24/7",
    "interval": "1m",
    "partition": "session",
    "start": str(SESSIONS[0]),
    "end": str(SESSIONS[-1]),
    "universe": "us_indices",
    "publication_delay": "PT1M",
    "intervals": ["1h", "5m", "1d"],
    "source": {
        "pattern": "minutes/*.csv",
        "time_column": "time",
        "time_format": "%Y-%m-%d %H:%M",
        "columns": {name: name for name in ("open", "high", "low", "close", "volume")},
    },
    "indicators": ["returns", "ema(20)", "rsi(14)"],
    "forecasts": {"horizon": 3, "train_bars": 400, "min_train_bars": 300},
    "strategy": {"horizon": 3, "full_score": 0.05, "time_to_live": "PT10M"},
    # Trading each minute would only journal; a wide band keeps the test quick and still trades.
    "execution": {"costs": {"fee_bps": "0.1", "slippage_bps": "0.1", "min_trade_weight": "0.4"}},
}


def deliver(folder):
    folder.mkdir(parents=True)
    generator = np.random.default_rng(7)
    minutes = pl.datetime_range(
        dt.datetime(2022, 3, 26, tzinfo=dt.UTC), dt.datetime(2022, 3, 28, 23, 59, tzinfo=dt.UTC), "1m", eager=True
    ).dt.strftime("%Y-%m-%d %H:%M")
    for symbol in ("SPX", "IXIC"):
        close = 100 * np.exp(np.cumsum(generator.normal(0, 2e-4, len(minutes))))
        opened = np.concatenate([[100.0], close[:-1]])
        pl.DataFrame(
            {
                "time": minutes,
                "open": opened,
                "high": np.maximum(opened, close) * 1.0001,
                "low": np.minimum(opened, close) * 0.9999,
                "close": close,
                "volume": generator.integers(1, 100, len(minutes)).astype(float),
            }
        ).write_csv(folder / f"{symbol}.csv")


@pytest.fixture(scope="module")
def around_the_clock(tmp_path_factory):
    home = tmp_path_factory.mktemp("minutes") / "home"
    deliver(home / "landing" / "minutes")
    small = SmallProject.at(home, {"TRADEPIPE_MARKETS": json.dumps({NAME: MARKET})})
    from tradepipe.markets import load_markets

    market = load_markets(small.settings)[NAME]
    outcome = small.runner.materialise(market, LAYERS, str(SESSIONS[0]), str(SESSIONS[-1]))
    assert outcome.success, outcome.error
    for execution in small.runner.execute_pending_signals(market):
        assert execution.success, execution.error
    return small, market


def test_every_minute_of_every_day_is_there(around_the_clock):
    small, _ = around_the_clock
    bars = small.store.read(f"{NAME}/bars")
    assert bars.height == 2 * 3 * 1440
    assert bars.group_by("symbol", "session").len()["len"].unique().to_list() == [1440]
    assert small.store.read(f"{NAME}/indicators").height == bars.height


def test_longer_intervals_are_made_of_them(around_the_clock):
    small, _ = around_the_clock
    longer = small.store.read(f"{NAME}/intervals")
    assert dict(longer.group_by("interval").len().rows()) == {"5m": 2 * 3 * 288, "1h": 2 * 3 * 24, "1d": 2 * 3}
    assert not longer["is_partial"].any()
    bars = small.store.read(f"{NAME}/bars").filter(session=SESSIONS[1]).group_by("symbol").agg(pl.max("high"))
    day = longer.filter(interval="1d", session=SESSIONS[1]).select("symbol", "high")
    assert day.sort("symbol").equals(bars.sort("symbol"))


def test_forecasts_scores_and_signals_of_minutes_keep_their_contracts(around_the_clock):
    small, _ = around_the_clock
    forecasts = small.store.read(f"{NAME}/forecasts", [str(SESSIONS[1])]).filter(model="arma_garch")
    assert forecasts.height == 2 * 1440 * 3
    assert (forecasts["target_open_time"] - forecasts["open_time"]).unique().sort().to_list() == [
        dt.timedelta(minutes=ahead) for ahead in (1, 2, 3)
    ]
    assert small.store.read(f"{NAME}/forecast_scores", [str(SESSIONS[1])]).height > 0
    assert small.store.read(f"{NAME}/signals", [str(SESSIONS[1])]).height == 2 * 1440


def test_minutes_are_traded_at_the_next_open_that_comes_after_the_decision(around_the_clock):
    small, _ = around_the_clock
    orders, fills = small.store.read(f"{NAME}/orders"), small.store.read(f"{NAME}/fills")
    assert fills.height > 0
    both = fills.join(orders.select("client_order_id", "decided_at"), on="client_order_id")
    assert both.height == fills.height
    assert (both["filled_at"] >= both["decided_at"]).all()
    assert ((both["filled_at"] - both["decided_at"]) < dt.timedelta(minutes=1)).all()


def test_why_follows_the_decisions_own_minute(around_the_clock):
    from tradepipe.chain.lineage import trace

    small, market = around_the_clock
    order = small.store.read(f"{NAME}/orders").filter(state="FILLED").row(0, named=True)
    partition = str(order["session"])
    generation = small.store.catalogue.current(f"{NAME}/signals")[partition]
    hops, origin = trace(
        small.store, market, small.settings.landing_folder,
        generation=generation.id, symbol=order["symbol"], decided_at=order["decided_at"],
    )  # fmt: skip
    assert hops[0].row["edge_bps"] == pytest.approx(order["edge_bps"], abs=1e-8)
    bar = hops[-1].row
    assert bar["known_at"] == order["decided_at"]
    line = (small.settings.landing_folder / origin.file).read_text().splitlines()[origin.line - 1]
    assert line.startswith(f"{bar['open_time']:%Y-%m-%d %H:%M},")
    assert all(hop.intact for hop in hops)


def test_one_session_alone_equals_itself_in_the_range(around_the_clock):
    small, market = around_the_clock
    before = {layer: small.store.catalogue.current(f"{NAME}/{layer}") for layer in LAYERS}
    assert small.runner.materialise(market, LAYERS, str(SESSIONS[1]), str(SESSIONS[1])).success
    assert {layer: small.store.catalogue.current(f"{NAME}/{layer}") for layer in LAYERS} == before

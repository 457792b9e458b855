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
SYMBOLS = ("SPX", "IXIC", "RUT")
LAYERS = (
    *("raw_bars", "bars", "intervals", "indicators", "regimes", "member_forecasts"),
    *("forecasts", "forecast_scores", "evaluations", "signals"),
)
MARKET = {
    "name": NAME,
    "description": "generated minute bars, around the clock",
    "currency": "USD",
    "calendar": "24/7",
    "interval": "1m",
    "partition": "session",
    "start": str(SESSIONS[0]),
    "end": str(SESSIONS[-1]),
    "publication_delay": "PT1M",
    "intervals": ["1h", "5m", "1d"],
    "source": {
        "pattern": "minutes/*.csv",
        "time_column": "time",
        "time_format": "%Y-%m-%d %H:%M",
        "columns": {name: name for name in ("open", "high", "low", "close", "volume")},
    },
    "indicators": ["returns", "ema(20)", "rsi(14)", "sma(5)@1h", "sma(2)@1d", "cross_rank(rsi(14)@5m)"],
    "forecasts": {"horizon": 3, "train_bars": 400, "min_train_bars": 300},
    "strategy": {"horizon": 3, "full_score": 0.05, "time_to_live": "PT10M"},
    # Trading each minute would only journal; a wide band keeps the test quick and still trades.
    "execution": {"costs": {"fee_bps": "0.1", "slippage_bps": "0.1", "min_trade_weight": "0.4"}},
}


UNIVERSE = """
name: minutes
version: 1.0.0
instruments:
  - {symbol: SPX, name: S&P 500, lot: "0.01", tick: "0.01"}
  - {symbol: IXIC, name: NASDAQ Composite, lot: "0.01", tick: "0.01"}
  - {symbol: RUT, name: Russell 2000, lot: "0.01", tick: "0.01", member: [{from: 2022-03-28}]}
"""


def deliver(folder):
    folder.mkdir(parents=True)
    generator = np.random.default_rng(7)
    minutes = pl.datetime_range(
        dt.datetime(2022, 3, 26, tzinfo=dt.UTC), dt.datetime(2022, 3, 28, 23, 59, tzinfo=dt.UTC), "1m", eager=True
    ).dt.strftime("%Y-%m-%d %H:%M")
    for symbol in SYMBOLS:
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
    universe = home.parent / "minutes.yaml"
    universe.write_text(UNIVERSE)
    small = SmallProject.at(home, {"TRADEPIPE_MARKETS": json.dumps({NAME: MARKET | {"universe": str(universe)}})})
    from tradepipe.markets import load_markets

    market = load_markets(small.settings)[NAME]
    first, last = str(SESSIONS[0]), str(SESSIONS[-1])

    def run(layers, begin, end):
        outcome = small.runner.materialise(market, layers, begin, end)
        assert outcome.success, outcome.error

    run(LAYERS[:-1], first, last)
    # Two sessions are traded: the third would only journal more of the same.
    run(LAYERS[-1:], first, str(SESSIONS[1]))
    for execution in small.runner.execute_pending_signals(market):
        assert execution.success, execution.error
    run(LAYERS[-1:], last, last)
    return small, market


def test_every_minute_of_every_day_is_there(around_the_clock):
    small, _ = around_the_clock
    bars = small.store.read(f"{NAME}/bars")
    assert bars.height == 3 * 3 * 1440
    assert bars.group_by("symbol", "session").len()["len"].unique().to_list() == [1440]
    assert small.store.read(f"{NAME}/indicators").height == bars.height


def test_longer_intervals_are_made_of_them(around_the_clock):
    small, _ = around_the_clock
    longer = small.store.read(f"{NAME}/intervals")
    assert dict(longer.group_by("interval").len().rows()) == {"5m": 3 * 3 * 288, "1h": 3 * 3 * 24, "1d": 3 * 3}
    assert not longer["is_partial"].any()
    bars = small.store.read(f"{NAME}/bars").filter(session=SESSIONS[1]).group_by("symbol").agg(pl.max("high"))
    day = longer.filter(interval="1d", session=SESSIONS[1]).select("symbol", "high")
    assert day.sort("symbol").equals(bars.sort("symbol"))


def test_forecasts_scores_and_signals_of_minutes_keep_their_contracts(around_the_clock):
    small, _ = around_the_clock
    forecasts = small.store.read(f"{NAME}/forecasts", [str(SESSIONS[1])]).filter(model="arma_garch")
    assert forecasts.height == 3 * 1440 * 3
    assert (forecasts["target_open_time"] - forecasts["open_time"]).unique().sort().to_list() == [
        dt.timedelta(minutes=ahead) for ahead in (1, 2, 3)
    ]
    scores = small.store.read(f"{NAME}/forecast_scores", [str(SESSIONS[1])])
    assert scores.height > 0
    assert (scores["fitted_through"] < scores["target_session"]).all()
    judged = small.store.read(f"{NAME}/evaluations", [str(SESSIONS[1])])
    assert judged["forecasts"].sum() == scores.height
    assert judged["regime"].n_unique() > 5
    assert small.store.read(f"{NAME}/signals", [str(SESSIONS[1])]).height == 3 * 1440


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


def test_indicators_see_the_last_longer_bar_that_was_closed_and_known(around_the_clock):
    small, _ = around_the_clock
    longer = small.store.read(f"{NAME}/intervals").filter(symbol="SPX").sort("open_time")
    found = small.store.read(f"{NAME}/indicators", [str(SESSIONS[2])]).filter(symbol="SPX").sort("open_time")
    hours, days = (longer.filter(interval=one).with_columns(mean=pl.col("close").rolling_mean(n)) for one, n in
                   (("1h", 5), ("1d", 2)))  # fmt: skip
    for row in found.gather_every(7).to_dicts():
        known = pl.col("known_at") <= row["known_at"]
        assert row["sma_5_1h"] == pytest.approx(hours.filter(known)["mean"][-1], rel=1e-6)
        assert row["sma_2_1d"] == pytest.approx(days.filter(known)["mean"][-1] or 0, rel=1e-6)
    assert found["sma_5_1h"].n_unique() == 25
    # The day's own bar closes with its last minute.
    assert found["sma_2_1d"].n_unique() == 2
    yesterday = small.store.read(f"{NAME}/indicators", [str(SESSIONS[1])]).filter(symbol="SPX")
    assert yesterday["sma_2_1d"].null_count() == 1439


def test_ranks_are_taken_among_the_members_of_the_session(around_the_clock):
    small, _ = around_the_clock
    found = small.store.read(f"{NAME}/indicators").sort("open_time", "symbol")
    ranks = found.group_by("session", maintain_order=True).agg(pl.col("cross_rank_rsi_14_5m").count())
    assert ranks.rows() == [(SESSIONS[0], 0), (SESSIONS[1], 0), (SESSIONS[2], 3 * 1440)]
    last = found.filter(session=SESSIONS[2])["cross_rank_rsi_14_5m"].to_numpy().reshape(-1, 3)
    assert (np.sort(last) == [0, 0.5, 1]).all()


def test_indicators_are_computed_from_longer_bars_and_go_stale_with_them(around_the_clock):
    from tradepipe.chain import stale_partitions
    from tradepipe.chain.layers import LAYERS as CHAIN
    from tradepipe.contracts import RESAMPLED_BARS

    small, market = around_the_clock
    keys = [str(session) for session in SESSIONS]
    catalogue = small.store.catalogue
    current = catalogue.current(f"{NAME}/indicators")[keys[2]]
    read = {(one.dataset, one.partition) for one in catalogue.inputs([current.id])[current.id]}
    assert read == {(f"{NAME}/bars", key) for key in keys[1:]} | {(f"{NAME}/intervals", key) for key in keys}
    assert stale_partitions(catalogue, market, keys, None, ("indicators",)) == []
    version = CHAIN["intervals"].code_version(market)
    honest = small.store.read(f"{NAME}/intervals", [keys[2]])

    def publish(rows):
        inputs = {keys[2]: catalogue.inputs([(now := catalogue.current(f"{NAME}/intervals")[keys[2]]).id])[now.id]}
        frames = {keys[2]: rows}
        small.store.publish(f"{NAME}/intervals", frames, RESAMPLED_BARS, code_version=version, inputs=inputs)

    publish(honest.with_columns(volume=pl.col("volume") + 1))
    stale = stale_partitions(catalogue, market, keys, None, ("indicators",))
    assert [(one.partition, one.reason) for one in stale] == [
        (keys[2], f"{NAME}/intervals/{keys[2]} has other content")
    ]
    publish(honest)
    assert stale_partitions(catalogue, market, keys, None, ("indicators",)) == []


def test_indicators_as_of_a_moment_rest_on_the_longer_bars_of_that_moment(around_the_clock):
    from tradepipe.chain.as_of import read_as_of

    small, market = around_the_clock
    moment, key = dt.datetime(2022, 3, 28, 9, 30, 30, tzinfo=dt.UTC), str(SESSIONS[2])
    then = read_as_of(small.store, market, "indicators", [key], moment)
    published = small.store.read(f"{NAME}/indicators", [key])
    assert then.equals(published.filter(pl.col("known_at") <= moment), null_equal=True)
    assert 0 < then.height < published.height


def test_one_session_alone_equals_itself_in_the_range(around_the_clock):
    small, market = around_the_clock
    before = {layer: small.store.catalogue.current(f"{NAME}/{layer}") for layer in LAYERS}
    assert small.runner.materialise(market, LAYERS, str(SESSIONS[1]), str(SESSIONS[1])).success
    assert {layer: small.store.catalogue.current(f"{NAME}/{layer}") for layer in LAYERS} == before

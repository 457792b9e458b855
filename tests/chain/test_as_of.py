"""Every layer as of a moment: what was known then, and nothing that was known later."""

import datetime as dt
import shutil

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.projects import FIRST, LAST, MARKET, SmallProject
from tradepipe.bars.versions import settle
from tradepipe.chain import LAYERS
from tradepipe.chain.as_of import read_as_of
from tradepipe.contracts import BARS, BARS_HISTORY
from tradepipe.contracts.as_of import AsOfError
from tradepipe.store import Companion, DatasetNotFound

pytestmark = pytest.mark.slow

UTC = dt.UTC
LATER = dt.datetime(2030, 1, 1, tzinfo=UTC)
AUGUST = dt.datetime(2018, 8, 15, 12, tzinfo=UTC)
UNTOLD = {"intervals", "model_versions"}  # this market has none; versions are told by their registry
COMPUTED = ("indicators", "regimes", "member_forecasts", "forecasts", "forecast_scores", "signals")


@pytest.mark.parametrize("layer", ["raw_bars", "bars", *COMPUTED, "evaluations", "orders", "fills", "positions"])
def test_after_everything_was_known_it_is_what_is_published(ready, layer):
    keys = ["2018-07", "2018-08"]
    found = read_as_of(ready.store, ready.market, layer, keys, LATER)
    assert_frame_equal(found, ready.store.read(f"{MARKET}/{layer}", keys))
    assert found.height


@pytest.mark.parametrize("layer", COMPUTED)
def test_what_was_computed_then_is_what_was_published_until_then(ready, layer):
    found = read_as_of(ready.store, ready.market, layer, ["2018-07", "2018-08"], AUGUST)
    published = ready.store.read(f"{MARKET}/{layer}", ["2018-07", "2018-08"])
    known = pl.col("target_open_time") <= dt.datetime(2018, 8, 14, 23, tzinfo=UTC)
    cut = published.filter(known if layer == "forecast_scores" else pl.col("known_at") <= AUGUST)
    assert_frame_equal(found, cut)
    assert 0 < found.height < published.height


def test_evaluations_then_are_of_the_targets_that_had_come(ready):
    found = read_as_of(ready.store, ready.market, "evaluations", ["2018-07", "2018-08"], AUGUST)
    published = ready.store.read(f"{MARKET}/evaluations", ["2018-07", "2018-08"])
    july = pl.col("test_last_session") < dt.date(2018, 8, 1)
    assert_frame_equal(found.filter(july), published.filter(july))
    assert found["test_last_session"].max() == dt.date(2018, 8, 14)
    assert 0 < found.filter(~july)["forecasts"].sum() < published.filter(~july)["forecasts"].sum()


def test_orders_and_positions_are_told_as_they_were(ready):
    cut = dt.datetime(2018, 8, 15, 20, 45, tzinfo=UTC)  # decided, and the next open is still to come
    keys = ready.market.partitions.keys(FIRST, LAST)
    orders = read_as_of(ready.store, ready.market, "orders", keys, cut)
    fills = read_as_of(ready.store, ready.market, "fills", keys, cut)
    assert orders["decided_at"].max() <= cut
    assert fills["filled_at"].max() <= cut
    in_august = orders.filter(pl.col("session") >= dt.date(2018, 8, 1))
    filled = set(in_august.filter(state="FILLED")["client_order_id"])
    assert filled == set(fills["client_order_id"]) & set(in_august["client_order_id"])
    positions = read_as_of(ready.store, ready.market, "positions", keys, cut)
    assert positions["session"].max() == dt.date(2018, 8, 15)


def test_what_cannot_tell_its_past_says_so(ready):
    with pytest.raises(AsOfError, match=r"computed from bars.*read_as_of"):
        ready.store.read(f"{MARKET}/indicators", as_of=AUGUST)
    with pytest.raises(AsOfError, match="name one of"):
        read_as_of(ready.store, ready.market, "moods", [FIRST], AUGUST)
    with pytest.raises(AsOfError, match="no column says when"):
        ready.store.read(f"{MARKET}/bars.gaps", as_of=AUGUST)
    with pytest.raises(ValueError, match="no time zone"):
        ready.store.read(f"{MARKET}/bars", as_of=dt.datetime(2018, 8, 1))  # noqa: DTZ001 - that is the point
    with pytest.raises(DatasetNotFound):
        ready.store.read(f"{MARKET}/trades", as_of=AUGUST)


@pytest.fixture(scope="module")
def restated(ready, tmp_path_factory):
    """The close of SPX on 2018-06-05 is restated on 2018-06-20 and again, back, on 2018-07-03. Look, do not touch."""
    home = tmp_path_factory.mktemp("restated") / "home"
    shutil.copytree(ready.home, home)
    project = SmallProject.at(home)
    bars = project.store.read(f"{MARKET}/bars", ["2018-06"])
    one = bars.filter(symbol="SPX", session=dt.date(2018, 6, 5))
    words = [one]
    for day, close in ((dt.datetime(2018, 6, 20, 9, tzinfo=UTC), 1.001), (dt.datetime(2018, 7, 3, 9, tzinfo=UTC), 1.0)):
        words.append(one.with_columns(known_at=pl.lit(day), close=pl.col("close") * close))
    rows = pl.concat([bars.join(one, on=["symbol", "open_time"], how="anti"), *words])
    found = settle(rows.with_columns(delivered_at=pl.lit(None, pl.Datetime("us", "UTC")), file=pl.lit("x"), line=1))
    current = project.store.catalogue.current(f"{MARKET}/bars", ["2018-06"])["2018-06"]
    project.store.publish(
        f"{MARKET}/bars",
        {"2018-06": BARS.arrange(found.current)},
        BARS,
        code_version=current.code_version,
        inputs={},
        beside={"history": Companion(BARS_HISTORY, {"2018-06": BARS_HISTORY.arrange(found.history)})},
    )
    return project, bars, one["close"].item()


def test_a_restated_bar_was_true_until_its_restatement(restated):
    project, before, close = restated

    def told(moment: dt.datetime) -> float:
        rows = project.store.read(f"{MARKET}/bars", as_of=moment, symbols=["SPX"], columns=["session", "close"])
        assert rows["session"].is_sorted()
        return rows.filter(session=dt.date(2018, 6, 5))["close"].item()

    assert told(dt.datetime(2018, 6, 20, 8, 59, tzinfo=UTC)) == close
    assert told(dt.datetime(2018, 6, 20, 9, tzinfo=UTC)) == close * 1.001
    assert told(dt.datetime(2018, 7, 3, 9, tzinfo=UTC)) == close
    then = project.store.read(f"{MARKET}/bars", ["2018-06"], as_of=dt.datetime(2018, 6, 19, tzinfo=UTC))
    assert_frame_equal(then, before.filter(pl.col("known_at") <= dt.datetime(2018, 6, 19, tzinfo=UTC)))


def test_the_latest_window_is_that_of_its_moment(restated):
    project, _, close = restated
    moment = dt.datetime(2018, 6, 6, 12, tzinfo=UTC)
    window = project.store.latest(f"{MARKET}/bars", "SPX", 30, as_of=moment)
    every = project.store.read(f"{MARKET}/bars", symbols=["SPX"], as_of=moment)
    assert_frame_equal(window, every.tail(30))
    assert window["close"].item(-1) == close
    assert project.store.latest(f"{MARKET}/bars", "SPX", 999, as_of=moment).height == every.height


def test_indicators_of_a_moment_rest_on_the_bars_of_that_moment(restated):
    project, _, close = restated
    for moment, factor in ((dt.datetime(2018, 6, 21, tzinfo=UTC), 1.001), (LATER, 1.0)):
        bars = read_as_of(project.store, project.market, "bars", ["2018-06"], moment)
        values = read_as_of(project.store, project.market, "indicators", ["2018-06"], moment)
        for symbol in ("SPX", "IXIC"):
            closes = bars.filter(symbol=symbol).sort("open_time")["close"]
            returns = values.filter(symbol=symbol)["log_return"]
            expected = (closes / closes.shift(1)).log()
            assert (returns[1:] - expected[1:]).abs().max() < 1e-12
        assert bars.filter(symbol="SPX", session=dt.date(2018, 6, 5))["close"].item() == pytest.approx(close * factor)


@pytest.mark.parametrize("layer", sorted(LAYERS.keys() - UNTOLD))
def test_nothing_known_later_ever_appears(restated, layer):
    project, *_ = restated
    moment = dt.datetime(2018, 7, 2, 8, tzinfo=UTC)
    found = read_as_of(project.store, project.market, layer, ["2018-06", "2018-07"], moment)
    for column in {"known_at", "decided_at", "filled_at", "close_time"} & set(found.columns):
        assert found.filter(pl.col(column) > moment).is_empty()

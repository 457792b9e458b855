"""`tradepipe forecast` on a small real project: what is told, and what when it cannot be."""

import io
import json
import re
from dataclasses import replace

import polars as pl
import pytest
from rich.console import Console

from tradepipe.chain.latest import NoForecastError, latest_forecast, market_of
from tradepipe.commands.blast_radius import SessionError
from tradepipe.commands.collected import collect
from tradepipe.commands.forecast import Wanted, show_forecast, tell
from tradepipe.commands.project import Project

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(ready):
    return Project(ready.settings)


def shown(project, symbol="SPX", **options):
    console = Console(file=io.StringIO(), width=140, highlight=False)
    show_forecast(project, console, Wanted(symbol, **options))
    return console.file.getvalue()


def test_the_newest_forecast_is_told_with_its_reasons(opened):
    text = shown(opened)
    rows = opened.store.read("us_indices/forecasts", symbols=["SPX"])
    last = rows.filter(pl.col("session") == rows["session"].max())
    assert f"after the close of {rows['session'].max()}" in text
    for row in last.filter(pl.col("model") == "ensemble").to_dicts():
        assert f"{row['price_lower_95']:,.0f}"[:3] in text
        assert f"{1e4 * row['mean_return']:+.1f}" in text
    fits = opened.store.read("us_indices/member_forecasts.fits", symbols=["SPX"])
    for member in ("random_walk", "drift", "seasonal_naive", "arma_garch", "samossa"):
        served = fits.filter(pl.col("model") == member).sort("session").row(-1, named=True)
        line = next(line for line in text.splitlines() if line.startswith(member))
        weight = last.filter(pl.col("model") == member, pl.col("horizon") == 5)["weight"][0]
        for word in (served["version"], str(served["session"]), served["trigger"], f"{weight:.3f}"):
            assert word in line
    regime = opened.store.read("us_indices/regimes", symbols=["SPX"]).sort("open_time")["regime"][-1]
    assert f"regime {regime}" in text
    assert "SPX: ensemble " in text


def test_what_came_later_is_not_known_as_of_a_session(opened):
    day = opened.store.read("us_indices/forecasts")["session"].unique().sort()[-10]  # within a partition
    found = latest_forecast(opened.store, opened.markets["us_indices"], "SPX", day)
    assert found.session == day
    assert found.history["session"].max() == day
    assert found.lately["test_last_session"].max() <= day
    assert found.fits["session"].max() <= day
    assert found.fits.height == 5


def test_a_day_without_a_session_means_the_one_before(opened):
    assert "after the close of 2018-12-28" in shown(opened, as_of="2018-12-30")


def test_machines_get_it_as_json(opened):
    told = json.loads(shown(opened, as_json=True))
    assert (told["market"], told["symbol"]) == ("us_indices", "SPX")
    assert {row["model"] for row in told["forecasts"]} >= {"ensemble", "random_walk"}
    assert len(told["fits"]) == 5


@pytest.mark.parametrize(("name", "begins"), [("fan.png", b"\x89PNG"), ("deep/fan.svg", b"<svg")])
def test_the_chart_is_written(opened, tmp_path, name, begins):
    shown(opened, plot=tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begins)


def test_the_cost_of_each_member_is_told(opened):
    members = {*opened.markets["us_indices"].settings.forecasts.members}
    document = json.loads(shown(opened, profile=True, as_json=True))
    assert set(document["profile"]) == {*members, "ensemble"}
    assert all(seconds > 0 for seconds in document["profile"].values())
    text = shown(opened, profile=True)
    told = re.findall(r"(?m)^(\w+) +[0-9.]+ +([0-9.]+) %(?: +(\d+) +([\d,]+))? *$", text)
    assert sum(float(share) for _, share, *_ in told) == pytest.approx(100, abs=0.5)
    # As many fits as the page says, and faster than their member as a whole, which forecasts too.
    fits = {name: int(made) for name, _, made, rate in told if made}
    assert sum(fits.values()) == int(re.search(r"(\d+) fits, computed anew", text)[1])
    assert fits.keys() == document["fits_a_cpu_second"].keys() == members
    assert all(document["fits_a_cpu_second"][name] > made / document["profile"][name] for name, made in fits.items())
    assert "2 symbols" in text


def test_what_cannot_be_told_is_said(opened, tmp_path):
    with pytest.raises(NoForecastError, match="Did you mean SPX"):
        shown(opened, "SPY")
    with pytest.raises(NoForecastError, match=r"us_indices has no symbol 'QQQQQ'\. It holds IXIC, SPX"):
        shown(opened, "QQQQQ", market="us_indices")
    with pytest.raises(SessionError, match="expected a date"):
        shown(opened, as_of="yesterday")
    with pytest.raises(NoForecastError, match=r"Nothing was forecast for SPX in us_indices up to 2018-01-05"):
        shown(opened, as_of="2018-01-05")
    with pytest.raises(NoForecastError, match=r"\.png or \.svg"):
        shown(opened, plot=tmp_path / "fan.txt")


def test_a_symbol_of_several_markets_asks_for_one(opened):
    market = opened.markets["us_indices"]
    with pytest.raises(NoForecastError, match="SPX is in several markets: us_indices, us_indices"):
        market_of({"a": market, "b": market}, "SPX", None)
    assert market_of({"a": market, "b": market}, "SPX", "a") is market


def test_nothing_forecast_yet(fresh):
    with pytest.raises(NoForecastError, match=r"us_indices has no forecasts yet\. Remedy: `tradepipe run"):
        shown(Project(fresh.settings))


def test_a_report_has_what_all_forecasts_and_orders_rest_on(opened):
    market = opened.markets["us_indices"]
    told = collect(opened, market)
    whole = opened.store.read("us_indices/evaluations")
    for frame in (told.evaluations, told.by_regime):
        for name in ("forecasts", "squared_error", "inside_95", "weight"):
            assert frame[name].sum() == pytest.approx(whole[name].sum(), rel=1e-12)
    assert set(told.by_regime["regime"]) == set(whole["regime"])
    assert told.losses.height == opened.store.read("us_indices/evaluations.losses").height
    filled = told.orders.join(told.fills.select("client_order_id"), on="client_order_id", how="semi")
    decided = filled.select("symbol", known_at="decided_at").unique()
    assert decided.height == decided.join(told.decided_on, on=["symbol", "known_at"], how="semi").height
    assert told.decided_on.filter(pl.col("model") == "ensemble").height == decided.height
    newest = opened.store.read("us_indices/regimes").sort("open_time").group_by("symbol").agg(pl.col("regime").last())
    assert told.regimes == dict(newest.rows())


def test_of_several_bars_a_session_it_is_said_which(opened):
    found = latest_forecast(opened.store, opened.markets["us_indices"], "SPX")
    noon = pl.col("open_time").max().dt.truncate("1d") + pl.duration(hours=12)
    hourly = replace(
        found,
        history=pl.concat([found.history, found.history.tail(1)]),
        forecasts=found.forecasts.with_columns(
            open_time=noon,
            target_session=pl.col("session"),
            target_open_time=noon + pl.duration(hours=pl.col("horizon")),
        ),
    )
    console = Console(file=io.StringIO(), width=140, highlight=False)
    tell(console, hourly, "USD")
    text = console.file.getvalue()
    assert "after the close of the bar of 2018-12-31 12:00 UTC" in text
    assert "2018-12-31 17:00" in text

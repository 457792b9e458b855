import datetime as dt

import polars as pl
import pytest

from tradepipe.reporting.attribution import UNATTRIBUTED, attribution, pnl_by_session, shares_of

AT = dt.datetime(2018, 1, 5, 21, tzinfo=dt.UTC)


def said(parts, symbol="SPX"):
    """A forecast: member to (weight, mean return)."""
    rows = [(symbol, AT, model, mean, weight) for model, (weight, mean) in parts.items()]
    schema = {
        "symbol": pl.String,
        "known_at": pl.Datetime("us", "UTC"),
        "model": pl.String,
        "mean_return": pl.Float64,
        "weight": pl.Float64,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def shares(parts):
    return dict(shares_of(said(parts)).select("member", "share").rows())


def test_a_share_is_weight_times_mean_of_the_ensembles_mean():
    told = shares({"ensemble": (None, 0.005), "random_walk": (0.5, 0.0), "drift": (0.3, 0.01), "samossa": (0.2, 0.01)})
    assert told == pytest.approx({"random_walk": 0.0, "drift": 0.6, "samossa": 0.4})


def test_who_expected_the_opposite_has_a_negative_share():
    assert shares({"drift": (0.5, 0.03), "samossa": (0.5, -0.01)}) == pytest.approx({"drift": 1.5, "samossa": -0.5})


def test_where_nothing_is_expected_weights_are_shares():
    assert shares({"random_walk": (0.75, 0.0), "drift": (0.25, 0.0)}) == {"random_walk": 0.75, "drift": 0.25}


def test_members_that_cancel_out_share_by_weight():
    # Their mean is 6e-19 of rounding; shares in that would be 5e15, and would not add up to a dollar.
    told = shares({"drift": (0.6, 0.002), "samossa": (0.3, -0.003), "arma_garch": (0.1, -0.003 - 1e-17)})
    assert told == pytest.approx({"drift": 0.6, "samossa": 0.3, "arma_garch": 0.1})


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ensemble", "arma_garch"])
def test_profits_of_members_add_up_to_the_accounts(data, model):
    told = attribution(data.positions, data.fills, data.orders, data.decided_on, model=model)
    last = data.positions.sort("session")["equity"][-1]
    total = float(last) - data.initial_equity
    assert total != 0
    assert told["pnl"].sum() == pytest.approx(total, rel=1e-9)
    assert told["share"].sum() == pytest.approx(1.0, rel=1e-9)
    assert UNATTRIBUTED not in told["member"]
    if model == "arma_garch":
        assert told["member"].to_list() == ["arma_garch"]


@pytest.mark.slow
def test_profit_goes_to_whom_the_order_in_force_was_decided_by(data):
    """One symbol whose first half of fills rests on drift alone and whose second on samossa alone."""
    fills = data.fills.filter(pl.col("symbol") == "SPX").sort("filled_at")
    middle = fills["session"][fills.height // 2]
    decided = fills.join(data.orders.select("client_order_id", "decided_at"), on="client_order_id")
    early = pl.col("session") < middle
    made = decided.select(
        "symbol",
        known_at="decided_at",
        model=pl.when(early).then(pl.lit("drift")).otherwise(pl.lit("samossa")),
        mean_return=pl.lit(0.01),
        weight=pl.lit(1.0),
    )
    positions = data.positions.filter(pl.col("symbol") == "SPX")
    told = dict(attribution(positions, fills, data.orders, made, model="ensemble").select("member", "pnl").rows())
    daily = pnl_by_session(positions)
    assert told["drift"] == pytest.approx(daily.filter(early)["pnl"].sum())
    assert told["samossa"] == pytest.approx(daily.filter(~early)["pnl"].sum())


def test_what_no_forecast_explains_is_not_hidden(data):
    told = attribution(data.positions, data.fills, data.orders, data.decided_on.clear(), model="ensemble")
    assert told["member"].to_list() == [UNATTRIBUTED]
    with pytest.raises(ValueError, match="forecasts"):
        attribution(data.positions, data.fills, data.orders, data.decided_on.drop("weight"), model="ensemble")

"""The ensemble against what it says of itself, against a plain reckoning, and on markets that misbehave."""

import datetime as dt
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy import stats

from tests.forecasting.ensemble.made import MEMBERS, SETTINGS, START, world
from tradepipe.contracts import FORECASTS, validate
from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.ensemble import ensemble
from tradepipe.settings.forecasts import EnsembleSettings

GATE = 2.8336933607  # exceeded within a window by noise with probability 0.05 / 2, of a drift and an ARMA
ENDS = [f"price_{end}_{level}" for level in LEVELS for end in ("lower", "upper")]


@pytest.fixture(scope="module")
def skilled():
    return world(skill=0.15)


@pytest.fixture(scope="module")
def made(skilled):
    return skilled.forecasts()


@pytest.mark.slow
def test_keeps_its_contract_in_every_partition(skilled, made):
    for (partition,), frame in made.partition_by("partition", as_dict=True).items():
        arranged = FORECASTS.arrange(frame)
        validate(arranged, FORECASTS, market="test", layer="forecasts", partition=partition)
        assert arranged.equals(frame.drop("partition"))  # already in order
    assert made.height == 4 * skilled.members.height
    assert made["partition"].is_sorted()


def test_members_stay_as_they_were(skilled, made):
    for name in MEMBERS:
        mine = made.filter(model=name).sort("symbol", "open_time", "horizon")
        theirs = skilled.members.sort("symbol", "open_time", "horizon")
        assert mine["mean_return"].equals(theirs[f"mean_{name}"], null_equal=True)
        assert mine["volatility"].to_list() == theirs[f"volatility_{name}"].to_list()
        assert mine["freedom"].to_list() == theirs[f"freedom_{name}"].to_list()


def reckoned(told, session, ahead):
    """The same from the newest origins whose targets are known, one after another."""
    origins = told.settings.ensemble.origins
    price = {(symbol, day): close for symbol, day, close in told.bars.select("symbol", "session", "close").rows()}
    past = told.members.filter(
        pl.col("horizon") == ahead,
        pl.col("target_session") <= session,
        pl.col("target_session") > session - dt.timedelta(days=origins),
    ).to_dicts()
    for row in past:
        row["y"] = math.log(price[row["symbol"], row["target_session"]] / row["origin_price"])
    weights, losses = {}, {}
    for name in MEMBERS:
        gained = {}
        for row in past:
            gain = (row["y"] - row["mean_random_walk"]) ** 2 - (row["y"] - row[f"mean_{name}"]) ** 2
            gained[row["target_session"]] = gained.get(row["target_session"], 0.0) + gain
        series = [gained.get(session - dt.timedelta(days=back), 0.0) for back in range(origins)]
        spread = ahead * sum(gain * gain for gain in series)
        score = sum(series) / math.sqrt(spread) if spread else 0.0
        trusted = 1 - (GATE / score) ** 2 if score > GATE else 0.0
        errors = [sum((row["y"] - row[f"mean_{one}"]) ** 2 for row in past) for one in ("random_walk", name)]
        weights[name] = 1.0 if name == "random_walk" else round(trusted * errors[0] / errors[1], 2)
        losses[name] = sum(
            min(row["y"] ** 2 / row[f"volatility_{name}"] ** 2, 100) + 2 * math.log(row[f"volatility_{name}"])
            for row in past
        )
    lead = min(MEMBERS, key=losses.__getitem__)
    total = sum(weights.values())
    sizes = sorted(
        abs(row["y"] - sum(weights[name] * row[f"mean_{name}"] for name in MEMBERS) / total) / row[f"volatility_{lead}"]
        for row in past
    )
    ranks = [min(math.ceil((len(sizes) + 1) * level / 100), len(sizes)) for level in LEVELS]
    return {name: weight / total for name, weight in weights.items()}, lead, [sizes[rank - 1] for rank in ranks]


@pytest.mark.parametrize(("day", "ahead"), [(25, 1), (70, 1), (131, 2), (200, 3), (259, 3)])
def test_a_plain_reckoning_comes_to_the_same(skilled, made, day, ahead):
    session = START + dt.timedelta(days=day)
    weights, lead, half = reckoned(skilled, session, ahead)
    rows = made.filter(session=session, horizon=ahead)
    told = skilled.members.filter(session=session, horizon=ahead)
    for name, weight in weights.items():
        np.testing.assert_allclose(rows.filter(model=name)["weight"], weight, rtol=1e-12)
    mixed = rows.filter(model="ensemble")
    assert mixed["volatility"].to_list() == told[f"volatility_{lead}"].to_list()
    mean = sum(weight * told[f"mean_{name}"].to_numpy() for name, weight in weights.items())
    np.testing.assert_allclose(mixed["mean_return"], mean, rtol=1e-12)
    assert mixed["weight"].null_count() == mixed.height
    assert set(mixed["interval"]) == {"conformal"}
    for level, width in zip(LEVELS, half, strict=True):
        upper = (mixed[f"price_upper_{level}"] / mixed["price"]).log() / mixed["volatility"]
        lower = (mixed["price"] / mixed[f"price_lower_{level}"]).log() / mixed["volatility"]
        np.testing.assert_allclose(upper, lower, rtol=1e-6)
        np.testing.assert_allclose(upper, width, rtol=0.035)  # a bin is a thirty-second of an octave


def test_the_skilled_member_counts_and_noise_does_not(made):
    late = made.filter(pl.col("session") > START + dt.timedelta(days=100))
    weight = dict(late.group_by("model").agg(pl.mean("weight")).rows())
    assert 0.2 < weight["arma_garch"] < 0.5
    assert weight["drift"] == 0
    assert late.filter(model="random_walk")["weight"].min() > 0.3
    total = late.filter(pl.col("model") != "ensemble").group_by("symbol", "open_time", "horizon").agg(pl.sum("weight"))
    np.testing.assert_allclose(total["weight"], 1.0, rtol=1e-12)


def test_without_enough_origins_the_random_walk_stands_alone_and_laws_give_intervals(made):
    few = made.filter(pl.col("session") < START + dt.timedelta(days=SETTINGS.ensemble.min_origins))
    assert set(few["interval"]) == {"law"}
    mixed = few.filter(model="ensemble")
    assert set(mixed["mean_return"]) == {0.0}
    assert mixed["fallback"].unique().to_list() == ["fewer than 20 past origins: the random walk stands alone"]
    walk, model = few.filter(model="random_walk"), few.filter(model="arma_garch")
    assert mixed.select("volatility", *ENDS).equals(walk.select("volatility", *ENDS))
    law = {"random_walk": stats.norm.ppf, "arma_garch": lambda share: stats.t.ppf(share, 5) * math.sqrt(3 / 5)}
    for rows, name in ((walk, "random_walk"), (model, "arma_garch")):
        for level in LEVELS:
            half = (rows[f"price_upper_{level}"] / rows["price"]).log() / rows["volatility"]
            np.testing.assert_allclose(half, law[name]((1 + level / 100) / 2), rtol=1e-9)
    after = made.filter(pl.col("session") >= START + dt.timedelta(days=SETTINGS.ensemble.min_origins + 3))
    assert set(after["interval"]) == {"conformal"}
    assert after.filter(model="ensemble")["fallback"].null_count() == after.height // 4


def test_a_member_that_a_baseline_stands_in_for_has_no_weight_in_that_row(skilled):
    stood = (pl.col("symbol") == "S03") & (pl.col("session") >= START + dt.timedelta(days=200))
    members = skilled.members.with_columns(
        engine_arma_garch=pl.when(stood).then(pl.lit("baseline")).otherwise("engine_arma_garch"),
        fallback_arma_garch=pl.when(stood).then(pl.lit("too few returns")).otherwise("fallback_arma_garch"),
        # The reference engine in the place of the batched is still the member itself.
        engine_drift=pl.lit("reference"),
        fallback_drift=pl.lit("missing values"),
    )
    rows = replace(skilled, members=members).forecasts().filter(model="arma_garch", session=dt.date(2020, 7, 20))
    assert set(rows.filter(symbol="S03")["weight"]) == {0.0}
    assert rows.filter(pl.col("symbol") != "S03")["weight"].min() > 0.3
    mixed = replace(skilled, members=members).forecasts().filter(model="ensemble", symbol="S03")
    assert set(mixed.filter(session=dt.date(2020, 7, 20))["mean_return"]) == {0.0}
    assert mixed.filter(session=dt.date(2020, 7, 20))["fallback"].null_count() == 3


def ragged():
    """Symbols come and go, a day has no bar at all, one symbol's bars are late, one was restated much later."""
    told = world(7, 260, seed=3, skill=0.1)
    day = (pl.col("session") - START).dt.total_days()
    gone = ((pl.col("symbol") == "S01") & (day < 120)) | ((pl.col("symbol") == "S02") & (day > 140))
    gone |= (day == 150) | ((pl.col("symbol") == "S03") & (day % 5 == 0)) | day.is_between(170, 174)
    told = told.without(gone)
    late = pl.when(pl.col("symbol") == "S04").then(pl.duration(hours=2)).otherwise(pl.duration(hours=0))
    restated = (pl.col("symbol") == "S05") & (day == 180)
    known = pl.when(restated).then(pl.lit(dt.datetime(2021, 5, 1, tzinfo=dt.UTC))).otherwise(pl.col("known_at") + late)
    return replace(
        told,
        members=told.members.with_columns(known.cast(pl.Datetime("us", "UTC")).alias("known_at")),
        bars=told.bars.with_columns(known.cast(pl.Datetime("us", "UTC")).alias("known_at")),
    )


def test_alone_and_in_a_range_on_any_threads_are_the_same_bit_for_bit():
    told = ragged()
    whole, compared = told.forecasts(threads=3), 0
    for window in told.windows.iter_slices(1):
        alone = told.forecasts(window)
        assert alone.equals(whole.filter(partition=window.item(0, "partition")), null_equal=True)
        compared += alone.height
    assert compared == whole.height == 4 * told.members.height


def test_a_symbol_forecast_only_later_in_the_range_does_not_make_others_late():
    """S03's closes are known first, long before it has forecasts: alone and in a range they tell the time alike."""
    late = pl.col("symbol") == "S03"
    known = pl.col("known_at") + pl.when(late).then(0).otherwise(5) * dt.timedelta(minutes=1)
    told = world(4, 120, seed=7)
    listed = ~late | (pl.col("session") >= START + dt.timedelta(days=95))
    told = replace(told, members=told.members.filter(listed), bars=told.bars.with_columns(known_at=known))
    whole = told.forecasts()
    for window in told.windows.iter_slices(1):
        expected = whole.filter(partition=window.item(0, "partition"))
        assert told.forecasts(window).equals(expected, null_equal=True)


def test_the_order_of_rows_does_not_matter(skilled, made):
    mixed = replace(
        skilled,
        members=skilled.members.sample(fraction=1, shuffle=True, seed=1),
        bars=skilled.bars.sample(fraction=1, shuffle=True, seed=2),
    )
    assert mixed.forecasts().equals(made, null_equal=True)


@pytest.mark.slow
@pytest.mark.parametrize("later", ["gone", "ruined"])
def test_nothing_later_is_looked_at(later):
    told = ragged()
    whole, generator = told.forecasts(), np.random.default_rng(5)
    first, last = (told.bars["session"].min(), told.bars["session"].max())
    compared = 0
    for days in generator.integers(40, (last - first).days, 25):
        cut = dt.datetime.combine(first + dt.timedelta(days=int(days)), dt.time(22), dt.UTC)
        known, bars = pl.col("known_at") <= cut, told.bars
        if later == "gone":
            past = replace(told, members=told.members.filter(known), bars=bars.filter(known))
        else:
            means = [pl.when(known).then(f"mean_{name}").otherwise(1.5).alias(f"mean_{name}") for name in MEMBERS]
            wild = pl.when(known).then("close").otherwise(pl.col("close") * 7)
            past = replace(told, members=told.members.with_columns(means), bars=bars.with_columns(close=wild))
        near = told.windows.filter(pl.col("first_session") <= cut.date()).tail(2)
        wanted = pl.col("known_at") <= cut, pl.col("partition").is_in(near["partition"].to_list())
        expected = whole.filter(*wanted)
        assert past.forecasts(near).filter(*wanted).equals(expected, null_equal=True)
        compared += expected.height
    assert compared > 25 * 300


def test_a_late_close_counts_a_bar_later_and_a_restated_one_never():
    told = world(
        2, 120, seed=7, settings=SETTINGS.model_copy(update={"ensemble": EnsembleSettings(origins=40, min_origins=20)})
    )
    day = START + dt.timedelta(days=100)
    spoiled = told.bars.with_columns(
        close=pl.when(pl.col("session") == day, pl.col("symbol") == "S01").then(pl.col("close") * 3).otherwise("close")
    )

    def changed(known_at):
        """Sessions on which an interval of S00 differs for what S01's close of the day says."""
        when = pl.when(pl.col("session") == day, pl.col("symbol") == "S01").then(known_at).otherwise("known_at")
        frames = [replace(told, bars=bars.with_columns(known_at=when)) for bars in (told.bars, spoiled)]
        was, now = (one.forecasts().filter(symbol="S00") for one in frames)
        return was.filter(was["price_upper_80"] != now["price_upper_80"])["session"].unique().sort().to_list()

    close = dt.datetime.combine(day, dt.time(21), dt.UTC)
    assert changed(pl.lit(close))[0] == day
    assert changed(pl.lit(close + dt.timedelta(hours=1)))[0] == day + dt.timedelta(days=1)
    assert changed(pl.lit(close + dt.timedelta(days=3))) == []


def test_hostile_series_harm_nobody():
    told = world(6, 200, seed=9)
    day = (pl.col("session") - START).dt.total_days()
    still, jump = pl.col("symbol") == "S01", (pl.col("symbol") == "S02") & (day >= 150)
    price = pl.when(still).then(50.0).when(jump).then(pl.col("close") * 20).otherwise("close")
    bars = told.bars.with_columns(close=price)
    members = (
        told.members.drop("origin_price")
        .join(bars.select("symbol", "session", origin_price="close"), on=["symbol", "session"])
        .with_columns(
            pl.when(still).then(1e-8).otherwise(f"volatility_{name}").alias(f"volatility_{name}") for name in MEMBERS
        )
        .select(told.members.columns)
    )
    made = replace(told, members=members, bars=bars).forecasts()
    numbers = ["mean_return", "volatility", "price", *ENDS]
    assert made.select(pl.all_horizontal(pl.col(numbers).is_finite()).all()).item()
    assert made.filter(pl.col("model") != "ensemble")["weight"].is_finite().all()
    validate(
        FORECASTS.arrange(made.filter(partition="2020-07").drop("partition")),
        FORECASTS,
        market="test",
        layer="forecasts",
        partition="2020-07",
    )
    # The jump of one among six is one error among 360: it moves no interval of 90 % far.
    calm = told.forecasts()
    half = [
        (one.filter(symbol="S04", model="random_walk", horizon=1, partition="2020-07")["price_upper_90"].log())
        for one in (calm, made)
    ]
    assert (half[0] - half[1]).abs().max() < 0.01


def test_equals_change_nothing():
    """A member that says what the random walk says has not beaten it."""
    told = world(4, 120)
    same = told.members.with_columns(
        mean_drift=pl.col("mean_random_walk"), volatility_drift="volatility_random_walk",
        mean_arma_garch=pl.col("mean_random_walk"), volatility_arma_garch="volatility_random_walk",
    )  # fmt: skip
    made = replace(told, members=same).forecasts()
    assert set(made.filter(model="random_walk")["weight"]) == {1.0}
    assert made.filter(model="ensemble")["freedom"].null_count() == made.height // 4  # the random walk's law


@pytest.mark.slow
def test_intervals_hold_what_they_promise_where_the_laws_do_not():
    """Volatility is told a third too large by the random walk: its normal law holds far too much, the quantiles not."""
    told = world(20, 400, seed=11, settings=SETTINGS.model_copy(update={"ensemble": EnsembleSettings(origins=120)}))
    came = told.bars.select("symbol", target_open_time="open_time", came="close")
    made = told.forecasts().filter(interval="conformal").join(came, on=["symbol", "target_open_time"])
    for model in ("random_walk", "ensemble", "arma_garch"):
        rows = made.filter(model=model)
        for level in LEVELS:
            held = rows.select(pl.col("came").is_between(f"price_lower_{level}", f"price_upper_{level}").mean()).item()
            assert abs(100 * held - level) < 1.5
    walk = made.filter(model="random_walk")
    law = (walk["came"] / walk["origin_price"]).log().abs() <= stats.norm.ppf(0.9) * walk["volatility"]
    assert 100 * law.mean() > 84


def test_nothing_asked_for_is_an_empty_frame(skilled):
    nothing = skilled.forecasts(skilled.windows.filter(pl.col("partition") == "2020-01")).clear()
    empty = ensemble(skilled.members.clear(), skilled.bars.clear(), skilled.windows, SETTINGS, grid=skilled.grid)
    assert empty.equals(nothing)
    assert ensemble(skilled.members, skilled.bars, skilled.windows.clear(), SETTINGS, grid=skilled.grid).equals(nothing)


def test_what_is_missing_or_twice_there_is_named(skilled):
    def call(members=skilled.members, bars=skilled.bars, grid=skilled.grid):
        return ensemble(members, bars, skilled.windows, SETTINGS, grid=grid)

    with pytest.raises(ValueError, match="members lacks column mean_drift"):
        call(members=skilled.members.drop("mean_drift"))
    with pytest.raises(ValueError, match="bars lacks column known_at"):
        call(bars=skilled.bars.drop("known_at"))
    with pytest.raises(ValueError, match="members has 1 repeated symbol, open_time, horizon"):
        call(members=pl.concat([skilled.members, skilled.members.head(1)]))
    with pytest.raises(ValueError, match="bars has 1 repeated symbol, open_time"):
        call(bars=pl.concat([skilled.bars, skilled.bars.head(1)]))
    with pytest.raises(ValueError, match=r"18 forecasts have an origin that is not on the grid, e\.g\. .*2020, 1, 6"):
        call(grid=skilled.grid.filter(pl.col("session") != dt.date(2020, 1, 6)))

import warnings

import numpy as np
import polars as pl
import pytest

from tradepipe.contracts import FITS, validate
from tradepipe.contracts.forecasts import member_forecasts_contract
from tradepipe.settings.forecasts import DriftSettings, ForecastSettings, SamossaSettings

MEMBERS = ("random_walk", "drift", "seasonal_naive", "arma_garch", "samossa")
CONTRACT = member_forecasts_contract(MEMBERS)
FITTED = pl.col("model").is_in(["arma_garch", "samossa"])


@pytest.fixture(scope="module")
def run(panel, windows, settings, make):
    return make.members(panel, windows, settings)


def kept(run, window):
    key = window.item(0, "partition")
    return run.forecasts.filter(partition=key), run.fits.filter(partition=key)


@pytest.mark.slow
def test_both_frames_keep_their_contract_in_every_partition(run):
    for frame, contract in ((run.forecasts, CONTRACT), (run.fits, FITS)):
        for (partition,), part in frame.partition_by("partition", as_dict=True).items():
            told = part.drop("partition")
            validate(told, contract, market="test", layer=contract.name, partition=partition)
            assert told.equals(contract.arrange(told))


@pytest.mark.slow
def test_every_origin_has_every_horizon_from_ten_returns_on(run, panel, settings):
    first = panel["session"].unique().sort()[10]
    origins = panel.filter(pl.col("session") >= first)
    assert run.forecasts.height == origins.height * settings.horizon
    assert run.forecasts["session"].min() == first


def test_a_refit_after_each_session_serves_that_sessions_bar(run):
    assert (run.forecasts["fitted_through"] == run.forecasts["session"]).all()
    assert (run.fits["trained_through"] == run.fits["session"]).all()
    firsts = run.fits.filter(trigger="first").group_by("partition").agg(pl.col("session").unique())
    assert firsts["session"].list.len().to_list() == [1] * len(firsts)
    assert set(run.fits["trigger"].unique()) == {"first", "schedule"}


@pytest.mark.slow
def test_with_fewer_returns_the_random_walk_stands_in_and_says_so(run, settings):
    early = run.forecasts.filter(pl.col("session") < pl.lit("2015-12-01").str.to_date())
    for name in ("arma_garch", "samossa"):
        assert early[f"fallback_{name}"].unique().to_list() == ["fewer than 255 returns"]
        assert early[f"engine_{name}"].unique().to_list() == ["baseline"]
        for what in ("mean", "volatility", "freedom"):
            assert early[f"{what}_{name}"].equals(early[f"{what}_random_walk"], null_equal=True)
    short = run.fits.filter(FITTED, pl.col("observations") < settings.min_train_bars)
    assert short["fallback"].unique().to_list() == ["fewer than 255 returns"]
    assert short["parameters"].unique().to_list() == ["{}"]


def test_with_enough_returns_each_member_has_its_own_engine(run):
    late = run.forecasts.tail(60)
    engines = {name: late[f"engine_{name}"].unique().to_list() for name in MEMBERS}
    assert engines == {
        **{name: ["baseline"] for name in MEMBERS[:3]},
        "arma_garch": ["batched"],
        "samossa": ["samossa"],
    }
    assert all(late[f"fallback_{name}"].null_count() == 60 for name in MEMBERS)
    fitted = run.fits.filter(engine="batched")
    parameters = fitted["parameters"].str.json_decode(pl.Struct({"ar.L1": pl.Float64, "nu": pl.Float64})).struct
    assert parameters.field("ar.L1").is_between(-1, 1).all()
    assert parameters.field("nu").is_between(2, 500).all()
    assert fitted["observations"].is_between(255, 260).all()
    assert late["freedom_random_walk"].null_count() == 60
    assert (late["freedom_arma_garch"] > 2).all()


def test_random_walk_and_drift_are_what_they_say(run, panel, settings):
    row = run.forecasts.filter(symbol="BBB", horizon=3).tail(1).to_dicts()[0]
    returns = panel.filter(symbol="BBB")["log_return"].drop_nulls().tail(settings.train_bars).to_numpy()
    variance = np.mean(returns[:60] ** 2)
    for value in returns:
        variance = 0.94 * variance + 0.06 * value**2
    assert row["mean_random_walk"] == 0
    assert row["volatility_random_walk"] == pytest.approx(np.sqrt(3 * variance), rel=1e-12)
    assert row["mean_drift"] == pytest.approx(3 * returns.mean(), rel=1e-12)
    assert row["mean_seasonal_naive"] == pytest.approx(returns[-5:-2].sum(), rel=1e-12)


def test_targets_are_the_horizons_sessions_of_the_grid(run, grid):
    sessions, opens = grid["session"].to_list(), grid["open_time"].to_list()
    for row in run.forecasts.sample(50, seed=1).to_dicts():
        assert sessions.index(row["target_session"]) - sessions.index(row["session"]) == row["horizon"]
        assert opens.index(row["target_open_time"]) - opens.index(row["open_time"]) == row["horizon"]


def test_a_version_is_its_parameters(run, panel, windows, settings, make):
    last = windows.tail(1)
    mine = kept(run, last)[1]
    assert mine.group_by("model").agg(pl.col("version").n_unique())["version"].to_list() == [1] * 5
    assert mine["version"].str.starts_with(mine["model"] + "/" + last.item(0, "partition") + "/").all()
    other = panel.with_columns(
        log_return=pl.when(symbol="AAA").then(pl.col("log_return") * 1.01).otherwise("log_return")
    )
    again = make.members(other, last, settings).fits
    old, new = (dict(frame.select("model", "version").unique().rows()) for frame in (mine, again))
    assert {name for name in MEMBERS if old[name] != new[name]} == {"drift", "arma_garch", "samossa"}


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
def test_alone_in_a_range_and_on_any_threads_are_the_same(run, panel, windows, settings, make, threads):
    last = windows.tail(3)
    again = make.members(panel, last, settings, threads=threads)
    for window in last.iter_slices(1):
        alone = make.members(panel, window, settings, threads=threads)
        for frame, found, expected in zip(
            kept(again, window), (alone.forecasts, alone.fits), kept(run, window), strict=True
        ):
            assert frame.height
            assert frame.equals(expected)
            assert found.equals(expected)


@pytest.mark.slow
@pytest.mark.parametrize(("refit", "threads"), [("week", 1), ("month", 2)])
def test_longer_chains_are_the_same_alone_and_in_a_range(panel, windows, settings, make, refit, threads):
    # So low a bar for drift that many refits come early.
    told = settings.model_copy(
        update={"refit": refit, "drift": DriftSettings(bars=5, log_likelihood=0.2, coverage=0.15)}
    )
    last = windows.tail(3)
    whole = make.members(panel, last, told)
    assert set(whole.fits.filter(FITTED)["trigger"].unique()) == {"first", "schedule", "drift"}
    for window in last.iter_slices(1):
        alone = make.members(panel, window, told, threads=threads)
        assert alone.forecasts.equals(kept(whole, window)[0])
        assert alone.fits.equals(kept(whole, window)[1])
    assert (whole.forecasts["fitted_through"] <= whole.forecasts["session"]).all()
    assert (whole.forecasts["fitted_through"] < whole.forecasts["session"]).any()


def test_a_filtered_forecast_is_that_of_the_fit_standing_later(panel, windows, settings, make):
    """Between refits parameters stay and bars go on: EWMA, without parameters, is the same as if it were refitted."""
    window, still = windows.tail(1), settings.model_copy(update={"drift": DriftSettings(log_likelihood=0, coverage=0)})
    daily, monthly = (
        make.members(panel, window, still.model_copy(update={"refit": refit})).forecasts for refit in ("day", "month")
    )
    # Its start has been forgotten but for 0.94**260.
    np.testing.assert_allclose(monthly["volatility_random_walk"], daily["volatility_random_walk"], rtol=1e-6)
    assert monthly["mean_seasonal_naive"].equals(daily["mean_seasonal_naive"])
    assert monthly["fitted_through"].n_unique() == 1 < daily["fitted_through"].n_unique()
    assert not monthly["mean_arma_garch"].equals(daily["mean_arma_garch"])
    np.testing.assert_allclose(monthly["volatility_arma_garch"], daily["volatility_arma_garch"], rtol=0.5)


def test_neither_order_nor_company_of_symbols_matters_but_to_samossa(run, panel, windows, settings, make):
    last = windows.tail(1)
    shuffled = make.members(panel.sample(fraction=1, shuffle=True, seed=3), last, settings)
    assert shuffled.forecasts.equals(kept(run, last)[0])
    alone = make.members(panel.filter(symbol="BBB"), last, settings).forecasts
    shared = [name for name in alone.columns if not name.endswith("_samossa")]
    assert alone.select(shared).equals(kept(run, last)[0].filter(symbol="BBB").select(shared))


def test_what_rests_on_another_symbols_late_bar_is_withheld(run, panel, windows, settings, make):
    last = windows.tail(1)
    session = last.item(0, "first_session")
    came = pl.when((pl.col("symbol") == "AAA") & (pl.col("session") == session))
    late = panel.with_columns(known_at=came.then(pl.col("known_at") + pl.duration(minutes=1)).otherwise("known_at"))
    made, usual = make.members(late, last, settings).forecasts, kept(run, last)[0]
    here = (pl.col("session") == session) & (pl.col("symbol") == "BBB")
    withheld = made.filter(here)
    assert withheld["fallback_samossa"].unique().to_list() == [
        "a bar of another symbol in its window became known later"
    ]
    assert withheld["mean_samossa"].equals(withheld["mean_random_walk"], check_names=False)
    assert set(withheld["engine_samossa"]) == {"baseline"}
    assert made.drop("known_at").filter(~here).equals(usual.drop("known_at").filter(~here))


def test_within_sectors_only_their_own_symbols_matter(run, panel, windows, settings, make):
    last = windows.tail(1)
    told = settings.model_copy(update={"samossa": SamossaSettings(across="sector")})
    apart = make.members(panel, last, told, sectors={"AAA": "Energy", "BBB": "Materials"}).forecasts
    alone = make.members(panel.filter(symbol="BBB"), last, settings).forecasts
    assert apart.filter(symbol="BBB").equals(alone)
    assert not apart.filter(symbol="BBB").equals(kept(run, last)[0].filter(symbol="BBB"))


def test_regressors_a_bar_old_enter_the_mean(panel, windows, settings, make):
    noise = np.random.default_rng(5).normal(0, 0.003, panel.height)
    coming = pl.col("log_return").shift(-1).over("symbol").fill_null(0.0)
    told = settings.model_copy(update={"exog": ("signal",), "refit": "month", "members": ("random_walk", "arma_garch")})
    made = make.members(panel.with_columns(signal=coming + noise), windows.tail(1), told).forecasts.filter(horizon=1)
    assert set(made["engine_arma_garch"]) == {"batched"}
    came = panel.select("symbol", "session", came=pl.col("log_return").shift(-1).over("symbol"))
    both = made.join(came, on=["symbol", "session"]).drop_nulls("came")
    assert both.height == made.height - 2
    assert np.corrcoef(both["mean_arma_garch"], both["came"])[0, 1] > 0.9


def test_a_gap_is_spanned_and_a_lost_symbol_is_not_fitted(panel, windows, settings, make):
    last = windows.tail(2)
    sessions = panel["session"].unique().sort()
    holes = panel.filter(~((pl.col("symbol") == "BBB") & pl.col("session").is_in(sessions[-12:-9].implode())))
    made = make.members(holes, last, settings)
    assert made.forecasts.filter(symbol="BBB").height == (len(last) and kept_rows(panel, last, "BBB") - 3) * 3
    gone = panel.filter((pl.col("symbol") == "AAA") | (pl.col("session") < sessions[-45]))
    left = make.members(gone, last.tail(1), settings.model_copy(update={"refit": "month"}))
    assert left.fits["symbol"].unique().to_list() == ["AAA"]


def kept_rows(panel, windows, symbol):
    first, last = windows["first_session"].min(), windows["last_session"].max()
    return panel.filter(pl.col("symbol") == symbol, pl.col("session").is_between(first, last)).height


def test_progress_starts_at_none_and_ends_at_all(panel, windows, settings, make):
    told = []
    make.members(panel, windows.head(2), settings, on_progress=lambda *report: told.append(report))
    assert told == [("member_forecasts", done, 2) for done in range(3)]


def test_nothing_asked_for_is_an_empty_frame(panel, windows, settings, make):
    nothing = make.members(panel, windows.head(0), settings)
    assert nothing.forecasts.schema == {"partition": pl.String, **CONTRACT.polars_schema}
    assert nothing.fits.schema == {"partition": pl.String, **FITS.polars_schema}


def test_missing_columns_are_named(panel, windows, settings, grid, make):
    with pytest.raises(ValueError, match="panel lacks column log_return"):
        make.members(panel.drop("log_return"), windows, settings)
    with pytest.raises(ValueError, match="panel lacks column rsi"):
        make.members(panel, windows, settings.model_copy(update={"exog": ("rsi",)}))
    with pytest.raises(ValueError, match="windows lacks column anchor_session"):
        make.members(panel, windows.drop("anchor_session"), settings)
    with pytest.raises(ValueError, match="grid lacks column open_time"):
        make.members(panel, windows.tail(1), settings, grid=grid.drop("open_time"))


def test_a_grid_that_cannot_hold_the_targets_is_refused(panel, windows, settings, grid, make):
    early, last = windows.head(2), windows.head(2)["last_session"].max()
    for broken, message in (
        (pl.concat([grid, grid.tail(1)]), "grid has 1 repeated open_time"),
        (grid.filter(pl.col("session") <= last), "grid ends before the target of 6 origins"),
        (grid.filter(pl.col("session") != last), "2 origin bars are not on the grid"),
    ):
        with pytest.raises(ValueError, match=message):
            make.members(panel, early, settings, grid=broken)


def hostile(name, make):
    calm = make.simulate(21, 300)
    spike = calm.copy()
    spike[150] = 50 * calm.std()
    late_spike = calm.copy()
    late_spike[295] = 50 * calm.std()
    jump = np.zeros(300)
    jump[200] = 0.4
    late_jump = np.zeros(300)
    late_jump[295] = 3.0
    halted = calm.copy()
    halted[60:240] = 0.0
    return {
        "constant": np.zeros(300),
        "constant growth": np.full(300, 0.001),
        "spike of 50 sigma in training": spike,
        "spike of 50 sigma among origins": late_spike,
        "zero variance then jump": jump,
        "zero variance then jump among origins": late_jump,
        "mostly halted": halted,
        "two values": np.where(calm > 0, 0.01, -0.01),
        "tiny": calm * 1e-9,
        "huge": calm * 50,
        "alternating": 0.01 * (-1.0) ** np.arange(300),
        "trend of a parabola": np.linspace(-0.05, 0.05, 300),
        "ten points": calm[-11:],
    }[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "engine"),
    [
        ("constant", "baseline"),
        ("constant growth", "baseline"),
        ("spike of 50 sigma in training", None),
        ("spike of 50 sigma among origins", None),
        ("zero variance then jump", None),
        ("zero variance then jump among origins", None),
        ("mostly halted", None),
        ("two values", None),
        ("tiny", None),
        ("huge", None),
        ("alternating", None),
        ("trend of a parabola", None),
        ("ten points", "baseline"),
    ],
)
def test_hostile_series_get_a_usable_forecast_with_a_reason(make, settings, name, engine):
    good, bad = make.panel({"AAA": make.simulate(1, 300)}), make.panel({"BAD": hostile(name, make)})
    # All end at the same bar.
    late = good["session"].unique().sort().tail(bad.height)
    bad = bad.with_columns(
        session=late, open_time=good["open_time"].tail(bad.height), known_at=good["known_at"].tail(bad.height)
    )
    last = make.windows(good, 292).tail(1)
    refit = "day" if name == "ten points" else "week"  # its tenth return comes within the week
    weekly = settings.model_copy(update={"refit": refit, "min_train_bars": 250, "train_bars": 260})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = make.members(pl.concat([good, bad]), last, weekly).forecasts
    assert not caught
    validate(made.drop("partition"), CONTRACT, market="test", layer="member_forecasts", partition="p")
    found = made.filter(symbol="BAD")
    origins = 1 if name == "ten points" else made.filter(symbol="AAA").height // 3
    assert found.height >= origins * 3
    for member in ("arma_garch", "samossa"):
        first = found[f"engine_{member}"] == {"arma_garch": "batched", "samossa": "samossa"}[member]
        assert (first == found[f"fallback_{member}"].is_null()).all()
    assert engine is None or (found["engine_arma_garch"] == engine).all()
    # The neighbour's univariate members are as they are alone; the newest fit of all may be SAMoSSA's, on drift.
    alone = make.members(good, last, weekly).forecasts
    shared = [one for one in alone.columns if not one.endswith("_samossa") and one != "fitted_through"]
    assert made.filter(symbol="AAA").select(shared).equals(alone.select(shared))


def test_a_market_may_have_fewer_members(panel, windows, make):
    told = ForecastSettings(horizon=2, train_bars=260, min_train_bars=255, members=("drift", "random_walk"))
    made = make.members(panel, windows.tail(1), told)
    assert made.forecasts.columns[1:] == member_forecasts_contract(("drift", "random_walk")).column_names
    assert set(made.fits["model"].unique()) == {"drift", "random_walk"}

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from arch.data import nasdaq, sp500, wti

from tests.forecasting.engines import samossa_reference as reference
from tradepipe.forecasting.engines.samossa import Samossa, ranks
from tradepipe.forecasting.engines.samossa.factors import factors_of
from tradepipe.forecasting.engines.samossa.ranks import best_first
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = Samossa()
SPEC = ModelSpec("samossa", ranks=(1, 2, 3, 5), lags=1)
RANK, LAGS, FIRST_AR = 0, 1, 4


def panel_of(series, groups=()):
    return Panel(
        tuple(f"S{i}" for i in range(len(series))), tuple(np.asarray(one, np.float64) for one in series), (), groups
    )


def waves(seed, series, bars, noise, *, phi=0.6, periods=(25, 60)):
    """Waves of common periods, and AR(1) noise of its own in each series."""
    generator, t = np.random.default_rng(seed), np.arange(bars)
    common = sum(
        generator.uniform(0.5, 1.5, (series, 1)) * np.cos(2 * np.pi * t / period + generator.uniform(0, 6, (series, 1)))
        for period in periods
    )
    shocks, rest = noise * generator.standard_normal((series, bars)), np.zeros((series, bars))
    for bar in range(1, bars):
        rest[:, bar] = phi * rest[:, bar - 1] + shocks[:, bar]
    return common, rest


def noise_of(seed, series, bars, factors=2):
    generator = np.random.default_rng(seed)
    loadings = 0.5 * generator.standard_normal((series, factors))
    return 0.01 * (loadings @ generator.standard_normal((factors, bars)) + generator.standard_normal((series, bars)))


def indices():
    frames = [sp500.load()["Adj Close"], nasdaq.load()["Adj Close"], wti.load().iloc[:, 0]]
    return [np.diff(np.log(one.dropna().to_numpy()))[-900:] for one in frames]


PANELS = {
    "one series": lambda: noise_of(1, 1, 500),
    "indices": indices,
    "log prices": lambda: np.cumsum(noise_of(2, 12, 700), axis=1),
    "waves": lambda: sum(waves(3, 8, 600, 0.5)),
    "waves almost bare": lambda: sum(waves(4, 20, 400, 0.01)),
    "many short": lambda: noise_of(5, 150, 203),
    "trend": lambda: np.linspace(0, 3, 400) + sum(waves(6, 5, 400, 0.2)),
}


RANKS = (1, 2, 5, 0)
REFUSED = {("one series", 5), ("waves almost bare", 5)}
"""Panels and ranks whose forecaster would explode."""


@pytest.mark.slow
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(("name", "rank"), sorted({(name, rank) for name in PANELS for rank in RANKS} - REFUSED))
def test_agrees_with_the_reference(name, rank, order):
    series = np.array(PANELS[name]())
    spec = ModelSpec("samossa", ranks=(rank,), lags=order)
    fits = ENGINE.fit(panel_of(series), spec)
    mean, scale = series.mean(axis=1), series.std(axis=1)
    standard = ((series - mean[:, None]) / scale[:, None]).T
    lags = int(fits.parameters[0, LAGS])
    beta, alpha, found = reference.fit(standard, lags, order, rank)
    assert fits.reason == (None,) * len(series)
    assert fits.parameters[0, RANK] == found
    np.testing.assert_allclose(fits.state[0, 1 : 1 + lags], beta, rtol=0, atol=1e-10 * np.abs(beta).max())
    np.testing.assert_allclose(fits.parameters[:, FIRST_AR:].T, alpha, rtol=0, atol=1e-8)
    expected = mean + scale * reference.forecast(standard, beta, alpha, 7)
    np.testing.assert_allclose(ENGINE.forecast(fits, 7).mean, expected.T, rtol=0, atol=1e-8 * scale.max())
    for bar in (lags + order, len(standard) - 1):
        error = (standard[bar] - reference.forecast(standard[:bar], beta, alpha, 1)[0]) * scale
        np.testing.assert_allclose([one[bar] for one in fits.residuals], error, rtol=0, atol=1e-9 * scale.max())
    for one, values in zip(fits.residuals, series, strict=True):
        np.testing.assert_array_equal(one[:lags], values[:lags])


def test_which_panels_are_refused():
    refused = {
        (name, rank)
        for name, made in PANELS.items()
        for rank in RANKS
        if ENGINE.fit(panel_of(made()), ModelSpec("samossa", ranks=(rank,))).reason[0] is not None
    }
    assert refused == REFUSED


def test_recovers_waves_and_autoregression():
    common, rest = waves(7, 60, 1008, 0.5)
    series = common + rest
    spec = ModelSpec("samossa", ranks=(1, 2, 4, 8), lags=1)
    fits = ENGINE.fit(panel_of(series[:, :1000]), spec)
    assert set(fits.parameters[:, RANK]) == {4.0}
    assert np.median(fits.parameters[:, FIRST_AR]) == pytest.approx(0.6, abs=0.1)  # the factors take some of it
    ideal = common[:, 1000:1005] + rest[:, 999:1000] * 0.6 ** np.arange(1, 6)
    forecast = ENGINE.forecast(fits, 5).mean
    spread = series.std(axis=1)[:, None]
    assert np.sqrt(np.mean(((forecast - ideal) / spread) ** 2)) < 0.25
    assert np.mean((forecast - ideal) ** 2) < 0.1 * np.mean(ideal**2)
    errors = np.array(fits.residuals)[:, 200:]
    assert errors.std() == pytest.approx(0.5, abs=0.03)


def test_cross_validation_prefers_what_forecast_best():
    series = sum(waves(8, 20, 600, 0.5))
    assert best_first(series, (1, 4, 20), 1)[0] == 4
    assert best_first(noise_of(9, 20, 600, factors=0), (30, 1), 0)[0] == 1


def test_cross_validation_sees_its_past_alone(monkeypatch):
    seen = []

    def spy(standard, *others):
        seen.append(standard.copy())
        return factors_of(standard, *others)

    monkeypatch.setattr(ranks, "factors_of", spy)
    series = sum(waves(10, 6, 400, 0.5))
    best_first(series, (1, 2, 4, 8), 1)
    best_first(np.concatenate([series[:, :320], 100 * series[:, 320:]], axis=1), (1, 2, 4, 8), 1)
    assert [one.shape[1] for one in seen] == [280, 320, 360] * 2
    np.testing.assert_array_equal(seen[0], seen[3])
    np.testing.assert_array_equal(seen[1], seen[4])
    assert (seen[2] != seen[5]).any()


@pytest.mark.parametrize(("factor", "shift"), [(1e-3, 0.0), (250.0, -3.0)])
def test_scale_and_shift(factor, shift):
    series = noise_of(11, 15, 400)
    plain, moved = (ENGINE.fit(panel_of(one), SPEC) for one in (series, factor * series + shift))
    np.testing.assert_array_equal(plain.parameters[:, RANK], moved.parameters[:, RANK])
    expected = factor * ENGINE.forecast(plain, 5).mean + shift
    tolerance = 1e-9 * factor * series.std() + 1e-12 * abs(shift)
    np.testing.assert_allclose(ENGINE.forecast(moved, 5).mean, expected, rtol=0, atol=tolerance)


def test_permutation_of_symbols():
    series = noise_of(12, 15, 400)
    order = np.random.default_rng(0).permutation(15)
    plain, mixed = (ENGINE.forecast(ENGINE.fit(panel_of(one), SPEC), 5) for one in (series, series[order]))
    np.testing.assert_allclose(mixed.mean, plain.mean[order], rtol=0, atol=1e-9 * series.std())
    np.testing.assert_allclose(mixed.response, plain.response[order], atol=1e-9)


HOSTILE = {
    "empty": ([], "0 bars, fewer than the window of 400"),
    "ten": (np.linspace(-0.01, 0.02, 10), "10 bars, fewer than the window of 400"),
    "constant": (np.full(400, 0.001), "no variance"),
    "gaps": (np.where(np.arange(400) % 7, 0.01, np.nan), "missing values: 58"),
    "infinite": (np.where(np.arange(400) == 9, np.inf, 0.01), "missing values: 1"),
    "huge": (np.where(np.arange(400) % 2, 1e200, -1e200), "no variance"),
}


def test_who_is_left_out_disturbs_no_other():
    series = list(noise_of(13, 9, 400))
    alone = ENGINE.fit(panel_of(series), SPEC)
    crowd = ENGINE.fit(panel_of(series + [one for one, _ in HOSTILE.values()]), SPEC)
    for name in ("parameters", "state"):
        np.testing.assert_array_equal(getattr(crowd, name)[:9], getattr(alone, name))
    np.testing.assert_array_equal(np.array(crowd.residuals[:9]), np.array(alone.residuals))
    assert crowd.reason[:9] == (None,) * 9
    assert crowd.converged.tolist() == [True] * 9 + [False] * len(HOSTILE)
    for row, (name, (values, reason)) in enumerate(HOSTILE.items(), 9):
        assert crowd.reason[row].startswith(reason), name
        assert np.isnan(crowd.parameters[row]).all()
        assert np.isnan(crowd.residuals[row]).all()
        assert len(crowd.residuals[row]) == len(values)
        assert crowd.observations[row] == np.isfinite(values).sum()
    assert ENGINE.faults(panel_of(series + [one for one, _ in HOSTILE.values()]), SPEC) == crowd.reason
    forecast = ENGINE.forecast(crowd, 3)
    assert np.isfinite(forecast.mean[:9]).all()
    assert np.isnan(forecast.mean[9:]).all()


def test_who_is_left_out_has_no_say_in_the_window():
    good, holes = noise_of(26, 1, 400)[0], np.where(np.arange(300) == 150, np.nan, 0.01)
    fits = ENGINE.fit(panel_of([holes, np.zeros(350), good, np.zeros(390)]), SPEC)
    assert [fits.reason[row] for row in (0, 2)] == ["missing values: 1", None]
    np.testing.assert_array_equal(fits.state[2], ENGINE.fit(panel_of([good]), SPEC).state[0])


@pytest.mark.parametrize("hostile", ["spike", "jump"])
def test_wild_series_are_forecast(hostile):
    wild = 0.01 * np.random.default_rng(1).standard_normal(400)
    if hostile == "spike":
        wild[390] = 0.5
    else:
        wild[:395] = 0.0
    forecast = ENGINE.forecast(ENGINE.fit(panel_of([*noise_of(14, 9, 400), wild]), SPEC), 5)
    assert np.isfinite(forecast.mean).all()
    assert np.abs(forecast.mean).max() < 0.5


@pytest.mark.parametrize(
    "series", [[], [[]], [np.zeros(400)] * 3, [np.arange(50.0)] * 3], ids=["none", "empty", "still", "short"]
)
def test_panels_that_leave_nobody(series):
    fits = ENGINE.fit(panel_of(series), SPEC)
    assert all(fits.reason)
    assert ENGINE.forecast(fits, 2).mean.shape == (len(series), 2)
    assert ENGINE.at(panel_of(series), SPEC, fits.parameters).reason == fits.reason


def test_a_longer_series_gives_its_newest_bars():
    series = list(noise_of(15, 6, 500))
    fits = ENGINE.fit(panel_of([series[0], *(one[-400:] for one in series[1:])]), SPEC)
    cut = ENGINE.fit(panel_of([one[-400:] for one in series]), SPEC)
    np.testing.assert_array_equal(fits.state, cut.state)
    np.testing.assert_array_equal(fits.residuals[0], np.concatenate([series[0][:100], cut.residuals[0]]))


def test_groups_are_models_of_their_own():
    first, second = noise_of(16, 7, 400), noise_of(17, 20, 300)
    mixed = [*first[:3], *second[:5], *first[3:], *second[5:]]
    groups = ("a",) * 3 + ("b",) * 5 + ("a",) * 4 + ("b",) * 15
    together = ENGINE.fit(panel_of(mixed, groups), SPEC)
    forecast = ENGINE.forecast(together, 4)
    for name, series in (("a", first), ("b", second)):
        rows = [row for row, group in enumerate(groups) if group == name]
        alone = ENGINE.fit(panel_of(series), SPEC)
        np.testing.assert_array_equal(together.parameters[rows], alone.parameters)
        np.testing.assert_array_equal(forecast.mean[rows], ENGINE.forecast(alone, 4).mean)
    new = [0.01 * np.ones(2)] * len(mixed)
    moved = ENGINE.update(together, panel_of(new, groups))
    alone = ENGINE.update(ENGINE.fit(panel_of(first), SPEC), panel_of(new[:7]))
    np.testing.assert_array_equal(np.array([moved.residuals[0], moved.residuals[8]]), np.array(alone.residuals)[[0, 3]])


@pytest.mark.parametrize("order", [0, 1, 3])
def test_update_is_the_recursion_on_the_longer_series(order):
    series = noise_of(18, 5, 460)
    spec = ModelSpec("samossa", ranks=(2,), lags=order)
    fits = ENGINE.fit(panel_of(series[:, :400]), spec)
    lags = int(fits.parameters[0, LAGS])
    beta, alpha = fits.state[0, 1 : 1 + lags], fits.parameters[:, FIRST_AR:].T
    mean, scale = fits.parameters[:, 2], fits.parameters[:, 3]
    standard = ((series - mean[:, None]) / scale[:, None]).T
    moved = ENGINE.update(fits, panel_of(series[:, 400:]))
    for bar in (400, 401, 459):
        expected = scale * (standard[bar] - reference.forecast(standard[:bar], beta, alpha, 1)[0])
        np.testing.assert_allclose([one[bar - 400] for one in moved.residuals], expected, atol=1e-12)
    expected = mean + scale * reference.forecast(standard, beta, alpha, 3)
    np.testing.assert_allclose(ENGINE.forecast(moved, 3).mean, expected.T, atol=1e-12)
    steps = fits
    for bar in range(400, 460):
        steps = ENGINE.update(steps, panel_of(series[:, bar : bar + 1]))
    np.testing.assert_array_equal(steps.state, moved.state)
    np.testing.assert_array_equal(fits.state, ENGINE.fit(panel_of(series[:, :400]), spec).state)  # it is not written to


def test_a_missing_new_bar_is_what_was_expected():
    series = noise_of(19, 4, 300)
    fits = ENGINE.fit(panel_of(series), SPEC)
    expected = ENGINE.forecast(fits, 1).mean
    holes = ENGINE.update(fits, panel_of(np.full((4, 1), np.nan)))
    filled = ENGINE.update(fits, panel_of(expected))
    assert np.isnan(np.array(holes.residuals)).all()
    np.testing.assert_allclose(np.array(filled.residuals), 0, atol=1e-15)
    np.testing.assert_allclose(ENGINE.forecast(holes, 5).mean, ENGINE.forecast(filled, 5).mean, rtol=0, atol=1e-14)


@pytest.mark.parametrize("order", [0, 1, 3])
def test_response_is_what_a_unit_more_adds(order):
    series = sum(waves(20, 5, 300, 0.5))
    fits = ENGINE.fit(panel_of(series), ModelSpec("samossa", ranks=(4,), lags=order))
    plain, more = (ENGINE.forecast(ENGINE.update(fits, panel_of(np.full((5, 1), bump))), 6) for bump in (0.0, 1.0))
    assert plain.response[:, 0].tolist() == [1.0] * 5
    np.testing.assert_allclose((more.mean - plain.mean)[:, :5], plain.response[:, 1:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("groups", [(), ("a",) * 5 + ("b",) * 5])
def test_fits_at_their_parameters_are_the_fits(groups):
    panel = panel_of([*noise_of(21, 9, 400), np.zeros(400)], groups)
    fits = ENGINE.fit(panel, SPEC)
    again = ENGINE.at(panel, SPEC, fits.parameters)
    np.testing.assert_array_equal(again.parameters, fits.parameters)
    np.testing.assert_array_equal(again.state, fits.state)
    for one, other in zip(again.residuals, fits.residuals, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.reason == fits.reason


def test_rows_without_parameters_have_a_reason():
    panel = panel_of(noise_of(22, 4, 300))
    fits = ENGINE.fit(panel, SPEC)
    parameters = fits.parameters.copy()
    parameters[2] = np.nan
    again = ENGINE.at(panel, SPEC, parameters)
    assert again.reason == (None, None, "no parameters", None)
    np.testing.assert_array_equal(again.state[[0, 1, 3]], fits.state[[0, 1, 3]])
    nothing = ENGINE.at(panel, SPEC, np.full_like(parameters, np.nan))
    assert nothing.reason == ("no parameters",) * 4


def test_a_warm_fit_keeps_the_rank():
    series = sum(waves(8, 20, 620, 0.5))
    cold = ENGINE.fit(panel_of(series[:, :600]), ModelSpec("samossa", ranks=(1, 4), lags=1))
    assert set(cold.parameters[:, RANK]) == {4.0}
    before = replace(cold, parameters=np.where(np.arange(5) == RANK, 1.0, cold.parameters))
    warm = ENGINE.fit(panel_of(series[:, 20:]), cold.spec, before, turn=7)
    assert set(warm.parameters[:, RANK]) == {1.0}
    alone = ENGINE.fit(panel_of(series[:, 20:]), ModelSpec("samossa", ranks=(1,), lags=1))
    np.testing.assert_array_equal(warm.state, alone.state)
    nothing = replace(cold, parameters=np.full_like(cold.parameters, np.nan))
    assert set(ENGINE.fit(panel_of(series[:, 20:]), cold.spec, nothing).parameters[:, RANK]) == {4.0}


def test_a_warm_fit_of_other_groups_keeps_the_rank_of_most_in_any_order():
    series, order = np.array(noise_of(21, 5, 300)), [4, 2, 0, 1, 3]
    before = ENGINE.fit(panel_of(series), SPEC)
    before.parameters[:, RANK] = [1, 2, 2, 1, 2]
    for rows in (order, order[::-1], sorted(order)):
        panel = panel_of(series).take(rows)
        assert set(ENGINE.fit(panel, SPEC, before.take(np.array(rows))).parameters[:, RANK]) == {2.0}


def explosive():
    """Growth that rank 1 repeats, and series that know of none."""
    growth = np.exp(0.02 * np.arange(400.0))
    return np.outer([1.0, 2.0, -1.0], growth) + 0.01 * np.random.default_rng(2).standard_normal((3, 400))


def test_explosions_are_refused_with_a_reason():
    fits = ENGINE.fit(panel_of(explosive()), ModelSpec("samossa", ranks=(1, 2), lags=0))
    assert fits.reason == ("recursions of ranks (1, 2) explode",) * 3
    assert np.isnan(fits.parameters).all()
    told = np.tile([1.0, 9.0, 0.0, 1.0], (3, 1))
    assert ENGINE.at(panel_of(explosive()), fits.spec, told).reason == ("recursion of the rank explodes",) * 3


def test_one_series_may_explode_alone():
    quiet, loud = sum(waves(24, 30, 400, 0.1)), np.exp(0.03 * np.arange(400.0))
    fits = ENGINE.fit(panel_of([*quiet, loud]), ModelSpec("samossa", ranks=(4,), lags=1))
    assert fits.reason[:30] == (None,) * 30
    assert fits.reason[30] == "the rest's autoregression explodes"
    assert np.isnan(fits.parameters[30]).all()


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        (ModelSpec("arma", (1, 0, 1)), "family arma"),
        (ModelSpec("samossa"), "needs ranks"),
        (ModelSpec("samossa", ranks=(1, -1)), "needs ranks"),
        (ModelSpec("samossa", ranks=(1,), exog=("volume",)), "no regressors"),
    ],
)
def test_what_is_not_samossa_is_refused(spec, word):
    assert word in ENGINE.refusal(spec)
    with pytest.raises(ForecastError, match=word):
        ENGINE.fit(panel_of(noise_of(1, 2, 200)), spec)


def test_wrong_calls_say_what_to_do():
    panel = panel_of(noise_of(25, 3, 200))
    fits = ENGINE.fit(panel, SPEC)
    with pytest.raises(ForecastError, match="align them"):
        ENGINE.update(fits, panel.take([0, 1]))
    with pytest.raises(ForecastError, match="shape"):
        ENGINE.at(panel, SPEC, np.zeros((3, 2)))
    with pytest.raises(ForecastError, match="not positive"):
        ENGINE.forecast(fits, 0)
    with pytest.raises(ForecastError, match="without it"):
        ENGINE.fit(panel.take([0, 1]), SPEC, fits)


DIGEST = """
import hashlib, numpy as np
from tradepipe.forecasting.engines.samossa import Samossa
from tradepipe.forecasting.model import ModelSpec, Panel
series = np.random.default_rng(3).standard_normal((400, 1200))
panel, spec = Panel(tuple(map(str, range(400))), tuple(series)), ModelSpec("samossa", ranks=(1, 5), lags=2)
fits = Samossa().fit(panel, spec, threads=THREADS)
parts = fits.parameters, fits.state, np.array(fits.residuals), Samossa().forecast(fits, 5).mean
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest(), fits.reason[0])
"""


@pytest.mark.slow
def test_bits_do_not_depend_on_threads():
    digests = set()
    for threads in ("1", "2"):
        told = {f"{name}_NUM_THREADS": threads for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
        done = subprocess.run(
            [sys.executable, "-c", DIGEST.replace("THREADS", threads)],
            env=os.environ | told,
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert digests.pop().endswith("None\n")

"""Batched ARMA behind the engine interface: rows, reasons, residuals, updates, forecasts."""

import numpy as np
import pytest

from tests.forecasting.batched.made import arma
from tradepipe.forecasting.engines.batched_arma import BatchedArma
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ENGINE = BatchedArma()
PLAIN = ModelSpec("arma", (1, 0, 1))
FULL = ModelSpec("arma", (1, 1, 1), seasonal=(1, 0, 1, 5), exog=("carry", "slope"))
SPECS = [PLAIN, FULL, ModelSpec("arma", (2, 0, 2), mean="zero"), ModelSpec("arma", (0, 0, 0))]


def _panel(n=400, count=4, ahead=0):
    values = tuple(arma(n, 0.5, -0.2, seed) for seed in range(count))
    exog = tuple(np.random.default_rng(seed).standard_normal((n + ahead, 2)) for seed in range(count))
    return Panel(tuple("ABCDEFGH"[:count]), values, exog)


def _cut(panel, begin, end):
    return Panel(
        panel.symbols, tuple(one[begin:end] for one in panel.values), tuple(one[begin:end] for one in panel.exog)
    )


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_rows_are_complete(spec):
    panel = _panel()
    fits = ENGINE.fit(panel, spec)
    assert fits.names == ENGINE.names(spec)
    assert fits.parameters.shape == (4, len(fits.names))
    assert np.isfinite(fits.parameters).all()
    assert fits.engine == ("batched",) * 4
    assert fits.reason == (None,) * 4
    assert {len(one) for one in fits.residuals} == {400 - spec.order[1]}
    assert all(np.isfinite(one).all() for one in fits.residuals)
    again = ENGINE.at(panel, spec, fits.parameters)
    np.testing.assert_array_equal(again.state, fits.state)
    np.testing.assert_array_equal(again.log_likelihood, fits.log_likelihood)


def test_names_are_those_of_the_interface():
    assert ENGINE.names(PLAIN) == ("mean", "ar.L1", "ma.L1", "sigma2")
    assert ENGINE.names(FULL) == ("mean", "carry", "slope", "ar.L1", "ma.L1", "ar.S.L5", "ma.S.L5", "sigma2")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.text)
def test_split_panels_end_where_whole_ones_do(spec):
    panel = _panel()
    whole = ENGINE.fit(panel, spec)
    standing = ENGINE.at(_cut(panel, 0, 300), spec, whole.parameters)
    for begin, end in ((300, 301), (301, 380), (380, 400)):
        standing = ENGINE.update(standing, _cut(panel, begin, end))
        for new, known in zip(standing.residuals, whole.residuals, strict=True):
            np.testing.assert_array_equal(new, known[begin - spec.order[1] : end - spec.order[1]])
    np.testing.assert_array_equal(standing.state, whole.state)


@pytest.mark.parametrize("spec", SPECS[:2], ids=lambda spec: spec.text)
def test_company_order_and_threads_change_no_digit(spec):
    panel = _panel()
    together, turned = ENGINE.fit(panel, spec), ENGINE.fit(panel.take([3, 2, 1, 0]), spec, threads=3)
    alone = ENGINE.fit(panel.take([2]), spec)
    np.testing.assert_array_equal(turned.parameters[::-1], together.parameters)
    np.testing.assert_array_equal(alone.parameters[0], together.parameters[2])
    np.testing.assert_array_equal(alone.residuals[0], together.residuals[2])
    warm = ENGINE.fit(panel, spec, together, turn=5)
    shared = ENGINE.fit(panel, spec, together, turn=5, threads=3)
    np.testing.assert_array_equal(warm.parameters, shared.parameters)
    assert (warm.log_likelihood > together.log_likelihood - 1e-4).all()


def test_rows_of_regressors_beyond_the_values_are_of_the_bars_ahead():
    panel = _panel(ahead=2)
    fits = ENGINE.fit(panel, FULL)
    known = Panel(panel.symbols, panel.values, tuple(one[:400] for one in panel.exog))
    np.testing.assert_array_equal(fits.parameters, ENGINE.fit(known, FULL).parameters)
    carried = ENGINE.forecast(fits, 4).mean - ENGINE.forecast(ENGINE.at(known, FULL, fits.parameters), 4).mean
    weights = fits.parameters[:, 1:3]
    for row, one in enumerate(panel.exog):
        rows = one[[400, 401, 401, 401]]
        np.testing.assert_allclose(carried[row], (rows - one[399]) @ weights[row], atol=1e-12)


def test_a_series_that_cannot_be_fitted_says_why_and_disturbs_no_other():
    good = _panel()
    spoilt = good.values[1].copy()
    spoilt[7] = np.nan
    values = (good.values[0], spoilt, np.full(400, 1.5), good.values[3][:249])
    panel = Panel(good.symbols, values)
    fits = ENGINE.fit(panel, PLAIN)
    assert fits.reason == (None, "missing or infinite values", "constant series", "249 values, fewer than 250")
    assert fits.reason == ENGINE.faults(panel, PLAIN)
    assert np.isnan(fits.parameters[1:]).all()
    assert np.isnan(ENGINE.forecast(fits, 3).mean[1:]).all()
    np.testing.assert_array_equal(fits.parameters[0], ENGINE.fit(good, PLAIN).parameters[0])
    after = ENGINE.fit(good, PLAIN, fits)  # rows without numbers start cold
    np.testing.assert_array_equal(after.parameters[1:], ENGINE.fit(good, PLAIN).parameters[1:])


@pytest.mark.parametrize("spec", SPECS[:2], ids=lambda spec: spec.text)
def test_a_row_that_starts_cold_has_all_its_starts_beside_warm_ones(spec):
    panel = _panel()
    before = ENGINE.fit(panel, spec)
    before.parameters[2] = np.nan
    mixed, cold = ENGINE.fit(panel, spec, before, turn=1), ENGINE.fit(panel.take([2]), spec, turn=1)
    assert mixed.evaluations[2] == cold.evaluations[0]
    np.testing.assert_array_equal(mixed.parameters[2], cold.parameters[0])
    warm = ENGINE.fit(panel.take([3, 0]), spec, before.take(np.array([3, 0])), turn=1)
    np.testing.assert_array_equal(mixed.take(np.array([3, 0])).parameters, warm.parameters)
    np.testing.assert_array_equal(mixed.take(np.array([3, 0])).residuals, warm.residuals)


def test_a_missing_regressor_is_a_fault_of_its_series():
    panel = _panel()
    panel.exog[2][5, 1] = np.inf
    assert ENGINE.faults(panel, FULL) == (None, None, "missing or infinite regressors", None)


def test_a_missing_new_bar_moves_nothing():
    fits = ENGINE.fit(_panel(), PLAIN)
    after = ENGINE.update(fits, Panel(fits.symbols, (np.array([np.nan]),) * 4))
    np.testing.assert_array_equal(after.state, fits.state)
    assert np.isnan(np.concatenate(after.residuals)).all()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (ModelSpec("garch", (1, 1)), "not ARMA"),
        (ModelSpec("arma", (1, 1)), "not \\(p, d, q\\)"),
        (ModelSpec("arma", (4, 0, 1)), "up to 3"),
        (ModelSpec("arma", (1, 2, 1)), "d up to 1"),
        (ModelSpec("arma", (1, 0, 1), seasonal=(0, 2, 1, 5)), "D up to 1"),
    ],
)
def test_what_the_kernels_cannot_do_is_refused(spec, reason):
    assert ENGINE.refusal(spec)
    with pytest.raises(ForecastError, match=reason):
        ENGINE.fit(_panel(), spec)


def test_panels_that_do_not_match_are_refused():
    panel = _panel()
    fits = ENGINE.fit(panel, PLAIN)
    with pytest.raises(ForecastError, match="fit without them"):
        ENGINE.fit(panel.take([0, 1]), PLAIN, fits)
    with pytest.raises(ForecastError, match="align them"):
        ENGINE.update(fits, panel.take([1, 0, 2, 3]))
    with pytest.raises(ForecastError, match=r"ar\.L1, ma\.L1"):
        ENGINE.at(panel, PLAIN, fits.parameters[:, :2])
    with pytest.raises(ForecastError, match="regressors of A have shape"):
        ENGINE.fit(_cut(panel, 0, 300), ModelSpec("arma", (1, 0, 1), exog=("carry",)))

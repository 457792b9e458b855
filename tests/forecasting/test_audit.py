"""The audit: an own fit passes, one that is moved away fails, residual tests find what was planted."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.signal import lfilter

from tests.forecasting.engines.hostile import hostile, ordinary, returns
from tradepipe.forecasting.audit.peers import LAGS, SCHEMA, audit
from tradepipe.forecasting.engines import fit_batch
from tradepipe.forecasting.engines.ladder import BY_NAME
from tradepipe.forecasting.model import ForecastError, ModelSpec, Panel

ARMA, GJR = ModelSpec("arma", (1, 0, 1)), ModelSpec("gjr", (1, 1), mean="zero", distribution="t")
WALK = ModelSpec("random_walk")


@pytest.fixture(scope="module")
def panel():
    return ordinary(3, 400)


@pytest.fixture(scope="module")
def fits(panel):
    return fit_batch(panel, [ARMA, GJR, WALK])


def test_own_fits_pass(panel, fits):
    found = audit(panel, [ARMA, GJR], fits, ["S002", "S000"], 1e-3)
    assert dict(found.schema) == SCHEMA
    assert found["symbol"].to_list() == ["S002", "S000"] * 2
    assert found["spec"].to_list() == [ARMA.text] * 2 + [GJR.text] * 2
    assert found["passed"].all()
    assert found["gap"].to_list() == pytest.approx((found["log_likelihood"] - found["peer_log_likelihood"]).to_list())
    assert found["parameters"][0].startswith("mean ")


def test_a_fit_that_is_short_is_found(panel, fits):
    for spec in (ARMA, GJR):
        moved = fits[spec].parameters * np.array([1.0, 0.5, 0.5, 1.0, 1.0][: len(fits[spec].names)])
        short = BY_NAME["batched"].at(panel, spec, moved)
        found = audit(panel, [spec], {spec: short}, ["S001"], 1e-3)
        assert found["passed"].to_list() == [False]
        assert found["log_likelihood"][0] == short.log_likelihood[1] < fits[spec].log_likelihood[1]
        assert audit(panel, [spec], {spec: short}, ["S001"], 1e3)["passed"].to_list() == [True]


def test_residual_tests_are_what_their_formulas_say(panel, fits):
    from scipy.stats import chi2

    found = audit(panel, [WALK], fits, ["S000"], 1e-3)
    assert found.select("passed", "gap", "peer_log_likelihood").row(0) == (None, None, None)
    assert found["note"][0] == "the model has no likelihood"
    e = panel.values[0] - panel.values[0].mean()
    n = len(e)
    r = np.array([e[lag:] @ e[:-lag] for lag in range(1, LAGS + 1)]) / (e @ e)
    statistic = n * (n + 2) * (r**2 / (n - np.arange(1, LAGS + 1))).sum()
    assert found["ljung_box_p"][0] == pytest.approx(chi2.sf(statistic, LAGS), rel=1e-6)
    squares = panel.values[0] ** 2 / panel.values[0].var()
    design = np.column_stack([np.ones(n - LAGS), *(squares[LAGS - lag : n - lag] for lag in range(1, LAGS + 1))])
    target = squares[LAGS:]
    rest = target - design @ np.linalg.lstsq(design, target)[0]
    explained = 1 - (rest @ rest) / ((target - target.mean()) ** 2).sum()
    assert found["arch_lm_p"][0] == pytest.approx(chi2.sf((n - LAGS) * explained, LAGS), rel=1e-6)


def test_residual_tests_find_what_a_model_leaves_over():
    generator = np.random.default_rng(2)
    related = lfilter([1.0], [1.0, -0.5], generator.normal(size=600)) / 100
    clustered = returns(3, 1500)
    one, other = Panel(("A",), (related,)), Panel(("A",), (clustered,))
    tests = ["ljung_box_p", "arch_lm_p"]
    walk = audit(one, [WALK], fit_batch(one, [WALK]), ["A"], 1.0).select(tests)
    arma = audit(one, [ARMA], fit_batch(one, [ARMA]), ["A"], 1.0).select(tests)
    assert walk["ljung_box_p"][0] < 1e-6
    assert arma["ljung_box_p"][0] > 0.01
    before = audit(other, [WALK], fit_batch(other, [WALK]), ["A"], 1.0).select(tests)
    after = audit(other, [GJR], fit_batch(other, [GJR]), ["A"], 1.0).select(tests)
    assert before["arch_lm_p"][0] < 1e-4
    assert after["arch_lm_p"][0] > 0.01


@pytest.mark.slow
def test_hostile_series_are_audited_too():
    whole = hostile()
    names = ["constant", "ten", "gaps", "nothing", "infinite", "zero variance then jump"]
    panel = whole.take([whole.symbols.index(name) for name in names])
    specs = [ARMA, GJR, ModelSpec("ewma"), ModelSpec("egarch", (1, 1), mean="zero")]
    found = audit(panel, specs, fit_batch(panel, specs), panel.symbols, 1e-3)
    assert found.height == len(specs) * len(panel)
    compared = found.filter(pl.col("passed").is_not_null())
    assert set(compared["engine"]) <= {"batched", "reference"}
    assert (
        found.filter(pl.col("engine") == "baseline")["passed"].null_count()
        == found.filter(pl.col("engine") == "baseline").height
    )
    assert not found.select(pl.col(pl.Float64).is_nan().any()).row(0).count(True)


def test_what_was_not_fitted(panel, fits):
    with pytest.raises(ForecastError, match="X were not fitted"):
        audit(panel, [ARMA], fits, ["X"], 1e-3)
    with pytest.raises(ForecastError, match="no fits of drift"):
        audit(panel, [ModelSpec("drift")], fits, ["S000"], 1e-3)
    with pytest.raises(ForecastError, match="of other series"):
        audit(ordinary(2, 400), [ARMA], fits, ["S000"], 1e-3)
    with pytest.raises(ForecastError, match=r"arma\(1, 0, 1\) have no residuals"):
        audit(panel, [ARMA], {ARMA: replace(fits[ARMA], residuals=())}, ["S000"], 1e-3)

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.regression.linear_model import OLS

from tradepipe.forecasting.evaluation.diebold_mariano import diebold_mariano


def test_by_hand_one_step_ahead():
    # mean 2, deviations -1 1 0 -1 1, variance 4/5; Harvey-Leybourne-Newbold factor sqrt(4/5).
    test = diebold_mariano(np.array([1.0, 3.0, 2.0, 1.0, 3.0]), 1)
    expected = 2 / math.sqrt(0.8 / 5) * math.sqrt(4 / 5)
    assert test.statistic == pytest.approx(expected, rel=1e-12)
    assert test.p_value == pytest.approx(2 * stats.t(4).sf(expected), rel=1e-12)


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_is_a_hac_regression_on_a_constant_with_the_small_sample_correction(horizon):
    generator = np.random.default_rng(horizon)
    difference = np.convolve(generator.normal(0.1, 1, 300 + horizon - 1), np.ones(horizon), mode="valid")
    regression = OLS(difference, np.ones(300)).fit(
        cov_type="HAC", cov_kwds={"maxlags": horizon - 1, "kernel": "uniform", "use_correction": False}
    )
    correction = (301 - 2 * horizon + horizon * (horizon - 1) / 300) / 300
    expected = float(regression.tvalues[0]) * math.sqrt(correction)
    test = diebold_mariano(difference, horizon)
    assert test.statistic == pytest.approx(expected, rel=1e-9)
    assert test.p_value == pytest.approx(2 * stats.t(299).sf(abs(expected)), rel=1e-9)


def test_a_negative_long_run_variance_gives_way_to_bartlett_weights():
    difference = np.array([1.0, -1.0] * 20) + 0.1
    regression = OLS(difference, np.ones(40)).fit(
        cov_type="HAC", cov_kwds={"maxlags": 1, "kernel": "bartlett", "use_correction": False}
    )
    test = diebold_mariano(difference, 2)
    assert test.statistic == pytest.approx(float(regression.tvalues[0]) * math.sqrt((41 - 4 + 2 / 40) / 40), rel=1e-9)


@pytest.mark.parametrize(
    ("difference", "horizon"), [([], 1), ([0.0] * 50, 1), ([0.3] * 50, 2), ([1.0, 2.0, 3.0, 4.0], 2)]
)
def test_no_difference_or_too_few_are_no_verdict(difference, horizon):
    test = diebold_mariano(np.array(difference, dtype=float), horizon)
    assert (test.statistic, test.p_value) == (None, None)


def test_the_unit_of_the_loss_does_not_matter():
    difference = np.random.default_rng(2).normal(0.1, 1, 60)
    assert diebold_mariano(difference * 1e-200, 3).statistic == pytest.approx(diebold_mariano(difference, 3).statistic)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=12, max_size=40), st.integers(1, 5))
def test_swapping_the_forecasts_swaps_the_sign(values, horizon):
    forth, back = (diebold_mariano(sign * np.array(values), horizon) for sign in (1, -1))
    if forth.statistic is None:
        assert back.statistic is None
    else:
        assert back.statistic == pytest.approx(-forth.statistic)
        assert back.p_value == pytest.approx(forth.p_value)
        assert 0 <= forth.p_value <= 1

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tradepipe.forecasting.baseline import VOLATILITY_FLOOR, random_walk
from tradepipe.forecasting.specs import ModelSpec

SPEC = ModelSpec("random_walk", 100, 60, ewma_decay=0.9)


def test_numbers_by_hand():
    returns = np.concatenate([np.full(60, 0.01), [0.03, -0.02]])
    prediction = random_walk(returns, 60, SPEC, 3)
    first = 0.9 * 1e-4 + 0.1 * 9e-4  # 60 equal returns leave the variance at 1e-4
    second = 0.9 * first + 0.1 * 4e-4
    np.testing.assert_allclose(prediction.variance, np.outer([1, 2, 3], [first, second]), rtol=1e-12)
    np.testing.assert_array_equal(prediction.mean, np.zeros((3, 2)))
    assert prediction.quantile == pytest.approx(1.959963984540054)
    assert (prediction.engine, prediction.fallback) == ("baseline", None)


@settings(deadline=None)
@given(arrays(np.float64, st.integers(61, 90), elements=st.floats(-0.2, 0.2)))
def test_variance_is_the_recursion_and_never_unusable(returns):
    prediction = random_walk(returns, 60, SPEC, 2)
    variance = np.mean(returns[:60] ** 2)
    for t, value in enumerate(returns):
        variance = 0.9 * variance + 0.1 * value**2
        if t >= 60:
            expected = max(variance, VOLATILITY_FLOOR**2)
            assert prediction.variance[0, t - 60] == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(prediction.variance).all()
    assert (prediction.variance > 0).all()


def test_no_movement_has_a_floor_and_a_reason():
    prediction = random_walk(np.zeros(70), 60, SPEC, 2)
    assert np.sqrt(prediction.variance[0]) == pytest.approx(VOLATILITY_FLOOR)
    assert "no movement" in prediction.fallback


def test_extreme_movement_has_a_ceiling_and_a_reason():
    prediction = random_walk(np.concatenate([np.full(60, 0.01), [30.0]]), 60, SPEC, 4)
    assert np.sqrt(prediction.variance).max() == 5.0
    assert "extreme movement" in prediction.fallback

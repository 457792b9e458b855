"""Sums of windows, whatever the period is made of."""

import numpy as np
import pytest

from tradepipe.indicators.kernels import sums


@pytest.mark.parametrize("period", [*range(1, 70), 255, 256, 2000])
def test_a_sum_is_that_of_its_window(period):
    values = np.random.default_rng(period).integers(-1000, 1000, 5000).astype(np.float64)
    total = np.empty_like(values)
    sums.window_sums(values, 0, len(values), 0, period, total)
    before = np.concatenate([[0], values.cumsum()])
    assert np.isnan(total[: period - 1]).all()
    np.testing.assert_array_equal(total[period - 1 :], before[period:] - before[:-period])

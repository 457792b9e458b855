"""Shared kernels whose fast paths depend on where a value lies: strips of rolling extrema, small and large returns."""

import decimal
import itertools

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators.kernels.extrema import STRIP, window_maxima, window_minima
from tradepipe.indicators.kernels.logarithms import log_returns


@pytest.mark.parametrize("rows", [1, 2, 7, 40, STRIP + 1, 3 * STRIP])
@pytest.mark.parametrize("period", [1, 2, 3, 8, 9, 20, STRIP])
def test_extrema_of_every_window_and_nothing_beyond(rows, period):
    values = read_only(np.random.default_rng(rows).integers(-9, 9, rows + 7))
    for kernel, extreme in ((window_maxima, np.max), (window_minima, np.min)):
        out = np.full(len(values), 99.0)
        kernel(values, 3, rows + 3, period, out)
        assert (out[:3] == 99).all()
        assert (out[rows + 3 :] == 99).all()
        found = out[3 : rows + 3]
        assert np.isnan(found[: period - 1]).all()
        if rows >= period:
            windows = np.lib.stride_tricks.sliding_window_view(values[3 : rows + 3], period)
            assert (found[period - 1 :] == extreme(windows, axis=1)).all()


@pytest.mark.parametrize("move", [1e-12, 1e-7, 1e-3, 0.15, 0.1999, 0.2001, 0.23, 0.9, 30.0])
def test_log_returns_of_any_size(move):
    close = read_only(64_250.37 * np.cumprod([1, 1 + move, 1 + move, 1 / (1 + move), 1.0]))
    with decimal.localcontext(prec=50):
        logs = [decimal.Decimal(price).ln() for price in close.tolist()]
        exact = [float(after - before) for before, after in itertools.pairwise(logs)]
    assert log_returns(close, 0, len(close)) == pytest.approx(exact, rel=1e-14, abs=0)


def test_a_log_return_is_the_same_beside_a_large_one():
    quiet = 100 * np.cumprod(1 + np.random.default_rng(1).normal(0, 0.05, 300))
    expected = log_returns(read_only(quiet), 0, 300)
    found = log_returns(read_only([*quiet, 1.0, -1.0, 0.0]), 0, 303)
    assert (found[:299] == expected).all()
    assert (found[-2:] == 0).all()

"""Moments of windows against exact arithmetic, where a running sum would have lost its digits."""

import decimal
import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tradepipe.indicators import parse_indicator
from tradepipe.indicators.compute import run_kernel

PRECISION = 1e-10


def exact_moments(values, period):
    """Mean and sum of squared deviations of each full window, as fractions."""
    exact = [Fraction(value) for value in values]
    for end in range(period, len(values) + 1):
        window = exact[end - period : end]
        mean = sum(window) / period
        yield mean, sum((value - mean) ** 2 for value in window)


def assert_exact(values, period):
    from tradepipe.indicators.kernels import windows

    array = np.array(values, np.float64)
    mean, squares = np.empty_like(array), np.empty_like(array)
    if len(array):
        windows.window_moments(array, 0, len(array), 0, period, mean, squares)
    for row, (exact_mean, exact_squares) in enumerate(exact_moments(values, period), start=period - 1):
        assert abs(Fraction(mean[row]) - exact_mean) <= Fraction(PRECISION) * abs(exact_mean)
        assert abs(Fraction(squares[row]) - exact_squares) <= Fraction(PRECISION) * exact_squares


@pytest.mark.parametrize("period", [2, 20, 60])
def test_tiny_moves_at_a_high_price(period):
    moves = np.random.default_rng(60_000).integers(-3, 4, 1500)
    assert_exact((60_000 + 0.01 * np.cumsum(moves)).tolist(), period)


@settings(deadline=None)
@given(st.lists(st.floats(1e-3, 1e6) | st.sampled_from([1e-3, 1e6]), max_size=80), st.integers(2, 30))
@example([1e6, *[0.1, 0.1 + 1e-12] * 20], 5)
def test_any_prices(values, period):
    assert_exact(values, period)


def test_a_flat_window_has_no_deviation_at_all():
    for period in (2, 7, 20):
        assert_exact([1e6, 3e-3, *[0.1] * 50, 0.3, *[0.1] * 50], period)
    close = np.full(100, 0.1)
    close.flags.writeable = False
    for text in ("bollinger(20, 2)", "sma(20)"):
        for values in run_kernel(parse_indicator(text), {"close": close}, np.array([0, 100])):
            assert (values[19:] == 0.1).all()


def test_realised_volatility_of_ticks_at_a_high_price():
    ticks = 6_000_000 + np.cumsum(np.random.default_rng(7).integers(-2, 3, 200))
    close = ticks / 100
    close.flags.writeable = False
    (values,) = run_kernel(parse_indicator("realised_volatility(20)"), {"close": close}, np.array([0, 200]))
    with decimal.localcontext(prec=60):
        logs = [decimal.Decimal(price).ln() for price in close.tolist()]
        changes = [after - before for before, after in itertools.pairwise(logs)]
        for row in range(20, 200):
            window = changes[row - 20 : row]
            mean = sum(window) / 20
            exact = (sum((change - mean) ** 2 for change in window) / 19).sqrt()
            assert math.isclose(values[row], exact, rel_tol=PRECISION)

"""Moments of windows against exact arithmetic, where a running sum would have lost its digits."""

import decimal
import itertools
import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.indicators.made import arrays_of, read_only, with_outside_inputs
from tradepipe.indicators import indicators, parse_indicator
from tradepipe.indicators.batch.compute import run_kernel

PRECISION = 1e-10
MICROS = st.integers(-(10**12), 10**12).map(lambda number: number / 10**6)  # whose squares no double loses


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


@pytest.mark.slow
@pytest.mark.parametrize("period", [2, 20, 60])
def test_tiny_moves_at_a_high_price(period):
    moves = np.random.default_rng(60_000).integers(-3, 4, 600)
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
        for values in run_kernel(parse_indicator(text), {"close": close}, np.array([0, 100]))[:3]:
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


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["close"])]))


def assert_close(found, exact, *, zero=0.0):
    """Equal to ten digits; below `zero`, where a statistic crosses zero, to ten digits of that."""
    assert abs(found - exact) <= PRECISION * max(abs(exact), zero), (found, exact)


def signed_root(square, sign):
    return math.copysign(math.sqrt(square), sign)


@pytest.mark.slow
@pytest.mark.parametrize("period", [4, 20, 250])
def test_statistics_of_tiny_moves_at_a_high_price(period):
    moves = np.random.default_rng(period).integers(-3, 4, 3 * period + 300)
    close = (60_000 + 0.01 * np.cumsum(moves)).tolist()
    names = ("rolling_skew", "rolling_kurtosis", "rolling_std", "zscore")
    skew, kurtosis, std, zscore = (values_of(f"{name}({period})", close=close)[0] for name in names)
    slope, r2 = values_of(f"linear_regression({period})", close=close)
    lower, _, upper, percent_b, bandwidth = values_of(f"bollinger({period}, 2)", close=close)
    whole = [int(Fraction(price) * 2**60) for price in close]  # exact: doubles near 60,000 are multiples of 2^-37
    assert all(Fraction(number, 2**60) == Fraction(price) for number, price in zip(whole, close, strict=True))
    times = [2 * k - (period - 1) for k in range(period)]
    for row in range(period - 1, len(close), 3):
        window = whole[row - period + 1 : row + 1]
        total = sum(window)
        deviations = [period * value - total for value in window]  # in units of 2^-60 / period
        second, third, fourth = (sum(value**power for value in deviations) for power in (2, 3, 4))
        if not second:
            assert [np.isnan(values[row]) for values in (skew, kurtosis, zscore, r2, percent_b)] == [True] * 5
            assert std[row] == slope[row] == bandwidth[row] == 0
            continue
        assert_close(skew[row], signed_root(Fraction(third**2 * period, second**3), third), zero=1e-3)
        assert_close(kurtosis[row], float(Fraction(fourth * period, second**2) - 3), zero=1e-3)
        deviation = math.sqrt(Fraction(second, period - 1)) / period / 2**60
        assert_close(std[row], deviation)
        score = signed_root(Fraction(deviations[-1] ** 2 * (period - 1), second), deviations[-1])
        assert_close(zscore[row], score, zero=1e-3)
        products, squares = sum(map(int.__mul__, times, deviations)), sum(time**2 for time in times)
        assert_close(slope[row], float(Fraction(2 * products, squares * period * 2**60)), zero=deviation / period)
        assert_close(r2[row], float(Fraction(products**2, squares * second)), zero=1e-6)
        place = 0.5 + 0.25 * score * math.sqrt(period / (period - 1))
        assert_close(percent_b[row], place, zero=1e-3)
        reach = 2 * math.sqrt(Fraction(second, period)) / period / 2**60
        assert_close(bandwidth[row], 2 * reach / (total / period / 2**60))
        assert_close(upper[row] - lower[row], 2 * reach, zero=60_000 * 1e-5)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(MICROS, st.integers(-3, 3)), min_size=1, max_size=60), st.integers(2, 20))
def test_products_of_any_two_series(values, period):
    from tradepipe.indicators.kernels.comoments import window_comoments

    one, other = (np.array(column, np.float64) for column in zip(*values, strict=True))
    found = [np.empty(len(one)) for _ in range(3)]
    window_comoments(one, other, 0, len(one), 0, period, *found)
    exact_one, exact_other = [Fraction(value) for value in one], [Fraction(value) for value in other]
    for row in range(period - 1, len(one)):
        x, y = exact_one[row - period + 1 : row + 1], exact_other[row - period + 1 : row + 1]
        mean, other_mean = sum(x) / period, sum(y) / period
        squares, other_squares = sum((a - mean) ** 2 for a in x), sum((b - other_mean) ** 2 for b in y)
        products = sum((a - mean) * (b - other_mean) for a, b in zip(x, y, strict=True))
        assert_close(Fraction(found[0][row]), squares)
        assert_close(Fraction(found[1][row]), other_squares)
        assert_close(Fraction(found[2][row]), products, zero=math.sqrt(squares) * math.sqrt(other_squares))


def test_co_movement_of_ticks_at_a_high_price():
    rng, period = np.random.default_rng(11), 20
    moves = rng.integers(-2, 3, (2, 150))
    own, market = ((6_000_000 + np.cumsum(move)) / 100 for move in (moves[0], moves[0] + moves[1]))
    (correlation,), (beta,) = (
        values_of(f"{name}({period})", close=own, benchmark=market) for name in ("correlation", "beta")
    )
    (spread,) = values_of(f"roll_spread({period})", close=own)
    with decimal.localcontext(prec=60):
        logs = [[decimal.Decimal(price).ln() for price in prices.tolist()] for prices in (own, market)]
        changes = [[after - before for before, after in itertools.pairwise(log)] for log in logs]

        def products(one, other):
            mean, other_mean = sum(one) / period, sum(other) / period
            return sum((a - mean) * (b - other_mean) for a, b in zip(one, other, strict=True))

        for row in range(period + 1, 150):
            x, y = (change[row - period : row] for change in changes)
            before = changes[0][row - period - 1 : row - 1]
            exact = products(x, y) / (products(x, x) * products(y, y)).sqrt()
            assert_close(correlation[row], float(exact), zero=1e-3)
            assert_close(beta[row], float(products(x, y) / products(y, y)), zero=1e-3)
            bounce = max(-products(x, before), decimal.Decimal(0)) / (period - 1)
            assert_close(spread[row], float(2 * bounce.sqrt()))


def test_flat_windows_are_flat_exactly():
    """After jumps, at a price that no double holds: 0 where it is 0 and null where it is 0/0."""
    jumps = [60_000.1, 3e-3, 1e6, 0.7, 60_000.3]
    close = np.array([*jumps, *[60_000.1] * 300])
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    columns |= {"volume": np.ones(305), "benchmark": 50 + np.cos(np.arange(305))}
    settled = slice(200, None)
    for text in (
        "rolling_std(20)", "roll_spread(20)", "amihud(20)", "parkinson(20)", "garman_klass(20)", "rogers_satchell(20)",
        "yang_zhang(20)", "realised_volatility(20)", "beta(60)",
    ):  # fmt: skip
        assert (values_of(text, **columns)[0][settled] == 0).all(), text
    for text in ("rolling_skew(20)", "rolling_kurtosis(20)", "zscore(20)", "correlation(60)", "hurst(100)"):
        assert np.isnan(values_of(text, **columns)[0][settled]).all(), text
    for text in ("rolling_mean(20)", "rolling_min(20)", "rolling_max(20)", "rolling_quantile(20, 0.3)"):
        assert (values_of(text, **columns)[0][settled] == 60_000.1).all(), text
    for values in values_of("donchian(20)", **columns):
        assert (values[settled] == 60_000.1).all()
    slope, r2 = values_of("linear_regression(20)", **columns)
    assert (slope[settled] == 0).all()
    assert np.isnan(r2[settled]).all()
    percent_b, bandwidth = values_of("bollinger(20, 2)", **columns)[3:]
    assert np.isnan(percent_b[settled]).all()
    assert (bandwidth[settled] == 0).all()
    flat_market = values_of("beta(60)", close=columns["benchmark"], benchmark=close)
    assert np.isnan(flat_market[0][settled]).all()


def test_steady_growth_has_no_correlation():
    # Each return is 1 % but for the last digit of a price: their deviations are rounding and nothing else.
    steady = 60_000 * 1.01 ** np.arange(200)
    other = 100 + np.sin(np.arange(200))
    assert np.isnan(values_of("correlation(20)", close=steady, benchmark=other)[0]).all()
    assert np.isnan(values_of("correlation(20)", close=other, benchmark=steady)[0]).all()
    assert np.isnan(values_of("beta(20)", close=other, benchmark=steady)[0]).all()


@pytest.mark.parametrize("low", [0.0, -3.0])
@pytest.mark.parametrize(
    "name",
    ["amihud", "beta", "correlation", "garman_klass", "hurst", "parkinson", "realised_volatility", "returns",
     "rogers_satchell", "roll_spread", "yang_zhang"],
)  # fmt: skip
def test_prices_without_a_logarithm_are_null_and_never_infinite(name, low):
    """Such as oil's on 2020-04-20: null as long as a window holds one, and all is as before afterwards."""
    close = 20 + np.sin(np.arange(500.0))
    close[[150, 151, 153]] = low
    frame = pl.DataFrame({"symbol": "OIL", "session": np.arange(500), "close": close, "volume": 5.0})
    frame = frame.with_columns(open=pl.col("close"), high=pl.col("close") + 0.2, low=pl.col("close") - 0.1)
    bound = indicators()[name].bind()
    frame = with_outside_inputs(frame)
    found = run_kernel(bound, arrays_of(frame), np.array([0, 500]))
    for values, others in zip(found, frame.select(**bound.specification()), strict=True):
        assert not np.isinf(values).any()
        expected = others.fill_null(math.nan).to_numpy()
        np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
        np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-12)
        assert np.isfinite(values[153 + bound.lookback + 4 :]).all()

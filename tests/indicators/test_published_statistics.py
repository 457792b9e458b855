"""Statistics of windows: certified and published examples, and libraries that are not TA-Lib."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["close"])]))


# NIST, Statistical Reference Datasets (1999), univariate: certified mean and sample standard deviation.
NIST = {
    "NumAcc1": ([10000001, 10000003, 10000002], 10000002, 1),
    "NumAcc2": ([1.2, *[1.1, 1.3] * 500], 1.2, 0.1),
    "NumAcc3": ([1000000.2, *[1000000.1, 1000000.3] * 500], 1000000.2, 0.1),
    "NumAcc4": ([10000000.2, *[10000000.1, 10000000.3] * 500], 10000000.2, 0.1),
}


@pytest.mark.parametrize("name", NIST)
def test_nist_certified_deviations(name):
    values, mean, deviation = NIST[name]
    # The data themselves, as doubles, are this far from the decimals that are certified.
    rounding = 4 * np.spacing(float(mean)) / deviation
    (means,), (deviations,) = (values_of(f"{one}({len(values)})", close=values) for one in ("sma", "rolling_std"))
    assert means[-1] == pytest.approx(mean, rel=1e-15)
    assert deviations[-1] == pytest.approx(deviation, rel=1e-14 + rounding)


# Anscombe (1973), The American Statistician 27:1, Graphs in statistical analysis: sets I to III in the order of their
# common x, which are the whole numbers from 4 to 14. Published for each: slope 0.5, R squared 0.67.
ANSCOMBE = {
    "I": [4.26, 5.68, 7.24, 4.82, 6.95, 8.81, 8.04, 8.33, 10.84, 7.58, 9.96],
    "II": [3.10, 4.74, 6.13, 7.26, 8.14, 8.77, 9.14, 9.26, 9.13, 8.74, 8.10],
    "III": [5.39, 5.73, 6.08, 6.42, 6.77, 7.11, 7.46, 7.81, 8.15, 12.74, 8.84],
}


@pytest.mark.parametrize("name", ANSCOMBE)
def test_anscombes_line(name):
    slope, r2 = values_of("linear_regression(11)", close=ANSCOMBE[name])
    assert slope[-1] == pytest.approx(0.5, abs=5e-4)
    assert r2[-1] == pytest.approx(0.667, abs=1e-3)


@pytest.fixture(scope="module")
def columns():
    rng = np.random.default_rng(3)
    market = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    close = 60_000 * (market / 50) ** 1.5 * np.exp(np.cumsum(rng.standard_t(4, 400) * 0.004))
    return {"close": close, "benchmark": market}


def windows_of(values, period):
    return np.lib.stride_tricks.sliding_window_view(values, period)


@pytest.mark.parametrize("period", [4, 20, 137])
def test_scipy_agrees_on_the_shape(period, columns):
    windows = windows_of(columns["close"], period)
    for text, function in (("rolling_skew", scipy.stats.skew), ("rolling_kurtosis", scipy.stats.kurtosis)):
        (values,) = values_of(f"{text}({period})", **columns)
        np.testing.assert_allclose(values[period - 1 :], function(windows, axis=1), rtol=1e-9, atol=1e-11)
    (values,) = values_of(f"zscore({period})", **columns)
    np.testing.assert_allclose(values[period - 1 :], scipy.stats.zscore(windows, axis=1, ddof=1)[:, -1], rtol=1e-9)


@pytest.mark.parametrize("period", [3, 20, 137])
def test_least_squares_agree(period, columns):
    slope, r2 = values_of(f"linear_regression({period})", **columns)
    for row in range(period - 1, 400, 13):
        line = scipy.stats.linregress(np.arange(period), columns["close"][row - period + 1 : row + 1])
        assert slope[row] == pytest.approx(line.slope, rel=1e-9, abs=1e-9)
        assert r2[row] == pytest.approx(line.rvalue**2, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("period", [3, 60])
def test_statsmodels_agrees_on_beta_and_numpy_on_correlation(period, columns):
    from statsmodels.regression.rolling import RollingOLS
    from statsmodels.tools import add_constant

    own, market = (np.diff(np.log(columns[name])) for name in ("close", "benchmark"))
    (beta,), (correlation,) = (values_of(f"{name}({period})", **columns) for name in ("beta", "correlation"))
    fitted = RollingOLS(own, add_constant(market), window=period).fit().params[:, 1]
    np.testing.assert_allclose(beta[1:], fitted, rtol=1e-8)
    for row in range(period, 400, 13):
        piece = slice(row - period, row)
        assert correlation[row] == pytest.approx(np.corrcoef(own[piece], market[piece])[0, 1], rel=1e-9)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 9) | st.floats(1e-3, 1e6), min_size=1, max_size=60),
    st.integers(2, 20),
    st.floats(0, 1) | st.sampled_from([0.0, 0.5, 1.0]),
)
def test_numpy_agrees_on_quantiles(values, period, quantile):
    close = np.array(values, np.float64)
    bound = parse_indicator("rolling_quantile").indicator.bind(period, quantile)
    (found,) = run_kernel(bound, {"close": read_only(close)}, np.array([0, len(close)]))
    assert np.isnan(found[: period - 1]).all()
    if len(close) >= period:
        expected = np.quantile(windows_of(close, period), quantile, axis=1)
        np.testing.assert_allclose(found[period - 1 :], expected, rtol=1e-13)


def test_the_quantile_of_a_long_window():
    close = 100 + np.cumsum(np.random.default_rng(8).integers(-2, 3, 3000))
    (found,) = values_of("rolling_quantile(1000, 0.9)", close=close)
    np.testing.assert_array_equal(found[999:], np.quantile(windows_of(close, 1000), 0.9, axis=1))


def test_hurst_tells_walks_from_trends_and_from_noise():
    rng = np.random.default_rng(1951)
    steady = 100 * np.exp(0.001 * np.arange(600))
    assert values_of("hurst(500)", close=steady)[0][-1] == pytest.approx(1, abs=1e-9)
    (walk,) = values_of("hurst(500)", close=100 * np.exp(np.cumsum(rng.normal(0, 0.01, 60_000))))
    assert np.nanmean(walk) == pytest.approx(0.5, abs=0.02)
    (noise,) = values_of("hurst(500)", close=100 * np.exp(rng.normal(0, 0.01, 2000)))
    assert np.nanmean(noise) == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("exponent", [0.3, 0.7])
def test_hurst_finds_the_exponent_of_fractional_noise(exponent):
    # Fractional Gaussian noise (Mandelbrot & Van Ness 1968) by the Cholesky factor of its covariance.
    lag = np.abs(np.subtract.outer(np.arange(1000), np.arange(1000)))
    power = 2 * exponent
    covariance = 0.5 * (np.abs(lag + 1.0) ** power - 2.0 * lag**power + np.abs(lag - 1.0) ** power)
    paths = np.linalg.cholesky(covariance) @ np.random.default_rng(7).normal(0, 0.01, (1000, 20))
    found = [values_of("hurst(999)", close=100 * np.exp(np.cumsum(path)))[0][-1] for path in paths.T]
    assert np.mean(found) == pytest.approx(exponent, abs=0.03)

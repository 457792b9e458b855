"""Funding, basis and open interest by examples worked out by hand; nobody publishes series of them with numbers."""

from fractions import Fraction

import numpy as np
import polars as pl
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **inputs):
    arrays = {name: read_only(values) for name, values in inputs.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(next(iter(inputs.values())))]))


def test_a_window_of_whole_payments_holds_each_of_them_once():
    """Three payments of eight hours in hourly bars: 1, 3 and -2 basis points."""
    rates = np.repeat([1e-4, 3e-4, -2e-4], 8)
    rate, accrued, annualised = values_of("funding(24, 8, 3)", funding_rate=rates)
    assert rate.tolist() == rates.tolist()
    assert np.isnan(accrued[:23]).all()
    assert np.isnan(annualised[:23]).all()
    assert accrued[23] == pytest.approx(2e-4, rel=1e-12)
    assert annualised[23] == pytest.approx(2e-4 / 3 * 3 * 365, rel=1e-12)


def test_bars_as_long_as_the_payments_accrue_each_in_full():
    _, accrued, annualised = values_of("funding(3, 1, 3)", funding_rate=[1e-4, 1e-4, 4e-4, -3e-4])
    np.testing.assert_allclose(accrued[2:], [6e-4, 2e-4], rtol=1e-12)
    np.testing.assert_allclose(annualised[2:], [6e-4 * 365, 2e-4 * 365], rtol=1e-12)


def test_the_basis_is_in_basis_points_of_the_mark_price():
    close, mark = [100.5, 99.0, 201.0, 400.0], [100.0, 100.0, 200.0, 400.0]
    basis, mean, zscore = values_of("basis(3)", close=close, mark_price=mark)
    np.testing.assert_allclose(basis, [50, -100, 50, 0], rtol=1e-12)
    np.testing.assert_allclose(mean[2:], [0, -50 / 3], rtol=1e-12, atol=1e-12)
    # 50, -100, 50: squares of 15,000, a variance of 7,500. Then -100, 50, 0: mean -50 / 3.
    squares = sum((Fraction(one) + Fraction(50, 3)) ** 2 for one in (-100, 50, 0))
    np.testing.assert_allclose(zscore[2:], [50 / 7500**0.5, 50 / 3 / float(squares / 2) ** 0.5], rtol=1e-12)
    assert np.isnan(mean[:2]).all()
    assert np.isnan(zscore[:2]).all()


def test_a_basis_that_stays_has_a_mean_and_no_zscore():
    basis, mean, zscore = values_of("basis(3)", close=[60_006.0] * 9, mark_price=[60_000.0] * 9)
    assert basis == pytest.approx(np.full(9, 1.0))
    assert (mean[2:] == basis[2:]).all()
    assert np.isnan(zscore).all()


def test_open_interest_bears_prices_out_or_not():
    close = [10.0, 11, 12, 11, 10, 10, 11]
    interest = [100.0, 110, 105, 104, 120, 110, 100]
    change, zscore, divergence = values_of("open_interest(2)", close=close, open_interest=interest)
    np.testing.assert_allclose(change[2:], [0.05, -6 / 110, 15 / 105, 6 / 104, -20 / 120], rtol=1e-12)
    # Row 3: price as two bars before; row 4 fell on new contracts; row 6 rose while contracts were closed.
    assert divergence[2:].tolist() == [0, 0, 0, 0, -1]
    np.testing.assert_allclose(
        zscore[1:], [2**-0.5, -(2**-0.5), -(2**-0.5), 2**-0.5, -(2**-0.5), -(2**-0.5)], rtol=1e-12
    )
    assert np.isnan(change[:2]).all()
    assert np.isnan(divergence[:2]).all()
    (_, _, fallen) = values_of("open_interest(2)", close=[10.0, 9, 8], open_interest=[100.0, 90, 80])
    assert fallen[2] == 1
    (_, _, held) = values_of("open_interest(2)", close=[1.0, 2, 3], open_interest=[5.0, 4, 5])
    assert held[2] == 0


def test_nothing_open_before_has_no_change():
    change, zscore, divergence = values_of("open_interest(2)", close=[1.0] * 5, open_interest=[0.0, 0, 5, 5, 5])
    assert np.isnan(change[:4]).all()
    assert change[4] == 0
    assert np.isnan(zscore[[0, 1, 3, 4]]).all()
    assert divergence[2:].tolist() == [0, 0, 0]


def test_zscores_keep_their_digits_on_a_large_open_interest():
    moves = np.array([0, 1, 0, 2, 1, 3, 1, 0, 2, 5], np.float64) / 1000
    _, large, _ = values_of("open_interest(5)", close=[1.0] * 10, open_interest=8e6 + moves)
    exact = [Fraction(float(one)) for one in 8e6 + moves]
    for row in range(4, 10):
        window = exact[row - 4 : row + 1]
        mean = sum(window) / 5
        spread = float(sum((one - mean) ** 2 for one in window) / 4) ** 0.5
        assert large[row] == pytest.approx(float(window[-1] - mean) / spread, rel=1e-9)


def test_outputs_say_their_units():
    units = {
        column.name: column.unit
        for text in ("funding", "basis", "open_interest")
        for column in parse_indicator(text).outputs
    }
    assert units["funding_24_8_3_annualised"] == "fraction of notional a year"
    assert units["basis_24_close"] == "basis points of the mark price"
    assert units["open_interest_24_divergence"] == "signal: -1, 0 or 1"
    assert all(column.dtype == pl.Float32 for column in parse_indicator("basis").outputs)

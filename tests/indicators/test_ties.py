"""Ties are ties of decimals: exact arithmetic decides, not the rounding of floats, nor a tolerance."""

import math
from fractions import Fraction

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel
from tradepipe.indicators.kernels import decimals


def values_of(text, columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["close"])]))


def sign(number):
    return (number > 0) - (number < 0)


@st.composite
def neighbours(draw):
    """Two triples of whole ticks whose sums differ by two ticks at most, and the decimal places of a tick."""
    places = draw(st.integers(0, 10))
    level = draw(st.integers(1, 14))
    a, b, c, d, e = (draw(st.integers(1, 10**level - 3)) for _ in range(5))
    last = a + b + c - d - e + draw(st.integers(-2, 2))
    if not 0 < last < 10**level:
        d, e, last = b, c, a + draw(st.integers(0, 2))
    return (a, b, c), (d, e, last), places


@given(neighbours())
def test_sums_compare_as_their_decimals(drawn):
    before, after, places = drawn
    floats = [ticks / 10**places for ticks in (*after, *before)]
    assert sign(decimals.compare_sums(*floats)) == sign(sum(after) - sum(before))


def test_floats_would_decide_otherwise():
    assert 0.1 + 0.2 + 0.3 > 0.3 + 0.2 + 0.1
    assert decimals.compare_sums(0.1, 0.2, 0.3, 0.3, 0.2, 0.1) == 0
    assert decimals.compare_sums(0.1, 0.2, 0.3, 0.3, 0.2, 0.1 - 1e-12) > 0


@pytest.mark.parametrize("power", range(-30, 31))
def test_the_scale_leaves_fifteen_digits_before_the_point(power):
    for mantissa in (1, 1.0000000000000002, 2.5, 9.99, 9.99999999999999, 9.999999999999998):
        largest = float(f"{mantissa}e{power}")
        # Exact but for the power itself, which a float may miss by a unit in its last place.
        scaled = Fraction(largest) * Fraction(decimals.scale_of(largest))
        assert 10**14 * Fraction(1 - 2**-52) <= scaled <= 10**15 * Fraction(1 + 2**-52)


def test_no_price_at_all_is_no_error():
    zero = np.zeros(30)
    columns = dict.fromkeys(("high", "low", "close", "volume"), zero)
    assert np.isnan(values_of("cci(3)", columns)[0]).all()
    assert np.isnan(values_of("mfi(3)", columns)[0]).all()
    for huge in (1e300, 1e-300):
        columns = dict.fromkeys(("high", "low", "close", "volume"), huge * np.arange(1, 31))
        assert not np.isinf(values_of("cci(3)", columns)[0]).any()


def tick_bars(seed, rows, places, level, spread):
    """Bars in whole ticks around `level`, of so few ticks that typical prices often tie, and the same as floats."""
    generator = np.random.default_rng(seed)
    middle = level + generator.integers(-spread, spread + 1, rows)
    low, high = middle - generator.integers(0, 3, rows), middle + generator.integers(0, 3, rows)
    close = generator.integers(low, high + 1)
    # Now and then the same typical price over ten bars, each made of other prices.
    reach, still = generator.integers(1, 9, rows), np.arange(rows) % 100 < 10
    low, high, close = np.where(still, [level - reach, level + reach, np.full(rows, level)], [low, high, close])
    ticks = {"high": high, "low": low, "close": close}
    bars = {name: [int(value) / 10**places for value in column] for name, column in ticks.items()}
    bars["volume"] = generator.integers(1, 1000, rows).astype(np.float64)
    return [sum(bar) for bar in zip(*(column.tolist() for column in ticks.values()), strict=True)], bars


MARKETS = pytest.mark.parametrize(
    ("places", "level", "spread"),
    [(2, 1000, 3), (2, 10_000, 3), (1, 955_050, 4), (8, 1234, 2), (4, 109_876, 3), (0, 52, 2), (12, 999_999_999, 2)],
)
"""Prices of 10 and 100 (where the digits before the point change within windows), of 95,505, of 0.00001234 …"""


@MARKETS
def test_mfi_is_exact_and_talib_agrees(places, level, spread):
    """TA-Lib takes sums within 2e-14 for ties; no two of these prices, of ten digits, are so close."""
    period, rows = 5, 1500
    typical, bars = tick_bars(1, rows, places, level, spread)
    (found,) = values_of(f"mfi({period})", bars)
    theirs = talib.MFI(*(np.array(bars[name]) for name in ("high", "low", "close", "volume")), period)
    compared = 0
    for row in range(period, rows):
        window = range(row + 1 - period, row + 1)
        flows = [(typical[i] - typical[i - 1], typical[i] * int(bars["volume"][i])) for i in window]
        rising, falling = (sum(flow for change, flow in flows if sign(change) == side) for side in (1, -1))
        if rising + falling == 0:
            assert math.isnan(found[row])
            continue
        assert math.isclose(found[row], Fraction(100 * rising, rising + falling), rel_tol=1e-13)
        if rising + falling >= 3 * 10**places:  # below a flow of 1 TA-Lib gives 0
            compared += 1
            assert math.isclose(theirs[row], found[row], rel_tol=1e-9, abs_tol=1e-9)
    assert (np.diff(typical) == 0).sum() > rows / 20
    assert compared > rows / 2 or level < 10**places


def test_floats_do_break_ties_of_such_bars():
    """What the rule is for: comparing the typical prices as floats would decide these ties by rounding."""
    typical, bars = tick_bars(1, 1500, 2, 10_000, 3)
    as_floats = (np.array(bars["high"]) + np.array(bars["low"]) + np.array(bars["close"])) / 3
    assert ((np.diff(typical) == 0) & (np.diff(as_floats) != 0)).sum() > 10


def test_the_fifteenth_digit_still_counts():
    """TA-Lib's tolerance takes a rise by one unit of the fifteenth digit for a tie."""
    close = [(123_456_789_012_345 + step) / 10**8 for step in range(30)]
    columns = dict.fromkeys(("high", "low", "close"), close) | {"volume": [1.0] * 30}
    (found,) = values_of("mfi(5)", columns)
    assert (found[5:] == 100).all()
    assert (talib.MFI(*(np.array(columns[name]) for name in ("high", "low", "close", "volume")), 5)[5:] == 0).all()
    (found,) = values_of("cci(5)", columns)
    np.testing.assert_allclose(found[4:], 2 / (0.015 * 1.2), rtol=1e-13)


@MARKETS
def test_cci_is_exact(places, level, spread):
    period, rows = 4, 1500
    typical, bars = tick_bars(2, rows, places, level, spread)
    (found,) = values_of(f"cci({period})", bars)
    flat = 0
    for row in range(period - 1, rows):
        window = typical[row + 1 - period : row + 1]
        deviation = sum(abs(period * price - sum(window)) for price in window)
        if deviation == 0:
            flat += 1
            assert math.isnan(found[row])
            continue
        exact = Fraction((period * typical[row] - sum(window)) * period, deviation) / Fraction("0.015")
        assert math.isclose(found[row], exact, rel_tol=1e-13)
    assert flat > 0


def test_equal_movements_count_on_neither_side():
    """A range that widens by 0.1 above and below: 0.1 + 0.2 - 0.2 is not 0.1 in floats."""
    steps = np.arange(40)
    columns = {
        "high": [round(10 + 0.1 * step, 1) for step in steps],
        "low": [round(9 - 0.1 * step, 1) for step in steps],
        "close": [9.5] * 40,
    }
    assert len(set(np.diff(columns["high"]) - -np.diff(columns["low"]))) > 1
    prices = [np.array(columns[name]) for name in ("high", "low", "close")]
    assert talib.ADX(*prices, 5)[-1] > 30  # it compares movements as floats
    adx, plus, minus = values_of("adx(5)", columns)
    assert (adx[9:] == 0).all()
    assert (plus[5:] == 0).all()
    assert (minus[5:] == 0).all()

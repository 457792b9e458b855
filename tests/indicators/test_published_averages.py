"""Averages against worked examples that others published, and against exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import IndicatorError, parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, close):
    arrays = {name: read_only(close) for name in ("high", "low", "close")}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(close)]))


def assert_published(text, close, published, *, rounded):
    (values,) = values_of(text, close)
    assert np.isnan(values[: -len(published)]).all()
    np.testing.assert_allclose(values[-len(published) :], published, atol=rounded, rtol=0)


def test_wma_reproduces_the_published_example():
    """Achelis (2000), Technical Analysis from A to Z, page 213."""
    close = [25, 24.875, 24.7813, 24.5938, 24.5, 24.625, 25.2188, 27.25]
    assert_published("wma(5)", close, [24.6646, 24.6229, 24.8042, 25.6396], rounded=6e-5)


# Achelis (2000), pages 123 and 330. The book seeds each average with the first value it gets, not with a mean.
ACHELIS_CLOSES = [
    122.906, 126.5, 140.406, 174, 159.812, 170, 176.75, 175.531, 166.562, 163.75, 170.5, 175, 184.75, 202.781,
    209.656, 201.312,
]  # fmt: skip


def from_the_seeds_of_the_book(text, closes):
    """The kernel resumed where the book's seeds are known: each average begins as the one before it, 4 bars later."""
    bound = parse_indicator(text)
    memory = np.array([[closes[0], *[0.0] * (bound.memory - 1)]])
    parts, begin = [], 1
    for level in range(1, bound.memory + 1):
        end = 4 * level + 1 if level < bound.memory else len(closes)
        rows = np.array([[0, 0, end - begin, 1000, 0]])  # 1000 bars seen: all seeds are set
        parts.append(bound.run(rows, memory, (read_only(closes[begin:end]),), end - begin)[0])
        if level < bound.memory:
            memory[0, level] = memory[0, level - 1]
        begin = end
    return parts[-1]


def test_dema_reproduces_the_published_example():
    found = from_the_seeds_of_the_book("dema(5)", ACHELIS_CLOSES[:14])[3:]
    np.testing.assert_allclose(found, [172.0780, 168.5718, 170.2278, 173.4940, 180.5297, 194.1428], atol=6e-5, rtol=0)


def test_tema_reproduces_the_published_example():
    found = from_the_seeds_of_the_book("tema(5)", ACHELIS_CLOSES)[3:]
    np.testing.assert_allclose(found, [182.8312, 198.5565, 209.4760, 207.2200], atol=6e-5, rtol=0)


def test_kama_reproduces_the_published_example():
    """Tulip Indicators, the test of its kama: an example "calculated by hand or in a spreadsheet".

    It rounded its two constants to 0.6667 and 0.0645; with these it is met to its last digit.
    """
    close = [
        50.25, 50.55, 52.5, 54.5, 54.1, 54.12, 55.5, 50.2, 50.45, 50.24, 50.24, 55.12, 56.54, 56.12, 56.1, 54.12,
        59.54, 54.52,
    ]  # fmt: skip
    published = [
        54.3732, 54.2948, 54.6461, 53.8270, 53.3374, 52.8621, 51.8722, 53.1180, 54.4669, 55.0451, 55.4099, 55.3468,
        55.7115, 55.6875,
    ]  # fmt: skip
    assert_published("kama(4)", close, published, rounded=2e-4)


def test_hma_reproduces_the_published_example():
    """Tulip Indicators, reference of hma: its own implementation's values."""
    close = [
        81.59, 81.06, 82.87, 83.00, 83.61, 83.15, 82.84, 83.99, 84.55, 84.36, 85.53, 86.54, 86.89, 87.77, 87.29,
    ]  # fmt: skip
    published = [83.690, 83.038, 83.472, 84.550, 84.835, 85.360, 86.552, 87.346, 87.965, 87.916]
    assert_published("hma(5)", close, published, rounded=6e-4)


def exact_average(values, period):
    """Exponential mean in fractions, seeded with the mean of the first `period` values; None before that."""
    weight, average = Fraction(2, period + 1), None
    for row, value in enumerate(values):
        if row == period - 1:
            average = sum(values[:period]) / period
        elif row >= period:
            average = weight * value + (1 - weight) * average
        yield average


def test_macd_seeds_the_fast_average_at_the_slow_ones_first_bar():
    """A small example by hand: macd(2, 4, 2) of 1, 2, 4, 8, 5, 3."""
    line, signal, histogram = values_of("macd(2, 4, 2)", [1, 2, 4, 8, 5, 3])
    # Slow: mean(1, 2, 4, 8) = 15/4, then a weight of 2/5: 17/4, 15/4. Fast: mean(4, 8) = 6, not the recursion since
    # its own second bar (19/3); then a weight of 2/3: 16/3, 34/9.
    lines = [6 - 15 / 4, 16 / 3 - 17 / 4, 34 / 9 - 15 / 4]
    seed = (lines[0] + lines[1]) / 2
    signals = [seed, seed + 2 / 3 * (lines[2] - seed)]
    assert np.isnan([line[:4], signal[:4], histogram[:4]]).all()
    np.testing.assert_allclose(line[4:], lines[1:], rtol=1e-14)
    np.testing.assert_allclose(signal[4:], signals, rtol=1e-14)
    np.testing.assert_allclose(histogram[4:], np.subtract(lines[1:], signals), rtol=1e-13)


def test_macd_equals_exact_arithmetic():
    ticks = 6_000_000 + np.cumsum(np.random.default_rng(12).integers(-3, 4, 120))
    close = [Fraction(int(tick), 100) for tick in ticks]
    slow = list(exact_average(close, 26))
    fast = [None] * 25 + list(exact_average(close[14:], 12))[11:]
    lines = [one - other for one, other in zip(fast[25:], slow[25:], strict=True)]
    signals = list(exact_average(lines, 9))
    line, signal, histogram = values_of("macd", [float(price) for price in close])
    assert np.isnan(line[:33]).all()
    for row in range(33, 120):
        exact_line, exact_signal = lines[row - 25], signals[row - 25]
        # Averages of 60,000 are held to 1e-16 of it, so their differences are to a few 1e-11, a hundred-millionth tick.
        assert abs(line[row] - exact_line) < 5e-11
        assert abs(signal[row] - exact_signal) < 5e-11
        assert abs(histogram[row] - (exact_line - exact_signal)) < 5e-11


def test_a_macd_whose_fast_average_is_not_the_faster_is_refused():
    with pytest.raises(IndicatorError, match=r"macd\(26, 12\)': fast must be below slow, not 26 to 12; give the short"):
        parse_indicator("macd(26, 12)")


def exact_weighted(values, period):
    total = Fraction(period * (period + 1), 2)
    for end in range(period, len(values) + 1):
        yield sum(weight * value for weight, value in enumerate(values[end - period : end], start=1)) / total


@pytest.mark.slow
@pytest.mark.parametrize("period", [2, 20, 60])
def test_linear_weights_stay_exact_at_a_high_price(period):
    """No drift: a jump that left the window long ago leaves nothing behind, and ticks at 60,000 keep their digits."""
    ticks = 6_000_000 + np.cumsum(np.random.default_rng(9).integers(-1, 2, 1500))
    ticks[200] = 90_000_000_000
    close = ticks / 100
    (values,) = values_of(f"wma({period})", close)
    exact = list(exact_weighted([Fraction(price) for price in close.tolist()], period))
    late = slice(200 + 2 * period, None)
    for found, expected in zip(values[late].tolist(), exact[201 + period :], strict=True):
        assert abs(Fraction(found) - expected) <= 2 * math.ulp(60_000)
    assert np.isnan(values[: period - 1]).all()


def test_hull_average_equals_exact_arithmetic():
    ticks = 6_000_000 + np.cumsum(np.random.default_rng(10).integers(-1, 2, 400))
    close = [Fraction(price) for price in (ticks / 100).tolist()]
    whole, half = list(exact_weighted(close, 21)), list(exact_weighted(close, 10))
    exact = list(exact_weighted([2 * short - long for short, long in zip(half[11:], whole, strict=True)], 4))
    (values,) = values_of("hma(21)", [float(price) for price in close])
    assert np.isnan(values[:23]).all()
    for found, expected in zip(values[23:].tolist(), exact, strict=True):
        assert abs(Fraction(found) - expected) <= 8 * math.ulp(60_000)


@pytest.mark.parametrize("text", ["wma(20)", "hma(20)", "kama(10)"])
def test_a_flat_window_is_its_own_average(text):
    close = [1e6, 3e-3, *[0.1] * 400]
    (values,) = values_of(text, close)
    if text == "kama(10)":  # it remembers, but once nothing moves it comes nearer by 4/9 a bar
        np.testing.assert_allclose(values[-1], 0.1, rtol=1e-12)
    else:
        assert (values[60:] == 0.1).all()


def test_kama_takes_no_move_at_all_for_a_straight_one():
    (values,) = values_of("kama(3)", [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    # Ratios 1, 1, 1, then 0/0: every step goes (2/3)^2 of the way.
    np.testing.assert_allclose(values[3:], 2 - (5 / 9) ** np.arange(1, 6), rtol=1e-14)

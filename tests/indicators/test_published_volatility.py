"""Volatility and liquidity: what the papers say of their estimators, and small examples by hand."""

import math
from fractions import Fraction

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    arrays = {name: read_only(values) for name, values in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, len(arrays["close"])]))[0]


def test_parkinsons_constant():
    # Parkinson (1980): the variance is 0.361 times the mean squared range of the logarithm.
    low = np.linspace(50, 60, 12)
    values = values_of("parkinson(5)", high=low * math.e, low=low, close=low)
    assert values[-1] ** 2 == pytest.approx(0.361, abs=5e-4)


def test_garman_and_klass_by_hand():
    # Garman & Klass (1980): 0.5 (u - d)^2 - 0.386 c^2. Here u - d is 0.2 and c is 0.1 in every bar.
    ones = np.full(6, 100.0)
    bars = {"open": ones, "close": ones * np.exp(0.1), "high": ones * np.exp(0.15), "low": ones * np.exp(-0.05)}
    assert values_of("garman_klass(5)", **bars)[-1] ** 2 == pytest.approx(0.5 * 0.04 - 0.386 * 0.01, abs=5e-6)
    # Rogers & Satchell (1991): u (u - c) + d (d - c).
    expected = 0.15 * 0.05 + 0.05 * 0.15
    assert values_of("rogers_satchell(5)", **bars)[-1] ** 2 == pytest.approx(expected, rel=1e-12)


def test_yang_and_zhang_by_hand():
    # Yang & Zhang (2000) with n = 2: k = 0.34 / (1.34 + 3 / 1). Gaps 0.01 and 0.03, moves 0.04 and -0.02, and a term of
    # Rogers & Satchell of u (u - c) + d (d - c) in each bar.
    gaps, moves, ups, downs = (0.01, 0.03), (0.04, -0.02), (0.05, 0.01), (-0.01, -0.04)
    logs = {"open": [0.0], "high": [0.0], "low": [0.0], "close": [0.0]}
    for gap, move, up, down in zip(gaps, moves, ups, downs, strict=True):
        begin = logs["close"][-1] + gap
        for name, step in (("open", 0.0), ("high", up), ("low", down), ("close", move)):
            logs[name].append(begin + step)
    k = Fraction(34, 434)
    between, within = Fraction(2, 10_000), Fraction(18, 10_000)  # sample variances of two: half the square of the step
    terms = (Fraction(5 * 1 + 1 * 5, 10_000), Fraction(1 * 3 + 4 * 2, 10_000))
    variance = between + k * within + (1 - k) * sum(terms) / 2
    bars = {name: 100 * np.exp(values) for name, values in logs.items()}
    assert values_of("yang_zhang(2)", **bars)[-1] ** 2 == pytest.approx(float(variance), rel=1e-10)


@pytest.fixture(scope="module")
def walks():
    """Bars of a Brownian log price of variance 1e-4 a bar, seen 1,000 times in each; and with a strong drift."""
    rng = np.random.default_rng(1980)
    bars, seen = 6000, 1000
    moves = rng.normal(0, 0.01 / math.sqrt(seen), (bars, seen))

    def bars_of(drift):
        path = np.cumsum(moves + drift / seen, axis=1)
        inside = {"open": np.zeros(bars), "close": path[:, -1]}
        # Extremes that are seen at intervals fall short by 0.5826 of a step (Broadie, Glasserman & Kou 1997).
        short = 0.5826 * 0.01 / math.sqrt(seen)
        inside["high"] = np.maximum(path.max(axis=1), 0) + short
        inside["low"] = np.minimum(path.min(axis=1), 0) - short
        return {name: 100 * np.exp(values) for name, values in inside.items()}

    return {"without drift": bars_of(0.0), "with drift": bars_of(0.02)}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "efficiency"), [("parkinson", 5.2), ("garman_klass", 7.4), ("rogers_satchell", 6.0)])
def test_the_published_efficiencies(name, efficiency, walks):
    """How much less the estimates vary than squared closes: Garman & Klass (1980), Rogers & Satchell (1991)."""
    bars = walks["without drift"]
    variances = values_of(f"{name}(2)", **bars)[1::2] ** 2
    squares = np.log(bars["close"] / bars["open"]) ** 2
    closes = squares.reshape(-1, 2).mean(axis=1)
    assert variances.mean() == pytest.approx(1e-4, rel=0.03)
    assert closes.var() / variances.var() == pytest.approx(efficiency, rel=0.15)


@pytest.mark.slow
def test_only_rogers_and_satchell_bear_a_drift(walks):
    means = {name: np.mean(values_of(f"{name}(2)", **walks["with drift"])[1:] ** 2) for name in
             ("parkinson", "garman_klass", "rogers_satchell")}  # fmt: skip
    assert means["rogers_satchell"] == pytest.approx(1e-4, rel=0.03)
    assert means["parkinson"] > 2e-4
    assert means["garman_klass"] > 1.2e-4


def test_roll_finds_the_spread_of_bouncing_trades():
    # Roll (1984): trades fall on bid or ask at random around a value that wanders.
    rng = np.random.default_rng(1984)
    value, side = np.cumsum(rng.normal(0, 0.0005, 2002)), rng.choice([-1, 1], 2002)
    values = values_of("roll_spread(2000)", close=100 * np.exp(value + 0.5 * 0.01 * side))
    assert values[-1] == pytest.approx(0.01, rel=0.06)


def test_rolls_spread_by_hand():
    # Four alternating returns of +-r: each product with the return before is -r^2, both means are 0.
    r = math.log(101 / 100)
    values = values_of("roll_spread(4)", close=[100, 101, 100, 101, 100, 101])
    assert values[-1] == pytest.approx(2 * math.sqrt(4 * r**2 / 3), rel=1e-12)
    assert values_of("roll_spread(4)", close=[1.0, 2, 4, 8, 80, 800])[-1] == 0  # moves go on: no bounce


def test_amihud_by_hand():
    # |return| over turnover: 1/10 over 11 * 100, none without volume, then 0.5/11.5 over 12 * 50.
    values = values_of("amihud(3)", close=[10.0, 11, 11.5, 12], volume=[7.0, 100, 0, 50])
    expected = (Fraction(1, 10) / 1100 + Fraction(5, 115) / 600) / 2 * 1_000_000
    assert values[-1] == pytest.approx(float(expected), rel=1e-14)
    assert np.isnan(values_of("amihud(2)", close=[10.0, 11, 12], volume=[1.0, 0, 0])[-1])

"""What a contract promises of an indicator's values holds to the last bit, also of prices that hardly anyone sees."""

from decimal import Decimal

import numpy as np
import pytest

from tests.indicators.made import read_only
from tradepipe.contracts.validation import validate
from tradepipe.indicators import compute_indicators, contract_for, parse_features, parse_indicator
from tradepipe.indicators.batch.compute import run_kernel


def values_of(text, **columns):
    length = len(next(iter(columns.values())))
    arrays = {name: read_only(column) for name, column in columns.items()}
    return run_kernel(parse_indicator(text), arrays, np.array([0, length]))


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("text", ["adx(9)", "adx(11)", "aroon(11)", "aroon(22)"])
def test_a_steady_trend_is_100_and_no_hair_more(text, direction, bars_of, one_window):
    bars = bars_of(100 + direction * 0.01 * np.arange(500))
    wanted = parse_features([f"{text} as float64"])  # float32 would round the hair off
    layer = compute_indicators(bars, one_window, wanted)
    contract = contract_for(wanted)
    validate(layer.select(contract.column_names), contract, market="m", layer="indicators", partition="all")
    assert max(layer[output.name].abs().max() for output in wanted[0].described) == pytest.approx(100, abs=1e-12)


def test_money_of_a_price_below_zero_has_no_share():
    """Crude oil, front month, 2020-04-16 to 04-23 as Yahoo has it, in whole cents: one close at -37.63."""
    high = [20.53, 20.22, 17.85, 13.86, 16.18, 18.26]
    low = [19.42, 17.31, -40.32, -16.74, 10.26, 13.35]
    close = [19.87, 18.27, -37.63, 10.01, 13.78, 16.50]
    volume = [350_942, 240_628, 247_947, 2_288_230, 1_235_218, 833_584]
    (values,) = values_of("mfi(2)", high=high, low=low, close=close, volume=volume)
    assert np.isnan(values[:4]).all()  # 1,154 of 100 points, were the money of -20.03 a barrel taken as it is
    assert values[4:].tolist() == [100, 100]


@pytest.mark.parametrize(
    ("text", "outputs"), [("rsi(2)", slice(0, 1)), ("rsi(14)", slice(0, 1)), ("adx(2)", slice(1, 3))]
)
def test_a_market_that_stands_still_for_good_shows_no_rounding(text, outputs):
    """Averages of moves fade together until floats run out of digits: RSI(2) would be 50, +DI and -DI both 100."""
    moves = 100 + np.cumsum(np.random.default_rng(3).normal(0, 1, 60))
    close = np.concatenate([moves, np.full(11_000, moves[-1])])
    for values in values_of(text, high=close, low=close, close=close)[outputs]:
        still = values[60:]
        faded = np.isnan(still)
        assert faded[-1]
        assert not faded[:900].any()
        np.testing.assert_allclose(still[~faded], still[0], rtol=1e-6)


@pytest.mark.parametrize("low", [9.0, 5.0, 1e-3, 1e-9, 1e-16])
def test_a_crash_keeps_all_digits(low):
    close = np.array([10.0, low, 10.0])
    exact = [float((Decimal(after) / Decimal(before)).ln()) for before, after in ((10.0, low), (low, 10.0))]
    _, log_return = values_of("returns", close=close)
    np.testing.assert_allclose(log_return[1:], exact, rtol=1e-15)

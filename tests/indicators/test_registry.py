"""Every registered indicator declares what the rest of the project reads from it, and keeps to it."""

import dataclasses
import re

import polars as pl
import pytest

from tradepipe.contracts import validate
from tradepipe.indicators import (
    IndicatorError,
    compute_indicators,
    contract_for,
    indicator_named,
    indicators,
    lookback_of,
    parse_indicator,
    parse_indicators,
    register,
)
from tradepipe.indicators.registry import families, family_of

NAMES = list(indicators())


ASKED_FOR = {
    "averages": "sma ema wma dema tema hma kama",
    "channels": "bollinger donchian keltner",
    "derivatives": "basis funding open_interest",
    "liquidity": "amihud roll_spread",
    "momentum": "rsi stochastic stochastic_rsi macd roc momentum cci williams_r",
    "patterns": "doji marubozu spinning_top hammer hanging_man inverted_hammer shooting_star engulfing harami "
    "piercing_line dark_cloud_cover morning_star evening_star three_white_soldiers three_black_crows",
    "ranges": "atr natr",
    "returns": "returns",
    "statistics": "zscore rolling_mean rolling_std rolling_skew rolling_kurtosis rolling_min rolling_max "
    "rolling_quantile linear_regression correlation beta hurst",
    "trend": "adx aroon psar supertrend ichimoku trend_cloud",
    "volatility": "realised_volatility parkinson garman_klass rogers_satchell yang_zhang",
    "volume": "vwap rolling_vwap mfi obv accumulation_distribution chaikin_money_flow force_index",
}


def test_the_set_that_was_asked_for_is_registered():
    for family, names in ASKED_FOR.items():
        assert {family_of(indicator_named(name)) for name in names.split()} == {family}
    assert families().keys() >= ASKED_FOR.keys()
    assert sorted(NAMES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_indicator_says_what_it_is(name):
    indicator = indicator_named(name)
    assert re.fullmatch("[a-z][a-z0-9_]*", name)
    assert indicator.title
    assert len(indicator.description) > 40
    assert re.search(r"\(\d{4}\)", indicator.source), "the source names a dated publication"
    assert indicator.inputs
    for parameter in indicator.parameters:
        assert parameter.minimum <= parameter.default <= parameter.maximum
        assert parameter.accept(parameter.minimum) == parameter.minimum
        assert parameter.accept(parameter.maximum) == parameter.maximum
        assert parameter.description
    bound = indicator.bind()
    for output in bound.described:
        assert re.fullmatch("[a-z][a-z0-9_]*", output.name)
        assert output.description
        assert output.unit
        assert 0 <= output.warm_up <= bound.lookback + 1
    assert len(bound.specification()) == len(bound.described)
    assert all(column.dtype in {pl.Float32, pl.Float64} and column.nullable for column in bound.outputs)


def test_no_two_indicators_write_the_same_column():
    columns = [column.name for name in NAMES for column in indicator_named(name).bind().outputs]
    assert len(columns) == len(set(columns))
    assert len(parse_indicators(NAMES)) == len(NAMES)


def test_a_name_is_registered_once():
    rsi = indicator_named("rsi")
    assert register(rsi) is rsi
    with pytest.raises(IndicatorError, match="'rsi' is already registered"):
        register(dataclasses.replace(rsi, title="Another index"))
    assert indicator_named("rsi") is rsi


def test_labels_name_the_parameters():
    assert parse_indicator("returns").label == "returns"
    assert [column.name for column in parse_indicator("returns").outputs] == ["simple_return", "log_return"]
    for text, columns in {
        "sma(20)": ["sma_20"],
        "ema(20)": ["ema_20"],
        "rsi(14)": ["rsi_14"],
        "atr(14)": ["atr_14"],
        "realised_volatility(20)": ["realised_volatility_20"],
        "bollinger(20, 2)": [
            f"bollinger_20_2_{line}" for line in ("lower", "middle", "upper", "percent_b", "bandwidth")
        ],
        "bollinger(20, 2.5)": [
            f"bollinger_20_2p5_{line}" for line in ("lower", "middle", "upper", "percent_b", "bandwidth")
        ],
    }.items():
        assert [column.name for column in parse_indicator(text).outputs] == columns


def test_lookback_is_the_window_or_when_the_seed_has_faded():
    assert {text: parse_indicator(text).lookback for text in ["returns", "sma(20)", "realised_volatility(20)"]} == {
        "returns": 1,
        "sma(20)": 19,
        "realised_volatility(20)": 20,
    }
    assert (13 / 14) ** (parse_indicator("rsi(14)").lookback - 14) < 1e-12
    assert (13 / 14) ** (parse_indicator("atr(14)").lookback - 14 - 1) > 1e-12
    assert (19 / 21) ** (parse_indicator("ema(20)").lookback - 19) < 1e-12
    assert lookback_of(parse_indicators(["sma(20)", "rsi(14)"])) == parse_indicator("rsi(14)").lookback
    assert lookback_of([]) == 0


def test_real_bars_give_values_that_keep_the_contract(index_bars, one_window):
    bound = parse_indicators(NAMES)
    contract = contract_for(bound)
    result = compute_indicators(index_bars, one_window, bound).drop("partition")
    assert validate(result, contract, market="us_indices", layer="indicators", partition="all").height == 10062
    assert contract.arrange(result).equals(result, null_equal=True)

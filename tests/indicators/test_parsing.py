"""What a configuration may write, and what it is told when it is wrong."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.indicators import (
    DuplicateIndicatorError,
    IndicatorError,
    IndicatorSyntaxError,
    ParameterError,
    UnknownIndicatorError,
    indicator_named,
    indicators,
    lookback_of,
    parse_feature,
    parse_features,
    parse_indicator,
    parse_indicators,
)

ALL = ", ".join(indicators())
FORM = "expected name or name(number, ...), such as returns or bollinger(20, 2)"


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("rsi(14)", "rsi(14)"),
        ("rsi", "rsi(14)"),
        ("rsi()", "rsi(14)"),
        (" bollinger ( 20 ,2.0 ) ", "bollinger(20, 2)"),
        ("bollinger(20, 2.50)", "bollinger(20, 2.5)"),
        ("bollinger(30)", "bollinger(30, 2)"),
        ("bollinger(20, 25e-1)", "bollinger(20, 2.5)"),
        ("sma(20.0)", "sma(20)"),
        ("returns", "returns"),
        ("returns()", "returns"),
    ],
)
def test_the_same_indicator_is_written_in_several_ways(text, canonical):
    assert parse_indicator(text).text == canonical
    assert parse_indicator(text) == parse_indicator(canonical)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "rsii(14)",
            UnknownIndicatorError,
            f"indicator 'rsii(14)': there is no indicator 'rsii'. Did you mean rsi? Available: {ALL}",
        ),
        (
            "realized_volatility(20)",
            UnknownIndicatorError,
            (
                "indicator 'realized_volatility(20)': there is no indicator 'realized_volatility'. "
                f"Did you mean realised_volatility? Available: {ALL}"
            ),
        ),
        ("quux", UnknownIndicatorError, f"indicator 'quux': there is no indicator 'quux'. Available: {ALL}"),
        (
            "rsi(14, 2)",
            ParameterError,
            "indicator 'rsi(14, 2)': rsi takes 1 parameter, 2 given; it is written rsi(period=14)",
        ),
        (
            "bollinger(20, 2, 3)",
            ParameterError,
            (
                "indicator 'bollinger(20, 2, 3)': bollinger takes 2 parameters, 3 given; "
                "it is written bollinger(period=20, width=2)"
            ),
        ),
        (
            "returns(1)",
            ParameterError,
            "indicator 'returns(1)': returns takes no parameters, 1 given; it is written returns()",
        ),
        (
            "sma(1)",
            ParameterError,
            "indicator 'sma(1)': period must be a whole number from 2 to 2000, not 1",
        ),
        (
            "sma(2001)",
            ParameterError,
            "indicator 'sma(2001)': period must be a whole number from 2 to 2000, not 2001",
        ),
        (
            "sma(20.5)",
            ParameterError,
            "indicator 'sma(20.5)': period must be a whole number from 2 to 2000, not 20.5",
        ),
        (
            "bollinger(20, 0)",
            ParameterError,
            "indicator 'bollinger(20, 0)': width must be a number from 0.1 to 10, not 0",
        ),
        (
            f"rsi(1{'0' * 5000})",
            ParameterError,
            f"indicator 'rsi(1{'0' * 5000})': period must be a whole number from 2 to 2000, not inf",
        ),
        (
            "bollinger(20, 1e999)",
            ParameterError,
            "indicator 'bollinger(20, 1e999)': width must be a number from 0.1 to 10, not inf",
        ),
        ("rsi(fourteen)", IndicatorSyntaxError, "indicator 'rsi(fourteen)': 'fourteen' is not a number"),
        ("rsi(nan)", IndicatorSyntaxError, "indicator 'rsi(nan)': 'nan' is not a number"),
        ("rsi(14,)", IndicatorSyntaxError, "indicator 'rsi(14,)': '' is not a number"),
        ("rsi(period=14)", IndicatorSyntaxError, "indicator 'rsi(period=14)': 'period=14' is not a number"),
        ("rsi(14", IndicatorSyntaxError, f"indicator 'rsi(14': {FORM}"),
        ("rsi 14", IndicatorSyntaxError, f"indicator 'rsi 14': {FORM}"),
        ("RSI(14)", IndicatorSyntaxError, f"indicator 'RSI(14)': {FORM}"),
        ("", IndicatorSyntaxError, f"indicator '': {FORM}"),
    ],
)
def test_a_wrong_text_is_told_what_is_wrong(text, error, message):
    with pytest.raises(error) as caught:
        parse_indicator(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "canonical", "columns"),
    [
        ("rsi", "rsi(14)", ["rsi_14"]),
        ("rsi(14)@1h", "rsi(14)@1h", ["rsi_14_1h"]),
        (" rsi ( 14 ) @ 1h ", "rsi(14)@1h", ["rsi_14_1h"]),
        ("returns@1d", "returns@1d", ["simple_return_1d", "log_return_1d"]),
        ("cross_rank(rsi(14))", "cross_rank(rsi(14))", ["cross_rank_rsi_14"]),
        ("cross_zscore( rsi@15m )", "cross_zscore(rsi(14)@15m)", ["cross_zscore_rsi_14_15m"]),
        ("sma(20)  as  float64 ", "sma(20) as float64", ["sma_20"]),
        ("cross_rank(ema(5)@1h) as float64", "cross_rank(ema(5)@1h) as float64", ["cross_rank_ema_5_1h"]),
    ],
)
def test_a_feature_is_an_indicator_its_interval_and_its_cross_section(text, canonical, columns):
    feature = parse_feature(text)
    assert feature.text == canonical
    assert parse_feature(canonical) == feature
    assert [column.name for column in feature.outputs] == columns
    exact = "as float64" in canonical or canonical == "returns@1d"
    assert {column.dtype for column in feature.outputs} == {pl.Float64 if exact else pl.Float32}


def test_a_plain_feature_promises_what_its_indicator_does():
    assert parse_feature("bollinger(20, 2)").outputs == parse_indicator("bollinger(20, 2)").outputs
    rank = parse_feature("cross_rank(returns)").outputs[1]
    assert (rank.minimum, rank.maximum, rank.unit) == (0, 1, "fraction")
    assert rank.description.startswith("percentile rank, 0 lowest and 1 highest, ties averaged, among the universe's")
    assert parse_feature("atr(14)@1h").outputs[0].description.endswith(", of the last 1h bar that was closed and known")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cross_rank", "cross_rank takes an indicator; write e.g. cross_rank(rsi(14))"),
        ("cross_rank rsi(14)", "cross_rank takes an indicator; write e.g. cross_rank(rsi(14))"),
        ("cross_rank(rsi(14)", "the bracket of cross_rank is not closed; write e.g. cross_rank(rsi(14))"),
        ("cross_rank(rsi", "the bracket of cross_rank is not closed; write e.g. cross_rank(rsi(14))"),
        ("cross_rank()", FORM),
        (
            "cross_rank(cross_zscore(rsi(14)))",
            ("cross_rank takes an indicator, not cross_zscore; write cross_rank(rsi(14)), and cross_zscore beside it"),
        ),
        ("cross_rank(rsi(14))@1h", "the interval stands inside: cross_rank(rsi(14)@1h)"),
        ("cross_rank(rsi(14)) 5", "nothing may follow cross_rank(...) but 'as float64', found '5'"),
        ("rsi(14)@1h@1d", "expected one interval after one @, such as rsi(14)@1h"),
        ("rsi(14)@", "expected one interval after one @, such as rsi(14)@1h"),
        ("rsi(14) as float32", "'as float32' is not known. Remedy: write 'as float64', or nothing for float32"),
        ("rsi(14", FORM),
        ("cross_rank(sma(1))", "period must be a whole number from 2 to 2000, not 1"),
    ],
)
def test_a_wrong_feature_is_told_what_is_wrong(text, message):
    with pytest.raises(IndicatorError) as caught:
        parse_feature(text)
    assert str(caught.value) == f"indicator {text!r}: {message}"


def test_a_feature_writes_each_column_once():
    twice = "the column rsi_14 is already written by 'rsi(14)'; remove one of them"
    with pytest.raises(DuplicateIndicatorError) as caught:
        parse_features(["rsi(14)", "rsi as float64"])
    assert str(caught.value) == f"indicator 'rsi as float64': {twice}"
    with pytest.raises(DuplicateIndicatorError, match="cross_rank_rsi_14_1h is already written by"):
        parse_features(["cross_rank(rsi@1h)", "cross_rank(rsi(14)@1h) as float64"])
    assert len(parse_features(["rsi", "rsi@1h", "rsi@1d", "cross_rank(rsi)", "cross_zscore(rsi)"])) == 5


def test_lookback_counts_the_bars_of_each_interval():
    asked = parse_features(["sma(5)", "sma(30)@1h", "cross_rank(sma(9))", "sma(7)@1h"])
    assert (lookback_of(asked), lookback_of(asked, "1h"), lookback_of(asked, "1d")) == (8, 29, 0)


def test_a_column_is_written_once():
    with pytest.raises(DuplicateIndicatorError) as caught:
        parse_indicators(["sma(20)", "bollinger(20, 2)", "bollinger(20, 2.0)"])
    assert str(caught.value) == (
        "indicator 'bollinger(20, 2.0)': the column bollinger_20_2_lower is already written by 'bollinger(20, 2)'; "
        "remove one of them"
    )
    assert [one.label for one in parse_indicators(["sma(20)", "sma(50)"])] == ["sma_20", "sma_50"]


@given(st.sampled_from(list(indicators())), st.data())
def test_the_canonical_text_reads_back(name, data):
    indicator = indicator_named(name)
    values = [
        data.draw(
            st.integers(parameter.minimum, parameter.maximum)
            if parameter.kind is int
            else st.floats(parameter.minimum, parameter.maximum)
        )
        for parameter in indicator.parameters
    ]
    try:
        bound = indicator.bind(*values)
    except ParameterError:
        assert indicator.refuses(**{p.name: value for p, value in zip(indicator.parameters, values, strict=True)})
        return
    assert parse_indicator(bound.text) == bound
    assert bound.values == tuple(values)


@given(
    st.text(max_size=30)
    | st.from_regex(
        r"(cross_rank|cross_zscore)?\(?(rsi|sma)(\([0-9]{0,3}\))?(@[0-9a-z]{0,3})?\)?( as \w+)?", fullmatch=True
    )
)
def test_any_feature_is_read_back_or_refused_by_name(text):
    try:
        feature = parse_feature(text)
    except IndicatorError as refused:
        message = str(refused)
    else:
        assert parse_feature(feature.text) == feature
        message = f"indicator {text!r}: "
    assert message.startswith(f"indicator {text!r}: ")


@given(st.text(max_size=30) | st.from_regex(r"(rsi|bollinger)\([-+.,e0-9 ]{0,12}\)", fullmatch=True))
def test_any_text_is_read_or_refused_by_name(text):
    try:
        bound = parse_indicator(text)
    except IndicatorError as refused:
        message = str(refused)
    else:
        message = f"indicator {text!r}: " if bound.text else ""
    assert message.startswith(f"indicator {text!r}: ")

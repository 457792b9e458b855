"""Partitions: the same alone, in a range and again; nothing from the future; clear refusals."""

import datetime as dt
import hashlib
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from tradepipe.indicators import (
    IndicatorInputError,
    compute_indicators,
    contract_for,
    indicators,
    lookback_of,
    parse_features,
    parse_indicator,
    parse_indicators,
)
from tradepipe.indicators.batch.compute import run_kernel
from tradepipe.store.content import content_hash

KEY = ["symbol", "session", "open_time", "close_time", "known_at"]
FEW_CUTS = 10
CUTS = 50 if settings().max_examples > 15 else FEW_CUTS  # `make test-fast` has the fewer


@pytest.fixture(scope="module")
def everything():
    return parse_indicators(indicators())


def wide(*bounds):
    """All digits of what `bounds` give: as stored, seven would hide where values part."""
    return parse_features([f"{one.text} as float64" for one in bounds])


def identical(one, other):
    """The store's notion of the same content: rows, columns, types, nulls and every bit of a float."""
    return content_hash(one) == content_hash(other)


@pytest.mark.slow
def test_the_result_has_the_contract_columns_and_the_partitions_own_rows(index_bars, monthly_windows, everything):
    windows = monthly_windows(index_bars, "2003-11", "2004-02", lookback_of(everything))
    result = compute_indicators(index_bars, windows, everything)
    assert result.columns == ["partition", *contract_for(everything).column_names]
    assert result.schema == {"partition": pl.String, **contract_for(everything).polars_schema}
    own = index_bars.filter(pl.col("session").is_between(dt.date(2003, 11, 1), dt.date(2004, 2, 29)))
    expected = own.with_columns(pl.col("session").dt.strftime("%Y-%m").alias("partition")).select("partition", *KEY)
    assert result.select("partition", *KEY).equals(expected.sort("partition", "symbol", "open_time"))
    assert result.null_count().sum_horizontal().item() == 0  # the lookback covers every warm-up


def test_a_partition_is_the_same_alone_in_a_range_and_again(index_bars, monthly_windows, everything):
    asked, lookback = wide(*everything), lookback_of(everything)
    windows = monthly_windows(index_bars, "2015-01", "2017-12", lookback)
    together = compute_indicators(index_bars, windows, asked)
    assert together["partition"].n_unique() == 36
    assert identical(together, compute_indicators(index_bars, windows, asked))
    assert identical(together, compute_indicators(index_bars.sample(fraction=1, shuffle=True, seed=1), windows, asked))
    for row in windows.gather_every(7).iter_slices(1):
        needed = index_bars.filter(
            pl.col("session").is_between(row["anchor_session"].item(), row["last_session"].item())
        )
        alone = compute_indicators(needed, row, asked)
        assert alone.height > 30
        assert identical(alone, together.filter(pl.col("partition") == row["partition"].item()))


@pytest.mark.slow
def test_a_partition_with_its_lookback_equals_the_whole_history(bound, index_bars, monthly_windows, one_window):
    windows = monthly_windows(index_bars, "2012-03", "2012-04", bound.lookback)
    partitioned = compute_indicators(index_bars, windows, wide(bound))
    months = pl.col("session").is_between(dt.date(2012, 3, 1), dt.date(2012, 4, 30))
    whole = compute_indicators(index_bars, one_window, wide(bound)).filter(months).sort("session", "symbol")
    for output in bound.outputs:
        found = partitioned.sort("session", "symbol")[output.name].to_numpy()
        np.testing.assert_allclose(found, whole[output.name].to_numpy(), rtol=1e-9, atol=1e-15)


@pytest.fixture(scope="module")
def two_years(index_bars):
    return index_bars.filter(pl.col("session").is_between(dt.date(2007, 1, 1), dt.date(2008, 12, 31)))


@pytest.fixture(scope="module")
def cuts(two_years):
    """Some of the times at which bars close."""
    closes = two_years["close_time"].unique().sort()
    return closes.gather(np.random.default_rng(50).choice(len(closes), CUTS, replace=False)).to_list()


def known_at(rows, cuts):
    """What there was of `rows` by each of `cuts`, as symbols of their own: one call computes what is known at all."""
    parts = [
        rows.filter(pl.col("close_time") <= cut).with_columns(symbol=pl.col("symbol") + f" {place:02}")
        for place, cut in enumerate(cuts)
    ]
    return pl.concat(parts)


@pytest.fixture(scope="module")
def cut_bars(two_years, cuts):
    return known_at(two_years, cuts)


@pytest.mark.slow
def test_no_value_knows_the_future(bound, two_years, cuts, cut_bars, monthly_windows):
    windows = monthly_windows(two_years, "2007-01", "2008-12", bound.lookback)
    if bound != bound.indicator.bind():
        cuts = cuts[:FEW_CUTS]
        cut_bars = cut_bars.filter(pl.col("symbol").str.tail(2) < f"{FEW_CUTS:02}")
    known = compute_indicators(cut_bars, windows, wide(bound))
    full = known_at(compute_indicators(two_years, windows, wide(bound)), cuts).sort("partition", "symbol", "open_time")
    assert known["symbol"].n_unique() == 2 * len(cuts)
    assert identical(known, full)


@pytest.mark.slow
def test_bars_that_have_not_come_yet_change_nothing(two_years, cuts, monthly_windows, everything):
    """As above, with no later bar anywhere in the call."""
    asked, windows = wide(*everything), monthly_windows(two_years, "2007-01", "2008-12", lookback_of(everything))
    full = compute_indicators(two_years, windows, asked)
    for cut in cuts[:FEW_CUTS]:
        by_then = pl.col("close_time") <= cut
        known = compute_indicators(two_years.filter(by_then), windows, asked)
        assert known.height > 0
        assert identical(known, full.filter(by_then))


@pytest.mark.slow
def test_input_never_changes(bound, two_years, monthly_windows, arrays_of):
    windows = monthly_windows(two_years, "2008-07", "2008-09", bound.lookback)
    before = content_hash(two_years), content_hash(windows)
    compute_indicators(two_years, windows, [bound])
    assert (content_hash(two_years), content_hash(windows)) == before
    arrays = arrays_of(two_years)
    digests = {name: hashlib.sha256(array).digest() for name, array in arrays.items()}
    offsets = np.array([0, two_years.height // 2, two_years.height])
    run_kernel(bound, arrays, offsets)
    assert {name: hashlib.sha256(array).digest() for name, array in arrays.items()} == digests
    assert offsets.tolist() == [0, two_years.height // 2, two_years.height]


@pytest.mark.slow
def test_symbols_do_not_mix(bound, two_years, one_window):
    together = compute_indicators(two_years, one_window, wide(bound))
    for symbol in ("nasdaq", "sp500"):
        alone = compute_indicators(two_years.filter(pl.col("symbol") == symbol), one_window, wide(bound))
        assert identical(alone, together.filter(pl.col("symbol") == symbol))


@pytest.mark.slow
def test_short_series_give_nulls_not_errors(bound, bars_of, one_window):
    bars = pl.concat([bars_of([10.0, 11.0][:rows], symbol=f"of {rows}") for rows in (1, 2)])
    for given in (bars, bars.clear()):
        result = compute_indicators(given, one_window, [bound])
        assert result.height == given.height
        assert result.schema == {"partition": pl.String, **contract_for([bound]).polars_schema}
        for (symbol,), series in result.group_by("symbol"):
            rows = int(symbol.removeprefix("of "))
            assert series.height == rows
            for output in bound.described:
                assert series[output.name].null_count() == min(rows, output.warm_up)


@pytest.mark.slow
def test_no_windows_and_windows_without_bars_give_no_rows(bound, bars_of, one_window):
    bars = bars_of(np.linspace(10, 20, 30))
    assert compute_indicators(bars, one_window.clear(), [bound]).height == 0
    later = one_window.with_columns(
        pl.lit(dt.date(2100, 1, 1)).alias(name) for name in ("anchor_session", "first_session")
    )
    assert compute_indicators(bars, later, [bound]).height == 0


def test_no_indicators_give_the_keys_alone(bars_of, one_window):
    assert compute_indicators(bars_of([1.0, 2.0]), one_window, []).columns == ["partition", *KEY]


@pytest.mark.slow
def test_constant_prices_without_volume(bars_of, one_window, everything):
    result = compute_indicators(bars_of([0.1] * 60, volume=0.0), one_window, everything)
    last = result.row(-1, named=True)
    assert last["simple_return"] == last["log_return"] == 0
    assert last["sma_20"] == np.float32(0.1)
    assert math.isclose(last["ema_20"], 0.1, rel_tol=1e-7)
    assert (
        last["bollinger_20_2_lower"] == last["bollinger_20_2_middle"] == last["bollinger_20_2_upper"] == np.float32(0.1)
    )
    assert last["atr_14"] == last["realised_volatility_20"] == 0
    assert last["rsi_14"] is None  # no gain and no loss: 0/0


def test_one_sided_prices(bars_of, one_window):
    for closes, expected in ((range(1, 40), 100.0), (range(40, 1, -1), 0.0)):
        result = compute_indicators(bars_of(closes), one_window, parse_indicators(["rsi(14)"]))
        assert result["rsi_14"].drop_nulls().unique().to_list() == [expected]


@pytest.mark.slow
@pytest.mark.parametrize(("symbols", "rows"), [(1, 70), (10_000, 25)])
def test_one_and_many_symbols(symbols, rows, bars_of, one_window, everything):
    close = 100 + np.sin(np.arange(rows))
    one = bars_of(close, reach=0.5)
    names = pl.DataFrame({"symbol": [f"S{i:05d}" for i in range(symbols)]})
    many = names.join(one.drop("symbol"), how="cross")
    result = compute_indicators(many, one_window, everything)
    assert result.height == symbols * rows
    values = [column.name for column in contract_for(everything).columns if column.name not in KEY]
    assert result.select("open_time", *values).n_unique() == rows
    alone = compute_indicators(one, one_window, everything).select(values)
    assert identical(result.tail(rows).select(values), alone)


@pytest.mark.parametrize(
    ("value", "shown"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf"), (None, "None")]
)
def test_a_value_that_is_no_number_is_refused(value, shown, bars_of, one_window):
    broken = bars_of(np.linspace(10, 20, 30), symbol="BBB").with_columns(
        pl.when(pl.col("session") >= dt.date(2020, 1, 29))
        .then(pl.lit(value, pl.Float64))
        .otherwise("close")
        .alias("close")
    )
    bars = pl.concat([bars_of(np.linspace(10, 20, 30)), broken])
    with pytest.raises(IndicatorInputError) as caught:
        compute_indicators(bars, one_window, [parse_indicator("sma(5)")])
    assert str(caught.value) == (
        f"close of BBB at 2020-01-29 14:30:00 UTC is {shown}, 2 such values in all; indicators need finite numbers. "
        "Remedy: publish bars through their contract, which sends such rows to quarantine."
    )


def test_only_the_inputs_that_are_read_must_be_numbers(bars_of, one_window):
    bars = bars_of([1.0, 2.0, 3.0]).with_columns(pl.lit(math.nan).alias("high"))
    assert compute_indicators(bars, one_window, [parse_indicator("sma(2)")])["sma_2"].to_list() == [None, 1.5, 2.5]
    with pytest.raises(IndicatorInputError, match="high of AAA at 2020-01-01 14:30:00 UTC is nan"):
        compute_indicators(bars, one_window, [parse_indicator("atr(2)")])


def test_whole_number_columns_are_numbers_too(bars_of, one_window):
    bars = bars_of([1.0, 2.0, 4.0]).with_columns(pl.col("close").cast(pl.Int32))
    assert compute_indicators(bars, one_window, [parse_indicator("sma(2)")])["sma_2"].to_list() == [None, 1.5, 3.0]


def test_a_missing_column_is_named(bars_of, one_window):
    with pytest.raises(IndicatorInputError, match="the bars lack the column known_at, low; needed are symbol, session"):
        compute_indicators(bars_of([1.0]).drop("low", "known_at"), one_window, [parse_indicator("atr(14)")])


@pytest.mark.parametrize("name", KEY)
def test_a_bar_without_a_key_is_refused(name, bars_of, one_window):
    """Without a session it belonged to no partition and was dropped; without an open time it came first."""
    bars = bars_of([1.0, 2.0, 3.0]).with_columns(pl.when(pl.int_range(pl.len()) != 1).then(name).alias(name))
    with pytest.raises(IndicatorInputError, match=f"1 of 3 bars have no {name}"):
        compute_indicators(bars, one_window, [parse_indicator("sma(2)")])


def test_a_repeated_bar_is_refused(bars_of, one_window):
    bars = bars_of([1.0, 2.0, 3.0])
    with pytest.raises(IndicatorInputError) as caught:
        compute_indicators(pl.concat([bars, bars[1:]]), one_window, [parse_indicator("sma(2)")])
    assert str(caught.value) == (
        "the bar of AAA at 2020-01-02 14:30:00 UTC comes twice (2 repeated in all). "
        "Remedy: give each bar and each partition once."
    )

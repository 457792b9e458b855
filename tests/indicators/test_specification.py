"""Three witnesses of every indicator: kernel, polars specification and live state say the same."""

import json
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.indicators.cases import cases
from tests.indicators.made import with_outside_inputs
from tradepipe.indicators import IndicatorError, IndicatorInputError, State, parse_indicator
from tradepipe.indicators.batch.compute import run_kernel
from tradepipe.indicators.inputs import OUTSIDE_INPUTS

# Drawing a series costs more than computing it, so all indicators share what is drawn.
GROUPS = [
    pytest.param([one.values[0] for one in cases() if not one.marks], id="defaults"),
    pytest.param([one.values[0] for one in cases() if one.marks], id="other-parameters", marks=pytest.mark.slow),
]
EXAMPLES = min(25, settings().max_examples)
SPECIFICATION_TOLERANCE = 1e-9
LIVE_TOLERANCE = 1e-12


def specified(bound, frame):
    """The specification's outputs as float arrays, NaN for null."""
    result = frame.select(**bound.specification())
    return [result[name].fill_null(math.nan).to_numpy() for name in result.columns]


def kernel_outputs(bound, arrays):
    return run_kernel(bound, arrays, np.array([0, len(arrays["close"])]))


def assert_agree(bound, found, expected, *, relative, absolute=0.0, of_scale=0.0):
    for output, values, others in zip(bound.described, found, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(values), np.isnan(others), err_msg=f"{output.name}: where it is null")
        near = absolute + of_scale * np.nanmax(np.abs(others), initial=0.0)
        np.testing.assert_allclose(values, others, rtol=relative, atol=near, err_msg=output.name)


@st.composite
def series(draw):
    """Any bars at all: whole cents from 0.01 to 100,000, jumps, ties and flat stretches, some shorter than a window."""
    cents = st.integers(1, 10_000_000) | st.integers(5_000_000, 5_000_003)
    closes = draw(st.lists(st.tuples(cents, st.integers(1, 4)), max_size=60))
    close = [price for price, times in closes for _ in range(times)]
    reach = draw(st.lists(st.integers(0, 500), min_size=len(close), max_size=len(close)))
    frame = pl.DataFrame({"close": close, "reach": reach}, schema={"close": pl.Float64, "reach": pl.Float64})
    opens = draw(st.lists(st.floats(0, 1), min_size=len(close), max_size=len(close)))
    frame = frame.with_columns(pl.Series("within", opens, dtype=pl.Float64))
    low, high = pl.max_horizontal(pl.col("close") - pl.col("reach"), 1), pl.col("close") + pl.col("reach")
    return with_outside_inputs(
        frame.select(
            pl.lit("AAA").alias("symbol"),
            (pl.int_range(pl.len()) // 7).cast(pl.Int32).cast(pl.Date).alias("session"),
            ((low + (pl.col("within") * (high - low)).round()) / 100).alias("open"),
            (high / 100).alias("high"),
            (low / 100).alias("low"),
            (pl.col("close") / 100).alias("close"),
            pl.col("reach").alias("volume"),
        )
    )


@pytest.mark.slow
def test_kernel_equals_specification_on_index_bars(bound, index_bars, arrays_of):
    frame = index_bars.filter(pl.col("symbol") == "sp500")
    found = kernel_outputs(bound, arrays_of(frame))
    # What crosses zero is known there to the digits of its scale.
    assert_agree(bound, found, specified(bound, frame), relative=SPECIFICATION_TOLERANCE, of_scale=1e-12)


@pytest.mark.slow
def test_kernel_equals_specification_on_minute_bars(bound, crypto_bars, arrays_of):
    frame = crypto_bars.head(5_000)
    found = kernel_outputs(bound, arrays_of(frame))
    assert_agree(bound, found, specified(bound, frame), relative=SPECIFICATION_TOLERANCE, absolute=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@settings(deadline=None, max_examples=EXAMPLES)
@given(frame=series())
def test_kernel_equals_specification_on_any_series(group, frame, arrays_of):
    # Differences of averages are known to the digits of their prices, places in a range to those of the range: a
    # stochastic RSI of (2, 3, 1, 1) among jumps from 0.01 to 50,000 is the worst that was found, at 4e-13 of the price.
    arrays, near = arrays_of(frame), 1e-11 * max([1.0, *frame["high"]])
    for bound in group:
        found = kernel_outputs(bound, arrays)
        assert_agree(bound, found, specified(bound, frame), relative=SPECIFICATION_TOLERANCE, absolute=near)


def test_the_warm_up_is_as_declared(bound, index_bars, arrays_of):
    arrays = arrays_of(index_bars.filter(pl.col("symbol") == "sp500"))
    for output, values in zip(bound.described, kernel_outputs(bound, arrays), strict=True):
        assert np.isnan(values[: output.warm_up]).all()
        assert np.isfinite(values[output.warm_up :]).all()


@pytest.mark.slow
def test_after_the_lookback_the_start_no_longer_matters(bound, index_bars, arrays_of):
    frame = index_bars.filter(pl.col("symbol") == "sp500")
    whole = kernel_outputs(bound, arrays_of(frame))
    starts = np.random.default_rng(20).integers(0, frame.height - bound.lookback - 10, 20)
    for start in starts.tolist():
        late = kernel_outputs(bound, arrays_of(frame.slice(start, bound.lookback + 10)))
        for output, values, others in zip(bound.described, late, whole, strict=True):
            np.testing.assert_allclose(
                values[bound.lookback :],
                others[start + bound.lookback : start + bound.lookback + 10],
                rtol=1e-10,
                err_msg=output.name,
            )


def run_live(bound, frame, *, split):
    """Feed the bars one by one; at row `split` the state is saved as JSON and another one goes on."""
    state, rows = State(bound), []
    for i, bar in enumerate(frame.iter_rows(named=True)):
        if i == split:
            saved = json.dumps(state.save(), allow_nan=False)
            state.update(bar)  # what the first state sees later must not reach the restored one
            state = State.restore(bound, json.loads(saved))
        rows.append(state.update(bar))
    names = [output.name for output in bound.described]
    assert all(list(row) == names for row in rows)
    return [np.array([math.nan if row[name] is None else row[name] for row in rows]) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@settings(deadline=None, max_examples=EXAMPLES)
@given(frame=series(), data=st.data())
def test_live_equals_batch_over_any_split(group, frame, data, arrays_of):
    arrays, split = arrays_of(frame), data.draw(st.integers(0, max(frame.height - 1, 0)))
    for bound in group:
        live = run_live(bound, frame, split=split)
        assert_agree(bound, live, kernel_outputs(bound, arrays), relative=LIVE_TOLERANCE, absolute=0.0)


@pytest.mark.slow
def test_live_equals_batch_on_real_bars(bound, index_bars, arrays_of):
    frame = index_bars.filter(pl.col("symbol") == "nasdaq").head(1000)
    live = run_live(bound, frame, split=777)
    assert_agree(bound, live, kernel_outputs(bound, arrays_of(frame)), relative=LIVE_TOLERANCE)


@pytest.mark.slow
@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_state_refuses_what_is_no_number_and_stays_as_it_was(bound, value, index_bars):
    bars = index_bars.head(60).to_dicts()
    state = State(bound)
    for bar in bars[:-1]:
        state.update(bar)
    before = state.save()
    name = bound.inputs[-1]
    if value is None and name in OUTSIDE_INPUTS:  # such a bar is no part of the series
        assert set(state.update({**bars[-1], name: value}).values()) == {None}
        assert state.save() == before
        return
    with pytest.raises(IndicatorInputError) as caught:
        state.update({**bars[-1], name: value})
    assert str(caught.value).startswith(f"{bound.text}: {name} is {value}; a state takes finite numbers only.")
    assert state.save() == before


def test_a_state_is_restored_by_its_own_indicator_only(index_bars):
    sma = parse_indicator("sma(3)")
    state = State(sma)
    for bar in index_bars.head(5).to_dicts():
        state.update(bar)
    saved = state.save()
    with pytest.raises(IndicatorError, match=r"the saved state is of 'sma\(3\)', not of 'sma\(4\)'; restore it with"):
        State.restore(parse_indicator("sma(4)"), saved)
    del saved["bars"][0][-1]
    with pytest.raises(IndicatorError, match=r"saved state of sma\(3\) has another form; start anew"):
        State.restore(sma, saved)


def test_a_state_takes_bars_in_the_order_of_their_time(index_bars):
    first, second, third = index_bars.head(3).to_dicts()
    state = State(parse_indicator("sma(2)"))
    state.update(first)
    state.update(second)
    for other in (state, State.restore(state.bound, json.loads(json.dumps(state.save())))):
        for late in (first, second):
            with pytest.raises(
                IndicatorInputError, match=r"sma\(2\): open_time .* does not come after that of the bar"
            ):
                other.update(late)
        with pytest.raises(IndicatorInputError, match="does not come after"):
            other.update({**third, "open_time": third["open_time"].replace(tzinfo=None)})
        with pytest.raises(IndicatorInputError, match=r"open_time is '1999', no datetime and no whole number"):
            other.update({**third, "open_time": "1999"})
        assert other.update(third)["sma_2"] == (second["close"] + third["close"]) / 2
    numbered = State(state.bound)
    numbered.update({"close": 1.0, "open_time": 1})
    numbered = State.restore(state.bound, numbered.save())
    with pytest.raises(IndicatorInputError, match="open_time 1 does not come after that of the bar before, 1"):
        numbered.update({"close": 1.0, "open_time": 1})
    numbered.update({"close": 1.0})  # without a time none is checked


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kernel": "0" * 64}, r"the kernel of ema\(3\) has changed since the state was saved; start anew"),
        ({"kernel": None}, "has changed"),
        ({"seen": -4, "bars": [[]]}, "has another form"),
        ({"seen": None}, "has another form"),
        ({"open_time": "soon"}, "has another form"),
        ({"memory": [math.nan, 0.0]}, "has another form|is damaged"),
        ({"memory": None}, "has another form"),
    ],
)
def test_a_state_that_no_kernel_wrote_is_refused(changed, said):
    """Memory that is no number would make every later value null; a negative count would read what lies before."""
    state = State(parse_indicator("ema(3)"))
    state.update({"close": 1.0})
    with pytest.raises(IndicatorError, match=said):
        State.restore(state.bound, {**state.save(), **changed})
    with pytest.raises(IndicatorError, match="is damaged"):
        State.restore(state.bound, {**state.save(), "memory": [math.nan] * state.bound.memory})

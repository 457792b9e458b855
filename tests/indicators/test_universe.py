"""Cross-sections: held to their definition, blind to what came later, over the members of the session."""

import datetime as dt
import math
from fractions import Fraction

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.indicators import Beside, IndicatorError, compute_indicators, parse_features
from tradepipe.indicators.batch.universe import cross_section
from tradepipe.markets import Instrument, Universe
from tradepipe.markets.universe import Spell

NOON = dt.datetime(2020, 1, 2, 12, tzinfo=dt.UTC)

rows = st.lists(
    st.tuples(
        st.integers(0, 2),  # hour of the bar
        st.integers(0, 2),  # hours until it was known
        st.sampled_from([None, 0.0, 1.0, 1.0, 2.5, -3.0, 1e9, 1e9 + 0.125]),
        st.booleans(),
    ),
    max_size=25,
)


def arrays(told):
    frame = pl.DataFrame(
        {
            "open_time": [NOON + dt.timedelta(hours=hour) for hour, *_ in told],
            "known_at": [NOON + dt.timedelta(hours=hour + late) for hour, late, *_ in told],
        },
        schema={"open_time": pl.Datetime("us", "UTC"), "known_at": pl.Datetime("us", "UTC")},
    )
    values = np.array([math.nan if value is None else value for *_, value, _ in told])
    return frame, values, np.array([member for *_, member in told], dtype=bool)


def defined(told, across):
    """The definition, row by row, in exact fractions."""
    found = []
    for hour, late, value, member in told:
        others = [
            Fraction(other)
            for at, behind, other, belongs in told
            if at == hour and at + behind <= hour + late and belongs and other is not None
        ]
        if value is None or not member or len(others) < 3:
            found.append(math.nan)
        elif across == "cross_rank":
            lower, equal = sum(other < value for other in others), sum(other == value for other in others)
            found.append(float((lower + Fraction(equal - 1, 2)) / (len(others) - 1)))
        else:
            mean = sum(others) / len(others)
            squares = sum((other - mean) ** 2 for other in others) / len(others)
            found.append(float(Fraction(value) - mean) / math.sqrt(squares) if squares else math.nan)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("across", ["cross_rank", "cross_zscore"])
@given(told=rows, seed=st.integers(0, 99))
def test_a_cross_section_is_as_defined_whatever_the_order_of_the_rows(across, told, seed):
    frame, values, member = arrays(told)
    found = cross_section(frame, values, member, across)
    np.testing.assert_allclose(found, defined(told, across), rtol=1e-12, atol=1e-12)
    order = np.random.default_rng(seed).permutation(len(told))
    again = cross_section(frame[order], values[order], member[order], across)
    assert again.tobytes() == found[order].tobytes()


@pytest.mark.parametrize("across", ["cross_rank", "cross_zscore"])
@given(told=rows)
def test_what_is_known_later_changes_no_earlier_value(across, told):
    frame, values, member = arrays(told)
    found = cross_section(frame, values, member, across)
    for cut in range(5):
        by_then = (frame["known_at"] <= NOON + dt.timedelta(hours=cut)).to_numpy()
        then = cross_section(frame.filter(pl.Series(by_then)), values[by_then], member[by_then], across)
        assert then.tobytes() == found[by_then].tobytes()


@pytest.mark.parametrize("across", ["cross_rank", "cross_zscore"])
def test_many_members_that_are_each_known_at_another_moment(across):
    draw = np.random.default_rng(8)
    prices = [60_000 + round(draw.normal(), 1) for _ in range(150)]
    told = [(0, int(late), value, True) for late, value in zip(draw.permutation(150), prices, strict=True)]
    told += [(200, 0, value, True) for value in prices[:40]]
    frame, values, member = arrays(told)
    found = cross_section(frame, values, member, across)
    np.testing.assert_allclose(found, defined(told, across), rtol=1e-11, atol=1e-12)
    for cut in (3, 77, 149):
        by_then = (frame["known_at"] <= NOON + dt.timedelta(hours=cut)).to_numpy()
        then = cross_section(frame.filter(pl.Series(by_then)), values[by_then], member[by_then], across)
        assert then.tobytes() == found[by_then].tobytes()
    alone = np.arange(len(told)) >= 150
    other = cross_section(frame.filter(pl.Series(alone)), values[alone], member[alone], across)
    assert other.tobytes() == found[alone].tobytes()


@pytest.mark.parametrize("across", ["cross_rank", "cross_zscore"])
def test_moments_cost_no_pass_each(across, monkeypatch):
    """Thousands of symbols that are each known at their own moment: time grew with their square."""
    passes = []
    for name in ("lexsort", "cumsum", "repeat"):
        plain = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *a, plain=plain, **more: passes.append(1) or plain(*a, **more))
    found = cross_section(*arrays([(0, late, float(late % 97), True) for late in range(500)]), across)
    assert np.isfinite(found[2:]).all()
    assert 0 < len(passes) < 50


def test_ranks_go_from_0_to_1_and_ties_share_theirs():
    frame, values, member = arrays([(0, 0, value, True) for value in (10.0, 30.0, 20.0, 20.0, 40.0)])
    assert cross_section(frame, values, member, "cross_rank").tolist() == [0.0, 0.75, 0.375, 0.375, 1.0]


def universe(**spells):
    return Universe(
        name="dated",
        version="1.0.0",
        instruments=tuple(
            Instrument(symbol=symbol, name=symbol, lot="1", tick="0.01", member=member)
            for symbol, member in spells.items()
        ),
    )


def several(bars_of, closes):
    return pl.concat([bars_of(close, symbol=symbol) for symbol, close in closes.items()])


def test_only_members_of_the_session_count_and_have_values(bars_of, one_window):
    closes = {"A": [1.0, 2, 4, 8], "B": [1.0, 1, 1, 1], "C": [8.0, 4, 2, 1], "D": [1.0, 3, 9, 27]}
    dated = universe(
        A=(),
        B=(),
        C=(Spell(start=dt.date(2020, 1, 1), end=dt.date(2020, 1, 4)),),
        D=(Spell(start=dt.date(2020, 1, 3)),),
    )
    bars, asked = several(bars_of, closes), parse_features(["cross_rank(returns)"])
    found = compute_indicators(bars, one_window, asked, Beside(universe=dated))
    by_symbol = dict(found.group_by("symbol").agg(pl.col("cross_rank_simple_return").sort_by("open_time")).rows())
    # On the 2nd A, B and C are members; on the 3rd D joins them; on the 4th C has left.
    assert by_symbol["A"] == [None, 1.0, pytest.approx(2 / 3), 0.5]
    assert by_symbol["B"] == [None, 0.5, pytest.approx(1 / 3), 0.0]
    assert by_symbol["C"] == [None, 0.0, 0.0, None]
    assert by_symbol["D"] == [None, None, 1.0, 1.0]


def test_fewer_than_three_members_and_equal_values_give_none(bars_of, one_window):
    asked = parse_features(["cross_rank(returns)", "cross_zscore(returns)"])
    two = several(bars_of, {"A": [1.0, 2], "B": [1.0, 3]})
    found = compute_indicators(two, one_window, asked, Beside(universe=universe(A=(), B=())))
    assert found["cross_rank_log_return"].to_list() == found["cross_zscore_log_return"].to_list() == [None] * 4
    equal = several(bars_of, {"A": [0.1, 0.3], "B": [0.1, 0.3], "C": [0.1, 0.3]})
    found = compute_indicators(equal, one_window, asked, Beside(universe=universe(A=(), B=(), C=())))
    assert found["cross_rank_log_return"].to_list() == [None, 0.5] * 3
    assert found["cross_zscore_log_return"].to_list() == [None] * 6


def test_cross_sections_of_no_rows_and_without_a_universe(bars_of, one_window):
    asked = parse_features(["cross_rank(sma(2))"])
    none = compute_indicators(bars_of([]), one_window, asked, Beside(universe=universe(A=())))
    assert none.height == 0
    assert none.schema["cross_rank_sma_2"] == pl.Float32
    with pytest.raises(IndicatorError, match=r"cross_rank\(sma\(2\)\): the universe is needed. Remedy: give Beside"):
        compute_indicators(bars_of([1.0]), one_window, asked)


def test_ranks_are_taken_before_values_are_rounded_for_the_store(bars_of, one_window):
    closes = {"A": [1e6, 1e6 + 1e-3], "B": [1e6, 1e6 + 2e-3], "C": [1e6, 1e6 + 3e-3]}
    asked = parse_features(["sma(2)", "cross_rank(sma(2))", "cross_zscore(sma(2))"])
    found = compute_indicators(
        several(bars_of, closes), one_window, asked, Beside(universe=universe(A=(), B=(), C=()))
    ).filter(session=dt.date(2020, 1, 2))
    assert found["sma_2"].n_unique() == 1  # float32 cannot tell them apart
    assert found["cross_rank_sma_2"].to_list() == [0.0, 0.5, 1.0]
    assert found["cross_zscore_sma_2"].to_list() == pytest.approx([-math.sqrt(1.5), 0, math.sqrt(1.5)], abs=1e-5)


def test_ten_thousand_symbols(bars_of, one_window):
    count = 10_000
    names = [f"S{i:05d}" for i in range(count)]
    one = bars_of([10.0, 11.0, 12.0])
    bars = pl.DataFrame({"symbol": names, "factor": np.arange(1.0, count + 1)}).join(one.drop("symbol"), how="cross")
    bars = bars.with_columns(close=pl.col("close") * pl.col("factor"))
    asked = parse_features(["sma(2)", "cross_rank(sma(2))", "cross_zscore(sma(2))"])
    everyone = universe(**dict.fromkeys(names, ()))
    found = compute_indicators(bars, one_window, asked, Beside(universe=everyone))
    assert found.height == 3 * count
    last = found.filter(session=dt.date(2020, 1, 3)).sort("symbol")
    assert last["cross_rank_sma_2"].to_list() == pytest.approx((np.arange(count) / (count - 1)).tolist(), abs=1e-6)
    assert abs(last["cross_zscore_sma_2"].mean()) < 1e-6
    assert last["cross_zscore_sma_2"].std(ddof=0) == pytest.approx(1, abs=1e-6)

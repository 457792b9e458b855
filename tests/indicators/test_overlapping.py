"""Windows laid over the bars where they lie."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from tradepipe.indicators import IndicatorInputError, compute_indicators, parse_indicators
from tradepipe.indicators.batch.overlapping import Overlapping
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.store.content import content_hash

LONG_MEMORY = parse_indicators(["ema(5)", "rsi(3)", "sma(4)", "psar", "obv(6)"])


@pytest.fixture(scope="module")
def bars(bars_of):
    """Two symbols of 60 sessions; the second begins late and lacks every seventh bar."""
    close = 100 + np.cumsum(np.random.default_rng(3).normal(size=60))
    late = bars_of(close[25:], symbol="BBB", reach=0.5, start=dt.date(2020, 1, 26))
    return pl.concat([bars_of(close, reach=0.3), late.filter(pl.int_range(pl.len()) % 7 != 0)])


def windows_of(*places):
    """Windows of (anchor, first, last), days from the first session."""
    start = dt.date(2020, 1, 1)
    days = [[start + dt.timedelta(days=day) for day in place] for place in places]
    return pl.DataFrame(
        [(f"p{place[1]:02d}", *told) for place, told in zip(places, days, strict=True)],
        schema=["partition", "anchor_session", "first_session", "last_session"],
        orient="row",
    )


def alone(bars, windows):
    return pl.concat([compute_indicators(bars, window, LONG_MEMORY) for window in windows.iter_slices(1)])


def test_overlapping_windows_are_each_as_if_alone(bars):
    windows = windows_of((0, 10, 14), (0, 15, 19), (5, 20, 44), (30, 45, 49), (12, 50, 59))
    together = compute_indicators(bars, windows, LONG_MEMORY)
    assert together["partition"].unique().sort().to_list() == ["p10", "p15", "p20", "p45", "p50"]
    assert content_hash(together) == content_hash(alone(bars, windows))


def test_windows_come_in_any_order_and_leave_holes(bars):
    windows = windows_of((40, 50, 54), (2, 8, 9), (18, 20, 24))
    together = compute_indicators(bars.sample(fraction=1, shuffle=True, seed=4), windows, LONG_MEMORY)
    assert content_hash(together) == content_hash(alone(bars, windows.sort("first_session")))
    broken = bars.with_columns(close=pl.when(pl.col("session") == dt.date(2020, 2, 4)).then(None).otherwise("close"))
    assert content_hash(compute_indicators(broken, windows, LONG_MEMORY)) == content_hash(together)  # lies in a hole


def test_windows_before_and_after_all_bars_have_no_rows(bars):
    windows = windows_of((-90, -80, -70), (5, 10, 14), (200, 210, 220))
    assert compute_indicators(bars, windows, LONG_MEMORY)["partition"].unique().to_list() == ["p10"]


def test_a_session_of_two_partitions_is_refused(bars):
    windows = windows_of((0, 10, 14), (0, 14, 19))
    with pytest.raises(IndicatorInputError) as caught:
        compute_indicators(bars, windows, LONG_MEMORY)
    assert str(caught.value) == (
        "partition p14: its session 2020-01-15 belongs to another partition too. "
        "Remedy: give each bar and each partition once."
    )


def test_the_latest_window_of_a_symbol_is_computed_first(bars):
    laid = Overlapping.of(bars.sort("open_time"), windows_of((0, 10, 14), (5, 15, 19), (3, 30, 34)))
    assert laid.series[:, [FIRST, STOP]].tolist() == [[3, 35], [5, 20], [0, 15], [35, 43]]
    assert laid.offsets.tolist() == [0, 35, 43]


def test_threads_change_nothing(bars):
    windows = windows_of((0, 10, 14), (0, 15, 19), (5, 20, 44))
    many = pl.concat([bars.with_columns(symbol=pl.col("symbol") + str(number)) for number in range(40)])
    one, two = (compute_indicators(many, windows, LONG_MEMORY, threads=threads) for threads in (1, 2))
    assert content_hash(one) == content_hash(two)

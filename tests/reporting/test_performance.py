import datetime as dt
import math
import statistics

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradepipe.reporting.performance import (
    buy_and_hold,
    closes_by_session,
    drawdowns,
    equity_by_session,
    performance,
)

START = dt.date(2020, 1, 1)


def curve(values, start=START, step=1):
    sessions = [start + dt.timedelta(days=step * n) for n in range(len(values))]
    return pl.DataFrame({"session": sessions, "equity": values}, schema={"session": pl.Date, "equity": pl.Float64})


def market(**closes):
    """Daily bars by symbol; None is a session without a bar."""
    rows = [
        {"symbol": symbol, "session": START + dt.timedelta(days=n), "close": close}
        for symbol, series in closes.items()
        for n, close in enumerate(series)
        if close is not None
    ]
    frame = pl.DataFrame(rows, schema={"symbol": pl.String, "session": pl.Date, "close": pl.Float64})
    return frame.with_columns(open_time=pl.col("session").cast(pl.Datetime("us", "UTC")))


equities = st.lists(st.floats(1.0, 1e9), min_size=1, max_size=60)


def test_known_answers():
    result = performance(curve([100.0, 110.0, 99.0, 121.0]), sessions_per_year=4)
    returns = [0.1, -0.1, 2 / 9]
    spread = statistics.stdev(returns)
    assert result.total_return == pytest.approx(0.21)
    assert result.volatility == pytest.approx(spread * 2)
    assert result.sharpe == pytest.approx(statistics.mean(returns) / spread * 2)
    assert result.max_drawdown == pytest.approx(-0.1)
    assert (result.drawdown_peak, result.drawdown_trough) == (dt.date(2020, 1, 2), dt.date(2020, 1, 3))
    assert (result.first_session, result.last_session, result.sessions) == (START, dt.date(2020, 1, 4), 4)


def test_a_doubling_in_two_calendar_years_is_the_root_of_two_a_year():
    result = performance(curve([100.0, 200.0], step=731))  # 2 x 365.25 days are 730.5
    assert result.annual_return == pytest.approx(2 ** (365.25 / 731) - 1)


def test_the_first_session_counts_from_what_the_account_held_before():
    result = performance(curve([90.0, 99.0]), initial_equity=100.0)
    assert result.total_return == pytest.approx(-0.01)
    assert result.max_drawdown == pytest.approx(-0.1)
    assert result.sessions == 2
    assert result.first_session == START


def test_what_is_undefined_is_none():
    assert performance(curve([])) is None
    alone = performance(curve([100.0]))
    assert (alone.annual_return, alone.volatility, alone.sharpe, alone.max_drawdown) == (None, None, None, 0.0)
    flat = performance(curve([100.0] * 5))
    assert (flat.volatility, flat.sharpe, flat.max_drawdown) == (0.0, None, 0.0)
    assert performance(curve([1.0, 1.01, 1.0201, 1.030301])).sharpe is None  # no spread but rounding's
    ruined = performance(curve([100.0, -20.0, 10.0]))
    assert ruined.annual_return is not None
    assert ruined.max_drawdown == pytest.approx(-1.2)
    assert performance(curve([100.0, -20.0])).annual_return is None
    assert performance(curve([0.0, 10.0])).total_return is None


def test_a_jump_within_a_day_has_no_annual_rate():
    assert performance(curve([1.0, 1e9])).annual_return is None


@given(equities)
def test_drawdown_is_the_worst_fall_from_any_earlier_session(values):
    brute = min(later / earlier - 1 for n, earlier in enumerate(values) for later in values[n:])
    result = performance(curve(values))
    assert result.max_drawdown == pytest.approx(min(brute, 0.0), abs=1e-12)
    assert -1.0 < result.max_drawdown <= 0.0
    assert result.drawdown_peak <= result.drawdown_trough
    by_session = dict(curve(values).iter_rows())
    fall = by_session[result.drawdown_trough] / by_session[result.drawdown_peak] - 1
    assert fall == pytest.approx(result.max_drawdown, abs=1e-12)


@given(equities, st.floats(0.1, 1000))
def test_drawdown_and_returns_do_not_depend_on_the_currency(values, rate):
    one, other = performance(curve(values)), performance(curve([rate * value for value in values]))
    assert other.max_drawdown == pytest.approx(one.max_drawdown, abs=1e-9)
    assert other.total_return == pytest.approx(one.total_return, rel=1e-6, abs=1e-9)


@given(equities, st.floats(1.0, 1e9))
def test_more_history_never_makes_the_drawdown_shallower(values, added):
    assert performance(curve([*values, added])).max_drawdown <= performance(curve(values)).max_drawdown


@given(equities)
def test_drawdown_is_zero_exactly_at_new_heights(values):
    falls = drawdowns(curve(values))["drawdown"].to_list()
    heights = [max(values[: n + 1]) for n in range(len(values))]
    assert [fall == 0.0 for fall in falls] == [value == height for value, height in zip(values, heights, strict=True)]


def test_drawdown_is_unknown_before_there_was_any_equity():
    assert drawdowns(curve([-5.0, 0.0, 10.0, 5.0]))["drawdown"].to_list() == [None, None, 0.0, -0.5]


def test_buying_all_in_equal_parts_and_holding():
    equity = curve([1000.0, 1.0, 1.0])
    held = buy_and_hold(market(A=[10.0, 20.0, 20.0], B=[100.0, 50.0, 100.0]), equity)
    assert held["equity"].to_list() == pytest.approx([1000.0, 1250.0, 1500.0])
    assert held.schema == equity.schema


def test_held_symbols_keep_their_last_close_and_late_ones_are_left_out():
    equity = curve([100.0, 0.0, 0.0], start=START + dt.timedelta(days=1))
    bars = market(A=[10.0, 20.0, None, 40.0], LATE=[None, None, 1.0, 1000.0], GONE=[5.0, None, None, None])
    assert buy_and_hold(bars, equity)["equity"].to_list() == pytest.approx([100.0, 100.0, 150.0])


@pytest.mark.parametrize("bars", [market(), market(A=[None, 5.0])])
def test_nothing_to_hold(bars):
    equity = curve([100.0])
    assert buy_and_hold(bars, equity).height == 0
    assert buy_and_hold(bars, curve([])).height == 0


def test_intraday_bars_count_with_each_sessions_last_close():
    bars = market(A=[1.0, 2.0])
    late = bars.with_columns(close=pl.col("close") * 10, open_time=pl.col("open_time") + pl.duration(hours=5))
    assert closes_by_session(pl.concat([late, bars]))["close"].to_list() == [10.0, 20.0]


def test_positions_carry_the_accounts_equity_once_a_session(positions):
    equity = equity_by_session(positions)
    assert equity["session"].is_sorted()
    assert equity["session"].n_unique() == equity.height == positions["session"].n_unique()
    assert equity.item(0, "equity") == pytest.approx(1_000_000, abs=1)


def test_the_real_indices_over_2008(bars):
    year = bars.filter(pl.col("session").is_between(dt.date(2007, 12, 31), dt.date(2008, 12, 31)))
    spx = year.filter(pl.col("symbol") == "SPX").select("session", equity="close")
    result = performance(spx)
    # The index closed at 1468.36 and 903.25: published as a loss of 38.49 %.
    assert result.total_return == pytest.approx(-0.3849, abs=5e-5)
    assert result.drawdown_trough == dt.date(2008, 11, 20)
    assert math.isclose(result.volatility, 0.41, abs_tol=0.01)

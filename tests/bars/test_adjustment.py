"""Adjustment: small known answers, and what must hold as of any moment."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.bars.making import on_grid
from tests.markets.building import build_market
from tradepipe.bars import adjust, adjusted, in_force, session_at
from tradepipe.contracts import BARS, CORPORATE_ACTIONS, validate
from tradepipe.markets import Action, CorporateActionError, action_frame, calendar_for

PRICES = ["open", "high", "low", "close"]
FIRST, LAST = dt.date(2018, 3, 5), dt.date(2018, 3, 16)
XNYS = calendar_for("XNYS")
AFTER = dt.datetime(2018, 4, 1, tzinfo=dt.UTC)


def day(number):
    return dt.date(2018, 3, number)


def at(number, hour=0):
    return dt.datetime(2018, 3, number, hour, tzinfo=dt.UTC)


def split(ratio, number, known=1, symbol="A"):
    return Action(symbol=symbol, kind="split", ex_date=day(number), known_at=at(known), ratio=ratio)


def dividend(amount, number, known=1, symbol="A", **more):
    return Action(symbol=symbol, kind="dividend", ex_date=day(number), known_at=at(known), amount=amount, **more)


def renamed(old, new, number):
    return Action(symbol=old, kind="symbol_change", ex_date=day(number), known_at=at(number), new_symbol=new)


def listed(symbol, number):
    return Action(symbol=symbol, kind="listing", ex_date=day(number), known_at=at(number))


def facts(*actions):
    return action_frame(actions, "test")


def closes(*prices, symbol="A"):
    """Daily bars from the 5th on with these closes; all four prices the same, volume 1000."""
    bars = on_grid("XNYS", FIRST, LAST, "1d", symbols=(symbol,)).head(len(prices))
    price = pl.Series(prices, dtype=pl.Float64)
    return bars.with_columns(**dict.fromkeys(PRICES, price), volume=pl.lit(1000.0))


def test_a_split_divides_prices_and_multiplies_volume_before_its_ex_date():
    made = adjust(closes(70, 77, 11, 12), facts(split(7, 7)), as_of=AFTER)
    assert made["close"].to_list() == pytest.approx([10, 11, 11, 12])
    assert made["volume"].to_list() == pytest.approx([7000, 7000, 1000, 1000])
    reverse = adjust(closes(1, 2, 16), facts(split(0.125, 7)), as_of=AFTER)
    assert reverse["close"].to_list() == [8, 16, 16]
    assert reverse["volume"].to_list() == [125, 125, 1000]


def test_a_dividend_counts_in_total_only_and_leaves_volume_alone():
    bars, paid = closes(100, 50, 49), facts(dividend(1.0, 7))
    assert_frame_equal(adjust(bars, paid, as_of=AFTER), bars)
    made = adjust(bars, paid, as_of=AFTER, kind="total")
    assert made["close"].to_list() == pytest.approx([98, 49, 49])  # 1 - 1/50
    assert made["volume"].to_list() == [1000] * 3


def test_what_goes_ex_together_multiplies():
    """A dividend is per share held before the ex-date, so on the terms before the split."""
    made = adjust(closes(100, 100, 49), facts(split(2, 7), dividend(2.0, 7)), as_of=AFTER, kind="total")
    assert made["close"].to_list() == pytest.approx([49, 49, 49])


def test_cumulative_factors_go_back_in_time():
    made = adjust(closes(60, 30, 10, 10), facts(split(2, 6), split(3, 7)), as_of=AFTER)
    assert made["close"].to_list() == pytest.approx([10, 10, 10, 10])


def test_a_sources_own_reference_price_stands():
    made = adjust(closes(100, 50, 49), facts(dividend(1.0, 7, reference_price=10.0)), as_of=AFTER, kind="total")
    assert made["close"].to_list() == pytest.approx([90, 45, 49])


def test_minutes_are_adjusted_like_days():
    bars = on_grid("XNYS", day(5), day(6), "1h")
    made = adjust(bars, facts(split(2, 6), dividend(1.0, 6)), as_of=AFTER, kind="total")
    last = bars.filter(session=day(5))["close"][-1]
    before = pl.col("session") < day(6)
    for name in PRICES:
        expected = bars.filter(before)[name] / 2 * (1 - 1 / last)
        assert made.filter(before)[name].to_list() == pytest.approx(expected.to_list())
    assert_frame_equal(made.filter(~before), bars.filter(~before))


def test_another_symbols_facts_do_not_matter():
    bars = closes(1, 2, 3)
    assert_frame_equal(adjust(bars, facts(split(2, 7, symbol="B")), as_of=AFTER), bars)
    assert_frame_equal(adjust(bars, CORPORATE_ACTIONS.empty(), as_of=AFTER, kind="total"), bars)


# As of


def test_a_fact_counts_from_when_it_is_known_and_has_gone_ex():
    bars, told = closes(70, 77, 11), facts(split(7, 7, known=2))
    before = adjust(bars, told, as_of=at(7, 12), session=day(6))  # announced long ago, New York is still shut
    assert before["close"].to_list() == [70, 77]
    assert adjust(bars, told, as_of=at(7, 15))["close"].to_list() == [10, 11]
    late = facts(split(7, 7, known=9))
    assert adjust(bars, late, as_of=at(8, 22))["close"].to_list() == [70, 77, 11]
    assert adjust(bars, late, as_of=at(9))["close"].to_list() == [10, 11, 11]


def test_the_word_known_last_is_right_and_can_take_a_fact_back():
    told = facts(split(7, 7, known=2), split(14, 7, known=8), split(1, 7, known=12))
    bars = closes(70, 70, 10)
    assert [adjust(bars, told, as_of=at(known, 23))["close"][0] for known in (7, 8, 12)] == [10, 5, 70]
    assert in_force(told, at(8, 23), day(8))["ratio"].to_list() == [14.0]


def test_adjusted_asks_the_calendar_which_session_has_opened(monkeypatch, tmp_path):
    from tradepipe import paths
    from tradepipe.markets import corporate_actions, write_corporate_actions

    monkeypatch.setattr(corporate_actions, "manifests_folder", lambda: tmp_path)
    assert paths.manifests_folder() != tmp_path
    write_corporate_actions(
        tmp_path / "corporate_actions", "few", version="1.0.0", source="test", facts=facts(split(7, 7))
    )
    market = build_market(corporate_actions="few")
    bars = closes(70, 77, 11)
    assert adjusted(bars, market, at(7, 14))["close"].to_list() == [70, 77]  # New York opens at 14:30
    assert adjusted(bars, market, at(7, 15))["close"].to_list() == [10, 11]
    with pytest.raises(CorporateActionError, match=r"here\.yaml: corporate_actions is not set.*Remedy"):
        adjusted(bars, build_market(), at(7, 15))


def test_session_at_follows_the_calendar():
    assert session_at(XNYS, dt.datetime(2018, 3, 12, 13, 29, tzinfo=dt.UTC)) == day(9)  # Monday, a minute early
    assert session_at(XNYS, dt.datetime(2018, 3, 12, 13, 30, tzinfo=dt.UTC)) == day(12)
    assert session_at(calendar_for("24/7"), at(12)) == day(12)
    with pytest.raises(CorporateActionError, match="time zone"):
        session_at(XNYS, dt.datetime(2018, 3, 12))  # noqa: DTZ001 - what is refused


# Symbols


def test_history_follows_the_security_through_a_change_of_symbol():
    old, new = closes(20, 20, symbol="OLD"), closes(1, 1, 10, 11, symbol="NEW")
    told = facts(renamed("OLD", "NEW", 7), split(2, 7, symbol="NEW"))
    made = adjust(pl.concat([old, new]), told, as_of=AFTER)
    assert made["symbol"].to_list() == ["NEW"] * 4
    assert made["close"].to_list() == [10, 10, 10, 11]  # whoever was called NEW before is left out
    then = adjust(pl.concat([old, new]), told, as_of=at(6, 23))
    assert then.select("symbol", "close").rows() == [("NEW", 1), ("NEW", 1), ("OLD", 20), ("OLD", 20)]


def test_symbols_can_change_hands_on_one_day():
    """GOOG became GOOGL and GOOCV became GOOG on 2014-04-03."""
    bars = pl.concat(
        [closes(1, 1, 2, 2, symbol="GOOG"), closes(2, 2, symbol="GOOCV"), closes(0, 0, 1, 1, symbol="GOOGL")]
    )
    bars = bars.filter(pl.col("close") > 0)
    told = facts(renamed("GOOG", "GOOGL", 7), renamed("GOOCV", "GOOG", 7))
    made = adjust(bars, told, as_of=AFTER)
    assert made.group_by("symbol", maintain_order=True).agg(pl.col("close").unique()).rows() == [
        ("GOOG", [2.0]),
        ("GOOGL", [1.0]),
    ]
    assert made.group_by("symbol").len()["len"].to_list() == [4, 4]


def test_a_listing_parts_two_securities_of_one_symbol():
    bars = closes(5, 5, 50, 50)
    told = facts(listed("A", 7), split(5, 6), split(2, 8))
    assert adjust(bars, told, as_of=AFTER)["close"].to_list() == [25, 50]
    assert adjust(bars, told, as_of=at(6, 23))["close"].to_list() == [1, 5]


def test_a_symbol_given_up_and_taken_back_stays_one_security():
    """SPWR was SPWRA from 2008 to 2011."""
    bars = pl.concat([closes(8, 8, symbol="S"), closes(1, 1, 8, symbol="SA"), closes(0, 0, 0, 8, symbol="S")])
    bars = bars.filter(pl.col("close") > 0)
    told = facts(renamed("S", "SA", 7), renamed("SA", "S", 8))
    made = adjust(bars, told, as_of=AFTER)
    assert made.select("symbol", "close").rows() == [("S", 8)] * 4
    assert made["session"].to_list() == [day(5), day(6), day(7), day(8)]


# Faults


def test_a_dividend_that_is_not_below_the_close_is_refused():
    with pytest.raises(
        CorporateActionError, match=r"A: the dividend of 60 going ex on 2018-03-07 .* 50 .*test.*Remedy"
    ):
        adjust(closes(100, 50, 49), facts(dividend(60, 7)), as_of=AFTER, kind="total")


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(CorporateActionError, match="a time zone is needed"):
        adjust(closes(1), facts(), as_of=dt.datetime(2018, 4, 1))  # noqa: DTZ001 - what is refused


# As of any moment

ACTIONS = st.lists(
    st.builds(
        lambda kind, number, known, value, symbol: (
            split(value, number, known, symbol) if kind == "split" else dividend(value / 10, number, known, symbol)
        ),
        st.sampled_from(["split", "dividend"]),
        st.integers(5, 16),
        st.integers(1, 16),
        st.sampled_from([0.5, 1.0, 1.5, 2.0, 7.0]),
        st.sampled_from(["A", "B"]),
    ),
    max_size=8,
    unique_by=lambda one: (one.symbol, one.ex_date, one.kind, one.known_at),
)
MOMENTS = st.builds(at, st.integers(4, 20), st.integers(0, 23))
KINDS = st.sampled_from(["split", "total"])


def some_bars(seed):
    return on_grid("XNYS", FIRST, LAST, "1d", symbols=("A", "B"), seed=seed)


@pytest.mark.slow
@settings(max_examples=25)
@given(ACTIONS, MOMENTS, KINDS, st.integers(0, 99))
def test_only_what_was_known_and_had_happened_by_then_matters(actions, moment, kind, seed):
    bars, told = some_bars(seed), facts(*actions)
    whole = adjust(bars, told, as_of=moment, kind=kind)
    known = told.filter(pl.col("known_at") <= moment, pl.col("ex_date") <= moment.date())
    until = adjust(bars.filter(pl.col("known_at") <= moment), known, as_of=moment, kind=kind)
    assert_frame_equal(until, whole, check_exact=True)
    assert whole["known_at"].max() is None or whole["known_at"].max() <= moment
    validate(BARS.arrange(whole), BARS, market="m", layer="adjusted", partition="-")


@settings(max_examples=25)
@given(ACTIONS, MOMENTS, KINDS, st.integers(0, 99))
def test_the_newest_terms_are_the_bars_own(actions, moment, kind, seed):
    bars, told = some_bars(seed), facts(*actions)
    made = adjust(bars, told, as_of=moment, kind=kind)
    gone_ex = in_force(told, moment, moment.date()).group_by("symbol").agg(pl.max("ex_date"))
    newest = made.join(gone_ex, on="symbol", how="left", maintain_order="left").filter(
        pl.col("ex_date").is_null() | (pl.col("session") >= pl.col("ex_date"))
    )
    same = bars.join(newest.select("symbol", "session"), on=["symbol", "session"], how="semi", maintain_order="left")
    assert_frame_equal(newest.drop("ex_date"), same, check_exact=True)


@pytest.mark.slow
@settings(max_examples=25)
@given(ACTIONS, st.integers(0, 99))
def test_adjusting_in_two_steps_is_adjusting_once(actions, seed):
    """As of the 10th, and from there on for what went ex later, is as of the end; splits and dividends."""
    bars, told = some_bars(seed), facts(*actions).with_columns(known_at=pl.lit(at(1)).cast(pl.Datetime("us", "UTC")))
    told = told.unique(["symbol", "ex_date", "kind"], keep="first", maintain_order=True)
    past, later = bars.filter(pl.col("session") <= day(9)), bars.filter(pl.col("session") > day(9))
    first = adjust(past, told, as_of=at(10), session=day(9), kind="total")
    second = told.filter(pl.col("ex_date") > day(9))
    twice = adjust(pl.concat([first, later]), second, as_of=AFTER, kind="total")
    assert_frame_equal(twice, adjust(bars, told, as_of=AFTER, kind="total"), rel_tol=1e-12)


@pytest.mark.slow
@settings(max_examples=25)
@given(ACTIONS, MOMENTS, st.integers(0, 99))
def test_the_way_back_from_split_adjusted_to_raw(actions, moment, seed):
    """Each split undone by its inverse, going ex on the same day."""
    bars = some_bars(seed).filter(pl.col("known_at") <= moment)
    told = facts(*actions).filter(pl.col("kind") == "split")
    made = adjust(bars, told, as_of=moment)
    back = adjust(made, told.with_columns(ratio=1 / pl.col("ratio")), as_of=moment)
    assert_frame_equal(back, bars.sort("symbol", "open_time"), rel_tol=1e-12)


@settings(max_examples=25)
@given(ACTIONS, st.integers(0, 99))
def test_returns_within_one_terms_are_unchanged_and_over_an_ex_date_are_the_holders(actions, seed):
    bars, told = some_bars(seed), facts(*actions)
    made = adjust(bars, told, as_of=AFTER, kind="total")
    over = ["symbol"]
    word = in_force(told, AFTER, LAST)
    cash = word.filter(kind="dividend").select("symbol", session="ex_date", amount="amount")
    shares = word.filter(kind="split").select("symbol", session="ex_date", ratio="ratio")
    expected = (
        bars.join(cash, on=["symbol", "session"], how="left", maintain_order="left")
        .join(shares, on=["symbol", "session"], how="left", maintain_order="left")
        .with_columns(before=pl.col("close").shift().over(over))
        # A fact of a weekend goes ex with the session after it; such ones are left to the other tests.
        .with_columns(held=(pl.col("before") - pl.col("amount").fill_null(0)) / pl.col("ratio").fill_null(1))
        .select("symbol", "session", expected=pl.col("close") / pl.col("held"))
    )
    weekend = word.filter(pl.col("ex_date").dt.weekday() > 5)["symbol"].unique()
    found = made.with_columns(found=pl.col("close") / pl.col("close").shift().over(over)).select(
        "symbol", "session", "found"
    )
    both = (
        found.join(expected, on=["symbol", "session"]).filter(~pl.col("symbol").is_in(weekend.implode())).drop_nulls()
    )
    assert both["found"].to_list() == pytest.approx(both["expected"].to_list(), rel=1e-9)


@settings(max_examples=20)
@given(ACTIONS, MOMENTS, KINDS, st.integers(0, 99))
def test_order_and_company_change_nothing(actions, moment, kind, seed):
    bars, told = some_bars(seed), facts(*actions)
    whole = adjust(bars, told, as_of=moment, kind=kind)
    again = adjust(bars.sample(fraction=1, shuffle=True, seed=seed), told.reverse(), as_of=moment, kind=kind)
    assert_frame_equal(again, whole, check_exact=True)
    alone = pl.concat([adjust(bars.filter(symbol=one), told, as_of=moment, kind=kind) for one in ("A", "B")])
    assert_frame_equal(alone, whole, check_exact=True)

"""Adjusted real bars against LEAN's own factors and against Yahoo's adjusted closes."""

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.bars import lean
from tests.bars.making import DATA
from tradepipe.bars import adjust
from tradepipe.contracts import BARS, CORPORATE_ACTIONS, validate
from tradepipe.markets import load_corporate_actions

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")

END = dt.datetime(2021, 4, 1, tzinfo=dt.UTC)
# LEAN writes its factors with seven digits, of which a cumulative factor of 0.0089 has six.
LEAN_ROUNDING = 4e-6
ROWS = {
    "aapl": 5849, "aig": 5849, "bac": 5661, "bno": 2727, "eem": 4523, "fb": 2231, "goog": 1761, "googl": 4183,
    "ibm": 5849, "iwm": 5244, "qqq": 3964, "spy": 5849, "tfcfa": 4, "uso": 3770, "wm": 5849,
}  # fmt: skip


@pytest.fixture(scope="module")
def whole():
    return {kind: adjust(lean.all_bars(), lean.all_facts(), as_of=END, kind=kind) for kind in ("split", "total")}


def test_the_facts_keep_their_contract_and_are_this_many():
    facts = lean.all_facts()
    validate(facts, CORPORATE_ACTIONS, market="lean", layer="corporate_actions", partition="-")
    counts = {"split": 29, "dividend": 810, "listing": 26, "symbol_change": 14}
    assert dict(facts.group_by("kind").len().rows()) == counts


def test_apple_split_seven_for_one_and_four_for_one():
    splits = lean.all_facts().filter(kind="split", symbol="AAPL").select("ex_date", "ratio").rows()
    assert splits == [
        (dt.date(2000, 6, 21), 2.0),
        (dt.date(2005, 2, 28), 2.0),
        (dt.date(2014, 6, 9), 7.0),
        (dt.date(2020, 8, 31), 4.0),
    ]
    paid = lean.all_facts().filter(kind="dividend", symbol="AAPL").select("ex_date", "amount").rows()
    assert (len(paid), paid[0], paid[-1]) == (35, (dt.date(2012, 8, 9), 2.65), (dt.date(2021, 2, 5), 0.205))


def test_the_packaged_facts_agree_with_leans():
    columns = ["symbol", "ex_date", "kind", "ratio"]
    packaged = load_corporate_actions("apple").facts.select(columns)
    leans = lean.all_facts().filter(pl.col("ex_date") >= dt.date(2014, 1, 1), kind="split", symbol="AAPL")
    assert_frame_equal(packaged, leans.select(columns))


def test_apples_prices_around_its_splits():
    apple = lean.all_bars().filter(symbol="AAPL")
    facts = lean.all_facts()

    def closes(as_of, *sessions):
        made = adjust(apple, facts, as_of=as_of)
        return made.filter(pl.col("session").is_in(sessions))["close"].to_list()

    friday, monday = dt.date(2014, 6, 6), dt.date(2014, 6, 9)
    assert closes(dt.datetime(2014, 6, 7, tzinfo=dt.UTC), friday) == [645.57]
    assert closes(dt.datetime(2014, 6, 10, tzinfo=dt.UTC), friday, monday) == [pytest.approx(645.57 / 7), 93.7]
    assert closes(END, friday, monday) == [pytest.approx(645.57 / 28), pytest.approx(93.7 / 4)]


@pytest.mark.parametrize("security", ROWS)
@pytest.mark.parametrize("kind", ["split", "total"])
def test_adjusted_bars_are_the_raw_bars_times_leans_factors(whole, security, kind):
    own = lean.own_bars(security)
    assert own.height == ROWS[security]
    now = lean.tickers()[security][-1].ticker
    made = whole[kind].filter(symbol=now)
    assert made["session"].equals(own["session"])
    factor = own.join_asof(lean.factors(security), left_on="session", right_on="date", strategy="forward")
    scale = factor["split"] * (factor["price"] if kind == "total" else 1.0)
    for name in lean.PRICES:
        assert (made[name] / (own[name] * scale) - 1).abs().max() < LEAN_ROUNDING
    volume = own["volume"] / factor["split"]
    assert ((made["volume"] - volume).abs() <= LEAN_ROUNDING * volume).all()


def test_tickers_that_changed_hands_are_one_security_each(whole):
    """WM was UW, then WMI; QQQ was QQQQ (no such file here); GOOGL was GOOG; FB was another company's."""
    first = dict(whole["split"].group_by("symbol").agg(pl.min("session")).rows())
    assert first["WM"] == dt.date(1998, 1, 2)
    assert first["GOOGL"] == dt.date(2004, 8, 19)
    assert first["GOOG"] == dt.date(2014, 4, 3)
    assert first["FB"] == dt.date(2012, 5, 18)
    assert first["BAC"] == dt.date(1998, 10, 1)  # before, the ticker was another bank's, and its own was NB
    assert not {"UW", "WMI", "NB", "QQQQ", "GOOCV"} & set(first)
    assert whole["split"].height == sum(ROWS.values()) + 141  # AAA since 2020-09-09 has no factor file
    assert whole["split"].height == 63_454


def test_a_security_that_is_gone_is_read_as_of_its_own_time():
    """AAA was a listed trust until 2007-05-18; since 2020 the ticker is another's."""
    facts = lean.all_facts()
    then = adjust(lean.all_bars().filter(symbol="AAA"), facts, as_of=dt.datetime(2007, 5, 20, tzinfo=dt.UTC))
    assert (then.height, then["session"].max()) == (1230, dt.date(2007, 5, 18))
    now = adjust(lean.all_bars().filter(symbol="AAA"), facts, as_of=END)
    assert (now.height, now["session"].min()) == (141, dt.date(2020, 9, 9))


@pytest.mark.slow
@pytest.mark.parametrize("year", range(2000, 2021, 2))
def test_as_of_any_year_nothing_later_matters(year):
    bars, facts = lean.all_bars(), lean.all_facts()
    as_of = dt.datetime(year, 6, 15, tzinfo=dt.UTC)
    until = adjust(
        bars.filter(pl.col("known_at") <= as_of), facts.filter(pl.col("known_at") <= as_of), as_of=as_of, kind="total"
    )
    assert_frame_equal(adjust(bars, facts, as_of=as_of, kind="total"), until, check_exact=True)


def yahoo(symbol):
    """Yahoo's bars up to where LEAN's end: split-adjusted prices, and its close adjusted for both."""
    rows = pl.read_csv(DATA / "equities" / "yahoo_daily" / f"{symbol}.csv.gz")
    session = pl.col("timestamp").str.slice(0, 10).str.to_date()
    opened = session.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return rows.filter(session <= dt.date(2021, 3, 31)).select(
        pl.lit(symbol).alias("symbol"), pl.lit("1d").alias("interval"), session.alias("session"),
        opened.alias("open_time"), opened.alias("close_time"), opened.alias("known_at"), pl.lit("ok").alias("quality"),
        pl.col("Open").alias("open"), pl.col("High").alias("high"), pl.col("Low").alias("low"),
        pl.col("close_price").alias("close"), pl.col("Volume").cast(pl.Float64).alias("volume"),
        pl.col("Adj Close").alias("adjusted_close"),
    )  # fmt: skip


# How far our dividends, from LEAN, leave Yahoo's adjusted closes over eleven years. Apple and Google: the
# files' own digits. SPY: LEAN's amounts are rounded to cents, Yahoo's to tenths of one, up to 6e-5 a quarter.
# QQQ: the two vendors disagree about amounts and one ex-date in 2010, up to 2e-3 a quarter.
YAHOO = {"AAPL": 4e-6, "GOOGL": 4e-7, "SPY": 6e-4, "QQQ": 1.1e-2}


@pytest.mark.parametrize("symbol", YAHOO)
def test_yahoos_adjusted_close_is_recovered_from_leans_dividends(symbol):
    bars = yahoo(symbol)
    assert bars.height == 2830
    dividends = lean.all_facts().filter(kind="dividend")
    made = adjust(bars.select(BARS.column_names), dividends, as_of=END, kind="total")
    ratio = made["close"] / bars["adjusted_close"]
    # Yahoo's are adjusted as of 2024-12, ours as of 2021-03: they differ by one factor for all days.
    distance = (ratio / ratio[-1] - 1).abs().max()
    assert YAHOO[symbol] / 4 < distance < YAHOO[symbol]
    # Without the dividends the distance would be this large.
    plain = bars["close"] / bars["adjusted_close"]
    if symbol != "GOOGL":  # it paid none
        assert (plain / plain[-1] - 1).abs().max() > 0.1


def test_leans_raw_bars_split_adjusted_are_yahoos_prices():
    """Apple, eleven years over two splits: half a cent of rounding on raw prices, a few bars where vendors differ."""
    made = adjust(lean.all_bars().filter(symbol="AAPL"), lean.all_facts(), as_of=END)
    both = made.join(yahoo("AAPL"), on="session", suffix="_yahoo").with_columns(
        off=(pl.col("close") / pl.col("close_yahoo") - 1).abs()
    )
    assert both.height == 2830
    assert both["off"].median() < 1e-5
    assert both["off"].quantile(0.99) < 1e-3
    assert both["off"].max() < 0.02

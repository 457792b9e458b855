"""Bars from trades: a real venue's trades rebuild its bars, and what must hold of any trades."""

import datetime as dt
import gzip
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.bars.making import DATA, vendor_bars
from tradepipe.bars import bars_from_trades, ordered_trades, resample
from tradepipe.contracts import BARS, UTC, validate
from tradepipe.markets import CalendarError, calendar_for

OHLCV = ["open_time", "open", "high", "low", "close", "volume"]
CLOCK = calendar_for("24/7")
START = dt.datetime(2022, 3, 1, 10, tzinfo=dt.UTC)

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")


def trades(*rows, symbol="A"):
    """(seconds after START, sequence, price, quantity) of each trade."""
    return pl.DataFrame(
        [
            (symbol, START + dt.timedelta(seconds=at), sequence, price, quantity)
            for at, sequence, price, quantity in rows
        ],
        schema={"symbol": pl.String, "ts": UTC, "sequence": pl.Int64, "price": pl.Float64, "quantity": pl.Float64},
        orient="row",
    )


def real_trades():
    rows = json.loads(gzip.decompress((DATA / "crypto/freqtrade_testdata/XRP_ETH-trades.json.gz").read_bytes()))
    return pl.DataFrame(
        [("XRP/ETH", ms, int(number), price, quantity) for ms, number, _, _, price, quantity, _ in rows],
        schema={"symbol": pl.String, "ts": pl.Int64, "sequence": pl.Int64, "price": pl.Float64, "quantity": pl.Float64},
        orient="row",
    ).with_columns(pl.from_epoch("ts", "ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


@needs_data
@pytest.mark.parametrize(("interval", "count"), [("1m", 2469), ("5m", 706)])
def test_the_venues_trades_rebuild_its_bars_exactly(interval, count):
    rows = real_trades()
    assert rows.height == 12_477
    made = bars_from_trades(rows.sample(fraction=1, shuffle=True, seed=1), interval, CLOCK)
    theirs = vendor_bars(DATA / f"crypto/freqtrade_testdata/XRP_ETH-{interval}.feather", "XRP/ETH", interval)
    assert made.bars.height == theirs.height == count
    assert made.bars["trades"].sum() == 12_477
    assert made.outside.is_empty()
    assert_frame_equal(made.bars.select(OHLCV), theirs.select(OHLCV), check_exact=True)
    validate(made.bars.select(BARS.column_names), BARS, market="m", layer="bars", partition="-")


@pytest.mark.slow
@needs_data
def test_bars_of_trades_and_bars_of_bars_of_trades_are_the_same():
    minutes = bars_from_trades(real_trades(), "1m", CLOCK).bars
    hours = resample(minutes.drop("trades"), CLOCK, ["1h"])
    assert_frame_equal(hours.select(OHLCV), bars_from_trades(real_trades(), "1h", CLOCK).bars.select(OHLCV))


def binance_capture(path):
    """Trades of a recorded websocket feed: `local time <space> JSON`, in the order in which they came."""
    found = []
    with gzip.open(path, "rt") as lines:
        for line in lines:
            message = json.loads(line.split(" ", 1)[1])
            told = message.get("data", message)
            if told.get("e") == "trade" and told.get("X", "MARKET") == "MARKET" and float(told["q"]) > 0:
                found.append((told["s"], told["T"], told["t"], float(told["p"]), float(told["q"])))
    schema = {"symbol": pl.String, "ts": pl.Int64, "sequence": pl.Int64, "price": pl.Float64, "quantity": pl.Float64}
    return pl.DataFrame(found, schema=schema, orient="row").with_columns(
        pl.from_epoch("ts", "ms").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )


@needs_data
@pytest.mark.slow
def test_a_recorded_feed_gives_a_bar_a_minute():
    rows = binance_capture(DATA / "crypto/orderbook/binance_spot_btcusdt_20240808.gz")
    assert rows.height == 9757
    made = bars_from_trades(rows, "1m", CLOCK).bars
    minutes = made["open_time"].dt.strftime("%H:%M").to_list()
    assert minutes == ["23:54", "23:55", "23:56", "23:57", "23:58", "23:59", "00:00"]  # the venue's clock is ahead
    assert made["trades"].sum() == 9757
    assert made["volume"].sum() == pytest.approx(rows["quantity"].sum())


def test_equal_times_go_by_sequence_and_then_by_arrival():
    rows = trades((1, 7, 10.0, 1), (0, 9, 3.0, 1), (1, 5, 11.0, 1), (1, 7, 12.0, 1), (0, 2, 4.0, 1))
    assert ordered_trades(rows)["price"].to_list() == [4.0, 3.0, 11.0, 10.0, 12.0]
    bar = bars_from_trades(rows, "1m", CLOCK).bars.row(0, named=True)
    assert (bar["open"], bar["close"], bar["high"], bar["low"]) == (4.0, 12.0, 12.0, 3.0)


def test_without_a_sequence_the_order_of_arrival_stands():
    rows = trades((5, None, 2.0, 1), (5, None, 9.0, 1), (5, None, 4.0, 1))
    bar = bars_from_trades(rows, "1m", CLOCK).bars.row(0, named=True)
    assert (bar["open"], bar["close"]) == (2.0, 4.0)


def test_a_trade_at_the_close_opens_the_next_bar_and_silence_gives_none():
    bars = bars_from_trades(trades((59.999999, 1, 5.0, 1), (60, 2, 6.0, 2), (240, 3, 7.0, 3)), "1m", CLOCK).bars
    assert bars["open_time"].to_list() == [START + dt.timedelta(minutes=minute) for minute in (0, 1, 4)]
    assert bars["volume"].to_list() == [1.0, 2.0, 3.0]


def test_trades_outside_every_session_are_handed_back():
    xnys = calendar_for("XNYS")
    rows = trades((0, 1, 5.0, 1), (5 * 3600, 2, 6.0, 1), (12 * 3600, 3, 7.0, 1))  # 10:00, 15:00 and 22:00 UTC
    made = bars_from_trades(rows, "1h", xnys, dt.timedelta(minutes=1))
    assert made.bars.select("session", "open", "trades").rows() == [(dt.date(2022, 3, 1), 6.0, 1)]
    assert made.bars["known_at"][0] == made.bars["close_time"][0] + dt.timedelta(minutes=1)
    assert_frame_equal(made.outside, rows[[0, 2]])
    at_the_bell = trades((11 * 3600, 1, 5.0, 1))  # 21:00 UTC: the session ends before it
    assert bars_from_trades(at_the_bell, "1h", xnys).outside.height == 1


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_broken_trade_is_named(price):
    rows = trades((0, 1, 5.0, 1), (1, 2, price, 1))
    with pytest.raises(ValueError, match=r"1 trades without .* the first is row 1: .*Remedy"):
        bars_from_trades(rows, "1m", CLOCK)


def test_columns_and_interval_are_checked():
    with pytest.raises(ValueError, match="trades lack column sequence; they have symbol, ts, price"):
        bars_from_trades(trades((0, 1, 5.0, 1)).drop("sequence"), "1m", CLOCK)
    with pytest.raises(ValueError, match="column quantity is String, expected Float64"):
        bars_from_trades(trades((0, 1, 5.0, 1)).cast({"quantity": pl.String}), "1m", CLOCK)
    with pytest.raises(CalendarError, match="'7m' is unknown"):
        bars_from_trades(trades((0, 1, 5.0, 1)), "7m", CLOCK)


@pytest.mark.parametrize("name", ["session", "open_time", "close_time", "row", "open", "trades"])
def test_further_columns_are_ignored_whatever_they_are_called(name):
    given = trades((1, 1, 1.0, 2.0), (2, 2, 3.0, 4.0))
    more = given.with_columns(pl.lit(dt.datetime(1999, 1, 1, tzinfo=dt.UTC)).cast(UTC).alias(name))
    made, expected = (bars_from_trades(one, "1m", CLOCK) for one in (more, given))
    assert_frame_equal(made.bars, expected.bars)
    assert made.bars.height == 1
    assert made.outside.columns == more.columns


def test_no_trades_give_no_bars():
    made = bars_from_trades(trades(), "1m", CLOCK)
    assert made.bars.is_empty()
    assert made.bars.drop("trades").schema == BARS.polars_schema


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 600), st.integers(1, 10**6), st.sampled_from([1.0, 1.5, 2.0]), st.sampled_from([1, 8])
        ),
        min_size=1,
        unique_by=lambda trade: trade[1],
    ),
    st.integers(0, 600),
)
def test_later_trades_and_their_order_of_arrival_change_nothing(rows, cut):
    whole = bars_from_trades(trades(*rows), "1m", CLOCK).bars
    assert whole["trades"].sum() == len(rows)
    assert_frame_equal(bars_from_trades(trades(*reversed(rows)), "1m", CLOCK).bars, whole, check_exact=True)
    until = bars_from_trades(trades(*[row for row in rows if row[0] < cut]), "1m", CLOCK).bars
    closed = pl.col("close_time") <= START + dt.timedelta(seconds=cut)
    assert_frame_equal(until.filter(closed), whole.filter(closed), check_exact=True)

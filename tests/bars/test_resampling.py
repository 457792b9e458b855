"""Longer intervals: known answers on real calendars and real bars, and what must hold of any bars."""

import datetime as dt
import io
import zipfile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from tests.bars.making import DATA, on_grid, vendor_bars
from tradepipe.bars import resample
from tradepipe.contracts import QUALITY_CODES, RESAMPLED_BARS, UTC, validate
from tradepipe.markets import CalendarError, calendar_for

LONGER = ("5m", "15m", "1h", "4h", "1d")
PRICES = ["open", "high", "low", "close"]

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")


def local(frame, zone, *columns):
    return frame.select(pl.col(name).dt.convert_time_zone(zone).dt.strftime("%d %H:%M") for name in columns).rows()


def slowly(bars, code, interval):
    """The same by definition: one bar at a time."""
    grid = calendar_for(code).grid(bars["session"].min(), bars["session"].max(), interval)
    step = bars["interval"][0]
    fine = calendar_for(code).grid(bars["session"].min(), bars["session"].max(), step)
    rows = []
    for symbol in sorted(set(bars["symbol"])):
        for session, opened, closed in grid.rows():
            inside = (pl.col("open_time") >= opened) & (pl.col("open_time") < closed)
            parts = bars.filter(inside, symbol=symbol, session=session).sort("open_time").to_dicts()
            if not parts:
                continue
            volume = 0.0
            for part in parts:
                volume += part["volume"]
            rows.append(
                {
                    "symbol": symbol, "interval": interval, "session": session,
                    "open_time": opened, "close_time": closed,
                    "open": parts[0]["open"], "high": max(part["high"] for part in parts),
                    "low": min(part["low"] for part in parts), "close": parts[-1]["close"], "volume": volume,
                    "quality": QUALITY_CODES[max(QUALITY_CODES.index(part["quality"]) for part in parts)],
                    "known_at": max(part["known_at"] for part in parts), "bars": len(parts),
                    "expected_bars": fine.filter(inside, session=session).height,
                    "is_partial": parts[-1]["close_time"] < closed,
                }
            )  # fmt: skip
    schema = RESAMPLED_BARS.polars_schema
    return pl.DataFrame(rows, schema=schema) if rows else RESAMPLED_BARS.empty()


# Vendors


@needs_data
@pytest.mark.parametrize(("pair", "hours"), [("BTC_USDT_USDT", 719), ("XRP_USDT_USDT", 719)])
def test_five_minute_bars_make_the_venues_own_hours(pair, hours):
    folder = DATA / "crypto" / "binance_usdm"
    fives = vendor_bars(folder / f"{pair}-5m-futures.feather", pair, "5m")
    theirs = vendor_bars(folder / f"{pair}-1h-futures.feather", pair, "1h")
    made = resample(fives, calendar_for("24/7"), ["1h"])
    assert theirs.height == hours
    both = theirs.join(made, on="open_time", suffix="_made")
    assert both.height == hours
    assert not both["is_partial"].any()
    assert set(both["bars"]) == {12}
    for name in PRICES:
        assert (both[name] == both[f"{name}_made"]).all()
    # The venue adds decimals, we add floats: the same number to the contract's own step of 0.001.
    assert (both["volume"].round(3) == both["volume_made"].round(3)).all()
    # The file of five-minute bars begins and ends within an hour: only the end is partial.
    edges = made.filter(pl.col("bars") < 12).select("bars", "expected_bars", "is_partial").sort("is_partial")
    assert edges["is_partial"].to_list() == [False, True]


@needs_data
def test_coinbase_minutes_make_the_vendors_day():
    folder = DATA / "crypto" / "lean_coinbase"

    def rows(file):
        with zipfile.ZipFile(folder / file) as archive:
            text = archive.read(archive.namelist()[0])
        return pl.read_csv(io.BytesIO(text), has_header=False, new_columns=["time", *PRICES, "volume"])

    day = dt.date(2018, 4, 5)
    start, minute = dt.datetime(2018, 4, 5, tzinfo=dt.UTC), dt.timedelta(minutes=1)
    minutes = rows("minute_btcusd_20180405_trade.zip").select(
        pl.lit("BTCUSD").alias("symbol"),
        pl.lit("1m").alias("interval"),
        pl.lit(day).alias("session"),
        (pl.lit(start).cast(UTC) + pl.duration(milliseconds="time")).alias("open_time"),
        (pl.lit(start + minute).cast(UTC) + pl.duration(milliseconds="time")).alias("close_time"),
        *PRICES,
        "volume",
        pl.lit("ok").alias("quality"),
        (pl.lit(start + minute).cast(UTC) + pl.duration(milliseconds="time")).alias("known_at"),
    )
    made = resample(minutes, calendar_for("24/7"), ["1d"]).row(0, named=True)
    theirs = rows("daily_btcusd_trade.zip").filter(pl.col("time") == "20180405 00:00").row(0, named=True)
    assert made["bars"] == made["expected_bars"] == 1440
    assert [made[name] for name in PRICES] == [theirs[name] for name in PRICES]
    assert made["volume"] == pytest.approx(theirs["volume"], rel=1e-9)


# Calendars


def test_new_york_hours_follow_the_clock_change():
    bars = on_grid("XNYS", dt.date(2018, 3, 9), dt.date(2018, 3, 12), "1m")  # clocks went forward on the 11th
    hours = resample(bars, calendar_for("XNYS"), ["1h"])
    assert [f"{opened:%d %H:%M}" for opened in hours["open_time"]][::7] == ["09 14:30", "12 13:30"]
    assert local(hours, "America/New_York", "open_time", "close_time")[7:] == [
        (f"12 {hour:02}:30", f"12 {'16:00' if hour == 15 else f'{hour + 1:02}:30'}") for hour in range(9, 16)
    ]
    assert hours["expected_bars"].to_list() == [60, 60, 60, 60, 60, 60, 30] * 2
    assert not hours["is_partial"].any()
    back = on_grid("XNYS", dt.date(2018, 11, 2), dt.date(2018, 11, 5), "1m")  # and back on the 4th
    days = resample(back, calendar_for("XNYS"), ["1d"])
    assert [f"{opened:%d %H:%M}" for opened in days["open_time"]] == ["02 13:30", "05 14:30"]
    assert days["bars"].to_list() == [390, 390]


def test_a_half_day_ends_early():
    bars = on_grid("XNYS", dt.date(2018, 11, 23), dt.date(2018, 11, 23), "5m")
    made = resample(bars, calendar_for("XNYS"), ["15m", "1h", "4h", "1d"])
    counted = {interval: made.filter(interval=interval)["bars"].to_list() for interval in ("1h", "4h", "1d")}
    assert counted == {"1h": [12, 12, 12, 6], "4h": [42], "1d": [42]}
    assert made["bars"].equals(made["expected_bars"].rename("bars"))
    assert set(made.group_by("interval").agg(pl.max("close_time"))["close_time"]) == {
        dt.datetime(2018, 11, 23, 18, tzinfo=dt.UTC)
    }


def test_no_bar_crosses_tokyos_lunch():
    bars = on_grid("XTKS", dt.date(2018, 6, 1), dt.date(2018, 6, 1), "15m")
    made = resample(bars, calendar_for("XTKS"), ["1h", "4h", "1d"])
    hours = local(made.filter(interval="1h"), "Asia/Tokyo", "open_time", "close_time")
    assert hours == [
        ("01 09:00", "01 10:00"), ("01 10:00", "01 11:00"), ("01 11:00", "01 11:30"),
        ("01 12:30", "01 13:30"), ("01 13:30", "01 14:30"), ("01 14:30", "01 15:00"),
    ]  # fmt: skip
    halves = local(made.filter(interval="4h"), "Asia/Tokyo", "open_time", "close_time")
    assert halves == [("01 09:00", "01 11:30"), ("01 12:30", "01 15:00")]
    day = made.filter(interval="1d").row(0, named=True)
    assert (day["bars"], day["expected_bars"]) == (20, 20)
    for interval in ("1h", "4h", "1d"):
        assert_frame_equal(made.filter(interval=interval), slowly(bars, "XTKS", interval), rel_tol=1e-12)


def test_around_the_clock_a_day_is_a_utc_day():
    bars = on_grid("24/7", dt.date(2022, 3, 26), dt.date(2022, 3, 28), "5m")
    days = resample(bars, calendar_for("24/7"), ["1d"])
    assert days["open_time"].dt.time().unique().to_list() == [dt.time(0)]
    assert days["bars"].to_list() == [288] * 3


# Partial bars


def test_what_is_still_forming_is_marked():
    bars = on_grid("XNYS", dt.date(2018, 3, 12), dt.date(2018, 3, 12), "1m")
    now = resample(bars.head(100), calendar_for("XNYS"), LONGER)
    marked = {one["interval"]: one["bars"] for one in now.filter("is_partial").to_dicts()}
    assert marked == {"15m": 10, "1h": 40, "4h": 100, "1d": 100}  # a five-minute bar has just closed
    assert (now.filter("is_partial")["known_at"] < now.filter("is_partial")["close_time"]).all()
    validate(now, RESAMPLED_BARS, market="m", layer="intervals", partition="-")


def test_a_hole_is_counted_but_makes_no_bar_partial():
    bars = on_grid("XNYS", dt.date(2018, 3, 12), dt.date(2018, 3, 12), "1m")
    holed = pl.concat([bars.head(7), bars.slice(9, 60)])
    fives = resample(holed, calendar_for("XNYS"), ["5m"])
    assert fives["bars"].to_list()[:3] == [5, 3, 5]
    assert fives["is_partial"].to_list()[:3] == [False, False, False]
    without_end = resample(bars.filter(pl.int_range(pl.len()) % 5 != 4), calendar_for("XNYS"), ["5m"])
    assert without_end["is_partial"].all()


def test_a_partial_part_at_the_end_makes_the_longer_bar_partial():
    bars = on_grid("24/7", dt.date(2022, 1, 1), dt.date(2022, 1, 1), "1m").head(58)
    calendar = calendar_for("24/7")
    fives = resample(bars, calendar, ["5m"])
    assert fives["is_partial"].to_list()[-1]
    assert resample(fives, calendar, ["1h"])["is_partial"].to_list() == [True]


# Faults


def test_intervals_that_are_not_longer_are_refused():
    bars = on_grid("24/7", dt.date(2022, 1, 1), dt.date(2022, 1, 1), "1h")
    with pytest.raises(CalendarError, match=r"longer than the bars' own 1h; found 5m, 1h"):
        resample(bars, calendar_for("24/7"), ["5m", "1h", "1d"])
    with pytest.raises(CalendarError, match=r"interval '2h' is unknown; expected one of"):
        resample(bars, calendar_for("24/7"), ["2h"])
    mixed = bars.with_columns(interval=pl.Series(["1h", "4h"] * 12))
    with pytest.raises(CalendarError, match="bars of one interval are expected, found 1h, 4h"):
        resample(mixed, calendar_for("24/7"), ["1d"])
    with pytest.raises(CalendarError, match="bars of 2018-03-10, which is no session of calendar XNYS"):
        resample(on_grid("24/7", dt.date(2018, 3, 9), dt.date(2018, 3, 12), "1h"), calendar_for("XNYS"), ["1d"])


def test_no_bars_or_no_intervals_give_none():
    bars = on_grid("24/7", dt.date(2022, 1, 1), dt.date(2022, 1, 1), "1h")
    for made in (resample(bars.clear(), calendar_for("24/7"), ["1d"]), resample(bars, calendar_for("24/7"), [])):
        assert_frame_equal(made, RESAMPLED_BARS.empty())


# Any bars

CALENDARS = {
    "24/7": (dt.date(2022, 3, 26), dt.date(2022, 3, 28)),
    "XNYS": (dt.date(2018, 3, 9), dt.date(2018, 3, 12)),
    "XTKS": (dt.date(2018, 6, 1), dt.date(2018, 6, 4)),
}


@st.composite
def any_bars(draw, base="5m"):
    code = draw(st.sampled_from(list(CALENDARS)))
    whole = on_grid(code, *CALENDARS[code], base, symbols=("B", "A"), seed=draw(st.integers(0, 1000)))
    kept = draw(st.sampled_from([1.0, 0.97, 0.5, 0.02]))
    return code, whole.sample(fraction=kept, seed=draw(st.integers(0, 1000))).sort("symbol", "open_time")


@pytest.mark.slow
@settings(max_examples=6)
@given(any_bars("15m"))
def test_every_bar_is_what_its_definition_says(made):
    code, bars = made
    for interval in ("1h", "4h", "1d"):
        found = resample(bars, calendar_for(code), [interval])
        assert_frame_equal(found, slowly(bars, code, interval), rel_tol=1e-12)
        validate(found, RESAMPLED_BARS, market="m", layer="intervals", partition="-")


@pytest.mark.slow
@settings(max_examples=20)
@given(any_bars())
def test_extremes_and_sums_are_kept(made):
    code, bars = made
    longer = resample(bars, calendar_for(code), ["15m", "1h", "4h", "1d"])
    for interval in ("15m", "1h", "4h", "1d"):
        told = longer.filter(interval=interval).group_by("symbol", "session").agg(
            pl.max("high"), pl.min("low"), pl.sum("volume"), pl.sum("bars")
        )  # fmt: skip
        base = bars.group_by("symbol", "session").agg(
            pl.max("high"), pl.min("low"), pl.sum("volume"), pl.len().cast(pl.Int64).alias("bars")
        )
        key = ["symbol", "session"]
        assert_frame_equal(told.sort(key), base.sort(key), check_dtypes=False, rel_tol=1e-12)


@settings(max_examples=20)
@given(any_bars(), st.sampled_from(["15m", "1h", "4h"]))
def test_by_way_of_a_nesting_interval_the_bars_are_the_same_to_the_last_bit(made, between):
    code, bars = made
    calendar = calendar_for(code)
    through = resample(resample(bars, calendar, [between]), calendar, ["1d"])
    counts = ["bars", "expected_bars"]  # they count parts of another length
    direct = resample(bars, calendar, ["1d"])
    assert_frame_equal(through.drop(counts), direct.drop(counts), check_exact=True)


@pytest.mark.slow
@settings(max_examples=20)
@given(any_bars(), st.integers(0, 1000))
def test_order_company_and_repetition_change_nothing(made, seed):
    code, bars = made
    calendar = calendar_for(code)
    whole = resample(bars, calendar, ["1d", "15m", "1h"])
    shuffled = bars.sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(resample(shuffled, calendar, ["15m", "1h", "1d"]), whole, check_exact=True)
    by_session = bars.sort("session", "symbol", "open_time")
    assert_frame_equal(resample(by_session, calendar, ["15m", "1h", "1d"]), whole, check_exact=True)
    alone = pl.concat(
        [
            resample(bars.filter(symbol=symbol, session=session), calendar, [interval])
            for symbol, session in bars.select("symbol", "session").unique().rows()
            for interval in ("15m", "1h", "1d")
        ]
    )
    assert_frame_equal(RESAMPLED_BARS.arrange(alone), whole, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_what_comes_later_changes_no_bar_that_had_closed(seed):
    bars = on_grid("XNYS", dt.date(2018, 3, 9), dt.date(2018, 3, 12), "5m", symbols=("A", "B"), seed=seed)
    bars = bars.sample(fraction=0.9, seed=seed).sort("symbol", "open_time")
    cut = bars["known_at"].sample(1, seed=seed)[0]
    whole = resample(bars, calendar_for("XNYS"), ["15m", "1h", "4h", "1d"])
    until = resample(bars.filter(pl.col("known_at") <= cut), calendar_for("XNYS"), ["15m", "1h", "4h", "1d"])
    closed = pl.col("close_time") + dt.timedelta(seconds=30) <= cut
    assert_frame_equal(until.filter(closed), whole.filter(closed), check_exact=True)
    assert until.filter(~closed)["is_partial"].all()

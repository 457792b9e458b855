"""Cleaning of real deliveries: what their READMEs say is wrong is found, and what is right is left alone."""

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.contracts import BARS, GAPS, validate
from tradepipe.ingest import raw_bars, scan
from tradepipe.markets import Instrument, Universe
from tradepipe.settings.sources import FileSource

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NUMBERS = ("open", "high", "low", "close", "volume")
LOWER = {name: name for name in NUMBERS}
YAHOO = {name: name.capitalize() for name in NUMBERS}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")


def cleaned_file(path, symbols, **changes):
    reading = FileSource(pattern=path.name, **changes.pop("source"))
    market = build_market(symbols=symbols, source=reading, **changes)
    raw = raw_bars(scan(path.parent, path.name), market)
    cleaned = clean_bars(raw.rows, market, unread=raw.unread)
    validate(BARS.arrange(cleaned.bars), BARS, market="real", layer="bars", partition="-")
    validate(GAPS.arrange(cleaned.gaps), GAPS, market="real", layer="bars", partition="-")
    return raw, cleaned


def counts(frame, column, value=None):
    grouped = frame.group_by(column).agg(pl.len() if value is None else pl.sum(value))
    return dict(grouped.rows())


@pytest.mark.slow
def test_the_505_stocks():
    """README: 11 rows without an open, 12 out of order within the bar, 51 sessions missing; and no false alarm."""
    path = DATA / "equities" / "sp500_5yr" / "all_stocks_5yr.csv.gz"
    symbols = sorted(pl.read_csv(path, columns=["Name"])["Name"].unique())
    source = {"symbol_column": "Name", "time_column": "date", "columns": LOWER}
    raw, cleaned = cleaned_file(path, symbols, source=source, start=dt.date(2013, 2, 8), end=dt.date(2018, 2, 7))
    assert counts(raw.refused, "reason") == {"value_missing": 11}
    assert counts(cleaned.refused, "reason") == {"high_below_low": 1, "low_above_open_or_close": 11}
    # Earnings days and crashes are spikes, one row in 900; no real jump is taken for an error of unit.
    assert counts(cleaned.bars, "quality") == {"ok": 618_335, "spike": 672, "volume_unit": 10}
    actions = {"EBAY": (2015, 7, 20), "BAX": (2015, 7, 1), "NI": (2015, 7, 2), "DISCA": (2014, 8, 7)}
    for symbol, day in actions.items():
        bar = cleaned.bars.filter(symbol=symbol, session=dt.date(*day))
        assert bar["quality"].to_list() == ["spike"], symbol
    gaps = cleaned.gaps.filter(pl.col("symbol") != "*")
    without_open = {
        ("DHR", 2), ("O", 2), ("ES", 1), ("BHF", 1), ("REGN", 1), ("VRTX", 1), ("WRK", 1),
    }  # fmt: skip
    missing = {"DHR": 16, "O": 16, "ES": 10, "ICE": 5, "BMY": 2, "ORCL": 2}
    unknown = counts(gaps.filter(pl.col("reason") != "refused"), "symbol", "bars")
    assert unknown == missing
    assert sum(unknown.values()) == 51
    unread = counts(gaps.filter(pl.col("detail") == "value_missing"), "symbol", "bars")
    assert unread == dict(without_open)  # the first session of FTV and of UA is before their first bar
    assert gaps.filter(pl.col("reason") == "refused")["bars"].sum() == 12 + 9
    lnt = cleaned.refused.filter(pl.col("symbol") == "LNT")
    assert lnt["reason"].to_list() == ["low_above_open_or_close"]


@pytest.mark.slow
def test_every_drop():
    """3 months of 6,000 symbols: prices at zero are refused, and none of six 10:1 splits is."""
    folder = DATA / "equities" / "pystock_drops"
    files = scan(folder, "*_prices.csv.gz")
    texts = [pl.read_csv(file.path, columns=["symbol"], infer_schema=False) for file in files if file.size > 100]
    symbols = sorted(set(pl.concat(texts)["symbol"].drop_nulls()) - {"symbol"})
    source = FileSource(
        pattern="*.csv.gz",
        symbol_column="symbol",
        time_column="date",
        columns=LOWER,
        delivered={"by": "file_name", "pattern": r"^(\d{8})_", "time": dt.time(20, 0)},
    )
    market = build_market(symbols=symbols, source=source, start=dt.date(2015, 1, 1), end=dt.date(2015, 12, 31))
    raw = raw_bars(files, market)
    cleaned = clean_bars(raw.rows, market)
    validate(BARS.arrange(cleaned.bars), BARS, market="real", layer="bars", partition="-")
    at_zero = raw.rows.filter(pl.min_horizontal("open", "high", "low", "close") <= 0)
    refused = counts(cleaned.refused, "reason")
    assert refused["price_not_positive"] == at_zero.height
    assert set(refused) == {"price_not_positive", "duplicate_row", "superseded_row"}
    repeated = cleaned.refused.filter(pl.col("reason") == "duplicate_row")
    assert repeated["file"].unique().to_list() == ["20150406_prices.csv.gz"]  # three times its content
    assert cleaned.history.height > 1000
    for symbol, day in {"AMSC": (2015, 3, 25), "TVIX": (2015, 7, 1), "ZGNX": (2015, 7, 1)}.items():
        assert cleaned.bars.filter(symbol=symbol, session=dt.date(*day)).height == 1, symbol
    # Sessions between the deliveries that are here were never delivered, to anyone.
    assert set(cleaned.gaps["reason"]) <= {"holiday", "half_day", "venue_outage", "late", "unknown", "refused"}
    there = raw.rows.select("symbol", "session").unique().height - cleaned.bars.height
    assert there == counts(cleaned.gaps, "reason", "bars")["refused"] + _alone(raw.rows, cleaned)


def _alone(rows, cleaned):
    """Refused bars outside the life of their symbol: no gap."""
    bars = rows.select("symbol", "session", "open_time").unique()
    left = bars.join(cleaned.bars, on=["symbol", "open_time"], how="anti")
    told = cleaned.gaps.filter(pl.col("reason") == "refused")
    spans = left.join(told, on="symbol", how="left").filter(
        pl.col("open_time") >= pl.col("first_open_time"), pl.col("open_time") < pl.col("last_close_time")
    )
    return left.height - spans.select("symbol", "open_time").unique().height


def test_oil_may_be_negative():
    """WTI: close -37.63 on 2020-04-20, open -14 the day after; kept where the universe says that it can be."""
    path = DATA / "market" / "CL_F_wti_front_month_yahoo.csv.gz"
    reading = FileSource(
        pattern=path.name,
        symbol_pattern="^(CL)_F",
        time_column="timestamp",
        columns=YAHOO | {"close": "close_price", "adjusted_close": "Adj Close"},
    )
    oil = Instrument(symbol="CL", name="WTI", lot="1", tick="0.01", may_be_negative=True)
    for may in (True, False):
        market = build_market(source=reading, end=dt.date(2024, 12, 31))
        listed = (oil.model_copy(update={"may_be_negative": may}),)
        market.__dict__["universe"] = Universe(name="listed", version="1.0.0", instruments=listed)
        cleaned = clean_bars(raw_bars(scan(path.parent, path.name), market).rows, market)
        validate(BARS.arrange(cleaned.bars), BARS, market="real", layer="bars", partition="-")
        days = [dt.date(2020, 4, 20), dt.date(2020, 4, 21)]
        odd = cleaned.bars.filter(pl.col("session").is_in(days)).select("session", "close", "quality").rows()
        if may:
            assert odd == [
                (days[0], -37.630001068115234, "non_positive"),
                (days[1], 10.010000228881836, "non_positive"),
            ]
            assert cleaned.refused.is_empty()
            assert cleaned.bars.filter(quality="non_positive").height == 2
        else:
            assert odd == []
            assert counts(cleaned.refused, "reason") == {"price_not_positive": 2}
        missing = cleaned.gaps.filter(pl.col("symbol") != "*")
        assert counts(missing, "reason", "bars") == {"unknown": 2} | ({} if may else {"refused": 2})


def test_the_vix():
    """README: 20 rows with a high and 27 with a low that are not, 33 on no session, 4 sessions missing."""
    path = DATA / "market" / "vix_daily.csv.gz"
    source = {
        "symbol_pattern": "^(vix)",
        "time_column": "DATE",
        "columns": {name: name.upper() for name in NUMBERS[:4]} | {"volume": "OPEN"},  # it has no volume
    }
    raw, cleaned = cleaned_file(path, ["vix"], source=source, start=dt.date(1990, 1, 1), end=dt.date(2026, 12, 31))
    assert counts(raw.refused, "reason") == {"not_a_session": 33}
    high, low = (
        (pl.max_horizontal("open", "close") > pl.col("high")),
        (pl.min_horizontal("open", "close") < pl.col("low")),
    )
    assert (raw.rows.filter(high).height, raw.rows.filter(low).height) == (20, 27)
    assert cleaned.refused.height == raw.rows.filter(high | low).height
    assert set(cleaned.refused["reason"]) == {"high_below_open_or_close", "low_above_open_or_close"}
    gaps = counts(cleaned.gaps.filter(pl.col("symbol") != "*"), "reason", "bars")
    assert gaps == {"unknown": 4, "refused": cleaned.refused.height}


def test_yahoo_daily():
    """README: one bar of IOO has its high below its close; nothing else is refused, nothing is missing."""
    path = DATA / "equities" / "yahoo_daily" / "IOO.csv.gz"
    source = {
        "symbol_pattern": "^([A-Z]+)",
        "time_column": "timestamp",
        "columns": YAHOO | {"close": "close_price", "adjusted_close": "Adj Close"},
    }
    _raw, cleaned = cleaned_file(path, ["IOO"], source=source, end=dt.date(2024, 12, 31))
    assert cleaned.refused["reason"].to_list() == ["high_below_open_or_close"]
    assert counts(cleaned.gaps.filter(pl.col("symbol") != "*"), "reason", "bars") == {"refused": 1}


@pytest.mark.slow
def test_the_venues_outages():
    """README: BTC and ETH lack the same 122 hours in 27 blocks, the longest of 33 hours on 2018-02-08."""
    source = {"time_column": "date", "columns": LOWER, "symbol_pattern": "^(.+?)-"}
    path = DATA / "crypto" / "binance_1h_long" / "*_USDT-1h.feather"
    _raw, cleaned = cleaned_file(
        path,
        ["BTC_USDT", "ETH_USDT"],
        source=source,
        calendar="24/7",
        interval="1h",
        partition="session",
        start=dt.date(2017, 1, 1),
        end=dt.date(2026, 12, 31),
    )
    assert counts(cleaned.gaps, "symbol", "bars") == {"BTC_USDT": 122, "ETH_USDT": 122}
    assert set(cleaned.gaps["reason"]) == {"venue_outage"}
    btc = cleaned.gaps.filter(symbol="BTC_USDT").sort("first_open_time")
    assert btc.height == 27
    longest = btc.row(btc["bars"].arg_max(), named=True)
    assert longest["bars"] == 33
    assert longest["first_open_time"] == dt.datetime(2018, 2, 8, 1, tzinfo=dt.UTC)
    assert longest["partition"] == "2018-02-09"  # the session in which it is known to be over
    assert sorted(btc["bars"])[-3:] == [10, 10, 33]
    eth = cleaned.gaps.filter(symbol="ETH_USDT").sort("first_open_time")
    assert btc.drop("symbol").equals(eth.drop("symbol"))


PLACES = {"AX": "XASX", "L": "XLON", "T": "XTKS", "DE": "XFRA", "PA": "XPAR", "JO": "XJSE", "ST": "XSTO"}


def yahoo(name):
    path = DATA / "dirty" / "yfinance" / f"{name}.csv"
    length, place = re.search(r"-(1d|1wk|1h|15m)-", path.name).group(1), path.name.split("-")[1]
    source = {
        "time_column": path.read_text().split(",")[0],
        "time_format": "%Y-%m-%d %H:%M:%S%z",
        "columns": YAHOO | {"adjusted_close": "Adj Close"},
    }
    return cleaned_file(
        path,
        [path.stem],
        source=source,
        calendar=PLACES.get(place, "XNYS"),
        interval={"1wk": "1d"}.get(length, length),
        partition="month" if length in {"1d", "1wk"} else "session",
        start=dt.date(2020, 1, 1),
        end=dt.date(2027, 12, 31),
    )


def wrong(served, corrected):
    """Sessions whose prices are not those of the corrected twin."""
    both = served.rows.join(corrected.rows, on="open_time", suffix="_right")
    differs = pl.any_horizontal((pl.col(name) / pl.col(f"{name}_right") - 1).abs() > 0.01 for name in NUMBERS[:4])
    return set(both.filter(differs)["session"])


def doubted(served, cleaned, words=("wrong_unit", "spike")):
    refused = cleaned.refused.filter(pl.col("reason").is_in(words))
    there = served.rows.join(refused, on=["file", "line"], how="semi")["session"]
    return {*there, *cleaned.bars.filter(pl.col("quality").is_in(words))["session"]}


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((DATA / "dirty" / "yfinance").glob("*-fixed.csv")), ids=lambda path: path.stem)
def test_no_corrected_file_is_refused_by_a_finding(path):
    _raw, cleaned = yahoo(path.stem)
    rules = {"high_below_open_or_close", "low_above_open_or_close"}  # SSW's corrected file breaks its bounds four times
    assert set(cleaned.refused["reason"]) <= (rules if path.stem.startswith("SSW") else set())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ASAI-L-1h-bad-unit", "wrong_unit"),
        ("ALPHA-PA-1d-bad-stock-split", "wrong_unit"),
        ("MOB-ST-1d-bad-stock-split", "spike"),
    ],
)
def test_one_wrong_bar_is_found_and_no_other_is_refused(name, code):
    """MOB's one bar at a tenth is what a 10:1 split looks like on its first day: flagged, not refused."""
    (served, cleaned), (corrected, _) = yahoo(name), yahoo(f"{name}-fixed")
    mistaken = wrong(served, corrected)
    assert len(mistaken) == 1
    assert mistaken <= doubted(served, cleaned, (code,))
    assert doubted(served, cleaned, ("wrong_unit",)) <= mistaken


@pytest.mark.slow
def test_a_unit_that_changes_is_refused_until_the_new_one_is_usual():
    """What comes first is what is usual; no method that only looks back can know that it was wrong.

    Of AET, four wrong bars come first, so three right ones are refused until the window holds more right
    ones than wrong; then five wrong ones are refused, until these are usual. SSW's first 22 bars are all
    wrong, so its seven right ones are refused. All are in quarantine, and the check is yellow.
    """
    (served, cleaned), (corrected, _) = yahoo("AET-L-1d-100x-error"), yahoo("AET-L-1d-100x-error-fixed")
    mistaken, refused = wrong(served, corrected), doubted(served, cleaned, ("wrong_unit",))
    assert (len(mistaken), len(refused), len(refused & mistaken)) == (14, 8, 5)
    (served, cleaned), (corrected, _) = yahoo("SSW-JO-1d-100x-error"), yahoo("SSW-JO-1d-100x-error-fixed")
    mistaken, refused = wrong(served, corrected), doubted(served, cleaned, ("wrong_unit",))
    assert (len(mistaken), len(refused), len(refused & mistaken)) == (22, 7, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["4063-T-1d-bad-stock-split", "DEX-AX-1d-bad-stock-split"])
def test_a_split_applied_to_part_of_the_history_is_one_spike_where_it_stops(name):
    """Which side of the step is wrong cannot be told from prices alone; corporate actions can tell."""
    (served, cleaned), (corrected, _) = yahoo(name), yahoo(f"{name}-fixed")
    mistaken = wrong(served, corrected)
    assert doubted(served, cleaned) == {min(served.rows.filter(~pl.col("session").is_in(mistaken))["session"])}
    assert cleaned.refused.is_empty()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["4063-T-1d-bad-div", "8TRA-DE-1d-missing-div-adjust", "EA-15m-no-bad-divs"])
def test_faults_of_dividends_are_not_the_bars(name):
    _served, cleaned = yahoo(name)
    assert set(cleaned.bars["quality"]) == {"ok"}
    assert cleaned.refused.is_empty()

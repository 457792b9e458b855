"""Landed funding, mark prices and books, as venues and as freqtrade deliver them."""

import datetime as dt
import re
from pathlib import Path

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.contracts import FUNDING, MARK_PRICES, QUARANTINE, validate
from tradepipe.derivatives import Landed, aggregate, gaps, read_files, with_funding
from tradepipe.derivatives.aggregation import MARK_PRICE_RULES

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "crypto"
real = pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout")
DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
MS = int(DAY.timestamp() * 1000)
HOUR = 3_600_000


def market_of(*symbols, start=dt.date(2024, 1, 1), end=dt.date(2024, 12, 31), **more):
    told = {"calendar": "24/7", "interval": "1h", "partition": "session", "start": start, "end": end}
    return build_market(symbols=list(symbols), **(told | more))


def landed(folder, name, rows, schema):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    return Landed(name, path)


def funding_file(folder, *rows, name="funding/A/20240101T000000-20240101T160000.parquet"):
    return landed(folder, name, rows, {"symbol": pl.String, "funding_time": pl.Int64, "rate": pl.String})


def test_a_payment_keeps_its_own_time_and_the_one_it_was_due_at(tmp_path):
    file = funding_file(tmp_path, ("A", MS + 8 * HOUR + 3, "0.00010000"))
    row = read_files("funding", [file], market_of("A")).rows.row(0, named=True)
    assert row["paid_at"] == DAY + dt.timedelta(hours=8, milliseconds=3)
    assert row["scheduled_at"] == DAY + dt.timedelta(hours=8)
    assert row["known_at"] == row["paid_at"] + dt.timedelta(minutes=30)
    assert (row["rate"], row["partition"], row["session"]) == (0.0001, "2024-01-01", dt.date(2024, 1, 1))


def test_a_payment_just_before_midnight_belongs_to_the_session_it_was_due_in(tmp_path):
    file = funding_file(tmp_path, ("A", MS + 24 * HOUR - 2, "0.1"))
    row = read_files("funding", [file], market_of("A")).rows.row(0, named=True)
    assert row["session"] == dt.date(2024, 1, 2)
    assert row["known_at"] == DAY + dt.timedelta(days=1, minutes=30)


def test_what_cannot_be_read_is_refused_with_its_reason_and_nothing_is_lost(tmp_path):
    rows = [
        ("A", MS, "0.1"), ("A", MS + 8 * HOUR, "abc"), ("A", MS + 16 * HOUR, None), ("A", MS + 24 * HOUR, "inf"),
        ("B", MS, "0.1"), (None, MS, "0.1"), ("A", None, "0.1"), ("A", 2**62, "0.1"), ("A", -5, "0.1"),
        ("A", MS + 20 * HOUR + 1_800_000, "0.1"), ("A", MS + 32 * HOUR, "7"), ("A", MS + 400 * 24 * HOUR, "0.1"),
    ]  # fmt: skip
    parsed = read_files("funding", [funding_file(tmp_path, *rows)], market_of("A"))
    assert parsed.rows.height == 1
    reasons = dict(parsed.refused.select("line", "reason").rows())
    assert reasons == {
        2: "number_unreadable", 3: "number_unreadable", 4: "number_unreadable", 5: "unknown_symbol",
        6: "symbol_missing", 7: "time_unreadable", 8: "time_unreadable", 9: "time_unreadable",
        10: "off_schedule", 11: "rate_out_of_range", 12: "outside_market_dates",
    }  # fmt: skip
    assert parsed.refused.filter(line=2)["row"][0] == '{"symbol":"A","funding_time":"1704096000000","rate":"abc"}'
    assert parsed.refused["partition"].null_count() == 0
    validate(parsed.refused, QUARANTINE, market="m", layer="funding", partition="-")


def test_a_file_that_is_none_is_refused_as_a_whole(tmp_path):
    (tmp_path / "20240301T000000-20240301T000000.parquet").write_bytes(b"not parquet")
    strange = landed(tmp_path, "b.parquet", [("A",)], {"other": pl.String})
    good = funding_file(tmp_path, ("A", MS, "0.1"))
    broken = Landed("x/20240301T000000-20240301T000000.parquet", tmp_path / "20240301T000000-20240301T000000.parquet")
    parsed = read_files("funding", [broken, strange, good], market_of("A"))
    assert parsed.rows.height == 1
    told = parsed.refused.select("file", "line", "reason", "partition").rows()
    assert told == [
        ("b.parquet", 0, "unreadable_file", "2024-01-01"),
        (broken.name, 0, "unreadable_file", "2024-03-01"),
    ]


def test_a_restatement_stands_and_what_it_replaced_is_kept(tmp_path):
    first = funding_file(tmp_path, ("A", MS, "0.1"), ("A", MS + 8 * HOUR, "0.2"), name="funding/A/1.parquet")
    later = funding_file(tmp_path, ("A", MS, "0.3"), ("A", MS + 8 * HOUR, "0.2"), name="funding/A/2.parquet")
    parsed = read_files("funding", [first, later], market_of("A"))
    assert parsed.rows["rate"].to_list() == [0.3, 0.2]
    assert parsed.refused.select("file", "line", "reason").rows() == [("funding/A/1.parquet", 1, "superseded")]


def test_nothing_landed_is_nothing():
    for layer in ("funding", "mark_prices", "books"):
        parsed = read_files(layer, [], market_of("A"))
        assert parsed.rows.is_empty()
        assert parsed.refused.is_empty()


@pytest.mark.parametrize("layer", ["funding"])
def test_what_a_day_holds_does_not_depend_on_later_ones(layer, tmp_path):
    rows = [("A", MS + k * 8 * HOUR + k % 4, f"0.{k + 1:04d}") for k in range(30)]
    whole = read_files(layer, [funding_file(tmp_path, *rows, name="whole.parquet")], market_of("A")).rows
    again = read_files(layer, [funding_file(tmp_path, *rows[::-1], name="whole.parquet")], market_of("A")).rows
    assert whole.equals(again)
    for cut in range(1, 30, 7):
        part = read_files(layer, [funding_file(tmp_path, *rows[:cut], name="whole.parquet")], market_of("A")).rows
        assert part.equals(whole.head(cut))


def test_books_keep_levels_in_order(tmp_path):
    schema = {"symbol": pl.String, "taken_at": pl.Int64, "sequence": pl.String, "side": pl.String, "level": pl.Int64}
    schema |= {"price": pl.String, "quantity": pl.String}
    rows = [("A", MS + 5, "77", side, level, str(100 - level), "1.5") for side in ("bid", "ask") for level in (0, 1)]
    rows += [("A", MS + 5, "77", "bid", 2, "-1", "1.5"), ("A", MS + 5, "77", "middle", 0, "1", "1.5")]
    parsed = read_files("books", [landed(tmp_path, "book.parquet", rows, schema)], market_of("A"))
    assert parsed.rows.select("side", "level", "price").rows() == [
        ("ask", 0, 100), ("ask", 1, 99), ("bid", 0, 100), ("bid", 1, 99)
    ]  # fmt: skip
    assert parsed.refused["reason"].to_list() == ["price_out_of_range", "side_unknown"]


# -- the real files ------------------------------------------------------------------------------


def stated(folder):
    """What the README says of each funding and mark file: rows, and payments off the exact hour."""
    found = {}
    for line in (DATA / folder / "README.md").read_text().splitlines():
        if match := re.match(
            r"\| `([A-Z]+_USDT_USDT)-8h-(funding_rate|mark).feather` \| [^|]+ \| \d+ \| (\d+) \|", line
        ):
            off = re.search(r"off the exact hour: (\d+)", line)
            found[match[1], match[2]] = int(match[3]), int(off[1]) if off else None
    return found


def feathers(folder, ending):
    paths = sorted((DATA / folder).glob(f"*{ending}.feather"))
    symbols = [path.name.partition("-")[0] for path in paths]
    market = market_of(*symbols, start=dt.date(2019, 1, 1), end=dt.date(2026, 12, 31))
    return [Landed(path.name, path) for path in paths], market


@pytest.mark.slow
@real
def test_the_real_funding_has_the_rows_and_the_jitter_that_its_readme_states():
    files, market = feathers("binance_usdm", "8h-funding_rate")
    parsed = read_files("funding", files, market)
    told = {symbol: counts for (symbol, kind), counts in stated("binance_usdm").items() if kind == "funding_rate"}
    assert len(told) == 14
    off = pl.col("paid_at") != pl.col("scheduled_at")
    counts = parsed.rows.group_by("symbol").agg(pl.len(), off.sum().alias("off"))
    assert {symbol: (rows, late) for symbol, rows, late in counts.rows()} == told
    assert parsed.refused.is_empty()
    assert set(parsed.rows["scheduled_at"].dt.hour()) == {0, 8, 16}
    for partition, part in parsed.rows.partition_by("partition", as_dict=True).items():
        validate(FUNDING.arrange(part), FUNDING, market="m", layer="funding", partition=str(partition))
    first, last = dt.datetime(2025, 3, 6, 16, tzinfo=dt.UTC), dt.datetime(2025, 6, 3, tzinfo=dt.UTC)
    bitcoin = parsed.rows.filter(symbol="BTC_USDT_USDT")
    assert gaps(bitcoin, "scheduled_at", dt.timedelta(hours=8), first, last).is_empty()


@real
def test_no_payment_is_lost_beside_the_bars_though_its_stamp_is_late():
    files, market = feathers("binance_usdm", "8h-funding_rate")
    funding = read_files("funding", files, market).rows
    marks, market = feathers("binance_usdm", "8h-mark")
    bars = read_files("mark_prices", marks, market).rows
    joined = with_funding(bars, funding)
    assert joined["funding_rate"].null_count() == 0  # each of the 14 symbols' mark bars has its payment
    assert joined.height == bars.height == funding.height
    naive = bars.join(funding, left_on=["symbol", "open_time"], right_on=["symbol", "paid_at"])
    assert joined.height - naive.height == sum(off or 0 for _, off in stated("binance_usdm").values())


@real
def test_the_real_mark_prices_have_the_rows_that_their_readme_states():
    files, market = feathers("binance_usdm", "8h-mark")
    parsed = read_files("mark_prices", files, market)
    told = {symbol: rows for (symbol, kind), (rows, _) in stated("binance_usdm").items() if kind == "mark"}
    assert dict(parsed.rows.group_by("symbol").len().rows()) == told
    assert parsed.refused.is_empty()
    assert set(parsed.rows["interval"]) == {"8h"}
    days = aggregate(parsed.rows, "open_time", dt.timedelta(hours=8), dt.timedelta(days=1), MARK_PRICE_RULES).filter(
        pl.col("complete")
    )
    one = days.filter(symbol="BTC_USDT_USDT").row(0, named=True)
    three = parsed.rows.filter(
        pl.col("symbol") == "BTC_USDT_USDT", pl.col("open_time").dt.date() == one["open_time"].date()
    )
    assert (one["open"], one["close"]) == (three["open"][0], three["close"][-1])
    assert (one["high"], one["low"]) == (three["high"].max(), three["low"].min())
    validate(
        MARK_PRICES.arrange(parsed.rows.drop("partition")), MARK_PRICES, market="m", layer="mark_prices", partition="-"
    )


@real
def test_the_long_funding_history_is_complete():
    files, market = feathers("binance_1h_long", "1h-funding_rate")
    rows = read_files("funding", files, market).rows
    assert dict(rows.group_by("symbol").len().rows()) == {"BTC_USDT_USDT": 7323, "ETH_USDT_USDT": 7089}
    assert rows.filter(pl.col("paid_at") != pl.col("scheduled_at")).is_empty()
    assert [round(rate, 6) for rate in (rows["rate"].min(), rows["rate"].max())] == [-0.003563, 0.00375]
    first, last = dt.datetime(2019, 11, 27, 8, tzinfo=dt.UTC), dt.datetime(2026, 5, 17, tzinfo=dt.UTC)
    assert gaps(rows, "scheduled_at", dt.timedelta(hours=8), first, last).is_empty()


@pytest.mark.parametrize("level", ["1.5", "1e300", "9007199254740992", "nan", ""])
def test_a_level_that_is_no_whole_number_is_refused_as_it_was_said(level, tmp_path):
    told = {"symbol": "A", "taken_at": MS, "sequence": "1", "side": "bid", "level": "0", "price": "1", "quantity": "2"}
    path = tmp_path / "book.parquet"
    pl.DataFrame([told, told | {"level": level}]).write_parquet(path)
    parsed = read_files("books", [Landed("m/book/A/book.parquet", path)], market_of("A"))
    assert parsed.rows["level"].to_list() == [0]
    [(line, reason, row)] = parsed.refused.select("line", "reason", "row").rows()
    assert (line, reason) == (2, "number_unreadable")
    assert f'"level":"{level}"' in row

"""Recorded answers of the venues. They are kept beside the checkout; without them these tests are skipped."""

import datetime as dt
import gzip
import json
import tarfile
from pathlib import Path

import polars as pl
import pytest

from tests.ingest_sources.scenes import Time, market_of
from tests.venues import FakeVenue
from tradepipe.ingest.sources import Delivery, Failure, Landed, land
from tradepipe.ingest.sources.venue import VenueSource

PAYLOADS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "venue_payloads"

pytestmark = pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the recorded answers are not beside the checkout")


def binance(path, query=""):
    routes = json.loads(gzip.decompress((PAYLOADS / "gct_binance_http_public.json.gz").read_bytes()))["routes"]
    [found] = [one["data"] for one in routes[path]["GET"] if query in one["queryString"]][:1]
    return found


def packed(venue, name):
    with tarfile.open(PAYLOADS / f"nautilus_{venue}.tar.gz") as archive:
        [member] = [one for one in archive.getmembers() if Path(one.name).name == name]
        return json.load(archive.extractfile(member))


def captured(name):
    """Answers of one of cryptofeed's captures, by address."""
    found = {}
    for line in gzip.decompress((PAYLOADS / name).read_bytes()).decode().splitlines():
        address, arrow, rest = line.partition(" -> ")
        if arrow:
            found[address] = json.loads(rest.partition(": ")[2])
    return found


def fetch(venue, folder, symbols, *, start, now, interval="1h", **fetch):
    """What lands of `symbols` (ours to the venue's), and what failed."""
    time = Time(now / 1000)
    venue.now = lambda: int(time.now * 1000)
    venue.start()
    told = {"kind": "venue", "venue": venue.name, "url": venue.url, "requests_per_second": 1e9, "symbols": symbols}
    partition = "month" if interval == "1d" else "session"
    market = market_of(told | fetch, list(symbols), start=start, interval=interval, partition=partition)
    source = VenueSource(market, environ={}, timing=time.timing)
    found = list(source.deliveries(Landed(folder, market.name)))
    source.close()
    venue.stop()
    land([one for one in found if isinstance(one, Delivery)], folder)
    paths = sorted(folder.rglob("*.parquet"))
    rows = pl.concat([pl.read_parquet(path, glob=False) for path in paths], how="diagonal") if paths else pl.DataFrame()
    return rows, [one for one in found if isinstance(one, Failure)]


@pytest.mark.parametrize(("interval", "query", "count"), [
    ("1h", "endTime=1591880400000", 1000), ("1d", "endTime=1577836799000", 365),
])  # fmt: skip
def test_binance_bars_land_as_they_were_recorded(interval, query, count, tmp_path):
    """BTCUSDT in 2020 and 2019, among the instruments that Binance listed when it was recorded."""
    recorded = binance("/api/v3/klines", f"{query}&interval={interval}&limit=1000")
    instruments = {"/api/v3/exchangeInfo": binance("/api/v3/exchangeInfo")}
    venue = FakeVenue("binance", {"BTCUSDT": "BTC"}, bars={("BTCUSDT", "bars"): recorded}, instruments=instruments)
    start = dt.datetime.fromtimestamp(recorded[0][0] / 1000, dt.UTC).date()
    rows, failed = fetch(
        venue, tmp_path, {"BTCUSDT": "BTCUSDT"}, start=start, now=recorded[-1][0] + 86_400_000, interval=interval
    )
    assert failed == []
    assert rows.height == count
    assert rows.select("open_time", "open", "high", "low", "close", "volume").rows() == [
        tuple(row[:6]) for row in recorded
    ]


def test_binance_funding_lands_with_its_milliseconds(tmp_path):
    recorded = binance("/fapi/v1/fundingRate", "endTime=1580515200000&limit=1000")
    payments = [(one["fundingTime"], one["fundingRate"]) for one in recorded]
    instruments = {"/fapi/v1/exchangeInfo": binance("/fapi/v1/exchangeInfo")}
    venue = FakeVenue("binanceusdm", {"BTCUSDT": "BTC"}, funding={"BTCUSDT": payments}, instruments=instruments)
    rows, failed = fetch(
        venue,
        tmp_path,
        {"BTCUSDT": "BTC/USDT:USDT"},
        start=dt.date(2020, 1, 1),
        now=payments[-1][0] + 1,
        data=("funding",),
        page_bars=2,
    )
    assert failed == []
    assert rows.select("funding_time", "rate").rows() == payments
    assert len(payments) == 6


@pytest.mark.parametrize("venue", ["binance", "binanceusdm"])
def test_binance_books_land_level_by_level(venue, tmp_path):
    path = "/api/v3" if venue == "binance" else "/fapi/v1"
    book = binance(f"{path}/depth", "limit=1000&symbol=BTCUSDT")
    instruments = {f"{path}/exchangeInfo": binance(f"{path}/exchangeInfo")}
    fake = FakeVenue(venue, {"BTCUSDT": "BTC"}, books={"BTCUSDT": book}, instruments=instruments)
    rows, failed = fetch(
        fake, tmp_path, {"BTCUSDT": "BTCUSDT"}, start=dt.date(2021, 1, 1), now=1_611_715_367_999, data=("book",)
    )
    assert failed == []
    assert rows["sequence"].unique().to_list() == [str(book["lastUpdateId"])]
    for side in ("bid", "ask"):
        levels = rows.filter(side=side).sort("level").select("price", "quantity").rows()
        assert levels == [tuple(level) for level in book[f"{side}s"]]


def test_the_captured_books_of_binance_land_for_every_symbol(tmp_path):
    listed = captured("cryptofeed_BINANCE_FUTURES.0.txt.gz")["https://fapi.binance.com/fapi/v1/exchangeInfo"]
    answers = captured("cryptofeed_BINANCE_FUTURES.http.0.0.txt.gz")
    books = {address.partition("symbol=")[2].partition("&")[0]: book for address, book in answers.items()}
    assert len(books) == 4
    instruments = {"/fapi/v1/exchangeInfo": listed}
    fake = FakeVenue("binanceusdm", dict.fromkeys(books, ""), books=books, instruments=instruments)
    rows, failed = fetch(
        fake,
        tmp_path,
        {symbol: symbol for symbol in books},
        start=dt.date(2021, 7, 1),
        now=1_626_992_742_999,
        data=("book",),
    )
    assert failed == []
    assert dict(rows.group_by("symbol").len().rows()) == {
        symbol: len(book["bids"]) + len(book["asks"]) for symbol, book in books.items()
    }


def test_okx_bars_and_books_land_as_recorded(tmp_path):
    """Among all instruments that OKX listed on 2022-05-13."""
    answers = captured("cryptofeed_OKX.0.txt.gz")
    address = "https://www.okx.com/api/v5/public/instruments?instType="
    instruments = {kind: answers[address + kind] for kind in ("SPOT", "SWAP")}
    candles = packed("okx", "http_get_candlesticks_full.json")["data"][::-1]
    book = packed("okx", "http_get_order_book.json")["data"][0]
    fake = FakeVenue(
        "okx",
        {"BTC-USDT-SWAP": "BTC"},
        bars={("BTC-USDT-SWAP", "bars"): [[int(row[0]), *row[1:5], row[6]] for row in candles]},
        books={"BTC-USDT-SWAP": book},
        instruments=instruments,
    )
    symbols, coin = {"BTC": "BTC/USDT:USDT"}, "here/{}/BTC"
    now = int(candles[-1][0]) + 60_000
    _, failed = fetch(
        fake,
        tmp_path,
        symbols,
        start=dt.date(2025, 5, 12),
        now=now,
        interval="1m",
        data=("bars", "book"),
        workers=2,
    )
    assert failed == []
    bars = pl.read_parquet(tmp_path / coin.format("bars") / "*.parquet")
    assert bars.select("open_time", "open", "volume").rows() == [(int(row[0]), row[1], row[6]) for row in candles]
    book_rows = pl.read_parquet(tmp_path / coin.format("book") / "*.parquet")
    assert book_rows.select("price", "quantity").rows() == [
        tuple(level[:2]) for side in ("bids", "asks") for level in book[side]
    ]


def test_bybit_bars_land_as_recorded(tmp_path):
    candles = packed("bybit", "http_get_klines_linear.json")["result"]["list"]
    [row] = candles
    opened = int(row[0]) // 60_000 * 60_000  # the sample's time is no bar's open
    fake = FakeVenue(
        "bybit",
        {"BTCUSDT": "BTC"},
        created=opened,
        bars={("BTCUSDT", "bars"): [[opened, *row[1:6]]]},
    )
    rows, failed = fetch(
        fake,
        tmp_path,
        {"BTCUSDT": "BTC/USDT:USDT"},
        start=dt.date(2024, 3, 8),
        now=opened + 60_000,
        interval="1m",
        data=("bars",),
    )
    assert failed == []
    assert rows.rows() == [("BTCUSDT", opened, *row[1:6])]


@pytest.mark.parametrize("name", ["okx", "bybit"])
def test_funding_and_books_of_okx_and_bybit_land_as_recorded(name, tmp_path):
    history = packed(
        name, {"okx": "http_get_funding_rate_history.json", "bybit": "http_get_funding_history.json"}[name]
    )
    told = history["data"] if name == "okx" else history["result"]["list"]
    time = {"okx": "fundingTime", "bybit": "fundingRateTimestamp"}[name]
    payments = sorted((int(one[time]), one["fundingRate"]) for one in told)
    coin = {"okx": "BTC-USDT-SWAP", "bybit": "BTCUSDT"}[name]
    book = packed(name, {"okx": "http_get_order_book.json", "bybit": "http_get_orderbook.json"}[name])
    book = book["data"][0] if name == "okx" else book["result"]
    fake = FakeVenue(name, {coin: "BTC"}, funding={coin: payments}, books={coin: book})
    start = dt.datetime.fromtimestamp(payments[0][0] / 1000, dt.UTC).date()
    symbols = {"BTC": "BTC/USDT:USDT"}
    now = payments[-1][0] + 60_000
    _, failed = fetch(fake, tmp_path / "a", symbols, start=start, now=now, data=("funding",))
    assert failed == []
    rows = pl.read_parquet(tmp_path / "a" / "here/funding/BTC" / "*.parquet")
    assert rows.select("funding_time", "rate").rows() == payments
    fake = FakeVenue(name, {coin: "BTC"}, books={coin: book})
    rows, failed = fetch(fake, tmp_path / "b", symbols, start=start, now=now, data=("book",))
    assert failed == []
    levels = [tuple(level[:2]) for side in (("bids", "asks") if name == "okx" else ("b", "a")) for level in book[side]]
    assert rows.select("price", "quantity").rows() == levels
    assert set(rows["taken_at"]) == {int(book["ts"])}

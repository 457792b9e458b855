"""Real vendor deliveries, worked in day by day, against what plain polars says was the last word on each day.

The vendor delivers each session twice, restates some of it, repeats a file within itself and leaves
one empty. The oracle knows none of the chain: of each symbol and session, the last delivered row.
"""

import datetime as dt
import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.bars import clean_bars
from tradepipe.chain import LandingIndex, LayerRun
from tradepipe.contracts import BARS_HISTORY
from tradepipe.markets import Market
from tradepipe.settings.models import CleaningSettings
from tradepipe.settings.sources import DeliverySettings, FileSource
from tradepipe.store import PartitionStore

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "equities"
KEY = ["symbol", "session"]
NUMBERS = ["open", "high", "low", "close", "volume"]
COLUMNS = {name: name for name in NUMBERS} | {"adjusted_close": "adj_close"}
NEW_YORK = ZoneInfo("America/New_York")
EVENING = dt.time(23)  # the vendor publishes a session's file after its close

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="the folder of real deliveries is not beside the checkout"),
]


def evening(day: str) -> dt.datetime:
    return dt.datetime.combine(dt.date.fromisoformat(day), EVENING, NEW_YORK).astimezone(dt.UTC)


def market_of(symbols, partition: str, pattern: str, delivered: DeliverySettings) -> Market:
    return build_market(
        symbols=sorted(symbols),
        start=dt.date(2015, 3, 1),
        end=dt.date(2017, 3, 31),
        partition=partition,
        cleaning=CleaningSettings(refuse=()),
        source=FileSource(
            pattern=pattern, symbol_column="symbol", time_column="date", columns=COLUMNS, delivered=delivered
        ),
    )


def good(rows: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Rows that can be bars, said once more and independently: a session, prices in order and above zero."""
    sessions = market.calendar.sessions(dt.date(2015, 3, 1), dt.date(2017, 3, 31))
    prices = pl.min_horizontal(*NUMBERS[:4]) > 0
    order = (pl.col("high") == pl.max_horizontal(*NUMBERS[:4])) & (pl.col("low") == pl.min_horizontal(*NUMBERS[:4]))
    return rows.filter(pl.col("session").is_in(sessions), prices, order)


def last_words(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each symbol and session, the row that was delivered last; `rows` are in the order of delivery."""
    return rows.unique(KEY, keep="last").sort(KEY).select(*KEY, *NUMBERS)


def told(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.sort(KEY).select(*KEY, *NUMBERS)


def work_in(folder: Path, market: Market, store: PartitionStore, keys: list[str]) -> None:
    """What the assets of raw bars and bars do, for the partitions `keys`."""
    index = LandingIndex.read(folder, market, store)
    raw_run = LayerRun(store, market, "raw_bars", keys)
    raw = index.rows_of(keys)
    index.keep(store, None)
    raw_run.publish(raw.rows, refused=raw.refused, inputs={key: index.inputs(key) for key in keys})
    run = LayerRun(store, market, "bars", keys)
    cleaned = clean_bars(run.place(run.read("raw_bars")), market)
    run.publish(cleaned.bars, refused=cleaned.refused, beside={"history": (BARS_HISTORY, cleaned.history)})


def open_store(folder: Path) -> PartitionStore:
    return PartitionStore.open(folder / "store", f"sqlite:///{folder / 'catalogue.sqlite'}", dt.timedelta(hours=1))


@pytest.fixture(scope="module")
def delivered_rows() -> pl.DataFrame:
    """Every row of the daily files, in the order of delivery, with `day` and `line`; plain polars."""
    parts = []
    for path in sorted((DATA / "pystock_drops").glob("*_prices.csv.gz")):
        try:
            rows = pl.read_csv(path, infer_schema=False)
        except pl.exceptions.NoDataError:  # the vendor's empty file
            continue
        parts.append(rows.with_row_index("line", offset=2).with_columns(day=pl.lit(path.name[:8])))
    rows = pl.concat(parts).filter(pl.col("symbol") != "symbol")  # a header in the middle of a file
    return rows.with_columns(
        pl.col(*NUMBERS, "adj_close").cast(pl.Float64), session=pl.col("date").str.to_date("%Y-%m-%d")
    )


@pytest.fixture(scope="module")
def drops(delivered_rows, tmp_path_factory):
    """All 26 files, one a day; after each, what bars said then and the content of each session's partition."""
    folder = tmp_path_factory.mktemp("drops")
    (folder / "landing").mkdir()
    delivered = DeliverySettings(by="file_name", pattern=r"(\d{8})_prices", time=EVENING)
    market = market_of(set(delivered_rows["symbol"]), "session", "*_prices.csv.gz", delivered)
    store, seen = open_store(folder), {}
    for path in sorted((DATA / "pystock_drops").glob("*_prices.csv.gz")):
        shutil.copy(path, folder / "landing" / path.name)
        day = path.name[:8]
        sessions = good(delivered_rows.filter(day=day), market)["session"].unique().sort()
        keys = [str(session) for session in sessions]
        if keys:
            work_in(folder / "landing", market, store, keys)
        contents = {key: one.content for key, one in store.catalogue.current("here/bars").items()}
        seen[day] = (keys, contents)
    return market, store, seen


def test_every_delivered_row_of_a_known_session_is_kept(drops, delivered_rows):
    market, store, _ = drops
    raw = store.read("here/raw_bars")
    sessions = market.calendar.sessions(dt.date(2015, 3, 1), dt.date(2015, 7, 31))
    assert raw.height == delivered_rows.filter(pl.col("session").is_in(sessions)).height
    once = raw.filter(pl.col("file") == "20150406_prices.csv.gz")
    # The README counts 24,170 repeated keys and 24,151 whole repeated rows in this file, 68 rows off the calendar.
    of_file = delivered_rows.filter(day="20150406")
    assert of_file.height == 36_260
    assert of_file.height - of_file.unique(KEY).height == 24_170
    assert of_file.height - of_file.drop("line").unique().height == 24_151
    assert of_file.height - once.height == 68


def test_as_of_each_day_bars_are_the_last_words_until_then(drops, delivered_rows):
    market, store, seen = drops
    words = good(delivered_rows, market)
    for day in seen:
        expected = last_words(words.filter(pl.col("day") <= day))
        assert told(store.read("here/bars", as_of=evening(day))).equals(expected)
        # A moment before the delivery nothing of it was known.
        before = last_words(words.filter(pl.col("day") < day))
        assert told(store.read("here/bars", as_of=evening(day) - dt.timedelta(seconds=1))).equals(before)


def test_a_restatement_makes_other_content_and_a_repetition_makes_none(drops, delivered_rows):
    market, _, seen = drops
    words = good(delivered_rows, market)
    restated = repeated = 0
    before: dict[str, str] = {}
    for day, (keys, contents) in seen.items():
        for key in set(keys) & set(before):
            of_session = words.filter(pl.col("session") == dt.date.fromisoformat(key))
            was = last_words(of_session.filter(pl.col("day") < day))
            now = last_words(of_session.filter(pl.col("day") <= day))
            assert (contents[key] != before[key]) == (not was.equals(now))
            restated, repeated = restated + (not was.equals(now)), repeated + was.equals(now)
        before = contents
    assert restated >= 10
    assert restated + repeated >= 17


def test_a_repeated_delivery_does_not_fill_the_quarantine(drops, delivered_rows):
    """What is refused is what one file says twice, and rows that are no bars: not the overlap of two files."""
    market, store, _ = drops
    refused = store.read("here/bars.quarantine").group_by("reason").len()
    counts = dict(zip(refused["reason"], refused["len"], strict=True))
    words = good(delivered_rows, market)
    spoken = words.unique([*KEY, "day"], keep="last", maintain_order=True)
    agreeing = words.join(spoken, on=[*KEY, "day", *NUMBERS], how="semi")
    repeats = agreeing.height - spoken.height
    assert counts["duplicate_row"] == repeats
    assert counts["superseded_row"] == words.height - agreeing.height
    overlap = spoken.height - spoken.unique(KEY).height
    assert overlap > 100_000
    assert set(store.read("here/bars.quarantine").filter(reason="duplicate_row")["file"]) == {"20150406_prices.csv.gz"}


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """The point-in-time panel: one file with the day of delivery in a column."""
    folder = tmp_path_factory.mktemp("panel")
    shutil.copytree(DATA / "pystock_panel", folder / "landing")
    rows = pl.read_parquet(DATA / "pystock_panel" / "panel_84_symbols.parquet").with_columns(
        pl.col("volume").cast(pl.Float64), session=pl.col("date").str.to_date("%Y-%m-%d")
    )
    delivered = DeliverySettings(by="column", column="drop", time=EVENING)
    market = market_of(set(rows["symbol"]), "month", "*.parquet", delivered)
    store = open_store(folder)
    keys = market.partitions.keys("2015-03", "2017-03")
    work_in(folder / "landing", market, store, keys)
    return market, store, rows


def test_the_panel_holds_what_its_readme_counts(panel):
    market, store, rows = panel
    raw = store.read("here/raw_bars")
    assert rows.height == 83_569
    # The README's 6 days off the calendar came in 12 rows, 4 of them whole repetitions.
    off = store.read("here/raw_bars.quarantine")
    assert set(off["reason"]) == {"not_a_session"}
    off = rows.join(raw.select(KEY), on=KEY, how="anti")
    assert (off.height, off.unique(KEY).height, off.height - off.unique().height) == (12, 6, 4)
    assert raw.height == 83_569 - 12
    changed = {
        name: (raw.group_by(KEY).agg(pl.col(name).n_unique())[name] > 1).sum()
        for name in ("close", "volume", "adjusted_close")
    }
    assert changed == {"close": 73, "volume": 4003, "adjusted_close": 607}
    assert raw.height - raw.drop("line").unique().height == 328 - 4
    # Of the 11 days whose last word is no price, one is off the calendar.
    last = raw.sort("delivered_at", "line").unique(KEY, keep="last")
    assert last.filter(pl.min_horizontal(*NUMBERS[:4]) <= 0).height == 11 - 1
    refused = store.read("here/bars.quarantine")["reason"].value_counts()
    repeated = good(rows, market)  # the others repeat a row that is no bar
    assert dict(refused.rows())["duplicate_row"] == repeated.height - repeated.unique().height == 320
    assert "superseded_row" not in refused["reason"]
    # A version follows where a number of the bar changed; a changed adj_close alone is none.
    words = good(rows, market).sort(*KEY, "drop", maintain_order=True)
    new = pl.any_horizontal([pl.col(name) != pl.col(name).shift(1).over(KEY) for name in NUMBERS])
    assert store.read("here/bars.history").height == words.filter(new.fill_null(value=False)).height


def test_as_of_each_of_511_deliveries_the_panel_is_the_last_word_until_then(panel):
    market, store, rows = panel
    words = good(rows, market).with_columns(month=pl.col("session").dt.strftime("%Y-%m"))
    days = sorted(set(rows["drop"]))
    assert len(days) == 511
    for number, day in enumerate(days):
        known = words.filter(pl.col("drop") <= day)
        # The months that a delivery can speak of; every fiftieth day all of them.
        months = sorted(set(known.filter(drop=day)["month"])) if number % 50 else None
        expected = last_words(known if months is None else known.filter(pl.col("month").is_in(months)))
        assert told(store.read("here/bars", months, as_of=evening(day))).equals(expected)


def test_cleaning_what_was_known_then_gives_what_an_as_of_read_gives(panel):
    market, store, _ = panel
    raw = store.read("here/raw_bars").with_columns(market.partitions.key_expr().alias("partition"))
    for day in ("20150409", "20160104", "20161121", "20170331"):
        now = evening(day)
        cleaned = clean_bars(raw.filter(pl.col("known_at") <= now), market)
        then = store.read("here/bars", as_of=now)
        assert then.equals(cleaned.bars.drop("partition"))
        assert then["known_at"].max() <= now

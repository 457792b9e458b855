"""The landing index: when files arrived, what their bytes said before, and no byte read twice."""

import datetime as dt
import hashlib
import os
import shutil
from pathlib import Path

import polars as pl
import pytest

from tests.markets.building import build_market
from tradepipe.bars.versions import settle
from tradepipe.chain import LandingIndex, LayerRun
from tradepipe.ingest import landing, raw_bars, scan
from tradepipe.markets import Market
from tradepipe.settings.sources import DeliverySettings, FileSource
from tradepipe.store import PartitionStore

UTC = dt.UTC
MONDAY = dt.datetime(2018, 6, 11, 9, tzinfo=UTC)
KEY = "2018-06"
HEADER = "Symbol,Date,Open,High,Low,Close,Volume\n"


def at(day: int) -> dt.datetime:
    return MONDAY + dt.timedelta(days=day)


@pytest.fixture
def store(tmp_path: Path) -> PartitionStore:
    return PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'catalogue.sqlite'}", dt.timedelta(hours=1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing"


def market_by(by: str) -> Market:
    source = FileSource(pattern="*.csv", symbol_column="Symbol", delivered=DeliverySettings(by=by))
    return build_market(source=source)


def deliver(folder: Path, close: float, name: str = "june.csv", more: str = "") -> Path:
    file = folder / name
    file.write_text(f"{HEADER}SPX,2018-06-05,10,20,5,{close},100\n{more}")
    return file


def work_in(folder: Path, market: Market, store: PartitionStore, now: dt.datetime, key: str = KEY) -> LandingIndex:
    """What the asset of raw bars does."""
    index = LandingIndex.read(folder, market, store, now=now)
    run = LayerRun(store, market, "raw_bars", [key])
    raw = index.rows_of([key])
    index.keep(store, None)
    run.publish(raw.rows, refused=raw.refused, inputs={key: index.inputs(key)})
    return index


def arrivals(store: PartitionStore) -> dict[str, dt.datetime]:
    rows = store.read("here/landing").filter(pl.col("replaced_at").is_null())
    return dict(zip(rows["file"], rows["arrived_at"], strict=True))


def test_a_file_arrives_once(folder, store):
    market = market_by("bar_close")
    deliver(folder, 10)
    work_in(folder, market, store, at(0))
    again = work_in(folder, market, store, at(1))
    assert arrivals(store) == {"june.csv": at(0)}
    assert [file.arrived_at for file in again.files] == [at(0)]
    assert not again.has_news


def test_other_bytes_and_other_names_are_arrivals_of_their_own(folder, store):
    market = market_by("bar_close")
    first = deliver(folder, 10)
    work_in(folder, market, store, at(0))
    shutil.copy(first, folder / "same.csv")
    work_in(folder, market, store, at(1))
    deliver(folder, 11)
    work_in(folder, market, store, at(2))
    assert arrivals(store) == {"june.csv": at(2), "same.csv": at(1)}


def test_the_arrival_outlives_a_change_of_how_files_are_read(folder, store):
    deliver(folder, 10)
    work_in(folder, market_by("bar_close"), store, at(0))
    later = build_market(symbols=["SPX"], source=market_by("arrival").settings.source)
    index = work_in(folder, later, store, at(3))
    assert index.unread.rows.height == 1  # read again
    assert arrivals(store) == {"june.csv": at(0)}


def test_where_arrival_counts_replaced_bytes_stay_known(folder, store):
    """The same file says A, then B, then A again: three versions, each true from its arrival."""
    market = market_by("arrival")
    for day, close in enumerate((10, 11, 10)):
        deliver(folder, close)
        work_in(folder, market, store, at(day))
    raw = store.read("here/raw_bars")
    assert sorted(raw.select("close", "delivered_at").rows(), key=lambda row: row[1]) == [
        (10, at(0)),
        (11, at(1)),
        (10, at(2)),
    ]
    found = settle(raw)
    assert found.current.select("close", "known_at").rows() == [(10, at(2))]
    assert found.history.select("close", "known_at", "superseded_at").rows() == [(10, at(0), at(1)), (11, at(1), at(2))]
    assert store.read("here/raw_bars", as_of=at(1))["close"].to_list() == [10, 11]


def test_what_was_replaced_stays_through_further_runs_and_is_named_in_the_lineage(folder, store):
    market = market_by("arrival")
    old = hashlib.sha256(deliver(folder, 10).read_bytes()).hexdigest()
    work_in(folder, market, store, at(0))
    deliver(folder, 11)
    work_in(folder, market, store, at(1))
    before = store.read("here/raw_bars")
    index = work_in(folder, market, store, at(2))
    assert not index.has_news
    assert store.read("here/raw_bars").equals(before)
    assert before.height == 2
    generation = store.catalogue.current("here/raw_bars")[KEY]
    assert generation.number == 2  # nothing new was said by the third run
    named = {one.partition: one.content for one in store.catalogue.inputs([generation.id])[generation.id]}
    assert old in named.values()
    assert len(named) == 2


def test_a_removed_file_was_known_where_arrival_counts_and_is_gone_where_it_does_not(folder, store):
    for by, left in (("arrival", [10.0]), ("bar_close", [])):
        market = market_by(by)
        deliver(folder, 10).touch()
        work_in(folder, market, store, at(0))
        (folder / "june.csv").unlink()
        work_in(folder, market, store, at(1))
        assert store.read("here/raw_bars")["close"].to_list() == left


def test_without_arrival_the_bytes_that_are_there_are_the_whole_truth(folder, store):
    market = market_by("bar_close")
    for day, close in enumerate((10, 11)):
        deliver(folder, close)
        work_in(folder, market, store, at(day))
    raw = store.read("here/raw_bars")
    assert raw.select("close", "delivered_at").rows() == [(11, None)]


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """Names of the files whose bytes were read, as it happens."""
    names: list[str] = []
    honest = hashlib.file_digest

    def digest(file, kind):
        names.append(Path(file.name).name)
        return honest(file, kind)

    monkeypatch.setattr(landing.hashlib, "file_digest", digest)
    return names


def age(file: Path) -> None:
    """Wait until the file is older than the (shortened) tick."""
    while file.stat().st_ctime_ns + 20_000_000 > dt.datetime.now(UTC).timestamp() * 1e9:
        pass


@pytest.fixture
def short_tick(monkeypatch):
    monkeypatch.setattr("tradepipe.chain.landing._TICK_NS", 20_000_000)


@pytest.mark.usefixtures("short_tick")
def test_a_file_that_has_not_changed_is_hashed_once(folder, store, hashed):
    market = market_by("bar_close")
    age(deliver(folder, 10))
    work_in(folder, market, store, at(0))
    assert hashed
    hashed.clear()
    index = work_in(folder, market, store, at(1))
    assert hashed == []
    assert index.files[0].sha256 == hashlib.sha256((folder / "june.csv").read_bytes()).hexdigest()


@pytest.mark.usefixtures("short_tick")
def test_other_bytes_of_the_same_size_and_time_are_seen(folder, store):
    market = market_by("bar_close")
    file = deliver(folder, 10)
    age(file)
    work_in(folder, market, store, at(0))
    before = file.stat()
    deliver(folder, 11)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    work_in(folder, market, store, at(1))
    assert store.read("here/raw_bars")["close"].to_list() == [11]


def test_a_file_written_just_now_is_not_known_by_its_times(folder, store, hashed):
    """A second write within one tick of the clock would leave them as they are."""
    market = market_by("bar_close")
    deliver(folder, 10)
    work_in(folder, market, store, at(0))
    hashed.clear()
    work_in(folder, market, store, at(1))
    assert hashed == ["june.csv"]


@pytest.mark.slow
def test_an_index_of_many_files_costs_no_lineage_row_a_file(folder, store):
    market = market_by("bar_close")
    for n in range(300):
        deliver(folder, 10, name=f"{n:04}.csv")
    work_in(folder, market, store, at(0))
    deliver(folder, 11, name="9999.csv")
    index = work_in(folder, market, store, at(1))
    assert [file.name for file in index.files if file.arrived_at == at(1)] == ["9999.csv"]
    generation = store.catalogue.current("here/landing")["index"]
    assert len(store.catalogue.inputs([generation.id])[generation.id]) == 1


@pytest.mark.slow
def test_raw_bars_up_to_a_moment_come_from_deliveries_up_to_it(folder, tmp_path):
    """Truncation: later deliveries and later lines change no row that came before."""
    days = [f"2018-06-{day:02}" for day in range(4, 16) if day not in (9, 10)]
    market = market_by("arrival")
    stores = [
        PartitionStore.open(tmp_path / name, f"sqlite:///{tmp_path / name}.sqlite", dt.timedelta(hours=1))
        for name in ("whole", "part")
    ]
    for store, count in zip(stores, (len(days), 6), strict=True):
        for file in folder.glob("*.csv"):
            file.unlink()
        for n, day in enumerate(days[:count]):
            # Each delivery repeats the session before it, and restates it.
            again = f"SPX,{days[n - 1]},10,20,5,{11 + n},100\n" if n else ""
            (folder / f"{day}.csv").write_text(f"{HEADER}SPX,{day},10,20,5,{10 + n},100\n{again}")
            work_in(folder, market, store, at(n))
    whole, part = (store.read("here/raw_bars") for store in stores)
    cut = at(5)
    assert whole.filter(pl.col("delivered_at") <= cut).equals(part)
    assert stores[0].read("here/raw_bars", as_of=cut).equals(part.filter(pl.col("known_at") <= cut))
    assert part.height == 11


@pytest.mark.slow
def test_raw_bars_of_the_first_lines_are_the_first_raw_bars(folder, delivered):
    """Truncation within files: at every cut, what is read of a line does not depend on the lines below it."""
    market = build_market(source=FileSource(pattern="*.csv", symbol_column="Symbol"))
    text = (delivered / "landing" / "us_indices" / "2018-06.csv").read_text().splitlines(keepends=True)
    (folder / "june.csv").write_text("".join(text))
    whole = raw_bars(scan(folder, "*.csv"), market).rows.drop("file_sha256")
    assert whole.height == len(text) - 1
    for cut in range(2, len(text) + 1):
        (folder / "june.csv").write_text("".join(text[:cut]))
        part = raw_bars(scan(folder, "*.csv"), market).rows.drop("file_sha256")
        assert part.equals(whole.filter(pl.col("line") <= cut))

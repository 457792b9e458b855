"""Files appear whole or not at all, and nothing that landed is ever changed."""

import datetime as dt
import threading

import pytest

from tests.ingest_sources.scenes import files, market_of
from tradepipe.ingest.landing import scan
from tradepipe.ingest.sources import Delivery, UnsafeNameError, ingesting, land
from tradepipe.ingest.sources.landed import Landed, folder_of, marked, span_name


def test_the_same_bytes_again_change_nothing(tmp_path):
    [path] = land([Delivery("m/a.csv", b"one")], tmp_path)
    before = path.stat()
    assert land([Delivery("m/a.csv", b"one")], tmp_path) == []
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ino, before.st_size) == (after.st_mtime_ns, after.st_ino, after.st_size)


def test_other_bytes_under_a_name_land_beside_it(tmp_path):
    land([Delivery("m/a.csv.gz", text) for text in (b"one", b"two", b"three", b"two", b"one")], tmp_path)
    found = files(tmp_path)
    assert list(found.values()) == [b"one", b"two", b"three", b"two", b"one"]  # by name: the last word is last
    assert found["m/a.csv.gz"] == b"one"
    assert all(name.startswith("m/a") and name.endswith(".csv.gz") for name in found)


def test_a_file_of_ours_may_be_the_content(tmp_path):
    (tmp_path / "draft").write_bytes(b"large")
    land([Delivery("m/a.csv", tmp_path / "draft")], tmp_path / "landing")
    assert files(tmp_path / "landing") == {"m/a.csv": b"large"}


def test_the_objects_time_is_the_files(tmp_path):
    moment = dt.datetime(2020, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    [path] = land([Delivery("m/a.csv", b"one", modified=moment)], tmp_path)
    assert path.stat().st_mtime == moment.timestamp()


@pytest.mark.parametrize("name", ["../a.csv", "/etc/a.csv", "m/../../a.csv", ""])
def test_no_name_leads_out_of_the_landing_folder(name, tmp_path):
    with pytest.raises(UnsafeNameError, match="below the landing folder"):
        land([Delivery(name, b"one")], tmp_path / "landing")
    assert list(tmp_path.rglob("*.csv")) == []


def test_an_unwritable_folder_loses_nothing_that_landed(tmp_path, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    land([Delivery("m/a.csv", b"one")], tmp_path)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        land([Delivery("m/b.csv", b"two")], tmp_path)
    assert files(tmp_path) == {"m/a.csv": b"one"}  # nor is there a draft


def test_what_is_still_being_landed_is_not_there_yet(tmp_path):
    seen = []
    land([Delivery("m/a", b"one")], tmp_path, checkpoint=lambda _: seen.append([f.name for f in scan(tmp_path, "m/*")]))
    assert seen == [[], ["m/a"]]


def test_workers_that_land_at_once_keep_everything(tmp_path):
    texts = [f"text {number % 5}".encode() for number in range(40)]
    threads = [threading.Thread(target=land, args=([Delivery("m/a.csv", text)], tmp_path)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(files(tmp_path).values()) == set(texts)


def test_names_are_marked_before_their_endings():
    assert marked("a/b.csv.gz", "0123456789ab") == "a/b~0123456789ab.csv.gz"
    assert marked("b", "0123456789ab") == "b~0123456789ab"


@pytest.mark.parametrize("symbol", ["BTC/USDT:USDT", "..", ".hidden", "a b"])
def test_any_symbol_is_one_safe_folder(symbol, tmp_path):
    folder = folder_of("m", "bars", symbol)
    assert folder.count("/") == 2
    assert (tmp_path / folder).resolve().parent == (tmp_path / "m" / "bars").resolve()
    when = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    land([Delivery(f"{folder}/{span_name(when, when)}", b"x")], tmp_path)
    assert Landed(tmp_path, "m").newest("bars", symbol) == when


@pytest.mark.parametrize("name", ["../a.csv", "n" * 300 + ".csv", "taken/a.csv", "folder", "a\0b.csv"])
def test_an_object_whose_name_fits_no_file_is_named_and_stops_nobody(name, tmp_path, monkeypatch):
    (tmp_path / "taken").write_bytes(b"a file")
    (tmp_path / "folder").mkdir()

    class Bucket:
        def deliveries(self, _landed, *, limit=None):
            yield from [Delivery(name, b"one"), Delivery("m/b.csv", b"two")][:limit]

        def close(self):
            pass

    monkeypatch.setattr(ingesting, "source_of", lambda *_: Bucket())
    done = ingesting.ingest(market_of({"kind": "s3", "url": "s3://b/p"}, ["C00"]), None, tmp_path)
    assert [path.name for path in done.landed] == ["b.csv"]
    [failure] = done.failures
    assert "no name for a file" in str(failure)
    assert len(str(failure)) < 1000
    assert [path for path in tmp_path.rglob("*") if path.suffix == ".partial"] == []

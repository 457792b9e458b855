import importlib.util
import math

import polars as pl
import pytest

from tradepipe.ingest import VendorDataError, raw_bars, scan, vendor, write_demo_files
from tradepipe.settings.sources import FileSource


@pytest.fixture(scope="module")
def landing(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landing")
    return folder, write_demo_files(folder)


def test_one_delivery_a_month_with_both_symbols(landing):
    folder, paths = landing
    assert [path.name for path in (paths[0], paths[-1])] == ["1999-01.csv", "2018-12.csv"]
    assert len(paths) == 240
    assert sorted((folder / "us_indices").iterdir()) == paths
    assert paths[0].read_text().splitlines()[:3] == [
        "Symbol,Date,Open,High,Low,Close,Adj Close,Volume",
        "IXIC,1999-01-04,2207.540039,2233.570068,2192.679932,2208.050049,2208.050049,936660000",
        "SPX,1999-01-04,1229.22998,1248.810059,1219.099976,1228.099976,1228.099976,877000000",
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # arch and pandas, on import
def test_values_are_those_the_package_loads(landing):
    import arch.data.nasdaq
    import arch.data.sp500

    folder, _paths = landing
    written = pl.read_csv(folder / "us_indices" / "*.csv", try_parse_dates=True)
    for symbol, loaded in (("SPX", arch.data.sp500.load()), ("IXIC", arch.data.nasdaq.load())):
        ours = written.filter(pl.col("Symbol") == symbol).sort("Date")
        assert ours["Date"].to_list() == [stamp.date() for stamp in loaded.index]
        for name in ("Open", "High", "Low", "Close", "Adj Close", "Volume"):
            assert ours[name].to_list() == loaded[name].tolist()


def test_every_row_of_the_demo_is_a_raw_bar(landing, market):
    folder, _paths = landing
    here = market(source=FileSource(pattern="us_indices/*.csv", symbol_column="Symbol"))
    raw = raw_bars(scan(folder, here.settings.source.pattern), here)
    assert raw.rows.height == 10_062
    assert raw.refused.is_empty()
    assert raw.rows["partition"].n_unique() == 240
    last = raw.rows.filter((pl.col("symbol") == "SPX") & (pl.col("partition") == "2018-12")).row(-1, named=True)
    assert math.isclose(last["close"], 2506.850098, rel_tol=0)


def test_written_again_nothing_is_touched_and_a_changed_file_is_mended(tmp_path):
    paths = write_demo_files(tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
    content = paths[7].read_bytes()
    paths[7].write_text("half a deliv")
    write_demo_files(tmp_path)
    after = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in paths}
    assert {path for path in paths if before[path] != after[path]} == {paths[7]}
    assert paths[7].read_bytes() == content
    assert len(list((tmp_path / "us_indices").iterdir())) == 240


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    paths = write_demo_files(tmp_path)
    paths[0].write_text("old")

    def no_sync(_descriptor):
        raise OSError("no space left")

    monkeypatch.setattr(vendor.os, "fsync", no_sync)
    with pytest.raises(OSError, match="no space left"):
        write_demo_files(tmp_path)
    assert paths[0].read_text() == "old"
    assert len(list((tmp_path / "us_indices").iterdir())) == 240


def test_without_the_package_the_error_names_it(tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "arch" else find_spec(name))
    with pytest.raises(VendorDataError, match="package `arch`, which is not installed"):
        write_demo_files(tmp_path)

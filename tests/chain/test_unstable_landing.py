"""Files that move while they are looked at: nothing is taken for read that was not, and no file stops the others."""

import datetime as dt
from pathlib import Path

import pytest

from tests.markets.building import build_market
from tradepipe.chain import LandingIndex
from tradepipe.chain.landing import LandingChangedError
from tradepipe.ingest import LandingError, scan
from tradepipe.store import PartitionStore

KEY = "2018-06"
MARKET = build_market(symbols=["SPX"])
HEADER = "Symbol,Date,Open,High,Low,Close,Volume\n"


@pytest.fixture
def store(tmp_path: Path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", dt.timedelta(hours=1)) as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    for name, day in (("a.csv", 5), ("b.csv", 6)):
        (tmp_path / "landing" / name).write_text(f"{HEADER}SPX,2018-06-0{day},10,20,5,10,100\n")
    return tmp_path / "landing"


@pytest.mark.parametrize("broken", ["other bytes", "not there"])
def test_a_file_that_moved_while_it_was_read_is_read_again_even_if_its_old_bytes_come_back(folder, store, broken):
    text = (folder / "b.csv").read_text()
    index = LandingIndex.read(folder, MARKET, store)
    if broken == "other bytes":
        (folder / "b.csv").write_text(text[:-4])
    else:
        (folder / "b.csv").unlink()
    assert index.has_news  # what the sensor asks before it keeps the index
    index.keep(store, None)
    with pytest.raises(LandingChangedError, match=r"b\.csv"):
        index.rows_of([KEY])
    (folder / "b.csv").write_text(text)
    again = LandingIndex.read(folder, MARKET, store)
    assert again.rows_of([KEY]).rows["file"].to_list() == ["a.csv", "b.csv"]
    again.keep(store, None)
    assert not LandingIndex.read(folder, MARKET, store).has_news


def test_a_file_that_vanishes_while_the_folder_is_listed_is_not_there(folder, monkeypatch):
    plain = Path.open

    def opened(path, *arguments, **named):
        if path.name == "a.csv":
            path.unlink(missing_ok=True)
        return plain(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", opened)
    assert [file.name for file in scan(folder, "*.csv")] == ["b.csv"]


def test_a_file_that_may_not_be_read_is_named_with_its_remedy(folder, monkeypatch):
    """Going on without it would take its rows, read before, for gone."""
    plain = Path.open

    def opened(path, *arguments, **named):
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(LandingError, match=r"a\.csv: .*Permission denied.*Remedy"):
        scan(folder, "*.csv")

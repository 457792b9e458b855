"""What a source says anew of a time that has landed is the last word: files are read in the order of their names."""

import polars as pl
import pytest

from tests.ingest_sources.scenes import VenueScene
from tradepipe.ingest.sources import Delivery, Landed, land

BARS = ("open_time", "open", "high", "low", "close", "volume")


@pytest.fixture
def scene():
    made = VenueScene.of("okx", 1)
    yield made
    made.close()


def fetch(scene, folder, *, full=True):
    market = scene.market()
    source = scene.source(market)
    found = [one for one in source.deliveries(Landed(folder, market.name, full=full)) if isinstance(one, Delivery)]
    source.close()
    land(found, folder)
    return found


def last_words(folder) -> list[tuple]:
    """Each time's row in the last file by name, as bars that say no time of delivery are chosen."""
    paths = sorted(folder.rglob("*.parquet"), key=lambda path: path.relative_to(folder).as_posix())
    rows = pl.concat([pl.read_parquet(path, glob=False) for path in paths])
    return rows.unique("open_time", keep="last").sort("open_time").select(BARS).rows()


def said(scene) -> list[tuple]:
    return [tuple(row) for row in next(iter(scene.venue.bars.values()))[:-1]]


@pytest.mark.slow
@pytest.mark.parametrize("places", [(0,), (0, 50), (3, 100, 166), (167,), (200, 239), (239,), (0, 239)])
def test_a_restatement_is_the_last_word_wherever_it_lies(places, scene, tmp_path):
    fetch(scene, tmp_path)
    bars = next(iter(scene.venue.bars.values()))
    first = [bars[place][4] for place in places]
    for word in ("7.71", "7.72", "7.73"):
        for place in places:
            bars[place][4] = word
        assert sum(one.rows for one in fetch(scene, tmp_path)) == len(places)
        assert last_words(tmp_path) == said(scene)
        assert fetch(scene, tmp_path) == []
    # One after the other: each restatement begins before the one that came before it.
    for place in reversed(places):
        bars[place][4] = "7.74"
        fetch(scene, tmp_path)
    assert last_words(tmp_path) == said(scene)
    for place, word in zip(places, first, strict=True):
        bars[place][4] = word  # taken back
    assert sum(one.rows for one in fetch(scene, tmp_path)) == len(places)
    assert last_words(tmp_path) == said(scene)
    assert fetch(scene, tmp_path) == fetch(scene, tmp_path, full=False) == []


def test_a_landed_file_that_broke_is_brought_again(scene, tmp_path):
    fetch(scene, tmp_path)
    broken = min(tmp_path.rglob("*.parquet"))
    broken.write_bytes(broken.read_bytes()[:100])
    [again] = fetch(scene, tmp_path)
    assert again.name.split("/")[-2] == "restated-000001"
    broken.unlink()
    assert last_words(tmp_path) == said(scene)

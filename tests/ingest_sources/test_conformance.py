"""What every source promises, whatever it talks to. A new source is one more scene."""

import itertools

import polars as pl
import pytest

from tests.ingest_sources import scenes
from tests.ingest_sources.scenes import ReplayScene, S3Scene, VenueScene, content, files
from tests.venues import HOUR
from tradepipe.ingest.sources import Delivery, Failure, Landed, land

KINDS = (*scenes.VENUES, "s3", "replay")
FETCHING = KINDS[:-1]


@pytest.fixture
def scene_of(request, tmp_path, monkeypatch):
    opened = []

    def make(kind, count=6):
        if kind == "s3":
            scene = S3Scene.of(count, request.getfixturevalue("s3_server"), monkeypatch)
        elif kind == "replay":
            (tmp_path / "played").mkdir()
            scene = ReplayScene.of(count, tmp_path / "played")
        else:
            scene = VenueScene.of(kind, count)
        opened.append(scene)
        return scene

    yield make
    for scene in opened:
        scene.close()


def fetch(scene, folder, *, full=False, limit=None, **settings):
    """One worker's ingest: a new source object, as in a new process."""
    market = scene.market(**settings)
    source = scene.source(market)
    found = []
    try:
        for one in source.deliveries(Landed(folder, market.name, full=full), limit=limit):
            found.append(one)
            if isinstance(one, Delivery):
                land([one], folder)
    finally:
        source.close()
    return found


def names(found):
    return [one.name for one in found if isinstance(one, Delivery)]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_workers_bring_the_same_names_bytes_and_order(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    first, second = (fetch(scene, tmp_path / name) for name in ("a", "b"))
    assert names(first) == names(second)
    assert len(first) == len(set(names(first))) > len(scene.symbols)
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_eight_workers_bring_what_one_does_in_its_order(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    one, eight = (fetch(scene, tmp_path / str(count), workers=count) for count in (1, 8))
    assert names(one) == names(eight)
    assert files(tmp_path / "1") == files(tmp_path / "8")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["okx", "s3", "replay"])
def test_seven_symbols_at_a_time_are_as_good_as_fifty_at_once(kind, scene_of, tmp_path):
    scene = scene_of(kind, 50)
    seven, all_at_once = (fetch(scene, tmp_path / str(chunk), chunk=chunk) for chunk in (7, 500))
    assert names(seven) == names(all_at_once)
    assert files(tmp_path / "7") == files(tmp_path / "500")


@pytest.mark.slow
@pytest.mark.parametrize("kind", scenes.VENUES)
def test_small_pages_are_as_good_as_large_ones(kind, scene_of, tmp_path):
    scene = scene_of(kind, 2)
    small, large = (fetch(scene, tmp_path / str(page), page_bars=page) for page in (7, 1000))
    assert names(small) == names(large)
    assert files(tmp_path / "7") == files(tmp_path / "1000")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_later_only_the_tail_is_asked_for_and_the_whole_is_the_same(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    fetch(scene, tmp_path / "grown")
    before = files(tmp_path / "grown")
    scene.grow()
    scene.forget()
    tail = fetch(scene, tmp_path / "grown")
    assert {name: scene.asked()[name] for name in scene.asked()} == dict.fromkeys(scene.asked(), 1)
    assert len(tail) == len(scene.symbols)
    assert set(names(tail)).isdisjoint(before)
    fetch(scene, tmp_path / "whole")
    assert content(tmp_path / "grown") == content(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("kind", scenes.VENUES)
def test_the_tail_begins_after_the_newest_landed_bar(kind, scene_of, tmp_path):
    scene = scene_of(kind, 1)
    fetch(scene, tmp_path)
    scene.grow()
    scene.forget()
    fetch(scene, tmp_path)
    [(_, query)] = scene.venue.data_requests()
    start = next(int(query[name]) for name in ("startTime", "before", "start") if name in query)
    exclusive = "before" in query
    assert start + exclusive == scenes.START_MS + scenes.HOURS * HOUR


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_asked_when_nothing_is_missing(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    fetch(scene, tmp_path)
    scene.forget()
    assert fetch(scene, tmp_path) == []
    assert not scene.asked()
    if kind in scenes.VENUES:
        assert scene.venue.asked == []  # not even what instruments there are


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_refresh_brings_nothing_new_where_nothing_changed(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    fetch(scene, tmp_path)
    scene.grow()
    fetch(scene, tmp_path)
    before = files(tmp_path)
    scene.forget()
    fetch(scene, tmp_path, full=True)
    assert files(tmp_path) == before
    if kind != "replay":
        assert set(scene.asked()) == set(scene.symbols)  # it did ask


@pytest.mark.slow
@pytest.mark.parametrize("kind", scenes.VENUES)
def test_a_full_refresh_brings_what_was_restated_and_only_that(kind, scene_of, tmp_path):
    scene = scene_of(kind, 2)
    fetch(scene, tmp_path)
    before = files(tmp_path)
    restated = scene.venue.bars[next(iter(scene.venue.listed)), "bars"][50]
    restated[4] = "7.7700"
    [new] = [one for one in fetch(scene, tmp_path, full=True) if isinstance(one, Delivery)]
    assert (new.symbol, new.rows) == ("C00USDT", 1)
    landed = pl.read_parquet(tmp_path / new.name)
    assert landed.select("open_time", "close").rows() == [(restated[0], "7.7700")]
    assert files(tmp_path).items() > before.items()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", ["between", "written", "renamed"])
def test_interrupted_and_resumed_is_uninterrupted(kind, step, scene_of, tmp_path):
    class Killed(BaseException):
        pass

    def die(at):
        if at == step:
            raise Killed

    scene = scene_of(kind)
    market = scene.market()
    source = scene.source(market)
    found = source.deliveries(Landed(tmp_path / "cut", market.name))
    land(itertools.islice(found, 4), tmp_path / "cut")
    if step != "between":
        with pytest.raises(Killed):
            land(found, tmp_path / "cut", checkpoint=die)
    found.close()
    source.close()
    assert len(files(tmp_path / "cut")) == (5 if step == "renamed" else 4)
    fetch(scene, tmp_path / "cut")
    fetch(scene, tmp_path / "whole")
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_takes_the_first_files_and_the_next_the_following(kind, scene_of, tmp_path):
    scene = scene_of(kind)
    whole = names(fetch(scene, tmp_path / "whole"))
    taken = []
    while some := names(fetch(scene, tmp_path / "some", limit=5)):
        assert len(some) <= 5
        taken += some
    assert taken == whole
    assert files(tmp_path / "some") == files(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bybit", "s3"])
def test_one_poisoned_coin_of_fifty_is_named_and_blocks_nobody(kind, scene_of, tmp_path):
    scene = scene_of(kind, 50)
    whole = set(names(fetch(scene, tmp_path / "whole")))
    scene.poison("C17USDT")
    found = fetch(scene, tmp_path / "some", attempts=2)
    failures = [one for one in found if isinstance(one, Failure)]
    assert failures
    assert all("C17USDT" in one.what and one.reason and one.remedy for one in failures)
    assert set(names(found)) == {name for name in whole if "C17USDT" not in name}

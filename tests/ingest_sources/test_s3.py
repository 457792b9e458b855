"""Objects on a real S3 server, mirrored to the landing folder."""

import os
import time

import pytest

from tests.ingest_sources.scenes import START, S3Scene, files, market_of
from tradepipe.ingest.sources import Delivery, Landed, SourceFailedError, land, waiting
from tradepipe.ingest.sources.s3 import S3Source

pytestmark = pytest.mark.slow


@pytest.fixture
def scene(s3_server, monkeypatch):
    made = S3Scene.of(2, s3_server, monkeypatch)
    yield made
    made.close()


def fetch(scene, folder, *, full=False):
    source = S3Source(scene.market())
    found = list(source.deliveries(Landed(folder, "here", full=full)))
    return land([one for one in found if isinstance(one, Delivery)], folder)


def put(scene, key, content):
    import obstore

    obstore.put(scene.store, key, content)


def listed_time(scene, key):
    import obstore

    return obstore.head(scene.store, key)["last_modified"].timestamp()


def test_a_changed_object_lands_beside_the_one_before_at_once(scene, tmp_path):
    """Also one of the same size, put within the same second as the landing."""
    fetch(scene, tmp_path)
    put(scene, "2024-01-01/C00USDT.csv", b"Date,Open\n2024-01-01,9,1,0,0.5,0")
    [path] = fetch(scene, tmp_path)
    assert path.name.startswith("C00USDT~")
    assert path.name.endswith(".csv")
    assert len(files(tmp_path)) == 5
    scene.forget()
    assert fetch(scene, tmp_path) == []
    assert not scene.asked()


def test_a_copy_that_lost_its_times_is_known_by_its_content(scene, tmp_path):
    for path in fetch(scene, tmp_path):
        os.utime(path, (time.time(), time.time()))
    scene.forget()
    assert fetch(scene, tmp_path) == []
    assert not scene.asked()


def test_an_object_put_in_parts_is_fetched_once(scene, tmp_path):
    import obstore

    content = bytes(range(256)) * 4096 * 11  # 11 MiB, in parts of 5
    obstore.put(scene.store, "large.bin", content, use_multipart=True, chunk_size=5 * 2**20)
    fetch(scene, tmp_path)
    assert (tmp_path / "here" / "large.bin").read_bytes() == content
    # Its ETag says nothing of its bytes, so that its time must: here the file's, set later than that.
    time.sleep(2.1)
    modified = listed_time(scene, "large.bin")
    os.utime(tmp_path / "here" / "large.bin", (modified, modified))
    scene.forget()
    assert fetch(scene, tmp_path) == []
    assert not scene.asked()
    fetch(scene, tmp_path, full=True)  # the same bytes change nothing
    assert len(files(tmp_path)) == 5


def test_what_is_gone_from_the_bucket_stays_landed(scene, tmp_path):
    import obstore

    fetch(scene, tmp_path)
    obstore.delete(scene.store, "2024-01-01/C00USDT.csv")
    assert fetch(scene, tmp_path) == []
    assert len(files(tmp_path)) == 4


def test_wrong_keys_are_said_without_being_shown(scene, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret-key")
    with pytest.raises(SourceFailedError) as failed:
        fetch(scene, tmp_path)
    assert "here: s3://sources/" in str(failed.value)
    assert "AWS_… variables" in str(failed.value)
    assert "very-secret-key" not in str(failed.value)
    assert "Debug source" not in str(failed.value)


@pytest.mark.parametrize("url", ["http://bucket/prefix", "s3://"])
def test_an_address_that_is_no_bucket_is_said(url, tmp_path):
    source = S3Source(market_of({"kind": "s3", "url": url}, ["A"]))
    with pytest.raises(SourceFailedError, match="Remedy: say s3://bucket/prefix"):
        list(source.deliveries(Landed(tmp_path, "here")))


def test_what_an_object_said_before_and_says_again_is_its_last_word(scene, tmp_path):
    key = "2024-01-01/C00USDT.csv"
    for content in (b"a", b"b", b"a"):
        put(scene, key, content)
        fetch(scene, tmp_path)
        there = sorted((tmp_path / "here" / "2024-01-01").glob("C00USDT*"))
        assert there[-1].read_bytes() == content
    assert len(there) == 3
    assert fetch(scene, tmp_path) == []


def test_all_that_waits_in_a_bucket_is_told_without_a_download(scene, tmp_path):
    market = scene.market()
    told = waiting(market, None, tmp_path, START)
    put(scene, "z/late.csv", b"late")  # behind what waits already
    assert waiting(market, None, tmp_path, START) not in (told, None)
    assert not scene.asked()
    fetch(scene, tmp_path)
    assert waiting(market, None, tmp_path, START) is None

"""Hot and cold: readers see one dataset, on a folder and on a real S3 server; crashes and failures of the service."""

import datetime as dt
import os
import signal

import pytest

from tests.projects import SMALL as SMALL_PROJECT
from tests.store.conftest import GRACE
from tests.store.samples import SMALL, small, written_long_ago
from tests.store.workers import cool_and_die, run_all
from tradepipe.settings import ColdSettings, load_settings
from tradepipe.store import ColdTier, ColdTierError, PartitionStore, StoreError, writing
from tradepipe.store.compaction import compact
from tradepipe.store.compaction import plan as plan_compaction
from tradepipe.store.content import content_hash
from tradepipe.store.pins import pin
from tradepipe.store.tiers import cool, plan

DATASET = "lab/small"
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
AFTER = dt.timedelta(days=90)
KEYS = ["2024-01-02", "2024-01-03", "2024-02-01", "2024-05-30"]
OLD = KEYS[:3]


def now():
    return dt.datetime.now(dt.UTC)


@pytest.fixture(params=["folder", pytest.param("s3", marks=pytest.mark.slow)])
def cold(request, tmp_path):
    """An empty cold tier."""
    if request.param == "folder":
        return ColdTier(f"file://{tmp_path / 'cold'}")
    bucket = request.getfixturevalue("s3_bucket")
    tier = ColdTier(f"s3://{bucket}/some/prefix", request.getfixturevalue("s3_server").endpoint)
    file = tmp_path / "first"
    file.write_bytes(b"made the bucket")
    tier.put(file, "first")
    tier.remove(["first"])
    return tier


@pytest.fixture
def tiered(tmp_path, cold):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE, cold=cold) as store:
        frames = {key: small(month=int(key[5:7]), value=float(number)) for number, key in enumerate(KEYS)}
        store.publish(DATASET, frames, SMALL, code_version="1", inputs={})
        yield store


def everything(store):
    return [
        store.read(DATASET),
        store.read(DATASET, KEYS[1:3], columns=["value"], symbols=["A"]),
        store.read(DATASET, as_of=dt.datetime(2024, 2, 1, 2, tzinfo=dt.UTC)),
        store.latest(DATASET, "B", 100),
        store.read_generations(list(store.catalogue.current(DATASET).values())[::-1], SMALL),
    ]


def same(left, right):
    return all(one.equals(two) for one, two in zip(left, right, strict=True))


def on_disk(store):
    return sorted(path.relative_to(store.root).as_posix() for path in store.root.rglob("*.parquet*"))


def move(store, **more):
    return cool(store, plan(store, NOW, AFTER), clock=now, **more)


def test_old_files_move_and_readers_do_not_notice(tiered, cold):
    written_long_ago(tiered)
    before, generations = everything(tiered), tiered.catalogue.current(DATASET)
    assert [one.partitions for one in move(tiered)] == [(key,) for key in OLD]
    after = tiered.catalogue.current(DATASET)
    assert [one.tier for one in after.values()] == ["cold"] * 3 + ["hot"]
    assert same(everything(tiered), before)
    assert tiered.sweep(now()) == []
    assert len(tiered.sweep(now() + 2 * GRACE)) == 3
    assert on_disk(tiered) == [after[KEYS[3]].path]
    assert same(everything(tiered), before)
    for key, one in after.items():
        assert (one.sha256, one.path, one.content) == (
            generations[key].sha256,
            generations[key].path,
            generations[key].content,
        )
        assert tiered.sha256(one) == one.sha256
        assert content_hash(tiered.read(DATASET, [key])) == one.content
    assert cold.written_before(now() + GRACE) == sorted(after[key].path for key in OLD)
    # A snapshot from before the move, whose files are gone from the disk.
    assert tiered.read_generations(list(generations.values()), SMALL).equals(before[0])
    assert plan(tiered, NOW, AFTER) == []


def test_a_partition_is_cold_on_the_day_it_is_old_enough(tiered):
    day = dt.datetime(2024, 2, 1, tzinfo=dt.UTC) + AFTER
    assert len(plan(tiered, day - dt.timedelta(seconds=1), AFTER)) == 2
    assert len(plan(tiered, day, AFTER)) == 3


def test_superseded_cold_files_are_swept_and_equal_rows_share_them(tiered, cold):
    move(tiered)
    held = tiered.catalogue.current(DATASET)
    shared = tiered.publish(DATASET, {KEYS[0]: small(value=0.0)}, SMALL, code_version="2", inputs={})[KEYS[0]]
    assert shared.changed
    assert (shared.generation.tier, shared.generation.path) == ("cold", held[KEYS[0]].path)
    tiered.publish(DATASET, {KEYS[1]: small(value=50.0)}, SMALL, code_version="1", inputs={})
    removed = tiered.sweep(now() + 2 * GRACE)
    assert f"{cold.url}/{held[KEYS[1]].path}" in removed
    assert cold.written_before(now() + GRACE) == sorted([held[KEYS[0]].path, held[KEYS[2]].path])
    assert tiered.read(DATASET, [KEYS[1]])["value"].unique().to_list() == [50.0]


def test_cold_months_are_compacted_and_compacted_months_go_cold(tiered, cold):
    before = everything(tiered)
    move(tiered)
    tiered.sweep(now() + 2 * GRACE)
    months = plan_compaction(tiered, NOW, dt.timedelta(days=2))
    assert [month.files for month in months] == [2]
    compact(tiered, months, clock=now)
    assert same(everything(tiered), before)
    assert [one.partitions for one in move(tiered)] == [tuple(KEYS[:2])]
    tiered.sweep(now() + 2 * GRACE)
    assert same(everything(tiered), before)
    assert len(cold.written_before(now() + GRACE)) == 2


@pytest.mark.slow
def test_pinned_files_stay_on_the_disk(tiered):
    one = tiered.catalogue.current(DATASET)[KEYS[0]]
    with writing(tiered.catalogue.engine) as connection:
        pin(connection, "a@1.0.0", {one.id: one.path}, NOW)
    assert [move.partitions for move in plan(tiered, NOW, AFTER)] == [(KEYS[1],), (KEYS[2],)]


def test_a_copy_that_differs_is_not_used(tiered, cold):
    path = tiered.catalogue.current(DATASET)[KEYS[0]].path
    (tiered.root / path).write_bytes(b"rotten")
    with pytest.raises(StoreError, match=r"has sha256 .* in the cold tier, the catalogue says .*Remedy"):
        move(tiered)
    tiers = {key: one.tier for key, one in tiered.catalogue.current(DATASET).items()}
    assert tiers == dict.fromkeys(KEYS, "hot") | dict.fromkeys(OLD[1:], "cold")  # the others moved all the same
    assert [one for one in tiered.sweep(now() + 2 * GRACE) if path in one] == [f"{cold.url}/{path}"]


def test_a_sweep_leaves_the_files_of_another_store_in_the_same_place(tiered, cold, tmp_path):
    move(tiered)
    before = everything(tiered)
    with PartitionStore.open(tmp_path / "two", f"sqlite:///{tmp_path / 'two.sqlite'}", GRACE, cold=cold) as other:
        other.publish(DATASET, {KEYS[0]: small()}, SMALL, code_version="1", inputs={})
        assert other.sweep(now() + 2 * GRACE) == []
    assert same(everything(tiered), before)


STEPS = ("copied", "verified", "moved", "committed")


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_killed_move_leaves_each_file_in_one_tier(tiered, cold, tmp_path, step):
    before = everything(tiered)
    url = f"sqlite:///{tmp_path / 'c.sqlite'}"
    credentials = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    arguments = (tiered.root, url, cold.url, cold.endpoint, step, NOW, credentials)
    assert run_all(cool_and_die, [arguments]) == [-signal.SIGKILL]
    tiers = [one.tier for one in tiered.catalogue.current(DATASET).values()]
    assert tiers == (["cold", "hot", "hot", "hot"] if step == "committed" else ["hot"] * 4)
    assert same(everything(tiered), before)
    tiered.sweep(now() + 2 * GRACE)
    assert same(everything(tiered), before)
    move(tiered)
    tiered.sweep(now() + 2 * GRACE)
    assert same(everything(tiered), before)
    assert len(on_disk(tiered)) == 1


def test_the_steps_are_the_ones_that_kills_are_tried_at(tiered):
    reached = []
    move(tiered, checkpoint=reached.append)
    assert tuple(reached) == STEPS * 3


@pytest.mark.slow
def test_a_service_that_is_down_leaves_hot_data_readable(tiered, tmp_path, cold):
    move(tiered)
    tiered.sweep(now() + 2 * GRACE)
    if cold.folder is not None:
        return
    gone = ColdTier(cold.url, "http://127.0.0.1:9")
    with PartitionStore.open(tiered.root, f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE, cold=gone) as store:
        assert store.read(DATASET, [KEYS[3]]).height == 6
        assert store.latest(DATASET, "A", 3).height == 3
        told = r"cold tier s3://.*Remedy: check store\.cold\.url .* AWS_ACCESS_KEY_ID.*hot data can be read meanwhile"
        with pytest.raises(ColdTierError, match=told):
            store.read(DATASET)
        with pytest.raises(ColdTierError, match=told):
            store.sha256(store.catalogue.current(DATASET)[KEYS[0]])
        store.publish(DATASET, {KEYS[3]: small(value=7.0)}, SMALL, code_version="1", inputs={})
        with pytest.raises(ColdTierError, match="list its files"):
            store.sweep(now() + 2 * GRACE)
        assert len(on_disk(store)) == 1


@pytest.mark.slow
def test_wrong_credentials_are_said_by_name(s3_bucket, s3_server, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    file = tmp_path / "file"
    file.write_bytes(b"x")
    with pytest.raises(ColdTierError, match=r"cannot write a/b.*AWS_SECRET_ACCESS_KEY"):
        ColdTier(f"s3://{s3_bucket}", s3_server.endpoint).put(file, "a/b")


@pytest.mark.parametrize("url", ["s3://", "file://host/x", "ftp://a/b", "file:relative", "/plain"])
def test_other_addresses_are_refused(url):
    with pytest.raises(ValueError, match=r"store\.cold\.url .*expected s3://bucket/prefix or file:///folder"):
        ColdTier(url)


def test_cold_files_without_a_cold_tier_say_what_is_missing(tiered, tmp_path):
    move(tiered)
    tiered.sweep(now() + 2 * GRACE)
    with PartitionStore.open(tiered.root, f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE) as store:
        with pytest.raises(StoreError, match=r"store\.cold\.url is not set"):
            store.read(DATASET)
        assert store.read(DATASET, [KEYS[3]]).height == 6
        assert plan(store, NOW, AFTER) == []
        with pytest.raises(StoreError, match="there is no cold tier"):
            cool(store, plan(store, NOW + AFTER, AFTER), clock=now)


def test_the_settings_open_the_tier(tmp_path):
    from tradepipe.store import open_store

    told = load_settings(environ={**SMALL_PROJECT, "TRADEPIPE_HOME": str(tmp_path / "home")})
    with open_store(told) as store:
        assert store.cold is None
    url = f"file://{tmp_path / 'elsewhere'}"
    cold = ColdSettings(url=url, endpoint=None)
    with open_store(told.model_copy(update={"store": told.store.model_copy(update={"cold": cold})})) as store:
        assert store.cold is not None
        assert store.cold.url == url

"""Publishing a version: what its manifest says, that it never changes, and that no crash tears it."""

import datetime as dt
import os
import signal
from dataclasses import replace

import pytest
import sqlalchemy as sa
import yaml
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.datasets.samples import DATASET, NOW, Shop
from tests.store.samples import SMALL, small
from tests.store.workers import run_all
from tradepipe.datasets import (
    DatasetError,
    Manifest,
    MismatchError,
    RequirementError,
    UnknownVersionError,
    Version,
    VersionExistsError,
    schema_hash,
    schema_of,
    verify,
)
from tradepipe.datasets.registry import MIGRATIONS, VERSION_TABLE
from tradepipe.datasets.tables import metadata
from tradepipe.store import DatasetNotFound, Input, PartitionStore, StoreError, downgrade, migrate

LATER = dt.timedelta(days=4000)


def test_the_manifest_says_all_that_it_must(any_shop):
    shop = any_shop
    shop.fill()
    manifest = shop.publish(note="first", requires=["lab/other^1.2"], provides={"features": "2.1.0"})
    told = yaml.safe_load((shop.registry.folder / "datasets/lab/small/1.0.0.yaml").read_text())
    current = shop.store.catalogue.current(DATASET)
    assert told["files"] == [
        {
            "partition": key,
            "generation": one.id,
            "path": one.path,
            "rows": one.rows,
            "size": one.size,
            "sha256": one.sha256,
            "content": one.content,
            "slice": None,
        }
        for key, one in current.items()
    ]
    assert told | {"files": None, "schema": None, "tradepipe": None} == {
        "format": 1,
        "checksum": manifest.checksum,
        "dataset": DATASET,
        "version": "1.0.0",
        "snapshot_at": "2030-01-01T00:00:00+00:00",
        "calendar": "XNYS",
        "timezone": "America/New_York",
        "interval": "1d",
        "known_at": "2024-02-01T03:00:00+00:00",
        "skew_tolerance": 1.0,
        "contract": "small",
        "contract_version": "1",
        "schema_sha256": schema_hash(schema_of(SMALL.polars_schema)),
        "schema": None,
        "code_versions": ["7"],
        "tradepipe": None,
        "files": None,
        "sources": [{"uri": f"landing:lab/{key}.csv", "sha256": "ab" * 32} for key in current],
        "requires": ["lab/other^1.2"],
        "provides": {"features": "2.1.0"},
        "note": "first",
    }
    assert told["schema"] == {name: str(dtype) for name, dtype in SMALL.polars_schema.items()}
    registered = shop.registry.get(DATASET, Version(1, 0, 0))
    assert registered.manifest == manifest
    assert registered.metadata() == {
        "manifest": "lab/small@1.0.0",
        "manifest_checksum": manifest.checksum,
        "manifest_file": "datasets/lab/small/1.0.0.yaml",
        "manifest_rows": 12,
    }


def test_the_same_again_changes_nothing_and_other_content_is_refused(any_shop):
    shop = any_shop
    shop.fill()
    first = shop.manifest()
    assert shop.registry.publish(first, NOW)[1]
    file = shop.registry.folder / first.file_name
    before = file.read_bytes()
    again = shop.manifest(now=NOW + dt.timedelta(days=1), note="said otherwise")
    registered, is_new = shop.registry.publish(again, NOW)
    assert (is_new, registered.manifest) == (False, first)
    shop.fill(2.0, months=(2,))
    with pytest.raises(VersionExistsError, match=r"partition 2024-02 differs\. .*Remedy: --version 1\.0\.1"):
        shop.publish()
    with pytest.raises(VersionExistsError, match=r"other content: requires differ"):
        shop.registry.publish(replace(first, requires=("lab/x>=1",)), NOW)
    assert file.read_bytes() == before
    shop.publish("1.0.1")
    assert [one.name for one in shop.registry.all()] == ["lab/small@1.0.0", "lab/small@1.0.1"]
    assert file.read_bytes() == before


def test_versions_are_ordered_by_number(shop):
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        shop.fill_and_publish(version)
    assert [str(one.version) for one in shop.registry.live(DATASET)] == ["1.2.0", "1.9.0", "1.10.0"]


def test_a_range_of_partitions(shop):
    shop.fill(months=(1, 2, 3, 4))
    assert [file.partition for file in shop.manifest(partitions=("2024-02", "2024-03")).files] == ["2024-02", "2024-03"]
    with pytest.raises(DatasetNotFound):
        shop.manifest(partitions=("2025-01", None))
    with pytest.raises(DatasetNotFound):
        shop.manifest(dataset="lab/nothing")


def test_sources_are_the_landing_files_at_the_end_of_the_lineage(shop):
    raw = [Input("lab/landing", "lab/2024-01.csv", "11" * 32)]
    made = shop.store.publish("lab/raw", {"2024-01": small()}, SMALL, code_version="1", inputs={"2024-01": raw})
    one = made["2024-01"].generation
    read = [Input("lab/raw", "2024-01", one.content, one.id), Input("lab/landing", "lab/b.csv", "22" * 32)]
    shop.store.publish(DATASET, {"2024-01": small()}, SMALL, code_version="1", inputs={"2024-01": read})
    assert [(one.uri, one.sha256[:2]) for one in shop.manifest().sources] == [
        ("landing:lab/2024-01.csv", "11"),
        ("landing:lab/b.csv", "22"),
    ]


def test_a_published_version_keeps_its_files_and_a_retired_one_does_not(any_shop):
    shop = any_shop
    shop.fill(1.0)
    manifest = shop.publish()
    shop.fill(2.0)
    assert shop.store.sweep(NOW + LATER) == []
    retired = shop.registry.retire(DATASET, Version(1, 0, 0), NOW)
    assert (retired.retired_at, shop.registry.live()) == (NOW, [])
    assert shop.registry.retire(DATASET, Version(1, 0, 0), NOW + LATER).retired_at == NOW
    assert shop.store.sweep(NOW + LATER) == [file.path for file in manifest.files]
    with pytest.raises(VersionExistsError, match=r"was retired and is not published again. Remedy: --version 1\.0\.1"):
        shop.publish()
    with pytest.raises(
        UnknownVersionError, match=r"lab/small@2\.0\.0: no such published version\. Available: lab/small@1\.0\.0\."
    ):
        shop.registry.retire(DATASET, Version(2, 0, 0), NOW)


def test_a_snapshot_whose_files_were_swept_is_not_registered(any_shop):
    shop = any_shop
    shop.fill(1.0)
    manifest = shop.manifest()
    shop.fill(2.0)
    shop.store.sweep(NOW + LATER)
    with pytest.raises(StoreError, match="cannot be pinned"):
        shop.registry.publish(manifest, NOW)
    assert shop.registry.all() == []
    assert [path for path in shop.registry.folder.rglob("*") if path.is_file()] == []


def test_another_contract_needs_another_major_version(shop):
    shop.fill()
    shop.publish("1.0.0")
    shop.fill(contract=shop.other_contract("2"))
    with pytest.raises(
        VersionExistsError, match=r"lab/small@1\.0\.0 kept small 1: readers .* Remedy: --version 2\.0\.0"
    ):
        shop.publish("1.1.0")
    shop.publish("2.0.0")


def test_partitions_of_two_contracts_are_not_one_dataset(shop):
    shop.fill()
    shop.fill(months=(2,), contract=shop.other_contract("2"))
    with pytest.raises(DatasetError, match="partitions differ in contract or columns"):
        shop.manifest()


def test_a_clock_that_is_behind_is_noticed(shop):
    shop.fill()
    made = max(one.created_at for one in shop.store.catalogue.current(DATASET).values())
    shop.manifest(now=made - dt.timedelta(seconds=1))
    with pytest.raises(DatasetError, match=r"was made at .* Remedy: set the clock"):
        shop.manifest(now=made - dt.timedelta(seconds=2))


def test_what_is_no_requirement_is_said_before_anything_is_written(shop):
    shop.fill()
    with pytest.raises(RequirementError):
        shop.manifest(requires=["lab/other>"])
    with pytest.raises(RequirementError):
        shop.manifest(provides={"features": "2"})


def test_a_folder_that_cannot_be_written_leaves_no_registration(shop):
    shop.fill()
    shop.registry.folder.parent.mkdir(exist_ok=True)
    shop.registry.folder.write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match=r"cannot be written .*nothing was published\. Remedy"):
        shop.publish()
    assert shop.registry.all() == []


@pytest.mark.parametrize("change", ["checksum", "rows: 6", "dataset", "format: 1", "2024-01"])
def test_a_changed_manifest_is_noticed(shop, change):
    shop.fill()
    text = shop.manifest().to_yaml()
    assert Manifest.from_yaml(text, "here") == shop.manifest()
    with pytest.raises(MismatchError, match=r"^here: "):
        Manifest.from_yaml(
            text.replace(change, change.replace("1", "9").replace("6", "7") + ("x" if change.isalpha() else "")), "here"
        )


@pytest.mark.parametrize("text", ["", "[", "a: b", "- 1"])
def test_what_is_no_manifest(text):
    with pytest.raises(MismatchError, match="here: no manifest can be read from it"):
        Manifest.from_yaml(text, "here")


def publish_and_die(root, url, manifests, version, step):
    """Publish a version and be killed right after `step`."""

    def die(reached):
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    with PartitionStore.open(root, url, dt.timedelta(hours=1)) as store:
        shop = Shop.in_store(store, manifests)
        type(shop.registry)(store, manifests, checkpoint=die).publish(shop.manifest(version), NOW)


@pytest.mark.slow
def test_a_killed_publisher_leaves_a_version_whole_or_not_at_all(shop):
    shop.fill()
    shop.store.close()
    steps = {"1.0.0": "written", "1.0.1": "registered", "1.0.2": "linked"}
    arguments = [
        (shop.store.root, str(shop.store.catalogue.engine.url), shop.registry.folder, *one) for one in steps.items()
    ]
    assert run_all(publish_and_die, arguments) == [-signal.SIGKILL] * len(steps)
    assert [str(one.version) for one in shop.registry.all()] == ["1.0.1", "1.0.2"]
    assert [one.version for one in shop.registry.all() if not verify(shop.registry, one)] == [Version(1, 0, 2)]
    for version in steps:
        shop.publish(version)
    assert [verify(shop.registry, one) for one in shop.registry.all()] == [[], [], []]
    shop.fill(2.0)
    assert shop.store.sweep(NOW + LATER) == []


def test_publishing_again_restores_the_file_that_a_crash_kept_from_appearing(shop):
    shop.fill()
    manifest = shop.publish()
    file = shop.registry.folder / manifest.file_name
    before = file.read_bytes()
    file.unlink()
    shop.publish()
    assert file.read_bytes() == before


def test_the_migrated_schema_is_the_one_in_tables(any_shop):
    engine = any_shop.store.catalogue.engine
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in metadata.tables,
            },
        )
        assert compare_metadata(context, metadata) == []
    downgrade(engine, MIGRATIONS, version_table=VERSION_TABLE, revision="base")
    assert not sa.inspect(engine).has_table("published_datasets")
    migrate(engine, MIGRATIONS, version_table=VERSION_TABLE)
    assert any_shop.registry.all() == []

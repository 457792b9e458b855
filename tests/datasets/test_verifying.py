"""Every kind of damage is found, named, and stops who would read."""

import datetime as dt
from dataclasses import replace

import polars as pl
import pytest
import sqlalchemy as sa

from tests.datasets.samples import DATASET, NOW, Shop, flip
from tests.store.samples import SMALL, small
from tradepipe.datasets import (
    DatasetError,
    MismatchError,
    PublishedDataset,
    Version,
    check,
    open_dataset,
    resolve,
    verify,
)
from tradepipe.datasets.tables import published_datasets
from tradepipe.datasets.versions import Requirement
from tradepipe.store import StoreError, writing
from tradepipe.store.pins import unpin
from tradepipe.store.tables import generations

LATER = dt.timedelta(days=4000)


def findings(shop, version="1.0.0"):
    return [str(one) for one in verify(shop.registry, shop.registry.get(DATASET, Version.parse(version)))]


@pytest.fixture
def published(shop) -> tuple[Shop, str]:
    """Two months as version 1.0.0, and the path of the first."""
    shop.fill()
    manifest = shop.publish()
    return shop, manifest.files[0].path


def test_what_is_intact_has_no_findings(any_shop):
    any_shop.fill()
    any_shop.publish()
    assert findings(any_shop) == []
    any_shop.fill(2.0)
    any_shop.store.sweep(NOW + LATER)
    assert findings(any_shop) == []


def test_every_byte_counts(published):
    shop, path = published
    file = shop.store.root / path
    size = file.stat().st_size
    for place in {0, 4, 100, size // 2, size - 9, size - 1}:
        flip(file, place)
        (finding,) = findings(shop)
        assert finding.startswith(f"{path}: sha256 is ")
        flip(file, place)
    assert findings(shop) == []


def test_a_missing_file_is_named(published):
    shop, path = published
    (shop.store.root / path).unlink()
    assert findings(shop) == [f"{path}: the file is missing"]


def test_rows_that_differ_are_found_even_when_the_bytes_are_vouched_for(published):
    shop, path = published
    manifest = shop.registry.get(DATASET, Version(1, 0, 0)).manifest
    other = replace(manifest.files[0], content="0" * 64)
    forged = replace(manifest, version="1.0.1", files=(other, *manifest.files[1:]))
    shop.registry.publish(forged, NOW)
    assert findings(shop, "1.0.1") == [
        f"{path}: generation 1 differs in the catalogue",
        f"{path}: its rows do not have the content hash of the manifest",
    ]
    forged = replace(manifest, version="1.0.2", schema={**manifest.schema, "value": "Float32"})
    shop.registry.publish(forged, NOW)
    assert findings(shop, "1.0.2") == ["datasets/lab/small/1.0.2.yaml: schema_sha256 is not the hash of its schema"]
    forged = replace(manifest, version="1.0.3", schema_sha256="0" * 64)
    shop.registry.publish(forged, NOW)
    assert len([one for one in findings(shop, "1.0.3") if "its columns and types are not" in one]) == 2


def test_a_manifest_file_that_was_changed_or_removed(published):
    shop, _ = published
    file = shop.registry.folder / "datasets/lab/small/1.0.0.yaml"
    text = file.read_text()
    file.write_text(text.replace("first", "second") + "# mine\n")
    assert findings(shop) == ["datasets/lab/small/1.0.0.yaml: the manifest's file is not the one that was registered"]
    file.unlink()
    assert "is missing; publishing the same version again restores it" in findings(shop)[0]
    shop.publish()
    assert findings(shop) == []


def test_a_registration_that_was_changed(published):
    shop, path = published

    def change(**values):
        with writing(shop.store.catalogue.engine) as connection:
            connection.execute(sa.update(published_datasets).values(**values))

    text = shop.registry.all()[0].text
    change(checksum="0" * 64)
    assert findings(shop) == ["registration of lab/small@1.0.0: name, checksum or file differ from its manifest's"]
    change(checksum=shop.manifest().checksum, manifest=text.replace("calendar: XNYS", "calendar: XLON"))
    assert "changed since it was written" in findings(shop)[0]
    change(manifest=text)
    assert findings(shop) == []
    with writing(shop.store.catalogue.engine) as connection:
        unpin(connection, "lab/small@1.0.0")
    assert findings(shop)[0] == f"{path}: generation 1 is not pinned in the catalogue"


def test_a_catalogue_that_was_changed(published):
    shop, path = published
    with writing(shop.store.catalogue.engine) as connection:
        connection.execute(sa.update(generations).where(generations.c.id == 1).values(content="0" * 64))
    assert findings(shop) == [f"{path}: generation 1 differs in the catalogue"]


GOLDEN = """\
lab/small@1.1.0 is not what its manifest says, so nothing was read from it:
  {path}: the file is missing
Choose one:
  refresh    {refresh}
  downgrade  {downgrade}
  regenerate make its files again from their inputs: tradepipe dataset regenerate lab/small@1.1.0"""
RUN = "publish what is true now: tradepipe run --market lab && tradepipe dataset publish lab/small --version 1.1.1"
NEWER = "take the newest version: tradepipe dataset resolve 'lab/small@2.0.0'"
OLDER = "take the version before: tradepipe dataset resolve 'lab/small@1.0.0'"
NONE = "there is no version before 1.1.0 to go back to"


@pytest.mark.parametrize(
    ("others", "refresh", "downgrade"),
    [((), RUN, NONE), (("2.0.0",), NEWER, NONE), (("1.0.0",), RUN, OLDER), (("1.0.0", "0.9.0", "2.0.0"), NEWER, OLDER)],
)
def test_a_mismatch_halts_and_offers_three_remedies(shop, others, refresh, downgrade):
    manifest = shop.fill_and_publish("1.1.0")
    for version in others:
        shop.fill_and_publish(version)
    shop.path(manifest).unlink()
    expected = GOLDEN.format(path=manifest.files[0].path, refresh=refresh, downgrade=downgrade)
    with pytest.raises(MismatchError) as caught:
        open_dataset(shop.registry, DATASET, "@1.1.0")
    assert str(caught.value) == expected
    with pytest.raises(MismatchError) as caught:
        resolve(shop.registry, [Requirement.parse("lab/small@1.1.0")])
    assert str(caught.value) == expected


def test_a_flipped_byte_halts_before_anything_is_read(published):
    shop, path = published
    opened = open_dataset(shop.registry, DATASET)
    flip(shop.store.root / path)
    with pytest.raises(MismatchError, match=r"sha256 is [0-9a-f]{64}, the manifest says"):
        open_dataset(shop.registry, DATASET)
    assert [one.partition for one in check(shop.store, opened.manifest)] == ["2024-01"]


def test_a_file_that_goes_after_opening_is_said_with_the_remedies(published):
    shop, path = published
    opened = open_dataset(shop.registry, DATASET)
    (shop.store.root / path).unlink()
    with pytest.raises(MismatchError, match="Choose one"):
        opened.read()
    assert opened.read(["2024-02"]).height == 6


def test_exactly_the_named_generations_are_read(any_shop):
    shop = any_shop
    for version, value in (("1.0.0", 1.0), ("1.1.0", 2.0)):
        shop.fill(value)
        shop.publish(version)
    shop.fill(3.0)
    shop.store.sweep(NOW + LATER)
    for version, value in (("@1.0.0", 1.0), ("^1", 2.0), ("<1.1", 1.0)):
        opened = open_dataset(shop.registry, DATASET, version)
        expected = pl.concat([small(value=value, month=1), small(value=value, month=2)])
        assert opened.read().equals(expected)
        assert opened.read(["2024-02"]).equals(small(value=value, month=2))
        columns = ["at", "value"]
        assert opened.read(columns=columns, symbols=["B"]).equals(expected.filter(symbol="B").select(columns))
    assert shop.store.read(DATASET)["value"].unique().to_list() == [3.0]


def test_reading_what_a_version_does_not_hold(published):
    shop, _ = published
    opened = open_dataset(shop.registry, DATASET)
    assert opened.partitions == ["2024-01", "2024-02"]
    assert opened.read([]).equals(SMALL.empty())
    with pytest.raises(DatasetError, match=r"has no partition 2024-03; it has 2024-01 to 2024-02, 2 in all\. Remedy"):
        opened.read(["2024-03"])
    with pytest.raises(StoreError, match="lack one that was asked for"):
        opened.read(columns=["nothing"])


def test_a_compacted_file_is_read_and_verified_by_slices(shop):
    """Published from a compacted file, or compacted after it was published: the same rows either way."""
    shop.fill()
    shop.publish()
    both = pl.concat([small(month=1).with_columns(_slice=pl.lit(0)), small(month=2).with_columns(_slice=pl.lit(1))])
    path = "lab/small/2024-0123456789abcdef.parquet"
    both.sort("symbol", "at").write_parquet(shop.store.root / path)
    import hashlib

    sha256 = hashlib.sha256((shop.store.root / path).read_bytes()).hexdigest()
    with writing(shop.store.catalogue.engine) as connection:
        for number in (0, 1):
            values = {"path": path, "slice": number, "sha256": sha256}
            connection.execute(sa.update(generations).where(generations.c.id == number + 1).values(**values))
    shop.publish("1.1.0")
    assert PublishedDataset.open(shop.registry, shop.manifest("1.1.0")).read(["2024-02"]).equals(small(month=2))
    assert shop.store.sweep(NOW + LATER) == []
    assert findings(shop, "1.1.0") == []
    assert open_dataset(shop.registry, DATASET, "@1.0.0").read().equals(pl.concat([small(month=1), small(month=2)]))
    assert findings(shop, "1.0.0") == []

"""A folder and its catalogue are a pair: with another catalogue a sweep would take every file for an orphan."""

import datetime as dt
import shutil

import pytest

from tests.store.samples import DATASET, SMALL, small
from tradepipe.store import PartitionStore
from tradepipe.store.belonging import MARKER, ForeignStoreError

GRACE = dt.timedelta(0)


def opened(tmp_path, name="catalogue"):
    return PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / name}.sqlite", GRACE)


def test_another_catalogue_is_refused_before_it_can_sweep(tmp_path):
    with opened(tmp_path) as store:
        store.publish(DATASET, {"2024-01": small()}, SMALL, code_version="1", inputs={})
    with pytest.raises(ForeignStoreError, match=r"belongs to another catalogue.*Remedy"):
        opened(tmp_path, "other")
    with opened(tmp_path) as store:
        assert store.read(DATASET).equals(small())


def test_files_of_a_store_from_before_the_mark_are_not_a_new_catalogues(tmp_path):
    with opened(tmp_path) as store:
        store.publish(DATASET, {"2024-01": small()}, SMALL, code_version="1", inputs={})
    (tmp_path / "store" / MARKER).unlink()
    with pytest.raises(ForeignStoreError, match="this catalogue knows none"):
        opened(tmp_path, "other")
    with opened(tmp_path) as store:  # its own catalogue marks it
        assert store.read(DATASET).equals(small())
    assert (tmp_path / "store" / MARKER).is_file()


def test_a_moved_pair_stays_a_pair(tmp_path):
    with opened(tmp_path) as store:
        store.publish(DATASET, {"2024-01": small()}, SMALL, code_version="1", inputs={})
    shutil.copytree(tmp_path, tmp_path.with_name("moved"))
    with opened(tmp_path.with_name("moved")) as store:
        assert store.read(DATASET).equals(small())

"""What compaction, retention, tiers and the sweep do to a store leaves its published versions whole."""

import datetime as dt

import polars as pl
import pytest

from tests.datasets.samples import NOW, Shop
from tests.store.samples import SMALL, small
from tradepipe.datasets import Version, open_dataset, verify
from tradepipe.settings.storage import StoreSettings
from tradepipe.store import PartitionStore
from tradepipe.store.cold import ColdTier
from tradepipe.store.upkeep import Upkeep

BARS = "lab/bars"
KEYS = [f"2024-01-{day:02d}" for day in range(2, 8)]
YEARS = dt.timedelta(days=4000)


def session(key, value):
    """Three rows a symbol of one session."""
    start = dt.datetime.fromisoformat(key).replace(tzinfo=dt.UTC)
    shift = start - dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    frame = small(value=value).with_columns(pl.col("at") + shift, pl.col("known_at") + shift)
    return frame.with_columns(session=pl.lit(start.date()))


def sessions(value):
    return {key: session(key, value) for key in KEYS}


@pytest.fixture
def kept(tmp_path):
    """A shop with a cold tier, and its upkeep."""
    cold = ColdTier(f"file://{tmp_path / 'cold'}")
    url = f"sqlite:///{tmp_path / 'catalogue.sqlite'}"
    with PartitionStore.open(tmp_path / "store", url, dt.timedelta(hours=1), cold=cold) as store:
        shop = Shop.in_store(store, tmp_path / "manifests")
        yield shop, Upkeep(store, StoreSettings(), {"lab": "1m"})


def restate(shop, value):
    shop.store.publish(BARS, sessions(value), SMALL, code_version="1", inputs={})


def all_nights(upkeep):
    """Everything that a few years of nights would do."""
    for years in (1, 2):
        now = NOW + years * YEARS
        upkeep.compact(now)
        upkeep.tier(now)
        upkeep.evict(now)
        upkeep.sweep(now + dt.timedelta(days=1))


@pytest.mark.slow
def test_versions_published_from_single_compacted_and_cold_files_stay_whole(kept):
    shop, upkeep = kept
    restate(shop, 1.0)
    shop.publish("1.0.0", BARS)
    assert upkeep.compact(NOW)
    shop.publish("1.1.0", BARS)
    restate(shop, 2.0)
    assert upkeep.compact(NOW)
    assert upkeep.tier(NOW)
    shop.publish("1.2.0", BARS)
    (compacted,) = {file.path for file in shop.registry.get(BARS, Version(1, 2, 0)).manifest.files}
    restate(shop, 3.0)
    all_nights(upkeep)
    (shop.store.root / compacted).unlink()  # the copy on the disk, from before it went to the cold tier
    for version, value in (("1.0.0", 1.0), ("1.1.0", 1.0), ("1.2.0", 2.0)):
        opened = open_dataset(shop.registry, BARS, f"@{version}")
        assert opened.read().equals(pl.concat(sessions(value).values()))
        assert opened.read(KEYS[2:4], symbols=["B"]).equals(
            pl.concat([session(key, value) for key in KEYS[2:4]]).filter(symbol="B")
        )
        assert verify(shop.registry, shop.registry.get(BARS, Version.parse(version))) == []


def test_what_retention_would_evict_stays_while_a_version_names_it(kept):
    shop, upkeep = kept
    restate(shop, 1.0)
    shop.publish("1.0.0", BARS)
    all_nights(upkeep)
    assert list(shop.store.catalogue.current(BARS)) == KEYS
    shop.registry.retire(BARS, Version(1, 0, 0), NOW)
    all_nights(upkeep)
    assert list(shop.store.catalogue.current(BARS)) == []
    assert list((shop.store.root / BARS).rglob("*.parquet")) == []

"""From a venue over landing to partitions: funding, mark prices, open interest and books as Dagster runs them."""

import datetime as dt

import dagster as dg
import polars as pl
import pytest

from assets.derivatives import derivative_assets
from resources.landing import LandingResource
from resources.store import StoreResource
from tests.ingest_sources.scenes import HOURS, START, VenueScene
from tests.venues import HOUR, hourly
from tradepipe.chain.derivatives import DERIVATIVES, derivatives_of, publish_derivative
from tradepipe.contracts import validate
from tradepipe.ingest.sources import Delivery, Landed, land
from tradepipe.store import PartitionStore

FIRST = int(START.timestamp() * 1000)
DATA = ("bars", "mark", "funding", "open_interest", "book")


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """A market with everything, fetched once."""
    folder = tmp_path_factory.mktemp("landing")
    scene = VenueScene.of("okx", 2)
    for coin in scene.venue.listed:
        scene.venue.bars[coin, "mark"] = hourly(HOURS + 1, FIRST, 3)
        scene.venue.funding[coin] = [(FIRST + k * 8 * HOUR + k % 3, f"0.000{k + 1}") for k in range(HOURS // 8)]
        scene.venue.interest[coin] = [(FIRST + k * HOUR, f"{1000 + k}.50") for k in range(HOURS + 1)]
        levels = {
            side: [[f"{100 + step * k}", "2", "0", "1"] for k in (1, 2, 3)]
            for side, step in (("bids", -1), ("asks", 1))
        }
        scene.venue.books[coin] = levels | {"ts": str(scene.venue.now()), "seqId": 5}
    market = scene.market(data=DATA)
    source = scene.source(market)
    land((one for one in source.deliveries(Landed(folder, market.name)) if isinstance(one, Delivery)), folder)
    source.close()
    scene.close()
    return market, folder


@pytest.fixture
def store(tmp_path):
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path}/c.sqlite", dt.timedelta(hours=1)) as opened:
        yield opened


def keys_of(market, days=HOURS // 24 + 1):
    return market.partitions.keys(START.date(), START.date() + dt.timedelta(days=days - 1))


@pytest.mark.slow
def test_a_market_has_the_layers_that_it_fetches(landed):
    market, _ = landed
    assert [one.name for one in derivatives_of(market)] == ["funding", "mark_prices", "open_interest", "books"]
    scene = VenueScene.of("okx", 1)
    assert derivative_assets(scene.market()) == []
    scene.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", DERIVATIVES)
def test_partitions_hold_what_the_venue_said(name, landed, store):
    market, folder = landed
    reports = publish_derivative(store, market, name, folder, keys_of(market))
    rows = {"funding": 2 * HOURS // 8, "mark_prices": 2 * HOURS, "open_interest": 2 * HOURS, "books": 2 * 6}
    assert sum(one.rows for one in reports) == rows[name]
    assert sum(one.refused for one in reports) == 0
    found = store.read(f"here/{name}")
    contract = DERIVATIVES[name].contract
    validate(contract.arrange(found), contract, market="here", layer=name, partition="-")
    generations = store.catalogue.current(f"here/{name}")
    inputs = store.catalogue.inputs([one.id for one in generations.values()])
    named = {one.partition for several in inputs.values() for one in several}
    assert named == set(found["file"])


@pytest.mark.slow
def test_a_partition_alone_is_as_in_a_range_and_nothing_changes_the_second_time(landed, store, tmp_path):
    market, folder = landed
    keys = keys_of(market)
    ranged = {one.partition: one.content for one in publish_derivative(store, market, "funding", folder, keys)}
    again = publish_derivative(store, market, "funding", folder, keys)
    assert not any(one.changed for one in again)
    url = f"sqlite:///{tmp_path}/other.sqlite"
    with PartitionStore.open(tmp_path / "other", url, dt.timedelta(hours=1)) as other:
        alone = {key: publish_derivative(other, market, "funding", folder, [key])[0].content for key in keys[::3]}
    assert alone == {key: ranged[key] for key in alone}


@pytest.mark.slow
def test_dagster_materialises_them_and_says_what_was_refused(landed, tmp_path):
    market, folder = landed
    broken = folder / "here" / "funding" / "C00USDT" / "20240126T000000-20240126T000000~0123456789ab.parquet"
    rows = [("C00USDT", FIRST + 24 * HOUR + 1_800_000, "0.1")]
    pl.DataFrame(rows, schema=["symbol", "funding_time", "rate"], orient="row").write_parquet(broken)
    (tmp_path / "dagster").mkdir()
    store = StoreResource(root=str(tmp_path / "s"), catalogue_url=f"sqlite:///{tmp_path}/c.sqlite", grace_seconds=60)
    first, last = keys_of(market)[0], keys_of(market)[2]
    try:
        result = dg.materialize(
            derivative_assets(market),
            resources={"store": store, "landing": LandingResource(folder=str(folder))},
            instance=dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster")),
            tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
        )
    finally:
        broken.unlink()
    assert result.success
    verdicts = {
        (one.asset_key.path[-1], one.partition): one.passed
        for one in result.get_asset_check_evaluations()
        if one.check_name == "nothing_refused"
    }
    assert [key for key, passed in verdicts.items() if not passed] == [("funding", "2024-01-26")]
    assert len(verdicts) == 4 * 3
    assert store.open().read("here/funding.quarantine")["reason"].to_list() == ["off_schedule"]

"""Both engines: the same rows of the same generations, as of a time too; ClickHouse loads what it lacks, once."""

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.warehouse.conftest import KEYS, by_month, publish
from tradepipe.chain.mart_run import MartRun
from tradepipe.chain.marts import query
from tradepipe.contracts import BARS_HISTORY
from tradepipe.contracts.as_of import AsOfError
from tradepipe.store import DatasetNotFound, PartitionStore
from tradepipe.warehouse import UnknownRelationError, WarehouseError
from tradepipe.warehouse.clickhouse import ClickHouseWarehouse
from tradepipe.warehouse.tables import LEDGER, copy_of, create, living, name_of

NOW = dt.datetime(2018, 12, 31, tzinfo=dt.UTC)
COUNT = "SELECT symbol, count(*) AS n, sum(close) AS total FROM ref('bars') GROUP BY symbol ORDER BY symbol"


@pytest.fixture(autouse=True)
def a_clean_server(engines, bare):
    """Tests count the rows that are there."""
    yield
    client = engines["clickhouse"].loader(bare)._client
    for (name,) in client.query("SELECT name FROM system.tables WHERE database = currentDatabase()").result_rows:
        client.command(f"DROP TABLE IF EXISTS `{name}`")


def ask(engine, store, market, marts, sql, **told):
    return query(engine, store, market, marts, sql, now=NOW, **told)


@pytest.mark.slow
def test_a_query_reads_current_generations_and_keeps_types(engine, published, market, marts, packaged):
    found = ask(engine, published, market, marts, "SELECT * FROM ref('bars') ORDER BY symbol, open_time")
    assert_frame_equal(found, packaged)
    changed = packaged.with_columns(close=pl.col("high"))
    publish(published, market, changed)
    found = ask(engine, published, market, marts, "SELECT * FROM ref('bars') ORDER BY symbol, open_time")
    assert_frame_equal(found, changed)


@pytest.mark.slow
def test_companions_that_were_never_published_are_empty_and_typed(engine, store, market, marts, packaged):
    from tradepipe.contracts import BARS, GAPS

    store.publish("us_indices/bars", by_month(packaged), BARS, code_version="1", inputs={})
    found = ask(engine, store, market, marts, "SELECT * FROM ref('bars.gaps')")
    assert found.schema == GAPS.polars_schema
    assert found.is_empty()
    assert ask(engine, store, market, marts, "SELECT count(*) AS n FROM ref('bars.quarantine')").item() == 0


@pytest.mark.slow
def test_what_is_not_there_is_named(engine, published, market, marts):
    with pytest.raises(UnknownRelationError, match=r"ref\('barz'\): us_indices has no such layer or mart. Known: bars"):
        ask(engine, published, market, marts, "SELECT * FROM ref('barz')")
    with pytest.raises(DatasetNotFound, match="us_indices/signals: nothing is published"):
        ask(engine, published, market, marts, "SELECT * FROM ref('signals')")
    with pytest.raises(WarehouseError, match="refuses the query"):
        ask(engine, published, market, marts, "SELECT nothing FROM ref('bars')")


@pytest.mark.slow
def test_parameters_are_bound(engine, published, market, marts):
    from tradepipe.chain.marts import shelf_of

    shelf = shelf_of(market, marts, published.catalogue, NOW)
    relations = shelf.relations(published, ["bars"])
    told = {"symbol": "SP'X", "session": dt.date(2018, 2, 1)}
    sql = "SELECT count(*) AS n FROM ref('bars') WHERE symbol <> $symbol AND session >= $session"
    found = engine.query(published, sql, relations, told)
    assert found["n"].item() == 2 * 19 + 2 * 21 - 2


@pytest.mark.slow
def test_a_mart_that_was_never_published_is_computed_in_place(engine, published, market, marts):
    found = ask(engine, published, market, marts, "SELECT symbol, bars FROM ref('market_summary') ORDER BY symbol")
    assert found.rows() == [("IXIC", 59), ("SPX", 60)]


@pytest.fixture
def restated(store, market, packaged):
    """SPX's close of 2018-02-05 was another until the 10th."""
    day = (pl.col("symbol") == "SPX") & (pl.col("session") == dt.date(2018, 2, 5))
    moment = dt.datetime(2018, 2, 10, tzinfo=dt.UTC)
    history = BARS_HISTORY.arrange(
        packaged.filter(day).with_columns(close=pl.col("open"), superseded_at=pl.lit(moment, pl.Datetime("us", "UTC")))
    )
    known = pl.when(day).then(pl.lit(moment)).otherwise("known_at").cast(pl.Datetime("us", "UTC"))
    publish(store, market, packaged.with_columns(known_at=known), history)
    return store


@pytest.mark.slow
@pytest.mark.parametrize("day", [4, 5, 6, 9, 10, 11, 28])
def test_as_of_is_what_the_store_reads_as_of(engine, restated, market, marts, day):
    at = dt.datetime(2018, 2, day, 23, tzinfo=dt.UTC)
    found = ask(engine, restated, market, marts, "SELECT * FROM ref('bars') ORDER BY symbol, open_time", as_of=at)
    assert_frame_equal(found, restated.read("us_indices/bars", as_of=at).sort("symbol", "open_time"))
    summary = ask(engine, restated, market, marts, "SELECT * FROM ref('market_summary') ORDER BY symbol", as_of=at)
    assert summary["last_session"].max() <= at.date()
    assert summary["bars"].sum() == found.height


def test_what_keeps_no_past_is_not_read_as_of(engine, published, market, marts):
    with pytest.raises(AsOfError, match=r"us_indices/bars\.gaps"):
        ask(engine, published, market, marts, "SELECT * FROM ref('gap_report')", as_of=NOW)


@pytest.mark.slow
def test_every_mart_gives_equal_rows_on_both_engines(engines, published, market, marts):
    for name, mart in marts.items():
        run = MartRun(published, market, marts, name, KEYS)
        one, other = (run.compute(engine).sort(mart.header.key) for engine in engines.values())
        assert one.height or name == "forecast_accuracy"
        assert_frame_equal(one, other, rel_tol=1e-9, abs_tol=1e-9)
        run.publish(one)


def rows_in(engines, store, table="us_indices/bars"):
    """Rows of each generation in ClickHouse, whether readers see them or not; and what its view shows."""
    client = engines["clickhouse"].loader(store)._client
    from tradepipe.contracts import BARS

    held = f"`{name_of(table, BARS)}`"
    counted = "SELECT generation, count() FROM {} GROUP BY generation ORDER BY generation"
    return tuple(dict(client.query(counted.format(one)).result_rows) for one in (held, f"`{table}`"))


@pytest.mark.slow
def test_clickhouse_loads_new_generations_only_and_once(engines, published, market, marts, packaged, monkeypatch):
    read: list[int] = []
    honest = PartitionStore.read_generations

    def counting(self, generations, *told, **more):
        read.extend(one.id for one in generations if one.dataset == "us_indices/bars")
        return honest(self, generations, *told, **more)

    monkeypatch.setattr(PartitionStore, "read_generations", counting)
    engine = engines["clickhouse"]
    first = ask(engine, published, market, marts, COUNT)
    assert len(read) == 3
    assert ask(engine, published, market, marts, COUNT).equals(first)
    assert len(read) == 3
    assert rows_in(engines, published)[1] == {
        copy_of(one): one.rows for one in published.catalogue.current("us_indices/bars").values()
    }
    february = pl.col("session").dt.month() == 2
    publish(published, market, packaged.with_columns(close=pl.when(february).then("high").otherwise("close")))
    again = ask(engine, published, market, marts, COUNT)
    assert len(read) == 4
    assert again["total"].to_list() != first["total"].to_list()
    assert again["n"].to_list() == first["n"].to_list()
    held, shown = rows_in(engines, published)
    assert (len(held), len(shown)) == (4, 3)  # the superseded one stays for readers of an older snapshot


@pytest.mark.slow
def test_catalogues_whose_ids_begin_again_never_meet_rows_of_another(engines, tmp_path, market, marts, packaged):
    engine, stores = engines["clickhouse"], []
    other = packaged.with_columns(close=pl.col("high"), volume=pl.lit(1.0))
    for name, rows in (("first", packaged), ("second", other)):
        url = f"sqlite:///{tmp_path / name}.sqlite"
        stores.append(PartitionStore.open(tmp_path / name, url, dt.timedelta(0)))
        publish(stores[-1], market, rows)
    ids = [[one.id for one in store.catalogue.current("us_indices/bars").values()] for store in stores]
    assert ids[0] == ids[1]
    for _ in range(2):
        for store in stores:
            expected = ask(engines["duckdb"], store, market, marts, COUNT)
            assert_frame_equal(ask(engine, store, market, marts, COUNT), expected, rel_tol=1e-12)
    publish(stores[0], market, other)  # what was loaded for another is not loaded again
    ask(engine, stores[0], market, marts, COUNT)
    assert rows_in(engines, stores[0])[1] == rows_in(engines, stores[1])[1]
    for store in stores:
        store.close()


@pytest.mark.slow
def test_superseded_rows_go_after_the_grace_period(engines, tmp_path, market, marts, packaged):
    url = f"sqlite:///{tmp_path / 'c.sqlite'}"
    with PartitionStore.open(tmp_path / "store", url, dt.timedelta(0)) as store:
        publish(store, market, packaged)
        ask(engines["clickhouse"], store, market, marts, COUNT)
        publish(store, market, packaged.with_columns(close=pl.col("high")))
        ask(engines["clickhouse"], store, market, marts, COUNT)
        held, shown = rows_in(engines, store)
        assert held == shown
        assert len(held) == 3


@pytest.mark.slow
def test_what_a_crash_left_half_is_loaded_again(engines, published, market, marts):
    engine = engines["clickhouse"]
    expected = ask(engine, published, market, marts, COUNT)
    client = engine.loader(published)._client
    from tradepipe.contracts import BARS

    (some,) = list(published.catalogue.current("us_indices/bars", ["2018-02"]).values())
    table = f"`{name_of('us_indices/bars', BARS)}`"
    client.command(f"DELETE FROM {LEDGER} WHERE generation = {copy_of(some)}")  # noqa: S608
    client.command(f"DELETE FROM {table} WHERE generation = {copy_of(some)} AND symbol = 'SPX'")  # noqa: S608
    assert_frame_equal(ask(engine, published, market, marts, COUNT), expected, rel_tol=1e-12)
    assert rows_in(engines, published)[0][copy_of(some)] == some.rows


@pytest.mark.slow
def test_ttl_takes_what_is_old_and_nothing_else(engines, published, market, marts, packaged):
    age = dt.datetime.now(dt.UTC) - dt.datetime(2018, 2, 15, tzinfo=dt.UTC)
    engine = engines["clickhouse"]
    shorter = ClickHouseWarehouse(engine._url, age)
    recent = packaged.filter(pl.col("session") >= dt.date(2018, 2, 15))
    for _ in range(2):
        found = ask(shorter, published, market, marts, COUNT)
        assert found["n"].sum() == recent.height
    assert ask(engine, published, market, marts, COUNT)["n"].sum() == packaged.height  # kept for ever again: reloaded
    long = ClickHouseWarehouse(engine._url, dt.timedelta(days=365 * 40))
    assert ask(long, published, market, marts, COUNT)["n"].sum() == packaged.height


def test_a_ttl_that_would_overflow_is_refused(engines, published, market, marts):
    with pytest.raises(WarehouseError, match=r"warehouse\.ttl is 36500 days.*Remedy: leave it out"):
        ask(ClickHouseWarehouse(engines["clickhouse"]._url, dt.timedelta(days=36500)), published, market, marts, COUNT)


def test_tables_have_codecs_and_words_of_low_cardinality(packaged):
    from tradepipe.contracts import BARS

    text = create("t", BARS, dt.timedelta(days=10))
    for part in (
        "`open_time` DateTime64(6, 'UTC') CODEC(DoubleDelta, ZSTD(1))",
        "`close` Float64 CODEC(Gorilla, ZSTD(1))",
        "`symbol` LowCardinality(String)",
        "generation UInt64 CODEC(Delta, ZSTD(1))",
        "ORDER BY (`symbol`, `open_time`)",
        "TTL toDateTime(`open_time`, 'UTC') + INTERVAL 864000 SECOND DELETE",
    ):
        assert part in text
    now = dt.datetime(2018, 3, 1, tzinfo=dt.UTC)
    assert living(packaged, BARS, dt.timedelta(days=10), now)["open_time"].min() > now - dt.timedelta(days=10)


def test_a_server_that_is_not_there_is_said_so(published, market, marts):
    away = ClickHouseWarehouse("clickhouse://nobody@127.0.0.1:1/none")
    with pytest.raises(WarehouseError, match=r"cannot be opened.*Remedy: is the server up"):
        ask(away, published, market, marts, COUNT)

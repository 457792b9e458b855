"""SQL over the current generations."""

import datetime as dt

import duckdb
import polars as pl
import pytest

from tests.store.samples import DATASET, SMALL, START, small
from tradepipe.store import DatasetNotFound, Warehouse

KEYS = ("2024-01", "2024-02")


@pytest.fixture
def warehouse(store):
    store.publish(DATASET, dict.fromkeys(KEYS, small(value=1.0)), SMALL, code_version="1", inputs={})
    store.publish(DATASET, {KEYS[1]: small(value=2.0, month=2)}, SMALL, code_version="1", inputs={})
    store.publish("lab/other", {"2024-01": small(symbols="B")}, SMALL, code_version="1", inputs={})
    return Warehouse(store)


def test_a_query_reads_the_current_generations_only(warehouse):
    found = warehouse.query("SELECT symbol, sum(value) AS total FROM ref('small') GROUP BY ALL ORDER BY 1", "lab")
    assert found.to_dict(as_series=False) == {"symbol": ["A", "B"], "total": [9.0, 9.0]}


def test_rows_keep_their_types_and_their_time_zone(warehouse, store):
    found = warehouse.query("FROM ref('small') ORDER BY \"at\", symbol", "lab")
    assert found.equals(store.read(DATASET).sort("at", "symbol"))
    assert found.schema == SMALL.polars_schema
    text = warehouse.query("SELECT min(\"at\")::VARCHAR AS first FROM ref('small')", "lab")["first"].item()
    assert text == "2024-01-01 00:00:00+00"


def test_layers_are_joined_and_parameters_bound(warehouse):
    sql = "SELECT count(*) AS n FROM ref('small') a JOIN REF ( 'other' ) b USING (symbol, \"at\") WHERE a.\"at\" >= $t"
    assert warehouse.query(sql, "lab", {"t": START + dt.timedelta(hours=1)})["n"].item() == 2
    assert warehouse.query("SELECT count(*) AS n FROM ref('small') WHERE value = ?", "lab", [2.0])["n"].item() == 6


def test_text_names_and_comments_are_left_alone(warehouse):
    sql = """
        -- FROM ref('nothing')
        /* ref('nothing') */
        SELECT 'it''s ref(''nothing'')' AS "ref('nothing')", count(*) AS n FROM ref('small')
    """
    found = warehouse.query(sql, "lab")
    assert found.columns == ["ref('nothing')", "n"]
    assert found.row(0) == ("it's ref('nothing')", 12)


def test_an_unpublished_layer_is_named(warehouse):
    with pytest.raises(DatasetNotFound, match=r"lab/forecasts: nothing is published; the store has lab/other, lab/sm"):
        warehouse.query("SELECT * FROM ref('small') JOIN ref('forecasts') USING (symbol)", "lab")


def test_a_query_without_a_layer_runs(warehouse):
    assert warehouse.query("SELECT 1 AS one", "lab").equals(pl.DataFrame({"one": [1]}, schema={"one": pl.Int32}))


def test_a_root_with_a_quote_in_its_name_is_quoted(tmp_path):
    from tests.store.conftest import GRACE
    from tradepipe.store import PartitionStore

    with PartitionStore.open(tmp_path / "it's", f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE) as store:
        store.publish(DATASET, {KEYS[0]: small()}, SMALL, code_version="1", inputs={})
        assert Warehouse(store).query("SELECT count(*) AS n FROM ref('small')", "lab")["n"].item() == 6


def test_partitions_with_missing_columns_are_an_error(warehouse, store):
    from dataclasses import replace

    narrower = replace(SMALL, columns=tuple(column for column in SMALL.columns if column.name != "note"))
    store.publish(DATASET, {"2024-03": small(month=3).drop("note")}, narrower, code_version="1", inputs={})
    with pytest.raises(duckdb.Error, match="note"):
        warehouse.query("SELECT note FROM ref('small')", "lab")

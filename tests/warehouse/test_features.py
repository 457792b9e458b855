"""Features are stored split by bytes; both engines read every bit of them."""

import datetime as dt

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tests.warehouse.conftest import by_month
from tradepipe.chain.marts import query
from tradepipe.indicators import contract_for
from tradepipe.indicators.configured import features_of
from tradepipe.warehouse import WarehouseError
from tradepipe.warehouse.duck import DuckWarehouse

NOW = dt.datetime(2018, 4, 1, tzinfo=dt.UTC)
ALL = "SELECT * FROM ref('indicators') ORDER BY symbol, open_time"


@pytest.mark.slow
def test_both_engines_read_features_as_they_were_published(engine, published, market, marts, packaged):
    contract = contract_for(features_of(market))
    outputs = [name for name in contract.column_names if name not in packaged.columns]
    assert pl.Float32 in contract.polars_schema.values()
    # Any values that need all bits, and a warm-up of nulls.
    value = pl.when(pl.int_range(pl.len()).over("symbol") > 2).then(pl.col("close") % 1 / 3)
    features = packaged.with_columns((value / (place + 1)).alias(name) for place, name in enumerate(outputs))
    features = features.select(pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items())
    published.publish("us_indices/indicators", by_month(features), contract, code_version="1", inputs={})

    assert_frame_equal(query(engine, published, market, marts, ALL, now=NOW), features, check_exact=True)
    sums = ", ".join(f"sum({name}) AS {name}" for name in outputs)
    told = query(engine, published, market, marts, f"SELECT {sums} FROM ref('indicators')", now=NOW)  # noqa: S608 - ours
    expected = features.select(pl.col(outputs).cast(pl.Float64).sum())
    assert_frame_equal(told.cast(pl.Float64), expected, check_exact=False, rel_tol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("lacking", ["first", "last"])
def test_columns_that_were_added_since_are_named_with_the_remedy(lacking, published, market, marts, packaged):
    """DuckDB would say that it finds no such column, or that files differ: of neither a person sees the cause."""
    features = features_of(market)
    now, before = contract_for(features), contract_for(features[:1])
    values = pl.lit(None, pl.Float64)
    rows = packaged.with_columns(values.alias(name) for name in now.column_names if name not in packaged.columns)
    parts = by_month(rows)
    lost = (min if lacking == "first" else max)(parts)
    for key, frame in parts.items():
        contract = before if key == lost else now
        made = frame.select(pl.col(name).cast(dtype) for name, dtype in contract.polars_schema.items())
        version = "1" if key == lost else "2"
        published.publish("us_indices/indicators", {key: made}, contract, code_version=version, inputs={})
    told = rf"us_indices/indicators: {lost} was published without .* Remedy: .*`tradepipe run`"
    with pytest.raises(WarehouseError, match=told):
        query(DuckWarehouse(), published, market, marts, ALL, now=NOW)
    with pytest.raises(WarehouseError, match="nonsense"):
        query(DuckWarehouse(), published, market, marts, "SELECT nonsense FROM ref('bars')", now=NOW)

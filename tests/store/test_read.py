"""Reading: snapshots, filters, the latest window, and what the sweep may take away."""

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from tests.store.conftest import GRACE
from tests.store.samples import DATASET, SMALL, files, small
from tradepipe.contracts import FILLS, Column
from tradepipe.store import DatasetNotFound, PartitionStore, StoreError
from tradepipe.store.files import MAX_GROUP_ROWS, MIN_GROUP_ROWS, group_rows

MONTHS = [f"2024-{month:02d}" for month in range(1, 7)]
SECOND = dt.timedelta(seconds=1)


def publish(store, frames, contract=SMALL, dataset=DATASET):
    made = store.publish(dataset, frames, contract, code_version="1", inputs={})
    return {key: one.generation for key, one in made.items()}


@pytest.fixture
def months():
    return {key: small(month=number) for number, key in enumerate(MONTHS, start=1)}


def test_rows_come_in_partition_order_with_the_contracts_types(store, months):
    publish(store, dict(reversed(months.items())))
    frame = store.read(DATASET)
    assert frame.equals(pl.concat(months.values()))
    assert frame.schema == SMALL.polars_schema


def test_only_what_is_asked_for(store, months):
    publish(store, months)
    asked = store.read(DATASET, [MONTHS[3], MONTHS[1], "2030-01"], columns=["at", "symbol"], symbols=["B"])
    expected = pl.concat([months[MONTHS[1]], months[MONTHS[3]]]).filter(pl.col("symbol") == "B").select("at", "symbol")
    assert asked.equals(expected)


def test_none_of_the_partitions_is_an_empty_frame_of_the_right_shape(store, months):
    publish(store, months)
    assert store.read(DATASET, ["2030-01"]).equals(SMALL.empty())
    assert store.read(DATASET, [], columns=["at"]).schema == {"at": SMALL.polars_schema["at"]}


def test_an_unknown_dataset_is_named_with_what_exists(store, months):
    with pytest.raises(DatasetNotFound, match="dataset lab/other: nothing is published; the store is empty"):
        store.read("lab/other")
    publish(store, months)
    with pytest.raises(DatasetNotFound, match=r"the store has lab/small\. Remedy: materialise lab/other first"):
        store.read("lab/other")
    with pytest.raises(DatasetNotFound):
        store.latest("lab/other", "A", 1)


def test_many_partitions_are_no_matter(store):
    keys = [f"{year}-{day:03d}" for year in range(2000, 2030) for day in range(240)]
    publish(store, {keys[0]: small(rows=1), keys[-1]: small(rows=1, month=2)})
    assert list(store.catalogue.current(DATASET, keys)) == [keys[0], keys[-1]]
    assert store.read(DATASET, keys).height == 4


def test_real_money_comes_back_exactly(store):
    row = {"symbol": "A", "fill_id": "f", "client_order_id": "o", "side": "buy"}
    row |= {"session": dt.date(2024, 1, 2), "filled_at": dt.datetime(2024, 1, 2, 14, 30, tzinfo=dt.UTC)}
    money = {
        "quantity": "3",
        "price": "123456789012345678901234567890.12345678",
        "fee": "0.00000001",
        "slippage": "0.1",
    }
    row |= {name: Decimal(text) for name, text in money.items()}
    fills = pl.DataFrame([row], schema=FILLS.polars_schema)
    publish(store, {"2024-01": fills}, FILLS, "lab/fills")
    assert store.read("lab/fills").equals(fills)
    assert store.read("lab/fills").schema == FILLS.polars_schema


def test_partitions_with_different_columns_are_an_error_that_says_so(store):
    wider = replace(SMALL, columns=(*SMALL.columns, Column("extra", pl.Float64, "a later idea")))
    publish(store, {"2024-01": small()})
    publish(store, {"2024-02": small(month=2).with_columns(extra=1.0)}, wider)
    for _ in range(2):  # whichever comes first
        with pytest.raises(StoreError, match=r"lab/small: partitions were published with different columns.*Remedy"):
            store.read(DATASET)
        with pytest.raises(StoreError, match="different columns"):
            store.read(DATASET, columns=["extra"])
        assert store.read(DATASET, columns=["symbol", "value"]).height == 12
        publish(store, {"2024-01": small().with_columns(extra=1.0)}, wider)
        publish(store, {"2024-02": small(month=2)})


def test_a_column_that_does_not_exist_is_an_error_that_says_so(store):
    publish(store, {"2024-01": small()})
    with pytest.raises(StoreError, match=r"lack one that was asked for \(.*nonsense"):
        store.read(DATASET, columns=["nonsense"])


def test_a_snapshot_reads_what_it_saw_until_it_is_swept(store, months):
    publish(store, months)
    snapshot = list(store.catalogue.current(DATASET, MONTHS[:2]).values())
    later = publish(store, {key: frame.with_columns(value=9.0) for key, frame in months.items()})
    read = store.read_generations(snapshot, SMALL)
    assert read.equals(pl.concat([months[key] for key in MONTHS[:2]]))
    assert store.read_generations(snapshot[::-1], SMALL, columns=["at"]).equals(
        pl.concat([months[MONTHS[1]], months[MONTHS[0]]]).select("at")
    )
    superseded = later[MONTHS[0]].created_at
    assert store.sweep(superseded + GRACE - SECOND) == []
    assert store.read_generations(snapshot, SMALL).equals(read)
    assert len(store.sweep(superseded + GRACE + SECOND)) == len(MONTHS)
    with pytest.raises(StoreError, match=r"superseded and swept.*Remedy: run again"):
        store.read_generations(snapshot, SMALL)


def test_no_generations_are_the_contracts_empty_frame(store):
    assert store.read_generations([], SMALL).equals(SMALL.empty())
    assert store.read_generations([], SMALL, columns=["at"]).columns == ["at"]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 17, 18, 19, 1000])
def test_the_latest_rows_are_the_tail_of_all_rows(store, months, rows):
    publish(store, months)
    for symbol in "AB":
        expected = pl.concat(months.values()).filter(pl.col("symbol") == symbol).tail(rows)
        assert store.latest(DATASET, symbol, rows).equals(expected)


def test_a_symbol_that_left_long_ago_has_a_latest_window_too(store, months):
    months[MONTHS[0]] = small(rows=2, symbols="AZ")
    publish(store, months)
    assert store.latest(DATASET, "Z", 1).equals(small(rows=2, symbols="Z").tail(1))
    assert store.latest(DATASET, "Z", 5).equals(small(rows=2, symbols="Z"))


def test_a_symbol_that_never_was_has_no_rows(store, months):
    publish(store, months)
    assert store.latest(DATASET, "nobody", 3).equals(SMALL.empty())
    with pytest.raises(ValueError, match="rows is 0, at least 1"):
        store.latest(DATASET, "A", 0)


def test_the_latest_window_reads_few_files(store, months):
    made = publish(store, months)
    for key in MONTHS[:-2]:
        (store.root / made[key].path).unlink()
    assert store.latest(DATASET, "A", 6).height == 6
    with pytest.raises(StoreError, match="file of a current generation is missing"):
        store.latest(DATASET, "A", 7)


def test_a_sweep_between_catalogue_and_file_is_not_noticed(store, months, monkeypatch):
    publish(store, months)
    resolve, turns = store.catalogue.current, []

    def overtaken(dataset, partitions=None):
        found = resolve(dataset, partitions)
        if len(turns) < 2:
            turns.append(publish(store, {MONTHS[0]: small(value=len(turns) + 2.0)}))
            store.sweep(dt.datetime.now(dt.UTC) + 2 * GRACE)
        return found

    monkeypatch.setattr(store.catalogue, "current", overtaken)
    assert store.read(DATASET, [MONTHS[0]]).equals(small(value=3.0))


def test_the_sweep_keeps_current_files_and_shared_ones(store):
    def again(value, code_version):
        made = store.publish(DATASET, {"2024-01": small(value=value)}, SMALL, code_version=code_version, inputs={})
        return made["2024-01"].generation

    far = dt.datetime.now(dt.UTC) + 100 * GRACE
    first, shared = again(1, "1"), again(1, "2")
    assert first.path == shared.path
    assert store.sweep(far) == []
    current = again(2, "2")
    assert store.sweep(far) == [first.path]
    assert files(store) == [current.path]
    assert [one.swept_at for one in store.catalogue.history(DATASET, "2024-01")] == [far, far, None]
    assert store.sweep(far) == []
    assert store.read(DATASET).equals(small(value=2))


def test_a_file_shared_by_an_old_and_a_young_generation_waits_for_the_young(store):
    times = iter([0, 1, 100])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)

    def clock():
        return start + next(times) * GRACE

    clocked = PartitionStore(store.root, store.catalogue.engine, GRACE, clock=clock)
    paths = []
    for value, version in ((1, "1"), (1, "2"), (2, "2")):
        made = clocked.publish(DATASET, {"2024-01": small(value=value)}, SMALL, code_version=version, inputs={})
        paths.append(made["2024-01"].generation.path)
    assert clocked.sweep(start + 100.5 * GRACE) == []
    assert clocked.sweep(start + 101 * GRACE) == [paths[0]]


def test_orphans_go_after_the_grace_period(store):
    made = publish(store, {"2024-01": small()})["2024-01"]
    folder = store.root / DATASET
    for name in ("2024-01-0123456789abcdef.parquet", "2024-01-0123456789abcdef.parquet.tmp", "README"):
        (folder / name).write_bytes(b"left behind")
    now = dt.datetime.now(dt.UTC)
    assert store.sweep(now) == []
    assert len(store.sweep(now + GRACE + SECOND)) == 2
    assert files(store) == sorted([made.path, f"{DATASET}/README"])


def test_row_groups_hold_whole_symbols_within_bounds():
    def rows(symbols, each):
        return group_rows(small(rows=each, symbols=symbols), SMALL)

    assert rows("AB", 10) == MIN_GROUP_ROWS
    assert rows("ABCD", 10_000) == 40_000
    assert rows("AB", 30_000) == 60_000
    assert rows("A", 200_000) == MAX_GROUP_ROWS


def test_one_symbol_of_many_is_read_from_its_own_row_groups(store):
    import pyarrow.parquet as pq

    frame = small(rows=20_000, symbols="ABCDEF")
    made = publish(store, {"2024-01": frame})["2024-01"]
    metadata = pq.ParquetFile(store.root / made.path).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [40_000] * 3
    assert [(group.column(0).statistics.min, group.column(0).statistics.max) for group in groups] == [
        ("A", "B"),
        ("C", "D"),
        ("E", "F"),
    ]
    assert {group.column(0).compression for group in groups} == {"ZSTD"}
    assert store.latest(DATASET, "D", 5).equals(frame.filter(pl.col("symbol") == "D").tail(5))

"""Columns that the contract makes Float32 are split by bytes; what is read again is what was written."""

import datetime as dt
import errno
import hashlib
import io
import math
import struct
from dataclasses import replace

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pyarrow import parquet

from tests.store.conftest import GRACE
from tests.store.samples import SMALL, small, written_long_ago
from tradepipe.contracts import Column
from tradepipe.store import PartitionStore
from tradepipe.store.compaction import compact, plan
from tradepipe.store.content import content_hash
from tradepipe.store.encoding import is_split, write_split
from tradepipe.store.export import export, read_export
from tradepipe.store.files import make_folder, write_temporary

DATASET = "lab/features"
FEATURES = replace(
    SMALL,
    name="features",
    columns=(
        *SMALL.columns,
        Column("rsi_14", pl.Float32, "a computed value", nullable=True),
        Column("obv", pl.Float64, "a sum over years", nullable=True),
    ),
)


def features(rows=3, *, month=1, symbols="AB", value=1.0):
    """Rows of `FEATURES`: a warm-up of nulls, then values that need every bit of a float."""
    number = pl.int_range(pl.len()).over("symbol")
    rsi = pl.when(number > 0).then((number / 7 + value).cast(pl.Float32))
    return small(rows, month=month, symbols=symbols).with_columns(rsi_14=rsi, obv=number * 1e9 / 3)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / DATASET).mkdir(parents=True)
    return tmp_path


def written(folder, frame, contract=FEATURES):
    file = write_temporary(folder, DATASET, "p", frame, contract)
    return file, folder / (file.path + ".tmp")


def column_chunks(path, row_group=0):
    group = parquet.ParquetFile(path).metadata.row_group(row_group)
    return {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}


def test_the_types_of_the_contract_say_what_is_split(folder):
    assert is_split(FEATURES.polars_schema)
    assert not is_split(SMALL.polars_schema)
    chunks = column_chunks(written(folder, features(50))[1])
    assert {name for name, one in chunks.items() if "BYTE_STREAM_SPLIT" in one.encodings} == {"rsi_14"}
    assert {one.compression for one in chunks.values()} == {"LZ4"}
    assert {name for name, one in chunks.items() if one.statistics is None} == {"rsi_14"}
    assert (chunks["symbol"].statistics.min, chunks["symbol"].statistics.max) == ("A", "B")
    assert "RLE_DICTIONARY" in chunks["symbol"].encodings
    assert "RLE_DICTIONARY" not in chunks["obv"].encodings


def test_files_without_such_columns_are_written_as_ever(folder):
    chunks = column_chunks(written(folder, small(50), SMALL)[1])
    assert {one.compression for one in chunks.values()} == {"ZSTD"}
    assert all(one.statistics is not None for one in chunks.values())


def test_the_size_and_hash_are_of_the_bytes_on_the_disk(folder):
    file, path = written(folder, features(5000))
    assert file.size == path.stat().st_size
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [0, 1, 3, 70_000])
def test_polars_duckdb_and_pyarrow_read_the_same_rows(folder, rows):
    frame = features(rows)
    path = written(folder, frame)[1]
    for again in (pl.read_parquet(path), pl.scan_parquet(path).collect()):
        assert_frame_equal(again, frame, check_exact=True)
        assert content_hash(again) == content_hash(frame)
    assert_frame_equal(pl.from_arrow(parquet.read_table(path), schema=frame.schema).rechunk(), frame, check_exact=True)
    with duckdb.connect() as connection:
        connection.sql("set timezone = 'UTC'")
        again = connection.sql(f"select * from read_parquet('{path}')").pl()  # noqa: S608 - our own path
    assert_frame_equal(again, frame, check_exact=True)


def test_row_groups_hold_whole_symbols_and_are_skipped_by_them(folder):
    frame = features(20_000, symbols="ABCDE").sort("symbol", "at")
    path = written(folder, frame)[1]
    metadata = parquet.ParquetFile(path).metadata
    assert [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)] == [40_000, 40_000, 20_000]
    ranges = [column_chunks(path, place)["symbol"].statistics for place in range(3)]
    assert [(one.min, one.max) for one in ranges] == [("A", "B"), ("C", "D"), ("E", "E")]


@pytest.mark.slow
def test_the_same_rows_give_the_same_bytes_however_they_lie(folder, tmp_path):
    frame = features(70_000)
    whole = written(folder, frame)[0].sha256
    chunked = pl.concat([frame[place : place + 999] for place in range(0, frame.height, 999)], rechunk=False)
    assert chunked.n_chunks() > 1
    assert written(folder, chunked)[0].sha256 == whole
    inside = pl.concat([features(5, value=9.0), frame])[10:]
    assert written(folder, inside)[0].sha256 == whole
    # Other values beneath the nulls: Arrow keeps what was there before a mask was laid over it.
    beneath = pl.Series("rsi_14", pa.array(np.full(frame.height, 7, np.float32), mask=np.ones(frame.height, bool)))
    nulls = pl.Series("rsi_14", [None] * frame.height, dtype=pl.Float32)
    assert (
        written(folder, frame.with_columns(beneath))[0].sha256 == written(folder, frame.with_columns(nulls))[0].sha256
    )
    files = []
    for step in (70_000, 140_000, 997, 65_537):
        files.append(tmp_path / f"{step}.parquet")
        write_split(files[-1], frame.iter_slices(step), 70_000)
    assert len({path.read_bytes() for path in files}) == 1
    changed = frame.with_columns(
        pl.when(pl.col("at") == pl.col("at").last()).then(0.0).otherwise("rsi_14").alias("rsi_14").cast(pl.Float32)
    )
    assert written(folder, changed)[0].sha256 != whole


BITS = st.one_of(
    st.none(),
    st.floats(width=32),
    st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 2.0**-149, -(2.0**-149), 3.4028234663852886e38]),
)


@settings(max_examples=60)
@given(st.lists(BITS, max_size=40), st.lists(BITS, max_size=40))
def test_the_content_hash_tells_every_bit_of_a_float_and_survives_the_disk(tmp_path_factory, one, other):
    frames = [pl.DataFrame({"x": pl.Series(values, dtype=pl.Float32)}) for values in (one, other)]
    told = [[None if value is None else struct.pack("<f", value) for value in frame["x"].to_list()] for frame in frames]
    assert (content_hash(frames[0]) == content_hash(frames[1])) == (told[0] == told[1])
    path = tmp_path_factory.getbasetemp() / "bits.parquet"
    write_split(path, [frames[0]], 7)
    again = pl.read_parquet(path)
    assert content_hash(again) == content_hash(frames[0])


def test_the_content_hash_of_float32_is_not_that_of_float64():
    frame = pl.DataFrame({"x": pl.Series([0.0, 1.5, None], dtype=pl.Float32)})
    assert content_hash(frame) != content_hash(frame.cast(pl.Float64))
    negative = pl.DataFrame({"x": pl.Series([-0.0, 1.5, None], dtype=pl.Float32)})
    assert content_hash(frame) != content_hash(negative)
    # Whatever lies beneath a null is no content.
    beneath = pl.DataFrame({"x": pl.Series([0.0, 1.5, 9.0], dtype=pl.Float32)}).with_columns(
        pl.when(pl.col("x") < 5).then("x").alias("x")
    )
    assert content_hash(frame) == content_hash(beneath)


class FullDisk(io.RawIOBase):
    """A file on a disk without room."""

    def writable(self):
        return True

    def write(self, _data):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_an_error_of_the_disk():
    with pytest.raises(OSError, match="No space left"):
        write_split(FullDisk(), [features(100)], 1000)


def test_the_store_publishes_reads_exports_and_finds_nothing_changed(store, tmp_path):
    frames = {f"2024-{month:02d}": features(30, month=month) for month in (1, 2)}
    first = store.publish(DATASET, frames, FEATURES, code_version="1", inputs={})
    assert all(one.changed for one in first.values())
    again = store.publish(DATASET, frames, FEATURES, code_version="1", inputs={})
    assert not any(one.changed for one in again.values())
    everything = pl.concat(frames.values())
    assert store.read(DATASET).equals(everything)
    # What is read makes the same file again, as a damaged file of a published dataset must be made.
    make_folder(tmp_path, DATASET)
    for key, one in store.catalogue.current(DATASET).items():
        assert write_temporary(tmp_path, DATASET, key, store.read(DATASET, [key]), FEATURES).sha256 == one.sha256
    assert store.read(DATASET, symbols=["B"], columns=["rsi_14"]).equals(
        everything.filter(pl.col("symbol") == "B").select("rsi_14")
    )
    export(store, DATASET, tmp_path / "tree")
    exported = read_export(tmp_path / "tree")
    assert exported.schema == everything.schema
    assert exported.equals(everything.sort("symbol", "at"))


def test_a_compacted_month_is_split_too_and_holds_the_same_rows(tmp_path):
    now = dt.datetime(2024, 3, 3, tzinfo=dt.UTC)
    with PartitionStore.open(tmp_path / "store", f"sqlite:///{tmp_path / 'c.sqlite'}", GRACE) as store:
        days = {
            f"2024-01-{day:02d}": features(24, value=day).with_columns(
                pl.col("at", "known_at").dt.offset_by(f"{day - 1}d"),
                pl.col("session").dt.offset_by(f"{day - 1}d"),
            )
            for day in (2, 3, 4)
        }
        store.publish(DATASET, days, FEATURES, code_version="1", inputs={})
        before = store.read(DATASET)
        written_long_ago(store)
        (done,) = compact(store, plan(store, now, dt.timedelta(days=2)), clock=lambda: dt.datetime.now(dt.UTC))
        chunks = column_chunks(store.root / done.path)
        assert "BYTE_STREAM_SPLIT" in chunks["rsi_14"].encodings
        assert chunks["symbol"].statistics.has_min_max
        assert_frame_equal(store.read(DATASET), before, check_exact=True)
        assert store.read(DATASET, ["2024-01-03"]).equals(days["2024-01-03"])
        hashes = {key: content_hash(store.read(DATASET, [key])) for key in days}
        assert hashes == {key: one.content for key, one in store.catalogue.current(DATASET).items()}

"""Export: one file a symbol and session, and back again."""

import re

import polars as pl
import pytest

from tests.store.samples import SMALL, small
from tradepipe.store import DatasetNotFound, StoreError
from tradepipe.store.export import export, read_export

DATASET = "lab/small"
LAYOUT = re.compile(r"[^/]+/\d{8}\.parquet")


@pytest.fixture
def months(store):
    frames = {f"2024-{month:02d}": small(rows=30, month=month, symbols="AB") for month in (1, 2)}
    renamed = {"A": "BTC/USDT", "B": "..", "C": "BRK.B"}
    frames = {key: SMALL.arrange(one.with_columns(pl.col("symbol").replace(renamed))) for key, one in frames.items()}
    store.publish(DATASET, frames, SMALL, code_version="1", inputs={})
    return pl.concat(frames.values())


def test_the_tree_has_the_layout_and_holds_every_row(store, months, tmp_path):
    written = export(store, DATASET, tmp_path / "tree")
    names = [path.relative_to(tmp_path / "tree").as_posix() for path in written]
    assert all(LAYOUT.fullmatch(name) for name in names)
    assert names[-1] == "BTC%2FUSDT/20240202.parquet"
    assert len(names) == 2 * months["session"].n_unique()
    found = sorted(path for path in (tmp_path / "tree").rglob("*") if path.is_file())
    assert found == written
    again = read_export(tmp_path / "tree")
    assert again.equals(months.sort("symbol", "at"))
    assert again.schema == months.schema
    # Once more, over what is there.
    assert export(store, DATASET, tmp_path / "tree") == written
    assert read_export(tmp_path / "tree").equals(again)


def test_some_symbols_and_partitions(store, months, tmp_path):
    export(store, DATASET, tmp_path, partitions=["2024-02"], symbols=["BTC/USDT"])
    expected = months.filter((pl.col("symbol") == "BTC/USDT") & (pl.col("session").dt.month() == 2))
    assert read_export(tmp_path).equals(expected)


def test_what_cannot_be_exported_says_why(store, months, tmp_path):
    del months
    with pytest.raises(DatasetNotFound):
        export(store, "lab/other", tmp_path)
    with pytest.raises(FileNotFoundError, match="holds no"):
        read_export(tmp_path)
    store.publish("lab/other", {"2024-01": small()}, SMALL, code_version="1", inputs={}, refused={})
    with pytest.raises(StoreError, match="rows have no symbol and session"):
        export(_without_session(store), "lab/other", tmp_path)


def _without_session(store):
    from dataclasses import replace

    columns = tuple(column for column in SMALL.columns if column.name != "session")
    frame = small().drop("session")
    store.publish("lab/other", {"2024-01": frame}, replace(SMALL, columns=columns), code_version="2", inputs={})
    return store

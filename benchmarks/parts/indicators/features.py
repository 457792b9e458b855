"""What it costs to write features: 36 columns of the bundle, five years of 505 stocks, a partition a month.

Ours is the store's writer on the contract as it is: Float32 columns, split by bytes, hashed while they are
written. Peer: the same rows as Float64, through the same writer, which then leaves them to polars and
Zstandard 1, in the same row groups and hashed alike. polars alone, which hashes nothing, is told beside it.
"""

import gzip
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.common.bars import PRICES, Figure, paired, ratio_of
from benchmarks.common.stocks import shared_file
from benchmarks.parts.indicators.bundle import BUNDLE
from tradepipe.contracts import Column, Contract, indicators_contract
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators import parse_indicator
from tradepipe.indicators.batch.running import run_kernel
from tradepipe.store.files import make_folder, write_temporary

COLUMNS = 36
RATIO_TARGET = 2.0
BYTES_TARGET = 120.0
DATASET = "stocks/indicators"
Months = Mapping[str, pl.DataFrame]


def measure(*, quick: bool) -> dict[str, Figure]:
    """How many times less CPU time than float64 takes, and bytes a row; nothing without the shared data."""
    file = shared_file()
    if file is None:
        print("features: left out, because the 505-stock file of the shared data is not here")
        return {}
    contract, rows = _features(file, symbols=60 if quick else None)
    doubles = replace(contract, columns=tuple(_doubled(column) for column in contract.columns))
    ours, theirs = _months(rows.cast(dict(contract.polars_schema))), _months(rows.cast(dict(doubles.polars_schema)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {"ours": 0, "theirs": 0}
        mine, same, bare = paired(
            _writing(folder, ours, contract, sizes, "ours"),
            _writing(folder, theirs, doubles, sizes, "theirs"),
            _bare(folder, theirs),
            rounds=3 if quick else 9,
        )
    said = f"{rows.height:,} rows x {COLUMNS} features of 505 stocks in {len(ours)} months"
    return {
        "features_written_over_float64": {
            "measured": ratio_of(same, mine),
            "target": RATIO_TARGET,
            "unit": "times less CPU time",
            "peer": f"the store's writer on float64, zstd 1: {min(same):.3f} CPU-s, ours {min(mine):.3f}; over polars "
            f"alone, unhashed ({min(bare):.3f}): {ratio_of(bare, mine):.2f} times; {said}",
            "better": "higher",
        },
        "features_bytes_per_row": {
            "measured": sizes["ours"] / rows.height,
            "target": BYTES_TARGET,
            "unit": "B/row",
            "peer": f"float64, zstd 1: {sizes['theirs'] / rows.height:.0f} B/row; {said}",
            "better": "lower",
        },
    }


def _features(file: Path, symbols: int | None) -> tuple[Contract, pl.DataFrame]:
    """The first 36 outputs of the bundle on the file's rows, as the layer has them, and their contract."""
    bars = _bars(file, symbols)
    bound = [parse_indicator(text) for text in BUNDLE]
    lengths = bars.group_by("symbol", maintain_order=True).len()["len"].cast(pl.Int64)
    offsets = np.concatenate([np.zeros(1, np.int64), lengths.cum_sum().to_numpy()])
    arrays = {name: bars[name].to_numpy() for one in bound for name in one.inputs}
    for array in arrays.values():
        array.flags.writeable = False
    columns = [column for one in bound for column in one.outputs][:COLUMNS]
    values = [values for one in bound for values in run_kernel(one, arrays, offsets)][:COLUMNS]
    key = [column.name for column in INDICATOR_KEY_COLUMNS]
    made = bars.select(key).with_columns(
        pl.Series(column.name, array).fill_nan(None) for column, array in zip(columns, values, strict=True)
    )
    return indicators_contract(columns), made


def _bars(file: Path, symbols: int | None) -> pl.DataFrame:
    """Bars that are whole, by symbol and session, with the mean close of the session as the benchmark."""
    rows = pl.read_csv(gzip.decompress(file.read_bytes()), schema_overrides={"volume": pl.Float64}).drop_nulls()
    names = rows["Name"].unique().sort()
    day = pl.col("date").str.to_date()
    time = day.cast(pl.Datetime("us", "UTC"))
    return (
        rows.filter(pl.col("Name").is_in(names.head(symbols or len(names)).implode()))
        .filter(pl.col("high") >= pl.max_horizontal(*PRICES), pl.col("low") <= pl.min_horizontal(*PRICES))
        .with_columns(
            day.alias("session"),
            symbol="Name",
            open_time=time + pl.duration(hours=14, minutes=30),
            close_time=time + pl.duration(hours=21),
            known_at=time + pl.duration(hours=21),
            benchmark=pl.col("close").mean().over("date"),
        )
        .sort("symbol", "session")
    )


def _doubled(column: Column) -> Column:
    return replace(column, dtype=pl.Float64) if column.dtype == pl.Float32 else column


def _months(rows: pl.DataFrame) -> Months:
    month = rows.with_columns(month=pl.col("session").dt.strftime("%Y-%m"))
    parts = month.partition_by("month", as_dict=True, include_key=False, maintain_order=True)
    return {str(key): part for (key,), part in parts.items()}


def _writing(
    folder: Path, months: Months, contract: Contract, sizes: dict[str, int], whose: str
) -> Callable[[], object]:
    def run() -> None:
        make_folder(folder, DATASET)
        files = [write_temporary(folder, DATASET, key, frame, contract) for key, frame in months.items()]
        sizes[whose] = sum(file.size for file in files)
        shutil.rmtree(folder / DATASET)

    return run


def _bare(folder: Path, months: Months) -> Callable[[], object]:
    def run() -> None:
        make_folder(folder, DATASET)
        for key, frame in months.items():
            frame.write_parquet(folder / DATASET / key, compression="zstd", compression_level=1)
        shutil.rmtree(folder / DATASET)

    return run

"""Indicators of whole partitions: one pass over sorted arrays, a group a series."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.windows import anchored
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators.errors import IndicatorInputError
from tradepipe.indicators.kernels import FIRST, FRESH, SLOT, STOP
from tradepipe.indicators.model import BoundIndicator, Series

PARTITION = "partition"
# Windows overlap, so all of a long range at once would hold each bar lookback / partition times.
ROWS_AT_ONCE = 150_000
_KEY = [column.name for column in INDICATOR_KEY_COLUMNS]


def compute_indicators(bars: pl.DataFrame, windows: pl.DataFrame, bound: Sequence[BoundIndicator]) -> pl.DataFrame:
    """The indicators layer of the partitions in `windows`.

    Each partition is computed from the bars of its own anchored window and nothing else, so that alone,
    in a range or again it comes out the same to the last bit.

    Args:
        bars: key columns of the indicators contract and every input of `bound`, in any order; bars of
            sessions outside the windows are ignored.
        windows: partition, anchor_session, first_session, last_session; see `PartitionScheme.windows`.
        bound: what to compute; the outputs must be distinct, which `parse_indicators` ensures.

    Returns:
        partition, the key columns, then the outputs as their contract has them: null during warm-up and where a value
        is undefined. One row a bar of the partition's own sessions, sorted by partition, symbol, open_time.

    Raises:
        IndicatorInputError: bars lack a column, hold a bar twice or a value that is no finite number;
            the message names symbol, bar and column.
    """
    inputs = list(dict.fromkeys(name for one in bound for name in one.inputs))
    missing = [name for name in [*_KEY, *inputs] if name not in bars.columns]
    if missing:
        raise IndicatorInputError(
            f"the bars lack the column {', '.join(missing)}; needed are {', '.join([*_KEY, *inputs])}"
        )
    needed = bars.select(list(dict.fromkeys([*_KEY, *inputs]))).sort("session")
    parts = [_of_windows(needed, some, inputs, bound) for some in windows.iter_slices(_at_once(needed, windows))]
    return pl.concat(parts or [_of_windows(needed.clear(), windows, inputs, bound)])


def _at_once(bars: pl.DataFrame, windows: pl.DataFrame) -> int:
    """How many windows hold about ROWS_AT_ONCE rows together: at least one, whatever it holds."""
    session = bars.get_column("session")
    first = session.search_sorted(windows.get_column("anchor_session"), side="left").cast(pl.Int64)
    stop = session.search_sorted(windows.get_column("last_session"), side="right").cast(pl.Int64)
    largest = (stop - first).max()
    return max(ROWS_AT_ONCE // max(largest, 1), 1) if isinstance(largest, int) else 1


def _of_windows(
    bars: pl.DataFrame, windows: pl.DataFrame, inputs: Sequence[str], bound: Sequence[BoundIndicator]
) -> pl.DataFrame:
    series = anchored(bars, windows).sort(PARTITION, "symbol", "open_time")
    _refuse_repeated(series)
    _refuse_not_finite(series, inputs)
    offsets = _offsets(series)
    arrays = {name: _read_only(series[name]) for name in inputs}
    columns = [
        pl.Series(output.name, values).fill_nan(None).cast(output.precision)
        for one in bound
        for output, values in zip(one.described, run_kernel(one, arrays, offsets), strict=True)
    ]
    first = windows.select(PARTITION, "first_session")
    return (
        series.select(PARTITION, *_KEY)
        .with_columns(columns)
        .join(first, on=PARTITION, how="left", maintain_order="left")
        .filter(pl.col("session") >= pl.col("first_session"))
        .drop("first_session")
    )


def run_kernel(
    bound: BoundIndicator, arrays: Mapping[str, NDArray[np.float64]], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], ...]:
    """The outputs of one indicator over series that lie end to end, series g in rows offsets[g] to offsets[g + 1].

    `arrays` holds the inputs by name, finite, read-only, contiguous. NaN where there is no value.
    """
    series = whole_series(offsets)
    memory = np.zeros((len(series), bound.memory))
    return bound.run(series, memory, tuple(arrays[name] for name in bound.inputs), int(offsets[-1]))


def whole_series(offsets: NDArray[np.int64]) -> Series:
    """Series that lie end to end, none of them begun, as kernels are told of them; empty ones are left out."""
    filled = np.flatnonzero(np.diff(offsets))
    series = np.zeros((len(filled), 5), np.int64)
    series[:, FIRST] = series[:, FRESH] = offsets[filled]
    series[:, STOP] = offsets[filled + 1]
    series[:, SLOT] = np.arange(len(series))
    return series


def _offsets(series: pl.DataFrame) -> NDArray[np.int64]:
    lengths = series.group_by(PARTITION, "symbol", maintain_order=True).len()["len"]
    return np.concatenate([np.zeros(1, np.int64), lengths.cast(pl.Int64).cum_sum().to_numpy()])


def _read_only(column: pl.Series) -> NDArray[np.float64]:
    # One array type whatever polars hands out: kernels compile once, and cannot write to their input.
    array = np.ascontiguousarray(column.cast(pl.Float64).to_numpy()).view()
    array.flags.writeable = False
    return array


def _refuse_repeated(series: pl.DataFrame) -> None:
    key = [PARTITION, "symbol", "open_time"]
    repeated = series.filter(pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key))
    if repeated.height:
        row = repeated.row(0, named=True)
        raise IndicatorInputError(
            f"partition {row[PARTITION]}: the bar of {row['symbol']} at {row['open_time']:%Y-%m-%d %H:%M:%S} UTC comes "
            f"twice ({repeated.height} repeated in all). Remedy: give each bar and each partition once."
        )


def _refuse_not_finite(series: pl.DataFrame, inputs: Sequence[str]) -> None:
    for name in inputs:
        broken = series.filter(~pl.col(name).cast(pl.Float64).is_finite().fill_null(value=False))
        if broken.height:
            row = broken.row(0, named=True)
            raise IndicatorInputError(
                f"{name} of {row['symbol']} at {row['open_time']:%Y-%m-%d %H:%M:%S} UTC is {row[name]}, "
                f"{broken.height} such value{'s' if broken.height > 1 else ''} in all; indicators need finite numbers. "
                "Remedy: publish bars through their contract, which sends such rows to quarantine."
            )

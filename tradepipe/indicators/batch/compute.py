"""Indicators of whole partitions: one pass over sorted arrays, however far each partition looks back."""

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.windows import PARTITION, anchored
from tradepipe.contracts.features import INDICATOR_KEY_COLUMNS
from tradepipe.indicators.batch.checks import refuse_missing, refuse_not_finite, refuse_repeated
from tradepipe.indicators.batch.known import last_known
from tradepipe.indicators.batch.outside import LAYER_OF, Beside, with_inputs_from_outside
from tradepipe.indicators.batch.overlapping import Overlapping
from tradepipe.indicators.batch.running import Precision, run_all, run_kernel, whole_series
from tradepipe.indicators.batch.universe import cross_section
from tradepipe.indicators.errors import IndicatorError
from tradepipe.indicators.feature import Feature, Wanted, as_features
from tradepipe.indicators.inputs import BAR_INPUTS, OUTSIDE_INPUTS
from tradepipe.indicators.model import BoundIndicator

__all__ = ["compute_indicators", "run_kernel", "whole_series"]

# Windows overlap, so all of a long range at once would hold each bar lookback / partition times.
ROWS_AT_ONCE = 150_000
SERIES = "series"
_KEY = [column.name for column in INDICATOR_KEY_COLUMNS]


def compute_indicators(
    bars: pl.DataFrame,
    windows: pl.DataFrame,
    wanted: Sequence[Wanted],
    beside: Beside | None = None,
    *,
    threads: int = 1,
) -> pl.DataFrame:
    """The indicators layer of the partitions in `windows`.

    Each partition is computed from the rows of its own anchored windows and nothing else, so that alone,
    in a range or again it comes out the same to the last bit. What is computed from a longer interval stands
    beside a base bar as of the last longer bar that had closed and was known when the base bar had and was.

    Args:
        bars: key columns of the indicators contract and every input of `wanted` that is the bar's own, in any
            order; bars of sessions outside the windows are ignored. An input from outside that they bring is used.
        windows: partition, anchor_session, first_session, last_session; see `PartitionScheme.windows`.
        wanted: what to compute; the outputs must be distinct, which `parse_features` ensures.
        beside: where longer intervals, inputs from outside and the universe come from, if something asks for them.
        threads: how many compute what the bars alone give; it changes no value.

    Returns:
        partition, the key columns, then the outputs as their contract has them: null during warm-up and where a value
        is undefined. One row a bar of the partition's own sessions, sorted by partition, symbol, open_time.

    Raises:
        IndicatorInputError: bars lack a column, hold a bar twice or a value that is no finite number;
            the message names symbol, bar and column.
        IndicatorError: `beside` lacks what something asks for.
    """
    features, beside = as_features(wanted), beside or Beside()
    _refuse_without(features, bars, beside)
    inputs = list(dict.fromkeys(name for one in features for name in one.inputs))
    own = [name for name in inputs if name in BAR_INPUTS or name in bars.columns]
    if "benchmark" in inputs and "benchmark" not in own:
        own.append("close")
    needed = list(dict.fromkeys([*_KEY, *own]))
    refuse_missing(bars, needed)
    ordered, windows = bars.select(needed).sort("open_time"), windows.sort("first_session")
    laid = Overlapping.of(ordered, windows)
    refuse_repeated(laid.bars, windows)
    rows = laid.bars.select(_KEY)[laid.own].insert_column(0, laid.partition)
    whole = {name for name in own if laid.bars.get_column(name).null_count() == 0}
    lacking = set(OUTSIDE_INPUTS) - whole
    plain = [one for one in features if one.interval is None and not lacking & set(one.inputs)]
    joined = [one for one in features if one not in plain]
    values = _in_place(laid, rows, plain, beside, threads)
    if joined:
        slices = windows.iter_slices(_at_once(ordered, windows))
        parts = [_of_windows(ordered, some, joined, beside) for some in slices]
        values |= pl.concat(parts or [_of_windows(ordered.clear(), windows, joined, beside)]).to_dict()
    return rows.with_columns(values[output.name] for one in features for output in one.described)


def _in_place(
    laid: Overlapping, rows: pl.DataFrame, features: Sequence[Feature], beside: Beside, threads: int
) -> dict[str, pl.Series]:
    """Columns of what is computed from the bars alone, at `rows`, the partitions' own."""
    inputs = list(dict.fromkeys(name for one in features for name in one.inputs))
    refuse_not_finite(laid.bars, inputs)
    arrays = {name: _read_only(laid.bars.get_column(name)) for name in inputs}
    found = run_all(_precisions(features), arrays, laid.offsets, series=laid.series, threads=threads)
    columns = {}
    for one in features:
        own = [pl.Series(values[laid.own]).fill_nan(None) for values in found[one.bound]]
        for output, column in zip(one.described, _set_across(rows, one, own, beside), strict=True):
            columns[output.name] = column.cast(output.precision).alias(output.name)
    return columns


def _refuse_without(features: Sequence[Feature], bars: pl.DataFrame, beside: Beside) -> None:
    there = {name for name, layer in LAYER_OF.items() if layer in beside.layers}
    there |= {"benchmark"} if beside.benchmark is not None else set()
    for one in features:
        brought = set() if one.interval else set(bars.columns)
        if lacking := [name for name in one.inputs if name in OUTSIDE_INPUTS and name not in there | brought]:
            raise IndicatorError(
                f"{one.text}: {lacking[0]} is needed. Remedy: give it as a column, or Beside(...) with it"
            )
        if one.interval and beside.intervals is None:
            raise IndicatorError(f"{one.text}: bars of {one.interval} are needed. Remedy: give Beside(intervals=...)")
        if one.across and beside.universe is None:
            raise IndicatorError(f"{one.text}: the universe is needed. Remedy: give Beside(universe=...)")


def _at_once(bars: pl.DataFrame, windows: pl.DataFrame) -> int:
    """How many windows hold about ROWS_AT_ONCE rows together: at least one, whatever it holds."""
    session = bars.get_column("session")
    first = session.search_sorted(windows.get_column("anchor_session"), side="left").cast(pl.Int64)
    stop = session.search_sorted(windows.get_column("last_session"), side="right").cast(pl.Int64)
    largest = (stop - first).max()
    return max(ROWS_AT_ONCE // max(largest, 1), 1) if isinstance(largest, int) else 1


def _of_windows(bars: pl.DataFrame, windows: pl.DataFrame, features: Sequence[Feature], beside: Beside) -> pl.DataFrame:
    series = _in_series(anchored(bars, windows))
    first = windows.select(PARTITION, "first_session")
    started = series.select(PARTITION, "session").join(first, on=PARTITION, how="left", maintain_order="left")
    mine = started.select(pl.col("session") >= pl.col("first_session")).to_series()
    rows = series.select(PARTITION, *_KEY).filter(mine)
    values: dict[Feature, list[pl.Series]] = {}
    for interval in dict.fromkeys(one.interval for one in features):
        some = [one for one in features if one.interval == interval]
        if interval is None:
            values |= {one: [each.filter(mine) for each in found] for one, found in _run(series, series, some, beside)}
        else:
            longer = _longer(interval, windows, beside)
            found = last_known(rows, longer, [PARTITION, "symbol"])
            computed = _run(longer, series, some, beside)
            values |= {one: [each.gather(found) for each in columns] for one, columns in computed}
    return rows.with_columns(
        column.cast(output.precision).alias(output.name)
        for one in features
        for output, column in zip(one.described, _set_across(rows, one, values[one], beside), strict=True)
    )


def _longer(interval: str, windows: pl.DataFrame, beside: Beside) -> pl.DataFrame:
    """Whole bars of `interval` of each partition's window; one that is still forming says nothing."""
    if beside.intervals is None:  # refused before
        raise IndicatorError(f"there are no bars of {interval}")
    told = beside.intervals.of(windows.get_column(PARTITION))
    return _in_series(told.filter(~pl.col("is_partial"), interval=interval).sort("open_time"))


def _run(
    series: pl.DataFrame, bars: pl.DataFrame, features: Sequence[Feature], beside: Beside
) -> Iterator[tuple[Feature, list[pl.Series]]]:
    """The outputs of `features` over `series`, which is sorted; null where there is no value."""
    inputs = dict.fromkeys(name for one in features for name in one.inputs)
    series = with_inputs_from_outside(series, bars, [name for name in inputs if name in OUTSIDE_INPUTS], beside)
    by_outside: dict[tuple[str, ...], dict[BoundIndicator, list[Precision]]] = {}
    for bound, told in _precisions(features).items():
        outside = tuple(sorted(name for name in bound.inputs if name in OUTSIDE_INPUTS))
        by_outside.setdefault(outside, {})[bound] = told
    computed: dict[BoundIndicator, list[pl.Series]] = {}
    for outside, some in by_outside.items():
        computed |= _run_where(series, outside, some)
    yield from ((one, computed[one.bound]) for one in features)


def _precisions(features: Sequence[Feature]) -> dict[BoundIndicator, list[Precision]]:
    """How outputs are kept until they are columns: in all digits where the column or a cross-section needs them."""
    precisions: dict[BoundIndicator, list[Precision]] = {}
    for one in features:
        told = precisions.setdefault(one.bound, [np.float32] * len(one.described))
        wide = one.across is not None
        for place, output in enumerate(one.described):
            if wide or output.precision == pl.Float64:
                told[place] = np.float64
    return precisions


def _run_where(
    series: pl.DataFrame, outside: Sequence[str], wanted: dict[BoundIndicator, list[Precision]]
) -> dict[BoundIndicator, list[pl.Series]]:
    """The outputs of `wanted` over the bars that have all of the inputs `outside`; null on the others."""
    has = series.select(pl.all_horizontal(pl.lit(True), *(pl.col(name).is_not_null() for name in outside))).to_series()
    whole = not outside or bool(has.all())
    seen = series if whole else series.filter(has)
    inputs = list(dict.fromkeys(name for bound in wanted for name in bound.inputs))
    refuse_not_finite(seen, inputs)
    arrays = {name: _read_only(seen.get_column(name)) for name in inputs}
    rows = None if whole else pl.select(pl.when(has).then(has.cum_sum() - 1)).to_series()
    found = {}
    for bound, columns in run_all(wanted, arrays, _offsets(seen)).items():
        filled = [pl.Series(values).fill_nan(None) for values in columns]
        found[bound] = filled if rows is None else [column.gather(rows) for column in filled]
    return found


def _set_across(rows: pl.DataFrame, feature: Feature, columns: Sequence[pl.Series], beside: Beside) -> list[pl.Series]:
    if feature.across is None or beside.universe is None:
        return list(columns)
    member = beside.universe.is_member(rows).to_numpy()
    filled = (column.fill_null(np.nan).to_numpy() for column in columns)
    return [pl.Series(cross_section(rows, values, member, feature.across)).fill_nan(None) for values in filled]


def _in_series(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows`, which ascend in time within each partition, by partition and symbol, with the number of their SERIES."""
    # Numbers sort many times faster than words. They ascend as the words do.
    places = {name: pl.Enum(rows.get_column(name).unique().sort()) for name in (PARTITION, "symbol")}
    count = max(len(places["symbol"].categories), 1)
    partition, symbol = (pl.col(name).cast(place).to_physical().cast(pl.Int64) for name, place in places.items())
    return rows.with_columns((partition * count + symbol).alias(SERIES)).sort(SERIES, maintain_order=True)


def _offsets(series: pl.DataFrame) -> NDArray[np.int64]:
    numbers = series.get_column(SERIES).to_numpy()
    inner = np.flatnonzero(numbers[1:] != numbers[:-1]) + 1
    return np.concatenate([[0], inner, [len(numbers)]] if len(numbers) else [[0]]).astype(np.int64)


def _read_only(column: pl.Series) -> NDArray[np.float64]:
    # One array type whatever polars hands out: kernels compile once, and cannot write to their input.
    array = np.ascontiguousarray(column.to_physical().cast(pl.Float64).to_numpy()).view()
    array.flags.writeable = False
    return array

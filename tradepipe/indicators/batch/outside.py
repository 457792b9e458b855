"""What the inputs from outside are read from, put beside the bars of each partition's own window."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import polars as pl

from tradepipe.bars.windows import PARTITION, anchored
from tradepipe.derivatives import with_outside
from tradepipe.indicators.batch.known import last_known
from tradepipe.markets import Universe

LAYER_OF: Mapping[str, str] = MappingProxyType(
    {"funding_rate": "funding", "mark_price": "mark_prices", "open_interest": "open_interest"}
)
"""The layer beside the chain that each of these inputs is read from."""

DATA_OF: Mapping[str, str] = MappingProxyType(
    {"funding_rate": "funding", "mark_price": "mark", "open_interest": "open_interest"}
)
"""What a market's `fetch.data` calls each of them."""

HELD_SESSIONS = 2
"""Sessions before a bar in which a value still holds at its close: a day of payments (LIMITS), and a bit."""

TIME_OF = {"funding": "scheduled_at", "open_interest": "taken_at"}
"""When a row is of one moment. One of the moment a bar ends belongs to the next bar, whose session it has."""


@dataclass(frozen=True)
class Windowed:
    """Rows of a layer, with `session`, and the window of each partition in them."""

    rows: pl.DataFrame
    windows: pl.DataFrame

    def of(self, partitions: pl.Series) -> pl.DataFrame:
        """The rows that each of `partitions` may read, with their `partition`."""
        return anchored(self.rows, self.windows.filter(pl.col(PARTITION).is_in(partitions.implode())))


@dataclass(frozen=True)
class Beside:
    """What a market gives its indicators beside the base bars; none of it is needed by most.

    Attributes:
        intervals: RESAMPLED_BARS rows.
        layers: rows of `funding`, `mark_prices` and `open_interest` by these names, where the market has them.
        benchmark: the symbol whose closes are the input `benchmark`.
        universe: whose members cross-sections are taken over.
    """

    intervals: Windowed | None = None
    layers: Mapping[str, Windowed] = field(default_factory=dict)
    benchmark: str | None = None
    universe: Universe | None = None


def with_inputs_from_outside(
    series: pl.DataFrame, bars: pl.DataFrame, wanted: Collection[str], beside: Beside
) -> pl.DataFrame:
    """`series` with the inputs `wanted`, null where nothing is known of them. Columns it brings are left alone.

    Each partition sees the rows of its own window only, so that it comes out the same alone and in a range.

    Args:
        series: bars with their `partition`, such as the base bars or those of one longer interval.
        bars: base bars with their `partition`, among them the benchmark's.
        wanted: of `tradepipe.indicators.inputs.OUTSIDE_INPUTS`.
        beside: where they come from.
    """
    lacking = [name for name in wanted if name not in series.columns]
    if "benchmark" in lacking:
        told = bars.filter(symbol=beside.benchmark).select(PARTITION, "close_time", "known_at", "close")
        closes = told.get_column("close").gather(last_known(series, told, [PARTITION]))
        series = series.with_columns(closes.cast(pl.Float64).alias("benchmark"))
    if not LAYER_OF.keys().isdisjoint(lacking):
        funding, mark_prices, open_interest = (
            _told(layer, series, beside) if name in lacking else None for name, layer in LAYER_OF.items()
        )
        asked = series.select(_per_partition(), "open_time", "close_time", "known_at")
        told = with_outside(asked, funding=funding, mark_prices=mark_prices, open_interest=open_interest)
        series = series.with_columns(told.get_column(name) for name in lacking if name in LAYER_OF)
    return series


def _told(layer: str, series: pl.DataFrame, beside: Beside) -> pl.DataFrame | None:
    if layer not in beside.layers:
        return None
    rows = beside.layers[layer].of(series.get_column(PARTITION).unique()).with_columns(_per_partition())
    moment = TIME_OF.get(layer)
    return rows.with_columns(pl.col(moment) + pl.duration(microseconds=1)) if moment else rows


def _per_partition() -> pl.Expr:
    """A symbol for each symbol of each partition."""
    return pl.concat_str(PARTITION, "symbol", separator="\n").alias("symbol")

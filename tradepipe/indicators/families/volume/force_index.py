"""How hard volume pushed prices."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, seeded_average
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average as seeded_average_of
from tradepipe.indicators.specifications import seeded_lookback

# Forces of both signs average to some thousandths of their size: a seed must fade further than in a mean of prices.
NEGLIGIBLE = 1e-16


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"exponential mean of change of close * volume, weight 2 / {period + 1}"
    return (Output(label, text, unit="price currency * volume", warm_up=period),)


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, volume: Floats, period: int, out: Floats) -> None:
    """Memory: close before, average (the sum until the seed)."""
    weight = 2.0 / (period + 1)
    for g in range(len(series)):
        fresh, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before = memory[slot, 0]
        memory[slot, 0] = close[stop - 1]
        if seen == 0:
            out[fresh] = np.nan
            before = close[fresh]
            fresh, seen = fresh + 1, 1
        force = np.empty(stop - fresh)
        for i in range(stop - fresh):
            force[i] = (close[fresh + i] - before) * volume[fresh + i]
            before = close[fresh + i]
        memory[slot, 1] = seeded_average(
            force, 0, stop - fresh, seen - 1, period, weight, memory[slot, 1], out[fresh:stop]
        )


def _specification(period: int) -> tuple[pl.Expr, ...]:
    force = pl.col("close").diff() * pl.col("volume")
    return (seeded_average_of(force, period, 2 / (period + 1), seed_row=period),)


FORCE_INDEX = register(
    Indicator(
        name="force_index",
        title="Force index",
        description="Exponential mean of (close - close before) * volume with weight 2 / (period + 1), seeded with "
        "the simple mean of the first `period` values.",
        source="Elder (1993), Trading for a Living, section 42",
        inputs=("close", "volume"),
        parameters=(Parameter("period", int, 13, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 2 / (period + 1), NEGLIGIBLE),
        memory=lambda period: 2,
        kernel=_kernel,
        specification=_specification,
    )
)

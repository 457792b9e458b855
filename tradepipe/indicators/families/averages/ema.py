"""Exponential moving average."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, seeded_average
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average as seeded_average_of
from tradepipe.indicators.specifications import seeded_lookback


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, period: int, out: Floats) -> None:
    weight = 2.0 / (period + 1)
    for g in range(len(series)):
        fresh, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        memory[slot, 0] = seeded_average(close, fresh, stop, seen, period, weight, memory[slot, 0], out)


def _weight(period: int) -> float:
    return 2 / (period + 1)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"exponential mean of closes with weight 2 / {period + 1}"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


EMA = register(
    Indicator(
        name="ema",
        title="Exponential moving average",
        description="Recursive mean in which each bar weighs 2 / (period + 1) and older ones fade. "
        "Seeded, as in TA-Lib, with the simple mean of the first `period` closes.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period - 1, _weight(period)),
        memory=lambda period: 1,
        kernel=_kernel,
        specification=lambda period: (
            seeded_average_of(pl.col("close"), period, _weight(period), seed_row=period - 1),
        ),
    )
)

"""Trend cloud: the band between two exponential averages."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.cascades import cascade_lookback, seeded_step
from tradepipe.indicators.kernels.recursions import Floats, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average, seeded_lookback, wilder_average
from tradepipe.indicators.specifications import true_range as true_range_of

TIE = 1e-12
"""This part of a price is rounding: averages no farther apart are equal, and a range no greater is none."""


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    fast: int,
    slow: int,
    period: int,
    fast_line: Floats,
    slow_line: Floats,
    sign: Floats,
    width: Floats,
) -> None:
    """Memory: the fast, the slow average and the average true range (sums until their seeds), close before."""
    fast_weight, slow_weight, wilder = 2.0 / (fast + 1), 2.0 / (slow + 1), 1.0 / period
    for g in range(len(series)):
        seen, slot = series[g, SEEN], series[g, SLOT]
        quick, calm, reach, before = memory[slot, 0], memory[slot, 1], memory[slot, 2], memory[slot, 3]
        for i in range(series[g, FRESH], series[g, STOP]):
            middle = 0.5 * (high[i] + low[i])
            quick = seeded_step(quick, middle, seen, fast, fast_weight)
            calm = seeded_step(calm, middle, seen, slow, slow_weight)
            reach = seeded_step(reach, true_range(high[i], low[i], before), seen - 1, period, wilder)
            before = close[i]
            ready, between, least = seen >= slow - 1, quick - calm, TIE * abs(calm)
            fast_line[i] = quick if seen >= fast - 1 else np.nan
            slow_line[i] = calm if ready else np.nan
            sign[i] = (1.0 if between >= -least else -1.0) if ready else np.nan
            width[i] = abs(between) / reach if ready and seen >= period and reach > least else np.nan
            seen += 1
        memory[slot, 0], memory[slot, 1], memory[slot, 2], memory[slot, 3] = quick, calm, reach, before


def _outputs(label: str, fast: int, slow: int, period: int) -> tuple[Output, ...]:
    unit, middles = "price currency", "exponential mean of the middles of the bars"
    return (
        Output(f"{label}_fast", f"{fast}-bar {middles}", unit, fast - 1),
        Output(f"{label}_slow", f"{slow}-bar {middles}", unit, slow - 1),
        Output(
            f"{label}_direction",
            "1 while the fast mean is not below the slow one, else -1",
            "sign",
            slow - 1,
            minimum=-1,
            maximum=1,
        ),
        Output(
            f"{label}_width",
            f"distance of the two means in {period}-bar average true ranges; null when nothing has moved for long",
            "average true ranges",
            max(slow - 1, period),
            minimum=0,
        ),
    )


def _specification(fast: int, slow: int, period: int) -> tuple[pl.Expr, ...]:
    high, low = pl.col("high"), pl.col("low")
    quick = seeded_average((high + low) / 2, fast, 2 / (fast + 1), seed_row=fast - 1)
    calm = seeded_average((high + low) / 2, slow, 2 / (slow + 1), seed_row=slow - 1)
    reach = wilder_average(true_range_of(), period)
    above = pl.when(quick - calm >= -TIE * calm.abs()).then(1.0).when(calm.is_not_null()).then(-1.0)
    return quick, calm, above, pl.when(reach > TIE * calm.abs()).then((quick - calm).abs() / reach)


def _refuses(fast: int, slow: int, period: int) -> str:  # noqa: ARG001 - parameters come by name
    return "" if fast < slow else f"fast must be below slow, not {fast} to {slow}; give the shorter average first"


TREND_CLOUD = register(
    Indicator(
        name="trend_cloud",
        title="Trend cloud",
        description="The band between a fast and a slow exponential mean of the middles of the bars, which direction "
        "it says (rising while the fast mean is not below the slow one) and how wide it is in average true ranges. "
        "Band, middles and direction are those of the Ripster EMA clouds, 34 and 50 bars being the cloud that gives "
        "the bias; the width puts markets of different volatility on one scale. Each mean is seeded with the simple "
        "mean of its first values; the average true range is that of `atr`, and once it has faded to 1e-12 of the "
        "price there is no width.",
        source="EMA clouds of ripster47, as TrendSpider (2021) has them, release notes of 2 March, 'MA Cloud by "
        "Ripster'",
        inputs=("high", "low", "close"),
        parameters=(
            Parameter("fast", int, 34, minimum=2, maximum=2000, description="bars in the fast average"),
            Parameter("slow", int, 50, minimum=3, maximum=2000, description="bars in the slow average"),
            Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the average true range"),
        ),
        outputs=_outputs,
        lookback=lambda fast, slow, period: max(
            cascade_lookback(max(fast, slow), 1), seeded_lookback(period, 1 / period)
        ),
        memory=lambda fast, slow, period: 4,
        kernel=_kernel,
        specification=_specification,
        refuses=_refuses,
    )
)

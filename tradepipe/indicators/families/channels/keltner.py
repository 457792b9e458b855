"""A channel as wide as the bars are long."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, seeded_average, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average as seeded_average_of
from tradepipe.indicators.specifications import seeded_lookback, wilder_average
from tradepipe.indicators.specifications import true_range as true_range_of


def _outputs(label: str, period: int, atr_period: int, width: float) -> tuple[Output, ...]:
    unit, warm_up = "price currency", max(period - 1, atr_period)
    middle, reach = f"{period}-bar exponential mean of closes", f"{width:g} average true ranges of {atr_period} bars"
    return (
        Output(f"{label}_lower", f"{middle}, minus {reach}", unit, warm_up),
        Output(f"{label}_middle", middle, unit, period - 1),
        Output(f"{label}_upper", f"{middle}, plus {reach}", unit, warm_up),
    )


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    period: int,
    atr_period: int,
    width: float,
    lower: Floats,
    middle: Floats,
    upper: Floats,
) -> None:
    """Memory: average close (the sum until the seed), close before, average true range (likewise)."""
    weight, atr_weight = 2.0 / (period + 1), 1.0 / atr_period
    for g in range(len(series)):
        fresh, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before, average = memory[slot, 1], memory[slot, 2]
        seeded = min(stop, fresh + max(period - seen, atr_period + 1 - seen, 0))
        mean = seeded_average(close, fresh, seeded, seen, period, weight, memory[slot, 0], middle)
        for row in range(fresh, seeded):
            reach = np.nan
            if seen > atr_period:
                average += atr_weight * (true_range(high[row], low[row], before) - average)
            elif seen > 0:
                average += true_range(high[row], low[row], before)
            if seen == atr_period:
                average /= atr_period
            if seen >= atr_period:
                reach = width * average
            lower[row] = middle[row] - reach
            upper[row] = middle[row] + reach
            before = close[row]
            seen += 1
        for i in range(seeded, stop):  # both averages in one loop: neither waits for the other
            mean += weight * (close[i] - mean)
            average += atr_weight * (true_range(high[i], low[i], before) - average)
            before = close[i]
            middle[i] = mean
            lower[i] = mean - width * average
            upper[i] = mean + width * average
        memory[slot, 0] = mean
        memory[slot, 1], memory[slot, 2] = before, average


def _weight(period: int) -> float:
    return 2 / (period + 1)


def _specification(period: int, atr_period: int, width: float) -> tuple[pl.Expr, ...]:
    middle = seeded_average_of(pl.col("close"), period, _weight(period), seed_row=period - 1)
    reach = width * wilder_average(true_range_of(), atr_period)
    return middle - reach, middle, middle + reach


KELTNER = register(
    Indicator(
        name="keltner",
        title="Keltner channel",
        description="Exponential mean of the closes and `width` average true ranges to either side, in Raschke's form "
        "with the averages of `ema` and `atr`, their seeds included. Keltner himself took simple means of the typical "
        "price and of high - low.",
        source="Kaufman (2013), Trading Systems and Methods, chapter 8; Keltner (1960), How to Make Money in "
        "Commodities",
        inputs=("high", "low", "close"),
        parameters=(
            Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the exponential mean"),
            Parameter("atr_period", int, 10, minimum=2, maximum=2000, description="bars in the average true range"),
            Parameter("width", float, 2.0, minimum=0.1, maximum=10, description="average true ranges to either side"),
        ),
        outputs=_outputs,
        lookback=lambda period, atr_period, width: max(
            seeded_lookback(period - 1, _weight(period)), seeded_lookback(atr_period, 1 / atr_period)
        ),
        memory=lambda period, atr_period, width: 3,
        kernel=_kernel,
        specification=_specification,
    )
)

"""How far the typical price lies from its mean, in mean deviations."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.decimals import DIGITS, decimal_sum, scale_of
from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import in_units, loop_of

LARGEST = 10.0**DIGITS


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"typical price minus its {period}-bar mean, in 0.015 mean absolute deviations"
    return (Output(label, text, unit="points", warm_up=period - 1),)


@compiled
def _index(typical: Floats, start: int, period: int, total: int) -> float:
    """Index of the window of whole numbers that starts at `start` and adds up to `total`."""
    last = typical[start + period - 1]
    offset = (total - period * np.int64(last)) / period
    # Four sums, which the processor adds at once.
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = start + period - period % 4
    for i in range(start, whole, 4):
        a += abs((typical[i] - last) - offset)
        b += abs((typical[i + 1] - last) - offset)
        c += abs((typical[i + 2] - last) - offset)
        d += abs((typical[i + 3] - last) - offset)
    for i in range(whole, start + period):
        a += abs((typical[i] - last) - offset)
    deviation = ((a + b) + (c + d)) / period
    return -offset / (0.015 * deviation) if deviation > 0.0 else np.nan


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        typical, mixed = np.empty(stop - first), np.empty(period)
        scale, lower, upper = 1.0, 0.0, 0.0
        alike, total = 0, 0  # bars since the scale changed, and the sum of those in the window
        for row in range(first, stop):
            i = row - first
            largest = max(abs(high[row]), abs(low[row]), abs(close[row]))
            if not lower <= largest < upper:
                scale = scale_of(largest)
                lower, upper = 0.1 * LARGEST / scale, LARGEST / scale
                alike, total = 0, 0
            typical[i] = decimal_sum(high[row], low[row], close[row], scale)
            alike += 1
            total += np.int64(typical[i])
            if alike > period:
                total -= np.int64(typical[i - period])
            if alike >= period:
                out[row] = _index(typical, i - period + 1, period, total)
            elif i >= period - 1:
                out[row] = _mixed_index(high, low, close, row - period + 1, period, mixed)
            else:
                out[row] = np.nan


@compiled
def _mixed_index(high: Floats, low: Floats, close: Floats, start: int, period: int, typical: Floats) -> float:
    """Index of a window whose bars need different scales: the largest price has its say."""
    largest = 0.0
    for i in range(start, start + period):
        largest = max(largest, abs(high[i]), abs(low[i]), abs(close[i]))
    scale, total = scale_of(largest), 0
    for k in range(period):
        typical[k] = decimal_sum(high[start + k], low[start + k], close[start + k], scale)
        total += np.int64(typical[k])
    return _index(typical, 0, period, total)


def _specification(period: int) -> tuple[pl.Expr, ...]:
    def rows(high: Sequence[float], low: Sequence[float], close: Sequence[float]) -> Iterator[tuple[float]]:
        typical = [sum(prices) for prices in zip(*in_units(high, low, close), strict=True)]
        for row in range(len(typical)):
            window = typical[row + 1 - period : row + 1] if row + 1 >= period else []
            total = sum(window)
            deviation = sum(abs(period * price - total) for price in window)
            distance = period * typical[row] - total
            yield (distance * period / (0.015 * deviation) if deviation else math.nan,)

    return loop_of(rows, "high", "low", "close", outputs=1)


CCI = register(
    Indicator(
        name="cci",
        title="Commodity channel index",
        description="(typical price - its mean) / (0.015 * its mean absolute deviation) over the last `period` bars, "
        "with the typical price (high + low + close) / 3. Prices are taken as decimals of up to 15 significant digits, "
        "and sums and differences of them are exact. Null where all typical prices of the window are equal.",
        source="Lambert (1980), Commodities 9:10, Commodity Channel Index",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the mean"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=lambda period: period - 1,
        kernel=_kernel,
        specification=_specification,
        differences="CCI sums prices as floats, so in a window of equal typical prices made of different prices it "
        "gives rounding noise over rounding noise where this is null, and 0 in other flat windows.",
    )
)

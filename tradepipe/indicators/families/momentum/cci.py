"""How far the typical price lies from its mean, in mean deviations."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.decimals import DIGITS, decimal_sum, scale_of
from tradepipe.indicators.kernels.oscillators import Floats, mean_deviations
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import in_units, loop_of

LARGEST = 10.0**DIGITS


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"typical price minus its {period}-bar mean, in 0.015 mean absolute deviations"
    return (Output(label, text, unit="points", warm_up=period - 1),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, stop = series[g, FIRST], series[g, STOP]
        highs, lows, closes, values = high[first:stop], low[first:stop], close[first:stop], out[first:stop]
        typical, offset = np.empty(stop - first), np.empty(stop - first)
        _typical_units(highs, lows, closes, period, typical, offset)
        mean_deviations(typical, offset, period, values)
        for i in range(len(values)):
            index = -offset[i] / (0.015 * values[i])
            values[i] = index if values[i] > 0.0 else np.nan
        for i in range(period - 1, len(values)):
            if np.isnan(offset[i]):
                window = slice(i + 1 - period, i + 1)
                values[i] = _mixed_index(highs[window], lows[window], closes[window])


@compiled
def _typical_units(high: Floats, low: Floats, close: Floats, period: int, typical: Floats, offset: Floats) -> None:
    """Sums of three prices in whole units, and how far the mean of each window lies from its last.

    The units of a bar are those that its largest price needs; where bars of a window need different ones
    the offset is NaN.
    """
    scale, lower, upper = 1.0, 0.0, 0.0
    alike, total = 0, 0  # bars since the units changed, and the sum of those in the window
    for i in range(len(typical)):
        largest = max(abs(high[i]), abs(low[i]), abs(close[i]))
        if not lower <= largest < upper:
            scale = scale_of(largest)
            lower, upper = 0.1 * LARGEST / scale, LARGEST / scale
            alike, total = 0, 0
        typical[i] = decimal_sum(high[i], low[i], close[i], scale)
        total += int(typical[i])
        alike += 1
        if alike > period:
            total -= int(typical[i - period])
        offset[i] = (total - period * int(typical[i])) / period if alike >= period else np.nan


@compiled
def _mixed_index(high: Floats, low: Floats, close: Floats) -> float:
    """Index of a window whose bars need different units: the largest price has its say."""
    period, largest = len(high), 0.0
    for i in range(period):
        largest = max(largest, abs(high[i]), abs(low[i]), abs(close[i]))
    scale, total, deviation = scale_of(largest), 0, 0.0
    typical = np.empty(period)
    for i in range(period):
        typical[i] = decimal_sum(high[i], low[i], close[i], scale)
        total += int(typical[i])
    last = typical[period - 1]
    offset = (total - period * int(last)) / period
    for i in range(period):
        deviation += abs((typical[i] - last) - offset)
    return -offset / (0.015 * (deviation / period)) if deviation > 0.0 else np.nan


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
        "with the typical price (high + low + close) / 3. Prices are taken as decimals of up to 15 significant "
        "digits, and sums and differences of them are exact. Null where all typical prices of the window are equal.",
        source="Lambert (1980), Commodities 9:10, Commodity Channel Index",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the mean"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=lambda period: period - 1,
        kernel=_kernel,
        specification=_specification,
        differences="CCI gives 0 where all typical prices of the window are equal (0/0), takes those within some "
        "2e-14 of each other for equal, and keeps the rounding of floats: near zero it has few digits.",
    )
)

"""Supertrend."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import loop_of, seeded_lookback


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    period: int,
    multiplier: float,
    out: Floats,
    sign: Floats,
) -> None:
    """Memory: close before, average true range (the sum until its seed), upper band, lower band, direction."""
    weight = 1.0 / period
    for g in range(len(series)):
        row, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before, average = memory[slot, 0], memory[slot, 1]
        upper, lower, up = memory[slot, 2], memory[slot, 3], memory[slot, 4] > 0.0
        while row < stop and seen <= period:
            out[row] = np.nan
            sign[row] = np.nan
            if seen > 0:
                average += true_range(high[row], low[row], before)
            if seen == period:
                average /= period
                middle = 0.5 * (high[row] + low[row])
                upper, lower, up = middle + multiplier * average, middle - multiplier * average, False
                out[row] = upper
                sign[row] = -1.0
            before = close[row]
            seen += 1
            row += 1
        for i in range(row, stop):
            average += weight * (true_range(high[i], low[i], before) - average)
            middle = 0.5 * (high[i] + low[i])
            top, bottom = middle + multiplier * average, middle - multiplier * average
            if top < upper or before > upper:
                upper = top
            if bottom > lower or before < lower:
                lower = bottom
            before = close[i]
            up = before >= lower if up else before > upper
            out[i] = lower if up else upper
            sign[i] = 1.0 if up else -1.0
        memory[slot, 0], memory[slot, 1] = before, average
        memory[slot, 2], memory[slot, 3], memory[slot, 4] = upper, lower, 1.0 if up else -1.0


def _outputs(label: str, period: int, multiplier: float) -> tuple[Output, ...]:
    text = (
        f"band {multiplier:g} times the {period}-bar average true range from the middle of the bar, on the side that "
    )
    return (
        Output(label, f"{text}prices have to cross for the trend to turn", unit="price currency", warm_up=period),
        Output(f"{label}_direction", "1 in a rising trend, -1 in a falling one", "sign", period, minimum=-1, maximum=1),
    )


def _loop(
    period: int, multiplier: float, high: Sequence[float], low: Sequence[float], close: Sequence[float]
) -> Iterator[tuple[float, float]]:
    average, upper, lower, rising = 0.0, math.nan, math.nan, False
    for day in range(len(close)):
        if day > 0:
            yesterday = close[day - 1]
            wide = max(high[day] - low[day], abs(high[day] - yesterday), abs(low[day] - yesterday))
            average = average + wide if day <= period else average + 1 / period * (wide - average)
        if day < period:
            yield math.nan, math.nan
            continue
        if day == period:
            average /= period
        reach, middle = multiplier * average, (high[day] + low[day]) / 2
        # A band only ever comes nearer, until a close has crossed it.
        upper = middle + reach if day == period or middle + reach < upper or yesterday > upper else upper
        lower = middle - reach if day == period or middle - reach > lower or yesterday < lower else lower
        if day > period:
            rising = close[day] >= lower if rising else close[day] > upper
        yield (lower, 1.0) if rising else (upper, -1.0)


def _lookback(period: int, multiplier: float) -> int:
    """Until the average's seed has faded, and then a trend: as long as prices need to wander across both bands.

    Nearly half as much again as two starts needed at most until they agreed, on bars of 496 real series.
    """
    return seeded_lookback(period, 1 / period) + math.ceil(12 * multiplier**2)


SUPERTREND = register(
    Indicator(
        name="supertrend",
        title="Supertrend",
        description="Two bands around the middle of the bar, `multiplier` average true ranges away. The lower one "
        "never falls and the upper one never rises until a close beyond it has ended the trend it follows. The line is "
        "the lower band in a rising trend and the upper one in a falling trend. As in TradingView's ta.supertrend the "
        "trend begins falling. TradingView writes the direction the other way round, -1 for a rising trend, and its "
        "average true range counts the first bar's high - low, so early bars differ; here it is that of `atr`.",
        source="Seban; formula of TradingView (2021), Pine Script 5 reference, ta.supertrend",
        inputs=("high", "low", "close"),
        parameters=(
            Parameter("period", int, 10, minimum=2, maximum=2000, description="bars in the average true range"),
            Parameter("multiplier", float, 3, minimum=0.5, maximum=10, description="average true ranges to the bands"),
        ),
        outputs=_outputs,
        lookback=_lookback,
        memory=lambda period, multiplier: 5,
        kernel=_kernel,
        specification=lambda period, multiplier: loop_of(
            lambda high, low, close: _loop(period, multiplier, high, low, close), "high", "low", "close", outputs=2
        ),
        path_dependent=True,
    )
)

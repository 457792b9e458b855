"""Directional movement: which way and how strongly a market trends."""

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.cascades import cascade_lookback
from tradepipe.indicators.kernels.decimals import compare_sums
from tradepipe.indicators.kernels.recursions import FADED, Floats, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import in_units, loop_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    movement = f"{period}-bar average over that of the true range"
    return (
        Output(label, f"Wilder's {period}-bar average of the directional index", "points", 2 * period - 1, 0, 100),
        Output(f"{label}_plus", f"+DI: upward movement, {movement}", "points", period, minimum=0, maximum=100),
        Output(f"{label}_minus", f"-DI: downward movement, {movement}", "points", period, minimum=0, maximum=100),
    )


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    period: int,
    adx: Floats,
    plus: Floats,
    minus: Floats,
) -> None:
    """Memory: high, low, close before; sums of range, upward and downward movement; average index so far."""
    weight = 1.0 / period
    for g in range(len(series)):
        row, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        state = memory[slot]
        high_before, low_before, close_before = state[0], state[1], state[2]
        ranged, risen, fallen, average = state[3], state[4], state[5], state[6]
        if seen == 0:
            high_before, low_before, close_before = high[row], low[row], close[row]
        while row < stop:
            up, down = high[row] - high_before, low_before - low[row]
            wider = compare_sums(high[row], low[row], 0.0, high_before, low_before, 0.0)
            fade = weight if seen >= period else 0.0
            ranged += (true_range(high[row], low[row], close_before) if seen > 0 else 0.0) - fade * ranged
            risen += (up if up > 0.0 and wider > 0.0 else 0.0) - fade * risen
            fallen += (down if down > 0.0 and wider < 0.0 else 0.0) - fade * fallen
            high_before, low_before, close_before = high[row], low[row], close[row]
            plus[row] = minus[row] = adx[row] = np.nan
            if seen >= period:
                # The three sums round on their own, and so do the steps of the average: a hair above 100 is 100.
                if ranged > FADED:
                    plus[row] = min(100.0 * (risen / ranged), 100.0)
                    minus[row] = min(100.0 * (fallen / ranged), 100.0)
                moved = risen + fallen
                index = 100.0 * (abs(risen - fallen) / moved) if moved > FADED else 0.0
                if seen >= 2 * period:
                    average += weight * (index - average)
                else:
                    average += weight * index
                if seen >= 2 * period - 1:
                    adx[row] = min(average, 100.0)
            seen += 1
            row += 1
        state[0], state[1], state[2] = high_before, low_before, close_before
        state[3], state[4], state[5], state[6] = ranged, risen, fallen, average


def _specification(period: int) -> tuple[pl.Expr, ...]:
    def rows(high: list[float], low: list[float], close: list[float]) -> Iterator[tuple[float, float, float]]:
        # In whole units, so that movements compare as decimals. The first bar has no movement and no range.
        tops, bottoms, ends = in_units(high, low, close)
        bars = list(zip(tops, bottoms, ends, strict=True))
        ranged = risen = fallen = average = 0.0
        for row, (now, before) in enumerate(zip(bars, bars[:1] + bars, strict=False)):
            up, down = now[0] - before[0], before[1] - now[1]
            span = max(now[0], before[2]) - min(now[1], before[2]) if row else 0
            movements = span, up if up > max(down, 0) else 0, down if down > max(up, 0) else 0
            left = 1 - 1 / period if row >= period else 1
            ranged, risen, fallen = (
                left * total + new for total, new in zip((ranged, risen, fallen), movements, strict=True)
            )
            index = 100 * abs(risen - fallen) / (risen + fallen) if row >= period and risen + fallen > FADED else 0
            average = average + index / period if row < 2 * period else average + (index - average) / period
            indicated = row >= period and ranged > FADED
            yield (
                average if row >= 2 * period - 1 else math.nan,
                100 * risen / ranged if indicated else math.nan,
                100 * fallen / ranged if indicated else math.nan,
            )

    return loop_of(rows, "high", "low", "close", outputs=3)


ADX = register(
    Indicator(
        name="adx",
        title="Average directional index, +DI and -DI",
        description="+DI and -DI: Wilder's averages of the part of a bar's range that lies above, or below, that of "
        "the bar before, whichever is wider, in percent of the average true range. ADX is the average of 100 * |+DI - "
        "-DI| / (+DI + -DI). Seeded as in Wilder's worksheet and TA-Lib: sums of the first period - 1 movements and "
        "ranges, mean of the first `period` indices. Movements are compared as the decimals that prices are: equal "
        "ones, whatever floats make of them, count on neither side. DI are null while no price has moved, or "
        "when the ranges have faded to nothing (1e-300) since one did; the index is then 0.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section IV",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the averages"),),
        outputs=_outputs,
        lookback=lambda period: cascade_lookback(2 * period - 1, 2),
        memory=lambda period: 7,
        kernel=_kernel,
        specification=_specification,
        differences="ADX, PLUS_DI and MINUS_DI compare movements as floats, so those that are equal as decimals may "
        "count on one side. StockCharts seeds with `period` movements and ranges.",
    )
)

"""Directional movement: which way and how strongly a market trends."""

import numpy as np
import polars as pl

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.cascades import cascade_lookback
from tradepipe.indicators.kernels.decimals import compare_sums
from tradepipe.indicators.kernels.recursions import Floats, true_range
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import in_units, loop_of, seeded_average
from tradepipe.indicators.specifications import true_range as true_range_of


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
                if ranged > 0.0:
                    plus[row] = 100.0 * (risen / ranged)
                    minus[row] = 100.0 * (fallen / ranged)
                moved = risen + fallen
                index = 100.0 * (abs(risen - fallen) / moved) if moved > 0.0 else 0.0
                if seen >= 2 * period:
                    average += weight * (index - average)
                else:
                    average += weight * index
                if seen >= 2 * period - 1:
                    adx[row] = average
            seen += 1
            row += 1
        state[0], state[1], state[2] = high_before, low_before, close_before
        state[3], state[4], state[5], state[6] = ranged, risen, fallen, average


def _specification(period: int) -> tuple[pl.Expr, ...]:
    row, weight = pl.int_range(pl.len()), 1 / period
    up, down = pl.col("high").diff(), -pl.col("low").diff()
    (wider,) = loop_of(_wider, "high", "low", outputs=1)

    def average(values: pl.Expr) -> pl.Expr:
        # The first bar has no bar before it and counts as no movement and no range.
        return seeded_average(values.fill_null(0), period, weight, seed_row=period - 1)

    ranged = average(pl.when(row > 0).then(true_range_of()))
    risen = average(pl.when((up > 0) & (wider > 0)).then(up))
    fallen = average(pl.when((down > 0) & (wider < 0)).then(down))
    moved = risen + fallen
    index = pl.when(moved > 0).then(100 * (risen - fallen).abs() / moved).otherwise(0)
    indicated = (row >= period) & (ranged > 0)
    return (
        seeded_average(index, period, weight, seed_row=2 * period - 1),
        pl.when(indicated).then(100 * risen / ranged),
        pl.when(indicated).then(100 * fallen / ranged),
    )


def _wider(*columns: list[float]) -> list[tuple[int]]:
    """Whether the high moved further up than the low moved down: the change of high + low, in whole units."""
    middle = [high + low for high, low in zip(*in_units(*columns), strict=True)]
    return [(after - before,) for before, after in zip(middle[:1] + middle, middle, strict=False)]


ADX = register(
    Indicator(
        name="adx",
        title="Average directional index, +DI and -DI",
        description="+DI and -DI: Wilder's averages of the part of a bar's range that lies above, or below, that of "
        "the bar before, whichever is wider, in percent of the average true range. ADX is the average of 100 * |+DI - "
        "-DI| / (+DI + -DI). Seeded as in Wilder's worksheet and TA-Lib: sums of the first period - 1 movements and "
        "ranges, mean of the first `period` indices. Movements are compared as the decimals that prices are: equal "
        "ones, whatever floats make of them, count on neither side. DI are null while no price has moved, the index "
        "is then 0.",
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

"""Where the relative strength index lies in its own range of the last bars."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.extrema import window_maxima, window_minima
from tradepipe.indicators.kernels.oscillators import Floats, places_in_range, short_means
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows, seeded_lookback, wilder_average, window_sum

# The index is divided by its range, which may be a hundredth of a point: its seed must fade further than by itself.
NEGLIGIBLE = 1e-16


def _outputs(label: str, period: int, k_period: int, slowing: int, d_period: int) -> tuple[Output, ...]:
    k = f"place of the {period}-bar RSI in its {k_period}-bar range" + (f", mean of {slowing}" if slowing > 1 else "")
    warm_up = period + k_period + slowing - 2
    return (
        Output(f"{label}_k", f"%K: {k}", "points", warm_up, minimum=0, maximum=100),
        Output(f"{label}_d", f"%D: mean of %K over {d_period} bars", "points", warm_up + d_period - 1, 0, 100),
    )


def _kept(k_period: int, slowing: int, d_period: int) -> int:
    return k_period + slowing + d_period - 3


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    close: Floats,
    period: int,
    k_period: int,
    slowing: int,
    d_period: int,
    k: Floats,
    d: Floats,
) -> None:
    """Memory: close before, average gain and loss (sums until the seed), how many indices follow, the last ones."""
    kept = k_period + slowing + d_period - 3
    weight = 1.0 / period
    for g in range(len(series)):
        fresh, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before, gain, loss, known = memory[slot, 0], memory[slot, 1], memory[slot, 2], int(memory[slot, 3])
        index = np.empty(known + stop - fresh)
        index[:known] = memory[slot, 4 : 4 + known]
        end = known
        for row in range(fresh, stop):
            change = close[row] - before
            before = close[row]
            if seen > period:
                gain += weight * (max(change, 0.0) - gain)
                loss += weight * (max(-change, 0.0) - loss)
            elif seen > 0:
                gain += max(change, 0.0)
                loss += max(-change, 0.0)
                if seen == period:
                    gain *= weight
                    loss *= weight
            if seen >= period and gain + loss > 0.0:
                # No change scales both averages alike: the index stays, to the last bit.
                index[end] = 100.0 * (gain / (gain + loss)) if change != 0.0 or end == 0 else index[end - 1]
                end += 1
            seen += 1
        start = stop - (end - known)
        k[fresh:start] = np.nan
        d[fresh:start] = np.nan
        highest, lowest = np.empty(end), np.empty(end)
        window_maxima(index, 0, end, k_period, highest)
        window_minima(index, 0, end, k_period, lowest)
        places_in_range(index[:end], highest, lowest, highest)
        short_means(highest, slowing, lowest)
        k[start:stop] = lowest[known:]
        short_means(lowest, d_period, highest)
        d[start:stop] = highest[known:]
        known = min(end, kept)
        memory[slot, 0], memory[slot, 1], memory[slot, 2], memory[slot, 3] = before, gain, loss, known
        memory[slot, 4 : 4 + known] = index[end - known : end]


def _places(windows: Floats) -> Floats:
    """Where the newest of each window lies between its lowest (0) and its highest (100); NaN in a flat one."""
    lowest, highest = windows.min(axis=1), windows.max(axis=1)
    places: Floats = 100 * (windows[:, -1] - lowest) / (highest - lowest)
    return places


def _specification(period: int, k_period: int, slowing: int, d_period: int) -> tuple[pl.Expr, ...]:
    change, row = pl.col("close").diff(), pl.int_range(pl.len())
    gain = wilder_average(change.clip(lower_bound=0), period)
    loss = wilder_average((-change).clip(lower_bound=0), period)
    moved = (row == period) | ((row > period) & (change != 0))
    index = pl.when(moved & (gain + loss > 0)).then(100 * (gain / (gain + loss))).forward_fill()
    slow = window_sum(over_windows(_places, index, period=k_period), slowing) / slowing
    return slow, window_sum(slow, d_period) / d_period


STOCHASTIC_RSI = register(
    Indicator(
        name="stochastic_rsi",
        title="Stochastic RSI",
        description="The stochastic oscillator of the relative strength index: %K = 100 * (RSI - lowest RSI) / "
        "(highest RSI - lowest RSI) of the last `k_period` bars, smoothed over `slowing` bars, and %D, its mean over "
        "`d_period` bars. A bar without a change leaves the RSI exactly as it was, so the range is empty, and the "
        "value null, after `k_period` equal closes. StockCharts writes %K as a fraction of 1.",
        source="Chande & Kroll (1994), The New Technical Trader, chapter 5",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the averages of the RSI"),
            # In a range of two every value is 0 or 100, or nothing after each bar without a change.
            Parameter("k_period", int, 14, minimum=3, maximum=2000, description="bars in the range of the RSI"),
            Parameter("slowing", int, 1, minimum=1, maximum=100, description="bars in the mean that makes %K slow"),
            Parameter("d_period", int, 3, minimum=1, maximum=100, description="bars in the mean of %K"),
        ),
        outputs=_outputs,
        lookback=lambda period, k_period, slowing, d_period: (
            seeded_lookback(period, 1 / period, NEGLIGIBLE) + _kept(k_period, slowing, d_period)
        ),
        memory=lambda period, k_period, slowing, d_period: 4 + _kept(k_period, slowing, d_period),
        kernel=_kernel,
        specification=_specification,
        differences="STOCHRSI gives no %K before %D has a value, and after `k_period` equal closes 0 or the place of "
        "rounding noise within rounding noise (0/0).",
    )
)

"""Momentum: how one-sided recent changes were."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import FADED, Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_lookback, wilder_average


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"share of gains in Wilder's {period}-bar averages of gains and losses; null while nothing ever moved"
    return (Output(label, text, unit="points", warm_up=period, minimum=0, maximum=100),)


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, period: int, out: Floats) -> None:
    """Memory: close before, average gain, average loss (sums until the seed)."""
    weight = 1.0 / period
    for g in range(len(series)):
        row, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        before, gain, loss = memory[slot, 0], memory[slot, 1], memory[slot, 2]
        while row < stop and seen <= period:
            out[row] = np.nan
            if seen > 0:
                gain += max(close[row] - before, 0.0)
                loss += max(before - close[row], 0.0)
            if seen == period:
                gain /= period
                loss /= period
                out[row] = 100.0 * (gain / (gain + loss)) if gain + loss > FADED else np.nan
            before = close[row]
            seen += 1
            row += 1
        for i in range(row, stop):
            change = close[i] - before
            before = close[i]
            gain += weight * (max(change, 0.0) - gain)
            loss += weight * (max(-change, 0.0) - loss)
            share = 100.0 * (gain / (gain + loss))
            out[i] = share if gain + loss > FADED else np.nan
        memory[slot, 0], memory[slot, 1], memory[slot, 2] = before, gain, loss


def _specification(period: int) -> tuple[pl.Expr, ...]:
    change = pl.col("close").diff()
    gain = wilder_average(change.clip(lower_bound=0), period)
    loss = wilder_average((-change).clip(lower_bound=0), period)
    return (pl.when(gain + loss > FADED).then(100 * gain / (gain + loss)),)


RSI = register(
    Indicator(
        name="rsi",
        title="Relative strength index",
        description="100 * average gain / (average gain + average loss), with Wilder's averages seeded by the simple "
        "mean of the first `period` changes, as in TA-Lib. 100 when there was no loss, 0 when there was no gain. "
        "While no price has changed since the series began the index is 0/0, and null; so it is once both averages "
        "have faded to nothing (1e-300), which takes some 500 * `period` bars without a change.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section VI",
        inputs=("close",),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the averages"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 1 / period),
        memory=lambda period: 3,
        kernel=_kernel,
        specification=_specification,
        differences="RSI gives 0 while no price has changed, and a ratio of rounding once both averages have faded.",
    )
)

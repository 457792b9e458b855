"""Share of the money that flowed in with rising prices."""

import math
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.decimals import compare_sums
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import in_units, loop_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"share of money that flowed with rising typical prices, last {period} bars"
    return (Output(label, text, unit="points", warm_up=period, minimum=0, maximum=100),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, volume: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, count = series[g, SEEN] - (fresh - first), stop - first - 1
        rising, falling, fallen = np.empty(count), np.empty(count), np.empty(count)
        for i in range(count):
            row = first + 1 + i
            change = compare_sums(high[row], low[row], close[row], high[row - 1], low[row - 1], close[row - 1])
            typical = (high[row] + low[row] + close[row]) / 3.0
            # NaN stays within the windows that hold it.
            flow = typical * volume[row] if typical >= 0.0 else np.nan
            rising[i] = flow if change > 0.0 else 0.0
            falling[i] = flow if change < 0.0 else 0.0
        out[first] = np.nan
        window_sums(rising, 0, len(rising), position, period, out[first + 1 : stop])
        window_sums(falling, 0, len(falling), position, period, fallen)
        for i in range(max(fresh, first + 1), stop):
            total = out[i] + fallen[i - first - 1]
            share = 100.0 * (out[i] / total)
            out[i] = share if total > 0.0 else np.nan


def _specification(period: int) -> tuple[pl.Expr, ...]:
    def rows(*columns: Sequence[float]) -> Iterator[tuple[float]]:
        *prices, volume = columns
        typical = [sum(units) for units in zip(*in_units(*prices), strict=True)]
        means = [sum(bar) / 3 for bar in zip(*prices, strict=True)]
        flows = [mean * traded if mean >= 0 else math.nan for mean, traded in zip(means, volume, strict=True)]
        for row in range(len(flows)):
            window = range(row + 1 - period, row + 1) if row >= period else range(0)
            rising = math.fsum(flows[i] for i in window if typical[i] > typical[i - 1])
            falling = math.fsum(flows[i] for i in window if typical[i] < typical[i - 1])
            yield (100 * rising / (rising + falling) if rising + falling > 0 else math.nan,)

    return loop_of(rows, "high", "low", "close", "volume", outputs=1)


MFI = register(
    Indicator(
        name="mfi",
        title="Money flow index",
        description="100 * money that flowed with rising typical prices / money that flowed with changing ones, last "
        "`period` bars; the typical price is (high + low + close) / 3, money is typical price * volume. Typical "
        "prices are compared as the decimals that prices are, to 15 significant digits: equal sums tie, whatever "
        "floats make of them, and a tie counts on neither side. Null where no money flowed, and "
        "where a typical price below zero, whose money would flow the wrong way, counts on either side.",
        source="Quong & Soudack (1989), Technical Analysis of Stocks & Commodities 7:3, Volume-weighted RSI: Money "
        "Flow",
        inputs=("high", "low", "close", "volume"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the sums"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=_specification,
        differences="MFI takes typical prices within some 2e-14 of each other for equal, so it does not tell prices "
        "of 14 and 15 digits apart by their last; where the money that flowed is less than 1 in all it gives 0; its "
        "running sums keep the rounding of bars that have left the window.",
    )
)

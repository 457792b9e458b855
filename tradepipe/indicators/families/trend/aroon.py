"""How long ago prices were highest and lowest."""

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"of the last {period} bars and the one before them"
    return (
        Output(f"{label}_up", f"100 less the age of the highest high {text}, in percent", "points", period, 0, 100),
        Output(f"{label}_down", f"100 less the age of the lowest low {text}, in percent", "points", period, 0, 100),
        Output(f"{label}_oscillator", "up less down", "points", period, minimum=-100, maximum=100),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    high: Floats,
    low: Floats,
    period: int,
    up: Floats,
    down: Floats,
    oscillator: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        start = min(max(first + period, fresh), stop)
        up[fresh:start] = np.nan
        down[fresh:start] = np.nan
        oscillator[fresh:start] = np.nan
        top = bottom = first - 1
        for row in range(start, stop):
            oldest = row - period
            if top < oldest:
                top = oldest
                for i in range(oldest + 1, row):
                    top = i if high[i] >= high[top] else top
            if bottom < oldest:
                bottom = oldest
                for i in range(oldest + 1, row):
                    bottom = i if low[i] <= low[bottom] else bottom
            top = row if high[row] >= high[top] else top
            bottom = row if low[row] <= low[bottom] else bottom
            # Divided last: 100 / 11 * 11 would be more than 100.
            up[row] = 100.0 * (top - oldest) / period
            down[row] = 100.0 * (bottom - oldest) / period
            oscillator[row] = 100.0 * (top - bottom) / period


def _specification(period: int) -> tuple[pl.Expr, ...]:
    def place(extreme: Callable[..., NDArray[Any]], values: pl.Expr) -> pl.Expr:
        # The first extreme of a window that is read from its newest bar back is the latest one.
        age = over_windows(lambda windows: extreme(windows[:, ::-1], axis=1), values, period=period + 1)
        return 100 * (period - age) / period

    up, down = place(np.argmax, pl.col("high")), place(np.argmin, pl.col("low"))
    return up, down, up - down


AROON = register(
    Indicator(
        name="aroon",
        title="Aroon up, down and oscillator",
        description="100 * (period - bars since the highest high) / period, the same for the lowest low, and their "
        "difference. Looks at period + 1 bars; of equal extremes the latest counts, as in TA-Lib.",
        source="Chande (1995), Technical Analysis of Stocks & Commodities 13:9, A Time Price Oscillator",
        inputs=("high", "low"),
        parameters=(Parameter("period", int, 25, minimum=2, maximum=2000, description="bars to look back"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: period,
        kernel=_kernel,
        specification=_specification,
    )
)

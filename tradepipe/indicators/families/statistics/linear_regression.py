"""Straight line through a moving window."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.comoments import Floats, window_regression
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, over_windows


def _times(windows: Floats) -> Floats:
    times: Floats = np.arange(windows.shape[1]) - (windows.shape[1] - 1) / 2
    return times


def _slope(windows: Floats) -> Floats:
    times = _times(windows)
    slopes: Floats = deviations(windows) @ times / (times**2).sum()
    return slopes


def _determination(windows: Floats) -> Floats:
    times, deviation = _times(windows), deviations(windows)
    shares: Floats = (deviation @ times) ** 2 / ((times**2).sum() * (deviation**2).sum(axis=1))
    return shares


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    line = f"least-squares line through the last {period} closes"
    return (
        Output(f"{label}_slope", f"slope of the {line}", "price currency per bar", period - 1),
        Output(
            f"{label}_r2",
            f"R squared of the {line}; null while they are equal",
            "fraction of the variance",
            period - 1,
            minimum=0,
            maximum=1,
        ),
    )


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, slope: Floats, r2: Floats) -> None:
    for g in range(len(series)):
        first, fresh = series[g, FIRST], series[g, FRESH]
        window_regression(close, first, series[g, STOP], series[g, SEEN] - (fresh - first), period, slope, r2)


LINEAR_REGRESSION = register(
    Indicator(
        name="linear_regression",
        title="Linear regression",
        description="Least-squares line of the last closes over the number of the bar: its slope, and the share of "
        "their variance that it explains. In a flat window the slope is 0 and R squared null (0/0).",
        source="Draper & Smith (1998), Applied Regression Analysis, chapter 1",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=3, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (
            over_windows(_slope, pl.col("close"), period=period),
            over_windows(_determination, pl.col("close"), period=period),
        ),
    )
)

"""Kurtosis of a moving window."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.deviations import window_shapes
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, over_windows


def _kurtosis(windows: Floats) -> Floats:
    deviation = deviations(windows)
    moments: Floats = (deviation**4).mean(axis=1) / (deviation**2).mean(axis=1) ** 2 - 3
    return moments


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"excess kurtosis of the last {period} closes, 0 for a normal distribution; null while they are equal"
    return (Output(label, text, unit="dimensionless", warm_up=period - 1),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, other = series[g, SEEN] - (fresh - first), np.empty(stop - first)
        window_shapes(close[first:stop], 0, stop - first, position, period, other, out[first:stop])


ROLLING_KURTOSIS = register(
    Indicator(
        name="rolling_kurtosis",
        title="Rolling excess kurtosis",
        description="m4 / m2^2 - 3 with the central moments m of the last closes, each divided by `period`: scipy's "
        "default, without the small-sample correction of pandas. Of closes, not of their returns. Null in a flat "
        "window (0/0).",
        source="Kendall, Stuart & Ord (1987), Kendall's Advanced Theory of Statistics, volume 1, chapter 3",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=4, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (over_windows(_kurtosis, pl.col("close"), period=period),),
    )
)

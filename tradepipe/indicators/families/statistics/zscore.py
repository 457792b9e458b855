"""How unusual the newest value of a moving window is."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.deviations import window_deviations
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows, zscores


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"close minus the mean of the last {period} closes, in their sample standard deviations; null while equal"
    return (Output(label, text, unit="standard deviations", warm_up=period - 1),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, squares = series[g, SEEN] - (fresh - first), np.empty(stop - first)
        scores = out[first:stop]
        window_deviations(close[first:stop], 0, stop - first, position, period, scores, squares)
        for i in range(len(scores)):
            scores[i] /= math.sqrt(squares[i] / (period - 1))


ZSCORE = register(
    Indicator(
        name="zscore",
        title="Z-score",
        description="(close - mean) / standard deviation of the last closes, this bar's included; the deviation is the "
        "sample's (divided by period - 1), so it is (close - rolling_mean) / rolling_std. Null in a flat window (0/0).",
        source="Kendall, Stuart & Ord (1987), Kendall's Advanced Theory of Statistics, volume 1, chapter 2",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=3, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (over_windows(zscores, pl.col("close"), period=period),),
        differences="TA-Lib has no such function; one made of its STDDEV divides by `period` and is larger by the "
        "factor sqrt(period / (period - 1)).",
    )
)

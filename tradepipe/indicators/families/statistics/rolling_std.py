"""Standard deviation of a moving window."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of, window_moments
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, over_windows


def _deviation(windows: Floats) -> Floats:
    squares: Floats = (deviations(windows) ** 2).sum(axis=1)
    roots: Floats = np.sqrt(squares / (windows.shape[1] - 1))
    return roots


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"sample standard deviation of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1, minimum=0),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, other = series[g, SEEN] - (fresh - first), np.empty(stop - first)
        roots = out[first:stop]
        window_moments(close[first:stop], 0, stop - first, position, period, other, roots)
        for i in range(len(roots)):
            roots[i] = math.sqrt(roots[i] / (period - 1))


ROLLING_STD = register(
    Indicator(
        name="rolling_std",
        title="Rolling standard deviation",
        description="Sample standard deviation (divided by period - 1, as in polars and pandas) of the last closes, "
        "not of their returns: for those see `realised_volatility`. Exactly 0 in a flat window.",
        source="Kendall, Stuart & Ord (1987), Kendall's Advanced Theory of Statistics, volume 1, chapter 2",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (over_windows(_deviation, pl.col("close"), period=period),),
        differences="STDDEV divides by `period`, so it is smaller by the factor sqrt((period - 1) / period).",
    )
)

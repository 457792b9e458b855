"""Volatility of returns."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.logarithms import blank_unpriced, log_returns
from tradepipe.indicators.kernels.windows import Floats, context_of, window_moments
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, log_return, over_windows


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"sample standard deviation of the last {period} close-to-close log returns"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period, minimum=0),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        out[first] = np.nan
        count = stop - first - 1
        changes, mean, squares = log_returns(close, first, stop), np.empty(count), np.empty(count)
        window_moments(changes, 0, count, series[g, SEEN] - (fresh - first), period, mean, squares)
        roots = out[first + 1 : stop]
        for i in range(len(roots)):
            roots[i] = math.sqrt(squares[i] / (period - 1))
        blank_unpriced(close, first, stop, period + 1, out)


def _deviation(windows: Floats) -> Floats:
    roots: Floats = np.sqrt((deviations(windows) ** 2).sum(axis=1) / (windows.shape[1] - 1))
    return roots


REALISED_VOLATILITY = register(
    Indicator(
        name="realised_volatility",
        title="Realised volatility, close to close",
        description="Sample standard deviation (divided by period - 1) of close-to-close log returns, per bar: "
        "multiply by the square root of the bars in a year to annualise.",
        source="Hull (2017), Options, Futures, and Other Derivatives, section 15.4",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=lambda period: (over_windows(_deviation, log_return(pl.col("close")), period=period),),
    )
)

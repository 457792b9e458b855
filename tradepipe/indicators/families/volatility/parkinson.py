"""Volatility from highs and lows."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.logarithms import blank_unpriced, log_ratio
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import log_ratio as log_ratio_of
from tradepipe.indicators.specifications import over_windows


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"volatility that the ranges of the last {period} bars imply"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period - 1, minimum=0),)


@compiled
def _kernel(series: Series, _memory: Memory, high: Floats, low: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        terms = np.empty(stop - first)
        for i in range(first, stop):
            terms[i - first] = log_ratio(high[i], low[i]) ** 2
        window_sums(terms, 0, stop - first, series[g, SEEN] - (fresh - first), period, out[first:stop])
        for i in range(fresh, stop):
            out[i] = math.sqrt(out[i] / (period * 4.0 * math.log(2.0)))
        blank_unpriced(high, first, stop, period, out)
        blank_unpriced(low, first, stop, period, out)


def _root(windows: Floats) -> Floats:
    roots: Floats = np.sqrt((windows**2).mean(axis=1) / (4 * math.log(2)))
    return roots


PARKINSON = register(
    Indicator(
        name="parkinson",
        title="Parkinson volatility",
        description="sqrt(mean(ln(high / low)^2) / (4 ln 2)), per bar as `realised_volatility`: five times as "
        "efficient as closes for a price that wanders without drift and is seen all the time. It knows nothing of "
        "gaps between bars, and bars of few trades have ranges that are too short.",
        source="Parkinson (1980), The Journal of Business 53:1, The extreme value method for estimating the variance "
        "of the rate of return",
        inputs=("high", "low"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (over_windows(_root, log_ratio_of(pl.col("high"), pl.col("low")), period=period),),
    )
)

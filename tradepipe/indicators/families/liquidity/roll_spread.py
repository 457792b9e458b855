"""The spread between bid and ask that bouncing prices betray."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.comoments import Floats, window_comoments
from tradepipe.indicators.kernels.logarithms import blank_unpriced, log_returns
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, log_return, over_windows

UNCORRELATED = 1e-12
"""Up to this correlation a covariance is rounding: its root would show as a spread."""


def _spread(ones: Floats, befores: Floats) -> Floats:
    one, before = deviations(ones), deviations(befores)
    bounce = -(one * before).sum(axis=1)
    rounding = UNCORRELATED * np.sqrt((one**2).sum(axis=1) * (before**2).sum(axis=1))
    spread: Floats = 2 * np.sqrt(np.where(bounce > rounding, bounce, 0 * bounce) / (ones.shape[1] - 1))
    return spread


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"spread that the serial covariance of the last {period} log returns implies; 0 where that is not negative"
    return (Output(label, text, unit="fraction of the price", warm_up=period + 1, minimum=0),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        out[first : first + 2] = np.nan
        count, position = stop - first - 2, series[g, SEEN] - (fresh - first)
        if count <= 0:
            continue
        changes = log_returns(close, first, stop)
        squares, before_squares, products = np.empty(count), np.empty(count), np.empty(count)
        window_comoments(changes[1:], changes[:-1], 0, count, position, period, squares, before_squares, products)
        for i in range(count):
            bounce = -products[i]
            if bounce <= UNCORRELATED * math.sqrt(squares[i] * before_squares[i]):
                bounce = 0.0
            out[first + i + 2] = 2.0 * math.sqrt(bounce / (period - 1))
        blank_unpriced(close, first, stop, period + 2, out)


ROLL_SPREAD = register(
    Indicator(
        name="roll_spread",
        title="Roll's effective spread",
        description="2 * sqrt(-covariance) of each of the last log returns with the one before it, the covariance "
        "being the sample's (divided by period - 1): trades bounce between bid and ask. As a fraction of the price, "
        "because it is taken of returns. 0 where the covariance is not negative, as Goyenko, Holden & Trzcinka (2009) "
        "have it.",
        source="Roll (1984), The Journal of Finance 39:4, A simple implicit measure of the effective bid-ask spread",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 20, minimum=3, maximum=2000, description="pairs of returns in the window"),
        ),
        outputs=_outputs,
        lookback=lambda period: period + 1,
        context=lambda period: context_of(period) + 2,
        kernel=_kernel,
        specification=lambda period: (
            over_windows(_spread, log_return(pl.col("close")), log_return(pl.col("close")).shift(1), period=period),
        ),
    )
)

"""Whether moves go on or come back."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.logarithms import FLAT, blank_unpriced, log_returns
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import log_return, over_windows

LAGS = (1, 2, 4, 8, 16)


def _hurst(windows: Floats) -> Floats:
    paths = np.pad(np.cumsum(windows, axis=1), ((0, 0), (1, 0)))
    squares = np.stack([((paths[:, lag:] - paths[:, :-lag]) ** 2).mean(axis=1) for lag in LAGS])
    times = np.log(LAGS) - np.log(LAGS).mean()
    slopes: Floats = times @ (0.5 * np.log(squares)) / (times**2).sum()
    return np.where(squares[-1] > FLAT, slopes, np.nan)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = (
        f"generalised Hurst exponent of the last {period} log returns, lags 1 to 16: 0.5 for a random walk, more when "
        "moves go on, less when they come back; null while nothing moves"
    )
    return (Output(label, text, unit="exponent", warm_up=period),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, lag, last = series[g, SEEN] - (fresh - first), 1, stop - first - 1
        moves, terms, sums = log_returns(close, first, stop), np.empty(last), np.empty(last)
        out[first:stop] = np.nan
        squares = np.zeros((5, last))
        for which in range(5):
            # moves[i] is the move over the last `lag` bars to row first + lag + i; the window has so many of them.
            count, size = last - lag + 1, period - lag + 1
            if count < size:
                break
            for i in range(count):
                terms[i] = moves[i] * moves[i]
            window_sums(terms, 0, count, position, size, sums)
            squares[which, lag - 1 :] = sums[:count] / size
            for i in range(count - lag):
                moves[i] += moves[i + lag]
            lag *= 2
        for i in range(last):
            if squares[4, i] > FLAT:
                # Slope of ln(squares) / 2 over ln(lag): the logarithms of the lags lie evenly, the middle drops out.
                steep = 2.0 * math.log(squares[4, i] / squares[0, i]) + math.log(squares[3, i] / squares[1, i])
                out[first + i + 1] = steep / (20.0 * math.log(2.0))
        blank_unpriced(close, first, stop, period + 1, out)


HURST = register(
    Indicator(
        name="hurst",
        title="Generalised Hurst exponent",
        description="Slope of ln sqrt(K(lag)) over ln lag for the lags 1, 2, 4, 8 and 16, K being the mean square of "
        "the moves of the log close over that many bars, all those within the window (the structure function of order "
        "2). Returns are not taken relative to their mean, so a steady trend has 1. Null while K(16) is 0: nothing "
        "moves, or comes back to where it was every 16 bars.",
        source="Di Matteo, Aste & Dacorogna (2005), Journal of Banking & Finance 29:4, Long-term memories of developed "
        "and emerging markets",
        inputs=("close",),
        parameters=(Parameter("period", int, 100, minimum=32, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=lambda period: (over_windows(_hurst, log_return(pl.col("close")), period=period),),
    )
)

"""How closely returns follow the market's."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.comoments import Floats, window_comoments
from tradepipe.indicators.kernels.logarithms import FLAT, blank_unpriced, log_returns
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, log_return, over_windows


def _correlation(ones: Floats, others: Floats) -> Floats:
    one, other = deviations(ones), deviations(others)
    squares, other_squares = (one**2).sum(axis=1), (other**2).sum(axis=1)
    correlations: Floats = (one * other).sum(axis=1) / np.sqrt(squares) / np.sqrt(other_squares)
    return np.where(np.minimum(squares, other_squares) > FLAT * ones.shape[1], correlations, np.nan)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"correlation of the last {period} log returns with the benchmark's; null while either are all equal"
    return (Output(label, text, unit="dimensionless", warm_up=period, minimum=-1, maximum=1),)


@compiled
def _correlations(squares: Floats, others: Floats, products: Floats, flat: float, out: Floats) -> None:
    for i in range(len(out)):
        value = max(-1.0, min(1.0, products[i] / (math.sqrt(squares[i]) * math.sqrt(others[i]))))
        out[i] = value if min(squares[i], others[i]) > flat else np.nan


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, benchmark: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        own, market = log_returns(close, first, stop), log_returns(benchmark, first, stop)
        count, position = stop - first - 1, series[g, SEEN] - (fresh - first)
        squares, market_squares, products = np.empty(count), np.empty(count), np.empty(count)
        window_comoments(own, market, 0, count, position, period, squares, market_squares, products)
        out[first] = np.nan
        _correlations(squares, market_squares, products, FLAT * period, out[first + 1 : stop])
        blank_unpriced(close, first, stop, period + 1, out)
        blank_unpriced(benchmark, first, stop, period + 1, out)


CORRELATION = register(
    Indicator(
        name="correlation",
        title="Correlation with the benchmark",
        description="Pearson's correlation of the log returns of the close and of the market's benchmark, over the "
        "same bars. Null while the returns of either are all equal (0/0), which rounding does not hide: returns that "
        "agree to 1e-13, more digits than a price has, count as equal.",
        source="Kendall, Stuart & Ord (1987), Kendall's Advanced Theory of Statistics, volume 1, chapter 14",
        inputs=("close", "benchmark"),
        parameters=(Parameter("period", int, 60, minimum=3, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=lambda period: (
            over_windows(_correlation, log_return(pl.col("close")), log_return(pl.col("benchmark")), period=period),
        ),
        differences="CORREL gives 0 where a window is flat, and takes whatever series it is given: here log returns.",
    )
)

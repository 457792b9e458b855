"""How strongly returns follow the market's."""

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


def _beta(ones: Floats, others: Floats) -> Floats:
    one, other = deviations(ones), deviations(others)
    squares = (other**2).sum(axis=1)
    return np.where(squares > FLAT * ones.shape[1], (one * other).sum(axis=1) / squares, np.nan)


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"slope of the last {period} log returns on the benchmark's; null while the benchmark's are all equal"
    return (Output(label, text, unit="return per return of the benchmark", warm_up=period),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, benchmark: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        own, market = log_returns(close, first, stop), log_returns(benchmark, first, stop)
        count, position = stop - first - 1, series[g, SEEN] - (fresh - first)
        squares, market_squares, products = np.empty(count), np.empty(count), np.empty(count)
        window_comoments(own, market, 0, count, position, period, squares, market_squares, products)
        out[first] = np.nan
        slopes = out[first + 1 : stop]
        for i in range(len(slopes)):
            slopes[i] = products[i] / market_squares[i] if market_squares[i] > FLAT * period else np.nan
        blank_unpriced(close, first, stop, period + 1, out)
        blank_unpriced(benchmark, first, stop, period + 1, out)


BETA = register(
    Indicator(
        name="beta",
        title="Beta to the benchmark",
        description="Covariance of the log returns of the close and of the market's benchmark over the variance of the "
        "benchmark's: the slope of a least-squares line with an intercept. Null while the benchmark's returns are all "
        "equal (0/0), that is to 1e-13.",
        source="Sharpe (1963), Management Science 9:2, A simplified model for portfolio analysis",
        inputs=("close", "benchmark"),
        parameters=(Parameter("period", int, 60, minimum=3, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=lambda period: (
            over_windows(_beta, log_return(pl.col("close")), log_return(pl.col("benchmark")), period=period),
        ),
        differences="BETA takes simple returns and its arguments the other way round, and gives 0 where the benchmark "
        "is flat; here returns are logarithmic, as in `correlation`.",
    )
)

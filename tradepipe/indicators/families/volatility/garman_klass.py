"""Volatility from all four prices of a bar."""

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
    text = f"volatility that ranges and moves within the last {period} bars imply"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period - 1, minimum=0),)


@compiled
def _kernel(
    series: Series, _memory: Memory, open_: Floats, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    weight = 2.0 * math.log(2.0) - 1.0
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        terms = np.empty(stop - first)
        for i in range(first, stop):
            terms[i - first] = 0.5 * log_ratio(high[i], low[i]) ** 2 - weight * log_ratio(close[i], open_[i]) ** 2
        window_sums(terms, 0, stop - first, series[g, SEEN] - (fresh - first), period, out[first:stop])
        for i in range(fresh, stop):
            out[i] = math.sqrt(out[i] / period) if out[i] >= 0.0 else np.nan
        for prices in (open_, high, low, close):
            blank_unpriced(prices, first, stop, period, out)


def _root(ranges: Floats, moves: Floats) -> Floats:
    roots: Floats = np.sqrt((0.5 * ranges**2 - (2 * math.log(2) - 1) * moves**2).mean(axis=1))
    return roots


GARMAN_KLASS = register(
    Indicator(
        name="garman_klass",
        title="Garman-Klass volatility",
        description="sqrt(mean(ln(high / low)^2 / 2 - (2 ln 2 - 1) * ln(close / open)^2)), per bar as "
        "`realised_volatility`: Garman and Klass's practical estimator for a price without drift, the moves between "
        "bars left out. Null where prices that contradict each other (a close above the high) make the mean negative.",
        source="Garman & Klass (1980), The Journal of Business 53:1, On the estimation of security price volatilities "
        "from historical data",
        inputs=("open", "high", "low", "close"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (
            over_windows(
                _root,
                log_ratio_of(pl.col("high"), pl.col("low")),
                log_ratio_of(pl.col("close"), pl.col("open")),
                period=period,
            ),
        ),
    )
)

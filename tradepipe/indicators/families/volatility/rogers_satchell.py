"""Volatility within bars that a trend does not disturb."""

import math

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.logarithms import blank_unpriced, rogers_satchell_term
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows, rogers_satchell_term_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"volatility within the last {period} bars, whatever their drift"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period - 1, minimum=0),)


@compiled
def _kernel(
    series: Series, _memory: Memory, open_: Floats, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        terms = np.empty(stop - first)
        for i in range(first, stop):
            terms[i - first] = rogers_satchell_term(open_[i], high[i], low[i], close[i])
        window_sums(terms, 0, stop - first, series[g, SEEN] - (fresh - first), period, out[first:stop])
        for i in range(fresh, stop):
            out[i] = math.sqrt(out[i] / period) if out[i] >= 0.0 else np.nan
        for prices in (open_, high, low, close):
            blank_unpriced(prices, first, stop, period, out)


def _root(windows: Floats) -> Floats:
    roots: Floats = np.sqrt(windows.mean(axis=1))
    return roots


ROGERS_SATCHELL = register(
    Indicator(
        name="rogers_satchell",
        title="Rogers-Satchell volatility",
        description="sqrt(mean(ln(high / close) * ln(high / open) + ln(low / close) * ln(low / open))), per bar as "
        "`realised_volatility`: exact for any drift, the moves between bars left out. Null where prices that "
        "contradict each other (a close above the high) make the mean negative.",
        source="Rogers & Satchell (1991), The Annals of Applied Probability 1:4, Estimating variance from high, low "
        "and closing prices",
        inputs=("open", "high", "low", "close"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (over_windows(_root, rogers_satchell_term_of(), period=period),),
    )
)

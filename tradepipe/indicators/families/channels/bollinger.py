"""Bands around a moving average."""

import math

import polars as pl

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of, window_moments
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int, width: float) -> tuple[Output, ...]:
    unit, warm_up, reach = "price currency", period - 1, f"{width:g} population standard deviations"
    middle = f"simple mean of the last {period} closes"
    return (
        Output(f"{label}_lower", f"{middle}, minus {reach}", unit, warm_up),
        Output(f"{label}_middle", middle, unit, warm_up),
        Output(f"{label}_upper", f"{middle}, plus {reach}", unit, warm_up),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    close: Floats,
    period: int,
    width: float,
    lower: Floats,
    middle: Floats,
    upper: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        window_moments(close, first, stop, series[g, SEEN] - (fresh - first), period, middle, upper)
        for i in range(fresh, stop):
            reach = width * math.sqrt(upper[i] / period)
            lower[i] = middle[i] - reach
            upper[i] = middle[i] + reach


def _specification(period: int, width: float) -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    middle, reach = close.rolling_mean(period), width * close.rolling_std(period, ddof=0)
    return middle - reach, middle, middle + reach


BOLLINGER = register(
    Indicator(
        name="bollinger",
        title="Bollinger bands",
        description="Simple mean of the last closes and `width` standard deviations to either side. The standard "
        "deviation is the population's (divided by `period`), as Bollinger and TA-Lib have it.",
        source="Bollinger (2001), Bollinger on Bollinger Bands, chapter 7",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the mean and the deviation"),
            Parameter("width", float, 2.0, minimum=0.1, maximum=10, description="standard deviations to either side"),
        ),
        outputs=_outputs,
        lookback=lambda period, width: period - 1,
        context=lambda period, width: context_of(period),
        kernel=_kernel,
        specification=_specification,
    )
)

"""Bands around a moving average."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.deviations import window_deviations
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, over_windows


def _outputs(label: str, period: int, width: float) -> tuple[Output, ...]:
    unit, warm_up, reach = "price currency", period - 1, f"{width:g} population standard deviations"
    middle = f"simple mean of the last {period} closes"
    place = "place of the close between the bands, 0 at the lower and 1 at the upper one; null while they coincide"
    return (
        Output(f"{label}_lower", f"{middle}, minus {reach}", unit, warm_up),
        Output(f"{label}_middle", middle, unit, warm_up),
        Output(f"{label}_upper", f"{middle}, plus {reach}", unit, warm_up),
        Output(f"{label}_percent_b", f"%B: {place}", "fraction of the width", warm_up),
        Output(f"{label}_bandwidth", "upper minus lower band, over the middle", "fraction of the middle", warm_up),
    )


# Few columns a loop, whole views: that is what the compiler turns into several rows at a time.
@compiled
def _means_and_reaches(
    close: Floats, deviation: Floats, squares: Floats, period: int, width: float, mean: Floats
) -> None:
    """Means into `mean`, and `width` standard deviations in place of the sums of squares."""
    for i in range(len(mean)):
        mean[i] = close[i] - deviation[i]
    for i in range(len(mean)):
        squares[i] = width * math.sqrt(squares[i] / period)


@compiled
def _bands(mean: Floats, reach: Floats, lower: Floats, upper: Floats) -> None:
    for i in range(len(mean)):
        lower[i] = mean[i] - reach[i]
        upper[i] = mean[i] + reach[i]


@compiled
def _places_and_widths(mean: Floats, deviation: Floats, reach: Floats) -> None:
    """%B in place of the deviations, the relative width in place of the reaches; NaN for 0/0."""
    for i in range(len(mean)):
        deviation[i] = 0.5 + 0.5 * (deviation[i] / reach[i]) if reach[i] > 0.0 else np.nan
    for i in range(len(mean)):
        reach[i] = 2.0 * reach[i] / mean[i] if mean[i] != 0.0 else np.nan


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
    percent_b: Floats,
    bandwidth: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position = series[g, SEEN] - (fresh - first)
        window_deviations(close, first, stop, position, period, percent_b, bandwidth)
        _means_and_reaches(
            close[fresh:stop], percent_b[fresh:stop], bandwidth[fresh:stop], period, width, middle[fresh:stop]
        )
        _bands(middle[fresh:stop], bandwidth[fresh:stop], lower[fresh:stop], upper[fresh:stop])
        _places_and_widths(middle[fresh:stop], percent_b[fresh:stop], bandwidth[fresh:stop])


def _deviation(windows: Floats) -> Floats:
    return deviations(windows)[:, -1]


def _population(windows: Floats) -> Floats:
    roots: Floats = np.sqrt((deviations(windows) ** 2).mean(axis=1))
    return roots


def _specification(period: int, width: float) -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    middle = close - over_windows(_deviation, close, period=period)
    reach = width * over_windows(_population, close, period=period)
    place = 0.5 + (close - middle) / (2 * reach)
    return (
        middle - reach,
        middle,
        middle + reach,
        pl.when(reach > 0).then(place),
        pl.when(middle != 0).then(2 * reach / middle),
    )


BOLLINGER = register(
    Indicator(
        name="bollinger",
        title="Bollinger bands",
        description="Simple mean of the last closes and `width` standard deviations to either side, with %B, the "
        "place of the close between the bands, and their width over the middle. The standard deviation is the "
        "population's (divided by `period`), as Bollinger and TA-Lib have it. %B is null in a flat window (0/0).",
        source="Bollinger (2001), Bollinger on Bollinger Bands, chapters 7 and 8",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 20, minimum=3, maximum=2000, description="bars in the mean and the deviation"),
            Parameter("width", float, 2.0, minimum=0.1, maximum=10, description="standard deviations to either side"),
        ),
        outputs=_outputs,
        lookback=lambda period, width: period - 1,
        context=lambda period, width: context_of(period),
        kernel=_kernel,
        specification=_specification,
        differences="BBANDS has the three bands alone.",
    )
)

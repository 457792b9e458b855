"""Ichimoku kinko hyo."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.extrema import Floats, window_maxima, window_minima
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


@compiled
def _middles(high: Floats, low: Floats, period: int, lowest: Floats, out: Floats) -> None:
    """Middle of the range of the last `period` bars into `out`; `lowest` is room to work in."""
    window_maxima(high, 0, len(high), period, out)
    window_minima(low, 0, len(low), period, lowest)
    for i in range(len(out)):
        out[i] = 0.5 * (out[i] + lowest[i])


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    high: Floats,
    low: Floats,
    conversion: int,
    base: int,
    span: int,
    displacement: int,
    tenkan: Floats,
    kijun: Floats,
    senkou_a: Floats,
    senkou_b: Floats,
) -> None:
    for g in range(len(series)):
        first, stop = series[g, FIRST], series[g, STOP]
        work, middles = np.empty(stop - first), np.empty(stop - first)
        _middles(high[first:stop], low[first:stop], conversion, work, tenkan[first:stop])
        _middles(high[first:stop], low[first:stop], base, work, kijun[first:stop])
        _middles(high[first:stop], low[first:stop], span, work, middles)
        late = min(first + displacement, stop)
        senkou_a[first:late] = np.nan
        senkou_b[first:late] = np.nan
        _means(tenkan[first:stop], kijun[first:stop], senkou_a[late:stop])
        _means(middles, middles, senkou_b[late:stop])


@compiled
def _means(one: Floats, other: Floats, out: Floats) -> None:
    """Means of the first rows of both, as many as `out` has."""
    for i in range(len(out)):
        out[i] = 0.5 * (one[i] + other[i])


def _outputs(label: str, conversion: int, base: int, span: int, displacement: int) -> tuple[Output, ...]:
    unit = "price currency"
    longer = max(conversion, base) - 1 + displacement
    return (
        Output(f"{label}_tenkan", f"middle of the range of the last {conversion} bars", unit, conversion - 1),
        Output(f"{label}_kijun", f"middle of the range of the last {base} bars", unit, base - 1),
        Output(f"{label}_senkou_a", f"mean of tenkan and kijun {displacement} bars ago", unit, longer),
        Output(
            f"{label}_senkou_b",
            f"middle of the range of the {span} bars that ended {displacement} bars ago",
            unit,
            span - 1 + displacement,
        ),
    )


def _specification(conversion: int, base: int, span: int, displacement: int) -> tuple[pl.Expr, ...]:
    def middle(period: int) -> pl.Expr:
        return (pl.col("high").rolling_max(period) + pl.col("low").rolling_min(period)) / 2

    tenkan, kijun = middle(conversion), middle(base)
    return tenkan, kijun, ((tenkan + kijun) / 2).shift(displacement), middle(span).shift(displacement)


def _reach(conversion: int, base: int, span: int, displacement: int) -> int:
    """Bars before a bar that its values read."""
    return max(conversion, base, span) - 1 + displacement


ICHIMOKU = register(
    Indicator(
        name="ichimoku",
        title="Ichimoku kinko hyo",
        description="Middles of the ranges of three windows. Charts draw the two senkou lines `displacement` bars "
        "ahead; here a bar has the values drawn at it, which were computed `displacement` bars before. The chikou "
        "line is left out: drawn at a bar it is a later close. TradingView draws the lines one bar less ahead than its "
        "displacement says: its 26 is 25 here.",
        source="Elliott (2007), Ichimoku Charts: An Introduction to Ichimoku Kinko Clouds",
        inputs=("high", "low"),
        parameters=(
            Parameter("conversion", int, 9, minimum=2, maximum=2000, description="bars in the tenkan line"),
            Parameter("base", int, 26, minimum=2, maximum=2000, description="bars in the kijun line"),
            Parameter("span", int, 52, minimum=2, maximum=2000, description="bars in the senkou B line"),
            Parameter("displacement", int, 26, minimum=1, maximum=2000, description="bars the senkou lines are late"),
        ),
        outputs=_outputs,
        lookback=_reach,
        context=_reach,
        kernel=_kernel,
        specification=_specification,
    )
)

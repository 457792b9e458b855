"""How far a perpetual future trades from its mark price."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.deviations import window_deviations
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows, zscores

BASIS_POINTS = 10_000


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    unit, warm_up = "basis points of the mark price", period - 1
    return (
        Output(f"{label}_close", "close minus mark price", unit, warm_up=0),
        Output(f"{label}_mean", f"mean of it over the last {period} bars", unit, warm_up),
        Output(
            f"{label}_zscore",
            "its distance from that mean in sample standard deviations; null while it does not change",
            "standard deviations",
            warm_up,
        ),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    close: Floats,
    mark: Floats,
    period: int,
    basis: Floats,
    mean: Floats,
    zscore: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        rows = stop - first
        points, squares, deviation = np.empty(rows), np.empty(rows), np.empty(rows)
        for k in range(rows):
            points[k] = BASIS_POINTS * ((close[first + k] - mark[first + k]) / mark[first + k])
        window_deviations(points, 0, rows, series[g, SEEN] - (fresh - first), period, deviation, squares)
        for i in range(fresh, stop):
            k = i - first
            basis[i] = points[k] if math.isfinite(points[k]) else np.nan
            mean[i] = points[k] - deviation[k]
            zscore[i] = deviation[k] / math.sqrt(squares[k] / (period - 1))


def _specification(period: int) -> tuple[pl.Expr, ...]:
    close, mark = pl.col("close"), pl.col("mark_price")
    basis = BASIS_POINTS * ((close - mark) / mark)
    return basis, basis.rolling_mean(period), over_windows(zscores, basis, period=period)


BASIS = register(
    Indicator(
        name="basis",
        title="Basis",
        description="How far the traded close lies from the mark price of the same moment, which follows the spot "
        "index; its mean over a window, and how unusual it is within that: (basis - mean) / sample standard deviation. "
        "Null where the basis did not change in the window (0/0).",
        source="He, Manela, Ross & von Wachter (2022), Fundamentals of Perpetual Futures, section 2",
        inputs=("close", "mark_price"),
        parameters=(Parameter("period", int, 24, minimum=2, maximum=20000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=_specification,
    )
)

"""How many contracts are open, and whether that bears prices out."""

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


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    return (
        Output(
            f"{label}_change",
            f"change over {period} bars; null where nothing was open then",
            f"fraction over {period} bars",
            warm_up=period,
            minimum=-1,
        ),
        Output(
            f"{label}_zscore",
            f"distance from the mean of the last {period} bars in sample standard deviations; null while equal",
            "standard deviations",
            warm_up=period - 1,
        ),
        Output(
            f"{label}_divergence",
            f"-1: prices rose over {period} bars while contracts were closed, 1: they fell meanwhile, else 0",
            "signal: -1, 0 or 1",
            warm_up=period,
            minimum=-1,
            maximum=1,
        ),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    close: Floats,
    interest: Floats,
    period: int,
    change: Floats,
    zscore: Floats,
    divergence: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        rows = stop - first
        deviation, squares = np.empty(rows), np.empty(rows)
        position = series[g, SEEN] - (fresh - first)
        window_deviations(interest[first:stop], 0, rows, position, period, deviation, squares)
        for i in range(fresh, stop):
            zscore[i] = deviation[i - first] / math.sqrt(squares[i - first] / (period - 1))
            change[i], divergence[i] = np.nan, np.nan
            if i - first >= period:
                before = interest[i - period]
                if before > 0.0:
                    change[i] = (interest[i] - before) / before
                divergence[i] = 0.0
                if interest[i] < before and close[i] != close[i - period]:
                    divergence[i] = -1.0 if close[i] > close[i - period] else 1.0


def _specification(period: int) -> tuple[pl.Expr, ...]:
    close, interest = pl.col("close"), pl.col("open_interest")
    before = interest.shift(period)
    closed, direction = interest < before, (close - close.shift(period)).sign()
    return (
        pl.when(before > 0).then((interest - before) / before),
        over_windows(zscores, interest, period=period),
        pl.when(closed).then(-direction).when(~closed).then(0.0),
    )


OPEN_INTEREST = register(
    Indicator(
        name="open_interest",
        title="Open interest",
        description="How the contracts that are open changed over a window, how unusual their number is within it, and "
        "whether it diverges from prices: a rise on which contracts are closed comes of shorts that buy back and is "
        "weak (-1), a fall on which they are closed comes of longs that give up and nears its end (1). While "
        "contracts are added the move is borne out (0).",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 7",
        inputs=("close", "open_interest"),
        parameters=(Parameter("period", int, 24, minimum=2, maximum=20000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: max(context_of(period), period),
        kernel=_kernel,
        specification=_specification,
    )
)

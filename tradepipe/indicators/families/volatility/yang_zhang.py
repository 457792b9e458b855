"""Volatility from all four prices and the gaps between bars."""

import math

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.logarithms import blank_unpriced, log_ratio, rogers_satchell_term
from tradepipe.indicators.kernels.sums import window_sums
from tradepipe.indicators.kernels.windows import Floats, context_of, window_moments
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import deviations, over_windows, rogers_satchell_term_of
from tradepipe.indicators.specifications import log_ratio as log_ratio_of


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"volatility of the last {period} bars and the gaps before them"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period, minimum=0),)


@compiled
def _kernel(
    series: Series, _memory: Memory, open_: Floats, high: Floats, low: Floats, close: Floats, period: int, out: Floats
) -> None:
    weight = 0.34 / (1.34 + (period + 1.0) / (period - 1.0))
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position, count = series[g, SEEN] - (fresh - first), stop - first - 1
        gaps, moves, terms, mean = np.empty(count), np.empty(count), np.empty(count), np.empty(count)
        for i in range(count):
            row = first + i + 1
            gaps[i] = log_ratio(open_[row], close[row - 1])
            moves[i] = log_ratio(close[row], open_[row])
            terms[i] = rogers_satchell_term(open_[row], high[row], low[row], close[row])
        gap_squares, move_squares = np.empty(count), np.empty(count)
        window_moments(gaps, 0, count, position, period, mean, gap_squares)
        window_moments(moves, 0, count, position, period, mean, move_squares)
        window_sums(terms, 0, count, position, period, mean)
        out[first] = np.nan
        for i in range(count):
            between = (gap_squares[i] + weight * move_squares[i]) / (period - 1)
            variance = between + (1.0 - weight) * mean[i] / period
            out[first + i + 1] = math.sqrt(variance) if variance >= 0.0 else np.nan
        blank_unpriced(close, first, stop, period + 1, out)
        for prices in (open_, high, low):
            blank_unpriced(prices, first, stop, period, out)


def _root(gaps: Floats, moves: Floats, terms: Floats) -> Floats:
    period = gaps.shape[1]
    between, within = (
        (deviations(gaps) ** 2).sum(axis=1) / (period - 1),
        (deviations(moves) ** 2).sum(axis=1) / (period - 1),
    )
    weight = 0.34 / (1.34 + (period + 1) / (period - 1))
    roots: Floats = np.sqrt(between + weight * within + (1 - weight) * terms.mean(axis=1))
    return roots


def _specification(period: int) -> tuple[pl.Expr, ...]:
    gap = log_ratio_of(pl.col("open"), pl.col("close").shift(1))
    move = log_ratio_of(pl.col("close"), pl.col("open"))
    return (over_windows(_root, gap, move, rogers_satchell_term_of(), period=period),)


YANG_ZHANG = register(
    Indicator(
        name="yang_zhang",
        title="Yang-Zhang volatility",
        description="sqrt(Vo + k * Vc + (1 - k) * Vrs), per bar as `realised_volatility`: the sample variances "
        "(divided by period - 1) of ln(open / close before) and of ln(close / open), and the square of "
        "`rogers_satchell`, with k = 0.34 / (1.34 + (period + 1) / (period - 1)). It covers gaps between bars and no "
        "drift disturbs it. Null where prices that contradict each other make the variance negative.",
        source="Yang & Zhang (2000), The Journal of Business 73:3, Drift-independent volatility estimation based on "
        "high, low, open, and close prices",
        inputs=("open", "high", "low", "close"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=_specification,
    )
)

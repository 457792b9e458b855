"""How wide an interval must be: rolling conformal quantiles of past errors in units of the volatility forecast.

Errors over all symbols are pooled. By symbol, 250 origins give intervals of 95 % that are 3 to 7 % wider for the same
coverage, and coverage varies over symbols as much (standard deviation 1.6 to 2.0 points against 1.9 to 2.1, on 505
stocks, daily, horizons of 1 and 5).

Errors are counted in bins a fiftieth of their size wide. Counts are whole numbers, so that a window's counts are
exactly the same whether one adds them up or takes differences of running totals.
"""

import numpy as np

from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.model import FloatArray, IntArray

_STEPS = 5
"""Binary digits of the mantissa that tell bins apart: 32 bins each time errors double."""
_LEAST, _MOST = -6, 16
"""Powers of two of the smallest and the largest error told apart."""
_SHIFT = 52 - _STEPS
_FIRST = (1023 + _LEAST) << _STEPS
BINS = ((_MOST - _LEAST) << _STEPS) + 2


def bins_of(error: FloatArray, volatility: FloatArray) -> IntArray:
    """The bin of each |error| / volatility, by the leading bits of the number itself."""
    size = np.abs(error) / volatility
    bins: IntArray = np.clip((size.view(np.int64) >> _SHIFT) - (_FIRST - 1), 0, BINS - 1)
    return bins


def edges(bins: IntArray) -> FloatArray:
    """The lower edge of each bin; 0 of the first."""
    numbers = (np.maximum(bins, 1) + (_FIRST - 1)) << _SHIFT
    lower: FloatArray = numbers.astype(np.int64).view(np.float64)
    return np.where(bins == 0, 0.0, lower)


def counts_of(known: IntArray, bins: IntArray, ends: IntArray, length: int) -> IntArray:
    """How many errors of each bin became known at the `length` newest positions up to each of `ends`.

    Args:
        known: (errors,) position at which each became known.
        bins: (errors,).
        ends: (n,) positions, ascending.
        length: of a window.

    Returns:
        (n, BINS).
    """
    if not len(ends):
        return np.zeros((0, BINS), dtype=np.int64)
    begin = max(int(ends[0]) - length + 1, 0)
    inside = (known >= begin) & (known <= ends[-1])
    rows = int(ends[-1]) - begin + 1
    if len(ends) == 1:
        return np.bincount(bins[inside], minlength=BINS)[None, :]
    each = np.bincount((known[inside] - begin) * BINS + bins[inside], minlength=rows * BINS).reshape(rows, BINS)
    running = np.concatenate([np.zeros((1, BINS), dtype=np.int64), each.cumsum(axis=0)])
    counts: IntArray = running[ends - begin + 1] - running[np.maximum(ends - begin + 1 - length, 0)]
    return counts


def quantiles(counts: IntArray) -> FloatArray:
    """The half width of each of LEVELS, in units of volatility: (n, levels); NaN where nothing was counted.

    With N errors it is the ceil((N + 1) level)-th smallest, the largest if there are not so many (split conformal
    prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018), placed within its bin as if the bin were filled
    evenly.
    """
    running = counts.cumsum(axis=1)
    total = running[:, -1]
    half = np.full((len(counts), len(LEVELS)), np.nan)
    filled = np.flatnonzero(total)
    for place, level in enumerate(LEVELS):
        rank = np.minimum(-(-(total[filled] + 1) * level // 100), total[filled])
        found = (running[filled] < rank[:, None]).sum(axis=1)
        into = (rank - (running[filled, found] - counts[filled, found])) / counts[filled, found]
        lower, upper = edges(found), edges(np.minimum(found + 1, BINS - 1))
        half[filled, place] = lower + into * (upper - lower)
    return half

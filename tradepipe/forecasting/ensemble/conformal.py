"""How wide an interval must be: rolling conformal quantiles of past errors in units of the volatility forecast.

Errors over all symbols are pooled. By symbol, 250 origins give intervals of 95 % that are 3 to 7 % wider for the same
coverage, and coverage varies over symbols as much (standard deviation 1.6 to 2.0 points against 1.9 to 2.1, on 505
stocks, daily, horizons of 1 and 5).

Errors are counted in bins a fiftieth of their size wide. Counts are whole numbers, so that a window's counts are
exactly the same whether one adds them up or moves the window on.
"""

import numpy as np

from tradepipe.contracts.forecasts import LEVELS
from tradepipe.forecasting.ensemble.kernels.sums import count_widths
from tradepipe.forecasting.model import FloatArray, IntArray

_STEPS = 5
"""Binary digits of the mantissa that tell bins apart: 32 bins each time errors double."""
_LEAST, _MOST = -6, 16
"""Powers of two of the smallest and the largest error told apart."""
_SHIFT = 52 - _STEPS
_FIRST = (1023 + _LEAST) << _STEPS
_BINS = ((_MOST - _LEAST) << _STEPS) + 2


def half_widths(  # noqa: PLR0913, PLR0917 - errors in three columns, and of which time
    begin: IntArray, realised: FloatArray, mean: FloatArray, volatility: FloatArray, ends: IntArray, length: int
) -> FloatArray:
    """The half width for each of LEVELS at each of `ends`, in units of volatility; NaN where no error was known.

    With N errors it is the ceil((N + 1) level)-th smallest |error| / volatility, the largest if there are not so many
    (split conformal prediction: Vovk, Gammerman and Shafer 2005; Lei et al. 2018), placed within its bin as if the bin
    were filled evenly. The bin follows from the leading bits of the number itself.

    Args:
        begin: (P + 1,) where the errors begin that became known at each position.
        realised: (errors,).
        mean: (errors,) forecast.
        volatility: (errors,) forecast.
        ends: (n,) positions, ascending.
        length: newest positions up to an end that count.

    Returns:
        (n, levels).
    """
    half = np.empty((len(ends), len(LEVELS)))
    levels = np.array(LEVELS, dtype=np.int64)
    count_widths(begin, realised, mean, volatility, ends, length, _edges(), _SHIFT, _FIRST - 1, levels, half)
    return half


def _edges() -> FloatArray:
    """(bins + 1,) where each bin begins: 0 of the first, and nothing beyond the last."""
    numbers = (np.arange(1, _BINS, dtype=np.int64) + (_FIRST - 1)) << _SHIFT
    lower = numbers.view(np.float64)
    return np.concatenate([[0.0], lower, lower[-1:]])

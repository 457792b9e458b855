"""How many factors: rolling-origin cross-validation inside the training window."""

from typing import Final

import numpy as np

from tradepipe.forecasting.engines.samossa.factors import Recursion, factors_of, filtered, recursion_of
from tradepipe.forecasting.engines.samossa.windows import moments, standardised
from tradepipe.forecasting.model import FloatArray

FOLDS: Final = 3
"""Origins, one validation block apart, the last one a block before the end."""

SHARE: Final = 10
"""The window holds so many validation blocks."""


def best_first(block: FloatArray, ranks: tuple[int, ...], lags: int, threads: int = 1) -> tuple[int, ...]:
    """The ranks, by the squared one-step errors that they would have made, least first.

    Each origin fits means, scales, factors and autoregressions to the bars before it and forecasts the block after it
    without a refit, as the model will be used; one decomposition serves all ranks. Errors are in standard deviations
    of the bars before, and pooled over series. Explosions are not refused here: one step shows what they cost, and a
    shorter window has more of them.

    Args:
        block: (series, bars) of the training window.
        ranks: to choose among; 0 is Gavish and Donoho's, at each origin its own.
        lags: of the residuals' autoregression.
        threads: how many; the answer is the same.
    """
    if len(ranks) == 1:
        return ranks
    series, bars = block.shape
    ahead = bars // SHARE
    losses = np.zeros(len(ranks))
    for fold in range(FOLDS, 0, -1):
        origin = bars - fold * ahead
        standard = standardised(block[:, : origin + ahead], *moments(block[:, :origin]))
        factors = factors_of(standard[:, :origin], ranks, threads)
        by_rank: dict[int, float] = {}
        for rank in sorted(set(factors.ranks.values())):
            found = recursion_of(factors, rank, lags, series, np.inf)
            by_rank[rank] = np.inf if found is None else _loss(standard, origin, found)
        losses += [by_rank[factors.ranks[rank]] for rank in ranks]
    return tuple(ranks[place] for place in np.argsort(losses, kind="stable"))


def _loss(standard: FloatArray, origin: int, found: Recursion) -> float:
    """Sum of squared one-step errors from bar `origin` on; an autoregression that explodes is left off."""
    lags, order = len(found.beta), found.alpha.shape[1]
    _, errors = filtered(standard[:, origin - lags - order :], found.beta, found.alpha * found.steady()[:, None])
    return float((errors[:, order:] ** 2).sum())

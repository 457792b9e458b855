"""How many factors: rolling-origin cross-validation inside the training window."""

from typing import Final

import numpy as np

from tradepipe.forecasting.engines.samossa import validation
from tradepipe.forecasting.engines.samossa.factors import (
    LARGEST_RADIUS,
    Factors,
    beta_of,
    factors_of,
    shares_of,
    together,
)
from tradepipe.forecasting.engines.samossa.windows import aligned, moments, standardised
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
    bars = block.shape[1]
    ahead = bars // SHARE
    losses = np.zeros(len(ranks))
    for fold in range(FOLDS, 0, -1):
        origin = bars - fold * ahead
        standard = standardised(block, *moments(block, origin), origin + ahead)
        factors = factors_of(standard[:, :origin], ranks, threads)
        by_rank = losses_of(standard, origin, factors, lags, threads)
        losses += [by_rank[factors.ranks[rank]] for rank in ranks]
    return tuple(ranks[place] for place in np.argsort(losses, kind="stable"))


def losses_of(standard: FloatArray, origin: int, factors: Factors, lags: int, threads: int) -> dict[int, float]:
    """Of each rank of `factors` the sum of squared one-step errors from bar `origin` on; inf where none can be made.

    An autoregression that explodes is left off.
    """
    found = {rank: beta_of(factors, rank) for rank in sorted(set(factors.ranks.values()))}
    betas = {rank: beta for rank, beta in found.items() if beta is not None}
    series = len(standard)
    alpha, losses = np.empty((len(betas), series, lags)), np.empty((len(betas), series))
    if betas:
        validation.rest_of_ranks(factors.rows, factors.vectors, np.array(list(betas)), LARGEST_RADIUS, alpha)
        fours = len(betas) + -len(betas) % 4
        stacked = np.zeros((fours, factors.vectors.shape[1] - 1))
        stacked[: len(betas)] = list(betas.values())
        room = standard.shape[1] - origin + lags

        def run(begin: int, end: int) -> None:
            rests = aligned(fours, room)
            validation.losses_of_ranks(standard, origin, stacked, alpha, begin, end, rests, losses)

        together(threads, shares_of(series, threads), run)
    return dict.fromkeys(found, np.inf) | dict(zip(betas, losses.sum(axis=1).tolist(), strict=True))

"""Who counts in the ensemble: a gate and weights for the mean, and the member whose volatility is taken.

All errors are pooled over the panel: measured on 505 US stocks and on large ones over fifteen years, a gate or weights
by symbol followed chance (mean squared error up to 1.012 of the random walk's in a year). How far beyond chance a
member must have beaten the random walk is `gate`'s.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradepipe.forecasting.ensemble.gate import scores, trust
from tradepipe.forecasting.ensemble.kernels.sums import add_losses
from tradepipe.forecasting.ensemble.panel import Errors
from tradepipe.forecasting.ensemble.windows import newest, windows
from tradepipe.forecasting.members import RANDOM_WALK
from tradepipe.forecasting.model import BoolArray, FloatArray, IntArray
from tradepipe.settings.forecasts import EnsembleSettings

FINENESS = 100
"""Parts of the random walk's weight in which weights are told: ratios of errors are not known any better."""

HEAVIEST = 100.0
"""Largest weight, of a member that makes no error where the random walk does."""

WILDEST = 100.0
"""Largest squared return over variance that the loss of a variance counts: a jump after a halt decides nothing."""


@dataclass(frozen=True)
class Shares:
    """At each of n origins, for one horizon.

    Attributes:
        weights: (n, members) weights of the means before they are divided by their sum; the random walk's is 1.
        volatility: (n,) index of the member whose volatility is taken.
        enough: (n,) whether there were enough past origins; without, the random walk stands alone.
    """

    weights: FloatArray
    volatility: IntArray
    enough: BoolArray


def shares(errors: Errors, horizon: int, origins: IntArray, told: EnsembleSettings, gate: float) -> Shares:
    """Gate and weights at each of `origins`, from errors known by then.

    A member's error is set against the random walk's on the same forecasts, those that are its own. Summed over the
    panel, the difference of their squares is a series over time (forecasts of one time are no independent witnesses),
    whose score over the newest `told.origins` positions must exceed `gate`. Its weight is the random walk's mean
    squared error over its own, times the `trust` that the score deserves. Volatility is that of the member with the
    smallest past QLIKE loss (Patton 2011, "Volatility forecast comparison using imperfect volatility proxies", J.
    Econometrics 160) of the random walk's squared error.

    Args:
        errors: of the horizon, from all positions that count.
        horizon: in bars.
        origins: (n,) positions.
        told: how many past positions count, and how few are too few.
        gate: standard deviations; see `gate_of`.
    """
    names, length = errors.said.names, told.origins
    walk = names.index(RANDOM_WALK)
    enough = _held(np.diff(errors.begin), origins, length) >= told.min_origins
    weights, losses = np.zeros((len(origins), len(names))), np.zeros((len(origins), len(names)))
    for place, name in enumerate(names):
        if place == walk:
            weights[:, place] = 1.0
            continue
        loss, ours, theirs, own = _losses(errors, name)
        losses[:, place] = newest(loss, origins, length)
        trusted = trust(scores(windows(theirs - ours, origins, length), horizon), gate)
        counts = enough & (_held(own, origins, length) >= told.min_origins)
        ratio = _ratio(newest(theirs, origins, length), newest(ours, origins, length), trusted)
        weights[:, place] = np.where(counts, ratio, 0.0)
    least = losses.argmin(axis=1)
    # Of equals the random walk.
    best = np.where(losses[np.arange(len(origins)), least] < 0, least, walk)
    return Shares(weights, np.where(enough, best, walk), enough)


def _held(counts: NDArray[Any], origins: IntArray, length: int) -> FloatArray:
    """At how many of the newest positions errors became known, of which there are `counts` (P,)."""
    return newest((counts > 0).astype(np.float64), origins, length)


def _ratio(theirs: FloatArray, ours: FloatArray, trusted: FloatArray) -> FloatArray:
    """The random walk's squared error over the member's, times what is `trusted` of it, rounded."""
    ratio = np.divide(theirs, ours, out=np.full_like(theirs, HEAVIEST), where=ours > 0)
    return np.round(np.minimum(ratio, HEAVIEST) * trusted * FINENESS) / FINENESS


def _losses(errors: Errors, name: str) -> FloatArray:
    """What a member lost, by the position at which it became known: the sums of `add_losses`."""
    sums = np.empty((4, len(errors.begin) - 1))
    said = errors.said
    walks, volatility, own = said.volatility(RANDOM_WALK), said.volatility(name), said.own(name)
    both = said.mean(RANDOM_WALK), walks, said.mean(name), volatility
    logs, own = np.log(volatility / walks), np.empty(0) if own is None else own
    add_losses(errors.begin, errors.realised, *both, logs, own, WILDEST, sums)
    return sums

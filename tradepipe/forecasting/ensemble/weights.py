"""Who counts in the ensemble: a gate and weights for the mean, and the member whose volatility is taken.

All errors are pooled over the panel: measured on 505 US stocks and on large ones over fifteen years, a gate or weights
by symbol followed chance (mean squared error up to 1.012 of the random walk's in a year). How far beyond chance a
member must have beaten the random walk is `gate`'s.
"""

from dataclasses import dataclass

import numpy as np

from tradepipe.forecasting.ensemble.gate import scores, trust
from tradepipe.forecasting.ensemble.panel import HorizonPanel
from tradepipe.forecasting.ensemble.windows import Errors
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


def shares(panel: HorizonPanel, horizon: int, origins: IntArray, told: EnsembleSettings, gate: float) -> Shares:
    """Gate and weights at each of `origins`, from errors known by then.

    A member's error is set against the random walk's on the same forecasts, those that are its own. Summed over the
    panel, the difference of their squares is a series over time (forecasts of one time are no independent witnesses),
    whose score over the newest `told.origins` positions must exceed `gate`. Its weight is the random walk's mean
    squared error over its own, times the `trust` that the score deserves. Volatility is that of the member with the
    smallest past QLIKE loss (Patton 2011, "Volatility forecast comparison using imperfect volatility proxies", J.
    Econometrics 160) of the random walk's squared error.

    Args:
        panel: of the horizon.
        horizon: in bars.
        origins: (n,) positions.
        told: how many past positions count, and how few are too few.
        gate: standard deviations; see `gate_of`.
    """
    errors, walk = Errors(panel, origins, told.origins), panel.names.index(RANDOM_WALK)
    realised = errors.of(panel.realised)
    base = (realised - errors.of(panel.mean[RANDOM_WALK])) ** 2
    enough = _held(errors, np.ones_like(base)) >= told.min_origins
    weights, losses = np.zeros((len(origins), len(panel.names))), np.zeros((len(origins), len(panel.names)))
    for place, name in enumerate(panel.names):
        if place == walk:
            weights[:, place] = 1.0
            continue
        loss = _lost(base, errors.of(panel.volatility[name]), errors.of(panel.volatility[RANDOM_WALK]))
        losses[:, place] = errors.newest(errors.by_position(loss))
        own = errors.of(panel.able[name])
        ours = errors.by_position(np.where(own, (realised - errors.of(panel.mean[name])) ** 2, 0.0))
        theirs = errors.by_position(np.where(own, base, 0.0))
        trusted = trust(scores(errors.windows(theirs - ours), horizon), gate)
        counts = enough & (_held(errors, np.where(own, 1.0, 0.0)) >= told.min_origins)
        weights[:, place] = np.where(counts, _ratio(errors.newest(theirs), errors.newest(ours), trusted), 0.0)
    least = losses.argmin(axis=1)
    # Of equals the random walk.
    best = np.where(losses[np.arange(len(origins)), least] < 0, least, walk)
    return Shares(weights, np.where(enough, best, walk), enough)


def _held(errors: Errors, counted: FloatArray) -> FloatArray:
    """How many of the newest positions brought an error that counts."""
    return errors.newest((errors.by_position(counted) > 0).astype(np.float64))


def _ratio(theirs: FloatArray, ours: FloatArray, trusted: FloatArray) -> FloatArray:
    """The random walk's squared error over the member's, times what is `trusted` of it, rounded."""
    ratio = np.divide(theirs, ours, out=np.full_like(theirs, HEAVIEST), where=ours > 0)
    return np.round(np.minimum(ratio, HEAVIEST) * trusted * FINENESS) / FINENESS


def _lost(squares: FloatArray, volatility: FloatArray, walks: FloatArray) -> FloatArray:
    """QLIKE of a volatility less that of the random walk's."""
    ratio, other = (np.minimum(squares / one**2, WILDEST) for one in (volatility, walks))
    lost: FloatArray = ratio - other + 2 * np.log(volatility / walks)
    return lost

"""How much better than the random walk a member must have been before it counts: more than chance makes it look.

The threshold follows from an error rate and from how often one looks, not from any data (decision 0017).
"""

import math

import numpy as np

from tradepipe.forecasting.model import FloatArray
from tradepipe.settings.forecasts import ForecastSettings

_HIGHEST = 40.0
"""Standard deviations beyond which the chance is no number any more."""

_HALVINGS = 60


def gate_of(settings: ForecastSettings) -> float:
    """Standard deviations that a score must exceed.

    At each horizon, chance alone takes the score of any member beyond it, at some origin of a stretch as long as the
    window of past origins, with a probability of at most `settings.ensemble.error_rate` (Bonferroni over members,
    `chance_within_window` over origins). Horizons are no further looks: their targets overlap, and one more of them
    must not change the forecasts of the others.
    """
    return _threshold(settings.ensemble.error_rate / max(len(settings.members) - 1, 1))


def chance_within_window(gate: float) -> float:
    """Probability that a moving sum of pure noise exceeds `gate` at some time of a stretch as long as its window.

    In standard deviations of the sum. Slepian (1961), "First passage time for a particular Gaussian process", Annals
    of Mathematical Statistics 32: of a Gaussian process with autocorrelation 1 - |t| over a unit of time,
    1 - F(g)^2 + f(g) (g F(g) + f(g)), with F and f the normal distribution and density. A process watched bar by bar
    exceeds it a little less often.
    """
    density, below = math.exp(-gate * gate / 2) / math.sqrt(2 * math.pi), math.erfc(-gate / math.sqrt(2)) / 2
    above = math.erfc(gate / math.sqrt(2)) / 2
    return above * (1 + below) + density * (gate * below + density)


def scores(gained: FloatArray, horizon: int) -> FloatArray:
    """The sum of each row of `gained`, (n, length), over the most that chance would spread it; 0 where nothing varies.

    The spread is the root of `horizon` times the sum of squares. Forecasts `horizon` bars ahead overlap: each
    `horizon`-th one is no longer, and of such a series of differences with as likely signs a sum over the root of its
    squares has tails no heavier than the normal law's bound exp(-x^2 / 2), however wild single days are (Efron 1969,
    "Student's t-test under symmetry conditions", J. American Statistical Association 64; de la Pena 1999, "A general
    class of exponential inequalities for martingales and ratios", Annals of Probability 27). By Hoelder's inequality
    the same holds of all `horizon` series together with `horizon` times the squares. It is the variance that
    overlapping forecasts have when they hardly change from bar to bar (Hodrick 1992, "Dividend yields and expected
    stock returns", Review of Financial Studies 5), and too much for those that do: estimated autocovariances would
    tell, but a year of overlapping forecasts tells them too badly to be strict by.
    """
    spread = np.sqrt(horizon * (gained * gained).sum(axis=1))
    score: FloatArray = np.divide(gained.sum(axis=1), spread, out=np.zeros_like(spread), where=spread > 0)
    return score


def trust(score: FloatArray, gate: float) -> FloatArray:
    """The share of its weight that a member of each `score` has: 0 up to the gate, then growing towards 1.

    1 - (gate / score)^2, the non-negative garrote (Breiman 1995, "Better subset regression using the nonnegative
    garrote", Technometrics 37) with the gate for its threshold: what has only just passed has most likely been lucky,
    and a score that crosses the gate and back makes no jump in the forecast.
    """
    beyond = score > gate
    return np.where(beyond, 1 - (gate / np.where(beyond, score, 1.0)) ** 2, 0.0)


def _threshold(chance: float) -> float:
    """The gate that noise exceeds with probability `chance`; 0 where it may do so oftener than any gate lets it."""
    low, high = 0.0, _HIGHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if chance_within_window(middle) > chance else (low, middle)
    return high

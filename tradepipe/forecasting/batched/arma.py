"""ARMA(p, d, q) (P, D, Q, s) with a mean and regressors for many series: fit, filter, update and forecast."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tradepipe.forecasting.batched import filtering, fitting
from tradepipe.forecasting.batched.polynomials import (
    EVALUATIONS,
    HEIGHT,
    MEAN,
    NUMBERS,
    SEASONAL_PHI,
    SEASONAL_THETA,
    THETA,
    VARIANCE,
)
from tradepipe.forecasting.batched.product_fitting import fit_products
from tradepipe.forecasting.model import FloatArray, IntArray

Series = Sequence[FloatArray] | FloatArray

HIGHEST, HIGHEST_SEASONAL = 3, 2


class FitStatus(IntEnum):
    """What became of one series of a batch."""

    FITTED = fitting.FITTED
    UNFINISHED = fitting.UNFINISHED
    SHORT = fitting.SHORT
    NOT_FINITE = fitting.NOT_FINITE
    CONSTANT = fitting.CONSTANT


@dataclass(frozen=True)
class ArmaOrder:
    """Orders of one specification.

    Attributes:
        p: lags of the value, 0 to 3.
        d: differences, 0 or 1.
        q: lags of the innovation, 0 to 3.
        mean: whether the (differenced) series has a mean; without, it is 0.
        seasonal: (P, D, Q, s), P and Q up to 2 and D up to 1, of s bars a season; s = 0: none.
        regressors: columns beside the values, differenced as they are.

    Raises:
        ValueError: an order that the compiled engine does not know.
    """

    p: int
    d: int
    q: int
    mean: bool = True
    seasonal: tuple[int, int, int, int] = (0, 0, 0, 0)
    regressors: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.p <= HIGHEST and 0 <= self.q <= HIGHEST and self.d in {0, 1}):
            raise ValueError(
                f"ARMA({self.p}, {self.d}, {self.q}) is not of the batched engine, which has p and q up to "
                f"{HIGHEST} and d up to 1; fit it by the reference engine"
            )
        lags, differences, errors, season = self.seasonal
        if not (0 <= lags <= HIGHEST_SEASONAL and 0 <= errors <= HIGHEST_SEASONAL and differences in {0, 1}):
            raise ValueError(
                f"season {self.seasonal} is not of the batched engine, which has P and Q up to {HIGHEST_SEASONAL} "
                f"and D up to 1; fit it by the reference engine"
            )
        if any(self.seasonal[:3]) and season <= max(self.p, self.q, 1):
            raise ValueError(
                f"season {self.seasonal} of {season} bars has lags that ({self.p}, {self.d}, {self.q}) has already; "
                f"give a longer season or fewer lags"
            )

    @property
    def shape(self) -> IntArray:
        """What the kernels want to know; see `polynomials.expand`."""
        lags, differences, errors, season = self.seasonal
        size = max(self.p + lags * season, self.q + errors * season, 1)
        depth = self.d + differences * season
        return np.array([self.p, self.q, lags, errors, season, self.d + 2 * differences, size, depth])

    @property
    def depth(self) -> int:
        """Values that go into the first difference beside its own."""
        return self.d + self.seasonal[1] * self.seasonal[3]

    @property
    def state_size(self) -> int:
        """Columns of a state; see `filtering`."""
        return int(filtering.HEAD + 3 * self.shape[6] + self.depth + self.regressors)


@dataclass(frozen=True)
class ArmaFits:
    """Fits of a batch, one row a series.

    Attributes:
        order: the specification.
        status: (series,) `FitStatus`. Of FITTED and UNFINISHED (evaluations ran out) the numbers are of use; a
            CONSTANT one has its value as mean and variance 0; the others have NaN.
        numbers: (series, NUMBERS + regressors), see `polynomials.NUMBERS`, in units of the values.
    """

    order: ArmaOrder
    status: IntArray
    numbers: FloatArray

    @property
    def phi(self) -> FloatArray:
        """(series, p), of w(t) - mean = phi_1 (w(t-1) - mean) + ..."""
        return self.numbers[:, : self.order.p]

    @property
    def theta(self) -> FloatArray:
        """(series, q), of ... + e(t) + theta_1 e(t-1) + ..."""
        return self.numbers[:, THETA : THETA + self.order.q]

    @property
    def seasonal_phi(self) -> FloatArray:
        """(series, P), of 1 - Phi_1 B^s - ..."""
        return self.numbers[:, SEASONAL_PHI : SEASONAL_PHI + self.order.seasonal[0]]

    @property
    def seasonal_theta(self) -> FloatArray:
        """(series, Q), of 1 + Theta_1 B^s + ..."""
        return self.numbers[:, SEASONAL_THETA : SEASONAL_THETA + self.order.seasonal[2]]

    @property
    def coefficients(self) -> FloatArray:
        """(series, regressors), of the columns beside the values."""
        return self.numbers[:, NUMBERS:]

    @property
    def mean(self) -> FloatArray:
        """(series,) of the differenced values."""
        return self.numbers[:, MEAN]

    @property
    def variance(self) -> FloatArray:
        """(series,) of the innovations."""
        return self.numbers[:, VARIANCE]

    @property
    def log_likelihood(self) -> FloatArray:
        """(series,) exact and Gaussian, of the differenced values."""
        return self.numbers[:, HEIGHT]

    @property
    def evaluations(self) -> FloatArray:
        """(series,) of the likelihood."""
        return self.numbers[:, EVALUATIONS]


def fit_arma(
    series: Series,
    order: ArmaOrder,
    exog: Sequence[FloatArray] = (),
    *,
    starts: int = 3,
    warm: ArmaFits | None = None,
    rotation: int = 0,
    threads: int = 1,
) -> ArmaFits:
    """Fit one specification to every series by exact maximum likelihood.

    A series that cannot be fitted says so in its status and disturbs no other. The result of a series depends
    on nothing but its own values and, if given, its own warm start.

    Args:
        series: values of each, oldest first; (series, n) or arrays of different lengths.
        order: the specification.
        exog: of each series (n, regressors) beside its values; one that the others explain gets the coefficient 0.
        starts: most local optima searched from a cold start; beside a warm start, how many basins are tried.
        warm: earlier fits of the same series in the same order; a row without numbers starts cold.
        rotation: which basin is tried first beside a warm start. Count it up with each refit: a chain of warm starts
            alone stays in an optimum that has ceased to be the best.
        threads: how many share the series; the numbers are the same.

    Raises:
        ValueError: `starts` is below 1 without warm starts, `warm` has another number of series, or `exog` another
            shape than the series and the order ask for.
    """
    values, bounds = _flat(series)
    beside = _beside(exog, bounds, order)
    count = len(bounds) - 1
    if starts < (1 if warm is None else 0):
        raise ValueError(f"starts is {starts}; a cold fit needs at least 1")
    if warm is not None and len(warm.status) != count:
        raise ValueError(f"warm has {len(warm.status)} series and the batch {count}; give one row each, in order")
    before = np.full((count, MEAN), np.nan) if warm is None else np.ascontiguousarray(warm.numbers[:, :MEAN])
    status, numbers = np.zeros(count, np.int64), np.zeros((count, NUMBERS + order.regressors))
    p, d, q, shape = order.p, order.d, order.q, order.shape

    def run(a: int, b: int) -> None:
        where = bounds[a : b + 1]
        own = status[a:b], numbers[a:b]
        if order.regressors or any(order.seasonal):
            fit_products(values, where, beside, shape, order.mean, starts, rotation, before[a:b], *own)
        else:
            fitting.fit_all(values, where, p, d, q, order.mean, starts, rotation, before[a:b], *own)

    _share(run, count, threads)
    return ArmaFits(order, status, numbers)


def filter_arma(series: Series, fits: ArmaFits, exog: Sequence[FloatArray] = ()) -> tuple[FloatArray, list[FloatArray]]:
    """States (series, size) after all bars of `series` at the fits' parameters, and errors; see `update_arma`."""
    states = np.empty((len(fits.status), fits.order.state_size))
    filtering.start_all(fits.order.shape, fits.numbers, states)
    return update_arma(series, fits, states, exog)


def update_arma(
    bars: Series, fits: ArmaFits, states: FloatArray, exog: Sequence[FloatArray] = ()
) -> tuple[FloatArray, list[FloatArray]]:
    """States after the new `bars` of each series, and one-step errors; parameters are kept.

    A bar that is not finite is left out: the state stays, its error is NaN. So is that of a bar needed to difference.
    """
    values, bounds = _flat(bars)
    if not len(bounds) - 1 == len(fits.status) == len(states):
        raise ValueError(f"{len(bounds) - 1} series, {len(fits.status)} fits, {len(states)} states; give one each")
    after, errors = states.copy(), np.empty(len(values))
    beside = _beside(exog, bounds, fits.order)
    filtering.advance_all(fits.order.shape, fits.numbers, values, bounds, beside, after, errors)
    return after, np.split(errors, bounds[1:-1]) if len(bounds) > 1 else []


def likelihood_arma(fits: ArmaFits, states: FloatArray) -> FloatArray:
    """Exact log-likelihood (series,) of all bars filtered so far at the fits' parameters."""
    likelihoods = np.empty(len(states))
    filtering.likelihood_all(fits.numbers, states, likelihoods)
    return likelihoods


def forecast_arma(
    fits: ArmaFits, states: FloatArray, horizon: int, exog: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Expected next values, and what a unit error adds to its own and the later ones; each (series, horizon).

    Of levels when values are differenced. Parameters count as known. NaN for a series whose fit has no numbers.

    Args:
        fits: the parameters.
        states: where each series stands.
        horizon: bars ahead.
        exog: (series, horizon, regressors) of the bars ahead; without, regressors stay at their newest row.
    """
    if exog is None:
        newest = states[:, states.shape[1] - fits.order.regressors :]
        exog = np.repeat(newest[:, None, :], horizon, axis=1)
    means, responses = np.empty((len(states), horizon)), np.empty((len(states), horizon))
    beside = np.ascontiguousarray(exog)
    filtering.forecast_all(fits.order.shape, fits.numbers, states, beside, means, responses)
    return means, responses


def _share(run: Callable[[int, int], None], count: int, threads: int) -> None:
    """Call `run(first, end)` for parts of `count` series, on so many threads."""
    if threads <= 1 or count <= 1:
        run(0, count)
        return
    edges = np.linspace(0, count, min(4 * threads, count) + 1).astype(int).tolist()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, edges[:-1], edges[1:]))


def _beside(exog: Sequence[FloatArray], bounds: IntArray, order: ArmaOrder) -> FloatArray:
    """Regressors (values, k) of all series, one after another."""
    lengths = np.diff(bounds)
    if not order.regressors:
        return np.empty((int(bounds[-1]), 0))
    shapes = [np.shape(one) for one in exog]
    if shapes != [(length, order.regressors) for length in lengths]:
        raise ValueError(
            f"regressors have shapes {sorted(set(shapes))} beside series of {sorted(set(lengths.tolist()))} values; "
            f"give each series an array (values, {order.regressors})"
        )
    return np.ascontiguousarray(np.concatenate(exog), np.float64)


def _flat(series: Series) -> tuple[FloatArray, IntArray]:
    """All values one after another, and where each series begins and ends."""
    lengths = [len(values) for values in series]
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    flat = np.concatenate([np.asarray(values, np.float64) for values in series]) if lengths else np.empty(0)
    return np.ascontiguousarray(flat), bounds

"""ARMA(p, d, q) (P, D, Q, s) with a mean and regressors for many series: fit, filter, update and forecast."""

from collections.abc import Callable, Sequence

import numpy as np

from tradepipe.forecasting.batched import filtering, fitting
from tradepipe.forecasting.batched.arma_model import ArmaFits, ArmaOrder
from tradepipe.forecasting.batched.polynomials import MEAN, NUMBERS
from tradepipe.forecasting.batched.product_fitting import fit_products
from tradepipe.forecasting.model import FloatArray, IntArray
from tradepipe.forecasting.sharing import parts_of, side_by_side

Series = Sequence[FloatArray] | FloatArray


def fit_arma(
    series: Series,
    order: ArmaOrder,
    exog: Sequence[FloatArray] = (),
    *,
    starts: int = 4,
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
        starts: most local optima searched from a cold start, a few more where p and q are 2 or more, one more where
            neither is 0 beside seasons or regressors; beside a warm start, most basins tried of those near it in value,
            or in turn if the order is seasonal or has regressors.
        warm: earlier fits of the same series in the same order; a row without numbers starts cold.
        rotation: number of the refit, by which basins further off are tried in turn beside a warm start. A chain of
            warm starts alone stays in an optimum that has ceased to be the best.
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
    carried = None if warm is None else warm.inverses
    inverses = np.full((count, 6, 6), np.nan) if carried is None else carried.copy()
    status, numbers = np.zeros(count, np.int64), np.zeros((count, NUMBERS + order.regressors))
    p, d, q, shape = order.p, order.d, order.q, order.shape

    def run(a: int, b: int) -> None:
        where = bounds[a : b + 1]
        own = status[a:b], numbers[a:b]
        if order.regressors or any(order.seasonal):
            fit_products(values, where, beside, shape, order.mean, starts, rotation, before[a:b], *own)
        else:
            bent = inverses[a:b]
            fitting.fit_all(values, where, p, d, q, order.mean, starts, rotation, before[a:b], bent, *own)

    _share(run, count, threads)
    return ArmaFits(order, status, numbers, inverses)


def filter_arma(
    series: Series, fits: ArmaFits, exog: Sequence[FloatArray] = (), *, threads: int = 1
) -> tuple[FloatArray, list[FloatArray]]:
    """States (series, size) after all bars of `series` at the fits' parameters, and errors; see `update_arma`."""
    states = np.empty((len(fits.status), fits.order.state_size))
    filtering.start_all(fits.order.shape, fits.numbers, states)
    return update_arma(series, fits, states, exog, threads=threads)


def update_arma(
    bars: Series, fits: ArmaFits, states: FloatArray, exog: Sequence[FloatArray] = (), *, threads: int = 1
) -> tuple[FloatArray, list[FloatArray]]:
    """States after the new `bars` of each series, and one-step errors; parameters are kept.

    A bar that is not finite is left out: the state stays, its error is NaN. So is that of a bar needed to difference.
    The numbers are the same on any number of `threads`.
    """
    values, bounds = _flat(bars)
    if not len(bounds) - 1 == len(fits.status) == len(states):
        raise ValueError(f"{len(bounds) - 1} series, {len(fits.status)} fits, {len(states)} states; give one each")
    after, errors = states.copy(), np.empty(len(values))
    beside, shape = _beside(exog, bounds, fits.order), fits.order.shape

    def run(a: int, b: int) -> None:
        filtering.advance_all(shape, fits.numbers[a:b], values, bounds[a : b + 1], beside, after[a:b], errors)

    _share(run, len(states), threads)
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
    edges = parts_of(count, threads, each=4)
    side_by_side(threads, run, edges[:-1], edges[1:])


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
    return np.ascontiguousarray(np.concatenate([np.empty((0, order.regressors)), *exog]), np.float64)


def _flat(series: Series) -> tuple[FloatArray, IntArray]:
    """All values one after another, and where each series begins and ends."""
    lengths = [len(values) for values in series]
    bounds = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=bounds[1:])
    flat = np.concatenate([np.asarray(values, np.float64) for values in series]) if lengths else np.empty(0)
    return np.ascontiguousarray(flat), bounds

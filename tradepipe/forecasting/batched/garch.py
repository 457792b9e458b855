"""GARCH(1,1) and GJR(1,1) with a constant mean or none, normal or Student t, fitted to many series at once.

    y_t = mean + e_t,  h_t = omega + (alpha + gamma [e_{t-1} < 0]) e_{t-1}^2 + beta h_{t-1}

as arch writes it, with arch's constraints and, by default, arch's presample value, so that log-likelihoods compare.
Series are standardised before the search and figures brought back to the units given, so that units do not matter.
All functions are pure; a series' figures depend on that series alone, not on the batch, its order or the threads.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tradepipe.forecasting.batched import garch_likelihood as likelihood
from tradepipe.forecasting.batched.garch_information import prepare
from tradepipe.forecasting.batched.garch_model import MEAN, OMEGA, GarchFits, GarchModel
from tradepipe.forecasting.batched.garch_parameters import coordinates, places_of
from tradepipe.forecasting.batched.garch_series import faults_of, of_equal_length, standardised, to_natural
from tradepipe.forecasting.batched.lanes import search
from tradepipe.forecasting.model import FloatArray, IntArray
from tradepipe.forecasting.sharing import parts_of, side_by_side

COLD_STARTS: Final = ((0.05, 0.95), (0.50, 0.50), (0.005, 0.99))
"""Share of alpha in the persistence, and persistence: the usual region, a restless one and one that hardly moves.

Of fifteen candidates, these three together missed the best optimum seldom (0.9 % of 800 windows of real returns)."""
START_NU = 8.0
TOLERANCE = 1e-5
"""Predicted gain in log-likelihood at which a search ends; a fit counts as short at 1e-3."""
MOST_EVALUATIONS = 60
SAFEGUARDS = 2
"""Cold starts beside a warm one."""
SHOCK, DROP = 6.0, 0.05
"""A newest bar beyond so many standard deviations, or such a drop of log-likelihood per bar, calls for all starts."""


def fit_garch(
    returns: Sequence[FloatArray],
    model: GarchModel,
    previous: GarchFits | None = None,
    turn: int = 0,
    threads: int = 1,
    starts: Sequence[tuple[float, float]] = COLD_STARTS,
) -> GarchFits:
    """Fit every series by maximum likelihood.

    Without `previous` from all cold starts. With it, from the previous estimate and SAFEGUARDS cold starts, the next
    ones each `turn`: a chain of warm starts alone locks into stale optima. A shock, a drop of the likelihood or a
    series not fitted before brings back all starts.

    Args:
        returns: 1-D arrays, in any units; lengths may differ, equal lengths share lanes.
        model: what to fit.
        previous: an earlier fit of the same series in the same order.
        turn: number of the refit, such as the count of sessions.
        threads: how many; results are the same.
        starts: share of alpha in the persistence, and persistence, of each cold start; an audit may ask for more.

    Raises:
        ValueError: `previous` is of another model or another number of series.
    """
    if previous and (previous.model != model or len(previous.reasons) != len(returns)):
        raise ValueError(
            f"previous holds {len(previous.reasons)} series of {previous.model}, asked are {len(returns)} of {model}; "
            f"fit without it"
        )
    cold = _cold_points(model, starts)
    edges = parts_of(len(returns), threads)
    if len(edges) == 2:
        return _fit_part(returns, model, cold, previous, turn)

    def part(begin: int, end: int) -> GarchFits:
        return _fit_part(returns[begin:end], model, cold, previous and _rows(previous, begin, end), turn)

    return _joined(side_by_side(threads, part, edges[:-1], edges[1:]))


def _rows(fits: GarchFits, begin: int, end: int) -> GarchFits:
    parts = {name: value if name == "model" else value[begin:end] for name, value in vars(fits).items()}
    return GarchFits(**parts)


def _joined(parts: Sequence[GarchFits]) -> GarchFits:
    first, *others = (vars(part) for part in parts)
    joined = {
        name: np.concatenate([value, *(other[name] for other in others)])
        for name, value in first.items()
        if isinstance(value, np.ndarray)
    }
    reasons = tuple(reason for part in parts for reason in part.reasons)
    return GarchFits(model=parts[0].model, reasons=reasons, **joined)


def _fit_part(
    returns: Sequence[FloatArray], model: GarchModel, cold: FloatArray, previous: GarchFits | None, turn: int
) -> GarchFits:
    """What one thread does."""
    fits = _nothing(returns, model)
    reasons: list[str | None] = [None] * len(returns)
    for places in of_equal_length(returns):
        block = np.array([returns[i] for i in places], dtype=np.float64)
        faults = faults_of(block)
        for place_of, fault in zip(places, faults, strict=True):
            reasons[place_of] = fault
        sound = np.flatnonzero([fault is None for fault in faults])
        if len(sound):
            some = block if len(sound) == len(block) else block[sound]
            _fit_block(some, places[sound], fits, cold, previous, turn)
    for row in np.flatnonzero(np.isnan(fits.log_likelihood)):
        reasons[row] = reasons[row] or "no start has a finite likelihood"
    return replace(fits, reasons=tuple(reasons))


def _nothing(returns: Sequence[FloatArray], model: GarchModel) -> GarchFits:
    count = len(returns)
    return GarchFits(
        model=model,
        parameters=np.full((count, 6), np.nan),
        log_likelihood=np.full(count, np.nan),
        observations=np.array([len(one) for one in returns], dtype=np.int64),
        inverses=np.full((count, model.size, model.size), np.nan),
        evaluations=np.zeros(count, dtype=np.int64),
        converged=np.zeros(count, dtype=np.bool_),
        reasons=(None,) * count,
    )


def _cold_points(model: GarchModel, starts: Sequence[tuple[float, float]]) -> FloatArray:
    points = np.zeros((len(starts), model.size))
    for point, (share, persistence) in zip(points, starts, strict=True):
        alpha = share * persistence
        natural = np.array([0.0, 1 - persistence, alpha, alpha, persistence - alpha, START_NU])
        coordinates(natural, model.asymmetric, model.student, point)
    return points


def _fit_block(
    returns: FloatArray,
    places: IntArray,
    fits: GarchFits,
    cold: FloatArray,
    previous: GarchFits | None,
    turn: int,
) -> None:
    """Fit series of one length, and write what comes out into the rows `places` of `fits`."""
    center, scale, standard, starts = standardised(returns, fits.model.mean)
    everything = np.arange(len(places))
    if previous is None:
        _solve(standard, starts, everything, np.tile(cold, (len(places), 1)), None, places, fits)
    else:
        known = np.isfinite(previous.log_likelihood[places]) & np.isfinite(previous.inverses[places]).all(axis=(1, 2))
        afresh = ~known | (np.abs(standard[:, -1]) > SHOCK)
        warm = everything[known]
        natural = to_natural(previous.parameters[places[warm]], center[warm], scale[warm])
        regions = (turn + np.arange(min(SAFEGUARDS, len(cold)))) % len(cold)
        points = np.tile(np.concatenate([cold[:1], cold[regions]]), (len(warm), 1, 1))
        for row, values in enumerate(natural):
            coordinates(values, fits.model.asymmetric, fits.model.student, points[row, 0])
        carried = previous.inverses[places[warm]]
        _solve(standard, starts, warm, points.reshape(-1, fits.model.size), carried, places, fits)
        before = previous.log_likelihood[places[warm]] / previous.observations[places[warm]]
        now = (fits.log_likelihood[places[warm]] - returns.shape[1] * np.log(scale[warm])) / returns.shape[1]
        afresh[warm[~(now > before - DROP)]] = True
        again = everything[afresh]
        _solve(standard, starts, again, np.tile(cold, (len(again), 1)), None, places, fits)
    found = np.isfinite(fits.log_likelihood[places])
    parameters = fits.parameters[places]
    parameters[:, MEAN] = center + scale * parameters[:, MEAN]
    parameters[:, OMEGA] *= scale**2
    fits.parameters[places] = np.where(found[:, None], parameters, np.nan)
    fits.log_likelihood[places] -= returns.shape[1] * np.log(scale)


def _solve(
    standard: FloatArray,
    starts: FloatArray,
    rows: IntArray,
    points: FloatArray,
    carried: FloatArray | None,
    places: IntArray,
    fits: GarchFits,
) -> None:
    """Search from all `points` (as many a row), and keep the best of each row where it beats what `fits` has."""
    if not len(rows):
        return
    each = len(points) // len(rows)
    inverses = np.empty((len(points), fits.model.size, fits.model.size))
    costs, counts = np.empty(len(points)), np.empty((len(points), 2), dtype=np.int64)
    of = np.repeat(rows, each)
    _search(standard, starts, of, points, inverses, carried, costs, counts, fits.model)
    best = np.argmin(costs.reshape(-1, each), axis=1) + each * np.arange(len(rows))
    targets = places[rows]
    fits.evaluations[targets] += counts[:, 0].reshape(-1, each).sum(axis=1)
    better = np.isfinite(costs[best]) & ~(fits.log_likelihood[targets] >= -costs[best])
    best, targets = best[better], targets[better]
    fits.parameters[targets] = _from_points(points[best], fits.model)
    fits.log_likelihood[targets] = -costs[best]
    fits.inverses[targets] = inverses[best]
    fits.converged[targets] = counts[best, 1] == 0


def _search(
    standard: FloatArray,
    starts: FloatArray,
    of: IntArray,
    points: FloatArray,
    inverses: FloatArray,
    carried: FloatArray | None,
    costs: FloatArray,
    counts: IntArray,
    model: GarchModel,
) -> None:
    """Minimise all tasks; where inverses are `carried`, they belong to the first task of each series."""
    work, state = np.zeros((standard.shape[1], likelihood.RECORD)), np.ones(likelihood.ROWS * likelihood.LANES)
    fcp, gjr, student = model.presample == "sample", model.asymmetric, model.student
    if carried is None:
        prepare(standard, starts, fcp, of, points, gjr, student, work, state, inverses)
    else:
        each = len(points) // len(carried)
        cold = np.flatnonzero(np.arange(len(points)) % each)
        fresh = np.empty((len(cold), *carried.shape[1:]))
        prepare(standard, starts, fcp, of[cold], points[cold], gjr, student, work, state, fresh)
        inverses[::each], inverses[cold] = carried, fresh
    if model.mean == "zero":  # the information of the mean stands apart, so the other entries are right as they are
        inverses[:, 0], inverses[:, :, 0] = 0.0, 0.0
    search(standard, starts, fcp, of, points, inverses, gjr, student, TOLERANCE, MOST_EVALUATIONS, work, costs, counts)


def _from_points(points: FloatArray, model: GarchModel) -> FloatArray:
    natural = np.empty((len(points), 6))
    places_of(points, model.asymmetric, model.student, natural)
    mean, omega, up, down, beta, nu = natural.T
    return np.stack([mean, omega, up, down - up, beta, nu], axis=1)

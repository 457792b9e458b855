"""GARCH(1,1) and GJR(1,1) with a constant mean, normal or Student t, fitted to many series at once.

    y_t = mean + e_t,  h_t = omega + (alpha + gamma [e_{t-1} < 0]) e_{t-1}^2 + beta h_{t-1}

as arch writes it, with arch's constraints and, by default, arch's presample value, so that log-likelihoods compare.
Series are standardised before the search and figures brought back to the units given, so that units do not matter.
All functions are pure; a series' figures depend on that series alone, not on the batch, its order or the threads.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tradepipe.forecasting.batched import garch_likelihood as likelihood
from tradepipe.forecasting.batched.garch_parameters import coordinates, places_of
from tradepipe.forecasting.batched.lanes import filtered, prepare, same_as_neighbours, search
from tradepipe.forecasting.specs import FloatArray

IntArray = NDArray[np.int64]

MIN_OBSERVATIONS = 100
"""Shorter series go to the reference engine."""
COLD_STARTS: Final = ((0.05, 0.98), (0.50, 0.50), (0.01, 0.98))
"""Share of alpha in the persistence, and persistence: the usual region, a restless one and one that hardly moves.

Of twelve candidates, the three that together missed the best optimum least often over 400 windows of real returns."""
START_NU = 8.0
TOLERANCE = 1e-5
"""Predicted gain in log-likelihood at which a search ends; a fit counts as short at 1e-3."""
MOST_EVALUATIONS = 60
SAFEGUARDS = 2
"""Cold starts beside a warm one."""
SHOCK, DROP = 6.0, 0.05
"""A newest bar beyond so many standard deviations, or such a drop of log-likelihood per bar, calls for all starts."""
MEAN, OMEGA, ALPHA, GAMMA, BETA, NU = range(6)
_EWMA, _EWMA_BARS = 0.94, 75


@dataclass(frozen=True)
class GarchModel:
    """Which model.

    Attributes:
        asymmetric: GJR rather than GARCH.
        student: Student t innovations rather than normal ones.
        presample: e^2 and h before the first bar. "ewma": arch's, of the first 75 squared deviations from the sample
            mean with decay 0.94. "sample": the mean of the squared innovations (Fiorentini, Calzolari and Panattoni,
            Journal of Applied Econometrics 11, 1996), the rule of the published DEM/GBP benchmark.
    """

    asymmetric: bool = False
    student: bool = False
    presample: Literal["ewma", "sample"] = "ewma"

    @property
    def size(self) -> int:
        """How many parameters are free."""
        return 4 + self.asymmetric + self.student


@dataclass(frozen=True)
class GarchFits:
    """Estimates, one row a series; also what the next fit starts from.

    Attributes:
        model: what was fitted.
        parameters: (series, 6), mean, omega, alpha, gamma, beta, nu in the units of the returns (omega: squared); gamma
            is 0 for GARCH, nu inf for the normal law. A row of NaN where `reasons` says why.
        log_likelihood: (series,), of the returns in the units given.
        observations: (series,).
        inverses: (series, size, size), inverse Hessians at the optimum, in the coordinates of the search.
        evaluations: (series,), likelihoods computed, over all starts.
        converged: (series,), whether the best start ended with a predicted gain below the tolerance.
        reasons: why a series was not fitted, None where it was.
    """

    model: GarchModel
    parameters: FloatArray
    log_likelihood: FloatArray
    observations: IntArray
    inverses: FloatArray
    evaluations: IntArray
    converged: NDArray[np.bool_]
    reasons: tuple[str | None, ...]

    @property
    def persistence(self) -> FloatArray:
        """alpha + gamma / 2 + beta."""
        p = self.parameters
        return p[:, ALPHA] + 0.5 * p[:, GAMMA] + p[:, BETA]


def fit_garch(
    returns: Sequence[FloatArray],
    model: GarchModel,
    previous: GarchFits | None = None,
    turn: int = 0,
    threads: int = 1,
    starts: Sequence[tuple[float, float]] = COLD_STARTS,
) -> GarchFits:
    """Fit every series by maximum likelihood.

    Without `previous` from all COLD_STARTS. With it, from the previous estimate and SAFEGUARDS cold starts, which ones rotates
    with `turn`: a chain of warm starts alone locks into stale optima. A shock, a drop of the likelihood or a
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
    fits, cold = _nothing(returns, model), _cold_points(model, starts)
    reasons: list[str | None] = [None] * len(returns)
    for places in _of_equal_length(returns):
        block = np.array([returns[i] for i in places], dtype=np.float64)
        faults = _faults(block)
        for place_of, fault in zip(places, faults, strict=True):
            reasons[place_of] = fault
        sound = np.flatnonzero([fault is None for fault in faults])
        if len(sound):
            _fit_block(block[sound], places[sound], fits, cold, previous, turn, threads)
    for row in np.flatnonzero(np.isnan(fits.log_likelihood)):
        reasons[row] = reasons[row] or "no start has a finite likelihood"
    return replace(fits, reasons=tuple(reasons))


def variances(returns: FloatArray, fits: GarchFits) -> FloatArray:
    """Filter series through their fitted models, without refitting.

    Args:
        returns: (series, bars) the models were fitted to.
        fits: of the same series.

    Returns:
        (series, bars + 1): entry t is the variance of bar t given those before it, the last one that of the next bar.
        A row of NaN where there is no fit.
    """
    center, scale, standard, starts = _standardised(returns)
    natural = _to_natural(fits.parameters, center, scale)
    if fits.model.presample == "sample":
        starts = 1 + natural[:, 0] ** 2
    h = np.empty((len(returns), returns.shape[1] + 1))
    filtered(standard, starts, natural, h)
    return h * scale[:, None] ** 2


def update_variances(following: FloatArray, returns: FloatArray, fits: GarchFits) -> FloatArray:
    """Carry the variance of the next bar over new bars; the same numbers as `variances` of the longer series.

    Args:
        following: (series,), the variance of the first new bar.
        returns: (series, new bars).
        fits: parameters, kept.

    Returns:
        (series, new bars + 1): the variance of each new bar, and that of the one after.
    """
    mean, omega, alpha, gamma, beta, _ = fits.parameters.T
    h = np.empty((len(returns), returns.shape[1] + 1))
    h[:, 0] = following
    for bar, values in enumerate(returns.T):
        e = values - mean
        h[:, bar + 1] = omega + (alpha + gamma * (e < 0)) * e**2 + beta * h[:, bar]
    return h


def forecast_variances(following: FloatArray, fits: GarchFits, horizon: int) -> FloatArray:
    """Expected variances of the bars ahead: h_k = omega + persistence h_{k-1}, for laws symmetric about the mean.

    Args:
        following: (series,), the variance of the next bar.
        fits: parameters.
        horizon: H, at least 1.

    Returns:
        (series, H), in the units of the returns, squared.

    Raises:
        ValueError: the horizon is not positive.
    """
    if horizon < 1:
        raise ValueError(f"horizon is {horizon}; it must be at least 1")
    ahead = np.empty((len(following), horizon))
    ahead[:, 0] = following
    for step in range(1, horizon):
        ahead[:, step] = fits.parameters[:, OMEGA] + fits.persistence * ahead[:, step - 1]
    return ahead


def log_likelihoods(returns: FloatArray, parameters: FloatArray, model: GarchModel) -> tuple[FloatArray, FloatArray]:
    """Log-likelihood and its gradient at given parameters.

    Args:
        returns: (series, bars).
        parameters: (series, 6), as in `GarchFits`.
        model: which law and presample value.

    Returns:
        (series,), and (series, 6) derivatives by mean, omega, alpha, gamma, beta, nu (0 under the normal law).
    """
    series, bars = returns.shape
    center, scale, standard, starts = _standardised(returns)
    natural = _to_natural(parameters, center, scale)
    work, state = np.zeros((bars, likelihood.RECORD)), np.ones(likelihood.ROWS * likelihood.LANES)
    rows = state.reshape(likelihood.ROWS, likelihood.LANES)
    answers = np.empty((series, 7))
    first = likelihood.COST // likelihood.LANES
    for begin in range(0, series, likelihood.LANES):
        block = np.arange(begin, min(begin + likelihood.LANES, series))
        lanes = np.resize(block, likelihood.LANES)
        work[:, : likelihood.LANES] = standard[lanes].T
        rows[:6] = natural[lanes].T
        rows[6], rows[7] = starts[lanes], 0.0
        if model.presample == "sample":
            rows[6], rows[7] = 1 + rows[0] ** 2, 2 * rows[0]
        likelihood.evaluate(work, state, state.view(np.int64), model.student)
        answers[block] = rows[first : first + 7, : len(block)].T
    values = -answers[:, 0] - bars * np.log(scale)
    g_mu, g_omega, g_up, g_down, g_beta, g_nu = -answers[:, 1:].T
    return values, np.stack([g_mu / scale, g_omega / scale**2, g_up + g_down, g_down, g_beta, g_nu], axis=1)


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


def _faults(block: FloatArray) -> list[str | None]:
    """Why each row cannot be fitted; None where it can."""
    bars = block.shape[1]
    if bars < MIN_OBSERVATIONS:
        return [f"{bars} returns, fewer than {MIN_OBSERVATIONS}"] * len(block)
    low, high = block.min(axis=1), block.max(axis=1)  # NaN where any entry is
    largest = np.maximum(high, -low)
    repeats = np.empty(len(block), dtype=np.int64)
    same_as_neighbours(block, repeats)
    # a value held by half of the bars has two of three neighbours in a quarter of the places at least
    for row in np.flatnonzero(repeats >= bars // 4 - 2):
        middle = np.partition(block[row], bars // 2)[bars // 2]
        repeats[row] = bars if 2 * np.count_nonzero(block[row] == middle) >= bars else 0
    with np.errstate(invalid="ignore", over="ignore"):
        checks = (
            (~np.isfinite(largest), "a return is not finite"),
            (high - low <= 1e-12 * largest, "the returns are constant"),
            (~((largest > 1e-100) & (largest < 1e100)), "returns of a size beyond 1e100 or below 1e-100"),
            (repeats >= bars, "at least half of the returns are the same number"),
        )
    faults: list[str | None] = [None] * len(block)
    for wrong, reason in reversed(checks):
        for row in np.flatnonzero(wrong):
            faults[row] = reason
    return faults


def _of_equal_length(returns: Sequence[FloatArray]) -> Iterator[IntArray]:
    lengths = np.array([len(one) for one in returns], dtype=np.int64)
    for length in np.unique(lengths):
        yield np.flatnonzero(lengths == length)


def _standardised(returns: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Means, standard deviations, series of mean 0 and variance 1, and their EWMA presample values."""
    center, scale = returns.mean(axis=1), returns.std(axis=1)
    standard = np.ascontiguousarray((returns - center[:, None]) / scale[:, None])
    weights = _EWMA ** np.arange(min(_EWMA_BARS, returns.shape[1]))
    starts = np.einsum("ij,ij,j->i", standard[:, : len(weights)], standard[:, : len(weights)], weights / weights.sum())
    return center, scale, standard, starts


def _to_natural(parameters: FloatArray, center: FloatArray, scale: FloatArray) -> FloatArray:
    """Mean, omega, up, down, beta, nu of the standardised series."""
    mean, omega, alpha, gamma, beta, nu = parameters.T
    return np.stack([(mean - center) / scale, omega / scale**2, alpha, alpha + gamma, beta, nu], axis=1)


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
    threads: int,
) -> None:
    """Fit series of one length, and write what comes out into the rows `places` of `fits`."""
    center, scale, standard, starts = _standardised(returns)
    everything = np.arange(len(places))
    if previous is None:
        _solve(standard, starts, everything, np.tile(cold, (len(places), 1)), None, places, fits, threads)
    else:
        known = np.array([previous.reasons[i] is None for i in places])
        shocked = np.abs(standard[:, -1]) > SHOCK
        warm, afresh = everything[known], everything[~known | shocked]
        natural = _to_natural(previous.parameters[places[warm]], center[warm], scale[warm])
        regions = (turn + np.arange(min(SAFEGUARDS, len(cold)))) % len(cold)
        points = np.tile(np.concatenate([cold[:1], cold[regions]]), (len(warm), 1, 1))
        for row, values in enumerate(natural):
            coordinates(values, fits.model.asymmetric, fits.model.student, points[row, 0])
        carried = previous.inverses[places[warm]]
        _solve(standard, starts, warm, points.reshape(-1, fits.model.size), carried, places, fits, threads)
        before = previous.log_likelihood[places[warm]] / previous.observations[places[warm]]
        now = (fits.log_likelihood[places[warm]] - returns.shape[1] * np.log(scale[warm])) / returns.shape[1]
        afresh = np.union1d(afresh, warm[~(now > before - DROP)])
        _solve(standard, starts, afresh, np.tile(cold, (len(afresh), 1)), None, places, fits, threads)
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
    threads: int,
) -> None:
    """Search from all `points` (as many a row), and keep the best of each row where it beats what `fits` has."""
    if not len(rows):
        return
    each = len(points) // len(rows)
    inverses = np.empty((len(points), fits.model.size, fits.model.size))
    costs, counts = np.empty(len(points)), np.empty((len(points), 2), dtype=np.int64)
    edges = np.linspace(0, len(rows), max(1, min(threads, len(rows))) + 1).astype(int)

    def part(begin: int, end: int) -> None:
        tasks = slice(begin * each, end * each)
        of = np.repeat(rows[begin:end], each)
        warm = None if carried is None else carried[begin:end]
        _search(standard, starts, of, points[tasks], inverses[tasks], warm, costs[tasks], counts[tasks], fits.model)

    if len(edges) == 2:
        part(0, len(rows))
    else:
        with ThreadPoolExecutor(len(edges) - 1) as pool:
            list(pool.map(part, edges[:-1].tolist(), edges[1:].tolist()))
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
    """One thread's tasks; where inverses are `carried`, they belong to the first task of each series."""
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
    search(
        standard, starts, fcp, of, points, inverses, gjr, student, TOLERANCE, MOST_EVALUATIONS, work, costs, counts
    )


def _from_points(points: FloatArray, model: GarchModel) -> FloatArray:
    natural = np.empty((len(points), 6))
    places_of(points, model.asymmetric, model.student, natural)
    mean, omega, up, down, beta, nu = natural.T
    return np.stack([mean, omega, up, down - up, beta, nu], axis=1)

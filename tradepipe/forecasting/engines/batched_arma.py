"""ARMA of the batched kernels as the engine interface wants it: `forecasting.batched.arma` behind `Engine`.

`mean` is the mean of the (differenced) values, not an intercept; the other parameters are named as by statsmodels.
`state` is that of `forecasting.batched.filtering`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from tradepipe.forecasting.batched import (
    ArmaFits,
    ArmaOrder,
    FitStatus,
    filter_arma,
    fit_arma,
    forecast_arma,
    likelihood_arma,
    update_arma,
)
from tradepipe.forecasting.batched.polynomials import MEAN, NUMBERS, PHI, SEASONAL_PHI, SEASONAL_THETA, THETA, VARIANCE
from tradepipe.forecasting.engines.baselines import LARGEST
from tradepipe.forecasting.engines.batched_regressors import ahead_of, beside_values, regressors_of, with_ahead
from tradepipe.forecasting.engines.checks import require_same_series, require_shape
from tradepipe.forecasting.model import (
    BoolArray,
    EngineName,
    Fits,
    FloatArray,
    ForecastError,
    IntArray,
    MeanForecast,
    ModelSpec,
    Panel,
)

FEWEST: Final = 250
"""Values that a series needs: with fewer the likelihood is a plain of many optima."""

STARTS: Final = 4
BESIDE: Final = 2
"""Basins tried from a cold start, and beside a warm one."""

_REASONS: Final = {
    FitStatus.SHORT: "too few values",
    FitStatus.NOT_FINITE: "missing or infinite values",
    FitStatus.CONSTANT: "constant series",
}


class BatchedArma:
    """ARMA(p, d, q) with p and q up to 3 and d up to 1, a mean or none, one season and regressors."""

    name: EngineName = "batched"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why the kernels cannot do `spec`."""
        if spec.family != "arma":
            return f"family {spec.family} is not ARMA"
        if len(spec.order) != 3:
            return f"order {spec.order} is not (p, d, q)"
        try:
            _order_of(spec)
        except ValueError as error:
            return str(error)
        return None

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Parameters of `spec`."""
        return _names(spec, _order(spec))

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why a series cannot be fitted: missing or too few values, or nothing that varies."""
        order = _order(spec)
        return tuple(_faults(panel.values, regressors_of(panel, order), order))

    def fit(
        self, panel: Panel, spec: ModelSpec, previous: Fits | None = None, *, turn: int = 0, threads: int = 1
    ) -> Fits:
        """Exact maximum likelihood from several starts; beside a warm one those near it in value, others by `turn`.

        Raises:
            ForecastError: the engine refuses `spec`, or `previous` is of another model or of other series.
        """
        order, faults = _order(spec), self.faults(panel, spec)
        if previous is not None and (previous.symbols != panel.symbols or previous.names != self.names(spec)):
            raise ForecastError(
                f"previous fits are {previous.spec.text} of {len(previous)} series, asked is {spec.text} of "
                f"{len(panel)}; fit without them"
            )
        sound = np.flatnonzero([fault is None for fault in faults])
        warm: BoolArray = np.zeros(len(sound), dtype=np.bool_)
        if previous is not None:
            warm = np.asarray(np.isfinite(previous.parameters[sound]).all(axis=1))
        known = sound[warm]
        sound, beside = np.concatenate([known, sound[~warm]]), regressors_of(panel, order)

        def search(rows: IntArray, warm: ArmaFits | None) -> ArmaFits:
            values, exog = [panel.values[row] for row in rows], beside_values(beside, panel, rows)
            starts = STARTS if warm is None else BESIDE
            return fit_arma(values, order, exog, starts=starts, warm=warm, rotation=turn, threads=threads)

        # Apart: a row that starts cold has all its starts, whoever starts warm beside it.
        found = search(sound[len(known) :], None)
        if previous is not None and len(known):
            found = _one_after_another(search(known, _warm(previous.take(known), order)), found)
        reasons = list(faults)
        for row, status in zip(sound, found.status, strict=True):
            reasons[row] = _REASONS.get(FitStatus(status))
        return _fits(panel, spec, reasons, sound, found, threads=threads)

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k), in the order of `Fits.names`.

        Raises:
            ForecastError: the engine refuses `spec`, or parameters are of another shape.
        """
        order = _order(spec)
        names = self.names(spec)
        require_shape(panel, spec, names, parameters)
        reasons = [
            fault or (None if np.isfinite(row).all() else "no parameters")
            for fault, row in zip(self.faults(panel, spec), parameters, strict=True)
        ]
        sound = np.flatnonzero([reason is None for reason in reasons])
        return _fits(panel, spec, reasons, sound, _rows(order, parameters[sound]))

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in; the error of a missing one is NaN, and the state does not move.

        Raises:
            ForecastError: `bars` are of other series.
        """
        require_same_series(fits, bars)
        order = _order(fits.spec)
        beside = regressors_of(bars, order)
        known = [one[: len(values)] for one, values in zip(beside, bars.values, strict=True)]
        before = np.ascontiguousarray(fits.state[:, : order.state_size])
        states, errors = update_arma(bars.values, _rows(order, fits.parameters), before, known)
        after = with_ahead(states, bars, beside, order, fits.state)
        return replace(fits, state=after, residuals=tuple(errors))

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast:
        """Expected values of the bars ahead, and the weights of an error in them."""
        order = _order(fits.spec)
        states = np.ascontiguousarray(fits.state[:, : order.state_size])
        return MeanForecast(
            *forecast_arma(_rows(order, fits.parameters), states, horizon, ahead_of(fits, order, horizon))
        )


def _order(spec: ModelSpec) -> ArmaOrder:
    reason = BatchedArma().refusal(spec)
    if reason:
        raise ForecastError(f"the batched engine does not do {spec.text}: {reason}; ask the reference engine")
    return _order_of(spec)


def _order_of(spec: ModelSpec) -> ArmaOrder:
    p, d, q = spec.order
    return ArmaOrder(p, d, q, spec.mean == "constant", spec.seasonal, len(spec.exog))


def _faults(series: Sequence[FloatArray], beside: Sequence[FloatArray], order: ArmaOrder) -> list[str | None]:
    """Why each series cannot be fitted."""
    fewest = max(FEWEST, order.depth + 3 * int(order.shape[6]))
    faults: list[str | None] = [None] * len(series)
    for row, values in enumerate(series):
        if len(values) < fewest:
            faults[row] = f"{len(values)} values, fewer than {fewest}"
    long = [row for row, fault in enumerate(faults) if fault is None]
    if not long:
        return faults
    # All series end to end: a call of numpy for each of them costs more than what it looks at.
    begin = np.cumsum([0, *(len(series[row]) for row in long[:-1])])
    flat = np.concatenate([series[row] for row in long])
    low, high = np.minimum.reduceat(flat, begin), np.maximum.reduceat(flat, begin)  # NaN where any value is
    finite, large = np.isfinite(low) & np.isfinite(high), np.maximum(high, -low) > LARGEST
    wild = [bool(order.regressors) and not np.isfinite(beside[row]).all() for row in long]
    for place in np.flatnonzero(~finite | large | (low == high) | wild).tolist():
        checks = (
            (not finite[place], _REASONS[FitStatus.NOT_FINITE]),
            (wild[place], "missing or infinite regressors"),
            (large[place], f"values of a size beyond {LARGEST:g}"),
        )
        faults[long[place]] = next((why for wrong, why in checks if wrong), _REASONS[FitStatus.CONSTANT])
    return faults


def _names(spec: ModelSpec, order: ArmaOrder) -> tuple[str, ...]:
    lags, _, errors, season = order.seasonal
    return (
        *(["mean"] if order.mean else []),
        *spec.exog,
        *(f"ar.L{lag + 1}" for lag in range(order.p)),
        *(f"ma.L{lag + 1}" for lag in range(order.q)),
        *(f"ar.S.L{season * (lag + 1)}" for lag in range(lags)),
        *(f"ma.S.L{season * (lag + 1)}" for lag in range(errors)),
        "sigma2",
    )


def _columns(order: ArmaOrder) -> list[int]:
    """Where in a row of numbers each of `_names` stands."""
    return [
        *([MEAN] if order.mean else []),
        *range(NUMBERS, NUMBERS + order.regressors),
        *range(PHI, PHI + order.p),
        *range(THETA, THETA + order.q),
        *range(SEASONAL_PHI, SEASONAL_PHI + order.seasonal[0]),
        *range(SEASONAL_THETA, SEASONAL_THETA + order.seasonal[2]),
        VARIANCE,
    ]


def _rows(order: ArmaOrder, parameters: FloatArray) -> ArmaFits:
    """Fits with given parameters."""
    numbers = np.zeros((len(parameters), NUMBERS + order.regressors))
    numbers[:, _columns(order)] = parameters
    numbers[np.isnan(parameters).any(axis=1)] = np.nan
    return ArmaFits(order, np.full(len(parameters), FitStatus.FITTED, np.int64), numbers)


def _warm(previous: Fits, order: ArmaOrder) -> ArmaFits:
    return replace(_rows(order, previous.parameters), inverses=previous.curvature)


def _one_after_another(first: ArmaFits, second: ArmaFits) -> ArmaFits:
    (order, *own), (_, *others) = vars(first).values(), vars(second).values()
    return ArmaFits(order, *(np.concatenate(pair) for pair in zip(own, others, strict=True)))


def _fits(  # noqa: PLR0913 - what was asked for, of whom, what was found
    panel: Panel, spec: ModelSpec, reasons: list[str | None], sound: IntArray, found: ArmaFits, *, threads: int = 1
) -> Fits:
    """Filter the sound series at the parameters found, and lay all series out as rows."""
    order = found.order
    good = np.flatnonzero([reasons[row] is None for row in sound])
    rows = sound[good]
    kept = ArmaFits(order, found.status[good], np.ascontiguousarray(found.numbers[good]))
    beside = regressors_of(panel, order)
    values, exog = [panel.values[row] for row in rows], beside_values(beside, panel, rows)
    states, errors = filter_arma(values, kept, exog, threads=threads)
    count, columns = len(panel), _columns(order)
    parameters, heights = np.full((count, len(columns)), np.nan), np.full(count, np.nan)
    evaluations, state = np.zeros(count, np.int64), np.zeros((count, order.state_size))
    curvature = np.full((count, 6, 6), np.nan)
    if found.inverses is not None:
        curvature[rows] = found.inverses[good]
    converged = np.zeros(count, np.bool_)
    residuals: list[FloatArray | None] = [None] * count
    parameters[rows], heights[rows], state[rows] = kept.numbers[:, columns], likelihood_arma(kept, states), states
    evaluations[rows] = np.maximum(kept.evaluations, 1)
    converged[rows] = kept.status == FitStatus.FITTED
    for row, own in zip(rows, errors, strict=True):
        residuals[row] = own[order.depth :]
    return Fits(
        spec=spec,
        symbols=panel.symbols,
        engine=(BatchedArma.name,) * count,
        reason=tuple(reasons),
        names=_names(spec, order),
        parameters=parameters,
        log_likelihood=heights,
        observations=_observations(panel, residuals),
        converged=converged,
        evaluations=evaluations,
        warnings=("",) * count,
        residuals=tuple(
            np.full(len(values), np.nan) if own is None else own
            for own, values in zip(residuals, panel.values, strict=True)
        ),
        state=with_ahead(state, panel, beside, order),
        curvature=curvature if found.inverses is not None else None,
    )


def _observations(panel: Panel, residuals: Sequence[FloatArray | None]) -> IntArray:
    """Values that are there: all of a series that was fitted."""
    counts = (
        len(values) if fitted is not None else int(np.isfinite(values).sum())
        for values, fitted in zip(panel.values, residuals, strict=True)
    )
    return np.fromiter(counts, dtype=np.int64, count=len(panel))

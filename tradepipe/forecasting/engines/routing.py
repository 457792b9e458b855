"""The router: each series goes to the first engine of its ladder that can do it.

Kernels, then the peer libraries, then a baseline: no series fails a batch, none is left without numbers, and each row
says which engine they come from and why it was not the first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from tradepipe.forecasting.engines.baselines import smoothed
from tradepipe.forecasting.engines.engine import Engine
from tradepipe.forecasting.engines.ladder import Choice, ladder, stand_in
from tradepipe.forecasting.engines.limits import objections, replaced
from tradepipe.forecasting.engines.merging import (
    OWN,
    SPARE,
    Part,
    aligned,
    before_of,
    merged,
    require_sound,
    taken_apart,
    with_own,
)
from tradepipe.forecasting.model import (
    Fits,
    ForecastError,
    IntArray,
    MeanForecast,
    ModelSpec,
    Panel,
    VarianceForecast,
)

_Maker = Callable[[Engine, ModelSpec, Panel, IntArray], Fits]


def fit_batch(  # noqa: PLR0913 - what is fitted, from where, how
    panel: Panel,
    specs: Iterable[ModelSpec],
    states: Mapping[ModelSpec, Fits] | None = None,
    *,
    turn: int = 0,
    threads: int = 1,
    engine: Choice = "auto",
) -> dict[ModelSpec, Fits]:
    """Fit each spec to every series.

    Args:
        panel: log returns of the training windows for means, residuals of a mean for variances.
        specs: models.
        states: earlier fits by spec, to start warm from; series are found by their symbols, others start cold.
        turn: number of the refit, which rotates the cold start beside a warm one.
        threads: how many; the numbers are the same.
        engine: "reference": the peer libraries instead of the kernels.

    Returns:
        By spec, rows in the order of the panel, each with its engine and, if that is not the first, the reason.

    Raises:
        ForecastError: the panel has a symbol twice or parts of different lengths, or lacks a spec's regressors.
    """
    require_sound(panel)

    def one(spec: ModelSpec) -> Fits:
        previous = None if states is None else states.get(spec)

        def make(by: Engine, asked: ModelSpec, part: Panel, rows: IntArray) -> Fits:
            del rows
            before = before_of(previous, part, by) if asked == spec else None
            return by.fit(part, asked, before, turn=turn, threads=threads)

        return _routed(panel, spec, ladder(spec, engine), make)

    return {spec: one(spec) for spec in specs}


def filter_batch(states: Mapping[ModelSpec, Fits], panel: Panel) -> dict[ModelSpec, Fits]:
    """The fits at their parameters, standing after another panel; nothing is optimised.

    Of `states` only symbols, engines, reasons and parameters are used, so that is all that needs to be kept of a fit.

    Args:
        states: fits by spec.
        panel: whole windows of the same symbols in the same order.

    Raises:
        ForecastError: the panel is of other series.
    """
    require_sound(panel)

    def one(spec: ModelSpec, fits: Fits) -> Fits:
        if fits.symbols != panel.symbols:
            raise ForecastError(f"fits are of {len(fits)} series, the panel has {len(panel)}; align them")

        def make(by: Engine, asked: ModelSpec, part: Panel, rows: IntArray) -> Fits:
            names = [fits.names.index(name) for name in by.names(asked)] if asked == spec else []
            parameters = np.ascontiguousarray(fits.parameters[rows][:, names])
            parameters[[fits.engine[row] != by.name for row in rows.tolist()]] = np.nan
            return by.at(part, asked, parameters)

        found = _routed(panel, spec, ladder(spec, "auto"), make)
        return replace(
            found,
            reason=tuple(
                before if now == then else before or why
                for now, why, then, before in zip(found.engine, found.reason, fits.engine, fits.reason, strict=True)
            ),
            converged=fits.converged,
            evaluations=fits.evaluations,
            warnings=fits.warnings,
        )

    return {spec: one(spec, fits) for spec, fits in states.items()}


def update_batch(states: Mapping[ModelSpec, Fits], bars: Panel) -> dict[ModelSpec, Fits]:
    """Take new bars in at fixed parameters.

    Args:
        states: what `fit_batch`, `filter_batch` or this returned.
        bars: returns of the new bars for means, residuals of a mean for variances; a symbol without any may be absent.

    Returns:
        The fits, standing after the new bars; `residuals` are those of the new bars.

    Raises:
        ForecastError: bars of a symbol that was not fitted.
    """
    require_sound(bars)

    def one(fits: Fits) -> Fits:
        new, state = aligned(bars, fits), fits.state.copy()
        residuals = [np.empty(0)] * len(fits)
        for part in taken_apart(fits):
            after = part.engine.update(part.fits, new.take(part.rows))
            state = with_own(state, part.rows, after.state)
            for row, errors in zip(part.rows.tolist(), after.residuals, strict=False):
                residuals[row] = errors
        if fits.spec.is_variance:
            state[:, SPARE:OWN] = smoothed(new, stand_in(fits.spec).decay, state[:, SPARE:OWN])
        return replace(fits, state=state, residuals=() if fits.spec.is_variance else tuple(residuals))

    return {spec: one(fits) for spec, fits in states.items()}


def forecast_batch(states: Mapping[ModelSpec, Fits], horizon: int) -> dict[ModelSpec, MeanForecast | VarianceForecast]:
    """Forecast from where the fits stand, always in finite numbers within the contract's limits.

    Args:
        states: what `fit_batch`, `filter_batch` or `update_batch` returned.
        horizon: bars ahead.

    Returns:
        By spec, rows as those of the fits, with engine and reason: a row out of the limits has the baseline's numbers.

    Raises:
        ForecastError: the horizon is not positive.
    """
    if horizon < 1:
        raise ForecastError(f"horizon {horizon} is not positive")
    return {spec: _forecast(fits, horizon) for spec, fits in states.items()}


def _forecast(fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
    first, second = np.full((2, len(fits), horizon), np.nan)
    freedom, skew = np.full(len(fits), np.inf), np.zeros(len(fits))
    for part in taken_apart(fits):
        answer = part.engine.forecast(part.fits, horizon)
        if isinstance(answer, MeanForecast):
            first[part.rows], second[part.rows] = answer.mean, answer.response
        else:
            first[part.rows], freedom[part.rows] = answer.variance, answer.freedom
            skew[part.rows] = answer.skew if len(answer.skew) else 0.0
    whole = VarianceForecast(first, freedom, skew) if fits.spec.is_variance else MeanForecast(first, second)
    return replaced(whole, fits, objections(whole), fits.state[:, SPARE])


def _routed(panel: Panel, spec: ModelSpec, rungs: tuple[tuple[Engine, ModelSpec], ...], make: _Maker) -> Fits:
    """Offer the series to one engine after another.

    Args:
        panel: the series.
        spec: what is asked for.
        rungs: engines, each with what it is asked for.
        make: has an engine fit or filter the series that it can do.
    """
    waiting, parts = np.arange(len(panel)), []
    reasons: dict[int, list[str]] = {}
    for by, asked in rungs:
        if not len(waiting):
            break
        done, fits, faults = _offered((by, asked), panel, waiting, make)
        if fits is not None:
            parts.append(Part(by, done, fits))
        for row, fault in faults.items():
            reasons.setdefault(row, []).append(f"{by.name}: {fault}" if len(rungs) > 1 else fault)
        waiting = waiting[:0] if len(done) == len(waiting) else np.setdiff1d(waiting, done)
    told = ["; ".join(reasons[row]) if row in reasons else None for row in range(len(panel))]
    found = merged(spec, panel.symbols, parts, told)
    if spec.is_variance and len(panel):
        asked = stand_in(spec)
        found.state[:, SPARE:OWN] = found.state[:, OWN:] if asked == spec else smoothed(panel, asked.decay)
    return found


def _offered(
    rung: tuple[Engine, ModelSpec], panel: Panel, rows: IntArray, make: _Maker
) -> tuple[IntArray, Fits | None, dict[int, str]]:
    """Rows that an engine did, its fits of them, and what is to say of rows: why it did not, or a baseline's remark."""
    (by, asked), nothing = rung, np.empty(0, dtype=np.int64)
    last = by.name == "baseline"
    refusal = by.refusal(asked)
    if refusal:
        return nothing, None, dict.fromkeys(rows.tolist(), refusal)
    whole = panel if len(rows) == len(panel) else panel.take(rows)
    faults = by.faults(whole, asked)
    told = {row: fault for row, fault in zip(rows.tolist(), faults, strict=True) if fault}
    sound = np.flatnonzero([fault is None for fault in faults])
    if not len(sound):
        return nothing, None, told
    part = whole if len(sound) == len(rows) else whole.take(sound)
    tried = rows[sound]
    try:
        fits = make(by, asked, part, tried)
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        if last:
            raise
        return nothing, None, told | dict.fromkeys(tried.tolist(), f"{type(error).__name__}: {error}")
    wrong: list[str | None] = list(fits.reason)
    if not last:
        doubts = objections(by.forecast(fits, 1))
        wrong = [reason or doubt for reason, doubt in zip(wrong, doubts, strict=True)]
    told |= {row: reason for row, reason in zip(tried.tolist(), wrong, strict=True) if reason}
    good = np.arange(len(tried)) if last else np.flatnonzero([reason is None for reason in wrong])
    if not len(good):
        return nothing, None, told
    return tried[good], fits if len(good) == len(tried) else fits.take(good), told

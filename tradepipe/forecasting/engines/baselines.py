"""What can always be forecast: no return, the mean return, last season's return, and the RiskMetrics variance.

Any series gets finite numbers. A value that is missing, infinite or beyond `LARGEST` is left out: the mean is over the
others, a season repeats its latest known value (0 where there is none), and the variance stays as it was. Numbers of a
series depend on that series alone, bit for bit; a fit that is updated equals a fit of the longer series from the same
parameters.
"""

import itertools
from typing import Final

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.forecasting.engines.checks import require_same_series, require_shape
from tradepipe.forecasting.model import (
    EngineName,
    Fits,
    FloatArray,
    ForecastError,
    IntArray,
    MeanForecast,
    ModelSpec,
    Panel,
    VarianceForecast,
)

MIN_RETURNS: Final = 60
"""Returns whose mean square starts the variance; with fewer of them the fit has a reason."""

VOLATILITY_FLOOR: Final = 1e-8
"""Least volatility per bar, in log return: a thousandth of the smallest tick that any market quotes."""

LARGEST: Final = 1e100
"""A value beyond it counts as missing, so that no square overflows."""

FAMILIES: Final = ("random_walk", "drift", "seasonal_naive", "ewma")
EWMA_STATE: Final = 3
"""Columns of the state of ewma: variance of the next bar, its start, values that the start is the mean square of."""


class Baselines:
    """Random walk, drift and seasonal naive (means), and EWMA (variance). Nothing is optimised, nothing fails.

    random_walk has no parameters and no state. drift has `mu`, the mean of the training values. seasonal_naive has no
    parameters; its state is the forecast of each of the next `seasonal[3]` bars. ewma has no parameters either, since
    its decay stands in the spec; its state begins with the variance of the next bar, 0 where no value was seen yet:
    h(t+1) = decay h(t) + (1 - decay) r(t)^2 (RiskMetrics Technical Document, 4th ed., 1996, section 5.2), started
    before the first value from the mean square of the first 60.
    """

    name: EngineName = "baseline"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why a spec is none of the baselines."""
        if spec.family not in FAMILIES:
            return f"family {spec.family} is not one of {', '.join(FAMILIES)}"
        if spec.family == "seasonal_naive" and spec.seasonal[3] < 1:
            return "seasonal_naive needs the bars of a season, the last of `seasonal`"
        if spec.family == "ewma" and not 0 < spec.decay < 1:
            return f"decay {spec.decay:g} is not between 0 and 1"
        return None

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """`mu` of drift; none of the others."""
        _checked(spec)
        return ("mu",) if spec.family == "drift" else ()

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """None for every series: baselines do them all."""
        _checked(spec)
        return (None,) * len(panel)

    def fit(
        self,
        panel: Panel,
        spec: ModelSpec,
        previous: Fits | None = None,  # noqa: ARG002 - nothing starts from an earlier fit
        *,
        turn: int = 0,  # noqa: ARG002 - there is no cold start to rotate
        threads: int = 1,  # noqa: ARG002 - a millisecond's work
    ) -> Fits:
        """Fit every series; `previous`, `turn` and `threads` make no difference.

        Returns:
            Rows of fewer than 60 values, and of variances below the floor, have a reason as well as numbers.

        Raises:
            ForecastError: the engine refuses `spec`.
        """
        _checked(spec)
        flat = _flat(panel)
        counts, means = _summaries(*flat)
        parameters = means[:, None] if spec.family == "drift" else np.empty((len(panel), 0))
        return self._fits(panel, spec, parameters, flat, counts)

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k): `mu` of drift, none of the others.

        Raises:
            ForecastError: the engine refuses `spec`, or parameters are of another shape.
        """
        _checked(spec)
        names = self.names(spec)
        require_shape(panel, spec, names, parameters)
        flat = _flat(panel)
        return self._fits(panel, spec, parameters, flat, _summaries(*flat)[0])

    def _fits(
        self, panel: Panel, spec: ModelSpec, parameters: FloatArray, flat: tuple[FloatArray, IntArray], counts: IntArray
    ) -> Fits:
        residuals, state = _filtered(spec, parameters, _first_state(spec, len(panel)), *flat)
        return Fits(
            spec=spec,
            symbols=panel.symbols,
            engine=(self.name,) * len(panel),
            reason=_reasons(spec, counts, state),
            names=self.names(spec),
            parameters=parameters,
            log_likelihood=np.full(len(panel), np.nan),
            observations=counts,
            converged=np.ones(len(panel), dtype=np.bool_),
            evaluations=np.zeros(len(panel), dtype=np.int64),
            warnings=("",) * len(panel),
            residuals=residuals,
            state=state,
        )

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in; `mu` stays as it was fitted, missing values change nothing.

        Raises:
            ForecastError: `bars` are of other series.
        """
        require_same_series(fits, bars)
        values, offsets = _flat(bars)
        residuals, state = _filtered(fits.spec, fits.parameters, fits.state.copy(), values, offsets)
        return Fits(**{**vars(fits), "residuals": residuals, "state": state})

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
        """Per step, `horizon` bars ahead: (series, horizon). A variance is at least the square of `VOLATILITY_FLOOR`.

        Raises:
            ForecastError: the horizon is not positive.
        """
        if horizon < 1:
            raise ForecastError(f"horizon {horizon} is not positive")
        rows, steps = len(fits), np.arange(horizon)
        if fits.spec.family == "ewma":
            variance = np.repeat(np.maximum(fits.state[:, :1], VOLATILITY_FLOOR**2), horizon, axis=1)
            return VarianceForecast(variance=variance, freedom=np.full(rows, np.inf), skew=np.zeros(rows))
        response = np.zeros((rows, horizon))
        response[:, 0] = 1.0
        if fits.spec.family == "drift":
            return MeanForecast(np.repeat(fits.parameters[:, :1], horizon, axis=1), response)
        if fits.spec.family == "seasonal_naive":
            season = fits.spec.seasonal[3]
            response[:, ::season] = 1.0
            return MeanForecast(fits.state[:, steps % season], response)
        return MeanForecast(np.zeros((rows, horizon)), response)


def smoothed(panel: Panel, decay: float, state: FloatArray | None = None) -> FloatArray:
    """The state of ewma (series, `EWMA_STATE`) after the panel, from `state` or from nothing."""
    values, offsets = _flat(panel)
    after = np.zeros((len(panel), EWMA_STATE)) if state is None else state.copy()
    smooth(values, offsets, decay, after)
    return after


def _checked(spec: ModelSpec) -> None:
    reason = Baselines().refusal(spec)
    if reason:
        raise ForecastError(f"no baseline does {spec.text}: {reason}")


def _flat(panel: Panel) -> tuple[FloatArray, IntArray]:
    """All values end to end, NaN where one is to be left out; series i is [offsets[i], offsets[i + 1])."""
    offsets = np.zeros(len(panel) + 1, dtype=np.int64)
    np.cumsum([len(values) for values in panel.values], out=offsets[1:])
    flat = np.concatenate([np.empty(0), *panel.values])
    if len(flat) and not (flat.min() >= -LARGEST and flat.max() <= LARGEST):  # NaN where any value is
        flat[~(np.abs(flat) <= LARGEST)] = np.nan
    return flat, offsets


def _summaries(values: FloatArray, offsets: IntArray) -> tuple[IntArray, FloatArray]:
    counts, means = np.zeros(len(offsets) - 1, dtype=np.int64), np.zeros(len(offsets) - 1)
    summarise(values, offsets, counts, means)
    return counts, means


def _first_state(spec: ModelSpec, rows: int) -> FloatArray:
    if spec.family == "seasonal_naive":
        return np.zeros((rows, spec.seasonal[3]))
    return np.zeros((rows, EWMA_STATE if spec.family == "ewma" else 0))


def _filtered(
    spec: ModelSpec, parameters: FloatArray, state: FloatArray, values: FloatArray, offsets: IntArray
) -> tuple[tuple[FloatArray, ...], FloatArray]:
    """One-step errors, () of a variance, and the state after the values; `state` is written to."""
    if spec.family == "ewma":
        smooth(values, offsets, spec.decay, state)
        return (), state
    if spec.family == "seasonal_naive":
        errors = np.empty(len(values))
        repeat_season(values, offsets, state, errors)
    elif spec.family == "drift":
        errors = values - np.repeat(parameters[:, 0], np.diff(offsets))
    else:
        errors = values
    bounds = offsets.tolist()
    return tuple(errors[begin:end] for begin, end in itertools.pairwise(bounds)), state


def _reasons(spec: ModelSpec, counts: IntArray, state: FloatArray) -> tuple[str | None, ...]:
    still = state[:, 0] < VOLATILITY_FLOOR**2 if spec.family == "ewma" else np.zeros(len(counts), dtype=np.bool_)
    reasons: list[str | None] = [None] * len(counts)
    for row in np.flatnonzero((counts < MIN_RETURNS) | still).tolist():
        few = f"{counts[row]} returns, fewer than {MIN_RETURNS}" if counts[row] < MIN_RETURNS else ""
        floor = f"no movement: volatility set to {VOLATILITY_FLOOR:g} a bar" if still[row] else ""
        reasons[row] = "; ".join(filter(None, (few, floor)))
    return tuple(reasons)


@compiled
def summarise(values: FloatArray, offsets: IntArray, counts: IntArray, means: FloatArray) -> None:
    """How many values of each series are there, and their mean (0 of none), in the order of the bars."""
    for row in range(len(counts)):
        total, count = 0.0, 0
        for place in range(offsets[row], offsets[row + 1]):
            if not np.isnan(values[place]):
                total += values[place]
                count += 1
        counts[row] = count
        means[row] = total / count if count else 0.0


@compiled
def smooth(values: FloatArray, offsets: IntArray, decay: float, state: FloatArray) -> None:
    """Carry `state` (series, EWMA_STATE) over the values.

    The first 60 values each move the start, and the variance by what it has in it of the start, so that the result
    does not depend on how many come at a time.
    """
    for row in range(len(state)):
        h, start, count = state[row, 0], state[row, 1], int(state[row, 2])
        weight = 1.0
        for _ in range(count if count < MIN_RETURNS else 0):
            weight *= decay
        for place in range(offsets[row], offsets[row + 1]):
            square = values[place] ** 2
            if np.isnan(square):
                continue
            if count < MIN_RETURNS:
                count += 1
                moved = (square - start) / count
                start += moved
                h += weight * moved
                weight *= decay
            h = decay * h + (1 - decay) * square
        state[row, 0], state[row, 1], state[row, 2] = h, start, count


@compiled
def repeat_season(values: FloatArray, offsets: IntArray, state: FloatArray, errors: FloatArray) -> None:
    """Errors of last season's value, NaN of a missing one; `state` (series, season) becomes the next season."""
    season = state.shape[1]
    held = np.empty(season)
    for row in range(len(state)):
        held[:] = state[row]
        slot = 0
        for place in range(offsets[row], offsets[row + 1]):
            errors[place] = values[place] - held[slot]
            if not np.isnan(values[place]):
                held[slot] = values[place]
            slot = slot + 1 if slot + 1 < season else 0
        for step in range(season):
            state[row, step] = held[(slot + step) % season]

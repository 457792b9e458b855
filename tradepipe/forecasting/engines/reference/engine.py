"""The reference engine: one series after another through statsmodels and arch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from tradepipe.forecasting.engines.checks import require_same_series, require_shape
from tradepipe.forecasting.engines.reference.parts import Parts
from tradepipe.forecasting.engines.reference.rows import (
    FAILURES,
    RefusedError,
    Row,
    fault_of,
    stacked,
    warnings_as_data,
    widened,
)
from tradepipe.forecasting.engines.reference.structure import Shape, forecast
from tradepipe.forecasting.model import (
    EngineName,
    Fits,
    FloatArray,
    ForecastError,
    MeanForecast,
    ModelSpec,
    Panel,
    VarianceForecast,
)

FEWEST: Final = 50
"""Observations that a model of few parameters needs; each beyond five asks for ten more."""
COLD_EVERY: Final = 5
"""A warm chain goes cold beside it each so many refits: warm alone locks into stale optima."""
DROP: Final = 0.05
"""Nats a bar by which a warm fit may fall below the one before, until it is fitted cold too."""


class ReferenceEngine:
    """ARMA with seasons, regressors and missing values; GARCH, GJR and EGARCH with AR means and skewed laws."""

    name: EngineName = "reference"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why neither peer can do `spec`."""
        if spec.family == "arma":
            return None if len(spec.order) == 3 else f"order {spec.order} is not (p, d, q)"
        if spec.family not in {"garch", "gjr", "egarch"}:
            return f"family {spec.family} is not of the reference engine"
        if len(spec.order) != 2 or spec.order[0] < 1 or spec.order[1] < 0:
            return f"order {spec.order} is not (p, q) with p of at least 1"
        return "no regressors or seasons in a variance equation" if spec.exog or any(spec.seasonal) else None

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Parameters, in order: see `Shape.names`, or arch's own names."""
        return (Parts(spec) if spec.is_variance else Shape(spec)).names

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why a series cannot be fitted: too few values, more than half missing or the same, a constant regressor."""
        _require_exog(panel, spec)
        least = FEWEST + 10 * max(0, len(self.names(spec)) - 5)
        faults = [fault_of(values, least) for values in panel.values]
        for row, exog in enumerate(panel.exog if spec.exog else ()):
            faults[row] = faults[row] or _fault_beside(spec.exog, exog[: len(panel.values[row])])
        return tuple(faults)

    def fit(
        self, panel: Panel, spec: ModelSpec, previous: Fits | None = None, *, turn: int = 0, threads: int = 1
    ) -> Fits:
        """Maximum likelihood by the peers' optimisers.

        Args:
            panel: the training windows.
            spec: one that is not refused.
            previous: an earlier fit, from whose parameters the search starts.
            turn: each fifth one also starts cold.
            threads: of no use: the peers hold the interpreter's lock.

        Raises:
            ForecastError: `spec` is refused, `previous` is of other series, or regressors are missing.
        """
        del threads
        self._require(spec)
        if previous is not None and previous.symbols != panel.symbols:
            raise ForecastError(f"previous has {len(previous)} series, the panel {len(panel)}; align them")
        faults = self.faults(panel, spec)

        def one(row: int) -> Row:
            before = None if previous is None else previous.parameters[row]
            before = before if before is not None and np.isfinite(before).all() else None
            found = _fitted(panel, row, spec, before, cold=turn % COLD_EVERY == 0)
            if previous is not None and before is not None and turn % COLD_EVERY:
                now = found.log_likelihood / np.count_nonzero(np.isfinite(panel.values[row]))
                if not now > previous.log_likelihood[row] / previous.observations[row] - DROP:
                    return max(found, _fitted(panel, row, spec, None, cold=True), key=lambda row: row.log_likelihood)
            return found

        return self._each(panel, spec, faults, one)

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k), in the order of `names`.

        Raises:
            ForecastError: `spec` is refused, parameters are of another shape, or regressors are missing.
        """
        self._require(spec)
        names = self.names(spec)
        require_shape(panel, spec, names, parameters)
        faults = [
            fault or (None if np.isfinite(row).all() else "no parameters")
            for fault, row in zip(self.faults(panel, spec), parameters, strict=True)
        ]
        return self._each(panel, spec, tuple(faults), lambda row: _at(panel, row, spec, parameters[row]))

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in at parameters that are kept; a missing one is predicted.

        Raises:
            ForecastError: `bars` are of other series, or regressors are missing.
        """
        require_same_series(fits, bars)
        _require_exog(bars, fits.spec)
        sound = np.isfinite(fits.parameters).all(axis=1)
        states, residuals = list(fits.state), [np.full(len(values), np.nan) for values in bars.values]
        with np.errstate(all="ignore"):  # what overflows is refused when it is forecast
            for row in np.flatnonzero(sound).tolist():
                states[row], residuals[row] = _updated(fits, bars, row)
        return replace(fits, state=widened(states), residuals=() if fits.spec.is_variance else tuple(residuals))

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
        """From where the fits stand; not finite of a series without parameters, or whose recursion explodes."""
        with np.errstate(all="ignore"):
            return self._forecast(fits, horizon)

    def _forecast(self, fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
        rows = np.flatnonzero(np.isfinite(fits.parameters).all(axis=1))
        first, second = np.full((2, len(fits), horizon), np.nan)
        if not fits.spec.is_variance:
            shape = Shape(fits.spec)
            for row in rows:
                equations = shape.equations(fits.parameters[row])
                first[row], second[row] = forecast(shape, equations, fits.state[row], horizon)
            return MeanForecast(mean=first, response=second)
        from tradepipe.forecasting.engines.reference.ahead import variances_ahead  # noqa: PLC0415 - imports arch

        parts, freedom, skew = Parts(fits.spec), np.full(len(fits), np.inf), np.zeros(len(fits))
        for row in rows:
            parameters, state = fits.parameters[row], fits.state[row, : parts.width]
            first[row] = variances_ahead(parts, parameters, state, horizon)
            freedom[row], skew[row] = parts.law(parameters)
        return VarianceForecast(variance=first, freedom=freedom, skew=skew)

    def _require(self, spec: ModelSpec) -> None:
        reason = self.refusal(spec)
        if reason:
            raise ForecastError(f"the reference engine does not do {spec.text}: {reason}; ask another engine")

    def _each(self, panel: Panel, spec: ModelSpec, faults: tuple[str | None, ...], one: Callable[[int], Row]) -> Fits:
        answers = [fault or _answer(one, row) for row, fault in enumerate(faults)]
        return stacked(spec, self.names(spec), panel, answers)


def _answer(one: Callable[[int], Row], row: int) -> Row | str:
    with warnings_as_data() as caught:
        try:
            answer: Row | str = one(row)
        except RefusedError as error:
            answer = str(error)
        except FAILURES as error:
            text = " ".join(str(error).split())[:200]
            answer = f"{type(error).__name__}: {text}"
    return replace(answer, warnings=", ".join(caught)) if isinstance(answer, Row) else answer


def _exog_of(panel: Panel, row: int) -> FloatArray:
    return panel.exog[row] if panel.exog else np.empty((len(panel.values[row]), 0))


def _fitted(panel: Panel, row: int, spec: ModelSpec, before: FloatArray | None, *, cold: bool) -> Row:
    if spec.is_variance:
        from tradepipe.forecasting.engines.reference import volatility  # noqa: PLC0415 - imports arch

        return volatility.fit(panel.values[row], Parts(spec), before, cold=cold)
    from tradepipe.forecasting.engines.reference import sarimax  # noqa: PLC0415 - imports statsmodels

    return sarimax.fit(panel.values[row], _exog_of(panel, row), Shape(spec), before, cold=cold)


def _at(panel: Panel, row: int, spec: ModelSpec, parameters: FloatArray) -> Row:
    if spec.is_variance:
        from tradepipe.forecasting.engines.reference import volatility  # noqa: PLC0415 - imports arch

        return volatility.at(panel.values[row], Parts(spec), parameters)
    from tradepipe.forecasting.engines.reference import sarimax  # noqa: PLC0415 - imports statsmodels

    return sarimax.at(panel.values[row], _exog_of(panel, row), Shape(spec), parameters)


def _updated(fits: Fits, bars: Panel, row: int) -> tuple[FloatArray, FloatArray]:
    """The state after the new bars, and their one-step errors."""
    values, parameters, state = bars.values[row], fits.parameters[row], fits.state[row]
    if fits.spec.is_variance:
        parts = Parts(fits.spec)
        return parts.updated(values, parameters, state[: parts.width]), np.empty(0)
    return Shape(fits.spec).updated(values, _exog_of(bars, row), parameters, state)


def _fault_beside(names: tuple[str, ...], exog: FloatArray) -> str | None:
    """Which regressor of the bars that have values says nothing of them."""
    for name, column in zip(names, exog.T, strict=True):
        present = column[np.isfinite(column)]
        if not present.max(initial=-np.inf) > present.min(initial=np.inf):
            return f"regressor {name} is constant"
    return None


def _require_exog(panel: Panel, spec: ModelSpec) -> None:
    if not spec.exog:
        return
    wrong = [
        symbol
        for symbol, values, exog in zip(
            panel.symbols, panel.values, panel.exog or (np.empty((0, 0)),) * len(panel), strict=True
        )
        if exog.shape[1:] != (len(spec.exog),) or len(exog) < len(values)
    ]
    if wrong:
        raise ForecastError(
            f"{spec.text} needs {len(spec.exog)} regressors for each value of {', '.join(wrong[:3])}; give the panel "
            f"exog arrays of (bars or more, {len(spec.exog)})"
        )

"""GARCH(1,1) and GJR(1,1) as the engine interface wants them: `forecasting.batched.garch` behind `Engine`.

Parameters have arch's names and meaning. `state` is one column, the variance of the next bar, which is all that
updates and forecasts need; `curvature` is (series, k, k), the inverse information in the coordinates of the search.
"""

from typing import Final

import numpy as np

from tradepipe.forecasting.batched.garch import fit_garch
from tradepipe.forecasting.batched.garch_filtering import (
    carried_variances,
    first_variances,
    forecast_variances,
    log_likelihoods,
)
from tradepipe.forecasting.batched.garch_model import NU, GarchFits, GarchModel
from tradepipe.forecasting.batched.garch_series import fault_of_each, of_equal_length
from tradepipe.forecasting.engines.checks import few, require_same_series, require_shape
from tradepipe.forecasting.model import (
    EngineName,
    Fits,
    FloatArray,
    ForecastError,
    IntArray,
    ModelSpec,
    Panel,
    VarianceForecast,
)

NAMES: Final = ("mu", "omega", "alpha[1]", "gamma[1]", "beta[1]", "nu")


class BatchedGarch:
    """GARCH and GJR of order (1, 1), normal or Student t, with a constant mean or none."""

    name: EngineName = "batched"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why the kernels cannot do `spec`."""
        checks = (
            (spec.family in {"garch", "gjr"}, f"family {spec.family} is not GARCH or GJR"),
            (spec.order == (1, 1), f"order {spec.order} is not (1, 1)"),
            (spec.distribution in {"normal", "t"}, f"law {spec.distribution} is not normal or t"),
            (not spec.autoregression, "an AR mean is not fitted jointly"),
            (not spec.exog and not any(spec.seasonal), "no regressors or seasons in a variance equation"),
        )
        return next((reason for holds, reason in checks if not holds), None)

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Those of `NAMES` that `spec` has."""
        return _names(_model_of(spec))

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why a series cannot be fitted: missing or too few values, or no variance to speak of."""
        _model_of(spec)
        return tuple(fault_of_each(panel.values))

    def fit(
        self, panel: Panel, spec: ModelSpec, previous: Fits | None = None, *, turn: int = 0, threads: int = 1
    ) -> Fits:
        """Maximum likelihood from several starts; see `fit_garch` for what a warm start is.

        Raises:
            ForecastError: the engine refuses `spec`, or `previous` is of another model or of other series.
        """
        model = _model_of(spec)
        before = _before(previous, panel, spec, model) if previous else None
        found = fit_garch(panel.values, model, before, turn, threads)
        sound = np.flatnonzero([reason is None for reason in found.reasons])
        return Fits(
            spec=spec,
            symbols=panel.symbols,
            engine=(self.name,) * len(panel),
            reason=found.reasons,
            names=_names(model),
            parameters=np.ascontiguousarray(found.parameters[:, _columns(model)]),
            log_likelihood=found.log_likelihood,
            observations=found.observations,
            converged=found.converged,
            evaluations=found.evaluations,
            warnings=("",) * len(panel),
            residuals=(),
            state=_state(panel, found.parameters, sound, model),
            curvature=found.inverses,
        )

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k), in the order of `Fits.names`.

        Raises:
            ForecastError: the engine refuses `spec`, or parameters are of another shape.
        """
        model = _model_of(spec)
        names = _names(model)
        require_shape(panel, spec, names, parameters)
        full = _full(parameters, model)
        reasons = [
            reason or (None if np.isfinite(row).all() else "no parameters")
            for reason, row in zip(fault_of_each(panel.values), parameters, strict=True)
        ]
        sound = np.flatnonzero([reason is None for reason in reasons])
        log_likelihood = np.full(len(panel), np.nan)
        for places in of_equal_length([panel.values[row] for row in sound]):
            rows = sound[places]
            block = np.array([panel.values[row] for row in rows], dtype=np.float64)
            log_likelihood[rows] = log_likelihoods(block, full[rows], model)[0]
        return Fits(
            spec=spec,
            symbols=panel.symbols,
            engine=(self.name,) * len(panel),
            reason=tuple(reasons),
            names=names,
            parameters=np.where(np.isin(np.arange(len(panel)), sound)[:, None], parameters, np.nan),
            log_likelihood=log_likelihood,
            observations=np.array([len(values) for values in panel.values], dtype=np.int64),
            converged=np.array([reason is None for reason in reasons]),
            evaluations=np.array([int(reason is None) for reason in reasons], dtype=np.int64),
            warnings=("",) * len(panel),
            residuals=(),
            state=_state(panel, full, sound, model),
        )

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in; a missing one is taken to be as volatile as was expected.

        Raises:
            ForecastError: `bars` are of other series.
        """
        require_same_series(fits, bars)
        full = _full(fits.parameters, _model_of(fits.spec))
        return fits.with_state(carried_variances(fits.state[:, 0], bars.values, full)[:, None])

    def forecast(self, fits: Fits, horizon: int) -> VarianceForecast:
        """Expected squared innovations of the bars ahead.

        Raises:
            ValueError: the horizon is not positive.
        """
        full = _full(fits.parameters, _model_of(fits.spec))
        variance = forecast_variances(fits.state[:, 0], full, horizon)
        return VarianceForecast(variance=variance, freedom=full[:, NU], skew=np.zeros(len(fits)))


def _model_of(spec: ModelSpec) -> GarchModel:
    reason = BatchedGarch().refusal(spec)
    if reason:
        raise ForecastError(f"the batched engine does not do {spec.text}: {reason}; ask the reference engine")
    return GarchModel(asymmetric=spec.family == "gjr", student=spec.distribution == "t", mean=spec.mean)


def _columns(model: GarchModel) -> list[int]:
    """Which of the kernels' parameters the model has."""
    has = (model.mean == "constant", True, True, model.asymmetric, True, model.student)
    return [column for column, there in enumerate(has) if there]


def _names(model: GarchModel) -> tuple[str, ...]:
    return tuple(NAMES[column] for column in _columns(model))


def _full(parameters: FloatArray, model: GarchModel) -> FloatArray:
    """(series, 6): mean and gamma are 0 and nu is inf where the model has none."""
    full = np.zeros((len(parameters), len(NAMES)))
    full[:, NU] = np.inf
    full[:, _columns(model)] = parameters
    return full


def _state(panel: Panel, full: FloatArray, sound: IntArray, model: GarchModel) -> FloatArray:
    state = np.full((len(panel), 1), np.nan)
    values = [panel.values[row] for row in sound]
    state[sound, 0] = carried_variances(first_variances(values, full[sound], model), values, full[sound])
    return state


def _before(previous: Fits, panel: Panel, spec: ModelSpec, model: GarchModel) -> GarchFits:
    """What a warm start needs; nothing of rows that another engine fitted."""
    if previous.spec != spec or previous.symbols != panel.symbols:
        raise ForecastError(
            f"previous is {previous.spec.text} of {few(previous.symbols)}, asked is {spec.text} of "
            f"{few(panel.symbols)}; fit without it"
        )
    ours = np.array([engine == "batched" for engine in previous.engine], dtype=np.bool_)
    inverses = np.full((len(panel), model.size, model.size), np.nan)
    if previous.curvature is not None:
        inverses = np.where(ours[:, None, None], previous.curvature, inverses)
    return GarchFits(
        model=model,
        parameters=_full(previous.parameters, model),
        log_likelihood=np.where(ours, previous.log_likelihood, np.nan),
        observations=previous.observations,
        inverses=inverses,
        evaluations=previous.evaluations,
        converged=previous.converged,
        reasons=previous.reason,
    )

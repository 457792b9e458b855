"""What a forecasting model is, what it is fitted to, and what engines answer: the words all engines share.

A *member* forecasts the cumulative log return ahead by two equations, one for its mean and one for its variance. Each
is a `ModelSpec`. Engines fit a spec to all series of a `Panel` at once (`Fits`), take new bars in without a refit, and
forecast from where a fit stands. Everything is one row a series, so that rows of several engines lie side by side.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MeanFamily = Literal["arma", "samossa", "random_walk", "drift", "seasonal_naive"]
VarianceFamily = Literal["garch", "gjr", "egarch", "ewma"]
Distribution = Literal["normal", "t", "skewt"]
EngineName = Literal["batched", "reference", "samossa", "baseline"]

ENGINES: Final[tuple[EngineName, ...]] = get_args(EngineName)
VARIANCE_FAMILIES: Final[tuple[str, ...]] = get_args(VarianceFamily)


@dataclass(frozen=True)
class ModelSpec:
    """One equation. What a family has no use for stays at its default, so that equal models compare equal.

    Attributes:
        family: which model.
        order: arma (p, d, q); garch, gjr and egarch (p, q): lags of the squared innovation, lags of the variance.
        seasonal: arma (P, D, Q, s), s bars a season; s = 0: none. seasonal_naive uses s alone.
        exog: names of the regressors, columns of `Panel.exog`.
        mean: arma: whether there is a constant; variance families: "zero" where the panel holds residuals.
        autoregression: variance families of the reference engine: lags of an AR mean fitted jointly.
        distribution: of the innovations.
        decay: ewma, a bar.
        ranks: samossa, the ranks that rolling-origin cross-validation chooses among; 0 stands for Gavish and Donoho's.
        lags: samossa, order of the AR that the residuals follow.
    """

    family: MeanFamily | VarianceFamily
    order: tuple[int, ...] = ()
    seasonal: tuple[int, int, int, int] = (0, 0, 0, 0)
    exog: tuple[str, ...] = ()
    mean: Literal["constant", "zero"] = "constant"
    autoregression: int = 0
    distribution: Distribution = "normal"
    decay: float = 0.94
    ranks: tuple[int, ...] = ()
    lags: int = 0

    @property
    def is_variance(self) -> bool:
        """Whether it forecasts a variance, not a mean."""
        return self.family in VARIANCE_FAMILIES

    @property
    def text(self) -> str:
        """The model in a line, such as `arma(1, 0, 1)` or `gjr(1, 1) t`: unique among specs, for keys and people."""
        plain = ModelSpec(self.family)
        parts = [self.family + (str(self.order) if self.order else "")]
        parts += [f"seasonal{self.seasonal}"] if any(self.seasonal) else []
        parts += [f"exog({', '.join(self.exog)})"] if self.exog else []
        parts += ["zero mean"] if self.mean != plain.mean else []
        parts += [f"ar({self.autoregression})"] if self.autoregression else []
        parts += [self.distribution] if self.distribution != plain.distribution else []
        parts += [f"decay {self.decay:g}"] if self.family == "ewma" else []
        parts += [f"ranks{self.ranks} lags {self.lags}"] if self.family == "samossa" else []
        return " ".join(parts)


@dataclass(frozen=True)
class Member:
    """One forecast beside others: an equation for the mean, one for the variance of what the mean leaves over.

    Attributes:
        name: what the `model` column says.
        mean: fitted to log returns.
        variance: fitted to the residuals of `mean`.
    """

    name: str
    mean: ModelSpec
    variance: ModelSpec


@dataclass(frozen=True)
class Panel:
    """Series side by side.

    Attributes:
        symbols: one a series, unique.
        values: 1-D arrays, oldest value first, all ending at the same bar; lengths may differ. NaN: a missing value.
        exog: none, or one a series: (n, k) regressors, row t known before value t. Rows beyond the values are of the
            bars ahead, for forecasts; bars further ahead are forecast with the last row there is.
        groups: none, or one a series: its sector, within which multivariate models look for what is common.
    """

    symbols: tuple[str, ...]
    values: tuple[FloatArray, ...]
    exog: tuple[FloatArray, ...] = ()
    groups: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, rows: IntArray | list[int]) -> "Panel":
        """The series `rows`, in that order."""
        return Panel(*(tuple(part[row] for row in rows) if part else () for part in vars(self).values()))


@dataclass(frozen=True)
class Fits:
    """One spec fitted to every series of a panel. Rows are the panel's series.

    Attributes:
        spec: the model.
        symbols: of the rows.
        engine: which engine each row's numbers come from.
        reason: why a row's engine is not the one asked for first; None where it is.
        names: of the parameters.
        parameters: (series, k) in units of the values; NaN where a family or an engine has no such parameter.
        log_likelihood: (series,) of the training values; NaN where the model has none.
        observations: (series,) training values that are not missing.
        converged: (series,) the optimiser's word; True where nothing was optimised. No sign of quality.
        evaluations: (series,) of the likelihood.
        warnings: what a peer warned of, by category, joined by commas; "" for nothing.
        residuals: one-step errors over the training values, one array a series; () of variance families.
        state: (series, s) all that `update` and `forecast` need besides the parameters; columns are the engine's own.
            Rows of engines with fewer columns are filled up with zeros.
        curvature: (series, ...) what a warm start carries beside the parameters, such as inverse information; or None.
    """

    spec: ModelSpec
    symbols: tuple[str, ...]
    engine: tuple[EngineName, ...]
    reason: tuple[str | None, ...]
    names: tuple[str, ...]
    parameters: FloatArray
    log_likelihood: FloatArray
    observations: IntArray
    converged: BoolArray
    evaluations: IntArray
    warnings: tuple[str, ...]
    residuals: tuple[FloatArray, ...]
    state: FloatArray
    curvature: FloatArray | None = None

    def __len__(self) -> int:
        return len(self.symbols)

    def take(self, rows: IntArray) -> "Fits":
        """The fits of the series `rows`, in that order."""
        places = rows.tolist()
        return replace(
            self,
            symbols=tuple(self.symbols[row] for row in places),
            engine=tuple(self.engine[row] for row in places),
            reason=tuple(self.reason[row] for row in places),
            parameters=self.parameters[rows],
            log_likelihood=self.log_likelihood[rows],
            observations=self.observations[rows],
            converged=self.converged[rows],
            evaluations=self.evaluations[rows],
            warnings=tuple(self.warnings[row] for row in places),
            residuals=tuple(self.residuals[row] for row in places) if self.residuals else (),
            state=self.state[rows],
            curvature=None if self.curvature is None else self.curvature[rows],
        )

    def with_state(self, state: FloatArray) -> "Fits":
        """The same fits, standing elsewhere."""
        return replace(self, state=state)


@dataclass(frozen=True)
class MeanForecast:
    """Per step, from where the fits stand.

    Attributes:
        mean: (series, H) expected values of the next bars.
        response: (series, H) what a unit innovation adds to its own bar and to the H - 1 after it; starts with 1.
        engine: of the router: what each row's numbers come from; () of a single engine's.
        reason: of the router: why it is not the engine asked for first; None where it is.
    """

    mean: FloatArray
    response: FloatArray
    engine: tuple[EngineName, ...] = ()
    reason: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class VarianceForecast:
    """Per step, from where the fits stand.

    Attributes:
        variance: (series, H) expected squared innovations of the next bars.
        freedom: (series,) degrees of freedom of the Student t law; inf: normal.
        skew: (series,) Hansen's lambda; 0: symmetric.
        engine: of the router: what each row's numbers come from; () of a single engine's.
        reason: of the router: why it is not the engine asked for first; None where it is.
    """

    variance: FloatArray
    freedom: FloatArray
    skew: FloatArray = field(default_factory=lambda: np.empty(0))
    engine: tuple[EngineName, ...] = ()
    reason: tuple[str | None, ...] = ()


class ForecastError(ValueError):
    """A model or panel that cannot be used as asked; the message names it and the remedy."""

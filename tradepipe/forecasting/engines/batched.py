"""All compiled engines as one."""

from typing import Final

from tradepipe.forecasting.engines.batched_arma import BatchedArma
from tradepipe.forecasting.engines.batched_garch import BatchedGarch
from tradepipe.forecasting.engines.engine import Engine
from tradepipe.forecasting.model import EngineName, Fits, FloatArray, MeanForecast, ModelSpec, Panel, VarianceForecast

_MEAN: Final[Engine] = BatchedArma()
_VARIANCE: Final[Engine] = BatchedGarch()


class Batched:
    """Means by `BatchedArma`, variances by `BatchedGarch`."""

    name: EngineName = "batched"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why the kernels cannot do `spec`."""
        return _of(spec).refusal(spec)

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Parameters, in order."""
        return _of(spec).names(spec)

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why a series is not clean enough."""
        return _of(spec).faults(panel, spec)

    def fit(
        self, panel: Panel, spec: ModelSpec, previous: Fits | None = None, *, turn: int = 0, threads: int = 1
    ) -> Fits:
        """Fit every series."""
        return _of(spec).fit(panel, spec, previous, turn=turn, threads=threads)

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters."""
        return _of(spec).at(panel, spec, parameters)

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in."""
        return _of(fits.spec).update(fits, bars)

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
        """From where the fits stand."""
        return _of(fits.spec).forecast(fits, horizon)


def _of(spec: ModelSpec) -> Engine:
    return _VARIANCE if spec.is_variance else _MEAN

"""What every engine can do. Engines hold no state: what a fit knows is in its `Fits`."""

from typing import Protocol

from tradepipe.forecasting.model import EngineName, Fits, FloatArray, MeanForecast, ModelSpec, Panel, VarianceForecast


class Engine(Protocol):
    """Fits a spec to many series. A series' numbers depend on that series alone, unless the model is multivariate."""

    name: EngineName

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why this engine cannot do `spec` at all; None if it can."""

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Parameters of `spec`, in the order of the columns of its fits.

        Variance families have arch's names (mu, omega, alpha[1], gamma[1], beta[1], nu); arma has mean, the regressors'
        names, ar.L1, ma.L1, ar.S.L5, ma.S.L5 and sigma2, where mean is that of the differenced values.
        """

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why it cannot do a series, such as missing values; None for each that it can."""

    def fit(
        self, panel: Panel, spec: ModelSpec, previous: Fits | None = None, *, turn: int = 0, threads: int = 1
    ) -> Fits:
        """Fit every series, warm from `previous` (same symbols, same order) where it has numbers.

        A series that defeats the engine has NaN parameters and the reason; it disturbs no other.

        Args:
            panel: the training windows.
            spec: one that the engine does not refuse.
            previous: an earlier fit, of the bars before.
            turn: number of the refit, which rotates the cold start that goes beside a warm one.
            threads: how many; the numbers are the same.
        """

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k): the panel is filtered, nothing is optimised."""

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in at fixed parameters; `residuals` of the result are those of the new bars."""

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast | VarianceForecast:
        """From where the fits stand, `horizon` bars ahead."""

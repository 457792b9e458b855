"""SAMoSSA as the engine interface wants it: what series have in common, and what each keeps to itself.

Alomar, Dahleh, Mann and Shah, "SAMoSSA: Multivariate Singular Spectrum Analysis with Stochastic Autoregressive Noise",
NeurIPS 2023, arXiv 2305.16491. Ours departs from the authors' program in four ways: series are standardised; of values
that fit no whole column the oldest are dropped, not the newest; the rank is chosen by cross-validation; recursions that
explode are refused.
"""

from dataclasses import replace

import numpy as np

from tradepipe.forecasting.engines.checks import require_same_series, require_shape
from tradepipe.forecasting.engines.samossa import recursion
from tradepipe.forecasting.engines.samossa.groups import Sheet, at_parameters, fitted, names_of
from tradepipe.forecasting.engines.samossa.recursion import RANK
from tradepipe.forecasting.engines.samossa.windows import Group, groups_of
from tradepipe.forecasting.model import (
    EngineName,
    Fits,
    FloatArray,
    ForecastError,
    IntArray,
    MeanForecast,
    ModelSpec,
    Panel,
)


class Samossa:
    """Multivariate singular spectrum analysis with autoregressive residuals, over a panel or its groups.

    A series' numbers depend on all series of its group that take part, so a panel that is split gives other numbers;
    one that is left out (shorter than the window, missing values, no variance) changes nothing for the others. They
    are the same on any number of threads: no BLAS is called.

    Parameters are the rank, the lags of the common recursion beta, mean and standard deviation of the series, and the
    autoregression of its rest, `ar[1]` last. beta is a function of the window and the rank; a row of `state` is its
    length, beta, the last values that it looks at (standardised) and the last rests that the autoregression looks at.

    The rank is chosen where a chain begins (`previous` is None): three decompositions, each serving all ranks, besides
    that of the fit. A warm fit keeps the rank and decomposes once. Where the rank's recursion explodes, the next best
    one is taken.
    """

    name: EngineName = "samossa"

    def refusal(self, spec: ModelSpec) -> str | None:
        """Why a spec is not SAMoSSA's."""
        if spec.family != "samossa":
            return f"family {spec.family} is not samossa"
        if not spec.ranks or min(spec.ranks) < 0 or spec.lags < 0:
            return "samossa needs ranks (0: Gavish and Donoho's) and lags that are not negative"
        if spec.exog or any(spec.seasonal):
            return "samossa has no regressors and finds seasons by itself"
        return None

    def names(self, spec: ModelSpec) -> tuple[str, ...]:
        """Rank, lags of beta, mean, standard deviation, and the autoregression."""
        _checked(spec)
        return names_of(spec.lags)

    def faults(self, panel: Panel, spec: ModelSpec) -> tuple[str | None, ...]:
        """Why a series is left out of its group's model."""
        _checked(spec)
        reasons: list[str | None] = [None] * len(panel)
        for rows in groups_of(panel):
            for row, reason in zip(rows.tolist(), Group.of(panel, rows).reasons, strict=True):
                reasons[row] = reason
        return tuple(reasons)

    def fit(
        self,
        panel: Panel,
        spec: ModelSpec,
        previous: Fits | None = None,
        *,
        turn: int = 0,  # noqa: ARG002 - nothing is searched, so no start rotates
        threads: int = 1,
    ) -> Fits:
        """Fit all groups; `previous` gives the rank, and nothing else.

        Returns:
            `residuals` are one-step errors; those of bars that have no full history, up to the first `lags` of the
            window, are the errors of the forecast 0.

        Raises:
            ForecastError: the engine refuses `spec`, or `previous` is of another model or of other series.
        """
        _checked(spec)
        if previous is not None and (previous.spec != spec or previous.symbols != panel.symbols):
            raise ForecastError(f"previous is {previous.spec.text}, or of other series; fit {spec.text} without it")
        sheet = Sheet(panel, spec.lags, threads)
        for rows in groups_of(panel):
            group = Group.of(panel, rows)
            sheet.leave_out(rows, group.reasons)
            model = fitted(group, spec, _kept(previous, group.rows), threads) if len(group.rows) else None
            if model is None:
                sheet.leave_out(group.rows, [f"recursions of ranks {spec.ranks} explode"] * len(group.rows))
            else:
                sheet.take(group, model)
        return sheet.fits(spec)

    def at(self, panel: Panel, spec: ModelSpec, parameters: FloatArray) -> Fits:
        """The fits at given parameters (series, k); beta is that of the panel at the given rank.

        At the panel and the parameters of a fit this is the fit, bit for bit, without the choice of a rank.

        Raises:
            ForecastError: the engine refuses `spec`, or parameters are of another shape.
        """
        _checked(spec)
        require_shape(panel, spec, names_of(spec.lags), parameters)
        sheet = Sheet(panel, spec.lags)
        for rows in groups_of(panel):
            group = Group.of(panel, rows)
            sheet.leave_out(rows, group.reasons)
            own = parameters[group.rows]
            known = np.isfinite(own).all(axis=1)
            model = at_parameters(group, own) if known.any() else None
            if model is None:
                why = "recursion of the rank explodes" if known.any() else "no parameters"
                sheet.leave_out(group.rows, [why] * len(group.rows))
            else:
                sheet.take(group, model)
        return sheet.fits(spec)

    def update(self, fits: Fits, bars: Panel) -> Fits:
        """Take new bars in; a missing one is taken to be what was expected of it, and its residual is NaN.

        Raises:
            ForecastError: `bars` are of other series.
        """
        require_same_series(fits, bars)
        bounds = np.concatenate([[0], np.cumsum([len(values) for values in bars.values], dtype=np.int64)])
        values, state = np.concatenate([np.empty(0), *bars.values]), fits.state.copy()
        errors = np.empty(len(values))
        recursion.carry(fits.parameters, state, values, bounds, errors)
        return replace(fits, state=state, residuals=tuple(np.split(errors, bounds[1:-1])))

    def forecast(self, fits: Fits, horizon: int) -> MeanForecast:
        """Per step, `horizon` bars ahead: (series, horizon); NaN for series that were left out.

        Raises:
            ForecastError: the horizon is not positive.
        """
        if horizon < 1:
            raise ForecastError(f"horizon {horizon} is not positive")
        mean, response = np.empty((len(fits), horizon)), np.empty((len(fits), horizon))
        recursion.ahead(fits.parameters, fits.state, mean, response)
        return MeanForecast(mean, response)


def _checked(spec: ModelSpec) -> None:
    reason = Samossa().refusal(spec)
    if reason:
        raise ForecastError(f"SAMoSSA does not do {spec.text}: {reason}")


def _kept(previous: Fits | None, rows: IntArray) -> int | None:
    """The rank that most of the group had in an earlier fit; None where none had any."""
    if previous is None:
        return None
    ranks = previous.parameters[rows, RANK]
    known = ranks[np.isfinite(ranks)].astype(np.int64)
    return int(np.bincount(known).argmax()) if len(known) else None

"""One model a group of series, and the rows of `Fits` that come of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tradepipe.forecasting.engines.samossa.factors import Recursion, factors_of, filtered, recursion_of
from tradepipe.forecasting.engines.samossa.ranks import best_first
from tradepipe.forecasting.engines.samossa.recursion import FIXED, LAGS, MEAN, RANK, SCALE
from tradepipe.forecasting.engines.samossa.windows import Group, standardised
from tradepipe.forecasting.model import EngineName, Fits, FloatArray, IntArray, ModelSpec, Panel


@dataclass(frozen=True)
class GroupModel:
    """A recursion, `standard` values (series, bars) that it forecasts, and `center` and `scale` (series,) of these."""

    recursion: Recursion
    standard: FloatArray
    center: FloatArray
    scale: FloatArray


def fitted(group: Group, spec: ModelSpec, kept: int | None, threads: int) -> GroupModel | None:
    """Fit a group at the `kept` rank, or at the best of the spec's that does not explode; None if all do."""
    standard = group.standard()
    for ranks in ([(kept,)] if kept else []) + [spec.ranks]:
        order = best_first(group.block, ranks, spec.lags, threads)
        factors = factors_of(standard, order, threads)
        for rank in order:
            found = recursion_of(factors, factors.ranks[rank], spec.lags, len(standard))
            if found is not None:
                return GroupModel(found, standard, group.center, group.scale)
    return None


def at_parameters(group: Group, parameters: FloatArray) -> GroupModel | None:
    """A group's model at given parameters (series, k); its recursion is the window's own at the rank that they name."""
    rank = int(np.nanmax(parameters[:, RANK]))
    factors = factors_of(group.standard(), (rank,))
    found = recursion_of(factors, factors.ranks[rank], 0, len(group.rows))
    if found is None:
        return None
    own = Recursion(found.rank, found.beta, np.ascontiguousarray(parameters[:, FIXED:]))
    center, scale = parameters[:, MEAN], parameters[:, SCALE]
    return GroupModel(own, standardised(group.block, center, scale), center, scale)


def names_of(lags: int) -> tuple[str, ...]:
    """Of the parameters."""
    return ("rank", "lags", "mean", "scale", *(f"ar[{lag}]" for lag in range(lags, 0, -1)))


class Sheet:
    """The rows of a `Fits` while they are filled in."""

    def __init__(self, panel: Panel, lags: int, threads: int = 1) -> None:
        self.panel = panel
        self.lags = lags
        self.threads = threads
        self.reasons: list[str | None] = [None] * len(panel)
        self.parameters = np.full((len(panel), FIXED + lags), np.nan)
        self.residuals: list[FloatArray | None] = [None] * len(panel)
        self.observations = np.full(len(panel), -1, dtype=np.int64)
        self.state = np.zeros((len(panel), 1 + lags))

    def leave_out(self, rows: IntArray, reasons: Sequence[str | None]) -> None:
        """Say why; None changes nothing."""
        for row, reason in zip(rows.tolist(), reasons, strict=True):
            self.reasons[row] = reason or self.reasons[row]

    def take(self, group: Group, model: GroupModel) -> None:
        """Fill in the rows of a group, except those whose parameters are missing or explode."""
        found = model.recursion
        known = np.isfinite(np.column_stack([model.center, model.scale, found.alpha])).all(axis=1)
        good = known & found.steady()
        self.leave_out(group.rows[~known], ["no parameters"] * int((~known).sum()))
        self.leave_out(group.rows[known & ~good], ["the rest's autoregression explodes"] * int((known & ~good).sum()))
        rows, lags = group.rows[good], len(found.beta)
        self.parameters[rows, RANK], self.parameters[rows, LAGS] = found.rank, lags
        self.parameters[rows, MEAN], self.parameters[rows, SCALE] = model.center[good], model.scale[good]
        self.parameters[rows, FIXED:] = found.alpha[good]
        rests, errors = filtered(model.standard, found.beta, found.alpha, self.threads)
        self._stand(rows, found.beta, model.standard[good, -lags:], rests[good, rests.shape[1] - self.lags :])
        residuals = np.empty_like(group.block)
        residuals[:, :lags] = group.block[:, :lags]
        np.multiply(errors, model.scale[:, None], out=residuals[:, lags:])
        for place in np.flatnonzero(good).tolist():
            values = self.panel.values[group.rows[place]]
            older = values[: len(values) - residuals.shape[1]]
            if len(older):
                self.residuals[group.rows[place]] = np.concatenate([older, residuals[place]])
            else:
                self.residuals[group.rows[place]] = residuals[place]
                self.observations[group.rows[place]] = len(values)  # all of them are in the window, so they are finite

    def _stand(self, rows: IntArray, beta: FloatArray, recent: FloatArray, rests: FloatArray) -> None:
        """Write the rows' state, which may be wider than that of the groups before."""
        lags = len(beta)
        width = 1 + 2 * lags + self.lags
        if width > self.state.shape[1]:
            wider = np.zeros((len(self.state), width))
            wider[:, : self.state.shape[1]] = self.state
            self.state = wider
        self.state[rows, 0] = lags
        self.state[rows, 1 : 1 + lags] = beta
        self.state[rows, 1 + lags : 1 + 2 * lags] = recent
        self.state[rows, 1 + 2 * lags : width] = rests

    def fits(self, spec: ModelSpec) -> Fits:
        """All rows."""
        count, values = len(self.panel), self.panel.values
        engine: EngineName = "samossa"
        for row in np.flatnonzero(self.observations < 0).tolist():
            self.observations[row] = np.count_nonzero(np.isfinite(values[row]))
        return Fits(
            spec=spec,
            symbols=self.panel.symbols,
            engine=(engine,) * count,
            reason=tuple(self.reasons),
            names=names_of(self.lags),
            parameters=self.parameters,
            log_likelihood=np.full(count, np.nan),
            observations=self.observations,
            converged=np.array([reason is None for reason in self.reasons], dtype=np.bool_),
            evaluations=np.zeros(count, dtype=np.int64),
            warnings=("",) * count,
            residuals=tuple(
                np.full(len(one), np.nan) if found is None else found
                for found, one in zip(self.residuals, values, strict=True)
            ),
            state=self.state,
        )

"""Regressors of a panel, and those of the bars ahead, which states carry to the forecast."""

import numpy as np

from tradepipe.forecasting.batched import ArmaOrder
from tradepipe.forecasting.model import Fits, FloatArray, ForecastError, IntArray, Panel


def regressors_of(panel: Panel, order: ArmaOrder) -> tuple[FloatArray, ...]:
    """Of each series, those of the bars ahead included; without regressors no rows.

    Raises:
        ForecastError: a series lacks rows or columns.
    """
    if not order.regressors:
        return (np.empty((0, 0)),) * len(panel)
    if len(panel.exog) != len(panel):
        raise ForecastError(f"{len(panel.exog)} of {len(panel)} series have regressors; give each an array in exog")
    for symbol, values, exog in zip(panel.symbols, panel.values, panel.exog, strict=True):
        if exog.ndim != 2 or exog.shape[1] != order.regressors or len(exog) < len(values):
            raise ForecastError(
                f"regressors of {symbol} have shape {exog.shape}; {len(values)} values need a row each of "
                f"{order.regressors} columns"
            )
    return panel.exog


def beside_values(beside: tuple[FloatArray, ...], panel: Panel, rows: IntArray) -> list[FloatArray]:
    """Regressors of the bars that have values; none of series without."""
    if not panel.exog:
        return []
    return [beside[row][: len(panel.values[row])] for row in rows]


def with_ahead(
    states: FloatArray,
    panel: Panel,
    beside: tuple[FloatArray, ...],
    order: ArmaOrder,
    before: FloatArray | None = None,
) -> FloatArray:
    """States, with how many rows of regressors are known ahead, and these rows, after them.

    Of a series of which the panel has no regressors, those stay that its state `before` has.
    """
    if not order.regressors:
        return states
    size, k = order.state_size, order.regressors
    ahead = [exog[len(values) :] for exog, values in zip(beside, panel.values, strict=True)]
    if before is not None:
        ahead = [
            rows if len(exog) else _known(one, order) for rows, exog, one in zip(ahead, beside, before, strict=True)
        ]
    wide = np.zeros((len(states), size + 1 + k * max((len(rows) for rows in ahead), default=0)))
    wide[:, :size] = states
    for row, rows in zip(wide, ahead, strict=True):
        row[size] = len(rows)
        row[size + 1 : size + 1 + rows.size] = rows.ravel()
    return wide


def ahead_of(fits: Fits, order: ArmaOrder, horizon: int) -> FloatArray | None:
    """Regressors (series, horizon, k) of the bars ahead; the last that is known stays."""
    if not order.regressors:
        return None
    size, k = order.state_size, order.regressors
    rows = np.empty((len(fits), horizon, k))
    for own, state in zip(rows, fits.state, strict=True):
        known = _known(state, order)
        known = known if len(known) else state[None, size - k : size]
        own[:] = known[np.minimum(np.arange(horizon), len(known) - 1)]
    return rows


def _known(state: FloatArray, order: ArmaOrder) -> FloatArray:
    """The rows ahead (n, k) that a state carries."""
    begin, k = order.state_size + 1, order.regressors
    return state[begin : begin + k * int(state[begin - 1])].reshape(-1, k)

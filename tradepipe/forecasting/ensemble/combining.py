"""The forecasts of a market's partitions: what the members say and what the ensemble makes of it."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts.forecasts import ENSEMBLE, FORECASTS, member_forecasts_contract
from tradepipe.forecasting.ensemble import conformal
from tradepipe.forecasting.ensemble.frames import Answers, rows_of
from tradepipe.forecasting.ensemble.gate import gate_of
from tradepipe.forecasting.ensemble.panel import (
    NEVER,
    Cells,
    HorizonPanel,
    Outcomes,
    micros,
    panels,
    positions_of,
)
from tradepipe.forecasting.ensemble.weights import Shares, shares
from tradepipe.forecasting.frames import require_columns
from tradepipe.forecasting.model import FloatArray, IntArray
from tradepipe.settings.forecasts import EnsembleSettings, ForecastSettings

_BAR_COLUMNS = ["symbol", "open_time", "close", "known_at"]
_MEMBERSHIP = {"is_member"}
_WINDOW_COLUMNS = ["partition", "first_session", "last_session"]


def ensemble_lookback(settings: ForecastSettings) -> int:
    """Bars before a partition that its forecasts are computed from: origins, their targets, and one that came late."""
    return settings.ensemble.origins + settings.horizon + 1


def ensemble(
    members: pl.DataFrame, bars: pl.DataFrame, windows: pl.DataFrame, settings: ForecastSettings, *, grid: pl.DataFrame
) -> pl.DataFrame:
    """Every member's forecast and the ensemble's, with intervals, from each origin of the partitions.

    At an origin and horizon the ensemble's mean weighs the members that beat the random walk there, by past errors
    pooled over all symbols (see `weights`), and its volatility is one member's. A member whose place a baseline takes
    has no weight in that row. Half an interval is the volatility times a quantile of past errors in such units, those
    of the same model, horizon and, for the ensemble, weights (see `conformal`). With fewer than
    `settings.ensemble.min_origins` past origins the random walk stands alone, `fallback` says so, and the law of each
    forecast gives its interval.

    A past error counts from the close of its target on, or a bar later where another symbol's close was known before
    it; one that came later still, such as that of a restated bar, never does, nor does one of a symbol that was no
    member of the universe when it was forecast. Who is no member is told the same as members are, unless its bar was
    known before theirs. An origin uses what is no further back
    than `ensemble_lookback` bars of the grid, so a partition is the same alone and in a range, bit for bit.

    Args:
        members: rows of `member_forecasts_contract(settings.members)`, from `ensemble_lookback` bars before the first
            window to the last; other columns are ignored.
        bars: symbol, open_time, close, known_at (UTC) of the same time; is_member, whether the symbol was a member of
            the universe on the bar's session, where that changes.
        windows: partition, first_session, last_session; not overlapping.
        settings: members, horizon, and how they become one.
        grid: open_time (UTC) of each bar that the calendar expects, from the first of those bars to the last.

    Returns:
        FORECASTS columns plus `partition`, sorted by partition and then by the key.

    Raises:
        ValueError: a column is missing, a row is there twice, or an origin in a window is not on the grid.
    """
    contract = member_forecasts_contract(settings.members)
    require_columns(members, "members", contract.column_names)
    require_columns(bars, "bars", _BAR_COLUMNS)
    require_columns(windows, "windows", _WINDOW_COLUMNS)
    require_columns(grid, "grid", ["open_time"])
    nothing = pl.DataFrame(schema={PARTITION: pl.String, **FORECASTS.polars_schema})
    if windows.is_empty():
        return nothing
    times = np.unique(micros(grid, "open_time"))
    rows, wanted = _in_windows(members.select(contract.column_names), windows, times)
    if wanted.is_empty():
        return nothing
    opened = micros(rows, "open_time")
    times = times[np.searchsorted(times, opened.min()) : np.searchsorted(times, opened.max()) + 1]
    symbols = rows.get_column("symbol").unique().sort().to_list()
    outcomes = Outcomes(bars.select(*_BAR_COLUMNS, *_MEMBERSHIP & set(bars.columns)), times, symbols)
    cells = Cells.of(rows, times, symbols)
    aimed = Cells.of(wanted, times, symbols)
    answers, gate = Answers.empty(settings.members, wanted.height), gate_of(settings)
    for layer, panel in enumerate(panels(rows, settings.members, cells, outcomes, times)):
        horizon = cells.horizons[layer]
        asked = np.flatnonzero(wanted.get_column("horizon").to_numpy() == horizon)
        if len(asked):
            place = _Asked(horizon, asked, aimed.position[asked], aimed.symbol[asked])
            _answer(panel, settings.ensemble, gate, place, answers)
    answers.leave_early(outcomes.early(aimed.position, aimed.symbol, micros(wanted, "known_at")))
    return rows_of(wanted, answers, settings)


def _in_windows(members: pl.DataFrame, windows: pl.DataFrame, times: IntArray) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows on the grid; and those of them that a window asks for, with their `partition`, in order."""
    spans = windows.select(_WINDOW_COLUMNS).sort("first_session")
    session = members.get_column("session")
    window = spans.get_column("first_session").search_sorted(session, side="right").cast(pl.Int64) - 1
    held = (window >= 0) & (session <= spans.get_column("last_session").gather(window.clip(0)))
    placed = (
        members.filter(held)
        .with_columns(spans.get_column(PARTITION).gather(window.filter(held)))
        .sort(PARTITION, "symbol", "open_time", "horizon")
    )
    on_grid = positions_of(micros(members, "open_time"), times) != NEVER
    lost = placed.filter(positions_of(micros(placed, "open_time"), times) == NEVER)
    if not lost.is_empty():
        raise ValueError(
            f"{lost.height} forecasts have an origin that is not on the grid, e.g. "
            f"{lost.select('symbol', 'open_time').row(0, named=True)}; pass the calendar's expected bars"
        )
    return members if on_grid.all() else members.filter(on_grid), placed


@dataclass(frozen=True)
class _Asked:
    """Rows of one horizon that are asked for, and where their forecasts lie: entries, origins and columns."""

    horizon: int
    rows: IntArray
    position: IntArray
    symbol: IntArray


def _answer(panel: HorizonPanel, told: EnsembleSettings, gate: float, asked: _Asked, answers: Answers) -> None:
    """Fill in the rows asked for."""
    origins, origin = np.unique(asked.position, return_inverse=True)
    found = shares(panel, asked.horizon, origins, told, gate)
    rows = asked.position * panel.known.shape[1] + asked.symbol
    past = _Past(panel, told.origins)
    answers.enough[asked.rows], answers.lead[asked.rows] = found.enough[origin], found.volatility[origin]
    total = np.zeros(len(rows))
    for member, name in enumerate(panel.names):
        alone = np.eye(len(panel.names))[member]
        half = past.half_widths(alone, member, origins)
        half[~found.enough] = np.nan
        answers.put(name, asked.rows, *past.blended(alone, member, rows), half[origin])
        weight = np.where(panel.able[name].ravel()[rows], found.weights[origin, member], 0.0)
        answers.weight[name][asked.rows] = weight
        total += weight
    for name in panel.names:
        answers.weight[name][asked.rows] /= total
    for these in _alike(found):
        first = these[0]
        weights, lead = found.weights[first], int(found.volatility[first])
        half = past.half_widths(weights, lead, origins[these])
        half[~found.enough[these]] = np.nan
        mine = np.flatnonzero(np.isin(origin, these))
        values = past.blended(weights, lead, rows[mine])
        answers.put(ENSEMBLE, asked.rows[mine], *values, half[np.searchsorted(these, origin[mine])])


class _Past:
    """The errors of a horizon, of any weighted mean of its members."""

    def __init__(self, panel: HorizonPanel, length: int) -> None:
        self._panel, self._length = panel, length
        known = panel.known.ravel()
        self._items = np.flatnonzero(known != NEVER)
        self._known = known[self._items]

    def blended(self, weights: FloatArray, lead: int, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Mean and volatility at the flat indices `rows`; members that a baseline stands in for are left out.

        With a weight for one member only, its numbers are taken as they are.
        """
        panel, taken = self._panel, np.flatnonzero(weights)
        volatility = panel.volatility[panel.names[lead]].ravel()[rows]
        if len(taken) == 1:
            return panel.mean[panel.names[taken[0]]].ravel()[rows], volatility
        mean, total = np.zeros(len(rows)), np.zeros(len(rows))
        for member in taken:
            name = panel.names[member]
            weight = np.where(panel.able[name].ravel()[rows], weights[member], 0.0)
            mean += weight * panel.mean[name].ravel()[rows]
            total += weight
        return mean / total, volatility

    def half_widths(self, weights: FloatArray, lead: int, ends: IntArray) -> FloatArray:
        """Half an interval at each of the positions `ends`, ascending, in units of volatility: (n, levels)."""
        inside = np.flatnonzero((self._known > ends[0] - self._length) & (self._known <= ends[-1]))
        rows = self._items[inside]
        mean, volatility = self.blended(weights, lead, rows)
        bins = conformal.bins_of(self._panel.realised.ravel()[rows] - mean, volatility)
        return conformal.quantiles(conformal.counts_of(self._known[inside], bins, ends, self._length))


def _alike(found: Shares) -> list[IntArray]:
    """Indices of origins, ascending, that share weights and volatility."""
    told = np.column_stack([found.weights, found.volatility])
    _, group = np.unique(told, axis=0, return_inverse=True)
    return [np.flatnonzero(group == one) for one in range(int(group.max()) + 1)]

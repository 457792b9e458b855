"""The forecasts of a market's partitions: what the members say and what the ensemble makes of it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradepipe.bars.windows import PARTITION
from tradepipe.contracts.forecasts import ENSEMBLE, FORECASTS, member_forecasts_contract
from tradepipe.forecasting.ensemble.blending import Said, columns_of
from tradepipe.forecasting.ensemble.conformal import half_widths
from tradepipe.forecasting.ensemble.frames import Answers, rows_of
from tradepipe.forecasting.ensemble.gate import gate_of
from tradepipe.forecasting.ensemble.kernels.laying import NEVER
from tradepipe.forecasting.ensemble.panel import (
    Cells,
    Errors,
    Outcomes,
    codes_of,
    errors_of,
    positions_of,
)
from tradepipe.forecasting.ensemble.room import Room
from tradepipe.forecasting.ensemble.weights import Shares, shares
from tradepipe.forecasting.frames import require_columns, runs_of
from tradepipe.forecasting.model import FloatArray, IntArray
from tradepipe.forecasting.sharing import side_by_side
from tradepipe.settings.forecasts import EnsembleSettings, ForecastSettings

_BAR_COLUMNS = ["symbol", "open_time", "close", "known_at"]
_MEMBERSHIP = {"is_member"}
_WINDOW_COLUMNS = ["partition", "first_session", "last_session"]


def ensemble_lookback(settings: ForecastSettings) -> int:
    """Bars before a partition that its forecasts are computed from: origins, their targets, and one that came late."""
    return settings.ensemble.origins + settings.horizon + 1


def ensemble(  # noqa: PLR0913 - each is a different thing that a market has
    members: pl.DataFrame,
    bars: pl.DataFrame,
    windows: pl.DataFrame,
    settings: ForecastSettings,
    *,
    grid: pl.DataFrame,
    threads: int = 1,
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
        threads: how many; the numbers are the same.

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
    times = np.unique(grid.get_column("open_time").dt.epoch("us").to_numpy())
    wanted = _in_windows(members.select(contract.column_names), windows)
    if wanted.is_empty():
        return nothing
    aims = _positions(wanted, times, Room(wanted.height))
    _require_on_grid(wanted, aims)
    rows, room = members, Room(members.height)
    position = _positions(rows, times, room)
    if not (on_grid := position != NEVER).all():
        rows, room = members.filter(on_grid), Room(int(on_grid.sum()))
        position = _positions(rows, times, room)
    first = int(position.min())
    times = times[first : int(position.max()) + 1]
    aims -= first
    position -= first
    runs = runs_of(rows)
    symbols = runs[0].unique().sort().to_list()
    came = bars.select(*_BAR_COLUMNS, *_MEMBERSHIP & set(bars.columns))
    told = settings.ensemble
    span = max(int(aims.min()) - told.origins + 1, 0), int(aims.max())
    cells, outcomes = side_by_side(
        threads,
        lambda make: make(),
        (lambda: Cells.of(rows, runs, room, position, symbols), lambda: Outcomes(came, times, symbols)),
    )
    past = errors_of(rows, settings.members, cells, outcomes, span, threads=threads)
    answers, gate = Answers.empty(settings.members, wanted.height), gate_of(settings)
    asked = _Asked.by_horizon(wanted, settings.members, aims, cells.horizons)
    # Each writes to rows of its own.
    side_by_side(threads, lambda errors, these: _answer(errors, told, gate, these, answers), past, asked)
    here = Room(wanted.height)
    known_at = here.micros(wanted.get_column("known_at"))
    answers.leave_early(outcomes.early(aims, codes_of(runs_of(wanted), symbols, here), known_at))
    return rows_of(wanted, answers, settings)


def _in_windows(members: pl.DataFrame, windows: pl.DataFrame) -> pl.DataFrame:
    """The rows that a window asks for, with their `partition`, in order."""
    spans = windows.select(_WINDOW_COLUMNS).sort("first_session")
    begin, end = (_days(spans, name) for name in ("first_session", "last_session"))
    session = _days(members, "session")
    near = np.flatnonzero((session >= begin[0]) & (session <= end.max()))
    window = np.searchsorted(begin, session[near], side="right") - 1
    held = session[near] <= end[window]
    return (
        members[near[held]]
        .with_columns(spans.get_column(PARTITION).gather(window[held]))
        .sort(PARTITION, "symbol", "open_time", "horizon")
    )


def _positions(rows: pl.DataFrame, times: IntArray, room: Room) -> IntArray:
    """Where the origin of each row stands in `times`."""
    opened = room.micros(rows.get_column("open_time"))
    positions = positions_of(opened, times, room)
    room.give_back(opened)
    return positions


def _require_on_grid(wanted: pl.DataFrame, positions: IntArray) -> None:
    """Raise ValueError unless the origins of all rows are on the grid."""
    lost = np.flatnonzero(positions == NEVER)
    if len(lost):
        named = wanted.select("symbol", "open_time").row(int(lost[0]), named=True)
        raise ValueError(
            f"{len(lost)} forecasts have an origin that is not on the grid, e.g. {named}; "
            "pass the calendar's expected bars"
        )


def _days(frame: pl.DataFrame, column: str) -> NDArray[np.int32]:
    return frame.get_column(column).to_physical().to_numpy()


@dataclass(frozen=True)
class _Asked:
    """The member forecasts of one horizon that are asked for.

    Attributes:
        horizon: in bars.
        rows: (n,) of the frame.
        position: (n,) of the origin.
        said: by the members, (n,) each.
    """

    horizon: int
    rows: IntArray
    position: IntArray
    said: Said

    @classmethod
    def by_horizon(
        cls, wanted: pl.DataFrame, names: tuple[str, ...], position: IntArray, horizons: tuple[int, ...]
    ) -> "list[_Asked]":
        told = wanted.get_column("horizon").to_numpy()
        said = Said(names, {name: column.to_numpy() for name, column in columns_of(wanted, names).items()})
        each = ((one, np.flatnonzero(told == one)) for one in horizons)
        return [cls(one, rows, position[rows], said.at(rows)) for one, rows in each]


def _answer(errors: Errors, told: EnsembleSettings, gate: float, asked: _Asked, answers: Answers) -> None:
    """Fill in the rows asked for."""
    rows, said = asked.rows, asked.said
    if not len(rows):
        return
    origins, origin = np.unique(asked.position, return_inverse=True)
    found = shares(errors, asked.horizon, origins, told, gate)
    answers.enough[rows], answers.lead[rows] = found.enough[origin], found.volatility[origin]
    total = np.zeros(len(rows))
    for member, name in enumerate(said.names):
        alone = np.eye(len(said.names))[member]
        half = _half_widths(errors, alone, member, origins, told.origins)
        half[~found.enough] = np.nan
        answers.put(name, rows, *said.blended(alone, member), half[origin])
        weight = said.weighed(name, found.weights[origin, member])
        answers.weight[name][rows] = weight
        total += weight
    for name in said.names:
        answers.weight[name][rows] /= total
    for these in _alike(found):
        first = these[0]
        weights, lead = found.weights[first], int(found.volatility[first])
        half = _half_widths(errors, weights, lead, origins[these], told.origins)
        half[~found.enough[these]] = np.nan
        mine = np.flatnonzero(np.isin(origin, these))
        values = said.at(mine).blended(weights, lead)
        answers.put(ENSEMBLE, rows[mine], *values, half[np.searchsorted(these, origin[mine])])


def _half_widths(errors: Errors, weights: FloatArray, lead: int, ends: IntArray, length: int) -> FloatArray:
    """Half an interval at each of the positions `ends`, ascending, in units of volatility: (n, levels)."""
    begin, end = errors.begin[max(int(ends[0]) - length + 1, 0)], errors.begin[ends[-1] + 1]
    mean, volatility = errors.said.at(slice(begin, end)).blended(weights, lead)
    return half_widths(errors.begin - begin, errors.realised[begin:end], mean, volatility, ends, length)


def _alike(found: Shares) -> list[IntArray]:
    """Indices of origins, ascending, that share weights and volatility."""
    told = np.column_stack([found.weights, found.volatility])
    _, group = np.unique(told, axis=0, return_inverse=True)
    return [np.flatnonzero(group == one) for one in range(int(group.max()) + 1)]

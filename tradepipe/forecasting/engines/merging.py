"""Rows of several engines side by side as one `Fits`, and taken apart again.

The state of a merged row is the number of columns of its engine's state, the state of the EWMA that stands in where a
variance is of no use (0 of a mean equation), and the engine's own state.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tradepipe.forecasting.engines.baselines import EWMA_STATE
from tradepipe.forecasting.engines.engine import Engine
from tradepipe.forecasting.engines.ladder import BY_NAME, parameter_names, stand_in
from tradepipe.forecasting.model import EngineName, Fits, FloatArray, ForecastError, IntArray, ModelSpec, Panel

WIDTH, SPARE, OWN = 0, 1, 1 + EWMA_STATE
"""Columns of a merged state: width of the engine's own, first of the EWMA's, first of the engine's own."""

_NOT_BEFORE: Final = "not fitted before"


@dataclass(frozen=True)
class Part:
    """What one engine did of a panel.

    Attributes:
        engine: which.
        rows: of the panel.
        fits: one row each; of a stand-in, they are of the baseline's spec.
    """

    engine: Engine
    rows: IntArray
    fits: Fits


def merged(spec: ModelSpec, symbols: tuple[str, ...], parts: Sequence[Part], reasons: Sequence[str | None]) -> Fits:
    """All rows in the panel's order.

    Args:
        spec: what was asked for.
        symbols: of the panel.
        parts: which together have every row once.
        reasons: why a row's engine is not the first.
    """
    count, names = len(symbols), parameter_names(spec)
    if len(parts) == 1 and len(parts[0].rows) == count and parts[0].fits.names == names:
        return _whole(spec, symbols, parts[0], reasons)
    width = OWN + max((part.fits.state.shape[1] for part in parts), default=0)
    parameters, state = np.full((count, len(names)), np.nan), np.zeros((count, width))
    log_likelihood, observations = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    converged, evaluations = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.int64)
    engines: list[EngineName] = ["baseline"] * count
    warnings, residuals = [""] * count, [np.empty(0)] * count
    for part in parts:
        rows, fits = part.rows, part.fits
        if fits.names:
            columns = np.array([names.index(name) for name in fits.names], dtype=np.int64)
            parameters[np.ix_(rows, columns)] = fits.parameters
        state[rows, WIDTH] = fits.state.shape[1]
        state[rows, OWN : OWN + fits.state.shape[1]] = fits.state
        log_likelihood[rows], observations[rows] = fits.log_likelihood, fits.observations
        converged[rows], evaluations[rows] = fits.converged, fits.evaluations
        for place, row in enumerate(rows.tolist()):
            engines[row], warnings[row] = part.engine.name, fits.warnings[place]
            if fits.residuals:
                residuals[row] = fits.residuals[place]
    return Fits(
        spec=spec,
        symbols=symbols,
        engine=tuple(engines),
        reason=tuple(reasons),
        names=names,
        parameters=parameters,
        log_likelihood=log_likelihood,
        observations=observations,
        converged=converged,
        evaluations=evaluations,
        warnings=tuple(warnings),
        residuals=() if spec.is_variance else tuple(residuals),
        state=state,
        curvature=_curvature(count, parts),
    )


def _whole(spec: ModelSpec, symbols: tuple[str, ...], part: Part, reasons: Sequence[str | None]) -> Fits:
    """What `merged` makes of one engine that did every row: the common case, and by far the cheapest."""
    fits, count = part.fits, len(symbols)
    own = fits.state.shape[1]
    state = np.zeros((count, OWN + own))
    state[:, WIDTH], state[:, OWN:] = own, fits.state
    return replace(
        fits,
        spec=spec,
        symbols=symbols,
        engine=(part.engine.name,) * count,
        reason=tuple(reasons),
        residuals=() if spec.is_variance else fits.residuals or (np.empty(0),) * count,
        state=state,
    )


def _curvature(count: int, parts: Sequence[Part]) -> FloatArray | None:
    """Of the one engine that has any; NaN of other rows."""
    found = [(part.rows, part.fits.curvature) for part in parts if part.fits.curvature is not None]
    if not found:
        return None
    whole = np.full((count, *found[0][1].shape[1:]), np.nan)
    for rows, curvature in found:
        whole[rows] = curvature
    return whole


def with_own(state: FloatArray, rows: IntArray, own: FloatArray) -> FloatArray:
    """Merged states in which `rows` have another state of their engine, which may be wider or narrower than before."""
    state = widened(state, OWN + own.shape[1])
    state[rows, WIDTH] = own.shape[1]
    state[rows, OWN:] = 0.0
    state[rows, OWN : OWN + own.shape[1]] = own
    return state


def widened(state: FloatArray, width: int) -> FloatArray:
    """Merged states of at least `width` columns."""
    missing = width - state.shape[1]
    return np.pad(state, ((0, 0), (0, missing))) if missing > 0 else state


def taken_apart(fits: Fits) -> list[Part]:
    """What each engine made of merged fits, as it made it."""
    parts, names = [], dict.fromkeys(fits.engine)
    for name in names:
        engine = BY_NAME[name]
        rows = np.flatnonzero([one == name for one in fits.engine]) if len(names) > 1 else np.arange(len(fits))
        spec = stand_in(fits.spec) if name == "baseline" else fits.spec
        width = int(fits.state[rows[0], WIDTH]) if fits.state.shape[1] else 0
        parts.append(Part(engine, rows, _narrowed(fits, rows, spec, engine.names(spec), width)))
    return parts


def _narrowed(fits: Fits, rows: IntArray, spec: ModelSpec, names: tuple[str, ...], width: int) -> Fits:
    some = fits if len(rows) == len(fits) and (rows == np.arange(len(fits))).all() else fits.take(rows)
    columns = slice(None) if names == fits.names else [fits.names.index(name) for name in names]
    return replace(
        some,
        spec=spec,
        reason=(None,) * len(rows),
        names=names,
        parameters=np.ascontiguousarray(some.parameters[:, columns]),
        state=np.ascontiguousarray(some.state[:, OWN : OWN + width]),
    )


def alike(fits: Sequence[Sequence[Fits]]) -> Iterator[slice]:
    """Runs of `fits`, each of several equations, whose rows `stacked` can lay under each other.

    An engine's state must be as wide in all of a run: `taken_apart` looks at its first row.
    """
    begin, seen = 0, [dict[str, float]() for _ in (fits[0] if fits else ())]
    for place, equations in enumerate(fits):
        widths = [dict(zip(one.engine, one.state[:, WIDTH].tolist(), strict=True)) for one in equations]
        both = list(zip(seen, widths, strict=True))
        if any(own.get(name, width) != width for own, new in both for name, width in new.items()):
            yield slice(begin, place)
            begin, seen = place, widths
        else:
            seen = [own | new for own, new in both]
    if begin < len(fits):
        yield slice(begin, len(fits))


def stacked(fits: Sequence[Fits]) -> Fits:
    """Merged fits of one spec under each other, to be forecast from in one call; no curvature, no residuals."""
    width = max(one.state.shape[1] for one in fits)

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(one, name) for one in fits])

    def told(name: str) -> tuple[Any, ...]:
        return tuple(chain.from_iterable(getattr(one, name) for one in fits))

    return Fits(
        spec=fits[0].spec,
        symbols=told("symbols"),
        engine=told("engine"),
        reason=told("reason"),
        names=fits[0].names,
        parameters=joined("parameters"),
        log_likelihood=joined("log_likelihood"),
        observations=joined("observations"),
        converged=joined("converged"),
        evaluations=joined("evaluations"),
        warnings=told("warnings"),
        residuals=(),
        state=np.concatenate([widened(one.state, width) for one in fits]),
    )


def before_of(previous: Fits | None, panel: Panel, engine: Engine) -> Fits | None:
    """Earlier fits as `engine` wants them: rows of the panel's symbols, without numbers where it has none of its own.

    None where not one row can start warm.
    """
    if previous is None:
        return None
    if previous.symbols == panel.symbols and previous.engine.count(engine.name) == len(panel):
        return _narrowed(previous, np.arange(len(panel)), previous.spec, engine.names(previous.spec), 0)
    place = {symbol: row for row, symbol in enumerate(previous.symbols)}
    found = [place.get(symbol) for symbol in panel.symbols]
    ours = np.array([row is not None and previous.engine[row] == engine.name for row in found], dtype=np.bool_)
    if not ours.any():
        return None
    rows = np.array([row or 0 for row in found], dtype=np.int64)
    narrow = _narrowed(previous, rows, previous.spec, engine.names(previous.spec), 0)
    blank = ~ours
    parameters, log_likelihood = narrow.parameters.copy(), narrow.log_likelihood.copy()
    parameters[blank], log_likelihood[blank] = np.nan, np.nan
    return replace(
        narrow,
        symbols=panel.symbols,
        engine=tuple(engine.name if mine else "baseline" for mine in ours),
        reason=tuple(None if mine else _NOT_BEFORE for mine in ours),
        parameters=parameters,
        log_likelihood=log_likelihood,
    )


def require_sound(panel: Panel) -> None:
    """Raise ForecastError for symbols given twice, and for parts of different lengths."""
    if len(set(panel.symbols)) < len(panel):
        twice = next(symbol for symbol in panel.symbols if panel.symbols.count(symbol) > 1)
        raise ForecastError(f"the panel has {twice} twice; symbols must be unique")
    for name in ("values", "exog", "groups"):
        part = getattr(panel, name)
        if len(part) != len(panel) and (part or name == "values"):
            raise ForecastError(f"the panel has {len(panel)} symbols and {len(part)} {name}; give one each")
    for symbol, values in zip(panel.symbols, panel.values, strict=True):
        if values.ndim != 1:
            raise ForecastError(f"the values of {symbol} have shape {values.shape}; give a 1-D array, oldest first")


def aligned(bars: Panel, fits: Fits) -> Panel:
    """New bars in the order of the fits' symbols; a symbol without any has none.

    Raises:
        ForecastError: bars of a symbol that was not fitted.
    """
    if bars.symbols == fits.symbols:
        return bars
    place = {symbol: row for row, symbol in enumerate(bars.symbols)}
    strange = sorted(place.keys() - set(fits.symbols))
    if strange:
        raise ForecastError(
            f"new bars of {', '.join(strange[:3])}, of which there is no fit; fit them or leave them out"
        )
    rows = [place.get(symbol) for symbol in fits.symbols]
    without = np.empty((0, len(fits.spec.exog)))
    exog = tuple(without if row is None else bars.exog[row] for row in rows) if bars.exog or not len(bars) else ()
    groups = bars.groups and tuple("" if row is None else bars.groups[row] for row in rows)
    return Panel(fits.symbols, tuple(np.empty(0) if row is None else bars.values[row] for row in rows), exog, groups)

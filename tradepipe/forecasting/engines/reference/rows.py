"""One series' fit, the table of many, and what a peer said while it fitted."""

import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import numpy as np

from tradepipe.forecasting.engines.baselines import LARGEST
from tradepipe.forecasting.model import EngineName, Fits, FloatArray, ModelSpec, Panel

FAILURES: Final = (ValueError, ArithmeticError, LookupError, RuntimeError)
"""What the peers raise on a series that they cannot fit. A mistake of ours (TypeError, AttributeError) passes."""

_NAME: EngineName = "reference"
_ONE_AT_A_TIME = threading.RLock()


class RefusedError(RuntimeError):
    """A series cannot be fitted, or what came out is unusable; the message says why."""


@dataclass(frozen=True)
class Row:
    """One series' part of a `Fits`."""

    parameters: FloatArray
    log_likelihood: float
    state: FloatArray
    residuals: FloatArray | None = None
    converged: bool = True
    evaluations: int = 1
    warnings: str = ""


def stacked(spec: ModelSpec, names: tuple[str, ...], panel: Panel, answers: Sequence[Row | str]) -> Fits:
    """All series' fits; NaN and the reason where the answer is a text.

    Args:
        spec: what was fitted.
        names: of the parameters.
        panel: whose series the answers are of.
        answers: one a series.
    """
    rows = [answer if isinstance(answer, Row) else None for answer in answers]
    nothing = np.full(len(names), np.nan)
    return Fits(
        spec=spec,
        symbols=panel.symbols,
        engine=(_NAME,) * len(panel),
        reason=tuple(answer if isinstance(answer, str) else None for answer in answers),
        names=names,
        parameters=np.array([row.parameters if row else nothing for row in rows]).reshape(len(panel), len(names)),
        log_likelihood=np.array([row.log_likelihood if row else math.nan for row in rows], dtype=np.float64),
        observations=np.array([np.count_nonzero(np.isfinite(values)) for values in panel.values], dtype=np.int64),
        converged=np.array([row is not None and row.converged for row in rows], dtype=np.bool_),
        evaluations=np.array([row.evaluations if row else 0 for row in rows], dtype=np.int64),
        warnings=tuple(row.warnings if row else "" for row in rows),
        residuals=()
        if spec.is_variance
        else tuple(
            np.full(len(values), np.nan) if row is None or row.residuals is None else row.residuals
            for row, values in zip(rows, panel.values, strict=True)
        ),
        state=widened([row.state if row else np.full(1, np.nan) for row in rows]),
    )


def widened(states: Sequence[FloatArray]) -> FloatArray:
    """States of different lengths as rows; what is missing at the end is like the last column there is."""
    width = max((len(state) for state in states), default=0)
    padded = [np.pad(state, (0, width - len(state)), mode="edge") for state in states]
    return np.array(padded).reshape(len(states), width)


@contextmanager
def warnings_as_data() -> Iterator[list[str]]:
    """Collect the categories of warnings instead of showing them; the list is filled on leaving.

    statsmodels sets its own convergence warnings to "always" at import; importing it inside the context keeps that from
    the rest of the process. Filters belong to the whole process, so one fit at a time is made in it. That costs next
    to nothing: the peers hold the interpreter's lock while they fit.
    """
    names: list[str] = []
    with _ONE_AT_A_TIME, warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        yield names
        names.extend(sorted({warning.category.__name__ for warning in caught}))


def power_of_ten(size: float) -> float:
    """The power of ten that brings `size` nearest to 1, as both optimisers want it: 100 for daily returns."""
    return 10.0 ** round(-math.log10(size))


def fault_of(values: FloatArray, least: int) -> str | None:
    """Why no equation can be fitted to a series at all; None if one can.

    Args:
        values: (n,), not finite where missing.
        least: observations needed.
    """
    present = values[np.isfinite(values)]
    if len(present) < least:
        return f"{len(present)} observations, {least} needed"
    if 2 * len(present) < len(values):
        return f"{len(values) - len(present)} of {len(values)} values are missing"
    with np.errstate(all="ignore"):  # of values near the largest double
        largest, spread = np.abs(present).max(), np.abs(present - np.median(present))
        checks = (
            (not largest <= LARGEST, f"values of a size beyond {LARGEST:g}"),
            (not spread.max() > 1e-12 * largest, "the values are constant"),
            (not np.median(spread), "at least half of the values are the same number"),
            (not spread.max() > 1 / LARGEST, f"values of a size of {spread.max():.3g}"),
        )
    return next((reason for wrong, reason in checks if wrong), None)

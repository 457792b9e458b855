"""GARCH, GJR and EGARCH through arch: fitted, or filtered at given parameters. Imports arch (a CPU second)."""

import math
from dataclasses import replace
from typing import Any, Final, Literal

import numpy as np
from arch import arch_model
from arch.univariate import ARX

from tradepipe.forecasting.engines.reference.parts import Parts
from tradepipe.forecasting.engines.reference.rows import FAILURES, RefusedError, Row, power_of_ten
from tradepipe.forecasting.model import FloatArray

LARGEST_VARIANCE_RATIO: Final = 20.0
"""Fitted over observed mean variance in the training window: beyond this, either way, the fit is garbage."""


def fit(values: FloatArray, parts: Parts, before: FloatArray | None, *, cold: bool) -> Row:
    """Maximum likelihood, warm from parameters `before` and, if `cold` or without them, from arch's own start.

    Args:
        values: (n,); a missing one is left out.
        parts: of the model.
        before: parameters in the order of `parts.names`, or None.
        cold: whether a cold start goes beside a warm one.

    Raises:
        RefusedError: the estimates are not finite, or their variance is far from the observed one.
        ValueError, ArithmeticError, RuntimeError: whatever arch raises.
    """
    present = values[np.isfinite(values)]
    unit = power_of_ten(float(np.std(present)))
    starts: list[FloatArray | None] = [] if before is None else [parts.scaled(before, unit)]
    if cold or before is None:
        starts.append(None)
    results, failures, evaluations = [], [], 0
    for start in starts:
        model = _model(parts, present * unit)
        try:
            result = model.fit(update_freq=0, disp="off", show_warning=False, starting_values=start)
        except FAILURES as error:
            failures.append(error)
            continue
        evaluations += int(result.optimization_result.nfev)
        if np.isfinite([*result.params, result.loglikelihood]).all():
            results.append(result)
    if not results:
        raise failures[0] if failures else RefusedError("the variance equation's parameters are not finite")
    best = max(results, key=lambda result: float(result.loglikelihood))
    row = at(values, parts, parts.scaled(np.asarray(best.params, dtype=np.float64), 1 / unit))
    return replace(row, converged=best.convergence_flag == 0, evaluations=evaluations)


def at(values: FloatArray, parts: Parts, parameters: FloatArray) -> Row:
    """Filter a series at parameters in the order of `parts.names`; nothing is optimised.

    The presample variance and arch's bounds on the variance are taken from these values.

    Raises:
        RefusedError: the likelihood is not finite there, or the variance is far from the observed one.
    """
    present = values[np.isfinite(values)]
    unit = power_of_ten(float(np.std(present)))
    fixed = _model(parts, present * unit).fix(parts.scaled(parameters, unit))
    held_back = parts.spec.autoregression
    innovations = np.asarray(fixed.resid, dtype=np.float64)[held_back:] / unit
    variances = np.asarray(fixed.conditional_volatility, dtype=np.float64)[held_back:] ** 2 / unit**2
    log_likelihood = float(fixed.loglikelihood) + len(innovations) * math.log(unit)
    if not math.isfinite(log_likelihood):
        raise RefusedError("the likelihood is not finite")
    with np.errstate(all="ignore"):
        ratio = float(np.mean(variances) / np.mean(innovations**2))
    if not 1 / LARGEST_VARIANCE_RATIO <= ratio <= LARGEST_VARIANCE_RATIO:
        raise RefusedError(f"fit is garbage: its mean variance is {ratio:.3g} times the observed one")
    newest = [array[::-1][: parts.lags] for array in (innovations, variances)]
    return Row(parameters, log_likelihood, np.concatenate([present[::-1][:held_back], *newest]))


def peer_log_likelihood(values: FloatArray, parts: Parts) -> float:
    """What arch reaches from its own start with its own settings.

    Raises:
        ValueError, ArithmeticError, RuntimeError: whatever arch raises.
    """
    present = values[np.isfinite(values)]
    unit = power_of_ten(float(np.std(present)))
    result = _model(parts, present * unit).fit(update_freq=0, disp="off", show_warning=False)
    return float(result.loglikelihood) + (len(present) - parts.spec.autoregression) * math.log(unit)


def standardised(values: FloatArray, parts: Parts, parameters: FloatArray) -> FloatArray:
    """Innovations over their standard deviations at given parameters, missing values left out."""
    present = values[np.isfinite(values)]
    unit = power_of_ten(float(np.std(present)))
    fixed = _model(parts, present * unit).fix(parts.scaled(parameters, unit))
    return np.asarray(fixed.std_resid, dtype=np.float64)[parts.spec.autoregression :]


def _model(parts: Parts, values: FloatArray) -> Any:
    """The values and the model as arch has them."""
    (p, q), lags, mean = parts.spec.order, parts.spec.autoregression, parts.spec.mean == "constant"
    kind: Literal["EGARCH", "GARCH"] = "EGARCH" if parts.spec.family == "egarch" else "GARCH"
    plain = arch_model(
        values,
        mean="Constant" if mean else "Zero",
        vol=kind,
        p=p,
        o=parts.asymmetric,
        q=q,
        dist=parts.spec.distribution,
        rescale=False,
    )
    if not lags:
        return plain
    return ARX(
        values,
        lags=lags,
        constant=mean,
        volatility=plain.volatility,
        distribution=plain.distribution,
        rescale=False,
    )

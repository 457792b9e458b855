"""An outside look at fits: is our likelihood at least the peer library's, and what do residuals still know?"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from tradepipe.forecasting.engines.reference import ReferenceEngine
from tradepipe.forecasting.engines.reference.parts import Parts
from tradepipe.forecasting.engines.reference.rows import FAILURES, warnings_as_data
from tradepipe.forecasting.engines.reference.structure import Shape
from tradepipe.forecasting.model import Fits, FloatArray, ForecastError, ModelSpec, Panel

LAGS: Final = 10
"""Of both residual tests."""

SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "spec": pl.String(),
    "engine": pl.String(),
    "reason": pl.String(),
    "observations": pl.Int64(),
    "converged": pl.Boolean(),
    "log_likelihood": pl.Float64(),
    "peer_log_likelihood": pl.Float64(),
    "gap": pl.Float64(),
    "passed": pl.Boolean(),
    "note": pl.String(),
    "ljung_box_p": pl.Float64(),
    "arch_lm_p": pl.Float64(),
    "parameters": pl.String(),
}


def audit(
    panel: Panel,
    specs: Iterable[ModelSpec],
    fits: Mapping[ModelSpec, Fits],
    symbols: Iterable[str],
    tolerance: float,
) -> pl.DataFrame:
    """Fit given symbols again by the peer library, cold and with its own settings, and test what residuals are left.

    Args:
        panel: the training windows that the fits are of: log returns for means, residuals for variances.
        specs: what to look at.
        fits: as `fit_batch` returned them, by spec.
        symbols: of the panel.
        tolerance: nats by which our log-likelihood may lie below the peer's.

    Returns:
        One row a spec and symbol: symbol, spec (text), engine, reason, observations, converged, log_likelihood,
        peer_log_likelihood, gap (ours less theirs), passed (null where there is nothing to compare), note (why not),
        ljung_box_p and arch_lm_p (chance of such autocorrelation of the residuals, or of their squares, over 10 lags if
        there were none; Ljung and Box 1978, Biometrika 65; Engle 1982, Econometrica 50; of a variance the residuals are
        standardised; null where there are none) and parameters (text, by name).

    Raises:
        ForecastError: a symbol or a spec is not of the fits, or the fits are of another panel or have no residuals.
    """
    wanted, rows = list(symbols), []
    for spec in specs:
        if spec not in fits:
            raise ForecastError(f"there are no fits of {spec.text}; audit what was fitted")
        if fits[spec].symbols != panel.symbols:
            raise ForecastError(
                f"the fits of {spec.text} are of other series than the panel; give their training windows"
            )
        if not spec.is_variance and len(fits[spec].residuals) < len(panel):
            raise ForecastError(f"the fits of {spec.text} have no residuals; audit them as fit_batch returned them")
        places = {symbol: row for row, symbol in enumerate(panel.symbols)}
        strange = [symbol for symbol in wanted if symbol not in places]
        if strange:
            raise ForecastError(f"{', '.join(strange[:3])} were not fitted; audit symbols of the panel")
        rows += [_row(panel, fits[spec], places[symbol], tolerance) for symbol in wanted]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


@dataclass(frozen=True)
class _Peer:
    """What the peer says of a series: its log-likelihood, or why there is none."""

    log_likelihood: float | None
    note: str | None = None


def _row(panel: Panel, fits: Fits, row: int, tolerance: float) -> dict[str, object]:
    values, parameters = panel.values[row], fits.parameters[row]
    exog = panel.exog[row] if panel.exog else np.empty((len(values), 0))
    ours = float(fits.log_likelihood[row])
    peer = _peer(values, exog, fits, row) if math.isfinite(ours) else _Peer(None, "the model has no likelihood")
    gap = None if peer.log_likelihood is None else ours - peer.log_likelihood
    ljung_box, arch_lm = _tests(_residuals(values, fits, row))
    return {
        "symbol": fits.symbols[row],
        "spec": fits.spec.text,
        "engine": fits.engine[row],
        "reason": fits.reason[row],
        "observations": int(fits.observations[row]),
        "converged": bool(fits.converged[row]),
        "log_likelihood": ours if math.isfinite(ours) else None,
        "peer_log_likelihood": peer.log_likelihood,
        "gap": gap,
        "passed": None if gap is None else gap >= -tolerance,
        "note": peer.note,
        "ljung_box_p": ljung_box,
        "arch_lm_p": arch_lm,
        "parameters": ", ".join(
            f"{name} {value:.6g}" for name, value in zip(fits.names, parameters, strict=True) if math.isfinite(value)
        ),
    }


def _peer(values: FloatArray, exog: FloatArray, fits: Fits, row: int) -> _Peer:
    if ReferenceEngine().refusal(fits.spec) or fits.engine[row] == "baseline":
        return _Peer(None, "no peer has this model")
    with warnings_as_data():
        try:
            found = _peer_log_likelihood(values, exog, fits.spec)
        except FAILURES as error:
            return _Peer(None, f"the peer failed: {type(error).__name__}: {error}")
    return _Peer(found) if math.isfinite(found) else _Peer(None, "the peer's likelihood is not finite")


def _peer_log_likelihood(values: FloatArray, exog: FloatArray, spec: ModelSpec) -> float:
    if spec.is_variance:
        from tradepipe.forecasting.engines.reference import volatility  # noqa: PLC0415 - imports arch

        return volatility.peer_log_likelihood(values, Parts(spec))
    from tradepipe.forecasting.engines.reference import sarimax  # noqa: PLC0415 - imports statsmodels

    return sarimax.peer_log_likelihood(values, exog, Shape(spec))


def _residuals(values: FloatArray, fits: Fits, row: int) -> FloatArray:
    """One-step errors, standardised by a variance equation; none of a variance that is no GARCH."""
    if not fits.spec.is_variance:
        errors = fits.residuals[row]
        return errors[np.isfinite(errors)]
    engine = ReferenceEngine()
    if engine.refusal(fits.spec) or fits.engine[row] == "baseline":
        return np.empty(0)
    from tradepipe.forecasting.engines.reference import volatility  # noqa: PLC0415 - imports arch

    parts = Parts(fits.spec)
    own = fits.parameters[row][[fits.names.index(name) for name in parts.names]]
    with warnings_as_data():
        return volatility.standardised(values, parts, own)


def _tests(residuals: FloatArray) -> tuple[float | None, float | None]:
    """Chances of the Ljung-Box and ARCH-LM statistics; None of too few residuals or of residuals that do not vary."""
    if len(residuals) < 4 * LAGS or not np.ptp(residuals) > 0:
        return None, None
    with warnings_as_data():
        from statsmodels.stats.diagnostic import acorr_ljungbox, het_arch  # noqa: PLC0415 - takes seconds

        scaled = residuals / np.std(residuals)
        found = float(acorr_ljungbox(scaled, lags=[LAGS])["lb_pvalue"].iloc[0]), float(het_arch(scaled, nlags=LAGS)[1])
    ljung_box, arch_lm = (one if math.isfinite(one) else None for one in found)
    return ljung_box, arch_lm

"""ARMA fitted to many series at once: exact likelihood, analytic gradient, no interpreter in the loop.

`arma` is the interface. `polynomials`, `likelihood`, `starts`, `search`, `fitting` and `filtering` are its kernels,
compiled when first called.
"""

from tradepipe.forecasting.batched.arma import (
    ArmaFits,
    ArmaOrder,
    FitStatus,
    filter_arma,
    fit_arma,
    forecast_arma,
    likelihood_arma,
    update_arma,
)

__all__ = [
    "ArmaFits",
    "ArmaOrder",
    "FitStatus",
    "filter_arma",
    "fit_arma",
    "forecast_arma",
    "likelihood_arma",
    "update_arma",
]

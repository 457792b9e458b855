"""ARMA fitted to many series at once: exact likelihood, analytic gradient, no interpreter in the loop.

`arma` is the interface. Plain orders are fitted by `fitting`, `starts`, `rings`, `search`, `likelihood` and `slopes`;
seasonal ones and regressors by `product_fitting`, `product_search`, `products` and `product_slopes`; all are filtered
by `filtering` and `gains`. Kernels are compiled when first called.
"""

from tradepipe.forecasting.batched.arma import filter_arma, fit_arma, forecast_arma, likelihood_arma, update_arma
from tradepipe.forecasting.batched.arma_model import ArmaFits, ArmaOrder, FitStatus

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

"""Forecasts: mean, volatility and interval of the return ahead, and how good they were.

`forecast` fits and filters the models, `scores` meets forecasts with what came, `skill` judges
them against the random walk. statsmodels, arch and scipy are imported only where a model is fitted.
"""

from tradepipe.forecasting.evaluation import accuracy, score_forecasts, verdict
from tradepipe.forecasting.forecast import ForecastRun, compute_forecasts, fit_and_forecast
from tradepipe.forecasting.specs import ModelSpec, Prediction, specs_for

__all__ = [
    "ForecastRun",
    "ModelSpec",
    "Prediction",
    "accuracy",
    "compute_forecasts",
    "fit_and_forecast",
    "score_forecasts",
    "specs_for",
    "verdict",
]

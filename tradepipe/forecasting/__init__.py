"""Forecasts: mean, volatility and interval of the return ahead, and how good they were.

`engines` fit one equation to many series, `members` refits and forecasts by every member, `ensemble` makes one
forecast of theirs, `evaluation` meets forecasts with what came. Kernels and peer libraries are imported only where a
model is fitted.
"""

from tradepipe.forecasting.evaluation import accuracy, score_forecasts, verdict

__all__ = ["accuracy", "score_forecasts", "verdict"]

"""Multivariate singular spectrum analysis with autoregressive residuals; `Samossa` is the engine."""

from tradepipe.forecasting.engines.samossa.engine import Samossa

__all__ = ["Samossa"]

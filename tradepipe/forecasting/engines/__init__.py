"""Engines behind one interface, and the router that chooses among them."""

from tradepipe.forecasting.engines.routing import filter_batch, fit_batch, forecast_batch, update_batch

__all__ = ["filter_batch", "fit_batch", "forecast_batch", "update_batch"]

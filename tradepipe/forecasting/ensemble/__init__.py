"""How member forecasts become one: a gate, weights and intervals, all from past origins alone.

`ensemble` is the interface. `panel` lays frames out as arrays, `weights` says who counts, `conformal` how wide an
interval must be, `frames` writes the rows.
"""

from tradepipe.forecasting.ensemble.combining import ensemble, ensemble_lookback

__all__ = ["ensemble", "ensemble_lookback"]

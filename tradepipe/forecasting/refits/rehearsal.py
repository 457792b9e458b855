"""What a watch has seen when a chain begins: the newest bars of the first fit's own window."""

import numpy as np

from tradepipe.forecasting.engines import filter_batch, forecast_batch, update_batch
from tradepipe.forecasting.model import Member, Panel, VarianceForecast
from tradepipe.forecasting.refits.bars import Bars
from tradepipe.forecasting.refits.drift import Watch
from tradepipe.forecasting.refits.fitting import MemberFit, residuals_of


def rehearse(watch: Watch, member: Member, fit: MemberFit, bars: Bars) -> None:
    """Let `watch` meet as many bars as it looks at, the last ones that `fit` was fitted to.

    A chain begins with its partition; a watch that began blind would see a partition of twenty sessions end before it
    has its twenty bars. Symbols begin blind whose window without these bars is too short for the fit's engine, and so
    do those whose fit does not describe these bars as it describes the rest: it was made knowing them, so to make it
    once more would change nothing.
    """
    if not watch.settings.log_likelihood and not watch.settings.coverage:
        return
    window, count = fit.window, watch.settings.bars
    panel = bars.panel(window.rows, window.starts, window.stops)
    errors = residuals_of(filter_batch({member.mean: fit.mean}, panel)[member.mean]).values
    long = np.array([len(one) > count for one in errors], dtype=np.bool_)
    if not long.any():
        return
    rows, symbols = window.rows[long], tuple(np.array(panel.symbols)[long].tolist())
    kept = [one for one, chosen in zip(errors, long.tolist(), strict=True) if chosen]
    said = fit.variance.take(np.flatnonzero(long))
    variance = filter_batch({member.variance: said}, Panel(symbols, tuple(one[:-count] for one in kept)))
    # Another engine than the fit's has other forecasts: they say nothing of the fit.
    strange = np.array(variance[member.variance].engine) != np.array(said.engine)
    newest = np.array([one[-count:] for one in kept]).T
    for values in newest:
        ahead = forecast_batch(variance, 1)[member.variance]
        if not isinstance(ahead, VarianceForecast):
            raise TypeError(f"{member.name}: its mean and variance equations are interchanged")
        watch.meet(rows, values, np.zeros(len(rows)), ahead.variance[:, 0], ahead.freedom)
        variance = update_batch(variance, Panel(symbols, tuple(values[:, np.newaxis])))
    usual = said.log_likelihood / np.maximum(said.observations, 1)
    watch.forget(rows[watch.drifted(rows, usual) | strange])

"""Mean price of what was traded since the session began."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SLOT, STOP
from tradepipe.indicators.kernels.sums import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import typical_price


def _outputs(label: str) -> tuple[Output, ...]:
    text = "typical price weighted by volume, since the session's first bar"
    return (Output(label, text, unit="price currency", warm_up=0),)


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    high: Floats,
    low: Floats,
    close: Floats,
    volume: Floats,
    session: Floats,
    out: Floats,
) -> None:
    """Memory: session, sum of price * volume, sum of volume."""
    for g in range(len(series)):
        fresh, stop, slot = series[g, FRESH], series[g, STOP], series[g, SLOT]
        today, value, traded = memory[slot, 0], memory[slot, 1], memory[slot, 2]
        for i in range(fresh, stop):
            if session[i] != today:
                today, value, traded = session[i], 0.0, 0.0
            value += (high[i] + low[i] + close[i]) / 3.0 * volume[i]
            traded += volume[i]
            out[i] = value / traded if traded > 0.0 else np.nan
        memory[slot, 0], memory[slot, 1], memory[slot, 2] = today, value, traded


def _specification() -> tuple[pl.Expr, ...]:
    volume = pl.col("volume")
    traded = volume.cum_sum().over("session")
    return (pl.when(traded > 0).then((typical_price() * volume).cum_sum().over("session") / traded),)


VWAP = register(
    Indicator(
        name="vwap",
        title="Volume-weighted average price of the session",
        description="Sum of typical price * volume over sum of volume since the first bar of the session, with the "
        "typical price (high + low + close) / 3. It starts anew with each session, and partitions hold whole "
        "sessions, so it needs no history. Null until something is traded.",
        source="Berkowitz, Logue & Noser (1988), The Total Cost of Transactions on the NYSE, Journal of Finance 43",
        inputs=("high", "low", "close", "volume", "session"),
        parameters=(),
        outputs=_outputs,
        lookback=lambda: 0,
        memory=lambda: 3,
        kernel=_kernel,
        specification=_specification,
    )
)

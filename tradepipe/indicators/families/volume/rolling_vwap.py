"""Mean price of what was traded lately."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.flows import Floats, typical_flows, volume_weighted
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import typical_price, window_sum


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"typical price weighted by volume, last {period} bars"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, volume: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position = series[g, SEEN] - (fresh - first)
        flow = np.empty(stop - first)
        typical_flows(high[first:stop], low[first:stop], close[first:stop], volume[first:stop], flow)
        volume_weighted(flow, volume[first:stop], position, period, out[first:stop])


def _specification(period: int) -> tuple[pl.Expr, ...]:
    volume = pl.col("volume")
    traded = window_sum(volume, period)
    return (pl.when(traded > 0).then(window_sum(typical_price() * volume, period) / traded),)


ROLLING_VWAP = register(
    Indicator(
        name="rolling_vwap",
        title="Volume-weighted average price, rolling",
        description="Sum of typical price * volume over sum of volume of the last `period` bars, with the typical "
        "price (high + low + close) / 3. Windows run across sessions. Null where nothing was traded.",
        source="Berkowitz, Logue & Noser (1988), The Total Cost of Transactions on the NYSE, Journal of Finance 43",
        inputs=("high", "low", "close", "volume"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the sums"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=_specification,
    )
)

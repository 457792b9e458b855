"""Accumulation or distribution as a share of the volume."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.flows import Floats, money_flows, volume_weighted
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import money_flow, window_sum


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"accumulation less distribution over volume, last {period} bars"
    return (Output(label, text, unit="fraction of volume", warm_up=period - 1, minimum=-1, maximum=1),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, volume: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        position = series[g, SEEN] - (fresh - first)
        flow = np.empty(stop - first)
        money_flows(high[first:stop], low[first:stop], close[first:stop], volume[first:stop], flow)
        volume_weighted(flow, volume[first:stop], position, period, out[first:stop])


def _specification(period: int) -> tuple[pl.Expr, ...]:
    traded = window_sum(pl.col("volume"), period)
    return (pl.when(traded > 0).then(window_sum(money_flow(), period) / traded),)


CHAIKIN_MONEY_FLOW = register(
    Indicator(
        name="chaikin_money_flow",
        title="Chaikin money flow",
        description="Sum of volume * ((close - low) - (high - close)) / (high - low) over the sum of volume, last "
        "`period` bars; a bar without a range adds nothing to the first sum. Null where nothing was traded.",
        source="Achelis (2000), Technical Analysis from A to Z, Chaikin Money Flow",
        inputs=("high", "low", "close", "volume"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the sums"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=_specification,
    )
)

"""Volume signed by the direction of the close."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import window_sum


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"volume of rising closes less that of falling ones, last {period} bars"
    return (Output(label, text, unit="volume", warm_up=period),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, volume: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        flow = np.empty(stop - first - 1)
        before, now, traded = close[first : stop - 1], close[first + 1 : stop], volume[first + 1 : stop]
        for i in range(len(flow)):
            rising, falling = 1.0 if now[i] > before[i] else 0.0, 1.0 if now[i] < before[i] else 0.0
            flow[i] = (rising - falling) * traded[i]
        out[first] = np.nan
        window_sums(flow, 0, len(flow), series[g, SEEN] - (fresh - first), period, out[first + 1 : stop])


def _specification(period: int) -> tuple[pl.Expr, ...]:
    return (window_sum(pl.col("close").diff().sign() * pl.col("volume"), period),)


OBV = register(
    Indicator(
        name="obv",
        title="On-balance volume",
        description="Volume of the bars that closed higher less volume of the bars that closed lower, over the last "
        "`period` bars. Granville's line adds up from wherever a series begins, so only its differences mean "
        "anything: this is its change over `period` bars, which is the same wherever the series begins.",
        source="Granville (1963), New Key to Stock Market Profits",
        inputs=("close", "volume"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the sum"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=_specification,
        differences="OBV accumulates from the first bar of the series, whose volume it counts as rising; this is OBV "
        "less OBV `period` bars before.",
    )
)

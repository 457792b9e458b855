"""Volume weighed by where in its bar the close lies."""

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.flows import money_flows
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import money_flow, window_sum


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"volume weighed by the close's place in its bar, -1 at the low to 1 at the high, last {period} bars"
    return (Output(label, text, unit="volume", warm_up=period - 1),)


@compiled
def _kernel(
    series: Series, _memory: Memory, high: Floats, low: Floats, close: Floats, volume: Floats, period: int, out: Floats
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        flow = np.empty(stop - first)
        money_flows(high[first:stop], low[first:stop], close[first:stop], volume[first:stop], flow)
        window_sums(flow, 0, len(flow), series[g, SEEN] - (fresh - first), period, out[first:stop])


ACCUMULATION_DISTRIBUTION = register(
    Indicator(
        name="accumulation_distribution",
        title="Accumulation/distribution",
        description="Sum of volume * ((close - low) - (high - close)) / (high - low) over the last `period` bars; a "
        "bar without a range adds nothing. Chaikin's line adds up from wherever a series begins, so only its "
        "differences mean anything: this is its change over `period` bars, which is the same wherever the series "
        "begins.",
        source="Achelis (2000), Technical Analysis from A to Z, Accumulation/Distribution Line",
        inputs=("high", "low", "close", "volume"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the sum"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (window_sum(money_flow(), period),),
        differences="AD accumulates from the first bar of the series; this is AD less AD `period` bars before.",
    )
)

"""Mean of a moving window."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of, window_means
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"mean of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh = series[g, FIRST], series[g, FRESH]
        window_means(close, first, series[g, STOP], series[g, SEEN] - (fresh - first), period, out)


ROLLING_MEAN = register(
    Indicator(
        name="rolling_mean",
        title="Rolling mean",
        description="Mean of the last closes, of the same window as the other rolling statistics. The same as `sma`.",
        source="Kendall, Stuart & Ord (1987), Kendall's Advanced Theory of Statistics, volume 1, chapter 2",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),),
        outputs=_outputs,
        lookback=lambda period: period - 1,
        context=context_of,
        kernel=_kernel,
        specification=lambda period: (pl.col("close").rolling_mean(period),),
    )
)

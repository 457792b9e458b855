"""Quantile of a moving window."""

import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, STOP
from tradepipe.indicators.kernels.quantiles import Floats, window_quantiles
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int, quantile: float) -> tuple[Output, ...]:
    text = f"{quantile:g} quantile of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, period: int, quantile: float, out: Floats) -> None:
    for g in range(len(series)):
        window_quantiles(close, series[g, FIRST], series[g, STOP], period, quantile, out)


ROLLING_QUANTILE = register(
    Indicator(
        name="rolling_quantile",
        title="Rolling quantile",
        description="Quantile of the last closes, in proportion between the two neighbours where it falls between "
        "them: type 7 of Hyndman and Fan, the default of numpy and pandas. 0.5 is the median.",
        source="Hyndman & Fan (1996), The American Statistician 50:4, Sample quantiles in statistical packages",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the window"),
            Parameter("quantile", float, 0.5, minimum=0, maximum=1, description="share of the closes below"),
        ),
        outputs=_outputs,
        lookback=lambda period, quantile: period - 1,
        context=lambda period, quantile: period - 1,
        kernel=_kernel,
        specification=lambda period, quantile: (
            pl.col("close").rolling_quantile(quantile, interpolation="linear", window_size=period),
        ),
    )
)

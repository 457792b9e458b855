"""Returns from one bar to the next."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, STOP
from tradepipe.indicators.kernels.logarithms import blank_unpriced
from tradepipe.indicators.kernels.windows import Floats
from tradepipe.indicators.kernels.windows import log_return as log_return_between
from tradepipe.indicators.model import Indicator, Memory, Output, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import log_return


def _outputs(_label: str) -> tuple[Output, ...]:
    return (
        Output(
            "simple_return",
            "close over the close before, minus 1",
            unit="fraction per bar",
            precision=pl.Float64,
            warm_up=1,
            minimum=-1,
            exclusive=True,
        ),
        Output(
            "log_return",
            "natural logarithm of close over the close before",
            unit="log return per bar",
            precision=pl.Float64,
            warm_up=1,
        ),
    )


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, simple: Floats, log: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        if first == fresh:
            simple[fresh] = np.nan
            log[fresh] = np.nan
            fresh += 1
        for i in range(fresh, stop):
            simple[i] = (close[i] - close[i - 1]) / close[i - 1]
            log[i] = log_return_between(close[i], close[i - 1])
        blank_unpriced(close, first, stop, 2, simple)
        blank_unpriced(close, first, stop, 2, log)


def _specification() -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    priced = (close > 0) & (close.shift(1) > 0)
    return pl.when(priced).then(close.diff() / close.shift(1)), log_return(close)


RETURNS = register(
    Indicator(
        name="returns",
        title="Returns",
        description="Return of the close over one bar, simple and logarithmic. Prices are as the bars give them: "
        "dividends and splits show unless the bars are adjusted. Null from and to a price of 0 or below.",
        source="Campbell, Lo & MacKinlay (1997), The Econometrics of Financial Markets, section 1.4",
        inputs=("close",),
        parameters=(),
        outputs=_outputs,
        lookback=lambda: 1,
        context=lambda: 1,
        kernel=_kernel,
        specification=_specification,
    )
)

"""How far prices move for the money that is traded."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.sums import Floats, window_sums
from tradepipe.indicators.kernels.windows import context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import over_windows

MILLION = 1e6


def _illiquidity(impacts: Floats) -> Floats:
    known = ~np.isnan(impacts)
    means: Floats = np.where(known, impacts, 0).sum(axis=1) / known.sum(axis=1)
    return means


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"mean of |return| per million of turnover of the last {period} bars, those without turnover left out"
    return (Output(label, text, unit="fraction per million of price currency", warm_up=period, minimum=0),)


@compiled
def _kernel(series: Series, _memory: Memory, close: Floats, volume: Floats, period: int, out: Floats) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        count, position = stop - first - 1, series[g, SEEN] - (fresh - first)
        impacts, traded = np.zeros(count), np.zeros(count)
        for i in range(count):
            before, price, amount = close[first + i], close[first + i + 1], volume[first + i + 1]
            if before > 0.0 and price > 0.0 and amount > 0.0:
                impacts[i] = MILLION * abs(price - before) / before / (price * amount)
                traded[i] = 1.0
        out[first] = np.nan
        window_sums(impacts, 0, count, position, period, out[first + 1 : stop])
        window_sums(traded, 0, count, position, period, impacts)
        for i in range(count):
            out[first + i + 1] /= impacts[i]


def _specification(period: int) -> tuple[pl.Expr, ...]:
    close, before, volume = pl.col("close"), pl.col("close").shift(1), pl.col("volume")
    impact = MILLION * ((close - before) / before).abs() / (close * volume)
    traded = pl.when((volume > 0) & (close > 0) & (before > 0)).then(impact)
    # Without its first row, which has no return.
    return (pl.when(pl.int_range(pl.len()) >= period).then(over_windows(_illiquidity, traded, period=period)),)


AMIHUD = register(
    Indicator(
        name="amihud",
        title="Amihud illiquidity",
        description="Mean of |simple return| / (close * volume), times a million as Amihud has it. A bar without "
        "turnover (no volume, or a price of 0 or below) has no ratio and is left out; null when there is no other.",
        source="Amihud (2002), Journal of Financial Markets 5:1, Illiquidity and stock returns",
        inputs=("close", "volume"),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        context=lambda period: context_of(period) + 1,
        kernel=_kernel,
        specification=_specification,
    )
)

"""What the candle patterns share: the words of their specifications, and how one is declared."""

from collections.abc import Callable

import polars as pl

from tradepipe.compiling import Compiled
from tradepipe.indicators.model import Indicator, Output, Parameter, Value

open_, high, low, close = (pl.col(name) for name in ("open", "high", "low", "close"))
top, bottom = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
"""The ends of the real body."""
body, upper_shadow, lower_shadow = top - bottom, high - top, bottom - low
colour = pl.when(close >= open_).then(1).otherwise(-1)
"""1 white, -1 black. A candle that closes where it opened is white, as in TA-Lib."""
white, black = close >= open_, close < open_
mean_body = body.shift(1).rolling_mean(10)
mean_range = (high - low).shift(1).rolling_mean(10)
near = 0.2 * (high - low).shift(1).rolling_mean(5)
far = 0.6 * (high - low).shift(1).rolling_mean(5)

_BARS = ("open", "high", "low", "close")
_LONGEST = 14
_DIFFERENCES = (
    "TA-Lib gives 100 and -100, and 80 and -80 where two bodies share an end; here both are 1 and -1. TA-Lib "
    "compares lengths with running sums of binary fractions, so whether two lengths that are equal in decimals "
    "count as equal depends on rounding and on where the series begins. Here they always are, as in TA-Lib on prices "
    "in whole ticks."
)


def above(longer: pl.Expr, shorter: pl.Expr) -> pl.Expr:
    """Whether `longer` exceeds `shorter` by more than the rounding of prices: equal decimals do not."""
    return longer - shorter > 2.0**-42 * high.abs().rolling_max(_LONGEST, min_samples=1)


def pattern(
    name: str,
    title: str,
    description: str,
    *,
    warm_up: int,
    kernel: Compiled,
    signal: Callable[..., pl.Expr],
    source: str = "Nison (1991), Japanese Candlestick Charting Techniques",
    inputs: tuple[str, ...] = _BARS,
    penetration: float | None = None,
) -> Indicator:
    """A candle pattern as an indicator: 1, -1 or 0 a bar.

    Args:
        name: what a configuration calls it.
        title: its name in the literature.
        description: when it is 1 or -1.
        warm_up: candles before the first that can be judged; the kernel reads as many again.
        kernel: see `tradepipe.indicators.kernels`.
        signal: the readable definition, 1, -1 or 0; takes `penetration` if there is one.
        source: book.
        inputs: columns of the bars, in the kernel's order.
        penetration: default of the parameter of that name, for patterns that have it.
    """
    parameter = Parameter(
        "penetration", float, penetration or 0, minimum=0, maximum=1, description="how far into the first body to close"
    )

    def specification(**params: Value) -> tuple[pl.Expr, ...]:
        return (pl.when(pl.int_range(pl.len()) >= warm_up).then(signal(**params).cast(pl.Float64)),)

    def outputs(label: str, **_params: Value) -> tuple[Output, ...]:
        text = f"{title.lower()}: 1 bullish or white, -1 bearish or black, 0 none"
        return (Output(label, text, unit="signal: -1, 0 or 1", warm_up=warm_up, minimum=-1, maximum=1),)

    return Indicator(
        name=name,
        title=title,
        description=description,
        source=source,
        inputs=inputs,
        parameters=() if penetration is None else (parameter,),
        outputs=outputs,
        lookback=lambda **_: warm_up,
        context=lambda **_: warm_up,
        kernel=kernel,
        specification=specification,
        differences=_DIFFERENCES,
    )

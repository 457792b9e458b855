"""Volatility of returns."""

from dataclasses import dataclass, field
from math import log1p, nan, sqrt

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output, Parameter
from tradepipe.indicators.recurrences import WindowMoments
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import log_return


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"sample standard deviation of the last {period} close-to-close log returns"
    return (Output(label, text, unit="log return per bar, not annualised", warm_up=period, minimum=0),)


def _kernel() -> Kernel:
    from tradepipe.indicators.kernels import windows  # noqa: PLC0415 - numba

    return windows.realised_volatility


@dataclass
class _RealisedVolatility:
    period: int
    before: float | None = None
    window: WindowMoments = field(init=False)

    def __post_init__(self) -> None:
        self.window = WindowMoments(self.period)

    def update(self, close: float) -> tuple[float, ...]:
        before, self.before = self.before, close
        if before is None:
            return (nan,)
        _, squares = self.window.update(log1p((close - before) / before))
        return (sqrt(squares / (self.period - 1)),)


REALISED_VOLATILITY = register(
    Indicator(
        name="realised_volatility",
        title="Realised volatility, close to close",
        description="Sample standard deviation (divided by period - 1) of close-to-close log returns, per bar: "
        "multiply by the square root of the bars in a year to annualise.",
        source="Hull (2017), Options, Futures, and Other Derivatives, section 15.4",
        inputs=("close",),
        parameters=(Parameter("period", int, 20, minimum=2, maximum=2000, description="returns in the window"),),
        outputs=_outputs,
        lookback=lambda period: period,
        kernel=_kernel,
        specification=lambda period: (log_return(pl.col("close")).rolling_std(period, ddof=1),),
        recurrence=_RealisedVolatility,
    )
)

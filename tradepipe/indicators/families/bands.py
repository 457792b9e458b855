"""Bands around a moving average."""

from dataclasses import dataclass, field
from math import sqrt

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output, Parameter
from tradepipe.indicators.recurrences import WindowMoments
from tradepipe.indicators.registry import register


def _outputs(label: str, period: int, width: float) -> tuple[Output, ...]:
    unit, warm_up, reach = "price currency", period - 1, f"{width:g} population standard deviations"
    middle = f"simple mean of the last {period} closes"
    return (
        Output(f"{label}_lower", f"{middle}, minus {reach}", unit, warm_up),
        Output(f"{label}_middle", middle, unit, warm_up, minimum=0, exclusive=True),
        Output(f"{label}_upper", f"{middle}, plus {reach}", unit, warm_up, minimum=0, exclusive=True),
    )


def _kernel() -> Kernel:
    from tradepipe.indicators.kernels import windows  # noqa: PLC0415 - numba

    return windows.bollinger


def _specification(period: int, width: float) -> tuple[pl.Expr, ...]:
    close = pl.col("close")
    middle, reach = close.rolling_mean(period), width * close.rolling_std(period, ddof=0)
    return middle - reach, middle, middle + reach


@dataclass
class _Bollinger:
    period: int
    width: float
    window: WindowMoments = field(init=False)

    def __post_init__(self) -> None:
        self.window = WindowMoments(self.period)

    def update(self, close: float) -> tuple[float, ...]:
        middle, squares = self.window.update(close)
        reach = self.width * sqrt(squares / self.period)
        return middle - reach, middle, middle + reach


BOLLINGER = register(
    Indicator(
        name="bollinger",
        title="Bollinger bands",
        description="Simple mean of the last closes and `width` standard deviations to either side. The standard "
        "deviation is the population's (divided by `period`), as Bollinger and TA-Lib have it.",
        source="Bollinger (2001), Bollinger on Bollinger Bands, chapter 7",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 20, minimum=2, maximum=2000, description="bars in the mean and the deviation"),
            Parameter("width", float, 2.0, minimum=0.1, maximum=10, description="standard deviations to either side"),
        ),
        outputs=_outputs,
        lookback=lambda period, width: period - 1,  # noqa: ARG005 - called by name
        kernel=_kernel,
        specification=_specification,
        recurrence=_Bollinger,
    )
)

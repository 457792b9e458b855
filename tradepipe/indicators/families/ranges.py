"""Range: how far prices travel within and between bars."""

from dataclasses import dataclass, field
from math import nan

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output, Parameter
from tradepipe.indicators.recurrences import SeededAverage
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_lookback, wilder_average


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"Wilder's {period}-bar average of the true range"
    return (Output(label, text, unit="price currency", warm_up=period, minimum=0),)


def _kernel() -> Kernel:
    from tradepipe.indicators.kernels import recursions  # noqa: PLC0415 - numba

    return recursions.atr


def _specification(period: int) -> tuple[pl.Expr, ...]:
    high, low, before = pl.col("high"), pl.col("low"), pl.col("close").shift(1)
    true_range = pl.max_horizontal(high - low, (high - before).abs(), (low - before).abs())
    return (wilder_average(true_range, period),)


@dataclass
class _Atr:
    period: int
    before: float | None = None
    average: SeededAverage = field(init=False)

    def __post_init__(self) -> None:
        self.average = SeededAverage(self.period, 1 / self.period)

    def update(self, high: float, low: float, close: float) -> tuple[float, ...]:
        before, self.before = self.before, close
        if before is None:
            return (nan,)
        return (self.average.update(max(high - low, abs(high - before), abs(low - before))),)


ATR = register(
    Indicator(
        name="atr",
        title="Average true range",
        description="Wilder's average of the true range: the widest of high - low, |high - close before| and "
        "|low - close before|. As in TA-Lib the first bar, which has no close before, has no true range, and the seed "
        "is the simple mean of the next `period`; Wilder and StockCharts count high - low of the first bar.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section III",
        inputs=("high", "low", "close"),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the average"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 1 / period),
        kernel=_kernel,
        specification=_specification,
        recurrence=_Atr,
    )
)

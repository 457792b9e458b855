"""Momentum: how one-sided recent changes were."""

from dataclasses import dataclass, field
from math import nan

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output, Parameter
from tradepipe.indicators.recurrences import SeededAverage
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_lookback, wilder_average


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"share of gains in Wilder's {period}-bar averages of gains and losses; null while nothing ever moved"
    return (Output(label, text, unit="points", warm_up=period, minimum=0, maximum=100),)


def _kernel() -> Kernel:
    from tradepipe.indicators.kernels import recursions  # noqa: PLC0415 - numba

    return recursions.rsi


def _specification(period: int) -> tuple[pl.Expr, ...]:
    change = pl.col("close").diff()
    gain = wilder_average(change.clip(lower_bound=0), period)
    loss = wilder_average((-change).clip(lower_bound=0), period)
    return (100 * gain / (gain + loss),)


@dataclass
class _Rsi:
    period: int
    before: float | None = None
    gain: SeededAverage = field(init=False)
    loss: SeededAverage = field(init=False)

    def __post_init__(self) -> None:
        self.gain = SeededAverage(self.period, 1 / self.period)
        self.loss = SeededAverage(self.period, 1 / self.period)

    def update(self, close: float) -> tuple[float, ...]:
        before, self.before = self.before, close
        if before is None:
            return (nan,)
        gain, loss = self.gain.update(max(close - before, 0.0)), self.loss.update(max(before - close, 0.0))
        return (100.0 * (gain / (gain + loss)) if gain + loss != 0.0 else nan,)


RSI = register(
    Indicator(
        name="rsi",
        title="Relative strength index",
        description="100 * average gain / (average gain + average loss), with Wilder's averages seeded by the simple "
        "mean of the first `period` changes, as in TA-Lib. 100 when there was no loss, 0 when there was no gain. "
        "While no price has changed since the series began the index is 0/0: null here, 0 in TA-Lib.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section VI",
        inputs=("close",),
        parameters=(Parameter("period", int, 14, minimum=2, maximum=2000, description="bars in the averages"),),
        outputs=_outputs,
        lookback=lambda period: seeded_lookback(period, 1 / period),
        kernel=_kernel,
        specification=_specification,
        recurrence=_Rsi,
    )
)

"""Moving averages of the close."""

from dataclasses import dataclass, field

import polars as pl

from tradepipe.indicators.model import Indicator, Kernel, Output, Parameter
from tradepipe.indicators.recurrences import SeededAverage, WindowMoments
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average, seeded_lookback

_PERIOD = Parameter("period", int, default=20, minimum=2, maximum=2000, description="bars in the average")


def _sma_outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"simple mean of the last {period} closes"
    return (Output(label, text, unit="price currency", warm_up=period - 1, minimum=0, exclusive=True),)


def _sma_kernel() -> Kernel:
    from tradepipe.indicators.kernels import windows  # noqa: PLC0415 - numba

    return windows.sma


@dataclass
class _Sma:
    period: int
    window: WindowMoments = field(init=False)

    def __post_init__(self) -> None:
        self.window = WindowMoments(self.period)

    def update(self, close: float) -> tuple[float, ...]:
        return self.window.update(close)[:1]


SMA = register(
    Indicator(
        name="sma",
        title="Simple moving average",
        description="Arithmetic mean of the last closes, each with the same weight.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(_PERIOD,),
        outputs=_sma_outputs,
        lookback=lambda period: period - 1,
        kernel=_sma_kernel,
        specification=lambda period: (pl.col("close").rolling_mean(period),),
        recurrence=_Sma,
    )
)


def _ema_weight(period: int) -> float:
    return 2 / (period + 1)


def _ema_outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"exponential mean of closes with weight 2 / {period + 1}"
    return (Output(label, text, unit="price currency", warm_up=period - 1, minimum=0, exclusive=True),)


def _ema_kernel() -> Kernel:
    from tradepipe.indicators.kernels import recursions  # noqa: PLC0415 - numba

    return recursions.ema


@dataclass
class _Ema:
    period: int
    average: SeededAverage = field(init=False)

    def __post_init__(self) -> None:
        self.average = SeededAverage(self.period, _ema_weight(self.period))

    def update(self, close: float) -> tuple[float, ...]:
        return (self.average.update(close),)


EMA = register(
    Indicator(
        name="ema",
        title="Exponential moving average",
        description="Recursive mean in which each bar weighs 2 / (period + 1) and older ones fade. "
        "Seeded, as in TA-Lib, with the simple mean of the first `period` closes.",
        source="Murphy (1999), Technical Analysis of the Financial Markets, chapter 9",
        inputs=("close",),
        parameters=(_PERIOD,),
        outputs=_ema_outputs,
        lookback=lambda period: seeded_lookback(period - 1, _ema_weight(period)),
        kernel=_ema_kernel,
        specification=lambda period: (
            seeded_average(pl.col("close"), period, _ema_weight(period), seed_row=period - 1),
        ),
        recurrence=_Ema,
    )
)

"""What holding a perpetual future costs."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of, window_means
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register

DAYS_A_YEAR = 365


def _outputs(label: str, period: int, bars: int, payments: int) -> tuple[Output, ...]:
    window, unit = f"over the last {period} bars, {bars} a payment", "fraction of notional"
    return (
        Output(f"{label}_rate", "rate of the last payment known at the close", f"{unit} a payment", warm_up=0),
        Output(f"{label}_accrued", f"what long holders paid {window}", unit, warm_up=period - 1),
        Output(
            f"{label}_annualised",
            f"mean rate {window}, times {payments} payments a day and {DAYS_A_YEAR} days, not compounded",
            f"{unit} a year",
            warm_up=period - 1,
        ),
    )


@compiled
def _kernel(
    series: Series,
    _memory: Memory,
    rates: Floats,
    period: int,
    bars: int,
    payments: int,
    rate: Floats,
    accrued: Floats,
    annualised: Floats,
) -> None:
    for g in range(len(series)):
        first, fresh, stop = series[g, FIRST], series[g, FRESH], series[g, STOP]
        mean = np.empty(stop - first)
        window_means(rates[first:stop], 0, stop - first, series[g, SEEN] - (fresh - first), period, mean)
        for i in range(fresh, stop):
            rate[i] = rates[i]
            accrued[i] = mean[i - first] * period / bars
            annualised[i] = mean[i - first] * payments * DAYS_A_YEAR


def _specification(period: int, bars: int, payments: int) -> tuple[pl.Expr, ...]:
    rate = pl.col("funding_rate")
    return rate, rate.rolling_sum(period) / bars, rate.rolling_mean(period) * payments * DAYS_A_YEAR


FUNDING = register(
    Indicator(
        name="funding",
        title="Funding",
        description="The last funding rate that was known, what it adds up to over a window and what that is a year. "
        "Longs pay where it is positive, and are paid where it is negative. Each bar bears the share `1 / bars` of "
        "the last payment, so a window of whole payments holds each of them once, from the bar it was known at on.",
        source="Ackerer, Hugonnier & Jermann (2024), Perpetual Futures Pricing, NBER working paper 32936",
        inputs=("funding_rate",),
        parameters=(
            Parameter("period", int, 24, minimum=2, maximum=20000, description="bars in the window"),
            Parameter("bars", int, 8, minimum=1, maximum=1440, description="bars from one payment to the next"),
            Parameter("payments", int, 3, minimum=1, maximum=24, description="payments a day"),
        ),
        outputs=_outputs,
        lookback=lambda period, bars, payments: period - 1,
        context=lambda period, bars, payments: context_of(period),
        kernel=_kernel,
        specification=_specification,
    )
)

"""Moving average convergence/divergence."""

import numpy as np
import polars as pl

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.cascades import cascade_lookback, seeded_step
from tradepipe.indicators.kernels.recursions import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import seeded_average


@compiled
def _kernel(
    series: Series,
    memory: Memory,
    close: Floats,
    fast: int,
    slow: int,
    signal: int,
    line: Floats,
    trigger: Floats,
    histogram: Floats,
) -> None:
    """Memory: the fast, the slow and the signal average (sums until their seeds)."""
    fast_weight, slow_weight, signal_weight = 2.0 / (fast + 1), 2.0 / (slow + 1), 2.0 / (signal + 1)
    for g in range(len(series)):
        seen, slot = series[g, SEEN], series[g, SLOT]
        row, stop = series[g, FRESH], series[g, STOP]
        quick, calm, smooth = memory[slot, 0], memory[slot, 1], memory[slot, 2]
        while row < stop and seen < slow + signal - 1:
            quick = seeded_step(quick, close[row], seen - (slow - fast), fast, fast_weight)
            calm = seeded_step(calm, close[row], seen, slow, slow_weight)
            smooth = seeded_step(smooth, quick - calm, seen - (slow - 1), signal, signal_weight)
            ready = seen == slow + signal - 2
            line[row] = quick - calm if ready else np.nan
            trigger[row] = smooth if ready else np.nan
            histogram[row] = quick - calm - smooth if ready else np.nan
            seen += 1
            row += 1
        for i in range(row, stop):
            quick += fast_weight * (close[i] - quick)
            calm += slow_weight * (close[i] - calm)
            between = quick - calm
            smooth += signal_weight * (between - smooth)
            line[i] = between
            trigger[i] = smooth
            histogram[i] = between - smooth
        memory[slot, 0], memory[slot, 1], memory[slot, 2] = quick, calm, smooth


def _outputs(label: str, fast: int, slow: int, signal: int) -> tuple[Output, ...]:
    unit, warm_up = "price currency", slow + signal - 2
    return (
        Output(f"{label}_line", f"{fast}-bar minus {slow}-bar exponential mean of closes", unit, warm_up),
        Output(f"{label}_signal", f"{signal}-bar exponential mean of the line", unit, warm_up),
        Output(f"{label}_histogram", "line minus signal", unit, warm_up),
    )


def _specification(fast: int, slow: int, signal: int) -> tuple[pl.Expr, ...]:
    row, seed_row = pl.int_range(pl.len()), slow + signal - 2
    quick = seeded_average(pl.col("close"), fast, 2 / (fast + 1), seed_row=slow - 1)
    calm = seeded_average(pl.col("close"), slow, 2 / (slow + 1), seed_row=slow - 1)
    line = quick - calm
    smooth = seeded_average(line, signal, 2 / (signal + 1), seed_row=seed_row)
    return pl.when(row >= seed_row).then(line), smooth, line - smooth


def _refuses(fast: int, slow: int, signal: int) -> str:  # noqa: ARG001 - parameters come by name
    return "" if fast < slow else f"fast must be below slow, not {fast} to {slow}; give the shorter average first"


MACD = register(
    Indicator(
        name="macd",
        title="Moving average convergence/divergence",
        description="Difference of a fast and a slow exponential mean of closes, with an exponential mean of that "
        "difference as its signal. As in TA-Lib both means are seeded at the slow one's first bar: the fast one with "
        "the simple mean of the last `fast` closes up to it, and so is the signal with its first `signal` values; all "
        "three outputs begin with the signal.",
        source="Appel (2005), Technical Analysis: Power Tools for Active Investors",
        inputs=("close",),
        parameters=(
            Parameter("fast", int, 12, minimum=2, maximum=2000, description="bars in the fast average"),
            Parameter("slow", int, 26, minimum=3, maximum=2000, description="bars in the slow average"),
            Parameter("signal", int, 9, minimum=2, maximum=2000, description="bars in the signal"),
        ),
        outputs=_outputs,
        lookback=lambda fast, slow, signal: cascade_lookback(max(fast, slow), 1) + cascade_lookback(signal, 1),
        memory=lambda fast, slow, signal: 3,
        kernel=_kernel,
        specification=_specification,
        differences="TA-Lib exchanges the periods when the fast one is above the slow one; here that is refused.",
        refuses=_refuses,
    )
)

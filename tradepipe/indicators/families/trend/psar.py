"""Parabolic stop and reverse."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.recursions import Floats
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import loop_of


@compiled
def _kernel(
    series: Series, memory: Memory, high: Floats, low: Floats, step: float, maximum: float, out: Floats, sign: Floats
) -> None:
    """Memory: direction, stop of the next bar, extreme, acceleration, high and low of the bar before."""
    for g in range(len(series)):
        row, stop, seen, slot = series[g, FRESH], series[g, STOP], series[g, SEEN], series[g, SLOT]
        up, turn, extreme, pace = memory[slot, 0] > 0.0, memory[slot, 1], memory[slot, 2], memory[slot, 3]
        high_before, low_before = memory[slot, 4], memory[slot, 5]
        if seen == 0:
            out[row] = np.nan
            sign[row] = np.nan
            high_before, low_before = high[row], low[row]
            row += 1
            seen += 1
        if seen == 1 and row < stop:
            fall = low_before - low[row]
            up = not (fall > 0.0 and fall > high[row] - high_before)
            turn, extreme, pace = (low_before, high[row], step) if up else (high_before, low[row], step)
            high_before, low_before = high[row], low[row]
        for i in range(row, stop):
            top, bottom = high[i], low[i]
            highest, lowest = max(top, high_before), min(bottom, low_before)
            if (up and bottom <= turn) or (not up and top >= turn):
                up = not up
                turn, pace, extreme = (min(extreme, lowest), step, top) if up else (max(extreme, highest), step, bottom)
            out[i] = turn
            sign[i] = 1.0 if up else -1.0
            if up:
                if top > extreme:
                    extreme, pace = top, min(pace + step, maximum)
                turn = min(turn + pace * (extreme - turn), lowest)
            else:
                if bottom < extreme:
                    extreme, pace = bottom, min(pace + step, maximum)
                turn = max(turn + pace * (extreme - turn), highest)
            high_before, low_before = top, bottom
        memory[slot, 0] = 1.0 if up else -1.0
        memory[slot, 1], memory[slot, 2], memory[slot, 3] = turn, extreme, pace
        memory[slot, 4], memory[slot, 5] = high_before, low_before


def _outputs(label: str, step: float, maximum: float) -> tuple[Output, ...]:
    text = f"price at which the trend turns, each bar {step:g} to {maximum:g} of the way nearer to the trend's extreme"
    return (
        Output(label, text, unit="price currency", warm_up=1),
        Output(f"{label}_direction", "1 in a rising trend, -1 in a falling one", "sign", 1, minimum=-1, maximum=1),
    )


def _loop(step: float, maximum: float, high: Sequence[float], low: Sequence[float]) -> Iterator[tuple[float, float]]:
    rising, stop, extreme, acceleration = True, math.nan, math.nan, step
    for day in range(len(high)):
        if day == 0:
            yield math.nan, math.nan
            continue
        if day == 1:
            fell, rose = low[0] - low[1], high[1] - high[0]
            rising = not (fell > 0 and fell > rose)
            stop, extreme = (low[0], high[1]) if rising else (high[0], low[1])
        # The first bar gives the first stop; it is no yesterday that would also hold that stop back.
        highest, lowest = max(high[max(day - 1, 1) : day + 1]), min(low[max(day - 1, 1) : day + 1])
        touched = low[day] <= stop if rising else high[day] >= stop
        if touched:
            rising = not rising
            stop = min(extreme, lowest) if rising else max(extreme, highest)
            extreme, acceleration = (high[day] if rising else low[day]), step
        yield stop, 1.0 if rising else -1.0
        further = high[day] > extreme if rising else low[day] < extreme
        if further:
            extreme, acceleration = (high[day] if rising else low[day]), min(acceleration + step, maximum)
        stop += acceleration * (extreme - stop)
        stop = min(stop, lowest) if rising else max(stop, highest)


def _lookback(step: float, maximum: float) -> int:
    """Nearly half as much again as two starts needed at most until they turned together, on bars of 496 real series."""
    return math.ceil(10 + 4 / step + 4 / maximum)


def _refuses(step: float, maximum: float) -> str:
    return "" if step <= maximum else f"maximum must be at least step, not {maximum:g} to {step:g}; raise maximum"


PSAR = register(
    Indicator(
        name="psar",
        title="Parabolic stop and reverse",
        description="A stop that follows a trend: each bar it goes a part of the way to the trend's extreme, a part "
        "that grows by `step` with every new extreme up to `maximum`, and never past the prices of this bar and the "
        "one before. When a bar touches it the trend turns and the stop begins at the old trend's extreme. As in "
        "TA-Lib the trend begins falling when the second low fell by more than the second high rose, else rising, and "
        "the bar that turns has the new stop.",
        source="Wilder (1978), New Concepts in Technical Trading Systems, section II",
        inputs=("high", "low"),
        parameters=(
            Parameter("step", float, 0.02, minimum=0.005, maximum=1, description="first acceleration and its growth"),
            Parameter("maximum", float, 0.2, minimum=0.05, maximum=1, description="greatest acceleration"),
        ),
        outputs=_outputs,
        lookback=_lookback,
        memory=lambda step, maximum: 6,
        kernel=_kernel,
        specification=lambda step, maximum: loop_of(
            lambda high, low: _loop(step, maximum, high, low), "high", "low", outputs=2
        ),
        differences="TA-Lib lowers a step above the maximum to it; here that is refused. It has no direction.",
        refuses=_refuses,
        path_dependent=True,
    )
)

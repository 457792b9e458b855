"""Kaufman's adaptive moving average."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tradepipe.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import NEGLIGIBLE_WEIGHT, loop_of

FAST = 2 / (2 + 1)
SLOW = 2 / (30 + 1)


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, period: int, out: Floats) -> None:
    """Memory: the average."""
    tail, moves = np.empty(period + 1), np.empty(period)
    for g in range(len(series)):
        first, stop, seen, slot = series[g, FIRST], series[g, STOP], series[g, SEEN], series[g, SLOT]
        read, write = close[first:stop], out[first:stop]
        row, rows, average = series[g, FRESH] - first, stop - first, memory[slot, 0]
        while row < rows and seen < period:
            average = read[row]
            write[row] = np.nan
            row += 1
            seen += 1
        if row < rows:
            average = _adapted(read, row, seen, average, tail, moves, write)
        memory[slot, 0] = average


@compiled
def _adapted(read: Floats, row: int, seen: int, average: float, tail: Floats, moves: Floats, write: Floats) -> float:
    """Averages from `row` on, once there is a ratio. The moves are summed as tail and head, see `kernels.windows`."""
    period = len(moves)
    # Blocks begin at multiples of the period, counted from the series' first move, which is its second bar's.
    done = (seen - 1) % period
    start = max(row - done, 1)
    tail[:] = 0.0
    if seen > period:
        for k in range(period):
            moves[k] = abs(read[start - period + k] - read[start - period + k - 1])
        _add_up(moves, tail)
    now, before, result = read[start:], read[start - 1 :], write[start:]
    for block in range(0, len(now), period):
        head = 0.0
        for k in range(min(period, len(now) - block)):
            price = now[block + k]
            moves[k] = abs(price - before[block + k])
            head += moves[k]
            if block > 0 or k >= done:
                way = tail[k + 1] + head
                ratio = min(abs(price - read[start + block + k - period]) / way, 1.0) if way > 0.0 else 1.0
                weight = ratio * (FAST - SLOW) + SLOW
                average += weight * weight * (price - average)
                result[block + k] = average
        _add_up(moves, tail)
    return average


@compiled
def _add_up(moves: Floats, tail: Floats) -> None:
    """Into tail[k] the sum of the moves from k on; tail[period] stays what it is, nothing."""
    total = 0.0
    for k in range(len(moves) - 1, 0, -1):
        total += moves[k]
        tail[k] = total


def _outputs(label: str, period: int) -> tuple[Output, ...]:
    text = f"exponential mean of closes, the faster the straighter the last {period} moves were"
    return (Output(label, text, unit="price currency", warm_up=period),)


def _loop(period: int, close: Sequence[float]) -> Iterator[tuple[float]]:
    average = math.nan
    for row, price in enumerate(close):
        if row < period:
            average = price
            yield (math.nan,)
            continue
        window = close[row - period : row + 1]
        way = math.fsum(abs(after - before) for before, after in itertools.pairwise(window))
        efficiency = abs(price - window[0]) / way if way > 0 else 1.0
        weight = (efficiency * (FAST - SLOW) + SLOW) ** 2
        average += weight * (price - average)
        yield (average,)


def _lookback(period: int) -> int:
    """Bars until the seed has faded, at the weight of a random walk's mean efficiency 1 / sqrt(period), less a third.

    Real bars needed half to two thirds of it. Where nothing moves straight at all the slowest weight says how long.
    """
    weight = ((FAST - SLOW) / math.sqrt(period) + SLOW) ** 2 / 1.5
    return period + math.ceil(math.log(NEGLIGIBLE_WEIGHT) / math.log1p(-max(weight, SLOW**2)))


KAMA = register(
    Indicator(
        name="kama",
        title="Kaufman's adaptive moving average",
        description="Exponential mean whose weight is the square of a number between 2 / 31 and 2 / 3, as the "
        "efficiency ratio |change over the period| / sum of |changes| goes from 0 to 1. It starts, as in TA-Lib, from "
        "the close before the first bar with a ratio. Where no price moved in the window the ratio is 0/0 and "
        "taken for 1, as in TA-Lib. The more aimless the prices the longer the start is remembered.",
        source="Kaufman (1995), Smarter Trading",
        inputs=("close",),
        parameters=(
            Parameter("period", int, 10, minimum=2, maximum=2000, description="moves in the efficiency ratio"),
        ),
        outputs=_outputs,
        lookback=_lookback,
        context=lambda period: context_of(period) + 1,
        memory=lambda period: 1,
        kernel=_kernel,
        specification=lambda period: loop_of(lambda close: _loop(period, close), "close", outputs=1),
        differences="TA-Lib adds to and takes from one running sum of changes for the whole series, so it keeps the "
        "rounding of every price there ever was; here each window is summed anew.",
        path_dependent=True,
    )
)

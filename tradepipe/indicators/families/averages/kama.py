"""Kaufman's adaptive moving average."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tradepipe.indicators.compiling import compiled
from tradepipe.indicators.kernels import FIRST, FRESH, SEEN, SLOT, STOP
from tradepipe.indicators.kernels.windows import Floats, context_of
from tradepipe.indicators.model import Indicator, Memory, Output, Parameter, Series
from tradepipe.indicators.registry import register
from tradepipe.indicators.specifications import NEGLIGIBLE_WEIGHT, loop_of

FAST = 2 / (2 + 1)
SLOW = 2 / (30 + 1)


@compiled
def _kernel(series: Series, memory: Memory, close: Floats, period: int, out: Floats) -> None:
    """Memory: the average. The sums of moves are those of a tail and a head, as in `kernels.windows`."""
    tail = np.zeros(period + 1)
    for g in range(len(series)):
        first, stop, seen, slot = series[g, FIRST], series[g, STOP], series[g, SEEN], series[g, SLOT]
        read, write = close[first:stop], out[first:stop]
        row, rows, average = series[g, FRESH] - first, stop - first, memory[slot, 0]
        while row < rows and seen < period:
            average = read[row]
            write[row] = np.nan
            row += 1
            seen += 1
        while row < rows:
            # Blocks begin at multiples of the period, counted from the series' first move, which is its second bar's.
            done = (seen - 1) % period
            block, begin = row - done, row
            end = min(block + period, rows)
            total, head = 0.0, 0.0
            if seen > period:
                for k in range(period - 1, 0, -1):
                    total += abs(read[block - period + k] - read[block - period + k - 1])
                    tail[k] = total
            for i in range(block, begin):
                head += abs(read[i] - read[i - 1])
            for i in range(begin, end):
                head += abs(read[i] - read[i - 1])
                way = tail[i - block + 1] + head
                efficiency = min(abs(read[i] - read[i - period]) / way, 1.0) if way > 0.0 else 1.0
                weight = efficiency * (FAST - SLOW) + SLOW
                average += weight * weight * (read[i] - average)
                write[i] = average
            seen += end - begin
            row = end
        memory[slot, 0] = average


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

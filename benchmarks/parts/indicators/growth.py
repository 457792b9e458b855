"""How the time grows when a series becomes twice as long: no indicator may look at all the past for each bar."""

import numpy as np

from benchmarks.common.bars import Bars, Figure, paired, ratio_of, runs_of, walk
from tradepipe.indicators import BoundIndicator, indicators

# So many that neither length fits the second-level cache, nor is short enough to be learnt by branch prediction.
BARS, SYMBOLS = 4_000, 32
TARGET = 2.2
SUSPECTS = 5
# Prices of a wilder walk cross powers of ten the oftener the longer it is, where exact decimals cost more.
VOLATILITY = 0.001


def measure(*, quick: bool) -> dict[str, Figure]:
    """The largest time(2n) / time(n) of all registered indicators with their defaults."""
    rounds = 5 if quick else 11
    short = walk(SYMBOLS, BARS, VOLATILITY)
    long = _twice(short)

    def growth(bound: BoundIndicator, rounds: int) -> float:
        once, twice = paired(runs_of(bound, short), runs_of(bound, long), rounds=rounds)
        return ratio_of(twice, once)

    bounds = {bound.text: bound for bound in (indicator.bind() for indicator in indicators().values())}
    growths = {text: growth(bound, rounds) for text, bound in bounds.items()}
    # Of so many ratios the largest few owe it to noise, or do not: looked at longer, it shows.
    for text in sorted(growths, key=growths.__getitem__)[-SUSPECTS:]:
        growths[text] = growth(bounds[text], 8 * rounds)
    print(", ".join(f"{text} {growth:.2f}" for text, growth in growths.items()))
    worst = max(growths, key=growths.__getitem__)
    return {
        "time_of_twice_the_bars": {
            "measured": round(growths[worst], 2),
            "target": TARGET,
            "unit": "x",
            "peer": f"{worst} over {2 * BARS} bars against {BARS}, {len(growths)} indicators measured",
            "better": "lower",
        }
    }


def _twice(bars: Bars) -> Bars:
    """Each series followed by itself: what branches and rounding cost is then alike in both."""
    arrays = {}
    for name, array in bars.arrays.items():
        arrays[name] = np.tile(array.reshape(bars.symbols, -1), 2).ravel()
        arrays[name].flags.writeable = False
    return Bars(bars.name, arrays, 2 * bars.offsets)
